/* First in, first out: asks nothing about pages that are queued.  See replace.h. */
#include "replace_kinds.h"

static void fifo_enter(struct replace *replace, uint32_t page)
{
    replace_append(replace, page, 0);
}

static uint32_t fifo_step(struct replace *replace)
{
    return replace_first(replace);
}

const struct replace_ops replace_fifo = {.name = "fifo", .enter = fifo_enter, .step = fifo_step};
