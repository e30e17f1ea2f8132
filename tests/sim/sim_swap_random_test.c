/* Random programs in too little memory, with swap on disks that are slow, fail and lie, with a store of compressed
 * pages before them, or with the store alone: they fork, write, drop, lock, unmap and end, areas come and
 * go, the store's share changes, page tables are dropped, load control suspends and resumes programs, equal
 * pages are merged, of which the model knows nothing.  After each step every byte that the
 * tables show is what a model of arrays says, all invariants hold, and in the end nothing is lost. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_swap_kit.h"

#include <inttypes.h>

#include "effort.h"

#define PROGRAMS 5u
#define PAGES    40u /* of a program: private ones, then those that forks share */
#define SHARED   8u
#define STEPS    300u
#define ABSENT   (-1)

/* What a program shows: the first byte of each page. */
struct model_program {
    struct space *space;
    int byte[PAGES];  /* ABSENT: not mapped */
    uint32_t segment; /* the shared pages' */
    /* The access that its thread makes. */
    bool acts;
    bool call; /* by vm_write */
    uint32_t page;
    uint32_t access;
    uint8_t value;
};

static struct {
    struct model_program program[PROGRAMS];
    int shared[PROGRAMS][SHARED]; /* segments */
    bool faulty;                  /* disks fail */
    bool merges;                  /* equal pages are merged, and most are equal */
    uint32_t pages[DISKS];        /* of the disks */
    uint64_t seed, random, step, pids;
    uint64_t done, unreadable, ended, swapoffs, waited, suspended, resumed, merged, copied;
    uint64_t packed, unpacked;
} model;

static uint32_t model_pick(uint32_t options)
{
    return (uint32_t)(fake_random(&model.random) % options);
}

static void model_check(bool holds, const char *what)
{
    if (!holds)
        harness_note("seed %" PRIu64 ", step %" PRIu64 ": %s", model.seed, model.step, what);
    CHECK(holds);
}

static int *model_byte(struct model_program *program, uint32_t page)
{
    if (page < PAGES - SHARED || program->byte[page] == ABSENT)
        return &program->byte[page];
    return &model.shared[program->segment][page - (PAGES - SHARED)];
}

static uint64_t model_address(uint32_t page)
{
    return AT + page * PAGE;
}

static uint32_t model_thread(const struct model_program *program)
{
    return (uint32_t)(program - model.program);
}

/* ---- programs ---- */

static uint32_t model_count_sharers(uint32_t segment)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < PROGRAMS; i++)
        count += model.program[i].space && model.program[i].segment == segment;
    return count;
}

static void model_end_program(struct model_program *program)
{
    slow_destroy(&slow, program->space);
    slow.thread[model_thread(program)].state = SLOW_IDLE;
    program->space = NULL;
    program->acts = false;
}

static void model_map(const struct model_program *program, uint32_t first, uint32_t count,
                      uint32_t flags)
{
    struct vm_map_request request = {.address = model_address(first),
                                     .bytes = count * PAGE,
                                     .protection = RW,
                                     .flags = MAP_FIXED | MAP_ANONYMOUS | flags};
    uint64_t at;

    model_check(vm_map(kit_vm(), program->space, &request, &at) == 0, "no memory for a mapping");
}

static void model_start_program(struct model_program *program)
{
    uint32_t segment = 0;

    program->space = space_create(kit_vm(), ++model.pids);
    if (!program->space)
        return;
    while (model_count_sharers(segment) > 0 && program->segment != segment)
        segment++;
    program->segment = PROGRAMS; /* of nobody */
    for (segment = 0; model_count_sharers(segment) > 0;)
        segment++;
    program->segment = segment;
    model_map(program, 0, PAGES - SHARED, MAP_PRIVATE);
    model_map(program, PAGES - SHARED, SHARED, MAP_SHARED);
    if (model.merges)
        CHECK_EQ(
            vm_advise(kit_vm(), program->space, model_address(0), PAGES * PAGE, MADV_MERGEABLE), 0);
    memset(program->byte, 0, sizeof program->byte);
    memset(model.shared[segment], 0, sizeof model.shared[segment]);
    program->acts = false;
}

