/* Private to the simulated machine: what its files share, and one hart's translation hardware under
 * arch/riscv/mmu.c, which is compiled against it.  Its instructions act on the hart that sim_mmu_become
 * named. */
#ifndef SIM_MMU_H
#define SIM_MMU_H

#include "arch.h"
#include "sim_machine.h"
#include "sim_tlb.h"

struct sim_hart {
    struct hart *hart; /* what mmu.c knows of it */
    struct sim_tlb tlb;
    struct sim_code code;
    /* satp: */
    frame_t root;
    asid_t asid;
    /* Where walks start: a new root under the same ASID is sure to be taken only after a fence, since a walk
     * may be under way. */
    frame_t walked;
};

extern struct sim_hart sim_harts[SIM_HARTS];
extern struct asid_allocator *const sim_mmu_asids;

/* Fresh harts; the kernel's own root is loaded in all of them. */
void sim_mmu_start(frame_t kernel_root, uint32_t asid_bits);

/* From now on kernel code runs on this hart. */
void sim_mmu_become(struct sim_hart *hart);

/* mmu.c's own, for the hart that kernel code runs on. */
void sim_mmu_fence_page(struct vspace *space, vaddr_t address);
void sim_mmu_fence_space(struct vspace *space);
void sim_mmu_move_root(struct vspace *space);
void sim_mmu_fence_code(struct vspace *space);

/* sim_machine.c: */
const struct sim_machine_config *sim_machine_config(void);
struct sim_machine_counts *sim_machine_count(void);

/* Remembers what is broken, unless NULL, for the next check; the first one counts. */
void sim_machine_note(const char *broken);
const char *sim_machine_noted(void);

/* The slot of an address in a table, or NULL and a note: that is no frame of memory. */
pte_t *sim_machine_slot(frame_t table, vaddr_t address, unsigned level);

/* sim_check.c: M1. */
const char *sim_check_frames(void);
/* M5. */
const char *sim_check_places(void);

#endif
