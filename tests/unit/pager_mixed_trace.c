/* Traces in which everything that programs can do to memory meets: private and shared memory, files and
 * both kinds of their mappings, fork, mremap in all its forms, madvise, mlock, limits, strict promises,
 * truncation, and files that are replaced while they are mapped: see pager_mixed_trace.h. */
#include "pager_mixed_model.h"

/* ---- files ---- */

/* A new file in memory takes the place of one, which goes on where it is mapped. */
static void step_replace(uint32_t number)
{
    struct segment *segment = &run.segment[run.segments];
    struct object *file;

    if (run.segments == SEGMENTS)
        return;
    file = object_create_memory(&run.fake.vm);
    if (!file) {
        run_expect(run.scarce, "a new file");
        return;
    }
    run.segments++;
    segment->file = file;
    run.file[number] = segment;
    for (uint32_t i = 0; i <= PROGRAMS; i++) {
        struct space *space = i < PROGRAMS ? run.program[i].space : run.keeper;

        if (space && space->handles[number]->file != file) {
            object_release(&run.fake.vm, space->handles[number]->file);
            space->handles[number]->file = file; /* one description: all programs are forks */
        }
    }
}

static void step_resize(void)
{
    uint32_t number = 1 + run_pick(FILES - 1);
    uint64_t halves = run_pick(FILE_PAGES * HALVES + 1);

    run_expect(vm_file_truncate(&run.fake.vm, run.keeper, number, halves * HALF) == 0, "ftruncate");
    model_resize(run.file[number], halves);
}

/* Reads half a page of a file into a half page of memory. */
static void step_read(struct program *program, uint32_t p)
{
    uint32_t number = run_pick(FILES), half = run_pick(HALVES);
    uint32_t from = run_pick(FILE_PAGES * HALVES);
    struct segment *file = run.file[number];
    struct file_transfer transfer = {number, model_address(p) + half * HALF, HALF, from * HALF};
    bool end = from >= file->halves;
    uint64_t done;
    int expected = end || model_signal(&program->page[p], RW) == 0 ? 0 : EFAULT;

    if (!run_accept(vm_file_read(&run.fake.vm, program->space, &transfer, &done), expected, "read"))
        return;
    run_expect(done == (end ? 0 : HALF), "how much was read");
    if (!end)
        model_write(&program->page[p], half, file->byte[from]);
}

/* A file that grows has zeros behind its old end before anything is copied, perhaps from there. */
static void step_write(struct program *program, uint32_t p)
{
    uint32_t number = 1 + run_pick(FILES - 1), half = run_pick(HALVES);
    uint32_t to = run_pick(FILE_PAGES * HALVES);
    struct segment *file = run.file[number];
    struct file_transfer transfer = {number, model_address(p) + half * HALF, HALF, to * HALF};
    uint64_t done;
    int expected = model_signal(&program->page[p], PROT_READ) ? EFAULT : 0;

    if (!run_accept(vm_file_write(&run.fake.vm, program->space, &transfer, &done), expected,
                    "write"))
        return;
    run_expect(done == HALF, "how much was written");
    if (to >= file->halves)
        model_resize(file, to + 1);
    file->byte[to] = model_byte(&program->page[p], half);
}

/* ---- memory ---- */

/* What a new mapping has under it: nothing, memory, or a file with number *handle. */
static struct segment *map_pick_segment(bool *shared, uint32_t *handle)
{
    *shared = run_pick(2);
    *handle = run_pick(FILES);
    if (run_pick(2))
        return run.file[*handle];
    if (!*shared || run.segments == SEGMENTS) {
        *shared = false;
        return NULL;
    }
    run.segment[run.segments].halves = SEGMENT * HALVES;
    return &run.segment[run.segments++];
}

static uint8_t map_pick_charge(const struct model_page *page, bool no_reserve)
{
    if (page->shared && page->segment->file)
        return ENTRY_UNCHARGED;
    if (no_reserve && !run.fake.vm.commit.strict)
        return ENTRY_UNRESERVED;
    return page->shared || (page->protection & PROT_WRITE) ? ENTRY_CHARGED : ENTRY_UNCHARGED;
}

