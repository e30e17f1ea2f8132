/* Rules U: upcalls. */
#include "upcall.h"

#include <string.h>

#include "fault_world.h"

#define ENTRY  (AREA + 32 * PAGE) /* nothing is mapped there: the fault shows the registers */
#define WORDS  0x11, 0x22, 0x33
#define UPCALL FL_INFO(FL_LABEL_UPCALL, 3)

enum { PC = 0, SP = 2, A0 = 10, A7 = 17, SET_WORDS = 32 };

void registers_load(uint64_t *registers);
void test_illegal(void);
void test_ebreak(void);
uint64_t upcall_round_trip(volatile struct fl_upcall *area, uint64_t argument);
extern char registers_load_load[];

static uint64_t registers[64];          /* of load_with_registers, before and after */
static uint64_t entered[SET_WORDS];     /* a thread's at the last fault */
static volatile struct fl_upcall *area; /* of the last thread, as the root task sees it */
static volatile uint64_t flag;

static void load_with_registers(uint64_t unused)
{
    (void)unused;
    registers_load(registers);
    fw.progress++;
    kit_sleep();
}

static void spin(uint64_t unused)
{
    (void)unused;
    while (flag == 0)
        ;
    fw.progress++;
    kit_sleep();
}

static void sleep_once(uint64_t bell)
{
    fw.value = flr_notification_wait(bell).value;
    fw.progress++;
    kit_sleep();
}

static bool is_saved(unsigned n)
{
    return n == SP || (n >= A0 && n <= A7) || (n >= 5 && n <= 7) || n >= 28;
}

static void look_at_registers(const struct kit_thread *thread)
{
    CHECK_DONE(flr_tcb_read_registers(thread->tcb, 0));
    memcpy(entered, (const void *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA), sizeof entered);
}

static struct kit_thread *prepare(void (*function)(uint64_t), uint64_t argument)
{
    struct kit_thread *thread = fault_thread(function, argument);

    area =
        (volatile struct fl_upcall *)((uint64_t *)kit_window(thread->buffer_page) + FL_UPCALL_WORD);
    memset((struct fl_upcall *)area, 0, sizeof *area);
    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, ENTRY));
    return thread;
}

/* A thread that loads from AREA with a value of its own in each register; its fault is taken. */
static struct kit_thread *stand_in_fault(void)
{
    fault_setup();
    for (unsigned n = 1; n < 32; n++)
        registers[n] = 0xab00000000000000ull + n;
    registers[A0] = AREA;
    struct kit_thread *thread = prepare(load_with_registers, 0);
    kit_start(thread);
    fault_expect(AREA, FL_ACCESS_READ);
    return thread;
}

static struct fl_result answer_upcall(void)
{
    return (struct fl_result){fl_ipc_reply(fw.reply, UPCALL, WORDS, 0), 0};
}

static void expect_entry(void)
{
    fault_expect(ENTRY, FL_ACCESS_EXEC | FL_ACCESS_UPCALL);
    CHECK_EQ(fw.fault.word[1], ENTRY);
}

static void stop(void)
{
    CHECK_DONE(fault_answer_info(STOP));
}

static uint64_t state_of(const struct kit_thread *thread)
{
    return flr_tcb_state(thread->tcb).value & UINT32_MAX;
}

/* --- the entry ------------------------------------------------------------------------------- */

TEST("U1: an upcall runs the thread at the entry that was set last")
{
    struct kit_thread *thread = stand_in_fault();
    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, ENTRY + PAGE));
    CHECK_DONE(answer_upcall());
    fault_expect(ENTRY + PAGE, FL_ACCESS_EXEC | FL_ACCESS_UPCALL);
    stop();
}

TEST("U1: with entry 0 a thread takes no upcalls")
{
    struct kit_thread *thread = stand_in_fault();
    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, 0));
    CHECK_REFUSED(answer_upcall(), NOT_READY, 2);
    fault_finish(AREA, R);
}

#define BAD_ENTRY(sentence, entry)                                      \
    TEST(sentence)                                                      \
    {                                                                   \
        fault_setup();                                                  \
        uint64_t tcb = kit_object(FL_OBJECT_TCB);                       \
        CHECK_REFUSED(flr_tcb_set_upcall(tcb, entry), OUT_OF_RANGE, 2); \
    }

BAD_ENTRY("U2: an entry in page 0 is refused", FL_USER_BASE - 1)
BAD_ENTRY("U2: an entry at the end of the user half is refused", FL_USER_END)
BAD_ENTRY("U2: an entry in the kernel's half is refused", 0xffffffff80200000ull)

/* --- what is saved --------------------------------------------------------------------------- */

