/* Owns the root task's share of RAM, see frames.h for F1 and F2. */
#include "frames.h"

#include "fl_calls.h"
#include "log.h"

#define KIB(pages) ((pages) * (FL_PAGE_BYTES / 1024))

static struct {
    uint64_t ranges;
    struct fl_boot_ram ram[FL_BOOT_RAM_MAX];
} frames;

void frames_init(const struct fl_boot_info *info)
{
    frames.ranges = info->ram_count < FL_BOOT_RAM_MAX ? info->ram_count : FL_BOOT_RAM_MAX;
    for (uint64_t i = 0; i < frames.ranges; i++)
        frames.ram[i] = info->ram[i];
}

uint64_t frames_free_pages(void)
{
    uint64_t pages = 0;

    for (uint64_t i = 0; i < frames.ranges; i++)
        pages += frames.ram[i].pages - frames.ram[i].first_free;
    return pages;
}

uint64_t frames_total_pages(void)
{
    uint64_t pages = 0;

    for (uint64_t i = 0; i < frames.ranges; i++)
        pages += frames.ram[i].pages;
    return pages;
}

void frames_limit(uint64_t pages)
{
    uint64_t unused = frames_free_pages();

    unused = unused > pages ? unused - pages : 0;
    for (uint64_t i = frames.ranges; i-- > 0;) {
        struct fl_boot_ram *ram = &frames.ram[i];
        uint64_t part = ram->pages - ram->first_free;

        if (part > unused)
            part = unused;
        ram->pages -= part;
        unused -= part;
    }
}

void frames_describe(struct fl_boot_info *info)
{
    for (uint64_t i = 0; i < frames.ranges; i++) {
        info->ram[i].first_free = frames.ram[i].first_free;
        info->ram[i].pages = frames.ram[i].pages;
    }
    while (info->ram_count > 1 && info->ram[info->ram_count - 1].pages == 0)
        info->ram_count--;
}

struct frames_run frames_take(uint64_t pages, const char *what)
{
    for (uint64_t i = 0; i < frames.ranges; i++) {
        struct fl_boot_ram *ram = &frames.ram[i];
        struct frames_run run = {i, ram->first_free, pages};

        if (ram->pages - ram->first_free < pages)
            continue;
        ram->first_free += pages;
        return run;
    }
    log_stop("memory: %lu KiB in a row wanted for %s, %lu KiB free in %lu ranges", KIB(pages), what,
             KIB(frames_free_pages()), frames.ranges);
}

void frames_make_objects(enum fl_object type, uint64_t count, uint64_t slot)
{
    struct frames_run run = frames_take(type == FL_OBJECT_CNODE ? count : 1, "kernel objects");
    uint64_t status =
        flr_memory_retype(FL_BOOT_RAM + run.range, run.page, type, count, FL_BOOT_CNODE, slot)
            .status;

    if (status != FL_OK)
        log_stop("retype of RAM %lu page %lu to %lu objects of type %u: status 0x%lx", run.range,
                 run.page, count, (unsigned)type, status);
}

void frames_donate(uint64_t pool, uint64_t pages)
{
    struct frames_run run = frames_take(pages, "page tables");
    struct fl_result result;

    do {
        result = flr_pool_donate(pool, FL_BOOT_RAM + run.range, run.page, run.pages);
        run.page += result.value;
        run.pages -= result.value;
    } while (result.status == FL_MORE);
    if (result.status != FL_OK)
        log_stop("donation of RAM %lu page %lu to a pool: status 0x%lx", run.range, run.page,
                 result.status);
}

void frames_map(uint64_t vspace, uint64_t memory, uint64_t page, uint64_t address, uint64_t pages,
                uint32_t rights)
{
    struct fl_result result;

    do {
        result = flr_vspace_map(vspace, memory, page, address, pages, rights);
        page += result.value;
        address += result.value * FL_PAGE_BYTES;
        pages -= result.value;
    } while (result.status == FL_MORE);
    if (result.status != FL_OK)
        log_stop("mapping page %lu of slot %lu at 0x%lx: status 0x%lx", page, memory, address,
                 result.status);
}

void *frames_window_open(const struct frames_run *run)
{
    frames_map(FL_BOOT_VSPACE, FL_BOOT_RAM + run->range, run->page, FRAMES_WINDOW, run->pages,
               FL_RIGHT_READ | FL_RIGHT_WRITE);
    return (void *)(uintptr_t)FRAMES_WINDOW;
}

void frames_window_close(const struct frames_run *run)
{
    uint64_t address = FRAMES_WINDOW, pages = run->pages;
    struct fl_result result;

    do {
        result = flr_vspace_unmap(FL_BOOT_VSPACE, address, pages);
        address += result.value * FL_PAGE_BYTES;
        pages -= result.value;
    } while (result.status == FL_MORE);
    if (result.status != FL_OK)
        log_stop("unmapping the window at 0x%lx: status 0x%lx", address, result.status);
}
