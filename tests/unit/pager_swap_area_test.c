/* Swap areas: what a header may say, as mkswap of the host writes it, and slots against a model. */
/* sources: user/pager/core/swap.c user/pager/core/swap_discard.c user/pager/core/checksum.c user/pager/core/page.c user/pager/core/buddy.c */
#define _POSIX_C_SOURCE 200809L
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checksum.h"
#include "effort.h"
#include "swap.h"

#define FRAMES 64u
#define SLOTS  600u /* two chunks, the last one in part */
#define PAGE   FL_PAGE_BYTES

static struct page_table table;
static struct swap swap;
static uint8_t *memory;
static uint8_t header[PAGE] __attribute__((aligned(8)));
static uint32_t discards; /* of areas that are added */

static void area_begin(void)
{
    const struct page_range range = {.pages = FRAMES, .first_free = 0};

    memory = aligned_alloc(PAGE, FRAMES * PAGE);
    memset(memory, 0xee, FRAMES * PAGE);
    page_table_init(&table, &range, 1, memory, &(struct page_records){0, 1});
    swap_init(&swap, &table);
}

static void area_sound(void)
{
    CHECK_STRING(swap_check(&swap) ? swap_check(&swap) : "", "");
}

/* The law: when no area is left, every frame is free but that of the page records. */
static void area_end(void)
{
    area_sound();
    for (uint32_t i = 0; i < SWAP_AREAS; i++) {
        for (uint32_t page = 0; page < swap.area[i].pages; page++)
            if (swap_is_used(&swap, SWAP_SLOT(i, page)))
                swap_free(&swap, SWAP_SLOT(i, page));
        if (swap.area[i].state != SWAP_UNUSED)
            swap_remove(&swap, i);
    }
    area_sound();
    CHECK_EQ(table.counts[PAGE_FREE], FRAMES - 1);
    free(memory);
}

static void put(uint32_t at, uint32_t value)
{
    memcpy(header + at, &value, 4);
}

/* A header by the book: last page, and bad pages. */
static void make_header(uint32_t last, const uint32_t *bad, uint32_t count)
{
    memset(header, 0, sizeof header);
    put(1024, 1);
    put(1028, last);
    put(1032, count);
    for (uint32_t i = 0; i < count; i++)
        put(1536 + 4 * i, bad[i]);
    memcpy(header + PAGE - 10, "SWAPSPACE2", 10);
}

static enum swap_error add(uint64_t pages, int32_t priority, uint32_t *area)
{
    const struct swap_device device = {.header = header,
                                       .pages = pages,
                                       .device = 7,
                                       .priority = priority,
                                       .discards = discards,
                                       .discard_pages = UINT32_MAX};
    enum swap_error error = swap_add(&swap, &device, area);

    area_sound();
    return error;
}

/* ---- headers ---- */

static enum swap_error read_header(void)
{
    uint32_t last;

    return swap_read_header(header, SLOTS, &last);
}

TEST("what is wrong with a header is named")
{
    static const uint32_t bad[] = {1, SLOTS - 1, 1, 0, SLOTS};
    static const struct {
        const char *magic;
        enum swap_error error;
    } magics[] = {{"SWAP-SPACE", SWAP_OLD},
                  {"S1SUSPEND", SWAP_HIBERNATED},
                  {"S2SUSPEND", SWAP_HIBERNATED},
                  {"ULSUSPEND", SWAP_HIBERNATED},
                  {"SWAPSPACE3", SWAP_NO_HEADER}};

    make_header(SLOTS - 1, bad, 2);
    CHECK_EQ(read_header(), SWAP_OK);
    make_header(SLOTS, bad, 0);
    CHECK_EQ(read_header(), SWAP_BEYOND_END);
    make_header(0, bad, 0);
    CHECK_EQ(read_header(), SWAP_EMPTY);
    make_header(SLOTS - 1, bad, 3);
    CHECK_EQ(read_header(), SWAP_BAD_PAGE); /* twice */
    make_header(SLOTS - 1, bad + 3, 1);
    CHECK_EQ(read_header(), SWAP_BAD_PAGE); /* the header */
    make_header(SLOTS - 1, bad + 4, 1);
    CHECK_EQ(read_header(), SWAP_BAD_PAGE); /* behind the end */
    make_header(SLOTS - 1, bad, 0);
    put(1032, 638);
    CHECK_EQ(read_header(), SWAP_BAD_COUNT);
    put(1024, 2);
    CHECK_EQ(read_header(), SWAP_VERSION);
    put(1024, 1u << 24);
    CHECK_EQ(read_header(), SWAP_BYTE_ORDER);
    for (uint32_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        memcpy(header + PAGE - 10, magics[i].magic, strlen(magics[i].magic));
        CHECK_EQ(read_header(), magics[i].error);
    }
    for (uint32_t i = 0; i < SWAP_ERRORS; i++)
        CHECK(swap_error_name((enum swap_error)i));
}

