/* What the handler of a fault is told, and what a fault leaves as it was. */
#include <string.h>

#include "fault_world.h"

void registers_call(uint64_t *registers);
void registers_load(uint64_t *registers);
void floats_exchange(const uint64_t *in, uint64_t *out, const volatile uint64_t *flag);
void test_illegal(void);
void test_ebreak(void);
extern char registers_call_ecall[], registers_load_load[], test_code[], test_code_end[];

static uint64_t registers[64];

static void run_code(uint64_t address)
{
    fw.value = ((uint64_t(*)(uint64_t))(uintptr_t)address)(41);
    fw.progress++;
    kit_sleep();
}

static void load_with_registers(uint64_t unused)
{
    (void)unused;
    registers_load(registers);
    fw.progress++;
    kit_sleep();
}

static void call_with_registers(uint64_t unused)
{
    (void)unused;
    registers_call(registers);
    fw.progress++;
    kit_sleep();
}

/* --- what a fault tells ---------------------------------------------------------------------- */

TEST("a read fault tells address, pc, access, sp and the handler's badge")
{
    fault_setup();
    registers[10] = AREA + 0x123;
    fault_run(load_with_registers, 0);
    fault_expect(AREA + 0x123, FL_ACCESS_READ);
    CHECK_EQ(fw.fault.word[1], (uintptr_t)registers_load_load);
    CHECK_EQ(fw.fault.word[3], (uintptr_t)registers);
    fault_finish(AREA, R);
}

TEST("a write fault and an instruction fault say so")
{
    fault_setup();
    fault_run(fault_write_word, AREA + 8);
    fault_expect(AREA + 8, FL_ACCESS_WRITE);
    CHECK(fault_answer_info(STOP).status == FL_OK);
    fault_run(run_code, AREA + PAGE);
    fault_expect(AREA + PAGE, FL_ACCESS_EXEC);
    CHECK_EQ(fw.fault.word[1], AREA + PAGE);
    CHECK_DONE(fault_answer_info(STOP));
}

TEST("a fault at a present entry tells which accesses the entry allows")
{
    static const struct {
        uint64_t rights;
        void (*access)(uint64_t);
        uint64_t expected;
    } cases[] = {
        {R, fault_write_word, FL_ACCESS_WRITE | FL_ACCESS_MAY_R},
        {R, run_code, FL_ACCESS_EXEC | FL_ACCESS_MAY_R},
        {RW, run_code, FL_ACCESS_EXEC | FL_ACCESS_MAY_R | FL_ACCESS_MAY_W},
        {X, fault_read_word, FL_ACCESS_READ | FL_ACCESS_MAY_X},
        {R | X, fault_write_word, FL_ACCESS_WRITE | FL_ACCESS_MAY_R | FL_ACCESS_MAY_X},
    };

    fault_setup();
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, AREA, 1, cases[i].rights));
        fault_run(cases[i].access, AREA);
        fault_expect(AREA, cases[i].expected | FL_ACCESS_PRESENT);
        CHECK_DONE(fault_answer_info(STOP));
        CHECK_DONE(flr_vspace_unmap(fw.space, AREA, 1));
    }
}

TEST("a fault says when the pool has fewer than 8 spare frames")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    kit_settle();
    while (flr_pool_withdraw(fw.pool, RAM).status == FL_OK)
        ;
    CHECK_DONE(flr_pool_donate(fw.pool, RAM, kit_frames(7), 7));
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_DONE(fault_answer_info(RESUME(0)));
    fault_expect(AREA, FL_ACCESS_READ | FL_ACCESS_POOL_LOW);
    CHECK_DONE(flr_pool_donate(fw.pool, RAM, kit_frames(1), 1));
    CHECK_DONE(fault_answer_info(RESUME(0)));
    fault_expect(AREA, FL_ACCESS_READ);
    CHECK_DONE(fault_answer_info(STOP));
}

static const uint64_t far_addresses[] = {
    0,          8,          FL_USER_END,           FL_USER_END + 8,
    1ull << 63, 1ull << 39, 0xffffffc000000000ull, 0xffffffff80200000ull,
    0 - PAGE,   0 - 8ull};

TEST("reads, writes and jumps outside the user half are faults that no item can mend")
{
    static const struct {
        void (*access)(uint64_t);
        uint64_t expected;
    } ways[] = {{fault_read_word, FL_ACCESS_READ},
                {fault_write_word, FL_ACCESS_WRITE},
                {run_code, FL_ACCESS_EXEC}};

    for (unsigned i = 0; i < sizeof far_addresses / sizeof far_addresses[0]; i++) {
        fault_setup();
        for (unsigned way = 0; way < 3; way++) {
            uint64_t address = far_addresses[i];
            fault_run(ways[way].access, address);
            fault_expect(address, ways[way].expected);
            CHECK_REFUSED(fault_answer_one(address & ~(PAGE - 1), R, 1, fw.page), OUT_OF_RANGE, 3);
            CHECK_DONE(fault_answer_info(STOP));
        }
    }
}

