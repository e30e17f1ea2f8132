/* The levels of reclaim, and what it counts: pages looked at and taken, in the background or directly, each once. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_swap_kit.h"

static const struct reclaim *reclaim(void)
{
    return &kit_vm()->reclaim;
}

/* Every page that was taken has left, for one of three reasons. */
static void count_sound(void)
{
    const struct paging_counts *counts = &kit_vm()->paging.counts;

    CHECK_EQ(reclaim()->background.scanned + reclaim()->direct.scanned, reclaim()->scanned);
    CHECK_EQ(reclaim()->background.stolen + reclaim()->direct.stolen,
             counts->swapped_out + counts->put_out_clean + counts->put_out_zero);
    CHECK_EQ(counts->taken_back + counts->write_errors, 0);
}

static struct space *count_begin(void)
{
    struct space *space;

    kit_begin_swap(128, 600);
    space = kit_space(1);
    kit_map(space, AT, 300, MAP_PRIVATE);
    return space;
}

/* ---- levels ---- */

TEST("the levels stand in order, whatever the size of memory")
{
    for (uint32_t frames = 64; frames <= FRAMES_MAX; frames *= 2) {
        kit_begin_swap(frames, 600);
        CHECK(kit_vm()->table.reserved + 4 <= reclaim()->min);
        CHECK(reclaim()->min < reclaim()->target);
        kit_end();
    }
}

#define LEVELS_STRIDE 32u /* no page has a neighbour: a step puts out VICTIMS_BATCH */

/* A program whose last fault left so many frames free; nobody has reclaimed anything.  zeros: its pages leave at once;
 * else they are written. */
static void levels_begin(uint32_t (*left)(void), bool zeros)
{
    struct vm_map_request request = {.address = AT,
                                     .bytes = 1024 * LEVELS_STRIDE * PAGE,
                                     .protection = RW,
                                     .flags =
                                         MAP_FIXED | MAP_ANONYMOUS | MAP_PRIVATE | MAP_NORESERVE};
    struct space *space;
    uint64_t at;

    kit_begin_swap(1024, 2000);
    space = kit_space(1);
    CHECK_EQ(vm_map(kit_vm(), space, &request, &at), 0);
    for (uint64_t i = 0; kit_vm()->table.counts[PAGE_FREE] > left(); i += LEVELS_STRIDE) {
        slow_fault(&slow, &slow.thread[0], space, AT + i * PAGE, FL_ACCESS_WRITE);
        CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
        *(uint8_t *)page_contents(&kit_vm()->table, kit_page_at(space, i)) = !zeros;
    }
    CHECK_EQ(kit_vm()->table.counts[PAGE_FREE], left());
    kit_forget_given();
}

static uint32_t levels_min(void)
{
    return reclaim()->min;
}

static uint32_t levels_below_min(void)
{
    return reclaim()->min - 1;
}

/* Frames that are free or on their way. */
static uint32_t levels_in_sight(void)
{
    return kit_vm()->table.counts[PAGE_FREE] + kit_vm()->table.counts[PAGE_WRITING];
}

TEST("after a fault that left `min` frames the background does one step, and goes on after "
     "anything else")
{
    levels_begin(levels_min, false);
    vm_reclaim(kit_vm(), true);
    CHECK_EQ(reclaim()->background.stolen, VICTIMS_BATCH);
    CHECK(levels_in_sight() < reclaim()->target);
    vm_reclaim(kit_vm(), false);
    CHECK(levels_in_sight() >= reclaim()->target);
    CHECK_EQ(reclaim()->direct.scanned + reclaim()->direct.stolen + reclaim()->stalls, 0);
    kit_settle();
    count_sound();
    kit_end();
}

static void levels_check_direct(bool zeros)
{
    levels_begin(levels_below_min, zeros);
    vm_reclaim(kit_vm(), true);
    CHECK(levels_in_sight() >= reclaim()->target);
    CHECK_EQ(kit_vm()->paging.counts.put_out_zero > 0, zeros);
    CHECK_EQ(reclaim()->background.scanned + reclaim()->background.stolen, 0);
    CHECK(reclaim()->direct.stolen >= reclaim()->target - levels_below_min());
    CHECK_EQ(reclaim()->stalls, 1);
    vm_reclaim(kit_vm(), true); /* nothing is to do */
    CHECK_EQ(reclaim()->stalls, 1);
    kit_settle();
    count_sound();
    kit_end();
}

TEST("after a fault that left fewer reclaim is direct, and goes on to the target")
{
    levels_check_direct(false);
}

TEST("it does so when the first pages leave at once, and more than `min` frames are free again")
{
    levels_check_direct(true);
}

/* ---- counts ---- */

TEST("what leaves while nobody waits is taken ahead of need")
{
    struct space *space = count_begin();

    for (uint64_t i = 0; i < 300; i++)
        kit_write_page(space, AT + i * PAGE, 0);
    kit_settle();
    CHECK(reclaim()->background.stolen > 100);
    CHECK_EQ(reclaim()->direct.scanned, 0);
    CHECK_EQ(reclaim()->direct.stolen, 0);
    count_sound();
    kit_end();
}

