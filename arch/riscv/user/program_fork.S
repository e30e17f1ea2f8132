/* pid_t program_fork(pid_t (*ask)(uint64_t pc, uint64_t sp), pid_t (*child)(uint64_t pid))
 *
 * Returns twice: in the caller what `ask` returned, which tells the process server where a copy
 * starts, and in the copy what `child` returned.  All that a function call preserves lies on the
 * stack, which is copied with the rest of the memory: the kernel need not read a register of the
 * thread that waits. */
#define FRAME_RA    0
#define FRAME_GP    8
#define FRAME_TP    16
#define FRAME_S     24
#define FRAME_FS    120
#define FRAME_FCSR  216
#define FRAME_CHILD 224
#define FRAME_BYTES 240 /* a multiple of 16 */

    .text
    .globl  program_fork
program_fork:
    addi    sp, sp, -FRAME_BYTES
    sd      ra, FRAME_RA(sp)
    sd      gp, FRAME_GP(sp)
    sd      tp, FRAME_TP(sp)
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    sd      s\n, FRAME_S+8*\n(sp)
    fsd     fs\n, FRAME_FS+8*\n(sp)
    .endr
    frcsr   t0
    sd      t0, FRAME_FCSR(sp)
    sd      a1, FRAME_CHILD(sp)
    mv      t0, a0
    lla     a0, program_forked
    mv      a1, sp
    jalr    t0
    j       program_fork_return

/* First instruction of a copy: U-mode, sp as it was given to the process server, a0 = its pid, all
 * other registers zero. */
program_forked:
    ld      gp, FRAME_GP(sp)
    ld      tp, FRAME_TP(sp)
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    ld      s\n, FRAME_S+8*\n(sp)
    fld     fs\n, FRAME_FS+8*\n(sp)
    .endr
    ld      t0, FRAME_FCSR(sp)
    fscsr   t0
    ld      t0, FRAME_CHILD(sp)
    jalr    t0
program_fork_return:
    ld      ra, FRAME_RA(sp)
    addi    sp, sp, FRAME_BYTES
    ret
