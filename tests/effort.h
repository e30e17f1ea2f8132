/* How long a random test of the host goes on: as many operations as it asks for, or what the
 * environment says: OPERATIONS=n, or SECONDS=n of time.  Not for the target, which has no environment. */
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

#endif
