/* The pager's core: all state in one struct, all effects through its port.
 *
 *   space --> entries (sorted set) --> object --> pages (index)
 *                                        | below (after a fork)
 *                                        v
 *                                      object --> pages
 *                                        | source
 *                                        v
 *                                      file object
 *
 * Single-threaded: one call at a time.  Calls that can fail check everything and take what they
 * need before they change anything; after an error nothing has changed.  Errors are errno values.
 *
 * Invariants have their numbers where the data is: page.h P, slab.h S, index.h X, entry.h T,
 * object.h O, shadow.h H, space.h A, names.h N, handle.h D, view.h W, wait.h Q,
 * swap.h K, paging.h G, victims.h Y, replace.h R, ghost.h E, window.h U, load.h L, samepage.h M, compress.h C;
 * and of the whole:
 *  V1  every page in state PAGE_METADATA is a page record's, the zero page, a slab's, a swap area's, or of
 *      the tables of samepage.h;
 *  V2  every page in state PAGE_BUFFER is one space's buffer;
 *  V3  every entry has an object except guards, and its range of the object is below
 *      INDEX_LIMIT;
 *  V4  no two private entries of a space show the same page of an anonymous object.
 *  V5  commit.pages is the sum of what entries and objects are charged (commit.h);
 *  V6  file_pages is the number of pages that all files hold;
 *  V7  the store of compressed pages has those that leaves name (tier.h).
 * The stock of zeroed frames (stock.h) is P7's.
 * vm_check() walks all of it. */
#ifndef PAGER_VM_H
#define PAGER_VM_H

#include "area.h"
#include "around.h"
#include "commit.h"
#include "cpio.h"
#include "devices.h"
#include "elf.h"
#include "entry.h"
#include "file.h"
#include "handle.h"
#include "index.h"
#include "load.h"
#include "memory.h"
#include "names.h"
#include "object.h"
#include "page.h"
#include "port.h"
#include "paging.h"
#include "reclaim.h"
#include "samepage.h"
#include "shadow.h"
#include "slab.h"
#include "space.h"
#include "swap.h"
#include "tier.h"
#include "trace.h"
#include "victims.h"
#include "view.h"
#include "wait.h"
#include "window.h"

/* What copy-on-write and fault-around did since the start. */
struct vm_counts {
    uint64_t shadows;      /* objects that fork put over others */
    uint64_t copies;       /* pages copied because others saw them too */
    uint64_t takes;        /* pages moved up because nobody else saw them */
    uint64_t merges;       /* objects that went into another */
    uint64_t neighbours;   /* pages mapped beside one that was touched */
    uint64_t zeroed_ahead; /* frames that were zeroed in idle time */
    uint64_t zeroed_taken; /* pages of zeros that were ready when they were wanted */
};

struct vm {
    struct page_table table;
    struct slab_kind entries;
    struct slab_kind objects;
    struct slab_kind nodes; /* of object indexes */
    struct slab_kind space_records;
    struct slab_kind name_records;
    struct slab_kind descriptions;
    struct slab_kind views; /* that are not told to the end */
    struct space *spaces[VM_SPACES_MAX];
    uint32_t generations[VM_SPACES_MAX];
    struct space *event_first;
    struct space *event_last;
    struct object *files;
    uint64_t file_pages;    /* in the indexes of all files */
    uint64_t file_number;   /* the highest that a file has */
    uint64_t object_number; /* of anonymous objects made */
    uint32_t zero_page;
    uint32_t zero_slot;
    uint32_t record_pages; /* frames of the page records */
    uint32_t table_frames; /* page tables among the frames that are lent; kept by the lender */
    uint32_t archive_slot;
    const uint8_t *archive; /* the initrd, first byte */
    uint64_t archive_offset;
    uint64_t archive_bytes;
    const struct cpio_index *archive_files;
    struct devices devices;
    uint64_t minor_faults;
    uint64_t major_faults;
    struct vm_counts counts;
    struct commit commit;
    bool stock_rests; /* nobody fills the stock of zeroed frames until stock_is_low is called */
    bool swap_waits;  /* disks with a swap header are not used before swapon */
    bool fork_clones; /* fork fills the child's tables; else its faults do */
    struct trace trace;
    struct vm_port port;
    struct victims victims;
    struct names names; /* long: what faults read stands before */
    struct waits waits;
    struct swap swap;
    struct paging paging;
    struct reclaim reclaim;
    struct windows windows;
    struct load load;
    struct samepage samepage;
    struct tier tier;
};

