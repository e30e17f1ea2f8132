/* Random traces of programs that fork, map a slow file, and drop, truncate and write it while its pages
 * are fetched, some of which never come; also with too little memory.  After each step each answer is
 * compared with a model of what the program shows at that moment, and the checker runs. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "effort.h"
#include "memory_values.h"
#include "pager_slow.h"
#include "protocol.h"

#define FRAMES   256u
#define PAGE     ((uint64_t)FL_PAGE_BYTES)
#define AT       0x10000000ull
#define PAGES    SLOW_PAGES
#define PROGRAMS 4u
#define THREADS  3u /* of a program */
#define TRACES   150u
#define STEPS    150u
#define RW       (PROT_READ | PROT_WRITE)

enum model_kind { MODEL_NONE, MODEL_SHARED, MODEL_PRIVATE, MODEL_ANONYMOUS };

/* What a program has of its own at a page: nothing, a byte, or a page that is fetched. */
#define MODEL_NOTHING  (-1)
#define MODEL_FETCH(k) (1000 + (int)(k))

struct model_page {
    enum model_kind kind;
    uint32_t protection;
    int own;
};

struct model_program {
    struct space *space;
    struct model_page page[PAGES];
};

static struct {
    struct slow slow;
    struct model_program program[PROGRAMS];
    bool answered[PROGRAMS * THREADS]; /* seen already */
    uint64_t seed;
    uint64_t file_pages;
    int64_t failed;         /* index of the file whose fetch failed in this step, or -1 */
    uint32_t fetched[1000]; /* pages of MODEL_FETCH(k) */
    uint32_t fetches;
    bool limited; /* frames were taken away */
    uint64_t seen[SLOW_GONE + 1];
    uint64_t unreadable, short_stops;
} run;

static uint32_t run_pick(uint32_t options)
{
    return (uint32_t)(fake_random(&run.seed) % options);
}

static void run_check(bool holds, const char *what)
{
    if (!holds)
        harness_note("%s", what);
    CHECK(holds);
}

/* ---- what the model expects of an answer ---- */

static bool model_file_has(uint32_t index)
{
    const struct object *file = slow_object(&run.slow);
    uint64_t leaf = file ? index_lookup(&file->index, index) : 0;

    return leaf != 0 && !page_is_busy(&run.slow.fake.vm.table, index_leaf_page(leaf));
}

/* The kind of event that an access brings now, or -1: it is served. */
static int model_expect(const struct model_page *page, uint32_t index, uint32_t access)
{
    if (page->kind == MODEL_NONE)
        return PAGER_EVENT_UNMAPPED;
    if (access & ~page->protection)
        return PAGER_EVENT_PROTECTION;
    if (page->own != MODEL_NOTHING || page->kind == MODEL_ANONYMOUS)
        return -1;
    if (index >= run.file_pages)
        return PAGER_EVENT_BEYOND_END;
    if (!model_file_has(index) && run.failed == index)
        return PAGER_EVENT_UNREADABLE;
    return -1;
}

static void model_check_answer(struct slow_thread *thread)
{
    uint32_t index = (uint32_t)((thread->address - AT) / PAGE);
    struct model_program *program = run.program;
    struct model_page *page;
    int expected;

    while (program->space != thread->space)
        program++;
    page = &program->page[index];
    expected = model_expect(page, index, thread->access);
    run.seen[thread->state]++;
    if (thread->state == SLOW_STOPPED && run.limited &&
        thread->space->event.kind == PAGER_EVENT_NO_MEMORY) {
        run.short_stops++;
    } else if (thread->state == SLOW_STOPPED) {
        run_check(expected >= 0, "stopped, and should be served");
        run.unreadable += expected == PAGER_EVENT_UNREADABLE;
    } else if (thread->state == SLOW_FAILED && thread->error == ENOMEM) {
        run_check(run.limited, "ENOMEM with memory");
    } else if (thread->state == SLOW_FAILED) {
        run_check(expected >= 0, "EFAULT, and should be served");
    } else if (thread->state == SLOW_SERVED) {
        run_check(expected < 0, "served, and should not be");
        run_check(page->own < MODEL_FETCH(0), "served from a page that is not there yet");
        if (thread->kind != SLOW_FAULT)
            page->own = thread->byte;
        else if (thread->access == FL_ACCESS_WRITE && page->own == MODEL_NOTHING)
            page->own = page->kind == MODEL_ANONYMOUS ? 0 : slow_byte(index);
    }
}

