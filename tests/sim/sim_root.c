/* Start and end of a simulation, and what the root task does: see sim_pager.h. */
#include <string.h>

#include "memory_values.h"
#include "sim_access.h"
#include "sim_call.h"
#include "sim_compare.h"
#include "sim_file.h"
#include "sim_pager.h"
#include "sim_swap.h"
#include "sim_walk.h"

#define SIM_FRAMES_PLENTY 320u
#define SIM_FRAMES_SCARCE 110u
#define SIM_EVICT_CHANCE  24u
#define SIM_ARCHIVE_BYTES (3 * FL_PAGE_BYTES + FL_PAGE_BYTES / 2 + 11)
#define SIM_DISK_DELAY    12u
#define SIM_DISK_PATIENCE 40u
#define SIM_DISK_CHANCE   60u /* of 1024, for each fault */
#define SIM_TURNS_OF_DISK 200u
#define SIM_PID           7u

struct sim sim;

static uint8_t sim_archive[(SIM_ARCHIVE_BYTES / FL_PAGE_BYTES + 1) * FL_PAGE_BYTES];

/* ---- processes ---- */

struct sim_process *sim_process_of(const struct space *space)
{
    for (uint32_t i = 0; i < SIM_PROCESSES; i++)
        if (sim.model.process[i].space == space)
            return &sim.model.process[i];
    return NULL;
}

static struct sim_process *sim_process_find_free(void)
{
    return sim_process_of(NULL);
}

static void sim_process_set_threads(const struct sim_process *process, enum sim_thread_state state)
{
    for (uint32_t i = 0; i < SIM_THREADS_EACH; i++)
        sim.thread[sim_number(process) * SIM_THREADS_EACH + i] =
            (struct sim_thread){.state = state, .process = sim_number(process)};
}

static void sim_process_start(void)
{
    struct sim_process *process = sim_process_find_free();
    struct space *space = sim_kernel_create(&sim.kernel, SIM_PID);

    if (!space)
        return;
    handle_inherit(space, sim.keeper);
    space->heap_start = space->heap_end = sim_page_address(SIM_HEAP_PAGE);
    process->space = space;
    for (uint32_t i = 0; i < LIMITS; i++)
        process->limit[i] = SIM_NO_LIMIT;
    sim_process_set_threads(process, SIM_RUNS);
}

void sim_pager_destroy(struct sim_process *process)
{
    struct space *space = process->space;

    if (!sim.compared)
        sim_compare_programs();
    sim.compared = false;
    sim_access_begin_call();
    sim_process_set_threads(process, SIM_ABSENT);
    sim_kernel_destroy(&sim.kernel, space);
    for (uint32_t p = 0; p < SIM_PAGES; p++)
        sim_page_clear(&sim.model, &process->page[p]);
    memset(process, 0, sizeof(*process));
    sim_access_end_call();
    sim_pager_attend();
}

void sim_pager_next_event(void)
{
    struct space *space = space_next_event(sim_vm());
    struct sim_process *process = space ? sim_process_of(space) : NULL;
    uint32_t live = 0;

    if (process)
        sim_pager_destroy(process);
    for (uint32_t i = 0; i < SIM_PROCESSES; i++)
        live += sim.model.process[i].space != NULL;
    if (live == 0)
        sim_process_start();
}

/* ---- fork ---- */

/* Bit i: page i of a process lies in its entry's own object, which fork copies if it is wired. */
static uint32_t sim_fork_find_copied(const struct sim_process *process)
{
    uint32_t copied = 0;

    for (uint32_t p = 0; p < SIM_PAGES; p++) {
        const struct sim_page *page = &process->page[p];
        struct sim_shown shown;

        if (!page->own || !page->wired)
            continue;
        sim_walk_page(process, p, &shown);
        copied |= shown.top && shown.page != SIM_NO_PAGE && !shown.busy ? 1u << p : 0;
    }
    return copied;
}

static void sim_fork_apply(const struct sim_process *parent, struct sim_process *child,
                           uint32_t copied)
{
    memcpy(child->limit, parent->limit, sizeof(child->limit));
    child->heap_pages = parent->heap_pages;
    for (uint32_t p = 0; p < SIM_PAGES; p++) {
        struct sim_page page = parent->page[p];

        if (!page.mapped)
            continue;
        page.wired = false;
        sim_page_set(&sim.model, &child->page[p], &page);
        if (copied >> p & 1)
            sim_page_own(&sim.model, &child->page[p]);
    }
}

