/* Messages.  A call, a send and a fault are one mechanism: a message for an endpoint and a thread
 * that waits.  Keeps E1, N1 and R1 of object.h and H2, H3 of thread.h.
 *
 * Order in each call: decode everything, then change state. */
#include "ipc.h"

#include "arch.h"
#include "calls.h"
#include "cap.h"
#include "fault.h"
#include "log.h"
#include "sched.h"

/* Checks the info word of a message without map items.  Returns a status; blames argument 2. */
static inline uint64_t info_check(const struct tcb *sender, uint64_t info)
{
    if (info >> 32 <= 4 && FL_INFO_LABEL(info) != FL_LABEL_NOTIFICATION)
        return FL_OK; /* the usual message: words in registers, no items, nothing reserved */
    if (FL_INFO_RESERVED(info) != 0 || FL_INFO_ITEM_COUNT(info) != 0 ||
        FL_INFO_LABEL(info) == FL_LABEL_NOTIFICATION)
        return FL_STATUS(FL_RESERVED, 2);
    if (FL_INFO_WORDS(info) > FL_MESSAGE_WORDS)
        return FL_STATUS(FL_OUT_OF_RANGE, 2);
    if (FL_INFO_WORDS(info) > 4 && sender->buffer == NULL)
        return FL_STATUS(FL_NO_BUFFER, 2);
    return FL_OK;
}

static uint64_t copy_buffer(struct tcb *to, const struct tcb *from, uint64_t info)
{
    unsigned words = FL_INFO_WORDS(info);

    if (to->buffer == NULL || from->buffer == NULL)
        return FL_INFO(FL_INFO_LABEL(info), 4); /* a receiver without a buffer gets the registers */
    for (unsigned i = 4; i < words; i++)
        to->buffer[i] = from->buffer[i];
    return info;
}

/* Puts a message into a thread's registers, and words 4.. into its buffer. */
static inline void deliver(struct tcb *to, const struct tcb *from, const struct message *message)
{
    uint64_t *a = &to->regs[REG_A0];
    uint64_t info = message->info;

    if (FL_INFO_WORDS(info) > 4)
        info = copy_buffer(to, from, info);
    a[0] = FL_OK;
    a[1] = info;
    a[2] = message->word[0];
    a[3] = message->word[1];
    a[4] = message->word[2];
    a[5] = message->word[3];
    a[6] = message->badge;
}

static void deliver_bits(struct tcb *to, uint64_t bits)
{
    struct message message = {.info = FL_INFO(FL_LABEL_NOTIFICATION, 1), .word = {bits, 0, 0, 0}};

    deliver(to, to, &message);
}

static inline void reply_release(struct reply *reply)
{
    reply->thread->reply = NULL;
    reply->thread = NULL;
    reply->state = REPLY_IDLE;
}

static inline void reply_bind(struct reply *reply, enum reply_state state, struct tcb *thread)
{
    reply->state = state;
    reply->thread = thread;
    thread->reply = reply;
}

static void endpoint_remove(struct tcb *thread)
{
    struct endpoint *endpoint = thread->endpoint;

    thread_queue_remove(&endpoint->queue, thread);
    if (endpoint->queue.head == NULL)
        endpoint->side = ENDPOINT_IDLE;
    thread->endpoint = NULL;
}

static void endpoint_append(struct endpoint *endpoint, enum endpoint_side side, struct tcb *thread)
{
    thread_queue_append(&endpoint->queue, thread);
    endpoint->side = side;
    thread->endpoint = endpoint;
}

/* Takes the first thread off an endpoint that is not idle. */
static inline struct tcb *endpoint_pop(struct endpoint *endpoint)
{
    struct tcb *thread = thread_queue_pop(&endpoint->queue);

    if (endpoint->queue.head == NULL)
        endpoint->side = ENDPOINT_IDLE;
    thread->endpoint = NULL;
    return thread;
}

static inline void await_reply(struct tcb *sender, struct reply *reply)
{
    reply_bind(reply, sender->fault ? REPLY_FAULT : REPLY_CALL, sender);
    sender->state = THREAD_AWAIT_REPLY;
}

