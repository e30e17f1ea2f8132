/* sources: mm/vspace.c mm/vspace_range.c mm/vspace_check.c */
/* sources: mm/removal.c mm/walk.c mm/table_pool.c mm/frame.c tests/unit/mm_fake.c */
/* Address spaces, promise by promise; mm_random_test.c mixes them. */
#include <string.h>

#include "harness.h"
#include "mm_fake.h"

#define R   FL_RIGHT_READ
#define W   FL_RIGHT_WRITE
#define X   FL_RIGHT_EXEC
#define GIB (1ull << 30)

static struct vspace *const space = &fake.spaces[0];
static const vaddr_t here = {0x5000};
static const uint64_t f = FAKE_USER_FRAMES;

static void make_world(void)
{
    fake_reset(1);
    CHECK_EQ(vspace_init(space, &fake.pool, fake.kernel_root), FL_OK);
}

/* The whole state that a refused call must leave alone. */
struct snapshot {
    struct fake_world world;
    unsigned char memory[FAKE_FRAMES][PAGE_BYTES];
};
static struct snapshot before, after;

static void snapshot_take(struct snapshot *snapshot)
{
    memcpy(&snapshot->world, &fake, sizeof fake);
    memcpy(snapshot->memory, frame_contents(&fake.table, fake_frame(0)), sizeof snapshot->memory);
}

static void check_unchanged(void)
{
    snapshot_take(&after);
    CHECK(memcmp(&before, &after, sizeof before) == 0);
}

static enum fl_error check_run(struct vspace_run run, uint64_t *tables)
{
    snapshot_take(&before);
    enum fl_error error = vspace_check_run(space, &run, tables);
    check_unchanged();
    return error;
}

static uint64_t tables_needed(struct vspace_run run)
{
    uint64_t tables = 0;
    CHECK_EQ(check_run(run, &tables), FL_OK);
    return tables;
}

TEST("a new space shows the kernel's half and nothing of a program's")
{
    make_world();
    const pte_t *root = frame_contents(&fake.table, space->root);
    const pte_t *kernel = frame_contents(&fake.table, fake.kernel_root);
    for (unsigned i = 0; i < SV39_ENTRIES; i++)
        CHECK_EQ(root[i].bits, i < SV39_USER_SLOTS ? 0 : kernel[i].bits);
    CHECK_EQ(vspace_entry(space, (vaddr_t){FL_USER_END}).bits, 0);
    CHECK_EQ(vspace_entry(space, (vaddr_t){UINT64_MAX}).bits, 0);
    fake_check();
    CHECK_EQ(vspace_destroy_step(space), FL_OK);
    CHECK_EQ(vspace_destroy_step(space), FL_OK);
    fake_check();
    CHECK_EQ(fake.pool.spare, FAKE_TABLES);
}

TEST("a space is not made from an empty pool")
{
    fake_reset(1);
    frame_t frame;
    while (table_pool_withdraw(&fake.pool, &frame) == FL_OK)
        continue;
    snapshot_take(&before);
    CHECK_EQ(vspace_init(space, &fake.pool, fake.kernel_root), FL_NO_TABLE);
    check_unchanged();
}

