/* Owns the start of the pager, see pager_start.h. */
#include "pager_start.h"

#include <string.h>

#include "elf.h"
#include "fl_calls.h"
#include "frames.h"
#include "initrd.h"
#include "log.h"
#include "protocol.h"
#include "slots.h"

#define PAGER_CNODE_FRAMES 2u /* two slots for each space */
#define PAGER_SPARE_TABLES 40u
#define PAGER_OBJECTS      4u   /* frames of TCB, CNode less one, VSPACE, pool */
#define PAGER_WORKING      128u /* pages below which no program would start */
#define PAGES_PER_TABLE    512u

static const uint32_t read_write = FL_RIGHT_READ | FL_RIGHT_WRITE;

static uint64_t pager_segment_first(const struct elf_segment *segment)
{
    return segment->start & ~(uint64_t)(FL_PAGE_BYTES - 1);
}

static uint64_t pager_segment_pages(const struct elf_segment *segment)
{
    uint64_t end = segment->start + segment->memory_bytes;

    return (end - pager_segment_first(segment) + FL_PAGE_BYTES - 1) / FL_PAGE_BYTES;
}

/* Tables for the pager's window over all RAM and for a first program. */
static uint64_t pager_pool_pages(void)
{
    return frames_total_pages() / PAGES_PER_TABLE + PAGER_SPARE_TABLES;
}

static void pager_check_memory(const struct elf_image *image)
{
    uint64_t pages = pager_pool_pages() + PAGER_CNODE_FRAMES + PAGER_OBJECTS + PAGER_WORKING +
                     FL_BOOT_STACK_PAGES + 2;

    for (uint32_t i = 0; i < image->count; i++)
        pages += pager_segment_pages(&image->segment[i]);
    if (frames_free_pages() < pages)
        log_stop("memory: %lu KiB free of %lu KiB, the pager needs %lu KiB",
                 frames_free_pages() * 4, frames_total_pages() * 4, pages * 4);
}

static const char *pager_find(struct elf_image *image)
{
    const struct cpio_file *file = initrd_find("pager");
    enum elf_error error;

    if (!file)
        log_stop("initrd: no file `pager` among its %u files", initrd_files());
    error = elf_decode(initrd_contents(file), file->size_bytes, FL_BOOT_INFO, image);
    if (error != ELF_OK)
        log_stop("initrd: pager: %s (%lu bytes)", elf_error_text(error), file->size_bytes);
    return initrd_contents(file);
}

static void pager_make_objects(void)
{
    uint64_t status;

    frames_make_objects(FL_OBJECT_TCB, 1, SLOT_PAGER_TCB);
    frames_make_objects(FL_OBJECT_CNODE, PAGER_CNODE_FRAMES, SLOT_PAGER_CNODE);
    frames_make_objects(FL_OBJECT_VSPACE, 1, SLOT_PAGER_VSPACE);
    frames_make_objects(FL_OBJECT_TABLE_POOL, 1, SLOT_POOL);
    frames_donate(SLOT_POOL, pager_pool_pages());
    status = flr_vspace_set_pool(SLOT_PAGER_VSPACE, SLOT_POOL).status;
    if (status != FL_OK)
        log_stop("pager: its space gets no root table: status 0x%lx", status);
}

/* Copies the part of a segment's file bytes that lies in [address, address + bytes) to `to`. */
static void pager_copy_part(char *to, uint64_t address, uint64_t bytes,
                            const struct elf_segment *segment, const char *file)
{
    uint64_t start = segment->start > address ? segment->start : address;
    uint64_t file_end = segment->start + segment->file_bytes;
    uint64_t end = file_end < address + bytes ? file_end : address + bytes;

    memset(to, 0, bytes);
    if (start < end)
        memcpy(to + (start - address), file + segment->file_offset + (start - segment->start),
               end - start);
}

static void pager_load_segment(const struct elf_segment *segment, const char *file)
{
    uint64_t address = pager_segment_first(segment);
    uint64_t left = pager_segment_pages(segment);

    while (left > 0) {
        uint64_t pages = left < FRAMES_WINDOW_PAGES ? left : FRAMES_WINDOW_PAGES;
        struct frames_run run = frames_take(pages, "the pager's image");

        pager_copy_part(frames_window_open(&run), address, pages * FL_PAGE_BYTES, segment, file);
        frames_map(SLOT_PAGER_VSPACE, FL_BOOT_RAM + run.range, run.page, address, pages,
                   segment->rights);
        frames_window_close(&run);
        address += pages * FL_PAGE_BYTES;
        left -= pages;
    }
}

/* Maps zeroed frames into the pager's space. */
static struct frames_run pager_map_zeroed(uint64_t address, uint64_t pages, const char *what)
{
    struct frames_run run = frames_take(pages, what);

    memset(frames_window_open(&run), 0, pages * FL_PAGE_BYTES);
    frames_map(SLOT_PAGER_VSPACE, FL_BOOT_RAM + run.range, run.page, address, pages, read_write);
    frames_window_close(&run);
    return run;
}