static void step_map(struct program *program, uint32_t first, uint32_t count)
{
    static const uint8_t protections[] = {PROT_NONE, PROT_READ, RW, RW, RW, PROT_READ | PROT_EXEC};
    static const uint32_t flags[] = {0, 0, 0, MAP_POPULATE, MAP_LOCKED, MAP_NORESERVE};
    struct model_page page = {
        .mapped = true, .protection = protections[run_pick(6)], .max_protection = RW | PROT_EXEC};
    uint32_t handle, flag = flags[run_pick(6)];
    struct vm_map_request request = {
        .address = model_address(first), .bytes = count * PAGE, .protection = page.protection};
    uint64_t at;
    int expected = model_has_room(program, count, first, count) ? 0 : ENOMEM, error;

    page.segment = map_pick_segment(&page.shared, &handle);
    if (run.scarce && page.segment && !page.shared)
        flag &= MAP_NORESERVE;
    page.wired = flag & MAP_LOCKED;
    page.charge = map_pick_charge(&page, flag & MAP_NORESERVE);
    request.flags = MAP_FIXED | flag | (page.shared ? MAP_SHARED : MAP_PRIVATE);
    if (!page.segment || !page.segment->file) {
        request.flags |= MAP_ANONYMOUS;
        error = vm_map(&run.fake.vm, program->space, &request, &at);
    } else {
        page.index = run_pick(FILE_PAGES);
        request.offset = page.index * PAGE;
        if (page.segment->fixed && page.shared)
            page.max_protection &= (uint8_t)~PROT_WRITE;
        if (page.protection & ~page.max_protection)
            expected = EACCES;
        error = vm_file_map(&run.fake.vm, program->space, handle, &request, &at);
    }
    if (!run_accept(error, expected, "mmap"))
        return;
    for (uint32_t p = first; p < first + count; p++, page.index++)
        program->page[p] = page;
    if (flag & (MAP_POPULATE | MAP_LOCKED))
        model_populate(&program->page[first], count);
}

static void step_unmap(struct program *program, uint32_t first, uint32_t count)
{
    if (run_accept(vm_unmap(&run.fake.vm, program->space, model_address(first), count * PAGE), 0,
                   "munmap"))
        memset(&program->page[first], 0, count * sizeof(program->page[0]));
}

static void step_protect(struct program *program, uint32_t first, uint32_t count)
{
    uint8_t protection = run_pick(3) ? RW : run_pick(2) ? PROT_READ : PROT_NONE;
    int expected = model_count(program, first, count) == count ? 0 : ENOMEM;

    for (uint32_t p = first; p < first + count && !expected; p++)
        if (protection & ~program->page[p].max_protection)
            expected = EACCES;
    if (!run_accept(vm_protect(&run.fake.vm, program->space, model_address(first), count * PAGE,
                               protection),
                    expected, "mprotect"))
        return;
    for (uint32_t p = first; p < first + count; p++) {
        struct model_page *page = &program->page[p];

        page->protection = protection;
        if ((protection & PROT_WRITE) && !page->shared && page->charge == ENTRY_UNCHARGED)
            page->charge = ENTRY_CHARGED;
    }
}

/* Whether one page may be advised so. */
static int advise_check(const struct model_page *page, uint64_t advice)
{
    bool drops = advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_COLD;

    return page->mapped &&
                   ((drops && page->wired) || (advice == MADV_FREE && page->segment != NULL))
               ? EINVAL
               : 0;
}

static void step_advise(struct program *program, uint32_t first, uint32_t count)
{
    static const uint8_t advices[] = {MADV_DONTNEED,   MADV_DONTNEED, MADV_FREE,     MADV_RANDOM,
                                      MADV_SEQUENTIAL, MADV_NORMAL,   MADV_WILLNEED, MADV_COLD};
    uint8_t advice = advices[run_pick(8)];
    bool covered = model_count(program, first, count) == count;
    int expected = covered ? 0 : ENOMEM, error;

    if (run.scarce && !covered) /* whether it did anything is not told */
        return;
    for (uint32_t p = first; p < first + count; p++)
        if (advise_check(&program->page[p], advice))
            expected = EINVAL;
    error = vm_advise(&run.fake.vm, program->space, model_address(first), count * PAGE, advice);
    if (!run_accept(error, expected, "madvise") && expected != ENOMEM)
        return;
    for (uint32_t p = first; p < first + count; p++) {
        struct model_page *page = &program->page[p];

        if (page->mapped && (advice == MADV_DONTNEED || advice == MADV_FREE))
            page->own = false;
        else if (page->mapped && advice <= MADV_SEQUENTIAL)
            page->advice = advice;
    }
}

