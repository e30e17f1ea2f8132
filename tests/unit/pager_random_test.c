/* Random traces of memory calls and accesses against a model that is an array of bytes, with every
 * invariant checked after each step; then the same traces with ever so little memory. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "harness.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "effort.h"
#include "memory_values.h"
#include "pager_fake.h"
#include "stock.h"

#define FRAMES       192u
#define WORLD_PAGES  72u /* crosses the 64 pages of an index node */
#define WORLD        0x2000000000ull
#define HEAP         0x40000000ull
#define HEAP_PAGES   6u
#define STEPS        600u
#define TRACE_ZEROES 1000u
#define PAGE         ((uint64_t)FL_PAGE_BYTES)
#define PRIVATE      (MAP_PRIVATE | MAP_ANONYMOUS)

/* One page as POSIX describes it. */
struct model_page {
    bool mapped;
    uint32_t protection;
    uint8_t bytes[16]; /* only every 256th byte of a page is ever touched */
};

struct model {
    struct model_page page[WORLD_PAGES];
    struct model_page heap[HEAP_PAGES];
    uint64_t heap_bytes;
};

struct trace_run {
    struct fake fake;
    struct space *space;
    struct model model;
    uint64_t seed;
    uint32_t refused; /* steps that failed for want of memory */
    uint64_t taken;   /* pages that were zeroed ahead */
    bool scarce;
    bool zeroes_ahead; /* between any two steps */
};

static struct trace_run run;

static uint32_t run_pick(uint32_t below)
{
    return (uint32_t)(fake_random(&run.seed) % below);
}

static void run_expect(bool holds, const char *what, uint32_t step)
{
    if (holds)
        return;
    harness_note("step %u: %s", (unsigned)step, what);
    CHECK(false);
}

static uint32_t run_pick_protection(void)
{
    static const uint32_t protections[] = {PROT_NONE,
                                           PROT_READ,
                                           PROT_READ | PROT_WRITE,
                                           PROT_READ | PROT_WRITE,
                                           PROT_READ | PROT_EXEC,
                                           PROT_READ | PROT_WRITE | PROT_EXEC};

    return protections[run_pick(6)];
}

/* True if the call did what the model is about to do; a shortage is fine when memory is scarce. */
static bool run_accept(int error, int expected, uint32_t step, const char *what)
{
    if (error == ENOMEM && run.scarce && expected == 0) {
        run.refused++;
        return false;
    }
    run_expect(error == expected, what, step);
    return error == 0;
}

static void step_map(uint32_t step, uint32_t first, uint32_t count)
{
    struct vm_map_request request = {.address = WORLD + first * PAGE,
                                     .bytes = count * PAGE - run_pick(2),
                                     .protection = run_pick_protection(),
                                     .flags = PRIVATE | MAP_FIXED};
    uint64_t at = 0;

    if (run_pick(8) == 0)
        request.flags |= MAP_POPULATE;
    if (!run_accept(vm_map(&run.fake.vm, run.space, &request, &at), 0, step, "mmap"))
        return;
    run_expect(at == request.address, "mmap is elsewhere", step);
    for (uint32_t p = first; p < first + count; p++)
        run.model.page[p] = (struct model_page){.mapped = true, .protection = request.protection};
}

static void step_unmap(uint32_t step, uint32_t first, uint32_t count)
{
    int error = vm_unmap(&run.fake.vm, run.space, WORLD + first * PAGE, count * PAGE);

    if (!run_accept(error, 0, step, "munmap"))
        return;
    for (uint32_t p = first; p < first + count; p++)
        run.model.page[p] = (struct model_page){.mapped = false};
}

static void step_protect(uint32_t step, uint32_t first, uint32_t count)
{
    uint32_t protection = run_pick_protection();
    bool covered = true;
    int error;

    for (uint32_t p = first; p < first + count; p++)
        covered = covered && run.model.page[p].mapped;
    error = vm_protect(&run.fake.vm, run.space, WORLD + first * PAGE, count * PAGE, protection);
    if (!run_accept(error, covered ? 0 : ENOMEM, step, "mprotect"))
        return;
    for (uint32_t p = first; p < first + count; p++)
        run.model.page[p].protection = protection;
}

static void step_break(uint32_t step)
{
    uint64_t bytes = run_pick(HEAP_PAGES * FL_PAGE_BYTES + 1), end = 0;
    uint32_t old_pages = (uint32_t)((run.model.heap_bytes + PAGE - 1) / PAGE);
    uint32_t pages = (uint32_t)((bytes + PAGE - 1) / PAGE);

    if (!run_accept(vm_break(&run.fake.vm, run.space, HEAP + bytes, &end), 0, step, "brk")) {
        run_expect(end == HEAP + run.model.heap_bytes, "a refused brk moved the break", step);
        return;
    }
    run_expect(end == HEAP + bytes, "brk is elsewhere", step);
    run.model.heap_bytes = bytes;
    for (uint32_t p = 0; p < HEAP_PAGES; p++)
        if (p >= pages || p >= old_pages)
            run.model.heap[p] =
                (struct model_page){.mapped = p < pages, .protection = PROT_READ | PROT_WRITE};
}

