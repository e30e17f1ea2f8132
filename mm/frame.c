/* The frame table: types, map and pin counts, sticky bits.  Invariants F1..F5 are in frame.h. */
#include "frame.h"

#include <string.h>

#include "harvest.h"

void frame_table_init(struct frame_table *table, struct frame *frames, frame_t first,
                      uint64_t count, uint64_t direct_offset)
{
    *table = (struct frame_table){
        .frames = frames, .first = first, .count = count, .direct_offset = direct_offset};
    memset(frames, 0, count * sizeof *frames); /* this is most of the boot */
    _Static_assert(FRAME_FREE == 0, "zeros are a free frame");
    table->totals[FRAME_FREE] = count;
}

/* Changes of a frame's type go through here, so that the totals are exact (F4); but those that mapping
 * and unmapping make, which are in frame.h. */
static void frame_set_type(struct frame_table *table, struct frame *entry, enum frame_type type)
{
    table->totals[entry->type]--;
    table->totals[type]++;
    entry->type = (uint8_t)type;
}

void frame_table_keep_range(struct frame_table *table, frame_t first, uint64_t count)
{
    uint64_t index = first.value - table->first.value; /* wraps for a frame below the first */

    MM_ASSERT(count <= table->count && index <= table->count - count);
    for (struct frame *entry = table->frames + index, *end = entry + count; entry < end; entry++) {
        MM_ASSERT(entry->type == FRAME_FREE);
        entry->type = FRAME_FIRMWARE;
    }
    table->totals[FRAME_FREE] -= count; /* F4 */
    table->totals[FRAME_FIRMWARE] += count;
}

enum fl_error frame_can_pin(const struct frame_table *table, frame_t frame)
{
    if (!frame_known(table, frame))
        return FL_BAD_FRAME;
    const struct frame *entry = frame_entry(table, frame);
    if (entry->type > FRAME_USER)
        return FL_BAD_FRAME;
    return entry->pins >= FRAME_MAX_PINS ? FL_OVERFLOW : FL_OK;
}

enum fl_error frame_pin(struct frame_table *table, frame_t frame)
{
    enum fl_error error = frame_can_pin(table, frame);
    if (error != FL_OK)
        return error;
    struct frame *entry = frame_entry(table, frame);
    entry->pins++;
    table->pins++;
    if (entry->type != FRAME_USER)
        frame_become_user(table, entry);
    return FL_OK;
}

void frame_unpin(struct frame_table *table, frame_t frame)
{
    struct frame *entry = frame_entry(table, frame);
    MM_ASSERT(entry->type == FRAME_USER && entry->pins > 0);
    entry->pins--;
    table->pins--;
    if (entry->count > 0 || entry->pins > 0)
        return;
    frame_set_type(table, entry, FRAME_FREE);
    entry->flags = (uint8_t)(entry->flags & FRAME_STICKY);
}

_Static_assert(FL_HARVEST_ACCESSED == FRAME_STICKY_ACCESSED &&
                   FL_HARVEST_DIRTY == FRAME_STICKY_DIRTY,
               "sticky bits to harvested bits");

enum fl_error frame_harvest(struct frame_table *table, frame_t first, uint64_t pages,
                            uint32_t clear, struct fl_harvest *result, uint64_t *done)
{
    MM_ASSERT(pages > 0 && pages <= FL_HARVEST_PAGES && (clear & ~FRAME_STICKY) == 0);
    struct frame *const table_end = table->frames + table->count;
    struct frame *entry = frame_known(table, first) ? frame_entry(table, first) : table_end;
    uint64_t page = 0;
    harvest_clear(result, pages);
    for (; page < pages && entry < table_end && entry->type <= FRAME_USER; page++, entry++) {
        harvest_note(result, page, entry->flags & FRAME_STICKY);
        entry->flags = (uint8_t)(entry->flags & ~clear);
    }
    *done = page;
    return page < pages ? FL_BAD_FRAME : FL_OK;
}

enum fl_error frame_claim(struct frame_table *table, frame_t frame, enum frame_type type,
                          uint64_t owner)
{
    MM_ASSERT(type == FRAME_TABLE || type == FRAME_OBJECT);
    if (!frame_known(table, frame))
        return FL_BAD_FRAME;
    struct frame *entry = frame_entry(table, frame);
    if (entry->type != FRAME_FREE)
        return FL_BAD_FRAME;
    frame_set_type(table, entry, type);
    entry->owner = owner;
    entry->flags = 0;
    return FL_OK;
}

void frame_release(struct frame_table *table, frame_t frame)
{
    struct frame *entry = frame_entry(table, frame);
    MM_ASSERT(entry->type == FRAME_TABLE || entry->type == FRAME_OBJECT);
    MM_ASSERT(entry->count == 0);
    frame_set_type(table, entry, FRAME_FREE);
    entry->owner = 0;
}

/* F5 */
static const uint8_t frame_flags_of[FRAME_TYPES] = {
    [FRAME_FREE] = FRAME_STICKY,
    [FRAME_USER] = FRAME_STICKY | FRAME_REVOKING,
    [FRAME_TABLE] = FRAME_SPARE,
};

static const char *frame_check(const struct frame *entry)
{
    if (entry->type >= FRAME_TYPES)
        return "F4";
    if (entry->type == FRAME_FREE && (entry->count != 0 || entry->pins != 0))
        return "F1";
    if (entry->type == FRAME_USER && entry->count == 0 && entry->pins == 0)
        return "F2";
    if (entry->type > FRAME_USER && entry->pins != 0)
        return "F3";
    if (entry->type == FRAME_FIRMWARE && entry->count != 0)
        return "F3";
    if ((entry->flags & ~frame_flags_of[entry->type]) != 0)
        return "F5";
    return NULL;
}

const char *frame_table_check(const struct frame_table *table)
{
    uint64_t totals[FRAME_TYPES] = {0};
    uint64_t mappings = 0;
    uint64_t pins = 0;
    for (uint64_t i = 0; i < table->count; i++) {
        const struct frame *entry = &table->frames[i];
        const char *broken = frame_check(entry);
        if (broken != NULL)
            return broken;
        totals[entry->type]++;
        mappings += entry->type == FRAME_USER ? entry->count : 0;
        pins += entry->pins;
    }
    for (unsigned type = 0; type < FRAME_TYPES; type++) {
        if (totals[type] != table->totals[type])
            return "F4";
    }
    return mappings == table->mappings && pins == table->pins ? NULL : "F4";
}
