/* All layouts of a few pages, each page one of an alphabet, and on each every memory call with every range of
 * pages, beside a model that is an array of pages: errors, rights, contents, areas, frames and promises.
 *
 * An id is the layout, the call, its range, where it goes, and how it is spoilt: WORLD=.wwr/move/1-3/0/0; the last is of enum calls_skew.
 * Behind the layout may stand +fork (a child shows the pages too) or +swap (pages can leave memory).
 * PAGES=n in the environment says how many pages the layouts have. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/sim/world.c tests/sim/world_machine.c */
/* sources: tests/sim/world_pages.c tests/sim/world_pages_move.c tests/sim/world_calls.c tests/sim/world_disk.c */
#include "harness.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "memory_values.h"
#include "world.h"
#include "world_calls.h"
#include "world_machine.h"

#define FRAMES \
    (64u + PAGES_ALL + VM_POPULATE_RESERVE) /* calls fill pages while that many are free */
#define PAGES_MAX 6u
#define RW        (PROT_READ | PROT_WRITE)
#define PRIVATE   (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED    (MAP_SHARED | MAP_ANONYMOUS)

/* What a page may be; a hole is mapped as nothing. */
struct symbol {
    char letter;
    struct pages_mapping mapping;
    bool locked;
    bool random;
    bool written;
    bool again;     /* written again, after the fork */
    bool gone;      /* unmapped after the fork: the child shows it still */
    bool forbidden; /* PROT_NONE when it was written */
    enum pages_away away;
};

static const struct symbol symbols[] = {
    {'.', {0}, .locked = false},
    {'a', {RW, PRIVATE, 0, 0, 0}, .written = false},
    {'w', {RW, PRIVATE, 0, 0, 0}, .written = true},
    {'b', {RW, PRIVATE, 0, 0, 0}, .written = true, .again = true},
    {'u', {RW, PRIVATE, 0, 0, 0}, .written = true, .gone = true},
    {'z', {RW, PRIVATE, 0, 0, 0}, .written = true, .forbidden = true},
    {'l', {RW, PRIVATE, 0, 0, 0}, .written = true, .locked = true},
    {'d', {RW, PRIVATE, 0, 0, 0}, .written = true, .random = true},
    {'v', {RW, PRIVATE | MAP_NORESERVE, 0, 0, 0}, .written = true},
    {'r', {PROT_READ, PRIVATE, 0, 0, 0}, .written = false},
    {'n', {PROT_NONE, PRIVATE, 0, 0, 0}, .written = false},
    {'s', {RW, SHARED, 0, 0, 0}, .written = true},
    {'e', {RW, PRIVATE, 0, 0, 0}, .written = true, .away = PAGES_OUT},
    {'c', {RW, PRIVATE, 0, 0, 0}, .written = true, .away = PAGES_PACKED},
    {'t', {RW, SHARED, 0, 0, 0}, .written = true, .away = PAGES_OUT},
    {'f', {RW, MAP_PRIVATE, true, 0, 0}, .written = false},
    {'g', {RW, MAP_PRIVATE, true, 0, 0}, .written = true},
    {'o', {PROT_READ, MAP_SHARED, true, false, 0}, .written = false},
    {'q', {PROT_READ, MAP_SHARED, true, true, 0}, .written = false},
};

enum layout_kind { LAYOUT_ALONE, LAYOUT_FORKED, LAYOUT_SWAPS };

static struct calls_world world;
static struct world_disk world_disk;

static struct {
    char layout[PAGES_MAX + 1];
    uint32_t pages;
    bool forked;
    bool swaps;
    uint32_t reads; /* of the disk, before the call */
    bool stands;    /* the layout is made, and as it was made */
    struct call_case asked;
    uint64_t layouts;
    uint64_t cases;
} run;

/* ---- ids ---- */

static const char *run_kind(void)
{
    return run.forked ? "+fork" : run.swaps ? "+swap" : "";
}

static void run_describe(char *id)
{
    const struct call_case *asked = &run.asked;

    snprintf(id, WORLD_ID_BYTES, "%s%s/%s/%u-%u/%u/%u", run.layout, run_kind(),
             asked->call ? asked->call->name : "", (unsigned)asked->first, (unsigned)asked->end,
             (unsigned)asked->to, (unsigned)asked->skew);
}

/* How many pages layouts have: as many as the wanted id, or the environment, says. */
static uint32_t run_find_pages(uint32_t pages)
{
    const char *wanted = world_wanted();

    return wanted ? (uint32_t)strcspn(wanted, "+/") : world_number("PAGES", pages);
}

