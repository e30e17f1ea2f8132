/* What the memory calls answer, a line a case: "group | case | answer".  The same source runs on
 * Linux, and memcalls_test.py compares the two.  With the argument `promise`: what an overcommit
 * mode lets a program have, which is Faultline's own.
 *
 * Only what does not depend on the layout of a space or on page tables is here. */
#include "answers.h"

#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#define PAGE       4096ul
#define PAGES      16u
#define RW         (PROT_READ | PROT_WRITE)
#define PRIVATE    (MAP_PRIVATE | MAP_ANONYMOUS)
#define HUGE_BYTES (1ul << 62)
#define KERNEL     0xffff800000000000ul

static unsigned char
    *base; /* pages 0..3 written, 4 a hole, 5 read-only, 6 no access, rest mapped */
static unsigned char vector[PAGES];

static unsigned char *map(size_t pages, int protection, int flags)
{
    return mmap(NULL, pages * PAGE, protection, flags, -1, 0);
}

static unsigned char *at(unsigned page)
{
    return base + page * PAGE;
}

/* Always at the same place, which nothing else takes meanwhile. */
static void make_base(void)
{
    base = mmap(base, PAGES * PAGE, RW, base ? PRIVATE | MAP_FIXED : PRIVATE, -1, 0);
    memset(base, 7, 4 * PAGE);
    munmap(at(4), PAGE);
    mprotect(at(5), PAGE, PROT_READ);
    mprotect(at(6), PAGE, PROT_NONE);
}

/* --- ranges: every call with every kind of range.  -2 leaves a case out: a range may not hold the
 * program itself when it drops pages, and Linux takes a length that wraps when it is rounded for 0. --- */
struct range {
    const char *name;
    uintptr_t address;
    size_t bytes;
};

static int call_protect(void *address, size_t bytes)
{
    return mprotect(address, bytes, PROT_READ);
}
static int call_protect_bad(void *address, size_t bytes)
{
    return mprotect(address, bytes, 0x7000);
}
static int call_normal(void *address, size_t bytes)
{
    return madvise(address, bytes, MADV_NORMAL);
}
static int call_random(void *address, size_t bytes)
{
    return madvise(address, bytes, MADV_RANDOM);
}
static int call_sequential(void *address, size_t bytes)
{
    return madvise(address, bytes, MADV_SEQUENTIAL);
}
static int call_dontneed(void *address, size_t bytes)
{
    return bytes == HUGE_BYTES ? -2 : madvise(address, bytes, MADV_DONTNEED);
}
static int call_free(void *address, size_t bytes)
{
    return bytes == HUGE_BYTES ? -2 : madvise(address, bytes, MADV_FREE);
}
static int call_cold(void *address, size_t bytes)
{
    return bytes == HUGE_BYTES ? -2 : madvise(address, bytes, MADV_COLD);
}
static int call_advise_bad(void *address, size_t bytes)
{
    return madvise(address, bytes, 12345);
}
static int call_sync(void *address, size_t bytes)
{
    return bytes == SIZE_MAX ? -2 : msync(address, bytes, MS_SYNC);
}
static int call_async(void *address, size_t bytes)
{
    return bytes == SIZE_MAX ? -2 : msync(address, bytes, MS_ASYNC | MS_INVALIDATE);
}
static int call_sync_both(void *address, size_t bytes)
{
    return msync(address, bytes, MS_ASYNC | MS_SYNC);
}
static int call_sync_bad(void *address, size_t bytes)
{
    return msync(address, bytes, 8);
}
static int call_mincore(void *address, size_t bytes)
{
    return mincore(address, bytes, vector);
}
static int call_unlock(void *address, size_t bytes)
{
    return bytes == SIZE_MAX ? -2 : munlock(address, bytes);
}
static int call_lock(void *address, size_t bytes)
{
    int result = bytes == SIZE_MAX ? -2 : mlock(address, bytes);

    if (result == 0)
        munlock(address, bytes);
    return result;
}

