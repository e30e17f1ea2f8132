/* Cloning a range of one space into another.  The pages of one leaf table, at most REMOVAL_ENTRIES of
 * them, are a piece: its pages are checked, then mapped and, if asked, protected. */
#include "leaf.h"
#include "range.h"

/* What one page of the source becomes.  entry 0: the page is skipped. */
static pte_t clone_leaf(const struct vspace_clone *clone, pte_t old)
{
    const uint64_t rights = sv39_rights_bits(clone->rights);
    const uint64_t ceiling = sv39_user_leaf((frame_t){0}, 0, clone->ceiling).bits & PTE_CEILING;
    uint64_t kept = old.bits & rights;
    if (!sv39_is_valid(old) || !vspace_rights_name_leaf((uint32_t)(kept >> 1)))
        return (pte_t){0};
    return (pte_t){(old.bits & (PTE_PPN_MASK | PTE_V | PTE_U | ceiling)) | kept};
}

/* A device's frame is refused too: it has no flag that says that it is being revoked. */
static enum fl_error clone_check_frame(const struct frame_table *frames, frame_t frame)
{
    if (!frame_known(frames, frame))
        return FL_BAD_FRAME;
    if ((frame_entry(frames, frame)->flags & FRAME_REVOKING) != 0)
        return FL_BAD_FRAME;
    return frame_can_map(frames, frame, 1);
}

/* How many pages from the start of the piece can be cloned; *error says why not the next one. */
static uint64_t clone_check(const struct vspace_clone *clone, const struct range_piece *piece,
                            enum fl_error *error)
{
    const struct walk_path to = walk_path(clone->to, piece->address);
    for (uint64_t i = 0; i < piece->pages; i++) {
        pte_t leaf = clone_leaf(clone, walk_load(&piece->path.slot[0][i]));
        if (!sv39_is_valid(leaf))
            continue;
        *error = clone_check_frame(clone->to->pool->frames, sv39_frame(leaf));
        if (*error == FL_OK && to.level > clone->to->pool->spare)
            *error = FL_NO_TABLE;
        if (*error == FL_OK && to.level == 0 && sv39_is_valid(walk_load(&to.slot[0][i])))
            *error = FL_OCCUPIED;
        if (*error != FL_OK)
            return i;
    }
    *error = FL_OK;
    return piece->pages;
}

/* Only A and D of the source change behind our back, so bits that are set can be taken out. */
static void clone_protect(struct removal *removal, pte_t *slot, vaddr_t address, pte_t leaf)
{
    uint64_t surplus = walk_load(slot).bits & ~leaf.bits & PTE_RWX;
    if (surplus == 0)
        return;
    __atomic_fetch_and(&slot->bits, ~surplus, __ATOMIC_RELAXED);
    removal_note(removal, address);
}

static void clone_commit(const struct vspace_clone *clone, const struct range_piece *piece,
                         uint64_t pages, struct removal *removal)
{
    pte_t *to = NULL;
    for (uint64_t i = 0; i < pages; i++) {
        pte_t *from = &piece->path.slot[0][i];
        pte_t leaf = clone_leaf(clone, walk_load(from));
        if (!sv39_is_valid(leaf))
            continue;
        if (to == NULL)
            to = leaf_make(clone->to, piece->address);
        leaf_put(clone->to, &to[i], leaf);
        if ((clone->rights & FL_CLONE_PROTECT) != 0)
            clone_protect(removal, from, walk_address_plus(piece->address, i), leaf);
    }
}

enum fl_error vspace_clone(const struct vspace_clone *clone, uint64_t *done)
{
    MM_ASSERT(clone->to != clone->from && vspace_rights_name_leaf(clone->rights));
    MM_ASSERT((clone->rights & ~clone->ceiling & (FL_RIGHT_WRITE | FL_RIGHT_EXEC)) == 0);
    struct range range = range_start(clone->from, clone->address, clone->pages);
    struct range_piece piece;
    struct removal removal;
    removal_start(&removal, clone->from);
    if ((clone->rights & FL_RIGHT_EXEC) != 0)
        mmu_fence_code(clone->to);
    enum fl_error error = FL_OK;
    while (error == FL_OK && range_next(&range, &piece)) {
        if (piece.path.level > 0)
            continue;
        uint64_t pages = clone_check(clone, &piece, &error);
        clone_commit(clone, &piece, pages, &removal);
        range.passed -= piece.pages - pages;
    }
    removal_finish(&removal);
    *done = range.passed;
    if (error != FL_OK)
        return error;
    return range.passed < clone->pages ? FL_MORE : FL_OK;
}
