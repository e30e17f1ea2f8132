/* The device tree reader against libfdt on real, hand-made and damaged trees. */
/* sources: drivers/fdt.c drivers/machine.c drivers/devices.c drivers/isa.c */
/* sources: tests/unit/tree_blob.c tests/unit/tree_model.c */
/* libs: -lfdt */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include "fdt.h"
#include "harness.h"
#include "tree_blob.h"
#include "tree_model.h"

static void check_same(const char *wrong)
{
    if (wrong)
        harness_note("%s", wrong);
    CHECK(wrong == NULL);
}

/* Our reader accepts the blob, and libfdt says the same about all of it. */
static void check_tree(struct tree_blob blob, unsigned nodes_at_least)
{
    struct fdt tree;
    struct fdt_node node;
    struct fdt_walk walk;
    unsigned nodes = 0;

    CHECK_EQ(fdt_check_full(blob.bytes, blob.size), 0);
    CHECK_EQ(fdt_open(&tree, blob.bytes, blob.size), FDT_OK);
    fdt_walk_all(&walk, &tree);
    while (fdt_walk_next(&walk, &node))
        nodes++;
    CHECK(nodes >= nodes_at_least);
    check_same(tree_model_compare(blob.bytes, blob.size));
    tree_blob_free(&blob);
}

TEST("QEMU's virt tree reads as libfdt reads it")
{
    check_tree(tree_blob_from_qemu("virt", "-smp 4 -m 128M"), 30);
}

TEST("QEMU's sifive_u tree reads as libfdt reads it")
{
    check_tree(tree_blob_from_qemu("sifive_u", "-smp 5 -m 128M"), 30);
}

TEST("a tree like a JH7110 board's reads as libfdt reads it")
{
    check_tree(tree_blob_from_file("tests/unit/data/jh7110.dts"), 15);
}

TEST("a tree with every shape of node and property reads as libfdt reads it")
{
    check_tree(tree_blob_from_file("tests/unit/data/shapes.dts"), 16);
}

/* ---- damaged trees ---- */

/* Words that mean something somewhere: tokens, sizes about the limits, signs. */
static const uint32_t words[] = {
    0,          1,          2,          3,           4,           5,          8,
    9,          10,         16,         17,          39,          40,         41,
    0x7f,       0x80,       0xff,       0x100,       0x1000,      0x7ffffffb, 0x7fffffff,
    0x80000000, 0xfffffff0, 0xfffffff7, 0xfffffffcu, 0xfffffffeu, 0xffffffff, 0xd00dfeed};

static void put_word(uint8_t *bytes, size_t at, uint32_t word)
{
    fdt32_st(bytes + at, word);
}

static uint32_t get_word(const uint8_t *bytes, size_t at)
{
    return fdt32_ld((const fdt32_t *)(const void *)(bytes + at));
}

TEST("no single changed word of a tree leads astray")
{
    struct tree_blob blob = tree_blob_from_file("tests/unit/data/shapes.dts");

    for (size_t at = 0; at + 4 <= blob.size; at += 4) {
        uint32_t before = get_word(blob.bytes, at);

        for (size_t i = 0; i < 2 * sizeof words / sizeof words[0]; i++) {
            uint32_t word = i % 2 ? before + words[i / 2] : words[i / 2];

            put_word(blob.bytes, at, word);
            check_same(tree_model_compare(blob.bytes, blob.size));
            check_same(tree_model_check_machine(blob.bytes, blob.size));
        }
        put_word(blob.bytes, at, before);
    }
    tree_blob_free(&blob);
}

TEST("no beginning of a tree leads astray")
{
    struct tree_blob blob = tree_blob_from_file("tests/unit/data/shapes.dts");
    struct fdt tree;

    for (size_t size = 0; size < blob.size; size++) {
        uint8_t *copy = malloc(size + 1);

        memcpy(copy, blob.bytes, size);
        CHECK_EQ(fdt_open(&tree, copy, size), FDT_TRUNCATED);
        if (size >= 40) {
            put_word(copy, 4, (uint32_t)size);
            check_same(tree_model_compare(copy, size));
        }
        free(copy);
    }
    tree_blob_free(&blob);
}

/* ---- each error by its name ---- */

/* A tree of one node with one property, written with libfdt, then damaged by the test. */
struct small_tree {
    uint8_t bytes[512];
    uint32_t
        structure; /* BEGIN at +0, name at +4, PROP at +8, value at +20, END_NODE +24, END +28 */
};

static struct small_tree small_tree_make(void)
{
    struct small_tree small = {.structure = 0};

