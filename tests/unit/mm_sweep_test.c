/* sources: mm/vspace.c mm/vspace_range.c mm/vspace_clone.c mm/vspace_check.c mm/sweep.c */
/* sources: mm/removal.c mm/walk.c mm/table_pool.c mm/frame.c tests/unit/mm_fake.c */
/* The sweep, promise by promise; mm_random_test.c runs two of them among all other calls. */
#include "sweep.h"

#include "harness.h"
#include "mm_fake.h"

#define R     FL_RIGHT_READ
#define RW    (FL_RIGHT_READ | FL_RIGHT_WRITE)
#define GIB   (1ull << 30)
#define MORE  (4u * FAKE_SPACES) /* frames that the pool needs besides, for 50 spaces */
#define FIRST (FAKE_USER_FRAMES + MORE)
#define PAGES 4u

static struct vspace *const space = &fake.spaces[0];

static void make_world(void)
{
    fake_reset(1);
    CHECK_EQ(vspace_init(space, &fake.pool, fake.kernel_root), FL_OK);
}

/* Repeats steps until the sweep is at its end; returns how many it took. */
static unsigned sweep(uint64_t first, uint64_t pages, enum fl_error expected)
{
    uint64_t cursor = 0;
    unsigned steps = 1;
    enum fl_error error;
    while ((error = sweep_step(&fake.table, fake_frame(first), pages, &cursor)) == FL_MORE) {
        fake_check();
        CHECK(cursor != 0 && steps < 1000);
        steps++;
    }
    CHECK_EQ(error, expected);
    fake_check();
    return steps;
}

/* --- 50 spaces ----------------------------------------------------------------------------- */

static vaddr_t page_of(unsigned s, uint64_t page)
{
    return (vaddr_t){s * GIB + 0x200000 - 2 * PAGE_BYTES + page * PAGE_BYTES};
}

/* Each space maps the range around a border of tables, and a page of its own behind it. */
static void make_spaces(void)
{
    fake_reset(1);
    for (uint64_t i = 0; i < MORE; i++)
        CHECK_EQ(table_pool_donate(&fake.pool, fake_frame(FAKE_USER_FRAMES + i)), FL_OK);
    for (unsigned s = 0; s < FAKE_SPACES; s++) {
        CHECK_EQ(vspace_init(&fake.spaces[s], &fake.pool, fake.kernel_root), FL_OK);
        fake_map(&fake.spaces[s], fake_run(page_of(s, 0).value, FIRST, PAGES, RW));
        fake_map(&fake.spaces[s], fake_run(page_of(s, PAGES).value, FIRST + PAGES + s, 1, RW));
    }
}

/* Some space touches some page of its: none that is gone comes back. */
static void run_spaces(bool gone[FAKE_SPACES][PAGES], bool written[PAGES])
{
    for (unsigned i = 0; i < 20; i++) {
        unsigned s = (unsigned)fake_random(FAKE_SPACES);
        uint64_t page = fake_random(PAGES + 1);
        uint32_t access = fake_random(2) == 0 ? FL_ACCESS_READ : FL_ACCESS_WRITE;
        frame_t frame;
        enum vspace_look look = fake_touch(&fake.spaces[s], page_of(s, page), access, &frame);
        if (page == PAGES) {
            CHECK_EQ(look, LOOK_SPURIOUS);
        } else if (look == LOOK_SPURIOUS) {
            CHECK(!gone[s][page]);
            written[page] = written[page] || access == FL_ACCESS_WRITE;
        } else {
            gone[s][page] = true;
        }
    }
}