/* All answers since the last look, in their order. */
static void model_check_answers(void)
{
    for (;;) {
        struct slow_thread *next = NULL;

        for (uint32_t i = 0; i < PROGRAMS * THREADS; i++) {
            struct slow_thread *thread = &run.slow.thread[i];

            if (thread->answers == 1 && !run.answered[i] && thread->space &&
                (!next || thread->order < next->order))
                next = thread;
        }
        if (!next)
            return;
        run.answered[next - run.slow.thread] = true;
        model_check_answer(next);
    }
}

/* Reads what can be read without a wait, and compares. */
static void model_check_contents(const struct model_program *program)
{
    for (uint32_t i = 0; i < PAGES; i++) {
        const struct model_page *page = &program->page[i];
        int expected = page->own;
        uint8_t byte = 0;

        if (page->kind == MODEL_NONE || !(page->protection & PROT_READ) ||
            page->own >= MODEL_FETCH(0))
            continue;
        if (expected == MODEL_NOTHING && page->kind != MODEL_ANONYMOUS && !model_file_has(i))
            continue;
        if (expected == MODEL_NOTHING)
            expected = page->kind == MODEL_ANONYMOUS ? 0 : slow_byte(i);
        CHECK_EQ(fake_touch(&run.slow.fake, program->space, AT + i * PAGE, FL_ACCESS_READ, &byte),
                 FAKE_DONE);
        CHECK_EQ(byte, expected);
    }
}

/* ---- steps ---- */

static bool step_has_room(int error)
{
    run_check(error == 0 || (error == ENOMEM && run.limited), "a call failed");
    return error == 0;
}

static void step_map(struct model_program *program, uint32_t first, uint32_t count)
{
    enum model_kind kind = (enum model_kind)(1 + run_pick(3));
    struct vm_map_request request = {.address = AT + first * PAGE,
                                     .bytes = count * PAGE,
                                     .protection = RW,
                                     .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};
    uint64_t at;

    if (!slow_object(&run.slow))
        run.file_pages = PAGES; /* a file that nobody shows is whole again */
    for (uint32_t i = first; i < first + count; i++)
        if (kind != MODEL_ANONYMOUS && program->page[i].kind != MODEL_NONE)
            return;
    if (kind == MODEL_ANONYMOUS) {
        if (!step_has_room(vm_map(&run.slow.fake.vm, program->space, &request, &at)))
            return;
    } else if (!slow_map(&run.slow, program->space, AT + first * PAGE, first, count,
                         kind == MODEL_PRIVATE)) {
        run_check(run.limited, "no memory for a mapping");
        return;
    }
    for (uint32_t i = first; i < first + count; i++)
        program->page[i] =
            (struct model_page){kind, kind == MODEL_SHARED ? PROT_READ : RW, MODEL_NOTHING};
}

static void step_unmap(struct model_program *program, uint32_t first, uint32_t count)
{
    if (!step_has_room(
            vm_unmap(&run.slow.fake.vm, program->space, AT + first * PAGE, count * PAGE)))
        return;
    for (uint32_t i = first; i < first + count; i++)
        program->page[i].kind = MODEL_NONE;
}

