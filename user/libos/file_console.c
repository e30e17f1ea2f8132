/* Owns the files that are no files: the console and /dev/null.
 *
 * The process server keeps the console; bytes travel in the message buffer. */
#include "file.h"
#include "libos.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static size_t console_part(const struct file_transfer *transfer)
{
    size_t left = transfer->bytes - transfer->done;

    return left < FL_PROTOCOL_BYTES ? left : FL_PROTOCOL_BYTES;
}

/* Waits for input; what is there then is all that a call gets. */
static int console_read(struct file *file, struct file_transfer *transfer)
{
    struct libos_call call = {.word = {file->handle, console_part(transfer)}};
    int error = libos_check_write((void *)transfer->address, transfer->bytes);

    if (error || transfer->bytes == 0)
        return error;
    error = libos_call_posix(POSIX_READ, &call);
    if (error)
        return error;
    libos_answer_bytes((void *)transfer->address, call.word[1]);
    transfer->done = call.word[1];
    return 0;
}

/* All of it, if nothing goes wrong. */
static int console_write(struct file *file, struct file_transfer *transfer)
{
    int error = libos_check_read((void *)transfer->address, transfer->bytes);

    while (!error && transfer->done < transfer->bytes) {
        size_t part = console_part(transfer);
        struct libos_call call = {.word = {file->handle, part},
                                  .bytes = (const char *)transfer->address + transfer->done,
                                  .byte_count = part};

        error = libos_call_posix(POSIX_WRITE, &call);
        if (!error && call.word[1] == 0)
            error = EIO;
        if (!error)
            transfer->done += call.word[1];
    }
    return transfer->done ? 0 : error;
}

static int null_read(struct file *file, struct file_transfer *transfer)
{
    (void)file, (void)transfer;
    return 0;
}

static int null_write(struct file *file, struct file_transfer *transfer)
{
    (void)file;
    transfer->done = transfer->bytes;
    return 0;
}

static int null_seek(struct file *file, off_t *offset, int whence)
{
    (void)file, (void)whence;
    *offset = 0;
    return 0;
}

static int console_input_status(struct file *file, struct file_status *status)
{
    *status = (struct file_status){.mode = S_IFCHR | 0400, .number = file->handle + 1};
    return 0;
}

static int console_output_status(struct file *file, struct file_status *status)
{
    *status = (struct file_status){.mode = S_IFCHR | 0200, .number = file->handle + 1};
    return 0;
}

static int null_status(struct file *file, struct file_status *status)
{
    (void)file;
    *status = (struct file_status){.mode = S_IFCHR | 0666, .number = 1};
    return 0;
}

static void console_close(struct file *file)
{
    (void)file;
}

const struct file_ops file_console_input = {
    .read = console_read, .status = console_input_status, .close = console_close, .terminal = true};
const struct file_ops file_console_output = {.write = console_write,
                                             .status = console_output_status,
                                             .close = console_close,
                                             .terminal = true};
const struct file_ops file_null = {.read = null_read,
                                   .write = null_write,
                                   .seek = null_seek,
                                   .status = null_status,
                                   .close = console_close};
