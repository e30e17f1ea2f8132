/* Faults that wait for a frame: who may wait, in which order they are served, and that nobody waits for
 * ever. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
#include "pager_wait_kit.h"

/* ---- memory ---- */

/* A space with 8 anonymous pages of which some are there, so that a fault takes one frame. */
static struct space *wait_hog(uint64_t pages)
{
    struct space *space = space_create(&slow.fake.vm, 7);

    CHECK(space);
    wait_map_heap(space, 8);
    for (uint64_t i = 0; i < pages; i++)
        CHECK_EQ(wait_fault(SLOW_THREADS - 1, space, HEAP + i * PAGE, FL_ACCESS_WRITE),
                 SLOW_SERVED);
    return space;
}

TEST("a fault without a frame ends its program when no frame is on its way")
{
    struct space *space;

    slow_begin(&slow, FRAMES);
    space = wait_hog(1);
    fake_limit(&slow.fake, 0);
    CHECK_EQ(wait_fault(0, space, HEAP + PAGE, FL_ACCESS_WRITE), SLOW_STOPPED);
    wait_stopped(0, space, PAGER_EVENT_NO_MEMORY, 9);
    wait_end();
}

TEST("a fault without a frame waits for the frames of a stopped program, and of a stray page")
{
    struct space *stopped, *waiting;
    uint32_t page;

    slow_begin(&slow, FRAMES);
    stopped = wait_hog(4);
    waiting = wait_hog(1);
    fake_limit(&slow.fake, 0);
    CHECK_EQ(wait_fault(0, stopped, HEAP + 4 * PAGE, FL_ACCESS_WRITE), SLOW_STOPPED);
    CHECK_EQ(wait_fault(1, waiting, HEAP + PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
    CHECK_EQ(wait_write(2, waiting, HEAP + 2 * PAGE),
             SLOW_FAILED); /* calls do not wait for frames */
    CHECK_EQ(slow.thread[2].error, ENOMEM);
    slow_destroy(&slow, stopped);
    wait_sound();
    CHECK_EQ(slow.thread[1].state, SLOW_SERVED);
    CHECK_EQ(waiting->major_faults, 0);
    page = object_begin_fetch(&slow.fake.vm, entry_find(&waiting->map, HEAP)->object, 5);
    CHECK(page != PAGE_NONE);
    slow_note_fetch(&slow, page, 5);
    fake_limit(&slow.fake, 0);
    CHECK_EQ(vm_advise(&slow.fake.vm, waiting, HEAP + 5 * PAGE, PAGE, MADV_DONTNEED), 0);
    CHECK_EQ(wait_fault(1, waiting, HEAP + 2 * PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
    wait_finish(page, false);
    CHECK_EQ(slow.thread[1].state, SLOW_SERVED);
    CHECK_EQ(slow.thread[1].answers, 1);
    wait_end();
}

TEST("what may be promised is the same while pages are on their way, also when nobody wants them "
     "any more")
{
    struct space *space;
    struct object *object;
    uint32_t page[2];
    uint64_t limit;

    slow_begin(&slow, FRAMES);
    space = wait_hog(1);
    object = entry_find(&space->map, HEAP)->object;
    for (uint32_t turn = 0; turn < 2; turn++) {
        for (uint32_t i = 0; i < 2; i++) {
            page[i] = object_begin_fetch(&slow.fake.vm, object, 2 + i);
            slow_note_fetch(&slow, page[i], 2 + i);
        }
        if (turn == 1) /* they become strays */
            CHECK_EQ(vm_advise(&slow.fake.vm, space, HEAP, 4 * PAGE, MADV_DONTNEED), 0);
        CHECK_EQ(slow.fake.vm.table.counts[turn ? PAGE_STRAY : PAGE_BUSY], 2);
        limit = commit_limit(&slow.fake.vm);
        wait_finish(page[0], true);
        wait_finish(page[1], true);
        CHECK_EQ(commit_limit(&slow.fake.vm), limit);
        CHECK_EQ(vm_advise(&slow.fake.vm, space, HEAP, 4 * PAGE, MADV_DONTNEED), 0);
    }
    wait_end();
}

/* A thread's page fails; what lies there by then is memory for which there is no frame, and when there is one it
 * is the file again. */
TEST("a failed fetch is forgotten by who waits for memory next")
{
    const struct vm_map_request memory = {.address = AT,
                                          .bytes = PAGE,
                                          .protection = RW,
                                          .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};
    struct space *space, *stopped;
    uint64_t at;

    slow_begin(&slow, FRAMES);
    stopped = wait_hog(4);
    space = wait_hog(1);
    CHECK(slow_map(&slow, space, AT + PAGE, 1, 1, true)); /* the file stays known */
    CHECK(slow_map(&slow, space, AT, 1, 1, true));
    CHECK_EQ(wait_fault(0, space, AT, FL_ACCESS_WRITE), SLOW_WAITS);
    CHECK_EQ(vm_map(&slow.fake.vm, space, &memory, &at), 0);
    fake_limit(&slow.fake, 0);
    CHECK_EQ(wait_fault(1, stopped, HEAP + 4 * PAGE, FL_ACCESS_WRITE), SLOW_STOPPED);
    vm_page_done(&slow.fake.vm, slow.fetch[--slow.fetches], false);
    fake_limit(&slow.fake, 0); /* another one takes the frame before the fault is made again */
    slow_serve(&slow);
    CHECK_EQ(slow.thread[0].state, SLOW_WAITS);
    CHECK_EQ(vm_unmap(&slow.fake.vm, space, AT, PAGE), 0);
    CHECK(slow_map(&slow, space, AT, 1, 1, true));
    slow_destroy(&slow, stopped);
    CHECK_EQ(slow.thread[0].state, SLOW_WAITS);
    wait_finish(slow_find_fetch(&slow, 1), true);
    CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
    CHECK_EQ(wait_read(space, AT), slow_byte(1));
    wait_end();
}

/* Thread 1, of `first`, and thread 2, of another space, wait for the frames of `stopped`, thread 0's. */
static void wait_two_in_line(struct space **stopped, struct space **first)
{
    struct space *second;

    slow_begin(&slow, FRAMES);
    *stopped = wait_hog(4);
    *first = wait_hog(1);
    second = wait_hog(1);
    fake_limit(&slow.fake, 0);
    CHECK_EQ(wait_fault(0, *stopped, HEAP + 4 * PAGE, FL_ACCESS_WRITE), SLOW_STOPPED);
    CHECK_EQ(wait_fault(1, *first, HEAP + PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
    CHECK_EQ(wait_fault(2, second, HEAP + PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
}

TEST(
    "when nothing is on its way any more the largest is ended, and its frames serve who is in line")
{
    struct space *stopped, *first;

    wait_two_in_line(&stopped, &first);
    CHECK(space_next_event(&slow.fake.vm) == stopped);
    stopped->stopped = false; /* as if its frames had not come back */
    slow_serve(&slow);
    wait_sound();
    CHECK(space_next_event(&slow.fake.vm) == stopped);
    CHECK_EQ(slow.thread[1].state, SLOW_WAITS);
    CHECK_EQ(slow.thread[2].state, SLOW_WAITS);
    slow_destroy(&slow, stopped);
    wait_sound();
    for (uint32_t i = 1; i < 3; i++)
        CHECK_EQ(slow.thread[i].state, SLOW_SERVED);
    CHECK(slow.thread[1].order < slow.thread[2].order);
    wait_end();
}

static int wait_touch(struct space *space, uint64_t address, uint8_t byte)
{
    return fake_touch(&slow.fake, space, address, FL_ACCESS_WRITE, &byte);
}

TEST("without a place for pages to go the largest is ended, not the smaller one that asks, which "
     "goes on")
{
    struct space *large, *small;

    slow_begin(&slow, FRAMES);
    small = wait_hog(2);
    large = wait_hog(3);
    CHECK_EQ(wait_touch(small, HEAP, 0x31), FAKE_DONE);
    fake_limit(&slow.fake, 0);
    CHECK_EQ(wait_fault(0, small, HEAP + 2 * PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
    CHECK(space_next_event(&slow.fake.vm) == large);
    CHECK(!space_next_event(&slow.fake.vm));
    CHECK_EQ(large->event.kind, PAGER_EVENT_NO_MEMORY);
    CHECK_EQ(large->event.signal, 9);
    CHECK_EQ(large->event.access, 0); /* none of its own */
    CHECK_EQ(large->event.address, 3);
    CHECK_EQ(slow.fake.vm.reclaim.ended, 1);
    CHECK(!small->stopped);
    slow_destroy(&slow, large);
    wait_sound();
    CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
    CHECK_EQ(wait_touch(small, HEAP + 2 * PAGE, 0x32), FAKE_DONE);
    CHECK_EQ(wait_read(small, HEAP), 0x31);
    CHECK_EQ(wait_read(small, HEAP + 2 * PAGE), 0x32);
    wait_end();
}

TEST("who asks is ended where it is the largest itself, and the smaller one beside it goes on")
{
    struct space *large, *small;

    slow_begin(&slow, FRAMES);
    small = wait_hog(2);
    large = wait_hog(3);
    CHECK_EQ(wait_touch(small, HEAP, 0x31), FAKE_DONE);
    fake_limit(&slow.fake, 0);
    CHECK_EQ(wait_fault(0, large, HEAP + 3 * PAGE, FL_ACCESS_WRITE), SLOW_STOPPED);
    wait_stopped(0, large, PAGER_EVENT_NO_MEMORY, 9);
    CHECK_EQ(large->event.address, HEAP + 3 * PAGE);
    CHECK_EQ(slow.fake.vm.reclaim.ended, 1);
    slow_destroy(&slow, large);
    CHECK_EQ(wait_read(small, HEAP), 0x31);
    wait_end();
}

TEST("two that ask at once have one program ended, and both go on with its frames")
{
    struct space *large, *first, *second;

    slow_begin(&slow, FRAMES);
    first = wait_hog(1);
    second = wait_hog(2);
    large = wait_hog(3);
    fake_limit(&slow.fake, 0);
    CHECK_EQ(wait_fault(0, second, HEAP + 2 * PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
    CHECK_EQ(wait_fault(1, first, HEAP + PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
    CHECK(!first->stopped && !second->stopped && large->stopped);
    slow_destroy(&slow, large);
    wait_sound();
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_EQ(slow.thread[i].state, SLOW_SERVED);
        CHECK_EQ(slow.thread[i].answers, 1);
    }
    CHECK_EQ(slow.fake.vm.reclaim.ended, 1);
    wait_end();
}

TEST("what servers and files have is nobody's charge: where no program has a page, who asks is "
     "ended")
{
    struct space *first, *second;

    slow_begin(&slow, FRAMES);
    first = wait_hog(0);
    second = wait_hog(0);
    fake_limit(&slow.fake, 0);
    CHECK_EQ(wait_fault(0, second, HEAP, FL_ACCESS_WRITE), SLOW_STOPPED);
    CHECK(second->stopped && !first->stopped);
    wait_end();
}

TEST("a call without a frame fails, and ends nobody")
{
    struct space *large, *small;

    slow_begin(&slow, FRAMES);
    small = wait_hog(1);
    large = wait_hog(3);
    fake_limit(&slow.fake, 0);
    CHECK_EQ(wait_write(0, small, HEAP + PAGE), SLOW_FAILED);
    CHECK_EQ(slow.thread[0].error, ENOMEM);
    CHECK(!large->stopped && !small->stopped);
    CHECK_EQ(slow.fake.vm.reclaim.ended, 0);
    wait_end();
}

/* A frame that is lent comes back. */
static void wait_return_frame(void)
{
    uint32_t page = 0;

    while (slow.fake.vm.table.pages[page].state != PAGE_LENT)
        page++;
    page_release(&slow.fake.vm.table, page);
    slow_serve(&slow);
    wait_sound();
}

/* Whether an index can have a node without a new frame. */
static bool wait_has_node(void)
{
    uint32_t frames = slow.fake.vm.nodes.frames;
    void *node = slab_allocate(&slow.fake.vm.nodes);
    bool has = slow.fake.vm.nodes.frames == frames;

    slab_release(&slow.fake.vm.nodes, node);
    return has;
}

TEST("nobody overtakes: what is free is kept for the first in line until it has enough")
{
    struct space *stopped, *first, *second;
    uint64_t limit;

    slow_begin(&slow, FRAMES);
    stopped = wait_hog(4);
    second = wait_hog(1);
    first = space_create(&slow.fake.vm, 2);
    wait_map_heap(first, 8); /* its first page takes a node of the index too */
    while (wait_has_node())
        wait_hog(1);
    fake_limit(&slow.fake, 0);
    CHECK_EQ(wait_fault(0, stopped, HEAP + 4 * PAGE, FL_ACCESS_WRITE), SLOW_STOPPED);
    CHECK_EQ(wait_fault(1, first, HEAP + PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
    limit = commit_limit(&slow.fake.vm);
    wait_return_frame();
    CHECK_EQ(slow.thread[1].state, SLOW_WAITS);
    CHECK_EQ(slow.fake.vm.table.counts[PAGE_HELD], 1);
    CHECK(commit_limit(&slow.fake.vm) > limit); /* it may be promised, kept or not */
    CHECK_EQ(wait_fault(2, second, HEAP + PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
    wait_return_frame();
    CHECK_EQ(slow.thread[1].state, SLOW_SERVED);
    CHECK_EQ(slow.thread[2].state, SLOW_WAITS);
    wait_return_frame();
    CHECK_EQ(slow.thread[2].state, SLOW_SERVED);
    wait_end();
}

TEST("who is killed while it is first in line leaves what was kept for it to the next")
{
    struct space *stopped, *first;

    wait_two_in_line(&stopped, &first);
    slow_destroy(&slow, first);
    wait_sound();
    CHECK_EQ(slow.thread[1].state, SLOW_GONE);
    CHECK_EQ(slow.thread[2].state, SLOW_SERVED);
    wait_end();
}

TEST("who is killed while it alone waits for memory gives back what was kept for it")
{
    struct space *stopped, *first;

    slow_begin(&slow, FRAMES);
    stopped = wait_hog(4);
    first = space_create(&slow.fake.vm, 2);
    wait_map_heap(first, 8);
    while (wait_has_node())
        wait_hog(1);
    fake_limit(&slow.fake, 0);
    CHECK_EQ(wait_fault(0, stopped, HEAP + 4 * PAGE, FL_ACCESS_WRITE), SLOW_STOPPED);
    CHECK_EQ(wait_fault(1, first, HEAP + PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
    wait_return_frame();
    CHECK_EQ(slow.fake.vm.table.counts[PAGE_HELD], 1);
    slow_destroy(&slow, first);
    wait_sound();
    CHECK_EQ(slow.fake.vm.table.counts[PAGE_HELD], 0);
    wait_end();
}

/* ---- all orders of three programs that want more than there is ---- */

#define HOGS      3u
#define HOG_PAGES 3u

/* Which of the possible steps a run takes, one after the other; the next run differs in the last
 * choice that had another one left. */
static struct {
    uint8_t taken[64];
    uint8_t options[64];
    uint32_t count;
    uint32_t at;
} wait_order;

static uint32_t wait_choose(uint32_t options)
{
    uint32_t at = wait_order.at++;

    if (at == wait_order.count) {
        wait_order.taken[at] = 0;
        wait_order.options[at] = (uint8_t)options;
        wait_order.count++;
    }
    return wait_order.taken[at];
}

static bool wait_next_order(void)
{
    while (wait_order.count > 0 &&
           wait_order.taken[wait_order.count - 1] + 1 == wait_order.options[wait_order.count - 1])
        wait_order.count--;
    if (wait_order.count == 0)
        return false;
    wait_order.taken[wait_order.count - 1]++;
    wait_order.at = 0;
    return true;
}

struct wait_hogs {
    struct space *space[HOGS];
    uint32_t written[HOGS]; /* pages */
    uint32_t ended;
    uint32_t done;
};

/* Writes the page that was waited for, and its number. */
static void wait_hog_step(struct wait_hogs *hogs, uint32_t i)
{
    struct slow_thread *thread = &slow.thread[i];
    uint8_t byte = (uint8_t)(16 * i + hogs->written[i] + 1);

    if (thread->state != SLOW_SERVED || thread->address == 0) {
        slow_fault(&slow, thread, hogs->space[i], HEAP + (1 + hogs->written[i]) * PAGE,
                   FL_ACCESS_WRITE);
        if (thread->state != SLOW_SERVED)
            return;
    }
    CHECK_EQ(fake_touch(&slow.fake, hogs->space[i], thread->address, FL_ACCESS_WRITE, &byte),
             FAKE_DONE);
    thread->address = 0;
    if (++hogs->written[i] < HOG_PAGES)
        return;
    for (uint32_t k = 0; k < HOG_PAGES; k++)
        CHECK_EQ(wait_read(hogs->space[i], HEAP + (1 + k) * PAGE), 16 * i + k + 1);
    slow_destroy(&slow, hogs->space[i]);
    hogs->space[i] = NULL;
    hogs->done++;
}

static bool wait_hog_may_step(const struct wait_hogs *hogs, uint32_t i)
{
    return hogs->space[i] && !hogs->space[i]->stopped && slow.thread[i].state != SLOW_WAITS;
}

/* One step of a program, or of the root task for one that was stopped.  False: none is possible. */
static bool wait_hogs_step(struct wait_hogs *hogs)
{
    uint32_t options = 0, chosen;

    for (uint32_t i = 0; i < HOGS; i++)
        options += wait_hog_may_step(hogs, i) || (hogs->space[i] && hogs->space[i]->stopped);
    if (options == 0)
        return false;
    chosen = wait_choose(options);
    for (uint32_t i = 0; i < HOGS; i++) {
        if (!wait_hog_may_step(hogs, i) && !(hogs->space[i] && hogs->space[i]->stopped))
            continue;
        if (chosen-- > 0)
            continue;
        if (wait_hog_may_step(hogs, i)) {
            wait_hog_step(hogs, i);
        } else {
            slow_destroy(&slow, hogs->space[i]);
            hogs->space[i] = NULL;
            hogs->ended++;
        }
        break;
    }
    return true;
}

TEST("three programs want all memory: in every order one is ended at most, and the others go on")
{
    uint32_t orders = 0, ended = 0;

    wait_order.count = wait_order.at = 0;
    do {
        struct wait_hogs hogs = {.ended = 0};

        slow_begin(&slow, 64);
        for (uint32_t i = 0; i < HOGS; i++) {
            hogs.space[i] = wait_hog(1);
            slow.thread[i].address = 0;
        }
        fake_limit(&slow.fake,
                   5); /* of the 9 that they want: what two need, with the third's first */
        while (wait_hogs_step(&hogs))
            ;
        wait_sound();
        CHECK_EQ(slow.fake.vm.waits.active, 0);
        CHECK_EQ(hogs.done + hogs.ended, HOGS);
        CHECK(hogs.ended <= 1);
        ended += hogs.ended;
        orders++;
        wait_end();
    } while (wait_next_order());
    CHECK(orders > 1000);
    CHECK(ended > 0);
}
