/* The pager's core on a fake machine: what each kind of fault does, memory calls and their errors, and
 * what spaces leave behind. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "pager_core_kit.h"

/* ---- faults ---- */

TEST("a first read maps the shared zero page and takes no frame, the write after it takes one")
{
    struct space *space = core_begin();
    uint64_t at = core_map_anywhere(space, 2, RW);

    CHECK_EQ(core_read(space, at + 5), 0);
    CHECK_EQ(fake.faults, 1);
    CHECK_EQ(space->resident, 0);
    CHECK_EQ(core_read(space, at + 6), 0);
    CHECK_EQ(fake.faults, 1);
    core_write(space, at + 5, 9);
    CHECK_EQ(fake.faults, 2);
    CHECK_EQ(space->resident, 1);
    core_write(space, at + 7, 8);
    CHECK_EQ(core_read(space, at + 5), 9);
    CHECK_EQ(core_read(space, at + 4), 0);
    CHECK_EQ(fake.faults, 2);
    CHECK_EQ(space->minor_faults, 2);
    core_end();
}

TEST("after a write to a fresh page a read makes no fault")
{
    struct space *space = core_begin();
    uint64_t at = core_map_anywhere(space, 1, RW);

    core_write(space, at, 3);
    CHECK_EQ(fake.faults, 1);
    CHECK_EQ(core_read(space, at), 3);
    CHECK_EQ(core_read(space, at + 4095), 0);
    CHECK_EQ(fake.faults, 1);
    core_end();
}

TEST("a page is mapped with A for any touch, with D for a write, and writable if it is the "
     "program's own")
{
    static const struct {
        uint32_t access, rights;
    } rows[] = {{FL_ACCESS_READ, FL_RIGHT_READ | FL_MAP_ACCESSED},
                {FL_ACCESS_WRITE, FL_RIGHT_READ | FL_RIGHT_WRITE | FL_MAP_ACCESSED | FL_MAP_DIRTY},
                {FL_ACCESS_READ, FL_RIGHT_READ | FL_RIGHT_WRITE | FL_MAP_ACCESSED}};
    struct space *space = core_begin();
    struct vm_fault request = {.address = core_map_anywhere(space, 1, RW)};
    struct vm_answer answer;

    for (uint32_t i = 0; i < 3; i++) { /* the zero page; a frame; the frame again */
        request.access = rows[i].access;
        CHECK_EQ(vm_handle_fault(&fake.vm, space, &request, &answer), VM_RESUME);
        CHECK_EQ(answer.count, 1);
        CHECK_EQ(answer.mapping[0].rights, rows[i].rights | FL_MAP_REPLACE);
    }
    core_end();
}

TEST("page tables can be dropped at any time: contents come back by minor faults")
{
    struct space *space = core_begin();
    uint64_t at = core_map_anywhere(space, 3, RW), seed = 1;

    core_write(space, at, 1);
    core_write(space, at + PAGE, 2);
    fake_drop_tables(&fake, space, 256, &seed);
    CHECK_EQ(core_read(space, at), 1);
    core_write(space, at + PAGE, 4);
    CHECK_EQ(core_read(space, at + PAGE), 4);
    CHECK_EQ(space->resident, 2);
    CHECK_EQ(space->minor_faults, 4);
    core_end();
}

TEST("an access outside all entries, or against the protection, stops the program with its reason")
{
    struct space *space = core_begin();
    uint64_t at = core_map_anywhere(space, 1, PROT_READ);

    core_stops(space, at + PAGE, FL_ACCESS_READ, PAGER_EVENT_UNMAPPED);
    core_stops(space, at - 1, FL_ACCESS_WRITE, PAGER_EVENT_UNMAPPED);
    core_stops(space, 0, FL_ACCESS_WRITE, PAGER_EVENT_UNMAPPED);
    core_stops(space, at, FL_ACCESS_WRITE, PAGER_EVENT_PROTECTION);
    core_stops(space, at, FL_ACCESS_EXEC, PAGER_EVENT_PROTECTION);
    core_stops(space, 0xffffffc080200000ull, FL_ACCESS_READ, PAGER_EVENT_UNMAPPED);
    CHECK_EQ(space->minor_faults, 0);
    core_end();
}

