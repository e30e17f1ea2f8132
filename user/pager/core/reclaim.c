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

/* ---- the clock ---- */

/* A window of the object that the hand came to: bit k is page first + k. */
struct reclaim_window {
    struct vm *vm;
    struct object *object;
    uint64_t first;
    uint32_t asked; /* the others are none of the caller's */
    bool advised; /* the clock's turn does not count, and goes on as if it had not been there ... */
    bool out;     /* ... nor do accesses */
    uint32_t candidates;
    uint32_t kept; /* wired, or accessed */
};

static uint32_t reclaim_find_page(const struct reclaim_window *window, uint32_t k)
{
    return index_leaf_page(index_lookup(&window->object->index, window->first + k));
}

/* The number of a page that is given now: never 0, which is none. */
static uint16_t reclaim_count_given(struct vm *vm)
{
    vm->reclaim.given = vm->reclaim.given == UINT16_MAX ? 1 : (uint16_t)(vm->reclaim.given + 1);
    return vm->reclaim.given;
}

void reclaim_note_wanted(struct vm *vm, uint32_t page)
{
    vm->table.pages[page].given = reclaim_count_given(vm);
}

void reclaim_note_given(struct vm *vm, uint32_t slot, uint64_t page)
{
    for (uint32_t range = 0; range < vm->table.range_count; range++)
        if (vm->table.range[range].slot == slot)
            reclaim_note_wanted(vm, page_number(&vm->table, range, page));
}

static bool reclaim_is_fresh(const struct vm *vm, const struct page *record)
{
    return record->given != 0 && (uint16_t)(vm->reclaim.given - record->given) < RECLAIM_FRESH;
}

/* True if the clock may look at a page now; or, `advised`, if it ever may. */
static bool reclaim_is_candidate(const struct vm *vm, uint32_t page, bool advised)
{
    const struct page *record = &vm->table.pages[page];

    return record->state == PAGE_OBJECT && record->object->owner &&
           (advised || (record->turn != vm->reclaim.turn && !reclaim_is_fresh(vm, record)));
}

/* True if a sweep (window.h) found the page accessed since it was looked at. */
static bool reclaim_take_note(struct vm *vm, uint32_t page)
{
    bool accessed = vm->table.pages[page].flags & PAGE_ACCESSED;

    vm->table.pages[page].flags &= (uint8_t)~PAGE_ACCESSED;
    return accessed;
}

static void reclaim_find_candidates(struct reclaim_window *window)
{
    struct vm *vm = window->vm;

    for (uint32_t k = 0; k < SWAP_CLUSTER; k++) {
        uint64_t leaf = index_lookup(&window->object->index, window->first + k);

        if (!(window->asked >> k & 1) || !leaf || !index_leaf_is_frame(leaf) ||
            !reclaim_is_candidate(vm, index_leaf_page(leaf), window->advised))
            continue;
        vm->table.pages[index_leaf_page(leaf)].turn = (uint8_t)(vm->reclaim.turn - window->advised);
        vm->reclaim.scanned++;
        window->candidates |= 1u << k;
        if (reclaim_take_note(vm, index_leaf_page(leaf)) && !window->out)
            window->kept |= 1u << k;
    }
}

/* A page and how many behind it an entry shows. */
struct reclaim_look {
    struct vm *vm;
    const struct object *object;
    uint64_t index;
    uint64_t pages; /* that are asked for; then, that the entry shows of them */
    uint32_t kept;  /* bit 0 is the page */
    bool out;       /* accesses do not count */
};

static bool reclaim_look_at(void *context, const struct entry *entry, uint64_t address)
{
    struct reclaim_look *look = context;
    const struct vm_port *port = &look->vm->port;
    uint64_t shown = (entry->end - address) / FL_PAGE_BYTES;

    if (look->pages > shown)
        look->pages = shown;
    if (entry->wired) {
        look->kept = UINT32_MAX;
    } else if (!look->out) {
        uint64_t bits = port->harvest(port->context, entry->space->id, address, look->pages);

        window_note(look->vm, entry->space, look->object, look->index, bits);
        look->kept |= (uint32_t)bits;
    }
    return true;
}

/* Candidates side by side, from k on. */
static uint32_t reclaim_count_beside(const struct reclaim_window *window, uint32_t k)
{
    uint32_t count = 1;

    while (k + count < SWAP_CLUSTER && (window->candidates >> (k + count) & 1))
        count++;
    return count;
}

/* Decides which candidates stay.  Where one entry shows a page, and nobody else can, its neighbours are
 * asked for in the same call. */
static void reclaim_find_kept(struct reclaim_window *window)
{
    const struct object *object = window->object;
    bool plain = object_is_plain(object);

    for (uint32_t k = 0; k < SWAP_CLUSTER;) {
        struct reclaim_look look = {.vm = window->vm,
                                    .object = object,
                                    .index = window->first + k,
                                    .pages = plain ? reclaim_count_beside(window, k) : 1,
                                    .out = window->out};

        if (!(window->candidates >> k & 1)) {
            k++;
            continue;
        }
        shadow_visit_entries(object, window->first + k, reclaim_look_at, &look);
        window->kept |= look.pages < 32 ? (look.kept & ((1u << look.pages) - 1)) << k : look.kept;
        k += (uint32_t)look.pages;
    }
}

