/* What the tests that fail the N-th call share: a rich world, and the law of such a run.
 *
 * The world, made anew for each run (addresses below): program A, loaded from a file, with memory of
 * each kind, files and a device open; B, its child by fork; and C, the child of B; all three wrote to
 * what they share.
 *
 * A scenario is a function that makes one call, and a line in a table.  Each of its runs:
 *   1. makes the world and what the scenario prepares, and takes a snapshot (pager_snapshot.h);
 *   2. makes the call, with failures: all invariants hold, and no table shows what its area does not;
 *   3. if the call was refused, it says so by an error that its header names, and the state is as
 *      before (or, where the header says so, as far as it came); if not, it is as after a run without
 *      failures: nobody can tell that something failed;
 *   4. makes the call again without failures: the state is as after a run that never failed;
 *   5. ends everything: frames, records and promises are back. */
#ifndef PAGER_NTH_H
#define PAGER_NTH_H

#include <errno.h>

#include "fail_nth.h"
#include "memory_values.h"
#include "pager_file_kit.h"
#include "pager_slow.h"
#include "pager_snapshot.h"
#include "protocol.h"

#define NTH_FRAMES   320u
#define PAGE         ((uint64_t)FL_PAGE_BYTES)
#define RW           (PROT_READ | PROT_WRITE)
#define ANON         0x10000000ull /* 12 pages, 0, 1, 2 and 5 written by A, 3 read */
#define SHARED       0x11000000ull /* 4 pages of shared memory, 0 and 1 written */
#define FILE_SHARED  0x12000000ull /* /tmp/f, 4 pages */
#define FILE_PRIVATE 0x13000000ull /* /tmp/f, 4 pages, 0 written */
#define ODD          0x14000000ull /* the unaligned file, private and writable, 4 pages, 2 written */
#define TEXT         0x15000000ull /* the aligned file, 6 pages, to be read and executed */
#define WIRED        0x16000000ull /* 3 wired pages */
#define REGISTERS    0x17000000ull /* the device, 2 pages */
#define SPLIT        0x18000000ull /* 8 pages in three areas, each with a page written */
#define READ_ONLY    0x19000000ull /* the aligned file, private, not writable, 4 pages */
#define FREE_AT      0x20000000ull /* nothing is from here on */
#define PROGRAM_DATA 0x20000ull    /* A's own data: turns into zeros in its second page */

enum nth_handle { NTH_F, NTH_ODD, NTH_DEVICE, NTH_GONE, NTH_SHM, NTH_TEXT };

/* What the call says beside 0 and errno values: only a part was done; call again for the rest. */
#define NTH_PART (-1)
/* A fault: its answer was refused again and again; the thread would fault on. */
#define NTH_REFUSED (-2)

/* What a refused call may leave. */
enum nth_law {
    NTH_EXACT,   /* nothing: also frames and records are as before */
    NTH_VISIBLE, /* what nobody sees: pages that were brought in */
    NTH_PARTIAL  /* what the scenario's `check` allows, inside its mask */
};

#define NTH_ERROR(error) (1ull << (error))
#define NTH_NO_MEMORY    NTH_ERROR(ENOMEM)

struct nth_scenario {
    const char *name;
    int (*call)(void);
    uint64_t errors; /* that the header names: NTH_ERROR() */
    enum nth_law law;
    void (*prepare)(void);
    /* NTH_PARTIAL: what may change, set by `prepare`, is nth.mask; says what is wrong with it, or NULL. */
    const char *(*check)(void);
};

struct nth {
    struct slow slow;
    struct vm *vm;
    struct space *a;
    struct space *b;
    struct space *c;
    struct space *child; /* for scenarios */
    uint64_t at;         /* for scenarios: what the last call gave */
    uint64_t done;       /* for scenarios: how far they came */
    struct snapshot_mask mask;
};

extern struct nth nth;

/* All runs of a table's scenarios. */
void nth_sweep(const struct nth_scenario *scenarios, uint32_t count);

/* An access of a program's own.  0; ENOMEM: it would be stopped for want of memory; EFAULT: for
 * another reason; EINPROGRESS: it would wait; NTH_REFUSED. */
int nth_touch(struct space *space, uint64_t address, uint32_t access);

/* Takes the event of a program that was just stopped, which may go on then.  ENOMEM or EFAULT: why. */
int nth_stopped(const struct space *space);

/* What a test prepares: these succeed, or end it. */
void nth_write(struct space *space, uint64_t address, uint8_t byte);
uint64_t nth_map(struct space *space, uint64_t address, uint64_t pages, uint32_t protection,
                 uint32_t flags);
struct space *nth_fork(struct space *parent);
void nth_destroy(struct space *space);

#endif
