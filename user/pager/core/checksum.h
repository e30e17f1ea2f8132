/* The checksum of a page that is kept elsewhere than in its frame: compressed, or in a slot of a disk.
 *
 * Two running sums of the page's 512 words: a, which begins with a value made of the seed, and b, the sum
 * of all values that a took.  The checksum is a + K * b, K even: a sum in which word i counts
 * 1 + (512 - i) * K times, an odd number, and another one for each word.  So
 *
 *  - a change of any bits within one word is always found;
 *  - the same contents with another seed are always found: a page that belongs to another place, or to
 *    an earlier use of this one, which is what a seed says;
 *  - anything else passes by a chance of 2^-64, as far as nobody means it to: this is no signature.
 *
 * Not one multiplication for a word: three instructions each, 1,610 a page. */
#ifndef PAGER_CHECKSUM_H
#define PAGER_CHECKSUM_H

#include <stdint.h>

/* contents: FL_PAGE_BYTES of them, aligned to 8. */
uint64_t checksum_page(const void *contents, uint64_t seed);

/* For a single word. */
uint64_t checksum_word(uint64_t word, uint64_t seed);

#endif
