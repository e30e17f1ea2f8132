/* Pages come in from swap: see paging.h.
 *
 * A page is read with pages beside it where somebody reads in order (stream.h): those of the window that are
 * out and for which there are frames that faults may take.  Pages in neighbouring slots, as page-out
 * writes them, are one request; the other runs of the window are requests of their own, which are given to
 * the disk together. */
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
    uint64_t leaf = index_lookup(&object->index, index);

    return index_leaf_is_swap(leaf) && index_leaf_slot(leaf) == slot;
}

/* The run that page `index` in `slot` belongs to in a window. */
static struct pagein_run pagein_find_run(const struct object *object, uint64_t index, uint32_t slot,
                                         const struct stream_window *window)
{
    struct pagein_run run = {index, slot, 1};

    while (run.first > window->low && pagein_is_at(object, run.first - 1, run.slot - 1)) {
        run.first--;
        run.slot--;
        run.count++;
    }
    while (run.first + run.count < window->high &&
           pagein_is_at(object, run.first + run.count, run.slot + run.count))
        run.count++;
    return run;
}

/* The first run in a window.  False: none of its pages is in swap. */
static bool pagein_find_next(const struct object *object, const struct stream_window *window,
                             struct pagein_run *run)
{
    for (uint64_t index = window->low; index < window->high; index++) {
        uint64_t leaf = index_lookup(&object->index, index);

        if (!index_leaf_is_swap(leaf))
            continue;
        *run = pagein_find_run(object, index, index_leaf_slot(leaf),
                               &(struct stream_window){index, window->high});
        return true;
    }
    return false;
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

static void pagein_give_frames(struct vm *vm, const uint32_t *page, uint32_t count)
{
    while (count-- > 0)
        page_release(&vm->table, page[count]);
}

/* Takes frames for the pages of a run.  What programs wrote in them before is no news of the pages.
 * False: there are not so many. */
static bool pagein_take_frames(struct vm *vm, uint32_t count, struct vm_io *io)
{
    uint32_t unknown[SWAP_CLUSTER], unknowns = 0;

    for (io->count = 0; io->count < count; io->count++) {
        uint32_t page = page_allocate(&vm->table, PAGE_BUSY);

        if (page == PAGE_NONE) {
            pagein_give_frames(vm, io->page, io->count);
            return false;
        }
        if (!(vm->table.pages[page].flags & PAGE_HARVESTED))
            unknown[unknowns++] = page;
        io->page[io->count] = page;
    }
    if (unknowns > 0)
        (void)vm->port.harvest_frames(vm->port.context, unknown, unknowns);
    return true;
}

/* Reads a run.  OBJECT_FETCHING; else nothing changed, and the request's record is free again:
 * OBJECT_NO_FRAME; OBJECT_UNREADABLE (the disk is not there). */
static enum object_supply pagein_read_run(struct vm *vm, struct object *object,
                                          const struct pagein_run *run,
                                          struct paging_request *request)
{
    struct vm_io *io = &request->io;

    if (!pagein_take_frames(vm, run->count, io)) {
        paging_cancel(vm, request);
        return OBJECT_NO_FRAME;
    }
    for (uint32_t i = 0; i < run->count; i++) {
        struct page *record = &vm->table.pages[io->page[i]];
        struct index_place place;

        index_find(&object->index, run->first + i, &place);
        object_bring_in(vm, object, &place, run->first + i, io->page[i]);
        record->given = 0;
        record->flags = PAGE_AHEAD;
    }
    if (paging_submit(vm, request))
        return OBJECT_FETCHING;
    for (uint32_t i = run->count; i-- > 0;)
        paging_leave(vm, io->page[i], index_leaf_swap(run->slot + i));
    return OBJECT_UNREADABLE;
}

static uint32_t pagein_frames(const struct vm *vm)
{
    uint32_t frames = vm->table.counts[PAGE_FREE], reserved = vm->table.reserved;

    return frames > reserved ? frames - reserved : 0;
}

/* Reads what else is out in a window, as far as there are frames, and requests that others need not. */
static void pagein_read_ahead(struct vm *vm, struct object *object, struct stream_window window)
{
    struct pagein_run run;

    while (pagein_frames(vm) > 0 && pagein_find_next(object, &window, &run)) {
        uint32_t frames = pagein_frames(vm);
        struct paging_request *request =
            paging_requests(vm) < PAGING_AHEAD ? paging_take(vm, PAGING_READ) : NULL;

        if (run.count > frames)
            run.count = frames;
        if (!request || pagein_read_run(vm, object, &run, request) != OBJECT_FETCHING)
            return;
        window.low = run.first + run.count;
    }
}

/* A page of an object cannot be had. */
static void pagein_note_lost(struct vm *vm, const struct object *object,
                             struct paging_mishap mishap)
{
    mishap.pid = object->owner->pid;
    vm->paging.counts.read_errors++;
    paging_note_mishap(vm, &mishap);
}

static enum object_supply pagein_read(struct vm *vm, struct object *object, uint64_t index,
                                      uint32_t slot)
{
    struct paging_request *request = paging_take(vm, PAGING_READ);
    struct stream_window window;
    struct pagein_run run;
    enum object_supply supply;

    if (!request)
        return pagein_wait_for_request(vm);
    window = stream_miss(&vm->paging.streams, object, index, pagein_frames(vm));
    run = pagein_find_run(object, index, slot, &window);
    supply = pagein_read_run(vm, object, &run, request);
    if (supply == OBJECT_UNREADABLE)
        pagein_note_lost(
            vm, object,
            (struct paging_mishap){.device = vm->swap.area[SWAP_SLOT_AREA(slot)].device,
                                   .page = SWAP_SLOT_PAGE(slot),
                                   .kind = PAGING_UNREADABLE});
    if (supply != OBJECT_FETCHING)
        return supply;
    wait_for_page(vm, request->io.page[index - run.first]);
    pagein_read_ahead(vm, object, (struct stream_window){window.low, run.first});
    pagein_read_ahead(vm, object, (struct stream_window){run.first + run.count, window.high});
    return OBJECT_FETCHING;
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
        pagein_note_lost(vm, object,
                         (struct paging_mishap){.page = compress_number(index_leaf_handle(leaf)),
                                                .kind = PAGING_BROKEN});
        return OBJECT_UNREADABLE;
    }
    object_bring_in(vm, object, place, index, page);
    victims_arrive(vm, page);
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
    if (index_leaf_is_merged(leaf))
        return samepage_break(vm, object, index) ? OBJECT_SUPPLIED : OBJECT_NO_FRAME;
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
    victims_arrive(vm, page);
    return OBJECT_SUPPLIED;
}

void paging_end_read(struct vm *vm, uint32_t page, bool ok)
{
    struct page *record = &vm->table.pages[page];
    uint32_t slot = record->slot;
    bool whole = ok && swap_is_whole(&vm->swap, slot, page_contents(&vm->table, page));
    bool lost = !whole && record->state != PAGE_STRAY; /* a stray is nobody's */

    vm->paging.counts.swapped_in += whole;
    vm->swap.area[SWAP_SLOT_AREA(slot)].read_errors += lost;
    vm->paging.counts.read_errors += lost;
    /* What nobody waits for and could not be read is read again when it is wanted. */
    if (!whole && (ok || record->given != 0))
        paging_note_slot(vm, page, ok ? PAGING_CHANGED : PAGING_UNREADABLE);
    vm_page_done(vm, page, whole);
    if (record->state == PAGE_OBJECT && swap_is_leaving(&vm->swap, slot))
        vm_forget_copy(vm, page);
}
