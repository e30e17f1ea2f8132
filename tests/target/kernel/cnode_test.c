/* Slots: copy, move, delete; what the end of each object does to those who use it. */
#include "refusal.h"

#define RAM     FL_BOOT_RAM
#define CNODE   FL_BOOT_CNODE
#define RW      (FL_RIGHT_READ | FL_RIGHT_WRITE)
#define NO_SLOT 63u /* below the kit's slots, always empty */
#define ALL     FL_RIGHTS_ALL
#define UNSET   0xdead0000ull
#define WAITERS 3u

static volatile uint64_t status[WAITERS];
static uint64_t endpoint, reply, notification;
static _Atomic uint64_t progress;

static void setup(void)
{
    refusal_begin();
    endpoint = kit_object(FL_OBJECT_ENDPOINT);
    reply = kit_object(FL_OBJECT_REPLY);
    notification = kit_object(FL_OBJECT_NOTIFICATION);
    progress = 0;
    for (unsigned i = 0; i < WAITERS; i++)
        status[i] = UNSET;
}

static void call_once(uint64_t i)
{
    status[i] = fl_ipc_call(endpoint, FL_INFO(1, 1), i, 0, 0, 0).status;
    kit_sleep();
}

static void send_once(uint64_t i)
{
    status[i] = fl_ipc_send(endpoint, FL_INFO(1, 1), i, 0, 0, 0);
    kit_sleep();
}

static void receive_once(uint64_t reply_slot)
{
    struct fl_message message;

    fl_ipc_recv(endpoint, reply_slot, &message);
    status[0] = message.status;
    kit_sleep();
}

static void wait_once(uint64_t i)
{
    status[i] = flr_notification_wait(notification).status;
    kit_sleep();
}

static void touch(uint64_t address)
{
    *(volatile uint8_t *)(uintptr_t)address = 1;
    progress++;
    kit_sleep();
}

static uint64_t space(void)
{
    return kit_space(kit_pool(24));
}

static uint64_t refs(void)
{
    return kit_counter(FL_COUNTER_CAPABILITIES);
}

/* --- copy and move ------------------------------------------------------------------------- */

TEST("a copy has the rights of both mask and original")
{
    refusal_begin();
    uint64_t weak = kit_copy(kit_object(FL_OBJECT_ENDPOINT), FL_RIGHT_SEND, 0);
    uint64_t none = kit_copy(weak, ALL & ~FL_RIGHT_SEND, 0);
    uint64_t answer = kit_object(FL_OBJECT_REPLY), bare = kit_copy(weak, 0, 0);
    CHECK_REFUSED(flr_ipc_poll(weak, answer), NO_RIGHT, 1);
    CHECK_REFUSED(flr_ipc_call(weak, 0, 0, 0, 0, 0), NO_RIGHT, 1);
    CHECK_REFUSED(flr_ipc_send(none, 0, 0, 0, 0, 0), NO_RIGHT, 1);
    CHECK_REFUSED(flr_ipc_send(bare, 0, 0, 0, 0, 0), NO_RIGHT, 1);
}

TEST("a badge is set once, on endpoints and notifications only")
{
    refusal_begin();
    uint64_t slot = kit_slots(1), ring = kit_object(FL_OBJECT_NOTIFICATION);
    uint64_t badged = kit_copy(ring, ALL, 0x40), same = kit_copy(badged, ALL, 0);
    CHECK_REFUSED(flr_cnode_copy(CNODE, slot, CNODE, badged, ALL, 0x80), NO_RIGHT, 6);
    CHECK_REFUSED(flr_cnode_copy(CNODE, slot, CNODE, RAM, ALL, 1), RESERVED, 6);
    CHECK_REFUSED(flr_cnode_copy(CNODE, slot, CNODE, FL_BOOT_TCB, ALL, 1), RESERVED, 6);
    CHECK_DONE(flr_notification_signal(ring));
    CHECK_DONE(flr_notification_signal(same));
    CHECK_EQ(flr_notification_poll(ring).value, 0x41);
    CHECK_EQ(flr_notification_poll(ring).value, 0);
}

