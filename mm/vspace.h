/* Address spaces: Sv39 tables of one space, built from its pool, and what fault time asks of them.
 *
 *  V1  every valid leaf below FL_USER_END names a user frame, and the frame's map count is the
 *      number of such leaves over all spaces; or no frame of the table: a device's;
 *  V2  a table frame's count is the number of its valid entries (user half only in the root),
 *      its owner names this space and the base address it maps;
 *  V3  W or X of a leaf implies its ceiling bit; W implies R; U is set in every user leaf, never
 *      above the user half;
 *  V4  `tables` counts the root and all tables below it.
 * Removal: exchange the entries, fence, only then drop counts (and only then report progress). */
#ifndef MM_VSPACE_H
#define MM_VSPACE_H

#include "asid.h"
#include "mmu.h"
#include "sv39.h"
#include "table_pool.h"

struct vspace {
    struct table_pool *pool; /* NULL until vspace_init */
    frame_t root;
    struct asid_tag tag;
    uint32_t tables;
    uint32_t threads;    /* TCBs bound to the space (kept by the kernel) */
    uint64_t stale;      /* mask of harts that must flush before they run the space again */
    uint64_t stale_code; /* mask of harts that must fence.i before they run the space again */
};

/* Do R, W and X make a leaf?  None of them would be a pointer to a table, W without R is reserved.
 * Spec: RISC-V Privileged 1.12, table 4.5. */
static inline bool vspace_rights_name_leaf(uint32_t rights)
{
    const uint32_t leaves = 1u << 1 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 7; /* R RW X RX RWX */
    return (leaves >> (rights & 7) & 1) != 0;
}

/* V3, and that no leaf can be taken for a pointer to a table. */
static inline bool vspace_rights_fit(uint32_t rights, uint32_t ceiling)
{
    return vspace_rights_name_leaf(rights) &&
           (rights & ~ceiling & (FL_RIGHT_WRITE | FL_RIGHT_EXEC)) == 0;
}

/* What the callers of map and protect check before: rights are FL_RIGHT_READ|WRITE|EXEC and
 * FL_MAP_*, nothing else; they make a leaf; DIRTY comes with WRITE. */
static inline bool vspace_rights_are_valid(uint32_t rights)
{
    bool dirty_as_allowed = (rights & FL_MAP_DIRTY) == 0 || (rights & FL_RIGHT_WRITE) != 0;
    return (rights & ~FL_MAP_RIGHTS_MASK) == 0 && vspace_rights_name_leaf(rights) &&
           dirty_as_allowed;
}

/* One run of pages to map: [address, address + pages * 4096) to frames first, first + 1, ... */
struct vspace_run {
    vaddr_t address;
    frame_t first;
    uint64_t pages;
    uint32_t rights;  /* FL_RIGHT_READ|WRITE|EXEC and FL_MAP_* */
    uint32_t ceiling; /* FL_RIGHT_WRITE|EXEC that the capability allows */
};

/* Takes the root table from the pool and copies the kernel's half from `kernel_root`.
 * FL_OK or FL_NO_TABLE. */
enum fl_error vspace_init(struct vspace *space, struct table_pool *pool, frame_t kernel_root);

/* Decode and reserve: checks a run of at most FL_ITEM_PAGES pages without side effects and adds an
 * upper bound of the tables that it needs to *tables (exact for one run).
 * FL_OK; FL_BAD_FRAME; FL_OVERFLOW; FL_OCCUPIED (an entry for another frame and no FL_MAP_REPLACE);
 * the caller has checked alignment, rights and the user range. */
enum fl_error vspace_check_run(const struct vspace *space, const struct vspace_run *run,
                               uint64_t *tables);
/* Commit: cannot fail after a check that found pool->spare >= tables.  Fences replaced entries (one
 * whole-space fence when several), then drops the replaced frames' counts.  An entry for the same
 * frame gets the new rights (A and D are kept); lowering rights fences. */
void vspace_commit_run(struct vspace *space, const struct vspace_run *run);

/* vspace_check_run, the comparison of tables with pool->spare, and vspace_commit_run in one, for a
 * run of one page: with one walk instead of two where nothing is in the way.
 * FL_OK or an error as vspace_check_run and FL_NO_TABLE; nothing has changed then. */
