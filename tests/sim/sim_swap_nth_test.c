/* Swap, with and without a store of compressed pages, when the N-th frame, record or promise that a call takes is
 * missing, the N-th page cannot be mapped, or the N-th request finds no disk, for every N: the call says so, and then every byte of every program is as it was,
 * wherever it is. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c tests/unit/fail_nth.c tests/unit/pager_nth_wrap.c */
/* libs: -Wl,--wrap=page_allocate,--wrap=page_allocate_zeroed,--wrap=page_zero_ahead
 *       -Wl,--wrap=slab_allocate,--wrap=commit_take,--wrap=commit_take_area
 *       -Wl,--wrap=commit_take_copy,--wrap=commit_spares */
#include "sim_swap_kit.h"

#include "fail_nth.h"

#define PAGES 24u /* of each program: 0..15 private, 2 zero; the rest is shared */
#define ZERO  2u
#define KINDS \
    (1u << FAIL_FRAME | 1u << FAIL_RECORD | 1u << FAIL_PROMISE | 1u << FAIL_MAP | 1u << FAIL_DISK)

static struct space *parent, *child;
static bool packs;          /* all is out in the store, and not on the disk */
static struct vm_port port; /* of the fake machine */

static bool submit(struct fake *fake, const struct vm_io *io)
{
    return !fail_nth_now(FAIL_DISK) && kit_submit(fake, io);
}

static bool map(void *context, uint32_t space, const struct vm_mapping *mapping)
{
    return !fail_nth_now(FAIL_MAP) && port.map(context, space, mapping);
}

/* All is out; the child wrote pages 4..7 since the fork, and the parent 6..9. */
static void begin_world(void)
{
    kit_begin_swap(200, 300);
    if (packs)
        CHECK_EQ(tier_set(kit_vm(), 40), 0);
    parent = kit_space(1);
    kit_map(parent, AT, 16, MAP_PRIVATE);
    kit_map(parent, AT + 16 * PAGE, 8, MAP_SHARED);
    for (uint64_t i = 0; i < PAGES; i++)
        if (i != ZERO)
            kit_write_page(parent, AT + i * PAGE, 0);
    kit_write(parent, AT + ZERO * PAGE, 0);
    child = kit_space(2);
    CHECK_EQ(vm_fork(kit_vm(), parent, child), 0);
    kit_write_pages(child, 4, 8, 1);
    kit_write_pages(parent, 6, 10, 2);
    kit_put_all_out();
    slow.fake.submit = submit;
    port = kit_vm()->port;
    kit_vm()->port.map = map;
}

static void check_program(struct space *space, uint64_t low, uint64_t high, uint32_t salt)
{
    for (uint64_t i = 0; i < PAGES; i++) {
        if (i == ZERO)
            CHECK_EQ(kit_read(space, AT + i * PAGE), 0);
        else
            kit_read_page(space, AT + i * PAGE, i >= low && i < high ? salt : 0);
    }
}

/* An access, as far as it comes. */
static void touch(struct space *space, uint64_t page, uint32_t access)
{
    uint8_t byte = page == ZERO ? 0 : kit_byte((AT + page * PAGE) / PAGE, 0);

    (void)kit_touch(space, AT + page * PAGE, access, &byte);
}

static void call_read(void)
{
    touch(child, 12, FL_ACCESS_READ);
}
static void call_write(void)
{
    touch(child, 12, FL_ACCESS_WRITE);
}
static void call_write_zero(void)
{
    touch(child, ZERO, FL_ACCESS_WRITE);
}
static void call_take(void)
{
    touch(parent, 4, FL_ACCESS_WRITE); /* which nobody else sees */
}
static void call_shared(void)
{
    touch(child, 17, FL_ACCESS_WRITE);
}
static void call_fork(void)
{
    struct space *space = space_create(kit_vm(), 3);

    if (!space)
        return;
    (void)vm_fork(kit_vm(), child, space);
    slow_destroy(&slow, space);
}
static void call_wire(void)
{
    while (vm_wire(kit_vm(), parent, AT, PAGES * PAGE, 0) == EINPROGRESS)
        kit_poll(DELAY);
}
static void call_end(void)
{
    slow_destroy(&slow, parent);
    parent = NULL;
}
static void call_write_out(void)
{
    for (uint64_t i = 0; i < PAGES; i++)
        touch(child, i, FL_ACCESS_READ);
    kit_put_all_out();
}
static void call_swap_off(void)
{
    if (vm_swap_off(kit_vm(), 0))
        return;
    while (vm_swap_off_step(kit_vm()) == EINPROGRESS)
        kit_poll(DELAY);
}
static void call_swap_on(void)
{
    static _Alignas(8) uint8_t header[FL_PAGE_BYTES];
    const uint32_t words[] = {1, 299, 0};
    const struct swap_device device = {.header = header, .pages = 300, .device = 0};
    uint32_t area;

    memcpy(header + 1024, words, sizeof words);
    memcpy(header + PAGE - 10, "SWAPSPACE2", 10);
    if (!vm_swap_on(kit_vm(), &device, &area))
        CHECK_EQ(vm_swap_off(kit_vm(), area), 0);
    (void)vm_swap_off_step(kit_vm());
}

