/* Faults that end without a page: the program is stopped, or waits.  See fault.c. */
#include "fault_step.h"
#include "protocol.h"

/* Signals as Linux numbers them. */
enum { FAULT_SIGBUS = 7, FAULT_SIGKILL = 9, FAULT_SIGSEGV = 11 };

void fault_trace(struct vm *vm, const struct space *space, const struct vm_fault *request,
                 enum trace_action action)
{
    struct trace_record record = {.address = request->address,
                                  .pc = request->pc,
                                  .access = request->access,
                                  .space = (uint16_t)space->id,
                                  .action = (uint16_t)action};

    if (vm->trace.records)
        trace_add(&vm->trace, &record);
}

static void fault_stop(struct vm *vm, struct space *space, const struct vm_fault *request,
                       enum fault_step step)
{
    static const struct {
        uint16_t kind;
        uint16_t signal;
    } reasons[] = {
        [FAULT_NO_ENTRY] = {PAGER_EVENT_UNMAPPED, FAULT_SIGSEGV},
        [FAULT_FORBIDDEN] = {PAGER_EVENT_PROTECTION, FAULT_SIGSEGV},
        [FAULT_PHYSICAL] = {PAGER_EVENT_MEMORY, FAULT_SIGBUS},
        [FAULT_BEYOND_END] = {PAGER_EVENT_BEYOND_END, FAULT_SIGBUS},
        [FAULT_UNREADABLE] = {PAGER_EVENT_UNREADABLE, FAULT_SIGBUS},
        [FAULT_NO_SPACE] = {PAGER_EVENT_NO_MEMORY, FAULT_SIGBUS},
        [FAULT_NO_FRAME] = {PAGER_EVENT_NO_MEMORY, FAULT_SIGKILL},
    };
    struct space_event event = {.address = request->address,
                                .pc = request->pc,
                                .access = request->access,
                                .kind = reasons[step].kind,
                                .signal = reasons[step].signal};

    fault_trace(vm, space, request, TRACE_STOP);
    vm->reclaim.ended += step == FAULT_NO_FRAME;
    space_stop(vm, space, &event);
}

enum vm_verdict fault_end(struct vm *vm, struct space *space, const struct vm_fault *request,
                          enum fault_step step)
{
    if (step == FAULT_BUSY || (step == FAULT_NO_FRAME && reclaim_helps_fault(vm, space))) {
        fault_trace(vm, space, request, TRACE_WAIT);
        return VM_WAIT;
    }
    fault_stop(vm, space, request, step);
    return VM_STOPPED;
}
