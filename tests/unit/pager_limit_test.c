/* Limits, promises and reservations to the last byte, page and record. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "memory_values.h"
#include "pager_fake.h"
#include "protocol.h"

#define PAGE    ((uint64_t)FL_PAGE_BYTES)
#define RW      (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)

static struct fake fake;

static void limit_sound(void)
{
    const char *broken = fake_check(&fake);

    CHECK_STRING(broken ? broken : "", "");
}

static struct space *limit_begin(uint32_t frames)
{
    fake_init(&fake, frames);
    fake_start(&fake);
    return space_create(&fake.vm, 1);
}

/* The law of all tests here: when spaces are gone, every frame and promise is back. */
static void limit_end(void)
{
    limit_sound();
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (fake.vm.spaces[id])
            fake_destroy_space(&fake, fake.vm.spaces[id]);
    limit_sound();
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], fake.free_pages);
    CHECK_EQ(fake.vm.commit.pages, 0);
    fake_free(&fake);
}

static int limit_map(struct space *space, uint64_t pages, uint64_t *at)
{
    struct vm_map_request request = {.bytes = pages * PAGE, .protection = RW, .flags = PRIVATE};

    return vm_map(&fake.vm, space, &request, at);
}

static int limit_set(struct space *space, uint64_t resource, uint64_t bytes)
{
    struct limit limit = {bytes, LIMIT_INFINITY}, old;

    CHECK_EQ(vm_limit(&fake.vm, space, resource, NULL, &old), 0);
    limit.hard = old.hard;
    return vm_limit(&fake.vm, space, resource, &limit, &old);
}

TEST("a limit between two pages is the lower one")
{
    struct space *space = limit_begin(256);
    uint64_t at;

    for (uint64_t short_by = 0; short_by < 2; short_by++) {
        uint64_t resource = short_by ? RLIMIT_AS : RLIMIT_DATA;

        CHECK_EQ(limit_set(space, resource, 3 * PAGE - 1), 0);
        CHECK_EQ(limit_map(space, 3, &at), ENOMEM);
        CHECK_EQ(limit_map(space, 2, &at), 0);
        CHECK_EQ(limit_set(space, resource, 3 * PAGE), 0);
        CHECK_EQ(limit_map(space, 2, &at), ENOMEM);
        CHECK_EQ(limit_map(space, 1, &at), 0);
        CHECK_EQ(vm_unmap(&fake.vm, space, PROGRAM_MMAP_BASE, 3 * PAGE), 0);
        CHECK_EQ(space->map.count, 0);
        CHECK_EQ(limit_set(space, resource, LIMIT_INFINITY), 0);
    }
    limit_end();
}

TEST("what is locked already counts once however often it is locked again")
{
    struct space *space = limit_begin(256);
    uint64_t at, more;

    CHECK_EQ(limit_map(space, 4, &at), 0);
    CHECK_EQ(limit_map(space, 1, &more), 0);
    CHECK_EQ(limit_set(space, RLIMIT_MEMLOCK, 4 * PAGE), 0);
    CHECK_EQ(vm_wire(&fake.vm, space, at + PAGE, 2 * PAGE, 0), 0);
    CHECK_EQ(vm_wire(&fake.vm, space, at, 4 * PAGE, 0), 0);
    CHECK_EQ(vm_wire(&fake.vm, space, at, 4 * PAGE, 0), 0);
    CHECK_EQ(vm_wire(&fake.vm, space, more, PAGE, 0), ENOMEM);
    CHECK_EQ(vm_unwire(&fake.vm, space, at, PAGE), 0);
    CHECK_EQ(vm_wire(&fake.vm, space, more, PAGE, 0), 0);
    limit_end();
}

