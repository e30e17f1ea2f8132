/* Owns the start of the pager, see pager_start.h. */
#include "pager_start.h"

#include <string.h>

#include "fl_calls.h"
#include "initrd.h"
#include "log.h"
#include "pinned.h"
#include "protocol.h"
#include "slots.h"

#define PAGER_CNODE_FRAMES 2u /* two slots for each space */
#define PAGER_SPARE_TABLES 40u
#define PAGER_OBJECTS      5u   /* frames of CNode, pool, Replies and a notification */
#define PAGER_WORKING      128u /* pages below which no program would start */
#define PAGES_PER_TABLE    512u

_Static_assert((int)DEVICE_CHOICE_MAX <= PAGER_SLOT_DEVICES_END - PAGER_SLOT_DEVICES,
               "a slot for each device");

static const struct pinned pager = {"pager", SLOT_PAGER_TCB, SLOT_PAGER_VSPACE, SLOT_PAGER_CNODE,
                                    FL_BOOT_STACK_PAGES};

/* Tables for the pager's window over all its RAM and for a first program. */
static uint64_t pager_pool_pages(void)
{
    return frames_total_pages() / PAGES_PER_TABLE + PAGER_SPARE_TABLES;
}

/* What it takes to start the pager: its objects, its space, its boot information and that of devices. */
static uint64_t pager_own_pages(const struct elf_image *image)
{
    return PAGER_OBJECTS + pinned_pages(&pager, image) + 2;
}

static void pager_check_memory(const struct elf_image *image)
{
    uint64_t pages = pager_pool_pages() + PAGER_WORKING + pager_own_pages(image);

    if (frames_free_pages() < pages)
        log_stop("memory: %lu KiB free of %lu KiB, the pager needs %lu KiB",
                 frames_free_pages() * 4, frames_total_pages() * 4, pages * 4);
}

/* Keeps back what the pager shall not have (mem=).  What it takes to start it is not counted; the tables of its
 * pool are, since it gets them back. */
static void pager_limit_memory(const struct elf_image *image, uint64_t bytes)
{
    uint64_t limit = bytes / FL_PAGE_BYTES, least = PAGER_SPARE_TABLES + PAGER_WORKING;
    uint64_t left = frames_free_pages() - pager_own_pages(image);

    if (bytes == 0 || left <= limit)
        return;
    if (limit < least)
        log_stop("memory: mem= leaves the pager %lu KiB, it needs %lu KiB", limit * 4, least * 4);
    log_line("%lu KiB are the pager's, %lu KiB stay unused", limit * 4, (left - limit) * 4);
    frames_limit(limit + pager_own_pages(image));
}

static const char *pager_find(struct elf_image *image)
{
    const struct cpio_file *file = initrd_find(pager.name);
    enum elf_error error;

    if (!file)
        log_stop("initrd: no file `pager` among its %u files", initrd_files());
    error = elf_decode(initrd_contents(file), file->size_bytes, FL_BOOT_INFO, image);
    if (error != ELF_OK)
        log_stop("initrd: pager: %s (%lu bytes)", elf_error_text(error), file->size_bytes);
    return initrd_contents(file);
}

static void pager_make_replies(void)
{
    const uint64_t replies = PAGER_SLOT_REPLIES_END - PAGER_SLOT_REPLIES;
    struct frames_run run = frames_take(1, "the pager's Replies");
    uint64_t status = flr_memory_retype(FL_BOOT_RAM + run.range, run.page, FL_OBJECT_REPLY, replies,
                                        SLOT_PAGER_CNODE, PAGER_SLOT_REPLIES)
                          .status;

    if (status != FL_OK)
        log_stop("retype of RAM %lu page %lu to %lu Replies: status 0x%lx", run.range, run.page,
                 replies, status);
}

static void pager_make_objects(void)
{
    frames_make_objects(FL_OBJECT_CNODE, PAGER_CNODE_FRAMES, SLOT_PAGER_CNODE);
    pager_make_replies();
    frames_make_objects(FL_OBJECT_TABLE_POOL, 1, SLOT_POOL);
    frames_donate(SLOT_POOL, pager_pool_pages());
}

/* Gives it the devices that programs may open, with what the kernel told of them. */
static void pager_give_devices(const struct device_grants *grants)
{
    struct frames_run run;
    void *told;

    if (grants->count == 0)
        return;
    for (unsigned i = 0; i < grants->count; i++)
        pinned_give(&pager, PAGER_SLOT_DEVICES + i, FL_BOOT_DEVICES + grants->index[i],
                    FL_RIGHT_READ | FL_RIGHT_WRITE | FL_RIGHT_MAP, 0, "device");
    run = frames_take(1, "what the pager knows of devices");
    told = frames_window_open(&run);
    memset(told, 0, FL_PAGE_BYTES);
    device_grants_describe(grants, told);
    frames_map(SLOT_PAGER_VSPACE, FL_BOOT_RAM + run.range, run.page, FL_BOOT_DEVICE_INFO, 1,
               FL_RIGHT_READ);
    frames_window_close(&run);
}

