/* Pages that go to the store of compressed ones and come back, case by case: alone and before a disk. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_tier_kit.h"

#include "compress_frame.h"

TEST("without a disk a program twice as large as memory finds every byte, by minor faults")
{
    struct space *space = tier_begin(128, 70, 256);

    tier_fill_all(space, 256, TIER_PACKS, 0);
    tier_check_all(space, 256, TIER_PACKS, 0);
    tier_fill_all(space, 256, TIER_SAME, 1);
    tier_check_all(space, 256, TIER_SAME, 1);
    CHECK(kit_vm()->tier.counts.put > 500 && kit_vm()->tier.counts.got > 500);
    CHECK_EQ(kit_vm()->major_faults, 0);
    CHECK_EQ(kit_vm()->reclaim.ended, 0);
    kit_end();
}

TEST("with no free frame at all every page that packs leaves, and comes back")
{
    struct space *space = tier_begin(128, 60, 64);

    tier_fill_all(space, 64, TIER_PACKS, 0);
    fake_limit(&slow.fake, 0);
    CHECK_EQ(kit_vm()->table.counts[PAGE_FREE], 0);
    kit_put_all_out();
    CHECK_EQ(space->resident, 0);
    CHECK_EQ(tier_store()->pages, 64);
    CHECK(kit_vm()->table.counts[PAGE_FREE] > 20);
    tier_check_all(space, 64, TIER_PACKS, 0);
    kit_end();
}

TEST("each page that is put out with no free frame leaves at most its own frame behind")
{
    struct space *space = tier_begin(128, 60, 40);
    struct object *object = entry_find(&space->map, AT)->object;
    uint32_t free = 0;

    tier_fill_all(space, 40, TIER_PACKS, 0);
    fake_limit(&slow.fake, 0);
    for (uint64_t i = 0; i < 40; i++) {
        kit_advise_out(object, i, 1);
        kit_sound();
        CHECK_EQ(space->swapped, i + 1);
        CHECK(kit_vm()->table.counts[PAGE_FREE] >= free);
        free = kit_vm()->table.counts[PAGE_FREE];
    }
    tier_check_all(space, 40, TIER_PACKS, 0);
    kit_end();
}

TEST(
    "a page that does not pay stays where there is no disk, and is tried again when it was written")
{
    struct space *space = tier_begin(128, 60, 8);

    tier_fill_all(space, 8, TIER_DENSE, 0);
    kit_put_all_out();
    kit_put_all_out();
    CHECK_EQ(space->resident, 8);
    CHECK_EQ(kit_vm()->tier.counts.dense, 8);
    tier_fill(space, AT + 3 * PAGE, TIER_PACKS, 1);
    CHECK_EQ(vm_write(kit_vm(), space, AT + 4 * PAGE, "\x01", 1), 0);
    kit_put_all_out();
    CHECK_EQ(space->resident, 7);
    CHECK_EQ(kit_vm()->tier.counts.dense, 9);
    CHECK(tier_is_whole(space, AT + 3 * PAGE, TIER_PACKS, 1));
    CHECK(tier_is_whole(space, AT + 2 * PAGE, TIER_DENSE, 0));
    kit_end();
}

static struct space *begin_before_disk(uint32_t percent, uint64_t pages)
{
    struct space *space = tier_begin(128, percent, pages);

    kit_make_disk(0, 600, false, NULL, 1);
    kit_swap_on(0, 600, 0);
    return space;
}

TEST("before a disk what packs goes to the store, and what does not to the disk")
{
    struct space *space = begin_before_disk(60, 48);

    for (uint64_t i = 0; i < 48; i++)
        tier_fill(space, AT + i * PAGE, (enum tier_kind)(i % TIER_KINDS), 0);
    kit_put_all_out();
    CHECK_EQ(space->resident, 0);
    CHECK_EQ(tier_store()->pages, 32);
    CHECK_EQ(tier_store()->filled, 16);
    CHECK_EQ(kit_vm()->swap.used, 16);
    for (uint64_t i = 0; i < 48; i++)
        CHECK(tier_is_whole(space, AT + i * PAGE, (enum tier_kind)(i % TIER_KINDS), 0));
    CHECK_EQ(tier_store()->pages, 0);
    kit_put_all_out(); /* the disk's pages are clean */
    CHECK_EQ(kit_vm()->paging.counts.swapped_out, 16);
    CHECK_EQ(kit_vm()->paging.counts.put_out_clean, 16);
    kit_end();
}

