/* Rules L: what happens to a fault when a party to it goes away. */
#include "fault_world.h"

static uint64_t frame_type(uint64_t page)
{
    return fault_frame(page) & 0xff;
}

/* --- the faulter ----------------------------------------------------------------------------- */

TEST("L1: the fault of a thread that is suspended before it was taken is withdrawn")
{
    fault_setup();
    struct kit_thread *thread = fault_run(fault_read_word, AREA);
    kit_settle();
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    CHECK(fault_none_waits());
}

TEST("L1: one of three queued faults is withdrawn, the others keep their order")
{
    struct kit_thread *threads[3];

    fault_setup();
    for (unsigned i = 0; i < 3; i++) {
        threads[i] = fault_run(fault_read_word, AREA + i * PAGE);
        kit_settle();
    }
    CHECK_DONE(flr_tcb_suspend(threads[1]->tcb));
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
    fault_expect(AREA + 2 * PAGE, FL_ACCESS_READ);
    fault_finish(AREA + 2 * PAGE, R);
    CHECK(fault_none_waits());
}

TEST("L2: the answer to a thread that was suspended says GONE and maps nothing")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    CHECK_REFUSED(fault_answer_one(AREA, R, 1, fw.page), GONE, 0);
    CHECK(fault_none_waits());
}

TEST("L2: the late answer says GONE also when the thread was resumed and faulted again")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    uint64_t first = fw.reply;
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    fw.reply = kit_object(FL_OBJECT_REPLY);
    fault_expect(AREA, FL_ACCESS_READ);
    uint64_t second = fw.reply;
    fw.reply = first;
    CHECK_REFUSED(fault_answer_one(AREA, R, 1, fw.page), GONE, 0);
    fw.reply = second;
    fault_finish(AREA, R);
}

TEST("L3: a thread that was suspended before its fault was taken faults again when resumed")
{
    fault_setup();
    struct kit_thread *thread = fault_run(fault_read_word, AREA);
    kit_settle();
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
    CHECK(fault_none_waits());
}

TEST("L3: a thread that was suspended after its fault was taken faults again when resumed")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("L3: a thread that was suspended goes on without a fault when the page came meanwhile")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, AREA, 1, R));
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    CHECK(fault_none_waits());
    CHECK_EQ(fw.progress, 1);
}

TEST("L4: a queued fault goes with its thread")
{
    fault_setup();
    struct kit_thread *thread = fault_run(fault_read_word, AREA);
    kit_settle();
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
    CHECK(fault_none_waits());
}

TEST("L5: the answer to a thread that was deleted says GONE and maps nothing")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
    CHECK_REFUSED(fault_answer_one(AREA, R, 1, fw.page), GONE, 0);
    CHECK_EQ(frame_type(fw.page), FL_FRAME_FREE);
}

TEST("L5: STOP to a thread that was deleted says GONE")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
    CHECK_REFUSED(fault_answer_info(STOP), GONE, 0);
}

TEST("L5: an answer with 16 items to a thread that was deleted says GONE and maps none")
{
    struct fl_item items[FL_ITEMS];

    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
    for (unsigned i = 0; i < FL_ITEMS; i++)
        items[i] = fault_item(AREA + i * PAGE, R, 1, fw.page + i);
    CHECK_REFUSED(fault_answer(items, FL_ITEMS), GONE, 0);
}

/* --- its space ------------------------------------------------------------------------------- */

TEST("L6: the space of a thread whose fault waits cannot be deleted")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    kit_settle();
    CHECK_REFUSED(flr_cnode_delete(CNODE, fw.space), BUSY, 2);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("L6: the space of a thread whose fault is taken cannot be deleted")
{
    fault_setup();
    fault_reader(AREA);
    CHECK_REFUSED(flr_cnode_delete(CNODE, fw.space), BUSY, 2);
    fault_finish(AREA, R);
}

TEST("L6: after thread and space were deleted the late answer says GONE")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
    CHECK_EQ(kit_delete(fw.space), FL_OK);
    CHECK_EQ(fault_answer_one(AREA, R, 1, fw.page).status, FL_GONE);
    CHECK_EQ(frame_type(fw.page), FL_FRAME_FREE);
}

TEST("L6: after thread, space and pool were deleted the late answer says GONE")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
    CHECK_EQ(kit_delete(fw.space), FL_OK);
    CHECK_EQ(kit_delete(fw.pool), FL_OK);
    CHECK_EQ(fault_answer_one(AREA, R, 1, fw.page).status, FL_GONE);
}

