/* Which devices and which interrupt controller machine_read finds: on QEMU's trees against a model
 * written with libfdt, and on trees of every odd shape by name. */
/* sources: drivers/fdt.c drivers/machine.c drivers/devices.c drivers/isa.c */
/* sources: tests/unit/tree_blob.c tests/unit/tree_model.c */
/* libs: -lfdt */
#define _GNU_SOURCE /* asprintf */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include "harness.h"
#include "machine.h"
#include "tree_blob.h"
#include "tree_model.h"

static struct machine machine;

static void read_blob(struct tree_blob blob)
{
    memset(&machine, 0xa5, sizeof machine);
    enum machine_error error = machine_read(&machine, blob.bytes, blob.size);

    tree_blob_free(&blob);
    CHECK_STRING(machine_error_text(error), "no error");
}

static void read_text(const char *text)
{
    read_blob(tree_blob_from_text(text));
}

#define CELLS  "#address-cells = <2>; #size-cells = <2>;"
#define MEMORY "memory@80000000 { device_type = \"memory\"; reg = <0 0x80000000 0 0x8000000>; };"
#define CPU(id, more)                                                                         \
    "cpu@" #id " { device_type = \"cpu\"; reg = <" #id ">; riscv,isa = \"rv64imafdc\"; " more \
    " i" #id ": interrupt-controller { #interrupt-cells = <1>; interrupt-controller; }; };"
#define MMU "mmu-type = \"riscv,sv39\";"
#define CPUS                                                                                      \
    "cpus { #address-cells = <1>; #size-cells = <0>; timebase-frequency = <10000000>;" CPU(0, "") \
        CPU(1, MMU) CPU(2, MMU) " };"
/* Context 0: hart 0, machine mode; then machine and supervisor mode of harts 1 and 2. */
#define PLIC                                                                       \
    "plic: interrupt-controller@c000000 { compatible = \"sifive,plic-1.0.0\"; "    \
    "reg = <0 0xc000000 0 0x4000000>; riscv,ndev = <53>; #interrupt-cells = <1>; " \
    "interrupt-controller; interrupts-extended = <&i0 11 &i1 11 &i1 9 &i2 11 &i2 9>; };"
#define CLINT \
    "clint@2000000 { reg = <0 0x2000000 0 0x10000>; interrupts-extended = <&i0 3 &i0 7>; };"
#define TREE(more) "/ { " CELLS MEMORY CPUS PLIC CLINT more " };"

static const struct fl_boot_device *find(uint64_t physical)
{
    for (uint32_t i = 0; i < machine.device_count; i++)
        if (machine.devices[i].physical == physical)
            return &machine.devices[i];
    return NULL;
}

static void check_only(uint64_t physical, uint64_t bytes)
{
    CHECK_EQ(machine.device_count, 1);
    CHECK_EQ(machine.devices[0].physical, physical);
    CHECK_EQ(machine.devices[0].bytes, bytes);
}

/* ---- a model of a tree's devices, with libfdt ---- */

static uint32_t model_word(const void *blob, int node, const char *name)
{
    const fdt32_t *value = fdt_getprop(blob, node, name, NULL);

    return value ? fdt32_ld(value) : 0;
}

static uint32_t model_parent(const void *blob, int node)
{
    for (; node >= 0; node = fdt_parent_offset(blob, node))
        if (fdt_getprop(blob, node, "interrupt-parent", NULL))
            return model_word(blob, node, "interrupt-parent");
    return 0;
}

/* Compares one node with what was found; returns 1 when it is a device. */
static unsigned model_check(const void *blob, int node, uint32_t plic)
{
    int parent = fdt_parent_offset(blob, node);
    const fdt32_t *reg = fdt_getprop(blob, node, "reg", NULL);
    const fdt32_t *wires = fdt_getprop(blob, node, "interrupts-extended", NULL);
    const char *type = fdt_getprop(blob, node, "device_type", NULL);

    if (reg == NULL || parent < 0 || (type != NULL && strcmp(type, "memory") == 0))
        return 0;
    if (fdt_size_cells(blob, parent) <= 0 || fdt_address_cells(blob, parent) > 2)
        return 0;
    if (wires != NULL && fdt32_ld(wires) != plic)
        return 0;
    uint64_t address;
    if (!tree_model_address(blob, node, &address))
        return 0;
    reg += fdt_address_cells(blob, parent);
    const struct fl_boot_device *found = find(address);
    CHECK(found != NULL);
    CHECK_EQ(found->bytes, tree_model_number(&reg, fdt_size_cells(blob, parent)));
    CHECK_EQ(found->clock_hz, model_word(blob, node, "clock-frequency"));
    if (model_parent(blob, node) == plic)
        CHECK_EQ(found->interrupt, model_word(blob, node, "interrupts"));
    CHECK_STRING(found->compatible, fdt_getprop(blob, node, "compatible", NULL));
    return 1;
}

