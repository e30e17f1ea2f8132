/* Owns the file descriptors of a program: the console (0, 1, 2), files of the initrd (read-only)
 * and /dev/null.
 *
 * I1. A descriptor is open exactly when its `ops` is set; 0, 1 and 2 are open at the start.
 * I2. `offset` of a file is never negative.
 *
 * read() returns early only at the end of a file or on the console; write() writes everything or
 * fails.  There are no directories but "/", no duplicates and no bad-pointer check: a buffer that
 * is not the program's own ends the program instead of giving EFAULT. */
#include "libos.h"

#include <errno.h>
#include <faultline/process.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_DESCRIPTORS 32
#define FILE_NAME_BYTES  128

struct file {
    const struct file_ops *ops;
    off_t offset;
    uint64_t bytes;
    unsigned number; /* of the console's stream, or of the file in the initrd */
    char name[FILE_NAME_BYTES];
};

/* One set for each kind of file; `read` and `write` may be NULL. */
struct file_ops {
    ssize_t (*read)(struct file *file, void *bytes, size_t count);
    ssize_t (*write)(struct file *file, const void *bytes, size_t count);
    mode_t mode;
    bool terminal;
    bool seekable;
};

static ssize_t file_read_console(struct file *file, void *bytes, size_t count)
{
    size_t part = count < FL_PROTOCOL_BYTES ? count : FL_PROTOCOL_BYTES;
    struct libos_call call = {.word = {file->number, part}};
    int error = libos_call_posix(POSIX_READ, &call);

    if (error)
        return libos_result(error);
    libos_answer_bytes(bytes, call.word[1]);
    return (ssize_t)call.word[1];
}

static ssize_t file_write_console(struct file *file, const void *bytes, size_t count)
{
    for (size_t done = 0; done < count;) {
        size_t part = count - done < FL_PROTOCOL_BYTES ? count - done : FL_PROTOCOL_BYTES;
        struct libos_call call = {
            .word = {file->number, part}, .bytes = (const char *)bytes + done, .byte_count = part};
        int error = libos_call_posix(POSIX_WRITE, &call);

        if (!error && call.word[1] == 0)
            error = EIO;
        if (error)
            return libos_result(error);
        done += call.word[1];
    }
    return (ssize_t)count;
}

/* One message's worth of a file.  Returns: bytes, 0 at the end, or -1. */
static ssize_t file_read_part(struct file *file, char *bytes, size_t count)
{
    struct libos_call call = {.word = {(uint64_t)file->offset, strlen(file->name), count},
                              .bytes = file->name,
                              .byte_count = strlen(file->name)};
    int error = libos_call_posix(POSIX_FILE_READ, &call);

    if (error)
        return libos_result(error);
    libos_answer_bytes(bytes, call.word[1]);
    file->offset += (off_t)call.word[1];
    return (ssize_t)call.word[1];
}

