/* The checker of all invariants: see vm.h.  Slow; changes nothing. */
#include "buddy.h"
#include "vm.h"

/* What the walk counts, to be compared with what the records say. */
struct check {
    const struct vm *vm;
    uint32_t pages;        /* of frames, in indexes */
    uint32_t slots;        /* of swap, in indexes */
    uint32_t handles;      /* of compressed pages, in indexes ... */
    uint64_t handle_sum;   /* ... added up */
    uint64_t merged;       /* leaves that name merged pages ... */
    uint64_t merged_tally; /* ... and which (samepage.h) */
    uint32_t nodes;        /* of indexes */
    uint32_t objects;
    uint32_t entries;
    uint64_t committed;
    uint64_t file_pages;
    uint32_t views;
    uint64_t resident[VM_SPACES_MAX];         /* pages of the objects that each space owns ... */
    uint64_t of_merged[VM_SPACES_MAX];        /* ... of them those that are merged ... */
    uint64_t swapped[VM_SPACES_MAX];          /* ... that are out */
    const struct entry *first;                /* of all spaces ... */
    const struct entry *after[VM_SPACES_MAX]; /* ... and the first one behind each space's last */
    const char *broken;
};

static void check_fail(struct check *check, bool holds, const char *invariant)
{
    if (!holds && !check->broken)
        check->broken = invariant;
}

/* Which entry follows the last one of each space. */
static void check_join_spaces(struct check *check)
{
    for (uint32_t id = VM_SPACES_MAX; id-- > 0;) {
        const struct space *space = check->vm->spaces[id];

        check->after[id] = check->first;
        if (space && space->map.first)
            check->first = space->map.first;
    }
}

/* The entry after `entry` through all spaces; NULL: the first one, and none is left. */
static const struct entry *check_next_entry(const struct check *check, const struct entry *entry)
{
    if (!entry)
        return check->first;
    return entry->next ? entry->next : check->after[entry->space->id];
}

/* The object to visit after one that was reached from an entry or from above, so that each is visited
 * once: what is below is visited with the first one above. */
static const struct object *check_next_object(const struct object *object)
{
    return object->below && object->below->above == object ? object->below : NULL;
}

static bool check_covers(const struct entry *entry, uint64_t index)
{
    return index >= entry->offset && index < entry->offset + entry_pages(entry);
}

/* Whether a fault of somebody would find page `index` of `object`, which has it.  Who names the object finds it at
 * once, and O6 was asked of that list before; else it may be who names one above it. */
static bool check_is_shown(const struct check *check, const struct object *object, uint64_t index)
{
    const struct entry *entry;

    for (entry = check->broken ? NULL : object->entries; entry; entry = entry->object_next)
        if (check_covers(entry, index))
            return true;
    while ((entry = check_next_entry(check, entry)) != NULL) {
        const struct object *holder = entry->object;

        if (!holder || !check_covers(entry, index))
            continue;
        while (holder && index_lookup(&holder->index, index) == 0)
            holder = holder->below;
        if (holder == object)
            return true;
    }
    return false;
}

static void check_frame(struct check *check, const struct object *object, uint64_t index,
                        uint32_t page)
{
    const struct page_table *table = &check->vm->table;
    const struct page *record = &table->pages[page];

    check_fail(check,
               page < table->count &&
                   (record->state == PAGE_OBJECT || record->state == PAGE_WRITING ||
                    record->state == PAGE_BUSY) &&
                   record->object == object && record->link == index,
               "P2");
    check->pages++;
}

static void check_merged(struct check *check, uint32_t page)
{
    const struct page_table *table = &check->vm->table;

    check_fail(check, page < table->count && table->pages[page].state == PAGE_MERGED, "M1");
    check->merged++;
    check->merged_tally += samepage_tally(page);
}

