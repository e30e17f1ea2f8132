/* The scanner: see samepage.h. */
#include "vm.h"

/* ---- one page ---- */

static bool samepage_allow_one(void *context, const struct entry *entry, uint64_t address)
{
    (void)address;
    *(bool *)context = entry->mergeable && !entry->wired && entry->inheritance == ENTRY_COPY;
    return *(bool *)context;
}

/* True if a page's bytes may be found in a shared frame: it is in memory, nothing is being done with it, and
 * all who see it agreed. */
static bool samepage_is_allowed(const struct vm *vm, uint32_t page)
{
    const struct page *record = &vm->table.pages[page];
    bool allowed = false;

    if (record->state != PAGE_OBJECT || !record->object->owner)
        return false;
    shadow_visit_entries(record->object, record->link, samepage_allow_one, &allowed);
    return allowed;
}

static bool samepage_is_equal(const struct vm *vm, uint32_t page, uint32_t other)
{
    const uint64_t *a = page_contents(&vm->table, page), *b = page_contents(&vm->table, other);

    for (const uint64_t *end = a + FL_PAGE_BYTES / sizeof *a; a < end; a += 4, b += 4)
        if (((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3])) != 0)
            return false;
    return true;
}

static void samepage_take_out(struct vm *vm, uint32_t page)
{
    samepage_unmap(vm, vm->table.pages[page].object, vm->table.pages[page].link);
}

/* A page with the sum of zeros. */
static void samepage_try_zero(struct vm *vm, uint32_t page)
{
    samepage_take_out(vm, page);
    if (!samepage_is_equal(vm, page, vm->zero_page))
        return;
    vm_forget_copy(vm, page);
    object_put_out(vm, page, INDEX_LEAF_ZERO);
    vm->samepage.counts.zero++;
    vm->samepage.progress++;
}

/* True if a page became the merged one of its sum. */
static bool samepage_try_merged(struct vm *vm, uint32_t page)
{
    const struct page *pages = vm->table.pages;
    uint32_t merged = *samepage_chain(&vm->samepage, pages[page].sum);

    while (merged != PAGE_NONE && pages[merged].sum != pages[page].sum)
        merged = pages[merged].link;
    if (merged == PAGE_NONE)
        return false;
    samepage_take_out(vm, page);
    if (!samepage_is_equal(vm, page, merged))
        return false;
    samepage_join(vm, page, merged);
    vm->samepage.progress++;
    return true;
}

static bool samepage_has_room(const struct vm *vm)
{
    return vm->table.counts[PAGE_MERGED] <
           (vm->table.count - vm->table.counts[PAGE_OUTSIDE]) / SAMEPAGE_SHARE;
}

/* Compares a page with the one that had its sum last, and stands in its place if that is no match. */
static void samepage_try_seen(struct vm *vm, uint32_t page)
{
    struct samepage *samepage = &vm->samepage;
    uint32_t sum = vm->table.pages[page].sum, hash = sum * (samepage->salt | 1);
    uint32_t *seen = &samepage->seen[(uint64_t)hash * samepage->buckets >> 32], other = *seen;

    *seen = page;
    if (other == PAGE_NONE || other == page || vm->table.pages[other].sum != sum ||
        !samepage_has_room(vm) || !samepage_is_allowed(vm, other))
        return;
    samepage_take_out(vm, page);
    samepage_take_out(vm, other);
    if (!samepage_is_equal(vm, page, other))
        return;
    samepage_found(vm, other);
    samepage_join(vm, page, other);
    samepage->progress++;
}

/* Looks at a page of an object. */
static void samepage_look_at(struct vm *vm, uint32_t page)
{
    struct page *record = &vm->table.pages[page];
    uint32_t sum;

    if (!samepage_is_allowed(vm, page))
        return;
    vm->samepage.counts.scanned++;
    sum = samepage_sum(page_contents(&vm->table, page));
    if (sum != record->sum) {
        record->sum = sum;
        vm->samepage.counts.changing++;
    } else if (sum == vm->samepage.zero_sum) {
        samepage_try_zero(vm, page);
    } else if (!samepage_try_merged(vm, page)) {
        samepage_try_seen(vm, page);
    }
}

/* Page `index` of an object, wherever it is. */
static void samepage_visit(struct vm *vm, struct object *object, uint64_t index)
{
    uint64_t leaf = index_lookup(&object->index, index);
    bool merged = index_leaf_is_merged(leaf);

    if (index_leaf_is_frame(leaf) && vm->samepage.mode == SAMEPAGE_ON)
        samepage_look_at(vm, index_leaf_page(leaf));
    else if (merged && vm->samepage.mode == SAMEPAGE_UNMERGE)
        vm->samepage.progress += samepage_break_for_all(vm, object, index);
    else if (merged && vm->table.pages[index_leaf_page(leaf)].sharers == 1)
        (void)samepage_break(vm, object, index);
}

/* ---- passes ---- */

/* The entry that the scanner has come to; NULL: the pass is over. */
static const struct entry *samepage_find_entry(struct vm *vm)
{
    struct samepage *samepage = &vm->samepage;

    for (; samepage->space < VM_SPACES_MAX; samepage->space++, samepage->address = 0) {
        const struct space *space = vm->spaces[samepage->space];
        const struct entry *entry = space ? entry_find_from(&space->map, samepage->address) : NULL;

        if (entry)
            return entry;
    }
    return NULL;
}

static void samepage_end_pass(struct vm *vm)
{
    struct samepage *samepage = &vm->samepage;

    samepage->counts.full_scans++;
    samepage->barren = samepage->progress > 0 ? 0 : samepage->barren + 1;
    samepage->progress = 0;
    samepage->space = 0;
    samepage->address = 0;
    samepage->salt = samepage->salt * 1664525 + 1013904223; /* any other number */
}

/* Looks at so many pages, or as far as one step may go. */
static void samepage_scan(struct vm *vm, uint32_t pages)
{
    struct samepage *samepage = &vm->samepage;

    for (uint32_t passed = 0; pages > 0 && passed < SAMEPAGE_ENTRIES;) {
        const struct entry *entry = samepage_find_entry(vm);
        struct object *holder = NULL;
        uint64_t index;

        if (!entry) {
            samepage_end_pass(vm);
            return;
        }
        if (samepage->address < entry->start)
            samepage->address = entry->start;
        index = entry_index(entry, samepage->address);
        if (entry->mergeable || samepage->mode == SAMEPAGE_UNMERGE)
            holder = samepage_next(entry, &index, entry_index(entry, entry->end));
        samepage->address =
            holder ? entry->start + (index + 1 - entry->offset) * FL_PAGE_BYTES : entry->end;
        if (holder)
            samepage_visit(vm, holder, index);
        pages -= holder != NULL;
        passed += !holder;
    }
}

bool samepage_step(struct vm *vm)
{
    if (!samepage_is_on(vm) || vm->samepage.barren >= SAMEPAGE_BARREN)
        return false;
    samepage_scan(vm, SAMEPAGE_STEP);
    return true;
}

void samepage_note_call(struct vm *vm)
{
    struct samepage *samepage = &vm->samepage;
    bool rested = samepage->barren >= SAMEPAGE_BARREN;

    if (++samepage->calls % SAMEPAGE_CALLS > 0)
        return;
    samepage_scan(vm, 1);
    if (rested && (samepage->barren < SAMEPAGE_BARREN || samepage->calls % SAMEPAGE_WAKE == 0))
        samepage_wake(vm);
}
