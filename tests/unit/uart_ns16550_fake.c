#include "uart_ns16550_fake.h"

#include <string.h>

#include "harness.h"

enum { DATA, IER, IIR_FCR, LCR, MCR, LSR, MSR, USR = 31 };

static uint32_t fake_depth(const struct fake_ns16550 *fake)
{
    return fake->has_fifo && fake->fcr & 1 ? FAKE_FIFO_BYTES : 1;
}

static uint32_t fake_trigger(const struct fake_ns16550 *fake)
{
    static const uint32_t levels[] = {1, 4, 8, 14};

    return fake_depth(fake) == 1 ? 1 : levels[fake->fcr >> 6];
}

/* --- the line ---------------------------------------------------------------------------------- */

static void fake_shift_out(struct fake_ns16550 *fake)
{
    CHECK(fake->sent_count < FAKE_SENT_BYTES);
    fake->sent[fake->sent_count++] = fake->transmit[0];
    memmove(fake->transmit, fake->transmit + 1, --fake->transmit_count);
    fake->shift_full = true;
    fake->shift_ticks = fake->ticks_per_byte;
    if (fake->transmit_count == 0)
        fake->empty_pending = true;
}

static void fake_run_transmitter(struct fake_ns16550 *fake)
{
    for (;;) {
        if (fake->shift_full && fake->shift_ticks > 0)
            return;
        fake->shift_full = false;
        if (fake->transmit_count == 0)
            return;
        fake_shift_out(fake);
    }
}

void fake_ns16550_tick(struct fake_ns16550 *fake)
{
    if (fake->shift_ticks > 0)
        fake->shift_ticks--;
    fake_run_transmitter(fake);
    fake->timed_out |= fake->receive_count > 0;
}

bool fake_ns16550_type(struct fake_ns16550 *fake, uint8_t byte, enum fake_error error, bool held)
{
    if (fake->receive_count == fake_depth(fake)) {
        if (!held) {
            fake->errors |= 1 << 1;
            fake->overruns++;
        }
        return false;
    }
    fake->receive[fake->receive_count] = byte;
    fake->receive_error[fake->receive_count++] = (uint8_t)error;
    return true;
}

/* --- registers --------------------------------------------------------------------------------- */

/* Errors belong to the byte at the head until the line status is read. */
static uint8_t fake_line_status(struct fake_ns16550 *fake)
{
    uint8_t status = fake->errors;

    fake->errors = 0;
    if (fake->receive_count > 0) {
        status |= 1 | fake->receive_error[0];
        fake->receive_error[0] = 0;
    }
    if (fake->transmit_count == 0)
        status |= 1 << 5;
    if (fake->transmit_count == 0 && !fake->shift_full)
        status |= 1 << 6;
    return status;
}

static uint8_t fake_cause(const struct fake_ns16550 *fake)
{
    bool error = fake->errors != 0 || (fake->receive_count > 0 && fake->receive_error[0]);

    if (fake->ier & 4 && error)
        return 6;
    if (fake->ier & 1 && fake->receive_count >= fake_trigger(fake))
        return 4;
    if (fake->ier & 1 && fake->timed_out)
        return 12;
    if (fake->ier & 2 && fake->empty_pending)
        return 2;
    if (fake->ier & 8 && fake->modem_changed)
        return 0;
    return fake->busy ? 7 : 1;
}

bool fake_ns16550_interrupts(const struct fake_ns16550 *fake)
{
    return fake_cause(fake) != 1;
}

static uint8_t fake_receive(struct fake_ns16550 *fake)
{
    uint8_t byte = fake->receive[0];

    fake->timed_out = false;
    if (fake->receive_count == 0)
        return 0;
    fake->receive_count--;
    memmove(fake->receive, fake->receive + 1, fake->receive_count);
    memmove(fake->receive_error, fake->receive_error + 1, fake->receive_count);
    return byte;
}

static uint8_t fake_get(struct fake_ns16550 *fake, uint32_t which)
{
    uint8_t cause = fake_cause(fake);

    switch (which) {
    case DATA:
        return fake_receive(fake);
    case IIR_FCR:
        if (cause == 2)
            fake->empty_pending = false;
        return cause | (fake_depth(fake) > 1 ? 0xc0 : 0);
    case LSR:
        return fake_line_status(fake);
    case MSR:
        fake->modem_changed = false;
        return 0;
    case USR:
        CHECK(fake->designware);
        fake->busy = false;
        fake->busy_reads++;
        return 0;
    default:
        harness_note("register %u is read", which);
        CHECK(false);
        return 0;
    }
}

static void fake_set(struct fake_ns16550 *fake, uint32_t which, uint8_t value)
{
    switch (which) {
    case DATA:
        CHECK(fake->transmit_count < fake_depth(fake));
        fake->transmit[fake->transmit_count++] = value;
        fake->empty_pending = false;
        fake_run_transmitter(fake);
        break;
    case IER:
        if (value & ~fake->ier & 2 && fake->transmit_count == 0)
            fake->empty_pending = true;
        fake->ier = value;
        break;
    case IIR_FCR:
        if ((value ^ fake->fcr) & 1 || value & 2)
            fake->receive_count = 0;
        fake->fcr = value;
        break;
    case MCR:
        fake->mcr = value;
        break;
    default: /* LCR above all */
        harness_note("register %u is written", which);
        CHECK(false);
    }
}

static uint32_t fake_locate(struct fake_ns16550 *fake, uint32_t offset, uint32_t width)
{
    CHECK_EQ(width, fake->io_width ? fake->io_width : 1);
    CHECK_EQ(offset & ((1u << fake->reg_shift) - 1), 0);
    CHECK(++fake->accesses < 100u << 20);
    return offset >> fake->reg_shift;
}

static uint32_t fake_read(void *context, uint32_t offset, uint32_t width)
{
    uint32_t which = fake_locate(context, offset, width);
    uint32_t above = width == 4 ? 0xabcdef00 : 0; /* bits of a wide register that mean nothing */

    fake_ns16550_tick(context);
    return above | fake_get(context, which);
}

static void fake_write(void *context, uint32_t offset, uint32_t width, uint32_t value)
{
    uint32_t which = fake_locate(context, offset, width);

    CHECK(value <= 0xff);
    fake_set(context, which, (uint8_t)value);
}

struct uart_port fake_ns16550_port(struct fake_ns16550 *fake)
{
    return (struct uart_port){fake, fake_read, fake_write};
}
