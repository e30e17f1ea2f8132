/* See place.h. */
#include "place.h"

frame_t place_frame(const void *object)
{
    paddr_t address = {(uint64_t)(uintptr_t)object - kernel.frames.direct_offset};

    return frame_containing(address);
}

static const struct frame *frame_around(const void *object)
{
    return frame_entry(&kernel.frames, place_frame(object));
}

enum place place_of(const struct cap *cap)
{
    unsigned type = frame_around(cap)->owner & 0xff;

    if (type == FL_OBJECT_CNODE)
        return PLACE_SLOT;
    if (type == FL_OBJECT_TIMER)
        return PLACE_TIMER;
    if (type == FL_OBJECT_IRQ_HANDLER)
        return PLACE_IRQ;
    if (type == FL_OBJECT_VSPACE)
        return PLACE_SPACE_POOL;
    const struct tcb *thread = place_holder(cap);
    if (cap == &thread->handler)
        return PLACE_HANDLER;
    return cap == &thread->held_space ? PLACE_SPACE : PLACE_CSPACE;
}

void *place_holder(const struct cap *cap)
{
    uintptr_t bytes = object_bytes[frame_around(cap)->owner & 0xff];

    return (void *)((uintptr_t)cap & ~(bytes - 1));
}

/* A CNode's frames are consecutive and number themselves in their owner words. */
struct cnode *place_cnode(const struct cap *slot)
{
    uint64_t index = frame_around(slot)->owner >> 8;

    return frame_contents(&kernel.frames, (frame_t){place_frame(slot).value - index});
}

void place_count_slot(const struct cap *slot, int change)
{
    struct cnode *cnode = place_cnode(slot);

    cnode->header.used = (uint16_t)(cnode->header.used + change);
    if (slot->type == FL_OBJECT_CNODE && slot->object == cnode)
        cnode->header.self = (uint16_t)(cnode->header.self + change);
    if (slot->type == FL_OBJECT_ENDPOINT && (slot->rights & FL_RIGHT_RECV) != 0)
        ((struct endpoint *)slot->object)->receivers += (uint32_t)change;
}

static struct cap *place_in_thread(struct tcb *thread, unsigned i)
{
    struct cap *const places[] = {&thread->held_cspace, &thread->held_space, &thread->handler};

    return i < sizeof places / sizeof places[0] ? places[i] : NULL;
}

struct cap *place_in(void *object, unsigned type, unsigned i)
{
    if (type == FL_OBJECT_TCB)
        return place_in_thread(object, i);
    if (type == FL_OBJECT_CNODE) {
        struct cnode *cnode = object;
        bool is_slot = i + 1 < cnode->header.frames * FL_CNODE_SLOTS;

        return is_slot ? &cnode->slots[i + 1] : NULL;
    }
    if (i > 0)
        return NULL;
    if (type == FL_OBJECT_TIMER)
        return &((struct timer *)object)->target;
    if (type == FL_OBJECT_IRQ_HANDLER)
        return &((struct irq_handler *)object)->target;
    if (type == FL_OBJECT_VSPACE)
        return &((struct vspace_object *)object)->pool;
    return NULL;
}
