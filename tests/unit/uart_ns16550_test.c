/* sources: drivers/uart/uart.c drivers/uart/ns16550.c tests/unit/uart_ns16550_fake.c */
#include <stdlib.h>
#include <string.h>

#include "uart_ns16550_fake.h"
#include "harness.h"

static struct fake_ns16550 fake;
static struct uart uart;
static uint32_t interrupts;

/* A UART as the firmware left it, taken over. */
static void start(const struct fake_ns16550 *like)
{
    const struct uart_config config = {like->designware ? &uart_designware : &uart_ns16550,
                                       like->reg_shift, like->io_width, 4096};
    const struct uart_port port = fake_ns16550_port(&fake);

    fake = *like;
    fake.fcr |= 1;
    interrupts = 0;
    CHECK(uart_start(&uart, &config, &port));
}

static const struct fake_ns16550 fast = {.has_fifo = true};
static const struct fake_ns16550 slow = {.has_fifo = true, .ticks_per_byte = 100};

static void serve(void)
{
    if (!fake_ns16550_interrupts(&fake))
        return;
    uart_interrupt(&uart);
    interrupts++;
}

static void run(uint32_t ticks)
{
    while (ticks-- > 0) {
        fake_ns16550_tick(&fake);
        serve();
    }
}

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 7 >> 3);
}

static void write_pattern(size_t from, size_t count)
{
    uint8_t bytes[RING_BYTES];

    for (size_t i = 0; i < count; i++)
        bytes[i] = pattern(from + i);
    uart_write(&uart, bytes, count);
}

static void check_sent(size_t count)
{
    CHECK_EQ(fake.sent_count, count);
    for (size_t i = 0; i < count; i++)
        CHECK_EQ(fake.sent[i], pattern(i));
}

static void type(const char *text)
{
    while (*text)
        CHECK(fake_ns16550_type(&fake, (uint8_t)*text++, FAKE_GOOD, true));
}

static void check_input(const char *expected)
{
    char got[64];
    size_t count = uart_read(&uart, (uint8_t *)got, sizeof got - 1);

    got[count] = '\0';
    CHECK_STRING(got, expected);
}

/* --- layout ------------------------------------------------------------------------------------ */

TEST("registers are reached at any stride and width, and bits above a register's eight are ignored")
{
    for (uint32_t shift = 0; shift <= 4; shift++) {
        for (uint32_t width = 0; width <= 4; width += width ? 3 : 1) {
            struct fake_ns16550 like = {.has_fifo = true, .reg_shift = shift, .io_width = width};

            if (1u << shift < width)
                continue;
            start(&like);
            CHECK_EQ(uart.fifo_bytes, FAKE_FIFO_BYTES);
            write_pattern(0, 100);
            check_sent(100);
            type("in");
            run(1);
            check_input("in");
        }
    }
}

TEST("an impossible layout is refused, and no register is touched")
{
    const struct uart_config bad[] = {
        {&uart_ns16550, 5, 1, 4096},      {&uart_ns16550, 0, 2, 4096},  {&uart_ns16550, 0, 8, 4096},
        {&uart_ns16550, 1, 4, 4096},      {&uart_ns16550, 0, 1, 6},     {&uart_ns16550, 2, 4, 27},
        {&uart_designware, 2, 4, 31 * 4}, {&uart_designware, 0, 1, 31},
    };
    const struct uart_port port = fake_ns16550_port(&fake);

    fake = fast;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(!uart_start(&uart, &bad[i], &port));
    CHECK_EQ(fake.accesses, 0);
}

TEST("what waits in the receiver at the start is not lost")
{
    struct fake_ns16550 like = {.has_fifo = true, .fcr = 1};

    fake = like;
    type("early");
    start(&fake);
    run(1);
    check_input("early");
}

/* --- output ------------------------------------------------------------------------------------ */

TEST("a transmitter that is fast takes everything at once, without an interrupt")
{
    start(&fast);
    for (size_t at = 0; at < 100000; at += 500)
        write_pattern(at, 500);
    run(10);
    check_sent(100000);
    CHECK_EQ(interrupts, 0);
}

TEST("a slow transmitter is waited for by interrupts, one for each FIFO, and not looked at "
     "meanwhile")
{
    start(&slow);
    write_pattern(0, RING_BYTES);
    CHECK(fake.sent_count <= 1);
    run(RING_BYTES * (slow.ticks_per_byte + 1));
    check_sent(RING_BYTES);
    CHECK(interrupts >= RING_BYTES / FAKE_FIFO_BYTES - 1);
    CHECK(interrupts <= RING_BYTES / FAKE_FIFO_BYTES + 1);
    CHECK(fake.accesses < 2 * RING_BYTES);
}

