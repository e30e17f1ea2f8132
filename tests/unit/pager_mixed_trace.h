/* A trace of everything that programs can do to memory, against a model that knows for each page of each
 * program what lies under it and what was written.  After each step all that is in the page tables shows
 * what the model says, and all invariants hold; at the end nothing is lost.
 *
 * Who runs one makes its choices: at random (pager_mixed_random_test.c), or by a fuzzer's bytes. */
#ifndef PAGER_MIXED_TRACE_H
#define PAGER_MIXED_TRACE_H

#include <stdbool.h>
#include <stdint.h>

struct mixed_trace {
    uint32_t (*pick)(void *context, uint32_t below); /* 0 to below - 1 */
    bool (*goes_on)(void *context);                  /* asked before each step */
    void *context;
    uint64_t world;  /* how the machine is: where the file lies, how fork goes, what is promised */
    uint32_t frames; /* free ones, and one more; 0: plenty */
    uint32_t steps;  /* at most */
};

/* Returns how many steps failed for want of memory.  What is wrong fails the test. */
uint32_t mixed_trace_run(const struct mixed_trace *trace);

#endif
