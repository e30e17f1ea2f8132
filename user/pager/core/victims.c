/* Pages that may leave memory: see victims.h. */
#include "victims.h"

#include <string.h>

#include "accessed.h"
#include "rmap.h"
#include "vm.h"

#define VICTIMS_GHOST_PART 4u /* ghosts of files: one for so many pages */

/* ---- the start ---- */

/* Ghosts of a class for so many pages. */
static uint64_t victims_ghosts(uint64_t pages, enum victims_class kind)
{
    if (kind == VICTIMS_ANONYMOUS)
        return pages + GHOST_WAYS;
    return pages / VICTIMS_GHOST_PART + GHOST_WAYS;
}

uint64_t victims_bytes(uint64_t pages)
{
    uint64_t bytes = pages * sizeof(struct replace_page);

    for (uint32_t kind = VICTIMS_NEVER + 1; kind < VICTIMS_CLASSES; kind++)
        bytes += victims_ghosts(pages, (enum victims_class)kind) * sizeof(struct ghost);
    return bytes;
}

static bool victims_is_accessed(void *context, uint32_t page);

void victims_init(struct vm *vm, void *memory)
{
    uint32_t pages = vm->table.count;
    struct replace_page *records = memory;
    struct ghost *ghosts = (struct ghost *)(records + pages);

    vm->victims =
        (struct victims){.policy = REPLACE_DEFAULT, .oldest = PAGE_NONE, .newest = PAGE_NONE};
    for (uint32_t kind = VICTIMS_NEVER + 1; kind < VICTIMS_CLASSES; kind++) {
        uint32_t count = (uint32_t)victims_ghosts(pages, (enum victims_class)kind);

        vm->victims.set[kind].config = (struct replace_config){.pages = records,
                                                               .count = pages,
                                                               .set = (uint8_t)kind,
                                                               .ghosts = ghosts,
                                                               .ghost_count = count,
                                                               .accessed = victims_is_accessed,
                                                               .context = vm};
        ghosts += count;
    }
}

static struct replace_page *victims_told(const struct vm *vm, uint32_t page)
{
    return &vm->victims.set[VICTIMS_ANONYMOUS].config.pages[page];
}

/* The class that a page is told to. */
static struct replace *victims_set_of(struct vm *vm, uint32_t page)
{
    return &vm->victims.set[victims_told(vm, page)->set];
}

/* The class of a page in an object. */
static enum victims_class victims_class(const struct page *record)
{
    return (enum victims_class)record->object->ops->leaves;
}

static bool victims_may_leave(const struct page *record)
{
    return record->state == PAGE_OBJECT && victims_class(record) != VICTIMS_NEVER;
}

void victims_start(struct vm *vm)
{
    struct victims *victims = &vm->victims;

    memset(victims_told(vm, 0), 0, vm->table.count * sizeof(struct replace_page));
    for (uint32_t kind = VICTIMS_NEVER + 1; kind < VICTIMS_CLASSES; kind++) {
        struct replace_config config = victims->set[kind].config;

        replace_init(&victims->set[kind], &config, (enum replace_policy)victims->policy);
    }
    victims->on = true;
    for (uint32_t page = 0; page < vm->table.count; page++)
        if (vm->table.pages[page].state == PAGE_OBJECT)
            victims_note(vm, page);
}

void victims_stop(struct vm *vm)
{
    for (uint32_t page = 0; page < vm->table.count; page++)
        vm->table.pages[page].known = 0;
    vm->victims.on = false;
    vm->victims.oldest = vm->victims.newest = PAGE_NONE;
    vm->victims.walk = vm->victims.left = 0;
    vm->victims.barren = false;
}

bool victims_set_policy(struct vm *vm, const char *name)
{
    uint32_t policy = 0;

    while (policy < REPLACE_POLICIES &&
           strcmp(name, replace_name((enum replace_policy)policy)) != 0)
        policy++;
    if (policy == REPLACE_POLICIES)
        return false;
    vm->victims.policy = (uint8_t)policy;
    for (uint32_t kind = VICTIMS_NEVER + 1; vm->victims.on && kind < VICTIMS_CLASSES; kind++)
        replace_switch(&vm->victims.set[kind], (enum replace_policy)policy);
    return true;
}

/* ---- the list of newcomers ---- */