TEST("a physical access fault stops the program with SIGBUS")
{
    struct space *space = core_begin();
    uint64_t at = core_map_anywhere(space, 1, RW);
    struct vm_fault fault = {at, 0, FL_ACCESS_READ | FL_ACCESS_PHYSICAL};
    struct vm_answer answer;

    CHECK(vm_handle_fault(&fake.vm, space, &fault, &answer) == VM_STOPPED);
    CHECK_EQ(space_next_event(&fake.vm), space);
    CHECK_EQ(space->event.kind, PAGER_EVENT_MEMORY);
    CHECK_EQ(space->event.signal, 7);
    CHECK_EQ(space_next_event(&fake.vm), NULL);
    core_end();
}

TEST("a forged fault that asks for no access stops the program, on a guard too, where no object is")
{
    struct space *space = core_begin();
    uint64_t at = core_map_anywhere(space, 2, RW);
    struct entry guard = {.start = at - PAGE, .end = at, .use = ENTRY_GUARD};
    struct vm_answer answer;

    CHECK(vm_add_entry(&fake.vm, space, &guard));
    for (uint64_t address = at - PAGE; address <= at; address += PAGE) {
        struct vm_fault fault = {address, 0, FL_ACCESS_POOL_LOW};

        CHECK(vm_handle_fault(&fake.vm, space, &fault, &answer) == VM_STOPPED);
        CHECK_EQ(space_next_event(&fake.vm), space);
        CHECK_EQ(space->event.kind, PAGER_EVENT_PROTECTION);
        CHECK_EQ(space->event.signal, 11);
        space->stopped = false;
    }
    CHECK_EQ(space->minor_faults, 0);
    core_end();
}

TEST("executing fresh memory that may be executed takes a frame, never the zero page")
{
    struct space *space = core_begin();
    uint64_t at = core_map_anywhere(space, 1, PROT_READ | PROT_EXEC);
    uint8_t byte = 1;

    CHECK_EQ(core_read(space, at), 0);
    CHECK_EQ(space->resident, 0);
    CHECK_EQ(fake_touch(&fake, space, at, FL_ACCESS_EXEC, &byte), FAKE_DONE);
    CHECK_EQ(space->resident, 1);
    CHECK_EQ(byte, 0);
    core_end();
}

TEST("with no frame left a write stops the program and changes nothing, reads go on")
{
    struct space *space = core_begin();
    uint64_t at = core_map_anywhere(space, 200, RW);

    core_write(space, at, 1);
    fake_limit(&fake, 0);
    core_stops(space, at + 100 * PAGE, FL_ACCESS_WRITE, PAGER_EVENT_NO_MEMORY);
    core_stops(space, at + PAGE, FL_ACCESS_WRITE, PAGER_EVENT_NO_MEMORY);
    CHECK_EQ(core_read(space, at + PAGE), 0);
    CHECK_EQ(core_read(space, at), 1);
    fake_unlimit(&fake);
    core_write(space, at + PAGE, 2);
    core_end();
}

TEST("events wait in order of arrival and go with their space")
{
    struct space *first = core_begin(), *second = space_create(&fake.vm, 2);
    struct space *third = space_create(&fake.vm, 3);
    struct space_event event = {.kind = PAGER_EVENT_SYSCALL, .signal = 31};

    vm_stop_space(&fake.vm, second, &event);
    vm_stop_space(&fake.vm, first, &event);
    vm_stop_space(&fake.vm, second, &event);
    vm_stop_space(&fake.vm, third, &event);
    core_sound();
    fake_destroy_space(&fake, first);
    core_sound();
    CHECK_EQ(space_next_event(&fake.vm), second);
    CHECK_EQ(space_next_event(&fake.vm), third);
    CHECK_EQ(space_next_event(&fake.vm), NULL);
    vm_stop_space(&fake.vm, third, &event);
    CHECK_EQ(space_next_event(&fake.vm), NULL);
    core_end();
}

