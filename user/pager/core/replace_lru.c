/* Least recently used, by aging: a page's queue is its age, eight looks, the last in the highest bit.
 * The sweep comes round once for each eighth of memory that is replaced.  The page with the lowest age leaves;
 * of equal ones that which has it longest.  See replace.h. */
#include "replace_kinds.h"

#define LRU_NEWEST 0x80u

static void lru_enter(struct replace *replace, uint32_t page)
{
    replace_append(replace, page, LRU_NEWEST);
}

static uint8_t lru_age(const struct replace *replace, uint8_t queue, bool accessed)
{
    (void)replace;
    return (uint8_t)(queue >> 1 | (accessed ? LRU_NEWEST : 0));
}

static uint32_t lru_step(struct replace *replace)
{
    uint32_t page = replace_first(replace);

    if (!replace_look(replace, page))
        return page;
    replace_move(replace, page, replace_record(replace, page)->queue | LRU_NEWEST);
    return REPLACE_NONE;
}

const struct replace_ops replace_lru = {
    .name = "lru", .enter = lru_enter, .step = lru_step, .age = lru_age};
