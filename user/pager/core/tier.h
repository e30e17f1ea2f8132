/* The store of compressed pages (compress.h) as a place where pages go that leave memory: before a disk, or
 * where there is none.
 *
 *     in memory --tier_put--> out: leaf = handle, the frame is the store's or free --tier_get--> in memory
 *                                     |
 *                                     +--- its bytes are not those that were put ---> out as before: whoever
 *                                          touches it is told so
 *
 * It is used when the setting `compress` says so: the share of memory, in percent, that the store's
 * frames may take.  What packs badly goes on to a disk, and so does everything while the store is full:
 * then the store holds what was not touched for longest, and the disk what left later.  Pages are not
 * moved from the one to the other: that saves reads, but where a read takes less than a millisecond or so it
 * costs more than it saves (docs/measurements.md).
 *
 * A put takes no free frame: the store has COMPRESS_RESERVE spare ones from the start, and takes the frame of
 * the page that it was given when it has fewer.  What it does not need any more is free at once.
 *
 * A page that did not pay is not tried again before it is written (PAGE_DENSE), and a store that found no
 * room takes nothing until a page of it went.
 *
 *  V7  as many leaves are handles as the store has pages, and all name other ones; it has at most
 *      COMPRESS_RESERVE spare frames, and none when it is off. */
#ifndef PAGER_TIER_H
#define PAGER_TIER_H

#include "compress.h"

#define TIER_MOST    75u /* percent */
#define TIER_STEP    8u  /* pages that a step of reclaim, or of load control, packs at most ... */
#define TIER_ADVISED 64u /* ... and advice: what is left goes with the clock */
/* 30 units hold the pages of 5 frames in 4: one page more than frames for so many. */
#define TIER_LEAST 4u
/* Pages of 4:1 are believed in where a promise only has to be plausible (commit.h). */
#define TIER_PROMISED 4u

struct vm;

/* Since the start. */
struct tier_counts {
    uint64_t put;
    uint64_t got;
    uint64_t dense;  /* pages that did not pay */
    uint64_t broken; /* pages that could not be unpacked, each time that one was wanted */
};

struct tier {
    struct compress store;
    uint32_t percent; /* of memory; 0: off */
    uint32_t limit;   /* frames; the store's own is above while it holds more */
    bool full;
    struct tier_counts counts;
};

void tier_init(struct vm *vm);

/* Sets the share of memory, 0..TIER_MOST percent.  With 0 nothing is put any more, and what is there stays
 * until it is wanted.  0; EINVAL; ENOMEM: no frames to begin with, or too little room, in memory and on
 * disks, for what the store holds above a smaller share. */
int tier_set(struct vm *vm, uint64_t percent);

/* Puts a page that nobody maps, of an object, into the store: *leaf is what takes its place.  The caller
 * calls tier_settle when the page's frame is free.  dirty: it may have been written since it was tried.
 * False: the store does not take it. */
bool tier_put(struct vm *vm, uint32_t page, bool dirty, uint64_t *leaf);

/* Writes what the leaf names into a page.  False: it is broken. */
bool tier_get(struct vm *vm, uint64_t leaf, uint32_t page);

/* Forgets what the leaf names. */
void tier_drop(struct vm *vm, uint64_t leaf);

/* Gives and takes frames, as the store needs them now. */
void tier_settle(struct vm *vm);

/* True if a page that packs well would be taken now. */
static inline bool tier_takes(const struct tier *tier)
{
    return tier->percent > 0 && !tier->full;
}

/* True if pages may be in it, now or soon. */
static inline bool tier_is_used(const struct tier *tier)
{
    return tier->percent > 0 || tier->store.pages > 0;
}

/* Pages that find room in no more frames than are left to it, above those that the frames hold now:
 * as many as if all packed as badly as any that it takes. */
static inline uint32_t tier_gain(const struct tier *tier)
{
    uint32_t frames = compress_frames(&tier->store);

    return tier_takes(tier) && tier->limit > frames ? (tier->limit - frames) / TIER_LEAST : 0;
}

/* Pages that it holds above what it may, after its share became smaller: there must be room for them elsewhere. */
uint32_t tier_excess(const struct tier *tier);

/* Pages that may be in it at most where they pack well. */
static inline uint64_t tier_plausible(const struct tier *tier)
{
    return (uint64_t)tier->limit * TIER_PROMISED;
}

#endif
