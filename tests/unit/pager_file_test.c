/* Files in the pager's core: what a file in memory holds, what its mappings show, and what is left of
 * both when it is cut. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c tests/unit/pager_mapping_kit.c */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "pager_mapping_kit.h"
#include "protocol.h"

/* ---- read, write, resize ---- */

TEST("a file in memory keeps what is written, across its pages")
{
    struct object *file = file_begin();
    char text[3 * FL_PAGE_BYTES], back[sizeof(text)];
    uint64_t done;

    memset(text, 'a', sizeof(text));
    text[PAGE] = 'b';
    CHECK_EQ(object_write(&fake.vm, file, PAGE - 5, text, sizeof(text), &done), 0);
    CHECK_EQ(file->bytes, 4 * PAGE - 5);
    CHECK_EQ(file->resident, 4);
    CHECK_EQ(object_read(&fake.vm, file, PAGE - 5, back, sizeof(back), &done), 0);
    CHECK_EQ(done, sizeof(back));
    CHECK_EQ(memcmp(text, back, sizeof(back)), 0);
    CHECK_EQ(file_byte(file, 0), 0);
    CHECK_EQ(file_byte(file, 4 * PAGE - 5), -1);
    file_end(file);
}

TEST("a hole is zero and takes no memory to read")
{
    struct object *file = file_begin();
    uint64_t free_pages;

    file_write(file, 9 * PAGE, "x");
    free_pages = fake.vm.table.counts[PAGE_FREE];
    CHECK_EQ(file->resident, 1);
    for (uint64_t i = 0; i < 9; i++)
        CHECK_EQ(file_byte(file, i * PAGE + i), 0);
    CHECK_EQ(file->resident, 1);
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], free_pages);
    file_end(file);
}

TEST("what is cut off a file does not come back when it grows")
{
    struct object *file = file_begin();

    file_write(file, 0, "abcdefgh");
    file_write(file, PAGE, "second page");
    CHECK_EQ(object_resize(&fake.vm, file, 3), 0);
    CHECK_EQ(file->resident, 1);
    CHECK_EQ(file_byte(file, 3), -1);
    CHECK_EQ(object_resize(&fake.vm, file, 2 * PAGE), 0);
    CHECK_EQ(file_byte(file, 2), 'c');
    CHECK_EQ(file_byte(file, 3), 0);
    CHECK_EQ(file_byte(file, PAGE), 0);
    CHECK_EQ(object_resize(&fake.vm, file, 0), 0);
    CHECK_EQ(file->resident, 0);
    file_end(file);
}

TEST("a file has a limit, and a refused size changes nothing")
{
    struct object *file = file_begin();
    uint64_t done = 7;

    file_write(file, 0, "x");
    CHECK_EQ(object_write(&fake.vm, file, INDEX_LIMIT * PAGE, "y", 1, &done), EFBIG);
    CHECK_EQ(done, 0);
    CHECK_EQ(object_write(&fake.vm, file, UINT64_MAX, "y", 1, &done), EFBIG);
    CHECK_EQ(object_resize(&fake.vm, file, INDEX_LIMIT * PAGE + 1), EFBIG);
    CHECK_EQ(file->bytes, 1);
    CHECK_EQ(object_write(&fake.vm, file, INDEX_LIMIT * PAGE - 1, "yz", 2, &done), 0);
    CHECK_EQ(done, 1);
    CHECK_EQ(file->bytes, INDEX_LIMIT * PAGE);
    file_sound();
    file_end(file);
}

TEST("files hold at most half of the frames, and say ENOSPC with what was done")
{
    static char block[FRAMES * FL_PAGE_BYTES];
    struct object *file = file_begin(), *other = file_create("other");
    uint64_t done, frames = FRAMES - 3;

    CHECK_EQ(object_write(&fake.vm, file, 0, block, sizeof(block), &done), ENOSPC);
    CHECK_EQ(done, frames / 2 * PAGE);
    CHECK_EQ(file->bytes, done);
    CHECK_EQ(object_write(&fake.vm, other, 0, "x", 1, &done), ENOSPC);
    CHECK_EQ(done, 0);
    CHECK_EQ(other->bytes, 0);
    CHECK_EQ(object_resize(&fake.vm, file, PAGE), 0);
    CHECK_EQ(object_write(&fake.vm, other, 0, "x", 1, &done), 0);
    file_unlink(other);
    file_end(file);
}

