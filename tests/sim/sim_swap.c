/* Swap on the simulated machine: see sim_swap.h. */
#include "sim_swap.h"

#include <errno.h>
#include <string.h>

#include "load.h"
#include "memory_values.h"
#include "samepage.h"
#include "sim_access.h"
#include "sim_call.h"
#include "sim_compare.h"
#include "sim_pager.h"
#include "sim_walk.h"
#include "tier.h"

#define SIM_SWAP_DISKS    2u
#define SIM_SWAP_MOST     64u /* pages of a disk */
#define SIM_SWAP_DELAY    12u
#define SIM_SWAP_PATIENCE 40u /* ticks without an end of a request, then the disk is reset */
#define SIM_SWAP_TURNS    2000u
#define SIM_SWAP_HEADER   1024u
#define SIM_SWAP_PERCENT  30u /* of memory, that the store may take */

/* What happened last to a page of a disk. */
struct sim_swap_page {
    bool written_badly;
    bool read_badly;
    bool struck; /* by a misplaced request, ever */
};

static struct {
    struct sim_disk *disk[SIM_SWAP_DISKS];
    uint32_t pages[SIM_SWAP_DISKS];
    uint32_t waited[SIM_SWAP_DISKS]; /* ticks since a request ended */
    struct sim_swap_page page[SIM_SWAP_DISKS][SIM_SWAP_MOST];
    uint64_t now; /* microseconds */
} swap;

/* ---- the core at work, outside messages ---- */

static void sim_swap_enter(void)
{
    if (!sim.compared)
        sim_compare_programs();
    sim.compared = false;
    sim_access_begin_call();
}

static bool sim_swap_do(bool (*step)(struct vm *vm))
{
    bool more;

    sim_swap_enter();
    more = step(sim_vm());
    sim_access_end_call();
    return more;
}

/* What is free above min while nobody waits for more holds no fault up: what is done after it is of the background,
 * unless the store of compressed pages grows meanwhile by what was free. */
static void sim_swap_turn(bool fault)
{
    struct vm *vm = sim_vm();
    const uint32_t *counts = vm->table.counts;
    struct reclaim before = vm->reclaim;
    bool direct = counts[PAGE_FREE] < before.min || vm->waits.counts[WAIT_MEMORY] > 0;
    uint32_t packed = counts[PAGE_PACKED];

    sim_swap_enter();
    vm_reclaim(vm, fault);
    sim_access_end_call();
    SIM_EXPECT(vm->reclaim.stalls <= before.stalls + (direct || counts[PAGE_PACKED] > packed),
               "a turn was direct, with %u frames free", counts[PAGE_FREE]);
    SIM_EXPECT(!direct || vm->reclaim.background.scanned == before.background.scanned,
               "a turn was not direct, with %u frames free", counts[PAGE_FREE]);
}

void sim_swap_reclaim(bool fault)
{
    uint32_t turns = 0;

    do {
        sim_swap_turn(fault);
        SIM_EXPECT(turns++ < SIM_SWAP_TURNS, "reclaim does not end");
    } while (sim_swap_do(load_step));
}

/* ---- disks ---- */

static bool sim_swap_submit(void *context, const struct vm_io *io)
{
    struct sim_disk_request request = {.op = io->write ? SIM_DISK_WRITE : SIM_DISK_READ,
                                       .first = io->first,
                                       .segments = io->count,
                                       .tag = io->tag};

    for (uint32_t i = 0; i < io->count; i++)
        request.frame[i] = sim_kernel_frame_of(context, io->page[i]);
    SIM_EXPECT(sim_disk_submit(swap.disk[io->device], &request), "a request that no disk takes");
    return true;
}

/* Notes what a request did to the pages of its disk (W1). */
static void sim_swap_note(uint32_t disk, const struct vm_io *io, const struct sim_disk_done *done)
{
    bool badly = done->fault != SIM_DISK_GOOD;

    for (uint32_t i = 0; i < io->count; i++) {
        struct sim_swap_page *page = &swap.page[disk][io->first + i];

        *(io->write ? &page->written_badly : &page->read_badly) = badly;
        if (io->write && done->place != io->first)
            swap.page[disk][done->place + i].struck = true;
    }
}

