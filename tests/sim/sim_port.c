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

/* What mm/ wrote about page i of those that a harvest did: FL_HARVEST_*. */
static uint64_t sim_port_bits(const struct fl_harvest *harvest, uint64_t i)
{
    if (i < harvest->absent)
        return 0;
    i -= harvest->absent;
    return harvest->bits[i / 32] >> 2 * (i % 32);
}

static uint64_t sim_port_harvest(void *context, uint32_t space, uint64_t address, uint64_t pages,
                                 uint64_t *written)
{
    struct sim_kernel *kernel = context;
    uint64_t bits = 0, first = 0, done = 0;
    enum fl_error error = FL_MORE;

    *written = 0;
    while (error == FL_MORE && sim_port_accepts_range(kernel, address, pages)) {
        struct fl_harvest harvest = {0};

        error = vspace_harvest(&kernel->space[space], (vaddr_t){address + first * PAGE_BYTES},
                               pages - first, FL_HARVEST_ACCESSED, &harvest, &done);
        for (uint64_t i = 0; i < done; i++) {
            uint64_t found = sim_port_bits(&harvest, i);

            bits |= (found & FL_HARVEST_ACCESSED ? 1ull : 0) << (first + i);
            *written |= (found & FL_HARVEST_DIRTY ? 1ull : 0) << (first + i);
        }
        first += done;
        sim_machine_meanwhile();
    }
    return bits;
}

static uint32_t sim_port_harvest_frames(void *context, const uint32_t *page, uint32_t count)
{
    struct sim_kernel *kernel = context;
    uint32_t bits = 0;

    sim_machine_meanwhile();
    for (uint32_t i = 0; i < count; i++) {
        struct fl_harvest harvest = {0};
        struct object_page found;
        uint64_t done;

        vm_page_locate(&kernel->vm, page[i], &found);
        if (frame_harvest(sim_machine_frames(),
                          frame_plus(sim_find_slot(kernel, found.slot)->first, found.page), 1,
                          FL_HARVEST_ACCESSED | FL_HARVEST_DIRTY, &harvest, &done) != FL_OK)
            sim_kernel_break(kernel, "a harvest of a frame that is no page");
        if (sim_port_bits(&harvest, 0) & FL_HARVEST_DIRTY)
            bits |= 1u << i;
    }
    return bits;
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
                            .harvest = sim_port_harvest,
                            .harvest_frames = sim_port_harvest_frames,
                            .stock_is_low = sim_port_stock_is_low};
}
