/* The fault protocol: what a handler is told and what it may answer.  The root task is the handler
 * of threads in a space of their own. */
#include <string.h>

#include "refusal.h"

#define RAM       FL_BOOT_RAM
#define CNODE     FL_BOOT_CNODE
#define PAGE      ((uint64_t)FL_PAGE_BYTES)
#define R         FL_RIGHT_READ
#define W         FL_RIGHT_WRITE
#define X         FL_RIGHT_EXEC
#define RW        (R | W)
#define NO_SLOT   63u
#define ALL       FL_RIGHTS_ALL
#define BADGE     0xfa017ull
#define AREA      KIT_AREA
#define RESUME(n) FL_INFO_ITEMS(FL_LABEL_RESUME, 0, n)
#define STOP      FL_INFO(FL_LABEL_STOP, 0)
#define FAULT     FL_INFO(FL_LABEL_PAGE_FAULT, 4)

void registers_call(uint64_t *registers);
void registers_load(uint64_t *registers);
void floats_exchange(const uint64_t *in, uint64_t *out, const volatile uint64_t *flag);
void test_illegal(void);
void test_ebreak(void);
extern char registers_call_ecall[], registers_load_load[], test_code[], test_code_end[];

static uint64_t endpoint, reply, handler, pool, space, page;
static struct fl_message fault;
static volatile uint64_t progress, value;
static uint64_t registers[64];

static void setup(void)
{
    refusal_begin();
    endpoint = kit_object(FL_OBJECT_ENDPOINT);
    reply = kit_object(FL_OBJECT_REPLY);
    handler = kit_copy(endpoint, FL_RIGHT_SEND, BADGE);
    pool = kit_pool(24);
    space = kit_space(pool);
    page = kit_frames(70);
    refusal_watch_frame(page);
    refusal_watch_frame(page + 1);
    refusal_watch_entry(space, AREA);
    refusal_watch_entry(space, AREA + PAGE);
    progress = 0;
}

/* --- what threads do ------------------------------------------------------------------------- */

static void read_word(uint64_t address)
{
    value = *(volatile uint64_t *)(uintptr_t)address;
    progress++;
    kit_sleep();
}

static void write_word(uint64_t address)
{
    *(volatile uint64_t *)(uintptr_t)address = 0x1234567890ull;
    progress++;
    kit_sleep();
}

static void run_code(uint64_t address)
{
    value = ((uint64_t(*)(uint64_t))(uintptr_t)address)(41);
    progress++;
    kit_sleep();
}

static void load_with_registers(uint64_t unused)
{
    (void)unused;
    registers_load(registers);
    progress++;
    kit_sleep();
}

static void call_with_registers(uint64_t unused)
{
    (void)unused;
    registers_call(registers);
    progress++;
    kit_sleep();
}

static struct kit_thread *run(void (*function)(uint64_t), uint64_t argument)
{
    return kit_run(space, handler, function, argument);
}

/* --- what the handler does ------------------------------------------------------------------- */

/* Waits for a page fault and checks all that it tells, but pc and sp. */
static void expect_fault(uint64_t address, uint64_t access)
{
    fl_ipc_recv(endpoint, reply, &fault);
    CHECK_EQ(fault.status, FL_OK);
    CHECK_EQ(fault.info, FAULT);
    CHECK_EQ(fault.badge, BADGE);
    CHECK_EQ(fault.word[0], address);
    CHECK_EQ(fault.word[2], access);
}

static struct fl_item item(uint64_t address, uint64_t rights, uint64_t pages, uint64_t first)
{
    return (struct fl_item){FL_ITEM_ADDRESS(address, rights), FL_ITEM_SOURCE(RAM, pages), first};
}

/* Answers with items; the kernel's status in a structure, as CHECK_REFUSED wants it. */
static struct fl_result answer(const struct fl_item *items, unsigned count)
{
    uint64_t *buffer = (uint64_t *)(uintptr_t)FL_BUFFER + 4;

    for (unsigned i = 1; i < count; i++)
        memcpy(buffer + (size_t)3 * (i - 1), &items[i], sizeof items[i]);
    return (struct fl_result){
        fl_ipc_reply(reply, RESUME(count), items[0].address, items[0].source, items[0].page, 0), 0};
}

