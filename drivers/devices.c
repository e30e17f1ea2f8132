/* From device tree to devices: see machine.h for the invariants M6 and M7.
 *
 * The scan is a walk that reads the properties of each node once and knows of each open node what it
 * means for those below it: how it translates their addresses, where their interrupts go, whether
 * they are there at all.  It collects devices, and beside them what is not to be handed out, the PLIC among it; what of
 * the first is no device after all, since it shares a page with the second, goes in the end. */
#include "devices.h"

#define PAGE_MASK   4095u
#define CELL_BYTES  4u
#define MAX_CELLS   2u
#define MAX_SOURCES 1023u /* of a PLIC.  Spec: RISC-V PLIC 1.0, chapter 3 */
#define MAX_KEPT    16u
#define MAX_RANGES  256u /* entries of one bus's `ranges` that are looked at */
#define PATH_BYTES  96u  /* of a path to the console, with its NUL */

/* A set of phandles, by their remainders: with two that share one both count as in it. */
#define SET_BITS  2048u
#define WORD_BITS 64u

#define CAUSE_EXTERNAL_S 9u /* Spec: RISC-V Privileged 1.12, table 4.2 */

/* The properties that say something of a device.  constant, name */
#define PROPS(X)                                  \
    X(COMPATIBLE, "compatible")                   \
    X(REG, "reg")                                 \
    X(RANGES, "ranges")                           \
    X(STATUS, "status")                           \
    X(DEVICE_TYPE, "device_type")                 \
    X(PHANDLE, "phandle")                         \
    X(INTERRUPT_PARENT, "interrupt-parent")       \
    X(INTERRUPTS, "interrupts")                   \
    X(INTERRUPTS_EXTENDED, "interrupts-extended") \
    X(SOURCES, "riscv,ndev")                      \
    X(REG_SHIFT, "reg-shift")                     \
    X(IO_WIDTH, "reg-io-width")                   \
    X(CLOCK_HZ, "clock-frequency")

enum prop {
#define PROP_CONSTANT(constant, name) PROP_##constant,
    PROPS(PROP_CONSTANT)
#undef PROP_CONSTANT
        PROP_COUNT
};

static const char *const prop_names[PROP_COUNT] = {
#define PROP_NAME(constant, name) [PROP_##constant] = name,
    PROPS(PROP_NAME)
#undef PROP_NAME
};

/* What an open node says of those below it. */
struct level {
    const uint8_t *ranges; /* value of the property; NULL = none */
    uint32_t ranges_bytes;
    uint32_t interrupt_parent; /* phandle, 0 = none */
};

struct scan {
    const struct fdt *tree;
    struct fdt_walk walk;
    struct fdt_node node;               /* the last one met */
    struct fdt_prop props[PROP_COUNT];  /* of that node; name NULL = it has none */
    struct level levels[FDT_MAX_DEPTH]; /* by depth of the open node */
    bool enabled[FDT_MAX_DEPTH]; /* likewise: it is, so are all above, and they hold devices */
    const struct machine_places *places;
    uint64_t controllers[SET_BITS / WORD_BITS]; /* set of the cpus' interrupt controllers */
    uint32_t plic_phandle;                      /* 0 = no PLIC, or one that no device can name */
    struct machine_range kept[MAX_KEPT];        /* whole pages: PLIC, CLINT and their like */
    uint32_t kept_count;
    uint32_t first_count; /* devices that come first, among those collected */
    uint32_t interrupt_parents[FL_BOOT_DEVICES_MAX]; /* phandles; of those collected */
    const char *console; /* the name, in the tree, of the console's node; NULL = none */
};

/* ---- properties ---- */

/* Returns: NULL when the node has none. */
static const struct fdt_prop *find_prop(const struct scan *scan, enum prop which)
{
    return scan->props[which].name != NULL ? &scan->props[which] : NULL;
}

static uint32_t prop_word(const struct fdt_prop *prop)
{
    uint64_t number;

    return fdt_prop_number(prop, &number) && number <= UINT32_MAX ? (uint32_t)number : 0;
}

