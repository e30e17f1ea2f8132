/* Checksums of pages: see checksum.h. */
#include "checksum.h"

#include "abi.h"

#define CHECKSUM_WORDS (FL_PAGE_BYTES / 8u)
#define CHECKSUM_TURN  16u                   /* words */
#define CHECKSUM_K     0x9cc500a29f5e6ac1ull /* random digits */
_Static_assert(CHECKSUM_WORDS % CHECKSUM_TURN == 0, "a page is read in whole turns");

/* One value for each seed, and far ones for near seeds.  0, with which the first word of a pair would not weigh in a page of zeros,
 * is K's alone. */
static uint64_t checksum_mix(uint64_t seed)
{
    uint64_t x = seed ^ CHECKSUM_K;

    x = (x ^ x >> 33) * 0xff51afd7ed558ccdull;
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ull;
    return x ^ x >> 33;
}

/* Both halves of the product: a high bit of a factor changes low ones of this.  And x, which all before is in, itself: the
 * product has lost all of it where the other factor is 0 or ~0. */
static uint64_t checksum_step(uint64_t word, uint64_t x)
{
    unsigned __int128 product = (unsigned __int128)(word ^ CHECKSUM_K) * x;

    return ((uint64_t)product ^ (uint64_t)(product >> 64)) + x;
}

uint64_t checksum_page(const void *contents, uint64_t seed)
{
    const uint64_t *word = contents, *end = word + CHECKSUM_WORDS;
    uint64_t sum = checksum_mix(seed);

    while (word < end) {
#pragma GCC unroll 8
        for (uint32_t i = 0; i < CHECKSUM_TURN; i += 2)
            sum = checksum_step(word[i], word[i + 1] ^ sum);
        word += CHECKSUM_TURN;
    }
    return sum;
}

uint64_t checksum_word(uint64_t word, uint64_t seed)
{
    return checksum_mix(seed) + word;
}
