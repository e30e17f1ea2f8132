/* Regression tests of defects that attacks on revoke and on what it takes away found: each failed before
 * its mend. */
#include "fl_calls.h"
#include "harness.h"
#include "kit.h"
#include "refusal.h"

#define RAM         FL_BOOT_RAM
#define CNODE       FL_BOOT_CNODE
#define ALL         FL_RIGHTS_ALL
#define RW          (FL_RIGHT_READ | FL_RIGHT_WRITE)
#define MEMORY_ALL  (ALL & ~(FL_RIGHT_SEND | FL_RIGHT_RECV | FL_RIGHT_CALL))
#define STEP_CYCLES 100000u /* more than one bounded entry takes */

static uint64_t longest;

/* A Memory capability of its own for `pages` new frames. */
static uint64_t part(uint64_t pages)
{
    uint64_t slot = kit_slots(1);

    CHECK_DONE(flr_memory_derive(RAM, kit_frames(pages), pages, MEMORY_ALL, CNODE, slot));
    return slot;
}

static struct fl_result revoke_step(uint64_t slot, uint64_t cursor)
{
    uint64_t start = fl_rdcycle();
    struct fl_result result = flr_cnode_revoke(CNODE, slot, cursor);
    uint64_t took = fl_rdcycle() - start;

    longest = took > longest ? took : longest;
    return result;
}

/* Repeats from a cursor on to the end. */
static uint64_t revoke_from(uint64_t slot, uint64_t cursor)
{
    struct fl_result result;

    do {
        result = revoke_step(slot, cursor);
        cursor = result.value;
    } while (FL_STATUS_CODE(result.status) == FL_MORE);
    return result.status;
}

static bool is_empty(uint64_t slot)
{
    return FL_STATUS_CODE(flr_cnode_copy(CNODE, kit_slots(1), CNODE, slot, ALL, 0).status) ==
           FL_BAD_SLOT;
}

TEST("no number of Pins hides a derived capability from revoke")
{
    refusal_begin();
    uint64_t estate = part(8), kept = kit_slots(1), pinned = kit_slots(1), pins = kit_slots(40);
    CHECK_DONE(flr_memory_derive(estate, 0, 8, MEMORY_ALL, CNODE, kept));
    CHECK_DONE(flr_memory_derive(estate, 0, 8, MEMORY_ALL, CNODE, pinned));
    for (uint64_t i = 0; i < 40; i++)
        CHECK_DONE(flr_memory_pin(pinned, 0, 1, CNODE, pins + i));
    CHECK_EQ(revoke_from(estate, 0), FL_STATUS(FL_BUSY, 2));
    CHECK(is_empty(pinned));
    CHECK(is_empty(kept));
    CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
}

/* Where a frame of RAM 0 stands in the frame table, which begins with the bank. */
static uint64_t table_index(uint64_t page)
{
    uint64_t physical = kit_boot_info()->ram[0].physical;

    return physical % (1ull << 30) / FL_PAGE_BYTES + page;
}

TEST("no mapping of a device outlives its revoke because its table moves meanwhile")
{
    refusal_begin();
    uint64_t device = kit_copy(FL_BOOT_DEVICES, ALL, 0), pool = kit_object(FL_OBJECT_TABLE_POOL);
    uint64_t low = kit_frames(8);
    kit_frames(2048);
    uint64_t tables = part(3), cursor = 0;
    CHECK_DONE(flr_pool_donate(pool, RAM, low, 8));
    CHECK_DONE(flr_pool_donate(pool, tables, 0, 3));
    uint64_t space = kit_bare_space(pool);
    CHECK_DONE(flr_vspace_map(space, device, 0, KIT_AREA, 1, RW));
    do {
        struct fl_result step = revoke_step(device, cursor);
        CHECK_EQ(step.status, FL_MORE);
        cursor = step.value;
    } while ((cursor & 0xffffffff) < table_index(low + 8));
    CHECK_EQ(revoke_from(tables, 0), FL_OK);
    CHECK_EQ(revoke_from(device, cursor), FL_OK);
    CHECK_EQ(flr_vspace_entry(space, KIT_AREA).value, 0);
}

