/* Swap that is full, in large memory: what is looked at, page by page, before pages stay or a program ends. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_load_kit.h"

#define FRAMES 2048u
#define COPIES 1000u
#define SLOTS  (COPIES + 24u)
#define MOST   2500u /* pages of the other program: more than find room */

static uint32_t full_unmaps;
static void (*full_real_unmap)(void *context, uint32_t space, uint64_t address, uint64_t pages);

static void full_count_unmap(void *context, uint32_t space, uint64_t address, uint64_t pages)
{
    full_unmaps++;
    full_real_unmap(context, space, address, pages);
}

static struct paging *full_paging(void)
{
    return &kit_vm()->paging;
}

/* Writes one byte of a page, and whatever reclaim wants then is done.  False: the program was ended. */
static bool full_write(struct space *space, uint64_t page)
{
    uint8_t byte = kit_byte(page, (uint32_t)space->pid);
    enum fake_outcome outcome;

    for (uint32_t turn = 0; turn < 1000 && !space->stopped; turn++) {
        outcome = fake_touch(&slow.fake, space, AT + page * PAGE, FL_ACCESS_WRITE, &byte);
        while (vm_reclaim_step(kit_vm()))
            continue;
        if (kit_queued() > 0)
            kit_poll(DELAY);
        if (outcome == FAKE_DONE)
            return true;
    }
    CHECK(space->stopped);
    return false;
}

static struct space *full_program(uint64_t pid, uint64_t pages)
{
    struct space *space = kit_space(pid);

    kit_map(space, AT, pages, MAP_PRIVATE);
    return space;
}

/* A program whose locked pages all have copies in swap, which has few other slots. */
static struct space *full_begin(void)
{
    struct space *space;
    uint8_t byte;

    kit_begin(FRAMES);
    kit_make_disk(0, SLOTS + 1, false, NULL, 1);
    kit_swap_on(0, SLOTS + 1, 0);
    space = full_program(1, COPIES);
    for (uint64_t i = 0; i < COPIES; i++)
        CHECK(full_write(space, i));
    while (space->resident > 0)
        kit_put_all_out();
    for (uint64_t i = 0; i < COPIES; i++)
        while (fake_touch(&slow.fake, space, AT + i * PAGE, FL_ACCESS_READ, &byte) == FAKE_WAITS)
            kit_poll(DELAY);
    CHECK_EQ(full_paging()->copies, COPIES);
    CHECK_EQ(vm_protect(kit_vm(), space, AT, COPIES * PAGE, PROT_READ), 0); /* wiring writes none */
    CHECK_EQ(vm_wire(kit_vm(), space, AT, COPIES * PAGE, 0), 0);
    return space;
}

/* Another one writes pages, until neither a slot nor a copy is left and nobody looks for pages any more. */
static struct space *full_fill(uint64_t *pages)
{
    struct space *space = full_program(2, MOST);

    for (*pages = 0; paging_has_place(kit_vm()) || full_paging()->writes > 0; ++*pages) {
        CHECK(*pages < MOST);
        CHECK(full_write(space, *pages));
    }
    return space;
}

TEST("copies give their slots back in one round over the page records, whoever asks how often")
{
    uint64_t pages;

    full_begin();
    CHECK_EQ(full_paging()->looked, 0);
    full_fill(&pages);
    CHECK_EQ(swap_room(&kit_vm()->swap), 0);
    CHECK_EQ(full_paging()->copies, 0);
    CHECK(full_paging()->looked >= COPIES && full_paging()->looked <= FRAMES);
    kit_end();
}

TEST("with neither a slot nor a copy left pages are not looked for until somebody waits, and "
     "copies never")
{
    struct space *first = full_begin(), *second;
    uint64_t pages, scanned, looked, before;

    second = full_fill(&pages);
    while (!vm_is_low(kit_vm()))
        CHECK(full_write(second, pages++));
    looked = full_paging()->looked;
    scanned = kit_vm()->reclaim.scanned;
    before = kit_vm()->table.counts[PAGE_FREE];
    while (reclaim_has_frame(kit_vm()))
        CHECK(full_write(second, pages++));
    CHECK(kit_vm()->table.counts[PAGE_FREE] + RECLAIM_REST < before);
    CHECK_EQ(kit_vm()->reclaim.scanned, scanned);
    CHECK_EQ(slow_fault(&slow, &slow.thread[0], second, AT + pages * PAGE, FL_ACCESS_WRITE),
             SLOW_WAITS);
    kit_serve();
    CHECK(kit_vm()->reclaim.scanned > scanned);
    /* a window around each page, in two rounds */
    CHECK(kit_vm()->reclaim.scanned <= scanned + 2ull * SWAP_CLUSTER * FRAMES);
    CHECK_EQ(full_paging()->looked, looked);
    CHECK(second->stopped && !first->stopped);
    kit_end();
}

TEST("a suspended program's pages are left where they are while there is no room for any of them")
{
    struct space *second;
    uint64_t pages;

    full_begin();
    second = full_fill(&pages);
    kit_vm()->load.on = true;
    second->load.suspended = true;
    kit_vm()->load.suspended = 1;
    full_real_unmap = kit_vm()->port.unmap;
    kit_vm()->port.unmap = full_count_unmap;
    full_unmaps = 0;
    CHECK(!load_step(kit_vm()));
    CHECK_EQ(full_unmaps, 0);
    CHECK_EQ(vm_advise(kit_vm(), second, AT, pages / 2 * PAGE, MADV_DONTNEED), 0);
    full_unmaps = 0;
    while (full_unmaps == 0)
        CHECK(load_step(kit_vm()));
    CHECK(full_paging()->writes > 0);
    kit_end();
}

static uint64_t full_unmapped;

static void full_count_pages(void *context, uint32_t space, uint64_t address, uint64_t pages)
{
    full_unmapped += pages;
    full_real_unmap(context, space, address, pages);
}

TEST("PAGEOUT takes no page out of the tables that cannot leave now")
{
    enum { pages = 1024 };
    struct space *space;

    kit_begin_swap(FRAMES, 2000);
    space = full_program(1, pages);
    for (uint64_t i = 0; i < pages; i++)
        CHECK(full_write(space, i));
    CHECK_EQ(kit_vm()->table.counts[PAGE_WRITING], 0);
    full_real_unmap = kit_vm()->port.unmap;
    kit_vm()->port.unmap = full_count_pages;
    full_unmapped = 0;
    CHECK_EQ(vm_advise(kit_vm(), space, AT, pages * PAGE, MADV_PAGEOUT), 0);
    CHECK_EQ(kit_vm()->table.counts[PAGE_WRITING], PAGING_WRITES * SWAP_CLUSTER);
    CHECK_EQ(full_unmapped, PAGING_WRITES * SWAP_CLUSTER);
    kit_vm()->port.unmap = full_real_unmap;
    kit_end();
}

TEST("PAGEOUT where swap is full takes no page out of the tables")
{
    struct space *second;
    uint64_t pages;

    full_begin();
    second = full_fill(&pages);
    CHECK(!paging_has_place(kit_vm()));
    full_real_unmap = kit_vm()->port.unmap;
    kit_vm()->port.unmap = full_count_pages;
    full_unmapped = 0;
    CHECK_EQ(vm_advise(kit_vm(), second, AT, pages * PAGE, MADV_PAGEOUT), 0);
    CHECK_EQ(full_unmapped, 0);
    kit_vm()->port.unmap = full_real_unmap;
    kit_end();
}
