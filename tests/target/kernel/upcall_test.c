/* Upcalls: what the kernel saves, when it carries them out, what it refuses. */
#include <string.h>

#include "upcall_world.h"

void test_illegal(void);
void test_ebreak(void);

static bool is_temporary(unsigned n)
{
    return (n >= 5 && n <= 7) || n >= 28;
}

/* At the entry: label and words in a0..a3, the other registers that a call changes 0, and those that
 * it preserves as before. */
static void check_entry(uint64_t label)
{
    const uint64_t words[] = {label, UPCALL_WORDS};

    for (unsigned n = 1; n < 32; n++) {
        uint64_t expected = is_temporary(n) || (n >= A0 && n <= A7) ? 0 : uw.registers[n];

        if (n >= A0 && n < A0 + 4)
            expected = words[n - A0];
        CHECK_EQ(uw.registers[64 + n], expected);
    }
    CHECK_EQ(uw.area->label, label);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(uw.area->word[i], words[i + 1]);
    CHECK_EQ(uw.area->busy, 1);
    CHECK_EQ(uw.area->sp, (uintptr_t)uw.registers);
}

/* --- when and what --------------------------------------------------------------------------- */

TEST("an upcall interrupts a running thread, and going back restores every register")
{
    fault_setup();
    upcall_fill_to_spin();
    struct kit_thread *thread = upcall_run(upcall_with_registers, (uintptr_t)registers_spin);
    upcall_nap();
    CHECK_EQ(upcall_state(thread), FL_STATE_READY);
    CHECK_DONE(flr_tcb_upcall(thread->tcb, UPCALL_WORDS));
    if (kit_alone()) { /* else another hart runs it, and may have carried it out by now */
        CHECK_EQ(upcall_state(thread), FL_STATE_READY | FL_STATE_UPCALL);
        CHECK_EQ(uw.area->busy, 0);
    }
    upcall_nap();
    CHECK_EQ(upcall_state(thread), FL_STATE_READY);
    check_entry(0);
    CHECK(uw.area->pc - (uintptr_t)registers_spin < 512);
    CHECK_EQ(uw.area->a[7], UPCALL_PATTERN + A7);
    uw.flag = 1;
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    upcall_check_spun();
}

TEST("a thread that waits in a call goes on waiting; the upcall finds the call's results")
{
    fault_setup();
    upcall_fill_registers();
    uint64_t bell = kit_object(FL_OBJECT_NOTIFICATION);
    uw.registers[A0] = bell;
    uw.registers[A7] = FL_CALL_notification_wait;
    struct kit_thread *thread = upcall_run(upcall_with_registers, (uintptr_t)registers_call);
    kit_settle();
    CHECK_DONE(flr_tcb_upcall(thread->tcb, UPCALL_WORDS));
    kit_settle();
    CHECK_EQ(upcall_state(thread), FL_STATE_AWAIT_BITS | FL_STATE_UPCALL);
    CHECK_EQ(uw.area->busy, 0);
    CHECK_DONE(flr_notification_signal(bell));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    check_entry(0);
    CHECK_EQ(uw.area->pc, (uintptr_t)registers_call_ecall + 4);
    for (unsigned i = 0; i < 8; i++)
        CHECK_EQ(uw.area->a[i], i == 1 ? 1 : 0);
    for (unsigned i = 0; i < 7; i++)
        CHECK_EQ(uw.area->t[i], 0);
    CHECK_EQ(uw.registers[32 + A0], FL_OK);
    CHECK_EQ(uw.registers[32 + A0 + 1], 1);
}

