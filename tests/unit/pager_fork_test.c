/* Copy-on-write in the pager's core: what fork shares, when a page is copied, moved or left, and that
 * nothing piles up however often programs fork. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "pager_fork_kit.h"

/* ---- what a child sees ---- */

TEST("after a fork both see what was written before, and neither what the other writes after")
{
    struct space *parent = core_begin(), *child;
    uint64_t at = fork_map(parent, 3, RW, MAP_PRIVATE);

    core_write(parent, at, 1);
    core_write(parent, at + PAGE, 2);
    child = fork_child(parent);
    CHECK_EQ(core_read(child, at), 1);
    core_write(child, at, 11);
    core_write(parent, at + PAGE, 12);
    core_write(child, at + 2 * PAGE, 13);
    CHECK_EQ(core_read(parent, at), 1);
    CHECK_EQ(core_read(child, at), 11);
    CHECK_EQ(core_read(parent, at + PAGE), 12);
    CHECK_EQ(core_read(child, at + PAGE), 2);
    CHECK_EQ(core_read(parent, at + 2 * PAGE), 0);
    CHECK_EQ(core_read(child, at + 2 * PAGE), 13);
    core_end();
}

TEST("fork takes no page, the first write to a shared page copies it, the last one does not")
{
    struct space *parent = core_begin(), *child;
    uint64_t at = fork_map(parent, 4, RW, MAP_PRIVATE);

    for (uint32_t i = 0; i < 4; i++)
        core_write(parent, at + i * PAGE, (uint8_t)i);
    child = fork_child(parent);
    CHECK_EQ(fork_pages(), 4);
    CHECK_EQ(core_read(child, at), 0);
    CHECK_EQ(fork_pages(), 4);
    core_write(child, at, 20);
    CHECK_EQ(fork_pages(), 5);
    CHECK_EQ(fake.vm.counts.copies, 1);
    core_write(parent, at, 30);
    CHECK_EQ(fork_pages(), 5);
    CHECK_EQ(fake.vm.counts.copies, 1);
    CHECK_EQ(fake.vm.counts.takes, 1);
    fork_exit(child);
    CHECK_EQ(fork_pages(), 4);
    for (uint32_t i = 1; i < 4; i++)
        core_write(parent, at + i * PAGE, 40);
    CHECK_EQ(fork_pages(), 4);
    CHECK_EQ(fake.vm.counts.copies, 1);
    CHECK_EQ(fork_depth(parent, at), 1);
    core_end();
}

TEST("a page is charged once, and to an heir when the one who made it is gone")
{
    struct space *parent = core_begin(), *child, *grandchild;
    uint64_t at = fork_map(parent, 4, RW, MAP_PRIVATE);

    for (uint32_t i = 0; i < 4; i++)
        core_write(parent, at + i * PAGE, 1);
    child = fork_child(parent);
    CHECK_EQ(parent->resident, 4);
    CHECK_EQ(child->resident, 0);
    core_write(child, at, 2);
    CHECK_EQ(child->resident, 1);
    grandchild = fork_child(child);
    fork_exit(parent);
    CHECK_EQ(child->resident + grandchild->resident, 4);
    fork_exit(child);
    CHECK_EQ(grandchild->resident, 4);
    CHECK_EQ(grandchild->peak, 4);
    core_end();
}

TEST("shared memory stays charged to its owner as long as that one shows a part of it")
{
    struct space *parent = core_begin(), *child;
    uint64_t at = fork_map(parent, 2, RW, MAP_SHARED);

    core_write(parent, at, 1);
    core_write(parent, at + PAGE, 1);
    child = fork_child(parent);
    CHECK_EQ(vm_protect(&fake.vm, parent, at + PAGE, PAGE, PROT_READ), 0);
    CHECK_EQ(vm_protect(&fake.vm, child, at + PAGE, PAGE, PROT_READ), 0);
    CHECK_EQ(vm_unmap(&fake.vm, parent, at, PAGE), 0);
    core_sound();
    CHECK_EQ(parent->resident, 2);
    CHECK_EQ(vm_unmap(&fake.vm, parent, at + PAGE, PAGE), 0);
    core_sound();
    CHECK_EQ(parent->resident, 0);
    CHECK_EQ(child->resident, 2);
    core_end();
}

