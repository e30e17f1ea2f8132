/* Owns swapon and swapoff. */
#include "libos.h"

#include <errno.h>
#include <faultline/swap.h>
#include <sys/swap.h>

#include "memory_values.h" /* the pager's values: a macro that differs from libos's is an error */

/* The number of the disk that a path names. */
static int swap_find_disk(const char *path, uint64_t *disk)
{
    struct libos_call call = {.bytes = path};
    int error = libos_check_string(path, FL_PROTOCOL_BYTES, &call.byte_count);

    call.word[0] = call.byte_count;
    if (!error)
        error = libos_call_pager(PAGER_DISK, &call);
    *disk = call.word[1];
    return error;
}

/* The pager says EAGAIN when too many calls wait for it already. */
static int swap_call(enum pager_call number, uint64_t disk, uint64_t flags, uint64_t *answer)
{
    struct libos_call call;
    int error;

    do {
        call = (struct libos_call){.word = {disk, flags}};
        error = libos_call_pager(number, &call);
    } while (error == EAGAIN);
    *answer = call.word[1];
    return error;
}

int faultline_swapon(const char *path, int flags, char *reason, size_t bytes)
{
    uint64_t disk, length = 0;
    int error = libos_check_write(reason, bytes);

    if (!error)
        error = swap_find_disk(path, &disk);
    if (!error) {
        error = swap_call(PAGER_SWAPON, disk, (unsigned)flags, &length);
        length = error == EINVAL ? length : 0;
    }
    if (length >= bytes)
        length = bytes - 1;
    libos_answer_bytes(reason, length);
    reason[length] = '\0';
    return libos_result(error);
}

int swapon(const char *path, int flags)
{
    char reason[1];

    return faultline_swapon(path, flags, reason, sizeof reason);
}

int swapoff(const char *path)
{
    uint64_t disk, none;
    int error = swap_find_disk(path, &disk);

    if (!error)
        error = swap_call(PAGER_SWAPOFF, disk, 0, &none);
    return libos_result(error);
}