static uint32_t read_word(const struct scan *scan, enum prop which)
{
    const struct fdt_prop *prop = find_prop(scan, which);

    return prop != NULL ? prop_word(prop) : 0;
}

static bool is_compatible(const struct scan *scan, const char *with)
{
    const struct fdt_prop *prop = find_prop(scan, PROP_COMPATIBLE);

    return prop != NULL && fdt_prop_has_string(prop, with);
}

/* Cells [at, at + cells) of a value that has them; cells is 0 to 2. */
static uint64_t read_cells(const uint8_t *value, uint32_t at, uint32_t cells)
{
    return fdt_read_cells(value + at * CELL_BYTES, cells);
}

static uint32_t cell_count(const struct fdt_prop *prop)
{
    return prop->bytes / CELL_BYTES;
}

/* ---- the scan ---- */

/* Children of the root that hold no devices, whatever their reg says. */
static bool holds_no_devices(const struct fdt_node *node)
{
    return node->depth == 1 &&
           (fdt_node_is_named(node, "cpus") || fdt_node_is_named(node, "reserved-memory") ||
            fdt_node_is_named(node, "chosen"));
}

static bool node_is_enabled(const struct scan *scan)
{
    const struct fdt_prop *status = find_prop(scan, PROP_STATUS);

    return (status == NULL || fdt_prop_is_okay(status)) && !holds_no_devices(&scan->node);
}

/* Goes to the next node.  Returns: false when there are no more. */
static bool scan_next(struct scan *scan)
{
    if (!fdt_walk_next_with(&scan->walk, &scan->node, prop_names, PROP_COUNT, scan->props))
        return false;
    uint32_t depth = scan->node.depth;
    struct level *level = &scan->levels[depth];
    const struct level *above = depth > 0 ? level - 1 : NULL;

    const struct fdt_prop *ranges = find_prop(scan, PROP_RANGES);
    level->ranges = ranges != NULL ? ranges->value : NULL;
    level->ranges_bytes = ranges != NULL ? ranges->bytes : 0;
    scan->enabled[depth] = (depth == 0 || scan->enabled[depth - 1]) && node_is_enabled(scan);
    level->interrupt_parent = read_word(scan, PROP_INTERRUPT_PARENT);
    if (level->interrupt_parent == 0 && above != NULL)
        level->interrupt_parent = above->interrupt_parent;
    return true;
}

static bool is_enabled(const struct scan *scan)
{
    return scan->enabled[scan->node.depth];
}

/* ---- addresses ---- */

static bool range_is_physical(struct fdt_range range)
{
    return range.bytes > 0 && range.base <= MACHINE_ADDRESS_END &&
           range.bytes <= MACHINE_ADDRESS_END - range.base;
}

/* From a bus's addresses to those of its parent.  cells: what the parent and the bus say of their children.
 * Spec: 2.3.8.
 * Returns: false when `ranges` is absent, malformed, or does not cover the range whole. */
static bool translate_once(const struct level *bus, const struct fdt_cells cells[2],
                           struct fdt_range *range)
{
    uint32_t child_cells = cells[1].address, size_cells = cells[1].size;
    uint32_t parent_cells = cells[0].address;
    uint32_t entry_cells = child_cells + parent_cells + size_cells;

    if (bus->ranges == NULL || child_cells > MAX_CELLS || parent_cells > MAX_CELLS ||
        size_cells > MAX_CELLS)
        return false;
    if (bus->ranges_bytes == 0)
        return true;
    if (entry_cells == 0 || bus->ranges_bytes % (entry_cells * CELL_BYTES) != 0)
        return false;
    uint32_t entries = bus->ranges_bytes / (entry_cells * CELL_BYTES);
    for (uint32_t i = 0; i < entries && i < MAX_RANGES; i++) {
        uint32_t at = i * entry_cells;
        uint64_t child = read_cells(bus->ranges, at, child_cells);
        uint64_t parent = read_cells(bus->ranges, at + child_cells, parent_cells);
        uint64_t bytes = read_cells(bus->ranges, at + child_cells + parent_cells, size_cells);
        uint64_t inside = range->base - child;

        if (range->base < child || inside > bytes || range->bytes > bytes - inside)
            continue;
        range->base = parent + inside;
        return parent <= UINT64_MAX - inside;
    }
    return false;
}

