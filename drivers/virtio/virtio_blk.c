/* Owns the requests of a disk and what becomes of them when it fails, see virtio_blk.h. */
#include "virtio_blk.h"

#include <errno.h>
#include <stddef.h>

#include "virtio_registers.h"

#define SEGMENT_SECTORS 511ull /* the bits of a segment that hold its number of sectors */

enum virtio_blk_type {
    TYPE_IN = 0,
    TYPE_OUT = 1,
    TYPE_FLUSH = 4,
    TYPE_DISCARD = 11,
    TYPE_ZEROES = 13
};
enum virtio_blk_status { BLK_OK = 0, BLK_IO_ERROR = 1, BLK_UNSUPPORTED = 2, BLK_UNSAID = 0xff };

/* --- life -------------------------------------------------------------------------------------- */

static void blk_free_places(struct virtio_blk *blk)
{
    blk->free_count = 0;
    blk->ended_count = 0;
    for (uint32_t i = 0; i < VIRTIO_BLK_PLACES; i++)
        blk->place[i].state = PLACE_FREE;
    for (uint32_t i = 0; i < blk->places; i++)
        blk->free[blk->free_count++] = (uint8_t)i;
}

enum virtio_blk_start virtio_blk_start(struct virtio_blk *blk, const struct virtio_port *port,
                                       const struct virtio_memory *memory)
{
    enum virtio_blk_start result;

    *blk = (struct virtio_blk){.port = *port, .memory = *memory, .state = VIRTIO_BLK_GONE};
    if (virtio_get(blk, REGISTER_MAGIC) != VIRTIO_MAGIC)
        return VIRTIO_BLK_NO_VIRTIO;
    blk->version = virtio_get(blk, REGISTER_VERSION);
    if (blk->version != VIRTIO_LEGACY && blk->version != VIRTIO_MODERN)
        return VIRTIO_BLK_NO_VIRTIO;
    if (virtio_get(blk, REGISTER_DEVICE_ID) != VIRTIO_ID_DISK)
        return VIRTIO_BLK_OTHER_KIND;
    if (!virtio_blk_quiet(blk))
        return VIRTIO_BLK_NOT_RESET;
    result = virtio_blk_bring_up(blk);
    if (result == VIRTIO_BLK_STARTED)
        blk->state = VIRTIO_BLK_READY;
    else
        blk->places = 0;
    blk_free_places(blk);
    return result;
}

/* The places keep their number over a reset, since some hold ends that are not told yet: the device
 * offers what it offered before, or the disk is gone. */
static bool blk_restart(struct virtio_blk *blk)
{
    const uint32_t places = blk->places;
    const bool started = virtio_blk_bring_up(blk) == VIRTIO_BLK_STARTED;
    const bool same = blk->places == places;

    blk->places = places;
    if (started && !same)
        (void)virtio_blk_quiet(blk);
    return started && same;
}

/* Ends all that the device has, and makes it ready anew (B3). */
static void blk_reset(struct virtio_blk *blk, int error)
{
    const bool quiet = virtio_blk_quiet(blk);

    blk->resets++;
    for (uint32_t i = 0; i < blk->places; i++) {
        struct virtio_blk_place *place = &blk->place[i];

        if (place->state != PLACE_WITH_DEVICE)
            continue;
        place->state = PLACE_ENDED;
        place->error = quiet ? error : ENOTRECOVERABLE;
        blk->ended_count++;
    }
    blk->state = quiet && blk_restart(blk) ? VIRTIO_BLK_READY : VIRTIO_BLK_GONE;
}

/* --- requests in ------------------------------------------------------------------------------- */

static struct virtq_descriptor *blk_chain(const struct virtio_blk *blk, uint32_t place)
{
    return blk->features & FEATURE_INDIRECT ? blk->memory.shared->place[place].table
                                            : &blk->queue.descriptors[place * blk->chain];
}

/* Whether [sector, sector + sectors) is on the disk, in whole blocks. */
static bool blk_is_within(const struct virtio_blk *blk, uint64_t sector, uint64_t sectors)
{
    const uint64_t block = blk->geometry.block_bytes / VIRTIO_SECTOR_BYTES;

    return sectors > 0 && sectors <= blk->geometry.sectors &&
           sector <= blk->geometry.sectors - sectors && ((sector | sectors) & (block - 1)) == 0;
}

/* Describes the segments of a read or write, from chain[1] on; the place is still free, so a mistake
 * leaves nothing behind.  Returns: 0 or an error. */
