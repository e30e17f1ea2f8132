/* Fixed priorities, round robin among equals.  H1 of thread.h. */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include "arch.h"
#include "hart.h"

/* Makes a thread READY and queues it behind its peers; asks for a reschedule when it should run. */
void sched_ready(struct hart *hart, struct tcb *thread);
/* Takes a READY thread out of its queue (not the current one). */
void sched_remove(struct hart *hart, struct tcb *thread);
/* Picks the next thread and makes it current; idles while there is none. */
void sched_run(struct hart *hart);
/* The rest of sched_hand_over: somebody of its priority or above waits too. */
void sched_hand_over_slow(struct hart *hart, struct tcb *next);
/* The running thread's turn is over. */
void sched_quantum_end(struct hart *hart);

/* Makes a READY thread that is in no queue the current one. */
static inline void sched_dispatch(struct hart *hart, struct tcb *thread)
{
    hart->current = thread;
    if (hart->space != &thread->space->space)
        arch_load_space(hart, &thread->space->space);
    arch_fpu_switch(hart, thread);
}

/* The current thread waits now: run `next`, which is in no queue, or whoever goes before it. */
static inline void sched_hand_over(struct hart *hart, struct tcb *next)
{
    next->state = THREAD_READY;
    if (hart->ready_mask >> next->priority == 0 && !hart->reschedule)
        sched_dispatch(hart, next);
    else
        sched_hand_over_slow(hart, next);
}

static inline void sched_if_asked(struct hart *hart)
{
    if (hart->reschedule)
        sched_run(hart);
}

#endif
