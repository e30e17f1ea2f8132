/* Same-page merging: private pages with the same bytes share one frame, until one of them is written.
 * What Linux calls KSM, with its names for calls, figures and rules.
 *
 *     frame of an object --the scanner finds its bytes twice--> merged: several leaves name one frame
 *            ^                                                     |
 *            +---- written: a copy, or the frame if no other ------+
 *                  leaf names it
 *
 * A merged page is no object's.  To an object its leaf says what that of a slot says: the bytes are not in
 * a frame of mine, they are there; so fork, collapse, unmap and the end of a space move or drop leaves as
 * those of pages that are out, and nothing is read.  It is found by its sum, in a table of chains.
 *
 * Merged are pages of private anonymous memory, or private copies of a file's, that programs asked for by
 * MADV_MERGEABLE.  The scanner goes round those entries.  A page must have had the same sum when it was
 * looked at before, or it changes too often to be worth it.  It is compared with the merged page of that
 * sum, else with the page that had the sum last in this pass.  Before bytes are compared both pages leave
 * all page tables: nobody writes between the comparison and the change of the leaf.  A page of zeros takes
 * no frame at all: its leaf says zeros, and reads show the zero page.
 *
 * It is left alone while
 *   - an entry shows it that was not advised so, or is wired: who locks memory means to write it at once.
 *     mlock itself makes pages that may be written its program's own again, as a write would;
 *   - it is busy, or on its way out.
 *
 * Merged pages do not leave for swap, since nobody knows who shows them; so there are at most
 * 1/SAMEPAGE_SHARE of all frames.  One that has a single leaf left is given back to its object by the next
 * pass, and is a page like any other.  They are charged to nobody, and count in full for what a program has
 * in memory (RSS), as on Linux.  Promises (commit.h) do not change: each leaf may become a frame again.
 *
 * It is off by default, for it tells secrets: whose write takes the time of a copy had a page that
 * somebody else has too.  `merge` in user/apps/course measures it.
 *
 * Work.  The driver calls samepage_step in idle time until it says that there is nothing to do: two passes
 * in a row found nothing.  Where there is no idle time samepage_note_call looks at a page now and then; and
 * it wakes the idle work, since what programs write to pages that they have nobody tells.
 *
 *  M1  a page is PAGE_MERGED exactly if leaves of anonymous objects name it as merged, and `sharers` is how
 *      many do;
 *  M2  merged pages are in the chain of their sum once, and it is the sum of their bytes: nobody can write
 *      them;
 *  M3  `sharing` is the number of all these leaves;
 *  M4  the tables exist exactly while merging is not off or pages are merged. */
#ifndef PAGER_SAMEPAGE_H
#define PAGER_SAMEPAGE_H

#include "object.h"

#define SAMEPAGE_SHARE   4u    /* at most this part of memory is merged pages */
#define SAMEPAGE_STEP    4u    /* pages that a step looks at, some 2,600 instructions each ... */
#define SAMEPAGE_ENTRIES 64u   /* ... and entries that it passes */
#define SAMEPAGE_CALLS   8u    /* for each so many one page is looked at ... */
#define SAMEPAGE_WAKE    256u  /* ... and for each so many idle time is used again; a multiple */
#define SAMEPAGE_BARREN  2u    /* passes without progress that end it */
#define SAMEPAGE_BUCKETS 1024u /* of a frame */
#define SAMEPAGE_FRAMES  256u  /* of a table, at most */

enum samepage_mode {
    SAMEPAGE_OFF,     /* nothing is merged any more; what is merged stays so */
    SAMEPAGE_ON,      /* equal pages are looked for */
    SAMEPAGE_UNMERGE, /* all that is merged gets frames of its own; off when that is done */
    SAMEPAGE_MODES
};

/* Since the start. */
struct samepage_counts {
    uint64_t scanned;    /* pages that were looked at */
    uint64_t full_scans; /* passes over all mergeable entries */
    uint64_t changing;   /* times that a page had another sum than before */
    uint64_t merged;     /* pages that gave up their frames to a merged one */
    uint64_t zero;       /* the same, for the zero page */
    uint64_t copied;     /* copies because a merged page was to be written */
    uint64_t taken;      /* merged pages that were given back to their last object */
    uint64_t sought;     /* leaves that were looked at for merged pages of a range */
};

