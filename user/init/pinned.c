/* Owns the loading of pinned servers, see pinned.h. */
#include "pinned.h"

#include <string.h>

#include "fl_calls.h"
#include "log.h"

static const uint32_t read_write = FL_RIGHT_READ | FL_RIGHT_WRITE;

static uint64_t pinned_segment_first(const struct elf_segment *segment)
{
    return segment->start & ~(uint64_t)(FL_PAGE_BYTES - 1);
}

static uint64_t pinned_segment_pages(const struct elf_segment *segment)
{
    uint64_t end = segment->start + segment->memory_bytes;

    return (end - pinned_segment_first(segment) + FL_PAGE_BYTES - 1) / FL_PAGE_BYTES;
}

uint64_t pinned_pages(const struct pinned *server, const struct elf_image *image)
{
    uint64_t pages = server->stack_pages + 1;

    for (uint32_t i = 0; i < image->count; i++)
        pages += pinned_segment_pages(&image->segment[i]);
    return pages;
}

static void pinned_expect(const struct pinned *server, const char *what, uint64_t status)
{
    if (status != FL_OK)
        log_stop("%s: %s: status 0x%lx", server->name, what, status);
}

/* Copies the part of a segment's file bytes that lies in [address, address + bytes) to `to`. */
static void pinned_copy_part(char *to, uint64_t address, uint64_t bytes,
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

static void pinned_load_segment(const struct pinned *server, const struct elf_segment *segment,
                                const char *file)
{
    uint64_t address = pinned_segment_first(segment);
    uint64_t left = pinned_segment_pages(segment);

    while (left > 0) {
        uint64_t pages = left < FRAMES_WINDOW_PAGES ? left : FRAMES_WINDOW_PAGES;
        struct frames_run run = frames_take(pages, "a server's image");

        pinned_copy_part(frames_window_open(&run), address, pages * FL_PAGE_BYTES, segment, file);
        frames_map(server->vspace, FL_BOOT_RAM + run.range, run.page, address, pages,
                   segment->rights);
        frames_window_close(&run);
        address += pages * FL_PAGE_BYTES;
        left -= pages;
    }
}

/* Maps zeroed frames into the server's space. */
static struct frames_run pinned_map_zeroed(const struct pinned *server, uint64_t address,
                                           uint64_t pages, const char *what)
{
    struct frames_run run = frames_take(pages, what);

    memset(frames_window_open(&run), 0, pages * FL_PAGE_BYTES);
    frames_map(server->vspace, FL_BOOT_RAM + run.range, run.page, address, pages, read_write);
    frames_window_close(&run);
    return run;
}

void pinned_load(const struct pinned *server, uint64_t pool, const struct elf_image *image,
                 const char *file)
{
    struct frames_run buffer;

    pinned_expect(server, "its space gets no root table",
                  flr_vspace_set_pool(server->vspace, pool).status);
    for (uint32_t i = 0; i < image->count; i++)
        pinned_load_segment(server, &image->segment[i], file);
    pinned_map_zeroed(server, FL_BOOT_STACK - server->stack_pages * FL_PAGE_BYTES,
                      server->stack_pages, "a server's stack");
    buffer = pinned_map_zeroed(server, FL_BUFFER, 1, "a server's message buffer");
    pinned_expect(
        server, "no message buffer",
        flr_tcb_set_buffer(server->tcb, FL_BOOT_RAM + buffer.range, buffer.page, 0).status);
}

void pinned_give(const struct pinned *server, uint64_t to, uint64_t from, uint32_t rights,
                 uint64_t badge, const char *what)
{
    uint64_t status = flr_cnode_copy(server->cnode, to, FL_BOOT_CNODE, from, rights, badge).status;

    if (status != FL_OK)
        log_stop("%s: its slot %lu (%s): status 0x%lx", server->name, to, what, status);
}

void pinned_hand_over(const struct pinned *server, uint64_t to, uint64_t from, const char *what)
{
    uint64_t status = flr_cnode_move(server->cnode, to, FL_BOOT_CNODE, from).status;

    if (status != FL_OK)
        log_stop("%s: its slot %lu (%s): status 0x%lx", server->name, to, what, status);
}

void pinned_prepare(const struct pinned *server, uint64_t tcb, uint64_t priority)
{
    uint64_t status = flr_tcb_set_cspace(tcb, server->cnode).status;

    if (status == FL_OK)
        status = flr_tcb_set_space(tcb, server->vspace, FL_BOOT_SYSTEM).status;
    if (status == FL_OK)
        status = flr_tcb_set_priority(tcb, FL_BOOT_SCHED, priority).status;
    pinned_expect(server, "a thread without space or priority", status);
}

void pinned_run(const struct pinned *server, uint64_t entry, uint64_t priority)
{
    pinned_prepare(server, server->tcb, priority);
    pinned_expect(server, "its thread does not start",
                  flr_tcb_start(server->tcb, entry, FL_BOOT_STACK, 0).status);
}
