/* Several harts: what is done to a thread while another hart runs it, faults whose handler runs elsewhere, and
 * interrupts, which one hart takes for all. */
#include <string.h>

#include "upcall_world.h"

#define HARTS     8u
#define CAUGHT    20u /* threads stopped where they wait for the kernel */
#define ROUNDS    30u
#define PATTERN   0x7171000000000000ull
#define ALARM_BIT 0x40ull
#define TIME_UP   (1ull << 63) /* what a wait ends with that no interrupt ends */

enum { PC = 0, WORDS = 32, FLOATS = 33 };

static uint64_t *const buffer = (uint64_t *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA);
static volatile uint64_t rounds[HARTS], wrong, one = 1;

static void setup(void)
{
    if (kit_alone())
        SKIP("the machine has one hart");
    fault_setup();
    memset((uint64_t *)rounds, 0, sizeof rounds);
    wrong = 0;
}

/* Waits until the thread has gone round, on another hart; not by sleeping, so that this one keeps its own. */
static void wait_for_round(uint64_t i)
{
    uint64_t before = rounds[i], end = kit_deadline();

    while (rounds[i] == before)
        CHECK(fl_rdtime() < end);
}

/* Lets lower threads run until one says that it has come so far. */
static void wait_for_progress(uint64_t least)
{
    uint64_t end = kit_deadline();

    while (fw.progress < least) {
        CHECK(fl_rdtime() < end);
        kit_nap();
    }
}

static uint64_t read_pc(const struct kit_thread *thread)
{
    CHECK_DONE(flr_tcb_read_registers(thread->tcb, 0));
    return buffer[PC];
}

/* --- calls ----------------------------------------------------------------------------------- */

/* Moves a capability there and back: a call that was made twice, or not at all, makes the next one fail. */
static void move_there_and_back(uint64_t slot)
{
    for (;;) {
        wrong += flr_cnode_move(CNODE, slot + 1, CNODE, slot).status != FL_OK;
        wrong += flr_cnode_move(CNODE, slot, CNODE, slot + 1).status != FL_OK;
        rounds[0]++;
    }
}

/* Whether a stopped thread's next instruction is a call: it was made, found the kernel busy and has not begun.  Where
 * a thread is interrupted that runs, is before or behind it: an emulator stops nowhere else. */
static bool will_call(const struct kit_thread *thread)
{
    const uint16_t *code = (const uint16_t *)(uintptr_t)read_pc(thread);

    return code[0] == 0x73 && code[1] == 0; /* ecall */
}

TEST("a call whose thread is stopped while it waits for the kernel is made once, when the thread "
     "runs on")
{
    setup();
    uint64_t slots = kit_slots(2);
    CHECK_DONE(flr_cnode_copy(CNODE, slots, CNODE, fw.endpoint, ALL, 0));
    struct kit_thread *thread = fault_run(move_there_and_back, slots);
    uint64_t end = kit_deadline();
    for (unsigned caught = 0; caught < CAUGHT && wrong == 0;) {
        CHECK(fl_rdtime() < end);
        wait_for_round(0);
        CHECK_DONE(flr_tcb_suspend(thread->tcb));
        caught += will_call(thread);
        CHECK_DONE(flr_tcb_resume(thread->tcb));
    }
    wait_for_round(0);
    CHECK_EQ(wrong, 0);
}

static void call_in_a_cspace(uint64_t slot)
{
    for (;;) {
        wrong += flr_notification_signal(slot).status != FL_OK;
        rounds[0]++;
    }
}

TEST("the CSpace of a thread that another hart runs is revoked: it stops, and runs on with another")
{
    setup();
    uint64_t bell = kit_object(FL_OBJECT_NOTIFICATION), slot = 1;
    CHECK_DONE(flr_cnode_copy(CNODE, slot = kit_slots(1), CNODE, bell, ALL, 0));
    struct kit_thread *thread = kit_thread(fw.space, 0, KIT_PRIORITY, call_in_a_cspace, slot);
    kit_start(thread);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t table = kit_object(FL_OBJECT_CNODE);
        struct fl_result result = {FL_OK, 0};

        wait_for_round(0);
        CHECK_DONE(flr_tcb_suspend(thread->tcb));
        CHECK_DONE(flr_cnode_copy(table, slot, CNODE, bell, ALL, 0));
        CHECK_DONE(flr_tcb_set_cspace(thread->tcb, table));
        CHECK_DONE(flr_tcb_resume(thread->tcb));
        wait_for_round(0);
        CHECK_EQ(kit_delete(table), FL_STATUS(FL_BUSY, 2));
        do {
            result = flr_cnode_revoke(CNODE, table, result.value);
        } while (FL_STATUS_CODE(result.status) == FL_MORE);
        CHECK_DONE(result);
        CHECK_EQ(upcall_state(thread), FL_STATE_STOPPED);
        CHECK_EQ(flr_tcb_resume(thread->tcb).status, FL_STATUS(FL_NOT_READY, 1));
        CHECK_EQ(kit_delete(table), FL_OK);
        CHECK_DONE(flr_tcb_set_cspace(thread->tcb, CNODE));
        CHECK_DONE(flr_tcb_resume(thread->tcb));
    }
    CHECK_EQ(wrong, 0);
    CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
}