static void tell_ranges(void)
{
    const struct range ranges[] = {
        {"whole", (uintptr_t)base, 4 * PAGE},
        {"part of a page", (uintptr_t)base, 100},
        {"nothing", (uintptr_t)base, 0},
        {"unaligned", (uintptr_t)base + 1, PAGE},
        {"unaligned, nothing", (uintptr_t)base + 1, 0},
        {"over a hole", (uintptr_t)at(3), 3 * PAGE},
        {"a hole", (uintptr_t)at(4), PAGE},
        {"null", 0, PAGE},
        {"null, nothing", 0, 0},
        {"kernel", KERNEL, PAGE},
        {"huge", (uintptr_t)base, HUGE_BYTES},
        {"wraps", (uintptr_t)base, SIZE_MAX},
        {"wraps to itself", (uintptr_t)base, SIZE_MAX - PAGE + 1},
        {"last page", SIZE_MAX - PAGE + 1, PAGE},
    };
    static const struct {
        const char *name;
        int (*call)(void *address, size_t bytes);
    } calls[] = {
        {"mprotect", call_protect},
        {"mprotect, bad protection", call_protect_bad},
        {"MADV_NORMAL", call_normal},
        {"MADV_RANDOM", call_random},
        {"MADV_SEQUENTIAL", call_sequential},
        {"MADV_DONTNEED", call_dontneed},
        {"MADV_FREE", call_free},
        {"MADV_COLD", call_cold},
        {"bad advice", call_advise_bad},
        {"msync", call_sync},
        {"msync, asynchronous", call_async},
        {"msync, both", call_sync_both},
        {"msync, bad flags", call_sync_bad},
        {"mincore", call_mincore},
        {"munlock", call_unlock},
        {"mlock", call_lock},
        {"munmap", munmap},
    };

    for (size_t c = 0; c < sizeof calls / sizeof calls[0]; c++)
        for (size_t r = 0; r < sizeof ranges / sizeof ranges[0]; r++) {
            char text[80];
            int result;

            make_base();
            snprintf(text, sizeof text, "%s: %s", calls[c].name, ranges[r].name);
            result = calls[c].call((void *)ranges[r].address, ranges[r].bytes);
            if (result != -2)
                tell("ranges", text, result);
        }
}

/* --- mmap --- */
static void tell_mmap(void)
{
    int fixed = PRIVATE | MAP_FIXED;
    unsigned char *memory;

    make_base();
    tell_map("mmap", "no length", mmap(NULL, 0, RW, PRIVATE, -1, 0));
    tell_map("mmap", "huge", mmap(NULL, 1ul << 62, RW, PRIVATE, -1, 0));
    tell_map("mmap", "length wraps", mmap(NULL, SIZE_MAX, RW, PRIVATE, -1, 0));
    tell_map("mmap", "neither shared nor private", mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0));
    tell_map("mmap", "offset unaligned", mmap(NULL, PAGE, RW, PRIVATE, -1, 1));
    tell_map("mmap", "fixed, unaligned", mmap(base + 1, PAGE, RW, fixed, -1, 0));
    tell_map("mmap", "fixed, null", mmap(NULL, PAGE, RW, fixed, -1, 0));
    tell_map("mmap", "fixed, kernel", mmap((void *)KERNEL, PAGE, RW, fixed, -1, 0));
    tell_map("mmap", "fixed, wraps", mmap(base, SIZE_MAX - PAGE, RW, fixed, -1, 0));
    tell_map("mmap", "not replaced", mmap(base, PAGE, RW, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0));
    tell_map("mmap", "not replaced, over a hole",
             mmap(at(4), 2 * PAGE, RW, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0));
    tell_value("mmap", "contents after all that", base[0] + base[4 * PAGE - 1]);
    tell_value("mmap", "into a hole",
               mmap(at(4), PAGE, RW, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0) == at(4));
    munmap(at(4), PAGE);
    tell_value("mmap", "hint taken", mmap(at(4) + 1, PAGE, RW, PRIVATE, -1, 0) == at(4));
    tell_value("mmap", "hint not free", mmap(at(3), PAGE, RW, PRIVATE, -1, 0) != at(3));
    memory = map(4, RW, PRIVATE | MAP_POPULATE | MAP_NORESERVE);
    tell("mmap", "mincore of populated pages", mincore(memory, 4 * PAGE, vector));
    tell_value("mmap", "populated", (vector[0] & 1) + (vector[1] & 1) + (vector[3] & 1));
    munmap(memory, 4 * PAGE);
}

