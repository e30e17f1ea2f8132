/* See storm.h. */
#include "storm.h"

#include <stddef.h>

#include "call_names.h"
#include "fl_calls.h"
#include "harness.h"
#include "partners.h"

#define PRIORITY     20u  /* above what the Sched of a sandbox allows */
#define TICK         800u /* of the `time` counter: 80 us on QEMU's virt */
#define STUCK_TICKS  6u   /* a caller without progress is started anew */
#define STUCK_STARTS 8u   /* as often without progress in between: the round is over */
#define PICKS        512u

/* arch/riscv/user/test_registers.S: fills a save area (struct fl_upcall) with its own return and
 * makes the call. */
uint64_t upcall_resume_here(uint64_t *area, uint64_t zero, uint64_t number);
_Static_assert(offsetof(struct fl_upcall, pc) == 8 && offsetof(struct fl_upcall, sp) == 16 &&
                   offsetof(struct fl_upcall, a) == 24,
               "upcall_resume_here");

struct caller {
    struct kit_thread *thread;
    struct random random;
    volatile uint64_t made;
    uint64_t made_before; /* at the last tick */
    unsigned idle_ticks;
    bool has_buffer;
};

static struct storm_counts counts[STORM_CALLERS]; /* each written by one caller: W1 */
static struct caller callers[STORM_CALLERS];
static uint64_t lost;
static uint8_t picks[PICKS]; /* numbers of calls, each as often as its weight says */
static unsigned pick_count;
static uint8_t
    rare[FL_CALL_COUNT]; /* calls of them with an answer that came less often than wanted */
static unsigned rare_count;
static unsigned least; /* wanted of each answer */
static struct sandbox box;
static uint64_t alarm, bell, handler;
static volatile bool closed; /* no caller begins a call: W4 */

void storm_want(unsigned wanted)
{
    least = wanted;
}

unsigned storm_least(void)
{
    return least;
}

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

void storm_note(uint64_t number, uint64_t code)
{
    counts[0].of[number][code % STORM_CODES]++;
}

/* --- the callers: in user mode, in the sandbox --------------------------------------------- */

/* What a holder of System may do, but not in a test: switch off, fill the console. */
static bool is_forbidden(uint64_t number, const uint64_t a[7])
{
    if (number == FL_CALL_system_reset)
        return a[0] == BOX_SYSTEM && a[1] <= 1;
    return number == FL_CALL_system_console_write && a[1] > 0 && a[1] <= FL_BUFFER_BYTES;
}

/* Of ten calls one has any arguments, `wrong` have one that is wrong, all others are plausible. */
static void choose_arguments(struct random *random, uint64_t number, unsigned wrong, uint64_t a[7])
{
    unsigned arity = plausible_arity(number);
    uint64_t mode = random_below(random, 10);

    for (unsigned i = 0; i < PLAUSIBLE_ARGUMENTS; i++) {
        bool any = mode == 0 ? random_below(random, 2) == 0 : i >= arity;
        a[i] = any ? plausible_any(random) : plausible_good(random, number, i < arity ? i : 0);
    }
    unsigned place = (unsigned)random_below(random, arity);
    if (mode >= 1 && mode <= wrong)
        a[place] = plausible_bad(random, number, place);
}

/* A call that is not forbidden: two of five, while there are any, of those with an answer that is
 * rare yet. */
static uint64_t choose_call(struct random *random, uint64_t a[7])
{
    bool want_rare = rare_count > 0 && random_below(random, 5) < 2;
    uint64_t number;

    do {
        number = want_rare ? rare[random_below(random, rare_count)]
                           : picks[random_below(random, pick_count)];
        choose_arguments(random, number, want_rare ? 5 : 2, a);
    } while (is_forbidden(number, a));
    return number;
}

/* thread_resume_upcall goes to what the save area says: back here, if nobody rewrites it meanwhile. */
static uint64_t resume_here(uint64_t zero)
{
    uint64_t *area = (uint64_t *)(uintptr_t)FL_BUFFER + FL_UPCALL_WORD;

    return upcall_resume_here(area, zero, FL_CALL_thread_resume_upcall);
}

