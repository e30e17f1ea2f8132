/* Which of the machine's devices the console driver can serve.  Pure: looks at what the kernel
 * told. */
#ifndef INIT_CONSOLE_DEVICE_H
#define INIT_CONSOLE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "protocol.h"

struct console_device {
    uint64_t index;                      /* the capability is in slot FL_BOOT_DEVICES + index */
    const struct fl_boot_device *device; /* NULL: there is no UART */
    enum console_uart kind;              /* 0: none that we know */
};

/* The device at the physical address `console`, whatever it is, since whoever watches the machine watches that.  Where
 * nothing is told (0, or no device is there): the first UART that we know; if there is none, the first device that
 * looks like one by its name. */
struct console_device console_device_find(const struct fl_boot_device *devices, uint64_t count,
                                          uint64_t console);

#endif
