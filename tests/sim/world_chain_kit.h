/* What the search of small worlds of chains is made of: the world, its roots, and steps on it and on its model. */
#ifndef SIM_WORLD_CHAIN_KIT_H
#define SIM_WORLD_CHAIN_KIT_H

#include "harness.h"

#include <stdio.h>
#include <string.h>

#include "memory_values.h"
#include "pager_slow.h"
#include "protocol.h"
#include "world.h"
#include "world_chain.h"
#include "world_disk.h"
#include "world_machine.h"

#define FRAMES  64u
#define FETCHES 6u
#define PAGE    ((uint64_t)FL_PAGE_BYTES)
#define RW      (PROT_READ | PROT_WRITE)
#define AT      0x10000000ull
#define ZEROS   (CHAIN_BUSY + 1) /* as the state of the file's page: there is no file */
#define OBJECTS 3u
#define KEPT    (CHAIN_BUSY + 1)    /* states of pages where none leaves memory ... */
#define ALL     (CHAIN_WRITING + 1) /* ... and where they do */

enum action {
    STEP_READ,
    STEP_WRITE,
    STEP_WRITE_OTHER, /* page 0 */
    STEP_EXIT,
    STEP_FORK,
    STEP_DROP,
    STEP_UNMAP,
    STEP_PAGEOUT,
    STEP_CUT,
    STEP_COMES,
    STEP_FAILS,
    ACTIONS
};
static const char action_letters[ACTIONS + 1] = "rwoxfduptke";

struct root {
    uint32_t state[OBJECTS]; /* of the page in bottom, middle, top */
    bool other[2];           /* bottom and middle hold page 0 */
    uint32_t file;
    bool locked; /* space 0 */
    bool swaps;
};

static struct {
    struct slow slow;
    struct world_disk disk;
    struct chain chain;
    struct root root;
    uint8_t cell_of[FRAMES]; /* of the pages that are fetched */
    uint8_t byte;
} world;

static uint64_t world_address(uint32_t page)
{
    return AT + page * PAGE;
}

static struct space *world_space(uint32_t space)
{
    return world.slow.fake.vm.spaces[space];
}

/* ---- the root ---- */

/* A page leaves memory, or begins to. */
static void root_put_out(struct object *object, uint64_t index, enum chain_state state)
{
    if (state == CHAIN_PACKED)
        world_disk_pack(&world.disk, object, index);
    else
        world_disk_put_out(&world.disk, object, index);
    if (state == CHAIN_OUT)
        world_disk_finish(&world.disk, world.disk.requests - 1, true);
}

/* A page is put in by a fetch of the test's own, as a kind of object that fetches would. */
static void root_put_page(struct object *object, uint64_t index, uint8_t cell, uint64_t byte)
{
    enum chain_state state = world.chain.cell[cell].state;
    uint32_t page = object_begin_fetch(&world.slow.fake.vm, object, index);

    world_expect(page < FRAMES, "no frame for a fetch");
    slow_note_fetch(&world.slow, page, byte);
    world.cell_of[page] = cell;
    if (state != CHAIN_BUSY)
        slow_end_fetch(&world.slow, page, true);
    if (state == CHAIN_OUT || state == CHAIN_PACKED || state == CHAIN_WRITING)
        root_put_out(object, index, state);
}

static void root_put(uint32_t space, uint32_t page, uint32_t state)
{
    struct object *object = entry_find(&world_space(space)->map, AT)->object;
    uint64_t index = 10 + ++world.byte;
    uint8_t cell;

    if (state == CHAIN_ABSENT || index_lookup(&object->index, page) != 0)
        return; /* it may hold a copy of what was locked */
    cell = chain_put(&world.chain, space, page, (enum chain_state)state, slow_byte(index));
    root_put_page(object, page, cell, index);
}

static void root_put_file(void)
{
    struct object *file = slow_object(&world.slow);

    world.chain.file = world.root.file != ZEROS;
    world.chain.file_byte = slow_byte(CHAIN_PAGE);
    if (!world.chain.file || world.root.file == CHAIN_ABSENT)
        return;
    root_put_page(file, CHAIN_PAGE,
                  chain_put_in_file(&world.chain, (enum chain_state)world.root.file), CHAIN_PAGE);
}