TEST("memory mapped shared stays shared after a fork, whoever made it and whoever ends first")
{
    struct space *parent = core_begin(), *child;
    uint64_t at = fork_map(parent, 3, RW, MAP_SHARED);

    core_write(parent, at, 1);
    child = fork_child(parent);
    core_write(child, at, 2);
    core_write(child, at + PAGE, 3);
    CHECK_EQ(core_read(parent, at), 2);
    CHECK_EQ(core_read(parent, at + PAGE), 3);
    CHECK_EQ(fork_pages(), 2);
    CHECK_EQ(vm_unmap(&fake.vm, parent, at, PAGE), 0);
    core_sound();
    CHECK_EQ(core_read(child, at), 2);
    CHECK_EQ(vm_unmap(&fake.vm, child, at, PAGE), 0);
    core_sound();
    CHECK_EQ(fork_pages(), 1);
    fork_exit(parent);
    CHECK_EQ(child->resident, 1);
    CHECK_EQ(core_read(child, at + PAGE), 3);
    core_end();
}

TEST("of shared memory that is cut and unmapped the other one who shows it comes first in the list")
{
    const uint64_t pages = 40;
    struct space *parent = core_begin(), *child;
    uint64_t at = fork_map(parent, pages, RW, MAP_SHARED);

    for (uint64_t i = 0; i < pages; i++)
        core_write(parent, at + i * PAGE, (uint8_t)i);
    child = fork_child(parent);
    for (uint64_t i = 0; i < pages; i += 2)
        CHECK_EQ(vm_protect(&fake.vm, parent, at + i * PAGE, PAGE, PROT_READ), 0);
    for (uint64_t i = 0; i < pages - 1; i++) {
        CHECK_EQ(vm_unmap(&fake.vm, parent, at + i * PAGE, PAGE), 0);
        core_sound();
        CHECK(entry_find(&child->map, at)->object->entries->space == child);
    }
    for (uint64_t i = 0; i < pages; i++)
        CHECK_EQ(core_read(child, at + i * PAGE), i);
    core_end();
}

TEST("a shared page that both only read so far shows what one of them writes to the other")
{
    struct space *parent = core_begin(), *child;
    uint64_t at = fork_map(parent, 1, RW, MAP_SHARED);

    child = fork_child(parent);
    CHECK_EQ(core_read(parent, at), 0);
    CHECK_EQ(core_read(child, at), 0);
    core_write(child, at, 5);
    CHECK_EQ(core_read(parent, at), 5);
    core_write(parent, at, 6);
    CHECK_EQ(core_read(child, at), 6);
    CHECK_EQ(fork_pages(), 1);
    core_end();
}

TEST("the child has the parent's protections, guards, break and entries, and faults for them alone")
{
    struct space *parent = core_begin(), *child;
    uint64_t at = fork_map(parent, 3, RW | PROT_EXEC, MAP_PRIVATE), end = 0;
    uint8_t byte = 0;

    parent->heap_start = parent->heap_end = 0x40000;
    CHECK_EQ(vm_break(&fake.vm, parent, 0x42001, &end), 0);
    core_write(parent, 0x40000, 5);
    core_write(parent, at + PAGE, 6);
    CHECK_EQ(vm_protect(&fake.vm, parent, at + PAGE, PAGE, PROT_READ | PROT_EXEC), 0);
    CHECK_EQ(core_access(parent, at + PAGE, FL_ACCESS_EXEC, 0), 6);
    child = fork_child(parent);
    CHECK_EQ(child->map.count, parent->map.count);
    CHECK_EQ(vm_break(&fake.vm, child, 0, &end), 0);
    CHECK_EQ(end, 0x42001);
    CHECK_EQ(core_access(child, at + PAGE, FL_ACCESS_EXEC, 0), 6);
    CHECK_EQ(core_access(parent, at + PAGE, FL_ACCESS_EXEC, 0), 6);
    CHECK_EQ(fake_touch(&fake, child, at + PAGE, FL_ACCESS_WRITE, &byte), FAKE_STOPPED);
    CHECK_EQ(vm_protect(&fake.vm, child, at + PAGE, PAGE, RW), 0);
    core_write(child, at + PAGE, 7);
    CHECK_EQ(core_read(parent, at + PAGE), 6);
    CHECK_EQ(vm_break(&fake.vm, child, 0x50000, &end), 0);
    CHECK_EQ(core_read(child, 0x4ffff), 0);
    CHECK_EQ(core_read(child, 0x40000), 5);
    CHECK_EQ(fake_touch(&fake, parent, 0x43000, FL_ACCESS_READ, &byte), FAKE_STOPPED);
    core_end();
}

