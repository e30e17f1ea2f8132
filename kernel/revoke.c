/* cnode_revoke: everything derived from a capability goes; of Memory, then its mappings.
 *
 * The first part keeps no cursor: the tree shrinks until nothing is derived any more.  Each deletion may
 * take away the caller's own thread, CSpace or the capability itself, so all is looked up again after
 * each.  The second part is mm/sweep.h's, whose cursor the caller carries. */
#include "arch.h"
#include "calls.h"
#include "sweep.h"

#define STEP 32u /* capabilities deleted, or pins passed over, in one kernel entry */

/* The first capability derived from this one that is no Pin; NULL when there is none among STEP.  A Pin
 * is deleted by its holder alone: a device may be using the frames. */
static struct cap *find_derived(const struct cap *cap)
{
    struct cap *child = derivation_child(&kernel.derivation, cap);

    for (unsigned i = 0; child != NULL && child->type == FL_OBJECT_PIN; i++) {
        if (i == STEP)
            return NULL;
        child = derivation_sibling(&kernel.derivation, child);
    }
    return child;
}

/* Nothing but Pins is derived from it any more. */
static struct outcome revoke_mappings(const struct cap *cap, uint64_t cursor)
{
    if (cap->type != FL_OBJECT_MEMORY)
        return outcome_ok(0);
    enum fl_error error =
        sweep_step(&kernel.frames, (frame_t){cap->first_frame}, cap->pages, &cursor);
    return (struct outcome){FL_STATUS(error, error == FL_BUSY ? 2 : 0), cursor};
}

static bool is_able_to_go_on(const struct tcb *caller)
{
    return hart_self()->current == caller && caller->state == THREAD_READY;
}

struct outcome call_cnode_revoke(uint64_t cnode, uint64_t slot, uint64_t cursor)
{
    struct tcb *self = hart_self()->current;

    for (unsigned i = 0; i < STEP; i++) {
        if (cap_empty_condemned() != FL_OK || !is_able_to_go_on(self))
            return outcome_error(FL_MORE, 0); /* or told to nobody */
        struct lookup found = cap_lookup_in(self, cnode, slot, FL_RIGHT_WRITE, 1);
        if (found.cap == NULL)
            return (struct outcome){found.status, 0};
        if (found.cap->type == FL_OBJECT_NONE)
            return outcome_error(FL_BAD_SLOT, 2);
        struct cap *derived = find_derived(found.cap);
        if (derived == NULL)
            return revoke_mappings(found.cap, cursor);
        if (cap_delete_forced(derived) != FL_OK || !is_able_to_go_on(self))
            return outcome_error(FL_MORE, 0);
    }
    return outcome_error(FL_MORE, 0);
}
