/* How a suspended program's pages leave: in steps, so that others have their turn between. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_load_kit.h"

TEST("a suspended program's pages are packed a few at a time, and others have their turn between")
{
    enum { pages = 600 };
    struct space *space;
    uint64_t put = 0;

    kit_begin(2 * pages);
    CHECK_EQ(tier_set(kit_vm(), 50), 0);
    load_set(kit_vm(), true);
    space = begin_program(1, pages);
    space->load.suspended = true;
    kit_vm()->load.suspended = 1;
    for (bool more = true; more; put = kit_vm()->tier.counts.put) {
        more = load_step(kit_vm());
        CHECK(kit_vm()->tier.counts.put - put <= TIER_STEP);
        CHECK(!more || kit_vm()->tier.counts.put > put || space->resident == 0);
    }
    CHECK_EQ(space->resident, 0);
    CHECK_EQ(space->swapped, pages);
    kit_end();
}

TEST("a suspended program's pages that need not be written leave in steps, too")
{
    enum { pages = 1000 };
    struct space *space;
    uint64_t resident;

    kit_begin_swap(2 * pages, 2 * pages);
    load_set(kit_vm(), true);
    space = kit_space(1);
    kit_map(space, AT, pages, MAP_PRIVATE);
    for (uint64_t i = 0; i < pages; i++) /* it wrote zeros */
        kit_write(space, AT + i * PAGE, 0);
    space->load.suspended = true;
    kit_vm()->load.suspended = 1;
    resident = space->resident;
    CHECK(load_step(kit_vm()));
    CHECK(resident - space->resident <= PAGING_WRITES * SWAP_CLUSTER);
    kit_serve();
    CHECK_EQ(space->resident, 0);
    kit_end();
}
