/* A second replacement module, for comparison: no queues, no links, no table; whatever it wants to know it
 * finds by looking at all pages.  Written from the description in replace.h and replace_clockpro.c. */
#ifndef TESTS_REPLACE_NAIVE_H
#define TESTS_REPLACE_NAIVE_H

#include "replace.h"

#define NAIVE_PAGES  64u
#define NAIVE_GHOSTS 1024u

struct naive_page {
    enum replace_state state;
    uint32_t level;
    uint64_t since; /* its place among those of its level, or of the given */
    bool entered, returned, test;
};

struct naive_ghost {
    uint32_t identity;
    uint64_t since;
};

struct naive {
    enum replace_policy policy;
    uint32_t count, buckets;
    struct naive_page page[NAIVE_PAGES];
    bool accessed[NAIVE_PAGES];
    struct naive_ghost ghost[NAIVE_GHOSTS]; /* oldest first */
    uint32_t ghosts, ghost_hand;
    uint64_t now, passed;
    uint32_t hand, sweeps, target;
};

void naive_init(struct naive *naive, uint32_t count, uint32_t ghost_places,
                enum replace_policy policy);
void naive_switch(struct naive *naive, enum replace_policy policy);
void naive_add(struct naive *naive, uint32_t page, uint32_t identity, bool given);
void naive_settle(struct naive *naive, uint32_t page);
void naive_hold(struct naive *naive, uint32_t page);
void naive_put_back(struct naive *naive, uint32_t page);
uint32_t naive_victim(struct naive *naive);
void naive_evict(struct naive *naive, uint32_t page, uint32_t identity);
void naive_remove(struct naive *naive, uint32_t page);

#endif
