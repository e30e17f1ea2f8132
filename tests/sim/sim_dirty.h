/* D of all pages, read and cleared as by a pager that writes pages out: a page that a program stored to is
 * told as dirty, by an entry or by its frame. */
#ifndef SIM_DIRTY_H
#define SIM_DIRTY_H

#include "sim.h"

/* Harvests every program and every frame, while other harts go on.  Ends the simulation if a store is not
 * told. */
void sim_dirty_harvest(void);

#endif
