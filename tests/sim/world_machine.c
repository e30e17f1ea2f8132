/* Small worlds: see world_machine.h. */
#include "world_machine.h"

#include <string.h>

#define WORLD_OBJECTS 64u
#define WORLD_FRAMES  64u
#define WORLD_SPACES  8u /* those that a small world has at a time */
#define WORLD_RIGHTS  (FL_RIGHT_READ | FL_RIGHT_WRITE | FL_RIGHT_EXEC)

/* Objects and pages are told by the order in which they are met. */
struct world_telling {
    const struct fake *fake;
    struct world_key key;
    const struct object *object[WORLD_OBJECTS];
    uint32_t objects;
    uint32_t told; /* of the objects */
    uint32_t frame[WORLD_FRAMES];
    uint32_t frames;
};

static void telling_add(struct world_telling *telling, uint64_t value)
{
    world_key_add(&telling->key, value);
}

static uint32_t telling_number_object(struct world_telling *telling, const struct object *object)
{
    uint32_t number = 0;

    if (!object)
        return 0;
    while (number < telling->objects && telling->object[number] != object)
        number++;
    world_expect(number < WORLD_OBJECTS, "more objects than a small world has");
    if (number == telling->objects)
        telling->object[telling->objects++] = object;
    return number + 1;
}

static uint32_t telling_number_page(struct world_telling *telling, uint32_t page)
{
    uint32_t number = 0;

    while (number < telling->frames && telling->frame[number] != page)
        number++;
    world_expect(number < WORLD_FRAMES, "more pages than a small world has");
    if (number == telling->frames)
        telling->frame[telling->frames++] = page;
    return number + 1;
}

static void telling_add_object(struct world_telling *telling, const struct object *object)
{
    telling_add(telling, telling_number_object(telling, object));
}

static void telling_add_space(struct world_telling *telling, const struct space *space)
{
    telling_add(telling, space ? space->id + 1 : 0);
}

static void telling_add_page(struct world_telling *telling, uint32_t page)
{
    telling_add(telling, telling_number_page(telling, page));
    telling_add(telling, telling->fake->vm.table.pages[page].state);
}

static void telling_add_entry(struct world_telling *telling, const struct entry *entry)
{
    telling_add(telling, entry->start);
    telling_add(telling, entry->end);
    telling_add(telling, entry->offset);
    telling_add(telling, entry->protection | (uint64_t)entry->max_protection << 8 |
                             (uint64_t)entry->inheritance << 16 | (uint64_t)entry->advice << 24 |
                             (uint64_t)entry->use << 32 | (uint64_t)entry->charge << 40 |
                             (uint64_t)entry->wired << 48);
    telling_add_object(telling, entry->object);
}

/* A page in memory, also one that has a slot, or where else it is. */
static void telling_add_leaf(struct world_telling *telling, uint64_t leaf)
{
    if (index_leaf_is_frame(leaf)) {
        const struct page *record = &telling->fake->vm.table.pages[index_leaf_page(leaf)];

        telling_add_page(telling, index_leaf_page(leaf));
        telling_add(telling, record->slot != SWAP_NONE);
        telling_add(telling, record->flags & (PAGE_TAKEN | PAGE_WRITTEN));
        return;
    }
    telling_add(telling, index_leaf_is_swap(leaf));
    telling_add(telling, index_leaf_is_compressed(leaf));
    telling_add(telling, index_leaf_is_merged(leaf));
}

static void telling_tell_pages(struct world_telling *telling, const struct object *object)
{
    uint64_t index = 0;

    telling_add(telling, object->resident);
    while ((index = index_next(&object->index, index, INDEX_LIMIT)) < INDEX_LIMIT) {
        telling_add(telling, index);
        telling_add_leaf(telling, index_lookup(&object->index, index));
        index++;
    }
}

static void telling_tell_object(struct world_telling *telling, const struct object *object)
{
    telling_add(telling, object->holes | object->lonely << 1 | object->shifted << 2 |
                             object->widespread << 3);
    telling_add(telling, object->references);
    telling_add(telling, object->committed);
    telling_add(telling, object->source_first);
    telling_add(telling, object->source_bytes);
    telling_add(telling, object->bytes);
    telling_add_space(telling, object->owner);
    telling_add_object(telling, object->below);
    telling_add_object(telling, object->source);
    for (const struct object *above = object->above; above; above = above->next_above)
        telling_add_object(telling, above);
    telling_add(telling, UINT64_MAX);
    for (const struct object *user = object->users; user; user = user->next_user)
        telling_add_object(telling, user);
    telling_add(telling, UINT64_MAX);
    for (const struct entry *entry = object->entries; entry; entry = entry->object_next) {
        telling_add_space(telling, entry->space);
        telling_add(telling, entry->start);
    }
    telling_tell_pages(telling, object);
}

static uint32_t telling_find_page(const struct fake *fake, const struct vm_mapping *mapping)
{
    const struct page_table *table = &fake->vm.table;

    for (uint32_t i = 0; i < table->range_count; i++)
        if (table->range[i].slot == mapping->slot)
            return table->range[i].base + (uint32_t)mapping->page;
    return PAGE_NONE;
}

/* The next entry of a page table by address: their order in the list means nothing. */
static const struct fake_entry *telling_next(const struct fake *fake, uint32_t space,
                                             uint64_t address)
{
    const struct fake_entry *next = NULL;

    for (const struct fake_entry *entry = fake->entry; entry < fake->entry + fake->entries; entry++)
        if (entry->space == space && entry->mapping.address >= address &&
            (!next || entry->mapping.address < next->mapping.address))
            next = entry;
    return next;
}

