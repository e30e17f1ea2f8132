/* Rules H: who handles faults, and what happens without one. */
#include "fault_world.h"

#define HANDLER_BADGE 0x4a4dull

static uint64_t inner_endpoint, inner_reply;

/* --- setting a handler ----------------------------------------------------------------------- */

TEST("H1: setting a handler needs the space with the map right")
{
    fault_setup();
    uint64_t tcb = kit_object(FL_OBJECT_TCB);
    uint64_t weak = kit_copy(fw.space, ALL & ~FL_RIGHT_MAP, 0);
    CHECK_REFUSED(flr_tcb_set_space(tcb, weak, fw.handler), NO_RIGHT, 2);
}

TEST("H1: setting a handler for no space is refused")
{
    fault_setup();
    uint64_t tcb = kit_object(FL_OBJECT_TCB);
    CHECK_REFUSED(flr_tcb_set_space(tcb, 0, fw.handler), BAD_SLOT, 2);
}

TEST("H2: a handler capability without the send right is refused")
{
    fault_setup();
    uint64_t tcb = kit_object(FL_OBJECT_TCB);
    uint64_t weak = kit_copy(fw.endpoint, ALL & ~FL_RIGHT_SEND, 0);
    CHECK_REFUSED(flr_tcb_set_space(tcb, fw.space, weak), NO_RIGHT, 3);
}

