/* Kernel entry and exit.
 *
 * In U-mode sscratch holds the hart; in the kernel it holds 0, so a trap of the kernel's own is told
 * apart by one test.  x1..x31 of a thread are saved at TCB_REGS + 8 * n, its pc in the place of x0.
 * A call saves what the C ABI preserves; everything else dies and comes back as results or zero.  A
 * fault or interrupt saves all registers (full_frame).  The kernel never uses gp.  Each hart has one
 * stack, empty whenever user mode runs.
 *
 * The kernel's lock (lock.h) is taken once the thread's registers are saved and dropped when the last decision
 * about it is made.  Who finds it taken saves the rest and waits in C; the thread may be gone afterwards. */
#include "layout.h"
#include "offsets.h"

#define X(n) (TCB_REGS + REGISTER_BYTES * (n))
#define P(n) (PANIC_REGS + REGISTER_BYTES * (n))
#define PC   X(0)

    .text
    .globl trap_entry
    .balign 4
/* From U-mode: user registers, user satp, sscratch = hart.  From S-mode: sscratch = 0. */
trap_entry:
    csrrw   tp, sscratch, tp
    beqz    tp, trap_from_kernel
    sd      t1, HART_SAVED_T1(tp)
    ld      t1, HART_CURRENT(tp)        /* t1 = running TCB */
    sd      t0, X(5)(t1)
    csrr    t0, scause
    addi    t0, t0, -8                  /* environment call from U-mode? */
    bnez    t0, trap_full
    li      t0, CALL_COUNT
    bgeu    a7, t0, trap_full           /* unknown number: a fault for the handler to emulate */

/* A known call: arguments in a0..a6 go straight to C. */
    sd      ra, X(1)(t1)
    sd      sp, X(2)(t1)
    sd      gp, X(3)(t1)
    sd      s0, X(8)(t1)
    sd      s1, X(9)(t1)
    sd      s2, X(18)(t1)
    sd      s3, X(19)(t1)
    sd      s4, X(20)(t1)
    sd      s5, X(21)(t1)
    sd      s6, X(22)(t1)
    sd      s7, X(23)(t1)
    sd      s8, X(24)(t1)
    sd      s9, X(25)(t1)
    sd      s10, X(26)(t1)
    sd      s11, X(27)(t1)
    csrrw   t0, sscratch, zero
    sd      t0, X(4)(t1)
    csrr    t0, sepc
    addi    t0, t0, 4
    sd      t0, PC(t1)
    sb      zero, TCB_FULL(t1)
    ld      sp, HART_STACK(tp)
    ld      t0, HART_LOCK(tp)
    amoswap.d.aq t0, tp, (t0)
    bnez    t0, trap_call_wait
trap_call_locked:                       /* lock held; a0..a7 as the user gave them */
    lla     t0, syscall_table
    slli    t2, a7, 3
    add     t0, t0, t2
    ld      t0, 0(t0)
    andi    s1, t0, SYSCALL_PLAIN
    jalr    t0                          /* which ignores that bit */
    beqz    s1, trap_return
    call    syscall_finish              /* (status, value) */

/* To U-mode: tp = hart, whose current thread runs; its space and FPU state are in place; lock held. */
    .globl trap_return
trap_return:
    ld      t1, HART_CURRENT(tp)
    sc.w    zero, zero, (tp)            /* drop any lr reservation; the first word of the hart is a dummy */
    ld      t2, PC(t1)
    lb      t0, TCB_FULL(t1)
    csrw    sepc, t2
    ld      t2, HART_LOCK(tp)
    bnez    t0, trap_return_full
    amoswap.d.rl zero, zero, (t2)       /* nobody else touches what a hart's current thread has */
    csrw    sscratch, tp
    ld      ra, X(1)(t1)
    ld      sp, X(2)(t1)
    ld      gp, X(3)(t1)
    ld      tp, X(4)(t1)
    ld      s0, X(8)(t1)
    ld      s1, X(9)(t1)
    ld      a0, X(10)(t1)
    ld      a1, X(11)(t1)
    ld      a2, X(12)(t1)
    ld      a3, X(13)(t1)
    ld      a4, X(14)(t1)
    ld      a5, X(15)(t1)
    ld      a6, X(16)(t1)
    ld      s2, X(18)(t1)
    ld      s3, X(19)(t1)
    ld      s4, X(20)(t1)
    ld      s5, X(21)(t1)
    ld      s6, X(22)(t1)
    ld      s7, X(23)(t1)
    ld      s8, X(24)(t1)
    ld      s9, X(25)(t1)
    ld      s10, X(26)(t1)
    ld      s11, X(27)(t1)
    li      a7, 0                       /* nothing of the kernel's reaches user mode */
    li      t0, 0
    li      t1, 0
    li      t2, 0
    li      t3, 0
    li      t4, 0
    li      t5, 0
    li      t6, 0
    sret

