/* Files in the pager's core: what a file in memory holds, what its mappings show, and what is left of
 * both when it is cut. */
/* sources: user/pager/core/ user/common/ tests/unit/pager_fake.c */
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

static struct object *file_begin(void)
{
    fake_init(&fake, FRAMES);
    fake_start(&fake);
    return object_create_memory(&fake.vm);
}

/* The law of all tests here: when spaces and files are gone, every frame and promise is back. */
static void file_end(struct object *file)
{
    file_sound();
    if (file)
        object_release(&fake.vm, file);
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
    struct object *file = file_begin(), *other = object_create_memory(&fake.vm);
    uint64_t done, frames = FRAMES - 3;

    CHECK_EQ(object_write(&fake.vm, file, 0, block, sizeof(block), &done), ENOSPC);
    CHECK_EQ(done, frames / 2 * PAGE);
    CHECK_EQ(file->bytes, done);
    CHECK_EQ(object_write(&fake.vm, other, 0, "x", 1, &done), ENOSPC);
    CHECK_EQ(done, 0);
    CHECK_EQ(other->bytes, 0);
    CHECK_EQ(object_resize(&fake.vm, file, PAGE), 0);
    CHECK_EQ(object_write(&fake.vm, other, 0, "x", 1, &done), 0);
    object_release(&fake.vm, other);
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
    object_release(&fake.vm, file);
    file = object_create_memory(&fake.vm);
    other = object_create_memory(&fake.vm);
    CHECK(file->number > number);
    CHECK(other->number > file->number);
    object_release(&fake.vm, other);
    file_end(file);
}
