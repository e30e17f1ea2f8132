/* Structure offsets for assembly: compiled, never run; the build turns it into offsets.h. */
#include <stddef.h>

#include "calls.h"
#include "hart.h"
#include "panic.h"
#include "thread.h"

#define VALUE(name, value)         __asm__ volatile("\n.ascii \"->" #name " %0\"" ::"i"(value))
#define OFFSET(name, type, member) VALUE(name, offsetof(type, member))

void offsets(void);

void offsets(void)
{
    OFFSET(HART_CURRENT, struct hart, current);
    OFFSET(HART_STACK, struct hart, stack_end);
    OFFSET(HART_LOCK, struct hart, lock);
    OFFSET(HART_SAVED_T1, struct hart, saved_t1);
    OFFSET(TCB_REGS, struct tcb, regs);
    OFFSET(TCB_FULL, struct tcb, full_frame);
    OFFSET(PANIC_REGS, struct panic_frame, regs);
    VALUE(REGISTER_BYTES, sizeof(uint64_t));
    VALUE(OTHER_HARTS, HARTS_MAX - 1);
    VALUE(CALL_COUNT, FL_CALL_COUNT);
    VALUE(SYSCALL_PLAIN, SYSCALL_PLAIN);

    /* For the user side. */
    VALUE(UPCALL_AREA, FL_BUFFER + FL_UPCALL_WORD * sizeof(uint64_t));
    VALUE(UPCALL_BYTES, sizeof(struct fl_upcall));
    OFFSET(UPCALL_BUSY, struct fl_upcall, busy);
    OFFSET(UPCALL_PC, struct fl_upcall, pc);
    OFFSET(UPCALL_SP, struct fl_upcall, sp);
    OFFSET(UPCALL_LABEL, struct fl_upcall, label);
    VALUE(CALL_RESUME_UPCALL, FL_CALL_thread_resume_upcall);
}
