/* A machine of several harts for the tests: memory, a TLB a hart, ASIDs, and accesses that walk the
 * page tables of mm/ as hardware may.
 *
 *   thread --access--> TLB --walk--> tables of mm/ --> memory <--window-- the pager's core
 *                       ^
 *                       +-- fences: arch/riscv/mmu.c, once for each hart that must take part
 *
 * A TLB keeps what it read, pointers to tables and (caches_invalid) invalid entries included, until a
 * fence that orders it or until chance evicts it.  A hart whose A and D are not set by hardware
 * traps instead.  A write that the entry in the TLB allows reaches memory, whatever the tables say by
 * then: so a missing fence is a wrong byte somewhere.
 *
 *  M1  no hart has a translation to a frame that is free or in another use than programs' memory, nor a
 *      pointer to a table that is spare or free, when a fence has returned and between calls of mm/;
 *  M2  between calls of mm/ no cached translation of a loaded space allows more than its entry does;
 *  M3  ... and none has D where its entry has not;
 *  M4  no two spaces are loaded, or have translations, under one ASID in one hart;
 *  M5  when a fence is asked for, no entry names another frame than a hart still has for its page: one hart
 *      would write the new frame while another reads the old one.
 * There is one machine at a time: mm/ calls its fences without a context. */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "vspace.h"

#define SIM_HARTS        4u
#define SIM_FRAMES_MAX   4096u
#define SIM_DEVICE_PAGES 3u /* of registers, outside the frame table */

struct sim_machine_config {
    uint32_t harts;      /* 1..SIM_HARTS */
    uint32_t asid_bits;  /* 0..16 */
    uint32_t frames;     /* of memory, at most SIM_FRAMES_MAX - 2 */
    bool sets_ad;        /* hardware sets A and D; else it traps */
    bool caches_invalid; /* invalid entries are cached too */
    bool caches_code;    /* a byte that was executed once is kept until a fence.i */
    bool
        fence_takes_all; /* a fence that names a page or a space drops nothing: arch/riscv/errata.h */
    uint32_t evict_chance; /* of 256, that an access evicts something first */
    uint32_t ahead_chance; /* of 256, that an access caches what the tables say of the next page */
    uint64_t seed;
};

/* Starts a machine: all frames are free, no space is loaded.  Ends the one before. */
void sim_machine_start(const struct sim_machine_config *config);
void sim_machine_end(void);

/* Frame `i` of memory, and its bytes. */
frame_t sim_machine_frame(uint32_t i);
uint8_t *sim_machine_contents(frame_t frame);
struct frame_table *sim_machine_frames(void);
frame_t sim_machine_kernel_root(void);
frame_t sim_machine_device(uint32_t page);

/* A second view of memory: frames [0, low), and right behind them the `high` frames from low + gap on. */
uint8_t *sim_machine_window(uint32_t low, uint32_t gap, uint32_t high);

/* Random numbers of the environment: evictions, when others run.  A step sets the seed, so that it goes the
 * same way whatever was before. */
void sim_machine_seed(uint64_t seed);
uint32_t sim_machine_random(uint32_t below);

/* Called before a fence is done, after each hart that did it, and where sim_machine_meanwhile is called:
 * other harts may access memory there (sim_machine_access), and nothing else.  NULL: nobody does. */
void sim_machine_set_meanwhile(void (*meanwhile)(void *context), void *context);
void sim_machine_meanwhile(void);

/* Hart `hart` runs a space from now on; NULL: the kernel's own root. */
void sim_machine_load(uint32_t hart, struct vspace *space);
struct vspace *sim_machine_loaded(uint32_t hart);

/* All harts leave a space, as they must before it is destroyed. */
void sim_machine_leave(struct vspace *space);

/* One access of a hart in the space that it has loaded, access one of FL_ACCESS_READ|WRITE|EXEC.  NULL: it
 * faults.  Else the byte in memory, which a write is now to be put into; of an EXEC the byte that the hart
 * executes, which with caches_code may be an older one. */
uint8_t *sim_machine_access(uint32_t hart, vaddr_t address, uint32_t access);

/* The same with the kernel's look at the fault, repeated while that mends it; NULL: absent or denied, and
 * *look and *entry say so. */
uint8_t *sim_machine_touch(uint32_t hart, vaddr_t address, uint32_t access, enum vspace_look *look,
                           pte_t *entry);

/* fence.i by the program itself. */
void sim_machine_fence_code(uint32_t hart);

/* What the tables say, past all TLBs: the entry of an address. */
pte_t sim_machine_entry(const struct vspace *space, vaddr_t address);

/* NULL, or the number of the invariant that is broken: M1 to M5, those of mm/, and that counts of
 * mappings and tables over `spaces` (NULL ones are passed over) add up. */
const char *sim_machine_check(struct vspace *const *spaces, uint32_t count);

/* The same without the walk of all tables: M1 to M3, and M4 of what is loaded.  Cheap enough for each step. */
const char *sim_machine_check_harts(void);

struct sim_machine_counts {
    uint64_t accesses, walks, hits, evictions, spurious, ad_traps;
    uint64_t page_fences, space_fences, full_fences, code_fences, rollovers;
};
const struct sim_machine_counts *sim_machine_counts(void);

#endif
