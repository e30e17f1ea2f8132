/* A kind of memory object whose pages lie on the simulated disk and are fetched when they are missed: busy
 * pages with a real source.  One file; page i is page i of the disk.  Each page on the medium carries a
 * checksum that is kept here, so that torn, lost and corrupted reads are failed fetches, never wrong bytes.
 *
 *  L1  each busy or stray page of the core that is this file's has one request queued, or one that is done
 *      and was not told to the core yet. */
#ifndef SIM_FILE_H
#define SIM_FILE_H

#include "sim_disk.h"
#include "vm.h"

/* The file of so many pages; `name` is a file of the initrd that lends its place in vm->files.  Call
 * after the core's start. */
void sim_file_start(struct vm *vm, struct sim_disk *disk, const char *name, uint64_t pages);

/* Byte `offset` of page `index` of the file at the start. */
uint8_t sim_file_byte(uint64_t index, uint64_t offset);

/* The object with one reference more, or NULL: no memory. */
struct object *sim_file_open(struct vm *vm);

/* Fetches that are done are told to the core (vm_page_done).  Returns how many. */
uint32_t sim_file_poll(struct vm *vm, uint32_t ticks);

/* Fetches that are under way. */
uint32_t sim_file_fetches(void);

const char *sim_file_check(const struct vm *vm);

#endif
