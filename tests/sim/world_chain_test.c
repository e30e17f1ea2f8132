/* All chains of at most three objects over a file or zeros, in each of which a page is absent, present or on
 * its way, and what faults, fetches that end well or badly, ends of programs, forks and cuts of the file make
 * of them, in every order.
 *
 *     space 0     space 1     space 2
 *        |           |           |
 *        |           |          top
 *        |           \          /
 *        \             middle
 *         \            /
 *             bottom  - - - - - the file
 *
 * A root is named by the states of the page in bottom, middle, top and file (- absent, p present, b busy; 0:
 * zeros instead of a file), and by which of bottom and middle hold another page too (+ or -); l at the end: space 0 is locked as far as it is touched.  A step is a
 * letter and a space, or the place of a fetch: r0, x2, k1 (it comes), e1 (it does not).  DEPTH=n in the
 * environment says how many steps follow each root. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c tests/sim/world.c */
/* sources: tests/sim/world_machine.c tests/sim/world_chain.c */
#include "harness.h"

#include <stdio.h>
#include <string.h>

#include "memory_values.h"
#include "pager_slow.h"
#include "protocol.h"
#include "world.h"
#include "world_chain.h"
#include "world_machine.h"

#define FRAMES  64u
#define FETCHES 6u
#define PAGE    ((uint64_t)FL_PAGE_BYTES)
#define RW      (PROT_READ | PROT_WRITE)
#define AT      0x10000000ull
#define ZEROS   (CHAIN_BUSY + 1) /* as the state of the file's page: there is no file */
#define OBJECTS 3u

enum action {
    STEP_READ,
    STEP_WRITE,
    STEP_WRITE_OTHER, /* page 0 */
    STEP_EXIT,
    STEP_FORK,
    STEP_DROP,
    STEP_UNMAP,
    STEP_CUT,
    STEP_COMES,
    STEP_FAILS,
    ACTIONS
};
static const char action_letters[ACTIONS + 1] = "rwoxfdutke";

struct root {
    uint32_t state[OBJECTS]; /* of the page in bottom, middle, top */
    bool other[2];           /* bottom and middle hold page 0 */
    uint32_t file;
    bool locked; /* space 0 */
};

