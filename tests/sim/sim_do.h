/* Does steps. */
#ifndef SIM_DO_H
#define SIM_DO_H

#include "sim.h"

/* One step, and then the comparison. */
void sim_do_step(const struct sim_step *step);

/* A whole trace, from start to end. */
void sim_do_trace(const struct sim_config *config, const struct sim_step *steps, uint32_t count);

#endif
