/* What the handler of a fault may answer, and who may come and go meanwhile. */
#include <string.h>

#include "fault_world.h"

static uint64_t frame_type(uint64_t which)
{
    return flr_memory_frame_state(RAM, which).value & 0xff;
}

/* --- answers --------------------------------------------------------------------------------- */

TEST("an answer without items lets the thread try again")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    for (unsigned i = 0; i < 3; i++) {
        fault_expect(AREA, FL_ACCESS_READ);
        CHECK_DONE(fault_answer_info(RESUME(0)));
    }
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, AREA, 1, R));
    CHECK_DONE(fault_answer_info(RESUME(0)));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
}

TEST("an answer maps its item with the rights, A and D that it names")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_DONE(fault_answer_one(AREA, RW | FL_MAP_ACCESSED | FL_MAP_DIRTY, 1, fw.page));
    CHECK_EQ(flr_vspace_entry(fw.space, AREA).value &
                 ~(uint64_t)(FL_ENTRY_CEIL_W | FL_ENTRY_CEIL_X),
             RW | FL_ENTRY_VALID | FL_ENTRY_ACCESSED | FL_ENTRY_DIRTY);
    kit_settle();
    CHECK_EQ(fw.progress, 1);
}

TEST("16 items and 64 pages are mapped by one answer")
{
    struct fl_item items[FL_ITEMS];

    fault_setup();
    uint64_t *words = kit_window(fw.page + 63);
    words[1] = 99;
    CHECK_DONE(flr_vspace_unmap(FL_BOOT_VSPACE, (uint64_t)(uintptr_t)words, 1));
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, AREA + 64 * PAGE, 1, R)); /* the tables */
    fault_run(fault_read_word, AREA + 63 * PAGE + 8);
    fault_expect(AREA + 63 * PAGE + 8, FL_ACCESS_READ);
    for (unsigned i = 0; i < FL_ITEMS; i++)
        items[i] = fault_item(AREA + 4 * i * PAGE, R, 4, fw.page + 4 * i);
    uint64_t mappings = kit_counter(FL_COUNTER_MAPPINGS);
    CHECK_DONE(fault_answer(items, FL_ITEMS));
    CHECK_EQ(kit_counter(FL_COUNTER_MAPPINGS), mappings + 64);
    kit_settle();
    CHECK_EQ(fw.value, 99);
}

TEST("one item may map 64 pages, over the boundary of a table")
{
    fault_setup();
    uint64_t start = AREA + (1ull << 21) - 10 * PAGE;
    fault_run(fault_read_word, start + 63 * PAGE);
    fault_expect(start + 63 * PAGE, FL_ACCESS_READ);
    CHECK_DONE(fault_answer_one(start, R, 64, fw.page));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    for (unsigned i = 0; i < 64; i++)
        CHECK_EQ(flr_vspace_entry(fw.space, start + i * PAGE).value & 7, R);
}

TEST("17 items, 65 pages in one item and 65 in all are refused, and a good answer still works")
{
    struct fl_item items[FL_ITEMS + 1];

    fault_setup();
    fault_run(fault_read_word, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    for (unsigned i = 0; i <= FL_ITEMS; i++)
        items[i] = fault_item(AREA + i * PAGE, R, 1, fw.page + i);
    CHECK_REFUSED(fault_answer(items, 17), OUT_OF_RANGE, 2);
    CHECK_REFUSED(fault_answer_info(RESUME(255)), OUT_OF_RANGE, 2);
    CHECK_REFUSED(fault_answer_one(AREA, R, 65, fw.page), OUT_OF_RANGE, 3);
    CHECK_REFUSED(fault_answer_one(AREA, R, UINT32_MAX, fw.page), OUT_OF_RANGE, 3);
    items[1] = fault_item(AREA + PAGE, R, 64, fw.page + 1);
    CHECK_REFUSED(fault_answer(items, 2), OUT_OF_RANGE, 2);
    fault_finish(AREA, R);
}

TEST("items that overlap are refused as a whole")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    struct fl_item same[] = {fault_item(AREA, R, 1, fw.page), fault_item(AREA, R, 1, fw.page)};
    struct fl_item partly[] = {fault_item(AREA, R, 3, fw.page),
                               fault_item(AREA + 9 * PAGE, R, 1, fw.page + 9),
                               fault_item(AREA + 2 * PAGE, R | FL_MAP_REPLACE, 3, fw.page + 3)};
    CHECK_REFUSED(fault_answer(same, 2), OCCUPIED, 2);
    CHECK_REFUSED(fault_answer(partly, 3), OCCUPIED, 2);
    fault_finish(AREA, R);
}

