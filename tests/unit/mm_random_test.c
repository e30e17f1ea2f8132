/* sources: mm/vspace.c mm/vspace_range.c mm/vspace_clone.c mm/vspace_harvest.c */
/* sources: mm/vspace_check.c mm/sweep.c */
/* sources: mm/removal.c mm/walk.c mm/table_pool.c mm/frame.c tests/unit/mm_fake.c tests/unit/mm_model.c */
/* Random calls and accesses on three spaces against a model of plain arrays.  The model predicts every status, every count of pages,
 * every fault and the number of tables; after each step of a trace that TRACE names. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "effort.h"
#include "harness.h"
#include "mm_model.h"
#include "sweep.h"

#define STEPS 80000u

/* --- steps --------------------------------------------------------------------------------- */

struct choice {
    uint64_t s;
    uint64_t page;
    struct vspace_run run;
    uint64_t frame;
};

static uint32_t random_rights(void)
{
    static const uint32_t leaves[] = {1, 3, 4, 5, 7};
    uint32_t rights = leaves[fake_random(5)];
    rights |= fake_random(2) == 0 ? FL_MAP_REPLACE : 0;
    rights |= fake_random(3) == 0 ? FL_MAP_ACCESSED : 0;
    rights |= (rights & FL_RIGHT_WRITE) != 0 && fake_random(3) == 0 ? FL_MAP_DIRTY : 0;
    return rights;
}

/* Pages of one part, frames mostly good. */
static struct choice choose(uint64_t most)
{
    struct choice c = {.s = fake_random(MODEL_SPACES)};
    uint64_t start = fake_random(MODEL_PART_PAGES);
    uint64_t pages = fake_random(3) == 0 ? 1 + fake_random(most) : 1;
    if (pages > MODEL_PART_PAGES - start)
        pages = MODEL_PART_PAGES - start;
    c.page = fake_random(MODEL_PARTS) * MODEL_PART_PAGES + start;
    c.frame = FAKE_USER_FRAMES + fake_random(MODEL_FRAMES);
    if (fake_random(40) == 0)
        c.frame = fake_random(FAKE_FRAMES + 2);
    c.run = fake_run(model_address(c.page), c.frame, pages, random_rights());
    c.run.ceiling = (uint32_t)(fake_random(8) & (FL_RIGHT_WRITE | FL_RIGHT_EXEC)) |
                    (c.run.rights & (FL_RIGHT_WRITE | FL_RIGHT_EXEC));
    return c;
}

/* Maps page after page in the model; stops at the first error or when tables run out. */
static enum fl_error model_map_run(const struct choice *c, uint64_t *done)
{
    uint64_t spare = fake.pool.spare;
    uint64_t tables = model_tables(c->s);
    for (*done = 0; *done < c->run.pages; ++*done) {
        struct model_page *page = &model.page[c->s][c->page + *done];
        struct model_page saved = *page;
        if (model_address(c->page + *done) % (PAGE_BYTES * SV39_ENTRIES) == 0)
            model_free_unused(); /* what lies in one table is committed at once */
        enum fl_error error = model_check(page, c->frame + *done, c->run.rights);
        if (error != FL_OK)
            return error;
        page->valid = true;
        bool enough = model_tables(c->s) - tables <= spare;
        *page = saved;
        if (!enough)
            return FL_NO_TABLE;
        model_map(page, c->frame + *done, c->run.rights, c->run.ceiling);
    }
    return FL_OK;
}

static void step_map(const struct choice *c)
{
    uint64_t done = 99;
    uint64_t expected_done;
    enum fl_error error = vspace_map(&fake.spaces[c->s], &c->run, &done);
    /* The pool's tables are spent by now: give the model what there was. */
    uint64_t left = fake.pool.spare;
    fake.pool.spare += fake.spaces[c->s].tables - model_tables(c->s);
    enum fl_error expected = model_map_run(c, &expected_done);
    fake.pool.spare = left;
    CHECK_EQ(error, expected);
    CHECK_EQ(done, expected_done);
    model.happened[error]++;
}

