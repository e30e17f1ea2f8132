/* Devices and the interrupt controller: the part of struct machine that names them (M6, M7). */
#ifndef DRIVERS_DEVICES_H
#define DRIVERS_DEVICES_H

#include "machine.h"

/* Children of the root that more than one part of the machine is read from.  constant, name */
#define MACHINE_PLACES(X) \
    X(CHOSEN, "chosen")   \
    X(ALIASES, "aliases") \
    X(CPUS, "cpus")       \
    X(RESERVED, "reserved-memory")

enum machine_place {
#define MACHINE_PLACE(constant, name) PLACE_##constant,
    MACHINE_PLACES(MACHINE_PLACE)
#undef MACHINE_PLACE
        PLACE_COUNT
};

/* Where they are, the first of each name; node name NULL = there is none. */
struct machine_places {
    struct fdt_node at[PLACE_COUNT];
};

/* Fills machine->plic, machine->devices and their counts from an opened tree; banks, reserved ranges
 * and harts of *machine are there already.  A malformed node is passed over: nothing here is an
 * error. */
void devices_read(struct machine *machine, const struct fdt *tree,
                  const struct machine_places *places);

#endif
