/* Who leaves memory: the choice of victims and of what goes with them; see victims.h. */
#include "victims.h"

#include "accessed.h"
#include "rmap.h"
#include "victims_told.h"

/* ---- the fresh ---- */

/* How many pages came in since this one did, or was given to a fault. */
static uint32_t victims_age(const struct vm *vm, const struct page *record)
{
    return record->given == 0 ? UINT16_MAX : (uint16_t)(vm->victims.given - record->given);
}

/* Where nothing else is left, fewer are spared: programs go on, if slowly, before one is ended. */
static bool victims_is_fresh(const struct vm *vm, const struct page *record)
{
    return victims_age(vm, record) < (vm->victims.barren ? RECLAIM_FRESH_LEAST : RECLAIM_FRESH);
}

/* ---- those aside ---- */

/* Looks at some page records; what is held and not written may be a victim again. */
static void victims_walk(struct vm *vm)
{
    for (uint32_t i = 0; i < VICTIMS_WALK && vm->victims.walk > 0; i++) {
        uint32_t page = --vm->victims.walk;

        if (vm->table.pages[page].state == PAGE_OBJECT &&
            victims_told(vm, page)->state == REPLACE_HELD)
            victims_keep(vm, page);
    }
}

static void victims_begin_walk(struct vm *vm)
{
    vm->victims.walk = vm->table.count;
    vm->victims.left = 0;
}

/* ---- who leaves ---- */

/* Pages of an object that lie in one window and are in memory: bit k is page first + k of the object. */
struct victims_window {
    struct vm *vm;
    struct object *object;
    uint64_t first;
    uint32_t count;              /* in order: */
    uint32_t page[SWAP_CLUSTER]; /* its record ... */
    uint8_t bit[SWAP_CLUSTER];   /* ... and where it lies */
    uint32_t chosen;
    uint32_t wired;
    uint32_t at; /* where the run that is looked at begins */
};

static inline bool victims_is_chosen(const struct victims_window *window, uint32_t i)
{
    return window->chosen >> window->bit[i] & 1;
}

/* Finds the pages of a window that may leave, of those that are asked for; all of them are chosen. */
static void victims_find_pages(struct victims_window *window, uint32_t asked)
{
    const struct page *pages = window->vm->table.pages;
    uint32_t count = 0, found = 0;
    struct index_place place;
    const uint64_t *leaf;

    index_find(&window->object->index, window->first, &place);
    if (!place.node)
        return;
    leaf = &place.node->slot[place.slot];
    for (uint32_t k = 0; asked != 0; k++, leaf++, asked >>= 1) {
        if (!(asked & 1) || !index_leaf_is_frame(*leaf) ||
            !victims_may_leave(&pages[index_leaf_page(*leaf)]))
            continue;
        window->page[count] = index_leaf_page(*leaf);
        window->bit[count++] = (uint8_t)k;
        found |= 1u << k;
    }
    window->count = count;
    window->chosen = found;
}

/* True if the step let a page into its queue, and not the victim: it may be in use. */
static bool victims_is_late(const struct vm *vm, uint32_t page, uint32_t victim)
{
    uint32_t begin = vm->victims.begin[victims_told(vm, victim)->set];

    return ghost_is_before(begin, victims_told(vm, page)->stamp) &&
           !ghost_is_before(begin, victims_told(vm, victim)->stamp);
}

/* Pages that leave with the victim. */
static void victims_choose(struct victims_window *window, uint32_t victim)
{
    struct vm *vm = window->vm;
    const struct replace *set = victims_set_of(vm, victim);

    for (uint32_t i = 0; i < window->count; i++) {
        uint32_t page = window->page[i];

        if (page == victim)
            continue;
        vm->reclaim.scanned++;
        if (!replace_leaves_soon(set, page, victim) || victims_is_late(vm, page, victim) ||
            victims_is_fresh(vm, &vm->table.pages[page]) || accessed_test(vm, page))
            window->chosen &= ~(1u << window->bit[i]);
    }
}

static void victims_note_wired(void *context, const struct entry *entry, uint64_t address,
                               uint64_t pages)
{
    struct victims_window *window = context;

    (void)address;
    if (entry->wired)
        window->wired |= (uint32_t)(((1ull << pages) - 1) << window->at);
}