/* What one check says of a whole run: all or nothing. */
static enum fl_error model_check_run(const struct choice *c, uint64_t *tables)
{
    struct model_page saved[MODEL_PART_PAGES];
    struct model_page *pages = &model.page[c->s][c->page];
    for (uint64_t i = 0; i < c->run.pages; i++) {
        enum fl_error error = model_check(&pages[i], c->frame + i, c->run.rights);
        if (error != FL_OK)
            return error;
    }
    uint64_t before = model_tables(c->s);
    memcpy(saved, pages, c->run.pages * sizeof *pages);
    for (uint64_t i = 0; i < c->run.pages; i++)
        pages[i].valid = true;
    *tables = model_tables(c->s) - before;
    memcpy(pages, saved, c->run.pages * sizeof *pages);
    return FL_OK;
}

static void model_commit(const struct choice *c)
{
    /* As the kernel does: new counts first, so that a frame that only moves is never free. */
    for (uint64_t i = 0; i < c->run.pages; i++)
        model_map(&model.page[c->s][c->page + i], c->frame + i, c->run.rights, c->run.ceiling);
}

static void step_run(const struct choice *c)
{
    struct vspace *space = &fake.spaces[c->s];
    uint64_t tables = 0;
    uint64_t expected_tables = 0;
    enum fl_error expected = model_check_run(c, &expected_tables);
    if (expected == FL_OK && expected_tables > fake.pool.spare)
        expected = FL_NO_TABLE;
    model.happened[expected]++;
    if (c->run.pages == 1 && fake_random(2) == 0) {
        CHECK_EQ(vspace_map_page(space, &c->run), expected);
    } else {
        enum fl_error error = vspace_check_run(space, &c->run, &tables);
        CHECK_EQ(tables, expected_tables);
        CHECK_EQ(error, expected == FL_NO_TABLE ? FL_OK : expected);
        if (expected == FL_OK)
            vspace_commit_run(space, &c->run);
    }
    if (expected == FL_OK)
        model_commit(c);
}

static void step_unmap(const struct choice *c)
{
    bool everything = fake_random(20) == 0;
    uint64_t first = everything ? 0 : c->page;
    uint64_t end = everything ? MODEL_PAGES : c->page + c->run.pages;
    if (everything)
        fake_unmap(&fake.spaces[c->s], 0, FL_USER_END / PAGE_BYTES);
    else
        fake_unmap(&fake.spaces[c->s], c->run.address.value, c->run.pages);
    for (uint64_t page = first; page < end; page++) {
        if (model.page[c->s][page].valid)
            model_drop(&model.page[c->s][page]);
    }
}

static void step_protect(const struct choice *c)
{
    struct model_page *pages = &model.page[c->s][c->page];
    uint32_t rights = c->run.rights & 7;
    uint32_t needed = rights & (FL_RIGHT_WRITE | FL_RIGHT_EXEC);
    enum fl_error expected = FL_OK;
    uint64_t done;
    for (uint64_t i = 0; i < c->run.pages; i++) {
        if (pages[i].valid && (needed & ~pages[i].ceiling) != 0)
            expected = FL_CEILING;
    }
    CHECK_EQ(vspace_protect(&fake.spaces[c->s], c->run.address, c->run.pages, rights, &done),
             expected);
    CHECK_EQ(done, expected == FL_OK ? c->run.pages : 0);
    model.happened[expected]++;
    for (uint64_t i = 0; i < c->run.pages && expected == FL_OK; i++)
        pages[i].rights = rights;
}

static void step_touch(const struct choice *c)
{
    struct model_page *page = &model.page[c->s][c->page];
    uint32_t access = 1u << fake_random(3);
    frame_t frame;
    enum vspace_look expected = !page->valid                   ? LOOK_ABSENT
                                : (page->rights & access) == 0 ? LOOK_DENIED
                                                               : LOOK_SPURIOUS;
    CHECK_EQ(fake_touch(&fake.spaces[c->s], c->run.address, access, &frame), expected);
    if (expected != LOOK_SPURIOUS)
        return;
    CHECK_EQ(frame.value, fake_frame(page->frame).value);
    page->accessed = true;
    page->dirty = page->dirty || access == FL_ACCESS_WRITE;
}

