/* The simulation of the whole system: the state that its parts share.
 *
 *   steps --> threads --accesses--> harts, TLBs, tables of mm/        sim_access.c
 *                |                                                    sim_machine.h
 *                +--faults, calls--> queue --> the pager's loop       sim_pager.c
 *                                               |                     sim_call.c, sim_change.c
 *                                               v
 *                                 core, beside it the model           sim_model.h
 *
 * After each step everything is compared: sim_compare.c.  Between a fault and its handling anything may
 * happen; while the pager works threads on other harts access memory, at each fence and each call of the
 * port (sim_access.h says what they must see).
 *
 * There is one simulation at a time, since mm/ has one machine.  A failed check ends it by harness_fail. */
#ifndef SIM_H
#define SIM_H

#include "sim_disk.h"
#include "sim_kernel.h"
#include "sim_model.h"
#include "sim_step.h"

#define SIM_THREADS_EACH 2u
#define SIM_THREADS      (SIM_PROCESSES * SIM_THREADS_EACH)
#define SIM_QUEUE        64u
#define SIM_DEFERRED     64u
#define SIM_DISK_PAGES   8u

struct sim_config {
    uint32_t harts;
    uint32_t asid_bits;
    bool sets_ad;
    bool caches_invalid;
    bool fork_clones;
    bool strict;
    bool scarce;
    bool disk_fails;
    bool in_place; /* the file of the initrd lies on pages */
    bool swap;     /* pages leave memory, to disks or compressed, and equal ones are merged */
};

enum sim_thread_state {
    SIM_ABSENT,  /* its process does not live */
    SIM_RUNS,    /* in user mode; with `retries` it will repeat an access that faulted */
    SIM_SENT,    /* its message is in the queue, or handled now */
    SIM_PARKED,  /* with a token */
    SIM_STOPPED, /* for ever: its process will be ended */
};

struct sim_access {
    uint32_t page;
    uint32_t offset;
    uint32_t access; /* FL_ACCESS_* */
    uint8_t byte;    /* that is written */
};

struct sim_thread {
    enum sim_thread_state state;
    uint32_t process;
    bool retries;
    struct sim_access access;
};

/* What the pager receives: a fault, or a call of a program or, for one, of the root task. */
struct sim_message {
    uint32_t thread;
    uint32_t space; /* as the badge names it */
    uint32_t generation;
    bool fault;
    bool fetched;             /* it waited for a page */
    struct sim_access access; /* of a fault */
    struct sim_step step;     /* of a call */
};

/* An access in the middle of a call, that came after the call. */
struct sim_deferred {
    uint32_t process;
    struct sim_access access;
};

struct sim_counts {
    uint64_t operations; /* steps */
    uint64_t traces;
    uint64_t messages;
    uint64_t parked;
    uint64_t refused;   /* calls and faults that failed for want of memory */
    uint64_t meanwhile; /* accesses in the middle of calls */
    uint64_t forks;
    uint64_t compared; /* pages */
    uint64_t left;     /* pages that left memory ... */
    uint64_t came;     /* ... and that came back */
    uint64_t merged;
    uint64_t lost; /* faults and calls that a disk failed */
    uint64_t suspended;
};

struct sim {
    struct sim_config config;
    uint32_t step;    /* that is done now */
    uint32_t failure; /* a number of what it failed of, by sim_fail */
    struct sim_kernel kernel;
    struct sim_disk *disk;
    uint8_t disk_bytes[SIM_DISK_PAGES * FL_PAGE_BYTES]; /* what lies on it */
    struct sim_model model;
    struct sim_thread thread[SIM_THREADS];
    struct sim_message queue[SIM_QUEUE];
    uint32_t first; /* of the queue */
    uint32_t queued;
    struct sim_message parked[WAIT_RECORDS];
    struct space *keeper; /* holds the open files */
    bool (*port_map)(void *context, uint32_t space, const struct vm_mapping *mapping);
    uint32_t taken; /* frames that the root task has: so many of take[] */
    uint32_t take[SIM_FRAMES_MAX];

    /* The call that the pager works on: */
    uint32_t free_before; /* frames */
    uint64_t refusals_before;
    uint64_t committed_before;
    uint64_t commit_limit_before;
    uint32_t pager_hart; /* where it runs: no program does */
    bool fetched;        /* it waited for a page before */
    bool forking;
    bool filling;                           /* private pages are copied from files, or may be */
    bool copying;                           /* bytes into or out of pages of `copier` */
    uint32_t copier;                        /* process */
    const struct sim_page *leaving;         /* a private page of a file that gets a copy */
    const struct sim_value *left;           /* that it showed, and an old entry still may */
    uint32_t remade[SIM_PROCESSES];         /* pages that it mapped, a bit each */
    pte_t before[SIM_PROCESSES][SIM_PAGES]; /* their entries when it did */
    uint32_t deferrals;
    struct sim_deferred deferred[SIM_DEFERRED];

    bool compared;                              /* nothing was changed since the last comparison */
    struct sim_value *value_in[SIM_FRAMES_MAX]; /* that a page of the core was seen to hold */
    uint64_t stamp;                             /* of the comparison */
    uint32_t framed; /* values that were found in frames of their own by it */
    struct sim_counts counts;
};

extern struct sim sim;

static inline struct vm *sim_vm(void)
{
    return &sim.kernel.vm;
}

static inline uint32_t sim_free_frames(void)
{
    return sim.kernel.vm.table.counts[PAGE_FREE];
}

/* Ends the simulation unless this holds; printf's arguments say what does not. */
#define SIM_EXPECT(holds, ...) ((holds) ? (void)0 : sim_fail(__VA_ARGS__))
_Noreturn void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The process that has a space, or NULL. */
struct sim_process *sim_process_of(const struct space *space);

/* What a page of the core was seen to hold is noted beside both.  Elsewhere it is a copy by the core. */
static inline void sim_note_page(struct sim_value *value, uint32_t page)
{
    value->stored = value->stored && (value->page == page || value->page == SIM_NO_PAGE);
    value->page = page;
    value->object = sim.kernel.vm.table.pages[page].object->number;
    value->index = sim.kernel.vm.table.pages[page].link;
    sim.value_in[page] = value;
}

static inline uint32_t sim_number(const struct sim_process *process)
{
    return (uint32_t)(process - sim.model.process);
}

#endif