static void root_map(struct space *space)
{
    struct vm_map_request request = {.address = AT,
                                     .bytes = CHAIN_PAGES * PAGE,
                                     .protection = RW,
                                     .flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS};
    uint64_t at;

    if (world.root.file == ZEROS)
        world_expect(vm_map(&world.slow.fake.vm, space, &request, &at) == 0, "mmap");
    else
        world_expect(slow_map(&world.slow, space, AT, 0, CHAIN_PAGES, true), "mmap");
}

static void world_fork(uint32_t parent)
{
    struct vm *vm = &world.slow.fake.vm;
    uint32_t free = chain_find_free(&world.chain);
    struct space *child = space_create(vm, 2);

    world_expect(child && child->id == free, "no space for a child");
    world_expect_equal((uint64_t)vm_fork(vm, world_space(parent), child), 0, "fork");
    chain_fork(&world.chain, parent, free);
    world.slow.thread[free] = (struct slow_thread){0};
}

static void world_make(void)
{
    struct space *space = space_create(&world.slow.fake.vm, 1);

    memset(&world.chain, 0, sizeof(world.chain));
    memset(world.slow.thread, 0, CHAIN_SPACES * sizeof(world.slow.thread[0]));
    world.byte = 0;
    world_expect(space != NULL, "no space");
    if (world.root.swaps)
        world_disk_begin(&world.disk, &world.slow.fake);
    root_map(space);
    world.chain.space[0].lives = true;
    for (uint32_t page = 0; page < CHAIN_PAGES; page++)
        world.chain.space[0].stack[page].mapped = true;
    root_put_file();
    if (world.root.locked)
        world_expect(vm_wire(&world.slow.fake.vm, space, AT, CHAIN_PAGES * PAGE, MLOCK_ONFAULT) ==
                         0,
                     "mlock");
    world.chain.space[0].locked = world.root.locked;
    for (uint32_t i = 0; i < OBJECTS; i++) {
        if (i > 0)
            world_fork(i - 1);
        root_put(i, 0, i < 2 && world.root.other[i] ? CHAIN_PRESENT : CHAIN_ABSENT);
        root_put(i, CHAIN_PAGE, world.root.state[i]);
    }
}

/* ---- steps ---- */

/* A thread that may write now does. */
static void step_write_page(uint32_t space)
{
    const struct chain_thread *thread = &world.chain.space[space].thread;
    struct fake *fake = &world.slow.fake;
    const uint8_t *page =
        fake_peek(fake, world_space(space), world_address(thread->page), FL_ACCESS_WRITE);
    uint8_t byte = (uint8_t)(0x90 + ++world.byte);

    world_expect(page != NULL, "a write was served and cannot be made");
    memset(fake->memory + (page - fake->memory), byte, PAGE);
    chain_write(&world.chain, space, thread->page, byte);
}

/* What requests came to, and why spaces were stopped; they go on. */
static void step_compare(void)
{
    static const enum slow_state states[] = {
        [CHAIN_WAITS] = SLOW_WAITS,        [CHAIN_SERVED] = SLOW_SERVED,
        [CHAIN_UNMAPPED] = SLOW_STOPPED,   [CHAIN_BEYOND_END] = SLOW_STOPPED,
        [CHAIN_UNREADABLE] = SLOW_STOPPED,
    };
    static const uint16_t kinds[] = {[CHAIN_UNMAPPED] = PAGER_EVENT_UNMAPPED,
                                     [CHAIN_BEYOND_END] = PAGER_EVENT_BEYOND_END,
                                     [CHAIN_UNREADABLE] = PAGER_EVENT_UNREADABLE};
    struct space *space;

    for (uint32_t i = 0; i < CHAIN_SPACES; i++) {
        enum chain_outcome outcome = world.chain.space[i].thread.outcome;

        if (!world.chain.space[i].lives || outcome == CHAIN_IDLE)
            continue;
        world_expect_equal(world.slow.thread[i].state, states[outcome], "what a request came to");
        if (states[outcome] == SLOW_STOPPED)
            world_expect_equal(world_space(i)->event.kind, kinds[outcome], "why it was stopped");
    }
    while ((space = space_next_event(&world.slow.fake.vm)) != NULL)
        space->stopped = false;
}