static void sim_swap_end_request(uint32_t disk, const struct sim_disk_done *done)
{
    struct paging_mishap mishap;
    struct vm_io one;

    sim_swap_enter();
    sim_swap_note(disk, paging_io(sim_vm(), (uint32_t)done->tag, &one), done);
    vm_io_done(sim_vm(), (uint32_t)done->tag, done->ok);
    while (paging_take_mishap(sim_vm(), &mishap))
        SIM_EXPECT(sim.config.disk_fails && mishap.kind != PAGING_BROKEN,
                   "a mishap of kind %u on good disks", mishap.kind);
    sim_access_end_call();
}

static void sim_swap_poll_disk(uint32_t disk, uint32_t ticks)
{
    struct sim_disk_done done;

    if (sim_disk_queued(swap.disk[disk]) == 0)
        swap.waited[disk] = 0;
    swap.waited[disk] += ticks;
    if (swap.waited[disk] > SIM_SWAP_PATIENCE)
        sim_disk_reset(swap.disk[disk]);
    while (sim_disk_next(swap.disk[disk], ticks, &done)) {
        swap.waited[disk] = 0;
        sim_swap_end_request(disk, &done);
    }
}

void sim_swap_poll(uint32_t ticks)
{
    for (uint32_t i = 0; i < SIM_SWAP_DISKS; i++)
        sim_swap_poll_disk(i, ticks);
}

void sim_swap_seed(uint64_t seed)
{
    for (uint32_t i = 0; i < SIM_SWAP_DISKS; i++)
        sim_disk_seed(swap.disk[i], seed + i + 1);
}

uint32_t sim_swap_pages(void)
{
    const struct paging *paging = &sim_vm()->paging;
    uint32_t pages = 0;

    for (uint32_t i = 0; i < PAGING_REQUESTS; i++)
        if (paging->request[i].state != PAGING_FREE)
            pages += paging->request[i].io.count - paging->request[i].at;
    return pages;
}

const char *sim_swap_check(void)
{
    const char *broken = NULL;

    for (uint32_t i = 0; i < SIM_SWAP_DISKS && !broken; i++)
        broken = swap.disk[i] ? sim_disk_check(swap.disk[i]) : NULL;
    return broken;
}

bool sim_swap_may_be_lost(const struct sim_process *process, uint32_t page)
{
    const struct sim_swap_page *on_disk;
    struct sim_shown shown;
    uint32_t slot;

    sim_walk_page(process, page, &shown);
    if (!sim.config.swap || !index_leaf_is_swap(shown.leaf))
        return false;
    slot = index_leaf_slot(shown.leaf);
    on_disk = &swap.page[sim_vm()->swap.area[SWAP_SLOT_AREA(slot)].device][SWAP_SLOT_PAGE(slot)];
    return on_disk->written_badly || on_disk->read_badly || on_disk->struck;
}

bool sim_swap_is_shared(const struct vm_mapping *mapping)
{
    uint32_t range = mapping->slot - SIM_SLOT_RAM;
    const struct page_table *table = &sim_vm()->table;

    if (mapping->slot == SIM_SLOT_ZERO)
        return sim.config.swap;
    return range < table->range_count &&
           table->pages[table->range[range].base + (uint32_t)mapping->page].state == PAGE_MERGED;
}

/* ---- areas ---- */

/* The area on a disk, or SWAP_AREAS. */
static uint32_t sim_swap_area_of(uint32_t disk)
{
    const struct swap_area *area = sim_vm()->swap.area;
    uint32_t number = 0;

    while (number < SWAP_AREAS &&
           (area[number].state == SWAP_UNUSED || area[number].device != disk))
        number++;
    return number;
}

