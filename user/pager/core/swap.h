/* Swap areas: disks whose first page carries the Linux swap header (mkswap), cut into slots of a page.
 *
 *            take_run           seal, and it is written         free
 *     free ------------> used ------------------------> used ----------> free
 *                         |
 *                         +-- retire: the device could not write it --> retired, until swap_remove
 *
 * A slot has a number that is never 0, so 0 names none: the header lies there.  Who uses a slot is not
 * known here, and there is one user: a leaf of an object's index, or a page record (page.h).
 *
 * Of each slot a checksum of what was written there last is kept in memory: a page that comes back corrupt,
 * from another place, or as it was before, has other bytes, and so another sum.  All records lie in
 * frames that are taken at the start, one for 448 slots: later nothing here can want memory.
 *
 * A disk may be told what it need not keep any more (swap_discard.c).  A slot is *stale* if it is free and its disk
 * may still keep something for it that nobody wants; SWAP_WORD_SLOTS slots side by side, which are one word of each
 * bitmap, are *ripe* when all are free and one is stale.
 *
 *     free, stale ----swap_discard_begin----> being discarded ----swap_discard_end----> free
 *
 *  K1  a slot is taken exactly if it is used, bad, retired, or being discarded; slot 0 and those behind the end are
 *      bad;
 *  K2  used and bad of an area count its slots; `used` of all is the sum;
 *  K3  an area holds as many frames as it has chunks, and one for their directory;
 *  K4  stale slots are free; `ripe` counts the ripe words of an area;
 *  K5  what is being discarded are whole words of one area that is in use, which are taken, and nobody's: none of
 *      these slots is read or written meanwhile.
 *
 * Spec: mkswap(8) of util-linux; the header is union swap_header of Linux's include/linux/swap.h. */
#ifndef PAGER_SWAP_H
#define PAGER_SWAP_H

#include <stdbool.h>
#include <stdint.h>

#include "page.h"

#define SWAP_AREAS       4u
#define SWAP_CLUSTER     32u   /* most slots of a run */
#define SWAP_SEARCH      1024u /* slots that are looked at for a run as long as is wanted */
#define SWAP_CHUNK_SLOTS 448u  /* that one frame describes; a multiple of 64 */
#define SWAP_WORD_SLOTS  64u   /* that are discarded together, at least */
#define SWAP_CHUNKS      (FL_PAGE_BYTES / 4)
#define SWAP_PAGES_MAX \
    (SWAP_CHUNKS * SWAP_CHUNK_SLOTS) /* 1.75 GiB; the rest of an area is not used */
#define SWAP_NONE 0u

/* Of areas for which nobody chose one: below all that somebody may choose (0 and up). */
#define SWAP_NO_PRIORITY (-2)

/* Disks are called as Linux has it: this and a letter, 'a' for device 0. */
#define SWAP_DISK_PATH "/dev/vd"

/* A slot number: the area above, its page below. */
#define SWAP_AREA_SHIFT       24u
#define SWAP_SLOT(area, page) ((uint32_t)(area) << SWAP_AREA_SHIFT | (uint32_t)(page))
#define SWAP_SLOT_AREA(slot)  ((slot) >> SWAP_AREA_SHIFT)
#define SWAP_SLOT_PAGE(slot)  ((slot) & ((1u << SWAP_AREA_SHIFT) - 1))

enum swap_error {
    SWAP_OK,
    SWAP_NO_HEADER,  /* no swap header for pages of 4,096 bytes */
    SWAP_OLD,        /* the header of before Linux 2.1 ("SWAP-SPACE") */
    SWAP_HIBERNATED, /* it holds the memory of a system that sleeps */
    SWAP_BYTE_ORDER, /* made by a machine of the other byte order */
    SWAP_VERSION,    /* not 1 */
    SWAP_EMPTY,      /* the last page is page 0 */
    SWAP_BEYOND_END, /* the last page lies behind the device's end */
    SWAP_BAD_COUNT,  /* more bad pages than the header has room for */
    SWAP_BAD_PAGE,   /* a bad page is page 0, beyond the last one, or listed twice */
    SWAP_NO_SLOTS,   /* all pages are bad */
    SWAP_FULL,       /* there are SWAP_AREAS areas */
    SWAP_NO_MEMORY,  /* not enough frames for the slots' records */
    SWAP_ERRORS
};

enum swap_state {
    SWAP_UNUSED,
    SWAP_ACTIVE,
    SWAP_LEAVING /* gives no slots any more */
};

/* What an area's disk is told that it need not keep.  Bits of swap_area.discards. */
#define SWAP_DISCARD_ONCE  1u /* all that was there when its use began */
#define SWAP_DISCARD_FREED 2u /* slots that were given back */

