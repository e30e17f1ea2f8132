/* arch/riscv/mmu.c on simulated harts: see sim_mmu.h.  Its own names for the hart and for the five
 * instructions mean the simulated ones below; what mm/ calls is in sim_fence.c. */
#include "sim_mmu.h"

#include "cpu.h"
#include "kernel.h"
#include "mmu_hart.h"
#include "tlb.h"

struct kernel kernel;
struct cpu_features cpu_features;
struct sim_hart sim_harts[SIM_HARTS];
struct asid_allocator *const sim_mmu_asids = &kernel.asids;
static struct sim_hart *sim_self;

static struct hart *sim_hart_self(void)
{
    return sim_self->hart;
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
    if (sim_machine_config()->fence_takes_all)
        return;
    sim_tlb_drop_asid(&sim_self->tlb, asid);
    if (asid.value == sim_self->asid.value)
        sim_self->walked = sim_self->root;
}

static void sim_drop_page(vaddr_t address, asid_t asid)
{
    sim_machine_count()->page_fences++;
    if (sim_machine_config()->fence_takes_all)
        return;
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

void sim_mmu_become(struct sim_hart *hart)
{
    sim_self = hart;
}

void sim_mmu_start(frame_t kernel_root, uint32_t asid_bits)
{
    kernel.root_table = kernel_root;
    kernel.hart_count = sim_machine_config()->harts;
    cpu_features.fence_takes_all = sim_machine_config()->fence_takes_all;
    asid_init(&kernel.asids, asid_bits);
    for (uint32_t i = 0; i < SIM_HARTS; i++) {
        kernel.harts[i] = (struct hart){.index = i, .generation = HART_NO_GENERATION};
        sim_harts[i] =
            (struct sim_hart){.hart = &kernel.harts[i], .root = kernel_root, .walked = kernel_root};
    }
    sim_self = &sim_harts[0];
}

/* --- what the firmware and other harts do -------------------------------------------------- */

static void sim_fence(enum remote_fence what, uint64_t address, uint64_t bytes, asid_t asid)
{
    if (what == FENCE_CODE)
        sim_drop_code();
    else if (what == FENCE_EVERY_ASID)
        sim_drop_all();
    else if (bytes == UINT64_MAX)
        sim_drop_asid(asid);
    else
        sim_drop_page((vaddr_t){address}, asid);
}

/* Fences harts one after the other; others run in between. */
static void sim_fence_harts(uint64_t harts, enum remote_fence what, uint64_t address,
                            uint64_t bytes, asid_t asid)
{
    struct sim_hart *self = sim_self;

    for (uint32_t i = 0; i < kernel.hart_count; i++) {
        if ((harts >> i & 1) == 0)
            continue;
        sim_mmu_become(&sim_harts[i]);
        sim_fence(what, address, bytes, asid);
        sim_machine_meanwhile();
    }
    sim_mmu_become(self);
}

static void sim_request(struct hart *hart, uint32_t request)
{
    struct sim_hart *self = sim_self;

    (void)request; /* there is one that mmu.c makes */
    sim_mmu_become(&sim_harts[hart->index]);
    mmu_reload(hart);
    sim_machine_meanwhile();
    sim_mmu_become(self);
}

#define inline /* is for the kernel's link */
#define hart_self        sim_hart_self
#define tlb_drop_all     sim_drop_all
#define tlb_drop_asid    sim_drop_asid
#define tlb_drop_page    sim_drop_page
#define tlb_drop_code    sim_drop_code
#define tlb_load_root    sim_load_root
#define arch_request     sim_request
#define arch_fence_harts sim_fence_harts
#define mmu_fence_page   sim_mmu_fence_page
#define mmu_fence_space  sim_mmu_fence_space
#define mmu_move_root    sim_mmu_move_root
#define mmu_fence_code   sim_mmu_fence_code
#include "../../arch/riscv/mmu.c"
