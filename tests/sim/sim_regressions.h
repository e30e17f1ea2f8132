/* Traces that found a defect, shrunk. */
#ifndef SIM_REGRESSIONS_H
#define SIM_REGRESSIONS_H

#include <stdint.h>

struct sim_regression {
    const char *what; /* was wrong */
    const char *id;   /* sim_trace.h */
};

extern const struct sim_regression sim_regressions[];
extern const uint32_t sim_regression_count;

#endif
