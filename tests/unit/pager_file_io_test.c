/* read, write, lseek, ftruncate and access of open files, descriptions that forks share, and what a
 * table of handles holds. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "memory_values.h"
#include "pager_file_kit.h"

#define FRAMES  512u
#define PAGE    ((uint64_t)FL_PAGE_BYTES)
#define RW      (PROT_READ | PROT_WRITE)
#define CREATE  (FILE_O_RDWR | FILE_O_CREAT)
#define HERE    FILE_AT_POSITION
#define AREA    0x2000000000ull
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)

static struct fake fake;
static struct space *space;

static void io_sound(void)
{
    CHECK_STRING(fake_check(&fake) ? fake_check(&fake) : "", "");
}

/* Maps memory at a place; handle < 0: anonymous. */
static void io_map(struct space *where, uint64_t address, uint64_t pages, uint32_t protection,
                   int handle)
{
    struct vm_map_request request = {.address = address,
                                     .bytes = pages * PAGE,
                                     .protection = protection,
                                     .flags = MAP_FIXED | (handle < 0 ? PRIVATE : MAP_SHARED)};
    uint64_t at;

    if (handle < 0)
        CHECK_EQ(vm_map(&fake.vm, where, &request, &at), 0);
    else
        CHECK_EQ(vm_file_map(&fake.vm, where, (uint64_t)handle, &request, &at), 0);
}

/* A space with eight pages at AREA. */
static void io_begin(void)
{
    static uint8_t data[2 * FL_PAGE_BYTES + 100];

    for (uint32_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i / 7);
    fake_init(&fake, FRAMES);
    fake_add_file(&fake, "on-pages", data, sizeof(data), true);
    fake_add_file(&fake, "anywhere", data, sizeof(data), false);
    fake_start(&fake);
    space = space_create(&fake.vm, 1);
    io_map(space, AREA, 8, RW, -1);
}

static void io_end(void)
{
    io_sound();
    for (uint32_t id = 0; id < VM_SPACES_MAX; id++)
        if (fake.vm.spaces[id])
            fake_destroy_space(&fake, fake.vm.spaces[id]);
    while (fake.vm.names.first)
        names_remove(&fake.vm, fake.vm.names.first);
    io_sound();
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], fake.free_pages);
    CHECK_EQ(fake.vm.files, NULL);
    fake_free(&fake);
}

static void io_put(struct space *where, uint64_t address, const char *text)
{
    for (; *text; text++, address++) {
        uint8_t byte = (uint8_t)*text;

        CHECK_EQ(fake_touch(&fake, where, address, FL_ACCESS_WRITE, &byte), FAKE_DONE);
    }
}

/* `bytes` of a space as a string; a zero is shown as a dot. */
static const char *io_see(struct space *where, uint64_t address, uint32_t bytes)
{
    static char text[64];

    for (uint32_t i = 0; i < bytes; i++) {
        uint8_t byte = 0;

        CHECK_EQ(fake_touch(&fake, where, address + i, FL_ACCESS_READ, &byte), FAKE_DONE);
        text[i] = byte ? (char)byte : '.';
    }
    text[bytes] = '\0';
    return text;
}

static int io_open(const char *text, uint32_t flags)
{
    int handle = kit_open(&fake, space, text, flags);

    CHECK(handle >= 0);
    return handle;
}

/* Puts a text into a file through the space's last page. */
static void io_fill(int handle, const char *text)
{
    io_put(space, AREA + 7 * PAGE, text);
    CHECK_EQ(kit_write(&fake, space, handle, AREA + 7 * PAGE, strlen(text), HERE), strlen(text));
}

/* ---- contents ---- */

