/* The kernel's virtual layout, shared by C, assembly and the linker script's checks.
 *
 *   IMAGE_BASE    the image, wherever it was loaded (2 MiB granularity): text read-execute, rodata
 *                 read-only, data read-write, on 4 KiB leaves
 *   FDT_WINDOW    during boot only: 4 MiB around the device tree
 *   DIRECT_BASE   the direct map: RAM that is neither firmware's nor the image's, read-write
 *   DEVICE_BASE   registers of devices that the kernel drives itself (the PLIC), read-write, on
 *                 2 MiB leaves
 */
#ifndef ARCH_LAYOUT_H
#define ARCH_LAYOUT_H

#define IMAGE_BASE       0xffffffff80000000
#define IMAGE_MAX_BYTES  0x200000
#define FDT_WINDOW       0xffffffff80400000
#define FDT_WINDOW_BYTES 0x400000
#define DIRECT_BASE      0xffffffc000000000
#define DIRECT_BYTES     0x2000000000 /* 128 GiB: what links of the derivation tree reach */
#define DEVICE_BASE      0xfffffffe00000000
#define DEVICE_MAX_BYTES 0x40000000 /* 1 GiB: one table */

#define KERNEL_STACK_BYTES 8192
#define HART_STACK_STEP \
    (KERNEL_STACK_BYTES + 4096) /* from the stack of one hart to the next: a guard page between */
#define PANIC_STACK_BYTES 4096
#define STACK_PAINT       0x57ac57ac /* each word of a kernel stack before its first use */
#define EARLY_LEAF        0xcf       /* V R W X A D: only until boot has built the final tables */

#endif
