/* P12 to P15: tables, clients that go away, and the frames there are. */
#include "fl_calls.h"
#include "world.h"

#define FEW   64u /* frames of a pager whose every frame counts */
#define USED  1u  /* by world_begin */
#define ROOM  (FEW - PAGER_SPARE_FRAMES - USED)
#define TIMES 100u

static const uint64_t word = 0x1122334455667788ull;

/* --- P12 -------------------------------------------------------------------------------------- */

RULE_TEST(12, "pages that need two tables each are served when the pool begins with nine")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    NEEDS_SERVE(client_write(client, DATA, word));
    world_set_tables(9);
    for (uint64_t i = 0; i < WIDE_STEPS; i++)
        MUST_SERVE(client_write(client, WIDE + i * WIDE_STEP, i));
    for (uint64_t i = 0; i < WIDE_STEPS; i++) {
        NEEDS_SERVE(client_read(client, WIDE + i * WIDE_STEP));
        MUST_EQ(client->result, i);
    }
}

RULE_TEST(12, "a pool that is empty when a page faults is refilled first")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    NEEDS_SERVE(client_write(client, DATA, word));
    world_set_tables(0);
    MUST_SERVE(client_write(client, WIDE, word));
}

RULE_TEST(12, "pages on both sides of a boundary between tables are served from a pool of one")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    NEEDS_SERVE(client_write(client, DATA, word));
    world_set_tables(1);
    MUST_SERVE(client_write(client, WIDE + WIDE_STEP - PAGE, word));
    MUST_SERVE(client_write(client, WIDE + WIDE_STEP, word));
}

RULE_TEST(12, "frames that became tables hold no page any more")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    for (uint64_t i = 0; i < FEW; i++)
        NEEDS_SERVE(client_write(client, DATA + i * PAGE, word + i));
    world_set_tables(9);
    for (uint64_t i = 0; i < WIDE_STEPS; i++)
        MUST_SERVE(client_write(client, WIDE + i * WIDE_STEP, i));
    for (uint64_t i = 0; i < FEW; i++) {
        NEEDS_SERVE(client_read(client, DATA + i * PAGE));
        MUST_EQ(client->result, word + i);
    }
}

/* --- P13 -------------------------------------------------------------------------------------- */

RULE_TEST(13, "a client that is stopped before its answer does no harm")
{
    world_begin(WORLD_FRAMES);
    world_lose_client(world_client(BADGE_A), DATA);
    MUST_EQ(world_entry(BADGE_A, DATA), 0);
    MUST_SERVE(client_write(world_client(BADGE_B), DATA, word));
}

RULE_TEST(13, "a client that is deleted before its answer does no harm")
{
    world_begin(WORLD_FRAMES);
    for (unsigned i = 0; i < 4; i++) {
        struct client *lost = world_client(BADGE_A);
        world_lose_client(lost, DATA + i * PAGE);
        kit_delete(lost->thread->tcb);
    }
    MUST_SERVE(client_write(world_client(BADGE_A), DATA, word));
}

RULE_TEST(13, "a client that was stopped may begin anew and is served")
{
    world_begin(WORLD_FRAMES);
    struct client *client = world_client(BADGE_A);
    world_lose_client(client, DATA);
    MUST_SERVE(client_write(client, DATA, word));
    MUST_SERVE(client_read(client, DATA));
    MUST_EQ(client->result, word);
}

RULE_TEST(13, "another thread that waits for the same page is served")
{
    world_begin(WORLD_FRAMES);
    struct client *lost = world_client(BADGE_A), *waits = world_client(BADGE_A);
    world_hold();
    client_prepare(lost, deed_read, DATA, 0);
    world_settle();
    client_prepare(waits, deed_write, DATA, word);
    world_lose(lost);
    world_release();
    MUST_SERVE(client_deed(waits));
    MUST_SERVE(client_read(waits, DATA));
    MUST_EQ(waits->result, word);
}

RULE_TEST(13, "a hundred lost clients take no frame with them")
{
    world_begin(FEW);
    struct client *lost = world_client(BADGE_A), *client = world_client(BADGE_B);
    for (unsigned i = 0; i < TIMES; i++)
        world_lose_client(lost, DATA + i * PAGE);
    for (unsigned i = 0; i < ROOM; i++)
        MUST_SERVE(client_write(client, DATA + i * PAGE, i));
}

/* --- P14 -------------------------------------------------------------------------------------- */