/* A fault, an interrupt or an unknown call: t1 = TCB, which has the user's t0; his t1 is in the hart. */
trap_full:
    sd      ra, X(1)(t1)
    sd      sp, X(2)(t1)
    sd      gp, X(3)(t1)
    csrrw   t0, sscratch, zero
    sd      t0, X(4)(t1)
    ld      t0, HART_SAVED_T1(tp)
    sd      t0, X(6)(t1)
    sd      t2, X(7)(t1)
    sd      s0, X(8)(t1)
    sd      s1, X(9)(t1)
    sd      a0, X(10)(t1)
    sd      a1, X(11)(t1)
    sd      a2, X(12)(t1)
    sd      a3, X(13)(t1)
    sd      a4, X(14)(t1)
    sd      a5, X(15)(t1)
    sd      a6, X(16)(t1)
    sd      a7, X(17)(t1)
    sd      s2, X(18)(t1)
    sd      s3, X(19)(t1)
    sd      s4, X(20)(t1)
    sd      s5, X(21)(t1)
    sd      s6, X(22)(t1)
    sd      s7, X(23)(t1)
    sd      s8, X(24)(t1)
    sd      s9, X(25)(t1)
    sd      s10, X(26)(t1)
    sd      s11, X(27)(t1)
    sd      t3, X(28)(t1)
    sd      t4, X(29)(t1)
    sd      t5, X(30)(t1)
    sd      t6, X(31)(t1)
    csrr    a1, sepc
    sd      a1, PC(t1)
    li      t0, 1
    sb      t0, TCB_FULL(t1)
    ld      sp, HART_STACK(tp)
    ld      t0, HART_LOCK(tp)
    amoswap.d.aq t0, tp, (t0)
    bnez    t0, trap_full_wait
trap_full_locked:                       /* lock held; t1 = TCB, a1 = pc */
    csrr    a0, scause
    csrr    a2, stval
    mv      a3, t1
    call    trap_handle                 /* (cause, pc, trap value, TCB) */
    j       trap_return

/* Another hart is in the kernel.  All is saved; whoever takes the thread lets it repeat what it did. */
trap_full_wait:
    mv      a0, tp
    call    lock_take_from_user
    ld      t1, HART_CURRENT(tp)
    beqz    t1, trap_thread_gone
    ld      a1, PC(t1)
    j       trap_full_locked

/* The same for a call: it is saved like a fault, to be made again by a thread that is taken away; t1 = TCB, which
 * has the user's t0; his t1 is in the hart, all else of his that is not saved yet is where it was. */
trap_call_wait:
    ld      t0, HART_SAVED_T1(tp)
    sd      t0, X(6)(t1)
    sd      t2, X(7)(t1)
    sd      a0, X(10)(t1)
    sd      a1, X(11)(t1)
    sd      a2, X(12)(t1)
    sd      a3, X(13)(t1)
    sd      a4, X(14)(t1)
    sd      a5, X(15)(t1)
    sd      a6, X(16)(t1)
    sd      a7, X(17)(t1)
    sd      t3, X(28)(t1)
    sd      t4, X(29)(t1)
    sd      t5, X(30)(t1)
    sd      t6, X(31)(t1)
    csrr    t0, sepc
    sd      t0, PC(t1)
    li      t0, 1
    sb      t0, TCB_FULL(t1)
    mv      a0, tp
    call    lock_take_from_user
    ld      t1, HART_CURRENT(tp)
    beqz    t1, trap_thread_gone
    ld      t0, PC(t1)
    addi    t0, t0, 4
    sd      t0, PC(t1)
    sb      zero, TCB_FULL(t1)
    ld      a0, X(10)(t1)
    ld      a1, X(11)(t1)
    ld      a2, X(12)(t1)
    ld      a3, X(13)(t1)
    ld      a4, X(14)(t1)
    ld      a5, X(15)(t1)
    ld      a6, X(16)(t1)
    ld      a7, X(17)(t1)
    j       trap_call_locked

