/* Programs on the simulated machine: harts, TLBs and tables of mm/ under the pager's core. */
/* sources: tests/sim/sim_machine.c tests/sim/sim_tlb.c tests/sim/sim_mmu.c tests/sim/sim_fence.c */
/* sources: tests/sim/sim_check.c tests/sim/sim_assert.c tests/sim/sim_kernel.c tests/sim/sim_port.c */
/* sources: tests/sim/sim_kernel_start.c tests/sim/sim_kernel_check.c tests/unit/pager_fake.c */
/* sources: mm/[a-z]*.c user/pager/core/[a-z]*.c */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c */
#include <string.h>

#include "harness.h"
#include "memory_values.h"
#include "sim_kernel.h"

#define WORLD 0x400000ull
#define PAGES 12u

static struct sim_kernel kernel;
static struct sim_kernel_config config;

static uint8_t file_data[3 * FL_PAGE_BYTES];

static void start(uint32_t harts, uint32_t asid_bits, bool sets_ad)
{
    for (uint32_t i = 0; i < sizeof file_data; i++)
        file_data[i] = (uint8_t)(i / FL_PAGE_BYTES + 50);
    config = (struct sim_kernel_config){
        .machine = {.harts = harts,
                    .asid_bits = asid_bits,
                    .frames = 160,
                    .sets_ad = sets_ad,
                    .caches_invalid = true,
                    .evict_chance = 4,
                    .ahead_chance = 4,
                    .seed = 1},
        .files = 2,
        .file = {{"odd", file_data, 5000, false}, {"lib", file_data, sizeof file_data, true}}};
    sim_kernel_start(&kernel, &config);
}

static void check(void)
{
    const char *broken = sim_kernel_check(&kernel);

    if (broken != NULL)
        harness_fail(__FILE__, __LINE__, broken);
}

/* One byte, by a program: its address, or NULL when it is stopped. */
static uint8_t *touch(uint32_t hart, struct space *space, uint64_t address, uint32_t access)
{
    for (uint32_t turn = 0; turn < 4; turn++) {
        enum vspace_look look;
        pte_t entry;
        struct vm_fault fault = {.address = address, .access = access};
        struct vm_answer answer;
        uint8_t *byte = sim_machine_touch(hart, (vaddr_t){address}, access, &look, &entry);

        if (byte != NULL)
            return byte;
        if (sim_kernel_fault(&kernel, space, &fault, &answer) != VM_RESUME)
            return NULL;
        CHECK_EQ(sim_kernel_reply(&kernel, space, &answer), FL_OK);
    }
    harness_fail(__FILE__, __LINE__, "an access faults for ever");
}

static void run(uint32_t hart, const struct space *space)
{
    sim_machine_load(hart, &kernel.space[space->id]);
}

static void map(struct space *space, uint64_t address, uint64_t pages)
{
    struct vm_map_request request = {.address = address,
                                     .bytes = pages * FL_PAGE_BYTES,
                                     .protection = PROT_READ | PROT_WRITE,
                                     .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};
    uint64_t at;

    CHECK_EQ(vm_map(&kernel.vm, space, &request, &at), 0);
    CHECK_EQ(at, address);
}

