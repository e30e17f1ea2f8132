/* A trace against the pager's own policies: a memory of so many frames, with accessed bits. */
#ifndef REPLACE_REPLAY_H
#define REPLACE_REPLAY_H

#include "replace.h"
#include "page_trace.h"

struct replay {
    uint32_t misses;
    uint32_t victims;
    uint64_t looks;      /* at accessed bits */
    uint32_t looks_most; /* for one victim */
};

/* given: a page that comes in is given to its fault, so that the access that faulted is not counted. */
struct replay replay_trace(const struct page_trace *trace, enum replace_policy policy,
                           uint32_t frames, bool given);

#endif