TEST("with strict promises files take no memory that was promised, and all that was not")
{
    struct object *file = file_begin();
    uint64_t done, rest;

    fake.vm.commit.strict = true;
    rest = commit_limit(&fake.vm);
    CHECK(commit_take(&fake.vm, rest - 5));
    for (uint64_t i = 0; i < 10; i++)
        object_write(&fake.vm, file, i * PAGE, "x", 1, &done);
    CHECK(file->resident > 0);
    CHECK(file->resident <= 5);
    CHECK_EQ(fake.vm.commit.pages, commit_limit(&fake.vm));
    commit_give(&fake.vm, rest - 5);
    file_end(file);
}

TEST("numbers of files are never used twice")
{
    struct object *file = file_begin(), *other;
    uint64_t number = file->number;

    CHECK(number > fake.vm.archive_bytes);
    file_unlink(file);
    file = file_create("file");
    other = file_create("other");
    CHECK(file->number > number);
    CHECK(other->number > file->number);
    file_unlink(other);
    file_end(file);
}

/* ---- mappings ---- */

TEST("shared, private and read-only mappings of \"foo\" show fix, fob and fix")
{
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1);
    struct vm_map_request request = file_request(file, 1, PROT_READ, MAP_SHARED);
    uint64_t shared, private, read_only;

    file_write(file, 0, "foo");
    shared = file_map(space, file, 0, 1, MAP_SHARED);
    private = file_map(space, file, 0, 1, MAP_PRIVATE);
    CHECK_EQ(vm_map(&fake.vm, space, &request, &read_only), 0);
    CHECK(file_put(space, private + 2, 'b'));
    CHECK(file_put(space, shared + 2, 'x'));
    CHECK(file_put(space, shared + 1, 'i'));
    CHECK(!file_put(space, read_only, 'z'));
    CHECK_EQ(fake_last_event.signal, 11);
    for (uint64_t i = 0; i < 3; i++) {
        CHECK_EQ(file_see(space, shared + i), "fix"[i]);
        CHECK_EQ(file_see(space, private + i), "fob"[i]);
        CHECK_EQ(file_see(space, read_only + i), "fix"[i]);
        CHECK_EQ(file_byte(file, i), "fix"[i]);
    }
    file_end(file);
}

TEST("mmap of a file gives the errors of Linux, and changes nothing")
{
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1);
    static const struct {
        uint64_t bytes, offset;
        uint32_t protection, flags;
        bool readable, writable;
        int error;
    } cases[] = {
        {PAGE, 0, RW, MAP_SHARED, true, true, 0},
        {PAGE, 0, PROT_READ, MAP_SHARED, true, false, 0},
        {PAGE, 0, PROT_NONE, MAP_SHARED, true, false, 0},
        {PAGE, 0, RW, MAP_PRIVATE, true, false, 0},
        {PAGE, INDEX_LIMIT * PAGE - PAGE, RW, MAP_SHARED, true, true, 0},
        {PAGE, 1, RW, MAP_SHARED, true, true, EINVAL},
        {0, 0, RW, MAP_SHARED, true, true, EINVAL},
        {PAGE, 0, RW, 0, true, true, EINVAL},
        {PAGE, 0, RW, MAP_SHARED, true, false, EACCES},
        {PAGE, 0, PROT_READ, MAP_SHARED, false, true, EACCES},
        {PAGE, 0, PROT_NONE, MAP_PRIVATE, false, true, EACCES},
        {PAGE, INDEX_LIMIT * PAGE, RW, MAP_SHARED, true, true, EOVERFLOW},
        {2 * PAGE, UINT64_MAX - PAGE + 1, RW, MAP_PRIVATE, true, true, EOVERFLOW},
        {UINT64_MAX, 0, RW, MAP_PRIVATE, true, true, ENOMEM},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vm_map_request request = {.bytes = cases[i].bytes,
                                         .offset = cases[i].offset,
                                         .protection = cases[i].protection,
                                         .flags = cases[i].flags,
                                         .file = file,
                                         .readable = cases[i].readable,
                                         .writable = cases[i].writable};
        uint32_t before = space->map.count;
        uint64_t at;
        int error = vm_map(&fake.vm, space, &request, &at);

        if (error != cases[i].error)
            harness_note("case %u", (unsigned)i);
        CHECK_EQ(error, cases[i].error);
        CHECK_EQ(space->map.count, before + !error);
        file_sound();
    }
    file_end(file);
}

