/* See tree_model.h. */
#include "tree_model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#define PATH_BYTES  8192
#define DUMP_LIMIT  64u /* strings of one property, entries of one reg: enough, and bounded */
#define HEADER_SIZE 40u

/* One blob twice: as libfdt wants it (aligned), and for our reader (odd address, exact end). */
struct pair {
    uint8_t *theirs;
    uint8_t *ours_allocation;
    const uint8_t *ours;
    size_t size;
    struct fdt tree;
};

static char difference[512];

static const char *differs(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *differs(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(difference, sizeof difference, format, arguments);
    va_end(arguments);
    return difference;
}

/* Bytes behind the total size do not count: they are left out of the copies. */
static size_t useful_size(const uint8_t *bytes, size_t size)
{
    size_t total;

    if (size < HEADER_SIZE)
        return size;
    total = fdt32_ld((const fdt32_t *)(const void *)(bytes + 4));
    return total >= HEADER_SIZE && total < size ? total : size;
}

static void pair_make(struct pair *pair, const void *bytes, size_t size)
{
    pair->size = useful_size(bytes, size);
    pair->theirs = malloc(pair->size + 1);
    pair->ours_allocation = malloc(pair->size + 1);
    if (!pair->theirs || !pair->ours_allocation)
        abort();
    if (pair->size > 0) {
        memcpy(pair->theirs, bytes, pair->size);
        memcpy(pair->ours_allocation + 1, bytes, pair->size);
    }
    pair->ours = pair->ours_allocation + 1;
}

static void pair_free(struct pair *pair)
{
    free(pair->theirs);
    free(pair->ours_allocation);
}

/* Two pointers into the two copies name the same byte. */
static bool same_place(const struct pair *pair, const void *ours, const void *theirs)
{
    return (const uint8_t *)ours - pair->ours == (const uint8_t *)theirs - pair->theirs;
}

/* ---- properties ---- */

static const char *compare_strings(const struct pair *pair, int offset, const struct fdt_prop *prop)
{
    for (unsigned i = 0; i < DUMP_LIMIT; i++) {
        int length;
        const char *theirs = fdt_stringlist_get(pair->theirs, offset, prop->name, (int)i, &length);
        const char *ours = fdt_prop_string(prop, i);

        if (!theirs && !ours)
            return NULL;
        if (!theirs || !ours || !same_place(pair, ours, theirs))
            return differs("string %u of %s", i, prop->name);
        if (!fdt_prop_has_string(prop, theirs))
            return differs("string %u of %s is not found: %s", i, prop->name, theirs);
    }
    return NULL;
}

static uint64_t model_cells(const uint8_t *bytes, unsigned cells)
{
    return cells == 0   ? 0
           : cells == 1 ? fdt32_ld((const fdt32_t *)(const void *)bytes)
                        : fdt64_ld((const fdt64_t *)(const void *)bytes);
}

static const char *compare_reg(const struct fdt_prop *prop, struct fdt_cells cells)
{
    unsigned entry_bytes = 4u * (cells.address + cells.size);

    for (unsigned i = 0; i < DUMP_LIMIT; i++) {
        struct fdt_range range = {0, 0};
        enum fdt_error error = fdt_prop_reg(prop, cells, i, &range);
        enum fdt_error expected = FDT_OK;

        if (cells.address > 2 || cells.size > 2 || entry_bytes == 0)
            expected = FDT_BAD_CELLS;
        else if (prop->bytes % entry_bytes)
            expected = FDT_BAD_LENGTH;
        else if (i >= prop->bytes / entry_bytes)
            expected = FDT_ABSENT;
        if (error != expected)
            return differs("reg entry %u: %s", i, fdt_error_text(error));
        if (error != FDT_OK)
            return NULL;
        if (range.base != model_cells(prop->value + i * entry_bytes, cells.address) ||
            range.bytes !=
                model_cells(prop->value + i * entry_bytes + 4u * cells.address, cells.size))
            return differs("reg entry %u: base or bytes", i);
    }
    return NULL;
}

static const char *compare_property(const struct pair *pair, int node, int offset,
                                    const struct fdt_node *ours, const struct fdt_prop *prop)
{
    const char *name, *wrong;
    const void *value;
    struct fdt_prop found;
    int bytes;

    value = fdt_getprop_by_offset(pair->theirs, offset, &name, &bytes);
    if (!value)
        return differs("libfdt has no property at %d", offset);
    if (!same_place(pair, prop->name, name) || strcmp(prop->name, name) != 0)
        return differs("property name %s, libfdt %s", prop->name, name);
    if (prop->bytes != (uint32_t)bytes || !same_place(pair, prop->value, value) ||
        memcmp(prop->value, value, prop->bytes) != 0)
        return differs("value of %s: %u bytes, libfdt %d", name, prop->bytes, bytes);
    value = fdt_getprop(pair->theirs, node, name, &bytes);
    if (!fdt_prop_find(&pair->tree, ours, name, &found) || !same_place(pair, found.value, value))
        return differs("property %s is not found", name);
    if (strcmp(name, "reg") == 0 && (wrong = compare_reg(prop, ours->reg_cells)) != NULL)
        return wrong;
    return same_place(pair, prop->value, value) ? compare_strings(pair, node, prop) : NULL;
}

static const char *compare_properties(const struct pair *pair, int node,
                                      const struct fdt_node *ours)
{
    struct fdt_prop prop;
    bool more = fdt_prop_first(&pair->tree, ours, &prop);
    int offset = fdt_first_property_offset(pair->theirs, node);

    while (more && offset >= 0) {
        const char *wrong = compare_property(pair, node, offset, ours, &prop);

        if (wrong)
            return wrong;
        more = fdt_prop_next(&pair->tree, &prop);
        offset = fdt_next_property_offset(pair->theirs, offset);
    }
    return more || offset >= 0 ? differs("number of properties of %s", ours->name) : NULL;
}

/* ---- nodes ---- */

/* libfdt has numbers from 1 (addresses) or 0 (sizes) to 4; the rest is an error to it. */
static bool same_cells(unsigned ours, int theirs, int least)
{
    return theirs >= 0 ? ours == (unsigned)theirs : (int)ours < least || ours > FDT_MAX_NCELLS;
}

static const char *compare_cells(const struct pair *pair, int node, const struct fdt_node *ours)
{
    int parent = fdt_parent_offset(pair->theirs, node);

    if (ours->depth == 0)
        return ours->reg_cells.address == 2 && ours->reg_cells.size == 1
                   ? NULL
                   : differs("cells of the root");
    if (!same_cells(ours->reg_cells.address, fdt_address_cells(pair->theirs, parent), 1))
        return differs("#address-cells for %s: %u", ours->name, ours->reg_cells.address);
    if (!same_cells(ours->reg_cells.size, fdt_size_cells(pair->theirs, parent), 0))
        return differs("#size-cells for %s: %u", ours->name, ours->reg_cells.size);
    return NULL;
}

static const char *compare_path(const struct pair *pair, const char *path)
{
    int theirs = fdt_path_offset(pair->theirs, path);
    struct fdt_node ours;

    if (path[0] != '/')
        return NULL; /* an alias to libfdt */
    if (theirs < 0)
        return fdt_find(&pair->tree, path, &ours) ? differs("%s is found", path) : NULL;
    if (!fdt_find(&pair->tree, path, &ours))
        return differs("%s is not found", path);
    if (!same_place(pair, ours.name, fdt_get_name(pair->theirs, theirs, NULL)))
        return differs("%s leads to another node", path);
    return NULL;
}

static const char *compare_paths(const struct pair *pair, int node)
{
    char path[PATH_BYTES], *at;
    const char *wrong;

    if (fdt_get_path(pair->theirs, node, path, sizeof path) != 0)
        return NULL;
    wrong = compare_path(pair, path);
    at = strrchr(path, '@');
    if (!wrong && at) {
        *at = 0;
        wrong = compare_path(pair, path);
    }
    return wrong;
}

static const char *compare_node(const struct pair *pair, int node, int depth,
                                const struct fdt_node *ours)
{
    const char *name = fdt_get_name(pair->theirs, node, NULL);
    const char *wrong;

    if (!name || !same_place(pair, ours->name, name) || strcmp(ours->name, name) != 0)
        return differs("node name %s, libfdt %s", ours->name, name ? name : "none");
    if (ours->depth != (uint32_t)depth)
        return differs("depth of %s: %u, libfdt %d", name, ours->depth, depth);
    wrong = compare_cells(pair, node, ours);
    if (!wrong)
        wrong = compare_paths(pair, node);
    return wrong ? wrong : compare_properties(pair, node, ours);
}

static const char *compare_children(const struct pair *pair, int node, const struct fdt_node *ours)
{
    int child = fdt_first_subnode(pair->theirs, node);
    struct fdt_node each;
    struct fdt_walk walk;
    bool more;

    fdt_walk_below(&walk, &pair->tree, ours);
    while ((more = fdt_walk_next_child(&walk, &each)) && child >= 0) {
        if (!same_place(pair, each.name, fdt_get_name(pair->theirs, child, NULL)))
            return differs("child %s of %s", each.name, ours->name);
        child = fdt_next_subnode(pair->theirs, child);
    }
    return more || child >= 0 ? differs("number of children of %s", ours->name) : NULL;
}

static const char *compare_nodes(const struct pair *pair)
{
    struct fdt_node ours;
    struct fdt_walk walk;
    int depth = -1;
    int node = fdt_next_node(pair->theirs, -1, &depth);

    fdt_walk_all(&walk, &pair->tree);
    while (fdt_walk_next(&walk, &ours)) {
        const char *wrong;

        if (node < 0 || depth < 0)
            return differs("libfdt has no node %s", ours.name);
        wrong = compare_node(pair, node, depth, &ours);
        if (!wrong)
            wrong = compare_children(pair, node, &ours);
        if (wrong)
            return wrong;
        node = fdt_next_node(pair->theirs, node, &depth);
    }
    return node >= 0 && depth >= 0 ? differs("libfdt has more nodes") : NULL;
}

static const char *compare_reservations(const struct pair *pair)
{
    int count = fdt_num_mem_rsv(pair->theirs);
    struct fdt_range range;

    for (int i = 0; i < count; i++) {
        uint64_t base, bytes;

        if (fdt_get_mem_rsv(pair->theirs, i, &base, &bytes) != 0 ||
            !fdt_reservation(&pair->tree, (uint32_t)i, &range) || range.base != base ||
            range.bytes != bytes)
            return differs("reservation %d of %d", i, count);
    }
    return fdt_reservation(&pair->tree, (uint32_t)count, &range)
               ? differs("more than %d reservations", count)
               : NULL;
}

/* The limits of our reader that libfdt does not have; see fdt.h. */
static bool is_our_limit(enum fdt_error error)
{
    return error == FDT_BAD_VERSION || error == FDT_TOO_DEEP || error == FDT_NO_ROOT ||
           error == FDT_MISPLACED_PROPERTY;
}

/* A property longer than the blob: libfdt 1.6.1 adds the length to a signed offset, comes out
 * before the property and goes round for ever.  That it must be refused is plain without asking. */
static bool is_absurd_length(const struct pair *pair, enum fdt_error error)
{
    return error == FDT_BAD_PROPERTY_VALUE && pair->tree.error_at + 8 <= pair->size &&
           model_cells(pair->theirs + pair->tree.error_at + 4, 1) > pair->size;
}

/* Of a structure block that does not start with its root libfdt finds no node by path or parent: it
 * takes offset 0 for the root. */
static bool starts_with_root(const struct pair *pair)
{
    int next;

    return fdt_next_tag(pair->theirs, 0, &next) == FDT_BEGIN_NODE;
}

static const char *pair_compare(struct pair *pair)
{
    enum fdt_error ours = fdt_open(&pair->tree, pair->ours, pair->size);
    const char *wrong;
    bool theirs;

    if (is_our_limit(ours) || is_absurd_length(pair, ours))
        return NULL;
    theirs = pair->size >= HEADER_SIZE && fdt_check_full(pair->theirs, pair->size) == 0;
    if (ours != FDT_OK && theirs)
        return differs("libfdt accepts it, ours says at %u: %s", pair->tree.error_at,
                       fdt_error_text(ours));
    if (ours != FDT_OK || !theirs)
        return NULL;
    wrong = compare_reservations(pair);
    if (wrong || !starts_with_root(pair))
        return wrong;
    return compare_nodes(pair);
}

const char *tree_model_compare(const void *bytes, size_t size)
{
    struct pair pair;
    const char *wrong;

    pair_make(&pair, bytes, size);
    wrong = pair_compare(&pair);
    pair_free(&pair);
    return wrong;
}

/* ---- struct machine ---- */

static const char *check_ranges(const struct machine_range *ranges, uint32_t count, uint32_t limit)
{
    if (count > limit)
        return "M1: more ranges than there is room for";
    for (uint32_t i = 0; i < count; i++) {
        if (ranges[i].bytes == 0)
            return "M1: empty range";
        if (ranges[i].base > MACHINE_ADDRESS_END ||
            ranges[i].bytes > MACHINE_ADDRESS_END - ranges[i].base)
            return "M2: range above 2^56";
        if (i > 0 && ranges[i - 1].base + ranges[i - 1].bytes >= ranges[i].base)
            return "M1: ranges not sorted, or they overlap or touch";
    }
    return NULL;
}

static const char *check_harts(const struct machine *machine)
{
    if (machine->hart_count == 0 || machine->hart_count > MACHINE_MAX_HARTS ||
        machine->timebase_hz == 0)
        return "M3: harts, timebase";
    for (uint32_t i = 0; i < machine->hart_count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (machine->harts[i] == machine->harts[j])
                return "M4: a hart twice";
    return NULL;
}

static bool pages_meet(const struct fl_boot_device *device, const struct machine_range *list,
                       uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (device->physical / 4096 <= (list[i].base + list[i].bytes - 1) / 4096 &&
            list[i].base / 4096 <= (device->physical + device->bytes - 1) / 4096)
            return true;
    return false;
}

static const char *check_device(const struct machine *machine, const struct fl_boot_device *device)
{
    const struct machine_range range = {device->physical, device->bytes};
    const char *wrong = check_ranges(&range, 1, 1);

    if (wrong)
        return wrong;
    if (pages_meet(device, machine->banks, machine->bank_count) ||
        pages_meet(device, machine->reserved, machine->reserved_count) ||
        (machine->plic.sources > 0 && pages_meet(device, &machine->plic.range, 1)))
        return "M6: a device shares a page with RAM, firmware or the PLIC";
    if (device->interrupt > machine->plic.sources)
        return "M6: an interrupt that the PLIC does not have";
    return memchr(device->compatible, 0, sizeof device->compatible) ? NULL : "M6: a name unended";
}

static const char *check_devices(const struct machine *machine)
{
    const char *wrong = NULL;

    if (machine->plic.sources > 1023 ||
        (machine->plic.sources == 0) != (machine->plic.range.bytes == 0))
        return "M7: sources of the PLIC";
    for (uint32_t i = 0; i < MACHINE_MAX_HARTS; i++)
        if (machine->plic.context[i] != MACHINE_NO_CONTEXT &&
            (machine->plic.sources == 0 || i >= machine->hart_count))
            return "M7: a context of nothing";
    if (machine->device_count > FL_BOOT_DEVICES_MAX)
        return "M6: devices";
    for (uint32_t i = 0; !wrong && i < machine->device_count; i++)
        wrong = check_device(machine, &machine->devices[i]);
    return wrong;
}

static const char *check_machine(const struct machine *machine)
{
    const char *wrong = check_ranges(machine->banks, machine->bank_count, MACHINE_MAX_BANKS);

    if (!wrong && machine->bank_count == 0)
        wrong = "M3: no bank";
    if (!wrong)
        wrong = check_ranges(machine->reserved, machine->reserved_count, MACHINE_MAX_RESERVED);
    if (!wrong && machine->initrd.bytes > 0)
        wrong = check_ranges(&machine->initrd, 1, 1);
    if (!wrong && !memchr(machine->bootargs, 0, sizeof machine->bootargs))
        wrong = "M5: bootargs without end";
    if (!wrong)
        wrong = check_devices(machine);
    return wrong ? wrong : check_harts(machine);
}

const char *tree_model_check_machine(const void *bytes, size_t size)
{
    static struct machine machine;
    const char *wrong = NULL;
    struct pair pair;

    pair_make(&pair, bytes, size);
    memset(&machine, 0xa5, sizeof machine);
    if (machine_read(&machine, pair.ours, pair.size) == MACHINE_OK)
        wrong = check_machine(&machine);
    pair_free(&pair);
    return wrong;
}

/* ---- addresses ---- */

uint64_t tree_model_number(const fdt32_t **cells, int count)
{
    uint64_t number = 0;

    for (; count > 0; count--)
        number = number << 32 | fdt32_ld((*cells)++);
    return number;
}

/* An address of a node's children as one of the root's; false when it is none. */
static bool model_lift(const void *blob, int bus, uint64_t *address)
{
    int parent = fdt_parent_offset(blob, bus), bytes;

    if (parent < 0)
        return true;
    const fdt32_t *cells = fdt_getprop(blob, bus, "ranges", &bytes);
    int child_cells = fdt_address_cells(blob, bus), parent_cells = fdt_address_cells(blob, parent);
    if (cells == NULL || child_cells > 2)
        return false;
    for (const fdt32_t *end = cells + bytes / 4; cells < end;) {
        uint64_t child = tree_model_number(&cells, child_cells);
        uint64_t to = tree_model_number(&cells, parent_cells);
        uint64_t size = tree_model_number(&cells, fdt_size_cells(blob, bus));
        if (*address >= child && *address < child + size) {
            *address = to + (*address - child);
            return model_lift(blob, parent, address);
        }
    }
    return bytes == 0 && model_lift(blob, parent, address);
}

bool tree_model_address(const void *blob, int node, uint64_t *address)
{
    int parent = fdt_parent_offset(blob, node), bytes = 0;
    const fdt32_t *reg = fdt_getprop(blob, node, "reg", &bytes);

    if (parent < 0 || !reg || fdt_address_cells(blob, parent) > 2 ||
        bytes < 4 * fdt_address_cells(blob, parent))
        return false;
    *address = tree_model_number(&reg, fdt_address_cells(blob, parent));
    return model_lift(blob, parent, address);
}
