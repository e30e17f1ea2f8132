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
    (void)wait_for_memory(kit_vm());
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

/* ---- how long it takes ---- */

TEST("a swapoff looks at what is out elsewhere once, not again for each page that it reads")
{
    enum { zeros = 200, pages = 60 };
    struct space *other;

    kit_begin_swap(1024, 600);
    other = kit_space(3); /* it is looked at first */
    kit_map(other, AT, zeros, MAP_PRIVATE);
    for (uint64_t i = 0; i < zeros; i++)
        kit_write(other, AT + i * PAGE, 0);
    owner = kit_space(1);
    asker = kit_space(2);
    kit_map(owner, AT, pages + zeros, MAP_PRIVATE);
    kit_write_pages(owner, 0, pages, 0);
    for (uint64_t i = 0; i < zeros; i++)
        kit_write(owner, AT + (pages + i) * PAGE, 0);
    while (other->resident + owner->resident > 0)
        kit_put_all_out();
    for (uint64_t i = 0; i < 8; i++) {
        struct space *child = kit_space(4 + i);

        CHECK_EQ(vm_fork(kit_vm(), owner, child), 0);
        kit_write(child, AT + (pages + i) * PAGE, 1);
        CHECK_EQ(vm_advise(kit_vm(), child, AT + (pages + i) * PAGE, PAGE, MADV_PAGEOUT), 0);
    }
    kit_settle();
    CHECK_EQ(other->swapped, zeros);
    CHECK_EQ(kit_vm()->swap.used, pages + 8);
    CHECK_EQ(off_call(0), 0);
    CHECK(kit_vm()->reclaim.sought >= zeros + 1);
    CHECK(kit_vm()->reclaim.sought <= 2 * (2 * zeros + pages));
    off_check_pages(pages);
    kit_end();
}

#define STEADY_PAGES 400u

/* A thread that reads pages of another disk, one after the other and none beside the last. */
struct steady {
    uint32_t token; /* WAIT_NONE: it reads nothing */
    uint64_t page;
};

static struct {
    struct steady thread[20];
    uint32_t threads;
    struct space *space;
    uint64_t next;
    uint32_t off; /* the token of the swapoff ... */
    int error;    /* ... and what it says */
} steady;

/* A fault of a thread, anew or again.  True: it is parked. */
static bool steady_fault(struct steady *thread, uint32_t token)
{
    struct vm_fault fault = {.address = AT + thread->page * PAGE, .access = FL_ACCESS_READ};
    struct vm_answer answer;

    thread->token = WAIT_NONE;
    if (vm_handle_fault(kit_vm(), steady.space, &fault, &answer) == VM_WAIT) {
        CHECK(wait_park(kit_vm(), steady.space, token));
        thread->token = token;
        return true;
    }
    fake_answer(&slow.fake, steady.space->id, fault.address, &answer);
    return false;
}

static void steady_begin_fault(struct steady *thread)
{
    do {
        if (steady.next == STEADY_PAGES)
            return;
        thread->page = steady.next++ * 37 % STEADY_PAGES;
    } while (!steady_fault(thread, wait_find_free(kit_vm())));
}

/* What is ready goes on, the swapoff in its turn. */
static void steady_serve(void)
{
    uint32_t token;

    while ((token = wait_next(kit_vm())) != WAIT_NONE) {
        struct steady *thread = steady.thread;

        if (token == steady.off) {
            steady.error = vm_swap_off_call(kit_vm(), asker, 0);
            if (steady.error == EINPROGRESS)
                CHECK(wait_park(kit_vm(), asker, token));
            else
                wait_release(kit_vm(), token);
            continue;
        }
        while (thread->token != token)
            thread++;
        if (steady_fault(thread, token))
            continue;
        wait_release(kit_vm(), token);
        steady_begin_fault(thread);
    }
    off_sound();
}

TEST("a swapoff ends while others read from another disk without a pause, with all requests that "
     "there are")
{
    static const uint32_t threads[] = {6, 20};

    for (uint32_t i = 0; i < 2; i++) {
        struct sim_disk_done done;

        kit_begin(1024);
        kit_make_disk(0, 600, false, NULL, 1);
        kit_make_disk(1, 600, false, NULL, 2);
        kit_swap_on(0, 600, 0);
        memset(&steady, 0, sizeof steady);
        owner = kit_space(1);
        asker = kit_space(2);
        steady.space = kit_space(3);
        kit_map(owner, AT, 40, MAP_PRIVATE);
        kit_write_pages(owner, 0, 40, 0);
        while (owner->resident > 0)
            kit_put_all_out();
        kit_swap_on(1, 600, 5);
        kit_map(steady.space, AT, STEADY_PAGES, MAP_PRIVATE);
        kit_write_pages(steady.space, 0, STEADY_PAGES, 0);
        while (steady.space->resident > 0)
            kit_put_all_out();
        for (uint32_t k = 0; k < threads[i]; k++)
            steady_begin_fault(&steady.thread[k]);
        steady.off = wait_find_free(kit_vm());
        CHECK_EQ(vm_swap_off_call(kit_vm(), asker, 0), EINPROGRESS);
        CHECK(wait_park(kit_vm(), asker, steady.off));
        for (steady.error = EINPROGRESS; steady.error == EINPROGRESS; steady_serve()) {
            CHECK(steady.next < STEADY_PAGES);
            for (uint32_t disk = 0; disk < DISKS; disk++)
                if (sim_disk_next(kit_disk[disk], DELAY, &done))
                    vm_io_done(kit_vm(), (uint32_t)done.tag, done.ok);
        }
        CHECK_EQ(steady.error, 0);
        CHECK_EQ(owner->swapped, 0);
        steady.next = STEADY_PAGES;
        while (kit_queued() > 0) {
            (void)off_tell();
            while (sim_disk_next(kit_disk[1], DELAY, &done))
                vm_io_done(kit_vm(), (uint32_t)done.tag, done.ok);
            steady_serve();
        }
        off_check_pages(40);
        kit_end();
    }
}

TEST("a page that nobody has any more may be unreadable: swapoff goes on")
{
    uint32_t token;
    int error;

    off_begin(20);
    kit_bad[0] = 7;
    CHECK_EQ(vm_swap_off_call(kit_vm(), asker, 0), EINPROGRESS);
    token = wait_find_free(kit_vm());
    CHECK(wait_park(kit_vm(), asker, token));
    CHECK_EQ(vm_unmap(kit_vm(), owner, AT, 20 * PAGE), 0); /* its pages are strays now */
    while ((error = vm_swap_off_call(kit_vm(), asker, 0)) == EINPROGRESS)
        CHECK(off_tell() > 0);
    CHECK_EQ(error, 0);
    wait_release(kit_vm(), token);
    kit_end();
}

TEST("a swapoff that could not be parked does not begin")
{
    off_begin(60);
    for (uint32_t parked = 0; parked < WAIT_RECORDS - 1; parked++) { /* as many as may wait */
        (void)wait_for_disk(kit_vm());
        CHECK(wait_park(kit_vm(), owner, wait_find_free(kit_vm())));
    }
    CHECK_EQ(vm_swap_off_call(kit_vm(), asker, 0), EAGAIN);
    CHECK_EQ(kit_vm()->swap.area[0].state, SWAP_ACTIVE);
    CHECK(!kit_vm()->reclaim.empties);
    wait_drop_space(kit_vm(), owner);
    CHECK_EQ(off_call(0), 0);
    kit_end();
}
