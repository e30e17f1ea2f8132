/* Threads: their life, priorities and turns; timers; registers across switches. */
#include <string.h>

#include "refusal.h"
#include "turns.h"

#define RAM     FL_BOOT_RAM
#define CNODE   FL_BOOT_CNODE
#define SCHED   FL_BOOT_SCHED
#define RW      (FL_RIGHT_READ | FL_RIGHT_WRITE)
#define NO_SLOT 63u
#define ALL     FL_RIGHTS_ALL
#define UNSET   0xdead0000ull
#define LOW     10u /* priority of threads that spin: below kit_run's */

void registers_spin(uint64_t *registers);
void registers_at_start(void);
void floats_exchange(const uint64_t *in, uint64_t *out, const volatile uint64_t *flag);
void floats_store(uint64_t *out);

static uint64_t endpoint, reply, notification, space, own_tcb;
static volatile uint64_t count[4], flag, status;
static volatile char order[16];
static volatile unsigned order_length;

static void setup(void)
{
    refusal_begin();
    endpoint = kit_object(FL_OBJECT_ENDPOINT);
    reply = kit_object(FL_OBJECT_REPLY);
    notification = kit_object(FL_OBJECT_NOTIFICATION);
    space = kit_space(kit_pool(24));
    flag = 0;
    status = UNSET;
    order_length = 0;
    memset((char *)order, 0, sizeof order);
    memset((uint64_t *)count, 0, sizeof count);
}

static uint64_t milliseconds(uint64_t n)
{
    return n * kit_boot_info()->timebase_hz / 1000;
}

/* Sleeps until one timer fires: nothing else wakes the root task meanwhile. */
static void sleep_milliseconds(uint64_t n)
{
    uint64_t timer = kit_object(FL_OBJECT_TIMER), bell = kit_object(FL_OBJECT_NOTIFICATION);

    CHECK_DONE(flr_timer_bind(timer, bell));
    CHECK_DONE(flr_timer_set(timer, fl_rdtime() + milliseconds(n)));
    flr_notification_wait(bell);
}

static void append(char c)
{
    order[order_length++] = c;
}

static void append_name(uint64_t name)
{
    append((char)name);
    kit_sleep();
}

static void spin(uint64_t i)
{
    for (;;)
        count[i]++;
}

/* Sleeps until it has counted on, on whatever hart. */
static void wait_for_count(unsigned i)
{
    uint64_t before = count[i], end = kit_deadline();

    for (; count[i] == before; kit_nap())
        CHECK(fl_rdtime() < end);
}

static struct kit_thread *start(unsigned priority, void (*function)(uint64_t), uint64_t argument)
{
    struct kit_thread *thread = kit_thread(space, 0, priority, function, argument);

    kit_start(thread);
    return thread;
}

/* --- life ------------------------------------------------------------------------------------ */

static uint64_t registers[64];

TEST("a started thread finds pc, sp and argument, and zero in every other register")
{
    struct fl_message message;

    setup();
    memset(registers, 0xff, sizeof registers);
    struct kit_thread *thread = kit_thread(space, endpoint, KIT_PRIORITY, spin, 0);
    CHECK_DONE(
        flr_tcb_start(thread->tcb, (uintptr_t)registers_at_start, 0x5550, (uintptr_t)registers));
    fl_ipc_recv(endpoint, reply, &message);
    for (unsigned n = 1; n < 32; n++)
        CHECK_EQ(registers[32 + n], n == 2 ? 0x5550 : (n == 10 ? (uintptr_t)registers : 0));
    CHECK_EQ(message.word[3], 0x5550);
}

