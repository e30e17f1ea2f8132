/* One page through LZ4: the block format, so that any LZ4 reads what is written here.
 *
 * LZ4 itself is not part of this tree: it is the file lib/lz4.c of Debian's source package lz4
 * (BSD-2-Clause), which pack.c includes whole.  It takes no memory but what it is given here, and
 * unpacking writes nothing outside the page, whatever it is given to read. */
#ifndef PAGER_PACK_H
#define PAGER_PACK_H

#include <stdbool.h>
#include <stdint.h>

/* Where the last four bytes that looked like these stood: LZ4's memory while it packs. */
struct pack {
    uint64_t table[(2048 + 32) / 8];
};

/* Packs FL_PAGE_BYTES of `contents` into at most `capacity` bytes.  Returns how many; 0: they do not
 * suffice. */
uint32_t pack_page(struct pack *pack, const void *contents, void *packed, uint32_t capacity);

/* False: the bytes are not a packed page, and the contents are anything. */
bool pack_undo(const void *packed, uint32_t bytes, void *contents);

#endif
