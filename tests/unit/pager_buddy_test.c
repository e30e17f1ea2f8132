/* Blocks of free memory: cases, and random use beside a bitmap.  Replay one trace: TRACE=seed. */
/* sources: user/pager/core/page.c user/pager/core/buddy.c */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include "buddy.h"
#include "effort.h"

#define PAGES 2500u
#define STEPS 2000u

static _Alignas(FL_PAGE_BYTES) uint8_t window[PAGES][FL_PAGE_BYTES];
static struct page_table table;
static bool taken[PAGES]; /* the model */
static uint32_t usable;
static uint64_t state;

static uint32_t any(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 20) % below;
}

/* Two ranges that begin anywhere in physical memory; the first pages are not ours. */
static void begin(uint64_t frame, uint64_t second_frame)
{
    struct page_range ranges[] = {{.pages = 1300, .first_free = 7, .first_frame = frame},
                                  {.pages = PAGES - 1300, .first_frame = second_frame}};

    const struct page_records records = {
        7, (uint32_t)((page_table_bytes(ranges, 2) + FL_PAGE_BYTES - 1) / FL_PAGE_BYTES)};

    page_table_init(&table, ranges, 2, window[0], &records);
    usable = table.counts[PAGE_FREE];
    for (uint32_t n = 0; n < PAGES; n++)
        taken[n] = table.pages[n].state != PAGE_FREE;
}

static uint32_t listed(uint32_t head)
{
    uint32_t count = 0;

    for (; head != PAGE_NONE && count <= PAGES; head = table.pages[head].link)
        count++;
    return count;
}

static void sound(void)
{
    uint32_t in_blocks, free_pages = 0;
    const char *broken = buddy_check(&table, &in_blocks);

    CHECK_STRING(broken ? broken : "", "");
    for (uint32_t n = 0; n < PAGES; n++) {
        CHECK_EQ(table.pages[n].state != PAGE_FREE, taken[n]);
        free_pages += !taken[n];
    }
    CHECK_EQ(table.counts[PAGE_FREE], free_pages);
    for (uint32_t order = 1; order <= BUDDY_ORDERS; order++)
        CHECK_EQ(buddy_count(&table, order), listed(table.block_head[order - 1]));
    CHECK_EQ(buddy_count(&table, 0), listed(table.free_head) + listed(table.zeroed_head));
    CHECK_EQ(listed(table.zeroed_head), table.zeroed);
    CHECK_EQ(listed(table.free_head) + table.zeroed + in_blocks, free_pages);
}

static uint64_t frame_of(uint32_t page)
{
    const struct page_range *range = &table.range[table.pages[page].range];

    return range->first_frame + page - range->base;
}

/* Whether a block of this order that is free in the model begins at a page. */
static bool model_is_block(uint32_t first, uint32_t order)
{
    uint32_t pages = 1u << order;

    if (first + pages > PAGES || frame_of(first) % pages != 0 ||
        table.pages[first].range != table.pages[first + pages - 1].range)
        return false;
    for (uint32_t i = 0; i < pages; i++)
        if (taken[first + i])
            return false;
    return true;
}

static bool model_has_block(uint32_t order)
{
    for (uint32_t n = 0; n < PAGES; n++)
        if (model_is_block(n, order))
            return true;
    return false;
}

/* Takes a run, and looks at it.  Returns its first page, or PAGE_NONE. */
static uint32_t take_run(uint32_t pages)
{
    bool there = pages <= 512 && model_has_block(buddy_order(pages));
    uint32_t first = page_allocate_run(&table, pages, PAGE_LENT);

    CHECK_EQ(first != PAGE_NONE, there);
    if (first == PAGE_NONE)
        return first;
    CHECK(model_is_block(first, buddy_order(pages)));
    for (uint32_t i = 0; i < pages; i++) {
        CHECK_EQ(table.pages[first + i].state, PAGE_LENT);
        taken[first + i] = true;
    }
    return first;
}

static void release_run(uint32_t first, uint32_t pages)
{
    memset(taken + first, 0, pages);
    page_release_run(&table, first, pages);
}

