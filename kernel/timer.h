/* Timers: absolute deadlines that signal a notification, and the running thread's quantum. */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include "hart.h"

#define TIMER_NEVER UINT64_MAX

static inline struct timer *timer_of(struct timer_node *node)
{
    return (struct timer *)(void *)((char *)node - offsetof(struct timer, node));
}

/* Arms a timer at an absolute `time`, or disarms it (0). */
void timer_arm(struct timer *timer, uint64_t deadline);
/* The hardware timer fired: signals what is due, ends the quantum if it is over. */
void timer_interrupt(struct hart *hart);
/* Threads of the running priority wait: end this turn one quantum from now, if no end is set yet.
 */
void timer_start_quantum(struct hart *hart);

#endif
