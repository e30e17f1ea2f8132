/* The store of compressed pages: see compress.h, and compress_frame.h for what lies in its frames. */
#include "compress.h"

#include "checksum.h"
#include "compress_frame.h"

void compress_init(struct compress *store, const struct page_table *table, uint32_t limit)
{
    *store = (struct compress){.table = table,
                               .limit = limit,
                               .spare_head = PAGE_NONE,
                               .unit_head = PAGE_NONE,
                               .open_head = PAGE_NONE};
}

/* --- frames -------------------------------------------------------------------------------- */

void compress_lend(struct compress *store, uint32_t page)
{
    struct compress_frame *frame = page_contents(store->table, page);

    frame->use = COMPRESS_SPARE;
    frame->next = store->spare_head;
    store->spare_head = page;
    store->spare++;
}

uint32_t compress_take_spare(struct compress *store)
{
    uint32_t page = store->spare_head;
    struct compress_frame *frame = compress_frame(store, page, COMPRESS_SPARE);

    if (!frame) {
        store->closed |= page != PAGE_NONE;
        return PAGE_NONE;
    }
    store->spare_head = frame->next;
    store->spare--;
    return page;
}

static void compress_open(struct compress *store, uint32_t page, struct compress_frame *frame)
{
    struct compress_frame *next = compress_frame(store, store->open_head, COMPRESS_PAGES);

    frame->previous = PAGE_NONE;
    frame->next = store->open_head;
    if (next)
        next->previous = page;
    store->open_head = page;
}

/* Takes a frame of records off the list of open ones. */
static void compress_shut(struct compress *store, const struct compress_frame *frame)
{
    struct compress_frame *next = compress_frame(store, frame->next, COMPRESS_PAGES);
    struct compress_frame *previous = compress_frame(store, frame->previous, COMPRESS_PAGES);

    if ((!next && frame->next != PAGE_NONE) || (!previous && frame->previous != PAGE_NONE)) {
        store->closed = true;
        return;
    }
    if (next)
        next->previous = frame->previous;
    if (previous)
        previous->next = frame->next;
    else
        store->open_head = frame->next;
}

static void compress_add_page_frame(struct compress *store)
{
    uint32_t page = compress_take_spare(store);
    struct compress_frame *frame = page_contents(store->table, page);

    frame->use = COMPRESS_PAGES;
    frame->used = 0;
    frame->free_head = 0;
    for (uint32_t i = 0; i < COMPRESS_FRAME_PAGES; i++)
        frame->record[i] = (struct compress_record){.kind = COMPRESS_FREE, .next_free = i + 1};
    store->page_frames++;
    compress_open(store, page, frame);
}

static void compress_add_unit_frame(struct compress *store)
{
    uint32_t page = compress_take_spare(store);
    struct compress_frame *frame = page_contents(store->table, page);

    frame->use = COMPRESS_UNITS;
    frame->next = store->unit_head;
    store->unit_head = page;
    store->unit_frames++;
    store->last_units = 0;
}

/* --- what a put takes ---------------------------------------------------------------------- */

/* True if the first `frames` of the spare ones are there. */
static bool compress_has_spare(const struct compress *store, uint32_t frames)
{
    uint32_t page = store->spare_head;

    for (; frames > 0; frames--) {
        const struct compress_frame *frame = compress_frame(store, page, COMPRESS_SPARE);

        if (!frame)
            return false;
        page = frame->next;
    }
    return true;
}

/* True if the places where the next unit and the next record go are what they must be. */
static bool compress_is_sound(const struct compress *store)
{
    const struct compress_frame *open = compress_frame(store, store->open_head, COMPRESS_PAGES);

    if (!compress_frame(store, store->unit_head, COMPRESS_UNITS) && store->unit_frames > 0)
        return false;
    if (!open)
        return store->open_head == PAGE_NONE;
    return open->free_head < COMPRESS_FRAME_PAGES && open->used < COMPRESS_FRAME_PAGES &&
           open->record[open->free_head].kind == COMPRESS_FREE;
}

/* Sees to it that a page of so many units can be kept. */
static bool compress_reserve(struct compress *store, uint32_t units)
{
    uint32_t left = store->unit_frames ? COMPRESS_FRAME_UNITS - store->last_units : 0;
    uint32_t frames = (units > left ? 1u : 0) + (store->open_head == PAGE_NONE ? 1u : 0);

    if (store->closed || frames > store->spare || compress_frames(store) + frames > store->limit)
        return false;
    if (compress_has_spare(store, frames) && compress_is_sound(store))
        return true;
    store->closed = true;
    return false;
}

/* --- records ------------------------------------------------------------------------------- */

static uint32_t compress_take_record(struct compress *store)
{
    struct compress_frame *frame;
    uint32_t page, at;

    if (store->open_head == PAGE_NONE)
        compress_add_page_frame(store);
    page = store->open_head;
    frame = page_contents(store->table, page);
    at = frame->free_head;
    frame->free_head = frame->record[at].next_free;
    if (++frame->used == COMPRESS_FRAME_PAGES)
        compress_shut(store, frame);
    store->pages++;
    store->generation = (store->generation + 1) % COMPRESS_GENERATIONS;
    return page << COMPRESS_PAGE_SHIFT | at;
}