TEST("what comes after the last event whose space went is told")
{
    for (uint32_t alone = 0; alone < 2; alone++) {
        struct space *first = core_begin(), *last = space_create(&fake.vm, 2);
        struct space *next = space_create(&fake.vm, 3);
        struct space_event event = {.kind = PAGER_EVENT_SYSCALL, .signal = 31};

        if (!alone)
            vm_stop_space(&fake.vm, first, &event);
        vm_stop_space(&fake.vm, last, &event);
        fake_destroy_space(&fake, last);
        vm_stop_space(&fake.vm, next, &event);
        if (!alone)
            CHECK_EQ(space_next_event(&fake.vm), first);
        CHECK_EQ(space_next_event(&fake.vm), next);
        CHECK_EQ(space_next_event(&fake.vm), NULL);
        core_end();
    }
}

TEST("the event ring keeps the newest records in order and shows the hole")
{
    struct trace_record ring[4], record;
    struct space *space = core_begin();
    uint64_t at = core_map_anywhere(space, 8, RW);

    fake.vm.trace = (struct trace){.records = ring, .capacity = 4};
    for (uint32_t i = 0; i < 6; i++)
        core_write(space, at + i * PAGE, 1);
    core_stops(space, at - 1, FL_ACCESS_READ, PAGER_EVENT_UNMAPPED);
    for (uint32_t i = 3; i < 6; i++) {
        CHECK(trace_take(&fake.vm.trace, &record));
        CHECK_EQ(record.sequence, i);
        CHECK_EQ(record.address, at + i * PAGE);
        CHECK_EQ(record.action, TRACE_ZERO_FILL);
    }
    CHECK(trace_take(&fake.vm.trace, &record));
    CHECK_EQ(record.action, TRACE_STOP);
    CHECK(!trace_take(&fake.vm.trace, &record));
    core_end();
}

/* ---- spaces ---- */

TEST("a page of 0xa5 that one program freed is never seen by another")
{
    struct space *space = core_begin();
    uint64_t at = core_map_anywhere(space, 240, RW);
    uint8_t byte = 0xa5;
    uint32_t filled = 0;

    while (filled < 240 && fake.vm.table.counts[PAGE_FREE] > 1) {
        for (uint32_t i = 0; i < PAGE; i++)
            fake_touch(&fake, space, at + filled * PAGE + i, FL_ACCESS_WRITE, &byte);
        filled++;
    }
    CHECK(filled > 200);
    fake_destroy_space(&fake, space);
    space = space_create(&fake.vm, 2);
    at = core_map_anywhere(space, 240, RW);
    CHECK(space_take_buffer(&fake.vm, space) != PAGE_NONE);
    for (uint32_t i = 0; i < PAGE; i++)
        CHECK_EQ(((uint8_t *)page_contents(&fake.vm.table, space->buffer))[i], 0);
    for (uint32_t page = 0; page < filled - 1; page++) {
        byte = 1;
        CHECK_EQ(fake_touch(&fake, space, at + page * PAGE, FL_ACCESS_WRITE, &byte), FAKE_DONE);
        for (uint32_t i = 1; i < PAGE; i++) {
            fake_touch(&fake, space, at + page * PAGE + i, FL_ACCESS_READ, &byte);
            CHECK_EQ(byte, 0);
        }
    }
    core_end();
}

TEST("two spaces have two contents at one address")
{
    struct space *first = core_begin(), *second = space_create(&fake.vm, 2);
    uint64_t at = core_map_anywhere(first, 1, RW);

    CHECK_EQ(core_map_anywhere(second, 1, RW), at);
    core_write(first, at, 1);
    core_write(second, at, 2);
    CHECK_EQ(core_read(first, at), 1);
    CHECK_EQ(core_read(second, at), 2);
    core_end();
}