TEST("a range mapped in 50 spaces that run is in none of them after a sweep, and D is kept")
{
    static bool gone[FAKE_SPACES][PAGES];
    bool written[PAGES] = {0};
    uint64_t cursor = 0;
    unsigned steps = 0;
    enum fl_error error;
    make_spaces();
    do {
        run_spaces(gone, written);
        error = sweep_step(&fake.table, fake_frame(FIRST), PAGES, &cursor);
        fake_check();
        steps++;
    } while (error == FL_MORE);
    CHECK_EQ(error, FL_OK);
    CHECK(steps > 2 * FAKE_SPACES && steps < 5 * FAKE_SPACES);
    for (unsigned s = 0; s < FAKE_SPACES; s++) {
        frame_t frame;
        for (uint64_t page = 0; page < PAGES; page++)
            CHECK_EQ(fake_touch(&fake.spaces[s], page_of(s, page), FL_ACCESS_READ, &frame),
                     LOOK_ABSENT);
        CHECK_EQ(fake_touch(&fake.spaces[s], page_of(s, PAGES), FL_ACCESS_WRITE, &frame),
                 LOOK_SPURIOUS);
        CHECK_EQ(frame.value, fake_frame(FIRST + PAGES + s).value);
    }
    for (uint64_t page = 0; page < PAGES; page++) {
        const struct frame *entry = &fake.frames[FIRST + page];
        CHECK_EQ(entry->type, FRAME_FREE);
        CHECK_EQ((entry->flags & FRAME_STICKY_DIRTY) != 0, written[page]);
    }
}

/* --- tables in the range ------------------------------------------------------------------- */

static frame_t table_of(unsigned level, vaddr_t address)
{
    frame_t table = space->root;
    for (unsigned above = 2; above > level; above--) {
        const pte_t *entries = frame_contents(&fake.table, table);
        table = sv39_frame(entries[sv39_index(address, above)]);
    }
    return table;
}

/* Whoever gets the frame learns nothing of the tables. */
static void check_zero(frame_t frame)
{
    const uint64_t *words = frame_contents(&fake.table, frame);
    for (unsigned i = 0; i < PAGE_BYTES / sizeof *words; i++)
        CHECK_EQ(words[i], 0);
}

TEST("a table of any level moves out of the range, and its space does not notice")
{
    for (unsigned level = 0; level < SV39_LEVELS; level++) {
        const vaddr_t here = {GIB + 0x5000};
        frame_t reached;
        make_world();
        fake_map(space, fake_run(here.value, FAKE_USER_FRAMES, 3, RW));
        CHECK_EQ(fake_touch(space, here, FL_ACCESS_WRITE, &reached), LOOK_SPURIOUS);
        pte_t before = fake_entry(space, here);
        frame_t table = table_of(level, here);
        sweep(table.value - FAKE_FIRST, 1, FL_OK);
        CHECK_EQ(frame_entry(&fake.table, table)->type, FRAME_FREE);
        check_zero(table);
        CHECK(table_of(level, here).value != table.value);
        CHECK_EQ(fake_entry(space, here).bits, before.bits);
        CHECK_EQ(fake_touch(space, here, FL_ACCESS_WRITE, &reached), LOOK_SPURIOUS);
        CHECK_EQ(reached.value, fake_frame(FAKE_USER_FRAMES).value);
        CHECK_EQ(fake.root_moves, level == 2);
        fake_destroy(space);
        CHECK_EQ(fake.pool.spare, FAKE_TABLES - 1);
    }
}

TEST("the root of an empty space moves too")
{
    make_world();
    frame_t root = space->root;
    sweep(root.value - FAKE_FIRST, 1, FL_OK);
    CHECK(space->root.value != root.value);
    CHECK_EQ(frame_entry(&fake.table, root)->type, FRAME_FREE);
}

