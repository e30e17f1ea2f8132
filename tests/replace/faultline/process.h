/* The part of <faultline/process.h> that recorded programs use, for the host: all counters are 0, so that a trace
 * holds the references of the program and not those of counting. */
#ifndef FAULTLINE_PROCESS_H
#define FAULTLINE_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

enum faultline_source { FAULTLINE_KERNEL, FAULTLINE_PAGER };

static inline int faultline_counter(enum faultline_source source, unsigned which, uint64_t *value)
{
    (void)source, (void)which;
    *value = 0;
    return 0;
}

#endif
