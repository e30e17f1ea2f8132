/* What the simulated machine does as hardware may, and that its checks see what it must not find.  Fences of
 * mm/ pass through this program, which can leave some of them out. */
/* sources: tests/sim/sim_machine.c tests/sim/sim_tlb.c tests/sim/sim_mmu.c tests/sim/sim_fence.c */
/* sources: tests/sim/sim_check.c tests/sim/sim_assert.c mm/[a-z]*.c */
/* libs: -Wl,--wrap=mmu_fence_page,--wrap=mmu_fence_space,--wrap=asid_assign */
#include <string.h>

#include "sim_machine_kit.h"
#include "sim_mmu.h"
#include "sweep.h"

#define R FL_RIGHT_READ
#define W FL_RIGHT_WRITE
#define X FL_RIGHT_EXEC

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
    bool flush = __real_asid_assign(allocator, tag);

    return flush && !without.flushes;
}

static void start(uint32_t harts, uint32_t asid_bits)
{
    struct sim_machine_config config = kit_config(harts, asid_bits);

    memset(&without, 0, sizeof without);
    kit_start(&config);
}

static void start_with(const struct sim_machine_config *config)
{
    memset(&without, 0, sizeof without);
    kit_start(config);
}

/* Changes an entry as nobody may: behind all fences and counts. */
static void put_entry(uint32_t space, uint32_t page, pte_t entry)
{
    frame_t table = kit_space[space].root;

    for (unsigned level = 2; level > 0; level--)
        table = sv39_frame(*sim_machine_slot(table, kit_address(page), level));
    *sim_machine_slot(table, kit_address(page), 0) = entry;
}

static pte_t leaf(uint32_t frame)
{
    return (pte_t){sv39_user_leaf(kit_frame(frame), R | W, W).bits | PTE_A | PTE_D};
}

/* --- translations stay until their fence --------------------------------------------------- */

TEST("a translation that was used is used until its page is fenced")
{
    start(1, 16);
    sim_machine_load(0, &kit_space[0]);
    kit_map(0, 1, 7, R | W);
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 7);
    put_entry(0, 1, leaf(8));
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 7);
    mmu_fence_page(&kit_space[0], kit_address(2));
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 7);
    mmu_fence_page(&kit_space[1], kit_address(1));
    mmu_fence_space(&kit_space[1]);
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 7);
    mmu_fence_page(&kit_space[0], kit_address(1));
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 8);
    put_entry(0, 1, leaf(7));
    mmu_fence_space(&kit_space[0]);
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 7);
}

TEST("a write reaches the frame of the stale translation, not that of the entry")
{
    uint8_t *byte;

    start(1, 16);
    sim_machine_load(0, &kit_space[0]);
    kit_map(0, 1, 7, R | W);
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_WRITE), 7);
    put_entry(0, 1, leaf(8));
    byte = sim_machine_access(0, kit_address(1), FL_ACCESS_WRITE);
    *byte = 42;
    CHECK_EQ(*sim_machine_contents(kit_frame(7)), 42);
    CHECK(*sim_machine_contents(kit_frame(8)) != 42);
}

TEST("an invalid entry is cached by a hart that does so, and a pointer to a table too")
{
    struct sim_machine_config config = kit_config(1, 16);

    config.caches_invalid = true;
    start_with(&config);
    sim_machine_load(0, &kit_space[0]);
    kit_map(0, 1, 7, R);
    CHECK_EQ(kit_access(0, 2, FL_ACCESS_READ), KIT_FAULT);
    kit_map(0, 2, 8, R);
    CHECK_EQ(kit_access(0, 2, FL_ACCESS_READ), KIT_FAULT);
    CHECK_EQ(kit_touch(0, 2, FL_ACCESS_READ), 8);
    CHECK_EQ(sim_machine_counts()->ad_traps, 1);
    CHECK_EQ(sim_machine_counts()->spurious, 0);
    CHECK_EQ(kit_access(0, 512, FL_ACCESS_READ), KIT_FAULT);
    kit_map(0, 512, 9, R); /* in a table that was not there */
    mmu_fence_page(&kit_space[0], kit_address(512));
    CHECK_EQ(kit_access(0, 512, FL_ACCESS_READ), KIT_FAULT);
    CHECK_EQ(kit_touch(0, 512, FL_ACCESS_READ), 9);
    CHECK_EQ(sim_machine_counts()->spurious, 1);
    config.caches_invalid = false;
    start_with(&config);
    sim_machine_load(0, &kit_space[0]);
    CHECK_EQ(kit_access(0, 2, FL_ACCESS_READ), KIT_FAULT);
    kit_map(0, 2, 8, R);
    CHECK_EQ(kit_access(0, 2, FL_ACCESS_READ), 8);
}