TEST("rights, ceiling, A and D of a map arrive in the entry")
{
    static const struct {
        uint32_t rights, ceiling;
        uint64_t bits;
    } rows[] = {
        {R, 0, PTE_R},
        {R, W | X, PTE_R | PTE_CEIL_W | PTE_CEIL_X},
        {R | W, W, PTE_R | PTE_W | PTE_CEIL_W},
        {X, X, PTE_X | PTE_CEIL_X},
        {R | X, X | W, PTE_R | PTE_X | PTE_CEIL_W | PTE_CEIL_X},
        {R | FL_MAP_ACCESSED, 0, PTE_R | PTE_A},
        {R | W | FL_MAP_DIRTY, W, PTE_R | PTE_W | PTE_D | PTE_CEIL_W},
        {R | W | FL_MAP_ACCESSED | FL_MAP_DIRTY, W, PTE_R | PTE_W | PTE_A | PTE_D | PTE_CEIL_W},
    };
    for (unsigned way = 0; way < 2; way++) {
        make_world();
        for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            struct vspace_run run = fake_run(i * PAGE_BYTES, f + i, 1, rows[i].rights);
            run.ceiling = rows[i].ceiling;
            if (way == 0)
                CHECK_EQ(vspace_map_page(space, &run), FL_OK);
            else
                fake_map(space, run);
            CHECK_EQ(fake_entry(space, run.address).bits,
                     rows[i].bits | PTE_V | PTE_U | fake_frame(f + i).value << PTE_PPN_SHIFT);
            CHECK_EQ(vspace_entry(space, run.address).bits, fake_entry(space, run.address).bits);
        }
        fake_check();
    }
}

TEST("a run knows exactly how many tables it needs")
{
    make_world();
    CHECK_EQ(tables_needed(fake_run(0x1000, f, 1, R)), 2);
    CHECK_EQ(tables_needed(fake_run(0x200000 - 0x1000, f, 2, R)), 3);
    CHECK_EQ(tables_needed(fake_run(GIB - 0x1000, f, 2, R)), 4);
    CHECK_EQ(tables_needed(fake_run(FL_USER_END - 64 * PAGE_BYTES, f, 64, R)), 2);
    fake_map(space, fake_run(GIB - 0x1000, f + 1, 1, R));
    CHECK_EQ(tables_needed(fake_run(GIB - 0x2000, f, 3, R)), 2);
    CHECK_EQ(tables_needed(fake_run(GIB - 0x2000, f, 2, R)), 0);
    CHECK_EQ(tables_needed(fake_run(0x200000 - 0x1000, f, 2, R)), 2);
    uint64_t sum = 7;
    struct vspace_run run = fake_run(0, f, 1, R);
    CHECK_EQ(vspace_check_run(space, &run, &sum), FL_OK);
    CHECK_EQ(sum, 8);
}

TEST("a check refuses bad frames and occupied pages, and changes nothing")
{
    uint64_t tables = 5;
    make_world();
    fake_map(space, fake_run(here.value, f, 1, R));
    CHECK_EQ(check_run(fake_run(0x6000, 1, 1, R), &tables), FL_BAD_FRAME); /* a table */
    CHECK_EQ(check_run(fake_run(0x6000, 0, 1, R), &tables), FL_BAD_FRAME); /* an object */
    CHECK_EQ(check_run(fake_run(0x6000, FAKE_FRAMES - 1, 1, R), &tables), FL_BAD_FRAME);
    CHECK_EQ(check_run(fake_run(0x6000, FAKE_FRAMES - FAKE_FIRMWARE - 3, 4, R), &tables),
             FL_BAD_FRAME);
    CHECK_EQ(check_run(fake_run(here.value, f + 1, 1, R), &tables), FL_OCCUPIED);
    CHECK_EQ(check_run(fake_run(here.value - 0x3000, f + 1, 5, R), &tables), FL_OCCUPIED);
    CHECK_EQ(check_run(fake_run(here.value, 1, 1, R | FL_MAP_REPLACE), &tables), FL_BAD_FRAME);
    fake.frames[f + 1].type = FRAME_USER;
    fake.frames[f + 1].count = FRAME_MAX_MAPS;
    CHECK_EQ(check_run(fake_run(0x6000, f + 1, 1, R), &tables), FL_OVERFLOW);
    CHECK_EQ(tables, 5);
    CHECK_EQ(check_run(fake_run(here.value, f, 1, R), &tables), FL_OK);
    CHECK_EQ(check_run(fake_run(here.value, f + 2, 1, R | FL_MAP_REPLACE), &tables), FL_OK);
}

