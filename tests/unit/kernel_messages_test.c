/* Faults, answers, messages and revocation of the kernel, on the host: what each party sees of the other, and that what
 * is refused leaves the other waiting.  The conformance suite says the same of the kernel on its target. */
/* sources: kernel/[a-z]*.c mm/[a-z]*.c drivers/plic.c */
/* sources: tests/fuzz/host/kernel_[a-z]*.c tests/fuzz/host/trap_host.c */
#include "arch.h"
#include "harness.h"
#include "invariants.h"
#include "kernel_world.h"
#include "walk.h"

#define PAGE    FL_PAGE_BYTES
#define AREA    0x40000000ull
#define RW      (FL_RIGHT_READ | FL_RIGHT_WRITE)
#define CLIENT  (WORLD_TCB + 0)
#define SERVER  (WORLD_TCB + 1)
#define OTHER   (WORLD_TCB + 2)
#define WAKER   (WORLD_TCB + 3) /* has no message buffer and no handler of its faults */
#define READING (WORLD_FREE + 0)
#define SIGNAL  (WORLD_NOTIFICATION + 2)
#define BADGE   5u /* of WORLD_ENDPOINT_SEND */

/* The current thread makes a call; what it got back, when it did. */
static uint64_t call(uint64_t number, const uint64_t argument[7])
{
    struct tcb *self = kernel.harts[0].current;
    const char *broken;

    kernel_host_call(number, argument);
    broken = invariants_check();
    CHECK_STRING(broken ? broken : "sound", "sound");
    return self->regs[REG_A0];
}
#define CALL(name, ...) call(FL_CALL_##name, (const uint64_t[7]){__VA_ARGS__})

static struct tcb *thread_of(uint64_t slot)
{
    return cap_lookup(kernel.harts[0].current, slot, FL_OBJECT_TCB, 0, 1).cap->object;
}

static struct tcb *client, *server, *other, *waker;

/* The server, of the highest priority, runs; behind it the client and the other one, and the waker last. */
static void start(void)
{
    kernel_world_start();
    client = thread_of(CLIENT);
    server = thread_of(SERVER);
    other = thread_of(OTHER);
    waker = thread_of(WAKER);
    CHECK_EQ(CALL(tcb_set_priority, WAKER, WORLD_SCHED, 1), FL_OK);
    CHECK(kernel.harts[0].current == server);
    CHECK_EQ(CALL(tcb_suspend, CLIENT), FL_OK);
    CHECK_EQ(CALL(tcb_suspend, OTHER), FL_OK);
    CHECK_EQ(CALL(tcb_set_space, CLIENT, WORLD_SPACE, WORLD_ENDPOINT_SEND), FL_OK);
    CHECK_EQ(CALL(memory_derive, WORLD_MEMORY, 0, WORLD_PAGES, RW, WORLD_CNODE, READING), FL_OK);
    CHECK_EQ(CALL(tcb_resume, CLIENT), FL_OK);
}

/* The server receives; the client, which runs then, faults. */
static void start_fault(void)
{
    start();
    CALL(ipc_recv, WORLD_ENDPOINT, WORLD_REPLY);
    CHECK(kernel.harts[0].current == client);
    client->regs[REG_SP] = 0x7777000;
    client->regs[REG_PC] = 0x10040;
    kernel_host_trap(CAUSE_STORE_PAGE_FAULT, AREA + 8);
    CHECK(kernel.harts[0].current == server);
}

static uint64_t reply(uint64_t info, struct fl_item item)
{
    return CALL(ipc_reply, WORLD_REPLY, info, item.address, item.source, item.page);
}

static struct fl_item item(uint64_t address, uint32_t rights, uint64_t slot, uint64_t pages)
{
    return (struct fl_item){FL_ITEM_ADDRESS(address, rights), FL_ITEM_SOURCE(slot, pages), 0};
}

/* An item behind the first one, in the server's buffer. */
static void put_item(unsigned index, struct fl_item next)
{
    uint64_t *words = &server->buffer[4 + 3 * (index - 1)];

    words[0] = next.address;
    words[1] = next.source;
    words[2] = next.page;
}

