/* Memory calls: mmap, munmap, mprotect, brk.
 *
 * Each call decodes its arguments, makes the new entries that it can need, and only then changes
 * the set.  Entries are cut at the ends of a range (area_clip), so that the rest of a call deals
 * with whole entries; neighbours that came to be alike are joined again.
 *
 * A range is taken out of the page tables before its pages are freed; rights in the tables are only
 * ever lowered here, faults raise them. */
#include <errno.h>

#include "memory_values.h"
#include "protocol.h"
#include "vm.h"

#define MAP_FLAGS_KNOWN                                                                 \
    (MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | \
     MAP_STACK | MAP_FIXED_NOREPLACE)
#define MAP_PROTECTION (PROT_READ | PROT_WRITE | PROT_EXEC)

_Static_assert(PROT_READ == FL_RIGHT_READ && PROT_WRITE == FL_RIGHT_WRITE &&
                   PROT_EXEC == FL_RIGHT_EXEC,
               "protections and rights are the same bits");

/* PROT_WRITE means readable too: the hardware knows no other. */
static uint8_t map_protection(uint32_t protection)
{
    return (uint8_t)(protection & PROT_WRITE ? protection | PROT_READ : protection);
}

/* How many entries a call on [start, end) cuts: with none to cut it needs no room for more. */
static uint32_t map_count_cuts(const struct space *space, uint64_t start, uint64_t end)
{
    const struct entry *first = entry_find(&space->map, start);
    const struct entry *last = entry_find(&space->map, end);

    uint32_t cuts = first && first->start < start ? 1 : 0;

    return last && last->start < end ? cuts + 1 : cuts;
}

int vm_unmap(struct vm *vm, struct space *space, uint64_t address, uint64_t bytes)
{
    struct area_spare spare;
    uint64_t length = area_round(bytes);

    if (!area_aligned(address) || length == 0 || address > AREA_LIMIT ||
        length > AREA_LIMIT - address)
        return EINVAL;
    if (address + length <= FL_USER_BASE)
        return 0;
    if (address < FL_USER_BASE) { /* page 0 is never mapped: nothing of it can be removed */
        length -= FL_USER_BASE - address;
        address = FL_USER_BASE;
    }
    if (!area_spare_fill(&spare, vm, space, map_count_cuts(space, address, address + length)))
        return ENOMEM;
    area_clip(space, address, &spare);
    area_clip(space, address + length, &spare);
    area_remove(vm, space, address, address + length);
    area_spare_release(&spare);
    return 0;
}

/* ---- mmap ---- */

static bool map_is_shared(const struct vm_map_request *request)
{
    return (request->flags & MAP_TYPE) == MAP_SHARED;
}

static int map_check_request(const struct vm_map_request *request)
{
    uint32_t type = request->flags & MAP_TYPE;

    if (!area_aligned(request->offset))
        return EINVAL;
    if (!(request->flags & MAP_ANONYMOUS) && !request->file)
        return EBADF;
    if (request->bytes == 0)
        return EINVAL;
    if (type != MAP_SHARED && type != MAP_PRIVATE)
        return EINVAL;
    if ((request->flags & ~(uint32_t)MAP_FLAGS_KNOWN) ||
        (request->protection & ~(uint32_t)MAP_PROTECTION))
        return EINVAL;
    return area_round(request->bytes) == 0 ? ENOMEM : 0;
}

/* Whether a device allows the mapping: 0, EPERM, EINVAL. */
static int map_check_device(const struct vm_map_request *request)
{
    if (request->protection & PROT_EXEC)
        return EPERM;
    if (!map_is_shared(request) ||
        request->offset + area_round(request->bytes) > request->file->bytes)
        return EINVAL;
    return 0;
}

/* Whether the file allows the mapping: 0, EOVERFLOW, EACCES, EPERM, EINVAL. */
static int map_check_file(const struct vm_map_request *request)
{
    const struct object *file = request->file;
    uint64_t first = request->offset / FL_PAGE_BYTES;
    uint64_t pages = area_round(request->bytes) / FL_PAGE_BYTES;

    if (!file)
        return 0;
    if (pages > INDEX_LIMIT || first > INDEX_LIMIT - pages)
        return EOVERFLOW;
    if (map_is_shared(request) && (request->protection & PROT_WRITE) && !request->writable)
        return EACCES;
    if (!request->readable)
        return EACCES;
    return object_is_device(file) ? map_check_device(request) : 0;
}

static int map_place_fixed(const struct space *space, const struct vm_map_request *request,
                           uint64_t bytes)
{
    if (!area_aligned(request->address))
        return EINVAL;
    if (request->address < FL_USER_BASE)
        return EPERM;
    if (!area_in_limits(request->address, bytes))
        return ENOMEM;
    if ((request->flags & MAP_FIXED_NOREPLACE) && !area_is_free(space, request->address, bytes))
        return EEXIST;
    return 0;
}

