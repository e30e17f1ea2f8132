/* What other parts of the kernel need of Memory capabilities. */
#ifndef KERNEL_MEMORY_H
#define KERNEL_MEMORY_H

#include "object.h"

/* Decodes "map pages [page, page + pages) of this Memory capability at `address` with `rights`"
 * (READ|WRITE|EXEC and FL_MAP_*; alignment and the user range are the caller's to check).
 * FL_OK; OUT_OF_RANGE (range, no right at all, WRITE without READ); NO_RIGHT; RESERVED (flags). */
enum fl_error memory_decode_run(const struct cap *memory, uint64_t page, uint64_t pages,
                                uint64_t address, uint32_t rights, struct vspace_run *run);

/* True when [page, page + pages) lies inside the range and is not empty. */
static inline bool memory_holds(const struct cap *memory, uint64_t page, uint64_t pages)
{
    return pages != 0 && page < memory->pages && pages <= memory->pages - page;
}

static inline frame_t memory_frame(const struct cap *memory, uint64_t page)
{
    return (frame_t){memory->first_frame + page};
}

/* Makes one object in a zeroed frame of type object and fills `slot` with its capability, derived from
 * `parent`.  Boot uses it too.  `place` is the index of the object in the frame. */
void *memory_make_object(frame_t frame, unsigned place, enum fl_object type, struct cap *slot,
                         struct cap *parent);
/* The same for a CNode of `frames` consecutive claimed frames. */
struct cnode *memory_make_cnode(frame_t first, unsigned frames, struct cap *slot,
                                struct cap *parent);
/* Claims a free frame for objects.  place: how many it will have, which are zeroed, and nothing behind
 * them; of a CNode's frames, which are zeroed whole, the number of this one. */
enum fl_error memory_claim_object_frame(frame_t frame, enum fl_object type, unsigned place);

#endif
