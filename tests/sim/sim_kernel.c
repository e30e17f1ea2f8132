/* Spaces, page tables that are lent, and replies to faults: see sim_kernel.h.  The port is in sim_port.c,
 * the checks are in sim_kernel_check.c, the start in sim_kernel_start.c. */
#include "sim_kernel.h"

#include <string.h>

#include "protocol.h"
#include "sim_port.h"

enum { SIM_SIGKILL = 9 }; /* as Linux numbers it */

void sim_kernel_break(struct sim_kernel *kernel, const char *rule)
{
    if (kernel->broken == NULL)
        kernel->broken = rule;
}

/* --- tables -------------------------------------------------------------------------------- */

frame_t sim_kernel_frame_of(const struct sim_kernel *kernel, uint32_t page)
{
    const struct page_range *range = &kernel->vm.table.range[kernel->vm.table.pages[page].range];

    return frame_plus(kernel->slot[range->slot - SIM_SLOT_RAM].first, page - range->base);
}

uint32_t sim_kernel_page_of(const struct sim_kernel *kernel, frame_t frame)
{
    const struct page_table *table = &kernel->vm.table;

    for (uint32_t i = 0; i < table->range_count; i++) {
        uint64_t page = frame.value - kernel->slot[i].first.value;

        if (page < table->range[i].pages)
            return table->range[i].base + (uint32_t)page;
    }
    return PAGE_NONE;
}

static void sim_kernel_donate(struct sim_kernel *kernel, uint32_t page)
{
    if (table_pool_donate(&kernel->pool, sim_kernel_frame_of(kernel, page)) != FL_OK)
        sim_kernel_break(kernel, "a page that was lent is no free frame");
    kernel->vm.table_frames++;
}

static uint32_t sim_kernel_donate_some(struct sim_kernel *kernel, uint32_t pages)
{
    uint32_t donated = 0;

    for (; donated < pages; donated++) {
        uint32_t page = page_allocate(&kernel->vm.table, PAGE_LENT);

        if (page == PAGE_NONE)
            break;
        sim_kernel_donate(kernel, page);
    }
    return donated;
}

bool sim_kernel_refill(struct sim_kernel *kernel)
{
    return sim_kernel_donate_some(kernel, kernel->spare_tables) > 0;
}

/* Takes one spare frame of a range back. */
static bool sim_kernel_withdraw(struct sim_kernel *kernel, uint32_t range)
{
    const struct page_range *r = &kernel->vm.table.range[range];
    frame_t first = kernel->slot[range].first, frame;
    uint64_t seen = 0; /* of the pool's spare frames; a long list is looked through in parts */
    enum fl_error error;

    do {
        error = table_pool_withdraw_from(&kernel->pool, first, r->pages, &frame);
        seen += TABLE_POOL_STEP;
    } while (error == FL_MORE && seen < kernel->pool.spare);
    if (error != FL_OK)
        return false;
    kernel->vm.table_frames--;
    page_release(&kernel->vm.table, sim_kernel_page_of(kernel, frame));
    return true;
}

void sim_kernel_settle(struct sim_kernel *kernel)
{
    uint32_t keep = kernel->spare_tables;

    for (uint32_t range = 0; range < kernel->vm.table.range_count; range++)
        while (kernel->pool.spare > keep && sim_kernel_withdraw(kernel, range))
            continue;
    if (kernel->pool.spare < keep)
        sim_kernel_donate_some(kernel, keep - (uint32_t)kernel->pool.spare);
}

/* --- spaces -------------------------------------------------------------------------------- */

