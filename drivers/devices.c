/* From device tree to devices: see machine.h for the invariants M6 and M7.
 *
 * A scan is a walk that knows of each open node what it means for those below it: how it translates
 * their addresses, where their interrupts go, whether they are there at all.  The first scan finds
 * what is not to be handed out, the PLIC among it; the others collect devices. */
#include "devices.h"

#define PAGE_MASK   4095u
#define CELL_BYTES  4u
#define MAX_CELLS   2u
#define MAX_SOURCES 1023u /* of a PLIC.  Spec: RISC-V PLIC 1.0, chapter 3 */
#define MAX_KEPT    16u

#define CAUSE_EXTERNAL_S 9u /* Spec: RISC-V Privileged 1.12, table 4.2 */

/* What an open node says of those below it. */
struct level {
    struct fdt_prop ranges;
    bool has_ranges;
    bool enabled;              /* so are all above it, and they hold devices */
    struct fdt_cells cells;    /* of its children's reg */
    uint32_t interrupt_parent; /* phandle, 0 = none */
};

struct scan {
    const struct fdt *tree;
    struct fdt_walk walk;
    struct level levels[FDT_MAX_DEPTH];  /* by depth of the open node */
    uint32_t plic_phandle;               /* 0 = no PLIC, or one that no device can name */
    struct machine_range kept[MAX_KEPT]; /* whole pages: PLIC, CLINT and their like */
    uint32_t kept_count;
};

/* ---- properties ---- */

static uint32_t read_word(const struct fdt *tree, const struct fdt_node *node, const char *name)
{
    struct fdt_prop prop;
    uint64_t number;

    if (!fdt_prop_find(tree, node, name, &prop) || !fdt_prop_number(&prop, &number))
        return 0;
    return number <= UINT32_MAX ? (uint32_t)number : 0;
}

static bool has_prop(const struct fdt *tree, const struct fdt_node *node, const char *name)
{
    struct fdt_prop prop;

    return fdt_prop_find(tree, node, name, &prop);
}

static bool is_compatible(const struct fdt *tree, const struct fdt_node *node, const char *with)
{
    struct fdt_prop prop;

    return fdt_prop_find(tree, node, "compatible", &prop) && fdt_prop_has_string(&prop, with);
}

/* Cells [at, at + cells) of a property that has them; cells is 0 to 2. */
static uint64_t read_cells(const struct fdt_prop *prop, uint32_t at, uint32_t cells)
{
    uint64_t number = 0;

    for (uint32_t i = 0; i < cells * CELL_BYTES; i++)
        number = number << 8 | prop->value[at * CELL_BYTES + i];
    return number;
}

static uint32_t cell_count(const struct fdt_prop *prop)
{
    return prop->bytes / CELL_BYTES;
}

/* ---- the scan ---- */

static void scan_start(struct scan *scan)
{
    fdt_walk_all(&scan->walk, scan->tree);
}

/* Children of the root that hold no devices, whatever their reg says. */
static bool holds_no_devices(const struct fdt_node *node)
{
    return node->depth == 1 &&
           (fdt_node_is_named(node, "cpus") || fdt_node_is_named(node, "reserved-memory") ||
            fdt_node_is_named(node, "chosen"));
}

static bool scan_next(struct scan *scan, struct fdt_node *node)
{
    if (!fdt_walk_next(&scan->walk, node))
        return false;
    struct level *level = &scan->levels[node->depth];
    const struct level *above = node->depth > 0 ? level - 1 : NULL;
    bool above_enabled = above == NULL || above->enabled;

    level->enabled =
        above_enabled && fdt_node_is_enabled(scan->tree, node) && !holds_no_devices(node);
    level->cells = fdt_child_cells(scan->tree, node);
    level->has_ranges = fdt_prop_find(scan->tree, node, "ranges", &level->ranges);
    level->interrupt_parent = read_word(scan->tree, node, "interrupt-parent");
    if (level->interrupt_parent == 0 && above != NULL)
        level->interrupt_parent = above->interrupt_parent;
    return true;
}

