/* Pins of frames that disks use, above a kernel that knows nothing but Pins: after each step N1 to N3 hold, and of the
 * kernel's Pins too.  Replay one trace: TRACE=seed. */
#include "../../user/pager/pins.c"

#include <string.h>

#include "effort.h"
#include "harness.h"

#define PAGES    200u
#define SECOND   101u /* first page of the second range, in the middle of a chunk */
#define PHYSICAL 0x80000000ull
#define APART    0x40000000ull /* the second range lies so much further behind */
#define STEPS    2000u

/* A Pin of the kernel. */
struct pin {
    uint32_t first;
    uint32_t pages; /* 0: there is none */
};

static struct pager pager;
static struct page records[PAGES];
static struct pin pin[PINS_SLOTS];
static uint32_t pinned[PAGES];              /* how many Pins hold each */
static struct vm_io request[PINS_REQUESTS]; /* count 0: there is none */
static uint64_t state;

static uint32_t any(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 20) % below;
}

/* ---- the kernel, and the rest of the pager ---- */

static uint64_t address_of(uint32_t page)
{
    return PHYSICAL + page * (uint64_t)FL_PAGE_BYTES + (page >= SECOND ? APART : 0);
}

static struct fl_result kernel_pin(const uint64_t a[5])
{
    uint32_t first = (uint32_t)a[1] + (a[0] == PAGER_SLOT_RAM + 1 ? SECOND : 0);

    CHECK(a[3] == PAGER_SLOT_PINS && a[4] > 0 && a[4] < PINS_SLOTS && pin[a[4]].pages == 0);
    CHECK(first + a[2] <= (first < SECOND ? SECOND : PAGES));
    for (uint32_t k = 0; k < a[2]; k++) {
        CHECK(records[first + k].state != PAGE_LENT);
        pinned[first + k]++;
    }
    pin[a[4]] = (struct pin){first, (uint32_t)a[2]};
    return (struct fl_result){FL_OK, address_of(first)};
}

struct fl_result fl_ecall(uint64_t number, uint64_t r0, uint64_t r1, uint64_t r2, uint64_t r3,
                          uint64_t r4, uint64_t r5, uint64_t r6)
{
    (void)r5;
    (void)r6;
    if (number == FL_CALL_memory_pin)
        return kernel_pin((const uint64_t[5]){r0, r1, r2, r3, r4});
    if (number == FL_CALL_cnode_delete) {
        CHECK(r0 == PAGER_SLOT_PINS && r1 < PINS_SLOTS && pin[r1].pages > 0);
        while (pin[r1].pages > 0)
            pinned[pin[r1].first + --pin[r1].pages]--;
    }
    return (struct fl_result){FL_OK, 0};
}

uint32_t frames_lend(struct pager *lender, uint32_t pages)
{
    for (uint32_t k = 0; k < pages; k++)
        lender->vm.table.pages[k].state = PAGE_LENT;
    return 0;
}

void log_stop(const char *format, ...)
{
    CHECK(!format);
    for (;;)
        ;
}

/* ---- what must hold ---- */

static void sound(void)
{
    const char *broken = pins_check(&pager);
    uint32_t chunks = 0, own = 0, pages;

    CHECK_STRING(broken ? broken : "", "");
    for (uint32_t page = 0; page < PAGES; page++)
        CHECK(records[page].state != PAGE_LENT || pinned[page] == 0);
    for (uint32_t tag = 0; tag < PINS_REQUESTS; tag++)
        for (uint32_t k = 0; k < request[tag].count; k++) {
            CHECK(pinned[request[tag].page[k]] > 0);
            CHECK_EQ(pins_address(&pager, request[tag].page[k]), address_of(request[tag].page[k]));
        }
    for (uint32_t slot = 0; slot < PINS_SLOTS; slot++) {
        chunks += slot < PINS_SLOT_OWN && pin[slot].pages > 0;
        own += slot >= PINS_SLOT_OWN && pin[slot].pages > 0;
    }
    CHECK_EQ(pins_chunks(&pages), chunks);
    for (uint32_t tag = 0; tag < PINS_REQUESTS; tag++)
        own -= (uint32_t)__builtin_popcount(pins.request[tag].own);
    CHECK_EQ(own, 0);
}

