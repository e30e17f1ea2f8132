/* Upcalls: what the kernel saves, when it carries them out, and the entry that programs use. */
#include "upcall.h"

#include <string.h>

#include "fault_world.h"

#define ENTRY   ((uint64_t)(uintptr_t)registers_upcall)
#define WORDS   11, 22, 33
#define UPCALL  FL_INFO(FL_LABEL_UPCALL, 3)
#define EBREAK  0x00100073u
#define PATTERN 0x5a5a000000000000ull

enum { SP = 2, T0 = 5, T1 = 6, A0 = 10, A7 = 17 };

void registers_call(uint64_t *registers);
void registers_load(uint64_t *registers);
void registers_spin(uint64_t *registers);
void registers_upcall(void);
void test_illegal(void);
void test_ebreak(void);
uint64_t upcall_round_trip(volatile struct fl_upcall *area, uint64_t argument);
extern char registers_call_ecall[], registers_load_load[];

/* The thread's registers before, afterwards and at the upcall entry, 32 words each.  Its sp points
 * to them, so a C function that interrupts it has the room below for its stack. */
static struct {
    uint64_t room[512];
    uint64_t registers[96];
} around __attribute__((aligned(16)));
static uint64_t *const registers = around.registers;
static volatile uint64_t flag;
static volatile struct fl_upcall *area; /* of the last thread, as the root task sees it */

static struct kit_thread *prepare(void (*function)(uint64_t), uint64_t argument)
{
    struct kit_thread *thread = kit_thread(fw.space, fw.handler, KIT_PRIORITY, function, argument);

    area =
        (volatile struct fl_upcall *)((uint64_t *)kit_window(thread->buffer_page) + FL_UPCALL_WORD);
    memset((struct fl_upcall *)area, 0, sizeof *area);
    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, ENTRY));
    return thread;
}

static struct kit_thread *begin(void (*function)(uint64_t), uint64_t argument)
{
    struct kit_thread *thread = prepare(function, argument);

    kit_start(thread);
    return thread;
}

static uint64_t state_of(const struct kit_thread *thread)
{
    return flr_tcb_state(thread->tcb).value & UINT32_MAX;
}

/* Lets lower threads run for a while, which may not come to an end. */
static void nap(void)
{
    uint64_t timer = kit_object(FL_OBJECT_TIMER), bell = kit_object(FL_OBJECT_NOTIFICATION);

    CHECK_DONE(flr_timer_bind(timer, bell));
    CHECK_DONE(flr_timer_set(timer, fl_rdtime() + kit_boot_info()->timebase_hz / 1000));
    flr_notification_wait(bell);
}

static void fill_registers(void)
{
    memset(&around, 0, sizeof around);
    for (unsigned n = 1; n < 32; n++)
        registers[n] = PATTERN + n;
    registers[SP] = (uint64_t)(uintptr_t)registers;
}

static void with_registers(uint64_t function)
{
    ((void (*)(uint64_t *))(uintptr_t)function)(registers);
    fw.progress++;
    kit_sleep();
}

static void spin_with_registers(void)
{
    fill_registers();
    flag = 0;
    registers[T1] = (uint64_t)(uintptr_t)&flag;
}

static bool is_temporary(unsigned n)
{
    return (n >= 5 && n <= 7) || n >= 28;
}

/* At the entry: label and words in a0..a3, the other registers that a call changes 0, and those that
 * it preserves as before. */
static void check_entry(uint64_t label)
{
    const uint64_t words[] = {label, WORDS};

    for (unsigned n = 1; n < 32; n++) {
        uint64_t expected = is_temporary(n) || (n >= A0 && n <= A7) ? 0 : registers[n];

        if (n >= A0 && n < A0 + 4)
            expected = words[n - A0];
        CHECK_EQ(registers[64 + n], expected);
    }
    CHECK_EQ(area->label, label);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(area->word[i], words[i + 1]);
    CHECK_EQ(area->busy, 1);
    CHECK_EQ(area->sp, (uintptr_t)registers);
}

/* A spinning thread's registers after all: as before but for the flag that ended it. */
static void check_spun(void)
{
    for (unsigned n = 1; n < 32; n++)
        CHECK_EQ(registers[32 + n], n == T0 ? 1 : registers[n]);
}

