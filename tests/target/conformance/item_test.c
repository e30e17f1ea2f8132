/* Rules I: map items. */
#include <string.h>

#include "fault_world.h"

#define FAULT_AT AREA              /* what the faulting thread reads */
#define BAD_AT   (AREA + PAGE)     /* where bad items go */
#define TAKEN    (AREA + 5 * PAGE) /* where an entry for fw.page + 9 is in the way */
#define CEILING  (FL_ENTRY_CEIL_W | FL_ENTRY_CEIL_X)

static uint64_t last_page(void)
{
    return kit_boot_info()->ram[0].pages - 1;
}

static struct fl_item item_of(uint64_t slot, uint64_t rights)
{
    return (struct fl_item){BAD_AT | rights, FL_ITEM_SOURCE(slot, 1), fw.page + 1};
}

static void item_setup(void)
{
    fault_setup();
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page + 9, TAKEN, 1, R));
    fault_reader(FAULT_AT);
}

/* --- what an item does ----------------------------------------------------------------------- */

TEST("I1: an item maps consecutive pages to consecutive frames, also over the boundary of a table")
{
    fault_setup();
    uint64_t start = AREA + (1ull << 21) - 10 * PAGE;
    for (unsigned i = 0; i < 64; i += 9)
        *(uint64_t *)kit_window(fw.page + i) = 1000 + i;
    fault_reader(start + 63 * PAGE);
    CHECK_DONE(fault_answer_one(start, R, 64, fw.page));
    kit_settle();
    CHECK_EQ(fw.value, 1063);
    for (unsigned i = 0; i < 64; i++)
        CHECK_EQ(fault_entry(start + i * PAGE) & 7, R);
    for (unsigned i = 0; i < 63; i += 9) {
        fault_run(fault_read_word, start + i * PAGE);
        kit_settle();
        CHECK_EQ(fw.value, 1000 + i);
    }
}

TEST("I1: an item maps no page before or behind its range")
{
    fault_setup();
    fault_reader(AREA + 4 * PAGE);
    CHECK_DONE(fault_answer_one(AREA + 3 * PAGE, R, 3, fw.page + 3));
    CHECK_EQ(fault_entry(AREA + 2 * PAGE), 0);
    CHECK_EQ(fault_entry(AREA + 6 * PAGE), 0);
}

static void check_rights(uint64_t rights)
{
    fault_setup();
    fault_reader(FAULT_AT);
    CHECK_DONE(fault_answer_one(FAULT_AT, rights, 1, fw.page));
    CHECK_EQ(fault_entry(FAULT_AT) & 7, rights);
}
#define RIGHTS(sentence, rights) \
    TEST(sentence)               \
    {                            \
        check_rights(rights);    \
    }

RIGHTS("I2: an item may map for reading", R)
RIGHTS("I2: an item may map for reading and writing", RW)
RIGHTS("I2: an item may map for execution alone", X)
RIGHTS("I2: an item may map for reading and execution", R | X)
RIGHTS("I2: an item may map with all rights", RW | X)

/* --- items that are refused ------------------------------------------------------------------ */

/* A bad item is refused as the first and as the second item, changes nothing, and a good answer
 * follows. */
