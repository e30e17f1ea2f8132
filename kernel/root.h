/* The root task: made by the kernel once, out of the first frames of RAM. */
#ifndef KERNEL_ROOT_H
#define KERNEL_ROOT_H

#include "machine.h"
#include "ranges.h"

/* Makes the root task and its capabilities, makes it the current thread.  Panics when RAM is short.
 */
void root_start(const struct machine *machine, const struct ranges *ram);

#endif
