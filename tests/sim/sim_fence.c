/* The fences that mm/ asks for, on a machine of several harts, and the loading of spaces.
 *
 * Each hart is asked in turn, as by a remote fence: it runs arch/riscv/mmu.c as if the kernel ran there.  That
 * file knows one hart.  What more of them need stands here:
 *
 *  - a hart goes on under the ASID in its satp when the space got another one elsewhere, in a new generation:
 *    that is the one it fences, and writes with a new root;
 *  - a hart that did not start the current generation of ASIDs flushes everything when it first loads one
 *    of them. */
#include "sim_mmu.h"

typedef void sim_fence(struct vspace *space, vaddr_t address);

static struct {
    void (*run)(void *context);
    void *context;
    bool running;
} sim_others;

void sim_machine_set_meanwhile(void (*meanwhile)(void *context), void *context)
{
    sim_others.run = meanwhile;
    sim_others.context = context;
}

void sim_machine_meanwhile(void)
{
    if (sim_others.run == NULL || sim_others.running)
        return;
    sim_others.running = true;
    sim_others.run(sim_others.context);
    sim_others.running = false;
}

static void sim_fence_hart(struct sim_hart *hart, sim_fence *fence, struct vspace *space,
                           vaddr_t address)
{
    asid_t newest = space->tag.asid;

    if (hart->hart.space == space)
        space->tag.asid = hart->asid;
    sim_mmu_become(hart);
    fence(space, address);
    space->tag.asid = newest;
}

static void sim_fence_all(sim_fence *fence, struct vspace *space, vaddr_t address)
{
    sim_machine_note(sim_check_frames());
    sim_machine_note(sim_check_places());
    sim_machine_meanwhile();
    for (uint32_t i = 0; i < sim_machine_config()->harts; i++) {
        sim_fence_hart(&sim_harts[i], fence, space, address);
        sim_machine_meanwhile();
    }
    sim_machine_note(sim_check_frames());
}

static void sim_fence_space(struct vspace *space, vaddr_t address)
{
    (void)address;
    sim_mmu_fence_space(space);
}

static void sim_fence_root(struct vspace *space, vaddr_t address)
{
    (void)address;
    sim_mmu_move_root(space);
}

static void sim_fence_code(struct vspace *space, vaddr_t address)
{
    (void)address;
    sim_mmu_fence_code(space);
}

void mmu_fence_page(struct vspace *space, vaddr_t address)
{
    sim_fence_all(sim_mmu_fence_page, space, address);
}

void mmu_fence_space(struct vspace *space)
{
    sim_fence_all(sim_fence_space, space, (vaddr_t){0});
}

void mmu_move_root(struct vspace *space)
{
    sim_fence_all(sim_fence_root, space, (vaddr_t){0});
}

void mmu_fence_code(struct vspace *space)
{
    sim_fence_all(sim_fence_code, space, (vaddr_t){0});
}

/* --- what a hart runs ---------------------------------------------------------------------- */

void sim_machine_load(uint32_t number, struct vspace *space)
{
    struct sim_hart *hart = &sim_harts[number];
    uint64_t generation = sim_mmu_asids->generation;

    sim_mmu_become(hart);
    if (space == NULL) {
        arch_leave_space(&hart->hart);
        return;
    }
    arch_load_space(&hart->hart, space);
    if (hart->seen != generation)
        sim_mmu_flush(); /* once satp is written: it may hold the number that it held before */
    hart->generation = space->tag.generation;
    hart->seen = sim_mmu_asids->generation;
    sim_machine_count()->rollovers += hart->seen != generation;
}

struct vspace *sim_machine_loaded(uint32_t hart)
{
    return sim_harts[hart].hart.space;
}

void sim_machine_leave(const struct vspace *space)
{
    for (uint32_t i = 0; i < SIM_HARTS; i++)
        if (sim_harts[i].hart.space == space)
            sim_machine_load(i, NULL);
}
