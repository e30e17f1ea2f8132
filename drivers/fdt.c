/* Flattened device trees: see fdt.h for the format, the invariants T1 to T5 and the limits.
 *
 * fdt_open runs check_token over the whole structure block and checks the nesting; after that all reading of it
 * trusts what was checked.  `At` is always an offset in the structure block, from 0. */
#include "fdt.h"

/* Header fields: offsets in the blob.  Spec: 5.2. */
enum {
    HEADER_MAGIC = 0,
    HEADER_TOTAL_BYTES = 4,
    HEADER_STRUCTURE = 8,
    HEADER_STRINGS = 12,
    HEADER_RESERVATIONS = 16,
    HEADER_VERSION = 20,
    HEADER_COMPATIBLE = 24,
    HEADER_STRINGS_BYTES = 32,
    HEADER_STRUCTURE_BYTES = 36,
    HEADER_BYTES = 40
};

#define MAGIC   0xd00dfeedu
#define VERSION 17u

#define CELL_BYTES        4u
#define RESERVATION_BYTES 16u
#define MAX_CELLS         2u /* a number has at most 64 bits */

/* Tokens of the structure block.  Spec: 5.4.1. */
enum { TOKEN_BEGIN_NODE = 1, TOKEN_END_NODE = 2, TOKEN_PROPERTY = 3, TOKEN_NOP = 4, TOKEN_END = 9 };

/* ---- bytes and strings ---- */

static uint32_t read_cell(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

uint64_t fdt_read_cells(const uint8_t *bytes, uint32_t cells)
{
    uint64_t number = 0;

    for (uint32_t i = 0; i < cells; i++)
        number = number << 32 | read_cell(bytes + i * CELL_BYTES);
    return number;
}

/* [offset, offset + bytes) lies in [0, limit). */
static bool range_fits(uint32_t offset, uint32_t bytes, uint32_t limit)
{
    return offset <= limit && bytes <= limit - offset;
}

/* Cannot wrap: total sizes, and so all offsets, are at most FDT_MAX_BYTES. */
static uint32_t align_cell(uint32_t offset)
{
    return (offset + CELL_BYTES - 1) & ~(CELL_BYTES - 1);
}

static bool text_equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* The text starts with the `length` characters at `start`, none of which is NUL.
 * Returns: what follows them, or NULL. */
static const char *text_after(const char *text, const char *start, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] != start[i])
            return NULL;
    return text + length;
}

static size_t text_length_to(const char *text, char stop)
{
    size_t length = 0;

    while (text[length] && text[length] != stop)
        length++;
    return length;
}

/* Length with the NUL of the string that starts at `start`, 0 if none ends before limit. */
static uint32_t string_bytes(const uint8_t *bytes, uint32_t start, uint32_t limit)
{
    for (uint32_t end = start; end < limit; end++)
        if (bytes[end] == 0)
            return end + 1 - start;
    return 0;
}

/* ---- tokens ---- */

static enum fdt_error check_property(const struct fdt *tree, uint32_t at)
{
    const uint8_t *block = tree->blob + tree->structure;

    if (!range_fits(at, 2 * CELL_BYTES, tree->structure_bytes) ||
        !range_fits(at + 2 * CELL_BYTES, read_cell(block + at), tree->structure_bytes))
        return FDT_BAD_PROPERTY_VALUE;
    return read_cell(block + at + CELL_BYTES) < tree->strings_bytes ? FDT_OK
                                                                    : FDT_BAD_PROPERTY_NAME;
}

/* Whether there is a sound token at `at`.  After that it may be read. */
static enum fdt_error check_token(const struct fdt *tree, uint32_t at)
{
    const uint8_t *block = tree->blob + tree->structure;

    if (!range_fits(at, CELL_BYTES, tree->structure_bytes))
        return FDT_NO_END;
    switch (read_cell(block + at)) {
    case TOKEN_BEGIN_NODE:
        return string_bytes(block, at + CELL_BYTES, tree->structure_bytes) > 0 ? FDT_OK
                                                                               : FDT_BAD_NODE_NAME;
    case TOKEN_PROPERTY:
        return check_property(tree, at + CELL_BYTES);
    case TOKEN_END_NODE:
    case TOKEN_NOP:
    case TOKEN_END:
        return FDT_OK;
    default:
        return FDT_BAD_TOKEN;
    }
}