void victims_list(struct vm *vm, uint32_t page)
{
    struct victims *victims = &vm->victims;
    struct replace_page *links = victims_told(vm, page);

    vm->table.pages[page].known = VICTIMS_LISTED;
    links->next = PAGE_NONE;
    links->previous = victims->newest;
    if (victims->newest == PAGE_NONE)
        victims->oldest = page;
    else
        victims_told(vm, victims->newest)->next = page;
    victims->newest = page;
}

static void victims_unlist(struct vm *vm, uint32_t page)
{
    struct victims *victims = &vm->victims;
    struct replace_page *links = victims_told(vm, page);

    if (links->previous == PAGE_NONE)
        victims->oldest = links->next;
    else
        victims_told(vm, links->previous)->next = links->next;
    if (links->next == PAGE_NONE)
        victims->newest = links->previous;
    else
        victims_told(vm, links->next)->previous = links->previous;
    links->next = links->previous = 0;
    vm->table.pages[page].known = 0;
}

/* ---- pages come and go ---- */

/* Tells two pages with other contents apart, nearly always. */
static uint32_t victims_identity(const struct page *record)
{
    return (uint32_t)record->object->number * 0x9E3779B1u + record->link;
}

static void victims_tell(struct vm *vm, uint32_t page)
{
    struct page *record = &vm->table.pages[page];

    if (record->known & VICTIMS_LISTED)
        victims_unlist(vm, page);
    record->known = VICTIMS_TOLD;
    record->flags &= (uint8_t) ~(PAGE_ACCESSED | PAGE_ONCE);
    record->flags |= PAGE_NEW;
    record->looked = (uint8_t)(vm->victims.step - 1);
    replace_add(&vm->victims.set[victims_class(record)], page, victims_identity(record), false);
}

/* Takes the first newcomer off the list. */
static void victims_admit(struct vm *vm)
{
    uint32_t page = vm->victims.oldest;

    if (victims_may_leave(&vm->table.pages[page]))
        victims_tell(vm, page);
    else
        victims_unlist(vm, page);
}

static void victims_count_given(struct vm *vm, uint32_t page)
{
    struct page *record = &vm->table.pages[page];

    if (record->given != 0 && record->given == vm->victims.given)
        return; /* nothing was given since */
    if (++vm->victims.given == 0)
        vm->victims.given = 1;
    record->given = vm->victims.given;
}

void victims_arrive(struct vm *vm, uint32_t page)
{
    if (!vm->victims.on)
        return;
    victims_count_given(vm, page);
    victims_note(vm, page);
}

void victims_give(struct vm *vm, uint32_t page)
{
    if (vm->victims.on)
        victims_count_given(vm, page);
}

void victims_forget(struct vm *vm, uint32_t page)
{
    struct page *record = &vm->table.pages[page];

    record->given = 0;
    if (record->known & VICTIMS_TOLD)
        replace_remove(victims_set_of(vm, page), page);
    else if (record->known)
        victims_unlist(vm, page);
    record->known = 0;
}

void victims_evict(struct vm *vm, uint32_t page)
{
    struct page *record = &vm->table.pages[page];

    if (record->known & VICTIMS_TOLD)
        replace_evict(victims_set_of(vm, page), page, victims_identity(record));
    else if (record->known)
        victims_unlist(vm, page);
    record->known = 0;
    record->given = 0;
}

void victims_keep(struct vm *vm, uint32_t page)
{
    replace_put_back(victims_set_of(vm, page), page);
}

/* Nobody may put out a page that its class does not know. */
static void victims_hold(struct vm *vm, uint32_t page)
{
    if (!(vm->table.pages[page].known & VICTIMS_TOLD))
        victims_tell(vm, page);
    if (victims_told(vm, page)->state != REPLACE_HELD)
        replace_hold(victims_set_of(vm, page), page);
}

/* ---- what the policies ask ---- */

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