TEST("a refused map of one page changes nothing")
{
    make_world();
    fake_map(space, fake_run(here.value, f, 1, R));
    struct vspace_run occupied = fake_run(here.value, f + 1, 1, R);
    struct vspace_run bad = fake_run(0x6000, 1, 1, R);
    struct vspace_run far = fake_run(5 * GIB, f, 1, R);
    frame_t taken;
    while (fake.pool.spare > 1)
        CHECK_EQ(table_pool_withdraw(&fake.pool, &taken), FL_OK);
    snapshot_take(&before);
    CHECK_EQ(vspace_map_page(space, &occupied), FL_OCCUPIED);
    CHECK_EQ(vspace_map_page(space, &bad), FL_BAD_FRAME);
    CHECK_EQ(vspace_map_page(space, &far), FL_NO_TABLE);
    check_unchanged();
}

TEST("filling an invalid entry needs no fence, code needs its own")
{
    make_world();
    fake_map(space, fake_run(here.value, f, 1, R));
    struct vspace_run data = fake_run(0x6000, f, 1, R | W);
    struct vspace_run code = fake_run(0x7000, f, 1, R | X);
    CHECK_EQ(vspace_map_page(space, &data), FL_OK);
    CHECK_EQ(fake.page_fences + fake.space_fences + fake.code_fences, 0);
    CHECK_EQ(vspace_map_page(space, &code), FL_OK);
    code.address.value = 0x8000;
    vspace_commit_run(space, &code);
    CHECK_EQ(fake.code_fences, 2);
    CHECK_EQ(fake.page_fences + fake.space_fences, 0);
}

/* Maps a run by vspace_map_page, or by a check and a commit as items of an answer are. */
static void map_by(bool as_item, struct vspace_run run)
{
    uint64_t tables = 0;
    if (!as_item) {
        CHECK_EQ(vspace_map_page(space, &run), FL_OK);
        return;
    }
    CHECK_EQ(vspace_check_run(space, &run, &tables), FL_OK);
    CHECK(tables <= fake.pool.spare);
    vspace_commit_run(space, &run);
}

TEST("every way to map code fences instructions once, and no way to map data does")
{
    static const struct {
        uint32_t frame, pages;
    } rows[] = {{0, 1},
                {1, 1},
                {0, 2},
                {2, 2}}; /* that there is, another, and the same with its neighbour */
    for (unsigned way = 0; way < 16; way++) {
        bool over = (way & 4) != 0, code = (way & 8) != 0;
        uint64_t pages = rows[way & 3].pages;
        for (unsigned as_item = pages > 1; as_item < 2; as_item++) {
            make_world();
            if (over)
                fake_map(space, fake_run(here.value, f, pages, R));
            map_by(as_item, fake_run(here.value, f + rows[way & 3].frame, pages,
                                     R | FL_MAP_REPLACE | (code ? X : W)));
            CHECK_EQ(fake.code_fences, code);
            fake_check();
        }
    }
    struct vspace_run run = fake_run(here.value, f, 1, R | X | FL_MAP_REPLACE);
    uint64_t done;
    CHECK_EQ(vspace_map(space, &run, &done), FL_OK);
    CHECK_EQ(fake.code_fences, 2);
}

TEST("a map of the frame that is there fences whichever right it takes, and none that it gives")
{
    static const uint32_t rights[] = {R, R | W, X, R | X, R | W | X};
    static const uint32_t accesses[] = {FL_ACCESS_READ, FL_ACCESS_WRITE, FL_ACCESS_EXEC};
    frame_t frame;
    for (unsigned way = 0; way < 5 * 5 * 4; way++) {
        uint32_t old = rights[way % 5], new = rights[way / 5 % 5];
        unsigned pages = 1 + way / 25 % 2, as_item = pages > 1 || way / 50 > 0;
        make_world();
        fake_map(space, fake_run(here.value, f, pages, old));
        for (unsigned i = 0; i < 3; i++)
            fake_touch(space, here, accesses[i], &frame);
        unsigned fences = fake.page_fences;
        map_by(as_item, fake_run(here.value, f, pages, new));
        fake_check();
        bool lost = (old & ~new) != 0;
        CHECK_EQ(fake.page_fences - fences, pages == 1 && lost);
        CHECK_EQ(fake.space_fences, pages > 1 && lost);
        for (unsigned i = 0; i < 3; i++)
            CHECK_EQ(fake_touch(space, here, accesses[i], &frame),
                     (new &accesses[i]) != 0 ? LOOK_SPURIOUS : LOOK_DENIED);
    }
}

