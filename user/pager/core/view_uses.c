/* /proc/PID/uses: in how many windows (window.h) each page was used.
 *
 *     ADDRESS USES USES ...
 *
 * A line for up to USES_LINE pages side by side that are in memory and can leave it, from the one at ADDRESS
 * on: those of anonymous objects, the entry's own and those below.  USES counts windows since the page came
 * into memory, up to 255. */
#include "view_kinds.h"

#define USES_LINE       16u
#define USES_LINE_BYTES (USES_LINE * 4 + 1) /* of three digits */

/* The first page of [first, end) that an object or one below it holds, in memory or out of it; or `end`. */
static uint64_t uses_find_next(const struct object *object, uint64_t first, uint64_t end)
{
    for (; object; object = object->below)
        end = index_next(&object->index, first, end);
    return end;
}

/* The frame that is shown for a page, or PAGE_NONE. */
static uint32_t uses_find_frame(const struct object *object, uint64_t index)
{
    uint64_t leaf = 0;

    for (; object && leaf == 0; object = object->below)
        leaf = index_lookup(&object->index, index);
    return leaf != 0 && index_leaf_is_frame(leaf) ? index_leaf_page(leaf) : PAGE_NONE;
}

/* Tells pages from one that is held on.  Returns: the first that was not looked at. */
static uint64_t uses_print_line(struct view_step *step, const struct entry *entry, uint64_t index,
                                uint64_t end)
{
    char line[USES_LINE_BYTES];
    uint32_t bytes = 0;
    uint64_t at = index, last = end < index + USES_LINE ? end : index + USES_LINE;

    for (uint32_t page; at < last; at++) {
        step->work += VIEW_PAGE_WORK;
        page = uses_find_frame(entry->object, at);
        if (page == PAGE_NONE)
            break;
        bytes += (uint32_t)text_format(line + bytes, sizeof line - bytes, " %u",
                                       step->vm->table.pages[page].uses);
    }
    if (at == index)
        return index + 1;
    view_print(step, "%08lx%s\n", entry->start + (index - entry->offset) * FL_PAGE_BYTES, line);
    return at;
}

static bool uses_tell(struct view_step *step)
{
    const struct entry *entry = entry_find_from(&step->space->map, step->view->next);
    uint64_t first, end;

    step->work++;
    if (!entry)
        return true;
    first = step->view->next > entry->start ? step->view->next : entry->start;
    step->view->next = entry->end;
    if (!entry->object || !entry->object->owner)
        return false;
    end = entry_index(entry, entry->end);
    first = uses_find_next(entry->object, entry_index(entry, first), end);
    if (first < end)
        first = uses_print_line(step, entry, first, end);
    step->view->next = entry->start + (first - entry->offset) * FL_PAGE_BYTES;
    return false;
}

const struct view_kind view_uses = {"uses", true, uses_tell};
