/* Replacement policies: each rule by name, and all calls at random beside a naive second module. */
/* sources: user/pager/core/replace*.c user/pager/core/ghost.c tests/unit/replace_naive.c */
#include "harness.h"

#include <string.h>

#include "effort.h"
#include "replace.h"
#include "replace_kinds.h"
#include "replace_naive.h"

#define MANY           10000u
#define GHOST_PLACES   32u /* few: buckets run full */
#define IDENTITIES     200u
#define RANDOM_STEPS   60000u
#define RANDOM_RESTART 4000u

static struct {
    struct replace replace;
    struct replace_page pages[MANY];
    struct ghost ghosts[MANY];
    bool accessed[MANY];
    bool always; /* every page is accessed all the time */
} world;

static bool world_accessed(void *context, uint32_t page)
{
    bool accessed = world.accessed[page];

    (void)context;
    world.accessed[page] = false;
    return accessed || world.always;
}

static void world_begin(enum replace_policy policy, uint32_t pages, uint32_t ghosts)
{
    struct replace_config config = {.pages = world.pages,
                                    .count = pages,
                                    .ghosts = world.ghosts,
                                    .ghost_count = ghosts,
                                    .accessed = world_accessed};

    memset(&world, 0, sizeof world);
    replace_init(&world.replace, &config, policy);
    CHECK_EQ(replace_check(&world.replace), NULL);
}

/* A page comes in, without a fault. */
static void world_add(uint32_t page)
{
    replace_add(&world.replace, page, page, false);
}

static void world_add_all(uint32_t pages)
{
    for (uint32_t page = 0; page < pages; page++)
        world_add(page);
}

static uint32_t world_evict(void)
{
    uint32_t page = replace_victim(&world.replace);

    if (page != REPLACE_NONE)
        replace_evict(&world.replace, page, page);
    CHECK_EQ(replace_check(&world.replace), NULL);
    return page;
}

static void check_leave(const uint32_t *order, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        CHECK_EQ(world_evict(), order[i]);
}

/* ---- each rule ---- */

TEST("FIFO: pages leave in the order in which they came, whatever is accessed")
{
    world_begin(REPLACE_FIFO, 4, GHOST_PLACES);
    world_add(2);
    world_add(0);
    world_add(3);
    world.accessed[2] = true;
    check_leave((const uint32_t[]){2, 0, 3, REPLACE_NONE}, 4);
}

TEST("CLOCK: a page that was accessed gets a second chance, once")
{
    world_begin(REPLACE_CLOCK, 4, GHOST_PLACES);
    world_add_all(4);
    world.accessed[0] = world.accessed[1] = true;
    check_leave((const uint32_t[]){2, 3, 0, 1, REPLACE_NONE}, 5);
}

TEST("CLOCK: when all pages were accessed the first one leaves")
{
    world_begin(REPLACE_CLOCK, 4, GHOST_PLACES);
    world_add_all(4);
    for (uint32_t page = 0; page < 4; page++)
        world.accessed[page] = true;
    check_leave((const uint32_t[]){0, 1, 2, 3}, 4);
}

TEST("LRU: of pages used at different looks the one used longest ago leaves")
{
    world_begin(REPLACE_LRU, 4, GHOST_PLACES);
    world_add_all(4);
    for (uint32_t page = 4; page-- > 1;) { /* looks: at 3, 2, 1, each in use at the next too */
        for (uint32_t used = page; used < 4; used++)
            world.accessed[used] = used == page;
        replace_put_back(&world.replace, replace_victim(&world.replace));
    }
    check_leave((const uint32_t[]){0, 3, 2, 1}, 4);
}

TEST("LFU: the page leaves that fewest looks found accessed, not the one used longest ago")
{
    world_begin(REPLACE_LFU, 3, GHOST_PLACES);
    world_add_all(3);
    for (uint32_t i = 0; i < 4; i++) {
        world.accessed[0] = true;
        world.accessed[2] = i > 2;
        replace_put_back(&world.replace, replace_victim(&world.replace));
    }
    check_leave((const uint32_t[]){1, 2, 0}, 3);
}

