/* Private to mm/: filling struct fl_harvest. */
#ifndef MM_HARVEST_H
#define MM_HARVEST_H

#include "abi.h"

/* Nothing is noted of so many pages, at most FL_HARVEST_PAGES; what lies behind their bits is not touched. */
static inline void harvest_clear(struct fl_harvest *result, uint64_t pages)
{
    result->absent = 0;
    for (uint64_t word = 0; word < FL_HARVEST_WORDS(pages); word++)
        result->bits[word] = 0;
}

/* Bits (FL_HARVEST_*) of the page-th page that has bits. */
static inline void harvest_note(struct fl_harvest *result, uint64_t page, uint64_t bits)
{
    result->bits[page / 32] |= bits << 2 * page % 64;
}

#endif
