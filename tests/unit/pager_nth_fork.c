/* The N-th failure of everything in the other memory calls, in fork, and at the end of programs. */
#include "pager_nth.h"

#include "harness.h"

#define COUNT(table) (uint32_t)(sizeof(table) / sizeof((table)[0]))

/* ---- mremap ---- */

static int remap(uint64_t from, uint64_t old, uint64_t pages, uint64_t flags, uint64_t to)
{
    const struct vm_remap_request request = {from, old * PAGE, pages * PAGE, flags, to};

    return vm_remap(nth.vm, nth.a, &request, &nth.at);
}

static int call_remap_grow(void)
{
    return remap(ANON, 12, 15, 0, 0);
}
static int call_remap_move(void)
{
    return remap(ANON + PAGE, 4, 9, MREMAP_MAYMOVE, 0);
}
static int call_remap_fixed(void)
{
    return remap(ANON + PAGE, 2, 3, MREMAP_MAYMOVE | MREMAP_FIXED, SPLIT + PAGE);
}
static int call_remap_shrink(void)
{
    return remap(ANON, 11, 2, 0, 0);
}
static int call_remap_shrink_fixed(void)
{
    return remap(ANON, 7, 2, MREMAP_MAYMOVE | MREMAP_FIXED, ODD + PAGE);
}
static int call_remap_keep(void)
{
    return remap(ANON + PAGE, 3, 3, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
}
static int call_remap_keep_file(void)
{
    return remap(FILE_PRIVATE, 3, 3, MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED,
                 SPLIT + PAGE);
}
/* One mapping of two objects, as the lower one came last: each is kept by a record of its own. */
static void prepare_keep_two(void)
{
    nth_map(nth.a, FREE_AT + 2 * PAGE, 2, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
    nth_map(nth.a, FREE_AT, 2, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
    nth_write(nth.a, FREE_AT, 1);
    nth_write(nth.a, FREE_AT + 2 * PAGE, 2);
}
static int call_remap_keep_two(void)
{
    return remap(FREE_AT, 4, 4, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
}
static int call_remap_second(void)
{
    return remap(SHARED, 0, 3, MREMAP_MAYMOVE, 0);
}
static int call_remap_wired(void)
{
    return remap(WIRED, 3, 6, MREMAP_MAYMOVE, 0);
}
static int call_remap_shared(void)
{
    return remap(SHARED, 4, 7, 0, 0);
}
static int call_remap_file(void)
{
    return remap(FILE_PRIVATE, 4, 6, MREMAP_MAYMOVE, 0);
}

static const struct nth_scenario remaps[] = {
    {"remap-grow", call_remap_grow, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"remap-move", call_remap_move, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"remap-fixed", call_remap_fixed, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"remap-shrink", call_remap_shrink, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"remap-shrink-fixed", call_remap_shrink_fixed, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"remap-keep", call_remap_keep, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"remap-keep-file", call_remap_keep_file, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"remap-keep-two", call_remap_keep_two, NTH_NO_MEMORY, NTH_EXACT, prepare_keep_two, NULL},
    {"remap-second", call_remap_second, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"remap-wired", call_remap_wired, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"remap-shared", call_remap_shared, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"remap-file", call_remap_file, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
};

TEST("an mremap that fails changes nothing")
{
    nth_sweep(remaps, COUNT(remaps));
}

/* ---- madvise, mlock, mincore, limits ---- */

static int call_drop_middle(void)
{
    return vm_advise(nth.vm, nth.a, ANON + PAGE, 2 * PAGE, MADV_DONTNEED);
}
static int call_drop_several(void)
{
    return vm_advise(nth.vm, nth.b, SPLIT + PAGE, 6 * PAGE, MADV_DONTNEED);
}
static int call_drop_file(void)
{
    return vm_advise(nth.vm, nth.b, FILE_PRIVATE, 3 * PAGE, MADV_DONTNEED);
}
static int call_free(void)
{
    return vm_advise(nth.vm, nth.c, ANON + 5 * PAGE, 5 * PAGE, MADV_FREE);
}
static int call_random(void)
{
    return vm_advise(nth.vm, nth.a, SPLIT + PAGE, 6 * PAGE, MADV_RANDOM);
}
static int call_will_need(void)
{
    return vm_advise(nth.vm, nth.a, SPLIT, 8 * PAGE, MADV_WILLNEED);
}
static int call_wire_middle(void)
{
    return vm_wire(nth.vm, nth.a, ANON + PAGE, 3 * PAGE, 0);
}
static int call_wire_several(void)
{
    return vm_wire(nth.vm, nth.b, SPLIT + PAGE, 6 * PAGE, 0);
}
static int call_wire_file(void)
{
    return vm_wire(nth.vm, nth.a, ODD + PAGE, 2 * PAGE, 0);
}
static int call_wire_later(void)
{
    return vm_wire(nth.vm, nth.a, ANON + PAGE, 3 * PAGE, MLOCK_ONFAULT);
}
static int call_unwire_middle(void)
{
    return vm_unwire(nth.vm, nth.a, WIRED + PAGE, PAGE);
}
/* Areas that may not be accessed are left out, as is the stack; so the limit is no matter. */
static int call_wire_all(void)
{
    return vm_wire_all(nth.vm, nth.a, MCL_CURRENT | MCL_FUTURE);
}
static void prepare_wire_all(void)
{
    nth.a->limits[LIMIT_MEMLOCK].soft = nth.a->limits[LIMIT_MEMLOCK].hard = 64ull << 20;
    (void)vm_unmap(nth.vm, nth.a, FILE_SHARED, 0x2000000);
}
static int call_resident(void)
{
    return vm_resident(nth.vm, nth.a, ANON, 12 * PAGE, FREE_AT + PAGE - 6, &nth.at);
}
static void prepare_resident(void)
{
    nth_map(nth.a, FREE_AT, 2, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
    nth.mask = (struct snapshot_mask){.space = nth.a, .start = FREE_AT, .end = FREE_AT + 2 * PAGE};
}
static int call_limit_grow(void)
{
    const struct limit limit = {PROGRAM_STACK_BYTES, PROGRAM_STACK_BYTES};
    struct limit old;

    return vm_limit(nth.vm, nth.a, RLIMIT_STACK, &limit, &old);
}
static void prepare_limit(void)
{
    const struct limit limit = {8 * PAGE, PROGRAM_STACK_BYTES};
    struct limit old;

    (void)vm_limit(nth.vm, nth.a, RLIMIT_STACK, &limit, &old);
}

static const struct nth_scenario advices[] = {
    {"drop-middle", call_drop_middle, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"drop-several", call_drop_several, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"drop-file", call_drop_file, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"free", call_free, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"advise-random", call_random, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"advise-will-need", call_will_need, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"wire-middle", call_wire_middle, NTH_NO_MEMORY | NTH_ERROR(EAGAIN), NTH_VISIBLE, NULL, NULL},
    {"wire-several", call_wire_several, NTH_NO_MEMORY | NTH_ERROR(EAGAIN), NTH_VISIBLE, NULL, NULL},
    {"wire-file", call_wire_file, NTH_NO_MEMORY | NTH_ERROR(EAGAIN), NTH_VISIBLE, NULL, NULL},
    {"wire-later", call_wire_later, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"unwire-middle", call_unwire_middle, NTH_NO_MEMORY, NTH_EXACT, NULL, NULL},
    {"wire-all", call_wire_all, NTH_NO_MEMORY | NTH_ERROR(EAGAIN), NTH_VISIBLE, prepare_wire_all,
     NULL},
    {"resident", call_resident, NTH_NO_MEMORY | NTH_ERROR(EFAULT), NTH_VISIBLE, prepare_resident,
     NULL},
    {"limit-grow", call_limit_grow, NTH_NO_MEMORY, NTH_EXACT, prepare_limit, NULL},
};

TEST("madvise, mlock, mincore and setrlimit that fail change nothing")
{
    nth_sweep(advices, COUNT(advices));
}

/* ---- fork and the end ---- */

static int call_fork(void)
{
    return vm_fork(nth.vm, nth.a, nth.child);
}
static int call_fork_child(void)
{
    return vm_fork(nth.vm, nth.b, nth.child);
}
static int call_fork_last(void)
{
    return vm_fork(nth.vm, nth.c, nth.child);
}
static void prepare_fork(void)
{
    nth.child = space_create(nth.vm, 9);
}
static void prepare_fork_clones(void)
{
    prepare_fork();
    nth.vm->fork_clones = true;
}
/* Wired pages far apart: their copies need nodes of the index. */
static void prepare_fork_wired(void)
{
    prepare_fork();
    nth_map(nth.a, FREE_AT, 300, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
    nth_write(nth.a, FREE_AT, 1);
    nth_write(nth.a, FREE_AT + 299 * PAGE, 2);
    (void)vm_wire(nth.vm, nth.a, FREE_AT, 300 * PAGE, MLOCK_ONFAULT);
}
/* The child of a fork writes, and so does its parent. */
static int call_fork_and_write(void)
{
    int error = nth.done == 0 ? vm_fork(nth.vm, nth.b, nth.child) : 0;

    if (error)
        return error;
    nth.done = 1;
    error = nth_touch(nth.child, ANON, FL_ACCESS_WRITE);
    return error ? error : nth_touch(nth.b, SPLIT, FL_ACCESS_WRITE);
}
static const char *check_fork_and_write(void)
{
    return nth.done || nth.child->map.count == 0 ? NULL : "a refused fork left areas";
}
static void prepare_fork_and_write(void)
{
    prepare_fork();
    nth.mask = (struct snapshot_mask){.space = nth.child, .whole = true};
}
static int call_exit_middle(void)
{
    if (nth.b)
        nth_destroy(nth.b);
    nth.b = NULL;
    return 0;
}
static int call_exit_first(void)
{
    if (nth.a)
        nth_destroy(nth.a);
    nth.a = NULL;
    return 0;
}
static int call_exit_two(void)
{
    call_exit_first();
    return call_exit_middle();
}
/* A merge that was put off is made up for by the next taking of a page, or by the end. */
static int call_exit_then_write(void)
{
    call_exit_middle();
    return nth_touch(nth.a, ANON + 2 * PAGE, FL_ACCESS_WRITE);
}
static int call_exit_then_take(void)
{
    int error;

    call_exit_first();
    error = nth_touch(nth.b, ANON, FL_ACCESS_WRITE);
    return error ? error : nth_touch(nth.c, ANON + 2 * PAGE, FL_ACCESS_WRITE);
}
/* B holds pages that lie apart: a merge needs nodes for them. */
static void prepare_exit_apart(void)
{
    nth_map(nth.a, FREE_AT, 5000, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE);
    for (uint64_t i = 0; i < 8; i++)
        nth_write(nth.a, FREE_AT + 600 * i * PAGE, (uint8_t)i);
    nth.child = nth_fork(nth.a);
    for (uint64_t i = 0; i < 8; i++)
        nth_write(nth.child, FREE_AT + (600 * i + 70) * PAGE, (uint8_t)i);
    (void)nth_fork(nth.child);
    nth.mask = (struct snapshot_mask){0};
}
static int call_exit_apart(void)
{
    if (nth.child)
        nth_destroy(nth.child);
    nth.child = NULL;
    return call_exit_first();
}

static const struct nth_scenario forks[] = {
    {"fork", call_fork, NTH_NO_MEMORY, NTH_EXACT, prepare_fork, NULL},
    {"fork-child", call_fork_child, NTH_NO_MEMORY, NTH_EXACT, prepare_fork, NULL},
    {"fork-last", call_fork_last, NTH_NO_MEMORY, NTH_EXACT, prepare_fork, NULL},
    {"fork-clones", call_fork, NTH_NO_MEMORY, NTH_EXACT, prepare_fork_clones, NULL},
    {"fork-wired", call_fork, NTH_NO_MEMORY, NTH_EXACT, prepare_fork_wired, NULL},
    {"fork-and-write", call_fork_and_write, NTH_NO_MEMORY, NTH_PARTIAL, prepare_fork_and_write,
     check_fork_and_write},
    {"exit-middle", call_exit_middle, 0, NTH_EXACT, NULL, NULL},
    {"exit-first", call_exit_first, 0, NTH_EXACT, NULL, NULL},
    {"exit-two", call_exit_two, 0, NTH_EXACT, NULL, NULL},
    {"exit-apart", call_exit_apart, 0, NTH_EXACT, prepare_exit_apart, NULL},
};

TEST("a fork that fails changes nothing, and no end of a program needs anything")
{
    nth_sweep(forks, COUNT(forks));
}

/* What ended stays ended: the write that follows is what may fail. */
static const char *check_nothing(void)
{
    return NULL;
}
static void prepare_end(void)
{
    nth.mask = (struct snapshot_mask){.space = nth.b, .whole = true};
}
static void prepare_end_first(void)
{
    nth.mask = (struct snapshot_mask){.space = nth.a, .whole = true};
}

static const struct nth_scenario ends[] = {
    {"exit-then-write", call_exit_then_write, NTH_NO_MEMORY, NTH_PARTIAL, prepare_end,
     check_nothing},
    {"exit-then-take", call_exit_then_take, NTH_NO_MEMORY, NTH_PARTIAL, prepare_end_first,
     check_nothing},
};

TEST("memory that an ended program shared stays right for the others, whatever failed at its end")
{
    nth_sweep(ends, COUNT(ends));
}
