/* Frame table: what each physical frame *is*.  Capabilities say who may; this table decides.
 *
 * Life of a frame:  free --map/pin--> user --last unmap/unpin--> free
 *                   free --donate--> table (spare, then a page table) --withdraw--> free
 *                   free --retype--> object --last object deleted--> free
 *                   firmware: never leaves (firmware, kernel image, holes between banks).
 * A frame that is not in the table is a device's: it can be mapped, and nothing else is known of it.
 *
 * Life of the sticky bits: the A and D of each entry that ends or is replaced are ored in; they stay
 * while the frame is mapped elsewhere, free, and mapped anew; frame_harvest reads them and clears those
 * it is told to; frame_claim clears both. So whoever hands a free frame to another use harvests it, or
 * reads the former owner's bits.
 *
 * Invariants (frame_table_check asserts them):
 *  F1  a free frame has map count 0, pin count 0;
 *  F2  a user frame has map count + pin count > 0;
 *  F3  a table, object or firmware frame has map count 0 and pin count 0 (the field counts valid
 *      entries in a table, live objects in an object frame);
 *  F4  the per-type totals, mappings and pins equal the sums over all frames;
 *  F5  REVOKING is set in user frames only, SPARE in tables only, sticky bits in neither tables,
 *      objects nor firmware's frames.
 * Owned by the big lock.  Does not touch frame contents. */
#ifndef MM_FRAME_H
#define MM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "check.h"
#include "types.h"

enum frame_type { FRAME_FREE, FRAME_USER, FRAME_TABLE, FRAME_OBJECT, FRAME_FIRMWARE, FRAME_TYPES };
_Static_assert((int)FRAME_FIRMWARE == (int)FL_FRAME_FIRMWARE, "frame types are part of the ABI");
_Static_assert(FRAME_FREE < FRAME_USER && FRAME_USER < FRAME_TABLE, "map demands at most USER");

#define FRAME_STICKY_ACCESSED 1u
#define FRAME_STICKY_DIRTY    2u
#define FRAME_STICKY          (FRAME_STICKY_ACCESSED | FRAME_STICKY_DIRTY)
#define FRAME_REVOKING        4u /* a sweep takes it out of every space: see sweep.h */
#define FRAME_SPARE           8u /* a table that is in no space: see table_pool.h */
#define FRAME_MAX_MAPS        0xffffff00u
#define FRAME_MAX_PINS        0xfff0u

struct frame {
    uint32_t count; /* user: map count; table: valid entries; object: live objects */
    uint16_t pins;
    uint8_t type;  /* enum frame_type */
    uint8_t flags; /* FRAME_STICKY_*, FRAME_REVOKING, FRAME_SPARE */
    /* table in use: which space and base address (see vspace.c); spare table: next spare frame
     * number + 1; object frame: see census.h. */
    uint64_t owner;
};
_Static_assert(sizeof(struct frame) == 16, "0.4 % of memory");

struct frame_table {
    struct frame *frames; /* caller's memory; entry i describes frame first + i */
    frame_t first;
    uint64_t count;
    uint64_t direct_offset; /* virtual address of physical address p in the direct map: p + this */
    uint64_t totals[FRAME_TYPES];
    uint64_t mappings;
    uint64_t pins;
};

/* Virtual address, in the direct map, of a frame's contents. */
static inline void *frame_contents(const struct frame_table *table, frame_t frame)
{
    return (void *)(uintptr_t)(frame_address(frame).value + table->direct_offset);
}

static inline struct frame *frame_entry(const struct frame_table *table, frame_t frame)
{
    return &table->frames[frame.value - table->first.value];
}

static inline bool frame_known(const struct frame_table *table, frame_t frame)
{
    return frame.value - table->first.value < table->count;
}

/* All frames start free, so that the table of a large memory is made by stores of zeros alone.  frames: `count`
 * entries, which the table keeps. */
void frame_table_init(struct frame_table *table, struct frame *frames, frame_t first,
                      uint64_t count, uint64_t direct_offset);
/* Free -> firmware's, at boot: frames [first, first + count). */
void frame_table_keep_range(struct frame_table *table, frame_t first, uint64_t count);

/* May `more` (1..FL_ITEM_PAGES) mappings be added to a frame of the table?
 * FRAME_MAX_MAPS leaves room for the maps of one reply, whose items are checked one by one before
 * the first of them is committed.
 * Returns: FL_OK; FL_BAD_FRAME (neither free nor user); FL_OVERFLOW. */
