/* Spaces: what one program sees.
 *
 * Life of a space:  free slot --create--> live --stop--> stopped (its thread waits in a fault for
 * ever) live or stopped --destroy--> free slot, generation + 1
 *
 *  A1  vm->spaces[id] is the space with that id, or NULL; a generation is never used twice for
 *      an id;
 *  A2  resident, merged and swapped = the sums over the objects that the space owns; peak >= resident;
 *  A3  heap_start <= heap_end, and the heap entry, if any, is [heap_start, heap_end rounded up);
 *  A4  a stopped space is on the event list exactly while its event was not read. */
#ifndef PAGER_SPACE_H
#define PAGER_SPACE_H

#include "cpio.h"
#include "entry.h"
#include "handle.h"
#include "limit.h"
#include "load.h"
#include "page.h"
#include "window.h"

struct vm;

#define VM_SPACES_MAX         60u
#define SPACE_GENERATION_MASK 0xfffffffu /* bits that a badge has for it */

/* Why a program was stopped; kind is enum pager_event_kind. */
struct space_event {
    uint64_t address; /* access 0, of PAGER_EVENT_NO_MEMORY: the pages that the program had */
    uint64_t pc;
    uint32_t access;
    uint16_t kind;
    uint16_t signal;
};

/* An UNMERGEABLE that waits for frames: its range, and where it goes on when it is made again.  Nothing before that
 * is merged meanwhile, as the entries are not mergeable any more.  All 0: none waits. */
struct space_unmerging {
    uint64_t start;
    uint64_t end;
    uint64_t at;
};

struct space {
    struct entry_map map;
    uint32_t id;
    uint32_t generation;
    uint64_t pid;
    uint64_t parent;                 /* pid of who started or forked it, who may be gone */
    const struct cpio_file *program; /* what was loaded, by it or those it descends from; or NULL */
    uint64_t heap_start;             /* page-aligned */
    uint64_t heap_end;               /* the break */
    uint64_t minor_faults;
    uint64_t major_faults;
    uint64_t resident;      /* pages in memory ... */
    uint64_t merged;        /* ... of them those that are merged: they are charged to nobody */
    uint64_t swapped;       /* pages that are out of memory */
    uint64_t peak;          /* pages */
    struct working_set set; /* window.h */
    struct load_state load; /* load.h */
    struct limit limits[LIMITS];
    struct description *handles[HANDLES_MAX]; /* NULL: not open */
    struct space_unmerging unmerging;
    uint32_t buffer;  /* page of the message buffer, or PAGE_NONE */
    bool wire_future; /* mlockall(MCL_FUTURE): what is mapped from now on is wired */
    bool attached;    /* a thread was bound to it */
    bool stopped;
    struct space_event event;
    struct space *next_event;
};

/* A new empty space with the lowest free id, or NULL (no id or no memory left).  Its parent is the root
 * task until somebody says otherwise. */
struct space *space_create(struct vm *vm, uint64_t pid);

/* Frees a space and all it holds.  Its tables are gone already: nothing is unmapped here. */
void space_destroy(struct vm *vm, struct space *space);

/* The live space that a badge names, or NULL. */
struct space *space_find(const struct vm *vm, uint32_t id, uint32_t generation);

/* Takes a zeroed page for the message buffer, once.  Returns its number, or PAGE_NONE. */
uint32_t space_take_buffer(struct vm *vm, struct space *space);

/* Marks the space stopped and queues the event.  Only the first event of a space counts. */
void space_stop(struct vm *vm, struct space *space, const struct space_event *event);

/* Takes the oldest event.  Returns the space it is about, or NULL if there is none. */
struct space *space_next_event(struct vm *vm);

#endif
