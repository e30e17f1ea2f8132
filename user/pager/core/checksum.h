/* The checksum of a page that is kept elsewhere than in its frame: compressed, or in a slot of a disk.
 *
 * It has a state of 128 bits, the halves `low` and `high`, which begin with values made of the seed.  The page's 512 words are
 * taken two by two, v and w: the product (v ^ low) * (w - high) of all its 128 bits is the next state, and after each second
 * product a constant K is added to its low half.  The checksum is low ^ high in the end.
 *
 * So every bit of a word weighs on all later state, upwards by the low half of the product and downwards by the high one, and
 * another word always makes another state, unless the other factor is 0.  Both factors are as good as random where words are,
 * and nearly so where they are all 0: what is subtracted from 0 is large when it is small, so high halves do not dwindle from
 * product to product; and K ends the zeros at the end of low halves, which would add up, but before words with K's low bits.  A
 * product that is 0 all the same makes the next ones 0 too until a w is not 0, and no v weighs in these.
 *
 * As far as nobody means it to, for this is no signature, each of the following passes by a chance of some 2^-63; where the damage
 * lies among many zeros by one of some 2^-55, and of 2^-49 where few words with K's low bits repeat between zeros
 * (docs/measurements.md):
 *
 *  - contents that were changed, wherever and however often;
 *  - the same contents with another seed: a page that belongs to another place, or to an earlier use of this one, which is
 *    what a seed says.
 *
 * Somewhat more than three instructions a word (docs/measurements.md).  A sum of words with weights takes three, but carries
 * upwards only: bit 63 of two words, wrong together, weighs nothing in it.
 */
#ifndef PAGER_CHECKSUM_H
#define PAGER_CHECKSUM_H

#include <stdint.h>

/* contents: FL_PAGE_BYTES of them, aligned to 8.  seed: below 2^63; two above it make a factor 0. */
uint64_t checksum_page(const void *contents, uint64_t seed);

/* For a single word. */
uint64_t checksum_word(uint64_t word, uint64_t seed);

#endif
