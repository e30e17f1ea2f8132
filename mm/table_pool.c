/* Donated frames that page tables are built from.  Invariants P1 and P2 are in table_pool.h. */
#include "table_pool.h"

#include <string.h>

#include "check.h"

void table_pool_init(struct table_pool *pool, struct frame_table *frames)
{
    *pool = (struct table_pool){.frames = frames};
}

/* The list runs through the spare frames' owner words: frame number + 1, 0 at its end. */
static void table_pool_push(struct table_pool *pool, frame_t frame)
{
    frame_entry(pool->frames, frame)->owner = pool->spare_list;
    pool->spare_list = frame.value + 1;
    pool->spare++;
}

/* Takes the frame that *link names out of the list. */
static frame_t table_pool_unlink(struct table_pool *pool, uint64_t *link)
{
    MM_ASSERT(*link != 0 && pool->spare > 0);
    frame_t frame = {*link - 1};
    *link = frame_entry(pool->frames, frame)->owner;
    pool->spare--;
    return frame;
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
    *frame = table_pool_unlink(pool, &pool->spare_list);
    frame_release(pool->frames, *frame);
    return FL_OK;
}

enum fl_error table_pool_withdraw_from(struct table_pool *pool, frame_t first, uint64_t count,
                                       frame_t *frame)
{
    uint64_t *link = &pool->spare_list;
    while (*link != 0 && *link - 1 - first.value >= count)
        link = &frame_entry(pool->frames, (frame_t){*link - 1})->owner;
    if (*link == 0)
        return FL_NO_TABLE;
    *frame = table_pool_unlink(pool, link);
    frame_release(pool->frames, *frame);
    return FL_OK;
}

frame_t table_pool_take(struct table_pool *pool, uint64_t owner)
{
    frame_t frame = table_pool_unlink(pool, &pool->spare_list);
    frame_entry(pool->frames, frame)->owner = owner;
    pool->in_use++;
    return frame;
}

void table_pool_return(struct table_pool *pool, frame_t frame)
{
    struct frame *entry = frame_entry(pool->frames, frame);
    MM_ASSERT(entry->type == FRAME_TABLE && entry->count == 0);
    MM_ASSERT(pool->in_use > 0);
    pool->in_use--;
    table_pool_push(pool, frame);
}

static bool table_pool_is_zero(const uint64_t *words)
{
    for (unsigned i = 0; i < PAGE_BYTES / sizeof *words; i++) {
        if (words[i] != 0)
            return false;
    }
    return true;
}

const char *table_pool_check(const struct table_pool *pool)
{
    uint64_t listed = 0;
    for (uint64_t link = pool->spare_list; link != 0; listed++) {
        frame_t frame = {link - 1};
        if (listed == pool->spare || !frame_known(pool->frames, frame))
            return "P2";
        const struct frame *entry = frame_entry(pool->frames, frame);
        if (entry->type != FRAME_TABLE || entry->count != 0)
            return "P1";
        if (!table_pool_is_zero(frame_contents(pool->frames, frame)))
            return "P1";
        link = entry->owner;
    }
    return listed == pool->spare ? NULL : "P2";
}
