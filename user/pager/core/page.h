/* Page records: one for each frame of the machine that the pager can name, and the lists of free ones:
 * single ones that are known to be zero, other single ones, and blocks (buddy.h).
 *
 * A page number counts through all RAM ranges; the window maps page n at window + n * 4096.
 *
 *  P1  a free page is on one of the two lists of single ones exactly once, or in one block, and no other
 *      page is;
 *  P2  a page in an object is named by exactly one leaf, that of its `object` at its `link`;
 *  P3  counts[s] is the number of pages in state s;
 *  P4  pages that are lent or outside are never read or written through the window;
 *  P5  a busy page is in an object as any other (P2), but nobody maps it, and the core neither reads
 *      nor writes it;
 *  P6  a stray page was busy when its object let it go: nothing names it but its fetch, whose end
 *      frees it;
 *  P7  a page is marked zeroed exactly if it is on the list of those, which ends with zeroed_tail: it is
 *      free, and all of its bytes are 0.  `zeroed` counts them, and counts[PAGE_FREE] too: to everybody
 *      else they are free pages;
 *  P8  only pages in objects, and strays, have a swap slot (swap.h), no two the same: a PAGE_OBJECT's
 *      holds a copy of it unless it was written since, which its D bit tells; one that is written out
 *      or read in goes there or comes from there;
 *  P9  a free page has no flag but PAGE_HARVESTED.
 *
 * Does not know what a page's contents mean, and clears none but those of P7: whoever gives a page to
 * a program fills all of it first. */
#ifndef PAGER_PAGE_H
#define PAGER_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

#define PAGE_NONE    UINT32_MAX
#define BUDDY_ORDERS 9u /* the largest block: 512 pages, 2 MiB */

struct object;

enum page_state {
    PAGE_OUTSIDE,  /* never ours: the root task's own */
    PAGE_FREE,     /* on a free list */
    PAGE_OBJECT,   /* contents of a memory object */
    PAGE_WRITING,  /* the same, and a device writes it to a swap slot */
    PAGE_BUSY,     /* the same, but the contents are on their way */
    PAGE_STRAY,    /* a device uses the frame, for nobody */
    PAGE_HELD,     /* kept for the first request that waits for memory (wait.h) */
    PAGE_METADATA, /* slabs, page records, the zero page */
    PAGE_BUFFER,   /* message buffer of a space */
    PAGE_LENT,     /* kernel objects, page tables: out of the window */
    PAGE_PACKED,   /* of the store of compressed pages (compress.h) */
    PAGE_MERGED,   /* contents of several places of objects, which nobody writes (samepage.h) */
    PAGE_STATES
};

struct page {
    union {
        struct object *object; /* PAGE_OBJECT, PAGE_WRITING, PAGE_BUSY */
        uint64_t previous;     /* PAGE_FREE: page number or PAGE_NONE */
        uint64_t sharers;      /* PAGE_MERGED: leaves that name it */
    };
    /* PAGE_FREE, PAGE_HELD, PAGE_MERGED: the next one or PAGE_NONE; else index in the object. */
    uint32_t link;
    uint8_t state;
    uint8_t flags; /* PAGE_TAKEN and so on; beside the state, so that both are written at once */
    uint8_t range;
    bool zeroed;    /* PAGE_FREE: P7; else false */
    uint32_t slot;  /* in swap (P8), or 0 */
    uint32_t sum;   /* of the contents when samepage.h looked at them last */
    uint16_t given; /* when it came, or was given to a fault (victims.h); or 0 */
    uint8_t known;  /* VICTIMS_LISTED, VICTIMS_TOLD */
    uint8_t looked; /* the step of reclaim that looked at its accessed bit last (accessed.h) */
    uint8_t order;  /* of the block that begins here, or BUDDY_INNER (buddy.h) */
    uint8_t window; /* (window.h) in which it was used last, or 0 */
    uint8_t swept;  /* the window whose sweep asked about it last */
    uint8_t uses;   /* windows in which it was used since it came, at most 255 */
};
_Static_assert(sizeof(struct page) == 32, "0.8 % of memory, and its place is found by a shift");

