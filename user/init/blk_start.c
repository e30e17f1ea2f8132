/* Owns the start of the disk driver, see blk_start.h. */
#include "blk_start.h"

#include <errno.h>
#include <string.h>

#include "boot_device.h"
#include "fl_calls.h"
#include "initrd.h"
#include "log.h"
#include "protocol.h"
#include "slots.h"
#include "virtio_registers.h"

#define DRIVER_TABLES 5u /* the root; two levels each for the image and for all that is beside it */

static const struct pinned driver = {"blk", SLOT_BLK_TCB, SLOT_BLK_VSPACE, SLOT_BLK_CNODE, 1};

/* Devices with disks, by their numbers. */
struct blk_found {
    unsigned count, more; /* those that are used, and those beyond */
    unsigned looked_at;
    uint64_t index[BLK_DISKS];
};

static const struct fl_boot_device *blk_device(uint64_t index)
{
    return &((const struct fl_boot_device *)(uintptr_t)FL_BOOT_DEVICE_INFO)[index];
}

/* --- which disks ------------------------------------------------------------------------------- */

static uint32_t blk_look_read(void *context, uint32_t offset)
{
    return *(const volatile uint32_t *)(const void *)((const uint8_t *)context + offset);
}

/* Reads what the device is, through our window. */
static bool blk_is_disk(uint64_t index)
{
    const struct fl_boot_device *device = blk_device(index);
    const struct frames_run window = {.pages = 1};
    const uint64_t offset = device->physical % FL_PAGE_BYTES;
    const struct virtio_port port = {(void *)(uintptr_t)(FRAMES_WINDOW + offset), blk_look_read,
                                     NULL};
    bool found;

    if (device->bytes < VIRTIO_PORT_BYTES || offset > FL_PAGE_BYTES - VIRTIO_PORT_BYTES)
        return false;
    frames_map(FL_BOOT_VSPACE, FL_BOOT_DEVICES + index, 0, FRAMES_WINDOW, 1, FL_RIGHT_READ);
    found = virtio_is_disk(&port);
    frames_window_close(&window);
    return found;
}

static void blk_insert(struct blk_found *found, uint64_t index)
{
    unsigned at = found->count;

    if (found->count == BLK_DISKS) {
        found->more++;
        return;
    }
    for (; at > 0 && blk_device(found->index[at - 1])->physical > blk_device(index)->physical; at--)
        found->index[at] = found->index[at - 1];
    found->index[at] = index;
    found->count++;
}

static void blk_find(struct blk_found *found, const struct fl_boot_info *info)
{
    *found = (struct blk_found){0};
    for (uint64_t i = 0; i < info->device_count; i++) {
        if (strcmp(blk_device(i)->compatible, "virtio,mmio") != 0)
            continue;
        found->looked_at++;
        if (blk_device(i)->interrupt != 0 && blk_is_disk(i))
            blk_insert(found, i);
    }
}

/* --- the driver -------------------------------------------------------------------------------- */

static void blk_expect(const char *what, uint64_t status)
{
    if (status != FL_OK)
        log_stop("%s: %s: status 0x%lx", driver.name, what, status);
}

static const char *blk_find_image(struct elf_image *image)
{
    const struct cpio_file *file = initrd_find(driver.name);
    enum elf_error error;

    if (!file) {
        log_line("initrd: no file `%s`: the disks stay unused", driver.name);
        return NULL;
    }
    error = elf_decode(initrd_contents(file), file->size_bytes, FL_BOOT_INFO, image);
    if (error == ELF_OK)
        return initrd_contents(file);
    log_line("initrd: %s: %s (%lu bytes): the disks stay unused", driver.name,
             elf_error_text(error), file->size_bytes);
    return NULL;
}

/* A capability for a notification with a badge, in SLOT_BLK_HANDED until the next one. */
static uint64_t blk_mint(uint64_t notification, uint64_t badge)
{
    (void)flr_cnode_delete(FL_BOOT_CNODE, SLOT_BLK_HANDED);
    blk_expect("a badge", flr_cnode_copy(FL_BOOT_CNODE, SLOT_BLK_HANDED, FL_BOOT_CNODE,
                                         notification, FL_RIGHT_SEND, badge)
                              .status);
    return SLOT_BLK_HANDED;
}