TEST("what a call does not preserve is saved as 0, whatever it was before the call")
{
    fault_setup();
    upcall_fill_to_spin();
    struct kit_thread *thread = upcall_run(upcall_with_registers, (uintptr_t)registers_spin);
    upcall_nap(); /* an interrupt saves all registers */
    uw.flag = 1;
    kit_settle(); /* now it waits in a call */
    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, AREA));
    CHECK_DONE(flr_tcb_upcall(thread->tcb, UPCALL_WORDS));
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    fault_expect(AREA, FL_ACCESS_EXEC | FL_ACCESS_UPCALL);
    CHECK_EQ(uw.area->a[0], FL_CANCELLED);
    for (unsigned i = 1; i < 8; i++)
        CHECK_EQ(uw.area->a[i], 0);
    for (unsigned i = 0; i < 7; i++)
        CHECK_EQ(uw.area->t[i], 0);
    CHECK_DONE(fault_answer_info(STOP));
}

TEST("an upcall of its own comes to a thread as its call returns")
{
    fault_setup();
    upcall_fill_registers();
    struct kit_thread *thread = upcall_thread(upcall_with_registers, (uintptr_t)registers_call);
    const uint64_t arguments[] = {thread->tcb, UPCALL_WORDS};
    memcpy(&uw.registers[A0], arguments, sizeof arguments);
    uw.registers[A7] = FL_CALL_tcb_upcall;
    kit_start(thread);
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    check_entry(0);
    CHECK_EQ(uw.area->pc, (uintptr_t)registers_call_ecall + 4);
    CHECK_EQ(uw.area->a[0], FL_OK);
}

TEST("a stopped thread's upcall waits until it runs; a new start or no entry forgets it")
{
    fault_setup();
    for (unsigned way = 0; way < 3; way++) {
        upcall_fill_to_spin();
        struct kit_thread *thread = upcall_run(upcall_with_registers, (uintptr_t)registers_spin);
        upcall_nap();
        CHECK_DONE(flr_tcb_suspend(thread->tcb));
        CHECK_DONE(flr_tcb_upcall(thread->tcb, UPCALL_WORDS));
        kit_settle();
        CHECK_EQ(upcall_state(thread), FL_STATE_STOPPED | FL_STATE_UPCALL);
        CHECK_EQ(uw.area->busy, 0);
        if (way == 1)
            CHECK_DONE(flr_tcb_set_upcall(thread->tcb, 0));
        if (way == 2)
            kit_start(thread);
        else
            CHECK_DONE(flr_tcb_resume(thread->tcb));
        if (way != 0)
            CHECK_EQ(upcall_state(thread), FL_STATE_READY);
        else if (kit_alone()) /* else another hart may have carried it out by now */
            CHECK_EQ(upcall_state(thread), FL_STATE_READY | FL_STATE_UPCALL);
        uw.flag = 1;
        kit_settle();
        CHECK_EQ(uw.area->busy, way == 0);
        CHECK_EQ(fw.progress, way + 1);
        upcall_check_spun();
    }
}

TEST("a thread with a pending upcall can be deleted")
{
    fault_setup();
    struct kit_thread *thread = upcall_thread(fault_read_word, AREA);
    CHECK_DONE(flr_tcb_upcall(thread->tcb, UPCALL_WORDS));
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
}

/* --- refusals -------------------------------------------------------------------------------- */

TEST("an upcall needs an entry, a buffer, a free save area, and no other pending")
{
    fault_setup();
    struct kit_thread *thread = upcall_thread(fault_read_word, AREA);
    uint64_t bare = kit_object(FL_OBJECT_TCB);

    CHECK_REFUSED(flr_tcb_upcall(NO_SLOT, UPCALL_WORDS), BAD_SLOT, 1);
    CHECK_REFUSED(flr_tcb_upcall(fw.endpoint, UPCALL_WORDS), BAD_TYPE, 1);
    CHECK_REFUSED(flr_tcb_upcall(bare, UPCALL_WORDS), NOT_READY, 1);
    CHECK_DONE(flr_tcb_set_upcall(bare, UPCALL_PROBE));
    CHECK_REFUSED(flr_tcb_upcall(bare, UPCALL_WORDS), NOT_READY, 1);
    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, 0));
    CHECK_REFUSED(flr_tcb_upcall(thread->tcb, UPCALL_WORDS), NOT_READY, 1);
    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, UPCALL_PROBE));
    uw.area->busy = 1ull << 63;
    CHECK_REFUSED(flr_tcb_upcall(thread->tcb, UPCALL_WORDS), BUSY, 1);
    CHECK_EQ(upcall_state(thread), FL_STATE_STOPPED);
    uw.area->busy = 0;
    CHECK_DONE(flr_tcb_upcall(thread->tcb, UPCALL_WORDS));
    CHECK_REFUSED(flr_tcb_upcall(thread->tcb, UPCALL_WORDS), BUSY, 1);
}

