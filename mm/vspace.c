/* Mapping of single runs, and the look at fault time.  Invariants V1..V4 are in vspace.h; the calls
 * on ranges are in vspace_range.c, the checkers in vspace_check.c.
 *
 * The owner word of a table frame in use:
 *     bits 0..1   level of the table: 0 leaf table, 2 root
 *     bits 2..18  bits 21..37 of the lowest address it maps
 *     bits 19..63 bits 3..47 of the address of its struct vspace, which the sign of bit 47 extends
 */
#include "vspace.h"

#include <string.h>

#include "check.h"
#include "leaf.h"
#include "removal.h"
#include "walk.h"

#define OWNER_BASE_SHIFT  21u
#define OWNER_SPACE_SHIFT 19u
#define OWNER_LEVEL_MASK  3ull
#define OWNER_BASE_MASK   ((1ull << OWNER_SPACE_SHIFT) - 1 - OWNER_LEVEL_MASK)

uint64_t vspace_pack_owner(const struct vspace *space, vaddr_t address, unsigned level)
{
    uint64_t table_span = sv39_span_bytes(level + 1);
    uint64_t base = address.value & ~(table_span - 1);
    MM_ASSERT(address.value < FL_USER_END && level < SV39_LEVELS);
    return (uint64_t)(uintptr_t)space >> 3 << OWNER_SPACE_SHIFT | base >> OWNER_BASE_SHIFT << 2 |
           level;
}

struct vspace_table vspace_unpack_owner(uint64_t owner)
{
    int64_t space = (int64_t)owner >> OWNER_SPACE_SHIFT;
    return (struct vspace_table){
        .space = (struct vspace *)((uintptr_t)space << 3),
        .base = {(owner & OWNER_BASE_MASK) >> 2 << OWNER_BASE_SHIFT},
        .level = (unsigned)(owner & OWNER_LEVEL_MASK),
    };
}

enum fl_error vspace_init(struct vspace *space, struct table_pool *pool, frame_t kernel_root)
{
    MM_ASSERT(space->pool == NULL);
    if (pool->spare == 0)
        return FL_NO_TABLE;
    uint64_t owner = vspace_pack_owner(space, (vaddr_t){0}, SV39_LEVELS - 1);
    MM_ASSERT(vspace_unpack_owner(owner).space == space);
    space->pool = pool;
    space->root = table_pool_take(pool, owner);
    space->tag = (struct asid_tag){0};
    space->tables = 1;
    pte_t *entries = frame_contents(pool->frames, space->root);
    const pte_t *kernel_entries = frame_contents(pool->frames, kernel_root);
    memcpy(entries + SV39_USER_SLOTS, kernel_entries + SV39_USER_SLOTS,
           (SV39_ENTRIES - SV39_USER_SLOTS) * sizeof *entries);
    return FL_OK;
}

pte_t vspace_entry(const struct vspace *space, vaddr_t address)
{
    if (address.value >= FL_USER_END)
        return (pte_t){0};
    const pte_t *slot = walk_leaf(space, address);
    if (slot == NULL)
        return (pte_t){0};
    return walk_load(slot);
}

/* --- check: no side effects ---------------------------------------------------------------- */

/* The page whose slot holds `entry` is to map `frame`. */
static inline enum fl_error vspace_check_page(const struct vspace *space, pte_t entry,
                                              frame_t frame, uint32_t rights)
{
    if (sv39_is_valid(entry)) {
        if (sv39_frame(entry).value == frame.value)
            return FL_OK;
        if ((rights & FL_MAP_REPLACE) == 0)
            return FL_OCCUPIED;
    }
    return frame_can_map(space->pool->frames, frame, 1);
}

/* A part of a run, from page `page` on, that lies in one leaf table and fits one removal. */
static struct vspace_run vspace_piece(const struct vspace_run *run, uint64_t page)
{
    struct vspace_run piece = *run;
    piece.address = walk_address_plus(run->address, page);
    piece.first = frame_plus(run->first, page);
    piece.pages = run->pages - page;
    uint64_t most = walk_pages_left(piece.address, 1);
    if (piece.pages > most)
        piece.pages = most;
    if (piece.pages > REMOVAL_ENTRIES)
        piece.pages = REMOVAL_ENTRIES;
    return piece;
}

/* How many pages from the start of the piece can be mapped; *error says why not the next one. */
static uint64_t vspace_check_piece(const struct vspace *space, const struct vspace_run *piece,
                                   enum fl_error *error)
{
    const pte_t *slots = walk_leaf(space, piece->address);
    for (uint64_t i = 0; i < piece->pages; i++) {
        pte_t entry = slots == NULL ? (pte_t){0} : walk_load(&slots[i]);
        *error = vspace_check_page(space, entry, frame_plus(piece->first, i), piece->rights);
        if (*error != FL_OK)
            return i;
    }
    *error = FL_OK;
    return piece->pages;
}

