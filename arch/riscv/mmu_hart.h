/* Private to arch/riscv: what mmu.c does for a hart that is asked by another, and what it asks of the firmware. */
#ifndef ARCH_MMU_HART_H
#define ARCH_MMU_HART_H

#include "hart.h"

/* Loads the root of hart->space, or the kernel's own, once more and drops all that was cached. */
void mmu_reload(struct hart *hart);

/* The firmware fences the harts that a mask of indexes names: what they fetched of code; or translations, of all ASIDs or
 * of one, those of so many bytes or (UINT64_MAX) all.  Its own numbers.  Spec: SBI 1.0, chapter 8. */
enum remote_fence { FENCE_CODE, FENCE_EVERY_ASID, FENCE_ONE_ASID };
void arch_fence_harts(uint64_t harts, enum remote_fence what, uint64_t address, uint64_t bytes,
                      asid_t asid);

#endif
