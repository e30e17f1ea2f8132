/* See storm.h. */
#include "storm.h"

#include <stddef.h>

#include "call_names.h"
#include "fl_calls.h"
#include "harness.h"
#include "partners.h"

#define PRIORITY      20u  /* above what the Sched of a sandbox allows */
#define TICK          800u /* of the `time` counter: 80 us on QEMU's virt */
#define STUCK_TICKS   4u   /* both callers without progress: start them anew */
#define GIVE_UP_TICKS 60u
#define PICKS         512u

struct caller {
    struct kit_thread *thread;
    struct random random;
    volatile uint64_t made;
    uint64_t made_before; /* at the last tick */
    bool has_buffer;
};

static struct storm_counts counts[STORM_CALLERS]; /* each written by one caller: W1 */
static struct caller callers[STORM_CALLERS];
static uint64_t lost;
static uint8_t picks[PICKS]; /* numbers of calls, each as often as its weight says */
static unsigned pick_count;
static struct sandbox box;
static uint64_t alarm, bell, handler;

uint64_t storm_count(uint64_t number, uint64_t code)
{
    return counts[0].of[number][code] + counts[1].of[number][code];
}

uint64_t storm_made(void)
{
    return counts[0].made + counts[1].made;
}

uint64_t storm_lost(void)
{
    return lost;
}

void storm_forget(void)
{
    for (unsigned i = 0; i < STORM_CALLERS; i++)
        counts[i] = (struct storm_counts){0};
    lost = 0;
}

/* --- the callers: in user mode, in the sandbox --------------------------------------------- */

/* What a holder of System may do, but not in a test: switch off, fill the console. */
static bool is_forbidden(uint64_t number, const uint64_t a[7])
{
    if (number == FL_CALL_system_reset)
        return a[0] == BOX_SYSTEM && a[1] <= 1;
    return number == FL_CALL_system_console_write && a[1] > 0 && a[1] <= FL_BUFFER_BYTES;
}

/* Of ten calls six are plausible throughout, three have one wrong argument, one has any. */
static void choose_arguments(struct random *random, uint64_t number, uint64_t a[7])
{
    unsigned arity = plausible_arity(number);
    uint64_t mode = random_below(random, 10);

    for (unsigned i = 0; i < PLAUSIBLE_ARGUMENTS; i++) {
        bool any = mode == 0 ? random_below(random, 2) == 0 : i >= arity;
        a[i] = any ? plausible_any(random) : plausible_good(random, number, i < arity ? i : 0);
    }
    uint64_t wrong = random_below(random, arity);
    if (mode >= 1 && mode <= 3)
        a[wrong] = plausible_bad(random, number, (unsigned)wrong);
}

/* A call that is not forbidden, of those in `picks`. */
static uint64_t choose_call(struct random *random, uint64_t a[7])
{
    uint64_t number;

    do {
        number = picks[random_below(random, pick_count)];
        choose_arguments(random, number, a);
    } while (is_forbidden(number, a));
    return number;
}

static void make_call(struct caller *caller, struct storm_counts *count)
{
    struct random *random = &caller->random;
    uint64_t a[7], number = choose_call(random, a);

    if (caller->has_buffer && random_below(random, 4) == 0)
        partners_fill_buffer(random);
    uint64_t status = fl_ecall(number, a[0], a[1], a[2], a[3], a[4], a[5], a[6]).status;
    count->of[number][FL_STATUS_CODE(status) % STORM_CODES]++;
    count->made++;
    caller->made++;
}

static void make_calls(uint64_t index)
{
    for (;;)
        make_call(&callers[index], &counts[index]);
}

/* --- the rounds: in the root task ---------------------------------------------------------- */

/* Fills `picks`. */
static void choose_calls(bool privileged)
{
    pick_count = 0;
    for (uint64_t number = 0; number < FL_CALL_COUNT; number++) {
        unsigned weight = plausible_weight(number);

        if (call_name(number) == NULL || (weight == 0) != privileged)
            continue;
        if (privileged) /* system_check walks everything */
            weight = number == FL_CALL_system_check ? 1 : 4;
        for (unsigned i = 0; i < weight && pick_count < PICKS; i++)
            picks[pick_count++] = (uint8_t)number;
    }
}

