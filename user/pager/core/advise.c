/* madvise.
 *
 *   advice                        what it does
 *   ---------------------------   ------------------------------------------------------------------
 *   NORMAL, RANDOM, SEQUENTIAL    kept in the entries, for whoever reads ahead
 *   WILLNEED                      fills and maps the first pages of anonymous memory; those of files
 *                                 are in memory already
 *   DONTNEED; FREE                drops private pages at once: zero, or the file's bytes again;
 *                                 shared memory keeps its contents
 *   COLD, PAGEOUT                 anonymous pages are the next to leave for swap, or leave now: those in
 *                                 the first RECLAIM_ADVISED windows (reclaim.h) that have any
 *   MERGEABLE                     kept in the entries of private anonymous memory and of private files
 *                                 (samepage.h); passed over elsewhere
 *   UNMERGEABLE                   the same, and then merged pages get frames of their own: where there are
 *                                 none (EAGAIN) they stay merged until they are written, and no others come
 *
 * Private pages below the entry's object are others' too: where there are some, the range gets a new
 * object that shows none of them.  All records for that are made before anything changes. */
#include <errno.h>

#include "memory_values.h"
#include "vm.h"

/* Pages that WILLNEED makes ready. */
#define ADVISE_PAGES 256u

struct advise {
    struct vm *vm;
    struct space *space;
    uint64_t start;
    uint64_t end;
    uint64_t advice;
    struct area_spare spare;
    struct object *objects; /* made ahead, through `next_above` */
};

static bool advise_is_known(uint64_t advice)
{
    return advice <= MADV_DONTNEED || advice == MADV_FREE || advice == MADV_MERGEABLE ||
           advice == MADV_UNMERGEABLE || advice == MADV_COLD || advice == MADV_PAGEOUT;
}

static bool advise_drops(const struct advise *advise)
{
    return advise->advice == MADV_DONTNEED || advise->advice == MADV_FREE;
}

static bool advise_puts_out(const struct advise *advise)
{
    return advise->advice == MADV_COLD || advise->advice == MADV_PAGEOUT;
}

/* The first mapped part of an entry in the range from `entry` on, or NULL. */
static struct entry *advise_skip(const struct advise *advise, struct entry *entry)
{
    while (entry && entry->start < advise->end && !entry->object)
        entry = entry->next;
    return entry && entry->start < advise->end ? entry : NULL;
}

static struct entry *advise_first(const struct advise *advise)
{
    return advise_skip(advise, entry_find_from(&advise->space->map, advise->start));
}

static uint64_t advise_part_start(const struct advise *advise, const struct entry *entry)
{
    return entry->start > advise->start ? entry->start : advise->start;
}

static uint64_t advise_part_pages(const struct advise *advise, const struct entry *entry)
{
    uint64_t end = entry->end < advise->end ? entry->end : advise->end;

    return (end - advise_part_start(advise, entry)) / FL_PAGE_BYTES;
}

/* Whether an entry may be advised so: 0 or EINVAL. */
static int advise_check_entry(const struct advise *advise, const struct entry *entry)
{
    bool moves = advise_drops(advise) || advise_puts_out(advise);
    const struct object *object = entry->object;

    if (moves && (entry->wired || object_is_device(object)))
        return EINVAL;
    if (advise->advice == MADV_FREE &&
        (!object->owner || object->source || entry->inheritance == ENTRY_SHARE))
        return EINVAL;
    return 0;
}

static int advise_check(const struct advise *advise)
{
    int error = 0;

    for (struct entry *entry = advise_first(advise); entry && !error;
         entry = advise_skip(advise, entry->next))
        error = advise_check_entry(advise, entry);
    return error;
}

/* True if the pages of the part must be hidden rather than freed: others may see them. */
static bool advise_hides(const struct advise *advise, const struct entry *entry)
{
    return entry->object->below && entry->inheritance == ENTRY_COPY &&
           !shadow_is_clear(advise->vm, entry->object,
                            entry_index(entry, advise_part_start(advise, entry)),
                            advise_part_pages(advise, entry));
}

static void advise_release(struct advise *advise)
{
    while (advise->objects) {
        struct object *object = advise->objects;

        advise->objects = object->next_above;
        object_free(advise->vm, object);
    }
    area_spare_release(&advise->spare);
}

/* Makes the records that cutting out parts and dropping may need.  Advice that only moves pages needs none: it must work where
 * memory is short.  False: no memory, nothing is held. */
static bool advise_reserve(struct advise *advise)
{
    if (advise_puts_out(advise) || advise->advice == MADV_WILLNEED)
        return true;
    if (!area_spare_fill(&advise->spare, advise->vm, advise->space, 2))
        return false;
    for (struct entry *entry = advise_first(advise); entry && advise_drops(advise);
         entry = advise_skip(advise, entry->next)) {
        struct object *object;

        if (!advise_hides(advise, entry))
            continue;
        object = object_create_anonymous(advise->vm, advise->space);
        if (!object) {
            advise_release(advise);
            return false;
        }
        object->next_above = advise->objects;
        advise->objects = object;
    }
    return true;
}

/* Gives a whole entry an object that shows nothing but the source. */
static void advise_hide(struct advise *advise, struct entry *entry)
{
    struct object *object = advise->objects;
    const struct object *old = entry->object;

    advise->objects = object->next_above;
    object->next_above = NULL;
    object_copy_source(object, old);
    object_drop_entry(advise->vm, entry);
    entry->object = object;
    object_link_entry(entry);
}

/* Cuts out the part of an entry that lies in the range.  Returns its entry. */
static struct entry *advise_clip(struct advise *advise, const struct entry *entry)
{
    uint64_t start = advise_part_start(advise, entry);

