/* Private to mm/: from an address to the entries that translate it.  Tables are read through the
 * direct map.  Hardware may set A and D of a valid leaf at any moment, so entries are loaded and
 * changed by atomic operations only; everything else in a table changes only under the lock. */
#ifndef MM_WALK_H
#define MM_WALK_H

#include <stddef.h>

#include "sv39.h"
#include "vspace.h"

static inline pte_t walk_load(const pte_t *slot)
{
    return (pte_t){__atomic_load_n(&slot->bits, __ATOMIC_RELAXED)};
}

/* Makes an invalid entry valid: what it names is complete before a walk can see it. */
static inline void walk_publish(pte_t *slot, pte_t entry)
{
    __atomic_store_n(&slot->bits, entry.bits, __ATOMIC_RELEASE);
}

/* Ends or replaces an entry; returns it with the A and D that it had at its end. */
static inline pte_t walk_exchange(pte_t *slot, pte_t entry)
{
    return (pte_t){__atomic_exchange_n(&slot->bits, entry.bits, __ATOMIC_RELEASE)};
}

/* The slot of an address in a table of this level.  Written for few instructions: the index is kept
 * times 8. */
static inline pte_t *walk_slot(const struct frame_table *frames, frame_t table, vaddr_t address,
                               unsigned level)
{
    uint64_t offset = (address.value >> (PAGE_SHIFT + 9 * level - 3)) & (SV39_ENTRIES - 1) << 3;
    return (pte_t *)((uintptr_t)frame_contents(frames, table) + offset);
}

/* The table that a valid entry above a leaf names; such entries have no bits above the number. */
static inline frame_t walk_table(pte_t entry)
{
    return (frame_t){entry.bits >> PTE_PPN_SHIFT};
}

/* The frame of the table that a slot lies in. */
static inline frame_t walk_table_of(const struct frame_table *frames, const pte_t *slot)
{
    return frame_containing((paddr_t){(uintptr_t)slot - frames->direct_offset});
}

/* The slot of a user address in its leaf table, or NULL when there is no such table. */
static inline pte_t *walk_leaf(const struct vspace *space, vaddr_t address)
{
    const struct frame_table *frames = space->pool->frames;
    pte_t entry = walk_load(walk_slot(frames, space->root, address, 2));
    if (!sv39_is_valid(entry))
        return NULL;
    entry = walk_load(walk_slot(frames, walk_table(entry), address, 1));
    if (!sv39_is_valid(entry))
        return NULL;
    return walk_slot(frames, walk_table(entry), address, 0);
}

/* The slots on the way to an address; those below `level` are not there. */
struct walk_path {
    pte_t *slot[SV39_LEVELS];
    unsigned level; /* 0: down to the leaf table; else the level of the first absent entry */
};

struct walk_path walk_path(const struct vspace *space, vaddr_t address);

/* The leaf slot of an address; the tables on the way to it that are absent are taken from the pool,
 * which has as many. */
pte_t *walk_make_leaf(struct vspace *space, vaddr_t address);

/* Index of the first entry from `index` on that is not 0; there is one.  Read eight at a time: small
 * programs have tables that are all but empty. */
unsigned walk_skip_empty(const pte_t *entries, unsigned index);

/* Pages from an address to the end of what its entry at this level spans. */
static inline uint64_t walk_pages_left(vaddr_t address, unsigned level)
{
    uint64_t span = sv39_span_bytes(level);
    return (span - (address.value & (span - 1))) >> PAGE_SHIFT;
}

static inline vaddr_t walk_address_plus(vaddr_t address, uint64_t pages)
{
    return (vaddr_t){address.value + (pages << PAGE_SHIFT)};
}

#endif