/* Wired pages stay. */
static void victims_drop_wired(struct victims_window *window)
{
    struct rmap_run run = {.object = window->object};

    for (uint32_t i = 0, end = 0; i < window->count; i++) {
        window->at = window->bit[i];
        if (window->at < end || !victims_is_chosen(window, i))
            continue;
        run.first = window->first + window->at;
        run.pages = SWAP_CLUSTER - window->at;
        rmap_visit_pages(&run, victims_note_wired, window);
        end = window->at + (uint32_t)run.pages;
    }
    window->chosen &= ~window->wired;
}

static void victims_unmap(void *context, const struct entry *entry, uint64_t address,
                          uint64_t pages)
{
    const struct vm_port *port = context;

    port->unmap(port->context, entry->space->id, address, pages);
}

/* A page that can be supplied again leaves at once. */
static void victims_drop(struct vm *vm, uint32_t page)
{
    const struct page *record = &vm->table.pages[page];
    struct rmap_run run = {record->object, record->link, 1};

    rmap_visit_pages(&run, victims_unmap, &vm->port);
    victims_evict(vm, page);
    object_free_pages(vm, record->object, record->link, 1);
    vm->paging.counts.dropped++;
}

/* Those that could not leave come next again if only requests were short; else others have their turn. */
static void victims_keep_rest(struct vm *vm, const uint32_t *page, uint32_t count)
{
    for (uint32_t i = count; vm->paging.writes == PAGING_WRITES && i-- > 0;)
        if (vm->table.pages[page[i]].state == PAGE_OBJECT) {
            victims_keep(vm, page[i]);
            replace_cool(victims_set_of(vm, page[i]), page[i]);
        }
}

/* Puts out pages that are held. */
static uint32_t victims_put_out_held(struct vm *vm, const uint32_t *page, uint32_t count)
{
    uint32_t done = paging_put_out(vm, page, count);

    if (done < count)
        victims_keep_rest(vm, page, count);
    return done;
}

uint32_t victims_put_out(struct vm *vm, const uint32_t *page, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        victims_hold(vm, page[i]);
    return victims_put_out_held(vm, page, count);
}

/* Pages of several windows that leave together. */
struct victims_batch {
    struct vm *vm;
    uint32_t count;
    uint32_t left; /* those that left before */
    uint32_t page[SWAP_CLUSTER];
};

static void victims_put_out_batch(struct victims_batch *batch)
{
    if (batch->count > 0)
        batch->left += victims_put_out_held(batch->vm, batch->page, batch->count);
    batch->count = 0;
}

/* The chosen pages of a window leave, or join others that will. */
static void victims_add_window(struct victims_batch *batch, const struct victims_window *window)
{
    struct vm *vm = window->vm;

    if (batch->count + window->count > SWAP_CLUSTER)
        victims_put_out_batch(batch);
    for (uint32_t i = 0; i < window->count; i++) {
        if (!victims_is_chosen(window, i))
            continue;
        victims_hold(vm, window->page[i]);
        if (window->object->owner) {
            batch->page[batch->count++] = window->page[i];
        } else {
            victims_drop(vm, window->page[i]);
            batch->left++;
        }
    }
}

static struct victims_window victims_window_of(struct vm *vm, uint32_t page)
{
    const struct page *record = &vm->table.pages[page];

    return (struct victims_window){
        .vm = vm, .object = record->object, .first = record->link & ~(SWAP_CLUSTER - 1)};
}

/* The pages of a window that are few enough to be compressed in a step, and the victim among them. */
static uint32_t victims_mask_beside(const struct vm *vm, uint32_t victim)
{
    uint32_t at = vm->table.pages[victim].link & (SWAP_CLUSTER - 1) & ~(TIER_STEP - 1);

    return ((1u << TIER_STEP) - 1) << at;
}

/* A victim leaves, and others with it. */
static void victims_add_around(struct victims_batch *batch, uint32_t victim)
{
    struct vm *vm = batch->vm;
    struct victims_window window = victims_window_of(vm, victim);

    if (victims_is_fresh(vm, &vm->table.pages[victim]))
        return;
    victims_find_pages(&window, UINT32_MAX);
    victims_choose(&window, victim);
    victims_drop_wired(&window);
    if (window.object->owner && tier_takes(&vm->tier))
        window.chosen &= victims_mask_beside(vm, victim);
    victims_add_window(batch, &window);
}

