/* Owns the memory calls beside mmap and the heap: advice, residence, wiring, mremap and limits.
 *
 * Each is one message to the pager (mincore: one for each 4,096 pages); the rules on arguments live
 * there alone. */
#include "libos.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "memory_values.h" /* the pager's values: a macro that differs from libos's is an error */

/* One call of three words.  Returns 0 or an errno value. */
static int memory_call(enum pager_call number, const void *address, size_t bytes, uint64_t word)
{
    struct libos_call call = {.word = {(uintptr_t)address, bytes, word}};

    return libos_call_pager(number, &call);
}

int madvise(void *address, size_t bytes, int advice)
{
    return libos_result(memory_call(PAGER_MADVISE, address, bytes, (unsigned)advice));
}

/* Hints only: DONTNEED keeps the contents.  Returns: 0 or an errno value. */
int posix_madvise(void *address, size_t bytes, int advice)
{
    if (advice < POSIX_MADV_NORMAL || advice > POSIX_MADV_DONTNEED)
        return EINVAL;
    if (advice == POSIX_MADV_DONTNEED) /* checks the range and does nothing */
        return memory_call(PAGER_MSYNC, address, bytes, MS_ASYNC);
    return memory_call(PAGER_MADVISE, address, bytes, (unsigned)advice);
}

int mincore(void *address, size_t bytes, unsigned char *vector)
{
    uintptr_t at = (uintptr_t)address;

    for (;;) {
        struct libos_call call = {.word = {at, bytes, (uintptr_t)vector}};
        int error = libos_call_pager(PAGER_MINCORE, &call);
        uint64_t done = call.word[1] * FL_PAGE_BYTES;

        if (error || done >= bytes)
            return libos_result(error);
        at += done;
        bytes -= done;
        vector += call.word[1];
    }
}

int msync(void *address, size_t bytes, int flags)
{
    return libos_result(memory_call(PAGER_MSYNC, address, bytes, (unsigned)flags));
}

int mlock(const void *address, size_t bytes)
{
    return mlock2(address, bytes, 0);
}

int mlock2(const void *address, size_t bytes, unsigned flags)
{
    return libos_result(memory_call(PAGER_MLOCK, address, bytes, flags));
}

int munlock(const void *address, size_t bytes)
{
    return libos_result(memory_call(PAGER_MUNLOCK, address, bytes, 0));
}

int mlockall(int flags)
{
    struct libos_call call = {.word = {(unsigned)flags}};

    return libos_result(flags ? libos_call_pager(PAGER_MLOCKALL, &call) : EINVAL);
}

int munlockall(void)
{
    struct libos_call call = {0};

    return libos_result(libos_call_pager(PAGER_MLOCKALL, &call));
}

/* With MREMAP_FIXED the fifth argument is the new address. */
void *mremap(void *address, size_t old_bytes, size_t bytes, int flags, ...)
{
    void *to = NULL;
    struct libos_call call = {.word = {(uintptr_t)address, old_bytes, bytes, (unsigned)flags},
                              .bytes = &to,
                              .byte_count = sizeof to};

    if (flags & MREMAP_FIXED) {
        va_list arguments;

        va_start(arguments, flags);
        to = va_arg(arguments, void *);
        va_end(arguments);
    }
    return libos_result(libos_call_pager(PAGER_MREMAP, &call)) ? MAP_FAILED : (void *)call.word[1];
}

/* `pid`: 0 or the caller's own; another one is ESRCH. */
int prlimit(pid_t pid, int resource, const struct rlimit *limit, struct rlimit *old)
{
    struct libos_call call = {.word = {(unsigned)resource, limit != NULL}};
    int error = limit ? libos_check_read(limit, sizeof *limit) : 0;

    if (!error && old)
        error = libos_check_write(old, sizeof *old);
    if (!error && limit) {
        call.word[2] = limit->rlim_cur;
        call.word[3] = limit->rlim_max;
    }
    if (!error)
        error = pid == 0 || pid == getpid() ? libos_call_pager(PAGER_RLIMIT, &call) : ESRCH;
    if (!error && old)
        *old = (struct rlimit){.rlim_cur = call.word[1], .rlim_max = call.word[2]};
    return libos_result(error);
}

int getrlimit(int resource, struct rlimit *limit)
{
    return prlimit(0, resource, NULL, limit);
}

int setrlimit(int resource, const struct rlimit *limit)
{
    return prlimit(0, resource, limit, NULL);
}
