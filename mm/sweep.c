/* See sweep.h. */
#include "sweep.h"

#include <string.h>

#include "check.h"
#include "removal.h"
#include "vspace.h"
#include "walk.h"

#define SWEEP_PHASE_SHIFT 56u
#define SWEEP_PINNED      (1ull << 63)
#define SWEEP_CONCERNED   (1ull << 62)
#define SWEEP_WITHDRAWALS 64u /* spare frames of the range met in the search for one outside it */

enum sweep_phase { SWEEP_MARK, SWEEP_TABLES, SWEEP_END };

/* The cursor taken apart, and the range. */
struct sweep {
    struct frame_table *frames;
    frame_t first;
    uint64_t pages;
    unsigned phase; /* enum sweep_phase, or 3: at its end */
    uint64_t at;    /* MARK, END: page of the range; TABLES: index in the frame table */
    bool pinned;
    bool concerned; /* a frame of the range is, or may be, mapped, pinned or a table */
};

static struct sweep sweep_decode(struct frame_table *frames, frame_t first, uint64_t pages,
                                 uint64_t cursor)
{
    return (struct sweep){.frames = frames,
                          .first = first,
                          .pages = pages,
                          .phase = (unsigned)(cursor >> SWEEP_PHASE_SHIFT) & 3,
                          .at = cursor & ((1ull << SWEEP_PHASE_SHIFT) - 1),
                          .pinned = (cursor & SWEEP_PINNED) != 0,
                          .concerned = (cursor & SWEEP_CONCERNED) != 0};
}

static uint64_t sweep_encode(const struct sweep *sweep)
{
    return (uint64_t)sweep->phase << SWEEP_PHASE_SHIFT | sweep->at |
           (sweep->pinned ? SWEEP_PINNED : 0) | (sweep->concerned ? SWEEP_CONCERNED : 0);
}

static bool sweep_holds(const struct sweep *sweep, frame_t frame)
{
    return frame.value - sweep->first.value < sweep->pages;
}

/* --- MARK and END: frames of the range ------------------------------------------------------- */

static void sweep_mark_frame(struct sweep *sweep, struct frame *entry)
{
    if (entry->type == FRAME_USER)
        entry->flags |= FRAME_REVOKING;
    if (entry->type == FRAME_USER || entry->type == FRAME_TABLE)
        sweep->concerned = true;
}

static void sweep_end_frame(struct sweep *sweep, struct frame *entry)
{
    entry->flags = (uint8_t)(entry->flags & ~FRAME_REVOKING);
    sweep->pinned = sweep->pinned || entry->pins > 0;
}

static void sweep_range(struct sweep *sweep)
{
    for (uint64_t i = 0; i < VSPACE_STEP && sweep->at < sweep->pages; i++, sweep->at++) {
        frame_t frame = frame_plus(sweep->first, sweep->at);
        if (!frame_known(sweep->frames, frame))
            sweep->concerned = true;
        else if (sweep->phase == SWEEP_MARK)
            sweep_mark_frame(sweep, frame_entry(sweep->frames, frame));
        else
            sweep_end_frame(sweep, frame_entry(sweep->frames, frame));
    }
}

/* --- TABLES: entries ------------------------------------------------------------------------- */

/* An entry for a frame that another sweep revokes would be carried behind that one's cursor when its
 * table moves: it ends here.  A device's frame may be such a one, as it has no flag that denies it. */
static bool sweep_condemns(const struct sweep *sweep, pte_t entry, bool table_moves)
{
    frame_t frame = sv39_frame(entry);
    if (!sv39_is_valid(entry))
        return false;
    if (sweep_holds(sweep, frame))
        return true;
    return table_moves && (!frame_known(sweep->frames, frame) ||
                           (frame_entry(sweep->frames, frame)->flags & FRAME_REVOKING) != 0);
}