/* The next victim, which is held then, or PAGE_NONE. */
static uint32_t victims_next(struct vm *vm)
{
    struct replace *set = vm->victims.set;
    uint32_t page = replace_idle_victim(&set[VICTIMS_FILE]);

    if (page == REPLACE_NONE)
        page = replace_victim(&set[VICTIMS_ANONYMOUS]);
    if (page == REPLACE_NONE)
        page = replace_victim(&set[VICTIMS_FILE]);
    if (page == REPLACE_NONE)
        page = replace_victim(&set[VICTIMS_CACHE]);
    return page;
}

/* Newcomers are told to their classes.  Where they are more than a step takes, they came while nothing had to leave, and
 * their first access is long past: what comes after it counts from now on.  Who came in order shares a look; of others only a
 * few are looked at. */
static void victims_admit_some(struct vm *vm)
{
    uint32_t page[VICTIMS_ADMIT], count = 0, looks = 0;

    for (; count < VICTIMS_ADMIT && vm->victims.oldest != PAGE_NONE; count++) {
        page[count] = vm->victims.oldest;
        victims_admit(vm);
    }
    if (vm->victims.oldest == PAGE_NONE)
        return;
    for (uint32_t i = 0; i < count && looks < VICTIMS_LOOKS; i++) {
        const struct page *record = &vm->table.pages[page[i]];

        if (!(record->known & VICTIMS_TOLD) || record->looked == vm->victims.step)
            continue;
        (void)accessed_harvest(vm, page[i]);
        looks++;
    }
}

/* A step begins. */
static void victims_begin_step(struct vm *vm)
{
    vm->victims.step++;
    for (uint32_t kind = VICTIMS_NEVER + 1; kind < VICTIMS_CLASSES; kind++)
        vm->victims.begin[kind] = vm->victims.set[kind].clock;
    victims_admit_some(vm);
    victims_walk(vm);
}

/* No victim is left.  True: those aside will be tried, for the first time since a page left. */
static bool victims_try_again(struct vm *vm)
{
    struct victims *victims = &vm->victims;

    if (victims->walk > 0 || victims->oldest != PAGE_NONE)
        return true;
    victims_begin_walk(vm);
    victims->barren = !victims->barren;
    return victims->barren;
}

uint32_t victims_step(struct vm *vm, bool *last)
{
    struct victims_batch batch = {.vm = vm};
    uint32_t most = tier_takes(&vm->tier) ? 1 : VICTIMS_BATCH, left, page = 0;

    victims_begin_step(vm);
    for (uint32_t tries = 0;
         tries < VICTIMS_TRIES && batch.left + batch.count < most && page != PAGE_NONE; tries++) {
        page = victims_next(vm);
        if (page != PAGE_NONE)
            victims_add_around(&batch, page);
    }
    victims_put_out_batch(&batch);
    left = batch.left;
    *last = page == PAGE_NONE && !victims_try_again(vm);
    vm->victims.barren = vm->victims.barren && left == 0;
    vm->victims.left += left;
    if (vm->victims.left > vm->table.count)
        victims_begin_walk(vm);
    return left;
}

uint32_t victims_advise(struct vm *vm, struct object *object, uint64_t first, uint32_t asked,
                        bool out)
{
    struct victims_window window = {.vm = vm, .object = object, .first = first};
    struct victims_batch batch = {.vm = vm};

    victims_find_pages(&window, asked);
    vm->reclaim.scanned += (uint32_t)__builtin_popcount(window.chosen);
    victims_drop_wired(&window);
    if (out) {
        victims_add_window(&batch, &window);
        victims_put_out_batch(&batch);
        return batch.left;
    }
    vm->victims.step++; /* what was used since the last look is of no use either */
    for (uint32_t i = 0; i < window.count; i++)
        if (victims_is_chosen(&window, i) &&
            !(vm->table.pages[window.page[i]].known & VICTIMS_TOLD))
            victims_tell(vm, window.page[i]);
    for (uint32_t i = window.count; i-- > 0;)
        if (victims_is_chosen(&window, i)) {
            (void)accessed_take(vm, window.page[i]);
            replace_cool(victims_set_of(vm, window.page[i]), window.page[i]);
        }
    return 0;
}
