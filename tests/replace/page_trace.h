/* Page-reference traces: made here from a seed, or recorded from programs (record.py). */
#ifndef REPLACE_PAGE_TRACE_H
#define REPLACE_PAGE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_TRACE_GENERATED 5u

struct page_trace {
    char name[40];
    uint32_t *reference; /* page numbers below `pages` */
    uint32_t count;
    uint32_t pages; /* each of them is referenced */
};

/* Makes generated trace number `which`, below PAGE_TRACE_GENERATED.  The same in each run. */
struct page_trace page_trace_generate(uint32_t which);

/* Reads a recorded trace.  False: there is no such file, or it is no trace; the reason is on stderr. */
bool page_trace_read(struct page_trace *trace, const char *path);

void page_trace_free(struct page_trace *trace);

#endif
