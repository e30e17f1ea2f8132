/* What calls on address spaces have in common. */
#ifndef KERNEL_SPACE_H
#define KERNEL_SPACE_H

#include "cap.h"

struct space_lookup {
    struct vspace *space; /* NULL: see status */
    uint64_t status;
};

/* The space that a slot of the caller's CSpace names with the MAP right, and that has a pool.
 * As cap_lookup, and NOT_READY. */
struct space_lookup space_decode(uint64_t slot, unsigned argument);
/* FL_OK for a range inside the user half.  Blames `argument` for the address, the next one for the
 * number of pages: UNALIGNED, OUT_OF_RANGE. */
uint64_t space_decode_range(uint64_t address, uint64_t pages, unsigned argument);

#endif
