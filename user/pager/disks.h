/* The pager's side of the disk driver: requests of the core to the rings, their ends back.
 *
 * A frame is pinned from the request to its end, in a CNode of its own for the Pins; a run of frames has
 * one Pin.  A disk whose first page carries a swap header is used for swap from the start on: its header is
 * read first, into a page that is a stray as long (core/page.h), so that whoever finds no frame meanwhile waits.
 *
 *  D1  a request of the core, and the header of a disk, has the Pins of its own places in that CNode and no
 *      others, all of them empty when it has ended;
 *  D2  before the pager receives, each request is published, and each disk with a request was asked for a
 *      signal.
 * A device that was told to reset and may still write to memory ends the system with a line that says so:
 * there is no IOMMU to keep it away. */
#ifndef PAGER_DISKS_H
#define PAGER_DISKS_H

#include "pager.h"

/* Finds the disks, if the root task gave us a driver, and asks for their first pages. */
void disks_start(struct pager *pager);

/* The core's port: vm_port.submit. */
bool disks_submit(void *context, const struct vm_io *io);

/* Gives the driver what was submitted and takes what has ended.  True: something has; look again.  Else a
 * signal comes with the next end. */
bool disks_look(struct pager *pager);

#endif