/* What vm_init needs; everything is copied except the memory that pointers name. */
struct vm_config {
    struct page_range range[FL_BOOT_RAM_MAX];
    uint32_t range_count;
    uint8_t *window;        /* all ranges, one after the other, from here on */
    const uint8_t *archive; /* the initrd, or NULL */
    uint64_t archive_bytes;
    uint64_t archive_offset;                /* of its first byte in page 0 of archive_slot */
    uint32_t archive_slot;                  /* as vm_mapping.slot */
    const struct cpio_index *archive_files; /* may be filled after the start; or NULL */
    struct devices devices;                 /* that programs may open */
    uint32_t zero_slot; /* memory of one page, read-only: the zero page (page 0 of the slot) */
    struct vm_port port;
};

/* False: the ranges hold too few frames for their own records. */
bool vm_init(struct vm *vm, const struct vm_config *config);

/* ---- faults (fault.c) ---- */

struct vm_fault {
    uint64_t address;
    uint64_t pc;
    uint32_t access; /* FL_ACCESS_* as in the message */
};

/* What becomes of a fault. */
enum vm_verdict {
    VM_RESUME,  /* map what the answer says, all or nothing, and let the thread go on */
    VM_STOPPED, /* the program is stopped, its event is queued */
    VM_WAIT     /* nothing changed: wait_park(), or let the thread fault again */
};

/* The first mapping holds the page that was touched; others are pages near it that are in memory, at
 * most FL_ITEM_PAGES in all. */
struct vm_answer {
    uint32_t count; /* at least 1 */
    struct vm_mapping mapping[FL_ITEMS];
};

/* Decides a page fault.  *answer is filled for VM_RESUME. */
enum vm_verdict vm_handle_fault(struct vm *vm, struct space *space, const struct vm_fault *fault,
                                struct vm_answer *answer);

/* A fault that was parked, and that wait_next() gave back, got VM_RESUME: if it waited for a page it
 * counts as major, and pages that were read from swap with it are added to its answer (around.h). */
void vm_end_wait(struct vm *vm, uint32_t token, struct vm_answer *answer);

/* Stops a program for another reason: exception, unknown system call. */
void vm_stop_space(struct vm *vm, struct space *space, const struct space_event *event);

/* Finds the byte at an address of a space, and with it the rest of its page, in the window: the page
 * that the program itself would read, or write, there, made if it must be.  Good until the next change
 * of the space.  0; EFAULT where the program could not; ENOMEM. */
int vm_find_to_read(struct vm *vm, struct space *space, uint64_t address, const uint8_t **byte);
int vm_find_to_write(struct vm *vm, struct space *space, uint64_t address, uint8_t **byte);

/* Copies bytes into a space as the program itself could write them.  0; EFAULT where it could not,
 * ENOMEM; EINPROGRESS (wait.h), never for memory; what lies before the failing page is written. */
int vm_write(struct vm *vm, struct space *space, uint64_t address, const void *bytes,
             uint64_t count);

/* The same for the start of a program, all of which may take the frames that faults leave. */
int vm_write_start(struct vm *vm, struct space *space, uint64_t address, const void *bytes,
                   uint64_t count);

/* Fills and maps the pages of a range ahead of their faults: as many as one call may keep the others
 * waiting for, and never the last free ones.  The rest of the range faults as usual.  0; EINPROGRESS
 * (wait.h): one is on its way, and the rest was not looked at. */
#define VM_POPULATE_PAGES   4096ull
#define VM_POPULATE_RESERVE 64u
int vm_populate(struct vm *vm, struct space *space, uint64_t start, uint64_t end);

/* ---- memory calls (map.c): values as in memory_values.h ---- */

struct vm_map_request {
    uint64_t address;
    uint64_t bytes;
    uint64_t offset;
    uint32_t protection; /* PROT_* */
    uint32_t flags;      /* MAP_* */
    struct object *file; /* of an open description; NULL: anonymous memory */
    bool readable;       /* the description may be read ... */
    bool writable;       /* ... written */
};

/* 0 and *address; EINVAL (also private memory of a device, or beyond it); EPERM (page 0; to execute a
 * device); EEXIST (MAP_FIXED_NOREPLACE); EBADF (no file, and not anonymous); EOVERFLOW (behind the largest
 * file); EACCES (not readable, or shared, to be written and not writable); ENOMEM; EAGAIN (above the limit
 * of wired memory). */
int vm_map(struct vm *vm, struct space *space, const struct vm_map_request *request,
           uint64_t *address);

/* 0; EINVAL; ENOMEM (an entry must be split and there is no memory). */
int vm_unmap(struct vm *vm, struct space *space, uint64_t address, uint64_t bytes);

