/* P9 to P11: fetches, accesses of two pages, and messages that are no faults of clients. */
#include <string.h>

#include "fl_calls.h"
#include "world.h"

extern char test_code[], test_code_end[];
void test_illegal(void);
void test_ebreak(void);
void test_code_written(void);

static const uint64_t word = 0x1122334455667788ull;

/* Copies code that adds one to its argument, as a client would. */
static uint64_t deed_write_code(uint64_t address, uint64_t unused)
{
    (void)unused;
    memcpy((void *)(uintptr_t)address, test_code, (size_t)(test_code_end - test_code));
    test_code_written();
    return 0;
}

/* --- P9 --------------------------------------------------------------------------------------- */

RULE_TEST(9, "code that was written to a page runs there")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    NEEDS_SERVE(client_do(client, deed_write_code, CODE + 0x40, 0));
    MUST_SERVE(client_do(client, deed_run, CODE + 0x40, 41));
    MUST_EQ(client->result, 42);
}

RULE_TEST(9, "code runs again when the page's entry was removed")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    NEEDS_SERVE(client_do(client, deed_write_code, CODE, 0));
    world_unmap(BADGE_A, CODE);
    MUST_SERVE(client_do(client, deed_run, CODE, 6));
    MUST_EQ(client->result, 7);
}

RULE_TEST(9, "the first fetch of an untouched page finds it mapped and executable")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    /* Zeros are an illegal instruction, whose message must end in STOP; but they were fetched. */
    (void)client_jump(client, TEXT + 0x200);
    MUST(world_entry(BADGE_A, TEXT) & FL_RIGHT_EXEC);
}

RULE_TEST(9, "an instruction that straddles two untouched pages' boundary runs")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    NEEDS_SERVE(client_do(client, deed_write_code, CODE + PAGE - 2, 0));
    world_unmap(BADGE_A, CODE);
    world_unmap(BADGE_A, CODE + PAGE);
    MUST_SERVE(client_do(client, deed_run, CODE + PAGE - 2, 1));
    MUST_EQ(client->result, 2);
}

/* --- P10 -------------------------------------------------------------------------------------- */

RULE_TEST(10, "a read over the boundary of two untouched pages is served")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    MUST_SERVE(client_read(client, DATA + PAGE - 3));
}

RULE_TEST(10, "a write over the boundary of two untouched pages is served and stays")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    MUST_SERVE(client_write(client, DATA + PAGE - 4, word));
    world_unmap(BADGE_A, DATA);
    world_unmap(BADGE_A, DATA + PAGE);
    MUST_SERVE(client_read(client, DATA + PAGE - 4));
    MUST_EQ(client->result, word);
}

RULE_TEST(10, "a read over the boundary of two regions is served")
{
    world_begin(WORLD_FRAMES);
    MUST_SERVE(client_read(world_client(BADGE_A), CONST - 4));
    MUST_SERVE(client_read(world_client(BADGE_A), CODE - 4));
}

RULE_TEST(10, "a boundary of which one page is present is served")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    NEEDS_SERVE(client_read(client, DATA + PAGE));
    MUST_SERVE(client_read(client, DATA + PAGE - 1));
    NEEDS_SERVE(client_read(client, DATA + 4 * PAGE));
    MUST_SERVE(client_read(client, DATA + 5 * PAGE - 1));
}

/* --- P11 -------------------------------------------------------------------------------------- */

static void go_on(void)
{
    MUST_SERVE(client_write(world_client(BADGE_B), DATA + 100 * PAGE, 1));
}

static uint64_t deed_unknown_call(uint64_t number, uint64_t unused)
{
    (void)unused;
    return fl_ecall(number, 1, 2, 3, 4, 5, 6, 7).status;
}

/* The label of the answer to a message of that info. */
static uint64_t deed_call(uint64_t endpoint, uint64_t info)
{
    struct fl_message answer = fl_ipc_call(endpoint, info, DATA, 0, FL_ACCESS_READ, 0);

    return answer.status == FL_OK ? answer.info : UINT64_MAX;
}

static uint64_t deed_send(uint64_t endpoint, uint64_t info)
{
    return fl_ipc_send(endpoint, info, DATA, 0, FL_ACCESS_READ, 0);
}

RULE_TEST(11, "an unknown system call ends in STOP")
{
    world_begin(WORLD_FRAMES);
    MUST_STOP(client_do(world_client(BADGE_A), deed_unknown_call, 1000, 0));
    go_on();
}

RULE_TEST(11, "an illegal instruction ends in STOP")
{
    world_begin(WORLD_FRAMES);
    MUST_STOP(client_jump(world_client(BADGE_A), (uint64_t)(uintptr_t)test_illegal));
    go_on();
}

RULE_TEST(11, "an ebreak ends in STOP")
{
    world_begin(WORLD_FRAMES);
    MUST_STOP(client_jump(world_client(BADGE_A), (uint64_t)(uintptr_t)test_ebreak));
    go_on();
}

RULE_TEST(11, "a fault under an unknown badge ends in STOP and maps nothing")
{
    world_begin(WORLD_FRAMES);
    MUST_STOP(client_read(world_client(BADGE_STRANGER), DATA));
    MUST_EQ(world_entry(BADGE_A, DATA), 0);
    go_on();
}

RULE_TEST(11, "calls with any label, of an unknown badge or a client's, are answered with STOP")
{
    static const uint64_t badges[] = {BADGE_STRANGER, BADGE_A, UINT64_MAX};
    static const uint32_t labels[] = {
        0,       FL_LABEL_UNKNOWN_SYSCALL, 5, FL_LABEL_RESUME, FL_LABEL_STOP,
        0x10001, FL_LABEL_NOTIFICATION - 1};

    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    for (unsigned i = 0; i < sizeof badges / sizeof badges[0]; i++) {
        uint64_t endpoint = world_endpoint(badges[i]);
        for (unsigned j = 0; j < sizeof labels / sizeof labels[0]; j++) {
            MUST_SERVE(client_do(client, deed_call, endpoint, FL_INFO(labels[j], 4)));
            MUST_EQ(client->result, FL_INFO(FL_LABEL_STOP, 0));
        }
    }
    go_on();
}

RULE_TEST(11, "a forged page fault of an unknown badge is answered with STOP")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    MUST_SERVE(client_do(client, deed_call, world_endpoint(BADGE_STRANGER),
                         FL_INFO(FL_LABEL_PAGE_FAULT, 4)));
    MUST_EQ(FL_INFO_LABEL(client->result), FL_LABEL_STOP);
    go_on();
}

RULE_TEST(11, "a message of full length is answered with STOP")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    MUST_SERVE(client_do(client, deed_call, world_endpoint(BADGE_STRANGER),
                         FL_INFO(77, FL_MESSAGE_WORDS)));
    MUST_EQ(FL_INFO_LABEL(client->result), FL_LABEL_STOP);
    go_on();
}

RULE_TEST(11, "messages that want no answer are harmless")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    for (unsigned i = 0; i < 3; i++)
        MUST_SERVE(
            client_do(client, deed_send, world_endpoint(BADGE_STRANGER), FL_INFO(1000 + i, 4)));
    go_on();
}

RULE_TEST(11, "the bound notification's bits are harmless")
{
    world_begin(WORLD_FRAMES);
    for (unsigned i = 0; i < 3; i++) {
        flr_notification_signal(world_notification());
        world_settle();
    }
    go_on();
}
