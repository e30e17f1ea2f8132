/* CLOCK, or second chance: the hand is at the head of the queue, and a page that was accessed since
 * the hand was there last goes to the end.  See replace.h. */
#include "replace_kinds.h"

static void clock_enter(struct replace *replace, uint32_t page)
{
    replace_append(replace, page, 0);
}

static uint32_t clock_step(struct replace *replace)
{
    uint32_t page = replace_first(replace);

    if (!replace_look(replace, page))
        return page;
    replace_move(replace, page, 0);
    return REPLACE_NONE;
}

const struct replace_ops replace_clock = {
    .name = "clock", .enter = clock_enter, .step = clock_step};
