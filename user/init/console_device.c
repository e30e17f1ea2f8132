/* Owns the list of UARTs that the console driver knows, see console_device.h. */
#include "console_device.h"

#include <string.h>

/* A chip's own name for its DesignWare stands here too: the kernel tells of as many strings as fit. */
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

static enum console_uart console_name_kind(const char *name)
{
    for (unsigned i = 0; i < sizeof console_kinds / sizeof console_kinds[0]; i++)
        if (strcmp(name, console_kinds[i].compatible) == 0)
            return console_kinds[i].kind;
    return 0;
}

/* The names go from what it is to what it is like. */
static enum console_uart console_device_kind(const struct fl_boot_device *device)
{
    const char *name = device->compatible, *end = name + sizeof device->compatible;
    enum console_uart kind = 0;

    for (; kind == 0 && name < end && *name; name += strlen(name) + 1)
        kind = console_name_kind(name);
    return kind;
}

static bool console_device_looks_like_uart(const struct fl_boot_device *device)
{
    return strstr(device->compatible, "uart") || strstr(device->compatible, "serial") ||
           strstr(device->compatible, "16550");
}

struct console_device console_device_find(const struct fl_boot_device *devices, uint64_t count,
                                          uint64_t console)
{
    struct console_device found = {0};

    for (uint64_t i = 0; i < count && console != 0; i++)
        if (devices[i].physical == console)
            return (struct console_device){i, &devices[i], console_device_kind(&devices[i])};

    for (uint64_t i = 0; i < count && found.kind == 0; i++) {
        enum console_uart kind = console_device_kind(&devices[i]);

        if (kind != 0 || (!found.device && console_device_looks_like_uart(&devices[i])))
            found = (struct console_device){i, &devices[i], kind};
    }
    return found;
}