/* The policy ended it, or it could not read a page: the root task destroys it, or it has a handler. */
static void model_take_events(void)
{
    struct space *space;

    while ((space = space_next_event(kit_vm())) != NULL) {
        struct model_program *program = model.program;

        while (program->space != space)
            program++;
        if (space->event.kind == PAGER_EVENT_NO_MEMORY) {
            model.ended++;
            model_end_program(program);
            continue;
        }
        space->stopped = false;
        if (space->event.kind == PAGER_EVENT_UNREADABLE) {
            model.unreadable++;
            model_check(kit_vm()->paging.counts.read_errors > 0, "a page was lost");
        } else {
            model_check(space->event.kind == PAGER_EVENT_UNMAPPED &&
                            program->byte[program->page] == ABSENT,
                        "a program was stopped for nothing");
        }
    }
}

/* ---- accesses ---- */

/* The rest of a page that was just written: the store takes it, as one word or packed, or does not. */
static void model_fill(const struct model_program *program)
{
    uint8_t *page = (uint8_t *)(uintptr_t)fake_peek(&slow.fake, program->space,
                                                    model_address(program->page), FL_ACCESS_WRITE);
    uint32_t kind = program->value % 4;

    for (uint32_t i = 1; kind > 0 && i < FL_PAGE_BYTES; i++)
        page[i] = kind == 1 || (kind == 2 && i % 32 < 24) ? program->value
                                                          : (uint8_t)fake_random(&model.random);
}

/* The access was made, and read or wrote this byte. */
static void model_end_access(struct model_program *program, uint8_t byte)
{
    int *known = model_byte(program, program->page);

    model_check(*known != ABSENT, "an access where nothing is mapped");
    if (program->access == FL_ACCESS_WRITE)
        *known = program->value;
    else
        model_check(byte == *known, "a wrong byte was read");
    program->acts = false;
    model.done++;
}

/* A call that was answered. */
static void model_end_call(struct model_program *program, const struct slow_thread *thread)
{
    if (thread->state == SLOW_SERVED)
        model_end_access(program, 0);
    else
        model_check(thread->error == ENOMEM || thread->error == EFAULT, "a wrong error");
    program->acts = false;
}

/* Goes on with the access of a program, which waits for nothing now. */
static void model_try(struct model_program *program)
{
    struct slow_thread *thread = &slow.thread[model_thread(program)];
    uint64_t address = model_address(program->page);
    uint8_t byte = program->value;
    const uint8_t *shown;

    shown = fake_peek(&slow.fake, program->space, address, program->access);
    if (!shown) {
        slow_fault(&slow, thread, program->space, address, program->access);
        if (thread->state == SLOW_STOPPED)
            program->acts = false;
        return;
    }
    CHECK_EQ(fake_touch(&slow.fake, program->space, address, program->access, &byte), FAKE_DONE);
    if (program->access == FL_ACCESS_WRITE && model_pick(2))
        model_fill(program);
    model_end_access(program, byte);
}

/* Calls are over when the driver says so, whoever's turn it was. */
static void model_end_calls(void)
{
    for (uint32_t i = 0; i < PROGRAMS; i++) {
        struct model_program *program = &model.program[i];

        if (program->space && program->acts && program->call && slow.thread[i].state != SLOW_WAITS)
            model_end_call(program, &slow.thread[i]);
    }
}

/* All programs whose thread does not wait go on. */
static void model_go_on(void)
{
    kit_serve();
    model_end_calls();
    model_take_events();
    for (uint32_t i = 0; i < PROGRAMS; i++) {
        struct model_program *program = &model.program[i];

        if (!program->space || !program->acts)
            continue;
        if (slow.thread[i].state == SLOW_WAITS)
            model.waited++;
        else if (slow.thread[i].state == SLOW_STOPPED && !program->call)
            program->acts = false;
        else if (!program->call)
            model_try(program);
        model_end_calls();
        model_take_events();
    }
    kit_serve();
    model_end_calls();
    model_take_events();
}

/* True if a call is to write this page of a program: of two that write a shared one at the same time the
 * driver does not tell which was the last. */
static bool model_is_called(uint32_t page)
{
    bool called = false;

    for (uint32_t i = 0; i < PROGRAMS; i++) {
        const struct model_program *program = &model.program[i];

        called |= program->space && program->acts && program->call && program->page == page;
    }
    return called;
}

