/* One page through LZ4: see pack.h. */
#include "pack.h"

#include <stddef.h>

#include "abi.h"

/* No misaligned access: boards trap it.  So words that lie anywhere cost, and where LZ4's own ways are long there are
 * shorter ones here. */

typedef uint64_t __attribute__((may_alias)) pack_word;

/* Loads eight bytes by the one or two words that they lie in, in half the instructions of eight loads.  A page is whole
 * words, so nothing beyond it is read. */
static inline void pack_load(void *to, const void *from)
{
    uintptr_t at = (uintptr_t)from, shift = at * 8 % 64;
    const pack_word *low = (const pack_word *)(at & ~7ul);
    const pack_word *high = (const pack_word *)((at + 7) & ~7ul); /* low, if they are a word */

    *(pack_word *)to = *low >> shift | *high << (-shift % 64);
}

/* Unpacking copies 16 bytes for each few that it wants: in two parts this is in line, else it would be a call. */
static inline void pack_copy(void *to, const void *from, size_t count)
{
    if (__builtin_constant_p(count) && count == 16) {
        __builtin_memcpy(to, from, 8);
        __builtin_memcpy((uint8_t *)to + 8, (const uint8_t *)from + 8, 8);
    } else {
        __builtin_memcpy(to, from, count);
    }
}

/* LZ4 without a C library: all access by LZ4_memcpy, words that are compared are loaded as such; and without
 * an instruction that counts bits, which would be a call. */
#define LZ4_FREESTANDING        1
#define LZ4_FORCE_MEMORY_ACCESS 0
#define LZ4_FORCE_SW_BITCOUNT
#define LZ4_memcpy(to, from, count) \
    _Generic((to), size_t * : pack_load(to, from), default : pack_copy(to, from, count))
#define LZ4_memmove __builtin_memmove
#define LZ4_memset  __builtin_memset
/* A table of 2 KiB is cleared for each page; 4 KiB would save one byte in a hundred. */
#define LZ4_MEMORY_USAGE 11
/* LZ4's functions are this unit's own: those that nobody calls are not compiled, which was most of the time that it took. */
#define LZ4LIB_VISIBILITY static
#pragma GCC diagnostic ignored "-Wunused-function"
#include <lz4.c>

/* Where two places in a row begin no match, every other one is tried: a third less work on what packs badly, and on
 * nothing that was measured a unit more. */
#define PACK_ACCELERATION 2

_Static_assert(sizeof(LZ4_stream_t) <= sizeof(struct pack), "LZ4's memory fits");

uint32_t pack_page(struct pack *pack, const void *contents, void *packed, uint32_t capacity)
{
    return (uint32_t)LZ4_compress_fast_extState(pack, contents, packed, FL_PAGE_BYTES,
                                                (int)capacity, PACK_ACCELERATION);
}

bool pack_undo(const void *packed, uint32_t bytes, void *contents)
{
    return LZ4_decompress_safe(packed, contents, (int)bytes, FL_PAGE_BYTES) == FL_PAGE_BYTES;
}
