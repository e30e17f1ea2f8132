/* The pager's side of the disk driver: requests of the core to the rings, their ends back.
 *
 * A frame is pinned from the request to its end (pins.h).  A disk whose first page carries a swap header is used for swap from the start on, unless the
 * setting `swap-auto` is off, or from a swapon on: its header is read first, into a page that is a stray as
 * long (core/page.h), so that whoever finds no frame meanwhile waits.
 *
 *  D1  the frames of a request of the core, or of a disk's header, are pinned until its end;
 *  D2  before the pager receives, each request is published, and each disk with a request was asked for a
 *      signal.
 * A device that was told to reset and may still write to memory ends the system with a line that says so:
 * there is no IOMMU to keep it away. */
#ifndef PAGER_DISKS_H
#define PAGER_DISKS_H

#include "pager.h"

/* Finds the disks, if the root task gave us a driver, names them (core/devices.h), and asks for their first
 * pages. */
void disks_start(struct pager *pager);

/* Before the first message is received: until these pages have come, so that the first program finds all swap in
 * use; for so many ticks at most, and then they are used when they come. */
void disks_await_headers(struct pager *pager, uint64_t ticks);

/* SWAPON of a program.  0; ENODEV (no such disk); EBUSY (it is in use, or somebody else's swapon is on its
 * way); EINVAL, and *reason says why it is none; EPERM (there are SWAP_AREAS areas); ENOMEM; EIO;
 * EINPROGRESS: to be parked, its header is read. */
struct disks_swap_on {
    const struct space *space;
    uint64_t disk;
    int32_t priority;
    uint32_t discards; /* SWAP_DISCARD_*; a disk that cannot discard is used without */
};
int disks_swap_on(struct pager *pager, const struct disks_swap_on *request, const char **reason);

/* SWAPOFF of a program.  0; ENODEV; EINVAL (it is not in use); as vm_swap_off_call. */
int disks_swap_off(struct pager *pager, const struct space *space, uint64_t disk);

/* Headers that are read now: requests that the core knows nothing of. */
uint32_t disks_headers(void);

/* Tells of pages that were lost, on a disk or compressed, the last one first. */
void disks_tell_mishaps(struct pager *pager);

/* The core's port: vm_port.submit, vm_port.discard. */
bool disks_submit(void *context, const struct vm_io *io);
bool disks_discard(void *context, uint32_t disk, uint64_t first, uint32_t pages);

/* Gives the driver what was submitted and takes what has ended.  True: something has; look again.  Else a
 * signal comes with the next end. */
bool disks_look(struct pager *pager);

#endif
