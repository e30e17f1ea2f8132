/* Requests: messages that were received and are not answered yet, faults and calls alike.
 *
 * A request has a token below WAIT_RECORDS.  Its Reply is in the slot of that number, and while it is
 * parked (core/wait.h) its message lies here as it came.  One token has no request: its Reply is the
 * one to receive with.
 *
 *  R1  a Reply holds a thread only while its token's record in the core is not free, or it is that
 *      of the message that is handled now: a thread that is deleted leaves its Reply idle, and the
 *      record goes with its space;
 *  R2  a parked message has no bytes in the message buffer, which the next message overwrites: calls
 *      that bring bytes do not wait. */
#ifndef PAGER_REQUEST_H
#define PAGER_REQUEST_H

#include "pager.h"

static inline uint64_t request_reply(uint32_t token)
{
    return PAGER_SLOT_REPLIES + (uint64_t)token;
}
_Static_assert((int)PAGER_SLOT_REPLIES_END - (int)PAGER_SLOT_REPLIES == WAIT_RECORDS,
               "a Reply for each token");

/* Keeps a message, unchanged since it came, until what the core said it waits for is there.  Then
 * pager->running is WAIT_NONE: there is nothing to answer.  False: no token is left for it. */
bool request_park(struct pager *pager, struct space *space, const struct fl_message *message);

/* Answers the request that now runs.  Afterwards its Reply is idle. */
void request_answer(struct pager *pager, struct fl_message *answer);

/* The kernel refused an answer with `status`: goes on until it has taken one, or the thread is gone. */
void request_refused(struct pager *pager, uint64_t status, struct fl_message *answer);

/* Makes *message the answer that leaves a thread where it is. */
void request_answer_stop(struct fl_message *message);

/* Stops a program: queues the event, tells the root task, and answers so. */
void request_stop(struct pager *pager, struct space *space, const struct space_event *event,
                  struct fl_message *message);

/* Tells the root task of programs that were ended for want of memory, if there are new ones. */
void request_tell_ended(struct pager *pager);

/* The live space that the badge of a fault or a program names, or NULL. */
static inline struct space *request_space(const struct pager *pager, uint64_t badge)
{
    return space_find(&pager->vm, (uint32_t)badge, (uint32_t)(badge >> 32) & SPACE_GENERATION_MASK);
}

#endif
