/* Rules T: page tables come out of a pool; and rules D: accessed and dirty. */
#include "fault_world.h"

#define GIB      (1ull << 30)
#define AD       (FL_ENTRY_ACCESSED | FL_ENTRY_DIRTY)
#define FRAME_AD (FL_FRAME_ACCESSED | FL_FRAME_DIRTY)

static uint64_t spare_frames(void)
{
    uint64_t count = 0;

    while (flr_pool_withdraw(fw.pool, RAM).status == FL_OK)
        count++;
    return count;
}

/* --- T --------------------------------------------------------------------------------------- */

/* A fault with this many spare frames, on whatever hart. */
static void run_with_spare(uint64_t spare)
{
    struct kit_thread *reader = fault_thread(fault_read_word, AREA);

    fault_set_spare(spare);
    kit_start(reader);
}

/* The access word of that fault. */
static void check_low(uint64_t spare, uint64_t bit)
{
    fault_setup();
    run_with_spare(spare);
    fault_expect(AREA, FL_ACCESS_READ | bit);
    CHECK_DONE(fault_answer_info(STOP));
}

TEST("T1: with 8 spare frames the pool is not low")
{
    check_low(8, 0);
}

TEST("T1: with 7 spare frames the pool is low")
{
    check_low(7, FL_ACCESS_POOL_LOW);
}

TEST("T1: with no spare frame the pool is low")
{
    check_low(0, FL_ACCESS_POOL_LOW);
}

TEST("T1: the bit tells of the time of the fault, and is clear after a donation")
{
    fault_setup();
    run_with_spare(7);
    fault_expect(AREA, FL_ACCESS_READ | FL_ACCESS_POOL_LOW);
    CHECK_DONE(flr_pool_donate(fw.pool, RAM, kit_frames(1), 1));
    CHECK_DONE(fault_answer_info(RESUME(0)));
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

/* One item in an area without tables, which needs two, with fewer spare frames. */
static void check_no_table(uint64_t spare)
{
    fault_setup();
    fault_reader(AREA);
    fault_set_spare(spare);
    CHECK_REFUSED(fault_answer_one(AREA, R, 1, fw.page), NO_TABLE, 0);
    CHECK_EQ(spare_frames(), spare);
    CHECK_DONE(fault_answer_info(STOP));
}

TEST("T2: an item that needs two tables is refused with no spare frame")
{
    check_no_table(0);
}

TEST("T2: an item that needs two tables is refused with one spare frame, which stays")
{
    check_no_table(1);
}

TEST("T2: two items that need four tables are refused with three, and nothing is mapped")
{
    fault_setup();
    fault_reader(AREA);
    fault_set_spare(3);
    struct fl_item items[] = {fault_item(AREA, R, 1, fw.page),
                              fault_item(AREA + GIB, R, 1, fw.page + 1)};
    CHECK_REFUSED(fault_answer(items, 2), NO_TABLE, 0);
    CHECK_EQ(spare_frames(), 3);
    CHECK_DONE(fault_answer_info(STOP));
}

TEST("T3: after a donation the same answer of one item is carried out")
{
    fault_setup();
    fault_reader(AREA);
    fault_set_spare(1);
    CHECK_REFUSED(fault_answer_one(AREA, R, 1, fw.page), NO_TABLE, 0);
    CHECK_DONE(flr_pool_donate(fw.pool, RAM, kit_frames(1), 1));
    fault_finish(AREA, R);
}

TEST("T3: after a donation the same answer of two items is carried out")
{
    fault_setup();
    fault_reader(AREA);
    fault_set_spare(3);
    struct fl_item items[] = {fault_item(AREA, R, 1, fw.page),
                              fault_item(AREA + GIB, R, 1, fw.page + 1)};
    CHECK_REFUSED(fault_answer(items, 2), NO_TABLE, 0);
    CHECK_DONE(flr_pool_donate(fw.pool, RAM, kit_frames(1), 1));
    CHECK_DONE(fault_answer(items, 2));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(fault_entry(AREA + GIB) & 7, R);
}

TEST("T4: one item that needs two tables takes exactly two")
{
    fault_setup();
    fault_reader(AREA);
    fault_set_spare(2);
    fault_finish(AREA, R);
    CHECK_EQ(spare_frames(), 0);
}

TEST("T4: one item over the boundary of a table takes exactly three")
{
    fault_setup();
    uint64_t start = AREA + (1ull << 21) - PAGE;
    fault_reader(start);
    fault_set_spare(2);
    CHECK_REFUSED(fault_answer_one(start, R, 2, fw.page), NO_TABLE, 0);
    CHECK_DONE(flr_pool_donate(fw.pool, RAM, kit_frames(1), 1));
    CHECK_DONE(fault_answer_one(start, R, 2, fw.page));
    CHECK_EQ(spare_frames(), 0);
}

TEST("T4: two items that share their missing tables are counted twice, and take them once")
{
    fault_setup();
    fault_reader(AREA);
    fault_set_spare(3);
    struct fl_item items[] = {fault_item(AREA, R, 1, fw.page),
                              fault_item(AREA + PAGE, R, 1, fw.page + 1)};
    CHECK_REFUSED(fault_answer(items, 2), NO_TABLE, 0);
    CHECK_DONE(flr_pool_donate(fw.pool, RAM, kit_frames(1), 1));
    CHECK_DONE(fault_answer(items, 2));
    CHECK_EQ(spare_frames(), 2);
}

TEST("T5: an item whose tables exist is mapped with no spare frame")
{
    fault_setup();
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page + 1, AREA + PAGE, 1, R));
    run_with_spare(0);
    fault_expect(AREA, FL_ACCESS_READ | FL_ACCESS_POOL_LOW);
    fault_finish(AREA, R);
}

