/* Upcalls: a thread is made to run at its upcall entry, and finds in its message buffer where it
 * was.
 *
 * Life of an upcall:
 *
 *   tcb_upcall, or the answer UPCALL to a fault --> pending (label and words in the TCB)
 *   pending --the thread's next return to user mode--> carried out: pc, sp, a0..a7, t0..t6, label
 *       and words are in the save area, `busy` is set, the thread runs at its entry
 *   pending --tcb_start, tcb_set_upcall 0, end of the thread--> forgotten
 *
 * A thread that waits in a call keeps waiting, and a stopped one stays stopped: both have it pending.
 * At most one is pending (U1 of thread.h), and none becomes pending while `busy` is set.  What user
 * mode has to do is in arch/riscv/user/upcall.h.
 *
 * The save area is the program's own memory: other threads of it may change it at any time.  Each
 * word is read once, and any value will do. */
#ifndef KERNEL_UPCALL_H
#define KERNEL_UPCALL_H

#include "thread.h"

static inline bool upcall_is_pending(const struct tcb *thread)
{
    return (thread->full_frame & FRAME_UPCALL) != 0;
}

/* Whether the save area is in use, as far as the program says. */
static inline bool upcall_is_busy(const struct tcb *thread)
{
    return thread->buffer != NULL && *(const volatile uint64_t *)&thread->buffer[FL_UPCALL_WORD];
}

/* Whether a thread can be given an upcall: OK; NOT_READY: it lacks entry or buffer; BUSY: its save
 * area is in use, or an upcall is pending. */
enum fl_error upcall_check(const struct tcb *thread);

/* Makes an upcall pending; upcall_check said OK. */
void upcall_post(struct tcb *thread, uint64_t label, const uint64_t word[3]);

/* Carries out the pending upcall: the thread's frame becomes that of its entry.  Called by
 * trap_return only. */
void upcall_enter(struct tcb *thread);

#endif
