/* vspace_clone as fork uses it, and both harvests. */
#include "refusal.h"

#define RAM     FL_BOOT_RAM
#define CNODE   FL_BOOT_CNODE
#define PAGE    ((uint64_t)FL_PAGE_BYTES)
#define R       FL_RIGHT_READ
#define W       FL_RIGHT_WRITE
#define X       FL_RIGHT_EXEC
#define RW      (R | W)
#define RWX     (RW | X)
#define WX      (W | X)
#define VALID   FL_ENTRY_VALID
#define CEILING (FL_ENTRY_CEIL_W | FL_ENTRY_CEIL_X)
#define A       FL_ENTRY_ACCESSED
#define D       FL_ENTRY_DIRTY
#define NO_SLOT 63u
#define FORK    (RWX | FL_CLONE_PROTECT)

static uint64_t to, from, page;

/* Two spaces of pools of their own: the one to clone into has `spare` tables beside its root. */
static void setup(uint64_t spare)
{
    refusal_begin();
    from = kit_bare_space(kit_pool(16));
    to = kit_bare_space(kit_pool(1 + spare));
    page = kit_frames(4);
    refusal_watch_entry(from, KIT_AREA);
    refusal_watch_entry(to, KIT_AREA);
}

static void map(uint64_t which, uint64_t address, uint64_t rights)
{
    CHECK_DONE(flr_vspace_map(from, RAM, which, address, 1, rights));
}

static uint64_t entry(uint64_t space, uint64_t address)
{
    return flr_vspace_entry(space, address).value;
}

static uint64_t maps(uint64_t which)
{
    return flr_memory_frame_state(RAM, which).value >> 16 & UINT32_MAX;
}

static struct fl_result clone(uint64_t pages, uint64_t rights, uint64_t ceiling)
{
    return flr_vspace_clone(to, from, KIT_AREA, pages, rights, ceiling);
}

/* --- clone --------------------------------------------------------------------------------- */

TEST("a clone maps the same frames with no more than the source's and the asked rights")
{
    static const struct {
        uint64_t mapped, rights, ceiling, expected;
    } rows[] = {
        {RW, RWX, WX, RW | CEILING},
        {RW, R, WX, R | CEILING},
        {RW, R, 0, R},
        {RW | A, RW, W, RW | FL_ENTRY_CEIL_W},
        {R, RWX, WX, R | CEILING},
        {R | X, R | X, X, R | X | FL_ENTRY_CEIL_X},
        {X, R | X, X, X | FL_ENTRY_CEIL_X},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        setup(2);
        map(page, KIT_AREA, rows[i].mapped & RWX);
        CHECK_DONE(clone(1, rows[i].rights, rows[i].ceiling));
        CHECK_EQ(entry(to, KIT_AREA), rows[i].expected | VALID);
        CHECK_EQ(entry(from, KIT_AREA), (rows[i].mapped & RWX) | CEILING | VALID);
        CHECK_EQ(maps(page), 2);
    }
}

TEST("a clone never goes above the ceiling that the source was mapped with")
{
    setup(2);
    uint64_t readable = kit_copy(RAM, R | FL_RIGHT_MAP, 0);
    CHECK_DONE(flr_vspace_map(from, readable, page, KIT_AREA, 1, R));
    CHECK_DONE(clone(1, RWX, WX));
    CHECK_EQ(entry(to, KIT_AREA), R | VALID);
    CHECK_REFUSED(flr_vspace_protect(to, KIT_AREA, 1, RW), CEILING, 4);
}

TEST("A and D stay with the source and are clear in the clone")
{
    setup(2);
    map(page, KIT_AREA, RW | FL_MAP_ACCESSED | FL_MAP_DIRTY);
    CHECK_DONE(clone(1, FORK & ~(uint64_t)W, WX));
    CHECK_EQ(entry(from, KIT_AREA), R | VALID | CEILING | A | D);
    CHECK_EQ(entry(to, KIT_AREA), R | VALID | CEILING);
}

TEST("after a protecting clone both may be made writable again")
{
    setup(2);
    map(page, KIT_AREA, RW);
    CHECK_DONE(clone(1, R | X | FL_CLONE_PROTECT, WX));
    CHECK_EQ(entry(from, KIT_AREA), R | VALID | CEILING);
    CHECK_DONE(flr_vspace_protect(to, KIT_AREA, 1, RW));
    CHECK_DONE(flr_vspace_protect(from, KIT_AREA, 1, RW));
    CHECK_EQ(maps(page), 2);
}

