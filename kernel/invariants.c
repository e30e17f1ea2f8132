/* See invariants.h.
 *
 * The parts run in the order of the list at the end, and each relies on those before it: a pointer
 * is followed only after it was found to name an object alive.  Nothing is stored: a count is
 * checked by counting it down by everything that it counts, comparing it with 0, and counting it
 * up again.  A thread is in the right queue when everybody in the queues belongs there and the
 * queues hold as many threads as there are to be in queues: no thread can be in two, since its
 * links fit one place only. */
#include "invariants.h"

#include "arch.h"
#include "cap_check.h"
#include "census.h"
#include "place.h"
#include "sched.h"
#include "timer.h"
#include "upcall.h"

enum { THREAD_STATES = THREAD_AWAIT_BITS + 1 };

static bool is_null_or_alive(const void *object, unsigned type)
{
    return object == NULL || census_is_alive(object, type);
}

/* --- frames and objects: F1 to F4, O2, O4 ---------------------------------------------------- */

/* A CNode's frames are consecutive, and their owner words number them. */
static const char *check_cnode_frame(uint64_t index)
{
    const struct frame *entry = &kernel.frames.frames[index];
    uint64_t place = census_frame_place(entry);

    if (entry->count != 1 || place > index)
        return "O2";
    const struct frame *first = entry - place;
    if (first->type != FRAME_OBJECT || first->owner != FL_OBJECT_CNODE)
        return "O2";
    const struct cnode *cnode = census_object_at(index - place, 0).object;
    unsigned frames = cnode->header.frames;
    if (cnode->header.object.type != FL_OBJECT_CNODE || place >= frames || frames > FL_CNODE_FRAMES)
        return "O2";
    bool is_last = place + 1 == frames;
    if (!is_last && index + 1 == kernel.frames.count)
        return "O2";
    if (!is_last && (entry[1].type != FRAME_OBJECT || entry[1].owner != entry->owner + 0x100))
        return "O2";
    return cnode->header.object.caps > 0 || cnode->header.emptied != 0 ? NULL : "O1";
}

static const char *check_object_frame(uint64_t index)
{
    const struct frame *entry = &kernel.frames.frames[index];
    unsigned type = census_frame_type(entry);
    uint32_t alive = 0;

    if (!census_has_size(type))
        return "O2";
    if (type == FL_OBJECT_CNODE)
        return check_cnode_frame(index);
    for (unsigned place = 0; place < census_places(entry); place++) {
        struct cap at = census_object_at(index, place);
        const struct object *object = cap_object(&at);
        bool is_object = object->type != FL_OBJECT_NONE;

        if (is_object && object->type != type)
            return "O2";
        if (is_object != (object->caps > 0))
            return "O1";
        alive += is_object;
    }
    return alive == entry->count ? NULL : "O2";
}

static const char *check_frames(void)
{
    const char *broken = frame_table_check(&kernel.frames);
    uint64_t objects = 0;

    for (uint64_t i = 0; broken == NULL && i < kernel.frames.count; i++) {
        if (kernel.frames.frames[i].type == FRAME_OBJECT)
            broken = check_object_frame(i);
    }
    if (broken != NULL)
        return broken;
    for (struct census walk = census_start(); census_next(&walk);)
        objects++;
    return objects == kernel.objects ? NULL : "O4";
}

/* --- what objects say of each other: C1 to C3, R1, H2 to H4 ---------------------------------- */

static const char *check_cnode(const struct cnode *cnode)
{
    unsigned used = 0, self = 0;

    for (unsigned i = 1; i < cnode->header.frames * FL_CNODE_SLOTS; i++) {
        const struct cap *slot = &cnode->slots[i];

        used += slot->type != FL_OBJECT_NONE;
        self += slot->type == FL_OBJECT_CNODE && slot->object == cnode;
    }
    bool reads_as_empty = cnode->slots[0].type == FL_OBJECT_NONE;
    bool holds = used == cnode->header.used && self == cnode->header.self && reads_as_empty;
    return holds ? NULL : "C1";
}

