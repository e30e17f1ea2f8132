/* Load control: see load.h. */
#include "load.h"

#include <string.h>

#include "vm.h"

#define LOAD_LOOKS 64u /* entries, or pages of one, that a part of a step passes over, at most */

const char *load_reason_name(enum load_reason reason)
{
    static const char *const names[LOAD_REASONS] = {[LOAD_OVERLOAD] = "the working sets do not fit",
                                                    [LOAD_EXCHANGE] = "it is another's turn",
                                                    [LOAD_ROOM] = "the working sets fit",
                                                    [LOAD_TURN] = "it is its turn",
                                                    [LOAD_IDLE] = "nobody else runs",
                                                    [LOAD_OFF] = "load control is off"};

    return names[reason];
}

/* ---- what is needed, and what there is ---- */

uint64_t load_frames(const struct vm *vm)
{
    const uint32_t *counts = vm->table.counts;
    uint64_t frames = (uint64_t)counts[PAGE_FREE] + counts[PAGE_HELD] + counts[PAGE_STRAY] +
                      counts[PAGE_OBJECT] + counts[PAGE_BUSY] + counts[PAGE_WRITING] -
                      vm->file_pages;

    return frames > vm->reclaim.target ? frames - vm->reclaim.target : 0;
}

static bool load_is_active(const struct space *space)
{
    return space && !space->stopped && !space->load.suspended;
}

/* The sets of active programs, and what of the others' stays in memory. */
static uint64_t load_needed(const struct vm *vm)
{
    uint64_t pages = 0;

    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (load_is_active(vm->spaces[id]))
            pages += vm->spaces[id]->set.pages;
        else if (vm->spaces[id] && vm->spaces[id]->load.suspended)
            pages += vm->spaces[id]->load.stays;
    return pages;
}

/* Pages of the set that leave when the program is suspended: at least so many, since of locked memory all
 * counts, used or not. */
static uint32_t load_leaving(const struct space *space)
{
    uint64_t locked = limit_use(space, LIMIT_MEMLOCK, 0, 0) / FL_PAGE_BYTES;

    return locked < space->set.pages ? space->set.pages - (uint32_t)locked : 0;
}

static bool load_is_governed(const struct vm *vm)
{
    return vm->load.on && reclaim_is_on(vm);
}

/* Pages that came back, from disks and from the store of compressed ones. */
static uint64_t load_count_back(const struct vm *vm)
{
    return vm->paging.counts.swapped_in + vm->tier.counts.got;
}

bool load_wants_windows(const struct vm *vm)
{
    return load_is_governed(vm) && (vm->load.suspended > 0 || vm->load.overloaded > 0 ||
                                    load_count_back(vm) != vm->load.seen);
}

bool load_has_rivals(const struct vm *vm)
{
    uint64_t large = load_frames(vm) / LOAD_LARGE;
    uint32_t rivals = 0;

    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        rivals += vm->spaces[id] && vm->spaces[id]->resident + vm->spaces[id]->swapped >= large;
    return rivals > 1 || vm->load.suspended > 0;
}

/* ---- suspending and resuming ---- */

static void load_tell(struct vm *vm, const struct space *space, enum load_reason reason)
{
    struct load *load = &vm->load;

    if (load->events == LOAD_EVENTS)
        memmove(load->event, load->event + 1, --load->events * sizeof *load->event);
    load->event[load->events++] = (struct load_event){.pid = space->pid,
                                                      .set = space->load.set,
                                                      .needed = (uint32_t)load_needed(vm),
                                                      .frames = (uint32_t)load_frames(vm),
                                                      .reason = reason};
}

bool load_take_event(struct vm *vm, struct load_event *event)
{
    struct load *load = &vm->load;

    if (load->events == 0)
        return false;
    *event = load->event[0];
    memmove(load->event, load->event + 1, --load->events * sizeof *load->event);
    return true;
}

static void load_suspend(struct vm *vm, struct space *space, enum load_reason reason)
{
    space->load.set = load_leaving(space);
    space->load.stays = space->set.pages - space->load.set;
    load_tell(vm, space, reason);
    space->load.suspended = true;
    space->load.reason = reason;
    space->load.since = vm->windows.ended;
    space->load.next = 0;
    vm->load.suspended++;
    vm->load.suspensions++;
    vm->load.overloaded = 0;
    vm->load.settled = 0;
}

