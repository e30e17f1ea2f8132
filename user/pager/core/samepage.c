/* Merged pages, their table, and how they come apart: see samepage.h. */
#include "samepage.h"

#include "checksum.h"
#include "vm.h"

uint32_t samepage_sum(const void *contents)
{
    uint64_t sum = checksum_page(contents, 0);

    return (uint32_t)(sum ^ sum >> 32);
}

/* ---- the tables ---- */

/* Frames of one table: a word for each page of memory, or a power of two below it. */
static uint32_t samepage_table_frames(const struct vm *vm)
{
    uint32_t frames = 1;

    while (frames < SAMEPAGE_FRAMES && frames * SAMEPAGE_BUCKETS < vm->table.count)
        frames *= 2;
    return frames;
}

static bool samepage_make_tables(struct vm *vm)
{
    struct samepage *samepage = &vm->samepage;
    uint32_t frames = samepage_table_frames(vm), first;

    if (samepage->frames > 0)
        return true;
    first = commit_spares(vm, 2 * frames) ? page_allocate_run(&vm->table, 2 * frames, PAGE_METADATA)
                                          : PAGE_NONE;
    if (first == PAGE_NONE)
        return false;
    samepage->frames = 2 * frames;
    samepage->buckets = frames * SAMEPAGE_BUCKETS;
    samepage->chains = page_contents(&vm->table, first);
    samepage->seen = samepage->chains + samepage->buckets;
    for (uint32_t i = 0; i < 2 * samepage->buckets; i++)
        samepage->chains[i] = PAGE_NONE;
    return true;
}

void samepage_settle(struct vm *vm)
{
    struct samepage *samepage = &vm->samepage;

    if (samepage->mode == SAMEPAGE_UNMERGE && samepage->sharing == 0)
        samepage->mode = SAMEPAGE_OFF;
    if (samepage->mode != SAMEPAGE_OFF || samepage->sharing > 0 || samepage->frames == 0)
        return;
    page_release_run(&vm->table, page_of_contents(&vm->table, samepage->chains), samepage->frames);
    samepage->frames = 0;
    samepage->buckets = 0;
    samepage->chains = NULL;
    samepage->seen = NULL;
}

bool samepage_set(struct vm *vm, enum samepage_mode mode)
{
    if (mode == SAMEPAGE_ON && !samepage_make_tables(vm))
        return false;
    vm->samepage.mode = (uint8_t)mode;
    vm->samepage.zero_sum = samepage_sum(page_contents(&vm->table, vm->zero_page));
    samepage_settle(vm);
    samepage_wake(vm);
    return true;
}

uint64_t samepage_saved(const struct vm *vm)
{
    return vm->samepage.sharing - vm->table.counts[PAGE_MERGED];
}

void samepage_wake(struct vm *vm)
{
    vm->samepage.barren = 0;
    if (samepage_is_on(vm))
        vm->port.stock_is_low(vm->port.context);
}

/* ---- merged pages ---- */

void samepage_found(struct vm *vm, uint32_t page)
{
    struct page *record = &vm->table.pages[page];
    uint32_t *chain;

    vm_forget_copy(vm, page);
    victims_forget(vm, page);
    object_merge_page(vm, page, page);
    record->sum = samepage_sum(page_contents(&vm->table, page));
    record->sharers = 1;
    chain = samepage_chain(&vm->samepage, record->sum);
    record->link = *chain;
    *chain = page;
    page_set_state(&vm->table, page, PAGE_MERGED);
    vm->samepage.sharing++;
}

void samepage_join(struct vm *vm, uint32_t page, uint32_t merged)
{
    vm_forget_copy(vm, page);
    victims_forget(vm, page);
    object_merge_page(vm, page, merged);
    vm->table.pages[merged].sharers++;
    vm->samepage.sharing++;
    vm->samepage.counts.merged++;
}

/* Takes a page out of its chain. */
static void samepage_unlink(struct vm *vm, uint32_t page)
{
    struct page *pages = vm->table.pages;
    uint32_t *link = samepage_chain(&vm->samepage, pages[page].sum);

    while (*link != page)
        link = &pages[*link].link;
    *link = pages[page].link;
}

void samepage_drop(struct vm *vm, uint32_t page)
{
    vm->samepage.sharing--;
    if (--vm->table.pages[page].sharers > 0)
        return;
    samepage_unlink(vm, page);
    page_release(&vm->table, page);
    samepage_settle(vm);
}

/* The only leaf's object has the page from now on. */
static void samepage_give_back(struct vm *vm, struct object *object, uint64_t index, uint32_t page)
{
    struct index_place place;

    samepage_unlink(vm, page);
    vm->samepage.sharing--;
    vm->samepage.counts.taken++;
    page_set_state(&vm->table, page, PAGE_OBJECT);
    index_find(&object->index, index, &place);
    object_bring_in(vm, object, &place, index, page);
    victims_arrive(vm, page);
    samepage_settle(vm);
}

bool samepage_break(struct vm *vm, struct object *object, uint64_t index)
{
    struct index_place place;
    uint32_t merged = index_leaf_page(index_find(&object->index, index, &place)), page;

    if (vm->table.pages[merged].sharers == 1) {
        samepage_give_back(vm, object, index, merged);
        return true;
    }
    page = reclaim_has_frame(vm) ? page_allocate(&vm->table, PAGE_OBJECT) : PAGE_NONE;
    if (page == PAGE_NONE)
        return false;
    page_copy(page_contents(&vm->table, page), page_contents(&vm->table, merged));
    object_bring_in(vm, object, &place, index, page);
    victims_arrive(vm, page);
    vm->samepage.counts.copied++;
    samepage_drop(vm, merged);
    return true;
}

/* ---- what an entry shows ---- */

static bool samepage_unmap_one(void *context, const struct entry *entry, uint64_t address)
{
    const struct vm_port *port = context;

    port->unmap(port->context, entry->space->id, address, 1);
    return true;
}

void samepage_unmap(struct vm *vm, const struct object *object, uint64_t index)
{
    shadow_visit_entries(object, index, samepage_unmap_one, &vm->port);
}

struct object *samepage_next(const struct entry *entry, uint64_t *index, uint64_t last)
{
    struct object *holder = NULL;
    uint64_t first = *index;

    if (!entry->object || !entry->object->owner)
        return NULL;
    *index = last;
    for (struct object *object = entry->object; object; object = object->below) {
        uint64_t at = index_next(&object->index, first, *index);

        if (at == *index)
            continue;
        *index = at;
        holder = object;
    }
    return holder;
}

bool samepage_break_for_all(struct vm *vm, struct object *object, uint64_t index)
{
    uint64_t copied = vm->samepage.counts.copied;

    if (!samepage_break(vm, object, index))
        return false;
    if (vm->samepage.counts.copied != copied) /* else it is the same frame */
        samepage_unmap(vm, object, index);
    return true;
}

bool samepage_break_range(struct vm *vm, const struct entry *entry, uint64_t *start, uint64_t end)
{
    uint64_t first = entry_index(entry, *start), last = entry_index(entry, end), index = first;
    struct object *holder;

    for (; (holder = samepage_next(entry, &index, last)) != NULL;
         index++, vm->samepage.counts.sought++)
        if (index_leaf_is_merged(index_lookup(&holder->index, index)) &&
            !samepage_break_for_all(vm, holder, index)) {
            *start += (index - first) * FL_PAGE_BYTES;
            return false;
        }
    return true;
}