TEST("what leaves while a fault waits for a frame is taken for it")
{
    struct space *space = count_begin();
    struct slow_thread *thread = &slow.thread[0];
    uint64_t pages = 0, before;

    do { /* nobody serves: the levels are passed */
        CHECK(pages < 300);
        slow_fault(&slow, thread, space, AT + pages * PAGE, FL_ACCESS_WRITE);
        pages++;
    } while (thread->state == SLOW_SERVED);
    CHECK_EQ(thread->state, SLOW_WAITS);
    before = reclaim()->direct.stolen;
    CHECK_EQ(before, 0);
    kit_serve();
    kit_settle();
    CHECK_EQ(thread->state, SLOW_SERVED);
    CHECK(reclaim()->direct.stolen > 0);
    CHECK(reclaim()->direct.scanned >= reclaim()->direct.stolen);
    count_sound();
    kit_end();
}

TEST("what is advised out is taken by neither")
{
    struct space *space = count_begin();

    for (uint64_t i = 0; i < 8; i++)
        kit_write_page(space, AT + i * PAGE, 0);
    CHECK_EQ(vm_advise(kit_vm(), space, AT, 8 * PAGE, MADV_PAGEOUT), 0);
    kit_settle();
    CHECK_EQ(kit_vm()->paging.counts.swapped_out, 8);
    CHECK_EQ(reclaim()->scanned, 8);
    CHECK_EQ(reclaim()->background.scanned + reclaim()->direct.scanned, 0);
    CHECK_EQ(reclaim()->background.stolen + reclaim()->direct.stolen, 0);
    kit_end();
}

/* ---- advice ---- */

/* Cuts a range into areas of one page. */
static void cut(struct space *space, uint64_t pages)
{
    for (uint64_t i = 0; i < pages; i += 2)
        CHECK_EQ(vm_protect(kit_vm(), space, AT + i * PAGE, PAGE, PROT_READ), 0);
}

TEST("advice about memory that programs share in many areas looks at less of it, and at some")
{
    const uint64_t pages = 512;
    struct space *space, *child;
    uint64_t before;

    kit_begin_swap(1024, 600);
    space = kit_space(1);
    child = kit_space(2);
    kit_map(space, AT, pages, MAP_SHARED);
    kit_write_pages(space, 0, pages, 0);
    CHECK_EQ(vm_fork(kit_vm(), space, child), 0);
    before = reclaim()->scanned;
    CHECK_EQ(vm_advise(kit_vm(), space, AT, pages * PAGE, MADV_COLD), 0);
    CHECK_EQ(reclaim()->scanned - before, pages);
    cut(space, pages);
    cut(child, pages);
    before = reclaim()->scanned;
    CHECK_EQ(vm_advise(kit_vm(), space, AT, pages * PAGE, MADV_COLD), 0);
    before = reclaim()->scanned - before; /* an area each, so a look each */
    CHECK(before > 0);
    CHECK((before - 1) * 2 * pages < RECLAIM_ADVISED * RECLAIM_AREAS);
    kit_end();
}

TEST("advice looks at no page that it does not name")
{
    struct space *space = kit_begin_written(256, 600, SWAP_CLUSTER);
    const struct page *pages = kit_vm()->table.pages;
    const uint64_t named = 16;

    CHECK_EQ(vm_advise(kit_vm(), space, AT, SWAP_CLUSTER * PAGE, MADV_COLD), 0); /* looks */
    kit_read_pages(space, 0, SWAP_CLUSTER, 0);
    CHECK_EQ(vm_advise(kit_vm(), space, AT + named * PAGE, PAGE, MADV_PAGEOUT), 0);
    kit_settle();
    CHECK_EQ(space->resident, SWAP_CLUSTER - 1);
    for (uint64_t i = 0; i < SWAP_CLUSTER; i++)
        CHECK(i == named || !(pages[kit_page_at(space, i)].flags & PAGE_ACCESSED));
    (void)accessed_harvest(kit_vm(), kit_page_at(space, 0));
    for (uint64_t i = 0; i < SWAP_CLUSTER; i++)
        CHECK(i == named || (pages[kit_page_at(space, i)].flags & PAGE_ACCESSED));
    kit_end();
}

TEST("advice leaves alone what is on its way")
{
    const uint64_t pages = 8;
    struct space *space = kit_begin_written(256, 600, pages);
    const struct vm *vm = kit_vm();

    CHECK_EQ(vm_advise(kit_vm(), space, AT, pages * PAGE, MADV_PAGEOUT), 0);
    CHECK_EQ(vm->table.counts[PAGE_WRITING], pages);
    CHECK_EQ(vm_advise(kit_vm(), space, AT, pages * PAGE, MADV_PAGEOUT), 0);
    CHECK_EQ(vm->paging.counts.swap_writes, 1);
    kit_settle();
    CHECK_EQ(space->resident, 0);
    kit_end();
}
