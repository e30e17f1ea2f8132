/* See situations.h. */
#include "situations.h"

#include "fl_calls.h"
#include "harness.h"
#include "lockstep.h"
#include "storm.h"

#define RAM         FL_BOOT_RAM
#define CNODE       FL_BOOT_CNODE
#define MOST_PINS   0xfff0u
#define CNODE_SLOTS (FL_CNODE_FRAMES * FL_CNODE_SLOTS)
#define WAITERS     33u /* one more than are woken in one kernel entry */
#define TRIES       50u /* for each time */

static struct lockstep lockstep;
static struct random random;

/* One call: plausible arguments, but bit i of `fixed` says that argument i is value[i]. */
static uint64_t call_with(uint64_t number, unsigned fixed, const uint64_t value[7])
{
    uint64_t a[7] = {0}, status, unused;

    for (unsigned i = 0; i < plausible_arity(number); i++)
        a[i] = fixed >> i & 1 ? value[i] : plausible_good(&random, number, i);
    CHECK(lockstep_call(&lockstep, number, a, &status, &unused));
    storm_note(number, FL_STATUS_CODE(status));
    return FL_STATUS_CODE(status);
}

/* Until `code` came `times` times. */
static bool call_often(uint64_t number, unsigned fixed, const uint64_t value[7], uint64_t code,
                       unsigned times)
{
    unsigned came = 0;

    for (unsigned i = 0; i < times * TRIES && came < times; i++)
        came += call_with(number, fixed, value) == code;
    return came == times;
}

static void begin(uint64_t seed)
{
    random = random_start(seed);
    lockstep_begin(&lockstep, false);
}

static uint64_t borrow(uint64_t slot)
{
    uint64_t own = kit_slots(1);

    CHECK_EQ(flr_cnode_copy(CNODE, own, lockstep.box.cnode, slot, FL_RIGHTS_ALL, 0).status, FL_OK);
    return own;
}

/* --- pins ---------------------------------------------------------------------------------- */

/* A CNode full of Pins on one page; returns the status of the last, which may not have been made. */
static uint64_t pin_page(uint64_t page)
{
    uint64_t cnode = kit_slots(1), status = FL_OK;

    CHECK_EQ(flr_memory_retype(RAM, kit_frames(FL_CNODE_FRAMES), FL_OBJECT_CNODE, FL_CNODE_FRAMES,
                               CNODE, cnode)
                 .status,
             FL_OK);
    for (uint64_t slot = 1; slot < CNODE_SLOTS && status == FL_OK; slot++)
        status = flr_memory_pin(RAM, page, 1, cnode, slot).status;
    return FL_STATUS_CODE(status);
}

bool situation_pins(uint64_t seed, unsigned times)
{
    uint64_t pinned = 0;

    begin(seed);
    while (pin_page(lockstep.box.memory + BOX_FULL_PAGE) == FL_OK && pinned < 2 * MOST_PINS)
        pinned += CNODE_SLOTS - 1;
    uint64_t pin[7] = {BOX_MEMORY, BOX_FULL_PAGE, 1},
             buffer[7] = {BOX_TCB, BOX_MEMORY, BOX_FULL_PAGE};
    bool came = call_often(FL_CALL_memory_pin, 7, pin, FL_OVERFLOW, times) &&
                call_often(FL_CALL_tcb_set_buffer, 7, buffer, FL_OVERFLOW, times);
    lockstep_end(&lockstep);
    return came;
}

/* --- the last capability of what threads wait for ------------------------------------------- */

static volatile uint64_t wanted;  /* the slot that the waiters wait at, of the root task's CSpace */
static volatile uint64_t replies; /* a slot for each */
static struct kit_thread *waiters[WAITERS];

static void wait_for_bits(uint64_t index)
{
    (void)index;
    flr_notification_wait(wanted);
    kit_sleep();
}

static void receive(uint64_t index)
{
    struct fl_message message;

    fl_ipc_recv(wanted, replies + index, &message);
    kit_sleep();
}

static void make_waiters(void (*function)(uint64_t))
{
    uint64_t space = kit_space(kit_pool(12));

    wanted = kit_slots(1);
    replies = kit_slots(WAITERS);
    CHECK_EQ(flr_memory_retype(RAM, kit_frames(1), FL_OBJECT_REPLY, WAITERS, CNODE, replies).status,
             FL_OK);
    for (unsigned i = 0; i < WAITERS; i++)
        waiters[i] = kit_thread_without_buffer(space, 0, KIT_PRIORITY, function, i);
}

/* A new object in the slot, with all waiters at it. */
static void gather_waiters(uint64_t frame, enum fl_object type)
{
    CHECK_EQ(flr_memory_retype(RAM, frame, type, 1, CNODE, wanted).status, FL_OK);
    for (unsigned i = 0; i < WAITERS; i++) {
        flr_tcb_suspend(waiters[i]->tcb);
        kit_start(waiters[i]);
    }
    kit_settle();
}

bool situation_last_handler(uint64_t seed, unsigned times)
{
    const uint64_t value[7] = {BOX_TCB};
    bool came = true;

    begin(seed);
    uint64_t tcb = borrow(BOX_TCB), frame = kit_frames(1);
    make_waiters(receive);
    for (unsigned i = 0; i < times && came; i++) {
        gather_waiters(frame, FL_OBJECT_ENDPOINT);
        CHECK_EQ(flr_tcb_set_space(tcb, lockstep.box.space, wanted).status, FL_OK);
        CHECK_EQ(kit_delete(wanted), FL_OK);
        came = call_often(FL_CALL_tcb_set_space, 1, value, FL_MORE, 1) &&
               call_often(FL_CALL_tcb_set_space, 1, value, FL_OK, 1);
    }
    lockstep_end(&lockstep);
    return came;
}

/* `holder`: a slot of the sandbox that `bind` gives a notification. */
static bool lose_notification(uint64_t seed, unsigned times, uint64_t bind, uint64_t holder)
{
    const uint64_t value[7] = {holder};
    bool came = true;

    begin(seed);
    uint64_t own = borrow(holder), frame = kit_frames(1);
    make_waiters(wait_for_bits);
    for (unsigned i = 0; i < times && came; i++) {
        gather_waiters(frame, FL_OBJECT_NOTIFICATION);
        CHECK_EQ(fl_ecall(bind, own, wanted, 0, 0, 0, 0, 0).status, FL_OK);
        CHECK_EQ(kit_delete(wanted), FL_OK);
        came = call_often(bind, 1, value, FL_MORE, 1) && call_often(bind, 1, value, FL_OK, 1);
    }
    lockstep_end(&lockstep);
    return came;
}

bool situation_last_notification(uint64_t seed, unsigned times)
{
    return lose_notification(seed, times, FL_CALL_timer_bind, BOX_TIMER) &&
           lose_notification(seed, times, FL_CALL_irq_bind, BOX_IRQ + 1);
}
