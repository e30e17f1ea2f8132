/* See tree_blob.h.  Tools leave their output in one temporary file, gone when the blob is read. */
#define _POSIX_C_SOURCE 200809L
#include "tree_blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define COMMAND_BYTES 512

static void temporary_create(char *path, size_t path_bytes)
{
    int file;

    snprintf(path, path_bytes, "/tmp/faultline-tree-XXXXXX");
    file = mkstemp(path);
    CHECK(file >= 0);
    close(file);
}

static struct tree_blob temporary_take(const char *path)
{
    struct tree_blob blob = {NULL, 0};
    FILE *file = fopen(path, "rb");
    long size;

    CHECK(file != NULL);
    CHECK(fseek(file, 0, SEEK_END) == 0);
    size = ftell(file);
    CHECK(size > 0);
    rewind(file);
    blob.size = (size_t)size;
    blob.bytes = malloc(blob.size);
    CHECK(blob.bytes != NULL);
    CHECK_EQ(fread(blob.bytes, 1, blob.size, file), blob.size);
    fclose(file);
    unlink(path);
    return blob;
}

/* Runs the command, which writes the file `output`, with `input` (may be NULL) on its standard
 * input. */
static void command_run(const char *command, const char *input, const char *output)
{
    FILE *pipe = popen(command, "w");
    int status;

    CHECK(pipe != NULL);
    if (input)
        fputs(input, pipe);
    status = pclose(pipe);
    if (status != 0) {
        harness_note("status %d of: %s", status, command);
        unlink(output);
    }
    CHECK_EQ(status, 0);
}

struct tree_blob tree_blob_from_text(const char *text)
{
    char path[64], command[COMMAND_BYTES], *source;
    size_t bytes = strlen(text) + sizeof "/dts-v1/;";

    source = malloc(bytes);
    CHECK(source != NULL);
    snprintf(source, bytes, "/dts-v1/;%s", text);
    temporary_create(path, sizeof path);
    snprintf(command, sizeof command, "dtc -qq -I dts -O dtb -o %s -", path);
    command_run(command, source, path);
    free(source);
    return temporary_take(path);
}

struct tree_blob tree_blob_from_file(const char *file)
{
    char path[64], command[COMMAND_BYTES];

    temporary_create(path, sizeof path);
    snprintf(command, sizeof command, "dtc -qq -I dts -O dtb -o %s %s", path, file);
    command_run(command, NULL, path);
    return temporary_take(path);
}

struct tree_blob tree_blob_from_qemu(const char *machine, const char *options)
{
    char path[64], command[COMMAND_BYTES];

    if (system("command -v qemu-system-riscv64 >/dev/null") != 0)
        SKIP("qemu-system-riscv64 is not installed");
    temporary_create(path, sizeof path);
    snprintf(command, sizeof command,
             "timeout 60 qemu-system-riscv64 -machine %s,dumpdtb=%s %s -nographic >/dev/null 2>&1",
             machine, path, options);
    command_run(command, NULL, path);
    return temporary_take(path);
}

void tree_blob_free(struct tree_blob *blob)
{
    free(blob->bytes);
    blob->bytes = NULL;
}
