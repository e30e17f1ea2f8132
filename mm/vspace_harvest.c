/* Reading and clearing A and D of a range.  What is cleared is what was read: one atomic operation an
 * entry does both, and D is fenced before it is reported, so that the next store sets it again. */
#include "harvest.h"
#include "range.h"

/* Where a harvest stands: `absent` pages without a mapping, then `noted` pages with bits. */
struct harvest {
    struct fl_harvest *result;
    struct removal removal;
    uint64_t noted;
    uint64_t clear; /* PTE_AD */
};

_Static_assert(PTE_A >> 6 == FL_HARVEST_ACCESSED && PTE_D >> 6 == FL_HARVEST_DIRTY,
               "A and D of an entry to harvested bits");
_Static_assert(VSPACE_STEP <= FL_HARVEST_PAGES, "what one call visits has room in its result");

/* Reads and clears the bits of an entry.  Only valid ones are changed: bits of others are the kernel's. */
static uint64_t harvest_entry(struct harvest *harvest, pte_t *slot, vaddr_t address)
{
    uint64_t found = __atomic_fetch_and(&slot->bits, ~harvest->clear, __ATOMIC_RELAXED);
    if ((found & harvest->clear & PTE_D) != 0)
        removal_note(&harvest->removal, address, 1);
    return found;
}

static void harvest_piece(struct harvest *harvest, const struct range_piece *piece)
{
    pte_t *const first = piece->path.slot[0], *const end = first + piece->pages;
    pte_t *slot = first;
    while (harvest->noted == 0 && slot < end && !sv39_is_valid(walk_load(slot)))
        slot++;
    harvest->result->absent += (uint64_t)(slot - first);
    uint64_t before = harvest->noted - (uint64_t)(slot - first); /* what page 0 would be noted as */
    harvest->noted += (uint64_t)(end - slot);
    for (; slot < end; slot++) {
        uint64_t found = walk_load(slot).bits;
        if ((found & PTE_AD) == 0 || (found & PTE_V) == 0)
            continue;
        uint64_t page = (uint64_t)(slot - first);
        if ((found & harvest->clear) != 0)
            found = harvest_entry(harvest, slot, walk_address_plus(piece->address, page));
        harvest_note(harvest->result, before + page, (found & PTE_AD) >> 6);
    }
}

enum fl_error vspace_harvest(struct vspace *space, vaddr_t address, uint64_t pages, uint32_t clear,
                             struct fl_harvest *result, uint64_t *done)
{
    MM_ASSERT((clear & ~(FL_HARVEST_ACCESSED | FL_HARVEST_DIRTY)) == 0);
    struct range range = range_start(space, address, pages);
    struct range_piece piece;
    struct harvest harvest;
    harvest.result = result;
    harvest.noted = 0;
    harvest.clear = (uint64_t)clear << 6;
    harvest_clear(result, range_least(pages, FL_HARVEST_PAGES));
    removal_start(&harvest.removal, space);
    while (range_next(&range, &piece)) {
        if (piece.path.level == 0)
            harvest_piece(&harvest, &piece);
        else if (harvest.noted == 0)
            result->absent += piece.pages;
        else
            break;
    }
    removal_finish(&harvest.removal);
    *done = result->absent + harvest.noted;
    return *done < pages ? FL_MORE : FL_OK;
}
