/* The checksum of a page: see checksum.h. */
#include "checksum.h"

#include "abi.h"

/* Four words a turn: three instructions a word. */
uint64_t checksum_page(const void *contents, uint64_t seed)
{
    const uint64_t *word = contents;
    uint64_t sum = seed, sums = ~seed;

    for (const uint64_t *end = word + FL_PAGE_BYTES / sizeof *word; word < end; word += 4) {
        sums += sum += word[0];
        sums += sum += word[1];
        sums += sum += word[2];
        sums += sum += word[3];
    }
    return sum ^ (sums << 32 | sums >> 32);
}
