/* The kernel's own half of every space, leaf by leaf, as system_entry shows it: what may be written
 * is never executed, nothing is a program's, and RAM is mapped with the largest leaves that fit.
 * Run with 32 MiB and, for leaves of 1 GiB, with 3 GiB. */
#include <stddef.h>

#include "fl_calls.h"
#include "harness.h"
#include "kit.h"

#define SYSTEM      FL_BOOT_SYSTEM
#define HALF_START  (0 - FL_USER_END)
#define IMAGE       0xffffffff80000000ull
#define DEVICES     0xfffffffe00000000ull
#define R           FL_RIGHT_READ
#define W           FL_RIGHT_WRITE
#define X           FL_RIGHT_EXEC
#define LEVELS      3u
#define SPAN(level) ((uint64_t)FL_PAGE_BYTES << 9 * (level))

static uint64_t leaves[LEVELS];        /* of the whole half */
static uint64_t direct_leaves[LEVELS]; /* below the image and the devices' window */
static uint64_t text_pages, read_only_pages, written_pages; /* of the image */

static uint64_t entry(uint64_t address)
{
    struct fl_result result = flr_system_entry(SYSTEM, address);

    CHECK_EQ(result.status, FL_OK);
    return result.value;
}

static void count_image(uint64_t value, uint64_t rights)
{
    CHECK_EQ(FL_ENTRY_LEVEL(value), 0);
    text_pages += rights == (R | X);
    read_only_pages += rights == R;
    written_pages += rights == (R | W);
}

static void count_leaf(uint64_t address, uint64_t value)
{
    uint64_t rights = value & (R | W | X), level = FL_ENTRY_LEVEL(value);

    CHECK((value & FL_ENTRY_USER) == 0);
    CHECK(rights == R || rights == (R | W) || rights == (R | X));
    CHECK((value & FL_ENTRY_ACCESSED) != 0);
    CHECK((rights & W) == 0 || (value & FL_ENTRY_DIRTY) != 0);
    CHECK_EQ(address % SPAN(level), 0);
    leaves[level]++;
    direct_leaves[level] += address < DEVICES;
    if (address >= IMAGE)
        count_image(value, rights);
    else
        CHECK_EQ(rights, R | W);
}

/* Walks the half in steps of what is mapped, or not, at each place. */
static void walk(void)
{
    uint64_t address = HALF_START;

    do {
        uint64_t value = entry(address);

        CHECK(FL_ENTRY_LEVEL(value) < LEVELS);
        if (value & FL_ENTRY_VALID)
            count_leaf(address, value);
        else
            CHECK_EQ(value & ~(3ull << FL_ENTRY_LEVEL_SHIFT), 0);
        address += SPAN(FL_ENTRY_LEVEL(value));
    } while (address != 0);
}

/* Leaves of each size that one range of RAM takes, from the largest on. */
static void count_range(uint64_t start, uint64_t end, uint64_t expected[LEVELS])
{
    while (start < end) {
        unsigned level = LEVELS - 1;

        while (start % SPAN(level) != 0 || end - start < SPAN(level))
            level--;
        expected[level]++;
        start += SPAN(level);
    }
}

#define STACKS 8u /* one for each hart that the kernel could run */

TEST("no leaf of the kernel's half is both written and executed, and none is a program's")
{
    walk();
    CHECK(text_pages > 4);
    CHECK(read_only_pages > 4);
    CHECK(written_pages > 4);
    CHECK(leaves[0] >= text_pages + read_only_pages + written_pages);
}

TEST("text is read-execute and comes first in the image, then read-only data, then data")
{
    const uint64_t expected[] = {R | X, R, R | W};
    const uint64_t pages[] = {text_pages, read_only_pages, written_pages};
    uint64_t address = IMAGE, absent = 0;

    for (unsigned part = 0; part < 3; part++) {
        for (uint64_t i = 0; i < pages[part]; i++, address += FL_PAGE_BYTES) {
            uint64_t value = entry(address);
            if ((value & FL_ENTRY_VALID) == 0) { /* the guard page below a hart's stack */
                absent++;
                i--;
                continue;
            }
            CHECK_EQ(value & (R | W | X), expected[part]);
        }
    }
    CHECK_EQ(absent, STACKS);
}

/* The image's own part of RAM, firmware's and the boot frames' are not mapped, or not told; the rest
 * of the longest range is. */
TEST("RAM is mapped with leaves of 1 GiB, 2 MiB and 4 KiB, each where it fits")
{
    const struct fl_boot_info *info = kit_boot_info();
    uint64_t expected[LEVELS] = {0};

    for (uint64_t i = 0; i < info->ram_count; i++)
        count_range(info->ram[i].physical,
                    info->ram[i].physical + info->ram[i].pages * FL_PAGE_BYTES, expected);
    CHECK_EQ(direct_leaves[2], expected[2]);
    CHECK(direct_leaves[1] >= expected[1]);
    CHECK(direct_leaves[1] > 0);
    CHECK(leaves[0] > 0);
    if (info->ram[0].pages * FL_PAGE_BYTES > 2 * SPAN(2)) /* wherever it begins, one fits */
        CHECK(leaves[2] > 0);
}

TEST("the interrupt controller is mapped apart from RAM, in 2 MiB; without one no source exists")
{
    kit_begin();
    uint64_t handler = kit_object(FL_OBJECT_IRQ_HANDLER), value = entry(DEVICES);
    uint64_t status = flr_system_irq(SYSTEM, 1, handler).status;
    if (status == FL_OK) {
        CHECK_EQ(value & (R | W | X), R | W);
        CHECK_EQ(FL_ENTRY_LEVEL(value), 1);
    } else {
        CHECK_EQ(status, FL_STATUS(FL_OUT_OF_RANGE, 2));
        CHECK_EQ(value & FL_ENTRY_VALID, 0);
        harness_note("no source of interrupts");
    }
    harness_note("%lu devices", kit_boot_info()->device_count);
    kit_end();
}

TEST("system_entry wants System, an address of the kernel's half, and a whole page")
{
    CHECK_EQ(flr_system_entry(FL_BOOT_SLOTS, IMAGE).status, FL_STATUS(FL_BAD_SLOT, 1));
    CHECK_EQ(flr_system_entry(FL_BOOT_CNODE, IMAGE).status, FL_STATUS(FL_BAD_TYPE, 1));
    static const uint64_t far[] = {0, FL_USER_BASE, FL_USER_END, 1ull << 39,
                                   HALF_START - FL_PAGE_BYTES};
    for (unsigned i = 0; i < 5; i++)
        CHECK_EQ(flr_system_entry(SYSTEM, far[i]).status, FL_STATUS(FL_OUT_OF_RANGE, 2));
    CHECK_EQ(flr_system_entry(SYSTEM, IMAGE + 1).status, FL_STATUS(FL_UNALIGNED, 2));
    CHECK_EQ(flr_system_entry(SYSTEM, UINT64_MAX).status, FL_STATUS(FL_UNALIGNED, 2));
}
