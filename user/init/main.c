/* Owns the order of the boot: each step needs what those before it made. */
#include "boot_arguments.h"
#include "console.h"
#include "console_start.h"
#include "device_grants.h"
#include "fl_calls.h"
#include "frames.h"
#include "initrd.h"
#include "log.h"
#include "objects.h"
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

int main(void)
{
    const struct fl_boot_info *info = (const struct fl_boot_info *)(uintptr_t)FL_BOOT_INFO;
    struct device_grants grants;

    init_read_boot_info(info);
    frames_init(info);
    frames_donate(FL_BOOT_POOL, initrd_tables(info) + INIT_WINDOW_TABLES);
    initrd_open(info);
    log_line("%lu KiB of %lu KiB free, initrd of %u files in %lu KiB", frames_free_pages() * 4,
             frames_total_pages() * 4, initrd_files(), info->initrd_bytes / 1024);
    (void)flr_tcb_set_priority(FL_BOOT_TCB, FL_BOOT_SCHED, PRIORITY_INIT);
    objects_make();
    device_grants_make(&grants, info, &boot_arguments, console_start(info));
    watch_start(info->timebase_hz);
    pager_start(info, console_has_driver(), &grants);
    process_init(info->timebase_hz);
    server_init(info->timebase_hz);
    session_start(&boot_arguments);
    server_run();
}
