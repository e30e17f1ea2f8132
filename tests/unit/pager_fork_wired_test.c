/* Wired memory and fork: the parent keeps its frames and its right to write them, the child has
 * copies. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "pager_fork_kit.h"

/* The frame that a page of an entry's own object lies in, or PAGE_NONE. */
static uint32_t wired_frame(const struct space *space, uint64_t address)
{
    const struct entry *entry = entry_find(&space->map, address);
    uint64_t leaf = index_lookup(&entry->object->index, entry_index(entry, address));

    return leaf ? index_leaf_page(leaf) : PAGE_NONE;
}

static void wired_lock(struct space *space, uint64_t address, uint64_t pages)
{
    CHECK_EQ(vm_wire(&fake.vm, space, address, pages * PAGE, 0), 0);
    core_sound();
}

/* Writes a page that must be writable as it is. */
static void wired_write(struct space *space, uint64_t address, uint8_t byte)
{
    uint64_t faults = fake.faults;

    core_write(space, address, byte);
    CHECK_EQ(fake.faults, faults);
}

static uint64_t wired_fill(struct space *space, uint32_t pages)
{
    uint64_t at = fork_map(space, pages, RW, MAP_PRIVATE);

    for (uint32_t i = 0; i < pages; i++)
        core_write(space, at + i * PAGE, (uint8_t)(i + 1));
    return at;
}

TEST(
    "a locked page keeps its frame and its right to be written in the parent; the child has a copy")
{
    struct space *parent = core_begin(), *child;
    uint64_t at = wired_fill(parent, 4);
    uint32_t frame[4];

    wired_lock(parent, at, 4);
    for (uint32_t i = 0; i < 4; i++)
        frame[i] = wired_frame(parent, at + i * PAGE);
    child = fork_child(parent);
    CHECK_EQ(fork_pages(), 8);
    CHECK_EQ(child->resident, 4);
    CHECK_EQ(parent->resident, 4);
    for (uint32_t i = 0; i < 4; i++) {
        wired_write(parent, at + i * PAGE, (uint8_t)(100 + i));
        CHECK_EQ(wired_frame(parent, at + i * PAGE), frame[i]);
        CHECK_EQ(core_read(child, at + i * PAGE), i + 1);
        core_write(child, at + i * PAGE, 50);
        CHECK_EQ(core_read(parent, at + i * PAGE), 100 + i);
    }
    CHECK_EQ(fork_pages(), 8);
    CHECK_EQ(fake.vm.counts.copies, 0);
    CHECK_EQ(fork_depth(parent, at), 1);
    CHECK(entry_find(&parent->map, at)->wired);
    CHECK(!entry_find(&child->map, at)->wired);
    core_end();
}

TEST("of memory that is locked in part, the locked pages are copied and the others are shared")
{
    struct space *parent = core_begin(), *child;
    uint64_t at = wired_fill(parent, 9);

    wired_lock(parent, at + 2 * PAGE, 2);
    wired_lock(parent, at + 6 * PAGE, 1);
    child = fork_child(parent);
    CHECK_EQ(fork_pages(), 9 + 3);
    for (uint32_t i = 0; i < 9; i++) {
        if (i == 2 || i == 3 || i == 6)
            wired_write(parent, at + i * PAGE, (uint8_t)(100 + i));
        else
            core_write(parent, at + i * PAGE, (uint8_t)(100 + i));
        CHECK_EQ(core_read(child, at + i * PAGE), i + 1);
    }
    CHECK_EQ(fork_pages(), 18);
    CHECK_EQ(fake.vm.counts.copies, 6);
    fork_exit(child);
    CHECK_EQ(fork_pages(), 9);
    CHECK_EQ(fork_depth(parent, at), 1);
    core_end();
}

TEST("a locked page that the child or the grandchild forks on is shared among them alone")
{
    struct space *parent = core_begin(), *child, *grandchild;
    uint64_t at = wired_fill(parent, 3);

    wired_lock(parent, at, 1);
    child = fork_child(parent);
    grandchild = fork_child(child);
    CHECK_EQ(fork_pages(), 4);
    wired_write(parent, at, 9);
    CHECK_EQ(core_read(grandchild, at), 1);
    core_write(grandchild, at, 7);
    CHECK_EQ(core_read(child, at), 1);
    fork_exit(parent);
    CHECK_EQ(core_read(child, at), 1);
    CHECK_EQ(core_read(grandchild, at + PAGE), 2);
    fork_exit(child);
    CHECK_EQ(fork_pages(), 3);
    CHECK_EQ(fork_depth(grandchild, at), 1);
    core_end();
}

