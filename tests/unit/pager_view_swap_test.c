/* What views tell of pages that are out of memory. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "pager_view_kit.h"

#include "setting.h"

#define AT 0x10000ull

static uint32_t submitted; /* the tag of the last request */

static bool submit(struct fake *machine, const struct vm_io *io)
{
    (void)machine;
    submitted = io->tag;
    return true;
}

/* A program with 8 pages: five were written, two of them and one of zeros are out. */
static struct space *begin_out(void)
{
    static _Alignas(8) uint8_t header[FL_PAGE_BYTES];
    const uint32_t words[] = {1, 99, 0};
    const struct swap_device device = {.header = header, .pages = 100};
    struct space *space = view_begin(FRAMES);
    uint8_t zero = 0;
    uint32_t area;

    memcpy(header + 1024, words, sizeof words);
    memcpy(header + PAGE - 10, "SWAPSPACE2", 10);
    CHECK_EQ(vm_swap_on(&fake.vm, &device, &area), SWAP_OK);
    fake.submit = submit;
    view_map_at(space, AT, 8, RW, MAP_PRIVATE);
    for (uint64_t i = 0; i < 4; i++)
        view_write(space, AT + i * PAGE);
    CHECK_EQ(fake_touch(&fake, space, AT + 4 * PAGE, FL_ACCESS_WRITE, &zero), FAKE_DONE);
    CHECK_EQ(vm_advise(&fake.vm, space, AT + 2 * PAGE, 6 * PAGE, MADV_PAGEOUT), 0);
    view_sound();
    return space;
}

static void end_out(void)
{
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (fake.vm.spaces[id])
            fake_destroy_space(&fake, fake.vm.spaces[id]);
    CHECK_EQ(vm_swap_off(&fake.vm, 0), 0);
    CHECK_EQ(vm_swap_off_step(&fake.vm), 0);
    view_end();
}

TEST("smaps and status tell pages in swap apart from those in memory, and share them")
{
    struct space *space = begin_out();

    view_text(space, "/proc/7/smaps");
    CHECK_EQ(view_figure("Rss"), 16); /* two are still being written */
    CHECK_EQ(view_figure("Swap"), 0);
    vm_io_done(&fake.vm, submitted, true);
    view_sound();
    view_text(space, "/proc/7/smaps");
    CHECK_EQ(view_figure("Size"), 32);
    CHECK_EQ(view_figure("Rss"), 8);
    CHECK_EQ(view_figure("Anonymous"), 8);
    CHECK_EQ(view_figure("Swap"), 8); /* the page of zeros has no slot */
    CHECK_EQ(view_figure("SwapPss"), 8);
    view_fork(space, 8);
    view_text(space, "/proc/7/smaps");
    CHECK_EQ(view_figure("Swap"), 8);
    CHECK_EQ(view_figure("SwapPss"), 4);
    view_text(space, "/proc/8/status");
    CHECK_EQ(view_figure("VmRSS"), 8);
    CHECK_EQ(view_figure("VmSwap"), 8);
    end_out();
}

TEST("meminfo and vmstat tell how much swap there is, and what went there")
{
    uint8_t byte;
    struct space *space = begin_out();

    vm_io_done(&fake.vm, submitted, true);
    view_text(NULL, "/proc/meminfo");
    CHECK_EQ(view_figure("SwapTotal"), 99 * 4);
    CHECK_EQ(view_figure("SwapFree"), 97 * 4);
    CHECK_EQ(view_figure("SwapCached"), 0);
    CHECK_EQ(view_figure("AnonPages"), 8);
    CHECK_EQ(fake_touch(&fake, space, AT + 2 * PAGE, FL_ACCESS_READ, &byte), FAKE_WAITS);
    view_text(NULL, "/proc/meminfo");
    CHECK_EQ(view_figure("SwapCached"), 0); /* it is on its way */
    CHECK_EQ(view_figure("AnonPages"), 12);
    vm_io_done(&fake.vm, submitted, false);
    view_text(NULL, "/proc/vmstat");
    CHECK_EQ(view_figure("pswpin"), 0);
    CHECK_EQ(view_figure("pswpout"), 2);
    CHECK_EQ(view_figure("swap_zero"), 1);
    CHECK_EQ(view_figure("swap_read_errors"), 1);
    CHECK_EQ(view_figure("pgsteal"), 3);
    CHECK_EQ(view_figure("oom_kill"), 0);
    end_out();
}

TEST("SwapCached are pages with a copy in swap, not those on their way there")
{
    uint8_t byte;
    struct space *space = begin_out();

    view_text(NULL, "/proc/meminfo");
    CHECK_EQ(view_figure("SwapCached"), 0);
    CHECK_EQ(fake_touch(&fake, space, AT + 2 * PAGE, FL_ACCESS_READ, &byte), FAKE_DONE);
    vm_io_done(&fake.vm, submitted, true);
    view_text(NULL, "/proc/meminfo");
    CHECK_EQ(view_figure("SwapCached"), 4);
    view_text(NULL, "/proc/vmstat");
    CHECK_EQ(view_figure("nr_swapcached"), 1);
    end_out();
}

