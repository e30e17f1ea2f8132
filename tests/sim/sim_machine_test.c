/* What the simulated machine does as hardware may. */
/* sources: tests/sim/sim_machine.c tests/sim/sim_tlb.c tests/sim/sim_mmu.c tests/sim/sim_fence.c */
/* sources: tests/sim/sim_check.c tests/sim/sim_assert.c mm/[a-z]*.c */
#include <string.h>

#include "sim_machine_kit.h"
#include "sweep.h"

#define R FL_RIGHT_READ
#define W FL_RIGHT_WRITE
#define X FL_RIGHT_EXEC

/* --- translations stay until their fence --------------------------------------------------- */

TEST("a translation that was used is used until its page is fenced")
{
    kit_begin(1, 16);
    sim_machine_load(0, &kit_space[0]);
    kit_map(0, 1, 7, R | W);
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 7);
    kit_put_entry(0, 1, kit_leaf(8));
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 7);
    mmu_fence_page(&kit_space[0], kit_address(2));
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 7);
    mmu_fence_page(&kit_space[1], kit_address(1));
    mmu_fence_space(&kit_space[1]);
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 7);
    mmu_fence_page(&kit_space[0], kit_address(1));
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 8);
    kit_put_entry(0, 1, kit_leaf(7));
    mmu_fence_space(&kit_space[0]);
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 7);
}

TEST("a write reaches the frame of the stale translation, not that of the entry")
{
    uint8_t *byte;

    kit_begin(1, 16);
    sim_machine_load(0, &kit_space[0]);
    kit_map(0, 1, 7, R | W);
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_WRITE), 7);
    kit_put_entry(0, 1, kit_leaf(8));
    byte = sim_machine_access(0, kit_address(1), FL_ACCESS_WRITE);
    *byte = 42;
    CHECK_EQ(*sim_machine_contents(kit_frame(7)), 42);
    CHECK(*sim_machine_contents(kit_frame(8)) != 42);
}

TEST("an invalid entry is cached by a hart that does so, and a pointer to a table too")
{
    struct sim_machine_config config = kit_config(1, 16);

    config.caches_invalid = true;
    kit_start(&config);
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
    kit_start(&config);
    sim_machine_load(0, &kit_space[0]);
    CHECK_EQ(kit_access(0, 2, FL_ACCESS_READ), KIT_FAULT);
    kit_map(0, 2, 8, R);
    CHECK_EQ(kit_access(0, 2, FL_ACCESS_READ), 8);
}

TEST("a pointer to a table outlives the fence of an address, and not that of its space")
{
    pte_t *slot, old;
    frame_t table;

    kit_begin(1, 16);
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
    kit_start(&config);
    sim_machine_load(0, &kit_space[0]);
    kit_map(0, 1, 7, R);
    for (uint32_t i = 0; i < 100; i++)
        CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 7);
    CHECK_EQ(sim_machine_counts()->evictions, 99);
    config.evict_chance = 0;
    config.ahead_chance = 256;
    kit_start(&config);
    sim_machine_load(0, &kit_space[0]);
    kit_map(0, 1, 7, R);
    kit_map(0, 2, 8, R | FL_MAP_ACCESSED);
    kit_access(0, 1, FL_ACCESS_READ);
    kit_put_entry(0, 2, kit_leaf(9));
    CHECK_EQ(kit_access(0, 2, FL_ACCESS_READ), 8);
}

