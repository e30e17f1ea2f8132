/* Rules M: what the handler of a fault is told, and what a fault leaves as it was. */
#include <string.h>

#include "fault_world.h"

void registers_call(uint64_t *registers);
void registers_load(uint64_t *registers);
void floats_exchange(const uint64_t *in, uint64_t *out, const volatile uint64_t *flag);
extern char registers_call_ecall[], registers_load_load[];

#define UNKNOWN   FL_INFO(FL_LABEL_UNKNOWN_SYSCALL, 4)
#define EXCEPTION FL_INFO(FL_LABEL_USER_EXCEPTION, 4)
#define CODE      AREA
#define FAULTY    (AREA + 8 * PAGE) /* what code touches */

static uint64_t registers[64];

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

static void fill_registers(void)
{
    for (unsigned n = 1; n < 32; n++)
        registers[n] = 0x7e57000000000000ull + n;
}

/* All registers but sp, which the function itself sets, are what they were. */
static void check_registers(void)
{
    CHECK_EQ(registers[32 + 2], (uintptr_t)registers);
    for (unsigned n = 1; n < 32; n++)
        CHECK(n == 2 || registers[32 + n] == registers[n]);
}

/* --- page faults ----------------------------------------------------------------------------- */

TEST("M1: a page fault arrives with status OK, label 1, four words and no items")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    fl_ipc_recv(fw.endpoint, fw.reply, &fw.fault);
    CHECK_EQ(fw.fault.status, FL_OK);
    CHECK_EQ(fw.fault.info, 1ull | 4ull << 32);
    fault_finish(AREA, R);
}

TEST("M2: word 0 of a page fault is the address, to the byte")
{
    fault_setup();
    fault_run(fault_read_word, AREA + 0xff8);
    fault_take(FAULT);
    CHECK_EQ(fw.fault.word[0], AREA + 0xff8);
    fault_finish(AREA, R);
}

TEST("M2: word 0 of a fetch fault is the address of the code")
{
    fault_setup();
    fault_run(fault_run_code, AREA + 0x124);
    fault_take(FAULT);
    CHECK_EQ(fw.fault.word[0], AREA + 0x124);
    CHECK_DONE(fault_answer_info(STOP));
}

TEST("M2: word 0 of an access over a boundary lies in the page that is missing")
{
    fault_setup();
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, AREA, 1, R));
    fault_run(fault_read_word, AREA + PAGE - 3);
    fault_take(FAULT);
    CHECK_EQ(fw.fault.word[0] / PAGE, AREA / PAGE + 1);
    CHECK_DONE(fault_answer_info(STOP));
}

TEST("M3: word 1 of a page fault is the pc of the load")
{
    fault_setup();
    fill_registers();
    registers[10] = AREA + 0x123;
    fault_run(load_with_registers, 0);
    fault_expect(AREA + 0x123, FL_ACCESS_READ);
    CHECK_EQ(fw.fault.word[1], (uintptr_t)registers_load_load);
    fault_finish(AREA, R);
}

TEST("M3: word 1 of a fetch fault is the address that was jumped to")
{
    fault_setup();
    fault_run(fault_run_code, AREA + PAGE);
    fault_expect(AREA + PAGE, FL_ACCESS_EXEC);
    CHECK_EQ(fw.fault.word[1], AREA + PAGE);
    CHECK_DONE(fault_answer_info(STOP));
}

TEST("M4: the access word of a load from an absent page has READ and no other bit")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    fault_take(FAULT);
    CHECK_EQ(fw.fault.word[2], 1);
    fault_finish(AREA, R);
}

TEST("M5: word 3 of a page fault is sp")
{
    fault_setup();
    fill_registers();
    registers[10] = AREA;
    fault_run(load_with_registers, 0);
    fault_take(FAULT);
    CHECK_EQ(fw.fault.word[3], (uintptr_t)registers);
    fault_finish(AREA, R);
}

/* --- the access word ------------------------------------------------------------------------- */