static ssize_t file_read_initrd(struct file *file, void *bytes, size_t count)
{
    size_t done = 0;

    while (done < count && (uint64_t)file->offset < file->bytes) {
        size_t part = count - done < FL_PROTOCOL_BYTES ? count - done : FL_PROTOCOL_BYTES;
        ssize_t got = file_read_part(file, (char *)bytes + done, part);

        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static ssize_t file_read_null(struct file *file, void *bytes, size_t count)
{
    (void)file, (void)bytes, (void)count;
    return 0;
}

static ssize_t file_write_null(struct file *file, const void *bytes, size_t count)
{
    (void)file, (void)bytes;
    return (ssize_t)count;
}

static const struct file_ops file_input = {
    .read = file_read_console, .mode = S_IFCHR | 0400, .terminal = true};
static const struct file_ops file_output = {
    .write = file_write_console, .mode = S_IFCHR | 0200, .terminal = true};
static const struct file_ops file_initrd = {
    .read = file_read_initrd, .mode = S_IFREG | 0555, .seekable = true};
static const struct file_ops file_null = {
    .read = file_read_null, .write = file_write_null, .mode = S_IFCHR | 0666};

static struct file file_table[FILE_DESCRIPTORS];

void libos_start_files(void)
{
    file_table[0] = (struct file){.ops = &file_input, .number = 0};
    file_table[1] = (struct file){.ops = &file_output, .number = 1};
    file_table[2] = (struct file){.ops = &file_output, .number = 2};
}

/* Returns: the open file, or NULL with EBADF. */
static struct file *file_get(int fd)
{
    if (fd >= 0 && fd < FILE_DESCRIPTORS && file_table[fd].ops)
        return &file_table[fd];
    errno = EBADF;
    return NULL;
}

ssize_t read(int fd, void *bytes, size_t count)
{
    struct file *file = file_get(fd);

    if (file && !file->ops->read)
        return libos_result(EBADF);
    return file ? file->ops->read(file, bytes, count) : -1;
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    struct file *file = file_get(fd);

    if (file && !file->ops->write)
        return libos_result(EBADF);
    return file ? file->ops->write(file, bytes, count) : -1;
}

int close(int fd)
{
    struct file *file = file_get(fd);

    if (file)
        file->ops = NULL;
    return file ? 0 : -1;
}

int isatty(int fd)
{
    struct file *file = file_get(fd);

    if (file && !file->ops->terminal)
        errno = ENOTTY;
    return file && file->ops->terminal;
}

off_t lseek(int fd, off_t offset, int whence)
{
    struct file *file = file_get(fd);
    off_t base;

    if (!file)
        return -1;
    if (!file->ops->seekable)
        return libos_result(ESPIPE);
    base = whence == SEEK_CUR ? file->offset : whence == SEEK_END ? (off_t)file->bytes : 0;
    if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
        return libos_result(EINVAL);
    if (__builtin_add_overflow(base, offset, &base))
        return libos_result(EOVERFLOW);
    if (base < 0)
        return libos_result(EINVAL);
    file->offset = base;
    return base;
}

static void file_describe(struct stat *status, mode_t mode, unsigned number, uint64_t bytes)
{
    *status = (struct stat){.st_mode = mode,
                            .st_nlink = 1,
                            .st_ino = (ino_t)number + 1,
                            .st_size = (off_t)bytes,
                            .st_blksize = FL_PAGE_BYTES,
                            .st_blocks = (blkcnt_t)((bytes + 511) / 512)};
}

int fstat(int fd, struct stat *status)
{
    struct file *file = file_get(fd);

    if (!file)
        return -1;
    file_describe(status, file->ops->mode, file->number, file->bytes);
    return 0;
}

/* Looks a path up in the initrd.  Returns: its index, or -1 with errno. */
static int file_find(const char *path, const char **name, uint64_t *bytes)
{
    char entry[FILE_NAME_BYTES + 1];
    int index = 0;

    while (*path == '/' || (path[0] == '.' && path[1] == '/'))
        path++;
    if (*path == '\0')
        return libos_result(ENOENT);
    if (strlen(path) >= FILE_NAME_BYTES)
        return libos_result(ENAMETOOLONG);
    while (faultline_file_name((unsigned)index, entry, sizeof entry, bytes) == 0) {
        if (strcmp(entry, path) == 0) {
            *name = path;
            return index;
        }
        index++;
    }
    return -1;
}

int stat(const char *restrict path, struct stat *restrict status)
{
    const char *name;
    uint64_t bytes;
    int index;

    if (strcmp(path, "/dev/null") == 0) {
        file_describe(status, file_null.mode, 0, 0);
        return 0;
    }
    index = file_find(path, &name, &bytes);
    if (index < 0)
        return -1;
    file_describe(status, file_initrd.mode, (unsigned)index, bytes);
    return 0;
}

/* There are no symbolic links. */
int lstat(const char *restrict path, struct stat *restrict status)
{
    return stat(path, status);
}

int access(const char *path, int mode)
{
    struct stat status;

    if (stat(path, &status))
        return -1;
    return libos_result(mode & W_OK && S_ISREG(status.st_mode) ? EROFS : 0);
}

/* Fills *file for `path`.  Returns: 0 or -1 with errno. */
static int file_open(struct file *file, const char *path, int flags)
{
    const char *name;
    uint64_t bytes;
    int index;

    if (strcmp(path, "/dev/null") == 0) {
        *file = (struct file){.ops = &file_null};
        return 0;
    }
    index = file_find(path, &name, &bytes);
    if (index < 0)
        return libos_result(errno == ENOENT && flags & O_CREAT ? EROFS : errno);
    if (flags & O_CREAT && flags & O_EXCL)
        return libos_result(EEXIST);
    if ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC)
        return libos_result(EROFS);
    *file = (struct file){.bytes = bytes, .number = (unsigned)index};
    strcpy(file->name, name);
    file->ops = &file_initrd;
    return 0;
}

/* Opens a file of the initrd for reading, or /dev/null.  Errors: ENOENT, ENAMETOOLONG, EMFILE, and
 * EROFS for everything that would write. */
int open(const char *path, int flags, ...)
{
    for (int fd = 0; fd < FILE_DESCRIPTORS; fd++)
        if (!file_table[fd].ops)
            return file_open(&file_table[fd], path, flags) ? -1 : fd;
    return libos_result(EMFILE);
}

int unlink(const char *path)
{
    const char *name;
    uint64_t bytes;

    return file_find(path, &name, &bytes) < 0 ? -1 : libos_result(EROFS);
}