TEST("copy blames the argument that is wrong")
{
    refusal_begin();
    uint64_t slot = kit_slots(2), end = kit_boot_info()->cnode_slots;
    CHECK_REFUSED(flr_cnode_copy(NO_SLOT, slot, CNODE, RAM, ALL, 0), BAD_SLOT, 1);
    CHECK_REFUSED(flr_cnode_copy(RAM, slot, CNODE, RAM, ALL, 0), BAD_TYPE, 1);
    CHECK_REFUSED(flr_cnode_copy(CNODE, 0, CNODE, RAM, ALL, 0), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_cnode_copy(CNODE, end, CNODE, RAM, ALL, 0), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_cnode_copy(CNODE, UINT64_MAX, CNODE, RAM, ALL, 0), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_cnode_copy(CNODE, CNODE, CNODE, RAM, ALL, 0), OCCUPIED, 2);
    CHECK_REFUSED(flr_cnode_copy(CNODE, slot, NO_SLOT, RAM, ALL, 0), BAD_SLOT, 3);
    CHECK_REFUSED(flr_cnode_copy(CNODE, slot, RAM, RAM, ALL, 0), BAD_TYPE, 3);
    CHECK_REFUSED(flr_cnode_copy(CNODE, slot, CNODE, 0, ALL, 0), OUT_OF_RANGE, 4);
    CHECK_REFUSED(flr_cnode_copy(CNODE, slot, CNODE, end, ALL, 0), OUT_OF_RANGE, 4);
    CHECK_REFUSED(flr_cnode_copy(CNODE, slot, CNODE, slot + 1, ALL, 0), BAD_SLOT, 4);
    CHECK_REFUSED(flr_cnode_copy(CNODE, slot, CNODE, slot, ALL, 0), BAD_SLOT, 4);
    CHECK_REFUSED(flr_cnode_copy(CNODE, slot, CNODE, RAM, ALL + 1, 0), RESERVED, 5);
    CHECK_REFUSED(flr_cnode_copy(CNODE, slot, CNODE, RAM, UINT64_MAX, 0), RESERVED, 5);
}

TEST("move blames the argument that is wrong")
{
    refusal_begin();
    uint64_t slot = kit_slots(2), end = kit_boot_info()->cnode_slots;
    CHECK_REFUSED(flr_cnode_move(NO_SLOT, slot, CNODE, RAM), BAD_SLOT, 1);
    CHECK_REFUSED(flr_cnode_move(CNODE, end, CNODE, RAM), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_cnode_move(CNODE, RAM, CNODE, RAM), OCCUPIED, 2);
    CHECK_REFUSED(flr_cnode_move(CNODE, slot, RAM, RAM), BAD_TYPE, 3);
    CHECK_REFUSED(flr_cnode_move(CNODE, slot, CNODE, 0), OUT_OF_RANGE, 4);
    CHECK_REFUSED(flr_cnode_move(CNODE, slot, CNODE, slot + 1), BAD_SLOT, 4);
}

TEST("a moved capability works in its new slot and is gone from the old")
{
    refusal_begin();
    uint64_t ring = kit_copy(kit_object(FL_OBJECT_NOTIFICATION), ALL, 6);
    uint64_t table = kit_object(FL_OBJECT_CNODE), back = kit_slots(1), before = refs();
    CHECK_DONE(flr_cnode_move(table, 127, CNODE, ring));
    CHECK_REFUSED(flr_notification_signal(ring), BAD_SLOT, 1);
    CHECK_DONE(flr_cnode_move(CNODE, back, table, 127));
    CHECK_DONE(flr_notification_signal(back));
    CHECK_EQ(flr_notification_poll(back).value, 6);
    CHECK_EQ(refs(), before);
    CHECK_REFUSED(flr_cnode_move(CNODE, ring, table, 127), BAD_SLOT, 4);
}

TEST("an object lives until the last of its capabilities is deleted")
{
    refusal_begin();
    uint64_t first = kit_object(FL_OBJECT_NOTIFICATION), second = kit_copy(first, ALL, 0);
    uint64_t objects = kit_counter(FL_COUNTER_OBJECTS);
    CHECK_EQ(kit_delete(first), FL_OK);
    CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects);
    CHECK_DONE(flr_notification_signal(second));
    CHECK_EQ(kit_delete(second), FL_OK);
    CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects - 1);
    CHECK_REFUSED(flr_notification_signal(second), BAD_SLOT, 1);
}