/* --- when and what --------------------------------------------------------------------------- */

TEST("an upcall interrupts a running thread, and going back restores every register")
{
    fault_setup();
    spin_with_registers();
    struct kit_thread *thread = begin(with_registers, (uintptr_t)registers_spin);
    nap();
    CHECK_EQ(state_of(thread), FL_STATE_READY);
    CHECK_DONE(flr_tcb_upcall(thread->tcb, WORDS));
    CHECK_EQ(state_of(thread), FL_STATE_READY | FL_STATE_UPCALL);
    CHECK_EQ(area->busy, 0);
    nap();
    CHECK_EQ(state_of(thread), FL_STATE_READY);
    check_entry(0);
    CHECK(area->pc - (uintptr_t)registers_spin < 512);
    CHECK_EQ(area->a[7], PATTERN + A7);
    flag = 1;
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    check_spun();
}

TEST("a thread that waits in a call goes on waiting; the upcall finds the call's results")
{
    fault_setup();
    fill_registers();
    uint64_t bell = kit_object(FL_OBJECT_NOTIFICATION);
    registers[A0] = bell;
    registers[A7] = FL_CALL_notification_wait;
    struct kit_thread *thread = begin(with_registers, (uintptr_t)registers_call);
    kit_settle();
    CHECK_DONE(flr_tcb_upcall(thread->tcb, WORDS));
    kit_settle();
    CHECK_EQ(state_of(thread), FL_STATE_AWAIT_BITS | FL_STATE_UPCALL);
    CHECK_EQ(area->busy, 0);
    CHECK_DONE(flr_notification_signal(bell));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    check_entry(0);
    CHECK_EQ(area->pc, (uintptr_t)registers_call_ecall + 4);
    for (unsigned i = 0; i < 8; i++)
        CHECK_EQ(area->a[i], i == 1 ? 1 : 0);
    for (unsigned i = 0; i < 7; i++)
        CHECK_EQ(area->t[i], 0);
    CHECK_EQ(registers[32 + A0], FL_OK);
    CHECK_EQ(registers[32 + A0 + 1], 1);
}

TEST("an upcall of its own comes to a thread as its call returns")
{
    fault_setup();
    fill_registers();
    struct kit_thread *thread = prepare(with_registers, (uintptr_t)registers_call);
    const uint64_t arguments[] = {thread->tcb, WORDS};
    memcpy(&registers[A0], arguments, sizeof arguments);
    registers[A7] = FL_CALL_tcb_upcall;
    kit_start(thread);
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    check_entry(0);
    CHECK_EQ(area->pc, (uintptr_t)registers_call_ecall + 4);
    CHECK_EQ(area->a[0], FL_OK);
}

TEST("a stopped thread's upcall waits until it runs; a new start or no entry forgets it")
{
    fault_setup();
    for (unsigned way = 0; way < 3; way++) {
        spin_with_registers();
        struct kit_thread *thread = begin(with_registers, (uintptr_t)registers_spin);
        nap();
        CHECK_DONE(flr_tcb_suspend(thread->tcb));
        CHECK_DONE(flr_tcb_upcall(thread->tcb, WORDS));
        kit_settle();
        CHECK_EQ(state_of(thread), FL_STATE_STOPPED | FL_STATE_UPCALL);
        CHECK_EQ(area->busy, 0);
        if (way == 1)
            CHECK_DONE(flr_tcb_set_upcall(thread->tcb, 0));
        if (way == 2)
            kit_start(thread);
        else
            CHECK_DONE(flr_tcb_resume(thread->tcb));
        CHECK_EQ(state_of(thread), FL_STATE_READY | (way == 0 ? FL_STATE_UPCALL : 0));
        flag = 1;
        kit_settle();
        CHECK_EQ(area->busy, way == 0);
        CHECK_EQ(fw.progress, way + 1);
        check_spun();
    }
}

TEST("a thread with a pending upcall can be deleted")
{
    fault_setup();
    struct kit_thread *thread = prepare(fault_read_word, AREA);
    CHECK_DONE(flr_tcb_upcall(thread->tcb, WORDS));
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
}

/* --- refusals -------------------------------------------------------------------------------- */

