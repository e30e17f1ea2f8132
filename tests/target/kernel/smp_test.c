/* Several harts: threads really run at the same time, and what is asked of one that runs elsewhere holds when
 * the call returns.  A thread that is started while the root task runs is run by another hart, which keeps it. */
#include "fl_calls.h"
#include "refusal.h"

#define RAM        FL_BOOT_RAM
#define CNODE      FL_BOOT_CNODE
#define PAGE       ((uint64_t)FL_PAGE_BYTES)
#define RW         (FL_RIGHT_READ | FL_RIGHT_WRITE)
#define HARTS      8u
#define LOW        10u
#define PAGES      16u
#define ROUNDS     50u
#define TURNS      20u
#define WAKES      20u
#define WAKE_STEPS 100000000u /* a second's work */
#define SPACES     6u         /* more than ASIDs of two bits */
#define STOPPED    FL_STATE_STOPPED

static uint64_t pool, space, endpoint, reply;
static volatile uint64_t count[HARTS], done, first_word, second_word;

static uint64_t harts(void)
{
    return kit_counter(FL_COUNTER_HARTS);
}

static void setup(uint64_t harts_needed)
{
    if (harts() < harts_needed)
        SKIP("the machine has too few harts");
    refusal_begin();
    pool = kit_pool(60);
    space = kit_space(pool);
    endpoint = kit_object(FL_OBJECT_ENDPOINT);
    reply = kit_object(FL_OBJECT_REPLY);
    for (unsigned i = 0; i < HARTS; i++)
        count[i] = 0;
    done = first_word = second_word = 0;
}

static void spin(uint64_t i)
{
    for (;;)
        count[i]++;
}

/* Waits until others have raised the value so far. */
static void wait_for(const volatile uint64_t *value, uint64_t least)
{
    uint64_t end = kit_deadline();

    while (*value < least) {
        CHECK(fl_rdtime() < end);
        kit_nap();
    }
}

/* Waits until the thread has run. */
static void wait_for_count(uint64_t i)
{
    wait_for(&count[i], count[i] + 1);
}

/* Whether the thread stands still: others had time to run it. */
static bool stands_still(uint64_t i)
{
    uint64_t before = count[i];

    kit_nap();
    return count[i] == before;
}

static struct kit_thread *start_spinner(void)
{
    struct kit_thread *thread = kit_run(space, 0, spin, 0);

    wait_for_count(0);
    return thread;
}

/* --- at the same time ------------------------------------------------------------------------ */

static void wait_for_second(uint64_t rounds)
{
    for (uint64_t i = 1; i <= rounds; i++) {
        first_word = i;
        while (second_word != i)
            ;
    }
    kit_sleep();
}

static void follow_first(uint64_t rounds)
{
    for (uint64_t i = 1; i <= rounds; i++) {
        while (first_word != i)
            ;
        second_word = i;
    }
    kit_sleep();
}

TEST("a thread that spins for one of lower priority does not keep it from running")
{
    setup(2);
    kit_start(kit_thread(space, 0, LOW + 1, wait_for_second, TURNS));
    kit_start(kit_thread(space, 0, LOW, follow_first, TURNS));
    wait_for(&second_word, TURNS);
}

TEST("a thread that goes on is given to a hart that sleeps, which wakes though nobody enters the "
     "kernel any more")
{
    setup(2);
    struct kit_thread *thread = start_spinner();
    for (unsigned i = 0; i < WAKES; i++) {
        CHECK_DONE(flr_tcb_suspend(thread->tcb));
        kit_nap(); /* the others fall asleep */
        CHECK_DONE(flr_tcb_resume(thread->tcb));
        uint64_t before = count[0];
        for (uint64_t steps = 0; count[0] == before; steps++)
            CHECK(steps < WAKE_STEPS);
    }
}

static void enter_often(uint64_t i)
{
    for (;;) {
        flr_notification_poll(endpoint);   /* of another type: refused at once */
        for (unsigned n = 0; n < 100; n++) /* most of the time out of the kernel */
            count[i]++;
    }
}

