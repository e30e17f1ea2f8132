/* All layouts of a few pages, each page one of an alphabet, and on each every memory call with every range of
 * pages, beside a model that is an array of pages: errors, rights, contents, areas, frames and promises.
 *
 * An id is the layout, the call, its range, where it goes, and how it is spoilt: WORLD=.wwr/move/1-3/0/0.
 * PAGES=n in the environment says how many pages the layouts have. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/sim/world.c tests/sim/world_machine.c */
/* sources: tests/sim/world_pages.c tests/sim/world_pages_move.c tests/sim/world_calls.c */
#include "harness.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "memory_values.h"
#include "world.h"
#include "world_calls.h"
#include "world_machine.h"

#define FRAMES    (64u + VM_POPULATE_RESERVE) /* calls fill pages while that many are free */
#define PAGES_MAX 6u
#define RW        (PROT_READ | PROT_WRITE)
#define PRIVATE   (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED    (MAP_SHARED | MAP_ANONYMOUS)

/* What a page may be.  A hole has no name but its letter. */
struct symbol {
    char letter;
    struct pages_mapping mapping;
    bool locked;
    bool random;
    bool written;
    bool again; /* written again, after the fork */
};

static const struct symbol symbols[] = {
    {'.', {0}, 0, 0, 0, 0},
    {'a', {RW, PRIVATE, 0, 0}, 0, 0, 0, 0},
    {'w', {RW, PRIVATE, 0, 0}, 0, 0, 1, 0},
    {'b', {RW, PRIVATE, 0, 0}, 0, 0, 1, 1},
    {'r', {PROT_READ, PRIVATE, 0, 0}, 0, 0, 0, 0},
    {'n', {PROT_NONE, PRIVATE, 0, 0}, 0, 0, 0, 0},
    {'v', {RW, PRIVATE | MAP_NORESERVE, 0, 0}, 0, 0, 1, 0},
    {'l', {RW, PRIVATE, 0, 0}, 1, 0, 1, 0},
    {'d', {RW, PRIVATE, 0, 0}, 0, 1, 1, 0},
    {'s', {RW, SHARED, 0, 0}, 0, 0, 1, 0},
    {'f', {RW, MAP_PRIVATE, 1, 0}, 0, 0, 0, 0},
    {'g', {RW, MAP_PRIVATE, 1, 0}, 0, 0, 1, 0},
    {'o', {PROT_READ, MAP_SHARED, 1, 0}, 0, 0, 0, 0},
};

static struct calls_world world;

static struct {
    char layout[PAGES_MAX + 1];
    uint32_t pages;
    bool forked;
    bool stands; /* the layout is made, and as it was made */
    struct call_case asked;
    uint64_t layouts;
    uint64_t cases;
} run;

/* ---- ids ---- */

static void run_describe(char *id)
{
    const struct call_case *asked = &run.asked;

    snprintf(id, WORLD_ID_BYTES, "%s%s/%s/%u-%u/%u/%u", run.layout, run.forked ? "+fork" : "",
             asked->call ? asked->call->name : "", (unsigned)asked->first, (unsigned)asked->end,
             (unsigned)asked->to, (unsigned)asked->skew);
}

/* True if the wanted id, if there is one, can be of this layout. */
static bool run_wants_layout(void)
{
    const char *wanted = world_wanted();
    char id[WORLD_ID_BYTES];

    if (!wanted)
        return true;
    snprintf(id, sizeof(id), "%s%s/", run.layout, run.forked ? "+fork" : "");
    return strncmp(id, wanted, strlen(id)) == 0;
}

/* ---- comparing ---- */

static void check_page(const struct space *space, uint32_t at, const struct pages_page *page)
{
    uint64_t address = calls_address(at);
    const struct entry *entry = entry_find(&space->map, address);
    const uint8_t *contents;

    world_expect(page->mapped == (entry != NULL), "what is mapped");
    if (!entry)
        return;
    world_expect_equal(entry->protection, page->protection, "the protection");
    world_expect_equal(entry->max_protection, page->max_protection, "the highest protection");
    world_expect_equal(entry->inheritance == ENTRY_SHARE, page->shared, "what is shared");
    world_expect_equal(entry->wired, page->wired, "what is locked");
    world_expect_equal(entry->advice, page->advice, "the advice");
    world_expect_equal(entry->charge, page->charge, "the kind of promise");
    world_expect_equal(entry->use, page->heap ? ENTRY_HEAP : ENTRY_MAPPED, "the use");
    world_expect_equal(entry->start == address, pages_begins(&world.pages, space->id, at),
                       "where an area begins");
    contents = world_find_page(&world.fake, space, address);
    if (!contents)
        contents = page_contents(&world.fake.vm.table, world.fake.vm.zero_page);
    world_expect_equal(contents[77], pages_byte(&world.pages, page), "the byte of a page");
}

