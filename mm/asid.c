/* ASIDs in generations.  Invariants A1..A3 are in asid.h. */
#include "asid.h"

#include "check.h"

#define ASID_MAX_BITS 16u

void asid_init(struct asid_allocator *allocator, unsigned bits)
{
    MM_ASSERT(bits <= ASID_MAX_BITS);
    *allocator = (struct asid_allocator){.generation = 1, .next = 1, .limit = 1u << bits};
}

/* With 0 bits the generation ends at every switch, so that no tag is ever current. */
static bool asid_is_current(const struct asid_allocator *allocator, const struct asid_tag *tag)
{
    return tag->generation == allocator->generation && allocator->limit > 1;
}

bool asid_assign(struct asid_allocator *allocator, struct asid_tag *tag)
{
    if (asid_is_current(allocator, tag))
        return false;
    bool rollover = allocator->next >= allocator->limit;
    if (rollover) {
        allocator->generation++;
        allocator->next = 1;
    }
    tag->generation = allocator->generation;
    if (allocator->limit > 1)
        tag->asid = (asid_t){(uint16_t)allocator->next++};
    else
        tag->asid = (asid_t){0};
    MM_ASSERT(tag->asid.value < allocator->limit);
    return rollover;
}