int sim_call_fork(struct sim_process *process, const struct sim_step *step)
{
    struct sim_process *child = sim_process_find_free();
    struct sim_need need = {.frames = SIM_PAGES, .promised = sim_process_committed(process)};
    uint32_t copied = sim_fork_find_copied(process);
    struct space *space;

    (void)step;
    if (!child)
        return 0;
    sim.forking = true;
    space = sim_kernel_fork(&sim.kernel, process->space, SIM_PID);
    if (!space) {
        SIM_EXPECT(sim_call_may_fail(&need), "no fork with %u frames free", sim.free_before);
        sim.counts.refused++;
        return 0;
    }
    child->space = space;
    sim_fork_apply(process, child, copied);
    sim_process_set_threads(child, SIM_RUNS);
    sim.counts.forks++;
    return 0;
}

/* ---- files ---- */

void sim_pager_replace_file(uint32_t file)
{
    struct object *object = object_create_memory(sim_vm());
    struct description *description = handle_find(sim.keeper, file);
    struct sim_segment *old = sim.model.file[file];

    if (!object)
        return;
    sim.compared = false;
    object_release(sim_vm(), description->file);
    description->file = object;
    sim_segment_close(&sim.model, old);
    sim.model.file[file] = sim_segment_create(&sim.model, SIM_FILE);
    sim.model.file[file]->open = true;
    sim.model.file[file]->object = object;
}

static void sim_file_enter(uint32_t file, struct object *object)
{
    struct sim_segment *segment =
        sim_segment_create(&sim.model, file == 0 ? SIM_ARCHIVE : SIM_FILE);
    uint32_t handle;

    SIM_EXPECT(object && handle_open(sim_vm(), sim.keeper, &handle) == 0 && handle == file,
               "no file %u", file);
    *handle_find(sim.keeper, handle) = (struct description){
        .file = object, .references = 1, .readable = true, .writable = file > 0};
    segment->open = true;
    segment->object = object;
    segment->bytes = object->bytes;
    sim.model.file[file] = segment;
}

static void sim_files_open(void)
{
    const struct cpio_file *archive = cpio_index_find(&sim.kernel.files, "file", 4);

    sim.keeper = space_create(sim_vm(), SIM_PID);
    SIM_EXPECT(sim.keeper && archive, "no files");
    sim_file_enter(0, object_open_file(sim_vm(), archive));
    for (uint32_t file = 1; file < SIM_OPEN_FILES; file++)
        sim_file_enter(file, object_create_memory(sim_vm()));
    sim.model.file[0]->under = sim_archive;
    sim.model.file[0]->in_place = sim.config.in_place;
}

/* ---- frames ---- */

static frame_t sim_root_frame(const struct vm *vm, uint32_t page)
{
    const struct page_table *table = &vm->table;
    uint32_t range = table->pages[page].range;

    return frame_plus(sim.kernel.slot[range].first, page - table->range[range].base);
}

void sim_pager_take_frames(uint32_t left)
{
    while (sim_free_frames() > left) {
        uint32_t page = page_allocate(&sim_vm()->table, PAGE_LENT);

        SIM_EXPECT(frame_claim(sim_machine_frames(), sim_root_frame(sim_vm(), page), FRAME_OBJECT,
                               0) == FL_OK,
                   "frame of page %u is not free", page);
        sim.take[sim.taken++] = page;
    }
}

void sim_pager_give_frames(void)
{
    while (sim.taken > 0) {
        uint32_t page = sim.take[--sim.taken];

        frame_release(sim_machine_frames(), sim_root_frame(sim_vm(), page));
        page_release(&sim_vm()->table, page);
    }
    sim_pager_attend();
}

/* ---- start and end ---- */

static bool sim_port_map_noted(void *context, uint32_t space, const struct vm_mapping *mapping)
{
    const struct sim_kernel *kernel = context;

    sim_access_note_map(kernel->vm.spaces[space], mapping);
    return sim.port_map(context, space, mapping);
}

