/* Devices and the interrupt controller: the part of struct machine that names them (M6, M7). */
#ifndef DRIVERS_DEVICES_H
#define DRIVERS_DEVICES_H

#include "machine.h"

/* Fills machine->plic, machine->devices and their counts from an opened tree; banks, reserved ranges
 * and harts of *machine are there already.  A malformed node is passed over: nothing here is an
 * error. */
void devices_read(struct machine *machine, const struct fdt *tree);

#endif
