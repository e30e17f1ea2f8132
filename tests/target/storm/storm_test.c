/* Storms of calls, and what must hold of all of them together.
 *
 * Boot arguments: SEED=n (1) names the run, CALLS=n how many calls it makes at least, and with that how often each call
 * must have given each answer: once in 4,000 calls, or a hundred times.  One call in 25 is a privileged storm's.
 * SECONDS=n: so many seconds of `time` instead, one in 25 likewise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call_names.h"
#include "fl_calls.h"
#include "harness.h"
#include "lockstep.h"
#include "situations.h"
#include "storm.h"

#define CALLS          80000u
#define CALLS_A_TIME   4000u
#define MOST_TIMES     100u
#define ROUND_CALLS    1500u
#define SYSTEM_CALLS   200u /* of a round that may call System: there are few of these calls */
#define SOUGHT_TIMES   4u   /* as many calls as were asked for, while an answer is missing */
#define LOCKSTEP_CALLS 4000u
#define LOCKSTEP_ROUND 200u /* then in a new sandbox */

static struct lockstep lockstep;
static uint64_t succeeded; /* of the unprivileged storm */

static uint64_t boot_argument(const char *name, uint64_t otherwise)
{
    const char *found = strstr(kit_boot_info()->bootargs, name);

    return found != NULL ? strtoul(found + strlen(name), NULL, 10) : otherwise;
}

static uint64_t seed(void)
{
    return boot_argument("SEED=", 1);
}

/* How often each call must give each answer. */
static unsigned wanted(void)
{
    uint64_t times = boot_argument("CALLS=", CALLS) / CALLS_A_TIME;

    return times < MOST_TIMES ? (unsigned)times : MOST_TIMES;
}

static uint64_t total(uint64_t code_end)
{
    uint64_t sum = 0;

    for (uint64_t number = 0; number < FL_CALL_COUNT; number++)
        for (uint64_t code = 0; code < code_end; code++)
            sum += storm_count(number, code);
    return sum;
}

static void run_round(uint64_t round, bool privileged)
{
    uint64_t name = seed() << 32 | (uint64_t)privileged << 31 | round;
    const char *complaint = storm_round(name, privileged ? SYSTEM_CALLS : ROUND_CALLS, privileged);

    if (complaint != NULL) {
        harness_note("SEED=%lu round %lu", seed(), round);
        harness_fail(__FILE__, __LINE__, complaint);
    }
}

/* At least `calls`, and more while an answer is still missing: with several harts chance says who calls.  Returns the rounds. */
static uint64_t run_calls(uint64_t calls, bool privileged)
{
    uint64_t start = storm_made(), round = 0;

    while (storm_made() < start + calls)
        run_round(round++, privileged);
    while (storm_made() < start + calls * SOUGHT_TIMES && storm_seeks(privileged))
        run_round(round++, privileged);
    return round;
}

static uint64_t run_ticks(uint64_t ticks, bool privileged)
{
    uint64_t end = fl_rdtime() + ticks, round = 0;

    do
        run_round(round++, privileged);
    while (fl_rdtime() < end);
    return round;
}

/* So many 25ths of what the boot arguments ask for. */
static void run_storm(uint64_t parts, bool privileged)
{
    uint64_t start = storm_made(), calls = boot_argument("CALLS=", CALLS) / 25 * parts;
    uint64_t ticks = boot_argument("SECONDS=", 0) * kit_boot_info()->timebase_hz / 25 * parts;
    uint64_t round = ticks > 0 ? run_ticks(ticks, privileged) : run_calls(calls, privileged);

    harness_note("SEED=%lu: %lu operations in %lu rounds, %lu lost; of all so far %lu%% succeeded",
                 seed(), storm_made() - start, round, storm_lost(),
                 total(1) * 100 / total(STORM_CODES));
}

/* First, so that the storms need not look for these. */
TEST("errors that take a situation of their own come in it")
{
    storm_forget();
    storm_want(wanted());
    CHECK(situation_pins(seed(), wanted()));
    CHECK(situation_last_handler(seed(), wanted()));
    CHECK(situation_last_notification(seed(), wanted()));
}

TEST("an unprivileged storm breaks no invariant and loses nothing")
{
    uint64_t before = total(1);

    run_storm(24, false);
    succeeded = total(1) - before;
    CHECK(storm_lost() * 100 < storm_made());
}

TEST("three of ten calls of the unprivileged storm succeed")
{
    CHECK(succeeded * 10 >= storm_made() * 3);
}

TEST("a storm of the calls that need System breaks no invariant and loses nothing")
{
    run_storm(1, true);
}

