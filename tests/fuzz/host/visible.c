/* See visible.h. */
#include "visible.h"

#include <string.h>

#define PAGE ((uint64_t)FL_PAGE_BYTES)

static uint64_t visible_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
    return hash ^ hash >> 29;
}

/* Of a page, of which so many bytes count and zeros stand for the others; 0: all zeros. */
static uint64_t visible_hash_page(const void *contents, uint64_t bytes)
{
    const uint8_t *at = contents;
    uint64_t hash = 0;

    for (uint64_t i = 0; i < bytes; i += 8) {
        uint64_t word = 0;

        memcpy(&word, at + i, bytes - i < 8 ? bytes - i : 8);
        hash += word ? visible_mix(i + 1, word) : 0;
    }
    return hash;
}

/* Of what a file shows in a page of its own. */
static uint64_t visible_hash_file_page(const struct vm *vm, const struct object *file,
                                       uint64_t index, uint64_t bytes)
{
    uint64_t leaf = index_lookup(&file->index, index), start = index * PAGE;

    if (leaf)
        return visible_hash_page(page_contents(&vm->table, index_leaf_page(leaf)), bytes);
    if (!file->file || start >= file->bytes)
        return 0;
    if (file->bytes - start < bytes)
        bytes = file->bytes - start;
    return visible_hash_page(vm->archive + file->file->offset + start, bytes);
}

/* Of what lies under an anonymous object and those below it. */
static uint64_t visible_hash_source(const struct vm *vm, const struct object *object,
                                    uint64_t index)
{
    uint64_t start = index * PAGE, bytes = PAGE;

    if (!object->source || object->source_bytes <= start)
        return 0;
    if (object->source_bytes - start < bytes)
        bytes = object->source_bytes - start;
    return visible_hash_file_page(vm, object->source, index + object->source_first, bytes);
}

/* The next index from `first` on at which one of a chain holds a page, or `end`. */
static uint64_t visible_next(const struct object *object, uint64_t first, uint64_t end)
{
    for (; object; object = object->below)
        end = index_next(&object->index, first, end);
    return end;
}

static uint64_t visible_leaf(const struct object *object, uint64_t index)
{
    uint64_t leaf = 0;

    for (; object && !leaf; object = object->below)
        leaf = index_lookup(&object->index, index);
    return leaf;
}

/* Only the difference of each page from what it would show if it were not there counts, so a copy that
 * nobody wrote to is none. */
static uint64_t visible_hash_pages(const struct vm *vm, const struct entry *entry)
{
    const struct object *object = entry->object;
    uint64_t end = entry->offset + entry_pages(entry), hash = 0;
    uint64_t index = visible_next(object, entry->offset, end);

    for (; index < end; index = visible_next(object, index + 1, end)) {
        uint32_t page = index_leaf_page(visible_leaf(object, index));
        uint64_t shown = visible_hash_page(page_contents(&vm->table, page), PAGE);
        uint64_t address = entry->start + (index - entry->offset) * PAGE;

        if (shown != visible_hash_source(vm, object, index))
            hash += visible_mix(address, shown);
    }
    return hash;
}

static uint64_t visible_hash_entry(const struct vm *vm, const struct entry *entry)
{
    uint64_t hash = visible_mix(entry->start, entry->end);

    hash = visible_mix(hash, (uint64_t)entry->protection << 24 |
                                 (uint64_t)entry->max_protection << 16 |
                                 (uint64_t)entry->advice << 8 | entry->wired);
    hash = visible_mix(hash, (uint64_t)entry->use << 16 | (uint64_t)entry->charge << 8 |
                                 entry->inheritance);
    if (entry->object && entry->object->owner)
        hash += visible_hash_pages(vm, entry);
    return hash;
}

static uint64_t visible_hash_handles(const struct space *space)
{
    uint64_t hash = 0;

    for (uint32_t i = 0; i < HANDLES_MAX; i++) {
        const struct description *open = space->handles[i];

        if (open)
            hash = visible_mix(hash + i + 1, open->offset) + open->file->number + open->mode;
    }
    return hash;
}

static uint64_t visible_hash_space(const struct vm *vm, const struct space *space)
{
    uint64_t hash = visible_mix(space->generation + 1, space->pid);

    hash = visible_mix(hash, space->heap_start ^ space->heap_end << 1);
    hash = visible_mix(hash, (uint64_t)space->stopped << 2 | (uint64_t)space->attached << 1 |
                                 space->wire_future);
    for (uint32_t i = 0; i < LIMITS; i++)
        hash = visible_mix(visible_mix(hash, space->limits[i].soft), space->limits[i].hard);
    hash = visible_mix(hash, visible_hash_handles(space));
    for (const struct entry *entry = space->map.first; entry; entry = entry->next)
        hash = visible_mix(hash, visible_hash_entry(vm, entry));
    return hash;
}

static uint64_t visible_hash_files(const struct vm *vm)
{
    uint64_t hash = 0;

    for (const struct object *file = vm->files; file; file = file->next_file) {
        if (file->file || object_is_device(file) || file->view)
            continue;
        hash += visible_mix(file->number, file->bytes);
        for (uint64_t index = index_next(&file->index, 0, INDEX_LIMIT); index < INDEX_LIMIT;
             index = index_next(&file->index, index + 1, INDEX_LIMIT)) {
            uint64_t page = visible_hash_file_page(vm, file, index, PAGE);

            hash += page ? visible_mix(file->number * 31 + index, page) : 0;
        }
    }
    return hash;
}

static uint64_t visible_hash_names(const struct vm *vm)
{
    struct file_status status;
    uint64_t hash = 0, number = 0;
    uint32_t bytes;
    char name[512];

    while (vm_path_list(vm, number++, name, sizeof(name), &status, &bytes) == 0)
        for (uint32_t i = 0; i < bytes; i++)
            hash = visible_mix(hash, (uint64_t)(uint8_t)name[i] + status.number);
    return hash;
}

uint64_t visible_digest(const struct vm *vm)
{
    uint64_t hash = visible_mix(visible_hash_files(vm), visible_hash_names(vm));

    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (vm->spaces[id])
            hash = visible_mix(hash, id + visible_hash_space(vm, vm->spaces[id]));
    return visible_mix(hash, vm->commit.pages);
}
