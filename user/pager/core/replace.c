/* Replacement policies: queues of pages, and what all policies have in common; see replace.h. */
#include "replace.h"

#include <string.h>

#include "replace_kinds.h"

#define REPLACE_SWEEP_RECORDS 32u /* reached in one call, most of them free in the worst case */
#define REPLACE_WORD_BITS     64u

/* What leaves soon after a victim: as many pages, and a part of those that came after it. */
#define REPLACE_NEXT 64u
#define REPLACE_SOON 4u

static const struct replace_ops *const replace_ops[] = {
    [REPLACE_FIFO] = &replace_fifo,         [REPLACE_CLOCK] = &replace_clock,
    [REPLACE_LRU] = &replace_lru,           [REPLACE_LFU] = &replace_lfu,
    [REPLACE_CLOCKPRO] = &replace_clockpro,
};
_Static_assert(sizeof replace_ops / sizeof replace_ops[0] == REPLACE_POLICIES, "one for each");

static const struct replace_queue replace_empty = {REPLACE_NONE, REPLACE_NONE, 0};

/* ---- queues ---- */

static void replace_link(const struct replace *replace, struct replace_queue *queue, uint32_t page)
{
    struct replace_page *record = replace_record(replace, page);

    record->next = REPLACE_NONE;
    record->previous = queue->tail;
    if (queue->tail == REPLACE_NONE)
        queue->head = page;
    else
        replace_record(replace, queue->tail)->next = page;
    queue->tail = page;
    queue->count++;
}

/* The same in front of a queue that holds pages. */
static void replace_link_first(const struct replace *replace, struct replace_queue *queue,
                               uint32_t page)
{
    struct replace_page *record = replace_record(replace, page);

    record->next = queue->head;
    record->previous = REPLACE_NONE;
    replace_record(replace, queue->head)->previous = page;
    queue->head = page;
    queue->count++;
}

static inline void replace_unlink(const struct replace *replace, struct replace_queue *queue,
                                  uint32_t page)
{
    const struct replace_page *record = replace_record(replace, page);

    if (record->previous == REPLACE_NONE)
        queue->head = record->next;
    else
        replace_record(replace, record->previous)->next = record->next;
    if (record->next == REPLACE_NONE)
        queue->tail = record->previous;
    else
        replace_record(replace, record->next)->previous = record->previous;
    queue->count--;
}

void replace_append(struct replace *replace, uint32_t page, uint8_t queue)
{
    struct replace_page *record = replace_record(replace, page);

    replace_link(replace, &replace->queue[queue], page);
    replace->filled[queue / REPLACE_WORD_BITS] |= 1ull << queue % REPLACE_WORD_BITS;
    replace->queued++;
    record->queue = queue;
    record->state = REPLACE_QUEUED;
    if (++replace->clock == 0) /* no page and no ghost has stamp 0 */
        replace->clock = 1;
    record->stamp = replace->clock;
}

/* Takes a given or queued page out of its queue. */
static void replace_take(struct replace *replace, uint32_t page)
{
    const struct replace_page *record = replace_record(replace, page);
    uint8_t queue = record->queue;

    if (record->state == REPLACE_GIVEN) {
        replace_unlink(replace, &replace->given, page);
        return;
    }
    replace_unlink(replace, &replace->queue[queue], page);
    replace->queued--;
    if (replace->queue[queue].count == 0)
        replace->filled[queue / REPLACE_WORD_BITS] &= ~(1ull << queue % REPLACE_WORD_BITS);
}

void replace_move(struct replace *replace, uint32_t page, uint8_t queue)
{
    replace_take(replace, page);
    replace_append(replace, page, queue);
}

uint32_t replace_first(const struct replace *replace)
{
    for (uint32_t word = 0; word < REPLACE_QUEUES / REPLACE_WORD_BITS; word++)
        if (replace->filled[word])
            return replace
                ->queue[word * REPLACE_WORD_BITS + (uint32_t)__builtin_ctzll(replace->filled[word])]
                .head;
    return REPLACE_NONE;
}

bool replace_look(struct replace *replace, uint32_t page)
{
    replace->looks++;
    return replace->config.accessed(replace->config.context, page);
}

/* ---- the start, and another policy ---- */

/* All queues are empty and nothing is remembered. */
static void replace_begin(struct replace *replace, enum replace_policy policy)
{
    replace->ops = replace_ops[policy];
    replace->policy = policy;
    for (uint32_t queue = 0; queue < REPLACE_QUEUES; queue++)
        replace->queue[queue] = replace_empty;
    memset(replace->filled, 0, sizeof replace->filled);
    replace->queued = 0;
    replace->passed = replace->clock;
    replace->cold_target = 1;
    ghost_clear(&replace->ghosts);
}

void replace_init(struct replace *replace, const struct replace_config *config,
                  enum replace_policy policy)
{
    *replace = (struct replace){.config = *config, .given = replace_empty};
    ghost_init(&replace->ghosts, config->ghosts, config->ghost_count);
    replace_begin(replace, policy);
}

const char *replace_name(enum replace_policy policy)
{
    return replace_ops[policy]->name;
}

/* Takes all pages out of their queues into one, in the order in which they would leave. */
static struct replace_queue replace_gather(struct replace *replace)
{
    struct replace_queue all = replace_empty;
    uint32_t page;

    while ((page = replace_first(replace)) != REPLACE_NONE) {
        replace_take(replace, page);
        replace_link(replace, &all, page);
    }
    return all;
}

