/* From the firmware to C.
 *
 * Entered in S-mode on one hart, satp = 0, at any 2 MiB-aligned physical address; a0 = hart id, a1 =
 * physical address of the device tree (Linux RISC-V boot protocol; SBI 1.0, chapter 9). */
#include "layout.h"
#include "offsets.h"

    .section .text.header, "ax"
    .globl _start
_start:                                 /* Linux RISC-V image header, 64 bytes */
    .option push
    .option norvc
    j       boot_entry
    nop
    .option pop
    .quad   0x200000                    /* text_offset from the start of RAM */
    .quad   image_bytes                 /* image_size, .bss included */
    .quad   0                           /* flags: little endian */
    .word   2                           /* header version 0.2 */
    .word   0
boot_taken:                             /* reserved; not 0 in memory once a hart has begun to boot */
    .quad   0
    .ascii  "RISCV\0\0\0"
    .ascii  "RSC\x05"
    .word   0

/* Physical addressing; a0, a1 from the firmware; s1 = load address; no stack.  A firmware may let a hart that is
 * being started go before it knows where to: such a hart comes here too. */
boot_entry:
    csrr    s4, instret
    csrw    sie, zero
    csrw    satp, zero
    lla     s1, _start
    lla     t0, boot_taken
    li      t1, 1
    amoswap.d.aq t1, t1, (t0)
    bnez    t1, boot_other_entry
    lla     t0, image_data_end          /* clear .bss */
    lla     t1, image_end
1:  sd      zero, 0(t0)
    sd      zero, 8(t0)
    sd      zero, 16(t0)
    sd      zero, 24(t0)
    addi    t0, t0, 32
    bltu    t0, t1, 1b
    /* One root and one 1 GiB table: the image's 2 MiB, and 4 MiB around the device tree. */
    lla     t0, early_root
    lla     t1, early_middle
    srli    t2, t1, 2                   /* PPN of the middle table << 10 */
    ori     t2, t2, 1                   /* V: pointer to a table */
    li      t3, (IMAGE_BASE >> 30) & 511
    slli    t3, t3, 3
    add     t3, t3, t0
    sd      t2, 0(t3)
    srli    t2, s1, 2
    ori     t2, t2, EARLY_LEAF
    sd      t2, 0(t1)
    srli    t2, a1, 21
    slli    t2, t2, 19                  /* PPN of its 2 MiB << 10 */
    ori     t2, t2, EARLY_LEAF
    sd      t2, ((FDT_WINDOW - IMAGE_BASE) >> 21) * 8(t1)
    li      t3, 1 << 19
    add     t2, t2, t3
    sd      t2, ((FDT_WINDOW - IMAGE_BASE) >> 21) * 8 + 8(t1)
    /* Turn translation on: the next fetch faults and lands at the virtual address in stvec. */
    li      t2, IMAGE_BASE
    sub     t2, t2, s1                  /* virtual - physical */
    lla     t3, 2f
    add     t3, t3, t2
    csrw    stvec, t3
    srli    t0, t0, 12
    li      t3, 8 << 60
    or      t0, t0, t3
    sfence.vma
    csrw    satp, t0
    .balign 4
2:                                      /* virtual addressing from here on */
    lla     t0, trap_entry
    csrw    stvec, t0
    csrw    sscratch, zero              /* a trap from here on is the kernel's own */
    lla     sp, boot_stack_end
    li      fp, 0
    mv      a2, s1
    mv      a3, s4
    li      ra, 0
    call    boot_kernel                 /* (hart id, device tree, load address, instret): no return */
3:  wfi
    j       3b

/* Takes a hart's stack, painted so that stack.c can tell how deep entries use it. */
    .macro  take_stack hart
    ld      sp, HART_STACK(\hart)
    li      t0, KERNEL_STACK_BYTES
    sub     t0, sp, t0
    li      t1, STACK_PAINT
1:  sd      t1, 0(t0)
    sd      t1, 8(t0)
    sd      t1, 16(t0)
    sd      t1, 24(t0)
    addi    t0, t0, 32
    bltu    t0, sp, 1b
    .endm

/* A hart that comes when none is awaited, or no more, stays here. */
    .globl boot_stay
boot_stay:
    wfi
    j       boot_stay

/* Another hart, the one that is being started, from the firmware: S-mode, physical addressing, a0 = hart id. */
    .globl boot_other_entry
    .balign 4
boot_other_entry:
    csrw    sie, zero
    lla     t0, boot_starting
    amoswap.d.aq tp, zero, (t0)         /* its struct hart, a virtual address */
    beqz    tp, boot_stay
    lla     s1, _start
    li      t2, IMAGE_BASE
    sub     t2, t2, s1
    lla     t3, 2f
    add     t3, t3, t2
    csrw    stvec, t3
    lla     t0, boot_satp
    ld      t0, 0(t0)
    sfence.vma
    csrw    satp, t0
    .balign 4
2:                                      /* virtual addressing, the kernel's own tables */
    lla     t0, trap_entry
    csrw    stvec, t0
    csrw    sscratch, zero
    sd      a0, HART_ID(tp)             /* it may be one that was awaited before */
    take_stack tp
    li      fp, 0
    mv      a0, tp
    call    boot_other_hart             /* takes the lock */
    j       trap_thread_gone

/* From C, for ever: a0 = hart.  Boot's frames are left behind. */
    .globl arch_enter_user
arch_enter_user:
    take_stack a0
    call    boot_over
    j       trap_return

    .section .bss.first, "aw", @nobits
    .balign 4096
    .globl early_root, early_middle, boot_stack_guard, boot_stack_end
early_root:     .skip 4096
early_middle:   .skip 4096
boot_stack_guard: .skip 4096           /* not mapped once boot has finished the tables */
boot_stack:     .skip KERNEL_STACK_BYTES
boot_stack_end:
    .skip OTHER_HARTS * HART_STACK_STEP /* the same for each other hart */