TEST("a replaced page is fenced, then its frame is free and keeps A and D")
{
    make_world();
    frame_t frame;
    fake_map(space, fake_run(here.value, f, 1, R | W));
    CHECK_EQ(fake_touch(space, here, FL_ACCESS_WRITE, &frame), LOOK_SPURIOUS);
    struct vspace_run run = fake_run(here.value, f + 1, 1, R | FL_MAP_REPLACE);
    CHECK_EQ(vspace_map_page(space, &run), FL_OK);
    CHECK_EQ(fake.page_fences, 1);
    CHECK_EQ(fake.frames[f].type, FRAME_FREE);
    CHECK_EQ(fake.frames[f].flags, FRAME_STICKY_ACCESSED | FRAME_STICKY_DIRTY);
    CHECK_EQ(fake_entry(space, here).bits & PTE_AD, 0);
    CHECK_EQ(fake_touch(space, here, FL_ACCESS_READ, &frame), LOOK_SPURIOUS);
    CHECK_EQ(frame.value, fake_frame(f + 1).value);
    fake_check();
}

TEST("a run may replace pages by each other's frames, with one fence")
{
    make_world();
    fake_map(space, fake_run(here.value, f + 1, 1, R));
    fake_map(space, fake_run(here.value + PAGE_BYTES, f, 1, R));
    struct vspace_run run = fake_run(here.value, f, 2, R | FL_MAP_REPLACE);
    uint64_t tables = 0;
    CHECK_EQ(vspace_check_run(space, &run, &tables), FL_OK);
    vspace_commit_run(space, &run);
    CHECK_EQ(fake.space_fences, 1);
    CHECK_EQ(fake.page_fences, 0);
    CHECK_EQ(fake.frames[f].count, 1);
    CHECK_EQ(fake.frames[f + 1].count, 1);
    fake_check();
}

TEST("what takes a page's place is not there before the page is fenced, alone or in a run")
{
    for (uint64_t pages = 1; pages <= 3; pages++) {
        make_world();
        uint64_t done;
        frame_t frame;
        struct vspace_run run = fake_run(here.value, f + 3, pages, R | FL_MAP_REPLACE);
        fake_map(space, fake_run(here.value, f, 3, R));
        for (uint64_t i = 0; i < 3; i++) {
            vaddr_t address = {here.value + i * PAGE_BYTES};
            CHECK_EQ(fake_touch(space, address, FL_ACCESS_READ, &frame), LOOK_SPURIOUS);
        }
        CHECK_EQ(vspace_map(space, &run, &done), FL_OK); /* M4 of mm_fake.h */
        CHECK_EQ(fake.page_fences + fake.space_fences, 1);
        for (uint64_t i = 0; i < 3; i++) {
            vaddr_t address = {here.value + i * PAGE_BYTES};
            CHECK_EQ(fake_touch(space, address, FL_ACCESS_READ, &frame), LOOK_SPURIOUS);
            CHECK_EQ(frame.value, fake_frame(f + i + (i < pages ? 3 : 0)).value);
        }
        fake_check();
    }
}

