/* Comparison with the model: see sim_compare.h. */
#include "sim_compare.h"

#include <inttypes.h>
#include <string.h>

#include "sim_file.h"
#include "sim_swap.h"
#include "sim_walk.h"

#define SIM_AT        "process %u page %u: "
#define SIM_AT_VALUES sim_number(process), number

/* ---- one page of a program ---- */

static void sim_compare_attributes(const struct sim_process *process, uint32_t number,
                                   const struct entry *entry)
{
    const struct sim_page *page = &process->page[number];

    SIM_EXPECT(page->mapped, SIM_AT "is mapped, and should not be", SIM_AT_VALUES);
    SIM_EXPECT(entry->protection == page->protection, SIM_AT "protection %u, not %u", SIM_AT_VALUES,
               entry->protection, page->protection);
    SIM_EXPECT(entry->max_protection == page->max_protection, SIM_AT "maximum %u, not %u",
               SIM_AT_VALUES, entry->max_protection, page->max_protection);
    SIM_EXPECT((entry->inheritance == ENTRY_SHARE) == page->shared, SIM_AT "shared is %u",
               SIM_AT_VALUES, !page->shared);
    SIM_EXPECT(entry->wired == page->wired, SIM_AT "wired is %u", SIM_AT_VALUES, entry->wired);
    SIM_EXPECT(entry->mergeable == page->mergeable, SIM_AT "mergeable is %u", SIM_AT_VALUES,
               entry->mergeable);
    SIM_EXPECT(entry->advice == page->advice, SIM_AT "advice %u, not %u", SIM_AT_VALUES,
               entry->advice, page->advice);
    SIM_EXPECT(entry->charge == page->charge, SIM_AT "charge %u, not %u", SIM_AT_VALUES,
               entry->charge, page->charge);
    SIM_EXPECT(entry->use == page->use, SIM_AT "use %u, not %u", SIM_AT_VALUES, entry->use,
               page->use);
}

/* A value and the page of the core that holds it: one for one, and the same bytes. */
static void sim_compare_value(const struct sim_process *process, uint32_t number,
                              struct sim_value *value, const struct sim_shown *shown)
{
    const struct sim_value *other;

    if (value->compared == sim.stamp) {
        SIM_EXPECT(value->page == shown->page, SIM_AT "in page %u and in page %u", SIM_AT_VALUES,
                   value->page, shown->page);
        return;
    }
    other = sim.value_in[shown->page];
    SIM_EXPECT(!other || other->compared != sim.stamp || other->page != shown->page,
               SIM_AT "shares page %u with what is another", SIM_AT_VALUES, shown->page);
    SIM_EXPECT(memcmp(value->bytes, shown->contents, FL_PAGE_BYTES) == 0,
               SIM_AT "other bytes in page %u", SIM_AT_VALUES, shown->page);
    value->compared = sim.stamp;
    sim_note_page(value, shown->page);
    sim.framed++;
    sim.counts.compared++;
}

/* A value and the leaf of the core that names it, which has no frame of its own or is being read. */
static void sim_compare_away(const struct sim_process *process, uint32_t number,
                             struct sim_value *value, const struct sim_shown *shown)
{
    SIM_EXPECT(sim.config.swap, SIM_AT "its page is gone", SIM_AT_VALUES);
    if (value->compared == sim.stamp) {
        SIM_EXPECT(value->page == SIM_NO_PAGE && value->object == shown->object->number &&
                       value->index == shown->index,
                   SIM_AT "away, and somewhere else too", SIM_AT_VALUES);
        return;
    }
    SIM_EXPECT(!shown->contents || memcmp(value->bytes, shown->contents, FL_PAGE_BYTES) == 0,
               SIM_AT "merged with other bytes", SIM_AT_VALUES);
    value->compared = sim.stamp;
    value->page = SIM_NO_PAGE;
    value->object = shown->object->number;
    value->index = shown->index;
    sim.framed += shown->busy;
}

/* What has no value: zeros, the initrd, the disk. */
static void sim_compare_under(const struct sim_process *process, uint32_t number,
                              const struct sim_shown *shown)
{
    const struct sim_page *page = &process->page[number];
    bool fetched = page->segment && page->segment->kind == SIM_DISK;

    SIM_EXPECT(!shown->anonymous && (fetched || shown->page == SIM_NO_PAGE),
               SIM_AT "page %u was made without cause", SIM_AT_VALUES, shown->page);
    if (!shown->contents || sim_page_is_beyond(page) || !page->segment)
        return;
    SIM_EXPECT(memcmp(sim_page_bytes(page), shown->contents, FL_PAGE_BYTES) == 0,
               SIM_AT "other bytes than the file's", SIM_AT_VALUES);
    sim.counts.compared++;
}