TEST("spare frames in the range leave their pools, those outside stay")
{
    struct table_pool other;
    make_world();
    table_pool_init(&other, &fake.table);
    for (uint64_t i = 0; i < 6; i++)
        CHECK_EQ(table_pool_donate(&other, fake_frame(FAKE_USER_FRAMES + i)), FL_OK);
    uint64_t cursor = 0;
    while (sweep_step(&fake.table, fake_frame(FAKE_USER_FRAMES - 5), 8, &cursor) == FL_MORE)
        continue;
    CHECK_EQ(other.spare, 3);
    CHECK_EQ(fake.pool.spare + fake.pool.in_use, FAKE_TABLES - 5);
    CHECK_EQ(fake.pool.in_use, 1);
    CHECK(table_pool_check(&other) == NULL && table_pool_check(&fake.pool) == NULL);
    CHECK(frame_table_check(&fake.table) == NULL);
}

TEST("without a spare frame outside the range lower tables are emptied, and the root waits for one")
{
    const vaddr_t here = {0x5000};
    make_world();
    fake_map(space, fake_run(here.value, FAKE_USER_FRAMES, 1, RW));
    uint64_t cursor = 0;
    enum fl_error error = FL_MORE;
    while (error == FL_MORE)
        error = sweep_step(&fake.table, fake_frame(1), FAKE_TABLES, &cursor);
    CHECK_EQ(error, FL_NO_TABLE);
    CHECK_EQ(sweep_stuck_space(&fake.table, cursor), space);
    CHECK_EQ(fake.pool.spare, 0);
    CHECK_EQ(fake_entry(space, here).bits, 0);
    CHECK_EQ(space->tables, 1);
    fake_check();
    uint64_t stands = cursor;
    CHECK_EQ(sweep_step(&fake.table, fake_frame(1), FAKE_TABLES, &cursor), FL_NO_TABLE);
    CHECK_EQ(cursor, stands);
    CHECK_EQ(table_pool_donate(&fake.pool, fake_frame(FAKE_USER_FRAMES + 1)), FL_OK);
    do
        error = sweep_step(&fake.table, fake_frame(1), FAKE_TABLES, &cursor);
    while (error == FL_MORE);
    CHECK_EQ(error, FL_OK);
    for (uint64_t i = 1; i <= FAKE_TABLES; i++)
        CHECK_EQ(fake.frames[i].type, FRAME_FREE);
    CHECK_EQ(fake.frames[FAKE_USER_FRAMES].type, FRAME_FREE);
    fake_check();
}

TEST("a space that ends instead of a donation lets the sweep go on")
{
    make_world();
    fake_map(space, fake_run(0x5000, FAKE_USER_FRAMES, 1, RW));
    uint64_t cursor = 0;
    while (sweep_step(&fake.table, fake_frame(1), FAKE_TABLES, &cursor) == FL_MORE)
        continue;
    fake_destroy(space);
    while (sweep_step(&fake.table, fake_frame(1), FAKE_TABLES, &cursor) == FL_MORE)
        continue;
    CHECK_EQ(fake.table.totals[FRAME_TABLE], 0);
}

/* --- what must not slip through ------------------------------------------------------------ */

TEST("from its first step on nobody can clone a page of the range")
{
    uint64_t cursor = 0;
    uint64_t done;
    make_world();
    struct vspace *child = &fake.spaces[1];
    CHECK_EQ(vspace_init(child, &fake.pool, fake.kernel_root), FL_OK);
    fake_map(space, fake_run(0x5000, FAKE_USER_FRAMES, 3, RW));
    struct vspace_clone clone = {child, space, {0x5000}, 3, RW, FL_RIGHT_WRITE};
    CHECK_EQ(sweep_step(&fake.table, fake_frame(FAKE_USER_FRAMES + 1), 1, &cursor), FL_MORE);
    CHECK_EQ(vspace_clone(&clone, &done), FL_BAD_FRAME);
    CHECK_EQ(done, 1);
    CHECK_EQ(fake_entry(child, (vaddr_t){0x6000}).bits, 0);
    fake_check();
    sweep(FAKE_USER_FRAMES + 1, 1, FL_OK);
    clone.address.value = 0x6000;
    clone.pages = 2;
    CHECK_EQ(vspace_clone(&clone, &done), FL_OK);
    fake_check();
}