TEST("the header is as mkswap writes it")
{
    char path[] = "/tmp/faultline-swap-XXXXXX", command[128];
    int file = mkstemp(path);
    uint32_t last = 0;
    FILE *stream;

    CHECK(file >= 0);
    CHECK_EQ(ftruncate(file, SLOTS * PAGE), 0);
    snprintf(command, sizeof command,
             "PATH=$PATH:/sbin:/usr/sbin mkswap -L faultline %s > /dev/null 2>&1", path);
    if (system(command) != 0) {
        unlink(path);
        SKIP("no mkswap here");
    }
    stream = fdopen(file, "r");
    CHECK_EQ(fread(header, 1, PAGE, stream), PAGE);
    fclose(stream);
    unlink(path);
    CHECK_EQ(swap_read_header(header, SLOTS, &last), SWAP_OK);
    CHECK_EQ(last, SLOTS - 1);
    CHECK_EQ(swap_read_header(header, SLOTS - 1, &last), SWAP_BEYOND_END);
    CHECK_EQ(memcmp(header + 1052, "faultline", 10), 0);
}

TEST("an area that cannot be used takes no frame")
{
    static uint32_t bad[3];
    uint32_t area, taken[FRAMES], count = 0;

    area_begin();
    for (uint32_t i = 0; i < 3; i++)
        bad[i] = i + 1;
    make_header(3, bad, 3);
    CHECK_EQ(add(4, 0, &area), SWAP_NO_SLOTS);
    make_header(SLOTS - 1, NULL, 0);
    while (table.counts[PAGE_FREE] > 2) /* two chunks and their directory are three */
        taken[count++] = page_allocate(&table, PAGE_LENT);
    CHECK_EQ(add(SLOTS, 0, &area), SWAP_NO_MEMORY);
    CHECK_EQ(table.counts[PAGE_FREE], 2);
    while (count > 0)
        page_release(&table, taken[--count]);
    for (uint32_t i = 0; i < SWAP_AREAS; i++)
        CHECK_EQ(add(SLOTS, 0, &area), SWAP_OK);
    CHECK_EQ(add(SLOTS, 0, &area), SWAP_FULL);
    area_end();
}

/* ---- slots ---- */

TEST("areas are filled in the order of their priority, equal ones in turn, and none that leaves")
{
    uint32_t area, count;

    area_begin();
    make_header(40, NULL, 0);
    CHECK_EQ(add(41, 1, &area), SWAP_OK);
    CHECK_EQ(add(41, 1, &area), SWAP_OK);
    CHECK_EQ(add(41, 5, &area), SWAP_OK);
    CHECK_EQ(swap_take_run(&swap, 32, &count), SWAP_SLOT(2, 1));
    CHECK_EQ(count, 32);
    CHECK_EQ(swap_take_run(&swap, 32, &count), SWAP_SLOT(2, 33)); /* the longest that is left */
    CHECK_EQ(count, 8);
    CHECK_EQ(swap_take_run(&swap, 4, &count), SWAP_SLOT(0, 1));
    CHECK_EQ(swap_take_run(&swap, 4, &count), SWAP_SLOT(1, 1));
    CHECK_EQ(swap_take_run(&swap, 4, &count), SWAP_SLOT(0, 5));
    swap.area[1].state = SWAP_LEAVING;
    CHECK_EQ(swap_take_run(&swap, 4, &count), SWAP_SLOT(0, 9));
    CHECK_EQ(swap_room(&swap), 28);
    area_end();
}

