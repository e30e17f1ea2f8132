/* Address spaces: map, unmap, protect, entry, and the tables under them. */
#include "refusal.h"

#define RAM     FL_BOOT_RAM
#define CNODE   FL_BOOT_CNODE
#define PAGE    ((uint64_t)FL_PAGE_BYTES)
#define R       FL_RIGHT_READ
#define W       FL_RIGHT_WRITE
#define X       FL_RIGHT_EXEC
#define RW      (R | W)
#define CEILING (FL_ENTRY_CEIL_W | FL_ENTRY_CEIL_X)
#define NO_SLOT 63u
#define LAST    (FL_USER_END - PAGE)

static uint64_t pool, space, page;

/* A space of a pool of `frames`, one of which is its root; `page`: 4 free frames. */
static void setup(uint64_t frames)
{
    refusal_begin();
    pool = kit_pool(frames);
    space = kit_bare_space(pool);
    page = kit_frames(4);
    refusal_watch_frame(page);
    refusal_watch_frame(page + 1);
    refusal_watch_entry(space, KIT_AREA);
    refusal_watch_entry(space, KIT_AREA + PAGE);
}

static uint64_t entry(uint64_t address)
{
    return flr_vspace_entry(space, address).value;
}

static uint64_t sticky_state(uint64_t which)
{
    return flr_memory_frame_state(RAM, which).value;
}

/* Without the sticky bits, which a frame keeps from test to test. */
static uint64_t frame_state(uint64_t which)
{
    return sticky_state(which) & ~(uint64_t)(FL_FRAME_ACCESSED | FL_FRAME_DIRTY);
}

static struct fl_result map(uint64_t which, uint64_t address, uint64_t rights)
{
    return flr_vspace_map(space, RAM, which, address, 1, rights);
}

static uint64_t count_spare(void)
{
    uint64_t spare = 0;

    while (flr_pool_withdraw(pool, RAM).status == FL_OK)
        spare++;
    return spare;
}

TEST("a space has a pool once, and needs a frame of it")
{
    refusal_begin();
    uint64_t empty = kit_pool(0), full = kit_pool(3), fresh = kit_object(FL_OBJECT_VSPACE);
    uint64_t weak = kit_copy(fresh, FL_RIGHTS_ALL & ~FL_RIGHT_MAP, 0);
    CHECK_REFUSED(flr_vspace_set_pool(NO_SLOT, full), BAD_SLOT, 1);
    CHECK_REFUSED(flr_vspace_set_pool(full, full), BAD_TYPE, 1);
    CHECK_REFUSED(flr_vspace_set_pool(weak, full), NO_RIGHT, 1);
    CHECK_REFUSED(flr_vspace_set_pool(fresh, fresh), BAD_TYPE, 2);
    CHECK_REFUSED(flr_vspace_set_pool(fresh, empty), NO_TABLE, 2);
    CHECK_DONE(flr_vspace_set_pool(fresh, full));
    CHECK_REFUSED(flr_vspace_set_pool(fresh, full), BUSY, 1);
    CHECK_REFUSED(flr_vspace_set_pool(fresh, empty), BUSY, 1);
}

TEST("a space without a pool is not ready for any call")
{
    refusal_begin();
    uint64_t fresh = kit_object(FL_OBJECT_VSPACE), tcb = kit_object(FL_OBJECT_TCB);
    CHECK_REFUSED(flr_vspace_map(fresh, RAM, 0, KIT_AREA, 1, R), NOT_READY, 1);
    CHECK_REFUSED(flr_vspace_unmap(fresh, KIT_AREA, 1), NOT_READY, 1);
    CHECK_REFUSED(flr_vspace_protect(fresh, KIT_AREA, 1, R), NOT_READY, 1);
    CHECK_REFUSED(flr_vspace_entry(fresh, KIT_AREA), NOT_READY, 1);
    CHECK_REFUSED(flr_tcb_set_space(tcb, fresh, 0), NOT_READY, 2);
}