static void check_model(const char *name, const char *options)
{
    struct tree_blob blob = tree_blob_from_qemu(name, options);
    unsigned count = 0;
    int node = -1;

    memset(&machine, 0xa5, sizeof machine);
    CHECK_EQ(machine_read(&machine, blob.bytes, blob.size), MACHINE_OK);
    int plic = fdt_node_offset_by_compatible(blob.bytes, -1, "sifive,plic-1.0.0");
    CHECK(plic >= 0);
    uint32_t phandle = fdt_get_phandle(blob.bytes, plic);
    CHECK_EQ(machine.plic.sources, model_word(blob.bytes, plic, "riscv,ndev"));
    while ((node = fdt_next_node(blob.bytes, node, NULL)) >= 0)
        if (node != plic)
            count += model_check(blob.bytes, node, phandle);
    CHECK_EQ(machine.device_count, count);
    CHECK_EQ(machine.devices_dropped, 0);
    tree_blob_free(&blob);
}

TEST("the devices of QEMU's virt tree are those that libfdt finds")
{
    check_model("virt", "-smp 4 -m 128M");
    CHECK_EQ(find(0x10000000)->interrupt, 10);
    CHECK_EQ(find(0x10000000)->clock_hz, 3686400);
    CHECK_EQ(find(0x101000)->interrupt, 11);
    CHECK(find(0xc000000) == NULL && find(0x2000000) == NULL && find(0x80000000) == NULL);
}

TEST("the devices of QEMU's sifive_u tree are those that libfdt finds")
{
    check_model("sifive_u", "-smp 5 -m 256M");
    CHECK_STRING(find(0x10010000)->compatible, "sifive,uart0");
    CHECK(find(0xc000000) == NULL && find(0x2000000) == NULL);
}

TEST("the S-mode contexts of QEMU's harts are every second one, and on sifive_u one later")
{
    read_blob(tree_blob_from_qemu("virt", "-smp 4"));
    CHECK_EQ(machine.plic.range.base, 0xc000000);
    for (uint32_t i = 0; i < 4; i++)
        CHECK_EQ(machine.plic.context[i], 2 * i + 1);
    CHECK_EQ(machine.plic.context[4], MACHINE_NO_CONTEXT);
    read_blob(tree_blob_from_qemu("sifive_u", "-smp 5"));
    for (uint32_t i = 0; i < 4; i++)
        CHECK_EQ(machine.plic.context[i], 2 * i + 2);
}

/* ---- the PLIC ---- */

TEST("a PLIC by any of its names gives base, sources and the context of each usable hart")
{
    static const char *const names[] = {"sifive,plic-1.0.0", "riscv,plic0",
                                        "starfive,jh7110-plic\", \"sifive,plic-1.0.0",
                                        "starfive,jh7110-plic"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[2048];
        snprintf(text, sizeof text,
                 "/ { " CELLS MEMORY CPUS "p@c000000 { compatible = \"%s\"; riscv,ndev = <136>; "
                 "reg = <0 0xc000000 0 0x4000000>; "
                 "interrupts-extended = <&i0 11 &i1 11 &i1 9 &i2 11 &i2 9>; }; };",
                 names[i]);
        read_text(text);
        CHECK_EQ(machine.plic.range.base, 0xc000000);
        CHECK_EQ(machine.plic.range.bytes, 0x4000000);
        CHECK_EQ(machine.plic.sources, 136);
        CHECK_EQ(machine.plic.context[0], 2); /* hart 1: hart 0 is not usable */
        CHECK_EQ(machine.plic.context[1], 4);
        CHECK_EQ(machine.device_count, 0);
    }
}

