/* Makes page-reference traces short: see reduce.h. */
#include "reduce.h"

#include <string.h>

#define REDUCE_LOOK_BACK 256u /* references: more than near pages have, which are three each */

/* Counts the pages other than `page` behind place `from`, up to REDUCE_NEAR. */
static uint32_t reduce_count_between(const struct reduced *reduced, uint32_t from, uint64_t page)
{
    uint64_t seen[REDUCE_NEAR];
    uint32_t count = 0;

    for (uint32_t i = from + 1; i < reduced->count && count < REDUCE_NEAR; i++) {
        uint64_t other = reduced->page[i];
        uint32_t k = 0;

        while (k < count && seen[k] != other)
            k++;
        if (other != page && k == count)
            seen[count++] = other;
    }
    return count;
}

/* The place before `before` where this page was last, or UINT32_MAX. */
static uint32_t reduce_find_back(const struct reduced *reduced, uint32_t before, uint64_t page)
{
    uint32_t end = reduced->count > REDUCE_LOOK_BACK ? reduced->count - REDUCE_LOOK_BACK : 0;

    while (before > end)
        if (reduced->page[--before] == page)
            return before;
    return UINT32_MAX;
}

static void reduce_drop(struct reduced *reduced, uint32_t place)
{
    uint64_t *at = reduced->page + place;

    memmove(at, at + 1, (reduced->count - place - 1) * sizeof *at);
    reduced->count--;
}

void reduce_take(struct reduced *reduced, uint64_t page)
{
    uint32_t middle = reduce_find_back(reduced, reduced->count, page), first;

    if (middle != UINT32_MAX) {
        if (middle + 1 == reduced->count)
            return;
        first = reduce_find_back(reduced, middle, page);
        if (first != UINT32_MAX && reduce_count_between(reduced, first, page) < REDUCE_NEAR)
            reduce_drop(reduced, middle);
    }
    if (reduced->count < reduced->limit)
        reduced->page[reduced->count++] = page;
}
