/* Accessed bits: see accessed.h. */
#include "accessed.h"

#include "rmap.h"
#include "vm.h"

/* Pages of a window that entries are looked at for. */
struct accessed_window {
    struct vm *vm;
    const uint64_t *leaf; /* that of the page where the run begins */
};

static void accessed_note(struct page *record)
{
    if (record->first == ACCESSED_NEVER)
        record->first = ACCESSED_ONCE;
    else
        record->accessed = true;
}

static void accessed_harvest(void *context, const struct entry *entry, uint64_t address,
                             uint64_t pages)
{
    const struct accessed_window *window = context;
    struct vm *vm = window->vm;
    uint64_t bits = vm->port.harvest(vm->port.context, entry->space->id, address, pages);

    for (; bits; bits &= bits - 1) {
        uint32_t k = (uint32_t)__builtin_ctzll(bits);
        uint64_t leaf = window->leaf[k];
        uint32_t page = index_leaf_is_frame(leaf)
                            ? index_leaf_page(leaf)
                            : rmap_find_page(entry, address + k * FL_PAGE_BYTES);

        if (page != PAGE_NONE)
            accessed_note(&vm->table.pages[page]);
    }
}

/* The pages of a window begin to be looked at. */
static void accessed_begin(struct vm *vm, const uint64_t *leaf)
{
    for (uint32_t k = 0; k < SWAP_CLUSTER; k++)
        if (index_leaf_is_frame(leaf[k])) {
            struct page *record = &vm->table.pages[index_leaf_page(leaf[k])];

            record->looked = vm->victims.step;
            if (record->first == ACCESSED_ONCE)
                record->first = ACCESSED_BEFORE;
        }
}

/* Looks at the window of a page's object that the page is in. */
static void accessed_look(struct vm *vm, uint32_t page)
{
    const struct page *record = &vm->table.pages[page];
    uint64_t first = record->link & ~(SWAP_CLUSTER - 1ull);
    struct index_place place;
    struct rmap_run run = {.object = record->object};

    index_find(&record->object->index, first, &place);
    accessed_begin(vm, &place.node->slot[place.slot]);
    for (uint32_t k = 0; k < SWAP_CLUSTER; k += (uint32_t)run.pages) {
        struct accessed_window window = {vm, &place.node->slot[place.slot + k]};

        run.first = first + k;
        run.pages = 1;
        if (!index_leaf_is_frame(window.leaf[0]))
            continue;
        run.pages = SWAP_CLUSTER - k;
        rmap_visit_pages(&run, accessed_harvest, &window);
    }
}

bool accessed_test(struct vm *vm, uint32_t page)
{
    const struct page *record = &vm->table.pages[page];

    if (!record->accessed && record->looked != vm->victims.step)
        accessed_look(vm, page);
    return record->accessed;
}

bool accessed_take(struct vm *vm, uint32_t page)
{
    bool accessed = accessed_test(vm, page);

    vm->table.pages[page].accessed = false;
    return accessed;
}
