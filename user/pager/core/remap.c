/* mremap: shrinks, grows or moves a mapping.
 *
 * A move takes the entries along and leaves pages and objects where they are: it costs as much for
 * a page as for a thousand.  What is added when a mapping grows is what a longer mapping would have
 * shown: zeros, or the file; it has an entry of its own where the object cannot grow (others show
 * it).  One mapping is, here, a run of adjacent entries with the same attributes.
 *
 * Old size 0 adds a second mapping of shared memory; it is a growth that moves, of nothing.
 * MREMAP_DONTUNMAP keeps a mapping where the old one was, as it was before it was written. */
#include <errno.h>

#include "memory_values.h"
#include "protocol.h"
#include "vm.h"

struct remap {
    struct vm *vm;
    struct space *space;
    uint64_t start; /* of the old range */
    uint64_t end;
    uint64_t bytes;   /* of the new one */
    uint64_t to;      /* start of the new one */
    uint64_t cut_end; /* a move cuts off [end, cut_end) */
    bool may_move;
    bool fixed;
    bool keep; /* MREMAP_DONTUNMAP */
    struct area_spare spare;
    struct entry more;  /* what is added when it grows; start == end: nothing */
    struct entry *kept; /* made ahead for the old range, through `next` */
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
    remap->keep = request->flags & MREMAP_DONTUNMAP;
    remap->to = remap->fixed ? request->to : request->address;
    if ((request->flags & ~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) ||
        ((remap->fixed || remap->keep) && !remap->may_move) || !area_aligned(request->address) ||
        remap->bytes == 0 || (old_bytes == 0 && request->old_bytes > 0) ||
        (remap->keep && remap->bytes != old_bytes))
        return EINVAL;
    return 0;
}

/* Checks where a fixed mapping goes: not over what it shows, of which old size 0 is one page at least. */
static int remap_check_target(const struct remap *remap)
{
    uint64_t end = remap->end > remap->start ? remap->end : remap->start + FL_PAGE_BYTES;

    if (!remap->fixed)
        return 0;
    if (!area_aligned(remap->to) || !area_in_limits(remap->to, remap->bytes))
        return EINVAL;
    if (remap->to < end && remap->start < remap->to + remap->bytes)
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
        return first->inheritance == ENTRY_SHARE ? 0 : EINVAL;
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
    bool second = remap->end == remap->start;
    const struct entry *last = entry_find(&remap->space->map, remap->end - !second);
    uint64_t more = remap->bytes - (remap->end - remap->start);
    uint64_t index = entry_index(last, remap->end) + last->object->source_first;

    if (object_is_device(last->object))
        return EFAULT;
    if (index + more / FL_PAGE_BYTES > INDEX_LIMIT)
        return EINVAL;
    entry_copy_attributes(&remap->more, last);
    remap->more.object = NULL;
    remap->more.start = remap->end;
    remap->more.end = remap->end + more;
    return limit_check(remap->space, &remap->more, false);
}

/* Lets `like`, whose object is not set yet, show what `entry` showed from `address` on before
 * anybody wrote there, and charges it.  False: no memory. */
static bool remap_show(const struct remap *remap, const struct entry *entry, uint64_t address,
                       struct entry *like)
{
    struct object *object = entry->object;
    uint64_t index = entry_index(entry, address);

    like->offset = index;
    if (!object->owner || entry->inheritance == ENTRY_SHARE) {
        object->references++;
        like->object = object;
    } else {
        like->offset = 0;
        like->object = object_create_anonymous(remap->vm, remap->space);
        if (!like->object)
            return false;
        object_copy_source_from(like->object, object, index);
    }
    if (commit_take_area(remap->vm, like, like->object, like->offset + entry_pages(like)))
        return true;
    object_release(remap->vm, like->object);
    return false;
}

static void remap_fill(const struct remap *remap)
{
    if (remap->more.wired)
        (void)vm_populate(remap->vm, remap->space, remap->more.start, remap->more.end);
}

/* Enters a record for an area that is charged and has its reference. */
static void remap_enter(struct remap *remap, struct entry *entry, const struct entry *like)
{
    entry_copy_attributes(entry, like);
    entry->start = like->start;
    entry->end = like->end;
    vm_enter_entry(remap->space, entry);
}

/* Grows where the mapping lies.  False: something is in the way, or it is not the end of a mapping. */
static bool remap_grow_in_place(struct remap *remap, int *error)
{
    const struct entry *last = entry_find(&remap->space->map, remap->end - 1);
    uint64_t more = remap->more.end - remap->more.start;

    if (remap->start == remap->end || last->end != remap->end ||
        !area_in_limits(remap->end, more) || !area_is_free(remap->space, remap->end, more))
        return false;
    *error = 0;
    if (area_extend(remap->vm, remap->space, &remap->more))
        return true;
    *error = ENOMEM;
    if (!area_spare_fill(&remap->spare, remap->vm, remap->space, 1))
        return true;
    if (remap_show(remap, last, last->end, &remap->more)) {
        remap_enter(remap, remap->spare.entry[--remap->spare.count], &remap->more);
        area_join(remap->vm, remap->space, remap->more.start, remap->more.end);
        *error = 0;
    }
    area_spare_release(&remap->spare);
    return true;
}

