/* A machine for the tests of mm/: frames of memory, a TLB that keeps what no fence took out of it,
 * and a core that reads tables, caches translations and sets A and D.
 *
 *  M1  at every fence and after every call, no frame has more translations in the TLB than
 *      mappings, and no table that a core may still walk is spare or free;
 *  M2  after every call, no cached translation allows more than its entry does now. A core may
 *      cache invalid entries, and pointers to tables, until the fence that orders them;
 *  M3  what hides a later store from the kernel, D set in a cached entry and not in the one in
 *      memory, is not there after any call; A may be.
 *  M4  at every fence, no entry names another frame than the TLB has for its page: one thread would use the
 *      new frame while another uses the old one.
 * Frames outside the memory are devices': they can be reached and are not counted. */
#ifndef TESTS_MM_FAKE_H
#define TESTS_MM_FAKE_H

#include "vspace.h"

#define FAKE_FIRST    0x80400ull /* number of the first frame */
#define FAKE_FRAMES   512u
#define FAKE_FIRMWARE 8u  /* the last frames are firmware's */
#define FAKE_TABLES   48u /* frames in the pool */
#define FAKE_SPACES   50u
#define FAKE_TLB      96u

struct fake_translation {
    struct vspace *space;
    uint64_t key; /* page number >> 9 * level */
    unsigned level;
    pte_t entry; /* as the core saw it; level 1 and 2: a pointer to a table */
};

struct fake_world {
    struct frame frames[FAKE_FRAMES];
    struct frame_table table;
    struct table_pool pool;
    struct vspace spaces[FAKE_SPACES];
    frame_t loaded[FAKE_SPACES]; /* the root that a core has in satp since it first ran the space */
    frame_t kernel_root;
    bool core_sets_ad;        /* else it traps when A or D is missing */
    bool core_caches_invalid; /* entries with V = 0, of any level */
    unsigned page_fences;
    unsigned space_fences;
    unsigned code_fences;
    unsigned root_moves;
    bool written[FAKE_FRAMES]; /* a store reached the frame */
    struct fake_translation tlb[FAKE_TLB];
    unsigned cached;
    uint64_t random;
};

extern struct fake_world fake;

/* A fresh machine: frame 0 is the kernel's root (an object), FAKE_TABLES frames are in the pool, no
 * space is made. */
void fake_reset(uint64_t seed);
/* The i-th frame of memory, and the first one after the pool's. */
frame_t fake_frame(uint64_t i);
#define FAKE_USER_FRAMES (1u + FAKE_TABLES)
uint64_t fake_random(uint64_t below);

/* One access by a core.  False: it faults.  *frame: where a true one went. */
bool fake_access(struct vspace *space, vaddr_t address, uint32_t access, frame_t *frame);
/* As a program sees it: looks at the fault until the access goes through (LOOK_SPURIOUS) or the
 * look says why not (LOOK_ABSENT, LOOK_DENIED). */
enum vspace_look fake_touch(struct vspace *space, vaddr_t address, uint32_t access, frame_t *frame);
/* The cores leave a space, as they must before its root is returned. */
void fake_leave(struct vspace *space);
/* The cores forget all translations of a space, as they may at any time. */
void fake_forget(struct vspace *space);
/* The entry, read by a walk of our own past the TLB. */
pte_t fake_entry(const struct vspace *space, vaddr_t address);

/* M1 to M3, and all checkers of mm/. */
void fake_check(void);

/* A run, a map of it that must succeed, and an unmap in as many steps as it takes. */
struct vspace_run fake_run(uint64_t address, uint64_t frame, uint64_t pages, uint32_t rights);
void fake_map(struct vspace *space, struct vspace_run run);
void fake_unmap(struct vspace *space, uint64_t address, uint64_t pages);
void fake_destroy(struct vspace *space);

#endif
