/* Random traces of memory calls in programs that fork and end, against arrays of pages, with every
 * invariant checked after each step; then the same traces with ever so little memory. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "pager_trace_kit.h"

#include "effort.h"

#define FRAMES      640u
#define PROGRAMS    4u
#define WORLD_PAGES 40u
#define WORLD       (0x2000000000ull + 44 * PAGE) /* crosses the 64 pages of an index node */
#define STEPS       400u
#define PRIVATE     (MAP_PRIVATE | MAP_ANONYMOUS)

/* One page as POSIX describes it; `value` is its first byte. */
struct model_page {
    bool mapped;
    bool charged; /* is or was writable */
    bool wired;
    uint8_t advice;
    uint8_t protection;
    uint8_t value;
};

struct program {
    struct space *space; /* NULL: not there */
    struct model_page page[WORLD_PAGES];
};

static struct {
    struct program program[PROGRAMS];
} run;

/* The same, where EAGAIN is a shortage too, and may come before any error but EINVAL. */
static bool run_accept_any(int error, int expected, const char *what)
{
    if ((error == ENOMEM || error == EAGAIN) && trace.scarce && expected != EINVAL) {
        trace.refused++;
        return false;
    }
    if (error != expected)
        harness_note("error %d, expected %d", error, expected);
    run_expect(error == expected, what);
    return error == 0;
}

static uint64_t run_address(uint32_t page)
{
    return WORLD + page * PAGE;
}

/* Whether all pages are mapped, and, if asked, have the attributes of the first. */
static bool run_is_mapped(const struct program *program, uint32_t first, uint32_t count, bool alike)
{
    const struct model_page *like = &program->page[first];

    for (uint32_t p = first; p < first + count; p++) {
        const struct model_page *page = &program->page[p];

        if (!page->mapped ||
            (alike && (page->charged != like->charged || page->wired != like->wired ||
                       page->advice != like->advice || page->protection != like->protection)))
            return false;
    }
    return true;
}

static bool run_any_wired(const struct program *program, uint32_t first, uint32_t count)
{
    for (uint32_t p = first; p < first + count; p++)
        if (program->page[p].mapped && program->page[p].wired)
            return true;
    return false;
}

static void step_map(struct program *program, uint32_t first, uint32_t count)
{
    static const uint8_t protections[] = {PROT_NONE, PROT_READ, RW, RW, RW};
    uint8_t protection = protections[run_pick(5)];
    struct vm_map_request request = {.address = run_address(first),
                                     .bytes = count * PAGE,
                                     .protection = protection,
                                     .flags = PRIVATE | MAP_FIXED};
    uint64_t at = 0;

    if (!run_accept_any(vm_map(&trace.fake.vm, program->space, &request, &at), 0, "mmap"))
        return;
    for (uint32_t p = first; p < first + count; p++)
        program->page[p] = (struct model_page){
            .mapped = true, .protection = protection, .charged = protection & PROT_WRITE};
}

static void step_unmap(struct program *program, uint32_t first, uint32_t count)
{
    if (run_accept_any(vm_unmap(&trace.fake.vm, program->space, run_address(first), count * PAGE),
                       0, "munmap"))
        memset(&program->page[first], 0, count * sizeof(program->page[0]));
}

static void step_protect(struct program *program, uint32_t first, uint32_t count)
{
    uint8_t protection = run_pick(2) ? RW : PROT_READ;
    int expected = run_is_mapped(program, first, count, false) ? 0 : ENOMEM;

    if (!run_accept_any(vm_protect(&trace.fake.vm, program->space, run_address(first), count * PAGE,
                                   protection),
                        expected, "mprotect"))
        return;
    for (uint32_t p = first; p < first + count; p++) {
        program->page[p].protection = protection;
        program->page[p].charged = program->page[p].charged || (protection & PROT_WRITE);
    }
}

/* Over a hole the advice is followed all the same: then, in a shortage, nobody knows whether it was. */
static void step_advise(struct program *program, uint32_t first, uint32_t count)
{
    static const uint8_t advices[] = {MADV_DONTNEED,   MADV_DONTNEED, MADV_FREE,     MADV_RANDOM,
                                      MADV_SEQUENTIAL, MADV_NORMAL,   MADV_WILLNEED, MADV_COLD};
    uint8_t advice = advices[run_pick(8)];
    bool drops = advice == MADV_DONTNEED || advice == MADV_FREE;
    bool mapped = run_is_mapped(program, first, count, false);
    int error;

    if (trace.scarce && !mapped)
        return;
    error = vm_advise(&trace.fake.vm, program->space, run_address(first), count * PAGE, advice);
    if ((drops || advice == MADV_COLD) && run_any_wired(program, first, count)) {
        run_expect(error == EINVAL, "wired memory was advised away");
        return;
    }
    if (!run_accept_any(error, mapped ? 0 : ENOMEM, "madvise") && error != ENOMEM)
        return;
    if (error && trace.scarce)
        return;
    for (uint32_t p = first; p < first + count; p++) {
        if (!program->page[p].mapped)
            continue;
        if (drops)
            program->page[p].value = 0;
        else if (advice <= MADV_SEQUENTIAL)
            program->page[p].advice = advice;
    }
}