static void sim_start_disk(void)
{
    struct sim_disk_config disk = {.frames = sim_machine_frames(),
                                   .pages = SIM_DISK_PAGES,
                                   .delay = SIM_DISK_DELAY,
                                   .reorders = true};
    struct sim_file_config file = {.vm = sim_vm(),
                                   .frame_of = sim_root_frame,
                                   .name = "disk",
                                   .pages = SIM_DISK_PAGES,
                                   .patience = SIM_DISK_PATIENCE};

    for (uint32_t i = 1; i < SIM_DISK_FAULTS && sim.config.disk_fails; i++)
        disk.chance[i] = SIM_DISK_CHANCE;
    sim.disk = file.disk = sim_disk_create(&disk);
    sim_file_start(&file);
    for (uint32_t i = 0; i < SIM_DISK_PAGES; i++)
        memcpy(sim.disk_bytes + i * SIM_PAGE_BYTES, sim_disk_medium(sim.disk, i), SIM_PAGE_BYTES);
}

static void sim_start_kernel(const struct sim_config *config)
{
    const struct sim_kernel_config kernel = {
        .machine = {.harts = config->harts,
                    .asid_bits = config->asid_bits,
                    .frames = config->scarce ? SIM_FRAMES_SCARCE : SIM_FRAMES_PLENTY,
                    .sets_ad = config->sets_ad,
                    .caches_invalid = config->caches_invalid,
                    .evict_chance = SIM_EVICT_CHANCE,
                    .seed = 1},
        .fork_clones = config->fork_clones,
        .strict = config->strict,
        .files = 2,
        .file = {{"file", sim_archive, SIM_ARCHIVE_BYTES, config->in_place}, {.name = "disk"}}};

    for (uint32_t i = 0; i < SIM_ARCHIVE_BYTES; i++)
        sim_archive[i] = (uint8_t)(i * 7 + i / FL_PAGE_BYTES);
    sim_kernel_start(&sim.kernel, &kernel);
    sim.port_map = sim.kernel.vm.port.map;
    sim.kernel.vm.port.map = sim_port_map_noted;
    sim_machine_set_meanwhile(sim_access_meanwhile, NULL);
}

void sim_pager_begin(const struct sim_config *config)
{
    sim.config = *config;
    sim.first = sim.queued = sim.taken = 0;
    sim.compared = false;
    memset(sim.thread, 0, sizeof(sim.thread));
    sim_model_begin(&sim.model);
    memset(sim.value_in, 0, sizeof(sim.value_in));
    sim_start_kernel(config);
    sim_start_disk();
    sim_files_open();
    if (config->swap)
        sim_swap_begin();
    sim_process_start();
}

/* Fetches that nobody wants any more end too. */
static void sim_end_fetches(void)
{
    for (uint32_t i = 0; sim_file_fetches() > 0; i++) {
        SIM_EXPECT(i < SIM_TURNS_OF_DISK, "a fetch does not end");
        (void)sim_file_poll(SIM_DISK_DELAY);
    }
}

void sim_pager_end(void)
{
    const struct vm *vm = sim_vm();

    sim_pager_give_frames();
    sim.kernel.map_refusals = sim.kernel.reply_refusals = 0;
    for (uint32_t i = 0; i < SIM_PROCESSES; i++)
        if (sim.model.process[i].space)
            sim_pager_destroy(&sim.model.process[i]);
    sim_end_fetches();
    if (sim.config.swap)
        sim_swap_end();
    sim_compare_all(true);
    space_destroy(sim_vm(), sim.keeper);
    for (uint32_t i = 0; i < SIM_OPEN_FILES; i++)
        sim_segment_close(&sim.model, sim.model.file[i]);
    SIM_EXPECT(sim.model.values == 0, "the model keeps %u values", sim.model.values);
    sim_kernel_settle(&sim.kernel);
    SIM_EXPECT(vm->table.counts[PAGE_FREE] == sim.kernel.free_pages, "%u frames are free, not %u",
               vm->table.counts[PAGE_FREE], sim.kernel.free_pages);
    SIM_EXPECT(vm->commit.pages == 0 && vm->objects.used == 0 && vm->entries.used == 0,
               "promises or records are left");
    sim_disk_destroy(sim.disk);
    sim_file_end();
}