TEST("M12: a load says READ")
{
    fault_setup();
    fault_run(fault_read_word, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

TEST("M12: a store says WRITE")
{
    fault_setup();
    fault_run(fault_write_word, AREA + 8);
    fault_expect(AREA + 8, FL_ACCESS_WRITE);
    fault_finish(AREA, RW);
}

TEST("M12: an instruction fetch says EXEC")
{
    fault_setup();
    fault_run(fault_run_code, AREA);
    fault_expect(AREA, FL_ACCESS_EXEC);
    CHECK_DONE(fault_answer_info(STOP));
}

static void add_atomically(uint64_t address)
{
    __asm__ volatile("amoadd.d zero, %0, (%1)" : : "r"(5ull), "r"(address) : "memory");
    fw.progress++;
    kit_sleep();
}

static void load_reserved(uint64_t address)
{
    uint64_t value;

    __asm__ volatile("lr.d %0, (%1)" : "=r"(value) : "r"(address) : "memory");
    fw.value = value;
    fw.progress++;
    kit_sleep();
}

/* QEMU may do the load of an atomic instruction on its own, and tell of that first. */
TEST("M13: an atomic instruction on an absent page ends with a WRITE, and adds once")
{
    fault_setup();
    uint64_t *words = kit_window(fw.page);
    words[0] = 37;
    fault_run(add_atomically, AREA);
    fault_take(FAULT);
    if (fw.fault.word[2] == FL_ACCESS_READ) {
        CHECK_DONE(fault_answer_one(AREA, R, 1, fw.page));
        fault_take(FAULT);
    }
    CHECK_EQ(fw.fault.word[2] & 7, FL_ACCESS_WRITE);
    fault_finish(AREA, RW);
    CHECK_EQ(words[0], 42);
}

TEST("M13: an atomic instruction on a page that may be read says WRITE")
{
    fault_setup();
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, AREA, 1, R));
    fault_run(add_atomically, AREA);
    fault_expect(AREA, FL_ACCESS_WRITE | FL_ACCESS_PRESENT | FL_ACCESS_MAY_R);
    fault_finish(AREA, RW);
}

TEST("M13: lr says READ")
{
    fault_setup();
    fault_run(load_reserved, AREA);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
}

/* A page mapped with `rights` that forbid what the thread does. */
static void check_present(uint64_t rights, void (*access)(uint64_t), uint64_t expected)
{
    fault_setup();
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, AREA, 1, rights));
    fault_run(access, AREA);
    fault_expect(AREA, FL_ACCESS_PRESENT | expected);
    CHECK_DONE(fault_answer_info(STOP));
}
#define PRESENT(sentence, rights, access, expected)          \
    TEST(sentence)                                           \
    {                                                        \
        check_present(rights, access, FL_ACCESS_##expected); \
    }

PRESENT("M14: a store to R- tells PRESENT and MAY_R", R, fault_write_word, WRITE | FL_ACCESS_MAY_R)
PRESENT("M14: a fetch from R- tells PRESENT and MAY_R", R, fault_run_code, EXEC | FL_ACCESS_MAY_R)
PRESENT("M14: a fetch from RW tells PRESENT, MAY_R and MAY_W", RW, fault_run_code,
        EXEC | FL_ACCESS_MAY_R | FL_ACCESS_MAY_W)
PRESENT("M14: a load from X tells PRESENT and MAY_X", X, fault_read_word, READ | FL_ACCESS_MAY_X)
PRESENT("M14: a store to X tells PRESENT and MAY_X", X, fault_write_word, WRITE | FL_ACCESS_MAY_X)
PRESENT("M14: a store to RX tells PRESENT, MAY_R and MAY_X", R | X, fault_write_word,
        WRITE | FL_ACCESS_MAY_R | FL_ACCESS_MAY_X)

TEST("M14: after the entry is gone PRESENT and MAY_* are clear again")
{
    fault_setup();
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, AREA, 1, R));
    fault_run(fault_write_word, AREA);
    fault_expect(AREA, FL_ACCESS_WRITE | FL_ACCESS_PRESENT | FL_ACCESS_MAY_R);
    CHECK_DONE(flr_vspace_unmap(fw.space, AREA, 1));
    CHECK_DONE(fault_answer_info(RESUME(0)));
    fault_expect(AREA, FL_ACCESS_WRITE);
    fault_finish(AREA, RW);
}

/* Where the serial port's page has no register: the entry is good, and nothing answers. */
#define HOLE (AREA + 0x800)

