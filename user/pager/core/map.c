/* Memory calls: mmap, munmap, mprotect, brk.
 *
 * Each call decodes its arguments, makes the new entries that it can need, and only then changes
 * the set.  Entries are cut at the ends of a range (map_clip), so that the rest of a call deals
 * with whole entries; neighbours that came to be alike are joined again.
 *
 * A range is taken out of the page tables before its pages are freed; rights in the tables are only
 * ever lowered here, faults raise them. */
#include <errno.h>

#include "memory_values.h"
#include "protocol.h"
#include "vm.h"

/* Programs may map anything below the page of their message buffer. */
#define MAP_LIMIT FL_BOOT_INFO

#define MAP_FLAGS_KNOWN                                                                \
    (MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE | MAP_STACK | \
     MAP_FIXED_NOREPLACE)
#define MAP_PROTECTION (PROT_READ | PROT_WRITE | PROT_EXEC)

_Static_assert(PROT_READ == FL_RIGHT_READ && PROT_WRITE == FL_RIGHT_WRITE &&
                   PROT_EXEC == FL_RIGHT_EXEC,
               "protections and rights are the same bits");

/* Entries that a call holds ready: the most that it can need. */
struct map_spare {
    struct vm *vm;
    struct entry *entry[3];
    uint32_t count;
};

static void map_spare_release(struct map_spare *spare)
{
    while (spare->count > 0)
        slab_release(&spare->vm->entries, spare->entry[--spare->count]);
}

static bool map_spare_fill(struct map_spare *spare, struct vm *vm, uint32_t count)
{
    *spare = (struct map_spare){.vm = vm};
    while (spare->count < count) {
        struct entry *entry = slab_allocate(&vm->entries);

        if (!entry) {
            map_spare_release(spare);
            return false;
        }
        spare->entry[spare->count++] = entry;
    }
    return true;
}

static bool map_aligned(uint64_t value)
{
    return value % FL_PAGE_BYTES == 0;
}

/* Length in whole pages; 0 if there is none or it is larger than any space. */
static uint64_t map_round(uint64_t bytes)
{
    return bytes > FL_USER_END ? 0 : (bytes + FL_PAGE_BYTES - 1) & ~(uint64_t)(FL_PAGE_BYTES - 1);
}

static bool map_in_limits(uint64_t start, uint64_t bytes)
{
    return start >= FL_USER_BASE && start <= MAP_LIMIT && bytes <= MAP_LIMIT - start;
}

/* PROT_WRITE means readable too: the hardware knows no other. */
static uint8_t map_protection(uint32_t protection)
{
    return (uint8_t)(protection & PROT_WRITE ? protection | PROT_READ : protection);
}

static bool map_alike(const struct entry *entry, const struct entry *other)
{
    return entry->protection == other->protection &&
           entry->max_protection == other->max_protection &&
           entry->inheritance == other->inheritance && entry->advice == other->advice &&
           entry->use == other->use;
}

void vm_enter_entry(struct space *space, struct entry *entry)
{
    entry->space = space;
    entry_insert(&space->map, entry);
    object_link_entry(entry);
}

bool vm_add_entry(struct vm *vm, struct space *space, const struct entry *like)
{
    struct entry *entry = slab_allocate(&vm->entries);

    if (!entry)
        return false;
    entry_copy_attributes(entry, like);
    entry->start = like->start;
    entry->end = like->end;
    vm_enter_entry(space, entry);
    return true;
}

/* Makes `address` a boundary: cuts the entry around it, if there is one. */
static void map_clip(struct space *space, uint64_t address, struct map_spare *spare)
{
    struct entry *entry = entry_find(&space->map, address), *upper;
    uint64_t end;

    if (!entry || entry->start == address)
        return;
    upper = spare->entry[--spare->count];
    entry_copy_attributes(upper, entry);
    end = entry->end;
    upper->offset += (address - entry->start) / FL_PAGE_BYTES;
    upper->start = address;
    upper->end = end;
    if (upper->object)
        upper->object->references++;
    entry_resize(&space->map, entry, entry->start, address);
    vm_enter_entry(space, upper);
}

/* Joins `entry` with the one before it if both show one run of one object in the same way. */
static void map_join_previous(struct vm *vm, struct space *space, struct entry *entry)
{
    struct entry *previous = entry ? entry->previous : NULL;
    uint64_t end;

    if (!previous || previous->end != entry->start || previous->object != entry->object ||
        !map_alike(previous, entry) || !entry->object ||
        previous->offset + entry_pages(previous) != entry->offset)
        return;
    end = entry->end;
    entry_remove(&space->map, entry);
    object_unlink_entry(entry);
    entry->object->references--; /* the other entry holds one */
    slab_release(&vm->entries, entry);
    entry_resize(&space->map, previous, previous->start, end);
}

