/* All that programs can see: see pager_snapshot.h. */
#include "pager_snapshot.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PAGE ((uint64_t)FL_PAGE_BYTES)

static void snapshot_print(struct snapshot *snapshot, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void snapshot_print(struct snapshot *snapshot, const char *format, ...)
{
    va_list arguments;
    int bytes;

    va_start(arguments, format);
    bytes = vsnprintf(snapshot->text + snapshot->bytes, SNAPSHOT_BYTES - snapshot->bytes, format,
                      arguments);
    va_end(arguments);
    if (bytes < 0 || (uint32_t)bytes >= SNAPSHOT_BYTES - snapshot->bytes)
        __builtin_trap(); /* the test's world is too large */
    snapshot->bytes += (uint32_t)bytes;
}

/* The number of something here: the same for the same thing. */
static uint32_t snapshot_number(struct snapshot *snapshot, const void *thing)
{
    uint32_t i = 0;

    while (i < snapshot->knowns && snapshot->known[i] != thing)
        i++;
    if (i == SNAPSHOT_OBJECTS)
        __builtin_trap();
    if (i == snapshot->knowns)
        snapshot->known[snapshot->knowns++] = thing;
    return i;
}

/* ---- pages ---- */

/* What a page of the slow file holds when its fetch has ended. */
static const uint8_t *snapshot_find_slow(uint64_t index)
{
    static uint8_t contents[SLOW_PAGES][FL_PAGE_BYTES];

    if (index >= SLOW_PAGES)
        return NULL;
    memset(contents[index], slow_byte(index), PAGE);
    return contents[index];
}

static bool snapshot_is_busy(const struct fake *fake, const uint8_t *contents)
{
    const uint8_t *end = fake->memory + fake->vm.table.count * PAGE;

    return contents >= fake->memory && contents < end &&
           page_is_busy(&fake->vm.table, page_of_contents(&fake->vm.table, contents));
}

/* A page of a file: its copy in memory, or its bytes in the archive. */
static const uint8_t *snapshot_find_in_file(const struct fake *fake, const struct object *file,
                                            uint64_t index, uint64_t *bytes)
{
    uint64_t leaf = index_lookup(&file->index, index), start = index * PAGE;

    if (strcmp(file->ops->name, "slow") == 0 &&
        (!leaf || page_is_busy(&fake->vm.table, index_leaf_page(leaf))))
        return snapshot_find_slow(index);
    if (leaf)
        return page_contents(&fake->vm.table, index_leaf_page(leaf));
    if (object_is_device(file))
        return index < FAKE_DEVICE_PAGES ? fake->device + start : NULL;
    if (!file->file || start >= file->file->size_bytes)
        return NULL;
    if (file->file->size_bytes - start < *bytes)
        *bytes = file->file->size_bytes - start;
    return fake->vm.archive + file->file->offset + start;
}

const uint8_t *snapshot_find(const struct fake *fake, const struct entry *entry, uint64_t address,
                             uint64_t *bytes, bool *own)
{
    const struct object *object = entry->object;
    uint64_t index, start, leaf;

    *bytes = PAGE;
    *own = false;
    if (!object)
        return NULL;
    index = entry_index(entry, address);
    if (!object->owner) {
        *own = true;
        return snapshot_find_in_file(fake, object, index, bytes);
    }
    for (; object; object = object->below) {
        leaf = index_lookup(&object->index, index);
        *own = object == entry->object;
        if (leaf)
            return page_contents(&fake->vm.table, index_leaf_page(leaf));
    }
    *own = false;
    object = entry->object;
    start = index * PAGE;
    if (!object->source || object->source_bytes <= start)
        return NULL;
    if (object->source_bytes - start < *bytes)
        *bytes = object->source_bytes - start;
    return snapshot_find_in_file(fake, object->source, index + object->source_first, bytes);
}

/* Eight bytes of what a page shows, zeros behind its end; most are whole, which costs no call to copy. */
static uint64_t snapshot_word(const uint8_t *at, uint64_t left)
{
    uint64_t word = 0;

    if (left >= sizeof word)
        memcpy(&word, at, sizeof word);
    else
        memcpy(&word, at, left);
    return word;
}

/* Of what a page shows; 0: zeros, or behind the end of a file. */
static uint64_t snapshot_hash(const uint8_t *contents, uint64_t bytes)
{
    uint64_t hash = 0;

    for (uint64_t i = 0; i < PAGE; i += 8) {
        hash = (hash ^ (i < bytes ? snapshot_word(contents + i, bytes - i) : 0)) *
               0x9e3779b97f4a7c15ull;
        hash ^= hash >> 29;
    }
    return hash;
}

static void snapshot_print_page(struct snapshot *snapshot, const struct fake *fake,
                                const char *what, uint64_t at, const uint8_t *contents,
                                uint64_t bytes)
{
    uint64_t hash = contents ? snapshot_hash(contents, bytes) : 0;

    if (contents && snapshot_is_busy(fake, contents))
        snapshot_print(snapshot, "  %s %" PRIx64 " on its way\n", what, at);
    else if (hash)
        snapshot_print(snapshot, "  %s %" PRIx64 " %016" PRIx64 "\n", what, at, hash);
}

/* ---- spaces ---- */

/* True if nobody writes the page but those who name the same thing: its identity is seen. */
static bool snapshot_is_common(const struct entry *entry)
{
    return entry->object && (!entry->object->owner || entry->inheritance == ENTRY_SHARE);
}

/* True if the entry is one area with the one before: cut or joined, a program's accesses are the same. */
static bool snapshot_goes_on(const struct entry *entry)
{
    const struct entry *previous = entry->previous;

    if (!previous || previous->end != entry->start || !area_alike(previous, entry) ||
        snapshot_is_common(previous) != snapshot_is_common(entry))
        return false;
    return !snapshot_is_common(entry) ||
           (previous->object == entry->object &&
            previous->offset + entry_pages(previous) == entry->offset);
}

static void snapshot_print_area(struct snapshot *snapshot, const struct entry *entry)
{
    uint64_t end = entry->end;

    for (const struct entry *next = entry->next; next && snapshot_goes_on(next); next = next->next)
        end = next->end;
    snapshot_print(snapshot, " area %" PRIx64 "-%" PRIx64 " p%u/%u i%u a%u u%u c%u w%u",
                   entry->start, end, entry->protection, entry->max_protection, entry->inheritance,
                   entry->advice, entry->use, entry->charge, entry->wired);
    if (snapshot_is_common(entry))
        snapshot_print(snapshot, " thing %u+%" PRIu64, snapshot_number(snapshot, entry->object),
                       entry->offset);
    snapshot_print(snapshot, "\n");
}

static void snapshot_print_entry(struct snapshot *snapshot, const struct fake *fake,
                                 const struct entry *entry, const struct snapshot_mask *mask)
{
    if (!snapshot_goes_on(entry))
        snapshot_print_area(snapshot, entry);
    for (uint64_t at = entry->start; at < entry->end && entry->object; at += PAGE) {
        uint64_t bytes;
        bool own;
        const uint8_t *contents = snapshot_find(fake, entry, at, &bytes, &own);

        if (mask && mask->space == entry->space && at >= mask->start && at < mask->end)
            continue;
        if (mask && mask->file &&
            (entry->object == mask->file || entry->object->source == mask->file))
            continue;
        if (object_is_beyond_end(entry->object, entry_index(entry, at)))
            snapshot_print(snapshot, "  page %" PRIx64 " beyond the end\n", at);
        else
            snapshot_print_page(snapshot, fake, "page", at, contents, bytes);
    }
}

static void snapshot_print_handle(struct snapshot *snapshot, uint32_t handle,
                                  const struct description *description,
                                  const struct snapshot_mask *mask)
{
    uint64_t offset = mask && mask->description == description ? 0 : description->offset;

    snapshot_print(snapshot, " handle %u opening %u thing %u at %" PRIu64 " %o %u%u%u view %u\n",
                   handle, snapshot_number(snapshot, description),
                   snapshot_number(snapshot, description->file), offset, description->mode,
                   description->readable, description->writable, description->append,
                   description->file->view != NULL);
}

static bool snapshot_leaves_out(const struct snapshot_mask *mask, const struct space *space)
{
    return mask && mask->whole && mask->space == space;
}

static void snapshot_print_space(struct snapshot *snapshot, const struct fake *fake,
                                 const struct space *space, const struct snapshot_mask *mask)
{
    snapshot_print(snapshot, "space %u pid %" PRIu64 " parent %" PRIu64 " stopped %u program %d\n",
                   space->id, space->pid, space->parent, space->stopped, space->program != NULL);
    snapshot_print(snapshot, " heap %" PRIx64 "-%" PRIx64 " wires %u buffer %u\n",
                   space->heap_start, space->heap_end, space->wire_future,
                   space->buffer != PAGE_NONE);
    for (uint32_t kind = 0; kind < LIMITS; kind++)
        snapshot_print(snapshot, " limit %" PRIx64 " %" PRIx64 "\n", space->limits[kind].soft,
                       space->limits[kind].hard);
    for (uint32_t handle = 0; handle < HANDLES_MAX; handle++)
        if (space->handles[handle])
            snapshot_print_handle(snapshot, handle, space->handles[handle], mask);
    for (const struct entry *entry = space->map.first; entry; entry = entry->next)
        snapshot_print_entry(snapshot, fake, entry, mask);
}

/* ---- files ---- */

static void snapshot_print_file(struct snapshot *snapshot, const struct fake *fake,
                                const struct object *file, const struct snapshot_mask *mask)
{
    if (mask && mask->file == file)
        return;
    snapshot_print(snapshot, " thing %u bytes %" PRIu64 "\n", snapshot_number(snapshot, file),
                   file->bytes);
    for (uint64_t at = 0; at < file->bytes && !object_is_device(file); at += PAGE) {
        uint64_t bytes = PAGE;
        const uint8_t *contents = snapshot_find_in_file(fake, file, at / PAGE, &bytes);

        if (file->bytes - at < bytes)
            bytes = file->bytes - at;
        snapshot_print_page(snapshot, fake, "bytes", at, contents, bytes);
    }
}

static void snapshot_print_files(struct snapshot *snapshot, const struct fake *fake,
                                 const struct snapshot_mask *mask)
{
    for (const struct name *name = fake->vm.names.first; name; name = name->next) {
        snapshot_print(snapshot, "name %u %.*s\n", name->directory, name->bytes, name->text);
        snapshot_print_file(snapshot, fake, name->file, mask);
    }
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++) {
        const struct space *space = fake->vm.spaces[id];

        for (uint32_t handle = 0; space && handle < HANDLES_MAX; handle++)
            if (space->handles[handle] && !snapshot_leaves_out(mask, space))
                snapshot_print_file(snapshot, fake, space->handles[handle]->file, mask);
    }
}

