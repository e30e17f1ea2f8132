/* Working sets and load control, on machines with swap: what a window tells, beside a count of the test's
 * own; who waits, for how long, and that all of it comes back. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_swap_kit.h"

#include <inttypes.h>

#include "effort.h"

#define WINDOW 1000u

static void begin_windows(uint32_t frames, uint32_t length)
{
    kit_begin_swap(frames, 2000);
    kit_now = 1;
    window_set_length(kit_vm(), length);
    kit_pass(0);
}

/* A program with so many pages, all written. */
static struct space *begin_program(uint64_t pid, uint64_t pages)
{
    struct space *space = kit_space(pid);

    kit_map(space, AT, pages, MAP_PRIVATE);
    for (uint64_t i = 0; i < pages; i++)
        kit_write(space, AT + i * PAGE, kit_byte(i, (uint32_t)pid));
    return space;
}

/* Time for a window, if one runs. */
static void pass_window(void)
{
    kit_pass(WINDOW_DEFAULT);
    kit_serve();
    kit_settle();
}

static void end_window(void)
{
    uint64_t ended = kit_vm()->windows.ended;

    pass_window();
    CHECK_EQ(kit_vm()->windows.ended, ended + 1);
}

/* ---- working sets ---- */

TEST("a window tells the pages that a program used in it, and no others")
{
    struct space *space, *other;

    begin_windows(256, WINDOW);
    space = begin_program(1, 50);
    other = begin_program(2, 20);
    end_window();
    CHECK_EQ(space->set.pages, 50);
    CHECK_EQ(other->set.pages, 20);
    for (uint64_t i = 0; i < 7; i++) {
        kit_read(space, AT + 5 * i * PAGE);
        kit_write(space, AT + 5 * i * PAGE + 9, 1);
    }
    end_window();
    CHECK_EQ(space->set.pages, 7);
    CHECK_EQ(other->set.pages, 0);
    end_window();
    CHECK_EQ(space->set.pages, 0);
    kit_end();
}

TEST("a window ends no sooner than it is due, and nobody is asked before")
{
    struct space *space;

    begin_windows(256, WINDOW);
    space = begin_program(1, 10);
    kit_pass(WINDOW - 1);
    CHECK_EQ(kit_vm()->windows.ended, 0);
    CHECK_EQ(kit_vm()->windows.harvests, 0);
    CHECK_EQ(window_due(kit_vm()), kit_now + 1);
    kit_pass(1);
    CHECK_EQ(kit_vm()->windows.ended, 1);
    CHECK_EQ(space->set.pages, 10);
    window_set_length(kit_vm(), 0);
    CHECK_EQ(space->set.pages, 0);
    CHECK_EQ(window_due(kit_vm()), WINDOW_NEVER);
    kit_pass(10 * WINDOW);
    CHECK_EQ(kit_vm()->windows.ended, 1);
    kit_end();
}

TEST("pages that several see count once, for somebody who used them")
{
    struct space *parent, *child;

    begin_windows(256, WINDOW);
    parent = begin_program(1, 30);
    child = kit_space(2);
    CHECK_EQ(vm_fork(kit_vm(), parent, child), 0);
    end_window();
    for (uint64_t i = 0; i < 10; i++)
        kit_read(parent, AT + i * PAGE);
    for (uint64_t i = 5; i < 20; i++)
        kit_read(child, AT + i * PAGE);
    end_window();
    CHECK_EQ(parent->set.pages + child->set.pages, 20);
    CHECK(parent->set.pages >= 5 && parent->set.pages <= 10);
    kit_end();
}

TEST("what the clock found used counts in the window, and what the sweep found used stays for the "
     "clock")
{
    struct space *space;

    begin_windows(512, WINDOW);
    space = begin_program(1, 20);
    end_window();
    kit_turn(); /* all were given to faults lately */
    for (uint64_t i = 0; i < 6; i++)
        kit_read(space, AT + i * PAGE);
    kit_turn(); /* asks, and clears */
    CHECK_EQ(space->resident, 6);
    end_window();
    CHECK_EQ(space->set.pages, 6);
    for (uint64_t i = 0; i < 3; i++)
        kit_read(space, AT + i * PAGE);
    end_window(); /* asks, and clears */
    CHECK_EQ(space->set.pages, 3);
    kit_turn();
    CHECK_EQ(space->resident, 3);
    kit_turn();
    CHECK_EQ(space->resident, 0);
    kit_end();
}

