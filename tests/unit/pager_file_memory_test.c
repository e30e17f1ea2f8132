/* Memory calls beside mmap on mappings of files and devices. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_mapping_kit.c */
#include "harness.h"

#include <errno.h>

#include "pager_mapping_kit.h"
#include "protocol.h"

TEST("mincore tells pages of a file that are in memory from holes")
{
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1);
    struct vm_map_request request = {
        .bytes = PAGE, .protection = RW, .flags = MAP_PRIVATE | MAP_ANONYMOUS};
    uint64_t at, vector, pages;

    file_write(file, PAGE, "x");
    CHECK_EQ(object_resize(&fake.vm, file, 3 * PAGE), 0);
    CHECK_EQ(vm_map(&fake.vm, space, &request, &vector), 0);
    for (uint32_t flags = MAP_SHARED; flags <= MAP_PRIVATE; flags++) {
        at = file_map(space, file, 0, 4, flags);
        CHECK_EQ(vm_resident(&fake.vm, space, at, 4 * PAGE, vector, &pages), 0);
        for (uint64_t i = 0; i < 4; i++)
            CHECK_EQ(file_see(space, vector + i), i == 1);
    }
    file_end(file);
}

TEST("DONTNEED shows the file again where memory is private, and loses nothing where it is shared")
{
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1);
    uint64_t shared = file_map(space, file, 0, 1, MAP_SHARED);
    uint64_t private = file_map(space, file, 0, 1, MAP_PRIVATE);

    file_write(file, 0, "foo");
    CHECK(file_put(space, private, 'p'));
    CHECK(file_put(space, shared, 's'));
    CHECK_EQ(vm_advise(&fake.vm, space, private, PAGE, MADV_DONTNEED), 0);
    CHECK_EQ(vm_advise(&fake.vm, space, shared, PAGE, MADV_DONTNEED), 0);
    CHECK_EQ(file_see(space, private), 's');
    CHECK_EQ(file_see(space, shared), 's');
    CHECK_EQ(vm_advise(&fake.vm, space, private, PAGE, MADV_FREE), EINVAL);
    CHECK_EQ(vm_sync(space, shared, PAGE, MS_SYNC), 0);
    file_end(file);
}

TEST("a mapping of a file that grows shows more of the file, in place and moved")
{
    for (uint32_t flags = MAP_SHARED; flags <= MAP_PRIVATE; flags++) {
        struct object *file = file_begin();
        struct space *space = space_create(&fake.vm, 1), *child = space_create(&fake.vm, 2);
        uint64_t at, moved, block;

        for (uint64_t i = 0; i < 6; i++)
            file_write(file, i * PAGE, (const char[]){(char)('0' + i), 0});
        at = file_map(space, file, 1, 1, flags);
        CHECK(file_put(space, at + 1, 'x'));
        CHECK_EQ(file_remap(space, at, 1, 2, 0, &moved), 0);
        CHECK_EQ(moved, at);
        CHECK_EQ(space->map.count, 1);
        CHECK_EQ(file_see(space, at + PAGE), '2');
        CHECK_EQ(vm_fork(&fake.vm, space, child), 0);
        CHECK_EQ(file_remap(space, at, 2, 3, 0, &moved), 0);
        CHECK_EQ(file_see(space, at + 2 * PAGE), '3');
        block = file_map(space, file, 0, 1, MAP_SHARED);
        CHECK_EQ(block, at + 3 * PAGE);
        CHECK_EQ(file_remap(space, at, 3, 4, 0, &moved), ENOMEM);
        CHECK_EQ(file_remap(space, at, 3, 6, MREMAP_MAYMOVE, &moved), 0);
        CHECK_EQ(file_see(space, moved + 1), 'x');
        CHECK_EQ(file_see(space, moved + 3 * PAGE), '4');
        CHECK_EQ(file_see(space, moved + 4 * PAGE), '5');
        CHECK(file_is_beyond(space, moved + 5 * PAGE));
        CHECK_EQ(file_see(child, at + PAGE), '2');
        file_end(file);
    }
}

TEST("no mapping of a file grows behind the last page that a file can have")
{
    for (uint32_t flags = MAP_SHARED; flags <= MAP_PRIVATE; flags++) {
        struct object *file = file_begin();
        struct space *space = space_create(&fake.vm, 1);
        uint64_t at = file_map(space, file, INDEX_LIMIT - 2, 1, flags), moved;

        CHECK_EQ(file_remap(space, at, 1, 3, MREMAP_MAYMOVE, &moved), EINVAL);
        CHECK_EQ(file_remap(space, at, 1, 2, MREMAP_MAYMOVE, &moved), 0);
        CHECK_EQ(vm_unmap(&fake.vm, space, moved, 2 * PAGE), 0);
        file_end(file);
    }
}

