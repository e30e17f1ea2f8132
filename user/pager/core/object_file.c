/* File objects: files of the initrd, which never change.  See object.h.
 *
 * A page is mapped in place when the archive holds it on a page of its own and nothing but zeros
 * follows the end of the file in it.  Else the first fault copies it into a frame that the index
 * keeps for all programs until the last one that maps the file is gone. */
#include "object.h"

#include <string.h>

#include "vm.h"

/* Bytes of the page that belong to the file. */
static uint64_t object_file_bytes(const struct cpio_file *file, uint64_t index)
{
    uint64_t start = index * FL_PAGE_BYTES;

    if (start >= file->size_bytes)
        return 0;
    return file->size_bytes - start < FL_PAGE_BYTES ? file->size_bytes - start : FL_PAGE_BYTES;
}

/* True if the page is zero from byte `from` on. */
static bool object_file_zero_behind(const uint8_t *page, uint64_t from)
{
    const uint64_t *word, *end = (const uint64_t *)(const void *)(page + FL_PAGE_BYTES);

    for (; from % 8 != 0; from++)
        if (page[from] != 0)
            return false;
    for (word = (const uint64_t *)(const void *)(page + from); word < end; word++)
        if (*word != 0)
            return false;
    return true;
}

static bool object_file_find(const struct vm *vm, const struct object *object, uint64_t index,
                             struct object_page *found)
{
    const struct cpio_file *file = object->file;
    uint64_t bytes = object_file_bytes(file, index);
    uint64_t start = file->offset + index * FL_PAGE_BYTES;
    uint64_t at = vm->archive_offset + start, end = vm->archive_offset + vm->archive_bytes;

    if (at % FL_PAGE_BYTES != 0 || bytes == 0)
        return false;
    if (bytes < FL_PAGE_BYTES &&
        (at + FL_PAGE_BYTES > end || !object_file_zero_behind(vm->archive + start, bytes)))
        return false;
    found->slot = vm->archive_slot;
    found->page = at / FL_PAGE_BYTES;
    found->contents = vm->archive + start;
    return true;
}

static enum object_supply object_file_copy(struct vm *vm, struct object *object, uint64_t index,
                                           uint64_t bytes, struct object_page *found)
{
    struct index_place place;
    uint8_t *contents;
    uint32_t page;

    if (!index_reserve(&object->index, &vm->nodes, index, &place))
        return OBJECT_NO_FRAME;
    page = reclaim_has_frame(vm) ? page_allocate(&vm->table, PAGE_OBJECT) : PAGE_NONE;
    if (page == PAGE_NONE) {
        index_remove(&object->index, &vm->nodes, index, 1, NULL, NULL);
        return OBJECT_NO_FRAME;
    }
    contents = page_contents(&vm->table, page);
    memcpy(contents, vm->archive + object->file->offset + index * FL_PAGE_BYTES, bytes);
    memset(contents + bytes, 0, FL_PAGE_BYTES - bytes);
    object_add_page(vm, object, &place, index, page);
    vm_page_locate(vm, page, found);
    return OBJECT_SUPPLIED;
}

static enum object_supply object_file_supply(struct vm *vm, struct object *object, uint64_t index,
                                             struct object_page *found)
{
    uint64_t bytes = object_file_bytes(object->file, index);

    if (bytes == 0)
        return OBJECT_BEYOND_END;
    if (object_file_find(vm, object, index, found))
        return OBJECT_SUPPLIED;
    return object_file_copy(vm, object, index, bytes, found);
}

static const struct object_ops object_file_ops = {.name = "file",
                                                  .leaves = VICTIMS_FILE,
                                                  .supply = object_file_supply,
                                                  .find = object_file_find,
                                                  .destroy = object_leave_files};

struct object *object_open_file(struct vm *vm, const struct cpio_file *file)
{
    struct object *object;

    for (object = vm->files; object; object = object->next_file)
        if (object->file == file) {
            object->references++;
            return object;
        }
    object = slab_allocate(&vm->objects);
    if (!object)
        return NULL;
    object->ops = &object_file_ops;
    object->references = 1;
    object->file = file;
    object->number = file->offset;
    object->bytes = file->size_bytes;
    object_enter_files(vm, object);
    return object;
}
