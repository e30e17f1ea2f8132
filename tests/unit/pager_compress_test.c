/* The store of compressed pages, case by case. */
/* sources: user/pager/core/compress.c user/pager/core/compress_check.c user/pager/core/pack.c */
/* sources: user/pager/core/checksum.c tests/unit/compress_kit.c */
#include "harness.h"

#include <string.h>

#include "compress_frame.h"
#include "compress_kit.h"

static struct kit kit;
static struct compress *const store = &kit.store;
static uint64_t contents[KIT_WORDS], got[KIT_WORDS];

static void sound(void)
{
    CHECK_STRING(compress_check(store) ? compress_check(store) : "", "");
}

static uint64_t put(enum kit_kind kind)
{
    uint64_t handle = 0;

    kit_settle(&kit, COMPRESS_RESERVE);
    kit_write(&kit, kind, contents);
    CHECK_EQ(compress_put(store, contents, &handle), COMPRESS_OK);
    sound();
    return handle;
}

static void drop(uint64_t handle)
{
    CHECK_EQ(compress_drop(store, handle), COMPRESS_OK);
    sound();
}

static void begin(void)
{
    kit_begin(&kit, KIT_FRAMES, KIT_FRAMES, 1);
}

TEST("a page of zeros is nothing, one of a repeated word a record, random bytes do not pay")
{
    uint64_t handle;

    begin();
    kit_settle(&kit, COMPRESS_RESERVE);
    kit_write(&kit, KIT_ZERO, contents);
    CHECK_EQ(compress_put(store, contents, &handle), COMPRESS_ZERO);
    kit_write(&kit, KIT_RANDOM, contents);
    CHECK_EQ(compress_put(store, contents, &handle), COMPRESS_DOES_NOT_PAY);
    CHECK_EQ(compress_frames(store), 0);
    handle = put(KIT_FILLED);
    CHECK_EQ(compress_frames(store), 1);
    CHECK_EQ(compress_units(store), 0);
    CHECK_EQ(store->filled, 1);
    CHECK_EQ(compress_get(store, handle, got), COMPRESS_OK);
    CHECK(memcmp(got, contents, sizeof got) == 0);
    drop(handle);
    CHECK_EQ(compress_frames(store), 0);
}

TEST("a page that differs from one repeated word in any one word is not taken for it")
{
    uint64_t word;

    begin();
    kit_write(&kit, KIT_FILLED, contents);
    CHECK(compress_is_filled(contents, &word));
    CHECK_EQ(word, contents[0]);
    for (uint32_t i = 0; i < KIT_WORDS; i++) {
        contents[i] ^= 1ull << i % 64;
        CHECK(!compress_is_filled(contents, &word));
        contents[i] ^= 1ull << i % 64;
    }
}

TEST("each kind of page comes back, as often as it is asked for")
{
    begin();
    for (enum kit_kind kind = KIT_FILLED; kind <= KIT_NOISY; kind++) {
        uint64_t handle = put(kind);

        for (uint32_t i = 0; i < 2; i++) {
            memset(got, 0xee, sizeof got);
            CHECK_EQ(compress_get(store, handle, got), COMPRESS_OK);
            CHECK(memcmp(got, contents, sizeof got) == 0);
        }
        harness_note("%s: %u units", kit_kind_names[kind], kit_units(contents));
    }
}

TEST("without a spare frame nothing is put, and nothing changed")
{
    uint64_t handle = 1;

    begin();
    kit_write(&kit, KIT_TEXT, contents);
    CHECK_EQ(compress_put(store, contents, &handle), COMPRESS_NO_ROOM);
    kit_settle(&kit, 1); /* a page needs one for its units and one for its record */
    CHECK_EQ(compress_put(store, contents, &handle), COMPRESS_NO_ROOM);
    CHECK_EQ(handle, 1);
    CHECK_EQ(store->pages, 0);
    CHECK_EQ(store->spare, 1);
    CHECK_EQ(compress_take_spare(store) != PAGE_NONE, true);
    CHECK_EQ(compress_take_spare(store), PAGE_NONE);
}