static void load_resume(struct vm *vm, struct space *space, enum load_reason reason)
{
    load_tell(vm, space, reason);
    space->load.suspended = false;
    space->load.reason = reason;
    space->load.since = vm->windows.ended;
    vm->load.suspended--;
    vm->load.resumptions++;
    vm->load.overloaded = 0;
    vm->load.settled = 0;
    wait_wake_space(vm, space);
}

void load_begin(struct vm *vm, struct space *space)
{
    space->load.since = vm->windows.ended;
}

void load_forget(struct vm *vm, struct space *space)
{
    if (!space->load.suspended)
        return;
    vm->load.suspended--;
    space->load.suspended = false;
    wait_wake_space(vm, space);
}

/* ---- who ---- */

static uint32_t load_largest_set(const struct vm *vm)
{
    uint32_t largest = 0;

    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (load_is_active(vm->spaces[id]) && vm->spaces[id]->set.pages > largest)
            largest = vm->spaces[id]->set.pages;
    return largest;
}

/* The one that has run longest of those whose set is worth it; NULL: these, with those whose set is locked, are
 * fewer than `least`. */
static struct space *load_find_victim(const struct vm *vm, uint32_t least)
{
    uint32_t largest = load_largest_set(vm), count = 0;
    struct space *victim = NULL;

    for (uint32_t id = 0; id < VM_SPACES_MAX; id++) {
        struct space *space = vm->spaces[id];

        if (!load_is_active(space) || space->set.pages == 0 ||
            space->set.pages < largest / LOAD_WORTH)
            continue;
        count++;
        if ((!victim || space->load.since < victim->load.since) && load_leaving(space) > 0 &&
            load_leaving(space) >= largest / LOAD_WORTH)
            victim = space;
    }
    return count >= least ? victim : NULL;
}

/* The one that waits longest; NULL: nobody does. */
static struct space *load_find_suspended(const struct vm *vm)
{
    struct space *first = NULL;

    for (uint32_t id = 0; id < VM_SPACES_MAX; id++) {
        struct space *space = vm->spaces[id];

        if (space && space->load.suspended && (!first || space->load.since < first->load.since))
            first = space;
    }
    return first;
}

/* ---- decisions ---- */

/* Somebody has waited long enough: one that has run longest waits in its place, if it must. */
static void load_exchange(struct vm *vm, struct space *space)
{
    bool fits = load_needed(vm) + space->load.set <= load_frames(vm);
    struct space *victim = fits ? NULL : load_find_victim(vm, 1);

    if (victim)
        load_suspend(vm, victim, LOAD_EXCHANGE);
    load_resume(vm, space, LOAD_TURN);
}

/* Who comes next has waited long enough, and the last one whose turn it was has run so long, unless that
 * goes on and on. */
static bool load_is_turn(const struct vm *vm, const struct space *space)
{
    uint64_t waited = vm->windows.ended - space->load.since;

    return waited >= LOAD_PATIENCE &&
           (vm->load.settled >= LOAD_PATIENCE ||
            waited >= LOAD_PATIENCE * (uint64_t)(vm->load.suspended + 1));
}

static void load_judge_suspended(struct vm *vm)
{
    struct space *space = load_find_suspended(vm);
    uint64_t frames = load_frames(vm);

    if (!space)
        return;
    if (vm->load.settled >= LOAD_SETTLE &&
        load_needed(vm) + space->load.set <= frames - frames / LOAD_SPARE)
        load_resume(vm, space, LOAD_ROOM);
    else if (load_is_turn(vm, space))
        load_exchange(vm, space);
}

static bool load_is_overloaded(const struct vm *vm, uint64_t read)
{
    return load_needed(vm) > load_frames(vm) && read > 0 && read >= vm->windows.used / LOAD_PAGING;
}

/* What came into memory since, for calls, goes out again. */
static void load_look_again(struct vm *vm)
{
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (vm->spaces[id])
            vm->spaces[id]->load.next = 0;
}

void load_judge(struct vm *vm)
{
    struct load *load = &vm->load;
    uint64_t back = load_count_back(vm), read = back - load->seen;
    struct space *victim;

    load->seen = back;
    if (!load_is_governed(vm))
        return;
    load_look_again(vm);
    load->settled++;
    load->overloaded = load_is_overloaded(vm, read) ? load->overloaded + 1 : 0;
    if (load->overloaded < LOAD_PROOF || load->settled <= LOAD_SETTLE) {
        load_judge_suspended(vm);
        return;
    }
    victim = load_find_victim(vm, 2);
    if (victim)
        load_suspend(vm, victim, LOAD_OVERLOAD);
    else
        load_judge_suspended(vm);
}

