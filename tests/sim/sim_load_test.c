/* Load control, on machines with swap: who waits, for how long, and that all of it comes back. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_load_kit.h"

#include "setting.h"

/* ---- load control ---- */

#define BIG    90u /* pages of a program that is large on a machine of LOADED frames */
#define LOADED 256u

static struct space *loaded[4];

/* On a machine that was begun, so many programs, of which two fit, with load control. */
static void load_programs(uint32_t count)
{
    kit_now = 1;
    load_set(kit_vm(), true);
    memset(loaded, 0, sizeof loaded);
    for (uint32_t i = 0; i < count; i++)
        loaded[i] = begin_program(i + 1, BIG);
}

static void begin_loaded(uint32_t count)
{
    kit_begin_swap(LOADED, 2000);
    load_programs(count);
}

/* With compressed pages, and no disk. */
static void begin_packed(uint32_t count)
{
    kit_begin(LOADED);
    CHECK_EQ(tier_set(kit_vm(), 40), 0);
    load_programs(count);
}

/* One access that need not come to its end. */
static bool try_read(struct space *space, uint64_t page)
{
    uint8_t byte;
    enum fake_outcome outcome =
        fake_touch(&slow.fake, space, AT + page * PAGE, FL_ACCESS_READ, &byte);

    kit_serve();
    CHECK(outcome != FAKE_STOPPED);
    if (outcome == FAKE_DONE)
        CHECK_EQ(byte, kit_byte(page, (uint32_t)space->pid));
    else
        kit_poll(DELAY);
    return outcome == FAKE_DONE;
}

/* All programs that may go round their pages once, in turn; then the window ends. */
static void run_window(void)
{
    uint64_t ended = kit_vm()->windows.ended;

    for (uint64_t page = 0; page < BIG; page++)
        for (uint32_t i = 0; i < 4; i++)
            for (uint32_t turn = 0; loaded[i] && !loaded[i]->load.suspended && turn < 100; turn++)
                if (try_read(loaded[i], page))
                    break;
    while (window_is_wanted(kit_vm()) && kit_vm()->windows.ended == ended)
        kit_pass(WINDOW_DEFAULT);
    kit_serve();
    kit_settle();
}

static void run_until_suspended(uint32_t count)
{
    for (uint32_t window = 0; kit_vm()->load.suspended < count; window++) {
        CHECK(window < 20);
        run_window();
    }
}

static struct space *find_suspended(void)
{
    for (uint32_t i = 0; i < 4; i++)
        if (loaded[i] && loaded[i]->load.suspended)
            return loaded[i];
    return NULL;
}

static uint64_t count_reads(void)
{
    return kit_vm()->paging.counts.swapped_in;
}

TEST("sets that do not fit: one program leaves memory and waits, and the others read nothing more")
{
    struct space *space;
    uint64_t reads;

    begin_loaded(3);
    run_window();
    CHECK_EQ(kit_vm()->load.suspended, 0);
    run_until_suspended(1);
    space = find_suspended();
    CHECK_EQ(kit_vm()->load.suspensions, 1);
    CHECK_EQ(space->load.set, BIG);
    CHECK_EQ(space->resident, 0);
    CHECK_EQ(slow_fault(&slow, &slow.thread[1], space, AT, FL_ACCESS_READ), SLOW_WAITS);
    kit_sound();
    run_window(); /* the others come in */
    reads = count_reads();
    run_window();
    run_window();
    CHECK_EQ(count_reads(), reads);
    CHECK_EQ(slow.thread[1].state, SLOW_WAITS);
    CHECK_EQ(space->set.pages, 0);
    kit_end();
}

TEST("with compressed pages alone, too, one waits, its pages are packed, and the others unpack no "
     "more")
{
    struct space *space;
    uint64_t got;

    begin_packed(3);
    run_until_suspended(1);
    space = find_suspended();
    CHECK_EQ(space->load.set, BIG);
    CHECK_EQ(space->resident, 0);
    CHECK_EQ(space->swapped, BIG);
    CHECK(kit_vm()->tier.store.pages >= BIG);
    CHECK_EQ(slow_fault(&slow, &slow.thread[1], space, AT, FL_ACCESS_READ), SLOW_WAITS);
    run_window();
    got = kit_vm()->tier.counts.got;
    run_window();
    CHECK_EQ(kit_vm()->tier.counts.got, got);
    while (space->load.suspended)
        run_window();
    CHECK_EQ(space->load.reason, LOAD_TURN);
    CHECK_EQ(slow.thread[1].state, SLOW_SERVED);
    for (uint64_t page = 0; page < BIG; page++)
        CHECK_EQ(kit_read(space, AT + page * PAGE), kit_byte(page, (uint32_t)space->pid));
    CHECK_EQ(count_reads(), 0);
    kit_end();
}

