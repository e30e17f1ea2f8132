/* Interrupts: from a device of QEMU's virt machine through the PLIC to a notification.
 *
 * The serial port interrupts when its transmitter is empty, which it is whenever we look, and told so
 * by a bit: it is a device that interrupts on request.  The clock's alarm is another. */
#include <stddef.h>

#include "refusal.h"

#define CNODE   FL_BOOT_CNODE
#define SYSTEM  FL_BOOT_SYSTEM
#define NO_SLOT 63u
#define ALL     FL_RIGHTS_ALL
#define BADGE   0x40ull
#define TIME_UP (1ull << 63) /* what a wait ends with that no interrupt ends */

/* ns16550. */
#define UART_IER         1u
#define UART_IIR         2u
#define UART_EMPTY       2u /* of IER: interrupt when the transmitter is empty */
#define UART_IIR_PENDING 1u /* of IIR: nothing pending */

/* Goldfish clock, in words. */
#define RTC_ALARM_LOW       2u
#define RTC_ALARM_HIGH      3u
#define RTC_IRQ_ENABLED     4u
#define RTC_CLEAR_INTERRUPT 7u

static const struct fl_boot_device *uart, *rtc;
static volatile uint8_t *uart_registers;
static volatile uint32_t *rtc_registers;
static uint64_t notification, handler, limit;

static uint64_t poll(void)
{
    return flr_notification_poll(notification).value;
}

static uint64_t wait(void)
{
    flr_timer_set(limit, fl_rdtime() + kit_boot_info()->timebase_hz);
    uint64_t bits = flr_notification_wait(notification).value;
    flr_timer_set(limit, 0);
    return bits;
}

static void quiet(void)
{
    uart_registers[UART_IER] = 0;
    (void)uart_registers[UART_IIR];
}

/* Makes the serial port raise its line, whether it was raised or not. */
static void ring(void)
{
    quiet();
    uart_registers[UART_IER] = UART_EMPTY;
    (void)uart_registers[UART_IER];
}

static void quiet_rtc(void)
{
    rtc_registers[RTC_IRQ_ENABLED] = 0;
    rtc_registers[RTC_CLEAR_INTERRUPT] = 1;
}

/* An alarm whose time is past goes off at once. */
static void ring_rtc(void)
{
    rtc_registers[RTC_IRQ_ENABLED] = 1;
    rtc_registers[RTC_ALARM_HIGH] = 0;
    rtc_registers[RTC_ALARM_LOW] = 1;
}

static uint64_t count(void)
{
    return kit_counter(FL_COUNTER_INTERRUPTS);
}

static uint64_t make_handler(uint64_t source, uint64_t badge)
{
    uint64_t slot = kit_object(FL_OBJECT_IRQ_HANDLER);
    uint64_t badged = kit_copy(notification, ALL, badge);

    CHECK_DONE(flr_system_irq(SYSTEM, source, slot));
    CHECK_DONE(flr_irq_bind(slot, badged));
    return slot;
}

/* Both devices found, mapped and quiet; nothing pending from tests before. */
static void setup(void)
{
    refusal_begin();
    notification = kit_object(FL_OBJECT_NOTIFICATION);
    limit = kit_object(FL_OBJECT_TIMER);
    CHECK_DONE(flr_timer_bind(limit, kit_copy(notification, ALL, TIME_UP)));
    uart = kit_find_device("ns16550a");
    rtc = kit_find_device("google,goldfish-rtc");
    if (uart == NULL || rtc == NULL)
        SKIP("this machine has no ns16550a or no goldfish-rtc");
    uart_registers = kit_device_window(uart);
    rtc_registers = kit_device_window(rtc);
    CHECK(uart_registers != NULL && rtc_registers != NULL);
    quiet();
    quiet_rtc();
    for (unsigned i = 0; i < 2; i++) {
        uint64_t drain = make_handler(i == 0 ? uart->interrupt : rtc->interrupt, 0);
        CHECK_EQ(kit_delete(drain), FL_OK);
    }
    poll();
}

