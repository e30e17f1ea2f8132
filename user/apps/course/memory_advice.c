/* The other memory calls, step by step on one range: mlock, madvise, mprotect, msync, mincore, brk.
 *
 * usage: memory_advice [PAGES]
 *
 * For each step: what the call answered, the faults and frames it took, and how many pages of the range
 * are resident after it, as mincore has it. */
#include "course.h"

enum advice_call {
    ADVISE,
    BREAK,
    LIMIT,
    LOCK,
    PROTECT,
    SYNC,
    UNLOCK,
    UNMAP_LAST,
    WRITE,
    WRITE_HALF
};

static const struct advice_step {
    const char *what;
    enum advice_call call;
    int argument;
} advice_steps[] = {
    {"write half of the pages", WRITE_HALF, 0},
    {"mlock: the rest comes at once", LOCK, 0},
    {"write all of them", WRITE, 0},
    {"madvise DONTNEED, but they are locked", ADVISE, MADV_DONTNEED},
    {"munlock", UNLOCK, 0},
    {"madvise NORMAL", ADVISE, MADV_NORMAL},
    {"madvise SEQUENTIAL", ADVISE, MADV_SEQUENTIAL},
    {"madvise RANDOM", ADVISE, MADV_RANDOM},
    {"madvise WILLNEED", ADVISE, MADV_WILLNEED},
    {"madvise with a number that is none", ADVISE, 12345},
    {"madvise DONTNEED: the pages are gone", ADVISE, MADV_DONTNEED},
    {"write all of them: they come again", WRITE, 0},
    {"madvise FREE: so are these", ADVISE, MADV_FREE},
    {"write all of them after FREE", WRITE, 0},
    {"mprotect to read-only", PROTECT, PROT_READ},
    {"mprotect to read and write", PROTECT, PROT_READ | PROT_WRITE},
    {"write all of them after mprotect", WRITE, 0},
    {"msync SYNC", SYNC, MS_SYNC},
    {"msync ASYNC and SYNC at once", SYNC, MS_ASYNC | MS_SYNC},
    {"brk some pages up", BREAK, 1},
    {"brk back", BREAK, 0},
    {"setrlimit DATA to nothing", LIMIT, 0},
    {"brk some pages up, beyond the limit", BREAK, 1},
    {"munmap the last page", UNMAP_LAST, 0},
    {"msync, with the hole in the range", SYNC, MS_SYNC},
    {"mlock, with the hole in the range", LOCK, 0},
};
#define ADVICE_ENDS  5 /* steps that can be done once */
#define ADVICE_STEPS (sizeof advice_steps / sizeof advice_steps[0])

static volatile unsigned char *advice_memory;
static size_t advice_pages;
static char *advice_break; /* the break at the start */

static int advice_limit(void)
{
    struct rlimit limit = {0, RLIM_INFINITY};

    return setrlimit(RLIMIT_DATA, &limit);
}

static intptr_t advice_do(const struct advice_step *step)
{
    size_t bytes = advice_pages * COURSE_PAGE;
    void *memory = (void *)advice_memory;

    switch (step->call) {
    case ADVISE:
        return madvise(memory, bytes, step->argument);
    case BREAK:
        return brk(advice_break + (size_t)step->argument * bytes);
    case LIMIT:
        return advice_limit();
    case LOCK:
        return mlock(memory, bytes);
    case PROTECT:
        return mprotect(memory, bytes, step->argument);
    case SYNC:
        return msync(memory, bytes, step->argument);
    case UNLOCK:
        return munlock(memory, bytes);
    case UNMAP_LAST:
        return munmap((char *)memory + bytes - COURSE_PAGE, COURSE_PAGE);
    case WRITE:
    case WRITE_HALF:
        course_write(advice_memory, step->call == WRITE ? advice_pages : advice_pages / 2, 1);
    }
    return 0;
}

/* Returns: the number as text, or mincore's error. */
static const char *advice_resident(void)
{
    static unsigned char vector[COURSE_PAGES_MAX];
    static char text[24];
    size_t resident = 0;

    if (mincore((void *)advice_memory, advice_pages * COURSE_PAGE, vector) != 0)
        return course_outcome(-1);
    for (size_t i = 0; i < advice_pages; i++)
        resident += vector[i] & 1;
    snprintf(text, sizeof text, "%zu", resident);
    return text;
}

/* Does the steps: those that can be repeated, or all of them and tells about them. */
static void advice_run(int tell)
{
    advice_memory = course_map(advice_pages, MAP_PRIVATE);
    for (size_t i = 0; i < ADVICE_STEPS - (tell ? 0 : ADVICE_ENDS); i++) {
        struct course_count start = course_now();
        const char *outcome = course_outcome(advice_do(&advice_steps[i]));
        struct course_count count = course_since(start);

        if (tell)
            printf("%-40s  %-8s  %8ld  %8ld  %8s\n", advice_steps[i].what, outcome, count.faults,
                   count.frames, advice_resident());
    }
    course_unmap(advice_memory, advice_pages);
}

int main(int argc, char **argv)
{
    advice_pages = course_pages(argc, argv, 12);
    sbrk((intptr_t)(-(uintptr_t)sbrk(0) % COURSE_PAGE));
    advice_break = sbrk(0);
    advice_run(0);
    printf("%-40s  %-8s  %8s  %8s  %8s\n", "step", "answer", "faults", "frames", "resident");
    advice_break = sbrk(0);
    advice_run(1);
    return 0;
}