TEST("a mapped page shows its rights and ceiling, its frame one mapping more")
{
    setup(8);
    CHECK_EQ(entry(KIT_AREA), 0);
    CHECK_DONE(map(page, KIT_AREA, R));
    CHECK_EQ(entry(KIT_AREA), R | FL_ENTRY_VALID | CEILING);
    CHECK_EQ(frame_state(page), FL_FRAME_USER | 1ull << 16);
    CHECK_DONE(map(page, KIT_AREA + PAGE, RW | FL_MAP_ACCESSED | FL_MAP_DIRTY));
    CHECK_EQ(entry(KIT_AREA + PAGE),
             RW | FL_ENTRY_VALID | CEILING | FL_ENTRY_ACCESSED | FL_ENTRY_DIRTY);
    CHECK_EQ(frame_state(page), FL_FRAME_USER | 2ull << 16);
    CHECK_DONE(flr_vspace_unmap(space, KIT_AREA, 2));
    CHECK_EQ(entry(KIT_AREA), 0);
}

TEST("the first and the last page of the user half can be mapped, their neighbours cannot")
{
    setup(8);
    CHECK_DONE(map(page, FL_USER_BASE, R));
    CHECK_DONE(map(page, LAST, R));
    CHECK_REFUSED(map(page, 0, R), OUT_OF_RANGE, 4);
    CHECK_REFUSED(map(page, FL_USER_END, R), OUT_OF_RANGE, 4);
    CHECK_REFUSED(flr_vspace_map(space, RAM, page, LAST, 2, R), OUT_OF_RANGE, 5);
    CHECK_DONE(flr_vspace_unmap(space, FL_USER_BASE, 1));
    CHECK_DONE(flr_vspace_unmap(space, LAST, 1));
}

static const uint64_t far_addresses[] = {
    0, FL_USER_END, 0x8000000000ull, 0xffffffc000000000ull, 0xffffffff80000000ull, 0 - PAGE};

TEST("kernel, non-canonical and page-0 addresses are out of range for every call")
{
    setup(4);
    for (unsigned i = 0; i < sizeof far_addresses / sizeof far_addresses[0]; i++) {
        uint64_t address = far_addresses[i];
        CHECK_REFUSED(map(page, address, R), OUT_OF_RANGE, 4);
        CHECK_REFUSED(flr_vspace_unmap(space, address, 1), OUT_OF_RANGE, 2);
        CHECK_REFUSED(flr_vspace_protect(space, address, 1, R), OUT_OF_RANGE, 2);
        CHECK_REFUSED(flr_vspace_entry(space, address), OUT_OF_RANGE, 2);
    }
}

TEST("addresses inside a page are unaligned for every call")
{
    setup(4);
    static const uint64_t inside[] = {1, 8, PAGE - 1};
    for (unsigned i = 0; i < 3; i++) {
        uint64_t address = KIT_AREA + inside[i];
        CHECK_REFUSED(map(page, address, R), UNALIGNED, 4);
        CHECK_REFUSED(flr_vspace_unmap(space, address, 1), UNALIGNED, 2);
        CHECK_REFUSED(flr_vspace_protect(space, address, 1, R), UNALIGNED, 2);
        CHECK_REFUSED(flr_vspace_entry(space, address), UNALIGNED, 2);
    }
}

TEST("ranges of no page, past the end and around the end of addresses are refused")
{
    setup(4);
    static const uint64_t counts[] = {0, (FL_USER_END - KIT_AREA) / PAGE + 1, FL_RANGE_PAGES + 1,
                                      1ull << 52, UINT64_MAX};
    for (unsigned i = 0; i < 5; i++) {
        CHECK_REFUSED(flr_vspace_map(space, RAM, page, KIT_AREA, counts[i], R), OUT_OF_RANGE, 5);
        CHECK_REFUSED(flr_vspace_unmap(space, KIT_AREA, counts[i]), OUT_OF_RANGE, 3);
        CHECK_REFUSED(flr_vspace_protect(space, KIT_AREA, counts[i], R), OUT_OF_RANGE, 3);
    }
}

TEST("map refuses pages beyond the Memory range")
{
    setup(4);
    uint64_t n = kit_boot_info()->ram[0].pages;
    CHECK_REFUSED(map(n, KIT_AREA, R), OUT_OF_RANGE, 3);
    CHECK_REFUSED(map(UINT64_MAX, KIT_AREA, R), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_vspace_map(space, RAM, n - 1, KIT_AREA, 2, R), OUT_OF_RANGE, 3);
}