TEST("a pointer to a table outlives the fence of an address, and not that of its space")
{
    pte_t *slot, old;
    frame_t table;

    start(1, 16);
    sim_machine_load(0, &kit_space[0]);
    kit_map(0, 1, 7, R);
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 7);
    table = sv39_frame(*sim_machine_slot(kit_space[0].root, kit_address(1), 2));
    slot = sim_machine_slot(table, kit_address(1), 1);
    old = *slot;
    *slot = (pte_t){0};
    mmu_fence_page(&kit_space[0], kit_address(1));
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 7);
    mmu_fence_space(&kit_space[0]);
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), KIT_FAULT);
    *slot = old;
}

TEST("chance evicts translations, and reads some before they are used")
{
    struct sim_machine_config config = kit_config(1, 16);

    config.evict_chance = 256;
    start_with(&config);
    sim_machine_load(0, &kit_space[0]);
    kit_map(0, 1, 7, R);
    for (uint32_t i = 0; i < 100; i++)
        CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 7);
    CHECK_EQ(sim_machine_counts()->evictions, 99);
    config.evict_chance = 0;
    config.ahead_chance = 256;
    start_with(&config);
    sim_machine_load(0, &kit_space[0]);
    kit_map(0, 1, 7, R);
    kit_map(0, 2, 8, R | FL_MAP_ACCESSED);
    kit_access(0, 1, FL_ACCESS_READ);
    put_entry(0, 2, leaf(9));
    CHECK_EQ(kit_access(0, 2, FL_ACCESS_READ), 8);
}

TEST("A and D are set by hardware in memory, or by the kernel after a trap")
{
    for (uint32_t sets = 0; sets < 2; sets++) {
        struct sim_machine_config config = kit_config(1, 16);

        config.sets_ad = sets;
        start_with(&config);
        sim_machine_load(0, &kit_space[0]);
        kit_map(0, 1, 7, R | W);
        CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), sets ? 7 : KIT_FAULT);
        CHECK_EQ(kit_touch(0, 1, FL_ACCESS_READ), 7);
        CHECK_EQ(sim_machine_entry(&kit_space[0], kit_address(1)).bits & PTE_AD, PTE_A);
        CHECK_EQ(kit_access(0, 1, FL_ACCESS_WRITE), sets ? 7 : KIT_FAULT);
        CHECK_EQ(kit_touch(0, 1, FL_ACCESS_WRITE), 7);
        CHECK_EQ(sim_machine_entry(&kit_space[0], kit_address(1)).bits & PTE_AD, PTE_AD);
        CHECK_EQ(sim_machine_counts()->ad_traps, sets ? 0 : 2);
        CHECK_STRING(kit_broken(), "");
    }
}

TEST("the rights of an entry decide, and the kernel's half is nobody's")
{
    start(1, 16);
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), KIT_FAULT);
    sim_machine_load(0, &kit_space[0]);
    kit_map(0, 1, 7, R);
    kit_map(0, 2, 8, R | X);
    CHECK_EQ(kit_touch(0, 1, FL_ACCESS_WRITE), KIT_FAULT);
    CHECK_EQ(kit_touch(0, 1, FL_ACCESS_EXEC), KIT_FAULT);
    CHECK_EQ(kit_touch(0, 2, FL_ACCESS_EXEC), 8);
    CHECK(sim_machine_access(0, (vaddr_t){FL_USER_END}, FL_ACCESS_READ) == NULL);
    CHECK(sim_machine_access(0, (vaddr_t){0xffffffc000000000ull}, FL_ACCESS_READ) == NULL);
}