/* True if the wanted id, if there is one, can be of this layout. */
static bool run_wants_layout(void)
{
    const char *wanted = world_wanted();
    char id[WORLD_ID_BYTES];

    if (!wanted)
        return true;
    snprintf(id, sizeof(id), "%s%s/", run.layout, run_kind());
    return strncmp(id, wanted, strlen(id)) == 0;
}

/* ---- comparing ---- */

/* A page that is away is where the model says, with its bytes; those that the store packed are seen when they are back. */
static bool check_is_away(uint32_t at, const struct pages_page *page, const struct entry *entry,
                          const uint8_t *contents)
{
    enum pages_away away = (enum pages_away)world.pages.cell[page->cell].away;
    uint64_t index = entry_index(entry, calls_address(at)), leaf;
    const struct object *holder;

    if (!page->cell || away == PAGES_HERE)
        return false;
    holder = world_disk_find_holder(entry->object, index);
    leaf = holder ? index_lookup(&holder->index, index) : 0;
    world_expect(!contents, "a page in memory that is to be out");
    world_expect(away == PAGES_OUT ? index_leaf_is_swap(leaf) : index_leaf_is_compressed(leaf),
                 "where a page is");
    if (away == PAGES_OUT)
        world_expect_equal(world_disk.page[SWAP_SLOT_PAGE(index_leaf_slot(leaf))][77],
                           pages_byte(&world.pages, page), "the byte of a page on the disk");
    return true;
}

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
    world_expect_equal(entry->mergeable, page->mergeable, "what may be merged");
    world_expect_equal(entry->charge, page->charge, "the kind of promise");
    world_expect_equal(entry->use, page->heap ? ENTRY_HEAP : ENTRY_MAPPED, "the use");
    world_expect_equal(entry->start == address, pages_begins(&world.pages, space->id, at),
                       "where an area begins");
    contents = world_find_page(&world.fake, space, address);
    if (check_is_away(at, page, entry, contents))
        return;
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

/* Where a page was read from the disk, others that are out may have come with it. */
static void check_note_read_ahead(const struct space *space)
{
    for (uint32_t i = 0; i < PAGES_ALL; i++) {
        const struct pages_page *page = &world.pages.page[space->id][i];

        if (page->cell && world.pages.cell[page->cell].away == PAGES_OUT &&
            world_find_page(&world.fake, space, calls_address(i)))
            pages_move_away(&world.pages, space->id, i, PAGES_HERE);
    }
}