TEST("what the store has no room for goes to the disk, and to the store when there is room again")
{
    struct space *space = begin_before_disk(5, 80);
    uint32_t limit = kit_vm()->tier.limit;

    tier_fill_all(space, 80, TIER_PACKS, 0);
    kit_put_all_out();
    CHECK_EQ(space->resident, 0);
    CHECK(kit_vm()->tier.full);
    CHECK(compress_frames(tier_store()) <= limit);
    CHECK_EQ(kit_vm()->swap.used + tier_store()->pages, 80);
    CHECK(tier_store()->pages >= limit && kit_vm()->swap.used > 0);
    tier_check_all(space, 80, TIER_PACKS, 0);
    CHECK(!kit_vm()->tier.full);
    tier_fill(space, AT, TIER_PACKS, 1);
    kit_advise_out(entry_find(&space->map, AT)->object, 0, 1);
    CHECK_EQ(tier_store()->pages, 1);
    CHECK(tier_is_whole(space, AT, TIER_PACKS, 1));
    kit_end();
}

/* A fault, and what the driver does after it. */
static enum slow_state fault(struct space *space, uint64_t address, uint32_t access)
{
    slow_fault(&slow, &slow.thread[0], space, address, access);
    kit_serve();
    return slow.thread[0].state;
}

TEST("alone, a store that is full ends the largest program, and others keep their bytes")
{
    struct space *small = tier_begin(128, 20, 16), *large = kit_space(2);

    tier_fill_all(small, 16, TIER_PACKS, 0);
    kit_map(large, AT, 600, MAP_PRIVATE | MAP_NORESERVE);
    for (uint64_t page = 0; fault(large, AT + page * PAGE, FL_ACCESS_WRITE) == SLOW_SERVED; page++)
        tier_fill(large, AT + page * PAGE, TIER_DENSE, 0);
    CHECK_EQ(kit_vm()->reclaim.ended, 1);
    CHECK(large->stopped && !small->stopped);
    CHECK_EQ(large->event.kind, PAGER_EVENT_NO_MEMORY);
    slow_destroy(&slow, large);
    tier_check_all(small, 16, TIER_PACKS, 0);
    kit_end();
}

/* ---- damage ---- */

/* Damages the packed bytes of the page that is in the store last. */
static void damage(void)
{
    struct compress_frame *frame = page_contents(&kit_vm()->table, tier_store()->unit_head);

    frame->unit[tier_store()->last_units - 1].word[0] ^= 4;
}

TEST("a compressed page whose bytes changed stops whoever touches it, and nobody else")
{
    struct space *space = tier_begin(128, 60, 4), *other;
    struct object *object = entry_find(&space->map, AT)->object;

    tier_fill_all(space, 4, TIER_PACKS, 0);
    for (uint64_t i = 0; i < 4; i++)
        kit_advise_out(object, i, 1);
    other = kit_space(2);
    CHECK_EQ(vm_fork(kit_vm(), space, other), 0);
    damage();
    for (uint32_t turn = 1; turn < 4; turn++) {
        struct space *who = turn % 2 ? space : other;

        CHECK_EQ(fault(who, AT + 3 * PAGE, turn < 3 ? FL_ACCESS_READ : FL_ACCESS_WRITE),
                 SLOW_STOPPED);
        CHECK(space_next_event(kit_vm()) == who);
        CHECK_EQ(who->event.kind, PAGER_EVENT_UNREADABLE);
        CHECK_EQ(who->event.signal, 7);
        who->stopped = false;
        CHECK_EQ(kit_vm()->tier.counts.broken, turn);
        CHECK_EQ(kit_vm()->paging.counts.read_errors, turn);
    }
    CHECK_EQ(vm_write(kit_vm(), space, AT + 3 * PAGE, "x", 1), EFAULT);
    tier_check_all(space, 3, TIER_PACKS, 0);
    tier_check_all(other, 3, TIER_PACKS, 0);
    CHECK_EQ(vm_unmap(kit_vm(), space, AT + 3 * PAGE, PAGE), 0);
    slow_destroy(&slow, other);
    kit_sound();
    CHECK_EQ(tier_store()->pages, 0);
    kit_end();
}