/* Of a page that is being written: somebody found it meanwhile, and it stays ... */
#define PAGE_TAKEN 1u
/* ... and was written: the copy is of no use. */
#define PAGE_WRITTEN 2u
/* Its accessed bit was harvested, and replacement has not asked for it yet (accessed.h). */
#define PAGE_ACCESSED 4u
/* Of a free page: no program wrote in its frame since the frame's D bit was cleared. */
#define PAGE_HARVESTED 8u
/* Of a page in an object: it was read from swap, and perhaps nobody has mapped it. */
#define PAGE_AHEAD 16u
/* Of a page in an object: the store of compressed pages did not take it (tier.h). */
#define PAGE_DENSE 32u
/* Its first access, for which it came in, was not seen yet (accessed.h). */
#define PAGE_NEW 64u

struct page_range {
    uint64_t pages;
    uint64_t first_free;  /* pages below are outside */
    uint64_t first_frame; /* physical address of page 0 / 4096: how blocks are aligned */
    uint32_t slot;        /* as vm_mapping.slot */
    uint32_t base;        /* page number of its page 0; set by page_table_init */
    uint32_t shift;       /* page number + shift is aligned as the frame is; likewise */
};

struct page_table {
    struct page *pages;
    uint8_t *window;
    uint32_t count;
    uint32_t free_head;                /* of single ones that may hold anything */
    uint32_t zeroed_head;              /* of those that are zero, oldest first */
    uint32_t zeroed_tail;              /* the last of them, if there is one */
    uint32_t block_head[BUDDY_ORDERS]; /* of blocks of order 1, 2, ... */
    uint32_t blocks[BUDDY_ORDERS];     /* on each of these lists (B5) */
    uint32_t zeroed;                   /* how many of these */
    uint32_t reserved;                 /* free frames that faults may not take (reclaim.h) */
    uint32_t range_count;
    struct page_range range[FL_BOOT_RAM_MAX];
    uint32_t counts[PAGE_STATES];
    uint64_t failures;            /* times that page_allocate found none, since the start */
    void (*zero)(void *contents); /* page_zero, or what does the same faster on this machine */
};

/* Bytes of page records that so many ranges need. */
uint64_t page_table_bytes(const struct page_range *ranges, uint32_t count);

/* Pages for the page records and whatever else is kept for each page, behind them. */
struct page_records {
    uint32_t first;
    uint32_t pages; /* for page_table_bytes() or more */
};

/* ranges: `count` of them, copied.  The pages of `records` become metadata, all others at or above their
 * range's first_free become free, lowest first. */
void page_table_init(struct page_table *table, const struct page_range *ranges, uint32_t count,
                     uint8_t *window, const struct page_records *records);

/* Takes a free page, a zeroed one only when no other is left.  Returns its number, or PAGE_NONE.
 * Contents: whatever was there. */
uint32_t page_allocate(struct page_table *table, enum page_state state);

/* Takes the page that was zeroed first.  Returns its number, or PAGE_NONE when none is zeroed. */
uint32_t page_allocate_zeroed(struct page_table *table, enum page_state state);

/* Zeroes a free page that is not.  False: there is none. */
bool page_zero_ahead(struct page_table *table);

/* Takes `pages` consecutive free pages of one range, at most 512, the first aligned in physical memory to the
 * next power of two.  Returns it, or PAGE_NONE. */
uint32_t page_allocate_run(struct page_table *table, uint32_t pages, enum page_state state);

/* Makes a page free again. */
void page_release(struct page_table *table, uint32_t number);

/* Makes consecutive pages of one range free again, for runs. */
void page_release_run(struct page_table *table, uint32_t first, uint32_t pages);

/* Gives a page that is not free another state, which is not PAGE_FREE. */
void page_set_state(struct page_table *table, uint32_t number, enum page_state state);

/* The page number of page `page` of range `range`, or PAGE_NONE if there is no such page. */
uint32_t page_number(const struct page_table *table, uint64_t range, uint64_t page);

static inline void *page_contents(const struct page_table *table, uint32_t number)
{
    return table->window + (uint64_t)number * FL_PAGE_BYTES;
}

/* True if the page's contents are still on their way. */
static inline bool page_is_busy(const struct page_table *table, uint32_t number)
{
    return table->pages[number].state == PAGE_BUSY;
}

/* The page whose window holds this address. */
static inline uint32_t page_of_contents(const struct page_table *table, const void *contents)
{
    return (uint32_t)((uint64_t)((const uint8_t *)contents - table->window) / FL_PAGE_BYTES);
}

/* Fills a page with zeros / with another page; both pointers page-aligned. */
void page_zero(void *contents);
void page_copy(void *contents, const void *from);

#endif
