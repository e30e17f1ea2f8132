/* An NS16550 made of software, with a line whose speed and faults the test chooses.
 *
 * It stops the test when it is touched in a way that no UART forgives: an access that is misplaced
 * or of the wrong width, a byte written while the transmitter is full, the line's format changed. */
#ifndef TESTS_UART_NS16550_FAKE_H
#define TESTS_UART_NS16550_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../drivers/uart/uart.h"

#define FAKE_FIFO_BYTES 16u
#define FAKE_SENT_BYTES (1u << 20)

enum fake_error { FAKE_GOOD, FAKE_PARITY = 1 << 2, FAKE_FRAMING = 1 << 3, FAKE_BREAK = 1 << 4 };

struct fake_ns16550 {
    /* What the test chooses. */
    uint32_t reg_shift, io_width;
    bool has_fifo, designware;
    uint32_t ticks_per_byte; /* of the transmitter; 0: at once */
    /* What happened. */
    uint8_t sent[FAKE_SENT_BYTES];
    size_t sent_count;
    uint32_t overruns, accesses, busy_reads;
    /* The chip. */
    uint8_t ier, fcr, mcr;
    uint8_t errors; /* of the line status, sticky until it is read */
    uint8_t transmit[FAKE_FIFO_BYTES], receive[FAKE_FIFO_BYTES], receive_error[FAKE_FIFO_BYTES];
    uint32_t transmit_count, receive_count;
    uint32_t shift_ticks; /* until the byte in the shift register is out */
    bool shift_full, empty_pending, timed_out, busy, modem_changed;
};

struct uart_port fake_ns16550_port(struct fake_ns16550 *fake);

/* Whether the interrupt line is up. */
bool fake_ns16550_interrupts(const struct fake_ns16550 *fake);

/* A byte comes in.  With `held`, one that does not fit waits outside: false. */
bool fake_ns16550_type(struct fake_ns16550 *fake, uint8_t byte, enum fake_error error, bool held);

/* Time passes on the line: one tick.  Bytes that wait below the trigger level time out. */
void fake_ns16550_tick(struct fake_ns16550 *fake);

#endif
