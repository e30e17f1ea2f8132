/* Fault-around: which neighbours of a file's page a fault maps, and which it must not. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_mapping_kit.c */
#include "harness.h"

#include <string.h>

#include "pager_mapping_kit.h"
#include "protocol.h"
#include "stock.h"

#define FILE_PAGES 20u

/* Reads page after page of a mapping; returns how many faults that took. */
static uint64_t file_count_faults(struct space *space, uint64_t at, uint64_t pages)
{
    uint64_t faults = fake.faults;

    for (uint64_t i = 0; i < pages; i++)
        CHECK_EQ(file_see(space, at + i * PAGE), (int)(i + 1));
    return fake.faults - faults;
}

/* A private mapping of the file at the start of a table of 2 MiB. */
static uint64_t file_map_aligned(struct space *space, struct object *file, uint64_t first,
                                 uint64_t pages)
{
    struct vm_map_request request = file_request(file, pages, PROT_READ, MAP_PRIVATE | MAP_FIXED);
    uint64_t at;

    request.address = 0x40000000;
    request.offset = first * PAGE;
    CHECK_EQ(vm_map(&fake.vm, space, &request, &at), 0);
    return at;
}

TEST("a fault on a page of a file maps the 64 KiB around it, or what the advice says")
{
    static const struct {
        uint64_t advice;
        uint64_t faults;
    } cases[] = {{MADV_NORMAL, 2}, {MADV_SEQUENTIAL, 1}, {MADV_RANDOM, FILE_PAGES}};

    for (uint32_t i = 0; i < 3; i++) {
        struct space *space;
        struct object *file = file_begin_archive(&space, FILE_PAGES * PAGE, true);
        uint64_t at = file_map_aligned(space, file, 0, FILE_PAGES);

        CHECK_EQ(vm_advise(&fake.vm, space, at, FILE_PAGES * PAGE, cases[i].advice), 0);
        CHECK_EQ(file_count_faults(space, at, FILE_PAGES), cases[i].faults);
        CHECK_EQ(fake.vm.counts.neighbours, FILE_PAGES - cases[i].faults);
        CHECK_EQ(space->minor_faults, cases[i].faults);
        file_end(file);
    }
}

TEST("neighbours lie on both sides of the page, and take no frame")
{
    struct space *space;
    struct object *file = file_begin_archive(&space, FILE_PAGES * PAGE, true);
    uint64_t at = file_map_aligned(space, file, 0, FILE_PAGES);
    struct vm_fault fault = {at + 5 * PAGE, 0, FL_ACCESS_READ};
    struct vm_answer answer;
    uint64_t free_pages = fake.vm.table.counts[PAGE_FREE];

    CHECK_EQ(vm_handle_fault(&fake.vm, space, &fault, &answer), VM_RESUME);
    CHECK_EQ(answer.count, 3);
    CHECK_EQ(answer.mapping[0].address, at + 5 * PAGE);
    CHECK_EQ(answer.mapping[0].pages, 1);
    CHECK(answer.mapping[0].rights & FL_MAP_ACCESSED);
    CHECK_EQ(answer.mapping[1].address, at);
    CHECK_EQ(answer.mapping[1].pages, 5);
    CHECK_EQ(answer.mapping[2].address, at + 6 * PAGE);
    CHECK_EQ(answer.mapping[2].pages, 10);
    CHECK(!(answer.mapping[1].rights & (FL_MAP_ACCESSED | FL_RIGHT_WRITE)));
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], free_pages);
    file_end(file);
}

TEST("neighbours stay inside the entry, and inside one page table")
{
    struct space *space;
    struct object *file = file_begin_archive(&space, FILE_PAGES * PAGE, true);
    struct vm_map_request request =
        file_request(file, FILE_PAGES, PROT_READ, MAP_PRIVATE | MAP_FIXED);
    uint64_t at, table = 0x40200000;
    struct vm_answer answer;

    request.address = table - 3 * PAGE;
    CHECK_EQ(vm_map(&fake.vm, space, &request, &at), 0);
    CHECK_EQ(vm_advise(&fake.vm, space, at, FILE_PAGES * PAGE, MADV_SEQUENTIAL), 0);
    for (uint64_t i = 0; i < 5; i += 3) {
        struct vm_fault fault = {at + i * PAGE, 0, FL_ACCESS_READ};
        const struct vm_mapping *last = &answer.mapping[1];

        CHECK_EQ(vm_handle_fault(&fake.vm, space, &fault, &answer), VM_RESUME);
        CHECK_EQ(answer.count, 2);
        CHECK_EQ(last->address + last->pages * PAGE, i == 0 ? table : at + FILE_PAGES * PAGE);
    }
    file_end(file);
}

TEST("neighbours never lie over pages that the program wrote, before a fork or after")
{
    struct space *space, *child;
    struct object *file = file_begin_archive(&space, FILE_PAGES * PAGE, true);
    uint64_t at = file_map(space, file, 0, FILE_PAGES, MAP_PRIVATE), seed = 1;

    child = space_create(&fake.vm, 2);
    CHECK(file_put(space, at + PAGE, 'p'));
    CHECK_EQ(vm_fork(&fake.vm, space, child), 0);
    CHECK(file_put(child, at + 2 * PAGE, 'c'));
    fake_drop_tables(&fake, space, 256, &seed);
    fake_drop_tables(&fake, child, 256, &seed);
    for (uint64_t i = 0; i < FILE_PAGES; i++) {
        CHECK_EQ(file_see(space, at + i * PAGE), i == 1 ? 'p' : (int)i + 1);
        CHECK_EQ(file_see(child, at + i * PAGE), i == 1 ? 'p' : i == 2 ? 'c' : (int)i + 1);
    }
    file_end(file);
}

