/* Walks over everything there is: objects and capabilities, found through the frame table alone.
 *
 * For the checker (invariants.c).  Changes nothing and stores nothing; a walk may be copied, and
 * goes on from there.  Counts may change while it runs, objects may not.
 * The walks rely on F4 of frame.h and on object frames that name a type which has a size. */
#ifndef KERNEL_CENSUS_H
#define KERNEL_CENSUS_H

#include "cap.h"

/* What the owner word of an object frame says: the type of its objects, and how many places it has for
 * them; of a CNode, which of its frames it is. */
static inline unsigned census_frame_type(const struct frame *entry)
{
    return (unsigned)(entry->owner & 0xff);
}

static inline uint64_t census_frame_place(const struct frame *entry)
{
    return entry->owner >> 8;
}

/* Whether objects of a type are made in frames.  Any number may be asked for. */
bool census_has_size(unsigned type);
/* Objects that an object frame has room for; a CNode counts in its first frame. */
unsigned census_places(const struct frame *entry);
/* The object at a place of frame `index` of the table, alive or not: as a capability names it. */
struct cap census_object_at(uint64_t index, unsigned place);

/* Whether a pointer, which may be anything, names an object of this type that is alive. */
bool census_is_alive(const void *object, unsigned type);

/* A walk over the objects alive, in order of address. */
struct census {
    uint64_t left;     /* object frames still to come, the one at `index` too */
    uint64_t index;    /* of the frame in the table */
    unsigned place;    /* the next one in that frame */
    struct cap object; /* the one found: its type and the pointer */
};

struct census census_start(void);
/* Finds the next object; false when there is none. */
bool census_next(struct census *walk);

/* A walk over the capabilities: filled slots of CNodes, and what objects hold. */
struct census_caps {
    struct census holders;
    bool inside;    /* the holder that `holders` stands at */
    unsigned place; /* the holder's next place for one */
};

struct census_caps census_caps_start(void);
/* The next capability; NULL when there is none. */
struct cap *census_caps_next(struct census_caps *walk);

#endif
