/* What machine_read learns from trees of real shape, and which errors it names. */
/* sources: drivers/fdt.c drivers/machine.c drivers/devices.c drivers/isa.c */
/* sources: tests/unit/tree_blob.c tests/unit/tree_model.c */
/* libs: -lfdt */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include "harness.h"
#include "machine.h"
#include "tree_blob.h"
#include "tree_model.h"

static struct machine machine;

static enum machine_error read_blob(struct tree_blob blob)
{
    const char *wrong = tree_model_check_machine(blob.bytes, blob.size);
    enum machine_error error;

    if (wrong)
        harness_note("%s", wrong);
    CHECK(wrong == NULL);
    memset(&machine, 0xa5, sizeof machine);
    error = machine_read(&machine, blob.bytes, blob.size);
    tree_blob_free(&blob);
    return error;
}

static enum machine_error read_text(const char *text)
{
    return read_blob(tree_blob_from_text(text));
}

static void check_error(enum machine_error error, enum machine_error expected)
{
    CHECK_STRING(machine_error_text(error), machine_error_text(expected));
}

static void check_range(struct machine_range range, uint64_t base, uint64_t bytes)
{
    CHECK_EQ(range.base, base);
    CHECK_EQ(range.bytes, bytes);
}

#define CELLS  "#address-cells = <2>; #size-cells = <2>;"
#define MEMORY "memory@80000000 { device_type = \"memory\"; reg = <0 0x80000000 0 0x8000000>; };"
#define CPU    "mmu-type = \"riscv,sv39\"; riscv,isa = \"rv64imafdc\"; "
#define CPUS                                                                           \
    "cpus { #address-cells = <1>; #size-cells = <0>; timebase-frequency = <10000000>;" \
    " cpu@0 { reg = <0>; " CPU " }; };"
/* A whole tree with something more in the root. */
#define TREE(more) "/ { " CELLS MEMORY CPUS more " };"

/* ---- real trees ---- */

TEST("QEMU's virt tree gives its memory, its harts and its timebase")
{
    check_error(read_blob(tree_blob_from_qemu("virt", "-smp 4 -m 128M")), MACHINE_OK);
    CHECK_EQ(machine.bank_count, 1);
    check_range(machine.banks[0], 0x80000000, 0x8000000);
    CHECK_EQ(machine.timebase_hz, 10000000);
    CHECK_EQ(machine.hart_count, 4);
    CHECK_EQ(machine.harts_skipped, 0);
}

TEST("QEMU's sifive_u tree gives four harts, without the one that has no MMU")
{
    check_error(read_blob(tree_blob_from_qemu("sifive_u", "-smp 5 -m 256M")), MACHINE_OK);
    check_range(machine.banks[0], 0x80000000, 0x10000000);
    CHECK_EQ(machine.timebase_hz, 1000000);
    CHECK_EQ(machine.hart_count, 4);
    CHECK_EQ(machine.harts[0], 1);
    CHECK_EQ(machine.harts_skipped, 1);
}

TEST("a tree like a JH7110 board's gives RAM at 1 GiB, harts 1 to 4 and the firmware's memory")
{
    check_error(read_blob(tree_blob_from_file("tests/unit/data/jh7110.dts")), MACHINE_OK);
    CHECK_EQ(machine.bank_count, 1);
    check_range(machine.banks[0], 0x40000000, 0x100000000);
    CHECK_EQ(machine.reserved_count, 1);
    check_range(machine.reserved[0], 0x40000000, 0x60000);
    check_range(machine.initrd, 0x46100000, 0x400000);
    CHECK_STRING(machine.bootargs, "tour=no");
    CHECK(!machine.bootargs_truncated);
    CHECK_EQ(machine.timebase_hz, 4000000);
    CHECK_EQ(machine.hart_count, 4);
    for (uint32_t i = 0; i < 4; i++)
        CHECK_EQ(machine.harts[i], i + 1);
    CHECK_EQ(machine.harts_skipped, 1);
}

/* ---- memory ---- */

TEST("a tree without a memory node, or with only disabled ones, has no memory")
{
    check_error(read_text("/ { " CELLS CPUS " };"), MACHINE_NO_MEMORY);
    check_error(
        read_text("/ { " CELLS CPUS "memory@0 { status = \"disabled\"; reg = <0 0 0 4096>; }; };"),
        MACHINE_NO_MEMORY);
    check_error(read_text("/ { " CELLS CPUS "soc { " CELLS MEMORY " }; };"), MACHINE_NO_MEMORY);
    check_error(read_text("/ { " CELLS CPUS "memory-controller@0 { reg = <0 0 0 4096>; }; };"),
                MACHINE_NO_MEMORY);
}

