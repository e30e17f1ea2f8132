/* Programs that are larger than memory and two small areas of swap together. */
#include "swap_kit.h"

static int too_large(void)
{
    const uint64_t pages = 64 * SWAP_MIB;
    uint64_t *memory = mmap(NULL, pages * FORK_PAGE, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    CHILD_CHECK(memory != MAP_FAILED);
    swap_write(memory, 0, pages, 1);
    return 0;
}

TEST("a program for which memory and swap are too small is ended, and all of it is free again")
{
    for (int i = 0; i < 3; i++)
        CHECK_EQ(swap_run(too_large), SIGKILL);
}

static int fits(void)
{
    const uint64_t pages = 14 * SWAP_MIB;
    uint64_t *memory = swap_map(pages, MAP_PRIVATE);

    for (uint64_t generation = 1; generation < 4; generation++) {
        swap_write(memory, 0, pages, generation);
        CHILD_CHECK(swap_wrong(memory, 0, pages, generation) == 0);
    }
    return 0;
}

TEST("both areas are used by a program that needs both")
{
    CHECK_EQ(swap_run(fits), EXITED(0));
}

/* The largest one is ended, and it is not the smaller that asked last. */
static int large_beside_small(void)
{
    const uint64_t pages = 2 * SWAP_MIB;
    uint64_t *memory = swap_map(pages, MAP_PRIVATE);
    pid_t pid;

    swap_write(memory, 0, pages, 1);
    pid = fork();
    if (pid == 0)
        _exit(too_large());
    CHILD_CHECK(pid > 0);
    for (int i = 0; i < 8; i++)
        CHILD_CHECK(swap_wrong(memory, 0, pages, 1) == 0);
    CHILD_CHECK(fork_wait(pid) == SIGKILL);
    CHILD_CHECK(swap_wrong(memory, 0, pages, 1) == 0);
    return 0;
}

TEST("when one program is ended for want of memory another one keeps what it wrote")
{
    CHECK_EQ(swap_run(large_beside_small), EXITED(0));
}
