/* The programs of sim_swap_random_test.c: what each shows by a model of arrays, how they begin and end, and their
 * accesses, which may wait for a page, for memory, or to be resumed. */
#ifndef SIM_SWAP_RANDOM_KIT_H
#define SIM_SWAP_RANDOM_KIT_H

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
    uint64_t packed, unpacked, discarded;
} model;

static inline uint32_t model_pick(uint32_t options)
{
    return (uint32_t)(fake_random(&model.random) % options);
}

static inline void model_check(bool holds, const char *what)
{
    if (!holds)
        harness_note("seed %" PRIu64 ", step %" PRIu64 ": %s", model.seed, model.step, what);
    CHECK(holds);
}

static inline int *model_byte(struct model_program *program, uint32_t page)
{
    if (page < PAGES - SHARED || program->byte[page] == ABSENT)
        return &program->byte[page];
    return &model.shared[program->segment][page - (PAGES - SHARED)];
}

static inline uint64_t model_address(uint32_t page)
{
    return AT + page * PAGE;
}

static inline uint32_t model_thread(const struct model_program *program)
{
    return (uint32_t)(program - model.program);
}

/* ---- programs ---- */

static inline uint32_t model_count_sharers(uint32_t segment)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < PROGRAMS; i++)
        count += model.program[i].space && model.program[i].segment == segment;
    return count;
}

static inline void model_end_program(struct model_program *program)
{
    slow_destroy(&slow, program->space);
    slow.thread[model_thread(program)].state = SLOW_IDLE;
    program->space = NULL;
    program->acts = false;
}

static inline void model_map(const struct model_program *program, uint32_t first, uint32_t count,
                             uint32_t flags)
{
    struct vm_map_request request = {.address = model_address(first),
                                     .bytes = count * PAGE,
                                     .protection = RW,
                                     .flags = MAP_FIXED | MAP_ANONYMOUS | flags};
    uint64_t at;

    model_check(vm_map(kit_vm(), program->space, &request, &at) == 0, "no memory for a mapping");
}

static inline void model_start_program(struct model_program *program)
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
static inline void model_take_events(void)
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
static inline void model_fill(const struct model_program *program)
{
    uint8_t *page = (uint8_t *)(uintptr_t)fake_peek(&slow.fake, program->space,
                                                    model_address(program->page), FL_ACCESS_WRITE);
    uint32_t kind = program->value % 4;

    for (uint32_t i = 1; kind > 0 && i < FL_PAGE_BYTES; i++)
        page[i] = kind == 1 || (kind == 2 && i % 32 < 24) ? program->value
                                                          : (uint8_t)fake_random(&model.random);
}

/* The access was made, and read or wrote this byte. */
static inline void model_end_access(struct model_program *program, uint8_t byte)
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
static inline void model_end_call(struct model_program *program, const struct slow_thread *thread)
{
    if (thread->state == SLOW_SERVED)
        model_end_access(program, 0);
    else
        model_check(thread->error == ENOMEM || thread->error == EFAULT, "a wrong error");
    program->acts = false;
}

/* Goes on with the access of a program, which waits for nothing now. */
static inline void model_try(struct model_program *program)
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
static inline void model_end_calls(void)
{
    for (uint32_t i = 0; i < PROGRAMS; i++) {
        struct model_program *program = &model.program[i];

        if (program->space && program->acts && program->call && slow.thread[i].state != SLOW_WAITS)
            model_end_call(program, &slow.thread[i]);
    }
}

/* All programs whose thread does not wait go on. */
static inline void model_go_on(void)
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
static inline bool model_is_called(uint32_t page)
{
    bool called = false;

    for (uint32_t i = 0; i < PROGRAMS; i++) {
        const struct model_program *program = &model.program[i];

        called |= program->space && program->acts && program->call && program->page == page;
    }
    return called;
}

static inline void model_begin_access(struct model_program *program)
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

#endif