TEST("an access over a page boundary faults for each page and then reads both")
{
    fault_setup();
    memset(kit_window(fw.page), 0x11, PAGE);
    memset(kit_window(fw.page + 1), 0x22, PAGE);
    fault_run(fault_read_word, AREA + PAGE - 3);
    for (unsigned i = 0; i < 2; i++) {
        fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
        CHECK_EQ(fw.fault.info, FAULT);
        CHECK_EQ(fw.fault.word[2], FL_ACCESS_READ);
        CHECK_EQ(fw.fault.word[0] / PAGE, AREA / PAGE + i);
        CHECK_DONE(fault_answer_one(fw.fault.word[0] & ~(PAGE - 1), R, 1, fw.page + i));
    }
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(fw.value, 0x2222222222111111ull);
}

TEST("an instruction that straddles two pages faults for the second page at its own pc")
{
    fault_setup();
    uint8_t *code = kit_window(fw.page);
    CHECK(kit_window(fw.page + 1) == code + PAGE);
    memcpy(code + PAGE - 2, test_code, (size_t)(test_code_end - test_code));
    fault_run(run_code, AREA + PAGE - 2);
    fault_expect(AREA + PAGE - 2, FL_ACCESS_EXEC);
    CHECK_DONE(fault_answer_one(AREA, R | X, 1, fw.page));
    fault_expect(AREA + PAGE, FL_ACCESS_EXEC);
    CHECK_EQ(fw.fault.word[1], AREA + PAGE - 2);
    CHECK_DONE(fault_answer_one(AREA + PAGE, R | X, 1, fw.page + 1));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(fw.value, 42);
}

TEST("a page fault leaves all registers as they were")
{
    fault_setup();
    for (unsigned n = 1; n < 32; n++)
        registers[n] = 0x7e57000000000000ull + n;
    registers[10] = AREA;
    fault_run(load_with_registers, 0);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
    CHECK_EQ(registers[32 + 2], (uintptr_t)registers);
    for (unsigned n = 1; n < 32; n++)
        CHECK(n == 2 || registers[32 + n] == registers[n]);
}

static uint64_t floats[2][33], floats_after[2][33];

static void exchange(uint64_t i)
{
    floats_exchange(floats[i], floats_after[i],
                    (const volatile uint64_t *)(uintptr_t)(AREA + i * PAGE));
    fw.progress++;
    kit_sleep();
}

TEST("a page fault leaves the floating-point registers as they were, whoever runs meanwhile")
{
    fault_setup();
    *(uint64_t *)kit_window(fw.page) = 1;
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned n = 0; n < 32; n++)
            floats[i][n] = 0xf10a7000ull + 100 * i + n;
        floats[i][32] = i ? 0x65 : 0x1f;
        fault_run(exchange, i);
    }
    fault_expect(AREA, FL_ACCESS_READ);
    uint64_t first = fw.reply;
    fw.reply = kit_object(FL_OBJECT_REPLY);
    fault_expect(AREA + PAGE, FL_ACCESS_READ);
    fault_finish(AREA + PAGE, R);
    fw.reply = first;
    fault_finish(AREA, R);
    CHECK(memcmp(floats, floats_after, sizeof floats) == 0);
}

/* --- other exceptions ------------------------------------------------------------------------ */

TEST("an unknown call number is a message with number, pc, a0 and sp, and changes no register")
{
    static const uint64_t numbers[] = {FL_CALL_COUNT, 1000, 1ull << 32, 1ull << 63, UINT64_MAX};

    fault_setup();
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        registers[17] = numbers[i];
        registers[10] = 0xa0a0 + i;
        struct kit_thread *thread = fault_run(call_with_registers, 0);
        for (unsigned times = 0; times < 2; times++) {
            fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
            CHECK_EQ(fw.fault.info, FL_INFO(FL_LABEL_UNKNOWN_SYSCALL, 4));
            CHECK_EQ(fw.fault.badge, FAULT_BADGE);
            CHECK_EQ(fw.fault.word[0], numbers[i]);
            CHECK_EQ(fw.fault.word[1], (uintptr_t)registers_call_ecall);
            CHECK_EQ(fw.fault.word[2], 0xa0a0 + i);
            CHECK_EQ(fw.fault.word[3], (uintptr_t)registers);
            CHECK_DONE(fault_answer_info(times == 0 ? RESUME(0) : STOP));
        }
        CHECK_EQ(kit_delete(thread->tcb), FL_OK);
    }
    CHECK_EQ(fw.progress, 0);
}

static void run_function(uint64_t function)
{
    ((void (*)(void))(uintptr_t)function)();
    fw.progress++;
    kit_sleep();
}

TEST("an illegal instruction and an ebreak are messages with label, pc, cause and sp")
{
    static const struct {
        void (*function)(void);
        uint64_t label;
        uint64_t cause;
    } cases[] = {{test_illegal, FL_LABEL_USER_EXCEPTION, 2}, {test_ebreak, FL_LABEL_BREAKPOINT, 0}};

    for (unsigned i = 0; i < 2; i++) {
        fault_setup();
        fault_run(run_function, (uint64_t)(uintptr_t)cases[i].function);
        for (unsigned times = 0; times < 2; times++) {
            fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
            CHECK_EQ(fw.fault.info, FL_INFO(cases[i].label, 4));
            CHECK_EQ(fw.fault.badge, FAULT_BADGE);
            CHECK_EQ(fw.fault.word[1], (uintptr_t)cases[i].function);
            CHECK_EQ(fw.fault.word[2], cases[i].cause);
            CHECK_DONE(fault_answer_info(times == 0 ? RESUME(0) : STOP));
        }
        CHECK_EQ(fw.progress, 0);
    }
}