static uint32_t take_one(void)
{
    uint32_t page = page_allocate(&table, PAGE_OBJECT);

    if (page != PAGE_NONE) {
        CHECK(!taken[page]);
        taken[page] = true;
    }
    return page;
}

static void release_one(uint32_t page)
{
    taken[page] = false;
    page_release(&table, page);
}

static void random_trace(uint64_t seed, uint32_t variant);

TEST("random runs and single pages are free, aligned, and refused only where there is none")
{
    effort_run_traces(10, STEPS, 0, random_trace);
}

TEST("an order is the least whose block holds so many pages")
{
    for (uint32_t pages = 1; pages <= 512; pages++) {
        uint32_t order = buddy_order(pages);

        CHECK(1u << order >= pages);
        CHECK(order == 0 || 1u << (order - 1) < pages);
    }
}

TEST("at the start all free memory is in blocks, as large as alignment in physical memory allows")
{
    for (uint64_t frame = 0; frame < 1100; frame += 61) {
        uint32_t in_blocks;

        begin(frame, 3 * frame + 5);
        sound();
        CHECK(buddy_check(&table, &in_blocks) == NULL);
        CHECK(usable - in_blocks <= 6); /* the odd ends */
    }
}

TEST("single pages are taken from the smallest blocks, 64 at a time, and leave the large ones")
{
    begin(0, 0);
    for (uint32_t i = 0; i < 300; i++)
        CHECK(take_one() != PAGE_NONE);
    sound();
    CHECK(take_run(512) != PAGE_NONE);
    CHECK(listed(table.free_head) < 64);
}

TEST("a run that comes back is one block with its other half again")
{
    uint32_t heads[BUDDY_ORDERS], run[3];

    begin(0, 0);
    memcpy(heads, table.block_head, sizeof heads);
    run[0] = take_run(3);
    run[1] = take_run(40);
    run[2] = take_run(512);
    sound();
    release_run(run[1], 40);
    release_run(run[2], 512);
    release_run(run[0], 3);
    sound();
    for (uint32_t i = 0; i < BUDDY_ORDERS; i++)
        CHECK_EQ(table.block_head[i] == PAGE_NONE, heads[i] == PAGE_NONE);
    CHECK_EQ(listed(table.block_head[BUDDY_ORDERS - 1]), 3);
}

TEST("pages that were freed one by one, in any order, are a run when one is wanted")
{
    static uint32_t pages[PAGES];
    uint32_t count = 0;

    begin(0, 0);
    while (take_one() != PAGE_NONE)
        ;
    CHECK_EQ(take_run(2), PAGE_NONE);
    for (uint32_t n = 512; n < 1024; n++)
        pages[count++] = n;
    state = 1;
    for (; count > 0; count--) {
        uint32_t at = any(count);

        release_one(pages[at]);
        pages[at] = pages[count - 1];
    }
    CHECK_EQ(listed(table.free_head), 512);
    CHECK_EQ(take_run(512), 512);
    CHECK_EQ(table.counts[PAGE_FREE], 0);
    sound();
}

TEST("a run may need zeroed pages: then those that it takes are zeroed no more, and only then")
{
    begin(0, 0);
    while (page_zero_ahead(&table))
        ;
    CHECK_EQ(table.zeroed, usable);
    CHECK(take_run(64) != PAGE_NONE);
    CHECK(table.zeroed < usable && table.zeroed > usable - 128);
    sound();
    begin(0, 0);
    CHECK(page_zero_ahead(&table));
    CHECK(take_run(64) != PAGE_NONE);
    CHECK_EQ(table.zeroed, 1);
    sound();
}

TEST("nothing is known of the frames of a run that comes back, whatever was when it was taken")
{
    uint32_t first;

    begin(0, 4096);
    first = page_allocate_run(&table, 8, PAGE_LENT);
    for (uint32_t i = 0; i < 8; i++)
        table.pages[first + i].flags = PAGE_HARVESTED | PAGE_DENSE;
    page_release_run(&table, first, 8);
    for (uint32_t i = 0; i < 8; i++)
        CHECK_EQ(table.pages[first + i].flags, 0);
}

