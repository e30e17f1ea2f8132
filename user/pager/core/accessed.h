/* Accessed bits: harvested from the page tables for a window of neighbours in one call, by replacement when it
 * asks for a page of them, and by the sweep at the end of a window of time (window.h); by advice for the pages that it
 * names.  Both notes are made
 * whoever asked: PAGE_ACCESSED stays in the page record until replacement asks for it, and the page counts
 * for the window of time.  So a bit that was cleared in a table is lost to neither, and none counts twice.
 *
 * The first access of a page says nothing to replacement: each page came in for one.  It is not counted,
 * whether it brought the page or the page was read in ahead of it: the look that finds it clears PAGE_NEW.
 *
 * A page that was written since it came from swap is found with it, by its D bit, and its copy there is given up:
 * slots that nobody can use would lie between free ones, and page-out writes runs of them. */
#ifndef PAGER_ACCESSED_H
#define PAGER_ACCESSED_H

#include <stdbool.h>
#include <stdint.h>

#include "swap.h"

struct object;
struct vm;

/* What a look at a window of neighbours, or at some of them, found: the pages that the object has in frames.  Bit k is page
 * first + k of the object. */
struct accessed_window {
    struct object *object; /* NULL: nothing was looked at, or pages left since */
    uint64_t first;
    uint32_t questions;          /* to the tables */
    uint32_t wired;              /* pages that a wired entry shows */
    uint32_t count;              /* in order: */
    uint32_t page[SWAP_CLUSTER]; /* its record ... */
    uint8_t bit[SWAP_CLUSTER];   /* ... and where it lies */
};

/* Looks at the tables for `pages` pages of an object from `first` on, all between two multiples of SWAP_CLUSTER.  What it
 * returns is right until the next look, or until the first of the pages leaves. */
const struct accessed_window *accessed_look(struct vm *vm, struct object *object, uint64_t first,
                                            uint32_t pages);

/* The same for a page of an object and all its neighbours, unless that was the last look of this step of reclaim. */
const struct accessed_window *accessed_look_around(struct vm *vm, uint32_t page);

/* Looks at the tables for the page of an object and its neighbours.  Returns how many questions that took. */
uint32_t accessed_harvest(struct vm *vm, uint32_t page);

/* Was the page of an object accessed since it was asked for the last time?  Looks at the tables if that was
 * not done in this step of reclaim; nothing is cleared in the record. */
bool accessed_test(struct vm *vm, uint32_t page);

/* The same, and clears it. */
bool accessed_take(struct vm *vm, uint32_t page);

#endif
