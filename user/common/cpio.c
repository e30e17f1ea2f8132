/* Reader of newc archives: see cpio.h. */
#include "cpio.h"

#include <stdbool.h>
#include <string.h>

/* A header is the magic and 13 numbers of 8 hexadecimal digits. */
#define CPIO_MAGIC        "070701"
#define CPIO_MAGIC_BYTES  6u
#define CPIO_DIGITS       8u
#define CPIO_HEADER_BYTES 110u
#define CPIO_TRAILER      "TRAILER!!!"
#define CPIO_MODE_TYPE    0170000u
#define CPIO_MODE_REGULAR 0100000u

enum cpio_field {
    CPIO_FIELD_MODE = 1,
    CPIO_FIELD_FILESIZE = 6,
    CPIO_FIELD_NAMESIZE = 11,
    CPIO_FIELDS = 13
};
_Static_assert(CPIO_MAGIC_BYTES + CPIO_FIELDS * CPIO_DIGITS == CPIO_HEADER_BYTES, "newc header");

/* One member of the archive while it is read. */
struct cpio_member {
    struct cpio_file file;
    uint64_t next; /* offset of the following header */
    bool trailer;
};

static uint64_t cpio_align(uint64_t offset)
{
    return (offset + 3) & ~3ull;
}

static bool cpio_parse_digits(const char *digits, uint32_t *value)
{
    *value = 0;
    for (uint32_t i = 0; i < CPIO_DIGITS; i++) {
        char c = digits[i];
        uint32_t digit;

        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (uint32_t)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (uint32_t)(c - 'A') + 10;
        else
            return false;
        *value = *value << 4 | digit;
    }
    return true;
}

/* Takes leading "/" and "./" away. */
static void cpio_normalise(const char **name, uint32_t *bytes)
{
    for (;;) {
        uint32_t skip = 0;

        if (*bytes >= 1 && (*name)[0] == '/')
            skip = 1;
        else if (*bytes >= 2 && (*name)[0] == '.' && (*name)[1] == '/')
            skip = 2;
        if (skip == 0)
            return;
        *name += skip;
        *bytes -= skip;
    }
}

static enum cpio_error cpio_read_name(const char *archive, uint64_t at, uint32_t field_bytes,
                                      struct cpio_member *member)
{
    const char *name = archive + at;
    const char *end = field_bytes ? memchr(name, 0, field_bytes) : NULL;

    if (!end || end == name)
        return CPIO_BAD_NAME;
    member->file.name = name;
    member->file.name_bytes = (uint32_t)(end - name);
    member->trailer = strcmp(name, CPIO_TRAILER) == 0;
    cpio_normalise(&member->file.name, &member->file.name_bytes);
    return member->file.name_bytes > CPIO_NAME_BYTES ? CPIO_BAD_NAME : CPIO_OK;
}

static enum cpio_error cpio_read_member(const char *archive, uint64_t bytes, uint64_t at,
                                        struct cpio_member *member)
{
    uint32_t field[CPIO_FIELDS];
    uint64_t name_at = at + CPIO_HEADER_BYTES, data_at;
    enum cpio_error error;

    if (bytes - at < CPIO_HEADER_BYTES)
        return bytes == at ? CPIO_NO_TRAILER : CPIO_HEADER_CUT;
    if (memcmp(archive + at, CPIO_MAGIC, CPIO_MAGIC_BYTES) != 0)
        return CPIO_BAD_MAGIC;
    for (uint32_t i = 0; i < CPIO_FIELDS; i++)
        if (!cpio_parse_digits(archive + at + CPIO_MAGIC_BYTES + i * CPIO_DIGITS, &field[i]))
            return CPIO_BAD_DIGIT;
    if (field[CPIO_FIELD_NAMESIZE] > bytes - name_at)
        return CPIO_NAME_CUT;
    error = cpio_read_name(archive, name_at, field[CPIO_FIELD_NAMESIZE], member);
    if (error != CPIO_OK || member->trailer)
        return error;
    data_at = cpio_align(name_at + field[CPIO_FIELD_NAMESIZE]);
    if (data_at > bytes || field[CPIO_FIELD_FILESIZE] > bytes - data_at)
        return CPIO_DATA_CUT;
    member->file.mode = field[CPIO_FIELD_MODE];
    member->file.offset = data_at;
    member->file.size_bytes = field[CPIO_FIELD_FILESIZE];
    member->next = cpio_align(data_at + field[CPIO_FIELD_FILESIZE]);
    if (member->next > bytes)
        member->next = bytes;
    return CPIO_OK;
}

static struct cpio_file *cpio_index_lookup(const struct cpio_index *index, const char *name,
                                           uint32_t name_bytes)
{
    for (uint32_t i = 0; i < index->count; i++) {
        struct cpio_file *file = &index->files[i];

        if (file->name_bytes == name_bytes && memcmp(file->name, name, name_bytes) == 0)
            return file;
    }
    return NULL;
}

static enum cpio_error cpio_index_add(struct cpio_index *index, const struct cpio_file *file)
{
    struct cpio_file *same;

    if ((file->mode & CPIO_MODE_TYPE) != CPIO_MODE_REGULAR || file->name_bytes == 0)
        return CPIO_OK;
    same = cpio_index_lookup(index, file->name, file->name_bytes);
    if (same) {
        *same = *file;
        return CPIO_OK;
    }
    if (index->count == index->capacity)
        return CPIO_TOO_MANY;
    index->files[index->count++] = *file;
    return CPIO_OK;
}

enum cpio_error cpio_index_build(struct cpio_index *index, const void *archive, uint64_t bytes)
{
    struct cpio_member member = {0};

    index->count = 0;
    index->stopped_at = 0;
    for (;;) {
        enum cpio_error error = cpio_read_member(archive, bytes, index->stopped_at, &member);

        if (error != CPIO_OK || member.trailer)
            return error;
        error = cpio_index_add(index, &member.file);
        if (error != CPIO_OK)
            return error;
        index->stopped_at = member.next;
    }
}

const struct cpio_file *cpio_index_find(const struct cpio_index *index, const char *name,
                                        uint32_t name_bytes)
{
    cpio_normalise(&name, &name_bytes);
    return cpio_index_lookup(index, name, name_bytes);
}

const char *cpio_error_text(enum cpio_error error)
{
    static const char *const texts[] = {
        [CPIO_OK] = "the archive is whole",
        [CPIO_HEADER_CUT] = "the archive ends inside a header",
        [CPIO_BAD_MAGIC] = "no newc header (magic 070701) here",
        [CPIO_BAD_DIGIT] = "a number of the header is not hexadecimal",
        [CPIO_NAME_CUT] = "the archive ends inside a file name",
        [CPIO_BAD_NAME] = "a file name is empty, too long or not ended by NUL",
        [CPIO_DATA_CUT] = "the archive ends inside a file's data",
        [CPIO_NO_TRAILER] = "the archive ends without its trailer",
        [CPIO_TOO_MANY] = "more files than the index holds",
    };
    _Static_assert(sizeof(texts) / sizeof(texts[0]) == CPIO_ERRORS, "a text for each error");

    return error < CPIO_ERRORS ? texts[error] : "unknown error";
}
