/* The reader of newc archives: what it takes and what it refuses. */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c tests/unit/pager_fake.c */
/* sources: user/pager/core/[a-z]*.c */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include "pager_fake.h"

#define MODE_FILE 0100644u
#define MODE_DIR  0040755u
#define MODE_LINK 0120777u

struct archive {
    uint8_t bytes[4096];
    uint64_t size;
    struct cpio_file file[4];
    struct cpio_index index;
};

static void archive_add(struct archive *archive, const char *name, uint32_t mode, const char *data)
{
    archive->size += fake_cpio_member(archive->bytes + archive->size, name,
                                      (uint32_t)strlen(name) + 1, mode, data, strlen(data));
}

/* Reads from a copy of exactly `bytes` bytes, so that the sanitizer sees any read behind them. */
static enum cpio_error archive_read(struct archive *archive, uint64_t bytes)
{
    uint8_t *copy = malloc(bytes + 1);
    enum cpio_error error;

    memcpy(copy + 1, archive->bytes, bytes);
    archive->index = (struct cpio_index){.files = archive->file, .capacity = 4};
    error = cpio_index_build(&archive->index, copy + 1, bytes);
    free(copy);
    return error;
}

static enum cpio_error archive_read_all(struct archive *archive)
{
    archive->index = (struct cpio_index){.files = archive->file, .capacity = 4};
    return cpio_index_build(&archive->index, archive->bytes, archive->size);
}

/* Three files, a directory and a trailer. */
static void archive_make(struct archive *archive)
{
    memset(archive, 0, sizeof(*archive));
    archive_add(archive, ".", MODE_DIR, "");
    archive_add(archive, "hello", MODE_FILE, "Hello, world");
    archive_add(archive, "./bin/sh", MODE_FILE, "x");
    archive_add(archive, "/empty", MODE_FILE, "");
    archive_add(archive, "TRAILER!!!", 0, "");
}

static const struct cpio_file *archive_find(const struct archive *archive, const char *name)
{
    return cpio_index_find(&archive->index, name, (uint32_t)strlen(name));
}

TEST("files are found under their names without leading ./ and /")
{
    static struct archive archive;

    archive_make(&archive);
    CHECK_EQ(archive_read_all(&archive), CPIO_OK);
    CHECK_EQ(archive.index.count, 3);
    CHECK(archive_find(&archive, "hello"));
    CHECK_EQ(archive_find(&archive, "hello")->size_bytes, 12);
    CHECK_EQ(memcmp(archive.bytes + archive_find(&archive, "./hello")->offset, "Hello, world", 12),
             0);
    CHECK(archive_find(&archive, "bin/sh"));
    CHECK_EQ(archive_find(&archive, "/bin/sh"), archive_find(&archive, "bin/sh"));
    CHECK_EQ(archive_find(&archive, "empty")->size_bytes, 0);
    CHECK_EQ(archive_find(&archive, "hell"), NULL);
    CHECK_EQ(archive_find(&archive, ""), NULL);
}

TEST("directories and symbolic links are passed over")
{
    static struct archive archive;

    memset(&archive, 0, sizeof(archive));
    archive_add(&archive, "d", MODE_DIR, "");
    archive_add(&archive, "l", MODE_LINK, "target");
    archive_add(&archive, "TRAILER!!!", 0, "");
    CHECK_EQ(archive_read_all(&archive), CPIO_OK);
    CHECK_EQ(archive.index.count, 0);
}

TEST("a name that comes again replaces the earlier file")
{
    static struct archive archive;

    memset(&archive, 0, sizeof(archive));
    archive_add(&archive, "a", MODE_FILE, "old");
    archive_add(&archive, "./a", MODE_FILE, "newer");
    archive_add(&archive, "TRAILER!!!", 0, "");
    CHECK_EQ(archive_read_all(&archive), CPIO_OK);
    CHECK_EQ(archive.index.count, 1);
    CHECK_EQ(archive_find(&archive, "a")->size_bytes, 5);
}

