/* The checker of all invariants: see vm.h.  Slow; changes nothing. */
#include "vm.h"

/* What the walk counts, to be compared with what the records say. */
struct check {
    const struct vm *vm;
    uint32_t pages; /* in indexes */
    uint32_t nodes; /* of indexes */
    uint32_t objects;
    uint32_t entries;
    const char *broken;
};

static void check_fail(struct check *check, bool holds, const char *invariant)
{
    if (!holds && !check->broken)
        check->broken = invariant;
}

static void check_leaf(struct check *check, const struct object *object, uint64_t index,
                       uint64_t leaf)
{
    const struct page_table *table = &check->vm->table;
    uint32_t page = index_leaf_page(leaf);

    check_fail(check, INDEX_TAG(leaf) == INDEX_FRAME, "X3");
    check_fail(check,
               page < table->count && table->pages[page].state == PAGE_OBJECT &&
                   table->pages[page].object == object && table->pages[page].link == index,
               "P2");
    check->pages++;
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
            pages += check_node(check, object, (const struct index_node *)(uintptr_t)node->slot[i],
                                level - 1, key);
        } else {
            check_leaf(check, object, key, node->slot[i]);
            pages++;
        }
    }
    check_fail(check, used > 0, "X1");
    check_fail(check, used == node->used, "X2");
    return pages;
}

static void check_object(struct check *check, const struct object *object, uint32_t references)
{
    uint32_t pages = 0;

    if (object->index.root)
        pages = check_node(check, object, object->index.root, object->index.height - 1, 0);
    check_fail(check, object->references > 0 && object->references == references, "O1");
    check_fail(check, object->resident == pages, "O2");
    check->objects++;
}

/* References to a file object: entries that name it and objects that shadow it.  A shadow is
 * counted at the first entry that names it. */
static uint32_t check_file_references(const struct vm *vm, const struct object *file)
{
    uint32_t references = 0;

    for (uint32_t id = 0; id < VM_SPACES_MAX; id++) {
        const struct entry *entry = vm->spaces[id] ? vm->spaces[id]->map.first : NULL;

        for (; entry; entry = entry->next) {
            const struct entry *earlier = entry->previous;

            references += entry->object == file;
            if (!entry->object || entry->object->shadow != file)
                continue;
            while (earlier && earlier->object != entry->object)
                earlier = earlier->previous;
            references += earlier == NULL;
        }
    }
    return references;
}

/* Pages of the object that lie in the range of `entry`. */
static uint32_t check_pages_shown(const struct vm *vm, const struct entry *entry)
{
    uint64_t end = entry->offset + (entry->end - entry->start) / FL_PAGE_BYTES;
    uint32_t shown = 0;

    for (uint32_t i = 0; i < vm->table.count; i++) {
        const struct page *page = &vm->table.pages[i];

        shown += page->state == PAGE_OBJECT && page->object == entry->object &&
                 page->link >= entry->offset && page->link < end;
    }
    return shown;
}

/* An anonymous object, met at the first entry that names it; every other entry that does lies
 * behind. */
static void check_anonymous(struct check *check, const struct space *space,
                            const struct entry *first)
{
    const struct object *object = first->object;
    uint32_t references = 0, shown = 0;

    for (const struct entry *entry = first; entry; entry = entry->next) {
        if (entry->object != object)
            continue;
        references++;
        shown += check_pages_shown(check->vm, entry);
        for (const struct entry *other = entry->next; other; other = other->next)
            check_fail(
                check,
                other->object != object ||
                    other->offset >= entry->offset + (entry->end - entry->start) / FL_PAGE_BYTES ||
                    entry->offset >= other->offset + (other->end - other->start) / FL_PAGE_BYTES,
                "V4");
    }
    check_fail(check, object->owner == space, "O4");
    check_fail(check, shown == object->resident, "O3");
    check_object(check, object, references);
}

