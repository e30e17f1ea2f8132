/* Threads: queues of blocked threads, stopping, the end.  Life cycle and H1 to H4 are in thread.h.
 */
#include "thread.h"

#include "arch.h"
#include "cap.h"
#include "ipc.h"
#include "sched.h"

__attribute__((noinline)) void thread_queue_remove(struct thread_queue *queue, struct tcb *thread)
{
    if (thread->prev != NULL)
        thread->prev->next = thread->next;
    else
        queue->head = thread->next;
    if (thread->next != NULL)
        thread->next->prev = thread->prev;
    else
        queue->tail = thread->prev;
    thread->next = NULL;
    thread->prev = NULL;
}

void thread_complete_frame(struct tcb *thread)
{
    uint64_t *regs = thread->regs;

    if (thread->full_frame & FRAME_FULL)
        return;
    regs[REG_A7] = 0;
    for (unsigned i = 0; i < REG_TEMPORARIES; i++)
        regs[thread_temporary(i)] = 0;
    thread->full_frame |= FRAME_FULL;
}

void thread_stop(struct tcb *thread)
{
    struct hart *hart = hart_self();

    switch ((enum thread_state)thread->state) {
    case THREAD_STOPPED:
        return;
    case THREAD_READY:
        if (hart->current == thread) {
            hart->reschedule = true;
        } else {
            sched_pull(thread);
            sched_remove(thread);
        }
        thread->fault = 0; /* the last one was answered */
        break;
    case THREAD_SENDING:
    case THREAD_RECEIVING:
    case THREAD_AWAIT_REPLY:
    case THREAD_AWAIT_BITS:
        if (!thread->fault)
            thread_set_result(thread, FL_CANCELLED, 0);
        ipc_detach(thread);
        break;
    }
    thread->state = THREAD_STOPPED;
}

void thread_destroy(struct tcb *thread)
{
    struct hart *hart = hart_self();

    thread_stop(thread);
    arch_fpu_forget(hart, thread);
    if (hart->current == thread)
        hart->current = NULL;
    if (thread->buffer != NULL)
        frame_unpin(&kernel.frames, thread->buffer_frame);
    if (thread->bound != NULL)
        thread->bound->bound = NULL;
}
