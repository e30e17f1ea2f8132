/* Calls with random arguments, from two threads that have a capability of each type in a CSpace of
 * their own.  Whatever they ask, the kernel answers; afterwards everything can be given back.
 *
 * A run is named by its seed and repeats exactly, but for where timers interrupt it. */
#include <stddef.h>

#include "refusal.h"

#define RAM     FL_BOOT_RAM
#define CNODE   FL_BOOT_CNODE
#define ALL     FL_RIGHTS_ALL
#define RUNS    150u
#define STEPS   1000u
#define PAGES   64u /* of its Memory capability */
#define THREADS 2u

/* Slots of the thread's CSpace; FL_BOOT_SYSTEM and FL_BOOT_SCHED keep their places. */
enum {
    OWN_CNODE = 1,
    OWN_TCB,
    OWN_VSPACE,
    OWN_POOL,
    OWN_ENDPOINT = FL_BOOT_SCHED + 1,
    OWN_NOTIFICATION,
    OWN_REPLY,
    OWN_TIMER,
    OWN_IRQ,
    OWN_MEMORY,
    OWN_OTHER_TCB,
    OWN_OTHER_CNODE,
    OWN_OTHER_REPLY,
    OWN_SLOTS,      /* the first free one */
    FREE_SLOTS = 40 /* that calls name often */
};

static uint64_t state; /* of the generator */
static volatile uint64_t finished, total_made, calls_made[FL_CALL_COUNT], accepted[FL_CALL_COUNT];

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t any_constant(void)
{
    static const uint64_t values[] = {
        0,
        1,
        63,
        64,
        127,
        128,
        4095,
        4096,
        4097,
        FL_USER_BASE,
        KIT_AREA,
        KIT_AREA + 4096,
        KIT_AREA + (1ull << 21),
        KIT_AREA + 7,
        FL_USER_END - 4096,
        FL_USER_END,
        1ull << 39,
        0xffffffc000000000ull,
        0xffffffff80200000ull,
        UINT64_MAX,
        UINT64_MAX - 4095,
        1ull << 63,
        1ull << 32,
        UINT32_MAX,
        ALL,
        ALL + 1,
        FL_INFO(1, 4),
        FL_INFO(1, 100),
        FL_INFO(1, 101),
        FL_INFO(FL_LABEL_RESUME, 0),
        FL_INFO_ITEMS(FL_LABEL_RESUME, 0, 1),
        FL_INFO_ITEMS(FL_LABEL_RESUME, 0, 16),
        FL_INFO(FL_LABEL_STOP, 0),
        1ull << 48,
        FL_ITEM_ADDRESS(KIT_AREA, 3),
        FL_ITEM_SOURCE(OWN_MEMORY, 1),
        FL_ITEM_SOURCE(OWN_MEMORY, 64),
        FL_RIGHT_READ,
        3,
        7,
        FL_MAP_REPLACE | 3,
    };

    return values[next_random() % (sizeof values / sizeof values[0])];
}

static uint64_t any_argument(void)
{
    switch (next_random() % 4) {
    case 0:
        return any_constant();
    case 1:
        return next_random();
    case 2:
        return next_random() % PAGES;
    default:
        return next_random() % (OWN_SLOTS + FREE_SLOTS);
    }
}

/* What an argument of this name may well be: `base` + a random number below `variety`. */
struct plausible {
    const char *name;
    uint64_t base;
    uint64_t variety;
    uint64_t step;
};
static const struct plausible plausible[] = {
    {"endpoint", OWN_ENDPOINT, 1, 1},
    {"notification", OWN_NOTIFICATION, 1, 1},
    {"reply", OWN_REPLY, 2, 1},
    {"to_cnode", OWN_CNODE, 1, 1},
    {"from_cnode", OWN_CNODE, 1, 1},
    {"cnode", OWN_CNODE, 1, 1},
    {"memory", OWN_MEMORY, 1, 1},
    {"vspace", OWN_VSPACE, 1, 1},
    {"pool", OWN_POOL, 1, 1},
    {"tcb", OWN_OTHER_TCB, 1, 1},
    {"timer", OWN_TIMER, 1, 1},
    {"irq", OWN_IRQ, 1, 1},
    {"source", 0, 54, 1},
    {"sched", FL_BOOT_SCHED, 1, 1},
    {"system", FL_BOOT_SYSTEM, 1, 1},
    {"handler", OWN_ENDPOINT, 1, 1},
    {"to_slot", OWN_SLOTS, FREE_SLOTS, 1},
    {"slot", OWN_SLOTS, FREE_SLOTS, 1},
    {"from_slot", 1, OWN_SLOTS, 1},
    {"page", 0, PAGES, 1},
    {"pages", 1, 80, 1},
    {"count", 1, 4, 1},
    {"type", 0, FL_OBJECT_COUNT, 1},
    {"rights", 0, 8, 1},
    {"address", KIT_AREA, 600, 4096},
    {"badge", 0, 3, 1},
    {"priority", 0, 32, 1},
    {"quarter", 0, 5, 1},
    {"deadline", 0, 3, 1},
    {"info", FL_INFO(FL_LABEL_RESUME, 0), 20, 1ull << 32},
    {"zero", 0, 1, 1},
    {"which", 0, FL_COUNTER_COUNT, 1},
};

