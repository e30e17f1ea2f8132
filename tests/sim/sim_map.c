/* mmap and the model: see sim_call.h. */
#include "sim_call.h"

#include <errno.h>

#include "memory_values.h"
#include "sim_file.h"

#define RW (PROT_READ | PROT_WRITE)

struct sim_map {
    struct vm_map_request request;
    struct sim_range range; /* where it goes */
    struct sim_page page;   /* that it makes; of its first page the index */
    struct object *opened;  /* a reference of ours */
    int expected;
};

/* What lies under the mapping.  False: it can't be opened. */
static bool sim_map_choose_segment(struct sim_map *map, const struct sim_step *step)
{
    uint32_t what = step->argument & 7, file = what - 4;

    map->page.shared = what == 3 || (what > 3 && (step->argument & 8));
    if (what < 4)
        return true;
    map->page.index = (step->byte >> 3) % SIM_FILE_PAGES;
    map->request.offset = map->page.index * SIM_PAGE_BYTES;
    map->request.readable = true;
    map->request.writable = file == 1 || file == 2;
    if (file < SIM_OPEN_FILES) {
        map->page.segment = sim.model.file[file];
        map->request.file = map->page.segment->object;
        return true;
    }
    map->opened = map->request.file = sim_file_open();
    return map->opened != NULL;
}

static struct sim_segment *sim_map_make_segment(const struct sim_map *map)
{
    struct sim_segment *segment;

    if (!map->opened)
        return map->page.shared ? sim_segment_create(&sim.model, SIM_MEMORY) : NULL;
    for (uint32_t i = 0; i < SIM_SEGMENTS; i++)
        if (sim.model.segment[i].live && sim.model.segment[i].kind == SIM_DISK)
            return &sim.model.segment[i];
    segment = sim_segment_create(&sim.model, SIM_DISK);
    segment->under = sim.disk_bytes;
    segment->bytes = sizeof(sim.disk_bytes);
    return segment;
}

static void sim_map_choose(struct sim_map *map, const struct sim_process *process,
                           const struct sim_step *step)
{
    static const uint8_t protections[] = {RW, PROT_READ,      PROT_NONE, PROT_READ | PROT_EXEC,
                                          RW, RW | PROT_EXEC, RW,        PROT_WRITE};
    static const uint32_t flags[] = {0,         0, MAP_POPULATE, MAP_LOCKED, MAP_NORESERVE,
                                     MAP_STACK, 0, MAP_POPULATE};
    uint32_t flag = flags[step->byte & 7], place = step->to & 7;
    struct vm_map_request *request = &map->request;

    map->range = sim_call_range(step);
    request->protection = protections[step->argument >> 4 & 7];
    request->bytes = map->range.count * SIM_PAGE_BYTES;
    request->address = place == 6 ? 0 : sim_page_address(map->range.first);
    request->flags = flag | (map->page.shared ? MAP_SHARED : MAP_PRIVATE) |
                     (request->file ? 0 : MAP_ANONYMOUS) |
                     (place < 5    ? MAP_FIXED
                      : place == 7 ? MAP_FIXED_NOREPLACE
                                   : 0);
    map->page.mapped = true;
    map->page.use = ENTRY_MAPPED;
    map->page.wired = flag == MAP_LOCKED || process->wire_future;
    map->page.protection =
        (uint8_t)(request->protection | (request->protection & PROT_WRITE ? PROT_READ : 0));
    map->page.max_protection = RW | PROT_EXEC;
    if (request->file && map->page.shared && !request->writable)
        map->page.max_protection &= (uint8_t)~PROT_WRITE;
}

static uint8_t sim_map_charge(const struct sim_map *map)
{
    bool writable = map->page.shared || (map->page.protection & PROT_WRITE);

    if (map->page.shared && map->request.file)
        return ENTRY_UNCHARGED;
    if ((map->request.flags & MAP_NORESERVE) && !sim.config.strict)
        return ENTRY_UNRESERVED;
    return writable ? ENTRY_CHARGED : ENTRY_UNCHARGED;
}

/* Where it goes.  False: outside of the windows. */
static bool sim_map_place(struct sim_map *map, const struct sim_process *process)
{
    bool is_free = sim_call_is_free(process, map->range);

    if (map->request.flags & MAP_FIXED)
        return true;
    if (map->request.flags & MAP_FIXED_NOREPLACE) {
        map->expected = is_free ? 0 : EEXIST;
        return true;
    }
    if (map->request.address == 0 || !is_free)
        map->range.first = sim_call_find_gap(process, map->range.count);
    return map->range.first < SIM_PAGES;
}

static int sim_map_check(const struct sim_map *map, const struct sim_process *process)
{
    const struct sim_page *page = &map->page;
    uint32_t count = map->range.count;

    if ((map->request.flags & MAP_LOCKED) && process->limit[LIMIT_MEMLOCK] == 0)
        return EPERM;
    if (map->expected)
        return map->expected;
    if (map->request.file && page->shared && (map->request.protection & PROT_WRITE) &&
        !map->request.writable)
        return EACCES;
    if (!sim_call_has_room(process, LIMIT_AS, count, map->range))
        return ENOMEM;
    if (!page->shared && (page->protection & PROT_WRITE) &&
        !sim_call_has_room(process, LIMIT_DATA, count, map->range))
        return ENOMEM;
    if (page->wired && !sim_call_has_room(process, LIMIT_MEMLOCK, count, map->range))
        return EAGAIN;
    return 0;
}

static void sim_map_apply(struct sim_map *map, struct sim_process *process)
{
    struct sim_page page = map->page;
    struct sim_segment *segment;
    bool opened = false;

    for (uint32_t i = 0; i < map->range.count; i++) /* what was there goes first */
        sim_page_clear(&sim.model, &process->page[map->range.first + i]);
    segment = page.segment ? page.segment : sim_map_make_segment(map);
    page.segment = segment;
    if (segment && !segment->open)
        opened = segment->open = true;
    if (segment && segment->kind == SIM_MEMORY && page.charge == ENTRY_CHARGED)
        segment->committed = map->range.count;
    for (uint32_t i = 0; i < map->range.count; i++, page.index++)
        sim_page_set(&sim.model, &process->page[map->range.first + i], &page);
    if (opened)
        sim_segment_close(&sim.model, segment);
    if ((map->request.flags & (MAP_POPULATE | MAP_LOCKED)) || process->wire_future)
        sim_call_fill(process, map->range, sim_call_fills_all());
}

static int sim_map_run(struct sim_map *map, struct sim_process *process)
{
    struct sim_need need = {.frames = 0};
    uint64_t address = 0;
    int error;

    if (!sim_map_place(map, process))
        return 0;
    map->page.charge = sim_map_charge(map);
    need.promised = map->page.charge == ENTRY_CHARGED ? map->range.count : 0;
    map->expected = sim_map_check(map, process);
    sim.filling = map->request.file && !map->page.shared;
    error = vm_map(sim_vm(), process->space, &map->request, &address);
    if (!sim_call_judge(error, map->expected, &need))
        return error;
    SIM_EXPECT(address == sim_page_address(map->range.first), "mmap at 0x%llx",
               (unsigned long long)address);
    sim_map_apply(map, process);
    return 0;
}

int sim_call_map(struct sim_process *process, const struct sim_step *step)
{
    struct sim_map map = {.expected = 0};
    int error = 0;

    if (sim_map_choose_segment(&map, step)) {
        sim_map_choose(&map, process, step);
        error = sim_map_run(&map, process);
    }
    if (map.opened)
        object_release(sim_vm(), map.opened);
    return error;
}