static void model_begin_access(struct model_program *program)
{
    struct slow_thread *thread = &slow.thread[model_thread(program)];

    if (program->acts)
        return;
    program->page = model_pick(PAGES);
    program->access = model_pick(3) ? FL_ACCESS_WRITE : FL_ACCESS_READ;
    program->value = (uint8_t)model_pick(4) ? (uint8_t)model_pick(model.merges ? 6 : 256) : 0;
    program->call =
        program->access == FL_ACCESS_WRITE && model_pick(4) == 0 && !model_is_called(program->page);
    program->acts = true;
    thread->state = SLOW_IDLE;
    if (program->call) {
        slow_write(&slow, thread, program->space, model_address(program->page), program->value);
        if (thread->state != SLOW_WAITS)
            model_end_call(program, thread);
    }
}

/* ---- other calls ---- */

static void model_fork(struct model_program *parent)
{
    struct model_program *child = model.program;
    struct space *space;

    while (child < model.program + PROGRAMS && child->space)
        child++;
    if (child == model.program + PROGRAMS)
        return;
    space = space_create(kit_vm(), ++model.pids);
    if (!space)
        return;
    if (vm_fork(kit_vm(), parent->space, space)) {
        fake_destroy_space(&slow.fake, space);
        return;
    }
    *child = *parent;
    child->space = space;
    child->acts = false;
    slow.thread[model_thread(child)].state = SLOW_IDLE;
}

static void model_unmap(struct model_program *program)
{
    uint32_t first = model_pick(PAGES), count = 1 + model_pick(4);

    if (first + count > PAGES ||
        vm_unmap(kit_vm(), program->space, model_address(first), count * PAGE))
        return;
    for (uint32_t i = first; i < first + count; i++)
        program->byte[i] = ABSENT;
    if (first + count <= PAGES - SHARED && model_pick(2)) {
        model_map(program, first, count, MAP_PRIVATE);
        memset(program->byte + first, 0, count * sizeof *program->byte);
    }
}

static void model_drop(struct model_program *program)
{
    uint32_t first = model_pick(PAGES - SHARED), count = 1 + model_pick(6);

    for (uint32_t i = first; i < first + count; i++)
        if (i >= PAGES - SHARED || program->byte[i] == ABSENT)
            return;
    if (vm_advise(kit_vm(), program->space, model_address(first), count * PAGE, MADV_DONTNEED))
        return;
    memset(program->byte + first, 0, count * sizeof *program->byte);
}

static void model_lock(const struct model_program *program)
{
    uint32_t first = model_pick(PAGES), count = 1 + model_pick(3);

    if (model_pick(2))
        (void)vm_wire(kit_vm(), program->space, model_address(first), count * PAGE,
                      model_pick(2) ? MLOCK_ONFAULT : 0);
    else
        vm_unwire_all(kit_vm(), program->space);
}

/* ---- the machine ---- */

static void model_press(void)
{
    uint32_t target = kit_vm()->reclaim.target;

    if (!reclaim_is_on(kit_vm()))
        return;
    kit_vm()->reclaim.target = UINT32_MAX;
    for (uint32_t i = model_pick(8); i > 0 && vm_reclaim_step(kit_vm());)
        i--;
    kit_vm()->reclaim.target = target;
}

/* By the driver, or as a call of a program, which may end before it. */
static void model_swap_off(uint32_t area)
{
    const struct space *space = kit_vm()->spaces[model_pick(4)];

    if (space)
        (void)vm_swap_off_call(kit_vm(), space, area);
    else
        (void)vm_swap_off(kit_vm(), area);
}

static void model_swap(void)
{
    struct vm *vm = kit_vm();
    uint32_t disk = model_pick(DISKS);

    if (vm->reclaim.empties) {
        int error = vm_swap_off_step(vm);

        model_check(!error || error == EINPROGRESS || error == ENOMEM ||
                        (error == EIO && model.faulty),
                    "swapoff says something else");
        model.swapoffs += error == 0;
        return;
    }
    for (uint32_t i = 0; i < SWAP_AREAS; i++)
        if (vm->swap.area[i].state != SWAP_UNUSED && vm->swap.area[i].device == disk) {
            if (model_pick(8) == 0)
                model_swap_off(i);
            return;
        }
    if (vm->table.counts[PAGE_FREE] > 4)
        kit_swap_on(disk, model.pages[disk], (int32_t)model_pick(2));
}

