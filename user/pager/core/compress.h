/* Memory in place of a disk: pages that nobody uses now, compressed, in frames of their own.
 *
 *     contents --put--> handle --get--> contents        drop ends it
 *
 * A page is packed (pack.h) and cut into units of 128 bytes, which lie wherever units are free, each with
 * the numbers of its neighbours.  Units are kept dense: when a page is dropped, the last units of all move
 * into its places.  So no unit is ever free but behind the last one, and what the store holds of units is
 * the least number of frames that they fit into, after any history:
 *
 *     frames of units = ceil(units / 30)
 *
 * Beside it stands a record for each page, of 24 bytes, with its checksum.  Records do not move, since a
 * handle names a place; the frames of records are at most ceil(p / 170), p = the most pages at any time
 * since the store was empty, and one without a page is free again.
 *
 * A page of one repeated word takes a record only, and a page of zeros nothing.
 *
 * Frames.  The store takes none: whoever owns them lends them, and asks for those that are spare.  A put
 * takes at most 24 of 30 units, and a frame for units and a frame for records if it must.  So with
 * COMPRESS_RESERVE frames that are spare when page-out begins, any number of pages can be put while no
 * other frame is free, as long as the frame of each page that was put is lent next, until again
 * COMPRESS_RESERVE are spare: p puts need ceil(24 p / 30) + ceil(p / 170) frames at most, and were lent
 * COMPRESS_RESERVE + p - 1 by then.
 *
 * Damage.  A page that comes back has the checksum it was put with, or it is COMPRESS_BROKEN: wrong bytes
 * are never given out.  Where the store's own numbers contradict each other it closes: it takes no page and moves
 * no unit any more, and what can still be read is read.
 *
 *  C1  the pages in state PAGE_PACKED are those of the store: each is spare, of units or of records,
 *      and on one list;
 *  C2  a frame of units is full, or it is the last one and has a unit;
 *  C3  each unit belongs to one page, and its neighbours know it;
 *  C4  a frame of records has a page; it is on the list of open ones exactly if a record in it is free;
 *  C5  a page has the units that its bytes need, at most COMPRESS_UNITS_MOST;
 *  C6  all counts are right, and frames in use are at most `limit`.
 *
 * Does not know whose a page is, nor which one was used last; frees no frame. */
#ifndef PAGER_COMPRESS_H
#define PAGER_COMPRESS_H

#include "pack.h"
#include "page.h"

#define COMPRESS_UNIT_BYTES   128u
#define COMPRESS_FRAME_UNITS  30u
#define COMPRESS_FRAME_PAGES  170u       /* records in a frame */
#define COMPRESS_UNITS_MOST   24u        /* of a page: more does not pay */
#define COMPRESS_RESERVE      2u         /* frames */
#define COMPRESS_FRAMES_LIMIT (1u << 23) /* page numbers are below: 32 GiB */
#define COMPRESS_HANDLE_BITS  53u

enum compress_result {
    COMPRESS_OK,
    COMPRESS_ZERO,         /* put: all bytes are 0, and nothing was kept */
    COMPRESS_DOES_NOT_PAY, /* put: it would take nearly a frame */
    COMPRESS_NO_ROOM,      /* put: no spare frame, or the limit */
    COMPRESS_BROKEN        /* get, drop: no such page, or not the bytes that were put */
};

struct compress {
    const struct page_table *table;
    uint32_t limit;      /* frames in use, at most */
    uint32_t spare_head; /* lists of frames; PAGE_NONE: empty */
    uint32_t unit_head;  /* the last frame of units */
    uint32_t open_head;  /* frames with a free record */
    uint32_t spare;      /* how many frames */
    uint32_t unit_frames;
    uint32_t page_frames; /* of records */
    uint32_t last_units;  /* in the last frame of units */
    uint32_t pages;       /* handles */
    uint32_t filled;      /* of them: pages of one repeated word */
    uint32_t generation;  /* of the last page that was put */
    bool closed;          /* damaged */
    uint64_t bytes;       /* packed, of all pages */
    struct pack pack;
    uint64_t packed[COMPRESS_UNITS_MOST * COMPRESS_UNIT_BYTES / 8];
};

/* Frames must be below COMPRESS_FRAMES_LIMIT. */
void compress_init(struct compress *store, const struct page_table *table, uint32_t limit);

/* Lends a page in state PAGE_PACKED to the store, whatever is in it. */
void compress_lend(struct compress *store, uint32_t page);

/* Takes a spare page back; PAGE_NONE: there is none. */
uint32_t compress_take_spare(struct compress *store);

/* Keeps a copy of a page, and *handle for it.  Whatever is not COMPRESS_OK changed nothing. */
enum compress_result compress_put(struct compress *store, const void *contents, uint64_t *handle);

/* Writes the page into `contents`; it stays in the store.  With COMPRESS_BROKEN they are anything, and
 * must not be seen. */
enum compress_result compress_get(struct compress *store, uint64_t handle, void *contents);

/* Forgets a page: its handle is never valid again, or only after 2^22 puts. */
enum compress_result compress_drop(struct compress *store, uint64_t handle);

/* Where a page's record is: no two pages have the same number at a time. */
uint32_t compress_number(uint64_t handle);

/* True if the handle names a page. */
bool compress_has(const struct compress *store, uint64_t handle);

/* The sum of all handles. */
uint64_t compress_sum_handles(const struct compress *store);

/* True if the page, aligned to 8, is one repeated word. */
bool compress_is_filled(const void *contents, uint64_t *word);

/* Frames that hold something. */
static inline uint32_t compress_frames(const struct compress *store)
{
    return store->unit_frames + store->page_frames;
}

static inline uint64_t compress_units(const struct compress *store)
{
    return (uint64_t)store->unit_frames * COMPRESS_FRAME_UNITS -
           (store->unit_frames ? COMPRESS_FRAME_UNITS - store->last_units : 0);
}

/* NULL, or the number of the first invariant that does not hold.  Slow. */
const char *compress_check(const struct compress *store);

#endif
