/* Same-page merging: which pages come to share a frame, and how they part again, in programs, over forks
 * and beside swap. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_merge_kit.h"

/* ---- two programs ---- */

TEST("equal pages of two programs take one frame, and each reads its own bytes")
{
    struct space *one, *other;
    uint32_t before;

    merge_begin();
    one = merge_program(1, 8, 0);
    other = merge_program(2, 8, 0);
    kit_write_page(other, AT + 7 * PAGE, 1); /* which makes it another */
    before = merge_free();
    merge_scan();
    CHECK_EQ(merge_free(), before + 7);
    CHECK_EQ(merge_shared(), 7);
    CHECK_EQ(samepage_saved(kit_vm()), 7);
    CHECK_EQ(merge_counts()->merged, 7);
    for (uint64_t i = 0; i < 8; i++)
        CHECK_EQ(merge_leaf(one, i) == merge_leaf(other, i), i < 7);
    merge_read_pages(one, 8, 0);
    merge_read_pages(other, 7, 0);
    kit_read_page(other, AT + 7 * PAGE, 1);
    CHECK_EQ(merge_free(), before + 7);
    CHECK(!merge_is_mapped(one, 3, FL_ACCESS_WRITE));
    merge_end();
}

TEST("who writes a merged page has a copy, and the last one keeps the frame without any")
{
    struct space *program[3];
    uint32_t before;

    merge_begin();
    for (uint32_t i = 0; i < 3; i++)
        program[i] = merge_program(i + 1, 1, 0);
    merge_scan();
    CHECK_EQ(merge_shared(), 1);
    before = merge_free();
    for (uint32_t i = 0; i < 3; i++)
        kit_read_page(program[i], AT, 0);
    kit_write(program[0], AT + 5, 1);
    CHECK_EQ(merge_counts()->copied, 1);
    CHECK_EQ(merge_free(), before - 1);
    CHECK_EQ(kit_read(program[0], AT + 5), 1);
    CHECK_EQ(kit_read(program[1], AT + 5), 0);
    kit_write(program[1], AT + 5, 2);
    CHECK_EQ(merge_counts()->copied, 2);
    kit_write(program[2], AT + 5, 3);
    CHECK_EQ(merge_counts()->copied, 2);
    CHECK_EQ(merge_counts()->taken, 1);
    CHECK_EQ(merge_free(), before - 2);
    CHECK_EQ(merge_shared(), 0);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(kit_read(program[i], AT + 5), i + 1);
        kit_write(program[i], AT + 5, 0);
        kit_read_page(program[i], AT, 0);
    }
    merge_end();
}

TEST("what the pager itself writes to a merged page, or one of zeros, its program sees at once")
{
    const uint8_t byte = 0x5a;
    struct space *one, *other;

    merge_begin();
    one = merge_program(1, 2, 0);
    other = merge_program(2, 2, 0);
    kit_map(one, AT + 8 * PAGE, 1, MAP_PRIVATE);
    CHECK_EQ(merge_advise(one, 8, 1, MADV_MERGEABLE), 0);
    kit_write(one, AT + 8 * PAGE, 0);
    merge_scan();
    kit_read_page(one, AT, 0); /* the tables show the merged frame, and the page of zeros */
    CHECK_EQ(kit_read(one, AT + 8 * PAGE), 0);
    CHECK_EQ(vm_write(kit_vm(), one, AT + 100, &byte, 1), 0);
    CHECK_EQ(vm_write(kit_vm(), one, AT + 8 * PAGE + 100, &byte, 1), 0);
    kit_sound();
    CHECK_EQ(kit_read(one, AT + 100), byte);
    CHECK_EQ(kit_read(one, AT + 8 * PAGE + 100), byte);
    CHECK_EQ(kit_read(one, AT + 8 * PAGE), 0);
    kit_read_page(other, AT, 0);
    CHECK_EQ(kit_read(other, AT + 100), 0);
    merge_end();
}

TEST(
    "a page of zeros gives up its frame: reads show the page of zeros, a write takes a frame again")
{
    struct space *space;
    uint32_t before;

    merge_begin();
    space = merge_program(1, 4, 0);
    for (uint64_t i = 0; i < 4; i++) {
        kit_write(space, AT + i * PAGE, 0);
        kit_write(space, AT + i * PAGE + 2047, 0);
        kit_write(space, AT + i * PAGE + PAGE - 1, i == 3);
    }
    before = merge_free();
    merge_scan();
    CHECK_EQ(merge_free(), before + 3);
    CHECK_EQ(merge_counts()->zero, 3);
    CHECK_EQ(merge_leaf(space, 0), INDEX_LEAF_ZERO);
    for (uint64_t i = 0; i < 3; i++)
        CHECK_EQ(kit_read(space, AT + i * PAGE + 2047), 0);
    CHECK_EQ(kit_read(space, AT + 4 * PAGE - 1), 1);
    CHECK_EQ(merge_free(), before + 3);
    kit_write(space, AT + 9, 7);
    CHECK_EQ(merge_free(), before + 2);
    CHECK_EQ(kit_read(space, AT + 9), 7);
    CHECK_EQ(kit_read(space, AT + 2047), 0);
    merge_end();
}

