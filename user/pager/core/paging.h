/* Pages on their way between memory and swap.
 *
 *   in an object           paging_bring_in            vm_io_done
 *   out: leaf = slot ----> busy ---------------------> in memory; the slot holds a copy of it
 *                            +--- read error, wrong checksum ---> out as before
 *
 *   in memory              paging_put_out             vm_io_done
 *   in no table      ----> writing ------------------> out: leaf = slot, the frame is free
 *        |                   +--- somebody found it meanwhile ---> in memory; the slot holds a copy of it
 *        |                   |                                     unless it was written too
 *        |                   +--- write error ---> in memory; the slot is retired
 *        +--- it has a copy and is clean, is zero, or is taken by the store of compressed pages
 *             (tier.h): out at once
 *
 * A page that is being written stays in its object as any other, and whoever finds it maps it: the fault
 * marks it as taken.  Neither way out takes memory: the leaf is there, requests have records in struct vm,
 * and slots are taken from what swap_add prepared.  So with no free frame at all pages still leave.
 *
 * A request names page records and nothing else.  When the object lets a page go meanwhile, it is a stray
 * until the request ends; its slot goes with it.
 *
 * Torture (the setting `torture`) shows it: whenever pages are put out, are given to a disk to be written, or have
 * been written, all free frames are taken away until that is done.
 *
 * Whether a page is clean its frame's D bit tells, when nobody maps it any more: it is asked for, and
 * cleared, each time before a page is put out, and before a frame is read into whose last page did not
 * leave that way.  What the core itself writes through the window sets no D: paging_note_write.
 *
 * An error of a request for more than one page may be that of one sector: its pages are then tried again
 * one by one.
 *
 * Frames of pages side by side are freed from the last to the first.  Since who takes one gets that which
 * was freed last, those of pages that come in order lie in order: one segment of a request, one
 * question for D bits, one item of an answer.
 *
 *  G1  a page that is busy and has a slot, is writing, or is a stray with a slot, is in one request; of
 *      other pages none is;
 *      (G3 is in stream.h)
 *  G2  as many slots are used as there are leaves that name one, and pages that have one;
 *  G4  `copies` is the number of pages in PAGE_OBJECT that have one. */
#ifndef PAGER_PAGING_H
#define PAGER_PAGING_H

#include "object.h"
#include "port.h"
#include "stream.h"

#define PAGING_REQUESTS 16u
#define PAGING_WRITES   8u /* of them at most so many write: reads always have their turn */
#define PAGING_AHEAD \
    12u /* while there are so many, none is made for a page that nobody asked for */

enum paging_state { PAGING_FREE, PAGING_READ, PAGING_WRITE };

struct paging_request {
    struct vm_io io;
    uint8_t state; /* enum paging_state */
    bool alone;    /* its pages go one by one: */
    uint32_t at;   /* this one now */
};

/* Since the start. */
struct paging_counts {
    uint64_t swap_reads;    /* requests to read from swap ... */
    uint64_t swapped_in;    /* ... pages that came */
    uint64_t swap_writes;   /* requests to write ... */
    uint64_t at_zero;       /* ... of them while no frame was free ... */
    uint64_t swapped_out;   /* ... pages that were written */
    uint64_t put_out_clean; /* pages that left without being written: a copy was there ... */
    uint64_t put_out_zero;  /* ... or they were zero */
    uint64_t dropped;       /* pages of files that left, since they can be had again */
    uint64_t taken_back;    /* pages that were found while they were written */
    uint64_t read_errors;   /* pages, also those whose checksum was wrong, and compressed ones */
    uint64_t write_errors;  /* pages */
};

/* What the driver tells people: a page that could not come back, or a slot that is lost. */
enum paging_mishap_kind {
    PAGING_UNREADABLE, /* the disk could not read it */
    PAGING_CHANGED,    /* it is not what was written */
    PAGING_RETIRED,    /* it could not be written: the slot is never used again */
    PAGING_BROKEN,     /* compressed, and it is not what was put */
    PAGING_MISHAP_KINDS
};