/* ---- who shares, and who goes ---- */

TEST("after a fork both sides find and change compressed pages, and only readers share them")
{
    struct space *parent = tier_begin(128, 60, 32), *child = kit_space(2);

    tier_fill_all(parent, 32, TIER_PACKS, 0);
    kit_put_all_out();
    CHECK_EQ(vm_fork(kit_vm(), parent, child), 0);
    kit_sound();
    for (uint64_t i = 0; i < 32; i += 2)
        tier_fill(i % 4 ? child : parent, AT + i * PAGE, TIER_PACKS, 1);
    kit_put_all_out();
    CHECK_EQ(tier_store()->pages, 48);
    for (uint64_t i = 0; i < 32; i++) {
        CHECK(tier_is_whole(parent, AT + i * PAGE, TIER_PACKS, i % 4 == 0));
        CHECK(tier_is_whole(child, AT + i * PAGE, TIER_PACKS, i % 4 == 2));
    }
    kit_end();
}

TEST("chains with compressed pages collapse without unpacking them")
{
    struct space *parent = tier_begin(128, 60, 32), *child;

    tier_fill_all(parent, 32, TIER_PACKS, 0);
    kit_put_all_out();
    for (uint32_t generation = 1; generation < 20; generation++) {
        child = kit_space(generation + 1);
        CHECK_EQ(vm_fork(kit_vm(), parent, child), 0);
        slow_destroy(&slow, parent);
        kit_sound();
        parent = child;
    }
    CHECK(!entry_find(&parent->map, AT)->object->below);
    CHECK_EQ(parent->swapped, 32);
    CHECK_EQ(tier_store()->pages, 32);
    CHECK_EQ(kit_vm()->tier.counts.got, 0);
    tier_check_all(parent, 32, TIER_PACKS, 0);
    kit_end();
}

TEST("compressed pages that are unmapped, dropped, or gone with their program leave the store")
{
    struct space *space = tier_begin(128, 60, 32);
    uint64_t at;

    tier_fill_all(space, 32, TIER_PACKS, 0);
    kit_put_all_out();
    CHECK_EQ(vm_unmap(kit_vm(), space, AT, 8 * PAGE), 0);
    kit_sound();
    CHECK_EQ(tier_store()->pages, 24);
    CHECK_EQ(vm_advise(kit_vm(), space, AT + 8 * PAGE, 8 * PAGE, MADV_DONTNEED), 0);
    kit_sound();
    CHECK_EQ(tier_store()->pages, 16);
    CHECK_EQ(kit_read(space, AT + 9 * PAGE), 0);
    CHECK_EQ(vm_remap(kit_vm(), space,
                      &(struct vm_remap_request){
                          .address = AT + 16 * PAGE, .old_bytes = 16 * PAGE, .bytes = 8 * PAGE},
                      &at),
             0);
    kit_sound();
    CHECK_EQ(tier_store()->pages, 8);
    CHECK(tier_is_whole(space, AT + 20 * PAGE, TIER_PACKS, 0));
    slow_destroy(&slow, space);
    kit_sound();
    CHECK_EQ(tier_store()->pages, 0);
    CHECK_EQ(kit_vm()->table.counts[PAGE_PACKED], COMPRESS_RESERVE);
    kit_end();
}

TEST("locked memory does not go to the store, and what is locked comes out of it")
{
    struct space *space = tier_begin(128, 60, 16);

    tier_fill_all(space, 16, TIER_PACKS, 0);
    CHECK_EQ(vm_wire(kit_vm(), space, AT, 4 * PAGE, 0), 0);
    kit_put_all_out();
    CHECK_EQ(space->resident, 4);
    CHECK_EQ(vm_wire(kit_vm(), space, AT + 4 * PAGE, 4 * PAGE, 0), 0);
    CHECK_EQ(space->resident, 8);
    CHECK_EQ(tier_store()->pages, 8);
    tier_check_all(space, 16, TIER_PACKS, 0);
    kit_end();
}