TEST("a thread in a fault gets no upcall but by the answer of its handler")
{
    fault_setup();
    struct kit_thread *thread = upcall_run(fault_read_word, AREA);
    kit_settle();
    CHECK_EQ(upcall_state(thread), FL_STATE_SENDING | FL_STATE_FAULT);
    CHECK_REFUSED(flr_tcb_upcall(thread->tcb, UPCALL_WORDS), BUSY, 1);
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_EQ(upcall_state(thread), FL_STATE_AWAIT_REPLY | FL_STATE_FAULT);
    CHECK_REFUSED(flr_tcb_upcall(thread->tcb, UPCALL_WORDS), BUSY, 1);
    CHECK_EQ(uw.area->busy, 0);
    fault_finish(AREA, R);
}

TEST("an upcall entry is 0 or a user address")
{
    static const uint64_t bad[] = {1, FL_USER_BASE - 1, FL_USER_END, UINT64_MAX, 1ull << 63};

    fault_setup();
    uint64_t tcb = kit_object(FL_OBJECT_TCB);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_REFUSED(flr_tcb_set_upcall(tcb, bad[i]), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_tcb_set_upcall(NO_SLOT, 0), BAD_SLOT, 1);
    CHECK_REFUSED(flr_tcb_set_upcall(fw.endpoint, 0), BAD_TYPE, 1);
    CHECK_DONE(flr_tcb_set_upcall(tcb, FL_USER_BASE));
    CHECK_DONE(flr_tcb_set_upcall(tcb, FL_USER_END - 1));
    CHECK_DONE(flr_tcb_set_upcall(tcb, 0));
}

static volatile struct fl_upcall *own_area(void)
{
    return (volatile struct fl_upcall *)((uint64_t *)(uintptr_t)FL_BUFFER + FL_UPCALL_WORD);
}

TEST("going back from an upcall works without one, and refuses an argument")
{
    fault_setup();
    memset((struct fl_upcall *)own_area(), 0, sizeof *own_area());
    own_area()->a[0] = 0x1234;
    CHECK_EQ(upcall_round_trip(own_area(), 1), FL_STATUS(FL_RESERVED, 1));
    CHECK_EQ(upcall_round_trip(own_area(), 0), 0x1234);
    CHECK_EQ(own_area()->busy, 0);
}

static void resume_without_buffer(uint64_t unused)
{
    (void)unused;
    fw.value = fl_ecall(FL_CALL_thread_resume_upcall, 0, 0, 0, 0, 0, 0, 0).status;
    fw.progress++;
    kit_sleep();
}

TEST("going back from an upcall without a message buffer says NO_BUFFER")
{
    fault_setup();
    struct kit_thread *thread = upcall_thread(resume_without_buffer, 0);
    fault_without_buffer(thread);
    kit_start(thread);
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(fw.value, FL_NO_BUFFER);
}

/* --- faults that are answered by an upcall --------------------------------------------------- */

