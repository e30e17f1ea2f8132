/* Fault-around: see around.h. */
#include "around.h"

#include "vm.h"

#define AROUND_PAGES       16u
#define AROUND_TABLE_BYTES (2ull * 1024 * 1024)

struct around {
    struct vm *vm;
    const struct entry *entry;
    const struct object *file;
    uint64_t file_offset; /* index in the file of the page with index 0 in the entry's object */
    uint64_t start;       /* addresses that are looked at */
    uint64_t end;
    struct vm_answer *answer;
};

static uint64_t around_down(uint64_t address, uint64_t bytes)
{
    return address & ~(bytes - 1);
}

/* Decides which addresses are looked at. */
static void around_find_window(struct around *around, uint64_t address)
{
    const struct entry *entry = around->entry;
    uint64_t table = around_down(address, AROUND_TABLE_BYTES);

    around->start = around_down(address, AROUND_PAGES * FL_PAGE_BYTES);
    around->end = around->start + AROUND_PAGES * FL_PAGE_BYTES;
    if (entry->advice == ENTRY_SEQUENTIAL) {
        around->start = address;
        around->end = address + FL_ITEM_PAGES * FL_PAGE_BYTES;
    }
    if (around->start < entry->start)
        around->start = entry->start;
    if (around->end > entry->end)
        around->end = entry->end;
    if (around->end > table + AROUND_TABLE_BYTES)
        around->end = table + AROUND_TABLE_BYTES;
}

/* True if the program has a page of its own there, or shows no whole page of the file. */
static bool around_is_covered(const struct object *object, uint64_t index)
{
    if (!object->owner)
        return false;
    if (object->source_bytes < (index + 1) * FL_PAGE_BYTES)
        return true;
    for (; object; object = object->below)
        if (object_pages(object) > 0 && index_lookup(&object->index, index) != 0)
            return true;
    return false;
}

/* Finds the page of the file that an address shows, if it needs no frame. */
static bool around_find(const struct around *around, uint64_t address, struct object_page *found)
{
    uint64_t index = entry_index(around->entry, address), leaf;

    if (around_is_covered(around->entry->object, index))
        return false;
    index += around->file_offset;
    leaf = index_lookup(&around->file->index, index);
    if (leaf && page_is_busy(&around->vm->table, index_leaf_page(leaf)))
        return false;
    if (leaf)
        vm_page_locate(around->vm, index_leaf_page(leaf), found);
    return leaf || (around->file->ops->find &&
                    around->file->ops->find(around->vm, around->file, index, found));
}

/* Adds a page to the last mapping, if it goes on there, or in a new one.  False: no mapping is left. */
static bool around_map(struct around *around, uint64_t address, const struct object_page *found)
{
    struct vm_answer *answer = around->answer;
    struct vm_mapping *last = &answer->mapping[answer->count - 1];

    if (answer->count > 1 && last->slot == found->slot && last->page + last->pages == found->page &&
        last->address + last->pages * FL_PAGE_BYTES == address) {
        last->pages++;
        return true;
    }
    if (answer->count == FL_ITEMS)
        return false;
    answer->mapping[answer->count++] = (struct vm_mapping){
        .address = address,
        .page = found->page,
        .pages = 1,
        .slot = found->slot,
        .rights = answer->mapping[0].rights & ~(FL_MAP_ACCESSED | FL_MAP_DIRTY)};
    return true;
}

__attribute__((noinline)) void around_add(struct vm *vm, const struct entry *entry,
                                          struct vm_answer *answer)
{
    struct around around = {.vm = vm, .entry = entry, .file = entry->object, .answer = answer};
    uint64_t touched = answer->mapping[0].address;

    if (entry->object->owner) {
        around.file = entry->object->source;
        around.file_offset = entry->object->source_first;
    }
    around_find_window(&around, touched);
    for (uint64_t address = around.start; address < around.end; address += FL_PAGE_BYTES) {
        struct object_page found;

        if (address == touched || !around_find(&around, address, &found))
            continue;
        if (!around_map(&around, address, &found))
            return;
        vm->counts.neighbours++;
    }
}

/* ---- pages that were read from swap ---- */

/* The record of the entry's own page at an address, if it was read and nobody mapped it; or NULL. */
static struct page *around_read_page(const struct around *around, uint64_t address)
{
    uint64_t index = entry_index(around->entry, address);
    uint64_t leaf = index_lookup(&around->entry->object->index, index);
    struct page *record;

    if (leaf == 0 || !index_leaf_is_frame(leaf))
        return NULL;
    record = &around->vm->table.pages[index_leaf_page(leaf)];
    return record->state == PAGE_OBJECT && (record->flags & PAGE_AHEAD) ? record : NULL;
}

/* Finds it to map it. */
static bool around_take_read(const struct around *around, uint64_t address,
                             struct object_page *found)
{
    struct page *record = around_read_page(around, address);

    if (!record)
        return false;
    record->flags &= (uint8_t)~PAGE_AHEAD;
    vm_page_locate(around->vm, (uint32_t)(record - around->vm->table.pages), found);
    return true;
}

/* Decides which addresses are looked at: those of the entry, within one table and a window of a stream. */
static void around_find_read_window(struct around *around, uint64_t touched)
{
    uint64_t table = around_down(touched, AROUND_TABLE_BYTES), low = around->entry->start;

    if (low < table)
        low = table;
    if (touched - low >= STREAM_PAGES * FL_PAGE_BYTES)
        low = touched - (STREAM_PAGES - 1) * FL_PAGE_BYTES;
    around->start = touched;
    while (around->start > low && around_read_page(around, around->start - FL_PAGE_BYTES))
        around->start -= FL_PAGE_BYTES;
    around->end = touched + STREAM_PAGES * FL_PAGE_BYTES;
    if (around->end > around->entry->end)
        around->end = around->entry->end;
    if (around->end > table + AROUND_TABLE_BYTES)
        around->end = table + AROUND_TABLE_BYTES;
}

_Static_assert(2 * STREAM_PAGES <= FL_ITEM_PAGES, "one answer maps a window on either side");

void around_add_read(struct vm *vm, const struct space *space, struct vm_answer *answer)
{
    uint64_t touched = answer->mapping[0].address;
    const struct entry *entry = entry_find(&space->map, touched);
    struct around around = {.vm = vm, .entry = entry, .answer = answer};
    struct object_page found;

    if (!entry->object->owner || !around_take_read(&around, touched, &found) ||
        found.page != answer->mapping[0].page || found.slot != answer->mapping[0].slot)
        return;
    around_find_read_window(&around, touched);
    for (uint64_t address = around.start; address < around.end; address += FL_PAGE_BYTES) {
        if (address == touched)
            continue;
        if (!around_take_read(&around, address, &found) || !around_map(&around, address, &found))
            return;
        vm->counts.neighbours++;
    }
}
