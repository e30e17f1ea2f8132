/* Which page leaves memory: replacement policies, one of them in use, changed at run time.
 *
 *        add (by a fault)                    hold, victim
 *   out ----------------> given --ran--> queued <------> held ----evict----> out
 *    |                                     ^    put_back  |
 *    +---------------add (read ahead)------+              +-----remove-----> out
 *
 * Knows numbers of pages and nothing of what is in them.  What a pager can know is all that it is told:
 * which pages come and go, and, when it asks for it, whether a page was accessed since it asked last.
 * What comes in by a fault is *given*: no victim before its thread has run, which is seen by its first
 * access.  That access is not counted for the page: every page has it, so it says nothing.  A page that
 * leaves for good may leave its *identity* behind, a hash of object number and index, by which the
 * policy knows it again (ghost.h).
 *
 * Work of one call is bounded: replace_victim and replace_idle_victim look at REPLACE_LOOKS_MAX pages at
 * most, and the other calls take a few steps; only replace_switch walks over everything.
 *
 *  R1  a page is in a queue exactly if it is given or queued: in `given`, or in the queue that its
 *      record names; links of a queue fit together, its count is right;
 *  R2  bit q of `filled` is set exactly if queue q holds pages; `queued` counts the pages of all of them;
 *  R3  FIFO and CLOCK use queue 0 alone; CLOCK-Pro uses REPLACE_COLD and REPLACE_HOT;
 *  R4  CLOCK-Pro: a queue is in the order of its stamps; in a test period are cold pages alone;
 *      0 < cold_target;
 *  R5  the record of a page that is out is all 0.
 *
 * Does not write pages, does not know time, and takes no memory: the caller owns all tables. */
#ifndef PAGER_REPLACE_H
#define PAGER_REPLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "ghost.h"

#define REPLACE_NONE   UINT32_MAX
#define REPLACE_QUEUES 256u

/* Bounds of one replace_victim: pages that it looks at because they were given, because the sweep
 * reached them, and because they may be the victim. */
#define REPLACE_GIVEN_LOOKS 16u
#define REPLACE_SWEEP_LOOKS 8u
#define REPLACE_STEPS       64u
#define REPLACE_LOOKS_MAX   (REPLACE_GIVEN_LOOKS + REPLACE_SWEEP_LOOKS + REPLACE_STEPS)

enum replace_policy {
    REPLACE_FIFO,
    REPLACE_CLOCK,
    REPLACE_LRU,      /* by aging: 8 looks back */
    REPLACE_LFU,      /* looks that found it accessed, halved now and then */
    REPLACE_CLOCKPRO, /* scan-resistant, with ghosts */
    REPLACE_POLICIES
};
#define REPLACE_DEFAULT REPLACE_CLOCKPRO /* docs/replacement.md */

enum replace_state { REPLACE_OUT, REPLACE_GIVEN, REPLACE_QUEUED, REPLACE_HELD };

/* What is kept for each page; all 0: out. */
struct replace_page {
    uint32_t next, previous; /* in its queue; while it is out, the caller may use them */
    uint32_t stamp;          /* when it was queued; 0: not yet by this policy */
    uint8_t state;           /* enum replace_state */
    uint8_t queue;           /* LRU: its age; LFU: its count */
    uint8_t set;             /* whose page it is */
    uint8_t marks;           /* of the policy */
};
_Static_assert(sizeof(struct replace_page) == 16, "for each page of memory");

struct replace_queue {
    uint32_t head, tail; /* REPLACE_NONE: empty.  The head leaves first. */
    uint32_t count;
};

/* The caller's: all of it stays in place as long as the struct replace is used.  Several structs may share
 * `pages`, each with a number of its own: a page is in one of them at a time. */
struct replace_config {
    struct replace_page *pages; /* one for each page number below `count`, all 0 */
    uint32_t count;
    uint8_t set;          /* the number of this one */
    struct ghost *ghosts; /* as for ghost_init, about as many as pages can be in memory */
    uint32_t ghost_count;
    /* Was the page accessed since the last call for it?  Tests and clears. */
    bool (*accessed)(void *context, uint32_t page);
    void *context;
};

struct replace_ops;

struct replace {
    struct replace_config config;
    const struct replace_ops *ops;
    enum replace_policy policy;
    struct replace_queue given;
    struct replace_queue queue[REPLACE_QUEUES];
    uint64_t filled[REPLACE_QUEUES / 64];
    uint32_t queued;      /* pages in `queue` */
    uint32_t hand;        /* LRU, LFU: the page number that the sweep reaches next */
    uint32_t sweeps;      /* times that it went round */
    uint32_t clock;       /* the last stamp that was given out */
    uint32_t passed;      /* CLOCK-Pro: stamp of the last hot page that was passed or demoted */
    uint32_t cold_target; /* CLOCK-Pro: how many pages shall be cold */
    struct ghosts ghosts;
    uint64_t looks;    /* questions asked */
    uint64_t returned; /* pages that came in and were known */
};

/* Nothing is in memory. */
void replace_init(struct replace *replace, const struct replace_config *config,
                  enum replace_policy policy);

/* The name of a policy, in lower case. */
const char *replace_name(enum replace_policy policy);

/* Changes the policy.  All pages go over, those that would have left first in front; ghosts are
 * forgotten.  The only call whose work grows with memory. */
void replace_switch(struct replace *replace, enum replace_policy policy);

/* A page that is out came in.  identity: of its contents; given: to a fault, whose thread did not run yet. */
void replace_add(struct replace *replace, uint32_t page, uint32_t identity, bool given);

/* A given page is not waited for any longer: its thread ran, or will not.  Any other page: nothing. */
void replace_settle(struct replace *replace, uint32_t page);

/* A given or queued page is no victim until it is put back: wired, or in I/O. */
void replace_hold(struct replace *replace, uint32_t page);

/* A held page, also one that replace_victim gave, may be a victim again. */
void replace_put_back(struct replace *replace, uint32_t page);

/* The next page to leave; it is held then, and the caller evicts it or puts it back.
 * Returns: REPLACE_NONE if there is none but those that are held or given. */
uint32_t replace_victim(struct replace *replace);

/* The same, but REPLACE_NONE also if the policy found only pages in use. */
uint32_t replace_idle_victim(struct replace *replace);

/* What pages that leave soon after a victim have in common: they are in no better a queue, and among the next few
 * or for nearly as long. */
struct replace_soon {
    const struct replace *replace;
    uint32_t age;  /* in stamps: no less */
    uint8_t queue; /* no higher */
};

/* Those after `victim`, which is held; good as long as no page is queued. */
struct replace_soon replace_soon_after(const struct replace *replace, uint32_t victim);

/* Would this page, which the caller did not find accessed, be one of them? */
static inline bool replace_leaves_soon(const struct replace_soon *soon, uint32_t page)
{
    const struct replace *replace = soon->replace;
    const struct replace_page *record = &replace->config.pages[page];

    return record->state == REPLACE_QUEUED && record->set == replace->config.set &&
           record->queue <= soon->queue && replace->clock - record->stamp >= soon->age;
}

/* A given or queued page is of no use: it is the next victim, if it is not accessed until then. */
void replace_cool(struct replace *replace, uint32_t page);

/* A held page is out, and its contents may come back.  identity: as for replace_add. */
void replace_evict(struct replace *replace, uint32_t page, uint32_t identity);

/* A page is out, in whatever state, and its contents are no more.  Out already: nothing. */
void replace_remove(struct replace *replace, uint32_t page);

/* NULL, or the number of the first invariant that does not hold. */
const char *replace_check(const struct replace *replace);

#endif
