/* Harvests: see sim_dirty.h.
 *
 * A store before the harvest is told by it.  One in its middle is told by it or by the next, and which of
 * the two nobody can say afterwards: where the page is told anyhow, the model forgets it. */
#include "sim_dirty.h"

#include <inttypes.h>
#include <string.h>

/* What one harvest tells, for each page of the core. */
struct sim_told {
    bool dirty[SIM_FRAMES_MAX];
};

static void sim_dirty_note_entry(struct sim_told *told, const struct vspace *space, vaddr_t address)
{
    pte_t entry = sim_machine_entry(space, address);
    uint32_t page = sim_kernel_page_of(&sim.kernel, sv39_frame(entry));

    if (sv39_is_valid(entry) && page != PAGE_NONE)
        told->dirty[page] = true;
}

static bool sim_dirty_bit(const struct fl_harvest *result, uint64_t page)
{
    return (result->bits[page / 32] >> 2 * (page % 32) & FL_HARVEST_DIRTY) != 0;
}

static void sim_dirty_harvest_window(struct sim_told *told, struct vspace *space, uint32_t first,
                                     uint32_t count)
{
    for (uint64_t at = 0, done; at < count; at += done) {
        vaddr_t address = {sim_page_address(first) + at * SIM_PAGE_BYTES};
        struct fl_harvest result;
        enum fl_error error =
            vspace_harvest(space, address, count - at, FL_HARVEST_DIRTY, &result, &done);

        SIM_EXPECT(done > 0 && (error == FL_OK) == (at + done == count),
                   "a harvest of %u pages: %u after %u", count, (unsigned)error,
                   (unsigned)(at + done));
        for (uint64_t i = result.absent; i < done; i++)
            if (sim_dirty_bit(&result, i - result.absent))
                sim_dirty_note_entry(told, space, (vaddr_t){address.value + i * SIM_PAGE_BYTES});
    }
}

static void sim_dirty_harvest_frames(struct sim_told *told)
{
    for (uint32_t page = 0; page < sim_vm()->table.count; page++) {
        frame_t frame = sim_kernel_frame_of(&sim.kernel, page);
        struct fl_harvest result;
        uint64_t done;

        if (frame_entry(sim_machine_frames(), frame)->type > FRAME_USER)
            continue;
        SIM_EXPECT(frame_harvest(sim_machine_frames(), frame, 1, FL_HARVEST_DIRTY, &result,
                                 &done) == FL_OK,
                   "the frame of page %u is not harvested", page);
        told->dirty[page] = told->dirty[page] || sim_dirty_bit(&result, 0);
    }
}

static void sim_dirty_compare(struct sim_value *value, const struct sim_told *told)
{
    bool is_told = value->page != SIM_NO_PAGE && told->dirty[value->page];

    SIM_EXPECT(is_told || !value->due, "a store to page %u is not told", value->page);
    value->stored = value->stored && !is_told;
}

void sim_dirty_harvest(void)
{
    static struct sim_told told;
    struct sim_model *model = &sim.model;

    memset(&told, 0, sizeof(told));
    for (uint32_t i = 0; i < SIM_VALUES; i++)
        model->value[i].due = model->value[i].users > 0 && model->value[i].stored;
    for (uint32_t i = 0; i < SIM_PROCESSES; i++) {
        const struct space *space = model->process[i].space;

        if (!space)
            continue;
        sim_dirty_harvest_window(&told, &sim.kernel.space[space->id], 0, SIM_LOW_PAGES);
        sim_dirty_harvest_window(&told, &sim.kernel.space[space->id], SIM_LOW_PAGES,
                                 SIM_HIGH_PAGES);
    }
    sim_dirty_harvest_frames(&told);
    for (uint32_t i = 0; i < SIM_VALUES; i++)
        if (model->value[i].users > 0)
            sim_dirty_compare(&model->value[i], &told);
}
