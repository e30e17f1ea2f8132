/* The pager's surroundings on the host, as the root task makes them above the kernel (kernel_host.h): its
 * CSpace, its clients' threads, and ways to its endpoint with all kinds of badges.  Names nothing of the kernel's own,
 * whose names the pager uses otherwise. */
#ifndef FAULTLINE_TESTS_PAGER_WORLD_H
#define FAULTLINE_TESTS_PAGER_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

#define PAGER_WORLD_PROGRAMS     3u
#define PAGER_WORLD_CLIENTS      (1 + PAGER_WORLD_PROGRAMS) /* 0 is the root task */
#define PAGER_WORLD_INITRD_PAGES 3u

/* Slots of the root task's. */
enum pager_world_slot {
    WORLD_CNODE = 80, /* the pager's */
    WORLD_TCB,
    WORLD_SPACE,
    WORLD_ENDPOINT,                     /* without a badge */
    WORLD_CALL,                         /* the root task's own way to it */
    WORLD_IDLE,                         /* that of the pager's idle thread */
    WORLD_STRANGE,                      /* badges of no space, one for each kind but FAULT */
    WORLD_PROGRAM = WORLD_STRANGE + 16, /* TCBs */
    WORLD_PROGRAM_CNODE = WORLD_PROGRAM + PAGER_WORLD_PROGRAMS, /* their CSpaces */
    WORLD_LOAN = WORLD_PROGRAM_CNODE + PAGER_WORLD_PROGRAMS
};

struct pager_world {
    uint8_t *window;      /* page 0 of the pager's RAM */
    uint64_t pages;       /* of it */
    uint64_t first_free;  /* the first of those that are the pager's */
    uint64_t initrd_page; /* PAGER_WORLD_INITRD_PAGES of PAGER_SLOT_INITRD, which are zero */
};

/* Starts the kernel anew and makes all of it.  The pager runs. */
struct pager_world pager_world_boot(void);

/* What the current thread does: a call, a trap, or as if it had made a fault of this kind.  False: nobody
 * runs any more. */
bool pager_world_call(uint64_t number, const uint64_t argument[7]);
bool pager_world_trap(uint64_t cause, uint64_t value);
bool pager_world_fault(uint32_t label, uint64_t value, uint64_t detail);

/* Registers a0 to a6 and the message buffer, NULL if it has none, of the current thread. */
uint64_t *pager_world_registers(void);
uint64_t *pager_world_buffer(void);

/* The client that runs, or PAGER_WORLD_CLIENTS: the pager. */
unsigned pager_world_current(void);

/* Lets a client run if it is ready.  False: it is not. */
bool pager_world_switch(unsigned client);

/* The root task, which runs, ends a program's thread.  False: nobody runs any more. */
bool pager_world_end(unsigned program);

/* What was written last on the console. */
const char *pager_world_line(void);

/* Of the pager: its message buffer; the results of its last call; whether a Reply holds a thread. */
void *pager_world_pager_buffer(void);
const uint64_t *pager_world_pager_registers(void);
bool pager_world_reply_holds(uint64_t slot);

/* True if a client waits for an answer that no Reply will bring. */
bool pager_world_forgot(void);

void pager_world_save(void);
void pager_world_restore(void);

#endif