TEST("a page that left and came back in a window counts once, in the next one again")
{
    struct space *space;

    begin_windows(512, WINDOW);
    space = begin_program(1, 20);
    for (uint32_t window = 0; window < 3; window++) {
        end_window();
        for (uint32_t turn = 0; turn < 3; turn++) {
            for (uint64_t i = 0; i < 4; i++)
                kit_read(space, AT + i * PAGE);
            kit_turn();
            kit_put_all_out();
            CHECK_EQ(space->resident, 0);
        }
        CHECK_EQ(space->set.used, 4);
    }
    end_window();
    CHECK_EQ(space->set.pages, 4);
    kit_end();
}

/* A thread of its own, as major faults are those that were parked. */
static void fault_parked(struct space *space, uint64_t address)
{
    struct slow_thread *thread = &slow.thread[0];

    CHECK_EQ(slow_fault(&slow, thread, space, address, FL_ACCESS_READ), SLOW_WAITS);
    for (uint32_t turn = 0; thread->state == SLOW_WAITS; turn++) {
        CHECK(turn < 100);
        kit_poll(DELAY);
    }
    CHECK_EQ(thread->state, SLOW_SERVED);
    thread->state = SLOW_IDLE;
}

TEST("a window tells the major faults in it")
{
    struct space *space;

    begin_windows(256, WINDOW);
    space = begin_program(1, 100);
    kit_put_all_out();
    end_window();
    CHECK_EQ(space->set.faults, 0);
    for (uint64_t i = 0; i < 100; i += 32)
        fault_parked(space, AT + i * PAGE);
    end_window();
    CHECK_EQ(space->set.faults, 4);
    end_window();
    CHECK_EQ(space->set.faults, 0);
    CHECK_EQ(space->major_faults, 4);
    kit_end();
}

/* ---- random windows beside a count ---- */

#define PAGES    24u
#define PROGRAMS 4u

static struct {
    struct space *space[PROGRAMS];
    bool used[PROGRAMS][PAGES];
    uint32_t shares[PROGRAMS]
                   [PAGES]; /* the page that it shows there: the same number is the same page */
    uint32_t number;
} counted;

static void counted_fork(uint64_t *random)
{
    uint32_t from = (uint32_t)(fake_random(random) % PROGRAMS);
    uint32_t to = (uint32_t)(fake_random(random) % PROGRAMS);

    if (from == to)
        return;
    fake_destroy_space(&slow.fake, counted.space[to]);
    counted.space[to] = kit_space(100 + to);
    CHECK_EQ(vm_fork(kit_vm(), counted.space[from], counted.space[to]), 0);
    memcpy(counted.shares[to], counted.shares[from], sizeof counted.shares[to]);
    memset(counted.used[to], 0, sizeof counted.used[to]);
}

static void counted_touch(uint64_t *random)
{
    uint32_t who = (uint32_t)(fake_random(random) % PROGRAMS);
    uint32_t page = (uint32_t)(fake_random(random) % PAGES);

    if (fake_random(random) % 3 == 0) {
        bool shared = false;

        for (uint32_t i = 0; i < PROGRAMS; i++)
            shared |= i != who && counted.shares[i][page] == counted.shares[who][page];
        kit_write(counted.space[who], AT + page * PAGE, 1);
        if (shared)
            counted.shares[who][page] = ++counted.number;
    } else {
        kit_read(counted.space[who], AT + page * PAGE);
    }
    counted.used[who][page] = true;
}

/* Who else used, or shows and so may have been found using, the page that a program shows there. */
static bool counted_is_alone(uint32_t who, uint32_t page)
{
    for (uint32_t i = 0; i < PROGRAMS; i++)
        if (i != who && counted.used[i][page] &&
            counted.shares[i][page] == counted.shares[who][page])
            return false;
    return true;
}

static void counted_compare(void)
{
    uint32_t sum = 0, distinct = 0;

    for (uint32_t i = 0; i < PROGRAMS; i++) {
        uint32_t used = 0, alone = 0;

        for (uint32_t page = 0; page < PAGES; page++) {
            bool first = counted.used[i][page];

            used += counted.used[i][page];
            alone += counted.used[i][page] && counted_is_alone(i, page);
            for (uint32_t k = 0; k < i; k++)
                first = first && !(counted.used[k][page] &&
                                   counted.shares[k][page] == counted.shares[i][page]);
            distinct += first;
        }
        CHECK(counted.space[i]->set.pages <= used);
        CHECK(counted.space[i]->set.needed == 0);
        CHECK(counted.space[i]->set.pages >= alone);
        sum += counted.space[i]->set.pages;
    }
    CHECK_EQ(sum, distinct);
    memset(counted.used, 0, sizeof counted.used);
}