static struct fl_result answer_one(uint64_t address, uint64_t rights, uint64_t pages,
                                   uint64_t first)
{
    struct fl_item one = item(address, rights, pages, first);

    return answer(&one, 1);
}

static struct fl_result answer_info(uint64_t info)
{
    return (struct fl_result){fl_ipc_reply(reply, info, 0, 0, 0, 0), 0};
}

/* The thread waits for its answer; one good one lets it go on to its end. */
static void finish(uint64_t address, uint64_t rights)
{
    uint64_t before = progress;

    CHECK_DONE(answer_one(address & ~(PAGE - 1), rights, 1, page));
    kit_settle();
    CHECK_EQ(progress, before + 1);
}

static uint64_t frame_type(uint64_t which)
{
    return flr_memory_frame_state(RAM, which).value & 0xff;
}

static bool nothing_waits(void)
{
    kit_settle();
    return flr_ipc_poll(endpoint, reply).status == FL_WOULD_BLOCK;
}

/* --- what a fault tells ---------------------------------------------------------------------- */

TEST("a read fault tells address, pc, access, sp and the handler's badge")
{
    setup();
    registers[10] = AREA + 0x123;
    run(load_with_registers, 0);
    expect_fault(AREA + 0x123, FL_ACCESS_READ);
    CHECK_EQ(fault.word[1], (uintptr_t)registers_load_load);
    CHECK_EQ(fault.word[3], (uintptr_t)registers);
    finish(AREA, R);
}

TEST("a write fault and an instruction fault say so")
{
    setup();
    run(write_word, AREA + 8);
    expect_fault(AREA + 8, FL_ACCESS_WRITE);
    CHECK(answer_info(STOP).status == FL_OK);
    run(run_code, AREA + PAGE);
    expect_fault(AREA + PAGE, FL_ACCESS_EXEC);
    CHECK_EQ(fault.word[1], AREA + PAGE);
    CHECK_DONE(answer_info(STOP));
}

TEST("a fault at a present entry tells which accesses the entry allows")
{
    static const struct {
        uint64_t rights;
        void (*access)(uint64_t);
        uint64_t expected;
    } cases[] = {
        {R, write_word, FL_ACCESS_WRITE | FL_ACCESS_MAY_R},
        {R, run_code, FL_ACCESS_EXEC | FL_ACCESS_MAY_R},
        {RW, run_code, FL_ACCESS_EXEC | FL_ACCESS_MAY_R | FL_ACCESS_MAY_W},
        {X, read_word, FL_ACCESS_READ | FL_ACCESS_MAY_X},
        {R | X, write_word, FL_ACCESS_WRITE | FL_ACCESS_MAY_R | FL_ACCESS_MAY_X},
    };

    setup();
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_DONE(flr_vspace_map(space, RAM, page, AREA, 1, cases[i].rights));
        run(cases[i].access, AREA);
        expect_fault(AREA, cases[i].expected | FL_ACCESS_PRESENT);
        CHECK_DONE(answer_info(STOP));
        CHECK_DONE(flr_vspace_unmap(space, AREA, 1));
    }
}

TEST("a fault says when the pool has fewer than 8 spare frames")
{
    setup();
    run(read_word, AREA);
    kit_settle();
    while (flr_pool_withdraw(pool, RAM).status == FL_OK)
        ;
    CHECK_DONE(flr_pool_donate(pool, RAM, kit_frames(7), 7));
    expect_fault(AREA, FL_ACCESS_READ);
    CHECK_DONE(answer_info(RESUME(0)));
    expect_fault(AREA, FL_ACCESS_READ | FL_ACCESS_POOL_LOW);
    CHECK_DONE(flr_pool_donate(pool, RAM, kit_frames(1), 1));
    CHECK_DONE(answer_info(RESUME(0)));
    expect_fault(AREA, FL_ACCESS_READ);
    CHECK_DONE(answer_info(STOP));
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
    } ways[] = {
        {read_word, FL_ACCESS_READ}, {write_word, FL_ACCESS_WRITE}, {run_code, FL_ACCESS_EXEC}};

    for (unsigned i = 0; i < sizeof far_addresses / sizeof far_addresses[0]; i++) {
        setup();
        for (unsigned way = 0; way < 3; way++) {
            uint64_t address = far_addresses[i];
            run(ways[way].access, address);
            expect_fault(address, ways[way].expected);
            CHECK_REFUSED(answer_one(address & ~(PAGE - 1), R, 1, page), OUT_OF_RANGE, 3);
            CHECK_DONE(answer_info(STOP));
        }
    }
}