/* Ends the condemned ones of REMOVAL_ENTRIES entries of a leaf table, and the table if none is left. */
static void sweep_entries(const struct sweep *sweep, const struct vspace_table *table,
                          uint64_t first, bool table_moves)
{
    struct removal removal;
    struct walk_path path = walk_path(table->space, table->base);
    MM_ASSERT(path.level == 0);
    removal_start(&removal, table->space);
    for (uint64_t i = first; i < first + REMOVAL_ENTRIES; i++) {
        pte_t *slot = &path.slot[0][i];
        if (sweep_condemns(sweep, walk_load(slot), table_moves))
            removal_take(&removal, slot, walk_address_plus(table->base, i));
    }
    if (removal.ended == 0)
        return;
    struct frame *entry = frame_entry(sweep->frames, walk_table_of(sweep->frames, path.slot[0]));
    MM_ASSERT(entry->count >= removal.ended);
    entry->count -= removal.ended;
    removal_unlink_tables(&removal, &path);
    removal_finish(&removal);
}

/* --- TABLES: tables in the range ------------------------------------------------------------- */

/* Makes sure that the pool's first spare frame lies outside the range; those inside are withdrawn. */
static enum fl_error sweep_find_spare(const struct sweep *sweep, struct table_pool *pool)
{
    for (unsigned i = 0; i < SWEEP_WITHDRAWALS; i++) {
        if (pool->spare == 0)
            return FL_NO_TABLE;
        frame_t spare = {pool->spare_list - 1};
        if (!sweep_holds(sweep, spare))
            return FL_OK;
        table_pool_withdraw_spare(sweep->frames, spare);
    }
    return FL_MORE;
}

/* Hardware may set A and D of a leaf until no walk can come to it: unlinked and fenced first, the
 * table is copied whole. */
static void sweep_move_inner(const struct vspace_table *table, frame_t from, frame_t to)
{
    const struct frame_table *frames = table->space->pool->frames;
    pte_t *parent = walk_path(table->space, table->base).slot[table->level + 1];
    MM_ASSERT(walk_table(walk_load(parent)).value == from.value);
    walk_exchange(parent, (pte_t){0});
    mmu_fence_space(table->space);
    memcpy(frame_contents(frames, to), frame_contents(frames, from), PAGE_BYTES);
    walk_publish(parent, sv39_table_entry(to));
}

/* A root holds no leaves below the user's end, so nothing changes in it behind our back. */
static void sweep_move_root(const struct vspace_table *table, frame_t from, frame_t to)
{
    const struct frame_table *frames = table->space->pool->frames;
    memcpy(frame_contents(frames, to), frame_contents(frames, from), PAGE_BYTES);
    table->space->root = to;
    mmu_move_root(table->space);
}

static enum fl_error sweep_move_table(const struct sweep *sweep, const struct vspace_table *table,
                                      frame_t from)
{
    struct table_pool *pool = table->space->pool;
    struct frame *entry = frame_entry(sweep->frames, from);
    enum fl_error error = sweep_find_spare(sweep, pool);
    if (error != FL_OK)
        return error;
    frame_t to = table_pool_take(pool, entry->owner);
    frame_entry(sweep->frames, to)->count = entry->count;
    if (table->level == SV39_LEVELS - 1)
        sweep_move_root(table, from, to);
    else
        sweep_move_inner(table, from, to);
    memset(frame_contents(sweep->frames, from), 0, PAGE_BYTES);
    entry->count = 0;
    table_pool_retire(pool, from);
    return FL_OK;
}

/* A table of the range that cannot move: its entries end, those of one leaf table in a step, and with the
 * last one it goes back to the pool.  A step has no room for absent entries besides: it begins at the first
 * leaf table that is there.  Faults between two steps cannot undo that for ever: they take spare frames, and
 * the first spare one outside the range is what the table moves to. */
