/* Swap when something is wrong: disks that fail and lie, too little swap, swapoff. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_swap_kit.h"

#include "setting.h"

/* A program whose pages, so many, are all out. */
static struct space *begin_out(uint64_t pages)
{
    struct space *space = kit_begin_written(128, 600, pages);

    kit_put_all_out();
    CHECK_EQ(space->resident, 0);
    return space;
}

/* The same with a program that reads in order: the 8 pages at ROW come next, in one request. */
#define ROW      (AT + 7 * PAGE)
#define ROW_SLOT 8u /* of the first */

static struct space *begin_row(void)
{
    struct space *space = begin_out(15);

    for (uint64_t i = 0; i < 7; i++)
        kit_read_page(space, AT + i * PAGE, 0);
    CHECK_EQ(kit_submitted[0], 3);
    CHECK_EQ(space->resident, 7);
    return space;
}

/* ---- reads ---- */

TEST("a page that cannot be read is SIGBUS, its neighbours come, and later it is tried again")
{
    struct space *space = begin_row();

    kit_bad[0] = ROW_SLOT + 2;
    CHECK_EQ(kit_fault(0, space, ROW, FL_ACCESS_READ), SLOW_WAITS);
    CHECK_EQ(kit_fault(1, space, ROW + 2 * PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
    kit_settle();
    CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
    kit_check_bus_error(1, space);
    CHECK_EQ(space->swapped, 1);
    CHECK_EQ(kit_vm()->paging.counts.read_errors, 1);
    for (uint64_t i = 0; i < 8; i++)
        if (i != 2)
            kit_read_page(space, ROW + i * PAGE, 0);
    CHECK_EQ(kit_fault(1, space, ROW + 2 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
    kit_settle();
    kit_check_bus_error(1, space);
    kit_bad[0] = 0;
    kit_read_page(space, ROW + 2 * PAGE, 0);
    kit_end();
}

TEST("with few frames left a window is cut to them, and only pages that were out are read")
{
    for (uint32_t frames = 1; frames < 8; frames++) {
        struct space *space = begin_out(40);
        uint32_t reserved = kit_vm()->table.reserved, busy;
        uint64_t next = 0, in;

        while (next < 5) /* windows grow */
            kit_read_page(space, AT + next++ * PAGE, 0);
        kit_settle();
        next = 40 - space->swapped;
        in = kit_vm()->paging.counts.swapped_in;
        kit_vm()->table.reserved = kit_vm()->table.counts[PAGE_FREE] - frames;
        CHECK_EQ(kit_fault(0, space, AT + next * PAGE, FL_ACCESS_READ), SLOW_WAITS);
        busy = kit_vm()->table.counts[PAGE_BUSY];
        CHECK(busy >= 1 && busy <= frames);
        CHECK_EQ(space->swapped, 40 - next - busy);
        kit_settle();
        CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
        CHECK_EQ(kit_vm()->paging.counts.swapped_in - in, busy);
        kit_vm()->table.reserved = reserved;
        for (uint64_t i = 0; i < 40; i++)
            kit_read_page(space, AT + i * PAGE, 0);
        kit_end();
    }
}

/* The next request that is queued ends. */
static void end_one(void)
{
    struct sim_disk_done done;

    CHECK(sim_disk_next(kit_disk[0], DELAY, &done));
    vm_io_done(kit_vm(), (uint32_t)done.tag, done.ok);
    kit_serve();
}

TEST("a page that came alone may be written while others of its request are still read")
{
    struct space *space = begin_row();
    uint64_t seed = 1;

    kit_bad[0] = ROW_SLOT + 6;
    CHECK_EQ(kit_fault(0, space, ROW, FL_ACCESS_WRITE), SLOW_WAITS);
    end_one();
    CHECK_EQ(slow.thread[0].state, SLOW_WAITS);
    end_one();
    CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
    kit_write_page(space, ROW, 1);
    fake_drop_tables(&slow.fake, space, 256, &seed);
    kit_settle();
    kit_put_all_out();
    kit_read_page(space, ROW, 1);
    kit_end();
}

TEST("a call that needs a page that cannot be read fails, and nobody else does")
{
    struct space *space = begin_out(2);

    kit_bad[0] = 1;
    CHECK_EQ(slow_write(&slow, &slow.thread[0], space, AT + 5, 1), SLOW_WAITS);
    CHECK_EQ(kit_fault(1, space, AT + PAGE, FL_ACCESS_READ), SLOW_WAITS);
    kit_settle();
    CHECK_EQ(slow.thread[0].state, SLOW_FAILED);
    CHECK_EQ(slow.thread[0].error, EFAULT);
    CHECK_EQ(slow.thread[1].state, SLOW_SERVED);
    kit_end();
}

TEST("what a write or a read tore, lost, corrupted or misplaced is SIGBUS, never a wrong byte")
{
    static const enum sim_disk_fault faults[] = {SIM_DISK_TORN, SIM_DISK_LOST, SIM_DISK_CORRUPT,
                                                 SIM_DISK_MISPLACED};

    for (uint32_t i = 0; i < 2 * sizeof(faults) / sizeof(*faults); i++) {
        struct space *space;

        kit_begin_swap(128, 600);
        space = kit_space(1);
        kit_map(space, AT, 1, MAP_PRIVATE);
        kit_write_page(space, AT, 0);
        memset(sim_disk_medium(kit_disk[0], 1), 0x5a, PAGE);
        if (i % 2)
            sim_disk_inject(kit_disk[0], faults[i / 2]);
        kit_put_all_out();
        if (i % 2 == 0)
            sim_disk_inject(kit_disk[0], faults[i / 2]);
        CHECK_EQ(kit_fault(0, space, AT, FL_ACCESS_READ), SLOW_WAITS);
        kit_settle();
        kit_check_bus_error(0, space);
        CHECK_EQ(space->swapped, 1);
        if (i % 2 == 0)
            kit_read_page(space, AT, 0); /* the medium is right */
        kit_end();
    }
}

TEST("when the disk is gone, who needs a page of it gets SIGBUS, and pages stay in memory")
{
    struct space *space = begin_out(4);

    kit_gone[0] = true;
    CHECK_EQ(kit_fault(0, space, AT, FL_ACCESS_READ), SLOW_STOPPED);
    kit_check_bus_error(0, space);
    CHECK_EQ(vm_unmap(kit_vm(), space, AT, 4 * PAGE), 0);
    kit_map(space, AT, 4, MAP_PRIVATE);
    kit_write_pages(space, 0, 4, 1);
    kit_put_all_out();
    CHECK_EQ(space->resident, 4);
    CHECK_EQ(kit_vm()->swap.used, 0);
    kit_read_pages(space, 0, 4, 1);
    kit_end();
}

/* ---- writes ---- */

TEST("a slot that cannot be written is retired alone, and its page goes to another")
{
    struct space *space;

    kit_begin_swap(128, 600);
    kit_bad[0] = 5;
    space = kit_space(1);
    kit_map(space, AT, 16, MAP_PRIVATE);
    kit_write_pages(space, 0, 16, 0);
    kit_put_all_out();
    CHECK_EQ(space->resident, 0);
    CHECK_EQ(space->swapped, 16);
    CHECK_EQ(kit_vm()->paging.counts.write_errors, 1);
    CHECK_EQ(swap_total(&kit_vm()->swap), 598);
    kit_read_pages(space, 0, 16, 0);
    kit_end();
}

/* ---- shortage ---- */

TEST("a page that nobody wants any more when it cannot be written is free, and its slot is not "
     "used again")
{
    struct space *space;
    uint32_t frames;

    kit_begin_swap(128, 600);
    frames = kit_vm()->table.counts[PAGE_FREE];
    space = kit_space(1);
    kit_map(space, AT, 8, MAP_PRIVATE);
    for (uint64_t i = 0; i < 8; i++)
        kit_write_page(space, AT + i * PAGE, 0);
    kit_bad[0] = kit_vm()->swap.area[0].next + 2;
    CHECK_EQ(vm_advise(kit_vm(), space, AT, 8 * PAGE, MADV_PAGEOUT), 0);
    CHECK_EQ(kit_vm()->table.counts[PAGE_WRITING], 8);
    fake_destroy_space(&slow.fake, space);
    CHECK_EQ(kit_vm()->table.counts[PAGE_STRAY], 8);
    kit_settle();
    CHECK_EQ(kit_vm()->paging.counts.write_errors, 1);
    CHECK_EQ(kit_vm()->table.counts[PAGE_FREE], frames);
    CHECK_EQ(kit_vm()->swap.area[0].bad, 2); /* and the header */
    kit_end();
}

TEST("in torture no frame is free when pages are put out, written, or written again one by one")
{
    enum { pages = 24 };
    uint32_t salt[pages], frames;
    struct space *space;

    kit_begin_swap(128, 600);
    CHECK_EQ(setting_write(kit_vm(), "torture", "on"), 0);
    frames = kit_vm()->table.counts[PAGE_FREE];
    space = kit_space(1);
    kit_map(space, AT, pages, MAP_PRIVATE);
    for (uint32_t round = 0; round < 4; round++) {
        kit_bad[0] = kit_vm()->swap.area[0].next + 3;
        for (uint64_t i = round % 2; i < pages;
             i += 1 + round % 2) /* the others leave as they came */
            kit_write_page(space, AT + i * PAGE, salt[i] = round);
        kit_put_all_out();
        CHECK_EQ(space->resident, 0);
        kit_bad[0] = 0;
        for (uint64_t i = 0; i < pages; i++)
            kit_read_page(space, AT + i * PAGE, salt[i]);
    }
    CHECK(kit_vm()->paging.counts.write_errors > 0);
    CHECK(kit_vm()->paging.counts.at_zero > 4);
    CHECK_EQ(kit_vm()->paging.counts.at_zero, kit_vm()->paging.counts.swap_writes);
    fake_destroy_space(&slow.fake, space);
    CHECK_EQ(kit_vm()->table.counts[PAGE_FREE], frames);
    kit_end();
}

TEST("faults that find no frame wait in the order of arrival until pages are out")
{
    struct space *space[3], *large;

    kit_begin_swap(128, 600);
    large = kit_space(9);
    kit_map(large, AT, 60, MAP_PRIVATE);
    kit_write_pages(large, 0, 60, 0);
    for (uint32_t i = 0; i < 3; i++) {
        space[i] = kit_space(i + 1);
        kit_map(space[i], AT, 1, MAP_PRIVATE);
        kit_write(space[i], AT, 1); /* its tables and index */
        CHECK_EQ(vm_advise(kit_vm(), space[i], AT, PAGE, MADV_DONTNEED), 0);
    }
    fake_limit(&slow.fake, kit_vm()->table.reserved);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_EQ(kit_fault(i, space[i], AT, FL_ACCESS_WRITE), SLOW_WAITS);
    kit_settle();
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(slow.thread[i].state, SLOW_SERVED);
        CHECK(i == 0 || slow.thread[i].order > slow.thread[i - 1].order);
    }
    kit_read_pages(large, 0, 60, 0);
    kit_end();
}

TEST("when swap is full too, the largest program is ended, and others go on")
{
    struct space *middle, *large, *small;

    kit_begin(128);
    kit_make_disk(0, 41, false, NULL, 1);
    kit_swap_on(0, 41, 0);
    middle = kit_space(1);
    large = kit_space(2);
    small = kit_space(3);
    kit_map(middle, AT, 30, MAP_PRIVATE);
    kit_map(large, AT, 110, MAP_PRIVATE);
    kit_map(small, AT, 25, MAP_PRIVATE);
    kit_write_pages(middle, 0, 30, 0);
    kit_write_pages(large, 0, 110, 0);
    for (uint64_t i = 0; !large->stopped && i < 25; i++) {
        if (kit_fault(0, small, AT + i * PAGE, FL_ACCESS_WRITE) == SLOW_WAITS)
            kit_settle();
        if (slow.thread[0].state == SLOW_SERVED)
            kit_write(small, AT + i * PAGE, 7);
    }
    CHECK(large->stopped);
    CHECK_EQ(large->event.kind, PAGER_EVENT_NO_MEMORY);
    CHECK_EQ(large->event.signal, 9);
    CHECK_EQ(large->event.access, 0); /* none of its own */
    CHECK_EQ(large->event.address, 110);
    CHECK_EQ(kit_vm()->reclaim.ended, 1);
    CHECK(!middle->stopped && !small->stopped);
    slow_destroy(&slow, large);
    kit_settle();
    kit_serve();
    CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
    kit_read_pages(middle, 0, 30, 0);
    kit_end();
}

TEST("a fault that needs more frames at once than can be had ends a program, and not in a circle")
{
    struct space *space, *child;

    kit_begin_swap(128, 600);
    space = kit_space(1);
    child = kit_space(2);
    kit_map(space, AT, 1, MAP_PRIVATE);
    kit_write(space, AT, 1);
    kit_put_all_out();
    CHECK_EQ(vm_fork(kit_vm(), space, child), 0);
    fake_limit(&slow.fake, kit_vm()->table.reserved + 1);
    CHECK_EQ(kit_fault(0, child, AT, FL_ACCESS_WRITE),
             SLOW_WAITS); /* a frame for each of two pages */
    for (uint32_t turn = 0; kit_vm()->reclaim.ended == 0; turn++) {
        CHECK(turn < 1000);
        kit_poll(DELAY);
    }
    CHECK(space->stopped != child->stopped);
    kit_end();
}

TEST("who waits while others take each frame that comes is not kept waiting for ever: a program "
     "ends")
{
    enum { pages = 150 };
    struct space *space, *first;
    uint64_t at = 0, left = 0, begun;

    kit_begin(128);
    CHECK_EQ(tier_set(kit_vm(), 40), 0);
    space = kit_space(1);
    first = kit_space(2);
    kit_map(space, AT, pages, MAP_PRIVATE);
    kit_map(first, AT, 1, MAP_PRIVATE);
    kit_write_pages(space, 0, pages, 0);
    fake_limit(&slow.fake, kit_vm()->table.reserved);
    CHECK_EQ(slow_fault(&slow, &slow.thread[0], first, AT, FL_ACCESS_WRITE), SLOW_WAITS);
    begun = kit_vm()->tier.counts.put;
    for (uint32_t turn = 0; kit_vm()->reclaim.ended == 0; turn++) {
        CHECK(turn < 10000);
        left = kit_vm()->tier.counts.put - begun;
        (void)vm_reclaim_step(kit_vm());
        for (uint8_t byte; reclaim_has_frame(kit_vm()); at++) /* before it is started again */
            (void)fake_touch(&slow.fake, space, AT + at % pages * PAGE, FL_ACCESS_READ, &byte);
    }
    CHECK(left >
          2 * kit_vm()->table.count - TIER_STEP); /* all of memory twice, but for the last step */
    CHECK(left <= 2 * kit_vm()->table.count);
    CHECK(space->stopped && !first->stopped);
    fake_destroy_space(&slow.fake, space);
    kit_serve();
    CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
    kit_end();
}

TEST("where nothing can leave the clock rests until somebody takes more frames or waits")
{
    struct space *space;
    uint64_t i = 0;

    kit_begin_swap(128, 600);
    space = kit_space(1);
    kit_map(space, AT, 120, MAP_PRIVATE);
    CHECK_EQ(vm_wire(kit_vm(), space, AT, 120 * PAGE, MLOCK_ONFAULT), 0);
    for (; kit_vm()->table.counts[PAGE_FREE] >= kit_vm()->reclaim.target; i++)
        kit_write_page(space, AT + i * PAGE, 0);
    CHECK(kit_vm()->reclaim.resting > 0);
    kit_vm()->reclaim.scanned = 0;
    for (uint32_t n = 0; n < RECLAIM_REST - 1; n++)
        kit_write_page(space, AT + (i + n) * PAGE, 0);
    CHECK_EQ(kit_vm()->reclaim.scanned, 0);
    kit_write_page(space, AT + (i + RECLAIM_REST) * PAGE, 0);
    CHECK(kit_vm()->reclaim.scanned > 0);
    kit_end();
}

TEST("an end of a request that was never made is passed over")
{
    begin_out(4);
    for (uint32_t tag = 0; tag < 2 * PAGING_REQUESTS; tag++)
        vm_io_done(kit_vm(), tag, true);
    vm_io_done(kit_vm(), UINT32_MAX, false);
    kit_end();
}

TEST("slots of copies are given back when others need them")
{
    struct space *space;

    kit_begin(128);
    kit_make_disk(0, 33, false, NULL, 1);
    kit_swap_on(0, 33, 0);
    space = kit_space(1);
    kit_map(space, AT, 60, MAP_PRIVATE);
    kit_write_pages(space, 0, 32, 0);
    kit_put_all_out();
    kit_read_pages(space, 0, 32, 0);
    CHECK_EQ(swap_room(&kit_vm()->swap), 0);
    kit_write_pages(space, 32, 60, 0);
    CHECK_EQ(vm_protect(kit_vm(), space, AT, 32 * PAGE, PROT_READ), 0); /* wiring writes none */
    CHECK_EQ(vm_wire(kit_vm(), space, AT, 32 * PAGE, 0), 0);
    CHECK_EQ(kit_vm()->paging.copies, 32);
    kit_put_all_out();
    CHECK_EQ(space->resident, 32);
    CHECK(kit_vm()->paging.looked > 0);
    CHECK_EQ(space->swapped, 28);
    kit_read_pages(space, 0, 60, 0);
    kit_end();
}

/* ---- swapoff ---- */

/* Steps until it has ended.  Returns what it says. */
static int swap_off(uint32_t area)
{
    int error = vm_swap_off(kit_vm(), area);

    if (error)
        return error;
    kit_sound();
    for (uint32_t turn = 0; turn < 1000; turn++) {
        error = vm_swap_off_step(kit_vm());
        kit_serve();
        if (error != EINPROGRESS)
            return error;
        kit_poll(DELAY);
    }
    return EINPROGRESS;
}

TEST("swapoff reads in all that is out, and gives every frame of the area back")
{
    struct space *space = begin_out(60), *child = kit_space(2);

    CHECK_EQ(vm_fork(kit_vm(), space, child), 0);
    CHECK_EQ(swap_off(0), 0);
    CHECK_EQ(kit_vm()->swap.areas, 0);
    CHECK_EQ(space->swapped + child->swapped, 0);
    CHECK_EQ(kit_vm()->reclaim.target, 0);
    for (uint64_t i = 0; i < 60; i++) {
        kit_read_page(space, AT + i * PAGE, 0);
        kit_read_page(child, AT + i * PAGE, 0);
    }
    CHECK_EQ(vm_swap_off(kit_vm(), 0), EINVAL);
    kit_end();
}

TEST("swapoff while pages are written to the area ends when these are back")
{
    for (uint32_t found = 0; found < 2; found++) {
        struct space *space;

        kit_begin_swap(128, 600);
        space = kit_space(1);
        kit_map(space, AT, 4, MAP_PRIVATE);
        kit_write_pages(space, 0, 4, 0);
        CHECK_EQ(vm_advise(kit_vm(), space, AT, 4 * PAGE, MADV_PAGEOUT), 0);
        CHECK_EQ(kit_vm()->table.counts[PAGE_WRITING], 4);
        CHECK_EQ(vm_swap_off(kit_vm(), 0), 0);
        CHECK_EQ(vm_swap_off_step(kit_vm()), EINPROGRESS);
        if (found)
            kit_read_page(space, AT, 0);
        kit_settle();
        for (uint32_t turn = 0; vm_swap_off_step(kit_vm()) == EINPROGRESS; turn++) {
            CHECK(turn < 10);
            kit_poll(DELAY);
        }
        CHECK_EQ(kit_vm()->swap.areas, 0);
        kit_read_pages(space, 0, 4, 0);
        kit_end();
    }
}

TEST("swapoff of what fits nowhere is refused, and of what fits in another area moves it there")
{
    struct space *space = kit_begin_written(128, 400, 200);

    kit_settle();
    CHECK_EQ(vm_swap_off(kit_vm(), 0), ENOMEM);
    kit_sound();
    kit_make_disk(1, 300, true, NULL, 2);
    CHECK_EQ(kit_swap_on(1, 300, 5), 1);
    CHECK_EQ(swap_off(0), 0);
    CHECK_EQ(kit_vm()->swap.areas, 1);
    kit_read_pages(space, 0, 200, 0);
    kit_end();
}

TEST("what is promised strictly counts swap, and swapoff of what promises rest on is refused")
{
    struct space *space;

    kit_begin_swap(128, 600);
    kit_vm()->commit.strict = true;
    space = kit_space(1);
    kit_map(space, AT, 300, MAP_PRIVATE);
    CHECK_EQ(vm_swap_off(kit_vm(), 0), ENOMEM);
    CHECK_EQ(vm_unmap(kit_vm(), space, AT, 250 * PAGE), 0);
    CHECK_EQ(swap_off(0), 0);
    kit_end();
}

TEST("swapoff of a disk with a page that cannot be read fails, and nothing else is lost")
{
    struct space *space = begin_out(20);

    kit_bad[0] = 7;
    CHECK_EQ(swap_off(0), EIO);
    CHECK_EQ(kit_vm()->swap.areas, 1);
    CHECK_EQ(kit_vm()->swap.area[0].state, SWAP_ACTIVE);
    for (uint64_t i = 0; i < 20; i++)
        if (i != 6)
            kit_read_page(space, AT + i * PAGE, 0);
    kit_bad[0] = 0;
    CHECK_EQ(swap_off(0), 0);
    kit_read_page(space, AT + 6 * PAGE, 0);
    kit_end();
}

TEST("swapoff while a program needs all memory gives up before anybody is ended")
{
    struct space *space, *other;

    kit_begin_swap(128, 400);
    space = kit_space(1);
    other = kit_space(2);
    kit_map(space, AT, 40, MAP_PRIVATE);
    kit_map(other, AT, 200, MAP_PRIVATE);
    kit_write_pages(space, 0, 40, 0);
    kit_put_all_out();
    CHECK_EQ(vm_swap_off(kit_vm(), 0), 0);
    for (uint64_t i = 0; i < 200; i++) {
        if (kit_fault(0, other, AT + i * PAGE, FL_ACCESS_WRITE) == SLOW_WAITS)
            kit_settle();
        CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
        kit_write_page(other, AT + i * PAGE, 1);
    }
    CHECK_EQ(vm_swap_off_step(kit_vm()), ENOMEM);
    kit_read_pages(space, 0, 40, 0);
    kit_read_pages(other, 0, 200, 1);
    CHECK_EQ(kit_vm()->reclaim.ended, 0);
    kit_end();
}
