/* Starts the pager: the only program that is loaded whole, pinned and never faults.
 *
 * Ends the system when it can't: without a pager there is nothing to run programs with. */
#ifndef INIT_PAGER_START_H
#define INIT_PAGER_START_H

#include "abi.h"

/* Makes the pager's objects and space from the file `pager` of the initrd, fills its CSpace (enum
 * pager_slot), hands it all frames that are left, and runs it.  Our notification and the endpoints
 * exist already; SLOT_PAGER_ROOT and SLOT_PAGER_CNODE are good afterwards. */
void pager_start(const struct fl_boot_info *info);

#endif
