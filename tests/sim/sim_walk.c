/* What the core shows at an address: see sim_walk.h. */
#include "sim_walk.h"

uint32_t sim_walk_file(const struct object *file, uint64_t index)
{
    uint64_t leaf = index_lookup(&file->index, index);

    return leaf ? index_leaf_page(leaf) : SIM_NO_PAGE;
}

static void sim_walk_found(uint32_t page, struct sim_shown *shown)
{
    shown->page = page;
    shown->busy = page_is_busy(&sim_vm()->table, page);
    if (!shown->busy)
        shown->contents = page_contents(&sim_vm()->table, page);
}

/* What an anonymous object holds. */
static void sim_walk_leaf(const struct object *object, uint64_t index, struct sim_shown *shown)
{
    const struct vm *vm = sim_vm();
    uint64_t leaf = shown->leaf;

    shown->anonymous = true;
    shown->object = object;
    shown->index = (uint32_t)index;
    if (index_leaf_is_frame(leaf))
        sim_walk_found(index_leaf_page(leaf), shown);
    else if (index_leaf_is_merged(leaf))
        shown->contents = page_contents(&vm->table, index_leaf_page(leaf));
    else if (!index_leaf_is_stored(leaf))
        shown->contents = page_contents(&vm->table, vm->zero_page);
}

static void sim_walk_source(const struct object *file, uint64_t index, struct sim_shown *shown)
{
    struct object_page found;
    uint32_t page = sim_walk_file(file, index);

    if (page != SIM_NO_PAGE)
        sim_walk_found(page, shown);
    else if (file->ops->find && file->ops->find(sim_vm(), file, index, &found))
        shown->contents = found.contents;
}

void sim_walk(const struct entry *entry, uint64_t address, struct sim_shown *shown)
{
    const struct object *top = entry->object;
    uint64_t index = entry_index(entry, address);

    *shown = (struct sim_shown){.entry = entry, .page = SIM_NO_PAGE};
    for (const struct object *object = top; object && object->owner; object = object->below) {
        shown->leaf = index_lookup(&object->index, index);
        if (!shown->leaf)
            continue;
        shown->top = object == top;
        sim_walk_leaf(object, index, shown);
        return;
    }
    if (!top->owner)
        sim_walk_source(top, index, shown);
    else if (top->source)
        sim_walk_source(top->source, index + top->source_first, shown);
    else
        shown->contents = page_contents(&sim_vm()->table, sim_vm()->zero_page);
}

void sim_walk_page(const struct sim_process *process, uint32_t page, struct sim_shown *shown)
{
    const struct entry *entry = entry_find(&process->space->map, sim_page_address(page));

    *shown = (struct sim_shown){.page = SIM_NO_PAGE};
    if (entry)
        sim_walk(entry, sim_page_address(page), shown);
}