struct bad_item {
    struct fl_item item;
    enum fl_error code;
};

/* Every way in which one item can be wrong, and a page that is in the way at AREA + 5 pages. */
static unsigned make_bad_items(struct bad_item *bad)
{
    uint64_t n = kit_boot_info()->ram[0].pages, table = kit_frames(1), object = kit_frames(1);
    uint64_t weak = kit_copy(RAM, ALL & ~FL_RIGHT_MAP, 0), read_only = kit_copy(RAM, R | 8, 0);
    uint64_t away = AREA + 5 * PAGE, source = FL_ITEM_SOURCE(0, 1);
    const struct bad_item list[] = {
        {fault_item(AREA, R | 8, 1, fw.page), FL_RESERVED},
        {fault_item(AREA, R | 0x800, 1, fw.page), FL_RESERVED},
        {fault_item(AREA, R | FL_MAP_DIRTY, 1, fw.page), FL_RESERVED},
        {fault_item(0, R, 1, fw.page), FL_OUT_OF_RANGE},
        {fault_item(FL_USER_END, R, 1, fw.page), FL_OUT_OF_RANGE},
        {fault_item(FL_USER_END - PAGE, R, 2, fw.page), FL_OUT_OF_RANGE},
        {fault_item(0xffffffff80200000ull, R, 1, fw.page), FL_OUT_OF_RANGE},
        {fault_item(0 - PAGE, R, 1, fw.page), FL_OUT_OF_RANGE},
        {fault_item(AREA, R, 0, fw.page), FL_OUT_OF_RANGE},
        {fault_item(AREA, 0, 1, fw.page), FL_OUT_OF_RANGE},
        {fault_item(AREA, W, 1, fw.page), FL_OUT_OF_RANGE},
        {fault_item(AREA, W | X, 1, fw.page), FL_OUT_OF_RANGE},
        {fault_item(AREA, R, 1, n), FL_OUT_OF_RANGE},
        {fault_item(AREA, R, 2, n - 1), FL_OUT_OF_RANGE},
        {fault_item(AREA, R, 2, UINT64_MAX), FL_OUT_OF_RANGE},
        {fault_item(AREA, R, 1, table), FL_BAD_FRAME},
        {fault_item(AREA, R, 1, object), FL_BAD_FRAME},
        {fault_item(AREA, R | FL_MAP_REPLACE, 1, object), FL_BAD_FRAME},
        {fault_item(away, R, 1, fw.page), FL_OCCUPIED},
        {fault_item(away - PAGE, R, 2, fw.page), FL_OCCUPIED},
        {{AREA | R, source | NO_SLOT, fw.page}, FL_BAD_SLOT},
        {{AREA | R, source | 0x80000000u, fw.page}, FL_BAD_SLOT},
        {{AREA | R, source, fw.page}, FL_BAD_SLOT},
        {{AREA | R, source | CNODE, fw.page}, FL_BAD_TYPE},
        {{AREA | R, source | weak, fw.page}, FL_NO_RIGHT},
        {{AREA | RW, source | read_only, fw.page}, FL_NO_RIGHT},
        {{AREA | R | X, source | read_only, fw.page}, FL_NO_RIGHT},
    };

    CHECK_DONE(flr_pool_donate(fw.pool, RAM, table, 1));
    CHECK_DONE(flr_memory_retype(RAM, object, FL_OBJECT_TCB, 1, CNODE, kit_slots(1)));
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page + 9, away, 1, R));
    memcpy(bad, list, sizeof list);
    return sizeof list / sizeof list[0];
}

TEST("each bad item is refused, maps nothing and leaves the thread waiting for a good answer")
{
    struct bad_item bad[40];

    fault_setup();
    unsigned count = make_bad_items(bad);
    fault_run(fault_read_word, AREA + PAGE);
    fault_expect(AREA + PAGE, FL_ACCESS_READ);
    for (unsigned i = 0; i < count; i++) {
        struct fl_item pair[] = {fault_item(AREA + PAGE, R, 1, fw.page + 1), bad[i].item};
        refusal_before();
        refusal_check(__FILE__, __LINE__, "a bad item", fault_answer(&bad[i].item, 1).status,
                      FL_STATUS(bad[i].code, 3));
        refusal_check(__FILE__, __LINE__, "a bad second item", fault_answer(pair, 2).status,
                      FL_STATUS(bad[i].code, 2));
    }
    CHECK_EQ(fw.progress, 0);
    fault_finish(AREA + PAGE, R);
}

