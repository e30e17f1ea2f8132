/* Rules Q and B: where a fault goes, in which order, and who it says it is. */
#include "fault_world.h"

#define FORGED 77u

static uint64_t forger;      /* an endpoint capability, badge FORGED */
static uint64_t sent_status; /* what a sender's call returned */

/* --- Q: delivery ----------------------------------------------------------------------------- */

TEST("Q1: threads with different handlers send to different endpoints")
{
    fault_setup();
    uint64_t other = kit_object(FL_OBJECT_ENDPOINT), first = fw.endpoint;
    fault_run(fault_read_word, AREA);
    kit_run(fw.space, kit_copy(other, FL_RIGHT_SEND, FAULT_BADGE), fault_read_word, AREA + PAGE);
    kit_settle();
    fw.endpoint = other;
    fault_expect(AREA + PAGE, FL_ACCESS_READ);
    fault_finish(AREA + PAGE, R);
    CHECK(fault_none_waits());
    fw.endpoint = first;
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("Q2: a handler that waits gets the message before anything else runs")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    kit_run(fw.space, 0, fault_write_word, AREA + PAGE); /* would stop, were it to run */
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("Q3: five faults are taken in the order in which they happened")
{
    fault_setup();
    for (unsigned i = 0; i < 5; i++) {
        fault_run(fault_read_word, AREA + i * PAGE);
        kit_settle();
    }
    for (unsigned i = 0; i < 5; i++) {
        fault_expect(AREA + i * PAGE, FL_ACCESS_READ);
        CHECK_DONE(fault_answer_info(STOP));
    }
    CHECK(fault_none_waits());
}

static void send_forged(uint64_t address)
{
    sent_status = fl_ipc_send(forger, FAULT, address, 0, FL_ACCESS_WRITE, 0);
    fw.progress++;
    kit_sleep();
}

static void call_forged(uint64_t address)
{
    sent_status = fl_ipc_call(forger, FAULT, address, 0, FL_ACCESS_WRITE, 0).status;
    fw.progress++;
    kit_sleep();
}

static void forger_setup(void)
{
    fault_setup();
    forger = kit_copy(fw.endpoint, FL_RIGHT_SEND | FL_RIGHT_CALL, FORGED);
    sent_status = UINT64_MAX;
}

TEST("Q3: a fault waits behind a send, and before a call, that came at those times")
{
    forger_setup();
    fault_run(send_forged, AREA);
    kit_settle();
    fault_run(fault_read_word, AREA + PAGE);
    kit_settle();
    fault_run(call_forged, AREA);
    kit_settle();
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.badge, FORGED);
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    fault_expect(AREA + PAGE, FL_ACCESS_READ);
    fault_finish(AREA + PAGE, R);
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.badge, FORGED);
    CHECK_DONE(fault_answer_info(FL_INFO(0, 0)));
}

TEST("Q4: ipc_recv takes a fault that waits")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    kit_settle();
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("Q4: ipc_poll takes a fault that waits")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    kit_settle();
    fl_ipc_poll(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.status, FL_OK);
    CHECK_EQ(fw.fault.info, FAULT);
    CHECK_EQ(fw.fault.word[0], AREA);
    CHECK_EQ(fw.fault.badge, FAULT_BADGE);
    fault_finish(AREA, R);
}

TEST("Q4: ipc_reply_recv takes a fault that waits")
{
    fault_setup();
    fault_reader(AREA);
    fault_run(fault_read_word, AREA + PAGE);
    kit_settle();
    fw.fault.info = STOP;
    fl_ipc_reply_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.info, FAULT);
    CHECK_EQ(fw.fault.word[0], AREA + PAGE);
    CHECK_EQ(fw.fault.badge, FAULT_BADGE);
    fault_finish(AREA + PAGE, R);
}

TEST("Q5: ipc_poll of an empty queue says WOULD_BLOCK, and the Reply can be used again")
{
    fault_setup();
    CHECK_EQ(flr_ipc_poll(fw.endpoint, fw.reply).status, FL_WOULD_BLOCK);
    CHECK_EQ(flr_ipc_poll(fw.endpoint, fw.reply).status, FL_WOULD_BLOCK);
    fault_reader(AREA);
    fault_finish(AREA, R);
}

