/* Fixed priorities, round robin among equals.  H1 of thread.h. */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include "hart.h"

/* Makes a thread READY and queues it behind its peers; asks for a reschedule when it should run. */
void sched_ready(struct hart *hart, struct tcb *thread);
/* Takes a READY thread out of its queue (not the current one). */
void sched_remove(struct hart *hart, struct tcb *thread);
/* Picks the next thread and makes it current; idles while there is none. */
void sched_run(struct hart *hart);
/* The current thread waits now: run `next`, which is READY and in no queue, or whoever goes first.
 */
void sched_hand_over(struct hart *hart, struct tcb *next);
/* The running thread's turn is over. */
void sched_quantum_end(struct hart *hart);

static inline void sched_if_asked(struct hart *hart)
{
    if (hart->reschedule)
        sched_run(hart);
}

#endif