static void step_wire(struct program *program, uint32_t first, uint32_t count)
{
    bool wired = run_pick(3) != 0;
    uint64_t at = model_address(first);
    int expected = model_count(program, first, count) == count ? 0 : ENOMEM, error;

    for (uint32_t p = first; wired && p < first + count; p++)
        if (model_signal(&program->page[p], 0) == 7 || program->page[p].protection == PROT_NONE ||
            (run.scarce && model_copies_file(&program->page[p])))
            return; /* how far it comes depends on the entries */
    error = wired ? vm_wire(&run.fake.vm, program->space, at, count * PAGE, 0)
                  : vm_unwire(&run.fake.vm, program->space, at, count * PAGE);
    if (!run_accept(error, expected, wired ? "mlock" : "munlock"))
        return;
    if (wired)
        model_populate(&program->page[first], count);
    for (uint32_t p = first; p < first + count; p++)
        program->page[p].wired = wired;
}

/* ---- mremap ---- */

struct remap_plan {
    uint32_t from;
    uint32_t old; /* pages; 0: a second mapping */
    uint32_t to;
    uint32_t count;
    bool keep;
};

static int remap_expect(const struct program *program, const struct remap_plan *plan)
{
    const struct model_page *first = &program->page[plan->from];
    uint32_t more = plan->keep                ? plan->count
                    : plan->count > plan->old ? plan->count - plan->old
                                              : 0;

    if (plan->to < plan->from + plan->old && plan->from < plan->to + plan->count)
        return EINVAL;
    if (!first->mapped)
        return EFAULT;
    if (plan->old == 0 && !first->shared)
        return EINVAL;
    for (uint32_t p = 0; p < plan->old; p++)
        if (!model_is_alike(&program->page[plan->from + p], first))
            return EFAULT;
    return more == 0 || model_has_room(program, more, 0, 0) ? 0 : ENOMEM; /* what goes counts too */
}

static void remap_apply(struct program *program, const struct remap_plan *plan)
{
    static struct model_page moved[WORLD_PAGES];
    uint32_t last = plan->old ? plan->old - 1 : 0;

    memset(&program->page[plan->to], 0, plan->count * sizeof(moved[0]));
    model_forget();
    for (uint32_t p = 0; p < plan->count; p++) {
        moved[p] = program->page[plan->from + (p < plan->old ? p : last)];
        if (p >= plan->old) {
            moved[p].index += p - last;
            moved[p].own = false;
        }
    }
    if (plan->count > plan->old && moved[0].wired)
        model_populate(&moved[plan->old], plan->count - plan->old);
    for (uint32_t p = plan->from; p < plan->from + plan->old; p++)
        if (plan->keep)
            program->page[p].own = program->page[p].wired = false;
        else
            program->page[p] = (struct model_page){.mapped = false};
    memcpy(&program->page[plan->to], moved, plan->count * sizeof(moved[0]));
}

static void step_remap(struct program *program, uint32_t first, uint32_t count)
{
    struct remap_plan plan = {.from = first, .old = count, .count = 1 + run_pick(8)};
    struct vm_remap_request request = {.address = model_address(first)};
    uint64_t at = 0;

    if (run_pick(4) == 0)
        plan.keep = true, plan.count = count;
    else if (run_pick(3) == 0)
        plan.old = 0;
    plan.to = run_pick(WORLD_PAGES - plan.count + 1);
    if (plan.old == 0 && plan.to <= first && first < plan.to + plan.count)
        return; /* over itself */
    for (uint32_t p = first; p < first + count; p++)
        if ((run.scarce && program->page[p].wired && model_copies_file(&program->page[p])) ||
            (program->page[p].segment && program->page[p].index + plan.count >= SEGMENT))
            return;
    request.old_bytes = plan.old * PAGE;
    request.bytes = plan.count * PAGE;
    request.flags = MREMAP_MAYMOVE | MREMAP_FIXED | (plan.keep ? MREMAP_DONTUNMAP : 0);
    request.to = model_address(plan.to);
    if (!run_accept(vm_remap(&run.fake.vm, program->space, &request, &at),
                    remap_expect(program, &plan), "mremap"))
        return;
    run_expect(at == request.to, "mremap is elsewhere");
    remap_apply(program, &plan);
}

/* ---- accesses, programs ---- */