static void check_space(const struct space *space)
{
    for (uint32_t i = 0; i < PAGES_ALL; i++)
        check_page(space, i, &world.pages.page[space->id][i]);
    world_expect_equal(space->map.count, pages_count_areas(&world.pages, space->id) + 1, "areas");
}

static void check_all(void)
{
    struct vm *vm = &world.fake.vm;
    const char *broken = world_check_machine(&world.fake);

    world_expect(!broken, broken);
    for (uint32_t id = 0; id < PAGES_SPACES && vm->spaces[id]; id++)
        check_space(vm->spaces[id]);
    world_expect_equal(vm->table.counts[PAGE_OBJECT], pages_count_frames(&world.pages) + 1,
                       "frames");
    world_expect_equal(vm->commit.pages, pages_count_promises(&world.pages) + 1, "promises");
}

/* ---- a layout ---- */

static void layout_begin_space(void)
{
    struct vm_map_request request = {.address = CALLS_VECTOR,
                                     .bytes = CALLS_PAGE,
                                     .protection = RW,
                                     .flags = SHARED | MAP_FIXED};
    uint64_t at;
    uint8_t byte = 0;

    world.space = space_create(&world.fake.vm, 1);
    world_expect(world.space && world.space->id == 0, "no space");
    world_expect_equal((uint64_t)vm_map(&world.fake.vm, world.space, &request, &at), 0, "mmap");
    world_expect(fake_touch(&world.fake, world.space, at, FL_ACCESS_WRITE, &byte) == FAKE_DONE,
                 "the vector");
}

static const struct symbol *layout_symbol(uint32_t page)
{
    const struct symbol *symbol = symbols;

    while (symbol->letter != run.layout[page])
        symbol++;
    return symbol;
}

static void layout_make_page(uint32_t page, const struct symbol *symbol)
{
    struct pages_range one = {0, page, page + 1};
    struct vm *vm = &world.fake.vm;

    if (symbol->letter == '.')
        return;
    calls_map(&world, page, &symbol->mapping);
    if (symbol->random)
        world_expect_equal(
            (uint64_t)vm_advise(vm, world.space, calls_address(page), CALLS_PAGE, MADV_RANDOM),
            (uint64_t)pages_advise(&world.pages, &one, MADV_RANDOM), "madvise");
    if (symbol->locked)
        world_expect_equal((uint64_t)vm_wire(vm, world.space, calls_address(page), CALLS_PAGE, 0),
                           (uint64_t)pages_lock(&world.pages, &one, true), "mlock");
}

static void layout_make(void)
{
    memset(&world.pages, 0, sizeof(world.pages));
    layout_begin_space();
    for (uint32_t i = 0; i < run.pages; i++)
        layout_make_page(i, layout_symbol(i));
    for (uint32_t i = 0; i < run.pages; i++)
        if (layout_symbol(i)->written)
            calls_touch(&world, 0, i, FL_ACCESS_WRITE, (uint8_t)(0x80 + i));
    if (run.forked) {
        struct space *child = space_create(&world.fake.vm, 2);

        world_expect(child && vm_fork(&world.fake.vm, world.space, child) == 0, "fork");
        pages_fork(&world.pages);
        for (uint32_t i = 0; i < run.pages; i++)
            if (layout_symbol(i)->again)
                calls_touch(&world, 0, i, FL_ACCESS_WRITE, (uint8_t)(0xc0 + i));
    }
    run.stands = true;
}

static void layout_end(void)
{
    struct vm *vm = &world.fake.vm;

    for (uint32_t id = PAGES_SPACES; id-- > 0;)
        if (vm->spaces[id])
            fake_destroy_space(&world.fake, vm->spaces[id]);
    world_expect_equal(world.fake.entries, 0, "pages mapped when all spaces are gone");
    world_expect_equal(vm->table.counts[PAGE_FREE], world.fake.free_pages,
                       "free frames when all spaces are gone");
    world_expect_equal(vm->commit.pages, 0, "promises when all spaces are gone");
    run.stands = false;
}

