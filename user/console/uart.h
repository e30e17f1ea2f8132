/* An NS16550 and its relatives: two rings of bytes, moved by interrupts.
 *
 * Pure: the registers are reached through struct uart_port, so the same code runs on the host
 * against a UART made of software.  Speed and format of the line stay as the firmware set them.
 *
 *  U1  ier holds what the interrupt enable register holds;
 *  U2  bytes in the output ring: an interrupt is due, since the transmitter holds bytes and THRI is
 *      on;
 *  U3  the receiver's interrupts are off exactly while the input ring has no room: then bytes wait
 *      in the UART, and whoever sends them is held back if the line knows how;
 *  U4  `lost` grows when input is lost: by one for each damaged byte and for each time that the line
 *      status tells of an overrun, which may be more bytes than one.
 *
 * Nothing here waits but uart_drain, for the length of one byte.
 *
 * Spec: National Semiconductor PC16550D, 8 (registers); Synopsys DW_apb_uart, IIR and USR. */
#ifndef CONSOLE_UART_H
#define CONSOLE_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring.h"

/* How registers are reached.  offset: bytes from the first register.  width: bytes, 1 or 4. */
struct uart_port {
    void *context;
    uint32_t (*read)(void *context, uint32_t offset, uint32_t width);
    void (*write)(void *context, uint32_t offset, uint32_t width, uint32_t value);
};

/* What the device tree says of it. */
struct uart_config {
    bool designware;       /* has a busy-detect interrupt and a register USR */
    uint32_t reg_shift;    /* register i is at i << reg_shift */
    uint32_t io_width;     /* bytes of one access: 1, 4, or 0 = not told (1) */
    uint32_t window_bytes; /* that may be accessed from the first register on */
};

struct uart {
    struct uart_port port;
    struct uart_config config;
    uint8_t ier;
    uint8_t damage; /* errors of the next byte that an earlier look at the line status took away */
    uint32_t fifo_bytes; /* that the transmitter takes when it is empty */
    uint64_t lost;       /* U4 */
    uint64_t spurious;   /* interrupts without a cause */
    struct ring out;
    struct ring in;
};

/* Takes the UART over: input that waits in its FIFO stays there.
 * Returns: false, with nothing touched, if config is impossible. */
bool uart_start(struct uart *uart, const struct uart_config *config, const struct uart_port *port);

/* Serves what the UART interrupts for.  Afterwards its interrupt line is down, or it goes up again
 * for something new. */
void uart_interrupt(struct uart *uart);

/* Sends `count` bytes, for which the output ring has room. */
void uart_write(struct uart *uart, const uint8_t *bytes, size_t count);

/* Takes at most `wanted` bytes of input.  Returns their number. */
size_t uart_read(struct uart *uart, uint8_t *out, size_t wanted);

/* Returns: true when the last bit of all output is on the line; else an interrupt comes, after which
 * to ask again. */
bool uart_drain(struct uart *uart);

#endif
