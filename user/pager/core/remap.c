/* mremap: shrinks, grows or moves a mapping.
 *
 * A move takes the entries along and leaves pages and objects where they are: it costs as much for
 * a page as for a thousand.  What is added when a mapping grows is zero; it has an entry of its own
 * where the object cannot grow (others show it).  One mapping is, here, a run of adjacent entries
 * with the same attributes.
 *
 * Not done: a second mapping of shared memory (old size 0), growth of what shows a file, and
 * MREMAP_DONTUNMAP; all are EINVAL. */
#include <errno.h>

#include "memory_values.h"
#include "protocol.h"
#include "vm.h"

struct remap {
    struct vm *vm;
    struct space *space;
    uint64_t start; /* of the old range */
    uint64_t end;
    uint64_t bytes; /* of the new one */
    uint64_t to;    /* start of the new one */
    bool may_move;
    bool fixed;
    struct area_spare spare;
    struct entry more; /* what is added when it grows; start == end: nothing */
};

/* Checks alignment, sizes and flags. */
static int remap_decode(struct remap *remap, const struct vm_remap_request *request)
{
    uint64_t old_bytes = area_round(request->old_bytes);

    remap->start = request->address;
    remap->end = request->address + old_bytes;
    remap->bytes = area_round(request->bytes);
    remap->may_move = request->flags & MREMAP_MAYMOVE;
    remap->fixed = request->flags & MREMAP_FIXED;
    remap->to = remap->fixed ? request->to : request->address;
    if ((request->flags & ~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED)) ||
        (remap->fixed && !remap->may_move) || !area_aligned(request->address) || remap->bytes == 0)
        return EINVAL;
    return 0;
}

/* Checks where a fixed mapping goes. */
static int remap_check_target(const struct remap *remap)
{
    if (!remap->fixed)
        return 0;
    if (!area_aligned(remap->to) || !area_in_limits(remap->to, remap->bytes))
        return EINVAL;
    if (remap->to < remap->end && remap->start < remap->to + remap->bytes)
        return EINVAL;
    return 0;
}

/* Checks that the old range is one mapping. */
static int remap_check_source(const struct remap *remap)
{
    const struct entry *first = entry_find(&remap->space->map, remap->start);

    if (!first || !first->object)
        return EFAULT;
    if (remap->end == remap->start)
        return EINVAL;
    if (remap->end < remap->start || !area_is_mapped(remap->space, remap->start, remap->end))
        return EFAULT;
    for (const struct entry *entry = first->next; entry && entry->start < remap->end;
         entry = entry->next)
        if (!area_alike(entry, first))
            return EFAULT;
    return 0;
}

/* Describes what is added at the end, and asks the limits for it. */
static int remap_describe_growth(struct remap *remap)
{
    const struct entry *last = entry_find(&remap->space->map, remap->end - 1);
    uint64_t more = remap->bytes - (remap->end - remap->start);

    if (!last->object->owner)
        return EINVAL;
    entry_copy_attributes(&remap->more, last);
    remap->more.object = NULL;
    remap->more.offset = 0;
    remap->more.start = remap->end;
    remap->more.end = remap->end + more;
    return limit_check(remap->space, &remap->more, false);
}

static void remap_fill(const struct remap *remap)
{
    if (remap->more.wired)
        (void)vm_populate(remap->vm, remap->space, remap->more.start, remap->more.end);
}

/* Grows where the mapping lies.  False: something is in the way, or it is not the end of a mapping. */
static bool remap_grow_in_place(struct remap *remap, int *error)
{
    const struct entry *last = entry_find(&remap->space->map, remap->end - 1);
    uint64_t more = remap->more.end - remap->more.start;

    if (last->end != remap->end || !area_in_limits(remap->end, more) ||
        !area_is_free(remap->space, remap->end, more))
        return false;
    *error = area_add_anonymous(remap->vm, remap->space, &remap->more) ? 0 : ENOMEM;
    return true;
}

/* Takes all that a move can need.  False: no memory, nothing taken. */
static bool remap_reserve(struct remap *remap)
{
    if (!area_spare_fill(&remap->spare, remap->vm, 5))
        return false;
    if (remap->more.start == remap->more.end)
        return true;
    remap->more.object = object_create_anonymous(remap->vm, remap->space);
    if (remap->more.object &&
        commit_take_area(remap->vm, &remap->more, remap->more.object, entry_pages(&remap->more)))
        return true;
    if (remap->more.object)
        object_release(remap->vm, remap->more.object);
    area_spare_release(&remap->spare);
    return false;
}

/* Enters what was reserved for the end of a mapping that moved. */
static void remap_enter_growth(struct remap *remap)
{
    struct entry *entry = remap->spare.entry[--remap->spare.count];

    entry_copy_attributes(entry, &remap->more);
    entry->start = remap->more.start;
    entry->end = remap->more.end;
    vm_enter_entry(remap->space, entry);
}

/* Moves [start, end) to `to`, where nothing is or what is there goes, and adds what is added. */
static int remap_move(struct remap *remap)
{
    uint64_t moved = remap->to + (remap->end - remap->start);

    if (!remap_reserve(remap))
        return ENOMEM;
    area_clip(remap->space, remap->start, &remap->spare);
    area_clip(remap->space, remap->end, &remap->spare);
    if (remap->fixed) {
        area_clip(remap->space, remap->to, &remap->spare);
        area_clip(remap->space, remap->to + remap->bytes, &remap->spare);
        area_remove(remap->vm, remap->space, remap->to, remap->to + remap->bytes);
    }
    area_move(remap->vm, remap->space, remap->start, remap->end, remap->to);
    if (remap->more.start < remap->more.end) {
        remap->more.use = ENTRY_MAPPED;
        remap->more.end = moved + (remap->more.end - remap->more.start);
        remap->more.start = moved;
        remap_enter_growth(remap);
    }
    area_spare_release(&remap->spare);
    area_join(remap->vm, remap->space, remap->to, remap->to + remap->bytes);
    return 0;
}

/* Finds room for the new mapping.  False: it must stay, or there is none. */
static bool remap_place(struct remap *remap)
{
    if (!remap->may_move)
        return false;
    if (!remap->fixed)
        remap->to =
            entry_find_gap(&remap->space->map, PROGRAM_MMAP_BASE, PROGRAM_MMAP_END, remap->bytes);
    return remap->to != 0;
}

/* Grows, or moves to a fixed address at the same time. */
static int remap_grow(struct remap *remap)
{
    int error = remap_describe_growth(remap);

    if (error)
        return error;
    if (!remap->fixed && remap_grow_in_place(remap, &error))
        return error;
    return remap_place(remap) ? remap_move(remap) : ENOMEM;
}

int vm_remap(struct vm *vm, struct space *space, const struct vm_remap_request *request,
             uint64_t *address)
{
    struct remap remap = {.vm = vm, .space = space};
    int error = remap_decode(&remap, request);

    if (!error)
        error = remap_check_target(&remap);
    if (!error)
        error = remap_check_source(&remap);
    if (error)
        return error;
    if (remap.bytes > remap.end - remap.start) {
        error = remap_grow(&remap);
        if (!error)
            remap_fill(&remap);
    } else {
        uint64_t end = remap.start + remap.bytes;

        if (end < remap.end)
            error = vm_unmap(vm, space, end, remap.end - end);
        remap.end = end;
        if (!error && remap.fixed)
            error = remap_move(&remap);
    }
    if (!error)
        *address = remap.to;
    return error;
}