static void step_touch(struct program *program, uint32_t p, uint32_t access)
{
    struct model_page *page = &program->page[p];
    uint32_t half = run_pick(HALVES), signal = model_signal(page, access);
    uint8_t byte = (uint8_t)run_pick(256);
    enum fake_outcome outcome = fake_touch(&run.fake, program->space,
                                           model_address(p) + half * HALF + PLACE, access, &byte);

    if (outcome == FAKE_STOPPED && signal == 0 && run.scarce &&
        fake_last_event.kind == PAGER_EVENT_NO_MEMORY) {
        run.refused++;
        return;
    }
    run_expect((outcome == FAKE_DONE) == (signal == 0), "an access is wrongly allowed or refused");
    if (signal != 0)
        run_expect(fake_last_event.signal == signal, "the wrong signal");
    else if (access == FL_ACCESS_WRITE)
        model_write(page, half, byte);
    else
        run_expect(byte == model_byte(page, half), "a byte is not what was written");
}

static void step_limit(struct program *program)
{
    uint32_t pages = run_pick(3) ? NO_LIMIT : run_pick(2 * WORLD_PAGES);
    struct limit limit = {pages * PAGE, LIMIT_INFINITY}, old;

    run_expect(vm_limit(&run.fake.vm, program->space, RLIMIT_AS, &limit, &old) == 0, "setrlimit");
    program->limit_pages = pages;
}

static void step_fork(const struct program *parent)
{
    struct program *child = run.program;

    while (child < run.program + PROGRAMS && child->space)
        child++;
    if (child == run.program + PROGRAMS)
        return;
    *child = *parent;
    child->space = space_create(&run.fake.vm, 2);
    run_expect(child->space || run.scarce, "no space");
    if (!child->space)
        return;
    if (!run_accept(vm_fork(&run.fake.vm, parent->space, child->space), 0, "fork")) {
        fake_destroy_space(&run.fake, child->space);
        child->space = NULL;
        return;
    }
    for (uint32_t p = 0; p < WORLD_PAGES; p++)
        child->page[p].wired = false;
}

static void step_exit(struct program *program)
{
    uint32_t live = 0;

    for (uint32_t i = 0; i < PROGRAMS; i++)
        live += run.program[i].space != NULL;
    if (live < 2)
        return;
    fake_destroy_space(&run.fake, program->space);
    *program = (struct program){.space = NULL};
}

/* ---- a trace ---- */

static void run_memory_call(struct program *program)
{
    static void (*const steps[])(struct program *, uint32_t first, uint32_t count) = {
        step_map,  step_map,   step_unmap, step_protect, step_advise,
        step_wire, step_remap, step_remap, step_remap};
    uint32_t first = run_pick(WORLD_PAGES), count = 1 + run_pick(WORLD_PAGES - first);

    if (count > 8 && run_pick(4))
        count = 1 + run_pick(8);
    steps[run_pick(sizeof(steps) / sizeof(steps[0]))](program, first, count);
}

static void run_drop_tables(const struct program *program)
{
    uint64_t seed = run_pick(256);

    fake_drop_tables(&run.fake, program->space, 128, &seed);
}

static void run_step(struct program *program)
{
    static const uint32_t accesses[] = {FL_ACCESS_READ, FL_ACCESS_WRITE, FL_ACCESS_WRITE,
                                        FL_ACCESS_EXEC};
    uint32_t p = run_pick(WORLD_PAGES), choice = run_pick(32);

    if (choice == 0)
        step_fork(program);
    else if (choice == 1 && run_pick(2))
        step_exit(program);
    else if (choice == 2)
        step_resize();
    else if (choice == 3)
        step_read(program, p);
    else if (choice == 4)
        step_write(program, p);
    else if (choice == 5 && run_pick(2))
        step_replace(1 + run_pick(FILES - 1));
    else if (choice == 6)
        step_limit(program);
    else if (choice == 7)
        run_drop_tables(program);
    else if (choice < 18)
        run_memory_call(program);
    else
        step_touch(program, p, accesses[run_pick(4)]);
}