TEST("the frames in use never exceed the limit, and a dropped page makes room below it")
{
    uint64_t handle, last = 0;
    uint32_t pages = 0;

    kit_begin(&kit, KIT_FRAMES, 5, 1);
    kit_settle(&kit, 50);
    for (;; pages++) {
        kit_write(&kit, KIT_NOISY, contents);
        if (compress_put(store, contents, &handle) != COMPRESS_OK)
            break;
        last = handle;
        sound();
    }
    CHECK_EQ(compress_frames(store), 5);
    CHECK(pages >= 5); /* four frames of 30 units, at most 24 a page */
    CHECK_EQ(compress_put(store, contents, &handle), COMPRESS_NO_ROOM);
    drop(last);
    CHECK_EQ(compress_put(store, contents, &handle), COMPRESS_OK);
    sound();
}

TEST("whatever was dropped, what is left fills its frames")
{
    static uint64_t handles[900];
    uint32_t count = 0;

    begin();
    for (; count < 900; count++)
        handles[count] = put(KIT_RECORDS);
    for (uint32_t i = 0; i < count; i += i % 100 == 98 ? 2 : 1) { /* all but each hundredth */
        drop(handles[i]);
        CHECK_EQ(store->unit_frames,
                 (compress_units(store) + COMPRESS_FRAME_UNITS - 1) / COMPRESS_FRAME_UNITS);
    }
    CHECK_EQ(store->pages, 9);
    CHECK_EQ(store->page_frames, 6);
    for (uint32_t i = 99; i < count; i += 100)
        CHECK_EQ(compress_get(store, handles[i], got), COMPRESS_OK);
    for (uint32_t i = 99; i < count; i += 100)
        drop(handles[i]);
    CHECK_EQ(compress_frames(store), 0);
}

/* Puts pages of so many units while no frame is free but those of the pages that were put. */
static void put_from_reserve(uint32_t units, uint32_t pages)
{
    kit_settle(&kit, COMPRESS_RESERVE);
    kit.free_count = 0;
    for (uint32_t i = 0; i < pages; i++) {
        uint64_t handle;
        uint32_t page = KIT_FRAMES; /* the frame that the page had */

        while (kit.pages[--page].state == PAGE_PACKED)
            CHECK(page > 0);
        do
            kit_write(&kit, units ? KIT_NOISY : KIT_FILLED, contents);
        while (kit_units(contents) != units);
        CHECK_EQ(compress_put(store, contents, &handle), COMPRESS_OK);
        kit.free[kit.free_count++] = page;
        kit_settle(&kit, COMPRESS_RESERVE);
        for (; kit.free_count > 0; kit.free_count--) /* somebody else takes all others */
            CHECK(kit.pages[kit.free[kit.free_count - 1]].state == PAGE_OBJECT);
    }
    CHECK_EQ(store->spare, COMPRESS_RESERVE);
    sound();
}

TEST("with no frame but the reserve, any number of pages is put: each pays with its own frame")
{
    for (uint32_t before = 0; before < 400; before += before < 40 ? 1 : 13) {
        begin();
        for (uint32_t i = 0; i < before; i++) {
            uint64_t handle;

            kit_settle(&kit, COMPRESS_RESERVE);
            kit_write(&kit, i % 3 ? KIT_FILLED : KIT_SPARSE, contents);
            CHECK_EQ(compress_put(store, contents, &handle), COMPRESS_OK);
        }
        put_from_reserve(before % 7 ? COMPRESS_UNITS_MOST : 0, 60);
    }
}

TEST("380 pages that take all units that pays are put from the reserve as well")
{
    begin();
    put_from_reserve(COMPRESS_UNITS_MOST, 380);
    harness_note("380 pages in %u frames", compress_frames(store));
}

TEST("a handle is worth nothing after its page was dropped, though its record is used again")
{
    uint64_t old, fresh;

    begin();
    old = put(KIT_TEXT);
    drop(old);
    fresh = put(KIT_TEXT);
    CHECK(old != fresh);
    CHECK_EQ(old % COMPRESS_OF_PAGE, fresh % COMPRESS_OF_PAGE);
    CHECK_EQ(compress_get(store, old, got), COMPRESS_BROKEN);
    CHECK_EQ(compress_drop(store, old), COMPRESS_BROKEN);
    CHECK_EQ(compress_get(store, fresh, got), COMPRESS_OK);
    CHECK(memcmp(got, contents, sizeof got) == 0);
}