TEST("an upcall needs an entry, a buffer, a free save area, and no other pending")
{
    fault_setup();
    struct kit_thread *thread = prepare(fault_read_word, AREA);
    uint64_t bare = kit_object(FL_OBJECT_TCB);

    CHECK_REFUSED(flr_tcb_upcall(NO_SLOT, WORDS), BAD_SLOT, 1);
    CHECK_REFUSED(flr_tcb_upcall(fw.endpoint, WORDS), BAD_TYPE, 1);
    CHECK_REFUSED(flr_tcb_upcall(bare, WORDS), NOT_READY, 1);
    CHECK_DONE(flr_tcb_set_upcall(bare, ENTRY));
    CHECK_REFUSED(flr_tcb_upcall(bare, WORDS), NOT_READY, 1);
    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, 0));
    CHECK_REFUSED(flr_tcb_upcall(thread->tcb, WORDS), NOT_READY, 1);
    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, ENTRY));
    area->busy = 1ull << 63;
    CHECK_REFUSED(flr_tcb_upcall(thread->tcb, WORDS), BUSY, 1);
    CHECK_EQ(state_of(thread), FL_STATE_STOPPED);
    area->busy = 0;
    CHECK_DONE(flr_tcb_upcall(thread->tcb, WORDS));
    CHECK_REFUSED(flr_tcb_upcall(thread->tcb, WORDS), BUSY, 1);
}

TEST("a thread in a fault gets no upcall but by the answer of its handler")
{
    fault_setup();
    struct kit_thread *thread = begin(fault_read_word, AREA);
    kit_settle();
    CHECK_EQ(state_of(thread), FL_STATE_SENDING | FL_STATE_FAULT);
    CHECK_REFUSED(flr_tcb_upcall(thread->tcb, WORDS), BUSY, 1);
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_EQ(state_of(thread), FL_STATE_AWAIT_REPLY | FL_STATE_FAULT);
    CHECK_REFUSED(flr_tcb_upcall(thread->tcb, WORDS), BUSY, 1);
    CHECK_EQ(area->busy, 0);
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
    struct kit_thread *thread = prepare(resume_without_buffer, 0);
    fault_without_buffer(thread);
    kit_start(thread);
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(fw.value, FL_NO_BUFFER);
}

/* --- faults that are answered by an upcall --------------------------------------------------- */

static struct fl_result answer_upcall(uint64_t info)
{
    return (struct fl_result){fl_ipc_reply(fw.reply, info, WORDS, 0), 0};
}

static void take_fault(void)
{
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.status, FL_OK);
}

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
        fill_registers();
        registers[A0] = AREA;
        begin(with_registers, (uintptr_t)cases[i].function);
        take_fault();
        CHECK_EQ(FL_INFO_LABEL(fw.fault.info), cases[i].label);
        CHECK_DONE(answer_upcall(FL_INFO(FL_LABEL_UPCALL, i)));
        take_fault(); /* the thread went back to the same instruction */
        CHECK_EQ(FL_INFO_LABEL(fw.fault.info), cases[i].label);
        CHECK_EQ(fw.fault.word[1], (uintptr_t)cases[i].pc);
        check_entry(cases[i].label);
        CHECK_EQ(area->pc, (uintptr_t)cases[i].pc);
        CHECK_EQ(area->a[0], AREA);
        CHECK_EQ(area->a[7], PATTERN + A7);
        CHECK_EQ(area->t[6], PATTERN + 31);
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
        struct kit_thread *thread = prepare(run_function, (uint64_t)(uintptr_t)cases[i].function);
        CHECK_DONE(flr_tcb_set_upcall(thread->tcb, AREA));
        kit_start(thread);
        take_fault();
        CHECK_DONE(answer_upcall(UPCALL));
        fault_expect(AREA, FL_ACCESS_EXEC | FL_ACCESS_UPCALL); /* at the entry */
        CHECK_EQ(area->label, cases[i].label);
        CHECK_EQ(area->pc, (uintptr_t)cases[i].function);
        CHECK_DONE(fault_answer_info(STOP));
    }
}

