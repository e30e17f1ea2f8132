/* The kernel calls of user/ on the host: as arch/riscv/user/fl_calls.h, but answered by kernel_fake.c.  Found
 * in its place by host tests. */
#ifndef FL_CALLS_H
#define FL_CALLS_H

#include "abi.h"
#include "arguments.h"

/* The message buffer, whose address on the target this host may use itself. */
extern uint64_t kernel_fake_buffer[FL_BUFFER_BYTES / sizeof(uint64_t)];
#undef FL_BUFFER
#define FL_BUFFER ((uint64_t)(uintptr_t)kernel_fake_buffer)

struct fl_result {
    uint64_t status; /* FL_STATUS_CODE(), FL_STATUS_ARG() */
    uint64_t value;
};

struct fl_message {
    uint64_t status;
    uint64_t info;
    uint64_t word[4];
    uint64_t badge;
};

struct fl_result kernel_fake_call(uint64_t number, const uint64_t argument[7]);
void fl_ipc(uint64_t number, uint64_t endpoint, uint64_t info, const uint64_t word[4],
            uint64_t reply, struct fl_message *out);
void fl_ipc_recv(uint64_t endpoint, uint64_t reply, struct fl_message *message);

#define FL_CALL(number, name, args, doc)                                    \
    static inline struct fl_result flr_##name(FL_PARAMETERS args)           \
    {                                                                       \
        return kernel_fake_call(number, (const uint64_t[7]){FL_LIST args}); \
    }
#define FL_LIST(...) __VA_ARGS__
#define FL_RESERVED(number, name)
#include "calls.def"
#undef FL_CALL
#undef FL_RESERVED

#endif