TEST("handles are below 2^53, also of the last frame and the last generation")
{
    uint64_t handle;

    kit_begin(&kit, 0, KIT_FRAMES, 1);
    store->generation = COMPRESS_GENERATIONS - 2;
    for (uint32_t i = 1; i <= 3; i++)
        kit.free[kit.free_count++] = KIT_FRAMES - i;
    handle = put(KIT_TEXT);
    CHECK_EQ(handle >> COMPRESS_NUMBER_BITS, COMPRESS_GENERATIONS - 1);
    CHECK_EQ(handle >> COMPRESS_HANDLE_BITS, 0);
    CHECK_EQ(put(KIT_TEXT) >> COMPRESS_NUMBER_BITS, 0);
    CHECK_EQ(compress_get(store, handle, got), COMPRESS_OK);
}

/* --- the checker --------------------------------------------------------------------------- */

static struct compress_frame *frame_of(uint32_t page)
{
    return page_contents(&kit.table, page);
}

/* A store with something of everything: two frames of units, one of records, one spare. */
static void begin_some(void)
{
    begin();
    put(KIT_FILLED);
    put(KIT_TEXT);
    put(KIT_NOISY);
    CHECK_EQ(store->unit_frames, 2);
    kit_settle(&kit, 1);
    sound();
}

static void broken(const char *invariant)
{
    CHECK_STRING(compress_check(store) ? compress_check(store) : "none", invariant);
}

TEST("C1: a frame that is on no list, on one that it does not belong to, or not the store's")
{
    begin_some();
    store->spare_head = PAGE_NONE;
    broken("C1");
    begin_some();
    store->spare_head = store->unit_head;
    broken("C1");
    begin_some();
    frame_of(store->spare_head)->use = 9;
    broken("C1");
    begin_some();
    kit.pages[store->spare_head].state = PAGE_OBJECT;
    broken("C1");
    begin_some();
    frame_of(store->unit_head)->next = PAGE_NONE;
    broken("C1");
    begin_some();
    kit.pages[kit.free[0]].state = PAGE_PACKED;
    frame_of(kit.free[0])->use = COMPRESS_SPARE;
    broken("C1");
}

TEST(
    "C2, C3: a last frame without units; a unit of two pages, of none, or unknown to its neighbour")
{
    begin_some();
    store->last_units = 0;
    CHECK(compress_check(store) != NULL);
    begin();
    put(KIT_FILLED);
    kit_settle(&kit, 1);
    store->unit_head = store->spare_head;
    store->spare_head = PAGE_NONE;
    store->spare = 0;
    store->unit_frames = 1;
    frame_of(store->unit_head)->use = COMPRESS_UNITS;
    broken("C2");
    begin_some();
    store->last_units++;
    broken("C3");
    begin_some();
    frame_of(store->unit_head)->unit[0].previous = 0;
    broken("C3");
    begin_some();
    frame_of(store->open_head)->record[2].first = frame_of(store->open_head)->record[1].first;
    broken("C3");
}

TEST("C4, C5, C6: wrong lists of records, too few or too many units, wrong counts")
{
    begin_some();
    frame_of(store->open_head)->used++;
    broken("C4");
    begin_some();
    frame_of(store->open_head)->free_head = 1;
    broken("C4");
    begin_some();
    frame_of(store->open_head)->previous = store->unit_head;
    broken("C4");
    begin_some();
    frame_of(store->open_head)->record[1].bytes = 1;
    broken("C5");
    begin_some();
    frame_of(store->open_head)->record[1].bytes = 4000;
    broken("C5");
    begin_some();
    store->bytes++;
    broken("C6");
    begin_some();
    store->limit = 2;
    broken("C6");
    begin_some();
    store->filled++;
    broken("C6");
}
