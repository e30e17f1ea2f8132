/* What the core shows at an address, past all page tables: a walk of the test's own from an entry along its
 * objects. */
#ifndef SIM_WALK_H
#define SIM_WALK_H

#include "sim.h"

struct sim_shown {
    const struct entry *entry; /* NULL: nothing is mapped, and all else is unset */
    const uint8_t *contents;   /* NULL: a hole, or a page that is not fetched yet */
    uint32_t page;             /* of the core; SIM_NO_PAGE: none, of the initrd, or zero */
    bool anonymous;            /* in an anonymous object: written, or shared memory */
    bool top;                  /* in the entry's own object */
    bool busy;
    uint64_t leaf;               /* of the object that holds it; 0: none does */
    const struct object *object; /* that one */
    uint32_t index;              /* there */
};

/* True if the page has no frame of its own: it is out, merged with others, or known to be zeros. */
static inline bool sim_shown_is_away(const struct sim_shown *shown)
{
    return shown->leaf && !index_leaf_is_frame(shown->leaf);
}

void sim_walk(const struct entry *entry, uint64_t address, struct sim_shown *shown);

/* The same for page `page` of a process. */
void sim_walk_page(const struct sim_process *process, uint32_t page, struct sim_shown *shown);

/* The page of a file that its index holds, or SIM_NO_PAGE. */
uint32_t sim_walk_file(const struct object *file, uint64_t index);

#endif
