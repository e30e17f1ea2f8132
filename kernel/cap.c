/* Slots and the end of objects.  Keeps O1, O2 and O4 of object.h. */
#include "cap.h"

#include <string.h>

#include "arch.h"
#include "panic.h"
#include "ipc.h"
#include "irq.h"
#include "timer.h"

#define CANCEL_STEP 32u /* waiters, slots or frames that one kernel entry takes care of */

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

/* The frame that holds a kernel object. */
static frame_t object_frame(const void *object)
{
    paddr_t address = {(uint64_t)(uintptr_t)object - kernel.frames.direct_offset};

    return frame_containing(address);
}

/* The CNode that a slot lies in: its frames are consecutive and name the first by `owner`. */
static struct cnode *cnode_of_slot(const struct cap *slot)
{
    frame_t frame = object_frame(slot);
    uint64_t index = frame_entry(&kernel.frames, frame)->owner >> 8;

    return frame_contents(&kernel.frames, (frame_t){frame.value - index});
}

/* Counts a filled slot of its CNode in (1) or out (-1). */
static void count_slot(const struct cap *slot, int change)
{
    struct cnode *cnode = cnode_of_slot(slot);

    cnode->header.used = (uint16_t)(cnode->header.used + change);
    if (slot->type == FL_OBJECT_CNODE && slot->object == cnode)
        cnode->header.self = (uint16_t)(cnode->header.self + change);
}

void cap_fill(struct cap *slot, const struct cap *from)
{
    struct object *object = cap_object(from);

    *slot = *from;
    if (object != NULL)
        object->caps++;
    count_slot(slot, 1);
    kernel.caps++;
}

void cap_move(struct cap *to, struct cap *from)
{
    *to = *from;
    count_slot(to, 1);
    count_slot(from, -1);
    *from = (struct cap){0};
}

void cap_hold(struct cap *held, const struct cap *from)
{
    struct object *object = cap_object(from);

    *held = *from;
    if (object != NULL)
        object->caps++;
    kernel.caps++;
}

/* Gives an object's bytes back; the frame is free again when it was the last object in it. */
static void object_free(void *object, unsigned type)
{
    frame_t frame = object_frame(object);
    struct frame *entry = frame_entry(&kernel.frames, frame);

    memset(object, 0, object_bytes[type]);
    kernel.objects--;
    if (--entry->count == 0)
        frame_release(&kernel.frames, frame);
}

static enum fl_error notification_end(struct notification *notification)
{
    for (unsigned i = 0; i < CANCEL_STEP && notification->queue.head != NULL; i++)
        ipc_cancel(notification->queue.head);
    if (notification->queue.head != NULL)
        return FL_MORE;
    if (notification->bound != NULL)
        notification->bound->bound = NULL;
    return FL_OK;
}

static enum fl_error endpoint_end(struct endpoint *endpoint)
{
    for (unsigned i = 0; i < CANCEL_STEP && endpoint->queue.head != NULL; i++)
        ipc_cancel(endpoint->queue.head);
    return endpoint->queue.head != NULL ? FL_MORE : FL_OK;
}

static enum fl_error reply_end(struct reply *reply)
{
    if (reply->state != REPLY_IDLE)
        ipc_cancel(reply->thread);
    return FL_OK;
}

static enum fl_error vspace_end(struct vspace_object *object)
{
    struct hart *hart = hart_self();
    struct table_pool *pool = object->space.pool;

    if (object->space.threads > 0)
        return FL_BUSY;
    if (pool == NULL)
        return FL_OK;
    if (hart->space == &object->space)
        arch_load_space(hart, NULL);
    enum fl_error error = vspace_destroy_step(&object->space);
    if (error == FL_OK)
        ((struct pool_object *)(void *)pool)->spaces--;
    return error;
}

static enum fl_error pool_end(struct pool_object *object)
{
    frame_t frame;

    if (object->spaces > 0)
        return FL_BUSY;
    for (unsigned i = 0; i < CANCEL_STEP; i++) {
        if (table_pool_withdraw(&object->pool, &frame) != FL_OK)
            return FL_OK;
    }
    return FL_MORE;
}

static enum fl_error timer_end(struct timer *timer)
{
    timer_arm(timer, 0);
    if (timer->target.type != FL_OBJECT_NONE)
        cap_drop(&timer->target);
    return FL_OK;
}

