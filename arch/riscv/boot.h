/* From assembly to the first user instruction. */
#ifndef ARCH_BOOT_H
#define ARCH_BOOT_H

#include "hart.h"

/* Entered by boot.S on the early tables.  tree, load: physical addresses; instret: counter at
 * entry. */
_Noreturn void boot_kernel(uint64_t hart_id, uint64_t tree, uint64_t load, uint64_t instret);
/* Another hart, on its own stack: makes it ready and takes the kernel's lock. */
void boot_other_hart(struct hart *hart);
/* Called by boot.S when nothing of the boot is left to do: counts its instructions. */
void boot_over(void);

#endif