TEST("an access over a page boundary faults for each page and then reads both")
{
    setup();
    memset(kit_window(page), 0x11, PAGE);
    memset(kit_window(page + 1), 0x22, PAGE);
    run(read_word, AREA + PAGE - 3);
    for (unsigned i = 0; i < 2; i++) {
        fl_ipc_recv(endpoint, reply, &fault);
        CHECK_EQ(fault.info, FAULT);
        CHECK_EQ(fault.word[2], FL_ACCESS_READ);
        CHECK_EQ(fault.word[0] / PAGE, AREA / PAGE + i);
        CHECK_DONE(answer_one(fault.word[0] & ~(PAGE - 1), R, 1, page + i));
    }
    kit_settle();
    CHECK_EQ(progress, 1);
    CHECK_EQ(value, 0x2222222222111111ull);
}

TEST("an instruction that straddles two pages faults for the second page at its own pc")
{
    setup();
    uint8_t *code = kit_window(page);
    CHECK(kit_window(page + 1) == code + PAGE);
    memcpy(code + PAGE - 2, test_code, (size_t)(test_code_end - test_code));
    run(run_code, AREA + PAGE - 2);
    expect_fault(AREA + PAGE - 2, FL_ACCESS_EXEC);
    CHECK_DONE(answer_one(AREA, R | X, 1, page));
    expect_fault(AREA + PAGE, FL_ACCESS_EXEC);
    CHECK_EQ(fault.word[1], AREA + PAGE - 2);
    CHECK_DONE(answer_one(AREA + PAGE, R | X, 1, page + 1));
    kit_settle();
    CHECK_EQ(progress, 1);
    CHECK_EQ(value, 42);
}

TEST("a page fault leaves all registers as they were")
{
    setup();
    for (unsigned n = 1; n < 32; n++)
        registers[n] = 0x7e57000000000000ull + n;
    registers[10] = AREA;
    run(load_with_registers, 0);
    expect_fault(AREA, FL_ACCESS_READ);
    finish(AREA, R);
    CHECK_EQ(registers[32 + 2], (uintptr_t)registers);
    for (unsigned n = 1; n < 32; n++)
        CHECK(n == 2 || registers[32 + n] == registers[n]);
}

static uint64_t floats[2][33], floats_after[2][33];

static void exchange(uint64_t i)
{
    floats_exchange(floats[i], floats_after[i],
                    (const volatile uint64_t *)(uintptr_t)(AREA + i * PAGE));
    progress++;
    kit_sleep();
}

TEST("a page fault leaves the floating-point registers as they were, whoever runs meanwhile")
{
    setup();
    *(uint64_t *)kit_window(page) = 1;
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned n = 0; n < 32; n++)
            floats[i][n] = 0xf10a7000ull + 100 * i + n;
        floats[i][32] = i ? 0x65 : 0x1f;
        run(exchange, i);
    }
    expect_fault(AREA, FL_ACCESS_READ);
    uint64_t first = reply;
    reply = kit_object(FL_OBJECT_REPLY);
    expect_fault(AREA + PAGE, FL_ACCESS_READ);
    finish(AREA + PAGE, R);
    reply = first;
    finish(AREA, R);
    CHECK(memcmp(floats, floats_after, sizeof floats) == 0);
}

/* --- answers --------------------------------------------------------------------------------- */

