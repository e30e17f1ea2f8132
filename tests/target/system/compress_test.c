/* Programs that are larger than memory, on a machine without a disk: half of memory may hold compressed pages.  What
 * they write packs three to one. */
#define SWAP_ENOUGH_MIB 5
#define SWAP_FORKED_MIB 4
#include "swap_kit.h"

#include <faultline/setting.h>
#include <sys/resource.h>

FORK_LAW("kernel: capabilities", FAULTLINE_KERNEL, FL_COUNTER_CAPABILITIES)
FORK_LAW("pager: free frames", FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES)
FORK_LAW("pager: objects", FAULTLINE_PAGER, PAGER_STAT_OBJECTS)

static void __attribute__((constructor)) choose_pattern(void)
{
    swap_packs = true;
}

static int large_private(void)
{
    struct rusage usage;

    swap_go_over(8 * SWAP_MIB, 8);
    CHILD_CHECK(getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_majflt == 0);
    return 0;
}

TEST("a program that is larger than memory finds every byte that it wrote, without a disk")
{
    CHECK_EQ(swap_run(large_private), EXITED(0));
}

TEST("parent and child of memory that is compressed both write, and see their own")
{
    CHECK_EQ(swap_run(swap_fork_of_what_is_out), EXITED(0));
}

static int too_large(void)
{
    const uint64_t pages = 10 * SWAP_MIB;
    uint64_t *memory = swap_map(pages, MAP_PRIVATE);

    swap_packs = false;
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
