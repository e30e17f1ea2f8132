/* The scheduler.  Each hart has a ready queue per priority and a mask of those that are not empty. */
#include "sched.h"

#include "arch.h"
#include "cap.h"
#include "irq.h"
#include "kernel.h"
#include "panic.h"
#include "timer.h"

/* Position of the highest bit, plus one; 0 of 0. */
static unsigned bits_of(uint64_t mask)
{
    unsigned bits = 0;

#pragma GCC unroll 6
    for (unsigned half = 32; half > 0; half /= 2) {
        if (mask >> half) {
            mask >>= half;
            bits += half;
        }
    }
    return bits + (unsigned)mask; /* 1 by now, or 0 */
}

static uint64_t hart_bit(const struct hart *hart)
{
    return 1ull << hart->index;
}

static void note_queued(struct hart *hart, struct tcb *thread)
{
    hart->ready_mask |= 1ull << thread->priority;
    kernel.ready_mask |= 1ull << thread->priority;
    thread->queued_at = hart;
}

static void push_back(struct hart *hart, struct tcb *thread)
{
    thread_queue_append(&hart->ready[thread->priority], thread);
    note_queued(hart, thread);
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
    note_queued(hart, thread);
}

/* The last thread of a queue left it. */
static void note_empty(struct hart *hart, unsigned priority)
{
    uint64_t ready_mask = 0;

    hart->ready_mask &= ~(1ull << priority);
    for (unsigned i = 0; i < kernel.hart_count; i++)
        ready_mask |= kernel.harts[i].ready_mask;
    kernel.ready_mask = ready_mask;
}

void sched_remove(struct tcb *thread)
{
    struct hart *hart = thread->queued_at;
    struct thread_queue *queue = &hart->ready[thread->priority];

    thread_queue_remove(queue, thread);
    if (queue->head == NULL)
        note_empty(hart, thread->priority);
}

/* Takes the first thread of the highest priority out of a hart's queues, which are not empty. */
static struct tcb *pop_first(struct hart *hart)
{
    unsigned priority = bits_of(hart->ready_mask) - 1;
    struct thread_queue *queue = &hart->ready[priority];
    struct tcb *thread = thread_queue_pop(queue);

    if (queue->head == NULL)
        note_empty(hart, priority);
    return thread;
}

void sched_pull(struct tcb *thread)
{
    for (unsigned i = 0; i < kernel.hart_count; i++) {
        struct hart *hart = &kernel.harts[i];

        if (hart->current != thread || hart == hart_self())
            continue;
        arch_request(hart, REQUEST_LEAVE_THREAD);
        hart->current = NULL;
        push_front(hart, thread);
    }
}

/* --- which hart ------------------------------------------------------------------------------ */

/* The priority that a hart runs or is about to run, plus one; 0 = it has nothing to run. */
static unsigned level_of(const struct hart *hart)
{
    const struct tcb *current = hart->current;
    unsigned running =
        current != NULL && current->state == THREAD_READY ? current->priority + 1u : 0;
    unsigned waiting = bits_of(hart->ready_mask);

    return waiting > running ? waiting : running;
}

/* Where a thread that becomes ready shall run: where its floating-point registers are, or here; but a
 * hart without work comes first, and if it would have to wait, the hart that runs the least. */
static struct hart *choose_hart(struct hart *self, const struct tcb *thread)
{
    struct hart *best = thread->fp_home != 0 ? &kernel.harts[thread->fp_home - 1] : self;
    unsigned least = level_of(best);
    bool runs_there = least <= thread->priority;

    if (least == 0 || (runs_there && best == self))
        return best;
    if (!runs_there)
        least = thread->priority + 1u;
    for (unsigned i = 0; i < kernel.hart_count; i++) {
        unsigned level = level_of(&kernel.harts[i]);

        if (level < least && (level == 0 || !runs_there)) {
            least = level;
            best = &kernel.harts[i];
        }
    }
    return best;
}

/* Queues a thread for another hart and makes that hart look. */
static void hand_to(struct hart *hart, struct tcb *thread)
{
    bool asleep = (kernel.idle & hart_bit(hart)) != 0;
    bool runs = hart->current != NULL && !hart->reschedule;

    push_back(hart, thread);
    hart->reschedule = true;
    kernel.idle &= ~hart_bit(hart);
    if (asleep || runs)
        arch_poke(hart);
}

/* The hart whose queues hold the highest priority; this one, if another's is not higher. */
static struct hart *find_work(struct hart *hart)
{
    struct hart *best = hart;

    for (unsigned i = 0; i < kernel.hart_count; i++) {
        struct hart *other = &kernel.harts[i];

        if (bits_of(other->ready_mask) > bits_of(best->ready_mask))
            best = other;
    }
    return best;
}

/* The first thread of the highest priority in a hart's queues, which are not empty. */
static struct tcb *first_of(const struct hart *hart)
{
    return hart->ready[bits_of(hart->ready_mask) - 1].head;
}

/* What waits here goes to harts that sleep or run a lower priority (H5). */
static void spread(struct hart *hart)
{
    while (kernel.hart_count > 1 && hart->ready_mask != 0) {
        struct tcb *first = first_of(hart);
        struct hart *chosen = choose_hart(hart, first);

        if (chosen == hart)
            break;
        sched_remove(first);
        hand_to(chosen, first);
    }
}

/* A hart that takes a thread as soon as it gets the lock. */
static bool is_about_to_look(const struct hart *hart)
{
    return (kernel.idle & hart_bit(hart)) == 0 && (hart->current == NULL || hart->reschedule);
}

