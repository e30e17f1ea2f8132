/* Pages that go to swap and come back, case by case. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "accessed.h"
#include "rmap.h"
#include "sim_swap_kit.h"

TEST("a program four times as large as memory finds every byte")
{
    struct space *space = kit_begin_written(128, 600, 400);

    kit_read_pages(space, 0, 400, 0);
    CHECK(kit_vm()->paging.counts.swapped_out >= 300);
    CHECK(kit_vm()->paging.counts.swapped_in >= 300);
    kit_end();
}

TEST("pages that lie side by side are written and read in few requests")
{
    struct space *space = kit_begin_written(128, 600, 64);

    kit_put_all_out();
    CHECK_EQ(kit_vm()->paging.counts.swapped_out, 64);
    CHECK_EQ(kit_submitted[1], 2);
    CHECK_EQ(space->resident, 0);
    CHECK_EQ(space->swapped, 64);
    kit_read_pages(space, 0, 64, 0);
    CHECK_EQ(kit_submitted[0], 7); /* of 1, 2, 4, 8, 16 pages, up to the next 32 slots, and those */
    CHECK_EQ(space->resident, 64);
    kit_end();
}

TEST("a page that was read in and not written leaves without a request, a written one with its new "
     "bytes")
{
    struct space *space = kit_begin_written(128, 600, 8);

    kit_put_all_out();
    kit_map(space, AT + 8 * PAGE, 80, MAP_PRIVATE); /* frames that others wrote */
    for (uint64_t i = 8; i < 88; i++)
        kit_write(space, AT + i * PAGE, 1);
    CHECK_EQ(vm_unmap(kit_vm(), space, AT + 8 * PAGE, 80 * PAGE), 0);
    kit_read_pages(space, 0, 8, 0);
    kit_write_page(space, AT + 3 * PAGE, 1);
    kit_put_all_out();
    CHECK_EQ(kit_vm()->paging.counts.swapped_out, 9);
    CHECK_EQ(kit_vm()->paging.counts.put_out_clean, 7);
    CHECK_EQ(kit_vm()->swap.used, 8);
    for (uint64_t i = 0; i < 8; i++)
        kit_read_page(space, AT + i * PAGE, i == 3);
    kit_end();
}

TEST("what the core itself wrote to a clean page is written too")
{
    struct space *space;

    kit_begin_swap(128, 600);
    space = kit_space(1);
    kit_map(space, AT, 1, MAP_PRIVATE);
    kit_write_page(space, AT, 0);
    kit_put_all_out();
    kit_read_page(space, AT, 0);
    CHECK_EQ(vm_write(kit_vm(), space, AT + 5, "x", 1), 0);
    kit_put_all_out();
    CHECK_EQ(kit_read(space, AT + 5), 'x');
    kit_read_page(space, AT, 0);
    kit_end();
}

TEST("pages of zeros leave without a slot and come back as zeros")
{
    struct space *space;

    kit_begin_swap(128, 600);
    space = kit_space(1);
    kit_map(space, AT, 8, MAP_PRIVATE);
    for (uint64_t i = 0; i < 8; i++)
        kit_write(space, AT + i * PAGE, 0);
    kit_put_all_out();
    CHECK_EQ(kit_vm()->paging.counts.put_out_zero, 8);
    CHECK_EQ(kit_submitted[1], 0);
    CHECK_EQ(kit_vm()->swap.used, 0);
    CHECK_EQ(space->swapped, 8);
    CHECK_EQ(kit_read(space, AT + 3 * PAGE + 77), 0);
    kit_write(space, AT + 4 * PAGE, 9);
    CHECK_EQ(kit_read(space, AT + 4 * PAGE), 9);
    CHECK_EQ(kit_read(space, AT + 4 * PAGE + 1), 0);
    kit_end();
}

/* A program with page 0 on its way to swap. */
static struct space *begin_writing(void)
{
    struct space *space;

