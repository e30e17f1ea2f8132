/* Small worlds of swap, searched to the end: every order of a few steps of up to three programs that share
 * two pages since forks, whose pages go out, are on their way out, are compressed, come back, and are merged
 * where they are equal, which is often, as there are few contents.  After each order every
 * program finds what a model of arrays says, and in the end nothing is lost.
 *
 * DEPTH=n in the environment: orders of so many steps.  WORLD=id, as a failure prints it, runs one order alone. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_swap_kit.h"

#include <stdio.h>
#include <stdlib.h>

#include "case_name.h"

#define PROGRAMS 3u
#define PAGES    2u
#define DEPTH    4u /* unless the environment says another */
#define DEEPEST  10u

enum world_step {
    WRITE,
    READ,
    FORK,
    EXIT,
    DROP,
    PAGEOUT, /* the program's own call */
    PART,    /* its second page is not to be merged any more */
    OUT,     /* from here on: of all programs */
    PACK,
    SETTLE,
    MERGE,
    STEPS
};

struct world_move {
    uint8_t step; /* enum world_step */
    uint8_t program;
};

static struct {
    struct space *space[PROGRAMS];
    uint8_t byte[PROGRAMS][PAGES];
    uint8_t last; /* byte that was written */
    uint64_t orders, merged;
    uint32_t depth;
    uint32_t order[DEEPEST]; /* of moves */
} world;

/* What programs may do; the last four are of all of them. */
static const struct world_move moves[] = {
    {WRITE, 0}, {WRITE, 1}, {WRITE, 2}, {READ, 0},   {READ, 1}, {READ, 2}, {FORK, 0},
    {FORK, 1},  {EXIT, 0},  {EXIT, 1},  {EXIT, 2},   {DROP, 0}, {DROP, 1}, {PAGEOUT, 1},
    {PART, 0},  {OUT, 0},   {PACK, 0},  {SETTLE, 0}, {MERGE, 0}};
#define MOVES (sizeof moves / sizeof moves[0])

/* ---- ids: moves with "/" between them ---- */

static size_t world_name_move(uint32_t move, char *name, size_t bytes)
{
    static const char *const names[STEPS] = {"write", "read", "fork", "exit",   "drop", "pageout",
                                             "part",  "out",  "pack", "settle", "merge"};

    return (size_t)snprintf(name, bytes, moves[move].step < OUT ? "%s%u" : "%s",
                            names[moves[move].step], (unsigned)moves[move].program);
}

static void world_write_id(char *name)
{
    size_t length = (size_t)snprintf(name, CASE_NAME_BYTES, "WORLD=");

    for (uint32_t i = 0; i < world.depth; i++) {
        if (i > 0)
            name[length++] = '/';
        length += world_name_move(world.order[i], name + length, CASE_NAME_BYTES - length);
    }
}

/* The moves of an id.  False: it is none. */
static bool world_read_id(const char *id)
{
    char name[CASE_NAME_BYTES];

    for (world.depth = 0; *id && world.depth < DEEPEST; id += *id == '/') {
        size_t length = strcspn(id, "/");
        uint32_t move = 0;

        while (move < MOVES && (world_name_move(move, name, sizeof name) != length ||
                                strncmp(name, id, length) != 0))
            move++;
        if (move == MOVES)
            return false;
        world.order[world.depth++] = move;
        id += length;
    }
    return !*id;
}

/* ---- the world ---- */

static void world_write(uint32_t program, uint64_t page)
{
    world.last = 1 + world.last % 2;
    kit_write(world.space[program], AT + page * PAGE, world.last);
    world.byte[program][page] = world.last;
}

static void world_begin(void)
{
    memset(world.space, 0, sizeof world.space);
    world.last = 0;
    kit_begin_swap(64, 100);
    world.space[0] = kit_space(1);
    kit_map(world.space[0], AT, PAGES, MAP_PRIVATE);
    CHECK(samepage_set(kit_vm(), SAMEPAGE_ON));
    CHECK_EQ(vm_advise(kit_vm(), world.space[0], AT, PAGES * PAGE, MADV_MERGEABLE), 0);
    for (uint64_t page = 0; page < PAGES; page++) {
        world.last = 0; /* the pages are equal */
        world_write(0, page);
    }
}

static void world_check(uint32_t program)
{
    for (uint64_t page = 0; world.space[program] && page < PAGES; page++)
        CHECK_EQ(kit_read(world.space[program], AT + page * PAGE), world.byte[program][page]);
}