TEST("a refused upcall leaves fault and Reply as they were")
{
    fault_setup();
    struct kit_thread *thread = begin(fault_read_word, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, 0));
    CHECK_REFUSED(answer_upcall(UPCALL), NOT_READY, 2);
    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, ENTRY));
    area->busy = 1;
    CHECK_REFUSED(answer_upcall(UPCALL), BUSY, 2);
    area->busy = 0;
    CHECK_REFUSED(answer_upcall(FL_INFO(FL_LABEL_UPCALL, 4)), RESERVED, 2);
    CHECK_REFUSED(answer_upcall(FL_INFO_ITEMS(FL_LABEL_UPCALL, 0, 1)), RESERVED, 2);
    CHECK_EQ(state_of(thread), FL_STATE_AWAIT_REPLY | FL_STATE_FAULT);
    CHECK_EQ(area->pc, 0);
    fault_finish(AREA, R);
}

TEST("a page fault tells whether the save area is in use")
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

/* --- the entry that programs use ------------------------------------------------------------- */

static void (*volatile on_upcall)(struct fl_upcall *);
static volatile uint64_t depth, deepest, own_thread, seen[8];

void upcall_main(struct fl_upcall *upcall)
{
    on_upcall(upcall);
}

static void clobber(void)
{
    __asm__ volatile("li t0, -1\n\tli t1, -1\n\tli t2, -1\n\tli t3, -1\n\tli t4, -1\n\t"
                     "li t5, -1\n\tli t6, -1\n\tli a1, -1\n\tli a2, -1\n\tli a3, -1\n\t"
                     "li a4, -1\n\tli a5, -1\n\tli a6, -1\n\tli a7, -1" ::
                         : "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a1", "a2", "a3", "a4", "a5",
                           "a6", "a7");
}

static void count_upcall(struct fl_upcall *upcall)
{
    seen[deepest++] = upcall->word[0];
    clobber();
}

/* A thread that can be interrupted by C: with gp and tp as C needs them. */
static struct kit_thread *prepare_for_c(uint64_t function, void (*main)(struct fl_upcall *))
{
    struct kit_thread *thread = prepare(with_registers, function);

    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, (uintptr_t)upcall_entry));
    __asm__("mv %0, gp\n\tmv %1, tp" : "=r"(registers[3]), "=r"(registers[4]));
    on_upcall = main;
    own_thread = thread->tcb;
    depth = deepest = 0;
    return thread;
}

static struct kit_thread *begin_with_entry(void (*main)(struct fl_upcall *))
{
    spin_with_registers();
    struct kit_thread *thread = prepare_for_c((uintptr_t)registers_spin, main);
    kit_start(thread);
    nap();
    return thread;
}

static void end_spinning(void)
{
    flag = 1;
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(area->busy, 0);
    check_spun();
}

TEST("a C function runs as an upcall and the thread does not notice")
{
    fault_setup();
    struct kit_thread *thread = begin_with_entry(count_upcall);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_DONE(flr_tcb_upcall(thread->tcb, i + 5, 0, 0));
        nap();
        CHECK_EQ(deepest, i + 1);
        CHECK_EQ(seen[i], i + 5);
    }
    end_spinning();
}

static void nest(struct fl_upcall *upcall)
{
    depth++;
    seen[depth] = upcall->word[0];
    if (depth > deepest)
        deepest = depth;
    if (depth < 5)
        flr_tcb_upcall(own_thread, 100 + depth, 0, 0);
    seen[depth] += upcall->word[0];
    clobber();
    depth--;
}

TEST("upcalls nest, each going back to the one it interrupted")
{
    fault_setup();
    struct kit_thread *thread = begin_with_entry(nest);
    CHECK_DONE(flr_tcb_upcall(thread->tcb, 100, 0, 0));
    nap();
    CHECK_EQ(depth, 0);
    CHECK_EQ(deepest, 5);
    for (unsigned i = 1; i <= 5; i++)
        CHECK_EQ(seen[i], 2 * (100 + i - 1));
    end_spinning();
}

static void touch_pages(struct fl_upcall *upcall)
{
    fw.value = *(volatile uint64_t *)(uintptr_t)upcall->word[0];
    *(volatile uint64_t *)(uintptr_t)upcall->word[1] = 5;
    clobber();
}

