/* swapon and swapoff: see reclaim.h. */
#include <errno.h>

#include "vm.h"

/* ---- swapon ---- */

static uint32_t swapping_clamp(uint32_t value, uint32_t low, uint32_t high)
{
    if (value < low)
        return low;
    return value < high ? value : high;
}

void reclaim_set_levels(struct vm *vm)
{
    uint32_t frames = vm->table.count - vm->table.counts[PAGE_OUTSIDE];
    bool on = reclaim_is_on(vm);

    vm->table.reserved = on ? swapping_clamp(frames / 128, RECLAIM_START_FRAMES, 64) : 0;
    vm->reclaim.target = on ? vm->table.reserved + swapping_clamp(frames / 32, 16, 512) : 0;
    vm->reclaim.min = vm->table.reserved + (vm->reclaim.target - vm->table.reserved) / 4;
    vm->reclaim.hopeless = false;
    vm->reclaim.resting = 0;
    if (on && !vm->victims.on)
        victims_start(vm);
    if (!on && vm->victims.on)
        victims_stop(vm);
}

/* There may be slots to discard. */
static void swapping_call_discards(struct vm *vm)
{
    if (swap_discard_call(&vm->swap))
        vm->port.stock_is_low(vm->port.context);
}

enum swap_error vm_swap_on(struct vm *vm, const struct swap_device *device, uint32_t *area)
{
    enum swap_error error = swap_add(&vm->swap, device, area);

    reclaim_set_levels(vm);
    swapping_call_discards(vm);
    return error;
}

/* ---- discards ---- */

bool vm_discard_step(struct vm *vm)
{
    const struct swap_discard *discard = &vm->swap.discard;
    const struct vm_port *port = &vm->port;

    if (!swap_discard_begin(&vm->swap))
        return false;
    if (discard->count > 0 &&
        (!port->discard || !port->discard(port->context, vm->swap.area[discard->area].device,
                                          discard->first, discard->count)))
        vm_discard_done(vm, false);
    return true;
}

void vm_discard_done(struct vm *vm, bool ok)
{
    if (vm->swap.discard.count == 0)
        return;
    if (swap_discard_end(&vm->swap, ok))
        vm->port.stock_is_low(vm->port.context);
    wait_wake_disk(vm);
}

/* ---- swapoff ---- */

/* The copies of pages in memory that lie in the area are not needed. */
static void swapping_drop_copies(struct vm *vm, uint32_t area)
{
    for (uint32_t page = 0; page < vm->table.count; page++) {
        const struct page *record = &vm->table.pages[page];

        if (record->state == PAGE_OBJECT && record->slot != SWAP_NONE &&
            SWAP_SLOT_AREA(record->slot) == area)
            vm_forget_copy(vm, page);
    }
}

bool reclaim_fits(const struct vm *vm)
{
    uint32_t frames = vm->table.counts[PAGE_FREE], reserved = vm->table.reserved;
    uint64_t room = (uint64_t)swap_room(&vm->swap) + tier_gain(&vm->tier) +
                    (frames > reserved ? frames - reserved : 0);
    uint64_t pages = tier_excess(&vm->tier);

    for (uint32_t i = 0; i < SWAP_AREAS; i++)
        if (vm->swap.area[i].state == SWAP_LEAVING)
            pages += vm->swap.area[i].used;
    return pages <= room;
}

int vm_swap_off(struct vm *vm, uint32_t number)
{
    struct swap_area *area;

    if (number >= SWAP_AREAS || vm->swap.area[number].state == SWAP_UNUSED)
        return EINVAL;
    if (vm->reclaim.empties)
        return EBUSY;
    area = &vm->swap.area[number];
    swapping_drop_copies(vm, number);
    area->state = SWAP_LEAVING;
    if (!reclaim_fits(vm) || (vm->commit.strict && vm->commit.pages > commit_limit(vm))) {
        area->state = SWAP_ACTIVE;
        return ENOMEM;
    }
    vm->reclaim.empties = true;
    vm->reclaim.empties_for = NULL;
    vm->reclaim.emptied_at = (struct reclaim_cursor){0};
    vm->reclaim.emptied = number;
    vm->reclaim.errors = area->read_errors;
    return 0;
}

/* A page that is out in the area. */
struct swapping_page {
    struct object *object;
    uint64_t index;
};

/* Goes on in an object. */
static bool swapping_find_in_object(struct vm *vm, struct object *object, uint32_t area,
                                    struct swapping_page *found)
{
    struct reclaim *reclaim = &vm->reclaim;
    uint64_t *index = &reclaim->emptied_at.index;

    if (object->swapped == 0)
        return false;
    for (; (*index = index_next(&object->index, *index, INDEX_LIMIT)) < INDEX_LIMIT; ++*index) {
        uint64_t leaf = index_lookup(&object->index, *index);

        reclaim->sought++;
        if (index_leaf_is_swap(leaf) && SWAP_SLOT_AREA(index_leaf_slot(leaf)) == area) {
            *found = (struct swapping_page){object, *index};
            return true;
        }
    }
    return false;
}

/* The object so deep below an entry, or NULL.  Each one is found from the first of its entries, and what is
 * below others with the first above it. */
static struct object *swapping_object(const struct entry *entry, uint32_t depth)
{
    struct object *object = entry->object;

    if (!object || object->entries != entry)
        return NULL;
    for (; depth > 0; depth--) {
        if (!object->below || object->below->above != object)
            return NULL;
        object = object->below;
    }
    return object;
}

/* Goes on in what an entry shows. */
static bool swapping_find_in_entry(struct vm *vm, const struct entry *entry, uint32_t area,
                                   struct swapping_page *found)
{
    struct reclaim_cursor *at = &vm->reclaim.emptied_at;
    struct object *object;