static bool names_match(const char *argument, const char *name)
{
    while (*name != '\0' && *argument == *name) {
        argument++;
        name++;
    }
    return *name == '\0' && (*argument == ',' || *argument == ')');
}

/* `text`: at the argument's name in a list of arguments. */
static uint64_t make_argument(const char *text)
{
    if (next_random() % 8 == 0)
        return any_argument();
    for (unsigned i = 0; i < sizeof plausible / sizeof plausible[0]; i++) {
        const struct plausible *p = &plausible[i];
        if (names_match(text, p->name))
            return p->base + next_random() % p->variety * p->step;
    }
    return any_argument();
}

static const char *const argument_lists[FL_CALL_COUNT] = {
#define FL_CALL(number, name, args, doc) [number] = #args,
#define FL_RESERVED(number, name)
#include "calls.def"
#undef FL_CALL
#undef FL_RESERVED
};

/* Fills the arguments: those that the call names plausibly, most of the time, the others anyhow. */
static void make_arguments(const char *text, uint64_t arguments[7])
{
    for (unsigned i = 0; i < 7; i++)
        arguments[i] = any_argument();
    if (text == NULL || next_random() % 8 == 0)
        return;
    text++; /* the parenthesis */
    for (unsigned i = 0; i < 7 && *text != '\0'; i++) {
        arguments[i] = make_argument(text);
        while (*text != ',' && *text != '\0')
            text++;
        while (*text == ',' || *text == ' ')
            text++;
    }
}

/* What a holder of System may do on purpose, but not here: end the system, at once or with the next
 * fault of a thread whose handler is System (whose only slot is FL_BOOT_SYSTEM therefore). */
static bool is_forbidden(uint64_t number, const uint64_t a[7])
{
    if (number == FL_CALL_cnode_copy || number == FL_CALL_cnode_move)
        return a[3] == FL_BOOT_SYSTEM;
    if (number == FL_CALL_tcb_set_space)
        return a[2] == FL_BOOT_SYSTEM;
    return number == FL_CALL_system_reset;
}

static void call_garbage(void)
{
    uint64_t number = next_random() % FL_CALL_COUNT, a[7];

    make_arguments(argument_lists[number], a);
    if (is_forbidden(number, a))
        return;
    if (number == FL_CALL_system_console_write)
        a[1] |= 1ull << 20; /* too long: the console is the report's */
    uint64_t status = fl_ecall(number, a[0], a[1], a[2], a[3], a[4], a[5], a[6]).status;
    total_made++;
    calls_made[number]++;
    accepted[number] += status == FL_OK;
}

static void make_garbage(uint64_t steps)
{
    for (uint64_t i = 0; i < steps; i++)
        call_garbage();
    finished++;
    for (;;)
        fl_ecall(FL_CALL_COUNT, 0, 0, 0, 0, 0, 0, 0); /* its handler never answers */
}