static enum fl_error vspace_check_pieces(const struct vspace *space, const struct vspace_run *run,
                                         uint64_t *tables)
{
    MM_ASSERT(run->pages <= FL_ITEM_PAGES);
    uint64_t needed = 0;
    for (uint64_t page = 0; page < run->pages;) {
        enum fl_error error;
        struct vspace_run piece = vspace_piece(run, page);
        page += vspace_check_piece(space, &piece, &error);
        if (error != FL_OK)
            return error;
        uint64_t missing = walk_path(space, piece.address).level;
        /* The pieces of a run share a table of level 1 unless a GiB ends between them. */
        bool shared = needed > 0 && sv39_index(piece.address, 1) != 0;
        needed += shared && missing == 2 ? 1 : missing;
    }
    *tables += needed;
    return FL_OK;
}

enum fl_error vspace_check_run(const struct vspace *space, const struct vspace_run *run,
                               uint64_t *tables)
{
    if (run->pages == 1) {
        const pte_t *slot = walk_leaf(space, run->address);
        if (slot != NULL)
            return vspace_check_page(space, walk_load(slot), run->first, run->rights);
    }
    return vspace_check_pieces(space, run, tables);
}

/* --- commit: cannot fail ------------------------------------------------------------------- */

static inline void vspace_assert_rights(const struct vspace_run *run)
{
    MM_ASSERT(vspace_rights_fit(run->rights, run->ceiling));
}

static inline pte_t vspace_run_leaf(const struct vspace_run *run, uint64_t page)
{
    return sv39_user_leaf(frame_plus(run->first, page), run->rights, run->ceiling);
}

/* The entry `old` names the frame already: it gets the rights and ceiling of this map, keeps its A and
 * D.  Only A and D change behind our back, so the difference in the other bits can be flipped.  True
 * when it lost a right, so that it needs a fence. */
static inline bool vspace_change_leaf(pte_t *slot, pte_t old, pte_t leaf)
{
    uint64_t flip = (old.bits ^ leaf.bits) & (PTE_RWX | PTE_CEILING);
    __atomic_fetch_xor(&slot->bits, flip, __ATOMIC_RELAXED);
    __atomic_fetch_or(&slot->bits, leaf.bits & PTE_AD, __ATOMIC_RELAXED);
    return (old.bits & ~leaf.bits & PTE_RWX) != 0;
}

static void vspace_commit_page(struct removal *removal, pte_t *slot, const struct vspace_run *run,
                               uint64_t page)
{
    pte_t old = walk_load(slot);
    pte_t leaf = vspace_run_leaf(run, page);
    frame_t frame = frame_plus(run->first, page);
    vaddr_t address = walk_address_plus(run->address, page);
    if (!sv39_is_valid(old)) {
        leaf_put(removal->space, slot, leaf);
    } else if (sv39_frame(old).value == frame.value) {
        if (vspace_change_leaf(slot, old, leaf))
            removal_note(removal, address, 1);
    } else {
        frame_add_map(removal->space->pool->frames, frame);
        removal_take(removal, slot, address);
    }
}

/* Entries that took others' places, which are fenced now. */
static void vspace_publish_rest(struct vspace *space, const struct vspace_run *run)
{
    for (uint64_t page = 0; page < run->pages; page++) {
        pte_t *slot = walk_leaf(space, walk_address_plus(run->address, page));
        if (!sv39_is_valid(walk_load(slot)))
            walk_publish(slot, vspace_run_leaf(run, page));
    }
}

static void vspace_commit_pieces(struct vspace *space, const struct vspace_run *run)
{
    MM_ASSERT(run->pages <= REMOVAL_ENTRIES);
    vspace_assert_rights(run);
    struct removal removal;
    removal_start(&removal, space);
    if ((run->rights & FL_RIGHT_EXEC) != 0)
        mmu_fence_code(space);
    for (uint64_t page = 0; page < run->pages;) {
        struct vspace_run piece = vspace_piece(run, page);
        pte_t *slots = walk_make_leaf(space, piece.address);
        for (uint64_t i = 0; i < piece.pages; i++)
            vspace_commit_page(&removal, &slots[i], &piece, i);
        page += piece.pages;
    }
    removal_finish(&removal);
    if (removal.ended > 0)
        vspace_publish_rest(space, run);
}

/* One page into an invalid slot needs no table and ends no entry: the common fault. */
static inline bool vspace_is_simple(const struct vspace *space, const pte_t *slot, frame_t frame)
{
    return slot != NULL && !sv39_is_valid(walk_load(slot)) &&
           frame_known(space->pool->frames, frame);
}

static inline void vspace_commit_data(struct vspace *space, const struct vspace_run *run,
                                      pte_t *slot)
{
    vspace_assert_rights(run);
    frame_count_map(space->pool->frames, run->first);
    leaf_publish(space, slot, vspace_run_leaf(run, 0));
}

/* A core that sees the entry may fetch through it at once, so the fence comes first. */
static __attribute__((noinline)) enum fl_error
vspace_commit_code(struct vspace *space, struct vspace_run run, pte_t *slot)
{
    mmu_fence_code(space);
    vspace_commit_data(space, &run, slot);
    return FL_OK;
}