static int blk_describe_segments(const struct virtio_blk *blk, struct virtq_descriptor *chain,
                                 const struct virtio_blk_request *request, uint64_t *sectors)
{
    const bool reads = request->op == VIRTIO_BLK_READ;
    const uint16_t flags = reads ? VIRTQ_NEXT | VIRTQ_DEVICE_WRITES : VIRTQ_NEXT;
    const uint32_t most = blk->geometry.segment_bytes;

    if (request->segments == 0 || request->segments > blk->geometry.segments ||
        request->sectors != 0)
        return EINVAL;
    for (uint32_t i = 0; i < request->segments; i++) {
        const uint64_t segment = request->segment[i];
        const uint32_t count = (uint32_t)(segment & SEGMENT_SECTORS);

        chain[1 + i].address = segment & ~SEGMENT_SECTORS;
        chain[1 + i].bytes = count * VIRTIO_SECTOR_BYTES;
        chain[1 + i].flags = flags;
        if (count == 0 || chain[1 + i].bytes > most)
            return EINVAL;
        *sectors += count;
    }
    if (!blk_is_within(blk, request->sector, *sectors))
        return EINVAL;
    return !reads && blk->geometry.read_only ? EROFS : 0;
}

/* The same for a discard or zeros: one descriptor, for a range. */
static int blk_describe_range(const struct virtio_blk *blk, uint32_t place,
                              const struct virtio_blk_request *request)
{
    const uint32_t most = request->op == VIRTIO_BLK_DISCARD ? blk->geometry.discard_sectors
                                                            : blk->geometry.zeroes_sectors;
    struct virtq_descriptor *to = &blk_chain(blk, place)[1];

    if (most == 0)
        return EOPNOTSUPP;
    if (request->segments != 0 || request->sectors > most ||
        !blk_is_within(blk, request->sector, request->sectors))
        return EINVAL;
    if (blk->geometry.read_only)
        return EROFS;
    blk->memory.shared->place[place].range =
        (struct virtio_blk_range){.sector = request->sector, .sectors = request->sectors};
    to->address = blk->memory.physical + offsetof(struct virtio_blk_shared, place[place].range);
    to->bytes = sizeof(struct virtio_blk_range);
    to->flags = VIRTQ_NEXT;
    return 0;
}

static int blk_check_flush(const struct virtio_blk *blk, const struct virtio_blk_request *request)
{
    if (!blk->geometry.can_flush)
        return EOPNOTSUPP;
    return request->segments == 0 && request->sectors == 0 && request->sector == 0 ? 0 : EINVAL;
}

/* What the device reads and writes beside the data. */
struct blk_shape {
    enum virtio_blk_type type;
    uint64_t sector;     /* of the header */
    uint64_t data_bytes; /* in segments */
    uint32_t middle;     /* descriptors between header and status */
};

/* Decides about a request and describes its data.  Returns: 0 or an error. */
static int blk_describe(const struct virtio_blk *blk, uint32_t place,
                        const struct virtio_blk_request *request, struct blk_shape *shape)
{
    uint64_t sectors = 0;
    int error;

    switch (request->op) {
    case VIRTIO_BLK_READ:
    case VIRTIO_BLK_WRITE:
        error = blk_describe_segments(blk, blk_chain(blk, place), request, &sectors);
        *shape =
            (struct blk_shape){request->op == VIRTIO_BLK_READ ? TYPE_IN : TYPE_OUT, request->sector,
                               sectors * VIRTIO_SECTOR_BYTES, request->segments};
        return error;
    case VIRTIO_BLK_FLUSH:
        *shape = (struct blk_shape){.type = TYPE_FLUSH};
        return blk_check_flush(blk, request);
    case VIRTIO_BLK_DISCARD:
    case VIRTIO_BLK_WRITE_ZEROES:
        *shape = (struct blk_shape){
            .type = request->op == VIRTIO_BLK_DISCARD ? TYPE_DISCARD : TYPE_ZEROES, .middle = 1};
        return blk_describe_range(blk, place, request);
    case VIRTIO_BLK_OPS:
        break;
    }
    return EINVAL;
}

/* Puts header and status around the data.  Returns: the chain's head in the queue. */
static uint16_t blk_enclose(struct virtio_blk *blk, uint32_t place, const struct blk_shape *shape)
{
    struct virtio_blk_shared_place *shared = &blk->memory.shared->place[place];
    struct virtq_descriptor *last = &blk_chain(blk, place)[1 + shape->middle];

    shared->header = (struct virtio_blk_header){.type = shape->type, .sector = shape->sector};
    shared->status = BLK_UNSAID;
    last->address = blk->memory.physical + offsetof(struct virtio_blk_shared, place[place].status);
    last->bytes = sizeof shared->status;
    last->flags = VIRTQ_DEVICE_WRITES;
    if (!(blk->features & FEATURE_INDIRECT))
        return (uint16_t)(place * blk->chain);
    blk->queue.descriptors[place].bytes =
        (shape->middle + 2) * (uint32_t)sizeof(struct virtq_descriptor);
    return (uint16_t)place;
}