static void step_wire(struct program *program, uint32_t first, uint32_t count)
{
    bool wired = run_pick(3) == 0, mapped = run_is_mapped(program, first, count, false);
    uint64_t at = run_address(first);
    int expected = mapped ? 0 : ENOMEM, error;

    for (uint32_t p = first; wired && p < first + count; p++)
        if (program->page[p].protection == PROT_NONE)
            expected = ENOMEM;
    error = wired ? vm_wire(&trace.fake.vm, program->space, at, count * PAGE, 0)
                  : vm_unwire(&trace.fake.vm, program->space, at, count * PAGE);
    if (!run_accept_any(error, expected, wired ? "mlock" : "munlock"))
        return;
    for (uint32_t p = first; p < first + count; p++)
        program->page[p].wired = wired;
}

/* Moves [first, first + count) to a place for `wanted` pages that does not overlap it. */
static void step_remap(struct program *program, uint32_t first, uint32_t count)
{
    uint32_t wanted = 1 + run_pick(8), to = run_pick(WORLD_PAGES - wanted + 1);
    struct vm_remap_request request = {.address = run_address(first),
                                       .old_bytes = count * PAGE,
                                       .bytes = wanted * PAGE,
                                       .flags = MREMAP_MAYMOVE | MREMAP_FIXED,
                                       .to = run_address(to)};
    struct model_page moved[8] = {{0}};
    bool overlaps = to < first + count && first < to + wanted;
    uint64_t at = 0;
    int expected = overlaps ? EINVAL : run_is_mapped(program, first, count, true) ? 0 : EFAULT;

    if (!run_accept_any(vm_remap(&trace.fake.vm, program->space, &request, &at), expected,
                        "mremap"))
        return;
    run_expect(at == request.to, "mremap is elsewhere");
    for (uint32_t p = 0; p < wanted; p++) {
        moved[p] = program->page[first + (p < count ? p : 0)];
        moved[p].value = p < count ? moved[p].value : 0;
    }
    memset(&program->page[first], 0, count * sizeof(moved[0]));
    memcpy(&program->page[to], moved, wanted * sizeof(moved[0]));
}

static void step_access(struct program *program, uint32_t p)
{
    struct model_page *page = &program->page[p];
    uint32_t access = run_pick(2) ? FL_ACCESS_WRITE : FL_ACCESS_READ;
    uint8_t byte = (uint8_t)run_pick(256);
    bool allowed = page->mapped && (page->protection & access);
    enum fake_outcome outcome =
        fake_touch(&trace.fake, program->space, run_address(p), access, &byte);

    if (outcome == FAKE_STOPPED && allowed && trace.scarce && fake_last_event.signal == 9)
        return;
    run_expect((outcome == FAKE_DONE) == allowed, "an access");
    if (allowed && access == FL_ACCESS_READ)
        run_expect(byte == page->value, "a value");
    if (allowed && access == FL_ACCESS_WRITE)
        page->value = byte;
}

static void step_fork(const struct program *parent)
{
    for (uint32_t i = 0; i < PROGRAMS; i++) {
        struct program *child = &run.program[i];

        if (child->space)
            continue;
        child->space = run_fork(parent->space);
        if (!child->space)
            return;
        memcpy(child->page, parent->page, sizeof(child->page));
        for (uint32_t p = 0; p < WORLD_PAGES; p++)
            child->page[p].wired = false; /* locks are not inherited */
        return;
    }
}

static void step_exit(struct program *program)
{
    if (run_live() < 2)
        return;
    fake_destroy_space(&trace.fake, program->space);
    *program = (struct program){0};
}

static void run_step(void)
{
    struct program *program = &run.program[run_pick(PROGRAMS)];
    uint32_t count = 1 + run_pick(8), first = run_pick(WORLD_PAGES - count + 1);

    if (!program->space)
        return;
    switch (run_pick(16)) {
    case 0:
        step_map(program, first, count);
        break;
    case 1:
        step_unmap(program, first, count);
        break;
    case 2:
        step_protect(program, first, count);
        break;
    case 3:
    case 4:
        step_advise(program, first, count);
        break;
    case 5:
        step_wire(program, first, count);
        break;
    case 6:
    case 7:
        step_remap(program, first, count);
        break;
    case 8:
        step_fork(program);
        break;
    case 9:
        if (run_pick(2))
            step_exit(program);
        break;
    default:
        step_access(program, first);
    }
    run_check();
}

/* Runs one trace; `left`: frames that it has. */
static void run_trace(uint64_t seed, uint32_t left)
{
    memset(run.program, 0, sizeof(run.program));
    trace_begin(seed, FRAMES, left);
    fake_start(&trace.fake);
    run.program[0].space = space_create(&trace.fake.vm, 1);
    trace_limit();
    step_map(&run.program[0], 0, WORLD_PAGES);
    for (trace.step = 0; trace.step < STEPS; trace.step++)
        run_step();
    trace_end();
}

TEST("programs that advise, lock, move and fork see what arrays of pages say")
{
    effort_run_traces(60, STEPS, TRACE_PLENTY, run_trace);
}

TEST("the same with any amount of memory too small: refused calls change nothing")
{
    uint32_t refused = 0;

    for (uint32_t left = 8; left < 140; left += 3) {
        run_trace(1000 + left, left);
        refused += trace.refused;
    }
    CHECK(refused > 100);
}
