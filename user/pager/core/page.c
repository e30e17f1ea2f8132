/* Page records and the free lists: see page.h. */
#include "page.h"

#include "buddy.h"

uint64_t page_table_bytes(const struct page_range *ranges, uint32_t count)
{
    uint64_t pages = 0;

    for (uint32_t i = 0; i < count; i++)
        pages += ranges[i].pages;
    return pages * sizeof(struct page);
}

void page_set_state(struct page_table *table, uint32_t number, enum page_state state)
{
    table->counts[table->pages[number].state]--;
    table->counts[state]++;
    table->pages[number].state = (uint8_t)state;
}

/* Puts a page on the list that begins at *head. */
static inline void page_link(struct page_table *table, uint32_t *head, uint32_t number)
{
    struct page *page = &table->pages[number];

    page->previous = PAGE_NONE;
    page->link = *head;
    if (*head != PAGE_NONE)
        table->pages[*head].previous = number;
    *head = number;
}

/* Puts a page behind those that were zeroed before it: they are handed out in the order in which free ones would
 * have been, so that neighbours in a file stay neighbours in memory, and one map item shows many. */
static void page_link_zeroed(struct page_table *table, uint32_t number)
{
    struct page *page = &table->pages[number];

    page->link = PAGE_NONE;
    page->previous = PAGE_NONE;
    if (table->zeroed_head == PAGE_NONE) {
        table->zeroed_head = number;
    } else {
        page->previous = table->zeroed_tail;
        table->pages[table->zeroed_tail].link = number;
    }
    table->zeroed_tail = number;
    page->zeroed = true;
    table->zeroed++;
}

/* As page_set_state, of a page that is free: a fault pays for every instruction here. */
static inline void page_give(struct page_table *table, uint32_t number, enum page_state state)
{
    table->counts[PAGE_FREE]--;
    table->counts[state]++;
    table->pages[number].state = (uint8_t)state;
}

/* Takes the first page, which exists, off the list that begins at *head. */
static inline uint32_t page_pop(struct page_table *table, uint32_t *head)
{
    uint32_t number = *head, next = table->pages[number].link;

    *head = next;
    if (next != PAGE_NONE)
        table->pages[next].previous = PAGE_NONE;
    return number;
}

void page_release(struct page_table *table, uint32_t number)
{
    page_link(table, &table->free_head, number);
    page_set_state(table, number, PAGE_FREE);
    table->pages[number].flags = 0;
}

void page_release_run(struct page_table *table, uint32_t first, uint32_t pages)
{
    for (uint32_t i = 0; i < pages; i++) {
        page_set_state(table, first + i, PAGE_FREE);
        table->pages[first + i].flags = 0;
    }
    buddy_insert_run(table, first, first + pages);
}

static void page_range_init(struct page_table *table, uint32_t range,
                            const struct page_records *records)
{
    const struct page_range *r = &table->range[range];
    uint32_t first = r->base + (uint32_t)r->first_free, end = r->base + (uint32_t)r->pages;
    uint32_t record_start = records->first, record_end = record_start + records->pages;

    for (uint32_t number = r->base; number < end; number++) {
        table->pages[number] = (struct page){.range = (uint8_t)range, .state = PAGE_OUTSIDE};
        table->counts[PAGE_OUTSIDE]++;
        if (number >= record_start && number < record_end)
            page_set_state(table, number, PAGE_METADATA);
    }
    if (record_start < r->base || record_start >= end) {
        page_release_run(table, first, end - first);
        return;
    }
    if (record_end < end)
        page_release_run(table, record_end, end - record_end);
    if (first < record_start)
        page_release_run(table, first, record_start - first);
}

void page_table_init(struct page_table *table, const struct page_range *ranges, uint32_t count,
                     uint8_t *window, const struct page_records *records)
{
    *table = (struct page_table){.window = window,
                                 .free_head = PAGE_NONE,
                                 .zeroed_head = PAGE_NONE,
                                 .zeroed_tail = PAGE_NONE,
                                 .range_count = count,
                                 .zero = page_zero};
    for (uint32_t i = 0; i < BUDDY_ORDERS; i++)
        table->block_head[i] = PAGE_NONE;
    table->pages = page_contents(table, records->first);
    for (uint32_t i = 0; i < count; i++) {
        table->range[i] = ranges[i];
        table->range[i].base = table->count;
        table->range[i].shift =
            ((uint32_t)ranges[i].first_frame - table->count) % (1u << BUDDY_ORDERS);
        table->count += (uint32_t)ranges[i].pages;
    }
    for (uint32_t i = count; i-- > 0;)
        page_range_init(table, i, records);
}