    kit_begin_swap(128, 600);
    space = kit_space(1);
    kit_map(space, AT, 1, MAP_PRIVATE);
    kit_write_page(space, AT, 0);
    kit_vm()->reclaim.target = UINT32_MAX;
    while (kit_vm()->table.counts[PAGE_WRITING] == 0)
        CHECK(vm_reclaim_step(kit_vm()));
    kit_vm()->reclaim.target = 20;
    CHECK_EQ(kit_queued(), 1);
    return space;
}

TEST("a page that is read while it is written out stays, and its slot holds a copy")
{
    struct space *space = begin_writing();

    kit_read_page(space, AT, 0);
    kit_settle();
    CHECK_EQ(kit_vm()->paging.counts.taken_back, 1);
    CHECK_EQ(space->resident, 1);
    CHECK_EQ(kit_submitted[0], 0);
    CHECK_EQ(kit_vm()->swap.used, 1);
    kit_put_all_out();
    CHECK_EQ(kit_submitted[1], 1);
    kit_read_page(space, AT, 0);
    kit_end();
}

TEST("a page that is written while it is written out stays, and is written again")
{
    for (uint32_t through_core = 0; through_core < 2; through_core++) {
        struct space *space = begin_writing();

        if (through_core)
            CHECK_EQ(vm_write(kit_vm(), space, AT + 1, "y", 1), 0);
        else
            kit_write(space, AT + 1, 'y');
        kit_settle();
        CHECK_EQ(space->resident, 1);
        CHECK_EQ(kit_vm()->swap.used, !through_core);
        kit_put_all_out();
        CHECK_EQ(kit_submitted[1], 2);
        CHECK_EQ(kit_vm()->swap.used, 1);
        CHECK_EQ(kit_read(space, AT + 1), 'y');
        kit_read_page(space, AT, 0);
        kit_end();
    }
}

TEST("a page that a fork maps for its parent while it is written out stays")
{
    struct space *space = begin_writing(), *child = kit_space(2);

    CHECK_EQ(vm_wire(kit_vm(), space, AT, PAGE, MLOCK_ONFAULT), 0);
    CHECK_EQ(vm_fork(kit_vm(), space, child), 0);
    kit_sound();
    kit_settle();
    CHECK_EQ(space->resident, 1);
    CHECK_EQ(child->resident, 1);
    kit_write_page(space, AT, 1);
    kit_read_page(child, AT, 0);
    kit_end();
}

TEST("a page that goes while it is written out is a stray until the write has ended")
{
    struct space *space = begin_writing();

    CHECK_EQ(vm_unmap(kit_vm(), space, AT, PAGE), 0);
    kit_sound();
    CHECK_EQ(kit_vm()->table.counts[PAGE_STRAY], 1);
    CHECK_EQ(kit_vm()->swap.used, 1);
    kit_settle();
    CHECK_EQ(kit_vm()->table.counts[PAGE_STRAY], 0);
    CHECK_EQ(kit_vm()->swap.used, 0);
    kit_end();
}

TEST("with no free frame at all a cluster is written")
{
    struct space *space = kit_begin_written(128, 600, 40);

    fake_limit(&slow.fake, 0);
    kit_serve();
    CHECK_EQ(kit_vm()->table.counts[PAGE_FREE], 0);
    CHECK(kit_vm()->table.counts[PAGE_WRITING] >= 1);
    kit_settle();
    CHECK(kit_vm()->table.counts[PAGE_FREE] >= 4);
    kit_read_pages(space, 0, 40, 0);
    kit_end();
}

TEST("wired pages stay")
{
    struct space *space = kit_begin_written(128, 600, 8);

    CHECK_EQ(vm_wire(kit_vm(), space, AT + 2 * PAGE, 3 * PAGE, 0), 0);
    kit_put_all_out();
    CHECK_EQ(space->resident, 3);
    CHECK_EQ(space->swapped, 5);
    kit_read_pages(space, 0, 8, 0);
    kit_end();
}

/* ---- who shares, and who goes ---- */