/* A CNode of 16 frames with `copies` capabilities, named by a thread alone. */
static void make_table_of(uint64_t tcb, uint64_t copies)
{
    uint64_t table = kit_slots(1), bell = kit_object(FL_OBJECT_NOTIFICATION);

    CHECK_DONE(flr_memory_retype(RAM, kit_frames(FL_CNODE_FRAMES), FL_OBJECT_CNODE, FL_CNODE_FRAMES,
                                 CNODE, table));
    CHECK_DONE(flr_tcb_set_cspace(tcb, table));
    for (uint64_t i = 2; i <= copies; i++)
        CHECK_DONE(flr_cnode_copy(table, i, CNODE, bell, ALL, 0));
    CHECK_DONE(flr_cnode_move(table, 1, CNODE, table));
}

TEST("a revoke keeps its progress while it deletes what others left behind")
{
    refusal_begin();
    uint64_t estate = part(1), tcb = kit_object(FL_OBJECT_TCB), cursor = 0;
    CHECK_DONE(flr_vspace_map(FL_BOOT_VSPACE, estate, 0, KIT_AREA, 1, RW));
    make_table_of(tcb, 100);
    for (unsigned i = 0; i < 4; i++)
        cursor = revoke_step(estate, cursor).value;
    CHECK(cursor != 0);
    CHECK_DONE(flr_tcb_set_cspace(tcb, CNODE)); /* nobody outside names the table now */
    struct fl_result step = revoke_step(estate, cursor);
    CHECK_EQ(step.status, FL_MORE);
    CHECK_EQ(step.value, cursor);
    CHECK_EQ(revoke_from(estate, cursor), FL_OK);
    CHECK_EQ(flr_vspace_entry(FL_BOOT_VSPACE, KIT_AREA).value, 0);
}

/* cnode_delete to its end. */
static uint64_t delete_slot(uint64_t slot)
{
    struct fl_result result;

    longest = 0;
    do {
        uint64_t start = fl_rdcycle();
        result = flr_cnode_delete(CNODE, slot);
        uint64_t took = fl_rdcycle() - start;
        longest = took > longest ? took : longest;
    } while (FL_STATUS_CODE(result.status) == FL_MORE);
    return result.status;
}

TEST("CNodes that nobody names are emptied in bounded steps, whatever the first of them holds")
{
    for (uint64_t copies = 30; copies <= 33; copies++) {
        refusal_begin();
        uint64_t tcb = kit_object(FL_OBJECT_TCB);
        make_table_of(tcb, FL_CNODE_FRAMES * FL_CNODE_SLOTS - 1);
        make_table_of(tcb, copies);
        CHECK_DONE(flr_tcb_set_cspace(tcb, CNODE));
        CHECK_EQ(delete_slot(kit_slots(1)), FL_OK);
        CHECK(longest < STEP_CYCLES);
    }
}

TEST("revoke of many CNodes with full last slots takes bounded steps")
{
    refusal_begin();
    uint64_t estate = part(32 * FL_CNODE_FRAMES);
    uint64_t end = FL_CNODE_FRAMES * FL_CNODE_SLOTS;
    for (uint64_t i = 0; i < 32; i++) {
        uint64_t table = kit_slots(1);
        CHECK_DONE(flr_memory_retype(estate, i * FL_CNODE_FRAMES, FL_OBJECT_CNODE, FL_CNODE_FRAMES,
                                     CNODE, table));
        CHECK_DONE(flr_memory_retype(RAM, kit_frames(1), FL_OBJECT_TIMER, 30, table, end - 30));
    }
    longest = 0;
    CHECK_EQ(revoke_from(estate, 0), FL_OK);
    CHECK(longest < STEP_CYCLES);
}

TEST("the end of a CNode full of Pins takes bounded steps")
{
    refusal_begin();
    uint64_t table = kit_object(FL_OBJECT_CNODE), first = kit_frames(FL_PIN_PAGES);
    for (uint64_t i = 1; i < FL_CNODE_SLOTS; i++)
        CHECK_DONE(flr_memory_pin(RAM, first, FL_PIN_PAGES, table, i));
    CHECK_EQ(delete_slot(table), FL_OK);
    CHECK(longest < STEP_CYCLES);
}