/* What a call does that comes back with an error and no progress. */
static void check_refusal(uint64_t number, const uint64_t a[7], uint64_t *digest)
{
    uint64_t status, value;
    bool returned = lockstep_call(&lockstep, number, a, &status, &value);
    uint64_t after = sandbox_digest(&lockstep.box), code = FL_STATUS_CODE(status);

    if (returned && lockstep_is_refusal(number, status, value) && after != *digest) {
        harness_note("%s(0x%lx, 0x%lx, 0x%lx, 0x%lx, 0x%lx, 0x%lx, 0x%lx): %s", call_name(number),
                     a[0], a[1], a[2], a[3], a[4], a[5], a[6], call_error_name(code));
        harness_fail(__FILE__, __LINE__, "a refused call changed something");
    }
    *digest = after;
}

/* Else it would run between two digests, if only on another hart. */
TEST("a thread that a call starts has run before the next call")
{
    const uint64_t a[7] = {BOX_TCB + 2, 0}; /* it faults at once */
    uint64_t status, value;

    lockstep_begin(&lockstep, false);
    uint64_t tcb = kit_slots(1);
    CHECK_EQ(flr_cnode_copy(FL_BOOT_CNODE, tcb, lockstep.box.cnode, BOX_TCB + 2, FL_RIGHTS_ALL, 0)
                 .status,
             FL_OK);
    CHECK(lockstep_call(&lockstep, FL_CALL_tcb_start, a, &status, &value));
    CHECK_EQ(status, FL_OK);
    CHECK(FL_STATE(flr_tcb_state(tcb).value) != FL_STATE_READY);
    lockstep_end(&lockstep);
}

TEST("a call of a storm that is refused changes nothing")
{
    struct random random = random_start(seed());
    uint64_t a[7], digest = 0;

    for (unsigned i = 0; i < LOCKSTEP_CALLS; i++) {
        if (i % LOCKSTEP_ROUND == 0) {
            if (i > 0)
                lockstep_end(&lockstep);
            lockstep_begin(&lockstep, true);
            digest = sandbox_digest(&lockstep.box);
        }
        uint64_t number = storm_choose_call(&random, i % 20 == 0, a);
        check_refusal(number, a, &digest);
    }
    lockstep_end(&lockstep);
}

/* A line of the report: the call and how often it gave each answer. */
static void tell_counts(uint64_t number)
{
    char line[400];
    size_t length = 0;

    for (uint64_t code = 0; code < STORM_CODES; code++) {
        uint64_t count = storm_count(number, code);
        const char *name = call_error_name(code);

        if (count == 0 || length > sizeof line - 40)
            continue;
        length += (size_t)snprintf(line + length, sizeof line - length, " %s %lu",
                                   name != NULL ? name : "?", count);
    }
    line[length] = '\0';
    harness_note("%s:%s", call_name(number), line);
}

TEST("no call of a storm answers what is not listed for it")
{
    unsigned unlisted = 0;

    for (uint64_t number = 0; number < FL_CALL_COUNT; number++) {
        if (call_name(number) == NULL)
            continue;
        tell_counts(number);
        for (uint64_t code = 0; code < STORM_CODES; code++) {
            if (storm_count(number, code) == 0 || call_answer_is_listed(number, code))
                continue;
            harness_note("%s: code %lu is not listed", call_name(number), code);
            unlisted++;
        }
    }
    CHECK_EQ(unlisted, 0);
}

/* How often things happen is for storms of a set length, where all of them can. */
static void skip_if_rare(void)
{
    if (boot_argument("SECONDS=", 0) > 0)
        SKIP("the storms end by time");
    if (boot_argument("CALLS=", CALLS) < CALLS)
        SKIP("fewer calls were asked for");
    if (kit_find_device("google,goldfish-rtc") == NULL)
        SKIP("without a goldfish-rtc nothing interrupts");
}

TEST("each call but reset succeeds as often as a storm of its length wants")
{
    unsigned rare = 0;

    skip_if_rare();
    for (uint64_t number = 0; number < FL_CALL_COUNT; number++) {
        if (call_name(number) == NULL || number == FL_CALL_system_reset)
            continue;
        if (storm_count(number, FL_OK) >= storm_least())
            continue;
        harness_note("%s: OK %lu times", call_name(number), storm_count(number, FL_OK));
        rare++;
    }
    CHECK_EQ(rare, 0);
}

TEST("each call fails as often with each error that a test can reach")
{
    unsigned rare = 0;

    skip_if_rare();
    for (unsigned i = 0; i < call_failure_count; i++) {
        const struct call_failure *failure = &call_failures[i];
        uint64_t count = storm_count(failure->call, failure->code);

        if (failure->unreachable != NULL || count >= storm_least())
            continue;
        harness_note("%s: %s %lu times", call_name(failure->call), call_error_name(failure->code),
                     count);
        rare++;
    }
    CHECK_EQ(rare, 0);
}