TEST("rights that make no leaf, and flags that are not defined, are refused")
{
    setup(4);
    CHECK_DONE(map(page, KIT_AREA, R));
    static const uint64_t no_leaf[] = {0, W, W | X};
    for (unsigned i = 0; i < 3; i++) {
        CHECK_REFUSED(map(page + 1, KIT_AREA + PAGE, no_leaf[i]), OUT_OF_RANGE, 6);
        CHECK_REFUSED(flr_vspace_protect(space, KIT_AREA, 1, no_leaf[i]), OUT_OF_RANGE, 4);
    }
    static const uint64_t flags[] = {8, 0x80, 0x800, 1ull << 31, 1ull << 32, 1ull << 63};
    for (unsigned i = 0; i < 6; i++) {
        CHECK_REFUSED(map(page + 1, KIT_AREA + PAGE, R | flags[i]), RESERVED, 6);
        CHECK_REFUSED(flr_vspace_protect(space, KIT_AREA, 1, R | flags[i]), RESERVED, 4);
    }
    CHECK_REFUSED(map(page + 1, KIT_AREA + PAGE, R | FL_MAP_DIRTY), RESERVED, 6);
    CHECK_REFUSED(flr_vspace_protect(space, KIT_AREA, 1, RW | FL_MAP_DIRTY), RESERVED, 4);
}

TEST("map, unmap, protect and entry need the space with the map right")
{
    setup(4);
    uint64_t weak = kit_copy(space, FL_RIGHTS_ALL & ~FL_RIGHT_MAP, 0);
    const uint64_t wrong[][2] = {{NO_SLOT, FL_BAD_SLOT}, {RAM, FL_BAD_TYPE}, {weak, FL_NO_RIGHT}};
    for (unsigned i = 0; i < 3; i++) {
        uint64_t slot = wrong[i][0], expected = FL_STATUS(wrong[i][1], 1);
        CHECK_EQ(flr_vspace_map(slot, RAM, page, KIT_AREA, 1, R).status, expected);
        CHECK_EQ(flr_vspace_unmap(slot, KIT_AREA, 1).status, expected);
        CHECK_EQ(flr_vspace_protect(slot, KIT_AREA, 1, R).status, expected);
        CHECK_EQ(flr_vspace_entry(slot, KIT_AREA).status, expected);
    }
}

TEST("map needs a Memory capability with the map right and the rights asked for")
{
    setup(4);
    uint64_t unmappable = kit_copy(RAM, FL_RIGHTS_ALL & ~FL_RIGHT_MAP, 0);
    uint64_t readable = kit_copy(RAM, R | FL_RIGHT_MAP, 0);
    CHECK_REFUSED(flr_vspace_map(space, NO_SLOT, page, KIT_AREA, 1, R), BAD_SLOT, 2);
    CHECK_REFUSED(flr_vspace_map(space, space, page, KIT_AREA, 1, R), BAD_TYPE, 2);
    CHECK_REFUSED(flr_vspace_map(space, unmappable, page, KIT_AREA, 1, R), NO_RIGHT, 2);
    CHECK_REFUSED(flr_vspace_map(space, readable, page, KIT_AREA, 1, RW), NO_RIGHT, 6);
    CHECK_REFUSED(flr_vspace_map(space, readable, page, KIT_AREA, 1, R | X), NO_RIGHT, 6);
}

TEST("protect goes up to the ceiling of the capability that mapped, and no higher")
{
    setup(8);
    uint64_t readable = kit_copy(RAM, R | FL_RIGHT_MAP, 0);
    uint64_t writable = kit_copy(RAM, RW | FL_RIGHT_MAP, 0);
    CHECK_DONE(flr_vspace_map(space, readable, page, KIT_AREA, 1, R));
    CHECK_DONE(flr_vspace_map(space, writable, page + 1, KIT_AREA + PAGE, 1, R));
    CHECK_EQ(entry(KIT_AREA), R | FL_ENTRY_VALID);
    CHECK_EQ(entry(KIT_AREA + PAGE), R | FL_ENTRY_VALID | FL_ENTRY_CEIL_W);
    CHECK_REFUSED(flr_vspace_protect(space, KIT_AREA, 1, RW), CEILING, 4);
    CHECK_REFUSED(flr_vspace_protect(space, KIT_AREA, 1, R | X), CEILING, 4);
    CHECK_REFUSED(flr_vspace_protect(space, KIT_AREA + PAGE, 1, R | X), CEILING, 4);
    CHECK_REFUSED(flr_vspace_protect(space, KIT_AREA, 2, RW), CEILING, 4);
    CHECK_DONE(flr_vspace_protect(space, KIT_AREA + PAGE, 1, RW));
    CHECK_EQ(entry(KIT_AREA + PAGE), RW | FL_ENTRY_VALID | FL_ENTRY_CEIL_W);
}

