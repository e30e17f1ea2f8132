/* Calls about paths: see file.h. */
#include "file.h"

#include <errno.h>
#include <string.h>

#include "path.h"
#include "vm.h"

#define FILE_FLAGS_KNOWN \
    (FILE_O_ACCMODE | FILE_O_CREAT | FILE_O_EXCL | FILE_O_TRUNC | FILE_O_APPEND)

/* ---- open ---- */

/* What a path that names something there, or nothing, answers to these flags. */
static int file_check_flags(const struct path *path, uint32_t flags)
{
    bool changes = (flags & FILE_O_ACCMODE) != FILE_O_RDONLY || (flags & FILE_O_TRUNC);

    if ((flags & FILE_O_CREAT) && path->slash)
        return EISDIR;
    if (path->kind == PATH_ABSENT && !(flags & FILE_O_CREAT))
        return ENOENT;
    if (path->kind == PATH_ABSENT)
        return path->area == PATH_IN_MEMORY ? 0 : EROFS;
    if (path->slash && path->kind != PATH_DIRECTORY)
        return ENOTDIR;
    if ((flags & FILE_O_CREAT) && (flags & FILE_O_EXCL) && path->kind != PATH_VIEW)
        return EEXIST;
    if (path->kind == PATH_DIRECTORY)
        return EISDIR;
    if (path->kind == PATH_DISK)
        return EACCES;
    return changes && path->kind == PATH_ARCHIVE ? EROFS : 0;
}

static int file_open_archive(struct vm *vm, const struct path *path,
                             struct description *description)
{
    description->mode = FILE_MODE_ARCHIVE;
    description->file = object_open_file(vm, path->archive);
    return description->file ? 0 : ENOMEM;
}

static int file_open_device(struct vm *vm, const struct path *path, struct description *description)
{
    description->mode = FILE_MODE_DEVICE;
    description->file = object_open_device(vm, path->device);
    return description->file ? 0 : ENOMEM;
}

/* A view is made when it is opened, so only then is it known whether there is one. */
static int file_open_view(struct vm *vm, struct space *space, const struct path *path,
                          uint32_t flags, struct description *description)
{
    int error = view_open(vm, space, path->text, &description->file);

    if (error)
        return error;
    description->mode = FILE_MODE_VIEW;
    if ((flags & FILE_O_CREAT) && (flags & FILE_O_EXCL))
        return EEXIST;
    return description->writable || (flags & FILE_O_TRUNC) ? EACCES : 0;
}

/* A new empty file with a name.  0; ENOSPC. */
static int file_create(struct vm *vm, const struct path *path, struct description *description)
{
    struct object *file = object_create_memory(vm);

    if (!file)
        return ENOSPC;
    description->file = file;
    if (!names_create(vm, &path->key, file))
        return ENOSPC;
    file->references++;
    return 0;
}

static int file_open_memory(struct vm *vm, const struct path *path, uint32_t flags,
                            struct description *description)
{
    description->mode = FILE_MODE_MEMORY;
    if (path->kind == PATH_ABSENT)
        return file_create(vm, path, description);
    description->file = path->name->file;
    description->file->references++;
    return flags & FILE_O_TRUNC ? object_resize(vm, description->file, 0) : 0;
}

static int file_open_path(struct vm *vm, struct space *space, const struct path *path,
                          uint32_t flags, struct description *description)
{
    uint32_t access = flags & FILE_O_ACCMODE;
    int error = file_check_flags(path, flags);

    if (error)
        return error;
    description->readable = access != FILE_O_WRONLY;
    description->writable = access != FILE_O_RDONLY;
    description->append = flags & FILE_O_APPEND;
    if (path->kind == PATH_ARCHIVE)
        return file_open_archive(vm, path, description);
    if (path->kind == PATH_DEVICE)
        return file_open_device(vm, path, description);
    if (path->kind == PATH_VIEW)
        return file_open_view(vm, space, path, flags, description);
    return file_open_memory(vm, path, flags, description);
}

int vm_file_open(struct vm *vm, struct space *space, const struct file_path *path, uint32_t flags,
                 uint32_t *handle)
{
    struct path resolved;
    int error;

    if ((flags & ~(uint32_t)FILE_FLAGS_KNOWN) || (flags & FILE_O_ACCMODE) == FILE_O_ACCMODE)
        return EINVAL;
    if (path->bytes == 0)
        return ENOENT;
    error = handle_open(vm, space, handle);
    if (error)
        return error;
    error = path_resolve(vm, path->text, path->bytes, &resolved);
    if (!error)
        error = file_open_path(vm, space, &resolved, flags, space->handles[*handle]);
    if (error)
        handle_close(vm, space, *handle);
    return error;
}

int vm_file_close(struct vm *vm, struct space *space, uint64_t handle)
{
    if (!handle_find(space, handle))
        return EBADF;
    handle_close(vm, space, (uint32_t)handle);
    return 0;
}

/* ---- stat ---- */

static struct file_status file_device_status(const struct vm *vm, uint32_t device)
{
    return (struct file_status){FILE_MODE_DEVICE, devices_bytes(&vm->devices, device),
                                object_number_of_device(vm, device)};
}

/* Numbers of disks are behind those of devices. */
static struct file_status file_disk_status(const struct vm *vm, uint32_t disk)
{
    return (struct file_status){FILE_MODE_DISK, vm->devices.disk_bytes[disk],
                                object_number_of_device(vm, vm->devices.count + disk)};
}

static int file_check_view(struct vm *vm, struct space *space, const struct path *path)
{
    struct object *file;
    int error = view_open(vm, space, path->text, &file);

    if (!error)
        object_release(vm, file);
    return error;
}