TEST("a table that one sweep moves carries nothing behind the cursor of another")
{
    uint64_t cursor = 0;
    const vaddr_t here = {0x5000};
    make_world();
    fake_map(space, fake_run(here.value, FAKE_USER_FRAMES, 1, RW));
    fake_map(space, fake_run(here.value + PAGE_BYTES, FAKE_USER_FRAMES + 1, 1, RW));
    frame_t table = table_of(0, here);
    CHECK_EQ(sweep_step(&fake.table, fake_frame(FAKE_USER_FRAMES), 1, &cursor), FL_MORE);
    cursor += table.value - FAKE_FIRST; /* it stands at the table */
    sweep(table.value - FAKE_FIRST, 1, FL_OK);
    CHECK_EQ(fake_entry(space, here).bits, 0);
    CHECK(sv39_is_valid(fake_entry(space, (vaddr_t){here.value + PAGE_BYTES})));
}

TEST("a table that moves takes no device along, as another sweep may be behind it")
{
    const vaddr_t here = {0x5000};
    make_world();
    fake_map(space, fake_run(here.value, FAKE_FRAMES + 7, 1, RW));
    fake_map(space, fake_run(here.value + PAGE_BYTES, FAKE_USER_FRAMES, 1, RW));
    sweep(table_of(0, here).value - FAKE_FIRST, 1, FL_OK);
    CHECK_EQ(fake_entry(space, here).bits, 0);
    CHECK(sv39_is_valid(fake_entry(space, (vaddr_t){here.value + PAGE_BYTES})));
}

TEST("no table moves to a frame of the range that was donated behind the sweep")
{
    const vaddr_t here = {0x5000};
    uint64_t cursor = 0;
    frame_t low;
    make_world();
    while (fake.pool.spare > 0)
        CHECK_EQ(table_pool_withdraw(&fake.pool, &low), FL_OK);
    for (uint64_t i = 1; i <= 2; i++)
        CHECK_EQ(table_pool_donate(&fake.pool, fake_frame(FAKE_USER_FRAMES + i)), FL_OK);
    fake_map(space, fake_run(here.value, FAKE_USER_FRAMES + 9, 1, RW));
    CHECK_EQ(table_pool_donate(&fake.pool, fake_frame(FAKE_USER_FRAMES + 20)), FL_OK);
    CHECK_EQ(table_pool_donate(&fake.pool, fake_frame(FAKE_USER_FRAMES + 21)), FL_OK);
    do
        CHECK_EQ(sweep_step(&fake.table, fake_frame(FAKE_USER_FRAMES), 3, &cursor), FL_MORE);
    while ((cursor & UINT32_MAX) <= FAKE_USER_FRAMES);
    CHECK_EQ(table_pool_donate(&fake.pool, fake_frame(FAKE_USER_FRAMES)), FL_OK);
    enum fl_error error;
    do
        error = sweep_step(&fake.table, fake_frame(FAKE_USER_FRAMES), 3, &cursor);
    while (error == FL_MORE);
    CHECK_EQ(error, FL_OK);
    for (uint64_t i = 0; i < 3; i++)
        CHECK_EQ(fake.frames[FAKE_USER_FRAMES + i].type, FRAME_FREE);
    fake_check();
}

TEST("a pinned frame loses its mappings and is told")
{
    frame_t frame;
    make_world();
    fake_map(space, fake_run(0x5000, FAKE_USER_FRAMES, 2, RW));
    CHECK_EQ(fake_touch(space, (vaddr_t){0x5000}, FL_ACCESS_WRITE, &frame), LOOK_SPURIOUS);
    CHECK_EQ(frame_pin(&fake.table, fake_frame(FAKE_USER_FRAMES)), FL_OK);
    sweep(FAKE_USER_FRAMES, 2, FL_BUSY);
    CHECK_EQ(fake.frames[FAKE_USER_FRAMES].count, 0);
    CHECK_EQ(fake.frames[FAKE_USER_FRAMES].flags, FRAME_STICKY);
    CHECK_EQ(fake.frames[FAKE_USER_FRAMES + 1].type, FRAME_FREE);
    frame_unpin(&fake.table, fake_frame(FAKE_USER_FRAMES));
    sweep(FAKE_USER_FRAMES, 2, FL_OK);
}