TEST("memory nodes of zero bytes are no memory")
{
    check_error(read_text("/ { " CELLS CPUS "memory@0 { reg = <0 0 0 0>; }; };"),
                MACHINE_EMPTY_MEMORY);
    check_error(read_text("/ { " CELLS CPUS "memory { device_type = \"memory\"; }; };"),
                MACHINE_EMPTY_MEMORY);
}

TEST("two banks come out sorted, and banks that touch are one")
{
    check_error(
        read_text("/ { " CELLS CPUS "memory@100000000 { reg = <1 0 0 0x1000>; }; "
                  "memory@80000000 { reg = <0 0x80000000 0 0x1000 0 0x80002000 0 0x1000>; }; };"),
        MACHINE_OK);
    CHECK_EQ(machine.bank_count, 3);
    check_range(machine.banks[0], 0x80000000, 0x1000);
    check_range(machine.banks[1], 0x80002000, 0x1000);
    check_range(machine.banks[2], 0x100000000, 0x1000);
    check_error(read_text(TREE(
                    "ram@80001000 { device_type = \"memory\"; reg = <0 0x88000000 0 0x1000>; };")),
                MACHINE_OK);
    CHECK_EQ(machine.bank_count, 1);
    check_range(machine.banks[0], 0x80000000, 0x8001000);
}

TEST("reg of memory has the cells that the root says")
{
    check_error(read_text("/ { #address-cells = <1>; #size-cells = <1>; " CPUS
                          "memory@40000000 { reg = <0x40000000 0x20000000>; }; };"),
                MACHINE_OK);
    check_range(machine.banks[0], 0x40000000, 0x20000000);
    check_error(read_text("/ { #address-cells = <2>; #size-cells = <1>; " CPUS
                          "memory@140000000 { reg = <1 0x40000000 0x20000000>; }; };"),
                MACHINE_OK);
    check_range(machine.banks[0], 0x140000000, 0x20000000);
}

TEST("memory that wraps, ends above 2^56 or is malformed is named with its range")
{
    check_error(
        read_text("/ { " CELLS CPUS "memory@0 { reg = <0xffffffff 0xfffff000 0 0x2000>; }; };"),
        MACHINE_BAD_MEMORY);
    check_range(machine.fault.range, 0xfffffffffffff000, 0x2000);
    check_error(
        read_text("/ { " CELLS CPUS "memory@0 { reg = <0xffffff 0xfffff000 0 0x1001>; }; };"),
        MACHINE_BAD_MEMORY);
    check_error(
        read_text("/ { " CELLS CPUS "memory@0 { reg = <0xffffff 0xfffff000 0 0x1000>; }; };"),
        MACHINE_OK);
    check_error(read_text("/ { " CELLS CPUS "memory@0 { reg = <0 0 0>; }; };"), MACHINE_BAD_MEMORY);
    CHECK_EQ(machine.fault.tree, FDT_BAD_LENGTH);
    check_error(read_text("/ { #address-cells = <3>; #size-cells = <2>; " CPUS
                          "memory { reg = <0 0 0 0 1>; }; };"),
                MACHINE_BAD_MEMORY);
    CHECK_EQ(machine.fault.tree, FDT_BAD_CELLS);
}

/* Text of `count` ranges of one page, every second page. */
static const char *many_ranges(uint32_t count)
{
    static char text[8192];
    size_t at = 0;

    for (uint32_t i = 0; i < count; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, " 0 0x%x 0 0x1000",
                               0x80000000 + i * 0x2000);
    return text;
}

static enum machine_error read_many(const char *format, uint32_t count)
{
    static char text[16384];

    snprintf(text, sizeof text, format, many_ranges(count));
    return read_text(text);
}

TEST("banks above the limit are counted and left out")
{
    check_error(read_many("/ { " CELLS CPUS "memory { reg = <%s>; }; };", MACHINE_MAX_BANKS),
                MACHINE_OK);
    CHECK_EQ(machine.bank_count, MACHINE_MAX_BANKS);
    CHECK_EQ(machine.banks_dropped, 0);
    check_error(read_many("/ { " CELLS CPUS "memory { reg = <%s>; }; };", MACHINE_MAX_BANKS + 2),
                MACHINE_OK);
    CHECK_EQ(machine.bank_count, MACHINE_MAX_BANKS);
    CHECK_EQ(machine.banks_dropped, 2);
}