TEST("with cloned tables the child reads what its parent had mapped without a fault, and no more")
{
    struct space *parent = core_begin(), *child;
    uint64_t at = fork_map(parent, 4, RW, MAP_PRIVATE),
             shared = fork_map(parent, 1, RW, MAP_SHARED);
    uint64_t faults;

    core_write(parent, at, 1);
    core_write(parent, at + PAGE, 2);
    core_read(parent, at + 2 * PAGE);
    core_write(parent, shared, 3);
    CHECK_EQ(vm_wire(&fake.vm, parent, at + PAGE, PAGE, 0), 0);
    fake.vm.fork_clones = true;
    child = fork_child(parent);
    faults = fake.faults;
    CHECK_EQ(core_read(child, at), 1);
    CHECK_EQ(core_read(child, at + 2 * PAGE), 0);
    core_write(child, shared, 4);
    core_write(parent, at + PAGE, 12);
    CHECK_EQ(fake.faults, faults);
    CHECK_EQ(core_read(child, at + PAGE), 2);
    CHECK_EQ(core_read(child, at + 3 * PAGE), 0);
    CHECK_EQ(fake.faults, faults + 2);
    core_write(parent, at, 11);
    core_write(child, at + 2 * PAGE, 13);
    CHECK_EQ(core_read(child, at), 1);
    CHECK_EQ(core_read(parent, at + 2 * PAGE), 0);
    CHECK_EQ(core_read(parent, shared), 4);
    core_end();
}

/* ---- parts ---- */

TEST("what both unmapped is free, what one still has is not, and new memory there is zero")
{
    struct space *parent = core_begin(), *child;
    uint64_t at = fork_map(parent, 6, RW, MAP_PRIVATE);

    for (uint32_t i = 0; i < 6; i++)
        core_write(parent, at + i * PAGE, (uint8_t)(i + 1));
    child = fork_child(parent);
    CHECK_EQ(vm_unmap(&fake.vm, parent, at + 3 * PAGE, 3 * PAGE), 0);
    core_sound();
    CHECK_EQ(fork_pages(), 6);
    CHECK_EQ(vm_unmap(&fake.vm, child, at + 4 * PAGE, PAGE), 0);
    core_sound();
    CHECK_EQ(fork_pages(), 5);
    CHECK_EQ(fork_map(parent, 3, RW, MAP_PRIVATE), at + 3 * PAGE);
    CHECK_EQ(core_read(parent, at + 3 * PAGE), 0);
    CHECK_EQ(core_read(parent, at + 5 * PAGE), 0);
    CHECK_EQ(core_read(child, at + 3 * PAGE), 4);
    fork_exit(child);
    CHECK_EQ(fork_pages(), 3);
    CHECK_EQ(fork_depth(parent, at), 1);
    core_end();
}

TEST("a page that a third process hid and the second unmapped goes with the first")
{
    struct space *first = core_begin(), *second, *third;
    uint64_t at = fork_map(first, 3, RW, MAP_PRIVATE);

    for (uint32_t i = 0; i < 3; i++)
        core_write(first, at + i * PAGE, (uint8_t)(i + 1));
    second = fork_child(first);
    third = fork_child(first);
    core_write(third, at, 31);
    CHECK_EQ(vm_unmap(&fake.vm, second, at, PAGE), 0);
    core_sound();
    CHECK_EQ(fork_pages(), 4);
    fork_exit(first);
    CHECK_EQ(fork_pages(), 3);
    CHECK_EQ(core_read(third, at), 31);
    CHECK_EQ(core_read(third, at + PAGE), 2);
    CHECK_EQ(core_read(second, at + PAGE), 2);
    core_end();
}

