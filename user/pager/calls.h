/* A call of a program or of the root task while the pager answers it. */
#ifndef PAGER_CALLS_H
#define PAGER_CALLS_H

#include <string.h>

#include "pager.h"

struct call {
    struct pager *pager;
    struct space *space; /* the caller's (programs), or the one that word 0 names (the root task) */
    uint64_t in[4];
    uint64_t sent;  /* words of the call, with those in the buffer */
    uint64_t *out;  /* words 1..3 of the answer */
    uint64_t words; /* of the answer, with those in the buffer */
    bool final;     /* not to be made again, whatever it lacked */
};

/* The bytes of the message: those of the call, until the answer's take their place. */
static inline char *calls_buffer(void)
{
    return fl_buffer_data();
}

/* Bytes that the call brought in the buffer. */
static inline uint64_t calls_sent_bytes(const struct call *call)
{
    return call->sent > 4 ? (call->sent - 4) * 8 : 0;
}

/* Announces that so many bytes of the buffer belong to the answer.  Words travel, and the rest of the
 * last one may be another caller's. */
static inline void calls_send_bytes(struct call *call, uint64_t bytes)
{
    memset(calls_buffer() + bytes, 0, -bytes % 8);
    call->words = 4 + (bytes + 7) / 8;
}

#endif
