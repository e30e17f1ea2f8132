/* What a debugger does with threads: reads and writes their registers, sets breakpoints, looks what
 * they wait for; and an emulator of calls. */
#include <string.h>

#include "fault_world.h"

#define EBREAK  0x00100073u
#define PATTERN 0x7e7e000000000000ull
#define UNKNOWN FL_CALL_COUNT

enum { PC = 0, SP = 2, T0 = 5, A0 = 10, A1 = 11, A7 = 17, WORDS = 32, FLOATS = 33, FCSR = 32 };

void registers_call(uint64_t *registers);
void registers_load(uint64_t *registers);
void floats_exchange(const uint64_t *in, uint64_t *out, const volatile uint64_t *flag);
void floats_store(uint64_t *out);
extern char registers_call_ecall[], registers_load_load[];

static uint64_t *const buffer = (uint64_t *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA);
static uint64_t registers[64];
static uint64_t floats_out[2][FLOATS];
static uint64_t bell;
static volatile bool held; /* threads that look at it spin: READY, whichever hart runs them */

static void setup(void)
{
    fault_setup();
    held = false;
    bell = kit_object(FL_OBJECT_NOTIFICATION);
    for (unsigned n = 1; n < 32; n++)
        registers[n] = PATTERN + n;
    registers[SP] = (uint64_t)(uintptr_t)registers;
    memset(&registers[32], 0, 32 * sizeof registers[0]);
    memset(floats_out, 0xee, sizeof floats_out);
}

static void take_fault(uint64_t label)
{
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.status, FL_OK);
    CHECK_EQ(fw.fault.info, FL_INFO(label, 4));
}

static void read_registers(const struct kit_thread *thread, uint64_t set, uint64_t *words)
{
    memset(buffer, 0xaa, 40 * sizeof buffer[0]);
    CHECK_DONE(flr_tcb_read_registers(thread->tcb, set));
    memcpy(words, buffer, (set == 0 ? WORDS : FLOATS) * sizeof words[0]);
    CHECK_EQ(buffer[set == 0 ? WORDS : FLOATS], 0xaaaaaaaaaaaaaaaaull);
}

static void write_registers(const struct kit_thread *thread, uint64_t set, const uint64_t *words)
{
    memcpy(buffer, words, (set == 0 ? WORDS : FLOATS) * sizeof words[0]);
    CHECK_DONE(flr_tcb_write_registers(thread->tcb, set));
}

static void with_registers(uint64_t function)
{
    ((void (*)(uint64_t *))(uintptr_t)function)(registers);
    fw.progress++;
    kit_sleep();
}

/* --- integer registers ----------------------------------------------------------------------- */

TEST("all registers of a faulted thread can be read, and written one by one")
{
    uint64_t words[WORDS];

    setup();
    registers[A0] = AREA;
    struct kit_thread *thread = fault_run(with_registers, (uintptr_t)registers_load);
    fault_expect(AREA, FL_ACCESS_READ);
    read_registers(thread, 0, words);
    CHECK_EQ(words[PC], (uintptr_t)registers_load_load);
    for (unsigned n = 1; n < 32; n++) {
        CHECK_EQ(words[n], registers[n]);
        if (n != SP)
            words[n] = ~words[n];
    }
    words[PC] += 4;
    write_registers(thread, 0, words);
    CHECK_DONE(fault_answer_info(RESUME(0)));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    for (unsigned n = 1; n < 32; n++)
        CHECK_EQ(registers[32 + n], n == SP ? registers[n] : ~registers[n]);
}

static bool dies_in_calls(unsigned n)
{
    return (n >= 5 && n <= 7) || (n >= A0 && n <= A7) || n >= 28;
}

