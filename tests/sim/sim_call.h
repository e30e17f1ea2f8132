/* The calls of programs: each is made to the core, its answer is compared with what the model says, and then
 * the model changes.
 *
 * Where a call may do a part of what it was asked for, for want of memory or of a page that is on its way,
 * the model follows the core page by page, and may only where there is a reason. */
#ifndef SIM_CALL_H
#define SIM_CALL_H

#include "sim.h"

/* Makes the call of a step, which is one of them.  EINPROGRESS: it waits; else it is answered. */
int sim_call_make(struct sim_process *process, const struct sim_step *step);

/* ---- for the files that do so ---- */

/* Pages of a step, inside one window. */
struct sim_range {
    uint32_t first;
    uint32_t count;
};
struct sim_range sim_call_range(const struct sim_step *step);

/* What a call may take: reasons for it to fail. */
struct sim_need {
    uint32_t frames;   /* beside a few for records */
    uint64_t promised; /* pages */
    bool of_files;     /* pages of files: strict promises to programs come first */
};

/* Compares the error.  True: the call did what it was asked for; false: it did nothing. */
bool sim_call_judge(int error, int expected, const struct sim_need *need);

/* True if there is a reason for something that takes so many frames to fail. */
bool sim_call_may_fail(const struct sim_need *need);

/* True if a call may wait for frames. */
bool sim_call_is_short(void);

/* True if what fills pages ahead had no reason to stop. */
bool sim_call_fills_all(void);

/* Follows what the core did with a page that it may have touched as `access` does. */
void sim_call_observe(struct sim_process *process, uint32_t page, uint32_t access);

/* Before a call that may fill pages of a process: what it copies from is left alone by others. */
void sim_call_guard(const struct sim_process *process);

/* Follows the filling of pages ahead of faults.  must: all of them. */
void sim_call_fill(struct sim_process *process, struct sim_range range, bool must);

/* True if the page must be fetched before it can be used. */
bool sim_call_is_missing(const struct sim_process *process, uint32_t page);

bool sim_call_has_room(const struct sim_process *process, enum limit_kind kind, uint32_t more,
                       struct sim_range without);

/* The first free range of the upper window, where the core puts what has no address; SIM_PAGES: it would
 * go beyond. */
uint32_t sim_call_find_gap(const struct sim_process *process, uint32_t count);

bool sim_call_is_free(const struct sim_process *process, struct sim_range range);
bool sim_call_is_covered(const struct sim_process *process, struct sim_range range);

int sim_call_map(struct sim_process *process, const struct sim_step *step);   /* sim_map.c */
int sim_call_remap(struct sim_process *process, const struct sim_step *step); /* sim_remap.c */
int sim_call_resident(struct sim_process *process,
                      const struct sim_step *step); /* sim_transfer.c */
int sim_call_read(struct sim_process *process, const struct sim_step *step);
int sim_call_write(struct sim_process *process, const struct sim_step *step);
int sim_call_truncate(struct sim_process *process, const struct sim_step *step);
int sim_call_swap_off(struct sim_process *process, const struct sim_step *step); /* sim_swap.c */
int sim_call_fork(struct sim_process *process, const struct sim_step *step);     /* sim_pager.c */

#endif