TEST("a context that is not wired has no S-mode, and a hart that no wire reaches has none")
{
    read_text("/ { " CELLS MEMORY CPUS
              "p@c000000 { compatible = \"riscv,plic0\"; riscv,ndev = <7>; "
              "reg = <0 0xc000000 0 0x4000000>; "
              "interrupts-extended = <&i1 0xffffffff &i1 11 &i0 9 &i1 9 &i2 11 &i2>; }; };");
    CHECK_EQ(machine.plic.context[0], 3);
    CHECK_EQ(machine.plic.context[1], MACHINE_NO_CONTEXT);
}

TEST("a tree has no PLIC when it is absent, disabled, or lacks reg, sources or wires")
{
    static const char *const plics[] = {
        "",
        "status = \"disabled\"; compatible = \"riscv,plic0\"; riscv,ndev = <7>; reg = <0 0xc000000 "
        "0 "
        "0x4000000>; interrupts-extended = <&i1 9>;",
        "compatible = \"riscv,plic0\"; riscv,ndev = <7>; interrupts-extended = <&i1 9>;",
        "compatible = \"riscv,plic0\"; riscv,ndev = <7>; reg = <0 0xc000000 0>; "
        "interrupts-extended = <&i1 9>;",
        "compatible = \"riscv,plic0\"; riscv,ndev = <7>; reg = <0xffffffff 0xc000000 0 1>; "
        "interrupts-extended = <&i1 9>;",
        "compatible = \"riscv,plic0\"; reg = <0 0xc000000 0 0x4000000>; "
        "interrupts-extended = <&i1 9>;",
        "compatible = \"riscv,plic0\"; riscv,ndev = <0>; reg = <0 0xc000000 0 0x4000000>; "
        "interrupts-extended = <&i1 9>;",
        "compatible = \"riscv,plic0\"; riscv,ndev = <7>; reg = <0 0xc000000 0 0x4000000>;",
    };
    for (unsigned i = 0; i < sizeof plics / sizeof plics[0]; i++) {
        char text[2048];
        snprintf(text, sizeof text, "/ { " CELLS MEMORY CPUS "p@c000000 { %s }; };", plics[i]);
        read_text(text);
        CHECK_EQ(machine.plic.sources, 0);
        CHECK_EQ(machine.plic.range.bytes, 0);
        CHECK_EQ(machine.plic.context[0], MACHINE_NO_CONTEXT);
        CHECK_EQ(machine.device_count, 0);
    }
}

TEST("a PLIC whose registers are said to lie in RAM or in reserved memory is none")
{
    static const char *const regs[] = {"0 0x80200000 0 0x4000000", "0 0x7f000000 0 0x4000000",
                                       "0 0x60000000 0 0x4000000"};

    for (unsigned i = 0; i < sizeof regs / sizeof regs[0]; i++) {
        char text[2048];
        snprintf(text, sizeof text,
                 "/ { " CELLS MEMORY CPUS "reserved-memory { " CELLS
                 "ranges; r@60001000 { reg = <0 0x60001000 0 0x1000>; }; };"
                 "p { compatible = \"riscv,plic0\"; riscv,ndev = <7>; reg = <%s>; "
                 "interrupts-extended = <&i1 9>; }; };",
                 regs[i]);
        read_text(text);
        CHECK_EQ(machine.plic.sources, 0);
    }
}

TEST("more sources than a PLIC can have are cut to 1023")
{
    read_text("/ { " CELLS MEMORY CPUS "p@c000000 { compatible = \"riscv,plic0\"; riscv,ndev = "
              "<5000>; reg = <0 0xc000000 0 0x4000000>; interrupts-extended = <&i1 9>; }; };");
    CHECK_EQ(machine.plic.sources, 1023);
}

/* ---- what is a device ---- */

TEST("a device tells its range, interrupt, register layout, clock and first compatible string")
{
    read_text(TREE("serial@10000000 { compatible = \"snps,dw-apb-uart\", \"ns16550a\"; "
                   "reg = <0 0x10000000 0 0x10000 0 0x20000000 0 0x1000>; reg-shift = <2>; "
                   "reg-io-width = <4>; clock-frequency = <24000000>; "
                   "interrupt-parent = <&plic>; interrupts = <32 33>; };"));
    check_only(0x10000000, 0x10000);
    CHECK_EQ(machine.devices[0].interrupt, 32);
    CHECK_EQ(machine.devices[0].reg_shift, 2);
    CHECK_EQ(machine.devices[0].io_width, 4);
    CHECK_EQ(machine.devices[0].clock_hz, 24000000);
    CHECK(memcmp(machine.devices[0].compatible, "snps,dw-apb-uart\0ns16550a\0", 27) == 0);
}

