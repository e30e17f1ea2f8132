/* That the checks of the simulated machine see what it must not find.  Fences of mm/ pass through this program,
 * which can leave some of them out. */
/* sources: tests/sim/sim_machine.c tests/sim/sim_tlb.c tests/sim/sim_mmu.c tests/sim/sim_fence.c */
/* sources: tests/sim/sim_check.c tests/sim/sim_assert.c mm/[a-z]*.c */
/* libs: -Wl,--wrap=mmu_fence_page,--wrap=mmu_fence_space,--wrap=asid_assign */
#include <string.h>

#include "sim_machine_kit.h"

#define R FL_RIGHT_READ
#define W FL_RIGHT_WRITE

/* --- what the tests break ------------------------------------------------------------------ */

void __real_mmu_fence_page(struct vspace *space, vaddr_t address);
void __real_mmu_fence_space(struct vspace *space);
bool __real_asid_assign(struct asid_allocator *allocator, struct asid_tag *tag);
void __wrap_mmu_fence_page(struct vspace *space, vaddr_t address);
void __wrap_mmu_fence_space(struct vspace *space);
bool __wrap_asid_assign(struct asid_allocator *allocator, struct asid_tag *tag);

static struct {
    bool fences;  /* are left out */
    bool flushes; /* at the start of a generation */
    bool counts;  /* go before the fence, of this frame: */
    frame_t frame;
} without;

static void drop_count_early(void)
{
    struct frame_drops drops = {0, 0};

    if (!without.counts)
        return;
    without.counts = false;
    frame_drop_map(sim_machine_frames(), without.frame, 0, &drops);
}

void __wrap_mmu_fence_page(struct vspace *space, vaddr_t address)
{
    drop_count_early();
    if (!without.fences)
        __real_mmu_fence_page(space, address);
}

void __wrap_mmu_fence_space(struct vspace *space)
{
    if (!without.fences)
        __real_mmu_fence_space(space);
}

bool __wrap_asid_assign(struct asid_allocator *allocator, struct asid_tag *tag)
{
    bool rollover = __real_asid_assign(allocator, tag);

    if (without.flushes) /* each hart takes it that it has flushed for this generation */
        for (uint32_t i = 0; i < SIM_HARTS; i++)
            sim_harts[i].hart->generation = tag->generation;
    return rollover;
}

static void start(uint32_t harts, uint32_t asid_bits)
{
    memset(&without, 0, sizeof without);
    kit_begin(harts, asid_bits);
}

/* One hart, in a space whose page 1 is frame 7, and was written. */
static void start_written(void)
{
    start(1, 16);
    kit_map(0, 1, 7, R | W);
    sim_machine_load(0, &kit_space[0]);
    kit_access(0, 1, FL_ACCESS_WRITE);
}

/* --- what is seen -------------------------------------------------------------------------- */

TEST("M1: an unmap without a fence leaves a translation of a free frame")
{
    start(2, 16);
    kit_map(0, 1, 7, R | W);
    kit_map(0, 2, 8, R | W);
    sim_machine_load(1, &kit_space[0]);
    kit_access(1, 1, FL_ACCESS_READ);
    without.fences = true;
    kit_unmap(0, 1, 1);
    CHECK_STRING(kit_broken(), "M1");
}

TEST("M1: a table that is given back without a fence is still walked")
{
    start(1, 16);
    kit_map(0, 1, 7, R);
    sim_machine_load(0, &kit_space[0]);
    kit_access(0, 1, FL_ACCESS_READ);
    sim_tlb_drop_page(&sim_harts[0].tlb, sim_harts[0].asid, kit_address(1));
    without.fences = true;
    kit_unmap(0, 1, 1);
    CHECK_STRING(kit_broken(), "M1");
}

