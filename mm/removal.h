/* Private to mm/: the one order in which entries end.
 *
 *  R0  an entry that takes another's place is written when that one is fenced: else one thread would write
 *      the new frame while another still reads the old one;
 *  R1  an entry is exchanged, then fenced, and only then its frame loses the mapping and gets
 *      the entry's A and D;
 *  R2  a table is unlinked when its last entry is gone or all of them shall go, fenced without an
 *      address (an address orders leaf entries only), and only then goes back to the pool.
 * A removal is filled by its caller and ended by removal_finish before progress is reported.
 * Spec: RISC-V Privileged 1.12, 4.2.1. */
#ifndef MM_REMOVAL_H
#define MM_REMOVAL_H

#include "walk.h"

#define REMOVAL_ENTRIES 64u
_Static_assert(REMOVAL_ENTRIES >= FL_ITEM_PAGES, "a run of a reply is committed by one removal");

struct removal {
    struct vspace *space;
    vaddr_t address;   /* of the first page that may need a fence, if it is the only one */
    uint64_t fences;   /* pages that may: ended, replaced or with fewer rights */
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

/* Among the entries of `pages` pages from this address on some were changed so that a translation made
 * from them must not survive. */
static inline void removal_note(struct removal *removal, vaddr_t address, uint64_t pages)
{
    removal->address = address;
    removal->fences += pages;
}

/* Ends the valid entry in a slot.  At most REMOVAL_ENTRIES. */
void removal_take(struct removal *removal, pte_t *slot, vaddr_t address);
/* Ends the valid ones of `pages` entries from a slot on, the first entries of this removal. */
void removal_take_run(struct removal *removal, pte_t *slot, vaddr_t address, uint64_t pages);
/* A removal of one entry, from start to finish: replaces a valid one by another valid one. */
void removal_replace_one(struct vspace *space, pte_t *slot, vaddr_t address, pte_t replacement);
/* Unlinks the tables on the path (down to a leaf table) that have become empty, the leaf table
 * first, never the root.  At most once in a removal. */
void removal_unlink_tables(struct removal *removal, const struct walk_path *path);
/* Fences, drops the map counts, gives the tables back. */
void removal_finish(const struct removal *removal);
/* A removal of all entries of the leaf table that a path leads to: once the table is unlinked and
 * fenced nobody else comes to its entries, so they are read and cleared in passing.  Returns the index
 * after the last one. */
unsigned removal_end_table(struct vspace *space, const struct walk_path *path);

#endif
