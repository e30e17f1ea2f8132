/* Random trees of processes: forks, ends, memory calls and accesses against a model that keeps an array
 * of bytes for each process, with every invariant checked after each step; then the same with ever so
 * little memory. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "pager_trace_kit.h"

#include "effort.h"

#define FRAMES      256u
#define PROCESSES   9u
#define WORLD_PAGES 24u
#define WORLD       (0x2000000000ull + 0x3c000) /* an area often crosses 64 pages of its object */
#define HEAP        0x40000000ull
#define HEAP_PAGES  4u
#define FORKS       64u    /* of each trace */
#define STEPS       10000u /* of a trace, if its forks do not end it before */
#define PLACES      4u     /* bytes of a page that are ever touched */
#define SHARED      4096u

struct model_page {
    bool mapped;
    uint32_t protection;
    uint32_t shared; /* 0: `bytes` are this process's own; else they are those of shared page .. */
    uint8_t bytes[PLACES];
};

struct model_process {
    struct space *space;                              /* NULL: does not live */
    struct model_page page[WORLD_PAGES + HEAP_PAGES]; /* the heap behind the world */
    uint32_t heap_pages;
};

struct tree_run {
    struct model_process process[PROCESSES];
    uint8_t shared[SHARED][PLACES];
    uint32_t shared_used;
    uint32_t forks;
};

static struct tree_run run;

static uint32_t run_pick_protection(void)
{
    static const uint32_t protections[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
                                           PROT_READ | PROT_WRITE,
                                           PROT_READ | PROT_WRITE | PROT_EXEC};

    return protections[run_pick(5)];
}

static uint64_t model_address(uint32_t page)
{
    return page < WORLD_PAGES ? WORLD + page * PAGE : HEAP + (page - WORLD_PAGES) * PAGE;
}

static uint8_t *model_bytes(struct model_page *page)
{
    return page->shared ? run.shared[page->shared] : page->bytes;
}

/* ---- steps ---- */

static void step_map(struct model_process *process, uint32_t first, uint32_t count)
{
    bool shared = run_pick(4) == 0 && run.shared_used + count < SHARED;
    struct vm_map_request request = {.address = model_address(first),
                                     .bytes = count * PAGE,
                                     .protection = run_pick_protection(),
                                     .flags = MAP_ANONYMOUS | MAP_FIXED |
                                              (shared ? MAP_SHARED : MAP_PRIVATE)};
    uint64_t at = 0;

    if (!run_accept(vm_map(&trace.fake.vm, process->space, &request, &at), 0, "mmap"))
        return;
    for (uint32_t p = first; p < first + count; p++)
        process->page[p] = (struct model_page){.mapped = true,
                                               .protection = request.protection,
                                               .shared = shared ? ++run.shared_used : 0};
}

static void step_unmap(struct model_process *process, uint32_t first, uint32_t count)
{
    int error = vm_unmap(&trace.fake.vm, process->space, model_address(first), count * PAGE);

    if (!run_accept(error, 0, "munmap"))
        return;
    for (uint32_t p = first; p < first + count; p++)
        process->page[p] = (struct model_page){.mapped = false};
}

static void step_protect(struct model_process *process, uint32_t first, uint32_t count)
{
    uint32_t protection = run_pick_protection();
    bool covered = true;
    int error;

    for (uint32_t p = first; p < first + count; p++)
        covered = covered && process->page[p].mapped;
    error =
        vm_protect(&trace.fake.vm, process->space, model_address(first), count * PAGE, protection);
    if (!run_accept(error, covered ? 0 : ENOMEM, "mprotect"))
        return;
    for (uint32_t p = first; p < first + count; p++)
        process->page[p].protection = protection;
}

static void step_break(struct model_process *process)
{
    uint32_t pages = run_pick(HEAP_PAGES + 1);
    uint64_t end = 0;

    if (!run_accept(vm_break(&trace.fake.vm, process->space, HEAP + pages * PAGE, &end), 0, "brk"))
        return;
    for (uint32_t p = 0; p < HEAP_PAGES; p++)
        if (p >= pages || p >= process->heap_pages)
            process->page[WORLD_PAGES + p] =
                (struct model_page){.mapped = p < pages, .protection = PROT_READ | PROT_WRITE};
    process->heap_pages = pages;
}