static void sim_swap_on(uint32_t disk, int32_t priority)
{
    static _Alignas(8) uint8_t header[FL_PAGE_BYTES];
    const uint32_t words[] = {1, swap.pages[disk] - 1, 0};
    struct swap_device device = {
        .header = header, .pages = swap.pages[disk], .device = disk, .priority = priority};
    uint32_t free = sim_free_frames(), area;
    enum swap_error error;

    if (sim_swap_area_of(disk) < SWAP_AREAS)
        return;
    memcpy(header + SIM_SWAP_HEADER, words, sizeof words);
    memcpy(header + FL_PAGE_BYTES - 10, "SWAPSPACE2", 10);
    memset(swap.page[disk], 0, sizeof swap.page[disk]);
    error = vm_swap_on(sim_vm(), &device, &area);
    SIM_EXPECT(error == SWAP_OK || (error == SWAP_NO_MEMORY && free < 4), "swapon: %s",
               swap_error_name(error));
}

int sim_call_swap_off(struct sim_process *process, const struct sim_step *step)
{
    uint32_t area = sim_swap_area_of(step->to % SIM_SWAP_DISKS);
    int error = vm_swap_off_call(sim_vm(), process->space, area);

    switch (error) {
    case EINVAL:
        SIM_EXPECT(area == SWAP_AREAS, "swapoff does not know area %u", area);
        break;
    case EIO:
        SIM_EXPECT(sim.config.disk_fails, "swapoff: a good disk is not read");
        break;
    default:
        SIM_EXPECT(error == 0 || error == EBUSY || error == ENOMEM || error == EINPROGRESS,
                   "swapoff: error %d", error);
        break;
    }
    return error;
}

/* ---- steps ---- */

/* Some pages leave, whoever they are. */
static void sim_swap_press(const struct sim_step *step)
{
    struct reclaim *reclaim = &sim_vm()->reclaim;
    uint32_t target = reclaim->target;

    if (!reclaim_is_on(sim_vm()))
        return;
    if (step->argument & 1) /* all are old */
        for (uint32_t page = 0; page < sim_vm()->table.count; page++)
            sim_vm()->table.pages[page].given = 0;
    reclaim->target = UINT32_MAX;
    reclaim->resting = 0;
    for (uint32_t i = step->to % 8u; i > 0 && sim_swap_do(vm_reclaim_step); i--)
        continue;
    reclaim->target = target;
}

static void sim_swap_set_tier(uint32_t percent)
{
    int error = tier_set(sim_vm(), percent);

    SIM_EXPECT(error == 0 || error == ENOMEM, "the store's setting: error %d", error);
}

static void sim_swap_set(const struct sim_step *step)
{
    struct vm *vm = sim_vm();

    switch (step->argument % 6u) {
    case 0:
        sim_swap_set_tier(step->to % 3u ? step->to % (TIER_MOST + 1) : 0);
        break;
    case 1:
        (void)samepage_set(vm, step->to % 4u ? SAMEPAGE_ON
                                             : (enum samepage_mode)(step->byte % SAMEPAGE_MODES));
        break;
    case 2:
        SIM_EXPECT(victims_set_policy(
                       vm, replace_name((enum replace_policy)(step->to % REPLACE_POLICIES))),
                   "no such policy");
        break;
    case 3:
        load_set(vm, step->to % 4u > 0);
        break;
    case 4:
        vm->paging.torture = step->to % 2u;
        break;
    default:
        window_set_length(vm, step->to % 4u ? WINDOW_DEFAULT : 0);
        break;
    }
}

static bool sim_swap_window(struct vm *vm)
{
    return window_due(vm) <= swap.now && window_step(vm, swap.now);
}

/* Windows end.  Every program has used all that it has and more, as far as they know. */
static void sim_swap_pass(const struct sim_step *step)
{
    bool idle = sim.queued == 0;

    for (uint32_t i = 0; i < SIM_PROCESSES && step->argument % 2u; i++)
        if (sim.model.process[i].space)
            sim.model.process[i].space->set.needed = sim_vm()->table.count;
    swap.now += (1 + step->to % 4u) * WINDOW_DEFAULT / 2;
    while (sim_swap_do(sim_swap_window))
        continue;
    for (uint32_t i = 0; i < SIM_THREADS; i++)
        idle = idle && sim.thread[i].state != SIM_RUNS;
    if (idle && sim_swap_pages() == 0)
        load_note_idle(sim_vm());
}

