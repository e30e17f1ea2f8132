#include "uart_sifive_fake.h"

#include <string.h>

#include "harness.h"

enum { TXDATA = 0x00, RXDATA = 0x04, TXCTRL = 0x08, RXCTRL = 0x0c, IE = 0x10, IP = 0x14 };

#define FLAG     0x80000000u
#define ENABLE   1u
#define STOP     2u
#define COUNT(x) ((x) >> 16 & 7)

/* --- the line ---------------------------------------------------------------------------------- */

static void fake_run_transmitter(struct fake_sifive *fake)
{
    while (fake->shift_ticks == 0 && fake->transmit_count > 0 && fake->txctrl & ENABLE) {
        CHECK(fake->sent_count < FAKE_SIFIVE_SENT_BYTES);
        fake->sent[fake->sent_count++] = fake->transmit[0];
        memmove(fake->transmit, fake->transmit + 1, --fake->transmit_count);
        fake->shift_ticks = fake->ticks_per_byte;
    }
}

void fake_sifive_tick(struct fake_sifive *fake)
{
    if (fake->shift_ticks > 0)
        fake->shift_ticks--;
    fake_run_transmitter(fake);
}

bool fake_sifive_type(struct fake_sifive *fake, uint8_t byte, bool held)
{
    if (fake->receive_count == FAKE_SIFIVE_FIFO_BYTES || !(fake->rxctrl & ENABLE)) {
        fake->overruns += !held;
        return false;
    }
    fake->receive[fake->receive_count++] = byte;
    return true;
}

/* --- registers --------------------------------------------------------------------------------- */

static uint32_t fake_pending(const struct fake_sifive *fake)
{
    return (fake->transmit_count < COUNT(fake->txctrl) ? 1u : 0u) |
           (fake->receive_count > COUNT(fake->rxctrl) ? 2u : 0u);
}

bool fake_sifive_interrupts(const struct fake_sifive *fake)
{
    return (fake_pending(fake) & fake->ie) != 0;
}

static uint32_t fake_receive(struct fake_sifive *fake)
{
    uint8_t byte = fake->receive[0];

    if (fake->receive_count == 0)
        return FLAG | byte; /* whatever was there last */
    memmove(fake->receive, fake->receive + 1, --fake->receive_count);
    return byte;
}

static void fake_locate(struct fake_sifive *fake, uint32_t offset, uint32_t width)
{
    CHECK_EQ(width, 4);
    CHECK_EQ(offset % 4, 0);
    CHECK(++fake->accesses < 100u << 20);
}

static uint32_t fake_read(void *context, uint32_t offset, uint32_t width)
{
    struct fake_sifive *fake = context;

    fake_locate(fake, offset, width);
    fake_sifive_tick(fake);
    switch (offset) {
    case TXDATA:
        return fake->transmit_count == FAKE_SIFIVE_FIFO_BYTES ? FLAG : 0;
    case RXDATA:
        return fake_receive(fake);
    case TXCTRL:
        return fake->txctrl;
    case IP:
        return fake_pending(fake);
    default:
        harness_note("register 0x%x is read", offset);
        CHECK(false);
        return 0;
    }
}

static void fake_write(void *context, uint32_t offset, uint32_t width, uint32_t value)
{
    struct fake_sifive *fake = context;

    fake_locate(fake, offset, width);
    switch (offset) {
    case TXDATA:
        CHECK(value <= 0xff);
        CHECK(fake->transmit_count < FAKE_SIFIVE_FIFO_BYTES);
        fake->transmit[fake->transmit_count++] = (uint8_t)value;
        fake_run_transmitter(fake);
        break;
    case TXCTRL:
        CHECK(value & ENABLE);
        CHECK_EQ(value & STOP, fake->stop_bits);
        fake->txctrl = value;
        break;
    case RXCTRL:
        CHECK(value & ENABLE);
        fake->rxctrl = value;
        break;
    case IE:
        fake->ie = value;
        break;
    default: /* the divisor above all */
        harness_note("register 0x%x is written", offset);
        CHECK(false);
    }
}

struct uart_port fake_sifive_port(struct fake_sifive *fake)
{
    return (struct uart_port){fake, fake_read, fake_write};
}
