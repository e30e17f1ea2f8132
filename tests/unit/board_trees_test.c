/* What machine_read learns from the trees of real boards, against libfdt and against what their manuals say: those of
 * Debian's kernel and the one inside its boot loader, both of `make board-packages`, and one like the factory's. */
/* sources: drivers/fdt.c drivers/machine.c drivers/devices.c drivers/isa.c user/init/console_device.c */
/* sources: tests/unit/tree_blob.c tests/unit/tree_model.c */
/* libs: -lfdt */
#define _GNU_SOURCE /* asprintf */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include "../../user/init/console_device.h"
#include "harness.h"
#include "machine.h"
#include "tree_blob.h"
#include "tree_model.h"

#define TREES \
    6u /* of the kernel, at least: the VisionFive, its forerunner, two of the VisionFive 2, two like that */

static struct machine machine;

/* ---- what the manuals say ---- */

struct board {
    const char *compatible; /* of the root */
    uint64_t ram;
    uint32_t first_hart, harts;
    uint32_t timebase_hz;
    uint32_t sources, first_context; /* supervisor mode's, of first_hart; each hart adds two */
    uint64_t uart;
    uint32_t uart_interrupt;
};

static const struct board boards[] = {
    {"starfive,jh7110", 0x40000000, 1, 4, 4000000, 136, 2, 0x10000000, 32},
    {"starfive,jh7100", 0x80000000, 0, 2, 6250000, 133, 1, 0x12440000, 73},
};

static void check_board(const struct board *board)
{
    CHECK_EQ(machine.banks[0].base, board->ram);
    CHECK_EQ(machine.timebase_hz, board->timebase_hz);
    CHECK_EQ(machine.hart_count, board->harts);
    CHECK_EQ(machine.plic.range.base, 0xc000000);
    CHECK_EQ(machine.plic.sources, board->sources);
    for (uint32_t i = 0; i < board->harts; i++) {
        CHECK_EQ(machine.harts[i], board->first_hart + i);
        CHECK_EQ(machine.plic.context[i], board->first_context + 2 * i);
    }
    struct console_device console =
        console_device_find(machine.devices, machine.device_count, machine.console);
    CHECK(console.device != NULL);
    CHECK_EQ(console.kind, CONSOLE_UART_DESIGNWARE);
    CHECK_EQ(console.device->physical, board->uart);
    CHECK_EQ(console.device->interrupt, board->uart_interrupt);
    CHECK_EQ(console.device->reg_shift, 2);
    CHECK_EQ(console.device->io_width, 4);
}

/* ---- what libfdt says ---- */

static bool model_enabled(const void *blob, int node)
{
    for (; node > 0; node = fdt_parent_offset(blob, node)) {
        const char *status = fdt_getprop(blob, node, "status", NULL);

        if (status && strcmp(status, "okay") != 0 && strcmp(status, "ok") != 0)
            return false;
    }
    return true;
}

static int model_console(const void *blob)
{
    const char *path = fdt_getprop(blob, fdt_path_offset(blob, "/chosen"), "stdout-path", NULL);

    CHECK(path != NULL);
    return fdt_path_offset_namelen(blob, path, (int)strcspn(path, ":"));
}

static int model_find(const void *blob, uint64_t address)
{
    uint64_t each;
    int node = 0;

    while ((node = fdt_next_node(blob, node, NULL)) >= 0)
        if (model_enabled(blob, node) && tree_model_address(blob, node, &each) && each == address)
            return node;
    return node;
}