/* The idle work, and what may be asked of it. */
static void model_merge(const struct model_program *program)
{
    uint32_t first = model_pick(PAGES), count = 1 + model_pick(PAGES - first);
    uint64_t advice = model_pick(4) ? MADV_MERGEABLE : MADV_UNMERGEABLE;
    int error;

    if (model_pick(6) == 0)
        (void)samepage_set(kit_vm(), model_pick(4) ? SAMEPAGE_ON : model_pick(SAMEPAGE_MODES));
    if (model_pick(6) == 0) {
        error = vm_advise(kit_vm(), program->space, model_address(first), count * PAGE, advice);
        model_check(!error || error == ENOMEM || error == EAGAIN || error == EINPROGRESS,
                    "advice to merge says something else");
    }
    for (uint32_t i = model_pick(40); i > 0 && samepage_step(kit_vm()); i--)
        kit_serve(); /* a frame may be free for who waits */
    for (uint32_t i = model_pick(100); i > 0 && samepage_is_on(kit_vm()); i--)
        samepage_note_call(kit_vm());
}

static void model_compress(void)
{
    int error = tier_set(kit_vm(), model_pick(2) ? model_pick(TIER_MOST + 1) : 0);

    model_check(!error || error == ENOMEM, "the store's setting says something else");
}

static void model_tick(void)
{
    struct sim_disk_done done;

    for (uint32_t i = 0; i < DISKS; i++)
        for (uint32_t n = model_pick(3); n > 0; n--)
            if (sim_disk_next(kit_disk[i], model_pick(DELAY), &done))
                vm_io_done(kit_vm(), (uint32_t)done.tag, done.ok);
}

/* Every byte that the tables show. */
static void model_compare(void)
{
    for (uint32_t i = 0; i < PROGRAMS; i++) {
        struct model_program *program = &model.program[i];

        for (uint32_t page = 0; program->space && page < PAGES; page++) {
            const uint8_t *shown =
                fake_peek(&slow.fake, program->space, model_address(page), FL_ACCESS_READ);

            if (shown)
                model_check(*shown == *model_byte(program, page), "the tables show a wrong byte");
        }
    }
}

/* Every program has used all that it has, as far as windows know. */
static void model_overload(void)
{
    for (uint32_t i = 0; i < PROGRAMS; i++)
        if (model.program[i].space)
            model.program[i].space->set.needed = (uint32_t)model.program[i].space->swapped + PAGES;
    kit_pass(WINDOW_DEFAULT);
}

/* Windows end, and are switched with load control. */
static void model_time(void)
{
    static const uint64_t lengths[] = {0, 0, 1000, WINDOW_DEFAULT};
    struct vm *vm = kit_vm();

    if (model_pick(16) == 0)
        window_set_length(vm, lengths[model_pick(4)]);
    if (model_pick(32) == 0)
        load_set(vm, model_pick(2));
    else if (model_pick(3) == 0)
        kit_pass(model_pick(2 * WINDOW_DEFAULT));
    else if (vm->load.on && vm->windows.due > 0)
        model_overload();
}

static void model_act(struct model_program *program)
{
    switch (model_pick(48)) {
    case 0:
        model_fork(program);
        break;
    case 1:
        model_unmap(program);
        break;
    case 2:
        model_drop(program);
        break;
    case 3:
        if (!program->acts)
            model_lock(program);
        break;
    case 4:
        if (model_pick(4) == 0)
            model_end_program(program);
        break;
    case 5:
        fake_drop_tables(&slow.fake, program->space, 64, &model.random);
        break;
    case 6:
    case 7:
        if (model_pick(8) == 0)
            model_compress();
        else
            model_swap();
        break;
    case 8:
    case 9:
        model_press();
        break;
    case 10:
        CHECK(victims_set_policy(kit_vm(),
                                 replace_name((enum replace_policy)model_pick(REPLACE_POLICIES))));
        break;
    case 11:
    case 12:
        if (model.merges)
            model_merge(program);
        break;
    case 13:
        if (model_pick(4) == 0)
            fake_limit(&slow.fake, model_pick(16));
        else
            fake_unlimit(&slow.fake);
        break;
    case 14:
    case 15:
    case 16:
    case 17:
        model_time();
        break;
    default:
        model_begin_access(program);
    }
}

static void model_step(void)
{
    struct model_program *program = &model.program[model_pick(PROGRAMS)];

    model.step++;
    if (!program->space && model_pick(4) == 0 && kit_vm()->table.counts[PAGE_FREE] > 24)
        model_start_program(program);
    if (program->space)
        model_act(program);
    model_tick();
    model_go_on();
    model_compare();
}