TEST("many forks of a parent with locked memory leave it where and as deep as it was")
{
    struct space *parent = core_begin();
    uint64_t at = wired_fill(parent, 8);
    uint32_t frame, frames;

    wired_lock(parent, at + 4 * PAGE, 4);
    frame = wired_frame(parent, at + 5 * PAGE);
    frames = fake.vm.table.counts[PAGE_FREE];
    for (uint32_t round = 0; round < 200; round++) {
        struct space *child = fork_child(parent);

        wired_write(parent, at + 5 * PAGE, (uint8_t)round);
        core_write(child, at + round % 8 * PAGE, 3);
        fork_exit(child);
        CHECK_EQ(fake.vm.table.counts[PAGE_FREE], frames);
        CHECK_EQ(wired_frame(parent, at + 5 * PAGE), frame);
    }
    CHECK_EQ(fork_depth(parent, at), 1);
    core_end();
}

TEST("what a lock found shared, and what it did not touch, is shared by the next fork")
{
    struct space *parent = core_begin(), *first, *second;
    uint64_t at = fork_map(parent, 4, RW, MAP_PRIVATE);

    core_write(parent, at, 1);
    first = fork_child(parent);
    CHECK_EQ(vm_wire(&fake.vm, parent, at, 4 * PAGE, MLOCK_ONFAULT), 0);
    second = fork_child(parent);
    CHECK_EQ(fork_pages(), 1);
    core_write(parent, at, 2);
    core_write(parent, at + PAGE, 3);
    CHECK_EQ(core_read(first, at), 1);
    CHECK_EQ(core_read(second, at), 1);
    CHECK_EQ(core_read(second, at + PAGE), 0);
    core_end();
}

TEST("a page locked and read-only is the parent's when it may be written again")
{
    struct space *parent = core_begin(), *child;
    uint64_t at = wired_fill(parent, 2);

    wired_lock(parent, at, 2);
    CHECK_EQ(vm_protect(&fake.vm, parent, at, PAGE, PROT_READ), 0);
    child = fork_child(parent);
    CHECK_EQ(vm_protect(&fake.vm, parent, at, PAGE, RW), 0);
    core_write(parent, at, 9);
    CHECK_EQ(fake.vm.counts.copies + fake.vm.counts.takes, 0);
    CHECK_EQ(core_read(child, at), 1);
    core_end();
}

TEST("a locked page that may be executed stays so in the parent, without a fault")
{
    struct space *parent = core_begin();
    uint64_t at = fork_map(parent, 1, RW | PROT_EXEC, MAP_PRIVATE);

    core_write(parent, at, 1);
    wired_lock(parent, at, 1);
    fork_child(parent);
    CHECK(fake_peek(&fake, parent, at, FL_ACCESS_EXEC));
    CHECK(fake_peek(&fake, parent, at, FL_ACCESS_WRITE));
    core_end();
}

TEST("memory that is shared and locked stays shared")
{
    struct space *parent = core_begin(), *child;
    uint64_t at = fork_map(parent, 2, RW, MAP_SHARED);

    wired_lock(parent, at, 2);
    child = fork_child(parent);
    wired_write(parent, at, 5);
    CHECK_EQ(core_read(child, at), 5);
    CHECK_EQ(fork_pages(), 2);
    core_end();
}

TEST("a fork without memory for the copies changes nothing, and goes with one frame more")
{
    struct space *parent = core_begin(), *child;
    uint64_t at = wired_fill(parent, 140); /* three index leaves, one of them locked in part */
    uint32_t left = 0;
    int error;

    wired_lock(parent, at + 30 * PAGE, 70);
    child = space_create(&fake.vm, 2);
    do {
        uint32_t entries = fake.vm.entries.used, objects = fake.vm.objects.used;
        uint32_t nodes = fake.vm.nodes.used;

        fake_limit(&fake, left);
        error = vm_fork(&fake.vm, parent, child);
        core_sound();
        if (error) {
            CHECK_EQ(error, ENOMEM);
            CHECK_EQ(child->map.count, 0);
            CHECK_EQ(child->resident, 0);
            CHECK_EQ(fake.vm.entries.used, entries);
            CHECK_EQ(fake.vm.objects.used, objects);
            CHECK_EQ(fake.vm.nodes.used, nodes);
            CHECK_EQ(fake.vm.table.counts[PAGE_FREE], left);
            wired_write(parent, at, 1); /* not even its tables were touched */
        }
        fake_unlimit(&fake);
        left++;
    } while (error);
    CHECK(left > 70);
    for (uint32_t i = 0; i < 140; i++)
        CHECK_EQ(core_read(child, at + i * PAGE), (uint8_t)(i + 1));
    for (uint32_t i = 30; i < 100; i++)
        wired_write(parent, at + i * PAGE, 200);
    CHECK_EQ(core_read(child, at + 40 * PAGE), 41);
    core_end();
}
