/* Accessed bits: harvested from the page tables for a window of neighbours in one call, and kept in the page
 * records until somebody asks.  A bit that was cleared in a table is in a record, so none is lost, and who
 * takes it from there clears it, so none counts twice. */
#ifndef PAGER_ACCESSED_H
#define PAGER_ACCESSED_H

#include <stdbool.h>
#include <stdint.h>

struct object;
struct vm;

/* The first access of a page says nothing: each page came in for one.  It is not counted, whether it brought
 * the page or the page was read in ahead of it. */
enum accessed_first {
    ACCESSED_BEFORE, /* the first access was seen some time ago */
    ACCESSED_ONCE,   /* when the tables were looked at the last time: it may be just over */
    ACCESSED_NEVER
};

/* Was the page of an object accessed since it was asked for the last time?  Looks at the tables if that was
 * not done in this step of reclaim; nothing is cleared in the record. */
bool accessed_test(struct vm *vm, uint32_t page);

/* The same, and clears it. */
bool accessed_take(struct vm *vm, uint32_t page);

#endif