TEST("the window shows the same bytes, without the gap")
{
    uint8_t *window;

    start(1, 16);
    window = sim_machine_window(10, 5, 20);
    sim_machine_contents(sim_machine_frame(9))[3] = 1;
    sim_machine_contents(sim_machine_frame(15))[4] = 2;
    CHECK_EQ(window[9 * PAGE_BYTES + 3], 1);
    CHECK_EQ(window[10 * PAGE_BYTES + 4], 2);
    window[29 * PAGE_BYTES] = 3;
    CHECK_EQ(*sim_machine_contents(sim_machine_frame(34)), 3);
    CHECK(sim_machine_window(10, 5, 20) == window);
}

/* --- several harts ------------------------------------------------------------------------- */

TEST("a hart that left a space fences it when it comes back, and not before")
{
    start(2, 16);
    kit_map(0, 1, 7, R | W);
    for (uint32_t h = 0; h < 2; h++) {
        sim_machine_load(h, &kit_space[0]);
        CHECK_EQ(kit_access(h, 1, FL_ACCESS_READ), 7);
    }
    sim_machine_load(1, &kit_space[1]);
    kit_unmap(0, 1, 1);
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), KIT_FAULT);
    CHECK_EQ(kit_space[0].stale, 2);
    CHECK(sim_harts[1].tlb.used > 0);
    CHECK_STRING(kit_broken(), "");
    sim_machine_load(1, &kit_space[0]);
    CHECK_EQ(kit_space[0].stale, 0);
    CHECK_EQ(kit_access(1, 1, FL_ACCESS_READ), KIT_FAULT);
}

TEST("harts that run a space are fenced while others write to what it loses")
{
    start(SIM_HARTS, 16);
    kit_map(0, 1, 7, R | W);
    kit_map(0, 2, 8, R | W);
    for (uint32_t h = 0; h < SIM_HARTS; h++) {
        sim_machine_load(h, &kit_space[0]);
        CHECK_EQ(kit_access(h, 1, FL_ACCESS_WRITE), 7);
    }
    kit_unmap(0, 1, 1);
    for (uint32_t h = 0; h < SIM_HARTS; h++)
        CHECK_EQ(kit_access(h, 1, FL_ACCESS_WRITE), KIT_FAULT);
    CHECK_STRING(kit_broken(), "");
}

static struct {
    uint32_t calls;
    uint32_t reached[SIM_HARTS + 2]; /* by the last hart, in each call */
} others;

static void run_others(void *context)
{
    CHECK(context == &others);
    CHECK(others.calls < SIM_HARTS + 2);
    others.reached[others.calls++] = kit_access(SIM_HARTS - 1, 1, FL_ACCESS_READ);
}

TEST("others run before a fence and after each hart that did it")
{
    start(SIM_HARTS, 16);
    kit_map(0, 1, 7, R);
    kit_map(0, 2, 8, R);
    for (uint32_t h = 0; h < SIM_HARTS; h++)
        sim_machine_load(h, &kit_space[0]);
    CHECK_EQ(kit_access(SIM_HARTS - 1, 1, FL_ACCESS_READ), 7);
    memset(&others, 0, sizeof others);
    sim_machine_set_meanwhile(run_others, &others);
    kit_unmap(0, 1, 1);
    CHECK_EQ(others.calls, SIM_HARTS + 1);
    for (uint32_t i = 0; i < SIM_HARTS; i++)
        CHECK_EQ(others.reached[i], 7); /* the frame is not free yet */
    CHECK_EQ(others.reached[SIM_HARTS], KIT_FAULT);
    CHECK_STRING(kit_broken(), "");
}

