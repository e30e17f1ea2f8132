/* What is remembered of pages that left memory: see ghost.h. */
#include "ghost.h"

#include <string.h>

#define GHOST_MULTIPLIER 0x9E3779B1u /* 2^32 divided by the golden ratio: spreads neighbours */

void ghost_init(struct ghosts *ghosts, struct ghost *table, uint32_t places)
{
    *ghosts = (struct ghosts){.table = table, .places = GHOST_WAYS};
    while (ghosts->places <= places / 2)
        ghosts->places *= 2;
    ghost_clear(ghosts);
}

void ghost_clear(struct ghosts *ghosts)
{
    memset(ghosts->table, 0, ghosts->places * sizeof(struct ghost));
    ghosts->count = 0;
}

static struct ghost *ghost_bucket(const struct ghosts *ghosts, uint32_t identity)
{
    uint32_t buckets = ghosts->places / GHOST_WAYS;
    uint64_t spread = identity * GHOST_MULTIPLIER;

    return ghosts->table + (spread * buckets >> 32) * GHOST_WAYS;
}

/* The functions that go through a bucket stand apart: inlined, they would make the address of each place anew. */
static __attribute__((noinline)) struct ghost *ghost_find(struct ghost *bucket, uint32_t identity)
{
#pragma GCC unroll 8
    for (uint32_t way = 0; way < GHOST_WAYS; way++)
        if (bucket[way].identity == identity && bucket[way].stamp)
            return &bucket[way];
    return NULL;
}

/* The first place of a bucket that is free, or else that of its oldest ghost. */
static __attribute__((noinline)) struct ghost *ghost_make_room(struct ghost *bucket)
{
    struct ghost *oldest = bucket;
    uint32_t first = bucket->stamp;

#pragma GCC unroll 8
    for (uint32_t way = 0; way < GHOST_WAYS; way++) {
        if (!bucket[way].stamp)
            return &bucket[way];
        if (ghost_is_before(bucket[way].stamp, first)) {
            oldest = &bucket[way];
            first = bucket[way].stamp;
        }
    }
    return oldest;
}

/* Forgets the ghosts of a bucket that have a stamp before `first`.  Returns: how many. */
static __attribute__((noinline)) uint32_t ghost_expire_bucket(struct ghost *bucket, uint32_t first)
{
    uint32_t expired = 0;

#pragma GCC unroll 8
    for (uint32_t way = 0; way < GHOST_WAYS; way++)
        if (ghost_is_before(bucket[way].stamp, first) && bucket[way].stamp) {
            bucket[way].stamp = 0;
            expired++;
        }
    return expired;
}

bool ghost_add(struct ghosts *ghosts, uint32_t identity, uint32_t stamp)
{
    struct ghost *bucket = ghost_bucket(ghosts, identity), *place = ghost_find(bucket, identity);
    bool full = false;

    if (!place) {
        place = ghost_make_room(bucket);
        full = place->stamp != 0;
        ghosts->count += !full;
    }
    *place = (struct ghost){identity, stamp};
    return full;
}

uint32_t ghost_take(struct ghosts *ghosts, uint32_t identity)
{
    struct ghost *found = ghost_find(ghost_bucket(ghosts, identity), identity);
    uint32_t stamp = found ? found->stamp : 0;

    if (found) {
        found->stamp = 0;
        ghosts->count--;
    }
    return stamp;
}

uint32_t ghost_expire(struct ghosts *ghosts, uint32_t first)
{
    struct ghost *bucket = ghosts->table + ghosts->hand * GHOST_WAYS;
    uint32_t expired = ghost_expire_bucket(bucket, first);

    ghosts->count -= expired;
    ghosts->hand = (ghosts->hand + 1) & (ghosts->places / GHOST_WAYS - 1);
    return expired;
}

const char *ghost_check(const struct ghosts *ghosts)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < ghosts->places; i++) {
        const struct ghost *ghost = &ghosts->table[i];
        struct ghost *bucket = ghost_bucket(ghosts, ghost->identity);

        if (!ghost->stamp)
            continue;
        if (bucket != ghost - i % GHOST_WAYS)
            return "E1";
        if (ghost_find(bucket, ghost->identity) != ghost)
            return "E2";
        count++;
    }
    return count == ghosts->count ? NULL : "E3";
}
