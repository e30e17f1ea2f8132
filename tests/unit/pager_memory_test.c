/* Memory calls beside mmap: what each kind of advice, lock, move and limit does to pages, entries and
 * promises.  Which errors they give is compared with Linux in tests/target/system/memcalls_test.py. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "memory_values.h"
#include "pager_fake.h"
#include "protocol.h"

#define FRAMES  512u
#define PAGE    ((uint64_t)FL_PAGE_BYTES)
#define RW      (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED  (MAP_SHARED | MAP_ANONYMOUS)

static struct fake fake;

static void memory_sound(void)
{
    CHECK_STRING(fake_check(&fake) ? fake_check(&fake) : "", "");
}

static struct space *memory_begin(void)
{
    fake_init(&fake, FRAMES);
    fake_start(&fake);
    return space_create(&fake.vm, 1);
}

/* A loaded program: a page of text, one of data whose bytes are 0x5a, one of zeros. */
static struct space *memory_begin_program(void)
{
    static const struct fake_segment segments[] = {{0x10000, 0x1000, 0x1000, 0x1000, 5},
                                                   {0x20000, 0x2000, 0x1000, 0x2000, 6}};
    static uint8_t file[0x3000];
    struct vm_program program;
    struct space *space;

    memset(file, 0x5a, sizeof(file));
    fake_make_elf(file, segments, 2, 0x10000);
    fake_init(&fake, FRAMES);
    fake_add_file(&fake, "program", file, sizeof(file), true);
    fake_start(&fake);
    space = space_create(&fake.vm, 1);
    CHECK_EQ(vm_load(&fake.vm, space, fake_find_file(&fake, "program"), &program), 0);
    return space;
}

/* The law of all tests here: when its spaces are gone, every frame and promise is back. */
static void memory_end(void)
{
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (fake.vm.spaces[id])
            fake_destroy_space(&fake, fake.vm.spaces[id]);
    memory_sound();
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], fake.free_pages);
    CHECK_EQ(fake.vm.commit.pages, 0);
    fake_free(&fake);
}

static uint64_t memory_map(struct space *space, uint64_t pages, uint32_t protection, uint32_t flags)
{
    struct vm_map_request request = {
        .bytes = pages * PAGE, .protection = protection, .flags = flags};
    uint64_t at = 0;

    CHECK_EQ(vm_map(&fake.vm, space, &request, &at), 0);
    memory_sound();
    return at;
}

static uint8_t memory_access(struct space *space, uint64_t address, uint32_t access, uint8_t byte)
{
    CHECK_EQ(fake_touch(&fake, space, address, access, &byte), FAKE_DONE);
    memory_sound();
    return byte;
}

static uint8_t memory_read(struct space *space, uint64_t address)
{
    return memory_access(space, address, FL_ACCESS_READ, 0x77);
}

static void memory_write(struct space *space, uint64_t address, uint8_t byte)
{
    memory_access(space, address, FL_ACCESS_WRITE, byte);
}

static uint32_t memory_pages(void)
{
    return fake.vm.table.counts[PAGE_OBJECT];
}

static struct space *memory_fork(struct space *parent)
{
    struct space *child = space_create(&fake.vm, 2);

    CHECK_EQ(vm_fork(&fake.vm, parent, child), 0);
    memory_sound();
    return child;
}

/* ---- advice ---- */

TEST("advice cuts entries and joins them again when it is taken back")
{
    struct space *space = memory_begin();
    uint64_t at = memory_map(space, 8, RW, PRIVATE);

    CHECK_EQ(vm_advise(&fake.vm, space, at + 2 * PAGE, 3 * PAGE, MADV_RANDOM), 0);
    CHECK_EQ(space->map.count, 3);
    CHECK_EQ(entry_find(&space->map, at + 2 * PAGE)->advice, ENTRY_RANDOM);
    CHECK_EQ(entry_find(&space->map, at + 5 * PAGE)->advice, ENTRY_NORMAL);
    memory_sound();
    CHECK_EQ(vm_advise(&fake.vm, space, at, 8 * PAGE, MADV_NORMAL), 0);
    CHECK_EQ(space->map.count, 1);
    memory_end();
}

