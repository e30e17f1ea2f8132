/* Devices as files: their names, and what the file calls say of them.  Their mappings:
 * pager_file_memory_test.c. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_mapping_kit.c */
#include "harness.h"

#include <sys/stat.h>

#include "pager_file_kit.h"
#include "pager_mapping_kit.h"

#define CLOCK           "/dev/test,clock@10200c"
#define READ_ONLY_FLAGS (FILE_O_RDONLY | FILE_O_TRUNC | FILE_O_APPEND | FILE_O_CREAT)

static struct space *space;

/* Two devices; the registers of the first begin and end within pages, and take three. */
static void device_begin(void)
{
    fake_init(&fake, FRAMES);
    fake_add_file(&fake, "hello", "hello\n", 6, false);
    fake_add_device(&fake, "test,clock", 0x10200c, 2 * PAGE);
    fake_add_device(&fake, "some/vendor/led", 0x7f001000, 4);
    fake_start(&fake);
    space = space_create(&fake.vm, 1);
}

static int device_open(uint32_t flags)
{
    int handle = kit_open(&fake, space, CLOCK, flags);

    CHECK(handle >= 0);
    return handle;
}

TEST("a device has the name of its kind and its address, the size of its pages and a number of its "
     "own")
{
    static const struct {
        const char *path;
        uint64_t bytes;
    } devices[] = {{CLOCK, 3 * PAGE}, {"/dev/led@7f001000", PAGE}};
    struct file_status told[2], opened;

    device_begin();
    for (unsigned i = 0; i < 2; i++) {
        int handle = kit_open(&fake, space, devices[i].path, FILE_O_RDWR);

        CHECK(handle >= 0);
        file_sound();
        CHECK_EQ(kit_stat(&fake, space, devices[i].path, &told[i]), 0);
        CHECK_EQ(vm_file_status(space, (uint64_t)handle, &opened), 0);
        CHECK(S_ISCHR(told[i].mode));
        CHECK_EQ(told[i].mode, opened.mode);
        CHECK_EQ(told[i].bytes, devices[i].bytes);
        CHECK_EQ(told[i].bytes, opened.bytes);
        CHECK_EQ(told[i].number, opened.number);
    }
    CHECK(told[0].number != told[1].number);
    CHECK_EQ(kit_open(&fake, space, "/tmp/x", FILE_O_RDWR | FILE_O_CREAT), 2);
    CHECK_EQ(kit_stat(&fake, space, "/tmp/x", &opened), 0);
    CHECK(opened.number > told[1].number);
    CHECK_EQ(kit_unlink(&fake, space, "/tmp/x"), 0);
    file_end(NULL);
}

TEST("no other name below /dev is a device, and nothing can be made or found below one")
{
    static const struct {
        const char *path;
        int error;
    } cases[] = {{"/dev/test,clock", ENOENT},
                 {"/dev/test,clock@10200C", ENOENT},
                 {"/dev/test,clock@010200c", ENOENT},
                 {"/dev/some/vendor/led@7f001000", ENOENT},
                 {"/dev/vendor/led@7f001000", ENOENT},
                 {"/test,clock@10200c", ENOENT},
                 {"/dev/" CLOCK, ENOENT},
                 {CLOCK "/", ENOTDIR},
                 {CLOCK "/x", ENOTDIR},
                 {"/tmp/.." CLOCK, 0},
                 {"dev/../" CLOCK, 0}};

    device_begin();
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int handle = kit_open(&fake, space, cases[i].path, FILE_O_RDONLY);

        CHECK_EQ(handle < 0 ? -handle : 0, cases[i].error);
    }
    CHECK_EQ(kit_open(&fake, space, "/dev/new", FILE_O_RDWR | FILE_O_CREAT), -EROFS);
    file_end(NULL);
}

TEST("a machine whose devices nobody named has none")
{
    struct file_status status;
    char path[DEVICES_PATH_BYTES];
    uint32_t bytes;

    fake_init(&fake, FRAMES);
    fake_start(&fake);
    space = space_create(&fake.vm, 1);
    CHECK_EQ(kit_open(&fake, space, CLOCK, FILE_O_RDWR), -ENOENT);
    CHECK_EQ(kit_stat(&fake, space, CLOCK, &status), ENOENT);
    CHECK_EQ(vm_path_list(&fake.vm, 0, path, sizeof path, &status, &bytes), ENOENT);
    file_end(NULL);
}

