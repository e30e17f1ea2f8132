/* memcpy, memmove and memset at every alignment and many lengths, against loops over bytes. */
#include "harness.h"

#include <stdint.h>
#include <string.h>

#define ROOM 512u

static uint8_t bytes_memory[ROOM], bytes_expected[ROOM], bytes_from[ROOM];

/* Functions that the compiler can't see through: it would replace short calls by code of its own. */
static void *(*volatile bytes_memcpy)(void *restrict, const void *restrict, size_t) = memcpy;
static void *(*volatile bytes_memmove)(void *, const void *, size_t) = memmove;
static void *(*volatile bytes_memset)(void *, int, size_t) = memset;

static const size_t bytes_lengths[] = {0,  1,  2,  7,  8,  9,   15,  16,  17,  31,  32,  33,
                                       63, 64, 65, 71, 72, 127, 128, 129, 191, 192, 200, 255};

static void bytes_begin(void)
{
    for (size_t i = 0; i < ROOM; i++) {
        bytes_from[i] = (uint8_t)(i * 7 + 3);
        bytes_memory[i] = bytes_expected[i] = (uint8_t)(i * 5 + 1);
    }
}

static void bytes_copy_one_by_one(uint8_t *to, const uint8_t *from, size_t count)
{
    for (volatile size_t i = 0; i < count; i = i + 1)
        to[i] = from[i];
}

/* Returns: whether all bytes, those beside the target too, are what they must be. */
static bool bytes_equal(void)
{
    for (size_t i = 0; i < ROOM; i++)
        if (bytes_memory[i] != bytes_expected[i])
            return false;
    return true;
}

typedef bool bytes_case(size_t to, size_t from, size_t count);

/* Returns: the number of cases that went wrong. */
static unsigned bytes_try_all(bytes_case *try)
{
    unsigned wrong = 0;

    for (size_t to = 0; to < 16; to++)
        for (size_t from = 0; from < 16; from++)
            for (size_t i = 0; i < sizeof bytes_lengths / sizeof bytes_lengths[0]; i++) {
                bytes_begin();
                wrong += !try(to, from, bytes_lengths[i]);
            }
    return wrong;
}

static bool bytes_try_copy(size_t to, size_t from, size_t count)
{
    bytes_copy_one_by_one(bytes_expected + to, bytes_from + from, count);
    return bytes_memcpy(bytes_memory + to, bytes_from + from, count) == bytes_memory + to &&
           bytes_equal();
}

TEST("memcpy copies what it is told and nothing beside it, at any alignment")
{
    CHECK_EQ(bytes_try_all(bytes_try_copy), 0);
}

/* Source and destination lie 0 to 15 bytes, or a whole word and more, apart. */
static bool bytes_try_move(size_t to, size_t from, size_t count)
{
    static uint8_t before[ROOM];

    to *= to; /* up to 225: before, over and behind the source */
    bytes_copy_one_by_one(before, bytes_expected, ROOM);
    bytes_copy_one_by_one(bytes_expected + to, before + 100 + from, count);
    return bytes_memmove(bytes_memory + to, bytes_memory + 100 + from, count) ==
               bytes_memory + to &&
           bytes_equal();
}

TEST("memmove copies as if through another place, however the two overlap")
{
    CHECK_EQ(bytes_try_all(bytes_try_move), 0);
}

static bool bytes_try_fill(size_t to, size_t value, size_t count)
{
    int byte = (int)(value * 0x111 + 0x80); /* only its low eight bits count */

    for (volatile size_t i = 0; i < count; i = i + 1)
        bytes_expected[to + i] = (uint8_t)byte;
    return bytes_memset(bytes_memory + to, byte, count) == bytes_memory + to && bytes_equal();
}

TEST("memset fills what it is told and nothing beside it, at any alignment")
{
    CHECK_EQ(bytes_try_all(bytes_try_fill), 0);
}
