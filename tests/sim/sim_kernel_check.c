/* The checks of the simulated kernel: K1, K2, and all others.  See sim_kernel.h. */
#include "sim_kernel.h"

/* What the frame of a page in this state may be. */
static bool sim_page_may_be(const struct sim_kernel *kernel, uint32_t page,
                            const struct frame *frame)
{
    switch ((enum page_state)kernel->vm.table.pages[page].state) {
    case PAGE_OUTSIDE:
        return frame->count == 0;
    case PAGE_FREE:
    case PAGE_HELD:
    case PAGE_PACKED:
        return frame->type == FRAME_FREE;
    case PAGE_METADATA:
        return frame->type == FRAME_FREE || page == kernel->vm.zero_page;
    case PAGE_BUSY:
    case PAGE_STRAY:
        return frame->count == 0 && frame->type <= FRAME_USER;
    case PAGE_OBJECT:
    case PAGE_WRITING:
    case PAGE_BUFFER:
    case PAGE_MERGED:
        return frame->type <= FRAME_USER;
    case PAGE_LENT:
        return frame->type == FRAME_TABLE || frame->type == FRAME_OBJECT;
    case PAGE_STATES:
        break;
    }
    return false;
}

static const char *sim_check_pages(const struct sim_kernel *kernel)
{
    const struct frame_table *frames = sim_machine_frames();

    for (uint32_t i = 0; i < kernel->vm.table.range_count; i++) {
        const struct page_range *range = &kernel->vm.table.range[i];
        const struct frame *first = frame_entry(frames, kernel->slot[i].first);

        for (uint32_t k = 0; k < range->pages; k++)
            if (!sim_page_may_be(kernel, range->base + k, &first[k]))
                return "K1";
    }
    return kernel->vm.table_frames == frames->totals[FRAME_TABLE] ? NULL : "K1";
}

/* --- K2 ------------------------------------------------------------------------------------ */

static bool sim_may_be_written(const struct sim_kernel *kernel, pte_t entry)
{
    uint32_t page = sim_kernel_page_of(kernel, sv39_frame(entry));
    uint64_t device = sv39_frame(entry).value - sim_machine_device(0).value;

    if (page == PAGE_NONE)
        return device < SIM_DEVICE_PAGES;
    return kernel->vm.table.pages[page].state == PAGE_OBJECT ||
           kernel->vm.table.pages[page].state == PAGE_WRITING ||
           kernel->vm.table.pages[page].state == PAGE_BUFFER;
}

/* The entries of one table of leaves. */
static bool sim_table_is_right(const struct sim_kernel *kernel, frame_t table)
{
    const pte_t *entries = frame_contents(sim_machine_frames(), table);
    uint32_t left = frame_entry(sim_machine_frames(), table)->count;

    for (uint32_t i = 0; i < SV39_ENTRIES && left > 0; i++) {
        if (entries[i].bits == 0)
            continue;
        left--;
        if ((entries[i].bits & PTE_W) != 0 && !sim_may_be_written(kernel, entries[i]))
            return false;
    }
    return true;
}

static const char *sim_check_leaves(const struct sim_kernel *kernel)
{
    const struct frame_table *frames = sim_machine_frames();

    for (uint64_t i = 0; i < frames->count; i++) {
        const struct frame *entry = &frames->frames[i];

        if (entry->type != FRAME_TABLE || table_pool_is_spare(entry) ||
            vspace_unpack_owner(entry->owner).level > 0)
            continue;
        if (!sim_table_is_right(kernel, frame_plus(frames->first, i)))
            return "K2";
    }
    return NULL;
}

const char *sim_kernel_check_fast(const struct sim_kernel *kernel)
{
    const char *broken = kernel->broken;

    if (broken == NULL)
        broken = sim_machine_check_harts();
    return broken != NULL ? broken : sim_check_pages(kernel);
}

const char *sim_kernel_check(const struct sim_kernel *kernel)
{
    struct vspace *spaces[VM_SPACES_MAX];
    const char *broken = sim_kernel_check_fast(kernel);

    for (uint32_t i = 0; i < VM_SPACES_MAX; i++)
        spaces[i] = (struct vspace *)&kernel->space[i];
    if (broken == NULL)
        broken = sim_machine_check(spaces, VM_SPACES_MAX);
    if (broken == NULL)
        broken = sim_check_leaves(kernel);
    return broken != NULL ? broken : vm_check(&kernel->vm);
}