/* An access to the hole of a page that an item mapped: a fault that says PHYSICAL. */
static void check_physical(void (*access)(uint64_t), uint64_t kind)
{
    const struct fl_boot_device *uart = kit_find_device("ns16550a");

    fault_setup();
    if (uart == NULL)
        SKIP("this machine has no ns16550a");
    struct fl_item item = {AREA | RW, FL_ITEM_SOURCE(kit_device_slot(uart), 1), 0};
    struct kit_thread *thread = fault_thread(access, HOLE);

    fault_set_spare(7); /* which a page fault tells */
    kit_start(thread);
    fault_expect(HOLE, kind | FL_ACCESS_POOL_LOW);
    CHECK_DONE(fault_answer(&item, 1));
    for (unsigned times = 0; times < 2; times++) {
        fault_expect(HOLE, kind | FL_ACCESS_PHYSICAL);
        CHECK_DONE(fault_answer_info(times == 0 ? RESUME(0) : STOP));
    }
    CHECK_EQ(fw.progress, 0);
}

TEST("M15: a load that no memory answers says PHYSICAL, each time it is resumed")
{
    check_physical(fault_read_word, FL_ACCESS_READ);
}

TEST("M15: a store that no memory answers says PHYSICAL, each time it is resumed")
{
    check_physical(fault_write_word, FL_ACCESS_WRITE);
}

/* --- outside the user half ------------------------------------------------------------------- */

/* The fault is told as it is, and no item can mend it. */
static void check_far(void (*access)(uint64_t), uint64_t address, uint64_t expected)
{
    fault_setup();
    fault_run(access, address);
    fault_expect(address, expected);
    CHECK_REFUSED(fault_answer_one(address & ~(PAGE - 1), R, 1, fw.page), OUT_OF_RANGE, 3);
    CHECK_DONE(fault_answer_info(STOP));
}
#define FAR(sentence, access, address, expected)          \
    TEST(sentence)                                        \
    {                                                     \
        check_far(access, address, FL_ACCESS_##expected); \
    }

FAR("M10: a load from page 0 is a page fault", fault_read_word, 8, READ)
FAR("M10: a store to page 0 is a page fault", fault_write_word, 0, WRITE)
FAR("M10: a jump to page 0 is a page fault", fault_run_code, 0, EXEC)
FAR("M10: a load from the end of the user half is a page fault", fault_read_word, FL_USER_END, READ)
FAR("M10: a store to the end of the user half is a page fault", fault_write_word, FL_USER_END,
    WRITE)
FAR("M10: a jump to the end of the user half is a page fault", fault_run_code, FL_USER_END, EXEC)
FAR("M10: a load from a non-canonical address is a page fault", fault_read_word, 1ull << 63, READ)
FAR("M10: a store to a non-canonical address is a page fault", fault_write_word, 1ull << 39, WRITE)
FAR("M10: a jump to a non-canonical address is a page fault", fault_run_code, 1ull << 39, EXEC)
FAR("M10: a load from the kernel's image is a page fault", fault_read_word, 0xffffffff80200000ull,
    READ)
FAR("M10: a store to the kernel's half is a page fault", fault_write_word, 0xffffffc000000000ull,
    WRITE)
FAR("M10: a jump to the kernel's image is a page fault", fault_run_code, 0xffffffff80200000ull,
    EXEC)
FAR("M10: a load of the last word there is is a page fault", fault_read_word, 0 - 8ull, READ)

/* --- other faults ---------------------------------------------------------------------------- */

/* An ecall with a number that no call has. */
static void check_unknown(uint64_t number)
{
    fault_setup();
    fill_registers();
    registers[17] = number;
    registers[10] = 0xa0a0;
    fault_run(call_with_registers, 0);
    for (unsigned times = 0; times < 2; times++) {
        fault_take(UNKNOWN);
        CHECK_EQ(fw.fault.word[0], number);
        CHECK_EQ(fw.fault.word[1], (uintptr_t)registers_call_ecall);
        CHECK_EQ(fw.fault.word[2], 0xa0a0);
        CHECK_EQ(fw.fault.word[3], (uintptr_t)registers);
        CHECK_DONE(fault_answer_info(times == 0 ? RESUME(0) : STOP));
    }
    CHECK_EQ(fw.progress, 0);
}
#define UNKNOWN_CALL(sentence, number) \
    TEST(sentence)                     \
    {                                  \
        check_unknown(number);         \
    }

UNKNOWN_CALL("M6: the first number after the calls is an UNKNOWN_SYSCALL", FL_CALL_COUNT)
UNKNOWN_CALL("M6: number 1000 is an UNKNOWN_SYSCALL", 1000)
UNKNOWN_CALL("M6: number 2^32, whose low half is 0, is an UNKNOWN_SYSCALL", 1ull << 32)
UNKNOWN_CALL("M6: number 2^63 is an UNKNOWN_SYSCALL", 1ull << 63)
UNKNOWN_CALL("M6: number -1 is an UNKNOWN_SYSCALL", UINT64_MAX)

/* One instruction that is not for user mode, and a return behind it. */
static void check_exception(uint32_t instruction, uint64_t cause)
{
    const uint32_t code[] = {instruction, 0x00008067};

    fault_setup();
    fault_put_code(0, 0, code, 2);
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, CODE, 1, R | X));
    fault_run(fault_run_code, CODE);
    for (unsigned times = 0; times < 2; times++) {
        fault_take(EXCEPTION);
        CHECK_EQ(fw.fault.word[1], CODE);
        CHECK_EQ(fw.fault.word[2], cause);
        CHECK(fw.fault.word[3] > 0x3000000000ull); /* a kit_thread's stack */
        CHECK_DONE(fault_answer_info(times == 0 ? RESUME(0) : STOP));
    }
    CHECK_EQ(fw.progress, 0);
}
#define EXCEPTION_OF(sentence, instruction, cause) \
    TEST(sentence)                                 \
    {                                              \
        check_exception(instruction, cause);       \
    }

