/* What the files of faults share: what a step says, and the end of a fault (fault_end.c). */
#ifndef PAGER_FAULT_STEP_H
#define PAGER_FAULT_STEP_H

#include "vm.h"

/* What a step says: go on, or why the fault ends here. */
enum fault_step {
    FAULT_GO_ON,
    FAULT_NO_ENTRY,
    FAULT_FORBIDDEN,
    FAULT_PHYSICAL,
    FAULT_BEYOND_END,
    FAULT_UNREADABLE,
    FAULT_NO_SPACE,
    FAULT_NO_FRAME,
    FAULT_BUSY,
    FAULT_MISSING, /* of a search alone: no page here, look further */
    FAULT_AWAY     /* of a search alone: the entry's object has the page, which is out of memory */
};

/* Adds a fault to the event ring, if there is one. */
void fault_trace(struct vm *vm, const struct space *space, const struct vm_fault *request,
                 enum trace_action action);

/* Ends a fault that a step did not let go on. */
enum vm_verdict fault_end(struct vm *vm, struct space *space, const struct vm_fault *request,
                          enum fault_step step);

#endif
