/* Disks of swap that are told which slots nobody wants, and disks that do not take it. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_swap_kit.h"

#define SLOTS 600u
#define WORD  SWAP_WORD_SLOTS

static const struct swap_area *area(void)
{
    return &kit_vm()->swap.area[0];
}

/* A machine with one disk that is told so; what is for idle time is not done yet. */
static void begin_discarding(uint64_t pages, uint32_t discards)
{
    kit_begin(128);
    kit_make_disk(0, pages, false, NULL, 1);
    kit_swap_on_discarding(0, pages, 0, discards);
}

/* A program whose pages, so many, are in the first slots. */
static struct space *begin_out(uint64_t pages, uint64_t slots, uint32_t discards)
{
    struct space *space;

    begin_discarding(slots, discards);
    space = kit_space(1);
    kit_map(space, AT, pages, MAP_PRIVATE);
    kit_write_pages(space, 0, pages, 0);
    kit_put_all_out();
    CHECK_EQ(area()->next, pages + 1);
    return space;
}

static void idle(void)
{
    kit_is_idle = true;
    kit_serve();
    kit_settle();
    kit_is_idle = false;
}

/* The same, and the request has not ended. */
static void begin_discard(void)
{
    while (kit_vm()->swap.discard.count == 0)
        CHECK(vm_discard_step(kit_vm()));
    CHECK(!vm_discard_step(kit_vm()));
    kit_sound();
}

/* ---- what is discarded ---- */

TEST("slots that were given back are discarded, in words of which all slots are free, and in few "
     "requests")
{
    struct space *space = begin_out(250, SLOTS, SWAP_DISCARD_FREED);
    uint32_t calls = slow.fake.stock_calls;

    idle();
    CHECK_EQ(kit_discarded, 0); /* nothing was there before, as far as is known */
    CHECK_EQ(vm_unmap(kit_vm(), space, AT + 70 * PAGE, 180 * PAGE), 0);
    CHECK_EQ(slow.fake.stock_calls, calls + 1);
    idle();
    CHECK_EQ(kit_vm()->swap.discarded, 2 * WORD); /* 128..255: 64..127 has slots in use */
    CHECK_EQ(kit_discarded, 1);
    CHECK_EQ(*(uint32_t *)(void *)sim_disk_medium(kit_disk[0], 127) != 0, true);
    kit_read_pages(space, 0, 70, 0);
    CHECK_EQ(area()->ripe, 0);
    idle();
    CHECK_EQ(kit_discarded, 1); /* once is enough */
    kit_end();
}

TEST("a slot that is taken again is not discarded")
{
    struct space *space = begin_out(192, SLOTS, SWAP_DISCARD_FREED);

    CHECK_EQ(vm_unmap(kit_vm(), space, AT, 192 * PAGE), 0);
    CHECK_EQ(area()->ripe, 3); /* 64..255: of the last word one slot was used */
    kit_vm()->swap.area[0].next = 100;
    kit_map(space, AT, 1, MAP_PRIVATE);
    kit_write_page(space, AT, 1);
    kit_put_all_out();
    CHECK_EQ(area()->ripe, 2);
    idle();
    CHECK_EQ(kit_vm()->swap.discarded, 2 * WORD);
    kit_read_page(space, AT, 1);
    kit_end();
}

TEST("once: all that is free when an area's use begins is discarded, and nothing later")
{
    struct space *space;

    begin_discarding(SLOTS, SWAP_DISCARD_ONCE);
    CHECK(slow.fake.stock_calls > 0);
    idle();
    CHECK_EQ(kit_vm()->swap.discarded, 8 * WORD); /* without the header's word and the last one */
    CHECK_EQ(kit_discarded, 3);                   /* 3, 3 and, in another chunk, 2 words */
    space = kit_space(1);
    kit_map(space, AT, 200, MAP_PRIVATE);
    kit_write_pages(space, 0, 200, 0);
    kit_put_all_out();
    CHECK_EQ(vm_unmap(kit_vm(), space, AT, 200 * PAGE), 0);
    idle();
    CHECK_EQ(kit_discarded, 3);
    kit_end();
}

