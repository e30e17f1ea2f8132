/* What no policy can beat, and two policies that no pager can have: misses of a trace in a memory of so
 * many frames, which is empty at first.  frames: at least 1. */
#ifndef REPLACE_OPTIMUM_H
#define REPLACE_OPTIMUM_H

#include <stdint.h>

/* Belady's optimum: the page leaves whose next reference is farthest away. */
uint32_t optimum_misses(const uint32_t *reference, uint32_t count, uint32_t pages, uint32_t frames);

/* The page leaves that was referenced last longest ago, each reference known. */
uint32_t exact_lru_misses(const uint32_t *reference, uint32_t count, uint32_t pages,
                          uint32_t frames);

/* The page leaves with fewest references since it came in; of equal ones the one last referenced longest ago. */
uint32_t exact_lfu_misses(const uint32_t *reference, uint32_t count, uint32_t pages,
                          uint32_t frames);

#endif