TEST("each hart runs user code while another one is in the kernel, and none sleeps beside work")
{
    setup(2);
    for (uint64_t i = 0; i < harts(); i++)
        kit_run(space, 0, enter_often, i);
    uint64_t end = kit_deadline();
    while (kit_counter(FL_COUNTER_PARALLEL_HARTS) < harts() && fl_rdtime() < end)
        kit_nap();
    CHECK_EQ(kit_counter(FL_COUNTER_PARALLEL_HARTS), harts());
    for (uint64_t i = 0; i < harts(); i++)
        wait_for_count(i);
    CHECK_EQ(kit_counter(FL_COUNTER_IDLE_BESIDE_WORK), 0);
    harness_note("%lu harts ran user code", harts());
    CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
}

TEST("threads of one priority get turns, however many more than harts they are")
{
    setup(2);
    for (uint64_t i = 0; i < HARTS; i++)
        kit_start(kit_thread(space, 0, LOW, spin, i));
    for (uint64_t i = 0; i < HARTS; i++)
        wait_for_count(i);
    CHECK_EQ(kit_counter(FL_COUNTER_IDLE_BESIDE_WORK), 0);
}

static void spin_low(uint64_t unused)
{
    (void)unused;
    for (;;)
        first_word++;
}

TEST("a thread does not run while there are as many of higher priority as harts")
{
    setup(2);
    for (uint64_t i = 0; i < harts(); i++)
        kit_start(kit_thread(space, 0, LOW + 1, spin, i));
    for (uint64_t i = 0; i < harts(); i++)
        wait_for_count(i);
    kit_start(kit_thread(space, 0, LOW, spin_low, 0));
    for (uint64_t i = 0; i < harts(); i++)
        wait_for_count(i);
    CHECK_EQ(first_word, 0);
}

static struct kit_thread *to_start[HARTS];

/* Starts one for each hart but its own while the root task sleeps, and its own runs the last. */
static void start_the_others(uint64_t threads)
{
    while (FL_STATE(flr_tcb_state(FL_BOOT_TCB).value) == FL_STATE_READY)
        ;
    for (uint64_t i = 0; i < threads; i++)
        kit_start(to_start[i]);
    kit_sleep();
}

TEST("a thread that is interrupted goes on where one of lower priority ran")
{
    setup(2);
    uint64_t last = harts() - 1;
    for (uint64_t i = 0; i <= last; i++)
        to_start[i] = kit_thread(space, 0, i < last ? LOW + 1 : LOW, spin, i);
    kit_start(kit_thread(space, 0, LOW + 2, start_the_others, last + 1));
    kit_nap_ticks(kit_boot_info()->timebase_hz / 20);
    for (uint64_t i = 0; i < last; i++) {
        uint64_t before = count[i], end = kit_deadline();

        while (count[i] == before && fl_rdtime() < end)
            CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
        CHECK(count[i] != before);
    }
}

static void wait_for_bell(uint64_t bell)
{
    flr_notification_wait(bell);
    kit_sleep();
}

static void ring_when_served(uint64_t bell)
{
    while (first_word == 0)
        ;
    flr_notification_signal(bell);
    second_word = 1;
    for (;;)
        ;
}

static void answer_when_rung(uint64_t unused)
{
    struct fl_message message;

    (void)unused;
    fl_ipc_recv(endpoint, reply, &message);
    first_word = 1;
    while (second_word == 0)
        ;
    fl_ipc_reply_recv(endpoint, reply, &message);
}

static void call_and_check(uint64_t unused)
{
    (void)unused;
    fl_ipc_call(endpoint, FL_INFO(1, 0), 0, 0, 0, 0);
    count[0] = flr_system_check(FL_BOOT_SYSTEM).value;
    done = 1;
    kit_sleep();
}