TEST("random programs that fork and write have the sets that a count of their accesses says")
{
    struct effort effort = effort_begin(40 * 60);

    for (uint64_t seed = 1; effort_takes(&effort, 60); seed++) {
        uint64_t random = seed;

        begin_windows(512, WINDOW);
        counted.number = 0;
        for (uint32_t i = 0; i < PROGRAMS; i++) {
            counted.space[i] = begin_program(i + 1, PAGES);
            for (uint32_t page = 0; page < PAGES; page++)
                counted.shares[i][page] = ++counted.number;
        }
        end_window();
        memset(counted.used, 0, sizeof counted.used);
        for (uint32_t window = 0; window < 6; window++) {
            if (fake_random(&random) % 2) {
                counted_fork(&random);
                end_window();
                memset(counted.used, 0, sizeof counted.used);
            }
            for (uint32_t step = (uint32_t)(fake_random(&random) % 40); step > 0; step--)
                counted_touch(&random);
            end_window();
            counted_compare();
        }
        kit_end();
    }
    effort_end(&effort);
}

/* ---- load control ---- */

#define BIG    90u /* pages of a program that is large on a machine of LOADED frames */
#define LOADED 256u

static struct space *loaded[4];

/* So many programs, of which two fit, with load control. */
static void begin_loaded(uint32_t count)
{
    kit_begin_swap(LOADED, 2000);
    kit_now = 1;
    load_set(kit_vm(), true);
    memset(loaded, 0, sizeof loaded);
    for (uint32_t i = 0; i < count; i++)
        loaded[i] = begin_program(i + 1, BIG);
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
        CHECK(kit_vm()->load.suspended > 0);
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

TEST("the only large program never waits, nor do servers, small ones, or those with locked pages")
{
    begin_loaded(1);
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
    begin_loaded(3);
    loaded[0]->server = true;
    CHECK_EQ(vm_wire(kit_vm(), loaded[1], AT, 1, 0), 0);
    for (uint32_t window = 0; window < 8; window++) {
        run_window();
        CHECK_EQ(loaded[0]->load.suspended, false);
        CHECK_EQ(loaded[1]->load.suspended, false);
    }
    CHECK(kit_vm()->load.suspensions > 0);
    kit_end();
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
    for (uint32_t i = 1; i < 3; i++)
        loaded[i]->server = true;
    child->server = true;
    run_until_suspended(1);
    CHECK_EQ(parent->load.suspended, true);
    kit_settle();
    for (uint64_t page = 0; page < 20; page++)
        CHECK(!vm_is_resident(entry_find(&parent->map, AT), AT + page * PAGE));
    for (uint64_t page = 20; page < BIG; page++)
        CHECK_EQ(kit_read(child, AT + page * PAGE), kit_byte(page, 1));
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

#define BREAKS(field, value, number)            \
    do {                                        \
        __typeof__(field) kept = (field);       \
        const char *told;                       \
        (field) = (value);                      \
        told = vm_check(kit_vm());              \
        (field) = kept;                         \
        CHECK_STRING(told ? told : "", number); \
    } while (0)

TEST("the checker names what is wrong with windows and load control")
{
    struct space *space;

    begin_loaded(3);
    run_until_suspended(1);
    space = find_suspended();
    CHECK_EQ(slow_fault(&slow, &slow.thread[1], space, AT, FL_ACCESS_READ), SLOW_WAITS);
    BREAKS(kit_vm()->load.suspended, 0, "L1");
    BREAKS(space->server, true, "L1");
    BREAKS(space->load.suspended, false, "L1");
    BREAKS(kit_vm()->waits.record[slow.thread[1].token].space, loaded[space == loaded[0]], "L2");
    BREAKS(kit_vm()->windows.number, 0, "E1");
    BREAKS(kit_vm()->windows.hand, kit_vm()->table.count + 1, "E1");
    BREAKS(kit_vm()->windows.due, 0, "E1");
    kit_end();
}
