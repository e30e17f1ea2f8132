/* Memory calls and the model: see sim_call.h. */
#include "sim_call.h"

#include <errno.h>
#include <string.h>

#include "memory_values.h"
#include "sim_walk.h"

#define RW                  (PROT_READ | PROT_WRITE)
#define SIM_RECORD_FRAMES   12u /* that a call may take for records and tables */
#define SIM_RECORD_PROMISES 8u  /* that they take from the limit of promises */

/* ---- reasons ---- */

bool sim_call_may_fail(const struct sim_need *need)
{
    bool refused = sim.kernel.map_refusals + sim.kernel.reply_refusals != sim.refusals_before;
    bool promised = sim.config.strict && need->promised > 0 &&
                    sim.committed_before + need->promised + need->frames + SIM_RECORD_PROMISES >
                        sim.commit_limit_before;

    return refused || promised || (need->of_files && sim.config.strict) ||
           sim.free_before <= SIM_RECORD_FRAMES + need->frames + sim_vm()->table.reserved ||
           sim_vm()->waits.counts[WAIT_MEMORY] > 0;
}

bool sim_call_is_short(void)
{
    const struct sim_need need = {.frames = SIM_PAGES};

    return sim.config.swap && sim_call_may_fail(&need);
}

bool sim_call_fills_all(void)
{
    return !sim.config.swap && sim_free_frames() > VM_POPULATE_RESERVE &&
           sim.kernel.map_refusals + sim.kernel.reply_refusals == sim.refusals_before;
}

bool sim_call_judge(int error, int expected, const struct sim_need *need)
{
    if (expected == 0 && (error == ENOMEM || error == EAGAIN || error == ENOSPC)) {
        SIM_EXPECT(sim_call_may_fail(need), "error %d with %u frames free", error, sim.free_before);
        sim.counts.refused++;
        return false;
    }
    SIM_EXPECT(error == expected, "error %d, not %d", error, expected);
    SIM_EXPECT(error != 0 || !sim.config.strict || need->promised == 0 ||
                   sim.committed_before + need->promised <= sim.commit_limit_before,
               "a promise of more than there is");
    return error == 0;
}

/* ---- ranges ---- */

struct sim_range sim_call_range(const struct sim_step *step)
{
    struct sim_range range = {step->first % SIM_PAGES, step->count % SIM_PAGES + 1};
    uint32_t end = sim_window_end(range.first);

    if (range.count > end - range.first)
        range.count = end - range.first;
    return range;
}

bool sim_call_is_covered(const struct sim_process *process, struct sim_range range)
{
    return sim_process_count(process, LIMIT_AS, range.first, range.count) == range.count;
}

bool sim_call_is_free(const struct sim_process *process, struct sim_range range)
{
    return sim_process_count(process, LIMIT_AS, range.first, range.count) == 0;
}

bool sim_call_has_room(const struct sim_process *process, enum limit_kind kind, uint32_t more,
                       struct sim_range without)
{
    uint32_t used = sim_process_count(process, kind, 0, SIM_PAGES) -
                    sim_process_count(process, kind, without.first, without.count);

    return process->limit[kind] == SIM_NO_LIMIT || used + more <= process->limit[kind];
}

uint32_t sim_call_find_gap(const struct sim_process *process, uint32_t count)
{
    for (uint32_t page = SIM_LOW_PAGES; page + count <= SIM_PAGES; page++)
        if (sim_call_is_free(process, (struct sim_range){page, count}))
            return page;
    return SIM_PAGES;
}

/* ---- following the core ---- */

/* True if the page is out of memory, or on its way back. */
static bool sim_call_is_out(const struct sim_process *process, uint32_t page)
{
    struct sim_shown shown;

    sim_walk_page(process, page, &shown);
    return index_leaf_is_stored(shown.leaf) || (shown.anonymous && shown.busy);
}

/* True if what is shown there is not what the model's value was last seen in: it is a copy. */
static bool sim_call_is_copy(const struct sim_value *own, const struct sim_shown *shown)
{
    return !own ||
           (sim.config.swap ? own->object != shown->object->number : own->page != shown->page);
}

bool sim_call_is_missing(const struct sim_process *process, uint32_t page)
{
    struct sim_shown shown;

    if (sim.config.swap && process->page[page].mapped && sim_call_is_out(process, page))
        return true;
    if (!process->page[page].mapped || process->page[page].own || !process->page[page].segment ||
        process->page[page].segment->kind != SIM_DISK || sim_page_is_beyond(&process->page[page]))
        return false;
    sim_walk_page(process, page, &shown);
    return shown.page == SIM_NO_PAGE || shown.busy;
}

