/* What the disk driver and its client share: one page for each disk, a ring of requests and a ring of
 * their ends.
 *
 * Requests are words of 64 bits: three of a header, then the segments.
 *
 *     0   op (enum blk_op) | segments << 8 | sectors << 32, of ops without segments
 *     1   first sector
 *     2   tag: comes back with the end
 *     3.. segments, BLK_SEGMENT(physical address, sectors)
 *
 * Each index counts all that ever came, modulo 2^32, and has one writer.  Who sleeps names the index
 * that it waits for, and is signalled when that place is filled; who does not is left in peace.
 * The code for both sides is user/common/blk_ring.h.
 *
 * Addresses are physical, and a device writes to what it is told: whoever holds this page and the
 * right to ring the bell can reach all memory.  That is the pager alone. */
#ifndef FAULTLINE_BLK_H
#define FAULTLINE_BLK_H

#include <stdint.h>

#include "abi.h"

#define BLK_VERSION 1u

#define BLK_CALL(number, name, who, in, out, doc) BLK_##name = (number),
enum blk_call {
#include "blk.def"
};
#undef BLK_CALL

#define BLK_DISKS        8u
#define BLK_SECTOR_BYTES 512u
#define BLK_SEGMENTS     32u /* most of a request */

/* physical: a multiple of 512.  sectors: 1 to 511. */
#define BLK_SEGMENT(physical, sectors) ((uint64_t)(physical) | (uint64_t)(sectors))
#define BLK_SEGMENT_SECTORS            511u

enum blk_op {
    BLK_READ,
    BLK_WRITE,
    BLK_FLUSH,        /* all that ended before it is on the medium */
    BLK_DISCARD,      /* the contents of `sectors` are wanted no more */
    BLK_WRITE_ZEROES, /* `sectors` read as zeros */
    BLK_OPS
};

#define BLK_REQUEST_WORDS 3u /* of the header */
#define BLK_RING_WORDS    256u
#define BLK_RING_ENDS     64u /* most requests whose ends the client has not taken */

struct blk_end {
    uint64_t tag;
    /* An errno value: 0 when all of it is done.  EIO: the disk failed; EINVAL: beyond the disk or not
     * as INFO says; EROFS; EOPNOTSUPP; ETIMEDOUT: it was silent for too long and was reset; ENXIO: it
     * is gone; ENOTRECOVERABLE: it is gone, and may still write to the request's memory. */
    int32_t error;
    uint32_t reserved;
};

struct blk_ring {
    /* Written by the client. */
    uint32_t submitted; /* words */
    uint32_t taken;     /* ends */
    uint32_t wants_end; /* it sleeps until this one is there */
    uint32_t client_reserved[13];
    /* Written by the driver. */
    uint32_t received;   /* words */
    uint32_t ended;      /* ends */
    uint32_t wants_word; /* it sleeps until this one is there */
    uint32_t broken;     /* 1: the client broke the rules of the ring, which is dead */
    uint32_t driver_reserved[12];
    uint64_t word[BLK_RING_WORDS];
    struct blk_end end[BLK_RING_ENDS];
};
_Static_assert(sizeof(struct blk_ring) <= FL_PAGE_BYTES, "one page");
_Static_assert((BLK_RING_WORDS & (BLK_RING_WORDS - 1)) == 0 &&
                   (BLK_RING_ENDS & (BLK_RING_ENDS - 1)) == 0,
               "indexes wrap");
_Static_assert(BLK_REQUEST_WORDS + BLK_SEGMENTS <= BLK_RING_WORDS, "the longest request fits");

/* What INFO tells, in the message buffer. */
struct blk_info {
    uint64_t sectors;
    uint32_t block_bytes;                     /* requests are in whole blocks: 512 to 4096 */
    uint32_t segments;                        /* most of a request */
    uint32_t segment_bytes;                   /* most of a segment */
    uint32_t discard_sectors, zeroes_sectors; /* most of a request; 0: it can't */
    uint32_t read_only, can_flush;            /* 0 or 1; what needs no flush can't */
};

enum blk_statistic {
    BLK_STAT_REQUESTS,   /* that were received */
    BLK_STAT_ERRORS,     /* ends with an error */
    BLK_STAT_RESETS,     /* of the device, after its start */
    BLK_STAT_INTERRUPTS, /* of the device */
    BLK_STAT_SIGNALS,    /* to the client */
    BLK_STAT_CYCLES, /* of the driver awake, for all disks; the kernel's on its way to sleep are none of them */
    BLK_STAT_COUNT
};

/* The driver's CSpace as the root task fills it; 8 slots each for interrupts and pins. */
enum blk_slot {
    BLK_SLOT_ENDPOINT = 1, /* receives */
    BLK_SLOT_CLIENT,       /* notification of the client */
    BLK_SLOT_TIMER,        /* bound to the driver's notification */
    BLK_SLOT_REPLY,
    BLK_SLOT_IRQS = 8,
    BLK_SLOT_PINS = BLK_SLOT_IRQS + BLK_DISKS, /* of its memory; the driver only holds them */
    BLK_SLOTS = BLK_SLOT_PINS + BLK_DISKS
};

/* Bits of the notification that is bound to the driver's thread; disk i interrupts with bit i. */
#define BLK_EVENT_BELL  (1ull << BLK_DISKS) /* the client put words where one was waited for */
#define BLK_EVENT_TIMER (1ull << (BLK_DISKS + 1)) /* a deadline passed */

/* Badges on its endpoint. */
enum blk_badge { BLK_BADGE_ROOT = 1, BLK_BADGE_CLIENT };

/* Pages of the driver's space; message buffer and end of the stack are where the pager's are.  The
 * rings are at BLK_RINGS in the client's space too. */
#define BLK_REGISTERS    0x3fff030000ull /* one page for each disk */
#define BLK_RINGS        0x3fff040000ull /* one page for each disk */
#define BLK_MEMORY       0x3fff050000ull /* BLK_MEMORY_PAGES for each disk */
#define BLK_MEMORY_PAGES 6u

#endif
