/* Wired memory: mlock, munlock, mlockall, munlockall.
 *
 * `wired` of an entry means: its pages are resident and stay so; nothing may drop them.  As on Linux
 * locks do not nest: one munlock undoes any number of mlocks.  A fork's child has none.
 *
 * The pages of a device can't go anywhere: its entries are never wired.
 *
 * Of the stack, what was touched is resident already; the rest becomes so when it is touched. */
#include <errno.h>

#include "memory_values.h"
#include "vm.h"

struct wire_range {
    uint64_t start;
    uint64_t end;
};

/* The pages that hold the bytes.  False: they wrap or leave the address space. */
static bool wire_find_range(uint64_t address, uint64_t bytes, struct wire_range *range)
{
    uint64_t offset = address % FL_PAGE_BYTES;

    range->start = address - offset;
    return bytes <= UINT64_MAX - offset && area_find_end(range->start, bytes + offset, &range->end);
}

static struct entry *wire_first(const struct space *space, const struct wire_range *range)
{
    return entry_find_from(&space->map, range->start);
}

/* There was no frame for all of the range: EINPROGRESS if pages may leave for it, and it takes less than
 * half of memory, so that what is filled stays until all is; else EAGAIN. */
static int wire_wait(struct vm *vm, const struct wire_range *range)
{
    uint64_t frames = vm->table.count - vm->table.counts[PAGE_OUTSIDE];

    return range->end - range->start < frames / 2 * FL_PAGE_BYTES && reclaim_has_hope(vm) &&
                   !reclaim_has_frame(vm) && wait_for_memory(vm)
               ? EINPROGRESS
               : EAGAIN;
}

/* Makes the part of an entry that lies in the range resident.  0; ENOMEM (it may not be accessed, or
 * lies behind the end of its file); EAGAIN (no frames); EINPROGRESS (wait.h). */
static int wire_fill(struct vm *vm, struct space *space, const struct entry *entry,
                     const struct wire_range *range)
{
    uint64_t start = entry->start > range->start ? entry->start : range->start;
    uint64_t end = entry->end < range->end ? entry->end : range->end;

    if (entry->protection == 0)
        return ENOMEM;
    if (entry->use == ENTRY_STACK)
        return 0;
    if (object_is_beyond_end(entry->object, entry_index(entry, end - FL_PAGE_BYTES)))
        return ENOMEM;
    if (vm_populate(vm, space, start, end) == EINPROGRESS)
        return EINPROGRESS;
    if (!(entry->protection & FL_RIGHT_WRITE))
        return 0;
    for (uint64_t address = start; address < end; address += FL_PAGE_BYTES)
        if (!vm_is_resident(entry, address))
            return wire_wait(vm, range);
    return 0;
}

/* Sets or clears `wired` for a range without holes.  0 or ENOMEM. */
static int wire_set(struct vm *vm, struct space *space, const struct wire_range *range, bool wired)
{
    struct area_spare spare;

    if (!area_spare_fill(&spare, vm, space, 2))
        return ENOMEM;
    area_clip(space, range->start, &spare);
    area_clip(space, range->end, &spare);
    for (struct entry *entry = wire_first(space, range); entry && entry->start < range->end;
         entry = entry->next)
        entry->wired = wired && !object_is_device(entry->object);
    area_spare_release(&spare);
    area_join(vm, space, range->start, range->end);
    return 0;
}

/* Bytes of [start, end) that are wired already. */
static uint64_t wire_count(const struct space *space, const struct wire_range *range)
{
    return limit_use(space, LIMIT_MEMLOCK, 0, 0) -
           limit_use(space, LIMIT_MEMLOCK, range->start, range->end);
}

/* Whether a range may be wired: 0, EPERM, ENOMEM. */
static int wire_check(const struct space *space, uint64_t address, uint64_t bytes,
                      struct wire_range *range)
{
    bool fits = wire_find_range(address, bytes, range);

    if (space->limits[LIMIT_MEMLOCK].soft == 0)
        return EPERM;
    if (!fits)
        return bytes > space->limits[LIMIT_MEMLOCK].soft ? ENOMEM : EINVAL;
    if (range->start == range->end)
        return 0;
    if (!limit_has_room(space, LIMIT_MEMLOCK, range->end - range->start - wire_count(space, range),
                        0, 0) ||
        !area_is_mapped(space, range->start, range->end))
        return ENOMEM;
    return 0;
}

int vm_wire(struct vm *vm, struct space *space, uint64_t address, uint64_t bytes, uint64_t flags)
{
    struct wire_range range;
    int error;

    if (flags & ~(uint64_t)MLOCK_ONFAULT)
        return EINVAL;
    error = wire_check(space, address, bytes, &range);
    if (error || range.start == range.end)
        return error;
    if (!(flags & MLOCK_ONFAULT))
        for (const struct entry *entry = wire_first(space, &range);
             !error && entry && entry->start < range.end; entry = entry->next)
            error = wire_fill(vm, space, entry, &range);
    return error ? error : wire_set(vm, space, &range, true);
}

int vm_unwire(struct vm *vm, struct space *space, uint64_t address, uint64_t bytes)
{
    struct wire_range range;

    if (!wire_find_range(address, bytes, &range))
        return EINVAL;
    if (range.start == range.end)
        return 0;
    if (!area_is_mapped(space, range.start, range.end))
        return ENOMEM;
    return wire_set(vm, space, &range, false);
}

/* Sets or clears `wired` for all that is mapped. */
static void wire_set_all(struct vm *vm, struct space *space, bool wired)
{
    for (struct entry *entry = space->map.first; entry; entry = entry->next)
        if (entry->object)
            entry->wired = wired && !object_is_device(entry->object);
    area_join(vm, space, 0, AREA_LIMIT);
}

static int wire_fill_all(struct vm *vm, struct space *space)
{
    const struct wire_range all = {0, AREA_LIMIT};

    for (const struct entry *entry = space->map.first; entry; entry = entry->next) {
        int error = entry->object && entry->protection != 0 ? wire_fill(vm, space, entry, &all) : 0;

        if (error == EAGAIN || error == EINPROGRESS)
            return error;
    }
    return 0;
}

int vm_wire_all(struct vm *vm, struct space *space, uint64_t flags)
{
    uint64_t limit = space->limits[LIMIT_MEMLOCK].soft;
    int error = 0;

    if (!(flags & (MCL_CURRENT | MCL_FUTURE)) ||
        (flags & ~(uint64_t)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)))
        return EINVAL;
    if (limit == 0)
        return EPERM;
    if (flags & MCL_CURRENT) {
        if (limit_use(space, LIMIT_AS, 0, 0) > limit)
            return ENOMEM;
        if (!(flags & MCL_ONFAULT))
            error = wire_fill_all(vm, space);
        if (error)
            return error;
        wire_set_all(vm, space, true);
    }
    space->wire_future = flags & MCL_FUTURE;
    return 0;
}

void vm_unwire_all(struct vm *vm, struct space *space)
{
    wire_set_all(vm, space, false);
    space->wire_future = false;
}