TEST("of a file in memory only pages that are there are neighbours, and no hole is filled")
{
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1);
    uint64_t at, faults;

    for (uint64_t i = 0; i < 16; i += 2)
        file_write(file, i * PAGE, "x");
    CHECK_EQ(object_resize(&fake.vm, file, 40 * PAGE), 0);
    at = file_map_aligned(space, file, 0, 40);
    faults = fake.faults;
    for (uint64_t i = 0; i < 16; i += 2)
        CHECK_EQ(file_see(space, at + i * PAGE), 'x');
    CHECK_EQ(fake.faults, faults + 1);
    CHECK_EQ(file->resident, 8);
    for (uint64_t i = 1; i < 16; i += 2)
        CHECK_EQ(file_see(space, at + i * PAGE), 0);
    CHECK_EQ(fake.faults, faults + 9);
    file_end(file);
}

/* Takes all frames, and gives back two: page `page` of the first range is taken first, then the page of the
 * second range with the number behind it. */
static uint32_t around_leave_two(uint32_t *taken, uint32_t page)
{
    struct page_table *table = &fake.vm.table;
    uint32_t first = table->range[0].base + page, second = table->range[1].base + page + 1;
    uint32_t count = 0, number;

    while ((number = page_allocate(table, PAGE_METADATA)) != PAGE_NONE)
        if (number != first && number != second)
            taken[count++] = number;
    page_release(table, second);
    page_release(table, first);
    return count;
}

TEST("a file whose frames were zeroed ahead is mapped in as few answers as any other")
{
    for (uint32_t ahead = 0; ahead < 2; ahead++) {
        struct object *file = file_begin();
        struct space *space = space_create(&fake.vm, 1);
        uint64_t at;

        for (uint64_t page = 0; page < FILE_PAGES; page++) {
            const char byte[] = {(char)(page + 1), '\0'};

            while (ahead && fake.vm.table.zeroed == 0)
                CHECK(stock_fill(&fake.vm) > 0);
            file_write(file, page * PAGE, byte);
        }
        CHECK_EQ(fake.vm.counts.zeroed_taken, ahead * FILE_PAGES);
        at = file_map_aligned(space, file, 0, FILE_PAGES);
        CHECK_EQ(vm_advise(&fake.vm, space, at, FILE_PAGES * PAGE, MADV_SEQUENTIAL), 0);
        CHECK_EQ(file_count_faults(space, at, FILE_PAGES), 1);
        file_end(file);
    }
}

TEST("pages whose numbers follow each other in two ranges of memory are no run")
{
    static uint32_t taken[FRAMES];
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1);
    uint64_t at, done, faults = fake.faults;
    uint32_t count;

    file_write(file, 5 * PAGE, "x");
    at = file_map_aligned(space, file, 0, 6);
    count = around_leave_two(taken, 20);
    CHECK_EQ(object_write(&fake.vm, file, 0, "a", 1, &done), 0);
    CHECK_EQ(object_write(&fake.vm, file, PAGE, "b", 1, &done), 0);
    while (count > 0)
        page_release(&fake.vm.table, taken[--count]);
    CHECK_EQ(file_see(space, at + 5 * PAGE), 'x');
    CHECK_EQ(file_see(space, at), 'a');
    CHECK_EQ(file_see(space, at + PAGE), 'b');
    CHECK_EQ(fake.faults, faults + 1);
    file_end(file);
}

TEST("a write to a page of a file maps that page alone")
{
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1);
    struct vm_answer answer;
    struct vm_fault fault = {.access = FL_ACCESS_WRITE};

    for (uint64_t i = 0; i < 16; i++)
        file_write(file, i * PAGE, "x");
    fault.address = file_map(space, file, 0, 16, MAP_SHARED);
    CHECK_EQ(vm_handle_fault(&fake.vm, space, &fault, &answer), VM_RESUME);
    CHECK_EQ(answer.count, 1);
    file_end(file);
}

TEST("where a program's data end, what follows in its file is no neighbour")
{
    static const struct fake_segment segments[] = {
        {0x10000, 0x1000, 0x1000, 0x1000, 5},
        {0x20000, 0x2000, 2 * FL_PAGE_BYTES + 9, 0x6000, 6},
        {0x30000, 0x6000, 0x1000, 0x1000, 4}};
    static uint8_t data[0x7000];
    struct vm_program program;
    struct space *space;

    memset(data, 0x5a, sizeof(data));
    fake_make_elf(data, segments, 3, 0x10000);
    fake_init(&fake, FRAMES);
    fake_add_file(&fake, "program", data, sizeof(data), true);
    fake_start(&fake);
    space = space_create(&fake.vm, 1);
    CHECK_EQ(vm_load(&fake.vm, space, fake_find_file(&fake, "program"), &program), 0);
    for (uint64_t i = 0; i < 6; i++)
        CHECK_EQ(file_see(space, 0x20000 + i * PAGE + 9), i < 2 ? 0x5a : 0);
    CHECK_EQ(fake.vm.counts.neighbours, 1);
    file_end(NULL);
}
