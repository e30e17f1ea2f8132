/* Timers.  One list in order of deadline (T1 of object.h); the firmware's timer stands at the
 * earliest of its head and the end of the quantum, or at never. */
#include "timer.h"

#include "arch.h"
#include "cap.h"
#include "ipc.h"
#include "sched.h"

#define NEVER     TIMER_NEVER
#define FIRE_STEP 32u /* timers that one interrupt signals; what is still due interrupts again */

static void program(struct hart *hart)
{
    uint64_t next = kernel.timers != NULL ? kernel.timers->deadline : NEVER;

    if (hart->quantum_end < next)
        next = hart->quantum_end;
    if (next != hart->timer_deadline) {
        hart->timer_deadline = next;
        arch_timer_set(next);
    }
}

static void unlink_timer(struct timer *timer)
{
    struct timer **link = &kernel.timers;

    while (*link != timer)
        link = &(*link)->next;
    *link = timer->next;
    timer->next = NULL;
    timer->deadline = 0;
}

void timer_arm(struct timer *timer, uint64_t deadline)
{
    if (timer->deadline != 0)
        unlink_timer(timer);
    if (deadline != 0) {
        struct timer **link = &kernel.timers;

        while (*link != NULL && (*link)->deadline <= deadline)
            link = &(*link)->next;
        timer->deadline = deadline;
        timer->next = *link;
        *link = timer;
    }
    program(hart_self());
}

void timer_start_quantum(struct hart *hart)
{
    if (hart->quantum_end != NEVER)
        return;
    hart->quantum_end = arch_time() + kernel.quantum_ticks;
    program(hart);
}

void timer_interrupt(struct hart *hart)
{
    uint64_t now = arch_time();

    for (unsigned i = 0; i < FIRE_STEP && kernel.timers != NULL; i++) {
        struct timer *timer = kernel.timers;

        if (timer->deadline > now)
            break;

        unlink_timer(timer);
        notification_set(timer->target.object, timer->target.badge != 0 ? timer->target.badge : 1);
    }
    if (hart->quantum_end <= now) {
        hart->quantum_end = NEVER;
        sched_quantum_end(hart);
    }
    hart->timer_deadline = 0; /* it has fired: set it anew in any case */
    program(hart);
}
