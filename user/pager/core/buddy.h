/* Free memory in blocks of a power of two of pages, aligned to their size: 8 KiB to 2 MiB, for runs of frames
 * (kernel objects, tables, devices, large pages).
 *
 *     whole memory, in blocks --buddy_take--> a run            (the block is split in halves, as
 *              ^   |                            |               often as it is too large)
 *              |   +------buddy_refill----> single pages       (64 at a time, from the smallest block)
 *              |                                |
 *              +---buddy_insert, buddy_gather---+              (two free halves of a block are merged)
 *
 * Single pages are taken and freed by the thousand, and nobody asks how they lie: they have a list of
 * their own (page.h), which this file only refills.  They are not merged when they are freed, but when a
 * run is wanted and no block is left for it, and then no more of them than it takes.  So a fault pays
 * for none of this, and a free page for at most one merge.
 *
 *  B1  a block of order k has 2^k free pages of one range, none of them zeroed (P7) or single, and
 *      begins at a multiple of 2^k in physical memory; 1 <= k <= BUDDY_ORDERS;
 *  B2  its first page has order k and is on list k, exactly once; all others are BUDDY_INNER;
 *  B3  no two blocks are the halves of a larger one;
 *  B4  every page that is in no block has order 0;
 *  B5  blocks[k - 1] is the number of blocks of order k.
 *
 * The lists are those of page_table; who owns the page records is page.c. */
#ifndef PAGER_BUDDY_H
#define PAGER_BUDDY_H

#include "page.h"

#define BUDDY_INNER  0xffu
#define BUDDY_REFILL 6u /* order of what becomes single pages at once: 64 */

/* The least order of a block that holds so many pages. */
uint32_t buddy_order(uint32_t pages);

/* Makes blocks of the free pages [first, end) of one range, which are on no list, merged with what is
 * beside them; what is no block is a single page. */
void buddy_insert_run(struct page_table *table, uint32_t first, uint32_t end);

/* Takes a block of an order >= 1; merges single pages for it if it must, zeroed ones last.  Returns
 * its first page; its pages are free, of order 0, and on no list.  PAGE_NONE: no free pages lie so. */
uint32_t buddy_take(struct page_table *table, uint32_t order);

/* Free blocks of an order; of order 0: single pages, zeroed or not. */
uint32_t buddy_count(const struct page_table *table, uint32_t order);

/* While there is no single page but zeroed ones: makes some of the smallest block, or of a part of it.
 * False: there is no block. */
bool buddy_refill(struct page_table *table);

/* NULL, or the first invariant that does not hold; *pages: how many are in blocks. */
const char *buddy_check(const struct page_table *table, uint32_t *pages);

#endif
