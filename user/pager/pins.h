/* Pins on the frames that disks read and write.
 *
 * To pin a frame and to end its Pin are two calls of the kernel, 850 instructions, so Pins are kept: memory is
 * cut into chunks of pages, a chunk is pinned when a request first needs a page of it, and stays so until one of
 * its pages is lent to the kernel, which takes no frame that is pinned.  A chunk of which a page is lent cannot be
 * pinned: a request pins the pages that it has there one by one, until it ends.
 *
 *  N1  a page of a request that has not ended is pinned, by its chunk's Pin or by one of its own;
 *  N2  no page that is lent is in a chunk with a Pin; `chunks` counts those that have one;
 *  N3  a request that has ended has no Pins of its own. */
#ifndef PAGER_PINS_H
#define PAGER_PINS_H

#include "pager.h"

#define PINS_REQUESTS (PAGING_REQUESTS + BLK_DISKS)

/* Makes room for Pins.  False: there is no memory for it. */
bool pins_start(struct pager *pager);

/* Pins the pages of a request, io->tag below PINS_REQUESTS, until its end. */
void pins_take(struct pager *pager, const struct vm_io *io);

/* The request with this tag has ended. */
void pins_give(uint32_t tag);

/* The physical address of a page that is pinned. */
uint64_t pins_address(const struct pager *pager, uint32_t page);

/* Pages, of no request, are about to be lent to the kernel. */
void pins_let_go(struct pager *pager, uint32_t first, uint32_t pages);

/* How many chunks are pinned now, and how many pages these have. */
uint32_t pins_chunks(uint32_t *pages);

/* NULL, or the number of the first invariant that does not hold.  It looks at what is known here: that the kernel
 * has these Pins the status of each call says. */
const char *pins_check(const struct pager *pager);

#endif