TEST("an id comes again with another generation, and the old name finds nothing")
{
    struct space *space = core_begin();
    uint32_t id = space->id, generation = space->generation;

    CHECK_EQ(space_find(&fake.vm, id, generation), space);
    fake_destroy_space(&fake, space);
    CHECK_EQ(space_find(&fake.vm, id, generation), NULL);
    space = space_create(&fake.vm, 2);
    CHECK_EQ(space->id, id);
    CHECK(space->generation != generation);
    CHECK_EQ(space_find(&fake.vm, id, generation), NULL);
    CHECK_EQ(space_find(&fake.vm, VM_SPACES_MAX, 1), NULL);
    CHECK_EQ(space_find(&fake.vm, UINT32_MAX, 1), NULL);
    core_end();
}

TEST("sixty spaces fit, the next one is refused")
{
    core_begin();
    for (uint32_t i = 1; i < VM_SPACES_MAX; i++)
        CHECK(space_create(&fake.vm, i));
    CHECK_EQ(space_create(&fake.vm, 99), NULL);
    core_sound();
    core_end();
}

/* ---- mmap, munmap, mprotect, brk ---- */

struct map_case {
    struct vm_map_request request;
    int error;
};

#define ANONYMOUS(address, bytes, offset, protection, flags)          \
    {                                                                 \
        address, bytes, offset, protection, flags, NULL, false, false \
    }

TEST("mmap refuses what POSIX and Linux refuse, with their errors")
{
    static const struct map_case cases[] = {
        {ANONYMOUS(0, 0, 0, RW, PRIVATE), EINVAL},
        {ANONYMOUS(0, PAGE, 1, RW, PRIVATE), EINVAL},
        {ANONYMOUS(0, PAGE, 0, RW, MAP_ANONYMOUS), EINVAL},
        {ANONYMOUS(0, PAGE, 0, RW, PRIVATE | MAP_SHARED), EINVAL},
        {ANONYMOUS(0, PAGE, 0, RW, PRIVATE | 0x100), EINVAL},
        {ANONYMOUS(0, PAGE, 0, 8, PRIVATE), EINVAL},
        {ANONYMOUS(0, PAGE, 0, RW, MAP_PRIVATE), EBADF},
        {ANONYMOUS(0, UINT64_MAX, 0, RW, PRIVATE), ENOMEM},
        {ANONYMOUS(0, UINT64_MAX - 4095, 0, RW, PRIVATE), ENOMEM},
        {ANONYMOUS(0, PROGRAM_MMAP_END, 0, RW, PRIVATE), ENOMEM},
        {ANONYMOUS(1, PAGE, 0, RW, PRIVATE | MAP_FIXED), EINVAL},
        {ANONYMOUS(0, PAGE, 0, RW, PRIVATE | MAP_FIXED), EPERM},
        {ANONYMOUS(FL_BOOT_INFO, PAGE, 0, RW, PRIVATE | MAP_FIXED), ENOMEM},
        {ANONYMOUS(FL_BOOT_INFO - PAGE, 2 * PAGE, 0, RW, PRIVATE | MAP_FIXED), ENOMEM},
        {ANONYMOUS(UINT64_MAX - 4095, PAGE, 0, RW, PRIVATE | MAP_FIXED), ENOMEM},
        {ANONYMOUS(FL_BOOT_INFO - PAGE, PAGE, 0, RW, PRIVATE | MAP_FIXED), 0},
        {ANONYMOUS(FL_BOOT_INFO - PAGE, PAGE, 0, RW, PRIVATE | MAP_FIXED_NOREPLACE), EEXIST},
        {ANONYMOUS(FL_BOOT_INFO - PAGE, PAGE, 0, RW, PRIVATE | MAP_FIXED), 0},
        {ANONYMOUS(0, 1, 0, PROT_NONE, PRIVATE | MAP_NORESERVE | MAP_STACK), 0},
        {ANONYMOUS(0, 1, 0, RW, MAP_SHARED | MAP_ANONYMOUS), 0},
    };
    struct space *space = core_begin();
    uint64_t at;

    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int error = vm_map(&fake.vm, space, &cases[i].request, &at);

        if (error != cases[i].error)
            harness_note("case %u", (unsigned)i);
        CHECK_EQ(error, cases[i].error);
        core_sound();
    }
    core_end();
}

