/* Requests that wait: faults and calls whose answer needs a page that is on its way, or a frame.
 *
 *                       +--> WAIT_RESUME --its program is no longer suspended (load.h)-+
 *                       |                                                             |
 *                       +--> WAIT_PAGE ----the page came, failed, or left its object---+
 *                       |                                                             v
 *   free --> running --park                                                         ready
 *    ^        |  ^      |                                                             |
 *    |        |  |      +--> WAIT_MEMORY --frames came, or no more will come--+       |
 *    |        |  |                                                            |       |
 *    |        |  |      +--> WAIT_DISK --a request to a disk ended-----------+       |
 *    |        |  |      |                                                    |       |
 *    |        |  |      +--> WAIT_RESERVE --the reserve is filled, or no-----+       |
 *    |        |  |                         disk has a request                 |       |
 *    |        |  +--------------------- next: from its first step ------------+-------+
 *    +--------+--- release: it was answered; or its space was destroyed
 *
 * A request is known here by a token and nothing else: the driver keeps the message as it came and
 * the Reply under the same number.  Nothing of a request that waits is half done, and nothing that it
 * looked up is kept: it starts again as if it came now.  So a call may only wait as long as it
 * changed nothing that its caller can see; one that did a part answers with that part.
 *
 * Busy pages.  An object kind that must fetch a page puts it into its index as a busy one
 * (object_begin_fetch) and names the page record, never object and index, to whoever fetches.  So:
 *   - who needs the page finds it by the usual search and waits: there is one fetch, however many ask;
 *   - fork and merge treat it as any page: it may move to another object while it is fetched, so a
 *     merge need not be put off; fork copies all that is wired but this;
 *   - when the last that shows it goes, by unmap, truncate, DONTNEED or the end of a space, it leaves
 *     its object as a stray (page.h), so that nobody else gets the frame before the fetch has ended;
 *     who waited for it starts again at once and finds what is there now;
 *   - when the fetch fails it leaves its object, or is out in its swap slot again.  Who waited starts again, and gets an error when it
 *     comes to the same page; whoever comes later makes a new fetch.
 *
 * Shortage.  A fault that finds no frame waits while frames are sure to come back: those of stray
 * pages, those of programs that were stopped, which the root task destroys, and those that reclaim
 * (reclaim.h) finds or writes out.  The first in the order of arrival has all frames that faults may
 * take kept for it, so nobody overtakes it.  When nothing is on its way any more and it still finds none, the
 * program with the largest charge is stopped, be it itself or another (reclaim.h); then its frames are on
 * their way.  So nobody waits for ever: each wait ends with a destroy that the root task owes, or a
 * request that a device owes, and each stop makes the programs fewer.  The root task never waits here.
 *
 *  Q1  a record that waits for a page names a busy one;
 *  Q2  a record that is not free has a live space, and a turn that no other has; `active` counts them,
 *      and counts[s] those in state s;
 *  Q3  frames are held only while a record waits for memory, and then faults find none unless wait_next
 *      has something to start;
 *  Q4  at most WAIT_RECORDS - 1 records are not free: one token is left to receive with. */
#ifndef PAGER_WAIT_H
#define PAGER_WAIT_H

#include <stdbool.h>
#include <stdint.h>

struct vm;
struct space;
struct object;

#define WAIT_RECORDS 64u
#define WAIT_NONE    UINT32_MAX

enum wait_state {
    WAIT_FREE,
    WAIT_PAGE,
    WAIT_MEMORY,
    WAIT_DISK,
    WAIT_RESUME,
    WAIT_RESERVE,
    WAIT_READY,
    WAIT_RUNNING,
    WAIT_STATES
};

/* In place of a page: the request waits for any disk; until its program is resumed; for what a start takes. */
#define WAIT_ANY_DISK    (PAGE_NONE - 1)
#define WAIT_FOR_RESUME  (PAGE_NONE - 2)
#define WAIT_FOR_RESERVE (PAGE_NONE - 3)

struct wait {
    struct space *space; /* whose request it is */
    uint64_t turn;       /* when it came; kept while it waits again */
    /* The page whose fetch failed, or NULL.  Only compared: the object may be gone. */
    const struct object *failed_object;
    uint64_t failed_index;
    uint32_t page; /* WAIT_PAGE */
    uint8_t state; /* enum wait_state */
    bool fetched;  /* it waited for a page: a major fault */
};

struct waits {
    struct wait record[WAIT_RECORDS];
    uint64_t turns;               /* given out */
    uint64_t parked;              /* times that a request had to wait */
    uint32_t active;              /* records that are not free; 0: wait_next has nothing */
    uint32_t counts[WAIT_STATES]; /* of records in each state */
    /* What the request that now runs waits for: a page; PAGE_NONE: a frame; WAIT_ANY_DISK and so on. */
    uint32_t wanted;
    uint32_t held;                      /* first of the pages in PAGE_HELD, or PAGE_NONE */
    const struct object *failed_object; /* of the request that now runs */
    uint64_t failed_index;
};

void wait_init(struct waits *waits);

/* Notes that the request which now runs waits for a busy page.  Returns EINPROGRESS, the error of a
 * call that is to be parked; it never reaches a program. */
int wait_for_page(struct vm *vm, uint32_t page);

/* Notes that it waits for a frame.  False: no frame is on its way back, waiting is no use. */
bool wait_for_memory(struct vm *vm);

/* Notes that it waits until a request to a disk ends, whichever it is: one that the driver has, so that
 * there is an end.  Returns EINPROGRESS. */
int wait_for_disk(struct vm *vm);

/* Notes that it, a call, waits until the reserve has what the start of a program takes, and returns EINPROGRESS.  0: it
 * has, or no disk has a request that could bring some.  It stands in no line: faults leave these frames, whoever waits. */
int wait_for_reserve(struct vm *vm);

/* Notes that it waits until its program is resumed. */
void wait_for_resume(struct vm *vm);

/* Parks the request that now runs, for what was noted last.  `token`: a free one, or one that
 * wait_next gave.  False: it is the last free one, and nothing happened. */
bool wait_park(struct vm *vm, struct space *space, uint32_t token);

/* True if one more request may be parked. */
bool wait_has_room(const struct vm *vm);

/* A token with no request: there is always one. */
uint32_t wait_find_free(const struct vm *vm);

/* The turn of the request that waits for memory first; 0: none does. */
uint64_t wait_first_for_memory(const struct vm *vm);

/* The next request to start again, or WAIT_NONE: those whose page is settled, then those that wait for the reserve if
 * it is filled, then the first that waits for memory if that may help.  While `active` is not 0 the driver calls this after each message, until
 * WAIT_NONE; in between it parks the request again or releases it. */
uint32_t wait_next(struct vm *vm);

/* The request was answered: its token is free. */
void wait_release(struct vm *vm, uint32_t token);

/* Forgets the requests of a space that goes; nobody is there to be answered. */
void wait_drop_space(struct vm *vm, const struct space *space);

/* A busy page leaves its object for good: who waits for it looks again. */
void wait_wake(struct vm *vm, uint32_t page);

/* A request to a disk ended: who waits for that looks again. */
void wait_wake_disk(struct vm *vm);

/* A program is resumed: its requests start again. */
void wait_wake_space(struct vm *vm, const struct space *space);

/* The fetch of a busy or stray page ended.  ok: its contents are there.  Else it is free now. */
void vm_page_done(struct vm *vm, uint32_t page, bool ok);

/* NULL, or the number of the first invariant that does not hold. */
const char *wait_check(const struct vm *vm);

#endif
