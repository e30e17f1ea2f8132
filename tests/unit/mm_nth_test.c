/* sources: mm/vspace.c mm/vspace_range.c mm/vspace_clone.c mm/vspace_harvest.c mm/vspace_check.c */
/* sources: mm/sweep.c mm/removal.c mm/walk.c mm/table_pool.c mm/frame.c tests/unit/mm_fake.c */
/* sources: tests/unit/fail_nth.c */
/* The calls of mm/ when the pool has no N-th table for them, for every N until they need no more.
 *
 * A scenario is a call that takes steps.  Where it says FL_NO_TABLE, the pages that it says are done are
 * as after a run with tables enough, and all others as before; a call that is all or nothing has changed no bit
 * of memory.  Then the pool gets tables, one at a time or (a run with "+") all at once, and the call goes on to
 * the same end.  At last everything is destroyed, and frames and tables are back.  On cores that set A and D
 * themselves, on cores that trap for them, and on cores that cache invalid entries. */
#include <stdlib.h>
#include <string.h>

#include "fail_nth.h"
#include "harness.h"
#include "mm_fake.h"
#include "sweep.h"

#define R     FL_RIGHT_READ
#define W     FL_RIGHT_WRITE
#define X     FL_RIGHT_EXEC
#define GIB   (1ull << 30)
#define MIB   (1ull << 20)
#define F     FAKE_USER_FRAMES /* first frame of those that pages are mapped from */
#define PAGES 16u              /* of each place */

/* Where pages are, each across a border of tables; two of level 0, and two of level 1 at `edge`. */
static const uint64_t edge = GIB - 8 * PAGE_BYTES;
static const uint64_t middle = 3 * GIB + 2 * MIB - 8 * PAGE_BYTES;
static const uint64_t empty = 7 * GIB - 8 * PAGE_BYTES;

static struct vspace *const from = &fake.spaces[0];
static struct vspace *const to = &fake.spaces[1];

enum cores { CORES_SET, CORES_TRAP, CORES_CACHE_INVALID, CORES };

struct scenario {
    const char *name;
    enum fl_error (*step)(uint64_t *done); /* from page mm.done on; *done: pages more */
    uint64_t start;                        /* of the call's range */
    bool whole;                            /* all or nothing */
    uint32_t cores;                        /* enum cores */
};

/* What tables say of the places of both spaces, A and D left out. */
struct image {
    uint64_t entry[2][3][PAGES];
    uint64_t mappings;
};

static struct {
    uint64_t done;   /* pages, in all steps */
    uint64_t needed; /* tables, by a run that has enough */
    struct image before, after;
    frame_t kept[FAKE_TABLES]; /* taken out of the pool */
    uint32_t kept_count;
    uint64_t cursor; /* of a sweep */
    struct fake_world world;
    unsigned char memory[FAKE_FRAMES][PAGE_BYTES];
} mm;

/* ---- the world ---- */

static const uint64_t *mm_places(void)
{
    static uint64_t places[3];

    places[0] = edge;
    places[1] = middle;
    places[2] = empty;
    return places;
}

static vaddr_t mm_page(uint64_t place, uint64_t page)
{
    return (vaddr_t){place + page * PAGE_BYTES};
}

static void mm_image(struct image *image)
{
    for (unsigned space = 0; space < 2; space++)
        for (unsigned place = 0; place < 3; place++)
            for (unsigned page = 0; page < PAGES; page++)
                image->entry[space][place][page] =
                    fake.spaces[space].pool
                        ? fake_entry(&fake.spaces[space], mm_page(mm_places()[place], page)).bits &
                              ~PTE_AD
                        : 0;
    image->mappings = fake.table.mappings;
}

/* Cores have been everywhere: translations are cached, some pages are read and some written. */
static void mm_run_cores(struct vspace *space)
{
    frame_t frame;

    for (unsigned page = 0; page < PAGES; page++)
        for (unsigned place = 0; place < 3; place++)
            (void)fake_touch(space, mm_page(mm_places()[place], page),
                             page % 3 == 0 ? FL_ACCESS_WRITE : FL_ACCESS_READ, &frame);
}

static void mm_begin(uint32_t cores)
{
    fake_reset(1);
    fake.core_sets_ad = cores != CORES_TRAP;
    fake.core_caches_invalid = cores == CORES_CACHE_INVALID;
    CHECK_EQ(vspace_init(from, &fake.pool, fake.kernel_root), FL_OK);
    CHECK_EQ(vspace_init(to, &fake.pool, fake.kernel_root), FL_OK);
    fake_map(from, fake_run(edge, F, PAGES, R | W));
    fake_map(from, fake_run(middle, F + PAGES, PAGES, R | W | X));
    mm_run_cores(from);
    mm_run_cores(to);
    fake_check();
    mm.done = mm.cursor = 0;
    mm.kept_count = 0;
}