/* ---- reserved ranges ---- */

TEST("the reservation block and /reserved-memory make one sorted list")
{
    check_error(read_text("/memreserve/ 0x82000000 0x1000; /memreserve/ 0x81000000 0x2000;" TREE(
                    "reserved-memory { " CELLS "ranges; a { reg = <0 0x81001000 0 0x2000>; };"
                    " b { reg = <0 0x80000000 0 0x1000>; status = \"disabled\"; }; c { size = <0 "
                    "0x1000>; };"
                    " d { reg = <0 0x80800000 0 0x100 0 0x80900000 0 0>; }; };")),
                MACHINE_OK);
    CHECK_EQ(machine.reserved_count, 3);
    check_range(machine.reserved[0], 0x80800000, 0x100);
    check_range(machine.reserved[1], 0x81000000, 0x3000);
    check_range(machine.reserved[2], 0x82000000, 0x1000);
}

TEST("what the reservation block says of the initrd keeps nobody from the initrd")
{
    static const char chosen[] =
        "chosen { linux,initrd-start = <0x82000800>; linux,initrd-end = <0x82400000>; };";
    char text[2048];

    snprintf(text, sizeof text,
             "/memreserve/ 0x82000800 0x3ff800; /memreserve/ 0x82400000 0x1000;" TREE("%s"),
             chosen);
    check_error(read_text(text), MACHINE_OK);
    check_range(machine.initrd, 0x82000800, 0x3ff800);
    CHECK_EQ(machine.reserved_count, 1);
    check_range(machine.reserved[0], 0x82400000, 0x1000);
    /* What it has beyond the initrd is somebody else's. */
    snprintf(text, sizeof text, "/memreserve/ 0x82000000 0x3ff800;" TREE("%s"), chosen);
    check_error(read_text(text), MACHINE_OK);
    CHECK_EQ(machine.reserved_count, 1);
    check_range(machine.reserved[0], 0x82000000, 0x3ff800);
}

TEST("no reserved range is dropped: one too many is an error")
{
    check_error(read_many("/ { " CELLS MEMORY CPUS "reserved-memory { " CELLS
                          "a { reg = <%s>; }; }; };",
                          MACHINE_MAX_RESERVED),
                MACHINE_OK);
    CHECK_EQ(machine.reserved_count, MACHINE_MAX_RESERVED);
    check_error(read_many("/ { " CELLS MEMORY CPUS "reserved-memory { " CELLS
                          "a { reg = <%s>; }; }; };",
                          MACHINE_MAX_RESERVED + 1),
                MACHINE_TOO_MANY_RESERVED);
}

TEST("a reserved range that wraps is named with its range")
{
    check_error(read_text("/memreserve/ 0xfffffffffffff000 0x2000;" TREE("")),
                MACHINE_BAD_RESERVED);
    check_range(machine.fault.range, 0xfffffffffffff000, 0x2000);
    check_error(read_text(TREE("reserved-memory { " CELLS "a { reg = <0 0>; }; };")),
                MACHINE_BAD_RESERVED);
    CHECK_EQ(machine.fault.tree, FDT_BAD_LENGTH);
}

#define UNITS      12u
#define UNIT_BYTES 0x1000u
#define UNIT_BASE  0x80000000u

/* A blob whose reservations are the given ranges of units, written by libfdt. */
static enum machine_error read_reservations(const uint32_t (*ranges)[2], uint32_t count)
{
    static struct tree_blob tree;
    static uint8_t body[2048];

    if (!tree.bytes)
        tree = tree_blob_from_text(TREE(""));
    CHECK_EQ(fdt_open_into(tree.bytes, body, sizeof body), 0);
    for (uint32_t i = 0; i < count; i++)
        CHECK_EQ(
            fdt_add_mem_rsv(body, UNIT_BASE + ranges[i][0] * UNIT_BYTES, ranges[i][1] * UNIT_BYTES),
            0);
    memset(&machine, 0xa5, sizeof machine);
    return machine_read(&machine, body, sizeof body);
}