TEST("the end of a CNode full of armed timers takes bounded steps")
{
    refusal_begin();
    uint64_t table = kit_slots(1), timer = kit_slots(1), bell = kit_object(FL_OBJECT_NOTIFICATION);
    CHECK_DONE(flr_memory_retype(RAM, kit_frames(FL_CNODE_FRAMES), FL_OBJECT_CNODE, FL_CNODE_FRAMES,
                                 CNODE, table));
    for (uint64_t i = 1; i < 31 * 64; i++) {
        if (i % 64 == 1)
            CHECK_DONE(flr_memory_retype(RAM, kit_frames(1), FL_OBJECT_TIMER, 64, table, i));
        CHECK_DONE(flr_cnode_move(CNODE, timer, table, i));
        CHECK_DONE(flr_timer_bind(timer, bell));
        CHECK_DONE(flr_timer_set(timer, (1ull << 60) - i)); /* the first one to end is the last */
        CHECK_DONE(flr_cnode_move(table, i, CNODE, timer));
    }
    CHECK_EQ(delete_slot(table), FL_OK);
    CHECK(longest < STEP_CYCLES);
}

static uint64_t hidden, space;
static volatile uint64_t got;

static void signal_hidden(uint64_t slot)
{
    got = flr_notification_signal(slot).status;
    kit_sleep();
}

TEST("who may not copy from a CNode cannot make a thread use what lies in it")
{
    refusal_begin();
    uint64_t table = kit_object(FL_OBJECT_CNODE), weak = kit_copy(table, 0, 0);
    hidden = kit_object(FL_OBJECT_NOTIFICATION);
    space = kit_space(kit_pool(24));
    CHECK_DONE(flr_cnode_copy(table, 5, CNODE, hidden, ALL, 0));
    struct kit_thread *thread = kit_thread(space, 0, KIT_PRIORITY, signal_hidden, 5);
    CHECK_REFUSED(flr_tcb_set_cspace(thread->tcb, weak), NO_RIGHT, 2);
    kit_start(thread);
    kit_settle();
    CHECK_EQ(flr_notification_poll(hidden).value, 0);
}

TEST("a capability without the REVOKE right takes away no mapping that others made")
{
    refusal_begin();
    uint64_t estate = part(1), weak = kit_copy(estate, ALL & ~FL_RIGHT_REVOKE, 0);
    uint64_t below = kit_copy(weak, ALL, 0);
    CHECK_DONE(flr_vspace_map(FL_BOOT_VSPACE, estate, 0, KIT_AREA, 1, RW));
    CHECK_EQ(revoke_from(weak, 0), FL_OK);
    CHECK(is_empty(below));
    CHECK(flr_vspace_entry(FL_BOOT_VSPACE, KIT_AREA).value != 0);
    CHECK_EQ(revoke_from(estate, 0), FL_OK);
    CHECK_EQ(flr_vspace_entry(FL_BOOT_VSPACE, KIT_AREA).value, 0);
}

static volatile uint64_t turns;

static void count_turns(uint64_t unused)
{
    (void)unused;
    for (;;)
        turns++;
}

TEST("tables in revoked memory do not block it when their pool is used up: the space ends")
{
    refusal_begin();
    uint64_t estate = part(24), first = kit_frames(0) - 24;
    uint64_t pool = kit_object(FL_OBJECT_TABLE_POOL);
    CHECK_DONE(flr_pool_donate(pool, estate, 0, 24));
    uint64_t where = kit_space(pool);
    struct kit_thread *thread = kit_thread(where, 0, KIT_PRIORITY, count_turns, 0);
    turns = 0;
    kit_start(thread);
    for (uint64_t end = kit_deadline(); turns == 0; kit_nap())
        CHECK(fl_rdtime() < end);
    CHECK_EQ(revoke_from(estate, 0), FL_OK);
    for (uint64_t i = 0; i < 24; i++)
        CHECK_EQ(flr_memory_frame_state(RAM, first + i).value & 0xff, FL_FRAME_FREE);
    CHECK_EQ(flr_tcb_resume(thread->tcb).status, FL_STATUS(FL_NOT_READY, 1));
    CHECK_EQ(flr_vspace_entry(where, KIT_AREA).status, FL_STATUS(FL_NOT_READY, 1));
    CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
}