TEST("T6: tables that one space takes make the pool low for the other")
{
    fault_setup();
    uint64_t other = kit_space(fw.pool);
    struct kit_thread *reader = fault_thread(fault_read_word, AREA);
    fault_set_spare(9);
    CHECK_DONE(flr_vspace_map(other, RAM, fw.page + 1, AREA, 1, R));
    kit_start(reader);
    fault_expect(AREA, FL_ACCESS_READ | FL_ACCESS_POOL_LOW);
    fault_finish(AREA, R);
}

TEST("T6: a pool of another space does not make this one low")
{
    fault_setup();
    kit_space(kit_pool(8)); /* takes its root and the image's tables */
    fault_run(fault_read_word, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("T7: the pool of a faulter's space cannot be deleted while its fault waits")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    kit_settle();
    CHECK_REFUSED(flr_cnode_delete(CNODE, fw.pool), BUSY, 2);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("T7: the pool of a faulter's space cannot be deleted while its fault is taken")
{
    fault_setup();
    fault_reader(AREA);
    CHECK_REFUSED(flr_cnode_delete(CNODE, fw.pool), BUSY, 2);
    fault_finish(AREA, R);
}

/* --- D --------------------------------------------------------------------------------------- */

/* The entries that an item with these rights makes for two pages: of the one that the thread accesses before and after
 * that, and of the other, which nobody uses. */
static void check_ad(uint64_t rights, void (*access)(uint64_t), uint64_t before, uint64_t after)
{
    fault_setup();
    fault_run(access, AREA);
    fault_take(FAULT);
    CHECK_DONE(fault_answer_one(AREA, rights, 2, fw.page));
    if (kit_alone()) { /* else the thread may have run by now */
        CHECK_EQ(fw.progress, 0);
        CHECK_EQ(fault_entry(AREA) & AD, before);
    }
    CHECK_EQ(fault_entry(AREA + PAGE) & AD, before);
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(fault_entry(AREA) & AD, after);
    CHECK_EQ(fault_entry(AREA + PAGE) & AD, before);
}

TEST("D3: an item without flags makes an entry with A and D clear")
{
    fault_setup();
    fault_reader(AREA);
    CHECK_DONE(fault_answer_one(AREA, RW, 2, fw.page));
    if (kit_alone()) /* else the thread may have read it by now */
        CHECK_EQ(fault_entry(AREA) & AD, 0);
    kit_settle();
    CHECK_EQ(fault_entry(AREA + PAGE) & AD, 0); /* which nobody used */
}

TEST("D4: ACCESSED sets A and not D")
{
    check_ad(RW | FL_MAP_ACCESSED, fault_read_word, FL_ENTRY_ACCESSED, FL_ENTRY_ACCESSED);
}

TEST("D4: ACCESSED and DIRTY set both before the thread has run")
{
    check_ad(RW | FL_MAP_ACCESSED | FL_MAP_DIRTY, fault_read_word, AD, AD);
}

TEST("D4: DIRTY is set on every page of a run")
{
    fault_setup();
    fault_reader(AREA);
    CHECK_DONE(fault_answer_one(AREA, RW | FL_MAP_ACCESSED | FL_MAP_DIRTY, 3, fw.page));
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(fault_entry(AREA + i * PAGE) & AD, AD);
}

TEST("D5: a load sets A and leaves D clear")
{
    check_ad(RW, fault_read_word, 0, FL_ENTRY_ACCESSED);
}

TEST("D5: a store sets A and D")
{
    check_ad(RW, fault_write_word, 0, AD);
}

/* fault_setup, and fw.page has no sticky bits: it was a table meanwhile. */
static void clean_setup(void)
{
    fault_setup();
    CHECK_DONE(flr_pool_donate(fw.pool, RAM, fw.page, 1));
    fault_set_spare(24);
    CHECK_EQ(fault_frame(fw.page), FL_FRAME_FREE);
}

TEST("D6: what REPLACE takes away leaves its D with the frame")
{
    clean_setup();
    fault_run(fault_write_word, AREA);
    fault_expect(AREA, FL_ACCESS_WRITE);
    fault_finish(AREA, RW); /* fw.page is dirty now */
    fault_reader(AREA + PAGE);
    struct fl_item items[] = {fault_item(AREA + PAGE, R, 1, fw.page + 1),
                              fault_item(AREA, R | FL_MAP_REPLACE, 1, fw.page + 2)};
    CHECK_DONE(fault_answer(items, 2));
    CHECK_EQ(fault_frame(fw.page) & FRAME_AD, FRAME_AD);
    CHECK_EQ(fault_frame(fw.page) & 0xff, FL_FRAME_FREE);
}

TEST("D6: D of a page that was unmapped while its reader waits stays with the frame")
{
    clean_setup();
    fault_run(fault_write_word, AREA);
    fault_expect(AREA, FL_ACCESS_WRITE);
    fault_finish(AREA, RW);
    fault_reader(AREA + PAGE);
    CHECK_DONE(flr_vspace_unmap(fw.space, AREA, 1));
    CHECK_EQ(fault_frame(fw.page) & FL_FRAME_DIRTY, FL_FRAME_DIRTY);
    CHECK_DONE(fault_answer_info(STOP));
}

TEST("D6: a frame that was only read leaves no D")
{
    clean_setup();
    fault_reader(AREA);
    fault_finish(AREA, RW);
    CHECK_DONE(flr_vspace_unmap(fw.space, AREA, 1));
    CHECK_EQ(fault_frame(fw.page) & FRAME_AD, FL_FRAME_ACCESSED);
}

TEST("D7: an item for the frame that is there keeps A and D")
{
    fault_setup();
    fault_run(fault_write_word, AREA);
    fault_expect(AREA, FL_ACCESS_WRITE);
    fault_finish(AREA, RW);
    fault_reader(AREA + PAGE);
    struct fl_item items[] = {fault_item(AREA + PAGE, R, 1, fw.page + 1),
                              fault_item(AREA, R, 1, fw.page)};
    CHECK_DONE(fault_answer(items, 2));
    CHECK_EQ(fault_entry(AREA) & (AD | 7), AD | R);
}