static void mm_limit(uint32_t spare)
{
    while (fake.pool.spare > spare)
        CHECK_EQ(table_pool_withdraw(&fake.pool, &mm.kept[mm.kept_count++]), FL_OK);
}

/* The pager gives tables: one, or as many as there are. */
static void mm_refill(bool all)
{
    uint32_t left = all || mm.kept_count == 0 ? 0 : mm.kept_count - 1;

    while (mm.kept_count > left)
        CHECK_EQ(table_pool_donate(&fake.pool, mm.kept[--mm.kept_count]), FL_OK);
}

/* D of each page that was written stands in its entry or with its frame. */
static bool mm_is_dirty_known(uint64_t index)
{
    const struct frame *frame = &fake.frames[index];

    if (!fake.written[index] || frame->type == FRAME_TABLE || (frame->flags & FRAME_STICKY_DIRTY))
        return true;
    for (unsigned space = 0; space < 2; space++)
        for (unsigned place = 0; place < 3; place++)
            for (unsigned page = 0; page < PAGES && fake.spaces[space].pool; page++) {
                pte_t entry = fake_entry(&fake.spaces[space], mm_page(mm_places()[place], page));

                if (sv39_is_valid(entry) && sv39_frame(entry).value == fake_frame(index).value &&
                    (entry.bits & PTE_D))
                    return true;
            }
    return false;
}

static void mm_sound(void)
{
    fake_check();
    for (uint64_t i = F; i < F + 2 * PAGES; i++)
        fail_nth_expect(mm_is_dirty_known(i), "D of a written page is lost");
}

static void mm_end(void)
{
    mm_refill(true);
    for (unsigned space = 0; space < 3; space++)
        if (fake.spaces[space].pool)
            fake_destroy(&fake.spaces[space]);
    mm_sound();
    fail_nth_expect(fake.table.mappings == 0, "mappings are lost");
    fail_nth_expect(fake.pool.in_use == 0, "tables are lost");
    for (uint64_t i = F; i < F + 2 * PAGES; i++)
        fail_nth_expect(fake.frames[i].type == FRAME_FREE, "a frame is not free");
}

/* ---- the law ---- */

static void mm_keep_all(void)
{
    mm.world = fake;
    memcpy(mm.memory, frame_contents(&fake.table, fake_frame(0)), sizeof mm.memory);
}

static void mm_expect_unchanged(void)
{
    fail_nth_expect(
        memcmp(&mm.world, &fake, sizeof fake) == 0 &&
            memcmp(mm.memory, frame_contents(&fake.table, fake_frame(0)), sizeof mm.memory) == 0,
        "a refused call changed something");
}

/* Pages of the call's range that are done are as they will be, all others as they were. */
static void mm_expect_done(const struct scenario *scenario)
{
    struct image now;

    mm_image(&now);
    for (unsigned space = 0; space < 2; space++)
        for (unsigned place = 0; place < 3; place++)
            for (unsigned page = 0; page < PAGES; page++) {
                uint64_t address = mm_page(mm_places()[place], page).value;
                bool done = address >= scenario->start &&
                            (address - scenario->start) / PAGE_BYTES < mm.done;
                const struct image *as = done ? &mm.after : &mm.before;

                fail_nth_expect(now.entry[space][place][page] == as->entry[space][place][page],
                                done ? "a page that is done is not as it should be"
                                     : "a page that is not done has changed");
            }
}

static void mm_expect_after(void)
{
    struct image now;

    mm_image(&now);
    fail_nth_expect(memcmp(&now, &mm.after, sizeof now) == 0, "the end is another one");
}

/* Steps until the end or until no table is left. */
static enum fl_error mm_go_on(const struct scenario *scenario)
{
    enum fl_error error;

    do {
        uint64_t done = 0;

        error = scenario->step(&done);
        mm.done += done;
    } while (error == FL_MORE);
    fail_nth_expect(error == FL_OK || error == FL_NO_TABLE, "another error than NO_TABLE");
    return error;
}

static enum fail_run mm_reference(const struct scenario *scenario)
{
    mm_begin(scenario->cores);
    mm.needed = fake.pool.spare;
    mm_image(&mm.before);
    fail_nth_expect(mm_go_on(scenario) == FL_OK, "the scenario fails without a failure");
    mm_sound();
    mm_image(&mm.after);
    mm.needed -= fake.pool.spare;
    mm_end();
    return FAIL_RUN_CLEAN;
}