TEST("H2: the send right alone is enough")
{
    fault_setup();
    kit_run(fw.space, kit_copy(fw.endpoint, FL_RIGHT_SEND, FAULT_BADGE), fault_read_word, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

#define NO_HANDLER(sentence, slot, code)                                   \
    TEST(sentence)                                                         \
    {                                                                      \
        fault_setup();                                                     \
        uint64_t tcb = kit_object(FL_OBJECT_TCB), handler = slot;          \
        CHECK_REFUSED(flr_tcb_set_space(tcb, fw.space, handler), code, 3); \
    }

NO_HANDLER("H3: a notification is no handler", kit_object(FL_OBJECT_NOTIFICATION), BAD_TYPE)
NO_HANDLER("H3: a Reply is no handler", fw.reply, BAD_TYPE)
NO_HANDLER("H3: a thread is no handler", FL_BOOT_TCB, BAD_TYPE)
NO_HANDLER("H3: a CNode is no handler", CNODE, BAD_TYPE)
NO_HANDLER("H3: Memory is no handler", RAM, BAD_TYPE)
NO_HANDLER("H3: an empty slot is no handler", NO_SLOT, BAD_SLOT)

TEST("H3: System is a handler")
{
    fault_setup();
    uint64_t tcb = kit_object(FL_OBJECT_TCB);
    CHECK_DONE(flr_tcb_set_space(tcb, fw.space, FL_BOOT_SYSTEM));
}

/* --- without a handler ----------------------------------------------------------------------- */

TEST("H4: a page fault of a thread without a handler stops that thread alone")
{
    fault_setup();
    kit_run(fw.space, 0, fault_read_word, AREA);
    fault_run(fault_read_word, AREA + PAGE);
    fault_expect(AREA + PAGE, FL_ACCESS_READ);
    fault_finish(AREA + PAGE, R);
    CHECK(fault_none_waits());
    CHECK_EQ(fw.progress, 1);
}

static void call_nothing(uint64_t number)
{
    fl_ecall(number, 0, 0, 0, 0, 0, 0, 0);
    fw.progress++;
    kit_sleep();
}

TEST("H4: an unknown call of a thread without a handler stops that thread alone")
{
    fault_setup();
    struct kit_thread *thread = kit_run(fw.space, 0, call_nothing, UINT64_MAX);
    CHECK(fault_none_waits());
    CHECK_EQ(fw.progress, 0);
    CHECK_DONE(flr_tcb_set_space(thread->tcb, fw.space, 0)); /* BUSY unless stopped */
}

static void run_undefined(uint64_t unused)
{
    (void)unused;
    __asm__ volatile("unimp");
    fw.progress++;
    kit_sleep();
}

TEST("H4: an exception of a thread without a handler stops that thread alone")
{
    fault_setup();
    struct kit_thread *thread = kit_run(fw.space, 0, run_undefined, 0);
    CHECK(fault_none_waits());
    CHECK_EQ(fw.progress, 0);
    CHECK_DONE(flr_tcb_set_space(thread->tcb, fw.space, 0));
}

TEST("H5: a thread without a handler goes on when it was given one and is resumed")
{
    fault_setup();
    struct kit_thread *thread = kit_run(fw.space, 0, fault_read_word, AREA);
    CHECK(fault_none_waits());
    CHECK_DONE(flr_tcb_set_space(thread->tcb, fw.space, fw.handler));
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("H5: a thread without a handler goes on when its page was mapped and it is resumed")
{
    fault_setup();
    struct kit_thread *thread = kit_run(fw.space, 0, fault_read_word, AREA);
    kit_settle();
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, AREA, 1, R));
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
}

/* --- the handler goes ------------------------------------------------------------------------ */

static uint64_t call_status;

static void call(uint64_t endpoint)
{
    call_status = fl_ipc_call(endpoint, FL_INFO(9, 0), 0, 0, 0, 0).status;
    fw.progress++;
    kit_sleep();
}

static void send(uint64_t endpoint)
{
    call_status = fl_ipc_send(endpoint, FL_INFO(9, 0), 0, 0, 0, 0);
    fw.progress++;
    kit_sleep();
}

/* The capability that callers use; it cannot receive. */
static uint64_t client_setup(void)
{
    fault_setup();
    call_status = UINT64_MAX;
    return kit_copy(fw.endpoint, FL_RIGHT_SEND | FL_RIGHT_CALL, 5);
}

static void check_stopped(const struct kit_thread *thread)
{
    CHECK_EQ(flr_tcb_state(thread->tcb).value & UINT32_MAX, FL_STATE_STOPPED | FL_STATE_FAULT);
    CHECK_EQ(fw.progress, 0);
}

TEST("H7: a faulter that waits when the last capability to receive goes is stopped")
{
    fault_setup();
    struct kit_thread *thread = fault_run(fault_read_word, AREA);
    kit_settle();
    CHECK_EQ(kit_delete(fw.endpoint), FL_OK);
    check_stopped(thread);
}

TEST("H7: a caller that waits when the last capability to receive goes returns CANCELLED")
{
    uint64_t client = client_setup();
    fault_run(call, client);
    kit_settle();
    CHECK_EQ(kit_delete(fw.endpoint), FL_OK);
    kit_settle();
    CHECK_EQ(call_status, FL_CANCELLED);
}

TEST("H7: a sender that waits when the last capability to receive goes returns CANCELLED")
{
    uint64_t client = client_setup();
    fault_run(send, client);
    kit_settle();
    CHECK_EQ(kit_delete(fw.endpoint), FL_OK);
    kit_settle();
    CHECK_EQ(call_status, FL_CANCELLED);
}

TEST("H7: a faulter that waits is left alone while another capability can receive")
{
    fault_setup();
    uint64_t other = kit_copy(fw.endpoint, ALL, 0);
    fault_run(fault_read_word, AREA);
    kit_settle();
    CHECK_EQ(kit_delete(fw.endpoint), FL_OK);
    fw.endpoint = other;
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("H7: a capability that cannot receive may go while a faulter waits")
{
    fault_setup();
    uint64_t weak = kit_copy(fw.endpoint, FL_RIGHT_SEND | FL_RIGHT_CALL, 0);
    fault_run(fault_read_word, AREA);
    kit_settle();
    CHECK_EQ(kit_delete(weak), FL_OK);
    CHECK_EQ(kit_delete(fw.handler), FL_OK);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("H8: a fault after the last capability to receive went stops its thread")
{
    fault_setup();
    struct kit_thread *thread = fault_thread(fault_read_word, AREA);
    CHECK_EQ(kit_delete(fw.endpoint), FL_OK);
    kit_start(thread);
    kit_settle();
    check_stopped(thread);
}

TEST("H8: a call after the last capability to receive went returns CANCELLED at once")
{
    uint64_t client = client_setup();
    CHECK_EQ(kit_delete(fw.endpoint), FL_OK);
    fault_run(call, client);
    kit_settle();
    CHECK_EQ(call_status, FL_CANCELLED);
}

TEST("H8: a send after the last capability to receive went returns CANCELLED at once")
{
    uint64_t client = client_setup();
    CHECK_EQ(kit_delete(fw.endpoint), FL_OK);
    fault_run(send, client);
    kit_settle();
    CHECK_EQ(call_status, FL_CANCELLED);
}

TEST("H8: a thread that stopped so goes on when it was given another handler and is resumed")
{
    fault_setup();
    struct kit_thread *thread = fault_run(fault_read_word, AREA);
    kit_settle();
    CHECK_EQ(kit_delete(fw.endpoint), FL_OK);
    check_stopped(thread);
    fw.endpoint = kit_object(FL_OBJECT_ENDPOINT);
    fw.handler = kit_copy(fw.endpoint, FL_RIGHT_SEND, FAULT_BADGE);
    CHECK_DONE(flr_tcb_set_space(thread->tcb, fw.space, fw.handler));
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

static void receive_and_map(uint64_t reply)
{
    struct fl_message message;

    fl_ipc_recv(fw.endpoint, reply, &message);
    call_status = message.status;
    fl_ipc_reply(reply, RESUME(1), AREA | R, FL_ITEM_SOURCE(RAM, 1), fw.page, 0);
    kit_sleep();
}

TEST("H13: a handler that waits when the last capability to receive goes takes the next fault")
{
    fault_setup();
    kit_run(fw.space, 0, receive_and_map, fw.reply);
    kit_settle();
    CHECK_EQ(kit_delete(fw.endpoint), FL_OK);
    fault_run(fault_read_word, AREA);
    kit_settle();
    CHECK_EQ(call_status, FL_OK);
    CHECK_EQ(fw.progress, 1);
}

TEST("H13: the fault after that one stops its thread")
{
    fault_setup();
    kit_run(fw.space, 0, receive_and_map, fw.reply);
    kit_settle();
    CHECK_EQ(kit_delete(fw.endpoint), FL_OK);
    fault_run(fault_read_word, AREA);
    kit_settle();
    fw.progress = 0;
    struct kit_thread *thread = fault_run(fault_read_word, AREA + PAGE);
    kit_settle();
    check_stopped(thread);
}

TEST("H9: a fault that was taken can be answered after the endpoint's capabilities are gone")
{
    fault_setup();
    fault_reader(AREA);
    CHECK_EQ(kit_delete(fw.handler), FL_OK);
    CHECK_EQ(kit_delete(fw.endpoint), FL_OK);
    fault_finish(AREA, R);
}

TEST("H9: a fault that was taken can be stopped after the endpoint's capabilities are gone")
{
    fault_setup();
    fault_reader(AREA);
    CHECK_EQ(kit_delete(fw.handler), FL_OK);
    CHECK_EQ(kit_delete(fw.endpoint), FL_OK);
    CHECK_DONE(fault_answer_info(STOP));
}

/* --- faults of handlers ---------------------------------------------------------------------- */

/* A handler that reads at `address`, where nothing is mapped, before it answers. */
static void handle_and_fault(uint64_t address)
{
    struct fl_message message;

    fl_ipc_recv(inner_endpoint, inner_reply, &message);
    fw.value = *(volatile uint64_t *)(uintptr_t)address;
    fl_ipc_reply(inner_reply, RESUME(1), AREA | R, FL_ITEM_SOURCE(RAM, 1), fw.page, 0);
    fw.progress++;
    kit_sleep();
}

static void inner_setup(void)
{
    fault_setup();
    inner_endpoint = kit_object(FL_OBJECT_ENDPOINT);
    inner_reply = kit_object(FL_OBJECT_REPLY);
}

TEST("H10: the fault of a handler goes to the handler's handler, and both go on")
{
    inner_setup();
    uint64_t outer = kit_copy(fw.endpoint, FL_RIGHT_SEND, HANDLER_BADGE);
    kit_run(fw.space, outer, handle_and_fault, AREA + PAGE);
    kit_run(fw.space, inner_endpoint, fault_read_word, AREA);
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.info, FAULT);
    CHECK_EQ(fw.fault.badge, HANDLER_BADGE);
    CHECK_EQ(fw.fault.word[0], AREA + PAGE);
    CHECK_DONE(fault_answer_one(AREA + PAGE, R, 1, fw.page + 1));
    kit_settle();
    CHECK_EQ(fw.progress, 2);
}

TEST("H10: a handler that has no handler stops at its fault, and its faulter waits")
{
    inner_setup();
    struct kit_thread *handler = kit_run(fw.space, 0, handle_and_fault, AREA + PAGE);
    struct kit_thread *thread = kit_run(fw.space, inner_endpoint, fault_read_word, AREA);
    kit_settle();
    CHECK_EQ(fw.progress, 0);
    CHECK_REFUSED(flr_tcb_resume(thread->tcb), BUSY, 1);
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page + 1, AREA + PAGE, 1, R));
    CHECK_DONE(flr_tcb_resume(handler->tcb));
    kit_settle();
    CHECK_EQ(fw.progress, 2);
}

TEST("H11: a handler that is its own handler waits for ever, and others are served")
{
    inner_setup();
    struct kit_thread *handler = kit_run(fw.space, inner_endpoint, handle_and_fault, AREA + PAGE);
    kit_run(fw.space, inner_endpoint, fault_read_word, AREA);
    kit_settle();
    CHECK_EQ(fw.progress, 0);
    CHECK_REFUSED(flr_tcb_resume(handler->tcb), BUSY, 1);
    fault_reader(AREA + 2 * PAGE);
    fault_finish(AREA + 2 * PAGE, R);
}

TEST("H11: another thread that receives there can answer the handler")
{
    inner_setup();
    kit_run(fw.space, inner_endpoint, handle_and_fault, AREA + PAGE);
    kit_run(fw.space, inner_endpoint, fault_read_word, AREA);
    kit_settle();
    fl_ipc_recv(inner_endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.word[0], AREA + PAGE);
    CHECK_DONE(fault_answer_one(AREA + PAGE, R, 1, fw.page + 1));
    kit_settle();
    CHECK_EQ(fw.progress, 2);
}

TEST("H12: threads run and fault elsewhere while a fault is not answered")
{
    inner_setup();
    kit_run(fw.space, inner_endpoint, fault_read_word, AREA); /* nobody ever receives there */
    for (unsigned i = 1; i < 4; i++) {
        fault_reader(AREA + i * PAGE);
        fault_finish(AREA + i * PAGE, R);
    }
    CHECK_EQ(fw.progress, 3);
}

TEST("H12: a handler that parks one fault serves others, of the same space too")
{
    fault_setup();
    fault_reader(AREA);
    uint64_t parked = fw.reply;
    fw.reply = kit_object(FL_OBJECT_REPLY);
    for (unsigned i = 1; i < 4; i++) {
        fault_reader(AREA + i * PAGE);
        fault_finish(AREA + i * PAGE, R);
    }
    fw.reply = parked;
    fault_finish(AREA, R);
    CHECK_EQ(fw.progress, 4);
}