/* What a thread waits for fits its state; whether it is in that queue is the queues' part. */
static const char *check_thread_waits(const struct tcb *thread)
{
    bool sends_or_receives = thread->state == THREAD_SENDING || thread->state == THREAD_RECEIVING;
    bool has_reply = thread->state == THREAD_AWAIT_REPLY || thread->state == THREAD_RECEIVING;

    if (thread->state >= THREAD_STATES)
        return "H2";
    if ((thread->endpoint != NULL) != sends_or_receives ||
        (thread->awaited != NULL) != (thread->state == THREAD_AWAIT_BITS))
        return "H2";
    if (!is_null_or_alive(thread->endpoint, FL_OBJECT_ENDPOINT) ||
        !is_null_or_alive(thread->awaited, FL_OBJECT_NOTIFICATION))
        return "H2";
    if ((thread->reply != NULL) != has_reply)
        return "H3";
    if (has_reply &&
        (!census_is_alive(thread->reply, FL_OBJECT_REPLY) || thread->reply->thread != thread))
        return "H3";
    return NULL;
}

static const char *check_thread(const struct tcb *thread)
{
    const struct cnode *cspace = thread->cspace;
    const struct vspace_object *space = thread->space;

    if (!is_null_or_alive(cspace, FL_OBJECT_CNODE))
        return "C1";
    if (cspace != NULL && thread->cspace_slots > cspace->header.frames * FL_CNODE_SLOTS)
        return "C1";
    if (!is_null_or_alive(space, FL_OBJECT_VSPACE))
        return "C2";
    if (thread->bound != NULL &&
        (!census_is_alive(thread->bound, FL_OBJECT_NOTIFICATION) || thread->bound->bound != thread))
        return "C3";
    if (thread->held_cspace.type != (cspace == NULL ? FL_OBJECT_NONE : FL_OBJECT_CNODE) ||
        (cspace != NULL && thread->held_cspace.object != cspace))
        return "C1";
    if (space != NULL &&
        (thread->held_space.type != FL_OBJECT_VSPACE || thread->held_space.object != space))
        return "C2";
    bool can_run = cspace != NULL && space != NULL && space->space.pool != NULL;
    if (thread->state != THREAD_STOPPED && !can_run)
        return "H4";
    bool takes_upcalls = thread->upcall_entry != 0 && thread->buffer != NULL;
    if (upcall_is_pending(thread) && (!takes_upcalls || thread_awaits_fault(thread)))
        return "U1";
    return check_thread_waits(thread);
}

static const char *check_reply(const struct reply *reply)
{
    const struct tcb *thread = reply->thread;

    if (reply->state == REPLY_IDLE)
        return thread == NULL ? NULL : "R1";
    if (reply->state > REPLY_FAULT || !census_is_alive(thread, FL_OBJECT_TCB) ||
        thread->reply != reply)
        return "R1";
    if (reply->state == REPLY_WAITING)
        return thread->state == THREAD_RECEIVING ? NULL : "R1";
    bool is_fault = reply->state == REPLY_FAULT;
    return thread->state == THREAD_AWAIT_REPLY && (thread->fault != 0) == is_fault ? NULL : "R1";
}

static const char *check_bound(const struct notification *notification)
{
    const struct tcb *bound = notification->bound;

    if (bound == NULL)
        return NULL;
    return census_is_alive(bound, FL_OBJECT_TCB) && bound->bound == notification ? NULL : "C3";
}

/* The list of a space's threads, and whose pool its tables are from. */
static const char *check_space(const struct vspace_object *space)
{
    const struct tcb *before = NULL;
    uint64_t threads = 0;

    if (space->space.pool != NULL && space->pool.object != space->space.pool)
        return "S2";
    for (const struct tcb *thread = space->first_thread; thread != NULL;
         thread = thread->space_next) {
        if (threads++ == kernel.objects || !census_is_alive(thread, FL_OBJECT_TCB) ||
            thread->space != space || thread->space_prev != before)
            return "S1";
        before = thread;
    }
    return threads == space->space.threads ? NULL : "S1";
}

static const char *check_link(const struct cap *object)
{
    const struct vspace_object *space = object->object;

    if (object->type == FL_OBJECT_CNODE)
        return check_cnode(object->object);
    if (object->type == FL_OBJECT_TCB)
        return check_thread(object->object);
    if (object->type == FL_OBJECT_REPLY)
        return check_reply(object->object);
    if (object->type == FL_OBJECT_NOTIFICATION)
        return check_bound(object->object);
    if (object->type == FL_OBJECT_VSPACE)
        return check_space(space);
    return NULL;
}

static const char *check_links(void)
{
    const char *broken = NULL;

    for (struct census walk = census_start(); broken == NULL && census_next(&walk);)
        broken = check_link(&walk.object);
    return broken;
}