/* Joins at both ends of [start, end) and inside. */
static void map_join(struct vm *vm, struct space *space, uint64_t start, uint64_t end)
{
    struct entry *entry = entry_find_from(&space->map, start);

    while (entry && entry->start <= end) {
        struct entry *next = entry->next;

        map_join_previous(vm, space, entry);
        entry = next;
    }
}

/* Takes the whole entries of [start, end) away, and the pages that only they show. */
static void map_remove(struct vm *vm, struct space *space, uint64_t start, uint64_t end)
{
    struct entry *entry = entry_find_from(&space->map, start);

    if (!entry || entry->start >= end)
        return;
    vm->port.unmap(vm->port.context, space->id, start, (end - start) / FL_PAGE_BYTES);
    while (entry && entry->start < end) {
        struct entry *next = entry->next;

        entry_remove(&space->map, entry);
        object_drop_entry(vm, entry);
        slab_release(&vm->entries, entry);
        entry = next;
    }
}

int vm_unmap(struct vm *vm, struct space *space, uint64_t address, uint64_t bytes)
{
    struct map_spare spare;
    uint64_t length = map_round(bytes);

    if (!map_aligned(address) || length == 0 || address > MAP_LIMIT || length > MAP_LIMIT - address)
        return EINVAL;
    if (address + length <= FL_USER_BASE)
        return 0;
    if (address < FL_USER_BASE) { /* page 0 is never mapped: nothing of it can be removed */
        length -= FL_USER_BASE - address;
        address = FL_USER_BASE;
    }
    if (!map_spare_fill(&spare, vm, 2))
        return ENOMEM;
    map_clip(space, address, &spare);
    map_clip(space, address + length, &spare);
    map_remove(vm, space, address, address + length);
    map_spare_release(&spare);
    return 0;
}

/* ---- mmap ---- */

static int map_check_request(const struct vm_map_request *request)
{
    uint32_t type = request->flags & MAP_TYPE;

    if (request->bytes == 0 || !map_aligned(request->offset))
        return EINVAL;
    if (type != MAP_SHARED && type != MAP_PRIVATE)
        return EINVAL;
    if ((request->flags & ~(uint32_t)MAP_FLAGS_KNOWN) ||
        (request->protection & ~(uint32_t)MAP_PROTECTION))
        return EINVAL;
    if (!(request->flags & MAP_ANONYMOUS))
        return ENODEV;
    return map_round(request->bytes) == 0 ? ENOMEM : 0;
}

static bool map_is_free(const struct space *space, uint64_t start, uint64_t bytes)
{
    const struct entry *entry = entry_find_from(&space->map, start);

    return !entry || entry->start >= start + bytes;
}

static int map_place_fixed(const struct space *space, const struct vm_map_request *request,
                           uint64_t bytes)
{
    if (!map_aligned(request->address))
        return EINVAL;
    if (request->address < FL_USER_BASE)
        return EPERM;
    if (!map_in_limits(request->address, bytes))
        return ENOMEM;
    if ((request->flags & MAP_FIXED_NOREPLACE) && !map_is_free(space, request->address, bytes))
        return EEXIST;
    return 0;
}