int vm_path_status(struct vm *vm, struct space *space, const struct file_path *path,
                   struct file_status *status)
{
    struct path resolved;
    int error = path_resolve(vm, path->text, path->bytes, &resolved);

    if (error)
        return error;
    if (resolved.slash && resolved.kind != PATH_DIRECTORY && resolved.kind != PATH_ABSENT)
        return ENOTDIR;
    switch (resolved.kind) {
    case PATH_DIRECTORY:
        *status = (struct file_status){FILE_MODE_DIRECTORY, 0, 0};
        return 0;
    case PATH_ARCHIVE:
        *status = (struct file_status){FILE_MODE_ARCHIVE, resolved.archive->size_bytes,
                                       resolved.archive->offset};
        return 0;
    case PATH_MEMORY:
        *status = (struct file_status){FILE_MODE_MEMORY, resolved.name->file->bytes,
                                       resolved.name->file->number};
        return 0;
    case PATH_DEVICE:
        *status = file_device_status(vm, resolved.device);
        return 0;
    case PATH_DISK:
        *status = file_disk_status(vm, resolved.device);
        return 0;
    case PATH_VIEW:
        *status = (struct file_status){FILE_MODE_VIEW, 0, 0};
        return file_check_view(vm, space, &resolved);
    case PATH_ABSENT:
        break;
    }
    return ENOENT;
}

int vm_path_disk(struct vm *vm, struct space *space, const struct file_path *path, uint32_t *disk)
{
    struct file_status status;
    struct path resolved;
    int error = vm_path_status(vm, space, path, &status);

    if (error)
        return error;
    (void)path_resolve(vm, path->text, path->bytes, &resolved);
    if (resolved.kind != PATH_DISK)
        return EINVAL;
    *disk = resolved.device;
    return 0;
}

/* ---- unlink, rename ---- */

int vm_path_unlink(struct vm *vm, struct space *space, const struct file_path *path)
{
    struct path resolved;
    int error = path_resolve(vm, path->text, path->bytes, &resolved);

    if (error)
        return error;
    if (resolved.dot)
        return EISDIR;
    if (resolved.area == PATH_IN_ROOT)
        return EROFS;
    if (resolved.area == PATH_IN_PROC) {
        error = file_check_view(vm, space, &resolved);
        return error ? error : EPERM;
    }
    if (!resolved.name)
        return ENOENT;
    if (resolved.slash)
        return ENOTDIR;
    names_remove(vm, resolved.name);
    return 0;
}

static int file_check_rename(const struct path *from, const struct path *to)
{
    if (from->area != to->area)
        return EXDEV;
    if (from->dot || to->dot)
        return EBUSY;
    if (from->area != PATH_IN_MEMORY)
        return from->area == PATH_IN_ROOT ? EROFS : EPERM;
    if (!from->name)
        return ENOENT;
    return from->slash || to->slash ? ENOTDIR : 0;
}

int vm_path_rename(struct vm *vm, const struct file_path *from, const struct file_path *to)
{
    struct path old, new;
    int error = path_resolve(vm, from->text, from->bytes, &old);

    if (!error)
        error = path_resolve(vm, to->text, to->bytes, &new);
    if (!error)
        error = file_check_rename(&old, &new);
    if (!error)
        names_move(vm, old.name, &new.key);
    return error;
}

/* ---- list ---- */

static uint32_t file_put(char *out, uint32_t at, uint32_t limit, const char *text, uint32_t bytes)
{
    uint32_t part = bytes < limit - at ? bytes : limit - at;

    memcpy(out + at, text, part);
    return at + part;
}

/* The devices, then the disks.  Returns: the bytes of the path. */
static uint32_t file_list_device(const struct vm *vm, uint32_t number, char *out, uint32_t limit,
                                 struct file_status *status)
{
    char path[DEVICES_PATH_BYTES];
    size_t bytes;

    if (number < vm->devices.count) {
        *status = file_device_status(vm, number);
        bytes = devices_path(&vm->devices, number, path);
    } else {
        *status = file_disk_status(vm, number - vm->devices.count);
        bytes = devices_disk_path(number - vm->devices.count, path);
    }
    return file_put(out, 0, limit, path, (uint32_t)bytes);
}

int vm_path_list(const struct vm *vm, uint64_t number, char *out, uint32_t limit,
                 struct file_status *status, uint32_t *bytes)
{
    const struct cpio_index *index = vm->archive_files;
    uint32_t devices = vm->devices.count + vm->devices.disks;
    const struct name *name;
    const char *directory;
    uint32_t at;

    if (number < index->count) {
        const struct cpio_file *file = &index->files[number];

        *status = (struct file_status){FILE_MODE_ARCHIVE, file->size_bytes, file->offset};
        at = file_put(out, 0, limit, "/", 1);
        *bytes = file_put(out, at, limit, file->name, file->name_bytes);
        return 0;
    }
    number -= index->count;
    if (number < devices) {
        *bytes = file_list_device(vm, (uint32_t)number, out, limit, status);
        return 0;
    }
    name = names_at(vm, number - devices);
    if (!name)
        return ENOENT;
    directory = names_directory_path((enum name_directory)name->directory);
    *status = (struct file_status){FILE_MODE_MEMORY, name->file->bytes, name->file->number};
    at = file_put(out, 0, limit, directory, (uint32_t)strlen(directory));
    at = file_put(out, at, limit, "/", 1);
    *bytes = file_put(out, at, limit, name->text, name->bytes);
    return 0;
}
