/* Rules C: accesses that need more than one page. */
#include <string.h>

#include "fault_world.h"

#define CODE AREA               /* two pages of code */
#define DATA (AREA + 16 * PAGE) /* two pages of data */

static const uint32_t add_one[] = {0x00150513, 0x00008067}; /* addi a0, a0, 1; ret */
static const uint32_t load[] = {0x00053503, 0x00008067};    /* ld a0, 0(a0); ret */

/* Calls the code at `address` with an address that lies over the boundary of the data's pages. */
static void call_with_data(uint64_t address)
{
    fw.value = ((uint64_t(*)(uint64_t))(uintptr_t)address)(DATA + PAGE - 4);
    fw.progress++;
    kit_sleep();
}

/* Code that begins two bytes before the boundary of pages 0 and 1. */
static void put_straddling(const uint32_t code[2])
{
    uint8_t *first = kit_window(fw.page), *second = kit_window(fw.page + 1);

    memcpy(first + PAGE - 2, code, 2);
    memcpy(second, (const uint8_t *)code + 2, 6);
}

/* Answers the fault at the page of `address` with page `index`. */
static void give(uint64_t address, uint64_t rights, unsigned index)
{
    CHECK_DONE(fault_answer_one(address & ~(PAGE - 1), rights, 1, fw.page + index));
}

TEST("C1: a straddling instruction whose pages are both missing faults for the first one first")
{
    fault_setup();
    put_straddling(add_one);
    fault_run(fault_run_code, CODE + PAGE - 2);
    fault_expect(CODE + PAGE - 2, FL_ACCESS_EXEC);
    CHECK_EQ(fw.fault.word[1], CODE + PAGE - 2);
    CHECK_DONE(fault_answer_info(STOP));
}

TEST("C1: for its second page the address is that page's and the pc the instruction's")
{
    fault_setup();
    put_straddling(add_one);
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, CODE, 1, R | X));
    fault_run(fault_run_code, CODE + PAGE - 2);
    fault_expect(CODE + PAGE, FL_ACCESS_EXEC);
    CHECK_EQ(fw.fault.word[1], CODE + PAGE - 2);
    CHECK_DONE(fault_answer_info(STOP));
}

TEST("C1: with both pages given it is executed once")
{
    fault_setup();
    put_straddling(add_one);
    fault_run(fault_run_code, CODE + PAGE - 2);
    fault_expect(CODE + PAGE - 2, FL_ACCESS_EXEC);
    give(CODE, R | X, 0);
    fault_expect(CODE + PAGE, FL_ACCESS_EXEC);
    give(CODE + PAGE, R | X, 1);
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(fw.value, 42);
}

TEST("C1: a second page that may not be executed is a fault with PRESENT")
{
    fault_setup();
    put_straddling(add_one);
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, CODE, 1, R | X));
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page + 1, CODE + PAGE, 1, R));
    fault_run(fault_run_code, CODE + PAGE - 2);
    fault_expect(CODE + PAGE, FL_ACCESS_EXEC | FL_ACCESS_PRESENT | FL_ACCESS_MAY_R);
    CHECK_DONE(fault_answer_info(STOP));
}

TEST("C2: a load over a boundary faults for each page and then reads both")
{
    fault_setup();
    memset(kit_window(fw.page), 0x11, PAGE);
    memset(kit_window(fw.page + 1), 0x22, PAGE);
    fault_run(fault_read_word, DATA + PAGE - 3);
    for (unsigned i = 0; i < 2; i++) {
        fault_take(FAULT);
        CHECK_EQ(fw.fault.word[2], FL_ACCESS_READ);
        CHECK_EQ(fw.fault.word[0] / PAGE, DATA / PAGE + i);
        give(fw.fault.word[0], R, i);
    }
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(fw.value, 0x2222222222111111ull);
}

TEST("C2: a load over a boundary faults once when one page is there")
{
    fault_setup();
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page + 1, DATA + PAGE, 1, R));
    fault_run(fault_read_word, DATA + PAGE - 3);
    fault_take(FAULT);
    CHECK_EQ(fw.fault.word[0] / PAGE, DATA / PAGE);
    fault_finish(DATA, R);
}

