/* A machine for the pager's core on the host: frames, an archive, and page tables that are a list.
 *
 * The fake kernel keeps what a real one would check: a page of the zero page or of the initrd is
 * never mapped writable, an entry for another frame is only replaced when the mapping says so, and
 * no frame is free, or in other use, while it is mapped (fake_check), not even when its unmap comes.  fake_touch is the processor:
 * it looks at the page tables first and makes a fault when they do not allow the access. */
#ifndef PAGER_FAKE_H
#define PAGER_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "vm.h"

#define FAKE_SLOT_RAM      9u /* two ranges: 9 and 10 */
#define FAKE_SLOT_INITRD   8u
#define FAKE_SLOT_ZERO     17u
#define FAKE_SLOT_DEVICE   18u
#define FAKE_DEVICE_PAGES  3u
#define FAKE_ENTRIES       4096u
#define FAKE_ARCHIVE_BYTES (256u * 1024)
#define FAKE_FILES         16u
#define FAKE_DEVICES       4u

struct fake_entry {
    uint32_t space;
    struct vm_mapping mapping;
};

struct fake {
    struct vm vm;
    uint8_t *memory;  /* all frames */
    uint64_t bytes;   /* of them */
    uint8_t *archive; /* page-aligned; archive_bytes of it are used */
    uint64_t archive_bytes;
    uint8_t device[FAKE_DEVICE_PAGES * FL_PAGE_BYTES]; /* registers of the first one */
    struct fl_boot_device told[FAKE_DEVICES];
    uint32_t devices;
    struct cpio_file file_table[FAKE_FILES];
    struct cpio_index files;
    struct fake_entry entry[FAKE_ENTRIES];
    uint32_t entries;
    uint32_t free_pages;  /* after the start */
    uint64_t faults;      /* made by fake_touch */
    uint32_t stock_calls; /* of the port's stock_is_low */
    uint8_t *written;     /* of each frame: the D bit that its ended entries left */
    bool (*submit)(struct fake *fake, const struct vm_io *io); /* a disk, or NULL */
    bool (*discard)(struct fake *fake, uint32_t device, uint64_t first,
                    uint32_t pages); /* or NULL */
    const char *broken;              /* first rule that the core broke, or NULL */
};

/* Starts a machine with so many frames, in two ranges, and an empty archive; later fake_add_file and
 * fake_add_device, then fake_start. */
void fake_init(struct fake *fake, uint32_t pages);
void fake_start(struct fake *fake);
void fake_free(struct fake *fake);

/* Appends a file; `aligned`: its data start on a page and are padded to one with zeros. */
void fake_add_file(struct fake *fake, const char *name, const void *data, uint64_t bytes,
                   bool aligned);

/* Lets programs open a device; only the first has registers, FAKE_DEVICE_PAGES of them. */
void fake_add_device(struct fake *fake, const char *compatible, uint64_t physical, uint64_t bytes);

const struct cpio_file *fake_find_file(const struct fake *fake, const char *name);

/* Outcome of an access by a program. */
enum fake_outcome { FAKE_DONE, FAKE_STOPPED, FAKE_WAITS };

/* One byte read, written or fetched (access: FL_ACCESS_READ, WRITE or EXEC) at an address of the
 * space. When the pager stops the program, its event is taken and the program may go on.  A fault that
 * is to wait is not parked. */
enum fake_outcome fake_touch(struct fake *fake, struct space *space, uint64_t address,
                             uint32_t access, uint8_t *byte);

/* Maps what an answer to a fault on page `touched` says, by the rules of docs/fault-protocol.md. */
void fake_answer(struct fake *fake, uint32_t space, uint64_t touched,
                 const struct vm_answer *answer);

/* The page that the tables show at an address for such an access, or NULL: it would fault. */
const uint8_t *fake_peek(struct fake *fake, const struct space *space, uint64_t address,
                         uint32_t access);

/* The kind and signal of the last stop. */
extern struct space_event fake_last_event;

/* Forgets the mappings of a space: all, or those that `chance` (of 256) hits. */
void fake_drop_tables(struct fake *fake, const struct space *space, uint32_t chance,
                      uint64_t *seed);

/* Ends a space as the target does: tables first. */
void fake_destroy_space(struct fake *fake, struct space *space);

/* Takes free pages away until `left` are left, and gives them back. */
void fake_limit(struct fake *fake, uint32_t left);
void fake_unlimit(struct fake *fake);

/* NULL, or what is wrong: an invariant of the core, or a rule of the fake kernel. */
const char *fake_check(const struct fake *fake);

/* Deterministic random numbers. */
uint64_t fake_random(uint64_t *seed);

/* A small static program: writes an ELF file with the given segments to `file`; returns its size.
 */
struct fake_segment {
    uint64_t address;
    uint64_t offset;
    uint64_t file_bytes;
    uint64_t memory_bytes;
    uint32_t flags; /* of ELF: 4 read, 2 write, 1 execute */
};
uint64_t fake_make_elf(uint8_t *file, const struct fake_segment *segments, uint32_t count,
                       uint64_t entry);

/* Writes one member of a newc archive at `at`; returns the offset behind it.  name_bytes counts the
 * NULs at its end, which may be many. */
uint64_t fake_cpio_member(uint8_t *at, const char *name, uint32_t name_bytes, uint32_t mode,
                          const void *data, uint64_t bytes);

#endif
