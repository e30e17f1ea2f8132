/* The stock of frames that are zeroed ahead. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "harness.h"

#include <string.h>

#include "memory_values.h"
#include "pager_fake.h"
#include "stock.h"

#define FRAMES   1024u
#define CAPACITY (FRAMES / STOCK_PART - 1) /* three frames are not the pager's */
#define PAGE     ((uint64_t)FL_PAGE_BYTES)
#define WORLD    0x2000000000ull

static struct fake fake;

static void stock_sound(void)
{
    CHECK_STRING(fake_check(&fake) ? fake_check(&fake) : "", "");
}

/* A space with so many writable pages at WORLD. */
static struct space *stock_begin(uint64_t pages)
{
    struct vm_map_request request = {.address = WORLD,
                                     .bytes = pages * PAGE,
                                     .protection = PROT_READ | PROT_WRITE,
                                     .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};
    struct space *space;
    uint64_t at;

    fake_init(&fake, FRAMES);
    fake_start(&fake);
    space = space_create(&fake.vm, 1);
    CHECK_EQ(vm_map(&fake.vm, space, &request, &at), 0);
    return space;
}

static void stock_end(struct space *space)
{
    fake_destroy_space(&fake, space);
    stock_sound();
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], fake.free_pages);
    fake_free(&fake);
}

static void stock_fill_all(void)
{
    while (stock_fill(&fake.vm) > 0)
        stock_sound();
}

static enum fake_outcome stock_write(struct space *space, uint64_t page, uint8_t byte)
{
    return fake_touch(&fake, space, WORLD + page * PAGE, FL_ACCESS_WRITE, &byte);
}

TEST("filling goes in steps up to a part of memory, and no count of free frames tells")
{
    struct space *space = stock_begin(1);
    uint32_t free_pages = fake.vm.table.counts[PAGE_FREE];
    uint64_t limit = commit_limit(&fake.vm);

    CHECK_EQ(stock_capacity(&fake.vm), CAPACITY);
    CHECK_EQ(stock_fill(&fake.vm), STOCK_STEP);
    CHECK_EQ(fake.vm.table.zeroed, STOCK_STEP);
    stock_fill_all();
    CHECK_EQ(fake.vm.table.zeroed, CAPACITY);
    CHECK_EQ(fake.vm.counts.zeroed_ahead, CAPACITY);
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], free_pages);
    CHECK_EQ(commit_limit(&fake.vm), limit);
    stock_end(space);
}

TEST("a zero-fill fault takes from the stock while there is something, then zeroes itself")
{
    struct space *space = stock_begin(CAPACITY + 8);

    stock_fill_all();
    for (uint64_t page = 0; page < CAPACITY + 8; page++) {
        const uint8_t *shown;

        CHECK_EQ(stock_write(space, page, 0xff), FAKE_DONE);
        shown = fake_peek(&fake, space, WORLD + page * PAGE, FL_ACCESS_READ);
        CHECK(shown && shown[0] == 0xff && shown[1] == 0);
        CHECK_EQ(memcmp(shown + 1, shown + 2, PAGE - 2), 0);
        CHECK_EQ(fake.vm.counts.zeroed_taken, page < CAPACITY ? page + 1 : CAPACITY);
        stock_sound();
    }
    stock_end(space);
}

TEST("what is overwritten anyway takes other frames first, and the stock when there is no other")
{
    struct space *space = stock_begin(1);
    struct page_table *table = &fake.vm.table;

    stock_fill_all();
    while (table->counts[PAGE_FREE] > CAPACITY) {
        CHECK(page_allocate(table, PAGE_LENT) != PAGE_NONE);
        CHECK_EQ(table->zeroed, CAPACITY);
    }
    for (uint32_t left = CAPACITY; left-- > 0;) {
        CHECK(page_allocate(table, PAGE_LENT) != PAGE_NONE);
        CHECK_EQ(table->zeroed, left);
        stock_sound();
    }
    CHECK_EQ(page_allocate(table, PAGE_LENT), PAGE_NONE);
    CHECK_EQ(stock_fill(&fake.vm), 0);
    fake_unlimit(&fake);
    CHECK_EQ(fake.vm.counts.zeroed_taken, 0);
    stock_end(space);
}

TEST("runs of frames go through zeroed frames")
{
    struct space *space = stock_begin(1);
    struct page_table *table = &fake.vm.table;
    uint32_t first;

    while (page_zero_ahead(table))
        ;
    CHECK_EQ(table->zeroed, table->counts[PAGE_FREE]);
    first = page_allocate_run(table, 100, PAGE_LENT);
    CHECK(first != PAGE_NONE);
    CHECK(table->zeroed >
          table->counts[PAGE_FREE] / 2); /* the block of 128, and what was merged on the way */
    stock_sound();
    while (page_allocate_run(table, 100, PAGE_LENT) != PAGE_NONE) {
        CHECK(page_allocate_zeroed(table, PAGE_LENT) != PAGE_NONE);
        stock_sound();
    }
    fake_unlimit(&fake);
    stock_end(space);
}

TEST("who filled is called once when the stock is below half, and again only after the next rest")
{
    struct space *space = stock_begin(2 * CAPACITY);
    uint64_t page = 0;

    for (unsigned rest = 0; rest < 2; rest++) {
        stock_fill_all();
        CHECK(fake.vm.stock_rests);
        while (fake.vm.table.zeroed > 0) {
            CHECK_EQ(stock_write(space, page++, 1), FAKE_DONE);
            CHECK_EQ(fake.stock_calls, rest + (fake.vm.table.zeroed < CAPACITY / 2));
        }
        CHECK(!fake.vm.stock_rests);
    }
    stock_end(space);
}

TEST("who rested because nothing was left to zero is called when frames are back")
{
    struct space *space = stock_begin(2);

    CHECK_EQ(stock_write(space, 0, 1), FAKE_DONE);
    fake_limit(&fake, 0);
    CHECK_EQ(stock_fill(&fake.vm), 0);
    CHECK_EQ(fake.stock_calls, 0);
    fake_unlimit(&fake);
    CHECK_EQ(stock_write(space, 1, 1), FAKE_DONE);
    CHECK_EQ(fake.stock_calls, 1);
    CHECK_EQ(stock_fill(&fake.vm), STOCK_STEP);
    stock_end(space);
}

static unsigned cleared;

static void clear_and_count(void *contents)
{
    memset(contents, 0, FL_PAGE_BYTES);
    cleared++;
}

TEST("a page is cleared by what the machine has for it, ahead of a fault and in it")
{
    struct space *space = stock_begin(1);

    fake.vm.table.zero = clear_and_count;
    cleared = 0;
    CHECK_EQ(stock_write(space, 0, 1), FAKE_DONE);
    CHECK_EQ(cleared, 1);
    stock_fill_all();
    CHECK_EQ(cleared, 1 + CAPACITY);
    stock_end(space);
}
