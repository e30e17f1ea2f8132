/* Owns the way of a disk from reset to ready: features, queue, sizes.  See virtio_blk.h. */
#include <stddef.h>

#include "virtio_registers.h"

#define QUEUE_SIZE_INDIRECT 64u /* one descriptor for each place; and no chain longer than that */
#define QUEUE_SIZE_LEAST    4u
#define CONFIG_READS        16u /* of something that changes meanwhile */
#define BLOCK_BYTES_MAX     4096u

_Static_assert(QUEUE_SIZE_INDIRECT >= VIRTIO_BLK_CHAIN && QUEUE_SIZE_INDIRECT >= VIRTIO_BLK_PLACES,
               "B6");

bool virtio_blk_quiet(const struct virtio_blk *blk)
{
    virtio_set(blk, REGISTER_STATUS, 0);
    for (uint32_t reads = 0; reads < VIRTIO_BLK_RESET_READS; reads++)
        if (virtio_get(blk, REGISTER_STATUS) == 0)
            return true;
    return false;
}

/* --- features ---------------------------------------------------------------------------------- */

static uint64_t start_offered(const struct virtio_blk *blk)
{
    uint64_t offered;

    virtio_set(blk, REGISTER_DEVICE_FEATURES_SELECT, 0);
    offered = virtio_get(blk, REGISTER_DEVICE_FEATURES);
    if (blk->version == VIRTIO_LEGACY)
        return offered;
    virtio_set(blk, REGISTER_DEVICE_FEATURES_SELECT, 1);
    return offered | (uint64_t)virtio_get(blk, REGISTER_DEVICE_FEATURES) << 32;
}

