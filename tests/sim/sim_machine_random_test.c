/* Random calls of mm/ while several harts run the spaces: each access must reach what was mapped last, or
 * fault, D must be told exactly, and code must be what was mapped; on machines of every kind. */
/* sources: tests/sim/sim_machine.c tests/sim/sim_tlb.c tests/sim/sim_mmu.c tests/sim/sim_fence.c */
/* sources: tests/sim/sim_check.c tests/sim/sim_assert.c mm/[a-z]*.c */
#include <string.h>

#include "effort.h"
#include "sim_machine_kit.h"
#include "sweep.h"

#define PAGES  12u /* of a space; behind the first half of them other tables begin */
#define FRAMES 32u
#define STEPS  1000u
#define FULL   16u /* steps between checks that walk all tables */
#define ALL    (FL_RIGHT_READ | FL_RIGHT_WRITE | FL_RIGHT_EXEC)

/* What a page of a space shows. */
struct shown {
    bool mapped;
    bool dirty; /* written since D was read */
    uint32_t frame;
    uint32_t rights;
};

static struct {
    struct sim_machine_config machine;
    struct shown page[KIT_SPACES][PAGES];
    uint8_t version[FRAMES]; /* first byte of a frame */
    uint64_t steps;
} run;

/* A trace depends on its number alone. */
static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    harness_note("after %u steps", (unsigned)run.steps);
    harness_fail(__FILE__, __LINE__, what);
}

static uint32_t place(uint32_t page)
{
    return page < PAGES / 2 ? page : page + 512;
}

static uint32_t pick_rights(void)
{
    static const uint32_t rights[] = {FL_RIGHT_READ, FL_RIGHT_READ | FL_RIGHT_WRITE,
                                      FL_RIGHT_READ | FL_RIGHT_EXEC, ALL};
    return rights[sim_machine_random(4)];
}

/* A frame that no program may execute gets other contents, before it becomes code: whoever executed it
 * before must not execute those. */
static void write_code(uint32_t frame)
{
    const struct shown *end = &run.page[0][0] + KIT_SPACES * PAGES;

    for (const struct shown *shown = &run.page[0][0]; shown < end; shown++)
        if (shown->mapped && shown->frame == frame && (shown->rights & FL_RIGHT_EXEC) != 0)
            return;
    *sim_machine_contents(kit_frame(frame)) = ++run.version[frame];
}

/* --- steps --------------------------------------------------------------------------------- */

static void step_map(uint32_t space, uint32_t page)
{
    uint32_t frame = sim_machine_random(FRAMES), rights = pick_rights();
    struct shown *shown = &run.page[space][page];
    bool same = shown->mapped && shown->frame == frame;

    write_code(frame);
    kit_map(space, place(page), frame, rights);
    *shown = (struct shown){
        .mapped = true, .dirty = same && shown->dirty, .frame = frame, .rights = rights};
}

static void step_unmap(uint32_t space, uint32_t page, uint32_t count)
{
    kit_unmap(space, place(page), count);
    for (uint32_t i = 0; i < count; i++)
        run.page[space][page + i].mapped = false;
}

static void step_protect(uint32_t space, uint32_t page, uint32_t count)
{
    uint32_t rights = pick_rights();

    for (uint32_t i = 0; i < count; i++)
        if (run.page[space][page + i].mapped)
            write_code(run.page[space][page + i].frame);
    kit_protect(space, place(page), count, rights);
    for (uint32_t i = 0; i < count; i++)
        run.page[space][page + i].rights = rights;
}

static void step_harvest(uint32_t space, uint32_t page)
{
    struct shown *shown = &run.page[space][page];
    struct fl_harvest result;
    uint64_t done;

    vspace_harvest(&kit_space[space], kit_address(place(page)), 1,
                   FL_HARVEST_DIRTY | FL_HARVEST_ACCESSED, &result, &done);
    if (!shown->mapped)
        return;
    expect(result.absent == 0, "a page that is mapped is told as absent");
    expect((result.bits[0] >> 1 & 1) == shown->dirty, "D is told wrongly");
    shown->dirty = false;
}

static void step_clone(uint32_t space, uint32_t page, uint32_t count)
{
    uint32_t to = (space + 1) % KIT_SPACES, rights = pick_rights() & ~FL_RIGHT_WRITE;
    struct vspace_clone clone = {.to = &kit_space[to],
                                 .from = &kit_space[space],
                                 .address = kit_address(place(page)),
                                 .pages = count,
                                 .rights = rights | FL_CLONE_PROTECT,
                                 .ceiling = FL_RIGHT_WRITE | FL_RIGHT_EXEC};
    uint64_t done;

    step_unmap(to, page, count);
    expect(vspace_clone(&clone, &done) == FL_OK, "a clone is refused");
    for (uint32_t i = page; i < page + count; i++) {
        struct shown *from = &run.page[space][i];

        from->rights &= rights;
        run.page[to][i] = *from;
        run.page[to][i].dirty = false;
    }
}

