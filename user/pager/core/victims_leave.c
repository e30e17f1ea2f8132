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
    const struct page *pages = vm->table.pages;
    uint32_t page = vm->victims.walk;
    uint32_t end = page > VICTIMS_WALK ? page - VICTIMS_WALK : 0;

    while (page-- > end)
        if (pages[page].state == PAGE_OBJECT && victims_told(vm, page)->state == REPLACE_HELD)
            victims_keep(vm, page);
    vm->victims.walk = end;
}

static void victims_begin_walk(struct vm *vm)
{
    vm->victims.walk = vm->table.count;
    vm->victims.left = 0;
}

/* ---- who leaves ---- */

/* What leaves soon after a victim, but for what the step let into the victim's queue, if it did not let the victim
 * in: that may be in use. */
static struct replace_soon victims_soon_after(const struct vm *vm, uint32_t victim)
{
    const struct replace_page *told = victims_told(vm, victim);
    const struct replace *set = &vm->victims.set[told->set];
    struct replace_soon soon = replace_soon_after(set, victim);
    uint32_t step = set->clock - vm->victims.begin[told->set];

    if (set->clock - told->stamp >= step && soon.age < step)
        soon.age = step;
    return soon;
}

/* True if a page beside the victim goes with it: it may leave, and nobody used it. */
static inline bool victims_goes_along(const struct vm *vm, uint32_t page,
                                      const struct replace_soon *soon)
{
    const struct page *record = &vm->table.pages[page];

    return replace_leaves_soon(soon, page) && !(record->flags & PAGE_ACCESSED) &&
           !victims_is_fresh(vm, record);
}

/* A victim and the pages of its window that leave with it, of those that the bits of `may` name.  They are of its
 * class, and held from here on.  Returns how many. */
static uint32_t victims_choose(struct vm *vm, const struct accessed_window *window, uint32_t victim,
                               uint32_t may, uint32_t *chosen)
{
    const struct replace_soon soon = victims_soon_after(vm, victim);
    struct replace *set = victims_set_of(vm, victim);
    uint32_t count = 0;

    for (uint32_t i = 0; i < window->count; i++) {
        uint32_t page = window->page[i];

        if ((page != victim && !victims_goes_along(vm, page, &soon)) ||
            !(may >> window->bit[i] & 1))
            continue;
        if (page != victim)
            replace_hold(set, page);
        chosen[count++] = page;
    }
    vm->reclaim.scanned += window->count - 1; /* the victim was counted when it was found */
    return count;
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

/* Its pages are as they are: to clear them each time takes longer than to fill in a few. */
static void victims_begin_batch(struct victims_batch *batch, struct vm *vm)
{
    batch->vm = vm;
    batch->count = batch->left = 0;
}

static void victims_put_out_batch(struct victims_batch *batch)
{
    if (batch->count > 0)
        batch->left += victims_put_out_held(batch->vm, batch->page, batch->count);
    batch->count = 0;
    batch->vm->victims.window.object = NULL;
}

/* Makes room for the pages of a window. */
static uint32_t *victims_make_room(struct victims_batch *batch,
                                   const struct accessed_window *window)
{
    if (batch->count + window->count > SWAP_CLUSTER)
        victims_put_out_batch(batch);
    return &batch->page[batch->count];
}

/* So many pages of an object, which are held and stand behind those of the batch, join them, or leave at once. */
static void victims_add(struct victims_batch *batch, const struct object *object, uint32_t count)
{
    if (object->owner) {
        batch->count += count;
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        victims_drop(batch->vm, batch->page[batch->count + i]);
    batch->left += count;
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
    const struct object *object = vm->table.pages[victim].object;
    const struct accessed_window *window;
    uint32_t may, *chosen;

    if (victims_is_fresh(vm, &vm->table.pages[victim]))
        return;
    window = accessed_look_around(vm, victim);
    may = ~window->wired;
    if (object->owner && tier_takes(&vm->tier))
        may &= victims_mask_beside(vm, victim);
    chosen = victims_make_room(batch, window);
    victims_add(batch, object, victims_choose(vm, window, victim, may, chosen));
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
    uint32_t most = tier_takes(&vm->tier) ? 1 : VICTIMS_BATCH, left, page = 0;
    struct victims_batch batch;

    victims_begin_batch(&batch, vm);
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

/* The pages of an anonymous object that were looked at and may leave.  Returns how many. */
static uint32_t victims_choose_looked(struct vm *vm, const struct accessed_window *window,
                                      uint32_t *chosen)
{
    const struct page *pages = vm->table.pages;
    uint32_t looked = window->count, may = ~window->wired, count = 0;

    for (uint32_t i = 0; i < looked; i++) {
        uint32_t page = window->page[i];

        if (pages[page].state == PAGE_OBJECT && (may >> window->bit[i] & 1))
            chosen[count++] = page;
    }
    vm->reclaim.scanned += looked;
    return count;
}

/* Pages of an anonymous object are the next victims, the first of them first. */
static void victims_cool(struct vm *vm, const uint32_t *page, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!(vm->table.pages[page[i]].known & VICTIMS_TOLD))
            victims_tell(vm, page[i]);
    for (uint32_t i = count; i-- > 0;) {
        vm->table.pages[page[i]].flags &= (uint8_t)~PAGE_ACCESSED;
        replace_cool(victims_set_of(vm, page[i]), page[i]);
    }
}

uint32_t victims_advise(struct vm *vm, struct object *object, uint64_t first, uint32_t pages,
                        bool out)
{
    const struct accessed_window *window = accessed_look(vm, object, first, pages);
    struct victims_batch batch;
    uint32_t count;

    victims_begin_batch(&batch, vm);
    count = victims_choose_looked(vm, window, batch.page);
    if (!out) {
        victims_cool(vm, batch.page, count);
        return 0;
    }
    for (uint32_t i = 0; i < count; i++)
        victims_hold(vm, batch.page[i]);
    victims_add(&batch, object, count);
    victims_put_out_batch(&batch);
    return batch.left;
}