/* From boot too: a hart without a thread; tp = hart, lock held, stack empty. */
    .globl trap_thread_gone
trap_thread_gone:
    mv      a0, tp
    call    sched_run
    j       trap_return

/* t1 = TCB, on the way to U-mode: an upcall is pending.  The stack is empty. */
trap_return_upcall:
    ld      sp, HART_STACK(tp)
    mv      a0, t1
    call    upcall_enter                /* makes a frame without the mark */
    j       trap_return

/* t1 = TCB, t0 = its full_frame, t2 = the lock: all registers as they were saved. */
trap_return_full:
    bltz    t0, trap_return_upcall      /* FRAME_UPCALL */
    amoswap.d.rl zero, zero, (t2)
    csrw    sscratch, tp
    ld      ra, X(1)(t1)
    ld      sp, X(2)(t1)
    ld      gp, X(3)(t1)
    ld      tp, X(4)(t1)
    ld      t0, X(5)(t1)
    ld      t2, X(7)(t1)
    ld      s0, X(8)(t1)
    ld      s1, X(9)(t1)
    ld      a0, X(10)(t1)
    ld      a1, X(11)(t1)
    ld      a2, X(12)(t1)
    ld      a3, X(13)(t1)
    ld      a4, X(14)(t1)
    ld      a5, X(15)(t1)
    ld      a6, X(16)(t1)
    ld      a7, X(17)(t1)
    ld      s2, X(18)(t1)
    ld      s3, X(19)(t1)
    ld      s4, X(20)(t1)
    ld      s5, X(21)(t1)
    ld      s6, X(22)(t1)
    ld      s7, X(23)(t1)
    ld      s8, X(24)(t1)
    ld      s9, X(25)(t1)
    ld      s10, X(26)(t1)
    ld      s11, X(27)(t1)
    ld      t3, X(28)(t1)
    ld      t4, X(29)(t1)
    ld      t5, X(30)(t1)
    ld      t6, X(31)(t1)
    ld      t1, X(6)(t1)
    sret

/* A trap of the kernel itself: always a bug.  The hart that stops the system saves its registers in panic_frame, as in a
 * TCB, but gp; another one, which may trap at the same time, stops here.  Nothing is believed of tp. */
trap_from_kernel:
    csrrw   tp, sscratch, tp            /* tp = hart again, sscratch = 0 */
    csrw    sscratch, t0
    lla     t0, lock_stopper
1:  lr.d.aq gp, (t0)
    beq     gp, tp, 2f                  /* panic has seen to it, or its report traps */
    bnez    gp, trap_stopped
    sc.d    gp, tp, (t0)
    bnez    gp, 1b
2:  lla     t0, panic_frame
    sd      ra, P(1)(t0)
    sd      sp, P(2)(t0)
    sd      tp, P(4)(t0)
    sd      t1, P(6)(t0)
    sd      t2, P(7)(t0)
    sd      s0, P(8)(t0)
    sd      s1, P(9)(t0)
    sd      a0, P(10)(t0)
    sd      a1, P(11)(t0)
    sd      a2, P(12)(t0)
    sd      a3, P(13)(t0)
    sd      a4, P(14)(t0)
    sd      a5, P(15)(t0)
    sd      a6, P(16)(t0)
    sd      a7, P(17)(t0)
    sd      s2, P(18)(t0)
    sd      s3, P(19)(t0)
    sd      s4, P(20)(t0)
    sd      s5, P(21)(t0)
    sd      s6, P(22)(t0)
    sd      s7, P(23)(t0)
    sd      s8, P(24)(t0)
    sd      s9, P(25)(t0)
    sd      s10, P(26)(t0)
    sd      s11, P(27)(t0)
    sd      t3, P(28)(t0)
    sd      t4, P(29)(t0)
    sd      t5, P(30)(t0)
    sd      t6, P(31)(t0)
    csrrw   t1, sscratch, zero
    sd      t1, P(5)(t0)
    csrr    t1, sepc
    sd      t1, P(0)(t0)
    lla     sp, panic_stack_end         /* the fault may be the stack's */
    csrr    a0, scause
    csrr    a1, stval
    call    panic_trap                  /* does not return */

trap_stopped:
    csrw    sie, zero
    wfi
    j       trap_stopped

    .section .bss
    .balign 16
panic_stack:    .skip PANIC_STACK_BYTES
panic_stack_end:
