/* From device tree to struct machine: see machine.h for the invariants M1 to M5.
 *
 * Each read_* function owns one part of struct machine and takes it from one node. */
#include "devices.h"
#include "isa.h"

/* A list of ranges that stays as M1 says: sorted, none empty, none overlapping or touching. */
struct range_list {
    struct machine_range *ranges;
    uint32_t count;
    uint32_t limit;
};

static uint64_t range_end(struct machine_range range)
{
    return range.base + range.bytes;
}

/* M2 for what a tree states. */
static bool range_is_physical(struct fdt_range range)
{
    return range.base <= MACHINE_ADDRESS_END && range.bytes <= MACHINE_ADDRESS_END - range.base;
}

/* Replaces list[first, last) by one range.  Returns: false, with nothing changed, when there is no
 * room. */
static bool list_replace(struct range_list *list, uint32_t first, uint32_t last,
                         struct machine_range range)
{
    uint32_t tail = list->count - last;
    uint32_t count = first + 1 + tail;

    if (count > list->limit)
        return false;
    if (first == last)
        for (uint32_t i = count - 1; i > first; i--)
            list->ranges[i] = list->ranges[i - 1];
    else
        for (uint32_t i = 0; i < tail; i++)
            list->ranges[first + 1 + i] = list->ranges[last + i];
    list->ranges[first] = range;
    list->count = count;
    return true;
}

/* Adds a physical range, merged with all that it overlaps or touches; an empty one changes nothing.
 * Returns: false, with nothing changed, when the list is full. */
static bool list_add(struct range_list *list, struct fdt_range added)
{
    struct machine_range merged = {added.base, added.bytes};
    uint64_t end = range_end(merged);
    uint32_t first = 0, last;

    if (added.bytes == 0)
        return true;
    while (first < list->count && range_end(list->ranges[first]) < merged.base)
        first++;
    for (last = first; last < list->count && list->ranges[last].base <= end; last++) {
        if (list->ranges[last].base < merged.base)
            merged.base = list->ranges[last].base;
        if (range_end(list->ranges[last]) > end)
            end = range_end(list->ranges[last]);
    }
    merged.bytes = end - merged.base;
    return list_replace(list, first, last, merged);
}

/* By device_type, or by name: trees written by hand often lack the property. */
static bool node_is_of_type(const struct fdt *tree, const struct fdt_node *node, const char *type)
{
    struct fdt_prop device_type;

    if (fdt_node_is_named(node, type))
        return true;
    return fdt_prop_find(tree, node, "device_type", &device_type) &&
           fdt_prop_has_string(&device_type, type);
}

/* ---- memory and reserved ranges ---- */

/* A fault of a reg that is malformed, or of a range (then range is set and the error is FDT_OK). */
static void note_fault(struct machine *machine, enum fdt_error error, struct fdt_range range)
{
    machine->fault.tree = error;
    machine->fault.range = (struct machine_range){range.base, range.bytes};
}

/* Adds all ranges of the node's reg, if it has one.  *dropped counts those that found no room.
 * Returns: false when reg is malformed or names a range that is not physical; the fault is noted.
 */
static bool node_add_ranges(struct machine *machine, const struct fdt *tree,
                            const struct fdt_node *node, struct range_list *list, uint32_t *dropped)
{
    struct fdt_range range = {0, 0};
    struct fdt_prop reg;
    enum fdt_error error;

    if (!fdt_prop_find(tree, node, "reg", &reg))
        return true;
    for (uint32_t i = 0; (error = fdt_prop_reg(&reg, node->reg_cells, i, &range)) == FDT_OK; i++) {
        if (!range_is_physical(range)) {
            note_fault(machine, FDT_OK, range);
            return false;
        }
        *dropped += !list_add(list, range);
    }
    if (error == FDT_ABSENT)
        return true;
    note_fault(machine, error, (struct fdt_range){0, 0});
    return false;
}

/* Notes a child of the root that is asked for later. */
static void note_place(struct machine_places *places, const struct fdt_node *node)
{
    static const char *const names[PLACE_COUNT] = {
#define PLACE_NAME(constant, name) [PLACE_##constant] = name,
        MACHINE_PLACES(PLACE_NAME)
#undef PLACE_NAME
    };

    for (unsigned i = 0; i < PLACE_COUNT; i++)
        if (places->at[i].name == NULL && fdt_node_is_named(node, names[i]))
            places->at[i] = *node;
}

/* Notes all places on its way.  Spec: 3.4. */
static enum machine_error read_memory(struct machine *machine, const struct fdt *tree,
                                      struct machine_places *places)
{
    struct range_list list = {machine->banks, 0, MACHINE_MAX_BANKS};
    struct fdt_node node;
    struct fdt_walk walk;
    bool found = false;

    fdt_walk_all(&walk, tree);
    fdt_walk_next(&walk, &node);
    fdt_walk_below(&walk, tree, &node);
    while (fdt_walk_next_child(&walk, &node)) {
        note_place(places, &node);
        if (!node_is_of_type(tree, &node, "memory") || !fdt_node_is_enabled(tree, &node))
            continue;
        found = true;
        if (!node_add_ranges(machine, tree, &node, &list, &machine->banks_dropped))
            return MACHINE_BAD_MEMORY;
    }
    machine->bank_count = list.count;
    if (!found)
        return MACHINE_NO_MEMORY;
    return list.count > 0 ? MACHINE_OK : MACHINE_EMPTY_MEMORY;
}

/* A loader reserves the initrd that it names in /chosen, so that the system keeps off until it has
 * read it: that is us.  Spec: 5.3.1. */
static bool is_of_initrd(const struct machine *machine, struct fdt_range range)
{
    return range.base >= machine->initrd.base &&
           range.base + range.bytes <= range_end(machine->initrd);
}

/* Spec: 5.3. */
static bool add_reservation_block(struct machine *machine, const struct fdt *tree,
                                  struct range_list *list, uint32_t *dropped)
{
    struct fdt_range range;

    for (uint32_t i = 0; fdt_reservation(tree, i, &range); i++) {
        if (!range_is_physical(range)) {
            note_fault(machine, FDT_OK, range);
            return false;
        }
        if (!is_of_initrd(machine, range))
            *dropped += !list_add(list, range);
    }
    return true;
}

/* A child without reg asks for memory of any place: no one has it yet, so there is nothing to
 * avoid. Spec: 3.5. */
static bool add_reserved_nodes(struct machine *machine, const struct fdt *tree,
                               const struct fdt_node *reserved, struct range_list *list,
                               uint32_t *dropped)
{
    struct fdt_node node;
    struct fdt_walk walk;

    if (reserved->name == NULL)
        return true;
    fdt_walk_below(&walk, tree, reserved);
    while (fdt_walk_next_child(&walk, &node))
        if (fdt_node_is_enabled(tree, &node) &&
            !node_add_ranges(machine, tree, &node, list, dropped))
            return false;
    return true;
}

/* After read_chosen. */
static enum machine_error read_reserved(struct machine *machine, const struct fdt *tree,
                                        const struct fdt_node *reserved)
{
    struct range_list list = {machine->reserved, 0, MACHINE_MAX_RESERVED};
    uint32_t dropped = 0;

    if (!add_reservation_block(machine, tree, &list, &dropped))
        return MACHINE_BAD_RESERVED;
    if (!add_reserved_nodes(machine, tree, reserved, &list, &dropped))
        return MACHINE_BAD_RESERVED;
    machine->reserved_count = list.count;
    return dropped == 0 ? MACHINE_OK : MACHINE_TOO_MANY_RESERVED;
}

/* ---- /chosen ---- */

static void read_bootargs(struct machine *machine, const struct fdt *tree,
                          const struct fdt_node *chosen)
{
    struct fdt_prop prop;
    uint32_t length = 0;

    if (!fdt_prop_find(tree, chosen, "bootargs", &prop))
        return;
    while (length < prop.bytes && length < MACHINE_BOOTARGS_BYTES - 1 && prop.value[length] != 0) {
        machine->bootargs[length] = (char)prop.value[length];
        length++;
    }
    machine->bootargs[length] = 0;
    machine->bootargs_truncated = length < prop.bytes && prop.value[length] != 0;
}

static enum machine_error read_initrd(struct machine *machine, const struct fdt *tree,
                                      const struct fdt_node *chosen)
{
    struct fdt_prop start_prop, end_prop;
    bool has_start = fdt_prop_find(tree, chosen, "linux,initrd-start", &start_prop);
    bool has_end = fdt_prop_find(tree, chosen, "linux,initrd-end", &end_prop);
    uint64_t start, end;

    if (!has_start && !has_end)
        return MACHINE_OK;
    if (!has_start || !has_end)
        return MACHINE_BAD_INITRD;
    if (!fdt_prop_number(&start_prop, &start) || !fdt_prop_number(&end_prop, &end))
        return MACHINE_BAD_INITRD;
    if (start > end || end > MACHINE_ADDRESS_END) {
        note_fault(machine, FDT_OK, (struct fdt_range){start, end - start});
        return MACHINE_BAD_INITRD;
    }
    machine->initrd = (struct machine_range){start, end - start};
    return MACHINE_OK;
}

/* Spec: 3.6. */
static enum machine_error read_chosen(struct machine *machine, const struct fdt *tree,
                                      const struct fdt_node *chosen)
{
    if (chosen->name == NULL)
        return MACHINE_OK;
    read_bootargs(machine, tree, chosen);
    return read_initrd(machine, tree, chosen);
}

/* ---- /cpus ---- */

