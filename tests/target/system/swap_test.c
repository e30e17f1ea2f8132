/* Programs that are larger than memory, on a machine with enough swap. */
#define SWAP_ENOUGH_MIB 5
#include "swap_kit.h"

#include <sys/resource.h>

static int large_private(void)
{
    swap_go_over(12 * SWAP_MIB, 4);
    return 0;
}

TEST("a program twice as large as memory finds every byte that it wrote")
{
    CHECK_EQ(swap_run(large_private), EXITED(0));
}

static int large_shared(void)
{
    const uint64_t pages = 10 * SWAP_MIB;
    uint64_t *memory = swap_map(pages, MAP_SHARED);
    pid_t pid;

    swap_write(memory, 0, pages, 1);
    pid = fork();
    if (pid == 0) {
        CHILD_CHECK(swap_wrong(memory, 0, pages, 1) == 0);
        swap_write(memory, 0, pages / 2, 2);
        _exit(0);
    }
    CHILD_CHECK(pid > 0 && fork_wait(pid) == EXITED(0));
    CHILD_CHECK(swap_wrong(memory, 0, pages / 2, 2) == 0);
    CHILD_CHECK(swap_wrong(memory, pages / 2, pages, 1) == 0);
    return 0;
}

TEST("memory that is shared and larger than memory is the same for all who share it")
{
    CHECK_EQ(swap_run(large_shared), EXITED(0));
}

TEST("parent and child of memory that is out both write, and see their own")
{
    CHECK_EQ(swap_run(swap_fork_of_what_is_out), EXITED(0));
}

static int several_at_once(void)
{
    pid_t pid[3];

    for (uint64_t i = 0; i < 3; i++) {
        pid[i] = fork();
        if (pid[i] == 0) {
            const uint64_t pages = 3 * SWAP_MIB;
            uint64_t *memory = swap_map(pages, MAP_PRIVATE);

            for (uint64_t round = 0; round < 3; round++) {
                swap_write(memory, 0, pages, round * 3 + i);
                CHILD_CHECK(swap_wrong(memory, 0, pages, round * 3 + i) == 0);
            }
            _exit(0);
        }
        CHILD_CHECK(pid[i] > 0);
    }
    for (uint32_t i = 0; i < 3; i++)
        CHILD_CHECK(fork_wait(pid[i]) == EXITED(0));
    return 0;
}

TEST("three programs that do not fit together take turns in memory")
{
    CHECK_EQ(swap_run(several_at_once), EXITED(0));
}

static int advised_out(void)
{
    const uint64_t pages = SWAP_MIB;
    uint64_t *memory = swap_map(pages, MAP_PRIVATE);
    struct rusage before, after;

    swap_write(memory, 0, pages, 1);
    CHILD_CHECK(madvise(memory, pages * FORK_PAGE, MADV_PAGEOUT) == 0);
    swap_settle();
    CHILD_CHECK(getrusage(RUSAGE_SELF, &before) == 0);
    CHILD_CHECK(swap_wrong(memory, 0, pages, 1) == 0);
    CHILD_CHECK(getrusage(RUSAGE_SELF, &after) == 0);
    CHILD_CHECK(after.ru_majflt > before.ru_majflt);
    return 0;
}

TEST("what is advised out comes back, by major faults")
{
    CHECK_EQ(swap_run(advised_out), EXITED(0));
}

static int locked_stays(void)
{
    const uint64_t locked = SWAP_MIB, pages = 10 * SWAP_MIB;
    uint64_t *kept = swap_map(locked, MAP_PRIVATE), *memory;
    struct rusage before, after;

    CHILD_CHECK(mlock(kept, locked * FORK_PAGE) == 0);
    swap_write(kept, 0, locked, 1);
    memory = swap_map(pages, MAP_PRIVATE);
    swap_write(memory, 0, pages, 2);
    CHILD_CHECK(getrusage(RUSAGE_SELF, &before) == 0);
    CHILD_CHECK(swap_wrong(kept, 0, locked, 1) == 0);
    CHILD_CHECK(getrusage(RUSAGE_SELF, &after) == 0);
    CHILD_CHECK(after.ru_majflt - before.ru_majflt < 8); /* text, stack and data may be out */
    CHILD_CHECK(swap_wrong(memory, 0, pages, 2) == 0);
    return 0;
}

TEST("locked memory stays while all else leaves")
{
    CHECK_EQ(swap_run(locked_stays), EXITED(0));
}
