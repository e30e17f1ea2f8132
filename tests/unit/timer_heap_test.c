/* sources: kernel/timer_heap.c */
/* The heap of armed timers against a sorted array of deadlines. */
#include "timer_heap.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define NODES      10000u
#define OPERATIONS 100000u

/* As timers lie: a node in each 64 bytes, none at the base. */
static struct place {
    _Alignas(TIMER_HEAP_STEP) struct timer_node node;
} places[1 + NODES];

static struct timer_heap heap;
static uint64_t model[NODES]; /* deadlines in order */
static unsigned count;
static unsigned highest_rank;

static void setup(void)
{
    memset(places, 0, sizeof places);
    timer_heap_start(&heap, (uintptr_t)&places[0].node);
    count = 0;
    highest_rank = 0;
}

static struct timer_node *node(unsigned i)
{
    return &places[1 + i].node;
}

/* The model's first deadline that is not before this one. */
static unsigned model_find(uint64_t deadline)
{
    unsigned low = 0, high = count;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (model[middle] < deadline)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert(unsigned i, uint64_t deadline)
{
    unsigned at = model_find(deadline);

    memmove(&model[at + 1], &model[at], (count - at) * sizeof model[0]);
    model[at] = deadline;
    count++;
    node(i)->deadline = deadline;
    timer_heap_insert(&heap, node(i));
}

static void take_out(struct timer_node *which)
{
    unsigned at = model_find(which->deadline);

    CHECK_EQ(at < count && model[at] == which->deadline, 1);
    memmove(&model[at], &model[at + 1], (count - at - 1) * sizeof model[0]);
    count--;
    timer_heap_remove(&heap, which);
    which->deadline = 0;
}

static void check_first(void)
{
    const struct timer_node *first = timer_heap_first(&heap);

    CHECK_EQ(first != NULL, count > 0);
    if (first != NULL)
        CHECK_EQ(first->deadline, model[0]);
}

/* 2^rank - 1 nodes are the fewest below a node of that rank. */
static void check_whole(void)
{
    unsigned found = 0;

    for (const struct timer_node *each = timer_heap_first(&heap); each != NULL;
         each = timer_heap_next(&heap, each)) {
        CHECK_EQ(found++ < count, 1);
        CHECK_EQ(timer_heap_is_sound(&heap, each), 1);
        CHECK_EQ((1u << each->rank) - 1 <= count, 1);
        if (each->rank > highest_rank)
            highest_rank = each->rank;
    }
    CHECK_EQ(found, count);
}

static uint64_t random_number(uint64_t below)
{
    static uint64_t state = 1;

    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (state >> 33) % below;
}

TEST("an empty heap has no first node, and one node is the first until it is taken out")
{
    setup();
    CHECK_EQ(timer_heap_first(&heap) == NULL, 1);
    insert(7, 100);
    CHECK_EQ(timer_heap_first(&heap) == node(7), 1);
    check_whole();
    take_out(node(7));
    CHECK_EQ(timer_heap_first(&heap) == NULL, 1);
}

TEST("100,000 random insertions and removals keep the earliest deadline first")
{
    setup();
    for (unsigned i = 0; i < OPERATIONS; i++) {
        unsigned which = (unsigned)random_number(2000);
        /* Few different deadlines at times, so that many are equal. */
        uint64_t deadline = 1 + random_number(i % 3000 < 1000 ? 20 : 1000000);

        if (node(which)->deadline != 0)
            take_out(node(which));
        else
            insert(which, deadline);
        if (count > 0 && random_number(8) == 0)
            take_out(timer_heap_first(&heap));
        check_first();
        if (i % 500 == 0)
            check_whole();
    }
    while (count > 0) {
        check_first();
        take_out(timer_heap_first(&heap));
    }
    CHECK_EQ(timer_heap_first(&heap) == NULL, 1);
}

static uint64_t ascending(unsigned i)
{
    return 1 + i;
}

static uint64_t descending(unsigned i)
{
    return NODES - i;
}

static uint64_t equal(unsigned i)
{
    (void)i;
    return 5;
}

static uint64_t saw(unsigned i)
{
    return i % 2 == 0 ? 1 + i : 2 * NODES - i;
}

static uint64_t any(unsigned i)
{
    (void)i;
    return 1 + random_number(1u << 30);
}

TEST("of 10,000 nodes in any order no rank is above 13, while they come and while they go")
{
    static uint64_t (*const orders[])(unsigned) = {ascending, descending, equal, saw, any};

    for (unsigned order = 0; order < sizeof orders / sizeof orders[0]; order++) {
        setup();
        for (unsigned i = 0; i < NODES; i++) {
            insert(i, orders[order](i));
            check_first();
        }
        check_whole();
        for (unsigned i = 0; i < NODES; i += 1 + i % 2)
            take_out(node(i));
        check_first();
        check_whole();
        while (count > 0) {
            check_first();
            take_out(timer_heap_first(&heap));
            if (count % 1000 == 0)
                check_whole();
        }
        harness_note("order %u: highest rank %u", order, highest_rank);
        CHECK_EQ(highest_rank <= 13, 1);
    }
}
