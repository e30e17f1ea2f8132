/* Traces that found a defect: see sim_regressions.h. */
#include "sim_regressions.h"

const struct sim_regression sim_regressions[] = {
    {"one thread reads the old frame while another writes the new one",
     "752:4294967409:brk.0.0.0.0.2/serve/access.0.0.0.0.1/serve.0.0.0.0.0.0.1250489462/remap/"
     "access.0.0.0.3/serve.0.0.1.0.0.0.1054115037"},
    {"a fault that wants two frames takes the same one for ever while a program is ending",
     "1800:4294967297:fork/serve/fork/map.0.0.2.0.3.2/map.0.0.0.0.3/serve.0.0.1/shortage/serve/"
     "access.0.0.3/map.0.0.0.0.4/serve/serve.0.0.3/access/event/serve.0.0.1/access/event/serve"},
};

const uint32_t sim_regression_count = sizeof(sim_regressions) / sizeof(sim_regressions[0]);