TEST("delete blames the argument that is wrong; an empty slot is fine")
{
    refusal_begin();
    uint64_t slot = kit_slots(1), end = kit_boot_info()->cnode_slots;
    CHECK_REFUSED(flr_cnode_delete(NO_SLOT, slot), BAD_SLOT, 1);
    CHECK_REFUSED(flr_cnode_delete(RAM, slot), BAD_TYPE, 1);
    CHECK_REFUSED(flr_cnode_delete(CNODE, 0), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_cnode_delete(CNODE, end), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_cnode_delete(CNODE, UINT64_MAX), OUT_OF_RANGE, 2);
    CHECK_REFUSED(flr_cnode_delete(CNODE, slot), OK, 0);
}

/* --- Replies ------------------------------------------------------------------------------- */

TEST("a Sched capability can be copied with a lower highest priority, never with a higher one")
{
    refusal_begin();
    uint64_t slot = kit_slots(1), thread = kit_object(FL_OBJECT_TCB);
    uint64_t low = kit_copy(FL_BOOT_SCHED, ALL, 5);
    CHECK_DONE(flr_tcb_set_priority(thread, low, 5));
    CHECK_REFUSED(flr_tcb_set_priority(thread, low, 6), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_cnode_copy(CNODE, slot, CNODE, low, ALL, 6), NO_RIGHT, 6);
}

TEST("a CNode capability without rights neither fills, empties nor copies from the CNode")
{
    refusal_begin();
    uint64_t cnode = kit_object(FL_OBJECT_CNODE), slot = kit_slots(1);
    CHECK_DONE(flr_cnode_copy(cnode, 1, CNODE, RAM, ALL, 0));
    uint64_t bare = kit_copy(cnode, 0, 0), reader = kit_copy(cnode, FL_RIGHT_READ, 0);
    CHECK_REFUSED(flr_cnode_copy(CNODE, slot, bare, 1, ALL, 0), NO_RIGHT, 3);
    CHECK_REFUSED(flr_cnode_copy(reader, 2, CNODE, RAM, ALL, 0), NO_RIGHT, 1);
    CHECK_REFUSED(flr_cnode_move(CNODE, slot, reader, 1), NO_RIGHT, 3);
    CHECK_REFUSED(flr_cnode_delete(reader, 1), NO_RIGHT, 1);
    CHECK_DONE(flr_cnode_copy(CNODE, slot, reader, 1, ALL, 0));
}

TEST("a CNode that holds capabilities to itself ends with the last one outside")
{
    kit_begin();
    uint64_t cnode = kit_object(FL_OBJECT_CNODE), objects = kit_counter(FL_COUNTER_OBJECTS);
    CHECK_DONE(flr_cnode_copy(cnode, 1, CNODE, cnode, ALL, 0));
    CHECK_DONE(flr_cnode_copy(cnode, 2, CNODE, cnode, ALL, 0));
    CHECK_DONE(flr_cnode_delete(cnode, 1));
    CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects);
    CHECK_EQ(kit_delete(cnode), FL_OK);
    CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects - 1);
}

TEST("a CNode is emptied whatever the order of what uses what in it")
{
    kit_begin();
    uint64_t cnode = kit_object(FL_OBJECT_CNODE), pool = kit_pool(8), space = kit_space(pool);
    CHECK_DONE(flr_cnode_move(cnode, 1, CNODE, pool));
    CHECK_DONE(flr_cnode_move(cnode, 2, CNODE, space));
    CHECK_EQ(kit_delete(cnode), FL_OK);
}

TEST("a Reply has one holder: it is moved, never copied, and answers once")
{
    struct fl_message message;

    setup();
    uint64_t moved = kit_slots(1);
    kit_run(space(), 0, call_once, 0);
    fl_ipc_recv(endpoint, reply, &message);
    CHECK_REFUSED(flr_cnode_copy(CNODE, moved, CNODE, reply, ALL, 0), BAD_TYPE, 4);
    CHECK_DONE(flr_cnode_move(CNODE, moved, CNODE, reply));
    CHECK_EQ(fl_ipc_reply(moved, 0, 0, 0, 0, 0), FL_OK);
    CHECK_REFUSED(flr_ipc_reply(moved, 0, 0, 0, 0, 0), GONE, 0);
    kit_settle();
    CHECK_EQ(status[0], FL_OK);
}