static bool is_mapped(uint64_t address)
{
    const pte_t *slot = walk_leaf(&client->space->space, (vaddr_t){address});

    return slot != NULL && slot->bits != 0;
}

/* The client waits, nothing is mapped; and a right answer lets it go. */
static void check_still_waits(void)
{
    CHECK_EQ(client->state, THREAD_AWAIT_REPLY);
    CHECK_EQ(client->space->space.tables, 1);
    CHECK_EQ(reply(FL_INFO_ITEMS(FL_LABEL_RESUME, 3, 1), item(AREA, RW, WORLD_MEMORY, 1)), FL_OK);
    CHECK_EQ(client->state, THREAD_READY);
    CHECK(is_mapped(AREA));
}

/* --- faults -------------------------------------------------------------------------------- */

TEST("a fault tells address, pc, access, stack pointer and the badge of its handler")
{
    start_fault();
    CHECK_EQ(server->regs[REG_A0], FL_OK);
    CHECK_EQ(FL_INFO_WORDS(server->regs[REG_A0 + 1]), 4);
    CHECK_EQ(server->regs[REG_A0 + 2], AREA + 8);
    CHECK_EQ(server->regs[REG_A0 + 3], 0x10040);
    CHECK_EQ(server->regs[REG_A0 + 4], FL_ACCESS_WRITE | FL_ACCESS_UPCALL);
    CHECK_EQ(server->regs[REG_A0 + 5], 0x7777000);
    CHECK_EQ(server->regs[REG_A0 + 6], BADGE);
    check_still_waits();
}

TEST("an answer of one item is refused for each thing that is wrong with it, and the thread waits")
{
    const uint64_t one = FL_INFO_ITEMS(FL_LABEL_RESUME, 3, 1);
    const struct {
        uint64_t info;
        struct fl_item item;
        uint64_t status;
    } cases[] = {
        {one, item(AREA, RW | 0x800, WORLD_MEMORY, 1), FL_STATUS(FL_RESERVED, 3)},
        {one, item(AREA, RW, WORLD_MEMORY, 0), FL_STATUS(FL_OUT_OF_RANGE, 3)},
        {one, item(AREA, RW, WORLD_MEMORY, WORLD_PAGES + 1), FL_STATUS(FL_OUT_OF_RANGE, 3)},
        {one, item(FL_USER_BASE - PAGE, RW, WORLD_MEMORY, 1), FL_STATUS(FL_OUT_OF_RANGE, 3)},
        {one, item(FL_USER_END, RW, WORLD_MEMORY, 1), FL_STATUS(FL_OUT_OF_RANGE, 3)},
        {one, item(FL_USER_END - PAGE, RW, WORLD_MEMORY, 2), FL_STATUS(FL_OUT_OF_RANGE, 3)},
        {one, item(AREA, RW, READING, 1), FL_STATUS(FL_NO_RIGHT, 3)},
        {one, item(AREA, RW, WORLD_ENDPOINT, 1), FL_STATUS(FL_BAD_TYPE, 3)},
        {one | 1ull << 48, item(AREA, RW, WORLD_MEMORY, 1), FL_STATUS(FL_RESERVED, 2)},
        {FL_INFO(77, 0), item(AREA, RW, WORLD_MEMORY, 1), FL_STATUS(FL_RESERVED, 2)},
        {FL_INFO(FL_LABEL_RESUME, 1), item(AREA, RW, WORLD_MEMORY, 1), FL_STATUS(FL_RESERVED, 2)},
        {FL_INFO(FL_LABEL_STOP, 1), item(AREA, RW, WORLD_MEMORY, 1), FL_STATUS(FL_RESERVED, 2)},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        harness_note("case %u", i);
        start_fault();
        CHECK_EQ(reply(cases[i].info, cases[i].item), cases[i].status);
        check_still_waits();
    }
}

