/* First instruction of a server (init, pager): U-mode, sp at the end of its stack, all other
 * registers zero.  Sets gp, clears nothing (the loader zeroed .bss), calls main, which returns only
 * where the program has a server_ended(status) to end in: a test suite in place of the root task. */
    .weak server_ended
    .section .text.start, "ax"
    .globl _start
_start:
    .option push
    .option norelax
    la      gp, __global_pointer$
    .option pop
    la      tp, __tls_base
    li      a0, 0
    li      a1, 0
    call    main
    la      t0, server_ended
    beqz    t0, 1f
    jalr    t0
1:  unimp
    j       1b

/* First instruction of a further thread of a server: a0 = address of {function, argument}, sp at the
 * end of its stack, all other registers zero.  The function must not return. */
    .globl server_thread_entry
server_thread_entry:
    .option push
    .option norelax
    la      gp, __global_pointer$
    .option pop
    la      tp, __tls_base
    ld      t0, 0(a0)
    ld      a0, 8(a0)
    jalr    t0
1:  unimp
    j       1b
