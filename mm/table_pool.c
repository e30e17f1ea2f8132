/* Donated frames that page tables are built from.  Invariants P1 and P2 are in table_pool.h.
 *
 * The list of spare frames: forwards through their owner words (frame number + 1, 0 at the end),
 * backwards through their first words, so that any of them can leave it at once. */
#include "table_pool.h"

#include <string.h>

#include "check.h"

/* First words of a spare frame.  Bit 0 of both is 0. */
struct spare_link {
    uint64_t before; /* (frame number + 1) * 2 of the one before, 0 = it is the first */
    struct table_pool *pool;
};

void table_pool_init(struct table_pool *pool, struct frame_table *frames)
{
    *pool = (struct table_pool){.frames = frames};
}

static struct spare_link *table_pool_link(const struct frame_table *frames, uint64_t link)
{
    return frame_contents(frames, (frame_t){link - 1});
}

static uint64_t *table_pool_next(const struct frame_table *frames, uint64_t link)
{
    return &frame_entry(frames, (frame_t){link - 1})->owner;
}

/* The frames of two links are neighbours; 0 on one side: the other is the first or last one. */
static void table_pool_join(struct table_pool *pool, uint64_t before, uint64_t after)
{
    *(before != 0 ? table_pool_next(pool->frames, before) : &pool->spare_list) = after;
    if (after != 0)
        table_pool_link(pool->frames, after)->before = before << 1;
    else
        pool->spare_last = before;
}

static void table_pool_push(struct table_pool *pool, frame_t frame)
{
    struct frame *entry = frame_entry(pool->frames, frame);
    uint64_t second = pool->spare_list;
    entry->flags = FRAME_SPARE;
    table_pool_link(pool->frames, frame.value + 1)->pool = pool;
    table_pool_join(pool, 0, frame.value + 1);
    table_pool_join(pool, frame.value + 1, second);
    pool->spare++;
}

/* Takes a spare frame out of the list; it is all zeros then. */
static void table_pool_unlink(struct table_pool *pool, frame_t frame)
{
    struct frame *entry = frame_entry(pool->frames, frame);
    struct spare_link *link = table_pool_link(pool->frames, frame.value + 1);
    MM_ASSERT(table_pool_is_spare(entry) && link->pool == pool && pool->spare > 0);
    table_pool_join(pool, link->before >> 1, entry->owner);
    *link = (struct spare_link){0};
    entry->flags = 0;
    pool->spare--;
}

enum fl_error table_pool_donate(struct table_pool *pool, frame_t frame)
{
    enum fl_error error = frame_claim(pool->frames, frame, FRAME_TABLE, 0);
    if (error != FL_OK)
        return error;
    memset(frame_contents(pool->frames, frame), 0, PAGE_BYTES);
    table_pool_push(pool, frame);
    return FL_OK;
}

enum fl_error table_pool_withdraw(struct table_pool *pool, frame_t *frame)
{
    if (pool->spare == 0)
        return FL_NO_TABLE;
    *frame = (frame_t){pool->spare_list - 1};
    table_pool_unlink(pool, *frame);
    frame_release(pool->frames, *frame);
    return FL_OK;
}

void table_pool_withdraw_spare(struct frame_table *frames, frame_t frame)
{
    table_pool_unlink(table_pool_link(frames, frame.value + 1)->pool, frame);
    frame_release(frames, frame);
}

/* The frames up to `seen` become the last ones, in their order. */
static void table_pool_rotate(struct table_pool *pool, uint64_t seen)
{
    uint64_t first = pool->spare_list;
    uint64_t last = pool->spare_last;
    uint64_t rest = *table_pool_next(pool->frames, seen);
    table_pool_join(pool, 0, rest);
    table_pool_join(pool, last, first);
    table_pool_join(pool, seen, 0);
}

enum fl_error table_pool_withdraw_from(struct table_pool *pool, frame_t first, uint64_t count,
                                       frame_t *frame)
{
    uint64_t link = pool->spare_list;
    uint64_t seen = 0;
    for (unsigned i = 0; link != 0 && link - 1 - first.value >= count; i++) {
        if (i == TABLE_POOL_STEP) {
            table_pool_rotate(pool, seen);
            return FL_MORE;
        }
        seen = link;
        link = *table_pool_next(pool->frames, link);
    }
    if (link == 0)
        return FL_NO_TABLE;
    *frame = (frame_t){link - 1};
    table_pool_unlink(pool, *frame);
    frame_release(pool->frames, *frame);
    return FL_OK;
}

frame_t table_pool_take(struct table_pool *pool, uint64_t owner)
{
    MM_ASSERT(pool->spare > 0);
    frame_t frame = {pool->spare_list - 1};
    table_pool_unlink(pool, frame);
    frame_entry(pool->frames, frame)->owner = owner;
    pool->in_use++;
    return frame;
}

void table_pool_return(struct table_pool *pool, frame_t frame)
{
    const struct frame *entry = frame_entry(pool->frames, frame);
    MM_ASSERT(entry->type == FRAME_TABLE && !table_pool_is_spare(entry));
    MM_ASSERT(entry->count == 0);
    MM_ASSERT(pool->in_use > 0);
    pool->in_use--;
    table_pool_push(pool, frame);
}

void table_pool_retire(struct table_pool *pool, frame_t frame)
{
    MM_ASSERT(pool->in_use > 0);
    pool->in_use--;
    frame_release(pool->frames, frame);
}

static bool table_pool_is_zero(const uint64_t *words)
{
    for (unsigned i = sizeof(struct spare_link) / sizeof *words; i < PAGE_BYTES / sizeof *words;
         i++) {
        if (words[i] != 0)
            return false;
    }
    return true;
}

const char *table_pool_check(const struct table_pool *pool)
{
    uint64_t listed = 0;
    uint64_t before = 0;
    for (uint64_t link = pool->spare_list; link != 0; listed++) {
        frame_t frame = {link - 1};
        if (listed == pool->spare || !frame_known(pool->frames, frame))
            return "P2";
        const struct frame *entry = frame_entry(pool->frames, frame);
        const struct spare_link *words = table_pool_link(pool->frames, link);
        if (entry->type != FRAME_TABLE || entry->count != 0 || !table_pool_is_spare(entry))
            return "P1";
        if (!table_pool_is_zero(frame_contents(pool->frames, frame)))
            return "P1";
        if (words->before != before << 1 || words->pool != pool)
            return "P2";
        before = link;
        link = entry->owner;
    }
    return listed == pool->spare && before == pool->spare_last ? NULL : "P2";
}
