/* Messages: calls, sends, receives, Replies, notifications. */
#include <string.h>

#include "refusal.h"

#define RAM      FL_BOOT_RAM
#define CNODE    FL_BOOT_CNODE
#define RW       (FL_RIGHT_READ | FL_RIGHT_WRITE)
#define NO_SLOT  63u
#define ALL      FL_RIGHTS_ALL
#define UNSET    0xdead0000ull
#define THREADS  8u
#define LABEL    0xc0ffee01u
#define NOTIFIED FL_INFO(FL_LABEL_NOTIFICATION, 1)

static uint64_t endpoint, reply, notification, space;
static volatile struct fl_message got[THREADS];
static volatile uint64_t words; /* that a client sends */
static volatile uint64_t client_slot;

static void setup(void)
{
    refusal_begin();
    endpoint = kit_object(FL_OBJECT_ENDPOINT);
    reply = kit_object(FL_OBJECT_REPLY);
    notification = kit_object(FL_OBJECT_NOTIFICATION);
    space = kit_space(kit_pool(24));
    client_slot = endpoint;
    for (unsigned i = 0; i < THREADS; i++)
        got[i].status = UNSET;
}

static uint64_t *own_buffer(void)
{
    return (uint64_t *)(uintptr_t)FL_BUFFER;
}

static void keep(uint64_t i, const struct fl_message *message)
{
    got[i] = *message;
}

static void call_words(uint64_t i)
{
    struct fl_message message =
        fl_ipc_call(client_slot, FL_INFO(LABEL + i, words), 10 * i + 1, 2, 3, 4);

    keep(i, &message);
    kit_sleep();
}

static void send_words(uint64_t i)
{
    got[i].status = fl_ipc_send(client_slot, FL_INFO(LABEL + i, words), 10 * i + 1, 2, 3, 4);
    kit_sleep();
}

static void receive(uint64_t i)
{
    struct fl_message message;

    fl_ipc_recv(endpoint, reply, &message);
    keep(i, &message);
    kit_sleep();
}

/* --- words, labels, badges ------------------------------------------------------------------- */

TEST("a call carries label, words and badge there, and label and words back")
{
    static const uint64_t counts[] = {0, 1, 4};
    struct fl_message message;

    for (unsigned i = 0; i < 3; i++) {
        setup();
        words = counts[i];
        client_slot = kit_copy(endpoint, FL_RIGHT_CALL, 0xbad6e);
        kit_run(space, 0, call_words, 1);
        fl_ipc_recv(endpoint, reply, &message);
        CHECK_EQ(message.status, FL_OK);
        CHECK_EQ(message.info, FL_INFO(LABEL + 1, words));
        CHECK_EQ(message.badge, 0xbad6e);
        const uint64_t sent[] = {11, 2, 3, 4};
        CHECK(memcmp(message.word, sent, sizeof sent) == 0);
        CHECK_EQ(fl_ipc_reply(reply, FL_INFO(7, words), 5, 6, 7, 8), FL_OK);
        kit_settle();
        CHECK_EQ(got[1].status, FL_OK);
        CHECK_EQ(got[1].info, FL_INFO(7, words));
        CHECK_EQ(got[1].word[0], 5);
        CHECK_EQ(got[1].word[3], 8);
        CHECK_EQ(got[1].badge, 0);
    }
}

TEST("words from the fifth on travel through the buffers, exactly as many as announced")
{
    static const uint64_t counts[] = {5, 99, 100};
    struct fl_message message;

    for (unsigned i = 0; i < 3; i++) {
        setup();
        words = counts[i];
        struct kit_thread *client = kit_thread(space, 0, KIT_PRIORITY, call_words, 0);
        uint64_t *theirs = kit_window(client->buffer_page);
        for (unsigned w = 0; w < FL_BUFFER_WORDS; w++) {
            theirs[w] = 1000 + w;
            own_buffer()[w] = 0;
        }
        kit_start(client);
        fl_ipc_recv(endpoint, reply, &message);
        CHECK_EQ(message.info, FL_INFO(LABEL, words));
        for (unsigned w = 0; w < FL_BUFFER_WORDS; w++)
            CHECK_EQ(own_buffer()[w], w >= 4 && w < words ? 1000 + w : 0);
        for (unsigned w = 0; w < FL_BUFFER_WORDS; w++)
            own_buffer()[w] = 5000 + w;
        CHECK_EQ(fl_ipc_reply(reply, FL_INFO(1, words), 0, 0, 0, 0), FL_OK);
        for (unsigned w = 0; w < FL_BUFFER_WORDS; w++)
            CHECK_EQ(theirs[w], (w >= 4 && w < words ? 5000 : 1000) + w);
    }
}