    area_clip(advise->space, start, &advise->spare);
    area_clip(advise->space,
              start +
                  advise_part_pages(advise, entry_find(&advise->space->map, start)) * FL_PAGE_BYTES,
              &advise->spare);
    return entry_find(&advise->space->map, start);
}

/* Drops the pages of the part of an entry.  Returns the entry that has it now. */
static struct entry *advise_drop(struct advise *advise, struct entry *entry)
{
    uint64_t start = advise_part_start(advise, entry), pages = advise_part_pages(advise, entry);
    const struct vm_port *port = &advise->vm->port;
    bool hides = advise_hides(advise, entry);

    port->unmap(port->context, advise->space->id, start, pages);
    if (!entry->object->owner || entry->inheritance == ENTRY_SHARE)
        return entry;
    if (!hides) {
        object_free_pages(advise->vm, entry->object, entry_index(entry, start), pages);
        return entry;
    }
    entry = advise_clip(advise, entry);
    advise_hide(advise, entry);
    return entry;
}

static bool advise_merges(const struct advise *advise)
{
    return advise->advice == MADV_MERGEABLE || advise->advice == MADV_UNMERGEABLE;
}

static bool advise_may_merge(const struct entry *entry)
{
    return entry->object->owner && entry->inheritance == ENTRY_COPY;
}

/* Where the search for merged pages begins: a call that waited goes on where it was. */
static uint64_t advise_break_start(const struct advise *advise)
{
    const struct space_unmerging *before = &advise->space->unmerging;

    return before->start == advise->start && before->end == advise->end ? before->at
                                                                        : advise->start;
}

/* Gives the pages of the range frames of their own; what they hold does not change.  0; EINPROGRESS (wait.h);
 * EAGAIN (no frames). */
static int advise_break(const struct advise *advise)
{
    struct vm *vm = advise->vm;
    struct advise rest = *advise;

    rest.start = advise_break_start(advise);
    advise->space->unmerging = (struct space_unmerging){0};
    for (struct entry *entry = advise_first(&rest); entry;
         entry = advise_skip(&rest, entry->next)) {
        uint64_t at = advise_part_start(&rest, entry);
        uint64_t end = at + advise_part_pages(&rest, entry) * FL_PAGE_BYTES;

        if (samepage_break_range(vm, entry, &at, end))
            continue;
        if (!reclaim_has_hope(vm) || !wait_for_memory(vm))
            return EAGAIN;
        advise->space->unmerging = (struct space_unmerging){advise->start, advise->end, at};
        return EINPROGRESS;
    }
    return 0;
}

static void advise_set_mergeable(struct advise *advise, struct entry *entry)
{
    if (!advise_may_merge(entry))
        return;
    entry = advise_clip(advise, entry);
    entry->mergeable = advise->advice == MADV_MERGEABLE;
}

static void advise_set(struct advise *advise, struct entry *entry)
{
    static const uint8_t advices[] = {[MADV_NORMAL] = ENTRY_NORMAL,
                                      [MADV_RANDOM] = ENTRY_RANDOM,
                                      [MADV_SEQUENTIAL] = ENTRY_SEQUENTIAL};

    entry = advise_clip(advise, entry);
    entry->advice = advices[advise->advice];
}

/* Follows the advice in each mapped part. */
static void advise_apply(struct advise *advise)
{
    struct reclaim_advice leaving = {.out = advise->advice == MADV_PAGEOUT,
                                     .windows = RECLAIM_ADVISED};
    uint64_t budget = ADVISE_PAGES;

    for (struct entry *entry = advise_first(advise); entry;
         entry = advise_skip(advise, entry->next)) {
        uint64_t start = advise_part_start(advise, entry);
        uint64_t pages = advise_part_pages(advise, entry);

        if (advise_drops(advise)) {
            entry = advise_drop(advise, entry);
        } else if (advise_puts_out(advise)) {
            if (entry->object->owner)
                reclaim_advise(advise->vm, entry->object, entry_index(entry, start), pages,
                               &leaving);
        } else if (advise->advice == MADV_WILLNEED) {
            if (!entry->object->owner || entry->object->source)
                continue;
            pages = pages < budget ? pages : budget;
            (void)vm_populate(advise->vm, advise->space, start, start + pages * FL_PAGE_BYTES);
            budget -= pages;
        } else if (advise_merges(advise)) {
            advise_set_mergeable(advise, entry);
            entry = entry_find(&advise->space->map, start);
        } else if (advise->advice <= MADV_SEQUENTIAL) {
            advise_set(advise, entry);
            entry = entry_find(&advise->space->map, start);
        }
    }
}

int vm_advise(struct vm *vm, struct space *space, uint64_t address, uint64_t bytes, uint64_t advice)
{
    struct advise advise = {.vm = vm, .space = space, .start = address, .advice = advice};
    bool mapped;
    int error;

    if (!advise_is_known(advice) || !area_aligned(address) ||
        !area_find_end(address, bytes, &advise.end))
        return EINVAL;
    if (advise.end == address)
        return 0;
    error = advise_check(&advise);
    if (error)
        return error;
    if (!advise_reserve(&advise))
        return ENOMEM;
    mapped = area_is_mapped(space, address, advise.end);
    advise_apply(&advise);
    advise_release(&advise);
    area_join(vm, space, address, advise.end);
    if (advice == MADV_UNMERGEABLE)
        error = advise_break(&advise);
    if (error)
        return error;
    if (advice == MADV_MERGEABLE) {
        space->unmerging = (struct space_unmerging){0};
        samepage_wake(vm);
    }
    return mapped ? 0 : ENOMEM;
}
