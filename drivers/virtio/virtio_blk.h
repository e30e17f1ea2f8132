/* A virtio disk behind virtio-mmio registers, legacy (version 1) or modern (version 2).
 *
 * Life of a request: virtio_blk_submit puts it into a free place and offers it; virtio_blk_kick lets
 * the device see what was offered; the device interrupts; virtio_blk_take tells each end once, with
 * an errno value.  Life of a disk:
 *
 *     ABSENT --start--> READY --device breaks its promises, asks for a reset, is silent--> READY
 *                         |    (reset; every request ends with an error; started anew)
 *                         +--reset not confirmed, or it does not start again--> GONE
 *
 * Pure: registers are reached through struct virtio_port, time is what the caller says, and memory
 * for the device is what it gives.  The device is not trusted with our state, but it can write to
 * all physical memory, as any device without an IOMMU.
 *
 *  B1  each place is free, or busy: with the device, or ended and not yet told;
 *  B2  each request that was accepted ends exactly once, in virtio_blk_take;
 *  B3  an end that is no ENOTRECOVERABLE says that the device no longer touches the request's memory:
 *      it gave the chain back, or it confirmed a reset;
 *  B4  an end without an error says that the device reported success for all of its bytes;
 *  B5  what a device says (features, sizes, used ring, status byte) is checked before it is used, and
 *      none of it makes us touch memory that is not ours;
 *  B6  place i owns descriptors [i * chain, i * chain + chain) of the queue, or descriptor i and a
 *      table of `chain` descriptors of its own when the device knows indirect descriptors.
 *
 * Spec: Virtual I/O Device 1.2, 2 (status, features), 4.2 (MMIO), 5.2 (block device). */
#ifndef DRIVERS_VIRTIO_BLK_H
#define DRIVERS_VIRTIO_BLK_H

#include "virtq.h"

#define VIRTIO_SECTOR_BYTES 512u

#define VIRTIO_BLK_PLACES        16u /* most requests that the device has at a time */
#define VIRTIO_BLK_SEGMENTS      32u /* most of one request */
#define VIRTIO_BLK_CHAIN         (VIRTIO_BLK_SEGMENTS + 2u)   /* header, segments, status */
#define VIRTIO_BLK_SEGMENT_BYTES (511u * VIRTIO_SECTOR_BYTES) /* most of one segment */
#define VIRTIO_BLK_RESET_READS   100000u /* of the status, until a reset counts as not confirmed */

/* Registers.  offset: bytes from the first one, a multiple of 4; the whole window is 512 bytes.
 * A write comes after all that was written to memory before it, a read before all that is read from
 * memory after it. */
struct virtio_port {
    void *context;
    uint32_t (*read)(void *context, uint32_t offset);
    void (*write)(void *context, uint32_t offset, uint32_t value);
};
#define VIRTIO_PORT_BYTES 0x200u

/* The device's part of a place. */
struct virtio_blk_shared_place {
    struct virtq_descriptor table[VIRTIO_BLK_CHAIN];
    struct virtio_blk_header {
        uint32_t type, reserved;
        uint64_t sector;
    } header;
    struct virtio_blk_range { /* what to discard, or to fill with zeros */
        uint64_t sector;
        uint32_t sectors, flags;
    } range;
    uint8_t status, unused[15];
};
struct virtio_blk_shared {
    uint8_t queue[VIRTQ_BYTES];
    struct virtio_blk_shared_place place[VIRTIO_BLK_PLACES];
};
#define VIRTIO_BLK_SHARED_PAGES 6u
_Static_assert(sizeof(struct virtio_blk_shared) <= VIRTIO_BLK_SHARED_PAGES * 4096, "its memory");

/* Memory shared with the device: aligned to 4 KiB, physically in one piece. */
struct virtio_memory {
    struct virtio_blk_shared *shared;
    uint64_t physical; /* address of its first byte */
};

enum virtio_blk_op {
    VIRTIO_BLK_READ,
    VIRTIO_BLK_WRITE,
    VIRTIO_BLK_FLUSH,        /* all that was written before is on the medium */
    VIRTIO_BLK_DISCARD,      /* the contents of `sectors` are wanted no more */
    VIRTIO_BLK_WRITE_ZEROES, /* `sectors` read as zeros */
    VIRTIO_BLK_OPS
};

/* A segment: physical address, a multiple of 512, and in its low 9 bits the number of sectors. */
#define VIRTIO_BLK_SEGMENT(physical, sectors) ((uint64_t)(physical) | (uint64_t)(sectors))