static bool model_claim(uint64_t i)
{
    if (model.claimed[i] || model.maps[i] + model.pins[i] > 0)
        return false;
    model.claimed[i] = true;
    model.sticky[i] = 0;
    fake.written[i] = false;
    model.donated[i] = model.now;
    return true;
}

static void step_frames(const struct choice *c)
{
    uint64_t i = FAKE_USER_FRAMES + c->frame % MODEL_FRAMES;
    uint64_t what = fake_random(4);
    if (what == 0) {
        enum fl_error expected = model.claimed[i] ? FL_BAD_FRAME : FL_OK;
        CHECK_EQ(frame_pin(&fake.table, fake_frame(i)), expected);
        model.pins[i] += expected == FL_OK;
    } else if (what == 1 && model.pins[i] > 0) {
        frame_unpin(&fake.table, fake_frame(i));
        model.pins[i]--;
    } else if (what == 2) {
        enum fl_error expected = model_claim(i) ? FL_OK : FL_BAD_FRAME;
        CHECK_EQ(frame_claim(&fake.table, fake_frame(i), FRAME_OBJECT, 0), expected);
    } else if (what == 3 && model.claimed[i]) {
        frame_release(&fake.table, fake_frame(i));
        model.claimed[i] = false;
    }
}

/* Tables come and go, so that the pool is often short. */
static void step_pool(void)
{
    frame_t frame;
    enum fl_error expected = fake.pool.spare > 0 ? FL_OK : FL_NO_TABLE;
    if (fake_random(2) == 0) {
        CHECK_EQ(table_pool_withdraw(&fake.pool, &frame), expected);
        if (expected == FL_OK)
            model.claimed[frame.value - FAKE_FIRST] = false;
        return;
    }
    uint64_t i = 1 + fake_random(FAKE_TABLES);
    expected = model_claim(i) ? FL_OK : FL_BAD_FRAME;
    CHECK_EQ(table_pool_donate(&fake.pool, fake_frame(i)), expected);
}

static void step_make_or_end(const struct choice *c)
{
    struct vspace *space = &fake.spaces[c->s];
    if (!model.alive[c->s]) {
        enum fl_error expected = fake.pool.spare > 0 ? FL_OK : FL_NO_TABLE;
        CHECK_EQ(vspace_init(space, &fake.pool, fake.kernel_root), expected);
        model.alive[c->s] = expected == FL_OK;
    } else if (fake_random(100) == 0) {
        fake_destroy(space);
        model.alive[c->s] = false;
        for (uint64_t page = 0; page < MODEL_PAGES; page++) {
            if (model.page[c->s][page].valid)
                model_drop(&model.page[c->s][page]);
        }
    }
}

/* --- clone and harvest --------------------------------------------------------------------- */

/* What one page of a clone does: *leaf is what the destination gets. */
static enum fl_error model_clone_page(uint64_t to, uint64_t from, uint64_t page,
                                      const struct vspace_clone *clone, struct model_page *leaf)
{
    const struct model_page *old = &model.page[from][page];
    *leaf = (struct model_page){.frame = old->frame,
                                .rights = old->rights & clone->rights,
                                .ceiling = old->ceiling & clone->ceiling,
                                .born = old->born};
    leaf->valid = old->valid && vspace_rights_name_leaf(leaf->rights);
    if (!leaf->valid)
        return FL_OK;
    if (leaf->frame >= FAKE_FRAMES || model.revoking[leaf->frame])
        return FL_BAD_FRAME;
    return model.page[to][page].valid ? FL_OCCUPIED : FL_OK;
}

