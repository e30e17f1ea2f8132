/* A kind of memory object whose pages lie on a disk and are fetched when they are missed: busy pages with
 * a real source.
 *
 *   missed --> queued at the disk --done, and the checksum is right--> vm_page_done(.., true)
 *      |            ^      |
 *      v            |      +--an error, a wrong checksum, or a reset--> vm_page_done(.., false)
 *   waits for room -+
 *
 * There is one file; its page i is page i of the disk, which is the file's alone.  The checksum of each page
 * is kept here, so what was torn, lost, corrupted or misplaced is a failed fetch, never a wrong byte.  A disk
 * that does not answer in time is reset, which fails all fetches that are queued.  A request names the page
 * record, never object and index; the frame is the device's and the page busy or stray until it is done.
 *
 *  L1  each fetch under way is of a page that is busy or stray, and each busy page of the file has one;
 *  L2  the disk has one request for each of those that do not wait for room.
 * For mappings only: read() and write() do not know fetched files. */
#ifndef SIM_FILE_H
#define SIM_FILE_H

#include "sim_disk.h"
#include "vm.h"

struct sim_file_config {
    struct vm *vm; /* started */
    struct sim_disk *disk;
    frame_t (*frame_of)(const struct vm *vm, uint32_t page); /* that a page of the core is */
    const char *name;  /* a file of the initrd, that lends its place in vm->files */
    uint64_t pages;    /* at most those of the disk */
    uint32_t patience; /* ticks until a request is late: more than the disk's delay */
};

/* Writes the file to the medium.  Ends the one before, which has no fetches under way. */
void sim_file_start(const struct sim_file_config *config);
void sim_file_end(void);

/* Byte `offset` of page `index`. */
uint8_t sim_file_byte(uint64_t index, uint64_t offset);

/* The object with one reference more, or NULL: no memory. */
struct object *sim_file_open(void);

/* The object while somebody shows it, or NULL. */
struct object *sim_file_object(void);

/* Cuts the file to so many pages, as far as programs see it, or lengthens it again up to what it had at the
 * start. */
void sim_file_resize(uint64_t pages);

/* Lets ticks pass, all of them; fetches that are done are told to the core.  Returns how many.  The caller
 * starts again what is ready, as after every message. */
uint32_t sim_file_poll(uint32_t ticks);

struct sim_file_counts {
    uint64_t fetched; /* that came */
    uint64_t errors;  /* that the device said */
    uint64_t wrong;   /* by their checksum */
    uint64_t strays;  /* that nobody wanted any more, also counted above */
    uint64_t resets;  /* of the disk */
    uint64_t delayed; /* that had to wait for room */
};
const struct sim_file_counts *sim_file_counts(void);

/* Fetches that are under way. */
uint32_t sim_file_fetches(void);

/* NULL, or "L1", "L2", or what sim_disk_check says. */
const char *sim_file_check(void);

#endif
