/* Accesses of threads, and what they must see.
 *
 * Between two steps an access that goes through without a fault reads what the model says, and writes what
 * nobody else sees.  In the middle of a call of the pager it came
 *   - before the call, where the frame is the one of the model's state before: what it wrote the call finds,
 *     copies or drops, and a child of fork sees it;
 *   - after the call, where the frame is one that the call just made or mapped: it is deferred until the
 *     model has made the call's change.
 * A store to a private page of a file gets a copy, and other threads read the file's page until the entry of
 * the copy is there: what is written to the file in between they see and then no more, as in any system that
 * does not stop them.
 *
 * While a call copies bytes, or pages of files ahead of their faults, nobody looks at what it copies from or
 * to: whether that was before or after the copy nothing tells. */
#ifndef SIM_ACCESS_H
#define SIM_ACCESS_H

#include "sim.h"

/* An access by a thread that runs, on a hart, with the kernel's look at a fault.  False: it faults. */
bool sim_access_try(const struct sim_process *process, uint32_t hart,
                    const struct sim_access *access);

/* The pager begins to handle a message; and is done with it, the model too: what was deferred is made up. */
void sim_access_begin_call(void);
void sim_access_end_call(void);

/* A fault is about to be resolved: what the page shows now may be read until the reply is done. */
void sim_access_note_fault(const struct sim_page *page);

/* For sim_machine_set_meanwhile. */
void sim_access_meanwhile(void *context);

/* For the port: pages are about to be mapped in the call. */
void sim_access_note_map(const struct space *space, const struct vm_mapping *mapping);

#endif
