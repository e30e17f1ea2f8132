/* First instruction of a program: U-mode, sp at argc, argv[], NULL, envp[], NULL, auxv (System V psABI,
 * 16-byte aligned), all other registers zero.  Sets gp and tp (the program's own block of thread-local
 * variables, which stands initialised in its data segment) and hands the stack image to libos. */
    .section .text.start, "ax"
    .globl _start
_start:
    .option push
    .option norelax
    la      gp, __global_pointer$
    .option pop
    la      tp, __tls_base
    mv      a0, sp
    call    libos_start         /* _Noreturn void libos_start(uint64_t *stack_image) */
1:  unimp
    j       1b
