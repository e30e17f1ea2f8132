/* Frames on their way between the pager and the kernel: the window, loans, and the TablePool.
 *
 *  W1  a page is mapped in the window unless it is lent or outside;
 *  W2  the pool has FRAMES_SPARE_TABLES spare frames after frames_settle_tables(), so what is free
 *      depends on what programs hold and not on what ran before. */
#ifndef PAGER_FRAMES_H
#define PAGER_FRAMES_H

#include "pager.h"

#define FRAMES_SPARE_TABLES (2 * FL_POOL_LOW)

/* Maps `pages` pages of a Memory capability into the pager's own space.  Returns the status. */
uint64_t frames_map_own(uint64_t memory, uint64_t page, uint64_t address, uint64_t pages,
                        uint32_t rights);

/* Takes consecutive free pages out of the window.  Returns the first, or PAGE_NONE. */
uint32_t frames_lend(struct pager *pager, uint32_t pages);

/* Takes lent pages back: FL_OK; FL_BAD_FRAME: the kernel still uses one of them (none is back
 * then). */
uint64_t frames_return(struct pager *pager, uint32_t first, uint32_t pages);

/* Donates up to FRAMES_SPARE_TABLES frames to the pool.  False: there was not one. */
bool frames_refill_tables(struct pager *pager);

/* Leaves the pool FRAMES_SPARE_TABLES spare frames, as far as there are free ones; the rest comes back. */
void frames_settle_tables(struct pager *pager);

#endif