struct paging_mishap {
    uint32_t device; /* PAGING_BROKEN: 0 */
    uint32_t page;   /* of the disk, or its number in the store */
    uint64_t pid;    /* whose page it is */
    uint8_t kind;    /* enum paging_mishap_kind */
};

/* Those that were not taken: a request has 32 pages, and what comes beyond that is not kept. */
#define PAGING_MISHAPS 32u

struct paging {
    struct paging_request request[PAGING_REQUESTS];
    struct paging_mishap mishap[PAGING_MISHAPS];
    uint32_t mishaps;
    uint32_t taken;  /* requests */
    uint32_t writes; /* of them write */
    bool torture;
    /* First of the frames that are taken away, or PAGE_NONE: see paging_hold_frames. */
    uint32_t held;
    uint32_t copies; /* G4: slots that others may have, before pages stay for want of one */
    uint32_t hand;   /* the page record that is looked at next for such a slot ... */
    uint64_t looked; /* ... and how many were, since the start */
    struct streams streams;
    struct paging_counts counts;
};

void paging_init(struct paging *paging);

/* Brings in page `index`, for which the object's leaf has no frame.  OBJECT_SUPPLIED: it was zero, merged, or
 * compressed (tier.h), and is there; OBJECT_FETCHING: wait_for_page was called; OBJECT_NO_FRAME; OBJECT_UNREADABLE. */
enum object_supply paging_bring_in(struct vm *vm, struct object *object, uint64_t index);

/* Puts out at most SWAP_CLUSTER pages of anonymous objects, all in PAGE_OBJECT, which are nobody's to
 * keep (wired).  They leave all page tables.  Returns how many left memory or are on their way; the
 * others stay, for want of slots or requests. */
uint32_t paging_put_out(struct vm *vm, const uint32_t *page, uint32_t count);

/* True if a page that is neither zero nor clean can leave memory, now or when a request has ended. */
bool paging_has_place(const struct vm *vm);

/* The core has written, or will before anything else happens, the contents of a page in an object. */
void paging_note_write(struct vm *vm, uint32_t page);

/* A request has ended.  ok: all of its pages were moved.  A tag that names none is passed over. */
void vm_io_done(struct vm *vm, uint32_t tag, bool ok);

/* What the disk has of a request that has not ended: all of it, or, in *one, the page that is tried alone. */
const struct vm_io *paging_io(const struct vm *vm, uint32_t tag, struct vm_io *one);

/* Takes one mishap.  The driver does so after each request that ended, and each that failed.  False: there is none. */
bool paging_take_mishap(struct vm *vm, struct paging_mishap *mishap);

/* Requests that have not ended. */
uint32_t paging_requests(const struct vm *vm);

/* NULL, or the number of the first invariant that does not hold. */
const char *paging_check(const struct vm *vm);

/* ---- for the files of paging ---- */

/* In torture: takes all frames that are free; and gives them back. */
void paging_hold_frames(struct vm *vm);
void paging_give_frames(struct vm *vm);

/* Takes a record for a request, or NULL. */
struct paging_request *paging_take(struct vm *vm, enum paging_state state);

/* Gives a request to its disk.  False: it is not there, and the record is free again. */
bool paging_submit(struct vm *vm, struct paging_request *request);

/* Gives back a record that was not submitted. */
void paging_cancel(struct vm *vm, struct paging_request *request);

/* Keeps a mishap, if there is room. */
void paging_note_mishap(struct vm *vm, const struct paging_mishap *mishap);

/* The same, of a page with a slot, unless nobody has the page any more. */
void paging_note_slot(struct vm *vm, uint32_t page, enum paging_mishap_kind kind);

/* As object_put_out, of a page whose frame's D bit was cleared since a program could last write it. */
void paging_leave(struct vm *vm, uint32_t page, uint64_t leaf);

/* What becomes of a page whose request ended. */
void paging_end_read(struct vm *vm, uint32_t page, bool ok);
void paging_end_write(struct vm *vm, uint32_t page, bool ok);

#endif