/* Puts out at most so many candidates that are not kept.  Returns how many. */
static uint32_t reclaim_put_out_window(const struct reclaim_window *window, uint32_t most)
{
    uint32_t victims[SWAP_CLUSTER], count = 0;

    for (uint32_t k = 0; k < SWAP_CLUSTER && count < most; k++)
        if ((window->candidates & ~window->kept) >> k & 1)
            victims[count++] = reclaim_find_page(window, k);
    return count > 0 ? paging_put_out(window->vm, victims, count) : 0;
}

/* Puts out what nobody used around the page that the hand came to.  Returns how many. */
static uint32_t reclaim_put_out_around(struct vm *vm, uint32_t page)
{
    const struct page *record = &vm->table.pages[page];
    struct reclaim_window window = {.vm = vm,
                                    .object = record->object,
                                    .first = record->link & ~(SWAP_CLUSTER - 1),
                                    .asked = UINT32_MAX};

    reclaim_find_candidates(&window);
    reclaim_find_kept(&window);
    return reclaim_put_out_window(&window, tier_takes(&vm->tier) ? TIER_STEP : SWAP_CLUSTER);
}

/* The page under the hand, which goes on. */
static uint32_t reclaim_advance(struct vm *vm)
{
    uint32_t page = vm->reclaim.hand++;

    if (vm->reclaim.hand == vm->table.count) {
        vm->reclaim.hand = 0;
        vm->reclaim.turn++;
    }
    return page;
}

static uint32_t reclaim_scan(struct vm *vm)
{
    uint32_t done = 0;

    for (uint32_t looked = 0; looked < RECLAIM_STEP && done == 0; looked++) {
        uint32_t page = reclaim_advance(vm);

        vm->reclaim.barren++;
        if (reclaim_is_candidate(vm, page, false))
            done = reclaim_put_out_around(vm, page);
    }
    return done;
}

void reclaim_advise(struct vm *vm, struct object *object, uint64_t first, uint64_t count, bool out)
{
    uint64_t end = first + count, left = 0;

    for (uint64_t at = first; reclaim_is_on(vm) && at < end;) {
        struct reclaim_window window = {.vm = vm,
                                        .object = object,
                                        .first = at & ~(SWAP_CLUSTER - 1ull),
                                        .advised = true,
                                        .out = out};

        for (; at < end && at < window.first + SWAP_CLUSTER; at++)
            window.asked |= 1u << (at - window.first);
        reclaim_find_candidates(&window);
        reclaim_find_kept(&window);
        if (out && (left < TIER_ADVISED || !tier_takes(&vm->tier)))
            left += reclaim_put_out_window(&window, SWAP_CLUSTER);
    }
}

/* ---- out of memory ---- */

bool reclaim_is_moving(const struct vm *vm)
{
    const uint32_t *counts = vm->table.counts;

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

/* True if a program is ending: its frames come. */
static bool reclaim_is_ending(const struct vm *vm)
{
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

        if (!space || space->server || own <= charge)
            continue;
        charge = own;
        largest = space;
    }
    return largest;
}

static void reclaim_end_largest(struct vm *vm)
{
    struct space_event event = {.kind = PAGER_EVENT_NO_MEMORY, .signal = RECLAIM_SIGKILL};
    struct space *space = reclaim_find_largest(vm);

    vm->reclaim.hopeless = !space;
    if (!space)
        return;
    event.address = space->resident + space->swapped;
    vm->reclaim.ended++;
    vm_stop_space(vm, space, &event);
}

/* Nothing helps who waits. */
static bool reclaim_give_up(struct vm *vm)
{
    struct reclaim *reclaim = &vm->reclaim;

    reclaim->spent = 0;
    if (!reclaim->empties || vm->swap.area[reclaim->emptied].state == SWAP_ACTIVE) {
        reclaim_end_largest(vm);
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

/* A scan is direct while somebody waits for what it finds. */
static uint32_t reclaim_scan_counted(struct vm *vm)
{
    struct reclaim *reclaim = &vm->reclaim;
    struct reclaim_work *work =
        wait_first_for_memory(vm) != 0 ? &reclaim->direct : &reclaim->background;
    uint64_t before = reclaim->scanned;
    uint32_t done = reclaim_scan(vm);

    work->scanned += reclaim->scanned - before;
    work->stolen += done;
    return done;
}

/* True if the store of compressed pages is full, no disk is there, and nobody waits: looking for pages would only
 * take them out of the tables. */
static bool reclaim_is_stuck(const struct vm *vm)
{
    return vm->swap.areas == 0 && !tier_takes(&vm->tier) && wait_first_for_memory(vm) == 0;
}

bool vm_reclaim_step(struct vm *vm)
{
    struct reclaim *reclaim = &vm->reclaim;
    uint32_t done;

    if (!reclaim_is_on(vm) || reclaim_in_sight(vm) >= reclaim->target ||
        vm->paging.writes > PAGING_WRITES - RECLAIM_WRITES ||
        vm->paging.taken > PAGING_REQUESTS - RECLAIM_WRITES || reclaim_rests(vm) ||
        reclaim_is_stuck(vm))
        return false;
    done = reclaim_scan_counted(vm);
    if (done > 0) {
        reclaim->barren = 0;
        reclaim->resting = 0;
        reclaim->hopeless = false;
        return !reclaim_is_futile(vm, done) || reclaim_is_ending(vm) || reclaim_give_up(vm);
    }
    if (reclaim->barren <= 2 * vm->table.count)
        return true;
    reclaim->barren = 0;
    reclaim->resting = reclaim_in_sight(vm);
    if (reclaim_is_moving(vm) || reclaim_is_ending(vm) || wait_first_for_memory(vm) == 0)
        return false;
    return reclaim_give_up(vm);
}