/* The first range of the node's reg as a physical one.  Returns: false when it has none. */
static bool node_range(const struct scan *scan, struct machine_range *physical)
{
    const struct fdt_prop *reg = find_prop(scan, PROP_REG);
    struct fdt_range range;

    if (reg == NULL || fdt_prop_reg(reg, scan->node.reg_cells, 0, &range) != FDT_OK)
        return false;
    for (uint32_t depth = scan->node.depth; depth-- > 1;)
        if (!translate_once(&scan->levels[depth], &scan->walk.cells[depth - 1], &range))
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
    struct fdt_prop prop;

    fdt_walk_below(&walk, tree, cpu);
    while (fdt_walk_next_child(&walk, &node))
        if (fdt_prop_find(tree, &node, "interrupt-controller", &prop))
            return fdt_prop_find(tree, &node, "phandle", &prop) ? prop_word(&prop) : 0;
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

/* One pass over the cpus, however many nodes ask later. */
static void find_controllers(struct scan *scan)
{
    uint32_t controller;
    struct fdt_walk walk;
    uint64_t id;

    for (uint32_t i = 0; i < SET_BITS / WORD_BITS; i++)
        scan->controllers[i] = 0;
    fdt_walk_below(&walk, scan->tree, &scan->places->at[PLACE_CPUS]);
    while (next_controller(&walk, &id, &controller))
        if (controller != 0)
            scan->controllers[controller % SET_BITS / WORD_BITS] |= 1ull << controller % WORD_BITS;
}

static bool is_a_cpus_controller(const struct scan *scan, uint32_t phandle)
{
    uint64_t word = scan->controllers[phandle % SET_BITS / WORD_BITS];

    return phandle != 0 && (word >> phandle % WORD_BITS & 1) != 0;
}

/* PLIC, CLINT, ACLINT, APLIC, IMSIC, debug module: they interrupt harts without a controller in
 * between, so they are the kernel's or the firmware's. */
static bool is_wired_to_harts(const struct scan *scan)
{
    const struct fdt_prop *wires = find_prop(scan, PROP_INTERRUPTS_EXTENDED);

    return wires != NULL && cell_count(wires) > 0 &&
           is_a_cpus_controller(scan, (uint32_t)read_cells(wires->value, 0, 1));
}

/* ---- the PLIC ---- */

static bool is_plic(const struct scan *scan)
{
    return is_compatible(scan, "sifive,plic-1.0.0") || is_compatible(scan, "riscv,plic0") ||
           is_compatible(scan, "starfive,jh7110-plic");
}

/* The context of a hart's S-mode: the place of its external interrupt in the PLIC's list. */
static uint32_t find_context(const struct fdt_prop *wires, uint32_t controller)
{
    for (uint32_t i = 0; 2 * i + 1 < cell_count(wires); i++)
        if (read_cells(wires->value, 2 * i, 1) == controller &&
            read_cells(wires->value, 2 * i + 1, 1) == CAUSE_EXTERNAL_S)
            return i;
    return MACHINE_NO_CONTEXT;
}

/* The controller of the first cpu of that id, 0 = none. */
static uint32_t controller_of_hart(const struct scan *scan, uint64_t hart)
{
    uint32_t controller;
    struct fdt_walk walk;
    uint64_t id;

    fdt_walk_below(&walk, scan->tree, &scan->places->at[PLACE_CPUS]);
    while (next_controller(&walk, &id, &controller))
        if (controller != 0 && id == hart)
            return controller;
    return 0;
}

static void read_contexts(struct machine *machine, const struct scan *scan,
                          const struct fdt_prop *wires)
{
    for (uint32_t i = 0; i < machine->hart_count; i++) {
        uint32_t controller = controller_of_hart(scan, machine->harts[i]);

        if (controller != 0)
            machine->plic.context[i] = find_context(wires, controller);
    }
}

/* Whether a range shares a page with RAM or with what firmware reserved. */
static bool shares_with_memory(const struct machine *machine, struct machine_range range)
{
    return shares_with_any(range, machine->banks, machine->bank_count) ||
           shares_with_any(range, machine->reserved, machine->reserved_count);
}

/* Takes the first PLIC that is whole: later ones are passed over.  One in memory is none, since the
 * kernel would write to it. */
static void read_plic(struct machine *machine, struct scan *scan, struct machine_range range)
{
    const struct fdt_prop *wires = find_prop(scan, PROP_INTERRUPTS_EXTENDED);
    uint32_t sources = read_word(scan, PROP_SOURCES);

    if (machine->plic.sources > 0 || sources == 0 || wires == NULL ||
        shares_with_memory(machine, range))
        return;
    machine->plic.range = range;
    machine->plic.sources = sources < MAX_SOURCES ? sources : MAX_SOURCES;
    scan->plic_phandle = read_word(scan, PROP_PHANDLE);
    read_contexts(machine, scan, wires);
}

/* Keeps a range back.  When the list is full its last entry grows to hold this one too: what lies
 * between is nobody's either. */
static void keep(struct scan *scan, struct machine_range range)
{
    struct machine_range *last = &scan->kept[MAX_KEPT - 1];

    if (scan->kept_count < MAX_KEPT) {
        scan->kept[scan->kept_count++] = range;
        return;
    }
    uint64_t last_end = last->base + last->bytes, end = range.base + range.bytes;
    last->base = range.base < last->base ? range.base : last->base;
    last->bytes = (end > last_end ? end : last_end) - last->base;
}

/* ---- the firmware's console ---- */

/* Reads a path, or an alias of one: what stands before a colon.  Returns: false when it is absent, malformed or too
 * long.  name may be the path. */
static bool read_path(const struct scan *scan, enum machine_place place, const char *name,
                      char path[PATH_BYTES])
{
    const struct fdt_node *node = &scan->places->at[place];
    struct fdt_prop prop;
    uint32_t i = 0;

    if (node->name == NULL || !fdt_prop_find(scan->tree, node, name, &prop))
        return false;
    for (; i < prop.bytes && i < PATH_BYTES && prop.value[i] != 0 && prop.value[i] != ':'; i++)
        path[i] = (char)prop.value[i];
    if (i == prop.bytes || i == PATH_BYTES)
        return false;
    path[i] = 0;
    return true;
}

/* Spec: 3.3, 3.6. */
static const char *find_console(const struct scan *scan)
{
    char path[PATH_BYTES];
    struct fdt_node node;

    if (!read_path(scan, PLACE_CHOSEN, "stdout-path", path))
        return NULL;
    if (path[0] != '/' && !read_path(scan, PLACE_ALIASES, path, path))
        return NULL;
    return fdt_find(scan->tree, path, &node) ? node.name : NULL;
}

/* ---- devices ---- */

static bool is_memory(const struct scan *scan)
{
    const struct fdt_prop *type = find_prop(scan, PROP_DEVICE_TYPE);

    return fdt_node_is_named(&scan->node, "memory") ||
           (type != NULL && fdt_prop_has_string(type, "memory"));
}

/* What a system needs first: a console and disks. */
static bool comes_first(const struct scan *scan)
{
    return fdt_node_is_named(&scan->node, "serial") || fdt_node_is_named(&scan->node, "uart") ||
           is_compatible(scan, "virtio,mmio");
}

/* The first interrupt, of whatever controller.  *parent: that one's phandle, 0 = there is none.  Spec: 2.4. */
static uint32_t read_interrupt(const struct scan *scan, uint32_t *parent)
{
    const struct fdt_prop *wire = find_prop(scan, PROP_INTERRUPTS_EXTENDED);
    uint32_t at = 0;

    *parent = scan->levels[scan->node.depth].interrupt_parent;
    if (wire != NULL) {
        at = 1;
        *parent = cell_count(wire) > 0 ? (uint32_t)read_cells(wire->value, 0, 1) : 0;
    } else {
        wire = find_prop(scan, PROP_INTERRUPTS);
    }
    return wire != NULL && cell_count(wire) > at ? (uint32_t)read_cells(wire->value, at, 1) : 0;
}

/* Whole strings but for the first, which is cut: a piece of a name may be another's. */
static void copy_compatible(const struct scan *scan, struct fl_boot_device *device)
{
    const struct fdt_prop *prop = find_prop(scan, PROP_COMPATIBLE);
    uint32_t bytes = 0, whole = sizeof device->compatible - 1;

    if (prop == NULL || fdt_prop_string(prop, 0) == NULL)
        return;
    for (; bytes < prop->bytes && bytes < sizeof device->compatible; bytes++)
        if (prop->value[bytes] == 0)
            whole = bytes;
    for (uint32_t i = 0; i < whole && i < bytes; i++)
        device->compatible[i] = (char)prop->value[i];
}

/* Makes room for one more device: behind the last of those that come first, or at the end.  When all is full, the last of
 * the rest goes.  Returns: its place; FL_BOOT_DEVICES_MAX when it is this one that goes. */
static uint32_t make_entry(struct machine *machine, struct scan *scan)
{
    bool first = comes_first(scan);
    uint32_t at = first ? scan->first_count++ : machine->device_count;

    if (machine->device_count < FL_BOOT_DEVICES_MAX)
        machine->device_count++;
    else
        machine->devices_dropped++;
    if (at >= FL_BOOT_DEVICES_MAX)
        return FL_BOOT_DEVICES_MAX;
    for (uint32_t i = machine->device_count - 1; i > at; i--) {
        machine->devices[i] = machine->devices[i - 1];
        scan->interrupt_parents[i] = scan->interrupt_parents[i - 1];
    }
    return at;
}

static void add_device(struct machine *machine, struct scan *scan, struct machine_range range)
{
    uint32_t at = make_entry(machine, scan);

    if (scan->node.name == scan->console)
        machine->console = range.base;
    if (at == FL_BOOT_DEVICES_MAX)
        return;
    machine->devices[at] = (struct fl_boot_device){
        .physical = range.base,
        .bytes = range.bytes,
        .interrupt = read_interrupt(scan, &scan->interrupt_parents[at]),
        .reg_shift = read_word(scan, PROP_REG_SHIFT),
        .io_width = read_word(scan, PROP_IO_WIDTH),
        .clock_hz = read_word(scan, PROP_CLOCK_HZ),
    };
    copy_compatible(scan, &machine->devices[at]);
}

static void collect(struct machine *machine, struct scan *scan)
{
    struct machine_range range;

    fdt_walk_all(&scan->walk, scan->tree);
    while (scan_next(scan)) {
        bool plic = is_plic(scan);

        if (!node_range(scan, &range))
            continue;
        if (plic && is_enabled(scan))
            read_plic(machine, scan, range);
        if (plic || is_wired_to_harts(scan))
            keep(scan, range);
        else if (is_enabled(scan) && !is_memory(scan) && !shares_with_memory(machine, range))
            add_device(machine, scan, range);
    }
}

/* What was collected before all was known: lets go of devices in pages of what is kept, and of interrupts that are not the
 * PLIC's. */
static void settle(struct machine *machine, const struct scan *scan)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < machine->device_count; i++) {
        struct fl_boot_device *device = &machine->devices[kept];
        struct machine_range range = {machine->devices[i].physical, machine->devices[i].bytes};
        uint32_t parent = scan->interrupt_parents[i];

        if (shares_with_any(range, scan->kept, scan->kept_count)) {
            machine->console = range.base == machine->console ? 0 : machine->console;
            continue;
        }
        *device = machine->devices[i];
        if (parent == 0 || parent != scan->plic_phandle ||
            device->interrupt > machine->plic.sources)
            device->interrupt = 0;
        kept++;
    }
    machine->device_count = kept;
}

void devices_read(struct machine *machine, const struct fdt *tree,
                  const struct machine_places *places)
{
    struct scan scan;

    scan.tree = tree;
    scan.places = places;
    scan.plic_phandle = 0;
    scan.kept_count = 0;
    scan.first_count = 0;
    scan.console = find_console(&scan);
    for (uint32_t i = 0; i < MACHINE_MAX_HARTS; i++)
        machine->plic.context[i] = MACHINE_NO_CONTEXT;
    find_controllers(&scan);
    collect(machine, &scan);
    settle(machine, &scan);
}