static uint32_t token_kind(const struct fdt *tree, uint32_t at)
{
    return read_cell(tree->blob + tree->structure + at);
}

/* Where the token after the sound one of that kind at `at` starts: above `at`; it may lie past the block, by the last
 * token's padding. */
static uint32_t token_end(const struct fdt *tree, uint32_t at, uint32_t kind)
{
    const uint8_t *block = tree->blob + tree->structure;

    at += CELL_BYTES;
    if (kind == TOKEN_BEGIN_NODE)
        at += (uint32_t)text_length_to((const char *)block + at, 0) + 1;
    else if (kind == TOKEN_PROPERTY)
        at += 2 * CELL_BYTES + read_cell(block + at);
    return align_cell(at);
}

/* ---- opening: the checks ---- */

/* What the nesting check knows between two tokens. */
struct nesting {
    uint32_t open; /* nodes begun and not ended */
    bool root_seen;
    bool at_properties; /* inside a node, before its first child */
};

static enum fdt_error nesting_begin(struct nesting *nesting)
{
    if (nesting->open == 0 && nesting->root_seen)
        return FDT_BAD_NESTING;
    if (nesting->open == FDT_MAX_DEPTH)
        return FDT_TOO_DEEP;
    nesting->open++;
    nesting->root_seen = true;
    nesting->at_properties = true;
    return FDT_OK;
}

static enum fdt_error nesting_take(struct nesting *nesting, uint32_t kind)
{
    switch (kind) {
    case TOKEN_BEGIN_NODE:
        return nesting_begin(nesting);
    case TOKEN_END_NODE:
        nesting->at_properties = false;
        return nesting->open-- > 0 ? FDT_OK : FDT_BAD_NESTING;
    case TOKEN_PROPERTY:
        return nesting->at_properties ? FDT_OK : FDT_MISPLACED_PROPERTY;
    case TOKEN_END:
        if (nesting->open > 0)
            return FDT_BAD_NESTING;
        return nesting->root_seen ? FDT_OK : FDT_NO_ROOT;
    default: /* TOKEN_NOP: check_token lets nothing else through */
        return FDT_OK;
    }
}

/* Establishes T2, T3 and the node names of T4. */
static enum fdt_error check_structure(struct fdt *tree)
{
    struct nesting nesting = {0, false, false};
    uint32_t at = 0, kind;

    do {
        enum fdt_error error;

        tree->error_at = tree->structure + at;
        error = check_token(tree, at);
        if (error != FDT_OK)
            return error;
        kind = token_kind(tree, at);
        error = nesting_take(&nesting, kind);
        if (error != FDT_OK)
            return error;
        at = token_end(tree, at, kind);
    } while (kind != TOKEN_END);
    return FDT_OK;
}

/* Establishes T5. */
static enum fdt_error check_reservations(struct fdt *tree)
{
    uint32_t at = read_cell(tree->blob + HEADER_RESERVATIONS);
    uint32_t count = 0;

    tree->error_at = HEADER_RESERVATIONS;
    if (at < HEADER_BYTES)
        return FDT_BAD_RESERVATIONS;
    tree->reservations = at;
    for (;; at += RESERVATION_BYTES, count++) {
        if (!range_fits(at, RESERVATION_BYTES, tree->total_bytes))
            return FDT_BAD_RESERVATIONS;
        if (fdt_read_cells(tree->blob + at + 2 * CELL_BYTES, 2) == 0)
            break;
    }
    tree->reservation_count = count;
    return FDT_OK;
}

/* Reads the offset and size of a block from the header.  Returns: false when it lies outside. */
static bool block_read(struct fdt *tree, uint32_t offset_field, uint32_t bytes_field,
                       uint32_t *offset, uint32_t *bytes)
{
    *offset = read_cell(tree->blob + offset_field);
    *bytes = read_cell(tree->blob + bytes_field);
    tree->error_at = offset_field;
    return *offset >= HEADER_BYTES && range_fits(*offset, *bytes, tree->total_bytes);
}

/* Establishes the rest of T1, and T4 for all property names at once: cut after its last NUL, the
 * strings block ends every string that starts in it. */
