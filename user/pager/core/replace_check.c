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

/* What a walk over all pages finds. */
struct replace_tally {
    uint32_t queued, given; /* of this set */
    bool forgotten;         /* nothing is known of pages that are out */
};

static struct replace_tally replace_count(const struct replace *replace)
{
    struct replace_tally tally = {.forgotten = true};

    for (uint32_t page = 0; page < replace->config.count; page++) {
        const struct replace_page *record = replace_record(replace, page);

        if (record->state == REPLACE_OUT &&
            (record->stamp || record->queue || record->set || record->marks))
            tally.forgotten = false;
        if (record->set != replace->config.set)
            continue;
        tally.queued += record->state == REPLACE_QUEUED;
        tally.given += record->state == REPLACE_GIVEN;
    }
    return tally;
}

static const char *replace_check_queues(const struct replace *replace,
                                        const struct replace_tally *tally)
{
    uint32_t queued = 0;

    if (!replace_check_queue(replace, &replace->given, REPLACE_GIVEN, 0))
        return "R1";
    for (uint32_t q = 0; q < REPLACE_QUEUES; q++) {
        const struct replace_queue *queue = &replace->queue[q];

        /* Nearly all are empty. */
        if (queue->count == 0 ? queue->head != REPLACE_NONE || queue->tail != REPLACE_NONE
                              : !replace_check_queue(replace, queue, REPLACE_QUEUED, q))
            return "R1";
        if ((replace->filled[q / 64] >> q % 64 & 1) != (queue->count > 0))
            return "R2";
        queued += queue->count;
    }
    if (tally->queued != queued || tally->given != replace->given.count)
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

const char *replace_check(const struct replace *replace)
{
    const struct replace_tally tally = replace_count(replace);
    const char *broken = replace_check_queues(replace, &tally);

    if (!broken)
        broken = replace_check_policy(replace);
    if (!broken && !tally.forgotten)
        broken = "R5";
    return broken ? broken : ghost_check(&replace->ghosts);
}
