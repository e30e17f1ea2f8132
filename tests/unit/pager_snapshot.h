/* All that programs can see, as text: of each space its areas with their rights and flags, the bytes of
 * its pages, limits, break and open files; names, sizes and bytes of files; promises.  Two states that no
 * program can tell apart give the same text; numbers of files and counts of faults are left out.
 *
 * What a page shows is found here by a search of its own, without the core's fault path, and nothing is
 * changed by looking. */
#ifndef PAGER_SNAPSHOT_H
#define PAGER_SNAPSHOT_H

#include "pager_slow.h"

#define SNAPSHOT_BYTES   (64u * 1024)
#define SNAPSHOT_OBJECTS 128u

/* What is left out; each may be NULL. */
struct snapshot_mask {
    const struct space *space; /* the bytes of [start, end) */
    uint64_t start;
    uint64_t end;
    bool whole;                            /* all of the space */
    const struct object *file;             /* its size and bytes, also where it is mapped */
    const struct description *description; /* its position */
};

struct snapshot {
    char text[SNAPSHOT_BYTES];
    uint32_t bytes;
    const void
        *known[SNAPSHOT_OBJECTS]; /* what has a number here, in the order in which it appeared */
    uint32_t knowns;
};

/* mask: NULL, or what to leave out. */
void snapshot_take(struct snapshot *snapshot, const struct fake *fake,
                   const struct snapshot_mask *mask);

/* NULL if two are the same; else the first line of `is` that differs, good until the next call. */
const char *snapshot_differs(const struct snapshot *was, const struct snapshot *is);

/* What an entry's page shows, or NULL: zeros.  *bytes: how many of it, zeros behind.  *own: in the entry's
 * object itself. */
const uint8_t *snapshot_find(const struct fake *fake, const struct entry *entry, uint64_t address,
                             uint64_t *bytes, bool *own);

/* NULL, or what is wrong: the tables map what no area shows, other bytes than it shows, or with rights
 * that it has not.  `page tables are only a cache', so nothing of it must be mapped. */
const char *snapshot_check_tables(struct fake *fake);

/* Frames and records in use, as text of the same kind. */
void snapshot_take_resources(struct snapshot *snapshot, const struct fake *fake);

#endif
