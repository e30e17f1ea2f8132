/* A second replacement module: see replace_naive.h. */
#include "replace_naive.h"

#include <string.h>

enum { NAIVE_COLD, NAIVE_HOT };

void naive_init(struct naive *naive, uint32_t count, uint32_t ghost_places,
                enum replace_policy policy)
{
    *naive = (struct naive){.count = count, .policy = policy, .target = 1, .buckets = 1};
    while (naive->buckets * 2 * 8 <= ghost_places)
        naive->buckets *= 2;
}

/* ---- looking for pages ---- */

static bool naive_look(struct naive *naive, uint32_t page)
{
    bool accessed = naive->accessed[page];

    naive->accessed[page] = false;
    return accessed;
}

static uint32_t naive_count(const struct naive *naive, enum replace_state state)
{
    uint32_t count = 0;

    for (uint32_t page = 0; page < naive->count; page++)
        count += naive->page[page].state == state;
    return count;
}

static uint32_t naive_count_level(const struct naive *naive, uint32_t level)
{
    uint32_t count = 0;

    for (uint32_t page = 0; page < naive->count; page++)
        count += naive->page[page].state == REPLACE_QUEUED && naive->page[page].level == level;
    return count;
}

/* The oldest in this state, of the lowest level from `level` to `last`. */
static uint32_t naive_oldest(const struct naive *naive, enum replace_state state, uint32_t level,
                             uint32_t last)
{
    uint32_t oldest = REPLACE_NONE;

    for (; level <= last && oldest == REPLACE_NONE; level++)
        for (uint32_t page = 0; page < naive->count; page++)
            if (naive->page[page].state == state && naive->page[page].level == level &&
                (oldest == REPLACE_NONE || naive->page[page].since < naive->page[oldest].since))
                oldest = page;
    return oldest;
}

static void naive_place(struct naive *naive, uint32_t page, uint32_t level)
{
    struct naive_page *record = &naive->page[page];

    record->state = REPLACE_QUEUED;
    record->level = level;
    record->since = ++naive->now;
    record->entered = true;
}

static void naive_enter(struct naive *naive, uint32_t page)
{
    static const uint32_t level[REPLACE_POLICIES] = {[REPLACE_LRU] = 128, [REPLACE_LFU] = 1};
    struct naive_page *record = &naive->page[page];

    if (naive->policy == REPLACE_CLOCKPRO) {
        record->test = !record->returned;
        naive_place(naive, page, record->returned ? NAIVE_HOT : NAIVE_COLD);
    } else {
        naive_place(naive, page, level[naive->policy]);
    }
    record->returned = false;
}

/* ---- ghosts ---- */

static uint32_t naive_bucket(const struct naive *naive, uint32_t identity)
{
    return (uint32_t)((uint64_t)(uint32_t)(identity * 0x9E3779B1u) * naive->buckets >> 32);
}

static void naive_less(struct naive *naive)
{
    if (naive->target > 1)
        naive->target--;
}

static void naive_forget(struct naive *naive, uint32_t i)
{
    naive->ghosts--;
    memmove(&naive->ghost[i], &naive->ghost[i + 1], (naive->ghosts - i) * sizeof naive->ghost[0]);
}

static uint32_t naive_find_ghost(const struct naive *naive, uint32_t identity)
{
    uint32_t i = 0;

    while (i < naive->ghosts && naive->ghost[i].identity != identity)
        i++;
    return i;
}

/* One bucket loses what the hot hand has passed. */
static void naive_expire(struct naive *naive)
{
    for (uint32_t i = naive->ghosts; i-- > 0;)
        if (naive_bucket(naive, naive->ghost[i].identity) == naive->ghost_hand &&
            naive->ghost[i].since < naive->passed) {
            naive_forget(naive, i);
            naive_less(naive);
        }
    naive->ghost_hand = (naive->ghost_hand + 1) % naive->buckets;
}

/* Eight fit in a bucket. */
static void naive_remember(struct naive *naive, uint32_t identity, uint64_t since)
{
    uint32_t bucket = naive_bucket(naive, identity), i = naive_find_ghost(naive, identity);
    uint32_t neighbours = 0, oldest = NAIVE_GHOSTS;

    if (i < naive->ghosts)
        naive_forget(naive, i);
    for (i = 0; i < naive->ghosts; i++)
        if (naive_bucket(naive, naive->ghost[i].identity) == bucket) {
            neighbours++;
            if (oldest == NAIVE_GHOSTS || naive->ghost[i].since < naive->ghost[oldest].since)
                oldest = i;
        }
    if (neighbours == 8) {
        naive_forget(naive, oldest);
        naive_less(naive);
    }
    naive->ghost[naive->ghosts++] = (struct naive_ghost){identity, since};
}

static bool naive_recall(struct naive *naive, uint32_t identity)
{
    uint32_t i = naive_find_ghost(naive, identity);
    uint64_t since;

    if (i == naive->ghosts)
        return false;
    since = naive->ghost[i].since;
    naive_forget(naive, i);
    if (since < naive->passed) {
        naive_less(naive);
        return false;
    }
    if (naive->target < naive_count(naive, REPLACE_QUEUED))
        naive->target++;
    return true;
}

/* ---- the calls ---- */

void naive_switch(struct naive *naive, enum replace_policy policy)
{
    uint32_t order[NAIVE_PAGES], pages = 0, page;

    while ((page = naive_oldest(naive, REPLACE_QUEUED, 0, 255)) != REPLACE_NONE) {
        order[pages++] = page;
        naive->page[page].state = REPLACE_OUT;
    }
    naive->policy = policy;
    naive->target = 1;
    naive->passed = naive->now;
    naive->ghosts = 0;
    for (page = 0; page < naive->count; page++) {
        struct naive_page *record = &naive->page[page];

        *record = (struct naive_page){.state = record->state, .since = record->since};
    }
    for (uint32_t i = 0; i < pages; i++)
        naive_enter(naive, order[i]);
}