TEST("an upcall may take page faults, which do not say that the save area is in use")
{
    fault_setup();
    *(uint64_t *)kit_window(fw.page) = 77;
    struct kit_thread *thread = begin_with_entry(touch_pages);
    CHECK_DONE(flr_tcb_upcall(thread->tcb, AREA, AREA + PAGE, 0));
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_DONE(fault_answer_one(AREA, R, 1, fw.page));
    fault_expect(AREA + PAGE, FL_ACCESS_WRITE);
    CHECK_DONE(fault_answer_one(AREA + PAGE, RW, 1, fw.page + 1));
    nap();
    CHECK_EQ(fw.value, 77);
    end_spinning();
}

/* Spins with its stack in AREA. */
static void spin_on_area(uint64_t unused)
{
    (void)unused;
    __asm__ volatile("mv s2, sp\n\tmv sp, %0\n1:\tld t0, 0(%1)\n\tbeqz t0, 1b\n\tmv sp, s2" ::"r"(
                         AREA + 2 * PAGE),
                     "r"(&flag)
                     : "s2", "t0", "memory");
    fw.progress++;
    kit_sleep();
}

TEST("the stack may be absent when an upcall comes: the faults are served as any others")
{
    fault_setup();
    flag = 0;
    deepest = 0;
    on_upcall = count_upcall;
    struct kit_thread *thread = prepare(spin_on_area, 0);
    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, (uintptr_t)upcall_entry));
    kit_start(thread);
    nap();
    CHECK_DONE(flr_tcb_upcall(thread->tcb, 9, 0, 0));
    take_fault();
    CHECK_EQ(fw.fault.word[0] / PAGE, AREA / PAGE + 1);
    CHECK_EQ(fw.fault.word[2], FL_ACCESS_WRITE | FL_ACCESS_UPCALL);
    CHECK_REFUSED(answer_upcall(UPCALL), BUSY, 2);
    CHECK_DONE(fault_answer_one(AREA + PAGE, RW, 1, fw.page));
    nap();
    CHECK_EQ(deepest, 1);
    flag = 1;
    kit_settle();
    CHECK_EQ(fw.progress, 1);
}

static void skip_instruction(struct fl_upcall *upcall)
{
    seen[0] = upcall->label;
    seen[1] = upcall->word[2];
    upcall->pc += 4;
    upcall->a[0] = 0xabcd;
}

TEST("an upcall for a fault may change where its thread goes on and with what")
{
    fault_setup();
    fill_registers();
    struct kit_thread *thread = prepare_for_c((uintptr_t)registers_load, skip_instruction);
    registers[A0] = AREA;
    kit_start(thread);
    take_fault();
    CHECK_DONE(answer_upcall(UPCALL));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(seen[0], FL_LABEL_PAGE_FAULT);
    CHECK_EQ(seen[1], 33);
    for (unsigned n = 1; n < 32; n++)
        CHECK_EQ(registers[32 + n], n == A0 ? 0xabcd : registers[n]);
}

/* The code word at an address of the image, writable. */
static uint32_t *code_word(uint64_t address)
{
    uint64_t page = (address - 0x10000) / PAGE;
    char *window = kit_window(kit_boot_info()->image_page + page);

    return (uint32_t *)(void *)(window + address % PAGE);
}

TEST("an upcall at any instruction of another's way back does no harm")
{
    uint64_t start = (uintptr_t)upcall_leave, end = (uintptr_t)upcall_leave_end;

    CHECK(end > start && end - start < 100);
    for (uint64_t at = start; at < end; at += 4) {
        fault_setup();
        struct kit_thread *thread = begin_with_entry(count_upcall);
        uint32_t *code = code_word(at), instruction = *code;
        *code = EBREAK;
        CHECK_DONE(flr_tcb_upcall(thread->tcb, 1, 0, 0));
        take_fault();
        *code = instruction;
        CHECK_EQ(fw.fault.info, FL_INFO(FL_LABEL_BREAKPOINT, 4));
        CHECK_EQ(fw.fault.word[1], at);
        CHECK_DONE(answer_upcall(UPCALL));
        nap();
        CHECK_EQ(area->label, FL_LABEL_BREAKPOINT);
        CHECK_EQ(deepest, 2);
        CHECK_EQ(seen[1], 11);
        end_spinning();
    }
}
