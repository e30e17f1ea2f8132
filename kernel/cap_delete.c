/* How capabilities and objects end.  Keeps O1, O2, O4, E2, S1, S2 of object.h.
 *
 * Deleting the last capability to an object ends it.  An object that holds capabilities must lose these
 * first, one of which may again be the last to an object: a thread's space, the space's pool.  So a
 * deletion looks for the innermost capability that must go first, deletes that one, and looks again:
 * no recursion, a bounded number of rounds for each entry into the kernel, and MORE when that was not
 * enough.  What is half done is in the objects alone: a space whose tables are being taken apart is
 * marked `ending`.  There is one exception: when the last capability to a CNode is deleted by force, the
 * CNode is *condemned*.  It stays on a list until
 * cap_empty_condemned has deleted what its slots hold, for by then nobody can name it: later deletions
 * and revokes do that, or an idle hart. */
#include <string.h>

#include "arch.h"
#include "cap.h"
#include "ipc.h"
#include "irq.h"
#include "place.h"
#include "timer.h"

#define STEP 32u /* waiters, capabilities or frames that one kernel entry takes care of */

/* Emptying a CNode, one kernel entry does work for so many slots looked at. */
#define EMPTY_STEP  (FL_CNODE_FRAMES * FL_CNODE_SLOTS)
#define DELETE_COST (EMPTY_STEP / STEP) /* of a deletion, in slots looked at */

/* Gives an object's bytes back; the frame is free again when it was the last object in it. */
static void object_free(void *object, unsigned type)
{
    frame_t frame = place_frame(object);
    struct frame *entry = frame_entry(&kernel.frames, frame);

    memset(object, 0, object_bytes[type]);
    kernel.objects--;
    if (--entry->count == 0)
        frame_release(&kernel.frames, frame);
}

static void cnode_free(struct cnode *cnode)
{
    unsigned frames = cnode->header.frames;
    frame_t first = place_frame(cnode);

    cnode->header = (struct cnode_header){0};
    kernel.objects--;
    for (unsigned i = 0; i < frames; i++) {
        frame_t frame = frame_plus(first, i);

        frame_entry(&kernel.frames, frame)->count = 0;
        frame_release(&kernel.frames, frame);
    }
}

/* A CNode lost a capability: is it named only by its own slots, or not at all? */
static void cnode_lose_name(struct cnode *cnode)
{
    struct cnode_header *header = &cnode->header;

    if (header->object.caps > header->self || header->emptied != 0)
        return;
    if (header->used == 0) {
        cnode_free(cnode);
        return;
    }
    header->emptied = 1;
    header->condemned = kernel.condemned;
    kernel.condemned = cnode;
}

/* --- the end of each type's own affairs; what it holds is gone already ----------------------- */

static enum fl_error notification_end(struct notification *notification)
{
    for (unsigned i = 0; i < STEP && notification->queue.head != NULL; i++)
        ipc_cancel(notification->queue.head);
    if (notification->queue.head != NULL)
        return FL_MORE;
    if (notification->bound != NULL)
        notification->bound->bound = NULL;
    return FL_OK;
}

static enum fl_error endpoint_end(struct endpoint *endpoint)
{
    for (unsigned i = 0; i < STEP && endpoint->queue.head != NULL; i++)
        ipc_cancel(endpoint->queue.head);
    return endpoint->queue.head != NULL ? FL_MORE : FL_OK;
}

static enum fl_error reply_end(struct reply *reply)
{
    if (reply->state != REPLY_IDLE)
        ipc_cancel(reply->thread);
    return FL_OK;
}

static enum fl_error pool_end(struct pool_object *object)
{
    frame_t frame;

    for (unsigned i = 0; i < STEP; i++) {
        if (table_pool_withdraw(&object->pool, &frame) != FL_OK)
            return FL_OK;
    }
    return FL_MORE;
}

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
    case FL_OBJECT_TABLE_POOL:
        return pool_end(cap->object);
    case FL_OBJECT_TIMER:
        timer_arm(cap->object, 0);
        return FL_OK;
    case FL_OBJECT_IRQ_HANDLER:
        irq_end(cap->object);
        return FL_OK;
    case FL_OBJECT_CNODE:
    case FL_OBJECT_VSPACE:
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

/* --- what a holder does without what it held -------------------------------------------------- */

static void thread_leave_space(struct tcb *thread)
{
    struct vspace_object *space = thread->space;

    if (space == NULL)
        return;
    thread_stop(thread);
    if (thread->space_prev != NULL)
        thread->space_prev->space_next = thread->space_next;
    else
        space->first_thread = thread->space_next;
    if (thread->space_next != NULL)
        thread->space_next->space_prev = thread->space_prev;
    thread->space_next = thread->space_prev = NULL;
    space->space.threads--;
    thread->space = NULL;
}

