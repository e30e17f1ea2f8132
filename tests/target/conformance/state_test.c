/* Rules G: what a watcher sees of a faulter, and what a debugger or emulator does with its registers. */
#include <string.h>

#include "fault_world.h"

enum { PC = 0, SP = 2, A0 = 10, A1 = 11, WORDS = 32 };

void registers_call(uint64_t *registers);
void registers_load(uint64_t *registers);
extern char registers_call_ecall[], registers_load_load[];

static uint64_t *const buffer = (uint64_t *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA);
static uint64_t registers[64];

static void with_registers(uint64_t function)
{
    ((void (*)(uint64_t *))(uintptr_t)function)(registers);
    fw.progress++;
    kit_sleep();
}

static void fill_registers(void)
{
    for (unsigned n = 1; n < 32; n++)
        registers[n] = 0x6b00000000000000ull + n;
    registers[A0] = AREA;
}

static uint64_t state_of(const struct kit_thread *thread)
{
    return flr_tcb_state(thread->tcb).value & UINT32_MAX;
}

static uint32_t number_of(const struct kit_thread *thread)
{
    return FL_STATE_COUNT(flr_tcb_state(thread->tcb).value);
}

/* --- state ----------------------------------------------------------------------------------- */

TEST("G1: a thread whose fault waits is SENDING with FAULT")
{
    fault_setup();
    struct kit_thread *thread = fault_run(fault_read_word, AREA);
    kit_settle();
    CHECK_EQ(state_of(thread), FL_STATE_SENDING | FL_STATE_FAULT);
}

/* Never waits for anything once it has read: it is READY, whichever hart runs it. */
static void read_and_spin(uint64_t address)
{
    fw.value = *(volatile uint64_t *)(uintptr_t)address;
    for (;;)
        ;
}

TEST("G1: a thread whose fault was taken is AWAIT_REPLY with FAULT")
{
    fault_setup();
    struct kit_thread *thread = fault_run(read_and_spin, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_EQ(state_of(thread), FL_STATE_AWAIT_REPLY | FL_STATE_FAULT);
    CHECK_DONE(fault_answer_one(AREA, R, 1, fw.page));
    CHECK_EQ(state_of(thread), FL_STATE_READY);
}

static void call(uint64_t endpoint)
{
    fl_ipc_call(endpoint, FL_INFO(9, 0), 0, 0, 0, 0);
    kit_sleep();
}

TEST("G1: a thread that waits in a call has no FAULT")
{
    fault_setup();
    struct kit_thread *thread = fault_run(call, fw.endpoint);
    kit_settle();
    CHECK_EQ(state_of(thread), FL_STATE_SENDING);
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(state_of(thread), FL_STATE_AWAIT_REPLY);
}

static void check_stopped_in_fault(const struct kit_thread *thread)
{
    CHECK_EQ(state_of(thread), FL_STATE_STOPPED | FL_STATE_FAULT);
}

TEST("G2: a thread that faulted without a handler is STOPPED with FAULT")
{
    fault_setup();
    struct kit_thread *thread = kit_run(fw.space, 0, fault_read_word, AREA);
    kit_settle();
    check_stopped_in_fault(thread);
}

TEST("G2: a thread whose handler answered STOP is STOPPED with FAULT")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_DONE(fault_answer_info(STOP));
    check_stopped_in_fault(thread);
}

TEST("G2: a thread whose Reply was deleted is STOPPED with FAULT")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_EQ(kit_delete(fw.reply), FL_OK);
    check_stopped_in_fault(thread);
}

TEST("G2: a thread that was suspended in a fault is STOPPED with FAULT")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    check_stopped_in_fault(thread);
}

TEST("G2: a thread that was resumed and is suspended before it runs is STOPPED without FAULT")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    /* With several harts it may run at once, and then must not fault again. */
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, AREA, 1, R));
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    CHECK_EQ(state_of(thread), FL_STATE_STOPPED);
}

