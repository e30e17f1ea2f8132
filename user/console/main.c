/* Owns the driver's loop: interrupts and calls in, answers out.
 *
 *  M1  a client is in at most one call, since it waits for the answer; `reply` of one that is parked
 *      holds that call, or nothing when its thread was stopped, `reply` of any other holds nothing;
 *  M2  no answer to a WRITE is given while more than OUTPUT_FULL bytes wait, so each client's next
 *      message finds room; a client that was stopped in a WRITE goes on with a FLUSH;
 *  M3  the root task is signalled once for each READ that found nothing, when input comes.
 *
 * It calls nobody but the kernel, and never waits but in receive. */
#include <errno.h>
#include <stdbool.h>

#include "fl_calls.h"
#include "protocol.h"
#include "../../drivers/uart/uart.h"

#define OUTPUT_FULL (RING_BYTES - CONSOLE_CLIENTS * FL_PROTOCOL_BYTES)
_Static_assert(RING_BYTES > CONSOLE_CLIENTS * FL_PROTOCOL_BYTES, "M2");

enum parked_in { PARKED_NOWHERE, PARKED_WRITE, PARKED_FLUSH };

struct client {
    enum parked_in parked;
    uint64_t reply; /* slot */
};

static struct {
    struct uart uart;
    bool started;
    bool input_wanted;  /* M3 */
    uint64_t receiving; /* slot of the Reply for the next message */
    struct client clients[CONSOLE_CLIENTS];
} console;

int main(void); /* entered from server_crt0.S */

/* --- the registers -----------------------------------------------------------------------------
 */

static uint32_t port_read(void *context, uint32_t offset, uint32_t width)
{
    const volatile uint8_t *at = (const volatile uint8_t *)context + offset;

    return width == 4 ? *(const volatile uint32_t *)at : *at;
}

static void port_write(void *context, uint32_t offset, uint32_t width, uint32_t value)
{
    volatile uint8_t *at = (volatile uint8_t *)context + offset;

    if (width == 4)
        *(volatile uint32_t *)at = value;
    else
        *at = (uint8_t)value;
}

/* --- calls: one function per line of console.def ----------------------------------------------- */

/* What an answer carries beside word 0. */
struct answer {
    int error;
    uint64_t bytes; /* in the buffer */
    uint64_t lost;
    enum parked_in parked; /* answered later */
};

typedef struct answer console_handler(const struct fl_message *message);

static uint8_t *console_buffer(void)
{
    return (uint8_t *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA);
}

static struct answer console_START(const struct fl_message *message)
{
    static const struct uart_chip *const chips[] = {
        [CONSOLE_UART_16550] = &uart_ns16550,
        [CONSOLE_UART_DESIGNWARE] = &uart_designware,
        [CONSOLE_UART_SIFIVE] = &uart_sifive,
    };
    const uint64_t kind = message->word[0];
    const struct uart_config config = {
        .chip = kind < sizeof chips / sizeof chips[0] ? chips[kind] : NULL,
        .reg_shift = (uint32_t)message->word[2],
        .io_width = (uint32_t)message->word[3],
        .window_bytes = FL_PAGE_BYTES - (uint32_t)message->word[1],
    };
    const struct uart_port port = {(void *)(uintptr_t)(CONSOLE_REGISTERS + message->word[1]),
                                   port_read, port_write};

    if (console.started)
        return (struct answer){.error = EBUSY};
    if (!config.chip)
        return (struct answer){.error = EINVAL};
    if (message->word[1] >= FL_PAGE_BYTES || message->word[1] % sizeof(uint32_t) != 0 ||
        message->word[2] > UINT32_MAX || message->word[3] > UINT32_MAX)
        return (struct answer){.error = EINVAL};
    console.started = uart_start(&console.uart, &config, &port);
    return (struct answer){.error = console.started ? 0 : EINVAL};
}

static struct answer console_WRITE(const struct fl_message *message)
{
    uint64_t words = FL_INFO_WORDS(message->info), count = message->word[0];

    if (words <= 4 ? count > 0 : count > (words - 4) * sizeof(uint64_t))
        return (struct answer){.error = EINVAL};
    uart_write(&console.uart, console_buffer(), count);
    return (struct answer){.parked = PARKED_WRITE};
}

static struct answer console_READ(const struct fl_message *message)
{
    uint64_t wanted = message->word[0] < FL_PROTOCOL_BYTES ? message->word[0] : FL_PROTOCOL_BYTES;
    struct answer answer = {.bytes = uart_read(&console.uart, console_buffer(), wanted),
                            .lost = console.uart.lost};

