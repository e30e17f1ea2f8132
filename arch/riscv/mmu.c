/* Translations in the hardware: satp, ASIDs in use, fences.  Provides mm/mmu.h.
 *
 *  T1  hart->space is the space in that hart's satp;
 *  T2  a space that is not loaded may have stale translations in a hart only if that hart's bit
 *      is set in space->stale (space->stale_code for instructions): they are fenced when it is
 *      loaded.
 * Spec: RISC-V Privileged 1.12, 4.1.11 and 4.2.1. */
#include "arch.h"
#include "kernel.h"
#include "tlb.h"

static uint64_t hart_bit(const struct hart *hart)
{
    return 1ull << (hart->id & 63);
}

static void fence_all(struct hart *hart)
{
    tlb_drop_all();
    hart->counter[FL_COUNTER_FENCES]++;
}

static void fence_asid(struct hart *hart, asid_t asid)
{
    tlb_drop_asid(asid);
    hart->counter[FL_COUNTER_FENCES]++;
}

void mmu_fence_page(struct vspace *space, vaddr_t address)
{
    struct hart *hart = hart_self();

    if (hart->space != space) {
        space->stale |= hart_bit(hart);
        return;
    }
    tlb_drop_page(address, space->tag.asid);
    hart->counter[FL_COUNTER_FENCES]++;
}

void mmu_fence_space(struct vspace *space)
{
    struct hart *hart = hart_self();

    if (hart->space != space)
        space->stale |= hart_bit(hart);
    else
        fence_asid(hart, space->tag.asid);
}

void mmu_fence_code(struct vspace *space)
{
    struct hart *hart = hart_self();

    if (hart->space != space)
        space->stale_code |= hart_bit(hart);
    else
        tlb_drop_code();
}

static void write_satp(const struct vspace *space)
{
    tlb_load_root(space->root, space->tag.asid);
}

/* satp is written under the address that kernel code runs at: the kernel's half of both roots is one. */
void mmu_move_root(struct vspace *space)
{
    struct hart *hart = hart_self();

    if (hart->space == space)
        write_satp(space);
    mmu_fence_space(space);
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
        fence_asid(hart, space->tag.asid);
    }
    if (space->stale_code & bit) {
        space->stale_code &= ~bit;
        tlb_drop_code();
    }
}

static __attribute__((noinline)) void load_with_new_asid(struct hart *hart, struct vspace *space)
{
    bool flush = asid_assign(&kernel.asids, &space->tag);

    write_satp(space);
    settle(hart, space, flush);
}

/* Inline: the link puts it into each switch. */
inline void arch_load_space(struct hart *hart, struct vspace *space)
{
    hart->space = space;
    hart->counter[FL_COUNTER_SWITCHES]++;
    if (space->tag.generation != kernel.asids.generation) {
        load_with_new_asid(hart, space);
        return;
    }
    write_satp(space);
    if ((space->stale | space->stale_code) != 0)
        settle(hart, space, false);
}

void arch_leave_space(struct hart *hart)
{
    hart->space = NULL;
    tlb_load_root(kernel.root_table, (asid_t){0});
}