static void sim_compare_contents(const struct sim_process *process, uint32_t number,
                                 const struct sim_shown *shown)
{
    const struct sim_page *page = &process->page[number];
    struct sim_value *value = sim_page_value(page);

    if (!value) {
        sim_compare_under(process, number, shown);
        return;
    }
    SIM_EXPECT(shown->anonymous == (page->own || page->segment->kind == SIM_MEMORY),
               SIM_AT "a page of its own: %u", SIM_AT_VALUES, shown->anonymous);
    if (sim_shown_is_away(shown) || (shown->anonymous && shown->busy)) {
        sim_compare_away(process, number, value, shown);
        return;
    }
    SIM_EXPECT(shown->page != SIM_NO_PAGE && !shown->busy, SIM_AT "its page is gone",
               SIM_AT_VALUES);
    sim_compare_value(process, number, value, shown);
}

/* What the tables say. */
static void sim_compare_table(const struct sim_process *process, uint32_t number,
                              const struct sim_shown *shown)
{
    const struct sim_page *page = &process->page[number];
    pte_t entry = sim_machine_entry(&sim.kernel.space[process->space->id],
                                    (vaddr_t){sim_page_address(number)});
    const uint8_t *contents = shown->contents;
    uint64_t rights = (entry.bits & PTE_RWX) >> 1;
    uint32_t at;

    if (!sv39_is_valid(entry))
        return;
    SIM_EXPECT(page->mapped && !sim_page_is_beyond(page), SIM_AT "in the tables, and should not be",
               SIM_AT_VALUES);
    SIM_EXPECT((rights & ~(uint64_t)page->protection) == 0,
               SIM_AT "rights %u in the tables, not %u", SIM_AT_VALUES, (unsigned)rights,
               page->protection);
    SIM_EXPECT(!(rights & FL_RIGHT_WRITE) || sim_page_is_exclusive(page),
               SIM_AT "may be written, and others see it", SIM_AT_VALUES);
    at = sim_kernel_page_of(&sim.kernel, sv39_frame(entry));
    if (at != PAGE_NONE)
        SIM_EXPECT(contents == page_contents(&sim_vm()->table, at),
                   SIM_AT "page %u in the tables, not %u", SIM_AT_VALUES, at, shown->page);
    else
        SIM_EXPECT(contents == sim_machine_contents(sv39_frame(entry)),
                   SIM_AT "another frame in the tables", SIM_AT_VALUES);
}

/* ---- a program ---- */

static void sim_compare_pages(const struct sim_process *process)
{
    const struct entry *entry = process->space->map.first;

    for (uint32_t number = 0; number < SIM_PAGES; number++) {
        uint64_t address = sim_page_address(number);
        struct sim_shown shown = {.page = SIM_NO_PAGE};

        while (entry && entry->end <= address)
            entry = entry->next;
        if (entry && entry->start <= address) {
            sim_walk(entry, address, &shown);
            sim_compare_attributes(process, number, entry);
            sim_compare_contents(process, number, &shown);
        } else {
            SIM_EXPECT(!process->page[number].mapped, SIM_AT "is not mapped", SIM_AT_VALUES);
        }
        sim_compare_table(process, number, &shown);
    }
}

static void sim_compare_counters(const struct sim_process *process)
{
    const struct space *space = process->space;
    uint64_t pages = limit_use(space, LIMIT_AS, 0, 0) / SIM_PAGE_BYTES;

    SIM_EXPECT(pages == sim_process_count(process, LIMIT_AS, 0, SIM_PAGES),
               "process %u: %" PRIu64 " pages are mapped", sim_number(process), pages);
    pages = limit_use(space, LIMIT_MEMLOCK, 0, 0) / SIM_PAGE_BYTES;
    SIM_EXPECT(pages == sim_process_count(process, LIMIT_MEMLOCK, 0, SIM_PAGES),
               "process %u: %" PRIu64 " pages are wired", sim_number(process), pages);
    SIM_EXPECT(commit_of_space(space) == sim_process_committed(process),
               "process %u: %" PRIu64 " pages are promised", sim_number(process),
               commit_of_space(space));
    SIM_EXPECT(space->minor_faults == process->minor_faults &&
                   space->major_faults == process->major_faults,
               "process %u: %" PRIu64 " and %" PRIu64 " faults, not %" PRIu64 " and %" PRIu64,
               sim_number(process), space->minor_faults, space->major_faults, process->minor_faults,
               process->major_faults);
    SIM_EXPECT(space->heap_end ==
                   sim_page_address(SIM_HEAP_PAGE) + process->heap_pages * SIM_PAGE_BYTES,
               "process %u: the break", sim_number(process));
}

