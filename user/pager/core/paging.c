/* Requests to the disks of swap: see paging.h. */
#include "paging.h"

#include "vm.h"

void paging_init(struct paging *paging)
{
    paging->held = PAGE_NONE;
}

void paging_hold_frames(struct vm *vm)
{
    uint32_t page;

    while (vm->paging.torture && (page = page_allocate(&vm->table, PAGE_HELD)) != PAGE_NONE) {
        vm->table.pages[page].link = vm->paging.held;
        vm->paging.held = page;
    }
}

void paging_give_frames(struct vm *vm)
{
    while (vm->paging.held != PAGE_NONE) {
        uint32_t page = vm->paging.held;

        vm->paging.held = vm->table.pages[page].link;
        page_release(&vm->table, page);
    }
}

void paging_leave(struct vm *vm, uint32_t page, uint64_t leaf)
{
    object_put_out(vm, page, leaf);
    vm->table.pages[page].flags = PAGE_HARVESTED;
}

struct paging_request *paging_take(struct vm *vm, enum paging_state state)
{
    struct paging *paging = &vm->paging;

    if (state == PAGING_WRITE && paging->writes == PAGING_WRITES)
        return NULL;
    for (uint32_t i = 0; i < PAGING_REQUESTS; i++) {
        struct paging_request *request = &paging->request[i];

        if (request->state != PAGING_FREE)
            continue;
        /* Its pages are read below `count` only: to clear them each time takes longer than to fill in a few. */
        request->state = (uint8_t)state;
        request->alone = false;
        request->at = 0;
        request->io.device = request->io.count = 0;
        request->io.first = 0;
        request->io.tag = i;
        request->io.write = state == PAGING_WRITE;
        paging->taken++;
        paging->writes += state == PAGING_WRITE;
        return request;
    }
    return NULL;
}

uint32_t paging_requests(const struct vm *vm)
{
    return vm->paging.taken;
}

void paging_cancel(struct vm *vm, struct paging_request *request)
{
    vm->paging.taken--;
    vm->paging.writes -= request->state == PAGING_WRITE;
    request->state = PAGING_FREE;
}

static bool paging_send(struct vm *vm, struct vm_io *io)
{
    uint32_t slot = vm->table.pages[io->page[0]].slot;

    io->device = vm->swap.area[SWAP_SLOT_AREA(slot)].device;
    io->first = SWAP_SLOT_PAGE(slot);
    if (io->write) {
        paging_hold_frames(vm);
        vm->paging.counts.swap_writes++;
        vm->paging.counts.at_zero += vm->table.counts[PAGE_FREE] == 0;
    } else {
        vm->paging.counts.swap_reads++;
    }
    return vm->port.submit && vm->port.submit(vm->port.context, io);
}

bool paging_submit(struct vm *vm, struct paging_request *request)
{
    if (paging_send(vm, &request->io))
        return true;
    paging_cancel(vm, request);
    return false;
}

static void paging_end_page(struct vm *vm, const struct paging_request *request, uint32_t at,
                            bool ok)
{
    if (request->state == PAGING_READ)
        paging_end_read(vm, request->io.page[at], ok);
    else
        paging_end_write(vm, request->io.page[at], ok);
}

const struct vm_io *paging_io(const struct vm *vm, uint32_t tag, struct vm_io *one)
{
    const struct paging_request *request = &vm->paging.request[tag];
    const struct vm_io *io = &request->io;

    if (!request->alone)
        return io;
    *one = (struct vm_io){.tag = tag,
                          .write = io->write,
                          .count = 1,
                          .device = io->device,
                          .first = io->first + request->at,
                          .page = {io->page[request->at]}};
    return one;
}

/* Begins to move the next page alone; those whose disk is gone fail.  False: none is left. */
static bool paging_go_on(struct vm *vm, struct paging_request *request)
{
    struct vm_io io;

    while (request->at < request->io.count) {
        (void)paging_io(vm, request->io.tag, &io);
        if (paging_send(vm, &io))
            return true;
        paging_end_page(vm, request, request->at++, false);
    }
    return false;
}

/* The device is done with what it had of a request: with all of it, or with the page that went alone. */
static void paging_end(struct vm *vm, struct paging_request *request, bool ok)
{
    if (request->alone) {
        paging_end_page(vm, request, request->at++, ok);
    } else if (ok || request->io.count == 1) {
        for (uint32_t at = request->io.count; at-- > request->at;)
            paging_end_page(vm, request, at, ok);
        request->at = request->io.count;
    } else {
        request->alone = true;
    }
    if (!paging_go_on(vm, request))
        paging_cancel(vm, request);
}

void vm_io_done(struct vm *vm, uint32_t tag, bool ok)
{
    struct paging_request *request = &vm->paging.request[tag % PAGING_REQUESTS];

    if (tag >= PAGING_REQUESTS || request->state == PAGING_FREE)
        return;
    if (request->state == PAGING_WRITE)
        paging_hold_frames(vm);
    paging_end(vm, request, ok);
    paging_give_frames(vm);
    wait_wake_disk(vm);
}

/* ---- mishaps ---- */

void paging_note_mishap(struct vm *vm, const struct paging_mishap *mishap)
{
    struct paging *paging = &vm->paging;

    if (paging->mishaps < PAGING_MISHAPS)
        paging->mishap[paging->mishaps++] = *mishap;
}

void paging_note_slot(struct vm *vm, uint32_t page, enum paging_mishap_kind kind)
{
    const struct page *record = &vm->table.pages[page];

    if (record->state != PAGE_STRAY)
        paging_note_mishap(vm, &(struct paging_mishap){
                                   .device = vm->swap.area[SWAP_SLOT_AREA(record->slot)].device,
                                   .page = SWAP_SLOT_PAGE(record->slot),
                                   .pid = record->object->owner->pid,
                                   .kind = (uint8_t)kind});
}

bool paging_take_mishap(struct vm *vm, struct paging_mishap *mishap)
{
    if (vm->paging.mishaps == 0)
        return false;
    *mishap = vm->paging.mishap[--vm->paging.mishaps];
    return true;
}
