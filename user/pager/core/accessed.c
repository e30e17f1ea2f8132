/* Accessed bits: see accessed.h. */
#include "accessed.h"

#include "rmap.h"
#include "vm.h"

static void accessed_note(struct vm *vm, struct space *space, struct page *record)
{
    if (record->flags & PAGE_NEW)
        record->flags &= (uint8_t)~PAGE_NEW;
    else
        record->flags |= PAGE_ACCESSED;
    window_note(vm, space, record);
}

/* A look at a window on its way. */
struct accessed_look {
    struct vm *vm;
    struct accessed_window *window;
    uint32_t frames; /* by bits: pages in frames, ... */
    uint32_t copied; /* ... those of them that have a copy in swap */
    uint32_t next;   /* of the window's pages, that the next question is for */
};

/* What an entry shows, by bits of a window, where the object itself has no frame: pages of objects below. */
static void accessed_note_others(const struct accessed_look *look, const struct entry *entry,
                                 uint64_t address, uint64_t bits)
{
    for (; bits != 0; bits >>= 1, address += FL_PAGE_BYTES) {
        uint32_t page = bits & 1 ? rmap_find_page(entry, address) : PAGE_NONE;

        if (page != PAGE_NONE)
            accessed_note(look->vm, entry->space, &look->vm->table.pages[page]);
    }
}

static void accessed_ask(void *context, const struct entry *entry, uint64_t address, uint64_t pages)
{
    struct accessed_look *look = context;
    struct accessed_window *window = look->window;
    struct vm *vm = look->vm;
    uint32_t at = window->bit[look->next];
    uint64_t written;
    uint64_t bits = vm->port.harvest(vm->port.context, entry->space->id, address, pages, &written);
    uint64_t others = bits & ~((uint64_t)look->frames >> at);

    window->questions++;
    if (entry->wired)
        window->wired |= (uint32_t)(((1ull << pages) - 1) << at);
    written &= (uint64_t)look->copied >> at;
    for (uint32_t i = look->next;
         i < window->count && (bits | written) >> (window->bit[i] - at) != 0; i++) {
        uint32_t k = window->bit[i] - at;

        if (bits >> k & 1)
            accessed_note(vm, entry->space, &vm->table.pages[window->page[i]]);
        if (written >> k & 1)
            vm_forget_copy(vm, window->page[i]);
    }
    if (others != 0)
        accessed_note_others(look, entry, address, others);
}

/* Finds the pages of a window that are in frames. */
static void accessed_find(struct accessed_window *window)
{
    struct index_place place;
    const uint64_t *first;

    window->count = 0;
    index_find(&window->object->index, window->first, &place);
    if (!place.node)
        return;
    first = &place.node->slot[place.slot];
    for (const uint64_t *leaf = first; leaf < first + SWAP_CLUSTER; leaf++)
        if (index_leaf_is_frame(*leaf)) {
            window->page[window->count] = index_leaf_page(*leaf);
            window->bit[window->count++] = (uint8_t)(leaf - first);
        }
}

/* A look at the pages of a window begins. */
static void accessed_begin(struct accessed_look *look)
{
    const struct accessed_window *window = look->window;
    struct page *pages = look->vm->table.pages;
    uint32_t frames = 0, copied = 0;
    uint8_t step = look->vm->victims.step;

    for (uint32_t i = 0; i < window->count; i++) {
        struct page *record = &pages[window->page[i]];
        uint32_t bit = 1u << window->bit[i];

        frames |= bit;
        record->looked = step;
        if (record->state == PAGE_OBJECT && record->slot != SWAP_NONE)
            copied |= bit;
    }
    look->frames = frames;
    look->copied = copied;
}

const struct accessed_window *accessed_look(struct vm *vm, struct object *object, uint64_t first)
{
    struct accessed_window *window = &vm->victims.window;
    struct accessed_look look = {.vm = vm, .window = window};
    struct rmap_run run = {.object = object};

    window->object = object;
    window->first = first;
    window->questions = window->wired = 0;
    accessed_find(window);
    accessed_begin(&look);
    for (uint32_t end = 0; look.next < window->count && end < SWAP_CLUSTER; look.next++) {
        uint32_t k = window->bit[look.next];

        if (k < end)
            continue;
        run.first = first + k;
        run.pages = SWAP_CLUSTER - k;
        rmap_visit_pages(&run, accessed_ask, &look);
        end = k + (uint32_t)run.pages;
    }
    return window;
}

const struct accessed_window *accessed_look_around(struct vm *vm, uint32_t page)
{
    const struct page *record = &vm->table.pages[page];
    const struct accessed_window *window = &vm->victims.window;
    uint64_t first = record->link & ~(SWAP_CLUSTER - 1ull);

    if (window->object == record->object && window->first == first)
        return window;
    return accessed_look(vm, record->object, first);
}

uint32_t accessed_harvest(struct vm *vm, uint32_t page)
{
    const struct page *record = &vm->table.pages[page];

    return accessed_look(vm, record->object, record->link & ~(SWAP_CLUSTER - 1ull))->questions;
}

bool accessed_test(struct vm *vm, uint32_t page)
{
    const struct page *record = &vm->table.pages[page];

    if (!(record->flags & PAGE_ACCESSED) && record->looked != vm->victims.step)
        (void)accessed_harvest(vm, page);
    return record->flags & PAGE_ACCESSED;
}

bool accessed_take(struct vm *vm, uint32_t page)
{
    bool accessed = accessed_test(vm, page);

    vm->table.pages[page].flags &= (uint8_t)~PAGE_ACCESSED;
    return accessed;
}
