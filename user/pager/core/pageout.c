/* Pages go out to swap: see paging.h. */
#include "paging.h"

#include "vm.h"

/* Copies that give their slots back at once: so many that there are runs among them. */
#define PAGEOUT_COPIES (8u * SWAP_CLUSTER)

/* Pages in order of which an entry shows the first. */
struct pageout_run {
    const struct vm *vm;
    const uint32_t *page;
    uint32_t count;
    uint32_t done; /* those that the entry shows */
};

/* How many of the pages lie side by side in the first one's object. */
static uint32_t pageout_count_beside(const struct vm *vm, const uint32_t *page, uint32_t count)
{
    const struct page *first = &vm->table.pages[page[0]];
    uint32_t beside = 1;

    while (beside < count && vm->table.pages[page[beside]].object == first->object &&
           vm->table.pages[page[beside]].link == first->link + beside)
        beside++;
    return beside;
}

/* Takes the pages out of the table of an entry, those side by side in one call. */
static bool pageout_unmap_run(void *context, const struct entry *entry, uint64_t address)
{
    struct pageout_run *run = context;
    const struct vm_port *port = &run->vm->port;
    const struct page *pages = run->vm->table.pages, *first = &pages[run->page[0]];
    uint64_t shown = (entry->end - address) / FL_PAGE_BYTES;
    uint32_t at = 0, beside;

    for (; at < run->count; at += beside) {
        const struct page *record = &pages[run->page[at]];
        uint64_t place = (uint64_t)record->link - first->link;

        if (record->object != first->object || place >= shown)
            break;
        beside = pageout_count_beside(run->vm, run->page + at, run->count - at);
        if (beside > shown - place)
            beside = (uint32_t)(shown - place);
        port->unmap(port->context, entry->space->id, address + place * FL_PAGE_BYTES, beside);
    }
    run->done = at;
    return true;
}

/* Takes pages out of all tables: where nobody but one entry shows several, it is looked for once. */
static void pageout_unmap(struct vm *vm, const uint32_t *page, uint32_t count)
{
    for (uint32_t done = 0; done < count;) {
        const struct page *record = &vm->table.pages[page[done]];
        struct pageout_run run = {vm, page + done, 1, 1};

        if (object_is_plain(record->object))
            run.count = count - done;
        shadow_visit_entries(record->object, record->link, pageout_unmap_run, &run);
        done += run.done;
    }
}

static bool pageout_is_zero(const struct vm *vm, uint32_t page)
{
    const uint64_t *word = page_contents(&vm->table, page);

    for (const uint64_t *end = word + FL_PAGE_BYTES / sizeof *word; word < end; word++)
        if (*word != 0)
            return false;
    return true;
}

/* A page that nobody maps leaves without being written, if it may. */
static bool pageout_drop(struct vm *vm, uint32_t page, bool dirty)
{
    uint32_t slot = vm->table.pages[page].slot;

    if (slot != SWAP_NONE && !dirty && !swap_is_leaving(&vm->swap, slot)) {
        paging_leave(vm, page, index_leaf_swap(slot));
        vm->paging.counts.put_out_clean++;
        return true;
    }
    vm_forget_copy(vm, page);
    if (!pageout_is_zero(vm, page))
        return false;
    paging_leave(vm, page, INDEX_LEAF_ZERO);
    vm->paging.counts.put_out_zero++;
    return true;
}

/* A page that nobody maps goes to the store of compressed ones, if that takes it. */
static bool pageout_pack(struct vm *vm, uint32_t page, bool dirty)
{
    uint64_t leaf;

    if (!tier_put(vm, page, dirty, &leaf))
        return false;
    paging_leave(vm, page, leaf);
    tier_settle(vm);
    return true;
}

/* Some copies of pages in memory give their slots back: others want them more. */
static void pageout_drop_copies(struct vm *vm)
{
    struct paging *paging = &vm->paging;
    uint32_t most = vm->table.count, given = 0;

    for (; paging->copies > 0 && given < PAGEOUT_COPIES && most > 0; most--) {
        const struct page *record = &vm->table.pages[paging->hand];

        if (record->state == PAGE_OBJECT && record->slot != SWAP_NONE) {
            vm_forget_copy(vm, paging->hand);
            given++;
        }
        paging->hand = paging->hand + 1 < vm->table.count ? paging->hand + 1 : 0;
        paging->looked++;
    }
}

bool paging_has_place(const struct vm *vm)
{
    return tier_takes(&vm->tier) || vm->paging.copies > 0 || swap_room(&vm->swap) > 0;
}

