/* The checks of the simulated machine: M1 to M5 of sim_machine.h, and the sums of mm/. */
#include "sim_mmu.h"

/* May the hart use this translation before a fence or a flush takes it away?  It may while it runs
 * under its ASID, and when the space comes back under the same one and owes no fence here. */
static bool sim_is_live(const struct sim_hart *hart, const struct sim_translation *translation)
{
    const struct vspace *space = translation->space;
    asid_t asid = sim_tlb_asid(translation);
    if (hart->hart->space != NULL && hart->asid.value == asid.value)
        return true;
    return translation->generation == hart->hart->generation && space->pool != NULL &&
           space->tag.generation == hart->hart->generation && space->tag.asid.value == asid.value &&
           (space->stale >> hart->hart->index & 1) == 0;
}

/* --- M1 ------------------------------------------------------------------------------------ */

static bool sim_is_table(frame_t frame)
{
    const struct frame_table *table = sim_machine_frames();

    return frame_known(table, frame) && frame_entry(table, frame)->type == FRAME_TABLE &&
           !table_pool_is_spare(frame_entry(table, frame));
}

static bool sim_is_root(frame_t frame)
{
    return frame.value == sim_machine_kernel_root().value || sim_is_table(frame);
}

/* A leaf: no frame has more translations in a hart than mappings. */
static bool sim_counts_leaf(frame_t frame, uint32_t *translations)
{
    const struct frame_table *table = sim_machine_frames();
    const struct frame *entry = frame_entry(table, frame);

    if (!frame_known(table, frame))
        return true;
    return entry->type == FRAME_USER &&
           ++translations[frame.value - table->first.value] <= entry->count;
}

static bool sim_hart_is_sound(const struct sim_hart *hart, uint32_t *translations)
{
    if (!sim_is_root(hart->root) || (hart->hart->space != NULL && !sim_is_table(hart->walked)))
        return false;
    for (uint32_t i = 0; i < hart->tlb.used; i++) {
        const struct sim_translation *t = &hart->tlb.entry[i];
        frame_t frame = sv39_frame(t->entry);

        if (!sv39_is_valid(t->entry) || !sim_is_live(hart, t))
            continue;
        if (sim_tlb_level(t) > 0 ? !sim_is_table(frame) : !sim_counts_leaf(frame, translations))
            return false;
    }
    return true;
}

/* Makes the counts of a hart zero again: there are few translations and many frames. */
static void sim_forget_counts(const struct sim_hart *hart, uint32_t *translations)
{
    const struct frame_table *table = sim_machine_frames();

    for (uint32_t i = 0; i < hart->tlb.used; i++) {
        frame_t frame = sv39_frame(hart->tlb.entry[i].entry);

        if (frame_known(table, frame))
            translations[frame.value - table->first.value] = 0;
    }
}

const char *sim_check_frames(void)
{
    static uint32_t translations[SIM_FRAMES_MAX];

    for (uint32_t i = 0; i < sim_machine_config()->harts; i++) {
        bool sound = sim_hart_is_sound(&sim_harts[i], translations);

        sim_forget_counts(&sim_harts[i], translations);
        if (!sound)
            return "M1";
    }
    return NULL;
}

/* --- M2 to M5 ------------------------------------------------------------------------------ */

/* The entry in memory that a translation was read from, and above it what leads there. */
static pte_t sim_entry_at(const struct vspace *space, vaddr_t address, unsigned level)
{
    frame_t table = space->root;
    pte_t entry = {0};

    for (unsigned at = 2;; at--) {
        const pte_t *slot = sim_machine_slot(table, address, at);

        if (slot == NULL)
            return (pte_t){0};
        entry = *slot;
        if (at == level || !sv39_is_valid(entry))
            return entry;
        table = sv39_frame(entry);
    }
}

static bool sim_has_other_place(const struct sim_hart *hart, const struct sim_translation *t)
{
    pte_t now;

    if (!sv39_is_valid(t->entry) || sim_tlb_level(t) > 0 || !sim_is_live(hart, t))
        return false;
    now = sim_entry_at(t->space, sim_tlb_address(t), 0);
    return sv39_is_valid(now) && sv39_frame(now).value != sv39_frame(t->entry).value;
}

const char *sim_check_places(void)
{
    for (uint32_t i = 0; i < sim_machine_config()->harts; i++)
        for (uint32_t k = 0; k < sim_harts[i].tlb.used; k++)
            if (sim_has_other_place(&sim_harts[i], &sim_harts[i].tlb.entry[k]))
                return "M5";
    return NULL;
}

static const char *sim_check_translation(const struct sim_hart *hart,
                                         const struct sim_translation *t)
{
    const struct vspace *space = hart->hart->space;
    pte_t now;

    if (!sim_is_live(hart, t))
        return NULL;
    if (space != NULL && hart->asid.value == sim_tlb_asid(t).value &&
        (t->space != space || t->generation != hart->hart->generation))
        return "M4";
    if (!sv39_is_valid(t->entry))
        return NULL;
    now = sim_entry_at(t->space, sim_tlb_address(t), sim_tlb_level(t));
    if (((now.bits ^ t->entry.bits) & (PTE_PPN_MASK | PTE_V)) != 0 ||
        (t->entry.bits & ~now.bits & PTE_RWX) != 0)
        return "M2";
    return (t->entry.bits & ~now.bits & PTE_D) != 0 ? "M3" : NULL;
}