static void setup_bound(void)
{
    setup();
    handler = make_handler(uart->interrupt, BADGE);
}

TEST("the machine's serial port and clock have sources, and nobody has them at the start")
{
    setup();
    CHECK_EQ(uart->interrupt, 10);
    CHECK_EQ(rtc->interrupt, 11);
    for (uint64_t source = 1; source <= 11; source++) {
        uint64_t slot = kit_object(FL_OBJECT_IRQ_HANDLER);
        CHECK_DONE(flr_system_irq(SYSTEM, source, slot));
    }
}

TEST("a source is given once, and a handler takes one only")
{
    setup();
    uint64_t first = kit_object(FL_OBJECT_IRQ_HANDLER), second = kit_object(FL_OBJECT_IRQ_HANDLER);
    CHECK_REFUSED(flr_system_irq(NO_SLOT, 1, first), BAD_SLOT, 1);
    CHECK_REFUSED(flr_system_irq(first, 1, first), BAD_TYPE, 1);
    CHECK_REFUSED(flr_system_irq(SYSTEM, 1, NO_SLOT), BAD_SLOT, 3);
    CHECK_REFUSED(flr_system_irq(SYSTEM, 1, SYSTEM), BAD_TYPE, 3);
    static const uint64_t none[] = {0, 1023, 1024, 1ull << 32 | 1, UINT64_MAX};
    for (unsigned i = 0; i < 5; i++) /* 1023 is a PLIC's last, which virt's has not */
        CHECK_REFUSED(flr_system_irq(SYSTEM, none[i], first), OUT_OF_RANGE, 2);
    CHECK_DONE(flr_system_irq(SYSTEM, 1, first));
    CHECK_REFUSED(flr_system_irq(SYSTEM, 1, second), BUSY, 2);
    CHECK_REFUSED(flr_system_irq(SYSTEM, 1, first), BUSY, 2);
    CHECK_REFUSED(flr_system_irq(SYSTEM, 2, first), BUSY, 3);
    CHECK_DONE(flr_system_irq(SYSTEM, 2, second));
}

TEST("a handler without a source is not ready, and a notification needs the send right")
{
    setup();
    uint64_t fresh = kit_object(FL_OBJECT_IRQ_HANDLER);
    uint64_t weak = kit_copy(notification, ALL & ~FL_RIGHT_SEND, 0);
    CHECK_REFUSED(flr_irq_bind(fresh, notification), NOT_READY, 1);
    CHECK_REFUSED(flr_irq_ack(fresh), NOT_READY, 1);
    CHECK_DONE(flr_system_irq(SYSTEM, uart->interrupt, fresh));
    CHECK_REFUSED(flr_irq_bind(NO_SLOT, notification), BAD_SLOT, 1);
    CHECK_REFUSED(flr_irq_bind(notification, notification), BAD_TYPE, 1);
    CHECK_REFUSED(flr_irq_bind(fresh, NO_SLOT), BAD_SLOT, 2);
    CHECK_REFUSED(flr_irq_bind(fresh, fresh), BAD_TYPE, 2);
    CHECK_REFUSED(flr_irq_bind(fresh, weak), NO_RIGHT, 2);
    CHECK_REFUSED(flr_irq_ack(NO_SLOT), BAD_SLOT, 1);
    CHECK_REFUSED(flr_irq_ack(notification), BAD_TYPE, 1);
    CHECK_REFUSED(flr_irq_ack(fresh), NOT_READY, 1);
}

TEST("an interrupt sets the badge's bits once, and comes again after it is acknowledged")
{
    setup_bound();
    for (unsigned i = 0; i < 20; i++) {
        uint64_t before = count();
        CHECK_EQ(poll(), 0);
        ring();
        CHECK_EQ(wait(), BADGE);
        CHECK_EQ(count(), before + 1);
        quiet();
        CHECK_DONE(flr_irq_ack(handler));
        CHECK_REFUSED(flr_irq_ack(handler), NOT_READY, 1);
    }
}