TEST("a range that nobody maps is done after one look at its frames")
{
    make_world();
    fake_map(space, fake_run(0x5000, FAKE_USER_FRAMES + 9, 1, RW));
    CHECK_EQ(frame_claim(&fake.table, fake_frame(FAKE_USER_FRAMES), FRAME_OBJECT, 0), FL_OK);
    CHECK_EQ(sweep(FAKE_USER_FRAMES, 9, FL_OK), 1);
    CHECK(sweep(FAKE_USER_FRAMES, 10, FL_OK) > 1);
}

TEST("device frames are taken out of every space like others")
{
    frame_t frame;
    make_world();
    fake_map(space, fake_run(0x5000, FAKE_FRAMES + 7, 2, RW));
    fake_map(space, fake_run(0x9000, FAKE_USER_FRAMES, 1, RW));
    CHECK_EQ(fake.table.mappings, 1);
    CHECK_EQ(fake_touch(space, (vaddr_t){0x5000}, FL_ACCESS_WRITE, &frame), LOOK_SPURIOUS);
    CHECK_EQ(frame.value, fake_frame(FAKE_FRAMES + 7).value);
    sweep(FAKE_FRAMES + 7, 1, FL_OK);
    CHECK_EQ(fake_touch(space, (vaddr_t){0x5000}, FL_ACCESS_WRITE, &frame), LOOK_ABSENT);
    CHECK_EQ(fake_touch(space, (vaddr_t){0x6000}, FL_ACCESS_WRITE, &frame), LOOK_SPURIOUS);
    fake_check();
}

TEST("what a step met is not forgotten by those that follow it in a range of more frames than one "
     "looks at")
{
    const uint64_t device = UINT64_MAX - VSPACE_STEP + 1; /* so far before the first frame */
    frame_t frame;
    make_world();
    fake_map(space, fake_run(0x5000, device, 1, RW));
    sweep(device, VSPACE_STEP + 1, FL_OK); /* the last frame of the range is the kernel's */
    CHECK_EQ(fake_touch(space, (vaddr_t){0x5000}, FL_ACCESS_READ, &frame), LOOK_ABSENT);
    CHECK_EQ(frame_pin(&fake.table, fake_frame(FAKE_USER_FRAMES)), FL_OK);
    sweep(FAKE_USER_FRAMES, VSPACE_STEP + 1, FL_BUSY);
    frame_unpin(&fake.table, fake_frame(FAKE_USER_FRAMES));
}

TEST("any cursor is safe, and every sweep ends from there")
{
    make_spaces();
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t cursor = fake_random(UINT64_MAX) & fake_random(UINT64_MAX);
        uint64_t first = 1 + fake_random(FAKE_FRAMES + 20);
        uint64_t pages = 1 + fake_random(i % 2 == 0 ? 3 : FAKE_FRAMES);
        if (i % 3 == 0)
            cursor = fake_random(4) << 56 | fake_random(FAKE_FRAMES);
        if (i % 7 == 0)
            cursor = UINT64_MAX - fake_random(2);
        for (unsigned steps = 0; steps < FAKE_FRAMES + 8; steps++) {
            enum fl_error error = sweep_step(&fake.table, fake_frame(first), pages, &cursor);
            if (error != FL_MORE)
                break;
            CHECK(steps < FAKE_FRAMES + 7);
        }
        if (i % 10 == 0)
            fake_check();
    }
    fake_check();
}