TEST("a thread that waits at another hart goes before a caller of lower priority that was answered")
{
    setup(2);
    uint64_t bell = kit_object(FL_OBJECT_NOTIFICATION);
    kit_start(kit_thread(space, 0, LOW + 2, answer_when_rung, 0));
    kit_start(kit_thread(space, 0, LOW + 1, wait_for_bell, bell));
    kit_settle();
    kit_start(kit_thread(space, 0, LOW + 3, ring_when_served, bell));
    for (uint64_t i = 2; i < harts(); i++)
        kit_start(kit_thread(space, 0, LOW + 3, spin, i));
    kit_start(kit_thread(space, 0, LOW, call_and_check, 0));
    wait_for(&done, 1);
    CHECK_EQ(count[0], 0);
}

/* --- faults ---------------------------------------------------------------------------------- */

static uint64_t memory;

static void write_pages(uint64_t i)
{
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (uint64_t page = 0; page < PAGES; page++) {
            volatile uint64_t *word = (volatile uint64_t *)(KIT_AREA + page * PAGE);

            count[i] += *word != (round == 0 ? 0 : i + round - 1);
            *word = i + round;
        }
    }
    __atomic_fetch_add(&done, 1, __ATOMIC_RELAXED);
    kit_sleep();
}

/* Answers each fault with the page that badge and address name. */
static void answer_faults(uint64_t unused)
{
    struct fl_message message;

    (void)unused;
    fl_ipc_recv(endpoint, reply, &message);
    for (;;) {
        uint64_t page = (message.word[0] - KIT_AREA) / PAGE + (message.badge - 1) * PAGES;

        message.info = FL_INFO_ITEMS(FL_LABEL_RESUME, 0, 1);
        message.word[0] = FL_ITEM_ADDRESS(message.word[0] & ~(PAGE - 1), RW);
        message.word[1] = FL_ITEM_SOURCE(RAM, 1);
        message.word[2] = memory + page;
        fl_ipc_reply_recv(endpoint, reply, &message);
    }
}

/* Threads in spaces of their own write the same addresses, and one handler maps each its own pages. */
static void fault_in_many(uint64_t threads)
{
    uint64_t spaces[SPACES];

    memory = kit_frames(threads * PAGES);
    for (uint64_t i = 0; i < threads * PAGES; i++)
        *(volatile uint64_t *)kit_window(memory + i) = 0;
    kit_start(kit_thread(space, 0, LOW + 1, answer_faults, 0));
    for (uint64_t i = 0; i < threads; i++) {
        spaces[i] = kit_space(kit_pool(12));
        kit_start(
            kit_thread(spaces[i], kit_copy(endpoint, FL_RIGHTS_ALL, i + 1), LOW, write_pages, i));
    }
    wait_for(&done, threads);
    for (uint64_t i = 0; i < threads; i++)
        CHECK_EQ(count[i], 0);
    CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
}

TEST("faults of four threads at once are answered, each with its own pages")
{
    setup(2);
    fault_in_many(4);
}

/* --- a thread that another hart runs ----------------------------------------------------------- */

TEST("a thread that another hart runs is stopped when the call returns, and goes on when resumed")
{
    setup(2);
    struct kit_thread *thread = start_spinner();
    for (unsigned i = 0; i < 20; i++) {
        CHECK_DONE(flr_tcb_suspend(thread->tcb));
        uint64_t now = count[0];
        CHECK_EQ(FL_STATE(flr_tcb_state(thread->tcb).value), STOPPED);
        CHECK(stands_still(0));
        CHECK_EQ(count[0], now);
        CHECK_DONE(flr_tcb_resume(thread->tcb));
        wait_for_count(0);
    }
    CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
}

/* --- yield with nobody to yield to ------------------------------------------------------------- */

#define YIELDS 1000u

TEST("who yields and finds nobody rests, so that it does not take the kernel from other harts")
{
    setup(2);
    unsigned short_ones = 0;
    for (unsigned i = 0; i < YIELDS; i++) {
        uint64_t start = fl_rdtime();
        CHECK_DONE(flr_thread_yield(0));
        short_ones += (fl_rdtime() - start) * 100000 < kit_boot_info()->timebase_hz; /* 10 us */
    }
    harness_note("%u of %u were short", short_ones, YIELDS); /* an interrupt ends a rest */
    CHECK(short_ones < YIELDS / 4);
}