    CHECK_EQ(fdt_create(small.bytes, sizeof small.bytes), 0);
    CHECK_EQ(fdt_finish_reservemap(small.bytes), 0);
    CHECK_EQ(fdt_begin_node(small.bytes, ""), 0);
    CHECK_EQ(fdt_property_u32(small.bytes, "answer", 42), 0);
    CHECK_EQ(fdt_end_node(small.bytes), 0);
    CHECK_EQ(fdt_finish(small.bytes), 0);
    small.structure = fdt_off_dt_struct(small.bytes);
    return small;
}

static void check_error(const struct small_tree *small, enum fdt_error error, uint32_t error_at)
{
    struct fdt tree;

    CHECK_STRING(fdt_error_text(fdt_open(&tree, small->bytes, sizeof small->bytes)),
                 fdt_error_text(error));
    CHECK_EQ(tree.error_at, error_at);
}

/* The tree with one word of the header, or (at >= 40) of the structure block, changed. */
static void check_damage(uint32_t at, uint32_t word, enum fdt_error error, uint32_t error_at)
{
    struct small_tree small = small_tree_make();
    uint32_t base = at >= 40 ? small.structure - 40 : 0;
    uint32_t error_base = error_at >= 40 ? small.structure - 40 : 0;

    put_word(small.bytes, base + at, word);
    check_error(&small, error, error_base + error_at);
}

TEST("the undamaged small tree has its one property")
{
    struct small_tree small = small_tree_make();
    struct fdt_node root;
    struct fdt_prop prop;
    struct fdt tree;
    uint64_t number;

    CHECK_EQ(fdt_open(&tree, small.bytes, sizeof small.bytes), FDT_OK);
    CHECK(fdt_find(&tree, "/", &root));
    CHECK(fdt_prop_find(&tree, &root, "answer", &prop));
    CHECK(fdt_prop_number(&prop, &number));
    CHECK_EQ(number, 42);
    CHECK(!fdt_prop_find(&tree, &root, "answe", &prop));
    CHECK(!fdt_prop_find(&tree, &root, "answers", &prop));
}

TEST("damage of the header is named, with its field")
{
    check_damage(0, 0xd00dfeee, FDT_BAD_MAGIC, 0);
    check_damage(4, 39, FDT_BAD_TOTAL_SIZE, 4);
    check_damage(4, 0x80000000, FDT_BAD_TOTAL_SIZE, 4);
    check_damage(4, 513, FDT_TRUNCATED, 4);
    check_damage(8, 39, FDT_BAD_STRUCTURE_BLOCK, 8);
    check_damage(8, 0xffffff00, FDT_BAD_STRUCTURE_BLOCK, 8);
    check_damage(12, 512, FDT_BAD_STRINGS_BLOCK, 12);
    check_damage(16, 39, FDT_BAD_RESERVATIONS, 16);
    check_damage(16, 0xfffffff0, FDT_BAD_RESERVATIONS, 16);
    check_damage(20, 16, FDT_BAD_VERSION, 20);
    check_damage(24, 18, FDT_BAD_VERSION, 20);
    check_damage(32, 0xffffffff, FDT_BAD_STRINGS_BLOCK, 12);
    check_damage(36, 0xffffffff, FDT_BAD_STRUCTURE_BLOCK, 8);
}

TEST("damage of the structure block is named, with its token")
{
    check_damage(36, 28, FDT_NO_END, 40 + 28);
    check_damage(36, 23, FDT_BAD_PROPERTY_VALUE, 40 + 8);
    check_damage(36, 8, FDT_NO_END, 40 + 8);
    check_damage(36, 4, FDT_BAD_NODE_NAME, 40);
    check_damage(40, 9, FDT_NO_ROOT, 40);
    check_damage(40, 2, FDT_BAD_NESTING, 40);
    check_damage(40, 3, FDT_MISPLACED_PROPERTY, 40);
    check_damage(40, 0, FDT_BAD_TOKEN, 40);
    check_damage(40 + 12, 0xfffffffd, FDT_BAD_PROPERTY_VALUE, 40 + 8);
    check_damage(40 + 12, 13, FDT_BAD_PROPERTY_VALUE, 40 + 8);
    check_damage(40 + 16, 7, FDT_BAD_PROPERTY_NAME, 40 + 8);
    check_damage(32, 6, FDT_BAD_PROPERTY_NAME, 40 + 8);
    check_damage(40 + 24, 1, FDT_NO_END, 40 + 32);
    check_damage(40 + 24, 9, FDT_BAD_NESTING, 40 + 24);
    check_damage(40 + 24, 4, FDT_BAD_NESTING, 40 + 28);
    check_damage(40 + 28, 2, FDT_BAD_NESTING, 40 + 28);
    check_damage(40 + 28, 7, FDT_BAD_TOKEN, 40 + 28);
}