EXCEPTION_OF("M7: an undefined instruction is a USER_EXCEPTION of cause 2", 0xc0001073, 2)
EXCEPTION_OF("M7: sret is a USER_EXCEPTION of cause 2", 0x10200073, 2)
EXCEPTION_OF("M7: sfence.vma is a USER_EXCEPTION of cause 2", 0x12000073, 2)
EXCEPTION_OF("M7: reading sstatus is a USER_EXCEPTION of cause 2", 0x10002573, 2)
EXCEPTION_OF("M7: writing satp is a USER_EXCEPTION of cause 2", 0x18051073, 2)

/* An atomic instruction on the word at a1, which is one byte behind the start of a page of data.  An emulator of one
 * hart may load and store in place of it, and tell of the load. */
static void check_misaligned(uint32_t instruction, uint64_t cause, uint64_t emulated)
{
    const uint32_t code[] = {0x00001597, 0x00158593, instruction, 0x00008067}; /* auipc, addi: a1 */

    fault_setup();
    fault_put_code(0, 0, code, 4);
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, CODE, 1, R | X));
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page + 1, CODE + PAGE, 1, RW));
    uint64_t *data = kit_window(fw.page + 1);
    data[0] = data[1] = 0x1111111111111111ull;
    fault_run(fault_run_code, CODE);
    fault_take(EXCEPTION);
    CHECK_EQ(fw.fault.word[0], CODE + PAGE + 1);
    CHECK_EQ(fw.fault.word[1], CODE + 8);
    CHECK(fw.fault.word[2] == cause || fw.fault.word[2] == emulated);
    CHECK_DONE(fault_answer_info(STOP));
    CHECK_EQ(data[0], 0x1111111111111111ull);
    CHECK_EQ(data[1], 0x1111111111111111ull);
}

TEST("M7: a misaligned lr.w is a USER_EXCEPTION of cause 4 with its address")
{
    check_misaligned(0x1005a62f, 4, 4);
}

TEST("M7: a misaligned amoadd.w is a USER_EXCEPTION of cause 6 with its address, and adds nothing")
{
    check_misaligned(0x00b5a62f, 6, 4);
}

/* A breakpoint and what it tells, by the instruction's length. */
static void check_breakpoint(uint32_t instruction)
{
    const uint32_t code[] = {instruction, 0x00008067};

    fault_setup();
    fault_put_code(0, 0, code, 2);
    CHECK_DONE(flr_vspace_map(fw.space, RAM, fw.page, CODE, 1, R | X));
    fault_run(fault_run_code, CODE);
    for (unsigned times = 0; times < 2; times++) {
        fault_take(FL_INFO(FL_LABEL_BREAKPOINT, 4));
        CHECK_EQ(fw.fault.word[1], CODE);
        CHECK_EQ(fw.fault.word[2], 0);
        CHECK(fw.fault.word[3] > 0x3000000000ull); /* a kit_thread's stack */
        CHECK_DONE(fault_answer_info(times == 0 ? RESUME(0) : STOP));
    }
    CHECK_EQ(fw.progress, 0);
}

