/* All orders of fork, write, read, exit and the like of at most three processes on two pages, until no
 * order leads to a new state.  The model knows who shares what: each page of a process is a cell, which
 * others may have too; a write to a private one that others have makes a new cell.
 *
 * A step's name is a letter, the process, and the page: f0, x1, w02.  DEPTH=n in the environment ends
 * the searches after so many steps. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/sim/world.c tests/sim/world_machine.c */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "memory_values.h"
#include "pager_fake.h"
#include "world.h"
#include "world_machine.h"

#define FRAMES    64u
#define RESERVE   VM_POPULATE_RESERVE /* frames more, where pages are filled ahead */
#define PROCESSES 3u
#define PAGES     2u
#define CELLS     (PROCESSES * PAGES + 1)
#define PAGE      ((uint64_t)FL_PAGE_BYTES)
#define RW        (PROT_READ | PROT_WRITE)
#define AT        0x10000000ull
#define PLACE     1234u /* the byte of a page that is written */

/* What the pages are. */
enum kind { KIND_PRIVATE, KIND_SHARED, KIND_FILE, KIND_LOCKED, KINDS };
static const char *const kind_names[KINDS] = {"private", "shared", "file", "locked"};

enum action { STEP_FORK, STEP_EXIT, STEP_WRITE, STEP_READ, STEP_DROP, STEP_UNMAP, ACTIONS };
static const char action_letters[ACTIONS + 1] = "fxwrdu";

/* What was written to a page that `holders` processes show. */
struct cell {
    uint8_t holders;
    bool frame;
    bool written;
    uint8_t byte;
};

struct process {
    bool lives;
    bool locked;
    bool mapped[PAGES];
    uint8_t cell[PAGES]; /* 0: a private page that is as it was mapped */
};

static struct {
    struct fake fake;
    uint8_t under[PAGES * FL_PAGE_BYTES]; /* what pages show before they are written */
    enum kind kind;
    enum action last; /* of those that the search takes */
    uint8_t byte;     /* that was written last */
    uint64_t copies;
    uint64_t copies_before;
    struct process process[PROCESSES];
    struct cell cell[CELLS];
} world;

static uint64_t world_address(uint32_t page)
{
    return AT + page * PAGE;
}

static uint32_t world_count(void)
{
    uint32_t lives = 0;

    for (uint32_t process = 0; process < PROCESSES; process++)
        lives += world.process[process].lives;
    return lives;
}

/* ---- the model ---- */

static uint8_t model_new_cell(void)
{
    uint8_t cell = 1;

    while (cell < CELLS && world.cell[cell].holders > 0)
        cell++;
    world_expect(cell < CELLS, "the model has too few cells");
    world.cell[cell] = (struct cell){.holders = 1};
    return cell;
}

static void model_drop(uint8_t *cell)
{
    if (*cell)
        world.cell[*cell].holders--;
    *cell = 0;
}

/* Gives a process a page of its own, with what it shows now. */
static void model_copy(uint8_t *cell)
{
    struct cell like = world.cell[*cell];

    model_drop(cell);
    *cell = model_new_cell();
    world.cell[*cell].written = like.written;
    world.cell[*cell].byte = like.byte;
    world.cell[*cell].frame = true;
}

/* What any access does to shared memory, and a write to private memory. */
static void model_touch(uint8_t *cell, bool write)
{
    if (world.kind == KIND_SHARED) {
        world.cell[*cell].frame = true;
    } else if (write && (*cell == 0 || world.cell[*cell].holders > 1)) {
        world.copies += *cell != 0;
        model_copy(cell);
    }
}

static void model_begin(void)
{
    struct process *first = &world.process[0];

    memset(world.process, 0, sizeof(world.process));
    memset(world.cell, 0, sizeof(world.cell));
    world.byte = 0;
    world.copies = 0;
    *first = (struct process){.lives = true, .locked = world.kind == KIND_LOCKED};
    for (uint32_t page = 0; page < PAGES; page++) {
        first->mapped[page] = true;
        if (world.kind == KIND_SHARED)
            first->cell[page] = model_new_cell();
        else if (world.kind == KIND_LOCKED)
            model_copy(&first->cell[page]);
    }
}

static void model_fork(uint32_t parent, uint32_t child)
{
    struct process *made = &world.process[child];

    *made = world.process[parent];
    for (uint32_t page = 0; page < PAGES; page++) {
        if (made->cell[page])
            world.cell[made->cell[page]].holders++;
        if (made->locked && made->cell[page])
            model_copy(&made->cell[page]);
    }
    made->locked = false;
}

static void model_exit(struct process *process)
{
    for (uint32_t page = 0; page < PAGES; page++)
        model_drop(&process->cell[page]);
    process->lives = false;
}

static uint32_t model_free_process(void)
{
    uint32_t process = 0;

    while (process < PROCESSES && world.process[process].lives)
        process++;
    return process;
}

