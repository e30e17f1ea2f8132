/* SiFive's UART made of software, with a line whose speed the test chooses.
 *
 * It stops the test when it is touched in a way that loses something or changes the line: an access
 * that is not of 32 bits or misplaced, a byte put into a full FIFO, the divisor or the stop bits
 * changed, a receiver or transmitter turned off. */
#ifndef TESTS_UART_SIFIVE_FAKE_H
#define TESTS_UART_SIFIVE_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../drivers/uart/uart.h"

#define FAKE_SIFIVE_FIFO_BYTES 8u
#define FAKE_SIFIVE_SENT_BYTES (1u << 20)

struct fake_sifive {
    /* What the test chooses. */
    uint32_t ticks_per_byte; /* of the transmitter; 0: at once */
    uint32_t stop_bits;      /* bit 1 of txctrl */
    /* What happened. */
    uint8_t sent[FAKE_SIFIVE_SENT_BYTES];
    size_t sent_count;
    uint32_t accesses, overruns;
    /* The chip. */
    uint32_t txctrl, rxctrl, ie;
    uint8_t transmit[FAKE_SIFIVE_FIFO_BYTES], receive[FAKE_SIFIVE_FIFO_BYTES];
    uint32_t transmit_count, receive_count;
    uint32_t shift_ticks; /* until the byte in the shift register is out */
};

struct uart_port fake_sifive_port(struct fake_sifive *fake);

/* Whether the interrupt line is up. */
bool fake_sifive_interrupts(const struct fake_sifive *fake);

/* A byte comes in.  With `held`, one that does not fit waits outside: false. */
bool fake_sifive_type(struct fake_sifive *fake, uint8_t byte, bool held);

/* Time passes on the line: one tick. */
void fake_sifive_tick(struct fake_sifive *fake);

#endif