/* Nobody can receive from the endpoint any more: a call ends, a faulter stops. */
static __attribute__((noinline)) void sender_gone(struct tcb *sender)
{
    if (!sender->fault) {
        thread_set_result(sender, FL_CANCELLED, 0);
        return;
    }
    log_write_line("a thread stopped: nobody can receive its faults, pc %lx", sender->regs[REG_PC]);
    sender->state = THREAD_STOPPED;
    sched_run(hart_self());
}

static void queue_sender(struct tcb *sender, struct endpoint *endpoint,
                         const struct message *message, bool wants_reply)
{
    if (endpoint->receivers == 0) {
        sender_gone(sender);
        return;
    }
    sender->message = *message;
    sender->wants_reply = wants_reply;
    sender->state = THREAD_SENDING;
    endpoint_append(endpoint, ENDPOINT_SENDERS, sender);
    sched_run(hart_self());
}

/* The heart of call and fault: to a waiting receiver, whose Reply takes the sender, without a
 * queue. */
static inline void send_and_wait(struct tcb *sender, struct endpoint *endpoint,
                                 const struct message *message)
{
    if (endpoint->side != ENDPOINT_RECEIVERS) {
        queue_sender(sender, endpoint, message, true);
        return;
    }
    struct tcb *receiver = endpoint_pop(endpoint);
    struct reply *reply = receiver->reply;
    receiver->reply = NULL;
    await_reply(sender, reply);
    deliver(receiver, sender, message);
    sched_hand_over(hart_self(), receiver);
}

void ipc_send_and_wait(struct tcb *sender, struct endpoint *endpoint, const struct message *message)
{
    send_and_wait(sender, endpoint, message);
}

void call_ipc_call(uint64_t slot, uint64_t info, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
    struct tcb *self = hart_self()->current;
    struct lookup found = cap_lookup(self, slot, FL_OBJECT_ENDPOINT, FL_RIGHT_CALL, 1);
    uint64_t status = found.cap == NULL ? found.status : info_check(self, info);

    if (status != FL_OK) {
        thread_set_result(self, status, 0);
        return;
    }
    struct message message = {info, {w0, w1, w2, w3}, found.cap->badge};
    self->fault = 0;
    send_and_wait(self, found.cap->object, &message);
}

void call_ipc_send(uint64_t slot, uint64_t info, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
    struct hart *hart = hart_self();
    struct tcb *self = hart->current;
    struct lookup found = cap_lookup(self, slot, FL_OBJECT_ENDPOINT, FL_RIGHT_SEND, 1);
    uint64_t status = found.cap == NULL ? found.status : info_check(self, info);

    thread_set_result(self, status, 0);
    if (status != FL_OK)
        return;
    struct endpoint *endpoint = found.cap->object;
    struct message message = {info, {w0, w1, w2, w3}, found.cap->badge};
    self->fault = 0;
    if (endpoint->side != ENDPOINT_RECEIVERS) {
        queue_sender(self, endpoint, &message, false);
        return;
    }
    struct tcb *receiver = endpoint_pop(endpoint);
    reply_release(receiver->reply);
    deliver(receiver, self, &message);
    sched_ready(hart, receiver);
    sched_if_asked(hart);
}

/* Whether a receive finds something at once: a message, or bits of the bound notification. */
static inline bool receive_pending(const struct tcb *self, const struct endpoint *endpoint)
{
    return endpoint->side == ENDPOINT_SENDERS || (self->bound != NULL && self->bound->bits != 0);
}

/* Takes the next message, or the bound notification's bits, if there is one.  `reply` is idle. */
static bool receive_ready(struct hart *hart, struct tcb *self, struct endpoint *endpoint,
                          struct reply *reply)
{
    if (self->bound != NULL && self->bound->bits != 0) {
        deliver_bits(self, self->bound->bits);
        self->bound->bits = 0;
        return true;
    }
    if (endpoint->side != ENDPOINT_SENDERS)
        return false;
    struct tcb *sender = endpoint_pop(endpoint);
    deliver(self, sender, &sender->message);
    if (sender->wants_reply) {
        await_reply(sender, reply);
    } else {
        thread_set_result(sender, FL_OK, 0);
        sched_ready(hart, sender);
    }
    return true;
}