TEST("a Reply that holds a fault can be neither copied nor moved")
{
    struct fl_message message;

    setup();
    uint64_t slot = kit_slots(1);
    kit_run(space(), endpoint, touch, KIT_AREA);
    fl_ipc_recv(endpoint, reply, &message);
    CHECK_EQ(message.info, FL_INFO(FL_LABEL_PAGE_FAULT, 4));
    CHECK_REFUSED(flr_cnode_copy(CNODE, slot, CNODE, reply, ALL, 0), BUSY, 4);
    CHECK_REFUSED(flr_cnode_move(CNODE, slot, CNODE, reply), BUSY, 4);
    CHECK_EQ(fl_ipc_reply(reply, FL_INFO(FL_LABEL_STOP, 0), 0, 0, 0, 0), FL_OK);
    CHECK_DONE(flr_cnode_move(CNODE, slot, CNODE, reply));
}

/* --- the end of objects -------------------------------------------------------------------- */

TEST("callers and senders queued at an endpoint return CANCELLED when it is deleted")
{
    setup();
    uint64_t where = space();
    kit_run(where, 0, call_once, 0);
    kit_run(where, 0, send_once, 1);
    kit_run(where, 0, call_once, 2);
    kit_settle();
    CHECK_EQ(kit_delete(endpoint), FL_OK);
    kit_settle();
    for (unsigned i = 0; i < WAITERS; i++)
        CHECK_EQ(status[i], FL_CANCELLED);
}

TEST("a receiver returns CANCELLED when its endpoint is deleted, and its Reply is free again")
{
    setup();
    kit_run(space(), 0, receive_once, reply);
    kit_settle();
    CHECK_EQ(kit_delete(endpoint), FL_OK);
    kit_settle();
    CHECK_EQ(status[0], FL_CANCELLED);
    endpoint = kit_object(FL_OBJECT_ENDPOINT);
    CHECK_EQ(flr_ipc_poll(endpoint, reply).status, FL_WOULD_BLOCK);
}

TEST("a receiver returns CANCELLED when its Reply is deleted, and leaves the endpoint's queue")
{
    setup();
    kit_run(space(), 0, receive_once, reply);
    kit_settle();
    CHECK_EQ(kit_delete(reply), FL_OK);
    kit_settle();
    CHECK_EQ(status[0], FL_CANCELLED);
    CHECK_EQ(kit_delete(endpoint), FL_OK);
}

TEST("a caller returns CANCELLED when the Reply that holds it is deleted")
{
    struct fl_message message;

    setup();
    kit_run(space(), 0, call_once, 0);
    fl_ipc_recv(endpoint, reply, &message);
    CHECK_EQ(kit_delete(reply), FL_OK);
    kit_settle();
    CHECK_EQ(status[0], FL_CANCELLED);
}

TEST(
    "a faulted thread stops when the Reply that holds it is deleted, and faults again when resumed")
{
    struct fl_message message;

    setup();
    struct kit_thread *thread = kit_run(space(), endpoint, touch, KIT_AREA);
    fl_ipc_recv(endpoint, reply, &message);
    CHECK_EQ(kit_delete(reply), FL_OK);
    reply = kit_object(FL_OBJECT_REPLY);
    kit_settle();
    CHECK_EQ(flr_ipc_poll(endpoint, reply).status, FL_WOULD_BLOCK);
    CHECK_DONE(flr_tcb_resume(thread->tcb));
    fl_ipc_recv(endpoint, reply, &message);
    CHECK_EQ(message.word[0], KIT_AREA);
}

TEST("waiters return CANCELLED when their notification is deleted")
{
    setup();
    uint64_t where = space();
    for (unsigned i = 0; i < WAITERS; i++)
        kit_run(where, 0, wait_once, i);
    kit_settle();
    CHECK_EQ(kit_delete(notification), FL_OK);
    kit_settle();
    for (unsigned i = 0; i < WAITERS; i++)
        CHECK_EQ(status[i], FL_CANCELLED);
}