TEST("a UART without a FIFO gets one byte at a time")
{
    const struct fake_ns16550 like = {.ticks_per_byte = 3};

    start(&like);
    CHECK_EQ(uart.fifo_bytes, 1);
    write_pattern(0, 1000);
    run(5000);
    check_sent(1000);
}

TEST("output stays in order, whatever is written while some of it still waits")
{
    struct fake_ns16550 like = {.has_fifo = true};
    size_t written = 0;

    srand(7);
    like.ticks_per_byte = 2;
    start(&like);
    while (written < 200000) {
        size_t count = (size_t)rand() % 900;

        if (count <= ring_room(&uart.out)) {
            write_pattern(written, count);
            written += count;
        }
        run((uint32_t)rand() % 2000);
    }
    run(20000);
    check_sent(written);
}

TEST("nothing to send, no interrupt of the transmitter")
{
    start(&slow);
    write_pattern(0, 40);
    run(10000);
    check_sent(40);
    CHECK_EQ(fake.ier & 2, 0);
    interrupts = 0;
    run(10000);
    CHECK_EQ(interrupts, 0);
}

TEST("drained means that the last bit is on the line")
{
    start(&fast);
    CHECK(uart_drain(&uart));
    for (size_t count = 1; count < 100; count += 7) {
        start(&slow);
        write_pattern(0, count);
        while (!uart_drain(&uart)) {
            CHECK(fake.sent_count < count || fake.transmit_count > 0);
            while (!fake_ns16550_interrupts(&fake))
                fake_ns16550_tick(&fake);
            serve();
        }
        check_sent(count);
        CHECK(!fake.shift_full);
        CHECK(fake.accesses < 2 * count + 2 * slow.ticks_per_byte); /* one byte is waited for */
    }
}

TEST("what waits in the ring is not sent, though the transmitter is empty")
{
    start(&slow);
    write_pattern(0, 40);
    while (!fake_ns16550_interrupts(&fake))
        fake_ns16550_tick(&fake);
    CHECK(!uart_drain(&uart));
    run(10000);
    check_sent(40);
    CHECK(uart_drain(&uart));
}

/* --- input ------------------------------------------------------------------------------------- */

TEST("input below the trigger level comes by the timeout, above it at once")
{
    start(&fast);
    type("ab");
    run(1);
    check_input("ab");
    for (unsigned i = 0; i < 8; i++)
        type("x");
    serve();
    check_input("xxxxxxxx");
}

TEST("64 KiB that come faster than they are read arrive whole when the line holds back")
{
    enum { TOTAL = 65536 };
    size_t typed = 0, read = 0;
    bool held = false;

    start(&fast);
    while (read < TOTAL) {
        uint8_t piece[100];

        for (unsigned i = 0; i < 300 && typed < TOTAL; i++) {
            typed += fake_ns16550_type(&fake, pattern(typed), FAKE_GOOD, true);
            run(1);
            held |= !(fake.ier & 1);
        }
        size_t count = uart_read(&uart, piece, sizeof piece);
        for (size_t i = 0; i < count; i++)
            CHECK_EQ(piece[i], pattern(read + i));
        read += count;
    }
    CHECK(held);
    CHECK_EQ(uart.lost, 0);
    CHECK_EQ(uart_read(&uart, (uint8_t[1]){0}, 1), 0);
}

TEST("while the input ring is full the UART is silent, and output goes on")
{
    start(&slow);
    for (size_t i = 0; i < RING_BYTES + 10; i++) {
        CHECK(fake_ns16550_type(&fake, 'x', FAKE_GOOD, true));
        serve();
        run(1);
    }
    interrupts = 0;
    run(1000);
    CHECK_EQ(interrupts, 0);
    write_pattern(0, 50);
    run(10000);
    check_sent(50);
    for (size_t left = RING_BYTES + 10; left > 0; left--) {
        uint8_t byte;

        CHECK_EQ(uart_read(&uart, &byte, 1), 1);
        run(1);
    }
}

TEST("an overrun is counted, and the bytes around it arrive in order")
{
    char got[64];

    start(&fast);
    for (unsigned i = 0; i < 20; i++)
        fake_ns16550_type(&fake, (uint8_t)('a' + i), FAKE_GOOD, false);
    run(1);
    CHECK_EQ(fake.overruns, 4);
    CHECK_EQ(uart.lost, 1);
    type("z");
    run(1);
    CHECK_EQ(uart_read(&uart, (uint8_t *)got, sizeof got), 17);
    CHECK(memcmp(got, "abcdefghijklmnopz", 17) == 0);
}

