/* Slots: finding, filling, emptying.  Invariants O1 to O4 are in object.h. */
#ifndef KERNEL_CAP_H
#define KERNEL_CAP_H

#include "kernel.h"

/* What a call returns in a0 and a1. */
struct outcome {
    uint64_t status;
    uint64_t value;
};

static inline struct outcome outcome_ok(uint64_t value)
{
    return (struct outcome){FL_OK, value};
}

/* `argument`: position of the argument to blame, 1 = first; 0 = none. */
static inline struct outcome outcome_error(enum fl_error error, unsigned argument)
{
    return (struct outcome){FL_STATUS(error, argument), 0};
}

struct lookup {
    struct cap *cap; /* NULL: see status */
    uint64_t status;
};

/* Finds slot `slot` of a thread's CSpace and checks type and rights.
 * BAD_SLOT: beyond the CNode or empty; BAD_TYPE; NO_RIGHT: all of `rights` are needed. */
static inline struct lookup cap_lookup(const struct tcb *thread, uint64_t slot, unsigned type,
                                       unsigned rights, unsigned argument)
{
    if (slot >= thread->cspace_slots)
        return (struct lookup){NULL, FL_STATUS(FL_BAD_SLOT, argument)};
    struct cap *cap = &thread->cspace->slots[slot];
    if (cap->type != type) {
        enum fl_error error = cap->type == FL_OBJECT_NONE ? FL_BAD_SLOT : FL_BAD_TYPE;
        return (struct lookup){NULL, FL_STATUS(error, argument)};
    }
    if ((cap->rights & rights) != rights)
        return (struct lookup){NULL, FL_STATUS(FL_NO_RIGHT, argument)};
    return (struct lookup){cap, FL_OK};
}

/* A slot of the CNode that slot `cnode` of the thread's CSpace names.
 * `rights` are those of the CNode.  As cap_lookup, and OUT_OF_RANGE (blames argument + 1) beyond
 * that CNode or for its slot 0. */
struct lookup cap_lookup_in(const struct tcb *thread, uint64_t cnode, uint64_t slot,
                            unsigned rights, unsigned argument);

/* The header of the object that a capability names; NULL when it names none that is counted. */
struct object *cap_object(const struct cap *cap);

/* Fills an empty slot of a CNode. */
void cap_fill(struct cap *slot, const struct cap *from);
/* Moves a capability to an empty slot. */
void cap_move(struct cap *to, struct cap *from);
/* Copies an Endpoint or Notification capability into a kernel structure; it is counted like a slot.
 */
void cap_hold(struct cap *held, const struct cap *from);

/* Empties a slot; ends the object with its last capability.
 * OK; MORE: progress was made, repeat; BUSY: threads or spaces still use the object, or a CNode
 * inside the CNode is not empty.  An empty slot is OK. */
enum fl_error cap_delete(struct cap *slot);
/* Drops what cap_hold filled; when it was the last one the object ends at once, and its waiters
 * (bounded by the threads that hold no capability to it any more) are cancelled. */
void cap_drop(struct cap *held);

#endif
