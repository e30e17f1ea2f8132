/* Rules R: what holds a fault between receive and answer. */
#include "fault_world.h"

#define PARKED 6u

static uint64_t receive_status;

static void try_to_receive(uint64_t reply)
{
    receive_status = flr_ipc_recv(fw.endpoint, reply).status;
    kit_sleep();
}

TEST("R1: ipc_recv with a Reply that holds a fault is refused")
{
    fault_setup();
    fault_reader(AREA);
    receive_status = UINT64_MAX;
    fault_run(try_to_receive, fw.reply);
    kit_settle();
    CHECK_EQ(receive_status, FL_STATUS(FL_BUSY, 2));
    fault_finish(AREA, R);
}

TEST("R1: ipc_poll with a Reply that holds a fault is refused, although another fault waits")
{
    fault_setup();
    fault_reader(AREA);
    fault_run(fault_read_word, AREA + PAGE);
    kit_settle();
    CHECK_REFUSED(flr_ipc_poll(fw.endpoint, fw.reply), BUSY, 2);
    fault_finish(AREA, R);
    fault_expect(AREA + PAGE, FL_ACCESS_READ);
    fault_finish(AREA + PAGE, R);
}

TEST("R2: a Reply that holds a fault cannot be copied")
{
    fault_setup();
    uint64_t slot = kit_slots(1);
    fault_reader(AREA);
    CHECK_REFUSED(flr_cnode_copy(CNODE, slot, CNODE, fw.reply, ALL, 0), BUSY, 4);
    fault_finish(AREA, R);
}

TEST("R2: a Reply that holds a fault cannot be moved")
{
    fault_setup();
    uint64_t slot = kit_slots(1);
    fault_reader(AREA);
    CHECK_REFUSED(flr_cnode_move(CNODE, slot, CNODE, fw.reply), BUSY, 4);
    fault_finish(AREA, R);
}

TEST("R3: an idle Reply cannot be copied")
{
    fault_setup();
    CHECK_REFUSED(flr_cnode_copy(CNODE, kit_slots(1), CNODE, fw.reply, ALL, 0), BAD_TYPE, 4);
}

TEST("R3: an idle Reply can be moved, and takes a fault in its new slot")
{
    fault_setup();
    uint64_t slot = kit_slots(1);
    CHECK_DONE(flr_cnode_move(CNODE, slot, CNODE, fw.reply));
    fw.reply = slot;
    fault_reader(AREA);
    fault_finish(AREA, R);
}

static uint64_t call_status;

static void call(uint64_t endpoint)
{
    call_status = fl_ipc_call(endpoint, FL_INFO(9, 0), 0, 0, 0, 0).status;
    fw.progress++;
    kit_sleep();
}

TEST("R3: a Reply that holds a call can be moved, and answers from its new slot")
{
    fault_setup();
    uint64_t slot = kit_slots(1);
    call_status = UINT64_MAX;
    fault_run(call, fw.endpoint);
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_DONE(flr_cnode_move(CNODE, slot, CNODE, fw.reply));
    fw.reply = slot;
    CHECK_DONE(fault_answer_info(FL_INFO(0, 0)));
    kit_settle();
    CHECK_EQ(call_status, FL_OK);
}

TEST("R4: with one Reply more than threads every fault can be parked and one more is received")
{
    uint64_t replies[PARKED + 1];

    fault_setup();
    for (unsigned i = 0; i <= PARKED; i++)
        replies[i] = kit_object(FL_OBJECT_REPLY);
    for (unsigned i = 0; i < PARKED; i++) {
        fw.reply = replies[i];
        fault_reader(AREA + i * PAGE);
    }
    fw.reply = replies[PARKED];
    CHECK_EQ(flr_ipc_poll(fw.endpoint, fw.reply).status, FL_WOULD_BLOCK);
    for (unsigned i = 0; i < PARKED; i++) {
        fw.reply = replies[i];
        fault_finish(AREA + i * PAGE, R);
    }
    CHECK_EQ(fw.progress, PARKED);
}

static void receive(uint64_t reply)
{
    struct fl_message message;

    fl_ipc_recv(fw.endpoint, reply, &message);
    fw.value = message.word[0];
    fw.progress++;
    kit_sleep();
}

TEST("R5: a Reply with which another thread waits to receive answers nobody")
{
    fault_setup();
    fault_run(receive, fw.reply);
    kit_settle();
    CHECK_REFUSED(fault_answer_one(AREA, R, 1, fw.page), GONE, 0);
    CHECK_EQ(fw.progress, 0);
}

TEST("R6: a Reply whose faulter was suspended receives the next fault")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    fault_reader(AREA + PAGE);
    fault_finish(AREA + PAGE, R);
}

TEST("R6: a Reply whose faulter was deleted receives the next fault")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
    fault_reader(AREA + PAGE);
    fault_finish(AREA + PAGE, R);
}

TEST("R6: a Reply whose faulter was deleted can be moved")
{
    fault_setup();
    uint64_t slot = kit_slots(1);
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
    CHECK_DONE(flr_cnode_move(CNODE, slot, CNODE, fw.reply));
}