static void thread_leave_cspace(struct tcb *thread)
{
    if (thread->cspace == NULL)
        return;
    thread_stop(thread);
    thread->cspace->header.threads--;
    thread->cspace = NULL;
    thread->cspace_slots = 0;
}

/* Takes a space's tables apart.  No thread is left in it, or one that keeps it alive, stopped. */
static enum fl_error space_lose_tables(struct vspace_object *object)
{
    struct table_pool *pool = object->space.pool;

    if (object->first_thread != NULL)
        thread_stop(object->first_thread);
    if (pool == NULL)
        return FL_OK;
    arch_abandon_space(&object->space);
    object->ending = 1;
    enum fl_error error = vspace_destroy_step(&object->space);
    if (error != FL_OK)
        return error;
    ((struct pool_object *)(void *)pool)->spaces--;
    object->ending = 0;
    return FL_OK;
}

static enum fl_error holder_lose(struct cap *held)
{
    void *holder = place_holder(held);

    switch (place_of(held)) {
    case PLACE_CSPACE:
        thread_leave_cspace(holder);
        return FL_OK;
    case PLACE_SPACE:
        thread_leave_space(holder);
        return FL_OK;
    case PLACE_TIMER:
        timer_arm(holder, 0);
        return FL_OK;
    case PLACE_SPACE_POOL:
        return space_lose_tables(holder);
    case PLACE_HANDLER:
    case PLACE_IRQ:
    case PLACE_SLOT:
        break;
    }
    return FL_OK;
}

/* --- one capability ----------------------------------------------------------------------------- */

static void clear(struct cap *cap)
{
    derivation_remove(&kernel.derivation, cap);
    if (place_of(cap) == PLACE_SLOT)
        place_count_slot(cap, -1);
    *cap = (struct cap){0};
    kernel.caps--;
}

static void unpin(const struct cap *pin)
{
    for (uint64_t i = 0; i < pin->pages; i++)
        frame_unpin(&kernel.frames, (frame_t){pin->first_frame + i});
}

/* The last slot that can receive from an endpoint goes: nobody will hear those who wait to send. */
static enum fl_error endpoint_lose_receiver(const struct cap *cap)
{
    struct endpoint *endpoint = cap->object;
    bool is_last = endpoint->receivers == 1 && (cap->rights & FL_RIGHT_RECV) != 0 &&
                   place_of(cap) == PLACE_SLOT;

    return is_last && endpoint->side == ENDPOINT_SENDERS ? endpoint_end(endpoint) : FL_OK;
}

/* Deletes a capability whose object, if this is its last one, holds nothing any more. */
static enum fl_error delete_one(struct cap *cap)
{
    struct object *object = cap_object(cap);
    struct cap copy = *cap;
    enum fl_error error = place_of(cap) == PLACE_SLOT ? FL_OK : holder_lose(cap);

    if (error == FL_OK && cap->type == FL_OBJECT_ENDPOINT)
        error = endpoint_lose_receiver(cap);
    if (error == FL_OK && object != NULL && object->caps == 1)
        error = object_end(cap);
    if (error != FL_OK)
        return error;
    if (cap->type == FL_OBJECT_PIN)
        unpin(cap);
    clear(cap);
    if (object == NULL)
        return FL_OK;
    object->caps--;
    if (copy.type == FL_OBJECT_CNODE)
        cnode_lose_name(copy.object);
    else if (object->caps == 0)
        object_free(copy.object, copy.type);
    return FL_OK;
}

/* A capability that must go before this one can: what its object holds, when this is the last to it;
 * or the space of a thread, of those that run in the space that this held pool is for. */
static struct cap *find_first(struct cap *cap)
{
    const struct object *object = cap_object(cap);

    if (object != NULL && object->caps == 1 && cap->type != FL_OBJECT_CNODE) {
        struct cap *held;

        if (cap->type == FL_OBJECT_TCB)
            thread_stop(cap->object);
        for (unsigned i = 0; (held = place_in(cap->object, cap->type, i)) != NULL; i++) {
            if (held->type != FL_OBJECT_NONE)
                return held;
        }
    }
    if (cap->type == FL_OBJECT_TABLE_POOL && place_of(cap) == PLACE_SPACE_POOL) {
        struct vspace_object *space = place_holder(cap);

        space->ending = space->space.pool != NULL;
        if (space->first_thread != NULL && space->object.caps > 1)
            return &space->first_thread->held_space;
    }
    return NULL;
}

