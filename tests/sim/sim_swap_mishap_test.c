/* What the core keeps for people to be told: which page of which disk was lost, and whose it was. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_tier_kit.h"

#include "compress_frame.h"

#define PID 77u

static struct space *owner;

/* A program whose pages, so many, are in memory. */
static void mishap_begin(uint64_t pages)
{
    kit_begin_swap(128, 600);
    owner = kit_space(PID);
    kit_map(owner, AT, pages, MAP_PRIVATE);
    for (uint64_t i = 0; i < pages; i++)
        kit_write_page(owner, AT + i * PAGE, 0);
}

/* Where page `page` of the program is out. */
static uint32_t mishap_slot(uint64_t page)
{
    const struct entry *entry = entry_find_from(&owner->map, AT);

    return index_leaf_slot(index_lookup(&entry->object->index, entry->offset + page));
}

static void mishap_none(void)
{
    struct paging_mishap mishap;

    CHECK(!paging_take_mishap(kit_vm(), &mishap));
}

static void mishap_is(enum paging_mishap_kind kind, uint32_t slot)
{
    struct paging_mishap mishap;

    CHECK(paging_take_mishap(kit_vm(), &mishap));
    CHECK_EQ(mishap.kind, kind);
    CHECK_EQ(mishap.device, 0);
    CHECK_EQ(mishap.page, SWAP_SLOT_PAGE(slot));
    CHECK_EQ(mishap.pid, PID);
}

static enum slow_state mishap_touch(uint64_t page)
{
    slow_fault(&slow, &slow.thread[0], owner, AT + page * PAGE, FL_ACCESS_READ);
    kit_serve();
    kit_settle();
    return slow.thread[0].state;
}

TEST("a page that the disk cannot read is told once for each try, by its place and owner")
{
    uint32_t slot;

    mishap_begin(8);
    kit_put_all_out();
    slot = mishap_slot(3);
    kit_bad[0] = SWAP_SLOT_PAGE(slot);
    CHECK_EQ(mishap_touch(3), SLOW_STOPPED);
    mishap_is(PAGING_UNREADABLE, slot);
    mishap_none();
    CHECK(space_next_event(kit_vm()) == owner);
    owner->stopped = false;
    kit_bad[0] = 0;
    CHECK_EQ(mishap_touch(3), SLOW_SERVED);
    mishap_none();
    kit_end();
}

TEST("a page that was read ahead and could not be is told only when somebody wants it")
{
    uint32_t slot;

    mishap_begin(8);
    kit_put_all_out();
    slot = mishap_slot(2);
    kit_bad[0] = SWAP_SLOT_PAGE(slot);
    for (uint64_t page = 0; page < 2; page++)
        CHECK_EQ(mishap_touch(page), SLOW_SERVED);
    CHECK(kit_vm()->paging.counts.read_errors > 0);
    mishap_none();
    CHECK_EQ(mishap_touch(2), SLOW_STOPPED);
    mishap_is(PAGING_UNREADABLE, slot);
    mishap_none();
    CHECK(space_next_event(kit_vm()) == owner);
    kit_bad[0] = 0;
    kit_end();
}

TEST("a page of a disk that is not there any more is told, by its place and owner")
{
    uint32_t slot;

    mishap_begin(8);
    kit_put_all_out();
    slot = mishap_slot(3);
    kit_gone[0] = true;
    CHECK_EQ(mishap_touch(3), SLOW_STOPPED);
    mishap_is(PAGING_UNREADABLE, slot);
    mishap_none();
    CHECK(space_next_event(kit_vm()) == owner);
    kit_gone[0] = false;
    kit_end();
}

TEST("a page that is not what was written is told apart from one that cannot be read")
{
    uint32_t slot;

    mishap_begin(8);
    kit_put_all_out();
    slot = mishap_slot(5);
    sim_disk_medium(kit_disk[0], SWAP_SLOT_PAGE(slot))[17] ^= 1;
    CHECK_EQ(mishap_touch(5), SLOW_STOPPED);
    mishap_is(PAGING_CHANGED, slot);
    mishap_none();
    CHECK(space_next_event(kit_vm()) == owner);
    kit_end();
}

TEST("a slot that is never used again is told, with the page that should have gone there")
{
    mishap_begin(1);
    kit_bad[0] = 1; /* the first that is taken */
    CHECK_EQ(vm_advise(kit_vm(), owner, AT, PAGE, MADV_PAGEOUT), 0);
    kit_settle();
    mishap_is(PAGING_RETIRED, SWAP_SLOT(0, 1));
    mishap_none();
    kit_read_page(owner, AT, 0);
    kit_end();
}

