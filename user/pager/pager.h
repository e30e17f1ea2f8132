/* The pager on the target: what its files share.
 *
 * Slots of the pager's CSpace beyond enum pager_slot, and the addresses of its window. */
#ifndef PAGER_PAGER_H
#define PAGER_PAGER_H

#include "core/vm.h"
#include "cpio.h"
#include "fl_calls.h"
#include "protocol.h"

enum {
    PAGER_SLOT_ZERO_PAGE = PAGER_SLOT_RAM_END,
    PAGER_SLOT_IDLE_CALL,
    PAGER_SLOT_SCRATCH,
    PAGER_SLOT_PINS
};
_Static_assert((int)PAGER_SLOT_PINS < (int)PAGER_SLOT_TIMER, "slots of our own");

#define PAGER_WINDOW        0x1000000000ull /* all RAM ranges, one after the other */
#define PAGER_WINDOW_INITRD 0x2000000000ull

#define PAGER_FILES_MAX 512u

struct pager {
    struct vm vm;
    struct cpio_index files;
    uint64_t timebase_hz;
    uint64_t step_cycles;                /* of reclaim since pages left the last time ... */
    uint64_t out_cycles;                 /* ... and, since the start, for pages that were written */
    uint32_t object_page[VM_SPACES_MAX]; /* frame of the space's VSpace object */
    /* Requests (request.h): */
    bool attention;     /* a message leaves more to do than to answer it */
    bool disks_pending; /* a disk has a request (disks.h) */
    uint64_t ended;     /* programs that memory ended and the root task was told of */
    uint32_t running; /* token of the one that is handled, or next to receive; WAIT_NONE: parked */
    struct fl_message parked[WAIT_RECORDS]; /* by token */
};

/* Slots of a space: its VSpace, and where the root task puts the thread's TCB. */
static inline uint64_t pager_slot_vspace(uint32_t space)
{
    return PAGER_SLOT_SPACES + 2 * (uint64_t)space;
}

static inline uint64_t pager_slot_tcb(uint32_t space)
{
    return pager_slot_vspace(space) + 1;
}

/* start.c: everything up to the first message.  Ends the system, with a line in the log, when it
 * can't. */
void pager_start(struct pager *pager);

/* calls.c: answers a call in place; `message` holds the call and then the answer. */
void pager_call(struct pager *pager, struct fl_message *message);

#endif