TEST("of several items all are mapped or none")
{
    const uint64_t three = FL_INFO_ITEMS(FL_LABEL_RESUME, 3, 3);
    const struct {
        struct fl_item last;
        uint64_t status;
    } cases[] = {
        {item(AREA + 3 * PAGE, RW, WORLD_MEMORY, 2), FL_STATUS(FL_OCCUPIED, 2)},
        {item(AREA + PAGE, RW, WORLD_MEMORY, 1), FL_STATUS(FL_OCCUPIED, 2)},
        {item(AREA + 32 * PAGE, RW, READING, 1), FL_STATUS(FL_NO_RIGHT, 2)},
        {item(AREA + 32 * PAGE, RW | 0x800, WORLD_MEMORY, 1), FL_STATUS(FL_RESERVED, 2)},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        harness_note("case %u", i);
        start_fault();
        put_item(1, item(AREA + 4 * PAGE, RW, WORLD_MEMORY, 2));
        put_item(2, cases[i].last);
        CHECK_EQ(reply(three, item(AREA, RW, WORLD_MEMORY, 2)), cases[i].status);
        check_still_waits();
    }
    start_fault();
    put_item(1, item(AREA + 4 * PAGE, RW, WORLD_MEMORY, 2));
    put_item(2, item(AREA + 2 * PAGE, RW, WORLD_MEMORY, 2));
    CHECK_EQ(reply(three, item(AREA, RW, WORLD_MEMORY, 2)), FL_OK);
    for (uint64_t page = 0; page < 6; page++)
        CHECK(is_mapped(AREA + page * PAGE));
}

TEST("one answer maps FL_ITEM_PAGES pages and not one more")
{
    for (uint64_t more = 0; more < 2; more++) {
        start_fault();
        put_item(1, item(AREA + 24 * PAGE, RW, WORLD_MEMORY, 24));
        put_item(2, item(AREA + 48 * PAGE, RW, WORLD_MEMORY, FL_ITEM_PAGES - 48 + more));
        CHECK_EQ(reply(FL_INFO_ITEMS(FL_LABEL_RESUME, 3, 3), item(AREA, RW, WORLD_MEMORY, 24)),
                 more ? FL_STATUS(FL_OUT_OF_RANGE, 2) : FL_OK);
        if (more)
            check_still_waits();
    }
}

TEST("an answer whose items need more tables than there are is refused whole")
{
    start();
    CHECK_EQ(CALL(tcb_suspend, CLIENT), FL_OK);
    CHECK_EQ(CALL(tcb_set_space, CLIENT, WORLD_SPACE_TINY, WORLD_ENDPOINT_SEND), FL_OK);
    CHECK_EQ(CALL(tcb_resume, CLIENT), FL_OK);
    CALL(ipc_recv, WORLD_ENDPOINT, WORLD_REPLY);
    kernel_host_trap(CAUSE_LOAD_PAGE_FAULT, AREA);
    CHECK_EQ(client->space->space.pool->spare, 1); /* and two are needed */
    CHECK_EQ(reply(FL_INFO_ITEMS(FL_LABEL_RESUME, 3, 1), item(AREA, RW, WORLD_MEMORY, 2)),
             FL_STATUS(FL_NO_TABLE, 0));
    CHECK_EQ(reply(FL_INFO_ITEMS(FL_LABEL_RESUME, 3, 1), item(AREA, RW, WORLD_MEMORY, 1)),
             FL_STATUS(FL_NO_TABLE, 0));
    CHECK_EQ(client->state, THREAD_AWAIT_REPLY);
    CHECK(!is_mapped(AREA));
}

TEST("who has no buffer answers with one item and no more")
{
    start();
    CHECK_EQ(CALL(tcb_set_priority, WAKER, WORLD_SCHED, 12), FL_OK);
    CHECK(kernel.harts[0].current == waker);
    CALL(ipc_recv, WORLD_ENDPOINT, WORLD_REPLY);
    CALL(notification_wait, SIGNAL);
    kernel_host_trap(CAUSE_STORE_PAGE_FAULT, AREA);
    CHECK(kernel.harts[0].current == waker);
    CHECK_EQ(reply(FL_INFO_ITEMS(FL_LABEL_RESUME, 3, 2), item(AREA, RW, WORLD_MEMORY, 1)),
             FL_STATUS(FL_NO_BUFFER, 2));
    check_still_waits();
}

