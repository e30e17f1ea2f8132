/* The names below /dev: devices that programs may open, /dev/COMPATIBLE@ADDRESS, and disks, /dev/vda.
 *
 * The list of devices is there before the core starts and never changes.  Whoever boots the machine decides
 * what is in it, nobody here: who holds the registers of a device with DMA holds all memory.  Disks are found
 * by the driver of the core, before any program runs; nobody opens them, but SWAPON knows their names. */
#ifndef PAGER_DEVICES_H
#define PAGER_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

#define DEVICES_DISKS 8u

struct devices {
    const struct fl_boot_device *told; /* `count` of them */
    uint32_t count;
    uint32_t first_slot; /* device i is mapped from slot first_slot + i, as vm_mapping.slot */
    uint32_t disks;
    uint64_t disk_bytes[DEVICES_DISKS];
};

/* "/dev/", a name of at most 47 bytes, "@", 16 digits, NUL. */
#define DEVICES_PATH_BYTES 70u

/* Writes the path of device number `device`, with a NUL: the last component of its name in the device
 * tree and its physical address in hexadecimal digits.  Returns its length without the NUL. */
size_t devices_path(const struct devices *devices, uint32_t device, char out[DEVICES_PATH_BYTES]);

/* The device that has this path (NUL-terminated).  False: none has. */
bool devices_find(const struct devices *devices, const char *path, uint32_t *device);

/* The path of disk number `disk`, with a NUL.  Returns its length without the NUL. */
size_t devices_disk_path(uint32_t disk, char out[DEVICES_PATH_BYTES]);

/* The disk that has this path (NUL-terminated).  False: none has. */
bool devices_find_disk(const struct devices *devices, const char *path, uint32_t *disk);

/* The size of its registers, in bytes of whole pages. */
uint64_t devices_bytes(const struct devices *devices, uint32_t device);

#endif
