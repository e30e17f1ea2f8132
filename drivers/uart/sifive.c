/* SiFive's UART: its registers, all of 32 bits at their own places.
 *
 * The divisor and the number of stop bits stay as they are.  The chip tells neither of damaged bytes
 * nor of an overrun, so nothing counts as lost; nor does it tell when the last byte has left the shift
 * register, so all counts as sent when the transmitter's FIFO is empty.
 *
 * Spec: SiFive FU540-C000 Manual, Universal Asynchronous Receiver/Transmitter. */
#include "uart.h"

enum sifive_register {
    SIFIVE_TXDATA = 0x00,
    SIFIVE_RXDATA = 0x04,
    SIFIVE_TXCTRL = 0x08,
    SIFIVE_RXCTRL = 0x0c,
    SIFIVE_IE = 0x10,
    SIFIVE_IP = 0x14, /* what the watermarks say, enabled or not */
    SIFIVE_DIV = 0x18
};

#define SIFIVE_FLAG 0x80000000u /* TXDATA: the FIFO is full; RXDATA: it is empty */
enum { TXCTRL_ENABLE = 1 << 0, TXCTRL_STOP_BITS = 1 << 1, TXCTRL_BELOW_1 = 1 << 16 };
enum { RXCTRL_ENABLE = 1 << 0, RXCTRL_ABOVE_0 = 0 << 16 };
enum { WATERMARK_TRANSMIT = 1 << 0, WATERMARK_RECEIVE = 1 << 1 };

static uint32_t sifive_get(const struct uart *uart, enum sifive_register which)
{
    return uart->port.read(uart->port.context, which, sizeof(uint32_t));
}

static void sifive_set(const struct uart *uart, enum sifive_register which, uint32_t value)
{
    uart->port.write(uart->port.context, which, sizeof(uint32_t), value);
}

static bool sifive_start(struct uart *uart)
{
    const struct uart_config *config = &uart->config;

    if (config->reg_shift != 0 || (config->io_width != 0 && config->io_width != sizeof(uint32_t)))
        return false;
    if (config->window_bytes < SIFIVE_DIV + sizeof(uint32_t))
        return false;
    sifive_set(uart, SIFIVE_IE, 0);
    sifive_set(uart, SIFIVE_TXCTRL,
               (sifive_get(uart, SIFIVE_TXCTRL) & TXCTRL_STOP_BITS) | TXCTRL_ENABLE |
                   TXCTRL_BELOW_1);
    sifive_set(uart, SIFIVE_RXCTRL, RXCTRL_ENABLE | RXCTRL_ABOVE_0);
    return true;
}

static void sifive_enable(struct uart *uart, unsigned needs)
{
    sifive_set(uart, SIFIVE_IE,
               (needs & UART_RECEIVE ? WATERMARK_RECEIVE : 0u) |
                   (needs & UART_TRANSMIT ? WATERMARK_TRANSMIT : 0u));
}

/* A watermark that may not interrupt is no need: the ring it is for is full or empty. */
static enum uart_need sifive_next_need(struct uart *uart)
{
    uint32_t pending = sifive_get(uart, SIFIVE_IP);

    if (pending & WATERMARK_RECEIVE && uart->enabled & UART_RECEIVE)
        return UART_RECEIVE;
    if (pending & WATERMARK_TRANSMIT && uart->enabled & UART_TRANSMIT)
        return UART_TRANSMIT;
    return UART_NOTHING;
}

static uint32_t sifive_room(struct uart *uart)
{
    return sifive_get(uart, SIFIVE_TXDATA) & SIFIVE_FLAG ? 0 : 1;
}

static void sifive_put(struct uart *uart, uint8_t byte)
{
    sifive_set(uart, SIFIVE_TXDATA, byte);
}

static enum uart_unsent sifive_unsent(struct uart *uart)
{
    return sifive_get(uart, SIFIVE_IP) & WATERMARK_TRANSMIT ? UART_UNSENT_NONE : UART_UNSENT_BYTES;
}

static enum uart_taken sifive_take(struct uart *uart, uint8_t *byte)
{
    uint32_t data = sifive_get(uart, SIFIVE_RXDATA);

    if (data & SIFIVE_FLAG)
        return UART_TAKEN_NONE;
    *byte = (uint8_t)data;
    return UART_TAKEN_BYTE;
}

const struct uart_chip uart_sifive = {
    .start = sifive_start,
    .enable = sifive_enable,
    .next_need = sifive_next_need,
    .room = sifive_room,
    .put = sifive_put,
    .unsent = sifive_unsent,
    .take = sifive_take,
};
