/* The entry that programs use: C functions as upcalls, nesting, faults meanwhile. */
#include "upcall_world.h"

#define EBREAK 0x00100073u

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
    seen[deepest] = upcall->word[0];
    deepest++;
    clobber();
}

/* Sleeps until so many have come, or one that deep, and none is left that nests. */
static void wait_for_upcalls(uint64_t count)
{
    for (uint64_t end = kit_deadline(); deepest < count || depth > 0; kit_nap())
        CHECK(fl_rdtime() < end);
}

/* A thread that can be interrupted by C: with gp and tp as C needs them. */
static struct kit_thread *prepare_for_c(uint64_t function, void (*main)(struct fl_upcall *))
{
    struct kit_thread *thread = upcall_thread(upcall_with_registers, function);

    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, (uintptr_t)upcall_entry));
    __asm__("mv %0, gp\n\tmv %1, tp" : "=r"(uw.registers[GP]), "=r"(uw.registers[TP]));
    on_upcall = main;
    own_thread = thread->tcb;
    depth = deepest = 0;
    return thread;
}

static struct kit_thread *begin_with_entry(void (*main)(struct fl_upcall *))
{
    upcall_fill_to_spin();
    struct kit_thread *thread = prepare_for_c((uintptr_t)registers_spin, main);
    kit_start(thread);
    upcall_nap();
    return thread;
}

static void end_spinning(void)
{
    uw.flag = 1;
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(uw.area->busy, 0);
    upcall_check_spun();
}

TEST("a C function runs as an upcall and the thread does not notice")
{
    fault_setup();
    struct kit_thread *thread = begin_with_entry(count_upcall);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_DONE(flr_tcb_upcall(thread->tcb, i + 5, 0, 0));
        wait_for_upcalls(i + 1);
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
    wait_for_upcalls(5);
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
    upcall_nap();
    CHECK_EQ(fw.value, 77);
    end_spinning();
}

/* Spins with its stack in AREA. */
static void spin_on_area(uint64_t unused)
{
    (void)unused;
    __asm__ volatile("mv s2, sp\n\tmv sp, %0\n1:\tld t0, 0(%1)\n\tbeqz t0, 1b\n\tmv sp, s2" ::"r"(
                         AREA + 2 * PAGE),
                     "r"(&uw.flag)
                     : "s2", "t0", "memory");
    fw.progress++;
    kit_sleep();
}

TEST("the stack may be absent when an upcall comes: the faults are served as any others")
{
    fault_setup();
    uw.flag = 0;
    deepest = 0;
    on_upcall = count_upcall;
    struct kit_thread *thread = upcall_thread(spin_on_area, 0);
    CHECK_DONE(flr_tcb_set_upcall(thread->tcb, (uintptr_t)upcall_entry));
    kit_start(thread);
    upcall_nap();
    CHECK_DONE(flr_tcb_upcall(thread->tcb, 9, 0, 0));
    upcall_take_fault();
    CHECK_EQ(fw.fault.word[0] / PAGE, AREA / PAGE + 1);
    CHECK_EQ(fw.fault.word[2], FL_ACCESS_WRITE | FL_ACCESS_UPCALL);
    CHECK_REFUSED(upcall_answer(UPCALL_ANSWER), BUSY, 2);
    CHECK_DONE(fault_answer_one(AREA + PAGE, RW, 1, fw.page));
    wait_for_upcalls(1);
    CHECK_EQ(deepest, 1);
    uw.flag = 1;
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
    upcall_fill_registers();
    struct kit_thread *thread = prepare_for_c((uintptr_t)registers_load, skip_instruction);
    uw.registers[A0] = AREA;
    kit_start(thread);
    upcall_take_fault();
    CHECK_DONE(upcall_answer(UPCALL_ANSWER));
    kit_settle();
    CHECK_EQ(fw.progress, 1);
    CHECK_EQ(seen[0], FL_LABEL_PAGE_FAULT);
    CHECK_EQ(seen[1], 33);
    for (unsigned n = 1; n < 32; n++)
        CHECK_EQ(uw.registers[32 + n], n == A0 ? 0xabcd : uw.registers[n]);
}

/* The code word at an address of the image, writable. */
static uint32_t *code_word(uint64_t address)
{
    uint64_t page = (address - 0x10000) / PAGE;
    char *window = kit_window(kit_boot_info()->image_page + page);

    return (uint32_t *)(void *)(window + address % PAGE);
}

static void write_code(uint64_t address, uint32_t *window, uint32_t instruction)
{
    *window = instruction;
    CHECK_DONE(flr_vspace_protect(fw.space, address & ~(PAGE - 1), 1, R | X)); /* fence.i */
}

TEST("an upcall at any instruction of another's way back does no harm")
{
    uint64_t start = (uintptr_t)upcall_leave, end = (uintptr_t)upcall_leave_end;

    CHECK(end > start && end - start < 100);
    for (uint64_t at = start; at < end; at += 4) {
        fault_setup();
        struct kit_thread *thread = begin_with_entry(count_upcall);
        uint32_t *code = code_word(at), instruction = *code;
        write_code(at, code, EBREAK);
        CHECK_DONE(flr_tcb_upcall(thread->tcb, 1, 0, 0));
        upcall_take_fault();
        write_code(at, code, instruction);
        CHECK_EQ(fw.fault.info, FL_INFO(FL_LABEL_BREAKPOINT, 4));
        CHECK_EQ(fw.fault.word[1], at);
        CHECK_DONE(upcall_answer(UPCALL_ANSWER));
        wait_for_upcalls(2);
        CHECK_EQ(uw.area->label, FL_LABEL_BREAKPOINT);
        CHECK_EQ(deepest, 2);
        CHECK_EQ(seen[1], 11);
        end_spinning();
    }
}
