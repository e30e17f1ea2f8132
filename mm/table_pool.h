/* TablePool: donated frames that page tables are built from.  Many spaces share one.
 *
 *  P1  every spare frame is of type table, flagged FRAME_SPARE, with count 0, and zeroed but for its
 *      first two words, which link it and never read as a valid entry;
 *  P2  spare = length of the list, whose links agree in both directions;
 *      spare + tables in use by its spaces = donated - withdrawn.
 */
#ifndef MM_TABLE_POOL_H
#define MM_TABLE_POOL_H

#include "frame.h"

struct table_pool {
    struct frame_table *frames;
    uint64_t spare_list; /* frame number + 1 of the first spare frame, 0 = none */
    uint64_t spare_last; /* the same of the last one */
    uint64_t spare;
    uint64_t in_use;
};

void table_pool_init(struct table_pool *pool, struct frame_table *frames);
/* Donates one free frame (zeroes it).  FL_OK or FL_BAD_FRAME. */
enum fl_error table_pool_donate(struct table_pool *pool, frame_t frame);
/* Takes any spare frame back; it is free afterwards.  FL_OK or FL_NO_TABLE. */
enum fl_error table_pool_withdraw(struct table_pool *pool, frame_t *frame);

/* As withdraw, but only the spare frames in [first, first + count), of which it looks at no more than
 * TABLE_POOL_STEP.
 * FL_OK; FL_NO_TABLE: there is none; FL_MORE: those looked at are none and are last in the list now,
 * so that as many calls as it takes to look at pool->spare frames find one if there is one. */
#define TABLE_POOL_STEP FL_WITHDRAW_STEP
enum fl_error table_pool_withdraw_from(struct table_pool *pool, frame_t first, uint64_t count,
                                       frame_t *frame);
/* A spare frame of whichever pool; it is free afterwards. */
void table_pool_withdraw_spare(struct frame_table *frames, frame_t frame);

static inline bool table_pool_is_spare(const struct frame *entry)
{
    return (entry->flags & FRAME_SPARE) != 0;
}

/* A zeroed table for a space / a table that is empty and fenced comes back.  take needs spare > 0.
 */
frame_t table_pool_take(struct table_pool *pool, uint64_t owner);
void table_pool_return(struct table_pool *pool, frame_t frame);
/* A table that another took the place of, zeroed and fenced, leaves the pool and is free. */
void table_pool_retire(struct table_pool *pool, frame_t frame);
const char *table_pool_check(const struct table_pool *pool);

#endif