TEST("a root that moves is left by every hart that runs the space")
{
    uint64_t cursor = 0;
    enum fl_error error;
    frame_t root;

    start(3, 16);
    root = kit_space[0].root;
    kit_map(0, 1, 7, R);
    sim_machine_load(0, &kit_space[0]);
    sim_machine_load(1, &kit_space[1]);
    sim_machine_load(2, &kit_space[0]);
    do
        error = sweep_step(sim_machine_frames(), root, 1, &cursor);
    while (error == FL_MORE);
    CHECK_EQ(error, FL_OK);
    CHECK(kit_space[0].root.value != root.value);
    CHECK_EQ(sim_harts[0].root.value, kit_space[0].root.value);
    CHECK_EQ(sim_harts[1].root.value, kit_space[1].root.value);
    CHECK_EQ(sim_harts[2].root.value, kit_space[0].root.value);
    CHECK_EQ(kit_touch(2, 1, FL_ACCESS_READ), 7);
    CHECK_STRING(kit_broken(), "");
}

TEST("code that was executed is executed until a fence.i, which a map of code brings to every hart")
{
    struct sim_machine_config config = kit_config(2, 16);
    uint8_t *memory;

    config.caches_code = true;
    start_with(&config);
    memory = sim_machine_contents(kit_frame(7));
    *memory = 1;
    kit_map(0, 1, 7, R | X);
    for (uint32_t h = 0; h < 2; h++) {
        sim_machine_load(h, &kit_space[0]);
        CHECK_EQ(*sim_machine_access(h, kit_address(1), FL_ACCESS_EXEC), 1);
    }
    *memory = 2;
    CHECK_EQ(*sim_machine_access(0, kit_address(1), FL_ACCESS_EXEC), 1);
    sim_machine_load(1, &kit_space[1]);
    kit_map(0, 1, 7, R | X);
    CHECK_EQ(*sim_machine_access(0, kit_address(1), FL_ACCESS_EXEC), 2);
    CHECK_EQ(kit_space[0].stale_code, 2);
    sim_machine_load(1, &kit_space[0]);
    CHECK_EQ(*sim_machine_access(1, kit_address(1), FL_ACCESS_EXEC), 2);
    *memory = 3;
    sim_machine_fence_code(1);
    CHECK_EQ(*sim_machine_access(1, kit_address(1), FL_ACCESS_EXEC), 3);
}

static void map_run(uint32_t page, uint32_t frame, uint32_t pages)
{
    struct vspace_run run = {.address = kit_address(page),
                             .first = kit_frame(frame),
                             .pages = pages,
                             .rights = R | X,
                             .ceiling = X};
    uint64_t done;

    CHECK_EQ(vspace_map(&kit_space[0], &run, &done), FL_OK);
}

static void clone_page(uint32_t page)
{
    struct vspace_clone clone = {.to = &kit_space[0],
                                 .from = &kit_space[1],
                                 .address = kit_address(page),
                                 .pages = 1,
                                 .rights = R | X,
                                 .ceiling = X};
    uint64_t done;

    CHECK_EQ(vspace_clone(&clone, &done), FL_OK);
}

TEST("each way to make a page executable brings a fence.i before the page is executed")
{
    for (uint32_t way = 0; way < 5; way++) {
        struct sim_machine_config config = kit_config(1, 16);

        config.caches_code = true;
        start_with(&config);
        sim_machine_load(0, &kit_space[0]);
        *sim_machine_contents(kit_frame(7)) = 1;
        kit_map(0, 1, 7, R | X);
        kit_map(0, 2, way == 1 ? 8 : 7, R);
        kit_map(1, 3, 7, R | X);
        CHECK_EQ(*sim_machine_access(0, kit_address(1), FL_ACCESS_EXEC), 1);
        *sim_machine_contents(kit_frame(7)) = 2;
        if (way == 0)
            kit_map(0, 2, 7, R | X);
        else if (way == 1)
            kit_map(0, 2, 7, R | X);
        else if (way == 2)
            kit_protect(0, 2, 1, R | X);
        else if (way == 3)
            clone_page(3);
        else
            map_run(2 + 512, 7, 2);
        CHECK_EQ(*sim_machine_access(0, kit_address(1), FL_ACCESS_EXEC), 2);
    }
    start(1, 16);
    sim_machine_load(0, &kit_space[0]);
    kit_map(0, 1, 7, R | X);
    kit_map(0, 2, 8, R | X); /* the table is there, the page is not */
    CHECK_EQ(sim_machine_counts()->code_fences, 2);
}