TEST("DONTNEED frees private pages at once, and cuts nothing where nobody else sees them")
{
    struct space *space = memory_begin();
    uint64_t at = memory_map(space, 8, RW, PRIVATE);

    for (uint32_t i = 0; i < 8; i++)
        memory_write(space, at + i * PAGE, 1);
    CHECK_EQ(vm_advise(&fake.vm, space, at + PAGE, 2 * PAGE, MADV_DONTNEED), 0);
    CHECK_EQ(memory_pages(), 6);
    CHECK_EQ(space->map.count, 1);
    CHECK_EQ(memory_read(space, at + PAGE), 0);
    CHECK_EQ(memory_read(space, at + 3 * PAGE), 1);
    memory_end();
}

TEST("after a fork DONTNEED shows zeros to the one who called it and the pages to the other")
{
    struct space *parent = memory_begin(), *child;
    uint64_t at = memory_map(parent, 4, RW, PRIVATE);

    for (uint32_t i = 0; i < 4; i++)
        memory_write(parent, at + i * PAGE, (uint8_t)(i + 1));
    child = memory_fork(parent);
    CHECK_EQ(vm_advise(&fake.vm, child, at + PAGE, 2 * PAGE, MADV_DONTNEED), 0);
    memory_sound();
    CHECK_EQ(memory_read(child, at + PAGE), 0);
    CHECK_EQ(memory_read(child, at + 3 * PAGE), 4);
    CHECK_EQ(memory_read(parent, at + PAGE), 2);
    memory_write(child, at + 2 * PAGE, 9);
    CHECK_EQ(memory_read(parent, at + 2 * PAGE), 3);
    fake_destroy_space(&fake, parent);
    memory_sound();
    CHECK_EQ(memory_pages(), 3);
    memory_end();
}

TEST("DONTNEED of data brings the file's bytes back, in a fork's child too")
{
    struct space *space = memory_begin_program(), *child;

    memory_write(space, 0x20010, 1);
    memory_write(space, 0x21010, 2);
    child = memory_fork(space);
    CHECK_EQ(vm_advise(&fake.vm, child, 0x20000, 2 * PAGE, MADV_DONTNEED), 0);
    CHECK_EQ(memory_read(child, 0x20010), 0x5a);
    CHECK_EQ(memory_read(child, 0x21010), 0);
    CHECK_EQ(memory_read(space, 0x20010), 1);
    CHECK_EQ(vm_advise(&fake.vm, space, 0x10000, PAGE, MADV_DONTNEED), 0);
    CHECK_EQ(memory_access(space, 0x10000, FL_ACCESS_EXEC, 0), 0x5a);
    CHECK_EQ(vm_advise(&fake.vm, space, 0x20000, PAGE, MADV_FREE), EINVAL);
    memory_end();
}

TEST("WILLNEED fills a part of a large range, so that its first accesses do not fault")
{
    struct space *space = memory_begin();
    uint64_t at = memory_map(space, 400, RW, PRIVATE);

    CHECK_EQ(vm_advise(&fake.vm, space, at, 200 * PAGE, MADV_RANDOM), 0); /* two areas, one part */
    CHECK_EQ(vm_advise(&fake.vm, space, at, 400 * PAGE, MADV_WILLNEED), 0);
    CHECK_EQ(memory_pages(), 256);
    memory_write(space, at + 255 * PAGE, 1);
    CHECK_EQ(fake.faults, 0);
    memory_end();
}

/* ---- residence ---- */