TEST("G2: a thread that was answered and is suspended before it runs is STOPPED without FAULT")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    CHECK_DONE(fault_answer_one(AREA, R, 1, fw.page));
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    CHECK_EQ(state_of(thread), FL_STATE_STOPPED);
}

/* --- age ------------------------------------------------------------------------------------- */

TEST("G3: a thread that never faulted has fault number 0")
{
    fault_setup();
    struct kit_thread *thread = kit_thread(fw.space, 0, KIT_PRIORITY, fault_read_word, AREA);
    CHECK_EQ(number_of(thread), 0);
}

TEST("G3: the fault that is outstanding longest has the lowest number")
{
    struct kit_thread *threads[3];

    fault_setup();
    for (unsigned i = 0; i < 3; i++) {
        threads[i] = fault_run(fault_read_word, AREA + i * PAGE);
        kit_settle();
    }
    CHECK(number_of(threads[0]) > 0);
    CHECK(number_of(threads[0]) < number_of(threads[1]));
    CHECK(number_of(threads[1]) < number_of(threads[2]));
}

TEST("G3: a fault keeps its number when it is taken")
{
    fault_setup();
    struct kit_thread *thread = fault_run(fault_read_word, AREA);
    kit_settle();
    uint32_t number = number_of(thread);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_run(fault_read_word, AREA + PAGE);
    kit_settle();
    CHECK_EQ(number_of(thread), number);
    fault_finish(AREA, R);
}

TEST("G3: a thread that faults again has a higher number")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    uint32_t number = number_of(thread);
    CHECK_DONE(fault_answer_info(RESUME(0)));
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK(number_of(thread) > number);
    fault_finish(AREA, R);
}

TEST("G4: a fault that nobody answers is still outstanding after a thousand others")
{
    fault_setup();
    struct kit_thread *thread = fault_reader(AREA);
    fw.reply = kit_object(FL_OBJECT_REPLY);
    fault_reader(AREA + PAGE);
    for (unsigned i = 0; i < 1000; i++) {
        CHECK_DONE(fault_answer_info(RESUME(0)));
        fault_expect(AREA + PAGE, FL_ACCESS_READ);
    }
    CHECK_EQ(state_of(thread), FL_STATE_AWAIT_REPLY | FL_STATE_FAULT);
    CHECK_EQ(fw.progress, 0);
}

/* --- registers ------------------------------------------------------------------------------- */

static struct kit_thread *stand_in_load(void)
{
    fault_setup();
    fill_registers();
    struct kit_thread *thread = fault_run(with_registers, (uintptr_t)registers_load);
    fault_expect(AREA, FL_ACCESS_READ);
    return thread;
}

TEST("G5: a faulter's registers read as they were at the fault")
{
    struct kit_thread *thread = stand_in_load();
    CHECK_DONE(flr_tcb_read_registers(thread->tcb, 0));
    CHECK_EQ(buffer[PC], (uintptr_t)registers_load_load);
    CHECK_EQ(buffer[SP], (uintptr_t)registers);
    for (unsigned n = 1; n < 32; n++)
        CHECK(n == SP || buffer[n] == registers[n]);
    fault_finish(AREA, R);
}

