/* The checker of replace.h: walks over everything. */
#include <stddef.h>

#include "replace_kinds.h"

/* Does a queue hold so many pages of this state, whose links fit together? */
static bool replace_check_queue(const struct replace *replace, const struct replace_queue *queue,
                                enum replace_state state, uint32_t number)
{
    uint32_t count = 0, before = REPLACE_NONE;

    for (uint32_t page = queue->head; page != REPLACE_NONE;
         page = replace_record(replace, page)->next) {
        const struct replace_page *record;

        if (page >= replace->config.count || count++ == queue->count)
            return false;
        record = replace_record(replace, page);
        if (record->previous != before || record->state != state ||
            record->set != replace->config.set ||
            (state == REPLACE_QUEUED && (record->queue != number || record->stamp == 0)))
            return false;
        before = page;
    }
    return count == queue->count && queue->tail == before;
}

/* How many pages are in this state. */
static uint32_t replace_count(const struct replace *replace, enum replace_state state)
{
    uint32_t count = 0;

    for (uint32_t page = 0; page < replace->config.count; page++)
        count += replace_record(replace, page)->state == state &&
                 replace_record(replace, page)->set == replace->config.set;
    return count;
}

static const char *replace_check_queues(const struct replace *replace)
{
    uint32_t queued = 0;

    if (!replace_check_queue(replace, &replace->given, REPLACE_GIVEN, 0))
        return "R1";
    for (uint32_t q = 0; q < REPLACE_QUEUES; q++) {
        if (!replace_check_queue(replace, &replace->queue[q], REPLACE_QUEUED, q))
            return "R1";
        if ((replace->filled[q / 64] >> q % 64 & 1) != (replace->queue[q].count > 0))
            return "R2";
        queued += replace->queue[q].count;
    }
    if (replace_count(replace, REPLACE_QUEUED) != queued ||
        replace_count(replace, REPLACE_GIVEN) != replace->given.count)
        return "R1";
    return queued == replace->queued ? NULL : "R2";
}

/* Are the pages of a queue in the order of their stamps, and in a test period only if they may be? */
static bool replace_check_stamps(const struct replace *replace, uint32_t queue)
{
    uint32_t page = replace->queue[queue].head;

    for (; page != REPLACE_NONE; page = replace_record(replace, page)->next) {
        const struct replace_page *record = replace_record(replace, page);

        if (queue == REPLACE_HOT && record->marks & REPLACE_TEST)
            return false;
        if (record->next != REPLACE_NONE &&
            !ghost_is_before(record->stamp, replace_record(replace, record->next)->stamp))
            return false;
    }
    return true;
}

static const char *replace_check_policy(const struct replace *replace)
{
    uint32_t used = replace->queue[REPLACE_COLD].count;

    if (replace->ops->age)
        return NULL;
    used += replace->policy == REPLACE_CLOCKPRO ? replace->queue[REPLACE_HOT].count : 0;
    if (used != replace->queued)
        return "R3";
    if (replace->policy != REPLACE_CLOCKPRO)
        return NULL;
    return replace->cold_target > 0 && replace_check_stamps(replace, REPLACE_COLD) &&
                   replace_check_stamps(replace, REPLACE_HOT)
               ? NULL
               : "R4";
}

static bool replace_check_out(const struct replace *replace)
{
    for (uint32_t page = 0; page < replace->config.count; page++) {
        const struct replace_page *record = replace_record(replace, page);

        if (record->state == REPLACE_OUT &&
            (record->stamp || record->queue || record->set || record->marks))
            return false;
    }
    return true;
}

const char *replace_check(const struct replace *replace)
{
    const char *broken = replace_check_queues(replace);

    if (!broken)
        broken = replace_check_policy(replace);
    if (!broken && !replace_check_out(replace))
        broken = "R5";
    return broken ? broken : ghost_check(&replace->ghosts);
}