static inline void wait_to_receive(struct tcb *self, struct endpoint *endpoint, struct reply *reply)
{
    self->state = THREAD_RECEIVING;
    self->fault = 0;
    reply_bind(reply, REPLY_WAITING, self);
    endpoint_append(endpoint, ENDPOINT_RECEIVERS, self);
}

/* The endpoint and the idle Reply of a receive; false after the error was reported. */
static bool receive_decode(struct tcb *self, uint64_t slot, uint64_t reply_slot,
                           struct endpoint **endpoint, struct reply **reply)
{
    struct lookup found = cap_lookup(self, slot, FL_OBJECT_ENDPOINT, FL_RIGHT_RECV, 1);
    struct lookup answer = cap_lookup(self, reply_slot, FL_OBJECT_REPLY, 0, 2);

    if (found.cap == NULL || answer.cap == NULL) {
        thread_set_result(self, found.cap == NULL ? found.status : answer.status, 0);
        return false;
    }
    *endpoint = found.cap->object;
    *reply = answer.cap->object;
    if ((*reply)->state == REPLY_IDLE)
        return true;
    thread_set_result(self, FL_STATUS(FL_BUSY, 2), 0);
    return false;
}

void call_ipc_recv(uint64_t slot, uint64_t reply_slot)
{
    struct hart *hart = hart_self();
    struct tcb *self = hart->current;
    struct endpoint *endpoint;
    struct reply *reply;

    if (!receive_decode(self, slot, reply_slot, &endpoint, &reply))
        return;
    if (receive_ready(hart, self, endpoint, reply)) {
        sched_if_asked(hart);
        return;
    }
    wait_to_receive(self, endpoint, reply);
    sched_run(hart);
}

void call_ipc_poll(uint64_t slot, uint64_t reply_slot)
{
    struct hart *hart = hart_self();
    struct tcb *self = hart->current;
    struct endpoint *endpoint;
    struct reply *reply;

    if (!receive_decode(self, slot, reply_slot, &endpoint, &reply))
        return;
    if (!receive_ready(hart, self, endpoint, reply))
        thread_set_result(self, FL_WOULD_BLOCK, 0);
    sched_if_asked(hart);
}

/* Answers the caller or faulted thread that a Reply holds.  On FL_OK the Reply is idle and *woken
 * is the thread, to be made READY, or NULL when it stays stopped.  Any error leaves everything as
 * it was. */
static inline uint64_t answer(struct tcb *self, struct reply *reply, const struct message *message,
                              struct tcb **woken)
{
    struct tcb *thread = reply->thread;
    uint64_t status;

    *woken = thread;
    if (reply->state == REPLY_CALL) {
        status = info_check(self, message->info);
        if (status != FL_OK)
            return status;
        deliver(thread, self, message);
    } else if (reply->state == REPLY_FAULT) {
        status = fault_answer(self, thread, message);
        if (status != FL_OK)
            return status;
        if (FL_INFO_LABEL(message->info) == FL_LABEL_STOP) {
            thread->state = THREAD_STOPPED;
            *woken = NULL;
        }
    } else {
        return FL_GONE;
    }
    reply_release(reply);
    return FL_OK;
}

void call_ipc_reply(uint64_t reply_slot, uint64_t info, uint64_t w0, uint64_t w1, uint64_t w2,
                    uint64_t w3)
{
    struct hart *hart = hart_self();
    struct tcb *self = hart->current;
    struct lookup found = cap_lookup(self, reply_slot, FL_OBJECT_REPLY, 0, 1);
    struct message message = {info, {w0, w1, w2, w3}, 0};
    struct tcb *woken = NULL;
    uint64_t status = found.status;

    if (found.cap != NULL)
        status = answer(self, found.cap->object, &message, &woken);
    thread_set_result(self, status, 0);
    if (status == FL_OK && woken != NULL)
        sched_ready(hart, woken);
    sched_if_asked(hart);
}