void replace_switch(struct replace *replace, enum replace_policy policy)
{
    struct replace_queue all = replace_gather(replace);

    replace_begin(replace, policy);
    for (uint32_t page = 0; page < replace->config.count; page++) {
        struct replace_page *record = replace_record(replace, page);

        if (record->state == REPLACE_OUT || record->set != replace->config.set)
            continue;
        record->stamp = 0;
        record->marks = 0;
        record->queue = 0;
    }
    while (all.head != REPLACE_NONE) {
        uint32_t page = all.head;

        replace_unlink(replace, &all, page);
        replace->ops->enter(replace, page);
    }
}

/* ---- pages come and go ---- */

void replace_add(struct replace *replace, uint32_t page, uint32_t identity, bool given)
{
    struct replace_page *record = replace_record(replace, page);

    record->set = replace->config.set;
    if (replace->ops->recall && replace->ops->recall(replace, identity)) {
        record->marks = REPLACE_RETURNED;
        replace->returned++;
    }
    if (!given) {
        replace->ops->enter(replace, page);
        return;
    }
    replace_link(replace, &replace->given, page);
    record->state = REPLACE_GIVEN;
}

void replace_settle(struct replace *replace, uint32_t page)
{
    if (replace_record(replace, page)->state != REPLACE_GIVEN)
        return;
    replace_take(replace, page);
    replace->ops->enter(replace, page);
}

void replace_hold(struct replace *replace, uint32_t page)
{
    replace_take(replace, page);
    replace_record(replace, page)->state = REPLACE_HELD;
}

void replace_put_back(struct replace *replace, uint32_t page)
{
    const struct replace_page *record = replace_record(replace, page);

    if (record->stamp)
        replace_append(replace, page, record->queue);
    else
        replace->ops->enter(replace, page);
}

void replace_remove(struct replace *replace, uint32_t page)
{
    struct replace_page *record = replace_record(replace, page);

    if (record->state == REPLACE_GIVEN || record->state == REPLACE_QUEUED)
        replace_take(replace, page);
    *record = (struct replace_page){0};
}

void replace_evict(struct replace *replace, uint32_t page, uint32_t identity)
{
    if (replace->ops->remember)
        replace->ops->remember(replace, page, identity);
    replace_remove(replace, page);
}

/* ---- the victim ---- */

/* Given pages whose threads have run enter their queues. */
static void replace_look_at_given(struct replace *replace)
{
    uint32_t looks = replace->given.count;

    if (looks > REPLACE_GIVEN_LOOKS)
        looks = REPLACE_GIVEN_LOOKS;
    for (; looks > 0; looks--) {
        uint32_t page = replace->given.head;

        replace_unlink(replace, &replace->given, page);
        if (replace_look(replace, page))
            replace->ops->enter(replace, page);
        else
            replace_link(replace, &replace->given, page);
    }
}

/* Looks at the next few pages in the order of their numbers. */
static void replace_sweep(struct replace *replace)
{
    uint32_t looks = 0;

    for (uint32_t i = 0; i < REPLACE_SWEEP_RECORDS && looks < REPLACE_SWEEP_LOOKS; i++) {
        uint32_t page = replace->hand;
        const struct replace_page *record = replace_record(replace, page);

        if (record->state == REPLACE_QUEUED && record->set == replace->config.set) {
            bool accessed = replace_look(replace, page);
            uint8_t queue = replace->ops->age(replace, record->queue, accessed);

            if (queue != record->queue)
                replace_move(replace, page, queue);
            looks++;
        }
        if (++replace->hand == replace->config.count) {
            replace->hand = 0;
            replace->sweeps++;
        }
    }
}

/* The policy's victim, which is held then, after so many steps at most; or REPLACE_NONE. */
static uint32_t replace_search(struct replace *replace, uint32_t steps)
{
    uint32_t page = REPLACE_NONE;

    if (replace->queued + replace->given.count == 0 && !replace->ops->age)
        return REPLACE_NONE;
    replace_look_at_given(replace);
    if (replace->ops->age)
        replace_sweep(replace);
    for (uint32_t i = 0; i < steps && page == REPLACE_NONE && replace->queued > 0; i++)
        page = replace->ops->step(replace);
    if (page != REPLACE_NONE)
        replace_hold(replace, page);
    return page;
}

uint32_t replace_idle_victim(struct replace *replace)
{
    /* Few pages are not asked twice: they had no time to be used in between. */
    return replace_search(replace,
                          replace->queued < REPLACE_STEPS ? replace->queued : REPLACE_STEPS);
}

uint32_t replace_victim(struct replace *replace)
{
    uint32_t page = replace_search(replace, REPLACE_STEPS);

    if (page != REPLACE_NONE)
        return page;
    page = replace_first(replace);
    if (page != REPLACE_NONE)
        replace_hold(replace, page);
    return page;
}

struct replace_soon replace_soon_after(const struct replace *replace, uint32_t victim)
{
    const struct replace_page *first = replace_record(replace, victim);
    uint32_t time = replace->clock - first->stamp, part = time - time / REPLACE_SOON;

    return (struct replace_soon){.replace = replace,
                                 .age = part > REPLACE_NEXT ? part - REPLACE_NEXT : 0,
                                 .queue = first->queue};
}

/* ---- a page of no use ---- */

void replace_cool(struct replace *replace, uint32_t page)
{
    struct replace_page *record = replace_record(replace, page);
    uint32_t head;

    if (record->state != REPLACE_GIVEN && record->state != REPLACE_QUEUED)
        return;
    replace_take(replace, page);
    record->marks = 0;
    head = replace->queue[0].head;
    replace_append(replace, page, 0);
    if (head == REPLACE_NONE)
        return;
    replace_unlink(replace, &replace->queue[0], page);
    replace_link_first(replace, &replace->queue[0], page);
    record->stamp = replace_record(replace, head)->stamp - 1;
    if (record->stamp == 0)
        record->stamp--;
}