/* ---- on and off ---- */

TEST("switched off, the store takes nothing, gives back what it holds, and then all of its frames")
{
    struct space *space = tier_begin(128, 60, 16);

    tier_fill_all(space, 16, TIER_PACKS, 0);
    kit_put_all_out();
    CHECK_EQ(tier_set(kit_vm(), TIER_MOST + 1), EINVAL);
    CHECK_EQ(tier_set(kit_vm(), 0), 0);
    kit_sound();
    CHECK(reclaim_is_on(kit_vm()));
    tier_check_all(space, 12, TIER_PACKS, 0);
    CHECK_EQ(tier_store()->pages, 4);
    kit_put_all_out();
    CHECK_EQ(tier_store()->pages, 4);
    tier_check_all(space, 16, TIER_PACKS, 0);
    CHECK_EQ(kit_vm()->table.counts[PAGE_PACKED], 0);
    CHECK(!reclaim_is_on(kit_vm()));
    CHECK_EQ(kit_vm()->reclaim.target, 0);
    kit_end();
}

TEST("the store is not switched off when its pages would have nowhere to go, nor on without frames")
{
    struct space *space = tier_begin(128, 60, 150);

    tier_fill_all(space, 150, TIER_PACKS, 0);
    CHECK_EQ(tier_set(kit_vm(), 0), ENOMEM);
    CHECK_EQ(kit_vm()->tier.percent, 60);
    tier_check_all(space, 150, TIER_PACKS, 0);
    slow_destroy(&slow, space);
    CHECK_EQ(tier_set(kit_vm(), 0), 0);
    fake_limit(&slow.fake, 1);
    CHECK_EQ(tier_set(kit_vm(), 30), ENOMEM);
    CHECK_EQ(kit_vm()->tier.percent, 0);
    kit_sound();
    CHECK_EQ(kit_vm()->table.counts[PAGE_FREE], 1);
    kit_end();
}

TEST("a smaller share holds as soon as pages have gone")
{
    struct space *space = tier_begin(128, 60, 100);

    tier_fill_all(space, 100, TIER_PACKS, 0);
    kit_put_all_out();
    CHECK(compress_frames(tier_store()) > 20);
    CHECK_EQ(tier_set(kit_vm(), 10), 0);
    kit_sound();
    tier_check_all(space, 80, TIER_PACKS, 0);
    CHECK(compress_frames(tier_store()) <= 12);
    CHECK_EQ(tier_store()->limit, 12);
    kit_end();
}

TEST("swapoff finds room in the store for what memory is too small for")
{
    struct space *space;

    kit_begin_swap(128, 200);
    space = kit_space(1);
    kit_map(space, AT, 180, MAP_PRIVATE);
    tier_fill_all(space, 180, TIER_PACKS, 0);
    kit_put_all_out();
    CHECK_EQ(kit_vm()->swap.used, 180);
    CHECK_EQ(vm_swap_off(kit_vm(), 0), ENOMEM);
    CHECK_EQ(tier_set(kit_vm(), TIER_MOST), 0);
    fake_limit(&slow.fake, 100);
    for (uint64_t i = 0; i < 100; i++)
        CHECK(tier_is_whole(space, AT + i * PAGE, TIER_PACKS, 0));
    CHECK_EQ(vm_unmap(kit_vm(), space, AT + 120 * PAGE, 60 * PAGE), 0);
    fake_unlimit(&slow.fake);
    CHECK_EQ(vm_swap_off(kit_vm(), 0), 0);
    for (uint32_t turn = 0; vm_swap_off_step(kit_vm()) == EINPROGRESS; turn++) {
        CHECK(turn < 1000);
        kit_poll(DELAY);
    }
    kit_sound();
    CHECK_EQ(kit_vm()->swap.areas, 0);
    CHECK(reclaim_is_on(kit_vm()));
    tier_check_all(space, 120, TIER_PACKS, 0);
    kit_end();
}