int virtio_blk_submit(struct virtio_blk *blk, const struct virtio_blk_request *request)
{
    struct blk_shape shape;
    uint32_t i, limit;
    int error;

    if (blk->state != VIRTIO_BLK_READY)
        return ENXIO;
    if (blk->free_count == 0)
        return EAGAIN;
    i = blk->free[blk->free_count - 1];
    error = blk_describe(blk, i, request, &shape);
    if (error)
        return error;
    blk->free_count--;
    blk->place[i] = (struct virtio_blk_place){
        .state = PLACE_WITH_DEVICE,
        .writable = (shape.type == TYPE_IN ? (uint32_t)shape.data_bytes : 0) + 1,
        .tag = request->tag,
        .deadline = request->deadline};
    /* Old devices say anything up to the length of the whole chain (5.2.6.2). */
    limit = blk->place[i].writable;
    if (blk->version == VIRTIO_LEGACY)
        limit = (uint32_t)(shape.data_bytes + sizeof(struct virtio_blk_header) +
                           sizeof(struct virtio_blk_range) + 1);
    virtq_offer(&blk->queue, blk_enclose(blk, i, &shape), limit);
    return 0;
}

void virtio_blk_kick(struct virtio_blk *blk)
{
    if (blk->state == VIRTIO_BLK_READY && virtq_publish(&blk->queue))
        virtio_set(blk, REGISTER_QUEUE_NOTIFY, 0);
}

/* --- ends out ---------------------------------------------------------------------------------- */

static void blk_give_back(struct virtio_blk *blk, uint32_t i, struct virtio_blk_end *end, int error)
{
    *end = (struct virtio_blk_end){blk->place[i].tag, error};
    blk->place[i].state = PLACE_FREE;
    blk->free[blk->free_count++] = (uint8_t)i;
}

/* What a chain that the device gave back says (B4). */
static int blk_judge(const struct virtio_blk *blk, uint32_t i, uint32_t written)
{
    const uint8_t status = *(volatile const uint8_t *)&blk->memory.shared->place[i].status;

    if (status == BLK_UNSUPPORTED)
        return EOPNOTSUPP;
    if (status != BLK_OK)
        return EIO;
    return blk->version == VIRTIO_MODERN && written < blk->place[i].writable ? EIO : 0;
}

static bool blk_take_ended(struct virtio_blk *blk, struct virtio_blk_end *end)
{
    uint32_t i = 0;

    while (i < blk->places && blk->place[i].state != PLACE_ENDED)
        i++;
    if (i == blk->places)
        return false;
    blk->ended_count--;
    blk_give_back(blk, i, end, blk->place[i].error);
    return true;
}

bool virtio_blk_take(struct virtio_blk *blk, struct virtio_blk_end *end)
{
    struct virtq_element done;

    if (blk->ended_count > 0)
        return blk_take_ended(blk, end);
    if (blk->state != VIRTIO_BLK_READY)
        return false;
    if (virtq_take(&blk->queue, &done)) {
        const uint32_t i = blk->features & FEATURE_INDIRECT ? done.head : done.head / blk->chain;

        blk_give_back(blk, i, end, blk_judge(blk, i, done.bytes));
        return true;
    }
    if (!blk->queue.broken)
        return false;
    blk_reset(blk, EIO);
    return blk_take_ended(blk, end);
}

bool virtio_blk_sleep(struct virtio_blk *blk)
{
    if (blk->ended_count > 0)
        return false;
    return blk->state != VIRTIO_BLK_READY || virtq_sleep(&blk->queue);
}

void virtio_blk_interrupt(struct virtio_blk *blk)
{
    const uint32_t causes =
        virtio_get(blk, REGISTER_INTERRUPT_STATUS) & (INTERRUPT_USED | INTERRUPT_CONFIG);

    virtio_set(blk, REGISTER_INTERRUPT_ACK, causes);
    if (!(causes & INTERRUPT_CONFIG) || blk->state != VIRTIO_BLK_READY)
        return;
    if (virtio_get(blk, REGISTER_STATUS) & STATUS_NEEDS_RESET)
        blk_reset(blk, EIO);
    else
        blk->geometry.sectors = virtio_blk_read_sectors(blk);
}

/* --- time -------------------------------------------------------------------------------------- */

uint64_t virtio_blk_deadline(const struct virtio_blk *blk)
{
    uint64_t earliest = 0;

    for (uint32_t i = 0; i < blk->places; i++) {
        const struct virtio_blk_place *place = &blk->place[i];

        if (place->state == PLACE_WITH_DEVICE && place->deadline != 0 &&
            (earliest == 0 || place->deadline < earliest))
            earliest = place->deadline;
    }
    return earliest;
}

void virtio_blk_expire(struct virtio_blk *blk, uint64_t now)
{
    const uint64_t earliest = virtio_blk_deadline(blk);

    if (blk->state == VIRTIO_BLK_READY && earliest != 0 && earliest <= now)
        blk_reset(blk, ETIMEDOUT);
}