TEST("an answer that needs more tables than the pool has maps nothing until frames are donated")
{
    for (uint64_t spare = 0; spare < 4; spare++) {
        fault_setup();
        fault_run(fault_read_word, AREA);
        fault_expect(AREA, FL_ACCESS_READ);
        while (flr_pool_withdraw(fw.pool, RAM).status == FL_OK)
            ;
        if (spare > 0)
            CHECK_DONE(flr_pool_donate(fw.pool, RAM, kit_frames(spare), spare));
        struct fl_item items[] = {fault_item(AREA, R, 1, fw.page),
                                  fault_item(AREA + (1ull << 30), R, 1, fw.page + 1)};
        CHECK_REFUSED(fault_answer(items, 2), NO_TABLE, 0);
        if (spare < 2)
            CHECK_REFUSED(fault_answer(items, 1), NO_TABLE, 0);
        CHECK_DONE(flr_pool_donate(fw.pool, RAM, kit_frames(4 - spare), 4 - spare));
        CHECK_DONE(fault_answer(items, 2));
        kit_settle();
        CHECK_EQ(fw.progress, 1);
    }
}

TEST("other labels, reserved bits, STOP and UPCALL with items are refused")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    static const uint64_t bad[] = {FL_INFO(0, 0),
                                   FL_INFO(FL_LABEL_PAGE_FAULT, 4),
                                   FL_INFO(FL_LABEL_UPCALL, 4),
                                   FL_INFO_ITEMS(FL_LABEL_UPCALL, 3, 1),
                                   FL_INFO(19, 0),
                                   FL_INFO(UINT32_MAX, 0),
                                   FL_INFO_ITEMS(FL_LABEL_STOP, 0, 1),
                                   FL_INFO(FL_LABEL_RESUME, 0) | 1ull << 48,
                                   FL_INFO(FL_LABEL_STOP, 0) | 1ull << 63};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_REFUSED(fault_answer_info(bad[i]), RESERVED, 2);
    fault_finish(AREA, R);
}

TEST("an item replaces another frame's entry only when it says so")
{
    fault_setup();
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page + 1, AREA, 1, R));
    fault_run(fault_write_word, AREA);
    fault_expect(AREA, FL_ACCESS_WRITE | FL_ACCESS_PRESENT | FL_ACCESS_MAY_R);
    CHECK_REFUSED(fault_answer_one(AREA, RW, 1, fw.page), OCCUPIED, 3);
    CHECK_DONE(fault_answer_one(AREA, RW | FL_MAP_REPLACE, 1, fw.page));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(frame_type(fw.page + 1), FL_FRAME_FREE);
}

TEST("an item for the frame that is there raises its rights")
{
    fault_setup();
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, AREA, 1, R));
    fault_run(fault_write_word, AREA);
    fault_expect(AREA, FL_ACCESS_WRITE | FL_ACCESS_PRESENT | FL_ACCESS_MAY_R);
    fault_finish(AREA, RW);
    CHECK_EQ(flr_memory_frame_state(RAM, fw.page).value >> 16, 1);
}

TEST("STOP leaves the thread stopped, the Reply free; resumed it faults again")
{
    fault_setup();
    struct kit_thread *thread = fault_run(fault_read_word, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_DONE(fault_answer_info(STOP));
    CHECK(fault_none_waits());
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("a second answer to one fault says GONE and maps nothing")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
    CHECK_REFUSED(fault_answer_one(AREA + PAGE, R, 1, fw.page + 1), GONE, 0);
}

TEST("a refused reply_recv does not receive; a good one resumes and takes the next fault")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_run(fault_read_word, AREA + PAGE);
    kit_settle();
    CHECK_REFUSED(flr_ipc_reply_recv(fw.endpoint, RESUME(1), AREA | R, FL_ITEM_SOURCE(CNODE, 1), 0,
                                     0, fw.reply),
                  BAD_TYPE, 3);
    fw.fault.info = RESUME(1);
    fw.fault.word[0] = AREA | R;
    fw.fault.word[1] = FL_ITEM_SOURCE(RAM, 1);
    fw.fault.word[2] = fw.page;
    fl_ipc_reply_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.info, FAULT);
    CHECK_EQ(fw.fault.word[0], AREA + PAGE);
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    fault_finish(AREA + PAGE, R);
}

/* --- who comes and goes ---------------------------------------------------------------------- */

