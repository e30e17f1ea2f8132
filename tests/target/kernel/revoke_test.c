/* Derivation and revoke: what was made from a capability goes with it, whatever it is and whoever
 * runs on it.  The estate is a Memory capability of its own, from which each test makes its world. */
#include "fl_calls.h"
#include "harness.h"
#include "kit.h"
#include "refusal.h"

#define RAM          FL_BOOT_RAM
#define CNODE        FL_BOOT_CNODE
#define ALL          FL_RIGHTS_ALL
#define RW           (FL_RIGHT_READ | FL_RIGHT_WRITE)
#define ESTATE_PAGES 160u
#define STEP_CYCLES  200000u /* more than one bounded entry takes */

static uint64_t estate, next_page, first_page;
static uint64_t longest, steps;
static volatile uint64_t ran;

static void setup(void)
{
    refusal_begin();
    estate = kit_slots(1);
    first_page = kit_frames(ESTATE_PAGES);
    next_page = 0;
    ran = 0;
    CHECK_DONE(flr_memory_derive(RAM, first_page, ESTATE_PAGES, ALL & ~0x380u, CNODE, estate));
}

/* An object in a frame of the estate, in a slot of the root task's CNode. */
static uint64_t make(enum fl_object type)
{
    uint64_t slot = kit_slots(1);

    CHECK_DONE(flr_memory_retype(estate, next_page++, type, 1, CNODE, slot));
    return slot;
}

static uint64_t revoke_in(uint64_t cnode, uint64_t slot)
{
    struct fl_result result = {FL_OK, 0};

    steps = longest = 0;
    do {
        uint64_t start = fl_rdcycle();
        result = flr_cnode_revoke(cnode, slot, result.value);
        uint64_t took = fl_rdcycle() - start;
        longest = took > longest ? took : longest;
        CHECK(steps++ < 100000);
    } while (FL_STATUS_CODE(result.status) == FL_MORE);
    return result.status;
}

static uint64_t revoke(uint64_t slot)
{
    return revoke_in(CNODE, slot);
}

static bool is_empty(uint64_t slot)
{
    return FL_STATUS_CODE(flr_cnode_copy(CNODE, kit_slots(1), CNODE, slot, ALL, 0).status) ==
           FL_BAD_SLOT;
}

static void check_sound(void)
{
    CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
}

/* All frames of the estate are free: nothing that was made of it is left. */
static void check_all_free(void)
{
    check_sound();
    for (uint64_t i = 0; i < ESTATE_PAGES; i++)
        CHECK_EQ(flr_memory_frame_state(RAM, first_page + i).value & 0xff, FL_FRAME_FREE);
    CHECK(steps > 0 && longest < STEP_CYCLES);
}

TEST("revoke deletes copies and copies of copies, in other CNodes too, and the capability stays")
{
    setup();
    uint64_t bell = kit_object(FL_OBJECT_NOTIFICATION), other = kit_object(FL_OBJECT_CNODE);
    uint64_t copy = kit_copy(bell, ALL, 0), badged = kit_copy(copy, ALL, 7);
    CHECK_DONE(flr_cnode_copy(other, 9, CNODE, badged, FL_RIGHT_SEND, 0));
    uint64_t caps = kit_counter(FL_COUNTER_CAPABILITIES);
    CHECK_EQ(revoke(bell), FL_OK);
    CHECK_EQ(kit_counter(FL_COUNTER_CAPABILITIES), caps - 3);
    CHECK(is_empty(copy) && is_empty(badged));
    CHECK_DONE(flr_notification_signal(bell));
    check_sound();
}

TEST("revoking a copy spares what was made from its source, its siblings and itself")
{
    setup();
    uint64_t bell = kit_object(FL_OBJECT_NOTIFICATION);
    uint64_t left = kit_copy(bell, ALL, 0), middle = kit_copy(bell, ALL, 0);
    uint64_t right = kit_copy(bell, ALL, 0), below = kit_copy(middle, ALL, 0);
    CHECK_EQ(revoke(middle), FL_OK);
    CHECK(is_empty(below));
    CHECK(!is_empty(left) && !is_empty(middle) && !is_empty(right) && !is_empty(bell));
    check_sound();
}

