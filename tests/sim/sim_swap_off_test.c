/* A swapoff that a program waits for: parked, started again, ended. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_swap_kit.h"

static struct space *owner, *asker;

static void off_sound(void)
{
    const char *broken = vm_check(kit_vm());

    CHECK_STRING(broken ? broken : "", "");
}

/* A program whose pages, so many, are all out, and one that will ask. */
static void off_begin(uint64_t pages)
{
    kit_begin_swap(128, 600);
    owner = kit_space(1);
    asker = kit_space(2);
    kit_map(owner, AT, pages, MAP_PRIVATE);
    kit_write_pages(owner, 0, pages, 0);
    kit_put_all_out();
    CHECK_EQ(owner->resident, 0);
}

static void off_check_pages(uint64_t pages)
{
    kit_read_pages(owner, 0, pages, 0);
}

/* Lets requests end.  Returns: how many. */
static uint32_t off_tell(void)
{
    struct sim_disk_done done;
    uint32_t told = 0;

    while (sim_disk_next(kit_disk[0], DELAY, &done)) {
        vm_io_done(kit_vm(), (uint32_t)done.tag, done.ok);
        off_sound();
        told++;
    }
    return told;
}

/* The call, parked and made again as often as it must be.  Returns: what it says at last. */
static int off_call(uint32_t area)
{
    uint32_t token = wait_find_free(kit_vm()), turns = 0;
    bool parked = false;
    int error;

    while ((error = vm_swap_off_call(kit_vm(), asker, area)) == EINPROGRESS) {
        CHECK(paging_requests(kit_vm()) > 0);
        CHECK(paging_requests(kit_vm()) <= 4);
        CHECK(wait_park(kit_vm(), asker, token));
        parked = true;
        off_sound();
        CHECK_EQ(wait_next(kit_vm()), WAIT_NONE);
        CHECK(off_tell() > 0);
        CHECK_EQ(wait_next(kit_vm()), token);
        CHECK(turns++ < 1000);
    }
    if (parked)
        wait_release(kit_vm(), token);
    off_sound();
    return error;
}

TEST("a swapoff goes on when a request ends, and is answered when all is in memory")
{
    off_begin(60);
    CHECK_EQ(off_call(0), 0);
    CHECK_EQ(kit_vm()->swap.areas, 0);
    CHECK_EQ(owner->swapped, 0);
    off_check_pages(60);
    CHECK_EQ(off_call(0), EINVAL);
    kit_end();
}

TEST("who ends while its swapoff is on its way leaves the area in use, and nothing waits any more")
{
    off_begin(60);
    CHECK_EQ(vm_swap_off_call(kit_vm(), asker, 0), EINPROGRESS);
    CHECK(wait_park(kit_vm(), asker, wait_find_free(kit_vm())));
    fake_destroy_space(&slow.fake, asker);
    CHECK_EQ(kit_vm()->waits.active, 0);
    CHECK_EQ(kit_vm()->swap.area[0].state, SWAP_ACTIVE);
    off_sound();
    CHECK(off_tell() > 0);
    CHECK_EQ(wait_next(kit_vm()), WAIT_NONE);
    CHECK_EQ(vm_swap_off_step(kit_vm()), EINVAL);
    asker = kit_space(3);
    CHECK_EQ(off_call(0), 0);
    off_check_pages(60);
    kit_end();
}

TEST("the end of another program is no end of a swapoff")
{
    struct space *other;

    off_begin(60);
    other = kit_space(3);
    CHECK_EQ(vm_swap_off_call(kit_vm(), asker, 0), EINPROGRESS);
    fake_destroy_space(&slow.fake, other);
    CHECK_EQ(kit_vm()->swap.area[0].state, SWAP_LEAVING);
    CHECK_EQ(off_call(0), 0);
    kit_end();
}

TEST("while one program's swapoff is on its way another one's is refused")
{
    off_begin(40);
    kit_make_disk(1, 300, false, NULL, 2);
    CHECK_EQ(kit_swap_on(1, 300, -2), 1);
    CHECK_EQ(vm_swap_off_call(kit_vm(), asker, 0), EINPROGRESS);
    CHECK_EQ(vm_swap_off_call(kit_vm(), owner, 0), EBUSY);
    CHECK_EQ(vm_swap_off_call(kit_vm(), asker, 1), EBUSY);
    CHECK_EQ(off_call(0), 0);
    CHECK_EQ(off_call(1), 0);
    off_check_pages(40);
    kit_end();
}

TEST("pages that come to be out before the place where the search is are found too")
{
    off_begin(60);
    kit_write_pages(owner, 0, 4, 0);
    CHECK_EQ(vm_advise(kit_vm(), owner, AT, 4 * PAGE, MADV_PAGEOUT), 0);
    CHECK_EQ(kit_vm()->table.counts[PAGE_WRITING], 4);
    CHECK_EQ(off_call(0), 0);
    CHECK_EQ(owner->swapped, 0);
    off_check_pages(60);
    kit_end();
}

TEST("a swapoff that meets a page that cannot be read says so, and the area is in use as before")
{
    off_begin(20);
    kit_bad[0] = 7;
    CHECK_EQ(off_call(0), EIO);
    CHECK_EQ(kit_vm()->swap.area[0].state, SWAP_ACTIVE);
    kit_settle();
    kit_bad[0] = 0;
    CHECK_EQ(off_call(0), 0);
    off_check_pages(20);
    kit_end();
}

TEST("a swapoff of what fits nowhere is refused before anything moves")
{
    kit_begin_swap(128, 400);
    owner = kit_space(1);
    asker = kit_space(2);
    kit_map(owner, AT, 200, MAP_PRIVATE);
    kit_write_pages(owner, 0, 200, 0);
    kit_settle();
    CHECK_EQ(vm_swap_off_call(kit_vm(), asker, 0), ENOMEM);
    CHECK_EQ(paging_requests(kit_vm()), 0);
    off_check_pages(200);
    kit_end();
}

TEST("who waits for a disk is not woken by a page or a frame, nor who waits for these by a disk")
{
    uint32_t token[2];

    off_begin(8);
    token[0] = wait_find_free(kit_vm());
    CHECK_EQ(wait_for_disk(kit_vm()), EINPROGRESS);
    CHECK(wait_park(kit_vm(), asker, token[0]));
    token[1] = wait_find_free(kit_vm());
    CHECK(wait_for_memory(kit_vm()) || true);
    CHECK(wait_park(kit_vm(), asker, token[1]));
    CHECK_EQ(wait_next(kit_vm()), token[1]);
    wait_release(kit_vm(), token[1]);
    CHECK_EQ(wait_next(kit_vm()), WAIT_NONE);
    wait_wake(kit_vm(), WAIT_ANY_DISK);
    CHECK_EQ(wait_next(kit_vm()), WAIT_NONE);
    wait_wake_disk(kit_vm());
    CHECK_EQ(wait_next(kit_vm()), token[0]);
    off_sound();
    wait_release(kit_vm(), token[0]);
    kit_end();
}
