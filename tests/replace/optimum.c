/* The optimum, exact LRU and exact LFU: see optimum.h.
 *
 * All three are one loop: each page in memory has a rank, and that with the lowest leaves.  Memories
 * are small, so the lowest is found by looking at all. */
#include "optimum.h"

#include <stdbool.h>
#include <stdlib.h>

/* Of a page: its rank is `first`, then `second`, as far as in memory. */
struct rank {
    uint64_t first, second;
    bool present;
};

typedef struct rank (*rank_after)(struct rank before, uint32_t now, uint32_t next);

static uint32_t find_lowest(const struct rank *ranks, const uint32_t *present, uint32_t frames)
{
    uint32_t lowest = 0;

    for (uint32_t i = 1; i < frames; i++) {
        const struct rank *rank = &ranks[present[i]], *low = &ranks[present[lowest]];

        if (rank->first < low->first || (rank->first == low->first && rank->second < low->second))
            lowest = i;
    }
    return lowest;
}

/* next[i]: where the page of reference i comes again, or `count`. */
static uint32_t *find_next(const uint32_t *reference, uint32_t count, uint32_t pages)
{
    uint32_t *next = calloc(count + 1, sizeof *next), *last = calloc(pages, sizeof *last);

    if (!next || !last)
        abort();
    for (uint32_t page = 0; page < pages; page++)
        last[page] = count;
    for (uint32_t i = count; i-- > 0;) {
        next[i] = last[reference[i]];
        last[reference[i]] = i;
    }
    free(last);
    return next;
}

static uint32_t count_misses(const uint32_t *reference, uint32_t count, uint32_t pages,
                             uint32_t frames, rank_after after)
{
    uint32_t *next = find_next(reference, count, pages), *present = calloc(frames, sizeof *present);
    struct rank *ranks = calloc(pages, sizeof *ranks);
    uint32_t misses = 0;

    if (!present || !ranks)
        abort();
    for (uint32_t i = 0; i < count; i++) {
        struct rank *rank = &ranks[reference[i]];

        if (!rank->present) {
            uint32_t place = misses < frames ? misses : find_lowest(ranks, present, frames);

            if (misses >= frames)
                ranks[present[place]] = (struct rank){0};
            present[place] = reference[i];
            misses++;
        }
        *rank = after(*rank, i, next[i]);
        rank->present = true;
    }
    free(next);
    free(present);
    free(ranks);
    return misses;
}

static struct rank rank_optimum(struct rank before, uint32_t now, uint32_t next)
{
    (void)before, (void)now;
    return (struct rank){.first = UINT32_MAX - next};
}

static struct rank rank_lru(struct rank before, uint32_t now, uint32_t next)
{
    (void)before, (void)next;
    return (struct rank){.first = now};
}

static struct rank rank_lfu(struct rank before, uint32_t now, uint32_t next)
{
    (void)next;
    return (struct rank){.first = before.first + 1, .second = now};
}

uint32_t optimum_misses(const uint32_t *reference, uint32_t count, uint32_t pages, uint32_t frames)
{
    return count_misses(reference, count, pages, frames, rank_optimum);
}

uint32_t exact_lru_misses(const uint32_t *reference, uint32_t count, uint32_t pages,
                          uint32_t frames)
{
    return count_misses(reference, count, pages, frames, rank_lru);
}

uint32_t exact_lfu_misses(const uint32_t *reference, uint32_t count, uint32_t pages,
                          uint32_t frames)
{
    return count_misses(reference, count, pages, frames, rank_lfu);
}