TEST("what was written is read, wherever pages begin, and holes are zero")
{
    int handle;

    io_begin();
    handle = io_open("/tmp/f", CREATE);
    io_put(space, AREA + PAGE - 3, "across pages");
    CHECK_EQ(kit_write(&fake, space, handle, AREA + PAGE - 3, 12, 2 * PAGE - 5), 12);
    io_sound();
    CHECK_EQ(kit_read(&fake, space, handle, AREA + 3 * PAGE - 7, 20, 2 * PAGE - 8), 15);
    CHECK_STRING(io_see(space, AREA + 3 * PAGE - 7, 16), "...across pages.");
    CHECK_EQ(space->handles[handle]->offset, 0);
    CHECK_EQ(space->handles[handle]->file->resident, 2);
    CHECK_EQ(kit_read(&fake, space, handle, AREA, PAGE, 3 * PAGE), 0);
    io_end();
}

TEST("files of the initrd are read whether they lie on pages or not")
{
    static const char *const names[] = {"/on-pages", "/anywhere"};

    for (uint32_t i = 0; i < 2; i++) {
        int handle;
        uint8_t byte;

        io_begin();
        handle = io_open(names[i], FILE_O_RDONLY);
        CHECK_EQ(kit_read(&fake, space, handle, AREA + 1, 3 * PAGE, HERE), 2 * PAGE + 100);
        CHECK_EQ(kit_read(&fake, space, handle, AREA + 1, 3 * PAGE, HERE), 0);
        for (uint64_t at = 0; at < 2 * PAGE + 100; at += 61) {
            CHECK_EQ(fake_touch(&fake, space, AREA + 1 + at, FL_ACCESS_READ, &byte), FAKE_DONE);
            CHECK_EQ(byte, (uint8_t)(at / 7));
        }
        CHECK_EQ(kit_write(&fake, space, handle, AREA, 1, HERE), -EBADF);
        CHECK_EQ(vm_file_truncate(&fake.vm, space, (uint64_t)handle, 0), EINVAL);
        io_end();
    }
}

TEST("read and write work on the pages that every mapping shows")
{
    struct space *other;
    int handle;

    io_begin();
    handle = io_open("/dev/shm/f", CREATE);
    io_fill(handle, "one page cache");
    other = space_create(&fake.vm, 2);
    io_map(space, AREA + 0x100000, 2, RW, handle);
    CHECK_EQ(vm_fork(&fake.vm, space, other), 0);
    CHECK_STRING(io_see(other, AREA + 0x100000, 14), "one page cache");
    io_put(space, AREA, "two");
    CHECK_EQ(kit_write(&fake, space, handle, AREA, 3, 0), 3);
    CHECK_STRING(io_see(other, AREA + 0x100000, 14), "two page cache");
    io_put(other, AREA + 0x100000 + 4, "fine");
    CHECK_EQ(kit_read(&fake, space, handle, AREA + 100, 100, 0), 14);
    CHECK_STRING(io_see(space, AREA + 100, 15), "two fine cache.");
    io_end();
}

TEST("a buffer may be a mapping of the same file, and the same bytes of it")
{
    const uint64_t window = AREA + 0x100000;
    int handle;

    io_begin();
    handle = io_open("/tmp/f", CREATE);
    CHECK_EQ(vm_file_truncate(&fake.vm, space, (uint64_t)handle, 2 * PAGE), 0);
    io_map(space, window, 2, RW, handle);
    io_put(space, window, "0123456789");
    CHECK_EQ(kit_read(&fake, space, handle, window, 2 * PAGE, 0), 2 * PAGE);
    CHECK_STRING(io_see(space, window, 11), "0123456789.");
    CHECK_EQ(kit_read(&fake, space, handle, window + 2, 8, 0), 8);
    CHECK_STRING(io_see(space, window, 11), "0101234567.");
    CHECK_EQ(kit_write(&fake, space, handle, window + 4, 6, 1), 6);
    CHECK_STRING(io_see(space, window, 11), "0234567567.");
    CHECK_EQ(kit_write(&fake, space, handle, window, PAGE, PAGE), PAGE);
    CHECK_STRING(io_see(space, window + PAGE, 11), "0234567567.");
    CHECK_EQ(kit_read(&fake, space, handle, window + PAGE, PAGE, PAGE), PAGE);
    io_sound();
    io_end();
}

