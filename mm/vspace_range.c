/* Restartable calls on ranges of a space, and its end.  Each visits at most VSPACE_STEP entries (an
 * absent subtree counts as one) and says how far it came; nothing of a half-done call is kept. */
#include "vspace.h"

#include <string.h>

#include "range.h"

/* --- unmap --------------------------------------------------------------------------------- */

static void range_unmap_piece(struct vspace *space, const struct range_piece *piece)
{
    struct removal removal;
    removal_start(&removal, space);
    pte_t *slots = piece->path.slot[0];
    for (uint64_t i = 0; i < piece->pages; i++) {
        vaddr_t address = walk_address_plus(piece->address, i);
        if (sv39_is_valid(walk_load(&slots[i])))
            removal_take(&removal, &slots[i], address, (pte_t){0});
    }
    if (removal.ended == 0)
        return;
    struct frame_table *frames = space->pool->frames;
    struct frame *table = frame_entry(frames, walk_table_of(frames, slots));
    MM_ASSERT(table->count >= removal.ended);
    table->count -= removal.ended;
    removal_unlink_tables(&removal, &piece->path);
    removal_finish(&removal);
}

enum fl_error vspace_unmap(struct vspace *space, vaddr_t address, uint64_t pages, uint64_t *done)
{
    struct range range = range_start(space, address, pages);
    struct range_piece piece;
    while (range_next(&range, &piece)) {
        if (piece.path.level == 0)
            range_unmap_piece(space, &piece);
    }
    *done = range.passed;
    return range.passed < pages ? FL_MORE : FL_OK;
}

/* --- protect ------------------------------------------------------------------------------- */

static bool range_ceiling_allows(const struct range_piece *piece, uint32_t rights)
{
    uint64_t ceiling = sv39_user_leaf((frame_t){0}, 0, rights).bits & PTE_CEILING;
    for (uint64_t i = 0; i < piece->pages; i++) {
        pte_t entry = walk_load(&piece->path.slot[0][i]);
        if (sv39_is_valid(entry) && (ceiling & ~entry.bits) != 0)
            return false;
    }
    return true;
}

/* Only A and D change behind our back, so the difference in the rights can be flipped. */
static void range_protect_piece(struct removal *removal, const struct range_piece *piece,
                                uint64_t rights_bits)
{
    pte_t *slots = piece->path.slot[0];
    for (uint64_t i = 0; i < piece->pages; i++) {
        pte_t entry = walk_load(&slots[i]);
        uint64_t flip = (entry.bits ^ rights_bits) & PTE_RWX;
        if (!sv39_is_valid(entry) || flip == 0)
            continue;
        __atomic_fetch_xor(&slots[i].bits, flip, __ATOMIC_RELAXED);
        if ((entry.bits & flip) != 0)
            removal_note(removal, walk_address_plus(piece->address, i));
    }
}

enum fl_error vspace_protect(struct vspace *space, vaddr_t address, uint64_t pages, uint32_t rights,
                             uint64_t *done)
{
    MM_ASSERT(vspace_rights_are_valid(rights));
    struct range range = range_start(space, address, pages);
    struct range_piece piece;
    *done = 0;
    while (range_next(&range, &piece)) {
        if (piece.path.level == 0 && !range_ceiling_allows(&piece, rights))
            return FL_CEILING;
    }
    if ((rights & FL_RIGHT_EXEC) != 0)
        mmu_fence_code(space);
    struct removal removal;
    removal_start(&removal, space);
    struct range again = range_start(space, address, range.passed);
    while (range_next(&again, &piece)) {
        if (piece.path.level == 0)
            range_protect_piece(&removal, &piece, sv39_rights_bits(rights));
    }
    MM_ASSERT(again.passed == range.passed);
    removal_finish(&removal);
    *done = range.passed;
    return range.passed < pages ? FL_MORE : FL_OK;
}

/* --- the end of a space -------------------------------------------------------------------- */

/* Index of the first valid entry of a table that has one. */
static unsigned range_first_valid(const struct vspace *space, frame_t table)
{
    const pte_t *entries = frame_contents(space->pool->frames, table);
    unsigned index = 0;
    while (!sv39_is_valid(walk_load(&entries[index]))) {
        index++;
        MM_ASSERT(index < SV39_ENTRIES);
    }
    return index;
}

static void vspace_return_root(struct vspace *space)
{
    struct table_pool *pool = space->pool;
    MM_ASSERT(space->tables == 1);
    pte_t *entries = frame_contents(pool->frames, space->root);
    mmu_fence_space(space);
    memset(entries + SV39_USER_SLOTS, 0, (SV39_ENTRIES - SV39_USER_SLOTS) * sizeof *entries);
    table_pool_return(pool, space->root);
    space->tables = 0;
    space->pool = NULL;
}

enum fl_error vspace_destroy_step(struct vspace *space)
{
    if (space->pool == NULL)
        return FL_OK;
    struct frame_table *frames = space->pool->frames;
    if (frame_entry(frames, space->root)->count == 0) {
        vspace_return_root(space);
        return FL_OK;
    }
    vaddr_t address = {range_first_valid(space, space->root) * sv39_span_bytes(2)};
    frame_t middle = sv39_frame(walk_load(walk_slot(frames, space->root, address, 2)));
    address.value += range_first_valid(space, middle) * sv39_span_bytes(1);
    uint64_t done;
    enum fl_error error = vspace_unmap(space, address, SV39_ENTRIES, &done);
    MM_ASSERT(error == FL_OK && done == SV39_ENTRIES);
    return FL_MORE;
}