TEST("without a disk, load control ends when the store of compressed pages is switched off and "
     "empty")
{
    struct space *space;

    begin_packed(3);
    run_until_suspended(1);
    space = find_suspended();
    slow_destroy(&slow, loaded[loaded[0] == space]); /* so that all find room */
    loaded[loaded[0] == space] = NULL;
    CHECK_EQ(tier_set(kit_vm(), 0), 0);
    load_note_idle(kit_vm());
    for (uint32_t i = 0; i < 4; i++)
        for (uint64_t page = 0; loaded[i] && page < BIG; page++)
            CHECK_EQ(kit_read(loaded[i], AT + page * PAGE),
                     kit_byte(page, (uint32_t)loaded[i]->pid));
    CHECK_EQ(kit_vm()->tier.store.pages, 0);
    pass_window();
    CHECK_EQ(window_due(kit_vm()), WINDOW_NEVER);
    kit_end();
}

TEST("without load control nobody waits, and everybody reads for ever")
{
    uint64_t reads;

    begin_loaded(3);
    load_set(kit_vm(), false);
    window_set_length(kit_vm(), WINDOW);
    for (uint32_t window = 0; window < 8; window++) {
        reads = count_reads();
        run_window();
    }
    CHECK(count_reads() > reads + BIG);
    CHECK_EQ(kit_vm()->load.suspensions, 0);
    kit_end();
}

