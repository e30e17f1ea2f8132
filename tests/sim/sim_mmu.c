/* arch/riscv/mmu.c on simulated harts: see sim_mmu.h.  Its own names for the hart and for the five
 * instructions mean the simulated ones below; what mm/ calls is in sim_fence.c. */
#include "sim_mmu.h"

#include "kernel.h"
#include "tlb.h"

struct kernel kernel;
struct sim_hart sim_harts[SIM_HARTS];
struct asid_allocator *const sim_mmu_asids = &kernel.asids;
static struct sim_hart *sim_self;

static struct hart *sim_hart_self(void)
{
    return &sim_self->hart;
}

static void sim_drop_all(void)
{
    sim_machine_count()->full_fences++;
    sim_tlb_drop_all(&sim_self->tlb);
    sim_self->walked = sim_self->root;
}

static void sim_drop_asid(asid_t asid)
{
    sim_machine_count()->space_fences++;
    sim_tlb_drop_asid(&sim_self->tlb, asid);
    if (asid.value == sim_self->asid.value)
        sim_self->walked = sim_self->root;
}

static void sim_drop_page(vaddr_t address, asid_t asid)
{
    sim_machine_count()->page_fences++;
    sim_tlb_drop_page(&sim_self->tlb, asid, address);
}

static void sim_drop_code(void)
{
    sim_machine_count()->code_fences++;
    sim_self->code.used = 0;
}

static void sim_load_root(frame_t root, asid_t asid)
{
    if (asid.value != sim_self->asid.value)
        sim_self->walked = root;
    sim_self->root = root;
    sim_self->asid = asid;
}

void sim_mmu_flush(void)
{
    sim_drop_all();
}

void sim_mmu_become(struct sim_hart *hart)
{
    sim_self = hart;
}

void sim_mmu_start(frame_t kernel_root, uint32_t asid_bits)
{
    kernel.root_table = kernel_root;
    asid_init(&kernel.asids, asid_bits);
    for (uint32_t i = 0; i < SIM_HARTS; i++)
        sim_harts[i] = (struct sim_hart){.hart = {.id = i},
                                         .root = kernel_root,
                                         .walked = kernel_root,
                                         .seen = kernel.asids.generation};
}

#define inline /* is for the kernel's link */
#define hart_self       sim_hart_self
#define tlb_drop_all    sim_drop_all
#define tlb_drop_asid   sim_drop_asid
#define tlb_drop_page   sim_drop_page
#define tlb_drop_code   sim_drop_code
#define tlb_load_root   sim_load_root
#define mmu_fence_page  sim_mmu_fence_page
#define mmu_fence_space sim_mmu_fence_space
#define mmu_move_root   sim_mmu_move_root
#define mmu_fence_code  sim_mmu_fence_code
#include "../../arch/riscv/mmu.c"
