/* Every effect that the core has outside its own memory goes through this struct: on the target
 * these are kernel calls, in the tests a model of page tables.
 *
 * Contents of frames need no call: the core reaches them through the window (page.h).  No function
 * may call back into the core. */
#ifndef PAGER_PORT_H
#define PAGER_PORT_H

#include <stdbool.h>
#include <stdint.h>

/* Consecutive pages to map: from page `page` on of the memory that the port knows as `slot`. */
struct vm_mapping {
    uint64_t address; /* page-aligned */
    uint64_t page;
    uint64_t pages; /* at least 1 */
    uint32_t slot;
    uint32_t rights; /* FL_RIGHT_READ | WRITE | EXEC and FL_MAP_* */
};

/* A request to a disk: pages of memory come from, or go to, consecutive pages of it. */
struct vm_io {
    uint32_t device; /* as swap_device has it */
    uint32_t count;  /* at most SWAP_CLUSTER */
    uint64_t first;  /* page of the disk */
    uint32_t tag;    /* for vm_io_done */
    bool write;
    uint32_t page
        [32]; /* page numbers; nobody else writes them, nor reads those that are read in, meanwhile */
};

struct vm_port {
    void *context; /* first argument of all */

    /* Maps pages into a space ahead of their faults.  False: not all done, the faults will come. */
    bool (*map)(void *context, uint32_t space, const struct vm_mapping *mapping);

    /* Removes the entries of [address, address + pages * 4096); holes are fine.  On return no
     * thread can use the translations any more: their frames may be freed.  Cannot fail. */
    void (*unmap)(void *context, uint32_t space, uint64_t address, uint64_t pages);

    /* Makes all entries of the range readable and nothing else.  Cannot fail. */
    void (*make_read_only)(void *context, uint32_t space, uint64_t address, uint64_t pages);

    /* Lowers all entries of the range to `rights`, and maps what is left of them at the same addresses
     * of `to`, where nothing is.  Cannot fail: what could not be mapped is left to faults. */
    void (*clone)(void *context, uint32_t to, uint32_t from, uint64_t address, uint64_t pages,
                  uint32_t rights);

    /* Tells which of at most 64 pages of a space were accessed since they were asked for, or mapped, the
     * last time: bit i for the page at address + i * 4096.  *written: which of them were written since they were
     * mapped, and stay so.  Where nothing is mapped the bits are 0. */
    uint64_t (*harvest)(void *context, uint32_t space, uint64_t address, uint64_t pages,
                        uint64_t *written);

    /* Tells which of at most 32 frames, which nobody maps now, programs have written since they were asked
     * for the last time: bit i for page[i]. */
    uint32_t (*harvest_frames)(void *context, const uint32_t *page, uint32_t count);

    /* Gives a request to its disk.  Its end is told by vm_io_done, in any order, and not before this
     * returned.  False: there is no such disk, nothing was done.  NULL: there are no disks. */
    bool (*submit)(void *context, const struct vm_io *io);

    /* Tells a disk that it need not keep so many of its pages.  The end is told by vm_discard_done, and not before
     * this returned.  False: the disk is not there, nothing was done.  NULL: disks are not told. */
    bool (*discard)(void *context, uint32_t device, uint64_t first, uint32_t pages);

    /* The stock of zeroed frames has become low, or pages are to be merged, or slots to be discarded: somebody may
     * call stock_fill, samepage_step and vm_discard_step in idle time. */
    void (*stock_is_low)(void *context);
};

#endif