static void live(uint32_t harts, uint32_t asid_bits, bool sets_ad, bool clones)
{
    struct space *parent, *child;

    start(harts, asid_bits, sets_ad);
    kernel.vm.fork_clones = clones;
    parent = sim_kernel_create(&kernel, 1);
    CHECK(parent != NULL);
    map(parent, WORLD, PAGES);
    for (uint32_t h = 0; h < harts; h++)
        run(h, parent);
    for (uint32_t p = 0; p < PAGES; p++)
        *touch(p % harts, parent, WORLD + p * FL_PAGE_BYTES, FL_ACCESS_WRITE) = (uint8_t)p;
    for (uint32_t p = 0; p < PAGES; p++)
        for (uint32_t h = 0; h < harts; h++)
            CHECK_EQ(*touch(h, parent, WORLD + p * FL_PAGE_BYTES, FL_ACCESS_READ), p);
    check();
    child = sim_kernel_fork(&kernel, parent, 2);
    CHECK(child != NULL);
    check();
    for (uint32_t p = 0; p < PAGES; p += 2)
        *touch(0, parent, WORLD + p * FL_PAGE_BYTES, FL_ACCESS_WRITE) += 50;
    run(harts - 1, child);
    for (uint32_t p = 0; p < PAGES; p++)
        CHECK_EQ(*touch(harts - 1, child, WORLD + p * FL_PAGE_BYTES, FL_ACCESS_READ), p);
    for (uint32_t p = 0; p < PAGES; p++)
        *touch(harts - 1, child, WORLD + p * FL_PAGE_BYTES, FL_ACCESS_WRITE) += 100;
    check();
    run(0, parent);
    for (uint32_t p = 0; p < PAGES; p++)
        CHECK_EQ(*touch(0, parent, WORLD + p * FL_PAGE_BYTES, FL_ACCESS_READ),
                 p % 2 == 0 ? p + 50 : p);
    CHECK_EQ(vm_unmap(&kernel.vm, parent, WORLD, 4 * FL_PAGE_BYTES), 0);
    CHECK(touch(0, parent, WORLD, FL_ACCESS_READ) == NULL);
    check();
    sim_kernel_destroy(&kernel, parent);
    check();
    run(0, child);
    for (uint32_t p = 0; p < PAGES; p++)
        CHECK_EQ(*touch(0, child, WORLD + p * FL_PAGE_BYTES, FL_ACCESS_READ), p + 100);
    sim_kernel_destroy(&kernel, child);
    check();
    CHECK_EQ(kernel.vm.table.counts[PAGE_FREE], kernel.free_pages);
}

TEST("a program lives, forks and ends on any number of harts, with any ASIDs, and leaves nothing")
{
    static const uint32_t bits[] = {0, 1, 2, 16};

    for (uint32_t harts = 1; harts <= SIM_HARTS; harts++)
        for (uint32_t b = 0; b < sizeof bits / sizeof *bits; b++)
            for (uint32_t way = 0; way < 4; way++)
                live(harts, bits[b], (way & 1) != 0, (way & 2) != 0);
}

/* --- replies ------------------------------------------------------------------------------- */

static struct space *start_one(void)
{
    struct space *space;

    start(1, 16, true);
    space = sim_kernel_create(&kernel, 1);
    CHECK(space != NULL);
    map(space, WORLD, PAGES);
    run(0, space);
    return space;
}

static pte_t entry_of(const struct space *space, uint64_t address)
{
    return sim_machine_entry(&kernel.space[space->id], (vaddr_t){address});
}

/* The core's answer to a fault that is not looked at by the machine. */
static struct vm_answer answer_to(struct space *space, uint64_t address, uint32_t access)
{
    struct vm_fault fault = {.address = address, .access = access};
    struct vm_answer answer;

    CHECK_EQ(sim_kernel_fault(&kernel, space, &fault, &answer), VM_RESUME);
    return answer;
}

static void map_file(struct space *space, const char *name, uint64_t address)
{
    struct vm_map_request request = {.address = address,
                                     .bytes = sizeof file_data,
                                     .protection = PROT_READ | PROT_EXEC,
                                     .flags = MAP_PRIVATE | MAP_FIXED,
                                     .readable = true};
    uint64_t at;

    request.file =
        object_open_file(&kernel.vm, cpio_index_find(&kernel.files, name, (uint32_t)strlen(name)));
    CHECK(request.file != NULL);
    CHECK_EQ(vm_map(&kernel.vm, space, &request, &at), 0);
    object_release(&kernel.vm, request.file);
}

static void end_one(struct space *space)
{
    check();
    sim_kernel_destroy(&kernel, space);
    check();
}

TEST("a reply maps the page that was touched and its neighbours, from where they lie in the initrd")
{
    struct space *space = start_one();
    struct vm_answer answer;

    map_file(space, "lib", WORLD + 0x100000);
    answer = answer_to(space, WORLD + 0x101000, FL_ACCESS_READ);
    CHECK(answer.count > 1);
    CHECK_EQ(sim_kernel_reply(&kernel, space, &answer), FL_OK);
    for (uint32_t p = 0; p < 3; p++) {
        pte_t entry = entry_of(space, WORLD + 0x100000 + p * FL_PAGE_BYTES);

        CHECK(sv39_is_valid(entry) && (entry.bits & (PTE_W | PTE_CEIL_W)) == 0);
        CHECK_EQ(*sim_machine_contents(sv39_frame(entry)), p + 50);
        CHECK_EQ(sim_kernel_page_of(&kernel, sv39_frame(entry)), PAGE_NONE);
    }
    end_one(space);
}

