/* Frames zeroed ahead: see stock.h. */
#include "stock.h"

uint32_t stock_fill(struct vm *vm)
{
    uint32_t capacity = stock_capacity(vm), done = 0;

    while (done < STOCK_STEP && vm->table.zeroed < capacity && page_zero_ahead(&vm->table))
        done++;
    vm->counts.zeroed_ahead += done;
    vm->stock_rests = done == 0;
    return done;
}

static void stock_wake(struct vm *vm)
{
    vm->stock_rests = false;
    vm->port.stock_is_low(vm->port.context);
}

uint32_t stock_take(struct vm *vm, enum page_state state)
{
    uint32_t page = page_allocate_zeroed(&vm->table, state);

    if (page != PAGE_NONE) {
        vm->counts.zeroed_taken++;
    } else {
        page = page_allocate(&vm->table, state);
        if (page == PAGE_NONE)
            return PAGE_NONE;
        vm->table.zero(page_contents(&vm->table, page));
    }
    if (vm->stock_rests && vm->table.zeroed < stock_capacity(vm) / 2)
        stock_wake(vm);
    return page;
}