TEST("what was made from a deleted capability belongs to the one above it")
{
    setup();
    uint64_t bell = kit_object(FL_OBJECT_NOTIFICATION);
    uint64_t copy = kit_copy(bell, ALL, 0), below = kit_copy(copy, ALL, 0);
    uint64_t stranger = kit_copy(bell, ALL, 0);
    CHECK_EQ(kit_delete(copy), FL_OK);
    CHECK_EQ(revoke(stranger), FL_OK);
    CHECK(!is_empty(below));
    CHECK_EQ(revoke(bell), FL_OK);
    CHECK(is_empty(below) && is_empty(stranger));
}

TEST("a moved capability takes along what was made from it and whom it was made from")
{
    setup();
    uint64_t bell = kit_object(FL_OBJECT_NOTIFICATION);
    uint64_t copy = kit_copy(bell, ALL, 0), below = kit_copy(copy, ALL, 0), moved = kit_slots(1);
    CHECK_DONE(flr_cnode_move(CNODE, moved, CNODE, copy));
    check_sound();
    CHECK_EQ(revoke(moved), FL_OK);
    CHECK(is_empty(below) && !is_empty(moved));
    CHECK_EQ(revoke(bell), FL_OK);
    CHECK(is_empty(moved));
}

TEST("revoke blames the CNode without WRITE, the slot beyond it and the empty slot")
{
    setup();
    uint64_t weak = kit_copy(CNODE, FL_RIGHT_READ, 0);
    CHECK_REFUSED(flr_cnode_revoke(weak, estate, 0), NO_RIGHT, 1);
    CHECK_REFUSED(flr_cnode_revoke(estate, estate, 0), BAD_TYPE, 1);
    CHECK_REFUSED(flr_cnode_revoke(0, estate, 0), BAD_SLOT, 1);
    CHECK_REFUSED(flr_cnode_revoke(CNODE, 1 << 20, 0), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_cnode_revoke(CNODE, 0, 0), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_cnode_revoke(CNODE, kit_slots(1), 0), BAD_SLOT, 2);
}

TEST("revoked memory is free again whatever was made from it")
{
    setup();
    static const enum fl_object types[] = {
        FL_OBJECT_CNODE, FL_OBJECT_TCB,        FL_OBJECT_ENDPOINT, FL_OBJECT_NOTIFICATION,
        FL_OBJECT_REPLY, FL_OBJECT_TABLE_POOL, FL_OBJECT_VSPACE,   FL_OBJECT_TIMER};
    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++)
        make(types[i]);
    uint64_t pages = kit_slots(1);
    CHECK_DONE(flr_memory_derive(estate, 100, 10, RW | FL_RIGHT_MAP, CNODE, pages));
    CHECK_DONE(flr_vspace_map(FL_BOOT_VSPACE, pages, 0, KIT_AREA, 10, RW));
    *(volatile uint64_t *)KIT_AREA = 1;
    CHECK_EQ(revoke(estate), FL_OK);
    check_all_free();
    CHECK_EQ(flr_vspace_entry(FL_BOOT_VSPACE, KIT_AREA).value, 0);
    CHECK(flr_memory_frame_state(RAM, first_page + 100).value & FL_FRAME_DIRTY);
}

static void count_up(uint64_t unused)
{
    (void)unused;
    for (;;)
        ran++;
}

/* A thread that runs in a space whose TCB, space and pool are all of the estate. */
static uint64_t tcb, vspace, pool;
static void make_runner(void)
{
    pool = make(FL_OBJECT_TABLE_POOL);
    CHECK_DONE(flr_pool_donate(pool, estate, next_page, 24));
    next_page += 24;
    vspace = kit_slots(1);
    CHECK_DONE(flr_memory_retype(estate, next_page++, FL_OBJECT_VSPACE, 1, CNODE, vspace));
    kit_fill_space(vspace, pool);
    struct kit_thread *thread = kit_thread(vspace, 0, KIT_PRIORITY, count_up, 0);
    tcb = thread->tcb;
    kit_start(thread);
}