TEST("of a thread stopped in a call the registers read 0 that a call does not preserve")
{
    uint64_t words[WORDS];

    setup();
    registers[A0] = bell;
    registers[A7] = FL_CALL_notification_wait;
    struct kit_thread *thread = fault_run(with_registers, (uintptr_t)registers_call);
    kit_settle();
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    read_registers(thread, 0, words);
    CHECK_EQ(words[PC], (uintptr_t)registers_call_ecall + 4);
    for (unsigned n = 1; n < 32; n++)
        CHECK_EQ(words[n], n == A0 ? FL_CANCELLED : (dies_in_calls(n) ? 0 : registers[n]));
}

TEST("all registers of a thread stopped in a call can be written, though none was read")
{
    uint64_t words[WORDS];

    setup();
    registers[A0] = bell;
    registers[A7] = FL_CALL_notification_wait;
    struct kit_thread *thread = fault_run(with_registers, (uintptr_t)registers_call);
    kit_settle();
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    for (unsigned n = 1; n < 32; n++)
        words[n] = n == SP ? registers[n] : n;
    words[PC] = (uintptr_t)registers_call_ecall + 4;
    write_registers(thread, 0, words);
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    for (unsigned n = 1; n < 32; n++)
        CHECK_EQ(registers[32 + n], n == SP ? registers[n] : n);
}

TEST("what registers held before a call cannot be read after it")
{
    uint64_t words[WORDS];

    setup();
    registers[A0] = AREA;
    struct kit_thread *thread = fault_run(with_registers, (uintptr_t)registers_load);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R); /* all registers were saved, then the thread made a call */
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    read_registers(thread, 0, words);
    for (unsigned n = 1; n < 32; n++)
        CHECK(!dies_in_calls(n) || words[n] == (n == A0 ? FL_CANCELLED : 0));
}

static void spin_while_held(void)
{
    while (held)
        ;
}

static void wait_for_bell(uint64_t unused)
{
    (void)unused;
    spin_while_held();
    flr_notification_wait(bell);
    kit_sleep();
}

static void call_endpoint(uint64_t endpoint)
{
    fl_ipc_call(endpoint, FL_INFO(77, 0), 0, 0, 0, 0);
    fw.progress++;
    kit_sleep();
}

static void receive_once(uint64_t reply)
{
    struct fl_message message;

    fl_ipc_recv(fw.endpoint, reply, &message);
    kit_sleep();
}

static void check_registers_busy(uint64_t tcb)
{
    for (uint64_t set = 0; set < 2; set++) {
        CHECK_REFUSED(flr_tcb_read_registers(tcb, set), BUSY, 1);
        CHECK_REFUSED(flr_tcb_write_registers(tcb, set), BUSY, 1);
    }
}

TEST("registers of a thread that runs or waits in a call are not to be had")
{
    setup();
    held = true;
    struct kit_thread *thread = fault_run(wait_for_bell, 0);
    check_registers_busy(FL_BOOT_TCB);
    check_registers_busy(thread->tcb); /* ready, or run by another hart */
    held = false;
    kit_settle();
    check_registers_busy(thread->tcb); /* waits for bits */
    thread = fault_run(receive_once, kit_object(FL_OBJECT_REPLY));
    kit_settle();
    check_registers_busy(thread->tcb);
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    thread = fault_run(call_endpoint, fw.endpoint);
    kit_settle();
    check_registers_busy(thread->tcb); /* sends */
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    check_registers_busy(thread->tcb); /* awaits the answer */
    CHECK_EQ(fl_ipc_reply(fw.reply, 0, 0, 0, 0, 0), FL_OK);
}

static void read_without_buffer(uint64_t tcb)
{
    fw.value = flr_tcb_read_registers(tcb, 0).status;
    registers[0] = flr_tcb_write_registers(tcb, 1).status;
    fw.progress++;
    kit_sleep();
}