static long sum_of_classes(void)
{
    static const char *const classes[] = {
        "MemFree",       "AnonPages",      "Cached",      "Slab",     "PageTables",
        "KernelObjects", "MessageBuffers", "PageRecords", "ZeroPage", "Zswap"};
    long sum = 0;

    view_text(NULL, "/proc/meminfo");
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        sum += view_figure(classes[i]);
    return sum;
}

TEST("frames that a device has for nobody, and those kept for who waits, are in a class of meminfo")
{
    struct space *space = begin_out();
    long all = sum_of_classes(), free;

    CHECK_EQ(all, view_figure("MemTotal"));
    CHECK_EQ(vm_unmap(&fake.vm, space, AT, 8 * PAGE), 0);
    CHECK_EQ(fake.vm.table.counts[PAGE_STRAY], 2);
    CHECK_EQ(sum_of_classes(), all);
    free = view_figure("MemFree");
    (void)wait_for_memory(&fake.vm);
    CHECK(wait_park(&fake.vm, space, wait_find_free(&fake.vm)));
    CHECK(fake.vm.table.counts[PAGE_HELD] > 0);
    CHECK_EQ(sum_of_classes(), all);
    CHECK_EQ(view_figure("MemFree"), free);
    vm_io_done(&fake.vm, submitted, true);
    end_out();
}

TEST("swaps tells each area as Linux does: its disk, its slots, those used, its priority")
{
    static _Alignas(8) uint8_t header[FL_PAGE_BYTES];
    const uint32_t words[] = {1, 199, 2, 0};
    const uint32_t bad[] = {7, 8};
    const struct swap_device device = {.header = header, .pages = 200, .device = 3, .priority = -2};
    struct space *space = begin_out();
    uint32_t area;

    memcpy(header + 1024, words, sizeof words);
    memcpy(header + 1536, bad, sizeof bad);
    memcpy(header + PAGE - 10, "SWAPSPACE2", 10);
    CHECK_EQ(vm_swap_on(&fake.vm, &device, &area), SWAP_OK);
    view_text(space, "/proc/swaps");
    CHECK_STRING(text, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
                       "/dev/vda                                partition\t396\t\t8\t\t0\n"
                       "/dev/vdd                                partition\t788\t\t0\t\t-2\n");
    vm_io_done(&fake.vm, submitted, true);
    CHECK_EQ(vm_swap_off(&fake.vm, 1), 0);
    CHECK_EQ(vm_swap_off_step(&fake.vm), 0);
    end_out();
}

TEST("compressed pages are told as swapped, shared by who shares them, and the store's frames as "
     "Zswap")
{
    struct space *space = view_begin(FRAMES);
    uint64_t free;

    CHECK_EQ(setting_write(&fake.vm, "compress", "30"), 0);
    free = fake.vm.table.counts[PAGE_FREE];
    view_map_at(space, AT, 8, RW, MAP_PRIVATE);
    for (uint64_t i = 0; i < 4; i++)
        view_write(space, AT + i * PAGE);
    CHECK_EQ(vm_advise(&fake.vm, space, AT + 2 * PAGE, 6 * PAGE, MADV_PAGEOUT), 0);
    view_sound();
    view_text(space, "/proc/7/smaps");
    CHECK_EQ(view_figure("Rss"), 8);
    CHECK_EQ(view_figure("Swap"), 8);
    view_fork(space, 8);
    view_text(space, "/proc/7/smaps");
    CHECK_EQ(view_figure("Swap"), 8);
    CHECK_EQ(view_figure("SwapPss"), 4);
    view_text(space, "/proc/8/status");
    CHECK_EQ(view_figure("VmSwap"), 8);
    view_text(NULL, "/proc/meminfo");
    CHECK_EQ(view_figure("Zswap"), 4 * (COMPRESS_RESERVE + 2)); /* of units, of records */
    CHECK_EQ(view_figure("Zswapped"), 8);
    CHECK_EQ(view_figure("SwapTotal"), 0);
    CHECK_EQ(view_figure("AnonPages"), 8);
    CHECK(fake.vm.table.counts[PAGE_FREE] < free);
    view_text(NULL, "/proc/vmstat");
    CHECK_EQ(view_figure("zswpout"), 2);
    CHECK_EQ(view_figure("zswpin"), 0);
    CHECK_EQ(view_figure("pgsteal"), 2);
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (fake.vm.spaces[id])
            fake_destroy_space(&fake, fake.vm.spaces[id]);
    CHECK_EQ(setting_write(&fake.vm, "compress", "0"), 0);
    view_end();
}
