/* The pager's loop on the host: see pager_main_host.h.  In the place of start.c, clock.c and log.c. */
#include "pager_main_host.h"

#define main pager_main
#include "../../user/pager/main.c"
#undef main

#include <stdarg.h>
#include <string.h>

#include "../../user/pager/clock.h"
#include "../../user/pager/kernel_port.h"
#include "fail_nth.h"
#include "kernel_fake.h"

static struct vm_config host_config;
static bool host_started;

void pager_main_host_start(uint8_t *window, uint8_t *archive, uint64_t archive_bytes)
{
    host_config = (struct vm_config){
        .range = {{.pages = KERNEL_FRAMES, .first_free = KERNEL_OUTSIDE, .slot = PAGER_SLOT_RAM}},
        .range_count = 1,
        .window = window,
        .archive = archive,
        .archive_bytes = archive_bytes,
        .archive_slot = PAGER_SLOT_INITRD,
        .archive_files = &pager.files,
        .zero_slot = PAGER_SLOT_ZERO_PAGE};
    host_started = false;
}

/* Once a machine; the loop is entered anew for each message. */
void pager_start(struct pager *started)
{
    static struct cpio_file files[8];

    if (host_started)
        return;
    host_started = true;
    memset(started, 0, sizeof *started);
    host_config.port = kernel_port_make(started);
    fail_nth_expect(vm_init(&started->vm, &host_config), "the core does not start");
    started->files = (struct cpio_index){.files = files, .capacity = 8};
    (void)cpio_index_build(&started->files, host_config.archive, host_config.archive_bytes);
    kernel_fake.pager = started;
    frames_settle_tables(started);
}

/* No time passes. */
bool clock_attend(struct pager *host)
{
    (void)host;
    return false;
}

void clock_note_idle(struct pager *host)
{
    (void)host;
}

void clock_tell_load(struct pager *host)
{
    struct load_event event;

    while (load_take_event(&host->vm, &event))
        ;
}

/* A refused call is told in the log: that is all that it may be. */
void log_line(const char *format, ...)
{
    (void)format;
}

void log_limited_line(struct log_limit *limit, const char *format, ...)
{
    (void)limit;
    (void)format;
}

void log_stop(const char *format, ...)
{
    fail_nth_expect(false, format);
    for (;;)
        ;
}
