/* Timers.  The armed ones are a heap (T1 of object.h); the firmware's timer stands at the earliest of
 * its first one and the end of the quantum, or at never.  Each hart has such a timer; one of them stands at the
 * heap's first deadline or before. */
#include "timer.h"

#include "arch.h"
#include "calls.h"
#include "ipc.h"
#include "sched.h"

#define NEVER                    TIMER_NEVER
#define QUANTUM_MIN_MICROSECONDS 1000u
#define QUANTUM_MAX_MICROSECONDS 1000000u
#define FIRE_STEP                32u /* timers that one interrupt signals; what is still due interrupts again */

/* Whether another hart's timer stands at this deadline or before it; that hart will look again then. */
static bool is_covered(const struct hart *hart, uint64_t deadline)
{
    for (unsigned i = 0; i < kernel.hart_count; i++) {
        if (i != hart->index && kernel.harts[i].timer_deadline <= deadline)
            return true;
    }
    return false;
}

static void program(struct hart *hart)
{
    const struct timer_node *first = timer_heap_first(&kernel.timers);
    uint64_t next = hart->quantum_end;

    if (first != NULL && first->deadline < next && !is_covered(hart, first->deadline))
        next = first->deadline;
    if (next != hart->timer_deadline) {
        hart->timer_deadline = next;
        arch_timer_set(next);
    }
}

static void disarm(struct timer_node *node)
{
    timer_heap_remove(&kernel.timers, node);
    node->deadline = 0;
}

void timer_arm(struct timer *timer, uint64_t deadline)
{
    if (timer->node.deadline != 0)
        disarm(&timer->node);
    if (deadline != 0) {
        timer->node.deadline = deadline;
        timer_heap_insert(&kernel.timers, &timer->node);
    }
    program(hart_self());
}

static uint64_t quantum_of(const struct tcb *thread)
{
    return thread->quantum_ticks != 0 ? thread->quantum_ticks : kernel.quantum_ticks;
}

void timer_start_quantum(struct hart *hart)
{
    if (hart->quantum_end != NEVER)
        return;
    hart->quantum_end = arch_time() + quantum_of(hart->current);
    hart->turn = hart->current;
    program(hart);
}

void timer_interrupt(struct hart *hart)
{
    uint64_t now = arch_time();

    for (unsigned i = 0; i < FIRE_STEP; i++) {
        struct timer_node *first = timer_heap_first(&kernel.timers);

        if (first == NULL || first->deadline > now)
            break;
        const struct timer *timer = timer_of(first);
        disarm(first);
        notification_set(timer->target.object, timer->target.badge != 0 ? timer->target.badge : 1);
    }
    if (hart->quantum_end <= now) {
        hart->quantum_end = NEVER;
        sched_quantum_end(hart);
    }
    hart->timer_deadline = 0; /* it has fired: set it anew in any case */
    program(hart);
}

struct outcome call_tcb_set_quantum(uint64_t slot, uint64_t sched_slot, uint64_t microseconds)
{
    const struct tcb *self = hart_self()->current;
    struct lookup found = cap_lookup(self, slot, FL_OBJECT_TCB, 0, 1);
    struct lookup sched = cap_lookup(self, sched_slot, FL_OBJECT_SCHED, 0, 2);

    if (found.cap == NULL || sched.cap == NULL)
        return (struct outcome){found.cap == NULL ? found.status : sched.status, 0};
    struct tcb *thread = found.cap->object;
    if (thread->priority > sched.cap->badge)
        return outcome_error(FL_OUT_OF_RANGE, 2);
    if (microseconds != 0 &&
        (microseconds < QUANTUM_MIN_MICROSECONDS || microseconds > QUANTUM_MAX_MICROSECONDS))
        return outcome_error(FL_OUT_OF_RANGE, 3);
    thread->quantum_ticks = microseconds * kernel.timebase_hz / 1000000;
    return outcome_ok(0);
}
