/* Faults that find no frame wait for those of a stopped program, for as long as its end takes: here the
 * root task may be as slow as it likes. */
#include <stddef.h>

#include "harness.h"
#include "protocol.h"
#include "world.h"

#define HOGS  3u
#define SLACK 60u  /* frames for stacks, tables and records of all hogs */
#define ROOM  200u /* frames that a space can be made of */
#define TICKS 20000u
#define WAITS 5000u /* of so many ticks, for what other harts do: seconds */

static struct world_space *hog(void)
{
    struct world_space *space = world_create(1);

    world_run(space, 0, WORKER_HOG);
    return space;
}

/* All are there before the first one takes what the others are made of. */
static void hogs(void)
{
    const struct world_space *spaces[HOGS];

    for (unsigned i = 0; i < HOGS; i++)
        spaces[i] = world_create(1);
    for (unsigned i = 0; i < HOGS; i++)
        world_run(spaces[i], 0, WORKER_HOG);
}

/* Waits until a thread tells something. */
static struct world_space *hear(enum worker_verdict *verdict)
{
    struct world_space *space;

    while ((space = world_poll(verdict)) == NULL)
        world_wait(TICKS / 10);
    return space;
}

/* Gives the pager its frames back.  What it keeps spare for tables is short of what it would like until
 * a space ends with memory at hand. */
static void end_shortage(void)
{
    world_limit(0);
    world_destroy(world_create(1));
}

/* Nobody tells anything any more, for a while. */
static bool all_wait(void)
{
    enum worker_verdict verdict;

    world_wait(10 * TICKS);
    return world_poll(&verdict) == NULL;
}

TEST("programs without a frame wait while one that was stopped is not destroyed yet, then they "
     "finish")
{
    uint64_t waits = world_statistic(PAGER_STAT_WAITS);
    bool alike = world_harts() == 1; /* they grow alike; else one may be done before the rest */
    enum worker_verdict verdict;

    world_limit(2 * WORKER_HOARD + SLACK);
    hogs();
    struct world_space *first = hear(&verdict);
    CHECK(verdict == WORKER_STARVED || (!alike && verdict == WORKER_FINE));
    CHECK(!alike || all_wait());
    while (world_statistic(PAGER_STAT_WAITS) == waits)
        world_wait(TICKS);
    CHECK(world_statistic(PAGER_STAT_FREE_FRAMES) == 0);
    world_destroy(first);
    for (unsigned i = 1; i < HOGS; i++) {
        struct world_space *next = hear(&verdict);

        CHECK_EQ(verdict, WORKER_FINE);
        world_destroy(next);
    }
    end_shortage();
}

TEST("of three programs of which one fits two are ended, however late each is destroyed")
{
    for (uint64_t ticks = 1; ticks < 10 * TICKS; ticks *= 5) {
        enum worker_verdict verdict;
        unsigned starved = 0, fine = 0;

        world_limit(WORKER_HOARD + SLACK);
        hogs();
        for (unsigned i = 0; i < HOGS; i++) {
            struct world_space *space = hear(&verdict);

            starved += verdict == WORKER_STARVED;
            fine += verdict == WORKER_FINE;
            world_wait(ticks);
            world_destroy(space);
        }
        end_shortage();
        if (world_harts() == 1)
            CHECK_EQ(fine, 1); /* else one may begin when another is over */
        CHECK(fine > 0);
        CHECK_EQ(starved, HOGS - fine);
    }
}

/* Waits until more faults wait than these, and nobody tells anything. */
static bool more_wait(uint64_t waits)
{
    enum worker_verdict verdict;

    for (unsigned i = 0; i < WAITS && world_poll(&verdict) == NULL; i++) {
        if (world_statistic(PAGER_STAT_WAITS) > waits)
            return true;
        world_wait(TICKS);
    }
    return false;
}

TEST("a program that is killed while its fault waits leaves no Reply behind")
{
    struct world_space *stopped;
    enum worker_verdict verdict;

    world_limit(WORKER_HOARD);
    stopped = hog();
    CHECK(hear(&verdict) == stopped);
    CHECK_EQ(verdict, WORKER_STARVED);
    for (unsigned i = 0; i < 80; i++) { /* more than there are Replies */
        uint64_t waits = world_statistic(PAGER_STAT_WAITS);
        struct world_space *space;

        world_limit(ROOM);
        space = world_create(1);
        world_limit(4);
        world_run(space, 0, WORKER_HOG);
        CHECK(more_wait(waits));
        world_destroy(space);
    }
    world_destroy(stopped);
    end_shortage();
}
