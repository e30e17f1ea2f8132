/* Starts the console driver and hands the UART over to it.
 *
 * Without a UART that the driver knows, or without the driver in the initrd, one line says so and
 * the firmware's console stays. */
#ifndef INIT_CONSOLE_START_H
#define INIT_CONSOLE_START_H

#include "abi.h"

/* Our notification, the endpoints, the driver's TCB and its space exist already.  What is printed
 * after the hand-over goes through the driver: see console_has_driver.
 * Returns: bit i when the driver has device i, or 0. */
uint64_t console_start(const struct fl_boot_info *info);

#endif