TEST("deleting a bound notification unbinds it")
{
    setup();
    uint64_t tcb = kit_object(FL_OBJECT_TCB), other = kit_object(FL_OBJECT_NOTIFICATION);
    CHECK_DONE(flr_tcb_bind_notification(tcb, notification));
    CHECK_REFUSED(flr_tcb_bind_notification(tcb, other), BUSY, 1);
    CHECK_EQ(kit_delete(notification), FL_OK);
    CHECK_DONE(flr_tcb_bind_notification(tcb, other));
    CHECK_EQ(kit_delete(tcb), FL_OK);
    CHECK_DONE(flr_tcb_bind_notification(FL_BOOT_TCB, other));
    CHECK_DONE(flr_tcb_bind_notification(FL_BOOT_TCB, 0));
}

TEST("a thread that waits anywhere can be deleted, and what it waited at goes on")
{
    struct fl_message message;

    setup();
    uint64_t where = space();
    uint64_t waiter = kit_run(where, 0, wait_once, 0)->tcb;
    uint64_t caller = kit_run(where, 0, call_once, 1)->tcb;
    uint64_t sender = kit_run(where, 0, send_once, 2)->tcb;
    kit_settle();
    CHECK_EQ(kit_delete(waiter), FL_OK);
    CHECK_EQ(kit_delete(caller), FL_OK);
    CHECK_DONE(flr_notification_signal(notification));
    CHECK_EQ(flr_notification_poll(notification).value, 1);
    fl_ipc_recv(endpoint, reply, &message);
    CHECK_EQ(message.word[0], 2);
    CHECK_EQ(kit_delete(sender), FL_OK);
    CHECK_EQ(flr_ipc_poll(endpoint, reply).status, FL_WOULD_BLOCK);
}

TEST("an armed timer can be deleted, and lets its notification go")
{
    setup();
    uint64_t timer = kit_object(FL_OBJECT_TIMER), before = refs();
    CHECK_DONE(flr_timer_bind(timer, notification));
    CHECK_EQ(refs(), before + 1);
    CHECK_DONE(flr_timer_set(timer, fl_rdtime() + kit_boot_info()->timebase_hz / 500));
    CHECK_EQ(kit_delete(timer), FL_OK);
    CHECK_EQ(refs(), before - 1);
    kit_settle();
    kit_settle();
    kit_settle();
    CHECK_EQ(flr_notification_poll(notification).value, 0);
}

TEST("a timer keeps its notification alive")
{
    setup();
    uint64_t timer = kit_object(FL_OBJECT_TIMER), objects = kit_counter(FL_COUNTER_OBJECTS);
    CHECK_DONE(flr_timer_bind(timer, notification));
    CHECK_EQ(kit_delete(notification), FL_OK);
    CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects);
    CHECK_DONE(flr_timer_set(timer, 1));
    kit_settle();
    CHECK_EQ(kit_delete(timer), FL_OK);
    CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects - 2);
}

TEST("a thread's handler endpoint lives as long as the thread names it")
{
    setup();
    uint64_t objects = kit_counter(FL_COUNTER_OBJECTS);
    uint64_t tcb = kit_object(FL_OBJECT_TCB), where = kit_bare_space(kit_pool(2));
    CHECK_DONE(flr_tcb_set_space(tcb, where, endpoint));
    CHECK_EQ(kit_delete(endpoint), FL_OK);
    CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects + 3);
    CHECK_DONE(flr_tcb_set_space(tcb, where, 0));
    CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects + 2);
}

/* --- BUSY and MORE ------------------------------------------------------------------------- */

TEST("a space with threads, its pool and a CNode in use are BUSY")
{
    refusal_begin();
    uint64_t pool = kit_pool(2), where = kit_bare_space(pool), table = kit_object(FL_OBJECT_CNODE);
    uint64_t tcb = kit_object(FL_OBJECT_TCB);
    CHECK_DONE(flr_tcb_set_space(tcb, where, 0));
    CHECK_DONE(flr_tcb_set_cspace(tcb, table));
    CHECK_DONE(flr_cnode_copy(table, 1, CNODE, RAM, ALL, 0));
    CHECK_REFUSED(flr_cnode_delete(CNODE, where), BUSY, 2);
    CHECK_REFUSED(flr_cnode_delete(CNODE, pool), BUSY, 2);
    CHECK_REFUSED(flr_cnode_delete(CNODE, table), BUSY, 2);
    CHECK_EQ(kit_delete(tcb), FL_OK);
    CHECK_REFUSED(flr_cnode_delete(CNODE, pool), BUSY, 2);
    CHECK_EQ(kit_delete(where), FL_OK);
    CHECK_EQ(kit_delete(pool), FL_OK);
    CHECK_EQ(kit_delete(table), FL_OK);
}

