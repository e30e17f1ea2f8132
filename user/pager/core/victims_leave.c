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

/* Pages of a window that leave, by bits. */
struct victims_window {
    struct vm *vm;
    const struct accessed_window *pages;
    uint32_t chosen;
};

static inline bool victims_is_chosen(const struct victims_window *window, uint32_t i)
{
    return window->chosen >> window->pages->bit[i] & 1;
}

/* True if the step let a page into its queue, and not the victim: it may be in use. */
static bool victims_is_late(const struct vm *vm, uint32_t page, uint32_t victim)
{
    uint32_t begin = vm->victims.begin[victims_told(vm, victim)->set];

    return ghost_is_before(begin, victims_told(vm, page)->stamp) &&
           !ghost_is_before(begin, victims_told(vm, victim)->stamp);
}

/* True if a page that may leave, and nobody used, goes with the victim. */
static bool victims_goes_along(const struct vm *vm, uint32_t page, uint32_t victim)
{
    const struct replace *set = &vm->victims.set[victims_told(vm, victim)->set];

    return replace_leaves_soon(set, page, victim) && !victims_is_late(vm, page, victim) &&
           !victims_is_fresh(vm, &vm->table.pages[page]);
}

/* A victim and the pages that leave with it, which are of its class. */
static void victims_choose(struct victims_window *window, uint32_t victim)
{
    struct vm *vm = window->vm;

    for (uint32_t i = 0; i < window->pages->count; i++) {
        uint32_t page = window->pages->page[i];
        const struct page *record = &vm->table.pages[page];

        if (record->state != PAGE_OBJECT)
            continue;
        if (page != victim) {
            vm->reclaim.scanned++;
            if ((record->flags & PAGE_ACCESSED) || !victims_goes_along(vm, page, victim))
                continue;
        }
        window->chosen |= 1u << window->pages->bit[i];
    }
    window->chosen &= ~window->pages->wired;
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
    vm->victims.window.object = NULL;
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
    batch->vm->victims.window.object = NULL;
}

/* The chosen pages of a window leave, or join others that will. */
static void victims_add_window(struct victims_batch *batch, const struct victims_window *window)
{
    const struct accessed_window *pages = window->pages;
    bool waits = pages->object->owner != NULL;
    struct vm *vm = window->vm;

    if (batch->count + pages->count > SWAP_CLUSTER)
        victims_put_out_batch(batch);
    for (uint32_t i = 0; i < pages->count; i++) {
        if (!victims_is_chosen(window, i))
            continue;
        victims_hold(vm, pages->page[i]);
        if (waits) {
            batch->page[batch->count++] = pages->page[i];
        } else {
            victims_drop(vm, pages->page[i]);
            batch->left++;
        }
    }
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
    struct victims_window window = {.vm = vm};

    if (victims_is_fresh(vm, &vm->table.pages[victim]))
        return;
    window.pages = accessed_look_around(vm, victim);
    victims_choose(&window, victim);
    if (window.pages->object->owner && tier_takes(&vm->tier))
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
    vm->victims.window.object = NULL;
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

/* The pages of a window that are asked for and may leave. */
static void victims_choose_asked(struct victims_window *window, uint32_t asked)
{
    const struct accessed_window *pages = window->pages;

    for (uint32_t i = 0; i < pages->count; i++)
        if (victims_may_leave(&window->vm->table.pages[pages->page[i]]))
            window->chosen |= 1u << pages->bit[i];
    window->chosen &= asked;
    window->vm->reclaim.scanned += (uint32_t)__builtin_popcount(window->chosen);
    window->chosen &= ~pages->wired;
}

uint32_t victims_advise(struct vm *vm, struct object *object, uint64_t first, uint32_t asked,
                        bool out)
{
    struct victims_window window = {.vm = vm, .pages = accessed_look(vm, object, first)};
    const struct accessed_window *pages = window.pages;
    struct victims_batch batch = {.vm = vm};

    victims_choose_asked(&window, asked);
    if (out) {
        victims_add_window(&batch, &window);
        victims_put_out_batch(&batch);
        return batch.left;
    }
    for (uint32_t i = 0; i < pages->count; i++)
        if (victims_is_chosen(&window, i) &&
            !(vm->table.pages[pages->page[i]].known & VICTIMS_TOLD))
            victims_tell(vm, pages->page[i]);
    for (uint32_t i = pages->count; i-- > 0;)
        if (victims_is_chosen(&window, i)) {
            vm->table.pages[pages->page[i]].flags &= (uint8_t)~PAGE_ACCESSED;
            replace_cool(victims_set_of(vm, pages->page[i]), pages->page[i]);
        }
    return 0;
}
