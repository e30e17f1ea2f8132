/* Programs on the simulated machine: harts, TLBs and tables of mm/ under the pager's core. */
/* sources: tests/sim/sim_machine.c tests/sim/sim_tlb.c tests/sim/sim_mmu.c tests/sim/sim_fence.c */
/* sources: tests/sim/sim_check.c tests/sim/sim_assert.c tests/sim/sim_kernel.c tests/sim/sim_port.c */
/* sources: tests/sim/sim_kernel_start.c tests/sim/sim_kernel_check.c tests/unit/pager_fake.c */
/* sources: mm/[a-z]*.c user/pager/core/[a-z]*.c */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c */
#include <string.h>

#include "harness.h"
#include "memory_values.h"
#include "sim_kernel.h"

#define WORLD 0x400000ull
#define PAGES 12u

static struct sim_kernel kernel;
static struct sim_kernel_config config;

static void start(uint32_t harts, uint32_t asid_bits, bool sets_ad)
{
    config = (struct sim_kernel_config){.machine = {.harts = harts,
                                                    .asid_bits = asid_bits,
                                                    .frames = 160,
                                                    .sets_ad = sets_ad,
                                                    .caches_invalid = true,
                                                    .evict_chance = 4,
                                                    .seed = 1}};
    sim_kernel_start(&kernel, &config);
}

static void check(void)
{
    const char *broken = sim_kernel_check(&kernel);

    if (broken != NULL)
        harness_fail(__FILE__, __LINE__, broken);
}

/* One byte, by a program: its address, or NULL when it is stopped. */
static uint8_t *touch(uint32_t hart, struct space *space, uint64_t address, uint32_t access)
{
    for (uint32_t turn = 0; turn < 4; turn++) {
        enum vspace_look look;
        pte_t entry;
        struct vm_fault fault = {.address = address, .access = access};
        struct vm_answer answer;
        uint8_t *byte = sim_machine_touch(hart, (vaddr_t){address}, access, &look, &entry);

        if (byte != NULL)
            return byte;
        if (sim_kernel_fault(&kernel, space, &fault, &answer) != VM_RESUME)
            return NULL;
        CHECK_EQ(sim_kernel_reply(&kernel, space, &answer), FL_OK);
    }
    harness_fail(__FILE__, __LINE__, "an access faults for ever");
}

static void run(uint32_t hart, const struct space *space)
{
    sim_machine_load(hart, &kernel.space[space->id]);
}

static void map(struct space *space, uint64_t address, uint64_t pages)
{
    struct vm_map_request request = {.address = address,
                                     .bytes = pages * FL_PAGE_BYTES,
                                     .protection = PROT_READ | PROT_WRITE,
                                     .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};
    uint64_t at;

    CHECK_EQ(vm_map(&kernel.vm, space, &request, &at), 0);
    CHECK_EQ(at, address);
}

static void live(uint32_t harts, uint32_t asid_bits, bool sets_ad, bool clones)
{
    struct space *parent, *child;

    start(harts, asid_bits, sets_ad);
    kernel.vm.fork_clones = clones;
    parent = sim_kernel_create(&kernel, 1);
    CHECK(parent != NULL);
    map(parent, WORLD, PAGES);
    for (uint32_t h = 0; h < harts; h++)
        run(h, parent);
    for (uint32_t p = 0; p < PAGES; p++)
        *touch(p % harts, parent, WORLD + p * FL_PAGE_BYTES, FL_ACCESS_WRITE) = (uint8_t)p;
    for (uint32_t p = 0; p < PAGES; p++)
        for (uint32_t h = 0; h < harts; h++)
            CHECK_EQ(*touch(h, parent, WORLD + p * FL_PAGE_BYTES, FL_ACCESS_READ), p);
    check();
    child = sim_kernel_fork(&kernel, parent, 2);
    CHECK(child != NULL);
    check();
    run(harts - 1, child);
    for (uint32_t p = 0; p < PAGES; p++)
        *touch(harts - 1, child, WORLD + p * FL_PAGE_BYTES, FL_ACCESS_WRITE) += 100;
    check();
    run(0, parent);
    for (uint32_t p = 0; p < PAGES; p++)
        CHECK_EQ(*touch(0, parent, WORLD + p * FL_PAGE_BYTES, FL_ACCESS_READ), p);
    CHECK_EQ(vm_unmap(&kernel.vm, parent, WORLD, 4 * FL_PAGE_BYTES), 0);
    CHECK(touch(0, parent, WORLD, FL_ACCESS_READ) == NULL);
    check();
    sim_kernel_destroy(&kernel, parent);
    check();
    run(0, child);
    for (uint32_t p = 0; p < PAGES; p++)
        CHECK_EQ(*touch(0, child, WORLD + p * FL_PAGE_BYTES, FL_ACCESS_READ), p + 100);
    sim_kernel_destroy(&kernel, child);
    check();
    CHECK_EQ(kernel.vm.table.counts[PAGE_FREE], kernel.free_pages);
}

TEST("a program lives, forks and ends on any number of harts, with any ASIDs, and leaves nothing")
{
    static const uint32_t bits[] = {0, 1, 2, 16};

    for (uint32_t harts = 1; harts <= SIM_HARTS; harts++)
        for (uint32_t b = 0; b < sizeof bits / sizeof *bits; b++)
            for (uint32_t way = 0; way < 4; way++)
                live(harts, bits[b], (way & 1) != 0, (way & 2) != 0);
}
