/* memcpy, memmove and memset of everything in user mode: the C library's go byte by byte.
 *
 * Bytes up to a word's boundary, lines of 64 bytes, words, and the bytes that are left.  What lies
 * differently to its words, source against destination, goes byte by byte, because a misaligned
 * access may trap.  Compiled so that the loops do not become calls of themselves.
 * Spec: C11, 7.24.2.1, 7.24.2.2, 7.24.6.1. */
#include <stdint.h>
#include <string.h>

#define WORD_BYTES sizeof(uint64_t)
#define LINE_BYTES (8 * WORD_BYTES)

static void bytes_copy_lines(uint64_t *to, const uint64_t *from, size_t lines)
{
    for (; lines > 0; lines--, to += 8, from += 8) {
        uint64_t a = from[0], b = from[1], c = from[2], d = from[3];
        uint64_t e = from[4], f = from[5], g = from[6], h = from[7];

        to[0] = a;
        to[1] = b;
        to[2] = c;
        to[3] = d;
        to[4] = e;
        to[5] = f;
        to[6] = g;
        to[7] = h;
    }
}

/* From the lowest byte up, each line read before it is written: right also for a destination that lies
 * lower and overlaps. */
static void bytes_copy_up(uint8_t *t, const uint8_t *f, size_t count)
{
    if (((uintptr_t)t ^ (uintptr_t)f) % WORD_BYTES == 0 && count >= WORD_BYTES) {
        for (; (uintptr_t)t % WORD_BYTES != 0; count--)
            *t++ = *f++;
        bytes_copy_lines((uint64_t *)(void *)t, (const uint64_t *)(const void *)f,
                         count / LINE_BYTES);
        t += count / LINE_BYTES * LINE_BYTES;
        f += count / LINE_BYTES * LINE_BYTES;
        for (count %= LINE_BYTES; count >= WORD_BYTES; count -= WORD_BYTES) {
            *(uint64_t *)(void *)t = *(const uint64_t *)(const void *)f;
            t += WORD_BYTES;
            f += WORD_BYTES;
        }
    }
    while (count-- > 0)
        *t++ = *f++;
}

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    bytes_copy_up(to, from, count);
    return to;
}

/* Words from the end, for a destination that lies higher and overlaps. */
static size_t bytes_copy_down(uint8_t *to, const uint8_t *from, size_t count)
{
    for (; (uintptr_t)(to + count) % WORD_BYTES != 0; count--)
        to[count - 1] = from[count - 1];
    for (; count >= WORD_BYTES; count -= WORD_BYTES)
        *(uint64_t *)(void *)(to + count - WORD_BYTES) =
            *(const uint64_t *)(const void *)(from + count - WORD_BYTES);
    return count;
}

void *memmove(void *to, const void *from, size_t count)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    if ((uintptr_t)t - (uintptr_t)f >= count) { /* lower, or behind the end */
        bytes_copy_up(t, f, count);
        return to;
    }
    if (((uintptr_t)t ^ (uintptr_t)f) % WORD_BYTES == 0 && count >= WORD_BYTES)
        count = bytes_copy_down(t, f, count);
    while (count-- > 0)
        t[count] = f[count];
    return to;
}

static void bytes_fill_lines(uint64_t *to, uint64_t word, size_t lines)
{
    for (; lines > 0; lines--, to += 8) {
        to[0] = word;
        to[1] = word;
        to[2] = word;
        to[3] = word;
        to[4] = word;
        to[5] = word;
        to[6] = word;
        to[7] = word;
    }
}

void *memset(void *to, int value, size_t count)
{
    uint8_t *t = to;
    uint64_t word = (uint8_t)value * 0x0101010101010101ull;

    if (count >= WORD_BYTES) {
        for (; (uintptr_t)t % WORD_BYTES != 0; count--)
            *t++ = (uint8_t)value;
        bytes_fill_lines((uint64_t *)(void *)t, word, count / LINE_BYTES);
        t += count / LINE_BYTES * LINE_BYTES;
        for (count %= LINE_BYTES; count >= WORD_BYTES; count -= WORD_BYTES) {
            *(uint64_t *)(void *)t = word;
            t += WORD_BYTES;
        }
    }
    while (count-- > 0)
        *t++ = (uint8_t)value;
    return to;
}