TEST("an interrupt that is not acknowledged does not come again")
{
    setup_bound();
    ring();
    CHECK_EQ(wait(), BADGE);
    uint64_t before = count();
    for (unsigned i = 0; i < 20; i++)
        ring();
    CHECK_EQ(poll(), 0);
    CHECK_EQ(count(), before);
    CHECK_DONE(flr_irq_ack(handler));
    CHECK_EQ(wait(), BADGE);
    CHECK_EQ(count(), before + 1);
}

TEST("a notification without a badge gets bit 0")
{
    setup();
    handler = make_handler(uart->interrupt, 0);
    ring();
    CHECK_EQ(wait(), 1);
}

static volatile bool stopped;

static void spin(uint64_t zero)
{
    (void)zero;
    while (!stopped)
        ;
    kit_sleep();
}

TEST("an interrupt takes the processor from a thread of lower priority")
{
    setup_bound();
    stopped = false;
    kit_run(kit_space(kit_pool(16)), 0, spin, 0);
    ring();
    CHECK_EQ(wait(), BADGE); /* the other never leaves user mode */
    stopped = true;
}

static volatile bool came_to_its_end;

static void ring_and_spin(uint64_t zero)
{
    (void)zero;
    ring();
    while (!stopped)
        ;
    came_to_its_end = true;
    kit_sleep();
}

TEST("an interrupt arrives in the middle of a thread that it does not concern")
{
    setup_bound();
    stopped = came_to_its_end = false;
    uint64_t space = kit_space(kit_pool(16));
    uint64_t address = (uint64_t)(uintptr_t)uart_registers & ~(uint64_t)(FL_PAGE_BYTES - 1);
    CHECK_DONE(flr_vspace_map(space, kit_device_slot(uart), 0, address, 1,
                              FL_RIGHT_READ | FL_RIGHT_WRITE));
    kit_run(space, 0, ring_and_spin, 0);
    CHECK_EQ(wait(), BADGE);
    stopped = true;
    kit_settle();
    CHECK(came_to_its_end);
}

TEST("two sources keep apart, and may both wait to be acknowledged")
{
    setup_bound();
    uint64_t other = make_handler(rtc->interrupt, 1), bits = 0;
    ring();
    ring_rtc();
    while (bits != (BADGE | 1) && bits < TIME_UP)
        bits |= wait();
    CHECK_EQ(bits, BADGE | 1);
    quiet();
    CHECK_DONE(flr_irq_ack(handler));
    ring();
    CHECK_EQ(wait(), BADGE);
    quiet_rtc();
    CHECK_DONE(flr_irq_ack(other));
    ring_rtc();
    CHECK_EQ(wait(), 1);
    quiet_rtc();
}

TEST("a handler that ends gives its source back, disabled, whether it was acknowledged or not")
{
    setup();
    for (unsigned acknowledged = 0; acknowledged < 2; acknowledged++) {
        handler = make_handler(uart->interrupt, BADGE);
        ring();
        CHECK_EQ(wait(), BADGE);
        quiet();
        if (acknowledged)
            CHECK_DONE(flr_irq_ack(handler));
        CHECK_EQ(kit_delete(handler), FL_OK);
        poll(); /* some controllers keep a ring that came while one was claimed */
        uint64_t before = count();
        ring();
        ring();
        CHECK_EQ(poll(), 0);
        CHECK_EQ(count(), before);
    }
    handler = make_handler(uart->interrupt, BADGE);
    ring();
    CHECK_EQ(wait(), BADGE);
}

TEST("a source with a handler and no notification is not enabled")
{
    setup();
    handler = kit_object(FL_OBJECT_IRQ_HANDLER);
    CHECK_DONE(flr_system_irq(SYSTEM, uart->interrupt, handler));
    uint64_t before = count();
    ring();
    CHECK_EQ(count(), before);
    CHECK_DONE(flr_irq_bind(handler, notification));
    CHECK_EQ(wait(), 1);
}