/* Apart, so that the usual case saves no register for it. */
__attribute__((noinline)) static uint32_t page_allocate_slow(struct page_table *table,
                                                             enum page_state state)
{
    uint32_t number;

    if (buddy_refill(table))
        return page_allocate(table, state);
    number = page_allocate_zeroed(table, state);
    table->failures += number == PAGE_NONE;
    return number;
}

uint32_t page_allocate(struct page_table *table, enum page_state state)
{
    uint32_t number;

    if (table->free_head == PAGE_NONE)
        return page_allocate_slow(table, state);
    number = page_pop(table, &table->free_head);
    page_give(table, number, state);
    return number;
}

uint32_t page_allocate_zeroed(struct page_table *table, enum page_state state)
{
    uint32_t number;

    if (table->zeroed_head == PAGE_NONE)
        return PAGE_NONE;
    number = page_pop(table, &table->zeroed_head);
    table->pages[number].zeroed = false;
    table->zeroed--;
    page_give(table, number, state);
    return number;
}

bool page_zero_ahead(struct page_table *table)
{
    uint32_t number;

    if (table->free_head == PAGE_NONE && !buddy_refill(table))
        return false;
    number = page_pop(table, &table->free_head);
    table->zero(page_contents(table, number));
    page_link_zeroed(table, number);
    return true;
}

uint32_t page_allocate_run(struct page_table *table, uint32_t pages, enum page_state state)
{
    uint32_t order = buddy_order(pages), first;

    if (pages == 0)
        return PAGE_NONE;
    if (order == 0)
        return page_allocate(table, state);
    first = buddy_take(table, order);
    if (first == PAGE_NONE)
        return PAGE_NONE;
    for (uint32_t i = 0; i < pages; i++)
        page_set_state(table, first + i, state);
    buddy_insert_run(table, first + pages, first + (1u << order));
    return first;
}

uint32_t page_number(const struct page_table *table, uint64_t range, uint64_t page)
{
    if (range >= table->range_count || page >= table->range[range].pages)
        return PAGE_NONE;
    return table->range[range].base + (uint32_t)page;
}

static inline void page_zero_line(uint64_t *word)
{
    word[0] = 0;
    word[1] = 0;
    word[2] = 0;
    word[3] = 0;
    word[4] = 0;
    word[5] = 0;
    word[6] = 0;
    word[7] = 0;
}

/* Eight lines of 64 bytes a turn: 528 instructions for a page. */
void page_zero(void *contents)
{
    uint64_t *word = contents;

    for (uint64_t *end = word + FL_PAGE_BYTES / 8; word < end; word += 64) {
        page_zero_line(word);
        page_zero_line(word + 8);
        page_zero_line(word + 16);
        page_zero_line(word + 24);
        page_zero_line(word + 32);
        page_zero_line(word + 40);
        page_zero_line(word + 48);
        page_zero_line(word + 56);
    }
}

static inline void page_copy_line(uint64_t *to, const uint64_t *from)
{
    uint64_t a = from[0], b = from[1], c = from[2], d = from[3];
    uint64_t e = from[4], f = from[5], g = from[6], h = from[7];

    to[0] = a;
    to[1] = b;
    to[2] = c;
    to[3] = d;
    to[4] = e;
    to[5] = f;
    to[6] = g;
    to[7] = h;
}

/* As above: 1,048 instructions. */
void page_copy(void *contents, const void *from)
{
    uint64_t *to = contents;
    const uint64_t *word = from;

    for (uint64_t *end = to + FL_PAGE_BYTES / 8; to < end; to += 64, word += 64) {
        page_copy_line(to, word);
        page_copy_line(to + 8, word + 8);
        page_copy_line(to + 16, word + 16);
        page_copy_line(to + 24, word + 24);
        page_copy_line(to + 32, word + 32);
        page_copy_line(to + 40, word + 40);
        page_copy_line(to + 48, word + 48);
        page_copy_line(to + 56, word + 56);
    }
}