static struct {
    struct slow slow;
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

/* A page is put in by a fetch of the test's own, as a kind of object that fetches would. */
static void root_put_page(struct object *object, uint64_t index, uint8_t cell, uint64_t byte)
{
    uint32_t page = object_begin_fetch(&world.slow.fake.vm, object, index);

    world_expect(page < FRAMES, "no frame for a fetch");
    slow_note_fetch(&world.slow, page, byte);
    world.cell_of[page] = cell;
    if (world.chain.cell[cell].state == CHAIN_PRESENT)
        slow_end_fetch(&world.slow, page, true);
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
    world.chain.cell[chain_find(&world.chain, space, thread->page)].byte = byte;
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

/* A fetch that a request began is the last of the list. */
static void step_note_fetch(void)
{
    if (!world.chain.began)
        return;
    world.chain.began = false;
    world_expect(world.slow.fetches > 0, "no fetch was begun");
    world.cell_of[world.slow.fetch[world.slow.fetches - 1]] = world.chain.file_cell;
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
    case STEP_CUT:
        return world.chain.file && !world.chain.cut && slow_object(&world.slow);
    case STEP_COMES:
    case STEP_FAILS:
        return place < world.slow.fetches;
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

static void step_fetched(uint32_t place, bool ok)
{
    uint32_t page = world.slow.fetch[place];

    slow_end_fetch(&world.slow, page, ok);
    chain_fetched(&world.chain, world.cell_of[page], ok);
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
    bool waited[CHAIN_SPACES];

    for (uint32_t i = 0; i < CHAIN_SPACES; i++)
        waited[i] = world.chain.space[i].thread.outcome == CHAIN_WAITS ||
                    (action <= STEP_WRITE_OTHER && i == place);
    step_do(action, place);
    step_note_fetch();
    step_compare();
    for (uint32_t i = 0; i < CHAIN_SPACES; i++) {
        const struct chain_thread *thread = &world.chain.space[i].thread;

        if (waited[i] && thread->write && thread->outcome == CHAIN_SERVED)
            step_write_page(i);
    }
}

/* ---- comparing ---- */

static void check_page(uint32_t number, uint32_t page)
{
    const struct chain *chain = &world.chain;
    const struct chain_stack *stack = &chain->space[number].stack[page];
    const struct space *space = world_space(number);
    const uint8_t *found = world_find_page(&world.slow.fake, space, world_address(page));
    uint8_t cell = chain_find(chain, number, page), byte;
    bool file = !cell && chain->file && page == CHAIN_PAGE;

    world_expect(stack->mapped == (entry_find(&space->map, world_address(page)) != NULL),
                 "what is mapped");
    if (!stack->mapped || (!cell && chain->file && page != CHAIN_PAGE))
        return;
    if (file)
        cell = chain->file_cell;
    if (file && !cell) {
        world_expect(!found, "a page of the file that is not there");
        return;
    }
    world_expect((found == NULL) == (chain->cell[cell].state == CHAIN_BUSY), "what is on its way");
    byte = cell ? chain->cell[cell].byte : 0;
    world_expect(!found || (found[0] == byte && memcmp(found, found + 1, PAGE - 1) == 0),
                 "bytes of a page");
}

static void check_all(void)
{
    const uint32_t *counts = world.slow.fake.vm.table.counts;
    const char *broken = slow_check(&world.slow);
    uint32_t lives = 0;

    if (!broken)
        broken = world_check_machine(&world.slow.fake);
    world_expect(!broken, broken);
    for (uint32_t i = 0; i < CHAIN_SPACES; i++)
        lives += world.chain.space[i].lives;
    for (uint32_t i = 0; i < CHAIN_SPACES; i++) {
        world_expect(world.chain.space[i].lives == (world_space(i) != NULL), "who lives");
        for (uint32_t page = 0; world_space(i) && page < CHAIN_PAGES; page++) {
            check_page(i, page);
            world_expect(world_find_depth(world_space(i), world_address(page)) <= lives,
                         "more objects below each other than spaces");
        }
    }
    world_expect_equal(counts[PAGE_OBJECT], chain_count(&world.chain, CHAIN_PRESENT),
                       "pages in memory");
    world_expect_equal(counts[PAGE_BUSY], chain_count(&world.chain, CHAIN_BUSY),
                       "pages on their way");
    world_expect_equal(counts[PAGE_STRAY], chain_count(&world.chain, CHAIN_STRAY),
                       "pages on their way to nobody");
}

/* All fetches end, and whoever waits gets an answer of one kind or another. */
static void world_end(void)
{
    struct vm *vm = &world.slow.fake.vm;

    for (uint32_t turns = 0; world.slow.fetches > 0; turns++) {
        world_expect(turns < 100, "fetches for ever");
        step_apply(STEP_CUT * CHAIN_SPACES + 1);
        check_all();
    }
    world_expect_equal(vm->waits.active, 0, "requests that wait when nothing is on its way");
    slow_end(&world.slow);
    world_expect_equal(world.slow.fake.entries, 0, "pages mapped when all spaces are gone");
    world_expect_equal(vm->table.counts[PAGE_FREE], world.slow.fake.free_pages,
                       "free frames when all spaces are gone");
    world_expect_equal(vm->commit.pages, 0, "promises when all spaces are gone");
}

static void key_add_fetch(struct world_key *key, uint32_t place)
{
    uint8_t cell = world.cell_of[world.slow.fetch[place]];

    world_key_add(key, world.chain.cell[cell].state);
    world_key_add(key, cell == world.chain.file_cell);
    for (uint32_t i = 0; i < CHAIN_SPACES; i++) {
        const struct chain_stack *stack = &world.chain.space[i].stack[CHAIN_PAGE];

        for (uint32_t at = 0; at < stack->cells; at++)
            world_key_add(key, stack->cell[at] == cell ? 1 : 2);
        world_key_add(key, 3);
    }
}

static struct world_key world_key(void)
{
    struct world_key key = world_key_of(&world.slow.fake);

    for (uint32_t i = 0; i < CHAIN_SPACES; i++) {
        const struct chain_thread *thread = &world.chain.space[i].thread;

        world_key_add(&key,
                      thread->outcome != CHAIN_WAITS ? 0 : 1u + thread->write + 2u * thread->page);
    }
    for (uint32_t place = 0; place < world.slow.fetches; place++)
        key_add_fetch(&key, place);
    return key;
}

/* ---- the search ---- */

static struct world_counts world_search_root(uint32_t depth)
{
    static const struct world_steps steps = {.count = STEP_CUT * CHAIN_SPACES + 1 + 2 * FETCHES,
                                             .begin = world_make,
                                             .may = step_may,
                                             .apply = step_apply,
                                             .check = check_all,
                                             .end = world_end,
                                             .key = world_key,
                                             .name = step_name};
    static const char letters[] = "-pb";
    const struct root *root = &world.root;
    char name[16];

    snprintf(name, sizeof(name), "%c%c%c%c%c%c%s", letters[root->state[0]], letters[root->state[1]],
             letters[root->state[2]], root->file == ZEROS ? '0' : letters[root->file],
             root->other[0] ? '+' : '-', root->other[1] ? '+' : '-', root->locked ? "l" : "");
    return world_search(&steps, name, depth);
}

/* Every root is a number with a digit for each choice. */
static void world_search_all(uint32_t file_first, uint32_t file_end, bool locked)
{
    struct world_counts sum = {.complete = true};
    uint32_t roots = 3 * 3 * 3 * 2 * 2, depth = world_number("DEPTH", 2);

    slow_begin(&world.slow, FRAMES);
    for (uint32_t file = file_first; file < file_end; file++)
        for (uint32_t number = 0; number < roots; number++) {
            struct world_counts counts;

            world.root = (struct root){{number % 3, number / 3 % 3, number / 9 % 3},
                                       {number / 27 % 2, number / 54},
                                       file,
                                       locked};
            counts = world_search_root(depth);
            world_counts_add(&sum, &counts);
        }
    harness_note("%u roots", (unsigned)(roots * (file_end - file_first)));
    world_counts_note(&sum, "after all of them");
    fake_free(&world.slow.fake);
}

TEST("in every chain over zeros everybody who waits is answered, with the right page, in every "
     "order")
{
    world_search_all(ZEROS, ZEROS + 1, false);
}

TEST("the same over a file whose page is absent, present or on its way")
{
    world_search_all(CHAIN_ABSENT, ZEROS, false);
}

TEST("the same below a program that locked its memory and forks")
{
    world_search_all(CHAIN_BUSY, ZEROS + 1, true);
}
