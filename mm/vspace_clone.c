/* Cloning a range of one space into another.  The pages of one leaf table are a piece; each is checked,
 * then mapped and, if asked, protected. */
#include "leaf.h"
#include "range.h"

/* A device's frame is refused too: it has no flag that says that it is being revoked. */
static inline enum fl_error clone_check_frame(const struct frame_table *frames, frame_t frame)
{
    if (!frame_known(frames, frame))
        return FL_BAD_FRAME;
    if ((frame_entry(frames, frame)->flags & FRAME_REVOKING) != 0)
        return FL_BAD_FRAME;
    return frame_can_count(frame_entry(frames, frame), 1);
}

/* A piece whose clones lie in one leaf table of `to`. */
struct clone_piece {
    struct vspace *to;
    struct frame_table frames; /* a copy, for where they are: it stays in registers */
    vaddr_t address;
    pte_t *first;    /* entry for the first page; NULL until a page of the piece is cloned */
    uint32_t cloned; /* pages, not yet counted in the table and in the total */
};

/* Maps page `page` of the piece.  Its frame is mapped already, so it is a user's. */
static inline enum fl_error clone_leaf(struct clone_piece *piece, uint64_t page, pte_t leaf)
{
    enum fl_error error = clone_check_frame(&piece->frames, sv39_frame(leaf));
    if (error != FL_OK)
        return error;
    if (piece->first == NULL) {
        if (walk_path(piece->to, piece->address).level > piece->to->pool->spare)
            return FL_NO_TABLE;
        piece->first = walk_make_leaf(piece->to, piece->address);
    }
    if (sv39_is_valid(walk_load(&piece->first[page])))
        return FL_OCCUPIED;
    frame_entry(&piece->frames, sv39_frame(leaf))->count++;
    walk_publish(&piece->first[page], leaf);
    piece->cloned++;
    return FL_OK;
}

static void clone_count(const struct clone_piece *piece)
{
    struct frame_table *frames = piece->to->pool->frames;
    if (piece->cloned == 0)
        return;
    frame_entry(frames, walk_table_of(frames, piece->first))->count += piece->cloned;
    frames->mappings += piece->cloned;
}

/* Clones the pages of a piece up to the first that cannot be; returns how many these are.  A page of
 * whose rights none is kept is passed over; by V3 any that are kept make a leaf. */
static uint64_t clone_pages(const struct vspace_clone *clone, const struct range_piece *range,
                            struct removal *removal, enum fl_error *error)
{
    const uint64_t kept =
        sv39_user_leaf((frame_t){PTE_PPN_MASK >> PTE_PPN_SHIFT}, clone->rights, clone->ceiling)
            .bits;
    const uint64_t taken = (clone->rights & FL_CLONE_PROTECT) != 0 ? PTE_RWX & ~kept : 0;
    struct clone_piece piece = {
        .to = clone->to, .frames = *clone->to->pool->frames, .address = range->address};
    uint64_t lost = 0, page = 0;
    for (pte_t *from = range->path.slot[0]; page < range->pages; from++, page++) {
        pte_t old = walk_load(from), leaf = {old.bits & kept};
        if (!sv39_is_valid(leaf) || (leaf.bits & PTE_RWX) == 0)
            continue;
        *error = clone_leaf(&piece, page, leaf);
        if (*error != FL_OK)
            break;
        if ((old.bits & taken) == 0)
            continue;
        /* Only A and D change behind our back, so bits that are set can be taken out. */
        __atomic_fetch_and(&from->bits, ~taken, __ATOMIC_RELAXED);
        lost = taken;
    }
    clone_count(&piece);
    if (lost != 0)
        removal_note(removal, range->address, range->pages);
    return page;
}

enum fl_error vspace_clone(const struct vspace_clone *clone, uint64_t *done)
{
    MM_ASSERT(clone->to != clone->from && vspace_rights_fit(clone->rights, clone->ceiling));
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
        range.passed -= piece.pages - clone_pages(clone, &piece, &removal, &error);
    }
    removal_finish(&removal);
    *done = range.passed;
    if (error != FL_OK)
        return error;
    return range.passed < clone->pages ? FL_MORE : FL_OK;
}