TEST("a page that is not what was written last, or was written elsewhere, is known")
{
    uint32_t area, count, slot;
    static uint64_t page[PAGE / 8];

    area_begin();
    make_header(SLOTS - 1, NULL, 0);
    CHECK_EQ(add(SLOTS, 0, &area), SWAP_OK);
    slot = swap_take_run(&swap, 2, &count);
    swap_seal(&swap, slot, page);
    CHECK(swap_is_whole(&swap, slot, page));
    CHECK(!swap_is_whole(&swap, slot + 1, page)); /* zeros that were never written are no page */
    for (uint32_t bit = 0; bit < PAGE * 8; bit++) {
        page[bit / 64] ^= 1ull << bit % 64;
        CHECK(!swap_is_whole(&swap, slot, page));
        page[bit / 64] ^= 1ull << bit % 64;
    }
    page[3] = 9;
    swap_seal(&swap, slot + 1, page);
    CHECK(swap_is_whole(&swap, slot + 1, page));
    CHECK(!swap_is_whole(&swap, slot, page));
    swap_seal(&swap, slot, page);
    page[3] = 0;
    CHECK(!swap_is_whole(&swap, slot, page)); /* as it was before */
    page[4] = 9;
    CHECK(!swap_is_whole(&swap, slot, page)); /* two words changed places */
    area_end();
}

TEST("a search for a run ends after a while with the longest that it came to")
{
    uint32_t area, count, slot;

    area_begin();
    make_header(5000, NULL, 0);
    CHECK_EQ(add(5001, 0, &area), SWAP_OK);
    while (swap_take_run(&swap, 32, &count) != SWAP_NONE)
        ;
    for (uint32_t page = 3; page < 5000; page += 100)
        swap_free(&swap, SWAP_SLOT(0, page));
    swap_free(&swap, SWAP_SLOT(0, 504));
    for (uint32_t page = 3000; page < 3032; page++)
        if (swap_is_used(&swap, page))
            swap_free(&swap, page);
    slot = swap_take_run(&swap, 32, &count);
    CHECK_EQ(slot, SWAP_SLOT(0, 503)); /* the first thousand have no longer one */
    CHECK_EQ(count, 2);
    for (uint32_t turns = 0; count < 16; turns++) {
        CHECK(turns < 50);
        swap_take_run(&swap, 32, &count);
    }
    area_end();
}

TEST("a search for slots to discard looks at a few words at once, and comes to the last one")
{
    uint32_t area, count, steps = 1;

    area_begin();
    discards = SWAP_DISCARD_FREED;
    make_header(20000, NULL, 0);
    CHECK_EQ(add(20001, 0, &area), SWAP_OK);
    discards = 0;
    CHECK(!swap_discard_begin(&swap));
    while (swap_take_run(&swap, 32, &count) != SWAP_NONE)
        ;
    for (uint32_t page = 19904; page < 19968; page++)
        CHECK_EQ(swap_free(&swap, SWAP_SLOT(0, page)), page == 19967);
    for (; swap_discard_begin(&swap) && swap.discard.count == 0; steps++)
        area_sound();
    CHECK_EQ(steps, 19904 / SWAP_WORD_SLOTS / SWAP_DISCARD_LOOKS + 1);
    CHECK_EQ(swap.discard.first, 19904);
    CHECK_EQ(swap.discard.count, SWAP_WORD_SLOTS);
    CHECK(!swap_is_used(&swap, SWAP_SLOT(0, 19904)));
    CHECK(!swap_discard_end(&swap, true));
    area_end();
}

TEST("what is discarded with one request has its records in one chunk")
{
    uint32_t area;

    area_begin();
    discards = SWAP_DISCARD_ONCE;
    make_header(3 * SWAP_CHUNK_SLOTS - 1, NULL, 0);
    CHECK_EQ(add(3 * SWAP_CHUNK_SLOTS, 0, &area), SWAP_OK);
    discards = 0;
    swap.area[area].discard_at = SWAP_CHUNK_SLOTS + SWAP_WORD_SLOTS;
    CHECK(swap_discard_begin(&swap));
    CHECK_EQ(swap.discard.first + swap.discard.count, 2 * SWAP_CHUNK_SLOTS);
    area_sound();
    CHECK(swap_discard_end(&swap, true));
    area_end();
}

/* The model: the state of each slot. */
enum slot_state { SLOT_FREE, SLOT_USED, SLOT_BAD, SLOT_DISCARDING };
static uint8_t model[SLOTS];
static bool model_stale[SLOTS];