/* --- queues: E1, N1, H1, H2, H4, H5 ------------------------------------------------------------------ */

/* Threads by state: how many are in queues, how many there are. */
struct headcount {
    uint64_t queued[THREAD_STATES];
    uint64_t all[THREAD_STATES];
};

/* Whether a queue's links agree and all in it are threads alive, which are counted. */
static bool queue_holds(const struct thread_queue *queue, struct headcount *heads)
{
    const struct tcb *before = NULL;
    uint64_t length = 0;

    for (const struct tcb *thread = queue->head; thread != NULL; thread = thread->next) {
        if (length++ == kernel.objects || !census_is_alive(thread, FL_OBJECT_TCB))
            return false;
        if (thread->prev != before)
            return false;
        heads->queued[thread->state]++;
        before = thread;
    }
    return queue->tail == before;
}

static const char *check_endpoint(const struct endpoint *endpoint, struct headcount *heads)
{
    unsigned state = endpoint->side == ENDPOINT_SENDERS ? THREAD_SENDING : THREAD_RECEIVING;
    const struct tcb *head = endpoint->queue.head;

    if (endpoint->side > ENDPOINT_RECEIVERS || !queue_holds(&endpoint->queue, heads))
        return "E1";
    if ((head == NULL) != (endpoint->side == ENDPOINT_IDLE))
        return "E1";
    if (endpoint->side == ENDPOINT_SENDERS && endpoint->receivers == 0)
        return "E2";
    for (const struct tcb *thread = head; thread != NULL; thread = thread->next) {
        if (thread->state != state || thread->endpoint != endpoint)
            return "E1";
    }
    return NULL;
}

/* A bound thread that receives waits for the bits too. */
static const char *check_notification(const struct notification *notification,
                                      struct headcount *heads)
{
    const struct tcb *head = notification->queue.head, *bound = notification->bound;

    if (!queue_holds(&notification->queue, heads))
        return "H2";
    for (const struct tcb *thread = head; thread != NULL; thread = thread->next) {
        if (thread->state != THREAD_AWAIT_BITS || thread->awaited != notification)
            return "H2";
    }
    bool is_awaited = head != NULL || (bound != NULL && bound->state == THREAD_RECEIVING);
    return notification->bits == 0 || !is_awaited ? NULL : "N1";
}

static bool is_current_somewhere(const struct tcb *thread)
{
    bool is_current = false;

    for (unsigned i = 0; i < kernel.hart_count; i++)
        is_current |= kernel.harts[i].current == thread;
    return is_current;
}

static const char *check_ready(const struct hart *hart, struct headcount *heads)
{
    for (unsigned priority = 0; priority < FL_PRIORITIES; priority++) {
        const struct thread_queue *queue = &hart->ready[priority];
        bool in_mask = (hart->ready_mask >> priority & 1) != 0;

        if (!queue_holds(queue, heads) || in_mask != (queue->head != NULL))
            return "H1";
        for (const struct tcb *thread = queue->head; thread != NULL; thread = thread->next) {
            if (thread->state != THREAD_READY || thread->priority != priority ||
                thread->queued_at != hart->index || is_current_somewhere(thread))
                return "H1";
        }
    }
    return NULL;
}

static const char *check_queued(const struct cap *object, struct headcount *heads)
{
    if (object->type == FL_OBJECT_ENDPOINT)
        return check_endpoint(object->object, heads);
    if (object->type == FL_OBJECT_NOTIFICATION)
        return check_notification(object->object, heads);
    if (object->type == FL_OBJECT_TCB)
        heads->all[((const struct tcb *)object->object)->state]++;
    return NULL;
}

/* A hart's queues and the thread that it runs, which is counted like one that is queued. */
static const char *check_hart(const struct hart *hart, struct headcount *heads)
{
    const struct tcb *thread = hart->current;
    const char *broken = check_ready(hart, heads);
    unsigned harts = 0;

    if (broken != NULL || thread == NULL)
        return broken;
    if (!census_is_alive(thread, FL_OBJECT_TCB) || thread->state != THREAD_READY)
        return "H1";
    heads->queued[THREAD_READY]++;
    for (unsigned i = 0; i < kernel.hart_count; i++)
        harts += kernel.harts[i].current == thread;
    return harts == 1 ? NULL : "H4";
}

