/* Decoder of ELF programs: ELF64, RISC-V, statically linked at fixed addresses.
 *
 * Checks the whole file before it hands out anything, so a loader that follows an image of
 * elf_decode can fail for want of memory only.  Reads no byte outside the file; allocates nothing.
 *
 *  E1  segments lie in [FL_USER_BASE, end of the layout), page 0 excluded, and no two share a page;
 *  E2  file_offset + file_bytes <= size of the file, file_bytes <= memory_bytes, memory_bytes > 0;
 *  E3  start and file_offset are equal modulo the page size;
 *  E4  no segment is both writable and executable; a writable one is readable;
 *  E5  the entry point lies in an executable segment.
 * Spec: System V ABI, chapters 4 and 5; RISC-V ELF psABI 1.0, chapter 8. */
#ifndef COMMON_ELF_H
#define COMMON_ELF_H

#include <stdint.h>

#define ELF_HEADERS_MAX  16u /* most program headers of a file */
#define ELF_SEGMENTS_MAX 8u  /* most that are loaded */

struct elf_segment {
    uint64_t start; /* address of its first byte */
    uint64_t memory_bytes;
    uint64_t file_offset; /* of its first byte; bytes from file_bytes on are zero */
    uint64_t file_bytes;
    uint32_t rights; /* FL_RIGHT_READ | WRITE | EXEC */
};

struct elf_image {
    uint64_t entry;
    uint32_t count;
    struct elf_segment segment[ELF_SEGMENTS_MAX]; /* by rising address */
};

enum elf_error {
    ELF_OK,
    ELF_TOO_SHORT,
    ELF_BAD_MAGIC,
    ELF_NOT_64_BIT,
    ELF_NOT_RISCV,
    ELF_BAD_ABI,
    ELF_BAD_VERSION,
    ELF_POSITION_INDEPENDENT,
    ELF_NOT_EXECUTABLE,
    ELF_BAD_HEADERS,
    ELF_TOO_MANY_HEADERS,
    ELF_HEADERS_OUTSIDE,
    ELF_HAS_INTERPRETER,
    ELF_IS_DYNAMIC,
    ELF_NO_SEGMENT,
    ELF_TOO_MANY_SEGMENTS,
    ELF_FILE_RANGE,
    ELF_FILE_EXCEEDS_MEMORY,
    ELF_UNALIGNED,
    ELF_ADDRESS_RANGE,
    ELF_WRITABLE_TEXT,
    ELF_OVERLAP,
    ELF_BAD_ENTRY,
    ELF_ERRORS
};

/* Decodes `file`; segments must end at or below `end` (page-aligned).
 * Returns: ELF_OK, and *image holds E1..E5; else the first thing wrong, and *image is unspecified.
 */
enum elf_error elf_decode(const void *file, uint64_t bytes, uint64_t end, struct elf_image *image);

/* What the error means, in words. */
const char *elf_error_text(enum elf_error error);

#endif
