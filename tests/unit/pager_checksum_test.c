/* The checksum of a page, beside the formula in its header. */
/* sources: user/pager/core/checksum.c */
#include "harness.h"

#include <string.h>

#include "abi.h"
#include "checksum.h"
#include "effort.h"

#define WORDS (FL_PAGE_BYTES / 8u)
#define K     0x3c6ef372fe94f82aull

static uint64_t page[WORDS], other[WORDS];
static uint64_t state = 1;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void fill(uint64_t *words)
{
    for (uint32_t i = 0; i < WORDS; i++)
        words[i] = next();
}

/* What the contents add to the seed. */
static uint64_t weighted(const uint64_t *words)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < WORDS; i++)
        sum += words[i] * (1 + (WORDS - i) * K);
    return sum;
}

TEST("word i of 512 counts 1 + (512 - i) * K times, whatever the page is")
{
    static const uint64_t zero[WORDS];

    for (uint32_t i = 0; i < 100; i++) {
        uint64_t seed = next() >> (i % 64);

        fill(page);
        CHECK_EQ(checksum_page(page, seed) - checksum_page(zero, seed), weighted(page));
    }
}

TEST("a change of one bit is found, whichever it is")
{
    uint64_t sum;

    fill(page);
    sum = checksum_page(page, 7);
    for (uint32_t bit = 0; bit < 8 * FL_PAGE_BYTES; bit++) {
        page[bit / 64] ^= 1ull << bit % 64;
        CHECK(checksum_page(page, 7) != sum);
        page[bit / 64] ^= 1ull << bit % 64;
    }
    CHECK_EQ(checksum_page(page, 7), sum);
}

TEST("a changed word, two words in each other's place, and a piece of another page are found")
{
    struct effort effort = effort_begin(20000);

    fill(page);
    while (effort_continues(&effort)) {
        uint64_t sum = checksum_page(page, 1);
        uint32_t i = next() % WORDS, j = next() % WORDS, sector = next() % 8;

        memcpy(other, page, sizeof page);
        other[i] = next();
        CHECK(checksum_page(other, 1) != sum);
        other[i] = page[j];
        other[j] = page[i];
        CHECK(i == j || checksum_page(other, 1) != sum);
        fill(other);
        memcpy(page + sector * 64, other + sector * 64, 512);
        CHECK(checksum_page(page, 1) != sum);
    }
    effort_end(&effort);
}

TEST("the same bytes with another seed have another checksum, also all zeros")
{
    static uint64_t seen[64 * 64];
    uint32_t count = 0;

    memset(page, 0, sizeof page);
    for (uint64_t number = 0; number < 64; number++) {
        for (uint64_t generation = 0; generation < 64; generation++) {
            uint64_t sum = checksum_page(page, generation << 32 | number);

            for (uint32_t i = 0; i < count; i++)
                CHECK(seen[i] != sum);
            seen[count++] = sum;
        }
    }
}

TEST("the checksum of a word tells words and seeds apart")
{
    uint64_t sum = checksum_word(5, 6);

    for (uint32_t bit = 0; bit < 64; bit++) {
        CHECK(checksum_word(5 ^ 1ull << bit, 6) != sum);
        CHECK(checksum_word(5, 6 ^ 1ull << bit) != sum);
    }
}
