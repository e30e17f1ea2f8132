/* The checker of merged pages: see samepage.h. */
#include "vm.h"

/* True if the chains hold merged pages, each in that of its sum, and all of them. */
static bool samepage_check_chains(const struct vm *vm)
{
    const struct samepage *samepage = &vm->samepage;
    const struct page *pages = vm->table.pages;
    uint32_t count = 0, merged = vm->table.counts[PAGE_MERGED];

    for (uint32_t i = 0; i < samepage->buckets; i++)
        for (uint32_t at = samepage->chains[i]; at != PAGE_NONE; at = pages[at].link)
            if (at >= vm->table.count || pages[at].state != PAGE_MERGED ||
                samepage_chain(samepage, pages[at].sum) != &samepage->chains[i] ||
                count++ == merged)
                return false;
    return count == merged;
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
        if (record->sum != samepage_sum(page_contents(&vm->table, page)))
            return "M2";
    }
    if (expected != tally)
        return "M1";
    return samepage_check_chains(vm) ? NULL : "M2";
}