TEST("LFU: what was used often and is used no longer leaves in the end")
{
    uint32_t victim = REPLACE_NONE;

    world_begin(REPLACE_LFU, 2, GHOST_PLACES);
    world_add_all(2);
    for (uint32_t i = 0; i < 200; i++) {
        world.accessed[0] = true;
        replace_put_back(&world.replace, replace_victim(&world.replace));
    }
    for (uint32_t i = 0; i < 200 && victim != 0; i++) {
        world.accessed[1] = true;
        victim = replace_victim(&world.replace);
        replace_put_back(&world.replace, victim);
    }
    CHECK_EQ(victim, 0);
}

TEST("LFU: a count that can't grow stays as it is")
{
    world_begin(REPLACE_LFU, 1, GHOST_PLACES);
    world.always = true;
    world_add(0);
    replace_move(&world.replace, 0, REPLACE_QUEUES - 2);
    CHECK_EQ(replace_victim(&world.replace), 0);
    CHECK_EQ(world.pages[0].queue, REPLACE_QUEUES - 1);
}

TEST("CLOCK-Pro: a page that comes in again soon is hot, and a scan does not displace it")
{
    world_begin(REPLACE_CLOCKPRO, 8, 4 * GHOST_PLACES);
    world_add_all(8);
    CHECK_EQ(world_evict(), 0);
    world_add(0);
    CHECK_EQ(world.replace.returned, 1);
    for (uint32_t scanned = 100; scanned < 120; scanned++) {
        uint32_t frame = replace_victim(&world.replace);

        CHECK(frame != 0);
        replace_evict(&world.replace, frame, scanned);
        replace_add(&world.replace, frame, scanned + 1000, false);
        CHECK_EQ(replace_check(&world.replace), NULL);
    }
}

TEST("CLOCK-Pro: a page that comes in again after its test period is as any new one")
{
    world_begin(REPLACE_CLOCKPRO, 8, 4 * GHOST_PLACES);
    world_add_all(4);
    CHECK_EQ(world_evict(), 0);
    CHECK_EQ(world_evict(), 1);
    world_add(1); /* hot, and unused from now on */
    world.replace.cold_target = 3;
    replace_put_back(&world.replace, replace_victim(&world.replace)); /* the hot hand passes it */
    CHECK_EQ(world.replace.queue[REPLACE_HOT].count, 0);
    world_add(0);
    CHECK_EQ(world.replace.returned, 1);
    CHECK_EQ(world.replace.queue[REPLACE_HOT].count, 0);
}

TEST("CLOCK-Pro: a page whose test ended for nothing leaves no ghost, and one page fewer shall be "
     "cold")
{
    world_begin(REPLACE_CLOCKPRO, 8, 4 * GHOST_PLACES);
    world_add_all(4);
    CHECK_EQ(world_evict(), 0);
    world_add(0); /* hot, behind 1, 2 and 3 */
    world.replace.cold_target = 4;
    CHECK_EQ(replace_victim(&world.replace), 1);
    CHECK_EQ(world.replace.cold_target, 3);
    replace_evict(&world.replace, 1, 1);
    CHECK_EQ(world.replace.ghosts.count, 0);
}

TEST("a page given to a fault is no victim before its first access, which is not counted for it")
{
    for (enum replace_policy policy = 0; policy < REPLACE_POLICIES; policy++) {
        world_begin(policy, 4, GHOST_PLACES);
        replace_add(&world.replace, 1, 1, true);
        CHECK_EQ(world_evict(), REPLACE_NONE);
        world_add(2);
        CHECK_EQ(world_evict(), 2);
        CHECK_EQ(world_evict(), REPLACE_NONE);
        world.accessed[1] = true;
        CHECK_EQ(world_evict(), 1);
    }
}

TEST("a given page that nobody waits for any longer can leave without an access")
{
    world_begin(REPLACE_DEFAULT, 4, GHOST_PLACES);
    replace_add(&world.replace, 1, 1, true);
    replace_settle(&world.replace, 1);
    replace_settle(&world.replace, 1);
    CHECK_EQ(replace_check(&world.replace), NULL);
    CHECK_EQ(world_evict(), 1);
}