TEST("G5: reading the registers before the fault was taken shows the same")
{
    fault_setup();
    fill_registers();
    struct kit_thread *thread = fault_run(with_registers, (uintptr_t)registers_load);
    kit_settle();
    CHECK_DONE(flr_tcb_read_registers(thread->tcb, 0));
    for (unsigned n = 1; n < 32; n++)
        CHECK(n == SP || buffer[n] == registers[n]);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("G5: reading the registers changes none of them")
{
    struct kit_thread *thread = stand_in_load();
    CHECK_DONE(flr_tcb_read_registers(thread->tcb, 0));
    fault_finish(AREA, R);
    for (unsigned n = 1; n < 32; n++)
        CHECK(n == SP || registers[32 + n] == registers[n]);
}

TEST("G6: what is written to a faulter's registers is what it goes on with")
{
    struct kit_thread *thread = stand_in_load();
    CHECK_DONE(flr_tcb_read_registers(thread->tcb, 0));
    for (unsigned n = 1; n < 32; n++)
        buffer[n] = n == SP ? buffer[n] : 0x7000 + n;
    buffer[PC] += 4;
    CHECK_DONE(flr_tcb_write_registers(thread->tcb, 0));
    CHECK_DONE(fault_answer_info(RESUME(0)));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    for (unsigned n = 1; n < 32; n++)
        CHECK(n == SP || registers[32 + n] == 0x7000 + n);
}

TEST("G6: a handler skips the instruction that faulted")
{
    struct kit_thread *thread = stand_in_load();
    CHECK_DONE(flr_tcb_read_registers(thread->tcb, 0));
    buffer[PC] += 4;
    CHECK_DONE(flr_tcb_write_registers(thread->tcb, 0));
    CHECK_DONE(fault_answer_info(RESUME(0)));
    CHECK(fault_none_waits());
    CHECK_EQ(fw.progress, 1);
}

TEST("G6: a handler gives an unknown call its result and steps over the ecall")
{
    fault_setup();
    fill_registers();
    registers[17] = UINT64_MAX;
    struct kit_thread *thread = fault_run(with_registers, (uintptr_t)registers_call);
    fault_take(FL_INFO(FL_LABEL_UNKNOWN_SYSCALL, 4));
    CHECK_DONE(flr_tcb_read_registers(thread->tcb, 0));
    CHECK_EQ(buffer[PC], (uintptr_t)registers_call_ecall);
    buffer[PC] += 4;
    buffer[A0] = 4711;
    CHECK_DONE(flr_tcb_write_registers(thread->tcb, 0));
    CHECK_DONE(fault_answer_info(RESUME(0)));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(registers[32 + A0], 4711);
    CHECK_EQ(registers[32 + A1], registers[A1]);
}

TEST("G6: a faulter that is sent elsewhere faults there")
{
    struct kit_thread *thread = stand_in_load();
    CHECK_DONE(flr_tcb_read_registers(thread->tcb, 0));
    buffer[PC] = AREA + 40 * PAGE;
    CHECK_DONE(flr_tcb_write_registers(thread->tcb, 0));
    CHECK_DONE(fault_answer_info(RESUME(0)));
    fault_expect(AREA + 40 * PAGE, FL_ACCESS_EXEC);
    CHECK_DONE(fault_answer_info(STOP));
}

TEST("G7: registers of a thread that waits in a call cannot be read or written")
{
    fault_setup();
    struct kit_thread *thread = fault_run(call, fw.endpoint);
    kit_settle();
    CHECK_REFUSED(flr_tcb_read_registers(thread->tcb, 0), BUSY, 1);
    CHECK_REFUSED(flr_tcb_write_registers(thread->tcb, 0), BUSY, 1);
}

TEST("G7: registers of a thread whose fault was answered cannot be read or written")
{
    struct kit_thread *thread = stand_in_load();
    /* ACCESSED, so that the entry stays the same when another hart runs the thread meanwhile. */
    CHECK_DONE(fault_answer_one(AREA, R | FL_MAP_ACCESSED, 1, fw.page));
    CHECK_REFUSED(flr_tcb_read_registers(thread->tcb, 0), BUSY, 1);
    CHECK_REFUSED(flr_tcb_write_registers(thread->tcb, 0), BUSY, 1);
}

TEST("G7: registers of a thread that was stopped in its fault can be read")
{
    struct kit_thread *thread = stand_in_load();
    CHECK_DONE(fault_answer_info(STOP));
    CHECK_DONE(flr_tcb_read_registers(thread->tcb, 0));
    CHECK_EQ(buffer[PC], (uintptr_t)registers_load_load);
    CHECK_EQ(buffer[A0], AREA);
}