TEST("a thread that an answer stops does not run until it is resumed")
{
    start_fault();
    CHECK_EQ(CALL(ipc_reply, WORLD_REPLY, FL_INFO(FL_LABEL_STOP, 0)), FL_OK);
    CHECK_EQ(client->state, THREAD_STOPPED);
    CALL(notification_wait, SIGNAL);
    CHECK(kernel.harts[0].current == waker);
    CHECK_EQ(CALL(ipc_reply, WORLD_REPLY, FL_INFO(FL_LABEL_RESUME, 0)), FL_GONE);
    CHECK_EQ(CALL(tcb_resume, CLIENT), FL_OK);
    CHECK(kernel.harts[0].current == client);
}

TEST("a thread whose faults nobody takes stops")
{
    start();
    CHECK_EQ(CALL(tcb_suspend, CLIENT), FL_OK);
    CALL(notification_wait, SIGNAL);
    CHECK(kernel.harts[0].current == waker);
    CHECK_EQ(kernel_host_trap(CAUSE_LOAD_PAGE_FAULT, AREA), KERNEL_HOST_ASLEEP);
    CHECK_EQ(waker->state, THREAD_STOPPED);
}

/* --- what a thread was before -------------------------------------------------------------- */

/* The client has faulted, and was answered; the server waits for a signal, so that the client runs. */
static void start_after_fault(void)
{
    start_fault();
    CHECK_EQ(CALL(ipc_reply, WORLD_REPLY, FL_INFO(FL_LABEL_RESUME, 0)), FL_OK);
    CALL(notification_wait, SIGNAL);
    CHECK(kernel.harts[0].current == client);
}

/* The object that the client waits for ends. */
static void check_cancelled(void)
{
    CHECK(kernel.harts[0].current == waker);
    CHECK_EQ(CALL(cnode_revoke, WORLD_CNODE, WORLD_FREE + 1, 0), FL_OK);
    CHECK_EQ(CALL(cnode_delete, WORLD_CNODE, WORLD_FREE + 1), FL_OK);
    CHECK_EQ(client->state, THREAD_READY);
    CHECK_EQ(client->regs[REG_A0], FL_CANCELLED);
}

TEST("a call after a fault is a call: its answer is a message")
{
    start_after_fault();
    CALL(ipc_call, WORLD_ENDPOINT, FL_INFO(3, 1), 33);
    CHECK(kernel.harts[0].current == waker);
    CALL(notification_signal, SIGNAL);
    CHECK(kernel.harts[0].current == server);
    CHECK_EQ(CALL(ipc_recv, WORLD_ENDPOINT, WORLD_REPLY), FL_OK);
    CHECK_EQ(server->regs[REG_A0 + 2], 33);
    CHECK_EQ(CALL(ipc_reply, WORLD_REPLY, FL_INFO(9, 1), 44), FL_OK);
    CHECK_EQ(client->state, THREAD_READY);
    CHECK_EQ(client->regs[REG_A0 + 1], FL_INFO(9, 1));
    CHECK_EQ(client->regs[REG_A0 + 2], 44);
}

/* --- messages ------------------------------------------------------------------------------ */

TEST("words behind the registers go from buffer to buffer, every one")
{
    start();
    CALL(ipc_recv, WORLD_ENDPOINT, WORLD_REPLY);
    for (unsigned i = 4; i < 8; i++) {
        client->buffer[i] = 100 + i;
        server->buffer[i] = 0;
    }
    CALL(ipc_call, WORLD_ENDPOINT, FL_INFO(3, 7), 1, 2, 3, 4);
    CHECK(kernel.harts[0].current == server);
    for (unsigned i = 4; i < 8; i++)
        CHECK_EQ(server->buffer[i], i < 7 ? 100 + i : 0);
}

TEST("senders that wait are received in their order")
{
    start();
    CHECK_EQ(CALL(tcb_resume, OTHER), FL_OK);
    CALL(notification_wait, SIGNAL);
    CHECK(kernel.harts[0].current == client);
    CALL(ipc_call, WORLD_ENDPOINT, FL_INFO(3, 1), 1);
    CHECK(kernel.harts[0].current == other);
    CALL(ipc_send, WORLD_ENDPOINT, FL_INFO(3, 1), 2);
    CHECK(kernel.harts[0].current == waker);
    CALL(notification_signal, SIGNAL);
    for (uint64_t i = 0; i < 2; i++) {
        CHECK(kernel.harts[0].current == server);
        CHECK_EQ(CALL(ipc_recv, WORLD_ENDPOINT, WORLD_REPLY + i), FL_OK);
        CHECK_EQ(server->regs[REG_A0 + 2], i + 1);
    }
}

