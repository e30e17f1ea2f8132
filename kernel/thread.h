/* Threads: the TCB and the changes of its state.
 *
 * Life of a thread:
 *
 *   STOPPED --start, resume--> READY <--dispatch, preempt--> (current of its hart)
 *   current --ipc_call--> SENDING --taken--> AWAIT_REPLY --answered--> READY
 *   current --fault-----> SENDING --taken--> AWAIT_REPLY --resumed---> READY
 *   current --ipc_recv--> RECEIVING --message or bits--> READY
 *   current --notification_wait--> AWAIT_BITS --signal--> READY
 *   any --suspend--> STOPPED        any --last capability deleted--> gone
 *
 *  H1  a READY thread is in the ready queue of its priority of the hart that `queued_at` says, unless it
 *      is a hart's current thread;
 *  H2  a SENDING or RECEIVING thread is in the queue of the endpoint it waits on, AWAIT_BITS in
 *      that of the notification; no other thread is in any queue;
 *  H3  reply->thread and tcb->reply point at each other (R1);
 *  H4  a thread that runs has a space and a CSpace, and is the current one of one hart only;
 *  H5  no thread is in a ready queue while a hart that nobody asked to look sleeps or runs a lower
 *      priority, but one for each hart that is about to take it;
 *  U1  a thread with a pending upcall has an upcall entry and a message buffer, and does not wait
 *      for the answer to a fault. */
#ifndef KERNEL_THREAD_H
#define KERNEL_THREAD_H

#include "object.h"

enum thread_state {
    THREAD_STOPPED,
    THREAD_READY,
    THREAD_SENDING,
    THREAD_RECEIVING,
    THREAD_AWAIT_REPLY,
    THREAD_AWAIT_BITS
};
_Static_assert((int)THREAD_STOPPED == FL_STATE_STOPPED && (int)THREAD_READY == FL_STATE_READY &&
                   (int)THREAD_SENDING == FL_STATE_SENDING &&
                   (int)THREAD_RECEIVING == FL_STATE_RECEIVING &&
                   (int)THREAD_AWAIT_REPLY == FL_STATE_AWAIT_REPLY &&
                   (int)THREAD_AWAIT_BITS == FL_STATE_AWAIT_BITS,
               "tcb_state tells them as they are");

/* Bits of tcb->full_frame.  The sign bit, so that trap_return needs one branch for it. */
enum {
    FRAME_FULL = 1,     /* all registers are live (fault, interrupt), not only a call's */
    FRAME_UPCALL = 0x80 /* an upcall is pending: carried out on the way to user mode */
};

enum { REG_PC = 0, REG_SP = 2, REG_TP = 4, REG_S0 = 8, REG_A0 = 10, REG_A7 = 17 };

/* Register number of t0..t6. */
enum { REG_TEMPORARIES = 7 };
static inline unsigned thread_temporary(unsigned i)
{
    return i < 3 ? 5 + i : 25 + i;
}

struct message {
    uint64_t info;
    uint64_t word[4];
    uint64_t badge;
};

struct tcb {
    uint64_t regs[32];  /* x1..x31; the pc in the place of x0 */
    uint64_t fp[33];    /* f0..f31, fcsr; valid while the registers are not in a hart */
    uint8_t full_frame; /* FRAME_* */
    uint8_t state;      /* enum thread_state */
    uint8_t priority;
    uint8_t uses_fp;     /* has touched floating point */
    uint8_t fp_dirty;    /* the hart's copy is newer than fp[] */
    uint8_t fault;       /* SENDING or AWAIT_REPLY because of a fault, not a call */
    uint8_t fault_label; /* FL_LABEL_* of its last fault */
    uint8_t wants_reply; /* SENDING: ipc_call, not ipc_send */
    uint8_t queued_at;   /* READY: index of the hart in whose queue it is (H1) */
    uint8_t fp_home; /* index + 1 of the hart that has its floating-point registers; 0 = none has */
    struct object object;
    struct tcb *next; /* in the queue it is in (H1, H2) */
    struct tcb *prev;
    struct cnode *cspace; /* as held_cspace says */
    uint64_t cspace_slots;
    struct vspace_object *space; /* as held_space says */
    struct tcb *space_next;      /* of the space's threads (S1) */
    struct tcb *space_prev;
    uint64_t *buffer;     /* message buffer in the direct map, NULL = none */
    frame_t buffer_frame; /* pinned */
    struct notification *bound;
    struct notification *awaited; /* AWAIT_BITS */
    struct endpoint *endpoint;    /* SENDING, RECEIVING */
    struct reply *reply;
    struct message message; /* SENDING: what to deliver */
    uint64_t fault_number;  /* kernel-wide, of its last fault; from 1 */
    uint64_t quantum_ticks; /* 0 = kernel.quantum_ticks */
    uint64_t upcall_entry;  /* 0 = takes none */
    uint64_t upcall_label;  /* of the pending upcall */
    uint64_t upcall_word[3];
    /* Held (object.h).  The handler of its faults: Endpoint; System: a fault stops the system; or NONE. */
    struct cap held_cspace __attribute__((aligned(sizeof(struct cap))));
    struct cap held_space;
    struct cap handler;
};
_Static_assert(sizeof(struct tcb) <= 1024, "objects.def");

/* Queues of threads, FIFO. */
static inline void thread_queue_append(struct thread_queue *queue, struct tcb *thread)
{
    thread->next = NULL;
    thread->prev = queue->tail;
    if (queue->tail != NULL)
        queue->tail->next = thread;
    else
        queue->head = thread;
    queue->tail = thread;
}

/* Takes the first thread off a queue that is not empty. */
static inline struct tcb *thread_queue_pop(struct thread_queue *queue)
{
    struct tcb *thread = queue->head;

    queue->head = thread->next;
    if (thread->next != NULL)
        thread->next->prev = NULL;
    else
        queue->tail = NULL;
    thread->next = NULL;
    return thread;
}

void thread_queue_remove(struct thread_queue *queue, struct tcb *thread);

/* Puts the results of a call into a thread's registers: status, value, zeros. */
static inline void thread_set_result(struct tcb *thread, uint64_t status, uint64_t value)
{
    uint64_t *a = &thread->regs[REG_A0];

    a[0] = status;
    a[1] = value;
    a[2] = a[3] = a[4] = a[5] = a[6] = 0;
}

/* Whether the thread stands in a fault that its handler has yet to answer. */
static inline bool thread_awaits_fault(const struct tcb *thread)
{
    return (thread->state == THREAD_SENDING || thread->state == THREAD_AWAIT_REPLY) &&
           thread->fault != 0;
}

/* Makes every register in regs[] the thread's own: those that a call does not preserve become 0,
 * which is what they would be in user mode. */
void thread_complete_frame(struct tcb *thread);

/* Ends whatever the thread waits for.  An interrupted call returns CANCELLED when the thread runs
 * again; a faulted thread repeats its instruction.  The thread is STOPPED afterwards. */
void thread_stop(struct tcb *thread);
/* Undoes everything a TCB refers to; what it held is gone already, and the caller frees the object. */
void thread_destroy(struct tcb *thread);

#endif