struct samepage {
    uint32_t *chains;  /* of merged pages: the first of each */
    uint32_t *seen;    /* page of a sum; any number, of which nothing is known */
    uint32_t frames;   /* of both tables */
    uint32_t buckets;  /* of each; a power of two */
    uint32_t salt;     /* of `seen`: who is in each other's way in one pass is not in the next */
    uint32_t zero_sum; /* of a page of zeros */
    uint64_t sharing;  /* leaves that name merged pages */
    uint64_t address;  /* where the scanner is ... */
    uint32_t space;    /* ... in which space */
    uint32_t progress; /* pages of this pass that were merged, or got frames again */
    uint32_t barren;   /* passes in a row without progress */
    uint32_t calls;    /* since the start */
    uint8_t mode;      /* enum samepage_mode */
    struct samepage_counts counts;
};

/* Switches it.  False: no memory for the tables, and nothing changed. */
bool samepage_set(struct vm *vm, enum samepage_mode mode);

/* Does a bounded part of a pass.  False: there is nothing to do until the port's stock_is_low. */
bool samepage_step(struct vm *vm);

/* The driver calls this after each call of a program while merging is not off. */
void samepage_note_call(struct vm *vm);

/* Entries were advised to be merged: the scanner is to go on. */
void samepage_wake(struct vm *vm);

/* Page `index` of an object, which is merged, gets a frame of the object's own, in state PAGE_OBJECT with the
 * same bytes.  Where the tables show it they go on to show the merged one.  False: no frame, and nothing
 * changed. */
bool samepage_break(struct vm *vm, struct object *object, uint64_t index);

/* The same for what an entry shows in [*start, end), wherever it lies; the pages leave the tables of all who
 * show them.  False: no frame for the page at *start; those before have theirs. */
bool samepage_break_range(struct vm *vm, const struct entry *entry, uint64_t *start, uint64_t end);

/* A leaf that named a merged page is gone, and nobody maps the page for its sake any more. */
void samepage_drop(struct vm *vm, uint32_t page);

/* Frames that are saved: leaves beyond the first of each merged page. */
uint64_t samepage_saved(const struct vm *vm);

/* What the walk over all objects adds up for M1: of each leaf, and of each merged page for all of its leaves.
 * Different sets of leaves have the same sum by chance only, 1 in 2^64. */
static inline uint64_t samepage_tally(uint32_t page)
{
    uint64_t value = (page + 1) * 0x9e3779b97f4a7c15ull;

    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
    return value ^ value >> 31;
}

/* NULL, or the first invariant that does not hold.  tally, leaves: over all leaves that name merged pages. */
const char *samepage_check(const struct vm *vm, uint64_t tally, uint64_t leaves);

/* ---- for the files of samepage ---- */

/* The first page of [*index, last) of its object that an entry of anonymous memory shows, and that is
 * somewhere: *index, and returns the object that holds it.  NULL: there is none. */
struct object *samepage_next(const struct entry *entry, uint64_t *index, uint64_t last);

/* Page `index` of an object leaves the tables of all who show it. */
void samepage_unmap(struct vm *vm, const struct object *object, uint64_t index);

/* As samepage_break, for all who show the page. */
bool samepage_break_for_all(struct vm *vm, struct object *object, uint64_t index);

/* The sum by which a page is known. */
uint32_t samepage_sum(const void *contents);

/* The place in `chains` of a sum. */
static inline uint32_t *samepage_chain(const struct samepage *samepage, uint32_t sum)
{
    return &samepage->chains[sum & (samepage->buckets - 1)];
}

/* Makes a page of an object, which nobody maps, a merged one with the sum that it has now. */
void samepage_found(struct vm *vm, uint32_t page);

/* A page of an object, which nobody maps and whose bytes are those of a merged one, becomes that. */
void samepage_join(struct vm *vm, uint32_t page, uint32_t merged);

/* Frees the tables if they are not needed any more. */
void samepage_settle(struct vm *vm);

#endif