TEST("a thread without a space or a CSpace cannot run")
{
    refusal_begin();
    uint64_t where = kit_bare_space(kit_pool(2)), tcb = kit_object(FL_OBJECT_TCB);
    CHECK_REFUSED(flr_tcb_start(tcb, 0, 0, 0), NOT_READY, 1);
    CHECK_REFUSED(flr_tcb_resume(tcb), NOT_READY, 1);
    CHECK_DONE(flr_tcb_set_space(tcb, where, 0));
    CHECK_REFUSED(flr_tcb_start(tcb, 0, 0, 0), NOT_READY, 1);
    CHECK_REFUSED(flr_tcb_resume(tcb), NOT_READY, 1);
    CHECK_REFUSED(flr_tcb_suspend(tcb), OK, 0);
}

/* Everything that needs a stopped thread. */
static void check_busy(uint64_t tcb)
{
    CHECK_REFUSED(flr_tcb_start(tcb, 0, 0, 0), BUSY, 1);
    CHECK_REFUSED(flr_tcb_resume(tcb), BUSY, 1);
    CHECK_REFUSED(flr_tcb_set_cspace(tcb, CNODE), BUSY, 1);
    CHECK_REFUSED(flr_tcb_set_space(tcb, space, 0), BUSY, 1);
    CHECK_REFUSED(flr_tcb_set_buffer(tcb, RAM, kit_boot_info()->ram[0].first_free, 0), BUSY, 1);
}

static void call_once(uint64_t unused)
{
    (void)unused;
    status = fl_ipc_call(endpoint, 0, 0, 0, 0, 0).status;
    kit_sleep();
}

static void send_once(uint64_t unused)
{
    (void)unused;
    status = fl_ipc_send(endpoint, 0, 0, 0, 0, 0);
    kit_sleep();
}

static void receive_once(uint64_t unused)
{
    struct fl_message message;

    (void)unused;
    fl_ipc_recv(endpoint, reply, &message);
    status = message.status;
    kit_sleep();
}

static void wait_once(uint64_t unused)
{
    (void)unused;
    status = flr_notification_wait(notification).status;
    kit_sleep();
}

TEST("a thread that waits is busy; suspended and resumed, its call returns CANCELLED")
{
    static void (*const waits[])(uint64_t) = {call_once, send_once, receive_once, wait_once};

    for (unsigned i = 0; i < 4; i++) {
        setup();
        uint64_t tcb = kit_run(space, 0, waits[i], 0)->tcb;
        kit_settle();
        check_busy(tcb);
        CHECK_DONE(flr_tcb_suspend(tcb));
        CHECK_DONE(flr_tcb_suspend(tcb));
        kit_settle();
        CHECK_EQ(status, UNSET);
        CHECK_DONE(flr_tcb_resume(tcb));
        kit_settle();
        CHECK_EQ(status, FL_CANCELLED);
        CHECK_REFUSED(flr_ipc_poll(endpoint, reply), WOULD_BLOCK, 0);
        CHECK_DONE(flr_notification_signal(notification));
        CHECK_EQ(flr_notification_poll(notification).value, 1);
    }
}

TEST("a thread that is ready or runs is busy; suspended it stands still, resumed it goes on")
{
    setup();
    uint64_t tcb = start(LOW, spin, 0)->tcb;
    check_busy(tcb);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_DONE(flr_tcb_suspend(tcb));
        uint64_t reached = count[0];
        CHECK(i > 0 || reached == 0 || !kit_alone());
        sleep_milliseconds(2);
        CHECK_EQ(count[0], reached);
        CHECK_DONE(flr_tcb_resume(tcb));
        wait_for_count(0);
    }
}

static void suspend_self(uint64_t unused)
{
    (void)unused;
    append('a');
    status = flr_tcb_suspend(own_tcb).status;
    append('b');
    kit_sleep();
}

TEST("a thread that suspends itself stops at once and returns OK when resumed")
{
    setup();
    struct kit_thread *thread = kit_thread(space, 0, KIT_PRIORITY, suspend_self, 0);
    own_tcb = thread->tcb;
    kit_start(thread);
    kit_settle();
    CHECK_STRING((char *)order, "a");
    CHECK_DONE(flr_tcb_resume(own_tcb));
    kit_settle();
    CHECK_STRING((char *)order, "ab");
    CHECK_EQ(status, FL_OK);
}

