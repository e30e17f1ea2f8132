/* cnode_revoke: everything derived from a capability goes; of Memory, then its mappings.
 *
 * The first part keeps no cursor: the tree shrinks until nothing is derived any more.  Each deletion may
 * take away the caller's own thread, CSpace or the capability itself, so all is looked up again after
 * each.  Pins are not derived from anything: see pin.c.  The second part is mm/sweep.h's, whose cursor the
 * caller carries; it begins anew when something was derived meanwhile. */
#include "arch.h"
#include "calls.h"
#include "sweep.h"

#define STEP 32u /* capabilities deleted in one kernel entry */

/* A root table lies in the range and cannot move, as its pool is used up: the space loses its pool, and
 * all tables with it.  Its threads stop. */
static enum fl_error end_stuck_space(uint64_t cursor)
{
    struct vspace *space = sweep_stuck_space(&kernel.frames, cursor);

    cap_delete_forced(&((struct vspace_object *)space)->pool);
    return FL_MORE;
}

/* Nothing is derived from it any more.  Mappings do not tell who made them, so ending those of others
 * takes a right of its own: who was given a part to read must not take it from everybody. */
static struct outcome revoke_mappings(const struct cap *cap, uint64_t cursor)
{
    if (cap->type != FL_OBJECT_MEMORY || (cap->rights & FL_RIGHT_REVOKE) == 0)
        return outcome_ok(0);
    enum fl_error error =
        sweep_step(&kernel.frames, (frame_t){cap->first_frame}, cap->pages, &cursor);
    if (error == FL_NO_TABLE)
        error = end_stuck_space(cursor);
    return (struct outcome){FL_STATUS(error, error == FL_BUSY ? 2 : 0), cursor};
}

static bool is_able_to_go_on(const struct tcb *caller)
{
    return hart_self()->current == caller && caller->state == THREAD_READY;
}

struct outcome call_cnode_revoke(uint64_t cnode, uint64_t slot, uint64_t cursor)
{
    struct tcb *self = hart_self()->current;

    if (cap_empty_condemned() != FL_OK || !is_able_to_go_on(self))
        return (struct outcome){FL_MORE, cursor}; /* or told to nobody */
    for (unsigned i = 0; i < STEP; i++) {
        struct lookup found = cap_lookup_in(self, cnode, slot, FL_RIGHT_WRITE, 1);
        if (found.cap == NULL)
            return (struct outcome){found.status, 0};
        if (found.cap->type == FL_OBJECT_NONE)
            return outcome_error(FL_BAD_SLOT, 2);
        struct cap *derived = derivation_child(&kernel.derivation, found.cap);
        if (derived == NULL)
            return revoke_mappings(found.cap, cursor);
        cursor = 0; /* what goes may have mapped behind it */
        if (cap_delete_forced(derived) != FL_OK || !is_able_to_go_on(self))
            break;
        if (kernel.condemned != NULL)
            break; /* to be emptied first, in an entry of its own */
    }
    return outcome_error(FL_MORE, 0);
}