TEST("an answer without items lets the thread try again")
{
    setup();
    run(read_word, AREA);
    for (unsigned i = 0; i < 3; i++) {
        expect_fault(AREA, FL_ACCESS_READ);
        CHECK_DONE(answer_info(RESUME(0)));
    }
    expect_fault(AREA, FL_ACCESS_READ);
    CHECK_DONE(flr_vspace_map(space, RAM, page, AREA, 1, R));
    CHECK_DONE(answer_info(RESUME(0)));
    kit_settle();
    CHECK_EQ(progress, 1);
}

TEST("an answer maps its item with the rights, A and D that it names")
{
    setup();
    run(read_word, AREA);
    expect_fault(AREA, FL_ACCESS_READ);
    CHECK_DONE(answer_one(AREA, RW | FL_MAP_ACCESSED | FL_MAP_DIRTY, 1, page));
    CHECK_EQ(flr_vspace_entry(space, AREA).value & ~(uint64_t)(FL_ENTRY_CEIL_W | FL_ENTRY_CEIL_X),
             RW | FL_ENTRY_VALID | FL_ENTRY_ACCESSED | FL_ENTRY_DIRTY);
    kit_settle();
    CHECK_EQ(progress, 1);
}

TEST("16 items and 64 pages are mapped by one answer")
{
    struct fl_item items[FL_ITEMS];

    setup();
    uint64_t *words = kit_window(page + 63);
    words[1] = 99;
    CHECK_DONE(flr_vspace_unmap(FL_BOOT_VSPACE, (uint64_t)(uintptr_t)words, 1));
    CHECK_DONE(flr_vspace_map(space, RAM, page, AREA + 64 * PAGE, 1, R)); /* the tables */
    run(read_word, AREA + 63 * PAGE + 8);
    expect_fault(AREA + 63 * PAGE + 8, FL_ACCESS_READ);
    for (unsigned i = 0; i < FL_ITEMS; i++)
        items[i] = item(AREA + 4 * i * PAGE, R, 4, page + 4 * i);
    uint64_t mappings = kit_counter(FL_COUNTER_MAPPINGS);
    CHECK_DONE(answer(items, FL_ITEMS));
    CHECK_EQ(kit_counter(FL_COUNTER_MAPPINGS), mappings + 64);
    kit_settle();
    CHECK_EQ(value, 99);
}

TEST("one item may map 64 pages, over the boundary of a table")
{
    setup();
    uint64_t start = AREA + (1ull << 21) - 10 * PAGE;
    run(read_word, start + 63 * PAGE);
    expect_fault(start + 63 * PAGE, FL_ACCESS_READ);
    CHECK_DONE(answer_one(start, R, 64, page));
    kit_settle();
    CHECK_EQ(progress, 1);
    for (unsigned i = 0; i < 64; i++)
        CHECK_EQ(flr_vspace_entry(space, start + i * PAGE).value & 7, R);
}

TEST("17 items, 65 pages in one item and 65 in all are refused, and a good answer still works")
{
    struct fl_item items[FL_ITEMS + 1];

    setup();
    run(read_word, AREA);
    expect_fault(AREA, FL_ACCESS_READ);
    for (unsigned i = 0; i <= FL_ITEMS; i++)
        items[i] = item(AREA + i * PAGE, R, 1, page + i);
    CHECK_REFUSED(answer(items, 17), OUT_OF_RANGE, 2);
    CHECK_REFUSED(answer_info(RESUME(255)), OUT_OF_RANGE, 2);
    CHECK_REFUSED(answer_one(AREA, R, 65, page), OUT_OF_RANGE, 3);
    CHECK_REFUSED(answer_one(AREA, R, UINT32_MAX, page), OUT_OF_RANGE, 3);
    items[1] = item(AREA + PAGE, R, 64, page + 1);
    CHECK_REFUSED(answer(items, 2), OUT_OF_RANGE, 2);
    finish(AREA, R);
}

TEST("items that overlap are refused as a whole")
{
    setup();
    run(read_word, AREA);
    expect_fault(AREA, FL_ACCESS_READ);
    struct fl_item same[] = {item(AREA, R, 1, page), item(AREA, R, 1, page)};
    struct fl_item partly[] = {item(AREA, R, 3, page), item(AREA + 9 * PAGE, R, 1, page + 9),
                               item(AREA + 2 * PAGE, R | FL_MAP_REPLACE, 3, page + 3)};
    CHECK_REFUSED(answer(same, 2), OCCUPIED, 2);
    CHECK_REFUSED(answer(partly, 3), OCCUPIED, 2);
    finish(AREA, R);
}

