/* In the place of what can fail in the pager's core, by the linker's --wrap: whatever takes a frame, a record or
 * a promise asks fail_nth_now() first.  Only calls from one file to another are replaced. */
#include "fail_nth.h"
#include "vm.h"

uint32_t __real_page_allocate(struct page_table *table, enum page_state state);
uint32_t __wrap_page_allocate(struct page_table *table, enum page_state state);
uint32_t __real_page_allocate_zeroed(struct page_table *table, enum page_state state);
uint32_t __wrap_page_allocate_zeroed(struct page_table *table, enum page_state state);
bool __real_page_zero_ahead(struct page_table *table);
bool __wrap_page_zero_ahead(struct page_table *table);
void *__real_slab_allocate(struct slab_kind *kind);
void *__wrap_slab_allocate(struct slab_kind *kind);
bool __real_commit_take(struct vm *vm, uint64_t pages);
bool __wrap_commit_take(struct vm *vm, uint64_t pages);
bool __real_commit_take_area(struct vm *vm, const struct entry *like, struct object *object,
                             uint64_t end);
bool __wrap_commit_take_area(struct vm *vm, const struct entry *like, struct object *object,
                             uint64_t end);
bool __real_commit_take_copy(struct vm *vm, const struct space *space);
bool __wrap_commit_take_copy(struct vm *vm, const struct space *space);
bool __real_commit_spares(const struct vm *vm, uint64_t pages);
bool __wrap_commit_spares(const struct vm *vm, uint64_t pages);

/* What is held for a request that waits is all that there is: it does not fail. */
uint32_t __wrap_page_allocate(struct page_table *table, enum page_state state)
{
    if (state != PAGE_HELD && fail_nth_now(FAIL_FRAME))
        return PAGE_NONE;
    return __real_page_allocate(table, state);
}

uint32_t __wrap_page_allocate_zeroed(struct page_table *table, enum page_state state)
{
    return fail_nth_now(FAIL_FRAME) ? PAGE_NONE : __real_page_allocate_zeroed(table, state);
}

bool __wrap_page_zero_ahead(struct page_table *table)
{
    return !fail_nth_now(FAIL_FRAME) && __real_page_zero_ahead(table);
}

void *__wrap_slab_allocate(struct slab_kind *kind)
{
    return fail_nth_now(FAIL_RECORD) ? NULL : __real_slab_allocate(kind);
}

bool __wrap_commit_take(struct vm *vm, uint64_t pages)
{
    return (pages == 0 || !fail_nth_now(FAIL_PROMISE)) && __real_commit_take(vm, pages);
}

bool __wrap_commit_take_area(struct vm *vm, const struct entry *like, struct object *object,
                             uint64_t end)
{
    return (like->charge != ENTRY_CHARGED || !fail_nth_now(FAIL_PROMISE)) &&
           __real_commit_take_area(vm, like, object, end);
}

bool __wrap_commit_take_copy(struct vm *vm, const struct space *space)
{
    return !fail_nth_now(FAIL_PROMISE) && __real_commit_take_copy(vm, space);
}

bool __wrap_commit_spares(const struct vm *vm, uint64_t pages)
{
    return !fail_nth_now(FAIL_PROMISE) && __real_commit_spares(vm, pages);
}