TEST("M8: an ebreak of four bytes is a BREAKPOINT")
{
    check_breakpoint(0x00100073);
}

TEST("M8: an ebreak of two bytes is a BREAKPOINT")
{
    check_breakpoint(0x00019002); /* c.nop behind it */
}

/* --- what stays as it was -------------------------------------------------------------------- */

TEST("M9: a page fault leaves all registers as they were")
{
    fault_setup();
    fill_registers();
    registers[10] = AREA;
    fault_run(load_with_registers, 0);
    fault_expect(AREA, FL_ACCESS_READ);
    fault_finish(AREA, R);
    check_registers();
}

TEST("M9: a page fault leaves all registers as they were while other threads fault and run")
{
    fault_setup();
    fill_registers();
    registers[10] = AREA;
    fault_run(load_with_registers, 0);
    fault_expect(AREA, FL_ACCESS_READ);
    uint64_t first = fw.reply;
    fw.reply = kit_object(FL_OBJECT_REPLY);
    for (unsigned i = 1; i < 4; i++) {
        fault_reader(AREA + i * PAGE);
        CHECK_DONE(fault_answer_one(AREA + i * PAGE, R, 1, fw.page + i));
        kit_settle();
    }
    fw.reply = first;
    fault_finish(AREA, R);
    check_registers();
}

TEST("M9: an unknown call leaves all registers as they were")
{
    fault_setup();
    fill_registers();
    registers[17] = UINT64_MAX;
    struct kit_thread *thread = fault_run(call_with_registers, 0);
    fault_take(UNKNOWN);
    CHECK_EQ(fw.fault.word[2], registers[10]);
    CHECK_DONE(fault_answer_info(RESUME(0)));
    fault_take(UNKNOWN);
    CHECK_EQ(fw.fault.word[0], UINT64_MAX);
    CHECK_EQ(fw.fault.word[2], registers[10]);
    CHECK_DONE(fault_answer_info(STOP));
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
}

static uint64_t floats[2][33], floats_after[2][33];

static void exchange(uint64_t i)
{
    floats_exchange(floats[i], floats_after[i],
                    (const volatile uint64_t *)(uintptr_t)(AREA + i * PAGE));
    fw.progress++;
    kit_sleep();
}

TEST("M9: a page fault leaves the floating-point registers as they were, whoever runs meanwhile")
{
    uint64_t replies[2];

    fault_setup();
    *(uint64_t *)kit_window(fw.page) = 1;
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned n = 0; n < 32; n++)
            floats[i][n] = 0xf10a7000ull + 100 * i + n;
        floats[i][32] = i ? 0x65 : 0x1f;
        replies[i] = fw.reply = kit_object(FL_OBJECT_REPLY);
        fault_run(exchange, i);
        fault_expect(AREA + i * PAGE, FL_ACCESS_READ);
    }
    fault_finish(AREA + PAGE, R);
    fw.reply = replies[0];
    fault_finish(AREA, R);
    CHECK(memcmp(floats, floats_after, sizeof floats) == 0);
}

TEST("M11: a resumed load is executed again, and reads what is there by then")
{
    fault_setup();
    uint64_t *words = kit_window(fw.page);
    fault_reader(AREA + 16);
    words[2] = 0xcafe;
    fault_finish(AREA, R);
    CHECK_EQ(fw.value, 0xcafe);
}

TEST("M11: a resumed store is executed again, once")
{
    fault_setup();
    uint64_t *words = kit_window(fw.page);
    words[2] = 0;
    fault_run(fault_write_word, AREA + 16);
    fault_expect(AREA + 16, FL_ACCESS_WRITE);
    CHECK_EQ(words[2], 0);
    fault_finish(AREA, RW);
    CHECK_EQ(words[2], 0x1234567890ull);
}

TEST("M11: a resumed jump runs the code that is there by then")
{
    static const uint32_t code[] = {0x00150513, 0x00008067}; /* addi a0, a0, 1; ret */

    fault_setup();
    fault_put_code(0, 0, code, 2);
    fault_run(fault_run_code, CODE);
    fault_expect(CODE, FL_ACCESS_EXEC);
    fault_finish(CODE, R | X);
    CHECK_EQ(fw.value, 42);
}
