/* A ring of bytes.
 *
 *  R1  put - taken <= RING_BYTES: they count all bytes that ever came and went, modulo 2^32, and
 *      byte i is at bytes[i % RING_BYTES];
 *  R2  bytes leave in the order in which they came.
 *
 * Who puts bytes has seen that there is room, and who takes one that there is one: otherwise the
 * program ends here. */
#ifndef DRIVERS_RING_H
#define DRIVERS_RING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RING_BYTES 2048u
_Static_assert((RING_BYTES & (RING_BYTES - 1)) == 0, "R1 when the counts wrap");

struct ring {
    uint32_t put;
    uint32_t taken;
    uint8_t bytes[RING_BYTES];
};

static inline uint32_t ring_used(const struct ring *ring)
{
    return ring->put - ring->taken;
}

static inline uint32_t ring_room(const struct ring *ring)
{
    return RING_BYTES - ring_used(ring);
}

static inline void ring_put(struct ring *ring, const uint8_t *bytes, uint32_t count)
{
    if (ring_room(ring) < count)
        __builtin_trap();
    while (count > 0) {
        uint32_t at = ring->put % RING_BYTES;
        uint32_t piece = count < RING_BYTES - at ? count : RING_BYTES - at;

        memcpy(&ring->bytes[at], bytes, piece);
        ring->put += piece;
        bytes += piece;
        count -= piece;
    }
}

static inline uint8_t ring_take(struct ring *ring)
{
    if (ring_used(ring) == 0)
        __builtin_trap();
    return ring->bytes[ring->taken++ % RING_BYTES];
}

#endif
