/* Translations in the hardware: satp, ASIDs in use, fences.  Provides mm/mmu.h.
 *
 *  T1  hart->space is the space in that hart's satp, hart->asid what it stands under there: its own in the
 *      hart's generation of ASIDs, though it may have got another one in a later generation elsewhere;
 *  T2  a space that is not loaded may have stale translations in a hart only if that hart's bit
 *      is set in space->stale (space->stale_code for instructions): they are fenced when it is
 *      loaded.
 * Spec: RISC-V Privileged 1.12, 4.1.11 and 4.2.1. */
#include "arch.h"
#include "cpu.h"
#include "kernel.h"
#include "mmu_hart.h"
#include "tlb.h"

static uint64_t hart_bit(const struct hart *hart)
{
    return 1ull << hart->index;
}

static void fence_all(struct hart *hart)
{
    tlb_drop_all();
    hart->counter[FL_COUNTER_FENCES]++;
}

static void fence_asid(struct hart *hart, asid_t asid)
{
    if (cpu_features.fence_takes_all)
        tlb_drop_all();
    else
        tlb_drop_asid(asid);
    hart->counter[FL_COUNTER_FENCES]++;
}

/* The other harts that have the space loaded; the rest of them are marked. */
static __attribute__((noinline)) uint64_t find_others(const struct hart *self,
                                                      const struct vspace *space, uint64_t *marks)
{
    uint64_t loaded = 0;

    for (unsigned i = 0; i < kernel.hart_count; i++) {
        const struct hart *hart = &kernel.harts[i];

        if (hart == self)
            continue;
        if (hart->space == space)
            loaded |= hart_bit(hart);
        else
            *marks |= hart_bit(hart);
    }
    return loaded;
}

/* Those among some harts that have the same ASID in satp as the first of them. */
static uint64_t find_same_asid(uint64_t harts, asid_t *asid)
{
    uint64_t same = 0;

    for (unsigned i = 0; i < kernel.hart_count; i++) {
        if ((harts >> i & 1) == 0)
            continue;
        if (same == 0)
            *asid = kernel.harts[i].asid;
        if (kernel.harts[i].asid.value == asid->value)
            same |= 1ull << i;
    }
    return same;
}

static __attribute__((noinline)) void fence_others(struct hart *self, struct vspace *space,
                                                   uint64_t address, uint64_t bytes)
{
    uint64_t loaded = find_others(self, space, &space->stale);
    enum remote_fence what = FENCE_ONE_ASID;

    if (cpu_features.fence_takes_all) {
        what = FENCE_EVERY_ASID;
        bytes = UINT64_MAX;
    }
    while (loaded != 0) {
        asid_t asid = {0};
        uint64_t same = find_same_asid(loaded, &asid);

        arch_fence_harts(same, what, address, bytes, asid);
        loaded &= ~same;
        for (; same != 0; same &= same - 1)
            self->counter[FL_COUNTER_FENCES]++;
    }
}

void mmu_fence_page(struct vspace *space, vaddr_t address)
{
    struct hart *hart = hart_self();

    if (kernel.hart_count > 1)
        fence_others(hart, space, address.value, PAGE_BYTES);
    if (hart->space != space) {
        space->stale |= hart_bit(hart);
        return;
    }
    if (cpu_features.fence_takes_all)
        tlb_drop_all();
    else
        tlb_drop_page(address, hart->asid);
    hart->counter[FL_COUNTER_FENCES]++;
}

static void fence_here(struct hart *hart, struct vspace *space)
{
    if (hart->space != space)
        space->stale |= hart_bit(hart);
    else
        fence_asid(hart, hart->asid);
}

void mmu_fence_space(struct vspace *space)
{
    struct hart *hart = hart_self();

    if (kernel.hart_count > 1)
        fence_others(hart, space, 0, UINT64_MAX);
    fence_here(hart, space);
}

void mmu_fence_code(struct vspace *space)
{
    struct hart *hart = hart_self();

    if (kernel.hart_count > 1)
        arch_fence_harts(find_others(hart, space, &space->stale_code), FENCE_CODE, 0, 0,
                         (asid_t){0});
    if (hart->space != space)
        space->stale_code |= hart_bit(hart);
    else
        tlb_drop_code();
}

static void write_satp(struct hart *hart, const struct vspace *space)
{
    hart->asid = space->tag.asid;
    tlb_load_root(space->root, space->tag.asid);
}

/* satp is written under the address that kernel code runs at: the kernel's half of both roots is one. */
void mmu_reload(struct hart *hart)
{
    tlb_load_root(hart->space != NULL ? hart->space->root : kernel.root_table, hart->asid);
    fence_all(hart);
}

/* Where the space is loaded its root is loaded anew, or the kernel's if it is left. */
static __attribute__((cold)) void load_anew(struct vspace *space, bool is_left)
{
    for (unsigned i = 0; i < kernel.hart_count; i++) {
        struct hart *hart = &kernel.harts[i];

        if (hart->space != space) {
            space->stale |= hart_bit(hart);
            continue;
        }
        if (is_left) {
            hart->space = NULL;
            hart->asid = (asid_t){0};
        }
        if (hart == hart_self())
            mmu_reload(hart);
        else
            arch_request(hart, REQUEST_LOAD_ROOT);
    }
}

void mmu_move_root(struct vspace *space)
{
    load_anew(space, false);
}

/* What a space owes before it runs here again: all of the hart's translations, or its own, or its
 * instructions.  Rare, so that the loading of a space stays small. */
static __attribute__((noinline)) void settle(struct hart *hart, struct vspace *space, bool flush)
{
    uint64_t bit = hart_bit(hart);

    if (flush)
        fence_all(hart);
    if (space->stale & bit) {
        space->stale &= ~bit;
        fence_asid(hart, hart->asid);
    }
    if (space->stale_code & bit) {
        space->stale_code &= ~bit;
        tlb_drop_code();
    }
}

static __attribute__((noinline)) void load_with_new_asid(struct hart *hart, struct vspace *space)
{
    asid_assign(&kernel.asids, &space->tag);
    bool flush = hart->generation != space->tag.generation; /* A3 */

    hart->generation = space->tag.generation;
    write_satp(hart, space);
    settle(hart, space, flush);
}

/* Inline: the link puts it into each switch. */
inline void arch_load_space(struct hart *hart, struct vspace *space)
{
    hart->space = space;
    hart->counter[FL_COUNTER_SWITCHES]++;
    if (space->tag.generation != hart->generation) {
        load_with_new_asid(hart, space);
        return;
    }
    write_satp(hart, space);
    if ((space->stale | space->stale_code) != 0)
        settle(hart, space, false);
}

void arch_leave_space(struct hart *hart)
{
    hart->space = NULL;
    hart->asid = (asid_t){0};
    tlb_load_root(kernel.root_table, hart->asid);
}

void arch_abandon_space(struct vspace *space)
{
    load_anew(space, true);
}
