/* Rules A: what may be answered, and what a refused answer leaves. */
#include "fault_world.h"

#define LOW (KIT_PRIORITY - 1)

static uint64_t status[2];

/* --- RESUME ---------------------------------------------------------------------------------- */

TEST("A1: RESUME without items lets the thread fault again, as often as it is given")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    for (unsigned i = 0; i < 3; i++) {
        fault_expect(AREA, FL_ACCESS_READ);
        CHECK_DONE(fault_answer_info(RESUME(0)));
    }
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("A1: RESUME without items goes on when the page was mapped by other means")
{
    fault_setup();
    fault_reader(AREA);
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, AREA, 1, R));
    CHECK_DONE(fault_answer_info(RESUME(0)));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
}

TEST("A1: RESUME without items maps nothing and takes no table")
{
    fault_setup();
    fault_reader(AREA);
    uint64_t mappings = kit_counter(FL_COUNTER_MAPPINGS);
    CHECK_DONE(fault_answer_info(RESUME(0)));
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_EQ(kit_counter(FL_COUNTER_MAPPINGS), mappings);
    fault_finish(AREA, R);
}

TEST("A2: RESUME with one item maps it and the thread goes on")
{
    fault_setup();
    fault_reader(AREA);
    fault_finish(AREA, R);
    CHECK_EQ(fault_entry(AREA) & (7 | FL_ENTRY_VALID), R | FL_ENTRY_VALID);
}

TEST("A2: RESUME with 16 items of 64 pages in all maps every one")
{
    struct fl_item items[FL_ITEMS];

    fault_setup();
    fault_reader(AREA + 63 * PAGE);
    for (unsigned i = 0; i < FL_ITEMS; i++)
        items[i] = fault_item(AREA + 4 * i * PAGE, R, 4, fw.page + 4 * i);
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, AREA + 64 * PAGE, 1, R)); /* the tables */
    uint64_t mappings = kit_counter(FL_COUNTER_MAPPINGS);
    CHECK_DONE(fault_answer(items, FL_ITEMS));
    CHECK_EQ(kit_counter(FL_COUNTER_MAPPINGS), mappings + 64);
    for (unsigned i = 0; i < 64; i++)
        CHECK_EQ(fault_frame(fw.page + i) >> 16, i == 0 ? 2 : 1);
    kit_settle();
    CHECK_EQ(fw.progress, 1);
}

/* --- all or none ----------------------------------------------------------------------------- */

/* Two good items and a bad one at place `bad` of three: nothing of them is mapped. */
static void check_none(unsigned bad)
{
    struct fl_item items[3];

    fault_setup();
    fault_reader(AREA);
    for (unsigned i = 0; i < 3; i++)
        items[i] = fault_item(AREA + i * PAGE, R, 1, fw.page + i);
    items[bad].source = FL_ITEM_SOURCE(NO_SLOT, 1);
    CHECK_REFUSED(fault_answer(items, 3), BAD_SLOT, bad == 0 ? 3 : 2);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(fault_entry(AREA + i * PAGE), 0);
    fault_finish(AREA, R);
}

TEST("A3: a bad first item of three keeps the others from being mapped")
{
    check_none(0);
}

TEST("A3: a bad second item of three keeps the others from being mapped")
{
    check_none(1);
}

TEST("A3: a bad last item of three keeps the others from being mapped")
{
    check_none(2);
}

TEST("A3: an item of several pages with a bad last one maps none of them")
{
    fault_setup();
    fault_reader(AREA);
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page + 9, AREA + 3 * PAGE, 1, R));
    CHECK_REFUSED(fault_answer_one(AREA, R, 4, fw.page), OCCUPIED, 3);
    CHECK_EQ(fault_entry(AREA + 2 * PAGE), 0);
    fault_finish(AREA, R);
}

TEST("A4: after ten refused answers a good one is carried out")
{
    fault_setup();
    fault_reader(AREA);
    for (unsigned i = 0; i < 10; i++)
        CHECK_REFUSED(fault_answer_one(AREA, R | 8, 1, fw.page), RESERVED, 3);
    CHECK_EQ(fw.progress, 0);
    fault_finish(AREA, R);
}

TEST("A4: after a refused answer STOP is carried out")
{
    fault_setup();
    fault_reader(AREA);
    CHECK_REFUSED(fault_answer_one(AREA, R, 0, fw.page), OUT_OF_RANGE, 3);
    CHECK_DONE(fault_answer_info(STOP));
    CHECK(fault_none_waits());
}