/* --- registers and upcalls ------------------------------------------------------------------- */

static struct kit_thread *start_to_spin(void)
{
    upcall_fill_to_spin();
    return upcall_run(upcall_with_registers, (uintptr_t)registers_spin);
}

/* Waits until the thread is in its loop, and leaves it stopped there. */
static void stop_in_loop(const struct kit_thread *thread)
{
    for (uint64_t end = kit_deadline();;) {
        CHECK(fl_rdtime() < end);
        CHECK_DONE(flr_tcb_suspend(thread->tcb));
        uint64_t pc = read_pc(thread);
        if (pc >= (uintptr_t)registers_spin && pc < UPCALL_PROBE && buffer[A7] == uw.registers[A7])
            return;
        CHECK_DONE(flr_tcb_resume(thread->tcb));
    }
}

static void end_loop(void)
{
    uw.flag = 1;
    wait_for_progress(1);
}

TEST("a thread that another hart runs takes upcalls one after another, and keeps its registers")
{
    setup();
    struct kit_thread *thread = start_to_spin();
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        volatile uint64_t *stored = &uw.registers[64];

        stop_in_loop(thread);
        uw.area->busy = 0;
        stored[31] = 1; /* the last that the entry stores; it finds 0 there */
        CHECK_DONE(flr_tcb_resume(thread->tcb));
        CHECK_DONE(flr_tcb_upcall(thread->tcb, i, i + 1, i + 2));
        for (uint64_t end = kit_deadline(); stored[31] != 0;)
            CHECK(fl_rdtime() < end);
        for (uint64_t n = 0; n < 3; n++)
            CHECK_EQ(stored[A0 + 1 + n], i + n);
    }
    end_loop();
    upcall_check_spun();
}

TEST("registers of a thread that another hart runs can be neither read nor written, and when it is "
     "stopped all are there")
{
    setup();
    struct kit_thread *thread = start_to_spin();
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        CHECK_EQ(flr_tcb_read_registers(thread->tcb, 0).status, FL_STATUS(FL_BUSY, 1));
        CHECK_EQ(flr_tcb_write_registers(thread->tcb, 0).status, FL_STATUS(FL_BUSY, 1));
        stop_in_loop(thread);
        for (unsigned n = 1; n < WORDS; n++) {
            if (n == SP || n == T0 || n == T1)
                continue;
            CHECK_EQ(buffer[n], uw.registers[n]);
            uw.registers[n] = buffer[n] = PATTERN + i * 100 + n;
        }
        CHECK_DONE(flr_tcb_write_registers(thread->tcb, 0));
        CHECK_DONE(flr_tcb_resume(thread->tcb));
    }
    end_loop();
    upcall_check_spun();
}

/* --- faults ---------------------------------------------------------------------------------- */

static void answer_fault(const struct fl_message *message)
{
    uint64_t address = message->word[0] & ~(PAGE - 1);

    wrong += fault_answer_one(address, RW, 1, fw.page + (address - AREA) / PAGE).status != FL_OK;
    rounds[0]++;
}

/* Never waits, so it keeps its hart, and faulters fault on others. */
static void poll_for_faults(uint64_t unused)
{
    struct fl_message message;

    (void)unused;
    for (;;) {
        fl_ipc_poll(fw.endpoint, fw.reply, &message);
        if (message.status == FL_OK)
            answer_fault(&message);
    }
}

static void write_pages(uint64_t pages)
{
    for (uint64_t i = 0; i < pages; i++)
        *(volatile uint64_t *)(uintptr_t)(AREA + i * PAGE) = i;
    fw.progress++;
    kit_sleep();
}

TEST("a handler that runs on another hart all the time answers faults, each once")
{
    setup();
    kit_run(kit_space(fw.pool), 0, poll_for_faults, 0);
    uint64_t faults = kit_counter(FL_COUNTER_PAGE_FAULTS);
    fault_run(write_pages, 60);
    wait_for_progress(1);
    for (uint64_t end = kit_deadline();
         rounds[0] < 60;) /* the handler counts when it has answered */
        CHECK(fl_rdtime() < end);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(rounds[0], 60);
    CHECK_EQ(kit_counter(FL_COUNTER_PAGE_FAULTS), faults + 60);
    for (uint64_t i = 0; i < 60; i++)
        CHECK_EQ(*(volatile uint64_t *)kit_window(fw.page + i), i);
}

void floats_exchange(const uint64_t *in, uint64_t *out, const volatile uint64_t *flag);
void floats_store(uint64_t *out);

#define FAULTERS      3u
#define FAULTER_PAGES 12u
static uint64_t floats_in[FAULTERS + 1][FLOATS], floats_out[FLOATS];

/* Its floating-point registers are in the hart where it ran first. */
static void answer_with_floats(uint64_t faults)
{
    struct fl_message message;

    floats_exchange(floats_in[FAULTERS], floats_out, &one);
    fw.progress++;
    for (uint64_t i = 0; i < faults; i++) {
        fl_ipc_recv(fw.endpoint, fw.reply, &message);
        answer_fault(&message);
    }
    floats_store(floats_out);
    fw.progress++;
    kit_sleep();
}