TEST("a held page is no victim, under every policy and across a switch, and may be put back or "
     "removed")
{
    for (enum replace_policy policy = 0; policy < REPLACE_POLICIES; policy++) {
        world_begin(policy, 4, GHOST_PLACES);
        replace_add(&world.replace, 0, 0, true);
        world_add(1);
        world_add(2);
        for (uint32_t page = 0; page < 3; page++)
            replace_hold(&world.replace, page);
        CHECK_EQ(world_evict(), REPLACE_NONE);
        replace_put_back(&world.replace, 0);
        replace_switch(&world.replace, (policy + 1) % REPLACE_POLICIES);
        CHECK_EQ(replace_check(&world.replace), NULL);
        replace_remove(&world.replace, 2);
        CHECK_EQ(world_evict(), 0);
        CHECK_EQ(world_evict(), REPLACE_NONE);
        replace_put_back(&world.replace, 1);
        CHECK_EQ(world_evict(), 1);
    }
}

TEST("a switch from any policy to any takes all pages over, in the order in which they would have "
     "left")
{
    for (enum replace_policy from = 0; from < REPLACE_POLICIES; from++)
        for (enum replace_policy to = 0; to < REPLACE_POLICIES; to++) {
            world_begin(from, 6, GHOST_PLACES);
            world_add_all(5);
            replace_add(&world.replace, 5, 5, true);
            replace_switch(&world.replace, to);
            CHECK_EQ(world.replace.policy, to);
            check_leave((const uint32_t[]){0, 1, 2, 3, 4, REPLACE_NONE}, 6);
            world.accessed[5] = true;
            CHECK_EQ(world_evict(), 5);
        }
}

TEST("a page of no use is the next victim under every policy, unless it is accessed until then")
{
    for (uint32_t policy = 0; policy < REPLACE_POLICIES; policy++) {
        world_begin((enum replace_policy)policy, 8, GHOST_PLACES);
        replace_cool(&world.replace, 3); /* out: nothing */
        world_add_all(5);
        replace_add(&world.replace, 5, 5, true);
        replace_cool(&world.replace, 5);
        replace_cool(&world.replace, 3);
        check_leave((const uint32_t[]){3, 5}, 2);
        CHECK_EQ(world.replace.ghosts.count, 0);
    }
}

TEST("stamp 0 is passed over when a page is put in front of the first")
{
    world_begin(REPLACE_CLOCKPRO, 8, GHOST_PLACES);
    world.replace.clock = UINT32_MAX;
    world_add_all(3);
    CHECK_EQ(world.pages[0].stamp, 1);
    replace_cool(&world.replace, 2);
    CHECK_EQ(world.pages[2].stamp, UINT32_MAX);
    check_leave((const uint32_t[]){2, 0, 1}, 3);
}

static bool leaves_soon(uint32_t page, uint32_t victim)
{
    const struct replace_soon soon = replace_soon_after(&world.replace, victim);

    return replace_leaves_soon(&soon, page);
}

TEST("soon after a victim leave those that came not long after it, and none from a better queue")
{
    world_begin(REPLACE_CLOCK, 1000, GHOST_PLACES);
    world_add_all(999);
    CHECK_EQ(replace_victim(&world.replace), 0);
    CHECK(leaves_soon(1, 0));
    CHECK(leaves_soon(249, 0));
    CHECK(!leaves_soon(400, 0));
    CHECK(!leaves_soon(999, 0)); /* out */
    replace_hold(&world.replace, 2);
    CHECK(!leaves_soon(2, 0));
    world_begin(REPLACE_LRU, 8, GHOST_PLACES);
    world_add_all(4);
    replace_move(&world.replace, 1, 3);
    replace_move(&world.replace, 2, 3);
    CHECK_EQ(replace_victim(&world.replace), 1);
    CHECK(leaves_soon(2, 1));
    CHECK(!leaves_soon(3, 1));
}

TEST("of pages that are all in use none is idle, but one is a victim")
{
    world_begin(REPLACE_CLOCK, 100, GHOST_PLACES);
    world_add_all(100);
    world.always = true;
    CHECK_EQ(replace_idle_victim(&world.replace), REPLACE_NONE);
    CHECK(replace_victim(&world.replace) != REPLACE_NONE);
    world.always = false;
    CHECK(replace_idle_victim(&world.replace) != REPLACE_NONE);
}