static void yield_often(uint64_t i)
{
    for (;;) {
        done += flr_thread_yield(1).status == FL_OK; /* the results differ: none is another's */
        done += flr_thread_yield(0).status != FL_OK;
        count[i]++;
    }
}

TEST("a thread that rests in a yield is stopped, and its yield is done when it goes on")
{
    setup(2);
    struct kit_thread *thread = kit_run(space, 0, yield_often, 0);
    for (unsigned i = 0; i < TURNS; i++) {
        wait_for_count(0);
        CHECK_DONE(flr_tcb_suspend(thread->tcb));
        CHECK(stands_still(0));
        CHECK_DONE(flr_tcb_resume(thread->tcb));
    }
    CHECK_EQ(done, 0);
    CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
}

TEST("a thread that another hart runs is deleted, and its place can be used anew at once")
{
    setup(2);
    struct kit_thread *thread = start_spinner();
    for (unsigned i = 0; i < 10; i++) {
        CHECK_EQ(kit_delete(thread->tcb), FL_OK);
        CHECK(stands_still(0));
        CHECK_DONE(flr_memory_retype(RAM, kit_frames(1), FL_OBJECT_TCB, 1, CNODE, thread->tcb));
        kit_equip(thread);
        kit_start(thread);
        wait_for_count(0);
    }
}

TEST(
    "the space of a thread that another hart runs is revoked: it stops, and no hart has the tables")
{
    setup(2);
    for (unsigned i = 0; i < 10; i++) {
        struct kit_thread *thread = start_spinner();
        struct fl_result result = {FL_OK, 0};

        do {
            result = flr_cnode_revoke(CNODE, space, result.value);
        } while (FL_STATUS_CODE(result.status) == FL_MORE);
        CHECK_DONE(result);
        CHECK_EQ(FL_STATE(flr_tcb_state(thread->tcb).value), STOPPED);
        CHECK(stands_still(0));
        CHECK_EQ(kit_delete(space), FL_OK);
        CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
        space = kit_space(pool);
    }
}

TEST("a thread that another hart runs gets another priority there")
{
    setup(2);
    struct kit_thread *thread = start_spinner();
    for (unsigned i = 0; i < 20; i++) {
        CHECK_DONE(flr_tcb_set_priority(thread->tcb, FL_BOOT_SCHED, LOW + i));
        wait_for_count(0);
    }
    CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
}

/* --- pages that another hart uses -------------------------------------------------------------- */

static void write_page(uint64_t unused)
{
    (void)unused;
    for (;;) {
        ++*(volatile uint64_t *)KIT_AREA;
        count[0]++;
    }
}

/* Starts a thread that writes to a page over and over; returns what it writes. */
static volatile uint64_t *start_writer(uint64_t *page)
{
    *page = kit_frames(2);
    volatile uint64_t *window = kit_window(*page);
    window[0] = 0;
    CHECK_DONE(flr_vspace_map(space, RAM, *page, KIT_AREA, 1, RW));
    kit_run(space, kit_copy(endpoint, FL_RIGHTS_ALL, 1), write_page, 0);
    wait_for_count(0);
    return window;
}

static void check_no_more_writes(volatile uint64_t *window)
{
    uint64_t now = window[0];
    struct fl_message message;

    fl_ipc_recv(endpoint, reply, &message); /* its next access has faulted */
    CHECK_EQ(FL_INFO_LABEL(message.info), FL_LABEL_PAGE_FAULT);
    CHECK_EQ(message.word[0], KIT_AREA);
    CHECK_EQ(window[0], now);
    CHECK_DONE(flr_ipc_reply(reply, FL_INFO(FL_LABEL_STOP, 0), 0, 0, 0, 0));
}