/* The list says of every unit what the bitmap says, and M1 holds. */
static void check_bitmap(const bool *taken)
{
    uint32_t runs = 0;

    for (uint32_t unit = 0; unit < UNITS; unit++) {
        uint64_t address = UNIT_BASE + unit * UNIT_BYTES;
        bool in_list = false;

        runs += taken[unit] && (unit == 0 || !taken[unit - 1]);
        for (uint32_t i = 0; i < machine.reserved_count; i++)
            in_list |= address - machine.reserved[i].base < machine.reserved[i].bytes;
        CHECK_EQ(in_list, taken[unit]);
    }
    CHECK_EQ(machine.reserved_count, runs);
    for (uint32_t i = 1; i < machine.reserved_count; i++)
        CHECK(machine.reserved[i - 1].base + machine.reserved[i - 1].bytes <
              machine.reserved[i].base);
}

TEST("ranges in any order and overlap merge to what a bitmap says")
{
    uint64_t random = 1;

    for (unsigned round = 0; round < 300; round++) {
        uint32_t ranges[7][2];
        bool taken[UNITS] = {false};
        uint32_t count = round % 7 + 1;

        for (uint32_t i = 0; i < count; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            ranges[i][0] = (uint32_t)(random >> 33) % UNITS;
            ranges[i][1] = 1 + (uint32_t)(random >> 50) % 3 % (UNITS - ranges[i][0]);
            for (uint32_t unit = 0; unit < ranges[i][1]; unit++)
                taken[ranges[i][0] + unit] = true;
        }
        check_error(read_reservations((const uint32_t(*)[2])ranges, count), MACHINE_OK);
        check_bitmap(taken);
    }
}

/* ---- /chosen ---- */

static enum machine_error read_bootargs_of(size_t length)
{
    static char text[8192], arguments[5000];

    memset(arguments, 'x', length);
    arguments[length] = 0;
    snprintf(text, sizeof text, TREE("chosen { bootargs = \"%s\"; };"), arguments);
    return read_text(text);
}

TEST("boot arguments are cut, with a flag, where there is no more room")
{
    check_error(read_bootargs_of(2047), MACHINE_OK);
    CHECK_EQ(strlen(machine.bootargs), 2047);
    CHECK(!machine.bootargs_truncated);
    check_error(read_bootargs_of(2048), MACHINE_OK);
    CHECK_EQ(strlen(machine.bootargs), 2047);
    CHECK(machine.bootargs_truncated);
    check_error(read_bootargs_of(4999), MACHINE_OK);
    CHECK_EQ(strlen(machine.bootargs), 2047);
    CHECK(machine.bootargs_truncated);
}

TEST("boot arguments may be absent, empty or without a NUL")
{
    check_error(read_text(TREE("")), MACHINE_OK);
    CHECK_STRING(machine.bootargs, "");
    check_error(read_text(TREE("chosen { bootargs; };")), MACHINE_OK);
    CHECK_STRING(machine.bootargs, "");
    check_error(read_text(TREE("chosen { bootargs = [61 62]; };")), MACHINE_OK);
    CHECK_STRING(machine.bootargs, "ab");
    CHECK(!machine.bootargs_truncated);
}

#define INITRD(start, end) \
    TREE("chosen { linux,initrd-start = <" start ">; linux,initrd-end = <" end ">; };")

TEST("the ends of the initrd have one cell or two")
{
    check_error(read_text(INITRD("0x84000000", "0x84200000")), MACHINE_OK);
    check_range(machine.initrd, 0x84000000, 0x200000);
    check_error(read_text(INITRD("1 0", "1 0x1000")), MACHINE_OK);
    check_range(machine.initrd, 0x100000000, 0x1000);
    check_error(read_text(INITRD("0x84000000", "0x84000000")), MACHINE_OK);
    CHECK_EQ(machine.initrd.bytes, 0);
    check_error(read_text(TREE("")), MACHINE_OK);
    CHECK_EQ(machine.initrd.bytes, 0);
}

TEST("an initrd that ends before its start, too high, or by half is an error")
{
    check_error(read_text(INITRD("0x84000000", "0x83fff000")), MACHINE_BAD_INITRD);
    CHECK_EQ(machine.fault.range.base, 0x84000000);
    check_error(read_text(INITRD("0x84000000", "0x1000000 0x1")), MACHINE_BAD_INITRD);
    check_error(read_text(INITRD("0x84000000", "0 0 0")), MACHINE_BAD_INITRD);
    check_error(read_text(TREE("chosen { linux,initrd-start = <0x84000000>; };")),
                MACHINE_BAD_INITRD);
    check_error(read_text(TREE("chosen { linux,initrd-end = <0x84000000>; };")),
                MACHINE_BAD_INITRD);
}

