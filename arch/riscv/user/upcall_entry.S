/* Upcall entry: the protocol is in upcall.h, step by step.
 *
 * U-mode; on the stack, below the sp of the interrupted code: the save area's copy, ra, and for
 * lp64d the floating-point registers that a C function may change, fcsr last. */
#include "offsets.h"

#define SAVED_RA UPCALL_BYTES
#define SAVED_FP (SAVED_RA + 8)
#ifdef __riscv_float_abi_double
#define FRAME (SAVED_FP + 21 * 8)
#else
#define FRAME SAVED_FP
#endif

/* instruction, register: all caller-saved floating-point registers to or from the frame. */
    .macro  each_float instruction
    .set    at, SAVED_FP
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
    \instruction f\n, at(sp)
    .set    at, at + 8
    .endr
    .endm

    .text
    .option norvc                       /* tests stop at each instruction */
    .balign 4
    .globl  upcall_entry
/* From the kernel: a0 = label, a1..a3 = words, which are in the save area too; `busy` is set. */
upcall_entry:
    addi    sp, sp, -FRAME
    andi    sp, sp, -16
    li      t0, UPCALL_AREA
    addi    t1, t0, UPCALL_BYTES
    mv      t2, sp
1:  ld      t3, 0(t0)
    sd      t3, 0(t2)
    addi    t0, t0, 8
    addi    t2, t2, 8
    bltu    t0, t1, 1b
    sd      ra, SAVED_RA(sp)
    ld      t0, UPCALL_PC(sp)
    lla     t1, upcall_leave
    lla     t2, upcall_leave_end
    bltu    t0, t1, 2f
    bgeu    t0, t2, 2f
    sd      t1, UPCALL_PC(sp)           /* an upcall's way back was interrupted: once more */
2:
#ifdef __riscv_float_abi_double
    each_float fsd
    frcsr   t0
    sd      t0, SAVED_FP + 20 * 8(sp)
#endif
    li      t0, UPCALL_AREA
    sd      zero, UPCALL_BUSY(t0)       /* from here on the next upcall may come */
    mv      a0, sp
    call    upcall_main
#ifdef __riscv_float_abi_double
    each_float fld
    ld      t0, SAVED_FP + 20 * 8(sp)
    fscsr   t0
#endif

/* sp = frame.  Can be left at any instruction and started again: needs sp only. */
    .globl  upcall_leave, upcall_leave_end
upcall_leave:
    ld      ra, SAVED_RA(sp)
    li      t0, UPCALL_AREA + UPCALL_PC
    li      t1, UPCALL_AREA + UPCALL_LABEL
    addi    t2, sp, UPCALL_PC
3:  ld      t3, 0(t2)
    sd      t3, 0(t0)
    addi    t0, t0, 8
    addi    t2, t2, 8
    bltu    t0, t1, 3b                  /* pc, sp, a0..a7, t0..t6 */
    li      a0, 0
    li      a7, CALL_RESUME_UPCALL
    ecall
upcall_leave_end:
    unimp