TEST("a hint is taken when its place is free, else the lowest gap")
{
    struct space *space = core_begin();
    uint64_t at;

    CHECK_EQ(core_map(space, 0x20001fff, 1, RW, 0, &at), 0);
    CHECK_EQ(at, 0x20001000);
    CHECK_EQ(core_map(space, 0x20001000, 1, RW, 0, &at), 0);
    CHECK_EQ(at, PROGRAM_MMAP_BASE);
    CHECK_EQ(core_map(space, 0, 3, PROT_READ, 0, &at), 0);
    CHECK_EQ(at, PROGRAM_MMAP_BASE + PAGE);
    CHECK_EQ(vm_unmap(&fake.vm, space, PROGRAM_MMAP_BASE + 2 * PAGE, PAGE), 0);
    CHECK_EQ(core_map(space, 0, 2, RW, 0, &at), 0);
    CHECK_EQ(at, PROGRAM_MMAP_BASE + 4 * PAGE);
    CHECK_EQ(core_map(space, 0, 1, RW, 0, &at), 0);
    CHECK_EQ(at, PROGRAM_MMAP_BASE + 2 * PAGE);
    core_end();
}

TEST("areas that grow one behind the other are one entry with one object")
{
    struct space *space = core_begin();
    uint64_t at = core_map_anywhere(space, 1, RW);

    for (uint32_t i = 1; i < 20; i++)
        CHECK_EQ(core_map_anywhere(space, 1, RW), at + i * PAGE);
    CHECK_EQ(space->map.count, 1);
    CHECK_EQ(fake.vm.objects.used, 1);
    core_end();
}

TEST("populating more than there is leaves a reserve of free pages, and the map stands")
{
    struct space *space = core_begin();
    uint64_t at = 0;
    struct vm_map_request request = {.bytes = 1ull << 36,
                                     .protection = RW,
                                     .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
                                              MAP_POPULATE};

    CHECK_EQ(vm_map(&fake.vm, space, &request, &at), 0);
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], VM_POPULATE_RESERVE);
    CHECK_EQ(vm_protect(&fake.vm, space, at + (1ull << 36) - PAGE, PAGE, PROT_READ), 0);
    core_end();
}

TEST("munmap from page 0 on removes what lies behind it and asks no unmap of page 0")
{
    struct space *space = core_begin();
    uint64_t at = FL_USER_BASE;
    struct vm_map_request request = {.address = at,
                                     .bytes = PAGE,
                                     .protection = RW,
                                     .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};

    CHECK_EQ(vm_map(&fake.vm, space, &request, &at), 0);
    CHECK_EQ(vm_unmap(&fake.vm, space, 0, PAGE), 0);
    CHECK_EQ(vm_protect(&fake.vm, space, at, PAGE, PROT_READ), 0);
    CHECK_EQ(vm_unmap(&fake.vm, space, 0, 32 * PAGE), 0);
    CHECK_EQ(vm_protect(&fake.vm, space, at, PAGE, PROT_READ), ENOMEM);
    core_end();
}

TEST("munmap and mprotect refuse bad ranges with their errors")
{
    struct space *space = core_begin();
    uint64_t at = core_map_anywhere(space, 4, RW);

    CHECK_EQ(vm_unmap(&fake.vm, space, at + 1, PAGE), EINVAL);
    CHECK_EQ(vm_unmap(&fake.vm, space, at, 0), EINVAL);
    CHECK_EQ(vm_unmap(&fake.vm, space, at, UINT64_MAX), EINVAL);
    CHECK_EQ(vm_unmap(&fake.vm, space, UINT64_MAX - 4095, PAGE), EINVAL);
    CHECK_EQ(vm_unmap(&fake.vm, space, FL_BUFFER, PAGE), EINVAL);
    CHECK_EQ(vm_unmap(&fake.vm, space, FL_BOOT_INFO - PAGE, PAGE), 0);
    CHECK_EQ(vm_protect(&fake.vm, space, at + 1, PAGE, PROT_READ), EINVAL);
    CHECK_EQ(vm_protect(&fake.vm, space, at, PAGE, 8), EINVAL);
    CHECK_EQ(vm_protect(&fake.vm, space, at, 0, PROT_READ), 0);
    CHECK_EQ(vm_protect(&fake.vm, space, at, 5 * PAGE, PROT_READ), ENOMEM);
    CHECK_EQ(vm_protect(&fake.vm, space, at, UINT64_MAX, PROT_READ), ENOMEM);
    CHECK_EQ(vm_protect(&fake.vm, space, UINT64_MAX - 4095, PAGE, PROT_READ), ENOMEM);
    core_write(space, at, 1); /* nothing of the refused calls was done */
    core_end();
}

