/* The checksum of a page that left memory: two running sums of 64 bits, of its words and of the first
 * sum, from a seed that says whose page it is.  Any one wrong bit, word or order of words shows; so does
 * a page that is right and somebody else's.  No defence against who means to deceive. */
#ifndef PAGER_CHECKSUM_H
#define PAGER_CHECKSUM_H

#include <stdint.h>

/* contents: FL_PAGE_BYTES of them, aligned to 8. */
uint64_t checksum_page(const void *contents, uint64_t seed);

#endif
