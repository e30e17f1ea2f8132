/* Owns the order of the boot: each step needs what those before it made. */
#include "blk_start.h"
#include "boot_arguments.h"
#include "console.h"
#include "console_start.h"
#include "device_grants.h"
#include "fl_calls.h"
#include "frames.h"
#include "initrd.h"
#include "log.h"
#include "objects.h"
#include "pager_client.h"
#include "pager_start.h"
#include "process.h"
#include "server.h"
#include "session.h"
#include "slots.h"
#include "watch.h"

#define INIT_WINDOW_TABLES 2u /* of the window in frames.c */

int main(void); /* entered from server_crt0.S */

static struct boot_arguments boot_arguments; /* console.c keeps the nonce in it */

static void init_read_boot_info(const struct fl_boot_info *info)
{
    if (info->version != FL_ABI_VERSION)
        log_stop("boot information of version %lu, we know %u", info->version, FL_ABI_VERSION);
    boot_arguments_parse(info->bootargs, &boot_arguments);
    console_init(boot_arguments.nonce);
    if (boot_arguments.refused)
        log_stop("boot arguments: can't read `%s`", boot_arguments.refused);
    if (info->cnode_slots < SLOTS_END)
        log_stop("our CNode has %lu slots, we need %u", info->cnode_slots, (unsigned)SLOTS_END);
}

/* Ticks until a silent disk is reset.  Counted work has no such limit: it stands still while a disk
 * works, and time leaps. */
static uint64_t init_disk_limit(const struct fl_boot_info *info)
{
    return boot_arguments.counts_work ? 0 : info->timebase_hz * boot_arguments.disk_limit_ms / 1000;
}

int main(void)
{
    const struct fl_boot_info *info = (const struct fl_boot_info *)(uintptr_t)FL_BOOT_INFO;
    struct device_grants grants;
    struct blk_disks disks;
    uint64_t driven;

    init_read_boot_info(info);
    frames_init(info);
    frames_donate(FL_BOOT_POOL, initrd_tables(info) + INIT_WINDOW_TABLES);
    initrd_open(info);
    log_line("%lu KiB of %lu KiB free, initrd of %u files in %lu KiB", frames_free_pages() * 4,
             frames_total_pages() * 4, initrd_files(), info->initrd_bytes / 1024);
    (void)flr_tcb_set_priority(FL_BOOT_TCB, FL_BOOT_SCHED, PRIORITY_INIT);
    objects_make();
    driven = console_start(info);
    blk_start(&disks, info, init_disk_limit(info));
    device_grants_make(&grants, info, &boot_arguments, driven | disks.devices);
    watch_start(boot_arguments.counts_work ? 0 : info->timebase_hz, disks.count > 0);
    pager_start(info, &boot_arguments, console_has_driver(), &grants, &disks);
    process_init(info->timebase_hz);
    server_init(info->timebase_hz);
    if (disks.count > 0) /* answered when their headers were read: no work of the session's */
        (void)pager_probe();
    session_start(&boot_arguments);
    server_run();
}
