/* sources: drivers/uart/uart.c drivers/uart/sifive.c tests/unit/uart_sifive_fake.c */
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "uart_sifive_fake.h"

static struct fake_sifive fake;
static struct uart uart;
static uint32_t interrupts;

static const struct uart_config config = {.chip = &uart_sifive, .window_bytes = 4096};

/* A UART as the firmware left it, taken over; time passes at this speed. */
static void start(uint32_t ticks_per_byte)
{
    const struct uart_port port = fake_sifive_port(&fake);

    fake = (struct fake_sifive){.ticks_per_byte = ticks_per_byte, .txctrl = 1, .rxctrl = 1};
    interrupts = 0;
    CHECK(uart_start(&uart, &config, &port));
}

static void serve(void)
{
    if (!fake_sifive_interrupts(&fake))
        return;
    uart_interrupt(&uart);
    interrupts++;
}

static void run(uint32_t ticks)
{
    while (ticks-- > 0) {
        fake_sifive_tick(&fake);
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

TEST("an impossible layout is refused, and no register is touched")
{
    const struct uart_config bad[] = {{&uart_sifive, 2, 4, 4096},
                                      {&uart_sifive, 0, 1, 4096},
                                      {&uart_sifive, 0, 8, 4096},
                                      {&uart_sifive, 0, 4, 0x1b}};
    const struct uart_port port = fake_sifive_port(&fake);

    fake = (struct fake_sifive){0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(!uart_start(&uart, &bad[i], &port));
    CHECK_EQ(fake.accesses, 0);
}

TEST("the stop bits stay as they were, and what waits in the receiver is not lost")
{
    const struct uart_port port = fake_sifive_port(&fake);
    uint8_t got[2];

    fake = (struct fake_sifive){.stop_bits = 2, .txctrl = 2, .rxctrl = 1 | 7 << 16, .ie = 3};
    CHECK(fake_sifive_type(&fake, 'h', true));
    CHECK(fake_sifive_type(&fake, 'i', true));
    CHECK(uart_start(&uart, &config, &port));
    serve();
    CHECK_EQ(uart_read(&uart, got, sizeof got), 2);
    CHECK(memcmp(got, "hi", 2) == 0);
}

TEST("a transmitter that is fast takes everything at once, without an interrupt")
{
    start(0);
    for (size_t at = 0; at < 100000; at += 500)
        write_pattern(at, 500);
    run(10);
    check_sent(100000);
    CHECK_EQ(interrupts, 0);
}

TEST("a slow transmitter is waited for by interrupts, one for each FIFO, and not looked at "
     "meanwhile")
{
    start(100);
    write_pattern(0, RING_BYTES);
    CHECK(fake.sent_count <= 1);
    run(RING_BYTES * 101);
    check_sent(RING_BYTES);
    CHECK(interrupts >= RING_BYTES / FAKE_SIFIVE_FIFO_BYTES - 2);
    CHECK(interrupts <= RING_BYTES / FAKE_SIFIVE_FIFO_BYTES + 1);
    CHECK(fake.accesses < 3 * RING_BYTES);
    CHECK_EQ(fake.ie & 1, 0);
}

TEST("output stays in order, whatever is written while some of it still waits")
{
    size_t written = 0;

    srand(7);
    start(2);
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

TEST("drained means that the transmitter's FIFO is empty")
{
    start(0);
    CHECK(uart_drain(&uart));
    for (size_t count = 1; count < 100; count += 7) {
        start(100);
        write_pattern(0, count);
        while (!uart_drain(&uart)) {
            CHECK(fake.transmit_count > 0 || ring_used(&uart.out) > 0);
            while (!fake_sifive_interrupts(&fake))
                fake_sifive_tick(&fake);
            serve();
        }
        check_sent(count);
        CHECK(fake.accesses < 5 * count + 10);
    }
}

TEST("64 KiB that come faster than they are read arrive whole when the line holds back")
{
    enum { TOTAL = 65536 };
    size_t typed = 0, read = 0;
    bool held = false;

    start(0);
    while (read < TOTAL) {
        uint8_t piece[100];

        for (unsigned i = 0; i < 300 && typed < TOTAL; i++) {
            typed += fake_sifive_type(&fake, pattern(typed), true);
            run(1);
            held |= !(fake.ie & 2);
        }
        size_t count = uart_read(&uart, piece, sizeof piece);
        for (size_t i = 0; i < count; i++)
            CHECK_EQ(piece[i], pattern(read + i));
        read += count;
    }
    CHECK(held);
    CHECK_EQ(fake.overruns, 0);
    CHECK_EQ(uart_read(&uart, (uint8_t[1]){0}, 1), 0);
}

TEST("while the input ring is full the UART is silent, and output goes on")
{
    start(100);
    for (size_t i = 0; i < RING_BYTES + FAKE_SIFIVE_FIFO_BYTES; i++) {
        CHECK(fake_sifive_type(&fake, 'x', true));
        serve();
    }
    interrupts = 0;
    run(1000);
    CHECK_EQ(interrupts, 0);
    write_pattern(0, 50);
    run(10000);
    check_sent(50);
    for (size_t left = RING_BYTES + FAKE_SIFIVE_FIFO_BYTES; left > 0; left--) {
        uint8_t byte;

        CHECK_EQ(uart_read(&uart, &byte, 1), 1);
        serve();
    }
}

TEST("an interrupt without a cause is counted and changes nothing")
{
    start(100);
    uart_interrupt(&uart);
    CHECK_EQ(uart.spurious, 1);
    write_pattern(0, 20);
    run(10000);
    check_sent(20);
}

/* --- a UART that is broken or not there -------------------------------------------------------- */

static uint32_t stuck_reads;

static uint32_t stuck_read(void *context, uint32_t offset, uint32_t width)
{
    (void)width;
    CHECK(++stuck_reads < 1u << 20);
    return ((uint32_t *)context)[offset / 4];
}

static void stuck_write(void *context, uint32_t offset, uint32_t width, uint32_t value)
{
    (void)context;
    (void)offset;
    (void)width;
    (void)value;
}

TEST("whatever the data and pending registers read for ever, each step of the driver ends")
{
    for (unsigned state = 0; state < 16; state++) {
        uint32_t stuck[7] = {(state & 1) << 31, (state & 2) << 30, 0, 0, 0, state >> 2, 0};
        const struct uart_port port = {stuck, stuck_read, stuck_write};
        uint8_t bytes[64] = {0};

        CHECK(uart_start(&uart, &config, &port));
        for (unsigned i = 0; i < 4; i++) {
            stuck_reads = 0;
            uart_interrupt(&uart);
            if (ring_room(&uart.out) >= sizeof bytes)
                uart_write(&uart, bytes, sizeof bytes);
            (void)uart_drain(&uart);
            (void)uart_read(&uart, bytes, sizeof bytes);
        }
    }
}
