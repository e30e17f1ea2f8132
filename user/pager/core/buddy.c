/* Free memory in blocks: see buddy.h. */
#include "buddy.h"

/* Numbers that are aligned as physical memory is: of a page, and back. */
static uint32_t buddy_shift(const struct page_table *table, uint32_t page)
{
    return table->range[table->pages[page].range].shift;
}

/* The other half of the block of twice the size, or PAGE_NONE if it is not whole in the range. */
static uint32_t buddy_of(const struct page_table *table, uint32_t first, uint32_t order)
{
    const struct page_range *range = &table->range[table->pages[first].range];
    uint64_t other = (first + range->shift) ^ 1u << order; /* shifted */
    uint64_t start = range->base + range->shift;

    if (other < start || other + (1u << order) > start + range->pages)
        return PAGE_NONE;
    return (uint32_t)other - range->shift;
}

/* True if a block of this order begins at the page; of order 0: a single page that is not zeroed. */
static bool buddy_is_free(const struct page_table *table, uint32_t first, uint32_t order)
{
    const struct page *page = &table->pages[first];

    return page->state == PAGE_FREE && page->order == order && !page->zeroed;
}

/* The list of a block, or of a single page. */
static uint32_t *buddy_head(struct page_table *table, uint32_t first, uint32_t order)
{
    if (order > 0)
        return &table->block_head[order - 1];
    return table->pages[first].zeroed ? &table->zeroed_head : &table->free_head;
}

static void buddy_unlink(struct page_table *table, uint32_t first, uint32_t order)
{
    const struct page *page = &table->pages[first];
    uint32_t previous = (uint32_t)page->previous, next = page->link;

    if (previous != PAGE_NONE)
        table->pages[previous].link = next;
    else
        *buddy_head(table, first, order) = next;
    if (next != PAGE_NONE)
        table->pages[next].previous = previous;
    else if (page->zeroed)
        table->zeroed_tail = previous;
    if (order > 0)
        table->blocks[order - 1]--;
}

static void buddy_link(struct page_table *table, uint32_t first, uint32_t order)
{
    uint32_t *head = buddy_head(table, first, order);
    struct page *page = &table->pages[first];

    page->order = (uint8_t)order;
    page->previous = PAGE_NONE;
    page->link = *head;
    if (*head != PAGE_NONE)
        table->pages[*head].previous = first;
    *head = first;
    if (order > 0)
        table->blocks[order - 1]++;
}

uint32_t buddy_count(const struct page_table *table, uint32_t order)
{
    uint32_t single = table->counts[PAGE_FREE];

    if (order > 0)
        return table->blocks[order - 1];
    for (uint32_t k = 1; k <= BUDDY_ORDERS; k++)
        single -= table->blocks[k - 1] << k;
    return single;
}

uint32_t buddy_order(uint32_t pages)
{
    uint32_t order = 0;

    while (1ull << order < pages)
        order++;
    return order;
}

/* --- merging ------------------------------------------------------------------------------- */

/* Puts a block, whose inner pages are marked, on its list, merged with its other halves. */
static void buddy_insert(struct page_table *table, uint32_t first, uint32_t order)
{
    while (order < BUDDY_ORDERS) {
        uint32_t other = buddy_of(table, first, order);

        if (other == PAGE_NONE || !buddy_is_free(table, other, order))
            break;
        buddy_unlink(table, other, order);
        table->pages[first > other ? first : other].order = BUDDY_INNER;
        first = first < other ? first : other;
        order++;
    }
    buddy_link(table, first, order);
}

void buddy_insert_run(struct page_table *table, uint32_t first, uint32_t end)
{
    uint32_t shift = first < end ? buddy_shift(table, first) : 0;

    /* From the end, so that the lowest come first on the lists. */
    while (end > first) {
        uint32_t order = 0;

        while (order < BUDDY_ORDERS && (end + shift) % (2u << order) == 0 &&
               end - first >= 2u << order)
            order++;
        for (uint32_t i = 1; i < 1u << order; i++)
            table->pages[end - i].order = BUDDY_INNER;
        end -= 1u << order;
        buddy_insert(table, end, order);
    }
}

/* The smallest order of a block that has at least `order`; above BUDDY_ORDERS: there is none. */
static uint32_t buddy_least(const struct page_table *table, uint32_t order)
{
    while (order <= BUDDY_ORDERS && table->block_head[order - 1] == PAGE_NONE)
        order++;
    return order;
}

/* True if a page is a single free one; of the zeroed ones only with `stock`. */
static bool buddy_is_single(const struct page_table *table, uint32_t page, bool stock)
{
    const struct page *p = &table->pages[page];

    return p->state == PAGE_FREE && p->order == 0 && (stock || !p->zeroed);
}

