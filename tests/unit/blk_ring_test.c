/* sources: user/common/blk_ring.c */
#include <string.h>

#include "../../user/common/blk_ring.h"
#include "effort.h"
#include "harness.h"

#define STEPS 300000u

static struct blk_ring ring;
static struct blk_client client;
static struct blk_server server;

static void start(void)
{
    memset(&ring, 0, sizeof ring);
    blk_client_init(&client, &ring);
    blk_server_init(&server, &ring);
}

/* A request whose every part follows from its tag. */
static struct blk_request request_of(uint64_t tag, uint64_t segments[BLK_SEGMENTS])
{
    const uint32_t count = (uint32_t)(tag * 7 % (BLK_SEGMENTS + 1));

    for (uint32_t i = 0; i < count; i++)
        segments[i] = BLK_SEGMENT((tag * 100 + i) * 512, 1 + i);
    return (struct blk_request){.op = (enum blk_op)(tag % BLK_OPS),
                                .segments = count,
                                .sectors = (uint32_t)(tag * 3),
                                .sector = tag * 1000,
                                .tag = tag,
                                .segment = segments};
}

static bool submit(uint64_t tag)
{
    uint64_t segments[BLK_SEGMENTS];
    const struct blk_request request = request_of(tag, segments);

    return blk_client_submit(&client, &request);
}

static void check_request(const struct blk_request *request, uint64_t tag)
{
    uint64_t segments[BLK_SEGMENTS];
    const struct blk_request expected = request_of(tag, segments);

    CHECK(request->op == expected.op && request->sectors == expected.sectors);
    CHECK(request->sector == expected.sector && request->tag == tag);
    CHECK_EQ(request->segments, expected.segments);
    CHECK(memcmp(request->segment, segments, expected.segments * sizeof segments[0]) == 0);
}

TEST("a request arrives as it was put, its end as it was given")
{
    struct blk_request request;
    struct blk_end end;

    start();
    CHECK(submit(31));
    CHECK(!blk_server_receive(&server, &request)); /* not published */
    CHECK(blk_client_publish(&client));
    CHECK(blk_server_receive(&server, &request));
    check_request(&request, 31);
    CHECK(!blk_server_receive(&server, &request));
    blk_server_end(&server, 31, -7);
    CHECK(!blk_client_take(&client, &end));
    CHECK(blk_server_publish(&server));
    CHECK(blk_client_take(&client, &end));
    CHECK(end.tag == 31 && end.error == -7);
    CHECK(!blk_client_take(&client, &end));
}

TEST("who is awake is not signalled, who sleeps is, once")
{
    struct blk_request request;

    start();
    CHECK(submit(1));
    CHECK(blk_client_publish(&client));
    CHECK(!blk_client_publish(&client));
    CHECK(submit(2));
    CHECK(!blk_client_publish(&client)); /* the first one woke it */
    CHECK(!blk_server_sleep(&server));   /* there is something */
    CHECK(blk_server_receive(&server, &request) && blk_server_receive(&server, &request));
    CHECK(blk_server_sleep(&server));
    CHECK(submit(3));
    CHECK(submit(4));
    CHECK(blk_client_publish(&client));
    blk_server_end(&server, 1, 0);
    CHECK(blk_server_publish(&server));
    CHECK(!blk_client_sleep(&client));
}

/* One random step of both sides; requests end in the order that `server_end` chooses. */
static struct {
    uint64_t seed, put, received, tags[BLK_RING_ENDS], taken;
    uint32_t waiting;
    bool ended[1u << 20];
    bool client_asleep, server_asleep;
} model;

static uint32_t random_below(uint32_t limit)
{
    model.seed = model.seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)((model.seed >> 33) % limit);
}

static void step_client(void)
{
    struct blk_end end;

    while (random_below(3) != 0 && submit(model.put))
        model.put++;
    if (blk_client_publish(&client))
        model.server_asleep = false;
    while (random_below(4) != 0 && blk_client_take(&client, &end)) {
        CHECK(end.tag < model.received && !model.ended[end.tag]);
        CHECK_EQ(end.error, (int)(end.tag % 5));
        model.ended[end.tag] = true;
        model.taken++;
    }
    if (random_below(2) == 0)
        model.client_asleep = blk_client_sleep(&client);
}

static void step_server(void)
{
    struct blk_request request;

    while (random_below(3) != 0 && blk_server_receive(&server, &request)) {
        check_request(&request, model.received);
        model.tags[model.waiting++] = model.received++;
    }
    while (random_below(3) != 0 && model.waiting > 0) {
        const uint32_t which = random_below(model.waiting);

        blk_server_end(&server, model.tags[which], (int)(model.tags[which] % 5));
        model.tags[which] = model.tags[--model.waiting];
    }
    if (blk_server_publish(&server))
        model.client_asleep = false;
    if (random_below(2) == 0)
        model.server_asleep = blk_server_sleep(&server);
}

TEST("any course of both sides loses nothing, doubles nothing, and leaves nobody asleep with work")
{
    struct effort effort = effort_begin(STEPS);

    start();
    memset(&model, 0, sizeof model);
    while (effort_continues(&effort) && model.put < sizeof model.ended) {
        if (random_below(2) == 0)
            step_client();
        else
            step_server();
        CHECK(!server.broken && client.pending <= BLK_RING_ENDS);
        CHECK(!(model.server_asleep && ring.submitted != server.received));
        CHECK(!(model.client_asleep && ring.ended != client.taken));
    }
    effort_end(&effort);
    CHECK(model.taken + client.pending == model.put && model.taken > STEPS / 10);
}

TEST("a client that takes no ends fills its ring, and breaks it when it goes on all the same")
{
    struct blk_request request;

    start();
    for (uint64_t tag = 0; tag < BLK_RING_ENDS; tag++) {
        CHECK(submit(7 * tag));
        (void)blk_client_publish(&client);
        CHECK(blk_server_receive(&server, &request));
        if (tag % 2 == 0)
            blk_server_end(&server, request.tag, 0);
    }
    CHECK(!submit(0));
    CHECK(blk_server_sleep(&server) && !server.broken);
    client.pending = 0; /* it forgets */
    CHECK(submit(0));
    (void)blk_client_publish(&client);
    CHECK(!blk_server_receive(&server, &request));
    CHECK(server.broken && blk_client_is_broken(&client));
}

TEST("a client that writes anything into the page breaks its ring, and nothing else")
{
    struct blk_request request;
    uint32_t broken = 0, received = 0;

    memset(&model, 0, sizeof model);
    for (uint32_t round = 0; round < 20000; round++) {
        start();
        for (uint32_t i = 0; i < BLK_RING_WORDS; i++)
            ring.word[i] = random_below(4) > 0 ? random_below(36) << 8 : random_below(UINT32_MAX);
        ring.submitted = random_below(2) == 0 ? random_below(600) : random_below(UINT32_MAX);
        ring.taken = random_below(8) == 0 ? random_below(UINT32_MAX) : 0;
        while (blk_server_receive(&server, &request)) {
            CHECK(request.segments <= BLK_SEGMENTS);
            received++;
            if (random_below(2) == 0)
                blk_server_end(&server, request.tag, 0);
        }
        (void)blk_server_publish(&server);
        CHECK(server.broken == (ring.broken != 0));
        CHECK(!server.broken || blk_server_sleep(&server));
        broken += server.broken;
    }
    CHECK(broken > 1000 && received > 1000);
}