static const char *check_harts(struct headcount *heads)
{
    const char *broken = sched_somebody_waits_for_less() ? "H5" : NULL;

    for (unsigned i = 0; broken == NULL && i < kernel.hart_count; i++)
        broken = check_hart(&kernel.harts[i], heads);
    return broken;
}

static const char *check_queues(void)
{
    struct headcount heads = {{0}, {0}};
    const char *broken = check_harts(&heads);

    for (struct census walk = census_start(); broken == NULL && census_next(&walk);)
        broken = check_queued(&walk.object, &heads);
    if (broken != NULL)
        return broken;
    if (heads.all[THREAD_READY] != heads.queued[THREAD_READY])
        return "H1";
    for (unsigned state = THREAD_SENDING; state < THREAD_STATES; state++) {
        bool waits_in_queue = state != THREAD_AWAIT_REPLY;

        if (heads.queued[state] != (waits_in_queue ? heads.all[state] : 0))
            return "H2";
    }
    return NULL;
}

/* --- timers: T1 ------------------------------------------------------------------------------ */

static const char *check_timers(void)
{
    uint64_t armed = 0, found = 0;

    for (struct census walk = census_start(); census_next(&walk);) {
        const struct timer *timer = walk.object.object;

        armed += walk.object.type == FL_OBJECT_TIMER && timer->node.deadline != 0;
    }
    for (struct timer_node *node = timer_heap_first(&kernel.timers); node != NULL;
         node = timer_heap_next(&kernel.timers, node)) {
        if (found++ == armed || !census_is_alive(timer_of(node), FL_OBJECT_TIMER) ||
            node->deadline == 0 || !timer_heap_is_sound(&kernel.timers, node))
            return "T1";
    }
    return found == armed ? NULL : "T1";
}

/* --- interrupts: I1 -------------------------------------------------------------------------- */

static const char *check_handler(const struct irq_handler *handler)
{
    if (handler->source == 0) {
        bool is_idle = handler->claimed == 0 && handler->target.type == FL_OBJECT_NONE;

        return is_idle ? NULL : "I1";
    }
    bool is_named =
        handler->source <= kernel.plic.sources && kernel.irqs[handler->source] == handler;
    return is_named ? NULL : "I1";
}

static const char *check_irqs(void)
{
    const char *broken = NULL;
    uint64_t given = 0, named = 0;

    for (struct census walk = census_start(); broken == NULL && census_next(&walk);) {
        const struct irq_handler *handler = walk.object.object;

        if (walk.object.type != FL_OBJECT_IRQ_HANDLER)
            continue;
        broken = check_handler(handler);
        given += handler->source != 0;
    }
    for (unsigned source = 0; source <= PLIC_SOURCES_MAX; source++)
        named += kernel.irqs[source] != NULL;
    return broken == NULL && given != named ? "I1" : broken;
}

/* --- counts in objects: O1, E2, C1, C2, P2 ------------------------------------------------------- */

/* Adds `change` to the counts of one object for each time that something is counted there. */
static void tally(int change)
{
    struct census_caps caps = census_caps_start();
    const struct cap *cap;

    while ((cap = census_caps_next(&caps)) != NULL) {
        if (census_has_size(cap->type))
            cap_object(cap)->caps += (uint32_t)change;
        if (cap->type == FL_OBJECT_ENDPOINT && (cap->rights & FL_RIGHT_RECV) != 0 &&
            place_of(cap) == PLACE_SLOT)
            ((struct endpoint *)cap->object)->receivers += (uint32_t)change;
    }
    for (struct census walk = census_start(); census_next(&walk);) {
        const struct tcb *thread = walk.object.object;
        const struct vspace *space = walk.object.object;

        if (walk.object.type == FL_OBJECT_TCB && thread->cspace != NULL)
            thread->cspace->header.threads = (uint16_t)(thread->cspace->header.threads + change);
        if (walk.object.type == FL_OBJECT_TCB && thread->space != NULL)
            thread->space->space.threads += (uint32_t)change;
        if (walk.object.type == FL_OBJECT_VSPACE && space->pool != NULL) {
            ((struct pool_object *)(void *)space->pool)->spaces += (uint32_t)change;
            space->pool->in_use += (uint64_t)(change * (int64_t)space->tables);
        }
    }
}

