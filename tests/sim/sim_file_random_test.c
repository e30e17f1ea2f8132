/* Random programs that map a file on a bad disk, shared and private, and fork, write, drop, truncate, unmap
 * and end while its pages are fetched; also with too little memory.  After each step each answer, and each
 * byte that the tables show, is compared with a model of what the program shows; in the end nobody
 * waits and nothing is lost. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c tests/sim/sim_file.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_file_kit.h"

#include <inttypes.h>

#include "effort.h"

#define PROGRAMS 4u
#define THREADS  3u /* of a program */
#define STEPS    400u
#define COPIED   (-1) /* a page of its own that holds what the file has */
#define NO_COPY  (-2)

enum model_kind { MODEL_NONE, MODEL_SHARED, MODEL_PRIVATE };

/* own: NO_COPY, COPIED, or the byte that the program stored at the page's first place. */
struct model_page {
    enum model_kind kind;
    int own;
};

struct model_program {
    struct space *space;
    bool stopped; /* before this step */
    struct model_page page[PAGES];
};

static struct {
    struct model_program program[PROGRAMS];
    bool answered[PROGRAMS * THREADS];
    uint64_t file_pages;
    uint64_t failures; /* of fetches, before this step */
    bool limited;
    uint64_t seed, random, step;
    uint64_t seen[SLOW_GONE + 1], unreadable, short_stops, compared;
} model;

static uint32_t model_pick(uint32_t options)
{
    return (uint32_t)(fake_random(&model.random) % options);
}

static void model_check(bool holds, const char *what)
{
    if (!holds)
        harness_note("step %" PRIu64 ": %s", model.step, what);
    CHECK(holds);
}

static uint64_t model_failures(void)
{
    return sim_file_counts()->errors + sim_file_counts()->wrong;
}

/* ---- answers ---- */

static bool model_expects_stop(const struct model_page *page, uint32_t index, uint32_t access,
                               uint32_t kind)
{
    switch (kind) {
    case PAGER_EVENT_UNMAPPED:
        return page->kind == MODEL_NONE;
    case PAGER_EVENT_PROTECTION:
        return page->kind == MODEL_SHARED && access == FL_ACCESS_WRITE;
    case PAGER_EVENT_BEYOND_END:
        return page->kind != MODEL_NONE && page->own == NO_COPY && index >= model.file_pages;
    case PAGER_EVENT_UNREADABLE:
        return page->kind != MODEL_NONE && page->own == NO_COPY && index < model.file_pages &&
               model_failures() > model.failures;
    case PAGER_EVENT_NO_MEMORY:
        return model.limited;
    default:
        return false;
    }
}

/* A space keeps the event of its first stop: of a thread that stops later only its own page tells why. */
static bool model_explains_stop(const struct model_page *page, uint32_t index,
                                const struct slow_thread *thread, bool stopped_before)
{
    const struct space_event *event = &thread->space->event;

    if (!stopped_before && event->address == thread->address && event->access == thread->access)
        return model_expects_stop(page, index, thread->access, event->kind);
    for (uint32_t kind = 0; kind <= PAGER_EVENT_UNREADABLE; kind++)
        if (model_expects_stop(page, index, thread->access, kind))
            return true;
    return false;
}

static void model_check_served(struct model_page *page, uint32_t index, uint32_t access)
{
    model_check(page->kind != MODEL_NONE, "served where nothing is mapped");
    model_check(access == FL_ACCESS_READ || page->kind == MODEL_PRIVATE,
                "served against the rights");
    model_check(page->own != NO_COPY || index < model.file_pages, "served behind the end");
    if (access == FL_ACCESS_WRITE && page->own == NO_COPY)
        page->own = COPIED;
}

static void model_check_answer(const struct slow_thread *thread)
{
    uint32_t index = (uint32_t)((thread->address - AT) / PAGE);
    struct model_program *program = model.program;
    struct model_page *page;

    while (program->space != thread->space)
        program++;
    page = &program->page[index];
    model.seen[thread->state]++;
    if (thread->state == SLOW_SERVED)
        model_check_served(page, index, thread->access);
    else if (thread->state == SLOW_STOPPED)
        model_check(model_explains_stop(page, index, thread, program->stopped),
                    "stopped for a reason that is not there");
    model.unreadable +=
        thread->state == SLOW_STOPPED && thread->space->event.kind == PAGER_EVENT_UNREADABLE;
    model.short_stops +=
        thread->state == SLOW_STOPPED && thread->space->event.kind == PAGER_EVENT_NO_MEMORY;
}

