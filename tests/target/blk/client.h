/* A client of the disk driver in the root task's place: it starts the driver as init does, and holds
 * the other end of the rings.
 *
 * Data lie in CLIENT_PLACES places of CLIENT_PLACE_PAGES pages, pinned, in one physical piece. */
#ifndef TESTS_BLK_CLIENT_H
#define TESTS_BLK_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "blk_ring.h"

#define CLIENT_PAGE_BYTES   4096u
#define CLIENT_PAGE_SECTORS (CLIENT_PAGE_BYTES / BLK_SECTOR_BYTES)
#define CLIENT_PLACES       12u
#define CLIENT_PLACE_PAGES  32u

struct client_disk {
    struct blk_client ring;
    struct blk_info info;
    bool broken; /* and client_wait told so */
};

/* One request, in whole pages: `segments` of one page each from a place on. */
struct client_request {
    unsigned disk;
    enum blk_op op;
    uint64_t page; /* of the disk */
    uint32_t pages;
    unsigned place;
    uint64_t tag;
};

/* Starts everything; limit_ms: of the driver (0: none).  Ends the run when something fails. */
void client_start(uint64_t limit_ms);
unsigned client_disks(void);
struct client_disk *client_disk(unsigned disk);
uint64_t client_ticks_per_ms(void);

/* Memory of a place. */
uint64_t *client_place(unsigned place);

/* Puts a request into its disk's ring.  Returns: false when there is no room. */
bool client_put(const struct client_request *request);
/* As client_put, of any request; its segments are the caller's. */
bool client_put_raw(unsigned disk, const struct blk_request *request);
/* Lets the driver see what was put, and rings when it sleeps. */
void client_ring(void);
/* Takes the next end of any disk, sleeping until there is one.  Of a ring that the driver gave up it
 * tells once, by error -1. */
struct blk_end client_wait(unsigned *disk);
/* Put, ring and wait: the request's error. */
int client_do(const struct client_request *request);

uint64_t client_statistic(unsigned disk, enum blk_statistic which);

/* The word of the boot command line behind NAME=, as a number; `otherwise` without it. */
uint64_t client_option(const char *name, uint64_t otherwise);
/* Whether the boot command line has the word. */
bool client_has_word(const char *word);

#endif
