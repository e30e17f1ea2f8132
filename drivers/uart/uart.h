/* A UART: two rings of bytes, moved by interrupts.
 *
 * Pure: the registers are reached through struct uart_port, so the same code runs on the host
 * against a UART made of software.  uart.c is what all UARTs have in common, struct uart_chip what a
 * kind of them adds.  Speed and format of the line stay as the firmware set them.
 *
 *  U1  `enabled` holds what the chip may interrupt for;
 *  U2  bytes in the output ring: an interrupt is due, since the transmitter holds bytes and
 *      UART_TRANSMIT is enabled;
 *  U3  UART_RECEIVE is disabled exactly while the input ring has no room: then bytes wait in the
 *      UART, and whoever sends them is held back if the line knows how;
 *  U4  `lost` grows when the chip tells that input is lost: by one for each damaged byte and for each
 *      overrun, which may be more bytes than one.
 *
 * Nothing here waits but uart_drain, for the length of one byte. */
#ifndef DRIVERS_UART_H
#define DRIVERS_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring.h"

struct uart;

/* What a chip asks for, and what it may interrupt for. */
enum uart_need {
    UART_NOTHING = 0,
    UART_RECEIVE = 1 << 0,
    UART_TRANSMIT = 1 << 1,
    UART_SERVED = 1 << 2 /* it was something else, and is over */
};

/* What came out of a receiver. */
enum uart_taken { UART_TAKEN_NONE, UART_TAKEN_BYTE, UART_TAKEN_DAMAGED };

/* Of what was put into a transmitter. */
enum uart_unsent { UART_UNSENT_NONE, UART_UNSENT_LAST_BITS, UART_UNSENT_BYTES };

/* A kind of UART.  No function waits, and each touches a few registers at most. */
struct uart_chip {
    /* Makes it ready, with all interrupts off; input that waits in it stays.
     * Returns: false, with nothing touched, if uart->config is impossible. */
    bool (*start)(struct uart *uart);
    /* Lets it interrupt for `needs` (a set of UART_RECEIVE and UART_TRANSMIT) and nothing else. */
    void (*enable)(struct uart *uart, unsigned needs);
    /* What it asks for now; UART_TRANSMIT once its transmitter is empty. */
    enum uart_need (*next_need)(struct uart *uart);
    uint32_t (*room)(struct uart *uart); /* bytes that `put` may put now */
    void (*put)(struct uart *uart, uint8_t byte);
    enum uart_unsent (*unsent)(struct uart *uart);
    enum uart_taken (*take)(struct uart *uart, uint8_t *byte);
};

extern const struct uart_chip uart_ns16550;    /* and its many relatives */
extern const struct uart_chip uart_designware; /* has a busy-detect interrupt and a register USR */
extern const struct uart_chip uart_sifive;

/* How registers are reached.  offset: bytes from the first register.  width: bytes, 1 or 4. */
struct uart_port {
    void *context;
    uint32_t (*read)(void *context, uint32_t offset, uint32_t width);
    void (*write)(void *context, uint32_t offset, uint32_t width, uint32_t value);
};

/* What the device tree says of it. */
struct uart_config {
    const struct uart_chip *chip;
    uint32_t reg_shift;    /* register i is at i << reg_shift */
    uint32_t io_width;     /* bytes of one access: 1, 4, or 0 = not told */
    uint32_t window_bytes; /* that may be accessed from the first register on */
};

struct uart {
    struct uart_port port;
    struct uart_config config;
    unsigned enabled;    /* U1 */
    uint8_t damage;      /* the ns16550's: of the next byte, told by an earlier look */
    uint32_t fifo_bytes; /* the ns16550's: what its transmitter takes when it is empty */
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

/* Returns: true when the last bit of all output is on the line, as far as the chip tells; else an
 * interrupt comes, after which to ask again. */
bool uart_drain(struct uart *uart);

#endif
