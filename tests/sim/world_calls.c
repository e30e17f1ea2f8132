/* Small worlds: see world_calls.h. */
#include "world_calls.h"

#include <errno.h>

#include "memory_values.h"
#include "protocol.h"
#include "world.h"

#define WORLD   (0x20000000ull - 3 * CALLS_PAGE) /* a page table ends inside */
#define RW      (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
#define SHARED  (MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED)
#define HINT    (MAP_PRIVATE | MAP_ANONYMOUS)
#define NEVER   (-1)
#define MOVES   (MREMAP_MAYMOVE | MREMAP_FIXED)
#define PLACE   77u /* the byte of a page that programs touch */

/* A call on [address, address + bytes), and the model's on the pages.  Both set *at, if the call says where
 * something is. */
struct call_kind {
    int (*core)(struct calls_world *world, const struct call_case *asked, uint64_t address,
                uint64_t bytes, uint64_t *at);
    int (*model)(struct pages *pages, const struct call_case *asked, uint64_t *at);
    int odd_error; /* of an address that is not aligned; NEVER: it may be */
    int huge_error;
    bool one_page; /* it is about one page only */
    bool alone;    /* there may be no second space */
};

uint64_t calls_address(uint32_t page)
{
    return page < PAGES_ZONE ? WORLD + page * CALLS_PAGE
                             : PROGRAM_MMAP_BASE + (page - PAGES_ZONE) * CALLS_PAGE;
}

static struct pages_range case_range(const struct call_case *asked)
{
    return (struct pages_range){0, asked->first, asked->end};
}

/* ---- mmap, brk ---- */

static int map_core(struct calls_world *world, const struct call_case *asked, uint64_t address,
                    uint64_t bytes, uint64_t *at)
{
    struct vm_map_request request = {.address = address,
                                     .bytes = bytes,
                                     .protection = asked->call->value,
                                     .flags = asked->call->flags,
                                     .readable = true,
                                     .writable = asked->call->writable};

    if (asked->call->file) {
        request.file = world->file;
        request.offset = asked->first * CALLS_PAGE;
    }
    return vm_map(&world->fake.vm, world->space, &request, at);
}