static volatile uint64_t *shared;

static void store(uint64_t value)
{
    *shared = value;
    kit_sleep();
}

TEST("the first store after a protecting clone faults, though the page was written before")
{
    struct fl_message message;
    refusal_begin();
    uint64_t parent = kit_space(kit_pool(24)), child = kit_bare_space(kit_pool(4));
    uint64_t handler = kit_object(FL_OBJECT_ENDPOINT), reply = kit_object(FL_OBJECT_REPLY);
    uint64_t frame = kit_frames(1);
    shared = (volatile uint64_t *)(uintptr_t)KIT_AREA;
    CHECK_DONE(flr_vspace_map(parent, RAM, frame, KIT_AREA, 1, RW));
    kit_run(parent, handler, store, 1);
    kit_settle();
    struct kit_thread *second = kit_thread(parent, handler, KIT_PRIORITY, store, 2);
    CHECK_DONE(flr_vspace_clone(child, parent, KIT_AREA, 1, R | FL_CLONE_PROTECT, WX));
    kit_start(second);
    fl_ipc_recv(handler, reply, &message);
    CHECK_EQ(message.word[0], KIT_AREA);
    CHECK_EQ(entry(parent, KIT_AREA), R | VALID | CEILING | A | D);
}

TEST("absent pages, and pages left without a right that makes a leaf, are passed over")
{
    setup(2);
    map(page, KIT_AREA + PAGE, X);
    map(page + 1, KIT_AREA + 3 * PAGE, RW);
    struct fl_result result = clone(5, RW | FL_CLONE_PROTECT, W);
    CHECK_EQ(result.status, FL_OK);
    CHECK_EQ(result.value, 5);
    CHECK_EQ(entry(to, KIT_AREA + PAGE), 0);
    CHECK_EQ(entry(from, KIT_AREA + PAGE), X | VALID | CEILING);
    CHECK_EQ(entry(to, KIT_AREA + 3 * PAGE), RW | VALID | FL_ENTRY_CEIL_W);
}

TEST("a clone stops at a page that is there, and tells how many it did")
{
    setup(2);
    for (uint64_t i = 0; i < 4; i++)
        map(page + i, KIT_AREA + i * PAGE, RW);
    CHECK_DONE(flr_vspace_map(to, RAM, page + 2, KIT_AREA + 2 * PAGE, 1, R));
    struct fl_result result = clone(4, FORK, WX);
    CHECK_EQ(result.status, FL_OCCUPIED);
    CHECK_EQ(result.value, 2);
    CHECK_EQ(maps(page + 1), 2);
    CHECK_EQ(maps(page + 3), 1);
    CHECK_REFUSED(flr_vspace_clone(to, from, KIT_AREA, 1, FORK, WX), OCCUPIED, 0);
}

TEST("a clone for which tables are lacking leaves the page as it was in both spaces")
{
    for (uint64_t spare = 0; spare < 2; spare++) {
        setup(spare);
        map(page, KIT_AREA + PAGE, RW);
        struct fl_result result = clone(2, R | FL_CLONE_PROTECT, WX);
        CHECK_EQ(result.status, FL_NO_TABLE);
        CHECK_EQ(result.value, 1);
        CHECK_EQ(entry(from, KIT_AREA + PAGE), RW | VALID | CEILING);
        CHECK_EQ(maps(page), 1);
        CHECK_REFUSED(flr_vspace_clone(to, from, KIT_AREA + PAGE, 1, R, 0), NO_TABLE, 0);
    }
}

TEST("a range of 3,000 pages with holes is cloned in bounded steps")
{
    const uint64_t pages = 3000, start = KIT_AREA + (1ull << 30) - 1000 * PAGE;
    setup(12);
    uint64_t first = kit_frames(1000);
    for (uint64_t done = 0; done < 1000;) {
        struct fl_result result = flr_vspace_map(from, RAM, first + done,
                                                 start + 700 * PAGE + done * PAGE, 1000 - done, RW);
        done += result.value;
    }
    unsigned steps = 0;
    for (uint64_t done = 0; done < pages; steps++) {
        struct fl_result result =
            flr_vspace_clone(to, from, start + done * PAGE, pages - done, RW, W);
        CHECK(result.value > 0);
        done += result.value;
        CHECK_EQ(result.status, done < pages ? FL_MORE : FL_OK);
    }
    CHECK(steps >= 3 && steps <= 6);
    for (uint64_t i = 0; i < 1000; i++)
        CHECK_EQ(maps(first + i), 2);
    CHECK_EQ(entry(to, start + 699 * PAGE), 0);
    CHECK_EQ(entry(to, start + 1700 * PAGE), 0);
}