static enum fdt_error check_blocks(struct fdt *tree)
{
    if (!block_read(tree, HEADER_STRUCTURE, HEADER_STRUCTURE_BYTES, &tree->structure,
                    &tree->structure_bytes))
        return FDT_BAD_STRUCTURE_BLOCK;
    if (!block_read(tree, HEADER_STRINGS, HEADER_STRINGS_BYTES, &tree->strings,
                    &tree->strings_bytes))
        return FDT_BAD_STRINGS_BLOCK;
    while (tree->strings_bytes > 0 && tree->blob[tree->strings + tree->strings_bytes - 1] != 0)
        tree->strings_bytes--;
    return FDT_OK;
}

/* The fields that say what kind of blob it is and how long: only after this may more be read. */
static enum fdt_error check_header(struct fdt *tree, size_t max_bytes)
{
    tree->error_at = HEADER_MAGIC;
    if (max_bytes < HEADER_BYTES)
        return FDT_TRUNCATED;
    if (read_cell(tree->blob + HEADER_MAGIC) != MAGIC)
        return FDT_BAD_MAGIC;
    tree->error_at = HEADER_VERSION;
    if (read_cell(tree->blob + HEADER_VERSION) < VERSION ||
        read_cell(tree->blob + HEADER_COMPATIBLE) > VERSION)
        return FDT_BAD_VERSION;
    tree->error_at = HEADER_TOTAL_BYTES;
    tree->total_bytes = read_cell(tree->blob + HEADER_TOTAL_BYTES);
    if (tree->total_bytes < HEADER_BYTES || tree->total_bytes > FDT_MAX_BYTES)
        return FDT_BAD_TOTAL_SIZE;
    return tree->total_bytes <= max_bytes ? FDT_OK : FDT_TRUNCATED;
}

enum fdt_error fdt_open(struct fdt *tree, const void *blob, size_t max_bytes)
{
    enum fdt_error error;

    *tree = (struct fdt){.blob = blob};
    error = check_header(tree, max_bytes);
    if (error == FDT_OK)
        error = check_blocks(tree);
    if (error == FDT_OK)
        error = check_reservations(tree);
    if (error == FDT_OK)
        error = check_structure(tree);
    return error;
}

const char *fdt_error_text(enum fdt_error error)
{
    static const char texts[] =
#define FDT_ERROR_TEXT(name, text) text "\0"
        FDT_ERRORS(FDT_ERROR_TEXT);
#undef FDT_ERROR_TEXT
    const char *found = fdt_list_string(texts, sizeof texts - 1, (uint32_t)error);

    return found != NULL ? found : "unknown error";
}

bool fdt_reservation(const struct fdt *tree, uint32_t index, struct fdt_range *range)
{
    const uint8_t *entry;

    if (index >= tree->reservation_count)
        return false;
    entry = tree->blob + tree->reservations + index * RESERVATION_BYTES;
    range->base = fdt_read_cells(entry, 2);
    range->bytes = fdt_read_cells(entry + 2 * CELL_BYTES, 2);
    return true;
}

/* The next property at or after `at`, if it comes before any child and the node's end. */
static bool prop_read(const struct fdt *tree, uint32_t at, struct fdt_prop *prop)
{
    while (token_kind(tree, at) == TOKEN_NOP)
        at += CELL_BYTES;
    if (token_kind(tree, at) != TOKEN_PROPERTY)
        return false;
    const uint8_t *inside = tree->blob + tree->structure + at + CELL_BYTES;
    prop->bytes = read_cell(inside);
    prop->name = (const char *)tree->blob + tree->strings + read_cell(inside + CELL_BYTES);
    prop->value = inside + 2 * CELL_BYTES;
    prop->next = align_cell(at + 3 * CELL_BYTES + prop->bytes);
    return true;
}

/* ---- nodes ---- */

/* Cells of the root's own `reg`, and what a node without the properties says.  Spec: 2.3.5. */
static const struct fdt_cells default_cells = {2, 1};

/* Goes into a node, to its properties. */
static void walk_open(struct fdt_walk *walk, uint32_t depth, uint32_t inside)
{
    walk->at = inside;
    walk->open = depth + 1;
    walk->cells[depth] = default_cells;
    walk->has_address = walk->has_size = false;
}