struct swap_area {
    uint32_t pages;       /* numbers of slots are below */
    uint32_t used;        /* slots */
    uint32_t bad;         /* slots that cannot be used, the header among them */
    uint32_t next;        /* where the search for a run begins */
    uint32_t directory;   /* the page that has the numbers of the chunks' pages */
    uint32_t device;      /* the caller's name for it */
    int32_t priority;     /* higher ones are filled first, equal ones in turn */
    uint32_t read_errors; /* pages that could not be read, or were wrong */
    uint32_t turn;        /* among equal ones that which was taken from longest ago */
    uint32_t ripe;        /* words */
    uint32_t discarding;  /* slots that are being discarded */
    uint32_t discard_max; /* most of one request */
    uint32_t discard_at;  /* the slot where the search for a ripe word goes on */
    uint8_t discards;     /* SWAP_DISCARD_*; 0: never, or not any more */
    uint8_t state;
};

/* Slots side by side that a disk is told of. */
struct swap_discard {
    uint32_t area;
    uint32_t first;
    uint32_t count; /* 0: none */
};

struct swap {
    struct page_table *table;
    struct swap_area area[SWAP_AREAS];
    uint32_t areas;  /* that are not unused */
    uint32_t used;   /* slots of all areas */
    uint32_t frames; /* that hold records */
    uint32_t turns;
    struct swap_discard discard; /* what is being discarded */
    bool discard_called;         /* somebody will call swap_discard_begin, or swap_discard_end */
    uint64_t discarded;          /* slots since the start */
};

void swap_init(struct swap *swap, struct page_table *table);

/* What a header says.  pages: of the device.  *last: the last page of the area. */
enum swap_error swap_read_header(const void *header, uint64_t pages, uint32_t *last);

/* Begins to use a device.  header: its first page, in memory.  *area: its number. */
struct swap_device {
    const void *header;
    uint64_t pages;
    uint32_t device;
    int32_t priority;
    uint32_t discards; /* SWAP_DISCARD_* */
    uint64_t
        discard_pages; /* most of one request; with fewer than SWAP_WORD_SLOTS nothing is discarded */
};
enum swap_error swap_add(struct swap *swap, const struct swap_device *device, uint32_t *area);

/* Ends the use of an area of which no slot is used, nor being discarded. */
void swap_remove(struct swap *swap, uint32_t area);

/* Takes up to `want` (at most SWAP_CLUSTER) neighbouring slots of the area with the highest priority that
 * has room: a run of so many if there is one not far from where the last one was, else the longest that is.
 * Returns the first, *count of them, or SWAP_NONE: all are taken. */
uint32_t swap_take_run(struct swap *swap, uint32_t want, uint32_t *count);

/* Gives a used slot back.  True: slots have become ripe, and whoever calls swap_discard_begin does not know. */
bool swap_free(struct swap *swap, uint32_t slot);

/* After an error of the device: a used slot is never used again. */
void swap_retire(struct swap *swap, uint32_t slot);

/* A page is about to be written to the slot. */
void swap_seal(struct swap *swap, uint32_t slot, const void *contents);

/* True if these are the bytes that were written there last. */
bool swap_is_whole(const struct swap *swap, uint32_t slot, const void *contents);

bool swap_is_used(const struct swap *swap, uint32_t slot);

/* True if the slot's area is being emptied. */
static inline bool swap_is_leaving(const struct swap *swap, uint32_t slot)
{
    return swap->area[SWAP_SLOT_AREA(slot)].state == SWAP_LEAVING;
}

/* ---- discards ---- */

/* Begins to discard some slots if there are ripe ones and none is being discarded: swap->discard says which then; the
 * disk may get one request for them.  Looks at SWAP_DISCARD_LOOKS words at most.  False: there is nothing to do until
 * swap_free says so, or until swap_discard_end. */
#define SWAP_DISCARD_LOOKS 64u
bool swap_discard_begin(struct swap *swap);

/* The request for what is being discarded has ended: the slots are free.  ok: else nothing of this area is discarded
 * any more.  True: there may be more to begin. */
bool swap_discard_end(struct swap *swap, bool ok);

/* Slots may have become ripe otherwise than by swap_free.  True: as of swap_free. */
bool swap_discard_call(struct swap *swap);

/* True if the slot is being discarded. */
static inline bool swap_is_discarding(const struct swap *swap, uint32_t slot)
{
    const struct swap_discard *discard = &swap->discard;

    return SWAP_SLOT_AREA(slot) == discard->area &&
           SWAP_SLOT_PAGE(slot) - discard->first < discard->count;
}

/* Slots that are not bad, of all areas that are not leaving; and how many of these are free. */
uint32_t swap_total(const struct swap *swap);
uint32_t swap_room(const struct swap *swap);

const char *swap_error_name(enum swap_error error);

/* NULL, or the number of the first invariant that does not hold. */
const char *swap_check(const struct swap *swap);

#endif
