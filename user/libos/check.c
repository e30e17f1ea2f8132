/* Owns the question whether memory that a program names in a call is its own to read or write.
 *
 * Whoever touches such memory in libos asks first, so that a bad pointer is EFAULT and not the end of
 * the program.  The pager knows; only for the page of the stack that is in use nobody needs to be
 * asked.  Nothing changes between question and use, since a program has one thread. */
#include "libos.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "memory_values.h"

/* True if all of it lies in the page that holds our own stack frame, which was just written. */
static bool check_is_here(uintptr_t address, size_t bytes)
{
    volatile char here = 0;
    uintptr_t into = address - (uintptr_t)&here / FL_PAGE_BYTES * FL_PAGE_BYTES;

    return into < FL_PAGE_BYTES && bytes <= FL_PAGE_BYTES - into;
}

static int check_access(uintptr_t address, size_t bytes, uint64_t protection)
{
    struct libos_call call = {.word = {address, bytes, protection}};

    if (bytes == 0 || check_is_here(address, bytes))
        return 0;
    return libos_call_pager(PAGER_CHECK_ACCESS, &call);
}

int libos_check_read(const void *memory, size_t bytes)
{
    return check_access((uintptr_t)memory, bytes, PROT_READ);
}

int libos_check_write(const void *memory, size_t bytes)
{
    return check_access((uintptr_t)memory, bytes, PROT_WRITE);
}

int libos_check_string(const char *text, size_t most, size_t *length)
{
    size_t bytes = 0;

    while (bytes <= most) {
        size_t page = FL_PAGE_BYTES - ((uintptr_t)text + bytes) % FL_PAGE_BYTES, more;
        int error = libos_check_read(text + bytes, 1); /* rights are those of the page */

        if (error)
            return error;
        more = strnlen(text + bytes, page);
        bytes += more;
        if (more < page)
            break;
    }
    *length = bytes;
    return bytes > most ? ENAMETOOLONG : 0;
}