/* Whether a property that tells of the hart's ISA lets it run this system; *is_told: there is one. */
static bool isa_allows(const struct fdt *tree, const struct fdt_node *cpu, const char *name,
                       bool *is_told)
{
    struct fdt_prop isa;

    if (!fdt_prop_find(tree, cpu, name, &isa))
        return true;
    const char *text = fdt_prop_string(&isa, 0);
    *is_told = true;
    return text != NULL && isa_is_usable(text);
}

/* Few trees say "has S-mode"; an MMU implies it, but some tell of one that is not there. */
static bool hart_is_usable(const struct fdt *tree, const struct fdt_node *cpu)
{
    struct fdt_prop prop;
    bool is_told = false;

    if (!fdt_node_is_enabled(tree, cpu))
        return false;
    if (!fdt_prop_find(tree, cpu, "mmu-type", &prop) || fdt_prop_has_string(&prop, "riscv,none"))
        return false;
    if (!isa_allows(tree, cpu, "riscv,isa", &is_told) ||
        !isa_allows(tree, cpu, "riscv,isa-base", &is_told) || !is_told)
        return false;
    return !fdt_prop_find(tree, cpu, "riscv,isa-extensions", &prop) || isa_list_is_usable(&prop);
}

/* Returns: false when the node has no hart id, or one that is in the list. */
static bool hart_add(struct machine *machine, const struct fdt *tree, const struct fdt_node *cpu)
{
    struct fdt_range id;
    struct fdt_prop reg;

    if (!fdt_prop_find(tree, cpu, "reg", &reg) ||
        fdt_prop_reg(&reg, cpu->reg_cells, 0, &id) != FDT_OK)
        return false;
    for (uint32_t i = 0; i < machine->hart_count; i++)
        if (machine->harts[i] == id.base)
            return false;
    if (machine->hart_count == MACHINE_MAX_HARTS)
        machine->harts_dropped++;
    else
        machine->harts[machine->hart_count++] = id.base;
    return true;
}

/* Takes the node's timebase unless there is one already: `time` runs at one rate on all harts.
 * Spec: 3.7, 3.8; RISC-V Privileged 1.12, 3.2.1. */
static void read_timebase(struct machine *machine, const struct fdt *tree,
                          const struct fdt_node *node)
{
    struct fdt_prop prop;
    uint64_t hz;

    if (machine->timebase_hz != 0 || !fdt_prop_find(tree, node, "timebase-frequency", &prop))
        return;
    if (fdt_prop_number(&prop, &hz))
        machine->timebase_hz = hz;
}

/* Spec: 3.7, 3.8. */
static enum machine_error read_cpus(struct machine *machine, const struct fdt *tree,
                                    const struct fdt_node *cpus)
{
    struct fdt_node node;
    struct fdt_walk walk;

    if (cpus->name == NULL)
        return MACHINE_NO_HART;
    read_timebase(machine, tree, cpus);
    fdt_walk_below(&walk, tree, cpus);
    while (fdt_walk_next_child(&walk, &node)) {
        if (!node_is_of_type(tree, &node, "cpu"))
            continue;
        if (hart_is_usable(tree, &node) && hart_add(machine, tree, &node))
            read_timebase(machine, tree, &node);
        else
            machine->harts_skipped++;
    }
    if (machine->hart_count == 0)
        return MACHINE_NO_HART;
    return machine->timebase_hz > 0 ? MACHINE_OK : MACHINE_NO_TIMEBASE;
}

enum machine_error machine_read(struct machine *machine, const void *blob, size_t max_bytes)
{
    struct machine_places places = {0};
    enum machine_error error;
    struct fdt tree;

    *machine = (struct machine){0};
    machine->fault.tree = fdt_open(&tree, blob, max_bytes);
    if (machine->fault.tree != FDT_OK) {
        machine->fault.tree_offset = tree.error_at;
        return MACHINE_BAD_TREE;
    }
    machine->tree_bytes = tree.total_bytes;
    error = read_memory(machine, &tree, &places);
    if (error == MACHINE_OK)
        error = read_chosen(machine, &tree, &places.at[PLACE_CHOSEN]);
    if (error == MACHINE_OK)
        error = read_reserved(machine, &tree, &places.at[PLACE_RESERVED]);
    if (error == MACHINE_OK)
        error = read_cpus(machine, &tree, &places.at[PLACE_CPUS]);
    if (error == MACHINE_OK)
        devices_read(machine, &tree, &places);
    return error;
}

const char *machine_error_text(enum machine_error error)
{
    static const char texts[] =
#define MACHINE_ERROR_TEXT(name, text) text "\0"
        MACHINE_ERRORS(MACHINE_ERROR_TEXT);
#undef MACHINE_ERROR_TEXT
    const char *found = fdt_list_string(texts, sizeof texts - 1, (uint32_t)error);

    return found != NULL ? found : "unknown error";
}
