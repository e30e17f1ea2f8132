/* Private to mm/: the one order in which entries end.
 *
 *  R1  an entry is exchanged, then fenced, and only then its frame loses the mapping and gets
 *      the entry's A and D;
 *  R2  a table is unlinked when its last entry is gone, fenced without an address (an address
 *      orders leaf entries only), and only then goes back to the pool.
 * A removal is filled by its caller and ended by removal_finish before progress is reported.
 * Spec: RISC-V Privileged 1.12, 4.2.1. */
#ifndef MM_REMOVAL_H
#define MM_REMOVAL_H

#include "walk.h"

#define REMOVAL_ENTRIES 64u
_Static_assert(REMOVAL_ENTRIES >= FL_ITEM_PAGES, "a run of a reply is committed by one removal");

struct removal {
    struct vspace *space;
    vaddr_t address;   /* of one entry that needs a fence */
    uint32_t fences;   /* entries that need one: ended, replaced or with fewer rights */
    uint32_t ended;    /* of entries[]: their frames lose a mapping */
    uint32_t unlinked; /* of tables[] */
    frame_t tables[SV39_LEVELS - 1];
    pte_t entries[REMOVAL_ENTRIES];
};

/* Starts a removal; entries[] is not touched. */
static inline void removal_start(struct removal *removal, struct vspace *space)
{
    removal->space = space;
    removal->fences = 0;
    removal->ended = 0;
    removal->unlinked = 0;
}

/* An entry of this address was changed so that a translation made from it must not survive. */
static inline void removal_note(struct removal *removal, vaddr_t address)
{
    removal->address = address;
    removal->fences++;
}

/* Ends the valid entry in a slot, or replaces it by another valid one.  At most REMOVAL_ENTRIES. */
void removal_take(struct removal *removal, pte_t *slot, vaddr_t address, pte_t replacement);
/* Unlinks the tables on the path (down to a leaf table) that have become empty, the leaf table
 * first, never the root.  At most once in a removal. */
void removal_unlink_tables(struct removal *removal, const struct walk_path *path);
/* Fences, drops the map counts, gives the tables back. */
void removal_finish(struct removal *removal);

#endif