TEST("two sets share the records: each has its own pages, and a switch of one leaves the other")
{
    static struct ghost ghosts[GHOST_PLACES];
    struct replace other;

    world_begin(REPLACE_LRU, 20, GHOST_PLACES);
    replace_init(&other,
                 &(struct replace_config){.pages = world.pages,
                                          .count = 20,
                                          .set = 1,
                                          .ghosts = ghosts,
                                          .ghost_count = GHOST_PLACES,
                                          .accessed = world_accessed},
                 REPLACE_LRU);
    for (uint32_t page = 0; page < 20; page += 2) {
        world_add(page);
        replace_add(&other, page + 1, page + 1, false);
    }
    replace_hold(&other, 19);
    replace_switch(&world.replace, REPLACE_LFU);
    CHECK_EQ(replace_check(&other), NULL);
    for (uint32_t i = 0; i < 10; i++)
        CHECK_EQ(world_evict() % 2, 0);
    CHECK_EQ(world_evict(), REPLACE_NONE);
    CHECK_EQ(other.queued, 9);
    CHECK(world.pages[19].stamp != 0);
    for (uint32_t i = 0; i < 9; i++) {
        uint32_t page = replace_victim(&other);

        CHECK_EQ(page % 2, 1);
        replace_evict(&other, page, page);
    }
    CHECK_EQ(replace_check(&other), NULL);
}

TEST("each policy has a name of its own")
{
    for (enum replace_policy a = 0; a < REPLACE_POLICIES; a++)
        for (enum replace_policy b = 0; b < a; b++)
            CHECK(strcmp(replace_name(a), replace_name(b)) != 0);
}

TEST("after any number of stamps CLOCK-Pro can take over, and no stamp is 0")
{
    world_begin(REPLACE_FIFO, 8, GHOST_PLACES);
    world.replace.clock = 1u << 31;
    replace_switch(&world.replace, REPLACE_CLOCKPRO);
    world_add_all(8);
    CHECK_EQ(world_evict(), 0);
    world_add(0);
    CHECK_EQ(world.replace.returned, 1);
    world.replace.clock = UINT32_MAX;
    replace_hold(&world.replace, 5);
    replace_put_back(&world.replace, 5);
    CHECK_EQ(world.pages[5].stamp, 1);
}

/* ---- bounds ---- */

TEST("a victim is found with a bounded number of looks, though each of 10,000 pages is always "
     "accessed")
{
    for (enum replace_policy policy = 0; policy < REPLACE_POLICIES; policy++) {
        uint64_t most = 0;

        world_begin(policy, MANY, MANY);
        world.always = true;
        for (uint32_t page = 0; page < MANY; page++)
            replace_add(&world.replace, page, page, page % 2);
        for (uint32_t i = 0; i < 1000; i++) {
            uint64_t looks = world.replace.looks;
            uint32_t page = replace_victim(&world.replace);

            CHECK(page != REPLACE_NONE);
            looks = world.replace.looks - looks;
            most = looks > most ? looks : most;
            replace_evict(&world.replace, page, page);
            replace_add(&world.replace, page, page + MANY, true);
        }
        CHECK_EQ(replace_check(&world.replace), NULL);
        harness_note("%s: at most %u looks", replace_name(policy), (unsigned)most);
        CHECK(most <= REPLACE_LOOKS_MAX);
    }
}

TEST("the last page in memory is a victim though it is always accessed")
{
    for (enum replace_policy policy = 0; policy < REPLACE_POLICIES; policy++) {
        world_begin(policy, 4, GHOST_PLACES);
        world.always = true;
        world_add(3);
        CHECK_EQ(world_evict(), 3);
    }
}

/* ---- at random, beside the naive module ---- */

static struct {
    struct naive naive;
    uint64_t state;
    uint32_t pages;
    uint32_t identity[NAIVE_PAGES]; /* of what is in each page */
} trace;

static uint32_t trace_random(uint32_t end)
{
    trace.state = trace.state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)((trace.state >> 33) % end);
}

static void trace_begin(enum replace_policy policy, uint32_t pages)
{
    trace.pages = pages;
    world_begin(policy, pages, GHOST_PLACES);
    naive_init(&trace.naive, pages, GHOST_PLACES, policy);
}

static void trace_access(void)
{
    for (uint32_t i = trace_random(8); i > 0; i--) {
        uint32_t page = trace_random(4) ? trace_random(trace.pages / 2) : trace_random(trace.pages);

        if (world.pages[page].state != REPLACE_OUT)
            world.accessed[page] = trace.naive.accessed[page] = true;
    }
}

