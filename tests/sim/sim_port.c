/* The core's port over mm/: see sim_port.h. */
#include "sim_port.h"

static const struct sim_slot *sim_find_slot(const struct sim_kernel *kernel, uint32_t slot)
{
    for (uint32_t i = 0; i < SIM_SLOTS; i++)
        if (kernel->slot[i].slot == slot)
            return &kernel->slot[i];
    return NULL;
}

enum fl_error sim_port_decode(const struct sim_kernel *kernel, const struct vm_mapping *mapping,
                              struct vspace_run *run)
{
    const struct sim_slot *slot = sim_find_slot(kernel, mapping->slot);
    const uint32_t all = FL_RIGHT_READ | FL_RIGHT_WRITE | FL_RIGHT_EXEC;
    uint32_t wanted = (mapping->rights & all) | FL_RIGHT_READ;

    if (slot == NULL)
        return FL_BAD_SLOT;
    if (mapping->address % PAGE_BYTES != 0)
        return FL_UNALIGNED;
    if (mapping->pages == 0 || mapping->address < FL_USER_BASE || mapping->address >= FL_USER_END ||
        mapping->pages > (FL_USER_END - mapping->address) / PAGE_BYTES)
        return FL_OUT_OF_RANGE;
    if (!vspace_rights_are_valid(mapping->rights))
        return FL_RESERVED;
    if (mapping->page >= slot->pages || mapping->pages > slot->pages - mapping->page)
        return FL_OUT_OF_RANGE;
    if ((wanted & slot->rights) != wanted)
        return FL_NO_RIGHT;
    *run = (struct vspace_run){.address = {mapping->address},
                               .first = frame_plus(slot->first, mapping->page),
                               .pages = mapping->pages,
                               .rights = mapping->rights,
                               .ceiling = slot->rights & (FL_RIGHT_WRITE | FL_RIGHT_EXEC)};
    return FL_OK;
}

/* A map is done from its start again when tables had to be asked for. */
static enum fl_error sim_port_map_run(struct sim_kernel *kernel, struct vspace *space,
                                      const struct vspace_run *run)
{
    for (;;) {
        uint64_t done;
        enum fl_error error = vspace_map(space, run, &done);

        if (error != FL_NO_TABLE || !sim_kernel_refill(kernel))
            return error;
    }
}

static bool sim_port_map(void *context, uint32_t space, const struct vm_mapping *mapping)
{
    struct sim_kernel *kernel = context;
    struct vspace_run run;
    enum fl_error error = sim_port_decode(kernel, mapping, &run);

    sim_machine_meanwhile();
    if (kernel->map_refusals > 0) {
        kernel->map_refusals--;
        return false;
    }
    if (error == FL_OK)
        error = sim_port_map_run(kernel, &kernel->space[space], &run);
    if (error != FL_OK && error != FL_NO_TABLE)
        sim_kernel_break(kernel, "a map that the kernel refuses");
    sim_machine_meanwhile();
    return error == FL_OK;
}

static bool sim_port_accepts_range(struct sim_kernel *kernel, uint64_t address, uint64_t pages)
{
    bool accepted = address % PAGE_BYTES == 0 && address >= FL_USER_BASE && address < FL_USER_END &&
                    pages > 0 && pages <= (FL_USER_END - address) / PAGE_BYTES;

    if (!accepted)
        sim_kernel_break(kernel, "a range that the kernel refuses");
    return accepted;
}

static void sim_port_unmap(void *context, uint32_t space, uint64_t address, uint64_t pages)
{
    struct sim_kernel *kernel = context;
    enum fl_error error = FL_MORE;

    sim_machine_meanwhile();
    while (error == FL_MORE && sim_port_accepts_range(kernel, address, pages)) {
        uint64_t done;

        error = vspace_unmap(&kernel->space[space], (vaddr_t){address}, pages, &done);
        address += done * PAGE_BYTES;
        pages -= done;
        sim_machine_meanwhile();
    }
}

static void sim_port_make_read_only(void *context, uint32_t space, uint64_t address, uint64_t pages)
{
    struct sim_kernel *kernel = context;
    enum fl_error error = FL_MORE;

    sim_machine_meanwhile();
    while (error == FL_MORE && sim_port_accepts_range(kernel, address, pages)) {
        uint64_t done;

        error =
            vspace_protect(&kernel->space[space], (vaddr_t){address}, pages, FL_RIGHT_READ, &done);
        address += done * PAGE_BYTES;
        pages -= done;
        sim_machine_meanwhile();
    }
}

/* Where a page can't be cloned, the rest is only lowered. */
static void sim_port_clone(void *context, uint32_t to, uint32_t from, uint64_t address,
                           uint64_t pages, uint32_t rights)
{
    struct sim_kernel *kernel = context;
    enum fl_error error;

    if (!sim_port_accepts_range(kernel, address, pages))
        return;
    sim_machine_meanwhile();
    do {
        struct vspace_clone clone = {.to = &kernel->space[to],
                                     .from = &kernel->space[from],
                                     .address = {address},
                                     .pages = pages,
                                     .rights = rights | FL_CLONE_PROTECT,
                                     .ceiling = FL_RIGHT_WRITE | FL_RIGHT_EXEC};
        uint64_t done;

        error = vspace_clone(&clone, &done);
        address += done * PAGE_BYTES;
        pages -= done;
        sim_machine_meanwhile();
    } while (error == FL_MORE || (error == FL_NO_TABLE && sim_kernel_refill(kernel)));
    if (error == FL_OCCUPIED)
        sim_kernel_break(kernel, "a clone over an entry");
    if (error != FL_OK && (rights & FL_RIGHT_WRITE) == 0)
        sim_port_make_read_only(context, from, address, pages);
}

static void sim_port_stock_is_low(void *context)
{
    (void)context;
}

struct vm_port sim_port_make(struct sim_kernel *kernel)
{
    return (struct vm_port){.context = kernel,
                            .map = sim_port_map,
                            .unmap = sim_port_unmap,
                            .make_read_only = sim_port_make_read_only,
                            .clone = sim_port_clone,
                            .stock_is_low = sim_port_stock_is_low};
}
