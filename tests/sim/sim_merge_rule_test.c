/* Same-page merging: what is never merged, the scanner's passes, what is asked of it, and that the checker sees
 * damage. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_merge_kit.h"

#include "checksum.h"
#include "setting.h"

/* ---- what is merged ---- */

TEST("without the setting, or without advice, nothing is looked at")
{
    struct space *one, *other;

    kit_begin(MERGE_FRAMES);
    one = merge_program(1, 4, 0);
    other = merge_program(2, 4, 0);
    CHECK(!samepage_step(kit_vm()));
    merge_set(SAMEPAGE_ON);
    CHECK_EQ(merge_advise(one, 0, 4, MADV_UNMERGEABLE), 0);
    merge_scan();
    CHECK_EQ(merge_counts()->scanned, 4 * merge_counts()->full_scans);
    CHECK_EQ(merge_shared(), 0);
    merge_set(SAMEPAGE_OFF);
    CHECK_EQ(merge_advise(one, 0, 4, MADV_MERGEABLE), 0);
    samepage_wake(kit_vm());
    CHECK(!samepage_step(kit_vm()));
    merge_read_pages(other, 4, 0);
    merge_end();
}

TEST("memory that forks share, files, and locked memory keep their frames")
{
    struct space *one, *other;

    merge_begin();
    one = kit_space(1);
    kit_map(one, AT, 4, MAP_SHARED);
    CHECK_EQ(merge_advise(one, 0, 4, MADV_MERGEABLE), 0); /* passed over, as on Linux */
    CHECK(!entry_find(&one->map, AT)->mergeable);
    for (uint64_t i = 0; i < 4; i++)
        kit_write(one, AT + i * PAGE, 1);
    other = merge_program(2, 4, 0);
    for (uint64_t i = 0; i < 4; i++) {
        kit_write(other, AT + i * PAGE, 1);
        kit_write(other, AT + i * PAGE + 2047, 0);
        kit_write(other, AT + i * PAGE + PAGE - 1, 0);
    }
    CHECK_EQ(vm_wire(kit_vm(), other, AT, 3 * PAGE, 0), 0);
    merge_scan();
    CHECK_EQ(merge_shared(), 0);
    CHECK_EQ(vm_unwire(kit_vm(), other, AT, 3 * PAGE), 0);
    merge_scan();
    CHECK_EQ(merge_shared(), 1);
    CHECK_EQ(kit_vm()->samepage.sharing, 4);
    merge_end();
}

TEST(
    "mlock makes pages that may be written the program's own, and leaves the others where they are")
{
    struct space *one, *other;

    merge_begin();
    one = merge_program(1, 4, 0);
    other = merge_program(2, 4, 0);
    merge_scan();
    CHECK_EQ(merge_shared(), 4);
    CHECK_EQ(vm_protect(kit_vm(), one, AT + 2 * PAGE, 2 * PAGE, PROT_READ), 0);
    CHECK_EQ(vm_wire(kit_vm(), one, AT, 4 * PAGE, 0), 0);
    kit_sound();
    CHECK_EQ(one->merged, 2);
    for (uint64_t i = 0; i < 4; i++) {
        CHECK(vm_is_resident(entry_find(&one->map, AT + i * PAGE), AT + i * PAGE));
        CHECK(merge_is_mapped(one, i, i < 2 ? FL_ACCESS_WRITE : FL_ACCESS_READ));
    }
    slow_destroy(&slow,
                 merge_fork(one, 3)); /* locked pages are copied at a fork; merged ones shared */
    kit_sound();
    merge_read_pages(one, 4, 0);
    merge_read_pages(other, 4, 0);
    merge_end();
}

TEST("a page that changed since it was looked at last is not merged")
{
    struct space *one, *other;

    merge_begin();
    one = merge_program(1, 1, 0);
    other = merge_program(2, 1, 1);
    samepage_wake(kit_vm());
    while (merge_counts()->full_scans < 2)
        CHECK(samepage_step(kit_vm()));
    for (uint32_t pass = 0; pass < 4; pass++) {
        uint64_t changing = merge_counts()->changing, scans = merge_counts()->full_scans;

        kit_write(one, AT + 700, (uint8_t)(pass + 1));
        kit_write_page(other, AT, 0);
        kit_write(other, AT + 700, (uint8_t)(pass + 1));
        samepage_wake(kit_vm());
        while (merge_counts()->full_scans == scans)
            CHECK(samepage_step(kit_vm()));
        CHECK_EQ(merge_counts()->changing, changing + 2);
        CHECK_EQ(merge_shared(), 0);
    }
    merge_scan();
    CHECK_EQ(merge_shared(), 1);
    merge_end();
}