TEST("a reservation list without end is refused")
{
    struct small_tree small = small_tree_make();

    /* The last 15 bytes of the blob cannot hold an entry. */
    put_word(small.bytes, 16, fdt_totalsize(small.bytes) - 15);
    check_error(&small, FDT_BAD_RESERVATIONS, 16);
}

/* Gives the small tree another structure block, a row of tokens. */
static enum fdt_error open_tokens(const uint32_t *tokens, uint32_t count)
{
    struct small_tree small = {.structure = 64};
    struct fdt tree;

    put_word(small.bytes, 0, 0xd00dfeed);
    put_word(small.bytes, 4, sizeof small.bytes);
    put_word(small.bytes, 8, 64);
    put_word(small.bytes, 12, 56); /* strings: "" */
    put_word(small.bytes, 16, 40);
    put_word(small.bytes, 20, 17);
    put_word(small.bytes, 24, 16);
    put_word(small.bytes, 32, 8);
    put_word(small.bytes, 36, count * 4);
    for (uint32_t i = 0; i < count; i++)
        put_word(small.bytes, 64 + i * 4, tokens[i]);
    check_same(tree_model_compare(small.bytes, sizeof small.bytes));
    return fdt_open(&tree, small.bytes, sizeof small.bytes);
}

#define OPEN(...)                                \
    open_tokens((const uint32_t[]){__VA_ARGS__}, \
                (uint32_t)(sizeof(const uint32_t[]){__VA_ARGS__} / sizeof(uint32_t)))
#define BEGIN 1, 0
#define PROP  3, 0, 0

TEST("properties stand in a node, before its children")
{
    CHECK_EQ(OPEN(BEGIN, PROP, 2, 9), FDT_OK);
    CHECK_EQ(OPEN(BEGIN, PROP, BEGIN, PROP, 2, 2, 9), FDT_OK);
    CHECK_EQ(OPEN(BEGIN, BEGIN, 2, PROP, 2, 9), FDT_MISPLACED_PROPERTY);
    CHECK_EQ(OPEN(PROP, BEGIN, 2, 9), FDT_MISPLACED_PROPERTY);
    CHECK_EQ(OPEN(BEGIN, 2, PROP, 9), FDT_MISPLACED_PROPERTY);
}

TEST("there is one root, and nothing but no-operations around it")
{
    CHECK_EQ(OPEN(4, BEGIN, 4, PROP, 4, BEGIN, 4, 2, 4, 2, 4, 9), FDT_OK);
    CHECK_EQ(OPEN(BEGIN, 4, PROP, 4, PROP, 4, BEGIN, 4, 2, 4, 2, 9), FDT_OK);
    CHECK_EQ(OPEN(4, 9), FDT_NO_ROOT);
    CHECK_EQ(OPEN(BEGIN, 2, BEGIN, 2, 9), FDT_BAD_NESTING);
    CHECK_EQ(OPEN(BEGIN, 2, 2, 9), FDT_BAD_NESTING);
    CHECK_EQ(OPEN(BEGIN, BEGIN, 2, 9), FDT_BAD_NESTING);
    CHECK_EQ(OPEN(BEGIN, 2, 4, 4), FDT_NO_END);
}

static enum fdt_error open_depth(uint32_t depth)
{
    uint32_t tokens[112];
    uint32_t count = 0;

    for (uint32_t i = 0; i < depth; i++) {
        tokens[count++] = 1;
        tokens[count++] = 0;
    }
    for (uint32_t i = 0; i < depth; i++)
        tokens[count++] = 2;
    tokens[count++] = 9;
    return open_tokens(tokens, count);
}

TEST("nodes nest up to the limit and no deeper")
{
    CHECK_EQ(open_depth(FDT_MAX_DEPTH), FDT_OK);
    CHECK_EQ(open_depth(FDT_MAX_DEPTH + 1), FDT_TOO_DEEP);
}

/* ---- values ---- */