static void model_begin(uint64_t seed)
{
    /* of 1024: error, short, torn, lost, corrupt, misplaced */
    static const uint32_t chance[SIM_DISK_FAULTS] = {0, 30, 30, 10, 10, 10, 10, 0};

    memset(model.program, 0, sizeof model.program);
    model.seed = model.random = seed;
    model.step = 0;
    model.faulty = model_pick(2);
    model.merges = model_pick(2);
    kit_begin(96 + model_pick(64));
    for (uint32_t i = 0; i < DISKS; i++) {
        model.pages[i] = 20 + model_pick(200);
        kit_make_disk(i, model.pages[i], model_pick(2), model.faulty ? chance : NULL,
                      fake_random(&model.random));
    }
    kit_vm()->paging.torture = seed % 4 == 0;
    if (model_pick(2))
        CHECK_EQ(tier_set(kit_vm(), 10 + model_pick(TIER_MOST - 9)), 0);
    if (kit_vm()->tier.percent == 0 || model_pick(2))
        kit_swap_on(0, model.pages[0], 0);
    load_set(kit_vm(), model_pick(2));
    if (model.merges)
        CHECK(samepage_set(kit_vm(), SAMEPAGE_ON));
}

static bool model_is_acting(void)
{
    bool acting = false;

    for (uint32_t i = 0; i < PROGRAMS; i++)
        acting |= model.program[i].space && model.program[i].acts;
    return acting;
}

/* What programs have begun ends: a call that waits may still write. */
static void model_settle(void)
{
    for (uint32_t turn = 0; model_is_acting(); turn++) {
        model_check(turn < 1000, "an access waits for ever");
        model_go_on();
        kit_poll(DELAY);
        kit_pass(WINDOW_DEFAULT); /* who is suspended has its turn */
    }
}

/* Each page of each program is read in the end: nothing that no disk lost is lost. */
static void model_end(void)
{
    fake_unlimit(&slow.fake);
    model_settle();
    for (uint32_t i = 0; i < PROGRAMS; i++) {
        struct model_program *program = &model.program[i];

        for (uint32_t page = 0; program->space && page < PAGES; page++) {
            program->acts = program->byte[page] != ABSENT;
            program->call = false;
            program->page = page;
            program->access = FL_ACCESS_READ;
            model_settle();
        }
    }
    kit_settle();
    model_compare();
    model.suspended += kit_vm()->load.suspensions;
    model.resumed += kit_vm()->load.resumptions;
    if (kit_vm()->reclaim.empties)
        kit_vm()->swap.area[kit_vm()->reclaim.emptied].state = SWAP_ACTIVE;
    (void)vm_swap_off_step(kit_vm()); /* gives up */
    model.packed += kit_vm()->tier.counts.put;
    model.unpacked += kit_vm()->tier.counts.got;
    model.merged += kit_vm()->samepage.counts.merged + kit_vm()->samepage.counts.zero;
    model.copied += kit_vm()->samepage.counts.copied;
    CHECK(samepage_set(kit_vm(), SAMEPAGE_OFF));
    kit_end();
}

TEST("random programs in too little memory find every byte, or are told that it is lost")
{
    struct effort effort = effort_begin(60 * STEPS);

    for (uint64_t seed = 1; effort_takes(&effort, STEPS); seed++) {
        model_begin(seed);
        for (uint32_t step = 0; step < STEPS; step++)
            model_step();
        model_end();
    }
    effort_end(&effort);
    harness_note("%" PRIu64 " accesses, %" PRIu64 " waits, %" PRIu64 " unreadable, %" PRIu64
                 " ended, %" PRIu64 " areas emptied, %" PRIu64 " suspended, %" PRIu64
                 " resumed, %" PRIu64 " pages merged, %" PRIu64
                 " of them copied to be written, %" PRIu64 " pages packed, %" PRIu64 " unpacked",
                 model.done, model.waited, model.unreadable, model.ended, model.swapoffs,
                 model.suspended, model.resumed, model.merged, model.copied, model.packed,
                 model.unpacked);
    CHECK(model.suspended > 0 && model.resumed > 0);
    CHECK(model.packed > 0 && model.unpacked > 0);
    CHECK(model.done > 0 && model.unreadable > 0 && model.ended > 0 && model.swapoffs > 0);
    CHECK(model.merged > 0 && model.copied > 0);
}