struct bad_item {
    struct fl_item item;
    enum fl_error code;
};

/* Every way in which one item can be wrong, and a page that is in the way at AREA + 5 pages. */
static unsigned make_bad_items(struct bad_item *bad)
{
    uint64_t n = kit_boot_info()->ram[0].pages, table = kit_frames(1), object = kit_frames(1);
    uint64_t weak = kit_copy(RAM, ALL & ~FL_RIGHT_MAP, 0), read_only = kit_copy(RAM, R | 8, 0);
    uint64_t away = AREA + 5 * PAGE, source = FL_ITEM_SOURCE(0, 1);
    const struct bad_item list[] = {
        {item(AREA, R | 8, 1, page), FL_RESERVED},
        {item(AREA, R | 0x800, 1, page), FL_RESERVED},
        {item(AREA, R | FL_MAP_DIRTY, 1, page), FL_RESERVED},
        {item(0, R, 1, page), FL_OUT_OF_RANGE},
        {item(FL_USER_END, R, 1, page), FL_OUT_OF_RANGE},
        {item(FL_USER_END - PAGE, R, 2, page), FL_OUT_OF_RANGE},
        {item(0xffffffff80200000ull, R, 1, page), FL_OUT_OF_RANGE},
        {item(0 - PAGE, R, 1, page), FL_OUT_OF_RANGE},
        {item(AREA, R, 0, page), FL_OUT_OF_RANGE},
        {item(AREA, 0, 1, page), FL_OUT_OF_RANGE},
        {item(AREA, W, 1, page), FL_OUT_OF_RANGE},
        {item(AREA, W | X, 1, page), FL_OUT_OF_RANGE},
        {item(AREA, R, 1, n), FL_OUT_OF_RANGE},
        {item(AREA, R, 2, n - 1), FL_OUT_OF_RANGE},
        {item(AREA, R, 2, UINT64_MAX), FL_OUT_OF_RANGE},
        {item(AREA, R, 1, table), FL_BAD_FRAME},
        {item(AREA, R, 1, object), FL_BAD_FRAME},
        {item(AREA, R | FL_MAP_REPLACE, 1, object), FL_BAD_FRAME},
        {item(away, R, 1, page), FL_OCCUPIED},
        {item(away - PAGE, R, 2, page), FL_OCCUPIED},
        {{AREA | R, source | NO_SLOT, page}, FL_BAD_SLOT},
        {{AREA | R, source | 0x80000000u, page}, FL_BAD_SLOT},
        {{AREA | R, source, page}, FL_BAD_SLOT},
        {{AREA | R, source | CNODE, page}, FL_BAD_TYPE},
        {{AREA | R, source | weak, page}, FL_NO_RIGHT},
        {{AREA | RW, source | read_only, page}, FL_NO_RIGHT},
        {{AREA | R | X, source | read_only, page}, FL_NO_RIGHT},
    };

    CHECK_DONE(flr_pool_donate(pool, RAM, table, 1));
    CHECK_DONE(flr_memory_retype(RAM, object, FL_OBJECT_TCB, 1, CNODE, kit_slots(1)));
    CHECK_DONE(flr_vspace_map(space, RAM, page + 9, away, 1, R));
    memcpy(bad, list, sizeof list);
    return sizeof list / sizeof list[0];
}

TEST("each bad item is refused, maps nothing and leaves the thread waiting for a good answer")
{
    struct bad_item bad[40];

    setup();
    unsigned count = make_bad_items(bad);
    run(read_word, AREA + PAGE);
    expect_fault(AREA + PAGE, FL_ACCESS_READ);
    for (unsigned i = 0; i < count; i++) {
        struct fl_item pair[] = {item(AREA + PAGE, R, 1, page + 1), bad[i].item};
        refusal_before();
        refusal_check(__FILE__, __LINE__, "a bad item", answer(&bad[i].item, 1).status,
                      FL_STATUS(bad[i].code, 3));
        refusal_check(__FILE__, __LINE__, "a bad second item", answer(pair, 2).status,
                      FL_STATUS(bad[i].code, 2));
    }
    CHECK_EQ(progress, 0);
    finish(AREA + PAGE, R);
}