TEST("clone blames the argument that is wrong")
{
    setup(2);
    map(page, KIT_AREA, RW);
    uint64_t weak_to = kit_copy(to, FL_RIGHTS_ALL & ~FL_RIGHT_MAP, 0);
    uint64_t weak_from = kit_copy(from, FL_RIGHTS_ALL & ~FL_RIGHT_MAP, 0);
    uint64_t fresh = kit_object(FL_OBJECT_VSPACE);
    CHECK_REFUSED(flr_vspace_clone(NO_SLOT, from, KIT_AREA, 1, R, 0), BAD_SLOT, 1);
    CHECK_REFUSED(flr_vspace_clone(to, NO_SLOT, KIT_AREA, 1, R, 0), BAD_SLOT, 2);
    CHECK_REFUSED(flr_vspace_clone(RAM, from, KIT_AREA, 1, R, 0), BAD_TYPE, 1);
    CHECK_REFUSED(flr_vspace_clone(to, RAM, KIT_AREA, 1, R, 0), BAD_TYPE, 2);
    CHECK_REFUSED(flr_vspace_clone(weak_to, from, KIT_AREA, 1, R, 0), NO_RIGHT, 1);
    CHECK_REFUSED(flr_vspace_clone(to, weak_from, KIT_AREA, 1, R, 0), NO_RIGHT, 2);
    CHECK_REFUSED(flr_vspace_clone(fresh, from, KIT_AREA, 1, R, 0), NOT_READY, 1);
    CHECK_REFUSED(flr_vspace_clone(to, fresh, KIT_AREA, 1, R, 0), NOT_READY, 2);
    CHECK_REFUSED(flr_vspace_clone(to, to, KIT_AREA, 1, R, 0), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_vspace_clone(to, from, KIT_AREA + 1, 1, R, 0), UNALIGNED, 3);
    CHECK_REFUSED(flr_vspace_clone(to, from, 0, 1, R, 0), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_vspace_clone(to, from, FL_USER_END, 1, R, 0), OUT_OF_RANGE, 3);
    CHECK_REFUSED(clone(0, R, 0), OUT_OF_RANGE, 4);
    CHECK_REFUSED(clone(UINT64_MAX, R, 0), OUT_OF_RANGE, 4);
    CHECK_REFUSED(clone(1, 0, 0), OUT_OF_RANGE, 5);
    CHECK_REFUSED(clone(1, W, W), OUT_OF_RANGE, 5);
    CHECK_REFUSED(clone(1, RW, X), OUT_OF_RANGE, 6);
    CHECK_REFUSED(clone(1, R | X, W), OUT_OF_RANGE, 6);
    CHECK_REFUSED(clone(1, R | 1ull << 9, 0), RESERVED, 5);
    CHECK_REFUSED(clone(1, R | 1ull << 32, 0), RESERVED, 5);
    CHECK_REFUSED(clone(1, R, R), RESERVED, 6);
    CHECK_REFUSED(clone(1, R, 1ull << 32), RESERVED, 6);
}

/* --- harvest ------------------------------------------------------------------------------- */

static const struct fl_harvest *harvest(void)
{
    return (const struct fl_harvest *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA);
}

static uint64_t bits_of(uint64_t which)
{
    return harvest()->bits[which / 32] >> 2 * (which % 32) & 3;
}

