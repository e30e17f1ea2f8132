/* Owns the disk driver's loop: interrupts, bells and deadlines in, requests to devices, ends out.
 *
 *  M1  a request is taken out of a ring only when its disk has a place for it, or is gone; so it is in
 *      the ring, in the disk, or ended;
 *  M2  the driver sleeps only after it has asked for the next word of each ring whose disk has room,
 *      and for an interrupt at the next end of each disk, and there was neither;
 *  M3  while a disk with a time limit has a request, the timer is set, to the earliest deadline of the
 *      time when it was set or before;
 *  M4  an interrupt is acknowledged when its device is served; of a disk that is gone it is not, so
 *      a device that nobody can quiet interrupts once.
 *
 * It calls nobody but the kernel, and never waits but in receive. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "blk_ring.h"
#include "fl_calls.h"
#include "protocol.h"
#include "virtio_blk.h"

_Static_assert((int)BLK_READ == (int)VIRTIO_BLK_READ && (int)BLK_OPS == (int)VIRTIO_BLK_OPS &&
                   (int)BLK_WRITE_ZEROES == (int)VIRTIO_BLK_WRITE_ZEROES &&
                   (int)BLK_DISCARD == (int)VIRTIO_BLK_DISCARD,
               "one list of ops");
_Static_assert(BLK_SEGMENTS == VIRTIO_BLK_SEGMENTS && BLK_SECTOR_BYTES == VIRTIO_SECTOR_BYTES,
               "one form of segments");
_Static_assert(BLK_MEMORY_PAGES == VIRTIO_BLK_SHARED_PAGES, "what the root task maps");

struct disk {
    bool started;
    uint64_t limit; /* ticks; 0: none */
    struct virtio_blk device;
    struct blk_server ring;
    uint64_t statistics[BLK_STAT_COUNT];
};

static struct {
    struct disk disks[BLK_DISKS];
    unsigned end;    /* disks from here on were never started */
    bool timer_set;  /* M3 */
    uint64_t cycles; /* awake */
} driver;

int main(void); /* entered from server_crt0.S */

/* --- registers --------------------------------------------------------------------------------- */

static uint32_t port_read(void *context, uint32_t offset)
{
    const uint32_t value =
        *(const volatile uint32_t *)(const void *)((const uint8_t *)context + offset);

    fl_fence_device();
    return value;
}

static void port_write(void *context, uint32_t offset, uint32_t value)
{
    fl_fence_device();
    *(volatile uint32_t *)(void *)((uint8_t *)context + offset) = value;
}

/* --- a disk's turn ----------------------------------------------------------------------------- */

static void disk_end(struct disk *disk, uint64_t tag, int error)
{
    disk->statistics[BLK_STAT_ERRORS] += error != 0;
    blk_server_end(&disk->ring, tag, error);
}

static void disk_take_ends(struct disk *disk)
{
    struct virtio_blk_end end;

    while (virtio_blk_take(&disk->device, &end))
        disk_end(disk, end.tag, end.error);
}

static void disk_submit(struct disk *disk, const struct blk_request *from)
{
    const struct virtio_blk_request request = {
        .op = (enum virtio_blk_op)from->op,
        .segments = from->segments,
        .sectors = from->sectors,
        .sector = from->sector,
        .segment = from->segment,
        .tag = from->tag,
        .deadline = disk->limit == 0 ? 0 : fl_rdtime() + disk->limit,
    };
    const int error = virtio_blk_submit(&disk->device, &request);

    disk->statistics[BLK_STAT_REQUESTS]++;
    if (error)
        disk_end(disk, from->tag, error);
}

static void disk_take_requests(struct disk *disk)
{
    struct blk_request request;

    while (virtio_blk_has_room(&disk->device) && blk_server_receive(&disk->ring, &request))
        disk_submit(disk, &request);
    virtio_blk_kick(&disk->device);
}

/* M2 */
static bool disk_sleeps(struct disk *disk)
{
    if (!virtio_blk_sleep(&disk->device))
        return false;
    return !virtio_blk_has_room(&disk->device) || blk_server_sleep(&disk->ring);
}