/* --- the Reply ------------------------------------------------------------------------------- */

TEST("L7: deleting the Reply that holds a fault stops the thread")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_EQ(kit_delete(fw.reply), FL_OK);
    kit_settle();
    CHECK_EQ(fw.progress, 0);
    CHECK_DONE(flr_tcb_set_space(thread->tcb, fw.space, fw.handler)); /* BUSY unless stopped */
}

TEST("L7: a thread that was stopped so faults again when resumed")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_EQ(kit_delete(fw.reply), FL_OK);
    fw.reply = kit_object(FL_OBJECT_REPLY);
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

/* --- the handler's thread -------------------------------------------------------------------- */

static void receive(uint64_t reply)
{
    struct fl_message message;

    fl_ipc_recv(fw.endpoint, reply, &message);
    fw.value = message.word[0];
    kit_sleep();
}

TEST("L8: a fault that a handler took before it was deleted can be answered by another")
{
    fault_setup();
    struct kit_thread *handler = kit_run(fw.space, 0, receive, fw.reply);
    kit_settle();
    fault_run(fault_read_word, AREA);
    kit_settle();
    CHECK_EQ(fw.value, AREA);
    CHECK_EQ(kit_delete(handler->tcb), FL_OK);
    fault_finish(AREA, R);
}

TEST("L8: a fault that nobody took when the handler was deleted waits for another")
{
    fault_setup();
    struct kit_thread *handler = kit_run(fw.space, 0, receive, fw.reply);
    kit_settle();
    CHECK_EQ(kit_delete(handler->tcb), FL_OK);
    fault_run(fault_read_word, AREA);
    kit_settle();
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("L8: a handler that is suspended while it waits leaves the fault to another")
{
    fault_setup();
    struct kit_thread *handler = kit_run(fw.space, 0, receive, fw.reply);
    kit_settle();
    CHECK_DONE(flr_tcb_suspend(handler->tcb));
    fault_reader(AREA);
    fault_finish(AREA, R);
}

/* --- the Memory capability ------------------------------------------------------------------- */

TEST("L9: an item through a capability that was deleted since is refused")
{
    fault_setup();
    uint64_t memory = kit_copy(RAM, R | FL_RIGHT_MAP, 0);
    fault_reader(AREA);
    CHECK_EQ(kit_delete(memory), FL_OK);
    struct fl_item item = {AREA | R, FL_ITEM_SOURCE(memory, 1), fw.page};
    CHECK_REFUSED(fault_answer(&item, 1), BAD_SLOT, 3);
    fault_finish(AREA, R);
}

TEST("L9: what was mapped stays when the capability is deleted")
{
    fault_setup();
    uint64_t memory = kit_copy(RAM, R | FL_RIGHT_MAP, 0);
    fault_reader(AREA);
    struct fl_item item = {AREA | R, FL_ITEM_SOURCE(memory, 1), fw.page};
    CHECK_DONE(fault_answer(&item, 1));
    CHECK_EQ(kit_delete(memory), FL_OK);
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(fault_entry(AREA) & 7, R);
}

/* --- what cannot be done to a faulter -------------------------------------------------------- */

/* Calls on a thread that must be BUSY, first with its fault queued, then with it taken. */
#define BUSY_TWICE(sentence, call)                                    \
    TEST(sentence)                                                    \
    {                                                                 \
        fault_setup();                                                \
        struct kit_thread *thread = fault_run(fault_read_word, AREA); \
        kit_settle();                                                 \
        CHECK_REFUSED(call, BUSY, 1);                                 \
        fault_expect(AREA, FL_ACCESS_READ);                           \
        CHECK_REFUSED(call, BUSY, 1);                                 \
        fault_finish(AREA, R);                                        \
    }

BUSY_TWICE("L10: a faulter cannot be resumed behind its handler's back",
           flr_tcb_resume(thread->tcb))
BUSY_TWICE("L10: a faulter cannot be started anew", flr_tcb_start(thread->tcb, AREA, AREA, 0))
BUSY_TWICE("L11: a faulter's space and handler cannot be set",
           flr_tcb_set_space(thread->tcb, fw.space, fw.handler))
BUSY_TWICE("L11: a faulter's buffer cannot be set",
           flr_tcb_set_buffer(thread->tcb, RAM, fw.page + 20, 0))
BUSY_TWICE("L11: a faulter's CSpace cannot be set", flr_tcb_set_cspace(thread->tcb, CNODE))

/* --- revoke ---------------------------------------------------------------------------------- */

static uint64_t revoke(uint64_t slot)
{
    struct fl_result result = {FL_OK, 0};

    do {
        result = flr_cnode_revoke(CNODE, slot, result.value);
    } while (FL_STATUS_CODE(result.status) == FL_MORE);
    return result.status;
}

/* After something was revoked that the thread cannot run without. */
static void check_cut_off(const struct kit_thread *thread)
{
    CHECK_EQ(fault_answer_one(AREA, R, 1, fw.page).status, FL_GONE);
    CHECK(fault_none_waits());
    CHECK_EQ(flr_tcb_state(thread->tcb).value & 0xff, FL_STATE_STOPPED);
    CHECK_EQ(flr_tcb_resume(thread->tcb).status, FL_STATUS(FL_NOT_READY, 1));
    CHECK_EQ(fault_frame(fw.page) & 0xff, FL_FRAME_FREE);
}

TEST("L12: revoking the space of a queued fault withdraws it and stops the thread")
{
    fault_setup();
    struct kit_thread *thread = fault_run(fault_read_word, AREA);
    kit_settle();
    CHECK_EQ(revoke(fw.space), FL_OK);
    check_cut_off(thread);
}

TEST("L12: revoking the space of a taken fault stops the thread, and the late answer says GONE")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_EQ(revoke(fw.space), FL_OK);
    check_cut_off(thread);
}

