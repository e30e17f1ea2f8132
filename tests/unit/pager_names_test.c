/* Names of files: what paths mean, and open, stat, unlink, rename and list; errors are those that the
 * Linux of this host gives for the same calls in a directory of its own. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#define _GNU_SOURCE /* mkdtemp */

#include "harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory_values.h"
#include "pager_file_kit.h"

#define FRAMES 256u
#define CREATE (FILE_O_RDWR | FILE_O_CREAT)

static struct fake fake;
static struct space *space;

static void names_begin(void)
{
    fake_init(&fake, FRAMES);
    fake_add_file(&fake, "hello", "hello\n", 6, false);
    fake_add_file(&fake, "course/one", "1", 1, false);
    fake_start(&fake);
    space = space_create(&fake.vm, 1);
}

static void names_sound(void)
{
    CHECK_STRING(fake_check(&fake) ? fake_check(&fake) : "", "");
}

/* The law of all tests here: without names and spaces every frame is back. */
static void names_end(void)
{
    names_sound();
    fake_destroy_space(&fake, space);
    while (fake.vm.names.first)
        names_remove(&fake.vm, fake.vm.names.first);
    names_sound();
    CHECK_EQ(fake.vm.table.counts[PAGE_FREE], fake.free_pages);
    CHECK_EQ(fake.vm.files, NULL);
    fake_free(&fake);
}

/* 0 or the errno value of an open that is closed again. */
static int names_try_open(const char *text, uint32_t flags)
{
    int handle = kit_open(&fake, space, text, flags);

    if (handle >= 0)
        CHECK_EQ(vm_file_close(&fake.vm, space, (uint64_t)handle), 0);
    return handle >= 0 ? 0 : -handle;
}

static void names_create_file(const char *text)
{
    CHECK_EQ(names_try_open(text, CREATE | FILE_O_EXCL), 0);
}

/* ---- the same calls here and on the host ---- */

_Static_assert(FILE_O_CREAT == O_CREAT && FILE_O_EXCL == O_EXCL && FILE_O_TRUNC == O_TRUNC &&
                   FILE_O_APPEND == O_APPEND && FILE_O_RDWR == O_RDWR && FILE_O_WRONLY == O_WRONLY,
               "the host's flags are ours");

enum names_call { NAMES_OPEN, NAMES_STAT, NAMES_UNLINK, NAMES_RENAME_FROM, NAMES_RENAME_TO };

static int names_call_here(enum names_call call, const char *text, uint32_t flags)
{
    struct file_status status;

    switch (call) {
    case NAMES_OPEN:
        return names_try_open(text, flags);
    case NAMES_STAT:
        return kit_stat(&fake, space, text, &status);
    case NAMES_UNLINK:
        return kit_unlink(&fake, space, text);
    case NAMES_RENAME_FROM:
        return kit_rename(&fake, text, "/tmp/g");
    case NAMES_RENAME_TO:
        break;
    }
    return kit_rename(&fake, "/tmp/f", text);
}

static int names_call_host(enum names_call call, const char *text, uint32_t flags)
{
    struct stat status;
    int result = -1;

    switch (call) {
    case NAMES_OPEN:
        result = open(text, (int)flags, 0666);
        if (result >= 0)
            close(result);
        break;
    case NAMES_STAT:
        result = stat(text, &status);
        break;
    case NAMES_UNLINK:
        result = unlink(text);
        break;
    case NAMES_RENAME_FROM:
        result = rename(text, "./g");
        break;
    case NAMES_RENAME_TO:
        result = rename("./f", text);
    }
    return result < 0 ? errno : 0;
}

/* Whether "f", "g" and "n" are there afterwards: bits 0 to 2. */
static uint32_t names_left(int (*call)(enum names_call, const char *, uint32_t), const char *prefix)
{
    static const char *const names[] = {"f", "g", "n"};
    uint32_t left = 0;
    char text[32];

    for (uint32_t i = 0; i < 3; i++) {
        snprintf(text, sizeof(text), "%s/%s", prefix, names[i]);
        left |= (uint32_t)(call(NAMES_STAT, text, 0) == 0) << i;
    }
    return left;
}

/* One call on a directory that holds nothing but "f", here and on the host. */
static void names_compare(enum names_call call, const char *path, uint32_t flags)
{
    char here[512], there[512];
    int error, expected;

    names_begin();
    names_create_file("/tmp/f");
    CHECK_EQ(names_call_host(NAMES_OPEN, "./f", CREATE), 0);
    snprintf(here, sizeof(here), "/tmp%s", path);
    snprintf(there, sizeof(there), ".%s", path);
    error = names_call_here(call, here, flags);
    expected = names_call_host(call, there, flags);
    if (error != expected)
        harness_note("call %d of %s, flags %x: %d, Linux %d", (int)call, path, (unsigned)flags,
                     error, expected);
    CHECK_EQ(error, expected);
    CHECK_EQ(names_left(names_call_here, "/tmp"), names_left(names_call_host, "."));
    unlink("./f");
    unlink("./g");
    unlink("./n");
    names_end();
}