TEST("damaged bytes are dropped and counted, a break is dropped")
{
    start(&fast);
    type("a");
    fake_ns16550_type(&fake, 'b', FAKE_PARITY, true);
    type("c");
    fake_ns16550_type(&fake, 'd', FAKE_FRAMING, true);
    fake_ns16550_type(&fake, 0, FAKE_BREAK | FAKE_FRAMING, true);
    type("e");
    run(1);
    check_input("ace");
    CHECK_EQ(uart.lost, 2);
}

TEST("a byte's damage is not forgotten when the transmitter's needs read the line status first")
{
    start(&fast);
    fake_ns16550_type(&fake, 'b', FAKE_PARITY, true);
    write_pattern(0, 1);
    type("c");
    run(1);
    check_input("c");
    CHECK_EQ(uart.lost, 1);
}

/* --- interrupts -------------------------------------------------------------------------------- */

TEST("an interrupt without a cause is counted and changes nothing")
{
    start(&slow);
    uart_interrupt(&uart);
    CHECK_EQ(uart.spurious, 1);
    write_pattern(0, 20);
    uart_interrupt(&uart);
    CHECK_EQ(uart.spurious, 2);
    run(10000);
    check_sent(20);
}

TEST("a DesignWare's busy interrupt ends by a read of its status, another UART has none")
{
    const struct fake_ns16550 like = {
        .has_fifo = true, .designware = true, .reg_shift = 2, .io_width = 4};

    start(&like);
    fake.busy = true;
    type("in");
    run(1);
    CHECK_EQ(fake.busy_reads, 1);
    CHECK(!fake_ns16550_interrupts(&fake));
    check_input("in");
    start(&fast);
    fake.busy = true;
    uart_interrupt(&uart);
    CHECK_EQ(uart.spurious, 1);
}

TEST("a timeout of the receiver with nothing in it, and a change of the modem's lines, end")
{
    start(&fast);
    fake.timed_out = true;
    serve();
    CHECK(!fake_ns16550_interrupts(&fake));
    CHECK_EQ(uart_read(&uart, (uint8_t[1]){0}, 1), 0);
    fake.ier |= 8;
    fake.modem_changed = true;
    serve();
    CHECK(!fake_ns16550_interrupts(&fake));
    CHECK_EQ(uart.spurious, 0);
}

/* --- a UART that is broken or not there -------------------------------------------------------- */

struct stuck {
    uint8_t value[8]; /* what each register reads */
    uint32_t reads;
};

static uint32_t stuck_read(void *context, uint32_t offset, uint32_t width)
{
    struct stuck *stuck = context;

    (void)width;
    CHECK(++stuck->reads < 1u << 20);
    return stuck->value[offset];
}

static void stuck_write(void *context, uint32_t offset, uint32_t width, uint32_t value)
{
    (void)context;
    (void)offset;
    (void)width;
    (void)value;
}

/* Uses a UART for everything, as long as each step ends; to drain one from which nothing leaves takes long. */
static void check_ends(struct stuck *stuck, bool drains)
{
    const struct uart_config config = {.chip = &uart_ns16550, .window_bytes = 8};
    const struct uart_port port = {stuck, stuck_read, stuck_write};
    uint8_t bytes[64] = {0};

    CHECK(uart_start(&uart, &config, &port));
    for (unsigned i = 0; i < 2; i++) {
        stuck->reads = 0;
        uart_interrupt(&uart);
        stuck->reads = 0;
        if (ring_room(&uart.out) >= sizeof bytes)
            uart_write(&uart, bytes, sizeof bytes);
        if (drains)
            (void)uart_drain(&uart);
        (void)uart_read(&uart, bytes, sizeof bytes);
    }
}

TEST("whatever identification and line status read for ever, each step of the driver ends")
{
    for (unsigned identification = 0; identification < 16; identification++)
        for (unsigned status = 0; status < 256; status++) {
            struct stuck stuck = {.value = {[2] = (uint8_t)identification, [5] = (uint8_t)status}};

            /* Drained is what transmits, which the line status says: with and without an interrupt. */
            check_ends(&stuck, identification < 2);
        }
}

TEST("registers that all read as ones or as zeros are survived")
{
    struct stuck stuck;

    memset(&stuck, 0xff, sizeof stuck);
    check_ends(&stuck, true);
    memset(&stuck, 0, sizeof stuck);
    check_ends(&stuck, true);
}
