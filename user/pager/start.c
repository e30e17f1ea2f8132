/* Start of the pager: reads the boot information, maps the window, starts the core, indexes the
 * initrd. */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "core/setting.h"
#include "disks.h"
#include "frames.h"
#include "idle.h"
#include "kernel_port.h"
#include "log.h"
#include "pager.h"

#define START_TRACE_RECORDS 256u
#define START_DISK_SECONDS  2u    /* that a disk holds the boot up */
#define START_SETTING       "vm." /* begins a word of the boot arguments that is a setting */

static const struct fl_boot_info *start_boot_info(void)
{
    const struct fl_boot_info *info = (const struct fl_boot_info *)(uintptr_t)FL_BOOT_INFO;

    if (info->version != FL_ABI_VERSION)
        log_stop("boot information of version %lu, expected %u", info->version, FL_ABI_VERSION);
    if (info->ram_count == 0 || info->ram_count > FL_BOOT_RAM_MAX)
        log_stop("%lu RAM ranges, expected 1 to %u", info->ram_count, FL_BOOT_RAM_MAX);
    return info;
}

static void start_map(uint64_t slot, uint64_t page, uint64_t address, uint64_t pages,
                      uint32_t rights)
{
    uint64_t status = pages ? frames_map_own(slot, page, address, pages, rights) : FL_OK;

    if (status != FL_OK)
        log_stop("window: %lu pages of slot %lu: status 0x%lx", pages, slot, status);
}

static void start_map_window(const struct fl_boot_info *info)
{
    uint64_t window = PAGER_WINDOW;

    for (uint64_t i = 0; i < info->ram_count; i++) {
        const struct fl_boot_ram *ram = &info->ram[i];

        start_map(PAGER_SLOT_RAM + i, ram->first_free, window + ram->first_free * FL_PAGE_BYTES,
                  ram->pages - ram->first_free, FL_RIGHT_READ | FL_RIGHT_WRITE);
        window += ram->pages * FL_PAGE_BYTES;
    }
    if (info->initrd_bytes > 0)
        start_map(PAGER_SLOT_INITRD, 0, PAGER_WINDOW_INITRD,
                  (info->initrd_offset + info->initrd_bytes + FL_PAGE_BYTES - 1) / FL_PAGE_BYTES,
                  FL_RIGHT_READ);
}

/* Not there without devices. */
static const struct fl_boot_device *start_devices(const struct fl_boot_info *info)
{
    const uint64_t slots = PAGER_SLOT_DEVICES_END - PAGER_SLOT_DEVICES;

    if (info->device_count > slots)
        log_stop("%lu devices, expected %lu at most", info->device_count, slots);
    return (const struct fl_boot_device *)(uintptr_t)FL_BOOT_DEVICE_INFO;
}

static void start_core(struct pager *pager, const struct fl_boot_info *info)
{
    struct vm_config config = {.range_count = (uint32_t)info->ram_count,
                               .archive_bytes = info->initrd_bytes,
                               .archive_offset = info->initrd_offset,
                               .archive_slot = PAGER_SLOT_INITRD,
                               .archive_files = &pager->files,
                               .devices = {.told = start_devices(info),
                                           .count = (uint32_t)info->device_count,
                                           .first_slot = PAGER_SLOT_DEVICES},
                               .zero_slot = PAGER_SLOT_ZERO_PAGE,
                               .port = kernel_port_make(pager)};
    struct object_page zero;
    uint64_t status;

    config.window = (uint8_t *)(uintptr_t)PAGER_WINDOW;
    config.archive = (const uint8_t *)(uintptr_t)(PAGER_WINDOW_INITRD + info->initrd_offset);
    for (uint32_t i = 0; i < config.range_count; i++)
        config.range[i] = (struct page_range){.pages = info->ram[i].pages,
                                              .first_free = info->ram[i].first_free,
                                              .first_frame = info->ram[i].physical / FL_PAGE_BYTES,
                                              .slot = PAGER_SLOT_RAM + i};
    if (!vm_init(&pager->vm, &config))
        log_stop("memory: no room for the page records of %lu ranges", info->ram_count);
    vm_page_locate(&pager->vm, pager->vm.zero_page, &zero);
    status = flr_memory_derive(zero.slot, zero.page, 1, FL_RIGHT_READ | FL_RIGHT_MAP,
                               PAGER_SLOT_CNODE, PAGER_SLOT_ZERO_PAGE)
                 .status;
    if (status != FL_OK)
        log_stop("zero page: status 0x%lx", status);
}