static void step_touch(struct model_process *process, uint32_t p, uint32_t access)
{
    uint32_t place = run_pick(PLACES);
    struct model_page *page = &process->page[p];
    bool allowed = page->mapped && (page->protection & access) == access;
    uint8_t byte = (uint8_t)fake_random(&trace.seed);
    enum fake_outcome outcome = fake_touch(
        &trace.fake, process->space, model_address(p) + place * (PAGE / PLACES), access, &byte);

    if (outcome == FAKE_STOPPED && allowed && trace.scarce && fake_last_event.signal == 9) {
        trace.refused++;
        return;
    }
    run_expect((outcome == FAKE_DONE) == allowed, "an access is wrongly allowed or refused");
    if (!allowed)
        return;
    if (access == FL_ACCESS_WRITE)
        model_bytes(page)[place] = byte;
    else
        run_expect(byte == model_bytes(page)[place], "a byte is not what was written");
}

static void step_fork(struct model_process *parent)
{
    struct model_process *child = run.process;

    while (child < run.process + PROCESSES && child->space)
        child++;
    if (child == run.process + PROCESSES)
        return;
    *child = *parent;
    child->space = run_fork(parent->space);
    run.forks += child->space != NULL;
}

static void step_exit(struct model_process *process)
{
    if (run_live() < 2)
        return;
    fake_destroy_space(&trace.fake, process->space);
    process->space = NULL;
}

static void run_memory_call(struct model_process *process)
{
    uint32_t first = run_pick(WORLD_PAGES), count = 1 + run_pick(WORLD_PAGES - first);

    if (run_pick(4) != 0 && count > 6)
        count = 1 + run_pick(6);
    switch (run_pick(5)) {
    case 0:
        step_map(process, first, count);
        break;
    case 1:
        step_unmap(process, first, count);
        break;
    case 2:
        step_protect(process, first, count);
        break;
    case 3:
        step_break(process);
        break;
    default:
        fake_drop_tables(&trace.fake, process->space, 64, &trace.seed);
    }
}

static void run_step(void)
{
    static const uint32_t accesses[] = {FL_ACCESS_READ, FL_ACCESS_WRITE, FL_ACCESS_WRITE,
                                        FL_ACCESS_EXEC};
    struct model_process *process;

    do
        process = &run.process[run_pick(PROCESSES)];
    while (!process->space);
    switch (run_pick(16)) {
    case 0:
    case 1:
        step_fork(process);
        break;
    case 2:
        step_exit(process);
        break;
    case 3:
    case 4:
        run_memory_call(process);
        break;
    default:
        step_touch(process, run_pick(WORLD_PAGES + HEAP_PAGES), accesses[run_pick(4)]);
    }
}

/* Reads all of every process through its mappings. */
static void run_compare(void)
{
    for (uint32_t i = 0; i < PROCESSES; i++)
        for (uint32_t p = 0; run.process[i].space && p < WORLD_PAGES + HEAP_PAGES; p++)
            for (uint32_t turn = 0; turn < 2 * PLACES; turn++)
                step_touch(&run.process[i], p, FL_ACCESS_READ);
}

static void run_begin(uint64_t seed, uint32_t left)
{
    memset(run.process, 0, sizeof(run.process));
    memset(run.shared, 0, sizeof(run.shared));
    run.shared_used = run.forks = 0;
    trace_begin(seed, FRAMES, left);
    fake_start(&trace.fake);
    trace.fake.vm.fork_clones = seed % 2;
    run.process[0].space = space_create(&trace.fake.vm, 1);
    run.process[0].space->heap_start = run.process[0].space->heap_end = HEAP;
    trace_limit();
}

static void run_end(void)
{
    fake_unlimit(&trace.fake);
    trace.scarce = false;
    run_compare();
    run_check();
    trace_end();
}

/* One trace with at most `left` free frames: until there were enough forks or steps. */
static void run_trace(uint64_t seed, uint32_t steps, uint32_t left)
{
    run_begin(seed, left);
    for (; trace.step < steps && run.forks < FORKS; trace.step++) {
        run_step();
        run_check();
    }
    run_end();
}

static void run_long(uint64_t seed, uint32_t left)
{
    run_trace(seed, STEPS, left);
    CHECK(run.forks == FORKS || left < FRAMES);
}

TEST("random trees of 64 forks behave as an array of bytes for each process")
{
    effort_run_traces(40, STEPS, TRACE_PLENTY, run_long);
}

TEST("with any amount of memory too small, forks and faults fail cleanly and nothing is lost")
{
    uint32_t left = 0;

    do
        run_trace(7, 600, left++);
    while (trace.refused > 0 && left < FRAMES);
    harness_note("clean from %u frames on", (unsigned)left - 1);
    CHECK(left > 10 && left < FRAMES - 20);
    for (uint64_t seed = 100; seed < 104; seed++)
        for (left = 0; left < 63; left++)
            run_trace(seed, 400, left);
}