static void compress_free_record(struct compress *store, uint32_t number)
{
    uint32_t page = number >> COMPRESS_PAGE_SHIFT;
    uint32_t at = number & ((1u << COMPRESS_PAGE_SHIFT) - 1);
    struct compress_frame *frame = page_contents(store->table, page);

    frame->record[at] =
        (struct compress_record){.kind = COMPRESS_FREE, .next_free = frame->free_head};
    store->pages--;
    if (store->closed)
        return;
    frame->free_head = at;
    if (frame->used-- == COMPRESS_FRAME_PAGES)
        compress_open(store, page, frame);
    if (frame->used > 0)
        return;
    compress_shut(store, frame);
    if (store->closed)
        return;
    store->page_frames--;
    compress_lend(store, page);
}

uint32_t compress_number(uint64_t handle)
{
    return (uint32_t)handle & (COMPRESS_OF_PAGE - 1);
}

/* The record that a handle names, and its number; NULL: none. */
static struct compress_record *compress_find(const struct compress *store, uint64_t handle,
                                             uint32_t *number)
{
    struct compress_record *record;

    *number = compress_number(handle);
    record = compress_record(store, *number);
    return record && compress_handle(*number, record->generation) == handle ? record : NULL;
}

bool compress_has(const struct compress *store, uint64_t handle)
{
    uint32_t number;

    return compress_find(store, handle, &number) != NULL;
}

/* --- units --------------------------------------------------------------------------------- */

static inline void compress_copy(uint64_t *to, const uint64_t *from)
{
#pragma GCC unroll 16
    for (uint32_t i = 0; i < COMPRESS_UNIT_WORDS; i++)
        to[i] = from[i];
}

static uint32_t compress_append_unit(struct compress *store)
{
    if (store->unit_head == PAGE_NONE || store->last_units == COMPRESS_FRAME_UNITS)
        compress_add_unit_frame(store);
    return store->unit_head << COMPRESS_UNIT_SHIFT | store->last_units++;
}

/* Writes what was packed into units of the page `number`. */
static void compress_scatter(struct compress *store, struct compress_record *record,
                             uint32_t number)
{
    uint32_t previous = COMPRESS_OF_PAGE | number, *link = &record->first;
    uint32_t units = compress_units_of(record->bytes);

    for (uint32_t i = 0; i < units; i++) {
        uint32_t at = compress_append_unit(store);
        struct compress_unit *unit = compress_unit(store, at);

        compress_copy(unit->word, store->packed + (uint64_t)i * COMPRESS_UNIT_WORDS);
        unit->previous = previous;
        *link = previous = at;
        link = &unit->next;
    }
    *link = COMPRESS_NONE;
}

/* Collects a page's units.  False: they are not all there. */
static bool compress_gather(struct compress *store, const struct compress_record *record,
                            uint32_t number)
{
    uint32_t previous = COMPRESS_OF_PAGE | number, at = record->first;
    uint32_t units = compress_units_of(record->bytes);

    if (units > COMPRESS_UNITS_MOST)
        return false;
    for (uint32_t i = 0; i < units; i++) {
        const struct compress_unit *unit = compress_unit(store, at);

        if (!unit || unit->previous != previous)
            return false;
        compress_copy(store->packed + (uint64_t)i * COMPRESS_UNIT_WORDS, unit->word);
        previous = at;
        at = unit->next;
    }
    return true;
}

/* The number that names a unit, which is in its neighbour or its page's record; NULL: they contradict
 * each other. */
static uint32_t *compress_name_of(const struct compress *store, uint32_t at,
                                  const struct compress_unit *unit)
{
    uint32_t *name = NULL;

    if (unit->previous & COMPRESS_OF_PAGE) {
        struct compress_record *record = compress_record(store, unit->previous & ~COMPRESS_OF_PAGE);

        if (record && record->kind == COMPRESS_PACKED)
            name = &record->first;
    } else {
        struct compress_unit *previous = compress_unit(store, unit->previous);

        if (previous)
            name = &previous->next;
    }
    return name && *name == at ? name : NULL;
}

/* Moves the unit `from` to the place `to`, which nothing names. */
static bool compress_move_unit(const struct compress *store, uint32_t from, uint32_t to)
{
    const struct compress_unit *unit = compress_unit(store, from);
    struct compress_unit *place = compress_unit(store, to), *next = NULL;
    uint32_t *name = unit ? compress_name_of(store, from, unit) : NULL;

    if (!name || !place)
        return false;
    if (unit->next != COMPRESS_NONE) {
        next = compress_unit(store, unit->next);
        if (!next || next->previous != from)
            return false;
        next->previous = to;
    }
    *name = to;
    place->next = unit->next;
    place->previous = unit->previous;
    compress_copy(place->word, unit->word);
    return true;
}