static uint32_t count_below(const struct space *space)
{
    uint32_t depth = 0;

    for (const struct object *object = entry_find(&space->map, AT)->object->below; object;
         object = object->below)
        depth++;
    return depth;
}

TEST("after a fork both sides find and change what is out of memory, and only readers share it")
{
    struct space *parent, *child;

    kit_begin_swap(128, 600);
    parent = kit_space(1);
    kit_map(parent, AT, 32, MAP_PRIVATE);
    kit_write_pages(parent, 0, 32, 0);
    kit_put_all_out();
    child = kit_space(2);
    CHECK_EQ(vm_fork(kit_vm(), parent, child), 0);
    kit_sound();
    for (uint64_t i = 0; i < 32; i += 2)
        kit_write_page(i % 4 ? child : parent, AT + i * PAGE, 1);
    kit_put_all_out();
    for (uint64_t i = 0; i < 32; i++) {
        kit_read_page(parent, AT + i * PAGE, i % 4 == 0);
        kit_read_page(child, AT + i * PAGE, i % 4 == 2);
    }
    kit_end();
}

TEST("chains with pages that are out collapse without reading them")
{
    struct space *parent, *child;

    kit_begin_swap(128, 600);
    parent = kit_space(1);
    kit_map(parent, AT, 32, MAP_PRIVATE);
    kit_write_pages(parent, 0, 32, 0);
    kit_put_all_out();
    for (uint32_t generation = 1; generation < 20; generation++) {
        child = kit_space(generation + 1);
        CHECK_EQ(vm_fork(kit_vm(), parent, child), 0);
        slow_destroy(&slow, parent);
        kit_sound();
        parent = child;
        CHECK(count_below(parent) <= 1);
    }
    CHECK_EQ(count_below(parent), 0);
    CHECK_EQ(parent->swapped, 32);
    CHECK_EQ(kit_vm()->swap.used, 32);
    CHECK_EQ(kit_submitted[0], 0);
    kit_read_pages(parent, 0, 32, 0);
    kit_end();
}

TEST("memory that fork shares goes out and comes back for both")
{
    struct space *parent, *child;

    kit_begin_swap(128, 600);
    parent = kit_space(1);
    kit_map(parent, AT, 16, MAP_SHARED);
    child = kit_space(2);
    CHECK_EQ(vm_fork(kit_vm(), parent, child), 0);
    for (uint64_t i = 0; i < 16; i++)
        kit_write_page(i % 2 ? parent : child, AT + i * PAGE, 0);
    kit_put_all_out();
    CHECK_EQ(parent->swapped + child->swapped, 16);
    for (uint64_t i = 0; i < 16; i++)
        kit_read_page(i % 2 ? child : parent, AT + i * PAGE, 0);
    kit_end();
}

TEST("what is unmapped, dropped, or gone with its program gives its slots back")
{
    struct space *space = kit_begin_written(128, 600, 32);

    kit_put_all_out();
    CHECK_EQ(vm_unmap(kit_vm(), space, AT, 8 * PAGE), 0);
    kit_sound();
    CHECK_EQ(kit_vm()->swap.used, 24);
    CHECK_EQ(vm_advise(kit_vm(), space, AT + 8 * PAGE, 8 * PAGE, MADV_DONTNEED), 0);
    kit_sound();
    CHECK_EQ(kit_vm()->swap.used, 16);
    CHECK_EQ(kit_read(space, AT + 9 * PAGE), 0);
    kit_read_page(space, AT + 20 * PAGE, 0);
    slow_destroy(&slow, space);
    kit_sound();
    CHECK_EQ(kit_vm()->swap.used, 0);
    kit_end();
}