static uint64_t check_entries(struct check *check, const struct space *space)
{
    uint64_t resident = 0;

    for (const struct entry *entry = space->map.first; entry; entry = entry->next) {
        const struct object *object = entry->object;
        const struct entry *earlier = entry->previous;

        check->entries++;
        check_fail(check,
                   object
                       ? entry->offset + (entry->end - entry->start) / FL_PAGE_BYTES <= INDEX_LIMIT
                       : entry->use == ENTRY_GUARD && entry->protection == 0,
                   "V3");
        if (!object || !object->owner)
            continue;
        while (earlier && earlier->object != object)
            earlier = earlier->previous;
        if (earlier)
            continue;
        check_anonymous(check, space, entry);
        resident += object->resident;
    }
    return resident;
}

static void check_space(struct check *check, const struct space *space, uint32_t id)
{
    const char *broken = entry_check(&space->map);
    const struct page_table *table = &check->vm->table;
    bool queued = false;

    check_fail(check, !broken, broken);
    if (broken)
        return;
    check_fail(check, space->id == id && space->generation == check->vm->generations[id], "A1");
    check_fail(check,
               check_entries(check, space) == space->resident && space->peak >= space->resident,
               "A2");
    check_fail(check, space->heap_start <= space->heap_end, "A3");
    check_fail(check,
               space->buffer == PAGE_NONE || (space->buffer < table->count &&
                                              table->pages[space->buffer].state == PAGE_BUFFER),
               "V2");
    for (const struct space *s = check->vm->event_first; s; s = s->next_event)
        queued = queued || s == space;
    check_fail(check, !queued || space->stopped, "A4");
}

static void check_free_list(struct check *check)
{
    const struct page_table *table = &check->vm->table;
    uint32_t counts[PAGE_STATES] = {0}, listed = 0, previous = PAGE_NONE;

    for (uint32_t i = 0; i < table->count; i++)
        counts[table->pages[i].state]++;
    for (uint32_t i = 0; i < PAGE_STATES; i++)
        check_fail(check, counts[i] == table->counts[i], "P3");
    for (uint32_t n = table->free_head; n != PAGE_NONE && listed <= table->count;
         n = table->pages[n].link) {
        check_fail(check,
                   table->pages[n].state == PAGE_FREE && table->pages[n].previous == previous,
                   "P1");
        previous = n;
        listed++;
    }
    check_fail(check, listed == counts[PAGE_FREE], "P1");
}

static void check_totals(struct check *check)
{
    const struct vm *vm = check->vm;
    const struct slab_kind *const kinds[] = {&vm->entries, &vm->objects, &vm->nodes,
                                             &vm->space_records};
    uint32_t metadata = vm->record_pages + 1, buffers = 0, spaces = 0;

    for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const char *broken = slab_check(kinds[i]);

        check_fail(check, !broken, broken);
        metadata += kinds[i]->frames;
    }
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++) {
        spaces += vm->spaces[id] != NULL;
        buffers += vm->spaces[id] && vm->spaces[id]->buffer != PAGE_NONE;
    }
    check_fail(check, vm->table.counts[PAGE_METADATA] == metadata, "V1");
    check_fail(check, vm->table.counts[PAGE_BUFFER] == buffers, "V2");
    check_fail(check, vm->table.counts[PAGE_OBJECT] == check->pages, "P2");
    check_fail(check,
               vm->nodes.used == check->nodes && vm->objects.used == check->objects &&
                   vm->entries.used == check->entries && vm->space_records.used == spaces,
               "S3");
}

const char *vm_check(const struct vm *vm)
{
    struct check check = {.vm = vm};

    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (vm->spaces[id])
            check_space(&check, vm->spaces[id], id);
    for (const struct object *file = vm->files; file; file = file->next_file) {
        check_fail(&check, file->file && !file->shadow && !file->owner, "O5");
        check_object(&check, file, check_file_references(vm, file));
    }
    check_free_list(&check);
    check_totals(&check);
    return check.broken;
}