TEST("U3: the answer UPCALL saves pc, sp and a0 to a7")
{
    stand_in_fault();
    CHECK_DONE(answer_upcall());
    expect_entry();
    CHECK_EQ(area->pc, (uintptr_t)registers_load_load);
    CHECK_EQ(area->sp, (uintptr_t)registers);
    for (unsigned i = 0; i < 8; i++)
        CHECK_EQ(area->a[i], registers[A0 + i]);
    stop();
}

TEST("U3: the answer UPCALL saves t0 to t6")
{
    stand_in_fault();
    CHECK_DONE(answer_upcall());
    expect_entry();
    for (unsigned i = 0; i < 7; i++)
        CHECK_EQ(area->t[i], registers[i < 3 ? 5 + i : 25 + i]);
    stop();
}

TEST("U3: the answer UPCALL writes label and words and sets busy")
{
    stand_in_fault();
    CHECK_DONE(answer_upcall());
    expect_entry();
    CHECK_EQ(area->label, FL_LABEL_PAGE_FAULT);
    CHECK_EQ(area->word[0], 0x11);
    CHECK_EQ(area->word[1], 0x22);
    CHECK_EQ(area->word[2], 0x33);
    CHECK_EQ(area->busy, 1);
    stop();
}

TEST("U3: the Reply is idle after the answer UPCALL")
{
    stand_in_fault();
    CHECK_DONE(answer_upcall());
    CHECK_REFUSED(answer_upcall(), GONE, 0);
    expect_entry();
    stop();
}

static void run_function(uint64_t function)
{
    ((void (*)(void))(uintptr_t)function)();
}

/* The label of a fault that is not of a page, at the entry. */
static void check_label(void (*function)(uint64_t), uint64_t argument, uint64_t label)
{
    fault_setup();
    struct kit_thread *thread = prepare(function, argument);
    kit_start(thread);
    fault_take(FL_INFO(label, 4));
    CHECK_DONE(answer_upcall());
    expect_entry();
    look_at_registers(thread);
    CHECK_EQ(entered[A0], label);
    CHECK_EQ(area->label, label);
    stop();
}

static void call_nothing(uint64_t number)
{
    fl_ecall(number, 0, 0, 0, 0, 0, 0, 0);
}

TEST("U3: an unknown call can be given to its thread")
{
    check_label(call_nothing, UINT64_MAX, FL_LABEL_UNKNOWN_SYSCALL);
}

TEST("U3: an exception can be given to its thread")
{
    check_label(run_function, (uint64_t)(uintptr_t)test_illegal, FL_LABEL_USER_EXCEPTION);
}

TEST("U3: a breakpoint can be given to its thread")
{
    check_label(run_function, (uint64_t)(uintptr_t)test_ebreak, FL_LABEL_BREAKPOINT);
}

TEST("U4: at the entry a0 to a3 are label and words")
{
    struct kit_thread *thread = stand_in_fault();
    CHECK_DONE(answer_upcall());
    expect_entry();
    look_at_registers(thread);
    CHECK_EQ(entered[A0], FL_LABEL_PAGE_FAULT);
    CHECK_EQ(entered[A0 + 1], 0x11);
    CHECK_EQ(entered[A0 + 2], 0x22);
    CHECK_EQ(entered[A0 + 3], 0x33);
    stop();
}

TEST("A12: UPCALL delivers words 0 to 2, whatever count its info word gives")
{
    for (unsigned count = 0; count <= 3; count++) {
        struct kit_thread *thread = stand_in_fault();
        CHECK_EQ(fl_ipc_reply(fw.reply, FL_INFO(FL_LABEL_UPCALL, count), WORDS, 0), FL_OK);
        expect_entry();
        look_at_registers(thread);
        CHECK_EQ(entered[A0 + 1], 0x11);
        CHECK_EQ(entered[A0 + 2], 0x22);
        CHECK_EQ(entered[A0 + 3], 0x33);
        stop();
    }
}

TEST("U4: at the entry a4 to a7 and t0 to t6 are zero")
{
    struct kit_thread *thread = stand_in_fault();
    CHECK_DONE(answer_upcall());
    expect_entry();
    look_at_registers(thread);
    for (unsigned n = 1; n < 32; n++)
        CHECK(!is_saved(n) || n == SP || (n >= A0 && n < A0 + 4) || entered[n] == 0);
    stop();
}

TEST("U4: at the entry all other registers are as they were, sp among them")
{
    struct kit_thread *thread = stand_in_fault();
    CHECK_DONE(answer_upcall());
    expect_entry();
    look_at_registers(thread);
    CHECK_EQ(entered[SP], (uintptr_t)registers);
    for (unsigned n = 1; n < 32; n++)
        CHECK(is_saved(n) || entered[n] == registers[n]);
    stop();
}

/* --- refusals -------------------------------------------------------------------------------- */

