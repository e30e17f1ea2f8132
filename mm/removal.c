/* How entries end: exchange, fence, drop.  Invariants R1 and R2 are in removal.h. */
#include "removal.h"

#include "check.h"

_Static_assert(PTE_A >> 6 == FRAME_STICKY_ACCESSED && PTE_D >> 6 == FRAME_STICKY_DIRTY,
               "A and D of an entry to sticky bits");

void removal_take(struct removal *removal, pte_t *slot, vaddr_t address)
{
    MM_ASSERT(removal->ended < REMOVAL_ENTRIES);
    removal->entries[removal->ended++] = walk_exchange(slot, (pte_t){0});
    removal_note(removal, address, 1);
}

void removal_take_run(struct removal *removal, pte_t *slot, vaddr_t address, uint64_t pages)
{
    uint32_t ended = 0;
    MM_ASSERT(removal->ended == 0 && pages <= REMOVAL_ENTRIES);
    for (uint64_t i = 0; i < pages; i++) {
        if (!sv39_is_valid(walk_load(&slot[i])))
            continue;
        removal->entries[ended++] = walk_exchange(&slot[i], (pte_t){0});
    }
    removal->ended = ended;
    if (ended > 0)
        removal_note(removal, address, pages);
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

/* R1's last step for an entry. */
static inline void removal_drop(const struct frame_table *frames, pte_t entry,
                                struct frame_drops *drops)
{
    MM_ASSERT(sv39_is_valid(entry));
    frame_drop_map(frames, sv39_frame(entry), (uint32_t)(entry.bits & PTE_AD) >> 6, drops);
}

/* R2's last step. */
static void removal_return_tables(const struct removal *removal)
{
    struct vspace *space = removal->space;
    for (uint32_t i = 0; i < removal->unlinked; i++) {
        space->tables--;
        table_pool_return(space->pool, removal->tables[i]);
    }
}

void removal_finish(const struct removal *removal)
{
    struct frame_table *frames = removal->space->pool->frames;
    const struct frame_table fixed = *frames; /* what it says of where frames are, in registers */
    struct frame_drops drops = {0, 0};
    removal_fence(removal);
    for (uint32_t i = 0; i < removal->ended; i++)
        removal_drop(&fixed, removal->entries[i], &drops);
    frame_count_drops(frames, drops);
    removal_return_tables(removal);
}

void removal_replace_one(struct vspace *space, pte_t *slot, vaddr_t address, pte_t replacement)
{
    struct frame_drops drops = {0, 0};
    pte_t old = walk_exchange(slot, (pte_t){0});
    mmu_fence_page(space, address);
    walk_publish(slot, replacement);
    removal_drop(space->pool->frames, old, &drops);
    frame_count_drops(space->pool->frames, drops);
}

unsigned removal_end_table(struct vspace *space, const struct walk_path *path)
{
    struct frame_table *frames = space->pool->frames;
    const struct frame_table fixed = *frames;
    struct frame_drops drops = {0, 0};
    struct removal removal;
    frame_t table = walk_table_of(frames, path->slot[0]);
    uint32_t left = frame_entry(frames, table)->count;
    pte_t *const entries = frame_contents(frames, table), *slot = entries;
    removal_start(&removal, space);
    frame_entry(frames, table)->count = 0;
    removal_unlink_tables(&removal, path);
    removal_fence(&removal);
    for (; left > 0; left--, slot++) {
        if (slot->bits == 0)
            slot = entries + walk_skip_empty(entries, (unsigned)(slot - entries));
        removal_drop(&fixed, *slot, &drops);
        *slot = (pte_t){0};
    }
    frame_count_drops(frames, drops);
    removal_return_tables(&removal);
    return (unsigned)(slot - entries);
}
