/* The checker of the kernel's numbered invariants: O1 to O4, E1, N1, R1, T1 and I1 of object.h, H1 to
 * H4 of thread.h, F1 to F4 of frame.h, P1 and P2 of table_pool.h, V1 to V4 of vspace.h, A1 and A2
 * of asid.h.  Others stand at counts and links that no list names; the checker numbers them here:
 *
 *  C1  a CNode's `used` is the number of its filled slots, `self` that of those which name it,
 *      `threads` that of the TCBs whose CSpace it is; slot 0 reads as empty, and no TCB's
 *      cspace_slots go beyond the CNode;
 *  C2  a space's `threads` is the number of TCBs that have it, a pool's `spaces` that of the
 *      spaces that name it;
 *  C3  a notification and the TCB that it is bound to name each other.
 *
 * Not checked: A3, which only the hardware could show, and what belongs to arch/. */
#ifndef KERNEL_INVARIANTS_H
#define KERNEL_INVARIANTS_H

/* Walks all frames, objects, capabilities and page tables; for a call of the current thread that
 * has changed nothing.  Leaves everything as it was.  The time has no bound but memory's size.
 * Returns NULL, or the number of the first broken invariant: a letter and a digit. */
const char *invariants_check(void);

#endif
