/* Which pages the capability for a device covers (struct fl_boot_device): whole ones, from the one
 * that its first register lies in. */
#ifndef COMMON_BOOT_DEVICE_H
#define COMMON_BOOT_DEVICE_H

#include "abi.h"

static inline uint64_t boot_device_first_page(const struct fl_boot_device *device)
{
    return device->physical / FL_PAGE_BYTES;
}

static inline uint64_t boot_device_pages(const struct fl_boot_device *device)
{
    return (device->physical % FL_PAGE_BYTES + device->bytes + FL_PAGE_BYTES - 1) / FL_PAGE_BYTES;
}

#endif
