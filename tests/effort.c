/* How long a random test goes on, and which trace it is in: see effort.h. */
#define _POSIX_C_SOURCE 200809L
#include "effort.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "case_name.h"
#include "harness.h"

#define NSEC_PER_SECOND 1000000000ull
#define CLOCK_EVERY     64u /* operations */

static struct {
    uint64_t seed;
    uint32_t variant;
} trace;

static uint64_t effort_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NSEC_PER_SECOND + (uint64_t)now.tv_nsec;
}

struct effort effort_begin(uint64_t operations)
{
    const char *seconds = getenv("SECONDS"), *given = getenv("OPERATIONS");
    struct effort effort = {.limit = operations};

    if (given)
        effort.limit = strtoull(given, NULL, 0);
    if (seconds) {
        effort.limit = UINT64_MAX;
        effort.end_nsec = effort_now() + strtoull(seconds, NULL, 0) * NSEC_PER_SECOND;
    }
    return effort;
}

bool effort_continues(struct effort *effort)
{
    if (effort->done == effort->limit)
        return false;
    if (effort->end_nsec && effort->done % CLOCK_EVERY == 0 && effort_now() >= effort->end_nsec)
        return false;
    effort->done++;
    return true;
}

bool effort_takes(struct effort *effort, uint64_t operations)
{
    if (effort->done >= effort->limit || (effort->end_nsec && effort_now() >= effort->end_nsec))
        return false;
    effort->done += operations;
    return true;
}

void effort_end(const struct effort *effort)
{
    harness_note("%" PRIu64 " operations", effort->done);
}

/* ---- the name of a trace ---- */

static void effort_name_trace(char *name)
{
    snprintf(name, CASE_NAME_BYTES, "TRACE=%" PRIu64 "/%" PRIu32, trace.seed, trace.variant);
}

void effort_trace_begin(uint64_t seed, uint32_t variant)
{
    trace.seed = seed;
    trace.variant = variant;
    case_name_begin(effort_name_trace);
}

void effort_trace_end(void)
{
    case_name_end();
}

/* Whose trace is asked for runs its first test alone. */
__attribute__((constructor)) static void effort_select(void)
{
    if (case_name_wanted("TRACE"))
        harness_run_only(1);
}

bool effort_names_trace(uint64_t *seed, uint32_t *variant)
{
    const char *name = case_name_wanted("TRACE");
    char *end;

    if (!name)
        return false;
    *seed = strtoull(name, &end, 10);
    CHECK(*end == '/');
    *variant = (uint32_t)strtoul(end + 1, &end, 10);
    CHECK(*end == '\0');
    case_name_found();
    return true;
}

bool effort_run_traces(uint64_t traces, uint64_t operations, uint32_t variant, effort_trace *run)
{
    struct effort effort = effort_begin(traces * operations);
    uint64_t seed;
    uint32_t named;

    if (effort_names_trace(&seed, &named)) {
        run(seed, named);
        return false;
    }
    for (seed = 1; effort_takes(&effort, operations); seed++)
        run(seed, variant);
    effort_end(&effort);
    return effort.done >= traces * operations;
}