TEST("more than 100 words, items and reserved bits are refused by call, send and reply")
{
    struct fl_message message;
    static const struct {
        uint64_t info;
        unsigned code;
    } bad[] = {{FL_INFO(1, 101), FL_OUT_OF_RANGE},
               {FL_INFO(1, 255), FL_OUT_OF_RANGE},
               {FL_INFO_ITEMS(1, 4, 1), FL_RESERVED},
               {FL_INFO(1, 0) | 1ull << 48, FL_RESERVED},
               {FL_INFO(1, 5) | 1ull << 63, FL_RESERVED}};

    setup();
    words = 4;
    kit_run(space, 0, call_words, 0);
    fl_ipc_recv(endpoint, reply, &message);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t expected = FL_STATUS(bad[i].code, 2);
        CHECK_EQ(flr_ipc_call(endpoint, bad[i].info, 0, 0, 0, 0).status, expected);
        CHECK_EQ(flr_ipc_send(endpoint, bad[i].info, 0, 0, 0, 0).status, expected);
        CHECK_EQ(flr_ipc_reply(reply, bad[i].info, 0, 0, 0, 0).status, expected);
    }
    CHECK_EQ(fl_ipc_reply(reply, FL_INFO(1, 0), 0, 0, 0, 0), FL_OK);
    kit_settle();
    CHECK_EQ(got[0].status, FL_OK);
}

/* A thread that has no message buffer. */
static void run_bare(void (*function)(uint64_t), uint64_t i)
{
    struct kit_thread *thread = kit_thread(space, 0, KIT_PRIORITY, function, i);
    uint64_t tcb = kit_object(FL_OBJECT_TCB);

    CHECK_DONE(flr_tcb_set_cspace(tcb, CNODE));
    CHECK_DONE(flr_tcb_set_space(tcb, space, 0));
    CHECK_DONE(flr_tcb_set_priority(tcb, FL_BOOT_SCHED, KIT_PRIORITY));
    CHECK_EQ(kit_delete(thread->tcb), FL_OK);
    CHECK_DONE(flr_cnode_move(CNODE, thread->tcb, CNODE, tcb));
    kit_start(thread);
}

TEST("a thread without a buffer sends four words and no more")
{
    struct fl_message message;

    setup();
    words = 5;
    run_bare(call_words, 0);
    run_bare(send_words, 1);
    kit_settle();
    CHECK_EQ(got[0].status, FL_STATUS(FL_NO_BUFFER, 2));
    CHECK_EQ(got[1].status, FL_STATUS(FL_NO_BUFFER, 2));
    words = 4;
    run_bare(call_words, 2);
    fl_ipc_recv(endpoint, reply, &message);
    CHECK_EQ(message.info, FL_INFO(LABEL + 2, 4));
    CHECK_EQ(fl_ipc_reply(reply, FL_INFO(9, 20), 1, 2, 3, 4), FL_OK);
    kit_settle();
    CHECK_EQ(got[2].info, FL_INFO(9, 4));
    CHECK_EQ(got[2].word[3], 4);
}

/* --- capabilities of calls ------------------------------------------------------------------- */