static void check_all(void)
{
    struct vm *vm = &world.fake.vm;
    const char *broken = world_check_machine(&world.fake);

    for (uint32_t id = 0; id < PAGES_SPACES && vm->spaces[id] && world_disk.reads > run.reads; id++)
        check_note_read_ahead(vm->spaces[id]);
    run.reads = world_disk.reads;
    world_expect(!broken, broken);
    for (uint32_t id = 0; id < PAGES_SPACES && vm->spaces[id]; id++)
        check_space(vm->spaces[id]);
    world_expect_equal(vm->table.counts[PAGE_OBJECT],
                       pages_count_frames(&world.pages) + 1 + PAGES_ALL, "frames");
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

/* One of the calls that give a page what its letter says. */
static void layout_call(uint32_t page, const char *name)
{
    const struct call *call = calls_all;

    while (strcmp(call->name, name) != 0)
        call++;
    calls_make(&world, &(struct call_case){.call = call, .first = page, .end = page + 1});
}

static void layout_put_away(uint32_t page, enum pages_away away)
{
    const struct entry *entry = entry_find(&world.space->map, calls_address(page));
    uint64_t index = entry_index(entry, calls_address(page));

    if (away == PAGES_PACKED)
        world_disk_pack(&world_disk, entry->object, index);
    else
        world_disk_put_out(&world_disk, entry->object, index);
    world_disk_settle(&world_disk);
    pages_move_away(&world.pages, 0, page, away);
}

static void layout_fork(void)
{
    struct space *child = space_create(&world.fake.vm, 2);

    world_expect(child && vm_fork(&world.fake.vm, world.space, child) == 0, "fork");
    pages_fork(&world.pages);
}

/* All pages are mapped before any is told apart: so neighbours that differ are parts of one object. */
static void layout_make(void)
{
    pages_begin(&world.pages);
    world.pages.swaps = run.swaps;
    world.disk = run.swaps ? &world_disk : NULL;
    if (run.swaps)
        world_disk_begin(&world_disk, &world.fake);
    run.reads = 0;
    layout_begin_space();
    for (uint32_t i = 0; i < run.pages; i++)
        if (layout_symbol(i)->letter != '.')
            calls_map(&world, i, &layout_symbol(i)->mapping);
    for (uint32_t i = 0; i < run.pages; i++) {
        const struct symbol *symbol = layout_symbol(i);

        if (symbol->written)
            calls_touch(&world, 0, i, FL_ACCESS_WRITE, (uint8_t)(0x80 + i));
        if (symbol->forbidden)
            layout_call(i, "mprotect-none");
        if (symbol->random)
            layout_call(i, "random");
        if (symbol->locked)
            layout_call(i, "mlock");
        if (symbol->away)
            layout_put_away(i, symbol->away);
    }
    if (run.forked)
        layout_fork();
    for (uint32_t i = 0; run.forked && i < run.pages; i++) {
        if (layout_symbol(i)->again)
            calls_touch(&world, 0, i, FL_ACCESS_WRITE, (uint8_t)(0xc0 + i));
        if (layout_symbol(i)->gone)
            layout_call(i, "munmap");
    }
    run.stands = true;
}

/* The file is as it was. */
static void layout_restore_file(void)
{
    uint8_t byte[FL_PAGE_BYTES];
    uint64_t done;

    for (uint32_t i = 0; i < PAGES_ALL; i++) {
        if (world.pages.file[i] == i + 1)
            continue;
        memset(byte, (int)i + 1, sizeof(byte));
        world_expect(object_write(&world.fake.vm, world.file, i * CALLS_PAGE, byte, sizeof(byte),
                                  &done) == 0,
                     "writing the file");
    }
    pages_begin(&world.pages);
}

static void layout_end(void)
{
    struct vm *vm = &world.fake.vm;

    for (uint32_t id = PAGES_SPACES; id-- > 0;)
        if (vm->spaces[id])
            fake_destroy_space(&world.fake, vm->spaces[id]);
    if (run.swaps)
        world_disk_end(&world_disk);
    world_expect_equal(world.fake.entries, 0, "pages mapped when all spaces are gone");
    world_expect_equal(vm->table.counts[PAGE_FREE], world.fake.free_pages,
                       "free frames when all spaces are gone");
    world_expect_equal(vm->commit.pages, 0, "promises when all spaces are gone");
    layout_restore_file();
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

/* The file has a name, and a space behind those of the worlds keeps slabs from coming and going. */
static void run_begin(void)
{
    static const struct name_key key = {NAME_IN_TMP, "file", 4};
    struct vm *vm = &world.fake.vm;
    struct space *space[PAGES_SPACES + 1];

    fake_init(&world.fake, FRAMES);
    fake_start(&world.fake);
    for (uint32_t i = 0; i <= PAGES_SPACES; i++)
        space[i] = space_create(vm, 1);
    for (uint32_t i = 0; i < PAGES_SPACES; i++)
        fake_destroy_space(&world.fake, space[i]);
    world.file = object_create_memory(vm);
    CHECK(world.file && names_create(vm, &key, world.file));
    memset(&world.pages, 0, sizeof(world.pages));
    layout_restore_file();
    world.fake.free_pages = vm->table.counts[PAGE_FREE];
}

static void run_alphabet(const char *alphabet, enum layout_kind kind, uint32_t pages)
{
    memset(&run, 0, sizeof(run));
    run.pages = run_find_pages(pages);
    if (run.pages > PAGES_MAX)
        return; /* an id of other worlds */
    run.forked = kind == LAYOUT_FORKED;
    run.swaps = kind == LAYOUT_SWAPS;
    world_begin(run_describe);
    run_begin();
    run_layouts(alphabet, 0);
    harness_note("%u pages of \"%s\": %" PRIu64 " layouts, %" PRIu64 " cases", (unsigned)run.pages,
                 alphabet, run.layouts, run.cases);
    fake_free(&world.fake);
}

TEST("every call does on every layout what it does to an array of pages")
{
    run_alphabet(".awrfs", LAYOUT_ALONE, 3);
}

/* Four pages have two in the middle.  test-long has four of all kinds, and more. */
TEST("the same on one page more, each none, untouched, private or shared")
{
    run_alphabet(".aws", LAYOUT_ALONE, 4);
}

TEST("the same where neighbours differ in one attribute each")
{
    run_alphabet(".awnvzldsgoq", LAYOUT_ALONE, 2);
}

TEST("the same where a child shows the pages too")
{
    run_alphabet(".awbusg", LAYOUT_FORKED, 3);
}

TEST("the same where pages are out in swap, or compressed")
{
    run_alphabet(".awect", LAYOUT_SWAPS, 3);
}
