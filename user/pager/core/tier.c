/* Pages that leave memory for the store of compressed ones: see tier.h. */
#include "tier.h"

#include <errno.h>

#include "vm.h"

void tier_init(struct vm *vm)
{
    vm->tier = (struct tier){.percent = 0};
    compress_init(&vm->tier.store, &vm->table, 0);
}

/* ---- frames ---- */

/* The spare frames that it is to have. */
static uint32_t tier_reserve(const struct tier *tier)
{
    return tier->percent > 0 ? COMPRESS_RESERVE : 0;
}

static void tier_lend(struct vm *vm)
{
    while (vm->tier.store.spare < tier_reserve(&vm->tier)) {
        uint32_t page = page_allocate(&vm->table, PAGE_PACKED);

        if (page == PAGE_NONE)
            return;
        compress_lend(&vm->tier.store, page);
    }
}

static void tier_take_back(struct vm *vm)
{
    while (vm->tier.store.spare > tier_reserve(&vm->tier)) {
        uint32_t page = compress_take_spare(&vm->tier.store);

        if (page == PAGE_NONE)
            return;
        page_release(&vm->table, page);
    }
}

/* The limit, which frames that are in use may be above. */
static void tier_set_limit(struct tier *tier)
{
    uint32_t frames = compress_frames(&tier->store);

    tier->store.limit = tier->limit > frames ? tier->limit : frames;
}

void tier_settle(struct vm *vm)
{
    tier_lend(vm);
    tier_take_back(vm);
    tier_set_limit(&vm->tier);
}

/* ---- the setting ---- */

uint32_t tier_excess(const struct tier *tier)
{
    uint64_t frames = compress_frames(&tier->store), pages = tier->store.pages;

    if (pages == 0 || frames <= tier->limit)
        return 0;
    return (uint32_t)((pages * (frames - tier->limit) + frames - 1) / frames);
}

int tier_set(struct vm *vm, uint64_t percent)
{
    struct tier *tier = &vm->tier;
    uint32_t frames = vm->table.count - vm->table.counts[PAGE_OUTSIDE];
    uint32_t percent_before = tier->percent, limit_before = tier->limit;

    if (percent > TIER_MOST)
        return EINVAL;
    tier->percent = (uint32_t)percent;
    tier->limit = (uint32_t)(frames * percent / 100);
    tier_lend(vm);
    if (tier->store.spare < tier_reserve(tier) ||
        (tier->limit < limit_before && !reclaim_fits(vm))) {
        tier->percent = percent_before;
        tier->limit = limit_before;
        tier_take_back(vm);
        return ENOMEM;
    }
    tier->full = false;
    tier_settle(vm);
    reclaim_set_levels(vm);
    return 0;
}

/* ---- pages ---- */

bool tier_put(struct vm *vm, uint32_t page, bool dirty, uint64_t *leaf)
{
    struct tier *tier = &vm->tier;
    struct page *record = &vm->table.pages[page];
    uint64_t handle;

    if (dirty)
        record->flags &= (uint8_t)~PAGE_DENSE;
    if (!tier_takes(tier) || record->flags & PAGE_DENSE)
        return false;
    switch (compress_put(&tier->store, page_contents(&vm->table, page), &handle)) {
    case COMPRESS_OK:
        *leaf = index_leaf_compressed(handle);
        tier->counts.put++;
        return true;
    case COMPRESS_ZERO:
        *leaf = INDEX_LEAF_ZERO;
        return true;
    case COMPRESS_DOES_NOT_PAY:
        record->flags |= PAGE_DENSE;
        tier->counts.dense++;
        return false;
    case COMPRESS_NO_ROOM:
    case COMPRESS_BROKEN:
        break;
    }
    tier->full = true;
    return false;
}

bool tier_get(struct vm *vm, uint64_t leaf, uint32_t page)
{
    struct tier *tier = &vm->tier;
    bool whole = compress_get(&tier->store, index_leaf_handle(leaf),
                              page_contents(&vm->table, page)) == COMPRESS_OK;

    tier->counts.got += whole;
    tier->counts.broken += !whole;
    return whole;
}

void tier_drop(struct vm *vm, uint64_t leaf)
{
    struct tier *tier = &vm->tier;

    (void)compress_drop(&tier->store, index_leaf_handle(leaf));
    tier->full = false;
    tier_settle(vm);
    if (!tier_is_used(tier))
        reclaim_set_levels(vm);
}