static uint32_t start_block_bytes;

/* page_zero by blocks: with those of 64 bytes, 144 instructions. */
static void start_zero_page(void *contents)
{
    uint32_t step = start_block_bytes;
    uint8_t *at = contents;

    for (const uint8_t *end = at + FL_PAGE_BYTES; at < end;) {
        fl_zero_block(at);
        at += step;
        fl_zero_block(at);
        at += step;
        fl_zero_block(at);
        at += step;
        fl_zero_block(at);
        at += step;
    }
}

/* Blocks of which a page has less than four are not known to exist, and not worth it. */
static void start_choose_zero(struct pager *pager, const struct fl_boot_info *info)
{
    if (info->zero_block_bytes == 0 || info->zero_block_bytes > FL_PAGE_BYTES / 4)
        return;
    start_block_bytes = (uint32_t)info->zero_block_bytes;
    pager->vm.table.zero = start_zero_page;
}

static void start_index_files(struct pager *pager)
{
    static struct cpio_file files[PAGER_FILES_MAX];
    enum cpio_error error;

    pager->files = (struct cpio_index){.files = files, .capacity = PAGER_FILES_MAX};
    if (pager->vm.archive_bytes == 0)
        return;
    error = cpio_index_build(&pager->files, pager->vm.archive, pager->vm.archive_bytes);
    if (error != CPIO_OK)
        log_line("initrd: byte %lu: %s; %u files before it", pager->files.stopped_at,
                 cpio_error_text(error), (unsigned)pager->files.count);
}

/* Whether `word` is among the words of the boot arguments. */
static bool start_has_argument(const char *arguments, const char *word)
{
    size_t bytes = strlen(word);

    for (const char *at = arguments; (at = strstr(at, word)) != NULL; at += bytes) {
        bool starts = at == arguments || at[-1] == ' ';

        if (starts && (at[bytes] == ' ' || at[bytes] == '\0'))
            return true;
    }
    return false;
}

/* Writes a setting as `word` says: vm.NAME=VALUE.  A longer one is cut, and so none. */
static void start_set(struct vm *vm, const char *word, size_t bytes)
{
    char told[2 * SETTING_BYTES], name[sizeof(told)], *value;
    int error = ENOENT;

    bytes = bytes < sizeof(told) ? bytes : sizeof(told) - 1;
    memcpy(told, word, bytes);
    told[bytes] = '\0';
    memcpy(name, told, sizeof(name));
    value = strchr(name, '=');
    if (value) {
        *value++ = '\0';
        error = setting_write(vm, name + strlen(START_SETTING), value);
    }
    if (error)
        log_line("boot arguments: `%s`: %s", told,
                 error == ENOENT ? "no such setting" : "not a value of this setting");
}

/* The words vm.NAME=VALUE of the boot arguments. */
static void start_read_settings(struct vm *vm, const char *arguments)
{
    while (*arguments) {
        size_t bytes = strcspn(arguments, " ");

        if (strncmp(arguments, START_SETTING, strlen(START_SETTING)) == 0)
            start_set(vm, arguments, bytes);
        arguments += bytes;
        arguments += strspn(arguments, " ");
    }
}

void pager_start(struct pager *pager)
{
    static struct trace_record records[START_TRACE_RECORDS];
    const struct fl_boot_info *info = start_boot_info();

    start_map_window(info);
    start_core(pager, info);
    start_choose_zero(pager, info);
    start_index_files(pager);
    if (start_has_argument(info->bootargs, "events=1"))
        pager->vm.trace = (struct trace){.records = records, .capacity = START_TRACE_RECORDS};
    pager->vm.fork_clones = start_has_argument(info->bootargs, "fork=clone");
    pager->vm.commit.strict = start_has_argument(info->bootargs, "overcommit=strict");
    clock_start(info->timebase_hz, start_has_argument(info->bootargs, "clock=work"));
    load_set(&pager->vm, true);
    start_read_settings(&pager->vm, info->bootargs);
    frames_settle_tables(pager);
    disks_start(pager);
    disks_await_headers(pager, info->timebase_hz * START_DISK_SECONDS);
    pager->attention =
        pager->vm.trace.records != NULL || pager->disks_pending || window_is_wanted(&pager->vm);
    idle_start();
}