TEST("each ipc call blames the capability that is missing, of another type or too weak")
{
    setup();
    uint64_t send_only = kit_copy(endpoint, FL_RIGHT_SEND, 0);
    uint64_t call_only = kit_copy(endpoint, FL_RIGHT_CALL, 0);
    uint64_t receive_only = kit_copy(endpoint, FL_RIGHT_RECV, 0);
    uint64_t signal_only = kit_copy(notification, FL_RIGHT_SEND, 0);
    CHECK_REFUSED(flr_ipc_call(NO_SLOT, 0, 0, 0, 0, 0), BAD_SLOT, 1);
    CHECK_REFUSED(flr_ipc_call(reply, 0, 0, 0, 0, 0), BAD_TYPE, 1);
    CHECK_REFUSED(flr_ipc_call(send_only, 0, 0, 0, 0, 0), NO_RIGHT, 1);
    CHECK_REFUSED(flr_ipc_send(call_only, 0, 0, 0, 0, 0), NO_RIGHT, 1);
    CHECK_REFUSED(flr_ipc_send(receive_only, 0, 0, 0, 0, 0), NO_RIGHT, 1);
    CHECK_REFUSED(flr_ipc_send(1ull << 40, 0, 0, 0, 0, 0), BAD_SLOT, 1);
    CHECK_REFUSED(flr_ipc_recv(send_only, reply), NO_RIGHT, 1);
    CHECK_REFUSED(flr_ipc_recv(endpoint, endpoint), BAD_TYPE, 2);
    CHECK_REFUSED(flr_ipc_recv(endpoint, NO_SLOT), BAD_SLOT, 2);
    CHECK_REFUSED(flr_ipc_poll(reply, reply), BAD_TYPE, 1);
    CHECK_REFUSED(flr_ipc_reply(endpoint, 0, 0, 0, 0, 0), BAD_TYPE, 1);
    CHECK_REFUSED(flr_ipc_reply(0, 0, 0, 0, 0, 0), BAD_SLOT, 1);
    CHECK_REFUSED(flr_ipc_reply_recv(send_only, 0, 0, 0, 0, 0, reply), NO_RIGHT, 1);
    CHECK_REFUSED(flr_ipc_reply_recv(endpoint, 0, 0, 0, 0, 0, NO_SLOT), BAD_SLOT, 7);
    CHECK_REFUSED(flr_ipc_reply_recv(endpoint, 0, 0, 0, 0, 0, endpoint), BAD_TYPE, 7);
    CHECK_REFUSED(flr_notification_signal(endpoint), BAD_TYPE, 1);
    CHECK_REFUSED(flr_notification_wait(NO_SLOT), BAD_SLOT, 1);
    CHECK_REFUSED(flr_notification_wait(signal_only), NO_RIGHT, 1);
}

/* --- queues ---------------------------------------------------------------------------------- */

TEST("senders and callers are served in the order in which they came")
{
    struct fl_message message;

    setup();
    words = 1;
    for (unsigned i = 0; i < THREADS; i++) {
        kit_run(space, 0, i % 2 ? send_words : call_words, i);
        kit_settle();
    }
    for (unsigned i = 0; i < THREADS; i++) {
        fl_ipc_recv(endpoint, reply, &message);
        CHECK_EQ(message.word[0], 10 * i + 1);
        CHECK_EQ(message.info, FL_INFO(LABEL + i, 1));
        CHECK_EQ(fl_ipc_reply(reply, 0, 0, 0, 0, 0), i % 2 ? FL_STATUS(FL_GONE, 0) : FL_OK);
    }
    kit_settle();
    for (unsigned i = 0; i < THREADS; i++)
        CHECK_EQ(got[i].status, FL_OK);
}

static uint64_t replies[3];

static void receive_own(uint64_t i)
{
    struct fl_message message;

    fl_ipc_recv(endpoint, replies[i], &message);
    keep(i, &message);
    kit_sleep();
}

TEST("waiting receivers get messages in the order in which they came")
{
    setup();
    for (unsigned i = 0; i < 3; i++) {
        replies[i] = kit_object(FL_OBJECT_REPLY);
        kit_run(space, 0, receive_own, i);
        kit_settle();
    }
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(fl_ipc_send(endpoint, FL_INFO(LABEL, 1), 70 + i, 0, 0, 0), FL_OK);
    kit_settle();
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(got[i].word[0], 70 + i);
}

TEST("a send waits until it is taken, and its receiver's Reply stays free")
{
    struct fl_message message;

    setup();
    words = 2;
    kit_run(space, 0, send_words, 0);
    kit_settle();
    CHECK_EQ(got[0].status, UNSET);
    fl_ipc_poll(endpoint, reply, &message);
    CHECK_EQ(message.status, FL_OK);
    CHECK_EQ(message.info, FL_INFO(LABEL, 2));
    kit_settle();
    CHECK_EQ(got[0].status, FL_OK);
    fl_ipc_poll(endpoint, reply, &message);
    CHECK_EQ(message.status, FL_WOULD_BLOCK);
    CHECK_EQ(message.info, 0);
}

TEST("a receiver that waits takes a send, and its Reply is free again")
{
    setup();
    kit_run(space, 0, receive, 0);
    kit_settle();
    CHECK_REFUSED(flr_ipc_poll(endpoint, reply), BUSY, 2);
    CHECK_EQ(fl_ipc_send(endpoint, FL_INFO(LABEL, 1), 5, 0, 0, 0), FL_OK);
    kit_settle();
    CHECK_EQ(got[0].word[0], 5);
    CHECK_REFUSED(flr_ipc_poll(endpoint, reply), WOULD_BLOCK, 0);
}

/* --- Replies --------------------------------------------------------------------------------- */