TEST("bits of the bound notification are told once")
{
    start();
    CHECK_EQ(CALL(tcb_suspend, CLIENT), FL_OK);
    CHECK_EQ(CALL(tcb_bind_notification, SERVER, SIGNAL), FL_OK);
    CHECK_EQ(CALL(notification_signal, SIGNAL), FL_OK);
    CHECK_EQ(CALL(ipc_poll, WORLD_ENDPOINT, WORLD_REPLY), FL_OK);
    CHECK_EQ(FL_INFO_LABEL(server->regs[REG_A0 + 1]), FL_LABEL_NOTIFICATION);
    CHECK_EQ(server->regs[REG_A0 + 2], 1);
    CHECK_EQ(CALL(ipc_poll, WORLD_ENDPOINT, WORLD_REPLY), FL_WOULD_BLOCK);
}

/* --- waits that end ------------------------------------------------------------------------ */

TEST("a wait after a fault is cancelled like any other: the thread hears of it and goes on")
{
    static const enum fl_object types[] = {FL_OBJECT_ENDPOINT, FL_OBJECT_ENDPOINT,
                                           FL_OBJECT_NOTIFICATION};

    for (unsigned way = 0; way < 3; way++) {
        harness_note("way %u", way);
        start_after_fault();
        CHECK_EQ(CALL(memory_retype, WORLD_MEMORY, WORLD_PAGE_FREE, types[way], 1, WORLD_CNODE,
                      WORLD_FREE + 1),
                 FL_OK);
        if (way == 0)
            CALL(ipc_send, WORLD_FREE + 1, FL_INFO(3, 1), 1);
        else if (way == 1)
            CALL(ipc_recv, WORLD_FREE + 1, WORLD_REPLY + 1);
        else
            CALL(notification_wait, WORLD_FREE + 1);
        check_cancelled();
    }
}

/* --- revocation ---------------------------------------------------------------------------- */

/* Is the page that the second space had at the start still there? */
static bool area_is_mapped(void)
{
    const pte_t *slot = walk_leaf(&other->space->space, (vaddr_t){WORLD_AREA});

    return slot != NULL && slot->bits != 0;
}

/* From the cursor on, to the end. */
static void revoke(uint64_t slot, uint64_t cursor)
{
    for (;;) {
        uint64_t status = CALL(cnode_revoke, WORLD_CNODE, slot, cursor);

        cursor = server->regs[REG_A0 + 1];
        if (status != FL_MORE) {
            CHECK_EQ(status, FL_OK);
            return;
        }
    }
}

TEST("mappings end by a revocation with its right, and by none without")
{
    start();
    CHECK(area_is_mapped());
    revoke(READING, 0);
    CHECK(area_is_mapped());
    CHECK_EQ(CALL(cnode_delete, WORLD_CNODE, WORLD_PIN), FL_OK);
    revoke(WORLD_MEMORY, 0);
    CHECK(!area_is_mapped());
}

TEST("a revocation that still finds something derived ends all mappings, from whatever cursor")
{
    start();
    CHECK_EQ(CALL(cnode_delete, WORLD_CNODE, WORLD_PIN), FL_OK);
    revoke(WORLD_MEMORY, 2ull << 56); /* behind the tables */
    CHECK(!area_is_mapped());
}

TEST("a step of a revocation deletes some capabilities, and not all of many")
{
    const struct cap *last;

    start();
    for (uint64_t i = 1; i < 60; i++)
        CHECK_EQ(CALL(memory_derive, WORLD_MEMORY, 0, 1, RW, WORLD_CNODE, READING + i), FL_OK);
    CHECK_EQ(CALL(cnode_revoke, WORLD_CNODE, WORLD_MEMORY, 0), FL_MORE);
    last = cap_lookup(server, READING, FL_OBJECT_MEMORY, 0, 1).cap;
    for (uint64_t i = 1; i < 60 && last == NULL; i++)
        last = cap_lookup(server, READING + i, FL_OBJECT_MEMORY, 0, 1).cap;
    CHECK(last != NULL);
}
