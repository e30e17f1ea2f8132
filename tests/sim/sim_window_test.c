/* Working sets, on machines with swap: what a window tells, beside a count of the test's own. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_load_kit.h"

#include <inttypes.h>

#include "effort.h"

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
    CHECK_EQ(window_step(kit_vm(), kit_now), false);
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

TEST("what replacement found used counts in the window, and what the sweep found stays for it")
{
    struct space *space;

    begin_windows(512, WINDOW);
    CHECK(victims_set_policy(kit_vm(), "clock"));
    space = begin_program(1, 30);
    kit_forget_given();
    CHECK_EQ(vm_advise(kit_vm(), space, AT, 30 * PAGE, MADV_COLD), 0); /* looks */
    end_window();
    for (uint64_t i = 0; i < 12; i++)
        kit_read(space, AT + i * PAGE);
    kit_put_one_out(); /* asks, and clears */
    CHECK_EQ(space->resident, 12);
    end_window();
    CHECK_EQ(space->set.pages, 12);
    for (uint64_t i = 0; i < 3; i++)
        kit_read(space, AT + i * PAGE);
    end_window(); /* asks, and clears */
    CHECK_EQ(space->set.pages, 3);
    kit_put_one_out();
    CHECK_EQ(space->resident, 3);
    kit_put_one_out();
    CHECK_EQ(space->resident, 0);
    kit_end();
}

/* Pages go to a disk, or to the store of compressed ones. */
static void count_pages_that_come_back(bool packs)
{
    struct space *space;

    begin_windows(512, WINDOW);
    CHECK_EQ(tier_set(kit_vm(), packs ? 40 : 0), 0);
    space = begin_program(1, 20);
    for (uint32_t window = 0; window < 3; window++) {
        end_window();
        for (uint32_t turn = 0; turn < 3; turn++) {
            for (uint64_t i = 0; i < 4; i++)
                kit_read(space, AT + i * PAGE);
            kit_put_all_out();
            CHECK_EQ(space->resident, 0);
        }
        CHECK_EQ(space->set.used, 4);
    }
    end_window();
    CHECK_EQ(space->set.pages, 4);
    CHECK_EQ(kit_vm()->tier.counts.got > 0, packs);
    CHECK_EQ(kit_vm()->paging.counts.swapped_in > 0, !packs);
    kit_end();
}

TEST("a page that left and came back in a window counts once, in the next one again")
{
    count_pages_that_come_back(false);
}

TEST("a page that was compressed and unpacked in a window counts once, in the next one again")
{
    count_pages_that_come_back(true);
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

TEST("for a program that mostly waits for pages a window goes on, and tells all that it used since")
{
    struct space *space;

    begin_windows(512, WINDOW);
    space = begin_program(1, 400);
    kit_put_all_out();
    end_window();
    end_window();
    CHECK_EQ(space->set.pages, 0);
    for (uint64_t window = 0; window < 4; window++) {
        for (uint64_t i = 0; i < 3; i++)
            fault_parked(space, AT + (96 * window + 32 * i) * PAGE);
        kit_read(space, AT); /* again: it counted */
        end_window();
        CHECK_EQ(space->set.pages, 3 * (window + 1));
        CHECK_EQ(space->set.faults, 3);
    }
    kit_read(space, AT);
    end_window();
    CHECK_EQ(space->set.pages, 12);
    kit_read(space, AT);
    end_window();
    CHECK_EQ(space->set.pages, 1);
    kit_end();
}

TEST("an access that a window found before replacement heard of the page says nothing to it")
{
    struct space *space;

    begin_windows(512, WINDOW);
    CHECK(victims_set_policy(kit_vm(), "clock"));
    space = kit_space(1);
    kit_map(space, AT, 20, MAP_PRIVATE);
    kit_write_pages(space, 0, 10, 0);
    end_window();
    CHECK_EQ(space->set.pages, 10);
    kit_write_pages(space, 10, 20, 0);
    kit_forget_given();
    kit_put_one_out();
    CHECK_EQ(space->resident, 0);
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