static void step_touch(uint32_t step)
{
    static const uint32_t accesses[] = {FL_ACCESS_READ, FL_ACCESS_WRITE, FL_ACCESS_WRITE,
                                        FL_ACCESS_EXEC};
    bool heap = run_pick(8) == 0;
    uint32_t p = run_pick(heap ? HEAP_PAGES : WORLD_PAGES), place = run_pick(16);
    uint32_t access = accesses[run_pick(4)];
    struct model_page *page = heap ? &run.model.heap[p] : &run.model.page[p];
    bool allowed = page->mapped && (page->protection & access) == access;
    uint8_t byte = (uint8_t)fake_random(&run.seed);
    enum fake_outcome outcome = fake_touch(
        &run.fake, run.space, (heap ? HEAP : WORLD) + p * PAGE + place * 256, access, &byte);

    if (outcome == FAKE_STOPPED && allowed && run.scarce && fake_last_event.signal == 9) {
        run.refused++;
        return;
    }
    run_expect((outcome == FAKE_DONE) == allowed, "an access is wrongly allowed or refused", step);
    if (!allowed)
        return;
    if (access == FL_ACCESS_WRITE)
        page->bytes[place] = byte;
    else
        run_expect(byte == page->bytes[place], "a byte is not what was written", step);
}

static void run_step(uint32_t step)
{
    uint32_t first = run_pick(WORLD_PAGES), count = 1 + run_pick(WORLD_PAGES - first);

    if (run_pick(4) != 0 && count > 8)
        count = 1 + run_pick(8);
    switch (run_pick(16)) {
    case 0:
    case 1:
        step_map(step, first, count);
        break;
    case 2:
        step_unmap(step, first, count);
        break;
    case 3:
        step_protect(step, first, count);
        break;
    case 4:
        step_break(step);
        break;
    case 5:
        fake_drop_tables(&run.fake, run.space, 64, &run.seed);
        break;
    default:
        step_touch(step);
    }
}

/* Reads the whole world through its mappings. */
static void run_compare(uint32_t step)
{
    for (uint32_t p = 0; p < WORLD_PAGES; p++)
        for (uint32_t place = 0; place < 16; place++) {
            const struct model_page *page = &run.model.page[p];
            uint8_t byte = 0;

            if (!page->mapped || !(page->protection & PROT_READ))
                continue;
            run_expect(fake_touch(&run.fake, run.space, WORLD + p * PAGE + place * 256,
                                  FL_ACCESS_READ, &byte) == FAKE_DONE,
                       "a page can't be read at the end", step);
            run_expect(byte == page->bytes[place], "a byte differs at the end", step);
        }
}

/* One trace with at most `frames` free frames (0 = all).  Its variant: TRACE_ZEROES if frames are zeroed ahead
 * between its steps, and the frames. */
static void run_trace(uint64_t seed, uint32_t steps, uint32_t frames)
{
    effort_trace_begin(seed, frames + run.zeroes_ahead * TRACE_ZEROES);
    memset(&run.model, 0, sizeof(run.model));
    run.seed = seed;
    run.refused = 0;
    run.scarce = frames > 0;
    fake_init(&run.fake, FRAMES);
    fake_start(&run.fake);
    run.space = space_create(&run.fake.vm, 1);
    run.space->heap_start = run.space->heap_end = HEAP;
    if (run.scarce)
        fake_limit(&run.fake, frames - 1);
    for (uint32_t step = 0; step < steps; step++) {
        const char *broken;

        run_step(step);
        if (run.zeroes_ahead)
            stock_fill(&run.fake.vm);
        broken = fake_check(&run.fake);
        run_expect(!broken, broken ? broken : "", step);
    }
    fake_unlimit(&run.fake);
    run_compare(steps);
    run.taken = run.fake.vm.counts.zeroed_taken;
    fake_destroy_space(&run.fake, run.space);
    run_expect(run.fake.vm.table.counts[PAGE_FREE] == run.fake.free_pages, "frames are lost",
               steps);
    run_expect(!fake_check(&run.fake), "an invariant is broken at the end", steps);
    fake_free(&run.fake);
    effort_trace_end();
}

static void run_variant(uint64_t seed, uint32_t variant)
{
    run.zeroes_ahead = variant >= TRACE_ZEROES;
    run_trace(seed, STEPS, variant % TRACE_ZEROES);
    run.zeroes_ahead = false;
}

TEST("random traces of memory calls behave as an array of bytes")
{
    effort_run_traces(40, STEPS, 0, run_variant);
}

TEST("the same traces are the same when frames are zeroed ahead between their steps")
{
    run.zeroes_ahead = true;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        run_trace(seed, STEPS, 0);
        CHECK(run.taken > 0);
    }
    for (uint32_t frames = 1; frames < 64; frames++)
        run_trace(7, 300, frames);
    run.zeroes_ahead = false;
}

TEST("with any amount of memory too small, calls fail cleanly and nothing is lost")
{
    uint32_t frames = 0;

    do
        run_trace(7, 300, ++frames);
    while (run.refused > 0 && frames < FRAMES);
    harness_note("clean from %u frames on", (unsigned)frames - 1);
    CHECK(frames > 10 && frames < FRAMES - 20);
    for (uint64_t seed = 100; seed < 104; seed++)
        for (frames = 1; frames < 64; frames++)
            run_trace(seed, 300, frames);
}
