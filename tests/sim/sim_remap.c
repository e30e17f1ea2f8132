/* mremap and the model: see sim_call.h. */
#include <errno.h>
#include <string.h>

#include "memory_values.h"
#include "sim_call.h"

struct sim_remap {
    struct sim_process *process;
    uint32_t from;
    uint32_t old; /* pages; 0: a second mapping */
    uint32_t count;
    uint32_t to; /* where it is afterwards; SIM_PAGES: not decided yet */
    bool may_move;
    bool fixed;
    bool keep;
    bool in_place;
};

static uint32_t sim_remap_more(const struct sim_remap *remap)
{
    return remap->count > remap->old ? remap->count - remap->old : 0;
}

static void sim_remap_choose(struct sim_remap *remap, const struct sim_step *step)
{
    struct sim_range range = sim_call_range(step);
    uint32_t form = step->argument & 7;

    remap->from = range.first;
    remap->old = form == 6 || form == 7 ? 0 : range.count;
    remap->keep = form == 4 || form == 5;
    remap->fixed = form == 2 || form == 3 || form == 5 || form == 7;
    remap->may_move = form != 0;
    remap->count = remap->keep ? remap->old : step->to % 8u + 1;
    remap->to = remap->fixed ? step->byte % SIM_PAGES : SIM_PAGES;
}

/* The last page of what is there. */
static struct sim_page *sim_remap_last(const struct sim_remap *remap)
{
    return &remap->process->page[remap->from + (remap->old ? remap->old - 1 : 0)];
}

/* True if new pages of a file, or of shared memory, would have numbers that the model does not know. */
static bool sim_remap_is_long(const struct sim_remap *remap)
{
    const struct sim_page *last = sim_remap_last(remap);

    return last->segment && last->index + remap->count >= SIM_SEGMENT_PAGES;
}

/* False: what would be asked for does not stay inside the windows. */
static bool sim_remap_stays(struct sim_remap *remap)
{
    uint32_t end = sim_window_end(remap->from), more = sim_remap_more(remap);
    struct sim_range behind = {remap->from + remap->old, more};

    if (remap->fixed)
        return remap->to + remap->count <= sim_window_end(remap->to) && remap->to != remap->from;
    remap->to = remap->from;
    if (more > 0 && behind.first + more > end)
        return false;
    if (more > 0 && remap->old > 0 && sim_call_is_free(remap->process, behind))
        remap->in_place = true;
    else if ((more > 0 || remap->keep) && remap->may_move)
        remap->to = sim_call_find_gap(remap->process, remap->count);
    return remap->to < SIM_PAGES;
}

/* ---- what is expected ---- */

static int sim_remap_check_source(const struct sim_remap *remap)
{
    const struct sim_page *first = &remap->process->page[remap->from];

    if (!first->mapped)
        return EFAULT;
    if (remap->old == 0)
        return first->shared ? 0 : EINVAL;
    for (uint32_t i = 0; i < remap->old; i++)
        if (!sim_page_is_alike(&first[i], first))
            return EFAULT;
    return 0;
}

/* Limits of what is added. */
static int sim_remap_check_room(const struct sim_remap *remap, uint32_t more, bool wired)
{
    const struct sim_process *process = remap->process;
    const struct sim_page *first = &process->page[remap->from];
    struct sim_range none = {0, 0};

    if (!sim_call_has_room(process, LIMIT_AS, more, none))
        return ENOMEM;
    if (!first->shared && (first->protection & PROT_WRITE) &&
        !sim_call_has_room(process, LIMIT_DATA, more, none))
        return ENOMEM;
    return wired && !sim_call_has_room(process, LIMIT_MEMLOCK, more, none) ? EAGAIN : 0;
}

static int sim_remap_check(const struct sim_remap *remap)
{
    uint32_t more = sim_remap_more(remap);
    int error;

    if (remap->fixed && remap->to < remap->from + remap->old &&
        remap->from < remap->to + remap->count)
        return EINVAL;
    error = sim_remap_check_source(remap);
    if (error)
        return error;
    if (remap->keep)
        return sim_remap_check_room(remap, remap->old, false);
    if (more == 0)
        return 0;
    error = sim_remap_check_room(remap, more, remap->process->page[remap->from].wired);
    if (error)
        return error;
    return remap->fixed || remap->may_move || remap->in_place ? 0 : ENOMEM;
}

/* Pages that are promised beside those that are. */
static uint64_t sim_remap_promised(const struct sim_remap *remap)
{
    const struct sim_page *page = sim_remap_last(remap);
    uint64_t more = sim_remap_more(remap), end = page->index + more + (remap->old ? 1 : 0);

    if (!page->mapped || page->charge != ENTRY_CHARGED)
        return 0;
    if (!page->shared)
        return remap->keep ? remap->old : more;
    return more > 0 && end > page->segment->committed ? end - page->segment->committed : 0;
}

