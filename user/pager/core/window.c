/* Windows of time, and working sets: see window.h. */
#include "window.h"

#include "vm.h"

/* Pages side by side in an object that are looked at together. */
#define WINDOW_RUN 32u

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

void window_set_length(struct vm *vm, uint64_t length)
{
    vm->windows.asked = length;
    window_stop(vm);
}

bool window_is_wanted(const struct vm *vm)
{
    return vm->windows.asked > 0 || load_wants_windows(vm);
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

void window_note(struct vm *vm, struct space *space, const struct object *object, uint64_t index,
                 uint64_t bits)
{
    uint8_t number = vm->windows.number;

    if (vm->windows.due == 0 || vm->windows.rests)
        return;
    for (; bits; bits &= bits - 1) {
        uint64_t leaf = index_lookup(&object->index, index + (uint32_t)__builtin_ctzll(bits));
        struct page *page;

        if (!leaf || !index_leaf_is_frame(leaf))
            continue;
        page = &vm->table.pages[index_leaf_page(leaf)];
        if (page->window == number)
            continue;
        space->set.needed += window_age(vm, page->window) > space->set.age;
        page->window = number;
        if (page->uses < UINT8_MAX)
            page->uses++;
        space->set.used++;
    }
}

/* ---- the sweep ---- */

/* A page, and how many behind it an entry shows. */
struct window_look {
    struct vm *vm;
    const struct object *object;
    uint64_t index;
    uint64_t pages; /* that are asked for; then, that the entry shows of them */
    uint64_t found; /* bit 0 is the page */
};

static bool window_look_at(void *context, const struct entry *entry, uint64_t address)
{
    struct window_look *look = context;
    const struct vm_port *port = &look->vm->port;
    uint64_t shown = (entry->end - address) / FL_PAGE_BYTES, bits;

    if (look->pages > shown)
        look->pages = shown;
    bits = port->harvest(port->context, entry->space->id, address, look->pages);
    window_note(look->vm, entry->space, look->object, look->index, bits);
    look->found |= bits;
    look->vm->windows.harvests++;
    return true;
}

/* The page of an object that the sweep has not looked at yet, or NULL. */
static struct page *window_find_page(const struct vm *vm, const struct object *object,
                                     uint64_t index)
{
    uint64_t leaf = index_lookup(&object->index, index);
    struct page *page;

    if (!leaf || !index_leaf_is_frame(leaf))
        return NULL;
    page = &vm->table.pages[index_leaf_page(leaf)];
    return page->state != PAGE_BUSY && page->swept != vm->windows.number ? page : NULL;
}

/* Asks about a page of an object, and those behind it that one entry shows with it.  Returns how many. */
static uint32_t window_ask(struct vm *vm, const struct object *object, uint64_t index,
                           uint32_t limit)
{
    struct window_look look = {.vm = vm, .object = object, .index = index, .pages = 1};

    if (object_is_plain(object))
        while (look.pages < limit && window_find_page(vm, object, index + look.pages))
            look.pages++;
    (void)shadow_visit_entries(object, index, window_look_at, &look);
    for (uint32_t k = 0; k < look.pages; k++) {
        struct page *page = window_find_page(vm, object, index + k);

        page->swept = vm->windows.number;
        if (look.found >> k & 1)
            page->flags |= PAGE_ACCESSED;
        if (window_age(vm, page->window) > WINDOW_AGE)
            page->window = 0;
    }
    return (uint32_t)look.pages;
}

/* Asks about the pages around one, which the sweep came to. */
static void window_sweep_around(struct vm *vm, const struct page *page)
{
    const struct object *object = page->object;
    uint64_t first = page->link & ~(WINDOW_RUN - 1);

    for (uint32_t k = 0; k < WINDOW_RUN;)
        if (window_find_page(vm, object, first + k))
            k += window_ask(vm, object, first + k, WINDOW_RUN - k);
        else
            k++;
}

/* True: the sweep has come round. */
static bool window_sweep(struct vm *vm)
{
    struct windows *windows = &vm->windows;

    for (uint32_t looked = 0;
         looked < WINDOW_STEP && !windows->rests && windows->hand < vm->table.count; looked++) {
        const struct page *page = &vm->table.pages[windows->hand++];

        if ((page->state == PAGE_OBJECT || page->state == PAGE_WRITING) && page->object->owner &&
            page->swept != windows->number)
            window_sweep_around(vm, page);
    }
    return windows->rests || windows->hand == vm->table.count;
}

/* ---- begin and end ---- */

static void window_begin(struct vm *vm, uint64_t now)
{
    uint64_t length = vm->windows.asked > 0 ? vm->windows.asked : WINDOW_DEFAULT;

    vm->windows.due = now + length;
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