static uint32_t model_frames(void)
{
    uint32_t frames = 0;

    for (uint32_t cell = 1; cell < CELLS; cell++)
        frames += world.cell[cell].holders > 0 && world.cell[cell].frame;
    return frames;
}

/* ---- steps ---- */

struct step {
    enum action action;
    uint32_t process;
    uint32_t page;
};

static struct step step_decode(uint32_t step)
{
    uint32_t page = step % PAGES, process = step / PAGES % PROCESSES;

    return (struct step){(enum action)(step / PAGES / PROCESSES), process, page};
}

static void step_name(uint32_t number, char *name)
{
    struct step step = step_decode(number);

    if (step.action <= STEP_EXIT)
        snprintf(name, WORLD_NAME_BYTES, "%c%u", action_letters[step.action], step.process % 10);
    else
        snprintf(name, WORLD_NAME_BYTES, "%c%u%u", action_letters[step.action], step.process % 10,
                 step.page % 10);
}

static bool step_may(uint32_t number)
{
    struct step step = step_decode(number);
    const struct process *process = &world.process[step.process];

    if (!process->lives || step.action > world.last)
        return false;
    switch (step.action) {
    case STEP_FORK:
        return step.page == 0 && world_count() < PROCESSES;
    case STEP_EXIT:
        return step.page == 0;
    case STEP_DROP:
        return process->mapped[step.page] && !process->locked;
    case STEP_WRITE:
    case STEP_READ:
    case STEP_UNMAP:
    case ACTIONS:
        break;
    }
    return process->mapped[step.page];
}

static void step_fork(uint32_t parent)
{
    struct vm *vm = &world.fake.vm;
    struct space *child = space_create(vm, 2);

    world_expect(child != NULL && child->id == model_free_process(), "no space for a child");
    world_expect_equal((uint64_t)vm_fork(vm, vm->spaces[parent], child), 0, "fork");
    model_fork(parent, child->id);
}

static void step_touch(struct space *space, uint32_t page, bool write)
{
    uint8_t *cell = &world.process[space->id].cell[page];
    uint8_t byte = ++world.byte;

    world_expect(fake_touch(&world.fake, space, world_address(page) + PLACE,
                            write ? FL_ACCESS_WRITE : FL_ACCESS_READ, &byte) == FAKE_DONE,
                 "an access was refused");
    model_touch(cell, write);
    if (!write)
        return;
    world.cell[*cell].written = true;
    world.cell[*cell].byte = byte;
}

static void step_drop(struct space *space, uint32_t page)
{
    int error = vm_advise(&world.fake.vm, space, world_address(page), PAGE, MADV_DONTNEED);

    world_expect_equal((uint64_t)error, 0, "madvise");
    if (world.kind != KIND_SHARED)
        model_drop(&world.process[space->id].cell[page]);
}

static void step_unmap(struct space *space, uint32_t page)
{
    struct process *process = &world.process[space->id];
    int error = vm_unmap(&world.fake.vm, space, world_address(page), PAGE);

    world_expect_equal((uint64_t)error, 0, "munmap");
    model_drop(&process->cell[page]);
    process->mapped[page] = false;
}

static void step_apply(uint32_t number)
{
    struct step step = step_decode(number);
    struct space *space = world.fake.vm.spaces[step.process];

    switch (step.action) {
    case STEP_FORK:
        step_fork(step.process);
        break;
    case STEP_EXIT:
        fake_destroy_space(&world.fake, space);
        model_exit(&world.process[step.process]);
        break;
    case STEP_WRITE:
    case STEP_READ:
        step_touch(space, step.page, step.action == STEP_WRITE);
        break;
    case STEP_DROP:
        step_drop(space, step.page);
        break;
    case STEP_UNMAP:
        step_unmap(space, step.page);
        break;
    case ACTIONS:
        break;
    }
}

/* ---- the world ---- */

static void world_make(void)
{
    struct vm *vm = &world.fake.vm;
    struct space *space = space_create(vm, 1);
    struct vm_map_request request = {
        .address = AT,
        .bytes = PAGES * PAGE,
        .protection = RW,
        .flags = MAP_FIXED | (world.kind == KIND_SHARED ? MAP_SHARED : MAP_PRIVATE),
        .readable = true};
    uint64_t at = 0;

    world_expect(space != NULL, "no space");
    if (world.kind == KIND_FILE)
        request.file = object_open_file(vm, fake_find_file(&world.fake, "data"));
    else
        request.flags |= MAP_ANONYMOUS;
    world_expect_equal((uint64_t)vm_map(vm, space, &request, &at), 0, "mmap");
    if (request.file)
        object_release(vm, request.file);
    if (world.kind == KIND_LOCKED)
        world_expect_equal((uint64_t)vm_wire(vm, space, AT, PAGES * PAGE, 0), 0, "mlock");
    world.copies_before = vm->counts.copies;
    model_begin();
}