/* What programs see: every page is read, then written by the space that made the call. */
static void layout_touch_all(void)
{
    for (uint32_t id = 0; id < PAGES_SPACES && world.fake.vm.spaces[id]; id++)
        for (uint32_t i = 0; i < PAGES_ALL; i++)
            if (world.pages.page[id][i].mapped)
                calls_touch(&world, id, i, FL_ACCESS_READ, 0);
    for (uint32_t i = 0; i < PAGES_ALL; i++)
        if (world.pages.page[0][i].mapped)
            calls_touch(&world, 0, i, FL_ACCESS_WRITE, (uint8_t)(0x20 + i));
    check_all();
}

/* ---- cases ---- */

/* Where nothing changed, the layout stands for the next case. */
static void run_case(void)
{
    struct pages before;

    if (!calls_has_case(&run.asked) || !world_wants())
        return;
    if (!run.stands)
        layout_make();
    before = world.pages;
    calls_make(&world, &run.asked);
    check_all();
    run.cases++;
    if (memcmp(&before, &world.pages, sizeof(before)) == 0)
        return;
    layout_touch_all();
    layout_end();
}

static void run_range(const struct call *call, uint32_t first, uint32_t end)
{
    run.asked = (struct call_case){.call = call, .first = first, .end = end};
    for (run.asked.to = 0; run.asked.to <= (calls_takes_target(call) ? run.pages : 0);
         run.asked.to++)
        run_case();
    run.asked.to = 0;
    for (enum calls_skew skew = SKEW_TAIL; skew < SKEWS && first == 0; skew++) {
        run.asked.skew = skew;
        run_case();
    }
}

static void run_layout(void)
{
    if (!run_wants_layout())
        return;
    run.layouts++;
    for (const struct call *call = calls_all; call < calls_all + calls_count; call++)
        for (uint32_t first = 0; first < run.pages; first++)
            for (uint32_t end = first + 1; end <= run.pages; end++)
                run_range(call, first, end);
    if (run.stands)
        layout_end();
}

static void run_layouts(const char *alphabet, uint32_t page)
{
    if (page == run.pages) {
        run_layout();
        return;
    }
    for (const char *letter = alphabet; *letter; letter++) {
        run.layout[page] = *letter;
        run_layouts(alphabet, page + 1);
    }
}

/* The file is open in a space behind those of the worlds, which keeps slabs from coming and going too. */
static void run_open_file(void)
{
    struct vm *vm = &world.fake.vm;
    struct space *space[PAGES_SPACES + 1];
    uint32_t handle;

    for (uint32_t i = 0; i <= PAGES_SPACES; i++)
        space[i] = space_create(vm, 1);
    for (uint32_t i = 0; i < PAGES_SPACES; i++)
        fake_destroy_space(&world.fake, space[i]);
    CHECK_EQ(handle_open(vm, space[PAGES_SPACES], &handle), 0);
    world.file = object_open_file(vm, fake_find_file(&world.fake, "data"));
    space[PAGES_SPACES]->handles[handle]->file = world.file;
}

static void run_alphabet(const char *alphabet, bool forked, uint32_t pages)
{
    static uint8_t data[PAGES_ALL * FL_PAGE_BYTES];

    for (uint32_t i = 0; i < sizeof(data); i++)
        data[i] = pages_file_byte(i / FL_PAGE_BYTES);
    memset(&run, 0, sizeof(run));
    run.pages = world_number("PAGES", pages);
    CHECK(run.pages <= PAGES_MAX);
    run.forked = forked;
    world_begin(run_describe);
    fake_init(&world.fake, FRAMES);
    fake_add_file(&world.fake, "data", data, sizeof(data), true);
    fake_start(&world.fake);
    run_open_file();
    world.fake.free_pages = world.fake.vm.table.counts[PAGE_FREE];
    run_layouts(alphabet, 0);
    harness_note("%u pages of \"%s\": %" PRIu64 " layouts, %" PRIu64 " cases", (unsigned)run.pages,
                 alphabet, run.layouts, run.cases);
    fake_free(&world.fake);
}

TEST("every call does on every layout what it does to an array of pages")
{
    run_alphabet(".awrfs", false, 3);
}

TEST("the same where neighbours differ in one attribute each")
{
    run_alphabet(".awnvldsgo", false, 2);
}

TEST("the same where a child shows the pages too")
{
    run_alphabet(".awbsg", true, 3);
}
