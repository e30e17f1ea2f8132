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

    /* The stock of zeroed frames has become low: somebody may call stock_fill in idle time. */
    void (*stock_is_low)(void *context);
};

#endif
