/* tiers TRACE...: would it be worth while to move pages from the store of compressed ones to the disk behind it?
 * Each trace in a memory of which a part is the store's, exact LRU in front, as tables of Markdown:
 *
 *     frames --least recently used--> store --oldest, if `moves`--> disk
 *
 * Without moves a page goes to the disk when the store is full (user/pager/core/tier.h).  A page that is wanted
 * leaves the store; one that comes from the disk is clean, and leaves again without a write until it is
 * written, which each WRITTEN_EACH-th reference does.
 *
 * RATIO pages are packed into a frame; the store has STORE_PERCENT of the frames. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "page_trace.h"

#define STORE_PERCENT 40u
#define RATIO         3u /* pages in a frame of the store */
#define SIZES         3u /* of memory: sixths of the footprint */
#define WRITTEN_EACH  4u

enum place { DISK, MEMORY, STORE };

struct tiers_page {
    enum place place;
    uint64_t since; /* last reference, or when it came into the store */
    bool seen, clean;
};

struct tiers {
    struct tiers_page *page;
    uint32_t pages;
    uint32_t room[STORE + 1], count[STORE + 1];
    bool moves;
    uint64_t now;
    uint64_t read, written, packed, unpacked;
};

/* The page that has been there for longest. */
static struct tiers_page *tiers_oldest(struct tiers *tiers, enum place place)
{
    struct tiers_page *oldest = NULL;

    for (uint32_t i = 0; i < tiers->pages; i++) {
        struct tiers_page *page = &tiers->page[i];

        if (page->place == place && page->seen && (!oldest || page->since < oldest->since))
            oldest = page;
    }
    return oldest;
}

static void tiers_place(struct tiers *tiers, struct tiers_page *page, enum place place)
{
    if (page->seen)
        tiers->count[page->place]--;
    tiers->count[place]++;
    page->place = place;
    page->seen = true;
    page->since = tiers->now;
}

/* What was in the store was never written since it came in. */
static void tiers_move(struct tiers *tiers)
{
    struct tiers_page *page = tiers_oldest(tiers, STORE);

    tiers->unpacked++;
    tiers->written++;
    tiers_place(tiers, page, DISK);
    page->clean = true;
}

static void tiers_evict(struct tiers *tiers)
{
    struct tiers_page *page = tiers_oldest(tiers, MEMORY);

    if (page->clean) {
        tiers_place(tiers, page, DISK);
        return;
    }
    if (tiers->moves && tiers->count[STORE] == tiers->room[STORE])
        tiers_move(tiers);
    if (tiers->count[STORE] < tiers->room[STORE]) {
        tiers->packed++;
        tiers_place(tiers, page, STORE);
    } else {
        tiers->written++;
        tiers_place(tiers, page, DISK);
        page->clean = true;
    }
}

static void tiers_refer(struct tiers *tiers, uint32_t number)
{
    struct tiers_page *page = &tiers->page[number];

    tiers->now++;
    if (!page->seen || page->place != MEMORY) {
        tiers->read += page->seen && page->place == DISK;
        tiers->unpacked += page->seen && page->place == STORE;
        page->clean = page->seen && page->place == DISK;
        if (tiers->count[MEMORY] == tiers->room[MEMORY])
            tiers_evict(tiers);
        tiers_place(tiers, page, MEMORY);
    }
    page->since = tiers->now;
    if (tiers->now % WRITTEN_EACH == 0)
        page->clean = false;
}

/* Instructions of the core: means of docs/measurements.md, text for the store. */
#define COST_READ   8000.0
#define COST_WRITE  4500.0
#define COST_PACK   108000.0
#define COST_UNPACK 58000.0

/* Instructions that fit into the wait for a read. */
static const double waits[] = {0, 1e5, 1e6, 1e7};
#define WAITS (sizeof waits / sizeof waits[0])

static double sum_logs[WAITS], lowest[WAITS], highest[WAITS];
static uint32_t cases;

static double tiers_cost(const struct tiers *tiers, double wait)
{
    return (double)tiers->read * (COST_READ + wait) + (double)tiers->written * COST_WRITE +
           (double)tiers->packed * COST_PACK + (double)tiers->unpacked * COST_UNPACK;
}

static void tiers_weigh(const struct tiers *stay, const struct tiers *move)
{
    for (uint32_t i = 0; i < WAITS; i++) {
        double ratio = tiers_cost(move, waits[i]) / tiers_cost(stay, waits[i]);

        sum_logs[i] += log(ratio);
        if (cases == 0 || ratio < lowest[i])
            lowest[i] = ratio;
        if (cases == 0 || ratio > highest[i])
            highest[i] = ratio;
    }
    cases++;
}

static struct tiers tiers_run(const struct page_trace *trace, uint32_t frames, bool moves)
{
    uint32_t store = frames * STORE_PERCENT / 100;
    struct tiers tiers = {.page = calloc(trace->pages, sizeof *tiers.page),
                          .pages = trace->pages,
                          .room = {[MEMORY] = frames - store, [STORE] = store * RATIO},
                          .moves = moves};

    if (!tiers.page)
        abort();
    for (uint32_t i = 0; i < trace->count; i++)
        tiers_refer(&tiers, trace->reference[i]);
    free(tiers.page);
    tiers.page = NULL;
    return tiers;
}

static void tiers_compare(struct page_trace trace)
{
    for (uint32_t size = 1; size <= SIZES; size++) {
        uint32_t frames = trace.pages * size / (SIZES + 3);
        struct tiers stay = tiers_run(&trace, frames, false),
                     move = tiers_run(&trace, frames, true);

        tiers_weigh(&stay, &move);
        printf("| %s | %u | %lu | %lu | %lu | %lu | %lu | %lu |\n", trace.name, frames, stay.read,
               move.read, stay.written, move.written, stay.packed, move.packed);
    }
    page_trace_free(&trace);
}

int main(int argc, char **argv)
{
    printf("| trace | frames | read | moving | written | moving | packed | moving |\n"
           "|---|---:|---:|---:|---:|---:|---:|---:|\n");
    for (uint32_t which = 0; which < PAGE_TRACE_GENERATED; which++)
        tiers_compare(page_trace_generate(which));
    for (int i = 1; i < argc; i++) {
        struct page_trace trace;

        if (!page_trace_read(&trace, argv[i]))
            return 1;
        tiers_compare(trace);
    }
    printf(
        "\n| instructions in the wait for a read | mean | best | worst |\n|---:|---:|---:|---:|\n");
    for (uint32_t i = 0; i < WAITS; i++)
        printf("| %.0f | %.2f | %.2f | %.2f |\n", waits[i], exp(sum_logs[i] / cases), lowest[i],
               highest[i]);
    return 0;
}