static enum fl_error model_clone(uint64_t to, uint64_t from, uint64_t first,
                                 const struct vspace_clone *clone, uint64_t *done)
{
    uint64_t spare = fake.pool.spare;
    uint64_t tables = model_tables(to);
    for (*done = 0; *done < clone->pages; ++*done) {
        struct model_page leaf;
        struct model_page *page = &model.page[to][first + *done];
        struct model_page saved = *page;
        enum fl_error error = model_clone_page(to, from, first + *done, clone, &leaf);
        if (error != FL_OK)
            return error;
        if (!leaf.valid)
            continue;
        *page = leaf;
        if (model_tables(to) - tables > spare) {
            *page = saved;
            return FL_NO_TABLE;
        }
        model.maps[leaf.frame]++;
        if ((clone->rights & FL_CLONE_PROTECT) != 0)
            model.page[from][first + *done].rights = leaf.rights;
    }
    return FL_OK;
}

static void step_clone(const struct choice *c)
{
    uint64_t to = (c->s + 1 + fake_random(MODEL_SPACES - 1)) % MODEL_SPACES;
    struct vspace_clone clone = {.to = &fake.spaces[to],
                                 .from = &fake.spaces[c->s],
                                 .address = c->run.address,
                                 .pages = c->run.pages,
                                 .rights = c->run.rights & 7,
                                 .ceiling = c->run.ceiling};
    uint64_t done, expected_done;
    if (!model.alive[to])
        return;
    clone.rights |= fake_random(2) == 0 ? FL_CLONE_PROTECT : 0;
    enum fl_error expected = model_clone(to, c->s, c->page, &clone, &expected_done);
    CHECK_EQ(vspace_clone(&clone, &done), expected);
    CHECK_EQ(done, expected_done);
    model.happened[expected]++;
}

static bool model_has_table(uint64_t s, uint64_t page)
{
    for (uint64_t other = 0; other < MODEL_PAGES; other++) {
        if (model.page[s][other].valid && model_address(other) >> 21 == model_address(page) >> 21)
            return true;
    }
    return false;
}

static uint64_t harvested(const struct fl_harvest *result, uint64_t page)
{
    return result->bits[page / 32] >> 2 * (page % 32) & 3;
}

/* What was reported as written may look clean from now on. */
static void report(uint64_t frame, uint64_t bits, uint32_t clear)
{
    if (frame < FAKE_FRAMES && (bits & clear & FL_HARVEST_DIRTY) != 0)
        fake.written[frame] = false;
}

static void step_harvest(const struct choice *c)
{
    struct vspace *space = &fake.spaces[c->s];
    struct model_page *pages = &model.page[c->s][c->page];
    uint32_t clear = (uint32_t)fake_random(4);
    struct fl_harvest result;
    uint64_t done;
    enum fl_error error =
        vspace_harvest(space, c->run.address, c->run.pages, clear, &result, &done);
    uint64_t absent = 0;
    while (absent < c->run.pages && !pages[absent].valid)
        absent++;
    CHECK_EQ(result.absent, absent);
    uint64_t i = absent;
    for (; i < c->run.pages && model_has_table(c->s, c->page + i); i++) {
        uint64_t bits = (pages[i].accessed ? 1u : 0) | (pages[i].dirty ? 2u : 0);
        CHECK_EQ(harvested(&result, i - absent), bits);
        pages[i].accessed = pages[i].accessed && (clear & FL_HARVEST_ACCESSED) == 0;
        pages[i].dirty = pages[i].dirty && (clear & FL_HARVEST_DIRTY) == 0;
        if (pages[i].valid)
            report(pages[i].frame, bits, clear);
    }
    CHECK_EQ(done, i);
    CHECK_EQ(error, i < c->run.pages ? FL_MORE : FL_OK);
    model.happened[error]++;
    fake_check();
    if ((clear & FL_HARVEST_ACCESSED) != 0)
        fake_forget(space); /* the model knows A exactly */
}

static void step_harvest_frames(const struct choice *c)
{
    uint32_t clear = (uint32_t)fake_random(4);
    uint64_t pages = c->run.pages, i = 0, done;
    struct fl_harvest result;
    enum fl_error error =
        frame_harvest(&fake.table, fake_frame(c->frame), pages, clear, &result, &done);
    for (; i < pages; i++) {
        uint64_t frame = c->frame + i;
        if (frame >= FAKE_FRAMES - FAKE_FIRMWARE || model.claimed[frame])
            break;
        CHECK_EQ(harvested(&result, i), model.sticky[frame]);
        model.sticky[frame] &= (uint8_t)~clear;
        report(frame, harvested(&result, i), clear);
    }
    CHECK_EQ(done, i);
    CHECK_EQ(error, i < pages ? FL_BAD_FRAME : FL_OK);
}

