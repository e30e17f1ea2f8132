/* What machines with swap have beside the others: disks with swap areas, the store of compressed pages, same-page
 * merging and load control, below the programs of the simulation.
 *
 *   core --submit--> swap disks: requests end late, in any order, badly or never, until the disk is reset
 *     ^                 |
 *     +--vm_io_done-----+   with what really happened noted for each page of each disk
 *
 * The model knows nothing of all this: a page that is out holds what its program wrote last.  It may be told
 * unreadable only if
 *
 *  W1  its leaf names a slot, and the last write that ended there was not good, or the last read was not, or
 *      a misplaced request hit the slot at any time since its disk was taken.
 *
 * Where pages are on their way the totals must be (sim_compare.c):
 *
 *  W2  pages that are busy, stray or being written = fetches of the file + pages of swap requests;
 *  W3  frames in objects = values that were seen in a frame + pages of the fetched file;
 *  W4  at the end no slot, handle, merged page, request or pin is left. */
#ifndef SIM_SWAP_H
#define SIM_SWAP_H

#include "sim.h"

/* Begins with an area, or the store, or both, as the machine's number says. */
void sim_swap_begin(void);

/* All programs are gone: so are all requests, areas, and the store. */
void sim_swap_end(void);

/* Sets the random choices of the disks for a step. */
void sim_swap_seed(uint64_t seed);

/* Ticks pass for the disks; requests that ended are told to the core. */
void sim_swap_poll(uint32_t ticks);

/* What reclaim and load control do after each message.  fault: it was one. */
void sim_swap_reclaim(bool fault);

/* A step of SIM_SWAP_STEPS that is no call. */
void sim_swap_step(const struct sim_step *step);

/* W1: true if the page may be told unreadable. */
bool sim_swap_may_be_lost(const struct sim_process *process, uint32_t page);

/* True for a frame that is nobody's own: a merged page, or the page of zeros. */
bool sim_swap_is_shared(const struct vm_mapping *mapping);

/* Pages of requests that have not ended. */
uint32_t sim_swap_pages(void);

/* NULL, or what is wrong with the disks. */
const char *sim_swap_check(void);

#endif
