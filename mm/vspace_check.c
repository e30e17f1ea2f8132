/* Checkers of one space: V2, V3, V4 and of V1 what one space shows.  For tests and reports. */
#include <stddef.h>

#include "sv39.h"
#include "vspace.h"

/* What a walk over all tables of a space counts. */
struct vspace_census {
    const struct vspace *space;
    uint64_t tables;
    uint64_t leaves;    /* for frames of the table */
    const char *broken; /* the first invariant found broken */
};

static void vspace_census_demand(struct vspace_census *census, bool holds, const char *invariant)
{
    if (!holds && census->broken == NULL)
        census->broken = invariant;
}

static void vspace_census_leaf(struct vspace_census *census, pte_t leaf)
{
    const struct frame_table *frames = census->space->pool->frames;
    bool known = frame_known(frames, sv39_frame(leaf));
    bool user = !known || (frame_entry(frames, sv39_frame(leaf))->type == FRAME_USER &&
                           frame_entry(frames, sv39_frame(leaf))->count > 0);
    bool ceiling = ((leaf.bits & PTE_W) == 0 || (leaf.bits & PTE_CEIL_W) != 0) &&
                   ((leaf.bits & PTE_X) == 0 || (leaf.bits & PTE_CEIL_X) != 0);
    bool readable = (leaf.bits & PTE_W) == 0 || (leaf.bits & PTE_R) != 0;
    bool exact = (leaf.bits & ~(PTE_PPN_MASK | 0x3ffull)) == 0 && (leaf.bits & PTE_G) == 0;
    census->leaves += known;
    vspace_census_demand(census, user, "V1");
    vspace_census_demand(census, ceiling && readable && exact, "V3");
    vspace_census_demand(census, (leaf.bits & PTE_U) != 0 && !sv39_is_table(leaf), "V3");
}

/* Count and owner of a table: `valid` entries were found in it. */
static void vspace_census_table(struct vspace_census *census, frame_t table, vaddr_t base,
                                unsigned level, uint64_t valid)
{
    const struct frame *entry = frame_entry(census->space->pool->frames, table);
    census->tables++;
    vspace_census_demand(census, entry->type == FRAME_TABLE && entry->count == valid, "V2");
    vspace_census_demand(census, level == SV39_LEVELS - 1 || valid > 0, "V2");
    vspace_census_demand(census, entry->owner == vspace_pack_owner(census->space, base, level),
                         "V2");
}

static void vspace_census_leaf_table(struct vspace_census *census, frame_t table, vaddr_t base)
{
    const pte_t *entries = frame_contents(census->space->pool->frames, table);
    uint64_t valid = 0;
    for (unsigned i = 0; i < SV39_ENTRIES; i++) {
        if (sv39_is_valid(entries[i])) {
            valid++;
            vspace_census_leaf(census, entries[i]);
        } else {
            vspace_census_demand(census, entries[i].bits == 0, "V2");
        }
    }
    vspace_census_table(census, table, base, 0, valid);
}

/* True when the entry leads to a table that may be looked into. */
static bool vspace_census_enter(struct vspace_census *census, pte_t entry)
{
    if (entry.bits == 0)
        return false;
    bool leads = sv39_is_table(entry) && (entry.bits & (PTE_U | PTE_AD | PTE_G)) == 0 &&
                 frame_known(census->space->pool->frames, sv39_frame(entry));
    vspace_census_demand(census, leads, "V2");
    return leads;
}

static void vspace_census_middle_table(struct vspace_census *census, frame_t table, vaddr_t base)
{
    const pte_t *entries = frame_contents(census->space->pool->frames, table);
    uint64_t valid = 0;
    for (unsigned i = 0; i < SV39_ENTRIES; i++) {
        if (!vspace_census_enter(census, entries[i]))
            continue;
        valid++;
        vspace_census_leaf_table(census, sv39_frame(entries[i]),
                                 (vaddr_t){base.value + i * sv39_span_bytes(1)});
    }
    vspace_census_table(census, table, base, 1, valid);
}

static struct vspace_census vspace_take_census(const struct vspace *space)
{
    struct vspace_census census = {.space = space};
    if (space->pool == NULL)
        return census;
    const pte_t *entries = frame_contents(space->pool->frames, space->root);
    uint64_t valid = 0;
    for (unsigned i = 0; i < SV39_USER_SLOTS; i++) {
        if (!vspace_census_enter(&census, entries[i]))
            continue;
        valid++;
        vspace_census_middle_table(&census, sv39_frame(entries[i]),
                                   (vaddr_t){i * sv39_span_bytes(2)});
    }
    vspace_census_table(&census, space->root, (vaddr_t){0}, 2, valid);
    for (unsigned i = SV39_USER_SLOTS; i < SV39_ENTRIES; i++)
        vspace_census_demand(&census, (entries[i].bits & PTE_U) == 0, "V3");
    return census;
}

const char *vspace_check(const struct vspace *space)
{
    struct vspace_census census = vspace_take_census(space);
    vspace_census_demand(&census, census.tables == space->tables, "V4");
    return census.broken;
}

uint64_t vspace_count_leaves(const struct vspace *space)
{
    return vspace_take_census(space).leaves;
}
