/* Programs of the initrd on a fake machine: what of them is mapped in place, copied and zero, their stack,
 * and what is refused. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "pager_core_kit.h"

#define PROGRAM_BYTES 0x4234u

/* Text; data: a whole page, a page that turns into zeros, two of zeros; constants up to the end of
 * the file, which is no end of a page; constants that turn into zeros. */
static const struct fake_segment program[] = {
    {0x10000, 0x1000, 0x1000, 0x1000, 5},
    {0x20900, 0x2900, 0x1500, 0x3700, 6},
    {0x30000, 0x4000, 0x234, 0x234, 4},
    {0x40000, 0x1000, 0x100, 0x1100, 4},
};

static struct space *core_begin_program(bool aligned, struct vm_program *loaded)
{
    static uint8_t file[PROGRAM_BYTES];
    struct space *space;

    for (uint32_t i = 0; i < PROGRAM_BYTES; i++)
        file[i] = (uint8_t)(i * 7 + (i >> 8) + 1);
    fake_make_elf(file, program, 4, 0x10010);
    fake_init(&fake, FRAMES);
    fake_add_file(&fake, "first", "x", 1, false);
    fake_add_file(&fake, "program", file, PROGRAM_BYTES, aligned);
    fake_add_file(&fake, "bad", "no program at all", 17, false);
    fake_start(&fake);
    space = space_create(&fake.vm, 1);
    CHECK_EQ(vm_load(&fake.vm, space, fake_find_file(&fake, "program"), loaded), 0);
    core_sound();
    return space;
}

static uint8_t program_byte(uint32_t offset)
{
    return (uint8_t)(offset * 7 + (offset >> 8) + 1);
}

static void check_program(struct space *space)
{
    uint8_t byte;

    CHECK_EQ(core_read(space, 0x10123), program_byte(0x1123));
    CHECK_EQ(fake_touch(&fake, space, 0x10456, FL_ACCESS_EXEC, &byte), FAKE_DONE);
    CHECK_EQ(byte, program_byte(0x1456));
    CHECK_EQ(core_read(space, 0x20900), program_byte(0x2900));
    CHECK_EQ(core_read(space, 0x21dff), program_byte(0x3dff));
    for (uint64_t address = 0x21e00; address < 0x24000; address += 0x100)
        CHECK_EQ(core_read(space, address), 0);
    CHECK_EQ(core_read(space, 0x30233), program_byte(0x4233));
    for (uint64_t address = 0x30234; address < 0x31000; address++)
        CHECK_EQ(core_read(space, address), 0);
    CHECK_EQ(core_read(space, 0x400ff), program_byte(0x10ff));
    CHECK_EQ(core_read(space, 0x40100), 0);
    CHECK_EQ(core_read(space, 0x41fff), 0);
    core_stops(space, 0x10000, FL_ACCESS_WRITE, PAGER_EVENT_PROTECTION);
    core_stops(space, 0x40100, FL_ACCESS_WRITE, PAGER_EVENT_PROTECTION);
    core_stops(space, 0x20900, FL_ACCESS_EXEC, PAGER_EVENT_PROTECTION);
    core_stops(space, 0x24000, FL_ACCESS_READ, PAGER_EVENT_UNMAPPED);
    CHECK_EQ(vm_protect(&fake.vm, space, 0x10000, PAGE, RW), EACCES);
}

TEST("text is mapped in place and takes no frame, data is copied on write, bss is zero")
{
    struct vm_program loaded;
    struct space *space = core_begin_program(true, &loaded);

    CHECK_EQ(loaded.entry, 0x10010);
    CHECK_EQ(loaded.stack_end, PROGRAM_STACK_END);
    CHECK_EQ(fake.vm.table.counts[PAGE_OBJECT], 0);
    core_read(space, 0x10000);
    CHECK_EQ(fake.vm.table.counts[PAGE_OBJECT], 0);
    check_program(space);
    CHECK_EQ(space->resident, 2);                   /* where data, and constants, turn into zeros */
    CHECK_EQ(fake.vm.table.counts[PAGE_OBJECT], 3); /* and where the file ends */
    core_write(space, 0x20902, 0x5a);
    CHECK_EQ(core_read(space, 0x20902), 0x5a);
    CHECK_EQ(core_read(space, 0x20903), program_byte(0x2903));
    core_end();
}