TEST("read fills memory that a fork shares for the reader only")
{
    struct space *child;
    int handle;

    io_begin();
    handle = io_open("/tmp/f", CREATE);
    io_fill(handle, "new");
    io_put(space, AREA, "old");
    child = space_create(&fake.vm, 2);
    CHECK_EQ(vm_fork(&fake.vm, space, child), 0);
    CHECK_STRING(io_see(child, AREA, 3), "old");
    CHECK_EQ(kit_read(&fake, child, handle, AREA, 3, 0), 3);
    CHECK_STRING(io_see(child, AREA, 3), "new");
    CHECK_STRING(io_see(space, AREA, 3), "old");
    CHECK_EQ(kit_read(&fake, space, handle, AREA, 2, 0), 2);
    CHECK_STRING(io_see(space, AREA, 3), "ned");
    io_end();
}

/* ---- buffers that are not the program's ---- */

TEST("a buffer that is absent, read-only, a guard or half unmapped is EFAULT, and nothing happens")
{
    static const struct {
        uint64_t address;
        uint64_t bytes;
        int read, write; /* 0: works */
    } cases[] = {
        {AREA + PAGE, 3 * PAGE, EFAULT, 0},        /* ends in read-only pages */
        {AREA + 3 * PAGE, 1, EFAULT, 0},           /* read-only */
        {AREA + 4 * PAGE - 1, 2, EFAULT, EFAULT},  /* half in a hole */
        {AREA + 4 * PAGE, 1, EFAULT, EFAULT},      /* a hole */
        {AREA + 5 * PAGE - 1, 10, EFAULT, EFAULT}, /* begins in it */
        {AREA + 6 * PAGE, 1, EFAULT, EFAULT},      /* PROT_NONE */
        {AREA + 8 * PAGE, 1, EFAULT, EFAULT},      /* behind all */
        {0, 1, EFAULT, EFAULT},                    /* NULL */
        {FL_USER_END - 1, 2, EFAULT, EFAULT},      /* the end of user addresses */
        {FL_USER_END, 0, 0, 0},                    /* nothing */
        {FL_USER_END + 1, 0, EFAULT, EFAULT},      /* the kernel's */
        {AREA, UINT64_MAX, EFAULT, EFAULT},        /* wraps */
        {AREA, 1ull << 62, EFAULT, EFAULT},
        {0, 0, 0, 0},
    };

    io_begin();
    CHECK_EQ(vm_protect(&fake.vm, space, AREA + 3 * PAGE, PAGE, PROT_READ), 0);
    CHECK_EQ(vm_unmap(&fake.vm, space, AREA + 4 * PAGE, PAGE), 0);
    CHECK_EQ(vm_protect(&fake.vm, space, AREA + 6 * PAGE, PAGE, PROT_NONE), 0);
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int from = io_open("/on-pages", FILE_O_RDONLY), to = io_open("/tmp/f", CREATE);
        uint32_t free_pages = fake.vm.table.counts[PAGE_FREE];
        int64_t done;

        CHECK_EQ(vm_file_truncate(&fake.vm, space, (uint64_t)to, 7), 0);
        done = kit_read(&fake, space, from, cases[i].address, cases[i].bytes, HERE);
        CHECK_EQ(done < 0 ? -done : 0, cases[i].read);
        if (cases[i].read)
            CHECK_EQ(fake.vm.table.counts[PAGE_FREE], free_pages);
        CHECK_EQ(space->handles[from]->offset, done < 0 ? 0 : done);
        done = kit_write(&fake, space, to, cases[i].address, cases[i].bytes, HERE);
        CHECK_EQ(done < 0 ? -done : 0, cases[i].write);
        CHECK_EQ(space->handles[to]->offset, done < 0 ? 0 : done);
        if (cases[i].write)
            CHECK_EQ(space->handles[to]->file->bytes, 7);
        CHECK_EQ(vm_file_close(&fake.vm, space, (uint64_t)from), 0);
        CHECK_EQ(vm_file_close(&fake.vm, space, (uint64_t)to), 0);
        CHECK_EQ(kit_unlink(&fake, space, "/tmp/f"), 0);
        io_sound();
    }
    io_end();
}