static void sim_call_observe_segment(struct sim_process *process, struct sim_page *page,
                                     const struct sim_shown *shown)
{
    struct sim_segment *segment = page->segment;
    bool there;

    (void)process;
    if (!segment || segment->page[page->index].value || segment->kind == SIM_DISK)
        return;
    there = segment->kind == SIM_MEMORY
                ? shown->anonymous
                : sim_walk_file(segment->object, page->index) != SIM_NO_PAGE;
    if (there)
        sim_segment_fill(&sim.model, segment, page->index);
}

/* A page of zeros that has no frame gets one of its own for who executes it, though others see it too. */
static bool sim_call_wants_zeros(const struct sim_page *page, uint32_t access)
{
    static const uint8_t zeros[FL_PAGE_BYTES];

    return sim.config.swap && (access & PROT_EXEC) && page->own && page->own->users > 1 &&
           memcmp(page->own->bytes, zeros, FL_PAGE_BYTES) == 0;
}

void sim_call_observe(struct sim_process *process, uint32_t number, uint32_t access)
{
    struct sim_page *page = &process->page[number];
    struct sim_shown shown;

    if (!page->mapped || (!sim_page_wants(page, access) && !sim_call_wants_zeros(page, access)))
        return;
    sim_walk_page(process, number, &shown);
    sim_call_observe_segment(process, page, &shown);
    if (!page->shared && shown.anonymous && sim_call_is_copy(page->own, &shown) &&
        (sim_page_wants(page, access) || sim_call_wants_zeros(page, access)))
        sim_page_own(&sim.model, page);
}

void sim_call_guard(const struct sim_process *process)
{
    for (uint32_t p = 0; p < SIM_PAGES; p++) {
        const struct sim_page *page = &process->page[p];

        if (page->segment && !page->shared && !page->own)
            sim.filling = true;
    }
}

void sim_call_fill(struct sim_process *process, struct sim_range range, bool must)
{
    for (uint32_t number = range.first; number < range.first + range.count; number++) {
        struct sim_page *page = &process->page[number];
        uint32_t access = sim_page_fill_access(page);

        if (sim_call_is_missing(process, number))
            must = false;
        if (access == 0 || sim_page_is_beyond(page))
            continue;
        if (must)
            sim_page_touch(&sim.model, page, access);
        else
            sim_call_observe(process, number, access);
    }
}

/* ---- munmap, mprotect ---- */

static int sim_call_unmap(struct sim_process *process, const struct sim_step *step)
{
    const struct sim_need need = {.frames = 0};
    struct sim_range range = sim_call_range(step);
    int error = vm_unmap(sim_vm(), process->space, sim_page_address(range.first),
                         range.count * SIM_PAGE_BYTES);

    if (!sim_call_judge(error, 0, &need))
        return error;
    for (uint32_t i = 0; i < range.count; i++)
        sim_page_clear(&sim.model, &process->page[range.first + i]);
    return 0;
}

/* A page that is not promised, and is when it may be written. */
static bool sim_protect_charges(const struct sim_page *page, uint8_t protection)
{
    return (protection & PROT_WRITE) && !page->shared && page->charge == ENTRY_UNCHARGED;
}

static int sim_protect_check(const struct sim_process *process, struct sim_range range,
                             uint8_t protection)
{
    uint32_t data = 0;

    if (!sim_call_is_covered(process, range))
        return ENOMEM;
    for (uint32_t p = range.first; p < range.first + range.count; p++) {
        if (protection & ~process->page[p].max_protection)
            return EACCES;
        data += !process->page[p].shared;
    }
    if ((protection & PROT_WRITE) && data > 0 &&
        !sim_call_has_room(process, LIMIT_DATA, data, range))
        return ENOMEM;
    return 0;
}

