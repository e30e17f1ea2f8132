/* Kernel calls as C functions: one stub per line of kernel/abi/calls.def, generated here.
 *
 * A call clobbers what a function call clobbers.  flr_NAME(...) takes the arguments of calls.def
 * and returns status and value; ipc_* calls have wrappers of their own. */
#ifndef FL_CALLS_H
#define FL_CALLS_H

#include "abi.h"
#include "arguments.h"
#include "fl_entry.h"

/* Sends and waits for the answer; message words 4.. are in the buffer at FL_BUFFER both ways. */
static inline struct fl_message fl_ipc_call(uint64_t endpoint, uint64_t info, uint64_t w0,
                                            uint64_t w1, uint64_t w2, uint64_t w3)
{
    struct fl_message out;
    fl_ipc(FL_CALL_ipc_call, endpoint, info, (const uint64_t[4]){w0, w1, w2, w3}, 0, &out);
    return out;
}

/* Answers `message`'s info and words through `reply`, then receives into *message. */
static inline void fl_ipc_reply_recv(uint64_t endpoint, uint64_t reply, struct fl_message *message)
{
    fl_ipc(FL_CALL_ipc_reply_recv, endpoint, message->info, message->word, reply, message);
}

static inline void fl_ipc_recv(uint64_t endpoint, uint64_t reply, struct fl_message *message)
{
    fl_ipc(FL_CALL_ipc_recv, endpoint, reply, (const uint64_t[4]){0}, 0, message);
}

static inline void fl_ipc_poll(uint64_t endpoint, uint64_t reply, struct fl_message *message)
{
    fl_ipc(FL_CALL_ipc_poll, endpoint, reply, (const uint64_t[4]){0}, 0, message);
}

static inline uint64_t fl_ipc_send(uint64_t endpoint, uint64_t info, uint64_t w0, uint64_t w1,
                                   uint64_t w2, uint64_t w3)
{
    return fl_ecall(FL_CALL_ipc_send, endpoint, info, w0, w1, w2, w3, 0).status;
}

static inline uint64_t fl_ipc_reply(uint64_t reply, uint64_t info, uint64_t w0, uint64_t w1,
                                    uint64_t w2, uint64_t w3)
{
    return fl_ecall(FL_CALL_ipc_reply, reply, info, w0, w1, w2, w3, 0).status;
}

/* Every call in raw form: struct fl_result flr_NAME(uint64_t argument, ...), with the arguments of
 * calls.def. */
#define FL_PASS(...)                   FL_CAT(FL_PASS_, FL_ARITY(__VA_ARGS__))(__VA_ARGS__)
#define FL_PASS_1(a)                   a, 0, 0, 0, 0, 0, 0
#define FL_PASS_2(a, b)                a, b, 0, 0, 0, 0, 0
#define FL_PASS_3(a, b, c)             a, b, c, 0, 0, 0, 0
#define FL_PASS_4(a, b, c, d)          a, b, c, d, 0, 0, 0
#define FL_PASS_5(a, b, c, d, e)       a, b, c, d, e, 0, 0
#define FL_PASS_6(a, b, c, d, e, f)    a, b, c, d, e, f, 0
#define FL_PASS_7(a, b, c, d, e, f, g) a, b, c, d, e, f, g

#define FL_CALL(number, name, args, doc)                          \
    static inline struct fl_result flr_##name(FL_PARAMETERS args) \
    {                                                             \
        return fl_ecall(number, FL_PASS args);                    \
    }
#define FL_RESERVED(number, name)
#include "calls.def"
#undef FL_CALL
#undef FL_RESERVED

#endif
