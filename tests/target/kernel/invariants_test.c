/* The kernel's own invariants, as its checker sees them: after every test of the suite, and with
 * threads waiting in every way there is. */
#include "refusal.h"

#define LABEL 7u
#define R     FL_RIGHT_READ

static uint64_t endpoint, reply, notification, space;

static void setup(void)
{
    refusal_begin();
    endpoint = kit_object(FL_OBJECT_ENDPOINT);
    reply = kit_object(FL_OBJECT_REPLY);
    notification = kit_object(FL_OBJECT_NOTIFICATION);
    space = kit_space(kit_pool(24));
}

static void call(uint64_t to)
{
    fl_ipc_call(to, FL_INFO(LABEL, 1), 1, 0, 0, 0);
    kit_sleep();
}

static void send(uint64_t to)
{
    fl_ipc_send(to, FL_INFO(LABEL, 1), 1, 0, 0, 0);
    kit_sleep();
}

static void receive(uint64_t from)
{
    struct fl_message message;

    fl_ipc_recv(from, reply, &message);
    kit_sleep();
}

static void wait(uint64_t bits)
{
    flr_notification_wait(bits);
    kit_sleep();
}

static void touch(uint64_t address)
{
    *(volatile uint64_t *)(uintptr_t)address = 1;
    kit_sleep();
}

/* Ready for ever.  Who computed for ever would keep the turn of its hart, under --icount, while another one waits for
 * it (tests/machines.txt). */
static void yield(uint64_t zero)
{
    for (;;)
        (void)flr_thread_yield(zero);
}

/* A law notices only what changes: that nothing is broken from the start is said here. */
TEST("all invariants hold when the root task starts")
{
    CHECK_DONE(flr_system_check(FL_BOOT_SYSTEM));
    CHECK_EQ(refusal_broken_invariant(), 0);
}

TEST("the checker asks for the System capability")
{
    setup();
    CHECK_REFUSED(flr_system_check(kit_slots(1)), BAD_SLOT, 1);
    CHECK_REFUSED(flr_system_check(endpoint), BAD_TYPE, 1);
}

TEST("the checker changes nothing")
{
    setup();
    kit_run(space, endpoint, wait, notification);
    kit_settle();
    CHECK_REFUSED(flr_system_check(FL_BOOT_SYSTEM), OK, 0);
}

TEST(
    "all invariants hold while threads call, send, await answers, receive, fault and wait for bits")
{
    setup();
    uint64_t busy = kit_object(FL_OBJECT_ENDPOINT), second = kit_object(FL_OBJECT_REPLY);
    struct fl_message message;
    for (unsigned i = 0; i < 3; i++) {
        kit_run(space, 0, call, busy);
        kit_run(space, 0, send, busy);
        kit_run(space, 0, wait, notification);
        kit_run(space, busy, touch, KIT_AREA);
        kit_settle();
        CHECK_EQ(refusal_broken_invariant(), 0);
    }
    fl_ipc_recv(busy, second, &message);
    CHECK_EQ(refusal_broken_invariant(), 0);
    kit_run(space, 0, receive, endpoint);
    kit_settle();
    CHECK_EQ(refusal_broken_invariant(), 0);
    flr_notification_signal(notification);
    CHECK_EQ(refusal_broken_invariant(), 0);
    flr_cnode_delete(FL_BOOT_CNODE, second);
    CHECK_EQ(refusal_broken_invariant(), 0);
    kit_delete(busy);
    CHECK_EQ(refusal_broken_invariant(), 0);
}

TEST("all invariants hold while a fault's Reply is held")
{
    setup();
    struct fl_message message;
    kit_run(space, endpoint, touch, KIT_AREA);
    fl_ipc_recv(endpoint, reply, &message);
    CHECK_EQ(FL_INFO_LABEL(message.info), FL_LABEL_PAGE_FAULT);
    CHECK_EQ(refusal_broken_invariant(), 0);
}

TEST("all invariants hold while threads are ready at several priorities, and after they moved")
{
    setup();
    struct kit_thread *threads[6];
    for (unsigned i = 0; i < 6; i++) {
        threads[i] = kit_thread(space, 0, 8 + i % 3, yield, 0);
        kit_start(threads[i]);
    }
    CHECK_EQ(refusal_broken_invariant(), 0);
    CHECK_DONE(flr_tcb_set_priority(threads[4]->tcb, FL_BOOT_SCHED, 8));
    CHECK_DONE(flr_tcb_suspend(threads[0]->tcb));
    CHECK_DONE(flr_thread_yield(0));
    CHECK_EQ(refusal_broken_invariant(), 0);
}

TEST("all invariants hold with armed timers, bound notifications and CNodes that hold themselves")
{
    setup();
    uint64_t table = kit_object(FL_OBJECT_CNODE), timers[4];
    uint64_t later = fl_rdtime() + 1000 * kit_boot_info()->timebase_hz;
    for (unsigned i = 0; i < 4; i++) {
        timers[i] = kit_object(FL_OBJECT_TIMER);
        CHECK_DONE(flr_timer_bind(timers[i], notification));
        CHECK_DONE(flr_timer_set(timers[i], later + 5 * i % 4));
        CHECK_EQ(refusal_broken_invariant(), 0);
    }
    CHECK_DONE(flr_tcb_bind_notification(FL_BOOT_TCB, notification));
    CHECK_DONE(flr_cnode_copy(table, 1, FL_BOOT_CNODE, table, FL_RIGHTS_ALL, 0));
    CHECK_DONE(flr_timer_set(timers[2], 0));
    CHECK_EQ(refusal_broken_invariant(), 0);
    CHECK_DONE(flr_tcb_bind_notification(FL_BOOT_TCB, 0));
    CHECK_DONE(flr_cnode_delete(table, 1));
    CHECK_EQ(refusal_broken_invariant(), 0);
}

TEST("all invariants hold while spaces share frames and one of them ends")
{
    setup();
    uint64_t pool = kit_pool(12), pages = kit_frames(4), spaces[3];
    for (unsigned i = 0; i < 3; i++) {
        spaces[i] = kit_bare_space(pool);
        CHECK_EQ(refusal_broken_invariant(), 0);
        CHECK_DONE(flr_vspace_map(spaces[i], FL_BOOT_RAM, pages, KIT_AREA, 4, R));
        CHECK_EQ(refusal_broken_invariant(), 0);
    }
    CHECK_DONE(flr_vspace_unmap(spaces[0], KIT_AREA, 2));
    CHECK_EQ(refusal_broken_invariant(), 0);
    CHECK_EQ(kit_delete(spaces[1]), FL_OK);
    CHECK_EQ(refusal_broken_invariant(), 0);
}
