/* One page through LZ4: see pack.h. */
#include "pack.h"

#include <string.h>

#include "abi.h"

/* LZ4 without a C library. */
#define LZ4_FREESTANDING 1
#define LZ4_memcpy       __builtin_memcpy
#define LZ4_memmove      __builtin_memmove
#define LZ4_memset       __builtin_memset
/* A table of 2 KiB is cleared for each page; 4 KiB would save one byte in a hundred. */
#define LZ4_MEMORY_USAGE 11
#include <lz4.c>

_Static_assert(sizeof(LZ4_stream_t) <= sizeof(struct pack), "LZ4's memory fits");

uint32_t pack_page(struct pack *pack, const void *contents, void *packed, uint32_t capacity)
{
    return (uint32_t)LZ4_compress_fast_extState(pack, contents, packed, FL_PAGE_BYTES,
                                                (int)capacity, 1);
}

bool pack_undo(const void *packed, uint32_t bytes, void *contents)
{
    return LZ4_decompress_safe(packed, contents, (int)bytes, FL_PAGE_BYTES) == FL_PAGE_BYTES;
}
