/* Capabilities and kernel objects.
 *
 * A capability is a slot of a CNode: it names an object and says what its holder may do with it. An
 * object lives in a frame of type object, is made by memory_retype and ends when its last
 * capability is deleted.
 *
 *  O1  an object's `caps` is the number of slots and of held capabilities (below) that name it; no
 *      object is alive with caps = 0 but a condemned CNode;
 *  O2  an object frame's count in the frame table is the number of objects alive in it;
 *  O3  the range of a Memory or Pin capability lies inside one bank of the frame table, or inside
 *      one of kernel.devices;
 *  O4  kernel.objects and kernel.caps are the sums over all objects and capabilities;
 *  O5  a frame's pin count is the number of Pin capabilities and message buffers that name it.
 *
 * Objects hold capabilities too: what a thread or a space lives on (CSpace, space, fault handler,
 * TablePool) and whom a timer or an interrupt signals.  A held capability stands in the derivation tree
 * below the one that it was given from, so revoking that one takes it away, and the holder stops or
 * falls silent.
 * All of it is owned by the kernel's single entry: one hart runs kernel code. */
#ifndef KERNEL_OBJECT_H
#define KERNEL_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "derivation.h"
#include "vspace.h"

struct tcb;

_Static_assert(sizeof(struct cap) == FL_PAGE_BYTES / FL_CNODE_SLOTS, "slots fill a frame");

/* First words of every object that capabilities count. */
struct object {
    uint32_t caps;
    uint8_t type; /* enum fl_object */
    uint8_t zero[3];
};

/* Bytes of one object of each type, 0 for those that memory_retype does not make (objects.def). */
extern const uint16_t object_bytes[FL_OBJECT_COUNT];

/* FIFO of threads blocked on an endpoint or notification. */
struct thread_queue {
    struct tcb *head;
    struct tcb *tail;
};

enum endpoint_side { ENDPOINT_IDLE, ENDPOINT_SENDERS, ENDPOINT_RECEIVERS };

/*  E1  the queue is empty exactly when the side is IDLE; every queued thread waits on this side;
 *  E2  `receivers` is the number of slots that name the endpoint with the RECV right; while it is 0
 *      nobody waits to send. */
struct endpoint {
    struct object object;
    struct thread_queue queue;
    enum endpoint_side side;
    uint32_t receivers;
};

/*  N1  bits are pending only while no thread waits. */
struct notification {
    struct object object;
    struct thread_queue queue;
    uint64_t bits;
    struct tcb *bound; /* receives of this thread are woken by the bits too */
};

enum reply_state {
    REPLY_IDLE,    /* holds nothing */
    REPLY_WAITING, /* a receiver sleeps with it */
    REPLY_CALL,    /* holds a caller */
    REPLY_FAULT    /* holds a faulted thread: cannot be copied or moved */
};

/*  R1  reply->thread->reply == reply exactly while the state is not IDLE. */
struct reply {
    struct object object;
    enum reply_state state;
    struct tcb *thread; /* receiver (WAITING) or the one to answer (CALL, FAULT) */
};

/*  T1  armed timers form one list in order of deadline; `link` of each is where the list names it. */
struct timer {
    struct object object;
    uint64_t deadline; /* of the `time` counter; 0 = not armed */
    struct timer *next;
    struct timer **link;
    struct cap target; /* notification, held */
};

/*  I1  an IrqHandler that has a source is the one that kernel.irqs names for it, and kernel.irqs
 *      names no others; without a source it has no target and is not claimed. */
struct irq_handler {
    struct object object;
    uint32_t source;  /* 0 = none yet */
    uint32_t claimed; /* PLIC context + 1 that claimed it and has not completed it, 0 = none */
    uint64_t zero[2];
    struct cap target; /* notification, held */
};

/*  S1  the list from `first_thread` on holds the threads that have the space, space.threads of them;
 *  S2  space.pool is that of `pool` while there are tables. */
struct vspace_object {
    struct vspace space; /* first: 64-byte aligned, as vspace.c wants it */
    struct object object;
    struct cap pool; /* held; TABLE_POOL or NONE */
    struct tcb *first_thread;
    uint64_t ending; /* its tables are being taken apart: no thread may run in it */
};

struct pool_object {
    struct table_pool pool;
    struct object object;
    uint32_t spaces; /* that name the pool */
};

/* Slot 0 of a CNode is nobody's: it reads as an empty capability and holds the CNode's own words.
 */
struct cnode_header {
    uint8_t none; /* type of slot 0: FL_OBJECT_NONE */
    uint8_t frames;
    uint16_t threads; /* whose CSpace this is */
    uint16_t used;    /* slots in use */
    uint16_t self;    /* of them, capabilities to this CNode itself */
    struct object object;
    struct cnode *condemned; /* the next condemned CNode */
    uint64_t
        emptied; /* not 0: nobody outside can name it, it is condemned; slots below are empty */
};
_Static_assert(sizeof(struct cnode_header) == sizeof(struct cap), "stands in slot 0");

struct cnode {
    union {
        struct cnode_header header;
        struct cap slots[FL_CNODE_SLOTS]; /* more follow in the frames behind */
    };
};

/* Links of the derivation tree name places by 32 bytes. */
_Static_assert(offsetof(struct timer, target) % sizeof(struct cap) == 0, "held capability");
_Static_assert(offsetof(struct irq_handler, target) % sizeof(struct cap) == 0, "held capability");
_Static_assert(offsetof(struct vspace_object, pool) % sizeof(struct cap) == 0, "held capability");

_Static_assert(sizeof(struct endpoint) <= 64, "objects.def");
_Static_assert(sizeof(struct notification) <= 64, "objects.def");
_Static_assert(sizeof(struct reply) <= 64, "objects.def");
_Static_assert(sizeof(struct timer) <= 64, "objects.def");
_Static_assert(sizeof(struct irq_handler) <= 64, "objects.def");
_Static_assert(sizeof(struct vspace_object) <= 128, "objects.def");
_Static_assert(sizeof(struct pool_object) <= 64, "objects.def");

#endif