static void pager_map_fixed(void)
{
    struct frames_run buffer;
    uint64_t status;

    pager_map_zeroed(FL_BOOT_STACK - FL_BOOT_STACK_PAGES * FL_PAGE_BYTES, FL_BOOT_STACK_PAGES,
                     "the pager's stack");
    buffer = pager_map_zeroed(FL_BUFFER, 1, "the pager's message buffer");
    status = flr_tcb_set_buffer(SLOT_PAGER_TCB, FL_BOOT_RAM + buffer.range, buffer.page, 0).status;
    if (status != FL_OK)
        log_stop("pager: no message buffer: status 0x%lx", status);
}

/* Last of all that takes frames: the pager's copy says what is left. */
static void pager_map_boot_info(const struct fl_boot_info *info)
{
    struct frames_run run = frames_take(1, "the pager's boot information");
    struct fl_boot_info *copy = frames_window_open(&run);

    memset(copy, 0, FL_PAGE_BYTES);
    *copy = *info;
    frames_describe(copy);
    frames_map(SLOT_PAGER_VSPACE, FL_BOOT_RAM + run.range, run.page, FL_BOOT_INFO, 1,
               FL_RIGHT_READ);
    frames_window_close(&run);
}

static void pager_give(uint64_t to, uint64_t from, uint32_t rights, const char *what)
{
    uint64_t status = flr_cnode_copy(SLOT_PAGER_CNODE, to, FL_BOOT_CNODE, from, rights, 0).status;

    if (status != FL_OK)
        log_stop("pager: its slot %lu (%s): status 0x%lx", to, what, status);
}

static void pager_fill_cspace(const struct fl_boot_info *info)
{
    uint64_t status;

    pager_give(PAGER_SLOT_CNODE, SLOT_PAGER_CNODE, FL_RIGHTS_ALL, "its CNode");
    pager_give(PAGER_SLOT_ENDPOINT, SLOT_PAGER, FL_RIGHTS_ALL, "endpoint");
    pager_give(PAGER_SLOT_EVENTS, SLOT_WAKE_PAGER, FL_RIGHT_SEND, "events");
    pager_give(PAGER_SLOT_VSPACE, SLOT_PAGER_VSPACE, FL_RIGHTS_ALL, "its space");
    pager_give(PAGER_SLOT_POOL, SLOT_POOL, FL_RIGHTS_ALL, "pool");
    pager_give(PAGER_SLOT_SYSTEM, FL_BOOT_SYSTEM, FL_RIGHTS_ALL, "system");
    pager_give(PAGER_SLOT_INITRD, FL_BOOT_INITRD, FL_RIGHTS_ALL, "initrd");
    for (uint64_t i = 0; i < info->ram_count; i++)
        pager_give(PAGER_SLOT_RAM + i, FL_BOOT_RAM + i, FL_RIGHTS_ALL, "RAM");
    /* One of our stock; process parking never needs the last. */
    status = flr_cnode_move(SLOT_PAGER_CNODE, PAGER_SLOT_REPLY, FL_BOOT_CNODE, SLOT_REPLIES).status;
    if (status != FL_OK)
        log_stop("pager: its slot %u (reply): status 0x%lx", (unsigned)PAGER_SLOT_REPLY, status);
    status = flr_cnode_copy(FL_BOOT_CNODE, SLOT_PAGER_ROOT, FL_BOOT_CNODE, SLOT_PAGER,
                            FL_RIGHT_SEND | FL_RIGHT_CALL, PAGER_BADGE(PAGER_BADGE_ROOT, 0, 0))
                 .status;
    if (status != FL_OK)
        log_stop("pager: our endpoint: status 0x%lx", status);
}

static void pager_run(uint64_t entry)
{
    uint64_t status = flr_tcb_set_cspace(SLOT_PAGER_TCB, SLOT_PAGER_CNODE).status;

    if (status == FL_OK)
        status = flr_tcb_set_space(SLOT_PAGER_TCB, SLOT_PAGER_VSPACE, FL_BOOT_SYSTEM).status;
    if (status == FL_OK)
        status = flr_tcb_set_priority(SLOT_PAGER_TCB, FL_BOOT_SCHED, PRIORITY_PAGER).status;
    if (status == FL_OK)
        status = flr_tcb_start(SLOT_PAGER_TCB, entry, FL_BOOT_STACK, 0).status;
    if (status != FL_OK)
        log_stop("pager: its thread does not start: status 0x%lx", status);
}

void pager_start(const struct fl_boot_info *info)
{
    struct elf_image image;
    const char *file = pager_find(&image);

    pager_check_memory(&image);
    pager_make_objects();
    for (uint32_t i = 0; i < image.count; i++)
        pager_load_segment(&image.segment[i], file);
    pager_map_fixed();
    pager_fill_cspace(info);
    pager_map_boot_info(info);
    pager_run(image.entry);
}