TEST("paths lead to nodes, with and without unit addresses")
{
    struct tree_blob blob = tree_blob_from_file("tests/unit/data/shapes.dts");
    static const struct {
        const char *path, *name;
    } cases[] = {
        {"/", ""},
        {"//", ""},
        {"/bus", "bus@10000000"},
        {"/bus@10000000/device@100", "device@100"},
        {"/bus/device", "device@0"},
        {"/bus//device@100/", "device@100"},
        {"/a/b/c/d/e/f", "f"},
        {"/bus@1", "not found"},
        {"/bus@10000000/device@1", "not found"},
        {"/bu", "not found"},
        {"/bus/device@0/x", "not found"},
        {"bus", "not found"},
        {"", "not found"},
    };
    struct fdt_node node;
    struct fdt tree;

    CHECK_EQ(fdt_open(&tree, blob.bytes, blob.size), FDT_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *name = fdt_find(&tree, cases[i].path, &node) ? node.name : "not found";

        CHECK_STRING(name, cases[i].name);
    }
    tree_blob_free(&blob);
}

static enum fdt_error reg_at(const struct fdt *tree, const char *path, uint32_t index,
                             struct fdt_range *range)
{
    struct fdt_node node;
    struct fdt_prop reg;

    CHECK(fdt_find(tree, path, &node));
    CHECK(fdt_prop_find(tree, &node, "reg", &reg));
    return fdt_prop_reg(&reg, node.reg_cells, index, range);
}

TEST("reg is read with the cells of the parent")
{
    struct tree_blob blob = tree_blob_from_file("tests/unit/data/shapes.dts");
    struct fdt_range range;
    struct fdt tree;

    CHECK_EQ(fdt_open(&tree, blob.bytes, blob.size), FDT_OK);
    CHECK_EQ(reg_at(&tree, "/bus", 1, &range), FDT_OK);
    CHECK_EQ(range.base, 0x100000000);
    CHECK_EQ(range.bytes, 0x2000);
    CHECK_EQ(reg_at(&tree, "/bus", 2, &range), FDT_ABSENT);
    CHECK_EQ(reg_at(&tree, "/bus/device@0", 1, &range), FDT_OK);
    CHECK_EQ(range.base, 0x200);
    CHECK_EQ(range.bytes, 0x100000000);
    CHECK_EQ(reg_at(&tree, "/bus/device@100", 0, &range), FDT_BAD_LENGTH);
    CHECK_EQ(reg_at(&tree, "/ids/id", 0, &range), FDT_OK);
    CHECK_EQ(range.base, 7);
    CHECK_EQ(range.bytes, 0);
    CHECK_EQ(reg_at(&tree, "/wide/pci", 0, &range), FDT_BAD_CELLS);
    CHECK_EQ(reg_at(&tree, "/a/b", 0, &range), FDT_OK);
    CHECK_EQ(range.base, 0x100000002);
    CHECK_EQ(range.bytes, 3);
    tree_blob_free(&blob);
}

TEST("string lists end where the value ends")
{
    struct tree_blob blob = tree_blob_from_file("tests/unit/data/shapes.dts");
    struct fdt_node node;
    struct fdt_prop prop;
    struct fdt tree;

    CHECK_EQ(fdt_open(&tree, blob.bytes, blob.size), FDT_OK);
    CHECK(fdt_find(&tree, "/", &node));
    CHECK(fdt_prop_find(&tree, &node, "compatible", &prop));
    CHECK_STRING(fdt_prop_string(&prop, 0), "faultline,shapes");
    CHECK_STRING(fdt_prop_string(&prop, 1), "faultline,test");
    CHECK(fdt_prop_string(&prop, 2) == NULL);
    CHECK(fdt_prop_has_string(&prop, "faultline,test"));
    CHECK(!fdt_prop_has_string(&prop, "faultline"));
    CHECK(fdt_prop_find(&tree, &node, "flag", &prop));
    CHECK_EQ(prop.bytes, 0);
    CHECK(fdt_prop_string(&prop, 0) == NULL);
    CHECK(fdt_find(&tree, "/bus/device@100", &node));
    CHECK(fdt_prop_find(&tree, &node, "unended", &prop));
    CHECK_STRING(fdt_prop_string(&prop, 0), "one");
    CHECK(fdt_prop_string(&prop, 1) == NULL);
    CHECK(!fdt_prop_has_string(&prop, "two"));
    tree_blob_free(&blob);
}

TEST("every error has a text, and numbers that are none have one too")
{
    for (unsigned error = 0; error <= FDT_BAD_LENGTH; error++)
        CHECK(fdt_error_text((enum fdt_error)error)[0] != 0);
    CHECK_STRING(fdt_error_text((enum fdt_error)(FDT_BAD_LENGTH + 1)), "unknown error");
}
