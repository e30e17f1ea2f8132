/* See ranges.h. */
#include "ranges.h"

#define PAGE 4096ull

static void insert(struct ranges *ranges, unsigned index, uint64_t start, uint64_t end)
{
    if (ranges->count == RANGES_MAX) {
        ranges->dropped = true;
        return;
    }
    for (unsigned i = ranges->count; i > index; i--)
        ranges->at[i] = ranges->at[i - 1];
    ranges->at[index].start = start;
    ranges->at[index].end = end;
    ranges->count++;
}

static void erase(struct ranges *ranges, unsigned index)
{
    for (unsigned i = index + 1; i < ranges->count; i++)
        ranges->at[i - 1] = ranges->at[i];
    ranges->count--;
}

void ranges_append(struct ranges *ranges, uint64_t start, uint64_t end)
{
    start = (start + PAGE - 1) & ~(PAGE - 1);
    end &= ~(PAGE - 1);
    if (start < end)
        insert(ranges, ranges->count, start, end);
}

void ranges_subtract(struct ranges *ranges, uint64_t start, uint64_t end)
{
    start &= ~(PAGE - 1);
    end = (end + PAGE - 1) & ~(PAGE - 1);
    if (start >= end)
        return;
    for (unsigned i = 0; i < ranges->count; i++) {
        uint64_t old_start = ranges->at[i].start;
        uint64_t old_end = ranges->at[i].end;

        if (end <= old_start || start >= old_end)
            continue;
        erase(ranges, i);
        if (end < old_end)
            insert(ranges, i, end, old_end);
        if (old_start < start)
            insert(ranges, i, old_start, start);
        else if (end >= old_end)
            i--; /* nothing is left of it: look at what moved here (wraps to 0 by i++) */
    }
}

unsigned ranges_longest(const struct ranges *ranges)
{
    unsigned best = 0;

    for (unsigned i = 1; i < ranges->count; i++) {
        if (ranges->at[i].end - ranges->at[i].start > ranges->at[best].end - ranges->at[best].start)
            best = i;
    }
    return best;
}
