/* Checker of victims: see victims.h. */
#include "victims_told.h"

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