void load_note_idle(struct vm *vm)
{
    struct space *space = load_find_suspended(vm);

    if (space)
        load_resume(vm, space, LOAD_IDLE);
}

void load_set(struct vm *vm, bool on)
{
    vm->load.on = on;
    vm->load.seen = load_count_back(vm);
    vm->load.overloaded = 0;
    vm->load.settled = LOAD_SETTLE;
}

/* ---- putting out ---- */

static bool load_is_shown_outside(void *context, const struct entry *entry, uint64_t address)
{
    (void)context;
    (void)address;
    return entry->space->load.suspended && !entry->wired;
}

/* The page of an object, if it is in memory and nobody who is active sees it; or PAGE_NONE. */
static uint32_t load_find_page(const struct vm *vm, const struct object *object, uint64_t index)
{
    uint64_t leaf = index_lookup(&object->index, index);
    uint32_t page = leaf && index_leaf_is_frame(leaf) ? index_leaf_page(leaf) : PAGE_NONE;

    if (page == PAGE_NONE || vm->table.pages[page].state != PAGE_OBJECT ||
        !shadow_visit_entries(object, index, load_is_shown_outside, NULL))
        return PAGE_NONE;
    return page;
}

/* Puts out pages of an entry from `address` on, at most a cluster, or few if they are to be compressed.  Returns
 * where the next ones are. */
static uint64_t load_put_out_from(struct vm *vm, const struct entry *entry, uint64_t address)
{
    const struct object *object = entry->object;
    uint64_t end = entry_index(entry, entry->end);
    uint64_t first = index_next(&object->index, entry_index(entry, address), end), index = first;
    uint32_t victims[SWAP_CLUSTER], count = 0;
    uint32_t most = tier_takes(&vm->tier) ? TIER_STEP : SWAP_CLUSTER;

    for (; index < end && index < first + LOAD_LOOKS && count < most; index++) {
        uint32_t page = load_find_page(vm, object, index);

        if (page != PAGE_NONE)
            victims[count++] = page;
    }
    if (count > 0 && victims_put_out(vm, victims, count) < count &&
        vm->paging.writes == PAGING_WRITES)
        index = first; /* the others later */
    return entry->end - (end - index) * FL_PAGE_BYTES;
}

/* Puts out the next pages of a space.  False: all were looked at. */
static bool load_put_out(struct vm *vm, struct space *space)
{
    const struct entry *entry = entry_find_from(&space->map, space->load.next);
    uint64_t address;

    for (uint32_t looked = 0; entry && looked < LOAD_LOOKS; looked++, entry = entry->next) {
        address = entry->start > space->load.next ? entry->start : space->load.next;
        space->load.next = entry->end;
        if (!entry->object || !entry->object->owner || entry->wired)
            continue;
        space->load.next = load_put_out_from(vm, entry, address);
        return true;
    }
    if (!entry)
        space->load.next = UINT64_MAX;
    return entry;
}

static void load_resume_all(struct vm *vm)
{
    struct space *space;

    while ((space = load_find_suspended(vm)) != NULL)
        load_resume(vm, space, LOAD_OFF);
}

static bool load_step_part(struct vm *vm)
{
    if (!load_is_governed(vm)) {
        load_resume_all(vm);
        return false;
    }
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++) {
        struct space *space = vm->spaces[id];

        if (vm->paging.writes == PAGING_WRITES || !paging_has_place(vm))
            return false;
        if (space && space->load.suspended && space->load.next != UINT64_MAX &&
            load_put_out(vm, space))
            return true;
    }
    return false;
}

bool load_step(struct vm *vm)
{
    uint32_t parts;
    bool more = true;

    if (vm->load.suspended == 0)
        return false;
    /* Packing takes long; what is written, or leaves as it is, comes in as many clusters as may be on their way. */
    parts = tier_takes(&vm->tier) ? 1 : PAGING_WRITES;
    while (more && parts-- > 0)
        more = load_step_part(vm);
    return more;
}

/* ---- the checker ---- */

const char *load_check(const struct vm *vm)
{
    uint32_t suspended = 0;

    for (uint32_t id = 0; id < VM_SPACES_MAX; id++) {
        const struct space *space = vm->spaces[id];

        suspended += space && space->load.suspended;
        if (space && space->load.suspended && space->stopped)
            return "L1";
    }
    if (suspended != vm->load.suspended)
        return "L1";
    for (uint32_t i = 0; i < WAIT_RECORDS; i++) {
        const struct wait *wait = &vm->waits.record[i];

        if (wait->state == WAIT_RESUME && !wait->space->load.suspended)
            return "L2";
    }
    return NULL;
}
