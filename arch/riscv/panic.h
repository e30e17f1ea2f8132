/* The end: what went wrong, registers, backtrace, power off. */
#ifndef ARCH_PANIC_H
#define ARCH_PANIC_H

#include <stdint.h>

struct tcb;

/* The kernel's registers at its own trap, numbered as in a TCB; trap.S fills them in. */
struct panic_frame {
    uint64_t regs[32];
};

/* A broken invariant of the kernel's own.  `format` as in log.h. */
_Noreturn __attribute__((format(printf, 1, 2))) void panic(const char *format, ...);
/* A fault of a thread that nobody handles and the system cannot do without. */
_Noreturn void panic_thread(const struct tcb *thread, uint64_t cause, uint64_t value);
/* From trap.S: the kernel trapped; registers are in panic_frame. */
_Noreturn void panic_trap(uint64_t cause, uint64_t value);
/* The trap cause in words.  Spec: RISC-V Privileged 1.12, table 4.2. */
const char *trap_cause_text(uint64_t cause);

#define KERNEL_ASSERT(condition) \
    ((condition) ? (void)0 : panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #condition))

#endif
