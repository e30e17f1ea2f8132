/* The NS16550 and the DesignWare UART, which is one with a peculiarity: their registers, and the order
 * in which they are touched.
 *
 * The line control register is never written: it holds the format of the line and hides its speed,
 * and a DesignWare that is written there while it is busy interrupts for that (CAUSE_BUSY) until
 * USR is read.  The firmware may leave such an interrupt behind.
 *
 * Spec: National Semiconductor PC16550D, 8 (registers); Synopsys DW_apb_uart, IIR and USR. */
#include "uart.h"

enum ns16550_register {
    REGISTER_DATA = 0, /* read: receiver; write: transmitter */
    REGISTER_IER = 1,
    REGISTER_IIR = 2, /* read */
    REGISTER_FCR = 2, /* write */
    REGISTER_MCR = 4,
    REGISTER_LSR = 5,
    REGISTER_MSR = 6,
    REGISTER_USR = 31 /* DesignWare */
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
enum ns16550_cause {
    CAUSE_MODEM = 0,
    CAUSE_NONE = 1,
    CAUSE_TRANSMITTER_EMPTY = 2,
    CAUSE_RECEIVED = 4,
    CAUSE_LINE_STATUS = 6,
    CAUSE_BUSY = 7,
    CAUSE_RECEIVE_TIMEOUT = 12
};

#define NS16550_FIFO_BYTES 16u

static uint8_t ns16550_get(const struct uart *uart, enum ns16550_register which)
{
    const struct uart_config *config = &uart->config;

    return (uint8_t)uart->port.read(uart->port.context, (uint32_t)which << config->reg_shift,
                                    config->io_width);
}

static void ns16550_set(const struct uart *uart, enum ns16550_register which, uint8_t value)
{
    const struct uart_config *config = &uart->config;

    uart->port.write(uart->port.context, (uint32_t)which << config->reg_shift, config->io_width,
                     value);
}

/* Reading the line status clears its errors, so they are taken down here. */
static uint8_t ns16550_line_status(struct uart *uart)
{
    uint8_t status = ns16550_get(uart, REGISTER_LSR);

    if (status & LSR_OVERRUN)
        uart->lost++;
    uart->damage |= status & LSR_DAMAGE;
    return status;
}

static bool ns16550_start_below(struct uart *uart, enum ns16550_register last)
{
    struct uart_config *config = &uart->config;
    uint32_t width = config->io_width ? config->io_width : 1;

    if (config->reg_shift > 4 || (width != 1 && width != 4) || (1u << config->reg_shift) < width)
        return false;
    if (((uint32_t)last << config->reg_shift) + width > config->window_bytes)
        return false;
    config->io_width = width;
    ns16550_set(uart, REGISTER_IER, 0);
    ns16550_set(uart, REGISTER_FCR, FCR_ENABLE | FCR_TRIGGER_8);
    uart->fifo_bytes = 1;
    if ((ns16550_get(uart, REGISTER_IIR) & IIR_FIFO) == IIR_FIFO)
        uart->fifo_bytes = NS16550_FIFO_BYTES;
    ns16550_set(uart, REGISTER_MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
    (void)ns16550_get(uart, REGISTER_MSR);
    return true;
}

static bool ns16550_start(struct uart *uart)
{
    return ns16550_start_below(uart, REGISTER_MSR);
}

static bool designware_start(struct uart *uart)
{
    return ns16550_start_below(uart, REGISTER_USR);
}

static void ns16550_enable(struct uart *uart, unsigned needs)
{
    ns16550_set(uart, REGISTER_IER,
                (uint8_t)((needs & UART_RECEIVE ? IER_RECEIVER : 0) |
                          (needs & UART_TRANSMIT ? IER_TRANSMITTER_EMPTY : 0)));
}

static uint32_t ns16550_room(struct uart *uart)
{
    return ns16550_line_status(uart) & LSR_HOLDING_EMPTY ? uart->fifo_bytes : 0;
}

static void ns16550_put(struct uart *uart, uint8_t byte)
{
    ns16550_set(uart, REGISTER_DATA, byte);
}

static enum uart_unsent ns16550_unsent(struct uart *uart)
{
    uint8_t status = ns16550_line_status(uart);

    if (!(status & LSR_HOLDING_EMPTY))
        return UART_UNSENT_BYTES;
    return status & LSR_ALL_SENT ? UART_UNSENT_NONE : UART_UNSENT_LAST_BITS;
}

static enum uart_taken ns16550_take(struct uart *uart, uint8_t *byte)
{
    uint8_t damage;

    if (!(ns16550_line_status(uart) & LSR_DATA))
        return UART_TAKEN_NONE;
    *byte = ns16550_get(uart, REGISTER_DATA);
    damage = uart->damage;
    uart->damage = 0;
    if (damage == 0)
        return UART_TAKEN_BYTE;
    if (!(damage & LSR_BREAK)) /* a break is no byte */
        uart->lost++;
    return UART_TAKEN_DAMAGED;
}

/* A DesignWare may tell of a timeout when nothing is there; only a read of the receiver ends it. */
static enum uart_need ns16550_receive_late(struct uart *uart)
{
    if (ns16550_line_status(uart) & LSR_DATA)
        return UART_RECEIVE;
    (void)ns16550_get(uart, REGISTER_DATA);
    return UART_SERVED;
}

static enum uart_need ns16550_need(struct uart *uart, uint8_t cause)
{
    switch (cause) {
    case CAUSE_LINE_STATUS:
    case CAUSE_RECEIVED:
        return UART_RECEIVE;
    case CAUSE_RECEIVE_TIMEOUT:
        return ns16550_receive_late(uart);
    case CAUSE_TRANSMITTER_EMPTY:
        return UART_TRANSMIT;
    case CAUSE_MODEM:
        (void)ns16550_get(uart, REGISTER_MSR);
        return UART_SERVED;
    default:
        return UART_NOTHING;
    }
}

static enum uart_need ns16550_next_need(struct uart *uart)
{
    return ns16550_need(uart, ns16550_get(uart, REGISTER_IIR) & IIR_CAUSE);
}

static enum uart_need designware_next_need(struct uart *uart)
{
    uint8_t cause = ns16550_get(uart, REGISTER_IIR) & IIR_CAUSE;

    if (cause != CAUSE_BUSY)
        return ns16550_need(uart, cause);
    (void)ns16550_get(uart, REGISTER_USR);
    return UART_SERVED;
}

const struct uart_chip uart_ns16550 = {
    .start = ns16550_start,
    .enable = ns16550_enable,
    .next_need = ns16550_next_need,
    .room = ns16550_room,
    .put = ns16550_put,
    .unsent = ns16550_unsent,
    .take = ns16550_take,
};

const struct uart_chip uart_designware = {
    .start = designware_start,
    .enable = ns16550_enable,
    .next_need = designware_next_need,
    .room = ns16550_room,
    .put = ns16550_put,
    .unsent = ns16550_unsent,
    .take = ns16550_take,
};