static int sim_call_protect(struct sim_process *process, const struct sim_step *step)
{
    static const uint8_t protections[] = {PROT_READ, RW, RW, RW | PROT_EXEC, PROT_NONE, RW};
    uint8_t protection = protections[step->argument % 6];
    struct sim_range range = sim_call_range(step);
    struct sim_need need = {.frames = 0};
    int expected = sim_protect_check(process, range, protection), error;

    for (uint32_t p = range.first; p < range.first + range.count; p++)
        need.promised += sim_protect_charges(&process->page[p], protection);
    error = vm_protect(sim_vm(), process->space, sim_page_address(range.first),
                       range.count * SIM_PAGE_BYTES, protection);
    if (!sim_call_judge(error, expected, &need))
        return error;
    for (uint32_t p = range.first; p < range.first + range.count; p++) {
        if (sim_protect_charges(&process->page[p], protection))
            process->page[p].charge = ENTRY_CHARGED;
        process->page[p].protection = protection;
    }
    return 0;
}

/* ---- madvise ---- */

static bool sim_advice_drops(uint64_t advice)
{
    return advice == MADV_DONTNEED || advice == MADV_FREE;
}

static int sim_advise_check(const struct sim_process *process, struct sim_range range,
                            uint64_t advice)
{
    bool moves = sim_advice_drops(advice) || advice == MADV_COLD || advice == MADV_PAGEOUT;

    for (uint32_t p = range.first; p < range.first + range.count; p++) {
        const struct sim_page *page = &process->page[p];

        if (page->mapped &&
            ((moves && page->wired) || (advice == MADV_FREE && (page->segment || page->shared))))
            return EINVAL;
    }
    return sim_call_is_covered(process, range) ? 0 : ENOMEM;
}

static void sim_advise_apply(struct sim_process *process, struct sim_range range, uint64_t advice)
{
    static const uint8_t kept[] = {[MADV_NORMAL] = ENTRY_NORMAL,
                                   [MADV_RANDOM] = ENTRY_RANDOM,
                                   [MADV_SEQUENTIAL] = ENTRY_SEQUENTIAL};
    bool must = sim_call_fills_all();

    for (uint32_t p = range.first; p < range.first + range.count; p++) {
        struct sim_page *page = &process->page[p];

        if (!page->mapped)
            continue;
        if (sim_advice_drops(advice))
            sim_page_disown(&sim.model, page);
        else if (advice == MADV_MERGEABLE || advice == MADV_UNMERGEABLE)
            page->mergeable = advice == MADV_MERGEABLE && !page->shared;
        else if (advice <= MADV_SEQUENTIAL)
            page->advice = kept[advice];
        else if (advice == MADV_WILLNEED && (!page->segment || page->segment->kind == SIM_MEMORY))
            sim_call_fill(process, (struct sim_range){p, 1}, must);
    }
}

/* The range is not to be merged any more, and there was no frame for a page that is. */
static int sim_advise_break_stopped(struct sim_process *process, struct sim_range range, int error)
{
    const struct sim_need need = {.frames = SIM_PAGES};

    SIM_EXPECT(sim_call_may_fail(&need), "madvise: error %d with %u frames free", error,
               sim.free_before);
    sim_advise_apply(process, range, MADV_UNMERGEABLE);
    return error;
}

/* What is to be merged is mostly all that there is. */
static struct sim_range sim_advise_range(const struct sim_step *step, uint64_t advice)
{
    uint32_t first = step->first % SIM_PAGES < SIM_LOW_PAGES ? 0 : SIM_LOW_PAGES;

    return advice == MADV_MERGEABLE ? (struct sim_range){first, sim_window_end(first) - first}
                                    : sim_call_range(step);
}

static int sim_call_advise(struct sim_process *process, const struct sim_step *step)
{
    static const uint8_t advices[] = {
        MADV_DONTNEED,   MADV_FREE,      MADV_WILLNEED,  MADV_RANDOM,
        MADV_SEQUENTIAL, MADV_NORMAL,    MADV_DONTNEED,  MADV_COLD,
        MADV_PAGEOUT,    MADV_PAGEOUT,   MADV_PAGEOUT,   MADV_MERGEABLE,
        MADV_MERGEABLE,  MADV_MERGEABLE, MADV_MERGEABLE, MADV_UNMERGEABLE};
    uint64_t advice = advices[step->argument & (sim.config.swap ? 15 : 7)];
    struct sim_range range = sim_advise_range(step, advice);
    const struct sim_need need = {.frames = SIM_PAGES};
    int expected = sim_advise_check(process, range, advice), error;

    if (expected == ENOMEM && sim_call_may_fail(&need))
        return 0; /* the answer would not tell whether it did anything */
    sim_call_guard(process);
    error = vm_advise(sim_vm(), process->space, sim_page_address(range.first),
                      range.count * SIM_PAGE_BYTES, advice);
    if (advice == MADV_UNMERGEABLE && (error == EINPROGRESS || error == EAGAIN))
        return sim_advise_break_stopped(process, range, error);
    if (sim_call_judge(error, expected, &need) || expected == ENOMEM)
        sim_advise_apply(process, range, advice);
    return error;
}

