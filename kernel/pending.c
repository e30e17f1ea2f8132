/* Calls that have a number and no body yet. */
#include "arch.h"
#include "calls.h"

#define PENDING(name, ...)                               \
    struct outcome call_##name(FL_PARAMETERS(__VA_ARGS__)) \
    {                                                    \
        return outcome_error(FL_RESERVED_CALL, 0);       \
    }
#pragma GCC diagnostic ignored "-Wunused-parameter"

PENDING(cnode_revoke, cnode, slot, cursor)
PENDING(memory_pin, memory, page, pages, cnode, slot)
PENDING(pin_address, pin)
PENDING(memory_harvest, memory, page, pages, clear)
PENDING(vspace_clone, to, from, address, pages, rights, ceiling)
PENDING(vspace_harvest, vspace, address, pages, clear)
PENDING(tcb_read_registers, tcb, set)
PENDING(tcb_write_registers, tcb, set)
PENDING(tcb_upcall, tcb, word0, word1, word2)
PENDING(tcb_set_upcall, tcb, entry)
PENDING(tcb_state, tcb)
PENDING(tcb_set_quantum, tcb, sched, microseconds)

void call_thread_resume_upcall(uint64_t zero)
{
    thread_set_result(hart_self()->current, FL_RESERVED_CALL, 0);
}
