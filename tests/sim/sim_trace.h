/* Traces: generated from a number, run, and when one fails, shrunk.
 *
 *   generate --> run --fails--> delete steps, while it fails of the same --> make their numbers small --> print
 *
 * Runs that may fail are made in a child process, so that an assert, a sanitizer's report and a loop without
 * end are failures like any other.  A case has an id, CONFIG:SEED or CONFIG:SEED:STEPS (sim_step.h), that
 * runs exactly it. */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include "sim.h"

#define SIM_TRACE_STEPS 2000u /* at most */
#define SIM_ID_BYTES    65536u

struct sim_trace {
    uint32_t config; /* below SIM_CONFIGS */
    uint64_t seed;
    uint32_t count;
    struct sim_step step[SIM_TRACE_STEPS];
};

#define SIM_PLAIN_CONFIGS (4u * 3u * 128u) /* without swap; the same with it follow */
#define SIM_CONFIGS       (2u * SIM_PLAIN_CONFIGS)

/* What a number stands for. */
struct sim_config sim_config_of(uint32_t number);

void sim_trace_generate(struct sim_trace *trace, uint32_t config, uint64_t seed, uint32_t count);

/* Reads an id.  False: it is none. */
bool sim_trace_read(struct sim_trace *trace, const char *id);

/* Prints the machine and all steps, a line each. */
void sim_trace_list(const struct sim_trace *trace);

/* In this process: a failure ends the test. */
void sim_trace_run(const struct sim_trace *trace);

/* In a child process, quietly. */
bool sim_trace_fails(const struct sim_trace *trace);

/* Makes a trace that fails as small as it goes, and prints it with what it fails of. */
void sim_trace_shrink(struct sim_trace *trace);
void sim_trace_print(const struct sim_trace *trace);

#endif
