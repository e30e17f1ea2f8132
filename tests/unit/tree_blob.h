/* Device tree blobs for tests: from source text by dtc, from QEMU's machines.  The caller frees
 * `bytes`.  A tool that fails fails the running test with its command line. */
#ifndef TESTS_TREE_BLOB_H
#define TESTS_TREE_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tree_blob {
    uint8_t *bytes;
    size_t size;
};

/* Compiles a tree from text that follows "/dts-v1/;". */
struct tree_blob tree_blob_from_text(const char *text);
/* Compiles a file; the path is relative to the root of the project, where tests run. */
struct tree_blob tree_blob_from_file(const char *path);
/* The tree that QEMU makes for `-machine MACHINE OPTIONS`.  Skips the running test without QEMU. */
struct tree_blob tree_blob_from_qemu(const char *machine, const char *options);

void tree_blob_free(struct tree_blob *blob);

#endif
