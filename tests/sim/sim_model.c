/* The reference model: see sim_model.h. */
#include "sim_model.h"

#include <string.h>

#include "entry.h"
#include "harness.h"
#include "memory_values.h"
#include "protocol.h"

/* The low window lies around the end of a page table of each level. */
#define SIM_LOW_START  (0x40000000ull - SIM_LOW_PAGES / 2 * SIM_PAGE_BYTES)
#define SIM_HIGH_START PROGRAM_MMAP_BASE

enum { SIM_SIGBUS = 7, SIM_SIGSEGV = 11 };

static const uint8_t sim_zeros[FL_PAGE_BYTES];

void sim_model_begin(struct sim_model *model)
{
    memset(model->process, 0, sizeof(model->process));
    memset(model->segment, 0, sizeof(model->segment));
    model->values = model->private_values = 0;
    model->free_values = NULL;
    for (uint32_t i = SIM_VALUES; i-- > 0;) {
        model->value[i].users = 0;
        model->value[i].next_free = model->free_values;
        model->free_values = &model->value[i];
    }
}

/* ---- addresses ---- */

uint64_t sim_page_address(uint32_t page)
{
    return page < SIM_LOW_PAGES ? SIM_LOW_START + page * SIM_PAGE_BYTES
                                : SIM_HIGH_START + (page - SIM_LOW_PAGES) * SIM_PAGE_BYTES;
}

uint32_t sim_page_at(uint64_t address)
{
    if (address - SIM_LOW_START < SIM_LOW_PAGES * SIM_PAGE_BYTES)
        return (uint32_t)((address - SIM_LOW_START) / SIM_PAGE_BYTES);
    if (address - SIM_HIGH_START < SIM_HIGH_PAGES * SIM_PAGE_BYTES)
        return SIM_LOW_PAGES + (uint32_t)((address - SIM_HIGH_START) / SIM_PAGE_BYTES);
    return SIM_PAGES;
}

uint32_t sim_window_end(uint32_t page)
{
    return page < SIM_LOW_PAGES ? SIM_LOW_PAGES : SIM_PAGES;
}

/* ---- values ---- */

static struct sim_value *sim_value_create(struct sim_model *model, const uint8_t *bytes)
{
    struct sim_value *value = model->free_values;

    CHECK(value != NULL);
    model->free_values = value->next_free;
    value->users = 1;
    value->page = SIM_NO_PAGE;
    value->compared = 0;
    value->of_segment = value->stored = false;
    memcpy(value->bytes, bytes, sizeof(value->bytes));
    model->values++;
    return value;
}

static void sim_value_release(struct sim_model *model, struct sim_value *value)
{
    if (--value->users > 0)
        return;
    value->next_free = model->free_values;
    model->free_values = value;
    model->values--;
}

/* ---- segments ---- */

struct sim_segment *sim_segment_create(struct sim_model *model, enum sim_kind kind)
{
    struct sim_segment *segment = model->segment;

    while (segment->live)
        segment++;
    CHECK(segment < model->segment + SIM_SEGMENTS);
    memset(segment, 0, sizeof(*segment));
    segment->kind = kind;
    segment->live = true;
    return segment;
}

void sim_segment_forget(struct sim_model *model, struct sim_segment *segment, uint32_t index)
{
    struct sim_value *value = segment->page[index].value;

    if (!value)
        return;
    segment->page[index].value = NULL;
    model->private_values -= segment->kind == SIM_MEMORY;
    sim_value_release(model, value);
}

static void sim_segment_free_unused(struct sim_model *model, struct sim_segment *segment)
{
    if (segment->users > 0 || segment->open)
        return;
    for (uint32_t i = 0; i < SIM_SEGMENT_PAGES; i++)
        sim_segment_forget(model, segment, i);
    segment->live = false;
}

void sim_segment_close(struct sim_model *model, struct sim_segment *segment)
{
    segment->open = false;
    sim_segment_free_unused(model, segment);
}