TEST("C2: a store over a boundary faults for each page and then writes both")
{
    fault_setup();
    uint8_t *first = kit_window(fw.page), *second = kit_window(fw.page + 1);
    fault_run(fault_write_word, DATA + PAGE - 4);
    for (unsigned i = 0; i < 2; i++) {
        fault_take(FAULT);
        CHECK_EQ(fw.fault.word[2], FL_ACCESS_WRITE);
        CHECK_EQ(fw.fault.word[0] / PAGE, DATA / PAGE + i);
        give(fw.fault.word[0], RW, i);
    }
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(*(uint32_t *)(void *)(first + PAGE - 4), 0x34567890);
    CHECK_EQ(*(uint32_t *)(void *)second, 0x12);
}

TEST("C2: one answer may give both pages")
{
    fault_setup();
    fault_run(fault_read_word, DATA + PAGE - 4);
    fault_take(FAULT);
    CHECK_DONE(fault_answer_one(DATA, R, 2, fw.page));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
}

TEST("C3: one load needs two pages of code and two of data, and faults for each of the four")
{
    fault_setup();
    put_straddling(load);
    memset(kit_window(fw.page + 2), 0x33, PAGE);
    memset(kit_window(fw.page + 3), 0x44, PAGE);
    fault_run(call_with_data, CODE + PAGE - 2);
    fault_expect(CODE + PAGE - 2, FL_ACCESS_EXEC);
    give(CODE, R | X, 0);
    fault_expect(CODE + PAGE, FL_ACCESS_EXEC);
    give(CODE + PAGE, R | X, 1);
    for (unsigned i = 0; i < 2; i++) {
        fault_take(FAULT);
        CHECK_EQ(fw.fault.word[0] / PAGE, DATA / PAGE + i);
        CHECK_EQ(fw.fault.word[1], CODE + PAGE - 2);
        CHECK_EQ(fw.fault.word[2], FL_ACCESS_READ);
        give(fw.fault.word[0], R, 2 + i);
    }
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(fw.value, 0x4444444433333333ull);
}

TEST("C3: one answer may give all four")
{
    fault_setup();
    put_straddling(load);
    fault_run(call_with_data, CODE + PAGE - 2);
    fault_expect(CODE + PAGE - 2, FL_ACCESS_EXEC);
    struct fl_item items[] = {fault_item(CODE, R | X, 2, fw.page),
                              fault_item(DATA, R, 2, fw.page + 2)};
    CHECK_DONE(fault_answer(items, 2));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
}

TEST("C4: a page of code taken away for a page of data is asked for again")
{
    fault_setup();
    put_straddling(load);
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, CODE, 2, R | X));
    fault_run(call_with_data, CODE + PAGE - 2);
    fault_take(FAULT);
    CHECK_EQ(fw.fault.word[2], FL_ACCESS_READ);
    CHECK_DONE(flr_vspace_unmap(fw.space, CODE + PAGE, 1));
    CHECK_DONE(fault_answer_one(DATA, R, 2, fw.page + 2));
    fault_expect(CODE + PAGE, FL_ACCESS_EXEC);
    give(CODE + PAGE, R | X, 1);
    kit_settle();
    CHECK_EQ(fw.progress, 1);
}

TEST("C4: a page of data taken away for the other is asked for again")
{
    fault_setup();
    fault_run(fault_read_word, DATA + PAGE - 4);
    fault_take(FAULT);
    give(DATA, R, 0);
    fault_take(FAULT);
    CHECK_EQ(fw.fault.word[0] / PAGE, DATA / PAGE + 1);
    CHECK_DONE(flr_vspace_unmap(fw.space, DATA, 1));
    give(DATA + PAGE, R, 1);
    fault_take(FAULT);
    CHECK_EQ(fw.fault.word[0] / PAGE, DATA / PAGE);
    give(DATA, R, 0);
    kit_settle();
    CHECK_EQ(fw.progress, 1);
}

TEST("C5: whatever a store had written when it faulted, resumed it writes all its bytes")
{
    fault_setup();
    uint8_t *first = kit_window(fw.page), *second = kit_window(fw.page + 1);
    memset(first, 0xee, PAGE);
    memset(second, 0xee, PAGE);
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, DATA, 1, RW));
    fault_run(fault_write_word, DATA + PAGE - 2);
    fault_take(FAULT);
    CHECK_EQ(fw.fault.word[0] / PAGE, DATA / PAGE + 1);
    give(DATA + PAGE, RW, 1);
    kit_settle();
    CHECK_EQ(first[PAGE - 3], 0xee);
    CHECK_EQ(*(uint16_t *)(void *)(first + PAGE - 2), 0x7890);
    CHECK_EQ(*(uint32_t *)(void *)second, 0x00123456);
    CHECK_EQ(second[6], 0xee);
}
