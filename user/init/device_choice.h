/* Which devices programs may open: those that boot arguments name and nobody of ours drives.  Pure. */
#ifndef INIT_DEVICE_CHOICE_H
#define INIT_DEVICE_CHOICE_H

#include "abi.h"
#include "boot_arguments.h"

#define DEVICE_CHOICE_MAX 32u /* that programs may open */

enum device_verdict {
    DEVICE_UNNAMED,
    DEVICE_OPEN,   /* programs may open it */
    DEVICE_DRIVEN, /* named, but a driver of ours has it */
    DEVICE_BESIDE, /* named, but a page of its registers has some of a device that is driven, or was not named */
    DEVICE_TOO_MANY
};

/* Whether the word names the device: all of its name, as far as the kernel tells it. */
bool device_choice_names(const struct boot_word *word, const struct fl_boot_device *device);

/* Decides about each of `count` devices (at most FL_BOOT_DEVICES_MAX).  driven: bit i says that a driver of
 * ours has device i. */
void device_choice_decide(const struct boot_arguments *arguments,
                          const struct fl_boot_device *devices, uint64_t count, uint64_t driven,
                          enum device_verdict verdict[FL_BOOT_DEVICES_MAX]);

#endif
