/* Which pages leave: those that could not when it was their turn. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_swap_kit.h"

static void put_one_out(void)
{
    kit_forget_given();
    kit_put_one_out();
    kit_sound();
}

/* ---- those aside ---- */

TEST("pages that were wired may leave again after as many pages left as memory has")
{
    struct space *space, *other;

    kit_begin_swap(128, 600);
    space = kit_space(1);
    other = kit_space(2);
    kit_map(space, AT, 20, MAP_PRIVATE);
    for (uint64_t i = 0; i < 20; i++)
        kit_write_page(space, AT + i * PAGE, 0);
    CHECK_EQ(vm_wire(kit_vm(), space, AT, 20 * PAGE, 0), 0);
    kit_put_all_out();
    CHECK_EQ(space->resident, 20);
    vm_unwire_all(kit_vm(), space);
    kit_map(other, AT, 400, MAP_PRIVATE);
    for (uint64_t i = 0; i < 400; i++)
        kit_write_page(other, AT + i * PAGE, 0);
    CHECK_EQ(space->resident, 0);
    for (uint64_t i = 0; i < 20; i++)
        kit_read_page(space, AT + i * PAGE, 0);
    kit_end();
}

TEST("pages that were set aside do not come back before as many left as memory has, while others "
     "can "
     "leave")
{
    const uint64_t locked = 20, old = 4 * SWAP_CLUSTER, all = 6 * SWAP_CLUSTER;
    struct space *space = kit_begin_written(512, 600, locked), *other = kit_space(2);

    CHECK(victims_set_policy(kit_vm(), "fifo"));
    CHECK_EQ(vm_wire(kit_vm(), space, AT, locked * PAGE, 0), 0);
    kit_map(other, AT, all, MAP_PRIVATE);
    kit_write_pages(other, 0, old, 0);
    while (other->resident == old)
        put_one_out(); /* the oldest are found locked, each of them */
    vm_unwire_all(kit_vm(), space);
    for (uint64_t left = 2 * SWAP_CLUSTER; other->resident > old - left;)
        put_one_out();
    kit_write_pages(other, old, all, 0);
    while (other->resident > SWAP_CLUSTER) {
        put_one_out();
        CHECK_EQ(space->resident, locked);
    }
    CHECK(kit_vm()->victims.left < kit_vm()->table.count);
    kit_read_pages(space, 0, locked, 0);
    kit_end();
}

/* ---- too few requests ---- */

/* A program whose pages fill a disk, and then every other one of them is gone: no two slots side by side are free. */
static void begin_scattered(struct space *space, uint64_t slots)
{
    kit_map(space, AT, slots, MAP_PRIVATE);
    kit_write_pages(space, 0, slots, 0);
    kit_put_all_out();
    CHECK_EQ(kit_vm()->swap.used, slots);
    for (uint64_t i = 0; i < slots; i += 2)
        CHECK_EQ(vm_advise(kit_vm(), space, AT + i * PAGE, PAGE, MADV_DONTNEED), 0);
}

TEST("pages for which no request was left are the next to leave, before others that are younger")
{
    const uint64_t slots = 2 * SWAP_CLUSTER;
    struct space *space, *younger;

    kit_begin_swap(256, 1 + slots);
    CHECK(victims_set_policy(kit_vm(), "fifo"));
    begin_scattered(kit_space(1), slots);
    space = kit_space(2);
    kit_map(space, AT, SWAP_CLUSTER, MAP_PRIVATE);
    kit_write_pages(space, 0, SWAP_CLUSTER, 0);
    younger = kit_space(3);
    kit_map(younger, AT, SWAP_CLUSTER, MAP_PRIVATE);
    kit_write_pages(younger, 0, SWAP_CLUSTER, 0);
    for (uint64_t left = SWAP_CLUSTER; left > 0; left -= PAGING_WRITES) {
        CHECK_EQ(space->resident, left);
        put_one_out();
        CHECK_EQ(younger->resident, SWAP_CLUSTER);
    }
    CHECK_EQ(space->resident, 0);
    kit_read_pages(space, 0, SWAP_CLUSTER, 0);
    kit_end();
}
