/* The kernel's own translations, final at boot. */
#ifndef ARCH_PAGING_H
#define ARCH_PAGING_H

#include "ranges.h"
#include "types.h"

/* Replaces the early tables: image W^X on 4 KiB leaves, direct map of `ram` with the largest leaves
 * that fit, the device-tree window gone.  `load` is the image's physical address.  Pieces that find
 * no table are taken out of `ram`.  Returns what a physical address differs by in the direct map.
 */
uint64_t paging_finish(struct ranges *ram, uint64_t load);
/* Where something of the image lies in memory.  After paging_finish. */
uint64_t paging_physical(const void *image_address);
/* Maps the registers of a device, read-write, never executable: once, between paging_finish and
 * paging_move_root.  NULL when they do not fit the window or no table is left. */
volatile uint32_t *paging_map_device(uint64_t address, uint64_t bytes);
/* Moves the root table into a RAM frame of the direct map, and loads it. */
void paging_move_root(frame_t frame, uint64_t direct_offset);
/* ASID bits that satp implements, 0..16. */
unsigned paging_asid_bits(void);

#endif
