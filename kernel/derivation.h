/* The derivation tree: which capability was made from which.
 *
 * Every capability stands below the one that it was copied, minted, derived or retyped from; the
 * kernel's root capability stands above all that boot hands out, and above Pins.  Capabilities derived from one form
 * a ring: `prev` leads round it, from the first to the last; `next` leads from each to its next
 * sibling, and from the last (`last` is set) up to the parent.  So a capability goes out of the tree
 * in constant time, and its children take its place among its siblings:
 *
 *     parent --child--> A --next--> B --next--> C --next, last--> parent
 *                       A.prev = C,  B.prev = A,  C.prev = B
 *
 *  D1  a parent's `child` is the first of its ring, whose prev is the last, whose next is the parent;
 *  D2  inside a ring next and prev are each other's reverse;
 *  D3  walking down from the root meets every capability once.
 * Links are numbers of 32 bytes from `base` on: three of them fit a slot.  Pure: the host builds it too. */
#ifndef KERNEL_DERIVATION_H
#define KERNEL_DERIVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cap {
    uint8_t type;    /* enum fl_object */
    uint8_t last;    /* `next` is the parent */
    uint16_t rights; /* FL_RIGHT_* */
    uint32_t child;  /* number of the first capability derived from this one, 0 = none */
    union {
        void *object;
        uint64_t first_frame; /* Memory, Pin: number of the first frame */
    };
    union {
        uint64_t badge; /* Endpoint, Notification; 0 = none.  Sched: highest priority allowed */
        uint64_t pages; /* Memory, Pin */
    };
    uint32_t next;
    uint32_t prev;
};

struct derivation {
    uintptr_t base; /* no capability lies there or below, nor 128 GiB above it or beyond */
    struct cap *root;
};

/* Makes `root`, whose links nobody set yet, a tree of its own. */
void derivation_start(struct derivation *tree, uintptr_t base, struct cap *root);
/* Puts a capability that is in no tree below `parent`, as its first child. */
void derivation_insert(const struct derivation *tree, struct cap *parent, struct cap *cap);
/* Takes a capability out; those derived from it are now derived from its parent.  Not the root. */
void derivation_remove(const struct derivation *tree, struct cap *cap);
/* Puts `to`, which is in no tree, in the place of `from`, which is in none afterwards.  Not the root.
 */
void derivation_move(const struct derivation *tree, struct cap *to, struct cap *from);

/* The first capability derived from this one, NULL = none. */
struct cap *derivation_child(const struct derivation *tree, const struct cap *cap);
/* The next one derived from the same, NULL = that was the last. */
struct cap *derivation_sibling(const struct derivation *tree, const struct cap *cap);
/* The capability after this one when each is followed by those derived from it; NULL at the end.
 * Takes time in proportion to the depth: for checkers. */
struct cap *derivation_walk(const struct derivation *tree, const struct cap *cap);
/* Whether what the links around a capability say of each other agrees: NULL, "D1" or "D2". */
const char *derivation_check(const struct derivation *tree, const struct cap *cap);
/* Provided by the kernel (cap_check.c) and by the tests: whether a capability lies at an address, which
 * may be any that a link can name. */
bool derivation_is_cap(const struct cap *cap);

#endif