TEST("an answer that needs more tables than the pool has maps nothing until frames are donated")
{
    for (uint64_t spare = 0; spare < 4; spare++) {
        setup();
        run(read_word, AREA);
        expect_fault(AREA, FL_ACCESS_READ);
        while (flr_pool_withdraw(pool, RAM).status == FL_OK)
            ;
        if (spare > 0)
            CHECK_DONE(flr_pool_donate(pool, RAM, kit_frames(spare), spare));
        struct fl_item items[] = {item(AREA, R, 1, page),
                                  item(AREA + (1ull << 30), R, 1, page + 1)};
        CHECK_REFUSED(answer(items, 2), NO_TABLE, 0);
        if (spare < 2)
            CHECK_REFUSED(answer(items, 1), NO_TABLE, 0);
        CHECK_DONE(flr_pool_donate(pool, RAM, kit_frames(4 - spare), 4 - spare));
        CHECK_DONE(answer(items, 2));
        kit_settle();
        CHECK_EQ(progress, 1);
    }
}

TEST("other labels, reserved bits and STOP with items are refused")
{
    setup();
    run(read_word, AREA);
    expect_fault(AREA, FL_ACCESS_READ);
    static const uint64_t bad[] = {FL_INFO(0, 0),
                                   FL_INFO(FL_LABEL_PAGE_FAULT, 4),
                                   FL_INFO(FL_LABEL_UPCALL, 0),
                                   FL_INFO(19, 0),
                                   FL_INFO(UINT32_MAX, 0),
                                   FL_INFO_ITEMS(FL_LABEL_STOP, 0, 1),
                                   FL_INFO(FL_LABEL_RESUME, 0) | 1ull << 48,
                                   FL_INFO(FL_LABEL_STOP, 0) | 1ull << 63};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_REFUSED(answer_info(bad[i]), RESERVED, 2);
    finish(AREA, R);
}

TEST("an item replaces another frame's entry only when it says so")
{
    setup();
    CHECK_DONE(flr_vspace_map(space, RAM, page + 1, AREA, 1, R));
    run(write_word, AREA);
    expect_fault(AREA, FL_ACCESS_WRITE | FL_ACCESS_PRESENT | FL_ACCESS_MAY_R);
    CHECK_REFUSED(answer_one(AREA, RW, 1, page), OCCUPIED, 3);
    CHECK_DONE(answer_one(AREA, RW | FL_MAP_REPLACE, 1, page));
    kit_settle();
    CHECK_EQ(progress, 1);
    CHECK_EQ(frame_type(page + 1), FL_FRAME_FREE);
}

TEST("an item for the frame that is there raises its rights")
{
    setup();
    CHECK_DONE(flr_vspace_map(space, RAM, page, AREA, 1, R));
    run(write_word, AREA);
    expect_fault(AREA, FL_ACCESS_WRITE | FL_ACCESS_PRESENT | FL_ACCESS_MAY_R);
    finish(AREA, RW);
    CHECK_EQ(flr_memory_frame_state(RAM, page).value >> 16, 1);
}

TEST("STOP leaves the thread stopped, the Reply free; resumed it faults again")
{
    setup();
    struct kit_thread *thread = run(read_word, AREA);
    expect_fault(AREA, FL_ACCESS_READ);
    CHECK_DONE(answer_info(STOP));
    CHECK(nothing_waits());
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    expect_fault(AREA, FL_ACCESS_READ);
    finish(AREA, R);
}

TEST("a second answer to one fault says GONE and maps nothing")
{
    setup();
    run(read_word, AREA);
    expect_fault(AREA, FL_ACCESS_READ);
    finish(AREA, R);
    CHECK_REFUSED(answer_one(AREA + PAGE, R, 1, page + 1), GONE, 0);
}

