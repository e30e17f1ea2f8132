/* Owns the file descriptors of a program, and the calls that name a file by one.
 *
 * I1. A descriptor is open exactly when `file_table` has a file for it; 0, 1 and 2 are at the start.
 * I2. `descriptors` of a file counts its places in `file_table`; a file with none is free.
 *
 * A fork copies this table, and the pager its half of each file, so that both programs have the same
 * descriptors, with offsets that they share. */
#include "file.h"
#include "libos.h"

#include <errno.h>
#include <faultline/process.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct file file_pool[FILE_DESCRIPTORS];
static struct file *file_table[FILE_DESCRIPTORS];

struct file *file_get(int fd)
{
    return fd >= 0 && fd < FILE_DESCRIPTORS ? file_table[fd] : NULL;
}

int file_find_free(int least)
{
    for (int fd = least; fd < FILE_DESCRIPTORS; fd++)
        if (!file_table[fd])
            return fd;
    return -1;
}

static void file_name(int fd, struct file *file)
{
    file->descriptors++;
    file_table[fd] = file;
}

void file_install(int fd, const struct file *file)
{
    struct file *slot = file_pool;

    while (slot->descriptors > 0) /* one is free as long as a descriptor is */
        slot++;
    *slot = *file;
    slot->descriptors = 0;
    file_name(fd, slot);
}

void libos_start_files(void)
{
    file_install(0, &(struct file){.ops = &file_console_input, .handle = 0});
    file_install(1, &(struct file){.ops = &file_console_output, .handle = 1});
    file_install(2, &(struct file){.ops = &file_console_output, .handle = 2});
}

/* `offset` is FILE_HERE or one that a program gave. */
static ssize_t file_read(int fd, void *bytes, size_t count, uint64_t offset)
{
    struct file *file = file_get(fd);
    struct file_transfer transfer = {(uintptr_t)bytes, count, offset, 0};
    int error;

    if (file && offset != FILE_HERE && !file->ops->seek)
        return libos_result(ESPIPE);
    if (!file || !file->ops->read)
        return libos_result(EBADF);
    error = file->ops->read(file, &transfer);
    return error ? libos_result(error) : (ssize_t)transfer.done;
}

static ssize_t file_write(int fd, const void *bytes, size_t count, uint64_t offset)
{
    struct file *file = file_get(fd);
    struct file_transfer transfer = {(uintptr_t)bytes, count, offset, 0};
    int error;

    if (file && offset != FILE_HERE && !file->ops->seek)
        return libos_result(ESPIPE);
    if (!file || !file->ops->write)
        return libos_result(EBADF);
    error = file->ops->write(file, &transfer);
    return error ? libos_result(error) : (ssize_t)transfer.done;
}

ssize_t read(int fd, void *bytes, size_t count)
{
    return file_read(fd, bytes, count, FILE_HERE);
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    return file_write(fd, bytes, count, FILE_HERE);
}

ssize_t pread(int fd, void *bytes, size_t count, off_t offset)
{
    return offset < 0 ? libos_result(EINVAL) : file_read(fd, bytes, count, (uint64_t)offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    return offset < 0 ? libos_result(EINVAL) : file_write(fd, bytes, count, (uint64_t)offset);
}

int close(int fd)
{
    struct file *file = file_get(fd);

    if (!file)
        return libos_result(EBADF);
    file_table[fd] = NULL;
    if (--file->descriptors == 0)
        file->ops->close(file);
    return 0;
}

int dup(int fd)
{
    struct file *file = file_get(fd);
    int copy = file_find_free(0);

    if (!file || copy < 0)
        return libos_result(file ? EMFILE : EBADF);
    file_name(copy, file);
    return copy;
}

int dup2(int fd, int copy)
{
    struct file *file = file_get(fd);

    if (!file || copy < 0 || copy >= FILE_DESCRIPTORS)
        return libos_result(EBADF);
    if (fd == copy)
        return copy;
    if (file_table[copy])
        close(copy);
    file_name(copy, file);
    return copy;
}

int isatty(int fd)
{
    struct file *file = file_get(fd);

    if (file && file->ops->terminal)
        return 1;
    errno = file ? ENOTTY : EBADF;
    return 0;
}

off_t lseek(int fd, off_t offset, int whence)
{
    struct file *file = file_get(fd);
    int error = EBADF;

    if (file)
        error = file->ops->seek ? file->ops->seek(file, &offset, whence) : ESPIPE;
    return error ? libos_result(error) : offset;
}

int ftruncate(int fd, off_t bytes)
{
    struct file *file = file_get(fd);

    if (!file)
        return libos_result(EBADF);
    if (bytes < 0 || !file->ops->resize)
        return libos_result(EINVAL);
    return libos_result(file->ops->resize(file, (uint64_t)bytes));
}

int file_tell_status(struct stat *to, const struct file_status *status)
{
    int error = libos_check_write(to, sizeof *to);

    if (error)
        return error;
    *to = (struct stat){.st_mode = status->mode,
                        .st_nlink = 1,
                        .st_ino = (ino_t)status->number,
                        .st_size = (off_t)status->bytes,
                        .st_blksize = FL_PAGE_BYTES,
                        .st_blocks = (blkcnt_t)((status->bytes + 511) / 512)};
    return 0;
}

int fstat(int fd, struct stat *to)
{
    struct file *file = file_get(fd);
    struct file_status status;
    int error = file ? file->ops->status(file, &status) : EBADF;

    return libos_result(error ? error : file_tell_status(to, &status));
}
