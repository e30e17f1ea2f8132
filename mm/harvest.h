/* Private to mm/: filling struct fl_harvest. */
#ifndef MM_HARVEST_H
#define MM_HARVEST_H

#include "abi.h"

/* Bits (FL_HARVEST_*) of the page-th page that has bits. */
static inline void harvest_note(struct fl_harvest *result, uint64_t page, uint64_t bits)
{
    result->bits[page / 32] |= bits << 2 * (page % 32);
}

#endif