TEST("a file that is cut takes private pages behind its end that are out, and no others")
{
    struct space *space, *child;
    struct object *file;
    struct vm_map_request request = {.address = AT,
                                     .bytes = 4 * PAGE,
                                     .protection = RW,
                                     .flags = MAP_FIXED | MAP_PRIVATE,
                                     .readable = true};
    uint64_t at;

    kit_begin_swap(128, 600);
    space = kit_space(1);
    child = kit_space(2);
    file = object_create_memory(kit_vm());
    CHECK_EQ(object_resize(kit_vm(), file, 4 * PAGE), 0);
    request.file = file;
    CHECK_EQ(vm_map(kit_vm(), space, &request, &at), 0);
    object_release(kit_vm(), file);
    kit_write_pages(space, 0, 4, 0);
    kit_put_all_out();
    CHECK_EQ(vm_fork(kit_vm(), space, child), 0);
    CHECK_EQ(kit_vm()->swap.used, 4);
    CHECK_EQ(object_resize(kit_vm(), file, 2 * PAGE), 0);
    kit_sound();
    CHECK_EQ(kit_vm()->swap.used, 2);
    for (uint64_t i = 0; i < 2; i++) {
        kit_read_page(child, AT + i * PAGE, 0);
        kit_read_page(space, AT + i * PAGE, 0);
    }
    kit_end();
}