TEST("U5: the answer UPCALL is refused while busy is set, and another answer is carried out")
{
    stand_in_fault();
    area->busy = 1;
    CHECK_REFUSED(answer_upcall(), BUSY, 2);
    CHECK_EQ(area->pc, 0);
    fault_finish(AREA, R);
}

TEST("U5: any value of busy but 0 counts")
{
    stand_in_fault();
    area->busy = 1ull << 63;
    CHECK_REFUSED(answer_upcall(), BUSY, 2);
    area->busy = 0;
    CHECK_DONE(answer_upcall());
    expect_entry();
    stop();
}

TEST("U5: a fault at the entry cannot be answered by another upcall")
{
    stand_in_fault();
    CHECK_DONE(answer_upcall());
    expect_entry();
    CHECK_REFUSED(answer_upcall(), BUSY, 2);
    stop();
}

TEST("U6: the answer UPCALL to a thread without a buffer is refused")
{
    fault_setup();
    struct kit_thread *thread = prepare(fault_read_word, AREA);
    fault_without_buffer(thread);
    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, ENTRY));
    kit_start(thread);
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_REFUSED(answer_upcall(), NOT_READY, 2);
    stop();
}

TEST("U6: the answer UPCALL to a thread that was never given an entry is refused")
{
    fault_setup();
    fault_reader(AREA);
    CHECK_REFUSED(answer_upcall(), NOT_READY, 2);
    fault_finish(AREA, R);
}

TEST("U7: busy stays set while the thread runs on in its upcall")
{
    stand_in_fault();
    CHECK_DONE(answer_upcall());
    expect_entry();
    CHECK_DONE(fault_answer_info(RESUME(0)));
    expect_entry();
    CHECK_EQ(area->busy, 1);
    stop();
}

