/* Calls that have a number and no body yet. */
#include "arch.h"
#include "calls.h"

#define PENDING(name, ...)                                 \
    struct outcome call_##name(FL_PARAMETERS(__VA_ARGS__)) \
    {                                                      \
        return outcome_error(FL_RESERVED_CALL, 0);         \
    }
#pragma GCC diagnostic ignored "-Wunused-parameter"

PENDING(irq_bind, irq, notification)
PENDING(irq_ack, irq)
PENDING(system_irq, system, source, irq)
PENDING(system_entry, system, address)