TEST("a program of an archive that is not aligned runs the same from copies shared by all")
{
    struct vm_program loaded;
    struct space *space = core_begin_program(false, &loaded), *other = space_create(&fake.vm, 2);
    uint32_t pages;

    check_program(space);
    pages = fake.vm.table.counts[PAGE_OBJECT];
    CHECK_EQ(pages,
             6); /* four of the file, and private copies where two segments turn into zeros */
    CHECK_EQ(vm_load(&fake.vm, other, fake_find_file(&fake, "program"), &loaded), 0);
    check_program(other);
    CHECK_EQ(fake.vm.table.counts[PAGE_OBJECT], pages + 2);
    core_end();
}

TEST("what one instance writes to its data the other never sees, nor the archive")
{
    struct vm_program loaded;
    struct space *space = core_begin_program(true, &loaded), *other = space_create(&fake.vm, 2);
    uint8_t *before = malloc(FAKE_ARCHIVE_BYTES);

    memcpy(before, fake.archive, FAKE_ARCHIVE_BYTES);
    CHECK_EQ(vm_load(&fake.vm, other, fake_find_file(&fake, "program"), &loaded), 0);
    core_write(space, 0x20a00, 1);
    core_write(other, 0x20a00, 2);
    core_write(other, 0x22000, 3);
    CHECK_EQ(core_read(space, 0x20a00), 1);
    CHECK_EQ(core_read(space, 0x22000), 0);
    CHECK_EQ(memcmp(before, fake.archive, FAKE_ARCHIVE_BYTES), 0);
    free(before);
    core_end();
}

TEST("the stack grows on fault down to its limit; below is a guard")
{
    struct vm_program loaded;
    struct space *space = core_begin_program(true, &loaded);
    uint64_t bottom = PROGRAM_STACK_END - PROGRAM_STACK_BYTES;

    core_write(space, PROGRAM_STACK_END - 1, 1);
    core_write(space, PROGRAM_STACK_END - 100 * PAGE, 2);
    core_write(space, bottom, 3);
    CHECK_EQ(space->resident, 3);
    core_stops(space, bottom - 1, FL_ACCESS_WRITE, PAGER_EVENT_PROTECTION);
    core_stops(space, bottom - PAGE - 1, FL_ACCESS_WRITE, PAGER_EVENT_UNMAPPED);
    core_stops(space, PROGRAM_STACK_END, FL_ACCESS_READ, PAGER_EVENT_UNMAPPED);
    core_stops(space, PROGRAM_STACK_END - 8, FL_ACCESS_EXEC, PAGER_EVENT_PROTECTION);
    core_end();
}

TEST("bytes are copied into a space where the program could write them")
{
    struct vm_program loaded;
    struct space *space = core_begin_program(true, &loaded);
    uint8_t bytes[5000];

    for (uint32_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 3);
    CHECK_EQ(core_read(space, PROGRAM_STACK_END - 3000), 0); /* the zero page is mapped there */
    CHECK_EQ(vm_write(&fake.vm, space, PROGRAM_STACK_END - 5000, bytes, 5000), 0);
    core_sound();
    for (uint32_t i = 0; i < 5000; i += 7)
        CHECK_EQ(core_read(space, PROGRAM_STACK_END - 5000 + i), bytes[i]);
    CHECK_EQ(vm_write(&fake.vm, space, 0x10000, bytes, 1), EFAULT);
    CHECK_EQ(vm_write(&fake.vm, space, PROGRAM_STACK_END - 8, bytes, 16), EFAULT);
    CHECK_EQ(vm_write(&fake.vm, space, UINT64_MAX - 3, bytes, 16), EFAULT);
    fake_limit(&fake, 0);
    CHECK_EQ(vm_write(&fake.vm, space, PROGRAM_STACK_END - 30000, bytes, 16), ENOMEM);
    core_sound();
    fake_unlimit(&fake);
    core_end();
}

TEST("a file that is no program is refused with its reason and leaves no trace")
{
    struct vm_program loaded;
    struct space *space = core_begin_program(true, &loaded);

    CHECK_EQ(vm_load(&fake.vm, space, fake_find_file(&fake, "program"), &loaded), EBUSY);
    space = space_create(&fake.vm, 2);
    CHECK_EQ(vm_load(&fake.vm, space, fake_find_file(&fake, "bad"), &loaded), ENOEXEC);
    CHECK_EQ(loaded.error, ELF_TOO_SHORT);
    CHECK_EQ(space->map.count, 0);
    core_end();
}