/* Returns: false when the device does not accept what we can. */
static bool start_negotiate(struct virtio_blk *blk)
{
    static const uint64_t known = FEATURE_SIZE_MAX | FEATURE_SEGMENTS_MAX | FEATURE_READ_ONLY |
                                  FEATURE_BLOCK_BYTES | FEATURE_FLUSH | FEATURE_DISCARD |
                                  FEATURE_WRITE_ZEROES | FEATURE_INDIRECT | FEATURE_EVENT_INDEX |
                                  FEATURE_VERSION_1;

    blk->features = start_offered(blk) & known;
    virtio_set(blk, REGISTER_DRIVER_FEATURES_SELECT, 0);
    virtio_set(blk, REGISTER_DRIVER_FEATURES, (uint32_t)blk->features);
    if (blk->version == VIRTIO_LEGACY)
        return true;
    virtio_set(blk, REGISTER_DRIVER_FEATURES_SELECT, 1);
    virtio_set(blk, REGISTER_DRIVER_FEATURES, (uint32_t)(blk->features >> 32));
    if (!(blk->features & FEATURE_VERSION_1))
        return false;
    virtio_set(blk, REGISTER_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
    return (virtio_get(blk, REGISTER_STATUS) & STATUS_FEATURES_OK) != 0;
}

/* --- sizes ------------------------------------------------------------------------------------- */

static uint32_t start_config(const struct virtio_blk *blk, uint32_t offset)
{
    return virtio_get(blk, REGISTER_CONFIG + offset);
}

uint64_t virtio_blk_read_sectors(const struct virtio_blk *blk)
{
    uint64_t sectors = 0, before;

    /* Two reads make one number when the device did not change it in between: version 1 has no other
     * way to tell, and for version 2 the same way will do. */
    for (uint32_t reads = 0; reads < CONFIG_READS; reads++) {
        before = sectors;
        sectors = start_config(blk, CONFIG_SECTORS);
        sectors |= (uint64_t)start_config(blk, CONFIG_SECTORS + 4) << 32;
        if (reads > 0 && sectors == before)
            return sectors;
    }
    return 0; /* no request is within such a disk */
}

/* Most sectors of one discard, or of one range of zeros. */
static uint32_t start_range_sectors(const struct virtio_blk *blk, uint64_t feature,
                                    uint32_t sectors, uint32_t ranges)
{
    if (!(blk->features & feature) || start_config(blk, ranges) == 0)
        return 0;
    return start_config(blk, sectors);
}

static uint32_t start_smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Returns: false when there is no such disk. */
static bool start_read_geometry(struct virtio_blk *blk)
{
    struct virtio_blk_geometry *to = &blk->geometry;

    *to = (struct virtio_blk_geometry){
        .sectors = virtio_blk_read_sectors(blk),
        .block_bytes = VIRTIO_SECTOR_BYTES,
        .segments = 1,
        .segment_bytes = VIRTIO_BLK_SEGMENT_BYTES,
        .discard_sectors = start_range_sectors(blk, FEATURE_DISCARD, CONFIG_DISCARD_SECTORS,
                                               CONFIG_DISCARD_RANGES),
        .zeroes_sectors = start_range_sectors(blk, FEATURE_WRITE_ZEROES, CONFIG_ZEROES_SECTORS,
                                              CONFIG_ZEROES_RANGES),
        .read_only = (blk->features & FEATURE_READ_ONLY) != 0,
        .can_flush = (blk->features & FEATURE_FLUSH) != 0};
    if (blk->features & FEATURE_BLOCK_BYTES)
        to->block_bytes = start_config(blk, CONFIG_BLOCK_BYTES);
    if (blk->features & FEATURE_SEGMENTS_MAX)
        to->segments = start_smaller(start_config(blk, CONFIG_SEGMENTS_MAX), VIRTIO_BLK_SEGMENTS);
    if (blk->features & FEATURE_SIZE_MAX)
        to->segment_bytes =
            start_smaller(start_config(blk, CONFIG_SIZE_MAX), VIRTIO_BLK_SEGMENT_BYTES);
    to->segments = start_smaller(to->segments, blk->chain - 2);
    return to->segments > 0 && to->block_bytes >= VIRTIO_SECTOR_BYTES &&
           to->block_bytes <= BLOCK_BYTES_MAX && (to->block_bytes & (to->block_bytes - 1)) == 0 &&
           to->segment_bytes >= to->block_bytes;
}

/* --- the queue --------------------------------------------------------------------------------- */

static void start_write_address(const struct virtio_blk *blk, uint32_t offset, uint64_t address)
{
    virtio_set(blk, offset, (uint32_t)address);
    virtio_set(blk, offset + 4, (uint32_t)(address >> 32));
}

static void start_tell_queue(const struct virtio_blk *blk)
{
    const uint64_t at = blk->memory.physical + offsetof(struct virtio_blk_shared, queue);
    const struct virtq_layout layout = virtq_layout(blk->queue.size);

    virtio_set(blk, REGISTER_QUEUE_SIZE, blk->queue.size);
    if (blk->version == VIRTIO_LEGACY) {
        virtio_set(blk, REGISTER_QUEUE_ALIGN, VIRTQ_ALIGN);
        virtio_set(blk, REGISTER_QUEUE_PAGE, (uint32_t)(at / VIRTQ_ALIGN));
        return;
    }
    start_write_address(blk, REGISTER_QUEUE_DESCRIPTORS, at);
    start_write_address(blk, REGISTER_QUEUE_DRIVER, at + layout.available);
    start_write_address(blk, REGISTER_QUEUE_DEVICE, at + layout.used);
    virtio_set(blk, REGISTER_QUEUE_READY, 1);
}

/* Descriptors that never change: who follows whom, and where the tables are (B6). */
static void start_link(struct virtio_blk *blk)
{
    const bool indirect = (blk->features & FEATURE_INDIRECT) != 0;

    for (uint32_t i = 0; i < blk->places; i++) {
        struct virtio_blk_shared_place *place = &blk->memory.shared->place[i];
        struct virtq_descriptor *chain =
            indirect ? place->table : &blk->queue.descriptors[i * blk->chain];
        const uint32_t first = indirect ? 0 : i * blk->chain;

        for (uint32_t k = 0; k < blk->chain; k++)
            chain[k] = (struct virtq_descriptor){.next = (uint16_t)(first + k + 1)};
        chain[0] = (struct virtq_descriptor){
            blk->memory.physical + offsetof(struct virtio_blk_shared, place[i].header),
            sizeof place->header, VIRTQ_NEXT, (uint16_t)(first + 1)};
        if (indirect)
            blk->queue.descriptors[i] = (struct virtq_descriptor){
                .address =
                    blk->memory.physical + offsetof(struct virtio_blk_shared, place[i].table),
                .flags = VIRTQ_INDIRECT};
    }
}

static bool start_make_queue(struct virtio_blk *blk)
{
    const bool indirect = (blk->features & FEATURE_INDIRECT) != 0;
    uint32_t most, size = indirect ? QUEUE_SIZE_INDIRECT : VIRTQ_SIZE_MAX;

    virtio_set(blk, REGISTER_QUEUE_SELECT, 0);
    if (virtio_get(blk,
                   blk->version == VIRTIO_LEGACY ? REGISTER_QUEUE_PAGE : REGISTER_QUEUE_READY) != 0)
        return false;
    most = virtio_get(blk, REGISTER_QUEUE_SIZE_MAX);
    while (size > most)
        size /= 2;
    if (size < QUEUE_SIZE_LEAST)
        return false;
    virtq_init(&blk->queue, blk->memory.shared->queue, (uint16_t)size,
               (blk->features & FEATURE_EVENT_INDEX) != 0);
    blk->chain = start_smaller(VIRTIO_BLK_CHAIN, size);
    blk->places = start_smaller(VIRTIO_BLK_PLACES, indirect ? size : size / blk->chain);
    start_link(blk);
    start_tell_queue(blk);
    return true;
}

enum virtio_blk_start virtio_blk_bring_up(struct virtio_blk *blk)
{
    enum virtio_blk_start result = VIRTIO_BLK_STARTED;
    const uint32_t ok = blk->version == VIRTIO_LEGACY ? 0 : STATUS_FEATURES_OK;

    virtio_set(blk, REGISTER_STATUS, STATUS_ACKNOWLEDGE);
    virtio_set(blk, REGISTER_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    if (blk->version == VIRTIO_LEGACY)
        virtio_set(blk, REGISTER_GUEST_PAGE_BYTES, VIRTQ_ALIGN);
    if (!start_negotiate(blk))
        result = VIRTIO_BLK_REFUSED;
    else if (!start_make_queue(blk))
        result = VIRTIO_BLK_BAD_QUEUE;
    else if (!start_read_geometry(blk))
        result = VIRTIO_BLK_BAD_GEOMETRY;
    if (result == VIRTIO_BLK_STARTED)
        virtio_set(blk, REGISTER_STATUS,
                   STATUS_ACKNOWLEDGE | STATUS_DRIVER | ok | STATUS_DRIVER_OK);
    else
        virtio_set(blk, REGISTER_STATUS, virtio_get(blk, REGISTER_STATUS) | STATUS_FAILED);
    return result;
}