TEST("a refused reply_recv does not receive; a good one resumes and takes the next fault")
{
    setup();
    run(read_word, AREA);
    expect_fault(AREA, FL_ACCESS_READ);
    run(read_word, AREA + PAGE);
    kit_settle();
    CHECK_REFUSED(
        flr_ipc_reply_recv(endpoint, RESUME(1), AREA | R, FL_ITEM_SOURCE(CNODE, 1), 0, 0, reply),
        BAD_TYPE, 3);
    fault.info = RESUME(1);
    fault.word[0] = AREA | R;
    fault.word[1] = FL_ITEM_SOURCE(RAM, 1);
    fault.word[2] = page;
    fl_ipc_reply_recv(endpoint, reply, &fault);
    CHECK_EQ(fault.info, FAULT);
    CHECK_EQ(fault.word[0], AREA + PAGE);
    kit_settle();
    CHECK_EQ(progress, 1);
    finish(AREA + PAGE, R);
}

/* --- who comes and goes ---------------------------------------------------------------------- */

TEST("two threads that fault on one page both get an answer")
{
    setup();
    run(read_word, AREA);
    run(write_word, AREA);
    kit_settle();
    expect_fault(AREA, FL_ACCESS_READ);
    finish(AREA, RW);
    expect_fault(AREA, FL_ACCESS_WRITE);
    finish(AREA, RW);
    CHECK_EQ(progress, 2);
    CHECK_EQ(flr_memory_frame_state(RAM, page).value >> 16, 1);
}

TEST("faults queue at a handler that is busy and are taken in order")
{
    setup();
    for (unsigned i = 0; i < 5; i++)
        run(read_word, AREA + i * PAGE);
    kit_settle();
    for (unsigned i = 0; i < 5; i++) {
        expect_fault(AREA + i * PAGE, FL_ACCESS_READ);
        CHECK_DONE(answer_info(STOP));
    }
    CHECK(nothing_waits());
}

TEST("a thread without a handler stops at its fault and goes on when it has one")
{
    setup();
    struct kit_thread *thread = kit_run(space, 0, read_word, AREA);
    CHECK(nothing_waits());
    CHECK_EQ(progress, 0);
    CHECK_DONE(flr_tcb_set_space(thread->tcb, space, handler));
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    expect_fault(AREA, FL_ACCESS_READ);
    finish(AREA, R);
}

TEST("a fault whose handler's endpoint nobody can receive from waits until the thread is suspended")
{
    setup();
    struct kit_thread *thread = kit_thread(space, handler, KIT_PRIORITY, read_word, AREA);
    CHECK_EQ(kit_delete(handler), FL_OK);
    CHECK_EQ(kit_delete(endpoint), FL_OK);
    kit_start(thread);
    kit_settle();
    CHECK_EQ(flr_tcb_resume(thread->tcb).status, FL_STATUS(FL_BUSY, 1));
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    CHECK_DONE(flr_memory_retype(RAM, kit_frames(1), FL_OBJECT_ENDPOINT, 1, CNODE, endpoint));
    CHECK_DONE(flr_cnode_copy(CNODE, handler, CNODE, endpoint, ALL, BADGE));
    CHECK_DONE(flr_tcb_set_space(thread->tcb, space, handler));
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    expect_fault(AREA, FL_ACCESS_READ);
    finish(AREA, R);
}

TEST("a fault that was taken can be answered after the handler's endpoint is gone")
{
    setup();
    run(read_word, AREA);
    expect_fault(AREA, FL_ACCESS_READ);
    CHECK_EQ(kit_delete(handler), FL_OK);
    CHECK_EQ(kit_delete(endpoint), FL_OK);
    finish(AREA, R);
}

TEST("the end of the last thread that names a handler ends the endpoint and cancels its callers")
{
    setup();
    struct kit_thread *thread = run(read_word, AREA);
    kit_settle();
    uint64_t objects = kit_counter(FL_COUNTER_OBJECTS);
    CHECK_EQ(kit_delete(handler), FL_OK);
    CHECK_EQ(kit_delete(endpoint), FL_OK);
    CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects);
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
    CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects - 2);
}