static void blk_make_objects(const struct blk_found *found)
{
    frames_donate(FL_BOOT_POOL, DRIVER_TABLES);
    frames_make_objects(FL_OBJECT_TCB, 1, SLOT_BLK_TCB);
    frames_make_objects(FL_OBJECT_CNODE, 1, SLOT_BLK_CNODE);
    frames_make_objects(FL_OBJECT_NOTIFICATION, 2, SLOT_BLK_NOTIFICATION);
    frames_make_objects(FL_OBJECT_IRQ_HANDLER, found->count, SLOT_BLK_IRQS);
    blk_expect("bell", flr_cnode_copy(FL_BOOT_CNODE, SLOT_BLK_BELL, FL_BOOT_CNODE,
                                      SLOT_BLK_NOTIFICATION, FL_RIGHT_SEND, BLK_EVENT_BELL)
                           .status);
    blk_expect("our endpoint", flr_cnode_copy(FL_BOOT_CNODE, SLOT_BLK_ROOT, FL_BOOT_CNODE, SLOT_BLK,
                                              FL_RIGHT_CALL, BLK_BADGE_ROOT)
                                   .status);
    blk_expect(
        "timer",
        flr_timer_bind(SLOT_BLK_TIMER, blk_mint(SLOT_BLK_NOTIFICATION, BLK_EVENT_TIMER)).status);
    blk_expect("notification",
               flr_tcb_bind_notification(SLOT_BLK_TCB, SLOT_BLK_NOTIFICATION).status);
}

static void blk_fill_cspace(void)
{
    (void)flr_cnode_delete(FL_BOOT_CNODE, SLOT_BLK_HANDED);
    frames_make_objects(FL_OBJECT_REPLY, 1, SLOT_BLK_HANDED);
    pinned_hand_over(&driver, BLK_SLOT_REPLY, SLOT_BLK_HANDED, "reply");
    pinned_give(&driver, BLK_SLOT_ENDPOINT, SLOT_BLK, FL_RIGHT_RECV, 0, "endpoint");
    pinned_give(&driver, BLK_SLOT_CLIENT, SLOT_BLK_CLIENT, FL_RIGHT_SEND, 0, "client");
    pinned_give(&driver, BLK_SLOT_TIMER, SLOT_BLK_TIMER, FL_RIGHTS_ALL, 0, "timer");
}

/* --- a disk ------------------------------------------------------------------------------------ */

/* Gives the driver memory that the device reads and writes.  Returns: its physical address. */
static uint64_t blk_give_memory(unsigned disk)
{
    const struct frames_run run = frames_take(BLK_MEMORY_PAGES, "a disk's requests");
    struct fl_result pin;

    memset(frames_window_open(&run), 0, BLK_MEMORY_PAGES * FL_PAGE_BYTES);
    frames_window_close(&run);
    frames_map(SLOT_BLK_VSPACE, FL_BOOT_RAM + run.range, run.page,
               BLK_MEMORY + disk * BLK_MEMORY_PAGES * FL_PAGE_BYTES, BLK_MEMORY_PAGES,
               FL_RIGHT_READ | FL_RIGHT_WRITE);
    pin = flr_memory_pin(FL_BOOT_RAM + run.range, run.page, BLK_MEMORY_PAGES, FL_BOOT_CNODE,
                         SLOT_BLK_HANDED);
    blk_expect("a pin", pin.status);
    pinned_hand_over(&driver, BLK_SLOT_PINS + disk, SLOT_BLK_HANDED, "pin");
    return pin.value;
}

/* Its first interrupt can come only after START. */
static bool blk_give_interrupt(unsigned disk, uint64_t index)
{
    const uint64_t source = blk_device(index)->interrupt, slot = SLOT_BLK_IRQS + disk;
    const uint64_t status = flr_system_irq(FL_BOOT_SYSTEM, source, slot).status;

    if (status != FL_OK) {
        log_line("disk %u: interrupt %lu: status 0x%lx: it stays unused", disk, source, status);
        return false;
    }
    pinned_give(&driver, BLK_SLOT_IRQS + disk, slot, FL_RIGHTS_ALL, 0, "interrupt");
    return true;
}

static const char *blk_reason(uint64_t error)
{
    switch (error) {
    case ENODEV:
        return "it is a disk no more";
    case ETIMEDOUT:
        return "it does not confirm a reset";
    case EOPNOTSUPP:
        return "it wants features that the driver lacks";
    case ENXIO:
        return "it has no queue to work with";
    case EDOM:
        return "its sizes are impossible";
    default:
        return "the driver refuses it";
    }
}