static uint32_t model_longest(uint32_t want)
{
    uint32_t run = 0, longest = 0;

    for (uint32_t i = 0; i < SLOTS && longest < want; i++) {
        run = model[i] == SLOT_FREE ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

static void model_take(uint64_t *seed)
{
    uint32_t want = (uint32_t)(*seed >> 33) % SWAP_CLUSTER + 1, count, next = swap.area[0].next;
    uint32_t longest = model_longest(want), first = swap_take_run(&swap, want, &count);

    CHECK_EQ(first == SWAP_NONE, longest == 0);
    /* A run across the place where the search begins is cut there. */
    CHECK(count == longest || (count < longest && count >= longest / 2 && next > 0));
    for (uint32_t i = 0; i < count; i++) {
        CHECK_EQ(model[first + i], SLOT_FREE);
        model[first + i] = SLOT_USED;
        model_stale[first + i] = false;
    }
}

/* True if the word of slots that begins here is to be discarded. */
static bool model_is_ripe(uint32_t first)
{
    bool stale = false;

    for (uint32_t i = first; i < first + SWAP_WORD_SLOTS; i++) {
        if (i >= SLOTS || model[i] != SLOT_FREE)
            return false;
        stale |= model_stale[i];
    }
    return stale;
}

static void model_begin_discard(void)
{
    const struct swap_discard *discard = &swap.discard;
    bool ripe = false;

    for (uint32_t i = 0; i < SLOTS; i += SWAP_WORD_SLOTS)
        ripe |= model_is_ripe(i);
    CHECK_EQ(swap_discard_begin(&swap), ripe);
    CHECK_EQ(discard->count > 0, ripe);
    for (uint32_t i = 0; i < discard->count; i++) {
        CHECK(i % SWAP_WORD_SLOTS > 0 || model_is_ripe(discard->first + i));
        model[discard->first + i] = SLOT_DISCARDING;
    }
}

static void model_end_discard(void)
{
    for (uint32_t i = 0; i < SLOTS; i++)
        if (model[i] == SLOT_DISCARDING) {
            model[i] = SLOT_FREE;
            model_stale[i] = false;
        }
    swap_discard_end(&swap, true);
}

static void model_check(void)
{
    uint32_t used = 0, bad = 0, discarding = 0;

    for (uint32_t i = 0; i < SLOTS; i++) {
        used += model[i] == SLOT_USED;
        bad += model[i] == SLOT_BAD;
        discarding += model[i] == SLOT_DISCARDING;
        CHECK_EQ(swap_is_used(&swap, i), model[i] == SLOT_USED);
    }
    CHECK_EQ(swap.used, used);
    CHECK_EQ(swap_total(&swap), SLOTS - bad);
    CHECK_EQ(swap_room(&swap), SLOTS - used - bad - discarding);
}

TEST("slots that are taken, given back, retired and discarded at random are those of a model")
{
    static const uint32_t bad[] = {1, 63, 64, 256, 447, 448, 449, 599};
    struct effort effort = effort_begin(4000);
    uint64_t seed = 1;
    uint32_t area;

    area_begin();
    make_header(SLOTS - 1, bad, 8);
    discards = SWAP_DISCARD_ONCE | SWAP_DISCARD_FREED;
    CHECK_EQ(add(SLOTS, 0, &area), SWAP_OK);
    discards = 0;
    memset(model, SLOT_FREE, sizeof model);
    memset(model_stale, true, sizeof model_stale);
    model[0] = SLOT_BAD;
    for (uint32_t i = 0; i < 8; i++)
        model[bad[i]] = SLOT_BAD;
    while (effort_continues(&effort)) {
        uint32_t slot;

        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        slot = (uint32_t)(seed >> 40) % SLOTS;
        if (seed >> 61 == 0) {
            model_take(&seed);
        } else if (seed >> 58 == 63) {
            if (swap.discard.count > 0)
                model_end_discard();
            else
                model_begin_discard();
        } else if (model[slot] == SLOT_USED) {
            bool retires = (seed >> 50) % 256 == 0;

            if (retires)
                swap_retire(&swap, slot);
            else
                swap_free(&swap, slot);
            model[slot] = retires ? SLOT_BAD : SLOT_FREE;
            model_stale[slot] = true;
        }
        area_sound();
        model_check();
    }
    effort_end(&effort);
    if (swap.discard.count > 0)
        model_end_discard();
    CHECK(swap.discarded > 0);
    area_end();
}
