/* Random use of the store of compressed pages, beside an array of pages: with all frames it wants, with any
 * number too small, and with its memory damaged. */
/* sources: user/pager/core/compress.c user/pager/core/compress_check.c user/pager/core/pack.c */
/* sources: user/pager/core/checksum.c tests/unit/compress_kit.c */
#include "harness.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "compress_frame.h"
#include "compress_kit.h"
#include "effort.h"

#define PAGES_MOST 400u
#define STEPS      1500u

/* The model. */
struct kept {
    uint64_t handle;
    uint32_t units;
    uint64_t contents[KIT_WORDS];
};

static struct kit kit;
static struct compress *const store = &kit.store;
static struct kept kept[PAGES_MOST];
static uint32_t count, peak;
static uint64_t units;
static uint64_t got[KIT_WORDS];

static uint32_t divide_up(uint64_t a, uint32_t b)
{
    return (uint32_t)((a + b - 1) / b);
}

static void model_begin(uint32_t lendable, uint32_t limit, uint64_t seed)
{
    kit_begin(&kit, lendable, limit, seed);
    count = peak = 0;
    units = 0;
}

static void model_check(void)
{
    CHECK_STRING(compress_check(store) ? compress_check(store) : "", "");
    CHECK_EQ(store->pages, count);
    CHECK_EQ(compress_units(store), units);
    CHECK_EQ(store->unit_frames, divide_up(units, COMPRESS_FRAME_UNITS));
    CHECK(store->page_frames <= divide_up(peak, COMPRESS_FRAME_PAGES));
}

/* Puts a page of any kind.  What it may answer is known beforehand, and what it changed. */
static void step_put(void)
{
    struct kept *page = &kept[count];
    enum kit_kind kind = kit_random(&kit) % KIT_KINDS;
    uint32_t spare = store->spare, frames = compress_frames(store);
    enum compress_result result;

    kit_write(&kit, kind, page->contents);
    page->units = kit_units(page->contents);
    result = compress_put(store, page->contents, &page->handle);
    if (result == COMPRESS_OK) {
        CHECK(page->units > 0 || kind == KIT_FILLED);
        units += page->units;
        count++;
        peak = count > peak ? count : peak;
        CHECK_EQ(compress_frames(store) + store->spare, frames + spare);
        return;
    }
    CHECK_EQ(store->spare, spare);
    CHECK_EQ(compress_frames(store), frames);
    if (kind == KIT_ZERO)
        CHECK_EQ(result, COMPRESS_ZERO);
    else if (result == COMPRESS_DOES_NOT_PAY)
        CHECK_EQ(kind, KIT_RANDOM);
    else
        CHECK(spare < COMPRESS_RESERVE || frames + COMPRESS_RESERVE > store->limit);
}

static void check_one(const struct kept *page)
{
    CHECK_EQ(compress_get(store, page->handle, got), COMPRESS_OK);
    CHECK(memcmp(got, page->contents, sizeof got) == 0);
}

static void step_drop(uint32_t at)
{
    uint64_t handle = kept[at].handle;

    CHECK_EQ(compress_drop(store, handle), COMPRESS_OK);
    CHECK_EQ(compress_get(store, handle, got), COMPRESS_BROKEN);
    CHECK_EQ(compress_drop(store, handle), COMPRESS_BROKEN);
    units -= kept[at].units;
    kept[at] = kept[--count];
    if (count == 0)
        peak = 0;
}

/* No such page; the frames may hold anything that looks like a record. */
static void step_stranger(void)
{
    uint64_t handle = kit_random(&kit) >> kit_random(&kit) % 64;

    if (count > 0 && handle % 2)
        handle = kept[handle % count].handle ^ 1ull << (handle >> 8) % 64;
    for (uint32_t i = 0; i < count; i++)
        if (kept[i].handle == handle)
            return;
    CHECK_EQ(compress_get(store, handle, got), COMPRESS_BROKEN);
    CHECK_EQ(compress_drop(store, handle), COMPRESS_BROKEN);
}