void fdt_walk_all(struct fdt_walk *walk, const struct fdt *tree)
{
    walk->tree = tree;
    walk->at = walk->open = walk->floor = 0;
}

void fdt_walk_below(struct fdt_walk *walk, const struct fdt *tree, const struct fdt_node *node)
{
    walk->tree = tree;
    walk_open(walk, node->depth, node->inside);
    walk->floor = walk->open;
}

/* Opens the node that begins at walk->at; inside: where its name ends. */
static void walk_enter(struct fdt_walk *walk, uint32_t inside, struct fdt_node *node)
{
    uint32_t depth = walk->open;

    node->name = (const char *)walk->tree->blob + walk->tree->structure + walk->at + CELL_BYTES;
    node->depth = depth;
    node->reg_cells = depth > 0 ? walk->cells[depth - 1] : default_cells;
    node->inside = inside;
    walk_open(walk, depth, inside);
}

/* A property of the node that was opened last: what it says about its children, the first time. */
static void walk_note(struct fdt_walk *walk, const struct fdt_prop *prop)
{
    struct fdt_cells *cells = &walk->cells[walk->open - 1];

    if (*prop->name != '#')
        return;
    uint32_t stated = prop->bytes == CELL_BYTES ? read_cell(prop->value) : FDT_CELLS_BAD;
    uint8_t value = (uint8_t)(stated < FDT_CELLS_BAD ? stated : FDT_CELLS_BAD);
    if (!walk->has_address && text_equal(prop->name, "#address-cells")) {
        walk->has_address = true;
        cells->address = value;
    } else if (!walk->has_size && text_equal(prop->name, "#size-cells")) {
        walk->has_size = true;
        cells->size = value;
    }
}

/* Puts a property where its name is wanted, unless one of that name is there. */
static void prop_choose(const struct fdt_prop *prop, const char *const *names, unsigned count,
                        struct fdt_prop *found)
{
    for (unsigned i = 0; i < count; i++)
        if (*names[i] == *prop->name && text_equal(names[i], prop->name)) {
            if (found[i].name == NULL)
                found[i] = *prop;
            return;
        }
}

/* Goes past the properties that are left of the node that was opened last. */
static void walk_pass(struct fdt_walk *walk, const char *const *names, unsigned count,
                      struct fdt_prop *found)
{
    struct fdt_prop prop;

    for (; prop_read(walk->tree, walk->at, &prop); walk->at = prop.next) {
        walk_note(walk, &prop);
        prop_choose(&prop, names, count, found);
    }
}

bool fdt_walk_next(struct fdt_walk *walk, struct fdt_node *node)
{
    for (;;) {
        walk_pass(walk, NULL, 0, NULL);
        uint32_t kind = token_kind(walk->tree, walk->at);
        uint32_t next = token_end(walk->tree, walk->at, kind);
        if (kind == TOKEN_BEGIN_NODE) {
            walk_enter(walk, next, node);
            return true;
        }
        if (kind == TOKEN_END || (kind == TOKEN_END_NODE && walk->open == walk->floor))
            return false;
        walk->open -= kind == TOKEN_END_NODE;
        walk->at = next;
    }
}

bool fdt_walk_next_with(struct fdt_walk *walk, struct fdt_node *node, const char *const *names,
                        unsigned count, struct fdt_prop *found)
{
    if (!fdt_walk_next(walk, node))
        return false;
    for (unsigned i = 0; i < count; i++)
        found[i].name = NULL;
    walk_pass(walk, names, count, found);
    return true;
}

/* Leaves what is open below the walk's own level before it goes on. */
bool fdt_walk_next_child(struct fdt_walk *walk, struct fdt_node *node)
{
    while (walk->open > walk->floor) {
        uint32_t kind = token_kind(walk->tree, walk->at);

        walk->at = token_end(walk->tree, walk->at, kind);
        walk->open += kind == TOKEN_BEGIN_NODE;
        walk->open -= kind == TOKEN_END_NODE;
    }
    return fdt_walk_next(walk, node);
}

/* The path component [name, name + length) names the node, perhaps leaving out the unit address. */
static bool node_matches(const struct fdt_node *node, const char *name, size_t length)
{
    const char *rest = text_after(node->name, name, length);

    if (rest == NULL)
        return false;
    return *rest == 0 || (*rest == '@' && text_length_to(name, '@') >= length);
}