TEST("M1: a count that is dropped before the fence is seen at the fence, though all is well after "
     "it")
{
    start(1, 16);
    kit_map(0, 1, 7, R);
    kit_map(0, 2, 8, R);
    kit_map(1, 1, 7, R);
    sim_machine_load(0, &kit_space[0]);
    kit_access(0, 1, FL_ACCESS_READ);
    CHECK_STRING(kit_broken(), "");
    kit_unmap(1, 1, 1); /* the frame has one mapping left, which is to go now */
    without.counts = true;
    without.frame = kit_frame(7);
    mmu_fence_page(&kit_space[0], kit_address(1));
    CHECK_STRING(kit_broken(), "M1");
}

TEST("M1: a hart that is left on a root that was given back, with a space or without")
{
    for (uint32_t leaves = 0; leaves < 2; leaves++) {
        start(1, 16);
        sim_machine_load(0, &kit_space[0]);
        CHECK_EQ(vspace_destroy_step(&kit_space[0]), FL_OK);
        if (leaves)
            sim_harts[0].hart->space = NULL;
        CHECK_STRING(kit_broken(), "M1");
    }
}

TEST("M2: a right that is taken without a fence")
{
    start_written();
    without.fences = true;
    kit_protect(0, 1, 1, R);
    CHECK_STRING(kit_broken(), "M2");
}

TEST("M2: a frame that is replaced without a fence, though it is mapped elsewhere too")
{
    start(1, 16);
    kit_map(0, 1, 7, R | W);
    kit_map(1, 1, 7, R | W);
    sim_machine_load(0, &kit_space[0]);
    kit_access(0, 1, FL_ACCESS_WRITE);
    without.fences = true;
    kit_map(0, 1, 8, R | W);
    CHECK_STRING(kit_broken(), "M2");
}

TEST("M2: a stale mark that is lost")
{
    start_written();
    sim_machine_load(0, &kit_space[1]);
    kit_protect(0, 1, 1, R);
    CHECK_STRING(kit_broken(), "");
    kit_space[0].stale = 0;
    CHECK_STRING(kit_broken(), "M2");
}

TEST("M3: D that is cleared without a fence hides the next write")
{
    struct fl_harvest result;
    uint64_t done;

    start_written();
    without.fences = true;
    vspace_harvest(&kit_space[0], kit_address(1), 1, FL_HARVEST_DIRTY, &result, &done);
    CHECK_STRING(kit_broken(), "M3");
}

TEST("M4: a generation of ASIDs that starts without a flush")
{
    start(1, 1);
    kit_map(0, 1, 7, R);
    kit_map(1, 1, 8, R);
    sim_machine_load(0, &kit_space[0]);
    kit_access(0, 1, FL_ACCESS_READ);
    without.flushes = true;
    sim_machine_load(0, &kit_space[1]);
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 7); /* the other one's */
    CHECK_STRING(kit_broken(), "M4");
}

TEST("M4: a space that is not loaded would find what another one left under its ASID")
{
    start(1, 1);
    kit_map(0, 1, 7, R);
    sim_machine_load(0, &kit_space[0]);
    kit_access(0, 1, FL_ACCESS_READ);
    sim_machine_load(0, NULL);
    kit_space[1].tag = kit_space[0].tag;
    CHECK_STRING(kit_broken(), "M4");
}

TEST("M5: an entry that takes another's place before the fence, which then is done")
{
    start(2, 16);
    kit_map(0, 1, 7, R | W);
    sim_machine_load(1, &kit_space[0]);
    kit_access(1, 1, FL_ACCESS_READ);
    kit_put_entry(0, 1, kit_leaf(8));
    mmu_fence_page(&kit_space[0], kit_address(1));
    CHECK_STRING(kit_broken(), "M5");
}

TEST("V1 and P2: counts of mappings and of tables that do not add up")
{
    start(1, 16);
    kit_map(0, 1, 7, R);
    kit_map(1, 1, 8, R);
    frame_entry(sim_machine_frames(), kit_frame(7))->count = 2;
    frame_entry(sim_machine_frames(), kit_frame(8))->count = 2;
    sim_machine_frames()->mappings = 4;
    CHECK_STRING(kit_broken(), "V1");
    start(1, 16);
    kit_pool.in_use++;
    CHECK_STRING(kit_broken(), "P2");
}