TEST("a page that another hart writes to is out of its reach when unmap returns")
{
    for (unsigned i = 0; i < 10; i++) {
        uint64_t page;

        setup(2);
        volatile uint64_t *window = start_writer(&page);
        CHECK_DONE(flr_vspace_unmap(space, KIT_AREA, 1));
        check_no_more_writes(window);
    }
}

TEST("a page that another hart writes to is read-only when protect returns")
{
    for (unsigned i = 0; i < 10; i++) {
        uint64_t page;

        setup(2);
        volatile uint64_t *window = start_writer(&page);
        CHECK_DONE(flr_vspace_protect(space, KIT_AREA, 1, FL_RIGHT_READ));
        check_no_more_writes(window);
    }
}

TEST("a page that another hart writes to is replaced: the old one gets no more writes, the new one "
     "does")
{
    uint64_t page;

    setup(2);
    volatile uint64_t *window = start_writer(&page), *other = kit_window(page + 1);
    other[0] = 0;
    CHECK_DONE(flr_vspace_map(space, RAM, page + 1, KIT_AREA, 1, RW | FL_MAP_REPLACE));
    uint64_t now = window[0];
    wait_for_count(0);
    wait_for_count(0);
    CHECK_EQ(window[0], now);
    CHECK(other[0] > 0);
}

/* --- floating point ---------------------------------------------------------------------------- */

void floats_exchange(const uint64_t *in, uint64_t *out, const volatile uint64_t *flag);

enum { FLOATS = 33 }; /* f0..f31, fcsr */
static uint64_t floats_in[HARTS][FLOATS], floats_out[HARTS][FLOATS];
static volatile uint64_t flag;

static void fill_floats(uint64_t i)
{
    for (unsigned n = 0; n < FLOATS - 1; n++)
        floats_in[i][n] = 0x4000000000000000ull + i * 1000 + n;
}

/* Faults with its floating-point registers loaded. */
static void fault_with_floats(uint64_t i)
{
    floats_exchange(floats_in[i], floats_out[i], (const volatile uint64_t *)KIT_AREA);
}

TEST("floating-point registers of a thread that waits on another hart can be read")
{
    const uint64_t *words = (const uint64_t *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA);

    setup(2);
    fill_floats(0);
    struct kit_thread *thread =
        kit_run(space, kit_copy(endpoint, FL_RIGHTS_ALL, 1), fault_with_floats, 0);
    uint64_t end = kit_deadline();
    while (FL_STATE(flr_tcb_state(thread->tcb).value) == FL_STATE_READY)
        CHECK(fl_rdtime() < end); /* nothing else may run on its hart, nor may it run on ours */
    CHECK_DONE(flr_tcb_read_registers(thread->tcb, 1));
    for (unsigned n = 0; n < FLOATS; n++)
        CHECK_EQ(words[n], floats_in[0][n]);
}

static void hold_floats(uint64_t i)
{
    floats_exchange(floats_in[i], floats_out[i], &flag);
    kit_sleep();
}

TEST("floating-point registers follow threads that are stopped and run on, on whichever hart")
{
    struct kit_thread *thread[HARTS];
    const unsigned threads = 6;

    setup(2);
    flag = 0;
    for (unsigned i = 0; i < threads; i++) {
        fill_floats(i);
        thread[i] = kit_run(space, 0, hold_floats, i);
    }
    for (unsigned round = 0; round < 4; round++) {
        kit_nap();
        for (unsigned i = 0; i < threads; i++)
            CHECK_DONE(flr_tcb_suspend(thread[(i + round) % threads]->tcb));
        for (unsigned i = 0; i < threads; i++)
            CHECK_DONE(flr_tcb_resume(thread[i]->tcb));
    }
    flag = 1;
    kit_settle();
    for (unsigned i = 0; i < threads; i++) {
        for (unsigned n = 0; n < FLOATS; n++)
            CHECK_EQ(floats_out[i][n], floats_in[i][n]);
    }
    CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
}
