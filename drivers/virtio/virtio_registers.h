/* Registers of virtio-mmio, feature bits, and the block device's configuration: what the driver's
 * files share.  Spec: Virtual I/O Device 1.2, 4.2.2 (4.2.4 for version 1), 2.1, 6, 5.2.3, 5.2.4. */
#ifndef DRIVERS_VIRTIO_REGISTERS_H
#define DRIVERS_VIRTIO_REGISTERS_H

#include "virtio_blk.h"

#define VIRTIO_MAGIC   0x74726976u
#define VIRTIO_LEGACY  1u /* versions */
#define VIRTIO_MODERN  2u
#define VIRTIO_ID_DISK 2u

enum virtio_register {
    REGISTER_MAGIC = 0x000,
    REGISTER_VERSION = 0x004,
    REGISTER_DEVICE_ID = 0x008,
    REGISTER_DEVICE_FEATURES = 0x010,
    REGISTER_DEVICE_FEATURES_SELECT = 0x014,
    REGISTER_DRIVER_FEATURES = 0x020,
    REGISTER_DRIVER_FEATURES_SELECT = 0x024,
    REGISTER_GUEST_PAGE_BYTES = 0x028, /* legacy */
    REGISTER_QUEUE_SELECT = 0x030,
    REGISTER_QUEUE_SIZE_MAX = 0x034,
    REGISTER_QUEUE_SIZE = 0x038,
    REGISTER_QUEUE_ALIGN = 0x03c, /* legacy */
    REGISTER_QUEUE_PAGE = 0x040,  /* legacy */
    REGISTER_QUEUE_READY = 0x044,
    REGISTER_QUEUE_NOTIFY = 0x050,
    REGISTER_INTERRUPT_STATUS = 0x060,
    REGISTER_INTERRUPT_ACK = 0x064,
    REGISTER_STATUS = 0x070,
    REGISTER_QUEUE_DESCRIPTORS = 0x080, /* low word; the high one follows */
    REGISTER_QUEUE_DRIVER = 0x090,
    REGISTER_QUEUE_DEVICE = 0x0a0,
    REGISTER_GENERATION = 0x0fc,
    REGISTER_CONFIG = 0x100
};

/* The block device's, from REGISTER_CONFIG on. */
enum virtio_blk_config {
    CONFIG_SECTORS = 0x00, /* 64 bits */
    CONFIG_SIZE_MAX = 0x08,
    CONFIG_SEGMENTS_MAX = 0x0c,
    CONFIG_BLOCK_BYTES = 0x14,
    CONFIG_DISCARD_SECTORS = 0x24,
    CONFIG_DISCARD_RANGES = 0x28,
    CONFIG_ZEROES_SECTORS = 0x30,
    CONFIG_ZEROES_RANGES = 0x34
};

enum virtio_status {
    STATUS_ACKNOWLEDGE = 1,
    STATUS_DRIVER = 2,
    STATUS_DRIVER_OK = 4,
    STATUS_FEATURES_OK = 8,
    STATUS_NEEDS_RESET = 64,
    STATUS_FAILED = 128
};

enum virtio_interrupt { INTERRUPT_USED = 1, INTERRUPT_CONFIG = 2 };

#define FEATURE(bit)         (1ull << (bit))
#define FEATURE_SIZE_MAX     FEATURE(1)
#define FEATURE_SEGMENTS_MAX FEATURE(2)
#define FEATURE_READ_ONLY    FEATURE(5)
#define FEATURE_BLOCK_BYTES  FEATURE(6)
#define FEATURE_FLUSH        FEATURE(9)
#define FEATURE_DISCARD      FEATURE(13)
#define FEATURE_WRITE_ZEROES FEATURE(14)
#define FEATURE_INDIRECT     FEATURE(28)
#define FEATURE_EVENT_INDEX  FEATURE(29)
#define FEATURE_VERSION_1    FEATURE(32)

static inline uint32_t virtio_get(const struct virtio_blk *blk, uint32_t offset)
{
    return blk->port.read(blk->port.context, offset);
}

static inline void virtio_set(const struct virtio_blk *blk, uint32_t offset, uint32_t value)
{
    blk->port.write(blk->port.context, offset, value);
}

/* Whether a disk is at the registers.  Of another device, or of none, no more is read than tells. */
static inline bool virtio_is_disk(const struct virtio_port *port)
{
    uint32_t version;

    if (port->read(port->context, REGISTER_MAGIC) != VIRTIO_MAGIC)
        return false;
    version = port->read(port->context, REGISTER_VERSION);
    return (version == VIRTIO_LEGACY || version == VIRTIO_MODERN) &&
           port->read(port->context, REGISTER_DEVICE_ID) == VIRTIO_ID_DISK;
}

/* Resets the device.  Returns: false when it does not confirm that. */
bool virtio_blk_quiet(const struct virtio_blk *blk);

/* From a device that is reset to one that serves an empty queue; fills version's, features', queue's
 * and geometry's part of *blk.  With anything but STARTED the device is told FAILED. */
enum virtio_blk_start virtio_blk_bring_up(struct virtio_blk *blk);

/* The number of sectors, as the device says it now. */
uint64_t virtio_blk_read_sectors(const struct virtio_blk *blk);

#endif
