/* Calls on CNodes: copy, move, delete; revoke is in revoke.c. */
#include "calls.h"

#include "arch.h"

/* A Reply that holds a fault belongs to its handler alone. */
static bool holds_fault(const struct cap *cap)
{
    return cap->type == FL_OBJECT_REPLY &&
           ((const struct reply *)cap->object)->state == REPLY_FAULT;
}

/* The badge that a copy gets.  NO_RIGHT: it has one that cannot be changed; RESERVED: no badge
 * here. */
static enum fl_error copy_badge(struct cap *copy, uint64_t badge)
{
    if (badge == 0)
        return FL_OK;
    if (copy->type == FL_OBJECT_SCHED && badge <= copy->badge) {
        copy->badge = badge; /* a lower highest priority */
        return FL_OK;
    }
    if (copy->type == FL_OBJECT_SCHED)
        return FL_NO_RIGHT;
    if (copy->type != FL_OBJECT_ENDPOINT && copy->type != FL_OBJECT_NOTIFICATION)
        return FL_RESERVED;
    if (copy->badge != 0)
        return FL_NO_RIGHT;
    copy->badge = badge;
    return FL_OK;
}

/* An occupied source and an empty destination.  Blames arguments 1 to 4. */
static uint64_t decode_pair(const uint64_t where[4], unsigned source_rights, struct cap **to,
                            struct cap **from)
{
    const struct tcb *self = hart_self()->current;
    struct lookup target = cap_lookup_in(self, where[0], where[1], FL_RIGHT_WRITE, 1);
    struct lookup source = cap_lookup_in(self, where[2], where[3], source_rights, 3);

    if (target.cap == NULL || source.cap == NULL)
        return target.cap == NULL ? target.status : source.status;
    if (target.cap->type != FL_OBJECT_NONE)
        return FL_STATUS(FL_OCCUPIED, 2);
    if (source.cap->type == FL_OBJECT_NONE)
        return FL_STATUS(FL_BAD_SLOT, 4);
    if (holds_fault(source.cap))
        return FL_STATUS(FL_BUSY, 4);
    *to = target.cap;
    *from = source.cap;
    return FL_OK;
}

struct outcome call_cnode_copy(uint64_t to_cnode, uint64_t to_slot, uint64_t from_cnode,
                               uint64_t from_slot, uint64_t rights, uint64_t badge)
{
    const uint64_t where[4] = {to_cnode, to_slot, from_cnode, from_slot};
    struct cap *to = NULL, *from = NULL;
    uint64_t status = decode_pair(where, FL_RIGHT_READ, &to, &from);

    if (status != FL_OK)
        return (struct outcome){status, 0};
    if ((rights & ~(uint64_t)FL_RIGHTS_ALL) != 0)
        return outcome_error(FL_RESERVED, 5);
    if (from->type == FL_OBJECT_REPLY || from->type == FL_OBJECT_PIN)
        return outcome_error(FL_BAD_TYPE, 4); /* one holder: only it may answer, or unpin */
    struct cap copy = *from;
    copy.rights &= (uint16_t)rights;
    enum fl_error error = copy_badge(&copy, badge);
    if (error != FL_OK)
        return outcome_error(error, 6);
    if (!cap_can_count(from))
        return outcome_error(FL_OVERFLOW, 4);
    cap_fill(to, &copy, from);
    return outcome_ok(0);
}

struct outcome call_cnode_move(uint64_t to_cnode, uint64_t to_slot, uint64_t from_cnode,
                               uint64_t from_slot)
{
    const uint64_t where[4] = {to_cnode, to_slot, from_cnode, from_slot};
    struct cap *to = NULL, *from = NULL;
    uint64_t status = decode_pair(where, FL_RIGHT_READ | FL_RIGHT_WRITE, &to, &from);

    if (status != FL_OK)
        return (struct outcome){status, 0};
    cap_move(to, from);
    return outcome_ok(0);
}

struct outcome call_cnode_delete(uint64_t cnode, uint64_t slot)
{
    struct lookup found = cap_lookup_in(hart_self()->current, cnode, slot, FL_RIGHT_WRITE, 1);

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    enum fl_error error = cap_delete(found.cap);
    if (error == FL_OK)
        error = cap_empty_condemned();
    return error == FL_OK ? outcome_ok(0) : outcome_error(error, error == FL_BUSY ? 2 : 0);
}