/* Pages of B that take all frames but the pager's own and `given`, which others have. */
static void use_all_but(uint64_t given)
{
    struct client *client = world_client(BADGE_B);

    for (uint64_t i = 0; i < ROOM - given; i++)
        MUST_SERVE(client_write(client, DATA + i * PAGE, i));
}

RULE_TEST(14, "all frames but the pager's own serve pages")
{
    world_begin(FEW);
    use_all_but(0);
}

RULE_TEST(14, "refused accesses take no frame")
{
    world_begin(FEW);
    struct client *client = world_client(BADGE_A);
    for (uint64_t i = 0; i < TIMES; i++)
        NEEDS_STOP(client_write(client, HOLE + i * 0x10010, 1));
    use_all_but(0);
}

RULE_TEST(14, "accesses without the right take no frame")
{
    world_begin(FEW);
    struct client *client = world_client(BADGE_A);
    for (uint64_t i = 0; i < TIMES; i++)
        NEEDS_STOP(client_write(client, CONST + i % SMALL * PAGE, 1));
    use_all_but(SMALL);
}

RULE_TEST(14, "a page that faults a hundred times takes one frame")
{
    world_begin(FEW);
    struct client *client = world_client(BADGE_A);
    for (uint64_t i = 0; i < TIMES; i++) {
        NEEDS_SERVE(client_write(client, DATA, i));
        world_unmap(BADGE_A, DATA);
    }
    use_all_but(1);
}

RULE_TEST(14, "threads that fault on one page together take one frame")
{
    struct client *clients[4];

    world_begin(FEW);
    for (unsigned i = 0; i < 4; i++)
        clients[i] = world_client(BADGE_A);
    for (unsigned times = 0; times < TIMES / 4; times++) {
        world_hold();
        for (unsigned i = 0; i < 4; i++)
            client_prepare(clients[i], deed_write, DATA, i);
        world_release();
        NEEDS_SERVE(client_deed(clients[0]));
        world_unmap(BADGE_A, DATA);
    }
    use_all_but(1);
}

/* --- P15 -------------------------------------------------------------------------------------- */

/* Writes pages of A until one is refused.  Returns how many were served. */
static uint64_t use_all(struct client *client)
{
    for (uint64_t i = 0; i < DATA_PAGES; i++) {
        enum deed deed = client_write(client, DATA + i * PAGE, word + i);

        if (deed != DEED_SERVED) {
            MUST_STOP(deed);
            return i;
        }
    }
    return DATA_PAGES;
}

RULE_TEST(15, "when no frame is left a new page ends in STOP, and others' new pages too")
{
    world_begin(FEW);
    NEEDS(use_all(world_client(BADGE_A)) >= ROOM);
    struct client *other = world_client(BADGE_B);
    enum deed deed = client_write(other, B_ONLY, word);
    MUST(deed == DEED_STOPPED || deed == DEED_SERVED); /* the pager may have made room */
    deed = client_write(other, B_ONLY + PAGE, word);
    MUST(deed == DEED_STOPPED || deed == DEED_SERVED);
}

RULE_TEST(15, "what was given before is still there, also when it faults again")
{
    world_begin(FEW);
    struct client *client = world_client(BADGE_A);
    uint64_t served = use_all(client);
    NEEDS(served >= ROOM);
    for (uint64_t i = 0; i < served; i++)
        world_unmap(BADGE_A, DATA + i * PAGE);
    for (uint64_t i = 0; i < served; i++) {
        MUST_SERVE(client_read(client, DATA + i * PAGE));
        MUST_EQ(client->result, word + i);
    }
}

RULE_TEST(15, "a read-only page that no frame is left for ends in STOP or is zero")
{
    world_begin(FEW);
    struct client *client = world_client(BADGE_A);
    NEEDS(use_all(client) >= ROOM);
    enum deed deed = client_do(client, deed_count, CONST, 0);
    MUST(deed == DEED_STOPPED || deed == DEED_SERVED);
    if (deed == DEED_SERVED)
        MUST_EQ(client->result, 0);
}

RULE_TEST(15, "refusals for want of frames leave refusals for other reasons as they were")
{
    world_begin(FEW);
    struct client *client = world_client(BADGE_A);
    NEEDS(use_all(client) >= ROOM);
    MUST_STOP(client_read(client, GAP));
    MUST_STOP(client_write(client, CONST, 1));
    MUST_SERVE(client_read(client, DATA));
}