TEST("runs of no page, of more than 2 MiB, and of more than there is, are none")
{
    begin(0, 0);
    CHECK_EQ(page_allocate_run(&table, 0, PAGE_LENT), PAGE_NONE);
    CHECK_EQ(take_run(513), PAGE_NONE);
    CHECK_EQ(page_allocate_run(&table, UINT32_MAX, PAGE_LENT), PAGE_NONE);
    while (take_run(512) != PAGE_NONE)
        ;
    sound();
    CHECK(take_run(1) != PAGE_NONE);
}

/* --- random use ---------------------------------------------------------------------------- */

struct held {
    uint32_t first;
    uint32_t pages;
};
static struct held held[PAGES];
static uint32_t holds;

static void random_take(void)
{
    uint32_t pages = any(3) ? 1 : 1 + any(1u << any(10));
    uint32_t first = pages == 1 && any(8) ? take_one() : take_run(pages);

    if (first != PAGE_NONE)
        held[holds++] = (struct held){first, pages};
}

/* Gives all of it back, or a part: the rest is kept page by page. */
static void random_release(void)
{
    uint32_t at = any(holds);
    struct held run = held[at];

    held[at] = held[--holds];
    if (any(2)) {
        release_run(run.first, run.pages);
        return;
    }
    for (uint32_t i = 0; i < run.pages; i++) {
        if (any(4))
            release_one(run.first + i);
        else
            held[holds++] = (struct held){run.first + i, 1};
    }
}

static void take_zeroed(void)
{
    uint32_t page = page_allocate_zeroed(&table, PAGE_OBJECT);

    CHECK(!taken[page]);
    taken[page] = true;
    held[holds++] = (struct held){page, 1};
}

static void random_trace(uint64_t seed, uint32_t variant)
{
    effort_trace_begin(seed, variant);
    state = seed * 0x9e3779b97f4a7c15ull + 1;
    begin(any(1024), any(1024));
    holds = 0;
    for (uint32_t i = 0; i < STEPS; i++) {
        uint32_t what = any(16), limit = i / 500 % 2 ? 6 : 10;

        if (what == 0)
            page_zero_ahead(&table);
        else if (what == 1 && table.zeroed > 0)
            take_zeroed();
        else if (what <= limit || holds == 0)
            random_take();
        else
            random_release();
        if (i % 8 == 0)
            sound();
    }
    while (holds > 0)
        random_release();
    sound();
    CHECK_EQ(table.counts[PAGE_FREE], usable);
    effort_trace_end();
}

/* --- the checker --------------------------------------------------------------------------- */

static void broken(const char *invariant)
{
    uint32_t pages;
    const char *found = buddy_check(&table, &pages);

    CHECK_STRING(found ? found : "none", invariant);
}

TEST("B1 to B5: wrong blocks are found")
{
    uint32_t first;

    begin(0, 0);
    first = table.block_head[8];
    table.pages[first + 5].state = PAGE_OBJECT;
    broken("B1");
    begin(1, 0); /* as aligned otherwise */
    table.range[0].shift = 0;
    broken("B1");
    begin(0, 0);
    table.pages[first + 5].order = 0;
    broken("B2");
    begin(0, 0);
    table.pages[first].previous = 0;
    broken("B2");
    begin(0, 0);
    table.block_head[8] = table.pages[first].link;
    table.pages[table.block_head[8]].previous = PAGE_NONE;
    broken("B4");
    begin(0, 0);
    table.blocks[8]++;
    broken("B5");
    begin(0, 0);
    table.pages[3].order = BUDDY_INNER;
    broken("B4");
    begin(0, 0);
    table.block_head[8] = table.pages[first].link;
    table.pages[table.block_head[8]].previous = PAGE_NONE;
    CHECK_EQ(table.block_head[7] == PAGE_NONE, false);
    table.pages[first].link = table.block_head[7];
    table.pages[table.block_head[7]].previous = first;
    table.block_head[7] = first;
    table.pages[first].order = 8;
    table.pages[first + 256].order = 8;
    table.pages[first + 256].previous = first;
    table.pages[first + 256].link = table.pages[first].link;
    table.pages[table.pages[first].link].previous = first + 256;
    table.pages[first].link = first + 256;
    broken("B3");
}
