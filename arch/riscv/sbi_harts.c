/* Calls to the firmware that concern other harts: start, interrupt, fence.  The only place that knows their ids
 * by the firmware.  Owns nothing.  Spec: SBI 1.0, chapters 7, 8 and 9. */
#include "arch.h"
#include "kernel.h"
#include "mmu_hart.h"
#include "panic.h"

#define SBI_IPI           0x735049ull
#define SBI_RFENCE        0x52464e43ull
#define SBI_HSM           0x48534dull
#define HSM_START         0u
#define IPI_SEND          0u
#define HARTS_IN_ONE_CALL 64u

static int64_t sbi_call(uint64_t extension, uint64_t function, const uint64_t argument[5])
{
    register uint64_t a0 __asm__("a0") = argument[0];
    register uint64_t a1 __asm__("a1") = argument[1];
    register uint64_t a2 __asm__("a2") = argument[2];
    register uint64_t a3 __asm__("a3") = argument[3];
    register uint64_t a4 __asm__("a4") = argument[4];
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = extension;

    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1)
                     : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7)
                     : "memory");
    return (int64_t)a0;
}

int64_t arch_start_hart(uint64_t id, uint64_t physical_entry)
{
    return sbi_call(SBI_HSM, HSM_START, (const uint64_t[5]){id, physical_entry});
}

void arch_poke(const struct hart *hart)
{
    sbi_call(SBI_IPI, IPI_SEND, (const uint64_t[5]){1, hart->id});
}

/* One call takes harts whose ids are near each other; returns those of `harts` that are left. */
static uint64_t fence_some(uint64_t harts, enum remote_fence what, uint64_t argument[5])
{
    uint64_t base = UINT64_MAX, mask = 0, left = harts;

    for (unsigned i = 0; i < kernel.hart_count; i++) {
        if ((harts >> i & 1) != 0 && kernel.harts[i].id < base)
            base = kernel.harts[i].id;
    }
    for (unsigned i = 0; i < kernel.hart_count; i++) {
        uint64_t distance = kernel.harts[i].id - base;

        if ((harts >> i & 1) == 0 || distance >= HARTS_IN_ONE_CALL)
            continue;
        mask |= 1ull << distance;
        left &= ~(1ull << i);
    }
    argument[0] = mask;
    argument[1] = base;
    int64_t error = sbi_call(SBI_RFENCE, what, argument);
    if (error != 0)
        panic("no fence for harts %lx from %lx on: error %d", mask, base, (int)error);
    return left;
}

void arch_fence_harts(uint64_t harts, enum remote_fence what, uint64_t address, uint64_t bytes,
                      asid_t asid)
{
    uint64_t argument[5] = {0, 0, address, bytes, asid.value};

    while (harts != 0)
        harts = fence_some(harts, what, argument);
}