TEST("the CNode whose threads run is BUSY, and a CNode cannot be deleted through itself")
{
    refusal_begin();
    uint64_t table = kit_object(FL_OBJECT_CNODE), inner = kit_object(FL_OBJECT_CNODE);
    CHECK_REFUSED(flr_cnode_delete(CNODE, FL_BOOT_CNODE), BUSY, 2);
    CHECK_DONE(flr_cnode_copy(inner, 1, CNODE, RAM, ALL, 0));
    CHECK_DONE(flr_cnode_move(table, 1, CNODE, inner));
    CHECK_EQ(flr_cnode_delete(CNODE, table).status, FL_STATUS(FL_BUSY, 2));
    CHECK_DONE(flr_cnode_move(CNODE, inner, table, 1));
    CHECK_EQ(kit_delete(inner), FL_OK);
    CHECK_EQ(kit_delete(table), FL_OK);
}

/* Deletes a slot step by step; each but the last must say MORE.  Returns the number of steps. */
static unsigned delete_in_steps(uint64_t slot)
{
    for (unsigned steps = 1;; steps++) {
        uint64_t result = flr_cnode_delete(CNODE, slot).status;
        if (result == FL_OK)
            return steps;
        CHECK_EQ(result, FL_MORE);
        CHECK(steps < 1000);
    }
}

TEST("a full CNode is deleted in steps, with the objects in it")
{
    refusal_begin();
    uint64_t table = kit_object(FL_OBJECT_CNODE), objects = kit_counter(FL_COUNTER_OBJECTS);
    uint64_t caps = refs();
    CHECK_DONE(flr_memory_retype(RAM, kit_frames(1), FL_OBJECT_ENDPOINT, 64, table, 1));
    for (uint64_t i = 65; i < FL_CNODE_SLOTS; i++)
        CHECK_DONE(flr_cnode_copy(table, i, table, 1, ALL, 0));
    CHECK(delete_in_steps(table) > 1);
    CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects - 1);
    CHECK_EQ(refs(), caps - 1);
}

TEST("a pool of many frames is deleted in steps")
{
    refusal_begin();
    uint64_t free_frames = kit_counter(FL_COUNTER_FRAMES_FREE), pool = kit_pool(100);
    CHECK(delete_in_steps(pool) > 1);
    CHECK_EQ(kit_counter(FL_COUNTER_FRAMES_FREE), free_frames);
}

TEST("a big space is deleted in steps, and a half-deleted one refuses new mappings and threads")
{
    refusal_begin();
    uint64_t pool = kit_pool(24), where = kit_bare_space(pool), page = kit_frames(512);
    for (uint64_t i = 0; i < 4; i++) /* full tables */
        CHECK_DONE(flr_vspace_map(where, RAM, page, KIT_AREA + (i << 21), 512, RW));
    CHECK_EQ(flr_cnode_delete(CNODE, where).status, FL_MORE);
    CHECK_REFUSED(flr_vspace_map(where, RAM, page, KIT_AREA, 1, RW), NOT_READY, 1);
    uint64_t tcb = kit_object(FL_OBJECT_TCB);
    CHECK_REFUSED(flr_tcb_set_space(tcb, where, 0), NOT_READY, 2);
    CHECK(delete_in_steps(where) > 1);
    CHECK_EQ(flr_memory_frame_state(RAM, page).value & 0xff, FL_FRAME_FREE);
    CHECK_EQ(kit_delete(pool), FL_OK);
}

TEST("an endpoint with many waiters is deleted in steps, and all return CANCELLED")
{
    enum { MANY = 40 };

    setup();
    uint64_t where = space();
    for (unsigned i = 0; i < MANY; i++)
        kit_run(where, 0, send_once, 0);
    kit_settle();
    CHECK_EQ(flr_cnode_delete(CNODE, endpoint).status, FL_MORE);
    CHECK_EQ(flr_cnode_delete(CNODE, endpoint).status, FL_OK);
    kit_settle();
    CHECK_EQ(status[0], FL_CANCELLED);
}