TEST("calls on registers blame the argument that is wrong")
{
    setup();
    uint64_t tcb = kit_object(FL_OBJECT_TCB);
    CHECK_REFUSED(flr_tcb_read_registers(NO_SLOT, 0), BAD_SLOT, 1);
    CHECK_REFUSED(flr_tcb_write_registers(NO_SLOT, 0), BAD_SLOT, 1);
    CHECK_REFUSED(flr_tcb_read_registers(fw.endpoint, 0), BAD_TYPE, 1);
    CHECK_REFUSED(flr_tcb_write_registers(fw.endpoint, 0), BAD_TYPE, 1);
    for (uint64_t set = 2; set != 0; set <<= 1) {
        CHECK_REFUSED(flr_tcb_read_registers(tcb, set), OUT_OF_RANGE, 2);
        CHECK_REFUSED(flr_tcb_write_registers(tcb, set), OUT_OF_RANGE, 2);
    }
    struct kit_thread *thread = fault_thread(read_without_buffer, tcb);
    fault_without_buffer(thread);
    kit_start(thread);
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(fw.value, FL_NO_BUFFER);
    CHECK_EQ(registers[0], FL_NO_BUFFER);
}

/* --- floating-point registers ---------------------------------------------------------------- */

static uint64_t float_pattern(unsigned which, unsigned n)
{
    return n == FCSR ? 0x21 + which * 0x40 : 0x3ff0000000000000ull + which * 1000 + n;
}

static void exchange_floats(uint64_t which)
{
    uint64_t in[FLOATS];

    for (unsigned n = 0; n < FLOATS; n++)
        in[n] = float_pattern((unsigned)which, n);
    floats_exchange(in, floats_out[which], (const uint64_t *)(uintptr_t)(AREA + which * PAGE));
    fw.progress++;
    kit_sleep();
}

static void store_floats(uint64_t which)
{
    spin_while_held();
    floats_store(floats_out[which]);
    fw.progress++;
    kit_sleep();
}

TEST("floating-point registers are read and written, in the hart or not")
{
    uint64_t words[FLOATS];

    setup();
    *(uint64_t *)kit_window(fw.page) = 1;
    struct kit_thread *threads[2];
    for (unsigned which = 0; which < 2; which++) {
        threads[which] = fault_run(exchange_floats, which);
        fault_expect(AREA + which * PAGE, FL_ACCESS_READ);
        /* Of both, the second one's registers are in the hart. */
        for (unsigned other = 0; other <= which; other++) {
            read_registers(threads[other], 1, words);
            for (unsigned n = 0; n < FLOATS; n++)
                CHECK_EQ(words[n], float_pattern(other, n));
        }
        if (which == 0)
            CHECK_DONE(fault_answer_info(STOP));
    }
    for (unsigned which = 0; which < 2; which++) {
        for (unsigned n = 0; n < FLOATS; n++)
            words[n] = float_pattern(which + 2, n) & ~(n == FCSR ? 0x80ull : 0);
        write_registers(threads[which], 1, words);
    }
    CHECK_DONE(fault_answer_one(AREA + PAGE, R, 1, fw.page));
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, AREA, 1, R));
    CHECK_DONE(flr_tcb_resume(threads[0]->tcb));
    kit_settle();
    CHECK_EQ(fw.progress, 2);
    for (unsigned which = 0; which < 2; which++)
        for (unsigned n = 0; n < FLOATS; n++)
            CHECK_EQ(floats_out[which][n],
                     float_pattern(which + 2, n) & ~(n == FCSR ? 0x80ull : 0));
}

TEST("a thread that never used floating point reads zeros and finds what was written")
{
    uint64_t words[FLOATS];

    setup();
    held = true;
    struct kit_thread *thread = fault_run(store_floats, 0);
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    read_registers(thread, 1, words);
    for (unsigned n = 0; n < FLOATS; n++) {
        CHECK_EQ(words[n], 0);
        words[n] = float_pattern(1, n);
    }
    words[FCSR] |= 0xabcdef00; /* bits that fcsr does not have */
    write_registers(thread, 1, words);
    read_registers(thread, 1, words);
    CHECK_EQ(words[FCSR], float_pattern(1, FCSR));
    held = false;
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    for (unsigned n = 0; n < FLOATS; n++)
        CHECK_EQ(floats_out[0][n], float_pattern(1, n));
}

