/* Spaces and the events about them: see space.h. */
#include "space.h"

#include "protocol.h"
#include "stock.h"

struct space *space_create(struct vm *vm, uint64_t pid)
{
    struct space *space;
    uint32_t id = 0;

    while (id < VM_SPACES_MAX && vm->spaces[id])
        id++;
    if (id == VM_SPACES_MAX)
        return NULL;
    space = slab_allocate(&vm->space_records);
    if (!space)
        return NULL;
    vm->generations[id] = (vm->generations[id] + 1) & SPACE_GENERATION_MASK;
    space->id = id;
    space->generation = vm->generations[id];
    space->pid = pid;
    space->parent = PROCESS_ROOT;
    space->buffer = PAGE_NONE;
    limit_init(space);
    load_begin(vm, space);
    vm->spaces[id] = space;
    return space;
}

static void space_forget_event(struct vm *vm, struct space *space)
{
    struct space *previous = NULL;

    for (struct space *s = vm->event_first; s; previous = s, s = s->next_event) {
        if (s != space)
            continue;
        if (previous)
            previous->next_event = s->next_event;
        else
            vm->event_first = s->next_event;
        if (vm->event_last == s)
            vm->event_last = previous;
        return;
    }
}

void space_destroy(struct vm *vm, struct space *space)
{
    struct entry *entry = space->map.first;

    handle_close_all(vm, space);
    space->map.root = NULL; /* nobody looks for entries that are going */
    while (entry) {
        struct entry *next = entry->next;

        commit_give(vm, commit_of_entry(entry));
        object_drop_entry(vm, entry);
        slab_release(&vm->entries, entry);
        entry = next;
    }
    space_forget_event(vm, space);
    load_forget(vm, space);
    wait_drop_space(vm, space);
    vm_swap_off_drop_space(vm, space);
    if (space->buffer != PAGE_NONE)
        page_release(&vm->table, space->buffer);
    vm->spaces[space->id] = NULL;
    slab_release(&vm->space_records, space);
    slab_compact(&vm->nodes, index_move_node); /* a child may have moved those of its parent */
}

struct space *space_find(const struct vm *vm, uint32_t id, uint32_t generation)
{
    struct space *space = id < VM_SPACES_MAX ? vm->spaces[id] : NULL;

    return space && space->generation == generation ? space : NULL;
}

uint32_t space_take_buffer(struct vm *vm, struct space *space)
{
    uint32_t page;

    if (space->buffer != PAGE_NONE)
        return PAGE_NONE;
    page = stock_take(vm, PAGE_BUFFER);
    if (page == PAGE_NONE)
        return PAGE_NONE;
    space->buffer = page;
    return page;
}

void space_stop(struct vm *vm, struct space *space, const struct space_event *event)
{
    if (space->stopped)
        return;
    load_forget(vm, space);
    space->stopped = true;
    space->event = *event;
    space->next_event = NULL;
    if (vm->event_last)
        vm->event_last->next_event = space;
    else
        vm->event_first = space;
    vm->event_last = space;
}

void vm_stop_space(struct vm *vm, struct space *space, const struct space_event *event)
{
    space_stop(vm, space, event);
}

struct space *space_next_event(struct vm *vm)
{
    struct space *space = vm->event_first;

    if (!space)
        return NULL;
    vm->event_first = space->next_event;
    if (!vm->event_first)
        vm->event_last = NULL;
    return space;
}
