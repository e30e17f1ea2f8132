/* What is remembered of pages that left memory: identities, each with a stamp of its owner's.
 *
 * A table of buckets; an identity can be in one bucket alone, in any of its places, so every call
 * takes GHOST_WAYS steps.  When a bucket is full, its oldest makes room.  Two pages with one identity
 * are taken for one: who asks only wants to choose better, so a wrong answer costs nothing but that.
 *
 *  E1  a ghost is in the bucket of its identity;
 *  E2  no identity is there twice;
 *  E3  `count` is the number of ghosts. */
#ifndef PAGER_GHOST_H
#define PAGER_GHOST_H

#include <stdbool.h>
#include <stdint.h>

#define GHOST_WAYS 8u

struct ghost {
    uint32_t identity;
    uint32_t stamp; /* 0: no ghost here */
};

struct ghosts {
    struct ghost *table;
    uint32_t places; /* a power of two times GHOST_WAYS */
    uint32_t count;
    uint32_t hand; /* the bucket that ghost_expire looks at next */
};

/* table: of `places` records, at least GHOST_WAYS; it uses the largest power of two of them. */
void ghost_init(struct ghosts *ghosts, struct ghost *table, uint32_t places);

/* Forgets all. */
void ghost_clear(struct ghosts *ghosts);

/* Remembers an identity.  stamp: not 0; later ones are larger, by less than 2^31 (they may wrap).
 * Returns: whether another had to make room. */
bool ghost_add(struct ghosts *ghosts, uint32_t identity, uint32_t stamp);

/* Forgets an identity.  Returns: its stamp, or 0 if it was not there. */
uint32_t ghost_take(struct ghosts *ghosts, uint32_t identity);

/* Looks at the next bucket and forgets what has a stamp before `first`.  Returns: how many. */
uint32_t ghost_expire(struct ghosts *ghosts, uint32_t first);

/* Is stamp a before stamp b? */
static inline bool ghost_is_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

/* NULL, or the number of the first invariant that does not hold. */
const char *ghost_check(const struct ghosts *ghosts);

#endif