/* Fills page 0 of a program: its second word has this value.  The first one is what the checksum begins with, so that their
 * product is 0 and the second weighs nothing. */
static void write_words(struct space *space, uint8_t second)
{
    uint64_t first = checksum_word(0, 0);

    kit_write(space, AT + 2047, 0);
    kit_write(space, AT + PAGE - 1, 0);
    for (uint64_t i = 0; i < 8; i++)
        kit_write(space, AT + i, (uint8_t)(first >> 8 * i));
    kit_write(space, AT + 8, second);
}

TEST("pages of one checksum and other bytes are not merged")
{
    struct space *one, *other, *third;

    merge_begin();
    one = merge_program(1, 1, 0);
    other = merge_program(2, 1, 0);
    write_words(one, 187);
    write_words(other, 246);
    merge_scan();
    CHECK_EQ(kit_vm()->table.pages[index_leaf_page(merge_leaf(one, 0))].sum,
             kit_vm()->table.pages[index_leaf_page(merge_leaf(other, 0))].sum);
    CHECK_EQ(merge_shared(), 0);
    third = merge_program(3, 1, 0);
    write_words(third, 246);
    merge_scan();
    CHECK_EQ(merge_shared(), 1); /* and the first is compared with it in vain */
    CHECK_EQ(kit_read(one, AT + 8), 187);
    CHECK_EQ(kit_read(other, AT + 8), 246);
    CHECK_EQ(kit_read(third, AT + 8), 246);
    merge_end();
}

/* ---- a store until the last moment ---- */

static struct vm_port real_port;
static struct space *storing; /* whose page another hart writes just before its translation goes */

static void unmap_after_store(void *context, uint32_t space, uint64_t address, uint64_t pages)
{
    if (storing && storing->id == space) {
        uint8_t *shown =
            (uint8_t *)(uintptr_t)fake_peek(&slow.fake, storing, address, FL_ACCESS_WRITE);

        if (shown)
            shown[123]++;
    }
    real_port.unmap(context, space, address, pages);
}

TEST("a store that comes before the page is out of all tables is seen by the comparison")
{
    for (uint32_t who = 0; who < 3; who++) {
        struct space *program[2];

        merge_begin();
        program[0] = merge_program(1, 1, 0);
        program[1] = merge_program(2, 1, 0);
        if (who == 2) { /* as a third, which meets a merged page */
            merge_scan();
            program[1] = merge_program(3, 1, 0);
        }
        real_port = kit_vm()->port;
        kit_vm()->port.unmap = unmap_after_store;
        storing = program[who > 0];
        samepage_wake(kit_vm());
        for (uint32_t i = 0; i < 6; i++)
            (void)samepage_step(kit_vm());
        kit_sound();
        storing = NULL;
        kit_vm()->port = real_port;
        CHECK(kit_read(program[who > 0], AT + 123) > 0);
        CHECK_EQ(kit_read(program[who == 0], AT + 123), 0);
        CHECK_EQ(merge_shared(), who == 2);
        merge_end();
    }
}

TEST("merged pages are at most a fourth of memory")
{
    struct space *one, *other;

    kit_begin(64);
    merge_set(SAMEPAGE_ON);
    one = merge_program(1, 20, 0);
    other = merge_program(2, 20, 0);
    merge_scan();
    CHECK_EQ(merge_shared(), (64 - kit_vm()->table.counts[PAGE_OUTSIDE]) / SAMEPAGE_SHARE);
    merge_read_pages(one, 20, 0);
    merge_read_pages(other, 20, 0);
    merge_end();
}

/* ---- passes ---- */

