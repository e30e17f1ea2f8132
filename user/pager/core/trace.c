/* The event ring: see trace.h. */
#include "trace.h"

void trace_add(struct trace *trace, const struct trace_record *record)
{
    struct trace_record *slot = &trace->records[trace->written % trace->capacity];

    *slot = *record;
    slot->sequence = trace->written++;
}

bool trace_take(struct trace *trace, struct trace_record *record)
{
    if (trace->written - trace->read > trace->capacity)
        trace->read = trace->written - trace->capacity;
    if (trace->read == trace->written)
        return false;
    *record = trace->records[trace->read++ % trace->capacity];
    return true;
}

const char *trace_action_name(enum trace_action action)
{
    static const char *const names[] = {
        [TRACE_ZERO_PAGE] = "zero-page", [TRACE_ZERO_FILL] = "zero-fill", [TRACE_COPY] = "copy",
        [TRACE_TAKE] = "take",           [TRACE_PRESENT] = "present",     [TRACE_SHARED] = "shared",
        [TRACE_FILE] = "file",           [TRACE_STOP] = "stop",           [TRACE_WAIT] = "wait",
    };
    _Static_assert(sizeof(names) / sizeof(names[0]) == TRACE_ACTIONS, "a name for each action");

    return action < TRACE_ACTIONS ? names[action] : "?";
}
