/* Reclaim: when pages leave memory.
 *
 *      free frames   who may take them
 *      -----------   -------------------------------------------------------------------------------
 *      >= target     everybody
 *      >= min        everybody; pages are put out in the background: one step after each fault, which was
 *                    answered before, until `target` frames are free or on their way
 *      > reserved    everybody; pages are put out directly: whoever comes next waits until so many are on
 *                    their way, or no more can be done
 *      <= reserved   page tables, records and calls; faults wait, in order of arrival (wait.h)
 *
 * So a fault that finds frames is held up by one step at most while memory is not short, and a step finds more than a
 * fault takes.  A call is different: those of the root task come one after the other, cannot wait, and take many
 * frames.  So after anything but a fault reclaim goes on up to the target, and the reserve has enough for the start of
 * a small program (RECLAIM_START_FRAMES).  When it has not, a program's call waits until it has (wait_for_reserve), and
 * so does the program that asked the root task for a start.
 *
 * Putting out needs no frame, so none is kept for it.  Without a swap area, and with no store of compressed
 * pages (tier.h), all levels are 0: nothing is ever put out.
 *
 * Which pages leave: victims.h.  While there is no place for one (paging_has_place) nobody looks for them,
 * until a request waits for memory: then zeros and pages of files may still leave.
 *
 * Out of memory.  When a fault finds no frame, and nothing can leave and nothing is on its way, or
 * all of memory left twice and the request that waits first still finds no frame for all that it needs at
 * once, the program with the largest charge is ended; the root task destroys it, which frees all, and
 * the fault waits for that.  It is the same with a place for pages to go and without.  If the program that
 * asked is itself the largest, or nobody has any page, it is ended where it is.  A call that finds no frame waits
 * while a disk has requests, unless it brought bytes; then it says so: it ends nobody.  Those that make pages resident
 * wait as faults do, where pages can leave.  While a program is ending already, or a device is about to give back frames
 * that nobody has any more, nobody else is ended, and when memory has left twice in vain no more pages leave: the end
 * must be heard.
 *
 * The charge of a program: the pages of objects that it owns (object.h), in memory and out of it, save merged
 * ones, which would stay for others.  Not in it are page tables, which only the kernel counts by space, the
 * pager's records and the program's kernel objects, a few frames each; pages of files, which stay when it
 * goes.  Servers are not among the programs: they are loaded whole before they run and have no space here. */
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

/* The reserve is never less, where there is one: what the start of a small program takes before its thread runs, or a fork
 * that copies no wired page.  Kernel objects, tables, message buffer, stack, and records if the last ones are full. */
#define RECLAIM_START_FRAMES 12u

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
    uint32_t target, min; /* frames; the lowest level is page_table.reserved */
    uint64_t first; /* the turn (wait.h) of the request that waits for memory first; 0: none ... */
    uint32_t spent; /* ... and the pages that left since it is the first */
    uint64_t scanned;                       /* pages that were looked at since the start */
    struct reclaim_work background, direct; /* by steps */
    uint64_t stalls;                        /* turns (vm_reclaim) that were direct */
    uint64_t ended;                         /* programs that were ended for want of memory */
    uint32_t resting; /* frames in sight when nothing could leave; 0: pages may leave */
    bool hopeless;    /* nothing can leave, and nobody can be ended */
    bool empties;     /* swapoff runs: */
    uint32_t emptied; /* its area ... */
    uint32_t errors;  /* ... and how many pages of it could not be read before */
    const struct space *empties_for; /* who waits for it, or NULL */
    struct reclaim_cursor emptied_at;
    /* Leaves that were looked at for it, since the start.  One step may look at all that there are, twice; all
     * steps together do it a few times. */
    uint64_t sought;
};

/* A fault was given a page of memory (as vm_mapping has it) and its thread has not run yet: the page must not
 * leave before, or the thread would come back for it for ever.  The driver calls this before
 * vm_reclaim_step, while memory is short. */
void reclaim_note_given(struct vm *vm, uint32_t slot, uint64_t page);

/* Does a bounded part of what the levels ask for: a few victims are looked at, and put out together (victims.h).  False:
 * there is nothing to do, or what comes next is the end of a request or of a program. */
bool vm_reclaim_step(struct vm *vm);

/* A turn of reclaim: as many steps as the levels ask for.  fault: a fault was answered last, and what need not be done
 * at once is left to later turns.  The driver calls this after each message while an area is in use, before
 * wait_next. */
void vm_reclaim(struct vm *vm, bool fault);

/* Advice about pages, which goes on from one object to the next. */
struct reclaim_advice {
    /* They leave now, as many as there are requests and places for; the others are the next victims. */
    bool out;
    uint32_t windows; /* that may still be looked at; what lies behind goes with the clock */
    uint32_t left;    /* pages that left */
};
/* Windows of SWAP_CLUSTER pages for one call: 3 million instructions, and the contents of pages that begin with
 * zeros are looked at besides.  Where an object is shown at several places, each page is compared with all of its
 * areas: so many of these count as one window more. */
#define RECLAIM_ADVISED 512u
#define RECLAIM_AREAS   32u

/* Pages of an anonymous object will not be needed soon. */
void reclaim_advise(struct vm *vm, struct object *object, uint64_t first, uint64_t count,
                    struct reclaim_advice *advice);

/* A fault of `space` finds no frame.  True: it waits for one, as wait_for_memory notes, if need be for those of
 * the program with the largest charge, which was ended for that.  False: it is the one to be ended. */
bool reclaim_helps_fault(struct vm *vm, const struct space *space);

/* True if frames may come from here: it makes sense to wait. */
bool reclaim_has_hope(const struct vm *vm);

/* True if a frame may be taken ahead of need: where pages can leave, whoever has to wait for one may; else
 * some are left for others. */
bool reclaim_spares_frame(const struct vm *vm);

/* True if frames come whatever leaves memory: a program is ending, or a device is about to let go of some that nobody
 * has any more. */
bool reclaim_is_promised(const struct vm *vm);

/* True if a device has pages or slots: the end of its request may help. */
bool reclaim_is_moving(const struct vm *vm);

/* Sets the levels: of the machine's frames, and of whether pages can leave memory. */
void reclaim_set_levels(struct vm *vm);

/* Does a bounded part of what disks are to be told of slots that nobody wants (swap.h): looks for some, or makes a
 * request, of which there is one at a time.  False: there is nothing to do until the port's stock_is_low. */
bool vm_discard_step(struct vm *vm);

/* The request of the port's discard has ended.  ok: the disk took it; else it gets no other. */
void vm_discard_done(struct vm *vm, bool ok);

/* True if there is room, in memory and where pages may still go, for all that must come back: what is in an
 * area that is being emptied, and what the store of compressed pages holds above its limit. */
bool reclaim_fits(const struct vm *vm);

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
 * steps say; EINPROGRESS: the call is to be parked, wait_for_disk or wait_for_memory was called; EAGAIN: it did
 * not begin, since it could not be parked. */
int vm_swap_off_call(struct vm *vm, const struct space *space, uint32_t area);

/* A space goes: if it waits for a swapoff, the area is in use as before. */
void vm_swap_off_drop_space(struct vm *vm, const struct space *space);

#endif