static void check_leaf(struct check *check, const struct object *object, uint64_t index,
                       uint64_t leaf)
{
    if (index_leaf_is_frame(leaf)) {
        check_frame(check, object, index, index_leaf_page(leaf));
    } else if (index_leaf_is_swap(leaf)) {
        check_fail(check, swap_is_used(&check->vm->swap, index_leaf_slot(leaf)), "G2");
        check->slots++;
    } else if (index_leaf_is_merged(leaf)) {
        check_merged(check, index_leaf_page(leaf));
    } else if (index_leaf_is_compressed(leaf)) {
        check_fail(check, compress_has(&check->vm->tier.store, index_leaf_handle(leaf)), "V7");
        check->handles++;
        check->handle_sum += index_leaf_handle(leaf);
    } else {
        check_fail(check, leaf == INDEX_LEAF_ZERO, "X3");
    }
    if (object->owner)
        check_fail(check, check_is_shown(check, object, index), "O3");
    else
        check_fail(check, index * FL_PAGE_BYTES < object->bytes && !object_is_device(object), "O8");
}

static uint32_t check_node(struct check *check, const struct object *object,
                           const struct index_node *node, uint32_t level, uint64_t base)
{
    uint32_t used = 0, pages = 0;

    check->nodes++;
    for (uint32_t i = 0; i < INDEX_SLOTS; i++) {
        uint64_t key = base + ((uint64_t)i << (INDEX_SHIFT * level));

        if (!node->slot[i])
            continue;
        used++;
        if (level > 0) {
            const struct index_node *child = (const struct index_node *)(uintptr_t)node->slot[i];

            check_fail(check, child->parent == node, "X4");
            pages += check_node(check, object, child, level - 1, key);
        } else {
            check_leaf(check, object, key, node->slot[i]);
            pages++;
        }
    }
    check_fail(check, used > 0, "X1");
    check_fail(check, used == node->used, "X2");
    return pages;
}

static void check_pages(struct check *check, const struct object *object)
{
    uint32_t pages = 0, frames = check->pages;
    uint64_t merged = check->merged;

    if (object->index.root)
        check_fail(check,
                   !object->index.root->parent && object->index.root->index == &object->index,
                   "X4");
    if (object->index.root)
        pages = check_node(check, object, object->index.root, object->index.height - 1, 0);
    merged = check->merged - merged;
    frames = check->pages - frames + (uint32_t)merged;
    check_fail(check,
               object->resident == frames && object->merged == merged &&
                   object->swapped == pages - frames &&
                   (object->owner || object->swapped + object->merged == 0),
               "O2");
    check->objects++;
}

/* Two entries of one object. */
static void check_alike(struct check *check, const struct object *object, const struct entry *one,
                        const struct entry *other)
{
    check_fail(check, object->widespread || one->space == other->space, "O11");
    check_fail(check,
               object->shifted || one->start / FL_PAGE_BYTES - one->offset ==
                                      other->start / FL_PAGE_BYTES - other->offset,
               "O11");
}

/* O6.  Returns the number of entries that name the object. */
static uint32_t check_named(struct check *check, const struct object *object)
{
    const struct entry *entry = NULL, *previous = NULL;
    uint32_t naming = 0, listed = 0;

    while ((entry = check_next_entry(check, entry)) != NULL)
        naming += entry->object == object;
    for (entry = object->entries; entry && listed <= naming; entry = entry->object_next) {
        check_fail(check, entry->object == object && entry->object_previous == previous, "O6");
        if (previous)
            check_alike(check, object, previous, entry);
        previous = entry;
        listed++;
    }
    check_fail(check, listed == naming, "O6");
    return naming;
}