static void check_names(const char *property, const char *expected, size_t bytes)
{
    char text[256], padded[sizeof machine.devices[0].compatible] = {0};

    snprintf(text, sizeof text, "d@10000000 { reg = <0 0x10000000 0 0x100>; compatible = %s; };",
             property);
    char *whole = NULL;
    CHECK(asprintf(&whole, "/ { " CELLS MEMORY CPUS "%s };", text) > 0);
    read_text(whole);
    free(whole);
    memcpy(padded, expected, bytes);
    CHECK(memcmp(machine.devices[0].compatible, padded, sizeof padded) == 0);
}

TEST("of a device's names as many are told as fit whole, and of the first as much as fits")
{
    check_names("\"acme,uart\", \"ns16550a\"", "acme,uart\0ns16550a", 19);
    check_names("\"0123456789012345678901234567890123456789012345\", \"n\"",
                "0123456789012345678901234567890123456789012345", 46);
    check_names("\"01234567890123456789012345678901234567890123\", \"ns\"",
                "01234567890123456789012345678901234567890123\0ns", 47);
    check_names("\"01234567890123456789012345678901234567890123\", \"ns1\"",
                "01234567890123456789012345678901234567890123", 44);
    check_names("\"a\", [62 63]", "a", 1);
    check_names("[62 63]", "", 0);
}

TEST("a device that tells nothing has zeros and an empty name, a long name is cut")
{
    read_text(TREE("d@10000000 { reg = <0 0x10000000 0 0x100>; };"
                   "e@10001000 { reg = <0 0x10001000 0 0x100>; compatible = "
                   "\"0123456789012345678901234567890123456789012345678901234567890\"; };"));
    CHECK_EQ(machine.device_count, 2);
    CHECK_EQ(machine.devices[0].interrupt, 0);
    CHECK_EQ(machine.devices[0].reg_shift, 0);
    CHECK_EQ(machine.devices[0].io_width, 0);
    CHECK_EQ(machine.devices[0].clock_hz, 0);
    CHECK_STRING(machine.devices[0].compatible, "");
    CHECK_STRING(machine.devices[1].compatible, "01234567890123456789012345678901234567890123456");
}

TEST("disabled devices, and those below disabled nodes, are left out")
{
    read_text(TREE("a@10000000 { status = \"disabled\"; reg = <0 0x10000000 0 0x100>; };"
                   "b { " CELLS "ranges; status = \"fail\"; c@10001000 { status = \"okay\"; "
                   "reg = <0 0x10001000 0 0x100>; }; };"
                   "d@10002000 { status = \"okay\"; reg = <0 0x10002000 0 0x100>; };"));
    check_only(0x10002000, 0x100);
}

TEST("memory, reserved memory, processors, PLIC, CLINT and their neighbours in a page are none")
{
    read_text(TREE("memory@f0000000 { status = \"disabled\"; reg = <0 0xf0000000 0 0x1000>; };"
                   "in_ram@80001000 { reg = <0 0x80001000 0 0x1000>; };"
                   "half@87fff000 { reg = <0 0x87fff000 0 0x2000>; };"
                   "end@7fffffff { reg = <0 0x7fffff00 0 0x101>; };"
                   "plic2@c001000 { reg = <0 0xc001000 0 0x1000>; };"
                   "page@200ffff { reg = <0 0x2010000 0 0x10>; };"
                   "near@1ffffff { reg = <0 0x1fffff0 0 0x11>; };"
                   "debug@0 { reg = <0 0 0 0x1000>; interrupts-extended = <&i0 65535>; };"
                   "reserved-memory { " CELLS
                   "ranges; r@60000000 { reg = <0 0x60000000 0 0x1800>; };"
                   " }; on@60001800 { reg = <0 0x60001800 0 8>; };"
                   "chosen { " CELLS "ranges; f@70000000 { reg = <0 0x70000000 0 8>; }; };"));
    check_only(0x2010000, 0x10);
}

