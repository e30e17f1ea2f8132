/* Owns the list of UARTs that the console driver knows, see console_device.h. */
#include "console_device.h"

#include <string.h>

/* Of each device the kernel tells the first string of `compatible` only, so a chip's own name for
 * its DesignWare stands here too. */
static const struct console_kind {
    const char *compatible;
    enum console_uart kind;
} console_kinds[] = {
    {"ns16550a", CONSOLE_UART_16550},
    {"ns16550", CONSOLE_UART_16550},
    {"snps,dw-apb-uart", CONSOLE_UART_DESIGNWARE},
    {"starfive,jh7100-uart", CONSOLE_UART_DESIGNWARE},
    {"starfive,jh7110-uart", CONSOLE_UART_DESIGNWARE},
    {"sifive,uart0", CONSOLE_UART_SIFIVE},
};

static enum console_uart console_device_kind(const struct fl_boot_device *device)
{
    for (unsigned i = 0; i < sizeof console_kinds / sizeof console_kinds[0]; i++)
        if (strcmp(device->compatible, console_kinds[i].compatible) == 0)
            return console_kinds[i].kind;
    return 0;
}

static bool console_device_looks_like_uart(const struct fl_boot_device *device)
{
    return strstr(device->compatible, "uart") || strstr(device->compatible, "serial") ||
           strstr(device->compatible, "16550");
}

struct console_device console_device_find(const struct fl_boot_device *devices, uint64_t count)
{
    struct console_device found = {0};

    for (uint64_t i = 0; i < count && found.kind == 0; i++) {
        enum console_uart kind = console_device_kind(&devices[i]);

        if (kind != 0 || (!found.device && console_device_looks_like_uart(&devices[i])))
            found = (struct console_device){i, &devices[i], kind};
    }
    return found;
}
