/* Both sides of the ring between the disk driver and its client (user/protocol/blk.h).
 *
 *  R1  what one side publishes it has written before, and does not touch until the other has taken it;
 *  R2  at most BLK_RING_ENDS requests are received and their ends not taken, so each end finds room;
 *  R3  after a sleep that returned true, the other side's next publication asks for a signal;
 *  R4  the server takes each word out of the page once and checks it; indexes or a length that cannot
 *      be break the ring, for good, and nothing outside the page was touched.
 *
 * The client trusts the server, the server nobody. */
#ifndef COMMON_BLK_RING_H
#define COMMON_BLK_RING_H

#include <stdbool.h>

#include "blk.h"

struct blk_request {
    enum blk_op op;
    uint32_t segments; /* of READ and WRITE, at most BLK_SEGMENTS */
    uint32_t sectors;  /* of DISCARD and WRITE_ZEROES */
    uint64_t sector;   /* the first one; 0 for FLUSH */
    uint64_t tag;
    const uint64_t *segment;
};

/* --- the client -------------------------------------------------------------------------------- */

struct blk_client {
    struct blk_ring *ring;
    uint32_t put;       /* words */
    uint32_t published; /* of them */
    uint32_t taken;     /* ends */
    uint32_t pending;   /* requests whose ends were not taken */
};

/* ring: a page of zeros. */
void blk_client_init(struct blk_client *client, struct blk_ring *ring);

/* Puts a request into the ring.  Returns: false when there is no room: take ends, try again. */
bool blk_client_submit(struct blk_client *client, const struct blk_request *request);

/* Lets the driver see what was put.  Returns: whether to ring its bell. */
bool blk_client_publish(struct blk_client *client);

/* Takes the next end.  Returns: false when there is none. */
bool blk_client_take(struct blk_client *client, struct blk_end *end);

/* Asks for a signal when the next end comes.  Returns: false if one is there. */
bool blk_client_sleep(struct blk_client *client);

/* Whether the driver gave the ring up: no end will come any more. */
bool blk_client_is_broken(const struct blk_client *client);

/* --- the server -------------------------------------------------------------------------------- */

struct blk_server {
    struct blk_ring *ring;
    uint32_t received;              /* words */
    uint32_t ended;                 /* ends */
    uint32_t published;             /* of them */
    uint32_t promised;              /* requests received and not ended */
    bool broken;                    /* R4 */
    uint64_t segment[BLK_SEGMENTS]; /* of the last request */
};

void blk_server_init(struct blk_server *server, struct blk_ring *ring);

/* Takes the next request; its segments are valid until the next call.  Its op and numbers are as the
 * client wrote them.  Returns: false when there is none, or the ring is broken. */
bool blk_server_receive(struct blk_server *server, struct blk_request *request);

/* Puts the end of a request into the ring. */
void blk_server_end(struct blk_server *server, uint64_t tag, int error);

/* Lets the client see all ends.  Returns: whether to signal it. */
bool blk_server_publish(struct blk_server *server);

/* Asks for the bell when the next word comes.  Returns: false if one is there. */
bool blk_server_sleep(struct blk_server *server);

#endif
