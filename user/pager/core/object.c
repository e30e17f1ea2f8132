/* What all kinds of objects share: references, entries, and the pages of the index.  See object.h. */
#include "object.h"

#include "vm.h"

struct object_freeing {
    struct vm *vm;
    struct object *object;
    const struct entry *gone; /* whose pages they were, where that matters */
};

/* A leaf that names no frame of the object's own. */
static void object_discount_other(struct object *object, uint64_t leaf)
{
    if (!index_leaf_is_merged(leaf)) {
        object->swapped--;
        object->owner->swapped--;
        return;
    }
    object->resident--;
    object->owner->resident--;
    object->merged--;
    object->owner->merged--;
}

void object_discount_leaf(struct object *object, uint64_t leaf)
{
    if (!index_leaf_is_frame(leaf)) {
        object_discount_other(object, leaf);
        return;
    }
    object->resident--;
    if (object->owner)
        object->owner->resident--;
}

static void object_drop_page(struct vm *vm, uint32_t page)
{
    if (vm->table.pages[page].known)
        victims_forget(vm, page);
    if (vm->table.pages[page].state == PAGE_OBJECT) {
        vm_forget_copy(vm, page);
        page_release(&vm->table, page);
        return;
    }
    page_set_state(&vm->table, page, PAGE_STRAY);
    wait_wake(vm, page);
}

void object_drop_leaf(struct vm *vm, uint64_t leaf)
{
    if (index_leaf_is_frame(leaf))
        object_drop_page(vm, index_leaf_page(leaf));
    else if (index_leaf_is_swap(leaf))
        vm_free_slot(vm, index_leaf_slot(leaf));
    else if (index_leaf_is_merged(leaf))
        samepage_drop(vm, index_leaf_page(leaf));
    else if (index_leaf_is_compressed(leaf))
        tier_drop(vm, leaf);
}

static bool object_free_leaf(void *context, uint64_t index, uint64_t leaf)
{
    const struct object_freeing *freeing = context;

    (void)index;
    object_drop_leaf(freeing->vm, leaf);
    object_discount_leaf(freeing->object, leaf);
    if (!freeing->object->owner)
        freeing->vm->file_pages--;
    return true;
}

void object_free_pages(struct vm *vm, struct object *object, uint64_t first, uint64_t count)
{
    struct object_freeing freeing = {vm, object, NULL};

    index_remove(&object->index, &vm->nodes, first, count, object_free_leaf, &freeing);
}

static void object_charge(struct space *space, uint32_t pages)
{
    space->resident += pages;
    if (space->resident > space->peak)
        space->peak = space->resident;
}

/* Counts such a leaf in. */
static void object_count_other(struct object *object, uint64_t leaf)
{
    if (!index_leaf_is_merged(leaf)) {
        object->swapped++;
        object->owner->swapped++;
        return;
    }
    object->resident++;
    object_charge(object->owner, 1);
    object->merged++;
    object->owner->merged++;
}

void object_add_page(struct vm *vm, struct object *object, const struct index_place *place,
                     uint64_t index, uint32_t page)
{
    struct page *record = &vm->table.pages[page];

    record->object = object;
    record->link = (uint32_t)index;
    record->uses = 0;
    index_fill(place, index_leaf_frame(page));
    victims_note(vm, page);
    object->resident++;
    if (object->owner)
        object_charge(object->owner, 1);
    else
        vm->file_pages++;
}

void object_add_leaf(struct vm *vm, struct object *object, const struct index_place *place,
                     uint64_t index, uint64_t leaf)
{
    if (index_leaf_is_frame(leaf)) {
        object_add_page(vm, object, place, index, index_leaf_page(leaf));
        return;
    }
    index_fill(place, leaf);
    object_count_other(object, leaf);
}

void object_put_out(struct vm *vm, uint32_t page, uint64_t leaf)
{
    struct page *record = &vm->table.pages[page];
    struct object *object = record->object;
    struct index_place place;

    object_discount_leaf(object, index_find(&object->index, record->link, &place));
    index_replace(&place,
                  index_leaf_is_stored(leaf) ? index_leaf_stamp(leaf, record->window) : leaf);
    victims_evict(vm, page);
    object_count_other(object, leaf);
    vm->paging.copies -= record->state == PAGE_OBJECT && record->slot != SWAP_NONE;
    record->slot = SWAP_NONE;
    record->window = 0;
    page_release(&vm->table, page);
}

void object_merge_page(struct vm *vm, uint32_t page, uint32_t merged)
{
    const struct page *record = &vm->table.pages[page];
    struct object *object = record->object;
    struct index_place place;

    if (page != merged) {
        object_put_out(vm, page, index_leaf_merged(merged));
        return;
    }
    object_discount_leaf(object, index_find(&object->index, record->link, &place));
    index_replace(&place, index_leaf_merged(page));
    object_count_other(object, index_leaf_merged(page));
}