TEST("what may not be written can't be made writable, unless it is private")
{
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1);
    struct vm_map_request request = file_request(file, 1, PROT_READ, MAP_SHARED);
    uint64_t shared, private;

    file_write(file, 0, "foo");
    request.writable = false;
    CHECK_EQ(vm_map(&fake.vm, space, &request, &shared), 0);
    request.flags = MAP_PRIVATE;
    CHECK_EQ(vm_map(&fake.vm, space, &request, &private), 0);
    CHECK_EQ(fake.vm.commit.pages, 0);
    CHECK_EQ(vm_protect(&fake.vm, space, shared, PAGE, RW), EACCES);
    CHECK_EQ(vm_protect(&fake.vm, space, private, PAGE, RW), 0);
    CHECK_EQ(fake.vm.commit.pages, 1);
    CHECK(file_put(space, private, 'x'));
    CHECK_EQ(file_see(space, shared), 'f');
    file_end(file);
}

TEST("a file that lives only in mappings goes with the last of them")
{
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1), *child = space_create(&fake.vm, 2);
    uint64_t shared, private;

    file_write(file, 0, "foo");
    shared = file_map(space, file, 0, 1, MAP_SHARED);
    private = file_map(space, file, 0, 1, MAP_PRIVATE);
    CHECK_EQ(vm_fork(&fake.vm, space, child), 0);
    file_unlink(file);
    file_sound();
    CHECK_EQ(vm_unmap(&fake.vm, space, shared, PAGE), 0);
    CHECK_EQ(vm_unmap(&fake.vm, space, private, PAGE), 0);
    CHECK(file_put(child, private, 'x'));
    CHECK_EQ(file_see(child, shared), 'f');
    file_end(NULL);
}

TEST("writes through one mapping are read through all, and by read()")
{
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1), *other = space_create(&fake.vm, 2);
    uint64_t one, two, private;

    CHECK_EQ(object_resize(&fake.vm, file, 3 * PAGE), 0);
    one = file_map(space, file, 0, 3, MAP_SHARED);
    two = file_map(other, file, 1, 2, MAP_SHARED);
    private = file_map(other, file, 0, 3, MAP_PRIVATE);
    CHECK_EQ(file_see(space, one + PAGE), 0);
    CHECK_EQ(file_see(other, private + PAGE), 0);
    CHECK(file_put(other, two, 'a'));
    CHECK_EQ(file_see(space, one + PAGE), 'a');
    CHECK_EQ(file_see(other, private + PAGE), 'a');
    file_write(file, PAGE, "b");
    CHECK_EQ(file_see(space, one + PAGE), 'b');
    CHECK_EQ(file_see(other, private + PAGE), 'b');
    CHECK_EQ(file_byte(file, PAGE), 'b');
    CHECK_EQ(file->resident, 1);
    file_end(file);
}

TEST("behind the end of a file is SIGBUS, until the file grows")
{
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1);
    uint64_t shared = file_map(space, file, 0, 2, MAP_SHARED);
    uint64_t private = file_map(space, file, 0, 2, MAP_PRIVATE);

    CHECK(file_is_beyond(space, shared));
    CHECK(file_is_beyond(space, private));
    CHECK(!file_put(space, private, 'x'));
    file_write(file, 0, "a");
    CHECK_EQ(file_see(space, shared + PAGE - 1), 0);
    CHECK_EQ(file_see(space, private), 'a');
    CHECK(file_is_beyond(space, shared + PAGE));
    CHECK(file_is_beyond(space, private + PAGE));
    file_end(file);
}