/* --- STOP ------------------------------------------------------------------------------------ */

TEST("A5: STOP leaves the thread stopped")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_DONE(fault_answer_info(STOP));
    CHECK(fault_none_waits());
    CHECK_EQ(fw.progress, 0);
    CHECK_DONE(flr_tcb_set_space(thread->tcb, fw.space, fw.handler)); /* BUSY unless stopped */
}

TEST("A5: STOP leaves the Reply idle")
{
    fault_setup();
    fault_reader(AREA);
    CHECK_DONE(fault_answer_info(STOP));
    CHECK_REFUSED(fault_answer_info(RESUME(0)), GONE, 0);
    fault_reader(AREA + PAGE);
    fault_finish(AREA + PAGE, R);
}

TEST("A6: after STOP and tcb_resume the thread executes its instruction again")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_DONE(fault_answer_info(STOP));
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

/* --- info words ------------------------------------------------------------------------------ */

static void check_info(uint64_t info, enum fl_error code)
{
    fault_setup();
    fault_reader(AREA);
    refusal_before();
    refusal_check(__FILE__, __LINE__, "a bad info word", fault_answer_info(info).status,
                  FL_STATUS(code, 2));
    CHECK_EQ(fw.progress, 0);
    fault_finish(AREA, R);
}
#define BAD_INFO(sentence, info, code) \
    TEST(sentence)                     \
    {                                  \
        check_info(info, FL_##code);   \
    }

BAD_INFO("A7: label 0 is refused", FL_INFO(0, 0), RESERVED)
BAD_INFO("A7: the label of a page fault is refused", FL_INFO(FL_LABEL_PAGE_FAULT, 0), RESERVED)
BAD_INFO("A7: the message itself is refused as an answer", FAULT, RESERVED)
BAD_INFO("A7: label 15 is refused", FL_INFO(15, 0), RESERVED)
BAD_INFO("A7: label 19 is refused", FL_INFO(19, 0), RESERVED)
BAD_INFO("A7: the notification label is refused", FL_INFO(FL_LABEL_NOTIFICATION, 0), RESERVED)
BAD_INFO("A8: RESUME with words is refused", FL_INFO(FL_LABEL_RESUME, 1), RESERVED)
BAD_INFO("A8: STOP with words is refused", FL_INFO(FL_LABEL_STOP, 1), RESERVED)
BAD_INFO("A8: STOP with an item is refused", FL_INFO_ITEMS(FL_LABEL_STOP, 0, 1), RESERVED)
BAD_INFO("A8: UPCALL with 4 words is refused", FL_INFO(FL_LABEL_UPCALL, 4), RESERVED)
BAD_INFO("A8: UPCALL with an item is refused", FL_INFO_ITEMS(FL_LABEL_UPCALL, 3, 1), RESERVED)
BAD_INFO("A9: RESUME with bit 48 is refused", RESUME(0) | 1ull << 48, RESERVED)
BAD_INFO("A9: RESUME with bit 63 is refused", RESUME(0) | 1ull << 63, RESERVED)
BAD_INFO("A9: RESUME of an item with bit 48 is refused", RESUME(1) | 1ull << 48, RESERVED)
BAD_INFO("A9: STOP with bit 50 is refused", STOP | 1ull << 50, RESERVED)
BAD_INFO("A10: 17 items are refused", RESUME(17), OUT_OF_RANGE)
BAD_INFO("A10: 255 items are refused", RESUME(255), OUT_OF_RANGE)

/* --- a handler without a buffer -------------------------------------------------------------- */

/* Answers first with two items, then with one of three pages. */
static void answer_without_buffer(uint64_t unused)
{
    (void)unused;
    status[0] = fl_ipc_reply(fw.reply, RESUME(2), AREA | R, FL_ITEM_SOURCE(RAM, 1), fw.page, 0);
    status[1] = fl_ipc_reply(fw.reply, RESUME(1), AREA | R, FL_ITEM_SOURCE(RAM, 3), fw.page, 0);
    kit_sleep();
}

static void run_without_buffer(void)
{
    struct kit_thread *thread = kit_thread(fw.space, 0, KIT_PRIORITY, answer_without_buffer, 0);
    uint64_t tcb = kit_object(FL_OBJECT_TCB);

    CHECK_DONE(flr_tcb_set_cspace(tcb, CNODE));
    CHECK_DONE(flr_tcb_set_space(tcb, fw.space, 0));
    CHECK_DONE(flr_tcb_set_priority(tcb, FL_BOOT_SCHED, KIT_PRIORITY));
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
    CHECK_DONE(flr_cnode_move(CNODE, thread->tcb, CNODE, tcb));
    kit_start(thread);
    kit_settle();
}

TEST("A11: a handler without a buffer is refused two items")
{
    fault_setup();
    fault_reader(AREA);
    run_without_buffer();
    CHECK_EQ(status[0], FL_STATUS(FL_NO_BUFFER, 2));
}

TEST("A11: a handler without a buffer maps several pages by one item")
{
    fault_setup();
    fault_reader(AREA);
    run_without_buffer();
    CHECK_EQ(status[1], FL_OK);
    CHECK_EQ(fw.progress, 1);
}

TEST("A12: words of an answer without items are not read")
{
    fault_setup();
    fault_reader(AREA);
    CHECK_EQ(fl_ipc_reply(fw.reply, RESUME(0), ~0ull, ~0ull, ~0ull, ~0ull), FL_OK);
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_EQ(fl_ipc_reply(fw.reply, STOP, ~0ull, ~0ull, ~0ull, ~0ull), FL_OK);
}

TEST("A12: word 3 and the buffer are not read by an answer of one item")
{
    volatile uint64_t *buffer = (uint64_t *)(uintptr_t)FL_BUFFER;

    fault_setup();
    fault_reader(AREA);
    for (unsigned i = 4; i < FL_MESSAGE_WORDS; i++)
        buffer[i] = ~0ull;
    CHECK_EQ(fl_ipc_reply(fw.reply, RESUME(1), AREA | R, FL_ITEM_SOURCE(RAM, 1), fw.page, ~0ull),
             FL_OK);
    kit_settle();
    CHECK_EQ(fw.progress, 1);
}

/* --- reply and receive ----------------------------------------------------------------------- */

/* One good item by reply_recv; what came is in fw.fault. */
static void reply_recv_page(uint64_t address)
{
    fw.fault = (struct fl_message){.info = RESUME(1),
                                   .word = {address | R, FL_ITEM_SOURCE(RAM, 1), fw.page, 0}};
    fl_ipc_reply_recv(fw.endpoint, fw.reply, &fw.fault);
}

TEST("A13: reply_recv answers one fault and takes the next that waits")
{
    fault_setup();
    fault_reader(AREA);
    fault_run(fault_read_word, AREA + PAGE);
    kit_settle();
    reply_recv_page(AREA);
    CHECK_EQ(fw.fault.info, FAULT);
    CHECK_EQ(fw.fault.word[0], AREA + PAGE);
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    fault_finish(AREA + PAGE, R);
}

TEST("A13: reply_recv lets the thread run that it answered, and takes its next fault")
{
    fault_setup();
    fault_run(fault_read_word, AREA + PAGE - 4);
    fault_take(FAULT);
    reply_recv_page(AREA);
    CHECK_EQ(fw.fault.info, FAULT);
    CHECK_EQ(fw.fault.word[0] / PAGE, AREA / PAGE + 1);
    fault_finish(AREA + PAGE, R);
}

TEST("A14: reply_recv whose answer is refused does not take the fault that waits")
{
    fault_setup();
    fault_reader(AREA);
    fault_run(fault_read_word, AREA + PAGE);
    kit_settle();
    CHECK_REFUSED(flr_ipc_reply_recv(fw.endpoint, RESUME(1), AREA | R, FL_ITEM_SOURCE(CNODE, 1), 0,
                                     0, fw.reply),
                  BAD_TYPE, 3);
    fault_finish(AREA, R);
    fault_expect(AREA + PAGE, FL_ACCESS_READ);
    fault_finish(AREA + PAGE, R);
}

TEST("A14: reply_recv whose info word is refused returns at once with nothing to receive")
{
    fault_setup();
    fault_reader(AREA);
    CHECK_REFUSED(flr_ipc_reply_recv(fw.endpoint, FAULT, 0, 0, 0, 0, fw.reply), RESERVED, 2);
    fault_finish(AREA, R);
}

/* A good answer through a bad endpoint or Reply argument. */
static void check_slots(uint64_t endpoint, uint64_t reply, enum fl_error code, unsigned argument)
{
    fault_reader(AREA);
    refusal_before();
    refusal_check(
        __FILE__, __LINE__, "bad slots",
        flr_ipc_reply_recv(endpoint, RESUME(1), AREA | R, FL_ITEM_SOURCE(RAM, 1), fw.page, 0, reply)
            .status,
        FL_STATUS(code, argument));
    fault_finish(AREA, R);
}
#define BAD_SLOTS(sentence, endpoint, reply, code, argument) \
    TEST(sentence)                                           \
    {                                                        \
        fault_setup();                                       \
        check_slots(endpoint, reply, FL_##code, argument);   \
    }

BAD_SLOTS("A15: reply_recv with an empty endpoint slot does not answer", NO_SLOT, fw.reply,
          BAD_SLOT, 1)
BAD_SLOTS("A15: reply_recv from a notification does not answer", kit_object(FL_OBJECT_NOTIFICATION),
          fw.reply, BAD_TYPE, 1)
BAD_SLOTS("A15: reply_recv without the receive right does not answer", fw.handler, fw.reply,
          NO_RIGHT, 1)
BAD_SLOTS("A15: reply_recv with an empty Reply slot does not answer", fw.endpoint, NO_SLOT,
          BAD_SLOT, 7)
BAD_SLOTS("A15: reply_recv with an endpoint as Reply does not answer", fw.endpoint, fw.endpoint,
          BAD_TYPE, 7)

TEST("A16: an answer through a Reply that was never used says GONE and maps nothing")
{
    fault_setup();
    CHECK_REFUSED(fault_answer_one(AREA, R, 1, fw.page), GONE, 0);
}

TEST("A16: reply_recv through a Reply that holds nobody says GONE and does not receive")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    kit_settle();
    CHECK_REFUSED(flr_ipc_reply_recv(fw.endpoint, RESUME(0), 0, 0, 0, 0, fw.reply), GONE, 0);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("A17: a second answer to one fault says GONE and maps nothing")
{
    fault_setup();
    fault_reader(AREA);
    fault_finish(AREA, R);
    CHECK_REFUSED(fault_answer_one(AREA + PAGE, R, 1, fw.page + 1), GONE, 0);
}

TEST("A17: a second STOP says GONE")
{
    fault_setup();
    fault_reader(AREA);
    CHECK_DONE(fault_answer_info(STOP));
    CHECK_REFUSED(fault_answer_info(STOP), GONE, 0);
}

/* --- blame ----------------------------------------------------------------------------------- */

TEST("A18: item 0 is argument 3, by ipc_reply")
{
    fault_setup();
    fault_reader(AREA);
    CHECK_REFUSED(fault_answer_one(AREA, R, 1, UINT64_MAX), OUT_OF_RANGE, 3);
    fault_finish(AREA, R);
}

TEST("A18: item 0 is argument 3, by ipc_reply_recv")
{
    fault_setup();
    fault_reader(AREA);
    CHECK_REFUSED(flr_ipc_reply_recv(fw.endpoint, RESUME(1), AREA | R, FL_ITEM_SOURCE(RAM, 1),
                                     UINT64_MAX, 0, fw.reply),
                  OUT_OF_RANGE, 3);
    fault_finish(AREA, R);
}

TEST("A18: an item of the buffer is argument 2")
{
    fault_setup();
    fault_reader(AREA);
    struct fl_item items[] = {fault_item(AREA, R, 1, fw.page),
                              fault_item(AREA + PAGE, R, 1, UINT64_MAX)};
    CHECK_REFUSED(fault_answer(items, 2), OUT_OF_RANGE, 2);
    fault_finish(AREA, R);
}

TEST("A18: a lack of tables blames no argument")
{
    fault_setup();
    fault_reader(AREA);
    fault_set_spare(0);
    CHECK_REFUSED(fault_answer_one(AREA, R, 1, fw.page), NO_TABLE, 0);
    CHECK_DONE(fault_answer_info(STOP));
}

TEST("A19: an item is mapped whatever the count of words beside it says")
{
    static const unsigned counts[] = {0, 1, 3, 4, 255};

    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        fault_setup();
        fault_reader(AREA);
        CHECK_EQ(fl_ipc_reply(fw.reply, FL_INFO_ITEMS(FL_LABEL_RESUME, counts[i], 1), AREA | R,
                              FL_ITEM_SOURCE(RAM, 1), fw.page, 0),
                 FL_OK);
        kit_settle();
        CHECK_EQ(fw.progress, 1);
    }
}