static void disk_tell(struct disk *disk)
{
    if (!blk_server_publish(&disk->ring))
        return;
    disk->statistics[BLK_STAT_SIGNALS]++;
    (void)flr_notification_signal(BLK_SLOT_CLIENT);
}

static void disk_serve(struct disk *disk)
{
    const bool dead = disk->ring.broken;

    do {
        disk_take_ends(disk);
        disk_take_requests(disk);
    } while (!disk_sleeps(disk));
    disk_tell(disk);
    if (disk->ring.broken && !dead)
        (void)flr_notification_signal(BLK_SLOT_CLIENT);
}

static void disk_interrupt(struct disk *disk, uint64_t index)
{
    disk->statistics[BLK_STAT_INTERRUPTS]++;
    if (disk->device.state == VIRTIO_BLK_GONE) /* M4 */
        return;
    virtio_blk_interrupt(&disk->device);
    disk_serve(disk);
    (void)flr_irq_ack(BLK_SLOT_IRQS + index);
}

/* --- time -------------------------------------------------------------------------------------- */

/* M3.  A timer that is set stays: it fires once in a while under load, and after that no more. */
static void driver_set_timer(void)
{
    uint64_t earliest = 0;

    if (driver.timer_set)
        return;
    for (unsigned i = 0; i < driver.end; i++) {
        const struct disk *disk = &driver.disks[i];
        const uint64_t deadline =
            disk->started && disk->limit != 0 ? virtio_blk_deadline(&disk->device) : 0;

        if (deadline != 0 && (earliest == 0 || deadline < earliest))
            earliest = deadline;
    }
    if (earliest == 0)
        return;
    driver.timer_set = true;
    (void)flr_timer_set(BLK_SLOT_TIMER, earliest);
}

/* What ended in time is taken before anything is judged. */
static void driver_expire(void)
{
    driver.timer_set = false;
    for (unsigned i = 0; i < driver.end; i++) {
        struct disk *disk = &driver.disks[i];

        if (!disk->started)
            continue;
        disk_take_ends(disk);
        virtio_blk_expire(&disk->device, fl_rdtime());
        disk_serve(disk);
    }
}

/* --- calls: one function per line of blk.def --------------------------------------------------- */

