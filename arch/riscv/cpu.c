/* Features of processors: see cpu.h.
 *
 * An instruction or a register that a processor lacks traps: so each is run once with the trap caught, and believed as
 * far as its effect shows.
 * Spec: RISC-V Privileged 1.12, 4.1.10 (senvcfg); Sstc 1.0; CMO 1.0, 3.3. */
#include "cpu.h"

#include <string.h>

#include "arch.h"
#include "errata.h"
#include "types.h"

#define SENVCFG_CBZE (1ull << 7)

struct cpu_features cpu_features;

static uint8_t scratch[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));

/* Whether an instruction runs here; its operand %2 is `value`. */
#define RUNS(instruction, value)                                                         \
    ({                                                                                   \
        uint64_t ran_, vector_;                                                          \
        __asm__ volatile("lla %1, 1f\n\tcsrrw %1, stvec, %1\n\tli %0, 0\n\t" instruction \
                         "\n\tli %0, 1\n\t.balign 4\n1:\tcsrw stvec, %1"                 \
                         : "=&r"(ran_), "=&r"(vector_)                                   \
                         : "r"(value)                                                    \
                         : "memory");                                                    \
        ran_ != 0;                                                                       \
    })

/* How many bytes cbo.zero clears; 0 when they do not divide a page. */
static uint32_t measure_zero_block(void)
{
    uint32_t bytes = 0;

    memset(scratch, 1, PAGE_BYTES);
    cpu_zero_block(scratch);
    while (bytes < PAGE_BYTES && scratch[bytes] == 0)
        bytes++;
    return bytes != 0 && PAGE_BYTES % bytes == 0 ? bytes : 0;
}

bool cpu_start(struct hart *hart)
{
    static bool found;
    bool zeroes = RUNS(".insn i 0x0f, 2, zero, %2, 4", scratch); /* cbo.zero */
    struct cpu_identity identity = {arch_firmware_fact(FIRMWARE_CPU_VENDOR),
                                    arch_firmware_fact(FIRMWARE_CPU_ARCHITECTURE),
                                    arch_firmware_fact(FIRMWARE_CPU_IMPLEMENTATION)};

    cpu_features.value_is_short |= errata_value_is_short(&identity);
    cpu_features.fence_takes_all |= errata_fence_takes_all(&identity);
    hart->has_stimecmp = RUNS("csrr %0, " CSR_TEXT(CSR_STIMECMP), 0);
    if (!RUNS("csrw " CSR_TEXT(CSR_SENVCFG) ", %2", zeroes ? SENVCFG_CBZE : 0))
        zeroes = false;
    if (!found && zeroes)
        cpu_features.zero_block_bytes = measure_zero_block();
    found = true;
    return zeroes || cpu_features.zero_block_bytes == 0;
}