static void delete_self(uint64_t unused)
{
    (void)unused;
    append('a');
    flr_cnode_delete(CNODE, own_tcb);
    append('b');
    kit_sleep();
}

TEST("a thread can delete its own last capability, and is gone")
{
    setup();
    struct kit_thread *thread = kit_thread(space, 0, KIT_PRIORITY, delete_self, 0);
    own_tcb = thread->tcb;
    uint64_t objects = kit_counter(FL_COUNTER_OBJECTS);
    kit_start(thread);
    kit_settle();
    CHECK_STRING((char *)order, "a");
    CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects - 1);
    CHECK_EQ(kit_delete(space), FL_OK);
}

TEST("a stopped thread can be started anew")
{
    setup();
    struct kit_thread *thread = kit_run(space, 0, append_name, 'x');
    kit_settle();
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    thread->start[1] = 'y';
    kit_start(thread);
    kit_settle();
    CHECK_STRING((char *)order, "xy");
}

TEST("calls on threads blame the argument that is wrong")
{
    refusal_begin();
    uint64_t tcb = kit_object(FL_OBJECT_TCB), where = kit_bare_space(kit_pool(2));
    uint64_t weak = kit_copy(where, ALL & ~FL_RIGHT_MAP, 0), port = kit_object(FL_OBJECT_ENDPOINT);
    uint64_t deaf = kit_copy(port, FL_RIGHT_RECV, 0), rom = kit_copy(RAM, ALL & ~FL_RIGHT_WRITE, 0);
    uint64_t loose = kit_copy(RAM, ALL & ~FL_RIGHT_PIN, 0), object = kit_frames(1);
    uint64_t pages = kit_boot_info()->ram[0].pages;
    CHECK_DONE(flr_memory_retype(RAM, object, FL_OBJECT_TIMER, 1, CNODE, kit_slots(1)));
    CHECK_REFUSED(flr_tcb_set_cspace(NO_SLOT, CNODE), BAD_SLOT, 1);
    CHECK_REFUSED(flr_tcb_set_cspace(tcb, tcb), BAD_TYPE, 2);
    CHECK_REFUSED(flr_tcb_set_space(where, where, 0), BAD_TYPE, 1);
    CHECK_REFUSED(flr_tcb_set_space(tcb, weak, 0), NO_RIGHT, 2);
    CHECK_REFUSED(flr_tcb_set_space(tcb, tcb, 0), BAD_TYPE, 2);
    CHECK_REFUSED(flr_tcb_set_space(tcb, where, NO_SLOT), BAD_SLOT, 3);
    CHECK_REFUSED(flr_tcb_set_space(tcb, where, tcb), BAD_TYPE, 3);
    CHECK_REFUSED(flr_tcb_set_space(tcb, where, deaf), NO_RIGHT, 3);
    CHECK_REFUSED(flr_tcb_set_buffer(tcb, tcb, 0, 0), BAD_TYPE, 2);
    CHECK_REFUSED(flr_tcb_set_buffer(tcb, rom, 0, 0), NO_RIGHT, 2);
    CHECK_REFUSED(flr_tcb_set_buffer(tcb, loose, 0, 0), NO_RIGHT, 2);
    CHECK_REFUSED(flr_tcb_set_buffer(tcb, RAM, pages, 0), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_tcb_set_buffer(tcb, RAM, object, 0), BAD_FRAME, 3);
    CHECK_REFUSED(flr_tcb_set_buffer(tcb, RAM, kit_boot_info()->ram[0].first_free + 200, 4),
                  OUT_OF_RANGE, 4);
    CHECK_REFUSED(flr_tcb_set_priority(tcb, tcb, 1), BAD_TYPE, 2);
    CHECK_REFUSED(flr_tcb_set_priority(tcb, SCHED, FL_PRIORITIES), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_tcb_set_priority(tcb, SCHED, UINT64_MAX), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_tcb_suspend(RAM), BAD_TYPE, 1);
    CHECK_REFUSED(flr_thread_yield(1), RESERVED, 1);
}

