/* Allocators for the pager's own records: each kind cuts whole frames into slots of one size.
 *
 *  S1  a frame of a kind with a free slot is on the kind's list, a full one is not;
 *  S2  a frame without a used slot goes back to the free pages at once, so that metadata leaves no
 *      trace when its owner is gone;
 *  S3  `used` and `frames` are the sums over the kind's frames. */
#ifndef PAGER_SLAB_H
#define PAGER_SLAB_H

#include "page.h"

struct slab;

struct slab_kind {
    struct page_table *table;
    struct slab *partial; /* frames with a free slot */
    uint32_t slot_bytes;
    uint32_t slots; /* of each frame */
    uint32_t used;
    uint32_t frames;
};

/* slot_bytes: at least a pointer, a multiple of 8. */
void slab_kind_init(struct slab_kind *kind, struct page_table *table, uint32_t slot_bytes);

/* Returns a zeroed record, or NULL when no frame is left. */
void *slab_allocate(struct slab_kind *kind);
void slab_release(struct slab_kind *kind, void *record);

/* Moves records until no frame could be saved by moving more: after slabs were used by many, what few
 * still hold takes no more frames than it must.  `move` copies a record and corrects what names it. */
void slab_compact(struct slab_kind *kind, void (*move)(void *from, void *to));

/* NULL, or the number of the first invariant that does not hold for the listed frames. */
const char *slab_check(const struct slab_kind *kind);

#endif