static void check_bad(struct fl_item bad, enum fl_error code)
{
    struct fl_item pair[] = {fault_item(FAULT_AT, R, 1, fw.page), bad};

    refusal_before();
    refusal_check(__FILE__, __LINE__, "a bad item", fault_answer(&bad, 1).status,
                  FL_STATUS(code, 3));
    refusal_check(__FILE__, __LINE__, "a bad second item", fault_answer(pair, 2).status,
                  FL_STATUS(code, 2));
    CHECK_EQ(fw.progress, 0);
    fault_finish(FAULT_AT, R);
}
#define REFUSED(sentence, code, item) \
    TEST(sentence)                    \
    {                                 \
        item_setup();                 \
        check_bad(item, FL_##code);   \
    }
#define AT(address, rights) fault_item(address, rights, 1, fw.page + 1)

REFUSED("I3: an item without rights is refused", OUT_OF_RANGE, AT(BAD_AT, 0))
REFUSED("I3: write without read is refused", OUT_OF_RANGE, AT(BAD_AT, W))
REFUSED("I3: write and execute without read is refused", OUT_OF_RANGE, AT(BAD_AT, W | X))
REFUSED("I4: bit 3 of the address word is refused", RESERVED, AT(BAD_AT, R | 1u << 3))
REFUSED("I4: bit 4 of the address word is refused", RESERVED, AT(BAD_AT, R | 1u << 4))
REFUSED("I4: bit 5 of the address word is refused", RESERVED, AT(BAD_AT, R | 1u << 5))
REFUSED("I4: bit 6 of the address word is refused", RESERVED, AT(BAD_AT, R | 1u << 6))
REFUSED("I4: bit 7 of the address word is refused", RESERVED, AT(BAD_AT, R | 1u << 7))
REFUSED("I4: bit 11 of the address word is refused", RESERVED, AT(BAD_AT, R | 1u << 11))
REFUSED("I5: DIRTY on a page for reading is refused", RESERVED, AT(BAD_AT, R | FL_MAP_DIRTY))
REFUSED("I5: DIRTY on a page for execution is refused", RESERVED, AT(BAD_AT, R | X | FL_MAP_DIRTY))
REFUSED("I6: page 0 is refused", OUT_OF_RANGE, AT(0, R))
REFUSED("I7: the first page beyond the user half is refused", OUT_OF_RANGE, AT(FL_USER_END, R))
REFUSED("I7: an item that ends beyond the user half is refused", OUT_OF_RANGE,
        fault_item(FL_USER_END - PAGE, R, 2, fw.page + 1))
REFUSED("I7: an address of the kernel's image is refused", OUT_OF_RANGE,
        AT(0xffffffff80200000ull, R))
REFUSED("I7: the first address of the kernel's half is refused", OUT_OF_RANGE,
        AT(0xffffffc000000000ull, R))
REFUSED("I7: a non-canonical address is refused", OUT_OF_RANGE, AT(1ull << 39, R))
REFUSED("I7: the last page of all addresses is refused", OUT_OF_RANGE, AT(0 - PAGE, R))
REFUSED("I8: an item of no page is refused", OUT_OF_RANGE, fault_item(BAD_AT, R, 0, fw.page + 1))
REFUSED("I8: an item of 65 pages is refused", OUT_OF_RANGE, fault_item(BAD_AT, R, 65, fw.page + 1))
REFUSED("I8: an item of 2^32 - 1 pages is refused", OUT_OF_RANGE,
        fault_item(BAD_AT, R, UINT32_MAX, fw.page + 1))
REFUSED("I10: an empty slot is refused", BAD_SLOT, item_of(NO_SLOT, R))
REFUSED("I10: slot 0 is refused", BAD_SLOT, item_of(0, R))
REFUSED("I10: a slot beyond the CNode is refused", BAD_SLOT, item_of(0x80000000u, R))
REFUSED("I10: the last slot number is refused", BAD_SLOT, item_of(UINT32_MAX, R))
REFUSED("I11: a CNode capability is refused", BAD_TYPE, item_of(CNODE, R))
REFUSED("I11: a VSpace capability is refused", BAD_TYPE, item_of(fw.space, R))
REFUSED("I11: a TablePool capability is refused", BAD_TYPE, item_of(fw.pool, R))
REFUSED("I11: an endpoint capability is refused", BAD_TYPE, item_of(fw.endpoint, R))
REFUSED("I12: a Memory capability without the map right is refused", NO_RIGHT,
        item_of(kit_copy(RAM, ALL & ~FL_RIGHT_MAP, 0), R))
REFUSED("I13: a Memory capability without the read right is refused", NO_RIGHT,
        item_of(kit_copy(RAM, ALL & ~R, 0), R))
REFUSED("I13: execution through a capability without the read right is refused", NO_RIGHT,
        item_of(kit_copy(RAM, X | FL_RIGHT_MAP, 0), X))
REFUSED("I13: writing through a capability without the write right is refused", NO_RIGHT,
        item_of(kit_copy(RAM, R | X | FL_RIGHT_MAP, 0), RW))
REFUSED("I13: execution through a capability without the execute right is refused", NO_RIGHT,
        item_of(kit_copy(RAM, RW | FL_RIGHT_MAP, 0), R | X))
REFUSED("I14: the page behind the range is refused", OUT_OF_RANGE,
        fault_item(BAD_AT, R, 1, last_page() + 1))
REFUSED("I14: a run that leaves the range is refused", OUT_OF_RANGE,
        fault_item(BAD_AT, R, 2, last_page()))
REFUSED("I14: page 2^64 - 1 is refused", OUT_OF_RANGE, fault_item(BAD_AT, R, 2, UINT64_MAX))
REFUSED("I16: an entry for another frame is in the way", OCCUPIED, AT(TAKEN, R))
REFUSED("I16: an entry in the way of the last page of a run refuses it whole", OCCUPIED,
        fault_item(TAKEN - 2 * PAGE, R, 3, fw.page + 1))

static uint64_t table_page(void)
{
    uint64_t page = kit_frames(1);

    CHECK_DONE(flr_pool_donate(fw.pool, RAM, page, 1));
    return page;
}

static uint64_t object_page(void)
{
    uint64_t page = kit_frames(1);

    CHECK_DONE(flr_memory_retype(RAM, page, FL_OBJECT_TCB, 1, CNODE, kit_slots(1)));
    return page;
}

static uint64_t cnode_page(void)
{
    uint64_t page = kit_frames(1);

    CHECK_DONE(flr_memory_retype(RAM, page, FL_OBJECT_CNODE, 1, CNODE, kit_slots(1)));
    return page;
}

REFUSED("I15: a spare table's frame is refused", BAD_FRAME, fault_item(BAD_AT, R, 1, table_page()))
REFUSED("I15: a TCB's frame is refused", BAD_FRAME, fault_item(BAD_AT, R, 1, object_page()))
REFUSED("I15: a CNode's frame is refused", BAD_FRAME, fault_item(BAD_AT, R, 1, cnode_page()))
REFUSED("I15: REPLACE does not make an object's frame good", BAD_FRAME,
        fault_item(TAKEN, R | FL_MAP_REPLACE, 1, object_page()))
REFUSED("I15: a table in the last page of a run refuses it whole", BAD_FRAME,
        fault_item(BAD_AT, R, 2, table_page() - 1))

TEST("I9: 65 pages in two items are refused")
{
    item_setup();
    struct fl_item items[] = {fault_item(FAULT_AT, R, 1, fw.page),
                              fault_item(AREA + 16 * PAGE, R, 64, fw.page + 1)};
    CHECK_REFUSED(fault_answer(items, 2), OUT_OF_RANGE, 2);
    fault_finish(FAULT_AT, R);
}

TEST("I9: 16 items of 64 pages each are refused")
{
    struct fl_item items[FL_ITEMS];

    fault_setup();
    fault_reader(FAULT_AT);
    for (unsigned i = 0; i < FL_ITEMS; i++)
        items[i] = fault_item(AREA + 64 * i * PAGE, R, 64, fw.page);
    CHECK_REFUSED(fault_answer(items, FL_ITEMS), OUT_OF_RANGE, 2);
    fault_finish(FAULT_AT, R);
}

/* --- entries that are there ------------------------------------------------------------------ */

TEST("I16: with REPLACE another frame's entry gives way, and that frame loses its mapping")
{
    fault_setup();
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page + 1, AREA, 1, R));
    fault_run(fault_write_word, AREA);
    fault_expect(AREA, FL_ACCESS_WRITE | FL_ACCESS_PRESENT | FL_ACCESS_MAY_R);
    CHECK_DONE(fault_answer_one(AREA, RW | FL_MAP_REPLACE, 1, fw.page));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(fault_frame(fw.page + 1) & 0xff, FL_FRAME_FREE);
    CHECK_EQ(fault_frame(fw.page) >> 16, 1);
}

