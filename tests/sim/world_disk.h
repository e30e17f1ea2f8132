/* Small worlds: a disk for swap, whose requests end when and as the test says. */
#ifndef SIM_WORLD_DISK_H
#define SIM_WORLD_DISK_H

#include "pager_fake.h"

#define WORLD_DISK_PAGES 64u

struct world_disk {
    struct fake *fake;
    uint32_t area;     /* of swap */
    uint32_t requests; /* that have not ended, in the order in which they were made */
    uint32_t reads;    /* requests that read, since the disk began */
    struct vm_io io[PAGING_REQUESTS]; /* those that have not ended */
    uint8_t page[WORLD_DISK_PAGES][FL_PAGE_BYTES];
};

/* The machine swaps to the disk from now on, which is the only one. */
void world_disk_begin(struct world_disk *disk, struct fake *fake);

/* It swaps no more: nothing may be out. */
void world_disk_end(struct world_disk *disk);

/* The request at a place of the list ends. */
void world_disk_finish(struct world_disk *disk, uint32_t place, bool ok);

/* Lets all requests end well, also those that are made then. */
void world_disk_settle(struct world_disk *disk);

/* The object that holds page `index` of those that `top` shows, or NULL. */
struct object *world_disk_find_holder(struct object *top, uint64_t index);

/* Page `index` of an object leaves: to the disk as far as a request can be made, or to the store of compressed
 * pages, which is used for that only. */
void world_disk_put_out(struct world_disk *disk, struct object *object, uint64_t index);
void world_disk_pack(struct world_disk *disk, struct object *object, uint64_t index);

#endif
