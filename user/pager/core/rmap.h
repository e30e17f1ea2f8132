/* Reverse mapping: from a page of an object to all entries that show it.
 *
 * A page of an anonymous object is shown by the object's entries and those of objects above it that hold
 * no page there (shadow.h); a page of a file by the file's own entries, and by those of private mappings
 * of it that have no page of their own there. */
#ifndef PAGER_RMAP_H
#define PAGER_RMAP_H

#include "object.h"

/* Shows every entry that shows page `index` of an object.  False: `visit` said so. */
bool rmap_visit(const struct object *object, uint64_t index, object_visit *visit, void *context);

/* The page record that an entry shows at an address, or PAGE_NONE: it is in no frame of ours. */
uint32_t rmap_find_page(const struct entry *entry, uint64_t address);

/* A page and how many behind it are meant.  Where one entry shows a page and nobody else can, `visit` is
 * called for all of those that it shows, once. */
struct rmap_run {
    const struct object *object;
    uint64_t first;
    uint64_t pages; /* in: wanted; out: done */
};
typedef void rmap_visit_run(void *context, const struct entry *entry, uint64_t address,
                            uint64_t pages);
void rmap_visit_pages(struct rmap_run *run, rmap_visit_run *visit, void *context);

#endif
