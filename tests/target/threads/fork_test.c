/* fork of a space with several threads: what the copy shows stood so at one moment, and a parent that
 * is killed meanwhile leaves a whole copy and nothing else. */
#include "harness.h"
#include "protocol.h"
#include "world.h"

#define ROUNDS       60u
#define ROUNDS_HARTS 10u /* with several harts */
#define STEP         2u  /* ticks; the boot argument STEP=1 strikes at each */
#define WIRED_STEP   13u /* times that: a fork that copies takes some 2,000 */
#define POINTS       10u /* with several harts, where a fork takes 2^17 ticks and more; or POINTS=n */
#define POINTS_FROM  16u /* ticks to the first of them ... */
#define WIDER        4u  /* ... and to each further one so many times as many */

TEST_LAW("free frames of the pager")
{
    return world_statistic(PAGER_STAT_FREE_FRAMES);
}

TEST_LAW("spaces, entries and objects of the pager")
{
    return world_statistic(PAGER_STAT_SPACES) + world_statistic(PAGER_STAT_ENTRIES) +
           world_statistic(PAGER_STAT_OBJECTS);
}

/* A space in which three threads write, all pages touched. */
static struct world_space *writers(bool wired)
{
    struct world_space *space = world_create(3);

    if (wired)
        world_wire(space);
    world_run(space, 0, WORKER_COUNT);
    world_run(space, 1, WORKER_FOLLOW_LOW);
    world_run(space, 2, WORKER_FOLLOW_HIGH);
    return space;
}

static enum worker_verdict check(struct world_space *copy)
{
    enum worker_verdict verdict;

    world_run(copy, 0, WORKER_CHECK);
    verdict = world_hear(copy);
    world_destroy(copy);
    return verdict;
}

TEST("copies of a space in which three threads write are consistent")
{
    struct world_space *parent = writers(false);
    unsigned fine = 0, rounds = world_harts() == 1 ? ROUNDS : ROUNDS_HARTS;

    for (unsigned i = 0; i < rounds; i++) {
        struct world_space *copy;
        enum worker_verdict verdict;

        world_wait(37 + 101 * (uint64_t)i);
        copy = world_fork(parent, 1);
        CHECK(copy != 0);
        verdict = check(copy);
        CHECK(verdict == WORKER_FINE || verdict == WORKER_EMPTY);
        fine += verdict == WORKER_FINE;
    }
    harness_note("%u of %u copies hold numbers", fine, rounds);
    CHECK(fine > rounds / 2);
    world_destroy(parent);
}

/* Forks with a blow `ticks` after the call.  Returns false when the fork was over by then. */
static bool fork_struck(bool wired, enum world_blow blow, uint64_t ticks)
{
    struct world_space *parent = writers(wired), *copy;
    enum worker_verdict verdict;
    uint64_t took;

    world_wait(
        1000); /* all harts but one may be busy elsewhere meanwhile: then nothing is written */
    copy = world_fork_under(parent, blow, ticks, &took);
    CHECK(copy != 0);
    verdict = check(copy);
    CHECK(verdict == WORKER_FINE || (verdict == WORKER_EMPTY && world_harts() > 1));
    world_destroy(parent);
    return took >= ticks;
}

static void strike_everywhere(bool wired, enum world_blow blow)
{
    uint64_t step = world_argument("STEP=", STEP) * (wired ? WIRED_STEP : 1), points = 0;

    while (fork_struck(wired, blow, points * step))
        points++;
    harness_note("%u points", (unsigned)points);
    CHECK(points > 20);
}

/* With several harts no fork takes as long as another. */
static void strike_here_and_there(bool wired, enum world_blow blow)
{
    uint64_t ticks = POINTS_FROM;
    unsigned points = 0, tries = (unsigned)world_argument("POINTS=", POINTS);

    for (unsigned i = 0; i < tries; i++) {
        bool struck = fork_struck(wired, blow, ticks);

        points += struck;
        ticks = struck ? ticks * WIDER : POINTS_FROM + i; /* between those before */
    }
    harness_note("%u of %u points", points, tries);
    CHECK(points >= tries / 2);
}

static void strike(bool wired, enum world_blow blow)
{
    if (world_harts() == 1)
        strike_everywhere(wired, blow);
    else
        strike_here_and_there(wired, blow);
}

TEST("they are too when the threads run in the middle of a fork, at any point of it")
{
    strike(false, WORLD_INTERRUPT);
}

TEST("and when the memory is wired, so that fork copies it")
{
    strike(true, WORLD_INTERRUPT);
}

TEST("a parent killed at any point of its fork leaves a whole copy and nothing else")
{
    strike(false, WORLD_KILL);
}

TEST("so does one whose memory is wired")
{
    strike(true, WORLD_KILL);
}