/* Whether a page holds what the model says, all of it. */
static bool world_is_as_written(const uint8_t *contents, const struct cell *cell, uint32_t page)
{
    const uint8_t *under = world.under + page * PAGE;
    uint8_t expected = cell->written ? cell->byte : under[PLACE];

    return contents && contents[PLACE] == expected && memcmp(contents, under, PLACE) == 0 &&
           memcmp(contents + PLACE + 1, under + PLACE + 1, PAGE - PLACE - 1) == 0;
}

static void world_check_process(const struct process *process)
{
    struct space *space = world.fake.vm.spaces[process - world.process];

    world_expect(process->lives == (space != NULL), "who lives");
    for (uint32_t page = 0; process->lives && page < PAGES; page++) {
        uint64_t address = world_address(page);

        if (!process->mapped[page]) {
            world_expect(!entry_find(&space->map, address), "a page is there that was unmapped");
            continue;
        }
        world_expect(world_is_as_written(world_find_page(&world.fake, space, address),
                                         &world.cell[process->cell[page]], page),
                     "bytes of a page");
        world_expect(world_find_depth(space, address) <= world_count(),
                     "more objects below each other than processes");
        world_expect(!process->locked || fake_peek(&world.fake, space, address, FL_ACCESS_WRITE),
                     "a locked page would fault");
    }
}

static void world_check(void)
{
    const struct vm *vm = &world.fake.vm;
    const char *broken = world_check_machine(&world.fake);

    world_expect(!broken, broken);
    for (uint32_t process = 0; process < PROCESSES; process++)
        world_check_process(&world.process[process]);
    world_expect_equal(vm->table.counts[PAGE_OBJECT], model_frames(), "frames");
    world_expect_equal(vm->counts.copies - world.copies_before, world.copies, "copies");
}

static void world_end(void)
{
    for (uint32_t process = 0; process < PROCESSES; process++) {
        struct space *space = world.fake.vm.spaces[process];

        for (uint32_t page = 0; space && page < PAGES; page++)
            if (world.process[process].mapped[page])
                step_touch(space, page, false);
    }
    world_check();
    for (uint32_t process = 0; process < PROCESSES; process++)
        if (world.fake.vm.spaces[process])
            fake_destroy_space(&world.fake, world.fake.vm.spaces[process]);
    world_expect_equal(world.fake.entries, 0, "pages mapped when all processes are gone");
    world_expect_equal(world.fake.vm.table.counts[PAGE_FREE], world.fake.free_pages,
                       "free frames when all processes are gone");
    world_expect_equal(world.fake.vm.commit.pages, 0, "promises when all processes are gone");
}

static struct world_key world_key(void)
{
    return world_key_of(&world.fake);
}

/* ---- the searches ---- */

static struct world_counts world_search_kind(enum kind kind, bool clones, enum action last,
                                             uint32_t depth)
{
    static const struct world_steps steps = {.count = ACTIONS * PROCESSES * PAGES,
                                             .begin = world_make,
                                             .may = step_may,
                                             .apply = step_apply,
                                             .check = world_check,
                                             .end = world_end,
                                             .key = world_key,
                                             .name = step_name};
    struct world_counts counts;
    char name[32];

    memset(world.under, 0, sizeof(world.under));
    for (uint32_t i = 0; kind == KIND_FILE && i < sizeof(world.under); i++)
        world.under[i] = (uint8_t)(i % 251 + 1);
    fake_init(&world.fake, kind == KIND_LOCKED ? FRAMES + RESERVE : FRAMES);
    fake_add_file(&world.fake, "data", world.under, sizeof(world.under), true);
    fake_start(&world.fake);
    world.fake.vm.fork_clones = clones;
    world.kind = kind;
    world.last = last;
    snprintf(name, sizeof(name), "%s%s%s", kind_names[kind], clones ? "-clone" : "",
             last == STEP_UNMAP ? "-unmap" : "");
    counts = world_search(&steps, name, world_number("DEPTH", depth));
    world_counts_note(&counts, name);
    fake_free(&world.fake);
    return counts;
}

static void world_search_kinds(bool clones, enum action last, uint32_t depth)
{
    struct world_counts sum = {.complete = true};

    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct world_counts counts = world_search_kind(kind, clones, last, depth);

        world_counts_add(&sum, &counts);
    }
    world_counts_note(&sum, "all kinds");
}

TEST("in every order of fork, write, read and exit each process sees its bytes in its frames")
{
    world_search_kinds(false, STEP_READ, 6);
}

TEST("the same where fork fills the child's tables")
{
    world_search_kinds(true, STEP_READ, 6);
}

TEST("the same where pages are dropped and unmapped too, to a depth")
{
    world_search_kinds(false, STEP_UNMAP, 5);
}