TEST("the list of names has devices behind the initrd and before files in memory")
{
    static const char *const expected[] = {"/hello", CLOCK, "/dev/led@7f001000", "/tmp/x"};
    char path[DEVICES_PATH_BYTES + 1];
    struct file_status listed, told;
    uint32_t bytes;

    device_begin();
    CHECK_EQ(kit_open(&fake, space, "/tmp/x", FILE_O_RDWR | FILE_O_CREAT), 0);
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(vm_path_list(&fake.vm, i, path, sizeof path - 1, &listed, &bytes), 0);
        path[bytes] = '\0';
        CHECK_STRING(path, expected[i]);
        CHECK_EQ(kit_stat(&fake, space, path, &told), 0);
        CHECK_EQ(listed.mode, told.mode);
        CHECK_EQ(listed.bytes, told.bytes);
        CHECK_EQ(listed.number, told.number);
    }
    CHECK_EQ(vm_path_list(&fake.vm, 4, path, sizeof path - 1, &listed, &bytes), ENOENT);
    CHECK_EQ(vm_path_list(&fake.vm, 1, path, 6, &listed, &bytes), 0);
    CHECK_EQ(bytes, 6);
    CHECK_EQ(kit_unlink(&fake, space, "/tmp/x"), 0);
    file_end(NULL);
}

TEST("a disk has a name, a size and a number of its own; it is a block device that nobody opens")
{
    static const struct {
        const char *path;
        int error;
    } cases[] = {{"/dev/vda", 0},        {"/dev/../dev/./vdb", 0}, {"dev/vda", 0},
                 {"/dev/vdc", ENOENT},   {"/dev/vd", ENOENT},      {"/dev/vdaa", ENOENT},
                 {"/dev/vdA", ENOENT},   {"/vda", ENOENT},         {"/dev/vda/", ENOTDIR},
                 {"/dev/vda/x", ENOTDIR}};
    static const uint32_t flags[] = {FILE_O_RDONLY, FILE_O_WRONLY | FILE_O_TRUNC,
                                     FILE_O_RDWR | FILE_O_CREAT};
    char path[DEVICES_PATH_BYTES + 1];
    struct file_status told[2], other;
    uint32_t bytes, disk;

    device_begin();
    fake.vm.devices.disks = 2;
    fake.vm.devices.disk_bytes[0] = 7 * PAGE;
    fake.vm.devices.disk_bytes[1] = 512;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct file_path asked = {cases[i].path, (uint32_t)strlen(cases[i].path)};

        CHECK_EQ(kit_stat(&fake, space, cases[i].path, &other), cases[i].error);
        CHECK_EQ(vm_path_disk(&fake.vm, space, &asked, &disk), cases[i].error);
        CHECK(cases[i].error || disk == (i == 1));
    }
    CHECK_EQ(vm_path_disk(&fake.vm, space, &(struct file_path){CLOCK, strlen(CLOCK)}, &disk),
             EINVAL);
    CHECK_EQ(kit_stat(&fake, space, "/dev/vda", &told[0]), 0);
    CHECK_EQ(kit_stat(&fake, space, "/dev/vdb", &told[1]), 0);
    CHECK(S_ISBLK(told[0].mode) && told[0].mode == told[1].mode);
    CHECK_EQ(told[0].bytes, 7 * PAGE);
    CHECK_EQ(told[1].bytes, 512);
    CHECK_EQ(kit_stat(&fake, space, "/dev/led@7f001000", &other), 0);
    CHECK(other.number < told[0].number && told[0].number < told[1].number);
    for (unsigned i = 0; i < sizeof flags / sizeof flags[0]; i++)
        CHECK_EQ(kit_open(&fake, space, "/dev/vda", flags[i]), -EACCES);
    CHECK_EQ(kit_open(&fake, space, "/dev/vda", FILE_O_RDWR | FILE_O_CREAT | FILE_O_EXCL), -EEXIST);
    CHECK_EQ(kit_unlink(&fake, space, "/dev/vda"), EROFS);
    CHECK_EQ(vm_path_list(&fake.vm, 4, path, sizeof path - 1, &other, &bytes), 0);
    path[bytes] = '\0';
    CHECK_STRING(path, "/dev/vdb");
    CHECK_EQ(other.number, told[1].number);
    CHECK_EQ(kit_open(&fake, space, "/tmp/x", FILE_O_RDWR | FILE_O_CREAT), 0);
    CHECK_EQ(kit_stat(&fake, space, "/tmp/x", &other), 0);
    CHECK(other.number > told[1].number);
    CHECK_EQ(vm_path_list(&fake.vm, 5, path, sizeof path - 1, &other, &bytes), 0);
    CHECK_EQ(kit_unlink(&fake, space, "/tmp/x"), 0);
    file_end(NULL);
}

