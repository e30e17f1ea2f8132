/* Requests that wait for a page that is fetched, whatever happens to it meanwhile.  Each request is
 * answered exactly once, and none is lost; slow_check() looks after each step. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
#include "pager_wait_kit.h"

/* ---- one page ---- */

TEST(
    "a fault on a page that must be fetched waits, and is served and counted as major when it came")
{
    struct space *space = wait_begin();

    CHECK(slow_map(&slow, space, AT, 0, SLOW_PAGES, false));
    CHECK_EQ(wait_fault(0, space, AT + 2 * PAGE + 5, FL_ACCESS_READ), SLOW_WAITS);
    CHECK_EQ(space->minor_faults + space->major_faults, 0);
    CHECK_EQ(slow.fake.entries, 0);
    wait_finish(slow_find_fetch(&slow, 2), true);
    CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
    CHECK_EQ(space->major_faults, 1);
    CHECK_EQ(space->minor_faults, 0);
    CHECK_EQ(slow.fake.vm.major_faults, 1);
    CHECK_EQ(slow.fake.vm.minor_faults, 0);
    CHECK_EQ(wait_read(space, AT + 2 * PAGE + 5), slow_byte(2));
    CHECK_EQ(wait_fault(0, space, AT + 2 * PAGE, FL_ACCESS_READ), SLOW_SERVED);
    CHECK_EQ(space->minor_faults, 1);
    CHECK_EQ(slow.fetches_begun, 1);
    wait_end();
}

