/* Promises of memory: see commit.h. */
#include "commit.h"

#include "vm.h"

/* Of the memory that programs can have, this part is kept for tables and indexes: a page of memory
 * takes 1/448 of an index page and 1/512 of a table. */
#define COMMIT_OVERHEAD 64u

uint64_t commit_of_space(const struct space *space)
{
    uint64_t pages = 0;

    for (const struct entry *entry = space->map.first; entry; entry = entry->next)
        pages += commit_of_entry(entry);
    return pages;
}

/* Frames of compressed pages: that pages pack well is no promise. */
static uint32_t commit_of_store(const struct vm *vm)
{
    uint32_t frames = vm->table.counts[PAGE_PACKED], pages = vm->tier.store.pages;

    return frames < pages ? frames : pages;
}

uint64_t commit_limit(const struct vm *vm)
{
    const uint32_t *counts = vm->table.counts;
    uint64_t pages = (uint64_t)counts[PAGE_FREE] + counts[PAGE_HELD] + counts[PAGE_OBJECT] +
                     counts[PAGE_BUSY] + counts[PAGE_WRITING] + counts[PAGE_STRAY] +
                     counts[PAGE_MERGED] - vm->file_pages;

    pages += commit_of_store(vm);
    return pages - pages / COMMIT_OVERHEAD + swap_total(&vm->swap);
}

bool commit_spares(const struct vm *vm, uint64_t pages)
{
    return !vm->commit.strict || vm->commit.pages + pages <= commit_limit(vm);
}

bool commit_take(struct vm *vm, uint64_t pages)
{
    uint64_t limit;

    if (pages == 0)
        return true;
    if (vm->commit.strict) {
        limit = commit_limit(vm);
        if (vm->commit.pages > limit || pages > limit - vm->commit.pages)
            return false;
    } else if (pages > vm->table.count - vm->table.counts[PAGE_OUTSIDE] + swap_total(&vm->swap) +
                           tier_plausible(&vm->tier)) {
        return false;
    }
    vm->commit.pages += pages;
    return true;
}

void commit_give(struct vm *vm, uint64_t pages)
{
    vm->commit.pages -= pages;
}

bool commit_take_area(struct vm *vm, const struct entry *like, struct object *object, uint64_t end)
{
    if (like->charge != ENTRY_CHARGED)
        return true;
    if (like->inheritance == ENTRY_COPY)
        return commit_take(vm, entry_pages(like));
    if (end <= object->committed)
        return true;
    if (!commit_take(vm, end - object->committed))
        return false;
    object->committed = end;
    return true;
}

bool commit_take_copy(struct vm *vm, const struct space *space)
{
    uint64_t pages = commit_of_space(space);

    if (vm->commit.strict)
        return commit_take(vm, pages);
    vm->commit.pages += pages; /* each of its areas was found small enough */
    return true;
}

uint8_t commit_choose(const struct vm *vm, bool writable, bool no_reserve)
{
    if (no_reserve && !vm->commit.strict)
        return ENTRY_UNRESERVED;
    return writable ? ENTRY_CHARGED : ENTRY_UNCHARGED;
}
