/* Owns the calls that name a file by its path; what a path means is the pager's.
 *
 * I1. A path is read only after libos_check_string() found it good. */
#include "file.h"
#include "libos.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_NULL    "/dev/null"
#define PATH_SHARED  "/dev/shm/"
#define PATH_ALL_MAY 0222 /* S_IWUSR and so on */

/* Opens a path that was checked.  Returns 0 or an errno value. */
static int path_open(struct file *file, const char *path, size_t bytes, int flags)
{
    if (strcmp(path, PATH_NULL) != 0)
        return file_pager_open(file, path, bytes, flags);
    if (flags & O_DIRECTORY)
        return ENOTDIR;
    *file = (struct file){.ops = &file_null};
    return 0;
}

/* Opens a path for a new descriptor.  Returns: the descriptor, or -1 with errno. */
static int path_open_descriptor(const char *path, size_t bytes, int flags)
{
    struct file file;
    int fd = file_find_free(0);
    int error = fd < 0 ? EMFILE : path_open(&file, path, bytes, flags);

    if (error)
        return libos_result(error);
    file_install(fd, &file);
    return fd;
}

/* The third argument, a mode, means nothing: there are no users. */
int open(const char *path, int flags, ...)
{
    size_t bytes;
    int error = libos_check_string(path, FL_PROTOCOL_BYTES, &bytes);

    return error ? libos_result(error) : path_open_descriptor(path, bytes, flags);
}

int creat(const char *path, mode_t mode)
{
    return open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

/* One call of the path alone.  Returns 0 or an errno value. */
static int path_call(enum pager_call number, const char *path, struct libos_call *call)
{
    size_t bytes;
    int error = libos_check_string(path, FL_PROTOCOL_BYTES, &bytes);

    if (error)
        return error;
    *call = (struct libos_call){.word = {bytes}, .bytes = path, .byte_count = bytes};
    return libos_call_pager(number, call);
}

static int path_status(const char *path, struct file_status *status)
{
    struct libos_call call = {0};
    int error = path_call(PAGER_PATH_STATUS, path, &call);

    if (error == ENOENT && strcmp(path, PATH_NULL) == 0)
        return file_null.status(NULL, status);
    *status = (struct file_status){
        .mode = (mode_t)call.word[1], .bytes = call.word[2], .number = call.word[3]};
    return error;
}

int stat(const char *restrict path, struct stat *restrict to)
{
    struct file_status status;
    int error = path_status(path, &status);

    return libos_result(error ? error : file_tell_status(to, &status));
}

/* There are no symbolic links. */
int lstat(const char *restrict path, struct stat *restrict to)
{
    return stat(path, to);
}

int access(const char *path, int mode)
{
    struct file_status status;
    int error = mode & ~(R_OK | W_OK | X_OK) ? EINVAL : path_status(path, &status);

    if (!error && mode & W_OK && !(status.mode & PATH_ALL_MAY))
        error = EROFS;
    return libos_result(error);
}

int truncate(const char *path, off_t bytes)
{
    struct file file;
    size_t path_bytes;
    int error = bytes < 0 ? EINVAL : libos_check_string(path, FL_PROTOCOL_BYTES, &path_bytes);

    if (!error)
        error = path_open(&file, path, path_bytes, O_WRONLY);
    if (!error) {
        error = file.ops->resize ? file.ops->resize(&file, (uint64_t)bytes) : EINVAL;
        file.ops->close(&file);
    }
    return libos_result(error);
}

int unlink(const char *path)
{
    struct libos_call call = {0};

    return libos_result(path_call(PAGER_UNLINK, path, &call));
}

int rename(const char *from, const char *to)
{
    char both[FL_PROTOCOL_BYTES];
    struct libos_call call = {.bytes = both};
    size_t first, second;
    int error = libos_check_string(from, sizeof both, &first);

    if (!error)
        error = libos_check_string(to, sizeof both - first, &second);
    if (error)
        return libos_result(error);
    memcpy(both, from, first);
    memcpy(both + first, to, second);
    call.word[0] = first;
    call.word[1] = second;
    call.byte_count = first + second;
    return libos_result(libos_call_pager(PAGER_RENAME, &call));
}

/* The path of a shared memory object; `path` has room for the longest.  Slashes before the name mean
 * nothing, one in it is no name.  Returns 0, EINVAL, ENAMETOOLONG or EFAULT. */
static int path_of_shared(const char *name, char *path)
{
    size_t bytes, slashes;
    int error = libos_check_string(name, FL_PROTOCOL_BYTES, &bytes);

    if (error)
        return error;
    slashes = strspn(name, "/");
    if (bytes == slashes || strchr(name + slashes, '/'))
        return EINVAL;
    if (bytes - slashes > NAME_MAX)
        return ENAMETOOLONG;
    strcpy(path, PATH_SHARED);
    strcat(path, name + slashes);
    return 0;
}

int shm_open(const char *name, int flags, mode_t mode)
{
    char path[sizeof PATH_SHARED + NAME_MAX];
    int error = path_of_shared(name, path);

    (void)mode;
    return error ? libos_result(error) : path_open_descriptor(path, strlen(path), flags);
}

int shm_unlink(const char *name)
{
    char path[sizeof PATH_SHARED + NAME_MAX];
    int error = path_of_shared(name, path);

    if (error == EINVAL)
        error = ENOENT; /* no object can have such a name */
    return error ? libos_result(error) : unlink(path);
}
