/* P1 to P5: memory that is there, zero, kept, shared by one badge and by no other. */
#include "world.h"

#define MANY  64u
#define EIGHT 8u
#define BACK  (DATA + MANY * PAGE)

static const uint64_t word = 0x1122334455667788ull;

/* --- P1 --------------------------------------------------------------------------------------- */

RULE_TEST(1, "the first read of a region's first page is served")
{
    world_start(WORLD_FRAMES);
    MUST_SERVE(client_read(world_client(BADGE_A), DATA));
}

RULE_TEST(1, "the first write of a page is served")
{
    world_start(WORLD_FRAMES);
    MUST_SERVE(client_write(world_client(BADGE_A), DATA + PAGE, word));
}

RULE_TEST(1, "the last word of each region is served")
{
    static const uint64_t ends[] = {DATA_END, CONST_END, CODE, CODE_END,
                                    WIDE + WIDE_STEPS * WIDE_STEP};

    world_start(WORLD_FRAMES);
    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++)
        MUST_SERVE(client_read(world_client(BADGE_A), ends[i] - 8));
}

RULE_TEST(1, "the lowest and the highest page that a program can have are served")
{
    world_start(WORLD_FRAMES);
    MUST_SERVE(client_write(world_client(BADGE_A), LOWEST, word));
    MUST_SERVE(client_write(world_client(BADGE_A), HIGHEST + PAGE - 8, word));
}

RULE_TEST(1, "64 pages in a row are served")
{
    uint64_t cycles = 0;

    world_start(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    for (unsigned i = 0; i < MANY; i++) {
        MUST_SERVE(client_write(client, DATA + i * PAGE, i));
        cycles += client->cycles;
    }
    harness_note("a first touch takes %lu cycles (with --icount: instructions)", cycles / MANY);
}

RULE_TEST(1, "64 pages in descending order are served")
{
    world_start(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    for (unsigned i = MANY; i-- > 0;)
        MUST_SERVE(client_write(client, DATA + i * PAGE, i));
}

RULE_TEST(1, "eight faults that waited together are all served")
{
    struct client *clients[EIGHT];

    world_start(WORLD_FRAMES);
    world_hold();
    for (unsigned i = 0; i < EIGHT; i++) {
        clients[i] = world_client(i % 2 ? BADGE_B : BADGE_A);
        client_prepare(clients[i], deed_write, DATA + i * PAGE, i);
    }
    world_release();
    for (unsigned i = 0; i < EIGHT; i++)
        MUST_SERVE(client_deed(clients[i]));
}

RULE_TEST(1, "a region of the second badge is served")
{
    world_start(WORLD_FRAMES);
    struct client *client = world_client(BADGE_B);
    MUST_SERVE(client_read(client, B_ONLY));
    MUST_SERVE(client_write(client, B_ONLY + SMALL * PAGE - 8, word));
}

/* --- P2 --------------------------------------------------------------------------------------- */

RULE_TEST(2, "a page that is read first is zero in every word")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    NEEDS_SERVE(client_do(client, deed_count, DATA, 0));
    MUST_EQ(client->result, 0);
}

RULE_TEST(2, "a page that is written first is zero but for the word written")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    NEEDS_SERVE(client_write(client, DATA + 0x800, word));
    NEEDS_SERVE(client_do(client, deed_count, DATA, 0));
    MUST_EQ(client->result, 1);
}

RULE_TEST(2, "pages that may only be read or run are zero")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    NEEDS_SERVE(client_do(client, deed_count, CONST, 0));
    MUST_EQ(client->result, 0);
    NEEDS_SERVE(client_do(client, deed_count, TEXT, 0));
    MUST_EQ(client->result, 0);
}

RULE_TEST(2, "64 pages of each of two badges are zero in every word")
{
    world_begin(WORLD_FRAMES);
    struct client *clients[2] = {world_client(BADGE_A), world_client(BADGE_B)};
    for (unsigned i = 0; i < 2 * MANY; i++) {
        struct client *client = clients[i % 2];
        NEEDS_SERVE(client_do(client, deed_count, DATA + i / 2 * PAGE, 0));
        MUST_EQ(client->result, 0);
    }
}

RULE_TEST(2, "a page whose first client is gone is zero for the next")
{
    world_begin(WORLD_FRAMES);
    struct client *lost = world_client(BADGE_A), *next = world_client(BADGE_A);
    for (unsigned i = 0; i < EIGHT; i++)
        world_lose_client(lost, DATA + i * PAGE);
    for (unsigned i = 0; i < EIGHT; i++) {
        NEEDS_SERVE(client_do(next, deed_count, DATA + i * PAGE, 0));
        MUST_EQ(next->result, 0);
    }
}

/* --- P3 --------------------------------------------------------------------------------------- */

/* Touches six pages more. */
static void touch_others(struct client *client)
{
    for (uint64_t i = 0; i < 6; i++)
        NEEDS_SERVE(client_write(client, BACK + i * PAGE, i));
}

RULE_TEST(3, "what was written is read again after other pages came")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    NEEDS_SERVE(client_write(client, DATA, word));
    touch_others(client);
    NEEDS_SERVE(client_read(client, DATA));
    MUST_EQ(client->result, word);
}