/* ---- mlock ---- */

static int sim_wire_check(const struct sim_process *process, struct sim_range range, bool fills)
{
    uint32_t wired = sim_process_count(process, LIMIT_MEMLOCK, range.first, range.count);

    if (process->limit[LIMIT_MEMLOCK] == 0)
        return EPERM;
    if (!sim_call_has_room(process, LIMIT_MEMLOCK, range.count - wired, (struct sim_range){0, 0}) ||
        !sim_call_is_covered(process, range))
        return ENOMEM;
    for (uint32_t p = range.first; fills && p < range.first + range.count; p++)
        if (process->page[p].protection == PROT_NONE || sim_page_is_beyond(&process->page[p]))
            return ENOMEM;
    return 0;
}

/* What a call that wires did before it failed or had to wait.  True: there was a reason for that. */
static bool sim_wire_stopped(struct sim_process *process, struct sim_range range, int error)
{
    bool missing = false;

    sim_call_fill(process, range, false);
    for (uint32_t p = range.first; p < range.first + range.count; p++)
        missing = missing || sim_call_is_missing(process, p);
    return error == EINPROGRESS ? missing || sim_call_is_short()
                                : error == EAGAIN && !sim_call_fills_all();
}

static int sim_call_wire(struct sim_process *process, const struct sim_step *step)
{
    const struct sim_need need = {.frames = SIM_PAGES};
    struct sim_range range = sim_call_range(step);
    bool fills = step->argument % 4 != 3;
    int expected = sim_wire_check(process, range, fills), error;

    sim_call_guard(process);
    error = vm_wire(sim_vm(), process->space, sim_page_address(range.first),
                    range.count * SIM_PAGE_BYTES, fills ? 0 : MLOCK_ONFAULT);

    if (fills && expected != EPERM && error && sim_wire_stopped(process, range, error))
        return error;
    if (!sim_call_judge(error, expected, &need))
        return error;
    if (fills)
        sim_call_fill(process, range, sim_call_fills_all());
    for (uint32_t p = range.first; p < range.first + range.count; p++)
        process->page[p].wired = true;
    return 0;
}

static int sim_call_unwire(struct sim_process *process, const struct sim_step *step)
{
    const struct sim_need need = {.frames = 0};
    struct sim_range range = sim_call_range(step);
    int error = vm_unwire(sim_vm(), process->space, sim_page_address(range.first),
                          range.count * SIM_PAGE_BYTES);

    if (!sim_call_judge(error, sim_call_is_covered(process, range) ? 0 : ENOMEM, &need))
        return error;
    for (uint32_t p = range.first; p < range.first + range.count; p++)
        process->page[p].wired = false;
    return 0;
}

static void sim_wire_set_all(struct sim_process *process, bool wired)
{
    for (uint32_t p = 0; p < SIM_PAGES; p++)
        process->page[p].wired = wired && process->page[p].mapped;
}

static int sim_wire_all_check(const struct sim_process *process, uint64_t flags)
{
    if (process->limit[LIMIT_MEMLOCK] == 0)
        return EPERM;
    if ((flags & MCL_CURRENT) && process->limit[LIMIT_MEMLOCK] != SIM_NO_LIMIT &&
        sim_process_count(process, LIMIT_AS, 0, SIM_PAGES) > process->limit[LIMIT_MEMLOCK])
        return ENOMEM;
    return 0;
}

static int sim_call_wire_all(struct sim_process *process, const struct sim_step *step)
{
    const struct sim_range all = {0, SIM_PAGES};
    const struct sim_need need = {.frames = SIM_PAGES};
    uint64_t flags = step->argument % 4;
    int expected, error;

    if (flags == 0) {
        vm_unwire_all(sim_vm(), process->space);
        sim_wire_set_all(process, false);
        process->wire_future = false;
        return 0;
    }
    sim_call_guard(process);
    expected = sim_wire_all_check(process, flags);
    error = vm_wire_all(sim_vm(), process->space, flags);
    if ((flags & MCL_CURRENT) && !expected) {
        if (error && sim_wire_stopped(process, all, error))
            return error;
        sim_call_fill(process, all, false);
    }
    if (!sim_call_judge(error, expected, &need))
        return error;
    if (flags & MCL_CURRENT)
        sim_wire_set_all(process, true);
    process->wire_future = flags & MCL_FUTURE;
    return 0;
}

