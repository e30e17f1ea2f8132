/* The event ring: what was done about each fault, one record for each; off until it is given
 * memory.
 *
 * Records not read in time are overwritten, the oldest first; `sequence` shows the hole. */
#ifndef PAGER_TRACE_H
#define PAGER_TRACE_H

#include <stdbool.h>
#include <stdint.h>

enum trace_action {
    TRACE_ZERO_PAGE, /* the shared zero page was mapped */
    TRACE_ZERO_FILL, /* a zeroed frame */
    TRACE_COPY,      /* a copy of a page that others see too */
    TRACE_TAKE,      /* a page that was shared once and that nobody else sees now, moved up */
    TRACE_PRESENT,   /* a page that was there already */
    TRACE_SHARED,    /* a page shared since a fork, not to be written */
    TRACE_FILE,      /* a file's page, shared */
    TRACE_STOP,      /* nothing: the program was stopped */
    TRACE_WAIT,      /* nothing yet: the fault waits for a page, or for a frame */
    TRACE_ACTIONS
};

struct trace_record {
    uint64_t sequence;
    uint64_t address;
    uint64_t pc;
    uint32_t access; /* FL_ACCESS_* */
    uint16_t space;
    uint16_t action;
};

struct trace {
    struct trace_record *records; /* NULL = off */
    uint64_t capacity;
    uint64_t written; /* records ever written */
    uint64_t read;
};

void trace_add(struct trace *trace, const struct trace_record *record);

/* Takes the oldest record that is still there.  False if there is none. */
bool trace_take(struct trace *trace, struct trace_record *record);

const char *trace_action_name(enum trace_action action);

#endif