TEST("faults and calls on one busy page make one fetch, and are answered in the order they came in")
{
    struct space *space = wait_begin(), *other = space_create(&slow.fake.vm, 2);

    CHECK(slow_map(&slow, space, AT, 0, SLOW_PAGES, false));
    CHECK(slow_map(&slow, other, HEAP, 1, 4, true));
    CHECK_EQ(wait_fault(3, space, AT + 3 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
    CHECK_EQ(wait_fault(1, other, HEAP + 2 * PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
    CHECK_EQ(wait_write(0, other, HEAP + 2 * PAGE + 9), SLOW_WAITS);
    CHECK_EQ(wait_fault(2, space, AT + 3 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
    CHECK_EQ(wait_fault(4, space, AT + 4 * PAGE, FL_ACCESS_READ), SLOW_WAITS); /* another page */
    CHECK_EQ(slow.fetches_begun, 2);
    wait_finish(slow_find_fetch(&slow, 3), true);
    CHECK_EQ(slow.thread[3].order, 1);
    CHECK_EQ(slow.thread[1].order, 2);
    CHECK_EQ(slow.thread[0].order, 3);
    CHECK_EQ(slow.thread[2].order, 4);
    CHECK_EQ(slow.thread[4].state, SLOW_WAITS);
    CHECK_EQ(wait_read(space, AT + 3 * PAGE), slow_byte(3));
    CHECK_EQ(wait_read(other, HEAP + 2 * PAGE), slow_byte(3));
    CHECK_EQ(wait_read(other, HEAP + 2 * PAGE + 9), 0x99);
    CHECK_EQ(wait_read(space, AT + 3 * PAGE + 9), slow_byte(3)); /* the file has no copy of that */
    wait_end();
}

TEST("a failed fetch ends each who waited with SIGBUS and leaves no page; the next one fetches "
     "again")
{
    struct space *space = wait_begin(), *other = space_create(&slow.fake.vm, 2),
                 *later = space_create(&slow.fake.vm, 3);

    CHECK(slow_map(&slow, space, AT, 0, SLOW_PAGES, false));
    CHECK(slow_map(&slow, other, AT, 0, SLOW_PAGES, true));
    CHECK(slow_map(&slow, later, AT, 0, SLOW_PAGES, false));
    CHECK_EQ(wait_fault(0, space, AT, FL_ACCESS_READ), SLOW_WAITS);
    CHECK_EQ(wait_fault(1, other, AT, FL_ACCESS_WRITE), SLOW_WAITS);
    CHECK_EQ(wait_write(2, other, AT), SLOW_WAITS);
    wait_finish(slow_find_fetch(&slow, 0), false);
    wait_stopped(0, space, PAGER_EVENT_UNREADABLE, 7);
    wait_stopped(1, other, PAGER_EVENT_UNREADABLE, 7);
    CHECK_EQ(slow.thread[2].state, SLOW_FAILED);
    CHECK_EQ(slow.thread[2].error, EFAULT);
    CHECK_EQ(slow_object(&slow)->resident, 0);
    CHECK_EQ(wait_fault(3, later, AT, FL_ACCESS_READ), SLOW_WAITS);
    CHECK_EQ(slow.fetches_begun, 2);
    wait_finish(slow_find_fetch(&slow, 0), true);
    CHECK_EQ(wait_read(later, AT), slow_byte(0));
    wait_end();
}

TEST("who waited for one page may wait for the next one, and a failure of the first is forgotten")
{
    struct space *space = wait_begin();

    CHECK(slow_map(&slow, space, AT, 0, 2, false));
    CHECK_EQ(wait_fault(0, space, AT, FL_ACCESS_READ), SLOW_WAITS);
    slow_truncate(&slow,
                  0); /* the page goes; the file is as long as before when the fault looks again */
    slow_object(&slow)->bytes = 2 * PAGE;
    slow_serve(&slow);
    wait_sound();
    CHECK_EQ(slow.thread[0].state, SLOW_WAITS);
    CHECK_EQ(slow.fake.vm.table.counts[PAGE_STRAY], 1);
    CHECK_EQ(slow.fake.vm.table.counts[PAGE_BUSY], 1);
    wait_finish(slow.fetch[0], false); /* of the stray: nobody's */
    CHECK_EQ(slow.thread[0].state, SLOW_WAITS);
    CHECK_EQ(slow.fake.vm.table.counts[PAGE_STRAY], 0);
    wait_finish(slow_find_fetch(&slow, 0), true);
    CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
    CHECK_EQ(wait_read(space, AT), slow_byte(0));
    wait_end();
}

TEST("a failed fetch is no news to who needs another page by then, nor to who comes later")
{
    struct space *space = wait_begin(), *other = space_create(&slow.fake.vm, 2);

    CHECK(slow_map(&slow, space, AT, 1, 1, false));
    CHECK(slow_map(&slow, other, AT, 1, 1, false));
    CHECK_EQ(wait_fault(0, space, AT, FL_ACCESS_READ), SLOW_WAITS);
    CHECK_EQ(vm_unmap(&slow.fake.vm, space, AT, PAGE), 0);
    CHECK(slow_map(&slow, space, AT, 3, 1, false));
    wait_finish(slow_find_fetch(&slow, 1), false);
    CHECK_EQ(slow.thread[0].state, SLOW_WAITS);
    CHECK(slow_find_fetch(&slow, 3) != PAGE_NONE);
    CHECK_EQ(wait_fault(1, other, AT, FL_ACCESS_READ), SLOW_WAITS);
    CHECK(slow_find_fetch(&slow, 1) != PAGE_NONE);
    wait_end();
}

/* ---- what happens to a page while it is fetched ---- */

enum wait_event {
    NOTHING,
    UNMAP,
    UNMAP_SHOWN, /* while another space shows the page too */
    PROTECT,
    TRUNCATE,
    REPLACE, /* another memory is mapped over it */
    DROP,    /* DONTNEED */
    DESTROY,
    DESTROY_SHOWN,
    FORK,
    SECOND_FAULT,
    SECOND_SPACE,
    EVENTS
};

struct wait_case {
    const char *name;
    enum slow_state before; /* the end of the fetch */
    enum slow_state after;  /* if it came */
    enum slow_state failed; /* if not */
    uint32_t kind;          /* of a stop */
    bool stray;             /* the page leaves its object */
};

static const struct wait_case wait_cases[EVENTS] = {
    [NOTHING] = {"nothing", SLOW_WAITS, SLOW_SERVED, SLOW_STOPPED, PAGER_EVENT_UNREADABLE, false},
    [UNMAP] = {"unmap", SLOW_STOPPED, SLOW_STOPPED, SLOW_STOPPED, PAGER_EVENT_UNMAPPED, true},
    [UNMAP_SHOWN] = {"unmap of one of two", SLOW_WAITS, SLOW_STOPPED, SLOW_STOPPED,
                     PAGER_EVENT_UNMAPPED, false},
    [PROTECT] = {"protect", SLOW_WAITS, SLOW_STOPPED, SLOW_STOPPED, PAGER_EVENT_PROTECTION, false},
    [TRUNCATE] = {"truncate", SLOW_STOPPED, SLOW_STOPPED, SLOW_STOPPED, PAGER_EVENT_BEYOND_END,
                  true},
    [REPLACE] = {"replace", SLOW_SERVED, SLOW_SERVED, SLOW_SERVED, 0, true},
    [DROP] = {"DONTNEED", SLOW_WAITS, SLOW_SERVED, SLOW_STOPPED, PAGER_EVENT_UNREADABLE, false},
    [DESTROY] = {"destroy", SLOW_GONE, SLOW_GONE, SLOW_GONE, 0, true},
    [DESTROY_SHOWN] = {"destroy of one of two", SLOW_GONE, SLOW_GONE, SLOW_GONE, 0, false},
    [FORK] = {"fork", SLOW_WAITS, SLOW_SERVED, SLOW_STOPPED, PAGER_EVENT_UNREADABLE, false},
    [SECOND_FAULT] = {"second fault", SLOW_WAITS, SLOW_SERVED, SLOW_STOPPED, PAGER_EVENT_UNREADABLE,
                      false},
    [SECOND_SPACE] = {"second space", SLOW_WAITS, SLOW_SERVED, SLOW_STOPPED, PAGER_EVENT_UNREADABLE,
                      false},
};

/* Thread 0 of `space` waits for page 1 of the file. */
static void wait_happen(enum wait_event event, struct space *space, bool private)
{
    struct vm *vm = &slow.fake.vm;
    struct space *other = space_create(vm, 2);
    struct vm_map_request request = {.address = AT,
                                     .bytes = 4 * PAGE,
                                     .protection = RW,
                                     .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};
    uint64_t at = 0;

    if (event == UNMAP_SHOWN || event == DESTROY_SHOWN || event == SECOND_SPACE)
        CHECK(slow_map(&slow, other, HEAP, 0, 4, !private));
    switch (event) {
    case UNMAP:
    case UNMAP_SHOWN:
        CHECK_EQ(vm_unmap(vm, space, AT + PAGE, PAGE), 0);
        if (event == UNMAP) /* the object lives on by its other pages */
            CHECK_EQ(vm_unmap(vm, space, AT, 4 * PAGE), 0);
        break;
    case PROTECT:
        CHECK_EQ(vm_protect(vm, space, AT, 4 * PAGE, PROT_NONE), 0);
        break;
    case TRUNCATE:
        slow_truncate(&slow, 1);
        break;
    case REPLACE:
        CHECK_EQ(vm_map(vm, space, &request, &at), 0);
        break;
    case DROP:
        CHECK_EQ(vm_advise(vm, space, AT, 4 * PAGE, MADV_DONTNEED), 0);
        break;
    case DESTROY:
    case DESTROY_SHOWN:
        slow_destroy(&slow, space);
        break;
    case FORK:
        CHECK_EQ(vm_fork(vm, space, other), 0);
        CHECK_EQ(wait_fault(1, other, AT + PAGE, FL_ACCESS_READ), SLOW_WAITS);
        break;
    case SECOND_FAULT:
        CHECK_EQ(wait_fault(1, space, AT + PAGE, FL_ACCESS_READ), SLOW_WAITS);
        break;
    case SECOND_SPACE:
        CHECK_EQ(wait_fault(1, other, HEAP + PAGE, FL_ACCESS_READ), SLOW_WAITS);
        break;
    case NOTHING:
    case EVENTS:
        break;
    }
    slow_serve(&slow);
    wait_sound();
}

static void wait_try(enum wait_event event, bool private, uint32_t access, bool ok)
{
    const struct wait_case *expected = &wait_cases[event];
    struct space *space = wait_begin();
    const struct slow_thread *thread = &slow.thread[0], *second = &slow.thread[1];

    CHECK(slow_map(&slow, space, AT, 0, 4, private));
    CHECK_EQ(wait_fault(0, space, AT + PAGE, access), SLOW_WAITS);
    wait_happen(event, space, private);
    CHECK_EQ(thread->state, expected->before);
    CHECK_EQ(slow.fake.vm.table.counts[PAGE_STRAY], expected->stray ? 1 : 0);
    wait_finish(slow.fetch[0], ok);
    CHECK_EQ(thread->state, ok ? expected->after : expected->failed);
    if (event == FORK || event == SECOND_FAULT || event == SECOND_SPACE)
        CHECK_EQ(second->state, ok ? SLOW_SERVED : SLOW_STOPPED);
    if (thread->state == SLOW_STOPPED) {
        CHECK_EQ(space->event.kind, expected->kind);
    } else if (thread->state == SLOW_SERVED) {
        CHECK_EQ(wait_read(space, AT + PAGE), event == REPLACE ? 0 : slow_byte(1));
    }
    CHECK_EQ(slow.fetches_begun, 1);
    wait_end();
}

TEST("whatever happens to a page while it is fetched, who waits is told what is there then")
{
    for (unsigned event = 0; event < EVENTS; event++)
        for (unsigned bits = 0; bits < 8; bits++) {
            bool private = bits & 1, write = bits & 2;

            if (private || !write)
                wait_try((enum wait_event)event, private, write ? FL_ACCESS_WRITE : FL_ACCESS_READ,
                         bits & 4);
        }
}

/* ---- pages of anonymous memory, as a swapped one will be ---- */

/* Page 2 of the heap is fetched; pages 0 and 1 were written. */
static uint32_t wait_fetch_heap(struct space *space)
{
    uint64_t at = wait_map_heap(space, 4);
    uint32_t page;

    for (uint64_t i = 0; i < 2; i++)
        CHECK_EQ(wait_fault(0, space, at + i * PAGE, FL_ACCESS_WRITE), SLOW_SERVED);
    page = object_begin_fetch(&slow.fake.vm, entry_find(&space->map, at)->object, 2);
    CHECK(page != PAGE_NONE);
    slow_note_fetch(&slow, page, 2);
    wait_sound();
    return page;
}

TEST("after a fork both sides wait for one busy page below them, and each gets its own when it "
     "writes")
{
    struct space *parent = wait_begin(), *child = space_create(&slow.fake.vm, 2);
    uint32_t page = wait_fetch_heap(parent);

    CHECK_EQ(vm_fork(&slow.fake.vm, parent, child), 0);
    CHECK_EQ(wait_fault(0, parent, HEAP + 2 * PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
    CHECK_EQ(wait_fault(1, child, HEAP + 2 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
    CHECK_EQ(wait_write(2, child, HEAP + 2 * PAGE + 1), SLOW_WAITS);
    wait_finish(page, true);
    CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
    CHECK_EQ(slow.thread[1].state, SLOW_SERVED);
    CHECK_EQ(wait_read(parent, HEAP + 2 * PAGE + 1), slow_byte(2));
    CHECK_EQ(wait_read(child, HEAP + 2 * PAGE), slow_byte(2));
    CHECK_EQ(wait_read(child, HEAP + 2 * PAGE + 1), 0x99);
    wait_end();
}

TEST("fork copies the pages of wired memory, but not one that is busy: both sides wait for it")
{
    struct space *parent = wait_begin(), *child = space_create(&slow.fake.vm, 2);
    uint32_t page = wait_fetch_heap(parent);

    CHECK_EQ(vm_wire(&slow.fake.vm, parent, HEAP, 4 * PAGE, MLOCK_ONFAULT), 0);
    CHECK_EQ(vm_fork(&slow.fake.vm, parent, child), 0);
    wait_sound();
    CHECK_EQ(wait_fault(0, child, HEAP, FL_ACCESS_WRITE), SLOW_SERVED);
    CHECK_EQ(wait_fault(0, parent, HEAP + 2 * PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
    CHECK_EQ(wait_fault(1, child, HEAP + 2 * PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
    wait_finish(page, true);
    CHECK_EQ(wait_read(parent, HEAP + 2 * PAGE), slow_byte(2));
    CHECK_EQ(wait_read(child, HEAP + 2 * PAGE), slow_byte(2));
    wait_end();
}

TEST("a busy page moves when objects are merged, upwards or downwards, and comes or fails as ever")
{
    for (unsigned bits = 0; bits < 4; bits++) {
        struct space *parent = wait_begin(), *child = space_create(&slow.fake.vm, 2);
        uint32_t page = wait_fetch_heap(parent);
        bool ok = bits & 1, down = bits & 2;

        CHECK_EQ(vm_fork(&slow.fake.vm, parent, child), 0);
        if (!down) /* what is above gets more pages than what is below */
            for (uint64_t i = 0; i < 2; i++)
                CHECK_EQ(wait_fault(2, parent, HEAP + i * PAGE, FL_ACCESS_WRITE), SLOW_SERVED);
        CHECK_EQ(wait_fault(0, parent, HEAP + 2 * PAGE, FL_ACCESS_WRITE), SLOW_WAITS);
        CHECK_EQ(wait_fault(1, child, HEAP + 2 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
        slow_destroy(&slow, child);
        wait_sound();
        CHECK_EQ(slow.fake.vm.counts.merges, 1);
        CHECK_EQ(slow.thread[0].state, SLOW_WAITS);
        CHECK_EQ(slow.thread[1].state, SLOW_GONE);
        wait_finish(page, ok);
        CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
        CHECK_EQ(wait_read(parent, HEAP + 2 * PAGE), ok ? slow_byte(2) : 0);
        wait_end();
    }
}

TEST("the last page of an object below others may fail: the object goes")
{
    struct space *parent = wait_begin(), *child = space_create(&slow.fake.vm, 2);
    uint64_t at = wait_map_heap(parent, 4);
    uint32_t page = object_begin_fetch(&slow.fake.vm, entry_find(&parent->map, at)->object, 2);

    slow_note_fetch(&slow, page, 2);
    CHECK_EQ(vm_fork(&slow.fake.vm, parent, child), 0);
    CHECK_EQ(slow.fake.vm.objects.used, 3);
    CHECK_EQ(wait_fault(0, parent, HEAP + 2 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
    wait_finish(page, false);
    CHECK_EQ(slow.fake.vm.objects.used, 2);
    wait_end();
}

TEST("a busy page that is dropped or ends with its space is nobody's frame until its fetch ends")
{
    struct space *space = wait_begin();
    uint32_t page = wait_fetch_heap(space);

    CHECK_EQ(wait_fault(0, space, HEAP + 2 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
    CHECK_EQ(vm_advise(&slow.fake.vm, space, HEAP, 4 * PAGE, MADV_DONTNEED), 0);
    slow_serve(&slow);
    wait_sound();
    CHECK_EQ(slow.thread[0].state, SLOW_SERVED);
    CHECK_EQ(wait_read(space, HEAP + 2 * PAGE), 0);
    CHECK_EQ(slow.fake.vm.table.pages[page].state, PAGE_STRAY);
    slow_destroy(&slow, space);
    CHECK_EQ(slow.fake.vm.table.counts[PAGE_FREE], slow.fake.free_pages - 1);
    wait_finish(page, true);
    CHECK_EQ(slow.fake.vm.table.counts[PAGE_FREE], slow.fake.free_pages);
    wait_end();
}

TEST("mlock waits for one page after the other that must be fetched")
{
    struct space *space = wait_begin();

    CHECK(slow_map(&slow, space, AT, 0, 2, true));
    CHECK_EQ(vm_wire(&slow.fake.vm, space, AT, 2 * PAGE, 0), EINPROGRESS);
    CHECK_EQ(slow.fake.vm.waits.wanted, slow_find_fetch(&slow, 0));
    wait_finish(slow_find_fetch(&slow, 0), true);
    CHECK_EQ(vm_wire(&slow.fake.vm, space, AT, 2 * PAGE, 0), EINPROGRESS);
    CHECK_EQ(slow.fake.vm.waits.wanted, slow_find_fetch(&slow, 1));
    wait_finish(slow_find_fetch(&slow, 1), true);
    CHECK_EQ(vm_wire(&slow.fake.vm, space, AT, 2 * PAGE, 0), 0);
    wait_end();
}

/* ---- tokens ---- */

TEST("with no token left a fault is made again and a call says so; both wait when one is free")
{
    struct space *space = wait_begin();
    const uint32_t last = WAIT_RECORDS - 1;

    CHECK(slow_map(&slow, space, AT, 0, SLOW_PAGES, true));
    for (uint32_t i = 0; i < last; i++)
        CHECK_EQ(wait_fault(i, space, AT + i % 3 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
    CHECK_EQ(wait_fault(last, space, AT, FL_ACCESS_READ), SLOW_AGAIN);
    CHECK_EQ(wait_write(last, space, AT), SLOW_AGAIN);
    wait_finish(slow_find_fetch(&slow, 1), true);
    CHECK_EQ(wait_fault(last, space, AT, FL_ACCESS_READ), SLOW_WAITS);
    CHECK_EQ(wait_write(last + 1, space, AT), SLOW_WAITS);
    wait_finish(slow_find_fetch(&slow, 0), true);
    wait_finish(slow_find_fetch(&slow, 2), true);
    for (uint32_t i = 0; i <= last + 1; i++)
        CHECK_EQ(slow.thread[i].state, SLOW_SERVED);
    wait_end();
}