static void step_protect(struct model_program *program, uint32_t first, uint32_t count)
{
    uint32_t protection = run_pick(2) ? PROT_READ : run_pick(2) ? RW : PROT_NONE;

    for (uint32_t i = first; i < first + count; i++)
        if (program->page[i].kind < MODEL_PRIVATE)
            return;
    if (!step_has_room(vm_protect(&run.slow.fake.vm, program->space, AT + first * PAGE,
                                  count * PAGE, protection)))
        return;
    for (uint32_t i = first; i < first + count; i++)
        program->page[i].protection = protection;
}

static void step_drop(struct model_program *program, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++)
        if (program->page[i].kind == MODEL_NONE)
            return;
    if (!step_has_room(vm_advise(&run.slow.fake.vm, program->space, AT + first * PAGE, count * PAGE,
                                 MADV_DONTNEED)))
        return;
    for (uint32_t i = first; i < first + count; i++)
        program->page[i].own = MODEL_NOTHING;
}

static void step_truncate(void)
{
    if (!slow_object(&run.slow))
        return;
    run.file_pages = run_pick(PAGES + 1);
    slow_truncate(&run.slow, run.file_pages);
}

static void step_fork(const struct model_program *parent)
{
    for (uint32_t i = 0; i < PROGRAMS; i++) {
        struct model_program *child = &run.program[i];

        if (child->space)
            continue;
        child->space = space_create(&run.slow.fake.vm, i);
        if (!child->space)
            return;
        if (step_has_room(vm_fork(&run.slow.fake.vm, parent->space, child->space)))
            memcpy(child->page, parent->page, sizeof(child->page));
        else
            memset(child->page, 0, sizeof(child->page));
        return;
    }
}

static void step_destroy(struct model_program *program)
{
    struct space *space = program->space;

    program->space = NULL;
    slow_destroy(&run.slow, space);
}

static void step_request(struct model_program *program, uint32_t index)
{
    uint32_t thread = (uint32_t)(program - run.program) * THREADS + run_pick(THREADS);
    uint64_t address = AT + index * PAGE + run_pick(64);

    uint32_t access = run_pick(3) ? FL_ACCESS_READ : FL_ACCESS_WRITE;
    bool wrong = model_expect(&program->page[index], index, access) >= 0;

    /* A bad access ends the program: only now and then. */
    if (run.slow.thread[thread].state == SLOW_WAITS || (wrong && run_pick(24) > 0))
        return;
    run.answered[thread] = false;
    if (run_pick(4) == 0)
        slow_write(&run.slow, &run.slow.thread[thread], program->space, address & ~63ull,
                   (uint8_t)run_pick(64));
    else
        slow_fault(&run.slow, &run.slow.thread[thread], program->space, address, access);
}

/* A page of a program's own memory is fetched, as from swap. */
static void step_fetch(struct model_program *program, uint32_t index)
{
    struct model_page *page = &program->page[index];
    struct entry *entry = entry_find(&program->space->map, AT + index * PAGE);
    uint32_t number;

    if (page->kind < MODEL_PRIVATE || page->own != MODEL_NOTHING ||
        run.slow.fetches == SLOW_FETCHES)
        return;
    number =
        object_begin_fetch(&run.slow.fake.vm, entry->object, entry_index(entry, AT + index * PAGE));
    if (number == PAGE_NONE)
        return;
    run.slow.fake.vm.port.unmap(&run.slow.fake, program->space->id, AT + index * PAGE, 1);
    slow_note_fetch(&run.slow, number, 100 + run.fetches);
    run.fetched[run.fetches] = number;
    page->own = MODEL_FETCH(run.fetches);
    run.fetches++;
}

static void step_end_fetch(void)
{
    uint32_t at = run.slow.fetches ? run_pick(run.slow.fetches) : 0;
    uint64_t index = run.slow.fetch_index[at];
    uint32_t page = run.slow.fetch[at];
    bool ok = run_pick(4) > 0;

    if (run.slow.fetches == 0)
        return;
    if (!ok && index < PAGES && page_is_busy(&run.slow.fake.vm.table, page))
        run.failed = (int64_t)index;
    for (uint32_t i = 0; i < PROGRAMS; i++)
        for (uint32_t p = 0; p < PAGES; p++)
            if (index >= 100 && run.program[i].page[p].own == MODEL_FETCH(index - 100))
                run.program[i].page[p].own = ok ? slow_byte(index) : MODEL_NOTHING;
    slow_end_fetch(&run.slow, page, ok);
}

