/* Small worlds: each memory call, on the core and on the model beside it.
 *
 * A call is made on a range of pages, [first, end).  `skew` says how it is spoilt: bytes that do not end on a
 * page, which changes nothing; an address that does not begin on one; more bytes than there are. */
#ifndef SIM_WORLD_CALLS_H
#define SIM_WORLD_CALLS_H

#include "pager_fake.h"
#include "world_disk.h"
#include "world_pages.h"

#define CALLS_PAGE   ((uint64_t)FL_PAGE_BYTES)
#define CALLS_VECTOR 0x30000000ull /* a page of shared memory, where mincore's vector goes */

struct calls_world {
    struct fake fake;
    struct space *space; /* whose calls they are: space 0 of the model */
    struct object *file; /* of PAGES_ALL pages, in memory */
    struct pages pages;
    struct world_disk
        *disk; /* for swap, or NULL; its requests end when a call or an access was made */
};

enum calls_skew { SKEW_NONE, SKEW_TAIL, SKEW_ODD, SKEW_HUGE, SKEWS };

struct call_kind;

struct call {
    const char *name;
    const struct call_kind *kind;
    uint32_t value; /* protection, advice, flags, access */
    uint32_t flags; /* MAP_*, MREMAP_* */
    bool file;
    bool second;   /* mremap: old size 0 */
    int more;      /* mremap: pages more than the range has */
    bool writable; /* mmap: the file is open for writing too */
};

struct call_case {
    const struct call *call;
    uint32_t first;
    uint32_t end;
    uint32_t to; /* where calls_takes_target */
    enum calls_skew skew;
};

extern const struct call calls_all[];
extern const uint32_t calls_count;

uint64_t calls_address(uint32_t page);

/* True if the call has a place to go to; `to` is a page there. */
bool calls_takes_target(const struct call *call);

/* True if there is such a case: some calls take one page, or cannot be spoilt so. */
bool calls_has_case(const struct call_case *asked);

/* Makes the call on both, and compares what it says. */
void calls_make(struct calls_world *world, const struct call_case *asked);

/* An access by a space: what it says and reads is compared. */
void calls_touch(struct calls_world *world, uint32_t space, uint32_t page, uint32_t access,
                 uint8_t byte);

/* mmap of one page, as one that makes a layout does. */
void calls_map(struct calls_world *world, uint32_t page, const struct pages_mapping *mapping);

#endif
