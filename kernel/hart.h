/* What belongs to one hart.  `tp` points here while the kernel runs. */
#ifndef KERNEL_HART_H
#define KERNEL_HART_H

#include "thread.h"

struct hart {
    uint64_t dummy;      /* first: trap_return's sc.w aims here */
    struct tcb *current; /* trap_entry saves its registers; NULL only inside the kernel */
    uint64_t stack_end;
    uint64_t saved_t0;
    uint64_t saved_t1;
    uint64_t id;
    struct vspace *space;  /* in satp; NULL = the kernel's own root */
    struct tcb *fpu_owner; /* whose floating-point registers are in the hart */
    uint32_t plic_context; /* where its external interrupts are claimed, if kernel.plic is there */
    bool has_fpu;
    bool has_stimecmp; /* sets its timer by itself */
    bool fpu_on;
    bool reschedule;         /* run the scheduler before going back to user mode */
    bool quantum_over;       /* the running thread's turn is over, a peer waits */
    uint64_t timer_deadline; /* what the firmware's timer is set to; UINT64_MAX = nothing */
    uint64_t quantum_end;    /* when the running thread's turn ends; TIMER_NEVER = nobody waits */
    uint64_t ready_mask;     /* bit p: the queue of priority p is not empty */
    struct thread_queue ready[FL_PRIORITIES];
    uint64_t counter[FL_COUNTER_COUNT]; /* the ones that count events */
};

/* trap_return aims its sc.w at the hart itself. */
_Static_assert(offsetof(struct hart, dummy) == 0, "sc.w (tp)");

#endif
