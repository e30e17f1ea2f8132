/* Private to arch/riscv: what mmu.c does for a hart that is asked by another. */
#ifndef ARCH_MMU_HART_H
#define ARCH_MMU_HART_H

#include "hart.h"

/* Loads the root of hart->space, or the kernel's own, once more and drops all that was cached. */
void mmu_reload(struct hart *hart);

#endif