bool sim_kernel_attach(struct sim_kernel *kernel, const struct space *space)
{
    struct vspace *vspace = &kernel->space[space->id];
    uint32_t page = page_allocate(&kernel->vm.table, PAGE_LENT);
    enum fl_error error;

    if (page == PAGE_NONE)
        return false;
    if (frame_claim(sim_machine_frames(), sim_kernel_frame_of(kernel, page), FRAME_OBJECT, 0) !=
        FL_OK)
        sim_kernel_break(kernel, "a page that was lent is no free frame");
    *vspace = (struct vspace){0};
    error = vspace_init(vspace, &kernel->pool, sim_machine_kernel_root());
    if (error == FL_NO_TABLE && sim_kernel_refill(kernel))
        error = vspace_init(vspace, &kernel->pool, sim_machine_kernel_root());
    if (error == FL_OK) {
        kernel->object_page[space->id] = page;
        return true;
    }
    frame_release(sim_machine_frames(), sim_kernel_frame_of(kernel, page));
    page_release(&kernel->vm.table, page);
    return false;
}

struct space *sim_kernel_create(struct sim_kernel *kernel, uint64_t pid)
{
    struct space *space = space_create(&kernel->vm, pid);

    if (space == NULL || sim_kernel_attach(kernel, space))
        return space;
    space_destroy(&kernel->vm, space);
    return NULL;
}

static bool sim_kernel_copy_buffer(struct sim_kernel *kernel, const struct space *parent,
                                   struct space *child)
{
    const struct page_table *table = &kernel->vm.table;

    if (parent->buffer == PAGE_NONE)
        return true;
    if (space_take_buffer(&kernel->vm, child) == PAGE_NONE)
        return false;
    page_copy(page_contents(table, child->buffer), page_contents(table, parent->buffer));
    return true;
}

struct space *sim_kernel_fork(struct sim_kernel *kernel, struct space *parent, uint64_t pid)
{
    struct space *child = sim_kernel_create(kernel, pid);

    if (child == NULL)
        return NULL;
    if (sim_kernel_copy_buffer(kernel, parent, child) && vm_fork(&kernel->vm, parent, child) == 0)
        return child;
    sim_kernel_destroy(kernel, child);
    return NULL;
}

bool sim_kernel_give_buffer(struct sim_kernel *kernel, struct space *space)
{
    struct vm_mapping mapping = {
        .address = FL_BUFFER, .pages = 1, .rights = FL_RIGHT_READ | FL_RIGHT_WRITE};
    struct object_page at;

    if (space->buffer == PAGE_NONE && space_take_buffer(&kernel->vm, space) == PAGE_NONE)
        return false;
    space->attached = true;
    vm_page_locate(&kernel->vm, space->buffer, &at);
    mapping.slot = at.slot;
    mapping.page = at.page;
    return kernel->vm.port.map(kernel, space->id, &mapping);
}

void sim_kernel_destroy(struct sim_kernel *kernel, struct space *space)
{
    uint32_t page = kernel->object_page[space->id];
    struct vspace *vspace = &kernel->space[space->id];

    sim_machine_leave(vspace);
    while (vspace_destroy_step(vspace) == FL_MORE)
        sim_machine_meanwhile();
    frame_release(sim_machine_frames(), sim_kernel_frame_of(kernel, page));
    space_destroy(&kernel->vm, space);
    page_release(&kernel->vm.table, page);
    sim_kernel_settle(kernel);
}

/* --- faults -------------------------------------------------------------------------------- */

enum vm_verdict sim_kernel_fault(struct sim_kernel *kernel, struct space *space,
                                 const struct vm_fault *fault, struct vm_answer *answer)
{
    if (kernel->pool.spare < FL_POOL_LOW)
        sim_kernel_refill(kernel);
    return vm_handle_fault(&kernel->vm, space, fault, answer);
}

static bool sim_runs_overlap(const struct vspace_run *a, const struct vspace_run *b)
{
    return a->address.value < b->address.value + b->pages * PAGE_BYTES &&
           b->address.value < a->address.value + a->pages * PAGE_BYTES;
}