TEST("mapping a frame again through a weaker capability lowers its ceiling")
{
    setup(8);
    uint64_t readable = kit_copy(RAM, R | FL_RIGHT_MAP, 0);
    CHECK_DONE(map(page, KIT_AREA, RW));
    CHECK_DONE(flr_vspace_map(space, readable, page, KIT_AREA, 1, R));
    CHECK_EQ(entry(KIT_AREA), R | FL_ENTRY_VALID);
    CHECK_EQ(frame_state(page), FL_FRAME_USER | 1ull << 16);
    CHECK_REFUSED(flr_vspace_protect(space, KIT_AREA, 1, RW), CEILING, 4);
}

TEST("protect passes over absent pages and keeps A and D")
{
    setup(8);
    CHECK_DONE(map(page, KIT_AREA + PAGE, RW | FL_MAP_ACCESSED | FL_MAP_DIRTY));
    struct fl_result result = flr_vspace_protect(space, KIT_AREA, 3, R);
    CHECK_EQ(result.status, FL_OK);
    CHECK_EQ(result.value, 3);
    CHECK_EQ(entry(KIT_AREA + PAGE),
             R | FL_ENTRY_VALID | CEILING | FL_ENTRY_ACCESSED | FL_ENTRY_DIRTY);
    CHECK_EQ(entry(KIT_AREA), 0);
}

TEST("an entry for another frame is in the way unless the map says replace")
{
    setup(8);
    CHECK_DONE(map(page, KIT_AREA, RW));
    CHECK_REFUSED(map(page + 1, KIT_AREA, RW), OCCUPIED, 0);
    CHECK_DONE(map(page, KIT_AREA, R));
    CHECK_EQ(frame_state(page), FL_FRAME_USER | 1ull << 16);
    CHECK_DONE(map(page + 1, KIT_AREA, RW | FL_MAP_REPLACE));
    CHECK_EQ(frame_state(page) & 0xff, FL_FRAME_FREE);
    CHECK_EQ(frame_state(page + 1), FL_FRAME_USER | 1ull << 16);
}

TEST("a map that meets an entry in the way tells how many pages it did")
{
    setup(8);
    CHECK_DONE(map(page + 3, KIT_AREA + 2 * PAGE, R));
    struct fl_result result = flr_vspace_map(space, RAM, page, KIT_AREA, 4, R);
    CHECK_EQ(result.status, FL_OCCUPIED);
    CHECK_EQ(result.value, 2);
    CHECK_EQ(frame_state(page + 1), FL_FRAME_USER | 1ull << 16);
    CHECK_EQ(frame_state(page + 2), FL_FRAME_FREE);
}

TEST("frames that are tables or objects are never mapped, in any part of a range")
{
    setup(8);
    uint64_t pages = kit_frames(2), tcb = kit_frames(1), slot = kit_slots(1);
    CHECK_DONE(flr_pool_donate(pool, RAM, pages + 1, 1));
    CHECK_DONE(flr_memory_retype(RAM, tcb, FL_OBJECT_TCB, 1, CNODE, slot));
    CHECK_REFUSED(map(pages + 1, KIT_AREA, R), BAD_FRAME, 0);
    CHECK_REFUSED(map(tcb, KIT_AREA, R), BAD_FRAME, 0);
    CHECK_REFUSED(map(tcb, KIT_AREA, R | FL_MAP_REPLACE), BAD_FRAME, 0);
    struct fl_result result = flr_vspace_map(space, RAM, pages, KIT_AREA, 2, R);
    CHECK_EQ(result.status, FL_BAD_FRAME);
    CHECK_EQ(result.value, 1);
}

TEST("tables and objects of the root task itself cannot be mapped")
{
    setup(8);
    uint64_t image = kit_boot_info()->image_page;
    for (uint64_t i = 0; i < image; i++)
        CHECK_REFUSED(map(i, KIT_AREA, R), BAD_FRAME, 0);
}

