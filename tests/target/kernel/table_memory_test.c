/* How many tables a layout takes: the figures of docs/page-tables.md, asked of the kernel. */
#include "fl_calls.h"
#include "harness.h"
#include "kit.h"

#define REGION (2ull << 20) /* what one leaf table covers */

/* Maps one page in each of `regions` regions from `address` on, into a space whose pool has `tables`
 * frames, and one more in `beyond`: exactly that one finds no table. */
static void check_tables(uint64_t tables, uint64_t address, uint64_t regions, uint64_t beyond)
{
    kit_begin();
    uint64_t space = kit_bare_space(kit_pool(tables));
    uint64_t page = kit_frames(1);

    for (uint64_t i = 0; i < regions; i++)
        CHECK_EQ(
            flr_vspace_map(space, FL_BOOT_RAM, page, address + i * REGION, 1, FL_RIGHT_READ).status,
            FL_OK);
    uint64_t status = flr_vspace_map(space, FL_BOOT_RAM, page, beyond, 1, FL_RIGHT_READ).status;
    CHECK_EQ(FL_STATUS_CODE(status), FL_NO_TABLE);
    kit_end();
}

TEST(
    "one page in each 2 MiB of 1 GiB takes 514 tables: a root, a middle one, and one for each page")
{
    check_tables(514, 0x40000000, 512, 0x80000000);
}

TEST("a heap of 64 MiB that starts in the middle of a table takes 35: a root, a middle one, 33 "
     "leaves")
{
    check_tables(35, 0x10000, 33, 0x10000 + 33 * REGION);
}

TEST("one page in each 1 GiB takes 513 tables: a root and two for each page")
{
    kit_begin();
    uint64_t space = kit_bare_space(kit_pool(513));
    uint64_t page = kit_frames(1);

    for (uint64_t address = FL_USER_BASE; address < FL_USER_END; address += 1ull << 30)
        CHECK_EQ(flr_vspace_map(space, FL_BOOT_RAM, page, address, 1, FL_RIGHT_READ).status, FL_OK);
    uint64_t status =
        flr_vspace_map(space, FL_BOOT_RAM, page, FL_USER_BASE + REGION, 1, FL_RIGHT_READ).status;
    CHECK_EQ(FL_STATUS_CODE(status), FL_NO_TABLE);
    kit_end();
}
