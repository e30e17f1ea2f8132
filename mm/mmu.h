/* What mm/ needs from the hardware; arch/ provides it, and a fake on the host does too. */
#ifndef MM_MMU_H
#define MM_MMU_H

#include "types.h"

struct vspace;

/* Fence one page, or everything, of a space on all harts that may hold its translations.  Returns
 * when no stale translation is left. */
void mmu_fence_page(struct vspace *space, vaddr_t address);
void mmu_fence_space(struct vspace *space);
/* The space has another root table of the same contents (space->root): loads it where the old one is
 * loaded, and fences the space.  Returns when no hart can walk the old one. */
void mmu_move_root(struct vspace *space);
/* Code was made executable: fence.i before any hart runs it. */
void mmu_fence_code(struct vspace *space);

#endif