static void names_compare_all(enum names_call call, uint32_t flags)
{
    static const char *const paths[] = {"/f",      "/n",    "/f/",     "/n/",     "/f/x", "/n/x",
                                        "/f/..",   "/n/..", "/f/../f", "/n/../f", "//f",  "/./f",
                                        "/.//./n", "/f/.",  "/.",      "/f//",    "/n//", "/.../f"};
    char scratch[] = "/tmp/names-test-XXXXXX", longest[300] = "/", home[4096];

    CHECK(getcwd(home, sizeof(home)) && mkdtemp(scratch) && chdir(scratch) == 0);
    for (uint32_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        names_compare(call, paths[i], flags);
    memset(longest + 1, 'x', NAME_BYTES + 1);
    names_compare(call, longest, flags);
    snprintf(longest + 200, sizeof(longest) - 200, "/x");
    names_compare(call, longest, flags);
    CHECK(chdir(home) == 0 && rmdir(scratch) == 0);
}

TEST("open answers to every path and flag what Linux answers")
{
    static const uint32_t flags[] = {FILE_O_RDONLY, FILE_O_WRONLY, FILE_O_RDWR | FILE_O_TRUNC,
                                     FILE_O_APPEND, FILE_O_EXCL};

    for (uint32_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        names_compare_all(NAMES_OPEN, flags[i] | FILE_O_CREAT);
        names_compare_all(NAMES_OPEN, flags[i] | FILE_O_CREAT | FILE_O_EXCL);
    }
}

TEST("stat, unlink and rename answer to every path what Linux answers")
{
    names_compare_all(NAMES_STAT, 0);
    names_compare_all(NAMES_UNLINK, 0);
    names_compare_all(NAMES_RENAME_FROM, 0);
    names_compare_all(NAMES_RENAME_TO, 0);
}

/* ---- the tree ---- */

TEST("files of the initrd are found by any path to them, and never change")
{
    static const struct {
        const char *path;
        uint32_t flags;
        int error;
    } cases[] = {
        {"/hello", FILE_O_RDONLY, 0},
        {"hello", FILE_O_RDONLY, 0},
        {"./course/../hello", FILE_O_RDONLY, 0},
        {"/../course//one", FILE_O_RDONLY | FILE_O_CREAT, 0},
        {"/tmp/../hello", FILE_O_RDONLY, 0},
        {"/dev/shm/../../hello", FILE_O_RDONLY, 0},
        {"/hello", FILE_O_RDWR, EROFS},
        {"/hello", FILE_O_RDONLY | FILE_O_TRUNC, EROFS},
        {"/hello", FILE_O_RDONLY | FILE_O_CREAT | FILE_O_EXCL, EEXIST},
        {"/hello/x", FILE_O_RDONLY, ENOTDIR},
        {"/hello/", FILE_O_RDONLY, ENOTDIR},
        {"/course", FILE_O_RDONLY, EISDIR},
        {"/cours", FILE_O_RDONLY, ENOENT},
        {"/course/two", FILE_O_RDONLY, ENOENT},
        {"/course/two", CREATE, EROFS},
        {"/new", CREATE, EROFS},
        {"/dev/new", CREATE, EROFS},
        {"/tmp", FILE_O_RDONLY, EISDIR},
        {"/dev/shm", CREATE | FILE_O_EXCL, EEXIST},
        {"/", FILE_O_RDONLY, EISDIR},
        {"", FILE_O_RDONLY, ENOENT},
        {"/proc/none", FILE_O_RDONLY, ENOENT},
        {"/tmp/f", 3, EINVAL},
        {"/tmp/f", FILE_O_CREAT | 0x10000, EINVAL},
    };

    names_begin();
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int error = names_try_open(cases[i].path, cases[i].flags);

        if (error != cases[i].error)
            harness_note("open %s, flags %x", cases[i].path, (unsigned)cases[i].flags);
        CHECK_EQ(error, cases[i].error);
    }
    CHECK_EQ(fake.vm.names.count, 0);
    names_end();
}

