/* Frames and objects of the root task at boot: taken from the low end of the RAM ranges, never
 * given back.  Once the pager runs it owns all the others, and nothing is taken here any more.
 *
 *  F1  pages of a range below its first_free belong to the root task or to what it made;
 *  F2  one run at a time is in the window;
 *  F3  pages at the high end that were kept back are nobody's, and nobody touches them.
 *
 * What fails here ends the system: log_stop says what was wanted and what there is. */
#ifndef INIT_FRAMES_H
#define INIT_FRAMES_H

#include <stdint.h>

#include "abi.h"

#define FRAMES_WINDOW       0x2100000000ull
#define FRAMES_WINDOW_PAGES 512u /* most pages of the window: one leaf table */

/* Consecutive frames. */
struct frames_run {
    uint64_t range; /* of RAM: the capability is in slot FL_BOOT_RAM + range */
    uint64_t page;
    uint64_t pages;
};

/* Keeps a copy of what the kernel said of RAM. */
void frames_init(const struct fl_boot_info *info);

/* Pages that nobody has taken, and all pages of RAM, over all ranges. */
uint64_t frames_free_pages(void);
uint64_t frames_total_pages(void);

/* Keeps back all free pages but so many, from the high end. */
void frames_limit(uint64_t pages);

/* Writes the current state of RAM into a copy of the boot information. */
void frames_describe(struct fl_boot_info *info);

/* Takes `pages` consecutive frames; `what` names their use in the report of a shortage. */
struct frames_run frames_take(uint64_t pages, const char *what);

/* Makes `count` objects, as many as one frame holds at most; their capabilities fill slots from
 * `slot` on.  For a CNode `count` is its size in frames, and it is one object. */
void frames_make_objects(enum fl_object type, uint64_t count, uint64_t slot);

/* Donates `pages` frames to the TablePool in `pool`. */
void frames_donate(uint64_t pool, uint64_t pages);

/* Maps a run into our own window, read-write.  Returns its address, valid until the next call of
 * frames_window_close. */
void *frames_window_open(const struct frames_run *run);
void frames_window_close(const struct frames_run *run);

/* Maps pages of a Memory capability, repeating the kernel call until it is done. */
void frames_map(uint64_t vspace, uint64_t memory, uint64_t page, uint64_t address, uint64_t pages,
                uint32_t rights);

#endif
