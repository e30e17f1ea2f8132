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

/* The leaf slot of an address; tables on the way are taken from the pool. */
static inline pte_t *leaf_make(struct vspace *space, vaddr_t address)
{
    struct frame_table *frames = space->pool->frames;
    struct walk_path path = walk_path(space, address);
    for (unsigned level = path.level; level > 0; level--) {
        frame_t table = table_pool_take(space->pool, vspace_pack_owner(space, address, level - 1));
        space->tables++;
        frame_entry(frames, walk_table_of(frames, path.slot[level]))->count++;
        walk_publish(path.slot[level], sv39_table_entry(table));
        path.slot[level - 1] = walk_slot(frames, table, address, level - 1);
    }
    return path.slot[0];
}

#endif
