/* Files whose pages are fetched from a disk that is slow, fails and lies, whatever becomes of the page
 * meanwhile: who waited is answered once, never with a wrong byte, and nothing is lost. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c tests/sim/sim_file.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_file_kit.h"

TEST("a page that is missed is fetched from the disk, and every byte of it is the file's")
{
    struct space *space;

    kit_begin(1, PAGES, false, NULL);
    space = kit_space(1);
    CHECK_EQ(kit_map(space, AT, 0, PAGES, false), 0);
    CHECK_EQ(kit_fault(0, space, AT + 3 * PAGE + 5, FL_ACCESS_READ), SLOW_WAITS);
    CHECK_EQ(kit_frames.pins, 1);
    CHECK_EQ(kit_poll(DELAY), 1);
    CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
    CHECK_EQ(space->major_faults, 1);
    for (uint64_t offset = 0; offset < PAGE; offset++)
        CHECK_EQ(kit_read(space, AT + 3 * PAGE + offset), sim_file_byte(3, offset));
    kit_end();
}

/* ---- faults of the disk ---- */

static struct space *begin_mapped(uint64_t seed, bool reorders, const uint32_t *chance)
{
    struct space *space;

    kit_begin(seed, PAGES, reorders, chance);
    space = kit_space(1);
    CHECK_EQ(kit_map(space, AT, 0, PAGES, false), 0);
    return space;
}

static void check_page(struct space *space, uint64_t address, uint64_t index)
{
    for (uint64_t offset = 0; offset < PAGE; offset += 61)
        CHECK_EQ(kit_read(space, address + offset), sim_file_byte(index, offset));
}

