/* One thread in a sandbox that makes one call at a time, when it is told to, and nobody beside it:
 * what a call changes can be seen.  A call that waits is cancelled.
 *
 * What a call sets going is over when lockstep_call returns: other harts run threads of the sandbox that it made ready,
 * and any idle hart empties CNodes that it condemned.  Between two calls nothing changes but bits of notifications. */
#ifndef LOCKSTEP_H
#define LOCKSTEP_H

#include "sandbox.h"

struct lockstep {
    struct sandbox box;
    struct kit_thread *thread;
    uint64_t ended, reply; /* the thread's fault after each call comes here */
    uint64_t woken, alarm;
    uint64_t empty;  /* endpoint of its other faults */
    bool unreturned; /* the last call did not come back */
};

/* A new sandbox with its thread; does kit_begin and ends what was there before. */
void lockstep_begin(struct lockstep *lockstep, bool with_system);
void lockstep_end(struct lockstep *lockstep);

/* The thread makes a call, and all harts sleep once.  *status: what came back.  False when the call did not return (the
 * thread goes on elsewhere, or nowhere). */
bool lockstep_call(struct lockstep *lockstep, uint64_t number, const uint64_t arguments[7],
                   uint64_t *status, uint64_t *value);

/* Is this answer a refusal, which changes nothing?  An error with a value has done a part; a wait that was
 * cancelled may have answered before; revoke says BUSY when all but the pinned is done. */
bool lockstep_is_refusal(uint64_t number, uint64_t status, uint64_t value);

/* NULL, or what the last call did to registers that it must keep or clear. */
const char *lockstep_register_complaint(void);

#endif