TEST("mincore sees what lies below after a fork, and stops after 4096 pages")
{
    struct space *parent = memory_begin(), *child;
    uint64_t at = memory_map(parent, 5000, RW, PRIVATE | MAP_NORESERVE);
    uint64_t vector = memory_map(parent, 2, RW, PRIVATE), pages = 0;

    memory_write(parent, at + 4 * PAGE, 1);
    memory_write(parent, at + 4095 * PAGE, 1);
    child = memory_fork(parent);
    CHECK_EQ(vm_resident(&fake.vm, child, at, 5000 * PAGE, vector + 100, &pages), 0);
    CHECK_EQ(pages, VM_RESIDENT_PAGES);
    CHECK_EQ(memory_read(child, vector + 100 + 3), 0);
    CHECK_EQ(memory_read(child, vector + 100 + 4), 1);
    CHECK_EQ(memory_read(child, vector + 100 + 4095), 1);
    memory_end();
}

/* ---- locks ---- */

TEST("mlock makes pages resident, and a fork's child has no locks")
{
    struct space *space = memory_begin(), *child;
    uint64_t at = memory_map(space, 8, RW, PRIVATE);

    CHECK_EQ(vm_wire(&fake.vm, space, at + PAGE + 5, 2 * PAGE, 0), 0);
    CHECK_EQ(memory_pages(), 3);
    CHECK_EQ(limit_use(space, LIMIT_MEMLOCK, 0, 0), 3 * PAGE);
    memory_write(space, at + PAGE, 1);
    CHECK_EQ(fake.faults, 0);
    child = memory_fork(space);
    CHECK_EQ(limit_use(child, LIMIT_MEMLOCK, 0, 0), 0);
    CHECK_EQ(vm_unwire(&fake.vm, space, at, 8 * PAGE), 0);
    CHECK_EQ(space->map.count, 1);
    memory_end();
}

TEST("mlock without frames is EAGAIN and locks nothing")
{
    struct space *space = memory_begin();
    uint64_t at = memory_map(space, 8, RW, PRIVATE);

    fake_limit(&fake, VM_POPULATE_RESERVE + 4);
    CHECK_EQ(vm_wire(&fake.vm, space, at, 8 * PAGE, 0), EAGAIN);
    CHECK_EQ(limit_use(space, LIMIT_MEMLOCK, 0, 0), 0);
    CHECK_EQ(vm_wire_all(&fake.vm, space, MCL_CURRENT | MCL_FUTURE), EAGAIN);
    CHECK(!space->wire_future);
    fake_unlimit(&fake);
    memory_end();
}

TEST("mlockall locks a whole program and what it maps later, until munlockall")
{
    struct space *space = memory_begin_program();
    uint64_t at, end;

    CHECK_EQ(vm_wire_all(&fake.vm, space, MCL_CURRENT | MCL_FUTURE), 0);
    memory_sound();
    at = memory_map(space, 3, RW, PRIVATE);
    CHECK_EQ(vm_break(&fake.vm, space, space->heap_start + 2 * PAGE, &end), 0);
    memory_write(space, at + 2 * PAGE, 1);
    memory_write(space, end - 1, 1);
    memory_write(space, 0x21000, 1);
    CHECK_EQ(fake.faults, 0);
    CHECK_EQ(vm_advise(&fake.vm, space, at, PAGE, MADV_DONTNEED), EINVAL);
    vm_unwire_all(&fake.vm, space);
    CHECK_EQ(limit_use(space, LIMIT_MEMLOCK, 0, 0), 0);
    CHECK_EQ(vm_advise(&fake.vm, space, at, PAGE, MADV_DONTNEED), 0);
    memory_end();
}

/* ---- mremap ---- */

static uint64_t memory_remap(struct space *space, uint64_t at, uint64_t old_pages, uint64_t pages)
{
    struct vm_remap_request request = {.address = at,
                                       .old_bytes = old_pages * PAGE,
                                       .bytes = pages * PAGE,
                                       .flags = MREMAP_MAYMOVE};
    uint64_t moved = 0;

    CHECK_EQ(vm_remap(&fake.vm, space, &request, &moved), 0);
    memory_sound();
    return moved;
}