TEST("as on Linux, only what a read would fill must be writable")
{
    int handle;

    io_begin();
    handle = io_open("/tmp/f", CREATE);
    io_fill(handle, "abc");
    CHECK_EQ(kit_read(&fake, space, handle, AREA + 8 * PAGE - 3, 100, 0), 3);
    CHECK_EQ(kit_read(&fake, space, handle, AREA + 8 * PAGE - 2, 100, 0), -EFAULT);
    CHECK_EQ(kit_read(&fake, space, handle, 0, 100, 3), 0);
    io_end();
}

TEST("access is told without bringing a page in, and ends where a mapped file ends")
{
    const uint64_t window = AREA + 0x100000;
    struct vm_map_request request = {.address = window + 4 * PAGE,
                                     .bytes = 3 * PAGE,
                                     .protection = RW,
                                     .flags = MAP_PRIVATE | MAP_FIXED};
    uint32_t free_pages;
    uint64_t at;
    int handle;

    io_begin();
    handle = io_open("/tmp/f", CREATE);
    CHECK_EQ(vm_file_truncate(&fake.vm, space, (uint64_t)handle, PAGE + 1), 0);
    io_map(space, window, 3, RW, handle);
    CHECK_EQ(vm_file_map(&fake.vm, space, (uint64_t)handle, &request, &at), 0);
    free_pages = fake.vm.table.counts[PAGE_FREE];
    for (uint64_t base = window; base <= window + 4 * PAGE; base += 4 * PAGE) {
        CHECK_EQ(vm_check_access(space, base, 2 * PAGE, FL_RIGHT_WRITE), 0);
        CHECK_EQ(vm_check_access(space, base + 2 * PAGE - 1, 1, FL_RIGHT_WRITE), 0);
        CHECK_EQ(vm_check_access(space, base, 2 * PAGE + 1, FL_RIGHT_READ), EFAULT);
        CHECK_EQ(vm_check_access(space, base + 2 * PAGE, 1, FL_RIGHT_READ), EFAULT);
        CHECK_EQ(kit_write(&fake, space, handle, base + PAGE, PAGE + 1, 0), -EFAULT);
    }
    CHECK_EQ(vm_check_access(space, AREA, 8 * PAGE, FL_RIGHT_READ | FL_RIGHT_WRITE), 0);
    CHECK_EQ(vm_check_access(space, AREA, 8 * PAGE, FL_RIGHT_EXEC), EFAULT);
    CHECK_EQ(vm_check_access(space, AREA - 1, 2, FL_RIGHT_READ), EFAULT);
    CHECK_EQ(vm_check_access(space, AREA + 1, UINT64_MAX, FL_RIGHT_READ), EFAULT);
    CHECK_EQ(vm_check_access(space, 0, 0, FL_RIGHT_READ), 0);
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], free_pages);
    CHECK_EQ(vm_file_truncate(&fake.vm, space, (uint64_t)handle, 3 * PAGE), 0);
    CHECK_EQ(vm_check_access(space, window, 3 * PAGE, FL_RIGHT_WRITE), 0);
    CHECK_EQ(vm_check_access(space, window + 4 * PAGE, 3 * PAGE, FL_RIGHT_WRITE), 0);
    io_end();
}

/* ---- offsets, access modes ---- */