/* Fetches that requests began are the last of their lists. */
static void step_note_fetches(uint32_t fetches, uint32_t requests)
{
    for (uint32_t i = 0; i < world.chain.begun; i++) {
        uint8_t cell = world.chain.began[i];
        bool file = cell == world.chain.file_cell;

        world_expect(file ? fetches < world.slow.fetches : requests < world.disk.requests,
                     "no fetch was begun");
        world.cell_of[file ? world.slow.fetch[fetches++] : world.disk.io[requests++].page[0]] =
            cell;
    }
    world.chain.begun = 0;
    world_expect_equal(world.slow.fetches, fetches, "fetches from the file");
    world_expect_equal(world.disk.requests, requests, "requests to the disk");
}

static bool step_has_space(enum action action)
{
    return action < STEP_CUT;
}

static enum action step_action(uint32_t step)
{
    uint32_t spaces = STEP_CUT * CHAIN_SPACES;

    if (step < spaces)
        return (enum action)(step / CHAIN_SPACES);
    return step == spaces ? STEP_CUT : (enum action)(STEP_COMES + (step - spaces - 1) / FETCHES);
}

/* The space, or the place of the fetch. */
static uint32_t step_place(uint32_t step)
{
    uint32_t spaces = STEP_CUT * CHAIN_SPACES;

    if (step < spaces)
        return step % CHAIN_SPACES;
    return step == spaces ? 0 : (step - spaces - 1) % FETCHES;
}

static void step_name(uint32_t step, char *name)
{
    snprintf(name, WORLD_NAME_BYTES, "%c%u", action_letters[step_action(step)],
             (unsigned)step_place(step) % 10);
}

static bool step_may(uint32_t step)
{
    enum action action = step_action(step);
    uint32_t place = step_place(step);
    const struct chain_space *space = &world.chain.space[step_has_space(action) ? place : 0];

    if (step_has_space(action) && !space->lives)
        return false;
    switch (action) {
    case STEP_WRITE_OTHER: /* the model knows one page of the file */
        if (world.chain.file && !chain_find(&world.chain, place, 0))
            return false;
        return space->thread.outcome != CHAIN_WAITS;
    case STEP_READ:
    case STEP_WRITE:
        return space->thread.outcome != CHAIN_WAITS;
    case STEP_FORK:
        return chain_find_free(&world.chain) < CHAIN_SPACES;
    case STEP_DROP:
    case STEP_UNMAP: /* where pages are dropped the model does not know what a locked space holds alone */
        return space->stack[CHAIN_PAGE].mapped && !world.root.locked;
    case STEP_PAGEOUT:
        return world.root.swaps && world.slow.fetches + world.disk.requests < FETCHES &&
               world.chain.cell[chain_find(&world.chain, place, CHAIN_PAGE)].state == CHAIN_PRESENT;
    case STEP_CUT:
        return world.chain.file && !world.chain.cut && slow_object(&world.slow);
    case STEP_COMES:
    case STEP_FAILS:
        return place < world.slow.fetches + world.disk.requests;
    case STEP_EXIT:
    case ACTIONS:
        break;
    }
    return true;
}

static void step_fault(uint32_t space, uint32_t page, bool write)
{
    slow_fault(&world.slow, &world.slow.thread[space], world_space(space), world_address(page),
               write ? FL_ACCESS_WRITE : FL_ACCESS_READ);
    chain_touch(&world.chain, space, page, write);
}