TEST("locked memory that mremap moves and leaves counts once, and what is left is not locked")
{
    struct space *space = limit_begin(128);
    uint64_t at, moved;
    struct vm_remap_request request = {
        .old_bytes = 2 * PAGE, .bytes = 2 * PAGE, .flags = MREMAP_MAYMOVE | MREMAP_DONTUNMAP};

    CHECK_EQ(limit_map(space, 2, &at), 0);
    CHECK_EQ(limit_set(space, RLIMIT_MEMLOCK, 2 * PAGE), 0);
    CHECK_EQ(vm_wire(&fake.vm, space, at, 2 * PAGE, 0), 0);
    request.address = at;
    CHECK_EQ(vm_remap(&fake.vm, space, &request, &moved), 0);
    CHECK(!entry_find(&space->map, at)->wired);
    CHECK(entry_find(&space->map, moved)->wired);
    limit_end();
}

TEST("a limit of no locked memory forbids every lock")
{
    struct space *space = limit_begin(256);
    struct vm_map_request request = {
        .bytes = PAGE, .protection = RW, .flags = PRIVATE | MAP_LOCKED};
    uint64_t at;

    CHECK_EQ(limit_map(space, 1, &at), 0);
    CHECK_EQ(limit_set(space, RLIMIT_MEMLOCK, PAGE - 1), 0);
    CHECK_EQ(vm_wire_all(&fake.vm, space, MCL_CURRENT), ENOMEM);
    CHECK_EQ(limit_set(space, RLIMIT_MEMLOCK, 0), 0);
    CHECK_EQ(vm_wire(&fake.vm, space, at, PAGE, 0), EPERM);
    CHECK_EQ(vm_wire_all(&fake.vm, space, MCL_CURRENT), EPERM);
    CHECK_EQ(vm_map(&fake.vm, space, &request, &at), EPERM);
    limit_end();
}

/* ---- the stack ---- */

/* A program with a stack, every page of which is promised. */
static struct space *limit_begin_stack(void)
{
    static const struct fake_segment segments[] = {{0x10000, 0x1000, 0x1000, 0x1000, 5}};
    static uint8_t file[0x2000];
    struct vm_program program;
    struct space *space;

    fake_make_elf(file, segments, 1, 0x10000);
    fake_init(&fake, 4096);
    fake_add_file(&fake, "program", file, sizeof(file), true);
    fake_start(&fake);
    fake.vm.commit.strict = true;
    space = space_create(&fake.vm, 1);
    CHECK_EQ(vm_load(&fake.vm, space, fake_find_file(&fake, "program"), &program), 0);
    CHECK_EQ(fake.vm.commit.pages, PROGRAM_STACK_BYTES / PAGE);
    return space;
}

TEST("a stack that shrinks shows nothing there any more and is promised less; it grows again if it "
     "may")
{
    struct space *space = limit_begin_stack();
    uint64_t low = PROGRAM_STACK_END - 100 * PAGE, rest;
    uint8_t byte = 1;

    CHECK_EQ(fake_touch(&fake, space, low, FL_ACCESS_READ, &byte), FAKE_DONE); /* the zero page */
    CHECK_EQ(limit_set(space, RLIMIT_STACK, 64 * PAGE), 0);
    limit_sound();
    CHECK_EQ(fake.vm.commit.pages, 64);
    CHECK_EQ(fake_touch(&fake, space, low, FL_ACCESS_READ, &byte), FAKE_STOPPED);
    rest = commit_limit(&fake.vm) - fake.vm.commit.pages;
    CHECK(commit_take(&fake.vm, rest - 35));
    CHECK_EQ(limit_set(space, RLIMIT_STACK, 100 * PAGE), ENOMEM);
    CHECK_EQ(limit_set(space, RLIMIT_STACK, 99 * PAGE), 0);
    commit_give(&fake.vm, rest - 35);
    CHECK_EQ(fake.vm.commit.pages, 99);
    CHECK_EQ(limit_set(space, RLIMIT_STACK, 99 * PAGE), 0);
    CHECK_EQ(fake.vm.commit.pages, 99);
    CHECK_EQ(limit_set(space, RLIMIT_STACK, 0), 0); /* one page stays */
    CHECK_EQ(fake.vm.commit.pages, 1);
    CHECK_EQ(fake_touch(&fake, space, PROGRAM_STACK_END - 1, FL_ACCESS_WRITE, &byte), FAKE_DONE);
    limit_end();
}