/* --- mremap --- */
static void tell_remap_errors(void)
{
    int move = MREMAP_MAYMOVE, fixed = MREMAP_MAYMOVE | MREMAP_FIXED;

    make_base();
    tell_map("mremap", "unaligned", mremap(base + 1, PAGE, 2 * PAGE, move));
    tell_map("mremap", "to nothing", mremap(base, PAGE, 0, move));
    tell_map("mremap", "from nothing", mremap(base, 0, PAGE, move));
    tell_map("mremap", "bad flags", mremap(base, PAGE, PAGE, 64));
    tell_map("mremap", "fixed without move", mremap(base, PAGE, PAGE, MREMAP_FIXED, at(8)));
    tell_map("mremap", "a hole", mremap(at(4), PAGE, 2 * PAGE, move));
    tell_map("mremap", "over a hole", mremap(at(3), 3 * PAGE, 4 * PAGE, move));
    tell_map("mremap", "over two protections", mremap(at(5), 3 * PAGE, 4 * PAGE, move));
    tell_map("mremap", "null", mremap(NULL, PAGE, 2 * PAGE, move));
    tell_map("mremap", "kernel", mremap((void *)KERNEL, PAGE, 2 * PAGE, move));
    tell_map("mremap", "huge old size", mremap(base, 1ul << 62, 1ul << 63, move));
    tell_map("mremap", "huge new size", mremap(base, PAGE, 1ul << 62, move));
    tell_map("mremap", "in the way", mremap(base, PAGE, 2 * PAGE, 0));
    tell_map("mremap", "fixed, unaligned", mremap(base, PAGE, PAGE, fixed, at(8) + 1));
    tell_map("mremap", "fixed, overlaps", mremap(base, 2 * PAGE, 2 * PAGE, fixed, at(1)));
    tell_map("mremap", "fixed, onto itself", mremap(base, PAGE, PAGE, fixed, base));
    tell_map("mremap", "fixed, kernel", mremap(base, PAGE, PAGE, fixed, (void *)KERNEL));
    tell_value("mremap", "contents after all that", base[0] + base[4 * PAGE - 1]);
}