static void trace_add(uint32_t page)
{
    bool given = trace_random(3) > 0;

    trace.identity[page] = trace_random(IDENTITIES);
    world.accessed[page] = trace.naive.accessed[page] = false;
    replace_add(&world.replace, page, trace.identity[page], given);
    naive_add(&trace.naive, page, trace.identity[page], given);
}

static void trace_victim(void)
{
    uint32_t page = replace_victim(&world.replace);

    CHECK_EQ(page, naive_victim(&trace.naive));
    if (page == REPLACE_NONE)
        return;
    if (trace_random(8) == 0) {
        replace_put_back(&world.replace, page);
        naive_put_back(&trace.naive, page);
    } else if (trace_random(8)) {
        replace_evict(&world.replace, page, trace.identity[page]);
        naive_evict(&trace.naive, page, trace.identity[page]);
    }
}

static void trace_change(uint32_t page)
{
    switch (world.pages[page].state) {
    case REPLACE_OUT:
        trace_add(page);
        break;
    case REPLACE_GIVEN:
        replace_settle(&world.replace, page);
        naive_settle(&trace.naive, page);
        break;
    case REPLACE_QUEUED:
        if (trace_random(4) == 0) {
            replace_hold(&world.replace, page);
            naive_hold(&trace.naive, page);
        }
        break;
    default:
        if (trace_random(2)) {
            replace_put_back(&world.replace, page);
            naive_put_back(&trace.naive, page);
        } else {
            replace_evict(&world.replace, page, trace.identity[page]);
            naive_evict(&trace.naive, page, trace.identity[page]);
        }
    }
}

static void trace_step(void)
{
    uint32_t page = trace_random(trace.pages);

    trace_access();
    if (trace_random(100) == 0) {
        replace_remove(&world.replace, page);
        naive_remove(&trace.naive, page);
    } else if (trace_random(3) == 0) {
        trace_change(page);
    } else if (world.pages[page].state == REPLACE_OUT) {
        trace_add(page);
    } else {
        trace_victim();
    }
}

static void trace_check(void)
{
    CHECK_EQ(replace_check(&world.replace), NULL);
    for (uint32_t page = 0; page < trace.pages; page++) {
        CHECK_EQ(world.pages[page].state, trace.naive.page[page].state);
        CHECK_EQ(world.accessed[page], trace.naive.accessed[page]);
    }
    CHECK_EQ(world.replace.ghosts.count, trace.naive.ghosts);
    CHECK_EQ(world.replace.cold_target, trace.naive.target);
}

static void trace_run(enum replace_policy policy, bool switches)
{
    struct effort effort = effort_begin(RANDOM_STEPS);

    trace.state = policy + 1;
    while (effort_continues(&effort)) {
        if (effort.done % RANDOM_RESTART == 1)
            trace_begin(policy, 4 + trace_random(NAIVE_PAGES - 3));
        if (switches && trace_random(200) == 0) {
            policy = (enum replace_policy)trace_random(REPLACE_POLICIES);
            replace_switch(&world.replace, policy);
            naive_switch(&trace.naive, policy);
        }
        trace_step();
        trace_check();
    }
    effort_end(&effort);
}

TEST("FIFO takes the same victims as its naive model, after any calls")
{
    trace_run(REPLACE_FIFO, false);
}

TEST("CLOCK takes the same victims as its naive model, after any calls")
{
    trace_run(REPLACE_CLOCK, false);
}

TEST("LRU takes the same victims as its naive model, after any calls")
{
    trace_run(REPLACE_LRU, false);
}

TEST("LFU takes the same victims as its naive model, after any calls")
{
    trace_run(REPLACE_LFU, false);
}

TEST("CLOCK-Pro takes the same victims as its naive model, after any calls")
{
    trace_run(REPLACE_CLOCKPRO, false);
}

TEST("all policies take the same victims as their naive models while they are switched")
{
    trace_run(REPLACE_DEFAULT, true);
}

TEST("stamps may wrap: CLOCK-Pro goes on as its model, which counts further")
{
    trace.state = 99;
    trace_begin(REPLACE_CLOCKPRO, NAIVE_PAGES);
    world.replace.clock = UINT32_MAX - 500;
    world.replace.passed = world.replace.clock;
    for (uint32_t i = 0; i < 5000; i++) {
        trace_step();
        trace_check();
    }
    CHECK(world.replace.clock < 100000);
}
