/* Decoder of ELF programs: see elf.h. */
#include "elf.h"

#include <stdbool.h>
#include <string.h>

#include "abi.h"

/* The format's own layout; files are little-endian and so are we. */
struct elf_file_header {
    uint8_t magic[4];
    uint8_t class_;
    uint8_t data;
    uint8_t ident_version;
    uint8_t os_abi;
    uint8_t padding[8];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t headers_offset;
    uint64_t sections_offset;
    uint32_t flags;
    uint16_t header_bytes;
    uint16_t program_header_bytes;
    uint16_t program_headers;
    uint16_t section_header_bytes;
    uint16_t section_headers;
    uint16_t section_names;
};
_Static_assert(sizeof(struct elf_file_header) == 64, "ELF64 header");

struct elf_program_header {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t address;
    uint64_t physical;
    uint64_t file_bytes;
    uint64_t memory_bytes;
    uint64_t align;
};
_Static_assert(sizeof(struct elf_program_header) == 56, "ELF64 program header");

enum { ELF_CLASS_64 = 2, ELF_DATA_LITTLE = 1, ELF_VERSION = 1, ELF_MACHINE_RISCV = 243 };
enum { ELF_TYPE_EXEC = 2, ELF_TYPE_DYN = 3 };
enum { ELF_LOAD = 1, ELF_DYNAMIC = 2, ELF_INTERPRETER = 3 };
enum { ELF_FLAG_EXEC = 1, ELF_FLAG_WRITE = 2, ELF_FLAG_READ = 4 };
enum { ELF_ABI_FLOAT = 0x6, ELF_ABI_FLOAT_QUAD = 0x6, ELF_ABI_RVE = 0x8 };

static enum elf_error elf_check_header(const struct elf_file_header *header)
{
    if (memcmp(header->magic, "\177ELF", 4) != 0)
        return ELF_BAD_MAGIC;
    if (header->class_ != ELF_CLASS_64)
        return ELF_NOT_64_BIT;
    if (header->data != ELF_DATA_LITTLE || header->machine != ELF_MACHINE_RISCV)
        return ELF_NOT_RISCV;
    if (header->ident_version != ELF_VERSION || header->version != ELF_VERSION)
        return ELF_BAD_VERSION;
    if ((header->flags & ELF_ABI_FLOAT) == ELF_ABI_FLOAT_QUAD || (header->flags & ELF_ABI_RVE))
        return ELF_BAD_ABI;
    if (header->type == ELF_TYPE_DYN)
        return ELF_POSITION_INDEPENDENT;
    if (header->type != ELF_TYPE_EXEC)
        return ELF_NOT_EXECUTABLE;
    if (header->program_header_bytes != sizeof(struct elf_program_header))
        return ELF_BAD_HEADERS;
    return header->program_headers > ELF_HEADERS_MAX ? ELF_TOO_MANY_HEADERS : ELF_OK;
}

/* Rounds up; the caller has made sure that it does not wrap. */
static uint64_t elf_page_up(uint64_t value)
{
    return (value + FL_PAGE_BYTES - 1) & ~(uint64_t)(FL_PAGE_BYTES - 1);
}

static uint64_t elf_page_down(uint64_t value)
{
    return value & ~(uint64_t)(FL_PAGE_BYTES - 1);
}

static enum elf_error elf_check_segment(const struct elf_program_header *header, uint64_t bytes,
                                        uint64_t end)
{
    if (header->offset > bytes || header->file_bytes > bytes - header->offset)
        return ELF_FILE_RANGE;
    if (header->file_bytes > header->memory_bytes)
        return ELF_FILE_EXCEEDS_MEMORY;
    if (header->address % FL_PAGE_BYTES != header->offset % FL_PAGE_BYTES)
        return ELF_UNALIGNED;
    if (header->address < FL_USER_BASE || header->address > end ||
        header->memory_bytes > end - header->address)
        return ELF_ADDRESS_RANGE;
    if ((header->flags & ELF_FLAG_WRITE) && (header->flags & ELF_FLAG_EXEC))
        return ELF_WRITABLE_TEXT;
    return ELF_OK;
}

static uint32_t elf_rights(uint32_t flags)
{
    uint32_t rights = 0;

    if (flags & (ELF_FLAG_READ | ELF_FLAG_WRITE))
        rights |= FL_RIGHT_READ;
    if (flags & ELF_FLAG_WRITE)
        rights |= FL_RIGHT_WRITE;
    if (flags & ELF_FLAG_EXEC)
        rights |= FL_RIGHT_EXEC;
    return rights;
}

/* Puts a checked segment into its place by address. */
static enum elf_error elf_insert_segment(const struct elf_program_header *header,
                                         struct elf_image *image)
{
    uint64_t start = elf_page_down(header->address);
    uint64_t end = elf_page_up(header->address + header->memory_bytes);
    uint32_t place = 0;