/* H1 to H4.  Returns the number of objects above. */
static uint32_t check_place(struct check *check, const struct object *object)
{
    const struct object *previous = NULL;
    uint32_t above = 0;

    for (const struct object *o = object->above; o; o = o->next_above) {
        check_fail(check, o->below == object && o->previous_above == previous, "H1");
        check_fail(check,
                   o->source == object->source && o->source_first == object->source_first &&
                       o->source_bytes == object->source_bytes,
                   "H3");
        previous = o;
        above++;
    }
    if (above == 0)
        check_fail(check, object->entries != NULL, "H2");
    else
        check_fail(check,
                   !object->entries && object_pages(object) > 0 && above + object->lonely >= 2,
                   "H1");
    for (const struct entry *entry = object->below ? object->entries : NULL; entry;
         entry = entry->object_next)
        check_fail(check, entry->space == object->entries->space, "H4");
    return above;
}

/* Whether the owner of an object has an entry that leads to it. */
static bool check_owner_sees(const struct object *object)
{
    for (const struct entry *entry = object->owner->map.first; entry; entry = entry->next)
        for (const struct object *o = entry->object; o; o = o->below)
            if (o == object)
                return true;
    return false;
}

static void check_anonymous(struct check *check, const struct object *object)
{
    uint32_t references = check_named(check, object);

    check->committed += object->committed;
    references += check_place(check, object);
    check_fail(check, object->references > 0 && object->references == references, "O1");
    check_fail(check, check_owner_sees(object), "O4");
    check_fail(check, !object->twin, "O10");
    check->resident[object->owner->id] += object->resident;
    check->of_merged[object->owner->id] += object->merged;
    check->swapped[object->owner->id] += object->swapped;
    check_pages(check, object);
}

/* Objects that have this file as their source. */
static uint32_t check_sources(const struct check *check, const struct object *file)
{
    const struct entry *entry = NULL;
    uint32_t sources = 0;

    while ((entry = check_next_entry(check, entry)) != NULL) {
        if (!entry->object || entry->object->entries != entry)
            continue;
        for (const struct object *object = entry->object; object;
             object = check_next_object(object))
            sources += object->source == file;
    }
    return sources;
}

static void check_device(struct check *check, const struct object *device)
{
    const struct devices *devices = &check->vm->devices;
    uint32_t number = device->slot - devices->first_slot;

    check_fail(check,
               number < devices->count && device->bytes == devices_bytes(devices, number) &&
                   device->number == object_number_of_device(check->vm, number),
               "O9");
    check_fail(check, !device->users, "O9");
    for (const struct entry *entry = device->entries; entry; entry = entry->object_next)
        check_fail(check,
                   entry->inheritance == ENTRY_SHARE && !entry->wired &&
                       (entry->offset + entry_pages(entry)) * FL_PAGE_BYTES <= device->bytes,
                   "O9");
}

static void check_file(struct check *check, const struct object *file)
{
    const struct object *previous = NULL;
    uint32_t users = 0, references;

    check_fail(check, !file->source && !file->below && !file->above && !file->owner, "O5");
    for (const struct object *user = file->users; user; user = user->next_user) {
        check_fail(check, user->source == file && user->previous_user == previous, "O7");
        previous = user;
        users++;
    }
    check_fail(check, users == check_sources(check, file), "O7");
    if (object_is_device(file))
        check_device(check, file);
    references = check_named(check, file) + users + (file->name && !file->name->removed) +
                 handle_count_openings(check->vm, file);
    check_fail(check, file->references > 0 && file->references == references, "O1");
    check_pages(check, file);
    check->file_pages += file->resident;
    check->views += file->view != NULL;
}

static bool check_overlap(const struct entry *entry, const struct entry *other)
{
    return entry->object == other->object && entry->inheritance == ENTRY_COPY &&
           check_covers(entry, other->offset);
}

