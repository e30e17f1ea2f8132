/* A fuzz target as a host test, without libFuzzer: tries each input of its corpus in the tree, from the
 * top folder.  Links with harness.c. */
#define _POSIX_C_SOURCE 200809L
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLAY_BYTES 8192u /* most of one input */

static void replay_file(const char *folder, const char *name)
{
    char path[512];
    uint8_t bytes[REPLAY_BYTES], *exact;
    size_t size;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "rb");
    CHECK(file);
    size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    printf("# %s\n", path); /* the last one is the one that fails */
    fflush(stdout);
    CHECK(size < sizeof(bytes));
    exact = malloc(size + 1); /* the sanitizer sees what is read behind it */
    memcpy(exact + 1, bytes, size);
    LLVMFuzzerTestOneInput(exact + 1, size);
    free(exact);
}

TEST("every input of the corpus gives what it must, and there are some")
{
    char folder[256];
    struct dirent **entry;
    int entries, inputs = 0;

    snprintf(folder, sizeof(folder), "tests/fuzz/corpus/%s", fuzz_name);
    entries = scandir(folder, &entry, NULL, alphasort);
    for (int i = 0; i < entries; i++) {
        if (entry[i]->d_name[0] != '.') {
            replay_file(folder, entry[i]->d_name);
            inputs++;
        }
        free(entry[i]);
    }
    if (entries >= 0)
        free(entry);
    CHECK(inputs > 0);
}