/* ---- /cpus ---- */

#define CPUS_OF(timebase, nodes) \
    "/ { " CELLS MEMORY "cpus { #address-cells = <1>; #size-cells = <0>; " timebase nodes " }; };"
#define TIMEBASE "timebase-frequency = <4000000>; "

TEST("the timebase may stand in /cpus, of one cell or two, or else in a usable hart")
{
    check_error(read_text(CPUS_OF("timebase-frequency = <1 0>;", "cpu@0 { reg = <0>; " CPU "};")),
                MACHINE_OK);
    CHECK_EQ(machine.timebase_hz, 0x100000000);
    check_error(
        read_text(CPUS_OF(
            "", "cpu@0 { reg = <0>; timebase-frequency = <1>; }; cpu@1 { reg = <1>; " CPU TIMEBASE
                "};")),
        MACHINE_OK);
    CHECK_EQ(machine.timebase_hz, 4000000);
    check_error(
        read_text(CPUS_OF(TIMEBASE, "cpu@0 { reg = <0>; timebase-frequency = <1>; " CPU "};")),
        MACHINE_OK);
    CHECK_EQ(machine.timebase_hz, 4000000);
}

TEST("a tree without a timebase, or with one of 0, says so")
{
    check_error(read_text(CPUS_OF("", "cpu@0 { reg = <0>; " CPU "};")), MACHINE_NO_TIMEBASE);
    check_error(read_text(CPUS_OF("timebase-frequency = <0>;", "cpu@0 { reg = <0>; " CPU "};")),
                MACHINE_NO_TIMEBASE);
    check_error(read_text(CPUS_OF("timebase-frequency = <1 2 3>;", "cpu@0 { reg = <0>; " CPU "};")),
                MACHINE_NO_TIMEBASE);
}

TEST("harts that are disabled, without MMU or supervisor mode, not RV64, without id or twice there "
     "are skipped")
{
    check_error(
        read_text(CPUS_OF(
            TIMEBASE, "cpu@0 { reg = <0>; status = \"disabled\"; " CPU "};"
                      "cpu@1 { reg = <1>; riscv,isa = \"rv64imac\"; };"
                      "cpu@2 { reg = <2>; mmu-type = \"riscv,none\"; riscv,isa = \"rv64imac\"; };"
                      "cpu@3 { reg = <3>; mmu-type = \"riscv,sv32\"; riscv,isa = \"rv32imac\"; };"
                      "cpu@4 { reg = <4>; mmu-type = \"riscv,sv39\"; };"
                      "cpu@5 { " CPU "};"
                      "cpu@6 { reg = <6>; status = \"okay\"; " CPU "};"
                      "cpu@7 { reg = <6>; " CPU "};"
                      "cpu@8 { reg = <8>; status = \"ok\"; mmu-type = \"riscv,sv57\";"
                      "        riscv,isa-base = \"rv64i\"; };"
                      "cpu@a { reg = <10>; mmu-type = \"riscv,sv39\"; riscv,isa = \"rv64imacu\"; };"
                      "core@9 { reg = <9>; device_type = \"cpu\"; " CPU "};"
                      "cpu-map { cluster0 { }; };")),
        MACHINE_OK);
    CHECK_EQ(machine.hart_count, 3);
    CHECK_EQ(machine.harts[0], 6);
    CHECK_EQ(machine.harts[1], 8);
    CHECK_EQ(machine.harts[2], 9);
    CHECK_EQ(machine.harts_skipped, 8);
}

TEST("an ISA with modes among its letters but not supervisor mode is no hart, whatever it claims")
{
    check_error(
        read_text(CPUS_OF(
            TIMEBASE,
            "cpu@0 { reg = <0>; mmu-type = \"riscv,sv39\"; riscv,isa = \"rv64imacu\"; };"
            "cpu@1 { reg = <1>; mmu-type = \"riscv,sv39\"; riscv,isa = \"rv64imacu_zba_zbs\"; };"
            "cpu@2 { reg = <2>; mmu-type = \"riscv,sv39\"; riscv,isa = \"rv64imafdcbsux\"; };"
            "cpu@3 { reg = <3>; mmu-type = \"riscv,sv39\"; riscv,isa = \"rv64imac_zmmul_zicbou\"; "
            "};"
            "cpu@4 { reg = <4>; mmu-type = \"riscv,sv39\"; riscv,isa = \"rv64\"; };")),
        MACHINE_OK);
    CHECK_EQ(machine.hart_count, 3);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_EQ(machine.harts[i], i + 2);
    CHECK_EQ(machine.harts_skipped, 2);
}

