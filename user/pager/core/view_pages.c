/* Counts the pages that an entry shows.  It goes from one page that is there to the next, along all
 * objects of the chain at once; how many entries there are in an empty range does not matter. */
#include "view_kinds.h"

/* Where a page was found. */
struct view_page {
    uint64_t index;              /* in the entry's object */
    const struct object *holder; /* NULL: the file below, at `index` + source_first */
};

/* The first page of [first, end) of a file that is in memory, or `end`. */
static uint64_t pages_next_of_file(const struct object *file, uint64_t first, uint64_t end)
{
    uint64_t pages = (file->bytes + FL_PAGE_BYTES - 1) / FL_PAGE_BYTES;

    if (!file->file)
        return index_next(&file->index, first, end);
    return first < pages ? first : end;
}

/* The same for the file that lies under an anonymous object, in indexes of the object. */
static uint64_t pages_next_of_source(const struct object *object, uint64_t first, uint64_t end)
{
    uint64_t pages = (object->source_bytes + FL_PAGE_BYTES - 1) / FL_PAGE_BYTES;
    uint64_t behind = end < pages ? end : pages;

    if (!object->source || first >= behind)
        return end;
    first = pages_next_of_file(object->source, first + object->source_first,
                               behind + object->source_first) -
            object->source_first;
    return first < behind ? first : end;
}

/* The first page of [first, end) that `object` shows; index `end` if there is none. */
static struct view_page pages_next(struct view_step *step, const struct object *object,
                                   uint64_t first, uint64_t end)
{
    struct view_page page = {.index = end};

    if (!object->owner) {
        page.index = pages_next_of_file(object, first, end);
        page.holder = object;
        step->work++;
        return page;
    }
    for (const struct object *o = object; o; o = o->below) {
        uint64_t index = index_next(&o->index, first, page.index);

        if (index < page.index)
            page = (struct view_page){index, o};
        step->work++;
    }
    first = pages_next_of_source(object, first, page.index);
    if (first < page.index)
        page = (struct view_page){first, NULL};
    return page;
}

/* Entries that show page `index` of a file, directly or below private objects that do not hold it. */
static uint32_t pages_count_of_file(struct view_step *step, const struct object *file,
                                    uint64_t index)
{
    uint32_t count = object_count_named(file, index, &step->work);

    for (const struct object *user = file->users; user; user = user->next_user) {
        const struct object *o = user;
        uint64_t at = index - user->source_first;

        step->work++;
        if (index < user->source_first || at * FL_PAGE_BYTES >= user->source_bytes)
            continue;
        for (; o && index_lookup(&o->index, at) == 0; o = o->below)
            step->work++;
        if (!o)
            count += object_count_named(user, at, &step->work);
    }
    return count;
}

static uint32_t pages_count_entries(struct view_step *step, const struct entry *entry,
                                    const struct view_page *page)
{
    const struct object *object = entry->object;

    if (page->holder == object && object->owner && entry->inheritance == ENTRY_COPY)
        return 1; /* V4, and nothing is above an object with entries */
    if (!page->holder)
        return pages_count_of_file(step, object->source, page->index + object->source_first);
    if (!page->holder->owner)
        return pages_count_of_file(step, page->holder, page->index);
    return shadow_count_entries(page->holder, page->index, &step->work);
}

/* A page that is out of memory, on a disk or compressed.  One of zeros is nowhere, and not counted. */
static void pages_add_away(struct view_pages *pages, uint64_t leaf, uint32_t entries)
{
    if (leaf == INDEX_LEAF_ZERO)
        return;
    pages->swapped++;
    pages->swapped_share += (FL_PAGE_BYTES << 12) / entries;
}

/* A page that is merged with others; each sharer has its part, and each of its entries a part of that. */
static uint32_t pages_count_sharers(const struct view_step *step, struct view_pages *pages,
                                    uint64_t leaf)
{
    pages->merged++;
    return (uint32_t)step->vm->table.pages[index_leaf_page(leaf)].sharers;
}

static void pages_add(const struct view_step *step, const struct entry *entry,
                      const struct view_page *page, uint32_t entries)
{
    struct view_pages *pages = &step->view->pages;
    uint64_t leaf = page->holder ? index_lookup(&page->holder->index, page->index) : 0;
    const struct object *file = page->holder ? page->holder : entry->object->source;
    bool anonymous = file->owner != NULL, dirty = anonymous || !file->file;

    if (index_leaf_is_merged(leaf)) {
        entries *= pages_count_sharers(step, pages, leaf);
    } else if (leaf && !index_leaf_is_frame(leaf)) {
        pages_add_away(pages, leaf, entries);
        return;
    }
    pages->resident++;
    pages->anonymous += anonymous && entry->inheritance == ENTRY_COPY;
    pages->in_memory += dirty && !(anonymous && entry->inheritance == ENTRY_COPY);
    pages->dirty += dirty;
    if (entries > 1) {
        pages->shared++;
        pages->shared_dirty += dirty;
    }
    pages->share += (FL_PAGE_BYTES << 12) / entries;
}

void view_count_pages(struct view_step *step, const struct entry *entry, uint64_t end)
{
    struct view *view = step->view;
    uint64_t last = entry_index(entry, end);

    while (view->next < end && !view_is_spent(step)) {
        struct view_page page =
            pages_next(step, entry->object, entry_index(entry, view->next), last);

        step->work += VIEW_PAGE_WORK;
        view->next = end;
        if (page.index == last)
            return;
        pages_add(step, entry, &page, pages_count_entries(step, entry, &page));
        view->next = entry->start + (page.index + 1 - entry->offset) * FL_PAGE_BYTES;
    }
}