static const uint8_t *sim_segment_bytes(const struct sim_segment *segment, uint32_t index)
{
    if (segment->page[index].value)
        return segment->page[index].value->bytes;
    return segment->under ? segment->under + index * SIM_PAGE_BYTES : sim_zeros;
}

struct sim_value *sim_segment_fill(struct sim_model *model, struct sim_segment *segment,
                                   uint32_t index)
{
    if (!segment->page[index].value) {
        segment->page[index].value = sim_value_create(model, sim_segment_bytes(segment, index));
        segment->page[index].value->of_segment = true;
        model->private_values += segment->kind == SIM_MEMORY;
    }
    return segment->page[index].value;
}

/* Bytes behind the end of a file are zero from its end to `bytes`, as far as its last page goes. */
static void sim_segment_clear_tail(const struct sim_segment *segment, uint64_t bytes)
{
    uint64_t used = segment->bytes % SIM_PAGE_BYTES, rest = SIM_PAGE_BYTES - used;
    struct sim_value *value = segment->page[segment->bytes / SIM_PAGE_BYTES].value;

    if (used > 0 && value)
        memset(value->bytes + used, 0,
               bytes - segment->bytes < rest ? bytes - segment->bytes : rest);
}

void sim_segment_resize(struct sim_model *model, struct sim_segment *segment, uint64_t bytes)
{
    uint64_t first = (bytes + SIM_PAGE_BYTES - 1) / SIM_PAGE_BYTES;

    if (bytes > segment->bytes) {
        sim_segment_clear_tail(segment, bytes);
        segment->bytes = bytes;
        return;
    }
    for (uint64_t i = first; i < SIM_SEGMENT_PAGES; i++)
        sim_segment_forget(model, segment, (uint32_t)i);
    segment->bytes = bytes;
    sim_segment_clear_tail(segment, UINT64_MAX);
    for (uint32_t i = 0; i < SIM_PROCESSES; i++)
        for (uint32_t p = 0; p < SIM_PAGES; p++) {
            struct sim_page *page = &model->process[i].page[p];

            if (page->segment == segment && page->own && page->index >= first)
                sim_page_disown(model, page);
        }
}

/* ---- what is seen ---- */

struct sim_value *sim_page_value(const struct sim_page *page)
{
    if (page->own)
        return page->own;
    return page->segment ? page->segment->page[page->index].value : NULL;
}

const uint8_t *sim_page_bytes(const struct sim_page *page)
{
    if (page->own)
        return page->own->bytes;
    return page->segment ? sim_segment_bytes(page->segment, page->index) : sim_zeros;
}

bool sim_page_is_beyond(const struct sim_page *page)
{
    return page->segment && page->segment->kind != SIM_MEMORY &&
           page->index * SIM_PAGE_BYTES >= page->segment->bytes;
}

uint32_t sim_page_signal(const struct sim_page *page, uint32_t access)
{
    if (!page->mapped || (page->protection & access) != access)
        return SIM_SIGSEGV;
    return sim_page_is_beyond(page) ? SIM_SIGBUS : 0;
}

bool sim_page_is_exclusive(const struct sim_page *page)
{
    return page->shared ? sim_page_value(page) != NULL : page->own && page->own->users == 1;
}

bool sim_page_is_alike(const struct sim_page *page, const struct sim_page *other)
{
    return page->mapped && other->mapped && page->shared == other->shared &&
           page->wired == other->wired && page->mergeable == other->mergeable &&
           page->protection == other->protection && page->max_protection == other->max_protection &&
           page->advice == other->advice && page->charge == other->charge &&
           page->use == other->use;
}

/* ---- what changes ---- */

/* True if the segment under the page has a page to be made before anything can be read there. */
static bool sim_page_wants_segment(const struct sim_page *page)
{
    const struct sim_segment *segment = page->segment;

    if (page->own || !segment || segment->page[page->index].value)
        return false;
    if (segment->kind == SIM_ARCHIVE &&
        segment->in_place) /* but for a last page that is no whole one */
        return (page->index + 1) * SIM_PAGE_BYTES > segment->bytes;
    return segment->kind != SIM_DISK;
}

