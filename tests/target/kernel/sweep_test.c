/* Revoking memory that many spaces map while they run. */
#include "fl_calls.h"
#include "harness.h"
#include "kit.h"
#include "refusal.h"

#define RAM         FL_BOOT_RAM
#define CNODE       FL_BOOT_CNODE
#define RW          (FL_RIGHT_READ | FL_RIGHT_WRITE)
#define SPACES      50u
#define PAGES       8u
#define POISON      0xdeadbeefdeadbeefull
#define QUANTUM_US  1000u  /* the shortest */
#define STEP_CYCLES 60000u /* more than one bounded entry takes */

static volatile uint64_t rounds[SPACES], last_seen[SPACES];

/* Reads and writes all pages, round after round, until one of them is gone. */
static void use_pages(uint64_t i)
{
    for (;;) {
        for (uint64_t page = 0; page < PAGES; page++) {
            volatile uint64_t *word = (volatile uint64_t *)(KIT_AREA + page * FL_PAGE_BYTES);

            last_seen[i] = word[i];
            if (page < PAGES / 2)
                word[i] = i; /* the other half stays clean */
        }
        rounds[i]++;
    }
}

static uint64_t range, handler, reply, page;
static unsigned spaces; /* that use it */

static void start_spaces(void)
{
    refusal_begin();
    uint64_t harts = kit_counter(FL_COUNTER_HARTS);
    /* Several harts run one after the other under --icount, and when one has run the turns of the others' threads
     * are over: then nobody shares a hart. */
    spaces = harts == 1 ? SPACES : (unsigned)harts - 1;
    range = kit_slots(1);
    page = kit_frames(PAGES);
    CHECK_DONE(
        flr_memory_derive(RAM, page, PAGES, RW | FL_RIGHT_MAP | FL_RIGHT_REVOKE, CNODE, range));
    handler = kit_object(FL_OBJECT_ENDPOINT);
    reply = kit_object(FL_OBJECT_REPLY);
    for (uint64_t i = 0; i < spaces; i++) {
        uint64_t space = kit_space(kit_pool(16)), mine = kit_copy(range, RW | FL_RIGHT_MAP, 0);

        rounds[i] = last_seen[i] = 0;
        CHECK_DONE(flr_vspace_map(space, mine, 0, KIT_AREA, PAGES, RW));
        struct kit_thread *thread =
            kit_thread(space, kit_copy(handler, FL_RIGHTS_ALL, i + 1), KIT_PRIORITY, use_pages, i);
        CHECK_DONE(flr_tcb_set_quantum(thread->tcb, FL_BOOT_SCHED, QUANTUM_US));
        kit_start(thread);
    }
}

/* Revokes, letting the threads run between the steps. */
static void revoke_among_them(void)
{
    struct fl_result result = {FL_OK, 0};
    bool alone = kit_alone(); /* else others' instructions are counted too */

    do {
        uint64_t start = fl_rdcycle();

        result = flr_cnode_revoke(CNODE, range, result.value);
        CHECK(!alone || fl_rdcycle() - start < STEP_CYCLES);
        kit_nap_ticks(300);
    } while (FL_STATUS_CODE(result.status) == FL_MORE);
    CHECK_DONE(result);
}

static void check_each_has_faulted(void)
{
    uint64_t seen = 0;

    for (unsigned i = 0; i < spaces; i++) {
        struct fl_message message;

        fl_ipc_poll(handler, reply, &message);
        CHECK_EQ(message.status, FL_OK);
        CHECK_EQ(FL_INFO_LABEL(message.info), FL_LABEL_PAGE_FAULT);
        CHECK_EQ(message.word[2] & FL_ACCESS_PRESENT, 0);
        CHECK(message.word[0] - KIT_AREA < PAGES * FL_PAGE_BYTES);
        seen |= 1ull << (message.badge - 1);
        CHECK_DONE(flr_ipc_reply(reply, FL_INFO(FL_LABEL_STOP, 0), 0, 0, 0, 0));
    }
    CHECK_EQ(seen, (1ull << spaces) - 1);
}

TEST("memory revoked while many spaces use it: no mapping, no stale access, D kept, bounded steps")
{
    start_spaces();
    while (rounds[spaces - 1] == 0) /* a turn each */
        kit_nap();
    for (unsigned i = 0; i < spaces; i++)
        CHECK(rounds[i] > 0);
    revoke_among_them();
    for (uint64_t i = 0; i < PAGES; i++) {
        uint64_t state = flr_memory_frame_state(RAM, page + i).value;

        CHECK_EQ(state & 0xff, FL_FRAME_FREE);
        CHECK_EQ((state & FL_FRAME_DIRTY) != 0, i < PAGES / 2);
    }
    uint64_t *window;
    for (uint64_t i = 0; i < PAGES; i++) {
        window = kit_window(page + i);
        for (unsigned word = 0; word < spaces; word++)
            window[word] = POISON;
    }
    kit_settle();
    check_each_has_faulted();
    for (unsigned i = 0; i < spaces; i++)
        CHECK(last_seen[i] != POISON);
    CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
}

TEST("tables that lie in revoked memory move, under a thread that runs on them")
{
    refusal_begin();
    uint64_t tables = kit_slots(1), first = kit_frames(40), pool = kit_object(FL_OBJECT_TABLE_POOL);
    CHECK_DONE(flr_memory_derive(RAM, first, 40, FL_RIGHT_DONATE | FL_RIGHT_REVOKE, CNODE, tables));
    CHECK_DONE(
        flr_pool_donate(pool, RAM, kit_frames(20), 20)); /* the pool takes the last given first */
    CHECK_DONE(flr_pool_donate(pool, tables, 0, 20));
    uint64_t space = kit_space(pool), data = kit_frames(PAGES);
    CHECK_DONE(flr_vspace_map(space, RAM, data, KIT_AREA, PAGES, RW));
    rounds[0] = 0;
    kit_run(space, 0, use_pages, 0);
    kit_nap();
    struct fl_result result = {FL_OK, 0};
    do {
        result = flr_cnode_revoke(CNODE, tables, result.value);
        kit_nap_ticks(300);
    } while (FL_STATUS_CODE(result.status) == FL_MORE);
    CHECK_DONE(result);
    for (uint64_t i = 0; i < 40; i++)
        CHECK_EQ(flr_memory_frame_state(RAM, first + i).value & 0xff, FL_FRAME_FREE);
    uint64_t before = rounds[0], end = kit_deadline();
    for (; rounds[0] == before; kit_nap())
        CHECK(fl_rdtime() < end);
    CHECK_EQ(flr_vspace_entry(space, KIT_AREA).value & FL_ENTRY_DIRTY, FL_ENTRY_DIRTY);
    CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
}
