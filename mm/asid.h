/* ASIDs as a managed resource: generations, recycled by rollover.
 *
 *  A1  two spaces never hold the same ASID in the same generation;
 *  A2  ASID 0 is the kernel's, never a space's;
 *  A3  a space whose generation is not the current one has no translation that survives: it
 *      gets a new ASID before it runs, and on rollover the hart flushes everything before its
 *      next user ASID.
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
/* Makes the tag valid for the current generation.  Returns true when the caller must flush all user
 * translations of the hart before it uses the ASID. */
bool asid_assign(struct asid_allocator *allocator, struct asid_tag *tag);

#endif