void object_bring_in(struct vm *vm, struct object *object, const struct index_place *place,
                     uint64_t index, uint32_t page)
{
    struct page *record = &vm->table.pages[page];
    uint64_t leaf = index_read(place);

    record->object = object;
    record->link = (uint32_t)index;
    record->slot = index_leaf_is_swap(leaf) ? index_leaf_slot(leaf) : SWAP_NONE;
    record->window = index_leaf_is_stored(leaf) ? index_leaf_window(leaf) : 0;
    record->uses = 0;
    object_discount_leaf(object, leaf);
    index_replace(place, index_leaf_frame(page));
    object->resident++;
    object_charge(object->owner, 1);
}

void object_set_owner(struct object *object, struct space *owner)
{
    object->owner->resident -= object->resident;
    object->owner->merged -= object->merged;
    object->owner->swapped -= object->swapped;
    object->owner = owner;
    object_charge(owner, object->resident);
    owner->merged += object->merged;
    owner->swapped += object->swapped;
}

enum object_supply object_supply_page(struct vm *vm, struct object *file, uint64_t index,
                                      struct object_page *found)
{
    if (vm->waits.failed_object == file && vm->waits.failed_index == index)
        return OBJECT_UNREADABLE;
    return file->ops->supply(vm, file, index, found);
}

uint32_t object_begin_fetch(struct vm *vm, struct object *object, uint64_t index)
{
    struct index_place place;
    uint32_t page;

    if (!index_reserve(&object->index, &vm->nodes, index, &place))
        return PAGE_NONE;
    page = reclaim_has_frame(vm) ? page_allocate(&vm->table, PAGE_BUSY) : PAGE_NONE;
    if (page == PAGE_NONE)
        index_remove(&object->index, &vm->nodes, index, 1, NULL, NULL);
    else
        object_add_page(vm, object, &place, index, page);
    return page;
}

/* ---- the source ---- */

void object_set_source(struct object *object, struct object *source, uint64_t first, uint64_t bytes)
{
    object->source = source;
    object->source_first = first;
    object->source_bytes = bytes;
    if (!source)
        return;
    object->previous_user = NULL;
    object->next_user = source->users;
    if (source->users)
        source->users->previous_user = object;
    source->users = object;
}

void object_copy_source_from(struct object *object, const struct object *like, uint64_t first)
{
    if (object_is_zero_from(like, first))
        return;
    like->source->references++;
    object_set_source(object, like->source, like->source_first + first,
                      like->source_bytes - first * FL_PAGE_BYTES);
}

void object_copy_source(struct object *object, const struct object *like)
{
    object_copy_source_from(object, like, 0);
}

static void object_leave_source(struct object *object)
{
    if (object->previous_user)
        object->previous_user->next_user = object->next_user;
    else
        object->source->users = object->next_user;
    if (object->next_user)
        object->next_user->previous_user = object->previous_user;
}

void object_free(struct vm *vm, struct object *object)
{
    struct object *source = object->source;

    if (source)
        object_leave_source(object);
    if (object->name)
        names_forget(vm, object);
    commit_give(vm, object->committed);
    slab_release(&vm->objects, object);
    if (source)
        object_release(vm, source);
}

void object_release(struct vm *vm, struct object *object)
{
    if (--object->references > 0)
        return;
    object_free_pages(vm, object, 0, INDEX_LIMIT);
    if (object->ops->destroy)
        object->ops->destroy(vm, object);
    if (object->below)
        shadow_leave(vm, object);
    object_free(vm, object);
}

/* ---- files ---- */

void object_enter_files(struct vm *vm, struct object *object)
{
    object->next_file = vm->files;
    vm->files = object;
}

void object_leave_files(struct vm *vm, struct object *object)
{
    struct object **link = &vm->files;

    while (*link != object)
        link = &(*link)->next_file;
    *link = object->next_file;
}

/* ---- entries ---- */

/* Where an entry would show page 0 of its object, in pages; wraps. */
static uint64_t object_origin(const struct entry *entry)
{
    return entry->start / FL_PAGE_BYTES - entry->offset;
}

void object_link_entry(struct entry *entry)
{
    struct object *object = entry->object;
    const struct entry *first = object ? object->entries : NULL;

    if (!object)
        return;
    if (first && first->space != entry->space)
        object->widespread = true;
    if (first && object_origin(first) != object_origin(entry))
        object->shifted = true;
    entry->object_previous = NULL;
    entry->object_next = object->entries;
    if (object->entries)
        object->entries->object_previous = entry;
    object->entries = entry;
}

void object_unlink_entry(struct entry *entry)
{
    if (!entry->object)
        return;
    if (entry->object_previous)
        entry->object_previous->object_next = entry->object_next;
    else
        entry->object->entries = entry->object_next;
    if (entry->object_next)
        entry->object_next->object_previous = entry->object_previous;
}

/* True if a page of a file that its index does not hold lies in the initrd or a device. */
static bool object_is_at_hand(const struct object *file, uint64_t index)
{
    return (file->file || object_is_device(file)) && index * FL_PAGE_BYTES < file->bytes;
}

uint32_t object_count_named(const struct object *object, uint64_t index, uint32_t *visits)
{
    uint32_t count = 0;

    for (const struct entry *entry = object->entries; entry; entry = entry->object_next) {
        count += index >= entry->offset && index - entry->offset < entry_pages(entry);
        ++*visits;
    }
    return count;
}