static void check_entry(struct check *check, const struct space *space, const struct entry *entry)
{
    const struct object *object = entry->object;

    check->entries++;
    check->committed += commit_of_entry(entry);
    check_fail(check,
               object ? entry->offset + entry_pages(entry) <= INDEX_LIMIT
                      : entry->use == ENTRY_GUARD && entry->protection == 0,
               "V3");
    check_fail(check, entry->space == space, "O6");
    if (!object || !object->owner)
        return;
    for (const struct entry *other = entry->next; other; other = other->next)
        check_fail(check, !check_overlap(entry, other) && !check_overlap(other, entry), "V4");
    if (object->entries != entry)
        return;
    for (; object; object = check_next_object(object))
        check_anonymous(check, object);
}

static void check_space(struct check *check, const struct space *space)
{
    const struct page_table *table = &check->vm->table;
    bool queued = false;

    for (const struct entry *entry = space->map.first; entry; entry = entry->next)
        check_entry(check, space, entry);
    check_fail(check, space->heap_start <= space->heap_end, "A3");
    check_fail(check,
               space->buffer == PAGE_NONE || (space->buffer < table->count &&
                                              table->pages[space->buffer].state == PAGE_BUFFER),
               "V2");
    for (const struct space *s = check->vm->event_first; s; s = s->next_event)
        queued = queued || s == space;
    check_fail(check, !queued || space->stopped, "A4");
}

static bool check_is_zero(const struct page_table *table, uint32_t page)
{
    const uint64_t *words = page_contents(table, page);
    uint64_t any = 0;

    for (uint32_t i = 0; i < FL_PAGE_BYTES / sizeof *words; i++)
        any |= words[i];
    return any == 0;
}

/* One of the two lists of free pages.  Returns how many are on it. */
static uint32_t check_free_list(struct check *check, uint32_t head, bool zeroed)
{
    const struct page_table *table = &check->vm->table;
    uint32_t listed = 0, previous = PAGE_NONE;

    for (uint32_t n = head; n != PAGE_NONE && listed <= table->count; n = table->pages[n].link) {
        const struct page *page = &table->pages[n];

        check_fail(check, page->state == PAGE_FREE && page->previous == previous, "P1");
        check_fail(check, page->zeroed == zeroed && (!zeroed || check_is_zero(table, n)), "P7");
        previous = n;
        listed++;
    }
    check_fail(check, !zeroed || previous == PAGE_NONE || previous == table->zeroed_tail, "P7");
    return listed;
}

static void check_frames(struct check *check)
{
    const struct page_table *table = &check->vm->table;
    uint32_t counts[PAGE_STATES] = {0}, zeroed = 0, in_blocks;
    const char *blocks = buddy_check(table, &in_blocks);

    check_fail(check, !blocks, blocks);
    for (uint32_t i = 0; i < table->count; i++) {
        counts[table->pages[i].state]++;
        zeroed += table->pages[i].zeroed;
        check_fail(check,
                   table->pages[i].state != PAGE_FREE ||
                       (table->pages[i].flags & ~PAGE_HARVESTED) == 0,
                   "P9");
    }
    for (uint32_t i = 0; i < PAGE_STATES; i++)
        check_fail(check, counts[i] == table->counts[i], "P3");
    check_fail(check, zeroed == table->zeroed, "P7");
    check_fail(check, check_free_list(check, table->zeroed_head, true) == zeroed, "P7");
    check_fail(check,
               check_free_list(check, table->free_head, false) + zeroed + in_blocks ==
                   counts[PAGE_FREE],
               "P1");
}

/* Slots, and pages that move.  That no two name one slot follows from the sum. */
static void check_swap(struct check *check)
{
    const struct vm *vm = check->vm;
    const char *broken = swap_check(&vm->swap);
    uint32_t copies = 0;

    check_fail(check, !broken, broken);
    broken = paging_check(vm);
    check_fail(check, !broken, broken);
    broken = window_check(vm);
    check_fail(check, !broken, broken);
    broken = load_check(vm);
    check_fail(check, !broken, broken);
    broken = victims_check(vm);
    check_fail(check, !broken, broken);
    for (uint32_t page = 0; page < vm->table.count; page++)
        copies += vm->table.pages[page].slot != SWAP_NONE;
    check_fail(check, vm->swap.used == check->slots + copies, "G2");
}

