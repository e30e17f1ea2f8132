/* Reader of flattened device trees: the bytes that firmware leaves in memory to describe the
 * machine.
 *
 * Use: fdt_open checks a whole blob once, in one pass.  A `struct fdt` that it has filled is the
 * proof that the blob is sound, so walks, look-ups and properties have no errors of form left, only
 * "there is no such thing".
 *
 *     blob:  header | reservations | structure block                         | strings block
 *                                    BEGIN "" PROP.. BEGIN "cpus" .. END ..    "reg" "compatible"
 * ..
 *
 * Invariants of an opened tree (fdt_open establishes them; they hold while the blob is unchanged):
 *  T1  every block lies inside [blob, blob + total_bytes), and total_bytes <= max_bytes;
 *  T2  the structure block holds one root node and its descendants, balanced, at most
 *      FDT_MAX_DEPTH nodes inside one another, and then the end token;
 *  T3  the properties of a node come before its children; each value lies in the structure
 *      block, each name in the strings block;
 *  T4  every node name and property name is ended by a NUL inside its block;
 *  T5  the reservation list is ended inside the blob.
 *
 * Cost: fdt_open and a full walk are linear in total_bytes.  No allocation, no recursion, no
 * alignment needed of the blob or of its blocks.  Pointers that the functions return point into the
 * blob.
 *
 * Does not: follow phandles, aliases or `ranges`; read versions before 17; change a tree.
 *
 * Spec: Devicetree Specification 0.4, chapter 5 (format) and 2.2 to 2.3 (names, values, cells). */
#ifndef DRIVERS_FDT_H
#define DRIVERS_FDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nodes inside one another, the root counted.  Real trees have about 8. */
#define FDT_MAX_DEPTH 32u

/* Largest total size that is read: as much as a signed 32-bit offset reaches. */
#define FDT_MAX_BYTES 0x7fffffffu

/* name, meaning */
#define FDT_ERRORS(X)                                                      \
    X(OK, "no error")                                                      \
    X(TRUNCATED, "larger than the memory it is in")                        \
    X(BAD_MAGIC, "wrong magic number")                                     \
    X(BAD_VERSION, "version is not 17 or compatible with it")              \
    X(BAD_TOTAL_SIZE, "impossible total size")                             \
    X(BAD_STRUCTURE_BLOCK, "structure block outside the blob")             \
    X(BAD_STRINGS_BLOCK, "strings block outside the blob")                 \
    X(BAD_RESERVATIONS, "reservations outside the blob or without an end") \
    X(NO_END, "no end token")                                              \
    X(BAD_TOKEN, "unknown token")                                          \
    X(BAD_NODE_NAME, "node name without an end")                           \
    X(BAD_PROPERTY_NAME, "property name outside the strings block")        \
    X(BAD_PROPERTY_VALUE, "property value outside the structure block")    \
    X(MISPLACED_PROPERTY, "property outside a node or after a child")      \
    X(BAD_NESTING, "unbalanced nodes or a second root")                    \
    X(NO_ROOT, "no root node")                                             \
    X(TOO_DEEP, "nodes nested too deep")                                   \
    X(ABSENT, "no such entry")                                             \
    X(BAD_CELLS, "cells are not 0 to 2, or all 0")                         \
    X(BAD_LENGTH, "not a whole number of entries")

enum fdt_error {
#define FDT_ERROR_NAME(name, text) FDT_##name,
    FDT_ERRORS(FDT_ERROR_NAME)
#undef FDT_ERROR_NAME
};

/* Returns: one line of English for any value, never NULL. */
const char *fdt_error_text(enum fdt_error error);

/* A checked tree.  The fields are the reader's own, except error_at. */
struct fdt {
    const uint8_t *blob; /* the caller's; must stay readable and unchanged */
    uint32_t total_bytes;
    uint32_t structure; /* offset in the blob */
    uint32_t structure_bytes;
    uint32_t strings;       /* offset in the blob */
    uint32_t strings_bytes; /* up to and with the last NUL of the block: a name that starts inside
                               ends there */
    uint32_t reservations;  /* offset in the blob */
    uint32_t reservation_count;
    uint32_t error_at; /* after an error: offset in the blob of the field or token that is wrong */
};

/* Half-open range [base, base + bytes) as the tree states it: it may wrap, the user checks. */
struct fdt_range {
    uint64_t base;
    uint64_t bytes;
};

/* 32-bit words that an address and a size take in `reg`. */
struct fdt_cells {
    uint8_t address;
    uint8_t size;
};

/* Value of a cell count that the tree states wrongly (not one word, or above 254). */
#define FDT_CELLS_BAD 255u

struct fdt_node {
    const char *name;           /* with unit address: "memory@80000000"; the root's is "" */
    uint32_t depth;             /* the root's is 0 */
    struct fdt_cells reg_cells; /* what the parent says about this node's `reg` */
    uint32_t inside;            /* the reader's: structure offset after the name */
};

struct fdt_prop {
    const char *name;
    const uint8_t *value; /* big-endian words, strings or bytes; no alignment */
    uint32_t bytes;
    uint32_t next; /* the reader's: structure offset after the value */
};

