/* Least frequently used: a page's queue is how many looks found it accessed; each LFU_HALVING-th sweep
 * halves it, else what was in use long ago would stay for ever.  Of equal ones that leaves which has the count
 * longest.  See replace.h. */
#include "replace_kinds.h"

#define LFU_HALVING 16u
#define LFU_MOST    (REPLACE_QUEUES - 1)

static void lfu_enter(struct replace *replace, uint32_t page)
{
    replace_append(replace, page, 1);
}

static uint8_t lfu_count(uint32_t queue, bool accessed)
{
    return (uint8_t)(accessed && queue < LFU_MOST ? queue + 1 : queue);
}

static uint8_t lfu_age(const struct replace *replace, uint8_t queue, bool accessed)
{
    bool halves = replace->sweeps % LFU_HALVING == LFU_HALVING - 1;

    return lfu_count(halves ? queue / 2u : queue, accessed);
}

static uint32_t lfu_step(struct replace *replace)
{
    uint32_t page = replace_first(replace);

    if (!replace_look(replace, page))
        return page;
    replace_move(replace, page, lfu_count(replace_record(replace, page)->queue, true));
    return REPLACE_NONE;
}

const struct replace_ops replace_lfu = {
    .name = "lfu", .enter = lfu_enter, .step = lfu_step, .age = lfu_age};