static void blk_tell(unsigned disk, const struct fl_boot_device *device)
{
    const struct fl_message answer = fl_ipc_call(
        SLOT_BLK_ROOT, FL_INFO(FL_PROTOCOL_LABEL(BLK_VERSION, BLK_INFO), 4), disk, 0, 0, 0);
    struct blk_info info;

    blk_expect("INFO", answer.status);
    memcpy(&info, fl_buffer_data(), sizeof info);
    log_line("disk %u: %lu KiB at 0x%lx%s", disk, info.sectors / 2, device->physical,
             info.read_only ? ", read-only" : "");
}

static void blk_start_disk(unsigned disk, uint64_t index, uint64_t limit)
{
    const struct fl_boot_device *device = blk_device(index);
    const uint64_t physical = blk_give_memory(disk);
    struct fl_message answer;

    frames_map(SLOT_BLK_VSPACE, FL_BOOT_DEVICES + index, 0, BLK_REGISTERS + disk * FL_PAGE_BYTES, 1,
               FL_RIGHT_READ | FL_RIGHT_WRITE);
    if (!blk_give_interrupt(disk, index))
        return;
    answer = fl_ipc_call(SLOT_BLK_ROOT, FL_INFO(FL_PROTOCOL_LABEL(BLK_VERSION, BLK_START), 4), disk,
                         device->physical % FL_PAGE_BYTES, physical, limit);
    blk_expect("START", answer.status);
    if (answer.word[0] != 0) {
        log_line("disk %u: the device at 0x%lx stays unused: %s (error %lu)", disk,
                 device->physical, blk_reason(answer.word[0]), answer.word[0]);
        return;
    }
    blk_expect(
        "its interrupt",
        flr_irq_bind(SLOT_BLK_IRQS + disk, blk_mint(SLOT_BLK_NOTIFICATION, 1ull << disk)).status);
    (void)flr_cnode_delete(FL_BOOT_CNODE, SLOT_BLK_HANDED);
    blk_tell(disk, device);
}

/* --- start ------------------------------------------------------------------------------------- */

static void blk_make_rings(struct blk_disks *disks)
{
    disks->rings = frames_take(disks->count, "the disks' rings");
    memset(frames_window_open(&disks->rings), 0, disks->count * FL_PAGE_BYTES);
    frames_window_close(&disks->rings);
    frames_map(SLOT_BLK_VSPACE, FL_BOOT_RAM + disks->rings.range, disks->rings.page, BLK_RINGS,
               disks->count, FL_RIGHT_READ | FL_RIGHT_WRITE);
}

void blk_start(struct blk_disks *disks, const struct fl_boot_info *info, uint64_t limit_ticks)
{
    struct elf_image image;
    struct blk_found found;
    const char *file;

    *disks = (struct blk_disks){0};
    blk_find(&found, info);
    if (found.count == 0)
        log_line("no disk among %u virtio devices", found.looked_at);
    if (found.more > 0)
        log_line("%u disks beyond the first %u stay unused", found.more, BLK_DISKS);
    file = found.count > 0 ? blk_find_image(&image) : NULL;
    if (!file)
        return;
    blk_make_objects(&found);
    pinned_load(&driver, FL_BOOT_POOL, &image, file);
    disks->count = found.count;
    blk_make_rings(disks);
    blk_fill_cspace();
    pinned_run(&driver, image.entry, PRIORITY_BLK);
    for (unsigned i = 0; i < found.count; i++) {
        disks->devices |= 1ull << found.index[i];
        blk_start_disk(i, found.index[i], limit_ticks);
    }
}

void blk_give_client(const struct blk_disks *disks, const struct pinned *client, uint64_t endpoint,
                     uint64_t bell)
{
    frames_map(client->vspace, FL_BOOT_RAM + disks->rings.range, disks->rings.page, BLK_RINGS,
               disks->count, FL_RIGHT_READ | FL_RIGHT_WRITE);
    pinned_give(client, endpoint, SLOT_BLK, FL_RIGHT_CALL, BLK_BADGE_CLIENT, "disks");
    pinned_give(client, bell, SLOT_BLK_BELL, FL_RIGHT_SEND, 0, "the disks' bell");
    blk_expect("its client", flr_tcb_bind_notification(client->tcb, SLOT_BLK_CLIENT).status);
}