TEST("a buffer's frame is pinned once for each thread, until another takes its place")
{
    kit_begin();
    uint64_t tcbs = kit_slots(4), first = kit_frames(2);
    CHECK_DONE(flr_memory_retype(RAM, kit_frames(1), FL_OBJECT_TCB, 4, CNODE, tcbs));
    for (uint64_t i = 0; i < 4; i++)
        CHECK_DONE(flr_tcb_set_buffer(tcbs + i, RAM, first, i));
    CHECK_EQ(flr_memory_frame_state(RAM, first).value >> 48, 4);
    CHECK_DONE(flr_tcb_set_buffer(tcbs, RAM, first + 1, 0));
    CHECK_EQ(flr_memory_frame_state(RAM, first).value >> 48, 3);
    for (uint64_t i = 0; i < 4; i++)
        CHECK_EQ(kit_delete(tcbs + i), FL_OK);
    CHECK_EQ(flr_memory_frame_state(RAM, first).value & 0xff, FL_FRAME_FREE);
}

/* --- priorities and turns -------------------------------------------------------------------- */

static void setup_one_hart(void)
{
    turns_need_one_hart();
    setup();
}

TEST("ready threads run in order of priority, equals in order of start")
{
    static const unsigned priorities[] = {5, 7, 6, 7, 5, 0};

    setup_one_hart();
    for (unsigned i = 0; i < 6; i++)
        start(priorities[i], append_name, 'a' + i);
    kit_settle();
    CHECK_STRING((char *)order, "bdcaef");
}

TEST("a thread of higher priority runs before the call that woke it returns, an equal one after")
{
    setup_one_hart();
    start(KIT_ROOT_PRIORITY + 1, append_name, 'h');
    CHECK_STRING((char *)order, "h");
    start(KIT_ROOT_PRIORITY, append_name, 'e');
    CHECK_STRING((char *)order, "h");
    flr_thread_yield(0);
    CHECK_STRING((char *)order, "he");
}

TEST("a new priority counts at once, for a thread that waits its turn too")
{
    setup_one_hart();
    uint64_t first = start(5, append_name, 'a')->tcb, second = start(6, append_name, 'b')->tcb;
    CHECK_DONE(flr_tcb_set_priority(first, SCHED, 7));
    CHECK_DONE(flr_tcb_set_priority(second, SCHED, 63));
    CHECK_STRING((char *)order, "b");
    kit_settle();
    CHECK_STRING((char *)order, "ba");
}

TEST("threads of one priority share the time, a lower one gets none")
{
    setup_one_hart();
    start(LOW, spin, 0);
    start(LOW, spin, 1);
    start(LOW - 1, spin, 2);
    sleep_milliseconds(100);
    CHECK(count[0] > 0);
    CHECK(count[1] > 0);
    CHECK_EQ(count[2], 0);
}

static void receive_and_spin(uint64_t i)
{
    struct fl_message message;

    fl_ipc_recv(endpoint, reply, &message);
    spin(i);
}

TEST("a server that a call switched to shares the time with its equals")
{
    setup_one_hart();
    start(LOW, receive_and_spin, 0);
    sleep_milliseconds(100); /* no turn of an earlier thread is left to end */
    start(LOW, spin, 1);
    start(LOW + 1, call_once, 0);
    sleep_milliseconds(100);
    CHECK(count[0] > 0);
    CHECK(count[1] > 0);
}

static void append_and_yield(uint64_t name)
{
    for (unsigned i = 0; i < 3; i++) {
        append((char)name);
        flr_thread_yield(0);
    }
    kit_sleep();
}

