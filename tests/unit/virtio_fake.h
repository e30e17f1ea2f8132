/* A virtio disk made of software, behind virtio-mmio registers, written from the specification: it
 * shares no definition with the driver.
 *
 * It stops the test when the driver breaks a rule: a register of the other version, a wrong
 * direction or order, a feature that was not offered, a chain that no device need understand, an
 * address outside the memory it was given, a request beyond the disk.  It sees what is available only
 * when it was notified as it asked to be, and interrupts only when it was asked to.
 *
 * The test says when it does what (virtio_fake_finish), and with which vice.
 *
 * Spec: Virtual I/O Device 1.2, 2.1, 2.7, 3.1, 4.2, 5.2. */
#ifndef TESTS_VIRTIO_FAKE_H
#define TESTS_VIRTIO_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../drivers/virtio/virtio_blk.h"

#define FAKE_RAM_BASE     0x80000000ull
#define FAKE_RAM_BYTES    (2u << 20)
#define FAKE_DISK_SECTORS 2048u
#define FAKE_HELD_MAX     64u
#define FAKE_PIECES_MAX   40u

/* What goes wrong when a request is finished. */
enum fake_vice {
    VICE_NONE,
    VICE_IO_ERROR,           /* status 1; part of the data is there */
    VICE_UNSUPPORTED,        /* status 2 */
    VICE_NO_STATUS,          /* the status byte stays as it was */
    VICE_ODD_STATUS,         /* a status that there is not */
    VICE_SHORT,              /* fewer bytes written than asked for, status 0 */
    VICE_HONEST,             /* up to here the device keeps to the rules of the queue */
    VICE_LONG = VICE_HONEST, /* says that it wrote more than there is room for */
    VICE_WRONG_ID,           /* of a chain that it does not have */
    VICE_BIG_ID,             /* beyond the queue */
    VICE_TWICE,              /* says the same chain again */
    VICE_LEAP,               /* the used index leaps ahead */
    VICE_BACK,               /* the used index goes back */
    VICES
};

/* A piece of memory of a request. */
struct fake_piece {
    uint64_t address;
    uint32_t bytes;
    bool written; /* by the device */
};

struct fake_held {
    uint16_t head;
    uint32_t count;
    struct fake_piece piece[FAKE_PIECES_MAX];
};

struct virtio_fake {
    /* What the test chooses. */
    bool legacy;
    uint64_t offered; /* feature bits */
    uint32_t device_id, queue_max;
    uint32_t size_max, segments_max, block_bytes, discard_max, zeroes_max;
    uint64_t sectors;
    bool never_resets;     /* the status does not become 0 */
    bool refuses_features; /* FEATURES_OK does not stay */
    bool restless;         /* the number of sectors changes at every look */
    bool deaf;             /* does not look when it is notified */
    /* What happened. */
    uint32_t notifications, interrupts, resets, accesses;
    uint8_t disk[FAKE_DISK_SECTORS * 512];
    uint8_t ram[FAKE_RAM_BYTES] __attribute__((aligned(4096)));
    /* The device. */
    uint32_t status, interrupt_status;
    uint32_t device_select, driver_select, queue_select;
    uint64_t accepted; /* features that the driver wrote */
    uint32_t page_bytes, align, queue_page, queue_size, ready;
    uint64_t descriptors, available, used;
    uint16_t next_available, next_used;
    bool broken; /* by a vice: it does nothing until it is reset */
    uint32_t held_count;
    struct fake_held held[FAKE_HELD_MAX];
};

/* A disk with all features that the driver knows, off, its contents and memory a pattern. */
void virtio_fake_init(struct virtio_fake *fake, bool legacy);
struct virtio_port virtio_fake_port(struct virtio_fake *fake);

/* Memory of the machine: offset in it as an address, and the bytes there. */
uint64_t virtio_fake_address(uint32_t offset);

/* Takes what is available. */
void virtio_fake_look(struct virtio_fake *fake);

/* Does the request held[which] and gives it back. */
void virtio_fake_finish(struct virtio_fake *fake, uint32_t which, enum fake_vice vice);

/* The device finds itself in trouble, or changed its size. */
void virtio_fake_need_reset(struct virtio_fake *fake);
void virtio_fake_resize(struct virtio_fake *fake, uint64_t sectors);

#endif