TEST("the page where a file turns into zeros is right in the child, touched before the fork or not")
{
    static const struct fake_segment segments[] = {{0x10000, 0x1000, 0x1000, 0x1000, 5},
                                                   {0x20000, 0x1000, 0x1100, 0x3000, 6}};
    static uint8_t file[0x3000];
    struct vm_program loaded;

    memset(file, 0x5a, sizeof(file));
    fake_make_elf(file, segments, 2, 0x10000);
    for (uint32_t touched = 0; touched < 2; touched++) {
        struct space *parent, *child;

        fake_init(&fake, FRAMES);
        fake_add_file(&fake, "program", file, sizeof(file), true);
        fake_start(&fake);
        parent = space_create(&fake.vm, 1);
        CHECK_EQ(vm_load(&fake.vm, parent, fake_find_file(&fake, "program"), &loaded), 0);
        if (touched)
            CHECK_EQ(core_read(parent, 0x21000), 0x5a);
        core_write(parent, 0x22000, 9);
        child = fork_child(parent);
        CHECK_EQ(core_access(child, 0x10000, FL_ACCESS_EXEC, 0), 0x5a);
        CHECK_EQ(core_read(child, 0x20fff), 0x5a);
        CHECK_EQ(core_read(child, 0x210ff), 0x5a);
        CHECK_EQ(core_read(child, 0x21100), 0);
        core_write(child, 0x21200, 4);
        CHECK_EQ(core_read(child, 0x21100), 0);
        CHECK_EQ(core_read(child, 0x210ff), 0x5a);
        CHECK_EQ(core_read(child, 0x22000), 9);
        CHECK_EQ(core_read(parent, 0x21200), 0);
        core_end();
    }
}

/* ---- nothing piles up ---- */

TEST("ten thousand generations of fork, parent's end and one write are as deep as ten")
{
    struct space *parent = core_begin();
    uint64_t at = fork_map(parent, 8, RW, MAP_PRIVATE), frames = 0;

    for (uint32_t i = 0; i < 8; i++)
        core_write(parent, at + i * PAGE, (uint8_t)i);
    for (uint32_t generation = 1; generation <= 10000; generation++) {
        struct space *child = space_create(&fake.vm, generation);
        uint8_t byte = (uint8_t)generation;

        CHECK_EQ(vm_fork(&fake.vm, parent, child), 0);
        fake_destroy_space(&fake, parent);
        CHECK_EQ(fake_touch(&fake, child, at + generation % 8 * PAGE, FL_ACCESS_WRITE, &byte),
                 FAKE_DONE);
        CHECK(fork_depth(child, at) <= 2);
        if (generation == 10)
            frames = fake.vm.table.counts[PAGE_FREE];
        parent = child;
    }
    core_sound();
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], frames);
    CHECK_EQ(fake.vm.counts.shadows, 20000);
    CHECK_EQ(fake.vm.counts.copies, 0);
    for (uint32_t i = 0; i < 8; i++)
        CHECK_EQ(core_read(parent, at + i * PAGE), (uint8_t)(i == 0 ? 10000 : 9992 + i));
    core_end();
}

TEST("a thousand times fork, touch and exit return to the base line each time")
{
    struct space *parent = core_begin();
    uint64_t at = fork_map(parent, 16, RW, MAP_PRIVATE);
    uint32_t frames, objects;

    for (uint32_t i = 0; i < 16; i++)
        core_write(parent, at + i * PAGE, (uint8_t)i);
    frames = fake.vm.table.counts[PAGE_FREE];
    objects = fake.vm.objects.used;
    for (uint32_t round = 0; round < 1000; round++) {
        struct space *child = space_create(&fake.vm, round);
        uint8_t byte = (uint8_t)round;

        CHECK_EQ(vm_fork(&fake.vm, parent, child), 0);
        for (uint32_t i = 0; i < round % 17; i++)
            CHECK_EQ(fake_touch(&fake, child, at + i * PAGE, FL_ACCESS_WRITE, &byte), FAKE_DONE);
        fake_touch(&fake, parent, at + round % 16 * PAGE, FL_ACCESS_WRITE, &byte);
        fork_exit(child);
        CHECK_EQ(fake.vm.table.counts[PAGE_FREE], frames);
        CHECK_EQ(fake.vm.objects.used, objects);
        CHECK_EQ(parent->resident, 16);
    }
    core_end();
}

