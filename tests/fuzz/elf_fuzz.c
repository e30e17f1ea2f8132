/* Fuzz target: any bytes as a program.  user/common/elf.c against a reading that notes all that is wrong
 * with a file, in sums that cannot overflow; then vm_load puts the program into a space of the fake
 * machine, and what the space shows is compared with the file, byte for byte.
 *
 * The last byte of an input is not the file's: bit 0 says whether the file lies on pages of the archive,
 * and the rest of it how many bytes of a pattern lie behind the others. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "elf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "pager_fake.h"
#include "protocol.h"

#define FRAMES       128u
#define FILE_BYTES   (64u * 1024)
#define STRETCH      256u /* bytes of pattern for each count */
#define PAGE         ((uint64_t)FL_PAGE_BYTES)
#define SEGMENTS     64u
#define WRONG(error) (1ull << (error))
_Static_assert(ELF_ERRORS <= 64, "a bit for each error");

const char fuzz_name[] = "elf";

typedef unsigned __int128 sum_t;

struct model {
    const uint8_t *file;
    uint64_t bytes;
    struct elf_segment segment[SEGMENTS]; /* in the order of the headers */
    unsigned segments;
    uint64_t entry;
    uint64_t wrong; /* bits of enum elf_error */
};

/* ---- the reading ---- */

static uint64_t model_field(const struct model *model, uint64_t at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = bytes; i-- > 0;)
        value = value << 8 | model->file[at + i];
    return value;
}

static void model_note(struct model *model, bool wrong, enum elf_error error)
{
    if (wrong)
        model->wrong |= WRONG(error);
}

static void model_read_header(struct model *model)
{
    uint64_t type = model_field(model, 16, 2), flags = model_field(model, 48, 4);
    uint64_t headers = model_field(model, 56, 2);

    model_note(model, model_field(model, 0, 4) != 0x464c457f, ELF_BAD_MAGIC);
    model_note(model, model_field(model, 4, 1) != 2, ELF_NOT_64_BIT);
    model_note(model, model_field(model, 5, 1) != 1 || model_field(model, 18, 2) != 243,
               ELF_NOT_RISCV);
    model_note(model, model_field(model, 6, 1) != 1 || model_field(model, 20, 4) != 1,
               ELF_BAD_VERSION);
    model_note(model, (flags & 8) || ((flags & 2) && (flags & 4)), ELF_BAD_ABI);
    model_note(model, type == 3, ELF_POSITION_INDEPENDENT);
    model_note(model, type != 2 && type != 3, ELF_NOT_EXECUTABLE);
    model_note(model, model_field(model, 54, 2) != 56, ELF_BAD_HEADERS);
    model_note(model, headers > ELF_HEADERS_MAX, ELF_TOO_MANY_HEADERS);
    model_note(model, (sum_t)model_field(model, 32, 8) + headers * 56 > model->bytes,
               ELF_HEADERS_OUTSIDE);
    model->entry = model_field(model, 24, 8);
}

static void model_read_segment(struct model *model, uint64_t at)
{
    uint64_t flags = model_field(model, at + 4, 4);
    struct elf_segment segment = {.start = model_field(model, at + 16, 8),
                                  .memory_bytes = model_field(model, at + 40, 8),
                                  .file_offset = model_field(model, at + 8, 8),
                                  .file_bytes = model_field(model, at + 32, 8)};

    if (segment.memory_bytes == 0)
        return;
    if (flags & 6)
        segment.rights |= FL_RIGHT_READ;
    if (flags & 2)
        segment.rights |= FL_RIGHT_WRITE;
    if (flags & 1)
        segment.rights |= FL_RIGHT_EXEC;
    model_note(model, (sum_t)segment.file_offset + segment.file_bytes > model->bytes,
               ELF_FILE_RANGE);
    model_note(model, segment.file_bytes > segment.memory_bytes, ELF_FILE_EXCEEDS_MEMORY);
    model_note(model, (segment.start ^ segment.file_offset) & (PAGE - 1), ELF_UNALIGNED);
    model_note(model,
               segment.start < PAGE ||
                   (sum_t)segment.start + segment.memory_bytes > PROGRAM_MMAP_BASE,
               ELF_ADDRESS_RANGE);
    model_note(model, (flags & 3) == 3, ELF_WRITABLE_TEXT);
    model->segment[model->segments++] = segment;
}

