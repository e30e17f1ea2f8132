/* Reclaim: when pages leave memory.
 *
 *      free frames   who may take them
 *      -----------   -------------------------------------------------------------------------------
 *      > target      everybody
 *      > reserved    everybody; pages are put out in steps until there are `target` frames free or on
 *                    their way
 *      <= reserved   page tables, records and calls; faults wait, in order of arrival (wait.h)
 *
 * Putting out needs no frame, so none is kept for it.  Without a swap area, and with no store of compressed
 * pages (tier.h), both levels are 0: nothing is ever put out, and who finds no frame is told so.
 *
 * Which pages leave: victims.h.  While there is no place for one (paging_has_place) nobody looks for them,
 * until a request waits for memory: then zeros and pages of files may still leave.
 *
 * Out of memory.  When a request waits for a frame, and nothing can leave and nothing is on its way, or
 * all of memory left twice and the request still finds no frame for all that it needs at once, the
 * program with the largest charge (pages in memory and out of it, save merged ones, which would stay for
 * others) is ended as if it had failed to get memory itself; the root task destroys it, which frees all.
 * Servers are not among them: they are loaded whole before they run and have no space here.  If there is
 * none, who waits is told that there is no memory. */
#ifndef PAGER_RECLAIM_H
#define PAGER_RECLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "swap.h"

struct object;
struct vm;

/* Pages that came in, or were given to faults, last: they are no victims; and how many when no others are
 * left. */
#define RECLAIM_FRESH       32u
#define RECLAIM_FRESH_LEAST 8u
/* After nothing could leave, frames that are taken before victims are looked for again. */
#define RECLAIM_REST 8u

/* With fewer requests to write left no window is put out: where free slots lie apart it takes several, and
 * pages for which there is none have left the tables in vain. */
#define RECLAIM_WRITES 4u

/* Pages that were looked at, and those that left or were sent on their way. */
struct reclaim_work {
    uint64_t scanned;
    uint64_t stolen;
};

/* How far swapoff has looked for pages that are out.  It names no entry and no object: when it goes on they
 * are looked up again, and may be others.  What came to stand before it is found in another round. */
struct reclaim_cursor {
    uint32_t space;
    uint32_t depth;   /* of the object below that of the entry ... */
    uint64_t address; /* ... at or behind this address */
    uint64_t index;   /* of the page that comes next */
};

struct reclaim {
    uint32_t target; /* frames; the level below it is page_table.reserved */
    uint64_t first;  /* the turn (wait.h) of the request that waits for memory first; 0: none ... */
    uint32_t spent;  /* ... and the pages that left since it is the first */
    uint64_t scanned; /* pages that were looked at since the start */
    struct reclaim_work background,
        direct;       /* by steps: ahead of need, and while a request waited */
    uint64_t ended;   /* programs that were ended for want of memory */
    uint32_t resting; /* frames in sight when nothing could leave; 0: pages may leave */
    bool hopeless;    /* nothing can leave, and nobody can be ended */
    bool empties;     /* swapoff runs: */
    uint32_t emptied; /* its area ... */
    uint32_t errors;  /* ... and how many pages of it could not be read before */
    const struct space *empties_for; /* who waits for it, or NULL */
    struct reclaim_cursor emptied_at;
    uint64_t sought; /* leaves that were looked at for it, since the start */
};

/* A fault was given a page of memory (as vm_mapping has it) and its thread has not run yet: the page must not
 * leave before, or the thread would come back for it for ever.  The driver calls this before
 * vm_reclaim_step, while memory is short. */
void reclaim_note_given(struct vm *vm, uint32_t slot, uint64_t page);

/* Does a bounded part of what the levels ask for: a few victims are looked at, and one window put out.  False:
 * there is nothing to do, or what comes next is the end of a request or of a
 * program.  The driver calls this after each message while an area is in use, before wait_next, and until
 * it says false while a request waits for memory; what is left otherwise may be done in idle time. */
bool vm_reclaim_step(struct vm *vm);

/* Advice about pages, which goes on from one object to the next. */
struct reclaim_advice {
    bool
        out; /* they leave now, as many as requests can be made for; else they are the next victims */
    uint32_t windows; /* that may still be looked at; what lies behind goes with the clock */
    uint32_t left;    /* pages that left */
};
#define RECLAIM_ADVISED \
    512u /* windows of SWAP_CLUSTER pages for one call: 3 million instructions */

/* Pages of an anonymous object will not be needed soon. */
void reclaim_advise(struct vm *vm, struct object *object, uint64_t first, uint64_t count,
                    struct reclaim_advice *advice);

/* True if frames may come from here: it makes sense to wait. */
bool reclaim_has_hope(const struct vm *vm);

/* True if a frame may be taken ahead of need: where pages can leave, whoever has to wait for one may; else
 * some are left for others. */
bool reclaim_spares_frame(const struct vm *vm);

/* True if a device has pages: the end of its request may help. */
bool reclaim_is_moving(const struct vm *vm);

/* Sets the levels: of the machine's frames, and of whether pages can leave memory. */
void reclaim_set_levels(struct vm *vm);

/* Begins to use a swap device. */
enum swap_error vm_swap_on(struct vm *vm, const struct swap_device *device, uint32_t *area);

/* Begins to empty an area, which gives no slots any more.  Before a program is ended for want of memory,
 * an area stays instead.  0; EINVAL (no such area); EBUSY (another is being emptied); ENOMEM (what is
 * there fits nowhere else). */
int vm_swap_off(struct vm *vm, uint32_t area);

/* Brings in the next pages of the area that is being emptied.  0: it is gone; EINPROGRESS: call again, after
 * whatever request ends next; EIO (a page cannot be read), ENOMEM (no more frames, and no slots
 * elsewhere): the area is in use as before, and nothing is lost.  EINVAL: none is being emptied. */
int vm_swap_off_step(struct vm *vm);

/* The same as a call of a program: begins, or goes on when the call is made again.  What vm_swap_off and its
 * steps say; EINPROGRESS: the call is to be parked, wait_for_disk was called. */
int vm_swap_off_call(struct vm *vm, const struct space *space, uint32_t area);

/* A space goes: if it waits for a swapoff, the area is in use as before. */
void vm_swap_off_drop_space(struct vm *vm, const struct space *space);

#endif