TEST("D is harvested exactly, and the next store after its clearing sets it again")
{
    refusal_begin();
    volatile uint64_t *words[3];
    uint64_t pages = kit_frames(3);
    for (unsigned i = 0; i < 3; i++)
        words[i] = kit_window(pages + i);
    uint64_t start = (uint64_t)(uintptr_t)words[0];
    words[1][0] = 1;
    (void)words[2][0];
    for (unsigned round = 0; round < 3; round++) {
        CHECK_DONE(flr_vspace_harvest(FL_BOOT_VSPACE, start, 3, FL_HARVEST_DIRTY));
        CHECK_EQ(harvest()->absent, 0);
        CHECK_EQ(bits_of(0), 0);
        CHECK_EQ(bits_of(1), FL_HARVEST_ACCESSED | FL_HARVEST_DIRTY);
        CHECK_EQ(bits_of(2), FL_HARVEST_ACCESSED);
        CHECK_EQ(entry(FL_BOOT_VSPACE, start + PAGE), RW | VALID | CEILING | A);
        words[1][1] = round;
    }
    CHECK_DONE(flr_vspace_harvest(FL_BOOT_VSPACE, start, 3, 0));
    CHECK_EQ(bits_of(1), FL_HARVEST_ACCESSED | FL_HARVEST_DIRTY);
    CHECK_EQ(entry(FL_BOOT_VSPACE, start + PAGE), RW | VALID | CEILING | A | D);
}

TEST("a harvest clears what it is told to and nothing else")
{
    setup(2);
    for (uint64_t clear = 0; clear < 4; clear++) {
        map(page, KIT_AREA, RW | FL_MAP_ACCESSED | FL_MAP_DIRTY);
        CHECK_DONE(flr_vspace_harvest(from, KIT_AREA, 1, clear));
        CHECK_EQ(bits_of(0), FL_HARVEST_ACCESSED | FL_HARVEST_DIRTY);
        uint64_t left = (clear & FL_HARVEST_ACCESSED ? 0 : A) | (clear & FL_HARVEST_DIRTY ? 0 : D);
        CHECK_EQ(entry(from, KIT_AREA), RW | VALID | CEILING | left);
    }
}

TEST("a harvest passes over what is absent at its beginning, and stops at the next absent table")
{
    setup(2);
    map(page, KIT_AREA + (1ull << 30) + 7 * PAGE, RW | FL_MAP_ACCESSED | FL_MAP_DIRTY);
    uint64_t hole = (1ull << 18) + 7;
    struct fl_result result = flr_vspace_harvest(from, KIT_AREA, 1ull << 20, 0);
    CHECK_EQ(result.status, FL_MORE);
    CHECK_EQ(harvest()->absent, hole);
    CHECK_EQ(bits_of(0), FL_HARVEST_ACCESSED | FL_HARVEST_DIRTY);
    CHECK_EQ(bits_of(1), 0);
    CHECK(result.value > hole && result.value <= hole + FL_HARVEST_PAGES);
    unsigned calls = 0;
    for (uint64_t done = result.value; done < 1ull << 20; calls++) {
        result = flr_vspace_harvest(from, KIT_AREA + done * PAGE, (1ull << 20) - done, 0);
        CHECK_EQ(harvest()->absent, result.value);
        done += result.value;
    }
    CHECK_EQ(result.status, FL_OK);
    CHECK(calls <= 3);
}

TEST("3,000 mapped pages are harvested in bounded steps, each page once")
{
    const uint64_t pages = 3000;
    setup(2);
    uint64_t first = kit_frames(pages), dirty = 0;
    for (uint64_t done = 0; done < pages;)
        done += flr_vspace_map(from, RAM, first + done, KIT_AREA + done * PAGE, pages - done,
                               RW | FL_MAP_ACCESSED | FL_MAP_DIRTY)
                    .value;
    for (uint64_t done = 0; done < pages;) {
        struct fl_result result = flr_vspace_harvest(from, KIT_AREA + done * PAGE, pages - done,
                                                     FL_HARVEST_ACCESSED | FL_HARVEST_DIRTY);
        CHECK(result.value > 0 && result.value <= FL_HARVEST_PAGES);
        for (uint64_t i = 0; i < result.value; i++)
            dirty += bits_of(i) == (FL_HARVEST_ACCESSED | FL_HARVEST_DIRTY);
        done += result.value;
        CHECK_EQ(result.status, done < pages ? FL_MORE : FL_OK);
    }
    CHECK_EQ(dirty, pages);
    CHECK_EQ(entry(from, KIT_AREA + 2999 * PAGE), RW | VALID | CEILING);
}

