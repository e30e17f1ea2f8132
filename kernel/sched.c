/* The scheduler.  A ready queue per priority and a mask of those that are not empty. */
#include "sched.h"

#include "arch.h"
#include "cap.h"
#include "irq.h"
#include "kernel.h"
#include "panic.h"
#include "timer.h"

static unsigned highest_bit(uint64_t mask)
{
    unsigned bit = 0;

    for (unsigned half = 32; half > 0; half /= 2) {
        if (mask >> half) {
            mask >>= half;
            bit += half;
        }
    }
    return bit;
}

static void push_back(struct hart *hart, struct tcb *thread)
{
    thread_queue_append(&hart->ready[thread->priority], thread);
    hart->ready_mask |= 1ull << thread->priority;
}

static void push_front(struct hart *hart, struct tcb *thread)
{
    struct thread_queue *queue = &hart->ready[thread->priority];

    thread->prev = NULL;
    thread->next = queue->head;
    if (queue->head != NULL)
        queue->head->prev = thread;
    else
        queue->tail = thread;
    queue->head = thread;
    hart->ready_mask |= 1ull << thread->priority;
}

void sched_remove(struct hart *hart, struct tcb *thread)
{
    struct thread_queue *queue = &hart->ready[thread->priority];

    thread_queue_remove(queue, thread);
    if (queue->head == NULL)
        hart->ready_mask &= ~(1ull << thread->priority);
}

void sched_ready(struct hart *hart, struct tcb *thread)
{
    const struct tcb *current = hart->current;

    thread->state = THREAD_READY;
    push_back(hart, thread);
    if (current == NULL || current->state != THREAD_READY || thread->priority > current->priority)
        hart->reschedule = true;
    else if (thread->priority == current->priority)
        timer_start_quantum(hart);
}

static void idle(struct hart *hart)
{
    uint64_t start = arch_cycles();

    while (hart->ready_mask == 0) {
        if (cap_empty_condemned() != FL_OK)
            continue; /* nobody may ever ask for the rest */
        unsigned pending = arch_wait_for_interrupt();

        if (pending & ARCH_PENDING_TIMER)
            timer_interrupt(hart);
        if (pending & ARCH_PENDING_EXTERNAL)
            irq_interrupt(hart);
    }
    hart->counter[FL_COUNTER_IDLE_CYCLES] += arch_cycles() - start;
}

void sched_run(struct hart *hart)
{
    struct tcb *current = hart->current;

    if (current != NULL && current->state == THREAD_READY) {
        if (hart->quantum_over)
            push_back(hart, current);
        else
            push_front(hart, current);
    }
    bool turn_ended = hart->quantum_over;
    unsigned priority = current != NULL ? current->priority : 0;
    if (current != NULL && current->state != THREAD_READY)
        turn_ended = true; /* it waits: what is left of its turn is not its peer's */
    hart->current = NULL;
    if (hart->ready_mask == 0)
        idle(hart);
    hart->reschedule = false;
    hart->quantum_over = false;

    struct tcb *next = hart->ready[highest_bit(hart->ready_mask)].head;
    sched_remove(hart, next);
    sched_dispatch(hart, next);
    if (turn_ended && priority == next->priority)
        hart->quantum_end = TIMER_NEVER;
    if (hart->ready[next->priority].head != NULL)
        timer_start_quantum(hart);
}

void sched_hand_over_slow(struct hart *hart, struct tcb *next)
{
    bool only_peers = hart->ready_mask >> next->priority == 1;

    /* The turn of this priority is still running: a fault or call in between does not end it. */
    if (only_peers && hart->quantum_end != TIMER_NEVER && !hart->reschedule) {
        sched_dispatch(hart, next);
        return;
    }
    push_back(hart, next);
    sched_run(hart);
}

void sched_quantum_end(struct hart *hart)
{
    hart->quantum_over = true;
    hart->reschedule = true;
}