TEST("whatever goes wrong with a read, who waited gets SIGBUS, no page is left, and the next one "
     "reads again")
{
    for (uint32_t fault = SIM_DISK_ERROR; fault < SIM_DISK_FAULTS; fault++) {
        struct space *space = begin_mapped(fault, true, NULL), *other = kit_space(2),
                     *later = kit_space(3);
        bool told = fault == SIM_DISK_ERROR || fault == SIM_DISK_SHORT || fault == SIM_DISK_SILENT;

        CHECK_EQ(kit_map(other, AT, 0, PAGES, true), 0);
        CHECK_EQ(kit_map(later, AT, 0, PAGES, false), 0);
        sim_disk_inject(kit_disk, (enum sim_disk_fault)fault);
        CHECK_EQ(kit_fault(0, space, AT + 2 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
        CHECK_EQ(kit_fault(1, other, AT + 2 * PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
        CHECK_EQ(kit_poll(fault == SIM_DISK_SILENT ? PATIENCE : DELAY), 1);
        kit_stopped(0, space);
        kit_stopped(1, other);
        CHECK_EQ(sim_file_counts()->errors, told);
        CHECK_EQ(sim_file_counts()->wrong, !told);
        CHECK_EQ(sim_file_object()->resident, 0);
        CHECK_EQ(kit_fault(2, later, AT + 2 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
        CHECK_EQ(kit_poll(DELAY), 1);
        CHECK_EQ(slow.thread[2].state, SLOW_SERVED);
        check_page(later, AT + 2 * PAGE, 2);
        kit_end();
    }
}

TEST("what a write tore, lost, corrupted or misplaced long ago is SIGBUS until it is written anew")
{
    static const enum sim_disk_fault faults[] = {SIM_DISK_TORN, SIM_DISK_LOST, SIM_DISK_CORRUPT,
                                                 SIM_DISK_MISPLACED};
    static _Alignas(PAGE_BYTES) uint8_t right[PAGE_BYTES];

    for (uint32_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        begin_mapped(i, true, NULL);
        memcpy(right, sim_disk_medium(kit_disk, 5), PAGE);
        memset(sim_disk_medium(kit_disk, 5), 0x5a, PAGE); /* what was there before */
        kit_write_medium(5, right, faults[i]);
        for (uint32_t turn = 0; turn < 3; turn++) {
            struct space *reader = kit_space(2);

            CHECK_EQ(kit_map(reader, AT, 5, 1, true), 0);
            CHECK_EQ(kit_fault(turn, reader, AT, FL_ACCESS_READ), SLOW_WAITS);
            CHECK_EQ(kit_poll(DELAY), 1);
            if (turn == 1)
                kit_write_medium(5, right, SIM_DISK_GOOD);
            if (turn < 2)
                kit_stopped(turn, reader);
            else
                check_page(reader, AT, 5);
        }
        kit_end();
    }
}

TEST(
    "a request that is never answered is given up after a while; till then the frame is the disk's")
{
    struct space *space = begin_mapped(1, true, NULL), *other = kit_space(2);
    uint32_t page;

    CHECK_EQ(kit_map(other, AT, 0, PAGES, false), 0);
    sim_disk_inject(kit_disk, SIM_DISK_SILENT);
    CHECK_EQ(kit_fault(0, space, AT + PAGE, FL_ACCESS_READ), SLOW_WAITS);
    page = index_leaf_page(index_lookup(&sim_file_object()->index, 1));
    CHECK_EQ(kit_poll(PATIENCE - 2), 0);
    CHECK_EQ(kit_fault(1, other, AT + 3 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
    slow_destroy(&slow, space);
    slow_destroy(&slow, other);
    kit_sound();
    CHECK_EQ(slow.fake.vm.table.pages[page].state, PAGE_STRAY);
    CHECK_EQ(frame_entry(&kit_frames, kit_frame_of(NULL, page))->pins, 1);
    CHECK_EQ(slow.fake.vm.table.counts[PAGE_FREE], slow.fake.free_pages - 2);
    kit_poll(2); /* the reset ends the other one too */
    CHECK_EQ(sim_file_counts()->resets, 1);
    CHECK_EQ(sim_file_counts()->strays, 2);
    CHECK_EQ(slow.fake.vm.table.counts[PAGE_FREE], slow.fake.free_pages);
    CHECK_EQ(kit_frames.pins, 0);
    kit_end();
}

TEST("what was given up on is SIGBUS even if all of it came")
{
    uint32_t whole = 0;

    for (uint64_t seed = 0; seed < 40; seed++) {
        struct space *space = begin_mapped(seed, true, NULL);
        const uint8_t *contents;

        sim_disk_inject(kit_disk, SIM_DISK_SILENT);
        CHECK_EQ(kit_fault(0, space, AT + PAGE, FL_ACCESS_READ), SLOW_WAITS);
        contents = page_contents(&slow.fake.vm.table,
                                 index_leaf_page(index_lookup(&sim_file_object()->index, 1)));
        CHECK_EQ(kit_poll(PATIENCE - 1), 0);
        whole += memcmp(contents, sim_disk_medium(kit_disk, 1), PAGE) == 0;
        CHECK_EQ(kit_poll(1), 1);
        kit_stopped(0, space);
        kit_end();
    }
    CHECK(whole > 0);
}

TEST("on a disk where every request fails, or none is answered, every reader is told")
{
    static const uint32_t chances[2][SIM_DISK_FAULTS] = {{[SIM_DISK_ERROR] = 1024},
                                                         {[SIM_DISK_SILENT] = 1024}};

    for (uint32_t kind = 0; kind < 2; kind++) {
        begin_mapped(1, true, chances[kind]);
        for (uint32_t reader = 0; reader < 2 * PAGES; reader++) {
            struct space *space = kit_space(2);

            CHECK_EQ(kit_map(space, AT, 0, PAGES, reader % 2), 0);
            CHECK_EQ(kit_fault(reader, space, AT + reader / 2 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
        }
        kit_poll(PATIENCE);
        for (uint32_t reader = 0; reader < 2 * PAGES; reader++)
            kit_stopped(reader, slow.thread[reader].space);
        CHECK_EQ(sim_file_counts()->errors, PAGES);
        CHECK_EQ(sim_file_fetches(), 0);
        kit_end();
    }
}

/* ---- many fetches ---- */

static bool object_has_settled(uint64_t index)
{
    uint64_t leaf = index_lookup(&sim_file_object()->index, index);

    return leaf != 0 && !page_is_busy(&slow.fake.vm.table, index_leaf_page(leaf));
}

TEST("readers of several pages are served each when its own page came, in whatever order")
{
    uint32_t overtaken = 0;

    for (uint64_t seed = 0; seed < 20; seed++) {
        struct space *space = begin_mapped(seed, true, NULL);
        uint32_t served = 0;

        for (uint32_t i = 0; i < 2 * PAGES; i++)
            CHECK_EQ(kit_fault(i, space, AT + i / 2 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
        CHECK_EQ(sim_file_fetches(), PAGES);
        for (uint32_t tick = 0; tick < DELAY; tick++) {
            served += 2 * kit_poll(1);
            for (uint32_t i = 0; i < 2 * PAGES; i++) {
                bool came = slow.thread[i].state == SLOW_SERVED;

                CHECK_EQ(came, slow.thread[i ^ 1].state == SLOW_SERVED);
                CHECK_EQ(came, object_has_settled(i / 2));
                overtaken += came && i >= 2 && slow.thread[i - 2].state == SLOW_WAITS;
            }
            CHECK_EQ(slow.answers, served);
        }
        CHECK_EQ(served, 2 * PAGES);
        kit_end();
    }
    CHECK(overtaken > 20);
}

TEST("more fetches than the disk's queue takes wait for room, and all come")
{
    const uint32_t many = SIM_DISK_QUEUE + 6;

    kit_begin(1, many, true, NULL);
    CHECK_EQ(kit_map(kit_space(1), AT, 0, many, false), 0);
    for (uint32_t i = 0; i < many; i++) { /* who asked does not matter */
        struct space *asks = kit_space(2);

        CHECK_EQ(kit_map(asks, AT, 0, many, false), 0);
        CHECK_EQ(kit_fault(0, asks, AT + i * PAGE, FL_ACCESS_READ), SLOW_WAITS);
        slow_destroy(&slow, asks);
        kit_sound();
    }
    CHECK_EQ(sim_file_fetches(), many);
    CHECK_EQ(kit_frames.pins, SIM_DISK_QUEUE);
    CHECK_EQ(sim_file_counts()->delayed, 6);
    CHECK_EQ(kit_poll(2 * DELAY), many);
    CHECK_EQ(sim_file_counts()->fetched, many);
    for (uint32_t i = 0; i < many; i++)
        check_page(slow.fake.vm.spaces[0], AT + i * PAGE, i);
    kit_end();
}

/* ---- what becomes of the page meanwhile ---- */

TEST("the last unmap makes the page a stray, whose frame nobody gets before the disk is done with "
     "it")
{
    struct space *space = begin_mapped(1, true, NULL), *other = kit_space(2);
    struct vm_map_request heap = {.address = AT,
                                  .bytes = PAGE,
                                  .protection = RW,
                                  .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};
    uint64_t at;

    CHECK_EQ(vm_map(&slow.fake.vm, other, &heap, &at), 0);
    CHECK_EQ(vm_write(&slow.fake.vm, other, AT, "x", 1), 0); /* its index has room */
    heap.address += PAGE;
    CHECK_EQ(vm_map(&slow.fake.vm, other, &heap, &at), 0);
    CHECK_EQ(kit_fault(0, space, AT, FL_ACCESS_READ), SLOW_WAITS);
    CHECK_EQ(vm_unmap(&slow.fake.vm, space, AT, PAGES * PAGE), 0);
    slow_serve(&slow);
    kit_sound();
    CHECK_EQ(slow.thread[0].state, SLOW_STOPPED);
    CHECK_EQ(space->event.kind, PAGER_EVENT_UNMAPPED);
    slow_destroy(&slow, space);
    fake_limit(&slow.fake, 0);
    CHECK_EQ(kit_fault(1, other, AT + PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
    CHECK_EQ(slow.fake.vm.table.counts[PAGE_STRAY], 1);
    CHECK_EQ(kit_poll(DELAY), 1);
    CHECK_EQ(slow.thread[1].state, SLOW_SERVED); /* with that frame */
    kit_end();
}

TEST("a truncated page that is fetched is beyond the end at once; lengthened again it has a second "
     "fetch")
{
    struct space *space = begin_mapped(1, true, NULL), *later = kit_space(2);

    CHECK_EQ(kit_map(later, AT, 0, PAGES, false), 0);
    CHECK_EQ(kit_fault(0, space, AT + 6 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
    sim_file_resize(4);
    slow_serve(&slow);
    kit_sound();
    CHECK_EQ(slow.thread[0].state, SLOW_STOPPED);
    CHECK_EQ(space->event.kind, PAGER_EVENT_BEYOND_END);
    sim_file_resize(PAGES);
    CHECK_EQ(kit_fault(1, later, AT + 6 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
    CHECK_EQ(sim_file_fetches(), 2);
    CHECK_EQ(kit_frames.pins, 2);
    CHECK_EQ(kit_poll(DELAY), 2);
    CHECK_EQ(sim_file_counts()->strays, 1);
    CHECK_EQ(slow.thread[1].state, SLOW_SERVED);
    check_page(later, AT + 6 * PAGE, 6);
    kit_end();
}

TEST("a fork while a page is fetched: both sides wait for one fetch, and the writer copies it")
{
    struct space *parent, *child;

    kit_begin(1, PAGES, true, NULL);
    parent = kit_space(1);
    child = kit_space(2);
    CHECK_EQ(kit_map(parent, AT, 0, PAGES, true), 0);
    CHECK_EQ(kit_fault(0, parent, AT + PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
    CHECK_EQ(vm_fork(&slow.fake.vm, parent, child), 0);
    slow_serve(&slow);
    CHECK_EQ(kit_fault(1, child, AT + PAGE, FL_ACCESS_READ), SLOW_WAITS);
    CHECK_EQ(sim_file_fetches(), 1);
    CHECK_EQ(kit_poll(DELAY), 1);
    CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
    CHECK_EQ(slow.thread[1].state, SLOW_SERVED);
    CHECK_EQ(vm_write(&slow.fake.vm, parent, AT + PAGE, "", 1), 0);
    CHECK_EQ(kit_read(parent, AT + PAGE), 0);
    check_page(child, AT + PAGE, 1);
    kit_end();
}

TEST("objects merge while the page under them is fetched: who is left gets it")
{
    struct space *parent, *child;
    uint64_t merges;

    kit_begin(1, PAGES, true, NULL);
    parent = kit_space(1);
    child = kit_space(2);
    CHECK_EQ(kit_map(parent, AT, 0, PAGES, true), 0);
    CHECK_EQ(kit_fault(0, parent, AT, FL_ACCESS_WRITE), SLOW_WAITS);
    CHECK_EQ(kit_poll(DELAY), 1);
    CHECK_EQ(vm_fork(&slow.fake.vm, parent, child), 0);
    CHECK_EQ(kit_fault(0, parent, AT + 2 * PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
    CHECK_EQ(kit_fault(1, child, AT + 2 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
    merges = slow.fake.vm.counts.merges;
    slow_destroy(&slow, parent);
    kit_sound();
    CHECK_EQ(slow.fake.vm.counts.merges, merges + 1);
    CHECK_EQ(kit_poll(DELAY), 1);
    CHECK_EQ(slow.thread[1].state, SLOW_SERVED);
    check_page(child, AT + 2 * PAGE, 2);
    kit_end();
}

TEST("the last program ends while its pages are fetched, and their end frees what is left")
{
    for (uint32_t fault = SIM_DISK_GOOD; fault < SIM_DISK_FAULTS; fault++) {
        struct space *space = begin_mapped(fault, true, NULL);

        for (uint32_t i = 0; i < PAGES; i++) {
            sim_disk_inject(kit_disk, (enum sim_disk_fault)fault);
            CHECK_EQ(kit_fault(i, space, AT + i * PAGE, FL_ACCESS_READ), SLOW_WAITS);
        }
        slow_destroy(&slow, space);
        kit_sound();
        CHECK(!sim_file_object());
        CHECK_EQ(slow.fake.vm.table.counts[PAGE_STRAY], PAGES);
        kit_poll(PATIENCE);
        CHECK_EQ(sim_file_counts()->strays, PAGES);
        CHECK_EQ(slow.fake.vm.table.counts[PAGE_FREE], slow.fake.free_pages);
        kit_end();
    }
}
