/* Promises of memory: how much all programs together may come to write.
 *
 * Charged are private mappings that are or were writable, page for page, and anonymous memory that
 * is shared, once however many show it.  A page that fork shares is charged to both sides: each may
 * write it.
 *
 *   heuristic   a promise is refused only if it alone exceeds all memory and swap; MAP_NORESERVE is none
 *   strict      the sum of all promises stays below the memory and swap that programs can have: a program
 *               that was promised memory does not end for want of it.  Page tables and indexes are
 *               covered for memory that lies together, not for single pages far apart.
 *
 * vm.commit.pages = the sum of commit_of_entry() over all entries + object.committed over all
 * objects (V5). */
#ifndef PAGER_COMMIT_H
#define PAGER_COMMIT_H

#include "entry.h"

struct vm;

struct commit {
    uint64_t pages;
    bool strict;
};

/* Pages that an entry itself is charged: shared memory is charged to its object. */
static inline uint64_t commit_of_entry(const struct entry *entry)
{
    return entry->charge == ENTRY_CHARGED && entry->inheritance == ENTRY_COPY ? entry_pages(entry)
                                                                              : 0;
}

/* The same for all entries of a space: what its copy by fork is charged. */
uint64_t commit_of_space(const struct space *space);

/* Most pages that may be promised in strict mode, as of now. */
uint64_t commit_limit(const struct vm *vm);

/* Charges pages.  False: refused, nothing is charged. */
bool commit_take(struct vm *vm, uint64_t pages);
void commit_give(struct vm *vm, uint64_t pages);

/* True if so many frames may go to what is not promised to programs, such as files. */
bool commit_spares(const struct vm *vm, uint64_t pages);

/* Charges the area of an entry like this, whose last page is page `end` - 1 of `object`.  Shared
 * memory is charged as far as its object reached at most.  False: refused. */
bool commit_take_area(struct vm *vm, const struct entry *like, struct object *object, uint64_t end);

/* Charges what a copy of the space needs.  False: refused; undone by commit_give of
 * commit_of_space(). */
bool commit_take_copy(struct vm *vm, const struct space *space);

/* Whether a new mapping is charged: a value of enum entry_charge. */
uint8_t commit_choose(const struct vm *vm, bool writable, bool no_reserve);

#endif