TEST("a mapping that moves takes its frames along, and copies none")
{
    struct space *space = memory_begin();
    uint64_t at = memory_map(space, 4, RW, PRIVATE), moved;
    uint32_t page;

    memory_map(space, 1, PROT_READ, PRIVATE);
    for (uint32_t i = 0; i < 4; i++)
        memory_write(space, at + i * PAGE, (uint8_t)(i + 1));
    page = index_leaf_page(index_lookup(&entry_find(&space->map, at)->object->index, 2));
    moved = memory_remap(space, at, 4, 6);
    CHECK(moved != at);
    CHECK_EQ(memory_pages(), 4);
    CHECK_EQ(index_leaf_page(index_lookup(&entry_find(&space->map, moved)->object->index, 2)),
             page);
    for (uint32_t i = 0; i < 6; i++)
        CHECK_EQ(memory_read(space, moved + i * PAGE), i < 4 ? i + 1 : 0);
    CHECK_EQ(memory_remap(space, moved, 6, 7), moved);
    memory_end();
}

TEST("a mapping grows and moves while others show its pages")
{
    struct space *parent = memory_begin(), *child;
    uint64_t at = memory_map(parent, 4, RW, PRIVATE), moved;

    for (uint32_t i = 0; i < 4; i++)
        memory_write(parent, at + i * PAGE, (uint8_t)(i + 1));
    child = memory_fork(parent);
    CHECK_EQ(memory_remap(child, at, 4, 2), at);
    moved = memory_remap(child, at, 2, 5);
    CHECK_EQ(memory_read(child, moved + PAGE), 2);
    CHECK_EQ(memory_read(child, moved + 2 * PAGE), 0);
    CHECK_EQ(memory_read(parent, at + 2 * PAGE), 3);
    moved = memory_remap(child, moved, 5, 9);
    CHECK_EQ(memory_read(child, moved), 1);
    memory_end();
}

TEST("a move for which there is no memory changes nothing, and goes with one frame more")
{
    struct space *space = memory_begin();
    uint64_t at = memory_map(space, 4, RW, PRIVATE), moved = 0;
    struct vm_remap_request request = {at + PAGE, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE, 0};
    uint32_t left = 0;
    int error;

    memory_write(space, at + PAGE, 5);
    do {
        fake_limit(&fake, left++);
        error = vm_remap(&fake.vm, space, &request, &moved);
        memory_sound();
        CHECK(!error || (error == ENOMEM && space->map.count == 1));
        fake_unlimit(&fake);
    } while (error);
    CHECK_EQ(memory_read(space, moved), 5);
    CHECK_EQ(space->map.count, 4); /* before, behind, what moved, what was added */
    memory_end();
}

TEST("an old size larger than any space is refused; only 0 asks for a second mapping")
{
    static const uint64_t sizes[] = {FL_USER_END + 1, 1ull << 60, UINT64_MAX - PAGE};
    struct space *space = memory_begin();
    struct vm_remap_request request = {
        .address = memory_map(space, 4, RW, SHARED), .bytes = PAGE, .flags = MREMAP_MAYMOVE};
    uint64_t at;

    for (uint32_t i = 0; i < 3; i++) {
        request.old_bytes = sizes[i];
        CHECK_EQ(vm_remap(&fake.vm, space, &request, &at), EINVAL);
        CHECK_EQ(space->map.count, 1);
    }
    memory_end();
}

TEST("a shrink that moves changes nothing where there is no memory for the move")
{
    uint32_t refused = 0;

    for (uint32_t others = 0; others < 64; others++) {
        struct space *space = memory_begin();
        uint64_t at = memory_map(space, 4, RW, PRIVATE), moved;
        struct vm_remap_request request = {at, 4 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
                                           at + 1024 * PAGE};
        uint32_t count;
        int error;

        for (uint32_t i = 0; i < others; i++)
            memory_map(space, 1, i % 2 ? RW : PROT_READ, PRIVATE);
        count = space->map.count;
        fake_limit(&fake, 0);
        error = vm_remap(&fake.vm, space, &request, &moved);
        memory_sound();
        fake_unlimit(&fake);
        CHECK(!error || (error == ENOMEM && space->map.count == count));
        CHECK_EQ(entry_find(&space->map, at + 3 * PAGE) != NULL, error != 0);
        refused += error != 0;
        memory_end();
    }
    CHECK(refused > 0);
}