TEST("a reply that is refused for want of a table is repeated with the page that was touched alone")
{
    struct space *space = start_one();
    struct vm_answer answer;

    map_file(space, "lib", WORLD + 0x100000);
    answer = answer_to(space, WORLD + 0x101000, FL_ACCESS_READ);
    kernel.reply_refusals = 1;
    CHECK_EQ(sim_kernel_reply(&kernel, space, &answer), FL_OK);
    CHECK(sv39_is_valid(entry_of(space, WORLD + 0x101000)));
    CHECK(!sv39_is_valid(entry_of(space, WORLD + 0x100000)));
    CHECK(!sv39_is_valid(entry_of(space, WORLD + 0x102000)));
    end_one(space);
}

TEST("a reply with one item that the kernel refuses maps none of them")
{
    struct space *space = start_one();
    struct vm_answer answer;

    map_file(space, "lib", WORLD + 0x100000);
    answer = answer_to(space, WORLD + 0x101000, FL_ACCESS_READ);
    answer.mapping[answer.count - 1].rights |= FL_RIGHT_WRITE; /* of the initrd */
    CHECK_EQ(sim_kernel_reply(&kernel, space, &answer), FL_NO_RIGHT);
    for (uint64_t p = 0; p < 3; p++)
        CHECK(!sv39_is_valid(entry_of(space, WORLD + 0x100000 + p * FL_PAGE_BYTES)));
    CHECK_STRING(kernel.broken, "an answer that the kernel refuses");
    CHECK_STRING(sim_kernel_check(&kernel), kernel.broken);
    CHECK(space->stopped);
}

TEST("tables are lent as they are needed, and come back when a space has ended")
{
    struct space *space;

    start(1, 16, true);
    space = sim_kernel_create(&kernel, 1);
    run(0, space);
    for (uint64_t i = 0; i < 30; i++) {
        map(space, WORLD + i * 0x40000000, 1); /* three tables for each but the first */
        *touch(0, space, WORLD + i * 0x40000000, FL_ACCESS_WRITE) = (uint8_t)i;
    }
    CHECK_EQ(kernel.space[space->id].tables, 61);
    CHECK(kernel.vm.table_frames > 61);
    end_one(space);
    CHECK_EQ(kernel.vm.table_frames, kernel.pool.spare);
    CHECK_EQ(kernel.vm.table.counts[PAGE_FREE], kernel.free_pages);
}

/* Takes all free pages but some; they are only not free, so no check of pages is made. */
static void leave_pages(uint32_t left)
{
    while (kernel.vm.table.counts[PAGE_FREE] > left)
        page_allocate(&kernel.vm.table, PAGE_LENT);
}

TEST("without a frame for a table a program is stopped, but one faults again while another is to "
     "end")
{
    struct space *space = start_one(), *child = sim_kernel_fork(&kernel, space, 2);
    struct vm_answer answer, later = answer_to(child, WORLD + FL_PAGE_BYTES, FL_ACCESS_WRITE);

    touch(0, space, WORLD, FL_ACCESS_READ); /* shows the zero page, until the write is answered */
    answer = answer_to(space, WORLD, FL_ACCESS_WRITE);
    leave_pages(0);
    kernel.reply_refusals = 2;
    CHECK_EQ(sim_kernel_reply(&kernel, space, &answer), FL_NO_TABLE);
    CHECK(space->stopped);
    CHECK_EQ(sim_kernel_reply(&kernel, child, &later), FL_MORE);
    CHECK(!child->stopped);
    CHECK(kernel.broken == NULL);
    CHECK(!sv39_is_valid(entry_of(space, WORLD)));
    CHECK(!sv39_is_valid(entry_of(child, WORLD + FL_PAGE_BYTES)));
    CHECK_EQ(sim_kernel_reply(&kernel, child, &later), FL_OK);
}