bool object_has_page(const struct object *object, uint64_t index)
{
    const struct object *top = object;

    for (; object; object = object->below) {
        uint64_t leaf = index_lookup(&object->index, index);

        if (leaf != 0)
            return index_leaf_is_frame(leaf) || index_leaf_is_merged(leaf);
    }
    if (!top->owner)
        return object_is_at_hand(top, index);
    if (object_is_zero_from(top, index))
        return false;
    index += top->source_first;
    return index_lookup(&top->source->index, index) != 0 || object_is_at_hand(top->source, index);
}

static bool object_shows(const struct entry *entry, uint64_t index)
{
    return index >= entry->offset && index - entry->offset < entry_pages(entry);
}

/* The entry of a space that shows page `index` at the address where `like`, an entry of the object too,
 * would show it; NULL if it is another one, or none. */
static const struct entry *object_find_at(const struct space *space, const struct entry *like,
                                          uint64_t index)
{
    const struct entry *entry =
        entry_find(&space->map, (object_origin(like) + index) * FL_PAGE_BYTES);

    return entry && entry->object == like->object && object_shows(entry, index) ? entry : NULL;
}

/* The list may be as long as a program has entries, so it is the last resort. */
bool object_is_named(const struct object *object, uint64_t index)
{
    const struct entry *entry = object->entries;

    if (entry && !object->widespread && !object->shifted && entry->space->map.root)
        return object_find_at(entry->space, entry, index);
    while (entry && !object_shows(entry, index))
        entry = entry->object_next;
    return entry;
}

static bool object_show(const struct entry *entry, uint64_t index, object_visit *visit,
                        void *context)
{
    return visit(context, entry, (object_origin(entry) + index) * FL_PAGE_BYTES);
}

bool object_visit_named(const struct object *object, uint64_t index, object_visit *visit,
                        void *context)
{
    const struct entry *entry = object->entries;

    if (entry && !object->widespread && !object->shifted) {
        entry = object_find_at(entry->space, entry, index);
        return !entry || object_show(entry, index, visit, context);
    }
    for (; entry; entry = entry->object_next)
        if (object_shows(entry, index) && !object_show(entry, index, visit, context))
            return false;
    return true;
}

/* An entry becomes the first of the list: who asks next looks there at first. */
static void object_move_front(struct entry *entry)
{
    object_unlink_entry(entry);
    object_link_entry(entry);
}

/* True if an entry other than `gone`, which left the list, shows page `index`.  Another one of its space
 * can do so only where the object was mapped twice, at different addresses (V4). */
static bool object_is_named_elsewhere(struct object *object, const struct entry *gone,
                                      uint64_t index)
{
    const struct space *other =
        object->owner != gone->space ? object->owner : object->entries->space;
    bool elsewhere = false;

    if (object->shifted)
        return object_is_named(object, index);
    if (!object->widespread)
        return false;
    if (other != gone->space && object_find_at(other, gone, index))
        return true;
    for (struct entry *entry = object->entries; entry; entry = entry->object_next) {
        if (entry->space == gone->space)
            continue;
        if (object_shows(entry, index)) {
            object_move_front(entry);
            return true;
        }
        elsewhere = true;
    }
    object->widespread = elsewhere;
    return false;
}

static bool object_free_unnamed_leaf(void *context, uint64_t index, uint64_t leaf)
{
    const struct object_freeing *freeing = context;

    return !object_is_named_elsewhere(freeing->object, freeing->gone, index) &&
           object_free_leaf(context, index, leaf);
}

/* Charges an object whose owner has no entry of it any more to somebody who has.  Those that stood
 * beside `gone` in the list are mostly of its space. */
static void object_find_heir(struct object *object, const struct entry *gone)
{
    const struct space *owner = object->owner;

    if (gone->space != owner || (gone->object_next && gone->object_next->space == owner) ||
        (gone->object_previous && gone->object_previous->space == owner))
        return;
    for (const struct entry *entry = object->entries; entry; entry = entry->object_next)
        if (entry->space == owner)
            return;
    object_set_owner(object, object->entries->space);
}

/* What an entry that left an anonymous object with other entries leaves behind.  Only memory that
 * fork shares can be named twice. */
static void object_forget_range(struct vm *vm, struct object *object, const struct entry *entry)
{
    struct object_freeing freeing = {vm, object, entry};

    index_remove(&object->index, &vm->nodes, entry->offset, entry_pages(entry),
                 entry->inheritance == ENTRY_SHARE ? object_free_unnamed_leaf : object_free_leaf,
                 &freeing);
    object_find_heir(object, entry);
}

void object_drop_entry(struct vm *vm, struct entry *entry)
{
    struct object *object = entry->object;

    if (!object)
        return;
    object_unlink_entry(entry);
    if (object->owner && object->entries)
        object_forget_range(vm, object, entry);
    if (object->below)
        shadow_forget_range(vm, object, entry->offset, entry_pages(entry));
    object_release(vm, object);
}