/* ---- addresses ---- */

static bool range_is_physical(struct fdt_range range)
{
    return range.bytes > 0 && range.base <= MACHINE_ADDRESS_END &&
           range.bytes <= MACHINE_ADDRESS_END - range.base;
}

/* From a bus's addresses to those of its parent.  Spec: 2.3.8.
 * Returns: false when `ranges` is absent, malformed, or does not cover the range whole. */
static bool translate_once(const struct level *bus, uint32_t parent_cells, struct fdt_range *range)
{
    uint32_t child_cells = bus->cells.address, size_cells = bus->cells.size;
    uint32_t entry_cells = child_cells + parent_cells + size_cells;

    if (!bus->has_ranges || child_cells > MAX_CELLS || parent_cells > MAX_CELLS ||
        size_cells > MAX_CELLS)
        return false;
    if (bus->ranges.bytes == 0)
        return true;
    if (entry_cells == 0 || bus->ranges.bytes % (entry_cells * CELL_BYTES) != 0)
        return false;
    for (uint32_t at = 0; at < cell_count(&bus->ranges); at += entry_cells) {
        uint64_t child = read_cells(&bus->ranges, at, child_cells);
        uint64_t parent = read_cells(&bus->ranges, at + child_cells, parent_cells);
        uint64_t bytes = read_cells(&bus->ranges, at + child_cells + parent_cells, size_cells);
        uint64_t inside = range->base - child;

        if (range->base < child || inside > bytes || range->bytes > bytes - inside)
            continue;
        range->base = parent + inside;
        return parent <= UINT64_MAX - inside;
    }
    return false;
}

/* The first range of the node's reg as a physical one.  Returns: false when it has none. */
static bool node_range(const struct scan *scan, const struct fdt_node *node,
                       struct machine_range *physical)
{
    struct fdt_range range;
    struct fdt_prop reg;

    if (!fdt_prop_find(scan->tree, node, "reg", &reg) ||
        fdt_prop_reg(&reg, node->reg_cells, 0, &range) != FDT_OK)
        return false;
    for (uint32_t depth = node->depth; depth-- > 1;)
        if (!translate_once(&scan->levels[depth], scan->levels[depth - 1].cells.address, &range))
            return false;
    *physical = (struct machine_range){range.base, range.bytes};
    return range_is_physical(range);
}

/* Whether the pages that two ranges lie in have one in common. */
static bool share_a_page(struct machine_range a, struct machine_range b)
{
    uint64_t a_end = (a.base + a.bytes + PAGE_MASK) & ~(uint64_t)PAGE_MASK;
    uint64_t b_end = (b.base + b.bytes + PAGE_MASK) & ~(uint64_t)PAGE_MASK;

    return (a.base & ~(uint64_t)PAGE_MASK) < b_end && (b.base & ~(uint64_t)PAGE_MASK) < a_end;
}

static bool shares_with_any(struct machine_range range, const struct machine_range *list,
                            uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (share_a_page(range, list[i]))
            return true;
    return false;
}

/* ---- harts and what is wired to them ---- */

/* The phandle of a cpu's own interrupt controller, 0 = none. */
static uint32_t cpu_controller(const struct fdt *tree, const struct fdt_node *cpu)
{
    struct fdt_node node;
    struct fdt_walk walk;

    fdt_walk_below(&walk, tree, cpu);
    while (fdt_walk_next_child(&walk, &node))
        if (has_prop(tree, &node, "interrupt-controller"))
            return read_word(tree, &node, "phandle");
    return 0;
}

/* The next cpu's controller; *id is the cpu's.  Returns: false when there are no more cpus. */
static bool next_controller(struct fdt_walk *cpus, uint64_t *id, uint32_t *phandle)
{
    struct fdt_range range = {0, 0};
    struct fdt_node cpu;
    struct fdt_prop reg;

    if (!fdt_walk_next_child(cpus, &cpu))
        return false;
    *phandle = cpu_controller(cpus->tree, &cpu);
    if (!fdt_prop_find(cpus->tree, &cpu, "reg", &reg) ||
        fdt_prop_reg(&reg, cpu.reg_cells, 0, &range) != FDT_OK)
        *phandle = 0;
    *id = range.base;
    return true;
}