TEST("of a page that nobody has any more nothing is told")
{
    mishap_begin(1);
    kit_bad[0] = 1;
    CHECK_EQ(vm_advise(kit_vm(), owner, AT, PAGE, MADV_PAGEOUT), 0);
    CHECK_EQ(vm_unmap(kit_vm(), owner, AT, PAGE), 0);
    kit_settle();
    CHECK_EQ(kit_vm()->paging.counts.write_errors, 1);
    mishap_none();
    kit_end();
}

/* The record of what the store keeps of page `page` of the program, or of its packed bytes the first. */
static struct compress_record *mishap_record(uint64_t page, uint32_t *number)
{
    const struct entry *entry = entry_find_from(&owner->map, AT);
    uint64_t leaf = index_lookup(&entry->object->index, entry->offset + page);
    struct compress_frame *frame;

    CHECK(index_leaf_is_compressed(leaf));
    *number = compress_number(index_leaf_handle(leaf));
    frame = page_contents(&kit_vm()->table, *number >> COMPRESS_PAGE_SHIFT);
    return &frame->record[*number & ((1u << COMPRESS_PAGE_SHIFT) - 1)];
}

TEST("a compressed page that is not what was put is told each time, and only its owner stops")
{
    static const enum tier_kind kinds[] = {TIER_PACKS, TIER_SAME};
    struct space *other;
    struct paging_mishap mishap;
    uint32_t number;

    owner = tier_begin(128, 60, 8);
    owner->pid = PID;
    other = kit_space(2);
    kit_map(other, AT, 8, MAP_PRIVATE);
    for (uint64_t i = 0; i < 8; i++) {
        tier_fill(owner, AT + i * PAGE, kinds[i % 2], 0);
        tier_fill(other, AT + i * PAGE, kinds[i % 2], 1);
    }
    kit_put_all_out();
    mishap_record(6, &number)->sum ^=
        1; /* of a page that was packed, and of one that is one word */
    mishap_record(7, &number)->word ^= 1;
    for (uint64_t page = 6; page < 8; page++)
        for (uint32_t turn = 0; turn < 2; turn++) {
            mishap_record(page, &number);
            CHECK_EQ(mishap_touch(page), SLOW_STOPPED);
            CHECK(paging_take_mishap(kit_vm(), &mishap));
            CHECK_EQ(mishap.kind, PAGING_BROKEN);
            CHECK_EQ(mishap.page, number);
            CHECK_EQ(mishap.pid, PID);
            mishap_none();
            CHECK(space_next_event(kit_vm()) == owner);
            CHECK_EQ(owner->event.signal, 7);
            CHECK_EQ(owner->event.address, AT + page * PAGE);
            owner->stopped = false;
        }
    for (uint64_t i = 0; i < 8; i++) {
        CHECK(i >= 6 || tier_is_whole(owner, AT + i * PAGE, kinds[i % 2], 0));
        CHECK(tier_is_whole(other, AT + i * PAGE, kinds[i % 2], 1));
    }
    CHECK(!space_next_event(kit_vm()));
    mishap_none();
    slow_destroy(&slow, owner);
    CHECK_EQ(tier_store()->pages, 0);
    kit_end();
}

TEST("a compressed page that does not unpack is told as one whose bytes are others")
{
    struct paging_mishap mishap;
    struct compress_record *record;
    struct compress_frame *frame;
    uint32_t number;

    owner = tier_begin(128, 60, 1);
    tier_fill(owner, AT, TIER_PACKS, 0);
    kit_put_all_out();
    record = mishap_record(0, &number);
    frame = page_contents(&kit_vm()->table, record->first >> COMPRESS_UNIT_SHIFT);
    memset(frame->unit[record->first & ((1u << COMPRESS_UNIT_SHIFT) - 1)].word, 0xff,
           COMPRESS_UNIT_BYTES); /* literals without end */
    CHECK_EQ(vm_write(kit_vm(), owner, AT, "x", 1), EFAULT);
    CHECK(paging_take_mishap(kit_vm(), &mishap));
    CHECK_EQ(mishap.kind, PAGING_BROKEN);
    CHECK_EQ(mishap.page, number);
    mishap_none();
    CHECK(!space_next_event(kit_vm()));
    kit_end();
}

TEST("when nobody takes them as many are kept as there is room for, and no more")
{
    struct paging_mishap mishap;
    uint32_t kept = 0;

    mishap_begin(40);
    kit_gone[0] = false;
    for (uint32_t page = 0; page < 40; page++) {
        kit_bad[0] = 1 + page;
        CHECK_EQ(vm_advise(kit_vm(), owner, AT + page * PAGE, PAGE, MADV_PAGEOUT), 0);
        kit_settle();
    }
    CHECK_EQ(kit_vm()->paging.counts.write_errors, 40);
    while (paging_take_mishap(kit_vm(), &mishap))
        kept++;
    CHECK_EQ(kept, PAGING_MISHAPS);
    kit_end();
}