static void telling_tell_table(struct world_telling *telling, uint32_t space)
{
    const struct fake_entry *entry = telling_next(telling->fake, space, 0);

    for (; entry; entry = telling_next(telling->fake, space, entry->mapping.address + 1)) {
        uint32_t page = telling_find_page(telling->fake, &entry->mapping);

        telling_add(telling, entry->mapping.address);
        telling_add(telling, entry->mapping.rights & WORLD_RIGHTS);
        telling_add(telling, page == PAGE_NONE ? 0 : telling_number_page(telling, page));
    }
}

static void telling_tell_space(struct world_telling *telling, const struct space *space)
{
    telling_add_space(telling, space);
    if (!space)
        return;
    telling_add(telling, space->stopped);
    telling_add(telling, space->wire_future);
    for (const struct entry *entry = space->map.first; entry; entry = entry->next)
        telling_add_entry(telling, entry);
    telling_tell_table(telling, space->id);
}

/* Requests in the order of their turns. */
static void telling_tell_waits(struct world_telling *telling)
{
    const struct waits *waits = &telling->fake->vm.waits;
    uint64_t turn = 0;

    for (uint32_t left = waits->active; left > 0; left--) {
        const struct wait *next = NULL;

        for (const struct wait *wait = waits->record; wait < waits->record + WAIT_RECORDS; wait++)
            if (wait->state != WAIT_FREE && wait->turn > turn && (!next || wait->turn < next->turn))
                next = wait;
        world_expect(next != NULL, "a request that waits has no turn");
        turn = next->turn;
        telling_add(telling, next->state);
        telling_add_space(telling, next->space);
        telling_add_page(telling, next->page);
    }
}

struct world_key world_key_of(const struct fake *fake)
{
    struct world_telling telling = {.fake = fake};

    for (uint32_t id = 0; id < WORLD_SPACES; id++)
        telling_tell_space(&telling, fake->vm.spaces[id]);
    while (telling.told < telling.objects)
        telling_tell_object(&telling, telling.object[telling.told++]);
    telling_tell_waits(&telling);
    return telling.key;
}

/* ---- looking ---- */

/* The bytes of page `index` of a file, if they are in memory. */
static const uint8_t *world_find_in_file(const struct fake *fake, const struct object *file,
                                         uint64_t index)
{
    uint64_t leaf = index_lookup(&file->index, index);
    struct object_page found;

    if (leaf)
        return page_is_busy(&fake->vm.table, index_leaf_page(leaf))
                   ? NULL
                   : page_contents(&fake->vm.table, index_leaf_page(leaf));
    if (file->ops->find && file->ops->find(&fake->vm, file, index, &found))
        return found.contents;
    return NULL;
}

const uint8_t *world_find_page(const struct fake *fake, const struct space *space, uint64_t address)
{
    const struct entry *entry = entry_find(&space->map, address);
    const struct object *top = entry ? entry->object : NULL;
    uint64_t index = top ? entry_index(entry, address) : 0;

    if (!top || !top->owner)
        return top ? world_find_in_file(fake, top, index) : NULL;
    for (const struct object *object = top; object; object = object->below) {
        uint64_t leaf = index_lookup(&object->index, index);

        if (leaf && !index_leaf_is_frame(leaf))
            return NULL;
        if (leaf)
            return page_is_busy(&fake->vm.table, index_leaf_page(leaf))
                       ? NULL
                       : page_contents(&fake->vm.table, index_leaf_page(leaf));
    }
    if (object_is_zero_from(top, index))
        return page_contents(&fake->vm.table, fake->vm.zero_page);
    return world_find_in_file(fake, top->source, index + top->source_first);
}

uint32_t world_find_depth(const struct space *space, uint64_t address)
{
    const struct entry *entry = entry_find(&space->map, address);
    uint32_t depth = 0;

    for (const struct object *object = entry ? entry->object : NULL; object; object = object->below)
        depth++;
    return depth;
}

static const char *world_check_mapping(struct fake *fake, const struct space *space,
                                       const struct vm_mapping *mapping)
{
    const struct entry *entry = entry_find(&space->map, mapping->address);
    uint64_t index = entry ? entry_index(entry, mapping->address) : 0;

    if (!entry)
        return "a page is mapped where no entry is";
    if (mapping->rights & ~(uint32_t)entry->protection & WORLD_RIGHTS)
        return "a page table allows more than the entry";
    if (mapping->slot != FAKE_SLOT_DEVICE && fake_peek(fake, space, mapping->address, 0) !=
                                                 world_find_page(fake, space, mapping->address))
        return "a page table shows another page than a fault would find";
    if ((mapping->rights & FL_RIGHT_WRITE) && index_lookup(&entry->object->index, index) == 0 &&
        mapping->slot != FAKE_SLOT_DEVICE)
        return "a page that lies below is mapped writable";
    return NULL;
}

const char *world_check_machine(struct fake *fake)
{
    for (uint32_t i = 0; i < fake->entries; i++) {
        const struct space *space = fake->vm.spaces[fake->entry[i].space];
        const char *broken = space ? world_check_mapping(fake, space, &fake->entry[i].mapping)
                                   : "a page is mapped where no space is";

        if (broken)
            return broken;
    }
    return fake_check(fake);
}
