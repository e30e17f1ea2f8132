/* Files in memory: /tmp and POSIX shared memory.  See object.h.
 *
 * The index holds the whole file.  A page that it does not hold is a hole, and zero: read() of it
 * takes no memory.  A fault does, also one for reading: a page that was mapped once is the page that
 * everybody writes and nobody has to take out of other tables.  Bytes of the last page behind the
 * end of the file are whatever programs leave there; they are zeroed before the file grows over
 * them.
 *
 * Files take at most half of the frames, and no memory that was promised (commit.h). */
#include <errno.h>
#include <string.h>

#include "stock.h"

#define OBJECT_MEMORY_BYTES (INDEX_LIMIT * FL_PAGE_BYTES)

static uint64_t object_memory_pages(uint64_t bytes)
{
    return (bytes + FL_PAGE_BYTES - 1) / FL_PAGE_BYTES;
}

/* ---- pages ---- */

/* True if files may hold one page more. */
static bool object_memory_has_room(const struct vm *vm)
{
    uint32_t frames = vm->table.count - vm->table.counts[PAGE_OUTSIDE];

    return vm->file_pages < frames / 2;
}

typedef uint32_t object_memory_take(struct vm *vm, enum page_state state);

/* A page whose contents will be overwritten. */
static uint32_t object_memory_take_any(struct vm *vm, enum page_state state)
{
    return page_allocate(&vm->table, state);
}

/* Adds a page, as `take` gives it, where there is a hole.  0; ENOSPC (files hold enough); ENOMEM (no
 * frame). */
static int object_memory_add(struct vm *vm, struct object *file, uint64_t index,
                             object_memory_take *take, uint32_t *page)
{
    struct index_place place;

    if (!object_memory_has_room(vm))
        return ENOSPC;
    if (!index_reserve(&file->index, &vm->nodes, index, &place))
        return ENOMEM;
    *page = commit_spares(vm, 1) ? take(vm, PAGE_OBJECT) : PAGE_NONE;
    if (*page == PAGE_NONE) {
        int error = vm->table.counts[PAGE_FREE] > 0 ? ENOSPC : ENOMEM;

        index_remove(&file->index, &vm->nodes, index, 1, NULL, NULL); /* which may free a frame */
        return error;
    }
    object_add_page(vm, file, &place, index, *page);
    return 0;
}

static enum object_supply object_memory_supply(struct vm *vm, struct object *file, uint64_t index,
                                               struct object_page *found)
{
    uint32_t page;
    int error;

    if (index >= object_memory_pages(file->bytes))
        return OBJECT_BEYOND_END;
    if (object_memory_has_room(vm) && !reclaim_has_frame(vm))
        return OBJECT_NO_FRAME;
    error = object_memory_add(vm, file, index, stock_take, &page);
    if (error)
        return error == ENOSPC ? OBJECT_NO_SPACE : OBJECT_NO_FRAME;
    vm_page_locate(vm, page, found);
    return OBJECT_SUPPLIED;
}

static void object_memory_destroy(struct vm *vm, struct object *file)
{
    view_forget(vm, file);
    object_leave_files(vm, file);
}

static const struct object_ops object_memory_ops = {
    .name = "memory", .supply = object_memory_supply, .destroy = object_memory_destroy};

struct object *object_create_memory(struct vm *vm)
{
    struct object *file = slab_allocate(&vm->objects);

    if (!file)
        return NULL;
    file->ops = &object_memory_ops;
    file->references = 1;
    file->number = ++vm->file_number;
    object_enter_files(vm, file);
    return file;
}

/* The bytes of page `index` of a file in memory, or NULL for a hole. */
static uint8_t *object_memory_contents(const struct vm *vm, const struct object *file,
                                       uint64_t index)
{
    uint64_t leaf = index_lookup(&file->index, index);

    return leaf ? page_contents(&vm->table, index_leaf_page(leaf)) : NULL;
}

/* ---- read, write ---- */

/* Bytes from `offset` to the end of its page, at most `count`. */
static uint64_t object_memory_part(uint64_t offset, uint64_t count)
{
    uint64_t rest = FL_PAGE_BYTES - offset % FL_PAGE_BYTES;

    return rest < count ? rest : count;
}

int object_read(struct vm *vm, struct object *file, uint64_t offset, void *bytes, uint64_t count,
                uint64_t *done)
{
    uint8_t *to = bytes;

    *done = 0;
    if (object_is_device(file))
        return EINVAL;
    if (offset >= file->bytes)
        return 0;
    if (count > file->bytes - offset)
        count = file->bytes - offset;
    if (file->file) { /* never changes: pages of the index are copies of these bytes */
        memcpy(to, vm->archive + file->file->offset + offset, count);
        *done = count;
        return 0;
    }
    while (*done < count) {
        uint64_t at = offset + *done, part = object_memory_part(at, count - *done);
        const uint8_t *contents = object_memory_contents(vm, file, at / FL_PAGE_BYTES);

        if (contents)
            memmove(to + *done, contents + at % FL_PAGE_BYTES, part);
        else
            memset(to + *done, 0, part);
        *done += part;
    }
    return 0;
}

