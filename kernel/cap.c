/* Slots: finding, filling, moving.  Keeps O1 and O4 of object.h; how they empty is in cap_delete.c. */
#include "cap.h"

#include "arch.h"
#include "place.h"

const uint16_t object_bytes[FL_OBJECT_COUNT] = {
#define FL_OBJECT(number, name, bytes, doc) [number] = bytes,
#include "objects.def"
#undef FL_OBJECT
};

struct lookup cap_lookup_in(const struct tcb *thread, uint64_t cnode, uint64_t slot,
                            unsigned rights, unsigned argument)
{
    struct lookup found = cap_lookup(thread, cnode, FL_OBJECT_CNODE, rights, argument);

    if (found.cap == NULL)
        return found;
    struct cnode *table = found.cap->object;
    if (slot == 0 || slot >= (uint64_t)table->header.frames * FL_CNODE_SLOTS)
        return (struct lookup){NULL, FL_STATUS(FL_OUT_OF_RANGE, argument + 1)};
    return (struct lookup){&table->slots[slot], FL_OK};
}

struct object *cap_object(const struct cap *cap)
{
    switch ((enum fl_object)cap->type) {
    case FL_OBJECT_CNODE:
        return &((struct cnode *)cap->object)->header.object;
    case FL_OBJECT_TCB:
        return &((struct tcb *)cap->object)->object;
    case FL_OBJECT_VSPACE:
        return &((struct vspace_object *)cap->object)->object;
    case FL_OBJECT_TABLE_POOL:
        return &((struct pool_object *)cap->object)->object;
    case FL_OBJECT_ENDPOINT:
    case FL_OBJECT_NOTIFICATION:
    case FL_OBJECT_REPLY:
    case FL_OBJECT_TIMER:
    case FL_OBJECT_IRQ_HANDLER:
        return cap->object;
    case FL_OBJECT_NONE:
    case FL_OBJECT_MEMORY:
    case FL_OBJECT_PIN:
    case FL_OBJECT_SCHED:
    case FL_OBJECT_SYSTEM:
    case FL_OBJECT_COUNT:
        break;
    }
    return NULL;
}

bool cap_can_count(const struct cap *cap)
{
    const struct object *object = cap_object(cap);

    return object == NULL || object->caps < UINT32_MAX;
}

/* Puts a capability where nothing is, below its parent. */
static void put(struct cap *place, const struct cap *value, struct cap *parent)
{
    struct object *object = cap_object(value);

    *place = *value;
    derivation_insert(&kernel.derivation, parent, place);
    if (object != NULL)
        object->caps++;
    kernel.caps++;
}

void cap_fill(struct cap *slot, const struct cap *value, struct cap *parent)
{
    put(slot, value, parent);
    place_count_slot(slot, 1);
}

void cap_move(struct cap *to, struct cap *from)
{
    *to = *from;
    derivation_move(&kernel.derivation, to, from);
    place_count_slot(to, 1);
    place_count_slot(from, -1);
    *from = (struct cap){0};
}

enum fl_error cap_hold(struct cap *held, struct cap *from)
{
    if (cap_delete_forced(held) != FL_OK)
        return FL_MORE;
    put(held, from, from);
    return FL_OK;
}
