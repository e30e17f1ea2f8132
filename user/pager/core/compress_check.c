/* The checker of the store of compressed pages: see compress.h.  Changes nothing. */
#include "compress_frame.h"

/* What a walk over all frames and pages finds. */
struct compress_count {
    const char *broken;
    uint32_t frames[COMPRESS_PAGES + 1]; /* by use */
    uint32_t open;
    uint32_t pages;
    uint32_t filled;
    uint64_t units;
    uint64_t bytes;
};

static void compress_expect(struct compress_count *count, bool holds, const char *invariant)
{
    if (!holds && !count->broken)
        count->broken = invariant;
}

/* The length of the list that begins at `page`, all of whose frames are in this use. */
static void compress_check_list(const struct compress *store, struct compress_count *count,
                                uint32_t page, enum compress_use use, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        const struct compress_frame *frame = compress_frame(store, page, use);

        compress_expect(count, frame != NULL, "C1");
        if (!frame)
            return;
        page = frame->next;
    }
    compress_expect(count, page == PAGE_NONE, "C1");
}

static void compress_check_page(const struct compress *store, struct compress_count *count,
                                uint32_t number)
{
    const struct compress_record *record = compress_record(store, number);
    uint32_t previous = COMPRESS_OF_PAGE | number, at, units;

    if (!record)
        return;
    count->pages++;
    if (record->kind == COMPRESS_FILLED) {
        count->filled++;
        return;
    }
    units = compress_units_of(record->bytes);
    compress_expect(count, units > 0 && units <= COMPRESS_UNITS_MOST, "C5");
    at = record->first;
    for (uint32_t i = 0; i < units; i++) {
        const struct compress_unit *unit = compress_unit(store, at);

        compress_expect(count, unit && unit->previous == previous, "C3");
        if (!unit)
            return;
        previous = at;
        at = unit->next;
    }
    compress_expect(count, at == COMPRESS_NONE, "C5");
    count->units += units;
    count->bytes += record->bytes;
}

/* A frame of records: its free ones are on its list, and it is on the list of open frames. */
static void compress_check_records(const struct compress *store, struct compress_count *count,
                                   uint32_t page)
{
    const struct compress_frame *frame = compress_frame(store, page, COMPRESS_PAGES);
    uint32_t at = frame->free_head, used = 0;

    for (uint32_t i = 0; i < COMPRESS_FRAME_PAGES; i++) {
        used += frame->record[i].kind != COMPRESS_FREE;
        compress_check_page(store, count, page << COMPRESS_PAGE_SHIFT | i);
    }
    compress_expect(count, used == frame->used && used > 0, "C4");
    for (uint32_t free = COMPRESS_FRAME_PAGES - used; free > 0 && !count->broken; free--) {
        compress_expect(count, at < COMPRESS_FRAME_PAGES && frame->record[at].kind == COMPRESS_FREE,
                        "C4");
        if (!count->broken)
            at = frame->record[at].next_free;
    }
    if (used == COMPRESS_FRAME_PAGES)
        return;
    count->open++;
    if (frame->previous == PAGE_NONE) {
        compress_expect(count, store->open_head == page, "C4");
    } else {
        const struct compress_frame *previous =
            compress_frame(store, frame->previous, COMPRESS_PAGES);

        compress_expect(count, previous && previous->next == page, "C4");
    }
}

static void compress_check_frame(const struct compress *store, struct compress_count *count,
                                 uint32_t page)
{
    const struct compress_frame *frame = page_contents(store->table, page);

    if (frame->use > COMPRESS_PAGES) {
        compress_expect(count, false, "C1");
        return;
    }
    count->frames[frame->use]++;
    if (frame->use == COMPRESS_PAGES)
        compress_check_records(store, count, page);
}

const char *compress_check(const struct compress *store)
{
    struct compress_count count = {0};

    for (uint32_t page = 0; page < store->table->count; page++)
        if (store->table->pages[page].state == PAGE_PACKED)
            compress_check_frame(store, &count, page);
    compress_check_list(store, &count, store->spare_head, COMPRESS_SPARE, store->spare);
    compress_check_list(store, &count, store->unit_head, COMPRESS_UNITS, store->unit_frames);
    compress_check_list(store, &count, store->open_head, COMPRESS_PAGES, count.open);
    compress_expect(&count,
                    count.frames[COMPRESS_SPARE] == store->spare &&
                        count.frames[COMPRESS_UNITS] == store->unit_frames,
                    "C1");
    compress_expect(&count,
                    store->unit_frames == 0 ||
                        (store->last_units > 0 && store->last_units <= COMPRESS_FRAME_UNITS),
                    "C2");
    compress_expect(&count, count.units == compress_units(store), "C3");
    compress_expect(&count,
                    count.frames[COMPRESS_PAGES] == store->page_frames &&
                        count.pages == store->pages && count.filled == store->filled &&
                        count.bytes == store->bytes && compress_frames(store) <= store->limit,
                    "C6");
    return count.broken;
}

uint64_t compress_sum_handles(const struct compress *store)
{
    uint64_t sum = 0;

    for (uint32_t page = 0; page < store->table->count; page++) {
        const struct compress_frame *frame = compress_frame(store, page, COMPRESS_PAGES);

        for (uint32_t at = 0; frame && at < COMPRESS_FRAME_PAGES; at++)
            if (frame->record[at].kind != COMPRESS_FREE)
                sum +=
                    compress_handle(page << COMPRESS_PAGE_SHIFT | at, frame->record[at].generation);
    }
    return sum;
}