TEST("old size 0 maps shared memory a second time, and private memory not at all")
{
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1);
    uint64_t shared = file_map(space, file, 0, 3, MAP_SHARED), second, third, anonymous;
    uint64_t private = file_map(space, file, 0, 1, MAP_PRIVATE);
    struct vm_map_request request = {
        .bytes = 2 * PAGE, .protection = RW, .flags = MAP_SHARED | MAP_ANONYMOUS};

    file_write(file, 2 * PAGE, "x");
    CHECK_EQ(file_remap(space, shared + 2 * PAGE, 0, 1, MREMAP_MAYMOVE, &second), 0);
    CHECK_EQ(file_see(space, second), 'x');
    CHECK(file_put(space, second, 'y'));
    CHECK_EQ(file_see(space, shared + 2 * PAGE), 'y');
    CHECK_EQ(file_remap(space, private, 0, 1, MREMAP_MAYMOVE, &second), EINVAL);
    CHECK_EQ(file_remap(space, shared, 0, 1, 0, &second), ENOMEM);
    CHECK_EQ(vm_map(&fake.vm, space, &request, &anonymous), 0);
    CHECK(file_put(space, anonymous + PAGE, 'a'));
    CHECK_EQ(file_remap(space, anonymous + PAGE, 0, 1, MREMAP_MAYMOVE, &third), 0);
    CHECK_EQ(file_see(space, third), 'a');
    CHECK_EQ(vm_unmap(&fake.vm, space, anonymous, 2 * PAGE), 0);
    CHECK_EQ(file_see(space, third), 'a');
    file_end(file);
}

TEST("DONTUNMAP moves what was written and leaves what a new mapping would show")
{
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1);
    uint64_t flags = MREMAP_MAYMOVE | MREMAP_DONTUNMAP, moved;
    uint64_t shared = file_map(space, file, 0, 1, MAP_SHARED);
    uint64_t private = file_map(space, file, 0, 2, MAP_PRIVATE);

    file_write(file, 0, "foo");
    CHECK(file_put(space, private, 'p'));
    CHECK_EQ(file_remap(space, private, 2, 1, flags, &moved), EINVAL);
    CHECK_EQ(file_remap(space, private, 2, 2, MREMAP_DONTUNMAP, &moved), EINVAL);
    CHECK_EQ(file_remap(space, private, 2, 2, flags, &moved), 0);
    CHECK_EQ(file_see(space, moved), 'p');
    CHECK_EQ(file_see(space, private), 'f');
    CHECK(file_put(space, private, 'q'));
    CHECK_EQ(file_see(space, moved), 'p');
    CHECK_EQ(file_remap(space, shared, 1, 1, flags, &moved), 0);
    CHECK(file_put(space, moved, 's'));
    CHECK_EQ(file_see(space, shared), 's');
    file_end(file);
}

TEST("growth is elsewhere when another mapping shows the pages that would follow")
{
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1);
    uint64_t at = file_map(space, file, 0, 2, MAP_PRIVATE), moved, grown;

    file_write(file, PAGE, "file");
    CHECK(file_put(space, at + PAGE, 'p'));
    CHECK_EQ(file_map(space, file, 0, 1, MAP_SHARED), at + 2 * PAGE);
    CHECK_EQ(file_remap(space, at + PAGE, 1, 4, MREMAP_MAYMOVE, &moved), 0);
    CHECK(moved != at + PAGE);
    CHECK_EQ(file_remap(space, at, 1, 2, 0, &grown), 0);
    CHECK_EQ(file_see(space, at + PAGE), 'f');
    CHECK_EQ(file_see(space, moved), 'p');
    file_end(file);
}

TEST("mlock behind the end of a file is ENOMEM, and mlockall passes it over")
{
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1);
    uint64_t at[2] = {file_map(space, file, 0, 2, MAP_SHARED),
                      file_map(space, file, 0, 2, MAP_PRIVATE)};

    file_write(file, 0, "foo");
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_EQ(vm_wire(&fake.vm, space, at[i], 2 * PAGE, 0), ENOMEM);
        CHECK_EQ(limit_use(space, LIMIT_MEMLOCK, 0, 0), i * PAGE);
        CHECK_EQ(vm_wire(&fake.vm, space, at[i], PAGE, 0), 0);
    }
    CHECK_EQ(vm_wire_all(&fake.vm, space, MCL_CURRENT), 0);
    CHECK_EQ(limit_use(space, LIMIT_MEMLOCK, 0, 0), 4 * PAGE);
    file_sound();
    file_end(file);
}

/* ---- devices ---- */

/* A machine with a device of three pages that a space has open. */
static struct object *device_begin(struct space **space)
{
    uint32_t handle;

