/* Pages come in from swap: see paging.h.
 *
 * A page is read with its neighbours: pages of the same object, beside it, whose slots lie beside its
 * slot in the same way, as page-out wrote them.  They cost no other request, and only frames that faults
 * may take. */
#include "paging.h"

#include "stock.h"

/* Pages first .. first + count of an object that are in neighbouring slots from `slot` on. */
struct pagein_run {
    uint64_t first;
    uint32_t slot;
    uint32_t count;
};

static bool pagein_is_at(const struct object *object, uint64_t index, uint32_t slot)
{
    return index_lookup(&object->index, index) == index_leaf_swap(slot);
}

/* The run that page `index` in `slot` belongs to, among the slots that are looked at. */
static struct pagein_run pagein_find_run(const struct object *object, uint64_t index, uint32_t slot)
{
    uint32_t low = slot & ~(PAGING_AROUND - 1), high = low + PAGING_AROUND;
    struct pagein_run run = {index, slot, 1};

    while (run.slot > low && run.first > 0 && pagein_is_at(object, run.first - 1, run.slot - 1)) {
        run.first--;
        run.slot--;
        run.count++;
    }
    while (run.slot + run.count < high &&
           pagein_is_at(object, run.first + run.count, run.slot + run.count))
        run.count++;
    return run;
}

/* Cuts the run, around page `index`, to so many pages. */
static void pagein_cut_run(struct pagein_run *run, uint64_t index, uint32_t pages)
{
    uint32_t before = (uint32_t)(index - run->first);

    if (run->count <= pages)
        return;
    if (before >= pages) {
        run->first += before;
        run->slot += before;
    }
    run->count = pages;
}

/* No request can be made: waits for a page of one that is made, or for frames of one of strays. */
static enum object_supply pagein_wait_for_request(struct vm *vm)
{
    for (uint32_t i = 0; i < PAGING_REQUESTS; i++) {
        const struct paging_request *request = &vm->paging.request[i];

        for (uint32_t k = request->at; request->state == PAGING_READ && k < request->io.count; k++)
            if (page_is_busy(&vm->table, request->io.page[k])) {
                wait_for_page(vm, request->io.page[k]);
                return OBJECT_FETCHING;
            }
    }
    return OBJECT_NO_FRAME;
}

/* Gives the pages of the run frames, as far as there are some. */
static void pagein_fill_request(struct vm *vm, struct object *object, const struct pagein_run *run,
                                struct vm_io *io)
{
    while (io->count < run->count) {
        uint64_t index = run->first + io->count;
        uint32_t page = page_allocate(&vm->table, PAGE_BUSY);
        struct index_place place;

        if (page == PAGE_NONE)
            return;
        index_find(&object->index, index, &place);
        object_bring_in(vm, object, &place, index, page);
        vm->table.pages[page].turn = vm->reclaim.turn;
        io->page[io->count++] = page;
    }
}

static enum object_supply pagein_read(struct vm *vm, struct object *object, uint64_t index,
                                      uint32_t slot)
{
    struct pagein_run run = pagein_find_run(object, index, slot);
    struct paging_request *request = paging_take(vm, PAGING_READ);
    struct vm_io *io;
    bool reached;

    if (!request)
        return pagein_wait_for_request(vm);
    pagein_cut_run(&run, index, vm->table.counts[PAGE_FREE] - vm->table.reserved);
    io = &request->io;
    pagein_fill_request(vm, object, &run, io);
    reached = io->count > index - run.first;
    if (reached && paging_submit(vm, request)) {
        wait_for_page(vm, io->page[index - run.first]);
        return OBJECT_FETCHING;
    }
    for (uint32_t i = 0; i < io->count; i++)
        object_put_out(vm, io->page[i], index_leaf_swap(run.slot + i));
    if (!reached) {
        paging_cancel(vm, request);
        return OBJECT_NO_FRAME;
    }
    vm->paging.counts.read_errors++;
    return OBJECT_UNREADABLE;
}

/* Unpacks a page into a frame. */
static enum object_supply pagein_unpack(struct vm *vm, struct object *object,
                                        const struct index_place *place, uint64_t index)
{
    uint64_t leaf = index_read(place);
    uint32_t page = page_allocate(&vm->table, PAGE_OBJECT);

    if (page == PAGE_NONE)
        return OBJECT_NO_FRAME;
    if (!tier_get(vm, leaf, page)) {
        page_release(&vm->table, page);
        vm->paging.counts.read_errors++;
        return OBJECT_UNREADABLE;
    }
    object_bring_in(vm, object, place, index, page);
    vm->table.pages[page].turn = vm->reclaim.turn;
    tier_drop(vm, leaf);
    return OBJECT_SUPPLIED;
}

enum object_supply paging_bring_in(struct vm *vm, struct object *object, uint64_t index)
{
    struct index_place place;
    uint64_t leaf = index_find(&object->index, index, &place);
    uint32_t page;

    if (vm->waits.failed_object == object && vm->waits.failed_index == index)
        return OBJECT_UNREADABLE;
    if (!reclaim_has_frame(vm))
        return OBJECT_NO_FRAME;
    if (index_leaf_is_swap(leaf))
        return pagein_read(vm, object, index, index_leaf_slot(leaf));
    if (index_leaf_is_compressed(leaf))
        return pagein_unpack(vm, object, &place, index);
    page = stock_take(vm, PAGE_OBJECT);
    if (page == PAGE_NONE)
        return OBJECT_NO_FRAME;
    object_bring_in(vm, object, &place, index, page);
    vm->table.pages[page].turn = vm->reclaim.turn;
    return OBJECT_SUPPLIED;
}

void paging_end_read(struct vm *vm, uint32_t page, bool ok)
{
    struct page *record = &vm->table.pages[page];
    uint32_t slot = record->slot;
    bool whole = ok && swap_is_whole(&vm->swap, slot, page_contents(&vm->table, page));

    vm->paging.counts.swapped_in += whole;
    vm->swap.area[SWAP_SLOT_AREA(slot)].read_errors += !whole;
    vm->paging.counts.read_errors += !whole;
    vm_page_done(vm, page, whole);
    if (record->state == PAGE_OBJECT && swap_is_leaving(&vm->swap, slot))
        vm_forget_copy(vm, page);
}
