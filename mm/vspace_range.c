/* Restartable calls on ranges of a space, and its end.  Each visits at most VSPACE_STEP entries (an
 * absent subtree counts as one) and says how far it came; nothing of a half-done call is kept. */
#include "vspace.h"

#include <string.h>

#include "range.h"

bool range_next(struct range *range, struct range_piece *piece)
{
    if (range->passed == range->pages || range->visited == VSPACE_STEP)
        return false;
    piece->address = walk_address_plus(range->address, range->passed);
    piece->path = walk_path(range->space, piece->address);
    piece->pages = range->pages - range->passed;
    if (piece->path.level > 0) {
        uint64_t absent = walk_pages_left(piece->address, piece->path.level);
        piece->pages = range_least(piece->pages, absent);
        range->visited++;
    } else {
        piece->pages = range_least(piece->pages, walk_pages_left(piece->address, 1));
        piece->pages = range_least(piece->pages, VSPACE_STEP - range->visited);
        if (piece->pages < SV39_ENTRIES)
            piece->pages = range_least(piece->pages, range->most);
        range->visited += piece->pages;
    }
    range->passed += piece->pages;
    return true;
}

/* --- unmap --------------------------------------------------------------------------------- */

static void range_unmap_piece(struct vspace *space, const struct range_piece *piece)
{
    struct removal removal;
    removal_start(&removal, space);
    removal_take_run(&removal, piece->path.slot[0], piece->address, piece->pages);
    if (removal.ended == 0)
        return;
    struct frame_table *frames = space->pool->frames;
    struct frame *table = frame_entry(frames, walk_table_of(frames, piece->path.slot[0]));
    MM_ASSERT(table->count >= removal.ended);
    table->count -= removal.ended;
    removal_unlink_tables(&removal, &piece->path);
    removal_finish(&removal);
}

enum fl_error vspace_unmap(struct vspace *space, vaddr_t address, uint64_t pages, uint64_t *done)
{
    struct range range = range_start(space, address, pages);
    struct range_piece piece;
    range.most = REMOVAL_ENTRIES;
    while (range_next(&range, &piece)) {
        if (piece.path.level > 0)
            continue;
        if (piece.pages == SV39_ENTRIES)
            removal_end_table(space, &piece.path);
        else
            range_unmap_piece(space, &piece);
    }
    *done = range.passed;
    return range.passed < pages ? FL_MORE : FL_OK;
}

/* --- protect ------------------------------------------------------------------------------- */

/* Whether the ceiling of each valid entry holds these PTE_CEILING bits. */
static bool range_ceiling_allows(const struct range_piece *piece, uint64_t ceiling)
{
    const pte_t *end = piece->path.slot[0] + piece->pages;
    for (const pte_t *slot = piece->path.slot[0]; slot < end; slot++) {
        uint64_t found = walk_load(slot).bits & (ceiling | PTE_V);
        if (found != (ceiling | PTE_V) && (found & PTE_V) != 0)
            return false;
    }
    return true;
}

/* Only A and D change behind our back, so the difference in the rights can be flipped. */
static void range_protect_piece(struct removal *removal, const struct range_piece *piece,
                                uint64_t rights_bits)
{
    const pte_t *end = piece->path.slot[0] + piece->pages;
    uint64_t lost = 0;
    for (pte_t *slot = piece->path.slot[0]; slot < end; slot++) {
        pte_t entry = walk_load(slot);
        uint64_t flip = (entry.bits ^ rights_bits) & PTE_RWX;
        if (!sv39_is_valid(entry) || flip == 0)
            continue;
        __atomic_fetch_xor(&slot->bits, flip, __ATOMIC_RELAXED);
        lost |= entry.bits & flip;
    }
    if (lost != 0)
        removal_note(removal, piece->address, piece->pages);
}

/* FL_CEILING when an entry that this call comes to forbids the rights; without W and X none does. */
static enum fl_error range_check_protect(const struct range *range, uint32_t rights)
{
    struct range look = *range;
    struct range_piece piece;
    uint64_t ceiling = sv39_user_leaf((frame_t){0}, 0, rights).bits & PTE_CEILING;
    while (ceiling != 0 && range_next(&look, &piece)) {
        if (piece.path.level == 0 && !range_ceiling_allows(&piece, ceiling))
            return FL_CEILING;
    }
    return FL_OK;
}

enum fl_error vspace_protect(struct vspace *space, vaddr_t address, uint64_t pages, uint32_t rights,
                             uint64_t *done)
{
    MM_ASSERT(vspace_rights_are_valid(rights));
    struct range range = range_start(space, address, pages);
    struct range_piece piece;
    struct removal removal;
    *done = 0;
    if (range_check_protect(&range, rights) != FL_OK)
        return FL_CEILING;
    if ((rights & FL_RIGHT_EXEC) != 0)
        mmu_fence_code(space);
    removal_start(&removal, space);
    while (range_next(&range, &piece)) {
        if (piece.path.level == 0)
            range_protect_piece(&removal, &piece, sv39_rights_bits(rights));
    }
    removal_finish(&removal);
    *done = range.passed;
    return range.passed < pages ? FL_MORE : FL_OK;
}

/* --- the end of a space -------------------------------------------------------------------- */

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

/* Where the end of a space stands in one step: entries of the root below `upper`, and of the table that
 * this one names below `lower`, are empty. */
struct range_end {
    unsigned upper;
    unsigned lower;
    unsigned seen; /* entries read */
};

/* Goes on to the next leaf table, of which there is one. */
static struct walk_path range_next_table(const struct vspace *space, struct range_end *end)
{
    const struct frame_table *frames = space->pool->frames;
    pte_t *root = frame_contents(frames, space->root);
    unsigned upper = walk_skip_empty(root, end->upper);
    if (upper != end->upper)
        end->lower = 0;
    pte_t *middle = frame_contents(frames, walk_table(walk_load(&root[upper])));
    unsigned lower = walk_skip_empty(middle, end->lower);
    end->seen += upper - end->upper + lower - end->lower;
    end->upper = upper;
    end->lower = lower;
    pte_t *leaves = frame_contents(frames, walk_table(walk_load(&middle[lower])));
    return (struct walk_path){.slot = {leaves, &middle[lower], &root[upper]}};
}

/* Ends whole leaf tables.  Eight empty entries are read in the time that one takes to end, and about
 * as many end in the time that a table takes to go. */
#define DESTROY_EMPTY 8u
#define DESTROY_TABLE 8u

enum fl_error vspace_destroy_step(struct vspace *space)
{
    if (space->pool == NULL)
        return FL_OK;
    const struct frame_table *frames = space->pool->frames;
    struct range_end end = {0, 0, 0};
    for (uint64_t work = 0; frame_entry(frames, space->root)->count > 0;) {
        struct walk_path path = range_next_table(space, &end);
        uint64_t ends = frame_entry(frames, walk_table_of(frames, path.slot[0]))->count;
        if (work > 0 && work + ends + end.seen / DESTROY_EMPTY > VSPACE_STEP)
            return FL_MORE;
        end.seen += removal_end_table(space, &path);
        work += ends + DESTROY_TABLE;
    }
    vspace_return_root(space);
    return FL_OK;
}
