/* Traces that found a defect: see sim_regressions.h. */
#include "sim_regressions.h"

const struct sim_regression sim_regressions[] = {
    {"a first test of the test", "0:0:map/serve/access/serve/access"},
};

const uint32_t sim_regression_count = sizeof(sim_regressions) / sizeof(sim_regressions[0]);
