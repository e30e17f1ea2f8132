/* The decoder of ELF programs: a table of bad files, each with its exact reason. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include "pager_fake.h"

#define FILE_BYTES 0x3000u
#define END        0x1000000000ull

/* Text, constants, data with bss. */
static const struct fake_segment good[] = {
    {0x10000, 0x1000, 0x800, 0x800, 5},
    {0x11800, 0x1800, 0x100, 0x100, 4},
    {0x12900, 0x1900, 0x1700, 0x4000, 6},
};

struct elf_case {
    const char *name;
    uint32_t at; /* offset of the field that is changed */
    uint32_t bytes;
    uint64_t value;
    enum elf_error error;
};

/* Offsets of the fields of program header n. */
#define HEADER(n, field) (64 + 56 * (n) + (field))
enum { TYPE = 0, FLAGS = 4, OFFSET = 8, ADDRESS = 16, FILESZ = 32, MEMSZ = 40 };

static const struct elf_case cases[] = {
    {"magic", 0, 4, 0x464c457e, ELF_BAD_MAGIC},
    {"class 32", 4, 1, 1, ELF_NOT_64_BIT},
    {"big-endian", 5, 1, 2, ELF_NOT_RISCV},
    {"x86-64", 18, 2, 62, ELF_NOT_RISCV},
    {"ident version", 6, 1, 2, ELF_BAD_VERSION},
    {"version", 20, 4, 7, ELF_BAD_VERSION},
    {"RVE", 48, 4, 8, ELF_BAD_ABI},
    {"quad float", 48, 4, 6, ELF_BAD_ABI},
    {"shared object", 16, 2, 3, ELF_POSITION_INDEPENDENT},
    {"object file", 16, 2, 1, ELF_NOT_EXECUTABLE},
    {"header size", 54, 2, 32, ELF_BAD_HEADERS},
    {"17 headers", 56, 2, 17, ELF_TOO_MANY_HEADERS},
    {"no headers", 56, 2, 0, ELF_NO_SEGMENT},
    {"headers behind the end", 32, 8, FILE_BYTES - 8, ELF_HEADERS_OUTSIDE},
    {"headers far outside", 32, 8, UINT64_MAX - 7, ELF_HEADERS_OUTSIDE},
    {"interpreter", HEADER(1, TYPE), 4, 3, ELF_HAS_INTERPRETER},
    {"dynamic", HEADER(1, TYPE), 4, 2, ELF_IS_DYNAMIC},
    {"bytes behind the end", HEADER(2, OFFSET), 8, 0x1901, ELF_FILE_RANGE},
    {"offset far outside", HEADER(2, OFFSET), 8, UINT64_MAX - 0x6ff, ELF_FILE_RANGE},
    {"length far outside", HEADER(2, FILESZ), 8, UINT64_MAX - 0x18ff, ELF_FILE_RANGE},
    {"more in the file than in memory", HEADER(0, MEMSZ), 8, 0x7ff, ELF_FILE_EXCEEDS_MEMORY},
    {"offset in the page differs", HEADER(1, ADDRESS), 8, 0x11810, ELF_UNALIGNED},
    {"page 0", HEADER(0, ADDRESS), 8, 0, ELF_ADDRESS_RANGE},
    {"behind the layout", HEADER(2, ADDRESS), 8, END - 0x1000 + 0x900, ELF_ADDRESS_RANGE},
    {"above the layout", HEADER(2, ADDRESS), 8, END + 0x900, ELF_ADDRESS_RANGE},
    {"kernel address", HEADER(2, ADDRESS), 8, 0xffffffc000000900ull, ELF_ADDRESS_RANGE},
    {"memory wraps round", HEADER(2, MEMSZ), 8, UINT64_MAX - 0x100, ELF_ADDRESS_RANGE},
    {"writable text", HEADER(0, FLAGS), 4, 7, ELF_WRITABLE_TEXT},
    {"same place", HEADER(1, ADDRESS), 8, 0x12800, ELF_OVERLAP},
    {"one inside the other", HEADER(1, ADDRESS), 8, 0x14800, ELF_OVERLAP},
    {"shared page", HEADER(1, ADDRESS), 8, 0x10800, ELF_OVERLAP},
    {"entry in data", 24, 8, 0x12a00, ELF_BAD_ENTRY},
    {"entry behind the text", 24, 8, 0x10800, ELF_BAD_ENTRY},
    {"odd entry", 24, 8, 0x10001, ELF_BAD_ENTRY},
    {"entry 0", 24, 8, 0, ELF_BAD_ENTRY},
};

