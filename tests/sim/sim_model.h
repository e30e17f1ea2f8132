/* The reference model of the simulation: what every program sees, as plain arrays.
 *
 *   process --> page --> own value              a private page that was written
 *                 |         ^ fork shares it; who writes one that others see gets a new one
 *                 +----> page of a segment      shared memory, or a file
 *
 * A *value* is the bytes of one page and a count of who sees them.  So the model tells beside each byte
 * how many frames programs take: one for each value, and none without cause.
 *
 *  N1  users of a value = pages of processes that own it, or 1 for a segment's;
 *  N2  users of a segment, and of a page of it = pages of processes that show it;
 *  N3  a page of shared memory that nobody shows has no value; a segment that nobody shows and that is not
 *      open is free.
 *
 * It knows no objects, entries or tables, and makes no decision that depends on the amount of memory:
 * where a call may stop for want of it, whoever drives the core tells the model how far it came. */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "limit.h"

struct object;
struct space;

#define SIM_PAGE_BYTES    ((uint64_t)FL_PAGE_BYTES)
#define SIM_PROCESSES     4u
#define SIM_LOW_PAGES     10u /* a program's addresses: two windows, numbered one after the other */
#define SIM_HIGH_PAGES    6u
#define SIM_PAGES         (SIM_LOW_PAGES + SIM_HIGH_PAGES)
#define SIM_HEAP_PAGE     6u /* where the heap starts */
#define SIM_SEGMENTS      96u
#define SIM_SEGMENT_PAGES 40u
#define SIM_OPEN_FILES    3u /* that are open: one of the initrd, two in memory */
#define SIM_FILE_PAGES    6u
#define SIM_VALUES        512u
#define SIM_NO_LIMIT      1000u /* pages */
#define SIM_NO_PAGE       UINT32_MAX

/* The bytes of one page. */
struct sim_value {
    uint32_t users;
    bool of_segment;
    uint32_t page;     /* of the core, that was seen to hold it; SIM_NO_PAGE: not seen yet */
    uint64_t object;   /* number of the core's object that had it then */
    uint32_t index;    /* there */
    bool stored;       /* by a program, and not told yet: sim_dirty.h */
    bool due;          /* that is to be told by the harvest under way */
    uint64_t compared; /* stamp of the last comparison */
    struct sim_value *next_free;
    _Alignas(64) uint8_t bytes[FL_PAGE_BYTES];
};

enum sim_kind {
    SIM_MEMORY,  /* shared by fork */
    SIM_FILE,    /* in memory */
    SIM_ARCHIVE, /* of the initrd */
    SIM_DISK     /* pages are fetched */
};

struct sim_segment {
    enum sim_kind kind;
    bool live;
    bool open;            /* lives without users too */
    bool in_place;        /* SIM_ARCHIVE: mapped where it lies */
    uint64_t bytes;       /* size; memory has no end */
    const uint8_t *under; /* what pages without a value show; NULL: zeros */
    uint32_t users;
    uint64_t committed;    /* pages that are promised */
    struct object *object; /* of a file */
    struct {
        struct sim_value *value;
        uint32_t users;
    } page[SIM_SEGMENT_PAGES];
};

struct sim_page {
    bool mapped;
    bool shared;
    bool wired;
    bool mergeable;     /* as it was advised */
    uint8_t protection; /* PROT_* */
    uint8_t max_protection;
    uint8_t advice;              /* enum entry_advice */
    uint8_t charge;              /* enum entry_charge */
    uint8_t use;                 /* enum entry_use */
    uint32_t index;              /* of the segment's page */
    struct sim_segment *segment; /* what lies under it, or NULL */
    struct sim_value *own;
};

struct sim_process {
    struct space *space;    /* NULL: does not live */
    uint32_t generation;    /* of the space */
    uint32_t limit[LIMITS]; /* pages */
    uint32_t heap_pages;
    bool wire_future;
    uint64_t minor_faults;
    uint64_t major_faults;
    struct sim_page page[SIM_PAGES];
};

struct sim_model {
    struct sim_process process[SIM_PROCESSES];
    struct sim_segment segment[SIM_SEGMENTS];
    struct sim_segment *file[SIM_OPEN_FILES]; /* with handle i of all processes */
    struct sim_value *free_values;
    uint32_t values;         /* in use: frames that programs and files take */
    uint32_t private_values; /* of these, those that are not of files */
    struct sim_value value[SIM_VALUES];
};

void sim_model_begin(struct sim_model *model);

/* The address of page `page` of a program, and back: SIM_PAGES for an address elsewhere. */
uint64_t sim_page_address(uint32_t page);
uint32_t sim_page_at(uint64_t address);

/* The first page behind the window that `page` lies in. */
uint32_t sim_window_end(uint32_t page);

/* ---- what is seen ---- */

/* The bytes that a mapped page shows. */
const uint8_t *sim_page_bytes(const struct sim_page *page);

/* The value that it shows, or NULL: zeros, or what lies under. */
struct sim_value *sim_page_value(const struct sim_page *page);

/* True behind the end of its file. */
bool sim_page_is_beyond(const struct sim_page *page);

/* The signal that an access (FL_ACCESS_*, PROT_*) ends in, or 0. */
uint32_t sim_page_signal(const struct sim_page *page, uint32_t access);

/* True if a store may reach its value without a fault. */
bool sim_page_is_exclusive(const struct sim_page *page);

/* True if two pages may be parts of one mapping. */
bool sim_page_is_alike(const struct sim_page *page, const struct sim_page *other);

/* ---- what changes ---- */

/* What an access that is allowed does to the page, when its fault is resolved: a copy, a page of zeros.
 * A page of a disk is taken as fetched. */
void sim_page_touch(struct sim_model *model, struct sim_page *page, uint32_t access);

/* True if sim_page_touch would change anything. */
bool sim_page_wants(const struct sim_page *page, uint32_t access);

/* The access that filling a page ahead of faults makes. */
uint32_t sim_page_fill_access(const struct sim_page *page);

/* Lets a page show something else: `with` is copied, and counted. */
void sim_page_set(struct sim_model *model, struct sim_page *page, const struct sim_page *with);
void sim_page_clear(struct sim_model *model, struct sim_page *page);

/* Back to what lies under it. */
void sim_page_disown(struct sim_model *model, struct sim_page *page);

/* Gives the page a value of its own, with the bytes that it shows. */
void sim_page_own(struct sim_model *model, struct sim_page *page);

struct sim_segment *sim_segment_create(struct sim_model *model, enum sim_kind kind);

/* A file is no longer open: it goes when nobody shows it. */
void sim_segment_close(struct sim_model *model, struct sim_segment *segment);

/* The value of a page of a file in memory, made if it must be. */
struct sim_value *sim_segment_fill(struct sim_model *model, struct sim_segment *segment,
                                   uint32_t index);

/* A page of a file left memory, and can be had again: it has no value until then. */
void sim_segment_forget(struct sim_model *model, struct sim_segment *segment, uint32_t index);

/* Sets the size of a file in memory, as truncation and growth do. */
void sim_segment_resize(struct sim_model *model, struct sim_segment *segment, uint64_t bytes);

/* ---- sums ---- */

/* Pages of [first, first + count) that count for a limit. */
uint32_t sim_process_count(const struct sim_process *process, enum limit_kind kind, uint32_t first,
                           uint32_t count);

/* Pages that are promised, in all. */
uint64_t sim_model_committed(const struct sim_model *model);
uint64_t sim_process_committed(const struct sim_process *process);

#endif