TEST("of however much interrupts harts no page is a device's, the last one's neither")
{
    char more[8192];
    size_t used = 0;

    for (unsigned i = 0; i < 40; i++)
        used +=
            (size_t)snprintf(more + used, sizeof more - used,
                             "c@%x { reg = <0 0x%x 0 0x1000>; interrupts-extended = <&i0 3>; };",
                             0x20000000 + i * 0x2000, 0x20000000 + i * 0x2000);
    for (unsigned i = 0; i < 40; i += 13)
        used += (size_t)snprintf(more + used, sizeof more - used, "d@%x { reg = <0 0x%x 0 8>; };",
                                 0x20000800 + i * 0x2000, 0x20000800 + i * 0x2000);
    snprintf(more + used, sizeof more - used,
             "plic2@c001000 { reg = <0 0xc001000 0 0x1000>; }; e@10000000 { reg = <0 0x10000000 0 "
             "8>; };");
    char text[10240];
    snprintf(text, sizeof text, "/ { " CELLS MEMORY CPUS "%s" PLIC CLINT "};", more);
    read_text(text);
    CHECK_EQ(find(0xc001000) == NULL, true);
    for (unsigned i = 0; i < 40; i++)
        CHECK_EQ(find(0x20000800 + i * 0x2000) == NULL, true);
}

#define MIXED                                                                             \
    "serial@c001000 { reg = <0 0xc001000 0 0x100>; };" /* in a page of the PLIC */        \
    "serial@10000000 { reg = <0 0x10000000 0 0x100>; interrupts = <9>; };"                \
    "near@1ffffff { reg = <0 0x1fffff0 0 0x11>; };" /* and of the CLINT */                \
    "other@11000000 { reg = <0 0x11000000 0 0x100>; interrupts-extended = <&plic 31>; };" \
    "high@12000000 { reg = <0 0x12000000 0 0x100>; interrupts-extended = <&plic 1000000>; };"

/* Compares what a tree tells with what was found last. */
static void check_same(const char *text)
{
    struct machine before = machine;

    read_text(text);
    CHECK_EQ(memcmp(&machine.plic, &before.plic, sizeof machine.plic), 0);
    CHECK_EQ(machine.console, before.console);
    CHECK_EQ(machine.device_count, before.device_count);
    for (uint32_t i = 0; i < machine.device_count; i++)
        CHECK_EQ(memcmp(&machine.devices[i], &before.devices[i], sizeof before.devices[i]), 0);
}

TEST("it is all the same whether PLIC and CLINT come before the devices in the tree or behind them")
{
#define HEAD        "/ { " CELLS "interrupt-parent = <&plic>; " MEMORY CPUS
#define CONSOLE(at) "chosen { stdout-path = \"/serial@" at "\"; };"
    read_text(HEAD PLIC CLINT MIXED CONSOLE("10000000") "};");
    CHECK_EQ(machine.device_count, 3);
    CHECK_EQ(machine.console, 0x10000000);
    CHECK_EQ(find(0x10000000)->interrupt, 9);
    CHECK_EQ(find(0x11000000)->interrupt, 31);
    CHECK_EQ(find(0x12000000)->interrupt, 0);
    check_same(HEAD MIXED PLIC CLINT CONSOLE("10000000") "};");
    check_same(HEAD CLINT MIXED PLIC CONSOLE("10000000") "};");
    read_text(HEAD PLIC CLINT MIXED CONSOLE("c001000") "};");
    CHECK_EQ(machine.console, 0);
    check_same(HEAD MIXED CLINT PLIC CONSOLE("c001000") "};");
}

/* Quadratic work would take minutes here. */
TEST("3,000 cpus and 3,000 devices, each with a wire to nobody, are read in one breath")
{
    const unsigned count = 3000;
    char *text = malloc(count * 300), *end = text;

    CHECK(text != NULL);
    end += sprintf(end, "/ { " CELLS MEMORY "cpus { #address-cells = <1>; #size-cells = <0>; "
                        "timebase-frequency = <10000000>;");
    for (unsigned i = 0; i < count; i++)
        end += sprintf(end,
                       "cpu@%x { device_type = \"cpu\"; reg = <%u>; riscv,isa = \"rv64\"; " MMU
                       " i { interrupt-controller; phandle = <%u>; }; };",
                       i, i % 3, i + 1);
    end += sprintf(end, "};");
    for (unsigned i = 0; i < count; i++)
        end += sprintf(end, "d%x { reg = <0 %u 0 8>; interrupts-extended = <0 3>; };", i,
                       0x10000000 + i * 4096);
    sprintf(end, "};");
    read_text(text);
    free(text);
    CHECK_EQ(machine.device_count + machine.devices_dropped, count);
}

