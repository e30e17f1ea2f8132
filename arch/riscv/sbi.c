/* Calls to the firmware: who made the processor, console, timer, reset.  Owns whether the firmware has the debug
 * console.  Spec: SBI 2.0, chapters 4 to 6, 10 and 12. */
#include "arch.h"

#include "log.h"
#include "paging.h"

#define SBI_LEGACY_SET_TIMER 0ull
#define SBI_LEGACY_PUTCHAR   1ull
#define SBI_LEGACY_GETCHAR   2ull
#define SBI_LEGACY_SHUTDOWN  8ull
#define SBI_BASE             0x10ull
#define SBI_DBCN             0x4442434eull
#define SBI_DBCN_READ        1ull
#define SBI_DBCN_WRITE_BYTE  2ull
#define SBI_TIME             0x54494d45ull
#define SBI_SRST             0x53525354ull

#define NEVER_TICKS (1ull << 27) /* seconds to minutes, as the timebase goes */

struct sbi_result {
    int64_t error;
    uint64_t value;
};

static struct sbi_result sbi_call(uint64_t extension, uint64_t function, uint64_t arg0,
                                  uint64_t arg1)
{
    register uint64_t a0 __asm__("a0") = arg0;
    register uint64_t a1 __asm__("a1") = arg1;
    register uint64_t a2 __asm__("a2") = 0; /* DBCN_READ: the address has no more bits */
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = extension;

    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
    return (struct sbi_result){(int64_t)a0, a1};
}

uint64_t arch_firmware_fact(enum firmware_fact fact)
{
    return sbi_call(SBI_BASE, fact, 0, 0).value;
}

void arch_console_put(char c)
{
    static bool is_legacy;

    if (!is_legacy && sbi_call(SBI_DBCN, SBI_DBCN_WRITE_BYTE, (uint8_t)c, 0).error != 0)
        is_legacy = true;
    if (is_legacy)
        sbi_call(SBI_LEGACY_PUTCHAR, 0, (uint8_t)c, 0);
}

int arch_console_get(void)
{
    static uint8_t byte;
    struct sbi_result got = sbi_call(SBI_DBCN, SBI_DBCN_READ, 1, paging_physical(&byte));

    if (got.error == 0)
        return got.value == 1 ? byte : -1;
    int64_t legacy = sbi_call(SBI_LEGACY_GETCHAR, 0, 0, 0).error;
    return legacy < 0 ? -1 : (int)legacy;
}

/* Never is not the end of time: an emulator whose clock leaps over idle time would leap there, and
 * its clock could count no further. */
void arch_timer_set(uint64_t deadline)
{
    if (deadline == UINT64_MAX)
        deadline = arch_time() + NEVER_TICKS;
    if (hart_self()->has_stimecmp)
        csr_write(CSR_STIMECMP, deadline);
    else if (sbi_call(SBI_TIME, 0, deadline, 0).error != 0)
        sbi_call(SBI_LEGACY_SET_TIMER, 0, deadline, 0);
}

void arch_power_off(bool failure)
{
    sbi_call(SBI_SRST, 0, 0, failure ? 1 : 0);
    log_write_line("halted%s", failure ? " by a failure" : "");
    sbi_call(SBI_LEGACY_SHUTDOWN, 0, 0, 0);
    for (;;)
        __asm__ volatile("wfi");
}
