/* Reclaim: see reclaim.h. */
#include "reclaim.h"

#include "protocol.h"
#include "vm.h"

enum { RECLAIM_SIGKILL = 9 }; /* as Linux numbers it */

/* ---- levels ---- */

/* Frames that are free, kept for who waits, or sure to come back. */
static uint32_t reclaim_in_sight(const struct vm *vm)
{
    const uint32_t *counts = vm->table.counts;

    return counts[PAGE_FREE] + counts[PAGE_HELD] + counts[PAGE_WRITING] + counts[PAGE_STRAY];
}

bool reclaim_has_hope(const struct vm *vm)
{
    const uint32_t *counts = vm->table.counts;

    return reclaim_is_on(vm) && !vm->reclaim.hopeless &&
           counts[PAGE_FREE] + counts[PAGE_HELD] < vm->reclaim.target;
}

bool reclaim_spares_frame(const struct vm *vm)
{
    return reclaim_is_on(vm) ? reclaim_has_frame(vm)
                             : vm->table.counts[PAGE_FREE] > VM_POPULATE_RESERVE;
}

/* ---- who leaves ---- */

void reclaim_note_given(struct vm *vm, uint32_t slot, uint64_t page)
{
    for (uint32_t range = 0; range < vm->table.range_count; range++)
        if (vm->table.range[range].slot == slot)
            victims_give(vm, page_number(&vm->table, range, page));
}

/* True if what is advised out may leave now: else it would be taken out of the tables in vain. */
static bool reclaim_may_put_out(const struct vm *vm, const struct reclaim_advice *advice)
{
    if (vm->paging.writes == PAGING_WRITES || !paging_has_place(vm))
        return false;
    return advice->left < TIER_ADVISED || !tier_takes(&vm->tier);
}

/* Windows of one program's memory that a look at one of an object costs as much as. */
static uint32_t reclaim_cost(const struct object *object)
{
    uint32_t areas = 0;

    if (object->widespread || object->shifted)
        for (const struct entry *entry = object->entries; entry; entry = entry->object_next)
            areas++;
    return 1 + areas / RECLAIM_AREAS;
}

void reclaim_advise(struct vm *vm, struct object *object, uint64_t first, uint64_t count,
                    struct reclaim_advice *advice)
{
    uint64_t end = first + count, at = index_next(&object->index, first, end);

    for (uint64_t next; vm->victims.on && at < end && advice->windows > 0;
         at = index_next(&object->index, next, end)) {
        uint32_t cost = reclaim_cost(object);

        next = (at | (SWAP_CLUSTER - 1)) + 1;
        next = next < end ? next : end;
        advice->windows -= cost < advice->windows ? cost : advice->windows;
        advice->left += victims_advise(vm, object, at, (uint32_t)(next - at),
                                       advice->out && reclaim_may_put_out(vm, advice));
    }
}

/* ---- out of memory ---- */

bool reclaim_is_moving(const struct vm *vm)
{
    const uint32_t *counts = vm->table.counts;

    if (vm->swap.discard.count > 0)
        return true;
    return counts[PAGE_WRITING] + counts[PAGE_STRAY] + counts[PAGE_BUSY] > 0;
}

/* Counts pages that left.  True: it was no use to who waits first. */
static bool reclaim_is_futile(struct vm *vm, uint32_t pages)
{
    struct reclaim *reclaim = &vm->reclaim;
    uint64_t first = wait_first_for_memory(vm);

    if (first != reclaim->first)
        reclaim->spent = 0;
    reclaim->first = first;
    reclaim->spent += pages;
    return first != 0 && reclaim->spent > 2 * vm->table.count;
}

bool reclaim_is_promised(const struct vm *vm)
{
    if (vm->table.counts[PAGE_STRAY] > 0)
        return true;
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (vm->spaces[id] && vm->spaces[id]->stopped)
            return true;
    return false;
}

static struct space *reclaim_find_largest(const struct vm *vm)
{
    struct space *largest = NULL;
    uint64_t charge = 0;

    for (uint32_t id = 0; id < VM_SPACES_MAX; id++) {
        struct space *space = vm->spaces[id];
        uint64_t own = space ? space->resident - space->merged + space->swapped : 0;

        if (own <= charge)
            continue;
        charge = own;
        largest = space;
    }
    return largest;
}

static void reclaim_end(struct vm *vm, struct space *space)
{
    struct space_event event = {.address = space->resident + space->swapped,
                                .kind = PAGER_EVENT_NO_MEMORY,
                                .signal = RECLAIM_SIGKILL};

    vm->reclaim.ended++;
    vm_stop_space(vm, space, &event);
}