static inline enum fl_error frame_can_count(const struct frame *entry, uint32_t more)
{
    if (entry->type > FRAME_USER)
        return FL_BAD_FRAME;
    return entry->count > FRAME_MAX_MAPS - more ? FL_OVERFLOW : FL_OK;
}

/* The same for any frame number: FL_OK for one that is not in the table. */
static inline enum fl_error frame_can_map(const struct frame_table *table, frame_t frame,
                                          uint32_t more)
{
    return frame_known(table, frame) ? frame_can_count(frame_entry(table, frame), more) : FL_OK;
}

/* free -> user: what the first mapping or pin of a frame does. */
static inline void frame_become_user(struct frame_table *table, struct frame *entry)
{
    MM_ASSERT(entry->type == FRAME_FREE);
    entry->type = FRAME_USER;
    table->totals[FRAME_FREE]--;
    table->totals[FRAME_USER]++;
}

/* One more mapping of a frame of the table, after frame_can_count said FL_OK. */
static inline void frame_count_map(struct frame_table *table, frame_t frame)
{
    struct frame *entry = frame_entry(table, frame);
    entry->count++;
    table->mappings++;
    if (entry->type != FRAME_USER)
        frame_become_user(table, entry);
}

/* The same for any frame number: nothing is counted for one that is not in the table. */
static inline void frame_add_map(struct frame_table *table, frame_t frame)
{
    if (frame_known(table, frame))
        frame_count_map(table, frame);
}

/* What mappings that were dropped add up to in the totals. */
struct frame_drops {
    uint64_t mappings;
    uint64_t freed; /* frames */
};

/* One mapping less of a frame that may be any; `sticky` (FRAME_STICKY_*) is what its entry said.  The
 * frame is free after its last mapping and pin.  The caller has fenced the entry, and adds to the
 * totals, by frame_count_drops, what this adds to *drops. */
static inline void frame_drop_map(const struct frame_table *table, frame_t frame, uint32_t sticky,
                                  struct frame_drops *drops)
{
    if (!frame_known(table, frame))
        return;
    struct frame *entry = frame_entry(table, frame);
    MM_ASSERT(entry->type == FRAME_USER && entry->count > 0);
    if (sticky != 0)
        entry->flags = (uint8_t)(entry->flags | sticky);
    drops->mappings++;
    if (--entry->count > 0 || entry->pins > 0)
        return;
    entry->type = FRAME_FREE;
    entry->flags &= FRAME_STICKY;
    drops->freed++;
}

static inline void frame_count_drops(struct frame_table *table, struct frame_drops drops)
{
    table->mappings -= drops.mappings;
    table->totals[FRAME_USER] -= drops.freed;
    table->totals[FRAME_FREE] += drops.freed;
}

/* May one more pin be added?  Any frame number may be asked for.
 * Returns: FL_OK; FL_BAD_FRAME (not in the table, or neither free nor user); FL_OVERFLOW. */
enum fl_error frame_can_pin(const struct frame_table *table, frame_t frame);
/* One more pin.  Returns as frame_can_pin, and changes nothing then but with FL_OK. */
enum fl_error frame_pin(struct frame_table *table, frame_t frame);
/* One pin less, of those that frame_pin made. */
void frame_unpin(struct frame_table *table, frame_t frame);

/* The sticky bits of frames [first, first + pages), of which those that `clear` (FL_HARVEST_*) names
 * are cleared, to result->bits; result->absent is 0.  pages: 1..FL_HARVEST_PAGES.  *done: the frames
 * read.
 * Returns: FL_OK; FL_BAD_FRAME when frame first + *done is not in the table or neither free nor user. */
enum fl_error frame_harvest(struct frame_table *table, frame_t first, uint64_t pages,
                            uint32_t clear, struct fl_harvest *result, uint64_t *done);

/* free -> table or object, with count 0 and no flags.
 * Returns: FL_OK; FL_BAD_FRAME unless the frame is in the table and free. */
enum fl_error frame_claim(struct frame_table *table, frame_t frame, enum frame_type type,
                          uint64_t owner);
/* Table or object -> free.  Its count is 0 and the caller has zeroed what the kernel wrote in it. */
void frame_release(struct frame_table *table, frame_t frame);

/* Returns NULL, or the name of the first invariant that does not hold ("F1".."F5"). */
const char *frame_table_check(const struct frame_table *table);

#endif
