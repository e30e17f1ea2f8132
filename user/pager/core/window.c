/* Windows of time, and working sets: see window.h. */
#include "window.h"

#include "accessed.h"
#include "vm.h"

void window_init(struct windows *windows)
{
    *windows = (struct windows){.number = 1};
}

static void window_stop(struct vm *vm)
{
    vm->windows.due = 0;
    vm->windows.sweeps = false;
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (vm->spaces[id])
            vm->spaces[id]->set = (struct working_set){0};
}

bool window_is_wanted(const struct vm *vm)
{
    return vm->windows.asked > 0 || load_wants_windows(vm);
}

static uint64_t window_end_from(const struct windows *windows)
{
    return windows->begun + (windows->asked > 0 ? windows->asked : WINDOW_DEFAULT);
}

void window_set_length(struct vm *vm, uint64_t length)
{
    struct windows *windows = &vm->windows;

    windows->asked = length;
    if (!window_is_wanted(vm)) {
        window_stop(vm);
    } else if (windows->due > 0) {
        windows->due = window_end_from(windows);
        windows->rests = windows->rests && length == 0;
    }
}

uint64_t window_due(const struct vm *vm)
{
    if (!window_is_wanted(vm))
        return vm->windows.due > 0 ? 0 : WINDOW_NEVER; /* the one that runs is given up */
    return vm->windows.sweeps ? 0 : vm->windows.due;
}

/* ---- notes ---- */

/* How many windows ago a page was used last, as far as its note tells. */
static uint32_t window_age(const struct vm *vm, uint8_t note)
{
    uint32_t number = vm->windows.number;

    if (note == 0)
        return UINT32_MAX;
    return number >= note ? number - note : number + UINT8_MAX - note;
}

void window_note(struct vm *vm, struct space *space, struct page *page)
{
    uint8_t number = vm->windows.number;

    if (vm->windows.due == 0 || vm->windows.rests || !page->object->owner || page->window == number)
        return;
    space->set.needed += window_age(vm, page->window) > space->set.age;
    page->window = number;
    if (page->uses < UINT8_MAX)
        page->uses++;
    space->set.used++;
}

/* ---- the sweep ---- */

/* Asks about a page and its neighbours, which need not be asked about again. */
static void window_sweep_around(struct vm *vm, uint32_t number)
{
    const struct page *around = &vm->table.pages[number];
    const struct accessed_window *window =
        accessed_look(vm, around->object, around->link & ~(SWAP_CLUSTER - 1ull), SWAP_CLUSTER);

    vm->windows.harvests += window->questions;
    for (uint32_t i = 0; i < window->count; i++) {
        struct page *page = &vm->table.pages[window->page[i]];

        page->swept = vm->windows.number;
        if (window_age(vm, page->window) > WINDOW_AGE)
            page->window = 0;
    }
}

/* True: the sweep has come round. */
static bool window_sweep(struct vm *vm)
{
    struct windows *windows = &vm->windows;

    for (uint32_t looked = 0;
         looked < WINDOW_STEP && !windows->rests && windows->hand < vm->table.count; looked++) {
        uint32_t number = windows->hand++;
        const struct page *page = &vm->table.pages[number];

        if ((page->state == PAGE_OBJECT || page->state == PAGE_WRITING) && page->object->owner &&
            page->swept != windows->number)
            window_sweep_around(vm, number);
    }
    return windows->rests || windows->hand == vm->table.count;
}

/* ---- begin and end ---- */

static void window_begin(struct vm *vm, uint64_t now)
{
    vm->windows.begun = now;
    vm->windows.due = window_end_from(&vm->windows);
    vm->windows.rests = vm->windows.asked == 0 && !load_has_rivals(vm);
    vm->windows.number = vm->windows.number == UINT8_MAX ? 1 : vm->windows.number + 1;
    vm->windows.sweeps = false;
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (vm->spaces[id])
            vm->spaces[id]->set.faults_before = vm->spaces[id]->major_faults;
}

static void window_end_of_space(struct space *space)
{
    struct working_set *set = &space->set;

    set->faults = (uint32_t)(space->major_faults - set->faults_before);
    if (set->faults > 0 && set->faults >= set->used / WINDOW_PAGING && set->age < WINDOW_AGE) {
        set->age++;
        if (set->pages < set->needed)
            set->pages = set->needed;
    } else {
        set->age = 0;
        set->pages = set->needed;
        set->needed = 0;
    }
    set->used = 0;
}

static void window_end(struct vm *vm, uint64_t now)
{
    vm->windows.used = 0;
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (vm->spaces[id]) {
            vm->windows.used += vm->spaces[id]->set.used;
            window_end_of_space(vm->spaces[id]);
        }
    vm->windows.ended++;
    load_judge(vm);
    window_begin(vm, now);
}

bool window_step(struct vm *vm, uint64_t now)
{
    struct windows *windows = &vm->windows;

    if (!window_is_wanted(vm)) {
        window_stop(vm);
        return false;
    }
    if (windows->due == 0) {
        window_begin(vm, now);
        return false;
    }
    if (!windows->sweeps) {
        if (now < windows->due)
            return false;
        windows->sweeps = true;
        windows->hand = 0;
    }
    if (!window_sweep(vm))
        return true;
    window_end(vm, now);
    return false;
}

const char *window_check(const struct vm *vm)
{
    const struct windows *windows = &vm->windows;
    bool runs = windows->due > 0;

    if (windows->number == 0 || windows->hand > vm->table.count || (windows->sweeps && !runs))
        return "U1";
    for (uint32_t id = 0; id < VM_SPACES_MAX && !runs; id++) {
        const struct space *space = vm->spaces[id];

        if (space && (space->set.used > 0 || space->set.pages > 0))
            return "U1";
    }
    return NULL;
}