TEST("a stack that the program rearranged keeps its place, and its limit is kept in mind")
{
    struct space *space = limit_begin_stack();
    uint64_t promised;

    CHECK_EQ(vm_unmap(&fake.vm, space, PROGRAM_STACK_END - PROGRAM_STACK_BYTES, PAGE), 0);
    promised = fake.vm.commit.pages;
    CHECK_EQ(limit_set(space, RLIMIT_STACK, 64 * PAGE), 0);
    CHECK_EQ(fake.vm.commit.pages, promised);
    CHECK_EQ(vm_unmap(&fake.vm, space, PROGRAM_STACK_END - PAGE, PAGE), 0);
    CHECK_EQ(limit_set(space, RLIMIT_STACK, 32 * PAGE), 0);
    CHECK_EQ(space->limits[LIMIT_STACK].soft, 32 * PAGE);
    limit_end();
}

TEST("a stack is no data for the limit, also when it is made writable again")
{
    struct space *space = limit_begin_stack();
    uint64_t start = PROGRAM_STACK_END - 4 * PAGE;

    CHECK_EQ(limit_set(space, RLIMIT_DATA, 0), 0);
    CHECK_EQ(vm_protect(&fake.vm, space, start, 4 * PAGE, PROT_READ), 0);
    CHECK_EQ(vm_protect(&fake.vm, space, start, 4 * PAGE, RW), 0);
    limit_end();
}

/* ---- promises and reservations ---- */

TEST("what a heap grows by when mremap moves it is no heap, as what is moved")
{
    struct space *space = limit_begin(128);
    struct vm_remap_request request = {.address = 0x40000000,
                                       .old_bytes = PAGE,
                                       .bytes = 3 * PAGE,
                                       .flags = MREMAP_MAYMOVE | MREMAP_FIXED,
                                       .to = 0x50000000};
    uint64_t at;

    space->heap_start = space->heap_end = 0x40000000;
    CHECK_EQ(vm_break(&fake.vm, space, 0x40000000 + PAGE, &at), 0);
    CHECK_EQ(entry_find(&space->map, 0x40000000)->use, ENTRY_HEAP);
    CHECK_EQ(vm_remap(&fake.vm, space, &request, &at), 0);
    for (uint64_t i = 0; i < 3; i++)
        CHECK_EQ(entry_find(&space->map, at + i * PAGE)->use, ENTRY_MAPPED);
    limit_end();
}

TEST("strict promises are given to the last page and not beyond")
{
    uint64_t rest;

    limit_begin(256);
    fake.vm.commit.strict = true;
    rest = commit_limit(&fake.vm);
    CHECK(!commit_take(&fake.vm, rest + 1));
    CHECK(commit_take(&fake.vm, rest));
    CHECK(!commit_take(&fake.vm, 1));
    CHECK(commit_take(&fake.vm, 0));
    CHECK(!commit_spares(&fake.vm, 1));
    commit_give(&fake.vm, 1);
    CHECK(commit_spares(&fake.vm, 1));
    CHECK(commit_take(&fake.vm, 1));
    commit_give(&fake.vm, rest);
    limit_end();
}

#define HELD_MAX 256u

/* Takes free records, all but `left` of them, while no frame for more is free. */
static uint32_t limit_hold(struct slab_kind *kind, void **held, uint32_t left)
{
    uint32_t count = 0;

    while (count < HELD_MAX && (held[count] = slab_allocate(kind)) != NULL)
        count++;
    CHECK(count < HELD_MAX && count >= left);
    while (left-- > 0)
        slab_release(kind, held[--count]);
    return count;
}