RULE_TEST(3, "a write after a read of the page stays")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    NEEDS_SERVE(client_read(client, DATA));
    NEEDS_SERVE(client_write(client, DATA, word));
    touch_others(client);
    NEEDS_SERVE(client_read(client, DATA));
    MUST_EQ(client->result, word);
}

RULE_TEST(3, "64 pages keep a word each")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    for (uint64_t i = 0; i < MANY; i++)
        NEEDS_SERVE(client_write(client, DATA + i * PAGE + 8 * i, word + i));
    for (uint64_t i = 0; i < MANY; i++) {
        NEEDS_SERVE(client_read(client, DATA + i * PAGE + 8 * i));
        MUST_EQ(client->result, word + i);
    }
}

RULE_TEST(3, "64 pages whose entries were removed come back with their words")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    for (uint64_t i = 0; i < MANY; i++)
        NEEDS_SERVE(client_write(client, BACK + i * PAGE, word + i));
    for (uint64_t i = 0; i < MANY; i++)
        world_unmap(BADGE_A, BACK + i * PAGE);
    for (uint64_t i = 0; i < MANY; i++) {
        NEEDS_SERVE(client_read(client, BACK + i * PAGE));
        MUST_EQ(client->result, word + i);
    }
}

RULE_TEST(3, "refusals of the same badge leave a page as it is")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    NEEDS_SERVE(client_write(client, DATA, word));
    NEEDS_STOP(client_read(client, GAP));
    NEEDS_STOP(client_jump(client, DATA + 8));
    NEEDS_SERVE(client_read(client, DATA));
    MUST_EQ(client->result, word);
}

/* --- P4 --------------------------------------------------------------------------------------- */

RULE_TEST(4, "a second thread that faults on a page finds the first one's word")
{
    world_begin(WORLD_FRAMES);
    struct client *writer = world_client(BADGE_A), *reader = world_client(BADGE_A);
    NEEDS_SERVE(client_write(writer, DATA, word));
    world_unmap(BADGE_A, DATA);
    NEEDS_SERVE(client_read(reader, DATA));
    MUST_EQ(reader->result, word);
}

RULE_TEST(4, "eight threads that fault on one page together all write to one page")
{
    struct client *clients[EIGHT];

    world_begin(WORLD_FRAMES);
    world_hold();
    for (unsigned i = 0; i < EIGHT; i++) {
        clients[i] = world_client(BADGE_A);
        client_prepare(clients[i], deed_write, DATA + 8 * i, word + i);
    }
    world_release();
    for (unsigned i = 0; i < EIGHT; i++)
        MUST_SERVE(client_deed(clients[i]));
    for (unsigned i = 0; i < EIGHT; i++) {
        NEEDS_SERVE(client_read(clients[0], DATA + 8 * i));
        MUST_EQ(clients[0]->result, word + i);
    }
}

RULE_TEST(4, "a writer and a reader that fault together see one page afterwards")
{
    world_begin(WORLD_FRAMES);
    struct client *reader = world_client(BADGE_A), *writer = world_client(BADGE_A);
    world_hold();
    client_prepare(writer, deed_write, DATA, word);
    client_prepare(reader, deed_read, DATA, 0);
    world_release();
    MUST_SERVE(client_deed(reader));
    MUST_SERVE(client_deed(writer));
    NEEDS_SERVE(client_read(reader, DATA));
    MUST_EQ(reader->result, word);
}

/* --- P5 --------------------------------------------------------------------------------------- */

RULE_TEST(5, "what one badge wrote another does not read at the same address")
{
    world_begin(WORLD_FRAMES);
    struct client *a = world_client(BADGE_A), *b = world_client(BADGE_B);
    NEEDS_SERVE(client_write(a, DATA, word));
    NEEDS_SERVE(client_read(b, DATA));
    MUST(b->result != word);
}

RULE_TEST(5, "16 pages written by two badges in turn keep each badge's words")
{
    world_begin(WORLD_FRAMES);
    struct client *clients[2] = {world_client(BADGE_A), world_client(BADGE_B)};
    for (uint64_t i = 0; i < 32; i++)
        NEEDS_SERVE(client_write(clients[i % 2], DATA + i / 2 * PAGE, word + i));
    for (uint64_t i = 0; i < 32; i++) {
        NEEDS_SERVE(client_read(clients[i % 2], DATA + i / 2 * PAGE));
        MUST_EQ(clients[i % 2]->result, word + i);
    }
}

RULE_TEST(5, "two badges that fault on one address together get a page each")
{
    world_begin(WORLD_FRAMES);
    struct client *a = world_client(BADGE_A), *b = world_client(BADGE_B);
    world_hold();
    client_prepare(a, deed_write, DATA, word);
    client_prepare(b, deed_write, DATA, word + 1);
    world_release();
    NEEDS_SERVE(client_deed(a));
    NEEDS_SERVE(client_deed(b));
    NEEDS_SERVE(client_read(a, DATA));
    MUST_EQ(a->result, word);
}
