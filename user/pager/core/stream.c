/* Streams of reads from swap: see stream.h. */
#include "stream.h"

#include "index.h"

_Static_assert((STREAM_PAGES & (STREAM_PAGES - 1)) == 0, "windows are doubled");

/* A stream with a large window is kept over so many more misses elsewhere for each of its pages: those
 * who read here and there miss for each page, who reads in order once in a window. */
#define STREAM_PATIENCE 8u

static bool stream_goes_up(const struct stream *stream, uint64_t index)
{
    return index - stream->high < stream->window;
}

static bool stream_goes_down(const struct stream *stream, uint64_t index)
{
    return stream->low - 1 - index < stream->window;
}

static struct stream *stream_find(struct streams *streams, const struct object *object,
                                  uint64_t index)
{
    for (struct stream *stream = streams->stream; stream < streams->stream + STREAMS; stream++)
        if (stream->object == object &&
            (stream_goes_up(stream, index) || stream_goes_down(stream, index)))
            return stream;
    return NULL;
}

/* The one that is least likely to go on. */
static struct stream *stream_find_idle(struct streams *streams)
{
    struct stream *idle = NULL;
    uint32_t most = 0;

    for (struct stream *stream = streams->stream; stream < streams->stream + STREAMS; stream++) {
        uint32_t age = streams->turns - stream->turn, patience = stream->window * STREAM_PATIENCE;
        uint32_t idleness = age > patience ? age - patience : 0;

        if (stream->window == 0)
            return stream;
        if (!idle || idleness > most) {
            idle = stream;
            most = idleness;
        }
    }
    return idle;
}

static struct stream_window stream_up(uint64_t index, uint32_t pages)
{
    return (struct stream_window){index, pages < INDEX_LIMIT - index ? index + pages : INDEX_LIMIT};
}

static struct stream_window stream_down(uint64_t index, uint32_t pages)
{
    return (struct stream_window){index + 1 > pages ? index + 1 - pages : 0, index + 1};
}

struct stream_window stream_miss(struct streams *streams, const struct object *object,
                                 uint64_t index, uint32_t most)
{
    struct stream *stream = stream_find(streams, object, index);
    struct stream_window window = stream_up(index, 1);
    uint32_t pages = 1;

    streams->turns++;
    if (stream) {
        pages = stream->window < STREAM_PAGES ? stream->window * 2 : STREAM_PAGES;
        window = stream_goes_up(stream, index) ? stream_up(index, pages < most ? pages : most)
                                               : stream_down(index, pages < most ? pages : most);
    } else {
        stream = stream_find_idle(streams);
    }
    *stream = (struct stream){object, window.low, window.high, pages, streams->turns};
    return window;
}

bool stream_check(const struct streams *streams)
{
    for (uint32_t i = 0; i < STREAMS; i++) {
        const struct stream *stream = &streams->stream[i];

        if (stream->window > STREAM_PAGES || (stream->window > 0 && stream->low >= stream->high))
            return false;
    }
    return true;
}
