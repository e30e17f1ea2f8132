/* Many timers: what arming one takes, and that all of them fire.
 *
 * A CNode holds them; for a call each is copied into a slot of the root task's. */
#include "refusal.h"

#define CNODE     FL_BOOT_CNODE
#define RAM       FL_BOOT_RAM
#define TIMERS    2000u
#define PER_FRAME 64u

/* Twice what was measured, the firmware's timer included (2,229 when each timer becomes the first).  Of
 * 2,000 timers no rank is above 10, so a call visits at most 50 of them; a list would have it visit all. */
#define SET_CYCLES 5000u

static uint64_t table, slot, bell, later, worst;

static void setup(void)
{
    refusal_begin();
    bell = kit_object(FL_OBJECT_NOTIFICATION);
    table = kit_slots(1);
    slot = kit_slots(1);
    CHECK_DONE(flr_memory_retype(RAM, kit_frames(FL_CNODE_FRAMES), FL_OBJECT_CNODE, FL_CNODE_FRAMES,
                                 CNODE, table));
    for (uint64_t at = 0; at < TIMERS; at += PER_FRAME) {
        uint64_t count = TIMERS - at < PER_FRAME ? TIMERS - at : PER_FRAME;

        CHECK_DONE(flr_memory_retype(RAM, kit_frames(1), FL_OBJECT_TIMER, count, table, 1 + at));
    }
    later = fl_rdtime() + 1000 * kit_boot_info()->timebase_hz;
    worst = 0;
}

static void set(uint64_t timer, uint64_t deadline)
{
    uint64_t start = fl_rdcycle();
    struct fl_result result = flr_timer_set(timer, deadline);
    uint64_t took = fl_rdcycle() - start;

    CHECK_DONE(result);
    if (took > worst)
        worst = took;
}

static void set_by_number(unsigned i, uint64_t deadline)
{
    CHECK_DONE(flr_cnode_copy(CNODE, slot, table, 1 + i, FL_RIGHTS_ALL, 0));
    set(slot, deadline);
    CHECK_EQ(kit_delete(slot), FL_OK);
}

static void bind_all(void)
{
    for (unsigned i = 0; i < TIMERS; i++) {
        CHECK_DONE(flr_cnode_copy(CNODE, slot, table, 1 + i, FL_RIGHTS_ALL, 0));
        CHECK_DONE(flr_timer_bind(slot, bell));
        CHECK_EQ(kit_delete(slot), FL_OK);
    }
}

static void check_worst(const char *what)
{
    CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
    harness_note("%s: at most %lu cycles", what, worst);
    CHECK(worst < SET_CYCLES);
    worst = 0;
}

TEST("with 2,000 armed timers no timer_set takes longer than a bound")
{
    setup();
    bind_all();
    for (unsigned i = 0; i < TIMERS; i++)
        set_by_number(i, later + i);
    check_worst("ascending");
    for (unsigned i = 0; i < TIMERS; i++)
        set_by_number(i, later + TIMERS - i);
    check_worst("descending");
    for (unsigned i = 0; i < TIMERS; i++)
        set_by_number(i, later + i * 7919ull % TIMERS);
    check_worst("mixed");
    for (unsigned i = 0; i < TIMERS; i++)
        set_by_number(i, later);
    check_worst("all the same");
    for (unsigned i = 0; i < TIMERS; i++)
        set_by_number(i * 7 % TIMERS, 0);
    check_worst("disarmed");
}

TEST("of 2,000 timers whose time has come each signals, and none stays armed")
{
    setup();
    bind_all();
    uint64_t first = kit_object(FL_OBJECT_NOTIFICATION), last = kit_object(FL_OBJECT_NOTIFICATION);
    uint64_t begin = kit_object(FL_OBJECT_TIMER), end = kit_object(FL_OBJECT_TIMER);
    uint64_t soon = fl_rdtime() + kit_boot_info()->timebase_hz;
    CHECK_DONE(flr_timer_bind(begin, first));
    CHECK_DONE(flr_timer_bind(end, last));
    for (unsigned i = 0; i < TIMERS; i++)
        set_by_number(i, soon + 1 + i * 7919ull % TIMERS);
    set(end, soon + 1 + TIMERS);
    set(begin, soon);
    CHECK(fl_rdtime() < soon);
    CHECK_EQ(flr_notification_wait(first).value, 1);
    CHECK_EQ(flr_notification_wait(last).value, 1);
    CHECK_EQ(flr_notification_poll(bell).value, 1);
    kit_settle();
    CHECK_EQ(flr_notification_poll(bell).value, 0);
    CHECK_EQ(flr_system_check(FL_BOOT_SYSTEM).value, 0);
}

#define FIRING 20u

/* What a nap takes that is no idle time, while so many timers fire for whom nobody waits. */
static uint64_t work_of_nap(const uint64_t *timers, unsigned firing)
{
    uint64_t tick = kit_boot_info()->timebase_hz / 10000, now = fl_rdtime();

    for (unsigned i = 0; i < firing; i++)
        CHECK_DONE(flr_timer_set(timers[i], now + (i + 2) * tick));
    uint64_t idle = kit_counter(FL_COUNTER_IDLE_CYCLES), start = fl_rdcycle();
    kit_nap_ticks((FIRING + 10) * tick);
    return fl_rdcycle() - start - (kit_counter(FL_COUNTER_IDLE_CYCLES) - idle);
}

TEST("a timer that wakes nobody does not end the idle time")
{
    uint64_t timers[FIRING];
    refusal_begin();
    if (!kit_alone())
        SKIP("with several harts instructions are not counted");
    for (unsigned i = 0; i < FIRING; i++) {
        timers[i] = kit_object(FL_OBJECT_TIMER);
        CHECK_DONE(flr_timer_bind(timers[i], kit_object(FL_OBJECT_NOTIFICATION)));
    }
    (void)work_of_nap(timers, FIRING);
    uint64_t alone = work_of_nap(timers, 0), beside = work_of_nap(timers, FIRING);
    harness_note("a nap takes %u instructions, %u beside %u timers", (unsigned)alone,
                 (unsigned)beside, FIRING);
    CHECK(beside < 2 * alone);
}