TEST("I16: REPLACE where nothing is in the way maps as any other item")
{
    fault_setup();
    fault_reader(AREA);
    fault_finish(AREA, R | FL_MAP_REPLACE);
}

TEST("I16: after a replaced entry the thread sees the new frame, not the old one")
{
    fault_setup();
    *(uint64_t *)kit_window(fw.page) = 3;
    *(uint64_t *)kit_window(fw.page + 1) = 1;
    *(uint64_t *)kit_window(fw.page + 2) = 2;
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page + 1, AREA, 1, R));
    fault_run(fault_read_word, AREA); /* so that a translation is there to be forgotten */
    kit_settle();
    CHECK_EQ(fw.value, 1);
    fault_reader(AREA + PAGE);
    struct fl_item items[] = {fault_item(AREA + PAGE, R, 1, fw.page),
                              fault_item(AREA, R | FL_MAP_REPLACE, 1, fw.page + 2)};
    CHECK_DONE(fault_answer(items, 2));
    kit_settle();
    CHECK_EQ(fw.value, 3);
    fault_run(fault_read_word, AREA);
    kit_settle();
    CHECK_EQ(fw.value, 2);
}

TEST("I17: an item for the frame that is there raises its rights and is counted once")
{
    fault_setup();
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, AREA, 1, R));
    fault_run(fault_write_word, AREA);
    fault_expect(AREA, FL_ACCESS_WRITE | FL_ACCESS_PRESENT | FL_ACCESS_MAY_R);
    fault_finish(AREA, RW);
    CHECK_EQ(fault_frame(fw.page) >> 16, 1);
}

