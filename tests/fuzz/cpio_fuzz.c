/* Fuzz target: any bytes as an initrd, user/common/cpio.c against a reading of the format that knows no
 * short cut: it cuts out the fields one by one, notes all that is wrong with a header, and keeps every
 * file that it meets. */
/* sources: user/common/cpio.c */
#include "cpio.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define FILES        6u  /* that the index holds */
#define MEMBERS      128 /* that the model keeps: a file of the corpus has fewer */
#define HEADER       110u
#define WRONG(error) (1u << (error))

const char fuzz_name[] = "cpio";

/* A regular file, in order of the archive. */
struct model_file {
    const char *name;
    uint64_t name_bytes;
    uint64_t mode;
    uint64_t offset;
    uint64_t bytes;
};

struct model {
    const char *archive;
    uint64_t bytes;
    struct model_file file[MEMBERS];
    unsigned files;
    uint64_t at;    /* the header that stopped it */
    unsigned wrong; /* what may be said of it: bits of enum cpio_error */
};

/* A number of the header, counted from 0; false: not eight digits. */
static bool model_number(const struct model *model, unsigned number, uint64_t *value)
{
    char digits[9] = {0};

    memcpy(digits, model->archive + model->at + 6 + number * 8, 8);
    *value = strtoull(digits, NULL, 16);
    return strspn(digits, "0123456789abcdefABCDEF") == 8;
}

static unsigned model_read_header(const struct model *model, uint64_t value[13])
{
    unsigned wrong = 0;

    if (model->at == model->bytes)
        return WRONG(CPIO_NO_TRAILER);
    if (model->at + HEADER > model->bytes)
        return WRONG(CPIO_HEADER_CUT);
    if (strncmp(model->archive + model->at, "070701", 6) != 0)
        wrong |= WRONG(CPIO_BAD_MAGIC);
    for (unsigned i = 0; i < 13; i++)
        if (!model_number(model, i, &value[i]))
            wrong |= WRONG(CPIO_BAD_DIGIT);
    if (!wrong && value[11] > model->bytes - model->at - HEADER)
        wrong |= WRONG(CPIO_NAME_CUT);
    return wrong;
}

/* The name without what stands before it; its length is that up to the NUL. */
static bool model_read_name(const char *field, uint64_t field_bytes, struct model_file *file)
{
    bool ends = false;

    for (uint64_t i = 0; i < field_bytes; i++)
        ends |= field[i] == '\0';
    if (!ends || field[0] == '\0')
        return false;
    file->name = field;
    while (strncmp(file->name, "/", 1) == 0 || strncmp(file->name, "./", 2) == 0)
        file->name += file->name[0] == '/' ? 1 : 2;
    file->name_bytes = strlen(file->name);
    return file->name_bytes <= CPIO_NAME_BYTES;
}

static uint64_t model_round(uint64_t value)
{
    return (value + 3) / 4 * 4;
}

/* One member.  True: there may be another one. */
static bool model_read_member(struct model *model)
{
    struct model_file file = {NULL, 0, 0, 0, 0};
    uint64_t value[13], end;

    model->wrong = model_read_header(model, value);
    if (model->wrong)
        return false;
    if (!model_read_name(model->archive + model->at + HEADER, value[11], &file)) {
        model->wrong = WRONG(CPIO_BAD_NAME);
        return false;
    }
    if (strcmp(model->archive + model->at + HEADER, "TRAILER!!!") == 0) {
        model->wrong = WRONG(CPIO_OK);
        return false;
    }
    file.offset = model_round(model->at + HEADER + value[11]);
    file.bytes = value[6];
    file.mode = value[1];
    end = file.offset + file.bytes;
    if (end > model->bytes) {
        model->wrong = WRONG(CPIO_DATA_CUT);
        return false;
    }
    if ((file.mode >> 12 & 15) == 8 && file.name_bytes > 0) {
        CHECK(model->files < MEMBERS);
        model->file[model->files++] = file;
    }
    model->at = model_round(end) < model->bytes ? model_round(end) : model->bytes;
    return true;
}

static bool model_has_name(const struct model_file *file, const char *name, uint64_t bytes)
{
    return file->name_bytes == bytes && strncmp(file->name, name, bytes) == 0;
}

/* The last file of that name among the first ones. */
static const struct model_file *model_find(const struct model *model, unsigned files,
                                           const char *name, uint64_t bytes)
{
    const struct model_file *found = NULL;

    for (unsigned i = 0; i < files; i++)
        if (model_has_name(&model->file[i], name, bytes))
            found = &model->file[i];
    return found;
}

/* How many of the model's files there are before one finds the index full. */
static unsigned model_kept(const struct model *model)
{
    unsigned different = 0, i;

    for (i = 0; i < model->files; i++) {
        const struct model_file *file = &model->file[i];

        if (model_find(model, i, file->name, file->name_bytes))
            continue;
        if (different++ == FILES)
            break;
    }
    return i;
}

/* Looks a name up as it is, as a path from the root, and with a byte more. */
static void compare_find(const struct cpio_index *index, const struct cpio_file *file)
{
    char path[CPIO_NAME_BYTES + 3] = ".//";
    uint32_t bytes = file->name_bytes;

    CHECK_EQ(cpio_index_find(index, file->name, bytes), file);
    memcpy(path + 3, file->name, bytes);
    CHECK_EQ(cpio_index_find(index, path, bytes + 3), file);
}

static void compare(const struct cpio_index *index, const struct model *model,
                    enum cpio_error error)
{
    unsigned kept = model_kept(model);

    if (kept < model->files)
        CHECK_EQ(error, CPIO_TOO_MANY);
    else
        CHECK(model->wrong & WRONG(error));
    if (kept == model->files)
        CHECK_EQ(index->stopped_at, model->at);
    for (uint32_t i = 0; i < index->count; i++) {
        const struct cpio_file *file = &index->files[i];
        const struct model_file *same = model_find(model, kept, file->name, file->name_bytes);

        CHECK(same);
        CHECK(file->name == same->name && file->mode == same->mode);
        CHECK(file->offset == same->offset && file->size_bytes == same->bytes);
        compare_find(index, file);
    }
    for (unsigned i = 0; i < kept; i++)
        CHECK(cpio_index_find(index, model->file[i].name, (uint32_t)model->file[i].name_bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cpio_file files[FILES];
    struct cpio_index index = {.files = files, .capacity = FILES};
    struct model model = {.bytes = size, .files = 0};
    char *copy = malloc(size + 1); /* odd, and ends where the archive ends */
    enum cpio_error error;

    memcpy(copy + 1, data, size);
    model.archive = copy + 1;
    while (model_read_member(&model))
        ;
    error = cpio_index_build(&index, copy + 1, size);
    CHECK(error < CPIO_ERRORS && strcmp(cpio_error_text(error), "unknown error") != 0);
    compare(&index, &model, error);
    free(copy);
    return 0;
}
