/* sources: user/init/console_device.c */
#include "../../user/init/console_device.h"
#include "harness.h"

static void check_found(const struct fl_boot_device *devices, uint64_t count, uint64_t index,
                        enum console_uart kind)
{
    struct console_device found = console_device_find(devices, count, 0);

    CHECK_EQ(found.kind, kind);
    CHECK_EQ(found.index, index);
    CHECK_EQ(found.device, &devices[index]);
}

TEST("each UART that the driver knows is found behind other devices, by its first name")
{
    static const struct {
        const char *name;
        enum console_uart kind;
    } known[] = {{"ns16550a", CONSOLE_UART_16550},
                 {"ns16550", CONSOLE_UART_16550},
                 {"snps,dw-apb-uart", CONSOLE_UART_DESIGNWARE},
                 {"starfive,jh7100-uart", CONSOLE_UART_DESIGNWARE},
                 {"starfive,jh7110-uart", CONSOLE_UART_DESIGNWARE},
                 {"sifive,uart0", CONSOLE_UART_SIFIVE}};

    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct fl_boot_device devices[2] = {{.compatible = "virtio,mmio"}, {0}};

        for (unsigned c = 0; known[i].name[c]; c++)
            devices[1].compatible[c] = known[i].name[c];
        check_found(devices, 2, 1, known[i].kind);
    }
}

TEST("the first of several is taken, and a known one before a stranger")
{
    const struct fl_boot_device devices[] = {{.compatible = "acme,uart"},
                                             {.compatible = "snps,dw-apb-uart"},
                                             {.compatible = "ns16550a"}};

    check_found(devices, 3, 1, CONSOLE_UART_DESIGNWARE);
}

TEST("a stranger is told as one: the first device that looks like a UART")
{
    const struct fl_boot_device devices[] = {{.compatible = "sifive,gpio0"},
                                             {.compatible = "acme,uart"},
                                             {.compatible = "amlogic,serial"}};

    check_found(devices, 3, 1, 0);
}

TEST("where no device looks like a UART, and where there is none, nothing is found")
{
    const struct fl_boot_device devices[] = {{.compatible = "virtio,mmio"}, {.compatible = ""}};

    CHECK_EQ(console_device_find(devices, 2, 0).device, 0);
    CHECK_EQ(console_device_find(devices, 0, 0).device, 0);
}

TEST("a UART is known by any of its names")
{
    static const struct fl_boot_device devices[] = {{.compatible = "acme,uart\0ns16550a"}};
    static const struct fl_boot_device full[] = {
        {.compatible = "0123456789012345678901234567890123\0sifive,uart0"}};

    check_found(devices, 1, 0, CONSOLE_UART_16550);
    check_found(full, 1, 0, CONSOLE_UART_SIFIVE);
}

TEST("the firmware's console is taken before others, though nobody knows what it is")
{
    const struct fl_boot_device devices[] = {{.compatible = "ns16550a", .physical = 0x1000},
                                             {.compatible = "sifive,uart0", .physical = 0x2000},
                                             {.compatible = "acme,uart", .physical = 0x3000}};
    static const enum console_uart kinds[] = {CONSOLE_UART_16550, CONSOLE_UART_SIFIVE, 0};

    for (uint64_t i = 0; i < 3; i++) {
        struct console_device found = console_device_find(devices, 3, 0x1000 * (i + 1));

        CHECK_EQ(found.device, &devices[i]);
        CHECK_EQ(found.index, i);
        CHECK_EQ(found.kind, kinds[i]);
    }
    CHECK_EQ(console_device_find(devices, 3, 0x4000).device, &devices[0]);
}