TEST("a Reply that holds a caller is busy for receives until it has answered")
{
    struct fl_message message;

    setup();
    words = 0;
    kit_run(space, 0, call_words, 0);
    fl_ipc_recv(endpoint, reply, &message);
    CHECK_REFUSED(flr_ipc_recv(endpoint, reply), BUSY, 2);
    CHECK_REFUSED(flr_ipc_poll(endpoint, reply), BUSY, 2);
    CHECK_EQ(fl_ipc_reply(reply, 0, 0, 0, 0, 0), FL_OK);
    CHECK_REFUSED(flr_ipc_poll(endpoint, reply), WOULD_BLOCK, 0);
}

TEST("a Reply that was never used, used up, or waits with a receiver answers nobody")
{
    setup();
    CHECK_REFUSED(flr_ipc_reply(reply, 0, 0, 0, 0, 0), GONE, 0);
    CHECK_REFUSED(flr_ipc_reply_recv(endpoint, 0, 0, 0, 0, 0, reply), GONE, 0);
    kit_run(space, 0, receive, 0);
    kit_settle();
    CHECK_REFUSED(flr_ipc_reply(reply, 0, 0, 0, 0, 0), GONE, 0);
    CHECK_EQ(got[0].status, UNSET);
}

TEST("the answer to a caller that was suspended or deleted says GONE")
{
    struct fl_message message;

    for (unsigned deleted = 0; deleted < 2; deleted++) {
        setup();
        words = 0;
        struct kit_thread *client = kit_run(space, 0, call_words, 0);
        fl_ipc_recv(endpoint, reply, &message);
        if (deleted)
            CHECK_EQ(kit_delete(client->tcb), FL_OK);
        else
            CHECK_DONE(flr_tcb_suspend(client->tcb));
        CHECK_REFUSED(flr_ipc_reply(reply, 0, 0, 0, 0, 0), GONE, 0);
        CHECK_REFUSED(flr_ipc_poll(endpoint, reply), WOULD_BLOCK, 0);
        if (!deleted) {
            CHECK_DONE(flr_tcb_resume(client->tcb));
            kit_settle();
            CHECK_EQ(got[0].status, FL_CANCELLED);
        }
    }
}

TEST("a refused reply_recv neither answers nor receives")
{
    struct fl_message message;

    setup();
    words = 1;
    kit_run(space, 0, call_words, 0);
    fl_ipc_recv(endpoint, reply, &message);
    kit_run(space, 0, send_words, 1);
    kit_settle();
    CHECK_REFUSED(flr_ipc_reply_recv(endpoint, 1ull << 50, 0, 0, 0, 0, reply), RESERVED, 2);
    CHECK_REFUSED(flr_ipc_reply_recv(endpoint, FL_INFO(0, 101), 0, 0, 0, 0, reply), OUT_OF_RANGE,
                  2);
    kit_settle();
    CHECK_EQ(got[0].status, UNSET);
    CHECK_EQ(got[1].status, UNSET);
    message.info = FL_INFO(3, 0);
    fl_ipc_reply_recv(endpoint, reply, &message);
    CHECK_EQ(message.info, FL_INFO(LABEL + 1, 1));
    kit_settle();
    CHECK_EQ(got[0].info, FL_INFO(3, 0));
}

static void serve(uint64_t rounds)
{
    struct fl_message message;

    fl_ipc_recv(endpoint, reply, &message);
    for (uint64_t i = 0; i < rounds; i++) {
        message.word[1] = message.word[0] + 1;
        fl_ipc_reply_recv(endpoint, reply, &message);
    }
    kit_sleep();
}

TEST("a server answers a thousand calls, each with its own words")
{
    setup();
    kit_run(space, 0, serve, 1000);
    for (uint64_t i = 0; i < 1000; i++) {
        struct fl_message message = fl_ipc_call(endpoint, FL_INFO(i, 4), i * i, 0, i, ~i);
        CHECK_EQ(message.status, FL_OK);
        CHECK_EQ(message.info, FL_INFO(i, 4));
        CHECK_EQ(message.word[1], i * i + 1);
        CHECK_EQ(message.word[3], ~i);
    }
}

/* --- notifications --------------------------------------------------------------------------- */

static void wait_bits(uint64_t i)
{
    struct fl_result result = flr_notification_wait(notification);

    got[i].word[0] = result.value;
    got[i].status = result.status;
    kit_sleep();
}