TEST("A and D are set by hardware in memory, or by the kernel after a trap")
{
    for (uint32_t sets = 0; sets < 2; sets++) {
        struct sim_machine_config config = kit_config(1, 16);

        config.sets_ad = sets;
        kit_start(&config);
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
    kit_begin(1, 16);
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

    kit_begin(1, 16);
    window = sim_machine_window(10, 5, 20);
    sim_machine_contents(sim_machine_frame(9))[3] = 1;
    sim_machine_contents(sim_machine_frame(15))[4] = 2;
    CHECK_EQ(window[9 * PAGE_BYTES + 3], 1);
    CHECK_EQ(window[10 * PAGE_BYTES + 4], 2);
    window[29 * PAGE_BYTES] = 3;
    CHECK_EQ(*sim_machine_contents(sim_machine_frame(34)), 3);
    CHECK(sim_machine_window(10, 5, 20) == window);
}

/* Maps a page of space 0 to another frame behind its back. */
static void put_frame(uint32_t frame)
{
    kit_put_entry(0, 1, kit_leaf(frame));
}

TEST("where a fence of a page or of a space may miss, a full one is made in its place, on every "
     "hart")
{
    struct sim_machine_config config = kit_config(3, 16);

    config.fence_takes_all = true;
    kit_start(&config);
    kit_map(0, 1, 7, R);
    for (uint32_t h = 0; h < 3; h++) {
        sim_machine_load(h, &kit_space[0]);
        CHECK_EQ(kit_access(h, 1, FL_ACCESS_READ), 7);
    }
    sim_machine_load(2, &kit_space[1]); /* owes its fence until it comes back */
    sim_machine_load(0, &kit_space[0]); /* runs the kernel */
    put_frame(8);
    mmu_fence_page(&kit_space[0], kit_address(1));
    for (uint32_t h = 0; h < 2; h++)
        CHECK_EQ(kit_access(h, 1, FL_ACCESS_READ), 8);
    sim_machine_load(2, &kit_space[0]);
    CHECK_EQ(kit_access(2, 1, FL_ACCESS_READ), 8);
    put_frame(9);
    mmu_fence_space(&kit_space[0]);
    for (uint32_t h = 0; h < 3; h++)
        CHECK_EQ(kit_access(h, 1, FL_ACCESS_READ), 9);
    CHECK_EQ(sim_machine_counts()->page_fences, 0);
    CHECK_EQ(sim_machine_counts()->space_fences, 0);
}

/* --- several harts ------------------------------------------------------------------------- */

TEST("a hart that left a space fences it when it comes back, and not before")
{
    kit_begin(2, 16);
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
    kit_begin(SIM_HARTS, 16);
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
    kit_begin(SIM_HARTS, 16);
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

    kit_begin(3, 16);
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
    kit_start(&config);
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
        kit_start(&config);
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
    kit_begin(1, 16);
    sim_machine_load(0, &kit_space[0]);
    kit_map(0, 1, 7, R | X);
    kit_map(0, 2, 8, R | X); /* the table is there, the page is not */
    CHECK_EQ(sim_machine_counts()->code_fences, 2);
}

TEST("each hart that left a space owes fences of its own")
{
    struct sim_machine_config config = kit_config(3, 16);

    config.caches_code = true;
    kit_start(&config);
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
        kit_begin(2, bits[b]);
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

/* Hart 0 runs space 0 under the ASID of the first generation, hart 1 under another one of the second. */
static void start_in_two_generations(void)
{
    kit_begin(2, 2);
    kit_map(0, 1, 7, R);
    kit_map(0, 2, 7, R);
    sim_machine_load(0, &kit_space[0]);
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 7);
    for (uint32_t i = 1; i <= 3; i++)
        sim_machine_load(1, &kit_space[i]);
    sim_machine_load(1, &kit_space[0]);
    CHECK_EQ(kit_access(1, 1, FL_ACCESS_READ), 7);
    CHECK(sim_harts[0].asid.value != sim_harts[1].asid.value);
}

TEST("two harts run a space under two ASIDs, and each is fenced under its own, whoever asks")
{
    for (uint32_t self = 0; self < 2; self++) {
        start_in_two_generations();
        sim_mmu_become(&sim_harts[self]);
        kit_unmap(0, 1, 1);
        CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), KIT_FAULT);
        CHECK_EQ(kit_access(1, 1, FL_ACCESS_READ), KIT_FAULT);
        CHECK_STRING(kit_broken(), "");
    }
}

TEST("a hart that goes on in an old generation is fenced under the ASID that it uses")
{
    kit_begin(2, 1);
    kit_map(0, 1, 7, R);
    kit_map(0, 2, 7, R);
    sim_machine_load(0, &kit_space[0]);
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), 7);
    sim_machine_load(1, &kit_space[1]); /* the next generation, and the one after */
    sim_machine_load(1, &kit_space[0]);
    CHECK(sim_harts[0].hart->generation != kit_space[0].tag.generation);
    kit_unmap(0, 1, 1);
    CHECK_EQ(kit_access(0, 1, FL_ACCESS_READ), KIT_FAULT);
    CHECK_STRING(kit_broken(), "");
}
