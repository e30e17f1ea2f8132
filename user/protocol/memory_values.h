/* Values of the memory calls, as Linux numbers them: what travels in the calls of pager.def, and what
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
#define MAP_LOCKED          0x2000
#define MAP_NORESERVE       0x4000
#define MAP_POPULATE        0x8000
#define MAP_STACK           0x20000
#define MAP_FIXED_NOREPLACE 0x100000

#define MREMAP_MAYMOVE   1
#define MREMAP_FIXED     2
#define MREMAP_DONTUNMAP 4

#define MADV_NORMAL      0
#define MADV_RANDOM      1
#define MADV_SEQUENTIAL  2
#define MADV_WILLNEED    3
#define MADV_DONTNEED    4
#define MADV_FREE        8
#define MADV_MERGEABLE   12
#define MADV_UNMERGEABLE 13
#define MADV_COLD        20
#define MADV_PAGEOUT     21

#define MS_ASYNC      1
#define MS_INVALIDATE 2
#define MS_SYNC       4

#define MLOCK_ONFAULT 1
#define MCL_CURRENT   1
#define MCL_FUTURE    2
#define MCL_ONFAULT   4

#define RLIMIT_DATA    2
#define RLIMIT_STACK   3
#define RLIMIT_MEMLOCK 8
#define RLIMIT_AS      9

#define SWAP_FLAG_PREFER        0x8000 /* with a priority in the bits below */
#define SWAP_FLAG_PRIO_MASK     0x7fff
#define SWAP_FLAG_DISCARD       0x10000 /* the disk is told what it need not keep: */
#define SWAP_FLAG_DISCARD_ONCE  0x20000 /* what is there now, alone */
#define SWAP_FLAG_DISCARD_PAGES 0x40000 /* what becomes free later, alone */

#endif
