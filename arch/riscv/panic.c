/* Panic reports.  Owns panic_frame, into which trap.S saves the kernel's registers. */
#include <stdarg.h>

#include "panic.h"

#include "arch.h"
#include "check.h"
#include "layout.h"
#include "lock.h"
#include "log.h"

extern const char image_start[], image_text_end[];
struct panic_frame panic_frame;

static const char *const cause_text[16] = {"instruction address misaligned",
                                           "instruction access fault",
                                           "illegal instruction",
                                           "breakpoint",
                                           "load address misaligned",
                                           "load access fault",
                                           "store address misaligned",
                                           "store access fault",
                                           "call from user mode",
                                           "call from supervisor mode",
                                           "reserved cause",
                                           "call from machine mode",
                                           "instruction page fault",
                                           "load page fault",
                                           "reserved cause",
                                           "store page fault"};

const char *trap_cause_text(uint64_t cause)
{
    if (cause & CAUSE_INTERRUPT)
        return "interrupt";
    return cause < 16 ? cause_text[cause] : "reserved cause";
}

static void print_registers(const uint64_t *registers)
{
    static const char names[32][4] = {"pc", "ra", "sp",  "gp",  "tp", "t0", "t1", "t2",
                                      "s0", "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
                                      "a6", "a7", "s2",  "s3",  "s4", "s5", "s6", "s7",
                                      "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

    for (unsigned i = 0; i < 32; i++)
        log_write("%s%s %lx", i % 4 == 0 ? "\n  " : "  ", names[i], registers[i]);
    log_write("\n");
}

/* Whether a word of the stack can be a return address: it lies in text, behind a call instruction
 * (jal or jalr that links to ra, or c.jalr).  Spec: RISC-V Unprivileged 20191213, 2.5 and 16.4. */
static bool is_return_address(uint64_t value)
{
    if (value % 2 != 0 || value < (uint64_t)(uintptr_t)image_start + 4 ||
        value >= (uint64_t)(uintptr_t)image_text_end)
        return false;
    const uint16_t *code = (const uint16_t *)(uintptr_t)value;
    uint32_t word = (uint32_t)code[-2] | (uint32_t)code[-1] << 16;
    bool jal_ra = (word & 0xfff) == 0x0ef;
    bool jalr_ra = (word & 0x7fff) == 0x00e7;
    bool c_jalr = (code[-1] & 0xf07f) == 0x9002 && (code[-1] & 0x0f80) != 0;
    return jal_ra || jalr_ra || c_jalr;
}

/* The kernel keeps no frame pointers: every word of the stack that can be a return address is
 * printed, innermost first; a few may be left over from calls that have returned. */
static void print_backtrace(uint64_t pc, uint64_t sp)
{
    uint64_t top = hart_self()->stack_end;
    unsigned printed = 0;

    log_write("backtrace: %lx", pc);
    if (sp < top - KERNEL_STACK_BYTES || sp > top)
        sp = top - KERNEL_STACK_BYTES;
    for (sp &= ~7ull; sp < top && printed < 24; sp += 8) {
        uint64_t value = *(const uint64_t *)(uintptr_t)sp;

        if (is_return_address(value)) {
            log_write(" %lx", value);
            printed++;
        }
    }
    log_write("\n");
}

static void begin(void)
{
    lock_stop_others(hart_self());
    log_write("\nfaultline: panic: ");
}

_Noreturn static void stop(void)
{
    log_write_line("the system has stopped");
    arch_power_off(true);
}

/* The breakpoint traps into trap.S, which saves the registers; panic_trap prints them and ends. */
void panic(const char *format, ...)
{
    va_list arguments;

    begin();
    va_start(arguments, format);
    log_write_list(format, arguments);
    va_end(arguments);
    for (;;)
        __asm__ volatile("ebreak");
}

void panic_thread(const struct tcb *thread, uint64_t cause, uint64_t value)
{
    begin();
    log_write("a thread that the system needs faulted: %s (cause %lu), value %lx",
              trap_cause_text(cause), cause, value);
    print_registers(thread->regs);
    stop();
}

void panic_trap(uint64_t cause, uint64_t value)
{
    static bool again;

    if (again)
        arch_power_off(true);
    again = true;
    if (cause != CAUSE_BREAKPOINT) {
        begin();
        log_write("the kernel trapped: %s (cause %lu), value %lx", trap_cause_text(cause), cause,
                  value);
    }
    print_registers(panic_frame.regs);
    print_backtrace(panic_frame.regs[REG_PC], panic_frame.regs[REG_SP]);
    stop();
}

void mm_assert_failed(const char *file, int line, const char *text)
{
    panic("%s:%d: assertion failed: %s", file, line, text);
}