static void step_remove(uint32_t number, bool unmap)
{
    struct vm *vm = &world.slow.fake.vm;
    struct space *space = world_space(number);
    uint64_t address = world_address(CHAIN_PAGE);

    world_expect_equal((uint64_t)(unmap ? vm_unmap(vm, space, address, PAGE)
                                        : vm_advise(vm, space, address, PAGE, MADV_DONTNEED)),
                       0, "munmap or madvise");
    slow_serve(&world.slow);
    if (unmap)
        chain_unmap(&world.chain, number, CHAIN_PAGE);
    else
        chain_drop(&world.chain, number, CHAIN_PAGE);
}

/* The page that the space sees leaves, in whichever object it is. */
static void step_put_out(uint32_t number)
{
    const struct entry *entry = entry_find(&world_space(number)->map, world_address(CHAIN_PAGE));
    uint64_t index = entry_index(entry, world_address(CHAIN_PAGE));
    struct object *holder = world_disk_find_holder(entry->object, index);
    uint8_t cell = chain_find(&world.chain, number, CHAIN_PAGE);
    uint32_t page = index_leaf_page(index_lookup(&holder->index, index));

    if (chain_is_dirty(&world.chain, cell))
        world.cell_of[page] = cell;
    world_disk_put_out(&world.disk, holder, index);
    chain_put_out(&world.chain, cell);
}

/* The cell of the page that a fetch or a request is about. */
static uint8_t step_cell_at(uint32_t place)
{
    return world
        .cell_of[place < world.slow.fetches ? world.slow.fetch[place]
                                            : world.disk.io[place - world.slow.fetches].page[0]];
}

static void step_fetched(uint32_t place, bool ok)
{
    uint8_t cell = step_cell_at(place);

    if (place < world.slow.fetches) {
        slow_end_fetch(&world.slow, world.slow.fetch[place], ok);
    } else {
        world_disk_finish(&world.disk, place - world.slow.fetches, ok);
        slow_serve(&world.slow);
    }
    chain_fetched(&world.chain, cell, ok);
}

static void step_do(enum action action, uint32_t place)
{
    switch (action) {
    case STEP_READ:
    case STEP_WRITE:
        step_fault(place, CHAIN_PAGE, action == STEP_WRITE);
        break;
    case STEP_WRITE_OTHER:
        step_fault(place, 0, true);
        break;
    case STEP_EXIT:
        slow_destroy(&world.slow, world_space(place));
        chain_exit(&world.chain, place);
        break;
    case STEP_FORK:
        world_fork(place);
        break;
    case STEP_DROP:
    case STEP_UNMAP:
        step_remove(place, action == STEP_UNMAP);
        break;
    case STEP_PAGEOUT:
        step_put_out(place);
        break;
    case STEP_CUT:
        slow_truncate(&world.slow, CHAIN_PAGE);
        slow_serve(&world.slow);
        chain_cut(&world.chain);
        break;
    case STEP_COMES:
    case STEP_FAILS:
        step_fetched(place, action == STEP_COMES);
        break;
    case ACTIONS:
        break;
    }
}

static void step_apply(uint32_t step)
{
    enum action action = step_action(step);
    uint32_t place = step_place(step);
    uint32_t fetches = world.slow.fetches, requests = world.disk.requests;
    bool waited[CHAIN_SPACES];

    for (uint32_t i = 0; i < CHAIN_SPACES; i++)
        waited[i] = world.chain.space[i].thread.outcome == CHAIN_WAITS ||
                    (action <= STEP_WRITE_OTHER && i == place);
    if (action >= STEP_COMES && place < fetches)
        fetches--;
    else if (action >= STEP_COMES)
        requests--;
    else if (action == STEP_PAGEOUT)
        requests += chain_is_dirty(&world.chain, chain_find(&world.chain, place, CHAIN_PAGE));
    step_do(action, place);
    step_note_fetches(fetches, requests);
    step_compare();
    for (uint32_t i = 0; i < CHAIN_SPACES; i++) {
        const struct chain_thread *thread = &world.chain.space[i].thread;

        if (waited[i] && thread->write && thread->outcome == CHAIN_SERVED)
            step_write_page(i);
    }
}

#endif