/* An object all of whose counts are counted down. */
static const char *check_counted_down(const struct cap *object)
{
    const struct cnode *cnode = object->object;
    const struct vspace_object *space = object->object;
    const struct pool_object *pool = object->object;

    if (cap_object(object)->caps != 0)
        return "O1";
    if (object->type == FL_OBJECT_ENDPOINT && ((const struct endpoint *)object->object)->receivers)
        return "E2";
    if (object->type == FL_OBJECT_CNODE && cnode->header.threads != 0)
        return "C1";
    if (object->type == FL_OBJECT_VSPACE && space->space.threads != 0)
        return "C2";
    if (object->type == FL_OBJECT_TABLE_POOL && pool->spaces != 0)
        return "C2";
    if (object->type == FL_OBJECT_TABLE_POOL && pool->pool.in_use != 0)
        return "P2";
    return NULL;
}

static const char *check_counts(void)
{
    const char *broken = NULL;

    tally(-1);
    for (struct census walk = census_start(); broken == NULL && census_next(&walk);)
        broken = check_counted_down(&walk.object);
    tally(1);
    return broken;
}

/* --- spaces: P1, P2, V1 to V4, A1, A2 -------------------------------------------------------- */

static const char *check_tables(void)
{
    const char *broken = NULL;
    uint64_t tables = 0;

    for (struct census walk = census_start(); broken == NULL && census_next(&walk);) {
        const struct table_pool *pool = walk.object.object;

        if (walk.object.type == FL_OBJECT_VSPACE)
            broken = vspace_check(walk.object.object);
        if (walk.object.type == FL_OBJECT_TABLE_POOL) {
            broken = table_pool_check(pool);
            tables += pool->spare + pool->in_use;
        }
    }
    if (broken != NULL)
        return broken;
    return tables == kernel.frames.totals[FRAME_TABLE] ? NULL : "P2";
}

/* Adds `change` to the map count of a frame for each leaf that names it.  Mappings of a device are
 * not counted. */
static void tally_leaves(int change)
{
    const struct frame_table *frames = &kernel.frames;

    for (uint64_t i = 0, left = frames->totals[FRAME_TABLE]; left > 0; i++) {
        const struct frame *entry = &frames->frames[i];
        const pte_t *leaves = frame_contents(frames, frame_plus(frames->first, i));

        if (entry->type != FRAME_TABLE)
            continue;
        left--;
        if (entry->count == 0 || vspace_unpack_owner(entry->owner).level != 0)
            continue;
        for (unsigned j = 0; j < SV39_ENTRIES; j++) {
            if (sv39_is_valid(leaves[j]) && frame_known(frames, sv39_frame(leaves[j])))
                frame_entry(frames, sv39_frame(leaves[j]))->count += (uint32_t)change;
        }
    }
}

static const char *check_mappings(void)
{
    bool holds = true;

    tally_leaves(-1);
    for (uint64_t i = 0; holds && i < kernel.frames.count; i++) {
        const struct frame *entry = &kernel.frames.frames[i];

        holds = entry->type != FRAME_USER || entry->count == 0;
    }
    tally_leaves(1);
    return holds ? NULL : "V1";
}

/* The tag of the space that a walk stands at, when it holds an ASID of the current generation. */
static const struct asid_tag *current_tag(const struct census *walk)
{
    const struct vspace *space = walk->object.object;

    if (walk->object.type != FL_OBJECT_VSPACE || space->pool == NULL)
        return NULL;
    return space->tag.generation == kernel.asids.generation ? &space->tag : NULL;
}

static const char *check_asids(void)
{
    if (kernel.asids.limit <= 1)
        return NULL; /* no ASIDs: each assignment is a generation of its own */
    for (struct census walk = census_start(); census_next(&walk);) {
        const struct asid_tag *tag = current_tag(&walk);

        if (tag == NULL)
            continue;
        if (tag->asid.value == 0)
            return "A2";
        for (struct census rest = walk; census_next(&rest);) {
            const struct asid_tag *other = current_tag(&rest);

            if (other != NULL && other->asid.value == tag->asid.value)
                return "A1";
        }
    }
    return NULL;
}

const char *invariants_check(void)
{
    static const char *(*const parts[])(void) = {
        check_frames, cap_check,    check_links,  check_queues,   check_timers,
        check_irqs,   check_tables, check_counts, check_mappings, check_asids,
    };
    const char *broken = NULL;

    for (unsigned i = 0; broken == NULL && i < sizeof parts / sizeof parts[0]; i++)
        broken = parts[i]();
    return broken;
}