/* Makes a page that is zeroed one as any other. */
static void buddy_spoil(struct page_table *table, uint32_t page)
{
    if (!table->pages[page].zeroed)
        return;
    buddy_unlink(table, page, 0);
    table->pages[page].zeroed = false;
    table->zeroed--;
    buddy_link(table, page, 0);
}

/* Merges single pages, from the top of memory down, until there is a block of this order. */
static bool buddy_gather(struct page_table *table, uint32_t order, bool stock)
{
    for (uint32_t n = table->count; n-- > 0;) {
        uint32_t other;

        if (!buddy_is_single(table, n, stock))
            continue;
        other = buddy_of(table, n, 0);
        if (other == PAGE_NONE || !buddy_is_single(table, other, stock))
            continue;
        buddy_spoil(table, n);
        buddy_spoil(table, other);
        buddy_unlink(table, n, 0);
        buddy_insert(table, n, 0);
        if (buddy_least(table, order) <= BUDDY_ORDERS)
            return true;
    }
    return false;
}

/* --- splitting ----------------------------------------------------------------------------- */

/* Takes a block of this order, marked as one, out of the smallest that has it. */
static uint32_t buddy_split(struct page_table *table, uint32_t order)
{
    uint32_t k = buddy_least(table, order), first;

    if (k > BUDDY_ORDERS)
        return PAGE_NONE;
    first = table->block_head[k - 1];
    buddy_unlink(table, first, k);
    while (k-- > order)
        buddy_link(table, first + (1u << k), k);
    return first;
}

uint32_t buddy_take(struct page_table *table, uint32_t order)
{
    uint32_t first;

    if (order > BUDDY_ORDERS || 1u << order > table->counts[PAGE_FREE])
        return PAGE_NONE;
    if (buddy_least(table, order) > BUDDY_ORDERS && !buddy_gather(table, order, false) &&
        (table->zeroed == 0 || !buddy_gather(table, order, true)))
        return PAGE_NONE;
    first = buddy_split(table, order);
    for (uint32_t i = 0; i < 1u << order; i++)
        table->pages[first + i].order = 0;
    return first;
}

bool buddy_refill(struct page_table *table)
{
    uint32_t order = buddy_least(table, 1), first, end;

    if (order > BUDDY_ORDERS)
        return false;
    order = order < BUDDY_REFILL ? order : BUDDY_REFILL;
    first = buddy_split(table, order);
    end = first + (1u << order);
    for (uint32_t n = first; n < end; n++) {
        table->pages[n].order = 0;
        table->pages[n].previous = n - 1;
        table->pages[n].link = n + 1;
    }
    table->pages[first].previous = PAGE_NONE;
    table->pages[end - 1].link = PAGE_NONE;
    table->free_head = first;
    return true;
}

/* --- the checker --------------------------------------------------------------------------- */

static const char *buddy_check_block(const struct page_table *table, uint32_t first, uint32_t order)
{
    uint32_t pages = 1u << order, other = buddy_of(table, first, order);
    uint8_t range = table->pages[first].range;

    if ((first + buddy_shift(table, first)) % pages != 0 || first + pages > table->count)
        return "B1";
    for (uint32_t i = 0; i < pages; i++) {
        const struct page *page = &table->pages[first + i];

        if (page->state != PAGE_FREE || page->zeroed || page->range != range)
            return "B1";
        if (page->order != (i == 0 ? order : BUDDY_INNER))
            return "B2";
    }
    if (order < BUDDY_ORDERS && other != PAGE_NONE && buddy_is_free(table, other, order))
        return "B3";
    return NULL;
}

/* Looks at the blocks of an order, and adds their pages to *pages. */
static const char *buddy_check_order(const struct page_table *table, uint32_t order,
                                     uint32_t *pages)
{
    uint32_t n = table->block_head[order - 1], previous = PAGE_NONE;

    for (; n != PAGE_NONE; previous = n, n = table->pages[n].link) {
        const char *broken = n < table->count ? buddy_check_block(table, n, order) : "B2";

        if (broken || table->pages[n].previous != previous || *pages > table->count)
            return broken ? broken : "B2";
        *pages += 1u << order;
    }
    return NULL;
}

const char *buddy_check(const struct page_table *table, uint32_t *pages)
{
    uint32_t marked = 0, wrong = 0;

    *pages = 0;
    for (uint32_t order = 1; order <= BUDDY_ORDERS; order++) {
        uint32_t before = *pages;
        const char *broken = buddy_check_order(table, order, pages);

        if (broken)
            return broken;
        wrong += *pages - before != table->blocks[order - 1] << order;
    }
    for (uint32_t n = 0; n < table->count; n++)
        marked += table->pages[n].order != 0;
    if (marked != *pages)
        return "B4";
    return wrong == 0 ? NULL : "B5";
}