static void check_libfdt(const void *blob)
{
    int cpus = fdt_path_offset(blob, "/cpus"), cpu, bytes;
    uint64_t console = 0;
    uint32_t usable = 0;

    fdt_for_each_subnode(cpu, blob, cpus)
    {
        const char *isa = fdt_getprop(blob, cpu, "riscv,isa", NULL);

        usable += isa && model_enabled(blob, cpu) && fdt_getprop(blob, cpu, "mmu-type", NULL) &&
                  strncmp(isa, "rv64imafdc", 10) == 0;
    }
    CHECK_EQ(machine.hart_count, usable);
    CHECK(tree_model_address(blob, model_console(blob), &console));
    CHECK_EQ(machine.console, console);
    for (uint32_t i = 0; i < machine.device_count; i++) {
        const struct fl_boot_device *device = &machine.devices[i];
        int node = model_find(blob, device->physical);

        if (node < 0)
            harness_note("0x%lx: `%s`", device->physical, device->compatible);
        CHECK(node >= 0);
        const char *name = fdt_getprop(blob, node, "compatible", &bytes);
        if (name && bytes <= (int)sizeof device->compatible)
            CHECK(memcmp(name, device->compatible, (size_t)bytes) == 0);
        const fdt32_t *interrupts = fdt_getprop(blob, node, "interrupts", NULL);
        CHECK_EQ(device->interrupt, interrupts ? fdt32_ld(interrupts) : 0);
    }
}

/* ---- trees ---- */

/* Reads a tree; takes the blob. */
static void check_tree(const char *name, struct tree_blob blob)
{
    const char *wrong = tree_model_compare(blob.bytes, blob.size);

    harness_note("%s", name);
    if (!wrong)
        wrong = tree_model_check_machine(blob.bytes, blob.size);
    if (wrong)
        harness_note("%s", wrong);
    CHECK(wrong == NULL);
    CHECK_STRING(machine_error_text(machine_read(&machine, blob.bytes, blob.size)), "no error");
    check_libfdt(blob.bytes);
    for (size_t i = 0; i < sizeof boards / sizeof boards[0]; i++)
        if (fdt_node_check_compatible(blob.bytes, 0, boards[i].compatible) == 0)
            check_board(&boards[i]);
    tree_blob_free(&blob);
}

static struct tree_blob read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct tree_blob blob = {0};

    CHECK(file != NULL);
    CHECK(fseek(file, 0, SEEK_END) == 0);
    blob.size = (size_t)ftell(file);
    rewind(file);
    blob.bytes = malloc(blob.size);
    CHECK(blob.bytes != NULL);
    CHECK_EQ(fread(blob.bytes, 1, blob.size, file), blob.size);
    fclose(file);
    return blob;
}

/* Files of the board's packages; skips the running test when there are none. */
static glob_t find_files(const char *pattern)
{
    const char *build = getenv("FAULTLINE_BUILD");
    char *whole = NULL;
    glob_t found;

    CHECK(asprintf(&whole, "%s/boards/%s", build ? build : "build", pattern) > 0);
    int status = glob(whole, 0, NULL, &found);
    free(whole);
    if (status != 0)
        SKIP("there are no boards' files: make board-packages could not get them");
    return found;
}

TEST("the trees of Debian's kernel for StarFive's boards are read as libfdt reads them, and as the "
     "manuals say")
{
    glob_t files = find_files("trees/usr/lib/*/starfive/*.dtb");

    for (size_t i = 0; i < files.gl_pathc; i++)
        check_tree(files.gl_pathv[i], read_file(files.gl_pathv[i]));
    CHECK(files.gl_pathc >= TREES);
    globfree(&files);
}

TEST("so is the tree inside Debian's boot loader for them")
{
    glob_t files = find_files("firmware/usr/lib/u-boot/starfive_visionfive2/u-boot.itb");

    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct tree_blob package = read_file(files.gl_pathv[i]), blob;
        int bytes, image = fdt_path_offset(package.bytes, "/images/fdt-1");
        const void *data = fdt_getprop(package.bytes, image, "data", &bytes);

        CHECK(data != NULL);
        blob = (struct tree_blob){malloc((size_t)bytes), (size_t)bytes};
        CHECK(blob.bytes != NULL);
        memcpy(blob.bytes, data, blob.size);
        tree_blob_free(&package);
        check_tree(files.gl_pathv[i], blob);
    }
    globfree(&files);
}

TEST("so is one like the factory's, in which hart 0 claims what it has not")
{
    check_tree("factory", tree_blob_from_file("tests/unit/data/jh7110-factory.dts"));
    CHECK_EQ(machine.harts_skipped, 1);
}