TEST("what is not in memory is neither unlinked nor renamed")
{
    names_begin();
    names_create_file("/tmp/f");
    CHECK_EQ(kit_unlink(&fake, space, "/hello"), EROFS);
    CHECK_EQ(kit_unlink(&fake, space, "/none"), EROFS);
    CHECK_EQ(kit_unlink(&fake, space, "/tmp"), EROFS);
    CHECK_EQ(kit_unlink(&fake, space, "/tmp/."), EISDIR);
    CHECK_EQ(kit_unlink(&fake, space, "/proc/none"), ENOENT);
    CHECK_EQ(kit_rename(&fake, "/hello", "/tmp/x"), EXDEV);
    CHECK_EQ(kit_rename(&fake, "/tmp/f", "/x"), EXDEV);
    CHECK_EQ(kit_rename(&fake, "/tmp/f", "/tmp"), EXDEV);
    CHECK_EQ(kit_rename(&fake, "/tmp", "/tmp/f"), EXDEV);
    CHECK_EQ(kit_rename(&fake, "/hello", "/x"), EROFS);
    CHECK_EQ(kit_rename(&fake, "/tmp/f", "/proc/x"), EXDEV);
    CHECK_EQ(kit_rename(&fake, "/proc/x", "/proc/y"), EPERM);
    CHECK_EQ(kit_rename(&fake, "/proc/.", "/proc/y"), EBUSY);
    CHECK_EQ(kit_rename(&fake, "/dev/shm/..", "/x"), EBUSY);
    CHECK_EQ(kit_rename(&fake, "/tmp/f", "/dev/shm/f"), 0);
    CHECK_EQ(names_try_open("/dev/shm/f", FILE_O_RDONLY), 0);
    CHECK_EQ(names_try_open("/tmp/f", FILE_O_RDONLY), ENOENT);
    names_end();
}

TEST("stat tells kind, size and number, which are those of the open file")
{
    static const char *const directories[] = {"/",         "/tmp",  "/dev",
                                              "/dev/shm/", "/proc", "/course/."};
    struct file_status status, open;
    int handle;

    names_begin();
    for (uint32_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        CHECK_EQ(kit_stat(&fake, space, directories[i], &status), 0);
        CHECK_EQ(status.mode, FILE_S_IFDIR | 0777);
    }
    CHECK_EQ(kit_stat(&fake, space, "/hello", &status), 0);
    CHECK_EQ(status.mode, FILE_S_IFREG | 0555);
    CHECK_EQ(status.bytes, 6);
    handle = kit_open(&fake, space, "/hello", FILE_O_RDONLY);
    CHECK_EQ(vm_file_status(space, (uint64_t)handle, &open), 0);
    CHECK(open.mode == status.mode && open.bytes == 6 && open.number == status.number);
    handle = kit_open(&fake, space, "/tmp/f", CREATE);
    CHECK_EQ(vm_file_truncate(&fake.vm, space, (uint64_t)handle, 12345), 0);
    CHECK_EQ(kit_stat(&fake, space, "/tmp/f", &status), 0);
    CHECK_EQ(status.mode, FILE_S_IFREG | 0666);
    CHECK_EQ(status.bytes, 12345);
    CHECK_EQ(vm_file_status(space, (uint64_t)handle, &open), 0);
    CHECK(open.number == status.number && open.bytes == 12345);
    CHECK_EQ(vm_file_status(space, (uint64_t)handle + 1, &open), EBADF);
    names_end();
}

/* What the list says: paths, one behind the other. */
static void names_list(char *out)
{
    struct file_status status;
    uint32_t bytes;

    for (uint64_t i = 0; vm_path_list(&fake.vm, i, out, 100, &status, &bytes) == 0; i++) {
        out += bytes;
        *out++ = ' ';
    }
    *out = '\0';
}

TEST("the list has each file once, those of the initrd first, then as they were made")
{
    struct file_status status;
    char list[1024];
    uint32_t bytes;

    names_begin();
    names_create_file("/tmp/b");
    names_create_file("/dev/shm/a");
    names_create_file("/tmp/c");
    CHECK_EQ(kit_rename(&fake, "/tmp/b", "/tmp/z"), 0);
    names_list(list);
    CHECK_STRING(list, "/hello /course/one /tmp/z /dev/shm/a /tmp/c ");
    CHECK_EQ(kit_rename(&fake, "/tmp/c", "/dev/shm/a"), 0);
    CHECK_EQ(kit_unlink(&fake, space, "/tmp/z"), 0);
    names_list(list);
    CHECK_STRING(list, "/hello /course/one /dev/shm/a ");
    CHECK_EQ(vm_path_list(&fake.vm, 0, list, 3, &status, &bytes), 0);
    CHECK_EQ(bytes, 3);
    CHECK_EQ(status.bytes, 6);
    CHECK_EQ(vm_path_list(&fake.vm, UINT64_MAX, list, 3, &status, &bytes), ENOENT);
    names_end();
}

/* ---- life of a name ---- */

