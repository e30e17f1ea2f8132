/* The four functions that the compiler may call in freestanding code.  Spec: C11, 7.24. */
#include "string.h"

#include <stdint.h>

#include "cpu.h"
#include "types.h"

static int aligned(uintptr_t bits)
{
    return (bits & 7) == 0;
}

/* Whole pages and tables take the 64-byte loops. */
void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    if (aligned((uintptr_t)t | (uintptr_t)f)) {
        for (; bytes >= 64; bytes -= 64, t += 64, f += 64) {
            uint64_t *tw = (uint64_t *)(void *)t;
            const uint64_t *fw = (const uint64_t *)(const void *)f;

            tw[0] = fw[0], tw[1] = fw[1], tw[2] = fw[2], tw[3] = fw[3];
            tw[4] = fw[4], tw[5] = fw[5], tw[6] = fw[6], tw[7] = fw[7];
        }
    }
    while (bytes-- > 0)
        *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    if (t <= f || t >= f + bytes)
        return memcpy(to, from, bytes);
    while (bytes-- > 0)
        t[bytes] = f[bytes];
    return to;
}

static void zero_blocks(uint8_t *to, size_t bytes, uint32_t block)
{
    for (uint8_t *end = to + bytes; to != end; to += block)
        cpu_zero_block(to);
}

void *memset(void *to, int value, size_t bytes)
{
    uint8_t *t = to;
    uint64_t word = (uint8_t)value * 0x0101010101010101ull;
    uint32_t block = cpu_features.zero_block_bytes;

    if (word == 0 && block != 0 && ((uintptr_t)t | bytes) % PAGE_BYTES == 0) {
        zero_blocks(t, bytes, block);
        return to;
    }
    if (aligned((uintptr_t)t)) {
        for (; bytes >= 128; bytes -= 128, t += 128) {
            uint64_t *tw = (uint64_t *)(void *)t;

            tw[0] = word, tw[1] = word, tw[2] = word, tw[3] = word;
            tw[4] = word, tw[5] = word, tw[6] = word, tw[7] = word;
            tw[8] = word, tw[9] = word, tw[10] = word, tw[11] = word;
            tw[12] = word, tw[13] = word, tw[14] = word, tw[15] = word;
        }
        for (; bytes >= 8; bytes -= 8, t += 8)
            *(uint64_t *)(void *)t = word;
    }
    while (bytes-- > 0)
        *t++ = (uint8_t)value;
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const uint8_t *x = a, *y = b;

    for (; bytes > 0; bytes--, x++, y++) {
        if (*x != *y)
            return *x < *y ? -1 : 1;
    }
    return 0;
}
