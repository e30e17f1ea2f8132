/* Where the threads of kernel_fuzz.c live: a CSpace with something of every type, some of it with too few
 * rights, in slots that this list names.  The root task has made it and sleeps. */
#ifndef FAULTLINE_TESTS_KERNEL_WORLD_H
#define FAULTLINE_TESTS_KERNEL_WORLD_H

#include "kernel_host.h"

#define WORLD_THREADS 4u
#define WORLD_PAGES   24u /* of the Memory in the CSpace */

enum world_slot {
    WORLD_CNODE = 1, /* the CSpace itself */
    WORLD_INNER,
    WORLD_INNER_READ,
    WORLD_ENDPOINT, /* three */
    WORLD_ENDPOINT_SEND = WORLD_ENDPOINT + 3,
    WORLD_ENDPOINT_CALL,
    WORLD_NOTIFICATION, /* three */
    WORLD_NOTIFICATION_BADGED = WORLD_NOTIFICATION + 3,
    WORLD_NOTIFICATION_NONE,
    WORLD_REPLY,                   /* four */
    WORLD_TIMER = WORLD_REPLY + 4, /* three; two are bound */
    WORLD_IRQ = WORLD_TIMER + 3,
    WORLD_MEMORY,
    WORLD_MEMORY_READ,
    WORLD_MEMORY_NONE,
    WORLD_DEVICE,
    WORLD_POOL,                         /* two; the second has one frame */
    WORLD_SPACE = WORLD_POOL + 2,       /* two with the first pool; the second has pages */
    WORLD_SPACE_TINY = WORLD_SPACE + 2, /* with the second */
    WORLD_SPACE_BARE,                   /* without a pool */
    WORLD_SPACE_NONE,                   /* without rights */
    WORLD_TCB,                          /* four: those that run */
    WORLD_SCHED = WORLD_TCB + WORLD_THREADS,
    WORLD_SYSTEM,
    WORLD_PIN,
    WORLD_FREE /* and all behind it */
};

/* Pages of WORLD_MEMORY that something is made of. */
enum world_page { WORLD_PAGE_MAPPED, WORLD_PAGE_PINNED = 4, WORLD_PAGE_FREE = 8 };

#define WORLD_AREA 0x200000ull /* where the first pages are mapped */

/* Boots, makes all that, and leaves one of the threads running. */
void kernel_world_start(void);

#endif
