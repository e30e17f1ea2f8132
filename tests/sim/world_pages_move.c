/* Small worlds: mremap in the model.  See world_pages.h. */
#include <errno.h>
#include <string.h>

#include "memory_values.h"
#include "world.h"
#include "world_pages.h"

/* Adds `count` pages from page `to` on that go on from the page `like`, which may be gone; `step`: the first
 * is so many behind it. */
static void move_add(struct pages *pages, const struct pages_range *at,
                     const struct pages_page *like, uint32_t step)
{
    struct pages_page page = *like;
    uint8_t object = like->object, index = (uint8_t)(like->index + step);

    page.heap = false;
    if (!like->shared && at->first < at->end) {
        object = pages_new_object(pages);
        index = 0;
    }
    for (uint32_t i = at->first; i < at->end; i++, index++) {
        page.object = object;
        page.index = index;
        page.source = like->file ? (uint8_t)(like->source + step++) : 0;
        pages_enter(pages, &pages->page[at->space][i], &page);
    }
    if (like->wired)
        pages_populate(pages, at);
}

/* Leaves in the old place of an area what it showed before it was written; `page`: as they were. */
static void move_keep(struct pages *pages, const struct pages_range *at,
                      const struct pages_page *page)
{
    for (uint32_t i = at->first, end; i < at->end; i = end) {
        uint8_t object = page[i].shared ? page[i].object : pages_new_object(pages), index = 0;

        end = i;
        do {
            struct pages_page kept = page[end];

            kept.wired = false;
            kept.object = object;
            kept.index = kept.shared ? kept.index : index++;
            pages_enter(pages, &pages->page[at->space][end++], &kept);
        } while (end < at->end && page[end].object == page[i].object &&
                 page[end].index == page[end - 1].index + 1);
    }
}

/* Moves a range, of which the first pages stay if there are fewer at `to`. */
static void move_range(struct pages *pages, const struct pages_range *range,
                       const struct pages_move *move)
{
    struct pages_page *page = pages->page[range->space], before[PAGES_ALL];
    uint32_t old = range->end - range->first, count = old < move->count ? old : move->count;
    struct pages_range cut = {range->space, range->first + count, range->end};
    struct pages_range moved = {range->space, range->first, range->first + count};
    struct pages_range target = {range->space, move->to, move->to + move->count};
    struct pages_range more = {range->space, move->to + count, move->to + move->count};
    struct pages_page last = page[old > 0 ? range->end - 1 : range->first];

    pages_unmap(pages, &cut);
    if (move->flags & MREMAP_FIXED)
        pages_unmap(pages, &target);
    memcpy(before, page, sizeof(before));
    for (uint32_t i = 0; i < count; i++) {
        page[move->to + i] = before[range->first + i];
        page[move->to + i].heap = false;
        page[range->first + i] = (struct pages_page){0};
    }
    if (move->flags & MREMAP_DONTUNMAP)
        move_keep(pages, &moved, before);
    move_add(pages, &more, &last, old > 0);
}

/* Grows where the range lies; false if something is in the way. */
static bool move_grow(struct pages *pages, const struct pages_range *range, uint32_t count)
{
    struct pages_range more = {range->space, range->end, range->first + count};
    struct pages_page last;

    if (range->first == range->end || !pages_is_free(pages, &more))
        return false;
    last = pages->page[range->space][range->end - 1];
    if (pages_may_grow(pages, range->space, &last, more.end - more.first)) {
        for (uint32_t i = more.first; i < more.end; i++) {
            struct pages_page page = last;

            page.index = (uint8_t)(last.index + i + 1 - more.first);
            page.source = last.file ? (uint8_t)(last.source + i + 1 - more.first) : 0;
            pages_enter(pages, &pages->page[range->space][i], &page);
        }
        if (last.wired)
            pages_populate(pages, &more);
        return true;
    }
    move_add(pages, &more, &last, 1);
    return true;
}

static int move_check(const struct pages *pages, const struct pages_range *range,
                      const struct pages_move *move)
{
    const struct pages_page *page = pages->page[range->space];
    uint32_t old = range->end - range->first;
    uint32_t end = old > 0 ? range->end : range->first + 1;
    bool fixed = move->flags & MREMAP_FIXED, keep = move->flags & MREMAP_DONTUNMAP;

    if (((fixed || keep) && !(move->flags & MREMAP_MAYMOVE)) || move->count == 0 ||
        (keep && move->count != old))
        return EINVAL;
    if (fixed && move->to < end && range->first < move->to + move->count)
        return EINVAL;
    if (!page[range->first].mapped)
        return EFAULT;
    if (old == 0)
        return page[range->first].shared ? 0 : EINVAL;
    for (uint32_t i = range->first; i < range->end; i++)
        if (!page[i].mapped || !pages_are_alike(&page[i], &page[range->first]))
            return EFAULT;
    return 0;
}

int pages_move(struct pages *pages, const struct pages_range *range, struct pages_move *move)
{
    uint32_t old = range->end - range->first;
    bool fixed = move->flags & MREMAP_FIXED, keep = move->flags & MREMAP_DONTUNMAP;
    int error = move_check(pages, range, move);

    if (error)
        return error;
    if (!fixed && !keep && move->count <= old) {
        struct pages_range cut = {range->space, range->first + move->count, range->end};

        pages_unmap(pages, &cut);
        move->to = range->first;
        return 0;
    }
    if (!fixed && !keep && move_grow(pages, range, move->count)) {
        move->to = range->first;
        return 0;
    }
    if (!(move->flags & MREMAP_MAYMOVE))
        return ENOMEM;
    if (!fixed)
        move->to = PAGES_ZONE;
    move_range(pages, range, move);
    return 0;
}
