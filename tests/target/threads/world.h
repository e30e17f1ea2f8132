/* A root task above the real pager that gives spaces several threads, which programs cannot have yet.
 *
 * The world starts the pager as the system's root task does, from the initrd, and plays process server:
 * it makes spaces, binds threads to them by capability, forks and destroys them.
 *
 *  W1  a space's threads and the world's copies of its capabilities are gone before the space is
 *      destroyed;
 *  W2  every frame that the world takes from the pager goes back with the space it was for. */
#ifndef THREADS_WORLD_H
#define THREADS_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "../../../user/init/pager_client.h"
#include "worker.h"

#define WORLD_THREADS 3u /* most of a space */
#define WORLD_SPACES  3u /* most at a time */

#define WORLD_FRAMES 2u /* of a space */

/* One space; its threads are stopped until world_run. */
struct world_space {
    uint64_t name; /* as the pager calls it */
    uint64_t slots;
    struct pager_frames frames[WORLD_FRAMES]; /* CNode, TCBs */
    unsigned threads;
};

/* Starts the pager, once; does nothing after that. */
void world_start(void);

/* A space with the worker loaded and so many threads. */
struct world_space *world_create(unsigned threads);

/* Runs thread `thread` in a role. */
void world_run(const struct world_space *space, unsigned thread, enum worker_role role);

/* mlockall(MCL_CURRENT), called for the program. */
void world_wire(const struct world_space *space);

/* Waits until a thread tells something; ends the suite unless it is of `space`.  The thread waits in
 * its fault for ever. */
enum worker_verdict world_hear(const struct world_space *space);

/* The oldest thing that a thread told; WORKER_STARVED if the pager stopped it for want of a frame.
 * NULL: nothing. */
struct world_space *world_poll(enum worker_verdict *verdict);

/* Takes frames away from the pager, or gives some back, until `left` are free; 0 gives all back. */
void world_limit(uint64_t left);

/* Lets the threads below the root task's priority run so many ticks of `time`. */
void world_wait(uint64_t ticks);

/* A copy of the space with `threads` threads; NULL: the pager said ENOMEM. */
struct world_space *world_fork(const struct world_space *parent, unsigned threads);

/* What the world does to the parent's threads while the pager forks. */
enum world_blow {
    WORLD_KILL,     /* deletes them */
    WORLD_INTERRUPT /* lets them run before the pager for some time */
};

/* The same, called from a second thread of the world: the blow comes `ticks` after the call, wherever
 * the pager is then.  *took: ticks until the answer came. */
struct world_space *world_fork_under(struct world_space *parent, enum world_blow blow,
                                     uint64_t ticks, uint64_t *took);

/* Deletes threads, and then the space. */
void world_kill_threads(struct world_space *space);
void world_destroy(struct world_space *space);

uint64_t world_harts(void);
/* The number behind a name in the boot arguments. */
uint64_t world_argument(const char *name, uint64_t otherwise);
/* A counter of the pager, enum pager_statistic. */
uint64_t world_statistic(unsigned which);

#endif