TEST("an interrupt whose notification was revoked comes once, and again after the next bind")
{
    setup();
    uint64_t memory = kit_slots(1), target = kit_slots(1);
    CHECK_DONE(flr_memory_derive(FL_BOOT_RAM, kit_frames(1), 1, ALL & ~0x380u, CNODE, memory));
    CHECK_DONE(flr_memory_retype(memory, 0, FL_OBJECT_NOTIFICATION, 1, CNODE, target));
    handler = kit_object(FL_OBJECT_IRQ_HANDLER);
    CHECK_DONE(flr_system_irq(SYSTEM, uart->interrupt, handler));
    CHECK_DONE(flr_irq_bind(handler, target));
    struct fl_result revoked = {FL_MORE, 0};
    while (FL_STATUS_CODE(revoked.status) == FL_MORE)
        revoked = flr_cnode_revoke(CNODE, memory, revoked.value);
    CHECK_EQ(revoked.status, FL_OK);
    uint64_t before = count();
    for (unsigned i = 0; i < 3; i++) {
        ring();
        CHECK_EQ(count(), before + 1);
    }
    CHECK_DONE(flr_irq_bind(handler, notification));
    ring();
    CHECK_EQ(wait(), 1);
}

TEST("bound anew, the next interrupt reaches the new notification, after the old is acknowledged")
{
    setup_bound();
    uint64_t second = kit_object(FL_OBJECT_NOTIFICATION);
    ring();
    CHECK_EQ(wait(), BADGE);
    CHECK_DONE(flr_irq_bind(handler, second));
    ring();
    CHECK_EQ(flr_notification_poll(second).value, 0);
    CHECK_DONE(flr_irq_ack(handler));
    CHECK_EQ(flr_notification_poll(second).value, 1);
    CHECK_EQ(poll(), 0);
}

TEST("a handler keeps its notification alive, and ends it when it was the last to name it")
{
    setup();
    uint64_t own = kit_object(FL_OBJECT_NOTIFICATION), objects = kit_counter(FL_COUNTER_OBJECTS);
    handler = kit_object(FL_OBJECT_IRQ_HANDLER);
    CHECK_DONE(flr_system_irq(SYSTEM, uart->interrupt, handler));
    CHECK_DONE(flr_irq_bind(handler, own));
    CHECK_EQ(kit_delete(own), FL_OK);
    CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects + 1);
    uint64_t before = count();
    ring();
    CHECK_EQ(count(), before + 1);
    CHECK_DONE(flr_irq_ack(handler));
    CHECK_EQ(kit_delete(handler), FL_OK);
    CHECK_EQ(kit_counter(FL_COUNTER_OBJECTS), objects - 1);
}

TEST("a copy of a handler is the same handler, which ends with the last one")
{
    setup_bound();
    uint64_t copy = kit_copy(handler, ALL, 0);
    CHECK_EQ(kit_delete(handler), FL_OK);
    ring();
    CHECK_EQ(wait(), BADGE);
    CHECK_DONE(flr_irq_ack(copy));
    uint64_t other = kit_object(FL_OBJECT_IRQ_HANDLER);
    CHECK_REFUSED(flr_system_irq(SYSTEM, uart->interrupt, other), BUSY, 2);
    CHECK_EQ(kit_delete(copy), FL_OK);
    CHECK_DONE(flr_system_irq(SYSTEM, uart->interrupt, other));
}

TEST("all invariants hold while an interrupt is claimed, and after its handler is gone")
{
    setup_bound();
    ring();
    CHECK_EQ(wait(), BADGE);
    CHECK_EQ(flr_system_check(SYSTEM).value, 0);
    CHECK_EQ(kit_delete(handler), FL_OK);
    CHECK_EQ(flr_system_check(SYSTEM).value, 0);
}