bool reclaim_helps_fault(struct vm *vm, const struct space *space)
{
    struct space *largest;

    if (wait_for_memory(vm))
        return true;
    largest = reclaim_find_largest(vm);
    if (!largest || largest == space)
        return false;
    reclaim_end(vm, largest);
    return true;
}

/* Nothing helps who waits. */
static bool reclaim_give_up(struct vm *vm)
{
    struct reclaim *reclaim = &vm->reclaim;

    reclaim->spent = 0;
    if (!reclaim->empties || vm->swap.area[reclaim->emptied].state == SWAP_ACTIVE) {
        struct space *largest = reclaim_find_largest(vm);

        vm->reclaim.hopeless = !largest;
        if (largest)
            reclaim_end(vm, largest);
        return false;
    }
    vm->swap.area[reclaim->emptied].state = SWAP_ACTIVE;
    return true;
}

/* True if nothing could leave, and since then little was taken and nobody needs more. */
static bool reclaim_rests(const struct vm *vm)
{
    return vm->reclaim.resting > 0 && reclaim_in_sight(vm) + RECLAIM_REST > vm->reclaim.resting &&
           reclaim_has_frame(vm) && wait_first_for_memory(vm) == 0;
}

/* True if what a step finds is wanted at once: memory is short, or somebody waits. */
static bool reclaim_is_direct(const struct vm *vm)
{
    return vm->table.counts[PAGE_FREE] < vm->reclaim.min || wait_first_for_memory(vm) != 0;
}

static uint32_t reclaim_step_counted(struct vm *vm, bool direct, bool *last)
{
    struct reclaim *reclaim = &vm->reclaim;
    struct reclaim_work *work = direct ? &reclaim->direct : &reclaim->background;
    uint64_t before = reclaim->scanned;
    uint32_t done = victims_step(vm, last);

    work->scanned += reclaim->scanned - before;
    work->stolen += done;
    return done;
}

/* True if all places for pages are full, and nobody waits: looking for pages would only take them out of the
 * tables. */
static bool reclaim_is_stuck(const struct vm *vm)
{
    return !paging_has_place(vm) && wait_first_for_memory(vm) == 0;
}

/* True if all of memory left twice in vain for who waits first, and frames are promised: what is needed comes from
 * there.  More pages would leave and come back for ever, and nobody would hear that a program is to go, or that a
 * request has ended. */
static bool reclaim_waits_for_promised(const struct vm *vm)
{
    return vm->reclaim.first != 0 && vm->reclaim.spent > 2 * vm->table.count &&
           vm->reclaim.first == wait_first_for_memory(vm) && reclaim_is_promised(vm);
}

/* Frames are wanted, and requests are to be had.  Apart: mostly none are, and what is inlined costs each call of
 * vm_reclaim registers. */
static __attribute__((noinline)) bool reclaim_go_on(struct vm *vm, bool *direct)
{
    struct reclaim *reclaim = &vm->reclaim;
    uint32_t done;
    bool last;

    if (reclaim_rests(vm) || reclaim_is_stuck(vm) || reclaim_waits_for_promised(vm))
        return false;
    *direct = *direct || reclaim_is_direct(vm);
    done = reclaim_step_counted(vm, *direct, &last);
    if (done > 0) {
        reclaim->resting = 0;
        reclaim->hopeless = false;
        return !reclaim_is_futile(vm, done) || reclaim_is_promised(vm) || reclaim_give_up(vm);
    }
    if (!last)
        return true;
    reclaim->resting = reclaim_in_sight(vm);
    if (reclaim_is_moving(vm) || reclaim_is_promised(vm) || wait_first_for_memory(vm) == 0)
        return false;
    return reclaim_give_up(vm);
}

/* *direct: an earlier step of the turn was, or this one is. */
static inline bool reclaim_step(struct vm *vm, bool *direct)
{
    return reclaim_is_on(vm) && reclaim_in_sight(vm) < vm->reclaim.target &&
           vm->paging.writes <= PAGING_WRITES - RECLAIM_WRITES &&
           vm->paging.taken <= PAGING_REQUESTS - RECLAIM_WRITES && reclaim_go_on(vm, direct);
}

bool vm_reclaim_step(struct vm *vm)
{
    bool direct = false;

    return reclaim_step(vm, &direct);
}

void vm_reclaim(struct vm *vm, bool fault)
{
    bool direct = false;

    while (reclaim_step(vm, &direct) && (direct || !fault))
        continue;
    vm->reclaim.stalls += direct;
}
