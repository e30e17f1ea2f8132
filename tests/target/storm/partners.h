/* Those around a storm's callers, so that messages find somebody: a server, a client, two threads
 * that fault, and a meddler that rewrites the first caller's message buffer.  They run in a CSpace
 * of their own and above the callers, whenever there is something to do. */
#ifndef PARTNERS_H
#define PARTNERS_H

#include "random.h"
#include "sandbox.h"

/* `space`: of the callers; the meddler joins it. */
void partners_begin(const struct sandbox *box, uint64_t space, uint64_t seed);
void partners_start(void);
/* Goes on with what was stopped by an answer. */
void partners_wake(void);
void partners_stop(void);
/* Empties their CSpace. */
void partners_end(void);

/* Fills a message buffer, words 4 on, with map items and anything else. */
void partners_fill_buffer(struct random *random);

#endif
