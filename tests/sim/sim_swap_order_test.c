/* How much a read from swap brings in. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_swap_kit.h"

TEST("who reads in order, upwards or downwards, asks for up to 32 pages at once")
{
    struct space *space;

    kit_begin_swap(512, 600);
    space = kit_space(1);
    kit_map(space, AT, 384, MAP_PRIVATE);
    for (uint64_t i = 0; i < 384; i++)
        kit_write_page(space, AT + i * PAGE, 0);
    kit_put_all_out();
    for (uint64_t i = 0; i < 192; i++)
        kit_read_page(space, AT + i * PAGE, 0);
    CHECK(kit_submitted[0] <= 192 / 16);
    for (uint64_t i = 383; i >= 224; i--)
        kit_read_page(space, AT + i * PAGE, 0);
    CHECK(kit_submitted[0] <= (192 + 160) / 16);
    kit_end();
}

TEST("who reads here and there asks for no more than he touches")
{
    struct space *space;

    kit_begin_swap(512, 600);
    space = kit_space(1);
    kit_map(space, AT, 128, MAP_PRIVATE);
    for (uint64_t i = 0; i < 128; i++)
        kit_write_page(space, AT + i * PAGE, 0);
    kit_put_all_out();
    for (uint64_t i = 0; i < 64; i++)
        kit_read_page(space, AT + i * 37 % 64 * 2 * PAGE, 0);
    CHECK_EQ(space->resident, 64);
    CHECK_EQ(kit_submitted[0], 64);
    kit_end();
}

TEST("a fault that waited maps what was read with its page, as not accessed")
{
    const struct vm_port *port = &kit_vm()->port;
    struct space *space;
    uint64_t written;

    kit_begin_swap(128, 600);
    space = kit_space(1);
    kit_map(space, AT, 8, MAP_PRIVATE);
    for (uint64_t i = 0; i < 8; i++)
        kit_write_page(space, AT + i * PAGE, 0);
    kit_put_all_out();
    for (uint64_t i = 0; i < 4; i++) {
        if (i == 2)
            continue; /* came with page 1 */
        CHECK_EQ(slow_fault(&slow, &slow.thread[0], space, AT + i * PAGE, FL_ACCESS_READ),
                 SLOW_WAITS);
        kit_settle();
        CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
    }
    CHECK_EQ(space->major_faults, 3);
    for (uint64_t i = 0; i < 7; i++) {
        CHECK(fake_peek(&slow.fake, space, AT + i * PAGE, FL_ACCESS_READ));
        CHECK_EQ(port->harvest(port->context, space->id, AT + i * PAGE, 1, &written),
                 i != 2 && i < 4);
        CHECK_EQ(written, 0);
    }
    for (uint64_t i = 0; i < 8; i++)
        kit_read_page(space, AT + i * PAGE, 0);
    kit_end();
}