static uint32_t pageout_take_slots(struct vm *vm, uint32_t want, uint32_t *count)
{
    uint32_t slot = swap_take_run(&vm->swap, want, count);

    if (slot != SWAP_NONE)
        return slot;
    pageout_drop_copies(vm);
    return swap_take_run(&vm->swap, want, count);
}

static void pageout_begin(struct vm *vm, uint32_t page, uint32_t slot)
{
    struct page *record = &vm->table.pages[page];

    page_set_state(&vm->table, page, PAGE_WRITING);
    record->flags = 0;
    record->slot = slot;
    swap_seal(&vm->swap, slot, page_contents(&vm->table, page));
}

/* The disk is not there: all is as before. */
static void pageout_undo(struct vm *vm, const struct vm_io *io)
{
    for (uint32_t i = 0; i < io->count; i++) {
        vm_forget_copy(vm, io->page[i]);
        page_set_state(&vm->table, io->page[i], PAGE_OBJECT);
    }
}

/* Writes the first of so many pages in one request.  Returns how many; 0: none can be written now. */
static uint32_t pageout_write(struct vm *vm, const uint32_t *page, uint32_t count)
{
    struct paging_request *request = paging_take(vm, PAGING_WRITE);
    uint32_t slot, run;

    if (!request)
        return 0;
    slot = pageout_take_slots(vm, count, &run);
    for (uint32_t i = 0; i < run; i++) {
        pageout_begin(vm, page[i], slot + i);
        request->io.page[request->io.count++] = page[i];
    }
    if (run == 0) {
        paging_cancel(vm, request);
        return 0;
    }
    if (paging_submit(vm, request))
        return run;
    pageout_undo(vm, &request->io);
    vm->paging.counts.write_errors += run;
    return 0;
}

uint32_t paging_put_out(struct vm *vm, const uint32_t *page, uint32_t count)
{
    uint32_t rest[SWAP_CLUSTER], left = 0, done = 0, written = 0, run;
    uint32_t dirty, dropped = 0;

    paging_hold_frames(vm);
    pageout_unmap(vm, page, count);
    dirty = vm->port.harvest_frames(vm->port.context, page, count);
    for (uint32_t i = count; i-- > 0;) /* the frame that is free last is taken first */
        dropped |= (uint32_t)pageout_drop(vm, page[i], dirty >> i & 1) << i;
    for (uint32_t i = 0; i < count; i++)
        if ((dropped >> i & 1) || pageout_pack(vm, page[i], dirty >> i & 1))
            done++;
        else
            rest[left++] = page[i];
    while (written < left && (run = pageout_write(vm, rest + written, left - written)) > 0)
        written += run;
    paging_give_frames(vm);
    return done + written;
}

void paging_note_write(struct vm *vm, uint32_t page)
{
    struct page *record = &vm->table.pages[page];

    if (record->state == PAGE_WRITING) {
        record->flags |= PAGE_TAKEN | PAGE_WRITTEN;
        return;
    }
    record->flags &= (uint8_t)~PAGE_DENSE;
    vm_forget_copy(vm, page);
}

/* A page that could not be written stays; its slot is never used again. */
static void pageout_fail(struct vm *vm, uint32_t page)
{
    struct page *record = &vm->table.pages[page];

    paging_note_slot(vm, page, PAGING_RETIRED);
    swap_retire(&vm->swap, record->slot);
    record->slot = SWAP_NONE;
    vm->paging.counts.write_errors++;
    if (record->state == PAGE_STRAY) {
        page_release(&vm->table, page);
        return;
    }
    page_set_state(&vm->table, page, PAGE_OBJECT);
    victims_keep(vm, page);
}

void paging_end_write(struct vm *vm, uint32_t page, bool ok)
{
    struct page *record = &vm->table.pages[page];
    bool leaving = swap_is_leaving(&vm->swap, record->slot);

    if (!ok) {
        pageout_fail(vm, page);
        return;
    }
    vm->paging.counts.swapped_out++;
    if (record->state == PAGE_STRAY) {
        vm_page_done(vm, page, true);
        return;
    }
    if (!(record->flags & PAGE_TAKEN)) {
        paging_leave(vm, page, index_leaf_swap(record->slot));
        return;
    }
    vm_keep_copy(vm, page);
    victims_keep(vm, page);
    vm->paging.counts.taken_back++;
    if (leaving || (record->flags & PAGE_WRITTEN))
        vm_forget_copy(vm, page);
}