TEST("nobody waits for ever: each program has its turn, in order, and its fault goes on")
{
    uint64_t last = 0;

    begin_loaded(4);
    run_until_suspended(2);
    for (uint32_t turn = 0; turn < 6; turn++) {
        struct space *space = find_suspended();
        struct slow_thread *thread = &slow.thread[1];
        uint32_t window = 0;

        for (uint32_t i = 0; i < 4; i++)
            if (loaded[i]->load.suspended && loaded[i]->load.since < space->load.since)
                space = loaded[i];
        CHECK(space->pid != last);
        last = space->pid;
        CHECK_EQ(slow_fault(&slow, thread, space, AT + 3 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
        for (; space->load.suspended; window++) {
            CHECK(window <= 3 * LOAD_PATIENCE);
            run_window();
        }
        CHECK_EQ(kit_vm()->load.suspended, 2); /* another waits in its place */
        kit_settle();
        CHECK_EQ(thread->state, SLOW_SERVED);
        thread->state = SLOW_IDLE;
        CHECK(turn == 0 || window >= LOAD_PATIENCE / 2);
    }
    kit_end();
}

TEST("when others end, there is room again, and who waits goes on")
{
    struct space *space;

    begin_loaded(3);
    run_until_suspended(1);
    space = find_suspended();
    CHECK_EQ(slow_fault(&slow, &slow.thread[1], space, AT, FL_ACCESS_READ), SLOW_WAITS);
    for (uint32_t i = 0; i < 4; i++)
        if (loaded[i] && loaded[i] != space) {
            slow_destroy(&slow, loaded[i]);
            loaded[i] = NULL;
        }
    for (uint32_t window = 0; window <= LOAD_SETTLE; window++)
        pass_window();
    CHECK_EQ(space->load.suspended, false);
    CHECK_EQ(space->load.reason, LOAD_ROOM);
    kit_settle();
    CHECK_EQ(slow.thread[1].state, SLOW_SERVED);
    CHECK_EQ(kit_vm()->load.resumptions, 1);
    CHECK_EQ(window_due(kit_vm()) == WINDOW_NEVER || kit_vm()->load.overloaded == 0, true);
    kit_end();
}

TEST("a program whose peers sleep does not wait: their sets are empty")
{
    struct space *space;

    begin_loaded(3);
    run_until_suspended(1);
    space = find_suspended();
    for (uint32_t window = 0; window <= LOAD_SETTLE; window++)
        pass_window();
    CHECK_EQ(space->load.suspended, false);
    kit_end();
}

TEST("the only large program never waits, nor do small ones")
{
    begin_loaded(1);
    window_set_length(kit_vm(), WINDOW_DEFAULT);
    kit_pass(0);
    kit_map(loaded[0], AT + BIG * PAGE, 4 * BIG, MAP_PRIVATE);
    loaded[1] = begin_program(2, 4); /* a small one */
    for (uint32_t window = 0; window < 8; window++) {
        for (uint64_t page = BIG; page < 5 * BIG; page++)
            kit_write(loaded[0], AT + page * PAGE, 1);
        for (uint64_t page = 0; page < 4; page++)
            kit_read(loaded[1], AT + page * PAGE);
        pass_window();
    }
    CHECK(loaded[0]->set.pages > load_frames(kit_vm()));
    CHECK_EQ(kit_vm()->load.suspensions, 0);
    kit_end();
}

static uint32_t count_resident(struct space *space, uint64_t pages)
{
    const struct entry *entry;
    uint32_t count = 0;

    for (uint64_t page = 0; page < pages; page++) {
        entry = entry_find(&space->map, AT + page * PAGE);
        count += vm_is_resident(entry, AT + page * PAGE);
    }
    return count;
}

static void lock_pages(struct space *space, uint64_t pages)
{
    int error;

    while ((error = vm_wire(kit_vm(), space, AT, pages * PAGE, 0)) == EINPROGRESS)
        kit_poll(DELAY);
    CHECK_EQ(error, 0);
}

TEST("a program with locked pages waits as others do: these stay, and the others leave")
{
    struct space *space;

    begin_loaded(3);
    space = loaded[0]; /* which has run longest */
    lock_pages(space, 10);
    run_until_suspended(1);
    CHECK_EQ(space->load.suspended, true);
    CHECK_EQ(space->load.set, BIG - 10);
    kit_settle();
    CHECK_EQ(space->resident, 10);
    CHECK_EQ(count_resident(space, 10), 10);
    for (uint64_t page = 0; page < 10; page++) /* who uses these does not wait */
        CHECK_EQ(kit_read(space, AT + page * PAGE), kit_byte(page, 1));
    CHECK_EQ(slow_fault(&slow, &slow.thread[1], space, AT + 10 * PAGE, FL_ACCESS_READ), SLOW_WAITS);
    kit_end();
}

TEST("a program does not wait if little of its set could leave, for the rest is locked")
{
    begin_loaded(3);
    lock_pages(loaded[0], BIG - 2);
    lock_pages(loaded[1], BIG);
    for (uint32_t window = 0; window < 8; window++) {
        run_window();
        CHECK_EQ(loaded[0]->load.suspended, false);
        CHECK_EQ(loaded[1]->load.suspended, false);
    }
    CHECK(kit_vm()->load.suspensions > 0);
    kit_end();
}

TEST("locked pages of who waits are not there for others: with many of them a second one waits")
{
    const uint64_t locked = BIG - BIG / LOAD_WORTH;

    for (uint32_t turn = 0; turn < 2; turn++) {
        begin_loaded(3);
        if (turn == 1)
            lock_pages(loaded[0], locked);
        run_until_suspended(1);
        CHECK_EQ(loaded[0]->load.suspended, true);
        for (uint32_t window = 0; window < LOAD_PROOF + LOAD_SETTLE; window++)
            run_window();
        CHECK_EQ(kit_vm()->load.suspended, 1 + turn);
        kit_end();
    }
}

TEST("pages that an active program sees too stay, and what only those who wait see goes")
{
    struct space *parent, *child;

    begin_loaded(3);
    parent = loaded[0];
    child = kit_space(9);
    CHECK_EQ(vm_fork(kit_vm(), parent, child), 0);
    for (uint64_t page = 0; page < 20; page++)
        kit_write(parent, AT + page * PAGE, kit_byte(page, 1));
    run_until_suspended(1);
    CHECK_EQ(parent->load.suspended, true); /* which has run longest */
    kit_settle();
    for (uint64_t page = 0; page < 20; page++)
        CHECK(!vm_is_resident(entry_find(&parent->map, AT), AT + page * PAGE));
    for (uint64_t page = 20; page < BIG; page++)
        CHECK_EQ(kit_read(child, AT + page * PAGE), kit_byte(page, 1));
    kit_end();
}

TEST("of a suspended program's pages all leave that nobody else sees, used or not")
{
    const uint64_t shared = AT + 100 * PAGE;
    struct space *parent, *child;
    struct entry *entry;

    kit_begin_swap(512, 2000);
    load_set(kit_vm(), true);
    parent = begin_program(1, 70);
    kit_map(parent, shared, 20, MAP_SHARED);
    for (uint64_t page = 0; page < 20; page++)
        kit_write(parent, shared + page * PAGE, 7);
    child = kit_space(2);
    CHECK_EQ(vm_fork(kit_vm(), parent, child), 0);
    for (uint64_t page = 10; page < 60; page++)
        kit_write(parent, AT + page * PAGE, kit_byte(page, 1));
    parent->load.suspended = true;
    kit_vm()->load.suspended = 1;
    kit_serve();
    kit_settle();
    entry = entry_find(&parent->map, AT);
    for (uint64_t page = 0; page < 70; page++)
        CHECK_EQ(vm_is_resident(entry, AT + page * PAGE), page < 10 || page >= 60);
    CHECK_EQ(kit_submitted[1], 2);
    CHECK(vm_is_resident(entry_find(&parent->map, shared), shared + 7 * PAGE));
    child->load.suspended = true; /* and now nobody else sees these */
    kit_vm()->load.suspended = 2;
    kit_serve();
    kit_settle();
    CHECK(!vm_is_resident(entry_find(&parent->map, shared), shared + 7 * PAGE));
    load_set(kit_vm(), false);
    kit_serve();
    CHECK_EQ(kit_vm()->load.resumptions, 2);
    for (uint64_t page = 0; page < 70; page++)
        CHECK_EQ(kit_read(child, AT + page * PAGE), kit_byte(page, 1));
    kit_end();
}

TEST("one program alone is not counted by windows that only load control wants")
{
    begin_loaded(1);
    kit_map(loaded[0], AT + BIG * PAGE, 3 * BIG, MAP_PRIVATE);
    for (uint32_t window = 0; window < 4; window++) {
        for (uint64_t page = BIG; page < 4 * BIG; page++)
            kit_write(loaded[0], AT + page * PAGE, 1);
        pass_window();
    }
    CHECK(count_reads() > 0);
    CHECK_EQ(kit_vm()->windows.harvests, 0);
    CHECK_EQ(loaded[0]->set.pages, 0);
    kit_end();
}

TEST("a suspended program may be destroyed, while it waits and while its pages leave")
{
    begin_loaded(3);
    run_until_suspended(1);
    CHECK_EQ(slow_fault(&slow, &slow.thread[1], find_suspended(), AT, FL_ACCESS_READ), SLOW_WAITS);
    slow_destroy(&slow, find_suspended());
    CHECK_EQ(kit_vm()->load.suspended, 0);
    CHECK_EQ(kit_vm()->waits.active, 0);
    kit_end();
}

TEST("a suspended program that is stopped has no turn any more, and does not keep others waiting")
{
    const struct space_event event = {.kind = 1, .signal = 9};
    struct slow_thread *thread = &slow.thread[1];
    struct space *space;

    begin_loaded(4);
    run_until_suspended(2);
    space = find_suspended();
    CHECK_EQ(slow_fault(&slow, thread, space, AT, FL_ACCESS_READ), SLOW_WAITS);
    vm_stop_space(kit_vm(), space, &event);
    kit_serve();
    CHECK_EQ(kit_vm()->load.suspended, 1);
    CHECK_EQ(kit_vm()->load.resumptions, 0);
    for (uint32_t i = 0; i < 4; i++)
        if (loaded[i] == space)
            loaded[i] = NULL;
    for (uint32_t window = 0; kit_vm()->load.resumptions == 0; window++) {
        CHECK(window <= 3 * LOAD_PATIENCE);
        run_window();
    }
    CHECK_EQ(space->load.reason, LOAD_OVERLOAD); /* it was another */
    CHECK(thread->state != SLOW_WAITS);
    kit_end();
}

/* All that may be written to a setting changes its value, or nothing: so load control goes on. */
TEST("who writes the length of windows again and again, or another, does not stop load control")
{
    static const char *const lengths[] = {"100", "100", "300", "100", "0", "200", "0100"};
    uint32_t turn = 0;

    begin_loaded(3);
    window_set_length(kit_vm(), WINDOW_DEFAULT);
    for (uint64_t page = 0; kit_vm()->load.suspensions == 0; page = (page + 1) % BIG) {
        CHECK(turn < 100 * BIG);
        for (uint32_t i = 0; i < 3; i++)
            (void)try_read(loaded[i], page);
        CHECK_EQ(setting_write(kit_vm(), "window", lengths[turn++ % 7]), 0);
        kit_pass(WINDOW_DEFAULT / BIG);
    }
    kit_end();
}

TEST("a setting that is written with the value that it has changes nothing")
{
    struct space *space;
    uint64_t due;

    begin_loaded(3);
    CHECK_EQ(setting_write(kit_vm(), "window", "100"), 0);
    kit_pass(0);
    due = window_due(kit_vm());
    run_until_suspended(1);
    space = find_suspended();
    kit_vm()->load.overloaded = 1;
    kit_vm()->load.settled = 1;
    due = window_due(kit_vm());
    kit_pass(10);
    for (uint64_t row = 0; setting_name(row); row++) {
        static struct vm before;
        char value[SETTING_BYTES];

        before = *kit_vm();
        CHECK_EQ(setting_read(kit_vm(), setting_name(row), value), 0);
        CHECK_EQ(setting_write(kit_vm(), setting_name(row), value), 0);
        CHECK(memcmp(&before, kit_vm(), sizeof before) == 0);
    }
    CHECK_EQ(window_due(kit_vm()), due);
    CHECK_EQ(space->load.suspended, true);
    kit_end();
}

TEST("switched off, or without swap, load control lets everybody go on")
{
    begin_loaded(3);
    run_until_suspended(1);
    CHECK_EQ(slow_fault(&slow, &slow.thread[1], find_suspended(), AT, FL_ACCESS_READ), SLOW_WAITS);
    load_set(kit_vm(), false);
    kit_serve();
    kit_settle();
    CHECK_EQ(kit_vm()->load.suspended, 0);
    CHECK_EQ(slow.thread[1].state, SLOW_SERVED);
    kit_pass(1);
    CHECK_EQ(window_due(kit_vm()), WINDOW_NEVER);
    kit_end();
}

TEST("where no time passes because nobody runs, who waits longest goes on when the driver says so")
{
    struct space *space;

    begin_loaded(3);
    load_note_idle(kit_vm());
    run_until_suspended(1);
    space = find_suspended();
    load_note_idle(kit_vm());
    CHECK_EQ(space->load.suspended, false);
    CHECK_EQ(space->load.reason, LOAD_IDLE);
    kit_end();
}

TEST("calls of a suspended program, and of servers about it, are answered")
{
    struct space *space;
    struct slow_thread *thread = &slow.thread[1];

    begin_loaded(3);
    run_until_suspended(1);
    space = find_suspended();
    slow_write(&slow, thread, space, AT + 5 * PAGE, 0x77);
    kit_settle();
    CHECK_EQ(thread->state, SLOW_SERVED);
    CHECK_EQ(space->load.suspended, true);
    CHECK(space->resident > 0);
    run_window(); /* and what they brought in goes again */
    CHECK_EQ(space->resident, 0);
    kit_end();
}

TEST("what load control did is told in order; of more than it keeps, the last")
{
    struct load_event event;
    uint32_t count = 0;

    begin_loaded(3);
    CHECK_EQ(load_take_event(kit_vm(), &event), false);
    for (uint32_t turn = 0; turn < LOAD_EVENTS; turn++) {
        run_until_suspended(1);
        load_note_idle(kit_vm());
    }
    for (; load_take_event(kit_vm(), &event); count++) {
        CHECK_EQ(event.reason, count % 2 ? LOAD_IDLE : LOAD_OVERLOAD);
        CHECK(event.reason == LOAD_IDLE || event.needed > event.frames);
        CHECK(load_reason_name(event.reason) != NULL);
    }
    CHECK_EQ(count, LOAD_EVENTS);
    kit_end();
}

TEST("the checker names what is wrong with windows and load control")
{
    struct space *space;

    begin_loaded(3);
    run_until_suspended(1);
    space = find_suspended();
    CHECK_EQ(slow_fault(&slow, &slow.thread[1], space, AT, FL_ACCESS_READ), SLOW_WAITS);
    BREAKS(kit_vm()->load.suspended, 0, "L1");
    BREAKS(space->stopped, true, "L1");
    BREAKS(space->load.suspended, false, "L1");
    BREAKS(kit_vm()->waits.record[slow.thread[1].token].space, loaded[space == loaded[0]], "L2");
    BREAKS(kit_vm()->windows.number, 0, "U1");
    BREAKS(kit_vm()->windows.hand, kit_vm()->table.count + 1, "U1");
    BREAKS(kit_vm()->windows.due, 0, "U1");
    kit_end();
}

TEST("a suspended program that touches what is not mapped is stopped at once")
{
    struct space *space;

    begin_loaded(3);
    run_until_suspended(1);
    space = find_suspended();
    CHECK_EQ(slow_fault(&slow, &slow.thread[1], space, 0x100000, FL_ACCESS_READ), SLOW_STOPPED);
    CHECK(space->stopped);
    kit_end();
}
