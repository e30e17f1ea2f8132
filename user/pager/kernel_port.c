/* The core's port over kernel calls: see kernel_port.h. */
#include "kernel_port.h"

#include "frames.h"
#include "log.h"

static bool kernel_port_map(void *context, uint32_t space, const struct vm_mapping *mapping)
{
    for (;;) {
        struct fl_result result =
            flr_vspace_map(pager_slot_vspace(space), mapping->slot, mapping->page, mapping->address,
                           mapping->pages, mapping->rights);

        if (FL_STATUS_CODE(result.status) == FL_NO_TABLE && frames_refill_tables(context))
            continue;
        if (result.status != FL_OK && FL_STATUS_CODE(result.status) != FL_NO_TABLE)
            log_line("space %u: map of 0x%lx: status 0x%lx", (unsigned)space, mapping->address,
                     result.status);
        return result.status == FL_OK;
    }
}

static void kernel_port_unmap(void *context, uint32_t space, uint64_t address, uint64_t pages)
{
    struct fl_result result;

    (void)context;
    do {
        result = flr_vspace_unmap(pager_slot_vspace(space), address, pages);
        address += result.value * FL_PAGE_BYTES;
        pages -= result.value;
    } while (FL_STATUS_CODE(result.status) == FL_MORE);
    if (result.status != FL_OK)
        log_stop("space %u: unmap of %lu pages at 0x%lx: status 0x%lx", (unsigned)space, pages,
                 address, result.status);
}

static void kernel_port_make_read_only(void *context, uint32_t space, uint64_t address,
                                       uint64_t pages)
{
    struct fl_result result;

    (void)context;
    do {
        result = flr_vspace_protect(pager_slot_vspace(space), address, pages, FL_RIGHT_READ);
        address += result.value * FL_PAGE_BYTES;
        pages -= result.value;
    } while (FL_STATUS_CODE(result.status) == FL_MORE);
    if (result.status != FL_OK)
        log_stop("space %u: protect of %lu pages at 0x%lx: status 0x%lx", (unsigned)space, pages,
                 address, result.status);
}

/* Where a page can't be cloned, the rest is only lowered. */
static void kernel_port_clone(void *context, uint32_t to, uint32_t from, uint64_t address,
                              uint64_t pages, uint32_t rights)
{
    uint64_t code;

    do {
        struct fl_result result =
            flr_vspace_clone(pager_slot_vspace(to), pager_slot_vspace(from), address, pages,
                             rights | FL_CLONE_PROTECT, FL_RIGHT_WRITE | FL_RIGHT_EXEC);

        address += result.value * FL_PAGE_BYTES;
        pages -= result.value;
        code = FL_STATUS_CODE(result.status);
    } while (code == FL_MORE || (code == FL_NO_TABLE && frames_refill_tables(context)));
    if (code != FL_OK && !(rights & FL_RIGHT_WRITE))
        kernel_port_make_read_only(context, from, address, pages);
}

static void kernel_port_stock_is_low(void *context)
{
    (void)context;
    flr_notification_signal(PAGER_SLOT_IDLE_WAKE);
}

struct vm_port kernel_port_make(struct pager *pager)
{
    return (struct vm_port){.context = pager,
                            .map = kernel_port_map,
                            .unmap = kernel_port_unmap,
                            .make_read_only = kernel_port_make_read_only,
                            .clone = kernel_port_clone,
                            .stock_is_low = kernel_port_stock_is_low};
}