/* Decides where the new area goes. */
static int map_place(const struct space *space, const struct vm_map_request *request,
                     uint64_t bytes, uint64_t *address)
{
    uint64_t hint = map_round(request->address);

    *address = request->address;
    if (request->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
        return map_place_fixed(space, request, bytes);
    if (hint != 0 && map_in_limits(hint, bytes) && map_is_free(space, hint, bytes)) {
        *address = hint;
        return 0;
    }
    *address = entry_find_gap(&space->map, PROGRAM_MMAP_BASE, PROGRAM_MMAP_END, bytes);
    return *address ? 0 : ENOMEM;
}

/* Lets the entry that ends at `start` grow over [start, end) if it may: it is alike and the only
 * one that shows its object, so the object is empty there, and so are those below. */
static bool map_extend(struct vm *vm, struct space *space, const struct entry *like)
{
    struct entry *entry = entry_find(&space->map, like->start - 1);

    if (!entry || entry->end != like->start || !map_alike(entry, like) || !entry->object ||
        !entry->object->owner || entry->object->references != 1 ||
        entry->offset + (like->end - entry->start) / FL_PAGE_BYTES > INDEX_LIMIT ||
        !shadow_is_clear(vm, entry->object, entry_index(entry, entry->end),
                         (like->end - like->start) / FL_PAGE_BYTES))
        return false;
    entry_resize(&space->map, entry, entry->start, like->end);
    return true;
}

/* Adds anonymous memory over a free range: grows a neighbour or makes an entry with an object. */
static bool map_add_anonymous(struct vm *vm, struct space *space, struct entry *like)
{
    if (map_extend(vm, space, like))
        return true;
    like->object = object_create_anonymous(vm, space);
    if (!like->object)
        return false;
    if (vm_add_entry(vm, space, like))
        return true;
    object_release(vm, like->object);
    return false;
}

/* As map_add_anonymous, over whatever is there; nothing changes without memory for all of it. */
static bool map_replace_anonymous(struct vm *vm, struct space *space, struct entry *like)
{
    struct map_spare spare;

    if (map_is_free(space, like->start, like->end - like->start))
        return map_add_anonymous(vm, space, like);
    if (!map_spare_fill(&spare, vm, 3))
        return false;
    like->object = object_create_anonymous(vm, space);
    if (like->object) {
        struct entry *entry = spare.entry[--spare.count];

        map_clip(space, like->start, &spare);
        map_clip(space, like->end, &spare);
        map_remove(vm, space, like->start, like->end);
        entry_copy_attributes(entry, like);
        entry->start = like->start;
        entry->end = like->end;
        vm_enter_entry(space, entry);
    }
    map_spare_release(&spare);
    return like->object != NULL;
}

int vm_map(struct vm *vm, struct space *space, const struct vm_map_request *request,
           uint64_t *address)
{
    struct entry like = {.protection = map_protection(request->protection),
                         .max_protection = MAP_PROTECTION,
                         .use = ENTRY_MAPPED};
    uint64_t bytes = map_round(request->bytes);
    int error = map_check_request(request);

    if (!error)
        error = map_place(space, request, bytes, &like.start);
    if (error)
        return error;
    like.end = like.start + bytes;
    like.inheritance = (request->flags & MAP_TYPE) == MAP_SHARED ? ENTRY_SHARE : ENTRY_COPY;
    if (!map_replace_anonymous(vm, space, &like))
        return ENOMEM;
    if (request->flags & MAP_POPULATE)
        vm_populate(vm, space, like.start, like.end);
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

int vm_protect(struct vm *vm, struct space *space, uint64_t address, uint64_t bytes,
               uint32_t protection)
{
    struct map_spare spare;
    uint64_t length = map_round(bytes), end = address + length;
    int error;

    if (!map_aligned(address) || (protection & ~(uint32_t)MAP_PROTECTION))
        return EINVAL;
    if (bytes == 0)
        return 0;
    if (length == 0 || !map_in_limits(address, length))
        return ENOMEM;
    error = map_check_protection(space, address, end, map_protection(protection));
    if (error)
        return error;
    if (!map_spare_fill(&spare, vm, 2))
        return ENOMEM;
    map_clip(space, address, &spare);
    map_clip(space, end, &spare);
    for (struct entry *entry = entry_find(&space->map, address); entry && entry->start < end;
         entry = entry->next) {
        map_lower_tables(vm, space, entry, map_protection(protection));
        entry->protection = map_protection(protection);
    }
    map_spare_release(&spare);
    map_join(vm, space, address, end);
    return 0;
}

/* ---- brk ---- */

static uint64_t map_page_up(uint64_t address)
{
    return (address + FL_PAGE_BYTES - 1) & ~(uint64_t)(FL_PAGE_BYTES - 1);
}

static bool map_grow_heap(struct vm *vm, struct space *space, uint64_t start, uint64_t end)
{
    struct entry like = {.start = start,
                         .end = end,
                         .protection = PROT_READ | PROT_WRITE,
                         .max_protection = MAP_PROTECTION,
                         .use = ENTRY_HEAP};

    return map_is_free(space, start, end - start) && map_add_anonymous(vm, space, &like);
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
        error = map_grow_heap(vm, space, old_end, map_page_up(address)) ? 0 : ENOMEM;
    else if (map_page_up(address) < old_end)
        error = vm_unmap(vm, space, map_page_up(address), old_end - map_page_up(address));
    if (error)
        return error;
    space->heap_end = address;
    *end = address;
    return 0;
}