TEST("the A and D that ended entries left are harvested by frame, and cleared as asked")
{
    setup(2);
    CHECK_DONE(flr_memory_harvest(RAM, page, 4, FL_HARVEST_ACCESSED | FL_HARVEST_DIRTY));
    map(page, KIT_AREA, RW | FL_MAP_ACCESSED | FL_MAP_DIRTY);
    map(page + 1, KIT_AREA + PAGE, RW | FL_MAP_ACCESSED);
    map(page + 2, KIT_AREA + 2 * PAGE, RW | FL_MAP_DIRTY);
    CHECK_DONE(flr_memory_harvest(RAM, page, 4, 0));
    CHECK_EQ(harvest()->bits[0], 0); /* the entries still hold them */
    CHECK_DONE(flr_vspace_unmap(from, KIT_AREA, 3));
    CHECK_DONE(flr_memory_harvest(RAM, page, 4, FL_HARVEST_DIRTY));
    CHECK_EQ(harvest()->absent, 0);
    CHECK_EQ(harvest()->bits[0], 3 | 1 << 2 | 2 << 4);
    CHECK_DONE(flr_memory_harvest(RAM, page, 4, FL_HARVEST_ACCESSED));
    CHECK_EQ(harvest()->bits[0], 1 | 1 << 2);
    CHECK_DONE(flr_memory_harvest(RAM, page, 4, 0));
    CHECK_EQ(harvest()->bits[0], 0);
}

TEST("a harvest of frames does 512 at a time and stops at one that is a table or an object")
{
    setup(2);
    uint64_t first = kit_frames(600);
    struct fl_result result = flr_memory_harvest(RAM, first, 600, 0);
    CHECK_EQ(result.status, FL_MORE);
    CHECK_EQ(result.value, FL_HARVEST_PAGES);
    CHECK_DONE(flr_memory_harvest(RAM, first + 512, 88, 0));
    uint64_t slot = kit_slots(1);
    CHECK_DONE(flr_memory_retype(RAM, first + 3, FL_OBJECT_TCB, 1, CNODE, slot));
    result = flr_memory_harvest(RAM, first, 600, 0);
    CHECK_EQ(result.status, FL_STATUS(FL_BAD_FRAME, 2));
    CHECK_EQ(result.value, 3);
    CHECK_REFUSED(flr_memory_harvest(RAM, first + 3, 1, 3), BAD_FRAME, 2);
}

/* Lists pages in the message buffer. */
static void list(const uint64_t *pages, uint64_t count)
{
    uint64_t *listed = (uint64_t *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA);

    for (uint64_t i = 0; i < count; i++)
        listed[i] = pages[i];
}

TEST("frames that are listed are harvested in the order of the list, and no others")
{
    setup(2);
    const uint64_t clear = FL_HARVEST_LISTED | FL_HARVEST_ACCESSED | FL_HARVEST_DIRTY;
    uint64_t first = kit_frames(64), pages[FL_HARVEST_LIST], expected = 0;
    CHECK_DONE(flr_memory_harvest(RAM, first, 64, 3));
    for (uint64_t i = 0; i < FL_HARVEST_LIST; i++) {
        pages[i] = first + (i * 37 + 5) % 64; /* no two are the same, and few lie side by side */
        map(pages[i], KIT_AREA + i * PAGE,
            RW | (i % 3 == 0 ? FL_MAP_ACCESSED : 0) | (i % 5 == 0 ? FL_MAP_DIRTY : 0));
        expected |= (uint64_t)((i % 3 == 0) | (i % 5 == 0) << 1) << 2 * i;
    }
    map(first + 6, KIT_AREA + 64 * PAGE, RW | FL_MAP_ACCESSED | FL_MAP_DIRTY);
    CHECK_DONE(flr_vspace_unmap(from, KIT_AREA, 65));
    list(pages, FL_HARVEST_LIST);
    CHECK_DONE(flr_memory_harvest(RAM, UINT64_MAX, FL_HARVEST_LIST, FL_HARVEST_LISTED));
    CHECK_EQ(harvest()->absent, 0);
    CHECK_EQ(harvest()->bits[0], expected); /* nothing was cleared */
    list(pages, FL_HARVEST_LIST);
    CHECK_DONE(flr_memory_harvest(RAM, 0, FL_HARVEST_LIST, clear));
    CHECK_EQ(harvest()->bits[0], expected);
    list(pages, FL_HARVEST_LIST);
    CHECK_DONE(flr_memory_harvest(RAM, 0, FL_HARVEST_LIST, clear));
    CHECK_EQ(harvest()->bits[0], 0);
    CHECK_DONE(flr_memory_harvest(RAM, first + 6, 1, 0));
    CHECK_EQ(harvest()->bits[0], 3);
}