TEST("a device is neither made, cut, removed nor renamed, and flags that would do so open it as it "
     "is")
{
    int handle;

    device_begin();
    handle = device_open(READ_ONLY_FLAGS);
    CHECK_EQ(vm_file_truncate(&fake.vm, space, (uint64_t)handle, 0), EINVAL);
    handle = device_open(FILE_O_RDWR | FILE_O_TRUNC);
    CHECK_EQ(vm_file_truncate(&fake.vm, space, (uint64_t)handle, 0), EINVAL);
    CHECK_EQ(kit_open(&fake, space, CLOCK, FILE_O_RDWR | FILE_O_CREAT | FILE_O_EXCL), -EEXIST);
    CHECK_EQ(kit_unlink(&fake, space, CLOCK), EROFS);
    CHECK_EQ(kit_rename(&fake, CLOCK, "/dev/other"), EROFS);
    CHECK_EQ(kit_open(&fake, space, "/tmp/x", FILE_O_RDWR | FILE_O_CREAT), 2);
    CHECK_EQ(kit_rename(&fake, CLOCK, "/tmp/x"), EXDEV);
    CHECK_EQ(kit_rename(&fake, "/tmp/x", CLOCK), EXDEV);
    CHECK_EQ(kit_unlink(&fake, space, "/tmp/x"), 0);
    file_end(NULL);
}

TEST("read and write of a device are EINVAL whatever else holds, but for a handle not open for it")
{
    uint64_t at, position;
    int reads, writes, both;

    device_begin();
    reads = device_open(FILE_O_RDONLY);
    writes = device_open(FILE_O_WRONLY);
    both = device_open(FILE_O_RDWR);
    at = file_map(space, handle_find(space, (uint64_t)both)->file, 0, 1, MAP_SHARED);
    CHECK_EQ(kit_read(&fake, space, both, at, 4, 0), -EINVAL);
    CHECK_EQ(kit_read(&fake, space, both, 0, 4, FILE_AT_POSITION), -EINVAL);
    CHECK_EQ(kit_read(&fake, space, reads, at, 0, 0), -EINVAL);
    CHECK_EQ(kit_read(&fake, space, both, at, 4, 1 << 20), -EINVAL);
    CHECK_EQ(kit_write(&fake, space, both, at, 4, 0), -EINVAL);
    CHECK_EQ(kit_write(&fake, space, writes, 0, 0, 0), -EINVAL);
    CHECK_EQ(kit_write(&fake, space, reads, at, 4, 0), -EBADF);
    CHECK_EQ(kit_read(&fake, space, writes, at, 4, 0), -EBADF);
    CHECK_EQ(vm_file_seek(space, (uint64_t)both, 0, FILE_SEEK_SET, &position), ESPIPE);
    CHECK_EQ(vm_file_seek(space, (uint64_t)both, 0, 7, &position), EINVAL);
    file_end(NULL);
}

TEST("a mapping needs the handle's rights, outlives it, and does not get others later")
{
    struct vm_map_request request = {.bytes = PAGE, .protection = RW, .flags = MAP_SHARED};
    uint64_t reads, at;

    device_begin();
    reads = (uint64_t)device_open(FILE_O_RDONLY);
    CHECK_EQ(vm_file_map(&fake.vm, space, reads, &request, &at), EACCES);
    request.protection = PROT_READ;
    CHECK_EQ(vm_file_map(&fake.vm, space, reads, &request, &at), 0);
    CHECK_EQ(vm_file_close(&fake.vm, space, reads), 0);
    fake.device[5] = 77;
    CHECK_EQ(file_see(space, at + 5), 77);
    CHECK(!file_put(space, at + 5, 1));
    CHECK_EQ(vm_protect(&fake.vm, space, at, PAGE, RW), EACCES);
    file_sound();
    file_end(NULL);
}

TEST("a mapping of a device is named in maps and objects")
{
    struct vm_map_request request = {.bytes = PAGE, .protection = PROT_READ, .flags = MAP_SHARED};
    char path[128];
    uint64_t at;

    device_begin();
    CHECK_EQ(vm_file_map(&fake.vm, space, (uint64_t)device_open(FILE_O_RDONLY), &request, &at), 0);
    CHECK_EQ(names_of_file(&fake.vm, entry_find(&space->map, at)->object, path, sizeof path),
             strlen(CLOCK));
    CHECK_STRING(path, CLOCK);
    CHECK_EQ(names_of_file(&fake.vm, entry_find(&space->map, at)->object, path, 6), 5);
    CHECK_STRING(path, "/dev/");
    file_end(NULL);
}