TEST("a file that is cut takes its pages out of every mapping, private copies too")
{
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1), *child = space_create(&fake.vm, 2);
    uint64_t shared, private;

    CHECK_EQ(object_resize(&fake.vm, file, 4 * PAGE), 0);
    shared = file_map(space, file, 0, 4, MAP_SHARED);
    private = file_map(space, file, 1, 3, MAP_PRIVATE);
    for (uint64_t i = 0; i < 3; i++) {
        CHECK(file_put(space, shared + i * PAGE, 's'));
        CHECK(file_put(space, private + i * PAGE, 'p'));
    }
    CHECK_EQ(vm_fork(&fake.vm, space, child), 0);
    CHECK(file_put(child, private + 2 * PAGE, 'c'));
    CHECK_EQ(object_resize(&fake.vm, file, 2 * PAGE), 0);
    file_sound();
    CHECK_EQ(file_see(space, private), 'p');
    CHECK_EQ(file_see(child, private), 'p');
    CHECK_EQ(file_see(child, shared + PAGE), 's');
    for (uint64_t i = 1; i < 3; i++) {
        CHECK(file_is_beyond(space, private + i * PAGE));
        CHECK(file_is_beyond(child, private + i * PAGE));
        CHECK(file_is_beyond(child, shared + (i + 1) * PAGE));
    }
    CHECK_EQ(object_resize(&fake.vm, file, 4 * PAGE), 0);
    CHECK_EQ(file_see(space, private + PAGE), 0);
    CHECK_EQ(file_see(child, shared + 3 * PAGE), 0);
    file_end(file);
}

TEST("what a program wrote behind the end of the file is not in the file when it grows")
{
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1);
    uint64_t shared = file_map(space, file, 0, 2, MAP_SHARED);

    file_write(file, 0, "abc");
    CHECK(file_put(space, shared + 100, 'x'));
    CHECK_EQ(file_see(space, shared + 100), 'x');
    file_write(file, PAGE, "d");
    CHECK_EQ(file_see(space, shared + 100), 0);
    CHECK_EQ(file_byte(file, 100), 0);
    file_end(file);
}

TEST("a fault for which files may hold no more is SIGBUS, not the end of memory")
{
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1);
    uint64_t pages = FRAMES / 2 + 1, shared, stopped = 0;

    CHECK_EQ(object_resize(&fake.vm, file, pages * PAGE), 0);
    shared = file_map(space, file, 0, pages, MAP_SHARED);
    for (uint64_t i = 0; i < pages; i++)
        stopped += file_see(space, shared + i * PAGE) != 0;
    CHECK(stopped > 0);
    CHECK_EQ(fake_last_event.signal, 7);
    CHECK_EQ(fake_last_event.kind, PAGER_EVENT_NO_MEMORY);
    file_end(file);
}

TEST("anonymous memory beside a private mapping is zero, not more of the file")
{
    struct object *file = file_begin();
    struct space *space = space_create(&fake.vm, 1);
    struct vm_map_request request = {
        .bytes = PAGE, .protection = RW, .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};
    uint64_t private, at;

    file_write(file, PAGE, "file");
    private = file_map(space, file, 0, 1, MAP_PRIVATE);
    request.address = private + PAGE;
    CHECK_EQ(vm_map(&fake.vm, space, &request, &at), 0);
    CHECK_EQ(file_see(space, private + PAGE), 0);
    file_end(file);
}

/* ---- files of the initrd ---- */

static void file_check_archive(bool aligned)
{
    struct space *space;
    struct object *file = file_begin_archive(&space, 2 * PAGE + 7, aligned);
    struct vm_map_request request = file_request(file, 4, PROT_READ, MAP_SHARED);
    uint64_t shared, private, done;

    request.writable = false;
    CHECK_EQ(vm_map(&fake.vm, space, &request, &shared), 0);
    private = file_map(space, file, 0, 4, MAP_PRIVATE);
    CHECK(file_put(space, private + 1, 'x'));
    CHECK_EQ(file_see(space, private), 1);
    CHECK_EQ(file_see(space, shared + 1), 1);
    CHECK_EQ(file_see(space, shared + 2 * PAGE), 3);
    CHECK_EQ(file_see(space, shared + 2 * PAGE + 7), 0);
    CHECK(file_is_beyond(space, shared + 3 * PAGE));
    CHECK(file_is_beyond(space, private + 3 * PAGE));
    CHECK_EQ(file_byte(file, PAGE), 2);
    CHECK_EQ(file_byte(file, 2 * PAGE + 7), -1);
    CHECK_EQ(object_write(&fake.vm, file, 0, "x", 1, &done), EROFS);
    CHECK_EQ(object_resize(&fake.vm, file, 0), EROFS);
    CHECK_EQ(file->number, fake_find_file(&fake, "data")->offset);
    file_end(file);
}

TEST("a file of the initrd that lies on pages is mapped, read and never written")
{
    file_check_archive(true);
}

TEST("so is one that does not lie on pages")
{
    file_check_archive(false);
}