/* Zeroes what lies behind the end of the file, up to the end of that page and to `bytes` at most. */
static void object_memory_clear_tail(const struct vm *vm, const struct object *file, uint64_t bytes)
{
    uint64_t used = file->bytes % FL_PAGE_BYTES;
    uint8_t *contents = object_memory_contents(vm, file, file->bytes / FL_PAGE_BYTES);

    if (used > 0 && contents)
        memset(contents + used, 0, object_memory_part(file->bytes, bytes - file->bytes));
}

static void object_memory_grow(const struct vm *vm, struct object *file, uint64_t bytes)
{
    object_memory_clear_tail(vm, file, bytes);
    file->bytes = bytes;
}

/* Copies bytes into one page.  0; ENOSPC; ENOMEM. */
static int object_memory_write(struct vm *vm, struct object *file, uint64_t offset,
                               const void *bytes, uint64_t count)
{
    uint8_t *contents = object_memory_contents(vm, file, offset / FL_PAGE_BYTES);
    uint32_t page;
    int error;

    if (!contents) {
        error =
            object_memory_add(vm, file, offset / FL_PAGE_BYTES,
                              count < FL_PAGE_BYTES ? stock_take : object_memory_take_any, &page);
        if (error)
            return error;
        contents = page_contents(&vm->table, page);
    }
    if (offset + count > file->bytes)
        object_memory_grow(vm, file, offset + count);
    memmove(contents + offset % FL_PAGE_BYTES, bytes, count);
    return 0;
}

int object_write(struct vm *vm, struct object *file, uint64_t offset, const void *bytes,
                 uint64_t count, uint64_t *done)
{
    *done = 0;
    if (file->ops != &object_memory_ops)
        return file->file ? EROFS : EINVAL;
    if (count == 0)
        return 0;
    if (offset >= OBJECT_MEMORY_BYTES)
        return EFBIG;
    if (count > OBJECT_MEMORY_BYTES - offset)
        count = OBJECT_MEMORY_BYTES - offset;
    while (*done < count) {
        uint64_t part = object_memory_part(offset + *done, count - *done);

        if (object_memory_write(vm, file, offset + *done, (const uint8_t *)bytes + *done, part))
            return ENOSPC;
        *done += part;
    }
    return 0;
}

/* ---- truncate ---- */

/* Takes pages from `first` of an object on out of the tables of those whose entries name it. */
static void object_memory_unmap(struct vm *vm, const struct object *object, uint64_t first)
{
    for (const struct entry *entry = object->entries; entry; entry = entry->object_next) {
        uint64_t skip = first > entry->offset ? first - entry->offset : 0;

        if (skip < entry_pages(entry))
            vm->port.unmap(vm->port.context, entry->space->id, entry->start + skip * FL_PAGE_BYTES,
                           entry_pages(entry) - skip);
    }
}

/* The first page of a private mapping that lies at or behind page `first` of the file. */
static uint64_t object_memory_private_first(const struct object *user, uint64_t first)
{
    return first > user->source_first ? first - user->source_first : 0;
}

/* Takes the pages from `first` on away from the file and from all private mappings of it: also those
 * that were written belong to the file's end. */
static void object_memory_cut(struct vm *vm, struct object *file, uint64_t first)
{
    struct object *user, *next;

    object_memory_unmap(vm, file, first);
    for (user = file->users; user; user = user->next_user)
        object_memory_unmap(vm, user, object_memory_private_first(user, first));
    object_free_pages(vm, file, first, INDEX_LIMIT - first);
    for (user = file->users; user; user = user->next_user) {
        uint64_t start = object_memory_private_first(user, first);

        if (start < INDEX_LIMIT)
            object_free_pages(vm, user, start, INDEX_LIMIT - start);
    }
    for (user = file->users; user; user = next) {
        next = user->next_user;
        shadow_drop_empty(vm, user);
    }
}

int object_resize(struct vm *vm, struct object *file, uint64_t bytes)
{
    if (file->ops != &object_memory_ops)
        return file->file ? EROFS : EINVAL;
    if (bytes > OBJECT_MEMORY_BYTES)
        return EFBIG;
    if (bytes > file->bytes) {
        object_memory_grow(vm, file, bytes);
        return 0;
    }
    if (object_memory_pages(bytes) < object_memory_pages(file->bytes))
        object_memory_cut(vm, file, object_memory_pages(bytes));
    file->bytes = bytes;
    object_memory_clear_tail(vm, file, UINT64_MAX);
    return 0;
}