static void elf_make(uint8_t *file)
{
    memset(file, 0, FILE_BYTES);
    fake_make_elf(file, good, 3, 0x10000);
}

/* Decodes a copy of exactly `bytes` bytes at an odd address. */
static enum elf_error elf_decode_copy(const uint8_t *file, uint64_t bytes, struct elf_image *image)
{
    uint8_t *copy = malloc(bytes + 1);
    enum elf_error error;

    memcpy(copy + 1, file, bytes);
    error = elf_decode(copy + 1, bytes, END, image);
    free(copy);
    return error;
}

TEST("a good file gives its entry and its segments by address")
{
    static uint8_t file[FILE_BYTES];
    struct elf_image image;

    elf_make(file);
    CHECK_EQ(elf_decode_copy(file, FILE_BYTES, &image), ELF_OK);
    CHECK_EQ(image.entry, 0x10000);
    CHECK_EQ(image.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(image.segment[i].start, good[i].address);
        CHECK_EQ(image.segment[i].file_offset, good[i].offset);
        CHECK_EQ(image.segment[i].file_bytes, good[i].file_bytes);
        CHECK_EQ(image.segment[i].memory_bytes, good[i].memory_bytes);
    }
    CHECK_EQ(image.segment[0].rights, FL_RIGHT_READ | FL_RIGHT_EXEC);
    CHECK_EQ(image.segment[1].rights, FL_RIGHT_READ);
    CHECK_EQ(image.segment[2].rights, FL_RIGHT_READ | FL_RIGHT_WRITE);
}

TEST("segments out of order are put in order")
{
    static uint8_t file[FILE_BYTES];
    const struct fake_segment mixed[] = {good[2], good[0], good[1]};
    struct elf_image image;

    memset(file, 0, FILE_BYTES);
    fake_make_elf(file, mixed, 3, 0x10000);
    CHECK_EQ(elf_decode_copy(file, FILE_BYTES, &image), ELF_OK);
    CHECK_EQ(image.segment[0].start, 0x10000);
    CHECK_EQ(image.segment[1].start, 0x11800);
    CHECK_EQ(image.segment[2].start, 0x12900);
}

TEST("each bad field is refused with its own reason")
{
    static uint8_t file[FILE_BYTES];
    struct elf_image image;

    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum elf_error error;

        elf_make(file);
        memcpy(file + cases[i].at, &cases[i].value, cases[i].bytes);
        error = elf_decode_copy(file, FILE_BYTES, &image);
        if (error != cases[i].error)
            harness_note("case: %s: %s", cases[i].name, elf_error_text(error));
        CHECK_EQ(error, cases[i].error);
    }
}

TEST("nine segments are too many")
{
    static uint8_t file[FILE_BYTES];
    struct fake_segment many[9];
    struct elf_image image;

    for (uint32_t i = 0; i < 9; i++)
        many[i] = (struct fake_segment){0x10000 + 0x1000ull * i, 0x1000, 8, 8, 5};
    memset(file, 0, FILE_BYTES);
    fake_make_elf(file, many, 9, 0x10000);
    CHECK_EQ(elf_decode_copy(file, FILE_BYTES, &image), ELF_TOO_MANY_SEGMENTS);
    fake_make_elf(file, many, 8, 0x10000);
    CHECK_EQ(elf_decode_copy(file, FILE_BYTES, &image), ELF_OK);
}

TEST("a file cut anywhere is refused")
{
    static uint8_t file[FILE_BYTES];
    struct elf_image image;

    elf_make(file);
    for (uint64_t bytes = 0; bytes < FILE_BYTES; bytes++) {
        enum elf_error error = elf_decode_copy(file, bytes, &image);

        CHECK_EQ(error, bytes < 64    ? ELF_TOO_SHORT
                        : bytes < 232 ? ELF_HEADERS_OUTSIDE
                                      : ELF_FILE_RANGE);
    }
}

TEST("every reason has a text of its own")
{
    for (int i = 0; i < ELF_ERRORS; i++)
        for (int k = 0; k < i; k++)
            CHECK(strcmp(elf_error_text((enum elf_error)i), elf_error_text((enum elf_error)k)));
}
