/* What the kernel suite needs to see all registers around a trap.
 *
 * registers_call(r), registers_load(r), registers_spin(r), U-mode, the caller's stack: load x1 and
 * x3..x31 from r[1..31], run one instruction (spin: a loop that ends when the word at x6 is not
 * zero), store all registers to r[32 + 1..32 + 31].  sp points to r meanwhile; r[0] keeps the
 * caller's.  `load` reads a byte at x10. */
    .macro  registers_function name
    .globl  \name
\name:
    addi    sp, sp, -128
    sd      ra, 0(sp)
    sd      gp, 8(sp)
    sd      tp, 16(sp)
    sd      s0, 24(sp)
    sd      s1, 32(sp)
    sd      s2, 40(sp)
    sd      s3, 48(sp)
    sd      s4, 56(sp)
    sd      s5, 64(sp)
    sd      s6, 72(sp)
    sd      s7, 80(sp)
    sd      s8, 88(sp)
    sd      s9, 96(sp)
    sd      s10, 104(sp)
    sd      s11, 112(sp)
    sd      sp, 0(a0)
    mv      sp, a0
    .irp    n, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    ld      x\n, 8*\n(sp)
    .endr
    .endm

    .macro  registers_function_end
    .irp    n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    sd      x\n, 256+8*\n(sp)
    .endr
    ld      sp, 0(sp)
    ld      ra, 0(sp)
    ld      gp, 8(sp)
    ld      tp, 16(sp)
    ld      s0, 24(sp)
    ld      s1, 32(sp)
    ld      s2, 40(sp)
    ld      s3, 48(sp)
    ld      s4, 56(sp)
    ld      s5, 64(sp)
    ld      s6, 72(sp)
    ld      s7, 80(sp)
    ld      s8, 88(sp)
    ld      s9, 96(sp)
    ld      s10, 104(sp)
    ld      s11, 112(sp)
    addi    sp, sp, 128
    ret
    .endm

    .text
    registers_function registers_call
    .globl  registers_call_ecall
registers_call_ecall:
    ecall
    registers_function_end

    registers_function registers_load
    .globl  registers_load_load
registers_load_load:
    lb      zero, 0(x10)
    registers_function_end

    registers_function registers_spin
1:  ld      x5, 0(x6)
    beqz    x5, 1b
    registers_function_end

/* floats_exchange(in, out, flag): f0..f31 and fcsr from in[0..32], reads *flag until it is not
 * zero, stores them to out[0..32].  The read may fault. */
    .option arch, +f, +d
    .globl  floats_exchange
floats_exchange:
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fld     f\n, 8*\n(a0)
    .endr
    ld      t0, 256(a0)
    fscsr   t0
1:  ld      t0, 0(a2)
    beqz    t0, 1b
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fsd     f\n, 8*\n(a1)
    .endr
    frcsr   t0
    sd      t0, 256(a1)
    ret

/* floats_store(out): f0..f31 and fcsr to out[0..32]. */
    .globl  floats_store
floats_store:
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fsd     f\n, 8*\n(a0)
    .endr
    frcsr   t0
    sd      t0, 256(a0)
    ret

/* First instruction of a thread: stores x1..x31 to words 33..63 at a0, then faults. */
    .globl  registers_at_start
registers_at_start:
    .irp    n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    sd      x\n, 256+8*\n(a0)
    .endr
    unimp

/* One instruction each. */
    .globl  test_illegal, test_ebreak
test_illegal:
    unimp
    .option push
    .option norvc
test_ebreak:
    ebreak
    .option pop

/* Returns a0 + 1: two instructions of four bytes, copied to wherever a test wants them to run. */
    .balign 4
    .option push
    .option norvc
    .globl  test_code, test_code_end
test_code:
    addi    a0, a0, 1
    ret
test_code_end:
    .option pop

/* What was stored may be run. */
    .option push
    .option arch, +zifencei
    .globl  test_code_written
test_code_written:
    fence.i
    ret
    .option pop