TEST("map reports a lack of tables at every depth, loses nothing and works after a donation")
{
    for (uint64_t spare = 0; spare < 2; spare++) {
        setup(1 + spare);
        CHECK_REFUSED(map(page, KIT_AREA, RW), NO_TABLE, 0);
        CHECK_EQ(count_spare(), spare);
        CHECK_DONE(flr_pool_donate(pool, RAM, kit_frames(2), 2));
        CHECK_DONE(map(page, KIT_AREA, RW));
        CHECK_EQ(frame_state(page), FL_FRAME_USER | 1ull << 16);
    }
}

TEST("a range over many tables stops at any number of spare tables and goes on after a donation")
{
    const uint64_t pages = 1500, start = KIT_AREA + (1ull << 30) - 700 * PAGE;

    for (uint64_t spare = 0; spare < 7; spare++) {
        setup(1 + spare);
        uint64_t first = kit_frames(pages), done = 0, mappings = kit_counter(FL_COUNTER_MAPPINGS);
        struct fl_result result;
        unsigned shortages = 0;
        while (done < pages) {
            result = flr_vspace_map(space, RAM, first + done, start + done * PAGE, pages - done, R);
            done += result.value;
            CHECK_EQ(kit_counter(FL_COUNTER_MAPPINGS), mappings + done);
            if (result.status == FL_NO_TABLE) {
                CHECK(++shortages < 8);
                CHECK_DONE(flr_pool_donate(pool, RAM, kit_frames(1), 1));
            } else {
                CHECK_EQ(result.status, done < pages ? FL_MORE : FL_OK);
            }
        }
        CHECK_EQ(shortages, 6 - spare);
    }
}

TEST("a range of 3,000 pages is mapped, protected and unmapped in bounded steps")
{
    const uint64_t pages = 3000;

    setup(16);
    uint64_t first = kit_frames(pages), mappings = kit_counter(FL_COUNTER_MAPPINGS);
    for (unsigned what = 0; what < 3; what++) {
        struct fl_result result;
        unsigned steps = 0;
        for (uint64_t done = 0; done < pages; done += result.value) {
            uint64_t at = KIT_AREA + done * PAGE;
            if (what == 0)
                result = flr_vspace_map(space, RAM, first + done, at, pages - done, RW);
            else if (what == 1)
                result = flr_vspace_protect(space, at, pages - done, R);
            else
                result = flr_vspace_unmap(space, at, pages - done);
            CHECK_EQ(result.status, done + result.value < pages ? FL_MORE : FL_OK);
            CHECK(result.value > 0 && result.value <= 512);
            steps++;
        }
        CHECK(steps >= 6);
        uint64_t mapped = what < 2 ? pages : 0;
        CHECK_EQ(kit_counter(FL_COUNTER_MAPPINGS), mappings + mapped);
        CHECK_EQ(entry(KIT_AREA + (pages - 1) * PAGE),
                 what == 0 ? RW | FL_ENTRY_VALID | CEILING
                           : (what == 1 ? R | FL_ENTRY_VALID | CEILING : 0));
    }
}

TEST("unmapping the whole empty user half takes few steps")
{
    setup(4);
    uint64_t pages = (FL_USER_END - FL_USER_BASE) / PAGE;
    struct fl_result result = flr_vspace_unmap(space, FL_USER_BASE, FL_RANGE_PAGES - 1);
    CHECK_EQ(result.status, FL_OK);
    CHECK_EQ(result.value, pages);
}

TEST("tables go back to the pool when they are empty, so the same tables serve another place")
{
    setup(3);
    for (uint64_t i = 0; i < 200; i++) {
        uint64_t address = FL_USER_BASE + (i << 30);
        CHECK_DONE(map(page, address, RW));
        CHECK_REFUSED(map(page + 1, address ^ 1ull << 37, RW), NO_TABLE, 0);
        CHECK_DONE(flr_vspace_unmap(space, address, 1));
    }
    CHECK_EQ(count_spare(), 2);
}