/* Checks the blob completely and makes *tree ready for use.
 * blob: any alignment; max_bytes: how many bytes may be read there, any value.
 * Returns: FDT_OK, or an error from FDT_TRUNCATED to FDT_TOO_DEEP; then only tree->error_at is of
 * use. Spec: 5.2 (header), 5.3 (reservations), 5.4 (structure), 5.5 (strings). */
enum fdt_error fdt_open(struct fdt *tree, const void *blob, size_t max_bytes);

/* The index-th entry of the memory reservation block, from 0; a size of 0 ends the list, whatever
 * its address.  Returns: false past the last one.  Spec: 5.3. */
bool fdt_reservation(const struct fdt *tree, uint32_t index, struct fdt_range *range);

/* ---- nodes ---- */

/* A place in a walk over nodes in the order of the blob: each node before its children. */
struct fdt_walk {
    const struct fdt *tree;
    uint32_t at;                /* structure offset of the next token */
    uint32_t open;              /* nodes open at `at` */
    uint32_t floor;             /* the walk ends where fewer than this are open */
    bool has_address, has_size; /* of the node opened last: its cells were read already */
    struct fdt_cells cells
        [FDT_MAX_DEPTH]; /* [d]: what the open node of depth d says of its children, once the walk has met one */
};

/* Starts a walk over all nodes, the root first. */
void fdt_walk_all(struct fdt_walk *walk, const struct fdt *tree);
/* Starts a walk over all descendants of a node, without the node. */
void fdt_walk_below(struct fdt_walk *walk, const struct fdt *tree, const struct fdt_node *node);

/* Returns: false when there are no more; then *node is unchanged, and so it stays when asked again.
 */
bool fdt_walk_next(struct fdt_walk *walk, struct fdt_node *node);
/* As fdt_walk_next, and takes some of the node's properties along, each of which is read once: found[i] becomes the first
 * one that is named names[i], or its name NULL when there is none. */
bool fdt_walk_next_with(struct fdt_walk *walk, struct fdt_node *node, const char *const *names,
                        unsigned count, struct fdt_prop *found);
/* As fdt_walk_next, but passes over what lies deeper than the first level of the walk: after
 * fdt_walk_below these are the direct children. */
bool fdt_walk_next_child(struct fdt_walk *walk, struct fdt_node *node);

/* Finds a node by its absolute path ("/cpus/cpu@1"); "/" is the root.  A component without '@' also
 * matches a node with a unit address; among several, the first one in the blob.
 * Returns: false when there is none or the path does not start with '/'.  Spec: 2.2.1, 2.2.3. */
bool fdt_find(const struct fdt *tree, const char *path, struct fdt_node *node);

/* True when the node's name without its unit address is `base`.  Spec: 2.2.1. */
bool fdt_node_is_named(const struct fdt_node *node, const char *base);

/* True unless the node's `status` is other than "okay" or "ok".  Spec: 2.3.4. */
bool fdt_node_is_enabled(const struct fdt *tree, const struct fdt_node *node);

/* ---- values ---- */

/* A number of 0 to 2 cells, which are there. */
uint64_t fdt_read_cells(const uint8_t *bytes, uint32_t cells);

/* The index-th, from 0, of strings that stand one behind the other in so many bytes.  Returns: NULL past the last one, and
 * for one that is not ended there. */
const char *fdt_list_string(const void *list, uint32_t bytes, uint32_t index);

/* ---- properties ---- */

/* The first property of a node, and the one after *prop.  Returns: false when there is none; then
 * *prop is unchanged. */
bool fdt_prop_first(const struct fdt *tree, const struct fdt_node *node, struct fdt_prop *prop);
bool fdt_prop_next(const struct fdt *tree, struct fdt_prop *prop);

/* The first property of that name.  Returns: false when there is none; then *prop is any of the node's. */
bool fdt_prop_find(const struct fdt *tree, const struct fdt_node *node, const char *name,
                   struct fdt_prop *prop);

/* Whether a `status` property lets its node be used.  Spec: 2.3.4. */
bool fdt_prop_is_okay(const struct fdt_prop *status);

/* A property that is one number of one or two cells.  Returns: false for any other length. */
bool fdt_prop_number(const struct fdt_prop *prop, uint64_t *number);

/* The index-th string, from 0, of a list of strings.  Returns: NULL past the last one, and for one
 * that is not ended inside the value.  Spec: 2.2.4, <stringlist>. */
const char *fdt_prop_string(const struct fdt_prop *prop, uint32_t index);

/* True when the list contains `text`; the property need not be a sound list behind it. */
bool fdt_prop_has_string(const struct fdt_prop *prop, const char *text);

/* The index-th entry, from 0, of a `reg` property.  0 size cells give 0 bytes.
 * cells: the node's reg_cells.
 * Returns: FDT_OK; FDT_ABSENT past the last entry; FDT_BAD_CELLS; FDT_BAD_LENGTH (for every index).
 * Spec: 2.3.6. */
enum fdt_error fdt_prop_reg(const struct fdt_prop *reg, struct fdt_cells cells, uint32_t index,
                            struct fdt_range *range);

#endif