TEST("with both, what was there and what becomes free is discarded, but for what was written "
     "meanwhile")
{
    struct space *space = begin_out(100, SLOTS, SWAP_DISCARD_ONCE | SWAP_DISCARD_FREED);

    idle();
    CHECK_EQ(kit_vm()->swap.discarded, 7 * WORD);
    kit_read_pages(space, 0, 100, 0);
    CHECK_EQ(vm_unmap(kit_vm(), space, AT, 100 * PAGE), 0);
    idle();
    CHECK_EQ(kit_vm()->swap.discarded, 8 * WORD);
    kit_end();
}

TEST("a disk that takes no discards, or only short ones, is used without")
{
    static _Alignas(8) uint8_t header[FL_PAGE_BYTES];
    const uint32_t words[] = {1, SLOTS - 1, 0};
    struct swap_device device = {
        .header = header, .pages = SLOTS, .discards = SWAP_DISCARD_ONCE | SWAP_DISCARD_FREED};
    uint32_t number;

    kit_begin(128);
    kit_gone[0] = true;
    memcpy(header + 1024, words, sizeof words);
    memcpy(header + PAGE - 10, "SWAPSPACE2", 10);
    for (device.discard_pages = 0; device.discard_pages < 2 * WORD;
         device.discard_pages += WORD - 1) {
        CHECK_EQ(vm_swap_on(kit_vm(), &device, &number), SWAP_OK);
        CHECK_EQ(area()->discards == 0, device.discard_pages < WORD);
        CHECK_EQ(vm_discard_step(kit_vm()), device.discard_pages >= WORD); /* it is not there */
        CHECK_EQ(area()->discards, 0);
        CHECK_EQ(vm_swap_off(kit_vm(), number), 0);
        CHECK_EQ(vm_swap_off_step(kit_vm()), 0);
    }
    kit_end();
}

/* ---- what goes wrong ---- */

TEST("after a discard that failed its slots are free, and nothing of that disk is discarded any "
     "more")
{
    for (uint32_t gone = 0; gone < 2; gone++) {
        struct space *space;

        kit_begin(128);
        for (uint32_t i = 0; i < DISKS; i++) {
            kit_make_disk(i, SLOTS, false, NULL, i + 1);
            kit_swap_on_discarding(i, SLOTS, (int32_t)i, SWAP_DISCARD_ONCE);
        }
        kit_gone[0] = gone;
        if (!gone)
            sim_disk_inject(kit_disk[0], SIM_DISK_ERROR);
        idle();
        kit_gone[0] = false;
        CHECK_EQ(area()->discards, 0);
        CHECK_EQ(kit_vm()->swap.discarded, 8 * WORD); /* of the other disk */
        CHECK_EQ(swap_room(&kit_vm()->swap), 2 * (SLOTS - 1));
        space = kit_space(1);
        kit_map(space, AT, 700, MAP_PRIVATE);
        kit_write_pages(space, 0, 700, 0);
        kit_read_pages(space, 0, 700, 0);
        idle();
        CHECK_EQ(area()->discards, 0);
        kit_end();
    }
}

TEST("while a discard is not answered all else goes on, and none of its slots is written")
{
    struct space *space;

    begin_discarding(SLOTS, SWAP_DISCARD_ONCE);
    sim_disk_inject(kit_disk[0], SIM_DISK_SILENT);
    begin_discard();
    CHECK_EQ(kit_vm()->swap.discard.count, 3 * WORD);
    CHECK_EQ(swap_room(&kit_vm()->swap), SLOTS - 1 - 3 * WORD);
    space = kit_space(1);
    kit_map(space, AT, 400, MAP_PRIVATE);
    kit_write_pages(space, 0, 400, 0); /* the kit looks at each request */
    kit_read_pages(space, 0, 400, 0);
    CHECK_EQ(kit_vm()->swap.discard.count, 3 * WORD);
    sim_disk_reset(kit_disk[0]);
    kit_settle();
    CHECK_EQ(kit_vm()->swap.discard.count, 0);
    CHECK_EQ(area()->discards, 0);
    kit_read_pages(space, 0, 400, 0);
    kit_end();
}