static void *blk_page(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

static int blk_start_error(enum virtio_blk_start result)
{
    switch (result) {
    case VIRTIO_BLK_STARTED:
        return 0;
    case VIRTIO_BLK_NO_VIRTIO:
    case VIRTIO_BLK_OTHER_KIND:
        return ENODEV;
    case VIRTIO_BLK_NOT_RESET:
        return ETIMEDOUT;
    case VIRTIO_BLK_REFUSED:
        return EOPNOTSUPP;
    case VIRTIO_BLK_BAD_QUEUE:
        return ENXIO;
    case VIRTIO_BLK_BAD_GEOMETRY:
        return EDOM;
    }
    return ENODEV;
}

typedef int blk_handler(struct fl_message *message);

static int blk_START(struct fl_message *message)
{
    const uint64_t i = message->word[0], offset = message->word[1];
    struct disk *disk = &driver.disks[i];
    const struct virtio_port port = {blk_page(BLK_REGISTERS + i * FL_PAGE_BYTES + offset),
                                     port_read, port_write};
    const struct virtio_memory memory = {
        blk_page(BLK_MEMORY + i * BLK_MEMORY_PAGES * FL_PAGE_BYTES), message->word[2]};
    int error;

    if (disk->started)
        return EBUSY;
    if (offset % sizeof(uint64_t) != 0 || offset > FL_PAGE_BYTES - VIRTIO_PORT_BYTES ||
        memory.physical % FL_PAGE_BYTES != 0)
        return EINVAL;
    error = blk_start_error(virtio_blk_start(&disk->device, &port, &memory));
    if (error)
        return error;
    disk->started = true;
    if (driver.end <= i)
        driver.end = (unsigned)i + 1;
    disk->limit = message->word[3];
    blk_server_init(&disk->ring, blk_page(BLK_RINGS + i * FL_PAGE_BYTES));
    disk_serve(disk);
    return 0;
}

static int blk_INFO(struct fl_message *message)
{
    const struct virtio_blk_geometry *geometry = &driver.disks[message->word[0]].device.geometry;
    const struct blk_info info = {.sectors = geometry->sectors,
                                  .block_bytes = geometry->block_bytes,
                                  .segments = geometry->segments,
                                  .segment_bytes = geometry->segment_bytes,
                                  .discard_sectors = geometry->discard_sectors,
                                  .zeroes_sectors = geometry->zeroes_sectors,
                                  .read_only = geometry->read_only,
                                  .can_flush = geometry->can_flush};

    memcpy(fl_buffer_data(), &info, sizeof info);
    message->word[1] = sizeof info;
    message->info = FL_INFO(0, 4 + sizeof info / sizeof(uint64_t));
    return 0;
}

static int blk_STATISTIC(struct fl_message *message)
{
    struct disk *disk = &driver.disks[message->word[0]];

    if (message->word[1] >= BLK_STAT_COUNT)
        return EINVAL;
    disk->statistics[BLK_STAT_RESETS] = disk->device.resets;
    disk->statistics[BLK_STAT_CYCLES] = driver.cycles;
    message->word[1] = disk->statistics[message->word[1]];
    return 0;
}

#define BLK_CALL(number, name, who, in, out, doc) [number] = {blk_##name, who},
static const struct blk_entry {
    blk_handler *handle;
    const char *who;
} blk_entries[] = {
#include "blk.def"
};
#undef BLK_CALL
#define BLK_ENTRIES (sizeof blk_entries / sizeof blk_entries[0])

static int blk_call(struct fl_message *message)
{
    const uint32_t number = FL_INFO_LABEL(message->info) - FL_PROTOCOL_LABEL(BLK_VERSION, 0);
    const struct blk_entry *entry = &blk_entries[number];

    message->info = FL_INFO(0, 4);
    if (number >= BLK_ENTRIES || !entry->handle)
        return ENOSYS;
    if (message->badge != BLK_BADGE_ROOT && entry->who[1] != 'C')
        return EPERM;
    if (message->word[0] >= BLK_DISKS ||
        (number != BLK_START && !driver.disks[message->word[0]].started))
        return ENODEV;
    return entry->handle(message);
}

/* --- the loop ---------------------------------------------------------------------------------- */

static void driver_wake(uint64_t bits)
{
    for (unsigned i = 0; i < driver.end; i++) {
        struct disk *disk = &driver.disks[i];

        if (!disk->started)
            continue;
        if (bits >> i & 1)
            disk_interrupt(disk, i);
        else if (bits & BLK_EVENT_BELL)
            disk_serve(disk);
    }
    if (bits & BLK_EVENT_TIMER)
        driver_expire();
    driver_set_timer();
}

/* Returns: true when *message holds an answer to give. */
static bool driver_handle(struct fl_message *message)
{
    int error;

    if (FL_INFO_LABEL(message->info) == FL_LABEL_NOTIFICATION && message->badge == 0) {
        driver_wake(message->word[0]);
        return false;
    }
    error = blk_call(message);
    message->word[0] = (uint64_t)error;
    return true;
}

int main(void)
{
    struct fl_message message;
    bool answered = false;
    uint64_t woken;

    for (;;) {
        if (answered)
            fl_ipc_reply_recv(BLK_SLOT_ENDPOINT, BLK_SLOT_REPLY, &message);
        else
            fl_ipc_recv(BLK_SLOT_ENDPOINT, BLK_SLOT_REPLY, &message);
        if (message.status != FL_OK) /* our clients don't die: the system stops with a report */
            __builtin_trap();
        woken = fl_rdcycle();
        answered = driver_handle(&message);
        driver.cycles += fl_rdcycle() - woken;
    }
}