uint64_t storm_choose_call(struct random *random, bool privileged, uint64_t arguments[7])
{
    choose_calls(privileged);
    return choose_call(random, arguments);
}

static void start_caller(struct caller *caller)
{
    uint64_t tcb = caller->thread->tcb;

    flr_tcb_suspend(tcb);
    CHECK_EQ(flr_tcb_set_cspace(tcb, box.cnode).status, FL_OK);
    CHECK_EQ(flr_tcb_set_space(tcb, caller->thread->space, handler).status, FL_OK);
    CHECK_EQ(flr_tcb_set_priority(tcb, FL_BOOT_SCHED, PRIORITY).status, FL_OK);
    kit_start(caller->thread);
}

static void round_begin(uint64_t seed, bool privileged)
{
    kit_begin();
    handler = kit_object(FL_OBJECT_ENDPOINT);
    bell = kit_object(FL_OBJECT_NOTIFICATION);
    alarm = kit_object(FL_OBJECT_TIMER);
    CHECK_EQ(flr_timer_bind(alarm, bell).status, FL_OK);
    uint64_t space = kit_space(kit_pool(16));
    callers[0].thread = kit_thread(space, handler, PRIORITY, make_calls, 0);
    callers[1].thread = kit_thread_without_buffer(space, handler, PRIORITY, make_calls, 1);
    const uint64_t tcbs[2] = {callers[0].thread->tcb, callers[1].thread->tcb};
    sandbox_begin(&box, tcbs, privileged);
    partners_begin(&box, space, seed);
    for (unsigned i = 0; i < STORM_CALLERS; i++) {
        callers[i].random = random_start(seed * STORM_CALLERS + i);
        callers[i].has_buffer = i == 0;
        callers[i].made = callers[i].made_before = 0;
        start_caller(&callers[i]);
    }
    partners_start();
}

/* Cancels what a caller waits for and puts it behind its equals.  True when it has made a call since
 * the last tick. */
static bool nurse(struct caller *caller)
{
    bool progress = caller->made != caller->made_before;

    caller->made_before = caller->made;
    flr_tcb_suspend(caller->thread->tcb);
    flr_tcb_resume(caller->thread->tcb);
    return progress;
}

/* W2.  Until `calls` were made, or nobody can go on. */
static void run(uint64_t calls)
{
    unsigned idle = 0;

    for (uint64_t tick = 0; callers[0].made + callers[1].made < calls; tick++) {
        flr_timer_set(alarm, fl_rdtime() + TICK);
        flr_notification_wait(bell);
        partners_wake();
        bool one = nurse(&callers[tick % 2]), other = nurse(&callers[(tick + 1) % 2]);
        idle = one || other ? 0 : idle + 1;
        if (idle == GIVE_UP_TICKS)
            return;
        for (unsigned i = 0; idle % STUCK_TICKS == STUCK_TICKS - 1 && i < STORM_CALLERS; i++) {
            lost++;
            start_caller(&callers[i]);
        }
    }
}

static void round_end(void)
{
    for (unsigned i = 0; i < STORM_CALLERS; i++)
        flr_tcb_suspend(callers[i].thread->tcb);
    partners_stop();
    partners_end();
    sandbox_empty(&box);
    kit_end();
}

const char *storm_round(uint64_t seed, uint64_t calls, bool privileged)
{
    static const enum fl_counter kept[] = {FL_COUNTER_FRAMES_FREE, FL_COUNTER_OBJECTS,
                                           FL_COUNTER_CAPABILITIES, FL_COUNTER_MAPPINGS,
                                           FL_COUNTER_PINS};
    uint64_t before[sizeof kept / sizeof kept[0]];

    kit_end();
    for (unsigned i = 0; i < sizeof kept / sizeof kept[0]; i++)
        before[i] = kit_counter(kept[i]);
    choose_calls(privileged);
    round_begin(seed, privileged);
    run(calls);
    uint64_t broken = flr_system_check(FL_BOOT_SYSTEM).value;
    round_end();
    if (broken != 0)
        return "an invariant is broken";
    for (unsigned i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        if (kit_counter(kept[i]) != before[i])
            return "something was lost";
    }
    return NULL;
}
