/* Programs that want more memory than there is, at the same time: as many are ended as must be, and the
 * others find what they wrote. */
#include "fork_kit.h"

#include <signal.h>

FORK_LAW("kernel: free frames", FAULTLINE_KERNEL, FL_COUNTER_FRAMES_FREE)
FORK_LAW("kernel: capabilities", FAULTLINE_KERNEL, FL_COUNTER_CAPABILITIES)
FORK_LAW("pager: free frames", FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES)
FORK_LAW("pager: spaces", FAULTLINE_PAGER, PAGER_STAT_SPACES)
FORK_LAW("pager: entries", FAULTLINE_PAGER, PAGER_STAT_ENTRIES)
FORK_LAW("pager: objects", FAULTLINE_PAGER, PAGER_STAT_OBJECTS)

/* Writes so many pages, `step` at a time, and says whether they still hold it. */
static int shortage_fill(uint64_t pages, uint64_t step)
{
    volatile uint64_t *word = mmap(NULL, pages * FORK_PAGE, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    const uint64_t words = FORK_PAGE / sizeof(uint64_t), mark = (uint64_t)getpid() << 32;

    CHILD_CHECK(word != MAP_FAILED);
    for (uint64_t i = 0; i < pages; i++) {
        word[i * words] = mark + i;
        if (i % step == 0)
            sched_yield();
    }
    for (uint64_t i = 0; i < pages; i++)
        CHILD_CHECK(word[i * words] == mark + i && word[i * words + 1] == 0);
    return 0;
}

/* Runs `programs` programs that want `percent` of what is free each.  Returns: how many were ended. */
static int shortage_run(int programs, uint64_t percent, uint64_t step)
{
    uint64_t pages = fork_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES) * percent / 100;
    uint64_t waits = fork_counter(FAULTLINE_PAGER, PAGER_STAT_WAITS);
    int ended = 0;

    for (int i = 0; i < programs; i++) {
        pid_t pid = fork();

        if (pid == 0)
            _exit(shortage_fill(pages, step));
        CHECK(pid > 0);
    }
    for (int i = 0; i < programs; i++) {
        int status = -1;

        CHECK(wait(&status) > 0);
        CHECK(status == EXITED(0) || status == SIGKILL);
        ended += status == SIGKILL;
    }
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
    (void)shortage_fill(pages, pages);
    *full = 1;
    for (;;)
        sched_yield();
}

static int shortage_small(uint64_t pages, const volatile uint64_t *full)
{
    while (!*full)
        sched_yield();
    CHILD_CHECK(shortage_fill(pages, 1) == 0);
    return 0;
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
