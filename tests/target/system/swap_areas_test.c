/* swapon and swapoff while programs run: /dev/vda has 32 MiB, /dev/vdb 8 MiB, the pager 5 MiB. */
#define SWAP_ENOUGH_MIB 5
#include "swap_kit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/swap.h>

#define LARGE "/dev/vda"
#define SMALL "/dev/vdb"

/* One column of the area's line in /proc/swaps: 2 size, 3 used (KiB), 4 priority; -1000: there is none. */
static long areas_figure(const char *disk, int column)
{
    FILE *file = fopen("/proc/swaps", "r");
    long figure[3] = {-1000, -1000, -1000};
    char line[128], name[64];

    CHECK(file);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "%63s", name) == 1 && strcmp(name, disk) == 0)
            CHECK_EQ(sscanf(line, "%*s %*s %ld %ld %ld", &figure[0], &figure[1], &figure[2]), 3);
    fclose(file);
    return figure[column - 2];
}

static bool areas_refuse(int result, int error)
{
    return result == -1 && errno == error;
}

TEST("both disks are used from the start, as large as they are, without a priority")
{
    CHECK_EQ(areas_figure(LARGE, 2), 32 * 1024 - 4);
    CHECK_EQ(areas_figure(SMALL, 2), 8 * 1024 - 4);
    CHECK_EQ(areas_figure(LARGE, 4), -2);
    CHECK_EQ(areas_figure(SMALL, 4), -2);
    CHECK(areas_refuse(swapon(LARGE, 0), EBUSY));
    CHECK(areas_refuse(swapon("/dev/vdc", 0), ENOENT));
    CHECK(areas_refuse(swapoff("/dev/vdc"), ENOENT));
    CHECK(areas_refuse(swapon("swap_areas_test", 0), EINVAL));
    CHECK(areas_refuse(swapon(LARGE, SWAP_FLAG_DISCARD_PAGES << 1), EINVAL));
    CHECK(areas_refuse(swapon((const char *)8, 0), EFAULT));
}

static int moves_over(void)
{
    const uint64_t pages = 12 * SWAP_MIB;
    uint64_t *memory = swap_map(pages, MAP_PRIVATE);

    swap_write(memory, 0, pages, 1);
    CHILD_CHECK(areas_figure(SMALL, 3) > 2048);
    CHILD_CHECK(swapoff(SMALL) == 0);
    CHILD_CHECK(areas_figure(SMALL, 3) == -1000);
    CHILD_CHECK(areas_refuse(swapoff(SMALL), EINVAL));
    CHILD_CHECK(swap_wrong(memory, 0, pages, 1) == 0);
    CHILD_CHECK(swapon(SMALL, 0) == 0);
    CHILD_CHECK(areas_figure(SMALL, 2) == 8 * 1024 - 4);
    swap_write(memory, 0, pages, 2);
    CHILD_CHECK(swap_wrong(memory, 0, pages, 2) == 0);
    return 0;
}

TEST("swapoff with everything in use moves it to the other disk, to the last byte")
{
    CHECK_EQ(swap_run(moves_over), EXITED(0));
}

static int fits_nowhere(void)
{
    const uint64_t pages = 17 * SWAP_MIB;
    uint64_t *memory = swap_map(pages, MAP_PRIVATE);

    swap_write(memory, 0, pages, 1);
    CHILD_CHECK(areas_refuse(swapoff(LARGE), ENOMEM));
    CHILD_CHECK(areas_figure(LARGE, 2) == 32 * 1024 - 4);
    CHILD_CHECK(swap_wrong(memory, 0, pages, 1) == 0);
    swap_write(memory, 0, pages, 2);
    CHILD_CHECK(swap_wrong(memory, 0, pages, 2) == 0);
    return 0;
}

TEST("swapoff of what fits nowhere is refused, and the disk is used as before")
{
    CHECK_EQ(swap_run(fits_nowhere), EXITED(0));
}

static int by_priority(void)
{
    const uint64_t pages = 3 * SWAP_MIB;
    uint64_t *memory = swap_map(pages, MAP_PRIVATE), *more;

    CHILD_CHECK(swapoff(LARGE) == 0 && swapoff(SMALL) == 0);
    CHILD_CHECK(swapon(LARGE, SWAP_FLAG_PREFER | 3) == 0);
    CHILD_CHECK(swapon(SMALL, SWAP_FLAG_PREFER | 5) == 0);
    CHILD_CHECK(areas_figure(LARGE, 4) == 3 && areas_figure(SMALL, 4) == 5);
    swap_write(memory, 0, pages, 1);
    CHILD_CHECK(madvise(memory, pages * FORK_PAGE, MADV_PAGEOUT) == 0);
    swap_settle();
    CHILD_CHECK(areas_figure(LARGE, 3) == 0);
    CHILD_CHECK(areas_figure(SMALL, 3) > 0);
    more = swap_map(4 * pages, MAP_PRIVATE);
    swap_write(more, 0, 4 * pages, 2);
    CHILD_CHECK(areas_figure(LARGE, 3) > 0);
    CHILD_CHECK(swap_wrong(memory, 0, pages, 1) == 0);
    CHILD_CHECK(swap_wrong(more, 0, 4 * pages, 2) == 0);
    return 0;
}

TEST("the disk of the higher priority is filled first")
{
    CHECK_EQ(swap_run(by_priority), EXITED(0));
}

static int beside_work(void)
{
    const uint64_t pages = 9 * SWAP_MIB;
    pid_t pid = fork();

    if (pid == 0) {
        uint64_t *memory = swap_map(pages, MAP_PRIVATE);

        for (uint64_t round = 0; round < 4; round++) {
            swap_write(memory, 0, pages, round);
            CHILD_CHECK(swap_wrong(memory, 0, pages, round) == 0);
        }
        _exit(0);
    }
    for (int i = 0; i < 8; i++) {
        CHILD_CHECK(swapoff(SMALL) == 0);
        CHILD_CHECK(swapon(SMALL, 0) == 0);
    }
    CHILD_CHECK(fork_wait(pid) == EXITED(0));
    return 0;
}

TEST("swapoff and swapon, again and again, beside a program larger than memory")
{
    CHECK_EQ(swap_run(beside_work), EXITED(0));
}

static int all_off(void)
{
    const uint64_t pages = 2 * SWAP_MIB;
    uint64_t *memory = swap_map(pages, MAP_PRIVATE);

    swap_write(memory, 0, pages, 1);
    CHILD_CHECK(madvise(memory, pages * FORK_PAGE, MADV_PAGEOUT) == 0);
    CHILD_CHECK(swapoff(LARGE) == 0 && swapoff(SMALL) == 0);
    CHILD_CHECK(fork_counter(FAULTLINE_PAGER, PAGER_STAT_SWAP_USED) == 0);
    CHILD_CHECK(swap_wrong(memory, 0, pages, 1) == 0);
    CHILD_CHECK(swapon(LARGE, 0) == 0 && swapon(SMALL, 0) == 0);
    return 0;
}

TEST("without a disk all is in memory, and disks can be used again")
{
    CHECK_EQ(swap_run(all_off), EXITED(0));
}
