/* The core's port over kernel calls: see kernel_port.h. */
#include "kernel_port.h"

#include "disks.h"
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

/* The lower bits of 32 pages that have two bits each, side by side. */
static uint64_t kernel_port_gather(uint64_t bits)
{
    bits &= 0x5555555555555555u;
    bits = (bits | bits >> 1) & 0x3333333333333333u;
    bits = (bits | bits >> 2) & 0x0F0F0F0F0F0F0F0Fu;
    bits = (bits | bits >> 4) & 0x00FF00FF00FF00FFu;
    bits = (bits | bits >> 8) & 0x0000FFFF0000FFFFu;
    return (bits | bits >> 16) & UINT32_MAX;
}
_Static_assert(FL_HARVEST_ACCESSED == 1 && FL_HARVEST_DIRTY == 2, "A is the lower bit of two");

struct kernel_port_bits {
    uint64_t accessed;
    uint64_t written;
};

/* The bits of the pages, at most 64, that a harvest did. */
static struct kernel_port_bits kernel_port_split(uint64_t pages)
{
    const struct fl_harvest *harvest = fl_buffer_data();
    struct kernel_port_bits bits = {0};

    if (harvest->absent >= pages)
        return bits;
    for (uint64_t i = 0; i < pages - harvest->absent; i += 32) {
        bits.accessed |= kernel_port_gather(harvest->bits[i / 32]) << i;
        bits.written |= kernel_port_gather(harvest->bits[i / 32] >> 1) << i;
    }
    bits.accessed <<= harvest->absent;
    bits.written <<= harvest->absent;
    return bits;
}

/* Uses the message buffer, as the next one. */
static uint64_t kernel_port_harvest(void *context, uint32_t space, uint64_t address, uint64_t pages,
                                    uint64_t *written)
{
    uint64_t accessed = 0, done = 0;
    struct fl_result result;

    (void)context;
    *written = 0;
    do {
        result = flr_vspace_harvest(pager_slot_vspace(space), address + done * FL_PAGE_BYTES,
                                    pages - done, FL_HARVEST_ACCESSED);
        if (result.value > 0) {
            struct kernel_port_bits bits = kernel_port_split(result.value);

            accessed |= bits.accessed << done;
            *written |= bits.written << done;
        }
        done += result.value;
    } while (FL_STATUS_CODE(result.status) == FL_MORE);
    if (result.status != FL_OK)
        log_stop("space %u: harvest of %lu pages at 0x%lx: status 0x%lx", (unsigned)space, pages,
                 address, result.status);
    return accessed;
}

/* Frames side by side, as those of neighbours are that came together, for which a list would be dearer. */
#define KERNEL_PORT_RUN 8u

/* How many frames from the first one on lie one behind the other. */
static uint32_t kernel_port_count_run(const struct page_table *table, const uint32_t *page,
                                      uint32_t count)
{
    uint32_t run = 1;

    while (run < count && page[run] == page[0] + run &&
           table->pages[page[run]].range == table->pages[page[0]].range)
        run++;
    return run;
}

/* Which of the frames were written: bit i is for page[i]. */
static uint32_t kernel_port_ask_frames(const struct pager *pager, uint32_t first, uint32_t count,
                                       uint32_t listed)
{
    struct object_page found;
    struct fl_result result;

    vm_page_locate(&pager->vm, first, &found);
    result = flr_memory_harvest(found.slot, found.page, count,
                                FL_HARVEST_ACCESSED | FL_HARVEST_DIRTY | listed);
    if (result.status != FL_OK)
        log_stop("harvest of frame %lu: status 0x%lx", found.page, result.status);
    return (uint32_t)kernel_port_split(count).written;
}

/* Those of the frames that `asked` names and that are in the range of the first of them: one call. */
static uint32_t kernel_port_harvest_range(const struct pager *pager, const uint32_t *page,
                                          uint32_t count, uint32_t *asked)
{
    const struct page_table *table = &pager->vm.table;
    uint32_t first = (uint32_t)__builtin_ctz(*asked), range = table->pages[page[first]].range;
    uint32_t listed = 0, bits = 0, written;
    uint64_t *list = fl_buffer_data();
    uint8_t at[FL_HARVEST_LIST];

    for (uint32_t i = first; i < count; i++)
        if ((*asked >> i & 1) && table->pages[page[i]].range == range) {
            *asked &= ~(1u << i);
            at[listed] = (uint8_t)i;
            list[listed++] = page[i] - table->range[range].base;
        }
    written = kernel_port_ask_frames(pager, page[first], listed, FL_HARVEST_LISTED);
    for (uint32_t k = 0; k < listed; k++)
        bits |= (written >> k & 1) << at[k];
    return bits;
}

/* At most FL_HARVEST_LIST frames.  Uses the message buffer. */
static uint32_t kernel_port_harvest_frames(void *context, const uint32_t *page, uint32_t count)
{
    const struct pager *pager = context;
    uint32_t asked = 0, bits = 0, run;

    for (uint32_t i = 0; i < count; i += run) {
        run = kernel_port_count_run(&pager->vm.table, page + i, count - i);
        if (run >= KERNEL_PORT_RUN)
            bits |= kernel_port_ask_frames(pager, page[i], run, 0) << i;
        else
            asked |= ((1u << run) - 1) << i;
    }
    while (asked != 0)
        bits |= kernel_port_harvest_range(pager, page, count, &asked);
    return bits;
}
_Static_assert(FL_HARVEST_LIST == SWAP_CLUSTER, "a list holds the frames of a request");

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
                            .harvest = kernel_port_harvest,
                            .harvest_frames = kernel_port_harvest_frames,
                            .submit = disks_submit,
                            .discard = disks_discard,
                            .stock_is_low = kernel_port_stock_is_low};
}