TEST("a name padded with NULs to align the data is the name before them")
{
    static struct archive archive;

    memset(&archive, 0, sizeof(archive));
    archive.size = fake_cpio_member(archive.bytes, "padded", 512 - 110, MODE_FILE, "data", 4);
    archive_add(&archive, "TRAILER!!!", 0, "");
    CHECK_EQ(archive_read_all(&archive), CPIO_OK);
    CHECK_EQ(archive_find(&archive, "padded")->offset, 512);
}

TEST("an archive cut anywhere is refused, with the offset of the header it was cut in")
{
    static struct archive archive;

    archive_make(&archive);
    for (uint64_t bytes = 0; bytes < archive.size - 1; bytes++) {
        enum cpio_error error = archive_read(&archive, bytes);
        bool named = error == CPIO_HEADER_CUT || error == CPIO_NAME_CUT || error == CPIO_DATA_CUT ||
                     error == CPIO_NO_TRAILER;

        CHECK(named ||
              (error == CPIO_OK && bytes >= archive.size - 3)); /* padding behind the trailer */
        CHECK(archive.index.stopped_at <= bytes);
        if (bytes < 112)
            CHECK_EQ(archive.index.stopped_at, 0);
    }
}

struct cpio_damage {
    uint32_t at; /* from the start of the second member's header */
    const char *bytes;
    enum cpio_error error;
};

TEST("each damaged field gives its own error at the header's offset")
{
    static const struct cpio_damage damages[] = {
        {0, "070702", CPIO_BAD_MAGIC},    {0, "\0\0\0\0\0\0", CPIO_BAD_MAGIC},
        {14, "0000g000", CPIO_BAD_DIGIT}, {54, "ffffffff", CPIO_DATA_CUT},
        {94, "00000000", CPIO_BAD_NAME},  {94, "ffffffff", CPIO_NAME_CUT},
        {94, "00000005", CPIO_BAD_NAME},  {94, " 0000006", CPIO_BAD_DIGIT},
    };
    static struct archive archive;

    for (uint32_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        archive_make(&archive);
        memcpy(archive.bytes + 112 + damages[i].at, damages[i].bytes, damages[i].at == 0 ? 6 : 8);
        CHECK_EQ(archive_read(&archive, archive.size), damages[i].error);
        CHECK_EQ(archive.index.stopped_at, 112);
    }
}

TEST("more files than the index holds are an error, the first ones stay")
{
    static struct archive archive;
    char name[2] = "a";

    memset(&archive, 0, sizeof(archive));
    for (; name[0] < 'f'; name[0]++)
        archive_add(&archive, name, MODE_FILE, "");
    CHECK_EQ(archive_read_all(&archive), CPIO_TOO_MANY);
    CHECK_EQ(archive.index.count, 4);
}

TEST("no single changed byte makes the reader leave the archive")
{
    static struct archive archive;
    static const uint8_t values[] = {0, '0', '1', 'f', 'F', 0xff};

    archive_make(&archive);
    for (uint64_t at = 0; at < archive.size; at++)
        for (uint32_t v = 0; v < sizeof(values); v++) {
            uint8_t old = archive.bytes[at];

            archive.bytes[at] = values[v];
            archive_read(&archive, archive.size);
            for (uint32_t i = 0; i < archive.index.count; i++)
                CHECK(archive.file[i].offset <= archive.size &&
                      archive.file[i].size_bytes <= archive.size - archive.file[i].offset);
            archive.bytes[at] = old;
        }
}

TEST("every error has a text of its own")
{
    for (int i = 0; i < CPIO_ERRORS; i++)
        for (int k = 0; k < i; k++)
            CHECK(strcmp(cpio_error_text((enum cpio_error)i), cpio_error_text((enum cpio_error)k)));
}