static enum fl_error sweep_empty_table(const struct vspace_table *table)
{
    uint64_t first = 0, done;
    if (table->level == SV39_LEVELS - 1)
        return FL_NO_TABLE;
    if (table->level > 0)
        first = walk_skip_empty(walk_path(table->space, table->base).slot[table->level], 0);
    vaddr_t address = {table->base.value + first * sv39_span_bytes(table->level)};
    vspace_unmap(table->space, address, SV39_ENTRIES, &done);
    return FL_MORE;
}

/* A spare frame of the range, a leaf table, or a table of the range. */
static enum fl_error sweep_table(const struct sweep *sweep, frame_t frame)
{
    const struct frame *entry = frame_entry(sweep->frames, frame);
    bool inside = sweep_holds(sweep, frame);
    if (!table_pool_is_spare(entry)) {
        struct vspace_table table = vspace_unpack_owner(entry->owner);
        MM_ASSERT(table.space->pool->frames == sweep->frames);
        for (uint64_t i = 0; table.level == 0 && i < SV39_ENTRIES; i += REMOVAL_ENTRIES) {
            if (entry->count > 0)
                sweep_entries(sweep, &table, i, inside);
        }
        if (inside && !table_pool_is_spare(entry)) {
            enum fl_error error = sweep_move_table(sweep, &table, frame);
            return error == FL_NO_TABLE ? sweep_empty_table(&table) : error;
        }
    }
    if (inside)
        table_pool_withdraw_spare(sweep->frames, frame);
    return FL_OK;
}

static bool sweep_concerns(const struct sweep *sweep, frame_t frame)
{
    const struct frame *entry = frame_entry(sweep->frames, frame);
    if (entry->type != FRAME_TABLE)
        return false;
    bool is_leaf_table =
        !table_pool_is_spare(entry) && vspace_unpack_owner(entry->owner).level == 0;
    return is_leaf_table || sweep_holds(sweep, frame);
}

/* A table that is concerned gets a step of its own. */
static enum fl_error sweep_tables(struct sweep *sweep)
{
    for (uint64_t i = 0; i < VSPACE_STEP && sweep->at < sweep->frames->count; i++, sweep->at++) {
        frame_t frame = frame_plus(sweep->frames->first, sweep->at);
        if (!sweep_concerns(sweep, frame))
            continue;
        if (i > 0)
            return FL_MORE;
        enum fl_error error = sweep_table(sweep, frame);
        if (error == FL_OK)
            sweep->at++;
        return error == FL_OK ? FL_MORE : error;
    }
    return FL_MORE;
}

enum fl_error sweep_step(struct frame_table *frames, frame_t first, uint64_t pages,
                         uint64_t *cursor)
{
    MM_ASSERT(pages > 0);
    struct sweep sweep = sweep_decode(frames, first, pages, *cursor);
    uint64_t end = sweep.phase == SWEEP_TABLES ? frames->count : pages;
    enum fl_error error = FL_MORE;
    if (sweep.phase == SWEEP_TABLES)
        error = sweep_tables(&sweep);
    else if (sweep.phase <= SWEEP_END)
        sweep_range(&sweep);
    if (sweep.at >= end) {
        bool nothing_to_do = sweep.phase == SWEEP_MARK && !sweep.concerned;
        sweep.phase += nothing_to_do ? SWEEP_END + 1u : 1u;
        sweep.at = 0;
    }
    if (sweep.phase > SWEEP_END)
        error = sweep.pinned ? FL_BUSY : FL_OK;
    *cursor = sweep.phase > SWEEP_END ? 0 : sweep_encode(&sweep);
    return error;
}

struct vspace *sweep_stuck_space(struct frame_table *frames, uint64_t cursor)
{
    struct sweep sweep = sweep_decode(frames, (frame_t){0}, 0, cursor);
    const struct frame *entry = frame_entry(frames, frame_plus(frames->first, sweep.at));
    MM_ASSERT(sweep.phase == SWEEP_TABLES && sweep.at < frames->count);
    MM_ASSERT(entry->type == FRAME_TABLE && !table_pool_is_spare(entry));
    return vspace_unpack_owner(entry->owner).space;
}