    fake_init(&fake, FRAMES);
    fake_add_device(&fake, "test,device", 0x101000, FAKE_DEVICE_PAGES * PAGE);
    fake_start(&fake);
    *space = space_create(&fake.vm, 1);
    CHECK_EQ(handle_open(&fake.vm, *space, &handle), 0);
    handle_find(*space, handle)->file = object_open_device(&fake.vm, 0);
    return handle_find(*space, handle)->file;
}

TEST("a device is shown by shared mappings, the same to all, and takes no frame")
{
    struct space *space, *child;
    struct object *device = device_begin(&space);
    uint64_t at = file_map(space, device, 1, 2, MAP_SHARED), free_pages;

    free_pages = fake.vm.table.counts[PAGE_FREE];
    fake.device[PAGE + 3] = 7;
    CHECK_EQ(file_see(space, at + 3), 7);
    CHECK(file_put(space, at + PAGE, 9));
    CHECK_EQ(fake.device[2 * PAGE], 9);
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], free_pages);
    CHECK_EQ(device->resident, 0);
    CHECK_EQ(fake.vm.commit.pages, 0);
    child = space_create(&fake.vm, 2);
    CHECK_EQ(vm_fork(&fake.vm, space, child), 0);
    CHECK(file_put(child, at, 5));
    CHECK_EQ(fake.device[PAGE], 5);
    CHECK_EQ(object_open_device(&fake.vm, 0), device);
    object_release(&fake.vm, device);
    file_end(NULL);
}

TEST("a device is mapped neither private nor executable nor beyond its end")
{
    struct space *space;
    struct object *device = device_begin(&space);
    static const struct {
        uint64_t pages, first;
        uint32_t protection, flags;
        int error;
    } cases[] = {{1, 0, RW, MAP_PRIVATE, EINVAL},
                 {4, 0, RW, MAP_SHARED, EINVAL},
                 {1, 3, RW, MAP_SHARED, EINVAL},
                 {1, 0, PROT_READ | PROT_EXEC, MAP_SHARED, EPERM},
                 {3, 0, RW, MAP_SHARED, 0}};
    uint64_t at = 0;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vm_map_request request =
            file_request(device, cases[i].pages, cases[i].protection, cases[i].flags);

        request.offset = cases[i].first * PAGE;
        CHECK_EQ(vm_map(&fake.vm, space, &request, &at), cases[i].error);
        file_sound();
    }
    CHECK_EQ(vm_protect(&fake.vm, space, at, PAGE, PROT_READ | PROT_EXEC), EACCES);
    file_end(NULL);
}

TEST("the other calls answer for a device as Linux does, and copy nothing from it")
{
    struct space *space;
    struct object *device = device_begin(&space);
    uint64_t at = file_map(space, device, 0, 2, MAP_SHARED), other, done;
    const uint8_t *byte;

    CHECK_EQ(vm_advise(&fake.vm, space, at, PAGE, MADV_DONTNEED), EINVAL);
    CHECK_EQ(vm_advise(&fake.vm, space, at, PAGE, MADV_FREE), EINVAL);
    CHECK_EQ(vm_advise(&fake.vm, space, at, PAGE, MADV_COLD), EINVAL);
    CHECK_EQ(vm_advise(&fake.vm, space, at, PAGE, MADV_WILLNEED), 0);
    CHECK_EQ(vm_sync(space, at, PAGE, MS_ASYNC), 0);
    CHECK_EQ(vm_sync(space, at, PAGE, MS_SYNC), EINVAL);
    CHECK_EQ(vm_wire(&fake.vm, space, at, 2 * PAGE, 0), 0);
    CHECK_EQ(limit_use(space, LIMIT_MEMLOCK, 0, 0), 0);
    CHECK_EQ(vm_wire_all(&fake.vm, space, MCL_CURRENT), 0);
    CHECK_EQ(file_remap(space, at, 2, 3, MREMAP_MAYMOVE, &other), EFAULT);
    CHECK_EQ(file_remap(space, at, 0, 1, MREMAP_MAYMOVE, &other), EFAULT);
    CHECK_EQ(file_remap(space, at, 2, 2, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, &other), EINVAL);
    CHECK_EQ(vm_write(&fake.vm, space, at, "x", 1), EFAULT);
    CHECK_EQ(vm_find_to_read(&fake.vm, space, at, &byte), EFAULT);
    CHECK_EQ(object_read(&fake.vm, device, 0, &done, 1, &done), EINVAL);
    CHECK_EQ(object_write(&fake.vm, device, 0, "x", 1, &done), EINVAL);
    CHECK_EQ(object_resize(&fake.vm, device, 0), EINVAL);
    CHECK(vm_is_resident(entry_find(&space->map, at), at));
    file_end(NULL);
}
