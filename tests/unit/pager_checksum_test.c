/* The checksum of a page, beside the formula in its header. */
/* sources: user/pager/core/checksum.c */
#include "harness.h"

#include <string.h>

#include "abi.h"
#include "checksum.h"
#include "effort.h"

#define WORDS (FL_PAGE_BYTES / 8u)
#define K     0x9cc500a29f626a5bull

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

/* The halves of a product, by digits of 32 bits as on paper. */
static void multiply(uint64_t x, uint64_t y, uint64_t *low, uint64_t *high)
{
    uint64_t x0 = x & UINT32_MAX, x1 = x >> 32, y0 = y & UINT32_MAX, y1 = y >> 32;
    uint64_t middle = x1 * y0 + (x0 * y0 >> 32);
    uint64_t other_middle = x0 * y1 + (middle & UINT32_MAX);

    *low = other_middle << 32 | (x0 * y0 & UINT32_MAX);
    *high = x1 * y1 + (middle >> 32) + (other_middle >> 32);
}

TEST("the words are taken two by two, as the header says, whatever the page is")
{
    for (uint32_t i = 0; i < 100; i++) {
        uint64_t seed = next() >> (1 + i % 63);
        uint64_t low = checksum_word(0, seed), high = low ^ K; /* what is made of it */

        fill(page);
        for (uint32_t word = 0; word < WORDS; word += 2) {
            multiply(page[word] ^ low, page[word + 1] - high, &low, &high);
            low += word % 4 == 2 ? K : 0;
        }
        CHECK_EQ(checksum_page(page, seed), low ^ high);
    }
}

/* The same of words of 16 bits, of which errors that pass are often enough to be counted. */
static uint16_t small_checksum(const uint16_t *words, uint16_t start)
{
    uint16_t low = start, high = (uint16_t)(start ^ K);

    for (uint32_t word = 0; word < WORDS; word += 2) {
        uint32_t product =
            (uint32_t)(uint16_t)(words[word] ^ low) * (uint32_t)(uint16_t)(words[word + 1] - high);

        low = (uint16_t)(product + (word % 4 == 2 ? (uint16_t)K : 0));
        high = (uint16_t)(product >> 16);
    }
    return low ^ high;
}

/* Pages of small words: of any, or where a factor is 0 more often. */
enum small {
    SMALL_ANY,
    SMALL_ZERO,
    SMALL_ZERO_THEN_ANY,
    SMALL_ANY_THEN_ZERO,
    SMALL_PAIRS,
    SMALL_UNITS,
    SMALL_RECORDS
};

static uint16_t small_word(enum small kind, uint32_t word)
{
    switch (kind) {
    case SMALL_ZERO:
        return 0;
    case SMALL_ZERO_THEN_ANY:
        return word < WORDS / 2 ? 0 : (uint16_t)next();
    case SMALL_ANY_THEN_ZERO:
        return word < WORDS / 2 ? (uint16_t)next() : 0;
    case SMALL_PAIRS: /* of 32 bits with the upper half 0 */
        return word % 2 ? 0 : (uint16_t)next();
    case SMALL_UNITS: /* the same, of 1 */
        return word % 2 ? 0 : 1;
    case SMALL_RECORDS:
        return word % 4 ? 0 : 1;
    case SMALL_ANY:
        break;
    }
    return (uint16_t)next();
}

/* How many of so many errors of one bit, in the first half of such a page or anywhere, pass. */
static uint32_t count_small_errors(uint32_t errors, enum small kind)
{
    uint32_t bits = kind == SMALL_ZERO_THEN_ANY || kind == SMALL_ANY_THEN_ZERO ? 8 : 16;
    static uint16_t words[WORDS];
    uint32_t passed = 0;

    while (errors-- > 0) {
        uint16_t start = (uint16_t)next(), sum;
        uint32_t bit = (uint32_t)(next() % (bits * WORDS));

        for (uint32_t word = 0; word < WORDS; word++)
            words[word] = small_word(kind, word);
        sum = small_checksum(words, start);
        words[bit / 16] ^= (uint16_t)(1u << bit % 16);
        passed += small_checksum(words, start) == sum;
    }
    return passed;
}

TEST(
    "with words of 16 bits an error passes by a chance of some 2^-16, and of some 2^-7 in pages of "
    "little but zeros")
{
    /* Of 65,536 errors 2, 5, 332, 154, 200, 545 and 486 pass; that was measured with four times as many and more. */
    CHECK(count_small_errors(65536, SMALL_ANY) < 10);
    CHECK(count_small_errors(65536 / 2, SMALL_ANY_THEN_ZERO) < 10);
    CHECK(count_small_errors(65536 / 8, SMALL_ZERO) < 2 * 332 / 8);
    CHECK(count_small_errors(65536 / 8, SMALL_ZERO_THEN_ANY) < 2 * 154 / 8);
    CHECK(count_small_errors(65536 / 8, SMALL_PAIRS) < 2 * 200 / 8);
    CHECK(count_small_errors(65536 / 8, SMALL_UNITS) < 2 * 545 / 8);
    CHECK(count_small_errors(65536 / 8, SMALL_RECORDS) < 2 * 486 / 8);
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

TEST("one bit that is wrong in two words is found, whichever bit it is")
{
    struct effort effort = effort_begin(12800);

    fill(page);
    for (uint32_t bit = 0; effort_continues(&effort); bit = (bit + 1) % 64) {
        uint64_t sum = checksum_page(page, 7);
        uint32_t i = next() % WORDS, j = next() % WORDS;

        page[i] ^= 1ull << bit;
        page[j] ^= 1ull << bit;
        CHECK(i == j || checksum_page(page, 7) != sum);
    }
    effort_end(&effort);
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
            uint64_t sum = checksum_page(page, generation << 31 | number);

            for (uint32_t i = 0; i < count; i++)
                CHECK(seen[i] != sum);
            seen[count++] = sum;
        }
    }
}

/* A page of one word's value everywhere, but in its middle. */
static void fill_around(uint64_t value, uint64_t first, uint64_t second)
{
    for (uint32_t word = 0; word < WORDS; word++)
        page[word] = value;
    page[WORDS / 2] = first;
    page[WORDS / 2 + 1] = second;
}

TEST("every word weighs among equal ones, with seed 0 as with others, beside K and its complement "
     "too")
{
    static const uint64_t values[] = {0, 1, UINT64_MAX, K, ~K};

    for (uint64_t seed = 0; seed < 3; seed++)
        for (uint32_t i = 0; i < 125; i++) {
            uint64_t sum;

            fill_around(values[i % 5], values[i / 5 % 5], values[i / 25]);
            sum = checksum_page(page, seed);
            CHECK(checksum_page(page, seed + 1) != sum);
            for (uint32_t word = 0; word < WORDS; word++) {
                page[word] ^= 1ull << word % 64;
                CHECK(checksum_page(page, seed) != sum);
                page[word] ^= 1ull << word % 64;
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