static bool sim_page_wants_own(const struct sim_page *page, uint32_t access)
{
    if (page->shared)
        return false;
    if (page->own)
        return (access & PROT_WRITE) && page->own->users > 1;
    return (access & PROT_WRITE) || (!page->segment && (access & PROT_EXEC));
}

bool sim_page_wants(const struct sim_page *page, uint32_t access)
{
    return sim_page_wants_segment(page) || sim_page_wants_own(page, access);
}

void sim_page_own(struct sim_model *model, struct sim_page *page)
{
    struct sim_value *value = sim_value_create(model, sim_page_bytes(page));

    sim_page_disown(model, page);
    page->own = value;
    model->private_values++;
}

void sim_page_disown(struct sim_model *model, struct sim_page *page)
{
    if (!page->own)
        return;
    model->private_values -= page->own->users == 1;
    sim_value_release(model, page->own);
    page->own = NULL;
}

void sim_page_touch(struct sim_model *model, struct sim_page *page, uint32_t access)
{
    bool owns = sim_page_wants_own(page, access);

    if (sim_page_wants_segment(page))
        sim_segment_fill(model, page->segment, page->index);
    if (owns)
        sim_page_own(model, page);
}

uint32_t sim_page_fill_access(const struct sim_page *page)
{
    return page->protection & PROT_WRITE ? PROT_WRITE : page->protection;
}

static void sim_page_leave_segment(struct sim_model *model, struct sim_page *page)
{
    struct sim_segment *segment = page->segment;

    if (!segment)
        return;
    if (--segment->page[page->index].users == 0 && segment->kind == SIM_MEMORY)
        sim_segment_forget(model, segment, page->index);
    segment->users--;
    sim_segment_free_unused(model, segment);
}

void sim_page_clear(struct sim_model *model, struct sim_page *page)
{
    if (!page->mapped)
        return;
    sim_page_disown(model, page);
    sim_page_leave_segment(model, page);
    memset(page, 0, sizeof(*page));
}

void sim_page_set(struct sim_model *model, struct sim_page *page, const struct sim_page *with)
{
    struct sim_page copy = *with;

    if (copy.segment) {
        CHECK(copy.index < SIM_SEGMENT_PAGES);
        copy.segment->users++;
        copy.segment->page[copy.index].users++;
    }
    if (copy.own)
        copy.own->users++;
    sim_page_clear(model, page);
    *page = copy;
}

/* ---- sums ---- */

static bool sim_page_counts(const struct sim_page *page, enum limit_kind kind)
{
    switch (kind) {
    case LIMIT_AS:
        return page->mapped;
    case LIMIT_DATA:
        return page->mapped && !page->shared && (page->protection & PROT_WRITE);
    case LIMIT_MEMLOCK:
        return page->wired;
    case LIMIT_STACK:
    case LIMITS:
        break;
    }
    return false;
}

uint32_t sim_process_count(const struct sim_process *process, enum limit_kind kind, uint32_t first,
                           uint32_t count)
{
    uint32_t pages = 0;

    for (uint32_t p = first; p < first + count; p++)
        pages += sim_page_counts(&process->page[p], kind);
    return pages;
}

uint64_t sim_process_committed(const struct sim_process *process)
{
    uint64_t pages = 0;

    for (uint32_t p = 0; p < SIM_PAGES; p++) {
        const struct sim_page *page = &process->page[p];

        pages += page->mapped && !page->shared && page->charge == ENTRY_CHARGED;
    }
    return pages;
}

uint64_t sim_model_committed(const struct sim_model *model)
{
    uint64_t pages = 0;

    for (uint32_t i = 0; i < SIM_PROCESSES; i++)
        pages += sim_process_committed(&model->process[i]);
    for (uint32_t i = 0; i < SIM_SEGMENTS; i++)
        if (model->segment[i].live)
            pages += model->segment[i].committed;
    return pages;
}
