/* Values of the memory calls, as Linux numbers them: what travels in MMAP and MPROTECT, and what
 * <sys/mman.h> of the programs shows. */
#ifndef FAULTLINE_MEMORY_VALUES_H
#define FAULTLINE_MEMORY_VALUES_H

#define PROT_NONE  0
#define PROT_READ  1
#define PROT_WRITE 2
#define PROT_EXEC  4

#define MAP_SHARED          0x1
#define MAP_PRIVATE         0x2
#define MAP_TYPE            0xf
#define MAP_FIXED           0x10
#define MAP_ANONYMOUS       0x20
#define MAP_NORESERVE       0x4000
#define MAP_POPULATE        0x8000
#define MAP_STACK           0x20000
#define MAP_FIXED_NOREPLACE 0x100000

#endif
