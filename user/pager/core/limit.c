/* Resource limits: see limit.h. */
#include "limit.h"

#include <errno.h>

#include "memory_values.h"
#include "protocol.h"
#include "vm.h"

/* Linux has 8 MiB, and counts of the stack only what it grew to; here all of it counts. */
#define LIMIT_WIRED_BYTES (8ull * 1024 * 1024 + PROGRAM_STACK_BYTES)
_Static_assert(LIMIT_WIRED_BYTES <= VM_POPULATE_PAGES * FL_PAGE_BYTES,
               "one call makes all of it resident");

void limit_init(struct space *space)
{
    static const struct limit limits[LIMITS] = {
        [LIMIT_AS] = {LIMIT_INFINITY, LIMIT_INFINITY},
        [LIMIT_DATA] = {LIMIT_INFINITY, LIMIT_INFINITY},
        [LIMIT_STACK] = {PROGRAM_STACK_BYTES, PROGRAM_STACK_BYTES},
        [LIMIT_MEMLOCK] = {LIMIT_WIRED_BYTES, LIMIT_WIRED_BYTES},
    };

    for (uint32_t kind = 0; kind < LIMITS; kind++)
        space->limits[kind] = limits[kind];
}

void limit_inherit(struct space *child, const struct space *parent)
{
    for (uint32_t kind = 0; kind < LIMITS; kind++)
        child->limits[kind] = parent->limits[kind];
}

static bool limit_counts(const struct entry *entry, enum limit_kind kind)
{
    switch (kind) {
    case LIMIT_AS:
        return entry->use != ENTRY_GUARD;
    case LIMIT_DATA:
        return (entry->protection & FL_RIGHT_WRITE) && entry->inheritance == ENTRY_COPY &&
               entry->use != ENTRY_STACK;
    case LIMIT_STACK:
        return entry->use == ENTRY_STACK;
    case LIMIT_MEMLOCK:
        return entry->wired;
    case LIMITS:
        break;
    }
    return false;
}

/* Bytes that [first, last) has in [start, end). */
static uint64_t limit_overlap(uint64_t first, uint64_t last, uint64_t start, uint64_t end)
{
    if (first < start)
        first = start;
    if (last > end)
        last = end;
    return first < last ? last - first : 0;
}

uint64_t limit_use(const struct space *space, enum limit_kind kind, uint64_t start, uint64_t end)
{
    uint64_t bytes = 0;

    for (const struct entry *entry = space->map.first; entry; entry = entry->next)
        if (limit_counts(entry, kind))
            bytes +=
                entry->end - entry->start - limit_overlap(entry->start, entry->end, start, end);
    return bytes;
}

bool limit_has_room(const struct space *space, enum limit_kind kind, uint64_t more, uint64_t start,
                    uint64_t end)
{
    uint64_t limit = space->limits[kind].soft, used;

    if (limit == LIMIT_INFINITY)
        return true;
    used = limit_use(space, kind, start, end);
    return used <= limit && more <= limit - used;
}

int limit_check(const struct space *space, const struct entry *like, bool replaces)
{
    uint64_t bytes = like->end - like->start, end = replaces ? like->end : like->start;

    for (enum limit_kind kind = LIMIT_AS; kind <= LIMIT_DATA; kind++)
        if (limit_counts(like, kind) && !limit_has_room(space, kind, bytes, like->start, end))
            return ENOMEM;
    if (like->wired && !limit_has_room(space, LIMIT_MEMLOCK, bytes, like->start, end))
        return EAGAIN;
    return 0;
}

/* ---- the stack ---- */

/* The lowest entry of the stack that lies on its guard, or NULL if the program rearranged it. */
static struct entry *limit_find_stack(const struct space *space)
{
    struct entry *entry = entry_find(&space->map, PROGRAM_STACK_END - 1);

    if (!entry || entry->use != ENTRY_STACK)
        return NULL;
    while (entry->previous && entry->previous->use == ENTRY_STACK &&
           entry->previous->end == entry->start)
        entry = entry->previous;
    if (!entry->previous || entry->previous->use != ENTRY_GUARD ||
        entry->previous->end != entry->start)
        return NULL;
    return entry;
}

/* Moves the border between the stack and its guard up, not over pages in use. */
static void limit_shrink_stack(struct vm *vm, struct space *space, struct entry *stack,
                               uint64_t start)
{
    struct entry *guard = stack->previous;
    uint64_t old = stack->start, border = old;

    if (start > stack->end - FL_PAGE_BYTES)
        start = stack->end - FL_PAGE_BYTES;
    while (border < start && !vm_is_resident(stack, border))
        border += FL_PAGE_BYTES;
    if (border == old)
        return;
    vm->port.unmap(vm->port.context, space->id, old, (border - old) / FL_PAGE_BYTES);
    if (stack->charge == ENTRY_CHARGED)
        commit_give(vm, (border - old) / FL_PAGE_BYTES);
    stack->offset += (border - old) / FL_PAGE_BYTES;
    entry_resize(&space->map, stack, border, stack->end);
    entry_resize(&space->map, guard, guard->start, border);
}

/* Moves the border down again.  False: no memory. */
static bool limit_grow_stack(struct vm *vm, struct space *space, struct entry *stack,
                             uint64_t start)
{
    struct entry *guard = stack->previous;
    uint64_t pages = (stack->start - start) / FL_PAGE_BYTES;

    if (start <= guard->start || pages > stack->offset ||
        !shadow_is_clear(vm, stack->object, stack->offset - pages, pages) ||
        (stack->charge == ENTRY_CHARGED && !commit_take(vm, pages)))
        return false;
    stack->offset -= pages;
    entry_resize(&space->map, guard, guard->start, start);
    entry_resize(&space->map, stack, start, stack->end);
    return true;
}

static bool limit_set_stack(struct vm *vm, struct space *space, uint64_t bytes)
{
    struct entry *stack = limit_find_stack(space);
    uint64_t start = PROGRAM_STACK_END - bytes / FL_PAGE_BYTES * FL_PAGE_BYTES;

    if (!stack)
        return true;
    if (start < stack->start)
        return limit_grow_stack(vm, space, stack, start);
    limit_shrink_stack(vm, space, stack, start);
    return true;
}

/* ---- the call ---- */

static int limit_find_kind(uint64_t resource, enum limit_kind *kind)
{
    static const uint64_t resources[LIMITS] = {[LIMIT_AS] = RLIMIT_AS,
                                               [LIMIT_DATA] = RLIMIT_DATA,
                                               [LIMIT_STACK] = RLIMIT_STACK,
                                               [LIMIT_MEMLOCK] = RLIMIT_MEMLOCK};

    for (*kind = LIMIT_AS; *kind < LIMITS; (*kind)++)
        if (resources[*kind] == resource)
            return 0;
    return EINVAL;
}

int vm_limit(struct vm *vm, struct space *space, uint64_t resource, const struct limit *limit,
             struct limit *old)
{
    enum limit_kind kind;
    int error = limit_find_kind(resource, &kind);

    if (error)
        return error;
    *old = space->limits[kind];
    if (!limit)
        return 0;
    if (limit->soft > limit->hard)
        return EINVAL;
    if (limit->hard > old->hard)
        return EPERM;
    if (kind == LIMIT_STACK && !limit_set_stack(vm, space, limit->soft))
        return ENOMEM;
    space->limits[kind] = *limit;
    return 0;
}
