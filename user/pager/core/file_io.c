/* Calls about open files, and access(): see file.h. */
#include "file.h"

#include <errno.h>

#include "vm.h"

#define FILE_STEP_BYTES (FILE_STEP_PAGES * FL_PAGE_BYTES)

/* ---- access ---- */

/* The number of pages that an object can show: a mapping may reach behind the end of its file. */
static uint64_t file_count_pages(const struct object *object)
{
    const struct object *file = object->owner ? object->source : object;
    uint64_t first = object->owner ? object->source_first : 0, pages;

    if (!file)
        return INDEX_LIMIT;
    pages = (file->bytes + FL_PAGE_BYTES - 1) / FL_PAGE_BYTES;
    pages = pages > first ? pages - first : 0;
    if (object->owner && object->source_bytes <= pages * FL_PAGE_BYTES)
        return INDEX_LIMIT; /* the file ends no earlier than what is shown of it; zeros follow */
    return pages;
}

int vm_check_access(const struct space *space, uint64_t address, uint64_t bytes, uint32_t rights)
{
    uint64_t end = address + bytes;
    const struct entry *entry;

    if (address > FL_USER_END || bytes > FL_USER_END - address)
        return EFAULT;
    while (address < end) {
        uint64_t last;

        entry = entry_find(&space->map, address);
        if (!entry || (entry->protection & rights) != rights || !entry->object)
            return EFAULT;
        last = (entry->end < end ? entry->end : end) - 1;
        if (entry_index(entry, last) >= file_count_pages(entry->object))
            return EFAULT;
        address = last + 1;
    }
    return 0;
}

/* ---- read, write ---- */

/* The description and where to begin.  0; EBADF; EINVAL; EFAULT. */
static int file_begin(const struct space *space, const struct file_transfer *transfer,
                      struct description **description, uint64_t *offset)
{
    bool at_position = transfer->offset == FILE_AT_POSITION;

    if (!at_position && transfer->offset > INT64_MAX)
        return EINVAL;
    *description = handle_find(space, transfer->handle);
    if (!*description)
        return EBADF;
    *offset = at_position ? (*description)->offset : transfer->offset;
    return 0;
}

/* Whether the description lets its file be copied from, or to: 0; EBADF; EINVAL, as Linux says of a file
 * that has no read or write. */
static int file_check_use(const struct description *description, bool allowed)
{
    if (!allowed)
        return EBADF;
    return object_is_device(description->file) ? EINVAL : 0;
}

/* What of the arguments is wrong whatever the file holds: 0; EFAULT; EINVAL. */
static int file_check_range(const struct file_transfer *transfer, uint64_t offset)
{
    if (transfer->address > FL_USER_END || transfer->bytes > FL_USER_END - transfer->address)
        return EFAULT;
    return transfer->bytes > INT64_MAX - offset ? EINVAL : 0;
}

static void file_end(struct description *description, const struct file_transfer *transfer,
                     uint64_t offset)
{
    if (transfer->offset == FILE_AT_POSITION)
        description->offset = offset;
}

/* Bytes up to the end of the page that `address` lies in, at most `count`. */
static uint64_t file_part(uint64_t address, uint64_t count)
{
    uint64_t rest = FL_PAGE_BYTES - address % FL_PAGE_BYTES;

    return rest < count ? rest : count;
}

static uint64_t file_step(uint64_t bytes)
{
    return bytes < FILE_STEP_BYTES ? bytes : FILE_STEP_BYTES;
}

int vm_file_read(struct vm *vm, struct space *space, const struct file_transfer *transfer,
                 uint64_t *done)
{
    struct description *description;
    uint64_t offset, count, part;
    int error = file_begin(space, transfer, &description, &offset);

    *done = 0;
    if (!error)
        error = file_check_use(description, description->readable);
    if (!error)
        error = file_check_range(transfer, offset);
    if (!error)
        error = view_reach(vm, description->file, offset);
    if (error || offset >= description->file->bytes)
        return error;
    count = description->file->bytes - offset;
    count = transfer->bytes < count ? transfer->bytes : count;
    if (vm_check_access(space, transfer->address, count, FL_RIGHT_READ | FL_RIGHT_WRITE))
        return EFAULT;
    for (count = file_step(count); *done < count; *done += part) {
        uint8_t *to;

        error = vm_find_to_write(vm, space, transfer->address + *done, &to);
        if (error)
            break;
        (void)object_read(vm, description->file, offset + *done, to,
                          file_part(transfer->address + *done, count - *done), &part);
    }
    file_end(description, transfer, offset + *done);
    return *done > 0 ? 0 : error;
}

int vm_file_write(struct vm *vm, struct space *space, const struct file_transfer *transfer,
                  uint64_t *done)
{
    struct description *description;
    uint64_t offset, count, part;
    int error = file_begin(space, transfer, &description, &offset);

    *done = 0;
    if (!error)
        error = file_check_use(description, description->writable);
    if (!error)
        error = file_check_range(transfer, offset);
    if (error || transfer->bytes == 0)
        return error;
    if (vm_check_access(space, transfer->address, transfer->bytes, FL_RIGHT_READ))
        return EFAULT;
    if (description->append)
        offset = description->file->bytes;
    for (count = file_step(transfer->bytes); !error && *done < count; *done += part) {
        const uint8_t *from;

        part = 0;
        error = vm_find_to_read(vm, space, transfer->address + *done, &from);
        if (!error)
            error = object_write(vm, description->file, offset + *done, from,
                                 file_part(transfer->address + *done, count - *done), &part);
    }
    if (*done > 0)
        file_end(description, transfer, offset + *done);
    return *done > 0 ? 0 : error;
}

/* ---- lseek, ftruncate, fstat, mmap ---- */

int vm_file_seek(struct space *space, uint64_t handle, int64_t offset, uint64_t whence,
                 uint64_t *position)
{
    struct description *description = handle_find(space, handle);
    uint64_t base, target;

    if (!description)
        return EBADF;
    if (whence > FILE_SEEK_END)
        return EINVAL;
    if (object_is_device(description->file))
        return ESPIPE;
    base = whence == FILE_SEEK_CUR ? description->offset : 0;
    base = whence == FILE_SEEK_END ? description->file->bytes : base;
    target = base + (uint64_t)offset; /* base is not negative: no sum wraps into the range */
    if (target > INT64_MAX)
        return EINVAL;
    description->offset = target;
    *position = target;
    return 0;
}

int vm_file_truncate(struct vm *vm, struct space *space, uint64_t handle, uint64_t bytes)
{
    const struct description *description = handle_find(space, handle);

    if (bytes > INT64_MAX)
        return EINVAL;
    if (!description)
        return EBADF;
    return description->writable ? object_resize(vm, description->file, bytes) : EINVAL;
}

int vm_file_status(const struct space *space, uint64_t handle, struct file_status *status)
{
    const struct description *description = handle_find(space, handle);
    bool view;

    if (!description)
        return EBADF;
    view = description->mode == FILE_MODE_VIEW; /* its text is made when it is opened: no size */
    status->mode = description->mode;
    status->bytes = view ? 0 : description->file->bytes;
    status->number = view ? 0 : description->file->number;
    return 0;
}

int vm_file_map(struct vm *vm, struct space *space, uint64_t handle, struct vm_map_request *request,
                uint64_t *address)
{
    const struct description *description = handle_find(space, handle);

    if (description && description->mode == FILE_MODE_VIEW)
        return ENODEV;
    request->file = description ? description->file : NULL;
    request->readable = description && description->readable;
    request->writable = description && description->writable;
    return vm_map(vm, space, request, address);
}
