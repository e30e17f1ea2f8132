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
    uint64_t copies = written << at & look->copied; /* that are none any more */

    window->questions++;
    if (entry->wired)
        window->wired |= (uint32_t)(((1ull << pages) - 1) << at);
    bits <<= at;
    for (uint32_t i = look->next; i < window->count && (bits | copies) >> window->bit[i] != 0;
         i++) {
        if (bits >> window->bit[i] & 1)
            accessed_note(vm, entry->space, &vm->table.pages[window->page[i]]);
        if (copies >> window->bit[i] & 1)
            vm_forget_copy(vm, window->page[i]);
    }
    if (others != 0)
        accessed_note_others(look, entry, address, others);
}

/* A look at `pages` pages of a window begins: finds those that are in frames. */
static void accessed_begin(struct accessed_look *look, uint32_t pages)
{
    struct accessed_window *window = look->window;
    struct page *records = look->vm->table.pages;
    uint32_t *page = window->page, bit = 1, frames = 0, copied = 0;
    uint8_t step = look->vm->victims.step, *at = window->bit;
    struct index_place place;
    const uint64_t *leaf;

    index_find(&window->object->index, window->first, &place);
    leaf = place.node ? &place.node->slot[place.slot] : NULL;
    for (uint32_t k = 0; leaf && k < pages; k++, leaf++, bit <<= 1) {
        struct page *record;

        if (!index_leaf_is_frame(*leaf))
            continue;
        *page = index_leaf_page(*leaf);
        record = &records[*page++];
        *at++ = (uint8_t)k;
        frames |= bit;
        record->looked = step;
        if (record->state == PAGE_OBJECT && record->slot != SWAP_NONE)
            copied |= bit;
    }
    window->count = (uint32_t)(page - window->page);
    look->frames = frames;
    look->copied = copied;
}

const struct accessed_window *accessed_look(struct vm *vm, struct object *object, uint64_t first,
                                            uint32_t pages)
{
    struct accessed_window *window = &vm->victims.window;
    struct accessed_look look = {.vm = vm, .window = window};
    struct rmap_run run = {.object = object};

    window->object = object;
    window->first = first;
    window->questions = window->wired = 0;
    accessed_begin(&look, pages);
    for (uint32_t end = 0; look.next < window->count && end < pages; look.next++) {
        uint32_t k = window->bit[look.next];

        if (k < end)
            continue;
        run.first = first + k;
        run.pages = pages - k;
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
    return accessed_look(vm, record->object, first, SWAP_CLUSTER);
}

uint32_t accessed_harvest(struct vm *vm, uint32_t page)
{
    const struct page *record = &vm->table.pages[page];
    uint64_t first = record->link & ~(SWAP_CLUSTER - 1ull);

    return accessed_look(vm, record->object, first, SWAP_CLUSTER)->questions;
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
