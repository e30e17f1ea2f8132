/* Owns the UART's registers and the order in which they are touched: see uart.h for U1 to U4. */
#include "uart.h"

enum uart_register {
    UART_DATA = 0, /* read: receiver; write: transmitter */
    UART_IER = 1,
    UART_IIR = 2, /* read */
    UART_FCR = 2, /* write */
    UART_MCR = 4,
    UART_LSR = 5,
    UART_MSR = 6,
    UART_USR = 31 /* DesignWare */
};

enum {
    IER_RECEIVED = 1 << 0,
    IER_TRANSMITTER_EMPTY = 1 << 1,
    IER_LINE_STATUS = 1 << 2,
    IER_RECEIVER = IER_RECEIVED | IER_LINE_STATUS
};
enum { FCR_ENABLE = 1 << 0, FCR_TRIGGER_8 = 2 << 6 };
enum { IIR_CAUSE = 0xf, IIR_FIFO = 3 << 6 };
enum { MCR_DTR = 1 << 0, MCR_RTS = 1 << 1, MCR_OUT2 = 1 << 3 }; /* OUT2 gates a PC's interrupt */
enum {
    LSR_DATA = 1 << 0,
    LSR_OVERRUN = 1 << 1,
    LSR_PARITY = 1 << 2,
    LSR_FRAMING = 1 << 3,
    LSR_BREAK = 1 << 4,
    LSR_HOLDING_EMPTY = 1 << 5,
    LSR_ALL_SENT = 1 << 6,
    LSR_DAMAGE = LSR_PARITY | LSR_FRAMING | LSR_BREAK
};

/* IIR bits 0..3.  Bit 0 means "nothing", but in the DesignWare's cause it is set too. */
enum uart_cause {
    CAUSE_MODEM = 0,
    CAUSE_NONE = 1,
    CAUSE_TRANSMITTER_EMPTY = 2,
    CAUSE_RECEIVED = 4,
    CAUSE_LINE_STATUS = 6,
    CAUSE_BUSY = 7,
    CAUSE_RECEIVE_TIMEOUT = 12
};

#define UART_FIFO_BYTES 16u
#define UART_CAUSES     64u    /* most that one interrupt serves; what is left interrupts again */
#define UART_LAST_READS 65536u /* of the line status, while one byte leaves: some milliseconds */

static uint8_t uart_get(const struct uart *uart, enum uart_register which)
{
    const struct uart_config *config = &uart->config;

    return (uint8_t)uart->port.read(uart->port.context, (uint32_t)which << config->reg_shift,
                                    config->io_width);
}

static void uart_set(const struct uart *uart, enum uart_register which, uint8_t value)
{
    const struct uart_config *config = &uart->config;

    uart->port.write(uart->port.context, (uint32_t)which << config->reg_shift, config->io_width,
                     value);
}

/* Turns the interrupts in `on` on and those in `off` off (U1). */
static void uart_enable(struct uart *uart, uint8_t on, uint8_t off)
{
    uint8_t ier = (uint8_t)((uart->ier & ~off) | on);

    if (ier == uart->ier)
        return;
    uart->ier = ier;
    uart_set(uart, UART_IER, ier);
}

/* Reading the line status clears its errors, so they are taken down here. */
static uint8_t uart_line_status(struct uart *uart)
{
    uint8_t status = uart_get(uart, UART_LSR);

    if (status & LSR_OVERRUN)
        uart->lost++;
    uart->damage |= status & LSR_DAMAGE;
    return status;
}