static bool model_overlap(const struct elf_segment *a, const struct elf_segment *b)
{
    return a->start / PAGE <= (sum_t)(b->start + b->memory_bytes - 1) / PAGE &&
           b->start / PAGE <= (sum_t)(a->start + a->memory_bytes - 1) / PAGE;
}

static void model_read_segments(struct model *model)
{
    uint64_t at = model_field(model, 32, 8), headers = model_field(model, 56, 2);
    bool enters = false;

    for (uint64_t i = 0; i < headers; i++) {
        uint64_t type = model_field(model, at + i * 56, 4);

        model_note(model, type == 3, ELF_HAS_INTERPRETER);
        model_note(model, type == 2, ELF_IS_DYNAMIC);
        if (type == 1)
            model_read_segment(model, at + i * 56);
    }
    model_note(model, model->segments > ELF_SEGMENTS_MAX, ELF_TOO_MANY_SEGMENTS);
    for (unsigned i = 0; i < model->segments; i++) {
        const struct elf_segment *segment = &model->segment[i];

        for (unsigned k = 0; k < i; k++)
            model_note(model, model_overlap(segment, &model->segment[k]), ELF_OVERLAP);
        enters |= (segment->rights & FL_RIGHT_EXEC) && model->entry >= segment->start &&
                  model->entry - segment->start < segment->memory_bytes;
    }
    model_note(model, !model->wrong && model->segments == 0, ELF_NO_SEGMENT);
    model_note(model, !model->wrong && (!enters || model->entry % 2), ELF_BAD_ENTRY);
}

static void model_read(struct model *model)
{
    if (model->bytes < 64) {
        model->wrong = WRONG(ELF_TOO_SHORT);
        return;
    }
    model_read_header(model);
    if (!model->wrong)
        model_read_segments(model);
}

/* ---- the decoder ---- */

static bool is_same(const struct elf_segment *a, const struct elf_segment *b)
{
    return a->start == b->start && a->memory_bytes == b->memory_bytes && a->rights == b->rights &&
           a->file_offset == b->file_offset && a->file_bytes == b->file_bytes;
}

static void compare_image(const struct model *model, const struct elf_image *image)
{
    CHECK_EQ(image->entry, model->entry);
    CHECK_EQ(image->count, model->segments);
    for (uint32_t i = 0; i < image->count; i++) {
        const struct elf_segment *segment = &image->segment[i];
        bool found = false;

        CHECK(i == 0 || image->segment[i - 1].start < segment->start);
        for (unsigned k = 0; k < model->segments; k++)
            found |= is_same(segment, &model->segment[k]);
        CHECK(found);
    }
}

static void try_decoder(const struct model *model)
{
    uint8_t *copy = malloc(model->bytes + 1); /* odd, and ends where the file ends */
    struct elf_image image;
    enum elf_error error;

    memset(&image, 0, sizeof(image));
    memcpy(copy + 1, model->file, model->bytes);
    error = elf_decode(copy + 1, model->bytes, PROGRAM_MMAP_BASE, &image);
    free(copy);
    CHECK(error < ELF_ERRORS && strcmp(elf_error_text(error), "unknown error") != 0);
    CHECK(model->wrong ? (model->wrong & WRONG(error)) != 0 : error == ELF_OK);
    if (error == ELF_OK)
        compare_image(model, &image);
}

/* ---- the loader ---- */

/* What a page of a segment shows at `address`: the file's byte, and zeros behind the segment's part of the
 * file.  What lies in the page and not in the segment is the file's or zero. */
static void compare_byte(const struct model *model, const struct elf_segment *segment,
                         uint64_t address, uint8_t byte)
{
    uint64_t offset = segment->file_offset + (address - segment->start);
    uint8_t in_file = offset < model->bytes ? model->file[offset] : 0;

    if (address < segment->start || address - segment->start >= segment->memory_bytes)
        CHECK(byte == in_file || byte == 0);
    else
        CHECK_EQ(byte, address - segment->start < segment->file_bytes ? in_file : 0);
}

