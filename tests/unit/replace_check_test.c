/* The checkers of replace.h and ghost.h see what they are for: each invariant is broken by hand. */
/* sources: user/pager/core/replace*.c user/pager/core/ghost.c */
#include "harness.h"

#include <string.h>

#include "replace.h"
#include "replace_kinds.h"

#define PAGES  6u
#define GHOSTS 64u

static struct replace replace;
static struct replace_page pages[PAGES];
static struct ghost ghosts[GHOSTS];

static bool never_accessed(void *context, uint32_t page)
{
    (void)context, (void)page;
    return false;
}

/* 0 given, 1 held, 2 to 4 queued, 5 out. */
static void begin(enum replace_policy policy)
{
    struct replace_config config = {.pages = pages,
                                    .count = PAGES,
                                    .ghosts = ghosts,
                                    .ghost_count = GHOSTS,
                                    .accessed = never_accessed};

    memset(pages, 0, sizeof pages);
    replace_init(&replace, &config, policy);
    replace_add(&replace, 0, 0, true);
    for (uint32_t page = 1; page < PAGES - 1; page++)
        replace_add(&replace, page, page, false);
    replace_hold(&replace, 1);
    CHECK_EQ(replace_check(&replace), NULL);
}

static void check_broken(const char *invariant)
{
    const char *broken = replace_check(&replace);

    CHECK(broken);
    CHECK_STRING(broken, invariant);
}

/* Queues as begin() makes them, one change, and what the checker says of it. */
#define BREAKS(kind, change, name) \
    do {                           \
        begin(kind);               \
        change;                    \
        check_broken(name);        \
    } while (0)

TEST("R1: a link that leads nowhere, backwards wrong, round in circles, or to too few is seen")
{
    BREAKS(REPLACE_CLOCK, pages[2].next = PAGES, "R1");
    BREAKS(REPLACE_CLOCK, pages[3].previous = 4, "R1");
    BREAKS(REPLACE_CLOCK, pages[4].next = 2, "R1");
    BREAKS(REPLACE_CLOCK, replace.queue[0].tail = 3, "R1");
    BREAKS(REPLACE_CLOCK, replace.queue[0].count = 4, "R1");
    BREAKS(REPLACE_CLOCK, replace.queue[1].head = 2, "R1");
    BREAKS(REPLACE_CLOCK, replace.queue[1].tail = 2, "R1");
}

TEST("R1: a page whose record says another queue or state is seen, in a queue and out of it")
{
    BREAKS(REPLACE_CLOCK, pages[3].queue = 1, "R1");
    BREAKS(REPLACE_CLOCK, pages[3].state = REPLACE_HELD, "R1");
    BREAKS(REPLACE_CLOCK, pages[3].stamp = 0, "R1");
    BREAKS(REPLACE_CLOCK, pages[0].state = REPLACE_QUEUED, "R1");
    BREAKS(REPLACE_CLOCK, pages[1].state = REPLACE_QUEUED, "R1");
    BREAKS(REPLACE_CLOCK, pages[1].state = REPLACE_GIVEN, "R1");
}

TEST("R2: a bit of `filled` too many or too few, and a wrong sum, are seen")
{
    BREAKS(REPLACE_LRU, replace.filled[3] |= 1, "R2");
    BREAKS(REPLACE_LRU, replace.filled[2] = 0, "R2");
    BREAKS(REPLACE_LRU, replace.queued++, "R2");
}

TEST("R3: a queue that the policy does not use is seen")
{
    BREAKS(REPLACE_FIFO, replace_move(&replace, 3, REPLACE_HOT), "R3");
    BREAKS(REPLACE_CLOCKPRO, replace_move(&replace, 3, REPLACE_HOT + 1), "R3");
}

TEST("R4: stamps out of order, a hot page in a test period, and no cold target are seen")
{
    BREAKS(REPLACE_CLOCKPRO, pages[2].stamp = pages[3].stamp + 1, "R4");
    BREAKS(REPLACE_CLOCKPRO, replace_move(&replace, 3, REPLACE_HOT), "R4");
    BREAKS(REPLACE_CLOCKPRO, replace.cold_target = 0, "R4");
}

TEST("R5: a record of a page that is out and says something is seen")
{
    BREAKS(REPLACE_FIFO, pages[PAGES - 1].marks = REPLACE_RETURNED, "R5");
}

TEST("E1, E2, E3: a ghost in another's bucket, twice, or not counted is seen")
{
    const struct ghost *found = ghosts;
    uint32_t place;

    begin(REPLACE_CLOCKPRO);
    replace_evict(&replace, 1, 77);
    while (found->identity != 77)
        found++;
    place = (uint32_t)(found - ghosts);
    ghosts[place ^ 1] = *found;
    check_broken("E2");
    ghosts[place ^ 1].stamp = 0;
    ghosts[(place + GHOST_WAYS) % GHOSTS] = *found;
    check_broken("E1");
    ghosts[(place + GHOST_WAYS) % GHOSTS].stamp = 0;
    replace.ghosts.count++;
    check_broken("E3");
}