static void sim_swap_merge(const struct sim_step *step)
{
    samepage_wake(sim_vm());
    for (uint32_t i = step->to % 40u; i > 0 && sim_swap_do(samepage_step); i--)
        continue;
    for (uint32_t i = step->byte % 100u; i > 0 && samepage_is_on(sim_vm()); i--) {
        sim_swap_enter();
        samepage_note_call(sim_vm());
        sim_access_end_call();
    }
}

void sim_swap_step(const struct sim_step *step)
{
    sim_swap_enter();
    sim_access_end_call();
    if (step->kind == SIM_STEP_press)
        sim_swap_press(step);
    else if (step->kind == SIM_STEP_swapon)
        sim_swap_on(step->to % SIM_SWAP_DISKS, step->argument % 2u);
    else if (step->kind == SIM_STEP_setting)
        sim_swap_set(step);
    else if (step->kind == SIM_STEP_window)
        sim_swap_pass(step);
    else
        sim_swap_merge(step);
    sim_pager_attend();
}

/* ---- start and end ---- */

static void sim_swap_make_disk(uint32_t number, uint32_t pages)
{
    /* of 1024: error, short, torn, lost, corrupt, misplaced, silent */
    static const uint32_t chance[SIM_DISK_FAULTS] = {0, 30, 30, 10, 10, 10, 10, 10};
    struct sim_disk_config config = {.frames = sim_machine_frames(),
                                     .pages = pages,
                                     .delay = SIM_SWAP_DELAY,
                                     .reorders = number == 0};

    if (sim.config.disk_fails)
        memcpy(config.chance, chance, sizeof config.chance);
    swap.disk[number] = sim_disk_create(&config);
    swap.pages[number] = pages;
    swap.waited[number] = 0;
}

void sim_swap_begin(void)
{
    sim_vm()->port.submit = sim_swap_submit;
    swap.now = 1;
    sim_swap_make_disk(0, SIM_SWAP_MOST);
    sim_swap_make_disk(1, SIM_SWAP_MOST / 4);
    if (sim.config.in_place)
        sim_swap_set_tier(SIM_SWAP_PERCENT);
    if (!sim.config.in_place || !sim.config.strict)
        sim_swap_on(0, 0);
    SIM_EXPECT(samepage_set(sim_vm(), SAMEPAGE_ON), "no memory to merge pages");
    load_set(sim_vm(), true);
}

static void sim_swap_count(void)
{
    const struct vm *vm = sim_vm();
    const struct paging_counts *paging = &vm->paging.counts;

    sim.counts.left += paging->swapped_out + paging->put_out_clean + paging->put_out_zero +
                       paging->dropped + vm->tier.counts.put;
    sim.counts.came += paging->swapped_in + vm->tier.counts.got;
    sim.counts.merged += vm->samepage.counts.merged + vm->samepage.counts.zero;
    sim.counts.lost += paging->read_errors;
    sim.counts.suspended += vm->load.suspensions;
}

void sim_swap_end(void)
{
    struct vm *vm = sim_vm();

    for (uint32_t turn = 0; sim_swap_pages() > 0; turn++) {
        SIM_EXPECT(turn < SIM_SWAP_TURNS, "a request does not end");
        sim_swap_poll(SIM_SWAP_DELAY);
    }
    sim_swap_count();
    for (uint32_t area = 0; area < SWAP_AREAS; area++)
        if (vm->swap.area[area].state != SWAP_UNUSED)
            SIM_EXPECT(vm_swap_off(vm, area) == 0 && vm_swap_off_step(vm) == 0,
                       "area %u is in use, and nobody lives", area);
    SIM_EXPECT(tier_set(vm, 0) == 0 && samepage_set(vm, SAMEPAGE_OFF), "a setting that stays");
    SIM_EXPECT(vm->swap.used == 0 && vm->tier.store.pages == 0 &&
                   vm->table.counts[PAGE_PACKED] == 0 && vm->table.counts[PAGE_MERGED] == 0,
               "%u slots and %u compressed pages are left", vm->swap.used,
               (unsigned)vm->tier.store.pages);
    for (uint32_t i = 0; i < SIM_SWAP_DISKS; i++) {
        sim_disk_destroy(swap.disk[i]);
        swap.disk[i] = NULL;
    }
    SIM_EXPECT(sim_machine_frames()->pins == 0, "pins are left");
}