static void step_revoke(uint32_t frame)
{
    struct shown *end = &run.page[0][0] + KIT_SPACES * PAGES;
    uint64_t cursor = 0;
    enum fl_error error;

    do
        error = sweep_step(sim_machine_frames(), kit_frame(frame), 1, &cursor);
    while (error == FL_MORE);
    expect(error == FL_OK, "a sweep does not end");
    for (struct shown *shown = &run.page[0][0]; shown < end; shown++)
        if (shown->frame == frame)
            shown->mapped = false;
}

/* The root of a space moves to another frame; the one that it left is given to the pool again. */
static void step_move_tables(uint32_t space)
{
    uint64_t cursor = 0;
    enum fl_error error;

    do
        error = sweep_step(sim_machine_frames(), kit_space[space].root, 1, &cursor);
    while (error == FL_MORE);
    expect(error == FL_OK, "a sweep does not end");
    for (uint32_t i = 0; i < KIT_TABLES; i++)
        table_pool_donate(&kit_pool, sim_machine_frame(i));
}

static void step_end_space(uint32_t space)
{
    sim_machine_leave(&kit_space[space]);
    while (vspace_destroy_step(&kit_space[space]) == FL_MORE)
        continue;
    kit_space[space] = (struct vspace){0};
    CHECK_EQ(vspace_init(&kit_space[space], &kit_pool, sim_machine_kernel_root()), FL_OK);
    memset(run.page[space], 0, sizeof run.page[space]);
}

static void step_touch(uint32_t page)
{
    static const uint32_t accesses[] = {FL_ACCESS_READ, FL_ACCESS_WRITE, FL_ACCESS_EXEC};
    uint32_t hart = sim_machine_random(run.machine.harts), access = accesses[sim_machine_random(3)];
    const struct vspace *space = sim_machine_loaded(hart);
    struct shown *shown;
    enum vspace_look look;
    pte_t entry;
    uint8_t *byte;

    if (space == NULL)
        return;
    shown = &run.page[space - kit_space][page];
    byte = sim_machine_touch(hart, kit_address(place(page)), access, &look, &entry);
    expect((byte != NULL) == (shown->mapped && (shown->rights & access) != 0),
           "an access faults that may not, or goes through that must not");
    if (byte == NULL)
        return;
    if (access == FL_ACCESS_WRITE)
        shown->dirty = true;
    if (access == FL_ACCESS_EXEC)
        expect(*byte == run.version[shown->frame], "old code is executed");
    else
        expect(byte == sim_machine_contents(kit_frame(shown->frame)), "another frame is reached");
}

/* In the middle of a fence another hart reads. */
static void run_meanwhile(void *context)
{
    uint32_t hart = sim_machine_random(run.machine.harts), page = sim_machine_random(PAGES);

    (void)context;
    sim_machine_access(hart, kit_address(place(page)), FL_ACCESS_READ);
}

static void step(void)
{
    uint32_t space = sim_machine_random(KIT_SPACES), page = sim_machine_random(PAGES);
    uint32_t half = page < PAGES / 2 ? PAGES / 2 : PAGES;
    uint32_t count = 1 + sim_machine_random(half - page), kind = sim_machine_random(100);

    if (kind < 50)
        step_touch(page);
    else if (kind < 65)
        sim_machine_load(sim_machine_random(run.machine.harts), &kit_space[space]);
    else if (kind < 67)
        sim_machine_load(sim_machine_random(run.machine.harts), NULL);
    else if (kind < 80)
        step_map(space, page);
    else if (kind < 86)
        step_unmap(space, page, count);
    else if (kind < 91)
        step_protect(space, page, count);
    else if (kind < 95)
        step_harvest(space, page);
    else if (kind < 97)
        step_clone(space, page, count);
    else if (kind < 98)
        step_revoke(page % FRAMES);
    else if (kind < 99)
        step_move_tables(space);
    else
        step_end_space(space);
}

static void check_step(void)
{
    const char *broken = run.steps % FULL == 0 ? kit_broken() : sim_machine_check_harts();

    expect(broken == NULL || *broken == 0, broken);
}

static void start(uint64_t trace, uint32_t variant)
{
    static const uint32_t bits[] = {16, 2, 1, 0};

    effort_trace_begin(trace, variant);
    memset(&run, 0, sizeof run);
    run.machine = kit_config(1 + trace % SIM_HARTS, bits[trace / 4 % 4]);
    run.machine.sets_ad = trace / 16 % 2;
    run.machine.caches_invalid = trace / 32 % 2;
    run.machine.caches_code = true;
    run.machine.evict_chance = trace / 64 % 2 * 16;
    run.machine.ahead_chance = trace / 128 % 2 * 32;
    run.machine.fence_takes_all = trace / 256 % 2;
    run.machine.seed = trace;
    kit_start(&run.machine);
    sim_machine_set_meanwhile(run_meanwhile, NULL);
}

static void run_trace(uint64_t seed, uint32_t variant)
{
    start(seed, variant);
    while (run.steps < STEPS) {
        run.steps++;
        step();
        check_step();
    }
    effort_trace_end();
}

TEST("accesses by many harts reach what was mapped last, whatever mm/ is asked meanwhile")
{
    effort_run_traces(400, STEPS, 0, run_trace);
}