TEST("the scanner rests after two passes without success, until it is waked by advice or by calls")
{
    struct space *one, *other;
    uint64_t scanned, scans;
    uint32_t waked;

    merge_begin();
    one = merge_program(1, 3, 0);
    merge_scan();
    scans = merge_counts()->full_scans;
    CHECK(!samepage_step(kit_vm()));
    CHECK_EQ(merge_counts()->full_scans, scans);
    waked = slow.fake.stock_calls;
    other = merge_program(2, 3, 0);
    CHECK_EQ(slow.fake.stock_calls, waked + 1);
    while (samepage_step(kit_vm()))
        ;
    CHECK_EQ(merge_shared(), 3);
    scanned = merge_counts()->scanned;
    waked = slow.fake.stock_calls;
    kit_write(one, AT, 99); /* which nobody has */
    for (uint32_t i = 0; i < SAMEPAGE_WAKE; i++) {
        CHECK(!samepage_step(kit_vm()));
        samepage_note_call(kit_vm());
    }
    CHECK(merge_counts()->scanned > scanned);
    CHECK_EQ(slow.fake.stock_calls, waked + 1);
    while (samepage_step(kit_vm()))
        ;
    kit_write(other, AT, 99);
    for (uint32_t i = 0; !samepage_step(kit_vm());
         i++) { /* a page is found to be equal before that */
        CHECK(i < SAMEPAGE_WAKE - 1);
        samepage_note_call(kit_vm());
    }
    CHECK_EQ(slow.fake.stock_calls, waked + 2);
    CHECK_EQ(merge_shared(), 3);
    merge_end();
}

TEST("without idle time calls alone bring the pages together")
{
    merge_begin();
    merge_program(1, 6, 0);
    merge_program(2, 6, 0);
    for (uint32_t i = 0; i < 100 * SAMEPAGE_CALLS; i++) {
        samepage_note_call(kit_vm());
        kit_sound();
    }
    CHECK_EQ(merge_shared(), 6);
    merge_end();
}

TEST("a step passes no more than some entries, however many there are")
{
    struct space *space;

    merge_begin();
    space = kit_space(1);
    for (uint64_t i = 0; i < 4 * SAMEPAGE_ENTRIES; i++)
        kit_map(space, AT + 2 * i * PAGE, 1, MAP_PRIVATE);
    samepage_wake(kit_vm());
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(merge_counts()->full_scans, 0);
        CHECK(samepage_step(kit_vm()));
    }
    CHECK(samepage_step(kit_vm()));
    CHECK_EQ(merge_counts()->full_scans, 1);
    merge_end();
}

TEST("pages whose sums stand in each other's way in one pass meet in a later one")
{
    enum { PAIRS = 60 };
    struct space *one, *other;

    kit_begin(512);
    merge_set(SAMEPAGE_ON);
    one = merge_program(1, PAIRS, 0);
    other = merge_program(2, PAIRS, 0);
    for (uint32_t i = 0; i < kit_vm()->samepage.buckets;
         i++) /* as if somebody else stood everywhere */
        kit_vm()->samepage.seen[i] = index_leaf_page(merge_leaf(one, 0));
    merge_scan();
    CHECK_EQ(merge_shared(), PAIRS);
    merge_read_pages(other, PAIRS, 0);
    merge_end();
}

/* ---- calls and the setting ---- */

TEST("UNMERGEABLE gives every page of the range its own frame, at once, or says that there is none")
{
    struct space *one, *other, *child;

    merge_begin();
    one = merge_program(1, 6, 0);
    other = merge_program(2, 6, 0);
    merge_scan();
    child = merge_fork(one, 3);
    merge_read_pages(child, 6, 0);
    CHECK_EQ(merge_advise(child, 0, 3, MADV_UNMERGEABLE), 0);
    CHECK_EQ(merge_shared(), 6);
    CHECK_EQ(kit_vm()->samepage.sharing, 9); /* parent and child share three frames of their own */
    CHECK(!merge_is_mapped(one, 0, FL_ACCESS_READ) || merge_is_mapped(one, 5, FL_ACCESS_READ));
    fake_limit(&slow.fake, 1);
    CHECK_EQ(merge_advise(other, 3, 3, MADV_UNMERGEABLE), EAGAIN);
    fake_unlimit(&slow.fake);
    CHECK(!entry_find(&other->map, AT + 4 * PAGE)->mergeable);
    merge_read_pages(other, 6, 0); /* the tables show shared frames */
    CHECK_EQ(merge_advise(other, 3, 3, MADV_UNMERGEABLE), 0);
    CHECK_EQ(vm_write(kit_vm(), other, AT + 4 * PAGE + 9, &(uint8_t){7}, 1), 0);
    CHECK_EQ(kit_read(other, AT + 4 * PAGE + 9), 7);
    kit_write(other, AT + 4 * PAGE + 9, 0);
    CHECK(!entry_find(&other->map, AT + 4 * PAGE)->mergeable);
    CHECK(entry_find(&other->map, AT + PAGE)->mergeable);
    CHECK_EQ(other->merged, 3);
    merge_read_pages(one, 6, 0);
    merge_read_pages(other, 6, 0);
    merge_read_pages(child, 6, 0);
    merge_end();
}

