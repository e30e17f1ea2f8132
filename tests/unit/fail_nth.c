/* Fails the N-th call: see fail_nth.h. */
#include "fail_nth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case_name.h"
#include "harness.h"

/* No scenario makes so many calls of a kind: more would be one that goes on for ever. */
#define FAIL_CALLS_MAX 4096u

static const char *const fail_names[FAIL_KINDS] = {"frame", "record", "promise", "map", "clone",
                                                   "reply", "table",  "call",    "disk"};

static struct {
    const char *scenario;
    enum fail_kind kind;
    uint32_t n;
    bool lasting; /* all later calls fail too */
    bool armed;
    uint32_t calls; /* of the kind, while armed */
    uint64_t runs;
    uint64_t met[FAIL_KINDS];
} fail;

static void fail_nth_name(char *out, size_t bytes)
{
    snprintf(out, bytes, "%s/%s/%u%s", fail.scenario, fail_names[fail.kind], (unsigned)fail.n,
             fail.lasting ? "+" : "");
}

void fail_nth_arm(void)
{
    fail.calls = 0;
    fail.armed = true;
}

bool fail_nth_disarm(void)
{
    fail.armed = false;
    return fail.n > 0 && fail.calls >= fail.n;
}

bool fail_nth_now(enum fail_kind kind)
{
    if (!fail.armed || fail.n == 0 || kind != fail.kind)
        return false;
    fail.calls++;
    return fail.lasting ? fail.calls >= fail.n : fail.calls == fail.n;
}

static void fail_nth_write(char *name)
{
    strcpy(name, "NTH=");
    fail_nth_name(name + strlen(name), CASE_NAME_BYTES - strlen(name));
}

void fail_nth_expect(bool holds, const char *what)
{
    if (holds)
        return;
    harness_fail(__FILE__, __LINE__, what);
}

bool fail_nth_is_reference(void)
{
    return fail.n == 0;
}

uint32_t fail_nth_number(void)
{
    return fail.n;
}

bool fail_nth_is_lasting(void)
{
    return fail.lasting;
}

uint64_t fail_nth_runs(void)
{
    return fail.runs;
}

uint64_t fail_nth_met(enum fail_kind kind)
{
    return fail.met[kind];
}

/* ---- which runs ---- */

/* True if NTH names no run, this one, or its scenario. */
static bool fail_nth_selected(void)
{
    const char *wanted = case_name_wanted("NTH");
    char name[CASE_NAME_BYTES];

    if (!wanted)
        return true;
    fail_nth_name(name, sizeof name);
    if (strcmp(wanted, fail.scenario) != 0 && strcmp(wanted, name) != 0)
        return false;
    case_name_found();
    return true;
}

/* True if NTH may name a run of this scenario. */
static bool fail_nth_may_select(const char *scenario)
{
    const char *wanted = case_name_wanted("NTH");
    size_t bytes = strlen(scenario);

    return !wanted || (strncmp(wanted, scenario, bytes) == 0 &&
                       (wanted[bytes] == '\0' || wanted[bytes] == '/'));
}

static void fail_nth_sweep_kind(fail_scenario *run, const void *context)
{
    enum fail_run outcome = FAIL_RUN_MET;

    for (fail.n = 1; outcome == FAIL_RUN_MET && fail.n < FAIL_CALLS_MAX; fail.n++) {
        if (!fail_nth_selected())
            continue;
        outcome = run(context);
        fail.runs++;
        fail.met[fail.kind] += outcome == FAIL_RUN_MET;
    }
    fail_nth_expect(outcome == FAIL_RUN_CLEAN || case_name_wanted("NTH"),
                    "a scenario without an end");
}

void fail_nth_sweep(const char *scenario, uint32_t kinds, fail_scenario *run, const void *context)
{
    if (!fail_nth_may_select(scenario))
        return;
    fail.armed = false; /* a run that was left in the middle may have been */
    fail.scenario = scenario;
    fail.kind = FAIL_FRAME;
    fail.n = 0;
    fail.lasting = false;
    case_name_begin(fail_nth_write);
    run(context);
    for (fail.kind = FAIL_FRAME; fail.kind < FAIL_KINDS; fail.kind++) {
        if (!(kinds >> fail.kind & 1))
            continue;
        fail.lasting = false;
        fail_nth_sweep_kind(run, context);
        fail.lasting = true;
        fail_nth_sweep_kind(run, context);
    }
    case_name_end();
}
