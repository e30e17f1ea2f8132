/* Programs that are larger than memory, on a machine without a disk: half of memory may hold compressed pages.  What
 * they write packs three to one. */
#include "swap_kit.h"

#include <faultline/setting.h>
#include <sys/resource.h>

FORK_LAW("kernel: capabilities", FAULTLINE_KERNEL, FL_COUNTER_CAPABILITIES)
FORK_LAW("pager: free frames", FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES)
FORK_LAW("pager: objects", FAULTLINE_PAGER, PAGER_STAT_OBJECTS)

/* Four words of five are those of the page. */
static uint64_t packing_pattern(uint64_t page, uint64_t word, uint64_t generation)
{
    return swap_pattern(page, word % 5 == 0 ? word : 0, generation);
}

static void packing_write(uint64_t *memory, uint64_t first, uint64_t end, uint64_t generation)
{
    for (uint64_t page = first; page < end; page++)
        for (uint64_t word = 0; word < SWAP_WORDS; word++)
            memory[page * SWAP_WORDS + word] = packing_pattern(page, word, generation);
}

/* Pages of the range that are not, to the last byte, as they were written. */
static uint64_t packing_wrong(const uint64_t *memory, uint64_t first, uint64_t end,
                              uint64_t generation)
{
    uint64_t wrong = 0;

    for (uint64_t page = first; page < end; page++)
        for (uint64_t word = 0; word < SWAP_WORDS; word++)
            if (memory[page * SWAP_WORDS + word] != packing_pattern(page, word, generation)) {
                wrong++;
                break;
            }
    return wrong;
}

static int large_private(void)
{
    const uint64_t pages = 16 * SWAP_MIB;
    uint64_t *memory = swap_map(pages, MAP_PRIVATE), seed = 1;
    struct rusage usage;

    packing_write(memory, 0, pages, 1);
    CHILD_CHECK(packing_wrong(memory, 0, pages, 1) == 0);
    for (uint32_t i = 0; i < pages / 8; i++) {
        uint64_t page = (seed = seed * 6364136223846793005u + 1442695040888963407u) >> 33;

        CHILD_CHECK(packing_wrong(memory, page % pages, page % pages + 1, 1) == 0);
    }
    packing_write(memory, 0, pages, 2);
    CHILD_CHECK(packing_wrong(memory, 0, pages, 2) == 0);
    CHILD_CHECK(getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_majflt == 0);
    return 0;
}

TEST("a program that is larger than memory finds every byte that it wrote, without a disk")
{
    CHECK_EQ(swap_run(large_private), EXITED(0));
}

static int fork_of_what_is_out(void)
{
    const uint64_t pages = 8 * SWAP_MIB;
    uint64_t *memory = swap_map(pages, MAP_PRIVATE);
    pid_t pid;

    packing_write(memory, 0, pages, 1);
    CHILD_CHECK(madvise(memory, pages * FORK_PAGE, MADV_PAGEOUT) == 0);
    pid = fork();
    if (pid == 0) {
        packing_write(memory, 0, pages / 4, 2);
        CHILD_CHECK(packing_wrong(memory, 0, pages / 4, 2) == 0);
        CHILD_CHECK(packing_wrong(memory, pages / 4, pages, 1) == 0);
        _exit(0);
    }
    CHILD_CHECK(pid > 0);
    packing_write(memory, pages / 8, pages / 2, 3);
    CHILD_CHECK(packing_wrong(memory, 0, pages / 8, 1) == 0);
    CHILD_CHECK(packing_wrong(memory, pages / 8, pages / 2, 3) == 0);
    CHILD_CHECK(packing_wrong(memory, pages / 2, pages, 1) == 0);
    CHILD_CHECK(fork_wait(pid) == EXITED(0));
    CHILD_CHECK(packing_wrong(memory, pages / 8, pages / 2, 3) == 0);
    return 0;
}

TEST("parent and child of memory that is compressed both write, and see their own")
{
    CHECK_EQ(swap_run(fork_of_what_is_out), EXITED(0));
}

static int too_large(void)
{
    const uint64_t pages = 20 * SWAP_MIB;
    uint64_t *memory = swap_map(pages, MAP_PRIVATE);

    swap_write(memory, 0, pages, 1);
    return 0;
}

TEST("a program that does not fit, since it does not pack, is ended, and all of it is free again")
{
    CHECK_EQ(swap_run(too_large), SIGKILL);
}

TEST("the share is told, and a share of nearly all memory is refused")
{
    char value[16];

    CHECK_EQ(faultline_setting_read("compress", value, sizeof value), 0);
    CHECK_STRING(value, "50");
    CHECK(faultline_setting_write("compress", "76") == -1 && errno == EINVAL);
    CHECK_EQ(faultline_setting_write("compress", "40"), 0);
    CHECK_EQ(faultline_setting_write("compress", "50"), 0);
}
