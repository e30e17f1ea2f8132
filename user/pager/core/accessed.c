/* Accessed bits: see accessed.h. */
#include "accessed.h"

#include "rmap.h"
#include "vm.h"

/* Pages of a window that entries are looked at for. */
struct accessed_window {
    struct vm *vm;
    const uint64_t *leaf; /* that of the page where the run begins */
    uint64_t copied;      /* bit k: page k from there on has a copy in swap */
    uint32_t questions;
};

static void accessed_note(struct vm *vm, struct space *space, struct page *record)
{
    if (record->flags & PAGE_NEW)
        record->flags &= (uint8_t)~PAGE_NEW;
    else
        record->flags |= PAGE_ACCESSED;
    window_note(vm, space, record);
}

/* The page that an entry shows k pages behind an address was accessed. */
static void accessed_note_at(const struct accessed_window *window, const struct entry *entry,
                             uint64_t address, uint32_t k)
{
    uint64_t leaf = window->leaf[k];
    uint32_t page = index_leaf_is_frame(leaf) ? index_leaf_page(leaf)
                                              : rmap_find_page(entry, address + k * FL_PAGE_BYTES);

    if (page != PAGE_NONE)
        accessed_note(window->vm, entry->space, &window->vm->table.pages[page]);
}

static void accessed_ask(void *context, const struct entry *entry, uint64_t address, uint64_t pages)
{
    struct accessed_window *window = context;
    struct vm *vm = window->vm;
    uint64_t written;
    uint64_t bits = vm->port.harvest(vm->port.context, entry->space->id, address, pages, &written);

    window->questions++;
    written &= window->copied;
    for (uint32_t k = 0; bits | written; k++, bits >>= 1, written >>= 1) {
        if (bits & 1)
            accessed_note_at(window, entry, address, k);
        if (written & 1)
            vm_forget_copy(vm, index_leaf_page(window->leaf[k]));
    }
}

/* The pages of a window begin to be looked at.  Returns those that have a copy in swap, by bits; *first: the first
 * page that is there. */
static uint64_t accessed_begin(struct vm *vm, const uint64_t *leaf, uint32_t *first)
{
    uint64_t copied = 0;

    *first = 0;
    while (!index_leaf_is_frame(leaf[*first]))
        ++*first;

    for (uint32_t k = *first; k < SWAP_CLUSTER; k++)
        if (index_leaf_is_frame(leaf[k])) {
            struct page *record = &vm->table.pages[index_leaf_page(leaf[k])];

            record->looked = vm->victims.step;
            if (record->state == PAGE_OBJECT && record->slot != SWAP_NONE)
                copied |= 1ull << k;
        }
    return copied;
}

uint32_t accessed_harvest(struct vm *vm, uint32_t page)
{
    const struct page *record = &vm->table.pages[page];
    uint64_t first = record->link & ~(SWAP_CLUSTER - 1ull), copied;
    struct index_place place;
    struct rmap_run run = {.object = record->object};
    uint32_t questions = 0, k;

    index_find(&record->object->index, first, &place);
    copied = accessed_begin(vm, &place.node->slot[place.slot], &k);
    for (; k < SWAP_CLUSTER; k += (uint32_t)run.pages) {
        struct accessed_window window = {vm, &place.node->slot[place.slot + k], copied >> k, 0};

        run.first = first + k;
        run.pages = 1;
        if (!index_leaf_is_frame(window.leaf[0]))
            continue;
        run.pages = SWAP_CLUSTER - k;
        rmap_visit_pages(&run, accessed_ask, &window);
        questions += window.questions;
    }
    return questions;
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
