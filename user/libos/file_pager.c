/* Owns the files that the pager keeps: those of the initrd, of /tmp and /dev/shm, the views of /proc.
 *
 * The pager copies between a file and the program's memory itself, so a bad address is its EFAULT.
 * Offsets live there too: descriptors of programs that forked share them.
 *
 * I1. A read or write that takes several calls begins only when the pager found all of the program's
 *     memory good: EFAULT means that nothing was transferred. */
#include "file.h"
#include "libos.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "file_values.h"

#define FILE_STEP_BYTES (FILE_STEP_PAGES * FL_PAGE_BYTES)

/* One call, which tells the pager all that is left: it checks all and copies a step. */
static int pager_take_step(struct file *file, enum pager_call number,
                           const struct file_transfer *transfer, uint64_t *copied)
{
    uint64_t offset = transfer->offset == FILE_HERE ? FILE_HERE : transfer->offset + transfer->done;
    int error;

    do {
        struct libos_call call = {.word = {file->handle, transfer->address + transfer->done,
                                           transfer->bytes - transfer->done, offset}};

        error = libos_call_pager(number, &call);
        *copied = call.word[1];
    } while (error == EAGAIN); /* a long view, which goes on when it is asked again */
    return error;
}

static int pager_transfer(struct file *file, enum pager_call number, struct file_transfer *transfer)
{
    uint64_t step, copied;

    do {
        uint64_t left = transfer->bytes - transfer->done;
        int error = pager_take_step(file, number, transfer, &copied);

        if (error)
            return transfer->done ? 0 : error;
        step = left < FILE_STEP_BYTES ? left : FILE_STEP_BYTES;
        transfer->done += copied;
    } while (copied == step && transfer->done < transfer->bytes);
    return 0;
}

static int pager_read(struct file *file, struct file_transfer *transfer)
{
    return pager_transfer(file, PAGER_READ, transfer);
}

static int pager_write(struct file *file, struct file_transfer *transfer)
{
    return pager_transfer(file, PAGER_WRITE, transfer);
}

static int pager_seek(struct file *file, off_t *offset, int whence)
{
    struct libos_call call = {
        .word = {file->handle, (uint64_t)*offset, (uint64_t)(unsigned)whence}};
    int error = libos_call_pager(PAGER_SEEK, &call);

    *offset = (off_t)call.word[1];
    return error;
}

static int pager_resize(struct file *file, uint64_t bytes)
{
    struct libos_call call = {.word = {file->handle, bytes}};

    return libos_call_pager(PAGER_TRUNCATE, &call);
}

static int pager_status(struct file *file, struct file_status *status)
{
    struct libos_call call = {.word = {file->handle}};
    int error = libos_call_pager(PAGER_STATUS, &call);

    *status = (struct file_status){
        .mode = (mode_t)call.word[1], .bytes = call.word[2], .number = call.word[3]};
    return error;
}

static void pager_close(struct file *file)
{
    struct libos_call call = {.word = {file->handle}};

    libos_call_pager(PAGER_CLOSE, &call);
}

const struct file_ops file_pager = {.read = pager_read,
                                    .write = pager_write,
                                    .seek = pager_seek,
                                    .resize = pager_resize,
                                    .status = pager_status,
                                    .close = pager_close,
                                    .mappable = true};

/* The pager's numbers for the flags of <fcntl.h>, which are the C library's.  Those that change
 * nothing here (O_CLOEXEC, O_NOCTTY, O_SYNC ...) are left out. */
static uint64_t pager_open_flags(int flags)
{
    static const struct {
        int flag;
        uint64_t value;
    } known[] = {{O_CREAT, FILE_O_CREAT},
                 {O_EXCL, FILE_O_EXCL},
                 {O_TRUNC, FILE_O_TRUNC},
                 {O_APPEND, FILE_O_APPEND}};
    int access = flags & O_ACCMODE;
    uint64_t value = access == O_RDWR     ? FILE_O_RDWR
                     : access == O_WRONLY ? FILE_O_WRONLY
                                          : FILE_O_RDONLY;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (flags & known[i].flag)
            value |= known[i].value;
    return value;
}

int file_pager_open(struct file *file, const char *path, size_t bytes, int flags)
{
    struct libos_call call = {.bytes = path, .byte_count = bytes};
    int error;

    if ((flags & O_ACCMODE) == O_ACCMODE || (flags & O_DIRECTORY && flags & O_CREAT))
        return EINVAL;
    if (flags & O_DIRECTORY)
        flags &= ~O_TRUNC; /* what is no directory must stay as it is */
    call.word[0] = pager_open_flags(flags);
    call.word[1] = bytes;
    error = libos_call_pager(PAGER_OPEN, &call);
    if (error)
        return error;
    *file = (struct file){.ops = &file_pager, .handle = call.word[1]};
    if (flags & O_DIRECTORY && !S_ISDIR(call.word[2])) {
        pager_close(file);
        return ENOTDIR;
    }
    return 0;
}