TEST("pages that are unmapped, dropped, or gone with their program leave the others theirs")
{
    struct space *program[4];
    uint32_t before;

    merge_begin();
    before = merge_free();
    for (uint32_t i = 0; i < 4; i++)
        program[i] = merge_program(i + 1, 4, 0);
    merge_scan();
    CHECK_EQ(merge_shared(), 4);
    CHECK_EQ(vm_unmap(kit_vm(), program[0], AT, 2 * PAGE), 0);
    kit_sound();
    CHECK_EQ(merge_advise(program[1], 0, 4, MADV_DONTNEED), 0);
    CHECK_EQ(kit_read(program[1], AT), 0);
    slow_destroy(&slow, program[2]);
    kit_sound();
    merge_read_pages(program[3], 4, 0);
    CHECK_EQ(merge_shared(), 4);
    slow_destroy(&slow, program[3]);
    CHECK_EQ(merge_shared(), 2); /* of pages 2 and 3 of the first */
    kit_read_page(program[0], AT + 2 * PAGE, 0);
    slow_destroy(&slow, program[0]);
    slow_destroy(&slow, program[1]);
    CHECK_EQ(merge_shared(), 0);
    CHECK_EQ(merge_free(), before);
    merge_end();
}

TEST("merged pages move with mremap, and mprotect gives nobody a right to write the shared frame")
{
    struct vm_remap_request request = {.address = AT,
                                       .old_bytes = 2 * PAGE,
                                       .bytes = 2 * PAGE,
                                       .flags = MREMAP_MAYMOVE | MREMAP_FIXED,
                                       .to = AT + 64 * PAGE};
    struct space *one, *other;
    uint64_t at;

    merge_begin();
    one = merge_program(1, 2, 0);
    other = merge_program(2, 2, 0);
    merge_scan();
    CHECK_EQ(vm_remap(kit_vm(), one, &request, &at), 0);
    CHECK_EQ(merge_shared(), 2);
    CHECK_EQ(kit_read(one, at), kit_byte(AT / PAGE, 0));
    CHECK_EQ(vm_protect(kit_vm(), other, AT, 2 * PAGE, PROT_READ), 0);
    merge_read_pages(other, 2, 0);
    CHECK_EQ(vm_protect(kit_vm(), other, AT, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
    merge_read_pages(other, 2, 0);
    CHECK_EQ(kit_touch(other, AT, FL_ACCESS_EXEC, &(uint8_t){0}), FAKE_DONE);
    CHECK_EQ(merge_shared(), 2);
    kit_write(one, at, 0);
    kit_read_page(other, AT, 0);
    merge_end();
}

/* ---- forks ---- */

TEST("after a fork both sides show a merged page, and each write is its writer's alone")
{
    struct space *parent, *child, *other;

    merge_begin();
    parent = merge_program(1, 4, 0);
    other = merge_program(2, 4, 0);
    merge_scan();
    child = merge_fork(parent, 3);
    merge_read_pages(child, 4, 0);
    CHECK_EQ(merge_shared(), 4);
    CHECK_EQ(kit_vm()->samepage.sharing, 8); /* a fork shares objects, not pages */
    kit_write(child, AT + 5, 1);
    CHECK_EQ(kit_read(child, AT + 5), 1);
    CHECK_EQ(kit_read(parent, AT + 5), 0);
    kit_write(parent, AT + 5, 2); /* nobody else sees what lies below now */
    CHECK_EQ(kit_read(parent, AT + 5), 2);
    CHECK_EQ(kit_read(child, AT + 5), 1);
    CHECK_EQ(kit_vm()->samepage.sharing, 7);
    slow_destroy(&slow, parent); /* the chain collapses: leaves move, nothing is copied */
    CHECK_EQ(kit_vm()->samepage.sharing, 7);
    kit_read_page(child, AT + PAGE, 0);
    merge_read_pages(other, 4, 0);
    CHECK_EQ(merge_counts()->copied, 1); /* the parent's; the child's came from the shared frame */
    merge_end();
}

TEST("pages that a fork shares are merged where all that see them agreed")
{
    struct space *parent, *child, *strict, *other;

    merge_begin();
    parent = merge_program(1, 4, 0);
    other = merge_program(2, 4, 0);
    child = merge_fork(parent, 3); /* which inherits the advice */
    strict = merge_fork(other, 4);
    CHECK_EQ(merge_advise(strict, 0, 2, MADV_UNMERGEABLE), 0);
    merge_scan();
    CHECK_EQ(merge_shared(), 2);
    CHECK_EQ(kit_vm()->samepage.sharing, 4);
    merge_read_pages(child, 4, 0);
    merge_read_pages(strict, 4, 0);
    kit_write(strict, AT + 3 * PAGE + 1, 9);
    CHECK_EQ(kit_read(other, AT + 3 * PAGE + 1), 0);
    CHECK_EQ(kit_read(child, AT + 3 * PAGE + 1), 0);
    CHECK_EQ(kit_read(strict, AT + 3 * PAGE + 1), 9);
    merge_read_pages(parent, 4, 0);
    merge_end();
}

TEST("a page of zeros below a fork is read from the page of zeros, and written where it is wanted")
{
    struct space *parent, *child;

    merge_begin();
    parent = kit_space(1);
    kit_map(parent, AT, 3, MAP_PRIVATE);
    CHECK_EQ(merge_advise(parent, 0, 3, MADV_MERGEABLE), 0);
    for (uint64_t i = 0; i < 3; i++)
        kit_write(parent, AT + i * PAGE, 0);
    CHECK_EQ(vm_protect(kit_vm(), parent, AT, 3 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
    child = merge_fork(parent, 2);
    merge_scan();
    CHECK_EQ(merge_counts()->zero, 3);
    for (uint64_t i = 0; i < 3; i++) {
        CHECK_EQ(kit_read(parent, AT + i * PAGE), 0);
        CHECK_EQ(kit_read(child, AT + i * PAGE), 0);
    }
    CHECK_EQ(kit_touch(child, AT + 2 * PAGE, FL_ACCESS_EXEC, &(uint8_t){0}), FAKE_DONE);
    kit_write(child, AT, 3);
    CHECK_EQ(kit_read(parent, AT), 0);
    kit_write(parent, AT, 4); /* alone with what lies below */
    CHECK_EQ(kit_read(parent, AT), 4);
    CHECK_EQ(kit_read(child, AT), 3);
    CHECK_EQ(vm_write(kit_vm(), child, AT + PAGE, &(uint8_t){5}, 1), 0);
    CHECK_EQ(vm_write(kit_vm(), parent, AT + PAGE, &(uint8_t){6}, 1), 0);
    kit_sound();
    CHECK_EQ(kit_read(child, AT + PAGE), 5);
    CHECK_EQ(kit_read(parent, AT + PAGE), 6);
    merge_end();
}

TEST("what the pager writes below a fork to a page that only one still sees, that one sees at once")
{
    struct space *parent, *child, *other;

    merge_begin();
    parent = merge_program(1, 2, 0);
    other = merge_program(2, 2, 0);
    merge_scan();
    child = merge_fork(parent, 3);
    kit_write(child, AT, 1);
    kit_read_page(parent, AT, 0); /* the tables show the shared frame */
    CHECK_EQ(vm_write(kit_vm(), parent, AT + 9, &(uint8_t){8}, 1), 0);
    kit_sound();
    CHECK_EQ(kit_read(parent, AT + 9), 8);
    CHECK_EQ(kit_read(other, AT + 9), 0);
    CHECK_EQ(kit_read(child, AT + 9), 0);
    merge_end();
}

/* ---- swap ---- */

TEST("a page that has a copy in swap gives it up when it is merged, and merged pages do not leave")
{
    struct space *one, *other;

    kit_begin_swap(512, 100);
    merge_set(SAMEPAGE_ON);
    one = merge_program(1, 8, 0);
    other = merge_program(2, 8, 0);
    kit_put_all_out();
    CHECK_EQ(kit_vm()->swap.used, 16);
    merge_scan();
    CHECK_EQ(merge_shared(), 0); /* what is out is not looked at */
    merge_read_pages(one, 8, 0);
    merge_read_pages(other, 8, 0);
    CHECK_EQ(kit_vm()->swap.used, 16); /* copies */
    merge_scan();
    CHECK_EQ(merge_shared(), 8);
    CHECK_EQ(kit_vm()->swap.used, 0);
    kit_put_all_out();
    CHECK_EQ(merge_shared(), 8);
    CHECK_EQ(merge_advise(one, 0, 8, MADV_PAGEOUT), 0);
    kit_settle();
    CHECK_EQ(merge_shared(), 8);
    merge_read_pages(one, 8, 0);
    merge_read_pages(other, 8, 0);
    merge_end();
}

TEST("a merged page that has one sharer left is given back, and may leave then")
{
    struct space *one, *other;

    kit_begin_swap(512, 100);
    merge_set(SAMEPAGE_ON);
    one = merge_program(1, 4, 0);
    other = merge_program(2, 4, 0);
    merge_scan();
    slow_destroy(&slow, other);
    CHECK_EQ(merge_shared(), 4);
    merge_scan();
    CHECK_EQ(merge_shared(), 0);
    CHECK_EQ(merge_counts()->copied, 0);
    kit_put_all_out();
    CHECK_EQ(one->swapped, 4);
    merge_read_pages(one, 4, 0);
    merge_end();
}

TEST("a page that is being written to swap is left alone until that has ended")
{
    struct space *one, *other;

    kit_begin_swap(512, 100);
    merge_set(SAMEPAGE_ON);
    one = merge_program(1, 2, 0);
    other = merge_program(2, 2, 0);
    CHECK_EQ(merge_advise(one, 0, 2, MADV_PAGEOUT), 0);
    CHECK_EQ(kit_vm()->table.counts[PAGE_WRITING], 2);
    merge_scan();
    CHECK_EQ(merge_shared(), 0);
    kit_settle();
    merge_read_pages(one, 2, 0);
    merge_read_pages(other, 2, 0);
    merge_scan();
    CHECK_EQ(merge_shared(), 2);
    merge_end();
}

/* A program writes until it is ended for want of memory, which nobody else is. */
static void merge_exhaust(struct space *owner, uint64_t pages)
{
    struct slow_thread *thread = &slow.thread[0];

    kit_map(owner, AT, pages, MAP_PRIVATE);
    for (uint64_t i = 0; i < pages && !owner->stopped; i++) {
        uint8_t byte = (uint8_t)(i + 1);

        (void)slow_fault(&slow, thread, owner, AT + i * PAGE, FL_ACCESS_WRITE);
        while (thread->state == SLOW_WAITS && kit_vm()->reclaim.ended == 0)
            kit_poll(DELAY);
        kit_serve();
        if (kit_vm()->reclaim.ended > 0)
            break;
        CHECK_EQ(kit_touch(owner, AT + i * PAGE, FL_ACCESS_WRITE, &byte), FAKE_DONE);
    }
    CHECK(owner->stopped && owner->event.kind == PAGER_EVENT_NO_MEMORY);
    CHECK_EQ(kit_vm()->reclaim.ended, 1);
    CHECK(space_next_event(kit_vm()) == owner);
    slow_destroy(&slow, owner);
    kit_settle();
}

TEST("the program with the most memory of its own is ended for want of memory, whatever is merged")
{
    struct space *sharer[2];

    kit_begin_swap(96, 20);
    merge_set(SAMEPAGE_ON);
    for (uint32_t i = 0; i < 2; i++)
        sharer[i] = merge_program(i + 1, 18, 0);
    merge_scan();
    CHECK_EQ(merge_shared(), 18);
    CHECK_EQ(sharer[0]->resident, 18);
    CHECK_EQ(sharer[0]->merged, 18);
    merge_exhaust(kit_space(3), 100);
    CHECK(!sharer[0]->stopped && !sharer[1]->stopped);
    merge_read_pages(sharer[0], 18, 0);
    merge_read_pages(sharer[1], 18, 0);
    merge_end();
}

TEST("a program of many pages in one frame is not ended for one with fewer in frames of its own")
{
    const uint64_t part = 50, parts = 3;
    struct space *sharer;

    kit_begin_swap(96, 20);
    merge_set(SAMEPAGE_ON);
    sharer = kit_space(1);
    for (uint64_t i = 0; i < parts; i++)
        kit_map(sharer, AT + i * part * PAGE, part, MAP_PRIVATE);
    CHECK_EQ(merge_advise(sharer, 0, parts * part, MADV_MERGEABLE), 0);
    for (uint64_t i = 0; i < parts * part; i++) {
        kit_write(sharer, AT + i * PAGE, 7);
        if (i % part == part - 1)
            merge_scan();
    }
    CHECK_EQ(merge_shared(), 1);
    CHECK_EQ(sharer->resident, parts * part);
    CHECK_EQ(sharer->merged, parts * part);
    merge_exhaust(kit_space(2), 110);
    for (uint64_t i = 0; i < parts * part; i++)
        CHECK_EQ(kit_read(sharer, AT + i * PAGE), 7);
    merge_end();
}