static struct fl_result call_once(struct caller *caller, uint64_t number, const uint64_t a[7])
{
    while (closed)
        ;
    if (number == FL_CALL_thread_resume_upcall && caller->has_buffer)
        return (struct fl_result){resume_here(a[0]), 0};
    return fl_ecall(number, a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
}

/* Calls that a caller repeats while they say MORE; ranges begin elsewhere the next time. */
static bool is_continued(uint64_t number)
{
    return number == FL_CALL_cnode_delete || number == FL_CALL_cnode_revoke;
}

/* One call, counted, and mostly to its end.  Returns the last status code. */
static uint64_t make_counted(struct caller *caller, struct storm_counts *count, uint64_t number,
                             uint64_t a[7])
{
    uint64_t code;

    do {
        struct fl_result result = call_once(caller, number, a);

        code = FL_STATUS_CODE(result.status) % STORM_CODES;
        count->of[number][code]++;
        count->made++;
        caller->made++;
        if (number == FL_CALL_cnode_revoke)
            a[2] = result.value;
    } while (code == FL_MORE && is_continued(number) && random_below(&caller->random, 32) != 0);
    return code;
}

/* What a handler does with the Reply that a receive has filled: it answers, or tries to give it away. */
static void use_reply(struct caller *caller, struct storm_counts *count, uint64_t reply)
{
    static const struct {
        uint8_t number, place; /* of the Reply among the arguments */
    } uses[] = {{FL_CALL_ipc_reply, 0},      {FL_CALL_ipc_reply, 0},
                {FL_CALL_ipc_reply, 0},      {FL_CALL_ipc_reply_recv, 6},
                {FL_CALL_ipc_reply_recv, 6}, {FL_CALL_ipc_reply_recv, 6},
                {FL_CALL_cnode_copy, 3},     {FL_CALL_cnode_move, 3}};
    struct random *random = &caller->random;
    unsigned use = (unsigned)random_below(random, sizeof uses / sizeof uses[0]);
    uint64_t number = uses[use].number, a[7];

    choose_arguments(random, number, 4, a);
    a[uses[use].place] = reply;
    make_counted(caller, count, number, a);
}

static void make_call(struct caller *caller, struct storm_counts *count)
{
    struct random *random = &caller->random;
    uint64_t a[7], number = choose_call(random, a);

    if (caller->has_buffer && random_below(random, 4) == 0)
        partners_fill_buffer(random);
    uint64_t reply = a[1], code = make_counted(caller, count, number, a);
    bool received = number == FL_CALL_ipc_recv || number == FL_CALL_ipc_poll;
    if (received && code == FL_OK && random_below(random, 4) != 0)
        use_reply(caller, count, reply);
}

static void make_calls(uint64_t index)
{
    for (;;)
        make_call(&callers[index], &counts[index]);
}

/* --- the rounds: in the root task ---------------------------------------------------------- */

static bool is_rare(uint64_t number)
{
    if (storm_count(number, FL_OK) < least && number != FL_CALL_system_reset)
        return true;
    for (unsigned i = 0; i < call_failure_count; i++) {
        const struct call_failure *failure = &call_failures[i];

        if (failure->call == number && failure->unreachable == NULL &&
            storm_count(number, failure->code) < least)
            return true;
    }
    return false;
}

/* Fills `picks` and `rare`. */
static void choose_calls(bool privileged)
{
    pick_count = rare_count = 0;
    for (uint64_t number = 0; number < FL_CALL_COUNT; number++) {
        unsigned weight = plausible_weight(number);

        if (call_name(number) == NULL || (weight == 0) != privileged)
            continue;
        if (privileged) /* system_check walks everything */
            weight = number == FL_CALL_system_check ? 1 : 8;
        for (unsigned i = 0; i < weight && pick_count < PICKS; i++)
            picks[pick_count++] = (uint8_t)number;
        if (is_rare(number))
            rare[rare_count++] = (uint8_t)number;
    }
}

bool storm_seeks(bool privileged)
{
    choose_calls(privileged);
    return rare_count > 0;
}

uint64_t storm_choose_call(struct random *random, bool privileged, uint64_t arguments[7])
{
    choose_calls(privileged);
    return choose_call(random, arguments);
}

/* W4.  Of two callers on other harts each may resume the other after that was suspended, by the call that it has begun: so
 * two of the three passes at most do not stop both. */
static void stop_callers(void)
{
    closed = true;
    for (unsigned pass = 0; pass < STORM_CALLERS + 1; pass++)
        for (unsigned i = 0; i < STORM_CALLERS; i++)
            flr_tcb_suspend(callers[i].thread->tcb);
}

/* While no caller runs. */
static void start_caller(struct caller *caller)
{
    uint64_t tcb = caller->thread->tcb;

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
    closed = true;
    for (unsigned i = 0; i < STORM_CALLERS; i++) {
        callers[i].random = random_start(seed * STORM_CALLERS + i);
        callers[i].has_buffer = i == 0;
        callers[i].made = callers[i].made_before = callers[i].idle_ticks = 0;
        start_caller(&callers[i]);
    }
    closed = false;
    partners_start();
}

static void start_anew(struct caller *caller)
{
    lost++;
    stop_callers();
    start_caller(caller);
    closed = false;
    for (unsigned i = 0; i < STORM_CALLERS; i++)
        flr_tcb_resume(callers[i].thread->tcb);
}

/* W2.  Cancels what a caller waits for and puts it behind its equals. */
static void nurse(struct caller *caller)
{
    bool progress = caller->made != caller->made_before;

    caller->made_before = caller->made;
    caller->idle_ticks = progress ? 0 : caller->idle_ticks + 1;
    if (caller->idle_ticks % STUCK_TICKS == STUCK_TICKS - 1) {
        start_anew(caller);
        return;
    }
    flr_tcb_suspend(caller->thread->tcb);
    flr_tcb_resume(caller->thread->tcb);
}

/* Until `calls` were made, or nobody can go on. */
static void run(uint64_t calls)
{
    const unsigned most = STUCK_STARTS * STUCK_TICKS;

    for (uint64_t tick = 0; callers[0].made + callers[1].made < calls; tick++) {
        flr_timer_set(alarm, fl_rdtime() + TICK);
        flr_notification_wait(bell);
        partners_wake();
        nurse(&callers[tick % 2]);
        nurse(&callers[(tick + 1) % 2]);
        if (callers[0].idle_ticks > most && callers[1].idle_ticks > most)
            return;
    }
}

static void round_end(void)
{
    stop_callers();
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
    if (broken != 0) {
        harness_note("broken: %.8s", (const char *)&broken);
        return "an invariant is broken";
    }
    for (unsigned i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        if (kit_counter(kept[i]) != before[i])
            return "something was lost";
    }
    return NULL;
}