TEST("L12: revoking the pool of a queued fault's space withdraws it and stops the thread")
{
    fault_setup();
    struct kit_thread *thread = fault_run(fault_read_word, AREA);
    kit_settle();
    CHECK_EQ(revoke(fw.pool), FL_OK);
    check_cut_off(thread);
}

TEST("L12: revoking the pool of a taken fault's space stops the thread, and the answer says GONE")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_EQ(revoke(fw.pool), FL_OK);
    check_cut_off(thread);
}

TEST("L12: a thread that was cut off goes on in another space")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_EQ(revoke(fw.space), FL_OK);
    check_cut_off(thread);
    uint64_t other = kit_space(fw.pool);
    CHECK_DONE(flr_tcb_set_space(thread->tcb, other, fw.handler));
    CHECK_DONE(flr_tcb_start(thread->tcb, AREA, 0, 0));
    fault_expect(AREA, FL_ACCESS_EXEC);
    CHECK_DONE(fault_answer_info(STOP));
}

/* A Memory capability for fw.page alone, and one derived from it, which answers. */
static uint64_t derived_memory(uint64_t *source)
{
    uint64_t slot = kit_slots(1);

    *source = kit_slots(1);
    CHECK_DONE(
        flr_memory_derive(RAM, fw.page, 1, RW | FL_RIGHT_MAP | FL_RIGHT_REVOKE, CNODE, *source));
    CHECK_DONE(flr_memory_derive(*source, 0, 1, R | FL_RIGHT_MAP, CNODE, slot));
    return slot;
}

TEST("L13: an item through a capability that was revoked is refused")
{
    uint64_t source;

    fault_setup();
    uint64_t memory = derived_memory(&source);
    fault_reader(AREA);
    CHECK_EQ(revoke(source), FL_OK);
    struct fl_item item = {AREA | R, FL_ITEM_SOURCE(memory, 1), 0};
    CHECK_REFUSED(fault_answer(&item, 1), BAD_SLOT, 3);
    fault_finish(AREA, R);
}

static void read_until_set(uint64_t address)
{
    while (*(volatile uint64_t *)(uintptr_t)address == 0)
        ;
    fw.progress++;
    kit_sleep();
}

/* Where another hart runs the thread at once it reads the page until that is revoked. */
TEST("L13: a page that was given and revoked before the thread ran is asked for again")
{
    uint64_t source;

    fault_setup();
    *(uint64_t *)kit_window(fw.page) = 0;
    uint64_t memory = derived_memory(&source);
    fault_run(read_until_set, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    struct fl_item item = {AREA | R, FL_ITEM_SOURCE(memory, 1), 0};
    CHECK_DONE(fault_answer(&item, 1));
    CHECK_EQ(revoke(source), FL_OK);
    CHECK_EQ(fault_entry(AREA), 0);
    fault_expect(AREA, FL_ACCESS_READ);
    *(uint64_t *)kit_window(fw.page) = 1;
    fault_finish(AREA, R);
}
