/* Compares the core, the tables and the machine with the model: every byte that a program can see, every
 * right, every attribute, all totals.  Ends the simulation at the first difference. */
#ifndef SIM_COMPARE_H
#define SIM_COMPARE_H

#include "sim.h"

/* What programs see, and where the core keeps it (sim.value_in). */
void sim_compare_programs(void);

/* That, all totals, and all invariants.  handled: the core or the tables changed since the last time, beside
 * A and D; else those of the harts are enough. */
void sim_compare_all(bool handled);

#endif