struct virtio_blk_request {
    enum virtio_blk_op op;
    uint32_t segments; /* of READ and WRITE */
    uint32_t sectors;  /* of DISCARD and WRITE_ZEROES */
    uint64_t sector;   /* the first one; 0 for FLUSH */
    const uint64_t *segment;
    uint64_t tag;
    uint64_t deadline; /* in the caller's time; 0: none */
};

struct virtio_blk_end {
    uint64_t tag;
    int error; /* 0; EIO, EOPNOTSUPP: the device says; ETIMEDOUT: it was reset as it was silent;
                  ENOTRECOVERABLE: it did not confirm that reset and may touch the memory still */
};

/* What a disk is, read at its start. */
struct virtio_blk_geometry {
    uint64_t sectors;
    uint32_t block_bytes;                     /* requests are in whole blocks: 512 to 4096 */
    uint32_t segments;                        /* most of a request */
    uint32_t segment_bytes;                   /* most of a segment */
    uint32_t discard_sectors, zeroes_sectors; /* most of a request; 0: it can't */
    bool read_only, can_flush;
};

enum virtio_blk_start {
    VIRTIO_BLK_STARTED,
    VIRTIO_BLK_NO_VIRTIO,   /* no virtio registers of a version we know */
    VIRTIO_BLK_OTHER_KIND,  /* another device, or none in this place */
    VIRTIO_BLK_NOT_RESET,   /* the device does not confirm a reset */
    VIRTIO_BLK_REFUSED,     /* it wants features that we lack */
    VIRTIO_BLK_BAD_QUEUE,   /* no queue, one in use after a reset, or one too small */
    VIRTIO_BLK_BAD_GEOMETRY /* sizes that no disk of ours has */
};

enum virtio_blk_state { VIRTIO_BLK_ABSENT, VIRTIO_BLK_READY, VIRTIO_BLK_GONE };

enum virtio_blk_place_state { PLACE_FREE, PLACE_WITH_DEVICE, PLACE_ENDED };

struct virtio_blk_place {
    uint8_t state;     /* enum virtio_blk_place_state */
    uint32_t writable; /* bytes that the device writes: data and status */
    int error;         /* of an ended one */
    uint64_t tag;
    uint64_t deadline;
};

struct virtio_blk {
    struct virtio_port port;
    struct virtio_memory memory;
    enum virtio_blk_state state;
    uint32_t version;
    uint64_t features; /* negotiated */
    struct virtio_blk_geometry geometry;
    struct virtq queue;
    uint32_t places, chain; /* B6 */
    uint32_t free_count;
    uint32_t ended_count; /* places that wait for virtio_blk_take after a reset */
    uint8_t free[VIRTIO_BLK_PLACES];
    struct virtio_blk_place place[VIRTIO_BLK_PLACES];
    uint64_t resets; /* after the first start */
};

/* Makes a disk ready.  With anything but STARTED nothing is left running, the disk is GONE. */
enum virtio_blk_start virtio_blk_start(struct virtio_blk *blk, const struct virtio_port *port,
                                       const struct virtio_memory *memory);

/* Accepts a request.  Returns: 0; EAGAIN: no place is free; ENXIO: the disk is gone; EINVAL: beyond
 * its end, not in whole blocks, no or too many or too large segments; EROFS; EOPNOTSUPP. */
int virtio_blk_submit(struct virtio_blk *blk, const struct virtio_blk_request *request);

/* Whether virtio_blk_submit would not say EAGAIN. */
static inline bool virtio_blk_has_room(const struct virtio_blk *blk)
{
    return blk->free_count > 0 || blk->state != VIRTIO_BLK_READY;
}

/* Lets the device see what was accepted. */
void virtio_blk_kick(struct virtio_blk *blk);

/* Serves the interrupt: its line is down afterwards.  What the device did is for virtio_blk_take. */
void virtio_blk_interrupt(struct virtio_blk *blk);

/* Takes the next end.  Returns: false when there is none; see virtio_blk_sleep. */
bool virtio_blk_take(struct virtio_blk *blk, struct virtio_blk_end *end);

/* Asks for an interrupt at the next end.  Returns: false if there is one already. */
bool virtio_blk_sleep(struct virtio_blk *blk);

/* The earliest deadline of requests that the device has; 0: none. */
uint64_t virtio_blk_deadline(const struct virtio_blk *blk);

/* Resets the device when a request is past its deadline; then all that it had end with ETIMEDOUT. */
void virtio_blk_expire(struct virtio_blk *blk, uint64_t now);

#endif