static void compare_page(struct fake *fake, struct space *space, const struct model *model,
                         const struct elf_segment *segment, uint64_t address)
{
    uint32_t access = segment->rights & FL_RIGHT_READ ? FL_ACCESS_READ : FL_ACCESS_EXEC;
    uint32_t refused = segment->rights & FL_RIGHT_WRITE ? FL_ACCESS_EXEC : FL_ACCESS_WRITE;
    const uint8_t *shown;
    uint8_t byte;

    CHECK_EQ(fake_touch(fake, space, address, refused, &byte), FAKE_STOPPED);
    if (segment->rights == 0) {
        CHECK_EQ(fake_touch(fake, space, address, FL_ACCESS_READ, &byte), FAKE_STOPPED);
        return;
    }
    CHECK_EQ(fake_touch(fake, space, address, access, &byte), FAKE_DONE);
    shown = fake_peek(fake, space, address, access);
    CHECK(shown);
    for (uint64_t i = 0; i < PAGE; i++)
        compare_byte(model, segment, address + i, shown[i]);
    if (segment->rights & FL_RIGHT_WRITE) {
        byte ^= 0xff;
        CHECK_EQ(fake_touch(fake, space, address, FL_ACCESS_WRITE, &byte), FAKE_DONE);
    }
}

/* The first pages and the last ones of each segment. */
static void compare_space(struct fake *fake, struct space *space, const struct model *model)
{
    uint8_t byte = 1;

    for (unsigned i = 0; i < model->segments; i++) {
        const struct elf_segment *segment = &model->segment[i];
        uint64_t first = segment->start / PAGE;
        uint64_t last = (segment->start + segment->memory_bytes - 1) / PAGE;

        for (uint64_t page = first; page <= last; page++) {
            if (page == first + 4 && last > page + 2)
                page = last - 2;
            compare_page(fake, space, model, segment, page * PAGE);
        }
    }
    CHECK_EQ(fake_touch(fake, space, model->entry, FL_ACCESS_EXEC, &byte), FAKE_DONE);
    CHECK_EQ(fake_touch(fake, space, PROGRAM_STACK_END - 1, FL_ACCESS_WRITE, &byte), FAKE_DONE);
}

/* Writable pages of the program, which are promised. */
static uint64_t model_writable_pages(const struct model *model)
{
    uint64_t pages = 0;

    for (unsigned i = 0; i < model->segments; i++)
        if (model->segment[i].rights & FL_RIGHT_WRITE)
            pages += model->segment[i].memory_bytes / PAGE + 2;
    return pages;
}

static void try_loader(struct fake *fake, const struct model *model)
{
    struct vm_program program = {0, 0, ELF_OK};
    struct space *space = space_create(&fake->vm, 2);
    uint32_t free_pages = fake->vm.table.counts[PAGE_FREE];
    int error;

    CHECK(space);
    error = vm_load(&fake->vm, space, fake_find_file(fake, "program"), &program);
    if (model->wrong) {
        CHECK_EQ(error, ENOEXEC);
        CHECK(model->wrong & WRONG(program.error));
        CHECK_EQ(space->map.count, 0);
        CHECK_EQ(fake->vm.table.counts[PAGE_FREE], free_pages);
        CHECK_EQ(fake->vm.commit.pages, 0);
    } else if (error == 0) {
        CHECK(program.entry == model->entry && program.stack_end == PROGRAM_STACK_END);
        compare_space(fake, space, model);
    } else {
        CHECK_EQ(error, ENOMEM);
        CHECK(model_writable_pages(model) > FRAMES / 2);
    }
    CHECK_STRING(fake_check(fake) ? fake_check(fake) : "sound", "sound");
    fake_destroy_space(fake, space);
    CHECK_EQ(fake->vm.table.counts[PAGE_FREE], fake->free_pages);
    CHECK_EQ(fake->vm.commit.pages, 0);
    CHECK_STRING(fake_check(fake) ? fake_check(fake) : "sound", "sound");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[FILE_BYTES];
    static struct fake fake;
    struct model model = {.file = file, .segments = 0};
    uint8_t last;

    if (size == 0 || size > FILE_BYTES / 2)
        return 0;
    last = data[size - 1];
    model.bytes = size - 1 + last / 2 * STRETCH;
    memcpy(file, data, size - 1);
    for (uint64_t i = size - 1; i < model.bytes; i++)
        file[i] = (uint8_t)(i * 31 >> 3 | 1);
    model_read(&model);
    try_decoder(&model);
    fake_init(&fake, FRAMES);
    fake_add_file(&fake, "program", file, model.bytes, last & 1);
    fake_add_file(&fake, "other", "not the program's", 17, false);
    fake_start(&fake);
    try_loader(&fake, &model);
    fake_free(&fake);
    return 0;
}