/* --- sweep --------------------------------------------------------------------------------- */

static bool sweep_has(unsigned k, uint64_t frame)
{
    return frame - model.sweep[k].first < model.sweep[k].pages;
}

/* Two ranges that share no frame, of tables, frames that are mapped, and devices'. */
static void sweep_begin(unsigned k)
{
    static const uint64_t start[MODEL_SWEEPS][2] = {
        {FAKE_TABLES / 2, FAKE_USER_FRAMES + MODEL_FRAMES / 2},
        {1, FAKE_USER_FRAMES + MODEL_FRAMES / 2}};
    static const uint64_t end[MODEL_SWEEPS][2] = {
        {FAKE_USER_FRAMES + MODEL_FRAMES / 2, FAKE_USER_FRAMES + MODEL_FRAMES / 2},
        {FAKE_TABLES / 2, MODEL_KNOWN}};
    uint64_t which = k == 0 ? 0 : fake_random(2);
    uint64_t first = start[k][which] + fake_random(end[k][which] - start[k][which]);
    model.sweep[k].active = true;
    model.sweep[k].first = first;
    model.sweep[k].pages = 1 + fake_random(end[k][which] - first);
    model.sweep[k].cursor = 0;
    model.sweep[k].start = model.now;
    for (uint64_t i = first; i < first + model.sweep[k].pages && i < FAKE_FRAMES; i++)
        model.revoking[i] = !model.claimed[i] && model.maps[i] + model.pins[i] > 0;
}

/* Whether the pool has a frame that a table of the range can move to. */
static bool sweep_finds_spare(unsigned k)
{
    for (uint64_t i = 1; i < FAKE_FRAMES; i++) {
        const struct frame *entry = &fake.frames[i];
        if (entry->type == FRAME_TABLE && table_pool_is_spare(entry) && !sweep_has(k, i))
            return true;
    }
    return false;
}

/* What a step took away, it may take away: mappings of frames of a range, with their A and D, tables
 * of this one and, when they could not move, what they mapped.  One that moved loses what devices'
 * frames it maps: nobody knows whether these are revoked too. */
static void sweep_follow(unsigned k, bool found_spare)
{
    for (uint64_t s = 0; s < MODEL_SPACES; s++) {
        for (uint64_t page = 0; page < MODEL_PAGES; page++) {
            struct model_page *old = &model.page[s][page];
            if (!old->valid ||
                fake_entry(&fake.spaces[s], (vaddr_t){model_address(page)}).bits != 0)
                continue;
            CHECK(sweep_has(k, old->frame) || model.revoking[old->frame] || !found_spare ||
                  old->frame >= FAKE_FRAMES);
            model_drop(old);
        }
    }
    for (uint64_t i = 1; i <= FAKE_TABLES; i++) {
        if (model.claimed[i] && fake.frames[i].type != FRAME_TABLE) {
            CHECK(sweep_has(k, i));
            model.claimed[i] = false;
        }
    }
}

/* S1 */
static void sweep_ended(unsigned k, enum fl_error error)
{
    bool pinned = false;
    for (uint64_t s = 0; s < MODEL_SPACES; s++) {
        for (uint64_t page = 0; page < MODEL_PAGES; page++) {
            const struct model_page *left = &model.page[s][page];
            CHECK(!left->valid || !sweep_has(k, left->frame) || left->born > model.sweep[k].start);
        }
    }
    for (uint64_t i = 0; i < model.sweep[k].pages; i++) {
        uint64_t frame = model.sweep[k].first + i;
        pinned = pinned || model.pins[frame] > 0;
        model.revoking[frame] = false;
        if (frame <= FAKE_TABLES && model.claimed[frame])
            CHECK(model.donated[frame] > model.sweep[k].start);
    }
    CHECK_EQ(error, pinned ? FL_BUSY : FL_OK);
    CHECK_EQ(model.sweep[k].cursor, 0);
    model.sweep[k].active = false;
    model.sweeps_ended++;
}

