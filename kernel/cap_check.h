/* The part of the checker (invariants.h) that looks at capabilities. */
#ifndef KERNEL_CAP_CHECK_H
#define KERNEL_CAP_CHECK_H

/* O1 (what is named is alive), O3, O4 and O5 of object.h, D1 to D3 of derivation.h, and that condemned
 * CNodes are on their list (O1).  The objects' own frames have been checked.  NULL or the first broken
 * one. */
const char *cap_check(void);

#endif