TEST("a parent that wrote while a child lived holds no frame more when it is gone")
{
    struct space *parent = core_begin(), *child;
    uint64_t at[6];
    uint32_t frames;

    for (uint32_t i = 0; i < 6; i++) { /* six indexes in a frame that holds seven nodes */
        at[i] = fork_map(parent, 100, i % 2 ? RW : RW | PROT_EXEC, MAP_PRIVATE);
        core_write(parent, at[i], 1);
    }
    frames = fake.vm.table.counts[PAGE_FREE];
    child = fork_child(parent);
    for (uint32_t i = 0; i < 6; i++)
        core_write(parent, at[i], (uint8_t)i);
    CHECK_EQ(fake.vm.nodes.frames, 2);
    fork_exit(child);
    CHECK_EQ(fake.vm.nodes.frames, 1);
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], frames);
    for (uint32_t i = 0; i < 6; i++)
        CHECK_EQ(core_read(parent, at[i]), i);
    core_end();
}

TEST("a parent that writes nothing between its forks gets no deeper, and its children lie side by "
     "side")
{
    struct space *parent = core_begin(), *child[20];
    uint64_t at = fork_map(parent, 2, RW, MAP_PRIVATE);

    core_write(parent, at, 7);
    for (uint32_t i = 0; i < 20; i++)
        child[i] = fork_child(parent);
    CHECK_EQ(fake.vm.objects.used, 22);
    CHECK_EQ(fork_depth(parent, at), 2);
    for (uint32_t i = 0; i < 20; i++) {
        CHECK_EQ(fork_depth(child[i], at), 2);
        core_write(child[i], at, (uint8_t)i);
    }
    CHECK_EQ(core_read(parent, at), 7);
    fork_exit(parent);
    CHECK_EQ(fork_pages(), 20);
    CHECK_EQ(fake.vm.objects.used, 20);
    for (uint32_t i = 0; i < 20; i++)
        CHECK_EQ(core_read(child[i], at), i);
    core_end();
}

TEST("bytes that the pager writes into one side are not seen on the other")
{
    struct space *parent = core_begin(), *child;
    uint64_t at = fork_map(parent, 2, RW, MAP_PRIVATE);
    uint8_t bytes[2] = {21, 22};

    core_write(parent, at + PAGE - 1, 1);
    core_write(parent, at + PAGE, 2);
    child = fork_child(parent);
    CHECK_EQ(core_read(child, at + PAGE - 1), 1);
    CHECK_EQ(vm_write(&fake.vm, child, at + PAGE - 1, bytes, 2), 0);
    core_sound();
    CHECK_EQ(core_read(child, at + PAGE - 1), 21);
    CHECK_EQ(core_read(child, at + PAGE), 22);
    CHECK_EQ(core_read(parent, at + PAGE - 1), 1);
    bytes[0] = 31;
    CHECK_EQ(vm_write(&fake.vm, parent, at + PAGE - 1, bytes, 2), 0);
    core_sound();
    CHECK_EQ(fake.vm.counts.takes, 2);
    CHECK_EQ(fork_depth(parent, at), 1);
    CHECK_EQ(core_read(parent, at + PAGE - 1), 31);
    CHECK_EQ(core_read(child, at + PAGE - 1), 21);
    core_end();
}

TEST("a parent with fifty live children that each wrote is no deeper than they are many")
{
    struct space *parent = core_begin(), *child[50];
    uint64_t at = fork_map(parent, 1, RW, MAP_PRIVATE);

    for (uint32_t i = 0; i < 50; i++) {
        core_write(parent, at, (uint8_t)i);
        child[i] = fork_child(parent);
    }
    for (uint32_t i = 0; i < 50; i++)
        CHECK_EQ(core_read(child[i], at), i);
    CHECK(fork_depth(parent, at) <= 51);
    CHECK_EQ(fork_pages(), 50);
    for (uint32_t i = 0; i < 50; i++)
        fork_exit(child[i * 7 % 50]);
    CHECK_EQ(fork_depth(parent, at), 1);
    CHECK_EQ(fork_pages(), 1);
    core_end();
}

