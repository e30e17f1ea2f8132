/* Views: the pager's state as text, in files below /proc.
 *
 *   /proc/PID/maps, smaps, status   as Linux writes them, PID a number or `self`
 *   /proc/PID/objects               the same entries, each with its chain of objects
 *   /proc/PID/uses                  in how many windows each page was used
 *   /proc/meminfo, vmstat, swaps, buddyinfo
 *
 * A view is a file in memory: whoever opens it gets a new one, with the text as of then, and reads,
 * maps and closes it as any other.  Opening one is bounded work: what takes longer is told in steps,
 * and a read of bytes behind the last one takes the next step.  So a
 * long view is not of one moment, and what `fstat` says is how long it is by now.  A step goes on at
 * the address where the last one ended, whatever became of the entries meanwhile, and a space that
 * ended has no more to tell.
 *
 *  W1  object->view is set exactly for files whose text is not complete;
 *  W2  all that lies below `next` is told or counted, and nothing at or above it.
 *
 * Resident is what an entry shows and what is in memory, as mincore says it; not what page tables
 * hold, which are a cache. */
#ifndef PAGER_VIEW_H
#define PAGER_VIEW_H

#include <stdbool.h>
#include <stdint.h>

struct vm;
struct space;
struct object;
struct view_kind;

/* Opens the view of an absolute path.  `caller` is who `self` means, or NULL.  0 and *file, a new file
 * with one reference; ENOENT (no such view, no such process); ENOMEM. */
int view_open(struct vm *vm, const struct space *caller, const char *path, struct object **file);

/* Takes the next step of a view that has no text at `offset` yet and is not complete; of any other file,
 * does nothing.  0; EAGAIN (what comes next takes longer than one call may: ask again); ENOMEM, and
 * nothing changed. */
int view_reach(struct vm *vm, struct object *file, uint64_t offset);

/* Frees what a view that goes would still have told. */
void view_forget(struct vm *vm, struct object *file);

/* Pages of a range that are in memory, and who else has them. */
struct view_pages {
    uint64_t resident;
    uint64_t anonymous; /* of private memory */
    uint64_t in_memory; /* of files in memory and of anonymous memory that is shared */
    uint64_t merged;    /* the same frame as others' (samepage.h) */
    uint64_t shared;    /* more than one entry shows it */
    uint64_t dirty;     /* it is nowhere else: all but pages of the initrd */
    uint64_t shared_dirty;
    uint64_t swapped;       /* in swap, and no other counts them */
    uint64_t swapped_share; /* as share */
    uint64_t share;         /* sum of 1 / entries that show it, in 1/4096 bytes */
};

/* How far a view is told. */
struct view {
    const struct view_kind *kind;
    uint32_t space; /* with its generation: whose view it is */
    uint32_t generation;
    uint64_t next;           /* address: goes on here */
    uint64_t end;            /* smaps: of the area whose pages are being counted; 0: none is */
    struct view_pages pages; /* counted so far */
    char flags[48];          /* smaps: the area's last line */
    bool wired;              /* smaps: the area is */
};

#endif
