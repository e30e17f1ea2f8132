/* The checksum of a page that is kept elsewhere than in its frame: compressed, or in a slot of a disk.
 *
 * A sum that begins with a value made of the seed takes the page's 512 words two by two, v and w.  With x = w ^ sum, the
 * product (v ^ K) * x has 128 bits, and the next sum is its low half xored with its high one, plus x.  So every bit of a word
 * weighs on all bits of the sum, upwards by the low half and downwards by the high one, and what came before stays in the sum
 * also where v is K.  (Few other v, near K or its complement, lose some of it: with K ^ 1 bit 63.  A word is one of them by a
 * chance of some 2^-60.)  As far as nobody means it to, for this is no signature, each of these passes by a chance of some
 * 2^-56, a chance of 2^-64 in each of up to 256 steps:
 *
 *  - contents that were changed, wherever and however often;
 *  - the same contents with another seed: a page that belongs to another place, or to an earlier use of this one, which is
 *    what a seed says.
 *
 * Four instructions a word.  A sum of words with weights takes three, but carries upwards only: bit 63 of two words, wrong
 * together, weighs nothing in it.
 */
#ifndef PAGER_CHECKSUM_H
#define PAGER_CHECKSUM_H

#include <stdint.h>

/* contents: FL_PAGE_BYTES of them, aligned to 8.  seed: not K, which is above 2^63. */
uint64_t checksum_page(const void *contents, uint64_t seed);

/* For a single word. */
uint64_t checksum_word(uint64_t word, uint64_t seed);

#endif