static int map_model(struct pages *pages, const struct call_case *asked, uint64_t *at)
{
    struct pages_range range = case_range(asked);
    struct pages_mapping mapping = {.protection = asked->call->value,
                                    .flags = asked->call->flags,
                                    .file = asked->call->file,
                                    .writable = asked->call->writable};

    if (!(mapping.flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && !pages_is_free(pages, &range)) {
        range.end = PAGES_ZONE + range.end - range.first;
        range.first = PAGES_ZONE;
    }
    *at = calls_address(range.first);
    return pages_map(pages, &range, &mapping);
}

/* The break goes up over the range, and down again to behind its first page. */
static int break_core(struct calls_world *world, const struct call_case *asked, uint64_t address,
                      uint64_t bytes, uint64_t *at)
{
    struct space *space = world->space;
    int error;

    space->heap_start = space->heap_end = address;
    error = vm_break(&world->fake.vm, space, address + bytes, at);
    if (!error && asked->call->value)
        error = vm_break(&world->fake.vm, space, address + 1, at);
    if (error)
        space->heap_start = space->heap_end = 0;
    return error;
}

static int break_model(struct pages *pages, const struct call_case *asked, uint64_t *at)
{
    const struct pages_range range = case_range(asked), rest = {0, asked->first + 1, asked->end};
    const struct pages_mapping mapping = {.protection = RW, .flags = PRIVATE, .heap = true};
    int error = pages_map(pages, &range, &mapping);

    *at = calls_address(asked->end);
    if (error || !asked->call->value)
        return error;
    pages_unmap(pages, &rest);
    *at = calls_address(asked->first) + 1;
    return 0;
}

/* ---- munmap, mprotect, madvise ---- */

static int unmap_core(struct calls_world *world, const struct call_case *asked, uint64_t address,
                      uint64_t bytes, uint64_t *at)
{
    (void)asked;
    (void)at;
    return vm_unmap(&world->fake.vm, world->space, address, bytes);
}

static int unmap_model(struct pages *pages, const struct call_case *asked, uint64_t *at)
{
    struct pages_range range = case_range(asked);

    (void)at;
    pages_unmap(pages, &range);
    return 0;
}

static int protect_core(struct calls_world *world, const struct call_case *asked, uint64_t address,
                        uint64_t bytes, uint64_t *at)
{
    (void)at;
    return vm_protect(&world->fake.vm, world->space, address, bytes, asked->call->value);
}

static int protect_model(struct pages *pages, const struct call_case *asked, uint64_t *at)
{
    struct pages_range range = case_range(asked);

    (void)at;
    return pages_protect(pages, &range, asked->call->value);
}

static int advise_core(struct calls_world *world, const struct call_case *asked, uint64_t address,
                       uint64_t bytes, uint64_t *at)
{
    (void)at;
    return vm_advise(&world->fake.vm, world->space, address, bytes, asked->call->value);
}

static int advise_model(struct pages *pages, const struct call_case *asked, uint64_t *at)
{
    struct pages_range range = case_range(asked);

    (void)at;
    return pages_advise(pages, &range, asked->call->value);
}

/* ---- mlock and the like ---- */

static int lock_core(struct calls_world *world, const struct call_case *asked, uint64_t address,
                     uint64_t bytes, uint64_t *at)
{
    (void)at;
    return vm_wire(&world->fake.vm, world->space, address, bytes, asked->call->value);
}

static int lock_model(struct pages *pages, const struct call_case *asked, uint64_t *at)
{
    struct pages_range range = case_range(asked);

    (void)at;
    return pages_lock(pages, &range, asked->call->value != MLOCK_ONFAULT);
}

static int unlock_core(struct calls_world *world, const struct call_case *asked, uint64_t address,
                       uint64_t bytes, uint64_t *at)
{
    (void)asked;
    (void)at;
    return vm_unwire(&world->fake.vm, world->space, address, bytes);
}

static int unlock_model(struct pages *pages, const struct call_case *asked, uint64_t *at)
{
    struct pages_range range = case_range(asked);

    (void)at;
    return pages_unlock(pages, &range);
}

static int lock_all_core(struct calls_world *world, const struct call_case *asked, uint64_t address,
                         uint64_t bytes, uint64_t *at)
{
    (void)address;
    (void)bytes;
    (void)at;
    if (asked->call->value)
        return vm_wire_all(&world->fake.vm, world->space, asked->call->value);
    vm_unwire_all(&world->fake.vm, world->space);
    return 0;
}

static int lock_all_model(struct pages *pages, const struct call_case *asked, uint64_t *at)
{
    (void)at;
    pages_lock_all(pages, 0, asked->call->value);
    return 0;
}

static int sync_core(struct calls_world *world, const struct call_case *asked, uint64_t address,
                     uint64_t bytes, uint64_t *at)
{
    (void)at;
    return vm_sync(world->space, address, bytes, asked->call->value);
}

static int sync_model(struct pages *pages, const struct call_case *asked, uint64_t *at)
{
    struct pages_range range = case_range(asked);

    (void)at;
    return pages_sync(pages, &range, asked->call->value);
}

/* *at: a bit for each page that is resident. */
static int resident_core(struct calls_world *world, const struct call_case *asked, uint64_t address,
                         uint64_t bytes, uint64_t *at)
{
    struct vm *vm = &world->fake.vm;
    const uint8_t *vector;
    uint64_t pages;
    int error = vm_resident(vm, world->space, address, bytes, CALLS_VECTOR, &pages);

    *at = 0;
    if (error)
        return error;
    world_expect_equal(pages, asked->end - asked->first, "pages that mincore did");
    world_expect(vm_find_to_read(vm, world->space, CALLS_VECTOR, &vector) == 0, "the vector");
    for (uint64_t i = 0; i < pages; i++)
        *at |= (uint64_t)vector[i] << i;
    return 0;
}

static int resident_model(struct pages *pages, const struct call_case *asked, uint64_t *at)
{
    const struct pages_range range = case_range(asked);

    *at = 0;
    if (!pages_is_mapped(pages, &range))
        return ENOMEM;
    for (uint32_t i = range.first; i < range.end; i++)
        *at |= (uint64_t)pages_is_resident(pages, &pages->page[0][i]) << (i - range.first);
    return 0;
}

static int populate_core(struct calls_world *world, const struct call_case *asked, uint64_t address,
                         uint64_t bytes, uint64_t *at)
{
    (void)asked;
    (void)at;
    return vm_populate(&world->fake.vm, world->space, address, address + bytes);
}

static int populate_model(struct pages *pages, const struct call_case *asked, uint64_t *at)
{
    struct pages_range range = case_range(asked);

    (void)at;
    pages_populate(pages, &range);
    return 0;
}

/* ---- mremap ---- */

static int move_core(struct calls_world *world, const struct call_case *asked, uint64_t address,
                     uint64_t bytes, uint64_t *at)
{
    const struct call *call = asked->call;
    int count = (int)(asked->end - asked->first) + call->more;
    struct vm_remap_request request = {.address = address,
                                       .old_bytes = call->second ? 0 : bytes,
                                       .bytes = (uint64_t)count * CALLS_PAGE,
                                       .flags = call->flags,
                                       .to = calls_address(asked->to)};

    return vm_remap(&world->fake.vm, world->space, &request, at);
}

static int move_model(struct pages *pages, const struct call_case *asked, uint64_t *at)
{
    const struct call *call = asked->call;
    struct pages_range range = case_range(asked);
    struct pages_move move = {.count = (uint32_t)((int)(range.end - range.first) + call->more),
                              .flags = call->flags,
                              .to = asked->to};
    int error;

    if (call->second)
        range.end = range.first;
    error = pages_move(pages, &range, &move);
    *at = calls_address(move.to);
    return error;
}

/* ---- fork, accesses ---- */

static int fork_core(struct calls_world *world, const struct call_case *asked, uint64_t address,
                     uint64_t bytes, uint64_t *at)
{
    struct vm *vm = &world->fake.vm;
    struct space *child = space_create(vm, 2);

    (void)asked;
    (void)address;
    (void)bytes;
    (void)at;
    world_expect(child && child->id == 1, "no space for a child");
    return vm_fork(vm, world->space, child);
}

static int fork_model(struct pages *pages, const struct call_case *asked, uint64_t *at)
{
    (void)asked;
    (void)at;
    pages_fork(pages);
    return 0;
}

static void calls_settle(struct calls_world *world)
{
    if (world->disk)
        world_disk_settle(world->disk);
}

/* An access, repeated while it waits for a disk. */
static enum fake_outcome touch_until_done(struct calls_world *world, struct space *space,
                                          uint64_t address, uint32_t access, uint8_t *byte)
{
    enum fake_outcome outcome = fake_touch(&world->fake, space, address, access, byte);

    for (uint32_t turns = 0; outcome == FAKE_WAITS; turns++) {
        world_expect(world->disk && turns < 10, "an access that waits for ever");
        calls_settle(world);
        outcome = fake_touch(&world->fake, space, address, access, byte);
    }
    return outcome;
}

/* *at: the byte that was read. */
static int touch_core(struct calls_world *world, const struct call_case *asked, uint64_t address,
                      uint64_t bytes, uint64_t *at)
{
    uint8_t byte = 0x5a;

    (void)bytes;
    if (touch_until_done(world, world->space, address + PLACE, asked->call->value, &byte) !=
        FAKE_DONE)
        return fake_last_event.signal;
    *at = byte;
    return 0;
}

static int touch_model(struct pages *pages, const struct call_case *asked, uint64_t *at)
{
    uint32_t signal = pages_touch(pages, 0, asked->first, asked->call->value, 0x5a);

    *at = pages_byte(pages, &pages->page[0][asked->first]);
    return (int)signal;
}

/* ---- all of them ---- */

static const struct call_kind kind_map = {map_core, map_model, EINVAL, ENOMEM, false, false};
static const struct call_kind kind_hint = {map_core, map_model, NEVER, ENOMEM, false, false};
static const struct call_kind kind_break = {break_core, break_model, NEVER, NEVER, false, false};
static const struct call_kind kind_unmap = {unmap_core, unmap_model, EINVAL, EINVAL, false, false};
static const struct call_kind kind_protect = {protect_core, protect_model, EINVAL,
                                              ENOMEM,       false,         false};
static const struct call_kind kind_advise = {advise_core, advise_model, EINVAL,
                                             EINVAL,      false,        false};
static const struct call_kind kind_lock = {lock_core, lock_model, NEVER, ENOMEM, false, false};
static const struct call_kind kind_unlock = {unlock_core, unlock_model, NEVER,
                                             EINVAL,      false,        false};
static const struct call_kind kind_lock_all = {lock_all_core, lock_all_model, NEVER,
                                               NEVER,         true,           false};
static const struct call_kind kind_sync = {sync_core, sync_model, EINVAL, ENOMEM, false, false};
static const struct call_kind kind_resident = {resident_core, resident_model, EINVAL,
                                               ENOMEM,        false,          false};
static const struct call_kind kind_populate = {populate_core, populate_model, NEVER,
                                               NEVER,         false,          false};
static const struct call_kind kind_move = {move_core, move_model, EINVAL, EINVAL, false, false};
static const struct call_kind kind_second = {move_core, move_model, EINVAL, NEVER, false, false};
static const struct call_kind kind_fork = {fork_core, fork_model, NEVER, NEVER, true, true};
static const struct call_kind kind_touch = {touch_core, touch_model, NEVER, NEVER, true, false};

const struct call calls_all[] = {
    {"mmap", &kind_map, RW, PRIVATE, false, false, 0, false},
    {"mmap-read", &kind_map, PROT_READ, PRIVATE, false, false, 0, false},
    {"mmap-shared", &kind_map, RW, SHARED, false, false, 0, false},
    {"mmap-file", &kind_map, RW, MAP_PRIVATE | MAP_FIXED, true, false, 0, false},
    {"mmap-text", &kind_map, PROT_READ, MAP_SHARED | MAP_FIXED, true, false, 0, false},
    {"mmap-populate", &kind_map, RW, PRIVATE | MAP_POPULATE, false, false, 0, false},
    {"mmap-locked", &kind_map, RW, PRIVATE | MAP_LOCKED, false, false, 0, false},
    {"mmap-noreserve", &kind_map, RW, PRIVATE | MAP_NORESERVE, false, false, 0, false},
    {"mmap-noreplace", &kind_map, RW, HINT | MAP_FIXED_NOREPLACE, false, false, 0, false},
    {"mmap-hint", &kind_hint, RW, HINT, false, false, 0, false},
    {"brk", &kind_break, 0, 0, false, false, 0, false},
    {"brk-back", &kind_break, 1, 0, false, false, 0, false},
    {"munmap", &kind_unmap, 0, 0, false, false, 0, false},
    {"mprotect-none", &kind_protect, PROT_NONE, 0, false, false, 0, false},
    {"mprotect-read", &kind_protect, PROT_READ, 0, false, false, 0, false},
    {"mprotect-write", &kind_protect, PROT_WRITE, 0, false, false, 0, false},
    {"normal", &kind_advise, MADV_NORMAL, 0, false, false, 0, false},
    {"random", &kind_advise, MADV_RANDOM, 0, false, false, 0, false},
    {"willneed", &kind_advise, MADV_WILLNEED, 0, false, false, 0, false},
    {"dontneed", &kind_advise, MADV_DONTNEED, 0, false, false, 0, false},
    {"free", &kind_advise, MADV_FREE, 0, false, false, 0, false},
    {"cold", &kind_advise, MADV_COLD, 0, false, false, 0, false},
    {"pageout", &kind_advise, MADV_PAGEOUT, 0, false, false, 0, false},
    {"mergeable", &kind_advise, MADV_MERGEABLE, 0, false, false, 0, false},
    {"unmergeable", &kind_advise, MADV_UNMERGEABLE, 0, false, false, 0, false},
    {"mlock", &kind_lock, 0, 0, false, false, 0, false},
    {"mlock-onfault", &kind_lock, MLOCK_ONFAULT, 0, false, false, 0, false},
    {"munlock", &kind_unlock, 0, 0, false, false, 0, false},
    {"mlockall", &kind_lock_all, MCL_CURRENT, 0, false, false, 0, false},
    {"munlockall", &kind_lock_all, 0, 0, false, false, 0, false},
    {"msync", &kind_sync, MS_SYNC, 0, false, false, 0, false},
    {"msync-invalidate", &kind_sync, MS_INVALIDATE, 0, false, false, 0, false},
    {"mincore", &kind_resident, 0, 0, false, false, 0, false},
    {"populate", &kind_populate, 0, 0, false, false, 0, false},
    {"shrink", &kind_move, 0, 0, false, false, -1, false},
    {"same", &kind_move, 0, 0, false, false, 0, false},
    {"grow", &kind_move, 0, 0, false, false, 1, false},
    {"grow-move", &kind_move, 0, MREMAP_MAYMOVE, false, false, 2, false},
    {"move", &kind_move, 0, MOVES, false, false, 0, false},
    {"move-shrink", &kind_move, 0, MOVES, false, false, -1, false},
    {"move-grow", &kind_move, 0, MOVES, false, false, 1, false},
    {"second", &kind_second, 0, MREMAP_MAYMOVE, false, true, 0, false},
    {"second-fixed", &kind_second, 0, MOVES, false, true, 0, false},
    {"keep", &kind_move, 0, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, false, false, 0, false},
    {"keep-fixed", &kind_move, 0, MOVES | MREMAP_DONTUNMAP, false, false, 0, false},
    {"fork", &kind_fork, 0, 0, false, false, 0, false},
    {"read", &kind_touch, FL_ACCESS_READ, 0, false, false, 0, false},
    {"write", &kind_touch, FL_ACCESS_WRITE, 0, false, false, 0, false},
};
const uint32_t calls_count = sizeof(calls_all) / sizeof(calls_all[0]);

bool calls_takes_target(const struct call *call)
{
    return call->kind->model == move_model && (call->flags & MREMAP_FIXED);
}

bool calls_has_case(const struct call_case *asked)
{
    const struct call_kind *kind = asked->call->kind;

    if (kind->one_page && (asked->end != asked->first + 1 || asked->skew != SKEW_NONE))
        return false;
    if ((int)(asked->end - asked->first) + asked->call->more <= 0)
        return false;
    switch (asked->skew) {
    case SKEW_TAIL:
        return kind->odd_error != NEVER;
    case SKEW_ODD:
        return kind->odd_error != NEVER;
    case SKEW_HUGE:
        return kind->huge_error != NEVER;
    case SKEW_NONE:
    case SKEWS:
        break;
    }
    return true;
}

void calls_make(struct calls_world *world, const struct call_case *asked)
{
    const struct call_kind *kind = asked->call->kind;
    uint64_t address = calls_address(asked->first), at = 0, expected_at = 0;
    uint64_t bytes = (asked->end - asked->first) * CALLS_PAGE;
    int error, expected;

    if (kind->alone && world->fake.vm.spaces[1])
        return;
    address += asked->skew == SKEW_ODD;
    if (asked->skew == SKEW_TAIL)
        bytes--;
    else if (asked->skew == SKEW_HUGE)
        bytes = UINT64_MAX - CALLS_PAGE / 2;
    error = kind->core(world, asked, address, bytes, &at);
    for (uint32_t turns = 0; error == EINPROGRESS; turns++) {
        world_expect(world->disk && turns < 100, "a call that waits for ever");
        calls_settle(world);
        error = kind->core(world, asked, address, bytes, &at);
    }
    calls_settle(world);
    if (asked->skew == SKEW_ODD)
        expected = kind->odd_error;
    else if (asked->skew == SKEW_HUGE)
        expected = kind->huge_error;
    else
        expected = kind->model(&world->pages, asked, &expected_at);
    world_expect_equal((uint64_t)error, (uint64_t)expected, "the errno, or the signal");
    world_expect_equal(error ? 0 : at, error ? 0 : expected_at, "the address, or what was read");
}

void calls_touch(struct calls_world *world, uint32_t space, uint32_t page, uint32_t access,
                 uint8_t byte)
{
    uint32_t signal = pages_touch(&world->pages, space, page, access, byte);
    enum fake_outcome outcome = touch_until_done(world, world->fake.vm.spaces[space],
                                                 calls_address(page) + PLACE, access, &byte);

    world_expect_equal(outcome == FAKE_DONE ? 0 : fake_last_event.signal, signal, "the signal");
    if (outcome == FAKE_DONE)
        world_expect_equal(byte, pages_byte(&world->pages, &world->pages.page[space][page]),
                           "the byte that an access reads");
}

void calls_map(struct calls_world *world, uint32_t page, const struct pages_mapping *mapping)
{
    const struct call call = {.name = "layout",
                              .kind = &kind_map,
                              .value = mapping->protection,
                              .flags = mapping->flags | MAP_FIXED,
                              .file = mapping->file,
                              .writable = mapping->writable};
    const struct call_case asked = {.call = &call, .first = page, .end = page + 1};

    calls_make(world, &asked);
}