TEST("a withdrawn spare table is free memory again while used ones stay")
{
    setup(4);
    CHECK_DONE(map(page, KIT_AREA, RW));
    CHECK_EQ(count_spare(), 1);
    CHECK_REFUSED(flr_cnode_delete(CNODE, pool), BUSY, 2);
    CHECK_EQ(frame_state(page), FL_FRAME_USER | 1ull << 16);
}

TEST("two spaces of one pool share its frames, and each gives back its own")
{
    setup(6);
    uint64_t other = kit_bare_space(pool);
    CHECK_DONE(map(page, KIT_AREA, RW));
    CHECK_DONE(flr_vspace_map(other, RAM, page, KIT_AREA, 1, RW));
    CHECK_REFUSED(flr_vspace_map(other, RAM, page, KIT_AREA + (1ull << 30), 1, RW), NO_TABLE, 0);
    CHECK_EQ(kit_delete(space), FL_OK);
    CHECK_DONE(flr_vspace_map(other, RAM, page, KIT_AREA + (1ull << 30), 1, RW));
    CHECK_EQ(frame_state(page), FL_FRAME_USER | 2ull << 16);
}

/* Sticky bits are those of the frame since it was last a table or object; pages here are fresh. */
static uint64_t fresh_frame(void)
{
    uint64_t which = kit_frames(1), slot = kit_slots(1);

    CHECK_DONE(flr_memory_retype(RAM, which, FL_OBJECT_NOTIFICATION, 1, CNODE, slot));
    CHECK_EQ(kit_delete(slot), FL_OK);
    CHECK_EQ(sticky_state(which), FL_FRAME_FREE);
    return which;
}

TEST("a frame remembers that a page of it was read or written after the page is unmapped")
{
    setup(4);
    for (unsigned written = 0; written < 2; written++) {
        uint64_t which = fresh_frame();
        volatile uint64_t *words = kit_window(which);
        if (written)
            words[1] = 7;
        else
            (void)words[1];
        CHECK_EQ(sticky_state(which), FL_FRAME_USER | 1ull << 16);
        CHECK_DONE(flr_vspace_unmap(FL_BOOT_VSPACE, (uint64_t)(uintptr_t)words, 1));
        CHECK_EQ(sticky_state(which),
                 FL_FRAME_FREE | FL_FRAME_ACCESSED | (written ? FL_FRAME_DIRTY : 0));
    }
}

TEST("a page that nobody touched leaves no sticky bits")
{
    setup(4);
    uint64_t which = fresh_frame();
    CHECK_DONE(map(which, KIT_AREA, RW));
    CHECK_DONE(flr_vspace_unmap(space, KIT_AREA, 1));
    CHECK_EQ(sticky_state(which), FL_FRAME_FREE);
}

TEST("D survives a replaced entry, a lowered right and the end of the space")
{
    setup(8);
    uint64_t a = fresh_frame(), b = fresh_frame(), c = fresh_frame();
    const uint64_t dirty = RW | FL_MAP_ACCESSED | FL_MAP_DIRTY;
    CHECK_DONE(map(a, KIT_AREA, dirty));
    CHECK_DONE(map(b, KIT_AREA + PAGE, dirty));
    CHECK_DONE(flr_vspace_protect(space, KIT_AREA, 2, R));
    CHECK_DONE(map(c, KIT_AREA, R | FL_MAP_REPLACE));
    CHECK_EQ(sticky_state(a), FL_FRAME_FREE | FL_FRAME_ACCESSED | FL_FRAME_DIRTY);
    CHECK_EQ(kit_delete(space), FL_OK);
    CHECK_EQ(sticky_state(b), FL_FRAME_FREE | FL_FRAME_ACCESSED | FL_FRAME_DIRTY);
    CHECK_EQ(sticky_state(c), FL_FRAME_FREE);
}

TEST("an unmapped page is gone for the thread that used it a moment ago")
{
    refusal_begin();
    uint64_t pages = kit_frames(2);
    volatile uint64_t *words = kit_window(pages);
    uint64_t address = (uint64_t)(uintptr_t)words;
    words[0] = 1;
    CHECK_DONE(flr_vspace_map(FL_BOOT_VSPACE, RAM, pages + 1, address, 1, RW | FL_MAP_REPLACE));
    words[0] = 2;
    volatile uint64_t *old = kit_window(pages);
    CHECK_EQ(old[0], 1);
    CHECK_EQ(words[0], 2);
}