TEST("reg that is empty, malformed, wraps or ends above 2^56 is passed over")
{
    read_text(
        TREE("a { reg; }; b { reg = <0 0x10000000 0>; }; c { reg = <0 0x10000000 0 0>; };"
             "d { reg = <0xffffffff 0xfffff000 0 0x2000>; };"
             "e { reg = <0xffffff 0xfffff000 0 0x1001>; }; f { x = <1>; };"
             "g { #size-cells = <0>; #address-cells = <1>; ranges; h@1 { reg = <1>; }; };"
             "k { #size-cells = <300>; #address-cells = <3>; ranges; l { reg = <1 2 3 4>; }; };"
             "i { reg = <0xffffff 0xfffff000 0 0x1000>; };"));
    check_only(0xfffffffffff000, 0x1000);
}

/* ---- ranges ---- */

#define BUS(cells, ranges, more) TREE("soc { " cells ranges " " more " };")
#define ONE                      "#address-cells = <1>; #size-cells = <1>; "

TEST("an address is translated through every bus above, of one cell or two")
{
    read_text(BUS(ONE, "ranges = <0 0 0x10000000 0x100000 0x1000000 1 0x20000000 0x100000>;",
                  "bus@1000 { " CELLS "ranges = <0 0 0x1000 0 0x800 0 0x800 0x1002000 0 0x800>; "
                  "a@10 { reg = <0 0x10 0 0x7f0>; }; b@800 { reg = <0 0x900 0 0x10>; }; };"
                  "c@40 { reg = <0x40 4>; };"));
    CHECK_EQ(machine.device_count, 3);
    CHECK_EQ(machine.devices[0].physical, 0x10001010);
    CHECK_EQ(machine.devices[0].bytes, 0x7f0);
    CHECK_EQ(machine.devices[1].physical, 0x120002100);
    CHECK_EQ(machine.devices[2].physical, 0x10000040);
}

TEST("a device behind a bus that has no ranges, bad ones, or none for it is passed over")
{
    static const char *const ranges[] = {
        "",
        "ranges = <0 0 0x10000000>;",
        "ranges = <0 0 0x10000000 0x10000 0>;",
        "ranges = <0x1000 0 0x10000000 0x1000>;",
        "ranges = <0 0 0x10000000 0x47>;",
        "ranges = <0x41 0 0x10000000 0x1000>;",
        "ranges = <0 0xffffffff 0xffffffc0 0x1000>;",
        "ranges = <0 0xff000000 0 0x1000>;",
        "ranges = <0 0 0x80000000 0x1000>;",
    };
    for (unsigned i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        char text[2048];
        snprintf(text, sizeof text, BUS(ONE, "%s", "a@40 { reg = <0x40 8>; };"), ranges[i]);
        read_text(text);
        CHECK_EQ(machine.device_count, 0);
    }
    read_text(BUS("#address-cells = <3>; #size-cells = <1>; ", "ranges = <0 0 0 0 0 1>;",
                  "a { reg = <0 0 0x40 8>; };"));
    CHECK_EQ(machine.device_count, 0);
}

/* ---- interrupts ---- */

#define DEVICE(more) "d@10000000 { reg = <0 0x10000000 0 0x100>; " more " };"

TEST("the interrupt's parent is the device's own, or the nearest one above that names one")
{
    read_text(TREE("soc { " CELLS "ranges; interrupt-parent = <&plic>; a { " CELLS
                   "ranges; " DEVICE("interrupts = <53>;") " }; };"));
    CHECK_EQ(machine.devices[0].interrupt, 53);
    read_text(TREE("soc { " CELLS "ranges; interrupt-parent = <&plic>; " DEVICE(
        "interrupts-extended = <&plic 7>; interrupts = <8>;") " };"));
    CHECK_EQ(machine.devices[0].interrupt, 7);
}

TEST("interrupts of another controller, out of range or malformed are none")
{
    static const char *const devices[] = {
        "interrupts = <5>;",
        "interrupt-parent = <&plic>; interrupts = <0>;",
        "interrupt-parent = <&plic>; interrupts = <54>;",
        "interrupt-parent = <&plic>; interrupts = [00 00 05];",
        "interrupt-parent = <&plic>; interrupts;",
        "interrupt-parent = <&gpio>; interrupts = <5>;",
        "interrupts-extended = <&gpio 5>;",
        "interrupts-extended = <&plic>;",
        "interrupts-extended; interrupt-parent = <&plic>;",
    };
    for (unsigned i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        char text[4096];
        snprintf(text, sizeof text, TREE("gpio: gpio { }; " DEVICE("%s")), devices[i]);
        read_text(text);
        CHECK_EQ(machine.device_count, 1);
        CHECK_EQ(machine.devices[0].interrupt, 0);
    }
}

