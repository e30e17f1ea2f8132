/* Where a capability lies, learnt from the frame table by its address alone. */
#ifndef KERNEL_PLACE_H
#define KERNEL_PLACE_H

#include "cap.h"

enum place {
    PLACE_SLOT,       /* of a CNode */
    PLACE_CSPACE,     /* of a TCB */
    PLACE_SPACE,      /* of a TCB */
    PLACE_HANDLER,    /* of a TCB */
    PLACE_TIMER,      /* the target of a Timer */
    PLACE_IRQ,        /* the target of an IrqHandler */
    PLACE_SPACE_POOL, /* of a VSpace */
};

/* The frame that a kernel object, or a part of one, lies in. */
frame_t place_frame(const void *object);
/* Where this capability lies; it lies in an object alive. */
enum place place_of(const struct cap *cap);
/* The object that holds it: a TCB, a Timer, an IrqHandler or a VSpace, not a CNode. */
void *place_holder(const struct cap *cap);
/* The CNode that a slot lies in. */
struct cnode *place_cnode(const struct cap *slot);
/* Counts a filled slot of its CNode in (1) or out (-1): used and self of the CNode, receivers of an
 * endpoint. */
void place_count_slot(const struct cap *slot, int change);

/* The i-th place for a capability in an object of this type, NULL beyond the last; a CNode has one for
 * each slot but slot 0. */
struct cap *place_in(void *object, unsigned type, unsigned i);

#endif