TEST("signals gather in the bits, and one wait takes them all")
{
    setup();
    uint64_t five = kit_copy(notification, FL_RIGHT_SEND, 5);
    CHECK_DONE(flr_notification_signal(notification));
    CHECK_DONE(flr_notification_signal(five));
    CHECK_DONE(flr_notification_signal(kit_copy(notification, ALL, 1ull << 63)));
    struct fl_result result = flr_notification_wait(notification);
    CHECK_EQ(result.status, FL_OK);
    CHECK_EQ(result.value, 5 | 1ull << 63);
    CHECK_EQ(flr_notification_poll(notification).value, 0);
}

TEST("each signal wakes one waiter, the first one first")
{
    setup();
    for (unsigned i = 0; i < 3; i++) {
        kit_run(space, 0, wait_bits, i);
        kit_settle();
    }
    for (unsigned i = 0; i < 3; i++) {
        CHECK_DONE(flr_notification_signal(kit_copy(notification, FL_RIGHT_SEND, 8 << i)));
        kit_settle();
        CHECK_EQ(got[i].status, FL_OK);
        CHECK_EQ(got[i].word[0], 8u << i);
        CHECK(i == 2 || got[i + 1].status == UNSET);
    }
    CHECK_EQ(flr_notification_poll(notification).value, 0);
}

TEST("a bound notification wakes a receive, whose Reply is free again")
{
    setup();
    struct kit_thread *server = kit_thread(space, 0, KIT_PRIORITY, receive, 0);
    CHECK_DONE(flr_tcb_bind_notification(server->tcb, notification));
    kit_start(server);
    kit_settle();
    CHECK_DONE(flr_notification_signal(kit_copy(notification, FL_RIGHT_SEND, 0x30)));
    kit_settle();
    CHECK_EQ(got[0].status, FL_OK);
    CHECK_EQ(got[0].info, NOTIFIED);
    CHECK_EQ(got[0].word[0], 0x30);
    CHECK_EQ(got[0].badge, 0);
    CHECK_REFUSED(flr_ipc_poll(endpoint, reply), WOULD_BLOCK, 0);
}

TEST("bits that wait come before messages that wait")
{
    struct fl_message message;

    setup();
    words = 1;
    kit_run(space, 0, send_words, 0);
    kit_settle();
    CHECK_DONE(flr_notification_signal(notification));
    CHECK_DONE(flr_tcb_bind_notification(FL_BOOT_TCB, notification));
    fl_ipc_recv(endpoint, reply, &message);
    CHECK_EQ(message.info, NOTIFIED);
    CHECK_EQ(message.word[0], 1);
    fl_ipc_recv(endpoint, reply, &message);
    CHECK_EQ(message.info, FL_INFO(LABEL, 1));
    CHECK_DONE(flr_tcb_bind_notification(FL_BOOT_TCB, 0));
}

TEST("reply_recv answers before it reports bits that wait")
{
    struct fl_message message;

    setup();
    words = 0;
    kit_run(space, 0, call_words, 0);
    fl_ipc_recv(endpoint, reply, &message);
    CHECK_DONE(flr_tcb_bind_notification(FL_BOOT_TCB, notification));
    CHECK_DONE(flr_notification_signal(notification));
    message.info = FL_INFO(4, 0);
    fl_ipc_reply_recv(endpoint, reply, &message);
    CHECK_EQ(message.info, NOTIFIED);
    CHECK_DONE(flr_tcb_bind_notification(FL_BOOT_TCB, 0));
    kit_settle();
    CHECK_EQ(got[0].info, FL_INFO(4, 0));
}

TEST("a notification is bound to one thread, a thread to one notification")
{
    setup();
    uint64_t first = kit_object(FL_OBJECT_TCB), second = kit_object(FL_OBJECT_TCB);
    uint64_t other = kit_object(FL_OBJECT_NOTIFICATION);
    uint64_t deaf = kit_copy(notification, FL_RIGHT_SEND, 0);
    CHECK_REFUSED(flr_tcb_bind_notification(NO_SLOT, notification), BAD_SLOT, 1);
    CHECK_REFUSED(flr_tcb_bind_notification(first, first), BAD_TYPE, 2);
    CHECK_REFUSED(flr_tcb_bind_notification(first, deaf), NO_RIGHT, 2);
    CHECK_DONE(flr_tcb_bind_notification(first, notification));
    CHECK_REFUSED(flr_tcb_bind_notification(first, other), BUSY, 1);
    CHECK_REFUSED(flr_tcb_bind_notification(second, notification), BUSY, 2);
    CHECK_DONE(flr_tcb_bind_notification(first, 0));
    CHECK_DONE(flr_tcb_bind_notification(second, notification));
    CHECK_EQ(kit_delete(second), FL_OK);
    CHECK_DONE(flr_tcb_bind_notification(first, notification));
}