    if (image->count == ELF_SEGMENTS_MAX)
        return ELF_TOO_MANY_SEGMENTS;
    for (uint32_t i = 0; i < image->count; i++) {
        const struct elf_segment *other = &image->segment[i];

        if (start < elf_page_up(other->start + other->memory_bytes) &&
            elf_page_down(other->start) < end)
            return ELF_OVERLAP;
        if (other->start < start)
            place = i + 1;
    }
    memmove(&image->segment[place + 1], &image->segment[place],
            (image->count - place) * sizeof(image->segment[0]));
    image->segment[place] =
        (struct elf_segment){header->address, header->memory_bytes, header->offset,
                             header->file_bytes, elf_rights(header->flags)};
    image->count++;
    return ELF_OK;
}

static enum elf_error elf_take_header(const struct elf_program_header *header, uint64_t bytes,
                                      uint64_t end, struct elf_image *image)
{
    enum elf_error error;

    if (header->type == ELF_INTERPRETER)
        return ELF_HAS_INTERPRETER;
    if (header->type == ELF_DYNAMIC)
        return ELF_IS_DYNAMIC;
    if (header->type != ELF_LOAD || header->memory_bytes == 0)
        return ELF_OK;
    error = elf_check_segment(header, bytes, end);
    return error == ELF_OK ? elf_insert_segment(header, image) : error;
}

static bool elf_entry_executable(const struct elf_image *image)
{
    if (image->entry % 2 != 0)
        return false;
    for (uint32_t i = 0; i < image->count; i++) {
        const struct elf_segment *segment = &image->segment[i];

        if ((segment->rights & FL_RIGHT_EXEC) && image->entry >= segment->start &&
            image->entry - segment->start < segment->memory_bytes)
            return true;
    }
    return false;
}

enum elf_error elf_decode(const void *file, uint64_t bytes, uint64_t end, struct elf_image *image)
{
    struct elf_file_header header;
    uint64_t table_bytes;
    enum elf_error error;

    if (bytes < sizeof(header))
        return ELF_TOO_SHORT;
    memcpy(&header, file, sizeof(header));
    error = elf_check_header(&header);
    if (error != ELF_OK)
        return error;
    table_bytes = header.program_headers * sizeof(struct elf_program_header);
    if (header.headers_offset > bytes || table_bytes > bytes - header.headers_offset)
        return ELF_HEADERS_OUTSIDE;
    *image = (struct elf_image){.entry = header.entry};
    for (uint32_t i = 0; i < header.program_headers; i++) {
        struct elf_program_header program;

        memcpy(&program, (const char *)file + header.headers_offset + i * sizeof(program),
               sizeof(program));
        error = elf_take_header(&program, bytes, end, image);
        if (error != ELF_OK)
            return error;
    }
    if (image->count == 0)
        return ELF_NO_SEGMENT;
    return elf_entry_executable(image) ? ELF_OK : ELF_BAD_ENTRY;
}

const char *elf_error_text(enum elf_error error)
{
    static const char *const texts[] = {
        [ELF_OK] = "a program",
        [ELF_TOO_SHORT] = "the file is shorter than an ELF header",
        [ELF_BAD_MAGIC] = "not an ELF file",
        [ELF_NOT_64_BIT] = "not a 64-bit ELF file",
        [ELF_NOT_RISCV] = "not for little-endian RISC-V",
        [ELF_BAD_ABI] = "for an ABI that this machine does not have (RVE or quad float)",
        [ELF_BAD_VERSION] = "unknown ELF version",
        [ELF_POSITION_INDEPENDENT] = "position-independent; link it at fixed addresses (-no-pie)",
        [ELF_NOT_EXECUTABLE] = "not an executable (an object file or core?)",
        [ELF_BAD_HEADERS] = "program headers are not 56 bytes each",
        [ELF_TOO_MANY_HEADERS] = "more than 16 program headers",
        [ELF_HEADERS_OUTSIDE] = "program headers lie outside the file",
        [ELF_HAS_INTERPRETER] = "needs an interpreter (PT_INTERP); link it statically",
        [ELF_IS_DYNAMIC] = "dynamically linked (PT_DYNAMIC); link it statically",
        [ELF_NO_SEGMENT] = "nothing to load (no PT_LOAD)",
        [ELF_TOO_MANY_SEGMENTS] = "more than 8 segments to load",
        [ELF_FILE_RANGE] = "a segment's bytes lie outside the file",
        [ELF_FILE_EXCEEDS_MEMORY] = "a segment has more bytes in the file than in memory",
        [ELF_UNALIGNED] = "a segment's address and file offset differ within the page",
        [ELF_ADDRESS_RANGE] = "a segment lies outside the addresses of programs",
        [ELF_WRITABLE_TEXT] = "a segment is both writable and executable",
        [ELF_OVERLAP] = "two segments share a page",
        [ELF_BAD_ENTRY] = "the entry point is not in an executable segment",
    };
    _Static_assert(sizeof(texts) / sizeof(texts[0]) == ELF_ERRORS, "a text for each error");

    return error < ELF_ERRORS ? texts[error] : "unknown error";
}