TEST("yield lets each equal run once before the caller runs again")
{
    setup_one_hart();
    for (char name = 'a'; name <= 'c'; name++)
        start(LOW, append_and_yield, (uint64_t)name);
    kit_settle();
    CHECK_STRING((char *)order, "abcabcabc");
}

/* --- timers ---------------------------------------------------------------------------------- */

static uint64_t new_timer(uint64_t badge)
{
    uint64_t timer = kit_object(FL_OBJECT_TIMER);

    CHECK_DONE(flr_timer_bind(timer, kit_copy(notification, FL_RIGHT_SEND, badge)));
    return timer;
}

TEST("timers fire in the order of their deadlines, none early")
{
    setup();
    static const uint64_t after[] = {5, 2, 4, 3};
    static const unsigned expected[] = {1, 3, 2, 0};
    uint64_t now = fl_rdtime(), deadlines[4];
    for (unsigned i = 0; i < 4; i++) {
        deadlines[i] = now + milliseconds(4 * after[i]);
        CHECK_DONE(flr_timer_set(new_timer(1u << i), deadlines[i]));
    }
    for (unsigned n = 0; n < 4; n++) {
        CHECK_EQ(flr_notification_wait(notification).value, 1u << expected[n]);
        CHECK(fl_rdtime() >= deadlines[expected[n]]);
    }
}

TEST("a deadline that is past fires at once")
{
    setup();
    uint64_t timer = new_timer(4), now = fl_rdtime();
    const uint64_t past[] = {1, now - 1, now};
    for (unsigned i = 0; i < 3; i++) {
        CHECK_DONE(flr_timer_set(timer, past[i]));
        CHECK_EQ(flr_notification_wait(notification).value, 4);
    }
}

TEST("a timer fires once; set again it has one deadline; disarmed it does not fire")
{
    setup();
    uint64_t once = new_timer(1), again = new_timer(2), never = new_timer(4), last = new_timer(8);
    uint64_t now = fl_rdtime();
    CHECK_DONE(flr_timer_set(once, now + milliseconds(1)));
    CHECK_DONE(flr_timer_set(again, now + milliseconds(2)));
    CHECK_DONE(flr_timer_set(again, now + milliseconds(6)));
    CHECK_DONE(flr_timer_set(never, now + milliseconds(3)));
    CHECK_DONE(flr_timer_set(never, 0));
    CHECK_DONE(flr_timer_set(last, now + milliseconds(9)));
    CHECK_EQ(flr_notification_wait(notification).value, 1);
    CHECK_EQ(flr_notification_wait(notification).value, 2);
    CHECK(fl_rdtime() >= now + milliseconds(6));
    CHECK_EQ(flr_notification_wait(notification).value, 8);
    CHECK_DONE(flr_timer_set(last, UINT64_MAX));
    kit_settle();
    CHECK_EQ(flr_notification_poll(notification).value, 0);
}

TEST("a timer that is bound anew signals its new notification only")
{
    setup();
    uint64_t timer = new_timer(1), other = kit_object(FL_OBJECT_NOTIFICATION);
    CHECK_DONE(flr_timer_set(timer, fl_rdtime() + milliseconds(1)));
    CHECK_DONE(flr_timer_bind(timer, other));
    sleep_milliseconds(3);
    CHECK_EQ(flr_notification_poll(notification).value, 0);
    CHECK_EQ(flr_notification_poll(other).value, 0);
    CHECK_DONE(flr_timer_set(timer, 1));
    CHECK_EQ(flr_notification_wait(other).value, 1);
}