TEST("UNMERGEABLE waits for frames where pages can leave")
{
    enum { SHARED = 30 }; /* more than there are frames to be had at once */
    struct space *one, *other;
    uint64_t merged = SHARED;
    uint32_t turn = 0;
    int error;

    kit_begin_swap(128, 300);
    merge_set(SAMEPAGE_ON);
    one = merge_program(1, SHARED, 0);
    other = merge_program(2, SHARED, 0);
    merge_scan();
    kit_map(other, AT + 100 * PAGE, 100, MAP_PRIVATE);
    for (uint64_t i = 100; i < 200; i++)
        kit_write_page(other, AT + i * PAGE, 3);
    CHECK_EQ(merge_shared(), SHARED);
    for (; (error = merge_advise(one, 0, SHARED, MADV_UNMERGEABLE)) == EINPROGRESS; turn++) {
        CHECK(turn < 100);
        CHECK(one->merged < merged || turn == 0);
        merged = one->merged;
        for (uint32_t step = 0; step < 100 && samepage_step(kit_vm()); step++)
            continue; /* what came apart stays so */
        CHECK_EQ(one->merged, merged);
        samepage_wake(kit_vm());
        kit_vm()->waits.wanted = PAGE_NONE;
        kit_serve();
        kit_settle();
    }
    CHECK_EQ(error, 0);
    CHECK_EQ(one->merged, 0);
    CHECK(turn > 0);
    CHECK_EQ(kit_vm()->samepage.counts.sought, SHARED); /* it went on where it was */
    merge_read_pages(one, SHARED, 0);
    merge_read_pages(other, SHARED, 0);
    merge_end();
}

TEST("off keeps what is merged; unmerge undoes all, and is off then; the tables' frames come back")
{
    char value[SETTING_BYTES];
    struct space *one, *other;
    uint32_t before;

    kit_begin(MERGE_FRAMES);
    before = merge_free();
    CHECK_EQ(setting_write(kit_vm(), "merge", "maybe"), EINVAL);
    CHECK_EQ(setting_write(kit_vm(), "merge", "on"), 0);
    CHECK_EQ(merge_free(), before - 2);
    CHECK_EQ(setting_write(kit_vm(), "merge", "off"), 0);
    CHECK_EQ(merge_free(), before);
    CHECK_EQ(setting_write(kit_vm(), "merge", "on"), 0);
    one = merge_program(1, 4, 0);
    other = merge_program(2, 4, 0);
    merge_scan();
    CHECK_EQ(setting_write(kit_vm(), "merge", "off"), 0);
    kit_sound();
    CHECK_EQ(merge_shared(), 4);
    CHECK_EQ(kit_vm()->samepage.frames, 2);
    kit_write(one, AT + 1, 1);
    CHECK_EQ(setting_write(kit_vm(), "merge", "unmerge"), 0);
    CHECK_EQ(setting_read(kit_vm(), "merge", value), 0);
    CHECK_STRING(value, "unmerge");
    merge_scan();
    CHECK_EQ(setting_read(kit_vm(), "merge", value), 0);
    CHECK_STRING(value, "off");
    CHECK_EQ(merge_shared(), 0);
    CHECK_EQ(kit_vm()->samepage.frames, 0);
    merge_read_pages(other, 4, 0);
    CHECK_EQ(setting_write(kit_vm(), "merge", "unmerge"), 0);
    CHECK_EQ(setting_read(kit_vm(), "merge", value), 0);
    CHECK_STRING(value, "off");
    merge_end();
}

TEST("unmerge stops where no frame is left, and goes on when there is one")
{
    struct space *one, *other;

    merge_begin();
    one = merge_program(1, 4, 0);
    other = merge_program(2, 4, 0);
    merge_scan();
    fake_limit(&slow.fake, 2);
    merge_set(SAMEPAGE_UNMERGE);
    merge_scan();
    CHECK_EQ(merge_shared(), 2);
    CHECK(!samepage_step(kit_vm()));
    fake_unlimit(&slow.fake);
    merge_scan();
    CHECK_EQ(merge_shared(), 0);
    CHECK(!samepage_is_on(kit_vm()));
    merge_read_pages(one, 4, 0);
    merge_read_pages(other, 4, 0);
    merge_end();
}