/* 0; EINVAL; EACCES (above the entry's maximum); ENOMEM (a hole, or no memory to split). */
int vm_protect(struct vm *vm, struct space *space, uint64_t address, uint64_t bytes,
               uint32_t protection);

/* Moves the break to `address`; 0 asks.  0 or ENOMEM, and *end is the break either way. */
int vm_break(struct vm *vm, struct space *space, uint64_t address, uint64_t *end);

/* ---- fork (fork.c) ---- */

/* Gives `child`, a new space, a copy of all that `parent` shows.  Pages stay shared until one side
 * writes.  When the parent's tables forbid it to write, and not before, the child has its entries.  0;
 * ENOMEM, and nothing changed. */
int vm_fork(struct vm *vm, struct space *parent, struct space *child);

/* ---- programs (program.c) ---- */

struct vm_program {
    uint64_t entry;
    uint64_t stack_end;
    enum elf_error error;
};

/* Maps a program, its stack and an empty heap into a new space.  0; ENOEXEC (program->error says
 * why); ENOMEM, and the space has some entries that go with it; EBUSY (the space is not empty). */
int vm_load(struct vm *vm, struct space *space, const struct cpio_file *file,
            struct vm_program *program);

/* ---- for the files of the core ---- */

/* Where a page of ours is mapped from. */
static inline void vm_page_locate(const struct vm *vm, uint32_t page, struct object_page *found)
{
    const struct page_range *range = &vm->table.range[vm->table.pages[page].range];

    found->slot = range->slot;
    found->page = page - range->base;
    found->contents = page_contents(&vm->table, page);
}

/* True if a frame is free that a fault may take (reclaim.h). */
static inline bool reclaim_has_frame(const struct vm *vm)
{
    return vm->table.counts[PAGE_FREE] > vm->table.reserved;
}

/* True if there is somewhere for pages to go that leave memory. */
static inline bool reclaim_is_on(const struct vm *vm)
{
    return vm->swap.areas > 0 || tier_is_used(&vm->tier);
}

/* True if vm_reclaim_step has something to do. */
static inline bool vm_is_low(const struct vm *vm)
{
    return vm->table.counts[PAGE_FREE] < vm->reclaim.target;
}

/* True if load control keeps a program waiting: a fault of it that needs more than a page that its own object has
 * in memory waits.  What it may not touch at all is no reason to wait. */
static inline bool load_holds_back(struct vm *vm, const struct space *space)
{
    if (space->load.suspended)
        wait_for_resume(vm);
    return space->load.suspended;
}

/* True if samepage_step and samepage_note_call may have something to do. */
static inline bool samepage_is_on(const struct vm *vm)
{
    return vm->samepage.mode != SAMEPAGE_OFF;
}

/* A page came into an object: it may be a victim.  Not told to its class before pages must leave. */
static inline void victims_note(struct vm *vm, uint32_t page)
{
    if (vm->victims.on && !vm->table.pages[page].known)
        victims_list(vm, page);
}

/* A slot is nobody's any more. */
static inline void vm_free_slot(struct vm *vm, uint32_t slot)
{
    if (swap_free(&vm->swap, slot))
        vm->port.stock_is_low(vm->port.context);
}

/* The copy of a page in swap, if it has one, is of no use any more. */
static inline void vm_forget_copy(struct vm *vm, uint32_t page)
{
    struct page *record = &vm->table.pages[page];

    if (record->slot == SWAP_NONE)
        return;
    vm_free_slot(vm, record->slot);
    record->slot = SWAP_NONE;
    vm->paging.copies -= record->state == PAGE_OBJECT;
}

/* A page whose slot, if it has one, was being read or written is in memory, and that is a copy. */
static inline void vm_keep_copy(struct vm *vm, uint32_t page)
{
    page_set_state(&vm->table, page, PAGE_OBJECT);
    vm->paging.copies += vm->table.pages[page].slot != SWAP_NONE;
}

/* Finds the byte that an access (one of FL_ACCESS_*) of the program's own would use, and does what its
 * fault would do.  As vm_find_to_read. */
int vm_find_byte(struct vm *vm, struct space *space, uint64_t address, uint32_t access,
                 const uint8_t **byte);

/* Adds an entry to a space; takes over one reference to `object`.  False: no memory, nothing done.
 */
bool vm_add_entry(struct vm *vm, struct space *space, const struct entry *like);

/* Enters a filled entry in a space's set and in its object's list; references are the caller's. */
void vm_enter_entry(struct space *space, struct entry *entry);

/* NULL, or the number of the first invariant that does not hold. */
const char *vm_check(const struct vm *vm);

#endif