static bool world_fork(uint32_t parent)
{
    uint32_t child = 0;

    while (child < PROGRAMS && world.space[child])
        child++;
    if (child == PROGRAMS)
        return false;
    world.space[child] = kit_space(child + 1);
    CHECK_EQ(vm_fork(kit_vm(), world.space[parent], world.space[child]), 0);
    memcpy(world.byte[child], world.byte[parent], PAGES);
    return true;
}

static bool world_put_out(void)
{
    for (uint32_t i = 0; i < PROGRAMS; i++)
        if (world.space[i])
            for (struct object *object = entry_find(&world.space[i]->map, AT)->object; object;
                 object = object->below)
                kit_advise_out(object, 0, PAGES);
    return kit_queued() > 0;
}

/* Two passes: what is equal then, and not out, is merged. */
static bool world_merge(void)
{
    const struct samepage_counts *counts = &kit_vm()->samepage.counts;
    uint64_t merged = counts->merged + counts->zero;

    samepage_wake(kit_vm());
    while (samepage_step(kit_vm()))
        kit_sound();
    world.merged += counts->merged + counts->zero - merged;
    return counts->merged + counts->zero > merged;
}

/* What is in memory goes to the store, which is off again then: what it holds stays. */
static bool world_pack(void)
{
    uint32_t pages = kit_vm()->tier.store.pages;

    CHECK_EQ(tier_set(kit_vm(), 40), 0);
    world_put_out();
    CHECK_EQ(tier_set(kit_vm(), 0), 0);
    return kit_vm()->tier.store.pages > pages;
}

/* False: it is no move here, or changes nothing. */
static bool world_move(const struct world_move *move)
{
    uint32_t program = move->program;

    if (!world.space[program] && move->step < OUT)
        return false;
    switch ((enum world_step)move->step) {
    case WRITE:
        world_write(program, 0);
        return true;
    case READ:
        world_check(program);
        return true;
    case FORK:
        return world_fork(program);
    case EXIT:
        slow_destroy(&slow, world.space[program]);
        world.space[program] = NULL;
        return true;
    case DROP:
        CHECK_EQ(vm_advise(kit_vm(), world.space[program], AT + PAGE, PAGE, MADV_DONTNEED), 0);
        world.byte[program][1] = 0;
        return true;
    case PAGEOUT:
        CHECK_EQ(vm_advise(kit_vm(), world.space[program], AT, PAGES * PAGE, MADV_PAGEOUT), 0);
        return true;
    case PART:
        CHECK_EQ(vm_advise(kit_vm(), world.space[program], AT + PAGE, PAGE, MADV_UNMERGEABLE), 0);
        return true;
    case OUT:
        return world_put_out();
    case PACK:
        return world_pack();
    case SETTLE:
        if (kit_queued() == 0)
            return false;
        kit_settle();
        return true;
    case MERGE:
        return world_merge();
    case STEPS:
        break;
    }
    return false;
}

/* One order, from its beginning.  Returns how many of its moves were done before one that is none. */
static uint32_t world_run(void)
{
    uint32_t done = 0;

    case_name_begin(world_write_id);
    world_begin();
    while (done < world.depth && world_move(&moves[world.order[done]])) {
        kit_serve();
        done++;
    }
    for (uint32_t i = 0; i < PROGRAMS; i++)
        world_check(i);
    world.orders++;
    for (uint32_t i = 0; i < PROGRAMS; i++)
        if (world.space[i])
            slow_destroy(&slow, world.space[i]);
    CHECK(samepage_set(kit_vm(), SAMEPAGE_OFF));
    kit_end();
    case_name_end();
    return done;
}

/* The next order that does not begin with the first `done` + 1 moves of this one.  False: there is none. */
static bool world_next(uint32_t done)
{
    uint32_t at = done < world.depth ? done : world.depth - 1;

    for (uint32_t i = at + 1; i < world.depth; i++)
        world.order[i] = 0;
    while (++world.order[at] == MOVES) {
        world.order[at] = 0;
        if (at-- == 0)
            return false;
    }
    return true;
}

TEST("in every order of fork, write, read, exit, drop, page-out, compression and merge no program "
     "sees "
     "another's bytes")
{
    const char *wanted = case_name_wanted("WORLD"), *depth = getenv("DEPTH");

    world.depth = depth ? (uint32_t)strtoul(depth, NULL, 10) : DEPTH;
    CHECK(world.depth > 0 && world.depth <= DEEPEST);
    if (wanted) {
        if (!world_read_id(wanted))
            return;
        case_name_found();
        world_run();
        return;
    }
    while (world_next(world_run()))
        continue;
    harness_note("%u orders, %u pages merged", (unsigned)world.orders, (unsigned)world.merged);
    CHECK(depth || (world.orders > 1000 && world.merged > 1000));
}