/* ---- limits and promises ---- */

TEST("the limit of the stack moves its guard, but not over pages in use")
{
    struct space *space = memory_begin_program();
    struct limit limit = {64 * PAGE, PROGRAM_STACK_BYTES}, old;
    uint64_t end = PROGRAM_STACK_END;
    uint8_t byte = 1;

    memory_write(space, end - 100 * PAGE, 7);
    CHECK_EQ(vm_limit(&fake.vm, space, RLIMIT_STACK, &limit, &old), 0);
    memory_sound();
    CHECK_EQ(old.soft, PROGRAM_STACK_BYTES);
    CHECK_EQ(memory_read(space, end - 100 * PAGE), 7);
    CHECK_EQ(fake_touch(&fake, space, end - 100 * PAGE - 1, FL_ACCESS_WRITE, &byte), FAKE_STOPPED);
    limit.soft = 200 * PAGE;
    CHECK_EQ(vm_limit(&fake.vm, space, RLIMIT_STACK, &limit, &old), 0);
    memory_sound();
    memory_write(space, end - 200 * PAGE, 8);
    CHECK_EQ(fake_touch(&fake, space, end - 200 * PAGE - 1, FL_ACCESS_WRITE, &byte), FAKE_STOPPED);
    CHECK_EQ(memory_read(space, end - 100 * PAGE), 7);
    limit.hard = PROGRAM_STACK_BYTES + 1;
    CHECK_EQ(vm_limit(&fake.vm, space, RLIMIT_STACK, &limit, &old), EPERM);
    memory_end();
}

TEST("a mapping that is left behind by mremap counts whole for the limit, of however many entries")
{
    struct space *space = memory_begin();
    uint64_t at = memory_map(space, 8, RW, PRIVATE), moved;
    struct vm_remap_request request = {at, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
                                       0};
    struct limit limit = {15 * PAGE, LIMIT_INFINITY}, old;

    memory_write(space, at, 1);
    memory_write(space, at + 4 * PAGE, 1);
    memory_fork(space);
    CHECK_EQ(vm_advise(&fake.vm, space, at, 4 * PAGE, MADV_DONTNEED), 0);
    CHECK_EQ(space->map.count, 2);
    CHECK_EQ(vm_limit(&fake.vm, space, RLIMIT_AS, &limit, &old), 0);
    CHECK_EQ(vm_remap(&fake.vm, space, &request, &moved), ENOMEM);
    limit.soft = 16 * PAGE;
    CHECK_EQ(vm_limit(&fake.vm, space, RLIMIT_AS, &limit, &old), 0);
    CHECK_EQ(vm_remap(&fake.vm, space, &request, &moved), 0);
    memory_end();
}

TEST("limits pass to a fork's child")
{
    struct space *space = memory_begin();
    struct limit limit = {10 * PAGE, 20 * PAGE}, old;

    CHECK_EQ(vm_limit(&fake.vm, space, RLIMIT_AS, &limit, &old), 0);
    CHECK_EQ(vm_limit(&fake.vm, memory_fork(space), RLIMIT_AS, NULL, &old), 0);
    CHECK_EQ(old.soft, 10 * PAGE);
    CHECK_EQ(old.hard, 20 * PAGE);
    memory_end();
}