static void check_it_runs(void)
{
    uint64_t before = ran, end = kit_deadline();

    for (; ran == before; kit_nap())
        CHECK(fl_rdtime() < end);
}

static void check_it_stands(void)
{
    uint64_t before = ran;

    kit_nap();
    CHECK_EQ(ran, before);
    CHECK_EQ(flr_tcb_resume(tcb).status, FL_STATUS(FL_NOT_READY, 1));
}

TEST("a thread whose space and pool are revoked stops and cannot run until it is given others")
{
    setup();
    make_runner();
    check_it_runs();
    CHECK_EQ(revoke(estate), FL_OK);
    check_all_free();
    check_it_stands();
    CHECK_DONE(flr_tcb_set_space(tcb, kit_space(kit_pool(24)), 0));
}

TEST("a thread whose pool alone is revoked stops; its space takes another pool")
{
    setup();
    make_runner();
    check_it_runs();
    uint64_t copy = kit_copy(pool, ALL, 0);
    (void)copy;
    CHECK_EQ(revoke(pool), FL_OK); /* the space holds a capability made from this one */
    check_sound();
    check_it_stands();
    CHECK_EQ(flr_vspace_entry(vspace, KIT_AREA).status, FL_STATUS(FL_NOT_READY, 1));
    kit_fill_space(vspace, pool);
    CHECK_DONE(flr_tcb_set_space(tcb, vspace, 0));
}

TEST("a thread whose CSpace is revoked stops")
{
    setup();
    uint64_t table = make(FL_OBJECT_CNODE);
    make_runner();
    CHECK_DONE(flr_tcb_suspend(tcb));
    CHECK_DONE(flr_tcb_set_cspace(tcb, table));
    CHECK_DONE(flr_tcb_resume(tcb));
    check_it_runs();
    CHECK_EQ(kit_delete(table), FL_STATUS(FL_BUSY, 2));
    CHECK_EQ(revoke(table), FL_OK);
    check_it_stands();
    CHECK_EQ(kit_delete(table), FL_OK);
}

TEST("a timer whose notification is revoked falls silent and cannot be set")
{
    setup();
    uint64_t bell = make(FL_OBJECT_NOTIFICATION), timer = kit_object(FL_OBJECT_TIMER);
    CHECK_DONE(flr_timer_bind(timer, bell));
    CHECK_DONE(flr_timer_set(timer, fl_rdtime() + 1000));
    CHECK_EQ(revoke(estate), FL_OK);
    check_all_free();
    CHECK_EQ(flr_timer_set(timer, 1).status, FL_STATUS(FL_NOT_READY, 1));
    kit_nap();
}

TEST("CNodes inside CNodes end with the memory that they were made from, rings of them too")
{
    setup();
    uint64_t a = make(FL_OBJECT_CNODE), b = make(FL_OBJECT_CNODE), c = make(FL_OBJECT_CNODE);
    for (unsigned i = 1; i < FL_CNODE_SLOTS; i += 9)
        CHECK_DONE(flr_cnode_copy(a, i, CNODE, a, ALL, 0)); /* of itself */
    CHECK_DONE(flr_cnode_copy(a, 2, CNODE, b, ALL, 0));
    CHECK_DONE(flr_cnode_copy(b, 2, CNODE, a, ALL, 0));
    CHECK_DONE(flr_cnode_copy(c, 2, CNODE, b, ALL, 0));
    CHECK_DONE(flr_memory_retype(estate, next_page++, FL_OBJECT_ENDPOINT, 60, c, 3));
    CHECK_DONE(flr_cnode_move(b, 3, CNODE, c));
    CHECK_DONE(flr_cnode_move(a, 3, CNODE, b));
    CHECK_EQ(kit_delete(a), FL_OK); /* nobody but the ring knows the ring */
    check_sound();
    CHECK_EQ(revoke(estate), FL_OK);
    check_all_free();
}