/* ---- moving ---- */

/* Gives back what was made for the old range. */
static void remap_release_kept(struct remap *remap)
{
    while (remap->kept) {
        struct entry *entry = remap->kept;

        remap->kept = entry->next;
        commit_give(remap->vm, commit_of_entry(entry));
        object_release(remap->vm, entry->object);
        slab_release(&remap->vm->entries, entry);
    }
}

/* Makes what stays in the old range.  False: no memory, nothing is held. */
static bool remap_reserve_kept(struct remap *remap)
{
    const struct entry *from = entry_find(&remap->space->map, remap->start);

    for (; remap->keep && from && from->start < remap->end; from = from->next) {
        struct entry *entry = slab_allocate(&remap->vm->entries);

        if (!entry) {
            remap_release_kept(remap);
            return false;
        }
        entry_copy_attributes(entry, from);
        entry->start = from->start > remap->start ? from->start : remap->start;
        entry->end = from->end < remap->end ? from->end : remap->end;
        entry->wired = false;
        if (!remap_show(remap, from, entry->start, entry)) {
            slab_release(&remap->vm->entries, entry);
            remap_release_kept(remap);
            return false;
        }
        entry->next = remap->kept;
        remap->kept = entry;
    }
    return true;
}

static void remap_enter_kept(struct remap *remap)
{
    while (remap->kept) {
        struct entry *entry = remap->kept;

        remap->kept = entry->next;
        vm_enter_entry(remap->space, entry);
    }
}

/* Takes all that a move can need.  False: no memory, nothing taken. */
static bool remap_reserve(struct remap *remap)
{
    bool second = remap->end == remap->start;

    if (!area_spare_fill(&remap->spare, remap->vm, remap->space, 5))
        return false;
    if (remap_reserve_kept(remap)) {
        if (remap->more.start == remap->more.end ||
            remap_show(remap, entry_find(&remap->space->map, remap->end - !second), remap->end,
                       &remap->more))
            return true;
        remap_release_kept(remap);
    }
    area_spare_release(&remap->spare);
    return false;
}

/* Moves the old range, which may be empty, into a free one. */
static void remap_move_entries(struct remap *remap)
{
    if (remap->start == remap->end)
        return;
    area_move(remap->vm, remap->space, remap->start, remap->end, remap->to);
    if (!remap->kept)
        return;
    remap_enter_kept(remap);
    area_join(remap->vm, remap->space, remap->start, remap->end);
}

/* Moves [start, end) to `to`, where nothing is or what is there goes, and adds what is added. */
static int remap_move(struct remap *remap)
{
    uint64_t moved = remap->to + (remap->end - remap->start);

    if (!remap_reserve(remap))
        return ENOMEM;
    if (remap->start < remap->end) {
        area_clip(remap->space, remap->start, &remap->spare);
        area_clip(remap->space, remap->end, &remap->spare);
    }
    if (remap->end < remap->cut_end) {
        area_clip(remap->space, remap->cut_end, &remap->spare);
        area_remove(remap->vm, remap->space, remap->end, remap->cut_end);
    }
    if (remap->fixed) {
        area_clip(remap->space, remap->to, &remap->spare);
        area_clip(remap->space, remap->to + remap->bytes, &remap->spare);
        area_remove(remap->vm, remap->space, remap->to, remap->to + remap->bytes);
    }
    remap_move_entries(remap);
    if (remap->more.start < remap->more.end) {
        remap->more.use = ENTRY_MAPPED;
        remap->more.end = moved + (remap->more.end - remap->more.start);
        remap->more.start = moved;
        remap_enter(remap, remap->spare.entry[--remap->spare.count], &remap->more);
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

/* Moves without growth, and keeps what was there. */
static int remap_move_and_keep(struct remap *remap)
{
    const struct entry *first = entry_find(&remap->space->map, remap->start);
    struct entry like = *first; /* as all of them are */

    for (const struct entry *entry = first; entry && entry->start < remap->end; entry = entry->next)
        if (object_is_device(entry->object))
            return EINVAL;
    like.start = remap->start;
    like.end = remap->end;
    like.wired = false;
    if (limit_check(remap->space, &like, false) != 0)
        return ENOMEM;
    return remap_place(remap) ? remap_move(remap) : ENOMEM;
}

/* Cuts off the end, and moves the rest to a fixed address. */
static int remap_shrink(struct remap *remap)
{
    uint64_t end = remap->start + remap->bytes;

    if (!remap->fixed)
        return end < remap->end ? vm_unmap(remap->vm, remap->space, end, remap->end - end) : 0;
    remap->cut_end = remap->end;
    remap->end = end;
    return remap_move(remap);
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
    if (remap.bytes > remap.end - remap.start)
        error = remap_grow(&remap);
    else
        error = remap.keep ? remap_move_and_keep(&remap) : remap_shrink(&remap);
    if (error)
        return error;
    remap_fill(&remap);
    *address = remap.to;
    return 0;
}