static void step_limit(void)
{
    if (run.limited)
        fake_unlimit(&run.slow.fake);
    else
        fake_limit(&run.slow.fake, run_pick(4));
    run.limited = !run.limited;
}

static void step_any(struct model_program *program, bool limits)
{
    uint32_t first = run_pick(PAGES), count = 1 + run_pick(PAGES - first);

    switch (run_pick(24)) {
    case 0:
    case 1:
        step_map(program, first, count);
        break;
    case 2:
        step_unmap(program, first, count);
        break;
    case 3:
        step_protect(program, first, count);
        break;
    case 4:
        step_drop(program, first, count);
        break;
    case 5:
        if (run_pick(4) == 0)
            step_truncate();
        break;
    case 6:
        step_fork(program);
        break;
    case 7:
        step_destroy(program);
        break;
    case 8:
        step_fetch(program, first);
        break;
    case 9:
        if (limits)
            step_limit();
        break;
    case 10:
    case 11:
    case 12:
    case 13:
        step_end_fetch();
        break;
    default:
        step_request(program, first);
        break;
    }
}

static void run_step(bool limits)
{
    struct model_program *program = &run.program[run_pick(PROGRAMS)];
    const char *broken;

    run.failed = -1;
    if (!program->space) {
        program->space = space_create(&run.slow.fake.vm, 1);
        memset(program->page, 0, sizeof(program->page));
        if (program->space)
            step_map(program, 0, PAGES);
    } else if (program->space->stopped) {
        step_destroy(program);
    } else {
        step_any(program, limits);
    }
    slow_serve(&run.slow);
    model_check_answers();
    broken = slow_check(&run.slow);
    CHECK_STRING(broken ? broken : "", "");
    if (program->space && !program->space->stopped && !run.limited && run_pick(4) == 0)
        model_check_contents(program);
}

static void run_trace(uint64_t seed, uint32_t limits)
{
    uint64_t seen[SLOW_GONE + 1], unreadable = run.unreadable, stops = run.short_stops;

    effort_trace_begin(seed, limits);
    memcpy(seen, run.seen, sizeof(seen));
    memset(&run, 0, sizeof(run));
    memcpy(run.seen, seen, sizeof(seen));
    run.unreadable = unreadable;
    run.short_stops = stops;
    run.seed = seed;
    run.file_pages = PAGES;
    slow_begin(&run.slow, FRAMES);
    for (uint32_t i = 0; i < STEPS; i++)
        run_step(limits > 0);
    if (run.limited)
        step_limit();
    slow_serve(&run.slow);
    slow_end(&run.slow);
    CHECK_EQ(run.slow.fake.vm.table.counts[PAGE_FREE], run.slow.fake.free_pages);
    CHECK_EQ(run.slow.fake.vm.waits.active, 0);
    fake_free(&run.slow.fake);
    effort_trace_end();
}

TEST("random traces: each answer is what the program shows when it is given, and none is lost")
{
    memset(&run, 0, sizeof(run));
    if (!effort_run_traces(TRACES, STEPS, 0, run_trace))
        return;
    CHECK(run.seen[SLOW_SERVED] > 1000 && run.seen[SLOW_STOPPED] > 100 && run.unreadable > 10);
    CHECK_EQ(run.short_stops, 0);
}

TEST("the same with too little memory now and then")
{
    memset(&run, 0, sizeof(run));
    for (uint64_t trace = 0; trace < TRACES; trace++)
        run_trace(1000 + trace, 1);
    CHECK(run.seen[SLOW_SERVED] > 1000 && run.short_stops > 10);
}
