/* Starts the pager.
 *
 * Ends the system when it can't: without a pager there is nothing to run programs with. */
#ifndef INIT_PAGER_START_H
#define INIT_PAGER_START_H

#include <stdbool.h>

#include "abi.h"
#include "blk_start.h"
#include "boot_arguments.h"
#include "device_grants.h"

/* Makes the pager's objects and space from the file `pager` of the initrd, fills its CSpace (enum
 * pager_slot), hands it all frames that are left, and runs it.  has_console: its log goes to the
 * console driver; words: how much memory it gets; grants: the devices that programs may open.  Our notification, the endpoints, its TCB and its space exist already; SLOT_PAGER_ROOT and SLOT_PAGER_CNODE are good afterwards. */
void pager_start(const struct fl_boot_info *info, const struct boot_arguments *words,
                 bool has_console, const struct device_grants *grants,
                 const struct blk_disks *disks);

#endif