TEST("two threads that fault on one page both get an answer")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    fault_run(fault_write_word, AREA);
    kit_settle();
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, RW);
    fault_expect(AREA, FL_ACCESS_WRITE);
    fault_finish(AREA, RW);
    CHECK_EQ(fw.progress, 2);
    CHECK_EQ(flr_memory_frame_state(RAM, fw.page).value >> 16, 1);
}

TEST("faults queue at a handler that is busy and are taken in order")
{
    fault_setup();
    for (unsigned i = 0; i < 5; i++)
        fault_run(fault_read_word, AREA + i * PAGE);
    kit_settle();
    for (unsigned i = 0; i < 5; i++) {
        fault_expect(AREA + i * PAGE, FL_ACCESS_READ);
        CHECK_DONE(fault_answer_info(STOP));
    }
    CHECK(fault_none_waits());
}

TEST("a thread without a handler stops at its fault and goes on when it has one")
{
    fault_setup();
    struct kit_thread *thread = kit_run(fw.space, 0, fault_read_word, AREA);
    CHECK(fault_none_waits());
    CHECK_EQ(fw.progress, 0);
    CHECK_DONE(flr_tcb_set_space(thread->tcb, fw.space, fw.handler));
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("a fault whose handler's endpoint nobody can receive from stops the thread")
{
    fault_setup();
    struct kit_thread *thread =
        kit_thread(fw.space, fw.handler, KIT_PRIORITY, fault_read_word, AREA);
    CHECK_EQ(kit_delete(fw.handler), FL_OK);
    CHECK_EQ(kit_delete(fw.endpoint), FL_OK);
    kit_start(thread);
    kit_settle();
    CHECK_DONE(flr_memory_retype(RAM, kit_frames(1), FL_OBJECT_ENDPOINT, 1, CNODE, fw.endpoint));
    CHECK_DONE(flr_cnode_copy(CNODE, fw.handler, CNODE, fw.endpoint, ALL, FAULT_BADGE));
    CHECK_DONE(flr_tcb_set_space(thread->tcb, fw.space, fw.handler));
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("a fault that was taken can be answered after the handler's endpoint is gone")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_EQ(kit_delete(fw.handler), FL_OK);
    CHECK_EQ(kit_delete(fw.endpoint), FL_OK);
    fault_finish(AREA, R);
}

TEST("the end of the last thread that names a handler ends the endpoint and cancels its callers")
{
    fault_setup();
    struct kit_thread *thread = fault_run(fault_read_word, AREA);
    kit_settle();
    uint64_t objects = kit_counter(FL_COUNTER_OBJECTS);
    CHECK_EQ(kit_delete(fw.handler), FL_OK);
    CHECK_EQ(kit_delete(fw.endpoint), FL_OK);
    CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects);
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
    CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects - 2);
}

TEST("the answer to a thread that was suspended says GONE and maps nothing")
{
    fault_setup();
    struct kit_thread *thread = fault_run(fault_read_word, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    CHECK_REFUSED(fault_answer_one(AREA, R, 1, fw.page), GONE, 0);
    CHECK(fault_none_waits());
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("the answer to a thread that was deleted, with its space, says GONE and maps nothing")
{
    fault_setup();
    struct kit_thread *thread = fault_run(fault_read_word, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_REFUSED(flr_cnode_delete(CNODE, fw.space), BUSY, 2);
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
    CHECK_EQ(fl_ipc_reply(fw.reply, RESUME(1), AREA | R, FL_ITEM_SOURCE(RAM, 1), fw.page, 0),
             FL_GONE);
    CHECK_EQ(kit_delete(fw.space), FL_OK);
    CHECK_EQ(fault_answer_one(AREA, R, 1, fw.page).status, FL_GONE);
    CHECK_EQ(frame_type(fw.page), FL_FRAME_FREE);
    CHECK(fault_none_waits());
}

TEST("a queued fault goes with its thread, and once with a thread that is suspended and resumed")
{
    fault_setup();
    struct kit_thread *first = fault_run(fault_read_word, AREA),
                      *second = fault_run(fault_read_word, AREA + PAGE);
    kit_settle();
    CHECK_EQ(kit_delete(first->tcb), FL_OK);
    CHECK_DONE(flr_tcb_suspend(second->tcb));
    CHECK(fault_none_waits());
    CHECK_DONE(flr_tcb_resume(second->tcb));
    fault_expect(AREA + PAGE, FL_ACCESS_READ);
    fault_finish(AREA + PAGE, R);
    CHECK(fault_none_waits());
}