enum fl_error cap_delete_forced(struct cap *cap)
{
    for (unsigned i = 0; i < STEP; i++) {
        struct cap *target = cap, *first;

        if (cap->type == FL_OBJECT_NONE)
            return FL_OK;
        while ((first = find_first(target)) != NULL)
            target = first;
        enum fl_error error = delete_one(target);
        if (error != FL_OK)
            return error;
    }
    return cap->type == FL_OBJECT_NONE ? FL_OK : FL_MORE;
}

/* --- by call ------------------------------------------------------------------------------------ */

/* How many of an object's capabilities are held by threads or spaces that live on it. */
static uint32_t count_held(const struct cap *cap)
{
    if (cap->type == FL_OBJECT_CNODE)
        return ((const struct cnode *)cap->object)->header.threads;
    if (cap->type == FL_OBJECT_VSPACE)
        return ((const struct vspace_object *)cap->object)->space.threads;
    if (cap->type == FL_OBJECT_TABLE_POOL)
        return ((const struct pool_object *)cap->object)->spaces;
    return 0;
}

static bool is_last_slot_of_busy(const struct cap *cap)
{
    uint32_t held = count_held(cap);

    return held > 0 && cap_object(cap)->caps == 1 + held;
}

/* Whether no slot outside a CNode names it when this one, which is outside, goes. */
static bool is_last_of_cnode(const struct cap *slot)
{
    if (slot->type != FL_OBJECT_CNODE || place_cnode(slot) == slot->object)
        return false;
    const struct cnode_header *header = &((const struct cnode *)slot->object)->header;
    return header->object.caps == 1u + header->self + header->threads;
}

/* Deletes one slot of a CNode that is about to end.  A CNode that would end too must be empty. */
static enum fl_error delete_inner(struct cap *slot)
{
    const struct cnode *cnode = slot->object;

    if (is_last_slot_of_busy(slot))
        return FL_BUSY;
    if (slot->type == FL_OBJECT_CNODE && cnode->header.object.caps == 1 && cnode->header.used > 0)
        return FL_BUSY;
    return cap_delete_forced(slot);
}

/* A Pin lets go of each of its pages. */
static uint64_t delete_cost(const struct cap *cap)
{
    return DELETE_COST + (cap->type == FL_OBJECT_PIN ? cap->pages : 0);
}

/* Empties slots of a CNode that is about to end, EMPTY_STEP's worth. */
static enum fl_error cnode_empty(struct cnode *cnode)
{
    unsigned slots = cnode->header.frames * FL_CNODE_SLOTS;
    uint64_t work = 0;
    bool busy = false;

    for (unsigned i = 1; i < slots && cnode->header.used > 0; i++) {
        if (cnode->slots[i].type == FL_OBJECT_NONE)
            continue;
        if (work >= EMPTY_STEP)
            return FL_MORE;
        uint64_t cost = delete_cost(&cnode->slots[i]);
        enum fl_error error = delete_inner(&cnode->slots[i]);
        if (error == FL_MORE)
            return FL_MORE;
        if (error == FL_OK)
            work += cost;
        else
            busy = true; /* what uses it may be in a later slot */
    }
    if (busy)
        return work > 0 ? FL_MORE : FL_BUSY;
    return FL_OK;
}

enum fl_error cap_delete(struct cap *cap)
{
    if (cap->type == FL_OBJECT_NONE)
        return FL_OK;
    if (is_last_of_cnode(cap)) {
        struct cnode *cnode = cap->object;

        if (cnode->header.threads > 0)
            return FL_BUSY;
        enum fl_error error = cnode_empty(cnode);
        if (error != FL_OK)
            return error;
    }
    return is_last_slot_of_busy(cap) ? FL_BUSY : cap_delete_forced(cap);
}

enum fl_error cap_empty_condemned(void)
{
    struct cnode *cnode;

    for (uint64_t work = 0; (cnode = kernel.condemned) != NULL;) {
        struct cap *slot = &cnode->slots[cnode->header.emptied];

        if (work >= EMPTY_STEP)
            return FL_MORE;
        if (cnode->header.used == 0) {
            work += DELETE_COST;
            kernel.condemned = cnode->header.condemned;
            cnode_free(cnode);
        } else if (slot->type == FL_OBJECT_NONE) {
            work++;
            cnode->header.emptied++;
        } else {
            work += delete_cost(slot);
            if (cap_delete_forced(slot) != FL_OK)
                return FL_MORE;
        }
    }
    return FL_OK;
}
