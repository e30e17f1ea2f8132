/* All chains of at most three objects over a file or zeros, in each of which a page is absent, present, on
 * its way, out in a slot of swap or compressed, and what faults, pages that are put out, fetches and writes that
 * end well or badly, ends of programs, forks and cuts of the file make of them, in every order.
 *
 *     space 0     space 1     space 2
 *        |           |           |
 *        |           |          top
 *        |           \          /
 *        \             middle
 *         \            /
 *             bottom  - - - - - the file
 *
 * A root is named by the states of the page in bottom, middle, top and file (- absent, p present, b busy, o out,
 * c compressed, w on its way out; 0: zeros instead of a file), and by which of bottom and middle hold another page
 * too (+ or -); then l: space 0 is locked as far as it is touched; s: the machine swaps.  A step is a letter and a
 * space, or the place of a fetch or write: r0, x2, p1 (its page is put out), k1 (it comes), e1 (it does not).
 * DEPTH=n in the environment says how many steps follow each root, SWAP_DEPTH=n where the machine swaps. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_slow.c tests/sim/world.c */
/* sources: tests/sim/world_machine.c tests/sim/world_chain.c tests/sim/world_disk.c */
#include "world_chain_kit.h"

/* ---- comparing ---- */

static void check_page(uint32_t number, uint32_t page)
{
    const struct chain *chain = &world.chain;
    const struct chain_stack *stack = &chain->space[number].stack[page];
    const struct space *space = world_space(number);
    const uint8_t *found = world_find_page(&world.slow.fake, space, world_address(page));
    uint8_t cell = chain_find(chain, number, page), byte;
    enum chain_state state;
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
    state = cell ? chain->cell[cell].state : CHAIN_PRESENT;
    world_expect((found != NULL) == (state == CHAIN_PRESENT || state == CHAIN_WRITING),
                 "what is on its way, or out");
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
    if (!world.root.swaps)
        return;
    world_expect_equal(counts[PAGE_WRITING], chain_count(&world.chain, CHAIN_WRITING),
                       "pages that are written");
    world_expect_equal(world.slow.fake.vm.tier.store.pages, chain_count(&world.chain, CHAIN_PACKED),
                       "compressed pages");
    world_expect_equal(world.slow.fake.vm.swap.used, chain_count_slots(&world.chain), "slots");
}

/* All fetches end, and whoever waits gets an answer of one kind or another. */
static void world_end(void)
{
    struct vm *vm = &world.slow.fake.vm;

    for (uint32_t turns = 0; world.slow.fetches + world.disk.requests > 0; turns++) {
        world_expect(turns < 100, "fetches for ever");
        step_apply(STEP_CUT * CHAIN_SPACES + 1);
        check_all();
    }
    world_expect_equal(vm->waits.active, 0, "requests that wait when nothing is on its way");
    slow_end(&world.slow);
    if (world.root.swaps)
        world_disk_end(&world.disk);
    world_expect_equal(world.slow.fake.entries, 0, "pages mapped when all spaces are gone");
    world_expect_equal(vm->table.counts[PAGE_FREE], world.slow.fake.free_pages,
                       "free frames when all spaces are gone");
    world_expect_equal(vm->commit.pages, 0, "promises when all spaces are gone");
}

static void key_add_fetch(struct world_key *key, uint32_t place)
{
    uint8_t cell = step_cell_at(place);

    world_key_add(key, world.chain.cell[cell].state);
    world_key_add(key, cell == world.chain.file_cell);
    world_key_add(key, world.chain.cell[cell].slot);
    for (uint32_t i = 0; i < CHAIN_SPACES; i++) {
        const struct chain_stack *stack = &world.chain.space[i].stack[CHAIN_PAGE];

        for (uint32_t at = 0; at < stack->cells; at++)
            world_key_add(key, stack->cell[at] == cell ? 1 : 2);
        world_key_add(key, 3);
    }
}

/* D bits are in the model only. */
static void key_add_copies(struct world_key *key, uint32_t space)
{
    const struct chain_stack *stack = &world.chain.space[space].stack[CHAIN_PAGE];

    for (uint32_t at = 0; at < stack->cells; at++)
        world_key_add(key, world.chain.cell[stack->cell[at]].clean);
}

static struct world_key world_key(void)
{
    struct world_key key = world_key_of(&world.slow.fake);

    for (uint32_t i = 0; i < CHAIN_SPACES; i++) {
        const struct chain_thread *thread = &world.chain.space[i].thread;

        world_key_add(&key,
                      thread->outcome != CHAIN_WAITS ? 0 : 1u + thread->write + 2u * thread->page);
        if (world.root.swaps)
            key_add_copies(&key, i);
    }
    for (uint32_t place = 0; place < world.slow.fetches + world.disk.requests; place++)
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
    static const char letters[] = "-pbocw";
    const struct root *root = &world.root;
    char name[16];

    snprintf(name, sizeof(name), "%c%c%c%c%c%c%s%s", letters[root->state[0]],
             letters[root->state[1]], letters[root->state[2]],
             root->file == ZEROS ? '0' : letters[root->file], root->other[0] ? '+' : '-',
             root->other[1] ? '+' : '-', root->locked ? "l" : "", root->swaps ? "s" : "");
    return world_search(&steps, name, depth);
}

/* Roots: `states` for each of three pages, files that are in one of some states, and what holds for all. */
struct roots {
    uint32_t states;
    uint32_t file_first, file_end;
    bool locked, swaps;
};

/* Every root is a number with a digit for each choice. */
static void world_search_all(const struct roots *roots, uint32_t depth)
{
    struct world_counts sum = {.complete = true};
    uint32_t states = roots->states, chains = states * states * states, count = chains * 2 * 2;

    slow_begin(&world.slow, FRAMES);
    for (uint32_t file = roots->file_first; file < roots->file_end; file++)
        for (uint32_t number = 0; number < count; number++) {
            struct world_counts counts;

            world.root = (struct root){
                {number % states, number / states % states, number / states / states % states},
                {number / chains % 2, number / chains / 2},
                file,
                roots->locked,
                roots->swaps};
            counts = world_search_root(depth);
            world_counts_add(&sum, &counts);
        }
    harness_note("%u roots", (unsigned)(count * (roots->file_end - roots->file_first)));
    world_counts_note(&sum, "after all of them");
    fake_free(&world.slow.fake);
}

TEST("in every chain over zeros everybody who waits is answered, with the right page, in every "
     "order")
{
    world_search_all(&(struct roots){KEPT, ZEROS, ZEROS + 1, false, false},
                     world_number("DEPTH", 2));
}

TEST("the same over a file whose page is absent, present or on its way")
{
    world_search_all(&(struct roots){KEPT, CHAIN_ABSENT, ZEROS, false, false},
                     world_number("DEPTH", 2));
}

TEST("the same below a program that locked its memory and forks")
{
    world_search_all(&(struct roots){KEPT, CHAIN_BUSY, ZEROS + 1, true, false},
                     world_number("DEPTH", 2));
}

TEST("the same where pages are out in swap or compressed, and leave: what nobody asks for is not "
     "read")
{
    world_search_all(&(struct roots){ALL, ZEROS, ZEROS + 1, false, true},
                     world_number("SWAP_DEPTH", 1));
}

TEST("the same over a file, where pages are out or compressed")
{
    world_search_all(&(struct roots){ALL, CHAIN_ABSENT, ZEROS, false, true},
                     world_number("SWAP_DEPTH", 1));
}