static bool victims_is_accessed(void *context, uint32_t page)
{
    struct vm *vm = context;

    vm->reclaim.scanned++;
    return accessed_take(vm, page);
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

/* Pages side by side: bit k is page first + k of the object. */
struct victims_window {
    struct vm *vm;
    struct object *object;
    uint64_t first;
    uint32_t page[SWAP_CLUSTER];
    uint32_t chosen;
    uint32_t wired;
    uint32_t at; /* where the run that is looked at begins */
};

/* Finds the pages that an object has in memory, of those that are asked for. */
static void victims_find_pages(struct victims_window *window, uint32_t asked)
{
    struct index_place place;

    index_find(&window->object->index, window->first, &place);
    for (uint32_t k = 0; place.node && k < SWAP_CLUSTER; k++) {
        uint64_t leaf = place.node->slot[place.slot + k];

        if (!(asked >> k & 1) || !index_leaf_is_frame(leaf))
            continue;
        window->page[k] = index_leaf_page(leaf);
        if (victims_may_leave(&window->vm->table.pages[window->page[k]]))
            window->chosen |= 1u << k;
    }
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

    for (uint32_t k = 0; k < SWAP_CLUSTER; k++) {
        uint32_t page = window->page[k];

        if (!(window->chosen >> k & 1) || page == victim)
            continue;
        vm->reclaim.scanned++;
        if (!replace_leaves_with(set, page, victim) || victims_is_late(vm, page, victim) ||
            victims_is_fresh(vm, &vm->table.pages[page]) || accessed_test(vm, page) ||
            (vm->table.pages[page].flags & PAGE_ONCE))
            window->chosen &= ~(1u << k);
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

    for (uint32_t k = 0; k < SWAP_CLUSTER; k += (uint32_t)run.pages) {
        run.pages = 1;
        if (!(window->chosen >> k & 1))
            continue;
        window->at = k;
        run.first = window->first + k;
        run.pages = SWAP_CLUSTER - k;
        rmap_visit_pages(&run, victims_note_wired, window);
    }
    window->chosen &= ~window->wired;
}

static void victims_unmap(void *context, const struct entry *entry, uint64_t address,
                          uint64_t pages)
{
    const struct vm_port *port = context;

    port->unmap(port->context, entry->space->id, address, pages);
}

/* Pages that can be supplied again leave at once. */
static uint32_t victims_drop(struct vm *vm, const uint32_t *page, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct page *record = &vm->table.pages[page[i]];
        struct rmap_run run = {record->object, record->link, 1};

        rmap_visit_pages(&run, victims_unmap, &vm->port);
        victims_evict(vm, page[i]);
        object_free_pages(vm, record->object, record->link, 1);
        vm->paging.counts.dropped++;
    }
    return count;
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

uint32_t victims_put_out(struct vm *vm, const uint32_t *page, uint32_t count)
{
    uint32_t done;

    for (uint32_t i = 0; i < count; i++)
        victims_hold(vm, page[i]);
    done = paging_put_out(vm, page, count);
    if (done < count)
        victims_keep_rest(vm, page, count);
    return done;
}

/* Puts out the chosen pages of a window.  Returns how many. */
static uint32_t victims_put_out_window(const struct victims_window *window)
{
    struct vm *vm = window->vm;
    uint32_t pages[SWAP_CLUSTER], count = 0;

    for (uint32_t k = 0; k < SWAP_CLUSTER; k++)
        if (window->chosen >> k & 1)
            pages[count++] = window->page[k];
    if (count == 0)
        return 0;
    if (window->object->owner)
        return victims_put_out(vm, pages, count);
    for (uint32_t i = 0; i < count; i++)
        victims_hold(vm, pages[i]);
    return victims_drop(vm, pages, count);
}

static struct victims_window victims_window_of(struct vm *vm, uint32_t page)
{
    const struct page *record = &vm->table.pages[page];

    return (struct victims_window){
        .vm = vm, .object = record->object, .first = record->link & ~(SWAP_CLUSTER - 1)};
}

/* A victim whose first access may be just over is queued once more, and its neighbours of that kind with it: they
 * stay side by side.  True: it was so, and is enough for a step. */
static bool victims_renew(struct vm *vm, uint32_t victim)
{
    const struct page *record = &vm->table.pages[victim];
    struct victims_window window = victims_window_of(vm, victim);

    if (victims_is_fresh(vm, record) || !(record->flags & PAGE_ONCE) ||
        record->looked != vm->victims.step)
        return false;
    victims_keep(vm, victim);
    victims_find_pages(&window, UINT32_MAX);
    for (uint32_t k = 0; k < SWAP_CLUSTER; k++) {
        uint32_t page = window.page[k];

        if (!(window.chosen >> k & 1) || !(vm->table.pages[page].flags & PAGE_ONCE) ||
            victims_told(vm, page)->state != REPLACE_QUEUED)
            continue;
        replace_hold(victims_set_of(vm, page), page);
        replace_renew(victims_set_of(vm, page), page);
    }
    return true;
}

/* The pages of a window that are few enough to be compressed in a step, and the victim among them. */
static uint32_t victims_mask_beside(const struct vm *vm, uint32_t victim)
{
    uint32_t at = vm->table.pages[victim].link & (SWAP_CLUSTER - 1) & ~(TIER_STEP - 1);

    return ((1u << TIER_STEP) - 1) << at;
}

/* Puts out a victim and those that leave with it. */
static uint32_t victims_put_out_around(struct vm *vm, uint32_t victim)
{
    struct victims_window window = victims_window_of(vm, victim);

    if (victims_is_fresh(vm, &vm->table.pages[victim]))
        return 0;
    victims_find_pages(&window, UINT32_MAX);
    victims_choose(&window, victim);
    victims_drop_wired(&window);
    if (window.object->owner && tier_takes(&vm->tier))
        window.chosen &= victims_mask_beside(vm, victim);
    return victims_put_out_window(&window);
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

/* A step begins: newcomers are told to their classes. */
static void victims_begin_step(struct vm *vm)
{
    vm->victims.step++;
    for (uint32_t kind = VICTIMS_NEVER + 1; kind < VICTIMS_CLASSES; kind++)
        vm->victims.begin[kind] = vm->victims.set[kind].clock;
    for (uint32_t i = 0; i < VICTIMS_ADMIT && vm->victims.oldest != PAGE_NONE; i++)
        victims_admit(vm);
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
    uint32_t left = 0, page = 0;

    victims_begin_step(vm);
    for (uint32_t tries = 0; tries < VICTIMS_TRIES && left == 0 && page != PAGE_NONE; tries++) {
        page = victims_next(vm);
        if (page != PAGE_NONE && victims_renew(vm, page))
            break;
        if (page != PAGE_NONE)
            left = victims_put_out_around(vm, page);
    }
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

    victims_find_pages(&window, asked);
    vm->reclaim.scanned += (uint32_t)__builtin_popcount(window.chosen);
    victims_drop_wired(&window);
    if (out)
        return victims_put_out_window(&window);
    for (uint32_t k = SWAP_CLUSTER; k-- > 0;)
        if (window.chosen >> k & 1) {
            uint32_t page = window.page[k];

            if (!(vm->table.pages[page].known & VICTIMS_TOLD))
                victims_tell(vm, page);
            (void)accessed_take(vm, page);
            replace_cool(victims_set_of(vm, page), page);
        }
    return 0;
}

/* ---- the checker ---- */

static bool victims_check_page(const struct vm *vm, uint32_t page)
{
    const struct page *record = &vm->table.pages[page];
    enum replace_state state = (enum replace_state)victims_told(vm, page)->state;
    bool told = record->known & VICTIMS_TOLD;

    if (told != (state != REPLACE_OUT))
        return false;
    if (record->state == PAGE_WRITING)
        return state == REPLACE_HELD;
    if (record->state != PAGE_OBJECT || victims_class(record) == VICTIMS_NEVER)
        return !told;
    return told ? victims_told(vm, page)->set == victims_class(record)
                : record->known & VICTIMS_LISTED;
}

static bool victims_check_list(const struct vm *vm)
{
    uint32_t marked = 0, listed = 0, last = PAGE_NONE;

    for (uint32_t page = 0; page < vm->table.count; page++)
        marked += (vm->table.pages[page].known & VICTIMS_LISTED) != 0;
    for (uint32_t page = vm->victims.oldest; page != PAGE_NONE && listed <= marked;
         page = victims_told(vm, page)->next) {
        if (!(vm->table.pages[page].known & VICTIMS_LISTED))
            return false;
        last = page;
        listed++;
    }
    return listed == marked && last == vm->victims.newest;
}

const char *victims_check(const struct vm *vm)
{
    const char *broken = victims_check_list(vm) ? NULL : "Y2";

    if (vm->victims.on != reclaim_is_on(vm))
        return "Y1";
    for (uint32_t page = 0; page < vm->table.count && !broken; page++)
        if (vm->victims.on ? !victims_check_page(vm, page) : vm->table.pages[page].known != 0)
            broken = "Y1";
    for (uint32_t kind = VICTIMS_NEVER + 1; vm->victims.on && !broken && kind < VICTIMS_CLASSES;
         kind++)
        broken = replace_check(&vm->victims.set[kind]);
    return broken;
}