TEST("without frames for the tables merging stays off")
{
    kit_begin(MERGE_FRAMES);
    fake_limit(&slow.fake, 1);
    CHECK_EQ(setting_write(kit_vm(), "merge", "on"), ENOMEM);
    CHECK(!samepage_is_on(kit_vm()));
    kit_sound();
    fake_unlimit(&slow.fake);
    kit_vm()->commit.strict = true;
    kit_vm()->commit.pages = commit_limit(kit_vm());
    CHECK_EQ(setting_write(kit_vm(), "merge", "on"), ENOMEM);
    kit_vm()->commit.pages = 0;
    CHECK_EQ(setting_write(kit_vm(), "merge", "on"), 0);
    merge_end();
}

TEST("promises do not change: in strict mode all merged pages can be written")
{
    struct space *one, *other;
    uint64_t limit;

    kit_begin(MERGE_FRAMES);
    kit_vm()->commit.strict = true;
    merge_set(SAMEPAGE_ON);
    one = merge_program(1, 40, 0);
    other = merge_program(2, 40, 0);
    limit = commit_limit(kit_vm());
    merge_scan();
    CHECK_EQ(commit_limit(kit_vm()), limit);
    CHECK_EQ(kit_vm()->commit.pages, 80);
    kit_map(other, AT + 100 * PAGE, commit_limit(kit_vm()) - 80, MAP_PRIVATE);
    for (uint64_t i = 0; i < commit_limit(kit_vm()) - 80; i++)
        kit_write(other, AT + (100 + i) * PAGE, 1);
    for (uint64_t i = 0; i < 40; i++)
        kit_write(one, AT + i * PAGE + 50, 1);
    merge_read_pages(other, 40, 0);
    kit_vm()->commit.strict = false;
    merge_end();
}

TEST("memory that lies side by side and was advised otherwise is two areas, until it is advised "
     "alike")
{
    struct space *space;

    merge_begin();
    space = kit_space(1);
    kit_map(space, AT, 8, MAP_PRIVATE);
    CHECK_EQ(merge_advise(space, 2, 3, MADV_MERGEABLE), 0);
    CHECK_EQ(space->map.count, 3);
    CHECK_EQ(merge_advise(space, 0, 8, MADV_MERGEABLE), 0);
    CHECK_EQ(space->map.count, 1);
    CHECK(entry_find(&merge_fork(space, 2)->map, AT)->mergeable);
    CHECK_EQ(merge_advise(space, 0, 8, MADV_UNMERGEABLE), 0);
    CHECK(!entry_find(&space->map, AT)->mergeable);
    CHECK_EQ(merge_advise(space, 0, 9, MADV_MERGEABLE), ENOMEM); /* a hole; the rest is advised */
    CHECK(entry_find(&space->map, AT)->mergeable);
    merge_end();
}

/* ---- the checker ---- */

TEST("the checker names what is wrong with merged pages")
{
    struct space *one;
    struct index_place place;
    uint32_t page, other;
    uint8_t *contents;

    merge_begin();
    one = merge_program(1, 2, 0);
    merge_program(2, 2, 0);
    merge_scan();
    page = index_leaf_page(index_find(&merge_object(one, 0)->index, 0, &place));
    other = index_leaf_page(merge_leaf(one, 1));
    contents = page_contents(&kit_vm()->table, page);
    BREAKS(kit_vm()->table.pages[page].sharers, 3, "M1");
    BREAKS(kit_vm()->table.pages[page].sharers, 0, "M1");
    BREAKS(place.node->slot[0], index_leaf_merged(other), "M1");
    BREAKS(place.node->slot[0], index_leaf_merged(0), "M1");
    BREAKS(place.node->slot[0], index_leaf_merged(MERGE_FRAMES), "M1");
    BREAKS(contents[9], 1, "M2");
    BREAKS(kit_vm()->table.pages[page].sum, 1, "M2");
    BREAKS(kit_vm()->table.pages[page].link, page, "M2");
    BREAKS(kit_vm()->samepage.sharing, 3, "M3");
    BREAKS(kit_vm()->samepage.mode, SAMEPAGE_OFF, "");
    BREAKS(kit_vm()->samepage.frames, 0, "M4");
    BREAKS(kit_vm()->table.pages[page].slot, 1, "P8");
    BREAKS(merge_object(one, 0)->merged, 1, "O2");
    BREAKS(one->merged, 1, "A2");
    merge_end();
}