    if (at->address < entry->start)
        *at = (struct reclaim_cursor){.space = at->space, .address = entry->start};
    for (; (object = swapping_object(entry, at->depth)) != NULL; at->depth++, at->index = 0)
        if (swapping_find_in_object(vm, object, area, found))
            return true;
    *at = (struct reclaim_cursor){.space = at->space, .address = entry->end};
    return false;
}

static bool swapping_search(struct vm *vm, uint32_t area, struct swapping_page *found)
{
    struct reclaim_cursor *at = &vm->reclaim.emptied_at;

    for (; at->space < VM_SPACES_MAX; *at = (struct reclaim_cursor){.space = at->space + 1}) {
        const struct space *space = vm->spaces[at->space];
        const struct entry *entry = space ? entry_find_from(&space->map, at->address) : NULL;

        for (; entry; entry = entry->next)
            if (swapping_find_in_entry(vm, entry, area, found))
                return true;
    }
    return false;
}

/* Pages on their way from an area, or to it, and the requests that read them. */
struct swapping_moves {
    uint32_t pages;
    uint32_t reads;
};

static struct swapping_moves swapping_count_moves(const struct vm *vm, uint32_t area)
{
    struct swapping_moves moves = {0, 0};

    for (uint32_t i = 0; i < PAGING_REQUESTS; i++) {
        const struct paging_request *request = &vm->paging.request[i];
        const uint32_t *page = &request->io.page[request->at];

        if (request->state == PAGING_FREE || SWAP_SLOT_AREA(vm->table.pages[*page].slot) != area)
            continue;
        moves.pages += request->io.count - request->at;
        moves.reads += request->state == PAGING_READ;
    }
    return moves;
}

/* A page that is out in the area. */
static bool swapping_find(struct vm *vm, uint32_t area, struct swapping_page *found)
{
    if (vm->swap.area[area].used == swapping_count_moves(vm, area).pages)
        return false;
    if (swapping_search(vm, area, found))
        return true;
    vm->reclaim.emptied_at = (struct reclaim_cursor){0};
    return swapping_search(vm, area, found);
}

static int swapping_give_up(struct vm *vm, int error)
{
    vm->swap.area[vm->reclaim.emptied].state = SWAP_ACTIVE;
    vm->reclaim.empties = false;
    swapping_call_discards(vm);
    return error;
}

/* Reads in one page and its neighbours. */
static int swapping_bring_in(struct vm *vm, const struct swapping_page *found)
{
    switch (paging_bring_in(vm, found->object, found->index)) {
    case OBJECT_SUPPLIED:
    case OBJECT_FETCHING:
        return EINPROGRESS;
    case OBJECT_UNREADABLE:
        return swapping_give_up(vm, EIO);
    case OBJECT_NO_FRAME:
    case OBJECT_NO_SPACE:
    case OBJECT_BEYOND_END:
        break;
    }
    if (reclaim_is_moving(vm) || vm_reclaim_step(vm))
        return EINPROGRESS;
    return swapping_give_up(vm, ENOMEM);
}

int vm_swap_off_step(struct vm *vm)
{
    uint32_t number = vm->reclaim.emptied;
    const struct swap_area *area = &vm->swap.area[number];
    struct swapping_page found;

    if (!vm->reclaim.empties)
        return EINVAL;
    if (area->state == SWAP_ACTIVE)
        return swapping_give_up(vm, ENOMEM);
    if (area->read_errors != vm->reclaim.errors)
        return swapping_give_up(vm, EIO);
    if (swapping_find(vm, number, &found))
        return swapping_bring_in(vm, &found);
    if (area->used + area->discarding > 0)
        return EINPROGRESS; /* of pages, or slots, that a device has now */
    swap_remove(&vm->swap, number);
    vm->reclaim.empties = false;
    reclaim_set_levels(vm);
    return 0;
}

/* ---- a swapoff that a program waits for ---- */

/* While so many read from the area, a swapoff makes no more.  Those of other areas do not count: it may take the
 * record of one that ended before the faults that came later (wait.h), so it goes on whoever else reads. */
#define SWAPPING_REQUESTS 4u

/* True if the next step wants a frame and there is none: it waits in the order of arrival, as others do. */
static bool swapping_waits_for_memory(struct vm *vm, uint32_t area)
{
    return vm->swap.area[area].used > swapping_count_moves(vm, area).pages &&
           !reclaim_has_frame(vm) && wait_for_memory(vm);
}

int vm_swap_off_call(struct vm *vm, const struct space *space, uint32_t area)
{
    struct reclaim *reclaim = &vm->reclaim;
    uint32_t requests;
    int error;

    if (!reclaim->empties || reclaim->empties_for != space || reclaim->emptied != area) {
        error = wait_has_room(vm) ? vm_swap_off(vm, area) : EAGAIN;
        if (error)
            return error;
        reclaim->empties_for = space;
    }
    for (;;) {
        requests = paging_requests(vm);
        if (swapping_count_moves(vm, area).reads >= SWAPPING_REQUESTS)
            return wait_for_disk(vm);
        if (swapping_waits_for_memory(vm, area))
            return EINPROGRESS;
        error = vm_swap_off_step(vm);
        if (error != EINPROGRESS)
            return error;
        if (paging_requests(vm) == requests && reclaim_is_moving(vm))
            return wait_for_disk(vm);
    }
}

void vm_swap_off_drop_space(struct vm *vm, const struct space *space)
{
    if (vm->reclaim.empties && vm->reclaim.empties_for == space)
        (void)swapping_give_up(vm, 0);
}
