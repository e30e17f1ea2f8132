/* What lies in the frames of the store of compressed pages: for compress.c and its checker.
 *
 * A unit's number is its frame's page number and its place in 5 bits, a record's likewise in 8 bits.  Any
 * number may have been damaged, so a pointer is only made by the functions below: NULL, where the number
 * names nothing that is in use. */
#ifndef PAGER_COMPRESS_FRAME_H
#define PAGER_COMPRESS_FRAME_H

#include "compress.h"

#define COMPRESS_NONE        UINT32_MAX
#define COMPRESS_UNIT_SHIFT  5u
#define COMPRESS_PAGE_SHIFT  8u
#define COMPRESS_NUMBER_BITS 31u        /* of a record's number */
#define COMPRESS_OF_PAGE     (1u << 31) /* `previous` is a record's number */
#define COMPRESS_GENERATIONS (1u << (COMPRESS_HANDLE_BITS - COMPRESS_NUMBER_BITS))
#define COMPRESS_UNIT_WORDS  (COMPRESS_UNIT_BYTES / 8)

struct compress_unit {
    uint32_t next;     /* unit, or COMPRESS_NONE */
    uint32_t previous; /* unit, or COMPRESS_OF_PAGE and the page's record */
    uint64_t word[COMPRESS_UNIT_WORDS];
};

enum compress_kind { COMPRESS_FREE, COMPRESS_FILLED, COMPRESS_PACKED };

struct compress_record {
    uint64_t sum;
    union {
        uint64_t word;      /* COMPRESS_FILLED */
        uint32_t first;     /* COMPRESS_PACKED: unit */
        uint32_t next_free; /* COMPRESS_FREE: place in the frame */
    };
    uint32_t generation;
    uint16_t bytes; /* COMPRESS_PACKED */
    uint16_t kind;
};

enum compress_use { COMPRESS_SPARE, COMPRESS_UNITS, COMPRESS_PAGES };

struct compress_frame {
    uint32_t next;     /* in its list: a page number, or PAGE_NONE */
    uint32_t previous; /* open frames of records */
    uint16_t use;
    uint16_t used; /* records */
    uint32_t free_head;
    union {
        struct compress_unit unit[COMPRESS_FRAME_UNITS];
        struct compress_record record[COMPRESS_FRAME_PAGES];
    };
};
_Static_assert(sizeof(struct compress_frame) == FL_PAGE_BYTES, "a frame");
_Static_assert(COMPRESS_FRAME_UNITS <= 1u << COMPRESS_UNIT_SHIFT, "a unit's place");
_Static_assert(COMPRESS_FRAME_PAGES < 1u << COMPRESS_PAGE_SHIFT, "a record's place");

/* The frame, if it is one of the store in this use. */
static inline struct compress_frame *compress_frame(const struct compress *store, uint32_t page,
                                                    enum compress_use use)
{
    struct compress_frame *frame;

    if (page >= store->table->count || store->table->pages[page].state != PAGE_PACKED)
        return NULL;
    frame = page_contents(store->table, page);
    return frame->use == use ? frame : NULL;
}

static inline struct compress_unit *compress_unit(const struct compress *store, uint32_t number)
{
    uint32_t page = number >> COMPRESS_UNIT_SHIFT;
    uint32_t at = number & ((1u << COMPRESS_UNIT_SHIFT) - 1);
    struct compress_frame *frame = compress_frame(store, page, COMPRESS_UNITS);

    if (!frame || at >= (page == store->unit_head ? store->last_units : COMPRESS_FRAME_UNITS))
        return NULL;
    return &frame->unit[at];
}

static inline struct compress_record *compress_record(const struct compress *store, uint32_t number)
{
    uint32_t at = number & ((1u << COMPRESS_PAGE_SHIFT) - 1);
    struct compress_frame *frame =
        compress_frame(store, number >> COMPRESS_PAGE_SHIFT, COMPRESS_PAGES);

    if (!frame || at >= COMPRESS_FRAME_PAGES || frame->record[at].kind == COMPRESS_FREE)
        return NULL;
    return &frame->record[at];
}

static inline uint64_t compress_handle(uint32_t number, uint32_t generation)
{
    return (uint64_t)generation << COMPRESS_NUMBER_BITS | number;
}

static inline uint32_t compress_units_of(uint32_t bytes)
{
    return (bytes + COMPRESS_UNIT_BYTES - 1) / COMPRESS_UNIT_BYTES;
}

#endif
