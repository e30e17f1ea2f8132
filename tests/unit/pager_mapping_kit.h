/* What the tests of files share: a machine with one file, and what programs see of it.  Each step checks
 * all invariants. */
#ifndef PAGER_MAPPING_KIT_H
#define PAGER_MAPPING_KIT_H

#include "memory_values.h"
#include "pager_fake.h"

#define FRAMES 256u
#define PAGE   ((uint64_t)FL_PAGE_BYTES)
#define RW     (PROT_READ | PROT_WRITE)

extern struct fake fake;

void file_sound(void);

/* A new file that is kept by its name, until file_unlink. */
struct object *file_create(const char *text);
void file_unlink(const struct object *file);

/* Starts a machine with a file in memory. */
struct object *file_begin(void);

/* Starts a machine with a file of the initrd, page i of which is filled with i + 1, and a space that has
 * it open.  `aligned`: it lies on pages. */
struct object *file_begin_archive(struct space **space, uint64_t bytes, bool aligned);

/* The law of all tests: when spaces and files are gone, every frame and promise is back. */
void file_end(struct object *file);

void file_write(struct object *file, uint64_t offset, const char *text);

/* The byte at an offset, or -1 at the end of the file and behind. */
int file_byte(struct object *file, uint64_t offset);

/* A request to map a file that is open for reading and writing, from its start on. */
struct vm_map_request file_request(struct object *file, uint64_t pages, uint32_t protection,
                                   uint32_t flags);

/* Maps pages of a file, to be read and written. */
uint64_t file_map(struct space *space, struct object *file, uint64_t first, uint64_t pages,
                  uint32_t flags);

/* What a program reads, or -1 if it is stopped (then fake_last_event says why). */
int file_see(struct space *space, uint64_t address);

/* False: the program is stopped. */
bool file_put(struct space *space, uint64_t address, uint8_t byte);

/* True if a touch of the address ends in SIGBUS behind the end of the file. */
bool file_is_beyond(struct space *space, uint64_t address);

/* mremap; flags: MREMAP_*. */
int file_remap(struct space *space, uint64_t old, uint64_t old_pages, uint64_t pages,
               uint64_t flags, uint64_t *at);

#endif
