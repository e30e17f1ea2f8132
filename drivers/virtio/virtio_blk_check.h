/* Checkers of virtqueues and disks: the first invariant found broken, by its name, or NULL. */
#ifndef DRIVERS_VIRTIO_BLK_CHECK_H
#define DRIVERS_VIRTIO_BLK_CHECK_H

#include "virtio_blk.h"

const char *virtq_check(const struct virtq *queue);
const char *virtio_blk_check(const struct virtio_blk *blk);

#endif