void vspace_commit_run(struct vspace *space, const struct vspace_run *run)
{
    pte_t *slot = run->pages == 1 ? walk_leaf(space, run->address) : NULL;
    if (!vspace_is_simple(space, slot, run->first))
        vspace_commit_pieces(space, run);
    else if ((run->rights & FL_RIGHT_EXEC) != 0)
        vspace_commit_code(space, *run, slot);
    else
        vspace_commit_data(space, run, slot);
}

/* One page over a valid entry: copy-on-write, and rights that come back. */
static inline enum fl_error vspace_map_over(struct vspace *space, const struct vspace_run *run,
                                            pte_t *slot)
{
    pte_t old = walk_load(slot), leaf = vspace_run_leaf(run, 0);
    enum fl_error error = vspace_check_page(space, old, run->first, run->rights);
    if (error != FL_OK)
        return error;
    vspace_assert_rights(run);
    if ((run->rights & FL_RIGHT_EXEC) != 0)
        mmu_fence_code(space);
    if (sv39_frame(old).value != run->first.value) {
        frame_add_map(space->pool->frames, run->first);
        removal_replace_one(space, slot, run->address, leaf);
    } else if (vspace_change_leaf(slot, old, leaf)) {
        mmu_fence_page(space, run->address);
    }
    return FL_OK;
}

/* A page that is not simple to map. */
static __attribute__((noinline)) enum fl_error vspace_map_other(struct vspace *space,
                                                                struct vspace_run run, pte_t *slot)
{
    if (slot != NULL && sv39_is_valid(walk_load(slot)))
        return vspace_map_over(space, &run, slot);
    uint64_t tables = 0;
    enum fl_error error = vspace_check_pieces(space, &run, &tables);
    if (error != FL_OK)
        return error;
    if (tables > space->pool->spare)
        return FL_NO_TABLE;
    vspace_commit_pieces(space, &run);
    return FL_OK;
}

/* What it calls gets a copy of the run, so that here the run stays in registers. */
enum fl_error vspace_map_page(struct vspace *space, const struct vspace_run *run)
{
    pte_t *slot = walk_leaf(space, run->address);
    if (!vspace_is_simple(space, slot, run->first))
        return vspace_map_other(space, *run, slot);
    enum fl_error error = frame_can_count(frame_entry(space->pool->frames, run->first), 1);
    if (error != FL_OK)
        return error;
    if ((run->rights & FL_RIGHT_EXEC) != 0)
        return vspace_commit_code(space, *run, slot);
    vspace_commit_data(space, run, slot);
    return FL_OK;
}

enum fl_error vspace_map(struct vspace *space, const struct vspace_run *run, uint64_t *done)
{
    enum fl_error error = FL_OK;
    *done = 0;
    while (error == FL_OK && *done < run->pages && *done < VSPACE_STEP) {
        struct vspace_run piece = vspace_piece(run, *done);
        if (piece.pages > VSPACE_STEP - *done)
            piece.pages = VSPACE_STEP - *done;
        piece.pages = vspace_check_piece(space, &piece, &error);
        if (piece.pages == 0)
            break;
        if (walk_path(space, piece.address).level > space->pool->spare)
            return FL_NO_TABLE;
        vspace_commit_pieces(space, &piece);
        *done += piece.pages;
    }
    if (error != FL_OK)
        return error;
    return *done < run->pages ? FL_MORE : FL_OK;
}

/* --- fault time ---------------------------------------------------------------------------- */

/* The entry allows the access: gives it what A and D it lacks; false when it lacks none.  Only leaf
 * entries are cached wrongly when A or D is missing; a spurious fault may come from a pointer to a table
 * that a core saw invalid, which a fence of one address does not order. */
static __attribute__((noinline)) bool vspace_set_ad(struct vspace *space, vaddr_t address,
                                                    pte_t *slot, uint64_t needed)
{
    if ((walk_load(slot).bits & needed) == needed) {
        mmu_fence_space(space);
        return false;
    }
    __atomic_fetch_or(&slot->bits, needed, __ATOMIC_RELAXED);
    mmu_fence_page(space, address);
    return true;
}

enum vspace_look vspace_look_at_fault(struct vspace *space, vaddr_t address, uint32_t access,
                                      pte_t *entry)
{
    pte_t *slot = address.value < FL_USER_END ? walk_leaf(space, address) : NULL;
    pte_t seen = slot != NULL ? walk_load(slot) : (pte_t){0};
    *entry = seen;
    if (!sv39_is_valid(seen))
        return LOOK_ABSENT;
    if ((seen.bits & sv39_rights_bits(access)) == 0)
        return LOOK_DENIED;
    uint64_t needed = (access & FL_ACCESS_WRITE) != 0 ? PTE_A | PTE_D : PTE_A;
    return vspace_set_ad(space, address, slot, needed) ? LOOK_SET_AD : LOOK_SPURIOUS;
}
