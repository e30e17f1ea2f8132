/* The stock: frames that were zeroed ahead of their use, in idle time.
 *
 * Zeroing is a third of what a zero-fill fault costs, and the only part of it that can be done before
 * anybody knows the address.  Who has nothing else to do calls stock_fill again and again until it says
 * that there is nothing to do, and then waits for stock_is_low of the port:
 *
 *     fills  -- full, or no frame to zero -->  rests  -- low, and a page was wanted -->  fills
 *
 * A zeroed frame is a free frame (P7): counts, promises and limits know no difference, and when others
 * run out the stock is used up for anything.  Dirty frames go first to whoever overwrites them.
 *
 * The stock is 1/32 of memory, at most 256 frames: 1 MiB, what a program or two touch before the next
 * pause.  More would only push out of the caches what is in use, and would be as dirty for it.  It is low
 * below half, so that it is filled in long turns and not after every fault. */
#ifndef PAGER_STOCK_H
#define PAGER_STOCK_H

#include "vm.h"

#define STOCK_PART 32u
#define STOCK_MOST 256u
#define STOCK_STEP 8u /* frames that one call zeroes: some 4,300 instructions */

/* Zeroes some free frames.  Returns how many; 0: the stock is full, or no frame is left to zero. */
uint32_t stock_fill(struct vm *vm);

/* Frames of a full stock. */
static inline uint32_t stock_capacity(const struct vm *vm)
{
    uint32_t part = (vm->table.count - vm->table.counts[PAGE_OUTSIDE]) / STOCK_PART;

    return part < STOCK_MOST ? part : STOCK_MOST;
}

/* Takes a page of zeros: from the stock, or a free one that is zeroed now.  Returns its number, or
 * PAGE_NONE. */
uint32_t stock_take(struct vm *vm, enum page_state state);

#endif