/* Fills the place of a unit that nothing names with the last unit of all. */
static bool compress_free_unit(struct compress *store, uint32_t at)
{
    uint32_t page = store->unit_head;
    struct compress_frame *frame = compress_frame(store, page, COMPRESS_UNITS);
    uint32_t last = (page << COMPRESS_UNIT_SHIFT) + store->last_units - 1;

    if (!frame || (at != last && !compress_move_unit(store, last, at)))
        return false;
    if (--store->last_units > 0)
        return true;
    store->unit_head = frame->next;
    store->unit_frames--;
    store->last_units = COMPRESS_FRAME_UNITS;
    compress_lend(store, page);
    return true;
}

/* Takes the first unit from a page and frees it: what is left is a page with a unit less. */
static bool compress_free_first(struct compress *store, struct compress_record *record,
                                uint32_t number)
{
    uint32_t at = record->first;
    const struct compress_unit *unit = compress_unit(store, at);

    if (!unit || unit->previous != (COMPRESS_OF_PAGE | number))
        return false;
    if (unit->next != COMPRESS_NONE) {
        struct compress_unit *next = compress_unit(store, unit->next);

        if (!next || next->previous != at)
            return false;
        next->previous = COMPRESS_OF_PAGE | number;
    }
    record->first = unit->next;
    return compress_free_unit(store, at);
}

/* --- pages --------------------------------------------------------------------------------- */

bool compress_is_filled(const void *contents, uint64_t *word)
{
    const uint64_t *at = contents, *end = at + FL_PAGE_BYTES / 8;
    uint64_t first = *at;

    *word = first;
    for (; at < end; at += 8)
        if (at[0] != first || at[1] != first || at[2] != first || at[3] != first ||
            at[4] != first || at[5] != first || at[6] != first || at[7] != first)
            return false;
    return true;
}

static void compress_fill(void *contents, uint64_t word)
{
    uint64_t *at = contents;

    for (uint64_t *end = at + FL_PAGE_BYTES / 8; at < end; at += 8) {
#pragma GCC unroll 8
        for (uint32_t i = 0; i < 8; i++)
            at[i] = word;
    }
}

/* Keeps a page of one word, with bytes 0, or one that was packed. */
static uint64_t compress_keep(struct compress *store, const void *contents, uint32_t bytes,
                              uint64_t word)
{
    uint32_t number = compress_take_record(store), generation = store->generation;
    struct compress_record *record =
        &((struct compress_frame *)page_contents(store->table, number >> COMPRESS_PAGE_SHIFT))
             ->record[number & ((1u << COMPRESS_PAGE_SHIFT) - 1)];
    uint64_t handle = compress_handle(number, generation);

    *record = (struct compress_record){.generation = generation, .bytes = (uint16_t)bytes};
    if (bytes == 0) {
        record->kind = COMPRESS_FILLED;
        record->word = word;
        record->sum = checksum_word(word, handle);
        store->filled++;
    } else {
        record->kind = COMPRESS_PACKED;
        record->sum = checksum_page(contents, handle);
        compress_scatter(store, record, number);
        store->bytes += bytes;
    }
    return handle;
}

enum compress_result compress_put(struct compress *store, const void *contents, uint64_t *handle)
{
    uint64_t word;
    bool filled = compress_is_filled(contents, &word);
    uint32_t bytes = 0;

    if (filled && word == 0)
        return COMPRESS_ZERO;
    if (!compress_reserve(store, !filled)) /* not even if it packs well */
        return COMPRESS_NO_ROOM;
    if (!filled) {
        bytes = pack_page(&store->pack, contents, store->packed, sizeof store->packed);
        if (bytes == 0)
            return COMPRESS_DOES_NOT_PAY;
    }
    if (!compress_reserve(store, compress_units_of(bytes)))
        return COMPRESS_NO_ROOM;
    *handle = compress_keep(store, contents, bytes, word);
    return COMPRESS_OK;
}

enum compress_result compress_get(struct compress *store, uint64_t handle, void *contents)
{
    uint32_t number;
    const struct compress_record *record = compress_find(store, handle, &number);

    if (!record)
        return COMPRESS_BROKEN;
    if (record->kind == COMPRESS_FILLED) {
        compress_fill(contents, record->word);
        return checksum_word(record->word, handle) == record->sum ? COMPRESS_OK : COMPRESS_BROKEN;
    }
    if (!compress_gather(store, record, number) ||
        !pack_undo(store->packed, record->bytes, contents) ||
        checksum_page(contents, handle) != record->sum)
        return COMPRESS_BROKEN;
    return COMPRESS_OK;
}

enum compress_result compress_drop(struct compress *store, uint64_t handle)
{
    uint32_t number;
    struct compress_record *record = compress_find(store, handle, &number);

    if (!record)
        return COMPRESS_BROKEN;
    if (record->kind == COMPRESS_FILLED) {
        store->filled--;
    } else {
        store->bytes -= record->bytes;
        while (!store->closed && record->first != COMPRESS_NONE)
            store->closed = !compress_free_first(store, record, number);
    }
    compress_free_record(store, number);
    return COMPRESS_OK;
}