/* What a program could do without a fault, and what it is charged, is what the model says. */
static void run_compare_program(const struct program *program)
{
    uint64_t charged = 0;

    for (uint32_t p = 0; p < WORLD_PAGES; p++) {
        const struct model_page *page = &program->page[p];
        const uint8_t *shown = fake_peek(&run.fake, program->space, model_address(p), 0);
        bool writable =
            fake_peek(&run.fake, program->space, model_address(p), FL_ACCESS_WRITE) != NULL;

        charged += page->mapped && !page->shared && page->charge == ENTRY_CHARGED;
        run_expect(!shown || (page->mapped && !model_is_beyond(page)), "a page is mapped");
        for (uint32_t half = 0; shown && half < HALVES; half++)
            run_expect(shown[half * HALF + PLACE] == model_byte(page, half), "a stale page");
        run_expect(!writable || ((page->protection & PROT_WRITE) &&
                                 (page->own || page->shared || !page->segment)),
                   "a page is writable");
    }
    run_expect(commit_of_space(program->space) == charged, "what is promised");
}

static void run_sound(void)
{
    const char *broken = fake_check(&run.fake);

    run_expect(!broken, broken ? broken : "");
    for (uint32_t i = 0; i < PROGRAMS; i++)
        if (run.program[i].space)
            run_compare_program(&run.program[i]);
}

static void run_begin(const struct mixed_trace *trace)
{
    static uint8_t data[FILE_PAGES * FL_PAGE_BYTES];
    struct program *program = run.program;
    uint32_t handle;

    memset(&run, 0, sizeof(run));
    run.trace = *trace;
    for (uint32_t half = 0; half < FILE_PAGES * HALVES; half++)
        memset(data + half * HALF, (int)half + 1, HALF);
    fake_init(&run.fake, FRAMES);
    fake_add_file(&run.fake, "file", data, 7 * HALF, trace->world % 5 > 1);
    fake_start(&run.fake);
    run.fake.vm.fork_clones = trace->world % 2;
    run.fake.vm.commit.strict = trace->world % 3 == 0;
    run.keeper = space_create(&run.fake.vm, 1);
    for (uint32_t i = 0; i < FILES; i++) {
        struct object *file = i ? object_create_memory(&run.fake.vm)
                                : object_open_file(&run.fake.vm, fake_find_file(&run.fake, "file"));

        run.file[i] = &run.segment[run.segments++];
        *run.file[i] = (struct segment){.file = file, .halves = i ? 0 : 7, .fixed = i == 0};
        run_expect(handle_open(&run.fake.vm, run.keeper, &handle) == 0 && handle == i, "open");
        *handle_find(run.keeper, handle) = (struct description){
            .file = file, .references = 1, .readable = true, .writable = i > 0};
    }
    for (uint32_t half = 0; half < 7; half++)
        run.file[0]->byte[half] = (uint8_t)(half + 1);
    program->space = space_create(&run.fake.vm, 1);
    program->limit_pages = NO_LIMIT;
    handle_inherit(program->space, run.keeper);
    run.scarce = trace->frames > 0;
    if (run.scarce)
        fake_limit(&run.fake, trace->frames - 1);
}

static void run_end(void)
{
    fake_unlimit(&run.fake);
    run.scarce = false;
    for (uint32_t i = 0; i < PROGRAMS; i++)
        for (uint32_t p = 0; run.program[i].space && p < WORLD_PAGES; p++)
            step_touch(&run.program[i], p, FL_ACCESS_READ);
    run_sound();
    for (uint32_t i = 0; i < PROGRAMS; i++)
        if (run.program[i].space)
            fake_destroy_space(&run.fake, run.program[i].space);
    fake_destroy_space(&run.fake, run.keeper);
    memset(run.program, 0, sizeof(run.program));
    run_sound();
    run_expect(run.fake.vm.table.counts[PAGE_FREE] == run.fake.free_pages, "frames are lost");
    run_expect(run.fake.vm.commit.pages == 0, "promises are lost");
    fake_free(&run.fake);
}

/* One of those that live. */
static struct program *run_pick_program(void)
{
    uint32_t live = 0, chosen;

    for (uint32_t i = 0; i < PROGRAMS; i++)
        live += run.program[i].space != NULL;
    chosen = run_pick(live);
    for (uint32_t i = 0;; i++)
        if (run.program[i].space && chosen-- == 0)
            return &run.program[i];
}

uint32_t mixed_trace_run(const struct mixed_trace *trace)
{
    run_begin(trace);
    for (; run.step < trace->steps && trace->goes_on(trace->context); run.step++) {
        run_step(run_pick_program());
        model_forget();
        run_sound();
    }
    run_end();
    return run.refused;
}
