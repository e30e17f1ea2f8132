/* Owns the order of reads and writes in the page of a disk's ring, see blk_ring.h for R1 to R4. */
#include "blk_ring.h"

#include <stdatomic.h>

#define WORD(index) ((index) & (BLK_RING_WORDS - 1))
#define END(index)  ((index) & (BLK_RING_ENDS - 1))

enum { HEADER_OP = 0xff, HEADER_SEGMENTS = 8, HEADER_RESERVED = 16, HEADER_SECTORS = 32 };

static uint32_t ring_read(const uint32_t *index)
{
    return *(const volatile uint32_t *)index;
}

static void ring_write(uint32_t *index, uint32_t value)
{
    *(volatile uint32_t *)index = value;
}

/* Whether `wanted` is in [from, to): the other side waits for a place that was filled just now. */
static bool ring_fills(uint32_t wanted, uint32_t from, uint32_t to)
{
    return to - wanted - 1 < to - from;
}

/* Contents before index, index before the question whether the other side sleeps. */
static void ring_publish(uint32_t *index, uint32_t to)
{
    atomic_thread_fence(memory_order_release);
    ring_write(index, to);
    atomic_thread_fence(memory_order_seq_cst);
}

/* Names the place waited for, then looks again.  Returns: whether it is still empty. */
static bool ring_sleep(uint32_t *wanted, uint32_t next, const uint32_t *index)
{
    ring_write(wanted, next);
    atomic_thread_fence(memory_order_seq_cst);
    return ring_read(index) == next;
}

/* --- the client -------------------------------------------------------------------------------- */

void blk_client_init(struct blk_client *client, struct blk_ring *ring)
{
    *client = (struct blk_client){.ring = ring};
}

bool blk_client_submit(struct blk_client *client, const struct blk_request *request)
{
    struct blk_ring *ring = client->ring;
    const uint32_t words = BLK_REQUEST_WORDS + request->segments;
    uint32_t at = client->put;

    if (client->pending == BLK_RING_ENDS ||
        at + words - ring_read(&ring->received) > BLK_RING_WORDS)
        return false;
    ring->word[WORD(at++)] = (uint64_t)request->op |
                             (uint64_t)request->segments << HEADER_SEGMENTS |
                             (uint64_t)request->sectors << HEADER_SECTORS;
    ring->word[WORD(at++)] = request->sector;
    ring->word[WORD(at++)] = request->tag;
    for (uint32_t i = 0; i < request->segments; i++)
        ring->word[WORD(at++)] = request->segment[i];
    client->put = at;
    client->pending++;
    return true;
}

bool blk_client_publish(struct blk_client *client)
{
    const uint32_t from = client->published;

    if (client->put == from)
        return false;
    client->published = client->put;
    ring_publish(&client->ring->submitted, client->put);
    return ring_fills(ring_read(&client->ring->wants_word), from, client->put);
}

bool blk_client_take(struct blk_client *client, struct blk_end *end)
{
    if (ring_read(&client->ring->ended) == client->taken)
        return false;
    atomic_thread_fence(memory_order_acquire);
    *end = client->ring->end[END(client->taken)];
    client->taken++;
    client->pending--;
    atomic_thread_fence(memory_order_release);
    ring_write(&client->ring->taken, client->taken);
    return true;
}

bool blk_client_sleep(struct blk_client *client)
{
    return ring_sleep(&client->ring->wants_end, client->taken, &client->ring->ended);
}

bool blk_client_is_broken(const struct blk_client *client)
{
    return ring_read(&client->ring->broken) != 0;
}

/* --- the server -------------------------------------------------------------------------------- */

void blk_server_init(struct blk_server *server, struct blk_ring *ring)
{
    server->ring = ring;
    server->received = server->ended = server->published = server->promised = 0;
    server->broken = false;
}

static bool server_break(struct blk_server *server)
{
    server->broken = true;
    ring_write(&server->ring->broken, 1);
    return false;
}

static uint64_t server_word(struct blk_server *server)
{
    return *(volatile uint64_t *)&server->ring->word[WORD(server->received++)];
}

bool blk_server_receive(struct blk_server *server, struct blk_request *request)
{
    const uint32_t there = ring_read(&server->ring->submitted) - server->received;
    uint64_t header;

    if (there == 0 || server->broken)
        return false;
    if (there > BLK_RING_WORDS || there < BLK_REQUEST_WORDS ||
        server->ended + server->promised - ring_read(&server->ring->taken) >= BLK_RING_ENDS)
        return server_break(server);
    atomic_thread_fence(memory_order_acquire);
    header = server_word(server);
    *request = (struct blk_request){.op = (enum blk_op)(header & HEADER_OP),
                                    .segments = header >> HEADER_SEGMENTS & 0xff,
                                    .sectors = (uint32_t)(header >> HEADER_SECTORS),
                                    .segment = server->segment};
    request->sector = server_word(server);
    request->tag = server_word(server);
    if (request->segments > BLK_SEGMENTS || request->segments > there - BLK_REQUEST_WORDS ||
        (header >> HEADER_RESERVED & 0xffff) != 0)
        return server_break(server);
    for (uint32_t i = 0; i < request->segments; i++)
        server->segment[i] = server_word(server);
    atomic_thread_fence(memory_order_release);
    ring_write(&server->ring->received, server->received);
    server->promised++;
    return true;
}

void blk_server_end(struct blk_server *server, uint64_t tag, int error)
{
    server->ring->end[END(server->ended++)] = (struct blk_end){.tag = tag, .error = error};
    server->promised--;
}

bool blk_server_publish(struct blk_server *server)
{
    const uint32_t from = server->published;

    if (server->ended == from)
        return false;
    server->published = server->ended;
    ring_publish(&server->ring->ended, server->ended);
    return ring_fills(ring_read(&server->ring->wants_end), from, server->ended);
}

bool blk_server_sleep(struct blk_server *server)
{
    return server->broken ||
           ring_sleep(&server->ring->wants_word, server->received, &server->ring->submitted);
}
