/* Ranges of a space's entries: what all memory calls are made of.
 *
 * A call cuts the entries at the ends of its range (area_clip), so that the rest of it deals with
 * whole entries, and joins neighbours that came to be alike (area_join).  Cutting takes entries that
 * were made before (struct area_spare): it cannot fail.
 *
 * A range is taken out of the page tables before its pages are freed or shown elsewhere.  What is
 * added or removed here is charged and given back here (commit.h). */
#ifndef PAGER_AREA_H
#define PAGER_AREA_H

#include "entry.h"

struct vm;

/* Programs may map anything below the page of their message buffer. */
#define AREA_LIMIT FL_BOOT_INFO

/* Entries of a space: what one call can come to, at most.  A program that wants more gets ENOMEM, as on
 * Linux; one call on all of them must not keep the others waiting for long. */
#define AREAS_MAX 65530u

/* Entries that a call holds ready: the most that it can need. */
struct area_spare {
    struct vm *vm;
    struct entry *entry[5];
    uint32_t count;
};

/* False: no memory, or the space may not have so many entries more; nothing is held. */
bool area_spare_fill(struct area_spare *spare, struct vm *vm, const struct space *space,
                     uint32_t count);
void area_spare_release(struct area_spare *spare);

static inline bool area_aligned(uint64_t value)
{
    return value % FL_PAGE_BYTES == 0;
}

/* Length in whole pages; 0 if there is none or it is larger than any space. */
static inline uint64_t area_round(uint64_t bytes)
{
    return bytes > FL_USER_END ? 0 : (bytes + FL_PAGE_BYTES - 1) & ~(uint64_t)(FL_PAGE_BYTES - 1);
}

static inline bool area_in_limits(uint64_t start, uint64_t bytes)
{
    return start >= FL_USER_BASE && start <= AREA_LIMIT && bytes <= AREA_LIMIT - start;
}

/* The end of `bytes`, rounded up to pages, from a page-aligned address on.  False: it wraps. */
bool area_find_end(uint64_t address, uint64_t bytes, uint64_t *end);

/* True if two entries have the same attributes. */
bool area_alike(const struct entry *entry, const struct entry *other);

/* True if all of [start, end) is mapped; a guard is not. */
bool area_is_mapped(const struct space *space, uint64_t start, uint64_t end);

/* True if nothing is in [start, start + bytes). */
bool area_is_free(const struct space *space, uint64_t start, uint64_t bytes);

/* Makes `address` a boundary: cuts the entry around it, if there is one. */
void area_clip(struct space *space, uint64_t address, struct area_spare *spare);

/* Joins neighbours that show one run of one object in the same way, at both ends of [start, end) and
 * inside. */
void area_join(struct vm *vm, struct space *space, uint64_t start, uint64_t end);

/* Takes the whole entries of [start, end) away, and the pages that only they show. */
void area_remove(struct vm *vm, struct space *space, uint64_t start, uint64_t end);

/* Moves the whole entries of [start, end), which has no hole, to a free range.  The pages go along
 * without being touched. */
void area_move(struct vm *vm, struct space *space, uint64_t start, uint64_t end, uint64_t to);

/* Lets the entry that ends where `like` starts grow over its range, which is free.  False: it may
 * not, or there is no memory for the promise. */
bool area_extend(struct vm *vm, struct space *space, const struct entry *like);

/* Adds anonymous memory over a free range: grows a neighbour, or makes an entry with an object.  Shared
 * memory is an object of its own always: what grows beside it later (mremap) must not come to show it.
 * False: no memory. */
bool area_add_anonymous(struct vm *vm, struct space *space, struct entry *like);

#endif