/* The highest priority that waits in a hart's queues, plus one, but for the first thread if that is all but taken. */
static unsigned level_left(const struct hart *hart)
{
    unsigned level = bits_of(hart->ready_mask);

    if (level == 0 || !is_about_to_look(hart) || hart->ready[level - 1].head->next != NULL)
        return level;
    return bits_of(hart->ready_mask & ~(1ull << (level - 1)));
}

bool sched_somebody_waits_for_less(void)
{
    unsigned least = FL_PRIORITIES, most = 0;

    for (unsigned i = 0; i < kernel.hart_count; i++) {
        const struct hart *hart = &kernel.harts[i];
        unsigned running = hart->current != NULL ? hart->current->priority + 1u : 0;
        unsigned left = level_left(hart);

        if (!is_about_to_look(hart) && running < least)
            least = running;
        if (left > most)
            most = left;
    }
    return most > least;
}

/* --- what runs ------------------------------------------------------------------------------- */

void sched_ready(struct hart *hart, struct tcb *thread)
{
    const struct tcb *current = hart->current;
    struct hart *chosen = kernel.hart_count > 1 ? choose_hart(hart, thread) : hart;

    thread->state = THREAD_READY;
    if (chosen != hart) {
        hand_to(chosen, thread);
        return;
    }
    push_back(hart, thread);
    if (current == NULL || current->state != THREAD_READY || thread->priority > current->priority)
        hart->reschedule = true;
    else if (thread->priority == current->priority)
        timer_start_quantum(hart);
}

static void take_interrupts(struct hart *hart, unsigned pending)
{
    if (pending & ARCH_PENDING_TIMER)
        timer_interrupt(hart);
    if (pending & ARCH_PENDING_EXTERNAL)
        irq_interrupt(hart);
}

/* Sleeps until something happens; the lock is free meanwhile.  A wake that makes no thread ready is part of the idle time:
 * an emulator whose clock leaps to the next timer wakes us as often as its host finds time for while a device works. */
static void idle(struct hart *hart)
{
    kernel.idle |= hart_bit(hart);
    if (kernel.idle == (1ull << kernel.hart_count) - 1 && kernel.idle_since == 0)
        kernel.idle_since = arch_cycles();
    unsigned pending = arch_wait_for_interrupt(hart, true);
    uint64_t woken = arch_cycles();
    kernel.idle &= ~hart_bit(hart);
    take_interrupts(hart, pending);
    if (kernel.idle_since != 0 && kernel.ready_mask != 0) {
        kernel.idle_cycles += woken - kernel.idle_since;
        kernel.idle_since = 0;
    }
}

/* A hart without a thread has none of one's registers in use, and no space: nobody interrupts it to get them
 * or to fence that. */
static void let_go(struct hart *hart)
{
    if (kernel.hart_count == 1)
        return;
    arch_fpu_leave(hart);
    if (hart->space != NULL)
        arch_leave_space(hart);
}

/* The next thread to run, out of all queues; waits for one. */
static struct tcb *take_next(struct hart *hart)
{
    while (kernel.ready_mask == 0) {
        let_go(hart);
        if (cap_empty_condemned() != FL_OK) /* nobody may ever ask for the rest */
            take_interrupts(hart, arch_wait_for_interrupt(hart, false));
        else if (kernel.ready_mask == 0) /* who waited in what was emptied may not any more */
            idle(hart);
    }
    return pop_first(kernel.hart_count > 1 ? find_work(hart) : hart);
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
    /* If it waits, what is left of its turn is not its peer's. */
    bool turn_ended = hart->quantum_over || (current != NULL && current->state != THREAD_READY);
    unsigned priority = current != NULL ? current->priority : 0;
    hart->current = NULL;
    struct tcb *next = take_next(hart);
    hart->reschedule = false;
    hart->quantum_over = false;
    sched_dispatch(hart, next);
    if (turn_ended && priority == next->priority)
        hart->quantum_end = TIMER_NEVER;
    spread(hart);
    if (hart->ready[next->priority].head != NULL)
        timer_start_quantum(hart);
}

void sched_hand_over_slow(struct hart *hart, struct tcb *next)
{
    bool goes_first = !hart->reschedule && kernel.ready_mask >> next->priority <= 1;
    bool peer_waits = hart->ready[next->priority].head != NULL;

    if (!sched_is_at_home(hart, next)) {
        sched_ready(hart, next);
    } else if (goes_first && (!peer_waits || hart->quantum_end != TIMER_NEVER)) {
        /* The turn of this priority is still running: a fault or call in between does not end it. */
        sched_dispatch(hart, next);
        return;
    } else {
        push_back(hart, next);
    }
    sched_run(hart);
}

void sched_hand_over_fpu(struct hart *hart, struct tcb *next)
{
    if (sched_is_at_home(hart, next))
        sched_dispatch(hart, next);
    else
        sched_hand_over_slow(hart, next);
}

/* The thread whose turn it is, if a higher priority has interrupted it: then it waits before its equals. */
static struct tcb *interrupted(const struct hart *hart)
{
    const struct tcb *current = hart->current;

    if (current == NULL || hart->ready[current->priority].head != NULL)
        return NULL;
    unsigned below = bits_of(hart->ready_mask & ((1ull << current->priority) - 1));
    struct tcb *first = below != 0 ? hart->ready[below - 1].head : NULL;
    return first == hart->turn ? first : NULL;
}

void sched_quantum_end(struct hart *hart)
{
    struct tcb *thread = interrupted(hart);

    if (thread != NULL) {
        sched_remove(thread);
        push_back(hart, thread);
        return;
    }
    hart->quantum_over = true;
    hart->reschedule = true;
}