TEST("the answer to a thread that was suspended says GONE and maps nothing")
{
    setup();
    struct kit_thread *thread = run(read_word, AREA);
    expect_fault(AREA, FL_ACCESS_READ);
    CHECK_DONE(flr_tcb_suspend(thread->tcb));
    CHECK_REFUSED(answer_one(AREA, R, 1, page), GONE, 0);
    CHECK(nothing_waits());
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    expect_fault(AREA, FL_ACCESS_READ);
    finish(AREA, R);
}

TEST("the answer to a thread that was deleted, with its space, says GONE and maps nothing")
{
    setup();
    struct kit_thread *thread = run(read_word, AREA);
    expect_fault(AREA, FL_ACCESS_READ);
    CHECK_REFUSED(flr_cnode_delete(CNODE, space), BUSY, 2);
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
    CHECK_EQ(fl_ipc_reply(reply, RESUME(1), AREA | R, FL_ITEM_SOURCE(RAM, 1), page, 0), FL_GONE);
    CHECK_EQ(kit_delete(space), FL_OK);
    CHECK_EQ(answer_one(AREA, R, 1, page).status, FL_GONE);
    CHECK_EQ(frame_type(page), FL_FRAME_FREE);
    CHECK(nothing_waits());
}

TEST("a queued fault goes with its thread, and once with a thread that is suspended and resumed")
{
    setup();
    struct kit_thread *first = run(read_word, AREA), *second = run(read_word, AREA + PAGE);
    kit_settle();
    CHECK_EQ(kit_delete(first->tcb), FL_OK);
    CHECK_DONE(flr_tcb_suspend(second->tcb));
    CHECK(nothing_waits());
    CHECK_DONE(flr_tcb_resume(second->tcb));
    expect_fault(AREA + PAGE, FL_ACCESS_READ);
    finish(AREA + PAGE, R);
    CHECK(nothing_waits());
}

/* --- other exceptions ------------------------------------------------------------------------ */

TEST("an unknown call number is a message with number, pc, a0 and sp, and changes no register")
{
    static const uint64_t numbers[] = {FL_CALL_COUNT, 1000, 1ull << 32, 1ull << 63, UINT64_MAX};

    setup();
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        registers[17] = numbers[i];
        registers[10] = 0xa0a0 + i;
        struct kit_thread *thread = run(call_with_registers, 0);
        for (unsigned times = 0; times < 2; times++) {
            fl_ipc_recv(endpoint, reply, &fault);
            CHECK_EQ(fault.info, FL_INFO(FL_LABEL_UNKNOWN_SYSCALL, 4));
            CHECK_EQ(fault.badge, BADGE);
            CHECK_EQ(fault.word[0], numbers[i]);
            CHECK_EQ(fault.word[1], (uintptr_t)registers_call_ecall);
            CHECK_EQ(fault.word[2], 0xa0a0 + i);
            CHECK_EQ(fault.word[3], (uintptr_t)registers);
            CHECK_DONE(answer_info(times == 0 ? RESUME(0) : STOP));
        }
        CHECK_EQ(kit_delete(thread->tcb), FL_OK);
    }
    CHECK_EQ(progress, 0);
}

static void run_function(uint64_t function)
{
    ((void (*)(void))(uintptr_t)function)();
    progress++;
    kit_sleep();
}

TEST("an illegal instruction and an ebreak are messages with value, pc, cause and sp")
{
    static const struct {
        void (*function)(void);
        uint64_t cause;
    } cases[] = {{test_illegal, 2}, {test_ebreak, 3}};

    for (unsigned i = 0; i < 2; i++) {
        setup();
        run(run_function, (uint64_t)(uintptr_t)cases[i].function);
        for (unsigned times = 0; times < 2; times++) {
            fl_ipc_recv(endpoint, reply, &fault);
            CHECK_EQ(fault.info, FL_INFO(FL_LABEL_USER_EXCEPTION, 4));
            CHECK_EQ(fault.badge, BADGE);
            CHECK_EQ(fault.word[1], (uintptr_t)cases[i].function);
            CHECK_EQ(fault.word[2], cases[i].cause);
            CHECK_DONE(answer_info(times == 0 ? RESUME(0) : STOP));
        }
        CHECK_EQ(progress, 0);
    }
}
