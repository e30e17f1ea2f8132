/* Accessed bits: harvested from the page tables for a window of neighbours in one call, by replacement when it
 * asks for a page of them, and by the sweep at the end of a window of time (window.h).  Both notes are made
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

struct object;
struct vm;

/* Looks at the tables for the page of an object and its neighbours.  Returns how many questions that took. */
uint32_t accessed_harvest(struct vm *vm, uint32_t page);

/* Was the page of an object accessed since it was asked for the last time?  Looks at the tables if that was
 * not done in this step of reclaim; nothing is cleared in the record. */
bool accessed_test(struct vm *vm, uint32_t page);

/* The same, and clears it. */
bool accessed_take(struct vm *vm, uint32_t page);

#endif
