/* Who is told that a page is lost, and who is not: memory that programs share, and files. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_swap_kit.h"

/* An access to a page that is lost: SIGBUS for this program. */
static void check_lost(uint32_t thread, struct space *space, uint64_t address)
{
    CHECK_EQ(kit_fault(thread, space, address, FL_ACCESS_READ), SLOW_WAITS);
    kit_settle();
    kit_check_bus_error(thread, space);
}

TEST("a lost page of memory that programs share is SIGBUS for each one that touches it, and for no "
     "other")
{
    struct space *parent, *child, *idle;

    kit_begin_swap(128, 600);
    parent = kit_space(1);
    kit_map(parent, AT, 8, MAP_SHARED);
    kit_write_pages(parent, 0, 8, 0);
    child = kit_space(2);
    idle = kit_space(3);
    CHECK_EQ(vm_fork(kit_vm(), parent, child), 0);
    CHECK_EQ(vm_fork(kit_vm(), parent, idle), 0);
    kit_put_all_out();
    kit_bad[0] = 3;
    CHECK_EQ(kit_fault(0, parent, AT + 2 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
    CHECK_EQ(kit_fault(1, child, AT + 2 * PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
    kit_settle();
    kit_check_bus_error(0, parent);
    kit_check_bus_error(1, child);
    CHECK(!idle->stopped);
    for (uint64_t i = 0; i < 8; i++)
        if (i != 2)
            kit_read_page(i % 2 ? idle : child, AT + i * PAGE, 0);
    kit_bad[0] = 0;
    kit_write_page(idle, AT + 2 * PAGE, 1);
    kit_read_page(parent, AT + 2 * PAGE, 1);
    kit_end();
}

TEST("a lost copy of a page of a file is SIGBUS for those who have the copy; who maps the file has "
     "its page")
{
    struct space *owner, *child, *reader;

    kit_begin_swap(128, 600);
    owner = kit_space(1);
    reader = kit_space(2);
    CHECK(slow_map(&slow, owner, AT, 0, 4, true));
    CHECK(slow_map(&slow, reader, AT, 0, 4, false));
    for (uint64_t i = 0; i < 4; i++)
        kit_read_slow(reader, AT + i * PAGE, i);
    kit_write_pages(owner, 0, 2, 0);
    kit_forget_given();
    CHECK_EQ(vm_advise(kit_vm(), owner, AT, 4 * PAGE, MADV_PAGEOUT), 0);
    kit_settle();
    CHECK_EQ(owner->swapped, 2);
    child = kit_space(3);
    CHECK_EQ(vm_fork(kit_vm(), owner, child), 0);
    kit_bad[0] = 2;
    check_lost(0, owner, AT + PAGE);
    check_lost(1, child, AT + PAGE);
    kit_read_page(child, AT, 0);
    kit_read_page(owner, AT, 0);
    for (uint64_t i = 0; i < 4; i++)
        kit_read_slow(reader, AT + i * PAGE, i);
    kit_read_slow(owner, AT + 2 * PAGE, 2);
    CHECK(!reader->stopped);
    kit_bad[0] = 0;
    kit_read_page(child, AT + PAGE, 0);
    kit_end();
}

TEST("pages of files in memory are in no swap: when the disk is gone, and memory short, they are "
     "there")
{
    struct space *space, *other;
    struct vm_map_request request = {.address = AT,
                                     .bytes = 8 * PAGE,
                                     .protection = RW,
                                     .flags = MAP_FIXED | MAP_SHARED,
                                     .readable = true,
                                     .writable = true};
    uint64_t at;

    kit_begin_swap(128, 600);
    request.file = object_create_memory(kit_vm());
    CHECK_EQ(object_resize(kit_vm(), request.file, 8 * PAGE), 0);
    space = kit_space(1);
    other = kit_space(2);
    CHECK_EQ(vm_map(kit_vm(), space, &request, &at), 0);
    CHECK_EQ(vm_map(kit_vm(), other, &request, &at), 0);
    object_release(kit_vm(), request.file); /* the mappings have it */
    kit_write_pages(space, 0, 8, 0);
    kit_put_all_out();
    CHECK_EQ(request.file->resident, 8);
    CHECK_EQ(kit_vm()->swap.used, 0);
    kit_gone[0] = true;
    kit_read_pages(space, 0, 8, 0);
    kit_read_pages(other, 0, 8, 0);
    kit_end();
}
