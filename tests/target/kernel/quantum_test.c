/* Turns of threads of one priority, each as long as its thread's quantum says. */
#include <string.h>

#include "refusal.h"
#include "turns.h"

#define SCHED   FL_BOOT_SCHED
#define TURNS   8u
#define LOW     10u /* priority of the threads that spin */
#define NO_SLOT 63u

static uint64_t space;
static volatile uint64_t count[2], turns[2], last;

static void setup(void)
{
    refusal_begin();
    space = kit_space(kit_pool(24));
    memset((uint64_t *)count, 0, sizeof count);
    memset((uint64_t *)turns, 0, sizeof turns);
    last = UINT64_MAX;
}

static void spin(uint64_t i)
{
    for (;;) {
        if (last != i) {
            last = i;
            turns[i]++;
        }
        count[i]++;
    }
}

static void sleep_milliseconds(uint64_t n)
{
    uint64_t timer = kit_object(FL_OBJECT_TIMER), bell = kit_object(FL_OBJECT_NOTIFICATION);

    CHECK_DONE(flr_timer_bind(timer, bell));
    CHECK_DONE(flr_timer_set(timer, fl_rdtime() + n * kit_boot_info()->timebase_hz / 1000));
    flr_notification_wait(bell);
}

/* Two threads with these quanta, for so many milliseconds. */
static void share(uint64_t first, uint64_t second, uint64_t milliseconds)
{
    const uint64_t quanta[] = {first, second};

    turns_need_one_hart();
    setup();
    for (unsigned i = 0; i < 2; i++) {
        struct kit_thread *thread = kit_thread(space, 0, LOW, spin, i);
        CHECK_DONE(flr_tcb_set_quantum(thread->tcb, SCHED, quanta[i]));
        kit_start(thread);
    }
    sleep_milliseconds(milliseconds);
}

/* Whether a / b is within 3 % of `ratio`. */
static bool is_ratio(uint64_t a, uint64_t b, uint64_t ratio)
{
    return a * 100 > b * ratio * 97 && a * 100 < b * ratio * 103;
}

TEST("equals with quanta of 2 ms and 10 ms take turns and share the time as 1 to 5")
{
    share(2000, 10000, TURNS * 12);
    CHECK(turns[0] - TURNS <= 1);
    CHECK(turns[1] - TURNS <= 1);
    CHECK(is_ratio(count[1], count[0], 5));
}

TEST("quantum 0 is the default of 10 ms")
{
    share(0, 5000, TURNS * 15);
    CHECK(turns[0] - TURNS <= 1);
    CHECK(is_ratio(count[0], count[1], 2));
}

TEST("a turn that ends while somebody of higher priority runs is over")
{
    share(1000, 1000, 0);
    for (unsigned i = 0; i < 20; i++)
        sleep_milliseconds(1); /* the alarm, set before the turn begins, is a little earlier */
    CHECK(count[0] > 0);
    CHECK(count[1] > 0);
}

TEST("a quantum of 1 ms and one of 1 s are taken, others than 1,000 to 1,000,000 not")
{
    setup();
    uint64_t tcb = kit_thread(space, 0, LOW, spin, 0)->tcb;
    CHECK_DONE(flr_tcb_set_quantum(tcb, SCHED, 1000));
    CHECK_DONE(flr_tcb_set_quantum(tcb, SCHED, 1000000));
    CHECK_REFUSED(flr_tcb_set_quantum(tcb, SCHED, 999), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_tcb_set_quantum(tcb, SCHED, 1000001), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_tcb_set_quantum(tcb, SCHED, UINT64_MAX), OUT_OF_RANGE, 3);
    CHECK_REFUSED(flr_tcb_set_quantum(NO_SLOT, SCHED, 0), BAD_SLOT, 1);
    CHECK_REFUSED(flr_tcb_set_quantum(SCHED, SCHED, 0), BAD_TYPE, 1);
    CHECK_REFUSED(flr_tcb_set_quantum(tcb, NO_SLOT, 0), BAD_SLOT, 2);
    CHECK_REFUSED(flr_tcb_set_quantum(tcb, tcb, 0), BAD_TYPE, 2);
}

TEST("the quantum of a thread above the Sched capability's priority is not its holder's to set")
{
    setup();
    uint64_t tcb = kit_thread(space, 0, LOW, spin, 0)->tcb;
    uint64_t below = kit_copy(SCHED, FL_RIGHTS_ALL, LOW - 1);
    CHECK_REFUSED(flr_tcb_set_quantum(tcb, below, 5000), OUT_OF_RANGE, 2);
    CHECK_DONE(flr_tcb_set_priority(tcb, SCHED, LOW - 1));
    CHECK_DONE(flr_tcb_set_quantum(tcb, below, 5000));
}
