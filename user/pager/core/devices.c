/* Names of devices and disks: see devices.h. */
#include "devices.h"

#include <string.h>

#include "boot_device.h"
#include "swap.h"
#include "text.h"

_Static_assert(sizeof "/dev/@" + sizeof((struct fl_boot_device *)0)->compatible - 1 + 16 <=
                   DEVICES_PATH_BYTES,
               "every path fits");

size_t devices_path(const struct devices *devices, uint32_t device, char out[DEVICES_PATH_BYTES])
{
    const struct fl_boot_device *told = &devices->told[device];
    const char *slash = strrchr(told->compatible, '/');

    return text_format(out, DEVICES_PATH_BYTES, "/dev/%s@%lx", slash ? slash + 1 : told->compatible,
                       told->physical);
}

bool devices_find(const struct devices *devices, const char *path, uint32_t *device)
{
    char own[DEVICES_PATH_BYTES];

    if (strncmp(path, "/dev/", 5) != 0)
        return false;
    for (*device = 0; *device < devices->count; ++*device) {
        devices_path(devices, *device, own);
        if (strcmp(path, own) == 0)
            return true;
    }
    return false;
}

uint64_t devices_bytes(const struct devices *devices, uint32_t device)
{
    return boot_device_pages(&devices->told[device]) * FL_PAGE_BYTES;
}

size_t devices_disk_path(uint32_t disk, char out[DEVICES_PATH_BYTES])
{
    return text_format(out, DEVICES_PATH_BYTES, SWAP_DISK_PATH "%c", (char)('a' + disk));
}

bool devices_find_disk(const struct devices *devices, const char *path, uint32_t *disk)
{
    char own[DEVICES_PATH_BYTES];

    for (*disk = 0; *disk < devices->disks; ++*disk) {
        devices_disk_path(*disk, own);
        if (strcmp(path, own) == 0)
            return true;
    }
    return false;
}
