/* How long a random test of the host goes on: as many operations as it asks for, or what the
 * environment says: OPERATIONS=n, or SECONDS=n of time; and how one of its traces is run again.  Not for the
 * target, which has no environment. */
#ifndef FAULTLINE_TESTS_EFFORT_H
#define FAULTLINE_TESTS_EFFORT_H

#include <stdbool.h>
#include <stdint.h>

struct effort {
    uint64_t done;     /* operations */
    uint64_t limit;    /* of them */
    uint64_t end_nsec; /* of the monotonic clock; 0: no limit of time */
};

/* operations: what the test does when the environment says nothing. */
struct effort effort_begin(uint64_t operations);

/* True if one more operation is due, which it counts.  The clock is read now and then only. */
bool effort_continues(struct effort *effort);

/* True if something of so many operations is due, which it counts: a trace. */
bool effort_takes(struct effort *effort, uint64_t operations);

/* Prints how many operations were done. */
void effort_end(const struct effort *effort);

/* A random trace has a name, TRACE=seed/variant: the seed of its choices, and what else its test varies (how
 * many frames it has, say).  It is printed whatever ends
 * the trace before effort_trace_end (case_name.h). */
void effort_trace_begin(uint64_t seed, uint32_t variant);
void effort_trace_end(void);

/* True if the environment names a trace: a program's first test runs that one and no other, and no other test
 * runs. */
bool effort_names_trace(uint64_t *seed, uint32_t *variant);

/* One trace, from effort_trace_begin to effort_trace_end. */
typedef void effort_trace(uint64_t seed, uint32_t variant);

/* What the first test of a random program does: runs the trace that the environment names, or those with seeds
 * 1, 2, ... and one variant, `traces` of them, or as far as the environment says.  Each counts as so many
 * operations; how many were done is printed.
 * Returns: true if all `traces` were run, or more: what they need to meet only together may be checked then. */
bool effort_run_traces(uint64_t traces, uint64_t operations, uint32_t variant, effort_trace *run);

#endif
