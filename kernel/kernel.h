/* The kernel's own state: one structure, owned by the hart that holds the kernel's lock. */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include "asid.h"
#include "hart.h"
#include "machine.h"
#include "object.h"
#include "plic.h"

/* Whole pages of a device that was handed out at boot; they lie outside the frame table. */
struct device_range {
    frame_t first;
    uint64_t pages;
};

struct kernel {
    struct frame_table frames;
    struct asid_allocator asids;
    struct derivation derivation;
    struct cnode *condemned;  /* CNodes without a capability that are being emptied, linked */
    frame_t root_table;       /* the kernel's own; its upper half is in every space */
    struct timer_heap timers; /* T1 */
    struct plic plic;
    struct irq_handler *irqs[PLIC_SOURCES_MAX + 1]; /* by source; I1 */
    uint64_t timebase_hz;
    uint64_t quantum_ticks;
    uint64_t objects;
    uint64_t caps;
    uint64_t boot_instructions;
    uint64_t faults;                                  /* so far: the number of the last one */
    uint64_t other_faults;                            /* of them, those that were no PAGE_FAULT */
    struct device_range devices[FL_BOOT_DEVICES_MAX]; /* final at boot; O3 */
    uint32_t device_count;
    uint64_t idle_since;  /* cycles; 0 = a hart has work */
    uint64_t idle_cycles; /* that all harts slept */
    uint64_t ready_mask;  /* of all harts */
    uint64_t idle;        /* bit i: harts[i] sleeps and nobody woke it (H5) */
    uint32_t hart_count;  /* of harts[]; harts[0] booted, the others were started by the firmware */
    struct hart harts[HARTS_MAX];
};

extern struct kernel kernel;

#endif
