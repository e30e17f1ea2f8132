/* The checker of merged pages: see samepage.h. */
#include "vm.h"

/* True if a page is in the chain of its sum once. */
static bool samepage_is_chained(const struct vm *vm, uint32_t page)
{
    uint32_t count = 0, steps = 0;

    for (uint32_t at = *samepage_chain(&vm->samepage, vm->table.pages[page].sum);
         at != PAGE_NONE && steps <= vm->table.count; at = vm->table.pages[at].link) {
        if (vm->table.pages[at].state != PAGE_MERGED)
            return false;
        count += at == page;
        steps++;
    }
    return count == 1 && steps <= vm->table.count;
}

const char *samepage_check(const struct vm *vm, uint64_t tally, uint64_t leaves)
{
    const struct samepage *samepage = &vm->samepage;
    uint64_t expected = 0;

    if (samepage->sharing != leaves)
        return "M3";
    if ((samepage->frames > 0) != (samepage->mode != SAMEPAGE_OFF || samepage->sharing > 0))
        return "M4";
    for (uint32_t page = 0; page < vm->table.count; page++) {
        const struct page *record = &vm->table.pages[page];

        if (record->state != PAGE_MERGED)
            continue;
        if (record->sharers == 0)
            return "M1";
        expected += record->sharers * samepage_tally(page);
        if (!samepage_is_chained(vm, page) ||
            record->sum != samepage_sum(page_contents(&vm->table, page)))
            return "M2";
    }
    return expected == tally ? NULL : "M1";
}
