/* What the policies share: replace_fifo.c, replace_clock.c, replace_lru.c, replace_lfu.c and
 * replace_clockpro.c include it, and replace.c. */
#ifndef PAGER_REPLACE_KINDS_H
#define PAGER_REPLACE_KINDS_H

#include "replace.h"

#define REPLACE_COLD 0u
#define REPLACE_HOT  1u

/* Marks of a page. */
#define REPLACE_RETURNED 1u /* it came in and was known; until it enters a queue */
#define REPLACE_TEST     2u /* CLOCK-Pro: it is in its test period, unless the hot hand passed it */

struct replace_ops {
    const char *name;
    /* A page comes into a queue: replace_append. */
    void (*enter)(struct replace *replace, uint32_t page);
    /* One step of the search, with at most one look: returns the head of a queue, the victim; or
     * REPLACE_NONE, then it has moved a page.  Some queue holds a page. */
    uint32_t (*step)(struct replace *replace);
    /* The queue of a page that the sweep found accessed, or not.  NULL: it does not sweep. */
    uint8_t (*age)(const struct replace *replace, uint8_t queue, bool accessed);
    /* An identity comes in: is it known?  A held page left.  NULL: it has no ghosts. */
    bool (*recall)(struct replace *replace, uint32_t identity);
    void (*remember)(struct replace *replace, uint32_t page, uint32_t identity);
};

extern const struct replace_ops replace_fifo;
extern const struct replace_ops replace_clock;
extern const struct replace_ops replace_lru;
extern const struct replace_ops replace_lfu;
extern const struct replace_ops replace_clockpro;

static inline struct replace_page *replace_record(const struct replace *replace, uint32_t page)
{
    return &replace->config.pages[page];
}

/* Puts a page that is in no queue at the end of queue `queue`. */
void replace_append(struct replace *replace, uint32_t page, uint8_t queue);

/* Moves a queued page to the end of queue `queue`. */
void replace_move(struct replace *replace, uint32_t page, uint8_t queue);

/* Was the page accessed since the last look at it? */
bool replace_look(struct replace *replace, uint32_t page);

/* The head of the lowest queue that holds pages, or REPLACE_NONE. */
uint32_t replace_first(const struct replace *replace);

#endif