TEST("handles that are not open, or not for this, are EBADF")
{
    int reader, writer;
    uint64_t position;

    io_begin();
    writer = io_open("/tmp/f", FILE_O_WRONLY | FILE_O_CREAT);
    reader = io_open("/tmp/f", FILE_O_RDONLY);
    CHECK_EQ(kit_read(&fake, space, writer, AREA, 1, HERE), -EBADF);
    CHECK_EQ(kit_read(&fake, space, writer, 0, 1, HERE), -EBADF);
    CHECK_EQ(kit_write(&fake, space, reader, AREA, 1, HERE), -EBADF);
    CHECK_EQ(kit_write(&fake, space, reader, AREA, 0, HERE), -EBADF);
    CHECK_EQ(kit_read(&fake, space, 9, 0, 1, HERE), -EBADF);
    CHECK_EQ(kit_write(&fake, space, 1 << 20, AREA, 1, HERE), -EBADF);
    CHECK_EQ(kit_read(&fake, space, -1, AREA, 1, HERE), -EBADF);
    CHECK_EQ(kit_read(&fake, space, 9, AREA, 1, UINT64_MAX - 1), -EINVAL);
    CHECK_EQ(vm_file_seek(space, 9, 0, 9, &position), EBADF);
    CHECK_EQ(vm_file_truncate(&fake.vm, space, 9, 0), EBADF);
    CHECK_EQ(vm_file_truncate(&fake.vm, space, 9, UINT64_MAX), EINVAL);
    CHECK_EQ(vm_file_truncate(&fake.vm, space, (uint64_t)reader, 0), EINVAL);
    CHECK_EQ(vm_file_close(&fake.vm, space, HANDLES_MAX), EBADF);
    CHECK_EQ(vm_file_close(&fake.vm, space, UINT64_MAX), EBADF);
    CHECK_EQ(vm_file_close(&fake.vm, space, (uint64_t)reader), 0);
    CHECK_EQ(vm_file_close(&fake.vm, space, (uint64_t)reader), EBADF);
    io_end();
}

TEST("offsets stay between 0 and the largest, and a file cannot reach behind its limit")
{
    uint64_t position = 5;
    int handle;

    io_begin();
    handle = io_open("/tmp/f", CREATE);
    io_fill(handle, "abc");
    CHECK_EQ(vm_file_seek(space, (uint64_t)handle, -1, FILE_SEEK_SET, &position), EINVAL);
    CHECK_EQ(vm_file_seek(space, (uint64_t)handle, -4, FILE_SEEK_CUR, &position), EINVAL);
    CHECK_EQ(vm_file_seek(space, (uint64_t)handle, -4, FILE_SEEK_END, &position), EINVAL);
    CHECK_EQ(vm_file_seek(space, (uint64_t)handle, INT64_MAX, FILE_SEEK_END, &position), EINVAL);
    CHECK_EQ(vm_file_seek(space, (uint64_t)handle, INT64_MIN, FILE_SEEK_END, &position), EINVAL);
    CHECK_EQ(vm_file_seek(space, (uint64_t)handle, 0, 3, &position), EINVAL);
    CHECK_EQ(position, 5);
    CHECK_EQ(vm_file_seek(space, (uint64_t)handle, -2, FILE_SEEK_END, &position), 0);
    CHECK_EQ(position, 1);
    CHECK_EQ(vm_file_seek(space, (uint64_t)handle, 4, FILE_SEEK_CUR, &position), 0);
    CHECK_EQ(position, 5);
    CHECK_EQ(vm_file_seek(space, (uint64_t)handle, INT64_MAX, FILE_SEEK_SET, &position), 0);
    CHECK_EQ(vm_file_seek(space, (uint64_t)handle, 1, FILE_SEEK_CUR, &position), EINVAL);
    CHECK_EQ(kit_read(&fake, space, handle, AREA, 1, HERE), -EINVAL);
    CHECK_EQ(kit_write(&fake, space, handle, AREA, 1, HERE), -EINVAL);
    CHECK_EQ(kit_write(&fake, space, handle, AREA, 0, HERE), 0);
    CHECK_EQ(kit_read(&fake, space, handle, AREA, 1, INT64_MAX - 1), 0);
    CHECK_EQ(kit_write(&fake, space, handle, AREA, 1, INT64_MAX - 1), -EFBIG);
    CHECK_EQ(kit_write(&fake, space, handle, AREA, 2, INDEX_LIMIT * PAGE - 1), 1);
    CHECK_EQ(vm_file_truncate(&fake.vm, space, (uint64_t)handle, INDEX_LIMIT * PAGE + 1), EFBIG);
    CHECK_EQ(vm_file_truncate(&fake.vm, space, (uint64_t)handle, 1ull << 63), EINVAL);
    io_end();
}

