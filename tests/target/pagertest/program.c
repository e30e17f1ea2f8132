/* See program.h. */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpio.h"
#include "elf.h"
#include "fl_calls.h"
#include "kit.h"

#define ARCHIVE      0x2900000000ull
#define WINDOW       0x2940000000ull
#define WINDOW_PAGES 256u
#define FILES_MAX    16u
#define PAGES_MAX    4096u /* of the program's image: 16 MiB */
#define READ_WRITE   (FL_RIGHT_READ | FL_RIGHT_WRITE)

static struct {
    const char *file;
    struct elf_image image;
} program;

/* --- mapping ----------------------------------------------------------------------------------
 */

static void map(uint64_t space, uint64_t memory, uint64_t page, uint64_t address, uint64_t pages,
                uint64_t rights)
{
    uint64_t done = 0;

    while (done < pages) {
        struct fl_result result = flr_vspace_map(
            space, memory, page + done, address + done * FL_PAGE_BYTES, pages - done, rights);

        done += result.value;
        if (result.status != FL_OK && FL_STATUS_CODE(result.status) != FL_MORE) {
            printf("Bail out! %lu pages can't be mapped at 0x%lx: status 0x%lx\n", pages, address,
                   result.status);
            exit(1);
        }
    }
}

void program_map(uint64_t space, uint64_t page, uint64_t address, uint64_t pages, uint64_t rights)
{
    map(space, FL_BOOT_RAM, page, address, pages, rights);
}

/* At most WINDOW_PAGES frames, until window_close. */
static void *window_open(uint64_t page, uint64_t pages)
{
    program_map(FL_BOOT_VSPACE, page, WINDOW, pages, READ_WRITE);
    return (void *)(uintptr_t)WINDOW;
}

static void window_close(uint64_t pages)
{
    flr_vspace_unmap(FL_BOOT_VSPACE, WINDOW, pages);
}

/* Word by word: memset may go byte by byte. */
static void fill(uint64_t *word, uint64_t pages, uint8_t byte)
{
    uint64_t value = byte * 0x0101010101010101ull;

    for (uint64_t i = 0; i < pages * FL_PAGE_BYTES / sizeof *word; i += 8)
        for (unsigned j = 0; j < 8; j++)
            *(volatile uint64_t *)&word[i + j] = value;
}

uint64_t program_filled_frames(uint64_t pages, uint8_t byte)
{
    uint64_t first = kit_frames(pages);

    for (uint64_t done = 0; done < pages; done += WINDOW_PAGES) {
        uint64_t step = pages - done < WINDOW_PAGES ? pages - done : WINDOW_PAGES;

        fill(window_open(first + done, step), step, byte);
        window_close(step);
    }
    return first;
}

void program_fill_frame(uint64_t page, const void *bytes, uint64_t count)
{
    memcpy(window_open(page, 1), bytes, count);
    window_close(1);
}

/* --- the file ----------------------------------------------------------------------------------
 */

static uint64_t segment_first(const struct elf_segment *segment)
{
    return segment->start & ~(uint64_t)(FL_PAGE_BYTES - 1);
}

static uint64_t segment_pages(const struct elf_segment *segment)
{
    uint64_t end = segment->start + segment->memory_bytes;

    return (end - segment_first(segment) + FL_PAGE_BYTES - 1) / FL_PAGE_BYTES;
}

const char *program_open(void)
{
    static struct cpio_file files[FILES_MAX];
    const struct fl_boot_info *info = kit_boot_info();
    struct cpio_index index = {.files = files, .capacity = FILES_MAX};
    uint64_t pages = (info->initrd_offset + info->initrd_bytes + FL_PAGE_BYTES - 1) / FL_PAGE_BYTES;

    if (info->initrd_bytes == 0)
        return "there is no initrd";
    map(FL_BOOT_VSPACE, FL_BOOT_INITRD, 0, ARCHIVE, pages, FL_RIGHT_READ);
    const char *archive = (const char *)(uintptr_t)(ARCHIVE + info->initrd_offset);
    enum cpio_error archive_error = cpio_index_build(&index, archive, info->initrd_bytes);
    if (archive_error != CPIO_OK)
        return cpio_error_text(archive_error);
    const struct cpio_file *file = cpio_index_find(&index, "pager", 5);
    if (file == NULL)
        return "the initrd has no file `pager`";
    program.file = archive + file->offset;
    enum elf_error error = elf_decode(program.file, file->size_bytes, FL_BOOT_INFO, &program.image);
    if (error != ELF_OK)
        return elf_error_text(error);
    pages = 0;
    for (uint32_t i = 0; i < program.image.count; i++)
        pages += segment_pages(&program.image.segment[i]);
    return pages > PAGES_MAX ? "the program needs more than 16 MiB" : NULL;
}

/* Copies what the file has of a segment into the window, which shows [address, address + bytes). */
static void copy_part(char *to, uint64_t address, uint64_t bytes, const struct elf_segment *segment)
{
    uint64_t start = segment->start > address ? segment->start : address;
    uint64_t file_end = segment->start + segment->file_bytes;
    uint64_t end = file_end < address + bytes ? file_end : address + bytes;

    if (start < end)
        memcpy(to + (start - address),
               program.file + segment->file_offset + (start - segment->start), end - start);
}

static void load_segment(uint64_t space, const struct elf_segment *segment)
{
    uint64_t first = segment_first(segment), pages = segment_pages(segment);
    uint64_t frames = program_filled_frames(pages, 0);

    for (uint64_t done = 0; done < pages; done += WINDOW_PAGES) {
        uint64_t step = pages - done < WINDOW_PAGES ? pages - done : WINDOW_PAGES;

        copy_part(window_open(frames + done, step), first + done * FL_PAGE_BYTES,
                  step * FL_PAGE_BYTES, segment);
        window_close(step);
    }
    program_map(space, frames, first, pages, segment->rights);
}

uint64_t program_load(uint64_t space)
{
    for (uint32_t i = 0; i < program.image.count; i++)
        load_segment(space, &program.image.segment[i]);
    return program.image.entry;
}

static void protect(uint64_t space, const struct elf_segment *segment, uint64_t rights)
{
    uint64_t first = segment_first(segment), pages = segment_pages(segment);

    while (pages > 0) {
        struct fl_result result = flr_vspace_protect(space, first, pages, rights);

        if (result.status != FL_OK && FL_STATUS_CODE(result.status) != FL_MORE) {
            printf("Bail out! %lu pages can't be protected at 0x%lx: status 0x%lx\n", pages, first,
                   result.status);
            exit(1);
        }
        first += result.value * FL_PAGE_BYTES;
        pages -= result.value;
    }
}

void program_allow(uint64_t space, bool to_run)
{
    for (uint32_t i = 0; i < program.image.count; i++) {
        const struct elf_segment *segment = &program.image.segment[i];

        if (segment->rights & FL_RIGHT_EXEC)
            protect(space, segment, to_run ? segment->rights : FL_RIGHT_READ);
    }
}