/* One item, which is not to overlap those before it. */
static enum fl_error sim_reply_check_item(const struct sim_kernel *kernel,
                                          const struct vspace *space, struct vspace_run *runs,
                                          uint32_t i, const struct vm_mapping *mapping,
                                          uint64_t *tables)
{
    enum fl_error error = sim_port_decode(kernel, mapping, &runs[i]);

    if (error == FL_OK && runs[i].pages > FL_ITEM_PAGES)
        error = FL_OUT_OF_RANGE;
    for (uint32_t j = 0; j < i && error == FL_OK; j++)
        if (sim_runs_overlap(&runs[i], &runs[j]))
            error = FL_OCCUPIED;
    return error == FL_OK ? vspace_check_run(space, &runs[i], tables) : error;
}

static enum fl_error sim_reply_check(const struct sim_kernel *kernel, const struct vspace *space,
                                     const struct vm_answer *answer, uint32_t count,
                                     struct vspace_run *runs)
{
    uint64_t pages = 0, tables = 0;

    for (uint32_t i = 0; i < count; i++) {
        enum fl_error error =
            sim_reply_check_item(kernel, space, runs, i, &answer->mapping[i], &tables);

        if (error != FL_OK)
            return error;
        pages += runs[i].pages;
    }
    if (pages > FL_ITEM_PAGES)
        return FL_OUT_OF_RANGE;
    return tables > space->pool->spare ? FL_NO_TABLE : FL_OK;
}

/* The kernel's half of a reply with the first `count` items: see kernel/fault.c. */
static enum fl_error sim_reply_once(struct sim_kernel *kernel, struct vspace *space,
                                    const struct vm_answer *answer, uint32_t count)
{
    struct vspace_run runs[FL_ITEMS];
    enum fl_error error;

    if (kernel->reply_refusals > 0) {
        kernel->reply_refusals--;
        return FL_NO_TABLE;
    }
    if (count == 0 || count > FL_ITEMS)
        return FL_OUT_OF_RANGE;
    if (count == 1 && answer->mapping[0].pages == 1) {
        error = sim_port_decode(kernel, &answer->mapping[0], &runs[0]);
        return error == FL_OK ? vspace_map_page(space, &runs[0]) : error;
    }
    error = sim_reply_check(kernel, space, answer, count, runs);
    for (uint32_t i = 0; i < count && error == FL_OK; i++)
        vspace_commit_run(space, &runs[i]);
    return error;
}

/* The pager's half of a refused reply that tables do not mend: see user/pager/request.c. */
static enum fl_error sim_reply_give_up(struct sim_kernel *kernel, struct space *space,
                                       const struct vm_answer *answer, enum fl_error error)
{
    struct space_event event = {.address = answer->mapping[0].address,
                                .kind = PAGER_EVENT_NO_MEMORY,
                                .signal = SIM_SIGKILL};

    if (error != FL_NO_TABLE)
        sim_kernel_break(kernel, "an answer that the kernel refuses");
    else if (wait_for_memory(&kernel->vm))
        return FL_MORE;
    vm_stop_space(&kernel->vm, space, &event);
    return error;
}

enum fl_error sim_kernel_reply(struct sim_kernel *kernel, struct space *space,
                               const struct vm_answer *answer)
{
    const struct vm_port *port = &kernel->vm.port;
    struct vspace *vspace = &kernel->space[space->id];
    enum fl_error error;

    sim_machine_meanwhile();
    error = sim_reply_once(kernel, vspace, answer, answer->count);
    /* What it did not replace may be a page that the core took back meanwhile. */
    if (error != FL_OK)
        port->unmap(port->context, space->id, answer->mapping[0].address, 1);
    while (error != FL_OK) {
        if (error != FL_NO_TABLE || !sim_kernel_refill(kernel))
            return sim_reply_give_up(kernel, space, answer, error);
        error = sim_reply_once(kernel, vspace, answer, 1);
    }
    sim_machine_meanwhile();
    return FL_OK;
}