TEST("a map ahead of faults that is refused leaves the pages to their faults")
{
    struct space *space = start_one();

    kernel.map_refusals = 1;
    CHECK_EQ(vm_populate(&kernel.vm, space, WORLD, WORLD + PAGES * FL_PAGE_BYTES), 0);
    CHECK_EQ(kernel.map_refusals, 0);
    CHECK(touch(0, space, WORLD + FL_PAGE_BYTES, FL_ACCESS_WRITE) != NULL);
    end_one(space);
}

TEST("a space has no tables when there is no frame for its object or its root")
{
    struct space *space;

    start(1, 16, true);
    space = space_create(&kernel.vm, 1);
    leave_pages(0);
    CHECK(!sim_kernel_attach(&kernel, space));
    while (kernel.pool.spare > 0) {
        frame_t frame;

        CHECK_EQ(table_pool_withdraw(&kernel.pool, &frame), FL_OK);
    }
    page_release(&kernel.vm.table, kernel.vm.table.count - 1);
    CHECK(!sim_kernel_attach(&kernel, space));
    CHECK_EQ(kernel.vm.table.counts[PAGE_FREE], 1);
}

/* --- memory -------------------------------------------------------------------------------- */

static enum fl_error map_slot(const struct space *space, uint32_t slot, uint64_t page,
                              uint64_t pages, uint32_t rights)
{
    struct vm_mapping mapping = {
        .address = WORLD + 0x200000, .page = page, .pages = pages, .slot = slot, .rights = rights};
    bool done;

    kernel.broken = NULL;
    done = kernel.vm.port.map(&kernel, space->id, &mapping);
    CHECK_EQ(done, kernel.broken == NULL);
    return done ? FL_OK : FL_NO_RIGHT;
}

TEST("a slot may be mapped as far as its memory and its rights go")
{
    const uint32_t r = FL_RIGHT_READ, w = FL_RIGHT_WRITE, x = FL_RIGHT_EXEC;
    struct space *space = start_one();
    uint64_t low = kernel.slot[0].pages;

    CHECK_EQ(map_slot(space, SIM_SLOT_RAM, 0, 1, r | w | x), FL_OK);
    CHECK_EQ(map_slot(space, SIM_SLOT_RAM, low - 1, 2, r), FL_NO_RIGHT);
    CHECK_EQ(map_slot(space, SIM_SLOT_RAM + 2, 0, 1, r), FL_NO_RIGHT);
    CHECK_EQ(map_slot(space, SIM_SLOT_INITRD, 0, 1, r | x | FL_MAP_REPLACE), FL_OK);
    CHECK_EQ(map_slot(space, SIM_SLOT_INITRD, 0, 1, r | w), FL_NO_RIGHT);
    CHECK_EQ(map_slot(space, SIM_SLOT_ZERO, 0, 1, r | FL_MAP_REPLACE), FL_OK);
    CHECK_EQ(map_slot(space, SIM_SLOT_ZERO, 0, 1, r | x), FL_NO_RIGHT);
    CHECK_EQ(map_slot(space, SIM_SLOT_ZERO, 1, 1, r), FL_NO_RIGHT);
    CHECK_EQ(map_slot(space, SIM_SLOT_DEVICE, 2, 1, r | w | FL_MAP_REPLACE), FL_OK);
    CHECK_EQ(map_slot(space, SIM_SLOT_DEVICE, 0, 1, r | x), FL_NO_RIGHT);
    CHECK_EQ(map_slot(space, SIM_SLOT_DEVICE, 1, SIM_DEVICE_PAGES, r), FL_NO_RIGHT);
    CHECK_EQ(map_slot(space, SIM_SLOT_RAM, 0, 1, w), FL_NO_RIGHT);
}

TEST("the two ranges of RAM have frames of others between them, and the window has not")
{
    uint32_t low, count;

    start(1, 16, true);
    low = (uint32_t)kernel.slot[0].pages;
    count = kernel.vm.table.count;
    CHECK_EQ(count, 160);
    for (uint32_t page = 0; page < count; page++) {
        struct object_page at;
        const struct sim_slot *slot = &kernel.slot[page < low ? 0 : 1];

        vm_page_locate(&kernel.vm, page, &at);
        CHECK_EQ(at.slot, slot->slot);
        *(uint8_t *)page_contents(&kernel.vm.table, page) ^= 1;
        CHECK_EQ(*sim_machine_contents(frame_plus(slot->first, at.page)),
                 *(const uint8_t *)at.contents);
        CHECK_EQ(sim_kernel_page_of(&kernel, frame_plus(slot->first, at.page)), page);
    }
    CHECK(kernel.slot[1].first.value > kernel.slot[0].first.value + low);
    CHECK_EQ(sim_kernel_page_of(&kernel, frame_plus(kernel.slot[0].first, low)), PAGE_NONE);
}