TEST("a harvest of a list ends before a page that is beyond the range, or no frame of a program's")
{
    setup(2);
    uint64_t slot = kit_slots(1), first = kit_frames(3), n = kit_boot_info()->ram[0].pages;
    uint64_t pages[3] = {first + 2, n, first};
    list(pages, 3);
    struct fl_result result = flr_memory_harvest(RAM, 0, 3, FL_HARVEST_LISTED);
    CHECK_EQ(result.status, FL_STATUS(FL_BAD_FRAME, 2));
    CHECK_EQ(result.value, 1);
    CHECK_DONE(flr_memory_retype(RAM, first, FL_OBJECT_TCB, 1, CNODE, slot));
    pages[1] = first + 1;
    list(pages, 3);
    result = flr_memory_harvest(RAM, 0, 3, FL_HARVEST_LISTED);
    CHECK_EQ(result.status, FL_STATUS(FL_BAD_FRAME, 2));
    CHECK_EQ(result.value, 2);
    CHECK_REFUSED(flr_memory_harvest(RAM, page, 0, FL_HARVEST_LISTED), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_memory_harvest(RAM, page, FL_HARVEST_LIST + 1, FL_HARVEST_LISTED),
                  OUT_OF_RANGE, 2);
}

TEST("a list ends before a frame that the capability does not hold, and may name one twice")
{
    setup(2);
    const uint64_t clear = FL_HARVEST_LISTED | FL_HARVEST_ACCESSED | FL_HARVEST_DIRTY;
    const uint64_t twice[2] = {1, 1}, beyond[3] = {0, 2, 1}, last[2] = {1, UINT64_MAX};
    uint64_t first = kit_frames(3), part = kit_slots(1);
    CHECK_DONE(flr_memory_derive(RAM, first, 2, FL_RIGHT_MAP | W, CNODE, part));
    CHECK_DONE(flr_memory_harvest(RAM, first, 3, 3));
    for (uint64_t i = 0; i < 3; i++)
        map(first + i, KIT_AREA + i * PAGE, RW | FL_MAP_ACCESSED | FL_MAP_DIRTY);
    CHECK_DONE(flr_vspace_unmap(from, KIT_AREA, 3));
    list(twice, 2);
    CHECK_DONE(flr_memory_harvest(part, 0, 2, clear));
    CHECK_EQ(harvest()->bits[0], 3);
    list(beyond, 3);
    struct fl_result result = flr_memory_harvest(part, 0, 3, clear);
    CHECK_EQ(result.status, FL_STATUS(FL_BAD_FRAME, 2));
    CHECK_EQ(result.value, 1);
    CHECK_EQ(harvest()->bits[0], 3);
    list(last, 2);
    result = flr_memory_harvest(part, 0, 2, clear);
    CHECK_EQ(result.status, FL_STATUS(FL_BAD_FRAME, 2));
    CHECK_EQ(result.value, 1);
    CHECK_DONE(flr_memory_harvest(RAM, first, 3, 0));
    CHECK_EQ(harvest()->bits[0], 3 << 4); /* what the capability does not hold was not touched */
}