TEST("each hart that left a space owes fences of its own")
{
    struct sim_machine_config config = kit_config(3, 16);

    config.caches_code = true;
    start_with(&config);
    *sim_machine_contents(kit_frame(7)) = 1;
    kit_map(0, 1, 7, R | X);
    for (uint32_t h = 0; h < 3; h++) {
        sim_machine_load(h, &kit_space[0]);
        CHECK_EQ(*sim_machine_access(h, kit_address(1), FL_ACCESS_EXEC), 1);
        sim_machine_load(h, &kit_space[1]);
    }
    *sim_machine_contents(kit_frame(7)) = 2;
    kit_map(0, 1, 7, X);
    CHECK_EQ(kit_space[0].stale, 7);
    CHECK_EQ(kit_space[0].stale_code, 7);
    for (uint32_t h = 0; h < 3; h++) {
        sim_machine_load(h, &kit_space[0]);
        CHECK_EQ(*sim_machine_access(h, kit_address(1), FL_ACCESS_EXEC), 2);
        CHECK_EQ(kit_access(h, 1, FL_ACCESS_READ), KIT_FAULT);
    }
    CHECK_EQ(kit_space[0].stale | kit_space[0].stale_code, 0);
}

/* --- ASIDs --------------------------------------------------------------------------------- */

TEST("spaces that take turns see their own frames with 0, 1, 2 and 16 bits of ASID")
{
    static const uint32_t bits[] = {0, 1, 2, 16};

    for (uint32_t b = 0; b < 4; b++) {
        start(2, bits[b]);
        for (uint32_t s = 0; s < KIT_SPACES; s++)
            kit_map(s, 1, s, R | W);
        for (uint32_t turn = 0; turn < 40; turn++) {
            uint32_t hart = turn / 3 % 2, space = turn * 7 / 5 % KIT_SPACES;

            sim_machine_load(hart, &kit_space[space]);
            CHECK_EQ(kit_access(hart, 1, FL_ACCESS_WRITE), space);
            CHECK_STRING(kit_broken(), "");
        }
        CHECK_EQ(sim_machine_counts()->rollovers > 0, bits[b] < 3);
    }
}

TEST("a hart that goes on in an old generation is fenced under the ASID that it uses")
{
    start(2, 1);
    kit_map(0, 1, 7, R);
    kit_map(0, 2, 7, R);
    sim_machine_load(0, &kit_space[0]);
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 7);
    sim_machine_load(1, &kit_space[1]); /* the next generation, and the one after */
    sim_machine_load(1, &kit_space[0]);
    CHECK(sim_harts[0].generation != kit_space[0].tag.generation);
    kit_unmap(0, 1, 1);
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), KIT_FAULT);
    CHECK_STRING(kit_broken(), "");
}

/* --- the checks see what is broken --------------------------------------------------------- */

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
            sim_harts[0].hart.space = NULL;
        CHECK_STRING(kit_broken(), "M1");
    }
}

TEST("M2: a right that is taken without a fence")
{
    start(1, 16);
    kit_map(0, 1, 7, R | W);
    sim_machine_load(0, &kit_space[0]);
    kit_access(0, 1, FL_ACCESS_WRITE);
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
    start(1, 16);
    kit_map(0, 1, 7, R | W);
    sim_machine_load(0, &kit_space[0]);
    kit_access(0, 1, FL_ACCESS_WRITE);
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

    start(1, 16);
    kit_map(0, 1, 7, R | W);
    sim_machine_load(0, &kit_space[0]);
    kit_access(0, 1, FL_ACCESS_WRITE);
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
    put_entry(0, 1, leaf(8));
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