TEST("I17: an item for the frame that is there lowers its rights")
{
    fault_setup();
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page + 1, AREA + PAGE, 1, RW));
    fault_reader(AREA);
    struct fl_item items[] = {fault_item(AREA, R, 1, fw.page),
                              fault_item(AREA + PAGE, R, 1, fw.page + 1)};
    CHECK_DONE(fault_answer(items, 2));
    CHECK_EQ(fault_entry(AREA + PAGE) & 7, R);
    fault_run(fault_write_word, AREA + PAGE);
    fault_expect(AREA + PAGE, FL_ACCESS_WRITE | FL_ACCESS_PRESENT | FL_ACCESS_MAY_R);
    CHECK_DONE(fault_answer_info(STOP));
}

/* --- overlap --------------------------------------------------------------------------------- */

static void check_overlap(struct fl_item first, struct fl_item second)
{
    struct fl_item items[] = {first, fault_item(AREA + 32 * PAGE, R, 1, fw.page + 32), second};

    CHECK_REFUSED(fault_answer(items, 3), OCCUPIED, 2);
    fault_finish(FAULT_AT, R);
}

TEST("I18: the same item twice is refused")
{
    item_setup();
    check_overlap(fault_item(FAULT_AT, R, 1, fw.page), fault_item(FAULT_AT, R, 1, fw.page));
}

TEST("I18: items that share a page are refused")
{
    item_setup();
    check_overlap(fault_item(AREA, R, 3, fw.page), fault_item(AREA + 2 * PAGE, R, 2, fw.page + 3));
}

TEST("I18: items that share a page are refused with REPLACE too")
{
    item_setup();
    check_overlap(fault_item(AREA, R | FL_MAP_REPLACE, 3, fw.page),
                  fault_item(AREA + 2 * PAGE, R | FL_MAP_REPLACE, 2, fw.page + 3));
}

TEST("I18: items that touch are mapped")
{
    fault_setup();
    fault_reader(AREA);
    struct fl_item items[] = {fault_item(AREA + PAGE, R, 2, fw.page + 1),
                              fault_item(AREA, R, 1, fw.page)};
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page + 8, AREA + 8 * PAGE, 1, R));
    CHECK_DONE(fault_answer(items, 2));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
}

/* --- ceilings, slots, places ----------------------------------------------------------------- */