static enum fail_run mm_run(const void *context)
{
    const struct scenario *scenario = context;
    enum fail_run outcome = FAIL_RUN_CLEAN;

    if (fail_nth_is_reference())
        return mm_reference(scenario);
    mm_begin(scenario->cores);
    mm_limit(fail_nth_number() - 1);
    mm_keep_all();
    while (mm_go_on(scenario) == FL_NO_TABLE) {
        outcome = FAIL_RUN_MET;
        if (scenario->whole)
            mm_expect_unchanged();
        mm_sound();
        mm_expect_done(scenario);
        mm_run_cores(from);
        mm_run_cores(to);
        mm_sound();
        mm_refill(fail_nth_is_lasting());
        mm_keep_all();
    }
    mm_sound();
    mm_expect_after();
    mm_run_cores(from);
    mm_run_cores(to);
    mm_end();
    return outcome;
}

/* ---- the calls ---- */

static enum fl_error step_init(uint64_t *done)
{
    *done = 0;
    return vspace_init(&fake.spaces[2], &fake.pool, fake.kernel_root);
}

static enum fl_error step_map_page(uint64_t *done)
{
    struct vspace_run run = fake_run(empty, F, 1, R | W | X);

    *done = 0;
    return vspace_map_page(from, &run);
}

/* As a fault's answer is committed. */
static enum fl_error step_run(uint64_t *done)
{
    struct vspace_run run = fake_run(empty, F, PAGES, R | W);
    uint64_t tables = 0;
    enum fl_error error = vspace_check_run(from, &run, &tables);

    *done = 0;
    if (error != FL_OK || tables > fake.pool.spare)
        return error != FL_OK ? error : FL_NO_TABLE;
    vspace_commit_run(from, &run);
    return FL_OK;
}

static enum fl_error step_map(uint64_t *done)
{
    struct vspace_run run = fake_run(empty + mm.done * PAGE_BYTES, F + mm.done, PAGES - mm.done, R);

    return vspace_map(from, &run, done);
}

/* Over pages that are there, and others of their tables. */
static enum fl_error step_map_over(uint64_t *done)
{
    uint64_t start = edge + 4 * PAGE_BYTES;
    struct vspace_run run = fake_run(start + mm.done * PAGE_BYTES, F + PAGES + mm.done,
                                     PAGES - mm.done, R | FL_MAP_REPLACE);

    return vspace_map(from, &run, done);
}

static enum fl_error mm_clone(uint64_t place, uint32_t rights, uint64_t *done)
{
    const struct vspace_clone clone = {.to = to,
                                       .from = from,
                                       .address = mm_page(place, mm.done),
                                       .pages = PAGES - mm.done,
                                       .rights = rights,
                                       .ceiling = W | X};

    return vspace_clone(&clone, done);
}

static enum fl_error step_clone(uint64_t *done)
{
    return mm_clone(edge, R | W, done);
}

static enum fl_error step_clone_protect(uint64_t *done)
{
    return mm_clone(edge, R | FL_CLONE_PROTECT, done);
}

static enum fl_error step_clone_code(uint64_t *done)
{
    return mm_clone(middle, R | X | FL_CLONE_PROTECT, done);
}

static enum fl_error step_protect(uint64_t *done)
{
    return vspace_protect(from, mm_page(middle, mm.done), PAGES - mm.done, R, done);
}

static enum fl_error step_unmap(uint64_t *done)
{
    return vspace_unmap(from, mm_page(edge, mm.done), PAGES - mm.done, done);
}

static enum fl_error step_harvest(uint64_t *done)
{
    struct fl_harvest result;

    return vspace_harvest(from, mm_page(middle, mm.done), PAGES - mm.done, FL_HARVEST_ACCESSED,
                          &result, done);
}

/* All pages of one place, out of both spaces. */
static enum fl_error step_sweep(uint64_t *done)
{
    *done = 0;
    return sweep_step(&fake.table, fake_frame(F), PAGES, &mm.cursor);
}

#define ON_ALL(name, step, start, whole)                                                   \
    {name, step, start, whole, CORES_SET}, {name "-trap", step, start, whole, CORES_TRAP}, \
    {                                                                                      \
        name "-invalid", step, start, whole, CORES_CACHE_INVALID                           \
    }

