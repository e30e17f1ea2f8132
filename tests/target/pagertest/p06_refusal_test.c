/* P6 to P8: what is refused, and that nothing more is mapped than was asked and allowed. */
#include "world.h"

#define CODE_BITS (FL_RIGHT_READ | FL_RIGHT_WRITE | FL_RIGHT_EXEC)
#define KERNEL    0xffffffc080200000ull

/* After a refusal the others are served. */
static void go_on(void)
{
    MUST_SERVE(client_write(world_client(BADGE_B), DATA + 100 * PAGE, 1));
}

/* --- P6 --------------------------------------------------------------------------------------- */

RULE_TEST(6, "a read, a write and a jump outside all regions end in STOP")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    MUST_STOP(client_read(client, GAP + 0x120));
    MUST_STOP(client_write(client, GAP + 0x120, 1));
    MUST_STOP(client_jump(client, GAP + 0x120));
    go_on();
}

RULE_TEST(6, "the word before and the word behind a region end in STOP")
{
    static const uint64_t addresses[] = {
        DATA - 8,      CONST_END,   TEXT - 8, CODE_END,
        LOWEST + PAGE, HIGHEST - 8, WIDE - 8, WIDE + WIDE_STEPS * WIDE_STEP};

    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    for (unsigned i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
        MUST_STOP(client_read(client, addresses[i]));
    go_on();
}

RULE_TEST(6, "address 0 and addresses of no program end in STOP")
{
    static const uint64_t addresses[] = {0, 8, FL_USER_END, KERNEL, 1ull << 63, 0 - 8ull};

    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    for (unsigned i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        MUST_STOP(client_read(client, addresses[i]));
        MUST_STOP(client_write(client, addresses[i], 1));
    }
    go_on();
}

RULE_TEST(6, "a region of another badge ends in STOP, also after that one used it")
{
    world_begin(WORLD_FRAMES);
    struct client *a = world_client(BADGE_A);
    MUST_STOP(client_read(a, B_ONLY));
    NEEDS_SERVE(client_write(world_client(BADGE_B), B_ONLY, 1));
    MUST_STOP(client_read(a, B_ONLY));
    go_on();
}

RULE_TEST(6, "an access that straddles the end of a region ends in STOP")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    MUST_STOP(client_read(client, CONST_END - 4));
    MUST_STOP(client_read(client, DATA - 4));
    go_on();
}

RULE_TEST(6, "a hundred refusals in a row end in STOP each")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    for (uint64_t i = 0; i < 100; i++)
        MUST_STOP(client_write(client, HOLE + i * 0x10010, 1));
    go_on();
}

/* --- P7 --------------------------------------------------------------------------------------- */

RULE_TEST(7, "a write where only reading is allowed ends in STOP")
{
    world_begin(WORLD_FRAMES);
    MUST_STOP(client_write(world_client(BADGE_A), CONST, 1));
    go_on();
}

RULE_TEST(7, "a write of a read-only page that was read before ends in STOP")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    NEEDS_SERVE(client_read(client, CONST));
    MUST_STOP(client_write(client, CONST, 1));
    NEEDS_SERVE(client_read(client, CONST));
    MUST(client->result != 1);
    go_on();
}

RULE_TEST(7, "a write of text ends in STOP")
{
    world_begin(WORLD_FRAMES);
    MUST_STOP(client_write(world_client(BADGE_A), TEXT + 0x100, 1));
    go_on();
}

RULE_TEST(7, "a jump to a page that may only be read ends in STOP and maps no right to run it")
{
    world_begin(WORLD_FRAMES);
    MUST_STOP(client_jump(world_client(BADGE_A), CONST));
    MUST((world_entry(BADGE_A, CONST) & FL_RIGHT_EXEC) == 0);
    go_on();
}

RULE_TEST(7, "a jump to a page that was written ends in STOP and maps no right to run it")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    NEEDS_SERVE(client_write(client, DATA, 0));
    MUST_STOP(client_jump(client, DATA));
    MUST((world_entry(BADGE_A, DATA) & FL_RIGHT_EXEC) == 0);
    go_on();
}

RULE_TEST(7, "a write that straddles into a read-only region ends in STOP")
{
    world_begin(WORLD_FRAMES);
    MUST_STOP(client_write(world_client(BADGE_A), CONST - 4, 1));
    go_on();
}

/* --- P8 --------------------------------------------------------------------------------------- */

RULE_TEST(8, "an entry has no right that its region lacks")
{
    static const struct {
        uint64_t address, rights;
    } cases[] = {{DATA, FL_RIGHT_READ | FL_RIGHT_WRITE},
                 {CONST, FL_RIGHT_READ},
                 {TEXT, FL_RIGHT_READ | FL_RIGHT_EXEC},
                 {LOWEST, FL_RIGHT_READ | FL_RIGHT_WRITE}};

    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        NEEDS_SERVE(client_read(client, cases[i].address));
        MUST((world_entry(BADGE_A, cases[i].address) & CODE_BITS & ~cases[i].rights) == 0);
    }
}

RULE_TEST(8, "the pages beside a region stay unmapped when its first and last pages are touched")
{
    static const uint64_t inside[] = {DATA, CONST_END - PAGE, TEXT, CODE_END - PAGE, LOWEST};
    static const uint64_t outside[] = {DATA - PAGE, CONST_END, TEXT - PAGE, CODE_END,
                                       LOWEST + PAGE};

    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    for (unsigned i = 0; i < sizeof inside / sizeof inside[0]; i++) {
        NEEDS_SERVE(client_read(client, inside[i]));
        MUST_EQ(world_entry(BADGE_A, outside[i]), 0);
    }
}

RULE_TEST(8, "a refused access maps nothing, neither at once nor with the next answer")
{
    static const uint64_t addresses[] = {GAP, DATA - PAGE, B_ONLY, CODE_END};

    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    for (unsigned i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        NEEDS_STOP(client_read(client, addresses[i]));
        NEEDS_SERVE(client_read(client, DATA + i * PAGE));
        MUST_EQ(world_entry(BADGE_A, addresses[i]), 0);
    }
}