TEST("both harvests blame the argument that is wrong")
{
    setup(2);
    map(page, KIT_AREA, RW | FL_MAP_ACCESSED | FL_MAP_DIRTY);
    uint64_t weak = kit_copy(from, FL_RIGHTS_ALL & ~FL_RIGHT_MAP, 0);
    uint64_t fresh = kit_object(FL_OBJECT_VSPACE), n = kit_boot_info()->ram[0].pages;
    CHECK_REFUSED(flr_vspace_harvest(NO_SLOT, KIT_AREA, 1, 3), BAD_SLOT, 1);
    CHECK_REFUSED(flr_vspace_harvest(RAM, KIT_AREA, 1, 3), BAD_TYPE, 1);
    CHECK_REFUSED(flr_vspace_harvest(weak, KIT_AREA, 1, 3), NO_RIGHT, 1);
    CHECK_REFUSED(flr_vspace_harvest(fresh, KIT_AREA, 1, 3), NOT_READY, 1);
    CHECK_REFUSED(flr_vspace_harvest(from, KIT_AREA + 8, 1, 3), UNALIGNED, 2);
    CHECK_REFUSED(flr_vspace_harvest(from, FL_USER_END, 1, 3), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_vspace_harvest(from, KIT_AREA, 0, 3), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_vspace_harvest(from, KIT_AREA, 1, 4), RESERVED, 4);
    CHECK_REFUSED(flr_vspace_harvest(from, KIT_AREA, 1, 1ull << 32), RESERVED, 4);
    uint64_t unmappable = kit_copy(RAM, FL_RIGHTS_ALL & ~FL_RIGHT_MAP, 0);
    uint64_t readable = kit_copy(RAM, FL_RIGHTS_ALL & ~W, 0);
    CHECK_REFUSED(flr_memory_harvest(NO_SLOT, page, 1, 3), BAD_SLOT, 1);
    CHECK_REFUSED(flr_memory_harvest(from, page, 1, 3), BAD_TYPE, 1);
    CHECK_REFUSED(flr_memory_harvest(unmappable, page, 1, 3), NO_RIGHT, 1);
    CHECK_REFUSED(flr_memory_harvest(readable, page, 1, 3), NO_RIGHT, 1);
    CHECK_REFUSED(flr_memory_harvest(RAM, n, 1, 3), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_memory_harvest(RAM, page, 0, 3), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_memory_harvest(RAM, page, 1, 8), RESERVED, 4);
    CHECK_REFUSED(flr_memory_harvest(RAM, page, 1, 1ull << 32), RESERVED, 4);
}

static volatile uint64_t answers[2];

static void harvest_both(uint64_t space)
{
    answers[0] = flr_vspace_harvest(space, KIT_AREA, 1, 3).status;
    answers[1] = flr_memory_harvest(RAM, page, 1, 3).status;
    kit_sleep();
}

TEST("a thread without a buffer harvests nothing")
{
    setup(2);
    map(page, KIT_AREA, RW | FL_MAP_ACCESSED | FL_MAP_DIRTY);
    uint64_t space = kit_space(kit_pool(24)), tcb = kit_object(FL_OBJECT_TCB);
    struct kit_thread *thread = kit_thread(space, 0, KIT_PRIORITY, harvest_both, from);
    CHECK_DONE(flr_tcb_set_cspace(tcb, CNODE));
    CHECK_DONE(flr_tcb_set_space(tcb, space, 0));
    CHECK_DONE(flr_tcb_set_priority(tcb, FL_BOOT_SCHED, KIT_PRIORITY));
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
    CHECK_DONE(flr_cnode_move(CNODE, thread->tcb, CNODE, tcb));
    kit_start(thread);
    kit_settle();
    CHECK_EQ(answers[0], FL_STATUS(FL_NO_BUFFER, 0));
    CHECK_EQ(answers[1], FL_STATUS(FL_NO_BUFFER, 0));
    CHECK_EQ(entry(from, KIT_AREA), RW | VALID | CEILING | A | D);
}

/* --- the pool's turn ----------------------------------------------------------------------- */

TEST("withdrawing from a long pool looks at 256 frames a call and finds the one there is")
{
    refusal_begin();
    uint64_t pool = kit_pool(1), last = kit_frames(600), part = kit_slots(1), others = kit_slots(1);
    uint64_t wanted = last - 1; /* donated first, so last in turn */
    CHECK_DONE(flr_memory_derive(RAM, wanted, 1, FL_RIGHT_DONATE, CNODE, part));
    CHECK_DONE(flr_memory_derive(RAM, last + 600, 1, FL_RIGHT_DONATE, CNODE, others));
    for (uint64_t done = 0; done < 600;)
        done += flr_pool_donate(pool, RAM, last + done, 600 - done).value;
    unsigned calls = 1;
    struct fl_result result;
    while ((result = flr_pool_withdraw(pool, part)).status == FL_MORE) {
        CHECK_EQ(result.value, 601);
        calls++;
    }
    CHECK_EQ(result.status, FL_OK);
    CHECK_EQ(calls, 3);
    for (unsigned i = 0; i < 5; i++)
        CHECK_REFUSED(flr_pool_withdraw(pool, others), MORE, 0);
}
