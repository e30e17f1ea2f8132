/* Two threads and more that send each other messages of every length, whichever comes first, whatever
 * their priorities and spaces. */
#include <string.h>

#include "refusal.h"

#define CNODE   FL_BOOT_CNODE
#define LENGTHS (FL_MESSAGE_WORDS + 1)
#define CHAIN   5u
#define ROUNDS  10u
#define CLIENTS 10u
#define MIDDLE  20u

static uint64_t endpoint, reply;
static _Atomic uint64_t wrong; /* messages that were not what was sent */
static _Atomic uint64_t done;  /* threads that came to their end */

static uint64_t word_of(uint64_t seed, unsigned i)
{
    return seed * 1000003u + i;
}

static volatile uint64_t *buffer(void)
{
    return (volatile uint64_t *)(uintptr_t)FL_BUFFER;
}

static void fill(struct fl_message *message, unsigned length, uint64_t seed)
{
    message->info = FL_INFO(length, length);
    for (unsigned i = 0; i < 4; i++)
        message->word[i] = word_of(seed, i);
    for (unsigned i = 4; i < length; i++)
        buffer()[i] = word_of(seed, i);
}

static void look(const struct fl_message *message, unsigned length, uint64_t seed)
{
    bool good = message->status == FL_OK && message->info == FL_INFO(length, length);

    for (unsigned i = 0; i < length && good; i++)
        good = (i < 4 ? message->word[i] : buffer()[i]) == word_of(seed, i);
    if (!good)
        wrong++;
}

static void end(void)
{
    done++;
    kit_sleep();
}

/* --- pairs ----------------------------------------------------------------------------------- */

static void send_all(uint64_t unused)
{
    struct fl_message message;

    (void)unused;
    for (unsigned length = 0; length < LENGTHS; length++) {
        fill(&message, length, length);
        const uint64_t *w = message.word;
        if (fl_ipc_send(endpoint, message.info, w[0], w[1], w[2], w[3]) != FL_OK)
            wrong++;
    }
    end();
}

static void receive_all(uint64_t unused)
{
    struct fl_message message;

    (void)unused;
    for (unsigned length = 0; length < LENGTHS; length++) {
        fl_ipc_recv(endpoint, reply, &message);
        look(&message, length, length);
    }
    end();
}

static void call_all(uint64_t unused)
{
    struct fl_message message;

    (void)unused;
    for (unsigned length = 0; length < LENGTHS; length++) {
        fill(&message, length, length);
        const uint64_t *w = message.word;
        message = fl_ipc_call(endpoint, message.info, w[0], w[1], w[2], w[3]);
        look(&message, LENGTHS - 1 - length, length + 500);
    }
    end();
}

static void answer_and_receive_all(uint64_t unused)
{
    struct fl_message message;

    (void)unused;
    fl_ipc_recv(endpoint, reply, &message);
    for (unsigned length = 0; length < LENGTHS; length++) {
        look(&message, length, length);
        fill(&message, LENGTHS - 1 - length, length + 500);
        if (length < LENGTHS - 1)
            fl_ipc_reply_recv(endpoint, reply, &message);
    }
    const uint64_t *w = message.word;
    fl_ipc_reply(reply, message.info, w[0], w[1], w[2], w[3]);
    end();
}

static void answer_then_receive_all(uint64_t unused)
{
    struct fl_message message;

    (void)unused;
    for (unsigned length = 0; length < LENGTHS; length++) {
        fl_ipc_recv(endpoint, reply, &message);
        look(&message, length, length);
        fill(&message, LENGTHS - 1 - length, length + 500);
        const uint64_t *w = message.word;
        fl_ipc_reply(reply, message.info, w[0], w[1], w[2], w[3]);
    }
    end();
}

static void setup(void)
{
    refusal_begin();
    endpoint = kit_object(FL_OBJECT_ENDPOINT);
    reply = kit_object(FL_OBJECT_REPLY);
    wrong = done = 0;
}

/* Both halves, with the first of lower, equal and higher priority, and either started first.  Each
 * thread of a space needs a message buffer of its own, so the two are never in one space. */