bool uart_start(struct uart *uart, const struct uart_config *config, const struct uart_port *port)
{
    const uint32_t width = config->io_width ? config->io_width : 1;
    const uint32_t last = config->designware ? UART_USR : UART_MSR;

    if (config->reg_shift > 4 || (width != 1 && width != 4) || (1u << config->reg_shift) < width)
        return false;
    if ((last << config->reg_shift) + width > config->window_bytes)
        return false;
    *uart = (struct uart){.port = *port, .config = *config, .fifo_bytes = 1};
    uart->config.io_width = width;
    uart_set(uart, UART_IER, 0);
    uart_set(uart, UART_FCR, FCR_ENABLE | FCR_TRIGGER_8);
    if ((uart_get(uart, UART_IIR) & IIR_FIFO) == IIR_FIFO)
        uart->fifo_bytes = UART_FIFO_BYTES;
    uart_set(uart, UART_MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
    (void)uart_get(uart, UART_MSR);
    uart_enable(uart, IER_RECEIVER, 0);
    return true;
}

/* --- output ------------------------------------------------------------------------------------
 */

/* Fills the transmitter as often as it is empty; when it is not, it will interrupt (U2). */
static void uart_transmit(struct uart *uart)
{
    while (ring_used(&uart->out) > 0) {
        uint32_t count = ring_used(&uart->out);

        if (!(uart_line_status(uart) & LSR_HOLDING_EMPTY)) {
            uart_enable(uart, IER_TRANSMITTER_EMPTY, 0);
            return;
        }
        if (count > uart->fifo_bytes)
            count = uart->fifo_bytes;
        while (count-- > 0)
            uart_set(uart, UART_DATA, ring_take(&uart->out));
    }
    uart_enable(uart, 0, IER_TRANSMITTER_EMPTY);
}

void uart_write(struct uart *uart, const uint8_t *bytes, size_t count)
{
    ring_put(&uart->out, bytes, (uint32_t)count);
    if (!(uart->ier & IER_TRANSMITTER_EMPTY))
        uart_transmit(uart);
}

bool uart_drain(struct uart *uart)
{
    uint8_t status = uart_line_status(uart);

    if (ring_used(&uart->out) > 0 || !(status & LSR_HOLDING_EMPTY)) {
        uart_enable(uart, IER_TRANSMITTER_EMPTY, 0);
        return false;
    }
    /* No interrupt tells of the last byte's last bit. */
    for (uint32_t i = 0; i < UART_LAST_READS && !(status & LSR_ALL_SENT); i++)
        status = uart_line_status(uart);
    return true;
}

/* --- input -------------------------------------------------------------------------------------
 */

/* Takes one byte out of the receiver, which has one; drops it when it is damaged. */
static void uart_take_byte(struct uart *uart)
{
    uint8_t byte = uart_get(uart, UART_DATA);

    if (uart->damage == 0)
        ring_put(&uart->in, &byte, 1);
    else if (!(uart->damage & LSR_BREAK)) /* a break is no byte */
        uart->lost++;
    uart->damage = 0;
}

/* Damaged bytes fill no ring, so those are counted that are taken; what is left interrupts again. */
static void uart_receive(struct uart *uart)
{
    for (uint32_t taken = 0; taken < RING_BYTES && ring_room(&uart->in) > 0; taken++) {
        if (!(uart_line_status(uart) & LSR_DATA))
            return;
        uart_take_byte(uart);
    }
    if (ring_room(&uart->in) == 0)
        uart_enable(uart, 0, IER_RECEIVER); /* U3 */
}

/* A DesignWare may tell of a timeout when nothing is there; only a read of the receiver ends it. */
static void uart_receive_late(struct uart *uart)
{
    if (uart_line_status(uart) & LSR_DATA)
        uart_receive(uart);
    else
        (void)uart_get(uart, UART_DATA);
}

size_t uart_read(struct uart *uart, uint8_t *out, size_t wanted)
{
    size_t count = ring_used(&uart->in) < wanted ? ring_used(&uart->in) : wanted;

    for (size_t i = 0; i < count; i++)
        out[i] = ring_take(&uart->in);
    if (ring_room(&uart->in) > 0)
        uart_enable(uart, IER_RECEIVER, 0);
    return count;
}

/* --- interrupts --------------------------------------------------------------------------------
 */

/* Returns: false if that was no cause that we know. */
static bool uart_serve(struct uart *uart, uint8_t cause)
{
    switch (cause) {
    case CAUSE_LINE_STATUS:
    case CAUSE_RECEIVED:
        uart_receive(uart);
        return true;
    case CAUSE_RECEIVE_TIMEOUT:
        uart_receive_late(uart);
        return true;
    case CAUSE_TRANSMITTER_EMPTY:
        uart_transmit(uart);
        return true;
    case CAUSE_MODEM:
        (void)uart_get(uart, UART_MSR);
        return true;
    case CAUSE_BUSY:
        if (uart->config.designware)
            (void)uart_get(uart, UART_USR);
        return uart->config.designware;
    default:
        return false;
    }
}

void uart_interrupt(struct uart *uart)
{
    uint32_t served = 0;

    while (served < UART_CAUSES && uart_serve(uart, uart_get(uart, UART_IIR) & IIR_CAUSE))
        served++;
    if (served == 0)
        uart->spurious++;
}