static const char *names_shown(int handle)
{
    static char text[300];

    size_t length = names_of_file(&fake.vm, space->handles[handle]->file, text, sizeof(text));

    CHECK_EQ(length, strlen(text));
    return text;
}

TEST("a file is shown by its name, and as deleted after unlink or when another takes the name")
{
    struct object *nameless;
    int first, second, program;
    char cut[6];

    names_begin();
    first = kit_open(&fake, space, "/tmp/first", CREATE);
    second = kit_open(&fake, space, "/dev/shm/second", CREATE);
    program = kit_open(&fake, space, "/course/one", FILE_O_RDONLY);
    CHECK_STRING(names_shown(first), "/tmp/first");
    CHECK_STRING(names_shown(second), "/dev/shm/second");
    CHECK_STRING(names_shown(program), "/course/one");
    CHECK_EQ(kit_rename(&fake, "/tmp/first", "/dev/shm/second"), 0);
    CHECK_STRING(names_shown(first), "/dev/shm/second");
    CHECK_STRING(names_shown(second), "/dev/shm/second (deleted)");
    CHECK_EQ(kit_unlink(&fake, space, "/dev/shm/second"), 0);
    CHECK_STRING(names_shown(first), "/dev/shm/second (deleted)");
    CHECK_EQ(names_of_file(&fake.vm, space->handles[first]->file, cut, sizeof(cut)), 5);
    CHECK_STRING(cut, "/dev/");
    names_sound();
    nameless = object_create_memory(&fake.vm);
    CHECK_EQ(names_of_file(&fake.vm, nameless, cut, sizeof(cut)), 0);
    object_release(&fake.vm, nameless);
    names_end();
}

TEST("an unlinked file lives as long as a handle or a mapping, and its name is free at once")
{
    struct vm_map_request request = {
        .bytes = FL_PAGE_BYTES, .protection = PROT_READ | PROT_WRITE, .flags = MAP_SHARED};
    uint64_t address;
    uint8_t byte = 'x';
    int old, new;

    names_begin();
    old = kit_open(&fake, space, "/tmp/f", CREATE);
    CHECK_EQ(vm_file_truncate(&fake.vm, space, (uint64_t)old, 10), 0);
    CHECK_EQ(kit_unlink(&fake, space, "/tmp/f"), 0);
    CHECK_EQ(kit_unlink(&fake, space, "/tmp/f"), ENOENT);
    new = kit_open(&fake, space, "/tmp/f", CREATE | FILE_O_EXCL);
    CHECK(new > old);
    CHECK(space->handles[old]->file != space->handles[new]->file);
    CHECK_EQ(vm_file_map(&fake.vm, space, (uint64_t)old, &request, &address), 0);
    CHECK_EQ(vm_file_close(&fake.vm, space, (uint64_t)old), 0);
    names_sound();
    CHECK_EQ(fake_touch(&fake, space, address, FL_ACCESS_WRITE, &byte), FAKE_DONE);
    names_sound();
    CHECK_EQ(vm_unmap(&fake.vm, space, address, FL_PAGE_BYTES), 0);
    names_sound();
    CHECK_EQ(fake.vm.name_records.used, 1);
    names_end();
}

TEST("a thousand names are found, moved and removed, and leave no frame")
{
    char text[32], moved[32];

    names_begin();
    for (uint32_t i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "/%s/%u", i % 2 ? "tmp" : "dev/shm", i);
        names_create_file(text);
    }
    names_sound();
    for (uint32_t i = 0; i < 1000; i += 3) {
        snprintf(text, sizeof(text), "/%s/%u", i % 2 ? "tmp" : "dev/shm", i);
        snprintf(moved, sizeof(moved), "/tmp/moved %u", i);
        CHECK_EQ(kit_rename(&fake, text, moved), 0);
        CHECK_EQ(names_try_open(text, FILE_O_RDONLY), ENOENT);
        CHECK_EQ(kit_unlink(&fake, space, i % 6 ? moved : text), i % 6 ? 0 : ENOENT);
    }
    names_sound();
    CHECK_EQ(fake.vm.names.count, 1000 - 167);
    names_end();
}

TEST("whatever frame is missing, an open that fails leaves nothing behind")
{
    uint32_t refused = 0;

    for (uint32_t left = 0; left < 8; left++) {
        int error;

        names_begin();
        fake_limit(&fake, left);
        error = names_try_open("/tmp/f", CREATE);
        CHECK(error == 0 || error == ENOSPC || error == ENOMEM);
        CHECK_EQ(fake.vm.names.count, error == 0);
        CHECK_EQ(names_try_open("/hello", FILE_O_RDONLY) == 0, error == 0 || left > 1);
        names_sound();
        fake_unlimit(&fake);
        refused += error != 0;
        names_end();
    }
    CHECK(refused >= 3);
}