static void limit_let_go(struct slab_kind *kind, void **held, uint32_t count)
{
    while (count > 0)
        slab_release(kind, held[--count]);
}

TEST("a move that leaves a mapping of several entries behind changes nothing while any record is "
     "short")
{
    static void *entries[HELD_MAX], *objects[HELD_MAX];
    struct space *space = limit_begin(512), *child;
    uint64_t at, moved = 0, promised;
    struct vm_remap_request request = {
        .bytes = 8 * PAGE, .old_bytes = 8 * PAGE, .flags = MREMAP_MAYMOVE | MREMAP_DONTUNMAP};
    uint32_t refused = 0;
    uint8_t byte = 1;

    CHECK_EQ(limit_map(space, 8, &at), 0);
    CHECK_EQ(fake_touch(&fake, space, at, FL_ACCESS_WRITE, &byte), FAKE_DONE);
    CHECK_EQ(fake_touch(&fake, space, at + 4 * PAGE, FL_ACCESS_WRITE, &byte), FAKE_DONE);
    child = space_create(&fake.vm, 2);
    CHECK_EQ(vm_fork(&fake.vm, space, child), 0);
    CHECK_EQ(vm_advise(&fake.vm, space, at, 4 * PAGE, MADV_DONTNEED), 0);
    CHECK_EQ(space->map.count, 2);
    request.address = at;
    promised = fake.vm.commit.pages;
    for (uint32_t way = 0; way < 8 * 3; way++) {
        uint32_t held_entries, held_objects;

        fake_limit(&fake, 0);
        held_entries = limit_hold(&fake.vm.entries, entries, way / 3);
        held_objects = limit_hold(&fake.vm.objects, objects, way % 3);
        refused += vm_remap(&fake.vm, space, &request, &moved) == ENOMEM;
        limit_let_go(&fake.vm.objects, objects, held_objects);
        limit_let_go(&fake.vm.entries, entries, held_entries);
        fake_unlimit(&fake);
        limit_sound();
        CHECK_EQ(fake.vm.commit.pages, promised + (refused <= way ? 8 : 0));
    }
    CHECK_EQ(refused, 8 * 3 - 1); /* 7 entries and 2 objects do */
    limit_end();
}

static bool limit_take_leaf(void *context, uint64_t leaf)
{
    (void)context;
    (void)leaf;
    return true;
}

TEST("an index for which a node is lacking on the way to a key keeps no empty one")
{
    static void *nodes[HELD_MAX];
    const uint64_t key = (1ull << 18) + 5; /* four levels */
    uint32_t failed[2] = {0};

    limit_begin(256);
    for (uint32_t way = 0; way < 8 * 2; way++) {
        struct index index = {0};
        struct index_place place;
        uint32_t held, filled = way % 2;
        bool made;

        if (filled) {
            CHECK(index_make_path(&index, &fake.vm.nodes, 1, &place));
            index_fill(&place, index_leaf_frame(1));
        }
        fake_limit(&fake, 1); /* a frame for seven nodes */
        held = limit_hold(&fake.vm.nodes, nodes, way / 2);
        made = index_make_path(&index, &fake.vm.nodes, key, &place);
        failed[filled] += !made;
        if (made)
            index_fill(&place, index_leaf_frame(2));
        else if (!filled)
            CHECK(!index.root);
        limit_let_go(&fake.vm.nodes, nodes, held);
        fake_unlimit(&fake);
        if (filled)
            CHECK_EQ(index_lookup(&index, 1), index_leaf_frame(1));
        if (made)
            index_remove(&index, &fake.vm.nodes, key, 1, limit_take_leaf, NULL);
        if (filled)
            index_remove(&index, &fake.vm.nodes, 1, 1, limit_take_leaf, NULL);
        CHECK(!index.root);
        CHECK_EQ(fake.vm.nodes.used, 0);
    }
    CHECK_EQ(failed[0], 4);
    CHECK_EQ(failed[1], 6); /* three above the first one, three below */
    limit_end();
}