/* Goes up and down between empty and full. */
static void step(bool up)
{
    uint32_t what = (uint32_t)(kit_random(&kit) % 16);

    if (what < 2 && count > 0)
        check_one(&kept[kit_random(&kit) % count]);
    else if (what == 2)
        step_stranger();
    else if ((what < (up ? 12 : 6) && count < PAGES_MOST) || count == 0)
        step_put();
    else
        step_drop((uint32_t)(kit_random(&kit) % count));
}

/* steps: of them the store is checked after each `every`th. */
static void use_sound(uint32_t steps, uint32_t every)
{
    for (uint32_t i = 0; i < steps; i++) {
        kit_settle(&kit, COMPRESS_RESERVE + (uint32_t)(kit_random(&kit) % 3));
        step(i / 300 % 2 == 0);
        if (i % every == 0)
            model_check();
    }
    for (uint32_t i = 0; i < count; i++)
        check_one(&kept[i]);
    while (count > 0)
        step_drop(count - 1);
    model_check();
    CHECK_EQ(compress_frames(store), 0);
}

/* --- damage -------------------------------------------------------------------------------- */

/* What must hold of a damaged store: every answer, and nothing else. */
static void use_damaged(uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++) {
        uint32_t at = (uint32_t)(kit_random(&kit) % PAGES_MOST);

        kit_settle(&kit, COMPRESS_RESERVE);
        if (at >= count) {
            struct kept *page = &kept[count];

            kit_write(&kit, (enum kit_kind)(kit_random(&kit) % KIT_KINDS), page->contents);
            count += count < PAGES_MOST - 1 &&
                     compress_put(store, page->contents, &page->handle) == COMPRESS_OK;
        } else if (kit_random(&kit) % 2) {
            if (compress_get(store, kept[at].handle, got) == COMPRESS_OK)
                CHECK(memcmp(got, kept[at].contents, sizeof got) == 0);
        } else {
            compress_drop(store, kept[at].handle);
            kept[at] = kept[--count];
        }
    }
}

static void fill_store(uint32_t pages)
{
    while (count < pages) {
        kit_settle(&kit, COMPRESS_RESERVE);
        step_put();
    }
    model_check();
}

/* A frame of the store: that of all records each second time. */
static struct compress_frame *any_frame(void)
{
    uint32_t page = (uint32_t)kept[0].handle % COMPRESS_OF_PAGE >> COMPRESS_PAGE_SHIFT;

    if (kit_random(&kit) % 2)
        do
            page = (uint32_t)(kit_random(&kit) % KIT_FRAMES);
        while (kit.pages[page].state != PAGE_PACKED);
    return page_contents(&kit.table, page);
}

/* One bit, one word, or a word that is another number of the store's own. */
static void damage(void)
{
    uint64_t *word = (uint64_t *)(void *)any_frame() + kit_random(&kit) % KIT_WORDS;
    const uint64_t *other = (const uint64_t *)(const void *)any_frame();

    switch (kit_random(&kit) % 4) {
    case 0:
        *word = kit_random(&kit);
        break;
    case 1:
        *word = other[kit_random(&kit) % KIT_WORDS];
        break;
    case 2:
        *word = *word >> 32 << 32 | (other[kit_random(&kit) % KIT_WORDS] & UINT32_MAX);
        break;
    default:
        *word ^= 1ull << kit_random(&kit) % 64;
    }
}

/* --- traces -------------------------------------------------------------------------------- */

/* What a trace varies, beside the seed of its choices. */
enum trace_kind { TRACE_ROOM, TRACE_FEW_FRAMES, TRACE_LOW_LIMIT, TRACE_DAMAGE, TRACE_KINDS };