TEST("without a table each call of mm does what the tables suffice for, says how far, and goes on")
{
    const struct scenario scenarios[] = {
        ON_ALL("init", step_init, empty, true),
        ON_ALL("map-page", step_map_page, empty, true),
        ON_ALL("run", step_run, empty, true),
        ON_ALL("map", step_map, empty, false),
        ON_ALL("clone", step_clone, edge, false),
        ON_ALL("clone-protect", step_clone_protect, edge, false),
        ON_ALL("clone-code", step_clone_code, middle, false),
    };

    for (unsigned i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        uint64_t met = fail_nth_met(FAIL_TABLE);

        fail_nth_sweep(scenarios[i].name, 1u << FAIL_TABLE, mm_run, &scenarios[i]);
        if (getenv("NTH"))
            continue;
        CHECK(mm.needed > 0);
        CHECK_EQ(fail_nth_met(FAIL_TABLE) - met, 2 * mm.needed); /* with as many it does not fail */
    }
}

TEST("calls that take or look at entries need no table")
{
    const struct scenario scenarios[] = {
        ON_ALL("map-over", step_map_over, edge + 4 * PAGE_BYTES, false),
        ON_ALL("protect", step_protect, middle, false),
        ON_ALL("unmap", step_unmap, edge, false),
        ON_ALL("harvest", step_harvest, middle, false),
        ON_ALL("sweep", step_sweep, edge, false),
    };
    uint64_t met = fail_nth_met(FAIL_TABLE);

    for (unsigned i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
        fail_nth_sweep(scenarios[i].name, 1u << FAIL_TABLE, mm_run, &scenarios[i]);
    CHECK_EQ(fail_nth_met(FAIL_TABLE), met);
}

/* ---- a sweep of the tables themselves ---- */

#define SPARE (F + 4u * PAGES) /* first of the frames that tables may move to */

/* True if each page is mapped as before or not at all. */
static bool mm_is_less(const struct image *was, const struct image *is)
{
    const uint64_t *before = &was->entry[0][0][0], *now = &is->entry[0][0][0];

    for (unsigned i = 0; i < sizeof was->entry / sizeof before[0]; i++)
        if (now[i] != before[i] && now[i] != 0)
            return false;
    return true;
}

/* All tables lie in the range; N - 1 frames are there to move them to. */
static enum fail_run sweep_run(const void *context)
{
    uint32_t spare = fail_nth_number() - !fail_nth_is_reference(), step = 0;
    enum fl_error error = FL_MORE;
    uint64_t cursor = 0, frame = SPARE;
    struct image now;

    if (fail_nth_is_reference())
        spare = FAKE_TABLES;
    mm_begin(*(const enum cores *)context);
    mm_image(&mm.before);
    for (; frame < SPARE + spare; frame++)
        CHECK_EQ(table_pool_donate(&fake.pool, fake_frame(frame)), FL_OK);
    for (; error == FL_MORE || error == FL_NO_TABLE; step++) {
        fail_nth_expect(step < 2000, "a sweep without an end");
        error = sweep_step(&fake.table, fake_frame(1), FAKE_TABLES, &cursor);
        mm_sound();
        if (error != FL_NO_TABLE)
            continue;
        fail_nth_expect(sweep_stuck_space(&fake.table, cursor) == from ||
                            sweep_stuck_space(&fake.table, cursor) == to,
                        "a sweep is stuck in a space that is none");
        CHECK_EQ(table_pool_donate(&fake.pool, fake_frame(frame++)), FL_OK);
    }
    fail_nth_expect(error == FL_OK, "a sweep did not end well");
    for (uint64_t i = 1; i <= FAKE_TABLES; i++)
        fail_nth_expect(fake.frames[i].type == FRAME_FREE, "a table stayed in the range");
    mm_image(&now);
    fail_nth_expect(mm_is_less(&mm.before, &now), "a page that stayed mapped has changed");
    mm_end();
    return memcmp(&mm.before, &now, sizeof now) == 0 && frame == SPARE + spare ? FAIL_RUN_CLEAN
                                                                               : FAIL_RUN_MET;
}

TEST("tables leave a range whatever they can move to, and what they mapped is as before or not "
     "there")
{
    static const enum cores cores[CORES] = {CORES_SET, CORES_TRAP, CORES_CACHE_INVALID};
    static const char *const names[CORES] = {"sweep-tables", "sweep-tables-trap",
                                             "sweep-tables-invalid"};
    uint64_t met = fail_nth_met(FAIL_TABLE);

    for (unsigned i = 0; i < CORES; i++)
        fail_nth_sweep(names[i], 1u << FAIL_TABLE, sweep_run, &cores[i]);
    if (!getenv("NTH"))
        CHECK(fail_nth_met(FAIL_TABLE) - met >= 2 * 3 * 6); /* roots and what is below them */
}