    console.input_wanted = answer.bytes == 0;
    return answer;
}

static struct answer console_FLUSH(const struct fl_message *message)
{
    (void)message;
    return (struct answer){.parked = PARKED_FLUSH};
}

#define CONSOLE_CALL(number, name, who, in, out, doc) [number] = {console_##name, who},
static const struct console_entry {
    console_handler *handle;
    const char *who;
} console_entries[] = {
#include "console.def"
};
#undef CONSOLE_CALL
#define CONSOLE_ENTRIES (sizeof console_entries / sizeof console_entries[0])

/* Whether a client may make a call: `who` holds 'R' and 'P' in this order. */
static bool console_may(const struct console_entry *entry, uint64_t badge)
{
    return badge == CONSOLE_BADGE_ROOT || (badge == CONSOLE_BADGE_PAGER && entry->who[1] == 'P');
}

static struct answer console_call(const struct fl_message *message)
{
    uint32_t number = FL_INFO_LABEL(message->info) - FL_PROTOCOL_LABEL(CONSOLE_VERSION, 0);
    const struct console_entry *entry = &console_entries[number];

    if (number >= CONSOLE_ENTRIES || !entry->handle)
        return (struct answer){.error = ENOSYS};
    if (!console_may(entry, message->badge))
        return (struct answer){.error = EPERM};
    if (!console.started && number != CONSOLE_START)
        return (struct answer){.error = ENXIO};
    return entry->handle(message);
}

/* --- answers ----------------------------------------------------------------------------------- */

static void console_park(uint64_t badge, enum parked_in parked)
{
    struct client *client = &console.clients[badge - 1];
    uint64_t spare = client->reply;

    client->parked = parked;
    client->reply = console.receiving;
    console.receiving = spare;
}

static bool console_is_done(enum parked_in parked)
{
    switch (parked) {
    case PARKED_WRITE:
        return ring_used(&console.uart.out) <= OUTPUT_FULL;
    case PARKED_FLUSH:
        return uart_drain(&console.uart);
    case PARKED_NOWHERE:
        break;
    }
    return false;
}

/* Answers those whose time has come. */
static void console_settle(void)
{
    for (unsigned i = 0; i < CONSOLE_CLIENTS; i++) {
        struct client *client = &console.clients[i];

        if (!console_is_done(client->parked))
            continue;
        client->parked = PARKED_NOWHERE;
        (void)fl_ipc_reply(client->reply, FL_INFO(0, 4), 0, 0, 0, 0);
    }
    if (console.input_wanted && ring_used(&console.uart.in) > 0) {
        console.input_wanted = false;
        (void)flr_notification_signal(CONSOLE_SLOT_INPUT);
    }
}

/* --- the loop ---------------------------------------------------------------------------------- */

/* Returns: true when *message holds an answer to give. */
static bool console_handle(struct fl_message *message)
{
    struct answer answer;

    if (FL_INFO_LABEL(message->info) == FL_LABEL_NOTIFICATION && message->badge == 0) {
        uart_interrupt(&console.uart);
        (void)flr_irq_ack(CONSOLE_SLOT_IRQ);
        return false;
    }
    answer = console_call(message);
    if (answer.parked != PARKED_NOWHERE && !console_is_done(answer.parked)) {
        console_park(message->badge, answer.parked);
        return false;
    }
    message->info = FL_INFO(0, 4 + (answer.bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t));
    message->word[0] = (uint64_t)answer.error;
    message->word[1] = answer.bytes;
    message->word[2] = answer.lost;
    message->word[3] = 0;
    return true;
}

int main(void)
{
    struct fl_message message;
    bool answered = false;

    console.receiving = CONSOLE_SLOT_REPLIES;
    for (unsigned i = 0; i < CONSOLE_CLIENTS; i++)
        console.clients[i].reply = CONSOLE_SLOT_REPLIES + 1 + i;
    for (;;) {
        if (answered)
            fl_ipc_reply_recv(CONSOLE_SLOT_ENDPOINT, console.receiving, &message);
        else
            fl_ipc_recv(CONSOLE_SLOT_ENDPOINT, console.receiving, &message);
        if (message.status != FL_OK) /* our clients don't die: the system stops with a report */
            __builtin_trap();
        answered = console_handle(&message);
        if (console.started)
            console_settle();
    }
}
