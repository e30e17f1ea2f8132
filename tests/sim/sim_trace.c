/* Traces: see sim_trace.h. */
#define _POSIX_C_SOURCE 200809L
#include "sim_trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "sim_do.h"

#define SIM_RUN_SECONDS 20u  /* a run that takes longer hangs */
#define SIM_FAILURES    250u /* that a status tells apart */
#define SIM_EXIT_QUIET  255
#define SIM_STEP_BYTES  100u /* of a step's text */

/* ---- configurations and ids ---- */

static uint32_t sim_digit(uint32_t *number, uint32_t base)
{
    uint32_t digit = *number % base;

    *number /= base;
    return digit;
}

struct sim_config sim_config_of(uint32_t number)
{
    static const uint32_t asid_bits[] = {16, 0, 1};
    struct sim_config config;

    config.harts = 4 - sim_digit(&number, 4);
    config.asid_bits = asid_bits[sim_digit(&number, 3)];
    config.sets_ad = sim_digit(&number, 2);
    config.caches_invalid = sim_digit(&number, 2);
    config.fork_clones = sim_digit(&number, 2);
    config.strict = sim_digit(&number, 2);
    config.scarce = sim_digit(&number, 2);
    config.disk_fails = sim_digit(&number, 2);
    config.in_place = sim_digit(&number, 2);
    config.swap = sim_digit(&number, 2);
    return config;
}

void sim_trace_generate(struct sim_trace *trace, uint32_t config, uint64_t seed, uint32_t count)
{
    bool swap = sim_config_of(config).swap;
    uint64_t random = seed;

    trace->config = config;
    trace->seed = seed;
    trace->count = count;
    for (uint32_t i = 0; i < count; i++)
        trace->step[i] = sim_step_choose(&random, swap);
}

bool sim_trace_read(struct sim_trace *trace, const char *id)
{
    char *end;
    unsigned long config = strtoul(id, &end, 10);
    uint64_t seed;
    const char *text;

    if (*end != ':' || config >= SIM_CONFIGS)
        return false;
    seed = strtoull(end + 1, &end, 10);
    sim_trace_generate(trace, (uint32_t)config, seed, SIM_TRACE_STEPS);
    if (*end != ':')
        return *end == '\0';
    trace->count = 0;
    text = end + 1;
    while (trace->count < SIM_TRACE_STEPS && sim_step_read(&text, &trace->step[trace->count]))
        trace->count++;
    return *text == '\0';
}

static void sim_trace_write(const struct sim_trace *trace, char *id, size_t bytes)
{
    size_t length =
        (size_t)snprintf(id, bytes, "%" PRIu32 ":%" PRIu64 ":", trace->config, trace->seed);

    for (uint32_t i = 0; i < trace->count && length + 1 < bytes; i++) {
        if (i > 0)
            id[length++] = '/';
        length += sim_step_write(&trace->step[i], id + length, bytes - length);
    }
}

void sim_trace_list(const struct sim_trace *trace)
{
    struct sim_config config = sim_config_of(trace->config);
    char text[SIM_STEP_BYTES];

    harness_note(
        "machine %u: %u harts, %u ASID bits%s%s%s%s%s%s%s%s", (unsigned)trace->config,
        (unsigned)config.harts, (unsigned)config.asid_bits, config.sets_ad ? ", sets A and D" : "",
        config.caches_invalid ? ", caches invalid entries" : "",
        config.fork_clones ? ", fork=clone" : "", config.strict ? ", overcommit=strict" : "",
        config.scarce ? ", few frames" : "", config.disk_fails ? ", a disk that fails" : "",
        config.in_place ? ", the initrd's file on pages" : "", config.swap ? ", swap" : "");
    for (uint32_t i = 0; i < trace->count; i++) {
        text[sim_step_write(&trace->step[i], text, sizeof text)] = '\0';
        harness_note("step %u: %s", (unsigned)i, text);
    }
}

/* ---- runs ---- */

void sim_trace_run(const struct sim_trace *trace)
{
    struct sim_config config = sim_config_of(trace->config);

    sim_do_trace(&config, trace->step, trace->count);
}

static void sim_trace_run_once(void *context)
{
    sim_trace_run(context);
}

/* In a child process.  0: it went well; else a number of what it failed of, the same for what is alike. */
static int sim_trace_try(const struct sim_trace *trace, bool quiet)
{
    pid_t child;
    int status = 0;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        struct sim_trace copy = *trace;

        if (quiet && (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)))
            _exit(SIM_EXIT_QUIET);
        alarm(SIM_RUN_SECONDS);
        status = harness_try(sim_trace_run_once, &copy) ? 0 : 1 + (int)(sim.failure % SIM_FAILURES);
        fflush(stdout);
        _exit(status);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return status;
}

bool sim_trace_fails(const struct sim_trace *trace)
{
    return sim_trace_try(trace, true) != 0;
}

/* ---- shrinking ---- */

/* Without steps [first, first + count), if it still fails, and of the same. */
static bool sim_trace_delete(struct sim_trace *trace, int failure, uint32_t first, uint32_t count)
{
    static struct sim_trace candidate;

    candidate = *trace;
    candidate.count -= count;
    memmove(&candidate.step[first], &candidate.step[first + count],
            (candidate.count - first) * sizeof(candidate.step[0]));
    if (sim_trace_try(&candidate, true) != failure)
        return false;
    *trace = candidate;
    return true;
}

static void sim_trace_delete_steps(struct sim_trace *trace, int failure)
{
    for (uint32_t part = (trace->count + 1) / 2; part > 0;) {
        bool shorter = false;

        for (uint32_t first = 0; first < trace->count;) {
            uint32_t left = trace->count - first, count = part < left ? part : left;

            if (sim_trace_delete(trace, failure, first, count))
                shorter = true;
            else
                first += count;
        }
        part = shorter && part == 1 ? 1 : part / 2;
    }
}

/* One number of one step. */
static void sim_trace_lower(struct sim_trace *trace, int failure, uint32_t i, uint32_t part)
{
    static const uint32_t lower[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 16};
    struct sim_step step = trace->step[i];

    for (uint32_t k = 0; k < sizeof(lower) / sizeof(lower[0]); k++) {
        if (lower[k] >= sim_step_part(&step, part))
            return;
        sim_step_set_part(&trace->step[i], part, lower[k]);
        if (sim_trace_try(trace, true) == failure)
            return;
        trace->step[i] = step;
    }
}

void sim_trace_shrink(struct sim_trace *trace)
{
    int failure = sim_trace_try(trace, true);

    sim_trace_delete_steps(trace, failure);
    for (uint32_t i = 0; i < trace->count; i++)
        for (uint32_t part = 0; part < SIM_STEP_PARTS; part++)
            sim_trace_lower(trace, failure, i, part);
    sim_trace_delete_steps(trace, failure);
}

void sim_trace_print(const struct sim_trace *trace)
{
    static char id[SIM_ID_BYTES];

    sim_trace_write(trace, id, sizeof(id));
    (void)sim_trace_try(trace, false);
    harness_note("%u steps: SIM=%s", (unsigned)trace->count, id);
}
