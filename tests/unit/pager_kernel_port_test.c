/* Which frames were written: what the port asks the kernel for any list of them, above a kernel that knows nothing but their D
 * bits.  Replay one trace: TRACE=seed/0. */
#include "../../user/pager/kernel_port.c"

#include <string.h>

#include "effort.h"
#include "harness.h"

#define PAGES  512u
#define SECOND 200u /* first page of the second range */
#define LISTS  100u /* in a trace */

static struct pager pager;
static struct page records[PAGES];
static bool written[PAGES];
static uint32_t asked[PAGES], calls;
static uint64_t buffer[FL_BUFFER_BYTES / sizeof(uint64_t)];
static uint64_t state;

static uint32_t any(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 20) % below;
}

/* ---- the kernel, and the rest of the pager ---- */

void *fl_buffer_data(void)
{
    return (char *)buffer + FL_BUFFER_DATA;
}

static struct fl_result kernel_harvest(uint64_t slot, uint64_t first, uint64_t pages,
                                       uint64_t clear)
{
    uint32_t base = slot == PAGER_SLOT_RAM ? 0 : SECOND;
    uint32_t limit = slot == PAGER_SLOT_RAM ? SECOND : PAGES - SECOND;
    struct fl_harvest result = {0};
    uint64_t list[FL_HARVEST_LIST];

    CHECK(pages > 0 && pages <= FL_HARVEST_LIST);
    memcpy(list, fl_buffer_data(), sizeof list);
    for (uint32_t i = 0; i < pages; i++) {
        uint64_t page = clear & FL_HARVEST_LISTED ? list[i] : first + i;

        CHECK(page < limit);
        asked[base + page]++;
        result.bits[0] |= (FL_HARVEST_ACCESSED | (written[base + page] ? FL_HARVEST_DIRTY : 0ull))
                          << 2 * i;
    }
    calls++;
    memcpy(fl_buffer_data(), &result, sizeof result);
    return (struct fl_result){FL_OK, pages};
}

struct fl_result fl_ecall(uint64_t number, uint64_t r0, uint64_t r1, uint64_t r2, uint64_t r3,
                          uint64_t r4, uint64_t r5, uint64_t r6)
{
    (void)r4, (void)r5, (void)r6;
    CHECK_EQ(number, FL_CALL_memory_harvest);
    CHECK((r3 & FL_HARVEST_DIRTY) && (r0 == PAGER_SLOT_RAM || r0 == PAGER_SLOT_RAM + 1));
    return kernel_harvest(r0, r1, r2, r3);
}

bool frames_refill_tables(struct pager *poor)
{
    return !poor;
}

bool disks_submit(void *context, const struct vm_io *io)
{
    return context && io;
}

bool disks_discard(void *context, uint32_t disk, uint64_t first, uint32_t pages)
{
    return context && disk + first + pages > 0;
}

void log_line(const char *format, ...)
{
    CHECK(!format);
}

void log_stop(const char *format, ...)
{
    CHECK(!format);
    for (;;)
        ;
}

/* ---- lists ---- */

static void begin(void)
{
    struct page_table *table = &pager.vm.table;

    table->pages = records;
    table->count = PAGES;
    table->range_count = 2;
    table->range[0] = (struct page_range){.pages = SECOND, .slot = PAGER_SLOT_RAM};
    table->range[1] =
        (struct page_range){.pages = PAGES - SECOND, .slot = PAGER_SLOT_RAM + 1, .base = SECOND};
    for (uint32_t page = 0; page < PAGES; page++)
        records[page] = (struct page){.state = PAGE_OBJECT, .range = page >= SECOND};
}

/* Pages of runs of any length, none twice.  Returns how many. */
static uint32_t make_list(uint32_t *page)
{
    static bool taken[PAGES];
    uint32_t want = 1 + any(FL_HARVEST_LIST), count = 0;

    memset(taken, 0, sizeof taken);
    while (count < want) {
        uint32_t at = any(4) ? any(PAGES) : SECOND - any(20), run = 1 + any(any(2) ? 3 : 32);

        for (; run > 0 && at < PAGES && !taken[at] && count < want; run--) {
            taken[at] = true;
            page[count++] = at++;
        }
    }
    return count;
}

static void run_trace(uint64_t seed, uint32_t variant)
{
    (void)variant;
    state = seed * 0x9E3779B97F4A7C15ull | 1;
    for (uint32_t list = 0; list < LISTS; list++) {
        struct vm_port port = kernel_port_make(&pager);
        uint32_t page[FL_HARVEST_LIST], count = make_list(page), expected = 0;

        memset(asked, 0, sizeof asked);
        for (uint32_t i = 0; i < PAGES; i++)
            written[i] = any(2);
        for (uint32_t i = 0; i < count; i++)
            expected |= (uint32_t)written[page[i]] << i;
        CHECK_EQ(port.harvest_frames(port.context, page, count), expected);
        for (uint32_t i = 0; i < count; i++)
            CHECK_EQ(asked[page[i]]--, 1);
        for (uint32_t i = 0; i < PAGES; i++)
            CHECK_EQ(asked[i], 0);
    }
}

TEST("each frame of any list is asked for once, and its answer is its own")
{
    begin();
    (void)effort_run_traces(100, LISTS, 0, run_trace);
}

TEST("frames side by side take one call, and those of one range that lie apart take one more")
{
    struct vm_port port = kernel_port_make(&pager);
    uint32_t page[FL_HARVEST_LIST];

    begin();
    for (uint32_t i = 0; i < 32; i++)
        page[i] = 40 + i;
    calls = 0;
    port.harvest_frames(port.context, page, 32);
    CHECK_EQ(calls, 1);
    for (uint32_t i = 0; i < 6; i++)
        page[3 * i] = 100 + 2 * i;
    calls = 0;
    port.harvest_frames(port.context, page, 32);
    CHECK_EQ(calls, 2);
}