static void check_ceiling(uint64_t rights, uint64_t ceiling)
{
    fault_setup();
    uint64_t memory = kit_copy(RAM, rights | FL_RIGHT_MAP, 0);
    fault_reader(AREA);
    CHECK_EQ(fl_ipc_reply(fw.reply, RESUME(1), AREA | R, FL_ITEM_SOURCE(memory, 1), fw.page, 0),
             FL_OK);
    CHECK_EQ(fault_entry(AREA) & CEILING, ceiling);
    uint64_t status = flr_vspace_protect(fw.space, AREA, 1, RW | X).status;
    CHECK_EQ(status, ceiling == CEILING ? FL_OK : FL_STATUS(FL_CEILING, 4));
}

TEST("I19: a page of a capability that may only be read has no ceiling to rise to")
{
    check_ceiling(R, 0);
}

TEST("I19: a page of a capability without execute is never executable")
{
    check_ceiling(RW, FL_ENTRY_CEIL_W);
}

TEST("I19: a page of a capability without write is never writable")
{
    check_ceiling(R | X, FL_ENTRY_CEIL_X);
}

TEST("I19: a page of a capability with all rights may be given all of them later")
{
    check_ceiling(RW | X, CEILING);
}

/* Without capabilities it cannot even sleep: its second load, of the page behind, ends it. */
static void read_two(uint64_t address)
{
    fw.value = *(volatile uint64_t *)(uintptr_t)address;
    fw.value = *(volatile uint64_t *)(uintptr_t)(address + PAGE);
}

TEST("I20: slots are those of the thread that answers, not of the one that faulted")
{
    fault_setup();
    uint64_t cnode = kit_object(FL_OBJECT_CNODE);
    struct kit_thread *thread = fault_thread(read_two, AREA);
    CHECK_DONE(flr_tcb_set_cspace(thread->tcb, cnode)); /* it holds nothing at all */
    kit_start(thread);
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_DONE(fault_answer_one(AREA, R, 1, fw.page));
    fault_expect(AREA + PAGE, FL_ACCESS_READ);
    CHECK_DONE(fault_answer_info(STOP));
}

TEST("I21: items need not hold the address of the fault, which then comes again")
{
    fault_setup();
    fault_reader(AREA);
    CHECK_DONE(fault_answer_one(AREA + 3 * PAGE, R, 1, fw.page + 3));
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_EQ(fault_entry(AREA + 3 * PAGE) & 7, R);
    fault_finish(AREA, R);
}

TEST("I21: the first page of the user half can be mapped")
{
    fault_setup();
    fault_reader(FL_USER_BASE);
    fault_finish(FL_USER_BASE, R);
}

TEST("I21: the last page of the user half can be mapped")
{
    fault_setup();
    fault_reader(FL_USER_END - 8);
    fault_finish(FL_USER_END - 8, R);
}

TEST("I21: items go into the faulter's space and no other")
{
    fault_setup();
    uint64_t other = kit_space(fw.pool);
    fault_reader(AREA);
    fault_finish(AREA, R);
    CHECK_EQ(flr_vspace_entry(other, AREA).value, 0);
    CHECK_EQ(flr_vspace_entry(FL_BOOT_VSPACE, AREA).value, 0);
}

/* --- when they are there --------------------------------------------------------------------- */

TEST("I23: the entry is there when ipc_reply returns, before the faulter has run")
{
    fault_setup();
    fault_reader(AREA);
    CHECK_DONE(fault_answer_one(AREA, R, 1, fw.page));
    if (kit_alone()) /* else it may have run by now */
        CHECK_EQ(fw.progress, 0);
    CHECK_EQ(fault_entry(AREA) & (7 | FL_ENTRY_VALID), R | FL_ENTRY_VALID);
}

TEST("I23: code that was written to the frame a moment ago is what runs")
{
    uint32_t code[] = {0x00150513, 0x00008067}; /* addi a0, a0, 1; ret */

    fault_setup();
    for (unsigned i = 1; i <= 3; i++) {
        code[0] = 0x00050513u | i << 20;
        fault_put_code(0, 0, code, 2);
        fault_run(fault_run_code, AREA);
        fault_expect(AREA, FL_ACCESS_EXEC);
        fault_finish(AREA, R | X);
        CHECK_EQ(fw.value, 41 + i);
        CHECK_DONE(flr_vspace_unmap(fw.space, AREA, 1));
    }
}
