/* Compares the core, the tables and the machine with the model: every byte that a program can see, every
 * right, every attribute, all totals.  Ends the simulation at the first difference. */
#ifndef SIM_COMPARE_H
#define SIM_COMPARE_H

#include "sim.h"

/* What programs see, and where the core keeps it (sim.value_in). */
void sim_compare_programs(void);

/* That, all totals, and all invariants. */
void sim_compare_all(void);

#endif