/* Ends an object whose last capability is about to go; CNodes are the caller's. */
static enum fl_error object_end(const struct cap *cap)
{
    switch ((enum fl_object)cap->type) {
    case FL_OBJECT_TCB:
        thread_destroy(cap->object);
        return FL_OK;
    case FL_OBJECT_ENDPOINT:
        return endpoint_end(cap->object);
    case FL_OBJECT_NOTIFICATION:
        return notification_end(cap->object);
    case FL_OBJECT_REPLY:
        return reply_end(cap->object);
    case FL_OBJECT_VSPACE:
        return vspace_end(cap->object);
    case FL_OBJECT_TABLE_POOL:
        return pool_end(cap->object);
    case FL_OBJECT_TIMER:
        return timer_end(cap->object);
    case FL_OBJECT_IRQ_HANDLER:
        irq_end(cap->object);
        return FL_OK;
    case FL_OBJECT_CNODE:
    case FL_OBJECT_NONE:
    case FL_OBJECT_MEMORY:
    case FL_OBJECT_PIN:
    case FL_OBJECT_SCHED:
    case FL_OBJECT_SYSTEM:
    case FL_OBJECT_COUNT:
        break;
    }
    return FL_OK;
}

static void cnode_free(struct cnode *cnode)
{
    unsigned frames = cnode->header.frames;
    frame_t first = object_frame(cnode);

    cnode->header = (struct cnode_header){0};
    kernel.objects--;
    for (unsigned i = 0; i < frames; i++) {
        frame_t frame = frame_plus(first, i);

        frame_entry(&kernel.frames, frame)->count = 0;
        frame_release(&kernel.frames, frame);
    }
}

static void slot_clear(struct cap *slot)
{
    count_slot(slot, -1);
    *slot = (struct cap){0};
    kernel.caps--;
}

/* Empties one slot.  A CNode that would end must be empty already. */
static enum fl_error slot_delete(struct cap *slot)
{
    struct object *object = cap_object(slot);
    struct cap cap = *slot;

    if (object == NULL || object->caps > 1) {
        if (object != NULL)
            object->caps--;
        slot_clear(slot);
        return FL_OK;
    }
    if (cap.type == FL_OBJECT_CNODE) {
        const struct cnode *cnode = cap.object;

        if (cnode->header.used > 0 || cnode->header.threads > 0)
            return FL_BUSY;
        slot_clear(slot);
        cnode_free(cap.object);
        return FL_OK;
    }
    enum fl_error error = object_end(&cap);
    if (error != FL_OK)
        return error;
    slot_clear(slot);
    object_free(cap.object, cap.type);
    return FL_OK;
}

/* Empties up to CANCEL_STEP slots of a CNode that is about to end. */
static enum fl_error cnode_empty(struct cnode *cnode)
{
    unsigned slots = cnode->header.frames * FL_CNODE_SLOTS;
    unsigned emptied = 0;
    bool busy = false;

    for (unsigned i = 1; i < slots && cnode->header.used > 0; i++) {
        if (cnode->slots[i].type == FL_OBJECT_NONE)
            continue;
        if (emptied == CANCEL_STEP)
            return FL_MORE;
        enum fl_error error = slot_delete(&cnode->slots[i]);
        if (error == FL_MORE)
            return FL_MORE;
        if (error == FL_OK)
            emptied++;
        else
            busy = true; /* what uses it may be in a later slot */
    }
    if (busy)
        return emptied > 0 ? FL_MORE : FL_BUSY;
    return FL_OK;
}

/* Whether no capability outside a CNode is left when this one, which is outside, goes. */
static bool is_last_of_cnode(const struct cap *slot)
{
    if (slot->type != FL_OBJECT_CNODE || cnode_of_slot(slot) == slot->object)
        return false;
    const struct cnode *cnode = slot->object;
    return cnode->header.object.caps == 1u + cnode->header.self;
}

enum fl_error cap_delete(struct cap *slot)
{
    if (slot->type == FL_OBJECT_NONE)
        return FL_OK;
    if (is_last_of_cnode(slot)) {
        struct cnode *cnode = slot->object;

        if (cnode->header.threads > 0)
            return FL_BUSY;
        enum fl_error error = cnode_empty(cnode);
        if (error != FL_OK)
            return error;
    }
    return slot_delete(slot);
}

void cap_drop(struct cap *held)
{
    struct cap cap = *held;
    struct object *object = cap_object(held);

    *held = (struct cap){0};
    kernel.caps--;
    if (object == NULL || --object->caps > 0)
        return;
    if (cap.type == FL_OBJECT_ENDPOINT) {
        while (endpoint_end(cap.object) == FL_MORE)
            ;
    } else {
        while (notification_end(cap.object) == FL_MORE)
            ;
    }
    object_free(cap.object, cap.type);
}