/* ---- what is told ---- */

TEST("a promise counts on no page to pack; what is plausible counts on four to one")
{
    struct space *space = tier_begin(128, 60, 64);
    uint64_t limit = commit_limit(kit_vm()), at;
    struct vm_map_request request = {
        .bytes = 400 * PAGE, .protection = RW, .flags = MAP_PRIVATE | MAP_ANONYMOUS};

    tier_fill_all(space, 64, TIER_PACKS, 0);
    kit_put_all_out();
    CHECK(commit_limit(kit_vm()) <= limit + 1);
    CHECK_EQ(vm_map(kit_vm(), space, &request, &at), 0);
    request.bytes = 500 * PAGE;
    CHECK_EQ(vm_map(kit_vm(), space, &request, &at), ENOMEM);
    kit_vm()->commit.strict = true;
    request.bytes = 128 * PAGE;
    CHECK_EQ(vm_map(kit_vm(), space, &request, &at), ENOMEM);
    kit_end();
}

TEST("the checker names what is wrong with compressed pages")
{
    struct space *space = tier_begin(128, 60, 4);
    struct object *object = entry_find(&space->map, AT)->object;
    struct index_place first;

    tier_fill_all(space, 4, TIER_PACKS, 0);
    kit_put_all_out();
    index_find(&object->index, 0, &first);
    BREAKS(first.node->slot[0], index_leaf_compressed(77), "V7");
    BREAKS(first.node->slot[0], first.node->slot[1], "V7"); /* twice, and one is nobody's */
    BREAKS(first.node->slot[0], INDEX_LEAF_ZERO, "V7");
    BREAKS(kit_vm()->tier.store.pages, 3, "C6");
    BREAKS(kit_vm()->tier.store.spare, 0, "C1");
    BREAKS(kit_vm()->tier.store.limit, 0, "C6");
    BREAKS(kit_vm()->tier.percent, 0, "V7"); /* spare frames of a store that is off */
    BREAKS(object->swapped, 3, "O2");
    kit_end();
}

TEST("swapoff is refused when the store, which is off, could not end without the disk")
{
    struct space *space;

    kit_begin_swap(128, 400);
    CHECK_EQ(tier_set(kit_vm(), 60), 0);
    space = kit_space(1);
    kit_map(space, AT, 150, MAP_PRIVATE);
    tier_fill_all(space, 150, TIER_PACKS, 0);
    CHECK_EQ(kit_vm()->swap.used, 0);
    CHECK_EQ(tier_set(kit_vm(), 0), 0); /* what it holds can go to the disk */
    CHECK(tier_store()->pages > kit_vm()->table.counts[PAGE_FREE]);
    CHECK_EQ(vm_swap_off(kit_vm(), 0), ENOMEM);
    for (uint64_t i = 0; i < 150; i++) { /* without the check: ended by SIGKILL at one of these */
        (void)slow_fault(&slow, &slow.thread[0], space, AT + i * PAGE, FL_ACCESS_READ);
        kit_serve();
        kit_settle();
        CHECK(!space->stopped);
    }
    kit_end();
}

TEST("a smaller share is refused where what the store holds above it fits nowhere else")
{
    struct space *space;

    kit_begin(128);
    CHECK_EQ(tier_set(kit_vm(), 60), 0);
    space = kit_space(1);
    kit_map(space, AT, 150, MAP_PRIVATE);
    tier_fill_all(space, 150, TIER_PACKS, 0);
    CHECK(tier_store()->pages > kit_vm()->table.counts[PAGE_FREE]);
    CHECK_EQ(tier_set(kit_vm(), 1), ENOMEM);
    CHECK_EQ(kit_vm()->tier.percent, 60);
    CHECK_EQ(vm_unmap(kit_vm(), space, AT + 30 * PAGE, 120 * PAGE), 0);
    CHECK_EQ(tier_set(kit_vm(), 1), 0);
    for (uint64_t i = 0; i < 30; i++)
        (void)kit_read(space, AT + i * PAGE);
    CHECK(!space->stopped);
    kit_end();
}
