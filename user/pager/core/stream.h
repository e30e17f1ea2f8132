/* Streams: how many pages a read from swap brings in.
 *
 * A stream is a place where pages of an object are missed one after the other, upwards or downwards.  What
 * is missed where a stream goes on makes its window twice as large; what is missed elsewhere begins a
 * stream of one page, in the place of the one that has been of no use for longest.  So who reads in order
 * soon gets STREAM_PAGES with each request, and who reads here and there gets nothing that he did not
 * ask for.
 *
 * Only guesses: an object is compared and never looked into, so it may be gone, and another be there.
 *
 *  G3  a stream's window is 1 to STREAM_PAGES, and low < high, but for one that was never used. */
#ifndef PAGER_STREAM_H
#define PAGER_STREAM_H

#include <stdbool.h>
#include <stdint.h>

struct object;

#define STREAMS      8u
#define STREAM_PAGES 32u /* most of a window */

struct stream {
    const struct object *object;
    uint64_t low; /* pages low .. high were read last */
    uint64_t high;
    uint32_t window; /* pages; 0: never used */
    uint32_t turn;   /* streams.turns when it went on */
};

struct streams {
    struct stream stream[STREAMS];
    uint32_t turns;
};

/* Pages [low, high). */
struct stream_window {
    uint64_t low;
    uint64_t high;
};

/* What to read where page `index` is missed: it, and pages on one side of it.  `most`: of pages, at least 1. */
struct stream_window stream_miss(struct streams *streams, const struct object *object,
                                 uint64_t index, uint32_t most);

bool stream_check(const struct streams *streams);

#endif
