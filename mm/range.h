/* Private to mm/: the walk of the calls on ranges, at most VSPACE_STEP entries a call. */
#ifndef MM_RANGE_H
#define MM_RANGE_H

#include "check.h"
#include "removal.h"

/* Where a range call stands. */
struct range {
    struct vspace *space;
    vaddr_t address;
    uint64_t pages;   /* of the whole call */
    uint64_t passed;  /* of them behind us */
    uint64_t visited; /* entries */
    uint64_t most;    /* pages of a piece, unless it is a whole leaf table */
};

/* The next pages that are treated alike: a subtree that is absent, or entries of one leaf table. */
struct range_piece {
    struct walk_path path; /* level 0: slot[0] is the first page's entry */
    vaddr_t address;
    uint64_t pages;
};

static inline uint64_t range_least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline struct range range_start(struct vspace *space, vaddr_t address, uint64_t pages)
{
    MM_ASSERT((address.value & (PAGE_BYTES - 1)) == 0 && address.value <= FL_USER_END);
    MM_ASSERT(pages <= (FL_USER_END - address.value) >> PAGE_SHIFT);
    return (struct range){.space = space, .address = address, .pages = pages, .most = VSPACE_STEP};
}

/* False when the range or this step's work is at its end. */
bool range_next(struct range *range, struct range_piece *piece);

#endif
