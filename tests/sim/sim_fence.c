/* The fences that mm/ asks for, on a machine of several harts, and the loading of spaces: arch/riscv/mmu.c's, with
 * checks before and after, and what others do meanwhile. */
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

static void sim_fence_all(sim_fence *fence, struct vspace *space, vaddr_t address)
{
    sim_machine_note(sim_check_frames());
    sim_machine_note(sim_check_places());
    sim_machine_meanwhile();
    fence(space, address);
    sim_machine_meanwhile();
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
        arch_leave_space(hart->hart);
        return;
    }
    arch_load_space(hart->hart, space);
    sim_machine_count()->rollovers += sim_mmu_asids->generation != generation;
}

struct vspace *sim_machine_loaded(uint32_t hart)
{
    return sim_harts[hart].hart->space;
}

void sim_machine_leave(struct vspace *space)
{
    arch_abandon_space(space);
}