enum fl_error vspace_map_page(struct vspace *space, const struct vspace_run *run);

/* Range calls: do at most VSPACE_STEP entries' worth of work (an absent subtree is one entry), set
 * *done to the pages passed over, FL_MORE while some remain.
 * Map: FL_OK, FL_MORE, or the error that stopped at page *done. */
#define VSPACE_STEP 512u
enum fl_error vspace_map(struct vspace *space, const struct vspace_run *run, uint64_t *done);
enum fl_error vspace_unmap(struct vspace *space, vaddr_t address, uint64_t pages, uint64_t *done);
/* FL_CEILING when an entry's ceiling forbids the rights: nothing of this step is changed then. */
enum fl_error vspace_protect(struct vspace *space, vaddr_t address, uint64_t pages, uint32_t rights,
                             uint64_t *done);

/* Maps what `from` maps in a range at the same addresses of another space: an entry for the same
 * frame with those of its rights that `rights` holds, that part of its ceiling that `ceiling` holds, A
 * and D clear.  A page whose rights would make no leaf is passed over.  FL_CLONE_PROTECT: the source's
 * entry is left with the same rights, keeps A and D, and is fenced. */
struct vspace_clone {
    struct vspace *to, *from; /* two spaces */
    vaddr_t address;
    uint64_t pages;
    uint32_t rights;  /* FL_RIGHT_READ|WRITE|EXEC that make a leaf, FL_CLONE_PROTECT */
    uint32_t ceiling; /* FL_RIGHT_WRITE|EXEC, at least those of `rights` */
};
/* A range call.  FL_OK, FL_MORE, or what stopped it at page *done: FL_BAD_FRAME (a device's frame, or
 * one that is being revoked: see sweep.h), FL_OVERFLOW, FL_NO_TABLE (in the pool of `to`), FL_OCCUPIED
 * (a valid entry is in the way). */
enum fl_error vspace_clone(const struct vspace_clone *clone, uint64_t *done);

/* A range call: reads A and D of the entries and clears those that `clear` (FL_HARVEST_*) names.  D is
 * fenced when it was cleared; A is not, so an access that finds the translation in a TLB may leave it
 * clear.  Passes over pages without a mapping, then reads up to the next absent table. *done:
 * result->absent and the pages with bits.  FL_OK or FL_MORE. */
enum fl_error vspace_harvest(struct vspace *space, vaddr_t address, uint64_t pages, uint32_t clear,
                             struct fl_harvest *result, uint64_t *done);

/* The leaf entry at an address; bits 0 when there is none. */
pte_t vspace_entry(const struct vspace *space, vaddr_t address);

/* One look at fault time, before any message.  `access` is one of FL_ACCESS_READ|WRITE|EXEC. */
enum vspace_look {
    LOOK_ABSENT,   /* no valid entry */
    LOOK_DENIED,   /* an entry that forbids the access */
    LOOK_SPURIOUS, /* the entry allows the access: fenced, retry */
    LOOK_SET_AD    /* A or D set in the entry, fenced, retry */
};
/* *entry receives the entry seen (rights for the message). */
enum vspace_look vspace_look_at_fault(struct vspace *space, vaddr_t address, uint32_t access,
                                      pte_t *entry);

/* Takes a space apart in steps.  FL_MORE until nothing but the root is left, then returns the root
 * and says FL_OK; the caller has made sure that no hart has the root in satp. */
enum fl_error vspace_destroy_step(struct vspace *space);

/* What the owner word of a table frame in use says (one without FRAME_SPARE): the space, the lowest
 * address the table maps, its level (2 = root). */
struct vspace_table {
    struct vspace *space;
    vaddr_t base;
    unsigned level;
};
uint64_t vspace_pack_owner(const struct vspace *space, vaddr_t address, unsigned level);
struct vspace_table vspace_unpack_owner(uint64_t owner);

/* NULL or the first broken invariant ("V2"...).  V1's sum needs all spaces: vspace_count_leaves, of
 * which each one names a frame of the table. */
const char *vspace_check(const struct vspace *space);
uint64_t vspace_count_leaves(const struct vspace *space);

#endif