TEST("a map of the frame that is there sets rights and ceiling and keeps A and D")
{
    make_world();
    frame_t frame;
    fake_map(space, fake_run(here.value, f, 1, R | W));
    CHECK_EQ(fake_touch(space, here, FL_ACCESS_WRITE, &frame), LOOK_SPURIOUS);
    struct vspace_run run = fake_run(here.value, f, 1, R);
    run.ceiling = 0;
    CHECK_EQ(vspace_map_page(space, &run), FL_OK);
    CHECK_EQ(fake.page_fences, 1);
    CHECK_EQ(fake.frames[f].count, 1);
    CHECK_EQ(fake_entry(space, here).bits & 0x3ff, PTE_V | PTE_R | PTE_U | PTE_A | PTE_D);
    fake_check();
    CHECK_EQ(fake_touch(space, here, FL_ACCESS_WRITE, &frame), LOOK_DENIED);
    run = fake_run(here.value, f, 1, R | W | FL_MAP_ACCESSED);
    CHECK_EQ(vspace_map_page(space, &run), FL_OK);
    CHECK_EQ(fake.page_fences, 1);
    CHECK_EQ(fake_touch(space, here, FL_ACCESS_WRITE, &frame), LOOK_SPURIOUS);
    fake_check();
}

TEST("protect lowers and raises up to the ceiling, and fences what it lowers")
{
    make_world();
    uint64_t done;
    frame_t frame;
    struct vspace_run run = fake_run(here.value, f, 2, R | W);
    run.ceiling = W;
    fake_map(space, run);
    CHECK_EQ(fake_touch(space, here, FL_ACCESS_WRITE, &frame), LOOK_SPURIOUS);
    CHECK_EQ(vspace_protect(space, here, 1, R, &done), FL_OK);
    CHECK_EQ(done, 1);
    CHECK_EQ(fake.page_fences, 1);
    CHECK_EQ(fake_touch(space, here, FL_ACCESS_WRITE, &frame), LOOK_DENIED);
    CHECK((fake_entry(space, here).bits & PTE_D) != 0);
    CHECK_EQ(vspace_protect(space, here, 2, R, &done), FL_OK);
    CHECK_EQ(fake.space_fences, 1);
    CHECK_EQ(vspace_protect(space, here, 2, R | W, &done), FL_OK);
    CHECK_EQ(fake.page_fences, 1);
    CHECK_EQ(fake.space_fences, 1);
    CHECK_EQ(fake_touch(space, here, FL_ACCESS_WRITE, &frame), LOOK_SPURIOUS);
    CHECK_EQ(vspace_protect(space, here, 2, R, &done), FL_OK);
    CHECK_EQ(fake.space_fences, 2);
    fake_check();
}

TEST("protect fences a page that loses R or X and keeps the rest")
{
    static const uint32_t steps[] = {R | W | X, R | W, R | X, R, R | X, X};
    make_world();
    uint64_t done;
    frame_t frame;
    unsigned fences = 0;
    fake_map(space, fake_run(here.value, f, 1, R | W | X));
    for (unsigned i = 1; i < sizeof steps / sizeof steps[0]; i++) {
        if ((steps[i - 1] & X) != 0)
            CHECK_EQ(fake_touch(space, here, FL_ACCESS_EXEC, &frame), LOOK_SPURIOUS);
        CHECK_EQ(vspace_protect(space, here, 1, steps[i], &done), FL_OK);
        fences += (steps[i - 1] & ~steps[i]) != 0;
        CHECK_EQ(fake.page_fences, fences);
        fake_check();
    }
}

TEST("protect above one entry's ceiling changes no entry")
{
    make_world();
    uint64_t done;
    struct vspace_run low = fake_run(here.value + 9 * PAGE_BYTES, f + 9, 1, R);
    low.ceiling = X;
    fake_map(space, fake_run(here.value, f, 9, R));
    fake_map(space, low);
    snapshot_take(&before);
    CHECK_EQ(vspace_protect(space, here, 10, R | W, &done), FL_CEILING);
    CHECK_EQ(done, 0);
    check_unchanged();
    CHECK_EQ(vspace_protect(space, here, 9, R | W, &done), FL_OK);
    CHECK_EQ(vspace_protect(space, here, 10, R | X, &done), FL_OK);
    CHECK_EQ(fake.code_fences, 1);
    fake_check();
}