/* A CNode with a capability of each type, with `tcb` among them. */
static uint64_t make_cspace(uint64_t tcb)
{
    static const struct {
        uint8_t slot;
        uint8_t type;
    } objects[] = {{OWN_VSPACE, FL_OBJECT_VSPACE},     {OWN_POOL, FL_OBJECT_TABLE_POOL},
                   {OWN_ENDPOINT, FL_OBJECT_ENDPOINT}, {OWN_NOTIFICATION, FL_OBJECT_NOTIFICATION},
                   {OWN_REPLY, FL_OBJECT_REPLY},       {OWN_TIMER, FL_OBJECT_TIMER},
                   {OWN_IRQ, FL_OBJECT_IRQ_HANDLER},   {OWN_OTHER_TCB, FL_OBJECT_TCB},
                   {OWN_OTHER_REPLY, FL_OBJECT_REPLY}};
    uint64_t table = kit_object(FL_OBJECT_CNODE), inner = kit_object(FL_OBJECT_CNODE);
    uint64_t pages = kit_frames(PAGES);

    for (unsigned i = 0; i < sizeof objects / sizeof objects[0]; i++)
        CHECK_DONE(
            flr_memory_retype(RAM, kit_frames(1), objects[i].type, 1, table, objects[i].slot));
    CHECK_DONE(flr_cnode_copy(table, OWN_CNODE, CNODE, table, ALL, 0));
    CHECK_DONE(flr_cnode_copy(table, OWN_OTHER_CNODE, CNODE, inner, ALL, 0));
    CHECK_DONE(flr_cnode_copy(table, OWN_TCB, CNODE, tcb, ALL, 0));
    CHECK_DONE(flr_cnode_copy(table, FL_BOOT_SYSTEM, CNODE, FL_BOOT_SYSTEM, ALL, 0));
    CHECK_DONE(flr_cnode_copy(table, FL_BOOT_SCHED, CNODE, FL_BOOT_SCHED, ALL, 0));
    CHECK_DONE(flr_memory_derive(RAM, pages, PAGES, ALL & ~0x380u, table, OWN_MEMORY));
    return table;
}

/* Wakes the threads from whatever they wait in, until that brings no further call: they have
 * finished, or one has put the other into a space where it cannot run. */
static void nurse(struct kit_thread *const threads[THREADS])
{
    uint64_t before;

    do {
        before = total_made;
        kit_settle();
        for (unsigned t = 0; t < THREADS; t++) {
            flr_tcb_suspend(threads[t]->tcb);
            flr_tcb_resume(threads[t]->tcb);
        }
        kit_settle();
    } while (total_made != before);
    for (unsigned t = 0; t < THREADS; t++)
        flr_tcb_suspend(threads[t]->tcb);
}

/* Empties the thread's CNodes slot by slot: they may hold capabilities to themselves. */
static void empty(uint64_t table)
{
    for (unsigned round = 0; round < 3; round++)
        for (uint64_t slot = 1; slot < FL_CNODE_SLOTS; slot++)
            for (unsigned i = 0; i < 1000; i++)
                if (FL_STATUS_CODE(flr_cnode_delete(table, slot).status) != FL_MORE)
                    break;
}

static void run_garbage(uint64_t seed)
{
    kit_begin();
    uint64_t handler = kit_object(FL_OBJECT_ENDPOINT), space = kit_space(kit_pool(24));
    struct kit_thread *threads[THREADS];
    for (unsigned t = 0; t < THREADS; t++)
        threads[t] = kit_thread(space, handler, KIT_PRIORITY, make_garbage, STEPS);
    uint64_t table = make_cspace(threads[0]->tcb);
    state = seed * 0x9e3779b97f4a7c15ull;
    for (unsigned t = 0; t < THREADS; t++) {
        CHECK_DONE(flr_tcb_set_cspace(threads[t]->tcb, table));
        kit_start(threads[t]);
    }
    nurse(threads);
    CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
    empty(table);
    for (unsigned t = 0; t < THREADS; t++)
        CHECK_EQ(kit_delete(threads[t]->tcb), FL_OK);
    empty(table);
}

/* Calls that no run got past the checks of arguments: they would not be tested at all. */
static unsigned count_never_accepted(void)
{
    unsigned count = 0;

    for (unsigned number = 0; number < FL_CALL_COUNT; number++) {
        bool expected = argument_lists[number] != NULL && number != FL_CALL_system_reset &&
                        number != FL_CALL_system_console_write &&
                        number != FL_CALL_irq_ack; /* wants a device that interrupts: irq_test.c */
        if (expected && accepted[number] == 0) {
            harness_note("call %u was never accepted", number);
            count++;
        }
    }
    return count;
}

TEST("no arguments of any call harm the kernel, and what they made can be given back")
{
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        kit_end();
        uint64_t objects = kit_counter(FL_COUNTER_OBJECTS);
        uint64_t free_frames = kit_counter(FL_COUNTER_FRAMES_FREE);
        run_garbage(seed);
        kit_end();
        if (kit_counter(FL_COUNTER_OBJECTS) != objects)
            harness_note("seed %lu", seed);
        CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects);
        CHECK_EQ(kit_counter(FL_COUNTER_FRAMES_FREE), free_frames);
    }
    for (unsigned number = 0; number < FL_CALL_COUNT; number++)
        CHECK(number == FL_CALL_system_reset || calls_made[number] > RUNS);
    CHECK_EQ(count_never_accepted(), 0);
    CHECK(finished > RUNS); /* of 2 * RUNS threads */
}
