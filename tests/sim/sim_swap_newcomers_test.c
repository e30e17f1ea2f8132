/* Newcomers: who leaves of memory that was filled while nothing had to. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_swap_kit.h"

#define PAGES 8u

/* A step, of pages that nobody was given lately. */
static void put_out(void)
{
    kit_forget_given();
    kit_put_one_out();
    kit_sound();
}

/* Pages of a range that are in memory and whose first access was not looked for. */
static uint32_t count_new(const struct space *space, uint64_t first, uint64_t end)
{
    uint32_t count = 0;

    for (uint64_t i = first; i < end; i++) {
        uint32_t page = kit_page_at(space, i);

        count += page != PAGE_NONE && (kit_vm()->table.pages[page].flags & PAGE_NEW);
    }
    return count;
}

TEST("what is in use of memory that was filled while nothing had to leave stays when pages must")
{
    static const char *const policies[] = {"clock", "clockpro"};
    const uint64_t filled = 4 * VICTIMS_ADMIT, used = 3 * SWAP_CLUSTER;

    for (uint32_t i = 0; i < 2; i++) {
        struct space *space = kit_begin_written(512, 600, filled);

        CHECK(victims_set_policy(kit_vm(), policies[i]));
        while (space->resident > filled / 2) {
            kit_read_pages(space, used, used + PAGES, 0);
            put_out();
            for (uint64_t page = used; page < used + PAGES; page++)
                CHECK(fake_peek(&slow.fake, space, AT + page * PAGE, FL_ACCESS_READ));
        }
        kit_read_pages(space, 0, filled, 0);
        kit_end();
    }
}

TEST("newcomers are looked at while more of them wait than a step takes, else they leave as they "
     "came")
{
    struct space *space = kit_begin_written(256, 600, VICTIMS_ADMIT + 1);

    CHECK(victims_set_policy(kit_vm(), "fifo"));
    put_out();
    CHECK_EQ(count_new(space, SWAP_CLUSTER, VICTIMS_ADMIT), 0);
    kit_end();
    space = kit_begin_written(256, 600, VICTIMS_ADMIT);
    CHECK(victims_set_policy(kit_vm(), "fifo"));
    put_out();
    CHECK_EQ(count_new(space, SWAP_CLUSTER, VICTIMS_ADMIT), VICTIMS_ADMIT - SWAP_CLUSTER);
    kit_end();
}

TEST("of newcomers that lie apart a step looks at a few")
{
    const uint64_t half = (uint64_t)VICTIMS_LOOKS * SWAP_CLUSTER,
                   beside = VICTIMS_ADMIT / 2 / VICTIMS_LOOKS;
    struct space *space;

    kit_begin_swap(256, 600);
    CHECK(victims_set_policy(kit_vm(), "fifo"));
    space = kit_space(1);
    kit_map(space, AT, 2 * half + SWAP_CLUSTER, MAP_PRIVATE);
    for (uint64_t at = 0; at <= 2 * half; at += SWAP_CLUSTER)
        kit_write_pages(space, at, at + beside, 0);
    put_out();
    CHECK_EQ(count_new(space, 0, half), 0);
    CHECK_EQ(count_new(space, half, 2 * half), VICTIMS_ADMIT / 2);
    kit_end();
}