/* Last of all that takes frames: the pager's copy says what is left. */
static void pager_map_boot_info(const struct fl_boot_info *info, uint64_t devices)
{
    struct frames_run run = frames_take(1, "the pager's boot information");
    struct fl_boot_info *copy = frames_window_open(&run);

    memset(copy, 0, FL_PAGE_BYTES);
    *copy = *info;
    copy->device_count = devices;
    frames_describe(copy);
    frames_map(SLOT_PAGER_VSPACE, FL_BOOT_RAM + run.range, run.page, FL_BOOT_INFO, 1,
               FL_RIGHT_READ);
    frames_window_close(&run);
}

static void pager_fill_cspace(const struct fl_boot_info *info, bool has_console)
{
    const struct {
        uint64_t to, from;
        const char *what;
    } slots[] = {
        {PAGER_SLOT_CNODE, SLOT_PAGER_CNODE, "its CNode"},
        {PAGER_SLOT_ENDPOINT, SLOT_PAGER, "endpoint"},
        {PAGER_SLOT_VSPACE, SLOT_PAGER_VSPACE, "its space"},
        {PAGER_SLOT_POOL, SLOT_POOL, "pool"},
        {PAGER_SLOT_SYSTEM, FL_BOOT_SYSTEM, "system"},
        {PAGER_SLOT_INITRD, FL_BOOT_INITRD, "initrd"},
    };

    for (unsigned i = 0; i < sizeof slots / sizeof slots[0]; i++)
        pinned_give(&pager, slots[i].to, slots[i].from, FL_RIGHTS_ALL, 0, slots[i].what);
    pinned_give(&pager, PAGER_SLOT_EVENTS, SLOT_WAKE_PAGER, FL_RIGHT_SEND, 0, "events");
    for (uint64_t i = 0; i < info->ram_count; i++)
        pinned_give(&pager, PAGER_SLOT_RAM + i, FL_BOOT_RAM + i, FL_RIGHTS_ALL, 0, "RAM");
    if (has_console)
        pinned_give(&pager, PAGER_SLOT_CONSOLE, SLOT_CONSOLE, FL_RIGHT_CALL, CONSOLE_BADGE_PAGER,
                    "console");
}

/* The pager starts this thread itself: it knows where. */
static void pager_make_idle_thread(void)
{
    pinned_prepare(&pager, SLOT_PAGER_IDLE_TCB, PRIORITY_IDLE);
    pinned_give(&pager, PAGER_SLOT_IDLE_TCB, SLOT_PAGER_IDLE_TCB, FL_RIGHTS_ALL, 0, "idle thread");
    pinned_give(&pager, PAGER_SLOT_IDLE_WAKE, SLOT_PAGER_IDLE_WAKE, FL_RIGHT_SEND | FL_RIGHT_RECV,
                1, "what wakes it");
}

/* Its timer signals what is bound to its thread; where there are disks, that is there already. */
static void pager_make_timer(bool has_disks)
{
    uint64_t status = FL_OK;

    if (!has_disks) {
        frames_make_objects(FL_OBJECT_NOTIFICATION, 1, SLOT_BLK_CLIENT);
        status = flr_tcb_bind_notification(SLOT_PAGER_TCB, SLOT_BLK_CLIENT).status;
    }
    if (status == FL_OK)
        status = flr_timer_bind(SLOT_PAGER_TIMER, SLOT_BLK_CLIENT).status;
    if (status != FL_OK)
        log_stop("pager: its timer: status 0x%lx", status);
    pinned_give(&pager, PAGER_SLOT_TIMER, SLOT_PAGER_TIMER, FL_RIGHTS_ALL, 0, "timer");
}

static void pager_mint_root(void)
{
    uint64_t status =
        flr_cnode_copy(FL_BOOT_CNODE, SLOT_PAGER_ROOT, FL_BOOT_CNODE, SLOT_PAGER,
                       FL_RIGHT_SEND | FL_RIGHT_CALL, PAGER_BADGE(PAGER_BADGE_ROOT, 0, 0))
            .status;

    if (status != FL_OK)
        log_stop("pager: our endpoint: status 0x%lx", status);
}

void pager_start(const struct fl_boot_info *info, const struct boot_arguments *words,
                 bool has_console, const struct device_grants *grants,
                 const struct blk_disks *disks)
{
    struct elf_image image;
    const char *file = pager_find(&image);

    pager_check_memory(&image);
    pager_limit_memory(&image, words->memory_bytes);
    pager_make_objects();
    pinned_load(&pager, SLOT_POOL, &image, file);
    pager_fill_cspace(info, has_console);
    pager_make_idle_thread();
    pager_mint_root();
    pager_give_devices(grants);
    if (disks->count > 0)
        blk_give_client(disks, &pager, PAGER_SLOT_BLK, PAGER_SLOT_BLK_BELL);
    pager_make_timer(disks->count > 0);
    pager_map_boot_info(info, grants->count);
    pinned_run(&pager, image.entry, PRIORITY_PAGER);
}