TEST("appending writes go to the end, whatever the offset is")
{
    int appender, writer;

    io_begin();
    appender = io_open("/tmp/f", CREATE | FILE_O_APPEND);
    writer = io_open("/tmp/f", FILE_O_WRONLY);
    io_fill(appender, "one ");
    io_fill(writer, "On");
    io_fill(appender, "two ");
    CHECK_EQ(space->handles[appender]->offset, 8);
    io_put(space, AREA, "three");
    CHECK_EQ(kit_write(&fake, space, appender, AREA, 5, 1), 5);
    CHECK_EQ(space->handles[appender]->offset, 8);
    CHECK_EQ(kit_read(&fake, space, appender, AREA, 20, 0), 13);
    CHECK_STRING(io_see(space, AREA, 14), "One two three.");
    CHECK_EQ(kit_read(&fake, space, appender, AREA, 20, HERE), 5);
    io_end();
}

TEST("an appending write that writes nothing leaves the position")
{
    int appender, writer;

    io_begin();
    appender = io_open("/tmp/f", CREATE | FILE_O_APPEND);
    writer = io_open("/tmp/f", FILE_O_WRONLY);
    io_put(space, AREA, "x");
    CHECK_EQ(vm_file_truncate(&fake.vm, space, (uint64_t)writer, PAGE), 0);
    fake_limit(&fake, 0);
    CHECK_EQ(kit_write(&fake, space, appender, AREA, 1, HERE), -ENOSPC);
    CHECK_EQ(space->handles[appender]->offset, 0);
    fake_unlimit(&fake);
    CHECK_EQ(kit_write(&fake, space, appender, AREA, 1, HERE), 1);
    CHECK_EQ(space->handles[appender]->offset, PAGE + 1);
    io_end();
}

TEST("O_TRUNC empties the file for all who have it open")
{
    int old, new;

    io_begin();
    old = io_open("/tmp/f", CREATE);
    io_fill(old, "contents");
    new = io_open("/tmp/f", FILE_O_RDWR | FILE_O_TRUNC);
    CHECK_EQ(kit_read(&fake, space, old, AREA, 8, 0), 0);
    io_fill(new, "x");
    CHECK_EQ(kit_read(&fake, space, old, AREA, 8, 0), 1);
    io_end();
}

TEST("one call copies a bounded number of pages, and says how far it came")
{
    const uint64_t step = FILE_STEP_PAGES * PAGE, big = AREA + 0x10000000;
    int handle;

    io_begin();
    handle = io_open("/tmp/f", CREATE);
    io_map(space, big, FILE_STEP_PAGES + 2, RW, -1);
    CHECK_EQ(kit_write(&fake, space, handle, big, step + PAGE, HERE), step);
    CHECK_EQ(kit_write(&fake, space, handle, big, step + PAGE, HERE), step);
    CHECK_EQ(kit_read(&fake, space, handle, big + 1, step + PAGE, 1), step);
    io_sound();
    io_end();
}

/* ---- handles ---- */

TEST("a fork shares descriptions: the offset is one, and goes on when one side ends")
{
    struct space *child;
    int handle, own;

    io_begin();
    handle = io_open("/tmp/f", CREATE);
    io_fill(handle, "abcdef");
    CHECK_EQ(vm_file_seek(space, (uint64_t)handle, 0, FILE_SEEK_SET, &(uint64_t){0}), 0);
    child = space_create(&fake.vm, 2);
    CHECK_EQ(vm_fork(&fake.vm, space, child), 0);
    own = io_open("/tmp/f", FILE_O_RDONLY);
    CHECK_EQ(kit_read(&fake, space, handle, AREA, 2, HERE), 2);
    CHECK_EQ(kit_read(&fake, child, handle, AREA, 2, HERE), 2);
    CHECK_STRING(io_see(child, AREA, 2), "cd");
    CHECK_EQ(kit_read(&fake, space, own, AREA, 1, HERE), 1);
    CHECK_STRING(io_see(space, AREA, 1), "a");
    CHECK_EQ(kit_read(&fake, child, own, AREA, 1, HERE), -EBADF);
    CHECK_EQ(kit_unlink(&fake, space, "/tmp/f"), 0);
    fake_destroy_space(&fake, space);
    io_sound();
    CHECK_EQ(kit_read(&fake, child, handle, AREA, 9, HERE), 2);
    CHECK_STRING(io_see(child, AREA, 2), "ef");
    CHECK_EQ(vm_file_close(&fake.vm, child, (uint64_t)handle), 0);
    CHECK_EQ(fake.vm.files, NULL);
    io_end();
}

