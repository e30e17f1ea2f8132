/* What of the machine's devices the pager gets, so that programs can open it. */
#ifndef INIT_DEVICE_GRANTS_H
#define INIT_DEVICE_GRANTS_H

#include "device_choice.h"

struct device_grants {
    unsigned count;
    uint64_t index[DEVICE_CHOICE_MAX]; /* the capability is in slot FL_BOOT_DEVICES + index */
};

/* Decides by the boot arguments.  Says of each device that they name what becomes of it, and of each
 * name that is no device's which names there are.  driven: bit i says that a driver of ours has
 * device i. */
void device_grants_make(struct device_grants *grants, const struct fl_boot_info *info,
                        const struct boot_arguments *arguments, uint64_t driven);

/* Writes what the pager is told of them, `count` records. */
void device_grants_describe(const struct device_grants *grants, struct fl_boot_device *out);

#endif
