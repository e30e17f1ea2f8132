/* Entries of a space (areas of equal attributes) and the sorted set that they form: a balanced tree
 * (AVL) whose nodes also know the largest gap below them, threaded by a list.
 *
 *  T1  entries are page-aligned, not empty, in order of address, and do not overlap;
 *  T2  heights of two siblings differ by at most one, and `height` is the real one;
 *  T3  the gap of an entry is the free room between it and the entry before (or address 0), and
 *      gap_max is the largest gap in its subtree;
 *  T4  the list visits the tree in order.
 *
 * Knows nothing of objects: whoever changes an entry's object counts references and keeps the
 * object's list of entries. */
#ifndef PAGER_ENTRY_H
#define PAGER_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

struct object;
struct space;

/* What fork gives the child: a copy (made page by page, when one side writes), or the same memory. */
enum entry_inheritance { ENTRY_COPY, ENTRY_SHARE };
/* What the program says about its accesses. */
enum entry_advice { ENTRY_NORMAL, ENTRY_RANDOM, ENTRY_SEQUENTIAL };

/* Whether the entry's pages are charged to the promises of the whole system (commit.h). */
enum entry_charge {
    ENTRY_UNCHARGED,  /* never was writable */
    ENTRY_CHARGED,    /* was once: stays */
    ENTRY_UNRESERVED, /* the program asked for no promise */
};

/* What an entry was made for. */
enum entry_use { ENTRY_MAPPED, ENTRY_PROGRAM, ENTRY_HEAP, ENTRY_STACK, ENTRY_GUARD };

struct entry {
    struct entry *left;
    struct entry *right;
    struct entry *parent;
    struct entry *next;
    struct entry *previous;
    uint64_t start;
    uint64_t end;
    uint64_t gap_max;          /* bytes */
    struct object *object;     /* NULL: nothing can be here (guard) */
    uint64_t offset;           /* pages: index in the object of the page at `start` */
    struct space *space;       /* whose entry it is */
    struct entry *object_next; /* among the entries that name the object: the reverse map */
    struct entry *object_previous;
    uint8_t protection; /* FL_RIGHT_READ | WRITE | EXEC */
    uint8_t max_protection;
    uint8_t inheritance;
    uint8_t advice;
    uint8_t use;
    uint8_t charge;
    uint8_t height;
    bool wired;     /* mlock: stays resident, may not be dropped */
    bool mergeable; /* madvise: its pages may be shared with equal ones (samepage.h) */
};

struct entry_map {
    struct entry *root;
    struct entry *first;
    struct entry *last;
    uint32_t count;
};

static inline uint64_t entry_pages(const struct entry *entry)
{
    return (entry->end - entry->start) / FL_PAGE_BYTES;
}

/* Index in the object of the page at `address`. */
static inline uint64_t entry_index(const struct entry *entry, uint64_t address)
{
    return (address - entry->start) / FL_PAGE_BYTES + entry->offset;
}

/* Copies what entries of one area share: all but the bounds and the links. */
static inline void entry_copy_attributes(struct entry *entry, const struct entry *like)
{
    entry->object = like->object;
    entry->offset = like->offset;
    entry->protection = like->protection;
    entry->max_protection = like->max_protection;
    entry->inheritance = like->inheritance;
    entry->advice = like->advice;
    entry->use = like->use;
    entry->charge = like->charge;
    entry->wired = like->wired;
    entry->mergeable = like->mergeable;
}

/* The entry that contains `address`, or NULL. */
static inline struct entry *entry_find(const struct entry_map *map, uint64_t address)
{
    struct entry *entry = map->root;

    while (entry) {
        if (address < entry->start)
            entry = entry->left;
        else if (address >= entry->end)
            entry = entry->right;
        else
            return entry;
    }
    return NULL;
}

/* The first entry that ends above `address`, or NULL. */
struct entry *entry_find_from(const struct entry_map *map, uint64_t address);

/* Adds an entry whose range is free; the caller keeps the memory alive. */
void entry_insert(struct entry_map *map, struct entry *entry);
void entry_remove(struct entry_map *map, struct entry *entry);

/* Gives an entry new bounds between its neighbours; not empty. */
void entry_resize(struct entry_map *map, struct entry *entry, uint64_t start, uint64_t end);

/* The lowest page-aligned address in [low, high) with `bytes` of free room below `high`; low and
 * bytes are multiples of the page size, bytes > 0.  Returns 0 if there is none. */
uint64_t entry_find_gap(const struct entry_map *map, uint64_t low, uint64_t high, uint64_t bytes);

/* True if [start, end) is covered by entries without a hole. */
bool entry_covered(const struct entry_map *map, uint64_t start, uint64_t end);

/* NULL, or the number of the first invariant that does not hold. */
const char *entry_check(const struct entry_map *map);

#endif