void call_ipc_reply_recv(uint64_t slot, uint64_t info, uint64_t w0, uint64_t w1, uint64_t w2,
                         uint64_t w3, uint64_t reply_slot)
{
    struct hart *hart = hart_self();
    struct tcb *self = hart->current;
    struct lookup found = cap_lookup(self, slot, FL_OBJECT_ENDPOINT, FL_RIGHT_RECV, 1);
    struct lookup holder = cap_lookup(self, reply_slot, FL_OBJECT_REPLY, 0, 7);
    struct message message = {info, {w0, w1, w2, w3}, 0};
    struct tcb *woken;
    uint64_t status = found.cap == NULL ? found.status : holder.status;

    if (status == FL_OK)
        status = answer(self, holder.cap->object, &message, &woken);
    if (status != FL_OK) {
        thread_set_result(self, status, 0);
        return;
    }
    struct endpoint *endpoint = found.cap->object;
    if (receive_pending(self, endpoint)) {
        receive_ready(hart, self, endpoint, holder.cap->object);
        if (woken != NULL)
            sched_ready(hart, woken);
        sched_if_asked(hart);
        return;
    }
    wait_to_receive(self, endpoint, holder.cap->object);
    if (woken != NULL)
        sched_hand_over(hart, woken);
    else
        sched_run(hart);
}

void ipc_detach(struct tcb *thread)
{
    if (thread->endpoint != NULL)
        endpoint_remove(thread);
    if (thread->reply != NULL)
        reply_release(thread->reply);
    if (thread->awaited != NULL) {
        thread_queue_remove(&thread->awaited->queue, thread);
        thread->awaited = NULL;
    }
}

void ipc_cancel(struct tcb *thread)
{
    ipc_detach(thread);
    if (thread->fault) {
        thread->state = THREAD_STOPPED;
        return;
    }
    thread_set_result(thread, FL_CANCELLED, 0);
    sched_ready(hart_self(), thread);
}

void notification_set(struct notification *notification, uint64_t bits)
{
    struct tcb *waiter = notification->queue.head;
    struct tcb *bound = notification->bound;

    if (waiter != NULL) {
        thread_queue_remove(&notification->queue, waiter);
        waiter->awaited = NULL;
        thread_set_result(waiter, FL_OK, bits);
        sched_ready(hart_self(), waiter);
    } else if (bound != NULL && bound->state == THREAD_RECEIVING) {
        ipc_detach(bound);
        deliver_bits(bound, notification->bits | bits);
        notification->bits = 0;
        sched_ready(hart_self(), bound);
    } else {
        notification->bits |= bits;
    }
}

struct outcome call_notification_signal(uint64_t slot)
{
    struct tcb *self = hart_self()->current;
    struct lookup found = cap_lookup(self, slot, FL_OBJECT_NOTIFICATION, FL_RIGHT_SEND, 1);

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    notification_set(found.cap->object, found.cap->badge != 0 ? found.cap->badge : 1);
    return outcome_ok(0);
}

struct outcome call_notification_poll(uint64_t slot)
{
    struct tcb *self = hart_self()->current;
    struct lookup found = cap_lookup(self, slot, FL_OBJECT_NOTIFICATION, FL_RIGHT_RECV, 1);

    if (found.cap == NULL)
        return (struct outcome){found.status, 0};
    struct notification *notification = found.cap->object;
    uint64_t bits = notification->bits;
    notification->bits = 0;
    return outcome_ok(bits);
}

void call_notification_wait(uint64_t slot)
{
    struct hart *hart = hart_self();
    struct tcb *self = hart->current;
    struct lookup found = cap_lookup(self, slot, FL_OBJECT_NOTIFICATION, FL_RIGHT_RECV, 1);

    if (found.cap == NULL) {
        thread_set_result(self, found.status, 0);
        return;
    }
    struct notification *notification = found.cap->object;
    if (notification->bits != 0) {
        thread_set_result(self, FL_OK, notification->bits);
        notification->bits = 0;
        return;
    }
    self->state = THREAD_AWAIT_BITS;
    self->fault = 0;
    self->awaited = notification;
    thread_queue_append(&notification->queue, self);
    sched_run(hart);
}
