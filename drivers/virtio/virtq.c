/* Owns the two rings of a virtqueue, see virtq.h for Q1 to Q4. */
#include "virtq.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

enum { RING_FLAGS, RING_INDEX, RING_HEADS }; /* of the available ring, in words of 16 bits */
enum { USED_HEADER_BYTES = 4, USED_NO_NOTIFY = 1 };

/* Worst: 256 descriptors fill the first page and a half of the second is heads. */
_Static_assert(VIRTQ_SIZE_MAX * 16 + 2 * (VIRTQ_SIZE_MAX + 3) <= 2 * VIRTQ_ALIGN,
               "the used ring's page");
_Static_assert(8 * VIRTQ_SIZE_MAX + 6 <= VIRTQ_ALIGN, "the used ring");

struct virtq_layout virtq_layout(uint16_t size)
{
    const uint32_t available = size * (uint32_t)sizeof(struct virtq_descriptor);
    const uint32_t driver_end = available + (uint32_t)sizeof(uint16_t) * (3u + size);
    const uint32_t used = (driver_end + VIRTQ_ALIGN - 1) / VIRTQ_ALIGN * VIRTQ_ALIGN;

    return (struct virtq_layout){
        available, used,
        used + (uint32_t)(3 * sizeof(uint16_t) + size * sizeof(struct virtq_element))};
}

void virtq_init(struct virtq *queue, void *memory, uint16_t size, bool event_index)
{
    const struct virtq_layout layout = virtq_layout(size);
    uint8_t *bytes = memory;

    memset(memory, 0, layout.end);
    *queue = (struct virtq){.descriptors = memory, .size = size, .event_index = event_index};
    queue->available = (uint16_t *)(void *)(bytes + layout.available);
    queue->used = (volatile uint16_t *)(void *)(bytes + layout.used);
    queue->done =
        (volatile struct virtq_element *)(void *)(bytes + layout.used + USED_HEADER_BYTES);
    queue->available_event = (volatile uint16_t *)(volatile void *)&queue->done[size];
}

void virtq_offer(struct virtq *queue, uint16_t head, uint32_t limit)
{
    queue->available[RING_HEADS + (queue->offered & (queue->size - 1))] = head;
    queue->limit[head] = limit + 1;
    queue->held++;
    queue->offered++;
}

/* Whether an index that moved from `from` to `to` passed `event`: 2.7.7.2 and 2.7.10.2. */
static bool virtq_passes(uint16_t event, uint16_t from, uint16_t to)
{
    return (uint16_t)(to - event - 1) < (uint16_t)(to - from);
}

bool virtq_publish(struct virtq *queue)
{
    const uint16_t from = queue->published;

    if (queue->offered == from)
        return false;
    /* Descriptors and heads before the index, the index before the question (2.7.13). */
    atomic_thread_fence(memory_order_seq_cst);
    *(volatile uint16_t *)&queue->available[RING_INDEX] = queue->offered;
    queue->published = queue->offered;
    atomic_thread_fence(memory_order_seq_cst);
    if (queue->event_index)
        return virtq_passes(*queue->available_event, from, queue->published);
    return (queue->used[RING_FLAGS] & USED_NO_NOTIFY) == 0;
}

static bool virtq_break(struct virtq *queue)
{
    queue->broken = true;
    return false;
}

bool virtq_take(struct virtq *queue, struct virtq_element *out)
{
    const uint16_t ready = (uint16_t)(queue->used[RING_INDEX] - queue->seen);
    volatile const struct virtq_element *done = &queue->done[queue->seen & (queue->size - 1)];

    if (ready == 0 || queue->broken)
        return false;
    if (ready > (uint16_t)(queue->published - queue->seen))
        return virtq_break(queue);
    atomic_thread_fence(memory_order_acquire);
    *out = (struct virtq_element){done->head, done->bytes};
    if (out->head >= queue->size || out->bytes >= queue->limit[out->head])
        return virtq_break(queue);
    queue->limit[out->head] = 0;
    queue->held--;
    queue->seen++;
    return true;
}

bool virtq_sleep(struct virtq *queue)
{
    if (!queue->event_index)
        return true; /* flags stay 0: it interrupts for each */
    queue->available[RING_HEADS + queue->size] = queue->seen;
    atomic_thread_fence(memory_order_seq_cst);
    return queue->used[RING_INDEX] == queue->seen;
}