static void begin(void)
{
    static _Alignas(FL_PAGE_BYTES) uint8_t window[PAGES * FL_PAGE_BYTES];
    struct page_table *table = &pager.vm.table;

    memset(&pager, 0, sizeof pager);
    memset(&pins, 0, sizeof pins);
    memset(pin, 0, sizeof pin);
    memset(pinned, 0, sizeof pinned);
    memset(request, 0, sizeof request);
    table->pages = records;
    table->window = window;
    table->count = PAGES;
    table->range_count = 2;
    table->range[0] = (struct page_range){.pages = SECOND, .slot = PAGER_SLOT_RAM};
    table->range[1] =
        (struct page_range){.pages = PAGES - SECOND, .slot = PAGER_SLOT_RAM + 1, .base = SECOND};
    for (uint32_t page = 0; page < PAGES; page++)
        records[page] = (struct page){.state = PAGE_OBJECT, .range = page >= SECOND};
    CHECK(pins_start(&pager));
    sound();
}

/* ---- steps ---- */

static bool is_used(uint32_t page)
{
    for (uint32_t tag = 0; tag < PINS_REQUESTS; tag++)
        for (uint32_t k = 0; k < request[tag].count; k++)
            if (request[tag].page[k] == page)
                return true;
    return records[page].state == PAGE_LENT;
}

static void take(uint32_t tag)
{
    struct vm_io *io = &request[tag];
    uint32_t page = any(PAGES), most = 1 + any(SWAP_CLUSTER);

    *io = (struct vm_io){.tag = tag};
    for (uint32_t n = 0; n < PAGES && io->count < most; n++, page = (page + 1) % PAGES)
        if (!is_used(page) && any(4) > 0)
            io->page[io->count++] = page;
    if (io->count > 0)
        pins_take(&pager, io);
}

static void give(uint32_t tag)
{
    pins_give(tag);
    request[tag].count = 0;
}

static void lend(uint32_t first, uint32_t pages)
{
    pins_let_go(&pager, first, pages);
    for (uint32_t k = 0; k < pages; k++)
        records[first + k].state = PAGE_LENT;
}

static void step(void)
{
    uint32_t tag = any(PINS_REQUESTS), first = any(PAGES), pages = 0;

    switch (any(4)) {
    case 0:
    case 1:
        if (request[tag].count > 0)
            give(tag);
        else
            take(tag);
        return;
    case 2:
        while (pages < 6 && first + pages < (first < SECOND ? SECOND : PAGES) &&
               !is_used(first + pages))
            pages++;
        if (pages > 0)
            lend(first, pages);
        return;
    default:
        if (records[first].state == PAGE_LENT && first >= PINS_FRAMES)
            records[first].state = PAGE_OBJECT;
    }
}

static void trace(uint64_t seed, uint32_t variant)
{
    effort_trace_begin(seed, variant);
    state = seed * 0x9e3779b97f4a7c15ull | 1;
    begin();
    for (uint32_t i = 0; i < STEPS; i++) {
        step();
        sound();
    }
    effort_trace_end();
}

TEST("random requests and loans: whoever needs a Pin has one, and nobody who must not")
{
    effort_run_traces(10, STEPS, 0, trace);
}

TEST("the checker names what is wrong with Pins")
{
    struct vm_io *io = &request[3];

    begin();
    *io = (struct vm_io){.tag = 3, .count = 2, .page = {40, SECOND - 1}};
    pins_take(&pager, io);
    sound();
    CHECK_EQ(pins.request[3].own, 2); /* the last chunk of a range is not whole */
    pins.pinned[0] ^= 1ull << 5;
    CHECK_STRING(pins_check(&pager), "N1");
    pins.pinned[0] ^= 1ull << 5;
    pins.request[3].own = 0;
    CHECK_STRING(pins_check(&pager), "N1");
    pins.request[3].own = 2;
    records[41].state = PAGE_LENT;
    CHECK_STRING(pins_check(&pager), "N2");
    records[41].state = PAGE_OBJECT;
    pins.chunks++;
    CHECK_STRING(pins_check(&pager), "N2");
    pins.chunks--;
    pins.request[3].count = 0;
    CHECK_STRING(pins_check(&pager), "N3");
    pins.request[3].count = 2;
    sound();
}