/* --- breakpoints ----------------------------------------------------------------------------- */

/* addi a0, a0, 1; slli a0, a0, 2; add a0, a0, a0; xori a0, a0, 5; ret */
static const uint32_t code[] = {0x00150513, 0x00251513, 0x00a50533, 0x00554513, 0x00008067};
enum { CODE_WORDS = sizeof code / sizeof code[0] };

/* a0 before each instruction, for 41. */
static const uint64_t steps[CODE_WORDS] = {41, 42, 168, 336, 341};

static void run_code(uint64_t argument)
{
    fw.value = ((uint64_t(*)(uint64_t))(uintptr_t)AREA)(argument);
    fw.progress++;
    kit_sleep();
}

/* What a debugger does after it wrote code: it makes the page executable anew, so that the hart
 * fetches what was written. */
static void publish_code(void)
{
    CHECK_DONE(flr_vspace_protect(fw.space, AREA, 1, R | X));
}

static uint32_t *map_code(void)
{
    uint32_t *window = kit_window(fw.page);

    memcpy(window, code, sizeof code);
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, AREA, 1, R | X));
    return window;
}

TEST("a debugger stops a thread at a breakpoint, changes a register, and the code goes on")
{
    uint64_t words[WORDS];

    setup();
    uint32_t *window = map_code();
    window[2] = EBREAK;
    struct kit_thread *thread = fault_run(run_code, 41);
    take_fault(FL_LABEL_BREAKPOINT);
    CHECK_EQ(fw.fault.badge, FAULT_BADGE);
    CHECK_EQ(fw.fault.word[1], AREA + 8);
    CHECK_EQ(fw.fault.word[2], 0);
    read_registers(thread, 0, words);
    CHECK_EQ(words[PC], AREA + 8);
    CHECK_EQ(words[SP], fw.fault.word[3]);
    CHECK_EQ(words[A0], steps[2]);
    words[A0] = 10;
    write_registers(thread, 0, words);
    window[2] = code[2];
    publish_code();
    CHECK_DONE(fault_answer_info(RESUME(0)));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(fw.value, 20 ^ 5);
}

TEST("a debugger takes single steps by moving its breakpoint")
{
    uint64_t words[WORDS];

    setup();
    uint32_t *window = map_code();
    window[0] = EBREAK;
    struct kit_thread *thread = fault_run(run_code, 41);
    for (unsigned step = 0; step < CODE_WORDS; step++) {
        take_fault(FL_LABEL_BREAKPOINT);
        CHECK_EQ(fw.fault.word[1], AREA + 4 * step);
        read_registers(thread, 0, words);
        CHECK_EQ(words[A0], steps[step]);
        window[step] = code[step];
        if (step + 1 < CODE_WORDS)
            window[step + 1] = EBREAK;
        publish_code();
        CHECK_DONE(fault_answer_info(RESUME(0)));
    }
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(fw.value, steps[CODE_WORDS - 1]);
}

TEST("a handler emulates an unknown call: it writes a0, steps over the ecall and resumes")
{
    uint64_t words[WORDS];

    setup();
    registers[A7] = UNKNOWN;
    registers[A0] = 20;
    registers[A1] = 22;
    struct kit_thread *thread = fault_run(with_registers, (uintptr_t)registers_call);
    take_fault(FL_LABEL_UNKNOWN_SYSCALL);
    CHECK_EQ(fw.fault.word[0], UNKNOWN);
    read_registers(thread, 0, words);
    CHECK_EQ(words[PC], (uintptr_t)registers_call_ecall);
    words[A0] += words[A1];
    words[PC] += 4;
    write_registers(thread, 0, words);
    CHECK_DONE(fault_answer_info(RESUME(0)));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    for (unsigned n = 1; n < 32; n++)
        CHECK_EQ(registers[32 + n], n == A0 ? 42 : registers[n]);
}