/* Compressed pages: the sum of the handles tells a leaf that is there twice from another's. */
static void check_tier(struct check *check)
{
    const struct tier *tier = &check->vm->tier;
    const char *broken = compress_check(&tier->store);
    uint32_t spare = tier->percent > 0 ? COMPRESS_RESERVE : 0;

    check_fail(check, !broken, broken);
    check_fail(check,
               tier->store.pages == check->handles &&
                   compress_sum_handles(&tier->store) == check->handle_sum,
               "V7");
    check_fail(check, tier->store.spare <= spare, "V7");
}

static void check_totals(struct check *check)
{
    const struct vm *vm = check->vm;
    const char *waits = wait_check(vm);
    const char *merged = samepage_check(vm, check->merged_tally, check->merged);
    const struct slab_kind *const kinds[] = {
        &vm->entries,      &vm->objects,      &vm->nodes, &vm->space_records,
        &vm->name_records, &vm->descriptions, &vm->views};
    uint32_t metadata = vm->record_pages + 1 + vm->swap.frames + vm->samepage.frames, buffers = 0,
             spaces = 0;

    for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const char *broken = slab_check(kinds[i]);

        check_fail(check, !broken, broken);
        metadata += kinds[i]->frames;
    }
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++) {
        spaces += vm->spaces[id] != NULL;
        buffers += vm->spaces[id] && vm->spaces[id]->buffer != PAGE_NONE;
    }
    check_fail(check, !waits, waits);
    check_fail(check, !merged, merged);
    check_fail(check, vm->commit.pages == check->committed, "V5");
    check_fail(check, vm->file_pages == check->file_pages, "V6");
    check_fail(check, vm->views.used == check->views, "W1");
    check_fail(check, vm->table.counts[PAGE_METADATA] == metadata, "V1");
    check_fail(check, vm->table.counts[PAGE_BUFFER] == buffers, "V2");
    check_fail(check,
               vm->table.counts[PAGE_OBJECT] + vm->table.counts[PAGE_WRITING] +
                       vm->table.counts[PAGE_BUSY] ==
                   check->pages,
               "P2");
    check_fail(check,
               vm->nodes.used == check->nodes && vm->objects.used == check->objects &&
                   vm->entries.used == check->entries && vm->space_records.used == spaces,
               "S3");
}

/* A1, and T1 to T4, of all spaces.  What follows goes through all entries again and again, which must
 * come to an end. */
static const char *check_entries(const struct vm *vm)
{
    const char *broken = NULL;

    for (uint32_t id = 0; id < VM_SPACES_MAX && !broken; id++) {
        const struct space *space = vm->spaces[id];

        if (space && (space->id != id || space->generation != vm->generations[id]))
            broken = "A1";
        else if (space)
            broken = entry_check(&space->map);
    }
    return broken;
}

const char *vm_check(const struct vm *vm)
{
    struct check check = {.vm = vm, .broken = check_entries(vm)};

    if (check.broken)
        return check.broken;
    check_join_spaces(&check);
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (vm->spaces[id])
            check_space(&check, vm->spaces[id]);
    for (const struct object *file = vm->files; file; file = file->next_file)
        check_file(&check, file);
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (vm->spaces[id])
            check_fail(&check,
                       check.resident[id] == vm->spaces[id]->resident &&
                           check.of_merged[id] == vm->spaces[id]->merged &&
                           check.swapped[id] == vm->spaces[id]->swapped &&
                           vm->spaces[id]->peak >= vm->spaces[id]->resident,
                       "A2");
    check_frames(&check);
    check_swap(&check);
    check_tier(&check);
    check_totals(&check);
    if (!check.broken)
        check.broken = names_check(vm);
    if (!check.broken)
        check.broken = handle_check(vm);
    return check.broken;
}
