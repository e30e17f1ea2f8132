/* Frames in reserve: what faults leave to page tables, records and calls. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_swap_kit.h"

#define FILE_AT 0x20000000ull
#define PAGES   4u

static const char *const odd_file = "odd"; /* its pages lie on no pages of the archive */

static void add_odd_file(void)
{
    static uint8_t bytes[PAGES * PAGE];

    memset(bytes, 0x42, sizeof bytes);
    fake_add_file(&slow.fake, odd_file, bytes, sizeof bytes, false);
}

/* A program that shows a file of PAGES pages and has touched the first of them; takes over the reference. */
static struct space *show_file(struct object *file, uint32_t protection)
{
    struct vm_map_request request = {.address = FILE_AT,
                                     .bytes = PAGES * PAGE,
                                     .protection = protection,
                                     .flags = MAP_FIXED | MAP_SHARED,
                                     .file = file,
                                     .readable = true,
                                     .writable = protection & PROT_WRITE};
    struct space *space = kit_space(2);
    uint64_t at;

    CHECK_EQ(vm_map(kit_vm(), space, &request, &at), 0);
    object_release(kit_vm(), file);
    (void)kit_read(space, FILE_AT);
    return space;
}

/* Another program writes pages while no request of the disk ends, until it has to wait. */
static void use_up(void)
{
    struct space *space = kit_space(1);

    kit_map(space, AT, 400, MAP_PRIVATE);
    for (uint64_t i = 0; kit_fault(0, space, AT + i * PAGE, FL_ACCESS_WRITE) == SLOW_SERVED; i++) {
        uint8_t byte = 1;

        CHECK_EQ(fake_touch(&slow.fake, space, AT + i * PAGE, FL_ACCESS_WRITE, &byte), FAKE_DONE);
    }
    CHECK_EQ(slow.thread[0].state, SLOW_WAITS);
    CHECK_EQ(kit_vm()->table.counts[PAGE_FREE], kit_vm()->table.reserved);
}

/* The next page of the file waits as any other does, and behind who waits already. */
static void check_waits(struct space *space, uint32_t access)
{
    CHECK_EQ(kit_fault(1, space, FILE_AT + PAGE, access), SLOW_WAITS);
    CHECK_EQ(kit_vm()->table.counts[PAGE_FREE], kit_vm()->table.reserved);
    kit_settle();
    CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
    CHECK_EQ(slow.thread[1].state, SLOW_SERVED);
    CHECK(slow.thread[0].order < slow.thread[1].order);
    kit_end();
}

TEST("a fault on a file in memory takes no frame of the reserve")
{
    struct object *file;
    struct space *space;

    kit_begin_swap(128, 600);
    file = object_create_memory(kit_vm());
    CHECK_EQ(object_resize(kit_vm(), file, PAGES * PAGE), 0);
    space = show_file(file, RW);
    use_up();
    check_waits(space, FL_ACCESS_WRITE);
}

TEST("a fault on a page of the initrd that must be copied takes no frame of the reserve")
{
    struct space *space;

    kit_add_files = add_odd_file;
    kit_begin_swap(128, 600);
    kit_add_files = NULL;
    space = show_file(object_open_file(kit_vm(), fake_find_file(&slow.fake, odd_file)), PROT_READ);
    use_up();
    check_waits(space, FL_ACCESS_READ);
}

/* A program whose heap is written as the root task writes a start-up stack. */
static struct space *begin_start(void)
{
    struct space *space;

    kit_begin_swap(128, 600);
    space = kit_space(2);
    kit_map(space, AT, 2 * RECLAIM_START_FRAMES, MAP_PRIVATE);
    use_up();
    return space;
}

static enum slow_state start(struct space *space, uint64_t page)
{
    enum slow_state state = slow_write_start(&slow, &slow.thread[1], space, AT + page * PAGE, 0x55);

    kit_sound();
    return state;
}

TEST("the start of a program takes frames of the reserve, which has enough, also for its stack")
{
    struct space *space = begin_start();
    uint64_t pages = 0;

    CHECK(kit_vm()->table.reserved >= RECLAIM_START_FRAMES);
    while (start(space, pages) == SLOW_SERVED)
        pages++;
    CHECK_EQ(slow.thread[1].error, ENOMEM);
    CHECK_EQ(kit_vm()->table.counts[PAGE_FREE], 0);
    CHECK(pages + 2 >= RECLAIM_START_FRAMES); /* the others are records */
    kit_settle();
    for (uint64_t i = 0; i < pages; i++)
        CHECK_EQ(kit_read(space, AT + i * PAGE), 0x55);
    kit_end();
}

TEST("when the reserve is used up a program waits until it is filled, which comes before faults")
{
    struct space *space = begin_start();

    CHECK_EQ(slow_wait_for_reserve(&slow, &slow.thread[2], space), SLOW_SERVED);
    CHECK_EQ(start(space, 0), SLOW_SERVED);
    CHECK_EQ(slow_wait_for_reserve(&slow, &slow.thread[2], space), SLOW_WAITS);
    while (slow.thread[2].state == SLOW_WAITS) {
        CHECK_EQ(slow.thread[0].state, SLOW_WAITS);
        CHECK(kit_vm()->table.counts[PAGE_FREE] < RECLAIM_START_FRAMES);
        CHECK(kit_poll(1) + kit_queued() > 0);
    }
    CHECK_EQ(slow.thread[2].state, SLOW_SERVED);
    CHECK(kit_vm()->table.counts[PAGE_FREE] >= RECLAIM_START_FRAMES);
    kit_settle();
    CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
    kit_end();
}

TEST("who waits for the reserve is answered also when another program gives frames back")
{
    struct space *space = begin_start(), *other = kit_space(3);
    uint8_t byte = 1;
    uint64_t pages = 0;

    kit_settle();
    kit_map(other, AT, 40, MAP_PRIVATE);
    while (pages < 40 && slow.thread[0].state != SLOW_WAITS &&
           fake_touch(&slow.fake, other, AT + pages * PAGE, FL_ACCESS_WRITE, &byte) == FAKE_DONE)
        pages++;
    CHECK(pages > RECLAIM_START_FRAMES);
    kit_serve();
    CHECK(kit_queued() > 0);
    for (uint64_t page = 0; kit_vm()->table.counts[PAGE_FREE] >= RECLAIM_START_FRAMES; page++)
        CHECK_EQ(start(space, page), SLOW_SERVED);
    CHECK_EQ(slow_wait_for_reserve(&slow, &slow.thread[2], space), SLOW_WAITS);
    CHECK_EQ(vm_unmap(kit_vm(), other, AT, 40 * PAGE), 0);
    kit_serve();
    CHECK_EQ(slow.thread[2].state, SLOW_SERVED);
    kit_settle();
    kit_end();
}

TEST("nobody waits for frames of a start when nothing is on its way")
{
    struct space *space;

    kit_begin_swap(128, 600);
    space = kit_space(2);
    fake_limit(&slow.fake, 1);
    CHECK_EQ(slow_wait_for_reserve(&slow, &slow.thread[0], space), SLOW_SERVED);
    kit_end();
}