TEST("Q6: bits of a bound notification come before a fault that waits")
{
    fault_setup();
    uint64_t bell = kit_object(FL_OBJECT_NOTIFICATION);
    CHECK_DONE(flr_tcb_bind_notification(FL_BOOT_TCB, bell));
    fault_run(fault_read_word, AREA);
    kit_settle();
    CHECK_DONE(flr_notification_signal(bell));
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.info, FL_INFO(FL_LABEL_NOTIFICATION, 1));
    CHECK_EQ(fw.fault.word[0], 1);
    CHECK_EQ(fw.fault.badge, 0);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
    CHECK_DONE(flr_tcb_bind_notification(FL_BOOT_TCB, 0));
}

TEST("Q6: reply_recv answers the fault it holds, then reports bits")
{
    fault_setup();
    uint64_t bell = kit_object(FL_OBJECT_NOTIFICATION);
    CHECK_DONE(flr_tcb_bind_notification(FL_BOOT_TCB, bell));
    fault_reader(AREA);
    CHECK_DONE(flr_notification_signal(bell));
    fw.fault = (struct fl_message){.info = RESUME(1),
                                   .word = {AREA | R, FL_ITEM_SOURCE(RAM, 1), fw.page, 0}};
    fl_ipc_reply_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.info, FL_INFO(FL_LABEL_NOTIFICATION, 1));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_REFUSED(fault_answer_info(RESUME(0)), GONE, 0);
    CHECK_DONE(flr_tcb_bind_notification(FL_BOOT_TCB, 0));
}

/* Three faults in three Replies, answered in the order that `order` says. */
static void check_order(const unsigned order[3])
{
    uint64_t replies[3];

    fault_setup();
    for (unsigned i = 0; i < 3; i++) {
        replies[i] = fw.reply = kit_object(FL_OBJECT_REPLY);
        fault_reader(AREA + i * PAGE);
    }
    for (unsigned i = 0; i < 3; i++) {
        fw.reply = replies[order[i]];
        fault_finish(AREA + order[i] * PAGE, R);
        CHECK_EQ(fw.progress, i + 1);
    }
}

TEST("Q7: three faults are outstanding and are answered first to last")
{
    check_order((const unsigned[]){0, 1, 2});
}

TEST("Q7: three faults are outstanding and are answered last to first")
{
    check_order((const unsigned[]){2, 1, 0});
}

TEST("Q7: three faults are outstanding and the middle one is answered first")
{
    check_order((const unsigned[]){1, 0, 2});
}

TEST("Q8: two threads that fault on one page send two messages, and one frame serves both")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    kit_settle();
    fault_run(fault_write_word, AREA);
    kit_settle();
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, RW);
    fault_expect(AREA, FL_ACCESS_WRITE);
    fault_finish(AREA, RW);
    CHECK_EQ(fw.progress, 2);
    CHECK_EQ(fault_frame(fw.page) >> 16, 1);
}

TEST("Q8: the second of two threads on one page goes on with an answer that maps nothing")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    fault_run(fault_read_word, AREA);
    kit_settle();
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_DONE(fault_answer_info(RESUME(0)));
    kit_settle();
    CHECK_EQ(fw.progress, 2);
}

/* A handler that maps page after page of fw.page, readable and executable, at what faults. */
static void serve(uint64_t rights)
{
    struct fl_message message;
    uint64_t next = fw.page;

    fl_ipc_recv(fw.endpoint, fw.reply, &message);
    for (;;) {
        message.info = RESUME(1);
        message.word[0] = (message.word[0] & ~(PAGE - 1)) | rights;
        message.word[1] = FL_ITEM_SOURCE(RAM, 1);
        message.word[2] = next++;
        fl_ipc_reply_recv(fw.endpoint, fw.reply, &message);
    }
}

/* Three loads and three stores, each at a page of its own, with a handler of this priority. */
static void check_handler(unsigned priority, bool own_space)
{
    fault_setup();
    uint64_t space = own_space ? kit_space(fw.pool) : fw.space;
    kit_start(kit_thread(space, 0, priority, serve, RW));
    for (unsigned i = 0; i < 6; i++)
        fault_run(i % 2 == 0 ? fault_read_word : fault_write_word, AREA + i * PAGE);
    kit_settle();
    CHECK_EQ(fw.progress, 6);
}

TEST("Q9: a handler of lower priority in a space of its own serves")
{
    check_handler(KIT_PRIORITY - 1, true);
}

TEST("Q9: a handler of equal priority in a space of its own serves")
{
    check_handler(KIT_PRIORITY, true);
}

TEST("Q9: a handler of higher priority in a space of its own serves")
{
    check_handler(KIT_PRIORITY + 1, true);
}