TEST("U8: a page fault says UPCALL while busy is set, and not after")
{
    fault_setup();
    struct kit_thread *thread = prepare(fault_read_word, AREA);
    area->busy = 7;
    kit_start(thread);
    fault_expect(AREA, FL_ACCESS_READ | FL_ACCESS_UPCALL);
    area->busy = 0;
    CHECK_DONE(fault_answer_info(RESUME(0)));
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

/* --- going back ------------------------------------------------------------------------------ */

static void go_back(uint64_t unused)
{
    (void)unused;
    fl_ecall(FL_CALL_thread_resume_upcall, 0, 0, 0, 0, 0, 0, 0);
    fw.progress++; /* not reached */
    kit_sleep();
}

TEST("U9: going back loads pc, sp, a0 to a7 and t0 to t6")
{
    fault_setup();
    struct kit_thread *thread = prepare(go_back, 0);
    area->pc = ENTRY;
    area->sp = 0x5000;
    for (unsigned i = 0; i < 8; i++)
        area->a[i] = 0xa0 + i;
    for (unsigned i = 0; i < 7; i++)
        area->t[i] = 0xc0 + i;
    kit_start(thread);
    fault_expect(ENTRY, FL_ACCESS_EXEC);
    CHECK_EQ(fw.fault.word[3], 0x5000);
    look_at_registers(thread);
    for (unsigned i = 0; i < 8; i++)
        CHECK_EQ(entered[A0 + i], 0xa0 + i);
    for (unsigned i = 0; i < 7; i++)
        CHECK_EQ(entered[i < 3 ? 5 + i : 25 + i], 0xc0 + i);
    stop();
}

TEST("U9: going back leaves busy as it is")
{
    fault_setup();
    struct kit_thread *thread = prepare(go_back, 0);
    area->pc = ENTRY;
    area->busy = 3;
    kit_start(thread);
    fault_expect(ENTRY, FL_ACCESS_EXEC | FL_ACCESS_UPCALL);
    CHECK_EQ(area->busy, 3);
    stop();
}

static volatile struct fl_upcall *own_area(void)
{
    return (volatile struct fl_upcall *)((uint64_t *)(uintptr_t)FL_BUFFER + FL_UPCALL_WORD);
}

TEST("U10: going back with an argument is refused")
{
    fault_setup();
    memset((struct fl_upcall *)own_area(), 0, sizeof *own_area());
    CHECK_EQ(upcall_round_trip(own_area(), 1), FL_STATUS(FL_RESERVED, 1));
}

static void go_back_in_vain(uint64_t unused)
{
    (void)unused;
    fw.value = fl_ecall(FL_CALL_thread_resume_upcall, 0, 0, 0, 0, 0, 0, 0).status;
    fw.progress++;
    kit_sleep();
}

TEST("U10: going back without a message buffer says NO_BUFFER")
{
    fault_setup();
    struct kit_thread *thread = prepare(go_back_in_vain, 0);
    fault_without_buffer(thread);
    kit_start(thread);
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(fw.value, FL_NO_BUFFER);
}

/* --- upcalls without a fault ----------------------------------------------------------------- */

static void nap(void)
{
    uint64_t timer = kit_object(FL_OBJECT_TIMER), bell = kit_object(FL_OBJECT_NOTIFICATION);

    CHECK_DONE(flr_timer_bind(timer, bell));
    CHECK_DONE(flr_timer_set(timer, fl_rdtime() + kit_boot_info()->timebase_hz / 1000));
    flr_notification_wait(bell);
}

TEST("U11: a running thread takes an upcall with label 0")
{
    fault_setup();
    flag = 0;
    struct kit_thread *thread = prepare(spin, 0);
    kit_start(thread);
    nap();
    CHECK_DONE(flr_tcb_upcall(thread->tcb, WORDS));
    expect_entry();
    look_at_registers(thread);
    CHECK_EQ(entered[A0], 0);
    CHECK_EQ(entered[A0 + 1], 0x11);
    CHECK_EQ(area->label, 0);
    stop();
}

TEST("U11: a thread that waits goes on waiting, and takes the upcall when its call returns")
{
    fault_setup();
    uint64_t bell = kit_object(FL_OBJECT_NOTIFICATION);
    struct kit_thread *thread = prepare(sleep_once, bell);
    kit_start(thread);
    kit_settle();
    CHECK_DONE(flr_tcb_upcall(thread->tcb, WORDS));
    CHECK(fault_none_waits());
    CHECK_EQ(area->busy, 0);
    CHECK_DONE(flr_notification_signal(bell));
    expect_entry();
    CHECK_EQ(area->a[0], FL_OK);
    CHECK_EQ(area->a[1], 1);
    stop();
}

TEST("U11: a stopped thread stays stopped, and takes the upcall when it is resumed")
{
    fault_setup();
    struct kit_thread *thread = prepare(spin, 0);
    CHECK_DONE(flr_tcb_upcall(thread->tcb, WORDS));
    CHECK(fault_none_waits());
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    expect_entry();
    stop();
}

TEST("U12: the state says that an upcall is on its way, until it is carried out")
{
    fault_setup();
    struct kit_thread *thread = prepare(spin, 0);
    CHECK_DONE(flr_tcb_upcall(thread->tcb, WORDS));
    CHECK_EQ(state_of(thread), FL_STATE_STOPPED | FL_STATE_UPCALL);
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    expect_entry();
    CHECK_EQ(state_of(thread), FL_STATE_AWAIT_REPLY | FL_STATE_FAULT);
    stop();
}

TEST("U12: a second upcall while one is on its way is refused")
{
    fault_setup();
    struct kit_thread *thread = prepare(spin, 0);
    CHECK_DONE(flr_tcb_upcall(thread->tcb, WORDS));
    CHECK_REFUSED(flr_tcb_upcall(thread->tcb, WORDS), BUSY, 1);
}

TEST("U13: going back to an address of the kernel is a page fault and no more")
{
    fault_setup();
    struct kit_thread *thread = prepare(go_back, 0);
    area->pc = 0xffffffff80200000ull;
    kit_start(thread);
    fault_expect(0xffffffff80200000ull, FL_ACCESS_EXEC);
    stop();
}

TEST("U13: going back to an odd address is a fault and no more")
{
    fault_setup();
    struct kit_thread *thread = prepare(go_back, 0);
    area->pc = ENTRY | 1;
    kit_start(thread);
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.badge, FAULT_BADGE);
    stop();
}

TEST("U14: tcb_upcall to a thread whose fault waits is refused")
{
    fault_setup();
    struct kit_thread *thread = prepare(fault_read_word, AREA);
    kit_start(thread);
    kit_settle();
    CHECK_REFUSED(flr_tcb_upcall(thread->tcb, WORDS), BUSY, 1);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("U14: tcb_upcall to a thread whose fault was taken is refused")
{
    struct kit_thread *thread = stand_in_fault();
    CHECK_REFUSED(flr_tcb_upcall(thread->tcb, WORDS), BUSY, 1);
    fault_finish(AREA, R);
}

TEST("U15: a new start forgets an upcall that is on its way")
{
    fault_setup();
    struct kit_thread *thread = prepare(fault_read_word, AREA);
    CHECK_DONE(flr_tcb_upcall(thread->tcb, WORDS));
    kit_start(thread);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("U15: entry 0 forgets an upcall that is on its way")
{
    fault_setup();
    struct kit_thread *thread = prepare(spin, 0);
    CHECK_DONE(flr_tcb_upcall(thread->tcb, WORDS));
    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, 0));
    CHECK_EQ(state_of(thread), FL_STATE_STOPPED);
}
