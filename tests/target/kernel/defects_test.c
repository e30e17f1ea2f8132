/* Regression tests of defects that attacks on the kernel found: each failed before its mend. */
#include "fl_calls.h"
#include "harness.h"
#include "kit.h"
#include "turns.h"

#define LOW    5u
#define SERVER 20u

#define TURN_MICROSECONDS 1000u

static volatile uint64_t count[2], delivered;
static uint64_t endpoint, reply[2], space, second; /* second: ticks of one */

static void setup(void)
{
    kit_begin();
    second = kit_boot_info()->timebase_hz;
    count[0] = count[1] = delivered = 0;
    endpoint = kit_object(FL_OBJECT_ENDPOINT);
    reply[0] = kit_object(FL_OBJECT_REPLY);
    reply[1] = kit_object(FL_OBJECT_REPLY);
    space = kit_space(kit_pool(30));
}

static void setup_one_hart(void)
{
    turns_need_one_hart();
    setup();
}

/* With turns of a millisecond. */
static void run(unsigned priority, void (*function)(uint64_t), uint64_t argument)
{
    struct kit_thread *thread = kit_thread(space, 0, priority, function, argument);

    CHECK_EQ(flr_tcb_set_quantum(thread->tcb, FL_BOOT_SCHED, TURN_MICROSECONDS).status, FL_OK);
    kit_start(thread);
}

/* Sleeps, so that threads below the root task run. */
static void nap(uint64_t milliseconds)
{
    uint64_t timer = kit_object(FL_OBJECT_TIMER), bell = kit_object(FL_OBJECT_NOTIFICATION);

    flr_timer_bind(timer, bell);
    flr_timer_set(timer, fl_rdtime() + second / 1000 * milliseconds);
    flr_notification_wait(bell);
}

static void call_and_count(uint64_t i)
{
    fl_ipc_call(endpoint, 0, 0, 0, 0, 0);
    for (;;)
        count[i]++;
}

/* Takes two callers, works until their turn is over, then wakes both. */
static void serve_two(uint64_t unused)
{
    struct fl_message message;

    (void)unused;
    fl_ipc_recv(endpoint, reply[0], &message);
    fl_ipc_recv(endpoint, reply[1], &message);
    uint64_t start = fl_rdtime();
    while (fl_rdtime() - start < second / 200)
        ;
    flr_ipc_reply(reply[0], 0, 0, 0, 0, 0);
    message.info = 0;
    fl_ipc_reply_recv(endpoint, reply[1], &message);
    kit_sleep();
}

TEST("two clients of one priority that a busy server wakes both run")
{
    setup_one_hart();
    run(SERVER, serve_two, 0);
    run(LOW, call_and_count, 0);
    run(LOW, call_and_count, 1);
    nap(20);
    CHECK(count[0] > 0);
    CHECK(count[1] > 0);
}

static void yield_late(uint64_t turn)
{
    for (;;) {
        uint64_t start = fl_rdtime();
        while (fl_rdtime() - start < turn * 95 / 100)
            count[0]++;
        flr_thread_yield(0);
    }
}

static void spin_on_time(uint64_t turn)
{
    for (;;) {
        uint64_t start = fl_rdtime();
        while (fl_rdtime() - start < turn)
            count[1]++;
    }
}

TEST("a thread that yields just before its turn ends does not take its peer's turn")
{
    uint64_t turn = kit_boot_info()->timebase_hz / 1000000 * TURN_MICROSECONDS;

    setup_one_hart();
    run(LOW, yield_late, turn);
    run(LOW, spin_on_time, turn);
    nap(40);
    CHECK(count[1] * 3 > count[0]);
}

TEST("nothing is mapped, executable neither, from a capability that may not be read")
{
    setup();
    uint64_t blind = kit_copy(FL_BOOT_RAM, FL_RIGHT_EXEC | FL_RIGHT_MAP, 0), page = kit_frames(1);
    uint64_t status =
        flr_vspace_map(FL_BOOT_VSPACE, blind, page, KIT_AREA, 1, FL_RIGHT_EXEC).status;
    CHECK_EQ(status, FL_STATUS(FL_NO_RIGHT, 6));
}

static void forge_notification(uint64_t unused)
{
    (void)unused;
    delivered = fl_ipc_call(endpoint, FL_INFO(FL_LABEL_NOTIFICATION, 1), 0xbad, 0, 0, 0).status;
    kit_sleep();
}

TEST("a message cannot pretend to be a notification")
{
    struct fl_message message;

    setup();
    run(LOW, forge_notification, 0);
    kit_settle();
    CHECK_EQ(delivered, FL_STATUS(FL_RESERVED, 2));
    fl_ipc_poll(endpoint, reply[0], &message);
    CHECK_EQ(message.status, FL_WOULD_BLOCK);
}

static void receive_once(uint64_t unused)
{
    struct fl_message message;

    (void)unused;
    fl_ipc_recv(endpoint, reply[0], &message);
    delivered = message.word[0];
    kit_sleep();
}

TEST("bits pending when a notification is bound reach a thread that already receives")
{
    setup();
    uint64_t bell = kit_object(FL_OBJECT_NOTIFICATION);
    struct kit_thread *thread = kit_thread(space, 0, LOW, receive_once, 0);
    kit_start(thread);
    kit_settle();
    flr_notification_signal(bell);
    CHECK_EQ(flr_tcb_bind_notification(thread->tcb, bell).status, FL_OK);
    kit_settle();
    CHECK_EQ(delivered, 1);
}

static void touch(uint64_t address)
{
    *(volatile uint64_t *)(uintptr_t)address = 1;
    kit_sleep();
}

TEST("an answer that stops a thread carries no words")
{
    struct fl_message message;

    setup();
    kit_start(kit_thread(space, endpoint, LOW, touch, KIT_AREA));
    fl_ipc_recv(endpoint, reply[0], &message);
    uint64_t status = fl_ipc_reply(reply[0], FL_INFO(FL_LABEL_STOP, 255), 1, 2, 3, 4);
    CHECK_EQ(status, FL_STATUS(FL_RESERVED, 2));
    CHECK_EQ(fl_ipc_reply(reply[0], FL_INFO(FL_LABEL_STOP, 0), 0, 0, 0, 0), FL_OK);
}