TEST("unmap returns empty tables to the pool, zeroed, and frees the frames")
{
    make_world();
    frame_t frame;
    fake_map(space, fake_run(GIB - PAGE_BYTES, f, 2, R | W));
    CHECK_EQ(space->tables, 5);
    CHECK_EQ(fake_touch(space, (vaddr_t){GIB}, FL_ACCESS_WRITE, &frame), LOOK_SPURIOUS);
    fake_unmap(space, GIB, 1);
    CHECK_EQ(space->tables, 3);
    CHECK_EQ(fake.frames[f + 1].type, FRAME_FREE);
    CHECK_EQ(fake.frames[f + 1].flags, FRAME_STICKY_ACCESSED | FRAME_STICKY_DIRTY);
    fake_check();
    fake_unmap(space, 0, FL_USER_END / PAGE_BYTES);
    CHECK_EQ(space->tables, 1);
    CHECK_EQ(fake.frames[f].flags, 0);
    fake_check();
}

TEST("absent subtrees cost one entry, present ones one a page, and a step ends at its bound")
{
    make_world();
    uint64_t done;
    uint64_t all = FL_USER_END / PAGE_BYTES;
    CHECK_EQ(vspace_unmap(space, (vaddr_t){0}, all, &done), FL_OK);
    CHECK_EQ(done, all);
    fake_map(space, fake_run(0, f, 1, R));
    fake_map(space, fake_run(0x1ff000, f, 1, R));
    CHECK_EQ(vspace_unmap(space, (vaddr_t){0}, 600, &done), FL_MORE);
    CHECK_EQ(done, VSPACE_STEP);
    fake_map(space, fake_run(0x1ff000, f, 1, R));
    /* 256 entries of the first leaf table, then 256 absent leaf tables. */
    CHECK_EQ(vspace_protect(space, (vaddr_t){256 * PAGE_BYTES}, all - 256, R, &done), FL_MORE);
    CHECK_EQ(done, 256 + 256 * 512);
    /* 10 absent leaf tables, then as many entries of the eleventh as are left. */
    fake_unmap(space, 0, 600);
    fake_map(space, fake_run(10 * 0x200000, f, 1, R));
    CHECK_EQ(vspace_protect(space, (vaddr_t){0}, all, R, &done), FL_MORE);
    CHECK_EQ(done, 10 * 512 + VSPACE_STEP - 10);
    CHECK_EQ(vspace_protect(space, (vaddr_t){0}, 0, R, &done), FL_OK);
    CHECK_EQ(done, 0);
}

TEST("map goes on where it stopped and names the error at the page that has it")
{
    make_world();
    uint64_t done;
    for (unsigned i = 0; i < 4; i++)
        fake_map(space, fake_run(i * 150 * PAGE_BYTES, f, 150, R));
    CHECK_EQ(fake.frames[f + 149].count, 4);
    fake_map(space, fake_run(GIB + 70 * PAGE_BYTES, f + 200, 1, R));
    struct vspace_run run = fake_run(GIB, f, 100, R);
    CHECK_EQ(vspace_map(space, &run, &done), FL_OCCUPIED);
    CHECK_EQ(done, 70);
    run = fake_run(2 * GIB, f, 500, R); /* runs into the firmware's frames */
    CHECK_EQ(vspace_map(space, &run, &done), FL_BAD_FRAME);
    CHECK_EQ(done, FAKE_FRAMES - FAKE_FIRMWARE - f);
    fake_check();
}

TEST("map stops after a step")
{
    static struct frame frames[600];
    struct frame_table table;
    uint64_t done;
    make_world();
    frame_table_init(&table, frames, (frame_t){0x10000}, 600, fake.table.direct_offset);
    /* Frames without memory behind them: only their numbers are mapped. */
    static struct frame all[FAKE_FRAMES + 600];
    memcpy(all, fake.frames, sizeof fake.frames);
    for (unsigned i = 0; i < 600; i++)
        all[FAKE_FRAMES + i] = (struct frame){.type = FRAME_FREE};
    fake.table.frames = all;
    fake.table.count += 600;
    struct vspace_run run = fake_run(0x3000, FAKE_FRAMES, 600, R);
    CHECK_EQ(vspace_map(space, &run, &done), FL_MORE);
    CHECK_EQ(done, VSPACE_STEP);
    run = fake_run(0x3000 + done * PAGE_BYTES, FAKE_FRAMES + done, 600 - done, R);
    CHECK_EQ(vspace_map(space, &run, &done), FL_OK);
    CHECK_EQ(done, 600 - VSPACE_STEP);
    CHECK_EQ(vspace_count_leaves(space), 600);
    CHECK(vspace_check(space) == NULL);
}