static void run_trace(uint64_t seed, uint32_t kind)
{
    uint32_t frames = (uint32_t)seed; /* or their limit: where there are few */

    CHECK(kind < TRACE_KINDS);
    effort_trace_begin(seed, kind);
    model_begin(kind == TRACE_FEW_FRAMES ? frames : KIT_FRAMES,
                kind == TRACE_LOW_LIMIT ? frames : KIT_FRAMES, seed);
    if (kind == TRACE_DAMAGE) {
        fill_store(30);
        for (uint64_t i = kit_random(&kit) % 8 + 1; i > 0; i--)
            damage();
        use_damaged(60);
    } else if (kind == TRACE_ROOM) {
        use_sound(STEPS, 7);
    } else {
        use_sound(300, 10);
    }
    effort_trace_end();
}

TEST("random pages come and go as in an array, and fill the frames that they take")
{
    effort_run_traces(10, STEPS, TRACE_ROOM, run_trace);
}

TEST("with any number of frames, or any limit, a put that is refused changes nothing")
{
    for (uint32_t frames = 0; frames < 48; frames++) {
        run_trace(frames, TRACE_FEW_FRAMES);
        run_trace(frames, TRACE_LOW_LIMIT);
    }
}

TEST("whatever is damaged, a page comes back as it was, or it is an error")
{
    struct effort effort = effort_begin(600);

    for (uint64_t seed = 1; effort_continues(&effort); seed++)
        run_trace(seed, TRACE_DAMAGE);
    effort_end(&effort);
}

TEST("a wrong bit that unpacking repeats is found (TRACE=186166/3)")
{
    run_trace(186166, TRACE_DAMAGE);
}

/* --- damage of each bit ---------------------------------------------------------------------- */

/* Damages each bit of the only page.  Returns how many of them make it an error. */
static uint32_t damage_bits(uint8_t *bytes, uint64_t size, uint32_t *bits)
{
    uint32_t errors = 0;

    for (uint64_t bit = 0; bit < 8 * size; bit++, ++*bits) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (compress_get(store, kept[0].handle, got) == COMPRESS_OK)
            CHECK(memcmp(got, kept[0].contents, sizeof got) == 0);
        else
            errors++;
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        check_one(&kept[0]);
    }
    return errors;
}

/* Puts the only page.  Returns its record. */
static struct compress_record *put_only(enum kit_kind kind)
{
    model_begin(KIT_FRAMES, KIT_FRAMES, 1);
    kit_settle(&kit, COMPRESS_RESERVE);
    kit_write(&kit, kind, kept[0].contents);
    CHECK_EQ(compress_put(store, kept[0].contents, &kept[0].handle), COMPRESS_OK);
    return compress_record(store, (uint32_t)kept[0].handle % COMPRESS_OF_PAGE);
}

TEST("each bit of a packed page and of its record is damaged, and its bytes are never wrong")
{
    uint32_t errors, bits = 0;
    struct compress_record *record = put_only(KIT_SPARSE);

    errors = damage_bits((uint8_t *)record, sizeof *record, &bits) +
             damage_bits((uint8_t *)compress_unit(store, record->first),
                         sizeof(struct compress_unit), &bits);
    harness_note("%u of %u bits matter", errors, bits);
    CHECK(errors > bits / 2 && errors <= bits);
}

TEST("each bit of the record of a page of one word is damaged, and its bytes are never wrong")
{
    uint32_t errors, bits = 0;
    struct compress_record *record = put_only(KIT_FILLED);

    errors = damage_bits((uint8_t *)record, sizeof *record, &bits);
    CHECK_EQ(errors, bits - 16); /* `bytes` means nothing */
}

TEST("a store that found its numbers contradict each other takes nothing, and gives what it can")
{
    model_begin(KIT_FRAMES, KIT_FRAMES, 3);
    fill_store(40);
    compress_frame(store, store->unit_head, COMPRESS_UNITS)->unit[store->last_units - 1].previous ^=
        1;
    while (!store->closed)
        CHECK_EQ(compress_drop(store, kept[--count].handle), COMPRESS_OK);
    kit_settle(&kit, COMPRESS_RESERVE);
    kit_write(&kit, KIT_TEXT, got);
    CHECK_EQ(compress_put(store, got, &kept[count].handle), COMPRESS_NO_ROOM);
    for (uint32_t i = 0; i < count / 2; i++)
        check_one(&kept[i]);
}