/* ---- the model ---- */

static void sim_remap_clear(const struct sim_remap *remap, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        sim_page_clear(&sim.model, &remap->process->page[first + i]);
}

/* What is added: what a longer mapping would have shown. */
static void sim_remap_grow(const struct sim_remap *remap, const struct sim_page *last)
{
    struct sim_page page = *last;

    page.own = NULL;
    page.use = remap->in_place ? page.use : (uint8_t)ENTRY_MAPPED;
    page.index -= remap->old == 0;
    for (uint32_t i = remap->old; i < remap->count; i++) {
        page.index++;
        sim_page_set(&sim.model, &remap->process->page[remap->to + i], &page);
    }
    if (page.wired)
        sim_call_fill(remap->process,
                      (struct sim_range){remap->to + remap->old, remap->count - remap->old},
                      sim_call_fills_all());
}

/* One page goes to its new place. */
static void sim_remap_move_page(const struct sim_remap *remap, uint32_t i)
{
    struct sim_page *from = &remap->process->page[remap->from + i];
    struct sim_page page = *from;

    page.use = ENTRY_MAPPED;
    sim_page_set(&sim.model, &remap->process->page[remap->to + i], &page);
    if (!remap->keep) {
        sim_page_clear(&sim.model, from);
        return;
    }
    sim_page_disown(&sim.model, from);
    from->wired = false;
}

static void sim_remap_apply(const struct sim_remap *remap)
{
    uint32_t moved = remap->old < remap->count ? remap->old : remap->count;
    struct sim_page last;

    if (remap->old > remap->count)
        sim_remap_clear(remap, remap->from + remap->count, remap->old - remap->count);
    if (remap->fixed)
        sim_remap_clear(remap, remap->to, remap->count);
    last = *sim_remap_last(remap);
    if (last.segment)
        last.segment->users++; /* so that it does not go while all of it moves */
    if (remap->to != remap->from)
        for (uint32_t i = 0; i < moved; i++)
            sim_remap_move_page(remap, i);
    if (sim_remap_more(remap) > 0)
        sim_remap_grow(remap, &last);
    if (last.segment)
        last.segment->users--;
}

/* Pages of one segment's page that a range shows. */
static uint32_t sim_remap_shows(const struct sim_remap *remap, const struct sim_page *page)
{
    uint32_t shows = 0;

    for (uint32_t i = 0; i < remap->count; i++) {
        const struct sim_page *at = &remap->process->page[remap->to + i];

        shows += at->segment == page->segment && at->index == page->index;
    }
    return shows;
}

/* Pages of shared memory that only the target shows go.  Their frames may be filled at once, even with the
 * same pages of the same memory: where they lay says nothing of what lies there. */
static void sim_remap_forget(const struct sim_remap *remap)
{
    for (uint32_t i = 0; remap->fixed && i < remap->count; i++) {
        const struct sim_page *page = &remap->process->page[remap->to + i];
        struct sim_value *value = page->mapped ? sim_page_value(page) : NULL;

        if (value && page->shared && page->segment->kind == SIM_MEMORY &&
            page->segment->page[page->index].users == sim_remap_shows(remap, page))
            value->page = SIM_NO_PAGE;
    }
}

int sim_call_remap(struct sim_process *process, const struct sim_step *step)
{
    struct sim_remap remap = {.process = process};
    struct vm_remap_request request;
    struct sim_need need = {.frames = 0};
    uint64_t address = 0;
    int expected, error;

    sim_remap_choose(&remap, step);
    if (sim_remap_is_long(&remap) || !sim_remap_stays(&remap))
        return 0;
    request = (struct vm_remap_request){.address = sim_page_address(remap.from),
                                        .old_bytes = remap.old * SIM_PAGE_BYTES,
                                        .bytes = remap.count * SIM_PAGE_BYTES,
                                        .flags = (remap.may_move ? MREMAP_MAYMOVE : 0u) |
                                                 (remap.fixed ? MREMAP_FIXED : 0u) |
                                                 (remap.keep ? MREMAP_DONTUNMAP : 0u),
                                        .to = sim_page_address(remap.to)};
    expected = sim_remap_check(&remap);
    need.promised = sim_remap_promised(&remap);
    sim_call_guard(process);
    sim_remap_forget(&remap);
    error = vm_remap(sim_vm(), process->space, &request, &address);
    if (!sim_call_judge(error, expected, &need))
        return error;
    SIM_EXPECT(address == sim_page_address(remap.to), "mremap to 0x%llx",
               (unsigned long long)address);
    if (need.promised > 0 && process->page[remap.from].shared)
        sim_remap_last(&remap)->segment->committed += need.promised;
    sim_remap_apply(&remap);
    return 0;
}
