/* Private to mm/: how entries begin.  Their end is in removal.h. */
#ifndef MM_LEAF_H
#define MM_LEAF_H

#include "walk.h"

/* Fills an invalid slot.  No fence: a core that caches invalid entries takes a spurious fault.
 * The frame's map is counted by the caller. */
static inline void leaf_publish(struct vspace *space, pte_t *slot, pte_t leaf)
{
    const struct frame_table *frames = space->pool->frames;
    frame_entry(frames, walk_table_of(frames, slot))->count++;
    walk_publish(slot, leaf);
}

static inline void leaf_put(struct vspace *space, pte_t *slot, pte_t leaf)
{
    frame_add_map(space->pool->frames, sv39_frame(leaf));
    leaf_publish(space, slot, leaf);
}

#endif