TEST("swapoff waits for the discard that is under way, and begins no other")
{
    uint32_t turns = 0;

    begin_discarding(SLOTS, SWAP_DISCARD_ONCE);
    begin_discard();
    CHECK_EQ(vm_swap_off(kit_vm(), 0), 0);
    CHECK_EQ(vm_swap_off_step(kit_vm()), EINPROGRESS);
    CHECK(reclaim_is_moving(kit_vm()));
    kit_is_idle = true;
    for (; kit_vm()->swap.discard.count > 0; turns++) {
        CHECK(turns < 10);
        kit_poll(DELAY);
    }
    CHECK_EQ(vm_swap_off_step(kit_vm()), 0);
    CHECK_EQ(kit_discarded, 1);
    CHECK_EQ(kit_vm()->swap.areas, 0);
    vm_discard_done(kit_vm(), true); /* of none: passed over */
    kit_end();
}

TEST("a program's swapoff waits until the discard has ended, and goes on then")
{
    struct space *space;
    uint32_t token;

    begin_discarding(SLOTS, SWAP_DISCARD_ONCE);
    space = kit_space(1);
    begin_discard();
    token = wait_find_free(kit_vm());
    CHECK_EQ(vm_swap_off_call(kit_vm(), space, 0), EINPROGRESS);
    CHECK(wait_park(kit_vm(), space, token));
    CHECK_EQ(wait_next(kit_vm()), WAIT_NONE);
    vm_discard_done(kit_vm(), true);
    CHECK_EQ(wait_next(kit_vm()), token);
    CHECK_EQ(vm_swap_off_call(kit_vm(), space, 0), 0);
    wait_release(kit_vm(), token);
    sim_disk_reset(kit_disk[0]); /* its end was told by hand */
    kit_settle();
    kit_end();
}

TEST("a swapoff that is given up leaves discards to go on")
{
    struct space *space = begin_out(100, SLOTS, SWAP_DISCARD_ONCE);
    uint32_t calls = slow.fake.stock_calls;

    kit_vm()->swap.discard_called = false; /* whoever was to come has come */
    CHECK_EQ(vm_swap_off_call(kit_vm(), space, 0), EINPROGRESS);
    vm_swap_off_drop_space(kit_vm(), space);
    CHECK(slow.fake.stock_calls > calls);
    kit_settle();
    idle();
    CHECK_EQ(kit_vm()->swap.discarded, 7 * WORD);
    kit_end();
}

TEST("nobody is ended for want of slots that are being discarded: who needs memory waits for them")
{
    struct space *space = begin_out(100, 130, SWAP_DISCARD_FREED), *large;

    CHECK_EQ(vm_unmap(kit_vm(), space, AT + 63 * PAGE, 37 * PAGE), 0);
    begin_discard();
    CHECK_EQ(swap_room(&kit_vm()->swap), 2);
    large = kit_space(2);
    kit_map(large, AT, 150, MAP_PRIVATE);
    kit_write_pages(large, 0, 150, 0);
    CHECK_EQ(kit_vm()->swap.discarded, WORD);
    CHECK_EQ(kit_vm()->reclaim.ended, 0);
    kit_read_pages(large, 0, 150, 0);
    kit_read_pages(space, 0, 63, 0);
    kit_end();
}

/* ---- the checker ---- */

TEST("the checker names what is wrong with discards")
{
    struct swap *swap = &kit_vm()->swap;

    begin_discarding(SLOTS, SWAP_DISCARD_ONCE);
    BREAKS(swap->area[0].ripe, 7, "K4");
    BREAKS(swap->area[0].discarding, WORD, "K2");
    BREAKS(swap->discard.count, WORD, "K5");
    begin_discard();
    BREAKS(swap->discard.first, swap->discard.first + 1, "K5");
    BREAKS(swap->discard.first, 0, "K5");
    BREAKS(swap->discard.area, 1, "K5");
    BREAKS(swap->discard.count, WORD, "K5");
    kit_end();
}
