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

static struct ghost *ghost_find(const struct ghosts *ghosts, uint32_t identity)
{
    struct ghost *bucket = ghost_bucket(ghosts, identity);

    for (uint32_t way = 0; way < GHOST_WAYS; way++)
        if (bucket[way].stamp && bucket[way].identity == identity)
            return &bucket[way];
    return NULL;
}

bool ghost_add(struct ghosts *ghosts, uint32_t identity, uint32_t stamp)
{
    struct ghost *bucket = ghost_bucket(ghosts, identity), *place = bucket;
    bool full;

    for (uint32_t way = 0; way < GHOST_WAYS; way++) {
        struct ghost *ghost = &bucket[way];

        if (ghost->stamp && ghost->identity == identity) {
            place = ghost;
            break;
        }
        if (place->stamp && (!ghost->stamp || ghost_is_before(ghost->stamp, place->stamp)))
            place = ghost;
    }
    full = place->stamp && place->identity != identity;
    ghosts->count += place->stamp == 0;
    *place = (struct ghost){identity, stamp};
    return full;
}

uint32_t ghost_take(struct ghosts *ghosts, uint32_t identity)
{
    struct ghost *found = ghost_find(ghosts, identity);
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
    uint32_t expired = 0;

    for (uint32_t way = 0; way < GHOST_WAYS; way++)
        if (bucket[way].stamp && ghost_is_before(bucket[way].stamp, first)) {
            bucket[way].stamp = 0;
            expired++;
        }
    ghosts->count -= expired;
    ghosts->hand = (ghosts->hand + 1) & (ghosts->places / GHOST_WAYS - 1);
    return expired;
}

const char *ghost_check(const struct ghosts *ghosts)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < ghosts->places; i++) {
        const struct ghost *ghost = &ghosts->table[i];

        if (!ghost->stamp)
            continue;
        if (ghost_bucket(ghosts, ghost->identity) != ghost - i % GHOST_WAYS)
            return "E1";
        if (ghost_find(ghosts, ghost->identity) != ghost)
            return "E2";
        count++;
    }
    return count == ghosts->count ? NULL : "E3";
}