static void tell_remap(void)
{
    unsigned char *memory = map(8, RW, PRIVATE), *moved;

    for (unsigned i = 0; i < 8; i++)
        memory[i * PAGE] = (unsigned char)(i + 1);
    moved = mremap(memory, 8 * PAGE, 4 * PAGE, 0);
    tell_value("mremap", "shrinks in place", moved == memory && moved[3 * PAGE] == 4);
    tell("mremap", "what it left is a hole", madvise(memory + 4 * PAGE, PAGE, MADV_NORMAL));
    moved = mremap(memory, 4 * PAGE, 6 * PAGE, 0);
    tell_value("mremap", "grows in place", moved == memory);
    tell_value("mremap", "zero where it grew", memory[4 * PAGE] + memory[5 * PAGE]);
    memory[5 * PAGE] = 6;
    moved = mremap(memory + 2 * PAGE, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    tell_value("mremap", "moves from the middle", moved[0] + moved[PAGE] + moved[2 * PAGE]);
    tell("mremap", "where it was is a hole", madvise(memory + 2 * PAGE, PAGE, MADV_NORMAL));
    tell_value("mremap", "the rest stays", memory[PAGE] + memory[3 * PAGE] + memory[5 * PAGE]);
    moved[2 * PAGE] = 9;
    memory = mremap(moved, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, memory + PAGE);
    tell_value("mremap", "replaces what is there", memory[0] + memory[2 * PAGE] + memory[3 * PAGE]);
    moved = mremap(memory, 4 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at(8));
    tell_value("mremap", "shrinks and moves", moved == at(8) && moved[0] == 3);
    munmap(memory - PAGE, 7 * PAGE);
    memory = map(2, RW, MAP_SHARED | MAP_ANONYMOUS);
    memory[PAGE] = 5;
    tell_map("mremap", "huge old size, shared", mremap(memory, 1ul << 60, PAGE, MREMAP_MAYMOVE));
    memory = mremap(memory, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at(8));
    tell_value("mremap", "shared memory moves", memory == at(8) && memory[PAGE] == 5);
}

/* --- contents --- */
static void tell_contents(void)
{
    unsigned char *shared = map(2, RW, MAP_SHARED | MAP_ANONYMOUS);

    make_base();
    shared[0] = 3;
    tell("contents", "DONTNEED of a page", madvise(at(1), PAGE, MADV_DONTNEED));
    tell_value("contents", "is zero, others are not", at(0)[1] + at(1)[1] + at(2)[1]);
    tell("contents", "DONTNEED over a hole", madvise(at(2), 4 * PAGE, MADV_DONTNEED));
    tell_value("contents", "is done all the same", at(2)[0] + at(3)[0]);
    tell("contents", "DONTNEED of shared memory", madvise(shared, PAGE, MADV_DONTNEED));
    tell_value("contents", "keeps it", shared[0]);
    tell("contents", "FREE of shared memory", madvise(shared, PAGE, MADV_FREE));
    tell_value("contents", "posix_madvise", posix_madvise(base, PAGE, POSIX_MADV_DONTNEED));
    tell_value("contents", "keeps the contents", at(0)[0]);
    tell_value("contents", "posix_madvise, bad advice", posix_madvise(base, PAGE, 77) == EINVAL);
    at(1)[0] = 1;
    madvise(at(2), PAGE, MADV_DONTNEED);
    tell("contents", "mincore", mincore(base, 3 * PAGE, vector));
    tell_value("contents", "written pages are resident",
               (vector[0] & 1) * 100 + (vector[1] & 1) * 10 + (vector[2] & 1));
    tell("contents", "vector null", mincore(base, PAGE, NULL));
    tell("contents", "vector kernel", mincore(base, PAGE, (unsigned char *)KERNEL));
    tell("contents", "vector read-only", mincore(base, PAGE, at(5)));
    tell("contents", "vector in a hole", mincore(base, PAGE, at(4)));
    tell("contents", "vector ends in a hole", mincore(base, 2 * PAGE, at(4) - 1));
    munmap(shared, 2 * PAGE);
}

/* --- limits --- */
static void set_soft(int resource, rlim_t soft)
{
    struct rlimit limit;

    getrlimit(resource, &limit);
    limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
    setrlimit(resource, &limit);
}

static void tell_locks(void)
{
    set_soft(RLIMIT_MEMLOCK, 4 * PAGE);
    make_base();
    tell("locks", "more than the limit", mlock(at(7), 5 * PAGE));
    tell("locks", "as much as the limit", mlock(at(7), 4 * PAGE));
    tell("locks", "the same again", mlock(at(7), 4 * PAGE));
    tell("locks", "one page more", mlock(at(11), PAGE));
    tell("locks", "DONTNEED", madvise(at(8), PAGE, MADV_DONTNEED));
    tell("locks", "FREE", madvise(at(8), PAGE, MADV_FREE));
    tell("locks", "COLD", madvise(at(8), PAGE, MADV_COLD));
    tell("locks", "PAGEOUT", madvise(at(8), PAGE, MADV_PAGEOUT));
    tell("locks", "MS_INVALIDATE", msync(at(8), PAGE, MS_INVALIDATE));
    mprotect(at(8), PAGE, PROT_READ);
    tell("locks", "DONTNEED after mprotect", madvise(at(8), PAGE, MADV_DONTNEED));
    tell_map("locks", "mremap to more", mremap(at(10), PAGE, 2 * PAGE, MREMAP_MAYMOVE));
    tell("locks", "munlock of a page", munlock(at(8) + 5, 1));
    tell("locks", "DONTNEED then", madvise(at(8), PAGE, MADV_DONTNEED));
    tell("locks", "another page then", mlock(at(11), PAGE));
    tell_map("locks", "MAP_LOCKED", map(5, RW, PRIVATE | MAP_LOCKED));
    tell("locks", "munlock of all", munlock(at(7), 9 * PAGE));
    tell("locks", "no access", mlock(at(6), PAGE));
    munlock(at(6), PAGE);
    tell("locks", "mlockall of nothing", mlockall(0));
    tell("locks", "mlockall, bad flags", mlockall(64));
    tell("locks", "mlockall of MCL_ONFAULT alone", mlockall(MCL_ONFAULT));
    tell("locks", "mlockall over the limit", mlockall(MCL_CURRENT));
    tell("locks", "mlockall of what comes", mlockall(MCL_FUTURE));
    tell_map("locks", "too much comes", map(5, RW, PRIVATE));
    tell("locks", "munlockall", munlockall());
    tell_map("locks", "it may come then", map(5, RW, PRIVATE));
    tell("locks", "mlock2", mlock2(at(7), PAGE, MLOCK_ONFAULT));
    tell("locks", "mlock2, bad flags", mlock2(at(7), PAGE, 2));
    set_soft(RLIMIT_MEMLOCK, 0);
    tell("locks", "none allowed", mlock(at(9), PAGE));
    tell("locks", "none allowed, mlockall", mlockall(MCL_CURRENT));
    tell_map("locks", "none allowed, MAP_LOCKED", map(1, RW, PRIVATE | MAP_LOCKED));
    tell("locks", "munlock may", munlock(at(7), PAGE));
}

static void tell_limits(void)
{
    struct rlimit limit = {2 * PAGE, PAGE};

    make_base();
    tell("limits", "soft above hard", setrlimit(RLIMIT_DATA, &limit));
    tell("limits", "no such resource", setrlimit(77, &limit));
    tell("limits", "no such resource, read", getrlimit(-1, &limit));
    set_soft(RLIMIT_AS, PAGE);
    tell_map("limits", "AS: mmap", map(1, PROT_NONE, PRIVATE));
    tell_map("limits", "AS: mmap over a mapping",
             mmap(at(1), PAGE, RW, PRIVATE | MAP_FIXED, -1, 0));
    tell_map("limits", "AS: mremap", mremap(at(10), 6 * PAGE, 7 * PAGE, MREMAP_MAYMOVE));
    tell("limits", "AS: brk", sbrk(1 << 20) == (void *)-1 ? -1 : 0);
    set_soft(RLIMIT_AS, RLIM_INFINITY);
    set_soft(RLIMIT_DATA, PAGE);
    tell_map("limits", "DATA: mmap", map(1, RW, PRIVATE));
    tell_map("limits", "DATA: mmap of shared memory", map(1, RW, MAP_SHARED | MAP_ANONYMOUS));
    tell_map("limits", "DATA: mmap read-only", map(1, PROT_READ, PRIVATE));
    tell("limits", "DATA: mprotect", mprotect(at(5), PAGE, RW));
    tell_map("limits", "DATA: mremap", mremap(at(10), 6 * PAGE, 7 * PAGE, MREMAP_MAYMOVE));
    tell("limits", "DATA: brk", sbrk(1 << 20) == (void *)-1 ? -1 : 0);
    set_soft(RLIMIT_DATA, RLIM_INFINITY);
    tell("limits", "mprotect then", mprotect(at(5), PAGE, RW));
    tell("limits", "brk then", sbrk(1 << 20) == (void *)-1 ? -1 : 0);
    limit = (struct rlimit){1ul << 30, 1ul << 30};
    tell("limits", "hard limit lowered", setrlimit(RLIMIT_DATA, &limit));
    limit.rlim_max++;
    tell("limits", "hard limit raised", setrlimit(RLIMIT_DATA, &limit));
    tell("limits", "read", getrlimit(RLIMIT_DATA, &limit));
    tell_value("limits", "as it was set", (long)(limit.rlim_cur + limit.rlim_max));
}

/* --- promises --- */
static void tell_promises(void)
{
    size_t most = (size_t)sysconf(_SC_PHYS_PAGES);
    unsigned char *memory;

    tell_map("promise", "more than there is", map(most + 1, RW, PRIVATE));
    memory = map(most * 3 / 4, RW, PRIVATE);
    tell_map("promise", "most of it", memory);
    tell_map("promise", "most of it twice", map(most * 3 / 4, RW, PRIVATE));
    tell_map("promise", "shared", map(most * 3 / 4, RW, MAP_SHARED | MAP_ANONYMOUS));
    tell_map("promise", "without reserve", map(most * 3 / 4, RW, PRIVATE | MAP_NORESERVE));
    munmap(memory, most * 3 / 4 * PAGE);
    memory = map(most * 2, PROT_READ, PRIVATE);
    tell_map("promise", "read-only", memory);
    tell("promise", "made writable", mprotect(memory, most * 2 * PAGE, RW));
    tell("promise", "a part made writable", mprotect(memory, most / 8 * PAGE, RW));
}

int main(int argc, char **argv)
{
    static char buffer[4096];

    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    if (argc > 1 && strcmp(argv[1], "promise") == 0) {
        tell_promises();
        return 0;
    }
    make_base();
    tell_ranges();
    tell_mmap();
    tell_remap_errors();
    tell_remap();
    tell_contents();
    tell_locks();
    tell_limits();
    return 0;
}
