/* Checkers of Q1, Q2 (virtq.h), B1 and B6 (virtio_blk.h).  For tests and reports. */
#include "virtio_blk_check.h"

#include <stddef.h>

#include "virtio_registers.h"

const char *virtq_check(const struct virtq *queue)
{
    uint32_t held = 0;

    for (uint32_t i = 0; i < VIRTQ_SIZE_MAX; i++)
        held += queue->limit[i] != 0;
    if (held != queue->held || held > queue->size)
        return "Q1";
    if (queue->available[1] != queue->published ||
        (uint16_t)(queue->offered - queue->seen) != queue->held)
        return "Q2";
    return NULL;
}

/* What the places say, added up. */
struct blk_census {
    uint32_t with_device, ended, listed;
};

static struct blk_census blk_count(const struct virtio_blk *blk)
{
    struct blk_census census = {0};

    for (uint32_t i = 0; i < blk->places; i++) {
        const bool indirect = (blk->features & FEATURE_INDIRECT) != 0;
        const uint32_t head = indirect ? i : i * blk->chain;

        census.with_device +=
            blk->place[i].state == PLACE_WITH_DEVICE && blk->queue.limit[head] != 0;
        census.ended += blk->place[i].state == PLACE_ENDED;
    }
    for (uint32_t i = 0; i < blk->free_count; i++)
        for (uint32_t k = i; k < blk->free_count; k++)
            census.listed += (i == k) == (blk->free[i] == blk->free[k]) &&
                             blk->place[blk->free[i]].state == PLACE_FREE;
    return census;
}

const char *virtio_blk_check(const struct virtio_blk *blk)
{
    const uint32_t pairs = blk->free_count * (blk->free_count + 1) / 2;
    struct blk_census census;
    const char *broken;

    if (blk->places == 0)
        return NULL;
    census = blk_count(blk);
    if (census.ended != blk->ended_count || census.listed != pairs)
        return "B1";
    if (blk->state != VIRTIO_BLK_READY)
        return census.ended + blk->free_count == blk->places ? NULL : "B1";
    if (census.with_device + census.ended + blk->free_count != blk->places ||
        census.with_device != blk->queue.held)
        return "B1";
    if (blk->places * (blk->features & FEATURE_INDIRECT ? 1 : blk->chain) > blk->queue.size)
        return "B6";
    broken = virtq_check(&blk->queue);
    return broken;
}
