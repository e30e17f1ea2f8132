/* A disk and a clock for the tests: requests that end later, in another order, or badly.
 *
 *   submit --> queued --(clock)--> done: OK, or an error     read back what was written ...
 *                        |          ... unless it was torn, lost or corrupted
 *                        +--> never (a device that does not answer)
 *
 * A write is durable when it is done with OK and was neither lost nor torn; what a read that overlaps a
 * queued write sees is one of both.  Each request has pinned its frames: they are DMA's until it is done.
 *  D1  at most SIM_DISK_QUEUE requests are queued; each ends at most once;
 *  D2  pins of the frame table = segments of queued requests;
 *  D3  a sector that no fault has hit holds what the last completed write put there. */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "types.h"

#define SIM_DISK_QUEUE    64u
#define SIM_DISK_SEGMENTS 32u

enum sim_disk_fault {
    SIM_DISK_GOOD,
    SIM_DISK_ERROR,   /* done with an error, nothing moved */
    SIM_DISK_SHORT,   /* done with an error after some of the segments */
    SIM_DISK_TORN,    /* OK, but only the first sectors of a page were written */
    SIM_DISK_LOST,    /* OK, but nothing was written */
    SIM_DISK_CORRUPT, /* OK, but a bit is wrong: on the medium by a write, in memory by a read */
    SIM_DISK_SILENT,  /* never done, until sim_disk_reset */
    SIM_DISK_FAULTS
};

struct sim_disk_request {
    bool write;
    uint64_t first;    /* page on the disk */
    uint32_t segments; /* 1..SIM_DISK_SEGMENTS, one page each */
    frame_t frame[SIM_DISK_SEGMENTS];
    uint64_t tag; /* the caller's */
};

struct sim_disk;

/* Chances in 1024 of each fault for each request; at most `delay` ticks until it is done. */
struct sim_disk_config {
    uint64_t pages;
    uint32_t delay;
    bool reorders;
    uint32_t chance[SIM_DISK_FAULTS];
    uint64_t seed;
};

struct sim_disk *sim_disk_create(const struct sim_disk_config *config);
void sim_disk_destroy(struct sim_disk *disk);

/* Past all faults: what the medium holds. */
uint8_t *sim_disk_medium(struct sim_disk *disk, uint64_t page);

/* The next request has this fault; for tests that choose. */
void sim_disk_inject(struct sim_disk *disk, enum sim_disk_fault fault);

/* Pins the frames.  False: the queue is full, beyond the end, or a frame cannot be pinned: nothing done. */
bool sim_disk_submit(struct sim_disk *disk, const struct sim_disk_request *request);

/* Lets so many ticks of the clock pass, and returns the first request that is done until then, with
 * its frames unpinned; false: none is.  *ok: what the device said; *fault: what happened really, for
 * models only. */
struct sim_disk_done {
    uint64_t tag;
    bool ok;
    enum sim_disk_fault fault;
};
bool sim_disk_next(struct sim_disk *disk, uint32_t ticks, struct sim_disk_done *done);
uint32_t sim_disk_queued(const struct sim_disk *disk);
uint64_t sim_disk_now(const struct sim_disk *disk);

/* All queued requests end now, not OK, in any order; they are told by sim_disk_next. */
void sim_disk_reset(struct sim_disk *disk);

/* NULL, or "D1".."D3". */
const char *sim_disk_check(const struct sim_disk *disk);

#endif
