/* Makes page-reference traces short: drops references that no sensible policy would notice.
 *
 * Of references to one page, t1 < t2 < t3, the middle one is dropped when fewer than REDUCE_NEAR other
 * pages lie between t1 and t3.  In memories of at least REDUCE_NEAR frames neither LRU nor Belady's
 * optimum has a miss more or less for it (Kaplan, Smaragdakis and Wilson 2003, "safely allowed drop"),
 * and pages in steady use still show up again and again. */
#ifndef REPLACE_REDUCE_H
#define REPLACE_REDUCE_H

#include <stdint.h>

#define REDUCE_NEAR 24u

struct reduced {
    uint64_t *page; /* references that are kept so far */
    uint32_t count;
    uint32_t limit; /* room for so many */
};

/* The next reference.  What does not fit is lost. */
void reduce_take(struct reduced *reduced, uint64_t page);

#endif