void snapshot_take(struct snapshot *snapshot, const struct fake *fake,
                   const struct snapshot_mask *mask)
{
    snapshot->bytes = 0;
    snapshot->knowns = 0;
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (fake->vm.spaces[id] && !snapshot_leaves_out(mask, fake->vm.spaces[id]))
            snapshot_print_space(snapshot, fake, fake->vm.spaces[id], mask);
    snapshot_print_files(snapshot, fake, mask);
    if (!mask || !mask->whole)
        snapshot_print(snapshot, "promised %" PRIu64 "\n", fake->vm.commit.pages);
}

const char *snapshot_differs(const struct snapshot *was, const struct snapshot *is)
{
    static char line[2 * 160];
    uint32_t at = 0, start = 0;

    while (was->text[at] == is->text[at] && was->text[at]) {
        at++;
        if (was->text[at - 1] == '\n')
            start = at;
    }
    if (was->text[at] == is->text[at])
        return NULL;
    snprintf(line, sizeof line, "was '%.*s', is '%.*s'", (int)strcspn(was->text + start, "\n"),
             was->text + start, (int)strcspn(is->text + start, "\n"), is->text + start);
    return line;
}

/* ---- tables ---- */

static const char *snapshot_check_entry(struct fake *fake, const struct space *space,
                                        uint64_t address)
{
    static const uint32_t accesses[] = {FL_ACCESS_READ, FL_ACCESS_WRITE, FL_ACCESS_EXEC};
    const struct entry *entry = entry_find(&space->map, address);
    const uint8_t *contents, *zero = page_contents(&fake->vm.table, fake->vm.zero_page), *mapped;
    uint64_t bytes;
    bool own;

    if (!entry)
        return "a page is mapped where no area is";
    contents = snapshot_find(fake, entry, address, &bytes, &own);
    for (uint32_t i = 0; i < 3; i++) {
        mapped = fake_peek(fake, space, address, accesses[i]);
        if (mapped && (entry->protection & accesses[i]) == 0)
            return "a page is mapped with a right that its area has not";
        if (mapped && accesses[i] == FL_ACCESS_WRITE && !own)
            return "a page that others see is mapped writable";
        if (mapped && mapped != (contents ? contents : zero))
            return "a page is mapped that its area does not show";
    }
    return NULL;
}