/* Stores the floating-point registers to pages that are not there. */
static void store_floats(uint64_t i)
{
    for (uint64_t page = i * FAULTER_PAGES; page < (i + 1) * FAULTER_PAGES; page++)
        floats_exchange(floats_in[i], (uint64_t *)(uintptr_t)(AREA + page * PAGE), &one);
    fw.progress++;
    kit_sleep();
}

TEST("handler and faulters whose floating-point registers are in different harts keep them")
{
    setup();
    for (uint64_t i = 0; i <= FAULTERS; i++) {
        for (uint64_t n = 0; n < FLOATS - 1; n++)
            floats_in[i][n] = 0x4000000000000000ull + i * 1000 + n;
    }
    kit_run(kit_space(fw.pool), 0, answer_with_floats, FAULTERS * FAULTER_PAGES);
    wait_for_progress(1);
    for (uint64_t i = 0; i < FAULTERS; i++)
        fault_run(store_floats, i);
    wait_for_progress(FAULTERS + 2);
    CHECK_EQ(wrong, 0);
    CHECK(memcmp(floats_out, floats_in[FAULTERS], sizeof floats_out) == 0);
    for (uint64_t page = 0; page < FAULTERS * FAULTER_PAGES; page++)
        CHECK(memcmp(kit_window(fw.page + page), floats_in[page / FAULTER_PAGES], FLOATS * 8) == 0);
}

/* --- interrupts ------------------------------------------------------------------------------ */

/* Goldfish clock, in words: nanoseconds. */
enum { CLOCK_LOW, CLOCK_HIGH, ALARM_LOW, ALARM_HIGH, ALARM_ENABLED, ALARM_CLEAR = 7 };

static volatile uint32_t *clock_registers;
static uint64_t alarm_bell, alarm_limit, alarm_source;

static void setup_clock(void)
{
    const struct fl_boot_device *clock = kit_find_device("google,goldfish-rtc");

    setup();
    if (clock == NULL)
        SKIP("this machine has no goldfish-rtc");
    clock_registers = kit_device_window(clock);
    alarm_bell = kit_object(FL_OBJECT_NOTIFICATION);
    alarm_limit = kit_object(FL_OBJECT_TIMER);
    alarm_source = kit_object(FL_OBJECT_IRQ_HANDLER);
    CHECK_DONE(flr_timer_bind(alarm_limit, kit_copy(alarm_bell, ALL, TIME_UP)));
    CHECK_DONE(flr_system_irq(FL_BOOT_SYSTEM, clock->interrupt, alarm_source));
    CHECK_DONE(flr_irq_bind(alarm_source, kit_copy(alarm_bell, ALL, ALARM_BIT)));
}

/* Sleeps until the clock's alarm, over and over: it must come each time. */
static void sleep_for_alarms(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t before = kit_counter(FL_COUNTER_INTERRUPTS);
        uint64_t now = clock_registers[CLOCK_LOW];
        now |= (uint64_t)clock_registers[CLOCK_HIGH] << 32;
        uint64_t alarm = now + 1000000; /* a millisecond */

        CHECK_DONE(flr_timer_set(alarm_limit, fl_rdtime() + 10 * kit_boot_info()->timebase_hz));
        clock_registers[ALARM_ENABLED] = 1;
        clock_registers[ALARM_HIGH] = (uint32_t)(alarm >> 32);
        clock_registers[ALARM_LOW] = (uint32_t)alarm;
        CHECK_EQ(flr_notification_wait(alarm_bell).value, ALARM_BIT);
        CHECK_EQ(kit_counter(FL_COUNTER_INTERRUPTS), before + 1);
        clock_registers[ALARM_CLEAR] = 1;
        clock_registers[ALARM_ENABLED] = 0;
        CHECK_DONE(flr_irq_ack(alarm_source));
    }
}

TEST("an interrupt wakes a thread when every hart sleeps")
{
    setup_clock();
    sleep_for_alarms();
}

static void spin(uint64_t i)
{
    for (;;)
        rounds[i]++;
}

static void enter_often(uint64_t i)
{
    for (;;) {
        flr_notification_poll(fw.endpoint); /* of another type: refused at once */
        rounds[i]++;
    }
}

static void sleep_beside(void (*function)(uint64_t))
{
    uint64_t harts = kit_counter(FL_COUNTER_HARTS);

    setup_clock();
    for (uint64_t i = 0; i < harts; i++)
        fault_run(function, i);
    sleep_for_alarms();
    for (uint64_t i = 0; i < harts; i++) {
        uint64_t before = rounds[i], end = kit_deadline();

        for (; rounds[i] == before; kit_nap())
            CHECK(fl_rdtime() < end);
    }
}

TEST("an interrupt wakes a thread when every hart runs a program")
{
    sleep_beside(spin);
}

TEST("an interrupt wakes a thread when every hart is in the kernel, or waits for it")
{
    sleep_beside(enter_often);
}
