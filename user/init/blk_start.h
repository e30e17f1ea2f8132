/* Starts the disk driver, if there are disks, and gives its client what they share.
 *
 * Disks are virtio-mmio devices (`virtio,mmio` in the device tree) of DeviceID 2, in the order of
 * their addresses; the first BLK_DISKS of them are used. */
#ifndef INIT_BLK_START_H
#define INIT_BLK_START_H

#include "abi.h"
#include "blk.h"
#include "frames.h"
#include "pinned.h"

struct blk_disks {
    unsigned count;          /* disk 0 to count - 1; one that did not start is ENODEV for good */
    uint64_t devices;        /* bit i: the driver has device i of the machine */
    struct frames_run rings; /* a page for each disk */
};

/* Our objects exist already.  limit_ticks: until a silent disk is reset; 0: never.
 * Says what there is, a line for each disk, or in one line that there is none; then nothing is
 * started. */
void blk_start(struct blk_disks *disks, const struct fl_boot_info *info, uint64_t limit_ticks);

/* Maps the rings at BLK_RINGS into the client's space, gives it the driver's endpoint and bell in two
 * slots of its CSpace, and binds the notification by which the driver tells of ends to its thread. */
void blk_give_client(const struct blk_disks *disks, const struct pinned *client, uint64_t endpoint,
                     uint64_t bell);

#endif