TEST("a hole in the middle of an area loses its pages, the rest keeps its own")
{
    struct space *space = core_begin();
    uint64_t at = core_map_anywhere(space, 5, RW);

    for (uint32_t i = 0; i < 5; i++)
        core_write(space, at + i * PAGE, (uint8_t)(i + 1));
    CHECK_EQ(vm_unmap(&fake.vm, space, at + PAGE, 3 * PAGE - 1), 0);
    core_sound();
    CHECK_EQ(space->resident, 2);
    core_stops(space, at + 2 * PAGE, FL_ACCESS_READ, PAGER_EVENT_UNMAPPED);
    CHECK_EQ(core_read(space, at), 1);
    CHECK_EQ(core_read(space, at + 4 * PAGE), 5);
    CHECK_EQ(core_map_anywhere(space, 3, RW), at + PAGE);
    CHECK_EQ(core_read(space, at + 2 * PAGE), 0);
    core_end();
}

TEST("protections that differ split an area, equal ones join it again")
{
    struct space *space = core_begin();
    uint64_t at = core_map_anywhere(space, 4, RW);

    core_write(space, at + PAGE, 7);
    CHECK_EQ(vm_protect(&fake.vm, space, at + PAGE, PAGE, PROT_READ), 0);
    core_sound();
    CHECK_EQ(space->map.count, 3);
    core_stops(space, at + PAGE, FL_ACCESS_WRITE, PAGER_EVENT_PROTECTION);
    CHECK_EQ(core_read(space, at + PAGE), 7);
    CHECK_EQ(vm_protect(&fake.vm, space, at + PAGE, PAGE, RW), 0);
    core_sound();
    CHECK_EQ(space->map.count, 1);
    core_write(space, at + PAGE, 8);
    CHECK_EQ(vm_protect(&fake.vm, space, at, 4 * PAGE, PROT_NONE), 0);
    core_stops(space, at + PAGE, FL_ACCESS_READ, PAGER_EVENT_PROTECTION);
    CHECK_EQ(vm_protect(&fake.vm, space, at, 4 * PAGE, PROT_READ), 0);
    CHECK_EQ(core_read(space, at + PAGE), 8);
    core_end();
}

TEST("writable memory is executable only after a program asked for it")
{
    struct space *space = core_begin();
    uint64_t at = core_map_anywhere(space, 1, RW);
    uint8_t byte = 0;

    core_write(space, at, 0x13);
    core_stops(space, at, FL_ACCESS_EXEC, PAGER_EVENT_PROTECTION);
    CHECK_EQ(vm_protect(&fake.vm, space, at, PAGE, PROT_READ | PROT_EXEC), 0);
    CHECK_EQ(fake_touch(&fake, space, at, FL_ACCESS_EXEC, &byte), FAKE_DONE);
    CHECK_EQ(byte, 0x13);
    core_stops(space, at, FL_ACCESS_WRITE, PAGER_EVENT_PROTECTION);
    core_end();
}

TEST("MAP_POPULATE fills and maps all pages: no fault follows")
{
    struct space *space = core_begin();
    uint64_t at;

    CHECK_EQ(core_map(space, 0, 10, RW, MAP_POPULATE, &at), 0);
    CHECK_EQ(space->resident, 10);
    for (uint32_t i = 0; i < 10; i++)
        core_write(space, at + i * PAGE, 1);
    CHECK_EQ(fake.faults, 0);
    CHECK_EQ(core_map(space, 0, 3, PROT_NONE, MAP_POPULATE, &at), 0);
    CHECK_EQ(space->resident, 10);
    core_end();
}