TEST("a space has 32 handles, the lowest free one is given, and nothing is made without one")
{
    io_begin();
    for (int i = 0; i < (int)HANDLES_MAX; i++)
        CHECK_EQ(io_open("/tmp/f", CREATE), i);
    CHECK_EQ(kit_open(&fake, space, "/tmp/new", CREATE), -EMFILE);
    CHECK_EQ(kit_open(&fake, space, "/none", FILE_O_RDONLY), -EMFILE);
    CHECK_EQ(fake.vm.names.count, 1);
    CHECK_EQ(vm_file_close(&fake.vm, space, 17), 0);
    CHECK_EQ(vm_file_close(&fake.vm, space, 5), 0);
    CHECK_EQ(kit_open(&fake, space, "/none", FILE_O_RDONLY), -ENOENT);
    CHECK_EQ(io_open("/on-pages", FILE_O_RDONLY), 5);
    CHECK_EQ(io_open("/on-pages", FILE_O_RDONLY), 17);
    io_end();
}

TEST("a file opened to be read is not mapped to be written where others see it")
{
    struct vm_map_request request = {.bytes = PAGE, .protection = RW, .flags = MAP_SHARED};
    uint64_t at;
    int reader, writer;

    io_begin();
    writer = io_open("/tmp/f", FILE_O_WRONLY | FILE_O_CREAT);
    reader = io_open("/tmp/f", FILE_O_RDONLY);
    CHECK_EQ(vm_file_map(&fake.vm, space, (uint64_t)reader, &request, &at), EACCES);
    CHECK_EQ(vm_file_map(&fake.vm, space, (uint64_t)writer, &request, &at), EACCES);
    CHECK_EQ(vm_file_map(&fake.vm, space, 9, &request, &at), EBADF);
    request.flags = MAP_PRIVATE;
    CHECK_EQ(vm_file_map(&fake.vm, space, (uint64_t)reader, &request, &at), 0);
    CHECK_EQ(vm_file_map(&fake.vm, space, (uint64_t)writer, &request, &at), EACCES);
    io_end();
}

/* ---- shortage ---- */

TEST("a copy that runs out of memory says how far it came, or fails and changes nothing")
{
    uint32_t refused = 0, cut = 0;

    for (uint32_t left = 0; left < 24; left++) {
        int from, to;
        int64_t done;

        io_begin();
        from = io_open("/on-pages", FILE_O_RDONLY);
        to = io_open("/tmp/f", CREATE);
        fake_limit(&fake, left);
        done = kit_read(&fake, space, from, AREA + 1, 2 * PAGE + 100, HERE);
        CHECK(done > 0 || done == -ENOMEM);
        CHECK_EQ(space->handles[from]->offset, done > 0 ? done : 0);
        refused += done < 0;
        cut += done > 0 && done < (int64_t)(2 * PAGE + 100);
        io_sound();
        done = kit_write(&fake, space, to, AREA + 1, 3 * PAGE, HERE);
        CHECK(done > 0 || done == -ENOSPC);
        CHECK_EQ(space->handles[to]->offset, done > 0 ? done : 0);
        CHECK_EQ(space->handles[to]->file->bytes, done > 0 ? done : 0);
        refused += done < 0;
        cut += done > 0 && done < (int64_t)(3 * PAGE);
        io_sound();
        fake_unlimit(&fake);
        io_end();
    }
    CHECK(refused > 3);
    CHECK(cut > 3);
}
