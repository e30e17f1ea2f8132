/* Index of a cpio archive in the newc format (magic 070701), as `find | cpio -o -H newc` writes it.
 *
 * Owns nothing: the archive and the table of files belong to the caller, who keeps both alive.
 * Reads no byte outside the archive, whatever the archive says; allocates nothing.
 *
 *  P1  every file of an index lies inside the archive: offset <= bytes, size <= bytes - offset;
 *  P2  no two files of an index have the same name;
 *  P3  no name is empty, starts with "/" or "./", or has a NUL among its name_bytes.
 *
 * Only regular files are kept; directories, links and devices are passed over.  A name that comes
 * again replaces the earlier file, as unpacking would.  Of files that are hard links of each other
 * the format stores the data once, with the last name: the others appear empty. */
#ifndef COMMON_CPIO_H
#define COMMON_CPIO_H

#include <stdint.h>

#define CPIO_NAME_BYTES 255u /* longest name kept */

struct cpio_file {
    const char *name;    /* in the archive, normalised, not NUL-terminated */
    uint32_t name_bytes; /* 1..CPIO_NAME_BYTES */
    uint32_t mode;       /* as in the archive */
    uint64_t offset;     /* of the first byte, from the start of the archive */
    uint64_t size_bytes;
};

enum cpio_error {
    CPIO_OK,
    CPIO_HEADER_CUT,
    CPIO_BAD_MAGIC,
    CPIO_BAD_DIGIT,
    CPIO_NAME_CUT,
    CPIO_BAD_NAME,
    CPIO_DATA_CUT,
    CPIO_NO_TRAILER,
    CPIO_TOO_MANY,
    CPIO_ERRORS
};

struct cpio_index {
    struct cpio_file *files; /* the caller's table */
    uint32_t count;
    uint32_t capacity;
    uint64_t stopped_at; /* byte offset of the header that the error is about, or of the trailer */
};

/* Fills index->files (index->capacity of them, both set by the caller) from `archive`.
 * Returns: CPIO_OK; else what is wrong with the header at index->stopped_at, and the files before
 * it are in the index. */
enum cpio_error cpio_index_build(struct cpio_index *index, const void *archive, uint64_t bytes);

/* The file of that name, which is normalised first ("./a", "/a" and "a" are the same); NULL if
 * none. */
const struct cpio_file *cpio_index_find(const struct cpio_index *index, const char *name,
                                        uint32_t name_bytes);

/* What the error means, in words. */
const char *cpio_error_text(enum cpio_error error);

#endif