static bool find_child(const struct fdt *tree, struct fdt_node *node, const char *name,
                       size_t length)
{
    struct fdt_walk walk;

    fdt_walk_below(&walk, tree, node);
    while (fdt_walk_next_child(&walk, node))
        if (node_matches(node, name, length))
            return true;
    return false;
}

bool fdt_find(const struct fdt *tree, const char *path, struct fdt_node *node)
{
    struct fdt_walk walk;
    struct fdt_node found;

    fdt_walk_all(&walk, tree);
    if (*path != '/' || !fdt_walk_next(&walk, &found))
        return false;
    for (;;) {
        size_t length;

        while (*path == '/')
            path++;
        if (*path == 0)
            break;
        length = text_length_to(path, '/');
        if (!find_child(tree, &found, path, length))
            return false;
        path += length;
    }
    *node = found;
    return true;
}

bool fdt_node_is_named(const struct fdt_node *node, const char *base)
{
    size_t length = text_length_to(node->name, '@');
    const char *rest = text_after(base, node->name, length);

    return rest != NULL && *rest == 0;
}

bool fdt_node_is_enabled(const struct fdt *tree, const struct fdt_node *node)
{
    struct fdt_prop status;

    return !fdt_prop_find(tree, node, "status", &status) || fdt_prop_is_okay(&status);
}

/* ---- properties ---- */

bool fdt_prop_first(const struct fdt *tree, const struct fdt_node *node, struct fdt_prop *prop)
{
    return prop_read(tree, node->inside, prop);
}

bool fdt_prop_next(const struct fdt *tree, struct fdt_prop *prop)
{
    return prop_read(tree, prop->next, prop);
}

bool fdt_prop_find(const struct fdt *tree, const struct fdt_node *node, const char *name,
                   struct fdt_prop *prop)
{
    bool more = fdt_prop_first(tree, node, prop);

    while (more && !text_equal(prop->name, name))
        more = fdt_prop_next(tree, prop);
    return more;
}

bool fdt_prop_is_okay(const struct fdt_prop *status)
{
    return fdt_prop_has_string(status, "okay") || fdt_prop_has_string(status, "ok");
}

bool fdt_prop_number(const struct fdt_prop *prop, uint64_t *number)
{
    if (prop->bytes != CELL_BYTES && prop->bytes != 2 * CELL_BYTES)
        return false;
    *number = fdt_read_cells(prop->value, prop->bytes / CELL_BYTES);
    return true;
}

const char *fdt_list_string(const void *list, uint32_t bytes, uint32_t index)
{
    uint32_t start = 0;

    for (;; index--) {
        uint32_t length = string_bytes(list, start, bytes);

        if (length == 0)
            return NULL;
        if (index == 0)
            return (const char *)list + start;
        start += length;
    }
}

const char *fdt_prop_string(const struct fdt_prop *prop, uint32_t index)
{
    return fdt_list_string(prop->value, prop->bytes, index);
}

bool fdt_prop_has_string(const struct fdt_prop *prop, const char *text)
{
    uint32_t start = 0, bytes;

    while ((bytes = string_bytes(prop->value, start, prop->bytes)) > 0) {
        if (text_equal((const char *)prop->value + start, text))
            return true;
        start += bytes;
    }
    return false;
}

enum fdt_error fdt_prop_reg(const struct fdt_prop *reg, struct fdt_cells cells, uint32_t index,
                            struct fdt_range *range)
{
    uint32_t address_bytes = cells.address * CELL_BYTES;
    uint32_t entry_bytes = address_bytes + cells.size * CELL_BYTES;
    const uint8_t *entry;

    if (cells.address > MAX_CELLS || cells.size > MAX_CELLS || entry_bytes == 0)
        return FDT_BAD_CELLS;
    if (reg->bytes % entry_bytes != 0)
        return FDT_BAD_LENGTH;
    if (index >= reg->bytes / entry_bytes)
        return FDT_ABSENT;
    entry = reg->value + index * entry_bytes;
    range->base = fdt_read_cells(entry, cells.address);
    range->bytes = fdt_read_cells(entry + address_bytes, cells.size);
    return FDT_OK;
}
