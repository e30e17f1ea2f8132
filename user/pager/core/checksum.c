/* Checksums of pages: see checksum.h. */
#include "checksum.h"

#include "abi.h"

#define CHECKSUM_WORDS (FL_PAGE_BYTES / 8u)
#define CHECKSUM_TURN  64u /* words */
#define CHECKSUM_K     0x3c6ef372fe94f82aull
_Static_assert(CHECKSUM_WORDS % CHECKSUM_TURN == 0, "a page is read in whole turns");

/* One value for each value, and none near another. */
static uint64_t checksum_mix(uint64_t x)
{
    x = (x ^ x >> 33) * 0xff51afd7ed558ccdull;
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ull;
    return x ^ x >> 33;
}

uint64_t checksum_page(const void *contents, uint64_t seed)
{
    const uint64_t *word = contents, *end = word + CHECKSUM_WORDS;
    uint64_t a = checksum_mix(seed), b = 0;

    while (word < end) {
#pragma GCC unroll 64
        for (uint32_t i = 0; i < CHECKSUM_TURN; i++) {
            a += word[i];
            b += a;
        }
        word += CHECKSUM_TURN;
    }
    return a + CHECKSUM_K * b;
}

uint64_t checksum_word(uint64_t word, uint64_t seed)
{
    return checksum_mix(seed) + word;
}
