/* Fixed priorities over all harts, round robin among equals on each.  H1 and H5 of thread.h.
 *
 * A thread runs on the hart whose kernel entry made it ready, or where its floating-point registers are.
 * What would wait there goes to a hart that has nothing to do or runs a lower priority.  A hart that
 * needs a thread takes the highest of all queues, its own first among equals. */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include "arch.h"
#include "kernel.h"

/* `hart` is always the one that runs this. */

/* Makes a thread READY and queues it behind its peers; asks for a reschedule when it should run. */
void sched_ready(struct hart *hart, struct tcb *thread);
/* Takes a READY thread out of its queue (no hart's current one). */
void sched_remove(struct tcb *thread);
/* If another hart runs the thread, makes that one let go of it: it is in that hart's queue then, and all
 * its registers but those of floating point are in its TCB. */
void sched_pull(struct tcb *thread);
/* Picks the next thread and makes it current; idles while there is none. */
void sched_run(struct hart *hart);
/* The rest of sched_hand_over: a reschedule is due, or somebody of its priority or above waits too. */
void sched_hand_over_slow(struct hart *hart, struct tcb *next);
/* Nobody does, but one of the two uses floating point. */
void sched_hand_over_fpu(struct hart *hart, struct tcb *next);
/* The turn that the hart's quantum measures is over. */
void sched_quantum_end(struct hart *hart);
/* Whether H5 is broken. */
bool sched_somebody_waits_for_less(void);

/* Whether a thread's floating-point registers, if it has any, are in this hart or in its TCB. */
static inline bool sched_is_at_home(const struct hart *hart, const struct tcb *thread)
{
    return thread->fp_home == 0 || thread->fp_home == hart->index + 1;
}

static inline void sched_make_current(struct hart *hart, struct tcb *thread)
{
    hart->current = thread;
    if (hart->space != &thread->space->space)
        arch_load_space(hart, &thread->space->space);
}

/* Makes a READY thread that is in no queue the current one. */
static inline void sched_dispatch(struct hart *hart, struct tcb *thread)
{
    sched_make_current(hart, thread);
    arch_fpu_switch(hart, thread);
}

/* The current thread waits now: run `next`, which is in no queue, or whoever goes before it.  The usual way has no
 * call that comes back, so that it needs no stack frame. */
static inline void sched_hand_over(struct hart *hart, struct tcb *next)
{
    next->state = THREAD_READY;
    if (kernel.ready_mask >> next->priority != 0 || hart->reschedule)
        sched_hand_over_slow(hart, next);
    else if (hart->fpu_on || next->uses_fp)
        sched_hand_over_fpu(hart, next);
    else
        sched_make_current(hart, next);
}

static inline void sched_if_asked(struct hart *hart)
{
    if (hart->reschedule)
        sched_run(hart);
}

#endif