/* A hart whose ISA is told so. */
#define HART(id, isa)    "cpu@" id " { reg = <" id ">; mmu-type = \"riscv,sv39\"; " isa " }; "
#define OLD(text)        "riscv,isa = \"" text "\"; "
#define BASE(text)       "riscv,isa-base = \"" text "\"; "
#define EXTENSIONS(list) "riscv,isa-extensions = " list "; "
#define IMAC             "\"i\", \"m\", \"a\", \"c\""

TEST("what a tree says of an ISA in the old way and in the new one must both allow the hart")
{
    static const char harts[] = HART("0", BASE("rv64i") EXTENSIONS(IMAC))
        HART("1", BASE("rv64i") EXTENSIONS("\"i\", \"m\", \"a\""))
            HART("2", BASE("rv32i") OLD("rv64imac")) HART("3", BASE("rv64i") OLD("rv64imacu"))
                HART("4", OLD("rv64imafdc") EXTENSIONS("\"i\", \"c\"")) HART("5", EXTENSIONS(IMAC))
                    HART("6", BASE("rv64i") OLD("rv64imafdc") EXTENSIONS(IMAC ", \"zicsr\""))
                        HART("7", BASE("rv64i") "riscv,isa-extensions; ");
    char text[4096];

    snprintf(text, sizeof text, CPUS_OF(TIMEBASE, "%s"), harts);
    check_error(read_text(text), MACHINE_OK);
    CHECK_EQ(machine.hart_count, 2);
    CHECK_EQ(machine.harts[0], 0);
    CHECK_EQ(machine.harts[1], 6);
    CHECK_EQ(machine.harts_skipped, 6);
}

TEST("hart ids may have two cells")
{
    check_error(read_text("/ { " CELLS MEMORY
                          "cpus { #address-cells = <2>; #size-cells = <0>; " TIMEBASE
                          "cpu@0 { reg = <1 2>; " CPU "}; }; };"),
                MACHINE_OK);
    CHECK_EQ(machine.harts[0], 0x100000002);
}

TEST("a tree without a usable hart says so")
{
    check_error(read_text("/ { " CELLS MEMORY " };"), MACHINE_NO_HART);
    check_error(read_text(CPUS_OF(TIMEBASE, "cpu@0 { reg = <0>; riscv,isa = \"rv64imac\"; };")),
                MACHINE_NO_HART);
}

TEST("harts above the limit are counted and left out")
{
    char text[4096];
    int at =
        snprintf(text, sizeof text,
                 "/ { " CELLS MEMORY "cpus { #address-cells = <1>; #size-cells = <0>; " TIMEBASE);

    for (unsigned i = 0; i < MACHINE_MAX_HARTS + 3; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, "cpu@%x { reg = <%u>; " CPU "};", i, i);
    snprintf(text + at, sizeof text - (size_t)at, "}; };");
    check_error(read_text(text), MACHINE_OK);
    CHECK_EQ(machine.hart_count, MACHINE_MAX_HARTS);
    CHECK_EQ(machine.harts_dropped, 3);
    CHECK_EQ(machine.harts_skipped, 0);
}

/* ---- errors ---- */

TEST("a damaged tree is named with the reader's error and its place")
{
    struct tree_blob blob = tree_blob_from_text(TREE(""));

    blob.bytes[3] ^= 1;
    check_error(read_blob(blob), MACHINE_BAD_TREE);
    CHECK_EQ(machine.fault.tree, FDT_BAD_MAGIC);
    blob = tree_blob_from_text(TREE(""));
    blob.bytes[20 + 3] = 16;
    check_error(read_blob(blob), MACHINE_BAD_TREE);
    CHECK_EQ(machine.fault.tree, FDT_BAD_VERSION);
    CHECK_EQ(machine.fault.tree_offset, 20);
}

TEST("every error has a text, and numbers that are none have one too")
{
    for (unsigned error = 0; error <= MACHINE_NO_HART; error++)
        CHECK(machine_error_text((enum machine_error)error)[0] != 0);
    CHECK_STRING(machine_error_text((enum machine_error)(MACHINE_NO_HART + 1)), "unknown error");
}
