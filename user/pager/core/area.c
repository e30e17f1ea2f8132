/* Ranges of a space's entries: see area.h. */
#include "area.h"

#include "vm.h"

void area_spare_release(struct area_spare *spare)
{
    while (spare->count > 0)
        slab_release(&spare->vm->entries, spare->entry[--spare->count]);
}

bool area_spare_fill(struct area_spare *spare, struct vm *vm, const struct space *space,
                     uint32_t count)
{
    *spare = (struct area_spare){.vm = vm};
    if (space->map.count + count > AREAS_MAX)
        return false;
    while (spare->count < count) {
        struct entry *entry = slab_allocate(&vm->entries);

        if (!entry) {
            area_spare_release(spare);
            return false;
        }
        spare->entry[spare->count++] = entry;
    }
    return true;
}

bool area_find_end(uint64_t address, uint64_t bytes, uint64_t *end)
{
    uint64_t length = (bytes + FL_PAGE_BYTES - 1) & ~(uint64_t)(FL_PAGE_BYTES - 1);

    *end = address + length;
    return length >= bytes && *end >= address;
}

bool area_is_mapped(const struct space *space, uint64_t start, uint64_t end)
{
    const struct entry *entry = entry_find_from(&space->map, start);

    for (; entry && entry->object && entry->start <= start; entry = entry->next) {
        if (entry->end >= end)
            return true;
        start = entry->end;
    }
    return false;
}

bool area_alike(const struct entry *entry, const struct entry *other)
{
    return entry->protection == other->protection &&
           entry->max_protection == other->max_protection &&
           entry->inheritance == other->inheritance && entry->advice == other->advice &&
           entry->use == other->use && entry->wired == other->wired &&
           entry->mergeable == other->mergeable && entry->charge == other->charge;
}

void vm_enter_entry(struct space *space, struct entry *entry)
{
    entry->space = space;
    entry_insert(&space->map, entry);
    object_link_entry(entry);
}

bool vm_add_entry(struct vm *vm, struct space *space, const struct entry *like)
{
    struct entry *entry = space->map.count < AREAS_MAX ? slab_allocate(&vm->entries) : NULL;

    if (!entry)
        return false;
    if (!commit_take_area(vm, like, like->object, like->offset + entry_pages(like))) {
        slab_release(&vm->entries, entry);
        return false;
    }
    entry_copy_attributes(entry, like);
    entry->start = like->start;
    entry->end = like->end;
    vm_enter_entry(space, entry);
    return true;
}

void area_clip(struct space *space, uint64_t address, struct area_spare *spare)
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
static void area_join_previous(struct vm *vm, struct space *space, struct entry *entry)
{
    struct entry *previous = entry ? entry->previous : NULL;
    uint64_t end;

    if (!previous || previous->end != entry->start || previous->object != entry->object ||
        !area_alike(previous, entry) || !entry->object ||
        previous->offset + entry_pages(previous) != entry->offset)
        return;
    end = entry->end;
    entry_remove(&space->map, entry);
    object_unlink_entry(entry);
    entry->object->references--; /* the other entry holds one */
    slab_release(&vm->entries, entry);
    entry_resize(&space->map, previous, previous->start, end);
}

void area_join(struct vm *vm, struct space *space, uint64_t start, uint64_t end)
{
    struct entry *entry = entry_find_from(&space->map, start);

    while (entry && entry->start <= end) {
        struct entry *next = entry->next;

        area_join_previous(vm, space, entry);
        entry = next;
    }
}

void area_remove(struct vm *vm, struct space *space, uint64_t start, uint64_t end)
{
    struct entry *entry = entry_find_from(&space->map, start);

    if (!entry || entry->start >= end)
        return;
    vm->port.unmap(vm->port.context, space->id, start, (end - start) / FL_PAGE_BYTES);
    while (entry && entry->start < end) {
        struct entry *next = entry->next;

        entry_remove(&space->map, entry);
        commit_give(vm, commit_of_entry(entry));
        object_drop_entry(vm, entry);
        slab_release(&vm->entries, entry);
        entry = next;
    }
}

void area_move(struct vm *vm, struct space *space, uint64_t start, uint64_t end, uint64_t to)
{
    struct entry *entry = entry_find(&space->map, start);

    vm->port.unmap(vm->port.context, space->id, start, (end - start) / FL_PAGE_BYTES);
    while (entry && entry->start < end) {
        struct entry *next = entry->next;

        entry_remove(&space->map, entry);
        entry->start += to - start;
        entry->end += to - start;
        entry->use = ENTRY_MAPPED;
        if (entry->object)
            entry->object->shifted = true;
        entry_insert(&space->map, entry);
        entry = next;
    }
}

bool area_is_free(const struct space *space, uint64_t start, uint64_t bytes)
{
    const struct entry *entry = entry_find_from(&space->map, start);

    return !entry || entry->start >= start + bytes;
}

/* True if the object shows nothing that is not its own behind the entry, or is a file: the file goes
 * on.  An anonymous object is empty behind the only entry that shows it; those below must be. */
static bool area_may_grow(struct vm *vm, const struct entry *entry, uint64_t pages)
{
    const struct object *object = entry->object;
    uint64_t index = entry_index(entry, entry->end);

    if (index + pages > INDEX_LIMIT)
        return false;
    if (!object->owner)
        return true;
    return object->references == 1 && index + object->source_first + pages <= INDEX_LIMIT &&
           shadow_is_clear(vm, entry->object, index, pages);
}

bool area_extend(struct vm *vm, struct space *space, const struct entry *like)
{
    struct entry *entry = entry_find(&space->map, like->start - 1);

    if (!entry || entry->end != like->start || !area_alike(entry, like) || !entry->object ||
        !area_may_grow(vm, entry, (like->end - like->start) / FL_PAGE_BYTES))
        return false;
    if (!commit_take_area(vm, like, entry->object, entry_index(entry, like->end)))
        return false;
    entry_resize(&space->map, entry, entry->start, like->end);
    return true;
}

/* True if an entry that grew over the start of `like` would show zeros there. */
static bool area_is_zero_before(const struct space *space, const struct entry *like)
{
    const struct entry *entry = entry_find(&space->map, like->start - 1);

    return entry && entry->object && entry->object->owner &&
           object_is_zero_from(entry->object, entry_index(entry, like->start));
}

bool area_add_anonymous(struct vm *vm, struct space *space, struct entry *like)
{
    if (like->inheritance == ENTRY_COPY && area_is_zero_before(space, like) &&
        area_extend(vm, space, like))
        return true;
    like->object = object_create_anonymous(vm, space);
    if (!like->object)
        return false;
    if (vm_add_entry(vm, space, like))
        return true;
    object_release(vm, like->object);
    return false;
}
