/* Reverse mapping: see rmap.h. */
#include "rmap.h"

#include "entry.h"
#include "page.h"
#include "shadow.h"

/* True if a private mapping shows page `index` of its source. */
static bool rmap_shows_source(const struct object *user, uint64_t index)
{
    if (index < user->source_first || object_is_zero_from(user, index - user->source_first))
        return false;
    index -= user->source_first;
    for (; user; user = user->below)
        if (index_lookup(&user->index, index) != 0)
            return false;
    return true;
}

bool rmap_visit(const struct object *object, uint64_t index, object_visit *visit, void *context)
{
    if (object->owner)
        return shadow_visit_entries(object, index, visit, context);
    if (!object_visit_named(object, index, visit, context))
        return false;
    for (const struct object *user = object->users; user; user = user->next_user)
        if (rmap_shows_source(user, index) &&
            !object_visit_named(user, index - user->source_first, visit, context))
            return false;
    return true;
}

uint32_t rmap_find_page(const struct entry *entry, uint64_t address)
{
    const struct object *top = entry->object;
    uint64_t index = entry_index(entry, address), leaf = 0;

    for (const struct object *object = top; object && !leaf; object = object->below)
        leaf = index_lookup(&object->index, index);
    if (!leaf && top->owner && !object_is_zero_from(top, index))
        leaf = index_lookup(&top->source->index, index + top->source_first);
    return index_leaf_is_frame(leaf) ? index_leaf_page(leaf) : PAGE_NONE;
}

struct rmap_visitor {
    struct rmap_run *run;
    rmap_visit_run *visit;
    void *context;
};

static bool rmap_show(void *context, const struct entry *entry, uint64_t address)
{
    const struct rmap_visitor *visitor = context;
    uint64_t shown = (entry->end - address) / FL_PAGE_BYTES;

    if (visitor->run->pages > shown)
        visitor->run->pages = shown;
    visitor->visit(visitor->context, entry, address, visitor->run->pages);
    return true;
}

void rmap_visit_pages(struct rmap_run *run, rmap_visit_run *visit, void *context)
{
    struct rmap_visitor visitor = {run, visit, context};

    if (!run->object->owner || !object_is_plain(run->object))
        run->pages = 1;
    rmap_visit(run->object, run->first, rmap_show, &visitor);
}
