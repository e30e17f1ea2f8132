/* A CSpace with a rich set of capabilities for threads that call with any arguments.
 *
 *  B1  nothing in it reaches what the test itself needs: no capability to the test's objects, memory
 *      or spaces, and System only if asked for;
 *  B2  the world is the same after every sandbox_begin, so that a seed replays. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include "kit.h"

/* Slots of the CSpace.  Both CNodes have SANDBOX_SLOTS. */
enum sandbox_slot {
    BOX_CNODE = 1,  /* the CSpace itself */
    BOX_INNER,      /* another CNode */
    BOX_CNODE_READ, /* the inner one with READ only */
    BOX_CNODE_NONE, /* and without rights */
    BOX_TCB, /* eight threads: two bare, two complete, two complete in a space without tables, */
    BOX_CALLERS = 11, /* and the two that make the calls */
    BOX_TCB_END = 13,
    BOX_VSPACE = 16, /* two with a pool that has frames */
    BOX_VSPACE_TINY = 18,
    BOX_VSPACE_NONE,  /* without rights */
    BOX_VSPACE_EMPTY, /* nothing mapped */
    BOX_VSPACE_BARE,  /* seven without a pool */
    BOX_VSPACE_END = 28,
    BOX_POOL = 28,
    BOX_POOL_TINY, /* its only frame is a root table */
    BOX_POOL_EMPTY,
    BOX_ENDPOINT_SERVED = 32, /* somebody receives and answers */
    BOX_ENDPOINT_SOURCE,      /* callers and faulted threads come here */
    BOX_ENDPOINT_LONELY,
    BOX_ENDPOINT_SEND,
    BOX_ENDPOINT_CALL,
    BOX_ENDPOINT_NONE,
    BOX_NOTIFICATION = 40, /* four */
    BOX_NOTIFICATION_BADGED = 44,
    BOX_NOTIFICATION_SEND,
    BOX_NOTIFICATION_NONE,
    BOX_REPLY = 48, /* six */
    BOX_TIMER = 56, /* two bound, two not */
    BOX_SCHED = 60, /* up to BOX_PRIORITY */
    BOX_SCHED_LOW,
    BOX_MEMORY = 64,    /* BOX_PAGES pages, all rights */
    BOX_MEMORY_READ,    /* the same, READ and MAP */
    BOX_MEMORY_NONE,    /* the same, no right */
    BOX_MEMORY_LARGE,   /* BOX_LARGE_PAGES, to be mapped only */
    BOX_MEMORY_OBJECTS, /* frames that are objects and tables, all rights */
    BOX_MEMORY_DEVICE,  /* registers of a device that nobody uses */
    BOX_PIN = 72,       /* two */
    BOX_IRQ = 74, /* a source that interrupts whenever it is acknowledged, one that never does */
    BOX_IRQ_BARE = 76, /* sixteen without a source */
    BOX_SYSTEM = 92,   /* if asked for */
    BOX_USED,
    BOX_EMPTY = 96,    /* empty, and stays so most of the time */
    BOX_SCRATCH = 128, /* what calls fill and empty */
    BOX_SCRATCH_END = 224,
    BOX_VICTIM = 224, /* only capabilities of things whose end takes more than one call */
    BOX_VICTIM_END = 232,
    SANDBOX_SLOTS = 2 * FL_CNODE_SLOTS
};

#define BOX_IRQ_SOURCE  32u /* of which nothing is heard, and all above */
#define BOX_PAGES       160u
#define BOX_LARGE_PAGES 1200u
#define BOX_PRIORITY    15u
#define BOX_AREA        KIT_AREA
#define BOX_AREA_PAGES  512u
#define BOX_FAR_AREA    (BOX_AREA + (1ull << 30)) /* where little is mapped */
/* Parts of BOX_MEMORY by use, so that calls do not stand in each other's way all the time. */
#define BOX_MAP_PAGES    58u
#define BOX_PINNED_PAGE  58u /* and the next */
#define BOX_FULL_PAGE    60u /* for whoever pins it until its count is full */
#define BOX_TABLE_PAGE   61u /* and the next two */
#define BOX_RETYPE_PAGE  64u
#define BOX_RETYPE_PAGES 32u
#define BOX_DONATE_PAGE  96u
#define BOX_DONATE_PAGES 64u

struct sandbox {
    uint64_t cnode, inner;   /* root's slots of the two CNodes */
    uint64_t large;          /* first page of BOX_MEMORY_LARGE in RAM 0 */
    uint64_t memory;         /* first page of BOX_MEMORY in RAM 0 */
    uint64_t served, source; /* endpoints */
    uint64_t lonely;
    uint64_t space; /* BOX_VSPACE */
    uint64_t empty; /* a slot of the root task's that stays empty */
};

/* Fills the CSpace; between kit_begin and kit_end.  callers: capabilities of the threads that will
 * call, 0 = none; with_system: BOX_SYSTEM is there. */
void sandbox_begin(struct sandbox *box, const uint64_t callers[2], bool with_system);
/* Empties both CNodes, as far as what is left in use allows. */
void sandbox_empty(const struct sandbox *box);

/* A number that is the same when nothing that the sandbox reaches has changed: the counters, the
 * frames of BOX_MEMORY, the entries of its spaces, which slots are in use. */
uint64_t sandbox_digest(const struct sandbox *box);

#endif
