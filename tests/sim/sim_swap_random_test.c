/* Random programs in too little memory, with swap on disks that are slow, fail and lie, with a store of compressed
 * pages before them, or with the store alone: they fork, write, drop, lock, unmap and end, areas come and
 * go, the store's share changes, page tables are dropped, load control suspends and resumes programs, equal
 * pages are merged, of which the model knows nothing.  After each step every byte that the
 * tables show is what a model of arrays says, all invariants hold, and in the end nothing is lost. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_swap_random_kit.h"

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
        kit_swap_on_discarding(disk, model.pages[disk], (int32_t)model_pick(2), model_pick(4));
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
                kit_end_request(&done);
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
    kit_is_idle = model_pick(2);
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
        kit_swap_on_discarding(0, model.pages[0], 0, model_pick(4));
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
    model.discarded += kit_vm()->swap.discarded;
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
    harness_note(
        "%" PRIu64 " accesses, %" PRIu64 " waits, %" PRIu64 " unreadable, %" PRIu64
        " ended, %" PRIu64 " areas emptied, %" PRIu64 " suspended, %" PRIu64 " resumed, %" PRIu64
        " pages merged, %" PRIu64 " of them copied to be written, %" PRIu64
        " pages packed, %" PRIu64 " unpacked, %" PRIu64 " slots discarded",
        model.done, model.waited, model.unreadable, model.ended, model.swapoffs, model.suspended,
        model.resumed, model.merged, model.copied, model.packed, model.unpacked, model.discarded);
    CHECK(model.suspended > 0 && model.resumed > 0);
    CHECK(model.packed > 0 && model.unpacked > 0);
    CHECK(model.done > 0 && model.unreadable > 0 && model.ended > 0 && model.swapoffs > 0);
    CHECK(model.merged > 0 && model.copied > 0);
    CHECK(model.discarded > 0);
}
