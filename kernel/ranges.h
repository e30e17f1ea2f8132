/* Lists of physical ranges: which RAM is left after firmware, image, initrd and reserved memory.
 *
 *  G1  ranges of a list are page-aligned, not empty, sorted and disjoint.
 * Pure: also built on the host. */
#ifndef KERNEL_RANGES_H
#define KERNEL_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RANGES_MAX 48u

struct ranges {
    unsigned count;
    bool dropped; /* a piece found no place in the list */
    struct {
        uint64_t start;
        uint64_t end;
    } at[RANGES_MAX];
};

/* Adds [start, end), rounded inwards to pages, behind all ranges that are there already. */
void ranges_append(struct ranges *ranges, uint64_t start, uint64_t end);
/* Takes [start, end), rounded outwards to pages, out of every range. */
void ranges_subtract(struct ranges *ranges, uint64_t start, uint64_t end);
/* Index of the longest range; the list is not empty. */
unsigned ranges_longest(const struct ranges *ranges);

#endif