TEST("a chain of 60 CNodes, each in the one before, ends in bounded steps")
{
    setup();
    uint64_t inner = make(FL_OBJECT_CNODE);
    for (unsigned i = 0; i < 60; i++) {
        uint64_t outer = make(FL_OBJECT_CNODE);
        CHECK_DONE(flr_cnode_move(outer, 1, CNODE, inner));
        inner = outer;
    }
    CHECK_EQ(revoke(estate), FL_OK);
    check_all_free();
}

TEST("a capability that lies in a CNode made from itself goes with it")
{
    setup();
    uint64_t table = make(FL_OBJECT_CNODE);
    CHECK_DONE(flr_cnode_move(table, 5, CNODE, estate));
    uint64_t caps = kit_counter(FL_COUNTER_CAPABILITIES);
    uint64_t status = revoke_in(table, 5);
    CHECK_EQ(FL_STATUS_CODE(status), FL_BAD_SLOT); /* the CNode is gone, and the slot with it */
    CHECK_EQ(kit_counter(FL_COUNTER_CAPABILITIES), caps - 2);
    check_all_free();
}

static void revoke_own_memory(uint64_t slot)
{
    for (uint64_t cursor = 0;;)
        cursor = flr_cnode_revoke(CNODE, slot, cursor).value;
}

TEST("a thread that revokes the memory of its own TCB is gone, and somebody else can finish")
{
    setup();
    struct kit_thread *thread =
        kit_thread(kit_space(kit_pool(24)), 0, KIT_PRIORITY, revoke_own_memory, estate);
    uint64_t spare = make(FL_OBJECT_TCB);
    kit_delete(thread->tcb);
    thread->tcb = spare;
    kit_equip(thread);
    kit_start(thread);
    kit_settle();
    CHECK(is_empty(spare));
    CHECK_EQ(revoke(estate), FL_OK);
    check_all_free();
}

/* --- pins -------------------------------------------------------------------------------------- */

TEST("a Pin tells the physical address and holds its frames until it is deleted")
{
    setup();
    uint64_t pin = kit_slots(1), pins = kit_counter(FL_COUNTER_PINS);
    struct fl_result made = flr_memory_pin(estate, 3, 5, CNODE, pin);
    CHECK_DONE(made);
    CHECK_EQ(made.value, kit_boot_info()->ram[0].physical + (first_page + 3) * FL_PAGE_BYTES);
    CHECK_EQ(flr_pin_address(pin).value, made.value);
    CHECK_EQ(kit_counter(FL_COUNTER_PINS), pins + 5);
    CHECK_EQ(flr_memory_frame_state(estate, 7).value >> 48, 1);
    CHECK_REFUSED(flr_memory_retype(estate, 4, FL_OBJECT_TCB, 1, CNODE, kit_slots(1)), BAD_FRAME,
                  2);
    CHECK_REFUSED(flr_cnode_copy(CNODE, kit_slots(1), CNODE, pin, ALL, 0), BAD_TYPE, 4);
    check_sound();
    CHECK_EQ(kit_delete(pin), FL_OK);
    CHECK_EQ(kit_counter(FL_COUNTER_PINS), pins);
}

TEST("only a Pin makes revoke say BUSY, after all else has gone")
{
    setup();
    uint64_t pin = kit_slots(1), bell = make(FL_OBJECT_NOTIFICATION), moved = kit_slots(1);
    CHECK_DONE(flr_memory_pin(estate, 50, 1, CNODE, pin));
    uint64_t below = kit_slots(1);
    CHECK_DONE(flr_memory_derive(estate, 20, 20, ALL & ~0x380u, CNODE, below));
    CHECK_DONE(flr_cnode_move(CNODE, moved, CNODE, pin)); /* a dead driver's passes to somebody */
    CHECK_EQ(revoke(estate), FL_STATUS(FL_BUSY, 2));
    CHECK(is_empty(bell) && is_empty(below));
    CHECK_EQ(flr_pin_address(moved).status, FL_OK);
    check_sound();
    CHECK_EQ(kit_delete(moved), FL_OK);
    CHECK_EQ(revoke(estate), FL_OK);
    check_all_free();
}