/* Answers of a step may come in any order: none changes what another one is compared with, but that a write
 * gives its program a page of its own, which its threads see. */
static void model_check_answers(void)
{
    for (uint32_t turn = 0; turn < 2; turn++)
        for (uint32_t i = 0; i < PROGRAMS * THREADS; i++) {
            struct slow_thread *thread = &slow.thread[i];
            bool stopped = thread->state == SLOW_STOPPED;

            if (thread->answers != 1 || model.answered[i] || !thread->space || stopped != !turn)
                continue;
            model.answered[i] = true;
            model_check_answer(thread);
        }
}

/* ---- bytes ---- */

static void model_check_page(struct model_program *program, uint32_t index)
{
    const struct model_page *page = &program->page[index];
    uint64_t address = AT + index * PAGE;
    const uint8_t *first = fake_peek(&slow.fake, program->space, address, FL_ACCESS_READ);

    if (!first)
        return;
    model_check(page->kind != MODEL_NONE, "a page is mapped that was unmapped");
    model_check(page->own != NO_COPY || index < model.file_pages, "mapped behind the end");
    model_check(page->own >= 0 || *first == sim_file_byte(index, 0), "a wrong first byte");
    model_check(page->own < 0 || *first == page->own, "not the byte that was stored");
    for (uint64_t offset = 1 + model_pick(100); offset < PAGE; offset += 127)
        model_check(first[offset] == sim_file_byte(index, offset), "a wrong byte");
    model.compared++;
}

static void model_check_bytes(void)
{
    for (uint32_t i = 0; i < PROGRAMS; i++)
        for (uint32_t index = 0; model.program[i].space && index < PAGES; index++)
            model_check_page(&model.program[i], index);
}

/* ---- steps ---- */

static bool step_has_room(int error)
{
    model_check(error == 0 || (error == ENOMEM && model.limited), "a call failed");
    return error == 0;
}

static void step_map(struct model_program *program, uint32_t first, uint32_t count)
{
    bool private = model_pick(2);

    if (!step_has_room(kit_map(program->space, AT + first * PAGE, first, count, private)))
        return;
    for (uint32_t i = first; i < first + count; i++)
        program->page[i] = (struct model_page){private ? MODEL_PRIVATE : MODEL_SHARED, NO_COPY};
}

static void step_unmap(struct model_program *program, uint32_t first, uint32_t count)
{
    if (!step_has_room(vm_unmap(&slow.fake.vm, program->space, AT + first * PAGE, count * PAGE)))
        return;
    for (uint32_t i = first; i < first + count; i++)
        program->page[i] = (struct model_page){MODEL_NONE, NO_COPY};
}

static void step_drop(struct model_program *program, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++)
        if (program->page[i].kind == MODEL_NONE)
            return;
    if (!step_has_room(vm_advise(&slow.fake.vm, program->space, AT + first * PAGE, count * PAGE,
                                 MADV_DONTNEED)))
        return;
    for (uint32_t i = first; i < first + count; i++)
        program->page[i].own = NO_COPY;
}

static void step_fork(const struct model_program *parent)
{
    struct model_program *child = model.program;

    while (child < model.program + PROGRAMS && child->space)
        child++;
    if (child == model.program + PROGRAMS)
        return;
    child->space = space_create(&slow.fake.vm, 2);
    if (!child->space)
        return;
    if (step_has_room(vm_fork(&slow.fake.vm, parent->space, child->space)))
        memcpy(child->page, parent->page, sizeof(child->page));
    else
        memset(child->page, 0, sizeof(child->page));
}

static void step_destroy(struct model_program *program)
{
    struct space *space = program->space;

    program->space = NULL;
    slow_destroy(&slow, space);
}

static void step_resize(void)
{
    model.file_pages = model_pick(PAGES + 1);
    sim_file_resize(model.file_pages);
}

static void step_limit(void)
{
    if (model.limited)
        fake_unlimit(&slow.fake);
    else
        fake_limit(&slow.fake, model_pick(4));
    model.limited = !model.limited;
}

/* A bad access ends the program: only now and then. */
static void step_fault(struct model_program *program, uint32_t index)
{
    uint32_t thread = (uint32_t)(program - model.program) * THREADS + model_pick(THREADS);
    uint32_t access = model_pick(3) ? FL_ACCESS_READ : FL_ACCESS_WRITE;
    const struct model_page *page = &program->page[index];
    bool bad = page->kind == MODEL_NONE || index >= model.file_pages ||
               (page->kind == MODEL_SHARED && access == FL_ACCESS_WRITE);

    if (slow.thread[thread].state == SLOW_WAITS || (bad && model_pick(24) > 0))
        return;
    model.answered[thread] = false;
    slow_fault(&slow, &slow.thread[thread], program->space, AT + index * PAGE, access);
}