static const char *sim_check_hart(const struct sim_hart *hart)
{
    const struct vspace *space = hart->hart->space;
    const char *broken = NULL;

    for (uint32_t i = 0; i < hart->tlb.used && broken == NULL; i++)
        broken = sim_check_translation(hart, &hart->tlb.entry[i]);
    if (broken == NULL && space != NULL &&
        (hart->root.value != space->root.value || hart->walked.value != space->root.value))
        broken = "M2: walks start at another root than the space's";
    return broken;
}

const char *sim_machine_check_harts(void)
{
    const char *broken = sim_machine_noted();

    if (broken == NULL)
        broken = sim_check_frames();
    for (uint32_t i = 0; i < sim_machine_config()->harts && broken == NULL; i++)
        broken = sim_check_hart(&sim_harts[i]);
    return broken;
}

static bool sim_has_current_asid(const struct vspace *space)
{
    return space != NULL && space->pool != NULL &&
           space->tag.generation == sim_mmu_asids->generation;
}

/* M4, of a space that is not loaded: what would it find when it is? */
static const char *sim_check_asid(const struct vspace *space)
{
    for (uint32_t i = 0; i < sim_machine_config()->harts; i++) {
        const struct sim_hart *hart = &sim_harts[i];

        if (hart->hart->generation != space->tag.generation || (space->stale >> i & 1) != 0)
            continue;
        for (uint32_t k = 0; k < hart->tlb.used; k++) {
            const struct sim_translation *t = &hart->tlb.entry[k];

            if (sim_tlb_asid(t).value == space->tag.asid.value &&
                (t->space != space || t->generation != space->tag.generation))
                return "M4";
        }
    }
    return NULL;
}

/* --- the sums of mm/ ----------------------------------------------------------------------- */

/* Counts the entries of a table of leaves, which are as many as its frame says (vspace_check). */
static void sim_count_leaves(frame_t table, uint32_t *leaves)
{
    const struct frame_table *frames = sim_machine_frames();
    const pte_t *entries = frame_contents(frames, table);
    uint32_t left = frame_entry(frames, table)->count;

    for (uint32_t i = 0; i < SV39_ENTRIES && left > 0; i++) {
        uint64_t number = sv39_frame(entries[i]).value - frames->first.value;

        if (!sv39_is_valid(entries[i]))
            continue;
        left--;
        if (number < frames->count)
            leaves[number]++;
    }
}

static bool sim_is_leaf_table(const struct frame *entry)
{
    return entry->type == FRAME_TABLE && !table_pool_is_spare(entry) &&
           vspace_unpack_owner(entry->owner).level == 0;
}

/* V1: each frame has as many mappings as there are leaves for it in all spaces. */
static const char *sim_check_counts(void)
{
    static uint32_t leaves[SIM_FRAMES_MAX];
    const struct frame_table *frames = sim_machine_frames();
    const char *broken = NULL;

    for (uint64_t i = 0; i < frames->count; i++)
        if (sim_is_leaf_table(&frames->frames[i]))
            sim_count_leaves(frame_plus(frames->first, i), leaves);
    for (uint64_t i = 0; i < frames->count; i++) {
        uint32_t maps = frames->frames[i].type == FRAME_USER ? frames->frames[i].count : 0;

        if (leaves[i] != maps)
            broken = "V1";
        leaves[i] = 0;
    }
    return broken;
}

/* P2, of the pool that all spaces share. */
static const char *sim_check_pool(struct vspace *const *spaces, uint32_t count)
{
    const struct table_pool *pool = NULL;
    uint64_t tables = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (spaces[i] == NULL || spaces[i]->pool == NULL)
            continue;
        pool = spaces[i]->pool;
        tables += spaces[i]->tables;
    }
    if (pool == NULL)
        return NULL;
    if (tables != pool->in_use ||
        pool->spare + pool->in_use != sim_machine_frames()->totals[FRAME_TABLE])
        return "P2";
    return table_pool_check(pool);
}

const char *sim_machine_check(struct vspace *const *spaces, uint32_t count)
{
    const char *broken = sim_machine_check_harts();

    for (uint32_t i = 0; i < count && broken == NULL; i++) {
        if (spaces[i] != NULL)
            broken = vspace_check(spaces[i]);
        if (broken == NULL && sim_has_current_asid(spaces[i]))
            broken = sim_check_asid(spaces[i]);
    }
    if (broken == NULL)
        broken = frame_table_check(sim_machine_frames());
    if (broken == NULL)
        broken = sim_check_counts();
    return broken != NULL ? broken : sim_check_pool(spaces, count);
}