TEST("a page that goes while it is read in is a stray, and its slot goes with it")
{
    struct space *space = kit_begin_written(128, 600, 7);

    kit_put_all_out();
    for (uint64_t i = 0; i < 3; i++)
        kit_read_page(space, AT + i * PAGE, 0);
    CHECK_EQ(slow_fault(&slow, &slow.thread[0], space, AT + 3 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
    CHECK_EQ(kit_vm()->table.counts[PAGE_BUSY], 4);
    CHECK_EQ(vm_unmap(kit_vm(), space, AT + 3 * PAGE, 2 * PAGE), 0);
    slow_serve(&slow);
    kit_sound();
    CHECK_EQ(slow.thread[0].state, SLOW_STOPPED); /* nothing is there now */
    CHECK_EQ(kit_vm()->table.counts[PAGE_STRAY], 2);
    CHECK_EQ(kit_vm()->swap.used, 7);
    kit_settle();
    CHECK_EQ(kit_vm()->swap.used, 5);
    kit_end();
}

TEST("mincore says no of what is out, and mlock reads it in")
{
    struct space *space;
    uint64_t pages;

    kit_begin_swap(128, 600);
    space = kit_space(1);
    kit_map(space, AT, 9, MAP_PRIVATE);
    kit_write_pages(space, 0, 8, 0);
    kit_put_all_out();
    kit_read_page(space, AT + 7 * PAGE, 0); /* alone: slot 8 begins another eight */
    kit_write(space, AT + 8 * PAGE, 0);
    CHECK_EQ(vm_resident(kit_vm(), space, AT, 8 * PAGE, AT + 8 * PAGE, &pages), 0);
    for (uint64_t i = 0; i < 8; i++)
        CHECK_EQ(kit_read(space, AT + 8 * PAGE + i), i == 7);
    kit_put_all_out();
    for (uint32_t turn = 0; vm_wire(kit_vm(), space, AT, 8 * PAGE, 0) == EINPROGRESS; turn++) {
        CHECK(turn < 20);
        kit_poll(DELAY);
    }
    kit_put_all_out();
    CHECK_EQ(space->resident, 8);
    CHECK_EQ(space->swapped, 1);
    kit_read_pages(space, 0, 8, 0);
    kit_end();
}

TEST("mlock waits for frames of others, and its pages stay")
{
    struct space *space, *other;
    int error;

    kit_begin_swap(128, 600);
    space = kit_space(1);
    other = kit_space(2);
    kit_map(space, AT, 40, MAP_PRIVATE);
    kit_map(other, AT, 200, MAP_PRIVATE);
    kit_write_pages(space, 0, 40, 0);
    kit_write_pages(other, 0, 200, 0);
    CHECK(space->swapped > 0);
    for (uint32_t turn = 0; (error = vm_wire(kit_vm(), space, AT, 40 * PAGE, 0)) == EINPROGRESS;
         turn++) {
        CHECK(turn < 100);
        kit_serve();
        kit_poll(DELAY);
    }
    CHECK_EQ(error, 0);
    kit_read_pages(other, 0, 200, 0);
    CHECK_EQ(space->resident, 40);
    kit_end();
}

/* ---- who leaves ---- */

/* A program whose pages, so many, are the first to leave. */
static struct space *begin_cold(uint64_t pages)
{
    struct space *space;

    kit_begin_swap(512, 600);
    CHECK(victims_set_policy(kit_vm(), "clock"));
    space = kit_space(9);
    kit_map(space, AT, pages, MAP_PRIVATE);
    for (uint64_t i = 0; i < pages; i++)
        kit_write_page(space, AT + i * PAGE, 0);
    return space;
}

TEST("a page leaves with one beside it unless somebody used it, whoever of those that see it")
{
    struct space *cold = begin_cold(40), *parent = kit_space(1), *child = kit_space(2);

    kit_map(parent, AT, 16, MAP_PRIVATE);
    kit_write_pages(parent, 0, 16, 0);
    CHECK_EQ(vm_fork(kit_vm(), parent, child), 0);
    kit_put_one_out();
    CHECK(cold->resident > 0);
    kit_read_pages(parent, 0, 16, 0);
    (void)accessed_harvest(kit_vm(), rmap_find_page(entry_find(&parent->map, AT), AT));
    while (parent->resident == 16) {
        kit_read_page(child, AT + 3 * PAGE, 0);
        kit_read_page(parent, AT + 5 * PAGE, 0);
        kit_put_one_out();
    }
    CHECK_EQ(cold->resident, 0);
    CHECK_EQ(parent->resident, 2);
    kit_read_page(child, AT + 3 * PAGE, 0);
    kit_read_page(child, AT + 5 * PAGE, 0);
    CHECK_EQ(kit_submitted[0], 0);
    kit_end();
}

TEST("pages that faults waited for stay until others came in after them, those read ahead need not")
{
    struct space *cold = begin_cold(7), *space = kit_space(1);

    kit_map(space, AT, 2 * RECLAIM_FRESH, MAP_PRIVATE);
    kit_write_pages(space, 0, 2 * RECLAIM_FRESH, 0);
    kit_put_all_out();
    kit_read_pages(cold, 0, 7, 0);
    CHECK_EQ(cold->resident, 7);
    kit_press();
    CHECK_EQ(cold->resident, 3); /* the others came with them */
    for (uint64_t i = 0; i < RECLAIM_FRESH; i++)
        kit_read_page(space, AT + 2 * i * PAGE, 0);
    kit_press();
    CHECK_EQ(cold->resident, 0);
    CHECK_EQ(space->resident, RECLAIM_FRESH_LEAST);
    kit_end();
}

TEST("PAGEOUT puts out the range and nothing else, and COLD makes it the first to go")
{
    struct space *space = kit_begin_written(128, 600, 60);

    CHECK_EQ(vm_advise(kit_vm(), space, AT + 3 * PAGE, 40 * PAGE, MADV_PAGEOUT), 0);
    kit_settle();
    CHECK_EQ(space->swapped, 40);
    for (uint64_t i = 0; i < 60; i++)
        CHECK_EQ(vm_is_resident(entry_find(&space->map, AT), AT + i * PAGE), i < 3 || i >= 43);
    CHECK_EQ(vm_advise(kit_vm(), space, AT + 50 * PAGE, VICTIMS_BATCH * PAGE, MADV_COLD), 0);
    CHECK_EQ(space->swapped, 40);
    kit_vm()->reclaim.target = kit_vm()->table.counts[PAGE_FREE] + 1;
    kit_serve();
    kit_settle();
    CHECK_EQ(space->swapped, 40 + VICTIMS_BATCH);
    for (uint64_t i = 50; i < 50 + VICTIMS_BATCH; i++)
        CHECK(!vm_is_resident(entry_find(&space->map, AT), AT + i * PAGE));
    kit_read_pages(space, 0, 60, 0);
    kit_end();
}

/* ---- the checker ---- */

/* A program with a range of which every `stride`th page is there: so many, all zeros. */
static struct space *begin_sparse(uint64_t range, uint64_t stride, uint64_t pages)
{
    struct vm_map_request request = {.address = AT,
                                     .bytes = range * PAGE,
                                     .protection = RW,
                                     .flags =
                                         MAP_FIXED | MAP_ANONYMOUS | MAP_PRIVATE | MAP_NORESERVE};
    struct space *space;
    uint64_t at;
    uint8_t zero = 0;

    kit_begin_swap(2048, 200);
    space = kit_space(1);
    CHECK_EQ(vm_map(kit_vm(), space, &request, &at), 0);
    for (uint64_t i = 0; i < pages; i++)
        CHECK_EQ(fake_touch(&slow.fake, space, AT + i * stride * PAGE, FL_ACCESS_WRITE, &zero),
                 FAKE_DONE);
    kit_sound();
    CHECK_EQ(space->resident, pages);
    return space;
}

TEST("PAGEOUT of a huge range looks at the pages that are there, wherever they are")
{
    const uint64_t range = 1ull << 24, pages = 5;
    struct space *space = begin_sparse(range, range / pages, pages);

    CHECK_EQ(vm_advise(kit_vm(), space, AT, range * PAGE, MADV_PAGEOUT), 0);
    CHECK_EQ(space->resident, 0);
    CHECK_EQ(space->swapped, pages);
    kit_end();
}

TEST("one call of PAGEOUT looks at so many windows, whatever the number of areas, and the next one "
     "at others")
{
    const uint64_t pages = RECLAIM_ADVISED + 10;
    struct space *space = begin_sparse(SWAP_CLUSTER * pages, SWAP_CLUSTER, pages);
    uint64_t range = SWAP_CLUSTER * pages * PAGE;

    CHECK_EQ(vm_protect(kit_vm(), space, AT + range / 2, PAGE, PROT_READ), 0); /* three areas */
    CHECK_EQ(vm_advise(kit_vm(), space, AT + PAGE, range - PAGE, MADV_PAGEOUT), 0);
    CHECK_EQ(space->swapped, RECLAIM_ADVISED);
    CHECK_EQ(vm_unmap(kit_vm(), space, AT, range / 2), 0);
    CHECK_EQ(vm_advise(kit_vm(), space, AT + range / 2, range / 2, MADV_PAGEOUT), 0);
    CHECK_EQ(space->resident, 0);
    kit_end();
}

TEST("the checker names what is wrong with swap")
{
    struct space *space = begin_writing();
    struct object *object = entry_find(&space->map, AT)->object;
    struct index_place place;
    uint32_t page = index_leaf_page(index_find(&object->index, 0, &place));
    struct page *record = &kit_vm()->table.pages[page];

    BREAKS(record->slot, record->slot + 1, "P8");
    BREAKS(record->slot, SWAP_NONE, "G2");
    BREAKS(kit_vm()->paging.request[0].at, 1, "G1");
    BREAKS(kit_vm()->paging.request[0].io.count, 2, "G1");
    BREAKS(kit_vm()->paging.request[0].io.page[0], page + 1, "G1");
    BREAKS(kit_vm()->paging.writes, 0, "G1");
    BREAKS(kit_vm()->paging.taken, 0, "G1");
    BREAKS(kit_vm()->paging.streams.stream[0].window, STREAM_PAGES + 1, "G3");
    BREAKS(kit_vm()->swap.area[0].used, 0, "K2");
    BREAKS(kit_vm()->swap.area[0].bad, 0, "K2");
    BREAKS(kit_vm()->swap.frames, 0, "K3");
    kit_settle();
    BREAKS(object->swapped, 0, "O2");
    BREAKS(space->swapped, 0, "A2");
    BREAKS(place.node->slot[0], index_leaf_swap(7), "G2");
    BREAKS(place.node->slot[0], INDEX_LEAF_ZERO, "G2");
    BREAKS(place.node->slot[0], (uint64_t)INDEX_COMPRESSED, "V7");
    BREAKS(place.node->slot[0], (uint64_t)INDEX_TAGS, "X3");
    kit_end();
}