TEST("calls on pins blame the argument that is wrong, and pin all pages or none")
{
    setup();
    uint64_t pin = kit_slots(1), weak = kit_slots(1);
    CHECK_DONE(flr_memory_derive(estate, 0, 8, ALL & ~(0x380u | FL_RIGHT_PIN), CNODE, weak));
    CHECK_REFUSED(flr_memory_pin(pin, 0, 1, CNODE, pin), BAD_SLOT, 1);
    CHECK_REFUSED(flr_memory_pin(CNODE, 0, 1, CNODE, pin), BAD_TYPE, 1);
    CHECK_REFUSED(flr_memory_pin(weak, 0, 1, CNODE, pin), NO_RIGHT, 1);
    CHECK_REFUSED(flr_memory_pin(estate, ESTATE_PAGES, 1, CNODE, pin), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_memory_pin(estate, 1, ESTATE_PAGES, CNODE, pin), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_memory_pin(estate, 1, 0, CNODE, pin), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_memory_pin(RAM, 0, FL_PIN_PAGES + 1, CNODE, pin), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_memory_pin(estate, 0, 1, estate, pin), BAD_TYPE, 4);
    CHECK_REFUSED(flr_memory_pin(estate, 0, 1, CNODE, 0), OUT_OF_RANGE, 5);
    CHECK_REFUSED(flr_memory_pin(estate, 0, 1, CNODE, estate), OCCUPIED, 5);
    next_page = 6;
    make(FL_OBJECT_REPLY);
    CHECK_REFUSED(flr_memory_pin(estate, 0, 8, CNODE, pin), BAD_FRAME, 2);
    CHECK_REFUSED(flr_pin_address(estate), BAD_TYPE, 1);
    CHECK_REFUSED(flr_pin_address(pin), BAD_SLOT, 1);
}

/* --- endpoints that nobody can receive from ------------------------------------------------------ */

static volatile uint64_t call_status;
static uint64_t endpoint;

static void call_once(uint64_t slot)
{
    call_status = fl_ipc_call(slot, 0, 0, 0, 0, 0).status;
    kit_sleep();
}

TEST("callers return CANCELLED when the last capability to receive from the endpoint goes")
{
    setup();
    endpoint = kit_object(FL_OBJECT_ENDPOINT);
    uint64_t sender = kit_copy(endpoint, FL_RIGHT_CALL, 5), receiver = kit_copy(endpoint, ALL, 0);
    uint64_t space = kit_space(kit_pool(24));
    call_status = FL_MORE;
    kit_run(space, 0, call_once, sender);
    kit_settle();
    CHECK_EQ(kit_delete(endpoint), FL_OK);
    kit_settle();
    CHECK_EQ(call_status, FL_MORE); /* another one can still receive */
    CHECK_EQ(kit_delete(kit_copy(receiver, FL_RIGHT_CALL, 6)), FL_OK);
    kit_settle();
    CHECK_EQ(call_status, FL_MORE); /* that was none which receives */
    CHECK_EQ(kit_delete(receiver), FL_OK);
    kit_settle();
    CHECK_EQ(call_status, FL_CANCELLED);
    call_status = FL_MORE;
    kit_run(space, 0, call_once, sender);
    kit_settle();
    CHECK_EQ(call_status, FL_CANCELLED);
    check_sound();
}

static void revoke_own_pool(uint64_t slot)
{
    for (uint64_t cursor = 0;;)
        cursor = flr_cnode_revoke(CNODE, slot, cursor).value;
}

TEST("a thread that revokes the pool of the space it runs in stops, and somebody else can finish")
{
    setup();
    uint64_t own_pool = kit_pool(24), space = kit_space(own_pool);
    struct kit_thread *thread = kit_run(space, 0, revoke_own_pool, own_pool);
    kit_settle();
    CHECK_EQ(FL_STATE(flr_tcb_state(thread->tcb).value), FL_STATE_STOPPED);
    check_sound();
    CHECK_EQ(revoke(own_pool), FL_OK);
    CHECK_EQ(flr_vspace_entry(space, KIT_AREA).status, FL_STATUS(FL_NOT_READY, 1));
    CHECK_EQ(kit_delete(own_pool), FL_OK);
    check_sound();
}
