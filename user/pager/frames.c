/* The window, loans, and the TablePool: see frames.h. */
#include "frames.h"

#include "log.h"
#include "pins.h"

static uint64_t frames_slot(const struct pager *pager, uint32_t page)
{
    return pager->vm.table.range[pager->vm.table.pages[page].range].slot;
}

static uint64_t frames_offset(const struct pager *pager, uint32_t page)
{
    return page - pager->vm.table.range[pager->vm.table.pages[page].range].base;
}

uint64_t frames_map_own(uint64_t memory, uint64_t page, uint64_t address, uint64_t pages,
                        uint32_t rights)
{
    struct fl_result result;

    do {
        result = flr_vspace_map(PAGER_SLOT_VSPACE, memory, page, address, pages, rights);
        page += result.value;
        address += result.value * FL_PAGE_BYTES;
        pages -= result.value;
    } while (FL_STATUS_CODE(result.status) == FL_MORE);
    return FL_STATUS_CODE(result.status);
}

static uint64_t frames_open(const struct pager *pager, uint32_t page)
{
    uint64_t address = (uintptr_t)page_contents(&pager->vm.table, page);

    return frames_map_own(frames_slot(pager, page), frames_offset(pager, page), address, 1,
                          FL_RIGHT_READ | FL_RIGHT_WRITE);
}

static void frames_close(const struct pager *pager, uint32_t first, uint32_t pages)
{
    uint64_t address = (uintptr_t)page_contents(&pager->vm.table, first);
    struct fl_result result;

    do {
        result = flr_vspace_unmap(PAGER_SLOT_VSPACE, address, pages);
        address += result.value * FL_PAGE_BYTES;
        pages -= (uint32_t)result.value;
    } while (FL_STATUS_CODE(result.status) == FL_MORE);
    if (result.status != FL_OK)
        log_stop("window: unmap of 0x%lx: status 0x%lx", address, result.status);
}

uint32_t frames_lend(struct pager *pager, uint32_t pages)
{
    uint32_t first = pages == 1 ? page_allocate(&pager->vm.table, PAGE_LENT)
                                : page_allocate_run(&pager->vm.table, pages, PAGE_LENT);

    if (first == PAGE_NONE)
        return first;
    pins_let_go(pager, first, pages);
    frames_close(pager, first, pages);
    return first;
}

uint64_t frames_return(struct pager *pager, uint32_t first, uint32_t pages)
{
    for (uint32_t i = 0; i < pages; i++) {
        uint64_t status = frames_open(pager, first + i);

        if (status == FL_NO_TABLE && frames_refill_tables(pager))
            status = frames_open(pager, first + i);
        if (status != FL_OK) {
            if (i > 0)
                frames_close(pager, first, i);
            return status;
        }
    }
    if (pages == 1)
        page_release(&pager->vm.table, first);
    else
        page_release_run(&pager->vm.table, first, pages);
    return FL_OK;
}

static void frames_donate(struct pager *pager, uint32_t page)
{
    struct fl_result result =
        flr_pool_donate(PAGER_SLOT_POOL, frames_slot(pager, page), frames_offset(pager, page), 1);

    if (result.status != FL_OK)
        log_stop("donation of page %u: status 0x%lx", (unsigned)page, result.status);
    pager->vm.table_frames += pager->vm.table.pages[page].state == PAGE_LENT;
}

/* Donates up to `pages` pages.  Returns how many there were. */
static uint32_t frames_donate_some(struct pager *pager, uint32_t pages)
{
    uint32_t donated = 0;

    for (; donated < pages; donated++) {
        uint32_t page = frames_lend(pager, 1);

        if (page == PAGE_NONE)
            break;
        frames_donate(pager, page);
    }
    return donated;
}

bool frames_refill_tables(struct pager *pager)
{
    return frames_donate_some(pager, FRAMES_SPARE_TABLES) > 0;
}

/* Takes one spare frame of a range out of the pool.  False: there is none, or no table to map it in
 * the window with. */
static bool frames_withdraw(struct pager *pager, uint32_t range)
{
    struct fl_result result;
    uint64_t seen = 0; /* of the pool's spare frames; a long list is looked through in parts */
    uint32_t page;

    do {
        result = flr_pool_withdraw(PAGER_SLOT_POOL, pager->vm.table.range[range].slot);
        seen += FL_WITHDRAW_STEP;
    } while (result.status == FL_MORE && seen < result.value);
    if (result.status != FL_OK)
        return false;
    page = page_number(&pager->vm.table, range, result.value);
    pager->vm.table_frames -= pager->vm.table.pages[page].state == PAGE_LENT;
    if (frames_open(pager, page) != FL_OK) {
        frames_donate(pager, page);
        return false;
    }
    page_release(&pager->vm.table, page);
    return true;
}

/* A frame that stays in the pool stays zeroed: only the difference moves. */
void frames_settle_tables(struct pager *pager)
{
    uint64_t spare = flr_pool_spare(PAGER_SLOT_POOL).value;

    for (uint32_t range = 0; range < pager->vm.table.range_count; range++)
        while (spare > FRAMES_SPARE_TABLES && frames_withdraw(pager, range))
            spare--;
    if (spare < FRAMES_SPARE_TABLES)
        frames_donate_some(pager, FRAMES_SPARE_TABLES - (uint32_t)spare);
}
