/* Checksums of pages: see checksum.h. */
#include "checksum.h"

#include "abi.h"

#define CHECKSUM_WORDS (FL_PAGE_BYTES / 8u)
#define CHECKSUM_TURN  16u /* words */
/* Random digits, but for three.  A factor ends in about as many zeros as a word has low bits in common with K, so the last two are
 * those of no number that is frequent; and one is such that checksum_mix gives K for no seed below 2^63. */
#define CHECKSUM_K 0x9cc500a29f626a5bull
_Static_assert(CHECKSUM_WORDS % CHECKSUM_TURN == 0, "a page is read in whole turns");

/* One value for each seed, and far ones for near seeds. */
static uint64_t checksum_mix(uint64_t seed)
{
    uint64_t x = seed ^ CHECKSUM_K;

    x = (x ^ x >> 33) * 0xff51afd7ed558ccdull;
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ull;
    return x ^ x >> 33;
}

/* The next state, of which `low` and `high` are the halves before. */
static unsigned __int128 checksum_step(uint64_t v, uint64_t w, uint64_t low, uint64_t high)
{
    return (unsigned __int128)(v ^ low) * (w - high);
}

uint64_t checksum_page(const void *contents, uint64_t seed)
{
    const uint64_t *word = contents, *end = word + CHECKSUM_WORDS;
    uint64_t low = checksum_mix(seed), high = low ^ CHECKSUM_K;

    while (word < end) {
#pragma GCC unroll 4
        for (uint32_t i = 0; i < CHECKSUM_TURN; i += 4) {
            unsigned __int128 product = checksum_step(word[i], word[i + 1], low, high);

            product = checksum_step(word[i + 2], word[i + 3], (uint64_t)product,
                                    (uint64_t)(product >> 64));
            low = (uint64_t)product + CHECKSUM_K;
            high = (uint64_t)(product >> 64);
        }
        word += CHECKSUM_TURN;
    }
    return low ^ high;
}

uint64_t checksum_word(uint64_t word, uint64_t seed)
{
    return checksum_mix(seed) + word;
}
