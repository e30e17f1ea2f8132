/* How entries end: exchange, fence, drop.  Invariants R1 and R2 are in removal.h. */
#include "removal.h"

#include "check.h"

_Static_assert(PTE_A >> 6 == FRAME_STICKY_ACCESSED && PTE_D >> 6 == FRAME_STICKY_DIRTY,
               "A and D of an entry to sticky bits");

void removal_take(struct removal *removal, pte_t *slot, vaddr_t address, pte_t replacement)
{
    MM_ASSERT(removal->ended < REMOVAL_ENTRIES);
    removal->entries[removal->ended++] = walk_exchange(slot, replacement);
    removal_note(removal, address);
}

void removal_unlink_tables(struct removal *removal, const struct walk_path *path)
{
    struct vspace *space = removal->space;
    struct frame_table *frames = space->pool->frames;
    MM_ASSERT(path->level == 0);
    for (unsigned level = 1; level < SV39_LEVELS; level++) {
        frame_t table = walk_table_of(frames, path->slot[level - 1]);
        if (frame_entry(frames, table)->count > 0)
            return;
        MM_ASSERT(removal->unlinked < SV39_LEVELS - 1);
        walk_exchange(path->slot[level], (pte_t){0});
        frame_entry(frames, walk_table_of(frames, path->slot[level]))->count--;
        removal->tables[removal->unlinked++] = table;
    }
}

static void removal_fence(const struct removal *removal)
{
    if (removal->unlinked > 0 || removal->fences > 1)
        mmu_fence_space(removal->space);
    else if (removal->fences == 1)
        mmu_fence_page(removal->space, removal->address);
}

void removal_finish(struct removal *removal)
{
    struct vspace *space = removal->space;
    removal_fence(removal);
    for (uint32_t i = 0; i < removal->ended; i++) {
        pte_t entry = removal->entries[i];
        MM_ASSERT(sv39_is_valid(entry));
        frame_drop_map(space->pool->frames, sv39_frame(entry),
                       (uint32_t)(entry.bits & PTE_AD) >> 6);
    }
    for (uint32_t i = 0; i < removal->unlinked; i++) {
        space->tables--;
        table_pool_return(space->pool, removal->tables[i]);
    }
}