/* A page of a file, which read() shows too. */
static void sim_compare_file_page(const struct sim_segment *segment, uint32_t index)
{
    struct sim_value *value = segment->page[index].value;
    uint32_t page = sim_walk_file(segment->object, index);

    SIM_EXPECT((value != NULL) == (page != SIM_NO_PAGE), "page %u of a file: in memory is %u",
               index, page != SIM_NO_PAGE);
    if (!value || value->compared == sim.stamp)
        return;
    SIM_EXPECT(memcmp(value->bytes, page_contents(&sim_vm()->table, page), FL_PAGE_BYTES) == 0,
               "page %u of a file: other bytes", index);
    value->compared = sim.stamp;
    sim.framed++;
    sim_note_page(value, page);
}

static void sim_compare_file(const struct sim_segment *segment)
{
    SIM_EXPECT(segment->object->bytes == segment->bytes,
               "a file has %" PRIu64 " bytes, not %" PRIu64, segment->object->bytes,
               segment->bytes);
    for (uint32_t index = 0; index * SIM_PAGE_BYTES < segment->bytes; index++)
        sim_compare_file_page(segment, index);
}

/* Pages of the initrd's file may leave memory as if they had never been there. */
static void sim_compare_forget(struct sim_segment *segment)
{
    for (uint32_t index = 0; index * SIM_PAGE_BYTES < segment->bytes; index++)
        if (sim_walk_file(segment->object, index) == SIM_NO_PAGE)
            sim_segment_forget(&sim.model, segment, index);
}

void sim_compare_programs(void)
{
    sim.stamp++;
    sim.framed = 0;
    if (sim.config.swap)
        sim_compare_forget(sim.model.file[0]);
    for (uint32_t i = 0; i < SIM_PROCESSES; i++)
        if (sim.model.process[i].space)
            sim_compare_pages(&sim.model.process[i]);
    for (uint32_t i = 0; i < SIM_SEGMENTS; i++)
        if (sim.model.segment[i].live &&
            (sim.model.segment[i].kind == SIM_FILE || sim.model.segment[i].kind == SIM_ARCHIVE))
            sim_compare_file(&sim.model.segment[i]);
    sim.compared = true;
}

/* ---- totals ---- */

/* Pages in the index of the file on the disk. */
static uint32_t sim_count_fetched(void)
{
    const struct object *file = sim_file_object();

    return file ? file->resident : 0;
}

static void sim_compare_frames(void)
{
    const struct vm *vm = sim_vm();
    uint32_t objects = vm->table.counts[PAGE_OBJECT] + vm->table.counts[PAGE_BUSY] +
                       vm->table.counts[PAGE_WRITING],
             values = sim.config.swap ? sim.framed : sim.model.values, all = 0;
    uint64_t resident = 0;

    for (uint32_t i = 0; i < PAGE_STATES; i++)
        all += vm->table.counts[i];
    SIM_EXPECT(all == vm->table.count, "%u of %u frames", all, vm->table.count);
    SIM_EXPECT(objects == values + sim_count_fetched(),
               "programs and files take %u frames, not %u and %u", objects, values,
               sim_count_fetched());
    for (uint32_t i = 0; i < SIM_PROCESSES; i++)
        if (sim.model.process[i].space)
            resident += sim.model.process[i].space->resident + sim.model.process[i].space->swapped;
    SIM_EXPECT(resident == sim.model.private_values,
               "%" PRIu64 " pages are resident or out, not %u", resident, sim.model.private_values);
    SIM_EXPECT(vm->commit.pages == sim_model_committed(&sim.model),
               "%" PRIu64 " pages are promised, not %" PRIu64, vm->commit.pages,
               sim_model_committed(&sim.model));
}

static void sim_compare_waits(void)
{
    const struct vm *vm = sim_vm();
    uint32_t parked = 0, moving = vm->table.counts[PAGE_BUSY] + vm->table.counts[PAGE_STRAY] +
                                  vm->table.counts[PAGE_WRITING];

    for (uint32_t i = 0; i < SIM_THREADS; i++)
        parked += sim.thread[i].state == SIM_PARKED;
    SIM_EXPECT(parked == vm->waits.active, "%u tokens, and %u threads wait", vm->waits.active,
               parked);
    SIM_EXPECT(moving == sim_file_fetches() + sim_swap_pages(),
               "%u fetches, %u pages of swap, and %u pages on their way", sim_file_fetches(),
               sim_swap_pages(), moving);
}

static void sim_compare_check(const char *broken)
{
    SIM_EXPECT(!broken, "%s", broken ? broken : "");
}

void sim_compare_all(bool handled)
{
    sim_compare_programs();
    for (uint32_t i = 0; i < SIM_PROCESSES; i++)
        if (sim.model.process[i].space)
            sim_compare_counters(&sim.model.process[i]);
    sim_compare_frames();
    sim_compare_waits();
    sim_compare_check(handled ? sim_kernel_check(&sim.kernel) : sim_machine_check_harts());
    if (sim.config.swap)
        sim_compare_check(sim_swap_check());
    if (handled)
        sim_compare_check(sim_file_check());
}
