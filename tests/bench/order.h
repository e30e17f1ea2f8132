/* What the benchmarks of the pager share: pages in an order that looks random and is the same in each run. */
#ifndef BENCH_ORDER_H
#define BENCH_ORDER_H

#include <stdint.h>

#define ORDER_SEED 88172645463325252u

static inline uint64_t order_random(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

/* Fills order[] with the numbers below `count`. */
static inline void order_shuffle(uint32_t *order, uint32_t count)
{
    uint64_t random = ORDER_SEED;

    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (uint32_t i = count - 1; i > 0; i--) {
        uint32_t j = (uint32_t)(order_random(&random) % (i + 1)), t = order[i];

        order[i] = order[j];
        order[j] = t;
    }
}

#endif