static void check_pair(void (*first)(uint64_t), void (*second)(uint64_t))
{
    for (unsigned priority = MIDDLE - 1; priority <= MIDDLE + 1; priority++) {
        for (unsigned order = 0; order < 2; order++) {
            setup();
            struct kit_thread *threads[] = {
                kit_thread(kit_space(kit_pool(24)), 0, priority, first, 0),
                kit_thread(kit_space(kit_pool(24)), 0, MIDDLE, second, 0)};
            kit_start(threads[order]);
            kit_start(threads[1 - order]);
            kit_settle();
            CHECK_EQ(wrong, 0);
            CHECK_EQ(done, 2);
        }
    }
}

TEST("messages of every length are sent and received, whoever comes first, at any priority")
{
    check_pair(send_all, receive_all);
}

TEST("calls of every length are answered by reply_recv, whoever comes first, at any priority")
{
    check_pair(call_all, answer_and_receive_all);
}

TEST("calls of every length are answered by reply and recv, whoever comes first, at any priority")
{
    check_pair(call_all, answer_then_receive_all);
}

/* --- chains of servers ----------------------------------------------------------------------- */

static uint64_t links[CHAIN + 1], link_replies[CHAIN + 1];
static unsigned chain_words;

/* Passes each call on and its answer back; the last link answers itself. */
static void pass_on(uint64_t i)
{
    struct fl_message message;

    fl_ipc_recv(links[i], link_replies[i], &message);
    for (;;) {
        if (i < CHAIN) {
            const uint64_t *w = message.word;
            message = fl_ipc_call(links[i + 1], FL_INFO(1, chain_words), w[0], w[1], w[2], w[3]);
        }
        message.word[0]++;
        message.info = FL_INFO(1, chain_words);
        fl_ipc_reply_recv(links[i], link_replies[i], &message);
    }
}

static void call_chain(uint64_t rounds)
{
    for (uint64_t i = 0; i < rounds; i++) {
        struct fl_message message =
            fl_ipc_call(links[0], FL_INFO(1, chain_words), 100 * i, 0, 0, 0);
        if (message.word[0] != 100 * i + CHAIN + 1)
            wrong++;
    }
    end();
}

/* A client of priority MIDDLE, and servers whose priorities change by `step` from link to link. */
static void check_chain(int step)
{
    for (chain_words = 1; chain_words <= 8; chain_words += 7) {
        setup();
        for (unsigned i = 0; i <= CHAIN; i++) {
            links[i] = kit_object(FL_OBJECT_ENDPOINT);
            link_replies[i] = kit_object(FL_OBJECT_REPLY);
            unsigned priority = (unsigned)((int)MIDDLE + step * (int)(i + 1));
            kit_start(kit_thread(kit_space(kit_pool(24)), 0, priority, pass_on, i));
        }
        kit_start(kit_thread(kit_space(kit_pool(24)), 0, MIDDLE, call_chain, ROUNDS));
        kit_settle();
        CHECK_EQ(wrong, 0);
        CHECK_EQ(done, 1);
    }
}

TEST("a call goes through six servers of the client's priority and comes back")
{
    check_chain(0);
}

TEST("a call goes through six servers, each of higher priority than the one before, and comes back")
{
    check_chain(1);
}

TEST("a call goes through six servers, each of lower priority than the one before, and comes back")
{
    check_chain(-1);
}

/* --- workers --------------------------------------------------------------------------------- */

static uint64_t held[CLIENTS];

static void call_once(uint64_t i)
{
    if (fl_ipc_call(endpoint, FL_INFO(i, 1), i, 0, 0, 0).word[0] != i + 7000)
        wrong++;
    end();
}

static void answer_once(uint64_t i)
{
    if (fl_ipc_reply(held[i], FL_INFO(1, 1), i + 7000, 0, 0, 0) != FL_OK)
        wrong++;
    end();
}

TEST("a server that gives each caller's Reply to a worker goes on receiving; all are answered")
{
    struct fl_message message;

    setup();
    uint64_t clients = kit_space(kit_pool(40)), workers = kit_space(kit_pool(40));
    for (unsigned i = 0; i < CLIENTS; i++)
        kit_run(clients, 0, call_once, i);
    for (unsigned i = 0; i < CLIENTS; i++) {
        uint64_t taken = kit_object(FL_OBJECT_REPLY);
        fl_ipc_recv(endpoint, taken, &message);
        uint64_t caller = message.word[0];
        held[caller] = kit_slots(1);
        CHECK_DONE(flr_cnode_move(CNODE, held[caller], CNODE, taken));
        kit_run(workers, 0, answer_once, caller);
    }
    kit_settle();
    CHECK_EQ(wrong, 0);
    CHECK_EQ(done, 2 * CLIENTS);
}