TEST("calls on timers and the system blame the argument that is wrong")
{
    setup();
    uint64_t timer = kit_object(FL_OBJECT_TIMER), deaf = kit_copy(notification, FL_RIGHT_RECV, 0);
    const uint64_t system = FL_BOOT_SYSTEM;
    CHECK_REFUSED(flr_timer_set(timer, 1), NOT_READY, 1);
    CHECK_REFUSED(flr_timer_set(timer, 0), NOT_READY, 1);
    CHECK_REFUSED(flr_timer_set(NO_SLOT, 1), BAD_SLOT, 1);
    CHECK_REFUSED(flr_timer_bind(notification, notification), BAD_TYPE, 1);
    CHECK_REFUSED(flr_timer_bind(timer, timer), BAD_TYPE, 2);
    CHECK_REFUSED(flr_timer_bind(timer, deaf), NO_RIGHT, 2);
    CHECK_REFUSED(flr_system_counter(system, FL_COUNTER_COUNT), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_system_counter(system, UINT64_MAX), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_system_counter(timer, 0), BAD_TYPE, 1);
    CHECK_REFUSED(flr_system_reset(system, 2), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_system_reset(timer, 0), BAD_TYPE, 1);
    CHECK_REFUSED(flr_system_console_write(system, FL_BUFFER_BYTES - FL_BUFFER_DATA + 1),
                  OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_system_console_write(timer, 0), BAD_TYPE, 1);
    CHECK_REFUSED(flr_system_console_read(NO_SLOT), BAD_SLOT, 1);
}

/* --- registers across switches --------------------------------------------------------------- */

static uint64_t areas[2][64];

static void hold_registers(uint64_t i)
{
    registers_spin(areas[i]);
    count[i]++;
    kit_sleep();
}

TEST("a thread's registers survive being interrupted")
{
    setup();
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned n = 1; n < 32; n++)
            areas[i][n] = 0xabc000 * (i + 1) + n;
        areas[i][6] = (uintptr_t)&flag;
        start(LOW, hold_registers, i);
    }
    sleep_milliseconds(60);
    flag = 5;
    kit_settle();
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(count[i], 1);
        areas[i][2] = (uintptr_t)areas[i];
        areas[i][5] = 5;
        for (unsigned n = 1; n < 32; n++)
            CHECK_EQ(areas[i][32 + n], areas[i][n]);
    }
}

static uint64_t floats[3][33], floats_after[3][33];

static void hold_floats(uint64_t i)
{
    floats_exchange(floats[i], floats_after[i], &flag);
    count[i]++;
    kit_sleep();
}

TEST("floating-point registers survive other threads, with and without floating point")
{
    setup();
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned n = 0; n < 32; n++)
            floats[i][n] = 0x4000000000000000ull + 256 * i + n;
        floats[i][32] = i << 5 | i;
        start(LOW, hold_floats, i);
    }
    start(LOW, spin, 3);
    sleep_milliseconds(120);
    flag = 1;
    for (uint64_t end = kit_deadline(); count[0] + count[1] + count[2] < 3; kit_nap())
        CHECK(fl_rdtime() < end);
    CHECK(memcmp(floats, floats_after, sizeof floats) == 0);
}

static void show_floats(uint64_t i)
{
    floats_store(floats_after[i]);
    count[i]++;
    kit_sleep();
}

TEST("a new thread finds zero in the floating-point registers, a restarted one too")
{
    static const uint64_t zero[33];

    setup();
    flag = 1;
    memset(floats, 0x55, sizeof floats);
    floats[0][32] = 0x55;
    struct kit_thread *thread = start(LOW, hold_floats, 0);
    kit_settle();
    CHECK_EQ(count[0], 1);
    memset(floats_after, 0xff, sizeof floats_after);
    start(LOW, show_floats, 1);
    kit_settle();
    CHECK(memcmp(floats_after[1], zero, sizeof zero) == 0);
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    thread->start[0] = (uintptr_t)show_floats;
    kit_start(thread);
    kit_settle();
    CHECK_EQ(count[0], 2);
    CHECK(memcmp(floats_after[0], zero, sizeof zero) == 0);
}