TEST("with any number of tables in the pool a map does what they suffice for and no more")
{
    for (unsigned spare = 0; spare <= 8; spare++) {
        make_world();
        frame_t frame;
        while (fake.pool.spare > spare)
            CHECK_EQ(table_pool_withdraw(&fake.pool, &frame), FL_OK);
        struct vspace_run run = fake_run(GIB - 32 * PAGE_BYTES, f, 64, R);
        CHECK_EQ(tables_needed(run), 4);
        uint64_t done;
        CHECK_EQ(vspace_map(space, &run, &done), spare < 4 ? FL_NO_TABLE : FL_OK);
        CHECK_EQ(done, spare < 2 ? 0 : spare < 4 ? 32 : 64);
        CHECK_EQ(fake.table.mappings, done);
        fake_check();
        fake_destroy(space);
        fake_check();
        CHECK_EQ(fake.pool.spare, spare + 1);
    }
}

TEST("one look at fault time: absent, denied, A or D to set, spurious")
{
    make_world();
    pte_t entry;
    fake_map(space, fake_run(here.value, f, 1, R | W));
    fake_map(space, fake_run(0x6000, f, 1, X));
    CHECK_EQ(vspace_look_at_fault(space, (vaddr_t){0x4000}, FL_ACCESS_READ, &entry), LOOK_ABSENT);
    CHECK_EQ(entry.bits, 0);
    CHECK_EQ(vspace_look_at_fault(space, (vaddr_t){9 * GIB}, FL_ACCESS_READ, &entry), LOOK_ABSENT);
    CHECK_EQ(vspace_look_at_fault(space, (vaddr_t){FL_USER_END}, FL_ACCESS_READ, &entry),
             LOOK_ABSENT);
    CHECK_EQ(vspace_look_at_fault(space, (vaddr_t){UINT64_MAX}, FL_ACCESS_READ, &entry),
             LOOK_ABSENT);
    CHECK_EQ(vspace_look_at_fault(space, here, FL_ACCESS_EXEC, &entry), LOOK_DENIED);
    CHECK_EQ(entry.bits, fake_entry(space, here).bits);
    CHECK_EQ(vspace_look_at_fault(space, (vaddr_t){0x6000}, FL_ACCESS_READ, &entry), LOOK_DENIED);
    CHECK_EQ(vspace_look_at_fault(space, here, FL_ACCESS_READ, &entry), LOOK_SET_AD);
    CHECK_EQ(fake_entry(space, here).bits & PTE_AD, PTE_A);
    CHECK_EQ(vspace_look_at_fault(space, here, FL_ACCESS_READ, &entry), LOOK_SPURIOUS);
    CHECK_EQ(vspace_look_at_fault(space, here, FL_ACCESS_WRITE, &entry), LOOK_SET_AD);
    CHECK_EQ(fake_entry(space, here).bits & PTE_AD, PTE_AD);
    CHECK_EQ(vspace_look_at_fault(space, here, FL_ACCESS_WRITE, &entry), LOOK_SPURIOUS);
    CHECK_EQ(fake.page_fences, 2);
}

TEST("a core that cached invalid entries of any level goes on after one look")
{
    make_world();
    frame_t frame;
    fake.core_caches_invalid = true;
    CHECK(!fake_access(space, here, FL_ACCESS_READ, &frame));
    fake_map(space, fake_run(here.value, f, 1, R));
    CHECK(!fake_access(space, here, FL_ACCESS_READ, &frame));
    CHECK_EQ(fake_touch(space, here, FL_ACCESS_READ, &frame), LOOK_SPURIOUS);
    CHECK_EQ(frame.value, fake_frame(f).value);
}