TEST("a message buffer is a program's to write, and a child gets a copy of its own")
{
    struct space *space = start_one(), *child;

    CHECK(sim_kernel_give_buffer(&kernel, space));
    *touch(0, space, FL_BUFFER, FL_ACCESS_WRITE) = 77;
    child = sim_kernel_fork(&kernel, space, 2);
    CHECK(child != NULL);
    CHECK(child->buffer != space->buffer);
    CHECK_EQ(*(const uint8_t *)page_contents(&kernel.vm.table, child->buffer), 77);
    check();
    sim_kernel_destroy(&kernel, child);
    end_one(space);
}

static uint32_t meanwhile_calls;

static void count_meanwhile(void *context)
{
    (void)context;
    meanwhile_calls++;
}

TEST("others run at the start and the end of each call of the core's port and of each reply")
{
    struct space *space = start_one();
    const struct vm_port *port = &kernel.vm.port;
    struct vm_answer answer = answer_to(space, WORLD, FL_ACCESS_WRITE);
    struct vm_mapping mapping = answer.mapping[0];

    sim_machine_set_meanwhile(count_meanwhile, NULL);
    meanwhile_calls = 0;
    CHECK_EQ(sim_kernel_reply(&kernel, space, &answer), FL_OK);
    CHECK_EQ(meanwhile_calls, 2);
    meanwhile_calls = 0;
    CHECK(port->map(&kernel, space->id, &mapping));
    CHECK_EQ(meanwhile_calls, 2);
    meanwhile_calls = 0;
    port->make_read_only(&kernel, space->id, WORLD, 1);
    CHECK_EQ(meanwhile_calls, 2 + 2); /* and before and after its fence on one hart */
    meanwhile_calls = 0;
    port->unmap(&kernel, space->id, WORLD, 1);
    CHECK_EQ(meanwhile_calls, 2 + 2);
}

/* --- the checks see what is broken --------------------------------------------------------- */

TEST("K1: a page that the core gave away while it is mapped")
{
    struct space *space = start_one();
    uint32_t page;

    touch(0, space, WORLD, FL_ACCESS_WRITE);
    page = sim_kernel_page_of(&kernel, sv39_frame(entry_of(space, WORLD)));
    CHECK_EQ(kernel.vm.table.pages[page].state, PAGE_OBJECT);
    for (enum page_state state = PAGE_FREE; state < PAGE_STATES; state++) {
        kernel.vm.table.pages[page].state = (uint8_t)state;
        if (state == PAGE_OBJECT || state == PAGE_WRITING || state == PAGE_BUFFER ||
            state == PAGE_MERGED)
            CHECK(sim_kernel_check_fast(&kernel) == NULL);
        else
            CHECK_STRING(sim_kernel_check_fast(&kernel), "K1");
    }
}

TEST("K2: the zero page, or a page of the initrd, that a program may write")
{
    struct space *space = start_one();
    struct vspace_run writable = {.address = {WORLD + 0x3000},
                                  .pages = 1,
                                  .rights = FL_RIGHT_READ | FL_RIGHT_WRITE,
                                  .ceiling = FL_RIGHT_WRITE};

    touch(0, space, WORLD, FL_ACCESS_READ);
    check();
    for (uint32_t slot = 2; slot < SIM_SLOTS; slot++) {
        writable.first = kernel.slot[slot].first;
        writable.rights |= FL_MAP_REPLACE;
        CHECK_EQ(vspace_map_page(&kernel.space[space->id], &writable), FL_OK);
        if (kernel.slot[slot].slot == SIM_SLOT_DEVICE)
            check();
        else
            CHECK_STRING(sim_kernel_check(&kernel), "K2");
    }
}