TEST("without a PLIC no device has an interrupt")
{
    read_text("/ { " CELLS MEMORY CPUS DEVICE("interrupts = <5>; interrupt-parent = <0>;") " };");
    CHECK_EQ(machine.devices[0].interrupt, 0);
}

/* ---- too many ---- */

TEST("of more devices than fit serial ports and virtio stay, then the first ones; the rest counts")
{
    static char text[16384];
    int at = snprintf(text, sizeof text, "/ { " CELLS MEMORY CPUS);

    for (unsigned i = 0; i < FL_BOOT_DEVICES_MAX + 3; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, "d@%x { reg = <0 0x%x 0 8>; };",
                       0x1000 * i, 0x10000000 + 0x1000 * i);
    snprintf(text + at, sizeof text - (size_t)at,
             "serial@1 { reg = <0 0x1000 0 8>; }; uart@2 { reg = <0 0x2000 0 8>; };"
             "v { compatible = \"virtio,mmio\"; reg = <0 0x3000 0 8>; }; };");
    read_text(text);
    CHECK_EQ(machine.device_count, FL_BOOT_DEVICES_MAX);
    CHECK_EQ(machine.devices_dropped, 6);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(machine.devices[i].physical, 0x1000 * (i + 1));
    for (unsigned i = 3; i < FL_BOOT_DEVICES_MAX; i++)
        CHECK_EQ(machine.devices[i].physical, 0x10000000 + 0x1000 * (i - 3));
}

/* ---- the firmware's console ---- */

#define UARTS                                                                                 \
    "soc { " CELLS "ranges; serial@10000000 { reg = <0 0x10000000 0 0x100>; };"               \
    "serial@11000000 { reg = <0 0x11000000 0 0x100>; };"                                      \
    "serial@12000000 { reg = <0 0x12000000 0 0x100>; status = \"disabled\"; }; };"            \
    "aliases { serial0 = \"/soc/serial@11000000\"; loop = \"serial0\"; none = \"/soc/none\";" \
    " long = \"/soc/" LONG "\"; raw = [2f 73]; };"
#define LONG                                                                                      \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890" \
    "123456789012345678901234567890123456789"

TEST("the console is the device that stdout-path names by path or alias, whatever stands behind a "
     "colon")
{
    static const struct {
        const char *chosen;
        uint64_t console;
    } cases[] = {
        {"stdout-path = \"/soc/serial@10000000\";", 0x10000000},
        {"stdout-path = \"/soc/serial@11000000:115200n8\";", 0x11000000},
        {"stdout-path = \"serial0\";", 0x11000000},
        {"stdout-path = \"serial0:115200n8\";", 0x11000000},
        {"stdout-path = \"/soc/serial@12000000\";", 0}, /* disabled */
        {"stdout-path = \"/soc/serial@13000000\";", 0},
        {"stdout-path = \"serial1:115200n8\";", 0},
        {"stdout-path = \"loop\";", 0},
        {"stdout-path = \"none\";", 0},
        {"stdout-path = \"long\";", 0},
        {"stdout-path = \"raw\";", 0},
        {"stdout-path = \"" LONG "\";", 0},
        {"stdout-path = \"/\";", 0},
        {"stdout-path = \"\";", 0},
        {"stdout-path = \":115200\";", 0},
        {"stdout-path = [73 65 72 69 61 6c 30];", 0}, /* without a NUL */
        {"stdout-path;", 0},
        {"", 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = NULL;

        CHECK(asprintf(&text, "/ { " CELLS MEMORY CPUS UARTS "chosen { %s }; };", cases[i].chosen) >
              0);
        read_text(text);
        free(text);
        CHECK_EQ(machine.device_count, 2);
        CHECK_EQ(machine.console, cases[i].console);
    }
    read_text("/ { " CELLS MEMORY CPUS "chosen { stdout-path = \"serial0\"; }; };");
    CHECK_EQ(machine.console, 0);
}