TEST("the break grows and shrinks, gives pages back, and stops at its neighbours")
{
    struct space *space = core_begin();
    uint64_t end, at;

    space->heap_start = space->heap_end = 0x40000;
    CHECK_EQ(vm_break(&fake.vm, space, 0, &end), 0);
    CHECK_EQ(end, 0x40000);
    core_stops(space, 0x40000, FL_ACCESS_WRITE, PAGER_EVENT_UNMAPPED);
    CHECK_EQ(vm_break(&fake.vm, space, 0x42001, &end), 0);
    core_write(space, 0x42fff, 1);
    core_write(space, 0x40000, 2);
    core_stops(space, 0x43000, FL_ACCESS_WRITE, PAGER_EVENT_UNMAPPED);
    CHECK_EQ(vm_break(&fake.vm, space, 0x44000, &end), 0);
    CHECK_EQ(space->map.count, 1);
    CHECK_EQ(vm_break(&fake.vm, space, 0x3ffff, &end), ENOMEM);
    CHECK_EQ(end, 0x44000);
    CHECK_EQ(vm_break(&fake.vm, space, 0x41000, &end), 0);
    CHECK_EQ(end, 0x41000);
    CHECK_EQ(space->resident, 1);
    CHECK_EQ(vm_break(&fake.vm, space, 0x43000, &end), 0);
    CHECK_EQ(core_read(space, 0x42fff), 0);
    CHECK_EQ(core_read(space, 0x40000), 2);
    CHECK_EQ(core_map(space, 0x45000, 1, RW, MAP_FIXED, &at), 0);
    CHECK_EQ(vm_break(&fake.vm, space, 0x45001, &end), ENOMEM);
    CHECK_EQ(end, 0x43000);
    CHECK_EQ(vm_break(&fake.vm, space, 0x45000, &end), 0);
    CHECK_EQ(vm_break(&fake.vm, space, PROGRAM_MMAP_BASE + 1, &end), ENOMEM);
    CHECK_EQ(vm_break(&fake.vm, space, 0x40000, &end), 0);
    CHECK_EQ(space->map.count, 1);
    core_end();
}

/* ---- frames ---- */

TEST("runs of frames are consecutive, inside one range, and come back")
{
    uint32_t first, second;

    core_begin();
    first = page_allocate_run(&fake.vm.table, 40, PAGE_LENT);
    second = page_allocate_run(&fake.vm.table, 320, PAGE_LENT);
    CHECK(first != PAGE_NONE);
    CHECK_EQ(second, PAGE_NONE); /* two ranges of about 170 and 341, less what is in use */
    core_sound();
    for (uint32_t i = 0; i < 40; i++) {
        CHECK_EQ(fake.vm.table.pages[first + i].state, PAGE_LENT);
        CHECK_EQ(fake.vm.table.pages[first + i].range, fake.vm.table.pages[first].range);
    }
    CHECK_EQ(page_allocate_run(&fake.vm.table, 0, PAGE_LENT), PAGE_NONE);
    CHECK_EQ(page_allocate_run(&fake.vm.table, FRAMES, PAGE_LENT), PAGE_NONE);
    fake_unlimit(&fake);
    core_sound();
    core_end();
}

TEST("a machine too small for its page records is refused")
{
    struct vm vm;
    struct vm_config config = {.range = {{.pages = 4, .first_free = 4}}, .range_count = 1};
    uint8_t *memory = aligned_alloc(PAGE, 4 * PAGE);

    config.window = memory;
    CHECK(!vm_init(&vm, &config));
    config.range[0].first_free = 3; /* the records, and no frame for the zero page */
    CHECK(!vm_init(&vm, &config));
    config.range[0].first_free = 2;
    CHECK(vm_init(&vm, &config));
    CHECK_EQ(vm.table.counts[PAGE_FREE], 0);
    free(memory);
}
