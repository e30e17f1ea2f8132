/* What all UARTs have in common: when which ring moves.  See uart.h for U1 to U4. */
#include "uart.h"

#define UART_NEEDS_SERVED 64u    /* most that one interrupt serves; what is left interrupts again */
#define UART_LAST_LOOKS   65536u /* while one byte leaves: some milliseconds */

/* Turns the interrupts in `on` on and those in `off` off (U1). */
static void uart_enable(struct uart *uart, unsigned on, unsigned off)
{
    unsigned enabled = (uart->enabled & ~off) | on;

    if (enabled == uart->enabled)
        return;
    uart->enabled = enabled;
    uart->config.chip->enable(uart, enabled);
}

bool uart_start(struct uart *uart, const struct uart_config *config, const struct uart_port *port)
{
    *uart = (struct uart){.port = *port, .config = *config};
    if (!config->chip->start(uart))
        return false;
    uart_enable(uart, UART_RECEIVE, 0);
    return true;
}

/* --- output ------------------------------------------------------------------------------------ */

/* Fills the transmitter as long as it has room; when it has none, it will interrupt (U2). */
static void uart_transmit(struct uart *uart)
{
    const struct uart_chip *chip = uart->config.chip;

    while (ring_used(&uart->out) > 0) {
        uint32_t count = ring_used(&uart->out), room = chip->room(uart);

        if (room == 0) {
            uart_enable(uart, UART_TRANSMIT, 0);
            return;
        }
        if (count > room)
            count = room;
        while (count-- > 0)
            chip->put(uart, ring_take(&uart->out));
    }
    uart_enable(uart, 0, UART_TRANSMIT);
}

void uart_write(struct uart *uart, const uint8_t *bytes, size_t count)
{
    ring_put(&uart->out, bytes, (uint32_t)count);
    if (!(uart->enabled & UART_TRANSMIT))
        uart_transmit(uart);
}

bool uart_drain(struct uart *uart)
{
    enum uart_unsent unsent = uart->config.chip->unsent(uart);

    if (ring_used(&uart->out) > 0 || unsent == UART_UNSENT_BYTES) {
        uart_enable(uart, UART_TRANSMIT, 0);
        return false;
    }
    /* No interrupt tells of the last byte's last bit. */
    for (uint32_t i = 0; i < UART_LAST_LOOKS && unsent != UART_UNSENT_NONE; i++)
        unsent = uart->config.chip->unsent(uart);
    return true;
}

/* --- input ------------------------------------------------------------------------------------- */

/* Damaged bytes fill no ring, so those are counted that are taken; what is left interrupts again. */
static void uart_receive(struct uart *uart)
{
    for (uint32_t taken = 0; taken < RING_BYTES && ring_room(&uart->in) > 0; taken++) {
        uint8_t byte;
        enum uart_taken what = uart->config.chip->take(uart, &byte);

        if (what == UART_TAKEN_NONE)
            return;
        if (what == UART_TAKEN_BYTE)
            ring_put(&uart->in, &byte, 1);
    }
    if (ring_room(&uart->in) == 0)
        uart_enable(uart, 0, UART_RECEIVE); /* U3 */
}

size_t uart_read(struct uart *uart, uint8_t *out, size_t wanted)
{
    size_t count = ring_used(&uart->in) < wanted ? ring_used(&uart->in) : wanted;

    for (size_t i = 0; i < count; i++)
        out[i] = ring_take(&uart->in);
    if (ring_room(&uart->in) > 0)
        uart_enable(uart, UART_RECEIVE, 0);
    return count;
}

/* --- interrupts -------------------------------------------------------------------------------- */

/* Returns: false when there was nothing to serve. */
static bool uart_serve(struct uart *uart, enum uart_need need)
{
    switch (need) {
    case UART_RECEIVE:
        uart_receive(uart);
        return true;
    case UART_TRANSMIT:
        uart_transmit(uart);
        return true;
    case UART_SERVED:
        return true;
    case UART_NOTHING:
        break;
    }
    return false;
}

void uart_interrupt(struct uart *uart)
{
    uint32_t served = 0;

    while (served < UART_NEEDS_SERVED && uart_serve(uart, uart->config.chip->next_need(uart)))
        served++;
    if (served == 0)
        uart->spurious++;
}
