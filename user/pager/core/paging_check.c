/* G1, G3, G4 and P8 of paging.h and page.h: changes nothing. */
#include "paging.h"

#include "vm.h"

/* How many requests a page is in. */
static uint32_t paging_count(const struct vm *vm, uint32_t page)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < PAGING_REQUESTS; i++) {
        const struct paging_request *request = &vm->paging.request[i];

        for (uint32_t k = request->at; request->state != PAGING_FREE && k < request->io.count; k++)
            count += request->io.page[k] == page;
    }
    return count;
}

static bool paging_moves(const struct page *record)
{
    return record->state == PAGE_WRITING ||
           (record->slot != SWAP_NONE &&
            (record->state == PAGE_BUSY || record->state == PAGE_STRAY));
}

/* Requests, and the pages that they have not moved yet. */
static uint32_t paging_count_all(const struct vm *vm, uint32_t *taken, uint32_t *writes)
{
    uint32_t pages = 0;

    *taken = *writes = 0;
    for (uint32_t i = 0; i < PAGING_REQUESTS; i++) {
        const struct paging_request *request = &vm->paging.request[i];

        if (request->state == PAGING_FREE)
            continue;
        ++*taken;
        *writes += request->state == PAGING_WRITE;
        pages += request->at < request->io.count ? request->io.count - request->at : 0;
    }
    return pages;
}

/* Each page that moves is in one request; and there are no more pages in requests than these. */
const char *paging_check(const struct vm *vm)
{
    uint32_t taken, writes, pages = paging_count_all(vm, &taken, &writes), copies = 0;

    for (uint32_t page = 0; page < vm->table.count; page++) {
        const struct page *record = &vm->table.pages[page];
        bool may = record->state == PAGE_OBJECT || record->state == PAGE_WRITING ||
                   record->state == PAGE_BUSY || record->state == PAGE_STRAY;

        if (record->slot != SWAP_NONE && (!may || !swap_is_used(&vm->swap, record->slot)))
            return "P8";
        if (paging_moves(record) && (paging_count(vm, page) != 1 || pages-- == 0))
            return "G1";
        copies += record->state == PAGE_OBJECT && record->slot != SWAP_NONE;
    }
    if (pages > 0)
        return "G1";
    if (writes != vm->paging.writes || taken != vm->paging.taken || vm->paging.held != PAGE_NONE)
        return "G1";
    if (copies != vm->paging.copies)
        return "G4";
    return stream_check(&vm->paging.streams) ? NULL : "G3";
}
