/* Small worlds: the model of the memory calls.  One record for each page of each space; nothing knows of
 * entries, objects or tables but for the two things that programs can count: how many areas /proc tells, and
 * how much memory there is.
 *
 * A page that was written, or that is shared, is a cell, which other pages may show too.  `object` and
 * `index` say which pages were mapped as one: neighbours are one area if they are alike and go on from each
 * other there. */
#ifndef SIM_WORLD_PAGES_H
#define SIM_WORLD_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#define PAGES_ZONE    14u /* pages in a row at one of the two places where things are mapped ... */
#define PAGES_ALL     28u /* ... and at both: the second is where the core puts what may go anywhere */
#define PAGES_SPACES  2u
#define PAGES_CELLS   64u
#define PAGES_OBJECTS 64u
#define PAGES_FILE    1u /* the object that is a file; others are numbered from the next on */

/* Where a page is that was in memory and left. */
enum pages_away { PAGES_HERE, PAGES_OUT, PAGES_PACKED };

struct pages_cell {
    uint8_t holders;
    bool frame;
    uint8_t away; /* enum pages_away */
    uint8_t byte;
};

struct pages_page {
    bool mapped;
    bool shared;
    bool file; /* what lies under it: page `source` of the file, else zeros */
    bool wired;
    bool begins; /* an area begins here though it is like the one before */
    bool below;  /* private: the cell was shared by a fork; stays, in the space that does not act */
    uint8_t protection;
    uint8_t max_protection;
    bool mergeable;
    uint8_t advice; /* as madvise's */
    uint8_t charge; /* enum entry_charge */
    bool heap;
    uint8_t cell; /* 0: as it was mapped */
    uint8_t source;
    uint8_t object;
    uint8_t index;
};

struct pages {
    bool swaps; /* pages can leave memory */
    struct pages_page page[PAGES_SPACES][PAGES_ALL];
    struct pages_cell cell[PAGES_CELLS];
    uint8_t committed[PAGES_OBJECTS]; /* pages promised for shared memory */
    uint8_t objects;                  /* numbers used */
    uint8_t file[PAGES_ALL];          /* the byte of each page of the file */
};

/* What a mapping is made of; MAP_* and PROT_* as in the call. */
struct pages_mapping {
    uint32_t protection;
    uint32_t flags;
    bool file;
    bool writable; /* the file is open for writing too */
    bool heap;
};

/* A range of pages of a space: [first, end). */
struct pages_range {
    uint32_t space;
    uint32_t first;
    uint32_t end;
};

/* No page is mapped, and page i of the file shows i + 1. */
void pages_begin(struct pages *pages);

/* What they return is the call's errno, and `pages` is as it is to be after it. */
int pages_map(struct pages *pages, const struct pages_range *range,
              const struct pages_mapping *mapping);
void pages_unmap(struct pages *pages, const struct pages_range *range);
int pages_protect(struct pages *pages, const struct pages_range *range, uint32_t protection);
int pages_advise(struct pages *pages, const struct pages_range *range, uint32_t advice);
int pages_lock(struct pages *pages, const struct pages_range *range, bool fill);
int pages_unlock(struct pages *pages, const struct pages_range *range);
void pages_lock_all(struct pages *pages, uint32_t space, bool locked);
int pages_sync(const struct pages *pages, const struct pages_range *range, uint32_t flags);
void pages_populate(struct pages *pages, const struct pages_range *range);

/* mremap of a range to `count` pages from page `to` on, or to where they fit if `to` is PAGES_ALL. */
struct pages_move {
    uint32_t count;
    uint32_t flags; /* MREMAP_* */
    uint32_t to;
};
int pages_move(struct pages *pages, const struct pages_range *range, struct pages_move *move);

/* A page of a space leaves memory, or came back. */
void pages_move_away(struct pages *pages, uint32_t space, uint32_t page, enum pages_away away);

/* Space 1 becomes a copy of space 0. */
void pages_fork(struct pages *pages);

/* The signal that an access (FL_ACCESS_*) ends in, or 0; and what it does. */
uint32_t pages_touch(struct pages *pages, uint32_t space, uint32_t page, uint32_t access,
                     uint8_t byte);

/* For world_pages_move.c: whether two pages have the same attributes; whether the area that `last` ends may
 * grow; a number for memory of its own; one page mapped as `like` says, with the cell that is there. */
bool pages_are_alike(const struct pages_page *page, const struct pages_page *other);
bool pages_may_grow(const struct pages *pages, uint32_t space, const struct pages_page *last,
                    uint32_t count);
uint8_t pages_new_object(struct pages *pages);
void pages_enter(struct pages *pages, struct pages_page *page, const struct pages_page *like);

bool pages_is_free(const struct pages *pages, const struct pages_range *range);
bool pages_is_mapped(const struct pages *pages, const struct pages_range *range);

/* What a page shows, all over it but for the byte that was written. */
uint8_t pages_byte(const struct pages *pages, const struct pages_page *page);

bool pages_is_resident(const struct pages *pages, const struct pages_page *page);

/* True if an area begins at the page. */
bool pages_begins(const struct pages *pages, uint32_t space, uint32_t page);

uint32_t pages_count_areas(const struct pages *pages, uint32_t space);
uint32_t pages_count_frames(const struct pages *pages);
uint32_t pages_count_promises(const struct pages *pages);

#endif
