/* Independent models of drivers/fdt.c and drivers/machine.c: libfdt, and the invariants of the
 * headers.  For unit tests and the fuzzer; needs no harness. */
#ifndef TESTS_TREE_MODEL_H
#define TESTS_TREE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libfdt.h>

#include "fdt.h"
#include "machine.h"

/* Gives the bytes to our reader and to libfdt.  What libfdt accepts, ours must accept, but for the
 * limits that fdt.h names; of what both accept, all reservations, nodes, cells, properties, strings
 * and paths must be the same, byte for byte.  Ours gets an unaligned copy that ends where the blob
 * ends, so that a sanitizer sees any access outside.
 * Returns: NULL, or the first difference, valid until the next call. */
const char *tree_model_compare(const void *bytes, size_t size);

/* Reads the bytes with machine_read, and holds what it says against M1 to M5.
 * Returns: NULL, or the first broken invariant. */
const char *tree_model_check_machine(const void *bytes, size_t size);

/* What `count` cells say; *cells moves behind them. */
uint64_t tree_model_number(const fdt32_t **cells, int count);

/* The first address of a node's reg as one of the root's, by libfdt.  Returns: false when it is none. */
bool tree_model_address(const void *blob, int node, uint64_t *address);

#endif