TEST("private memory is promised once it is writable, shared memory once, and a fork again")
{
    struct space *space = memory_begin(), *child;
    uint64_t at = memory_map(space, 10, PROT_READ, PRIVATE);

    CHECK_EQ(fake.vm.commit.pages, 0);
    CHECK_EQ(vm_protect(&fake.vm, space, at, 4 * PAGE, RW), 0);
    CHECK_EQ(vm_protect(&fake.vm, space, at, 4 * PAGE, PROT_READ), 0);
    CHECK_EQ(fake.vm.commit.pages, 4);
    memory_map(space, 5, RW, SHARED);
    memory_map(space, 7, RW, PRIVATE | MAP_NORESERVE);
    CHECK_EQ(fake.vm.commit.pages, 9);
    child = memory_fork(space);
    CHECK_EQ(fake.vm.commit.pages, 13);
    fake_destroy_space(&fake, space);
    CHECK_EQ(fake.vm.commit.pages, 9);
    CHECK_EQ(vm_unmap(&fake.vm, child, at, 2 * PAGE), 0);
    CHECK_EQ(fake.vm.commit.pages, 7);
    memory_end();
}

TEST("shared memory that shrinks and grows again is promised once")
{
    struct space *space = memory_begin();
    uint64_t at = memory_map(space, 6, RW, SHARED);

    for (uint32_t i = 0; i < 5; i++) {
        CHECK_EQ(memory_remap(space, at, 6, 2), at);
        CHECK_EQ(memory_remap(space, at, 2, 6), at);
    }
    CHECK_EQ(fake.vm.commit.pages, 6);
    memory_end();
}

TEST("in strict mode what was promised can be written to the last page, and a fork may be refused")
{
    struct space *space = memory_begin(), *child;
    uint64_t pages, at;

    fake.vm.commit.strict = true;
    pages = commit_limit(&fake.vm) - 4; /* records take frames too */
    at = memory_map(space, pages, RW, PRIVATE | MAP_NORESERVE);
    child = space_create(&fake.vm, 2);
    CHECK_EQ(vm_fork(&fake.vm, space, child), ENOMEM);
    CHECK_EQ(child->map.count, 0);
    for (uint64_t i = 0; i < pages; i++) {
        uint8_t byte = 1;

        CHECK_EQ(fake_touch(&fake, space, at + i * PAGE, FL_ACCESS_WRITE, &byte), FAKE_DONE);
    }
    memory_end();
}

TEST("a program has 65,530 areas at most, and is refused more until it unmaps some")
{
    const uint64_t pages = 2 * AREAS_MAX;
    struct vm_map_request more = {.bytes = PAGE, .protection = RW, .flags = PRIVATE};
    struct space *space;
    uint64_t at, page = 0, added;

    fake_init(&fake, 4096);
    fake_start(&fake);
    space = space_create(&fake.vm, 1);
    at = memory_map(space, pages, PROT_READ, SHARED | MAP_NORESERVE);
    while (page < pages && vm_protect(&fake.vm, space, at + page * PAGE, PAGE, PROT_NONE) == 0)
        page += 2;
    CHECK(page < pages);
    CHECK(space->map.count <= AREAS_MAX);
    CHECK(space->map.count + 2 > AREAS_MAX);
    if (space->map.count < AREAS_MAX)
        CHECK_EQ(vm_map(&fake.vm, space, &more, &added), 0);
    more.protection = PROT_READ;
    CHECK_EQ(vm_map(&fake.vm, space, &more, &added), ENOMEM);
    CHECK_EQ(space->map.count, AREAS_MAX);
    CHECK_EQ(vm_unmap(&fake.vm, space, at + (page + 1) * PAGE, PAGE), ENOMEM);
    CHECK_EQ(vm_advise(&fake.vm, space, at + PAGE, PAGE, MADV_RANDOM), ENOMEM);
    for (uint32_t i = 0; i < 3; i++) /* these cut nothing out */
        CHECK_EQ(vm_advise(&fake.vm, space, at + PAGE, PAGE,
                           (uint64_t[]){MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED}[i]),
                 0);
    CHECK_EQ(vm_protect(&fake.vm, space, at + 2 * PAGE, PAGE, PROT_NONE), 0);
    CHECK_EQ(vm_unmap(&fake.vm, space, at, PAGE), 0);
    CHECK_EQ(vm_unmap(&fake.vm, space, at + PAGE, PAGE), 0);
    CHECK_EQ(vm_unmap(&fake.vm, space, at + (page + 1) * PAGE, PAGE), 0);
    memory_end();
}