static void step_sweep(void)
{
    unsigned k = (unsigned)fake_random(MODEL_SWEEPS);
    if (!model.sweep[k].active)
        sweep_begin(k);
    bool found_spare = sweep_finds_spare(k);
    enum fl_error error = sweep_step(&fake.table, fake_frame(model.sweep[k].first),
                                     model.sweep[k].pages, &model.sweep[k].cursor);
    model.happened[error]++;
    fake_check();
    sweep_follow(k, found_spare);
    if (error == FL_OK || error == FL_BUSY) {
        sweep_ended(k, error);
        return;
    }
    CHECK(error == FL_MORE || error == FL_NO_TABLE);
    CHECK(model.sweep[k].cursor != 0);
    if (error == FL_NO_TABLE)
        CHECK_EQ(fake.pool.spare, 0);
    if (fake_random(2000) == 0)
        model.sweep[k].active = false; /* nobody goes on with it */
}

static void step(void)
{
    struct choice c = choose(FL_ITEM_PAGES);
    uint64_t what = fake_random(30);
    model.now++;
    if (what == 0)
        step_frames(&c);
    else if (what == 1)
        step_pool();
    else if (what == 2 || !model.alive[c.s])
        step_make_or_end(&c);
    else if (what < 6)
        step_run(&c);
    else if (what < 8)
        step_map(&c);
    else if (what < 10)
        step_unmap(&c);
    else if (what < 13)
        step_protect(&c);
    else if (what < 20)
        step_touch(&c);
    else if (what < 23)
        step_clone(&c);
    else if (what < 24)
        step_harvest(&c);
    else if (what < 25)
        step_harvest_frames(&c);
    else
        step_sweep();
    model_free_unused();
}

static void run_random(uint64_t seed, bool sets_ad, bool caches_invalid, bool every_step)
{
    effort_trace_begin(seed, sets_ad + 2u * caches_invalid);
    fake_reset(seed);
    memset(&model, 0, sizeof model);
    for (unsigned i = 0; i <= FAKE_TABLES; i++)
        model.claimed[i] = true;
    fake.core_sets_ad = sets_ad;
    fake.core_caches_invalid = caches_invalid;
    for (unsigned i = 0; i < STEPS; i++) {
        step();
        if (every_step || i % 16 == 0)
            model_compare();
    }
    model_compare();
    CHECK(model.happened[FL_OCCUPIED] > 0 && model.happened[FL_BAD_FRAME] > 0);
    CHECK(model.happened[FL_NO_TABLE] > 0 && model.happened[FL_CEILING] > 0);
    CHECK(model.happened[FL_MORE] > 0 && model.happened[FL_BUSY] > 0 && model.sweeps_ended > 100);
    CHECK(fake.root_moves > 0);
    for (unsigned s = 0; s < MODEL_SPACES; s++)
        fake_destroy(&fake.spaces[s]);
    fake_check();
    CHECK_EQ(fake.table.mappings, 0);
    CHECK_EQ(fake.pool.in_use, 0);
    effort_trace_end();
}

static void run_many(uint64_t seed, bool sets_ad, bool caches_invalid)
{
    struct effort effort = effort_begin(STEPS);
    for (; effort_takes(&effort, STEPS); seed += 3)
        run_random(seed, sets_ad, caches_invalid, false);
    effort_end(&effort);
}

TEST("random calls agree with the model on cores that set A and D")
{
    uint64_t seed;
    uint32_t variant;
    if (effort_names_trace(&seed, &variant))
        run_random(seed, variant & 1, variant & 2, true);
    else
        run_many(1, true, false);
}

TEST("random calls agree with the model on cores that trap for A and D")
{
    run_many(2, false, false);
}

TEST("random calls agree with the model on cores that cache invalid entries")
{
    run_many(3, true, true);
}