/* --- what a thread does ---------------------------------------------------------------------- */

static uint64_t state_of(const struct kit_thread *thread)
{
    return flr_tcb_state(thread->tcb).value;
}

static void read_twice(uint64_t address)
{
    volatile uint64_t *word = (volatile uint64_t *)(uintptr_t)address;

    fw.value = *word;
    spin_while_held();
    fw.value = *word;
    kit_sleep();
}

TEST("the state tells what a thread waits for")
{
    setup();
    CHECK_EQ(flr_tcb_state(FL_BOOT_TCB).value, FL_STATE_READY);
    struct kit_thread *thread = fault_thread(wait_for_bell, 0);
    CHECK_EQ(state_of(thread), FL_STATE_STOPPED);
    held = true;
    kit_start(thread);
    CHECK_EQ(state_of(thread), FL_STATE_READY);
    held = false;
    kit_settle();
    CHECK_EQ(state_of(thread), FL_STATE_AWAIT_BITS);
    thread = fault_run(receive_once, kit_object(FL_OBJECT_REPLY));
    kit_settle();
    CHECK_EQ(state_of(thread), FL_STATE_RECEIVING);
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    CHECK_EQ(state_of(thread), FL_STATE_STOPPED);
    thread = fault_run(call_endpoint, fw.endpoint);
    kit_settle();
    CHECK_EQ(state_of(thread), FL_STATE_SENDING);
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(state_of(thread), FL_STATE_AWAIT_REPLY);
    CHECK_REFUSED(flr_tcb_state(NO_SLOT), BAD_SLOT, 1);
    CHECK_REFUSED(flr_tcb_state(fw.endpoint), BAD_TYPE, 1);
}

TEST("a fault keeps its number while it is outstanding; every fault has another, going up")
{
    setup();
    held = true;
    struct kit_thread *thread = fault_run(read_twice, AREA), *other;
    kit_settle();
    uint64_t number = FL_STATE_COUNT(state_of(thread));
    CHECK(number > 0);
    CHECK_EQ(state_of(thread), number << 32 | FL_STATE_FAULT | FL_STATE_SENDING);
    other = fault_run(fault_read_word, AREA + PAGE);
    fault_expect(AREA, FL_ACCESS_READ);
    kit_settle();
    CHECK_EQ(state_of(thread), number << 32 | FL_STATE_FAULT | FL_STATE_AWAIT_REPLY);
    CHECK_EQ(FL_STATE_COUNT(state_of(other)), number + 1);
    CHECK_DONE(fault_answer_one(AREA, R, 1, fw.page));
    CHECK_EQ(state_of(thread), number << 32 | FL_STATE_READY);
    CHECK_DONE(flr_vspace_unmap(fw.space, AREA, 1));
    held = false;
    kit_settle();
    CHECK_EQ(state_of(thread), (number + 2) << 32 | FL_STATE_FAULT | FL_STATE_SENDING);
}

TEST("a stopped thread's state tells a fault that nobody handles, until it runs again")
{
    setup();
    held = true;
    struct kit_thread *thread = fault_run(read_twice, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_DONE(fault_answer_info(STOP));
    CHECK_EQ(state_of(thread) & UINT32_MAX, FL_STATE_STOPPED | FL_STATE_FAULT);
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, AREA, 1, R));
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    CHECK_EQ(state_of(thread) & UINT32_MAX, FL_STATE_READY);
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    CHECK_EQ(state_of(thread) & UINT32_MAX, FL_STATE_STOPPED);
    thread = kit_run(fw.space, 0, fault_read_word, AREA + PAGE);
    kit_settle();
    CHECK_EQ(state_of(thread) & UINT32_MAX, FL_STATE_STOPPED | FL_STATE_FAULT);
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, AREA + PAGE, 1, R));
    kit_start(thread);
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    CHECK_EQ(state_of(thread) & UINT32_MAX, FL_STATE_STOPPED);
}