TEST("a space is taken apart in bounded steps, and D of its pages survives it")
{
    make_world();
    frame_t frame;
    for (unsigned i = 0; i < 8; i++)
        fake_map(space, fake_run(i * 33 * GIB / 2, f + i, 1, R | W));
    for (unsigned i = SV39_ENTRIES; i < 3 * SV39_ENTRIES; i++) /* two full tables */
        fake_map(space, fake_run(i * PAGE_BYTES, f + 8, 1, R));
    CHECK_EQ(fake_touch(space, (vaddr_t){33 * GIB / 2}, FL_ACCESS_WRITE, &frame), LOOK_SPURIOUS);
    unsigned steps = 1;
    fake_leave(space);
    uint64_t mapped = fake.table.mappings;
    while (vspace_destroy_step(space) == FL_MORE) {
        CHECK(fake.table.mappings < mapped && mapped - fake.table.mappings <= VSPACE_STEP);
        mapped = fake.table.mappings;
        fake_check();
        steps++;
    }
    CHECK_EQ(steps, 4); /* one page, a full table, another, the other seven pages */
    CHECK_EQ(fake.frames[f + 1].flags, FRAME_STICKY_ACCESSED | FRAME_STICKY_DIRTY);
    CHECK_EQ(fake.frames[f].flags, 0);
    CHECK_EQ(fake.table.totals[FRAME_USER], 0);
    CHECK_EQ(fake.pool.spare, FAKE_TABLES);
    fake_check();
}

/* How many pages at most end in one step of the end of a space that maps the same frame at `pages` places
 * this far apart, from the first on. */
static uint64_t most_in_a_step(uint64_t first, uint64_t pages, uint64_t apart)
{
    uint64_t most = 0;
    make_world();
    for (unsigned i = 0; i < 250; i++)
        CHECK_EQ(table_pool_donate(&fake.pool, fake_frame(f + 1 + i)), FL_OK);
    for (unsigned i = 0; i < pages; i++)
        fake_map(space, fake_run(first + i * apart, f, 1, R));
    for (enum fl_error error = FL_MORE; error == FL_MORE;) {
        uint64_t mapped = fake.table.mappings;
        fake_leave(space);
        error = vspace_destroy_step(space);
        most = mapped - fake.table.mappings > most ? mapped - fake.table.mappings : most;
    }
    CHECK_EQ(fake.table.mappings, 0);
    fake_check();
    return most;
}

TEST("a step that takes a space apart counts tables and empty entries as work, too")
{
    const uint64_t table = SV39_ENTRIES * PAGE_BYTES; /* what one spans */
    uint64_t first = most_in_a_step(0, 200, table);
    CHECK(first > 1 && first <= VSPACE_STEP / 8);
    /* The last page of a GiB is found behind 511 empty entries of each of two tables. */
    uint64_t last = most_in_a_step(GIB - PAGE_BYTES, 60, GIB);
    CHECK(last > 1 && (last - 1) * 2 * 511 / 8 <= VSPACE_STEP);
}

TEST("a space that is gone has left nothing in the TLB")
{
    make_world();
    frame_t frame;
    fake.core_caches_invalid = true;
    CHECK(!fake_access(space, here, FL_ACCESS_READ, &frame));
    fake_map(space, fake_run(here.value + GIB, f, 1, R));
    CHECK_EQ(fake_touch(space, (vaddr_t){here.value + GIB}, FL_ACCESS_READ, &frame), LOOK_SPURIOUS);
    fake_unmap(space, here.value + GIB, 1);
    CHECK(!fake_access(space, here, FL_ACCESS_READ, &frame));
    CHECK(fake.cached > 0);
    fake_destroy(space);
    CHECK_EQ(fake.cached, 0);
}