/* The program stores a byte, if its tables let it. */
static void step_store(struct model_program *program, uint32_t index)
{
    uint64_t address = AT + index * PAGE;
    uint8_t byte = (uint8_t)model_pick(256);

    if (!fake_peek(&slow.fake, program->space, address, FL_ACCESS_WRITE))
        return;
    CHECK_EQ(fake_touch(&slow.fake, program->space, address, FL_ACCESS_WRITE, &byte), FAKE_DONE);
    program->page[index].own = byte;
}

static void step_any(struct model_program *program)
{
    uint32_t first = model_pick(PAGES), count = 1 + model_pick(PAGES - first);
    uint32_t kind = model_pick(64);

    if (kind < 4)
        step_map(program, first, count);
    else if (kind < 6)
        step_unmap(program, first, count);
    else if (kind < 8)
        step_drop(program, first, count);
    else if (kind < 10)
        step_fork(program);
    else if (kind < 12)
        step_destroy(program);
    else if (kind < 13)
        step_resize();
    else if (kind < 15 && (model.seed / 2) % 2)
        step_limit();
    else if (kind < 30)
        sim_file_poll(model_pick(DELAY));
    else if (kind < 40)
        step_store(program, first);
    else
        step_fault(program, first);
}

static void step_one(void)
{
    struct model_program *program = &model.program[model_pick(PROGRAMS)];

    model.step++;
    model.failures = model_failures();
    for (uint32_t i = 0; i < PROGRAMS; i++)
        model.program[i].stopped = model.program[i].space && model.program[i].space->stopped;
    if (!program->space) {
        program->space = space_create(&slow.fake.vm, 1);
        memset(program->page, 0, sizeof(program->page));
        if (program->space)
            step_map(program, 0, PAGES);
    } else if (program->space->stopped) {
        step_destroy(program);
    } else {
        step_any(program);
    }
    slow_serve(&slow);
    model_check_answers();
    model_check_bytes();
    kit_sound();
}

/* ---- traces ---- */

static void trace_begin(uint64_t seed, uint32_t variant)
{
    static const uint32_t faults[SIM_DISK_FAULTS] = {
        [SIM_DISK_ERROR] = 40, [SIM_DISK_SHORT] = 20,   [SIM_DISK_TORN] = 20,
        [SIM_DISK_LOST] = 20,  [SIM_DISK_CORRUPT] = 20, [SIM_DISK_MISPLACED] = 20,
        [SIM_DISK_SILENT] = 10};

    effort_trace_begin(seed, variant);
    memset(model.program, 0, sizeof(model.program));
    memset(model.answered, 0, sizeof(model.answered));
    model.file_pages = PAGES;
    model.limited = false;
    model.seed = model.random = seed;
    model.step = 0;
    kit_begin(seed, PAGES, seed % 2, seed % 8 == 0 ? NULL : faults);
}

/* Whoever waits is answered when the disk has had its time, and the root task has taken away what
 * stopped. */
static void trace_end(void)
{
    for (uint32_t turn = 0; turn < 2 * PROGRAMS; turn++) {
        model.failures = 0;
        kit_poll(2 * PATIENCE);
        model_check_answers();
        for (uint32_t i = 0; i < PROGRAMS; i++)
            if (model.program[i].space && model.program[i].space->stopped)
                step_destroy(&model.program[i]);
    }
    model_check(slow.fake.vm.waits.active == 0, "somebody waits for ever");
    kit_end();
    effort_trace_end();
}

static void run_trace(uint64_t seed, uint32_t variant)
{
    trace_begin(seed, variant);
    for (uint32_t i = 0; i < STEPS; i++)
        step_one();
    trace_end();
}

TEST("random traces on good and bad disks: no wrong byte, each answer for its reason, nobody waits "
     "for ever")
{
    memset(&model, 0, sizeof(model));
    if (!effort_run_traces(60, STEPS, 0, run_trace))
        return;
    CHECK(model.seen[SLOW_SERVED] > 1000 && model.seen[SLOW_STOPPED] > 100);
    CHECK(model.unreadable > 50 && model.short_stops > 5 && model.compared > 10000);
}
