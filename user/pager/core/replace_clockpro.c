/* CLOCK-Pro (Jiang, Chen, Zhang 2005): pages are hot or cold, and only cold ones leave.
 *
 *      new ---> cold, in its test period --accessed--> hot
 *                |        |       ^                    |  ^
 *                |        |       +----accessed----+   |  |
 *                |  the hot hand passed            |   |  |
 *                |        v                        |   |  |
 *                |      cold, not in test ---------+   |  |
 *                |        |     ^--not accessed--------+  |
 *          not accessed   +--not accessed--> out          |
 *                v                                        |
 *              ghost ----------came in again--------------+
 *
 * A page is in its test period until a hot page has gone unused for longer than it is there: the hot
 * hand has then come to hot pages that were queued after it.  One that is accessed again in that time,
 * in memory or as a ghost, is used more often than that hot page and takes its place.  How many
 * pages shall be cold is learned: more when a ghost came in again, since it would have been found with
 * a longer cold queue; fewer when a test ended for nothing.
 *
 * The paper has one list with three hands, ghosts in it.  Here hot and cold pages have a queue each,
 * whose heads are the hands, and ghosts a table; stamps tell who was there first.  So each step is
 * bounded, and ghosts that ended are cleared a bucket at a time.  See replace.h. */
#include "replace_kinds.h"

static void clockpro_target_less(struct replace *replace, uint32_t ended)
{
    replace->cold_target -= ended < replace->cold_target ? ended : replace->cold_target - 1;
}

static void clockpro_enter(struct replace *replace, uint32_t page)
{
    struct replace_page *record = replace_record(replace, page);
    bool returned = record->marks & REPLACE_RETURNED;

    record->marks = returned ? 0 : REPLACE_TEST;
    replace_append(replace, page, returned ? REPLACE_HOT : REPLACE_COLD);
}

/* The head of the hot queue stays hot, or becomes cold. */
static void clockpro_pass_hot(struct replace *replace)
{
    uint32_t page = replace->queue[REPLACE_HOT].head;

    replace->passed = replace_record(replace, page)->stamp;
    replace_move(replace, page, replace_look(replace, page) ? REPLACE_HOT : REPLACE_COLD);
}

/* The head of the cold queue leaves, or was accessed and stays. */
static uint32_t clockpro_pass_cold(struct replace *replace)
{
    uint32_t page = replace->queue[REPLACE_COLD].head;
    struct replace_page *record = replace_record(replace, page);
    bool tested = record->marks & REPLACE_TEST;
    bool in_test = tested && !ghost_is_before(record->stamp, replace->passed);
    bool accessed = replace_look(replace, page);

    record->marks = in_test ? REPLACE_TEST : 0;
    if (!accessed) {
        clockpro_target_less(replace, tested && !in_test);
        return page;
    }
    record->marks = in_test ? 0 : REPLACE_TEST;
    replace_move(replace, page, in_test ? REPLACE_HOT : REPLACE_COLD);
    return REPLACE_NONE;
}

static uint32_t clockpro_step(struct replace *replace)
{
    uint32_t hot = replace->queue[REPLACE_HOT].count;
    uint32_t pages = replace->queued + replace->given.count;

    if (replace->queue[REPLACE_COLD].count > 0 && (hot == 0 || hot + replace->cold_target <= pages))
        return clockpro_pass_cold(replace);
    clockpro_pass_hot(replace);
    return REPLACE_NONE;
}

static bool clockpro_recall(struct replace *replace, uint32_t identity)
{
    uint32_t stamp = ghost_take(&replace->ghosts, identity);

    if (stamp == 0)
        return false;
    if (ghost_is_before(stamp, replace->passed)) {
        clockpro_target_less(replace, 1);
        return false;
    }
    if (replace->cold_target < replace->queued)
        replace->cold_target++;
    return true;
}

static void clockpro_remember(struct replace *replace, uint32_t page, uint32_t identity)
{
    const struct replace_page *record = replace_record(replace, page);

    clockpro_target_less(replace, ghost_expire(&replace->ghosts, replace->passed));
    if (record->marks & REPLACE_TEST)
        clockpro_target_less(replace, ghost_add(&replace->ghosts, identity, record->stamp));
}

const struct replace_ops replace_clockpro = {.name = "clockpro",
                                             .enter = clockpro_enter,
                                             .step = clockpro_step,
                                             .recall = clockpro_recall,
                                             .remember = clockpro_remember};
