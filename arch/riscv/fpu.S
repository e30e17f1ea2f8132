/* Floating-point registers of a thread: a0 = 33 doublewords, f0..f31 and fcsr.  FS is on.  Assembled
 * for a hart with floating point, unlike the rest of the kernel (build.mk). */
    .text
    .globl fpu_save, fpu_load
fpu_save:
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fsd     f\n, 8 * \n(a0)
    .endr
    frcsr   t0
    sd      t0, 256(a0)
    ret

fpu_load:
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fld     f\n, 8 * \n(a0)
    .endr
    ld      t0, 256(a0)
    fscsr   t0
    ret