const char *snapshot_check_tables(struct fake *fake)
{
    for (uint32_t i = 0; i < fake->entries; i++) {
        const struct fake_entry *entry = &fake->entry[i];
        const struct space *space = fake->vm.spaces[entry->space];
        const char *broken = space ? snapshot_check_entry(fake, space, entry->mapping.address)
                                   : "a page is mapped in a space that is gone";

        if (broken)
            return broken;
    }
    return NULL;
}

/* ---- resources ---- */

static void snapshot_print_kind(struct snapshot *snapshot, const char *name,
                                const struct slab_kind *kind)
{
    snapshot_print(snapshot, "%s %u in %u frames\n", name, kind->used, kind->frames);
}

void snapshot_take_resources(struct snapshot *snapshot, const struct fake *fake)
{
    const struct vm *vm = &fake->vm;

    snapshot->bytes = 0;
    snapshot_print_kind(snapshot, "entries", &vm->entries);
    snapshot_print_kind(snapshot, "objects", &vm->objects);
    snapshot_print_kind(snapshot, "nodes", &vm->nodes);
    snapshot_print_kind(snapshot, "spaces", &vm->space_records);
    snapshot_print_kind(snapshot, "names", &vm->name_records);
    snapshot_print_kind(snapshot, "descriptions", &vm->descriptions);
    snapshot_print_kind(snapshot, "views", &vm->views);
    for (uint32_t state = 0; state < PAGE_STATES; state++)
        snapshot_print(snapshot, "state %u: %u frames\n", state, vm->table.counts[state]);
    snapshot_print(snapshot, "faults %" PRIu64 " files %" PRIu64 " promised %" PRIu64 "\n",
                   vm->minor_faults, vm->file_pages, vm->commit.pages);
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (vm->spaces[id])
            snapshot_print(snapshot, "space %u resident %" PRIu64 " faults %" PRIu64 "\n", id,
                           vm->spaces[id]->resident, vm->spaces[id]->minor_faults);
}