void naive_add(struct naive *naive, uint32_t page, uint32_t identity, bool given)
{
    struct naive_page *record = &naive->page[page];

    record->returned = naive->policy == REPLACE_CLOCKPRO && naive_recall(naive, identity);
    if (!given) {
        naive_enter(naive, page);
        return;
    }
    record->state = REPLACE_GIVEN;
    record->since = ++naive->now;
}

void naive_settle(struct naive *naive, uint32_t page)
{
    if (naive->page[page].state == REPLACE_GIVEN)
        naive_enter(naive, page);
}

void naive_hold(struct naive *naive, uint32_t page)
{
    naive->page[page].state = REPLACE_HELD;
}

void naive_put_back(struct naive *naive, uint32_t page)
{
    if (naive->page[page].entered)
        naive_place(naive, page, naive->page[page].level);
    else
        naive_enter(naive, page);
}

void naive_remove(struct naive *naive, uint32_t page)
{
    naive->page[page] = (struct naive_page){0};
}

void naive_evict(struct naive *naive, uint32_t page, uint32_t identity)
{
    if (naive->policy == REPLACE_CLOCKPRO) {
        naive_expire(naive);
        if (naive->page[page].test)
            naive_remember(naive, identity, naive->page[page].since);
    }
    naive_remove(naive, page);
}

/* ---- the victim ---- */

static uint32_t naive_aged(const struct naive *naive, uint32_t level, bool accessed)
{
    if (naive->policy == REPLACE_LRU)
        return level / 2 + (accessed ? 128 : 0);
    if (naive->sweeps % 16 == 15)
        level /= 2;
    return accessed && level < 255 ? level + 1 : level;
}

static void naive_sweep(struct naive *naive)
{
    for (uint32_t reached = 0, looks = 0; reached < 32 && looks < 8; reached++) {
        struct naive_page *record = &naive->page[naive->hand];

        if (record->state == REPLACE_QUEUED) {
            uint32_t level = naive_aged(naive, record->level, naive_look(naive, naive->hand));

            if (level != record->level)
                naive_place(naive, naive->hand, level);
            looks++;
        }
        naive->hand = (naive->hand + 1) % naive->count;
        naive->sweeps += naive->hand == 0;
    }
}

static void naive_look_at_given(struct naive *naive)
{
    uint32_t given = naive_count(naive, REPLACE_GIVEN);

    for (uint32_t i = 0; i < given && i < 16; i++) {
        uint32_t page = naive_oldest(naive, REPLACE_GIVEN, 0, 0);

        if (naive_look(naive, page))
            naive_enter(naive, page);
        else
            naive->page[page].since = ++naive->now;
    }
}

/* One step of the simple policies: a page that was accessed goes up. */
static uint32_t naive_step(struct naive *naive)
{
    uint32_t page = naive_oldest(naive, REPLACE_QUEUED, 0, 255), level = naive->page[page].level;

    if (naive->policy == REPLACE_FIFO || !naive_look(naive, page))
        return page;
    if (naive->policy == REPLACE_LRU && level < 128)
        level += 128;
    if (naive->policy == REPLACE_LFU && level < 255)
        level++;
    naive_place(naive, page, level);
    return REPLACE_NONE;
}

static uint32_t naive_step_cold(struct naive *naive)
{
    uint32_t page = naive_oldest(naive, REPLACE_QUEUED, NAIVE_COLD, NAIVE_COLD);
    struct naive_page *record = &naive->page[page];
    bool over = record->test && record->since < naive->passed;

    if (over)
        record->test = false;
    if (!naive_look(naive, page)) {
        if (over)
            naive_less(naive);
        return page;
    }
    naive_place(naive, page, record->test ? NAIVE_HOT : NAIVE_COLD);
    record->test = !record->test;
    return REPLACE_NONE;
}

static uint32_t naive_step_clockpro(struct naive *naive)
{
    uint32_t hot = naive_count_level(naive, NAIVE_HOT), cold = naive_count_level(naive, NAIVE_COLD);
    uint32_t memory = hot + cold + naive_count(naive, REPLACE_GIVEN), page;

    if (cold > 0 && (hot == 0 || memory - hot >= naive->target))
        return naive_step_cold(naive);
    page = naive_oldest(naive, REPLACE_QUEUED, NAIVE_HOT, NAIVE_HOT);
    naive->passed = naive->page[page].since;
    naive_place(naive, page, naive_look(naive, page) ? NAIVE_HOT : NAIVE_COLD);
    return REPLACE_NONE;
}

uint32_t naive_victim(struct naive *naive)
{
    uint32_t page = REPLACE_NONE;

    naive_look_at_given(naive);
    if (naive->policy == REPLACE_LRU || naive->policy == REPLACE_LFU)
        naive_sweep(naive);
    if (naive_count(naive, REPLACE_QUEUED) == 0)
        return REPLACE_NONE;
    for (uint32_t i = 0; i < 64 && page == REPLACE_NONE; i++)
        page = naive->policy == REPLACE_CLOCKPRO ? naive_step_clockpro(naive) : naive_step(naive);
    if (page == REPLACE_NONE)
        page = naive_oldest(naive, REPLACE_QUEUED, 0, 255);
    naive_hold(naive, page);
    return page;
}
