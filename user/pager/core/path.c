/* Resolution of paths: see path.h. */
#include "path.h"

#include <errno.h>
#include <string.h>

#include "vm.h"

static bool path_is(const struct path *path, const char *text)
{
    return strcmp(path->text, text) == 0;
}

/* Whether a name of the archive lies below the directory `text`, which has no "/" before it. */
static bool path_is_implied(const struct cpio_index *index, const char *text, uint32_t bytes)
{
    for (uint32_t i = 0; i < index->count; i++) {
        const struct cpio_file *file = &index->files[i];

        if (file->name_bytes > bytes && file->name[bytes] == '/' &&
            memcmp(file->name, text, bytes) == 0)
            return true;
    }
    return false;
}

static void path_find_in_root(const struct vm *vm, struct path *path)
{
    const char *text = path->text + 1;
    uint32_t bytes = path->bytes - 1;

    path->area = PATH_IN_ROOT;
    path->archive = cpio_index_find(vm->archive_files, text, bytes);
    if (path->archive)
        path->kind = PATH_ARCHIVE;
    else if (path_is_implied(vm->archive_files, text, bytes))
        path->kind = PATH_DIRECTORY;
    else
        path->kind = PATH_ABSENT;
}

/* True if the text is a name in a directory of files in memory. */
static bool path_find_in_memory(const struct vm *vm, struct path *path)
{
    for (uint32_t i = 0; i < NAME_DIRECTORIES; i++) {
        const char *directory = names_directory_path((enum name_directory)i);
        uint32_t bytes = (uint32_t)strlen(directory);

        if (path->bytes <= bytes + 1 || path->text[bytes] != '/' ||
            memcmp(path->text, directory, bytes) != 0)
            continue;
        path->area = PATH_IN_MEMORY;
        path->key = (struct name_key){(enum name_directory)i, path->text + bytes + 1,
                                      path->bytes - bytes - 1};
        path->name = names_find(vm, &path->key);
        path->kind = path->name ? PATH_MEMORY : PATH_ABSENT;
        return true;
    }
    return false;
}

static bool path_find_device(const struct vm *vm, struct path *path)
{
    if (devices_find(&vm->devices, path->text, &path->device))
        path->kind = PATH_DEVICE;
    else if (devices_find_disk(&vm->devices, path->text, &path->device))
        path->kind = PATH_DISK;
    else
        return false;
    path->area = PATH_IN_ROOT;
    return true;
}

/* Finds out what the text, which was put together so far, means. */
static void path_classify(const struct vm *vm, struct path *path)
{
    if (path->bytes == 0 || path_is(path, "/dev") || path_is(path, "/proc") ||
        path_is(path, names_directory_path(NAME_IN_TMP)) ||
        path_is(path, names_directory_path(NAME_IN_SHM))) {
        path->area = PATH_IN_ROOT;
        path->kind = PATH_DIRECTORY;
    } else if (strncmp(path->text, "/proc/", 6) == 0) {
        path->area = PATH_IN_PROC;
        path->kind = PATH_VIEW;
    } else if (!path_find_in_memory(vm, path) && !path_find_device(vm, path)) {
        path_find_in_root(vm, path);
    }
}

static void path_cut(struct path *path)
{
    while (path->bytes > 0 && path->text[--path->bytes] != '/')
        ;
    path->text[path->bytes] = '\0';
}

/* Which area the names in this directory belong to. */
static enum path_area path_area_inside(const struct path *path)
{
    if (path_is(path, names_directory_path(NAME_IN_TMP)) ||
        path_is(path, names_directory_path(NAME_IN_SHM)))
        return PATH_IN_MEMORY;
    return path_is(path, "/proc") || path->kind == PATH_VIEW ? PATH_IN_PROC : PATH_IN_ROOT;
}

/* Goes one component further, from a directory; below /proc everything may be one. */
static int path_step(const struct vm *vm, struct path *path, const char *component, uint32_t bytes)
{
    bool up = bytes == 2 && memcmp(component, "..", 2) == 0;

    if (path->kind != PATH_DIRECTORY && path->kind != PATH_VIEW)
        return path->kind == PATH_ABSENT ? ENOENT : ENOTDIR;
    path->dot = up || (bytes == 1 && component[0] == '.');
    if (up) {
        path_cut(path);
        path_classify(vm, path);
    }
    if (path->dot) {
        path->area = path_area_inside(path);
        return 0;
    }
    if (bytes > NAME_BYTES || bytes + 1 > PATH_BYTES - path->bytes)
        return ENAMETOOLONG;
    path->text[path->bytes] = '/';
    memcpy(path->text + path->bytes + 1, component, bytes);
    path->bytes += bytes + 1;
    path->text[path->bytes] = '\0';
    path_classify(vm, path);
    return 0;
}

int path_resolve(const struct vm *vm, const char *text, uint32_t bytes, struct path *path)
{
    uint32_t at = 0;

    if (bytes == 0)
        return ENOENT;
    if (memchr(text, '\0', bytes))
        return EINVAL;
    path->kind = PATH_DIRECTORY;
    path->area = PATH_IN_ROOT;
    path->dot = true;
    path->archive = NULL;
    path->name = NULL;
    path->bytes = 0;
    path->text[0] = '\0';
    while (at < bytes) {
        uint32_t start = at;
        int error;

        while (at < bytes && text[at] != '/')
            at++;
        error = at > start ? path_step(vm, path, text + start, at - start) : 0;
        if (error)
            return error;
        at++;
    }
    path->slash = text[bytes - 1] == '/';
    return 0;
}