/* Decides where the new area goes. */
static int map_place(const struct space *space, const struct vm_map_request *request,
                     uint64_t bytes, uint64_t *address)
{
    uint64_t hint = request->address & ~(uint64_t)(FL_PAGE_BYTES - 1);

    *address = request->address;
    if (request->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
        return map_place_fixed(space, request, bytes);
    if (hint != 0 && area_in_limits(hint, bytes) && area_is_free(space, hint, bytes)) {
        *address = hint;
        return 0;
    }
    *address = entry_find_gap(&space->map, PROGRAM_MMAP_BASE, PROGRAM_MMAP_END, bytes);
    return *address ? 0 : ENOMEM;
}

/* What the new area shows, with one reference for it; NULL: no memory. */
static struct object *map_make_object(struct vm *vm, struct space *space,
                                      const struct vm_map_request *request)
{
    struct object *file = request->file, *object;

    if (file && map_is_shared(request)) {
        file->references++;
        return file;
    }
    object = object_create_anonymous(vm, space);
    if (object && file) {
        file->references++;
        object_set_source(object, file, request->offset / FL_PAGE_BYTES, OBJECT_ALL_BYTES);
    }
    return object;
}

/* Enters the new area, over what is there; nothing changes without memory for all of it. */
static bool map_enter(struct vm *vm, struct space *space, const struct vm_map_request *request,
                      struct entry *like)
{
    struct area_spare spare;
    bool done = false;

    if (!request->file && area_is_free(space, like->start, like->end - like->start))
        return area_add_anonymous(vm, space, like);
    if (!area_spare_fill(&spare, vm, space, 3))
        return false;
    like->object = map_make_object(vm, space, request);
    if (like->object && commit_take_area(vm, like, like->object, entry_pages(like))) {
        struct entry *entry = spare.entry[--spare.count];

        area_clip(space, like->start, &spare);
        area_clip(space, like->end, &spare);
        area_remove(vm, space, like->start, like->end);
        entry_copy_attributes(entry, like);
        entry->start = like->start;
        entry->end = like->end;
        vm_enter_entry(space, entry);
        area_join(vm, space, like->start, like->end);
        done = true;
    } else if (like->object) {
        object_release(vm, like->object);
    }
    area_spare_release(&spare);
    return done;
}

/* Fills in what the kind of the mapping decides. */
static void map_describe(const struct vm *vm, const struct vm_map_request *request,
                         struct entry *like)
{
    bool shared = map_is_shared(request);

    like->max_protection = MAP_PROTECTION;
    like->inheritance = shared ? ENTRY_SHARE : ENTRY_COPY;
    if (shared && request->file) { /* its pages are charged as they are made */
        like->offset = request->offset / FL_PAGE_BYTES;
        if (!request->writable)
            like->max_protection &= (uint8_t)~PROT_WRITE;
        if (object_is_device(request->file)) {
            like->max_protection &= (uint8_t)~PROT_EXEC;
            like->wired = false;
        }
        return;
    }
    like->charge = commit_choose(vm, shared || (like->protection & PROT_WRITE),
                                 request->flags & MAP_NORESERVE);
}

int vm_map(struct vm *vm, struct space *space, const struct vm_map_request *request,
           uint64_t *address)
{
    bool locked = request->flags & MAP_LOCKED;
    struct entry like = {.protection = map_protection(request->protection),
                         .use = ENTRY_MAPPED,
                         .wired = locked || space->wire_future};
    uint64_t bytes = area_round(request->bytes);
    int error = map_check_request(request);

    if (!error && locked && space->limits[LIMIT_MEMLOCK].soft == 0)
        error = EPERM;
    if (!error)
        error = map_place(space, request, bytes, &like.start);
    if (!error)
        error = map_check_file(request);
    if (error)
        return error;
    like.end = like.start + bytes;
    map_describe(vm, request, &like);
    error = limit_check(space, &like, true);
    if (error)
        return error;
    if (!map_enter(vm, space, request, &like))
        return ENOMEM;
    if ((request->flags & MAP_POPULATE) || locked || space->wire_future)
        (void)vm_populate(vm, space, like.start, like.end);
    *address = like.start;
    return 0;
}

/* ---- mprotect ---- */

/* Whether all of [start, end) is mapped and may have this protection: 0, ENOMEM, EACCES. */
static int map_check_protection(const struct space *space, uint64_t start, uint64_t end,
                                uint32_t protection)
{
    const struct entry *entry = entry_find_from(&space->map, start);

    if (!entry_covered(&space->map, start, end))
        return ENOMEM;
    for (; entry && entry->start < end; entry = entry->next)
        if (protection & ~(uint32_t)entry->max_protection)
            return EACCES;
    return 0;
}

/* Lowers what the page tables allow to what both protections allow.  Pages may be mapped with less
 * than the entry allows and below a ceiling, so only "readable" can be set for all of them. */
static void map_lower_tables(struct vm *vm, const struct space *space, const struct entry *entry,
                             uint8_t protection)
{
    uint8_t both = entry->protection & protection;

    if (both == entry->protection)
        return;
    if (both == PROT_READ)
        vm->port.make_read_only(vm->port.context, space->id, entry->start, entry_pages(entry));
    else
        vm->port.unmap(vm->port.context, space->id, entry->start, entry_pages(entry));
}

/* Whether an entry that is made writable is charged from then on. */
static bool map_wants_charge(const struct entry *entry, uint32_t protection)
{
    return (protection & PROT_WRITE) && entry->charge == ENTRY_UNCHARGED && entry->object &&
           entry->object->owner && entry->inheritance == ENTRY_COPY;
}

/* Gives the whole entries of [start, end) a protection; they are charged already. */
static void map_set_protection(struct vm *vm, struct space *space, uint64_t start, uint64_t end,
                               uint8_t protection)
{
    for (struct entry *entry = entry_find(&space->map, start); entry && entry->start < end;
         entry = entry->next) {
        map_lower_tables(vm, space, entry, protection);
        if (map_wants_charge(entry, protection))
            entry->charge = ENTRY_CHARGED;
        entry->protection = protection;
    }
}

/* Charges what becomes writable in [start, end).  0; ENOMEM (limit or promise), nothing charged. */
static int map_charge_writable(struct vm *vm, const struct space *space, uint64_t start,
                               uint64_t end, uint32_t protection)
{
    uint64_t bytes = 0, data = 0;

    if (!(protection & PROT_WRITE))
        return 0;
    for (const struct entry *entry = entry_find_from(&space->map, start);
         entry && entry->start < end; entry = entry->next) {
        uint64_t first = entry->start > start ? entry->start : start;
        uint64_t last = entry->end < end ? entry->end : end;

        if (map_wants_charge(entry, protection))
            bytes += last - first;
        if (entry->inheritance == ENTRY_COPY && entry->use != ENTRY_STACK)
            data += last - first;
    }
    if (data > 0 && !limit_has_room(space, LIMIT_DATA, data, start, end))
        return ENOMEM;
    return commit_take(vm, bytes / FL_PAGE_BYTES) ? 0 : ENOMEM;
}

int vm_protect(struct vm *vm, struct space *space, uint64_t address, uint64_t bytes,
               uint32_t protection)
{
    struct area_spare spare;
    uint64_t end;
    uint8_t effective = map_protection(protection);
    int error;

    if (!area_aligned(address))
        return EINVAL;
    if (bytes == 0)
        return 0;
    if (!area_find_end(address, bytes, &end) || end == address)
        return ENOMEM;
    if (protection & ~(uint32_t)MAP_PROTECTION)
        return EINVAL;
    if (end > AREA_LIMIT || address < FL_USER_BASE)
        return ENOMEM;
    error = map_check_protection(space, address, end, effective);
    if (error)
        return error;
    if (!area_spare_fill(&spare, vm, space, map_count_cuts(space, address, end)))
        return ENOMEM;
    error = map_charge_writable(vm, space, address, end, effective);
    if (!error) {
        area_clip(space, address, &spare);
        area_clip(space, end, &spare);
        map_set_protection(vm, space, address, end, effective);
    }
    area_spare_release(&spare);
    if (!error)
        area_join(vm, space, address, end);
    return error;
}

/* ---- brk ---- */

static uint64_t map_page_up(uint64_t address)
{
    return (address + FL_PAGE_BYTES - 1) & ~(uint64_t)(FL_PAGE_BYTES - 1);
}

static int map_grow_heap(struct vm *vm, struct space *space, uint64_t start, uint64_t end)
{
    struct entry like = {.start = start,
                         .end = end,
                         .protection = PROT_READ | PROT_WRITE,
                         .max_protection = MAP_PROTECTION,
                         .use = ENTRY_HEAP,
                         .charge = ENTRY_CHARGED,
                         .wired = space->wire_future};

    if (limit_check(space, &like, false) != 0 || !area_is_free(space, start, end - start) ||
        !area_add_anonymous(vm, space, &like))
        return ENOMEM;
    if (space->wire_future)
        (void)vm_populate(vm, space, start, end);
    return 0;
}

int vm_break(struct vm *vm, struct space *space, uint64_t address, uint64_t *end)
{
    uint64_t old_end = map_page_up(space->heap_end);
    int error = 0;

    *end = space->heap_end;
    if (address == 0)
        return 0;
    if (address < space->heap_start || address > PROGRAM_MMAP_BASE)
        return ENOMEM;
    if (map_page_up(address) > old_end)
        error = map_grow_heap(vm, space, old_end, map_page_up(address));
    else if (map_page_up(address) < old_end)
        error = vm_unmap(vm, space, map_page_up(address), old_end - map_page_up(address));
    if (error)
        return error;
    space->heap_end = address;
    *end = address;
    return 0;
}
