/* The walks that are too long to be written out at each use: see walk.h.  Tables on the way to a leaf
 * are made here, and nowhere else. */
#include "walk.h"

#include "check.h"

struct walk_path walk_path(const struct vspace *space, vaddr_t address)
{
    const struct frame_table *frames = space->pool->frames;
    struct walk_path path = {.level = SV39_LEVELS - 1};
    path.slot[path.level] = walk_slot(frames, space->root, address, path.level);
    while (path.level > 0) {
        pte_t entry = walk_load(path.slot[path.level]);
        if (!sv39_is_valid(entry))
            break;
        path.level--;
        path.slot[path.level] = walk_slot(frames, walk_table(entry), address, path.level);
    }
    return path;
}

pte_t *walk_make_leaf(struct vspace *space, vaddr_t address)
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

unsigned walk_skip_empty(const pte_t *entries, unsigned index)
{
    while (index % 8 != 0 && entries[index].bits == 0)
        index++;
    for (const pte_t *e = &entries[index]; index % 8 == 0; index += 8, e += 8) {
        MM_ASSERT(index < SV39_ENTRIES);
        if ((e[0].bits | e[1].bits | e[2].bits | e[3].bits | e[4].bits | e[5].bits | e[6].bits |
             e[7].bits) != 0)
            break;
    }
    while (entries[index].bits == 0)
        index++;
    return index;
}
