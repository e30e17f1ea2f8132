/* ASIDs as a managed resource: generations, recycled by rollover.
 *
 *  A1  two spaces never hold the same ASID in the same generation;
 *  A2  ASID 0 is the kernel's, never a space's;
 *  A3  each hart uses ASIDs of one generation at a time: before it uses one of another generation it
 *      flushes everything.  A space whose generation is not the hart's gets one of the current generation
 *      before it runs there; a hart that runs it goes on under the one that it has.
 * With 0 ASID bits every assignment starts a new generation: no second mechanism. */
#ifndef MM_ASID_H
#define MM_ASID_H

#include <stdbool.h>

#include "types.h"

struct asid_allocator {
    uint64_t generation; /* from 1 on; 0 in a tag = never assigned */
    uint32_t next;
    uint32_t limit; /* 1 << bits */
};

struct asid_tag {
    uint64_t generation;
    asid_t asid;
};

/* bits: 0..16, as probed in satp. */
void asid_init(struct asid_allocator *allocator, unsigned bits);
/* Makes the tag valid for the current generation.  Returns true when a new one began: then no
 * hart is in it, the caller's neither (A3). */
bool asid_assign(struct asid_allocator *allocator, struct asid_tag *tag);

#endif