/* All that merging takes frames for: its tables, copies for who writes, and frames for who wants his own. */
static void call_merge(void)
{
    (void)samepage_set(kit_vm(), SAMEPAGE_ON);
    (void)vm_advise(kit_vm(), parent, AT, PAGES * PAGE, MADV_MERGEABLE);
    (void)vm_advise(kit_vm(), child, AT, PAGES * PAGE, MADV_MERGEABLE);
    for (uint64_t i = 0; i < PAGES; i++) {
        touch(parent, i, FL_ACCESS_READ);
        touch(child, i, i < 4 || i > 7 ? FL_ACCESS_WRITE : FL_ACCESS_READ); /* the same byte */
    }
    samepage_wake(kit_vm());
    while (samepage_step(kit_vm()))
        ;
    touch(parent, 1, FL_ACCESS_WRITE);
    touch(child, 12, FL_ACCESS_WRITE);
    touch(child, ZERO, FL_ACCESS_WRITE);
    while (vm_advise(kit_vm(), parent, AT, PAGES * PAGE, MADV_UNMERGEABLE) == EINPROGRESS)
        kit_poll(DELAY);
    (void)samepage_set(kit_vm(), SAMEPAGE_UNMERGE);
    samepage_wake(kit_vm());
    while (samepage_step(kit_vm()))
        ;
}

/* Suspended, with a fault and a call that wait, and resumed; a second time it ends while it waits. */
static void call_suspend(void)
{
    struct space *ends = space_create(kit_vm(), 3);
    struct space *suspended[] = {child, ends};

    load_set(kit_vm(), true);
    if (ends && vm_fork(kit_vm(), child, ends)) {
        slow_destroy(&slow, ends);
        suspended[1] = ends = NULL;
    }
    for (uint32_t i = 0; i < 2; i++)
        if (suspended[i]) {
            suspended[i]->load.suspended = true;
            kit_vm()->load.suspended++;
            slow_fault(&slow, &slow.thread[2 * i], suspended[i], AT + 12 * PAGE, FL_ACCESS_READ);
            slow_write(&slow, &slow.thread[2 * i + 1], suspended[i], AT + 13 * PAGE,
                       kit_byte(AT / PAGE + 13, 0));
        }
    kit_serve();
    kit_settle();
    if (ends)
        slow_destroy(&slow, ends);
    load_note_idle(kit_vm());
    kit_serve();
    kit_settle();
    CHECK_EQ(kit_vm()->load.suspended, 0);
    for (uint32_t i = 0; i < 2; i++)
        CHECK(slow.thread[i].state != SLOW_WAITS ||
              kit_vm()->event_first); /* one was ended for it */
}

static void call_compress(void)
{
    for (uint64_t percent = 60; percent > 20; percent -= 20)
        (void)tier_set(kit_vm(), percent);
    (void)tier_set(kit_vm(), 0);
}

static const struct nth_call {
    const char *name;
    void (*call)(void);
} calls[] = {
    {"read", call_read},         {"write", call_write},     {"write-zero", call_write_zero},
    {"take", call_take},         {"shared", call_shared},   {"fork", call_fork},
    {"wire", call_wire},         {"end", call_end},         {"write-out", call_write_out},
    {"off", call_swap_off},      {"on", call_swap_on},      {"merge", call_merge},
    {"compress", call_compress}, {"suspend", call_suspend},
};

/* The failure of a program's access stops it; it goes on. */
static void go_on(struct space *space)
{
    if (space)
        space->stopped = false;
}

/* Later calls fail only once: where all of them fail nothing ever comes back. */
static enum fail_run run_call(const void *context)
{
    const struct nth_call *call = context;
    bool met;

    if (fail_nth_is_lasting())
        return FAIL_RUN_CLEAN;
    begin_world();
    fail_nth_arm();
    call->call();
    met = fail_nth_disarm();
    while (space_next_event(kit_vm()))
        ;
    go_on(parent);
    go_on(child);
    kit_serve();
    kit_settle();
    (void)samepage_set(kit_vm(), SAMEPAGE_OFF);
    check_program(child, 4, 8, 1);
    if (parent)
        check_program(parent, 6, 10, 2);
    kit_end();
    return met ? FAIL_RUN_MET : FAIL_RUN_CLEAN;
}

TEST("whatever frame or record is missing, no page that is out is lost, and nothing is kept")
{
    for (uint32_t turn = 0; turn < 2; turn++) {
        packs = turn == 1;
        for (uint32_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
            fail_nth_sweep(calls[i].name, KINDS, run_call, &calls[i]);
    }
    harness_note("%u runs, %u with a frame missing, %u without the disk", (unsigned)fail_nth_runs(),
                 (unsigned)fail_nth_met(FAIL_FRAME), (unsigned)fail_nth_met(FAIL_DISK));
    CHECK(fail_nth_met(FAIL_FRAME) > 50 && fail_nth_met(FAIL_RECORD) > 5);
    CHECK(fail_nth_met(FAIL_DISK) > 10 && fail_nth_met(FAIL_MAP) > 10);
    CHECK(fail_nth_met(FAIL_PROMISE) > 2);
}