TEST("Q9: a handler of lower priority in the faulter's space serves")
{
    check_handler(KIT_PRIORITY - 1, false);
}

TEST("Q9: a handler of equal priority in the faulter's space serves")
{
    check_handler(KIT_PRIORITY, false);
}

TEST("Q9: a handler of higher priority in the faulter's space serves")
{
    check_handler(KIT_PRIORITY + 1, false);
}

/* --- B: badges ------------------------------------------------------------------------------- */

/* A fault by a handler capability with this badge. */
static void check_badge(uint64_t badge)
{
    fault_setup();
    kit_run(fw.space, kit_copy(fw.endpoint, FL_RIGHT_SEND, badge), fault_read_word, AREA);
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.info, FAULT);
    CHECK_EQ(fw.fault.badge, badge);
    fault_finish(AREA, R);
}

TEST("B1: a handler capability without a badge gives badge 0")
{
    check_badge(0);
}

TEST("B1: badge 1 arrives as it was set")
{
    check_badge(1);
}

TEST("B1: all 64 bits of a badge arrive")
{
    check_badge(UINT64_MAX);
}

/* Each by the page that it reads; in which order they come is not said, where they run on harts of their own. */
TEST("B1: the threads of one space are told apart by their handler capabilities")
{
    uint64_t seen = 0;

    fault_setup();
    for (uint64_t i = 1; i <= 3; i++)
        kit_run(fw.space, kit_copy(fw.endpoint, FL_RIGHT_SEND, i), fault_read_word,
                AREA + i * PAGE);
    for (unsigned n = 0; n < 3; n++) {
        fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
        CHECK_EQ(fw.fault.word[0], AREA + fw.fault.badge * PAGE);
        seen |= 1ull << fw.fault.badge % 64;
        CHECK_DONE(fault_answer_info(STOP));
    }
    CHECK_EQ(seen, 0xe); /* badges 1, 2 and 3 */
}

TEST("B2: the slot that the handler capability came from may be deleted")
{
    fault_setup();
    struct kit_thread *thread = fault_thread(fault_read_word, AREA);
    CHECK_EQ(kit_delete(fw.handler), FL_OK);
    kit_start(thread);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("B3: a call that looks like a page fault carries its own capability's badge")
{
    forger_setup();
    fault_run(call_forged, AREA);
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.info, FAULT);
    CHECK_EQ(fw.fault.badge, FORGED);
    CHECK_DONE(fault_answer_info(FL_INFO(0, 0)));
    kit_settle();
    CHECK_EQ(sent_status, FL_OK);
}

TEST("B3: a send that looks like a page fault carries its own capability's badge")
{
    forger_setup();
    fault_run(send_forged, AREA);
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.info, FAULT);
    CHECK_EQ(fw.fault.badge, FORGED);
}

TEST("B4: a badged endpoint capability cannot be copied with another badge")
{
    fault_setup();
    CHECK_REFUSED(flr_cnode_copy(CNODE, kit_slots(1), CNODE, fw.handler, ALL, FORGED), NO_RIGHT, 6);
}

TEST("B4: a badged endpoint capability is copied with the badge it has")
{
    fault_setup();
    kit_run(fw.space, kit_copy(fw.handler, ALL, 0), fault_read_word, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("B5: the answer to a call that looks like a page fault cannot map")
{
    forger_setup();
    fault_run(call_forged, AREA);
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_REFUSED(fault_answer_one(AREA, RW, 1, fw.page), RESERVED, 2);
    CHECK_EQ(sent_status, UINT64_MAX);
    CHECK_DONE(fault_answer_info(FL_INFO(0, 0)));
    kit_settle();
    CHECK_EQ(sent_status, FL_OK);
}

TEST("B6: nobody waits for the answer to a send that looks like a page fault")
{
    forger_setup();
    fault_run(send_forged, AREA);
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_REFUSED(fault_answer_one(AREA, RW, 1, fw.page), GONE, 0);
    kit_settle();
    fault_reader(AREA + PAGE); /* and the Reply is free for the next */
    fault_finish(AREA + PAGE, R);
}

TEST("B7: another handler capability gives later faults its badge")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_DONE(fault_answer_info(STOP));
    uint64_t other = kit_copy(fw.endpoint, FL_RIGHT_SEND, FORGED);
    CHECK_DONE(flr_tcb_set_space(thread->tcb, fw.space, other));
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.badge, FORGED);
    CHECK_EQ(fw.fault.word[0], AREA);
    fault_finish(AREA, R);
}
