/* A disk and a clock for the tests: requests that end later, in another order, or badly.
 *
 *   submit --> queued --(clock)--> done: OK, or an error     read back what was written ...
 *                        |          ... unless it was torn, lost, corrupted or misplaced
 *                        +--> never (a device that does not answer), until sim_disk_reset
 *
 * Bytes go straight from and to the frames, page by page, each at a tick of its own between submit and
 * done.  A read fills its frames with garbage at submit: who looks too early sees that.  So a frame is the
 * device's from submit to done, and pinned as long.  There is no cache: a write that is done is durable.
 *
 *  D1  at most SIM_DISK_QUEUE requests are queued, and each ends once;
 *  D2  a frame has a pin for each segment of a queued request that names it, and of pins in the frame table
 *      there are no others;
 *  D3  nobody but the device writes a frame of a queued read.
 * What a sector may hold when requests overlap is the model's of sim_disk_test.c.  Does not order requests
 * that overlap, and does not retry. */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"

#define SIM_DISK_QUEUE        64u
#define SIM_DISK_SEGMENTS     32u
#define SIM_DISK_SECTOR_BYTES 512u
#define SIM_DISK_SECTORS      8u /* of a page */

/* "Moved": to the medium by a write, to memory by a read. */
enum sim_disk_fault {
    SIM_DISK_GOOD,
    SIM_DISK_ERROR, /* done with an error, nothing moved */
    SIM_DISK_SHORT, /* done with an error after some of the sectors, at least one and not all */
    SIM_DISK_TORN,  /* OK, but of one page only the first sectors moved, at least one and not all */
    SIM_DISK_LOST,  /* OK, but nothing moved */
    SIM_DISK_CORRUPT,   /* OK, but a bit of what moved is wrong */
    SIM_DISK_MISPLACED, /* OK, but it moved to, or from, other pages of the medium */
    SIM_DISK_SILENT, /* never done, until sim_disk_reset; some of it may move, at any time before that */
    SIM_DISK_FAULTS
};

enum sim_disk_op {
    SIM_DISK_READ,
    SIM_DISK_WRITE,
    SIM_DISK_DISCARD /* what the pages hold then is garbage; no frames */
};

struct sim_disk_request {
    enum sim_disk_op op;
    uint64_t first;    /* page on the disk */
    uint32_t segments; /* 1..SIM_DISK_SEGMENTS, one page each */
    frame_t frame[SIM_DISK_SEGMENTS];
    uint64_t tag; /* the caller's */
};

struct sim_disk;

struct sim_disk_config {
    struct frame_table *frames; /* whose pins and contents requests use */
    uint64_t pages;
    uint32_t delay; /* the most ticks from submit to done; 0: at once */
    bool reorders;  /* else requests move and end in the order of submit */
    uint32_t
        chance[SIM_DISK_FAULTS]; /* of 1024, for each request; that of SIM_DISK_GOOD is the rest */
    uint64_t seed;
};

/* The medium is zero. */
struct sim_disk *sim_disk_create(const struct sim_disk_config *config);

/* The requests that are queued go, and are not told. */
void sim_disk_destroy(struct sim_disk *disk);

/* Sets the random choices from here on: a step that does so goes the same way whatever was before. */
void sim_disk_seed(struct sim_disk *disk, uint64_t seed);

/* Past all faults: what the medium holds. */
uint8_t *sim_disk_medium(struct sim_disk *disk, uint64_t page);

/* The next request has this fault; for tests that choose. */
void sim_disk_inject(struct sim_disk *disk, enum sim_disk_fault fault);

/* Pins the frames.  False: the queue is full, beyond the end, or a frame cannot be pinned: nothing done. */
bool sim_disk_submit(struct sim_disk *disk, const struct sim_disk_request *request);

/* Lets ticks of the clock pass, at most so many, until a request is done; its frames are unpinned.  False:
 * all these ticks passed and none is. */
struct sim_disk_done {
    uint64_t tag;
    bool ok; /* what the device says */
    /* For models only: what happened really.  A request that sim_disk_reset ended is never
     * SIM_DISK_GOOD, and any of its sectors may have moved. */
    enum sim_disk_fault fault;
    uint64_t place; /* where it moved on the medium: `first` unless misplaced */
};
bool sim_disk_next(struct sim_disk *disk, uint32_t ticks, struct sim_disk_done *done);

/* Requests that were not told by sim_disk_next yet. */
uint32_t sim_disk_queued(const struct sim_disk *disk);
uint64_t sim_disk_now(const struct sim_disk *disk);

/* All queued requests end now, not OK, in any order if the disk reorders; sim_disk_next tells them.  Nothing
 * of them moves from here on. */
void sim_disk_reset(struct sim_disk *disk);

/* NULL, or "D1".."D3". */
const char *sim_disk_check(const struct sim_disk *disk);

#endif
