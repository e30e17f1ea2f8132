/* Programs that want more memory than there is, at the same time: as many are ended as must be, and the
 * others find what they wrote. */
#include "fork_kit.h"

#include <signal.h>

#define PROGRAMS_MAX 3

FORK_LAW("kernel: free frames", FAULTLINE_KERNEL, FL_COUNTER_FRAMES_FREE)
FORK_LAW("kernel: capabilities", FAULTLINE_KERNEL, FL_COUNTER_CAPABILITIES)
FORK_LAW("pager: free frames", FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES)
FORK_LAW("pager: spaces", FAULTLINE_PAGER, PAGER_STAT_SPACES)
FORK_LAW("pager: entries", FAULTLINE_PAGER, PAGER_STAT_ENTRIES)
FORK_LAW("pager: objects", FAULTLINE_PAGER, PAGER_STAT_OBJECTS)

/* Shared by all programs of a run: whether each has all of its pages, or was ended. */
static volatile bool *shortage_settled;

static void shortage_touch(volatile uint64_t *word, uint64_t pages, uint64_t step)
{
    const uint64_t words = FORK_PAGE / sizeof(uint64_t), mark = (uint64_t)getpid() << 32;

    for (uint64_t i = 0; i < pages; i++) {
        word[i * words] = mark + i;
        if (i % step == 0)
            sched_yield();
    }
}

/* Whether they hold what was written. */
static bool shortage_holds(const volatile uint64_t *word, uint64_t pages)
{
    const uint64_t words = FORK_PAGE / sizeof(uint64_t), mark = (uint64_t)getpid() << 32;

    for (uint64_t i = 0; i < pages; i++)
        if (word[i * words] != mark + i || word[i * words + 1] != 0)
            return false;
    return true;
}

static volatile uint64_t *shortage_map(uint64_t pages)
{
    volatile uint64_t *word = mmap(NULL, pages * FORK_PAGE, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    CHILD_CHECK(word != MAP_FAILED);
    return word;
}

/* Program i writes so many pages, `step` at a time, keeps them until all have theirs or were ended, however they run, and
 * says whether its own still hold it. */
static _Noreturn void shortage_fill(int i, int programs, uint64_t pages, uint64_t step)
{
    volatile uint64_t *word = shortage_map(pages);

    shortage_touch(word, pages, step);
    shortage_settled[i] = true;
    for (int other = 0; other < programs; other++)
        while (!shortage_settled[other])
            sched_yield();
    CHILD_CHECK(shortage_holds(word, pages));
    _exit(0);
}

/* Waits for all programs.  Returns: how many were ended. */
static int shortage_wait(int programs, const pid_t *pids)
{
    int ended = 0;

    for (int waited = 0; waited < programs; waited++) {
        int status = -1;
        pid_t pid = wait(&status);

        CHECK(pid > 0);
        CHECK(status == EXITED(0) || status == SIGKILL);
        ended += status == SIGKILL;
        for (int i = 0; i < programs; i++)
            if (pids[i] == pid)
                shortage_settled[i] = true;
    }
    return ended;
}

/* Runs `programs` programs that want `percent` of what is free each.  Returns: how many were ended. */
static int shortage_run(int programs, uint64_t percent, uint64_t step)
{
    uint64_t pages = fork_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES) * percent / 100;
    uint64_t waits = fork_counter(FAULTLINE_PAGER, PAGER_STAT_WAITS);
    pid_t pids[PROGRAMS_MAX];
    int ended;

    shortage_settled =
        mmap(NULL, FORK_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shortage_settled != MAP_FAILED);
    for (int i = 0; i < programs; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            shortage_fill(i, programs, pages, step);
        CHECK(pids[i] > 0);
    }
    ended = shortage_wait(programs, pids);
    CHECK_EQ(munmap((void *)(uintptr_t)shortage_settled, FORK_PAGE), 0);
    harness_note("%d programs of %u %%: %d ended, %u faults waited", programs, (unsigned)percent,
                 ended, (unsigned)(fork_counter(FAULTLINE_PAGER, PAGER_STAT_WAITS) - waits));
    return ended;
}

TEST("two programs that fit only one after the other: one is ended")
{
    CHECK_EQ(shortage_run(2, 60, 1), 1);
    CHECK_EQ(shortage_run(2, 60, 8), 1);
}

TEST("three programs of which two fit: one is ended")
{
    CHECK_EQ(shortage_run(3, 42, 1), 1);
    CHECK_EQ(shortage_run(3, 42, 16), 1);
}

TEST("three programs of which one fits: two are ended")
{
    CHECK_EQ(shortage_run(3, 70, 1), 2);
}

TEST("programs that fit together are left alone")
{
    CHECK_EQ(shortage_run(3, 28, 1), 0);
}

/* Takes most of what is free and keeps it. */
static _Noreturn void shortage_hog(uint64_t pages, volatile uint64_t *full)
{
    shortage_touch(shortage_map(pages), pages, pages);
    *full = 1;
    for (;;)
        sched_yield();
}

static int shortage_small(uint64_t pages, const volatile uint64_t *full)
{
    volatile uint64_t *word;

    while (!*full)
        sched_yield();
    word = shortage_map(pages);
    shortage_touch(word, pages, 1);
    return shortage_holds(word, pages) ? 0 : 1;
}

TEST("beside a hog a small program gets what it asks for: the hog is ended")
{
    uint64_t free = fork_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES);
    volatile uint64_t *full =
        mmap(NULL, FORK_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t hog, small;

    CHECK(full != MAP_FAILED);
    hog = fork();
    if (hog == 0)
        shortage_hog(free * 4 / 5, full);
    small = fork();
    if (small == 0)
        _exit(shortage_small(free * 3 / 10, full));
    CHECK(hog > 0 && small > 0);
    CHECK_EQ(fork_wait(hog), SIGKILL);
    CHECK_EQ(fork_wait(small), EXITED(0));
    CHECK_EQ(munmap((void *)(uintptr_t)full, FORK_PAGE), 0);
    harness_note("the hog had %u pages or more", (unsigned)(free * 4 / 5));
}
