/* Files in the pager's core: what a file in memory holds, what its mappings show, and what is left of
 * both when it is cut. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "memory_values.h"
#include "pager_fake.h"
#include "protocol.h"

#define FRAMES 256u
#define PAGE   ((uint64_t)FL_PAGE_BYTES)
#define RW     (PROT_READ | PROT_WRITE)

static struct fake fake;

static void file_sound(void)
{
    CHECK_STRING(fake_check(&fake) ? fake_check(&fake) : "", "");
}

/* A new file that is kept by its name, until file_unlink. */
static struct object *file_create(const char *text)
{
    const struct name_key key = {NAME_IN_TMP, text, (uint32_t)strlen(text)};
    struct object *file = object_create_memory(&fake.vm);

    CHECK(file && names_create(&fake.vm, &key, file));
    return file;
}

static void file_unlink(const struct object *file)
{
    names_remove(&fake.vm, file->name);
}

static struct object *file_begin(void)
{
    fake_init(&fake, FRAMES);
    fake_start(&fake);
    return file_create("file");
}

/* The law of all tests here: when spaces and files are gone, every frame and promise is back. */
static void file_end(struct object *file)
{
    file_sound();
    if (file && file->name)
        file_unlink(file);
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (fake.vm.spaces[id])
            fake_destroy_space(&fake, fake.vm.spaces[id]);
    file_sound();
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], fake.free_pages);
    CHECK_EQ(fake.vm.commit.pages, 0);
    CHECK_EQ(fake.vm.files, NULL);
    fake_free(&fake);
}

static void file_write(struct object *file, uint64_t offset, const char *text)
{
    uint64_t done;

    CHECK_EQ(object_write(&fake.vm, file, offset, text, strlen(text), &done), 0);
    CHECK_EQ(done, strlen(text));
    file_sound();
}

/* The byte at an offset, or -1 at the end of the file and behind. */
static int file_byte(struct object *file, uint64_t offset)
{
    uint64_t done;
    uint8_t byte;

    CHECK_EQ(object_read(&fake.vm, file, offset, &byte, 1, &done), 0);
    return done == 1 ? byte : -1;
}

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

TEST("with strict promises files take no memory that was promised")
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
    CHECK(fake.vm.commit.pages <= commit_limit(&fake.vm));
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

static struct vm_map_request file_request(struct object *file, uint64_t pages, uint32_t protection,
                                          uint32_t flags)
{
    return (struct vm_map_request){.bytes = pages * PAGE,
                                   .protection = protection,
                                   .flags = flags,
                                   .file = file,
                                   .readable = true,
                                   .writable = true};
}

static uint64_t file_map(struct space *space, struct object *file, uint64_t first, uint64_t pages,
                         uint32_t flags)
{
    struct vm_map_request request = file_request(file, pages, RW, flags);
    uint64_t at = 0;

    request.offset = first * PAGE;
    CHECK_EQ(vm_map(&fake.vm, space, &request, &at), 0);
    file_sound();
    return at;
}

/* What a program reads, or -1 if it is stopped (then file_signal is why). */
static int file_see(struct space *space, uint64_t address)
{
    uint8_t byte = 0;
    enum fake_outcome outcome = fake_touch(&fake, space, address, FL_ACCESS_READ, &byte);

    file_sound();
    return outcome == FAKE_DONE ? byte : -1;
}

static bool file_put(struct space *space, uint64_t address, uint8_t byte)
{
    enum fake_outcome outcome = fake_touch(&fake, space, address, FL_ACCESS_WRITE, &byte);

    file_sound();
    return outcome == FAKE_DONE;
}

/* True if a touch of the address ends in SIGBUS behind the end of the file. */
static bool file_is_beyond(struct space *space, uint64_t address)
{
    return file_see(space, address) == -1 && fake_last_event.signal == 7 &&
           fake_last_event.kind == PAGER_EVENT_BEYOND_END;
}

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

static struct object *file_begin_archive(struct space **space, uint64_t bytes, bool aligned)
{
    static uint8_t data[20 * FL_PAGE_BYTES];
    struct object *file;
    uint32_t handle;

    for (uint64_t i = 0; i < bytes; i++)
        data[i] = (uint8_t)(i / PAGE + 1);
    fake_init(&fake, FRAMES);
    fake_add_file(&fake, "data", data, bytes, aligned);
    fake_start(&fake);
    *space = space_create(&fake.vm, 1);
    CHECK_EQ(handle_open(&fake.vm, *space, &handle), 0);
    file = object_open_file(&fake.vm, fake_find_file(&fake, "data"));
    (*space)->handles[handle]->file = file;
    return file;
}

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

/* ---- fault-around ---- */

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

/* ---- the other memory calls ---- */

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

static int file_remap(struct space *space, uint64_t old, uint64_t old_pages, uint64_t pages,
                      uint64_t flags, uint64_t *at)
{
    struct vm_remap_request request = {
        .address = old, .old_bytes = old_pages * PAGE, .bytes = pages * PAGE, .flags = flags};
    int error = vm_remap(&fake.vm, space, &request, at);

    file_sound();
    return error;
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
