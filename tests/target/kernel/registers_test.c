/* Registers around a call: what the caller gets back in each of them. */
#include "refusal.h"

#define NO_SLOT 63u
#define LABEL   0xc0ffee01u

void registers_call(uint64_t *registers);

static uint64_t endpoint, reply, notification, space;

static void setup(void)
{
    refusal_begin();
    endpoint = kit_object(FL_OBJECT_ENDPOINT);
    reply = kit_object(FL_OBJECT_REPLY);
    notification = kit_object(FL_OBJECT_NOTIFICATION);
    space = kit_space(kit_pool(24));
}

static void send_once(uint64_t first)
{
    fl_ipc_send(endpoint, FL_INFO(LABEL, 1), first, 2, 3, 4);
    kit_sleep();
}

static void echo_once(uint64_t unused)
{
    struct fl_message message;

    (void)unused;
    fl_ipc_recv(endpoint, reply, &message);
    fl_ipc_reply_recv(endpoint, reply, &message);
    kit_sleep();
}

enum { SP = 2, A0 = 10, A7 = 17 };

static uint64_t registers[64];

static bool is_preserved(unsigned n)
{
    return (n >= 1 && n <= 4) || n == 8 || n == 9 || (n >= 18 && n <= 27);
}

static void fill_registers(uint64_t number, const uint64_t arguments[7])
{
    for (unsigned n = 1; n < 32; n++)
        registers[n] = 0x5a5a000000000000ull + n;
    for (unsigned n = 0; n < 7; n++)
        registers[A0 + n] = arguments[n];
    registers[A7] = number;
    registers[SP] = (uint64_t)(uintptr_t)registers;
}

/* After a call: what C keeps is kept, a0.. hold `results`, everything else is zero. */
static void check_registers(const uint64_t results[7])
{
    for (unsigned n = 1; n < 32; n++) {
        uint64_t expected = is_preserved(n) ? registers[n] : 0;

        if (n >= A0 && n < A0 + 7)
            expected = results[n - A0];
        if (registers[32 + n] != expected)
            harness_note("x%u", n);
        CHECK_EQ(registers[32 + n], expected);
    }
}

TEST("a plain call keeps what C keeps and clears every other register but its results")
{
    setup();
    fill_registers(FL_CALL_system_counter, (const uint64_t[7]){FL_BOOT_SYSTEM, 4, 3, 4, 5, 6, 7});
    registers_call(registers);
    check_registers((const uint64_t[7]){FL_OK, kit_counter(FL_COUNTER_FRAMES_FIRMWARE)});
    fill_registers(FL_CALL_memory_derive, (const uint64_t[7]){NO_SLOT, 2, 3, 4, 5, 6, 7});
    registers_call(registers);
    check_registers((const uint64_t[7]){FL_STATUS(FL_BAD_SLOT, 1)});
}

TEST("a call and its answer show nothing of the kernel's or the server's registers")
{
    setup();
    kit_run(space, 0, echo_once, 0);
    kit_settle();
    fill_registers(FL_CALL_ipc_call,
                   (const uint64_t[7]){endpoint, FL_INFO(LABEL, 4), 1, 2, 3, 4, 0x77});
    registers_call(registers);
    check_registers((const uint64_t[7]){FL_OK, FL_INFO(LABEL, 4), 1, 2, 3, 4, 0});
}

TEST("receiving a queued message and waiting for bits clear the same registers")
{
    setup();
    kit_run(space, 0, send_once, 1);
    kit_settle();
    fill_registers(FL_CALL_ipc_recv, (const uint64_t[7]){endpoint, reply, 3, 4, 5, 6, 7});
    registers_call(registers);
    check_registers((const uint64_t[7]){FL_OK, FL_INFO(LABEL, 1), 1, 2, 3, 4, 0});
    CHECK_DONE(flr_notification_signal(notification));
    fill_registers(FL_CALL_notification_wait, (const uint64_t[7]){notification, 2, 3, 4, 5, 6, 7});
    registers_call(registers);
    check_registers((const uint64_t[7]){FL_OK, 1});
}

TEST("reserved numbers answer RESERVED_CALL")
{
    static const uint64_t numbers[] = {
#define FL_CALL(number, name, args, doc)
#define FL_RESERVED(number, name) number,
#include "calls.def"
#undef FL_CALL
#undef FL_RESERVED
    };

    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        fill_registers(numbers[i], (const uint64_t[7]){1, 2, 3, 4, 5, 6, 7});
        registers_call(registers);
        check_registers((const uint64_t[7]){FL_RESERVED_CALL});
    }
}

TEST("numbers between those of the calls that have no name answer RESERVED_CALL too")
{
    static const uint8_t named[FL_CALL_COUNT] = {
#define FL_CALL(number, name, args, doc) [number] = 1,
#define FL_RESERVED(number, name)        [number] = 1,
#include "calls.def"
#undef FL_CALL
#undef FL_RESERVED
    };

    for (unsigned number = 0; number < FL_CALL_COUNT; number++) {
        if (named[number])
            continue;
        fill_registers(number, (const uint64_t[7]){1, 2, 3, 4, 5, 6, 7});
        registers_call(registers);
        check_registers((const uint64_t[7]){FL_RESERVED_CALL});
    }
}
