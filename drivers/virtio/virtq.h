/* A split virtqueue, the driver's side: what is offered to a device and what comes back.
 *
 *     descriptors   16 bytes each: where a piece of memory is; chained by their numbers
 *     available     ours: heads of chains that the device may take, and an index that only grows
 *     used          the device's: heads that it has done with, bytes written to each, and an index
 *
 * The caller fills descriptors; this file owns the two rings.  The device writes to the used ring
 * when it likes and what it likes, so each word of it is read once and believed only as far as it
 * agrees with what we remember:
 *
 *  Q1  limit[head] is 0 but for the chains that were offered and not taken back; `held` counts those;
 *  Q2  the available index in memory is `published`, and offered - published chains wait to be;
 *  Q3  a head that virtq_take returns was held, and its bytes are at most what virtq_offer said;
 *      whatever else the used ring says, the queue is broken, for good, and nothing is returned;
 *  Q4  after virtq_sleep has returned true the device interrupts for the next chain that it uses.
 *
 * Pure: memory that the caller gives, no registers.  Sizes are in descriptors, a power of two.
 *
 * Spec: Virtual I/O Device 1.2, 2.7 (split virtqueues), legacy layout in 2.7.2. */
#ifndef DRIVERS_VIRTQ_H
#define DRIVERS_VIRTQ_H

#include <stdbool.h>
#include <stdint.h>

#define VIRTQ_SIZE_MAX 256u
#define VIRTQ_ALIGN    4096u             /* of the used ring, as the legacy layout has it */
#define VIRTQ_BYTES    (3 * VIRTQ_ALIGN) /* that a queue of any size takes */

enum virtq_flag { VIRTQ_NEXT = 1, VIRTQ_DEVICE_WRITES = 2, VIRTQ_INDIRECT = 4 };

struct virtq_descriptor {
    uint64_t address; /* physical */
    uint32_t bytes;
    uint16_t flags;
    uint16_t next; /* valid with VIRTQ_NEXT */
};
_Static_assert(sizeof(struct virtq_descriptor) == 16, "the device's format");

struct virtq_element {
    uint32_t head;
    uint32_t bytes;
};
_Static_assert(sizeof(struct virtq_element) == 8, "the device's format");

struct virtq {
    struct virtq_descriptor *descriptors;
    uint16_t *available;     /* flags, index, heads, used_event */
    volatile uint16_t *used; /* flags, index */
    volatile struct virtq_element *done;
    volatile uint16_t *available_event;
    uint16_t size;
    bool event_index;                  /* VIRTIO_F_EVENT_IDX was negotiated */
    bool broken;                       /* Q3 */
    uint16_t offered, published, seen; /* indexes, modulo 2^16 */
    uint16_t held;
    uint32_t limit[VIRTQ_SIZE_MAX]; /* Q1: most bytes that the device may have written, plus one */
};

/* Where the parts of a queue lie, in bytes from its start. */
struct virtq_layout {
    uint32_t available;
    uint32_t used;
    uint32_t end; /* at most VIRTQ_BYTES */
};
struct virtq_layout virtq_layout(uint16_t size);

/* Makes an empty queue in `memory` (VIRTQ_BYTES, aligned to VIRTQ_ALIGN), which it zeroes.
 * size: a power of two, 2 to VIRTQ_SIZE_MAX. */
void virtq_init(struct virtq *queue, void *memory, uint16_t size, bool event_index);

/* Offers the chain at `head`, which the device does not hold.  limit: bytes that it may say to have
 * written.  The device sees it after virtq_publish. */
void virtq_offer(struct virtq *queue, uint16_t head, uint32_t limit);

/* Lets the device see all that was offered.  Returns: whether it wants to be notified. */
bool virtq_publish(struct virtq *queue);

/* Takes the next chain back that the device has done with; all that was offered has been published.
 * Returns: false when there is none, or when the queue is broken (queue->broken). */
bool virtq_take(struct virtq *queue, struct virtq_element *out);

/* Asks for an interrupt for the next chain.  Returns: false if one is there already: take it. */
bool virtq_sleep(struct virtq *queue);

#endif