static bool is_a_cpus_controller(const struct fdt *tree, uint32_t phandle)
{
    uint32_t controller;
    struct fdt_node cpus;
    struct fdt_walk walk;
    uint64_t id;

    if (phandle == 0 || !fdt_find(tree, "/cpus", &cpus))
        return false;
    fdt_walk_below(&walk, tree, &cpus);
    while (next_controller(&walk, &id, &controller))
        if (controller == phandle)
            return true;
    return false;
}

/* PLIC, CLINT, ACLINT, APLIC, IMSIC, debug module: they interrupt harts without a controller in
 * between, so they are the kernel's or the firmware's. */
static bool is_wired_to_harts(const struct fdt *tree, const struct fdt_node *node)
{
    struct fdt_prop prop;

    return fdt_prop_find(tree, node, "interrupts-extended", &prop) && cell_count(&prop) > 0 &&
           is_a_cpus_controller(tree, (uint32_t)read_cells(&prop, 0, 1));
}

/* ---- the PLIC ---- */

static bool is_plic(const struct fdt *tree, const struct fdt_node *node)
{
    return is_compatible(tree, node, "sifive,plic-1.0.0") ||
           is_compatible(tree, node, "riscv,plic0") ||
           is_compatible(tree, node, "starfive,jh7110-plic");
}

/* The context of a hart's S-mode: the place of its external interrupt in the PLIC's list. */
static uint32_t find_context(const struct fdt_prop *wires, uint32_t controller)
{
    for (uint32_t i = 0; 2 * i + 1 < cell_count(wires); i++)
        if (read_cells(wires, 2 * i, 1) == controller &&
            read_cells(wires, 2 * i + 1, 1) == CAUSE_EXTERNAL_S)
            return i;
    return MACHINE_NO_CONTEXT;
}

static void read_contexts(struct machine *machine, const struct fdt *tree,
                          const struct fdt_prop *wires)
{
    uint32_t controller;
    struct fdt_node cpus;
    struct fdt_walk walk;
    uint64_t id;

    if (!fdt_find(tree, "/cpus", &cpus))
        return;
    fdt_walk_below(&walk, tree, &cpus);
    while (next_controller(&walk, &id, &controller))
        for (uint32_t i = 0; controller != 0 && i < machine->hart_count; i++)
            if (machine->harts[i] == id)
                machine->plic.context[i] = find_context(wires, controller);
}

/* Takes the first PLIC that is whole: later ones are passed over. */
static void read_plic(struct machine *machine, struct scan *scan, const struct fdt_node *node,
                      struct machine_range range)
{
    uint32_t sources = read_word(scan->tree, node, "riscv,ndev");
    struct fdt_prop wires;

    if (machine->plic.sources > 0 || sources == 0 ||
        !fdt_prop_find(scan->tree, node, "interrupts-extended", &wires))
        return;
    machine->plic.range = range;
    machine->plic.sources = sources < MAX_SOURCES ? sources : MAX_SOURCES;
    scan->plic_phandle = read_word(scan->tree, node, "phandle");
    read_contexts(machine, scan->tree, &wires);
}

/* Finds the PLIC and what else is not to be handed out. */
static void find_kept(struct machine *machine, struct scan *scan)
{
    struct machine_range range;
    struct fdt_node node;

    scan_start(scan);
    while (scan_next(scan, &node)) {
        bool plic = is_plic(scan->tree, &node);

        if (!plic && !is_wired_to_harts(scan->tree, &node))
            continue;
        if (!node_range(scan, &node, &range))
            continue;
        if (plic && scan->levels[node.depth].enabled)
            read_plic(machine, scan, &node, range);
        if (scan->kept_count < MAX_KEPT) /* beyond: nobody's either, but for pages it shares */
            scan->kept[scan->kept_count++] = range;
    }
}

