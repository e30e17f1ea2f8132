/* Owns the root task's mapping of the initrd, see initrd.h. */
#include "initrd.h"

#include <string.h>

#include "frames.h"
#include "log.h"

#define INITRD_WINDOW    0x2000000000ull
#define INITRD_FILES_MAX 512u
#define TABLE_ENTRIES    512u

static struct cpio_file initrd_table[INITRD_FILES_MAX];
static struct {
    const char *archive;
    struct cpio_index index;
} initrd = {.index = {.files = initrd_table, .capacity = INITRD_FILES_MAX}};

static uint64_t initrd_pages(const struct fl_boot_info *info)
{
    return (info->initrd_offset + info->initrd_bytes + FL_PAGE_BYTES - 1) / FL_PAGE_BYTES;
}

uint64_t initrd_tables(const struct fl_boot_info *info)
{
    return initrd_pages(info) / TABLE_ENTRIES + 1 + 1;
}

void initrd_open(const struct fl_boot_info *info)
{
    enum cpio_error error;

    if (info->initrd_bytes == 0)
        log_stop("initrd: there is none; it must hold the program `pager`");
    frames_map(FL_BOOT_VSPACE, FL_BOOT_INITRD, 0, INITRD_WINDOW, initrd_pages(info), FL_RIGHT_READ);
    initrd.archive = (const char *)(uintptr_t)(INITRD_WINDOW + info->initrd_offset);
    error = cpio_index_build(&initrd.index, initrd.archive, info->initrd_bytes);
    if (error != CPIO_OK)
        log_stop("initrd: %s at byte %lu of %lu", cpio_error_text(error), initrd.index.stopped_at,
                 info->initrd_bytes);
}

const struct cpio_file *initrd_find(const char *name)
{
    return cpio_index_find(&initrd.index, name, (uint32_t)strlen(name));
}

const char *initrd_contents(const struct cpio_file *file)
{
    return initrd.archive + file->offset;
}

uint32_t initrd_files(void)
{
    return initrd.index.count;
}