TEST("every kind of fault can be given to its thread, which finds label, words, pc and registers")
{
    static const struct {
        void (*function)(uint64_t *);
        uint64_t label;
        const char *pc;
    } cases[] = {{registers_load, FL_LABEL_PAGE_FAULT, registers_load_load},
                 {registers_call, FL_LABEL_UNKNOWN_SYSCALL, registers_call_ecall}};

    fault_setup();
    for (unsigned i = 0; i < 2; i++) {
        upcall_fill_registers();
        uw.registers[A0] = AREA;
        upcall_run(upcall_with_registers, (uintptr_t)cases[i].function);
        upcall_take_fault();
        CHECK_EQ(FL_INFO_LABEL(fw.fault.info), cases[i].label);
        CHECK_DONE(upcall_answer(FL_INFO(FL_LABEL_UPCALL, i)));
        upcall_take_fault(); /* the thread went back to the same instruction */
        CHECK_EQ(FL_INFO_LABEL(fw.fault.info), cases[i].label);
        CHECK_EQ(fw.fault.word[1], (uintptr_t)cases[i].pc);
        check_entry(cases[i].label);
        CHECK_EQ(uw.area->pc, (uintptr_t)cases[i].pc);
        CHECK_EQ(uw.area->a[0], AREA);
        CHECK_EQ(uw.area->a[7], UPCALL_PATTERN + A7);
        CHECK_EQ(uw.area->t[6], UPCALL_PATTERN + 31);
        CHECK_DONE(fault_answer_info(STOP));
    }
}

static void run_function(uint64_t function)
{
    ((void (*)(void))(uintptr_t)function)();
}

TEST("an illegal instruction and a breakpoint can be given to their thread too")
{
    static const struct {
        void (*function)(void);
        uint64_t label;
    } cases[] = {{test_illegal, FL_LABEL_USER_EXCEPTION}, {test_ebreak, FL_LABEL_BREAKPOINT}};

    fault_setup();
    for (unsigned i = 0; i < 2; i++) {
        struct kit_thread *thread =
            upcall_thread(run_function, (uint64_t)(uintptr_t)cases[i].function);
        CHECK_DONE(flr_tcb_set_upcall(thread->tcb, AREA));
        kit_start(thread);
        upcall_take_fault();
        CHECK_DONE(upcall_answer(UPCALL_ANSWER));
        fault_expect(AREA, FL_ACCESS_EXEC | FL_ACCESS_UPCALL); /* at the entry */
        CHECK_EQ(uw.area->label, cases[i].label);
        CHECK_EQ(uw.area->pc, (uintptr_t)cases[i].function);
        CHECK_DONE(fault_answer_info(STOP));
    }
}

TEST("a refused upcall leaves fault and Reply as they were")
{
    fault_setup();
    struct kit_thread *thread = upcall_run(fault_read_word, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, 0));
    CHECK_REFUSED(upcall_answer(UPCALL_ANSWER), NOT_READY, 2);
    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, UPCALL_PROBE));
    uw.area->busy = 1;
    CHECK_REFUSED(upcall_answer(UPCALL_ANSWER), BUSY, 2);
    uw.area->busy = 0;
    CHECK_REFUSED(upcall_answer(FL_INFO(FL_LABEL_UPCALL, 4)), RESERVED, 2);
    CHECK_REFUSED(upcall_answer(FL_INFO_ITEMS(FL_LABEL_UPCALL, 0, 1)), RESERVED, 2);
    CHECK_EQ(upcall_state(thread), FL_STATE_AWAIT_REPLY | FL_STATE_FAULT);
    CHECK_EQ(uw.area->pc, 0);
    fault_finish(AREA, R);
}

TEST("a page fault tells whether the save area is in use")
{
    fault_setup();
    struct kit_thread *thread = upcall_thread(fault_read_word, AREA);
    uw.area->busy = 7;
    kit_start(thread);
    fault_expect(AREA, FL_ACCESS_READ | FL_ACCESS_UPCALL);
    uw.area->busy = 0;
    CHECK_DONE(fault_answer_info(RESUME(0)));
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}