/* ---- devices ---- */

static bool is_memory(const struct fdt *tree, const struct fdt_node *node)
{
    struct fdt_prop type;

    return fdt_node_is_named(node, "memory") || (fdt_prop_find(tree, node, "device_type", &type) &&
                                                 fdt_prop_has_string(&type, "memory"));
}

/* What a system needs first: a console and disks. */
static bool comes_first(const struct fdt *tree, const struct fdt_node *node)
{
    return fdt_node_is_named(node, "serial") || fdt_node_is_named(node, "uart") ||
           is_compatible(tree, node, "virtio,mmio");
}

/* Spec: 2.4. */
static uint32_t read_interrupt(const struct machine *machine, const struct scan *scan,
                               const struct fdt_node *node)
{
    uint32_t parent = scan->levels[node->depth].interrupt_parent, at = 0;
    struct fdt_prop prop;

    if (fdt_prop_find(scan->tree, node, "interrupts-extended", &prop)) {
        at = 1;
        parent = cell_count(&prop) > 0 ? (uint32_t)read_cells(&prop, 0, 1) : 0;
    } else if (!fdt_prop_find(scan->tree, node, "interrupts", &prop)) {
        return 0;
    }
    if (parent == 0 || parent != scan->plic_phandle || cell_count(&prop) <= at)
        return 0;
    uint64_t source = read_cells(&prop, at, 1);
    return source <= machine->plic.sources ? (uint32_t)source : 0;
}

static void copy_compatible(const struct fdt *tree, const struct fdt_node *node,
                            struct fl_boot_device *device)
{
    struct fdt_prop prop;
    const char *text =
        fdt_prop_find(tree, node, "compatible", &prop) ? fdt_prop_string(&prop, 0) : NULL;

    for (uint32_t i = 0; text != NULL && text[i] != 0 && i + 1 < sizeof device->compatible; i++)
        device->compatible[i] = text[i];
}

static void add_device(struct machine *machine, const struct scan *scan,
                       const struct fdt_node *node, struct machine_range range)
{
    if (machine->device_count == FL_BOOT_DEVICES_MAX) {
        machine->devices_dropped++;
        return;
    }
    struct fl_boot_device *device = &machine->devices[machine->device_count++];

    device->physical = range.base;
    device->bytes = range.bytes;
    device->interrupt = read_interrupt(machine, scan, node);
    device->reg_shift = read_word(scan->tree, node, "reg-shift");
    device->io_width = read_word(scan->tree, node, "reg-io-width");
    device->clock_hz = read_word(scan->tree, node, "clock-frequency");
    copy_compatible(scan->tree, node, device);
}

static bool is_for_users(const struct machine *machine, const struct scan *scan,
                         const struct fdt_node *node, struct machine_range *range)
{
    if (!scan->levels[node->depth].enabled || is_memory(scan->tree, node))
        return false;
    if (!node_range(scan, node, range) || is_wired_to_harts(scan->tree, node))
        return false;
    return !shares_with_any(*range, scan->kept, scan->kept_count) &&
           !shares_with_any(*range, machine->banks, machine->bank_count) &&
           !shares_with_any(*range, machine->reserved, machine->reserved_count);
}

static void collect(struct machine *machine, struct scan *scan, bool first)
{
    struct machine_range range;
    struct fdt_node node;

    scan_start(scan);
    while (scan_next(scan, &node))
        if (comes_first(scan->tree, &node) == first && is_for_users(machine, scan, &node, &range))
            add_device(machine, scan, &node, range);
}

void devices_read(struct machine *machine, const struct fdt *tree)
{
    struct scan scan = {.tree = tree};

    for (uint32_t i = 0; i < MACHINE_MAX_HARTS; i++)
        machine->plic.context[i] = MACHINE_NO_CONTEXT;
    find_kept(machine, &scan);
    collect(machine, &scan, true);
    collect(machine, &scan, false);
}