/* ---- brk, setrlimit ---- */

static int sim_break_check(const struct sim_process *process, struct sim_range more)
{
    bool fits = sim_call_has_room(process, LIMIT_AS, more.count, (struct sim_range){0, 0}) &&
                sim_call_has_room(process, LIMIT_DATA, more.count, (struct sim_range){0, 0}) &&
                (!process->wire_future ||
                 sim_call_has_room(process, LIMIT_MEMLOCK, more.count, (struct sim_range){0, 0}));

    return fits && sim_call_is_free(process, more) ? 0 : ENOMEM;
}

static void sim_break_grow(struct sim_process *process, struct sim_range more)
{
    const struct sim_page page = {.mapped = true,
                                  .protection = RW,
                                  .max_protection = RW | PROT_EXEC,
                                  .use = ENTRY_HEAP,
                                  .charge = ENTRY_CHARGED,
                                  .wired = process->wire_future};

    for (uint32_t p = more.first; p < more.first + more.count; p++)
        sim_page_set(&sim.model, &process->page[p], &page);
    if (process->wire_future)
        sim_call_fill(process, more, sim_call_fills_all());
}

static int sim_call_brk(struct sim_process *process, const struct sim_step *step)
{
    uint32_t old = process->heap_pages,
             pages = step->argument % (SIM_LOW_PAGES - SIM_HEAP_PAGE + 1);
    struct sim_range more = {SIM_HEAP_PAGE + old, pages > old ? pages - old : 0};
    struct sim_need need = {.promised = more.count};
    int expected = more.count > 0 ? sim_break_check(process, more) : 0;
    uint64_t end;
    int error = vm_break(sim_vm(), process->space,
                         sim_page_address(SIM_HEAP_PAGE) + pages * SIM_PAGE_BYTES, &end);

    if (!sim_call_judge(error, expected, &need))
        return error;
    process->heap_pages = pages;
    if (more.count > 0)
        sim_break_grow(process, more);
    for (uint32_t p = SIM_HEAP_PAGE + pages; p < SIM_HEAP_PAGE + old; p++)
        sim_page_clear(&sim.model, &process->page[p]);
    return 0;
}

static int sim_call_limit(struct sim_process *process, const struct sim_step *step)
{
    static const uint64_t resources[] = {RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK};
    static const enum limit_kind kinds[] = {LIMIT_AS, LIMIT_DATA, LIMIT_MEMLOCK};
    uint32_t which = step->argument % 3;
    uint32_t pages = step->byte % 4 == 0 ? step->to % (2 * SIM_PAGES) : SIM_NO_LIMIT;
    struct limit limit, old;
    int error = vm_limit(sim_vm(), process->space, resources[which], NULL, &old);

    limit = (struct limit){pages == SIM_NO_LIMIT ? old.hard : pages * SIM_PAGE_BYTES, old.hard};
    if (!error)
        error = vm_limit(sim_vm(), process->space, resources[which], &limit, &old);
    SIM_EXPECT(error == 0, "setrlimit: error %d", error);
    process->limit[kinds[which]] = pages;
    return 0;
}

/* ---- all of them ---- */

int sim_call_make(struct sim_process *process, const struct sim_step *step)
{
    static int (*const calls[SIM_STEP_KINDS])(struct sim_process *, const struct sim_step *) = {
        [SIM_STEP_map] = sim_call_map,           [SIM_STEP_unmap] = sim_call_unmap,
        [SIM_STEP_protect] = sim_call_protect,   [SIM_STEP_advise] = sim_call_advise,
        [SIM_STEP_wire] = sim_call_wire,         [SIM_STEP_unwire] = sim_call_unwire,
        [SIM_STEP_wire_all] = sim_call_wire_all, [SIM_STEP_remap] = sim_call_remap,
        [SIM_STEP_brk] = sim_call_brk,           [SIM_STEP_limit] = sim_call_limit,
        [SIM_STEP_resident] = sim_call_resident, [SIM_STEP_read] = sim_call_read,
        [SIM_STEP_write] = sim_call_write,       [SIM_STEP_truncate] = sim_call_truncate,
        [SIM_STEP_fork] = sim_call_fork,         [SIM_STEP_swapoff] = sim_call_swap_off};

    return calls[step->kind](process, step);
}
