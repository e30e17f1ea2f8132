/* Owns the memory calls: each is one message to the pager, which keeps all state but one word.
 *
 * I1. `heap_end` is the pager's break, or 0 as long as nobody asked for it.
 *
 * The rules on arguments live in the pager alone; what it refuses comes back as errno. */
#include "file.h"
#include "libos.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory_values.h" /* the pager's values: a macro that differs from <sys/mman.h> is an error */

static uintptr_t heap_end;

/* The console and /dev/null can't be mapped: ENODEV. */
void *mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    struct libos_call call = {.word = {(uintptr_t)address, bytes,
                                       (uint32_t)protection | (uint64_t)(uint32_t)flags << 32,
                                       (uint64_t)offset}};
    int error = 0;

    if (!(flags & MAP_ANONYMOUS)) {
        struct file *file = file_get(fd);

        error = !file ? EBADF : file->ops->mappable ? 0 : ENODEV;
        call.bytes = error ? NULL : &file->handle;
        call.byte_count = error ? 0 : sizeof file->handle;
    }
    if (!error)
        error = libos_call_pager(PAGER_MMAP, &call);
    return libos_result(error) ? MAP_FAILED : (void *)call.word[1];
}

int munmap(void *address, size_t bytes)
{
    struct libos_call call = {.word = {(uintptr_t)address, bytes}};

    return libos_result(libos_call_pager(PAGER_MUNMAP, &call));
}

int mprotect(void *address, size_t bytes, int protection)
{
    struct libos_call call = {.word = {(uintptr_t)address, bytes, (uint32_t)protection}};

    return libos_result(libos_call_pager(PAGER_MPROTECT, &call));
}

static int heap_set_end(uintptr_t end)
{
    struct libos_call call = {.word = {end}};
    int error = libos_call_pager(PAGER_BRK, &call);

    if (!error)
        heap_end = call.word[1];
    return error;
}

int brk(void *end)
{
    return libos_result(heap_set_end((uintptr_t)end));
}

/* Moves the end of the heap by `increment` bytes.  Returns: the old end, or (void *)-1. */
void *sbrk(ptrdiff_t increment)
{
    uintptr_t old, moved;
    int error = heap_end ? 0 : heap_set_end(0);

    old = heap_end;
    moved = old + (uintptr_t)increment;
    if (!error && (increment > 0 ? moved < old : moved > old))
        error = ENOMEM;
    if (!error && increment)
        error = heap_set_end(moved);
    return libos_result(error) ? (void *)-1 : (void *)old;
}

int getpagesize(void)
{
    return (int)FL_PAGE_BYTES;
}
