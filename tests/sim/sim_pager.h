/* The pager's loop around the core, as user/pager/main.c and request.c have it: messages in order of arrival,
 * one at a time; requests that wait are parked under a token and start again from their first step; and what
 * the root task does: it ends programs that were stopped. */
#ifndef SIM_PAGER_H
#define SIM_PAGER_H

#include "sim.h"

/* The machine, the open files, one process. */
void sim_pager_begin(const struct sim_config *config);

/* All processes end and all files are closed: every frame and promise is back. */
void sim_pager_end(void);

/* A thread's access faulted, or it makes the call of a step: its message goes to the queue. */
void sim_pager_send_fault(uint32_t thread);
void sim_pager_send_call(uint32_t thread, const struct sim_step *step);

/* Handles the message that came first, and then all that came to be ready. */
void sim_pager_serve(void);

/* Starts again what is ready; after anything but a message that may have made it so. */
void sim_pager_attend(void);

/* Ends a process as the root task does. */
void sim_pager_destroy(struct sim_process *process);

/* The root task reads an event and ends the program; and starts one when none lives. */
void sim_pager_next_event(void);

/* A new empty file takes the place of one that is open. */
void sim_pager_replace_file(uint32_t file);

/* Takes frames until so many are free; gives all back. */
void sim_pager_take_frames(uint32_t left);
void sim_pager_give_frames(void);

#endif