/* ---- shortage ---- */

TEST("a fork for which there is no memory changes nothing, and goes with one frame more")
{
    struct space *parent = core_begin(), *child;
    uint64_t at = fork_map(parent, 1, RW, MAP_PRIVATE);
    uint32_t left = 0, areas = 100;
    int error;

    core_write(parent, at, 1);
    for (uint32_t i = 0; i < areas; i++) {
        struct vm_map_request request = {.address = 0x50000000 + 2 * i * PAGE,
                                         .bytes = PAGE,
                                         .protection = RW,
                                         .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};
        uint64_t there;

        CHECK_EQ(vm_map(&fake.vm, parent, &request, &there), 0);
        if (i < 3)
            core_write(parent, there, 2);
    }
    child = space_create(&fake.vm, 2);
    do {
        uint32_t entries = fake.vm.entries.used, objects = fake.vm.objects.used;

        fake_limit(&fake, left);
        error = vm_fork(&fake.vm, parent, child);
        core_sound();
        if (error) {
            CHECK_EQ(error, ENOMEM);
            CHECK_EQ(child->map.count, 0);
            CHECK_EQ(fake.vm.entries.used, entries);
            CHECK_EQ(fake.vm.objects.used, objects);
            CHECK_EQ(fake.vm.table.counts[PAGE_FREE], left);
        }
        fake_unlimit(&fake);
        left++;
    } while (error);
    CHECK(left > 3);
    CHECK_EQ(core_read(child, at), 1);
    core_end();
}

/* Fills the slabs of index nodes, so that the next node takes a frame. */
static uint32_t fork_fill_nodes(void **nodes)
{
    uint32_t count = 0;

    while (fake.vm.nodes.partial)
        nodes[count++] = slab_allocate(&fake.vm.nodes);
    return count;
}

TEST("a merge without memory for the index is put off, done later, or not needed any more")
{
    for (uint32_t later = 0; later < 2; later++) {
        struct space *parent = core_begin(), *child;
        uint64_t at = fork_map(parent, 100, RW, MAP_PRIVATE);
        void *nodes[16];
        uint32_t count;

        for (uint32_t i = 0; i < 3; i++)
            core_write(parent, at + i * PAGE, (uint8_t)(i + 1));
        child = fork_child(parent);
        for (uint32_t i = 64; i < 68; i++)
            core_write(parent, at + i * PAGE, (uint8_t)i);
        count = fork_fill_nodes(nodes);
        fake_limit(&fake, 0);
        fake_destroy_space(&fake, child);
        while (count > 0)
            slab_release(&fake.vm.nodes, nodes[--count]);
        fake_unlimit(&fake);
        core_sound();
        CHECK_EQ(fork_depth(parent, at), 2);
        CHECK_EQ(core_read(parent, at + PAGE), 2);
        if (later) {
            core_write(parent, at, 9);
            CHECK_EQ(fork_depth(parent, at), 1);
            CHECK_EQ(core_read(parent, at + 2 * PAGE), 3);
        }
        core_end();
    }
}

TEST("the last owner writes without any frame left")
{
    struct space *parent = core_begin(), *child;
    uint64_t at = fork_map(parent, 2, RW, MAP_PRIVATE);
    uint8_t byte = 7;

    core_write(parent, at, 1);
    core_write(parent, at + PAGE, 2);
    child = fork_child(parent);
    core_write(child, at, 3);
    core_write(parent, at, 4);
    fake_limit(&fake, 0);
    CHECK_EQ(fake_touch(&fake, child, at + PAGE, FL_ACCESS_WRITE, &byte), FAKE_STOPPED);
    CHECK_EQ(fake_last_event.signal, 9);
    core_sound();
    fork_exit(child);
    fake_limit(&fake, 0);
    core_write(parent, at + PAGE, 5);
    fake_unlimit(&fake);
    CHECK_EQ(core_read(parent, at + PAGE), 5);
    core_end();
}