static uint64_t sender, told_at;

static void send_and_look(uint64_t unused)
{
    (void)unused;
    if (fl_ipc_send(sender, FL_INFO(1, 1), 0, 0, 0, 0) == FL_CANCELLED)
        told_at = fl_rdtime();
    kit_sleep();
}

TEST("who waits at an endpoint that ends while the system idles runs at once, not at the next "
     "interrupt")
{
    refusal_begin();
    uint64_t table = kit_object(FL_OBJECT_CNODE), tcb = kit_object(FL_OBJECT_TCB);
    uint64_t second = kit_boot_info()->timebase_hz;
    sender = kit_slots(1);
    told_at = 0;
    CHECK_DONE(flr_memory_retype(RAM, kit_frames(1), FL_OBJECT_ENDPOINT, 1, table, 10));
    CHECK_DONE(flr_cnode_copy(CNODE, sender, table, 10, FL_RIGHT_SEND, 0));
    CHECK_DONE(flr_tcb_set_cspace(tcb, table));
    CHECK_DONE(flr_cnode_move(table, 6, CNODE, table)); /* the thread alone names it now */
    kit_run(kit_space(kit_pool(24)), 0, send_and_look, 0);
    kit_settle();
    CHECK_DONE(flr_tcb_set_cspace(tcb, CNODE));
    uint64_t start = fl_rdtime();
    kit_nap_ticks(second);
    CHECK(told_at != 0);
    CHECK(told_at - start < second / 2);
}

TEST("what a condemned CNode holds ends while the system idles, if nobody asks")
{
    refusal_begin();
    uint64_t table = kit_object(FL_OBJECT_CNODE), tcb = kit_object(FL_OBJECT_TCB);
    CHECK_DONE(flr_memory_retype(RAM, kit_frames(1), FL_OBJECT_ENDPOINT, 60, table, 10));
    CHECK_DONE(flr_tcb_set_cspace(tcb, table));
    CHECK_DONE(flr_cnode_move(table, 6, CNODE, table)); /* the thread alone names it now */
    uint64_t objects = kit_counter(FL_COUNTER_OBJECTS);
    CHECK_DONE(flr_tcb_set_cspace(tcb, CNODE));
    kit_settle();
    CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects - 61);
}

TEST("a timer that is due while the system idles is not held up by what condemned CNodes hold")
{
    enum { INNER = 100, SLOTS = 128 };
    refusal_begin();
    if (!kit_alone())
        SKIP("with several harts the host may hold back the one that has the timer");
    uint64_t table = kit_object(FL_OBJECT_CNODE), tcb = kit_object(FL_OBJECT_TCB);
    for (unsigned i = 0; i < INNER; i++) {
        uint64_t inner = kit_object(FL_OBJECT_CNODE);
        for (unsigned slot = 1; slot < SLOTS; slot++)
            CHECK_DONE(flr_cnode_copy(inner, slot, CNODE, FL_BOOT_SYSTEM, FL_RIGHT_READ, 0));
        CHECK_DONE(flr_cnode_move(table, 10 + i, CNODE, inner));
    }
    CHECK_DONE(flr_tcb_set_cspace(tcb, table));
    CHECK_DONE(flr_cnode_move(table, 6, CNODE, table)); /* the thread alone names it now */
    uint64_t objects = kit_counter(FL_COUNTER_OBJECTS);
    CHECK_DONE(flr_tcb_set_cspace(tcb, CNODE));
    kit_nap_ticks(kit_boot_info()->timebase_hz / 10000); /* to empty them takes 30 times as long */
    CHECK(kit_counter(FL_COUNTER_OBJECTS) > objects - (1 + INNER));
    kit_settle();
    CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects - (1 + INNER));
}
