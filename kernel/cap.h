/* Capabilities: finding, filling, moving, deleting.  Their invariants are in object.h. */
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

/* Fills an empty slot of a CNode with a capability made from `parent`, which may be the kernel's root
 * (kernel.derivation.root). */
void cap_fill(struct cap *slot, const struct cap *value, struct cap *parent);
/* Moves a capability, with its place in the derivation tree, to an empty slot. */
void cap_move(struct cap *to, struct cap *from);
/* Whether one capability more to the object that a capability names can be counted. */
bool cap_can_count(const struct cap *cap);

/* Puts a copy of the capability in slot `from` into its holder (object.h), after what was held there
 * has gone.  The caller has asked cap_can_count and sets what the holder keeps beside it.
 * OK, or MORE: what was held is still ending, repeat. */
enum fl_error cap_hold(struct cap *held, struct cap *from);

/* Deletes a capability, of a slot or held, and its object with the last one.  An empty one is OK.
 * OK; MORE: progress was made, repeat; BUSY: it is the last slot of an object that threads or spaces
 * hold, or of a CNode in which something is busy. */
enum fl_error cap_delete(struct cap *cap);
/* The same for cnode_revoke: threads stop and spaces end when what they hold goes.  OK or MORE. */
enum fl_error cap_delete_forced(struct cap *cap);
/* CNodes whose last capability was deleted by force still hold capabilities: deletes some of these.
 * OK when none is left, else MORE. */
enum fl_error cap_empty_condemned(void);

#endif
