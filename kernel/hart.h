/* What belongs to one hart.  `tp` points here while the kernel runs.
 *
 * Harts are numbered from 0, the one that booted; the firmware's hart ids appear only where it is called.
 * Everything here is under the kernel's lock but what says otherwise. */
#ifndef KERNEL_HART_H
#define KERNEL_HART_H

#include "thread.h"

#define HARTS_MAX          8u
#define HART_NO_GENERATION UINT64_MAX /* before its first ASID: no space is of that generation */

/* What the hart that holds the lock asks of another one: see arch_request. */
enum {
    REQUEST_LEAVE_THREAD =
        1,                 /* its thread's registers are all in the TCB, the floating-point ones in
                               * the hart at most */
    REQUEST_LOAD_ROOT = 2, /* satp is what hart->space says, and nothing else is cached */
    REQUEST_SAVE_FPU = 4,  /* its owner's floating-point registers are in the TCB */
    REQUEST_ANSWER = 8     /* it has started, and knows whether it differs */
};

struct hart {
    uint64_t dummy;      /* first: trap_return's sc.w aims here */
    struct tcb *current; /* trap_entry saves its registers; NULL only inside the kernel and idle */
    uint64_t stack_end;
    uint64_t saved_t1;
    struct hart **lock;    /* the kernel's: NULL, or a hart while one holds it; owned by nobody */
    uint64_t id;           /* the firmware's name for it */
    uint64_t generation;   /* of the ASIDs that it uses (A3 of asid.h) or HART_NO_GENERATION */
    struct vspace *space;  /* in satp; NULL = the kernel's own root */
    struct tcb *fpu_owner; /* whose floating-point registers are in the hart */
    uint32_t index;        /* in kernel.harts */
    uint32_t requests;     /* REQUEST_*; set by the lock's holder, cleared by this hart */
    uint32_t plic_context; /* where its external interrupts are claimed, if kernel.plic is there */
    asid_t asid;           /* in satp, with `space` */
    bool has_fpu;
    bool has_stimecmp; /* sets its timer by itself */
    bool differs;      /* from the first hart, so it does not run */
    bool fpu_on;
    bool reschedule;         /* run the scheduler before going back to user mode */
    bool quantum_over;       /* the running thread's turn is over, a peer waits */
    uint64_t timer_deadline; /* what the firmware's timer is set to; UINT64_MAX = nothing */
    uint64_t quantum_end;    /* when the running thread's turn ends; TIMER_NEVER = nobody waits */
    const struct tcb *turn;  /* whose turn that is; it may be gone: only to be compared */
    uint64_t ready_mask;     /* bit p: the queue of priority p is not empty */
    struct thread_queue ready[FL_PRIORITIES];
    uint64_t counter[FL_COUNTER_COUNT]; /* the ones that count events */
} __attribute__((aligned(64)));

/* trap_return aims its sc.w at the hart itself. */
_Static_assert(offsetof(struct hart, dummy) == 0, "sc.w (tp)");

#endif
