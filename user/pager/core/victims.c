/* Pages that may leave memory come and go: see victims.h. */
#include "victims.h"

#include <string.h>

#include "accessed.h"
#include "victims_told.h"

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

static inline void victims_unlist(struct vm *vm, uint32_t page)
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

/* Tells a page that is on no list to its class. */
static void victims_enter(struct vm *vm, uint32_t page)
{
    struct page *record = &vm->table.pages[page];

    record->known = VICTIMS_TOLD;
    if (record->flags & PAGE_ACCESSED) /* that was the access for which it came */
        record->flags &= (uint8_t)~PAGE_ACCESSED;
    else
        record->flags |= PAGE_NEW;
    record->looked = (uint8_t)(vm->victims.step - 1);
    replace_add(&vm->victims.set[victims_class(record)], page, victims_identity(record), false);
}

void victims_tell(struct vm *vm, uint32_t page)
{
    if (vm->table.pages[page].known & VICTIMS_LISTED)
        victims_unlist(vm, page);
    victims_enter(vm, page);
}

void victims_admit(struct vm *vm)
{
    uint32_t page = vm->victims.oldest;
    const struct page *record = &vm->table.pages[page];

    victims_unlist(vm, page);
    if (record->state == PAGE_OBJECT && victims_class(record) != VICTIMS_NEVER)
        victims_enter(vm, page);
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

void victims_hold(struct vm *vm, uint32_t page)
{
    if (!(vm->table.pages[page].known & VICTIMS_TOLD))
        victims_tell(vm, page);
    else if (victims_told(vm, page)->state == REPLACE_HELD)
        return;
    replace_hold(victims_set_of(vm, page), page);
}

/* ---- what the policies ask ---- */

static bool victims_is_accessed(void *context, uint32_t page)
{
    struct vm *vm = context;

    vm->reclaim.scanned++;
    return accessed_take(vm, page);
}
